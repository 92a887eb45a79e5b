//! What a worker prints and logs, made safe to keep: lines of bounded length, at a bounded rate, up to a bounded total.
//! Both sides hold to it: the worker so that a flood costs nothing, the daemon because it does not trust the worker.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const LINES_PER_SECOND: u32 = 1000;
const BYTES_PER_ATTEMPT: usize = 1 << 20;
const LINE: usize = 8 << 10;
const TAIL_LINES: usize = 20;
/// Lines that are looked at for the reason of a crash: a trace is long, and the reason stands before it.
const KEPT_LINES: usize = 300;
const KEPT_BYTES: usize = 64 << 10;

/// Cuts bytes into lines and keeps the last of them for the blame.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    kept: VecDeque<String>,
    bytes: usize,
    /// How many there have been since the last step began or ended.
    fresh: usize,
}

impl Lines {
    /// Takes bytes, gives the lines that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.begun.extend_from_slice(piece);
            while self.begun.len() > LINE {
                let rest = self.begun.split_off(LINE);
                lines.extend(self.line());
                self.begun = rest;
            }
            if self.begun.ends_with(b"\n") {
                lines.extend(self.line());
            }
        }
        lines
    }

    /// The line that was begun and never ended.
    pub(crate) fn rest(&mut self) -> Option<String> {
        self.line()
    }

    /// The last lines, oldest first.
    pub(crate) fn tail(&self) -> String {
        self.last(TAIL_LINES)
    }

    /// What came last belongs to the past: a step begins, or has ended.
    pub(crate) fn turn(&mut self) {
        self.fresh = 0;
    }

    /// The lines since the last turn, as far as they are kept.
    pub(crate) fn recent(&self) -> String {
        self.last(self.fresh)
    }

    fn last(&self, most: usize) -> String {
        let before = self.kept.len().saturating_sub(most);
        let lines: Vec<&str> = self.kept.iter().skip(before).map(String::as_str).collect();
        lines.join("\n")
    }

    fn line(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.begun);
        let line = printable(&String::from_utf8_lossy(&bytes));
        if line.is_empty() {
            return None;
        }
        self.bytes += line.len();
        self.fresh += 1;
        self.kept.push_back(line.clone());
        let many = |kept: usize, bytes: usize| kept > KEPT_LINES || bytes > KEPT_BYTES;
        while self.kept.len() > TAIL_LINES && many(self.kept.len(), self.bytes) {
            let old = self.kept.pop_front().unwrap_or_default();
            self.bytes -= old.len();
        }
        Some(line)
    }
}

/// Without control characters, which would reach a terminal or a log, and no longer than a line.
pub(crate) fn printable(text: &str) -> String {
    cleaned(text, LINE, "\t").trim_end().to_owned()
}

/// The same of a reason, which may have several lines, all together no longer than `most` bytes or one.
pub(crate) fn reason(text: &str, most: usize) -> String {
    cleaned(text, most.min(LINE), "\n\t").trim_end().to_owned()
}

fn cleaned(text: &str, most: usize, kept: &str) -> String {
    let end = text.floor_char_boundary(most);
    let clean = |c: char| match c.is_control() && !kept.contains(c) {
        true => ' ',
        false => c,
    };
    text[..end].chars().map(clean).collect()
}

/// Decides which lines go on.
#[derive(Debug)]
pub(crate) struct Gate {
    window: Instant,
    in_window: u32,
    bytes: usize,
    dropped: u64,
}

impl Gate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            window: now,
            in_window: 0,
            bytes: 0,
            dropped: 0,
        }
    }

    /// Whether a line of this length goes on.
    pub(crate) fn admits(&mut self, length: usize, now: Instant) -> bool {
        if now.duration_since(self.window) >= Duration::from_secs(1) {
            self.window = now;
            self.in_window = 0;
        }
        if self.in_window >= LINES_PER_SECOND || self.bytes + length > BYTES_PER_ATTEMPT {
            self.dropped += 1;
            return false;
        }
        self.in_window += 1;
        self.bytes += length;
        true
    }

    /// How many lines did not go on.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// So many lines were dropped before they came here.
    pub(crate) fn lacks(&mut self, lines: u64) {
        self.dropped = self.dropped.saturating_add(lines);
    }

    /// The one line about all that were dropped.
    pub(crate) fn account(&self) -> Option<String> {
        (self.dropped > 0).then(|| {
            format!(
                "{} log lines dropped: more than {LINES_PER_SECOND} a second or {} KiB in all",
                self.dropped,
                BYTES_PER_ATTEMPT >> 10
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_cleaned_and_kept() {
        let mut lines = Lines::default();
        assert!(lines.push(b"one").is_empty());
        assert_eq!(
            lines.push(b" line\r\n\n\x1b[31mred\nhalf"),
            ["one line", " [31mred"]
        );
        assert_eq!(lines.rest().as_deref(), Some("half"));
        assert_eq!(lines.rest(), None);
        assert_eq!(lines.tail(), "one line\n [31mred\nhalf");
        assert_eq!(lines.push(&[0xff, b'\n']), ["\u{fffd}"]);
    }

    #[test]
    fn the_reason_is_looked_for_in_more_lines_than_are_told() {
        let mut lines = Lines::default();
        lines.push(b"before\n");
        lines.turn();
        assert_eq!(
            (lines.recent().as_str(), lines.tail().as_str()),
            ("", "before")
        );
        for number in 0..100 {
            lines.push(format!("line {number}\n").as_bytes());
        }
        assert!(lines.recent().starts_with("line 0\n"));
        assert!(lines.tail().starts_with("line 80\n"));
        for _ in 0..100 {
            lines.push(&[&[b'x'; 5000] as &[u8], b"\n"].concat());
        }
        assert_eq!(lines.recent().lines().count(), TAIL_LINES);
        assert!(lines.bytes <= TAIL_LINES * LINE);
    }

    #[test]
    fn a_reason_has_lines_and_an_end() {
        assert_eq!(reason("\u{1b}[2Jone\n\ttwo\n", LINE), " [2Jone\n\ttwo");
        assert_eq!(reason(&"ä".repeat(LINE), usize::MAX).len(), LINE);
        assert_eq!(reason("äöü", 3), "ä");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = Lines::default();
        let pieces = lines.push(&vec![b'x'; 3 * LINE + 5]);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() == LINE));
        assert_eq!(lines.rest().map(|line| line.len()), Some(5));
    }

    #[test]
    fn a_flood_is_stopped_and_counted() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        let passed = (0..5000).filter(|_| gate.admits(10, now)).count();
        assert_eq!(passed, 1000);
        let later = now + Duration::from_secs(1);
        assert!(gate.admits(10, later), "a new second");
        assert!(!gate.admits(BYTES_PER_ATTEMPT, later), "too much in all");
        assert_eq!(gate.dropped(), 4001);
        gate.lacks(95_000);
        let account = gate.account().expect("lines were dropped");
        assert!(account.starts_with("99001 log lines dropped"), "{account}");
    }
}

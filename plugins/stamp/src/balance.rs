//! What a page's content leaves open, so that a stamp can be put after it and be drawn as if on a fresh page.
//!
//! Only what reaches beyond the content's end is looked at: `q` and `Q`, text objects, marked content, and whatever the end
//! may stand inside of (a string, an inline image, an array). Operands are skipped, not read.

/// As many open arrays and dictionaries are closed: a viewer that is inside of more has given up.
const MAX_OPEN: usize = 32;

/// What is open at the end of a content, and what was closed too often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// `q` without its `Q`.
    saved: usize,
    /// `BMC` or `BDC` without its `EMC`.
    marked: usize,
    /// Inside `BT`.
    text: bool,
    /// What ends the token that the content breaks off in.
    tail: &'static str,
    /// Arrays and dictionaries that are open among the operands after the last operator that matters: their first bytes.
    operands: Vec<u8>,
    /// Inside the dictionary of an inline image.
    image: bool,
    /// Where the last operator that matters ends in the stream that is read.
    settled: Option<usize>,
    /// Where in the streams so far a `Q` has nothing to restore: (stream, offset).
    pub(crate) excess: Vec<(usize, usize)>,
    streams: usize,
}

impl Balance {
    /// Reads the next stream of the content. Streams are joined by white space (ISO 32000-2, 7.8.2).
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.tail = "";
        self.settled = None;
        let mut at = 0;
        // Nearly all bytes are passed over one by one, in this loop; a token is looked at only where one that matters may
        // begin.
        while let Some(&byte) = bytes.get(at) {
            at = match STARTS[usize::from(byte)] {
                Start::Nothing => at + 1,
                Start::Token if at > 0 && is_regular(bytes[at - 1]) => token_end(bytes, at),
                Start::Token => self.operator(bytes, at, token_end(bytes, at)),
                Start::Delimiter => self.delimiter(bytes, at),
            };
        }
        if self.settled.is_some() {
            self.operands.clear();
        }
        self.look_for_open_operands(&bytes[self.settled.unwrap_or(0)..]);
        self.streams += 1;
    }

    /// What closes everything that is open.
    pub(crate) fn closing(&self) -> String {
        let mut closing = String::new();
        if !self.tail.is_empty() {
            closing.push_str(self.tail);
            closing.push('\n');
        }
        for open in self.operands.iter().rev() {
            closing.push_str(if *open == b'[' { "]\n" } else { ">>\n" });
        }
        if self.image {
            closing.push_str("ID\nEI\n");
        }
        if self.text {
            closing.push_str("ET\n");
        }
        for _ in 0..self.marked {
            closing.push_str("EMC\n");
        }
        for _ in 0..self.saved {
            closing.push_str("Q\n");
        }
        closing
    }

    /// One token of regular characters; answers where to go on.
    fn operator(&mut self, bytes: &[u8], start: usize, end: usize) -> usize {
        match &bytes[start..end] {
            b"q" => self.saved += 1,
            b"Q" if self.saved == 0 => self.excess.push((self.streams, start)),
            b"Q" => self.saved -= 1,
            b"BT" => self.text = true,
            b"ET" => self.text = false,
            b"BMC" | b"BDC" => self.marked += 1,
            b"EMC" => self.marked = self.marked.saturating_sub(1),
            b"BI" => self.image = true,
            b"ID" => {
                self.image = false;
                let end = self.inline_image(bytes, end);
                self.settled = Some(end);
                return end;
            }
            _ => return end,
        }
        self.settled = Some(end);
        end
    }

    /// What is open at the end of `bytes`, which holds operands and operators that do not matter.
    fn look_for_open_operands(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'[' => self.operands.push(byte),
                b']' => _ = self.operands.pop_if(|open| *open == b'['),
                b'<' if bytes.get(at + 1) == Some(&b'<') => {
                    self.operands.push(byte);
                    at += 1;
                }
                b'>' if bytes.get(at + 1) == Some(&b'>') => {
                    self.operands.pop_if(|open| *open == b'<');
                    at += 1;
                }
                b'(' | b'<' | b'%' => {
                    at = skipped(bytes, at);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        self.operands.truncate(MAX_OPEN);
    }

    fn delimiter(&mut self, bytes: &[u8], at: usize) -> usize {
        match bytes[at] {
            b'(' => self.string(bytes, at + 1),
            b'%' => comment_end(bytes, at),
            b'/' => token_end(bytes, at + 1),
            b'<' if bytes.get(at + 1) == Some(&b'<') => at + 2,
            b'<' => match bytes[at..].iter().position(|b| *b == b'>') {
                Some(length) => at + length + 1,
                None => self.broken_off(bytes, ">"),
            },
            _ => at + 1,
        }
    }

    fn string(&mut self, bytes: &[u8], mut at: usize) -> usize {
        let mut depth = 1;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return at;
                    }
                }
                b'(' => depth += 1,
                b'\\' => at += 1,
                _ => {}
            }
        }
        // However deep: a viewer that reads on needs as many, one that stopped here ignores stray brackets.
        const CLOSING: &str = "))))))))))))))))))))))))))))))))";
        self.broken_off(bytes, &CLOSING[..depth.clamp(1, CLOSING.len())])
    }

    /// The data of an inline image ends at an `EI` between white space with something readable after it.
    fn inline_image(&mut self, bytes: &[u8], after: usize) -> usize {
        let mut from = after + 1;
        while let Some(found) = bytes
            .get(from..)
            .and_then(|rest| rest.windows(2).position(|w| w == b"EI"))
        {
            let at = from + found;
            let spaced =
                at > 0 && CLASS[usize::from(bytes[at - 1])] == Class::Space || at == after + 1;
            let rest = &bytes[at + 2..];
            let ends = rest
                .first()
                .is_none_or(|b| CLASS[usize::from(*b)] == Class::Space);
            let readable = rest
                .iter()
                .take(8)
                .all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
            if spaced && ends && readable {
                return at + 2;
            }
            from = at + 1;
        }
        self.broken_off(bytes, "\nEI")
    }

    fn broken_off(&mut self, bytes: &[u8], tail: &'static str) -> usize {
        self.tail = tail;
        bytes.len()
    }
}

/// Joins streams into one content without the `Q`s that have nothing to restore: viewers ignore those, but inside a
/// `q ... Q` they would undo it.
pub(crate) fn join_without_excess(streams: &[Vec<u8>], balance: &Balance) -> Vec<u8> {
    let mut joined = Vec::with_capacity(streams.iter().map(|s| s.len() + 1).sum());
    for (index, stream) in streams.iter().enumerate() {
        let base = joined.len();
        joined.extend_from_slice(stream);
        for (_, at) in balance.excess.iter().filter(|(of, _)| *of == index) {
            joined[base + at] = b' ';
        }
        joined.push(b'\n');
    }
    joined
}

/// Where the string, the hexadecimal string or the comment at `at` ends.
fn skipped(bytes: &[u8], at: usize) -> usize {
    let mut inner = Balance::default();
    inner.delimiter(bytes, at)
}

fn comment_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|b| matches!(b, b'\r' | b'\n'))
        .map_or(bytes.len(), |length| at + length)
}

fn token_end(bytes: &[u8], from: usize) -> usize {
    bytes
        .get(from..)
        .and_then(|rest| {
            rest.iter()
                .position(|b| CLASS[usize::from(*b)] != Class::Regular)
        })
        .map_or(bytes.len(), |length| from + length)
}

fn is_regular(byte: u8) -> bool {
    CLASS[usize::from(byte)] == Class::Regular
}

/// What may begin at a byte.
#[derive(Clone, Copy)]
enum Start {
    /// Nothing that matters here: white space, numbers, most operators, brackets of arrays.
    Nothing,
    /// One of the operators that are looked for, unless it goes on a token.
    Token,
    Delimiter,
}

const STARTS: [Start; 256] = {
    let mut table = [Start::Nothing; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'q' | b'Q' | b'B' | b'E' | b'I' => Start::Token,
            b'(' | b'<' | b'%' | b'/' => Start::Delimiter,
            _ => Start::Nothing,
        };
        byte += 1;
    }
    table
};

/// Characters as ISO 32000-2, 7.2.3 sorts them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Regular,
    Space,
    Delimiter,
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Regular; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ' => Class::Space,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%' => Class::Delimiter,
            _ => Class::Regular,
        };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(content: &str) -> Balance {
        let mut balance = Balance::default();
        balance.feed(content.as_bytes());
        balance
    }

    fn check(content: &str, closing: &str) {
        let balance = balance(content);
        assert_eq!(balance.closing(), closing, "{content}");
        assert!(balance.excess.is_empty(), "{content}");
    }

    #[test]
    fn balanced_content_needs_nothing() {
        for content in [
            "",
            "q 1 0 0 1 5 5 cm Q",
            "q\nq\rQ\tQ",
            "BT /F1 12 Tf (q \\( q ( q ) ) Tj ET",
            "<71> Tj % q q q\nq Q",
            "/q gs /Q#20q Do [(q)-5(Q)]TJ",
            "<</q/Q>> BDC EMC",
            "<BDC> Tj <BDC00> Tj",
            "qq 5 Qq cs",
            "q BI /W 1 /H 1 ID q q EI\n Q",
            "q BI /W 1 ID \u{1}EI \u{1} q EI Q",
            "(unclosed \\) still) Tj",
        ] {
            check(content, "");
        }
    }

    #[test]
    fn what_is_open_is_closed_inside_out() {
        check("q q q Q", "Q\nQ\n");
        check("q BT (x) Tj", "ET\nQ\n");
        check("/Span <</MCID 0>> BDC q", "EMC\nQ\n");
        check("q (abc", ")\nQ\n");
        check("q (a(b", "))\nQ\n");
        check("q <00", ">\nQ\n");
        check("q BI ID abc", "\nEI\nQ\n");
        check("[(a)(b", ")\n]\n");
        check("q [ /oops", "]\nQ\n");
        check("[(one) 5 (tw", ")\n]\n");
        check("/P <</A [1 2", "]\n>>\n");
        check("/P <<", ">>\n");
        check("q BI /W 1 /D [", "]\nID\nEI\nQ\n");
        check("[1 2] 0 d ([) Tj <</A[]>> % [\n", "");
        check("[ q Q", "");
    }

    #[test]
    fn excess_restores_are_found_and_can_be_left_out() {
        let streams = [b"1 0 0 1 9 9 cm Q".to_vec(), b"q Q Q 5 w".to_vec()];
        let mut balance = Balance::default();
        streams.iter().for_each(|stream| balance.feed(stream));
        assert_eq!(balance.excess, [(0, 15), (1, 4)]);
        assert_eq!(
            join_without_excess(&streams, &balance),
            b"1 0 0 1 9 9 cm  \nq Q   5 w\n"
        );
    }

    #[test]
    fn state_reaches_from_stream_to_stream() {
        let mut balance = Balance::default();
        balance.feed(b"q BT");
        balance.feed(b"ET q");
        balance.feed(b"Q Q");
        assert_eq!(balance.closing(), "");
        balance.feed(b"[ (a)");
        assert_eq!(balance.closing(), "]\n");
        balance.feed(b"5 (b)");
        assert_eq!(balance.closing(), "]\n");
        balance.feed(b"] TJ");
        assert_eq!(balance.closing(), "");
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut seed = 1_u32;
        for length in 0..2_000 {
            let bytes: Vec<u8> = (0..length % 64)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    b"qQ()<>[]/%\\BIDETMC \n\x00\xff"[(seed >> 24) as usize % 22]
                })
                .collect();
            let mut balance = Balance::default();
            balance.feed(&bytes);
            let _ = balance.closing();
        }
    }
}

//! Whether the write-ahead log is damaged in its middle. SQLite would take it up to there and forget the rest without a word.
//!
//! A power cut may leave the last transaction in part: the next one begins only after its sync. So where two transactions or
//! more stand behind the first frame that does not check out, no cut has done that. The format is SQLite's "WAL File Format"
//! (fileformat2.html, section 4).

use std::fs;
use std::path::Path;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// What is wrong with a write-ahead log; `None` where it is sound, not there, or cut as a power cut may leave it.
pub(crate) fn damage(file: &Path) -> Option<String> {
    let log = fs::read(file).ok()?;
    let header = log.get(..HEADER)?;
    if header.iter().all(|byte| *byte == 0) {
        // Its length came without its content.
        return None;
    }
    let Some(mut sum) = Sum::of_header(header) else {
        return Some("the head of its write-ahead log is damaged".to_owned());
    };
    let page = usize::try_from(word(header, 8, false)).ok()?;
    let mut frames = log[HEADER..].chunks_exact(FRAME + page);
    let sound = |frame: &[u8]| {
        frame[8..16] == header[16..24] && {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME..]);
            sum.is(&frame[16..24])
        }
    };
    let broken = frames.position({
        let mut sound = sound;
        move |frame| !sound(frame)
    })?;
    // The broken frame itself may have been the end of a transaction; those behind it are counted.
    let rest = log[HEADER..].chunks_exact(FRAME + page).skip(broken + 1);
    let lost = rest
        .filter(|frame| frame[8..16] == header[16..24] && word(frame, 4, false) != 0)
        .count();
    (lost > 1).then(|| {
        format!(
            "its write-ahead log is damaged in the middle: {lost} transactions behind that are lost"
        )
    })
}

/// The running checksum of a log.
struct Sum {
    one: u32,
    two: u32,
    little: bool,
}

impl Sum {
    /// The checksum after the header; `None` where the header does not check out.
    fn of_header(header: &[u8]) -> Option<Self> {
        let little = match word(header, 0, false) {
            0x377f_0682 => true,
            0x377f_0683 => false,
            _ => return None,
        };
        let mut sum = Self {
            one: 0,
            two: 0,
            little,
        };
        sum.add(&header[..24]);
        sum.is(&header[24..32]).then_some(sum)
    }

    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let (first, second) = (word(pair, 0, self.little), word(pair, 4, self.little));
            self.one = self.one.wrapping_add(first).wrapping_add(self.two);
            self.two = self.two.wrapping_add(second).wrapping_add(self.one);
        }
    }

    fn is(&self, written: &[u8]) -> bool {
        self.one == word(written, 0, false) && self.two == word(written, 4, false)
    }
}

fn word(bytes: &[u8], at: usize, little: bool) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    if little {
        u32::from_le_bytes(word)
    } else {
        u32::from_be_bytes(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;
    use rusqlite::Connection;

    /// A log of 20 transactions.
    fn log(folder: &Path) -> Vec<u8> {
        let file = folder.join("x.db");
        let connection = Connection::open(&file).expect("opens");
        schema::tune_writer(&connection).expect("tuned");
        connection.execute_batch("CREATE TABLE t(x)").expect("made");
        for n in 0..20 {
            connection
                .execute("INSERT INTO t VALUES(?1)", [n])
                .expect("written");
        }
        fs::read(folder.join("x.db-wal")).expect("read")
    }

    #[test]
    fn a_cut_is_told_from_damage() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path());
        let path = folder.path().join("copy");
        let check = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            damage(&path)
        };
        assert_eq!(check(&log), None);
        assert_eq!(check(&[]), None);
        for length in [31, 32, 40, log.len() / 2, log.len() - 1] {
            assert_eq!(check(&log[..length]), None, "cut off at {length}");
        }
        let flipped = |at: usize| {
            let mut bytes = log.clone();
            bytes[at] ^= 1;
            check(&bytes)
        };
        let frame = FRAME + 4_096;
        let last = log.len() - frame;
        assert_eq!(
            flipped(last + 100),
            None,
            "the last transaction may be torn"
        );
        let said = flipped(log.len() / 2).expect("damage");
        assert!(said.contains("in the middle"), "{said}");
        assert!(
            flipped(HEADER + FRAME + 9)
                .expect("damage")
                .contains("transactions")
        );
        assert!(flipped(17).expect("damage").contains("head"));
    }
}

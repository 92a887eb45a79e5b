//! Where the dynamic loader's code lies: what it opens is not held up.
//!
//! By the kernel's own account of this process. The loader opens files by calls of its own, not by the C library's, so that the address
//! behind the call tells it from everybody else. A plugin can call from there on purpose; then its reading is not counted, and no less
//! denied.

use std::ops::Range;

/// `AT_BASE` of `linux/auxvec.h`: where the loader begins.
const BASE: u64 = 7;

/// The loader's code; an empty range where there is none, or where nobody knows.
pub(super) fn code() -> Range<u64> {
    let found = || {
        let vector = std::fs::read("/proc/self/auxv").ok()?;
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        code_of(base(&vector)?, &maps)
    };
    found().unwrap_or(0..0)
}

/// Pairs of words: what, and its value.
fn base(vector: &[u8]) -> Option<u64> {
    let mut words = vector
        .chunks_exact(8)
        .filter_map(|word| Some(u64::from_ne_bytes(word.try_into().ok()?)));
    while let (Some(what), Some(value)) = (words.next(), words.next()) {
        if what == BASE {
            return (value != 0).then_some(value);
        }
    }
    None
}

/// The part of the file that lies at `base` which can be run (proc_pid_maps(5)).
fn code_of(base: u64, maps: &str) -> Option<Range<u64>> {
    let parts = || maps.lines().filter_map(part);
    let (_, _, loader) = parts().find(|(place, ..)| place.start == base)?;
    let mut code = parts().filter(|(_, rights, file)| *file == loader && rights.contains('x'));
    code.next().map(|(place, ..)| place)
}

/// Where a mapping lies, what it allows, and which file it is of.
fn part(line: &str) -> Option<(Range<u64>, &str, &str)> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let place = number(from)?..number(to)?;
    let rights = words.next()?;
    let file = words.nth(3)?;
    Some((place, rights, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c0000000-55d0c0200000 r-xp 00000000 fe:00 11 /usr/bin/dropleaf
7f1000000000-7f1000021000 rw-p 00000000 00:00 0
7f2000000000-7f2000001000 r--p 00000000 fe:00 12 /usr/lib/ld-linux-x86-64.so.2
7f2000001000-7f2000026000 r-xp 00001000 fe:00 12 /usr/lib/ld-linux-x86-64.so.2
7f2000026000-7f2000030000 r--p 00026000 fe:00 12 /usr/lib/ld-linux-x86-64.so.2
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]
";

    #[test]
    fn the_code_of_what_lies_at_the_base_is_found() {
        let code = code_of(0x7f20_0000_0000, MAPS);
        assert_eq!(code, Some(0x7f20_0000_1000..0x7f20_0002_6000));
        assert_eq!(code_of(0x7f10_0000_0000, MAPS), None);
        assert_eq!(code_of(1, "nonsense\n\n- - - - - -\n"), None);
    }

    #[test]
    fn this_process_has_a_loader() {
        let code = code();
        assert!(!code.is_empty(), "{code:?}");
        let vector: Vec<u8> = [3u64, 5, BASE, 0x1000, 0, 0]
            .into_iter()
            .flat_map(u64::to_ne_bytes)
            .collect();
        assert_eq!(base(&vector), Some(0x1000));
        assert_eq!((base(&vector[..16]), base(&[7])), (None, None));
    }
}

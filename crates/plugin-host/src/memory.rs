//! Memory that a process holds without needing it.

use std::fs;

/// Gives back to the system what this process does not need at rest: memory that the allocator keeps for later, and the pages
/// of the program's code that only its start or its last work needed. They come back from the page cache when they are used.
///
/// It takes some milliseconds; the place for it is where nothing has been to do for a while.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes the allocator's own locks and frees only what nobody has.
    unsafe {
        libc::malloc_trim(0);
    }
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, length) in code(&maps) {
        // SAFETY: the range is a private file mapping without write permission that holds code. Nothing ever changes it (there
        // are no relocations in code), so that what comes back is what was there.
        unsafe {
            libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED);
        }
    }
}

/// Lets threads share the allocator's arenas instead of having one each: what a burst leaves in an arena serves whoever comes
/// next, not the same thread alone. To be called before there are other threads. `MALLOC_ARENA_MAX` of the environment, where
/// somebody has set it, stays.
pub fn share_arenas() {
    #[cfg(target_env = "gnu")]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let arenas = i32::try_from(cores.clamp(2, 8)).unwrap_or(2);
        // SAFETY: the call sets a number of the allocator. Where it is refused, all stays as it was.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, arenas);
        }
    }
}

/// The most memory that was resident in this process so far, in KiB. A copy of another process begins with what that one had at
/// the copying, a process that another one started (`exec`) with the most that one ever had.
#[must_use]
pub fn peak_kib() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills the structure, for which all zeros are a value too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    u64::try_from(usage.ru_maxrss).unwrap_or(0)
}

/// The executable mappings of files: where, and how long.
fn code(maps: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, permissions) = (fields.next()?, fields.next()?);
        let (start, end) = range.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        let is_file = fields.nth(3)?.starts_with('/');
        (permissions == "r-xp" && is_file).then_some((start, end.checked_sub(start)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_found() {
        let maps = "\
55d0-55d4 r--p 00000000 fd:00 1 /usr/bin/dropleaf
55d4-55e0 r-xp 00004000 fd:00 1 /usr/bin/dropleaf
55e0-55e2 rw-p 00010000 fd:00 1 /usr/bin/dropleaf
7f00-7f10 r-xp 00000000 00:00 0 [vdso]
7f20-7f30 r-xp 00000000 00:00 0
";
        assert_eq!(code(maps).collect::<Vec<_>>(), [(0x55d4, 0xc)]);
    }

    #[test]
    fn the_peak_follows_what_is_used() {
        let before = peak_kib();
        let much = vec![1_u8; 64 << 20];
        assert!(before > 0 && peak_kib() >= before.max(64 << 10));
        assert!(much.iter().all(|byte| *byte == 1));
    }

    #[test]
    fn a_process_goes_on_after_giving_back() {
        let kept: Vec<Vec<u8>> = (0..200_u8).map(|byte| vec![byte; 5_000]).collect();
        give_back();
        for (byte, kept) in (0..).zip(&kept) {
            assert!(kept.iter().all(|found| *found == byte));
        }
    }
}

//! Who opens what for reading: the names in calls that a worker's filter holds up, and whether they lie where it may read.
//!
//! Landlock judges the file that is opened, in the kernel, and tells nobody; this judges the name, and only so that an attempt that
//! Landlock refuses is counted and told. A name that says nothing, because it goes through a descriptor or a link, is left to the kernel.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What a name may have with the zero behind it (`PATH_MAX`).
const LONGEST: usize = 4096;

/// What the C library, allocators and thread pools look at by themselves, to find out how large the machine is. They get on without, and
/// no plugin knows that it asks.
const PROBES: &[&str] = &[
    "/etc/timezone",
    "/proc/cgroups",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/mounts",
    "/proc/self/auxv",
    "/proc/self/cgroup",
    "/proc/self/limits",
    "/proc/self/maps",
    "/proc/self/mountinfo",
    "/proc/self/mounts",
    "/proc/self/smaps",
    "/proc/self/stat",
    "/proc/self/statm",
    "/proc/self/status",
    "/proc/self/task",
    "/proc/stat",
];

/// The same with all that lies in them.
const PROBED: &[&str] = &[
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
];

/// Names that lead to what is open already.
const DESCRIPTORS: &[&str] = &[
    "/dev/fd",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/stdout",
    "/proc/self/fd",
    "/proc/thread-self/fd",
];

/// Where all workers may read.
#[derive(Clone, Debug)]
pub(crate) struct Readable(Arc<[PathBuf]>);

impl Readable {
    /// These places, by the names that they are given and by their true ones.
    pub(crate) fn new<'p>(places: impl Iterator<Item = &'p Path>) -> Self {
        let both = |place: &Path| [Some(place.to_path_buf()), place.canonicalize().ok()];
        let mut all: Vec<PathBuf> = places.flat_map(both).flatten().collect();
        all.sort();
        all.dedup();
        Self(all.into())
    }
}

/// What the names are looked at with that one worker opens.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    memory: Arc<File>,
    readable: Readable,
    scratch: Option<PathBuf>,
}

impl Readers {
    /// In a worker's memory; its scratch folder is another place where it may read.
    pub(crate) fn new(memory: OwnedFd, readable: &Readable, scratch: Option<PathBuf>) -> Self {
        Self {
            memory: Arc::new(memory.into()),
            readable: readable.clone(),
            scratch,
        }
    }

    /// The name at this address, if it lies where the worker may not read. What lies there may be a file that somebody else has in his
    /// hands, so that this can take as long as his disk does.
    pub(crate) fn refuse(&self, address: u64) -> Option<PathBuf> {
        let mut space = [0; LONGEST];
        let mut filled = 0;
        while filled < LONGEST && !space[..filled].contains(&0) {
            let from = address.checked_add(filled as u64)?;
            // By pages: the next one may not be there, and need not.
            let page = 4096 - usize::try_from(from % 4096).ok()?;
            let most = page.min(LONGEST - filled);
            match self.memory.read_at(&mut space[filled..filled + most], from) {
                Ok(0) | Err(_) => return None,
                Ok(count) => filled += count,
            }
        }
        let length = space.iter().position(|byte| *byte == 0)?;
        let name = Path::new(OsStr::from_bytes(&space[..length]));
        self.is_out_of_reach(name).then(|| name.to_path_buf())
    }

    fn is_out_of_reach(&self, name: &Path) -> bool {
        // From the folder that it works in, which is the store, or from an open one: down from there is within reach, up is not.
        let Some(place) = plain(name) else {
            return true;
        };
        if !name.is_absolute() {
            return false;
        }
        let own = self.scratch.iter().map(PathBuf::as_path);
        let given = self.readable.0.iter().map(PathBuf::as_path).chain(own);
        let listed = PROBED.iter().chain(DESCRIPTORS).map(Path::new);
        let is_within = given.chain(listed).any(|known| place.starts_with(known));
        !is_within && !PROBES.iter().any(|known| place == Path::new(known))
    }
}

/// The name without `.` and `..`; `None` where it climbs above its beginning.
fn plain(name: &Path) -> Option<PathBuf> {
    let mut place = PathBuf::new();
    for part in name.components() {
        match part {
            Component::ParentDir if name.is_absolute() => _ = place.pop(),
            Component::ParentDir if !place.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) | Component::Normal(_) => place.push(part),
        }
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers() -> Readers {
        let places = ["/usr/lib", "/etc/localtime", "/home/state/plugins"];
        let memory = File::open("/proc/self/mem").expect("our own");
        let readable = Readable::new(places.into_iter().map(Path::new));
        Readers::new(memory.into(), &readable, Some("/work/scratch/1".into()))
    }

    #[test]
    fn what_lies_elsewhere_is_out_of_reach() {
        let readers = readers();
        for (name, expected) in [
            ("/usr/lib/x86_64-linux-gnu/libm.so.6", false),
            ("/usr/lib", false),
            ("/usr/lib64", true),
            ("/usr/lib/../../etc/shadow", true),
            ("/../usr/lib/x", false),
            ("/etc/shadow", true),
            ("/etc/localtime", false),
            ("/", true),
            ("", false),
            ("libx.so", false),
            ("./libx.so", false),
            ("a/../b", false),
            ("a/../../b", true),
            ("..", true),
            (".", false),
            ("/work/scratch/1/page.png", false),
            ("/work/scratch/2/page.png", true),
            ("/proc/self/fd/7/page.png", false),
            ("/proc/self/mem", true),
            ("/proc/self/environ", true),
            ("/proc/self/root/etc/passwd", true),
            ("/proc/self/status", false),
            ("/proc/self/task", false),
            ("/proc/self/task/1/mem", true),
            ("/proc/1/status", true),
            ("/sys/fs/cgroup/cpu.max", false),
        ] {
            assert_eq!(readers.is_out_of_reach(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn names_are_read_from_memory() {
        let readers = readers();
        let at = |text: &[u8]| text.as_ptr().addr() as u64;
        let name = b"/etc/shadow\0 and more";
        let found = readers.refuse(at(name));
        assert_eq!(found.as_deref(), Some(Path::new("/etc/shadow")));
        let long = vec![b'/'; 2 * LONGEST];
        assert_eq!(readers.refuse(at(&long)), None, "the kernel refuses it");
        for nowhere in [0, 8, u64::MAX, 1 << 63] {
            assert_eq!(readers.refuse(nowhere), None, "{nowhere:#x}");
        }
    }
}

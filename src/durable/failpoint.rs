//! Where tests let the disk fail: a crash after so many operations, or a file system that lacks something.
//!
//! In a release build every function here is empty and costs nothing. A debug build kills itself where `DROPLEAF_CRASH_AFTER` says
//! so: after so many operations on the disk, commits of the journal among them.

#[cfg(not(test))]
mod off {
    use rustix::io::Errno;
    use std::io;
    use std::path::Path;

    #[inline]
    pub(crate) fn step() -> io::Result<()> {
        moment();
        Ok(())
    }

    #[cfg(not(debug_assertions))]
    #[inline]
    pub(crate) fn moment() {}

    /// A moment between two operations at which the whole process may be killed.
    #[cfg(debug_assertions)]
    pub(crate) fn moment() {
        use std::sync::LazyLock;
        use std::sync::atomic::{AtomicU32, Ordering};
        static LEFT: LazyLock<Option<AtomicU32>> = LazyLock::new(|| {
            let after = std::env::var("DROPLEAF_CRASH_AFTER").ok()?;
            after.parse().ok().map(AtomicU32::new)
        });
        if let Some(left) = &*LEFT
            && left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            // That it cannot be sent to ourselves is not known to happen; then the process goes on, and the test sees it.
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }

    #[inline]
    pub(crate) fn device(_from: &Path, _to: &Path) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub(crate) fn noreplace() -> Result<(), Errno> {
        Ok(())
    }

    #[inline]
    pub(crate) fn name(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub(crate) fn is_picky() -> bool {
        false
    }

    #[inline]
    pub(crate) fn crashed() -> bool {
        false
    }
}

#[cfg(not(test))]
pub(crate) use off::{crashed, device, is_picky, moment, name, noreplace, step};

#[cfg(test)]
pub(crate) use on::{crashed, device, is_picky, moment, name, noreplace, step};

#[cfg(test)]
pub(crate) mod on {
    use rustix::io::Errno;
    use std::cell::{Cell, RefCell};
    use std::io;
    use std::path::Path;

    /// What happens once so many operations are done.
    type Between = (u32, Box<dyn FnOnce()>);

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
        static PICKY: Cell<bool> = const { Cell::new(false) };
        static LACKS_NOREPLACE: Cell<bool> = const { Cell::new(false) };
        static OTHER_DEVICE: Cell<bool> = const { Cell::new(false) };
        static BETWEEN: RefCell<Option<Between>> = const { RefCell::new(None) };
    }

    /// Counts one operation; after the budget every operation of this thread fails, as if the process were gone.
    pub(crate) fn step() -> io::Result<()> {
        happen();
        LEFT.with(|left| match left.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the test stops here")),
            Some(more) => {
                left.set(Some(more - 1));
                Ok(())
            }
        })
    }

    /// Only the whole process could end here.
    pub(crate) fn moment() {}

    /// Every folder is a device of its own.
    pub(crate) fn device(from: &Path, to: &Path) -> io::Result<()> {
        if OTHER_DEVICE.with(Cell::get) && from.parent() != to.parent() {
            Err(Errno::XDEV.into())
        } else {
            Ok(())
        }
    }

    /// The file system has no `RENAME_NOREPLACE`.
    pub(crate) fn noreplace() -> Result<(), Errno> {
        if LACKS_NOREPLACE.with(Cell::get) {
            Err(Errno::INVAL)
        } else {
            Ok(())
        }
    }

    /// The file system refuses some names, as those of Windows do, and long ones.
    pub(crate) fn name(path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default();
        let text = name.to_str().unwrap_or("?");
        match is_picky() {
            true if text.contains(['"', '*', ':', '<', '>', '?', '\\', '|']) => {
                Err(Errno::NOENT.into())
            }
            true if text.len() > 143 => Err(Errno::NAMETOOLONG.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_picky() -> bool {
        PICKY.with(Cell::get)
    }

    /// Runs on a file system that refuses names.
    pub(crate) fn picky<T>(run: impl FnOnce() -> T) -> T {
        PICKY.with(|picky| picky.set(true));
        let result = run();
        PICKY.with(|picky| picky.set(false));
        result
    }

    /// A crashed process cleans nothing up.
    pub(crate) fn crashed() -> bool {
        LEFT.with(Cell::get) == Some(0)
    }

    /// Runs with this many operations before the crash; says whether the crash came.
    pub(crate) fn crash_after<T>(operations: u32, run: impl FnOnce() -> T) -> (T, bool) {
        LEFT.with(|left| left.set(Some(operations)));
        let result = run();
        let came = crashed();
        LEFT.with(|left| left.set(None));
        (result, came)
    }

    fn happen() {
        let due = BETWEEN.with_borrow_mut(|between| match between {
            Some((0, _)) => between.take(),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        });
        if let Some((_, what)) = due {
            what();
        }
    }

    /// Runs, and lets something happen between two operations on the disk: after so many. Says whether it happened.
    pub(crate) fn meanwhile<T>(
        operations: u32,
        what: impl FnOnce() + 'static,
        run: impl FnOnce() -> T,
    ) -> (T, bool) {
        BETWEEN.set(Some((operations, Box::new(what))));
        let result = run();
        (result, BETWEEN.take().is_none())
    }

    /// Runs on a file system without `RENAME_NOREPLACE`.
    pub(crate) fn without_noreplace<T>(run: impl FnOnce() -> T) -> T {
        LACKS_NOREPLACE.with(|lacks| lacks.set(true));
        let result = run();
        LACKS_NOREPLACE.with(|lacks| lacks.set(false));
        result
    }

    /// Runs where every folder is a file system of its own.
    pub(crate) fn across_devices<T>(run: impl FnOnce() -> T) -> T {
        OTHER_DEVICE.with(|other| other.set(true));
        let result = run();
        OTHER_DEVICE.with(|other| other.set(false));
        result
    }
}

//! What a plugin's `leaf_ctx` pointer points at, and the one way in from each host function.
//!
//! A shell is a few words that live for ever, because a thread that a plugin failed to join may still call with the
//! pointer after the run. What matters lies behind it and is taken away at the end of the run: the observer behind a
//! lock, for calls from any thread; the state behind the thread check, for all others.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

use dropleaf_plugin_abi as abi;

use crate::fault::{Fault, Result, Text};
use crate::run::Observer;
use crate::run::state::State;

thread_local! {
    static HERE: u8 = const { 0 };
}

/// The address of a thread-local: as good as a thread id, and a few nanoseconds.
fn here() -> usize {
    HERE.with(|mark| std::ptr::from_ref(mark) as usize)
}

/// The target of a `leaf_ctx` pointer.
pub(crate) struct Shell {
    home: usize,
    observer: RwLock<Option<&'static dyn Observer>>,
    state: UnsafeCell<Option<Box<State>>>,
}

// SAFETY: `state` is touched only on the thread whose mark is `home` (`enter`, `finish`), `observer` behind its lock.
unsafe impl Sync for Shell {}

impl Shell {
    /// Opens a run on this thread.
    ///
    /// # Safety
    /// What `observer` and `state` borrow lives until [`Self::finish`] has been called.
    pub(crate) unsafe fn open(observer: &'static dyn Observer, state: State) -> &'static Self {
        Box::leak(Box::new(Self {
            home: here(),
            observer: RwLock::new(Some(observer)),
            state: UnsafeCell::new(Some(Box::new(state))),
        }))
    }

    /// The pointer for the plugin.
    pub(crate) fn context(&'static self) -> *mut abi::Ctx {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// Documents may be used from now on.
    pub(crate) fn set_running(&self) {
        debug_assert_eq!(self.home, here(), "a run goes on on the thread it began on");
        // SAFETY: as in `finish`.
        if let Some(state) = unsafe { (*self.state.get()).as_deref_mut() } {
            state.running = true;
        }
    }

    /// Ends the run: takes the state out. Whoever still calls is refused from now on.
    pub(crate) fn finish(&self) -> Option<Box<State>> {
        debug_assert_eq!(self.home, here(), "a run ends on the thread it began on");
        *self
            .observer
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
        // SAFETY: we are on the run's thread and in none of its host functions, so nobody else looks at the state.
        unsafe { (*self.state.get()).take() }
    }
}

/// # Safety
/// `ctx` is null or was given to the plugin by this host.
unsafe fn shell<'a>(ctx: *mut abi::Ctx) -> Option<&'a Shell> {
    // SAFETY: the caller's promise; shells live for ever.
    unsafe { ctx.cast::<Shell>().as_ref() }
}

/// Runs one host function: checks the thread, catches panics, keeps the text of a failure.
///
/// # Safety
/// `ctx` is null or was given to the plugin by this host.
pub(crate) unsafe fn enter(
    ctx: *mut abi::Ctx,
    work: impl FnOnce(&mut State) -> Result<()>,
) -> abi::Status {
    // SAFETY: the caller's promise.
    let Some(shell) = (unsafe { shell(ctx) }) else {
        return abi::E_ARG;
    };
    if shell.home != here() {
        return abi::E_THREAD;
    }
    // SAFETY: we are on the run's thread, and host functions never call back into the plugin, so this is the only
    // reference to the state.
    let Some(state) = (unsafe { (*shell.state.get()).as_deref_mut() }) else {
        return abi::E_HANDLE;
    };
    match catch_unwind(AssertUnwindSafe(|| work(&mut *state))) {
        Ok(Ok(())) => abi::OK,
        Ok(Err(fault)) => {
            let status = fault.status;
            state.last_error = fault.text;
            status
        }
        Err(panic) => {
            let text = format!("the host panicked: {}", panic_text(&*panic));
            state.poisoned = Some(text.clone());
            state.last_error = Text::Plain(text.into());
            abi::E_PANIC
        }
    }
}

/// Calls the observer, from whatever thread; `None` once the run is over.
///
/// # Safety
/// `ctx` is null or was given to the plugin by this host.
pub(crate) unsafe fn observe<T>(
    ctx: *mut abi::Ctx,
    work: impl FnOnce(&dyn Observer) -> T,
) -> Option<T> {
    // SAFETY: the caller's promise.
    let shell = unsafe { shell(ctx) }?;
    // Held during the call, so that the run cannot end below it.
    let observer = shell
        .observer
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    let observer = (*observer)?;
    catch_unwind(AssertUnwindSafe(|| work(observer))).ok()
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The bytes of an argument.
///
/// # Safety
/// Where `text` is not null it points at `len` bytes that stay as they are during the call.
pub(crate) unsafe fn bytes<'a>(text: abi::Str) -> Result<&'a [u8]> {
    if text.len == 0 {
        return Ok(&[]);
    }
    // What a process can have in its memory at all.
    const MOST: u64 = 1 << 47;
    if text.ptr.is_null() || text.len as u64 > MOST {
        return Err(Fault::argument("a text is null or longer than memory"));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { text.as_bytes() })
}

/// Writes an answer.
///
/// # Safety
/// Where `out` is not null it points at room for a `T`.
pub(crate) unsafe fn give<T>(out: *mut T, value: T) -> Result<()> {
    if out.is_null() {
        return Err(Fault::argument("no room for the answer"));
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(value) };
    Ok(())
}

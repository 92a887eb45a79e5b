//! The `log` crate inside a plugin, led to the host: each shared library has its own `log`, so each has its own bridge.

use std::cell::Cell;

use dropleaf_plugin_abi as abi;
use log::{Level, LevelFilter, Log, Metadata, Record};

type Target = (&'static abi::RunV1, *mut abi::Ctx);

thread_local! {
    /// The run of this thread, while it lasts.
    static CURRENT: Cell<Option<Target>> = const { Cell::new(None) };
}

pub(crate) struct Bridge;

impl Log for Bridge {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        CURRENT.get().is_some()
    }

    fn log(&self, record: &Record<'_>) {
        let Some((run, ctx)) = CURRENT.get() else {
            return;
        };
        let fields = serde_json::json!({ "target": record.target() }).to_string();
        // SAFETY: the pair stands in `CURRENT` only while its run lasts.
        unsafe {
            send(
                run,
                ctx,
                record.level(),
                &record.args().to_string(),
                &fields,
            )
        };
    }

    fn flush(&self) {}
}

/// Leads `log` to the host. Does nothing if the process has a logger already, as a test program may.
pub(crate) fn install() {
    if log::set_logger(&Bridge).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// Makes the run the target of this thread's log lines until it is dropped.
pub(crate) struct Attached(Option<Target>);

impl Attached {
    /// # Safety
    /// The context outlives the answer.
    pub(crate) unsafe fn new(run: &'static abi::RunV1, ctx: *mut abi::Ctx) -> Self {
        Self(CURRENT.replace(Some((run, ctx))))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// # Safety
/// `ctx` is a context of a run that has not ended, `run` its host's table.
pub(crate) unsafe fn send(
    run: &abi::RunV1,
    ctx: *mut abi::Ctx,
    level: Level,
    message: &str,
    fields: &str,
) {
    let level = match level {
        Level::Error => abi::LOG_ERROR,
        Level::Warn => abi::LOG_WARN,
        Level::Info => abi::LOG_INFO,
        Level::Debug => abi::LOG_DEBUG,
        Level::Trace => abi::LOG_TRACE,
    };
    let (message, fields) = (
        abi::Str::new(message.as_bytes()),
        abi::Str::new(fields.as_bytes()),
    );
    // SAFETY: the caller's promise; both texts are copied during the call.
    unsafe { (run.log)(ctx, level, message, fields) };
}

//! Runs a test as somebody else, or on a system that lacks something.
//!
//! Users and filters belong to a thread, and to the threads and processes that it starts: a test in a thread of its own can
//! have another system than its neighbours.

use dropleaf_plugin_host::filter::{self, Instruction};
use rustix::thread::{Gid, Uid};
use std::os::unix::fs::PermissionsExt as _;

/// As an ordinary user, where this is root; as who it is, where not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn as_nobody<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send) {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        eprintln!("this is no root: the test runs as who it is");
        return in_thread(|| Some(work()));
    }
    let folder = env!("CARGO_TARGET_TMPDIR");
    let open = std::fs::Permissions::from_mode(0o1777);
    std::fs::set_permissions(folder, open).expect("ours");
    in_thread(|| {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_groups(&[]).expect("root may");
        rustix::thread::set_thread_res_gid(group, group, group).expect("root may");
        rustix::thread::set_thread_res_uid(user, user, user).expect("root may");
        if std::fs::metadata(env!("CARGO_BIN_EXE_dropleaf")).is_err() {
            // A work tree in a folder that others may not enter.
            eprintln!("SKIPPED: an ordinary user cannot reach {folder}");
            return None;
        }
        Some(work())
    });
}

/// On a kernel without these calls.
pub(crate) fn without<F: Future<Output = ()>>(
    calls: &[libc::c_long],
    work: impl FnOnce() -> F + Send,
) {
    let (load, jump, answer) = (0x20, 0x15, 0x06);
    let step = |code, k, jt, jf| Instruction { code, jt, jf, k };
    let mut program = vec![step(load, 0, 0, 0)];
    for &call in calls {
        let number = u32::try_from(call).expect("it fits");
        program.push(step(jump, number, 0, 1));
        program.push(step(answer, 0x0005_0000 | 38, 0, 0));
    }
    program.push(step(answer, 0x7fff_0000, 0, 0));
    in_thread(|| {
        rustix::thread::set_no_new_privs(true).expect("anybody may");
        filter::install(&program).expect("the kernel has filters");
        Some(work())
    });
}

fn in_thread<F: Future<Output = ()>>(work: impl FnOnce() -> Option<F> + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.expect("a runtime");
            // Whoever starts a pool must be inside of the runtime.
            let _inside = runtime.enter();
            if let Some(work) = work() {
                runtime.block_on(work);
            }
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

//! The faults themselves.
//!
//! A fault that the sandbox is to stop answers an error with the system's own word if it was stopped, and success if
//! it was not: a test that expects the error then fails.

use crate::{Mode, excess, lies, traces};
use dropleaf_plugin_sdk::prelude::*;
use std::ffi::CString;
use std::io::{self, Write as _};
use std::time::Duration;

pub(crate) fn commit(mode: Mode, text: &str, run: &mut Run<'_>) -> Result<()> {
    match mode {
        Mode::Behave => turn_pages(run, u32::MAX),
        Mode::ErrorAfterEdit => {
            turn_pages(run, 2)?;
            Err(Error::failed("gave up after page `2`"))
        }
        Mode::Reject => Err(Error::rejected("this document is not to my taste")),
        Mode::Panic => {
            turn_pages(run, 1)?;
            panic!("lost my nerve");
        }
        Mode::PanicAcross => panic_across(),
        Mode::Segv => segv(run),
        Mode::Abort => std::process::abort(),
        Mode::StackOverflow => Err(Error::failed(deep(0, &[0; 512]).to_string())),
        Mode::DoubleFree => double_free(),
        Mode::Overflow => overflow(run),
        Mode::Spin => spin(),
        Mode::SpinDeaf => {
            go_deaf();
            spin()
        }
        Mode::SpinOnTheSpot => on_the_spot(run),
        Mode::Sleep => sleep(run),
        Mode::SleepDeaf => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
        Mode::Allocate => allocate(),
        Mode::AllocateBlindly => allocate_blindly(),
        Mode::Leak => {
            std::mem::forget(vec![1u8; 8 << 20]);
            Ok(())
        }
        Mode::Print => print_both(),
        Mode::FloodPrint => flood_print(),
        Mode::FloodLog => {
            (0..100_000).for_each(|line| run.log(Level::Info, format!("line {line} of a flood")));
            run.log(Level::Warn, "three pages were left out");
            Ok(())
        }
        // SAFETY: that it ends the process is the point.
        Mode::Exit => unsafe { libc::exit(0) },
        // SAFETY: as above.
        Mode::ExitHard => unsafe { libc::_exit(3) },
        Mode::CloseAll => close_all(),
        Mode::Threads => leave_threads(),
        Mode::ThreadWithAttributes => excess::thread_with_attributes(),
        Mode::LieProgress => lie(run),
        Mode::Noise
        | Mode::FinishEarly
        | Mode::UnsealedOutput
        | Mode::HiddenBlocks
        | Mode::LieBill
        | Mode::LieReasons
        | Mode::FloodResults
        | Mode::RepeatStep => lies::tell(mode, text),
        Mode::LongReason => Err(Error::failed("no end ".repeat(300_000))),
        Mode::LargeResults => run.result(text, "x".repeat(250 << 10)),
        Mode::BadArtifact => run.artifact("../../escape.txt", "text/plain", b"out"),
        Mode::Artifact => run.artifact("note.txt", "text/plain", text.as_bytes()),
        Mode::ArtifactThenError => {
            run.artifact("note.txt", "text/plain", text.as_bytes())?;
            Err(Error::failed("changed my mind"))
        }
        Mode::HugeResults => run.result("much", "x".repeat(1 << 20)),
        Mode::Temp => {
            let path = run.temp_dir()?.join("scratch.txt");
            std::fs::write(&path, text)?;
            run.result("read", std::fs::read_to_string(&path)?)
        }
        Mode::Look => look(run),
        Mode::ManyThreads
        | Mode::FloodPrintMebibytes
        | Mode::HideMemory
        | Mode::FillScratch
        | Mode::FillMemoryFiles
        | Mode::ManyMemoryFiles
        | Mode::MappedOutput
        | Mode::SparseOutput
        | Mode::ManyArtifacts
        | Mode::BreakResult
        | Mode::LieTree
        | Mode::LosePages
        | Mode::GrowResult => excess::commit(mode, text, run),
        Mode::PrintHalf
        | Mode::PrintByC
        | Mode::PrintByCAndAbort
        | Mode::LeakFile
        | Mode::ChangeFolder
        | Mode::HandleSignal
        | Mode::WindTimer
        | Mode::RoundUp
        | Mode::Unmask
        | Mode::Nonblocking
        | Mode::ChangeLocale
        | Mode::Burn => traces::leave(mode, text),
        _ => break_out(mode, text),
    }
}

/// What the sandbox is there for.
fn break_out(mode: Mode, text: &str) -> Result<()> {
    // SAFETY: plain system calls with valid arguments; what they do to this process is the point.
    let parent = unsafe { libc::getppid() };
    match mode {
        Mode::Exec => exec(),
        // SAFETY: as above; a child ends at once.
        Mode::Fork => outcome("fork", unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit(0);
            }
            child
        }),
        Mode::Socket => sockets(),
        // SAFETY: as above.
        Mode::KillParent => outcome("kill", unsafe { libc::kill(parent, libc::SIGSTOP) }),
        Mode::SignalParent => signal_parent(parent),
        // SAFETY: as above.
        Mode::TraceParent => outcome("ptrace", unsafe {
            i32::try_from(libc::ptrace(libc::PTRACE_SEIZE, parent, 0, 0)).unwrap_or(-1)
        }),
        Mode::ReadParent => read_parent(parent),
        Mode::Passwd => {
            std::fs::read("/etc/passwd")?;
            Ok(())
        }
        Mode::Tmp => std::fs::write("/tmp/dropleaf-faulty-was-here", "out").map_err(Into::into),
        Mode::Store => std::fs::write("planted.so", text).map_err(Into::into),
        Mode::Limits => raise_limits(),
        // SAFETY: as above.
        Mode::Outlive => outcome("prctl", unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) }),
        _ => Err(Error::failed("no such mode")),
    }
}

fn turn_pages(run: &mut Run<'_>, most: u32) -> Result<()> {
    let document = run.document();
    let pages = document.page_count()?;
    for index in 0..pages.min(most) {
        document.page(index)?.put("Rotate", 90)?;
        run.progress(index + 1, pages)?;
    }
    run.result("pages", pages)
}

fn panic_across() -> Result<()> {
    extern "C" fn bare() {
        panic!("nobody catches this");
    }
    bare();
    Ok(())
}

fn segv(run: &mut Run<'_>) -> Result<()> {
    let pages = run.document().page_count()?;
    run.progress(1, pages)?;
    let place = std::hint::black_box(8usize) as *mut u32;
    // SAFETY: it is not; that is the point.
    unsafe { place.write_volatile(1) };
    Ok(())
}

fn deep(level: u64, before: &[u64; 512]) -> u64 {
    let mine = std::hint::black_box([before[0] ^ level; 512]);
    // Never true, which the compiler must not know.
    if std::hint::black_box(level) == u64::MAX {
        return mine[0];
    }
    deep(level + 1, &mine) + mine[511]
}

fn double_free() -> Result<()> {
    // SAFETY: it is not; that is the point.
    unsafe {
        let place = std::hint::black_box(libc::malloc(64 << 10));
        libc::free(place);
        libc::free(std::hint::black_box(place));
    }
    Ok(())
}

fn overflow(run: &mut Run<'_>) -> Result<()> {
    // SAFETY: it is not; that is the point.
    unsafe {
        let place = std::hint::black_box(libc::malloc(24)).cast::<u8>();
        std::hint::black_box(place).write_bytes(0x5A, 24 + 64);
    }
    turn_pages(run, u32::MAX)
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn go_deaf() {
    for signal in 1..65 {
        // SAFETY: signals that cannot be ignored answer an error.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

fn on_the_spot(run: &mut Run<'_>) -> Result<()> {
    loop {
        run.progress(1, 10)?;
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn sleep(run: &mut Run<'_>) -> Result<()> {
    while !run.cancelled() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(Error::cancelled())
}

fn allocate() -> Result<()> {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(4 << 20).is_err() {
            drop(held);
            return Err(Error::new(-7, "out of memory, and noticed"));
        }
        // The limit counts what is reserved; writing it all takes a debug build longer than it may.
        block.push(1);
        held.push(block);
    }
}

fn allocate_blindly() -> Result<()> {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![1; 4 << 20]);
        std::hint::black_box(&held);
    }
}

fn print_both() -> Result<()> {
    writeln!(io::stdout(), "hello from standard output")?;
    writeln!(io::stderr(), "hello from standard error")?;
    Ok(())
}

fn flood_print() -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout());
    for line in 0..100_000 {
        writeln!(out, "line {line} of a flood")?;
    }
    Ok(out.flush()?)
}

fn close_all() -> Result<()> {
    for descriptor in 0..1024 {
        // SAFETY: it is not, for those who own them; that is the point.
        unsafe { libc::close(descriptor) };
    }
    Ok(())
}

fn leave_threads() -> Result<()> {
    for _ in 0..3 {
        std::thread::spawn(|| std::thread::sleep(Duration::from_secs(3600)));
    }
    Ok(())
}

fn exec() -> Result<()> {
    let program = CString::new("/bin/true").map_err(|error| Error::failed(error.to_string()))?;
    let arguments = [program.as_ptr(), std::ptr::null()];
    // SAFETY: the array ends with a null pointer and outlives the call.
    outcome("execv", unsafe {
        libc::execv(program.as_ptr(), arguments.as_ptr())
    })
}

fn sockets() -> Result<()> {
    for family in [
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_UNIX,
        libc::AF_NETLINK,
    ] {
        // SAFETY: plain numbers.
        if unsafe { libc::socket(family, libc::SOCK_STREAM, 0) } >= 0 {
            return Ok(());
        }
    }
    refused("socket")
}

/// `F_SETOWN` with `F_SETSIG`: input on a pipe then sends the chosen signal to the chosen process.
fn signal_parent(parent: i32) -> Result<()> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors, which are then used with plain numbers.
    unsafe {
        libc::pipe(ends.as_mut_ptr());
        outcome("fcntl", libc::fcntl(ends[0], libc::F_SETOWN, parent))
    }
}

fn read_parent(parent: i32) -> Result<()> {
    if std::fs::read(format!("/proc/{parent}/environ")).is_ok_and(|bytes| !bytes.is_empty()) {
        return Ok(());
    }
    let mut byte = [0u8; 1];
    let local = libc::iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: 1,
    };
    // SAFETY: one valid local place; the remote one is only an address.
    let read =
        unsafe { libc::process_vm_readv(parent, &raw const local, 1, &raw const local, 1, 0) };
    outcome("process_vm_readv", i32::try_from(read).unwrap_or(-1))
}

fn raise_limits() -> Result<()> {
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: a valid place.
    outcome("setrlimit", unsafe {
        libc::setrlimit(libc::RLIMIT_DATA, &raw const limit)
    })
}

fn lie(run: &mut Run<'_>) -> Result<()> {
    for (done, total) in [(9u64, 3u64), (0, 3), (u64::MAX, u64::MAX), (5, 0), (1, 3)] {
        run.progress(done, total)?;
    }
    Ok(())
}

fn look(run: &mut Run<'_>) -> Result<()> {
    // SAFETY: calls without arguments.
    let (user, parent) = unsafe { (libc::getuid(), libc::getppid()) };
    let environment: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    run.result("uid", user)?;
    run.result("parent", parent)?;
    run.result("environment", environment)?;
    run.result("job", run.value("job.id")?)?;
    run.result("stem", run.value("input.stem")?)?;
    run.result("secret", run.value("env.SECRET")?)?;
    run.result("part", run.value("part.index")?)?;
    run.result("label", run.value("part.label")?)
}

pub(crate) fn outcome(call: &str, answer: i32) -> Result<()> {
    if answer >= 0 {
        return Ok(());
    }
    refused(call)
}

fn refused(call: &str) -> Result<()> {
    Err(Error::failed(format!(
        "{call}: {}",
        io::Error::last_os_error()
    )))
}

//! What the last words of a dead worker tell: every language has its own way to say what went wrong, and prints a trace after it.

/// What Rust says when something is thrown through it that is not its own.
const FOREIGN: &str = "Rust cannot catch foreign exceptions";
/// Letters of a line that are told.
const MOST: usize = 500;

/// Whether an exception of another language came out of the plugin.
pub(crate) fn speak_of_foreign_exception(tail: &str) -> bool {
    tail.contains(FOREIGN)
}

/// Whether an allocation has failed for sure. Languages say so before they give up.
pub(super) fn speak_of_memory(tail: &str) -> bool {
    const SIGNS: &[&str] = &[
        "std::bad_alloc",
        "out of memory",
        "out_of_memory",
        "outofmemory",
        "memory exhausted",
        "memoryerror",
        "error allocating",
        "allocation would exceed memory limit",
        "operating system error: cannot allocate memory",
        "runtime: cannot allocate memory",
    ];
    tail.lines().map(str::to_lowercase).any(|line| {
        (line.contains("memory allocation of ") && line.contains(" bytes failed"))
            || SIGNS.iter().any(|sign| line.contains(sign))
    })
}

/// Whether an allocation may have failed: what the system calls this error is the answer to other calls, too, such as a `popen` that
/// the sandbox has denied.
pub(super) fn may_speak_of_memory(tail: &str) -> bool {
    tail.contains("Cannot allocate memory")
}

/// The line that says why: the first outcry, or else the first complaint, or else the last line that is no trace.
pub(crate) fn telling(tail: &str) -> Option<String> {
    if speak_of_foreign_exception(tail) {
        return Some("it threw an exception out of its function (C++ or another language)".into());
    }
    let lines: Vec<&str> = tail.lines().filter(|line| !is_trace(line)).collect();
    let found = lines.iter().position(|line| is_outcry(line));
    let found = found.or_else(|| lines.iter().position(|line| is_complaint(line)));
    let found = found.or_else(|| lines.len().checked_sub(1))?;
    let mut text = plain(lines[found]);
    // Rust and Pascal tell the place first, C++ the type.
    let goes_on = text.ends_with(':') || text.starts_with("terminate called after");
    if goes_on && let Some(next) = lines.get(found + 1) {
        text.push(' ');
        text.push_str(&plain(next));
    }
    Some(text.chars().take(MOST).collect())
}

fn plain(line: &str) -> String {
    let clean = |letter: char| match letter.is_control() {
        true => ' ',
        false => letter,
    };
    line.trim().chars().map(clean).collect()
}

/// What nobody says who goes on.
fn is_outcry(line: &str) -> bool {
    const SIGNS: &[&str] = &[
        "panic:",
        "panicked at",
        "fatal error",
        "terminate called",
        "unhandled exception",
        "uncaught exception",
        "runtime error",
    ];
    let small = line.to_lowercase();
    // Go names the signal first: `SIGSEGV: segmentation violation`.
    SIGNS.iter().any(|sign| small.contains(sign))
        || (line.starts_with("SIG") && line.contains(": "))
}

fn is_complaint(line: &str) -> bool {
    let small = line.to_lowercase();
    small.contains("error:") || small.contains("exception") || small.contains("what():")
}

/// Frames, registers, rules between them, and the advice that Rust prints.
fn is_trace(line: &str) -> bool {
    const HEADS: &[&str] = &[
        "note: ",
        "stack backtrace:",
        "CallStack (",
        "Traceback (",
        "goroutine ",
        "created by ",
        "???",
        "0x",
        "$",
    ];
    let text = line.trim();
    if text.starts_with("what():") {
        return false;
    }
    let rule = |letter: char| "-=*_~ ".contains(letter);
    let mut words = text.split_whitespace();
    let register = matches!((words.next(), words.next(), words.next()),
        (Some(_), Some(value), None) if value.starts_with("0x"));
    let frame = text
        .strip_prefix('#')
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    text.chars().all(rule)
        || line.starts_with(char::is_whitespace)
        || HEADS.iter().any(|head| text.starts_with(head))
        || text.to_lowercase().ends_with("backtrace:")
        || register
        || frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_is_heard() {
        let cases = [
            // Go.
            (
                "hello\npanic: go panics: index of doom\n\ngoroutine 17 [running, locked to thread]:\nmain.goRun(0x0?, 0x5619eb3b9200)\n\t/src/main.go:100 +0x9d8",
                "panic: go panics: index of doom",
            ),
            (
                "SIGSEGV: segmentation violation\nPC=0x7f12 m=0 sigcode=1\n\ngoroutine 17 [syscall]:\nrax    0x0\nrip    0x7f12\n-----",
                "SIGSEGV: segmentation violation",
            ),
            // Zig.
            (
                "thread 13069 panic: zig panics here\n???:?:?: 0x55f2a in ??? (???)\n???:?:?: 0x55f2b in ??? (???)",
                "thread 13069 panic: zig panics here",
            ),
            // Rust without the SDK.
            (
                "\nthread '<unnamed>' panicked at src/lib.rs:9:5:\nraw rust panic\nnote: run with `RUST_BACKTRACE=1`\n\nthread '<unnamed>' panicked at core/src/panicking.rs:1:1:\npanic in a function that cannot unwind\nstack backtrace:\nthread caused non-unwinding panic. aborting.",
                "thread '<unnamed>' panicked at src/lib.rs:9:5: raw rust panic",
            ),
            // Pascal.
            (
                "An unhandled exception occurred at $00007FBC12:\nException: uncaught pascal exception\n  $00007FBC12\n  $00007FBC34",
                "An unhandled exception occurred at $00007FBC12: Exception: uncaught pascal exception",
            ),
            // Haskell.
            (
                "bad: haskell error text\nCallStack (from HasCallStack):\n  error, called at Bad.hs:21:16 in main:Bad",
                "bad: haskell error text",
            ),
            // C++.
            (
                "terminate called after throwing an instance of 'std::runtime_error'\n  what():  no such thing",
                "terminate called after throwing an instance of 'std::runtime_error' what():  no such thing",
            ),
            // Python.
            (
                "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nValueError: no such thing",
                "ValueError: no such thing",
            ),
            // Fortran.
            (
                "ERROR STOP no such thing\n\nError termination. Backtrace:\n#0  0x7f12 in ???\n#1  0x7f34 in ???",
                "ERROR STOP no such thing",
            ),
            // C.
            ("one\nfree():\tinvalid pointer\n", "free(): invalid pointer"),
        ];
        for (tail, told) in cases {
            assert_eq!(telling(tail).as_deref(), Some(told), "{tail}");
        }
        assert_eq!(telling(""), None);
        assert_eq!(telling("\n  frame\n-----\n"), None);
        let foreign = "fatal runtime error: Rust cannot catch foreign exceptions, aborting";
        assert!(telling(foreign).is_some_and(|text| text.contains("threw an exception")));
        let long = telling(&"x".repeat(5000)).unwrap_or_default();
        assert_eq!(long.len(), MOST);
    }
}

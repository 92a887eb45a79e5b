//! Why a worker died, as far as its end, its accounts and its last lines tell.

pub(crate) mod words;

use crate::job::attempt::{Ending, Failure};
use crate::pool::process::Death;
use crate::problem::{Code, Problem};
use crate::wire::message::PlanStep;
use crate::worker::options::Limits;
use std::time::Duration;

/// Everything known about a worker's end.
#[derive(Debug)]
pub(crate) struct Autopsy<'a> {
    pub(crate) death: Death,
    /// Processor time used.
    pub(crate) cpu: Duration,
    /// The most data memory seen.
    pub(crate) data: u64,
    /// Its limits.
    pub(crate) limits: &'a Limits,
    /// The last lines that it printed where it was.
    pub(crate) tail: &'a str,
    /// Where it was.
    pub(crate) scene: Scene<'a>,
}

/// Where a worker was when something happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scene<'a> {
    /// The step at work.
    pub(crate) step: Option<&'a PlanStep>,
    /// How far it had come, where it counts pages.
    pub(crate) page: Option<u64>,
}

impl Scene<'_> {
    /// The problem, placed here.
    pub(crate) fn place(&self, mut problem: Problem) -> Problem {
        if let Some(step) = self.step {
            let hash = step.blake3.get(..12).unwrap_or(&step.blake3);
            problem.step = Some(step.id.clone());
            problem.plugin = Some(format!("{} {} ({hash})", step.plugin, step.version));
            problem.page = self.page;
        }
        problem
    }

    /// What was at work.
    pub(crate) fn who(&self) -> String {
        match self.step {
            Some(step) => format!("`{}/{}`", step.plugin, step.operation),
            None => "the worker".to_owned(),
        }
    }
}

/// What the death is called.
pub(crate) fn judge(autopsy: &Autopsy<'_>) -> Failure {
    let (ending, problem) = match limit(autopsy) {
        Some(problem) => (Ending::TimedOut, problem),
        None => (Ending::Crashed, crash(autopsy)),
    };
    Failure {
        ending,
        problem: autopsy.scene.place(problem),
    }
}

fn limit(autopsy: &Autopsy<'_>) -> Option<Problem> {
    let who = autopsy.scene.who();
    let signal = match autopsy.death {
        Death::Signal(signal) => signal,
        // Some languages end the process in good order where there is no memory.
        Death::Exit(_) => {
            return lacked_memory(autopsy).then(|| too_much_memory(&autopsy.scene, autopsy.limits));
        }
    };
    let allowed = Duration::from_secs(autopsy.limits.cpu_seconds.max(1));
    // Anybody can send the signal; the time is looked at a little before it comes.
    let ran_out = match signal {
        libc::SIGXCPU => autopsy.cpu >= allowed / 2,
        libc::SIGKILL => autopsy.cpu >= allowed,
        _ => false,
    };
    if ran_out {
        return Some(too_much_cpu(&autopsy.scene, allowed));
    }
    if signal == libc::SIGXFSZ {
        let text = format!(
            "{who} wrote a file of more than {} MiB",
            autopsy.limits.file_size >> 20
        );
        return Some(Problem::new(Code::StepFailed, text).hint(
            "the limit is fixed: look why it writes so much, or give it a smaller document",
        ));
    }
    // A failed allocation that is not looked at ends in one of these signals.
    let starved = [
        libc::SIGABRT,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGTRAP,
        libc::SIGILL,
    ]
    .contains(&signal);
    let near = autopsy.data >= autopsy.limits.memory / 4 * 3;
    (starved && (near || lacked_memory(autopsy)))
        .then(|| too_much_memory(&autopsy.scene, autopsy.limits))
}

/// By what it said; where that may mean something else, it must have had much.
fn lacked_memory(autopsy: &Autopsy<'_>) -> bool {
    let much = autopsy.data >= autopsy.limits.memory / 2;
    words::speak_of_memory(autopsy.tail) || (much && words::may_speak_of_memory(autopsy.tail))
}

/// What it is called that a worker took more memory than it may.
pub(crate) fn too_much_memory(scene: &Scene<'_>, limits: &Limits) -> Problem {
    let (who, most) = (scene.who(), limits.memory >> 20);
    let text = format!("{who} needed more than {most} MiB of memory");
    Problem::new(Code::MemoryLimit, text)
        .hint("raise `worker_memory_mb` in config.yaml, or give it a smaller document")
}

/// What it is called that an attempt took more processor time than it may.
pub(crate) fn too_much_cpu(scene: &Scene<'_>, allowed: Duration) -> Problem {
    let (who, seconds) = (scene.who(), allowed.as_secs());
    let text = format!("{who} used more than {seconds} s of processor time");
    Problem::new(Code::CpuLimit, text)
        .hint("raise `worker_cpu_seconds` in config.yaml, or look why it spins")
}

fn crash(autopsy: &Autopsy<'_>) -> Problem {
    let who = autopsy.scene.who();
    let mut text = match autopsy.death {
        Death::Signal(signal) => format!("{who} crashed with {}", signal_name(signal)),
        Death::Exit(0) => format!("{who} ended the worker without a result (exit code 0)"),
        Death::Exit(code) => format!("{who} ended the worker with exit code {code}"),
    };
    if let Some(line) = words::telling(autopsy.tail) {
        text.push_str(&format!(": {line}"));
    }
    let problem = Problem::new(Code::PluginCrashed, text);
    if words::speak_of_foreign_exception(autopsy.tail) {
        return problem.hint(
            "a plugin must catch everything at `create`, `run` and `destroy`; tell its author",
        );
    }
    match autopsy.death {
        Death::Signal(libc::SIGKILL) => {
            problem.hint("killed from outside: the system may be out of memory, see its log")
        }
        Death::Exit(_) => problem
            .hint("a plugin must not call exit or close files it did not open; tell its author"),
        Death::Signal(_) => {
            problem.hint("tell the plugin's author; what it said stands in the job's log")
        }
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGSEGV => "SIGSEGV, an invalid memory access",
        libc::SIGABRT => "SIGABRT, it gave up",
        libc::SIGBUS => "SIGBUS, memory that went away",
        libc::SIGILL => "SIGILL, an illegal instruction",
        libc::SIGFPE => "SIGFPE, an arithmetic fault",
        libc::SIGKILL => "SIGKILL",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGSYS => "SIGSYS, a forbidden system call",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::conduct::tests::plan;

    fn autopsy(death: Death, cpu: u64, data: u64, tail: &str) -> Failure {
        let plan = plan(1);
        judge(&Autopsy {
            death,
            cpu: Duration::from_secs(cpu),
            data,
            limits: &Limits {
                memory: 1 << 30,
                cpu_seconds: 10,
                ..Limits::default()
            },
            tail,
            scene: Scene {
                step: plan.steps.first(),
                page: Some(3),
            },
        })
    }

    #[test]
    fn deaths_get_their_name() {
        use Death::{Exit, Signal};
        let full = 900 << 20;
        let cases = [
            (
                Signal(11),
                0,
                0,
                "",
                Code::PluginCrashed,
                "signal 11 (SIGSEGV",
            ),
            (
                Signal(6),
                0,
                0,
                "double free or corruption",
                Code::PluginCrashed,
                ": double free or corruption",
            ),
            (
                Signal(6),
                0,
                0,
                "memory allocation of 99 bytes failed",
                Code::MemoryLimit,
                "more than 1024 MiB",
            ),
            (Signal(11), 0, full, "", Code::MemoryLimit, "memory"),
            (Signal(24), 10, 0, "", Code::CpuLimit, "more than 10 s"),
            (Signal(24), 0, 0, "", Code::PluginCrashed, "signal 24"),
            (Signal(9), 11, 0, "", Code::CpuLimit, "processor time"),
            (Signal(9), 1, full, "", Code::PluginCrashed, "SIGKILL"),
            (Signal(25), 1, 0, "", Code::StepFailed, "wrote a file"),
            (Exit(0), 0, 0, "", Code::PluginCrashed, "without a result"),
            (
                Signal(6),
                0,
                0,
                "fatal runtime error: Rust cannot catch foreign exceptions, aborting",
                Code::PluginCrashed,
                "gave up): it threw an exception out of its function",
            ),
            (
                Signal(6),
                0,
                0,
                "popen: Cannot allocate memory",
                Code::PluginCrashed,
                ": popen: Cannot allocate memory",
            ),
            (
                Signal(6),
                0,
                full / 3 * 2,
                "malloc: Cannot allocate memory",
                Code::MemoryLimit,
                "more than 1024 MiB",
            ),
            (
                Exit(1),
                0,
                0,
                "out of memory",
                Code::MemoryLimit,
                "more than 1024 MiB",
            ),
            (
                Exit(1),
                0,
                0,
                "Operating system error: Cannot allocate memory\nAllocation would exceed memory limit",
                Code::MemoryLimit,
                "more than 1024 MiB",
            ),
            (
                Exit(3),
                0,
                full,
                "bye\nnote: run with\n",
                Code::PluginCrashed,
                "exit code 3: bye",
            ),
        ];
        for (death, cpu, data, tail, code, text) in cases {
            let Failure { problem, .. } = autopsy(death, cpu, data, tail);
            let hint = problem.hint.clone().unwrap_or_default();
            assert!(!hint.contains("workers'"), "no key has that name: {hint}");
            assert_eq!(problem.code, code, "{death:?} {tail:?}");
            assert!(
                problem.detail.contains(text),
                "{:?} lacks {text:?}",
                problem.detail
            );
        }
    }

    #[test]
    fn the_culprit_is_named() {
        let Failure { ending, problem } = autopsy(Death::Signal(11), 0, 0, "");
        assert_eq!(ending, Ending::Crashed);
        assert_eq!(problem.step.as_deref(), Some("s0"));
        assert_eq!(problem.page, Some(3));
        assert_eq!(
            problem.plugin.as_deref(),
            Some("pages 1.0.0 (00ff00ff00ff)")
        );
    }
}

//! Writes a filter's program: classic BPF over the number and the arguments of a call (linux/seccomp.h).
//!
//! The numbers are a tree and not a list. The kernel tries a new filter with every number that there is, so that a list
//! of a hundred takes longer to install than a worker takes to be born; a tree takes a third of it (seccompiler, the library
//! for this, writes lists and cannot hold calls up).

use dropleaf_plugin_host::filter::Instruction;
use std::ops::Range;

/// Numbers that are looked at one after the other.
const LEAF: usize = 8;
/// Numbers of the x32 ABI start here; a filter by number would not see through them.
const X32: u32 = 0x4000_0000;

/// A call that is denied: always, or if one of the tests says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) call: i64,
    pub(super) name: &'static str,
    pub(super) tests: Vec<Test>,
    /// What it fails with.
    pub(super) error: i32,
    /// What becomes of a call that no test denies.
    pub(super) others: Others,
}

/// What becomes of the calls that a rule's tests leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Pass,
    /// They are held up where that can be, but for those that are made from one of these addresses.
    HoldUp(Range<u64>),
}

impl Rule {
    pub(super) fn is_denied_always(&self) -> bool {
        self.tests.is_empty() && self.others == Others::Pass
    }
}

/// Looks at one half of one argument. Most arguments are `int`s, whose upper half means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    argument: u32,
    upper: bool,
    bits: u32,
    values: Vec<u32>,
    denies_others: bool,
    found: Found,
}

/// What becomes of a call that a test has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Denied,
    DeniedSilently,
    Passed,
}

impl Test {
    /// Denies where the argument is one of these.
    pub(super) fn one_of(argument: u32, values: &[u32]) -> Self {
        Self {
            argument,
            upper: false,
            bits: u32::MAX,
            values: values.to_vec(),
            denies_others: false,
            found: Found::Denied,
        }
    }

    /// Denies where the argument is none of these.
    pub(super) fn none_of(argument: u32, values: &[u32]) -> Self {
        Self {
            denies_others: true,
            ..Self::one_of(argument, values)
        }
    }

    /// The same of the upper half.
    pub(super) fn upper(self) -> Self {
        Self {
            upper: true,
            ..self
        }
    }

    /// The same of these bits only.
    pub(super) fn of_bits(self, bits: u32) -> Self {
        Self { bits, ..self }
    }

    /// The same without anybody being told.
    pub(super) fn silent(self) -> Self {
        Self {
            found: Found::DeniedSilently,
            ..self
        }
    }

    /// The same, but what would be denied passes, whatever comes after it.
    pub(super) fn passed(self) -> Self {
        Self {
            found: Found::Passed,
            ..self
        }
    }
}

/// What becomes of denied calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// They are held up until the listener answers.
    HoldUp,
    /// They fail at once.
    Refuse,
}

/// The program of these rules; `None` on an architecture whose mark is not known.
pub(super) fn write(mut rules: Vec<Rule>, denial: Denial) -> Option<Vec<Instruction>> {
    rules.sort_by_key(|rule| rule.call);
    let mut program = vec![
        load(4),
        jump_if(libc::BPF_JEQ, architecture()?, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(0),
    ];
    program.extend(tree(&rules, denial));
    Some(program)
}

/// `ENOSYS` for `clone3` and for every number of the x32 ABI.
pub(super) fn absences() -> Vec<Instruction> {
    let clone3 = number(libc::SYS_clone3);
    vec![
        load(0),
        jump_if(libc::BPF_JEQ, clone3, 1, 0),
        jump_if(libc::BPF_JGE, X32, 0, 1),
        answer(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()),
        answer(libc::SECCOMP_RET_ALLOW),
    ]
}

/// `AUDIT_ARCH_...` of linux/audit.h.
fn architecture() -> Option<u32> {
    match std::env::consts::ARCH {
        "x86_64" => Some(0xC000_003E),
        "aarch64" => Some(0xC000_00B7),
        "riscv64" => Some(0xC000_00F3),
        _ => None,
    }
}

fn tree(rules: &[Rule], denial: Denial) -> Vec<Instruction> {
    if rules.len() <= LEAF {
        return leaf(rules, denial);
    }
    let (left, right) = rules.split_at(rules.len() / 2);
    let (below, above) = (tree(left, denial), tree(right, denial));
    let mut program = past_if(libc::BPF_JGE, number(right[0].call), below.len());
    program.extend(below);
    program.extend(above);
    program
}

/// Those whose arguments are looked at come first; all others share the answers behind them.
fn leaf(rules: &[Rule], denial: Denial) -> Vec<Instruction> {
    let (always, tested): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().partition(|rule| rule.is_denied_always());
    let mut program = Vec::new();
    for rule in tested {
        let body = body(rule, denial);
        program.extend(past_unless(libc::BPF_JEQ, number(rule.call), body.len()));
        program.extend(body);
    }
    let mut answers: Vec<u32> = always.iter().map(|rule| denied(rule, denial)).collect();
    answers.dedup();
    for (index, rule) in always.iter().enumerate() {
        let place = answers
            .iter()
            .position(|what| *what == denied(rule, denial));
        // Past the numbers that are left, what allows, and the answers before its own.
        let over = always.len() - index + place.unwrap_or(0);
        program.push(jump_if(libc::BPF_JEQ, number(rule.call), near(over), 0));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program.extend(answers.into_iter().map(answer));
    program
}

/// What becomes of a call that the rule denies.
fn denied(rule: &Rule, denial: Denial) -> u32 {
    match denial {
        Denial::HoldUp => libc::SECCOMP_RET_USER_NOTIF,
        Denial::Refuse => refuse(rule.error),
    }
}

/// Ends with an answer, whatever the arguments are.
fn body(rule: &Rule, denial: Denial) -> Vec<Instruction> {
    let answer_of = |found| match found {
        Found::Denied => denied(rule, denial),
        Found::DeniedSilently => refuse(rule.error),
        Found::Passed => libc::SECCOMP_RET_ALLOW,
    };
    let tests = rule.tests.iter();
    let looks = tests.flat_map(|test| look(test, answer_of(test.found)));
    let mut program: Vec<Instruction> = looks.collect();
    if let (Others::HoldUp(from), Denial::HoldUp) = (&rule.others, denial) {
        program.extend(hold_up_but(from));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// Holds up what is not called from there: by the two halves of the address behind the call. Addresses that do not share their upper
/// half belong to no loader.
fn hold_up_but(from: &Range<u64>) -> Vec<Instruction> {
    let held = answer(libc::SECCOMP_RET_USER_NOTIF);
    let half = |address: u64| u32::try_from(address & u64::from(u32::MAX)).unwrap_or(0);
    let upper = |address: u64| half(address >> 32);
    if from.is_empty() || upper(from.start) != upper(from.end) {
        return vec![held];
    }
    let (low, high) = match cfg!(target_endian = "little") {
        true => (8, 12),
        false => (12, 8),
    };
    vec![
        load(high),
        jump_if(libc::BPF_JEQ, upper(from.start), 0, 3),
        load(low),
        jump_if(libc::BPF_JGE, half(from.start), 0, 1),
        jump_if(libc::BPF_JGE, half(from.end), 0, 1),
        held,
    ]
}

/// Answers, or falls through to the next test.
fn look(test: &Test, found: u32) -> Vec<Instruction> {
    let upper = u32::from(test.upper == cfg!(target_endian = "little")) * 4;
    let mut program = vec![load(16 + 8 * test.argument + upper)];
    if test.bits != u32::MAX {
        program.push(plain(libc::BPF_ALU | libc::BPF_AND, test.bits));
    }
    let count = test.values.len();
    for (index, &value) in test.values.iter().enumerate() {
        let left = count - 1 - index;
        let (hit, miss) = match (test.denies_others, left) {
            // Past the other values and the answer.
            (true, _) => (left + 1, 0),
            (false, 0) => (0, 1),
            (false, _) => (left, 0),
        };
        program.push(jump_if(libc::BPF_JEQ, value, near(hit), near(miss)));
    }
    program.push(answer(found));
    program
}

/// An error by the filter alone.
fn refuse(error: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | error.unsigned_abs()
}

fn load(offset: u32) -> Instruction {
    plain(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

fn answer(what: u32) -> Instruction {
    plain(libc::BPF_RET | libc::BPF_K, what)
}

fn jump(over: usize) -> Instruction {
    let over = u32::try_from(over).unwrap_or(u32::MAX);
    plain(libc::BPF_JMP | libc::BPF_JA, over)
}

fn jump_if(how: u32, k: u32, jt: u8, jf: u8) -> Instruction {
    let code = code(libc::BPF_JMP | how | libc::BPF_K);
    Instruction { code, jt, jf, k }
}

/// Goes past so many instructions if the test holds. What jumps on a test jumps no further than a byte says.
fn past_if(how: u32, k: u32, over: usize) -> Vec<Instruction> {
    match u8::try_from(over) {
        Ok(over) => vec![jump_if(how, k, over, 0)],
        Err(_) => vec![jump_if(how, k, 0, 1), jump(over)],
    }
}

/// The same if it does not hold.
fn past_unless(how: u32, k: u32, over: usize) -> Vec<Instruction> {
    match u8::try_from(over) {
        Ok(over) => vec![jump_if(how, k, 0, over)],
        Err(_) => vec![jump_if(how, k, 1, 0), jump(over)],
    }
}

fn plain(what: u32, k: u32) -> Instruction {
    let code = code(what);
    Instruction {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

fn code(what: u32) -> u16 {
    u16::try_from(what).unwrap_or(u16::MAX)
}

fn near(over: usize) -> u8 {
    u8::try_from(over).unwrap_or(u8::MAX)
}

fn number(call: i64) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

//! The programs are run here by a small machine of our own, as the kernel would run them.

use super::*;
use crate::wire::nursery::Reach;
use crate::worker::seccomp::denied::{self, Readers};

/// Where the loader's code lies here.
const LOADER: Range<u64> = 0x7f20_0000_1000..0x7f20_0002_6000;

/// What the kernel would answer to a call of the plugin's.
fn run(program: &[Instruction], call: i64, arguments: [u64; 6]) -> u32 {
    run_from(program, 0x7f20_0100_0000, call, arguments)
}

/// What it would answer to a call from this address.
fn run_from(program: &[Instruction], from: u64, call: i64, arguments: [u64; 6]) -> u32 {
    let word = |offset: u32| match offset {
        0 => number(call),
        4 => architecture().expect("one that is known"),
        _ => {
            let words = [&[from][..], &arguments].concat();
            let argument = words[(offset as usize - 8) / 8];
            let upper = (offset % 8 == 4) == cfg!(target_endian = "little");
            u32::try_from(if upper {
                argument >> 32
            } else {
                argument & 0xFFFF_FFFF
            })
            .expect("half")
        }
    };
    let (mut at, mut held) = (0, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let what = u32::from(code);
        let hit = match what & 0xF0 {
            libc::BPF_JEQ => held == k,
            libc::BPF_JGE => held >= k,
            _ => false,
        };
        match what & 0x07 {
            libc::BPF_LD => held = word(k),
            libc::BPF_ALU => held &= k,
            libc::BPF_RET => return k,
            _ if what & 0xF0 == libc::BPF_JA => at += k as usize,
            _ => at += usize::from(if hit { jt } else { jf }),
        }
    }
}

fn of(reach: &Reach) -> Vec<Instruction> {
    let rules = denied::rules(4711, reach, &Readers::Loader(LOADER));
    write(rules, Denial::HoldUp).expect("an architecture that is known")
}

#[test]
fn every_rule_is_found_and_nothing_else() {
    let rules = denied::rules(4711, &Reach::default(), &Readers::All);
    let program = of(&Reach::default());
    assert!(program.len() < 4096, "the kernel's limit");
    for call in 0..500 {
        let rule = rules.iter().find(|rule| rule.call == call);
        let answer = run(&program, call, [0; 6]);
        match rule {
            None => assert_eq!(answer, libc::SECCOMP_RET_ALLOW, "{call}"),
            Some(rule) if rule.tests.is_empty() => {
                assert_eq!(answer, libc::SECCOMP_RET_USER_NOTIF, "{}", rule.name);
            }
            Some(_) => {}
        }
    }
}

#[test]
fn arguments_decide() {
    use libc::{SECCOMP_RET_ALLOW as PASS, SECCOMP_RET_USER_NOTIF as HELD};
    let program = of(&Reach::default());
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    for (call, arguments, expected) in [
        (libc::SYS_kill, [4711, 9, 0, 0, 0, 0], PASS),
        (libc::SYS_kill, [1, 9, 0, 0, 0, 0], HELD),
        (libc::SYS_kill, [u64::MAX, 9, 0, 0, 0, 0], HELD),
        (libc::SYS_clone, [17, 0, 0, 0, 0, 0], HELD),
        (libc::SYS_clone, [thread, 0, 0, 0, 0, 0], PASS),
        (libc::SYS_fcntl, [3, 1, 0, 0, 0, 0], PASS),
        (libc::SYS_fcntl, [3, 8, 0, 0, 0, 0], HELD),
        (libc::SYS_fcntl, [3, 1026, 0, 0, 0, 0], HELD),
        (libc::SYS_prlimit64, [0, 7, 0, 1 << 40, 0, 0], PASS),
        (libc::SYS_prlimit64, [0, 7, 1 << 40, 0, 0, 0], HELD),
        (libc::SYS_prlimit64, [0, 7, 8, 0, 0, 0], HELD),
        (libc::SYS_ioctl, [1, 0x5401, 0, 0, 0, 0], PASS),
        (libc::SYS_ioctl, [1, 0x5412, 0, 0, 0, 0], HELD),
        (libc::SYS_socketpair, [1, 1 | 0x80000, 0, 0, 0, 0], HELD),
        (libc::SYS_socketpair, [1, 2 | 0x80000, 0, 0, 0, 0], HELD),
        (libc::SYS_socket, [0, 0, 0, 0, 0, 0], refuse(libc::EPERM)),
        (libc::SYS_socket, [2, 1, 0, 0, 0, 0], HELD),
        (libc::SYS_openat2, [0; 6], refuse(libc::ENOSYS)),
        (libc::SYS_openat, [3, 0, 2, 0, 0, 0], HELD),
        (libc::SYS_openat, [3, 0, 0o100, 0, 0, 0], HELD),
        (libc::SYS_mmap, [0, 9, 3, 0x22, 0, 0], PASS),
        (libc::SYS_mmap, [0, 9, 3, 0x01, 3, 0], PASS),
        (libc::SYS_mmap, [0, 9, 3, 0x21, 0, 0], HELD),
        (libc::SYS_mmap, [0, 9, 3, 0x23, 0, 0], HELD),
        (libc::SYS_mmap, [0, 9, 3, 0x2_0022, 0, 0], PASS),
        (libc::SYS_mmap, [0, 9, 3, 0x122, 0, 0], HELD),
    ] {
        assert_eq!(
            run(&program, call, arguments),
            expected,
            "{call} {arguments:?}"
        );
    }
}

#[test]
fn what_is_granted_is_open_and_no_more() {
    use libc::{SECCOMP_RET_ALLOW as PASS, SECCOMP_RET_USER_NOTIF as HELD};
    let program = of(&Reach {
        programs: vec![std::path::Path::new("/bin/true").into()],
        ports: vec![443],
        ..Reach::default()
    });
    let user = libc::CLONE_NEWUSER.unsigned_abs().into();
    for (call, arguments, expected) in [
        (libc::SYS_execve, [0; 6], PASS),
        (libc::SYS_execveat, [0; 6], HELD),
        (libc::SYS_clone, [17, 0, 0, 0, 0, 0], PASS),
        (libc::SYS_clone, [user, 0, 0, 0, 0, 0], HELD),
        (libc::SYS_socket, [2, 1 | 0x80000, 6, 0, 0, 0], PASS),
        (libc::SYS_socket, [2, 2, 0, 0, 0, 0], HELD),
        (libc::SYS_socket, [1, 1, 0, 0, 0, 0], HELD),
        (libc::SYS_socket, [2, 1, 262, 0, 0, 0], HELD),
        (libc::SYS_connect, [0; 6], PASS),
        (libc::SYS_bind, [0; 6], HELD),
        (libc::SYS_sendto, [3, 0, 0, 0, 0, 0], PASS),
        (libc::SYS_sendto, [3, 0, 0, 0x2000_0000, 0, 0], HELD),
        (libc::SYS_openat, [3, 0, 2, 0, 0, 0], PASS),
    ] {
        assert_eq!(
            run(&program, call, arguments),
            expected,
            "{call} {arguments:?}"
        );
    }
}

#[test]
fn reading_is_held_up_but_for_the_loader() {
    use libc::{SECCOMP_RET_ALLOW as PASS, SECCOMP_RET_USER_NOTIF as HELD};
    let scratch = Reach {
        scratch: Some(std::path::Path::new("/work/1").into()),
        ..Reach::default()
    };
    let (reading, writing) = ([3, 0, 0x8_0000, 0, 0, 0], [3, 0, 0x8_0001, 0, 0, 0]);
    for (from, expected) in [
        (LOADER.start - 1, HELD),
        (LOADER.start, PASS),
        (LOADER.end - 1, PASS),
        (LOADER.end, HELD),
        (LOADER.start + (1 << 32), HELD),
        (LOADER.start - (1 << 32), HELD),
        (0, HELD),
    ] {
        for reach in [&Reach::default(), &scratch] {
            let answer = run_from(&of(reach), from, libc::SYS_openat, reading);
            assert_eq!(answer, expected, "{from:#x} {reach:?}");
        }
    }
    let writes = |reach: &Reach| run_from(&of(reach), LOADER.start, libc::SYS_openat, writing);
    assert_eq!(writes(&Reach::default()), HELD, "by whomever");
    assert_eq!(writes(&scratch), PASS, "where, only Landlock knows");
    for odd in [0..0, LOADER.start..LOADER.start + (1 << 32)] {
        let rules = denied::rules(4711, &Reach::default(), &Readers::Loader(odd));
        let program = write(rules, Denial::HoldUp).expect("an architecture that is known");
        let answer = run_from(&program, LOADER.start, libc::SYS_openat, reading);
        assert_eq!(answer, HELD, "a loader that nobody knows");
    }
    let rules = denied::rules(4711, &Reach::default(), &Readers::All);
    let program = write(rules, Denial::HoldUp).expect("an architecture that is known");
    assert_eq!(run(&program, libc::SYS_openat, reading), PASS);
}

#[test]
fn without_a_listener_each_call_is_refused_with_its_own_error() {
    let rules = denied::rules(4711, &Reach::default(), &Readers::Loader(LOADER));
    let program = write(rules, Denial::Refuse).expect("an architecture that is known");
    assert_eq!(run(&program, libc::SYS_ptrace, [0; 6]), refuse(libc::EPERM));
    let for_writing = [3, 0, 2, 0, 0, 0];
    let refused = run(&program, libc::SYS_openat, for_writing);
    assert_eq!(refused, refuse(libc::EACCES));
    let reading = run(&program, libc::SYS_openat, [3, 0, 0, 0, 0, 0]);
    assert_eq!(reading, libc::SECCOMP_RET_ALLOW);
}

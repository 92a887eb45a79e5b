//! What it says to the daemon itself, over the control socket that is the worker's alone.

use crate::crimes::outcome;
use crate::{Mode, excess};
use dropleaf_plugin_sdk::prelude::*;
use std::time::Duration;

pub(crate) fn tell(mode: Mode, text: &str) -> Result<()> {
    match mode {
        Mode::Noise => say(b"\xff\xff\xff\xffnoise"),
        Mode::FinishEarly => finish_early(),
        Mode::UnsealedOutput => unsealed_output(),
        Mode::HiddenBlocks => hidden_blocks(text),
        Mode::LieBill => lie_bill(text),
        Mode::LieReasons => lie_reasons(),
        Mode::FloodResults => flood_results(),
        Mode::RepeatStep => repeat_step(),
        _ => Err(Error::failed("no such mode")),
    }
}

/// The control socket is the only socket that this process has.
fn control_socket() -> Option<i32> {
    (0..1024).find(|&descriptor| {
        // SAFETY: plain numbers and a place of the size that is said.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            libc::fstat(descriptor, &raw mut stat) == 0
                && stat.st_mode & libc::S_IFMT == libc::S_IFSOCK
        }
    })
}

fn say(bytes: &[u8]) -> Result<()> {
    let Some(socket) = control_socket() else {
        return Err(Error::failed("no control socket"));
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: the bytes are there; whose descriptor it is, is the point.
        let sent = unsafe { libc::write(socket, rest.as_ptr().cast(), rest.len()) };
        outcome("write", i32::try_from(sent).unwrap_or(-1))?;
        rest = &rest[usize::try_from(sent).unwrap_or(0)..];
    }
    Ok(())
}

fn framed(message: &serde_json::Value) -> Vec<u8> {
    let body = message.to_string().into_bytes();
    let mut frame = u32::try_from(body.len())
        .unwrap_or(0)
        .to_le_bytes()
        .to_vec();
    frame.extend(body);
    frame
}

fn finish_early() -> Result<()> {
    say(&framed(&json!({ "say": "finished", "bill": bill() })))
}

fn bill() -> serde_json::Value {
    json!({ "parses": 0, "saves": 0, "pages_in": 0, "pages_out": 0, "peak_kib": 0, "cpu_ms": 0 })
}

fn unsealed_output() -> Result<()> {
    // SAFETY: a new descriptor of ours.
    let file = unsafe { libc::memfd_create(c"loose".as_ptr(), 0) };
    send_output(file, "/out")
}

/// Ends the step and hands the daemon this file as the result.
pub(crate) fn send_output(file: i32, folder: &str) -> Result<()> {
    end_step(json!({}))?;
    send_part(1, file, folder)?;
    finish_early()
}

/// Takes as much memory beyond its end as one file may, twice.
fn hidden_blocks(folder: &str) -> Result<()> {
    const MUCH: i64 = 24 << 20;
    end_step(json!({}))?;
    for part in 1..=2 {
        let file = excess::memory(b"%PDF-1.7\n")?;
        // SAFETY: plain numbers.
        outcome("fallocate", unsafe {
            libc::fallocate(file, libc::FALLOC_FL_KEEP_SIZE, 0, MUCH)
        })?;
        excess::seal(file, excess::ALL)?;
        send_part(part, file, folder)?;
    }
    finish_early()?;
    wait()
}

/// Tells the largest number there is for this part of the bill.
fn lie_bill(part: &str) -> Result<()> {
    let file = excess::memory(b"%PDF-1.7\n")?;
    excess::seal(file, excess::ALL)?;
    end_step(json!({}))?;
    send_part(1, file, "/out")?;
    let mut bill = bill();
    bill[part] = u64::MAX.into();
    say(&framed(&json!({ "say": "finished", "bill": bill })))?;
    wait()
}

/// Long ones, that do things to terminals.
fn lie_reasons() -> Result<()> {
    let reason = || "\u{1b}[31m".repeat(40_000);
    let problem = || json!({ "code": "step-failed", "detail": reason(), "hint": reason() });
    let mut failed = turn("step_failed", 0);
    (failed["problem"], failed["continued"]) = (problem(), true.into());
    let mut skipped = turn("step_skipped", 1);
    skipped["condition"] = reason().into();
    let last =
        json!({ "say": "failed", "rejected": false, "cancelled": false, "problem": problem() });
    for said in [failed, skipped, last] {
        say(&framed(&said))?;
    }
    wait()
}

/// More than a run may publish.
fn flood_results() -> Result<()> {
    end_step(json!({ "much": "x".repeat(1_000_000) }))?;
    wait()
}

/// Begins the same step on the same document for ever.
fn repeat_step() -> Result<()> {
    loop {
        end_step(json!({ "much": "x".repeat(10_000) }))?;
        say(&framed(&turn("step_started", 0)))?;
    }
}

fn end_step(results: serde_json::Value) -> Result<()> {
    let mut finished = turn("step_finished", 0);
    finished["documents"] = 1.into();
    finished["results"] = results;
    say(&framed(&finished))
}

fn turn(say: &str, step: u32) -> serde_json::Value {
    json!({ "say": say, "step": step, "part": 1, "parts": 1, "ms": u64::MAX })
}

fn send_part(part: u32, file: i32, folder: &str) -> Result<()> {
    let name = format!("{part}.pdf");
    let output =
        json!({ "say": "output", "part": part, "pages": 1, "name": name, "folder": folder });
    send_with(&framed(&output), file)
}

/// The daemon has its last word; the host must not add another.
pub(crate) fn wait() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

fn send_with(bytes: &[u8], descriptor: i32) -> Result<()> {
    let Some(socket) = control_socket() else {
        return Err(Error::failed("no control socket"));
    };
    // SAFETY: every pointer is to a place on this stack that outlives the call; the buffer is larger than one descriptor
    // needs and aligned as its header.
    let sent = unsafe {
        let mut part = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let mut control = [0u64; 8];
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header)
            .cast::<i32>()
            .write_unaligned(descriptor);
        libc::sendmsg(socket, &raw const message, 0)
    };
    outcome("sendmsg", i32::try_from(sent).unwrap_or(-1))
}

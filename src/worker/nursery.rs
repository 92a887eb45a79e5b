//! The process that workers are born in: started once, never given anything of a job, copied for each worker.
//!
//! Starting this program takes the dynamic loader longer than a small job takes; a copy of a process that has started already
//! has nothing left to do. So the daemon starts one nursery, and for each worker the nursery copies itself. It reads no
//! document and loads no plugin, and so there is nothing of one job that another job's worker could find in its memory. A
//! copy is the daemon's child and not the nursery's: the daemon waits for it, and it ends with the daemon.

use crate::wire::nursery::{Line, Own, Request};
use crate::worker::confine::{self, ConfineError, Shared};
use crate::worker::fences::Fences;
use crate::worker::landlock::Fence;
use crate::worker::options::Options;
use crate::worker::wards::{self, Wards};
use dropleaf_plugin_host::{Forked, fork_sibling};
use std::io;
use std::os::fd::AsFd as _;

/// What a worker is born with.
pub(super) struct Born {
    /// What it has to itself.
    pub(super) own: Own,
    /// What the nursery has locked all of them out of.
    pub(super) shared: Shared,
    /// Its fence, ready to be closed.
    pub(super) fence: Option<Fence>,
}

/// Bears workers until the daemon hangs up (`None`). In each copy it returns at once.
pub(super) fn bear(options: &Options) -> Result<Option<Born>, ConfineError> {
    let failed = |error| ConfineError::Failed("serve the daemon as its nursery", error);
    confine::follow_parent(options.parent)?;
    let line = Line::of(confine::take_control()?);
    let shared = confine::confine_nursery(options)?;
    let mut fences = Fences::default();
    let mut wards = Wards::default();
    loop {
        while wards.are_there() && !line.waits(wards::LOOK).map_err(failed)? {
            wards.look(options.parent)?;
        }
        let request = match line.next() {
            Ok(Some(request)) => request,
            Err(error) if !is_hung_up(&error) => {
                wards.end();
                return Err(failed(error));
            }
            // The daemon has hung up, or was killed.
            Ok(None) | Err(_) => {
                wards.end();
                return Ok(None);
            }
        };
        let may_start_programs = !request.own.reach.programs.is_empty();
        fences.make_ready(options, &request.own);
        match fork_sibling() {
            Ok(Forked::Copy) => {
                drop(line);
                // The other ones are not this worker's: who holds one can add to it.
                let fence = fences.into_one(&request.own);
                let own = settle(request).map_err(failed)?;
                return Ok(Some(Born { own, shared, fence }));
            }
            Ok(Forked::Original(id)) => {
                if may_start_programs {
                    wards.welcome(id).map_err(failed)?;
                }
                answer(&line, Ok(id)).map_err(failed)?;
            }
            Err(error) => answer(&line, Err(error)).map_err(failed)?,
        }
    }
}

/// Answers a request. A daemon that has hung up meanwhile is heard of with the next.
fn answer(line: &Line, born: io::Result<u32>) -> io::Result<()> {
    match line.answer(born) {
        Err(error) if is_hung_up(&error) => Ok(()),
        answered => answered,
    }
}

/// Whether the other end is closed: a command without a daemon ends while a worker is born for it.
fn is_hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// Gives the copy its own group, socket and output.
fn settle(request: Request) -> io::Result<Own> {
    let Request {
        own,
        control,
        output,
    } = request;
    rustix::process::setpgid(None, None)?;
    rustix::stdio::dup2_stdin(control)?;
    rustix::stdio::dup2_stdout(output.as_fd())?;
    rustix::stdio::dup2_stderr(output)?;
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_has_hung_up_is_no_failure() {
        let (daemon, theirs) = Line::pair().expect("a socket");
        let line = Line::of(theirs);
        drop(daemon);
        answer(&line, Ok(4711)).expect("nobody is there to be told");
        let broken = line.answer(Ok(4711)).expect_err("it is closed");
        assert!(is_hung_up(&broken), "{broken:?}");
    }
}

//! How the daemon asks the nursery for workers: one packet for each, and one in answer.
//!
//! Both ends are this program, and nothing else ever speaks here: the socket is closed in each worker before it begins.

use crate::raw_path::RawPath;
use crate::wire::socket;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

/// The longest packet: what is granted, some paths and a few numbers.
const PACKET: usize = 16 << 10;

/// What one worker has to itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// The user and group id to become where the daemon is root.
    pub user: Option<u32>,
    /// What it may reach.
    #[serde(default)]
    pub reach: Reach,
}

/// What one worker may reach beyond what all may: granted for its attempt by the operator, never by a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// A folder that it may write.
    pub scratch: Option<RawPath>,
    /// Programs that it may start.
    pub programs: Vec<RawPath>,
    /// Files and folders that these programs read.
    pub readable: Vec<RawPath>,
    /// TCP ports that it may connect to.
    pub ports: Vec<u16>,
}

/// What the nursery answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Born(u32),
    Failed(String),
}

/// What the nursery is asked for.
#[derive(Debug)]
pub struct Request {
    /// What the worker has to itself.
    pub own: Own,
    /// Its end of the control socket.
    pub control: OwnedFd,
    /// Where it prints.
    pub output: OwnedFd,
}

/// One end of the conversation.
#[derive(Debug)]
pub struct Line {
    socket: OwnedFd,
    /// Where packets are received; kept, because a new one takes a page fault for each of its pages.
    space: RefCell<Vec<u8>>,
}

impl Line {
    /// Both ends.
    ///
    /// # Errors
    /// Too many descriptors.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)?;
        Ok((Self::of(ours), theirs))
    }

    /// The end that was given to the nursery.
    #[must_use]
    pub fn of(socket: OwnedFd) -> Self {
        let space = RefCell::new(vec![0; PACKET]);
        Self { socket, space }
    }

    /// Asks for a worker and waits for its process id.
    ///
    /// # Errors
    /// `BrokenPipe` and the like where the nursery is gone; `Other` where it could not make one.
    pub fn ask(
        &self,
        own: &Own,
        control: BorrowedFd<'_>,
        output: BorrowedFd<'_>,
    ) -> io::Result<u32> {
        self.send(own, &[control, output])?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        match self.receive()?.ok_or_else(gone)? {
            (Answer::Born(id), _) => Ok(id),
            (Answer::Failed(why), _) => Err(io::Error::other(why)),
        }
    }

    /// Waits so long for a request, or for the daemon to hang up; whether one of them has come.
    ///
    /// # Errors
    /// The kernel's.
    pub fn waits(&self, patience: Duration) -> io::Result<bool> {
        let mut waited = [PollFd::new(&self.socket, PollFlags::IN)];
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        let come = rustix::io::retry_on_intr(|| poll(&mut waited, Some(&patience)))?;
        Ok(come > 0)
    }

    /// Waits for the next request; `None` where the daemon has hung up.
    ///
    /// # Errors
    /// Of the socket, and words that make no sense.
    pub fn next(&self) -> io::Result<Option<Request>> {
        let Some((own, descriptors)) = self.receive()? else {
            return Ok(None);
        };
        let [control, output] = <[OwnedFd; 2]>::try_from(descriptors)
            .map_err(|_| io::Error::other("a request comes with two descriptors"))?;
        Ok(Some(Request {
            own,
            control,
            output,
        }))
    }

    /// Answers the last request.
    ///
    /// # Errors
    /// Of the socket.
    pub fn answer(&self, born: io::Result<u32>) -> io::Result<()> {
        let answer = match born {
            Ok(id) => Answer::Born(id),
            Err(error) => Answer::Failed(error.to_string()),
        };
        self.send(&answer, &[])
    }

    fn send(&self, what: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let packet = serde_json::to_vec(what)?;
        if packet.len() > PACKET {
            return Err(io::Error::other("a packet is too long"));
        }
        socket::send(
            self.socket.as_fd(),
            &packet,
            descriptors,
            SendFlags::empty(),
        )?;
        Ok(())
    }

    fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut space = self.space.borrow_mut();
        let got = match socket::receive(self.socket.as_fd(), &mut space, RecvFlags::empty()) {
            // The other end is gone, and had not read our last answer.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            got => got?,
        };
        if got.count == 0 {
            return Ok(None);
        }
        let what = serde_json::from_slice(&space[..got.count])?;
        Ok(Some((what, got.descriptors)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::pipe;

    #[test]
    fn a_request_comes_with_its_descriptors_and_is_answered() {
        let (daemon, theirs) = Line::pair().expect("a socket");
        let nursery = std::thread::spawn(move || {
            let line = Line::of(theirs);
            let request = line.next().expect("a packet").expect("a request");
            line.answer(Ok(4711)).expect("answered");
            let _second = line.next().expect("a packet").expect("a request");
            line.answer(Err(io::Error::other("no memory")))
                .expect("answered");
            assert!(line.next().expect("the end").is_none());
            request
        });
        let own = Own {
            user: Some(60_700),
            reach: Reach {
                scratch: Some(std::path::Path::new("/home/work/worker-0").into()),
                ..Reach::default()
            },
        };
        let (one, other) = pipe().expect("a pipe");
        let ask = || daemon.ask(&own, one.as_fd(), other.as_fd());
        assert_eq!(ask().expect("born"), 4711);
        let failed = ask().expect_err("it said so");
        assert_eq!(failed.to_string(), "no memory");
        drop(daemon);
        assert_eq!(nursery.join().expect("no panic").own, own);
    }
}

//! The worker's end of the control socket: it sends and waits, and looks for a word from the daemon between two pages.

use crate::wire::frame::{Decoder, Frame, FrameError, encode};
use crate::wire::message::{ToDaemon, ToWorker};
use crate::wire::socket;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long a descriptor is tried to be sent: less than an attempt may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a look at the socket found.
#[derive(Debug)]
pub enum Heard {
    /// The daemon said this.
    Word(Frame<ToWorker>),
    /// Nothing (yet).
    Nothing,
    /// The daemon has closed its end.
    End,
}

/// A blocking control socket.
#[derive(Debug)]
pub struct Control {
    socket: OwnedFd,
    decoder: Decoder,
}

impl Control {
    /// Over a connected stream socket in blocking mode.
    #[must_use]
    pub fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            decoder: Decoder::default(),
        }
    }

    /// Sends one message with its descriptor, waiting while the daemon is busy.
    ///
    /// # Errors
    /// A message that is too long, or a daemon that is gone.
    pub fn say(
        &self,
        message: &ToDaemon,
        descriptor: Option<BorrowedFd<'_>>,
    ) -> Result<(), FrameError> {
        let bytes = encode(message)?;
        let (mut rest, mut descriptor) = (bytes.as_slice(), descriptor);
        while !rest.is_empty() {
            let socket = self.socket.as_fd();
            let sent = patiently(PATIENCE, || {
                socket::send(socket, rest, descriptor.as_slice(), SendFlags::empty())
            })?;
            descriptor = None;
            rest = &rest[sent..];
        }
        Ok(())
    }

    /// Waits for the next message; `End` where the daemon has closed.
    ///
    /// # Errors
    /// A socket that fails or a daemon that breaks the protocol.
    pub fn wait(&mut self) -> Result<Heard, FrameError> {
        self.hear(RecvFlags::empty())
    }

    /// The next message if it is there already.
    ///
    /// # Errors
    /// As [`Control::wait`].
    pub fn look(&mut self) -> Result<Heard, FrameError> {
        self.hear(RecvFlags::DONTWAIT)
    }

    /// Tells the daemon that nothing more will be said.
    pub fn finish(&self) {
        // The daemon may have closed first; then there is nobody left to tell.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
    }

    fn hear(&mut self, flags: RecvFlags) -> Result<Heard, FrameError> {
        loop {
            let got = match socket::receive(self.socket.as_fd(), self.decoder.space(), flags) {
                Ok(got) => got,
                Err(Errno::AGAIN) => return Ok(Heard::Nothing),
                Err(Errno::CONNRESET) => return Ok(Heard::End),
                Err(errno) => return Err(failed("read", errno)),
            };
            got.check()?;
            if got.count == 0 {
                return self.decoder.ended().map(|()| Heard::End);
            }
            if let Some(frame) = self.decoder.filled(got.count, got.descriptors)? {
                return Ok(Heard::Word(frame));
            }
        }
    }
}

/// Sends, where too many descriptors are under way again and again: the kernel wakes nobody when there is room again.
fn patiently(
    patience: Duration,
    mut send: impl FnMut() -> Result<usize, Errno>,
) -> Result<usize, FrameError> {
    let began = Instant::now();
    loop {
        match send() {
            Ok(sent) => return Ok(sent),
            Err(Errno::TOOMANYREFS) if began.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(Errno::TOOMANYREFS) => return Err(FrameError::Crowded),
            Err(errno) => return Err(failed("write", errno)),
        }
    }
}

fn failed(doing: &'static str, errno: Errno) -> FrameError {
    FrameError::Socket {
        doing,
        source: errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_a_descriptor_is_waited_for_and_not_for_ever() {
        let full = || Err(Errno::TOOMANYREFS);
        let given_up = patiently(Duration::from_millis(20), full);
        assert!(matches!(given_up, Err(FrameError::Crowded)));
        let mut tries = 0;
        let sent = patiently(Duration::from_secs(60), || {
            tries += 1;
            if tries < 5 { full() } else { Ok(3) }
        });
        assert_eq!((sent.expect("there is room again"), tries), (3, 5));
        let gone = patiently(Duration::from_secs(60), || Err(Errno::PIPE));
        assert!(matches!(gone, Err(FrameError::Socket { .. })));
    }
}

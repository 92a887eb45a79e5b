//! The worker's end of the control socket: it sends and waits, and looks for a word from the daemon between two pages.

use crate::wire::frame::{Decoder, Frame, FrameError, encode};
use crate::wire::message::{ToDaemon, ToWorker};
use crate::wire::socket;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

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
            let sent = match socket::send(
                self.socket.as_fd(),
                rest,
                descriptor.as_slice(),
                SendFlags::empty(),
            ) {
                Ok(sent) => sent,
                // The kernel bounds how many descriptors one user has under way (unix(7), ETOOMANYREFS). It wakes nobody
                // when there is room again, so this looks.
                Err(Errno::TOOMANYREFS) => {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Err(errno) => return Err(failed("write", errno)),
            };
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
            if got.truncated {
                return Err(FrameError::TooManyDescriptors);
            }
            if got.count == 0 {
                return self.decoder.ended().map(|()| Heard::End);
            }
            if let Some(frame) = self.decoder.filled(got.count, got.descriptors)? {
                return Ok(Heard::Word(frame));
            }
        }
    }
}

fn failed(doing: &'static str, errno: Errno) -> FrameError {
    FrameError::Socket {
        doing,
        source: errno.into(),
    }
}

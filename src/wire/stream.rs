//! The daemon's end of a control socket, for tokio. Receiving is cancel-safe: a frame half read stays half read.

use crate::wire::frame::{Decoder, Frame, FrameError, encode};
use crate::wire::message::{ToDaemon, ToWorker};
use crate::wire::socket::{self, Received};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// A control socket of one worker.
#[derive(Debug)]
pub struct Connection {
    socket: UnixStream,
    decoder: Decoder,
}

/// What one look at the socket gave.
enum Taken {
    Frame(Frame<ToDaemon>),
    Part,
    End,
}

impl Connection {
    /// Takes over the daemon's end of a socket pair. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Where the socket cannot be registered.
    pub fn new(socket: std::os::unix::net::UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UnixStream::from_std(socket)?,
            decoder: Decoder::default(),
        })
    }

    /// Whether nothing has come that was not heard, and the other side has not hung up. The system is asked, since what the
    /// runtime knows may be old.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let found = rustix::net::recv(&self.socket, &mut [0_u8; 1][..], peek);
        !self.decoder.is_inside() && found.err() == Some(rustix::io::Errno::AGAIN)
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// Every way in which a worker can break the protocol, and a socket that fails.
    pub async fn hear(&mut self) -> Result<Option<Frame<ToDaemon>>, FrameError> {
        loop {
            let Self { socket, decoder } = self;
            let got = socket
                .async_io(Interest::READABLE, || {
                    socket::receive(socket.as_fd(), decoder.space(), RecvFlags::DONTWAIT)
                        .map_err(io::Error::from)
                })
                .await;
            match self.take(got)? {
                Taken::Frame(frame) => return Ok(Some(frame)),
                Taken::Part => {}
                Taken::End => return Ok(None),
            }
        }
    }

    /// The next message if it has arrived, whether anybody was woken for it or not.
    ///
    /// # Errors
    /// As for [`Connection::hear`].
    pub fn hear_now(&mut self) -> Result<Option<Frame<ToDaemon>>, FrameError> {
        loop {
            let space = self.decoder.space();
            match socket::receive(self.socket.as_fd(), space, RecvFlags::DONTWAIT) {
                // The end is for `hear` to find.
                Err(Errno::AGAIN) => return Ok(None),
                got => match self.take(got.map_err(io::Error::from))? {
                    Taken::Frame(frame) => return Ok(Some(frame)),
                    Taken::Part => {}
                    Taken::End => return Ok(None),
                },
            }
        }
    }

    fn take(&mut self, got: io::Result<Received>) -> Result<Taken, FrameError> {
        let got = match got {
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(Taken::End),
            Err(source) => {
                return Err(FrameError::Socket {
                    doing: "read",
                    source,
                });
            }
        };
        got.check()?;
        if got.count == 0 {
            return self.decoder.ended().map(|()| Taken::End);
        }
        let frame = self.decoder.filled(got.count, got.descriptors)?;
        Ok(frame.map_or(Taken::Part, Taken::Frame))
    }

    /// Sends one message with its descriptor. Not cancel-safe: a frame half sent ends the conversation.
    ///
    /// # Errors
    /// A message that is too long, or a worker that is gone.
    pub async fn say(
        &self,
        message: &ToWorker,
        descriptor: Option<BorrowedFd<'_>>,
    ) -> Result<(), FrameError> {
        let bytes = encode(message)?;
        let (mut rest, mut descriptor) = (bytes.as_slice(), descriptor);
        while !rest.is_empty() {
            let sent = self
                .socket
                .async_io(Interest::WRITABLE, || {
                    socket::send(
                        self.socket.as_fd(),
                        rest,
                        descriptor.as_slice(),
                        SendFlags::DONTWAIT,
                    )
                    .map_err(io::Error::from)
                })
                .await
                .map_err(|source| FrameError::Socket {
                    doing: "write",
                    source,
                })?;
            descriptor = None;
            rest = &rest[sent..];
        }
        Ok(())
    }
}

//! One `sendmsg` or `recvmsg` with file descriptors, for either end of a control socket.

use crate::wire::frame::FrameError;
use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Descriptors that there is room for: one more than any message carries.
const ROOM: usize = 2;

/// What one `recvmsg` gave.
pub(crate) struct Received {
    /// Bytes; 0 is the end.
    pub(crate) count: usize,
    /// Descriptors that came with them.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Descriptors were lost: the kernel has closed them.
    pub(crate) truncated: bool,
}

impl Received {
    /// Whether all descriptors have come. Where fewer came than there was room for, it is this process that can hold no more of
    /// them, and whoever sent them has done nothing wrong.
    pub(crate) fn check(&self) -> Result<(), FrameError> {
        match self.truncated {
            false => Ok(()),
            true if self.descriptors.len() < ROOM => Err(FrameError::NoDescriptorsLeft),
            true => Err(FrameError::TooManyDescriptors),
        }
    }
}

/// Receives into `space`.
pub(crate) fn receive(
    socket: impl AsFd,
    space: &mut [u8],
    flags: RecvFlags,
) -> Result<Received, Errno> {
    let mut control = [MaybeUninit::uninit(); cmsg_space!(ScmRights(ROOM))];
    let mut control = RecvAncillaryBuffer::new(&mut control);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let answer = rustix::io::retry_on_intr(|| {
        recvmsg(&socket, &mut [IoSliceMut::new(space)], &mut control, flags)
    })?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok(Received {
        count: answer.bytes,
        descriptors,
        truncated: answer.flags.contains(ReturnFlags::CTRUNC),
    })
}

/// Sends what it can of `bytes`, the descriptors (two at the most) with the first of them.
pub(crate) fn send(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<usize, Errno> {
    let mut control = [MaybeUninit::uninit(); cmsg_space!(ScmRights(ROOM))];
    let mut control = SendAncillaryBuffer::new(&mut control);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let flags = flags | SendFlags::NOSIGNAL;
    rustix::io::retry_on_intr(|| sendmsg(&socket, &[IoSlice::new(bytes)], &mut control, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::net::UnixStream;

    /// What comes of so many descriptors.
    fn received(count: usize) -> Received {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let file = File::open("/dev/null").expect("/dev/null");
        let all = vec![file.as_fd(); count];
        let mut control = [MaybeUninit::uninit(); cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut control);
        control.push(SendAncillaryMessage::ScmRights(&all));
        let sent = sendmsg(
            &theirs,
            &[IoSlice::new(b"x")],
            &mut control,
            SendFlags::empty(),
        );
        assert_eq!(sent.expect("sent"), 1);
        receive(&ours, &mut [0; 1], RecvFlags::DONTWAIT).expect("it came")
    }

    #[test]
    fn descriptors_that_we_cannot_hold_are_no_fault_of_the_sender() {
        assert!(received(1).check().is_ok());
        assert!(received(ROOM).check().is_ok());
        let many = received(8);
        assert!(many.truncated);
        assert!(matches!(many.check(), Err(FrameError::TooManyDescriptors)));
        // So it looks where this process may not open one more.
        let mut short = received(1);
        short.descriptors.clear();
        short.truncated = true;
        assert!(matches!(short.check(), Err(FrameError::NoDescriptorsLeft)));
    }
}

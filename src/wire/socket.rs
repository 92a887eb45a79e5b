//! One `sendmsg` or `recvmsg` with file descriptors, for either end of a control socket.

use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What one `recvmsg` gave.
pub(crate) struct Received {
    /// Bytes; 0 is the end.
    pub(crate) count: usize,
    /// Descriptors that came with them.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// More descriptors came than there was room for; the kernel has closed those.
    pub(crate) truncated: bool,
}

/// Receives into `space`.
pub(crate) fn receive(
    socket: impl AsFd,
    space: &mut [u8],
    flags: RecvFlags,
) -> Result<Received, Errno> {
    let mut control = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
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
    let mut control = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
    let mut control = SendAncillaryBuffer::new(&mut control);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let flags = flags | SendFlags::NOSIGNAL;
    rustix::io::retry_on_intr(|| sendmsg(&socket, &[IoSlice::new(bytes)], &mut control, flags))
}

//! A stream whose peer must take what is written to it: one that takes nothing for too long is given up.
//!
//! The kernel does the same for what it has in its own buffers (`TCP_USER_TIMEOUT`), where it knows that. This holds on every
//! system, and for everything that does not fit in there.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Writes for as long as something is taken.
pub(crate) struct Impatient<S> {
    stream: S,
    patience: Duration,
    /// Runs while nothing is taken.
    given_up: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    /// Gives up after so long without a byte.
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            given_up: None,
        }
    }

    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.given_up = None;
            return outcome;
        }
        let patience = self.patience;
        let waited = self
            .given_up
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waited.as_mut().poll(context));
        let text = format!("the client has taken nothing for {} s", patience.as_secs());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_and_who_takes_little_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let patience = Duration::from_secs(2);
        let mut ours = Impatient::new(ours, patience);
        let slow = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(300)).await;
                theirs.read_u8().await.expect("there is more");
            }
            // From here on it reads nothing, and does not hang up.
            theirs
        });
        // Longer than the patience, but something is taken all the while.
        ours.write_all(&[1; 17]).await.expect("it is taken slowly");
        let _theirs = slow.await.expect("no panic");
        let begun = tokio::time::Instant::now();
        let error = ours.write_all(&[1; 17]).await.expect_err("given up");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= patience);
    }
}

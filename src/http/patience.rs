//! A socket whose peer must take what is written to it: one that takes nothing for too long is given up.
//!
//! *Theory of operation.* What does not fit into the kernel's buffers waits here, and the time during which nothing of it is taken is
//! measured here. What does fit is the kernel's to give up (`TCP_USER_TIMEOUT`): a peer that is gone acknowledges nothing. But the kernel
//! counts differently where a peer's window is small: from the first time that it asks whether there is room again, although a little is
//! taken between all the questions. So, for as long as a peer is slow and takes something, the kernel's patience is as long as that has
//! been going on, and ours more.

use socket2::SockRef;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Writes for as long as something is taken.
pub(crate) struct Impatient {
    stream: TcpStream,
    patience: Duration,
    /// Runs while nothing is taken.
    given_up: Option<Pin<Box<Sleep>>>,
    slow: Option<Slow>,
}

/// A time in which the peer takes less than there is to write.
#[derive(Clone, Copy)]
struct Slow {
    since: Instant,
    /// When there was last something that it did not take at once.
    waited: Instant,
    /// When the kernel was last told.
    told: Instant,
}

impl Impatient {
    /// Gives up after so long without a byte.
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        let new = Self {
            stream,
            patience,
            given_up: None,
            slow: None,
        };
        new.tell(patience);
        new
    }

    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.given_up = None;
            self.taken(Instant::now());
            return outcome;
        }
        let patience = self.patience;
        let now = Instant::now();
        let slow = self.slow.get_or_insert(Slow {
            since: now,
            waited: now,
            told: now,
        });
        slow.waited = now;
        let waited = self
            .given_up
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waited.as_mut().poll(context));
        // What the kernel holds goes with the connection, instead of being offered for minutes to who does not take it.
        if let Err(error) = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "a connection that is given up lingers");
        }
        let text = format!("the client has taken nothing for {} s", patience.as_secs());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }

    /// Something was taken: a slow peer is borne on, one that was slow is as any other again.
    fn taken(&mut self, now: Instant) {
        let Some(slow) = &mut self.slow else {
            return;
        };
        if now - slow.waited > self.patience {
            self.slow = None;
            self.tell(self.patience);
        } else if now - slow.told > self.patience / 4 {
            slow.told = now;
            let borne = now - slow.since;
            self.tell(borne + self.patience);
        }
    }

    /// Tells the kernel how long it is to wait for the peer to take what it holds.
    fn tell(&self, patience: Duration) {
        #[cfg(target_os = "linux")]
        if let Err(error) = SockRef::from(&self.stream).set_tcp_user_timeout(Some(patience)) {
            tracing::debug!(%error, "the kernel does not know how long to wait for a client");
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Impatient {
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
    use tokio::net::{TcpListener, TcpSocket};

    /// Ours with small buffers, and theirs with a small window.
    async fn pair(patience: Duration) -> (Impatient, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let theirs = TcpSocket::new_v4().expect("a socket");
        theirs.set_recv_buffer_size(8192).expect("set");
        let address = listener.local_addr().expect("bound");
        let (theirs, ours) = tokio::join!(theirs.connect(address), listener.accept());
        let (ours, _) = ours.expect("accepted");
        crate::http::connection::tune(&ours).expect("tuned");
        (Impatient::new(ours, patience), theirs.expect("connected"))
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_and_who_takes_little_is_not() {
        let patience = Duration::from_secs(3);
        let (mut ours, mut theirs) = pair(patience).await;
        let slow = tokio::spawn(async move {
            let mut piece = [0; 2400];
            let begun = Instant::now();
            // Longer than the patience, but something is taken all the while.
            while begun.elapsed() < patience * 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                theirs.read_exact(&mut piece).await.expect("there is more");
            }
            // From here on it reads nothing, and does not hang up.
            theirs
        });
        let error = ours
            .write_all(&vec![1; 64 << 20])
            .await
            .expect_err("given up");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        let mut theirs = slow.await.expect("never cut while it took something");
        drop(ours);
        let mut rest = Vec::new();
        let error = theirs.read_to_end(&mut rest).await.expect_err("cut");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}

//! A client's connection, as patient as it should be.
//!
//! What is written must be taken in time: a client that no longer reads, and does not close either, would otherwise hold its stream,
//! the upstream's, and a reservation for ever.
//!
//! And a request that was answered before it was read to its end, such as one that is too long, is listened to for a moment after the
//! connection has been closed on this side: closed at once, the system would reset it, and a client that still writes would see that, and
//! not the answer.

use super::waiting::Intake;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection on which no write may wait longer than a time.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    time: Duration,
    /// Runs while a write waits, and then for the end.
    timer: Option<Pin<Box<Sleep>>>,
    intake: Intake,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Still to come.
    Open,
    /// This side is closed; what the other still sends is not kept.
    Lingers,
}

/// For what a client still sends when it has been answered.
const LINGER: Duration = Duration::from_secs(1);

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, time: Duration, intake: Intake) -> Self {
        Self { stream, time, timer: None, intake, end: End::Open }
    }

    /// What a write came to, or that it has waited too long.
    fn waited<T>(&mut self, write: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.timer = None;
            return write;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.time)));
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> Patient<S> {
    /// Reads to the other's end, or as long as that may take.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut scrap = [0; 4_096];
        // Not for ever without a breath, however fast it comes.
        for _ in 0..64 {
            let mut buffer = ReadBuf::new(&mut scrap);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.waited(write, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.waited(write, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.end == End::Open {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            (this.end, this.timer) = (End::Lingers, None);
        }
        if this.intake.is_unread() {
            ready!(this.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_not_written_to_for_ever() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut patient = Patient::new(ours, Duration::from_secs(5), Intake::default());
        let error = patient.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let reads = tokio::spawn(async move {
            let mut read = 0;
            while let Ok(count @ 1..) = theirs.read(&mut [0; 8]).await {
                read += count;
                sleep(Duration::from_secs(4)).await;
            }
            read
        });
        let mut patient = Patient::new(ours, Duration::from_secs(5), Intake::default());
        patient.write_all(&[0; 64]).await.unwrap();
        drop(patient);
        assert_eq!(reads.await.unwrap(), 64);
    }
}

//! Bodies that are waited for only so long.

use super::bodies::Room;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Any error of a body.
pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// How the requests of a connection came in: one after the other, and each as its body says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intake(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    late: AtomicBool,
    crowded: AtomicBool,
    unread: AtomicBool,
}

// Ordering: Relaxed for all; they are set and read by one task, in turn.
impl Intake {
    /// Whether the last body did not come in time.
    pub(crate) fn is_late(&self) -> bool {
        self.0.late.load(Ordering::Relaxed)
    }

    /// Whether there was no room for the last body.
    pub(crate) fn is_crowded(&self) -> bool {
        self.0.crowded.load(Ordering::Relaxed)
    }

    /// Whether the last body was not read to its end.
    pub(crate) fn is_unread(&self) -> bool {
        self.0.unread.load(Ordering::Relaxed)
    }
}

pin_project! {
    /// A request's body, which must have come by a time, and find room.
    pub(crate) struct InTime<B>
    where
        B: Body,
    {
        #[pin]
        body: B,
        room: Room,
        by: Instant,
        // Most bodies are there when they are asked for: they need no timer.
        timer: Option<Pin<Box<Sleep>>>,
        ended: bool,
        intake: Intake,
    }

    impl<B: Body> PinnedDrop for InTime<B> {
        fn drop(this: Pin<&mut Self>) {
            let is_read = this.ended || this.body.is_end_stream();
            this.intake.0.unread.store(!is_read, Ordering::Relaxed);
        }
    }
}

impl<B: Body> InTime<B> {
    pub(crate) fn new(body: B, time: Duration, room: Room, intake: Intake) -> Self {
        intake.0.late.store(false, Ordering::Relaxed);
        intake.0.crowded.store(false, Ordering::Relaxed);
        Self { body, room, by: Instant::now() + time, timer: None, ended: false, intake }
    }
}

impl<B: Body<Data = Bytes, Error: Into<AnyError>>> Body for InTime<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(context) {
            *this.ended = frame.is_none();
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            if data.is_some_and(|data| this.room.take(data.len()).is_err()) {
                this.intake.0.crowded.store(true, Ordering::Relaxed);
                return Poll::Ready(Some(Err(io::ErrorKind::OutOfMemory.into())));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        let by = *this.by;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(by)));
        timer.as_mut().poll(context).map(|()| {
            this.intake.0.late.store(true, Ordering::Relaxed);
            Some(Err(late("the request's body did not arrive in time")))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project! {
    /// A response's body, of which each part must follow the one before within a time.
    pub(crate) struct Lively<B> {
        #[pin]
        body: B,
        time: Duration,
        #[pin]
        timer: Sleep,
        // Whether the timer runs for the part that is waited for.
        waits: bool,
    }
}

impl<B> Lively<B> {
    pub(crate) fn new(body: B, time: Duration) -> Self {
        Self { body, time, timer: sleep(time), waits: false }
    }
}

impl<B: Body<Data = Bytes, Error: Into<AnyError>>> Body for Lively<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(context) {
            *this.waits = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        if !*this.waits {
            this.timer.as_mut().reset(Instant::now() + *this.time);
            *this.waits = true;
        }
        this.timer.poll(context).map(|()| Some(Err(late("the upstream's stream stood still"))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::bodies::Bodies;
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};
    use prometheus_client::registry::Registry;
    use std::convert::Infallible;

    type Part = Result<Frame<Bytes>, Infallible>;

    /// A part each so many milliseconds.
    fn parts(every: u64, count: u32) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let parts = stream::unfold(0, move |sent| async move {
            if sent == count {
                return None;
            }
            sleep(Duration::from_millis(every)).await;
            Some((Part::Ok(Frame::data(Bytes::from_static(b"x"))), sent + 1))
        });
        StreamBody::new(Box::pin(parts))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_comes_to_an_end_and_so_does_one_without_room() {
        let intake = Intake::default();
        let bodies = Bodies::registered(&mut Registry::default());
        let body = |time, most| {
            InTime::new(parts(100, 5), Duration::from_millis(time), bodies.room(most), intake.clone())
        };
        let in_time = body(501, 5);
        assert_eq!(in_time.collect().await.unwrap().to_bytes().len(), 5);
        assert!(!intake.is_late() && !intake.is_unread());
        let too_slow = body(499, 5);
        assert!(too_slow.collect().await.is_err() && intake.is_late() && intake.is_unread());
        let too_long = body(501, 4);
        assert!(too_long.collect().await.is_err() && intake.is_crowded() && !intake.is_late());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_last_as_long_as_it_goes_on() {
        let body = Lively::new(parts(900, 100), Duration::from_secs(1));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 100);
        let body = Lively::new(parts(1_100, 100), Duration::from_secs(1));
        assert!(body.collect().await.is_err());
    }
}

//! A stream of events, at its pace, and with its faults.

use super::{Behaviour, Open};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// So many events are sent before a fault, ...
const BEFORE_FAULT: usize = 4;
/// ... which comes when they are on their way.
const ON_THEIR_WAY: Duration = Duration::from_millis(50);

/// The body of a stream of events.
#[derive(Debug)]
pub(super) struct Stream {
    events: std::vec::IntoIter<String>,
    sent: usize,
    behaviour: Behaviour,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    /// It is about to break.
    cut: bool,
    _open: Open,
}

impl Stream {
    pub(super) fn new(events: Vec<String>, behaviour: Behaviour, pause: Duration, open: Open) -> Self {
        Self { events: events.into_iter(), sent: 0, behaviour, pause, pausing: None, cut: false, _open: open }
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if let Some(pausing) = &mut this.pausing {
            ready!(pausing.as_mut().poll(context));
            this.pausing = None;
        }
        if this.cut {
            return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
        }
        if this.sent == BEFORE_FAULT {
            match this.behaviour {
                Behaviour::Stall => return Poll::Pending,
                Behaviour::Cut => {
                    this.cut = true;
                    this.pausing = Some(Box::pin(sleep(ON_THEIR_WAY)));
                    return Pin::new(this).poll_frame(context);
                }
                _ => {}
            }
        }
        let Some(event) = this.events.next() else { return Poll::Ready(None) };
        this.sent += 1;
        if !this.pause.is_zero() {
            this.pausing = Some(Box::pin(sleep(this.pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}

//! Bodies on their way through: of the request as it was read, of the response as it settles its call.

use crate::tokens::Meter;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tidegate::{Clock, Held, Limiter};

/// Where the time of a settle comes from.
pub(crate) type AnyClock = Arc<dyn Clock + Send + Sync>;
/// A reservation that settles by estimate if nothing else is said.
pub(crate) type Reserved = Held<Arc<Limiter>, AnyClock>;

pin_project! {
    /// A request's body: as it came, or as it was read for its cost.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        state: RequestState<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = RequestProjection]
    enum RequestState<B> {
        Unread { #[pin] body: B },
        Read { bytes: Option<Bytes> },
    }
}

impl<B> RequestBody<B> {
    /// As it came.
    pub(crate) fn unread(body: B) -> Self {
        Self { state: RequestState::Unread { body } }
    }

    /// Read whole.
    pub(crate) fn read(bytes: Bytes) -> Self {
        Self { state: RequestState::Read { bytes: Some(bytes) } }
    }
}

impl<B: Body<Data = Bytes>> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().state.project() {
            RequestProjection::Unread { body } => body.poll_frame(context),
            RequestProjection::Read { bytes } => Poll::Ready(
                bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))),
            ),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            RequestState::Unread { body } => body.is_end_stream(),
            RequestState::Read { bytes } => bytes.as_ref().is_none_or(Bytes::is_empty),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            RequestState::Unread { body } => body.size_hint(),
            RequestState::Read { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
        }
    }
}

/// Settles a call once, however its response ends.
pub(crate) struct Settling<M: Meter> {
    reserved: Option<Reserved>,
    /// The tokens that were reserved.
    estimate: u64,
    meter: Option<M>,
}

impl<M: Meter> std::fmt::Debug for Settling<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settling").finish_non_exhaustive()
    }
}

impl<M: Meter> Settling<M> {
    pub(crate) fn new(reserved: Reserved, estimate: u64, meter: Option<M>) -> Self {
        Self { reserved: Some(reserved), estimate, meter }
    }

    fn pass(&mut self, bytes: &[u8]) {
        if let Some(meter) = &mut self.meter {
            meter.pass(bytes);
        }
    }
}

impl<M: Meter> Drop for Settling<M> {
    fn drop(&mut self) {
        let Some(reserved) = self.reserved.take() else { return };
        let told = self.meter.as_ref().and_then(Meter::tokens);
        // Whoever asks for little and leaves before the usage comes has had what has passed.
        let passed = || self.meter.as_ref().map(Meter::at_least).filter(|passed| *passed > self.estimate);
        match told.or_else(passed) {
            Some(tokens) => reserved.settle(tokens),
            // By estimate.
            None => drop(reserved),
        }
    }
}

pin_project! {
    /// A response's body: the service's, whose end settles the call, or an answer of the layer's own.
    #[derive(Debug)]
    pub struct ResponseBody<B, M: Meter> {
        #[pin]
        state: ResponseState<B, M>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = ResponseProjection]
    enum ResponseState<B, M: Meter> {
        Passing { #[pin] body: B, settling: Option<Settling<M>> },
        Answer { bytes: Option<Bytes> },
    }
}

impl<B, M: Meter> ResponseBody<B, M> {
    /// The service's own. One that has nothing to pass has ended already, and settles its call here.
    ///
    /// It must be seen to have ended: HTTP/2 then ends the stream with the header, as gRPC asks of a status without a message. With
    /// an empty frame after it, clients other than tonic's take the status for lost.
    pub(crate) fn passing(body: B, settling: Option<Settling<M>>) -> Self
    where
        B: Body,
    {
        let settling = settling.filter(|_| !body.is_end_stream());
        Self { state: ResponseState::Passing { body, settling } }
    }

    /// The layer's. It may be empty, and must then be seen to have ended too.
    pub(crate) fn answer(bytes: Bytes) -> Self {
        Self { state: ResponseState::Answer { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()) } }
    }
}

impl<B, M> Body for ResponseBody<B, M>
where
    B: Body<Data = Bytes>,
    M: Meter,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let (body, settling) = match self.project().state.project() {
            ResponseProjection::Passing { body, settling } => (body, settling),
            ResponseProjection::Answer { bytes } => {
                return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))));
            }
        };
        let frame = ready!(body.poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(settling), Some(data)) = (settling, frame.data_ref()) {
                    settling.pass(data.chunk());
                }
            }
            // It has ended, or broken off: what it has told until now is what it used.
            Some(Err(_)) | None => drop(settling.take()),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            // Its end must be seen here, so that the call is settled by then.
            ResponseState::Passing { body, settling } => settling.is_none() && body.is_end_stream(),
            ResponseState::Answer { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            ResponseState::Passing { body, .. } => body.size_hint(),
            ResponseState::Answer { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
        }
    }
}

//! The upstream: it answers at once and always the same, as an API of OpenAI's form does, or with a stream that does not end.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Interval, MissedTickBehavior};

/// The answer, with 96 tokens of text and its usage.
pub(crate) const ANSWER: &str = r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1763913600,"model":"gpt-5-mini","choices":[{"index":0,"message":{"role":"assistant","content":"The tide rises and falls twice a day because the moon pulls on the water that faces it more than on the earth beneath, and on the earth more than on the water behind. So there are two bulges, and the earth turns under them. The sun does the same with less than half the strength: when both pull along one line, at new and full moon, tides are high; when they pull crosswise they are low. Coasts and the shape of basins decide the rest.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":250,"completion_tokens":96,"total_tokens":346,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default","system_fingerprint":null}"#;

/// One event of a stream.
pub(crate) const EVENT: &str = "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\"created\":1763913600,\"model\":\"gpt-5-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" tide\"},\"finish_reason\":null}],\"usage\":null}\n\n";

/// What a request has that wants a stream.
pub(crate) const WANTS_STREAM: &[u8] = b"\"stream\":true";

/// Listens until the process ends.
pub(crate) async fn serve(listen: SocketAddr, pause: Duration) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    let listener = socket.listen(4_096)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(converse(stream, pause));
    }
}

async fn converse(stream: TcpStream, pause: Duration) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, pause));
    // Whoever measures goes away when it has: no error of the upstream's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    pause: Duration,
) -> Result<Response<Either<Full<Bytes>, Events>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let is_stream = body.windows(WANTS_STREAM.len()).any(|part| part == WANTS_STREAM);
    Ok(if is_stream {
        respond("text/event-stream", Either::Right(Events(interval(pause))))
    } else {
        respond("application/json", Either::Left(Full::from(ANSWER)))
    })
}

fn respond(kind: &'static str, body: Either<Full<Bytes>, Events>) -> Response<Either<Full<Bytes>, Events>> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// An event at once, and then one at each end of a pause.
struct Events(Interval);

fn interval(pause: Duration) -> Interval {
    let mut interval = tokio::time::interval(pause);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(context));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(EVENT.as_bytes())))))
    }
}

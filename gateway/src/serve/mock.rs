//! An upstream that only pretends: it answers as OpenAI's and Anthropic's APIs do, with usage, as JSON and as streams, and if it is
//! asked to, badly.
//!
//! The words of its answers are always the same; one word is one token. A request's `model` says how it behaves, see
//! [`Behaviour`].

mod responses;
mod stream;
mod words;

use super::listen;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stream::Stream;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// What a request's `model` makes the upstream do; any other name means that it does its best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// Never answers.
    Hang,
    /// Begins a stream, and stands still after three tokens.
    Stall,
    /// Begins a stream, and breaks the connection after three tokens.
    Cut,
    /// Says that it used more tokens than there are.
    Liar,
    /// Says nothing of what it used.
    Secretive,
    /// Answers 429.
    Busy,
    /// Answers 500.
    Broken,
    /// Answers 503.
    Down,
    /// Answers as it should.
    #[default]
    #[serde(other)]
    Good,
}

/// How fast it answers, and how long its answers are.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Tokens of an answer, if the request does not ask for fewer.
    pub tokens: u64,
    /// From one token of a stream to the next.
    pub pause: Duration,
}

/// An upstream that listens on loopback until it is dropped.
#[derive(Debug)]
pub struct Mock {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Mock {
    /// Begins to listen, on a port that the system chooses.
    pub async fn start(pace: Pace) -> std::io::Result<Self> {
        let listener = listen::listener(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let open = Arc::new(AtomicUsize::new(0));
        let serving = tokio::spawn(serve(listener, pace, open.clone()));
        Ok(Self { address, open, serving })
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many answers it is sending.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// Counts an answer as being sent until it is dropped.
#[derive(Debug)]
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, pace: Pace, open: Arc<AtomicUsize>) {
    // Dropped with this task, and its connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let _ = stream.set_nodelay(true);
        let open = open.clone();
        connections.spawn(async move {
            let service = service_fn(|request| {
                let open = Open::new(&open);
                async move { Ok::<_, Infallible>(answer(request, pace, open).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// What it needs to know of a request.
#[derive(Debug, Default, Deserialize)]
struct Ask {
    #[serde(default)]
    model: Behaviour,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Options,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    #[serde(default)]
    messages: Value,
    /// Of responses and embeddings.
    #[serde(default)]
    input: Value,
}

#[derive(Debug, Default, Deserialize)]
struct Options {
    #[serde(default)]
    include_usage: bool,
}

/// What it says in one answer.
#[derive(Clone, Copy, Debug)]
struct Answer {
    behaviour: Behaviour,
    /// Whether a stream of OpenAI's form tells its usage.
    include_usage: bool,
    prompt: u64,
    tokens: u64,
}

impl Answer {
    fn new(ask: &Ask, pace: Pace) -> Self {
        // As with the real ones, a bound that a request's own API has no name for is none.
        let of_response = ask.max_output_tokens.filter(|_| !ask.input.is_null());
        let bound = [ask.max_tokens, ask.max_completion_tokens, of_response].into_iter().flatten().min();
        Self {
            behaviour: ask.model,
            include_usage: ask.stream_options.include_usage,
            prompt: words::count(&ask.messages) + words::count(&ask.input),
            tokens: bound.unwrap_or(u64::MAX).min(pace.tokens),
        }
    }
}

type AnswerBody = Either<Full<Bytes>, Stream>;

async fn answer(request: Request<Incoming>, pace: Pace, open: Open) -> Response<AnswerBody> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return error(StatusCode::BAD_REQUEST, "no body") };
    let body = body.to_bytes();
    let path = parts.uri.path();
    if path.ends_with("/echo") {
        return json(StatusCode::OK, &echo(&parts, &body));
    }
    if path.ends_with("/models") {
        return json(
            StatusCode::OK,
            &json!({ "object": "list", "data": [{ "id": "mock", "object": "model" }] }),
        );
    }
    let Ok(ask) = serde_json::from_slice::<Ask>(&body) else {
        return error(StatusCode::BAD_REQUEST, "the body is no request");
    };
    let answer = Answer::new(&ask, pace);
    match answer.behaviour {
        Behaviour::Hang => {
            std::future::pending::<()>().await;
            error(StatusCode::OK, "never")
        }
        Behaviour::Busy => error(StatusCode::TOO_MANY_REQUESTS, "busy"),
        Behaviour::Broken => error(StatusCode::INTERNAL_SERVER_ERROR, "broken"),
        Behaviour::Down => error(StatusCode::SERVICE_UNAVAILABLE, "down"),
        _ if path.ends_with("/chat/completions") && ask.stream => {
            stream(Stream::new(words::openai_stream(answer), answer.behaviour, pace.pause, open))
        }
        _ if path.ends_with("/chat/completions") => json(StatusCode::OK, &words::openai(answer)),
        _ if path.ends_with("/messages") && ask.stream => {
            stream(Stream::new(words::anthropic_stream(answer), answer.behaviour, pace.pause, open))
        }
        _ if path.ends_with("/messages") => json(StatusCode::OK, &words::anthropic(answer)),
        _ if path.ends_with("/responses") && ask.stream => {
            stream(Stream::new(responses::response_stream(answer), answer.behaviour, pace.pause, open))
        }
        _ if path.ends_with("/responses") => json(StatusCode::OK, &responses::response(answer)),
        _ if path.ends_with("/embeddings") => json(StatusCode::OK, &responses::embeddings(&ask.input)),
        _ => error(StatusCode::NOT_FOUND, "no such path"),
    }
}

/// The request as it arrived.
fn echo(parts: &http::request::Parts, body: &Bytes) -> Value {
    let fields = parts
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]));
    json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": fields.collect::<Vec<_>>(),
        "body": String::from_utf8_lossy(body),
    })
}

fn error(status: StatusCode, message: &str) -> Response<AnswerBody> {
    json(status, &json!({ "error": { "message": message, "type": "mock", "param": null, "code": null } }))
}

fn json(status: StatusCode, value: &Value) -> Response<AnswerBody> {
    let mut response = respond("application/json", Either::Left(Full::from(value.to_string())));
    *response.status_mut() = status;
    response
}

fn stream(stream: Stream) -> Response<AnswerBody> {
    respond("text/event-stream; charset=utf-8", Either::Right(stream))
}

fn respond(kind: &'static str, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    // What an account of the upstream's has left is nothing that the gateway's clients should see.
    headers.insert("x-ratelimit-remaining-requests", http::HeaderValue::from_static("9999"));
    response
}

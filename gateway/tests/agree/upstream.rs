//! An upstream that uses as many tokens as it is told: each response begins at once, and ends when and as its call's [`Ending`] says.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::serve::ListenerExt;
use futures_util::stream;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Names a call to the upstream.
pub(crate) const CALL: &str = "x-call";

type Endings = Arc<Mutex<HashMap<u64, oneshot::Receiver<Option<u64>>>>>;

/// Listens on loopback until it is dropped.
pub(crate) struct Upstream {
    pub(crate) url: String,
    endings: Endings,
    serving: JoinHandle<()>,
}

/// The end of a response that has begun, or will.
pub(crate) struct Ending(oneshot::Sender<Option<u64>>);

impl Ending {
    /// Lets the response end and say that it used so many tokens, or nothing of them.
    pub(crate) fn end(self, used: Option<u64>) {
        // Nobody waits for the end of what was denied.
        let _ = self.0.send(used);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let endings = Endings::default();
        // A response's end does not wait for its begin to be acknowledged.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let router = Router::new().fallback(answer).with_state(endings.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, endings, serving }
    }

    /// Makes ready for a call.
    pub(crate) fn expect(&self, call: u64) -> Ending {
        let (end, ending) = oneshot::channel();
        self.endings.lock().unwrap().insert(call, ending);
        Ending(end)
    }
}

async fn answer(State(endings): State<Endings>, headers: HeaderMap) -> Response {
    let call = headers.get(CALL).and_then(|call| call.to_str().ok()?.parse::<u64>().ok());
    let ending = call.and_then(|call| endings.lock().unwrap().remove(&call));
    let Some(ending) = ending else {
        let nobody = Response::builder().status(StatusCode::BAD_REQUEST);
        return nobody.body(Body::from("a call that nobody expects")).unwrap();
    };
    let text = async move {
        Ok::<_, Infallible>(match ending.await {
            Ok(Some(used)) => format!(r#"{{"usage":{{"total_tokens":{used}}}}}"#),
            _ => "{}".to_owned(),
        })
    };
    let response = Response::builder().header("content-type", "application/json");
    response.body(Body::from_stream(stream::once(text))).unwrap()
}

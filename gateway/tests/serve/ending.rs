//! That it ends when it should, and lets what is under way end first.

use crate::setup::{Setup, ask, until, whole};
use http_body_util::BodyExt;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const BEARER: [(&str, &str); 1] = [("authorization", "Bearer sk-one")];

#[tokio::test]
async fn a_stream_under_way_comes_to_its_end() {
    let setup = Setup::paced("", Duration::from_millis(30)).await;
    let address = setup.server.address();
    // One that has nothing under way, and one that has not even begun.
    setup.chat("sk-two", &ask("")).await;
    let _idle = setup.connect().await;
    let mut response = setup.begin("/v1/chat/completions", &BEARER, &ask(r#","stream":true"#)).await;
    response.body_mut().frame().await.unwrap().unwrap();
    let gateway = setup.server.gateway().clone();
    let (rest, cut_off) = tokio::join!(whole(response), setup.server.stop());
    assert!(rest.text.ends_with("data: [DONE]\n\n"));
    assert_eq!(cut_off.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    let observed = gateway.state.limiter.observed();
    assert_eq!((observed.admitted, observed.settled), (2, 2));
}

#[tokio::test]
async fn one_that_does_not_end_is_cut_off_in_time() {
    let setup = Setup::with("[bounds]\nshutdown_time = \"200ms\"\n").await;
    let body = ask(r#","stream":true,"model":"stall""#);
    let mut response = setup.begin("/v1/chat/completions", &BEARER, &body).await;
    response.body_mut().frame().await.unwrap().unwrap();
    let (gateway, begun) = (setup.server.gateway().clone(), Instant::now());
    assert_eq!(setup.server.stop().await.unwrap(), 1);
    assert!(begun.elapsed() < Duration::from_secs(5));
    until("its call is settled", || gateway.state.limiter.observed().settled == 1).await;
}

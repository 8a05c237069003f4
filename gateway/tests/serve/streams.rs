//! Streams: settled to the token, whatever becomes of them.

use crate::setup::{Setup, TOKENS, USED, ask, until, whole};
use futures_util::future::join_all;
use http::StatusCode;
use http_body_util::BodyExt;
use std::time::Duration;

const BEARER: [(&str, &str); 1] = [("authorization", "Bearer sk-one")];

#[tokio::test]
async fn usage_is_asked_for_and_taken_out_again() {
    let setup = Setup::new().await;
    let reply = setup.chat("sk-one", &ask(r#","stream":true"#)).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(
        !reply.text.contains("total_tokens") && reply.text.ends_with("data: [DONE]\n\n"),
        "{}",
        reply.text
    );
    // A begin, an end and [DONE] beside the tokens.
    assert_eq!(reply.text.matches("data: ").count() as u64, TOKENS + 3);
    assert_eq!((setup.used("sk-one"), setup.counted()), ((1, USED), (1, 1, 0)));
}

#[tokio::test]
async fn usage_that_the_client_asked_for_is_its_own() {
    let setup = Setup::new().await;
    let body = ask(r#","stream":true,"stream_options":{"include_usage":true}"#);
    let reply = setup.chat("sk-one", &body).await;
    assert!(reply.text.contains(&format!("\"total_tokens\":{USED}")), "{}", reply.text);
    assert_eq!(reply.text.matches("data: ").count() as u64, TOKENS + 4);
    assert_eq!(setup.used("sk-one"), (1, USED));
}

#[tokio::test]
async fn anthropics_streams_say_their_usage_themselves() {
    let setup = Setup::new().await;
    let reply = setup.message("sk-one", &ask(r#","stream":true"#)).await;
    assert!(reply.text.starts_with("event: message_start\n") && reply.text.contains("output_tokens"));
    assert_eq!(setup.used("sk-one"), (1, USED));
}

#[tokio::test]
async fn responses_and_embeddings_are_settled_by_their_usage_too() {
    let setup = Setup::new().await;
    let body = |more: &str| format!(r#"{{"input":"two words","max_output_tokens":100{more}}}"#);
    let said = whole(setup.begin("/v1/responses", &BEARER, &body("")).await).await;
    assert_eq!(said.json()["usage"]["total_tokens"], USED);
    assert_eq!(setup.used("sk-one"), (1, USED));

    // The end of the stream says it within the response.
    let said = whole(setup.begin("/v1/responses", &BEARER, &body(r#","stream":true"#)).await).await;
    assert!(said.text.starts_with("event: response.created\n") && said.text.contains("response.completed"));
    assert_eq!(setup.used("sk-one"), (2, 2 * USED));

    let said =
        whole(setup.begin("/v1/embeddings", &BEARER, r#"{"input":["two words","three more words"]}"#).await);
    assert_eq!(said.await.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(setup.used("sk-one"), (3, 2 * USED + 5));
}

#[tokio::test]
async fn a_stream_comes_as_it_is_sent() {
    let setup = Setup::paced("", Duration::from_millis(200)).await;
    let mut response = setup.begin("/v1/chat/completions", &BEARER, &ask(r#","stream":true"#)).await;
    let first = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"data: ") && first.ends_with(b"\n\n"));
    // The rest is still to be sent.
    assert_eq!(setup.mock.open(), 1);
    assert_eq!(setup.used("sk-one").1, estimate(r#","stream":true"#));
}

/// What a call is charged before it goes on.
fn estimate(more: &str) -> u64 {
    100 + (ask(more).len() as u64).div_ceil(4)
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_stream_at_the_upstream_too() {
    let setup = Setup::paced("", Duration::from_millis(50)).await;
    for (calls, path) in [(1, "/v1/chat/completions"), (2, "/v1/messages")] {
        let mut response = setup.begin(path, &BEARER, &ask(r#","stream":true"#)).await;
        response.body_mut().frame().await.unwrap().unwrap();
        drop(response);
        until("the upstream's stream ends", || setup.mock.open() == 0).await;
        until("the call is settled", || setup.counted() == (calls, calls, 0)).await;
        // Nobody knows what it used: what was charged stays.
        assert_eq!(setup.used("sk-one"), (calls, calls * estimate(r#","stream":true"#)));
    }
}

#[tokio::test]
async fn who_asks_for_little_and_leaves_early_pays_for_what_passed() {
    let setup = Setup::paced("", Duration::from_millis(5)).await;
    // The upstream does not heed this bound, which says nothing to it.
    let body = r#"{"messages":[],"stream":true,"max_output_tokens":1}"#;
    let charged = 1 + (body.len() as u64).div_ceil(4);
    let mut response = setup.begin("/v1/messages", &BEARER, body).await;
    let mut frames = 0;
    while frames < TOKENS {
        response.body_mut().frame().await.unwrap().unwrap();
        frames += 1;
    }
    drop(response);
    until("the call is settled", || setup.counted() == (1, 1, 0)).await;
    assert!(setup.used("sk-one").1 >= frames.max(charged), "{:?}", setup.used("sk-one"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_are_settled_once_each() {
    // A thousand connections at once may take their time on a busy machine.
    let setup = Setup::paced("[bounds]\nconnect_time = \"60s\"\n", Duration::from_millis(20)).await;
    let calls = (0..1_000).map(|call| {
        let setup = &setup;
        async move {
            let path = if call % 2 == 0 { "/v1/chat/completions" } else { "/v1/messages" };
            let more = r#","stream":true,"max_completion_tokens":50"#;
            let body = ask(more).replace("\"max_tokens\":100", "\"max_tokens\":20");
            let mut response = setup.begin(path, &[("authorization", "Bearer sk-two")], &body).await;
            assert_eq!(response.status(), StatusCode::OK);
            if call % 10 == 0 {
                // Some leave.
                response.body_mut().frame().await.unwrap().unwrap();
                return 0;
            }
            assert!(whole(response).await.text.contains("must."));
            USED
        }
    });
    let used: u64 = join_all(calls).await.into_iter().sum();
    assert_eq!(used, 900 * USED);
    until("all are settled", || setup.counted() == (1_000, 1_000, 0)).await;
    until("none is open", || setup.mock.open() == 0).await;
    let (requests, tokens) = setup.used("sk-two");
    // The hundred that left keep their estimates, some 50 each.
    assert_eq!(requests, 1_000);
    assert!((900 * USED + 100 * 40..=900 * USED + 100 * 90).contains(&tokens), "{tokens}");
}

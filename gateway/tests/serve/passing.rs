//! Who passes, what is sent on, and what responses say.

use crate::setup::{Setup, USED, ask, whole};
use http::StatusCode;

#[tokio::test]
async fn a_call_passes_with_its_fields_and_is_settled_by_its_usage() {
    let setup = Setup::new().await;
    let reply = setup.chat("sk-one", &ask("")).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json()["usage"]["total_tokens"], USED);
    assert_eq!((reply.field("x-ratelimit-limit"), reply.field("x-ratelimit-remaining")), ("100", "99"));
    let reset: u64 = reply.field("x-ratelimit-reset").parse().unwrap();
    assert!(reset > 1_700_000_000);
    assert_eq!((setup.used("sk-one"), setup.counted()), ((1, USED), (1, 1, 0)));

    let reply = setup.message("sk-one", &ask("")).await;
    assert_eq!((reply.status, reply.field("x-ratelimit-remaining")), (StatusCode::OK, "98"));
    assert_eq!(reply.json()["type"], "message");
    assert_eq!((setup.used("sk-one"), setup.used("sk-two")), ((2, 2 * USED), (0, 0)));
}

#[tokio::test]
async fn each_client_is_refused_in_its_own_form() {
    let setup = Setup::new().await;
    for _ in 0..100 {
        setup.chat("sk-one", &ask("")).await;
    }
    let openai = setup.chat("sk-one", &ask("")).await;
    assert_eq!(openai.status, StatusCode::TOO_MANY_REQUESTS);
    let error = &openai.json()["error"];
    assert_eq!((&error["type"], &error["code"]), (&"requests".into(), &"rate_limit_exceeded".into()));
    let seconds: u64 = openai.field("retry-after").parse().unwrap();
    let millis: u64 = openai.field("retry-after-ms").parse().unwrap();
    assert!((1..=80).contains(&seconds) && seconds == millis.div_ceil(1_000), "{openai:?}");
    assert_eq!(openai.field("x-ratelimit-remaining"), "0");

    let anthropic = setup.message("sk-one", &ask("")).await;
    assert_eq!(anthropic.status, StatusCode::TOO_MANY_REQUESTS);
    let body = anthropic.json();
    assert_eq!((&body["type"], &body["error"]["type"]), (&"error".into(), &"rate_limit_error".into()));
    // A denied call is charged nothing, and another key is not concerned.
    assert_eq!(setup.used("sk-one"), (100, 100 * USED));
    assert_eq!(setup.chat("sk-two", &ask("")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn header_sets_are_as_configured() {
    let setup = Setup::with("[headers]\nsets = [\"ietf\", \"openai\", \"anthropic\"]\n").await;
    let reply = setup.chat("sk-one", &ask("")).await;
    assert_eq!(reply.field("x-ratelimit-remaining-requests"), "99");
    assert_eq!(reply.field("anthropic-ratelimit-requests-remaining"), "99");
    assert!(
        reply.field("ratelimit-policy").contains("q=100") && reply.headers.get("x-ratelimit-limit").is_none()
    );
}

#[tokio::test]
async fn what_the_upstream_says_of_its_own_limits_stays_with_the_gateway() {
    let setup = Setup::new().await;
    let reply = setup.chat("sk-one", &ask("")).await;
    assert!(reply.headers.get("x-ratelimit-remaining-requests").is_none());
}

/// The fields with which a call arrives at the upstream.
async fn echoed(setup: &Setup, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let reply = whole(setup.begin("/v1/echo?a=b%20c", fields, r#"{"max_tokens": 1}"#).await).await;
    let body = reply.json();
    assert_eq!((&body["uri"], &body["method"]), (&"/v1/echo?a=b%20c".into(), &"POST".into()));
    assert_eq!(body["body"], r#"{"max_tokens": 1}"#);
    serde_json::from_value(body["headers"].clone()).unwrap()
}

fn values<'a>(fields: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

#[tokio::test]
async fn fields_of_the_connection_end_at_the_gateway() {
    let setup = Setup::new().await;
    let fields = [
        ("authorization", "Bearer sk-one"),
        ("connection", "keep-alive, x-private"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic x"),
        ("upgrade", "websocket"),
        ("accept-encoding", "gzip, br"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-stainless-retry-count", "1"),
    ];
    let arrived = echoed(&setup, &fields).await;
    for gone in ["connection", "x-private", "keep-alive", "te", "proxy-authorization", "upgrade"] {
        assert_eq!(values(&arrived, gone), [""; 0], "{gone}");
    }
    assert_eq!(values(&arrived, "host"), [setup.mock.url().trim_start_matches("http://")]);
    assert_eq!(values(&arrived, "accept-encoding"), ["identity"]);
    assert_eq!(values(&arrived, "content-length"), ["17"]);
    assert_eq!(values(&arrived, "x-forwarded-for"), ["203.0.113.7", "127.0.0.1"]);
    assert_eq!(values(&arrived, "x-stainless-retry-count"), ["1"]);
    // No key is configured for this upstream: the client's own goes on.
    assert_eq!(values(&arrived, "authorization"), ["Bearer sk-one"]);
}

#[tokio::test]
async fn the_upstreams_key_takes_the_place_of_the_clients() {
    // Every process has this one, and what it says is no secret.
    let path = std::env::var("PATH").unwrap();
    let mut upstreams = String::new();
    let mock = Setup::new().await;
    for (name, api, path) in [("a", "openai", "/v1/echo"), ("b", "anthropic", "/b/echo")] {
        upstreams += &format!(
            "[upstreams.{name}]\nurl = \"{}\"\napi = \"{api}\"\npaths = [\"{path}\"]\nkey_env = \"PATH\"\n",
            mock.mock.url()
        );
    }
    let setup = Setup::with(&upstreams).await;
    let arrived = echoed(&setup, &[("x-api-key", "sk-one")]).await;
    assert_eq!(values(&arrived, "authorization"), [format!("Bearer {path}")]);
    assert_eq!(values(&arrived, "x-api-key"), [""; 0]);
    let reply = whole(setup.begin("/b/echo", &[("authorization", "Bearer sk-one")], "{}").await).await;
    let arrived: Vec<(String, String)> = serde_json::from_value(reply.json()["headers"].clone()).unwrap();
    assert_eq!(values(&arrived, "x-api-key"), [path]);
    assert_eq!(values(&arrived, "authorization"), [""; 0]);
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_call_on_both_sides() {
    let setup = Setup::new().await;
    let text = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-one\r\ncontent-length: {}\r\n\r\n{}",
        ask("").len(),
        ask("")
    );
    let last =
        "GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-one\r\nconnection: close\r\n\r\n";
    let heard = setup.say(&format!("{text}{text}{last}")).await;
    assert_eq!(heard.matches("HTTP/1.1 200 OK").count(), 3, "{heard}");
    assert_eq!(setup.used("sk-one"), (3, 2 * USED));
}

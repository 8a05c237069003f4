//! Upstreams that do not do what they should.

use crate::setup::{Setup, USED, ask, until};
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const BEARER: [(&str, &str); 1] = [("authorization", "Bearer sk-one")];

fn model(name: &str) -> String {
    format!(r#","model":"{name}""#)
}

#[tokio::test]
async fn one_that_cannot_be_reached_costs_nothing() {
    // A port that nobody listens on: it was free a moment ago, and is held without being listened on.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let setup = Setup::before(&format!("http://{}", held.local_addr().unwrap()), "").await;
    let reply = setup.chat("sk-one", &ask("")).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (StatusCode::BAD_GATEWAY, &"upstream_unreachable".into())
    );
    let reply = setup.message("sk-one", &ask("")).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["type"]),
        (StatusCode::BAD_GATEWAY, &"api_error".into())
    );
    assert_eq!((setup.used("sk-one"), setup.counted()), ((0, 0), (2, 0, 2)));
    // The key's limits are told all the same, and as they stand.
    assert_eq!((reply.field("x-ratelimit-limit"), reply.field("x-ratelimit-remaining")), ("100", "100"));
}

#[tokio::test]
async fn one_that_does_not_answer_is_waited_for_only_so_long() {
    let setup = Setup::with("[bounds]\nresponse_time = \"200ms\"\n").await;
    let reply = setup.chat("sk-one", &ask(&model("hang"))).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (StatusCode::GATEWAY_TIMEOUT, &"upstream_timeout".into())
    );
    assert_eq!((setup.used("sk-one"), setup.counted()), ((0, 0), (1, 0, 1)));
    until("the upstream is let go", || setup.mock.open() == 0).await;
}

#[tokio::test]
async fn one_that_closes_without_an_answer_is_a_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let setup = Setup::before(&format!("http://{}", listener.local_addr().unwrap()), "").await;
    let closes = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4_096]).await;
        let _ = stream.write_all(b"HTTP/1.1 2").await;
    };
    let (reply, ()) = tokio::join!(async { setup.chat("sk-one", &ask("")).await }, closes);
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (StatusCode::BAD_GATEWAY, &"upstream_broken".into())
    );
    assert_eq!(setup.used("sk-one"), (0, 0));
}

#[tokio::test]
async fn what_it_refuses_is_given_back_as_its_answer_says() {
    let setup = Setup::new().await;
    for (name, status, requests) in [("busy", 429, 0), ("down", 503, 0), ("broken", 500, 1)] {
        let reply = setup.chat("sk-two", &ask(&model(name))).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]["message"]), (status, &name.into()));
        assert_eq!(setup.used("sk-two"), (requests, 0), "{name}");
    }
}

#[tokio::test]
async fn what_is_given_back_is_told_as_left() {
    let setup = Setup::with("[headers]\nsets = [\"x-ratelimit\", \"openai\"]\n").await;
    // One whose answer shows what it was charged, and takes the place of none below.
    let reply = setup.chat("sk-two", &ask("")).await;
    assert_eq!(reply.field("x-ratelimit-remaining"), "999");
    assert_ne!(reply.field("x-ratelimit-remaining-tokens"), (10_000_000 - USED).to_string());
    for (name, requests) in [("busy", 999), ("down", 999), ("broken", 998)] {
        let reply = setup.chat("sk-two", &ask(&model(name))).await;
        assert_eq!(reply.field("x-ratelimit-remaining"), requests.to_string(), "{name}");
        assert_eq!(reply.field("x-ratelimit-remaining-requests"), requests.to_string(), "{name}");
        assert_eq!(
            reply.field("x-ratelimit-remaining-tokens"),
            (10_000_000 - USED).to_string(),
            "{name}: its tokens come back"
        );
        assert!(reply.headers.get("retry-after").is_none(), "{name}");
    }
    assert_eq!(setup.used("sk-two"), (2, USED));
}

#[tokio::test]
async fn a_stream_that_is_cut_is_cut_for_the_client_too() {
    let setup = Setup::new().await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let body = ask(&format!("{},\"stream\":true", model("cut")));
        let response = setup.begin(path, &BEARER, &body).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.into_body().collect().await.is_err(), "its end is no good end");
    }
    until("both are settled", || setup.counted() == (2, 2, 0)).await;
    assert!(setup.used("sk-one").1 > 200, "by estimate");
}

#[tokio::test]
async fn a_stream_that_stands_still_ends() {
    let setup = Setup::with("[bounds]\nidle_time = \"200ms\"\n").await;
    let response =
        setup.begin("/v1/messages", &BEARER, &ask(&format!("{},\"stream\":true", model("stall")))).await;
    assert!(response.into_body().collect().await.is_err());
    until("it is settled", || setup.counted() == (1, 1, 0)).await;
    until("the upstream is let go", || setup.mock.open() == 0).await;
}

#[tokio::test]
async fn a_lie_is_believed_only_so_far_and_silence_is_an_estimate() {
    let setup = Setup::with("[tokens]\nmost = 5_000\n").await;
    let reply = setup.chat("sk-one", &ask(&model("liar"))).await;
    assert_eq!((reply.status, setup.used("sk-one")), (StatusCode::OK, (1, 5_000)));
    setup.chat("sk-two", &ask(&model("secretive"))).await;
    let estimate = 100 + (ask(&model("secretive")).len() as u64).div_ceil(4);
    assert_eq!(setup.used("sk-two"), (1, estimate));
    setup.chat("sk-two", &ask("")).await;
    assert_eq!(setup.used("sk-two"), (2, estimate + USED));
}

#[tokio::test]
async fn a_path_of_no_upstream_is_not_found() {
    let mock = Setup::new().await;
    let text = crate::setup::config(crate::setup::ANY_PORT, &mock.mock.url(), "").replacen(
        "api = \"openai\"",
        "api = \"openai\"\npaths = [\"/v1\"]",
        1,
    );
    let server = crate::setup::server(&text).await;
    let setup = Setup { server, ..mock };
    assert_eq!(setup.chat("sk-one", &ask("")).await.status, StatusCode::OK);
    let reply = crate::setup::whole(setup.begin("/v2/x", &BEARER, "{}").await).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (StatusCode::NOT_FOUND, &"not_found".into()));
}

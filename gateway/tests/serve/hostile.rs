//! What clients send that they should not.

use crate::setup::{Setup, ask, heard, until};
use http::StatusCode;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const CHAT: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";
const KEY: &str = "authorization: Bearer sk-one\r\n";

#[tokio::test]
async fn unknown_keys_go_no_further_and_are_strikes() {
    let setup = Setup::with("[guard]\ntolerance = 3\n").await;
    for _ in 0..3 {
        let reply = setup.chat("sk-guess", &ask("")).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (StatusCode::UNAUTHORIZED, &"invalid_api_key".into())
        );
    }
    let reply = setup.message("", &ask("")).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    // One too many: the address is blocked, with any key.
    until("the address is blocked", || {
        setup.server.gateway().guard().unwrap().statistics(now(&setup)).blocks == 1
    })
    .await;
    let reply = setup.chat("sk-one", &ask("")).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(reply.text.contains("This address"), "{}", reply.text);
    assert_eq!(setup.counted(), (0, 0, 0));
}

fn now(setup: &Setup) -> tidegate::Timestamp {
    setup.server.gateway().clock.now()
}

#[tokio::test]
async fn a_forged_address_is_not_believed() {
    let setup = Setup::with("[guard]\ntolerance = 2\n").await;
    for call in 0..4 {
        let forged = format!("203.0.113.{call}");
        setup
            .begin("/v1/models", &[("authorization", "Bearer guess"), ("x-forwarded-for", &forged)], "")
            .await;
    }
    let blocks: Vec<_> = setup.server.gateway().guard().unwrap().blocks(now(&setup)).collect();
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].network.to_string(), "127.0.0.1/32");

    // Behind a proxy that is trusted it is the client's own that counts.
    let setup = Setup::with("[guard]\ntolerance = 2\n[proxies]\ntrusted = [\"127.0.0.0/8\"]\n").await;
    for call in 0..4 {
        let forged = format!("203.0.113.{call}, 198.51.100.7");
        setup
            .begin("/v1/models", &[("authorization", "Bearer guess"), ("x-forwarded-for", &forged)], "")
            .await;
    }
    let blocks: Vec<_> = setup.server.gateway().guard().unwrap().blocks(now(&setup)).collect();
    assert_eq!(blocks.iter().map(|block| block.network.to_string()).collect::<Vec<_>>(), ["198.51.100.7/32"]);
}

#[tokio::test]
async fn no_bound_on_an_answer_is_a_way_round_the_limit() {
    let setup = Setup::new().await;
    for (body, never) in [
        (r#"{"n":1000000}"#, true),
        (r#"{"max_tokens":1,"max_completion_tokens":20000}"#, true),
        (r#"{"max_tokens":20000,"max_completion_tokens":1}"#, true),
        (r#"{"max_tokens":20000,"max_tokens":1}"#, true),
        (r#"{"max_tokens":18446744073709551615,"n":18446744073709551615}"#, true),
        (r#"{"max_tokens":1,"max_completion_tokens":200}"#, false),
    ] {
        let reply = setup.chat("sk-one", body).await;
        let refused = reply.status == StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(refused, never, "{body}: {}", reply.text);
        if never {
            assert_eq!(reply.field("x-should-retry"), "false");
            assert!(reply.headers.get("retry-after").is_none());
            assert_eq!(reply.json()["error"]["code"], "insufficient_quota");
        }
    }
    assert_eq!(setup.counted(), (1, 1, 0));
}

#[tokio::test]
async fn what_is_no_request_is_the_upstreams_to_refuse_and_is_given_back() {
    let setup = Setup::new().await;
    for body in ["{", "[]", "\u{0}", "{\"messages\":", &"[".repeat(100_000)] {
        let reply = setup.chat("sk-two", body).await;
        assert_eq!((reply.status, &reply.json()["error"]["type"]), (StatusCode::BAD_REQUEST, &"mock".into()));
    }
    // Each was a request; none of them used a token.
    assert_eq!(setup.used("sk-two"), (5, 0));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_told_so_before_it_has_come() {
    let setup = Setup::with("[bounds]\nbody_bytes = 1_000\n").await;
    // Announced: at once. The client still sends, and must be able to read the answer.
    let mut stream = setup.connect().await;
    stream.write_all(format!("{CHAT}{KEY}content-length: 10000000\r\n\r\n").as_bytes()).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let sends = tokio::spawn(async move { writes.write_all(&vec![b'x'; 3_000_000]).await });
    let mut answer = vec![0; 12];
    reads.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    sends.await.unwrap().expect("what is sent after the answer is taken for a moment");

    // Not announced: when it is.
    let chunk = format!("{:x}\r\n{}\r\n", 700, "x".repeat(700));
    let heard = setup.say(&format!("{CHAT}{KEY}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}")).await;
    assert!(heard.starts_with("HTTP/1.1 413") && heard.contains("request_too_large"), "{heard}");
    assert_eq!(setup.counted(), (0, 0, 0));
}

#[tokio::test]
async fn a_body_of_an_unknown_key_is_not_read() {
    let setup = Setup::new().await;
    let heard =
        setup.say(&format!("{CHAT}authorization: Bearer guess\r\ncontent-length: 1000000\r\n\r\n{{")).await;
    assert!(heard.starts_with("HTTP/1.1 401"), "{heard}");
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused() {
    let setup = Setup::with("[bounds]\nheader_bytes = 8_192\n").await;
    let heard = setup.say(&format!("{CHAT}x-long: {}\r\n\r\n", "x".repeat(20_000))).await;
    assert!(heard.starts_with("HTTP/1.1 431"), "{heard}");
}

#[tokio::test]
async fn slow_clients_are_waited_for_only_so_long() {
    let setup = Setup::with("[bounds]\nheader_time = \"200ms\"\nbody_time = \"200ms\"\n").await;
    let begun = Instant::now();
    assert_eq!(setup.say("").await, "", "nothing at all");
    assert!(!setup.say("POST /v1/chat/comp").await.contains("200 OK"), "half a header");
    let answer = setup.say(&format!("{CHAT}{KEY}content-length: 100\r\n\r\n{{")).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(setup.counted(), (0, 0, 0));
}

/// Bytes of bodies that the gateway says it holds.
fn bodies_held(setup: &Setup) -> u64 {
    let text = setup.server.gateway().metrics.text().unwrap();
    let line = text.lines().find(|line| line.starts_with("tidegate_request_bodies_bytes ")).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn slow_clients_with_long_bodies_do_not_fill_the_memory() {
    let setup = Setup::with("[bounds]\nbody_bytes = 100_000\nbodies_bytes = 250_000\n").await;
    let long = format!("{}{}", " ".repeat(80_000), ask(""));
    let (begun, rest) = long.split_at(70_000);
    let key = "authorization: Bearer sk-two\r\n";
    let head = format!("{CHAT}{key}content-length: {}\r\nconnection: close\r\n\r\n", long.len());
    let mut slow = Vec::new();
    for held in 1..=3 {
        let mut stream = setup.connect().await;
        stream.write_all(format!("{head}{begun}").as_bytes()).await.unwrap();
        until("it is held", || bodies_held(&setup) == held * 70_000).await;
        slow.push(stream);
    }
    // A length that is only announced takes no room.
    let mut announces = setup.connect().await;
    announces.write_all(head.as_bytes()).await.unwrap();
    // One more is told to come again; the header says when, the body why, and nothing is charged.
    let told = setup.say(&format!("{head}{long}")).await;
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("\r\nretry-after: 1\r\n"), "{told}");
    assert!(told.contains("\"code\":\"overloaded\""), "{told}");
    assert_eq!(setup.counted(), (0, 0, 0));
    // Those that are short still pass.
    assert_eq!(setup.chat("sk-two", &ask("")).await.status, StatusCode::OK);
    // A client that leaves makes room, and so does one whose call goes on.
    drop(slow.pop());
    until("its room is free", || bodies_held(&setup) == 140_000).await;
    for mut stream in slow {
        stream.write_all(rest.as_bytes()).await.unwrap();
        assert!(heard(stream).await.starts_with("HTTP/1.1 200"));
    }
    announces.write_all(long.as_bytes()).await.unwrap();
    assert!(heard(announces).await.starts_with("HTTP/1.1 200"));
    until("nothing is held", || bodies_held(&setup) == 0).await;
}

#[tokio::test]
async fn a_body_is_held_until_its_upstream_has_it_and_no_longer() {
    let setup = Setup::new().await;
    let body = format!("{}{}", " ".repeat(100_000), ask(r#","model":"hang""#));
    let call = setup.chat("sk-two", &body);
    let at_upstream = async {
        until("the call is at the upstream", || setup.mock.open() == 1).await;
        until("nothing is held", || bodies_held(&setup) == 0).await;
    };
    tokio::select! {
        reply = call => panic!("{reply:?}"),
        () = at_upstream => {}
    }
}

#[tokio::test]
async fn a_half_closed_client_leaves_nothing_behind() {
    let setup = Setup::new().await;
    let body = ask(r#","model":"hang""#);
    let mut stream = setup.connect().await;
    let text = format!("{CHAT}{KEY}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    until("the call is at the upstream", || setup.mock.open() == 1).await;
    stream.shutdown().await.unwrap();
    until("the call is settled", || setup.counted() == (1, 1, 0)).await;
    until("the upstream is let go", || setup.mock.open() == 0).await;
    assert_eq!(heard(stream).await, "");
}

#[tokio::test]
async fn a_client_that_reads_nothing_does_not_hold_its_stream_for_ever() {
    let setup = Setup::with("[bounds]\nidle_time = \"300ms\"\n").await;
    // Its window is small, so that the answer does not fit into what the system keeps for it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(setup.server.address()).await.unwrap();
    let body = format!("\"{}\"", "x".repeat(3_900_000));
    let text = format!(
        "POST /v1/echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-two\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    until("the call is settled", || setup.counted() == (1, 1, 0)).await;
    until("the upstream is let go", || setup.mock.open() == 0).await;
    assert!(heard(stream).await.len() < body.len(), "it was cut off");
}

#[tokio::test]
async fn who_finds_no_room_waits_until_there_is() {
    let setup = Setup::with("[bounds]\nconnections = 1\n").await;
    let holds = setup.connect().await;
    let mut waits = setup.connect().await;
    let text = format!("GET /v1/models HTTP/1.1\r\nhost: x\r\n{KEY}connection: close\r\n\r\n");
    waits.write_all(text.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    assert!(tokio::time::timeout(Duration::from_millis(100), waits.read(&mut first)).await.is_err());
    drop(holds);
    assert!(heard(waits).await.starts_with("HTTP/1.1 200"));
}

//! Attacks on the gateway, and upstreams that lie: whatever comes, each call that was admitted is settled or cancelled once, no call
//! passes that a limit has no room for, and others go on being answered.

use crate::setup::{Setup, ask, heard, until, whole};
use http::StatusCode;
use http_body_util::BodyExt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CHAT: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";
const KEY: &str = "authorization: Bearer sk-one\r\n";
const BEARER: [(&str, &str); 1] = [("authorization", "Bearer sk-one")];

/// Waits until no call is under way: each was settled or cancelled, and no upstream is held.
async fn nothing_is_left(setup: &Setup) {
    until("each call is ended once", || {
        let (admitted, settled, cancelled) = setup.counted();
        admitted == settled + cancelled
    })
    .await;
    until("no upstream is held", || setup.mock.open() == 0).await;
}

/// What an upstream does when it has said its words.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Closes,
    Waits,
}

/// An upstream that answers every call with these bytes.
async fn answering(answer: impl Into<Vec<u8>>, then: Then) -> String {
    let (listener, answer) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), answer.into());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                read_call(&mut stream).await;
                let _ = stream.write_all(&answer).await;
                if then == Then::Waits {
                    let _ = stream.read(&mut [0; 1]).await;
                }
            });
        }
    });
    format!("http://{address}")
}

/// Reads a call to the end of its body.
async fn read_call(stream: &mut TcpStream) {
    let (mut call, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => call.extend_from_slice(&piece[..read]),
        }
        let Some(head) = call.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&call[..head]).to_ascii_lowercase();
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if call.len() >= head + 4 + length.unwrap_or(0) {
            return;
        }
    }
}

/// A JSON response of an upstream.
fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A call of `sk-one` to an upstream that is closed afterwards, as it goes over the wire.
fn call(body: &str) -> String {
    format!("{CHAT}{KEY}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// What a call with this body is charged before it goes on.
fn estimate(body: &str) -> u64 {
    100 + (body.len() as u64).div_ceil(4)
}

#[tokio::test]
async fn who_drips_is_waited_for_no_longer_than_who_is_silent() {
    let setup = Setup::with("[bounds]\nheader_time = \"300ms\"\nbody_time = \"300ms\"\n").await;
    let head = format!("{CHAT}{KEY}content-length: 100000\r\n\r\n");
    for (begin, drop) in [("", "x-a: b\r\n"), (head.as_str(), "x")] {
        let stream = setup.connect().await;
        let (mut reads, mut writes) = stream.into_split();
        let begin = if begin.is_empty() { CHAT.to_owned() } else { begin.to_owned() };
        let drips = tokio::spawn(async move {
            writes.write_all(begin.as_bytes()).await.unwrap();
            // Until the other end has closed.
            while writes.write_all(drop.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let mut answer = Vec::new();
        let _ = reads.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        drips.await.unwrap();
    }
    assert_eq!(setup.counted(), (0, 0, 0));
}

/// On one worker: all of them hold a connection, and none of them holds it up.
#[tokio::test]
async fn hundreds_that_send_half_a_request_block_nobody() {
    let setup =
        Setup::with("[bounds]\nheader_time = \"60s\"\nbody_time = \"60s\"\nidle_time = \"60s\"\n").await;
    let mut halves = Vec::new();
    for number in 0..300 {
        let mut stream = setup.connect().await;
        let text = match number % 3 {
            0 => "POST /v1/chat/comp".to_owned(),
            1 => format!("{CHAT}{KEY}content-length: 100\r\n\r\n{{"),
            _ => format!("{CHAT}{KEY}transfer-encoding: chunked\r\n\r\n5\r\n{{"),
        };
        stream.write_all(text.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    for _ in 0..10 {
        assert_eq!(setup.chat("sk-two", &ask("")).await.status, StatusCode::OK);
    }
    assert_eq!(setup.counted(), (10, 10, 0), "who has not asked is not charged");
    drop(halves);
    nothing_is_left(&setup).await;
}

#[tokio::test]
async fn who_leaves_at_any_moment_leaves_no_reservation() {
    let setup = Setup::paced("", Duration::from_millis(1)).await;
    let text = call(&ask(r#","stream":true"#));
    // A call that is cut at every tenth of its bytes, and one that is read for so many.
    for cut in (0..=10).map(|part| text.len() * part / 10) {
        for read in [0, 1, 200, 1_000] {
            let mut stream = setup.connect().await;
            stream.write_all(&text.as_bytes()[..cut]).await.unwrap();
            if cut == text.len() {
                stream.read_exact(&mut vec![0; read]).await.unwrap();
            }
            if read % 2 == 1 {
                // Half closed: nothing more will come, which is no request.
                stream.shutdown().await.unwrap();
                let _ = stream.read(&mut [0; 64]).await;
            } else {
                stream.set_zero_linger().unwrap();
            }
        }
    }
    until("the four whole calls were seen", || setup.counted().0 >= 2).await;
    nothing_is_left(&setup).await;
    let (requests, tokens) = setup.used("sk-one");
    assert!(requests <= 4 && tokens <= 4 * estimate(&ask(r#","stream":true"#)), "{requests}, {tokens}");
}

/// Where the end of a request is not clear, what follows could be read as another one of somebody else's.
#[tokio::test]
async fn a_length_that_is_not_clear_ends_the_connection() {
    let setup = Setup::new().await;
    let smuggled = format!("{CHAT}{KEY}content-length: 2\r\n\r\n{{}}");
    for lengths in [
        "content-length: 5\r\ncontent-length: 6\r\n".to_owned(),
        "content-length: -1\r\n".to_owned(),
        "content-length: 5, 6\r\n".to_owned(),
        "content-length: 99999999999999999999999\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        "transfer-encoding: gzip\r\n".to_owned(),
    ] {
        let heard = setup.say(&format!("{CHAT}{KEY}{lengths}\r\n{{}}   {smuggled}")).await;
        assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 400"), "{lengths}: {heard}");
        assert!(heard.matches("HTTP/1.1").count() <= 1, "{lengths}: {heard}");
    }
    for chunks in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}x0\r\n\r\n", "ffffffffffffffffff\r\n{}"] {
        let heard =
            setup.say(&format!("{CHAT}{KEY}transfer-encoding: chunked\r\n\r\n{chunks}{smuggled}")).await;
        assert!(!heard.contains("HTTP/1.1 200"), "{chunks}: {heard}");
    }
    assert_eq!(setup.counted().0, 0, "no call was made of it");
    nothing_is_left(&setup).await;
}

#[tokio::test]
async fn both_ways_of_telling_a_length_make_one_request_and_the_upstream_hears_one_length() {
    let setup = Setup::new().await;
    let text = format!(
        "POST /v1/echo HTTP/1.1\r\nhost: x\r\n{KEY}connection: close\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
         c\r\n{{\"a\":\"bcde\"}}\r\n0\r\n\r\n"
    );
    let heard = setup.say(&text).await;
    assert_eq!(heard.matches("HTTP/1.1").count(), 1, "{heard}");
    if heard.starts_with("HTTP/1.1 200") {
        let fields = heard.to_ascii_lowercase();
        assert!(
            heard.contains(r#"{\"a\":\"bcde\"}"#) && fields.contains(r#"["content-length","12"]"#),
            "{heard}"
        );
        assert!(!fields.contains(r#"["transfer-encoding""#), "{heard}");
    }
    nothing_is_left(&setup).await;
}

#[tokio::test]
async fn it_is_no_way_to_other_hosts() {
    let setup = Setup::new().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap();
    let body = "content-length: 2\r\nconnection: close\r\n\r\n{}";
    for line in [
        format!("POST http://{address}/v1/echo HTTP/1.1\r\nhost: {address}\r\n"),
        format!("POST /v1/echo HTTP/1.1\r\nhost: {address}\r\nx-forwarded-host: {address}\r\n"),
        format!("POST //{address}/v1/echo HTTP/1.1\r\nhost: x\r\n"),
        format!("POST /v1/../../{address}/echo HTTP/1.1\r\nhost: x\r\n"),
        format!("POST /v1/@{address}/echo HTTP/1.1\r\nhost: x\r\n"),
        format!("CONNECT {address} HTTP/1.1\r\nhost: {address}\r\n"),
    ] {
        let heard = setup.say(&format!("{line}{KEY}{body}")).await;
        assert!(heard.starts_with("HTTP/1.1 "), "{line}: {heard}");
        let mock = setup.mock.url();
        if heard.starts_with("HTTP/1.1 200") {
            assert!(heard.contains(mock.trim_start_matches("http://")), "{line}: {heard}");
        }
    }
    let accepted = tokio::time::timeout(Duration::from_millis(50), other.accept()).await;
    assert!(accepted.is_err(), "somebody called another host");
    nothing_is_left(&setup).await;
}

/// Upstreams that are named by some of their paths were reached by all others: many take `..` for a step up.
#[tokio::test]
async fn no_path_leads_out_of_those_that_an_upstream_has() {
    let setup = Setup::new().await;
    for path in ["/v1/echo/../files", "/v1/echo/%2e%2E/files", "/v1/echo/..%2ffiles", "/v1/echo/..;/files"] {
        let heard =
            setup.say(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{KEY}connection: close\r\n\r\n")).await;
        assert!(heard.starts_with("HTTP/1.1 404") && heard.contains("not_found"), "{path}: {heard}");
    }
    assert_eq!(setup.used("sk-one"), (4, 0));
}

/// An upstream that answers `TRACE` tells the fields it was called with, so that a client could read the gateway's own key there.
#[tokio::test]
async fn no_client_learns_what_an_upstream_is_called_with() {
    let setup = Setup::new().await;
    for line in ["TRACE /v1/echo", "CONNECT x:443"] {
        let heard = setup.say(&format!("{line} HTTP/1.1\r\nhost: x\r\n{KEY}connection: close\r\n\r\n")).await;
        assert!(heard.starts_with("HTTP/1.1 405") && heard.contains("method_not_allowed"), "{heard}");
    }
    assert_eq!(setup.used("sk-one"), (2, 0));
}

/// The gateway answers `100 Continue` by itself and sends the body at once; an upstream was asked to answer it again.
#[tokio::test]
async fn what_a_client_expects_is_no_business_of_the_upstreams() {
    let setup = Setup::new().await;
    let fields = [BEARER[0], ("expect", "100-continue")];
    let echo = whole(setup.begin("/v1/echo", &fields, "{}").await).await.text;
    assert!(echo.contains("accept-encoding") && !echo.contains("expect"), "{echo}");
}

#[tokio::test]
async fn a_connection_does_not_become_another_protocol() {
    let switches =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nfree words";
    let setup = Setup::before(&answering(switches, Then::Closes).await, "").await;
    let text = format!(
        "GET /v1/realtime HTTP/1.1\r\nhost: x\r\n{KEY}connection: upgrade, close\r\nupgrade: websocket\r\n\r\n"
    );
    let heard = setup.say(&text).await;
    assert!(heard.starts_with("HTTP/1.1 502") && !heard.contains("free words"), "{heard}");
    nothing_is_left(&setup).await;
    assert_eq!(setup.counted(), (1, 0, 1));
}

#[tokio::test]
async fn a_key_that_is_none_is_nobodys() {
    let setup = Setup::new().await;
    for fields in [
        "authorization: Bearer\r\n",
        "authorization: Bearer \r\n",
        "authorization: sk-one\r\n",
        "authorization: Basic sk-one\r\n",
        "authorization: Bearer sk-one sk-two\r\n",
        "authorization: Bearer sk-one, Bearer sk-two\r\n",
        "authorization: Bearer SK-ONE\r\n",
        "authorization: Bearer sk-one\u{e9}\r\n",
        "x-api-key:\r\n",
        "x-api-key: Bearer sk-one\r\n",
        "proxy-authorization: Bearer sk-one\r\n",
        "cookie: authorization=Bearer sk-one\r\n",
        &format!("authorization: Bearer {}\r\n", "k".repeat(7_000)),
        // That of `Authorization` is the key, and it is not known.
        "authorization: Bearer guess\r\nx-api-key: sk-one\r\n",
    ] {
        let heard =
            setup.say(&format!("{CHAT}{fields}connection: close\r\ncontent-length: 2\r\n\r\n{{}}")).await;
        assert!(heard.starts_with("HTTP/1.1 401"), "{fields}: {heard}");
    }
    // Its digest is not the key.
    let digest = tidegate_gateway::serve::keys::Digest::of(b"sk-one").to_string();
    assert_eq!(setup.chat(&digest, &ask("")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(setup.counted(), (0, 0, 0));
}

#[tokio::test]
async fn a_client_cannot_take_away_what_the_gateway_says() {
    let setup = Setup::new().await;
    let names = "accept-encoding, x-forwarded-for, content-length, host, authorization, x-api-key";
    let fields = [
        ("authorization", "Bearer sk-one"),
        ("connection", names),
        ("accept-encoding", "gzip"),
        ("x-forwarded-for", "203.0.113.9"),
        ("te", "trailers"),
    ];
    let reply = whole(setup.begin("/v1/echo", &fields, r#"{"max_tokens":1}"#).await).await;
    let echo = reply.json();
    let field = |name: &str| {
        let fields = echo["headers"].as_array().unwrap();
        let found = fields.iter().filter(|field| field[0] == name).map(|field| field[1].as_str().unwrap());
        found.collect::<Vec<_>>()
    };
    assert_eq!(field("accept-encoding"), ["identity"]);
    assert_eq!(field("x-forwarded-for").last(), Some(&"127.0.0.1"));
    assert_eq!((field("te"), field("connection")), (vec![], vec![]));
    assert_eq!(field("content-length"), ["16"]);
    assert_eq!(setup.used("sk-one").0, 1);
}

/// Bodies that only some readers take for JSON, and other ways of asking for many answers.
#[tokio::test]
async fn what_is_asked_for_in_odd_ways_is_charged_all_the_same() {
    let setup = Setup::new().await;
    let wide: String = r#"{"n":1000000}"#.chars().flat_map(|character| [character, '\0']).collect();
    let prompts = format!(r#"{{"max_tokens":100,"prompt":[{}"b"]}}"#, "\"a\",".repeat(200));
    for body in [
        r#"{"temperature":NaN,"n":1000000}"#,
        r#"{"n":1000000,"temperature":Infinity}"#,
        r#"{"user":"\ud800","n":"1_000_000"}"#,
        r#"{"n":1e6}"#,
        &wide,
        &prompts,
    ] {
        for path in ["/v1/chat/completions", "/v1/completions"] {
            let reply = whole(setup.begin(path, &BEARER, body).await).await;
            assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{body}: {}", reply.text);
        }
    }
    for body in [r#"{"temperature":NaN,"max_tokens":20000}"#, r#"{"max_tokens":"2e4","x":}"#] {
        assert_eq!(setup.message("sk-one", body).await.status, StatusCode::TOO_MANY_REQUESTS, "{body}");
    }
    assert_eq!(setup.counted(), (0, 0, 0));
}

#[tokio::test]
async fn a_usage_is_believed_where_it_stands_and_only_if_it_is_one() {
    let body = ask("");
    let charged = estimate(&body);
    for (answer, expected) in [
        (r#"{"usage":{"total_tokens":7}}"#, 7),
        // The words of an answer are its user's, or a model's.
        (
            r#"{"choices":[{"message":{"content":"\"usage\":{\"total_tokens\":0}"}}],"usage":{"total_tokens":7}}"#,
            7,
        ),
        (r#"{"choices":[{"message":{"content":"x\"},\"usage\":{\"total_tokens\":1}"}}]}"#, charged),
        (r#"{"choices":[{"usage":{"total_tokens":1}}]}"#, charged),
        // Whichever is more.
        (r#"{"usage":{"total_tokens":7},"usage":{"total_tokens":0}}"#, 7),
        (r#"{"usage":{"total_tokens":1,"prompt_tokens":40,"completion_tokens":50}}"#, 90),
        (r#"{"usage":{"total_tokens":-5,"completion_tokens":9}}"#, 9),
        (r#"{"usage":{"total_tokens":1e999}}"#, charged),
        (r#"{"usage":[7]}"#, charged),
        (r#"{"usage":null}"#, charged),
        (r#"{"usage":{"total_tokens":7"#, charged),
    ] {
        let setup = Setup::before(&answering(json(answer), Then::Closes).await, "").await;
        let heard = setup.say(&call(&body)).await;
        assert!(heard.ends_with(answer), "{heard}");
        nothing_is_left(&setup).await;
        assert_eq!(setup.used("sk-one"), (1, expected), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_is_settled_once() {
    let body = ask("");
    let begun = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    for answer in [
        format!("{begun}content-length: 1000\r\n\r\n{{\"id\":"),
        format!("{begun}transfer-encoding: chunked\r\n\r\n5\r\n{{\"id\""),
        format!("{begun}transfer-encoding: chunked\r\n\r\nzz\r\n"),
    ] {
        let setup = Setup::before(&answering(answer.clone(), Then::Closes).await, "").await;
        setup.say(&call(&body)).await;
        nothing_is_left(&setup).await;
        assert_eq!((setup.counted(), setup.used("sk-one")), ((1, 1, 0), (1, estimate(&body))), "{answer}");
    }
}

/// What came was cut at the length, though the chunks are what counts.
#[tokio::test]
async fn an_upstream_that_tells_its_length_in_both_ways_is_heard_to_the_end() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n\
                  1c\r\n{\"usage\":{\"total_tokens\":7}}\r\n0\r\n\r\n";
    let setup = Setup::before(&answering(answer, Then::Closes).await, "").await;
    let heard = setup.say(&call(&ask(""))).await;
    assert!(
        heard.contains(r#"{"usage":{"total_tokens":7}}"#) && !heard.contains("content-length"),
        "{heard}"
    );
    assert_eq!(setup.used("sk-one"), (1, 7));
}

/// The end of an answer in HTTP/1.0 is that of its connection, so that one that was given up looked whole.
#[tokio::test]
async fn what_an_old_upstream_breaks_off_is_not_taken_for_whole() {
    let answer = "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\":[]}\n\n";
    let setup =
        Setup::before(&answering(answer, Then::Waits).await, "[bounds]\nidle_time = \"200ms\"\n").await;
    let response = setup.begin("/v1/chat/completions", &BEARER, &ask(r#","stream":true"#)).await;
    assert!(response.into_body().collect().await.is_err(), "it broke off");
}

#[tokio::test]
async fn half_a_header_of_an_upstream_is_waited_for_only_so_long() {
    for half in ["HTTP/1.1 200 OK\r\ncontent-type: app", "HTTP/1.1 100 Continue\r\n\r\n", "H"] {
        let setup =
            Setup::before(&answering(half, Then::Waits).await, "[bounds]\nresponse_time = \"300ms\"\n").await;
        let heard = setup.say(&call(&ask(""))).await;
        assert!(heard.starts_with("HTTP/1.1 504"), "{half}: {heard}");
        assert_eq!((setup.counted(), setup.used("sk-one")), ((1, 0, 1), (0, 0)), "{half}");
    }
}

#[tokio::test]
async fn what_is_no_response_is_a_bad_gateway() {
    let long = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "x".repeat(1_000_000));
    for answer in ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "", &long] {
        let setup = Setup::before(&answering(answer, Then::Closes).await, "").await;
        let heard = setup.say(&call(&ask(""))).await;
        let begin = answer.get(..40).unwrap_or(answer);
        assert!(heard.starts_with("HTTP/1.1 502"), "{begin}: {heard}");
        assert_eq!((setup.counted(), setup.used("sk-one")), ((1, 0, 1), (0, 0)), "{begin}");
    }
}

/// An event without an end passes as it comes: nothing waits for its end, which would have to be held.
#[tokio::test]
async fn a_line_without_an_end_is_not_kept() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"x\":\"".to_vec();
    answer.resize(answer.len() + 3_000_000, b'x');
    let setup = Setup::before(&answering(answer, Then::Waits).await, "").await;
    let body = ask(r#","stream":true"#);
    let mut response = setup.begin("/v1/chat/completions", &BEARER, &body).await;
    let mut come = 0;
    while come < 2_900_000 {
        come += response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    drop(response);
    nothing_is_left(&setup).await;
    assert_eq!(setup.used("sk-one"), (1, estimate(&body)));
}

/// More at once than the limit has room for, in every way of leaving: never more are admitted, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_what_the_limit_has_and_gives_all_back() {
    let setup = Setup::paced("", Duration::from_millis(1)).await;
    let body = ask(r#","stream":true"#);
    let address = setup.server.address();
    let calls = (0..200).map(|number| tokio::spawn(leave(address, call(&body), number % 4)));
    for one in calls.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    nothing_is_left(&setup).await;
    let (admitted, ..) = setup.counted();
    let (requests, tokens) = setup.used("sk-one");
    assert!(admitted <= 100 && requests <= 100 && tokens <= 10_000, "{admitted}, {requests}, {tokens}");
    // And what is left is there for who comes next.
    if requests < 100 && tokens + estimate(&body) <= 10_000 {
        assert_eq!(setup.chat("sk-one", &body).await.status, StatusCode::OK);
    }
}

/// Makes a call, and leaves it in some way.
async fn leave(address: SocketAddr, text: String, way: u32) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    match way {
        0 => drop(stream),
        1 => stream.set_zero_linger().unwrap(),
        2 => {
            let _ = stream.read(&mut [0; 300]).await;
        }
        _ => {
            heard(stream).await;
        }
    }
}

#[tokio::test]
async fn a_compressed_request_hides_nothing_from_its_estimate() {
    let setup = Setup::new().await;
    for encoding in ["gzip", "identity, br", "unheard-of"] {
        let fields = [BEARER[0], ("content-encoding", encoding)];
        let reply = whole(setup.begin("/v1/chat/completions", &fields, &ask("")).await).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{encoding}");
        assert_eq!(reply.json()["error"]["code"], "unsupported_media_type");
    }
    assert_eq!((setup.counted().0, setup.mock.open()), (0, 0));
    // Who is not known hears only that.
    let fields = [("authorization", "Bearer guess"), ("content-encoding", "gzip")];
    let reply = whole(setup.begin("/v1/chat/completions", &fields, &ask("")).await).await;
    assert_eq!(reply.json()["error"]["code"], "invalid_api_key");
    let fields = [BEARER[0], ("content-encoding", "identity")];
    assert_eq!(setup.begin("/v1/chat/completions", &fields, &ask("")).await.status(), StatusCode::OK);
}

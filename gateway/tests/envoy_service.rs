//! Envoy's rate limit service, asked what an Envoy asks and what no Envoy would.
#![cfg(feature = "serve")]

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidegate::{Clock, Cost, LimitId, ManualClock, Nanos, Timestamp};
use tidegate_gateway::HeaderSet;
use tidegate_gateway::envoy::wire::{
    Code, Entry, RateLimitDescriptor, RateLimitOverride, RateLimitRequest, RateLimitResponse, Unit,
};
use tidegate_gateway::envoy::{self, RateLimitService, Rules};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::keys::Digest;
use tidegate_gateway::serve::live::State;
use tidegate_gateway::serve::metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

const RULES: &str = r#"
[[rules]]
domain = "edge"
match = [{ key = "authorization", stored = "key" }]

[[rules]]
domain = "edge"
match = [{ key = "name", stored = "name" }]
hits = "tokens"
on_stream_done = true

[[rules]]
domain = "edge"
match = [{ key = "user" }]
plan = "ten"

[[rules]]
domain = "edge"
match = [{ key = "user" }, { key = "path", value = "/long", counted = false }]
plan = "ten"

[[rules]]
domain = "edge"
match = [{ key = "team" }]
plan = "free"
hits = "tokens"
on_stream_done = true
"#;

struct Setup {
    state: Arc<State>,
    clock: Arc<ManualClock>,
    service: RateLimitService,
    metrics: Arc<Metrics>,
}

impl Setup {
    fn new(head: &str) -> Self {
        let config = format!(
            "listen = \"127.0.0.1:1\"\ncapacity = 1000\n[[keys]]\nname = \"anna\"\nsha256 = \"{}\"\nplan = \"ten\"\n\
             [plans.ten]\nrequests_per_minute = 10\ntokens_per_minute = 1000\nburst = 0.0\n\
             [upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n",
            Digest::of(b"sk-anna")
        );
        let config = Config::parse("t.toml", &config).unwrap();
        let state = Arc::new(State::new(&config).unwrap());
        let section = toml::from_str(&format!("listen = \"127.0.0.1:1\"\n{head}\n{RULES}")).unwrap();
        let rules = Rules::new(&section, &config.plans, HeaderSet::default(), &state.limiter).unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::both(Nanos::from_secs(1_700_000_000))));
        let metrics = Arc::new(Metrics::new(state.clone(), Arc::new(|| None), clock.clone()));
        let rules = Arc::new(ArcSwap::from_pointee(rules));
        let service = RateLimitService::new(state.clone(), rules, clock.clone(), metrics.clone());
        Self { state, clock, service, metrics }
    }

    fn ask(&self, descriptors: &[RateLimitDescriptor]) -> RateLimitResponse {
        let request =
            RateLimitRequest { domain: "edge".into(), descriptors: descriptors.to_vec(), hits_addend: 0 };
        self.service.should_rate_limit(&request).unwrap()
    }

    /// Whether each descriptor has room, after the whole.
    fn codes(&self, descriptors: &[RateLimitDescriptor]) -> (bool, Vec<bool>) {
        let response = self.ask(descriptors);
        let is_ok = |code| code == i32::from(Code::Ok);
        (is_ok(response.overall_code), response.statuses.iter().map(|status| is_ok(status.code)).collect())
    }

    fn passes(&self, descriptor: RateLimitDescriptor) -> bool {
        self.codes(&[descriptor]).0
    }

    /// What is left of a descriptor's limit.
    fn left(&self, descriptor: RateLimitDescriptor) -> u32 {
        self.ask(&[RateLimitDescriptor { hits_addend: Some(0), ..descriptor }]).statuses[0].limit_remaining
    }
}

fn descriptor(entries: &[(&str, &str)]) -> RateLimitDescriptor {
    let entry = |(key, value): &(&str, &str)| Entry { key: (*key).into(), value: (*value).into() };
    RateLimitDescriptor { entries: entries.iter().map(entry).collect(), ..RateLimitDescriptor::default() }
}

fn user(name: &str) -> RateLimitDescriptor {
    descriptor(&[("user", name)])
}

fn hits(hits: u64, descriptor: RateLimitDescriptor) -> RateLimitDescriptor {
    RateLimitDescriptor { hits_addend: Some(hits), ..descriptor }
}

fn back(hits: u64, descriptor: RateLimitDescriptor) -> RateLimitDescriptor {
    RateLimitDescriptor { hits_addend: Some(hits), is_negative_hits: true, ..descriptor }
}

fn limited(requests_per_unit: u32, unit: Unit, descriptor: RateLimitDescriptor) -> RateLimitDescriptor {
    RateLimitDescriptor {
        limit: Some(RateLimitOverride { requests_per_unit, unit: unit.into() }),
        ..descriptor
    }
}

#[test]
fn a_request_that_one_descriptor_denies_is_charged_to_none() {
    let setup = Setup::new("");
    assert!(setup.passes(hits(10, user("full"))));
    let both = [user("free"), user("full"), user("other")];
    for _ in 0..3 {
        assert_eq!(setup.codes(&both), (false, vec![true, false, true]));
    }
    assert_eq!([setup.left(user("free")), setup.left(user("other"))], [10, 10]);
    assert_eq!(setup.state.limiter.observed().cancelled, 0, "nothing had to be taken back");
    assert_eq!(setup.codes(&[user("free"), user("other")]), (true, vec![true, true]));
    assert_eq!([setup.left(user("free")), setup.left(user("other"))], [9, 9]);
}

/// Two descriptors of one key: each has room, both together have not.
#[test]
fn what_was_charged_before_a_denial_is_taken_back() {
    let setup = Setup::new("");
    assert!(setup.passes(hits(9, user("anna"))));
    assert_eq!(setup.codes(&[user("anna"), user("anna")]), (false, vec![true, false]));
    assert_eq!((setup.left(user("anna")), setup.state.limiter.observed().cancelled), (1, 1));
    assert!(setup.passes(user("anna")));
}

/// Each status says what is left when all has been taken back, not what was left meanwhile.
#[test]
fn a_denied_request_tells_what_is_left_in_the_end() {
    let setup = Setup::new("");
    let one = || user("anna");
    let denied = setup.ask(&[one(), one(), hits(9, one())]);
    assert_eq!(denied.overall_code, i32::from(Code::OverLimit));
    let left: Vec<_> = denied.statuses[..2].iter().map(|status| status.limit_remaining).collect();
    assert_eq!(left, [10, 10]);
}

/// Nothing is left of a limit of 0, and no time brings it back: clients should not come again.
#[test]
fn what_is_never_admitted_says_so() {
    let setup = Setup::new("unmatched = \"deny\"");
    for (descriptor, limit) in
        [(limited(0, Unit::Hour, user("anna")), Some((0, Unit::Hour))), (descriptor(&[("other", "x")]), None)]
    {
        assert!(setup.passes(user("anna")), "the plan has room");
        let denied = setup.ask(&[user("anna"), descriptor]);
        let status = &denied.statuses[1];
        let told = status.current_limit.as_ref().map(|limit| (limit.requests_per_unit, limit.unit));
        assert_eq!((told, status.limit_remaining), (limit.map(|(most, unit)| (most, unit.into())), 0));
        let fields: Vec<_> =
            denied.response_headers_to_add.iter().map(|field| (&*field.key, &*field.value)).collect();
        assert_eq!(fields, [("x-should-retry", "false"), ("content-type", "application/json")]);
        let body: serde_json::Value = serde_json::from_slice(&denied.raw_body).unwrap();
        assert_eq!(body["error"]["code"], "insufficient_quota");
    }
}

#[test]
fn requests_that_race_admit_no_more_than_there_is() {
    let setup = Setup::new("");
    let admitted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let (setup, admitted) = (&setup, &admitted);
            scope.spawn(move || {
                for _ in 0..200 {
                    let both = if turn % 2 == 0 { [user("a"), user("b")] } else { [user("b"), user("a")] };
                    if setup.codes(&both).0 {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let admitted = admitted.into_inner();
    // One that is taken back may have kept the last ones out; nobody gets more.
    assert!(admitted <= 10, "{admitted}");
    let left = [setup.left(user("a")), setup.left(user("b"))];
    assert_eq!(left.map(|left| left as usize + admitted), [10, 10], "all that is charged was admitted");
}

#[test]
fn no_hits_ask_and_charge_nothing() {
    let setup = Setup::new("");
    for _ in 0..50 {
        assert!(setup.passes(hits(0, user("anna"))));
    }
    assert!(setup.passes(hits(10, user("anna"))));
    assert!(!setup.passes(hits(0, user("anna"))), "there is no room for one");
    let denied = setup.ask(&[hits(0, user("anna"))]);
    assert!(denied.response_headers_to_add.iter().any(|field| field.key == "retry-after"), "{denied:?}");
    let hits_of_all =
        RateLimitRequest { domain: "edge".into(), descriptors: vec![user("bert")], hits_addend: 7 };
    setup.service.should_rate_limit(&hits_of_all).unwrap();
    assert_eq!(setup.left(user("bert")), 3);
}

#[test]
fn what_is_reported_is_charged_past_the_limit_and_given_back() {
    let setup = Setup::new("");
    let team = || descriptor(&[("team", "t")]);
    assert!(setup.passes(hits(150_000, team())));
    assert!(setup.passes(hits(30_000, team())), "a report is not denied");
    assert!(!setup.passes(hits(0, team())));
    assert!(setup.passes(back(100_000, team())));
    assert_eq!(setup.left(team()), 20_000);
    assert!(setup.passes(back(u64::MAX, team())));
    assert_eq!(setup.left(team()), 100_000);
    // What happened is counted, whatever becomes of the rest of the request.
    assert!(setup.passes(hits(10, user("full"))));
    assert_eq!(setup.codes(&[hits(40_000, team()), user("full")]), (false, vec![true, false]));
    assert_eq!(setup.left(team()), 60_000);
}

#[test]
fn a_stored_key_is_counted_with_its_calls_through_the_proxy() {
    let setup = Setup::new("unmatched = \"deny\"");
    let digest = Digest::of(b"sk-anna");
    let plan = setup.state.live().keys.named("anna").unwrap().1.plan;
    let check = |cost| setup.state.limiter.check(&digest, plan, cost, setup.clock.now()).is_admitted();
    assert!(check(Cost { requests: 4, tokens: 0 }));
    for key in ["Bearer sk-anna", "sk-anna"] {
        assert!(setup.passes(hits(3, descriptor(&[("authorization", key)]))), "{key}");
    }
    assert!(!check(Cost::REQUEST) && !setup.passes(descriptor(&[("authorization", "sk-anna")])));
    assert!(setup.passes(hits(400, descriptor(&[("name", "anna")]))));
    let (_, standing) = setup.state.limiter.peek(&digest, plan, Cost::default(), setup.clock.now());
    assert_eq!(standing.status(LimitId::TokensWindow).unwrap().remaining, 600);
    // A stranger is none of these rules'.
    assert!(
        !setup.passes(descriptor(&[("authorization", "sk-none")]))
            && !setup.passes(descriptor(&[("name", "bert")]))
    );
}

#[test]
fn entries_that_are_not_counted_do_not_tell_keys_apart() {
    let setup = Setup::new("");
    assert!(setup.passes(hits(4, user("anna"))));
    assert!(setup.passes(hits(4, descriptor(&[("user", "anna"), ("path", "/long")]))));
    assert_eq!(setup.left(user("anna")), 2);
}

#[test]
fn what_no_rule_is_for_is_as_configured() {
    let strangers = [
        descriptor(&[]),
        descriptor(&[("other", "x")]),
        descriptor(&[("user", "anna"), ("path", "/short")]),
        descriptor(&[("path", "/long"), ("user", "anna")]),
    ];
    for (head, passes) in [("", true), ("unmatched = \"deny\"", false)] {
        let setup = Setup::new(head);
        assert!(setup.passes(user("anna")));
        for stranger in &strangers {
            let response = setup.ask(std::slice::from_ref(stranger));
            assert_eq!(response.overall_code == i32::from(Code::Ok), passes);
            assert_eq!(response.statuses[0].current_limit, None);
        }
        let elsewhere =
            RateLimitRequest { domain: "nowhere".into(), descriptors: vec![user("anna")], hits_addend: 0 };
        let answered = setup.service.should_rate_limit(&elsewhere).unwrap();
        assert_eq!(answered.overall_code == i32::from(Code::Ok), passes);
        let text = setup.metrics.text().unwrap();
        assert!(text.contains("tidegate_envoy_unmatched_descriptors_total 5\n"), "{text}");
    }
}

#[test]
fn a_descriptors_own_limit_takes_the_place_of_the_plans() {
    let setup = Setup::new("");
    let minute = || limited(3, Unit::Minute, user("anna"));
    let passed = (0..9).filter(|_| setup.passes(minute())).count();
    assert_eq!(passed, 3);
    let status = setup.ask(&[minute()]).statuses.remove(0);
    let limit = status.current_limit.unwrap();
    assert_eq!((limit.requests_per_unit, limit.unit), (3, Unit::Minute.into()));
    assert_eq!(setup.left(user("anna")), 7, "what was used stays used");
    assert!(!setup.passes(limited(0, Unit::Hour, user("bert"))), "nothing is admitted");
    assert!(setup.passes(limited(0, Unit::Unknown, user("bert"))), "it says nothing");
    assert!(setup.passes(limited(u32::MAX, Unit::Second, user("bert"))));
}

/// A record has one window, and a second would forget what an hour counts: limits of other times are counted apart.
#[test]
fn a_short_limit_of_a_descriptor_forgets_nothing_that_a_long_one_counts() {
    let setup = Setup::new("");
    let anna = |unit| limited(10, unit, user("anna"));
    assert!(setup.passes(hits(10, anna(Unit::Hour))));
    for unit in [Unit::Second, Unit::Minute, Unit::Day] {
        assert!(setup.passes(anna(unit)), "{unit:?}");
        setup.clock.advance(Nanos::from_secs(100));
    }
    assert!(!setup.passes(anna(Unit::Hour)));
    setup.clock.advance(Nanos::from_secs(4_200));
    assert!(setup.passes(anna(Unit::Hour)));
    // Nor does one for requests forget what tokens owe.
    assert!(setup.passes(hits(5_000, descriptor(&[("name", "anna")]))));
    let request = || descriptor(&[("authorization", "sk-anna")]);
    assert!(!setup.passes(request()), "it waits until the tokens are paid");
    assert!(!setup.passes(limited(5, Unit::Minute, request())));
    assert!(!setup.passes(request()));
}

#[test]
fn a_denial_tells_of_the_limit_that_denies_longest() {
    let setup = Setup::new("");
    assert!(setup.passes(hits(10, user("full"))) && setup.passes(limited(1, Unit::Day, user("day"))));
    let denied = setup.ask(&[user("full"), limited(1, Unit::Day, user("day"))]);
    let field = |name: &str| {
        let field = denied.response_headers_to_add.iter().find(|field| field.key == name);
        field.map(|field| field.value.clone()).unwrap_or_default()
    };
    // 22:13:20 UTC.
    assert_eq!((field("retry-after"), field("x-should-retry")), ("6400".into(), "false".into()));
    assert_eq!(denied.statuses[1].duration_until_reset.unwrap().seconds, 6_400);
    let body: serde_json::Value = serde_json::from_slice(&denied.raw_body).unwrap();
    assert_eq!(body["error"]["code"], "insufficient_quota");
    let own = Setup::new("answers = \"none\"");
    assert!(own.passes(hits(10, user("full"))));
    assert!(own.ask(&[user("full")]).raw_body.is_empty());
}

#[test]
fn no_number_and_no_length_breaks_it() {
    let setup = Setup::new("");
    let long = "k".repeat(1 << 20);
    assert!(!setup.passes(hits(u64::MAX, user("anna"))) && !setup.passes(hits(11, user("anna"))));
    assert!(setup.passes(hits(u64::MAX, descriptor(&[("team", "t")]))));
    assert!(
        setup.passes(back(u64::MAX, user("nobody"))) && setup.passes(user(&long)) && setup.passes(user(""))
    );
    assert_eq!([setup.left(user(&long)), setup.left(user("anna"))], [9, 10]);
    assert!(
        setup.passes(descriptor(&[("authorization", &long)])) && setup.passes(descriptor(&[(&long, &long)]))
    );
    let refused = |domain: &str, descriptors: usize| {
        let descriptors = vec![user("x"); descriptors];
        let request = RateLimitRequest { domain: domain.into(), descriptors, hits_addend: u32::MAX };
        setup.service.should_rate_limit(&request).map_err(|status| status.message().to_owned())
    };
    assert!(refused("", 1).unwrap_err().contains("`domain`"));
    assert!(refused("edge", 0).unwrap_err().contains("at least one"));
    assert!(refused("edge", 257).unwrap_err().contains("at most 256"));
    assert!(refused("edge", 256).is_ok());
    for unit in [-1, 8, i32::MAX] {
        let limit = Some(RateLimitOverride { requests_per_unit: 5, unit });
        assert!(setup.passes(RateLimitDescriptor { limit, ..user("bert") }));
    }
    let text = setup.metrics.text().unwrap();
    assert!(text.contains("tidegate_envoy_requests_total{code=\"error\"} 3\n"), "{text}");
}

/// The status of gRPC, and the message.
async fn call(setup: &Setup, path: &str, body: Vec<u8>) -> (String, Bytes) {
    let request = http::Request::post(path).header("content-type", "application/grpc");
    let response =
        setup.service.clone().oneshot(request.body(Full::<Bytes>::from(body)).unwrap()).await.unwrap();
    let head = response.headers().get("grpc-status").cloned();
    let body = response.into_body().collect().await.unwrap();
    let status = head.or_else(|| body.trailers().and_then(|fields| fields.get("grpc-status").cloned()));
    (status.unwrap().to_str().unwrap().to_owned(), body.to_bytes())
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

#[tokio::test]
async fn a_message_that_is_none_is_refused() {
    let setup = Setup::new("");
    let request = RateLimitRequest { domain: "edge".into(), descriptors: vec![user("anna")], hits_addend: 0 };
    let (status, message) = call(&setup, PATH, framed(&request.encode_to_vec())).await;
    assert_eq!(status, "0");
    let response = RateLimitResponse::decode(&message[5..]).unwrap();
    assert_eq!((response.overall_code, response.statuses.len()), (Code::Ok.into(), 1));
    for (body, expected) in [
        (framed(&[0xff; 40]), "13"),
        (framed(&[0x0a, 2, 0xff, 0xfe]), "13"),
        (framed(&[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]), "13"),
        (framed(&vec![0; (4 << 20) + 1]), "11"),
        (vec![0, 0, 0, 1], "13"),
        (Vec::new(), "13"),
    ] {
        let length = body.len();
        assert_eq!(call(&setup, PATH, body).await.0, expected, "of {length} bytes");
    }
    let text = setup.metrics.text().unwrap();
    assert!(text.contains("tidegate_envoy_requests_total{code=\"error\"} 6\n"), "{text}");
    assert_eq!(call(&setup, "/envoy.service.ratelimit.v3.RateLimitService/Other", Vec::new()).await.0, "12");
    assert_eq!(setup.left(user("anna")), 9);
}

/// Envoy takes entries from fields as a client wrote them. What is no text is counted like any other, since an error would have the call
/// pass, and the limits of all its other descriptors with it.
#[tokio::test]
async fn an_entry_need_not_be_text() {
    let setup = Setup::new("");
    let odd = |value: &[u8]| {
        let entry = Entry { key: "user".into(), value: value.to_vec() };
        RateLimitDescriptor { entries: vec![entry], ..RateLimitDescriptor::default() }
    };
    for (left, value) in [(9, b"\xff\xfe"), (8, b"\xff\xfe")] {
        let request =
            RateLimitRequest { domain: "edge".into(), descriptors: vec![odd(value)], hits_addend: 0 };
        let (status, message) = call(&setup, PATH, framed(&request.encode_to_vec())).await;
        assert_eq!(status, "0");
        let response = RateLimitResponse::decode(&message[5..]).unwrap();
        assert_eq!(response.statuses[0].limit_remaining, left);
    }
    for key in ["authorization", "name"] {
        let entry = Entry { key: key.into(), value: b"Bearer \xff".to_vec() };
        assert!(setup.passes(RateLimitDescriptor { entries: vec![entry], ..RateLimitDescriptor::default() }));
    }
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// When the service stood still for longer than Envoy waits, calls come that were given up already. To end the connection for them, as
/// for an attack, would cost those that came last, and still wait.
#[tokio::test]
async fn calls_that_were_given_up_do_not_cost_the_others_their_connection() {
    let [data, headers, reset, settings, go_away] = [0, 1, 3, 4, 7];
    let (end_stream, end_headers) = (1, 4);
    const CALLS: u32 = 400;
    let setup = Setup::new("");
    let request = RateLimitRequest { domain: "edge".into(), descriptors: vec![user("anna")], hits_addend: 0 };
    // POST, http, the path, and the content's type, by HPACK's static table.
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let head = [&[0x83, 0x86, 0x04], &text(PATH)[..], &[0x0f, 0x10], &text("application/grpc")].concat();
    let mut sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(settings, 0, 0, &[])[..]].concat();
    for stream in (0..CALLS).map(|call| 2 * call + 1) {
        sent.extend(frame(headers, end_headers, stream, &head));
        sent.extend(frame(reset, 0, stream, &8_u32.to_be_bytes()));
    }
    let last = 2 * CALLS + 1;
    sent.extend(frame(headers, end_headers, last, &head));
    sent.extend(frame(data, end_stream, last, &framed(&request.encode_to_vec())));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.write_all(&sent).await.unwrap();
    tokio::spawn(envoy::serve(listener, setup.service.clone(), std::future::pending()));
    loop {
        let mut head = [0; 9];
        client.read_exact(&mut head).await.unwrap();
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        client.read_exact(&mut vec![0; length]).await.unwrap();
        assert_ne!(head[3], go_away, "the connection ends");
        if head[3] == headers && head[5..] == last.to_be_bytes() {
            break;
        }
    }
}

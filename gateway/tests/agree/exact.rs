//! A trace over HTTP on a clock set by hand: every decision is that of `tidegate replay`.
//!
//! The clock shows each event's time while the event happens: a request goes over loopback to the gateway, a response begins at the
//! upstream, and ends there when the trace settles it. Compared are the decision, the limit that denied, and what the fields say.

use crate::decisions::{self, Row};
use crate::http::{self, Caller, NO_DEFAULT, number};
use crate::trace::{self, Event};
use crate::upstream::{Ending, Upstream};
use ::http::Response;
use hyper::body::Incoming;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::{ManualClock, Nanos, Timestamp};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::gateway::Gateway;
use tidegate_gateway::serve::server::Server;

/// Plans as both the gateway and `replay` read them.
const PLANS: &str = r#"
[plans.calls]
requests_per_minute = 20

[plans.tokens]
requests_per_minute = 60
tokens_per_minute = 6_000
tokens_per_day = 60_000

[plans.odd]
burst = 0.5

[[plans.odd.limits]]
unit = "requests"
amount = 5
window = "7s"

[[plans.odd.limits]]
unit = "tokens"
amount = 9_000
window = "90s"
burst = 0.0

[plans.slotted]
requests_per_minute = 5
slotted_hints = true

[plans.visitor]
requests_per_minute = 20
burst = 0.0

[[plans.visitor.limits]]
unit = "requests"
amount = 60
window = "day"

[plans.service]
requests_per_minute = 300
tokens_per_minute = 360_000
"#;

/// So many events of a real trace are sent, unless the variable of the environment has another number.
const EVENTS: usize = 10_000;

/// The first events of what was decided about a real trace.
fn first(rows: Vec<Row>) -> Vec<Row> {
    let events = std::env::var("TIDEGATE_AGREE_EVENTS").map_or(EVENTS, |text| text.parse().unwrap());
    rows.into_iter().take(events).collect()
}

/// A trace, and the gateway that is to decide it.
struct Replay {
    rows: Vec<Row>,
    events: Vec<Event>,
    server: Server,
    upstream: Upstream,
    clock: Arc<ManualClock>,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    calls: usize,
    denied: usize,
    never: usize,
    settled: usize,
    /// Calls that were decided otherwise, or whose fields say something else.
    otherwise: Vec<String>,
}

impl Replay {
    /// The gateway has its own text of the plans, so that it can be made to differ.
    async fn new(rows: Vec<Row>, events: Vec<Event>, plans: &str, plan: impl Fn(&str) -> String) -> Self {
        assert_eq!(rows.len(), events.len());
        let upstream = Upstream::start().await;
        let names: BTreeSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        let keys: String = names.into_iter().map(|name| http::key(name, &plan(name))).collect();
        let text = format!(
            "listen = \"127.0.0.1:0\"\n{keys}{plans}\n[upstreams.o]\nurl = \"{}\"\napi = \"openai\"\n\
             [headers]\nsets = [\"x-ratelimit\", \"openai\"]\n{NO_DEFAULT}",
            upstream.url
        );
        let config = Config::parse("gateway.toml", &text).unwrap();
        let clock = Arc::new(ManualClock::new(at(rows[0].time)));
        let gateway = Gateway::with_clock(config, clock.clone()).unwrap();
        let server = Server::of(gateway, None).await.unwrap();
        Self { rows, events, server, upstream, clock }
    }

    async fn run(&self) -> Outcome {
        let caller = Caller::new(self.server.address());
        let mut open = HashMap::new();
        let mut outcome = Outcome::default();
        for (row, event) in self.rows.iter().zip(&self.events) {
            self.clock.set(at(row.time));
            match *event {
                Event::Call { id, tokens, is_settled } => {
                    let ending = self.upstream.expect(id);
                    let response = caller.begin(&row.key, id, http::body(tokens)).await;
                    outcome.calls += 1;
                    if !http::is_admitted(&response) {
                        let limit = refused(row, response, &mut outcome).await;
                        outcome.denied += usize::from(limit.is_some());
                        outcome.never += usize::from(limit.is_none());
                        continue;
                    }
                    compare(row, &fields(row, &response), &mut outcome);
                    if is_settled {
                        open.insert(id, (response, ending));
                    } else {
                        self.end(response, ending, None, open.len()).await;
                    }
                }
                Event::Settle { id, tokens } => {
                    if let Some((response, ending)) = open.remove(&id) {
                        self.end(response, ending, Some(tokens), open.len()).await;
                        outcome.settled += 1;
                    }
                }
            }
        }
        outcome
    }

    /// Lets a response end, and waits until the call is settled: on the client's side its end may be seen before.
    async fn end(&self, response: Response<Incoming>, ending: Ending, used: Option<u64>, open: usize) {
        ending.end(used);
        http::text(response).await;
        let begun = Instant::now();
        while self.server.gateway().state.limiter.observed().unsettled() > open as u64 {
            assert!(begun.elapsed() < Duration::from_secs(20), "a call is never settled");
            tokio::task::yield_now().await;
        }
    }
}

fn at(nanos: u64) -> Timestamp {
    Timestamp::both(Nanos::new(nanos))
}

/// What a response says of its call, in the words of a row: what it does not say is taken from the row.
fn fields(row: &Row, response: &Response<Incoming>) -> Row {
    let fields = response.headers();
    Row {
        decision: "admitted".into(),
        limit: String::new(),
        retry_after_ns: None,
        limit_requests: number(fields, "x-ratelimit-limit-requests"),
        remaining_requests: number(fields, "x-ratelimit-remaining-requests"),
        reset: number(fields, "x-ratelimit-reset"),
        ..row.clone()
    }
}

/// Compares a refusal with what it should be, and gives the limit that denied; `None` if it never admits the call.
async fn refused(row: &Row, response: Response<Incoming>, outcome: &mut Outcome) -> Option<String> {
    let told = fields(row, &response);
    let wait = |name| number(response.headers(), name);
    let waits = [wait("retry-after-ms"), wait("retry-after")];
    let message = http::text(response).await;
    let limit = message.split_once('(').and_then(|(_, rest)| rest.split_once(')')).unwrap().0.to_owned();
    let is_never = message.contains("Ask for less");
    // The fields of a refusal are those of its limit, a row's those of the requests window.
    let is_of_window = limit.starts_with("requests") && limit != "requests_per_day";
    let reset = if is_of_window { told.reset } else { row.reset };
    // To the millisecond, and to the second.
    let expected =
        [1_000_000, 1_000_000_000].map(|unit| row.retry_after_ns.map(|wait| wait.div_ceil(unit).max(1)));
    let retry_after_ns =
        if waits == expected { row.retry_after_ns } else { Some(waits[0].unwrap_or(0) * 1_000_000) };
    let decision = if is_never { "never" } else { "denied" }.to_owned();
    compare(row, &Row { decision, limit: limit.clone(), retry_after_ns, reset, ..told }, outcome);
    (!is_never).then_some(limit)
}

fn compare(expected: &Row, told: &Row, outcome: &mut Outcome) {
    if expected != told {
        outcome.otherwise.push(format!("replay: {expected:?}\n  http: {told:?}"));
    }
}

/// Sends a trace, and gives what came of it.
async fn agree(trace: &str, replay: &Replay) {
    let begun = Instant::now();
    let Outcome { calls, denied, never, settled, otherwise } = replay.run().await;
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{trace}: of {calls} calls over HTTP {denied} were denied, {never} are never admitted and {settled} told their usage; \
         {} decided otherwise than by `tidegate replay` ({seconds:.1} s)",
        otherwise.len()
    );
    assert!(otherwise.is_empty(), "{trace}: {} of {calls}, the first:\n{}", otherwise.len(), otherwise[0]);
    let admitted = replay.rows.iter().filter(|row| row.is_call() && row.is_admitted()).count();
    assert_eq!(calls - denied - never, admitted);
    assert!(denied > calls / 100, "{trace}: {denied} denials of {calls} calls try nothing");
}

const MADE_UP_PLANS: [&str; 4] = ["calls", "tokens", "odd", "slotted"];

async fn made_up_replay(plans: &str) -> Replay {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.csv");
    let (text, events) = trace::made_up(1_500, &MADE_UP_PLANS);
    std::fs::write(&file, text).unwrap();
    let rows = decisions::of(&file, PLANS, "calls");
    let plan = |name: &str| {
        let number: usize = name.trim_start_matches('k').parse().unwrap();
        MADE_UP_PLANS[number % MADE_UP_PLANS.len()].to_owned()
    };
    Replay::new(rows, events, plans, plan).await
}

pub(crate) async fn made_up() {
    agree("a made-up trace", &made_up_replay(PLANS).await).await;
}

/// That the comparison sees a limit that is another by one.
pub(crate) async fn another_limit() {
    let other = PLANS.replacen("requests_per_minute = 20", "requests_per_minute = 21", 1);
    let outcome = made_up_replay(&other).await.run().await;
    assert!(!outcome.otherwise.is_empty(), "one call a minute more, and nothing differs");
}

pub(crate) async fn access_log() {
    let Some(file) = trace::real("apache_combined.log", "skipped") else { return };
    let rows = first(decisions::of(&file, PLANS, "visitor"));
    let call = |id| Event::Call { id, tokens: 0, is_settled: false };
    let events = (0..rows.len() as u64).map(call).collect();
    agree("apache_combined.log", &Replay::new(rows, events, PLANS, |_| "visitor".into()).await).await;
}

pub(crate) async fn tokens() {
    let Some(file) = trace::real("azure_llm_2023_conv.csv", "skipped") else { return };
    let rows = first(decisions::of(&file, PLANS, "service"));
    let replay = Replay::new_azure(rows, &file).await;
    agree("azure_llm_2023_conv.csv", &replay).await;
}

impl Replay {
    /// Each row of Azure's is a call, and if it is admitted a settle at the same time.
    async fn new_azure(rows: Vec<Row>, file: &Path) -> Self {
        let mut calls = (0..).zip(trace::azure(&std::fs::read_to_string(file).unwrap()));
        let mut last = (0, 0);
        let events = rows.iter().map(|row| {
            if row.is_call() {
                let (id, (tokens, used)) = calls.next().unwrap();
                last = (id, used);
                Event::Call { id, tokens, is_settled: true }
            } else {
                Event::Settle { id: last.0, tokens: last.1 }
            }
        });
        let events = events.collect();
        Self::new(rows, events, PLANS, |_| "service".into()).await
    }
}

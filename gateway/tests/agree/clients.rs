//! Real clients in real time before the real program, and the simulation of them.
//!
//! The scenario begins when the gateway's segments lie as in virtual time. What this machine takes for an attempt is measured, and the
//! simulation is told it as `round_trip`: it is no part of what is compared. The run is then held against the spread of simulated ones.

use crate::http::{self, Caller, number};
use crate::phase::{self, Phase};
use crate::prediction::{Change, Expected, MEASURES, RoundTrip};
use crate::program::Program;
use crate::scenario::{Arrivals, Population, Retry, Scenario, Think};
use crate::sdk::Sdk;
use ::http::HeaderMap;
use serde::Deserialize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tidegate_gateway::serve::mock::{Mock, Pace};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

/// A machine that takes longer for an attempt, on average, is too busy to show what clients do.
const BUSY: Duration = Duration::from_millis(40);
/// So often it is tried.
const TRIES: u32 = 2;

/// What a population did, until the scenario's end.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Counts {
    calls: u64,
    denied: u64,
    succeeded: u64,
    given_up: u64,
    /// Of each attempt, how much later it was sent than the call's policy says, and from then to its answer.
    seconds: Vec<f64>,
}

impl Counts {
    /// The share of attempts denied, and attempts for each call that succeeded.
    fn measures(&self) -> [f64; 2] {
        let attempts = self.seconds.len() as f64;
        [self.denied as f64 / attempts, attempts / self.succeeded as f64]
    }
}

pub(crate) async fn fare_as_simulated() {
    let mut scenario = Scenario::read();
    if let Ok(seconds) = std::env::var("TIDEGATE_AGREE_SECONDS") {
        scenario.duration = Duration::from_secs(seconds.parse().unwrap());
    }
    let sdk = Sdk::find().await;
    if let Err(why) = &sdk {
        eprintln!("skipped: there is no SDK to call with: {why}");
    }
    for _ in 0..TRIES {
        let run = run(&scenario, sdk.as_ref().ok()).await;
        let slowest = run.iter().map(|(_, counts)| RoundTrip::of(&counts.seconds).mean).max().unwrap();
        if slowest <= BUSY {
            return judge(&scenario, run);
        }
        eprintln!("an attempt took {slowest:?}: the machine is too busy to tell what clients do");
    }
    eprintln!("skipped: clients were not compared with the simulation, after {TRIES} tries");
}

/// Runs the scenario once. Without the SDK its population stays away.
async fn run<'a>(scenario: &'a Scenario, sdk: Option<&Sdk>) -> Vec<(&'a Population, Counts)> {
    let mock = Mock::start(Pace { tokens: 5, pause: Duration::ZERO }).await.unwrap();
    let keys = scenario.populations.iter().flat_map(|population| {
        population.keys().map(|key| http::key(&key, &population.plan)).collect::<Vec<_>>()
    });
    let config = format!(
        "{}{}{}{}[upstreams.o]\nurl = \"{}\"\napi = \"openai\"\n",
        keys.collect::<String>(),
        http::key(Sdk::WARM_UP, &scenario.populations[0].plan),
        phase::config(scenario.window(), &["before"]),
        scenario.plans(),
        mock.url()
    );
    let program = Program::start(&config).await;
    let caller = Caller::new(program.address);
    let phase = Phase::find(&caller, scenario.window(), "before").await;
    let mut others = Vec::new();
    let mut with_sdk = Vec::new();
    for population in &scenario.populations {
        match &population.retry {
            Retry::Named(name) if name == Sdk::POLICY => {
                if let Some(sdk) = sdk {
                    with_sdk
                        .push((population, sdk.start(program.address, population, scenario.duration).await));
                }
            }
            retry => others.push((population, Policy::new(retry))),
        }
    }
    let begin = phase.next(Instant::now() + Duration::from_millis(100));
    let others: Vec<_> = others
        .into_iter()
        .map(|(population, policy)| (population, Crowd::begin(population, policy, &caller, begin)))
        .collect();
    sleep_until(begin.into()).await;
    for (_, started) in &mut with_sdk {
        started.begin().await;
    }
    sleep_until((begin + scenario.duration).into()).await;
    let mut counts: Vec<_> =
        others.into_iter().map(|(population, crowd)| (population, crowd.end())).collect();
    for (population, started) in with_sdk {
        counts.push((population, started.end().await));
    }
    counts
}

/// Clients of the scenario that this program plays itself.
struct Crowd {
    counts: Arc<Mutex<Counts>>,
    /// Dropped with it.
    _clients: JoinSet<()>,
}

impl Crowd {
    fn begin(population: &Population, policy: Policy, caller: &Caller, begin: Instant) -> Self {
        let counts = Arc::default();
        let mut clients = JoinSet::new();
        for client in 0..population.clients {
            let client = Client {
                key: population.key(client),
                policy,
                caller: caller.clone(),
                counts: Arc::clone(&counts),
            };
            let arrivals = population.arrivals;
            clients.spawn(async move {
                sleep_until(begin.into()).await;
                client.run(arrivals, begin).await;
            });
        }
        Self { counts, _clients: clients }
    }

    /// What was counted until now.
    fn end(self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap())
    }
}

#[derive(Clone)]
struct Client {
    key: String,
    policy: Policy,
    caller: Caller,
    counts: Arc<Mutex<Counts>>,
}

impl Client {
    /// Calls until it is dropped.
    async fn run(self, arrivals: Arrivals, begin: Instant) {
        match arrivals {
            Arrivals::Paced(period) => {
                let mut calls = JoinSet::new();
                let mut next = begin + period.mul_f64(fastrand::f64());
                loop {
                    sleep_until(next.into()).await;
                    let client = self.clone();
                    calls.spawn(async move { client.call().await });
                    while calls.try_join_next().is_some() {}
                    next += period;
                }
            }
            Arrivals::Closed { think: Think::Exponential(mean) } => loop {
                sleep(mean.mul_f64(-(1.0 - fastrand::f64()).ln())).await;
                self.call().await;
            },
        }
    }

    /// One call, with all its attempts.
    async fn call(&self) {
        self.count(|counts| counts.calls += 1);
        let mut late = Duration::ZERO;
        for retries in 0.. {
            let sent = Instant::now();
            let response = self.caller.begin(&self.key, 0, ask()).await;
            let (is_admitted, fields) = (http::is_admitted(&response), response.headers().clone());
            http::text(response).await;
            let answered = Instant::now();
            self.count(|counts| {
                counts.seconds.push((late + (answered - sent)).as_secs_f64());
                counts.succeeded += u64::from(is_admitted);
                counts.denied += u64::from(!is_admitted);
            });
            if is_admitted {
                return;
            }
            let Some(wait) = self.policy.wait(retries, &fields) else {
                return self.count(|counts| counts.given_up += 1);
            };
            sleep_until((answered + wait).into()).await;
            late = answered.elapsed() - wait;
        }
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap());
    }
}

fn ask() -> String {
    r#"{"model":"mock","messages":[{"role":"user","content":"two words"}],"max_tokens":5}"#.to_owned()
}

/// The simulator's policies that this program follows itself.
#[derive(Clone, Copy, Debug)]
enum Policy {
    /// U(0, 1)·min(2^k, 60) s.
    FullJitter { retries: u32 },
    /// As it is told, six times.
    RetryAfter,
}

impl Policy {
    fn new(retry: &Retry) -> Self {
        match retry {
            Retry::Changed { policy, retries } if policy == "full-jitter" => {
                Self::FullJitter { retries: *retries }
            }
            Retry::Named(name) if name == "retry-after" => Self::RetryAfter,
            other => panic!("nobody here follows {other:?}"),
        }
    }

    /// The wait before a call is sent again; `None` if it is given up.
    fn wait(self, retries: u32, fields: &HeaderMap) -> Option<Duration> {
        match self {
            Self::FullJitter { retries: most } => {
                let longest = f64::from(1_u32 << retries.min(6)).min(60.0);
                (retries < most).then(|| Duration::from_secs_f64(longest * fastrand::f64()))
            }
            Self::RetryAfter => {
                let told =
                    number(fields, "retry-after-ms").expect("a denial by a window says when to come back");
                (retries < 6).then(|| Duration::from_millis(told))
            }
        }
    }
}

/// What else clients might do, which is to be told from what they do.
fn otherwise(population: &str) -> &'static str {
    match population {
        "jittered" => r#"{ policy = "full-jitter", retries = 2 }"#,
        "told" => r#""retry-after-seconds""#,
        // The SDK, deaf to the hint.
        "sdk" => r#"{ policy = "equal-jitter", base = "500ms", cap = "8s", retries = 2 }"#,
        other => panic!("nothing is known of {other}"),
    }
}

/// Whether all populations did what was to be expected of them, and not what was to be expected of others.
fn judge(scenario: &Scenario, run: Vec<(&Population, Counts)>) {
    let changes = |retry: fn(&str) -> Option<&'static str>| {
        let change = |(population, counts): &(&Population, Counts)| Change {
            population: population.name.clone(),
            round_trip: RoundTrip::of(&counts.seconds),
            retry: retry(&population.name),
        };
        run.iter().map(change).collect::<Vec<_>>()
    };
    let expected = Expected::new(scenario.duration, &changes(|_| None));
    let of_others = Expected::new(scenario.duration, &changes(|name| Some(otherwise(name))));
    let mut wrong = Vec::new();
    for (population, counts) in &run {
        let (name, others) = (population.name.as_str(), otherwise(&population.name));
        let Counts { calls, denied, succeeded, given_up, seconds } = counts;
        eprintln!(
            "{name}: {calls} calls, {} attempts, {denied} denied, {succeeded} succeeded, {given_up} given up; {}",
            seconds.len(),
            RoundTrip::of(seconds)
        );
        let mut differs = false;
        for (measure, found) in counts.measures().into_iter().enumerate() {
            let [expected, other] = [&expected, &of_others].map(|expected| expected.interval(name, measure));
            let measure = MEASURES[measure];
            eprintln!("  {measure}: {found:.4}; simulated {expected}, with {others} {other}");
            if !expected.contains(&found) {
                wrong.push(format!("{name}, {measure}: {found:.4} is not in {expected}"));
            }
            differs |= !other.contains(&found);
        }
        if !differs {
            wrong.push(format!("{name}: they may as well have followed {others}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

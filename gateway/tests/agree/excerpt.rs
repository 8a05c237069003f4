//! A part of a trace over HTTP in real time, before the real program.
//!
//! It begins when the gateway's segments lie as in the trace's own time. A gateway decides later than the trace has it, by the way of
//! the call and by a late timer, so a call just before the begin of a segment may be counted in the next. All that is known of when it was decided is
//! that this was after it was sent and before it was answered. So what is asked is: are there times between the two with which
//! `tidegate replay` decides every call as the gateway did?

use crate::decisions;
use crate::http::{self, Caller, NO_DEFAULT, number};
use crate::phase::{self, Phase};
use crate::program::Program;
use crate::trace;
use crate::upstream::Upstream;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// So much of a trace is run.
const LENGTH: u64 = 30 * SECOND;
const SECOND: u64 = 1_000_000_000;
/// Its seventh is a second, so segments begin where the trace's seconds do.
const WINDOW: Duration = Duration::from_secs(7);

/// Short enough that the bucket does not bind within the time: a decision hangs on segments alone.
const PLANS: &str = r#"
[[plans.short.limits]]
unit = "requests"
amount = 26
window = "7s"

[[plans.short.limits]]
unit = "tokens"
amount = 36_000
window = "7s"
"#;

/// A call of the trace.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// Unix nanoseconds.
    at: u64,
    tokens: u64,
    used: u64,
}

/// What became of it: from and until when it may have been decided and settled, in the trace's time, and what it was told.
#[derive(Clone, Copy, Debug)]
struct Seen {
    from: u64,
    until: u64,
    told: Told,
}

/// A decision as far as it does not depend on the time of day.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    is_admitted: bool,
    remaining: u64,
}

pub(crate) async fn in_real_time() {
    let calls = excerpt();
    let upstream = Upstream::start().await;
    let config = format!(
        "{}{}{PLANS}[upstreams.o]\nurl = \"{}\"\napi = \"openai\"\n[headers]\nsets = [\"openai\"]\n{NO_DEFAULT}",
        http::key("trace", "short"),
        phase::config(WINDOW, &["before", "after"]),
        upstream.url
    );
    let program = Program::start(&config).await;
    let caller = Caller::new(program.address);
    let phase = Phase::find(&caller, WINDOW, "before").await;
    let seen = run(&calls, &caller, &upstream, &phase).await;
    if seen.iter().any(|seen| seen.until - seen.from > SECOND / 2) {
        eprintln!("skipped: the machine stood still for longer than half a segment");
        return;
    }
    let drift = phase.apart(&Phase::find(&caller, WINDOW, "after").await);
    let known = phase.within + drift;
    let seen: Vec<Seen> = seen.into_iter().map(|seen| seen.padded(known.as_nanos() as u64)).collect();
    judge(&calls, &seen, known);
}

/// Half a minute from the middle of Azure's trace, or made up where that is not there.
fn excerpt() -> Vec<Call> {
    let Some(file) = trace::real("azure_llm_2023_conv.csv", "made up instead") else {
        let mut random = fastrand::Rng::with_seed(3);
        let mut at = 1_700_000_000 * SECOND;
        let end = at + LENGTH;
        let call = || {
            at += random.u64(0..400_000_000);
            Call { at, tokens: random.u64(20..2_000), used: random.u64(20..2_500) }
        };
        return std::iter::repeat_with(call).take_while(|call| call.at < end).collect();
    };
    let rows = decisions::of(&file, PLANS, "short");
    let times = rows.iter().filter(|row| row.is_call()).map(|row| row.time);
    let tokens = trace::azure(&std::fs::read_to_string(&file).unwrap());
    let begin = rows[0].time + 600 * SECOND;
    let all = times.zip(tokens).map(|(at, (tokens, used))| Call { at, tokens, used });
    all.filter(|call| (begin..begin + LENGTH).contains(&call.at)).collect()
}

/// One call after the other, each at its time or, if the one before is not over then, as soon as that is.
async fn run(calls: &[Call], caller: &Caller, upstream: &Upstream, phase: &Phase) -> Vec<Seen> {
    let begin = phase.next(Instant::now() + Duration::from_millis(100));
    let second = calls[0].at / SECOND * SECOND;
    let in_trace = |at: Instant| second + (at - begin).as_nanos() as u64;
    let mut seen = Vec::with_capacity(calls.len());
    for (id, call) in (1..).zip(calls) {
        tokio::time::sleep_until((begin + Duration::from_nanos(call.at - second)).into()).await;
        let ending = upstream.expect(id);
        let sent = Instant::now();
        let response = caller.begin("trace", id, http::body(call.tokens)).await;
        let is_admitted = http::is_admitted(&response);
        let remaining = number(response.headers(), "x-ratelimit-remaining-requests").unwrap();
        ending.end(Some(call.used));
        http::text(response).await;
        let until = in_trace(Instant::now());
        seen.push(Seen { from: in_trace(sent), until, told: Told { is_admitted, remaining } });
    }
    seen
}

impl Seen {
    /// With all that is not known of how the two clocks lie.
    fn padded(self, by: u64) -> Self {
        Self { from: self.from - by, until: self.until + by, ..self }
    }

    /// Whether a segment may have begun meanwhile.
    fn is_split(&self) -> bool {
        self.from / SECOND != self.until / SECOND
    }
}

/// When a call was decided and settled: both at its first moment, both at its last, or one each.
const WAYS: [(bool, bool); 3] = [(false, false), (false, true), (true, true)];

fn judge(calls: &[Call], seen: &[Seen], known: Duration) {
    let told: Vec<Told> = seen.iter().map(|seen| seen.told).collect();
    let denied = told.iter().filter(|told| !told.is_admitted).count();
    let ideal: Vec<(u64, u64)> = calls.iter().map(|call| (call.at, call.at)).collect();
    let replayed = replay(calls, &ideal, PLANS);
    let same = told
        .iter()
        .zip(&replayed)
        .filter(|(told, replayed)| told.is_admitted == replayed.is_admitted)
        .count();
    let split: Vec<usize> = (0..seen.len()).filter(|number| seen[*number].is_split()).collect();
    let late = seen.iter().zip(calls).map(|(seen, call)| seen.until.saturating_sub(call.at)).max().unwrap();
    eprintln!(
        "in real time: of {} calls {denied} were denied; {same} were decided as at the trace's own times; \
         {} may have been decided on either side of a segment's begin; \
         the latest was over {:.1} ms after its time; segments are known within {:.2} ms",
        calls.len(),
        split.len(),
        late as f64 / 1e6,
        known.as_secs_f64() * 1e3
    );
    assert!(denied > calls.len() / 20 && denied < calls.len() / 2, "{denied} denials try little");
    if let Err(why) = explain(calls, seen, &told, &split, PLANS) {
        panic!("no times between sending and answer explain what was decided; at best up to {why}");
    }
    // One request more in a window is another limit, and no times explain that.
    let other = PLANS.replace("amount = 26", "amount = 27");
    assert!(explain(calls, seen, &told, &split, &other).is_err(), "another limit explains it as well");
}

/// Whether there are times with which `replay` decides everything as it was decided under these plans; else how far any go.
fn explain(calls: &[Call], seen: &[Seen], told: &[Told], split: &[usize], plans: &str) -> Result<(), String> {
    let mut search = Search { calls, seen, told, split, plans, furthest: (0, String::new()) };
    let is_explained = search.explain(&mut Vec::new());
    let (call, why) = search.furthest;
    is_explained.then_some(()).ok_or_else(|| format!("call {call}: {why}"))
}

/// Looks for the sides of the begins of segments on which calls lie.
struct Search<'a> {
    calls: &'a [Call],
    seen: &'a [Seen],
    told: &'a [Told],
    /// Calls that may lie on either side.
    split: &'a [usize],
    plans: &'a str,
    /// The first call that is not explained, at best.
    furthest: (usize, String),
}

impl Search<'_> {
    /// Whether there is an explanation that begins so.
    fn explain(&mut self, ways: &mut Vec<(bool, bool)>) -> bool {
        let replayed = replay(self.calls, &self.times(ways), self.plans);
        let mut pairs = self.told.iter().zip(&replayed);
        let Some(first) = pairs.position(|(told, replayed)| told != replayed) else { return true };
        if first >= self.furthest.0 {
            let why = format!("the gateway: {:?}, replay: {:?}", self.told[first], replayed[first]);
            self.furthest = (first, why);
        }
        // No later call changes what came before it.
        if self.split.get(ways.len()).is_none_or(|next| *next > first) {
            return false;
        }
        WAYS.into_iter().any(|way| {
            ways.push(way);
            let is_explained = self.explain(ways);
            ways.pop();
            is_explained
        })
    }

    /// Times of decisions and settles; of calls of which nothing is said yet, the first that are possible.
    fn times(&self, ways: &[(bool, bool)]) -> Vec<(u64, u64)> {
        let mut times: Vec<(u64, u64)> = self.seen.iter().map(|seen| (seen.from, seen.from)).collect();
        for (number, (decided, settled)) in self.split.iter().zip(ways) {
            let Seen { from, until, .. } = self.seen[*number];
            times[*number] = (if *decided { until } else { from }, if *settled { until } else { from });
        }
        times
    }
}

/// What `tidegate replay` decides about the calls, decided and settled at these times.
fn replay(calls: &[Call], times: &[(u64, u64)], plans: &str) -> Vec<Told> {
    let mut csv = "time,key,event,id,tokens\n".to_owned();
    let mut now = 0;
    let mut line = |at: u64, fields: String| {
        // What is known of two calls may overlap by as much as is not known of the segments.
        now = now.max(at);
        let _ = writeln!(csv, "{}.{:09},{fields}", now / SECOND, now % SECOND);
    };
    for (id, (call, (decided, settled))) in calls.iter().zip(times).enumerate() {
        line(*decided, format!("trace,call,{id},{}", call.tokens));
        line(*settled, format!(",settle,{id},{}", call.used));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("excerpt.csv");
    std::fs::write(&file, csv).unwrap();
    let rows = decisions::of(&file, plans, "short");
    let calls = rows.iter().filter(|row| row.is_call());
    calls
        .map(|row| Told { is_admitted: row.is_admitted(), remaining: row.remaining_requests.unwrap() })
        .collect()
}

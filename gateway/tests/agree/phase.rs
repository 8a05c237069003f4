//! How the segments of a running gateway's windows lie in time.
//!
//! A window is counted in seven segments, from the zero of the gateway's clock, which nobody outside sees. But a key with one call a
//! window is told after its second when its first will have left, and that is where a segment begins. So what is simulated or replayed
//! with segments that lie in one way can be begun when the gateway's lie in the same.

use crate::http::{self, Caller, number};
use std::time::{Duration, Instant};

/// Segments of a window.
pub(crate) const SEGMENTS: u32 = 7;
/// Each narrows the answer down.
const PROBES: usize = 12;

/// Where a gateway's segments begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    /// A begin.
    begin: Instant,
    /// From one begin to the next.
    segment: Duration,
    /// Begins are known to this, to either side.
    pub(crate) within: Duration,
}

/// The keys that probes call with, and their plan; the names are those of `salt`, so that there can be probes more than once.
pub(crate) fn config(window: Duration, salts: &[&str]) -> String {
    let names = salts.iter().flat_map(|salt| (0..PROBES).map(move |number| name(salt, number)));
    let keys: String = names.map(|name| http::key(&name, "probe")).collect();
    format!(
        "{keys}[[plans.probe.limits]]\nunit = \"requests\"\namount = 1\nwindow = \"{}ms\"\nburst = 0.0\n",
        window.as_millis()
    )
}

fn name(salt: &str, number: usize) -> String {
    format!("probe-{salt}-{number}")
}

impl Phase {
    /// Finds it; the plan `probe` must have the window.
    pub(crate) async fn find(caller: &Caller, window: Duration, salt: &str) -> Self {
        let segment = window / SEGMENTS;
        let mut known: Option<(Instant, Instant)> = None;
        for number in 0..PROBES {
            let (from, until) = probe(caller, &name(salt, number)).await;
            // One that a busy machine made wait says little, and not which begin it saw.
            if until - from > segment / 4 {
                continue;
            }
            let Some((first, last)) = &mut known else {
                known = Some((from, until));
                continue;
            };
            // The same begin, as this probe saw it.
            let middle = *first + (*last - *first) / 2;
            let apart = (from + (until - from) / 2).saturating_duration_since(middle);
            let apart = segment * (apart.as_secs_f64() / segment.as_secs_f64()).round() as u32;
            (*first, *last) = ((*first).max(from - apart), (*last).min(until - apart));
        }
        let (from, until) = known.expect("every probe took long: the machine stands still");
        assert!(from <= until, "probes contradict each other");
        let within = (until - from) / 2;
        Self { begin: from + within, segment, within }
    }

    /// The first begin of a segment at a time or later.
    pub(crate) fn next(&self, at: Instant) -> Instant {
        let passed = at.saturating_duration_since(self.begin).as_nanos();
        self.begin + self.segment * u32::try_from(passed.div_ceil(self.segment.as_nanos())).unwrap()
    }

    /// How far this is from another that was found later: what clocks drifted apart in the meantime.
    pub(crate) fn apart(&self, later: &Self) -> Duration {
        let next = self.next(later.begin);
        let over = next - later.begin;
        over.min(self.segment - over)
    }
}

/// From and until when a segment begins, as a key of its own is told.
async fn probe(caller: &Caller, name: &str) -> (Instant, Instant) {
    let first = caller.begin(name, 0, String::new()).await;
    http::text(first).await;
    let sent = Instant::now();
    let response = caller.begin(name, 0, String::new()).await;
    let answered = Instant::now();
    let wait = number(response.headers(), "retry-after-ms").expect("a second call within a window is denied");
    let wait = Duration::from_millis(wait);
    // It is rounded up to milliseconds.
    (sent + wait - Duration::from_millis(1), answered + wait)
}

//! The bars set for Tidegate, and whether a row's figures meet them: `docs/benchmarks.md` lists them.

use super::text::{grouped, nanos};
use crate::field::Impl;
use crate::measure::{Figure, Row, Times};
use std::fmt;

/// Whether a bar is met, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The number of the bar.
    pub bar: u8,
    /// Whether it is met.
    pub met: bool,
    /// What was found, and what is asked.
    pub words: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.met { "met" } else { "missed" };
        write!(f, "bar {} {met:<6}  {}", self.bar, self.words)
    }
}

/// Keys from which on bar 2 holds, and up to which bar 3 does: more than any cache has room for, and fewer.
const MANY: u64 = 1_000_000;
const FEW: u64 = 1_000;
/// Keys from which on memory is judged.
const MANY_TO_WEIGH: u64 = 10_000_000;

/// What a row says about the bars. A contender that is missing there is not judged by.
pub fn of_row(row: Row, figures: &[Figure]) -> Vec<Verdict> {
    let found = Found(figures);
    let mut verdicts: Vec<_> = found.beside_one_limit().into_iter().collect();
    if row.keys >= MANY {
        verdicts.extend(found.beside_three_governors(Impl::Tidegate, "one by one", 8.0));
        verdicts.extend(found.beside_three_governors(Impl::TidegateBatch, "in batches", 25.0));
        verdicts.extend(found.at_most(2, "a lone decision", Impl::TidegateLone, 1.25, Impl::FloorChain));
    }
    if row.keys <= FEW {
        verdicts.extend(found.at_most(3, "an admission", Impl::Tidegate, 0.5, Impl::Governor));
        verdicts.extend(found.at_most(3, "a denial", Impl::TidegateDeny, 0.8, Impl::Tidegate));
    }
    if row.keys >= MANY_TO_WEIGH {
        verdicts.extend(found.weight());
    }
    verdicts
}

/// What denials of a single key say about bar 3: the second thread may not make them slower than the slowest round of
/// one thread was.
pub fn of_one_key(one: Times, two: Times) -> Verdict {
    let (one_median, two_median) = (nanos(one.median), nanos(two.median));
    Verdict {
        bar: 3,
        met: two.median <= one.max,
        words: format!(
            "denying one key takes two threads {two_median} ns a call, one thread {one_median} ({} – {}): no longer is \
             asked, beyond the spread",
            nanos(one.min),
            nanos(one.max)
        ),
    }
}

/// Those who decide one limit.
const PEERS: [Impl; 3] = [Impl::Governor, Impl::PingoraLimits, Impl::Throttlecrab];

struct Found<'a>(&'a [Figure]);

impl Found<'_> {
    fn figure(&self, who: Impl) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.who == who)
    }

    fn median(&self, who: Impl) -> Option<f64> {
        self.figure(who).map(|figure| figure.times.median)
    }

    /// Bar 1.
    fn beside_one_limit(&self) -> Option<Verdict> {
        let peers = PEERS.into_iter().filter_map(|peer| Some((self.median(peer)?, peer.name())));
        let (fastest, peer) = peers.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
        let (tidegate, batch) = (self.median(Impl::Tidegate)?, self.median(Impl::TidegateBatch)?);
        Some(Verdict {
            bar: 1,
            met: tidegate < fastest,
            words: format!(
                "three limits take {} ns, {:.2} of {peer}'s one limit ({}): less than 1 is asked; in batches {}, {:.2}",
                nanos(tidegate),
                tidegate / fastest,
                nanos(fastest),
                nanos(batch),
                batch / fastest,
            ),
        })
    }

    /// Bar 2.
    fn beside_three_governors(&self, who: Impl, how: &str, asked: f64) -> Option<Verdict> {
        let times = self.median(Impl::ThreeGovernors)? / self.median(who)?;
        Some(Verdict {
            bar: 2,
            met: times >= asked,
            words: format!("{how}, {times:.1} × as fast as three governors: {asked} is asked"),
        })
    }

    /// Bars 2 and 3: one contender beside another.
    fn at_most(&self, bar: u8, what: &str, who: Impl, asked: f64, other: Impl) -> Option<Verdict> {
        let (time, beside) = (self.median(who)?, self.median(other)?);
        Some(Verdict {
            bar,
            met: time <= asked * beside,
            words: format!(
                "{what} takes {} ns, {:.2} of {} ({}): at most {asked} is asked",
                nanos(time),
                time / beside,
                other.name(),
                nanos(beside),
            ),
        })
    }

    /// Bar 4.
    fn weight(&self) -> Option<Verdict> {
        let bytes = self.figure(Impl::Tidegate)?.bytes_per_key?;
        let stretch = if bytes <= 80.0 { "met" } else { "missed" };
        Some(Verdict {
            bar: 4,
            met: bytes <= 160.0,
            words: format!(
                "{} bytes a key: at most 160 is asked; the stretch, 80, is {stretch}",
                grouped(bytes.round() as u64)
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Distribution;

    fn times(median: f64) -> Times {
        Times { median, min: median - 1.0, max: median + 1.0 }
    }

    fn figures(medians: &[(Impl, f64)]) -> Vec<Figure> {
        let figure = |&(who, median)| Figure { who, times: times(median), bytes_per_key: None };
        medians.iter().map(figure).collect()
    }

    fn row(keys: u64) -> Row {
        Row { keys, distribution: Distribution::Uniform, threads: 1 }
    }

    /// Bars and whether they are met.
    fn met(verdicts: &[Verdict]) -> Vec<(u8, bool)> {
        verdicts.iter().map(|verdict| (verdict.bar, verdict.met)).collect()
    }

    #[test]
    fn the_fastest_peer_is_the_one_to_beat() {
        let mut found = vec![
            (Impl::Tidegate, 30.0),
            (Impl::TidegateBatch, 15.0),
            (Impl::Governor, 100.0),
            (Impl::PingoraLimits, 31.0),
        ];
        let verdicts = of_row(row(100_000), &figures(&found));
        assert_eq!(met(&verdicts), [(1, true)]);
        assert!(verdicts[0].words.contains("pingora-limits"), "{}", verdicts[0]);
        found[3].1 = 30.0;
        assert_eq!(met(&of_row(row(100_000), &figures(&found))), [(1, false)]);
    }

    #[test]
    fn many_keys_are_judged_beside_three_governors_and_the_floor() {
        let found = figures(&[
            (Impl::Tidegate, 100.0),
            (Impl::TidegateBatch, 40.0),
            (Impl::TidegateLone, 126.0),
            (Impl::ThreeGovernors, 900.0),
            (Impl::FloorChain, 100.0),
        ]);
        assert_eq!(met(&of_row(row(1_000_000), &found)), [(2, true), (2, false), (2, false)]);
        assert_eq!(met(&of_row(row(999_999), &found)), []);
    }

    #[test]
    fn few_keys_are_judged_beside_governor_and_denials_beside_admissions() {
        let found = figures(&[(Impl::Tidegate, 10.0), (Impl::TidegateDeny, 9.0), (Impl::Governor, 20.0)]);
        assert_eq!(met(&of_row(row(1_000), &found)), [(3, true), (3, false)]);
    }

    #[test]
    fn memory_is_judged_where_it_was_weighed() {
        let mut found = figures(&[(Impl::Tidegate, 10.0)]);
        assert_eq!(met(&of_row(row(10_000_000), &found)), []);
        found[0].bytes_per_key = Some(161.0);
        assert_eq!(met(&of_row(row(10_000_000), &found)), [(4, false)]);
        found[0].bytes_per_key = Some(80.0);
        let verdicts = of_row(row(10_000_000), &found);
        assert_eq!(met(&verdicts), [(4, true)]);
        assert!(verdicts[0].words.ends_with("is met"), "{}", verdicts[0]);
    }

    #[test]
    fn a_second_thread_may_be_slower_by_no_more_than_noise() {
        assert!(of_one_key(times(50.0), times(51.0)).met);
        assert!(!of_one_key(times(50.0), times(51.1)).met);
    }
}

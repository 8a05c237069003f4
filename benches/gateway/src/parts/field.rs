//! Everyone that runs here, and their turns.

use crate::cli::Args;
use crate::contender::{Call, Contender, Running};
use crate::cores::Cores;
use crate::load::{Fleet, Measured};
use crate::say;
use crate::statistics::Median;
use std::net::SocketAddr;
use std::time::Duration;

/// Those who run.
#[derive(Debug)]
pub(super) struct Field(Vec<Running>);

/// How calls come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// So many a second.
    Rate(u32),
    /// Each connection's next after the one before.
    Closed,
}

/// What came of one turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Nanoseconds at [`QUANTILES`].
    pub(super) latency: [f64; 4],
    /// Nanoseconds of the gateway's processor that a call took.
    pub(super) processor: Option<f64>,
    /// Calls a second.
    pub(super) rate: f64,
    /// Nanoseconds by which one call in a hundred was sent too late.
    pub(super) lateness: f64,
    /// The share of calls that found all connections taken.
    pub(super) waited: f64,
}

/// The quantiles that are shown.
pub(super) const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// The turns of all rounds.
#[derive(Debug)]
pub(super) struct Turns(Vec<(Contender, Vec<Turn>)>);

impl Field {
    /// Begins everyone, and says who is left out and why.
    pub(super) fn start(upstream: SocketAddr, cores: Cores) -> anyhow::Result<Self> {
        let mut field = Vec::new();
        for who in Contender::ALL {
            match Running::start(who, upstream, cores) {
                Ok(running) => field.push(running),
                Err(error) if who.is_other() => say!("skipped: {who}: {error:#}"),
                Err(error) => return Err(error),
            }
        }
        Ok(Self(field))
    }

    /// Gives each of `who` its turn in each round, forth and back, so that nobody always comes after the same one.
    pub(super) fn turns(
        &self,
        args: &Args,
        who: &[Contender],
        call: Call,
        pace: Pace,
    ) -> anyhow::Result<Turns> {
        let taking_part: Vec<_> = self.0.iter().filter(|running| who.contains(&running.who)).collect();
        let mut turns: Vec<_> = taking_part.iter().map(|running| (running.who, Vec::new())).collect();
        let mut left_out = Vec::new();
        for round in 0..args.rounds() {
            let places = 0..taking_part.len();
            let places: Vec<_> = if round % 2 == 0 { places.collect() } else { places.rev().collect() };
            for place in places.into_iter().filter(|place| !left_out.contains(place)).collect::<Vec<_>>() {
                let running = taking_part[place];
                match turn(args, running, call, pace) {
                    Ok(turn) => turns[place].1.push(turn),
                    Err(error) if running.who.is_other() => {
                        say!("skipped: {}: {error:#}", running.who);
                        left_out.push(place);
                    }
                    Err(error) => return Err(error.context(running.who.to_string())),
                }
            }
        }
        // Who could not go on has no figures.
        turns.retain(|(_, turns)| turns.len() == args.rounds() as usize);
        Ok(Turns(turns))
    }
}

/// What connections and calls find cold is not measured.
const WARM_UP: Duration = Duration::from_millis(150);

fn turn(args: &Args, running: &Running, call: Call, pace: Pace) -> anyhow::Result<Turn> {
    let mut fleet = Fleet::new(running.target(call), args.connections())?;
    fleet.as_fast_as_can(WARM_UP)?;
    let spent = || running.child.as_ref().and_then(|child| child.processor_time());
    let before = spent();
    let measured = match pace {
        Pace::Rate(rate) => fleet.at_rate(rate, args.turn())?,
        Pace::Closed => fleet.as_fast_as_can(args.turn())?,
    };
    let processor = spent().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Turn::new(&measured, processor))
}

impl Turn {
    fn new(measured: &Measured, processor: Option<Duration>) -> Self {
        let calls = measured.calls() as f64;
        Self {
            latency: QUANTILES.map(|quantile| measured.latency.value_at_quantile(quantile) as f64),
            processor: processor.map(|time| time.as_nanos() as f64 / calls),
            rate: calls / measured.elapsed.as_secs_f64(),
            lateness: measured.lateness.value_at_quantile(0.99) as f64,
            waited: measured.waited as f64 / calls,
        }
    }
}

impl Turns {
    pub(super) fn of(&self, who: Contender) -> Option<&[Turn]> {
        self.0.iter().find(|(known, _)| *known == who).map(|(_, turns)| &turns[..])
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Contender, &[Turn])> {
        self.0.iter().map(|(who, turns)| (*who, &turns[..]))
    }

    /// How one compares with another, round by round.
    pub(super) fn ratio(
        &self,
        over: Contender,
        under: Contender,
        of: impl Fn(&Turn) -> f64,
    ) -> Option<Median> {
        let row = |who| Some(self.of(who)?.iter().map(&of).collect::<Vec<_>>());
        Median::of_ratios(&row(over)?, &row(under)?)
    }
}

/// The median of a figure of turns.
pub(super) fn median(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> f64 {
    Median::of(turns.iter().map(of)).map_or(f64::NAN, |median| median.middle)
}

/// The median of processor times, if they are known.
pub(super) fn processor(turns: &[Turn]) -> Option<f64> {
    let known: Option<Vec<f64>> = turns.iter().map(|turn| turn.processor).collect();
    Median::of(known?).map(|median| median.middle)
}

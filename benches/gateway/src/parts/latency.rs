//! Calls that pass, at a fixed rate.

use super::field::{Field, Pace, Turns, median, processor};
use crate::bar::Bar;
use crate::cli::Args;
use crate::contender::{Call, Contender};
use crate::say;
use crate::tables::grouped;
use crate::tables::{micros, or_dash, row, table};
use comfy_table::Table;

/// The layer may add so much.
const LAYER: f64 = 1.02;

/// Where the bar looks, in the quantiles of a turn.
const LOOKED_AT: [(usize, &str); 2] = [(0, "p50"), (2, "p99")];

pub(super) fn measure(args: &Args, field: &Field) -> anyhow::Result<()> {
    for rate in args.rates() {
        let turns = field.turns(args, &Contender::ALL, Call::Passes, Pace::Rate(rate))?;
        let title = format!("{} calls a second that pass", grouped(rate.into()));
        say!("\n{title}, {}\n{}", effort(args), latencies(&turns));
        say!("{}", generator(&turns));
        for bar in bars(&turns, rate) {
            say!("{bar}");
        }
        for line in spread(&turns) {
            say!("{line}");
        }
    }
    Ok(())
}

/// How much was measured.
pub(super) fn effort(args: &Args) -> String {
    let (rounds, turn) = (args.rounds(), args.turn().as_secs_f64());
    format!("over {} connections: medians of {rounds} rounds of {turn} s each", args.connections())
}

/// Latencies, and the gateway's processor time.
pub(super) fn latencies(turns: &Turns) -> Table {
    let mut table = table(&["", "p50", "p90", "p99", "p99.9", "its processor, a call"]);
    for (who, turns) in turns.all() {
        let latency = (0..4).map(|place| micros(median(turns, |turn| turn.latency[place])));
        table.add_row(row(who.to_string(), latency.chain([or_dash(processor(turns), micros)])));
    }
    table
}

/// What of the latencies is the generator's doing.
pub(super) fn generator(turns: &Turns) -> String {
    let all = turns.all().flat_map(|(_, turns)| turns);
    let (mut late, mut waited) = (0.0_f64, 0.0_f64);
    for turn in all {
        (late, waited) = (late.max(turn.lateness), waited.max(turn.waited));
    }
    let straight = turns.of(Contender::Straight).map(|turns| median(turns, |turn| turn.lateness));
    let straight = straight
        .map(|late| format!("{} in the median of the rounds straight to the upstream, ", micros(late)));
    format!(
        "the generator sends 1% of the calls later than due by {}at most {} in any round; in the worst {:.2}% found no connection free",
        straight.unwrap_or_default(),
        micros(late),
        waited * 100.0
    )
}

fn bars(turns: &Turns, rate: u32) -> Vec<Bar> {
    let bar = |(place, name): (usize, &str), what: &str, under, asked| {
        let found = turns.ratio(Contender::Limited, under, |turn| turn.latency[place])?;
        Some(Bar { what: format!("{what}, {name} at {}/s", grouped(rate.into())), asked, found })
    };
    let layer = LOOKED_AT.map(|at| bar(at, "with the layer to without it", Contender::Proxy, LAYER));
    let nginx = LOOKED_AT.map(|at| bar(at, "the gateway to nginx's limit_req", Contender::NginxLimited, 1.0));
    layer.into_iter().chain(nginx).flatten().collect()
}

/// How far two are apart that are the same, and what the layer takes of the processor.
fn spread(turns: &Turns) -> Vec<String> {
    let same = LOOKED_AT.iter().filter_map(|(place, name)| {
        let ratio = turns.ratio(Contender::ProxyAgain, Contender::Proxy, |turn| turn.latency[*place])?;
        let sees = ratio.low.min(2.0 - ratio.high) > 2.0 - LAYER;
        let word = if sees { "the rounds can tell 2%" } else { "the rounds cannot tell 2%" };
        let (middle, low, high) = (ratio.middle, ratio.low, ratio.high);
        Some(format!("two that are the same, {name}: × {middle:.3} ({low:.3} to {high:.3}): {word}"))
    });
    let times = [Contender::Limited, Contender::Proxy].map(|who| processor(turns.of(who)?));
    let layer = match times {
        [Some(with), Some(without)] => {
            Some(format!("the layer takes {} of the processor a call", micros(with - without)))
        }
        _ => None,
    };
    same.chain(layer).collect()
}

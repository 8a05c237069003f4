//! Calls that are refused, at a fixed rate.

use super::field::{Field, Pace};
use super::latency::{effort, generator, latencies};
use crate::cli::Args;
use crate::contender::{Call, Contender};
use crate::say;
use crate::tables::grouped;

pub(super) fn measure(args: &Args, field: &Field) -> anyhow::Result<()> {
    for rate in args.rates() {
        let turns = field.turns(args, &Contender::LIMITED, Call::Refused, Pace::Rate(rate))?;
        let title = format!("{} calls a second that are refused with 429", grouped(rate.into()));
        say!("\n{title}, {}\n{}", effort(args), latencies(&turns));
        say!("{}", generator(&turns));
        for (place, name) in [(0, "p50"), (2, "p99")] {
            let ratio = turns.ratio(Contender::Limited, Contender::NginxLimited, |turn| turn.latency[place]);
            if let Some(ratio) = ratio {
                say!(
                    "a refusal of the gateway's to one of nginx's, {name}: × {:.3} ({:.3} to {:.3})",
                    ratio.middle,
                    ratio.low,
                    ratio.high
                );
            }
        }
    }
    Ok(())
}

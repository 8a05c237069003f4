//! Calls as fast as can be.

use super::field::{Field, Pace, median, processor};
use crate::cli::Args;
use crate::contender::{Call, Contender};
use crate::say;
use crate::tables::grouped;
use crate::tables::{micros, or_dash, row, table};

pub(super) fn measure(args: &Args, field: &Field) -> anyhow::Result<()> {
    let passing = field.turns(args, &Contender::ALL, Call::Passes, Pace::Closed)?;
    let refused = field.turns(args, &Contender::LIMITED, Call::Refused, Pace::Closed)?;
    let mut table = table(&[
        "",
        "pass, a second",
        "p50",
        "p99",
        "its processor, a call",
        "refused, a second",
        "its processor",
    ]);
    for (who, turns) in passing.all() {
        let refused = refused.of(who);
        let rate = |turns| grouped(median(turns, |turn| turn.rate).round() as u64);
        table.add_row(row(
            who.to_string(),
            [
                rate(turns),
                micros(median(turns, |turn| turn.latency[0])),
                micros(median(turns, |turn| turn.latency[2])),
                or_dash(processor(turns), micros),
                or_dash(refused, rate),
                or_dash(refused.and_then(processor), micros),
            ],
        ));
    }
    say!(
        "\nThe most calls: each of {} connections sends its next when the one before is answered\n{table}",
        args.connections()
    );
    say!(
        "upstream and generator share what is left of the machine: where the gateway's processor time times the rate is well below a \
         second, it is they who are at their end, as they are in the first row"
    );
    Ok(())
}

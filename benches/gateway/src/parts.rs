//! The measurements, one after the other.

mod field;
mod latency;
mod refusals;
mod service;
mod streams;
mod throughput;

use crate::cli::{Args, Part};
use crate::contender::upstream;
use crate::cores::{Cores, Side};
use crate::machine::Machine;
use crate::role::raise_open_files;
use crate::say;
use field::Field;

/// Milliseconds from one event of a stream to the next.
const PAUSE: u64 = 2_000;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let machine = Machine::here();
    let cores = if args.any_core { Cores::Any } else { Cores::two() };
    let files = raise_open_files();
    cores.take(Side::Rest)?;
    say!("{}\none worker each, in a process of its own; {cores}", machine);
    let (_upstream, address) = upstream(cores, PAUSE)?;
    if [Part::Latency, Part::Refusals, Part::Throughput].iter().any(|part| args.has(*part)) {
        let field = Field::start(address, cores)?;
        if args.has(Part::Latency) {
            latency::measure(args, &field)?;
        }
        if args.has(Part::Refusals) {
            refusals::measure(args, &field)?;
        }
        if args.has(Part::Throughput) {
            throughput::measure(args, &field)?;
        }
    }
    if args.has(Part::Service) {
        service::measure(args, address, cores)?;
    }
    if args.has(Part::Streams) {
        streams::measure(args.streams(), files, address, cores)?;
    }
    Ok(())
}

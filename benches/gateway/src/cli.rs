//! The command line.

use crate::role::Role;
use clap::{Parser, ValueEnum};
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(name = "bench-gateway", args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) args: Args,
}

/// The gateway's latency at a fixed rate with and without its layer, beside nginx and Envoy; refusals; the greatest throughput;
/// decisions for Envoy; the memory of many streams.
///
/// Latencies are taken from when a call was due. Everyone has one worker, in a process of its own. Figures are medians of
/// interleaved rounds. Exits with 0 when it has measured, whatever it found, and with 2 when it could not. nginx and Envoy are
/// measured where they are installed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Calls a second.
    #[arg(long, num_args = 1.., value_parser = clap::value_parser!(u32).range(1..=200_000))]
    rate: Option<Vec<u32>>,
    /// How often everyone has its turn.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: Option<u32>,
    /// Milliseconds of a turn.
    #[arg(long, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    turn: Option<u64>,
    /// Connections of the generator, kept alive.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// Streams that are held open at the same time.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    streams: Option<u32>,
    /// Only these measurements.
    #[arg(long, num_args = 1..)]
    only: Option<Vec<Part>>,
    /// Leaves it to the system which core runs what.
    #[arg(long)]
    pub(crate) any_core: bool,
    /// Fewer and shorter rounds, and fewer streams: noisier.
    #[arg(long)]
    quick: bool,
}

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Calls that pass, at a fixed rate.
    Latency,
    /// Calls that are refused, at a fixed rate.
    Refusals,
    /// Calls as fast as can be.
    Throughput,
    /// Decisions for Envoy, over gRPC.
    Service,
    /// Many streams at a time.
    Streams,
}

impl Args {
    pub(crate) fn has(&self, part: Part) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&part))
    }

    pub(crate) fn rates(&self) -> Vec<u32> {
        self.rate.clone().unwrap_or_else(|| vec![1_000, 5_000])
    }

    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 3 } else { 15 })
    }

    pub(crate) fn turn(&self) -> Duration {
        Duration::from_millis(self.turn.unwrap_or(if self.quick { 300 } else { 1_500 }))
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.into()
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.unwrap_or(if self.quick { 500 } else { 10_000 }) as usize
    }
}

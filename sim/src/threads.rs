//! The argument `--threads` of every command that simulates.

use clap::builder::RangedU64ValueParser;

/// More would only ask the system for stacks.
const MAX: u64 = 1_024;

/// So many threads, 0 for one a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Threads {
    /// How many threads to run on, 0 for one a core; the outcome is the same.
    #[arg(long = "threads", value_name = "N", default_value_t = 0,
          value_parser = RangedU64ValueParser::<usize>::new().range(..=MAX))]
    pub count: usize,
}

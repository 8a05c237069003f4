//! The log: to standard error, as text or as one JSON object a line.

use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How the log is written.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Logs {
    /// The form of the log's lines.
    #[arg(long, value_name = "FORM", default_value = "text")]
    log_format: Form,
    /// From this level up: error, warn, info, debug (a line for each call), trace.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LevelFilter,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Logs {
    /// Begins to write it. Only the first of a process counts.
    pub(crate) fn begin(self) {
        // Libraries say what goes wrong, and not what they do.
        let libraries = self.log_level.min(LevelFilter::WARN);
        let levels = Targets::new().with_default(libraries).with_target("tidegate_gateway", self.log_level);
        let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
        let layer = match self.log_format {
            Form::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            Form::Json => {
                lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
            }
        };
        // An error: another part of the process writes a log already, and goes on to.
        let _ = tracing_subscriber::registry().with(layer.with_filter(levels)).try_init();
    }
}

//! Traces: what clients did, read from files as a stream of [`Event`]s.
//!
//! [`Trace::open`] takes any number of files, finds out in which of the [`Format`]s they are, and gives their
//! events in order of time. Whatever is wrong with a file is a [`TraceError`] that names file and line.

mod access_log;
mod csv;
mod fields;
mod format;
mod input;
mod json_lines;
mod lines;
mod stream;
mod time;

pub use format::Format;
pub use input::Input;
pub use stream::{Seconds, Trace, TraceError};
pub(crate) use tidegate_faults::{excerpt, shortened};

use std::net::IpAddr;
use tidegate::Nanos;

/// The key of events that name none.
pub const DEFAULT_KEY: &str = "-";

/// One line of a trace. Made once and [read into](Trace::read) again and again.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// Where it stands.
    pub place: Place,
    /// Since 1970 UTC.
    pub time: Nanos,
    /// What happens.
    pub kind: EventKind,
    /// The name by which a call is settled later; empty if it has none.
    pub id: String,
    /// Tokens a call reserves, or a settled call used.
    pub tokens: Option<u64>,
    /// The plan named; empty if none.
    pub plan: String,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Tokens generated beyond those of the call, which is settled with both at once if it is admitted.
    pub generated: Option<u64>,
    key: String,
    has_time: bool,
}

/// What an event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventKind {
    /// A client makes a call.
    #[default]
    Call,
    /// A call's real cost becomes known.
    Settle,
    /// A key moves to another plan.
    Plan,
}

impl EventKind {
    /// As the column `event` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Settle => "settle",
            Self::Plan => "plan",
        }
    }
}

/// A line of one of a trace's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's place among those given.
    pub file: usize,
    /// The line's number, from 1.
    pub line: u64,
}

impl Event {
    /// The key; [`DEFAULT_KEY`] if the trace gives none.
    #[inline]
    pub fn key(&self) -> &str {
        if self.key.is_empty() { DEFAULT_KEY } else { &self.key }
    }

    /// Empties it for the next line, keeping its memory.
    #[inline]
    fn clear(&mut self, line: u64) {
        self.place.line = line;
        self.kind = EventKind::Call;
        self.key.clear();
        self.id.clear();
        self.plan.clear();
        self.tokens = None;
        self.address = None;
        self.generated = None;
        self.has_time = false;
    }
}

/// Why a reader cannot go on.
#[derive(Debug)]
enum Fault {
    Io(std::io::Error),
    Line { line: u64, problem: String },
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Fault {
    fn at(line: u64) -> impl FnOnce(String) -> Self {
        move |problem| Self::Line { line, problem }
    }
}

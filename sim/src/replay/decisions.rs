//! The decisions as CSV: one row an event, in the order of the trace.

use crate::trace::EventKind;
use crate::whole_file::WholeFile;
use std::io;
use std::path::Path;
use tidegate::{LimitStatus, Nanos};

const HEADER: &[u8] =
    b"time,key,event,decision,limit,retry_after_ns,limit_requests,remaining_requests,reset\n";

/// Rows are handed to the system in pieces of this size.
const BUFFER: usize = 1 << 18;

/// What the limiter made of an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'a> {
    Admitted,
    /// Denied by the limit of this name, for so long.
    Denied(&'a str, Nanos),
    /// Never admitted by the limit of this name.
    Never(&'a str),
    Settled,
    Changed,
}

/// One row.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) time: Nanos,
    pub(super) key: &'a str,
    pub(super) kind: EventKind,
    pub(super) outcome: Outcome<'a>,
    /// The state of the requests window after the event, if the key's plan has one.
    pub(super) requests: Option<LimitStatus>,
}

impl Outcome<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Denied(..) => "denied",
            Self::Never(_) => "never",
            Self::Settled => "settled",
            Self::Changed => "changed",
        }
    }
}

/// A file of decisions in the making. Unless it is [finished](Self::finish), nothing of it stays behind.
#[derive(Debug)]
pub(super) struct DecisionsFile {
    file: WholeFile,
    buffer: Vec<u8>,
}

impl DecisionsFile {
    /// Begins a file that is to stand at `path`.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut buffer = Vec::with_capacity(BUFFER + 1024);
        buffer.extend_from_slice(HEADER);
        Ok(Self { file: WholeFile::create(path)?, buffer })
    }

    /// Adds a row.
    #[inline]
    pub(super) fn write(&mut self, row: &Row<'_>) -> io::Result<()> {
        push_row(&mut self.buffer, row);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Puts the file in its place.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.finish()
    }
}

#[inline]
fn push_row(out: &mut Vec<u8>, row: &Row<'_>) {
    let (limit, retry_after) = match row.outcome {
        Outcome::Denied(limit, retry_after) => (limit, Some(retry_after.get())),
        Outcome::Never(limit) => (limit, None),
        _ => ("", None),
    };
    push_time(out, row.time);
    out.push(b',');
    push_text(out, row.key);
    out.push(b',');
    out.extend_from_slice(row.kind.name().as_bytes());
    out.push(b',');
    out.extend_from_slice(row.outcome.name().as_bytes());
    out.push(b',');
    push_text(out, limit);
    out.push(b',');
    push_number(out, retry_after);
    out.push(b',');
    let reset = |status: LimitStatus| (row.time + status.reset_after).as_secs_ceil();
    push_number(out, row.requests.map(|status| status.limit));
    out.push(b',');
    push_number(out, row.requests.map(|status| status.remaining));
    out.push(b',');
    push_number(out, row.requests.map(reset));
    out.push(b'\n');
}

/// A number, or nothing.
#[inline]
fn push_number(out: &mut Vec<u8>, number: Option<u64>) {
    if let Some(number) = number {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// Unix seconds with nine decimals.
#[inline]
fn push_time(out: &mut Vec<u8>, time: Nanos) {
    const SECOND: u64 = 1_000_000_000;
    push_number(out, Some(time.get() / SECOND));
    // A leading one keeps the zeros; the point is written over it.
    let point = out.len();
    push_number(out, Some(SECOND + time.get() % SECOND));
    out[point] = b'.';
}

/// A text, in quotation marks where CSV needs them.
#[inline]
fn push_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        push_quoted(out, text);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cold]
fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(row: &Row<'_>) -> String {
        let mut out = Vec::new();
        push_row(&mut out, row);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_has_every_column() {
        let status =
            LimitStatus { limit: 20, remaining: 3, reset_after: Nanos::new(1), window: Nanos::MINUTE };
        let mut row = Row {
            time: Nanos::new(1_700_000_000_000_000_001),
            key: "a,\"b\"",
            kind: EventKind::Call,
            outcome: Outcome::Denied("requests_per_minute", Nanos::new(77)),
            requests: Some(status),
        };
        assert_eq!(
            written(&row),
            "1700000000.000000001,\"a,\"\"b\"\"\",call,denied,requests_per_minute,77,20,3,1700000001\n"
        );
        row = Row { key: "-", kind: EventKind::Plan, outcome: Outcome::Changed, requests: None, ..row };
        assert_eq!(written(&row), "1700000000.000000001,-,plan,changed,,,,,\n");
        row = Row { time: Nanos::ZERO, outcome: Outcome::Never("t"), ..row };
        assert_eq!(written(&row), "0.000000000,-,plan,never,t,,,,\n");
    }
}

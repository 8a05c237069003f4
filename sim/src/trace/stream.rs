//! Several files as one stream of events, in order of time.

use super::access_log::AccessLogs;
use super::csv::CsvReader;
use super::json_lines::JsonLinesReader;
use super::lines::Lines;
use super::{Event, Fault, Format, Input, Place, excerpt};
use std::{fmt, io};
use tidegate::Nanos;

/// A trace being read.
///
/// ```
/// use tidegate_sim::trace::{Event, Input, Trace};
/// let file = Input::new("calls.csv", "time,key\n1.5,k1\n".as_bytes());
/// let mut trace = Trace::open(vec![file], None)?;
/// let mut event = Event::default();
/// assert!(trace.read(&mut event)?);
/// assert_eq!((event.time.get(), event.key()), (1_500_000_000, "k1"));
/// assert!(!trace.read(&mut event)?);
/// # Ok::<(), tidegate_sim::trace::TraceError>(())
/// ```
pub struct Trace {
    files: Vec<String>,
    readers: Vec<Reader>,
    /// The reader at hand.
    current: usize,
    last: Option<(Nanos, Place)>,
}

enum Reader {
    Csv(CsvReader),
    JsonLines(JsonLinesReader),
    AccessLogs(AccessLogs),
}

/// A trace that cannot be read, or that says what it must not. Trying again does not help.
#[derive(Debug)]
pub struct TraceError {
    file: String,
    line: Option<u64>,
    problem: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl std::error::Error for TraceError {}

impl TraceError {
    fn of_file(file: &str, problem: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, problem: problem.into() }
    }

    fn of_fault(file: &str, fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => Self::of_file(file, error.to_string()),
            Fault::Line { line, problem } => Self { file: file.into(), line: Some(line), problem },
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("files", &self.files).field("last", &self.last).finish_non_exhaustive()
    }
}

impl Trace {
    /// Opens files to be read one after another, in the given format or in the one each seems to have.
    ///
    /// Access logs are read at once and sorted by time, all together; they do not mix with other formats.
    pub fn open(inputs: Vec<Input>, format: Option<Format>) -> Result<Self, TraceError> {
        let mut trace = Self { files: Vec::new(), readers: Vec::new(), current: 0, last: None };
        let mut logs: Option<AccessLogs> = None;
        for (file, Input { name, reader }) in inputs.into_iter().enumerate() {
            let mut lines = Lines::new(reader);
            let fault = |fault: Fault| TraceError::of_fault(&name, fault);
            match format_of(&name, &mut lines, format)? {
                Format::Csv => trace.readers.push(Reader::Csv(CsvReader::new(lines).map_err(fault)?)),
                Format::Jsonl => trace.readers.push(Reader::JsonLines(JsonLinesReader::new(lines))),
                Format::Combined => {
                    logs.get_or_insert_default().add(file, &mut lines).map_err(fault)?;
                }
            }
            if logs.is_some() && !trace.readers.is_empty() {
                return Err(TraceError::of_file(
                    &name,
                    "access logs cannot be mixed with traces of other formats",
                ));
            }
            trace.files.push(name);
        }
        if let Some(mut logs) = logs {
            logs.sort();
            trace.readers.push(Reader::AccessLogs(logs));
        }
        Ok(trace)
    }

    /// Reads the next event; `false` at the end.
    #[inline]
    pub fn read(&mut self, event: &mut Event) -> Result<bool, TraceError> {
        while let Some(reader) = self.readers.get_mut(self.current) {
            event.place.file = self.current;
            let read = match reader {
                Reader::Csv(csv) => csv.read(event),
                Reader::JsonLines(json) => json.read(event),
                Reader::AccessLogs(logs) => Ok(logs.read(event)),
            };
            if read.map_err(|fault| TraceError::of_fault(&self.files[self.current], fault))? {
                self.check_order(event)?;
                return Ok(true);
            }
            self.current += 1;
        }
        Ok(false)
    }

    #[inline]
    fn check_order(&mut self, event: &Event) -> Result<(), TraceError> {
        if let Some((last, place)) = self.last
            && event.time < last
        {
            return Err(self.goes_back(event, last, place));
        }
        self.last = Some((event.time, event.place));
        Ok(())
    }

    #[cold]
    fn goes_back(&self, event: &Event, last: Nanos, place: Place) -> TraceError {
        let there = if place.file == event.place.file {
            format!("line {}", place.line)
        } else {
            format!("{}, line {}", self.files[place.file], place.line)
        };
        let problem = format!(
            "`time` goes back: {} comes after {} of {there}; times may repeat, but a trace must be sorted",
            Seconds(event.time),
            Seconds(last)
        );
        self.error(event.place, problem)
    }

    /// An error about an event that was read.
    pub fn error(&self, place: Place, problem: impl Into<String>) -> TraceError {
        let file = self.files.get(place.file).cloned().unwrap_or_default();
        TraceError { file, line: Some(place.line), problem: problem.into() }
    }

    /// The names of the files.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// What a person should know about the files so far: the columns of no meaning that they have.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.readers.iter().zip(&self.files).filter_map(|(reader, file)| {
            let ignored = match reader {
                Reader::Csv(csv) => csv.ignored(),
                Reader::JsonLines(json) => json.ignored(),
                Reader::AccessLogs(_) => &[],
            };
            let names: Vec<_> = ignored.iter().map(|name| format!("`{}`", excerpt(name))).collect();
            (!names.is_empty()).then(|| format!("{file}: ignoring {}", names.join(", ")))
        })
    }
}

/// The format of a file: the one asked for, or the one it seems to have. An empty file has none, and no events.
fn format_of(name: &str, lines: &mut Lines, asked: Option<Format>) -> Result<Format, TraceError> {
    let first = lines.advance().map_err(|error: io::Error| TraceError::of_file(name, error.to_string()))?;
    if first {
        lines.step_back();
    }
    let detected = asked.or_else(|| Format::detect(name, if first { lines.line() } else { b"{" }));
    detected.ok_or_else(|| {
        let what = "cannot tell what format this is: expected a CSV header with `time`, JSON objects, or an \
                    access log; `--format` says which";
        TraceError { file: name.into(), line: Some(lines.number()), problem: what.into() }
    })
}

/// A time in seconds, to the nanosecond.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub Nanos);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.get();
        write!(f, "{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

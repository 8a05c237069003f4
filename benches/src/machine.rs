//! What the figures were measured on, to be printed above them.

use std::fmt;
use std::fs;

/// The machine as far as the system tells.
#[derive(Clone, Debug)]
pub struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    huge_pages: String,
}

impl Machine {
    /// Asks the system; what it does not tell is `unknown`.
    pub fn here() -> Self {
        Self {
            processor: line_of("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            huge_pages: first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        }
    }
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

fn line_of(path: &str, field: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(field));
    let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
    value.unwrap_or("unknown").to_owned()
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, kernel, huge_pages } = self;
        write!(f, "{processor}, {cores} cores, kernel {kernel}, transparent huge pages: {huge_pages}")
    }
}

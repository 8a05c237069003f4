//! A file, or standard input, under the name it has in messages.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Something to read a trace from.
pub struct Input {
    pub(super) name: String,
    pub(super) reader: Box<dyn Read + Send>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Input {
    /// Anything that can be read; its extension, if the name has one, tells its format.
    pub fn new(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self { name: name.into(), reader: Box::new(reader) }
    }

    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::new("standard input", io::stdin()));
        }
        let file = File::open(path)?;
        // Opening a directory succeeds; reading it would fail with a message that helps nobody.
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self::new(path.display().to_string(), file))
    }

    /// The same input with its reader wrapped, to watch what is read.
    pub fn wrap<R: Read + Send + 'static>(self, wrap: impl FnOnce(Box<dyn Read + Send>) -> R) -> Self {
        Self { name: self.name, reader: Box::new(wrap(self.reader)) }
    }
}

//! The files that a scenario names.

use crate::simulate::recorded::{Recorded, RecordedError};
use crate::trace::{Format, Input, Trace};
use std::path::{Path, PathBuf};
use tidegate_faults::excerpt;

/// Where they are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Files<'a> {
    /// Beside the scenario's own.
    Beside(&'a Path),
    /// Nowhere: the scenario is a text without a place.
    Nowhere,
}

impl Files<'_> {
    /// The calls of a trace, by so many clients if it does not say whose they are. The error tells what is wrong for the field
    /// that names the file.
    pub(super) fn recorded(
        self,
        file: &str,
        format: Option<Format>,
        clients: Option<u32>,
    ) -> Result<Recorded, String> {
        let path = self.path(file)?;
        let named = excerpt(&path.display().to_string());
        let input = Input::open(&path).map_err(|error| format!("the trace {named}: {error}"))?;
        let trace = Trace::open(vec![input], format).map_err(|error| error.to_string())?;
        Recorded::read(trace, clients).map_err(|error| match error {
            // It names the file itself, and the line.
            RecordedError::Trace(error) => error.to_string(),
            other => format!("{named}: {other}"),
        })
    }

    fn path(self, file: &str) -> Result<PathBuf, String> {
        match self {
            Self::Beside(directory) => Ok(directory.join(file)),
            Self::Nowhere => {
                Err(format!("the file {file:?} is looked for beside the scenario's, and this has none"))
            }
        }
    }
}

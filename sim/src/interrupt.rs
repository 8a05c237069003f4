//! Ctrl-C: what is done is kept, what is under way is left.
//!
//! The first one asks runs to stop, and the command ends with what whole replications have found; a second one ends the process.

use std::sync::atomic::{AtomicBool, Ordering};

/// The exit status of a command that was interrupted, as shells give it: 128 + SIGINT.
pub(crate) const STATUS: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to listen. Where that cannot be, the system's own way ends the process.
pub(crate) fn listen() {
    let _ = ctrlc::set_handler(|| {
        // Ordering: a flag by itself; whoever misses it looks again soon.
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(STATUS.into());
        }
        eprintln!("tidegate: stopping; what is done is kept (again to end at once)");
    });
}

/// Whether runs are to stop.
#[inline]
pub(crate) fn is_asked() -> bool {
    // Ordering: as above.
    ASKED.load(Ordering::Relaxed)
}

/// Nothing was done when it came.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted before enough was done to tell anything")
    }
}

impl std::error::Error for Interrupted {}

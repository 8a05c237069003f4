//! The atomics the engine is built of: the standard library's, or loom's under `cfg(tidegate_loom)`, or shuttle's under
//! `cfg(tidegate_shuttle)`.
//!
//! Nothing else in the decision path names an atomic type, so that both see the code that ships. Under loom two things
//! are other there: [`Words`] is read and written in two pieces instead of word by word, because so many
//! steps at each reading would leave loom no room for anything else, and two pieces can tear as eight words
//! can (and in one piece in the models that are not about tearing); and a [`Pair`] is swapped by loom's own
//! compare-and-swap on a number that stands for both its halves. Under shuttle words are read and written one by one,
//! and the halves of a pair are read one after the other and swapped in one step, as on a processor.

/// Threads have other numbers in models, but for those that are about these.
#[cfg(any(not(any(tidegate_loom, tidegate_shuttle)), all(test, tidegate_loom)))]
mod numbers;
mod orders;
mod pair;
mod sole_writer;
mod thread_number;
#[cfg(any(tidegate_loom, tidegate_shuttle))]
mod typed;
#[cfg(not(tidegate_loom))]
mod words;

#[cfg(tidegate_loom)]
mod loom;
/// What models are made with, whichever of the two runs them.
#[cfg(all(test, any(tidegate_loom, tidegate_shuttle)))]
pub(crate) mod model;
#[cfg(tidegate_shuttle)]
mod shuttle;
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
mod standard;

#[cfg(tidegate_loom)]
use loom as imp;
#[cfg(tidegate_shuttle)]
use shuttle as imp;
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
use standard as imp;

#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
pub(crate) use imp::Typed;
#[cfg(tidegate_loom)]
pub(crate) use imp::Words;
pub(crate) use imp::{AtomicBool, AtomicU64, give_way};
pub(crate) use pair::Pair;
pub(crate) use sole_writer::SoleWriter;
pub(crate) use std::sync::atomic::Ordering;
pub(crate) use thread_number::thread_number;
#[cfg(any(tidegate_loom, tidegate_shuttle))]
pub(crate) use typed::Typed;
#[cfg(not(tidegate_loom))]
pub(crate) use words::Words;

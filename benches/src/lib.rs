//! How long a decision takes, beside those who decide less and beside the machine's own floor.
//!
//! [`Contender`] is what all of them can do: decide for a key. [`compare`] holds one file for each. [`keys`] deals the
//! same keys to everyone, and [`threads`] times one thread or several that start together. The criterion
//! benches in `benches/` and the program `compare` are made of these.
#![forbid(unsafe_code)]

pub mod compare;
mod contender;
pub mod keys;
pub mod machine;
pub mod measure;
pub mod threads;

pub use contender::{Contender, Course, Pace};

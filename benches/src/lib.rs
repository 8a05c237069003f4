//! How long a decision takes, beside those who decide less and beside the machine's own floor.
//!
//! [`Contender`] is what all of them can do: decide for a key. [`compare`] holds one file for each, and [`field`] puts
//! them up together. [`keys`] deals the same keys to everyone, [`threads`] times one thread or several that start
//! together, [`measure`] gives each its turn, and [`report`] says what came out. The criterion benches in
//! `benches/` and the program `compare` are made of these. [`simulator`] is about the simulator's speed and memory, which the
//! program `simulator` prints.
#![deny(unsafe_code)]

pub mod compare;
mod contender;
pub mod field;
pub mod keys;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod report;
pub mod simulator;
#[expect(unsafe_code, reason = "what only the system or the processor can do")]
mod system;
pub mod threads;

pub use contender::{Contender, Course, Pace};

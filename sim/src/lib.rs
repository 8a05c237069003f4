//! Shows what a rate limit will do to real clients.
//!
//! [`replay`] runs a recorded trace through the engine in the trace's own time; [`simulate`] puts the engine,
//! in virtual time, under populations of clients that retry. Both drive the real engine through its public
//! API: there is no second model of the limiter. The command `tidegate` is [`cli`] around them.
#![forbid(unsafe_code)]

pub mod capacity;
pub mod cli;
mod columns;
pub mod compare;
mod interrupt;
pub mod plans;
pub mod replay;
pub mod simulate;
pub mod statistics;
mod subject;
pub mod sweep;
mod text;
pub mod threads;
pub mod trace;
pub mod validate;
mod vary;
mod whole_file;

//! From bytes to plans and operations: what the targets have in common.
#![forbid(unsafe_code)]

mod bytes;
mod log;
mod plans;

pub use bytes::Bytes;
pub use log::Log;
pub use plans::{Extremes, plan_in_range};

//! From bytes to plans and histories, and what is compared: what the targets have in common.
#![forbid(unsafe_code)]

mod bytes;
mod counted;
mod fields;
#[path = "../../engine/tests/it/guard/model.rs"]
mod guard_model;
mod guard_pair;
mod house;
mod line;
mod log;
mod one_charge;
#[expect(dead_code, reason = "what only the engine's own tests need")]
#[path = "../../engine/tests/it/oracle.rs"]
mod oracle;
mod place;
mod plan_text;
mod plans;
mod rows;
mod script;
mod subject;
mod told;
mod world;
pub mod writers;

pub use bytes::Bytes;
pub use counted::Counted;
pub use fields::assert_fields;
pub use guard_pair::GuardPair;
pub use house::{House, limiter};
pub use line::Line;
pub use log::Log;
pub use one_charge::{Expected, OneCharge};
pub use place::assert_place;
pub use plan_text::assert_as_written;
pub use plans::{Extremes, plan_in_range};
pub use rows::Row;
pub use script::{Call, FAR, Outcome, PLANS, Script, Step};
pub use world::World;
pub use writers::Slip;

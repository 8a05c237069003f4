//! How fast the simulator is, beside what its machine can do and beside other simulators.
//!
//! [`pending`] takes turns between the pending set by itself ([`hold`]), what memory alone asks for ([`floor`]), and the whole
//! loop ([`event_loop`]) at one number of pending events. [`queue`] runs one queue on several simulators. [`clients`] weighs a
//! run of many clients.

pub mod clients;
pub mod event_loop;
pub mod floor;
pub mod hold;
pub mod pending;
pub mod queue;

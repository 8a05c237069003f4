//! What only long runs show: that no unit is lost or made up in a billion operations, and that nothing drifts in
//! hours of load.
//!
//! [`ledger`] is an exact model of one key, fast enough to stand beside the engine at every operation; the oracle of
//! the engine's own tests, which keeps a log of everything, is what it is checked against. [`probe`] reads
//! all that the engine knows of a key through its public interface. [`conservation`] compares the two in random
//! histories, [`soak`] within a load of millions of keys.
#![forbid(unsafe_code)]

pub mod conservation;
pub mod ledger;
pub mod probe;
pub mod soak;

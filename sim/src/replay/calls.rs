//! Calls that wait for their settle, by the id that the trace gave them.

use super::keys::KeyId;
use ahash::RandomState;
use std::collections::HashMap;
use tidegate::Reservation;

/// What became of a call that has an id.
#[derive(Debug)]
pub(super) enum Call {
    /// Admitted; what it reserved is to be settled.
    Open(OpenCall),
    /// Denied, so that its settle changes nothing.
    Refused(KeyId),
}

/// An admitted call that waits for its settle.
#[derive(Debug)]
pub(super) struct OpenCall {
    pub(super) key: KeyId,
    /// The plan it was made under: its place in the plan set.
    pub(super) plan: usize,
    pub(super) reservation: Reservation,
}

impl Call {
    /// The key that made the call.
    pub(super) fn key(&self) -> KeyId {
        match self {
            Self::Open(open) => open.key,
            Self::Refused(key) => *key,
        }
    }
}

/// The calls that a settle may name.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: HashMap<Box<str>, Call, RandomState>,
}

impl Calls {
    /// Whether a call of this id was admitted and is not yet settled. Its id cannot name another call.
    #[inline]
    pub(super) fn is_open(&self, id: &str) -> bool {
        matches!(self.calls.get(id), Some(Call::Open(..)))
    }

    /// Keeps a call under its id; a denied one of the same id has been retried and is forgotten.
    #[inline]
    pub(super) fn keep(&mut self, id: &str, call: Call) {
        match self.calls.get_mut(id) {
            Some(kept) => *kept = call,
            None => _ = self.calls.insert(id.into(), call),
        }
    }

    /// Takes the call that a settle names.
    #[inline]
    pub(super) fn take(&mut self, id: &str) -> Option<Call> {
        self.calls.remove(id)
    }

    /// Admitted calls that were not settled.
    pub(super) fn open(&self) -> u64 {
        self.calls.values().filter(|call| matches!(call, Call::Open(..))).count() as u64
    }
}

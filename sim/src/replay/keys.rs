//! The keys of a trace, numbered as they appear.

use ahash::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use tidegate::{LimitId, Nanos};

/// The number of a key; the engine knows keys by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyId(u32);

/// A key and what became of its calls.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: Arc<str>,
    /// The plan it is on: its place in the plan set.
    pub(super) plan: usize,
    pub(super) calls: u64,
    pub(super) never: u64,
    /// Denied calls, by the plan and the limit that denied: a handful at most.
    pub(super) denied: Vec<(usize, LimitId, u64)>,
    pub(super) first_denied: Nanos,
    pub(super) last_denied: Nanos,
}

impl Key {
    /// Denied calls, whatever limit denied them.
    pub(super) fn denials(&self) -> u64 {
        self.denied.iter().map(|(_, _, count)| count).sum()
    }

    #[inline]
    pub(super) fn deny(&mut self, plan: usize, limit: LimitId, at: Nanos) {
        if self.denied.is_empty() {
            self.first_denied = at;
        }
        self.last_denied = at;
        match self.denied.iter_mut().find(|(by_plan, by, _)| (*by_plan, *by) == (plan, limit)) {
            Some((_, _, count)) => *count += 1,
            None => self.denied.push((plan, limit, 1)),
        }
    }
}

/// All keys seen so far.
#[derive(Debug)]
pub(super) struct Keys {
    ids: HashMap<Arc<str>, KeyId, RandomState>,
    keys: Vec<Key>,
    capacity: usize,
    /// The plan of a key that was given none.
    plan: usize,
}

impl Keys {
    pub(super) fn new(capacity: usize, plan: usize) -> Self {
        Self { ids: HashMap::default(), keys: Vec::new(), capacity, plan }
    }

    /// The number of a key; a new one for a key not seen before. `None` if there is no room for it.
    #[inline]
    pub(super) fn number(&mut self, name: &str) -> Option<KeyId> {
        match self.ids.get(name) {
            Some(id) => Some(*id),
            None => self.add(name),
        }
    }

    #[cold]
    fn add(&mut self, name: &str) -> Option<KeyId> {
        if self.keys.len() >= self.capacity {
            return None;
        }
        let (id, name) = (KeyId(self.keys.len() as u32), Arc::<str>::from(name));
        self.ids.insert(name.clone(), id);
        self.keys.push(Key {
            name,
            plan: self.plan,
            calls: 0,
            never: 0,
            denied: Vec::new(),
            first_denied: Nanos::ZERO,
            last_denied: Nanos::ZERO,
        });
        Some(id)
    }

    /// The key of a number given by [`number`](Self::number).
    #[inline]
    pub(super) fn key(&mut self, id: KeyId) -> &mut Key {
        &mut self.keys[id.0 as usize]
    }

    /// All keys, in order of appearance.
    pub(super) fn into_vec(self) -> Vec<Key> {
        self.keys
    }
}

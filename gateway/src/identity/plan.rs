//! Plans of keys.

use super::{KeyOf, PlanOf};
use http::request::Parts;
use tidegate::PlanId;

/// One plan for every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnePlan(pub PlanId);

impl<K: KeyOf> PlanOf<K> for OnePlan {
    fn plan(&self, _request: &Parts, _key: &K::Key<'_>) -> Option<PlanId> {
        Some(self.0)
    }
}

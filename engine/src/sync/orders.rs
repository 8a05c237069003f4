//! The orderings of words and of pairs, for what ships and for loom's stand-ins alike: so that what a model holds to them
//! is what ships.

use super::Ordering;

/// Of a word of a record that is loaded.
// Ordering: Acquire, partner `WORD_STORED`: see `Words`.
pub(super) const WORD_LOADED: Ordering = Ordering::Acquire;

/// Of a word of a record that is stored.
// Ordering: Release, partner `WORD_LOADED`: see `Words`.
pub(super) const WORD_STORED: Ordering = Ordering::Release;

/// Of a swap of a pair, where it succeeds: that of a locked operation on x86-64. Nothing is used where it fails.
// Ordering: Acquire and Release, partners itself and `Slot::control`.
#[cfg_attr(
    all(target_arch = "x86_64", not(tidegate_portable), not(tidegate_loom)),
    expect(dead_code, reason = "the processor's own swap has no ordering to choose")
)]
pub(super) const PAIR_SWAPPED: Ordering = Ordering::AcqRel;

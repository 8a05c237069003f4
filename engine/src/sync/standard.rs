//! The standard library's atomics: what ships.

pub(crate) type AtomicBool = std::sync::atomic::AtomicBool;
pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
/// An atomic of any plain type of a word's size.
pub(crate) type Typed<T> = atomic::Atomic<T>;

/// Where a thread can do nothing before another has done something. Out of models it just tries again.
#[inline]
pub(crate) fn give_way() {}

//! shuttle's atomics in place of the standard library's: each operation is a point at which threads may change.

pub(crate) type AtomicBool = ::shuttle::sync::atomic::AtomicBool;
pub(crate) type AtomicU64 = ::shuttle::sync::atomic::AtomicU64;

/// Lets another thread go on, without which this one would go round for ever.
pub(crate) fn give_way() {
    ::shuttle::thread::yield_now();
}

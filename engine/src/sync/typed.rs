//! Atomics of any plain type of a word's size, for models.

use super::{AtomicU64, Ordering};
use std::marker::PhantomData;

/// What `atomic::Atomic` is to the standard atomics, for those of models.
#[derive(Debug)]
pub(crate) struct Typed<T> {
    word: AtomicU64,
    of: PhantomData<T>,
}

impl<T: bytemuck::Pod> Typed<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { word: AtomicU64::new(bytemuck::cast(value)), of: PhantomData }
    }

    pub(crate) fn load(&self, order: Ordering) -> T {
        bytemuck::cast(self.word.load(order))
    }

    pub(crate) fn compare_exchange(
        &self,
        current: T,
        new: T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<T, T> {
        self.word
            .compare_exchange(bytemuck::cast(current), bytemuck::cast(new), success, failure)
            .map(bytemuck::cast)
            .map_err(bytemuck::cast)
    }
}

//! A heap of four children a node: the events that come next, in their order.

use super::Packed;

/// A few events in their order.
///
/// A node's children share a cache line or two, and which of them is the earliest is found without a branch: it is no
/// processor's guess. The event taken last leaves its place at the root open, because handling an event mostly
/// schedules another, which then goes there and sinks in place of the last. Both together take half of the time
/// of a heap without them at a thousand events (`cargo x bench-sim`).
#[derive(Debug, Default)]
pub(in crate::simulate) struct Heap {
    nodes: Vec<Packed>,
    /// The root has been taken, and what stands there counts no more.
    is_open: bool,
}

/// Children of a node.
const ARITY: usize = 4;

impl Heap {
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - usize::from(self.is_open)
    }

    #[inline]
    pub(in crate::simulate) fn push(&mut self, event: Packed) {
        if self.is_open {
            self.is_open = false;
            self.sink(event);
        } else {
            let hole = self.nodes.len();
            self.nodes.push(event);
            self.rise(hole, event);
        }
    }

    /// Takes the first.
    #[inline]
    pub(in crate::simulate) fn pop(&mut self) -> Option<Packed> {
        if self.is_open {
            self.close();
        }
        let first = self.nodes.first().copied()?;
        self.is_open = true;
        Some(first)
    }

    /// The first, which stays.
    #[inline]
    pub(super) fn first(&self) -> Option<Packed> {
        let place = if self.is_open { self.earliest_child(0)? } else { 0 };
        self.nodes.get(place).copied()
    }

    /// All, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Packed> {
        self.nodes.get(usize::from(self.is_open)..).unwrap_or_default().iter()
    }

    /// Takes all, in no order.
    pub(super) fn drain(&mut self) -> Vec<Packed> {
        if self.is_open {
            self.close();
        }
        std::mem::take(&mut self.nodes)
    }

    /// Fills the open root with the last.
    #[inline]
    fn close(&mut self) {
        self.is_open = false;
        if let Some(last) = self.nodes.pop()
            && !self.nodes.is_empty()
        {
            self.sink(last);
        }
    }

    /// Moves later parents down until `event` fits into the hole.
    #[inline]
    fn rise(&mut self, mut hole: usize, event: Packed) {
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            if self.nodes[parent] <= event {
                break;
            }
            self.nodes[hole] = self.nodes[parent];
            hole = parent;
        }
        self.nodes[hole] = event;
    }

    /// Fills the root: moves earlier children up until `event` fits into the hole.
    #[inline]
    fn sink(&mut self, event: Packed) {
        let mut hole = 0;
        while let Some(child) = self.earliest_child(hole) {
            if self.nodes[child] >= event {
                break;
            }
            self.nodes[hole] = self.nodes[child];
            hole = child;
        }
        self.nodes[hole] = event;
    }

    #[inline]
    fn earliest_child(&self, parent: usize) -> Option<usize> {
        let first = parent * ARITY + 1;
        match self.nodes.get(first..first + ARITY) {
            Some(&[a, b, c, d]) => {
                let (left, right) = (earlier((a, 0), (b, 1)), earlier((c, 2), (d, 3)));
                Some(first + earlier(left, right).1)
            }
            _ => {
                let children = self.nodes.get(first..)?.iter().enumerate();
                children.min_by_key(|(_, child)| **child).map(|(place, _)| first + place)
            }
        }
    }
}

/// The earlier of two, chosen without a branch.
#[inline]
fn earlier(one: (Packed, usize), other: (Packed, usize)) -> (Packed, usize) {
    let is_other = other.0 < one.0;
    std::hint::select_unpredictable(is_other, other, one)
}

//! Lists of events in pieces of one memory, which are used again.

use super::Packed;

/// Events of a chunk: with its links a KiB. Half as many take a tenth longer at a million events, and a sixth at ten
/// million; the ends of all lists of the wheel that are in use come to some hundred KiB.
const EVENTS: usize = 63;

/// Events in no order, the last ones first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    /// The chunk that is being filled, if there is any event.
    last: u32,
    len: u32,
}

impl List {
    pub(super) fn len(self) -> usize {
        self.len as usize
    }
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Chunk {
    events: [Packed; EVENTS],
    /// The one that was filled before.
    next: u32,
    len: u32,
}

/// The chunks of all lists.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    chunks: Vec<Chunk>,
    vacant: Vec<u32>,
}

impl Chunks {
    /// Adds to a list.
    #[inline]
    pub(super) fn push(&mut self, list: &mut List, event: Packed) {
        if list.len().is_multiple_of(EVENTS) {
            list.last = self.chunk_before(list.last);
        }
        list.len += 1;
        let chunk = &mut self.chunks[list.last as usize];
        chunk.events[chunk.len as usize % EVENTS] = event;
        chunk.len += 1;
    }

    /// The events that were added to a list last; of one that is not empty, some.
    #[inline]
    pub(super) fn last(&self, list: List) -> &[Packed] {
        match list.len {
            0 => &[],
            _ => {
                let chunk = &self.chunks[list.last as usize];
                &chunk.events[..chunk.len as usize]
            }
        }
    }

    /// Drops these from a list that is not empty, and gives what is left of it.
    #[inline]
    pub(super) fn drop_last(&mut self, list: List) -> List {
        self.vacant.push(list.last);
        let chunk = &self.chunks[list.last as usize];
        List { last: chunk.next, len: list.len - chunk.len }
    }

    /// An empty chunk, the one that was emptied last, which is in the cache yet.
    fn chunk_before(&mut self, next: u32) -> u32 {
        const EMPTY: Packed = Packed(0);
        match self.vacant.pop() {
            Some(number) => {
                let chunk = &mut self.chunks[number as usize];
                (chunk.next, chunk.len) = (next, 0);
                number
            }
            None => {
                self.chunks.push(Chunk { events: [EMPTY; EVENTS], next, len: 0 });
                self.chunks.len() as u32 - 1
            }
        }
    }
}

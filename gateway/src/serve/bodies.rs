//! How much memory the bodies of requests take, all together.
//!
//! A call's body is read before it goes on, and kept until its upstream has it. One is bounded by `bounds.body_bytes`; all of them
//! are by `bounds.bodies_bytes`, so that clients who send long bodies slowly, or an upstream that takes none, do not fill the machine.
//! Bytes count as they come: what a client announces, and does not send, takes no room from others. Nobody waits for room, since those
//! who hold it might wait for it too; who finds none is refused. The last eighth is for short bodies, as most are: one key that fills
//! what there is with long ones does not keep the others from calling.

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The bytes that all bodies have taken. What Prometheus reads is the count itself.
#[derive(Clone, Debug)]
pub struct Bodies {
    taken: Gauge,
    refused: Counter,
}

impl Bodies {
    pub(crate) fn registered(registry: &mut Registry) -> Self {
        let this = Self { taken: Gauge::default(), refused: Counter::default() };
        let help = "Bodies of requests in memory: being read, or not yet taken by their upstream";
        registry.register_with_unit("request_bodies", help, Unit::Bytes, this.taken.clone());
        let help = "Requests whose body found no room in memory among the others";
        registry.register("request_bodies_refused", help, this.refused.clone());
        this
    }

    /// The room of one body, of which all may take so many bytes.
    pub(crate) fn room(&self, most: usize) -> Room {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Room(Arc::new(Taken { bodies: self.clone(), bytes: AtomicI64::new(0), most }))
    }
}

/// Bodies up to this many bytes are short. 2,000 of them take the eighth that is theirs of 1 GiB.
const SHORT: i64 = 64 << 10;

/// What one body has taken; given back when the last that holds it is gone.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    bodies: Bodies,
    bytes: AtomicI64,
    most: i64,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Room {
    /// Takes room for more bytes of the body.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Full> {
        let Taken { bodies, bytes: own, most } = &*self.0;
        let bytes = i64::try_from(bytes).map_err(|_| Full)?;
        // Ordering: a count of this body, which one task reads.
        let is_short = own.load(Ordering::Relaxed).saturating_add(bytes) <= SHORT;
        let most = if is_short { *most } else { most - most / 8 };
        // Taken first and looked at then, so that two who come at once do not both find the last room.
        if bodies.taken.inc_by(bytes) > most - bytes {
            bodies.taken.dec_by(bytes);
            bodies.refused.inc();
            return Err(Full);
        }
        // Ordering: likewise; whoever gives it back has the last reference to it.
        own.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// The whole body, which keeps its room as long as anybody has a part of it.
    pub(crate) fn around(self, body: Bytes) -> Bytes {
        Bytes::from_owner(Kept { body, _room: self })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.bodies.taken.dec_by(*self.bytes.get_mut());
    }
}

struct Kept {
    body: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bodies_together_have_no_more_than_there_is() {
        let bodies = Bodies::registered(&mut Registry::default());
        let [one, two] = [bodies.room(100), bodies.room(100)];
        assert_eq!((one.take(60), two.take(40), two.take(1)), (Ok(()), Ok(()), Err(Full)));
        assert_eq!((bodies.taken.get(), bodies.refused.get()), (100, 1));
        drop(two);
        assert_eq!((one.take(40), one.take(usize::MAX)), (Ok(()), Err(Full)));
        assert_eq!(bodies.taken.get(), 100);
    }

    #[test]
    fn long_bodies_leave_room_for_short_ones() {
        let bodies = Bodies::registered(&mut Registry::default());
        let most = 800_000;
        let [long, short] = [bodies.room(most), bodies.room(most)];
        assert_eq!((long.take(700_000), long.take(1)), (Ok(()), Err(Full)));
        assert_eq!((short.take(SHORT as usize), short.take(1)), (Ok(()), Err(Full)));
        drop(long);
        assert_eq!((short.take(1), bodies.taken.get()), (Ok(()), SHORT + 1));
    }

    #[test]
    fn room_is_kept_as_long_as_any_part_of_the_body() {
        let bodies = Bodies::registered(&mut Registry::default());
        let room = bodies.room(100);
        room.take(5).unwrap();
        let mut body = room.around(Bytes::from_static(b"abcde"));
        let part = body.split_to(2);
        drop(body);
        assert_eq!((&part[..], bodies.taken.get()), (&b"ab"[..], 5));
        drop(part);
        assert_eq!(bodies.taken.get(), 0);
    }
}

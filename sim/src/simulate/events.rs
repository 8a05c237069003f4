//! The pending set: what happens next, in one total order.

mod chunks;
mod heap;
mod wheel;

pub(super) use heap::Heap;
use tidegate::Nanos;
use wheel::Wheel;

/// What an event is. At one instant they happen in this order: what the scenario sets comes first, a response's end gives
/// units and servers back before anyone asks for them, an answer that comes in time is no timeout, and a new call
/// goes before a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Class {
    /// Something that the scenario sets on this time.
    Script = 0,
    /// A response has ended: its call is settled.
    Settle = 1,
    /// A server has served a call.
    Served = 2,
    /// A server has done the work of a refusal.
    Refused = 3,
    /// A client waits no longer for an answer.
    Timeout = 4,
    /// A client, or some client of a crowd, makes a new call, whatever became of others.
    Arrival = 5,
    /// A client makes a new call after the end of its last. A class of its own, so that it does not matter how long before their time
    /// the others are planned.
    Turn = 6,
    /// A call that was denied, or failed, is tried again.
    Retry = 7,
}

impl Class {
    const ALL: [Self; 8] = [
        Self::Script,
        Self::Settle,
        Self::Served,
        Self::Refused,
        Self::Timeout,
        Self::Arrival,
        Self::Turn,
        Self::Retry,
    ];

    /// Whether it is the clients' doing, and not the gateway's.
    pub(crate) fn is_of_clients(self) -> bool {
        self >= Self::Arrival
    }
}

/// An event in 16 bytes, ordered as one number: by time, then class, then the sequence of their scheduling.
///
/// ```text
/// 127            64 63 61 60            26 25           0
/// |   nanoseconds  | class |   sequence   |    target    |
/// ```
///
/// The sequence breaks every tie, so the target never takes part in the order. 2³⁵ events of one world are half a
/// day's work for a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed(u128);

const TARGET_BITS: u32 = 26;
const SEQUENCE_BITS: u32 = 35;
const CLASS_SHIFT: u32 = TARGET_BITS + SEQUENCE_BITS;
const TIME_SHIFT: u32 = 64;
const _: () = assert!(CLASS_SHIFT + 3 == TIME_SHIFT && size_of::<Packed>() == 16);

impl Packed {
    #[inline]
    pub(super) fn new(time: Nanos, class: Class, sequence: u64, target: u32) -> Self {
        debug_assert!(target < EventSet::TARGETS && sequence < 1 << SEQUENCE_BITS);
        let low = (class as u64) << CLASS_SHIFT | sequence << TARGET_BITS | u64::from(target);
        Self(u128::from(time.get()) << TIME_SHIFT | u128::from(low))
    }

    #[inline]
    fn time(self) -> u64 {
        (self.0 >> TIME_SHIFT) as u64
    }

    #[inline]
    pub(super) fn unpack(self) -> Event {
        let low = self.0 as u64;
        Event {
            time: Nanos::new(self.time()),
            class: Class::ALL[(low >> CLASS_SHIFT) as usize % Class::ALL.len()],
            target: low as u32 & (EventSet::TARGETS - 1),
        }
    }
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// When, from the start of the run.
    pub(crate) time: Nanos,
    /// What.
    pub(crate) class: Class,
    /// To which call, source of arrivals, or line of the script.
    pub(crate) target: u32,
}

/// The events still to come.
///
/// The next ones stand in a heap, which the cache holds. When they grow to more than some hundred, the later ones go
/// to a wheel, which hands them back by dozens. A small world never needs it. Whoever replaces either keeps the
/// order: it is what the same bytes rest on.
#[derive(Debug)]
pub(crate) struct EventSet {
    /// All events up to `horizon`, and none beyond it.
    near: Heap,
    horizon: u64,
    /// All events beyond it.
    far: Option<Box<Wheel>>,
    sequence: u64,
}

/// The most events of different times in the heap. At a thousand the wheel is as fast.
const MOST_NEAR: usize = 1_024;

/// From so many pending events on, what they need is read ahead. At ten thousand that neither costs nor saves much, since the cache
/// holds nearly all; at twenty thousand it saves a tenth of the time, at a million a third.
const MANY: usize = 12_000;

impl Default for EventSet {
    fn default() -> Self {
        Self { near: Heap::default(), horizon: u64::MAX, far: None, sequence: 0 }
    }
}

impl EventSet {
    /// Targets are numbered below this.
    pub(crate) const TARGETS: u32 = 1 << TARGET_BITS;

    /// Adds an event, after all of its time and class that were added before.
    #[inline]
    pub(crate) fn schedule(&mut self, time: Nanos, class: Class, target: u32) {
        let event = Packed::new(time, class, self.sequence, target);
        self.sequence += 1;
        self.put(event);
    }

    #[inline]
    fn put(&mut self, event: Packed) {
        match &mut self.far {
            Some(far) if event.time() > self.horizon => far.push(event),
            _ => {
                self.near.push(event);
                if self.near.len() > MOST_NEAR {
                    self.send_away();
                }
            }
        }
    }

    /// Takes the first event.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.next_packed().map(Packed::unpack)
    }

    /// Takes the first event, if it comes before a time.
    #[inline]
    pub(crate) fn next_before(&mut self, time: Nanos) -> Option<Event> {
        (self.first()? < time).then(|| self.near.pop().map(Packed::unpack)).flatten()
    }

    /// When the first event is.
    #[inline]
    pub(crate) fn first(&mut self) -> Option<Nanos> {
        self.fetch();
        self.near.first().map(|first| Nanos::new(first.time()))
    }

    /// Divides the events: those of the gateway, and those of clients. In each part the order stays as it was, also to events that
    /// are added later.
    pub(crate) fn split(mut self) -> (Self, Self) {
        let new = || Self { sequence: self.sequence, ..Self::default() };
        let (mut gateway, mut clients) = (new(), new());
        while let Some(event) = self.next_packed() {
            let part = if event.unpack().class.is_of_clients() { &mut clients } else { &mut gateway };
            part.put(event);
        }
        (gateway, clients)
    }

    /// Puts two parts together, of which one has no class of event that the other has. So many events had been scheduled when
    /// they were divided.
    pub(crate) fn join(mut self, mut other: Self, scheduled: u64) -> Self {
        // Classes tell the parts' events apart, and within a class their own sequence goes on.
        self.sequence += other.sequence - scheduled;
        while let Some(event) = other.next_packed() {
            self.put(event);
        }
        self
    }

    fn next_packed(&mut self) -> Option<Packed> {
        self.fetch();
        self.near.pop()
    }

    /// Lets the heap have the next events of the wheel, if it has none left; whether there were any.
    #[inline]
    pub(crate) fn fetch(&mut self) -> bool {
        match &mut self.far {
            Some(far) if self.near.len() == 0 => {
                self.horizon = far.hand_over(|event| self.near.push(event));
                self.near.len() > 0
            }
            _ => false,
        }
    }

    /// The same; whether there were any, and are so many in all that it helps to read ahead what they need.
    #[inline]
    pub(crate) fn fetch_many(&mut self) -> bool {
        self.fetch() && self.len() >= MANY
    }

    /// Events that come next, in no order.
    pub(crate) fn coming(&self) -> impl Iterator<Item = Event> {
        self.near.iter().map(|event| event.unpack())
    }

    /// How many events have been scheduled.
    pub(crate) fn scheduled(&self) -> u64 {
        self.sequence
    }

    /// How many events are to come.
    pub(crate) fn len(&self) -> usize {
        self.near.len() + self.far.as_ref().map_or(0, |far| far.len())
    }

    /// Leaves the events of the next time to the heap, and no others: it takes as many new ones before this is done again. Events
    /// of one time stay together, however many there are.
    #[cold]
    #[inline(never)]
    fn send_away(&mut self) {
        let Some(first) = self.near.first().map(Packed::time).filter(|first| *first < self.horizon) else {
            return;
        };
        self.horizon = first;
        let far = self.far.get_or_insert_with(|| Box::new(Wheel::new(first)));
        far.step_back(first);
        for event in self.near.drain() {
            if event.time() > first { far.push(event) } else { self.near.push(event) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn ties_go_by_class_and_then_by_scheduling() {
        let mut events = EventSet::default();
        let [early, late] = [Nanos::new(5), Nanos::new(6)];
        events.schedule(late, Class::Settle, 0);
        events.schedule(early, Class::Retry, 1);
        events.schedule(early, Class::Arrival, 3);
        events.schedule(early, Class::Arrival, 2);
        events.schedule(early, Class::Settle, 4);
        let order: Vec<u32> = std::iter::from_fn(|| events.next()).map(|event| event.target).collect();
        assert_eq!(order, [4, 3, 2, 1, 0]);
    }

    #[test]
    fn an_event_keeps_its_parts() {
        let event = Event { time: Nanos::MAX, class: Class::Retry, target: EventSet::TARGETS - 1 };
        let packed = Packed::new(event.time, event.class, (1 << SEQUENCE_BITS) - 1, event.target);
        assert_eq!(packed.unpack(), event);
    }

    /// Schedules events so long after what was taken last, taking as many as are said to after each, then the rest.
    fn is_sorted(delays: impl IntoIterator<Item = (u64, Class, usize)>) -> bool {
        let mut events = EventSet::default();
        let (mut expected, mut found) = (Vec::new(), Vec::<Event>::new());
        for (target, (delay, class, take)) in (0..).zip(delays) {
            // Never before what was taken already, as in a run.
            let past = found.last().map_or(0, |event| event.time.get());
            let time = Nanos::new(past.saturating_add(1).saturating_add(delay));
            events.schedule(time, class, target);
            expected.push(Event { time, class, target });
            found.extend((0..take).map_while(|_| events.next()));
        }
        let (scheduled, pending) = (expected.len(), expected.len() - found.len());
        let counted = events.scheduled() == scheduled as u64 && events.len() == pending;
        found.extend(std::iter::from_fn(|| events.next()));
        expected.sort_by_key(|event| (event.time, event.class));
        counted && found == expected && events.len() == 0
    }

    /// A stream of bits that look random.
    fn bits(seed: u64) -> impl Iterator<Item = u64> {
        (seed..).map(|count| {
            let bits = (count ^ count >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            bits ^ bits >> 31
        })
    }

    #[test]
    fn many_events_come_in_their_order_at_all_scales_of_time() {
        for scale in [1, 4, 10, 20, 30, 40, 50, 58] {
            // Taken as often as added, but for the first tenth: some thousands are pending.
            let delay = |(count, bits): (usize, u64)| {
                (bits >> (64 - scale), Class::ALL[(bits % 7) as usize], usize::from(count > 5_000))
            };
            assert!(is_sorted(bits(scale).take(50_000).enumerate().map(delay)), "{scale} bits");
        }
    }

    #[test]
    fn events_of_one_time_and_of_a_few_come_in_their_order_however_many() {
        let at = |count: u64, delay| (delay, Class::ALL[(count % 7) as usize], 0);
        assert!(is_sorted((0..20_000).map(|count| at(count, 77))));
        assert!(is_sorted((0..20_000).map(|count| at(count, 77 + count / 5_000))));
        assert!(is_sorted((0..20_000).map(|count| (u64::MAX, Class::Settle, usize::from(count % 3 == 0)))));
    }

    #[test]
    fn events_that_are_scheduled_ever_earlier_come_in_their_order() {
        assert!(is_sorted((0..20_000).map(|count| ((20_000 - count) << 20, Class::Arrival, 0))));
    }

    #[test]
    fn a_few_far_events_give_way_to_many_near_ones() {
        // A hundred far apart are handed over together; thousands come to stand before and between them.
        let far = (0..2_000_u64).map(|count| (count << 40, Class::Retry, usize::from(count == 1_999)));
        let near = bits(1).take(30_000).map(|bits| (bits >> 22, Class::Arrival, (bits % 2) as usize));
        assert!(is_sorted(far.chain(near)));
    }

    quickcheck! {
        fn events_come_in_the_order_of_a_stable_sort(delays: Vec<(u8, bool, bool)>) -> bool {
            let class = |retry| if retry { Class::Retry } else { Class::Arrival };
            is_sorted(delays.into_iter().map(|(delay, retry, take)| (u64::from(delay % 8), class(retry), usize::from(take))))
        }

        fn long_histories_do_too(seed: u32, scale: u8, rounds: Vec<(u8, u8)>) -> bool {
            let mut random = bits(u64::from(seed));
            let delays = rounds.into_iter().flat_map(|(add, take)| {
                let mut draw = || random.next().unwrap_or(0) >> (scale % 60);
                let mut added: Vec<_> = (0..u32::from(add) * 8).map(|_| (draw(), Class::Retry, 0)).collect();
                if let Some(last) = added.last_mut() {
                    last.2 = usize::from(take) * 8;
                }
                added
            });
            is_sorted(delays)
        }
    }
}

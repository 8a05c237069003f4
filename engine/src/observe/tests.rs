use super::sketch::CELLS;
use super::stripes::{OWNED, SETS, Writers};
use super::*;
use quickcheck::{TestResult, quickcheck};
use std::collections::HashMap;
use std::thread;

/// A key that stands in a set of this place.
fn key_in(set: usize, number: u64) -> u64 {
    (set as u64) << 32 | (number + 1)
}

/// Counts a denial as a thread of this number would.
fn denied_by(observer: &Observer, thread: usize, key: u64) {
    let stripe = observer.stripes.of_thread(thread).unwrap();
    stripe.count_denial(LimitId::TokensDay, key, observer.fades());
}

fn bounds(observer: &Observer, key: u64) -> Option<(u64, u64)> {
    let keys = observer.most_denied(usize::MAX);
    keys.iter().find(|denied| denied.key.0 == key).map(|denied| (denied.at_least, denied.at_most))
}

#[test]
fn each_thing_is_counted_by_itself() {
    let observer = Observer::new().unwrap();
    let times = |count: usize, step: &dyn Fn()| (0..count).for_each(|_| step());
    let both = LimitSet::EMPTY.with(LimitId::TokensWindow).with(LimitId::TokensDay);
    times(3, &|| observer.admitted());
    times(2, &|| observer.shadowed(both));
    for (place, limit) in LimitId::ALL.into_iter().enumerate() {
        times(3 + place, &|| observer.denied(limit, key_in(0, 1)));
        times(10 + place, &|| observer.never(limit));
    }
    times(20, &|| observer.settled());
    times(30, &|| observer.cancelled());
    let observed = observer.observed();
    assert_eq!(observed.admitted, 3);
    assert_eq!(observed.denied.iter().map(|(_, count)| count).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_eq!(observed.never.iter().map(|(_, count)| count).collect::<Vec<_>>(), [10, 11, 12, 13]);
    assert_eq!(observed.shadowed.iter().map(|(_, count)| count).collect::<Vec<_>>(), [0, 2, 0, 2]);
    assert_eq!((observed.settled, observed.cancelled, observed.unlisted), (20, 30, 0));
    assert_eq!((observed.denied.total(), observed.unsettled()), (18, 0));
}

#[test]
fn a_key_of_every_set_is_listed() {
    let observer = Observer::new().unwrap();
    let keys: Vec<_> = (0..SETS).map(|set| key_in(set, 9)).collect();
    keys.iter().for_each(|key| observer.denied(LimitId::RequestsDay, *key));
    let mut listed: Vec<_> = observer.most_denied(usize::MAX).iter().map(|denied| denied.key.0).collect();
    listed.sort_unstable();
    assert_eq!(listed, keys);
    assert_eq!(observer.observed().unlisted, 0);
}

/// Whoever writes the set, and whichever of its keys is the one.
#[test]
fn of_a_set_five_keys_are_exact_and_a_sixth_takes_over_from_the_one_denied_least() {
    for thread in [0, OWNED] {
        for least in 0..5 {
            let observer = Observer::new().unwrap();
            let times = |key| if key == least { 3 } else { 10 + key };
            for key in 0..5 {
                (0..times(key)).for_each(|_| denied_by(&observer, thread, key_in(4, key)));
            }
            let exact = |key| Some((times(key), times(key)));
            let all = |observer: &Observer| [0, 1, 2, 3, 4].map(|key| bounds(observer, key_in(4, key)));
            assert_eq!(all(&observer), [0, 1, 2, 3, 4].map(exact));
            denied_by(&observer, thread, key_in(4, 5));
            assert_eq!(bounds(&observer, key_in(4, 5)), Some((1, 4)));
            let others = [0, 1, 2, 3, 4].map(|key| if key == least { None } else { exact(key) });
            assert_eq!(all(&observer), others);
            observer.fade_denied();
            denied_by(&observer, thread, key_in(4, 5));
            assert_eq!(bounds(&observer, key_in(4, 5)), Some((1, 3)));
            let halves = |key| (key != least).then(|| (times(key) / 2, times(key).div_ceil(2)));
            assert_eq!(all(&observer), [0, 1, 2, 3, 4].map(halves));
            assert_eq!(observer.observed().unlisted, 0);
        }
    }
}

/// A reader that meets a change looks again, and a fresh version is what tells it of one.
#[test]
fn a_set_has_another_version_once_cells_change_hands_and_not_where_a_count_grows() {
    let observer = Observer::new().unwrap();
    let set = observer.stripes.of_thread(0).unwrap().set_at(0);
    let version = || set.0[15].load(Ordering::Relaxed);
    (0..5).for_each(|key| denied_by(&observer, 0, key_in(0, key)));
    assert_eq!(version(), 10);
    (0..5).for_each(|key| denied_by(&observer, 0, key_in(0, key)));
    assert_eq!(version(), 10);
    denied_by(&observer, 0, key_in(0, 5));
    assert_eq!(version(), 12);
}

#[test]
fn a_set_that_another_thread_changes_is_neither_written_nor_read_and_the_denial_is_known_to_be_missing() {
    let observer = Observer::new().unwrap();
    let key = key_in(3, 0);
    denied_by(&observer, OWNED, key);
    let set = observer.stripes.of_thread(OWNED).unwrap().set(key);
    let words = || set.0.each_ref().map(|word| word.load(Ordering::Relaxed));
    set.0[15].fetch_add(1, Ordering::Relaxed);
    let before = words();
    denied_by(&observer, OWNED, key);
    assert_eq!(words(), before);
    assert_eq!((observer.observed().denied.total(), observer.observed().unlisted), (2, 1));
    assert_eq!((set.read(0), observer.most_denied(10)), (None, Vec::new()));
    set.0[15].fetch_add(1, Ordering::Relaxed);
    assert_eq!(bounds(&observer, key), Some((1, 1)));
}

#[test]
fn a_key_that_many_threads_deny_is_listed_once_with_all_of_its_denials() {
    let observer = Observer::new().unwrap();
    let keys = [30, 10, 20].map(|number| key_in(5, number));
    for (turn, thread) in [0, 7, OWNED, OWNED + 1].into_iter().enumerate() {
        // In other cells in each stripe.
        for place in 0..3 {
            let place = (place + turn) % 3;
            (0..=place + turn).for_each(|_| denied_by(&observer, thread, keys[place]));
        }
    }
    let listed: Vec<_> = observer
        .most_denied(usize::MAX)
        .iter()
        .map(|denied| (denied.key.0, denied.at_least, denied.at_most))
        .collect();
    // One, two and three at first, and one more in each stripe.
    assert_eq!(listed, [(keys[2], 18, 18), (keys[1], 14, 14), (keys[0], 10, 10)]);
}

/// At 2⁶⁴, which nothing reaches, either way of writing does the same.
#[test]
fn counts_that_overflow_wrap_and_panic_nowhere() {
    let observer = Observer::new().unwrap();
    for thread in [0, OWNED] {
        let stripe = observer.stripes.of_thread(thread).unwrap();
        let admitted = || stripe.observed().admitted;
        stripe.count(Count::Admitted);
        let word = stripe.counters.0.iter().find(|word| word.load(Ordering::Relaxed) == 1).unwrap();
        word.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(admitted(), u64::MAX);
        stripe.count(Count::Admitted);
        assert_eq!(admitted(), 0);
        // Words 5 to 9 of a set are its counts.
        let (key, set) = (key_in(6, 0), stripe.set_at(6));
        denied_by(&observer, thread, key);
        set.0[5..10].iter().for_each(|count| count.store(u64::MAX, Ordering::Relaxed));
        assert_eq!(bounds(&observer, key), Some((u64::MAX, u64::MAX)), "of all threads: no more than that");
        denied_by(&observer, thread, key);
        assert_eq!(set.read(0).map(|cells| cells.bounds(key)), Some((0, 0)));
        set.0[5..10].iter().for_each(|count| count.store(u64::MAX, Ordering::Relaxed));
        denied_by(&observer, thread, key_in(6, 1));
        assert_eq!(set.read(0).map(|cells| cells.bounds(key_in(6, 1))), Some((0, 0)));
        set.0[5..10].iter().for_each(|count| count.store(u64::MAX, Ordering::Relaxed));
    }
}

#[test]
fn keys_are_ordered_by_what_is_sure_and_written_in_eleven_hexadecimal_digits() {
    let key = KeyFingerprint(0x2_0000_c0de);
    assert_eq!(key.to_string(), "0020000c0de");
    let denied = |at_least, at_most| DeniedKey { at_least, at_most, key };
    assert!([denied(1, 9), denied(2, 2), denied(2, 3), denied(3, 3)].is_sorted_by(|less, more| less < more));
    let hot = |requests, tokens| HotKey { requests, tokens, key };
    assert!([hot(1, 9), hot(2, 2), hot(2, 3), hot(3, 0)].is_sorted_by(|less, more| less < more));
}

#[test]
fn a_key_that_is_a_count_of_another_is_counted_by_itself() {
    for thread in [0, OWNED] {
        let observer = Observer::new().unwrap();
        let (often, key) = (key_in(0, 99), key_in(0, 6));
        (0..key).for_each(|_| denied_by(&observer, thread, often));
        denied_by(&observer, thread, key);
        assert_eq!([often, key].map(|key| bounds(&observer, key)), [Some((7, 7)), Some((1, 1))]);
    }
}

#[test]
fn what_threads_have_counted_together_stops_at_the_end() {
    let observer = Observer::new().unwrap();
    let key = key_in(7, 0);
    for thread in [0, OWNED] {
        denied_by(&observer, thread, key);
        let set = observer.stripes.of_thread(thread).unwrap().set(key);
        set.0[5].store(u64::MAX - 4, Ordering::Relaxed);
    }
    assert_eq!(bounds(&observer, key), Some((u64::MAX, u64::MAX)));
}

#[test]
fn threads_that_own_a_stripe_and_threads_that_share_one_lose_no_count() {
    const EACH: u64 = 300_000;
    let observer = Observer::new().unwrap();
    // Two with a stripe of their own, four that meet in one.
    let shared = observer.stripes.of_thread(OWNED).unwrap();
    assert_eq!(shared.writers, Writers::Many);
    let numbers = [0, 1, OWNED, OWNED + 8, OWNED + 16, OWNED + 24];
    let together = std::sync::Barrier::new(numbers.len());
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (place, number) in numbers.into_iter().enumerate() {
            let (observer, together) = (&observer, &together);
            threads.push(scope.spawn(move || {
                together.wait();
                let stripe = observer.stripes.of_thread(number).unwrap();
                for turn in 0..EACH {
                    stripe.count(Count::Admitted);
                    stripe.count(Count::Never(LimitId::ALL[place % 4]));
                    denied_by(observer, number, key_in(place % 2, turn % 3));
                }
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let observed = observer.observed();
    assert_eq!(observed.admitted, 6 * EACH);
    let never = LimitId::ALL.map(|limit| observed.never.of(limit));
    assert_eq!(never, [2 * EACH, 2 * EACH, EACH, EACH]);
    assert_eq!(observed.denied.of(LimitId::TokensDay), 6 * EACH);
    // Six keys for ten cells: every denial is listed, or known not to be.
    let listed: u64 = observer.most_denied(10).iter().map(|key| key.at_least).sum();
    assert_eq!(listed + observed.unlisted, 6 * EACH);
    for denied in observer.most_denied(10) {
        assert_eq!(denied.at_least, denied.at_most);
    }
}

#[test]
fn a_thread_that_counts_while_another_reads_is_never_seen_torn() {
    let observer = Observer::new().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in [3, OWNED] {
            let (observer, done) = (&observer, &done);
            threads.push(scope.spawn(move || {
                let mut turn = 0;
                // Ordering: Relaxed, here and below; the scope's end orders what is read after it.
                while !done.load(Ordering::Relaxed) {
                    // One is denied in every second call, the others take over each other's cells.
                    let key = if turn % 2 == 0 { 0 } else { 1 + turn % 37 };
                    denied_by(observer, number, key_in(number % 2, key));
                    turn += 1;
                }
            }));
        }
        let mut before = 0;
        for _ in 0..2_000 {
            let total = observer.observed().denied.total();
            assert!(total >= before, "a count goes back");
            before = total;
            let after: u64 = observer.most_denied(10).iter().map(|key| key.at_least).sum();
            assert!(after <= observer.observed().denied.total() + observer.observed().unlisted);
            for denied in observer.most_denied(10) {
                assert!(denied.at_least <= denied.at_most, "{denied:?}");
            }
        }
        done.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_thread_that_has_not_heard_of_a_fade_takes_nothing_away() {
    let observer = Observer::new().unwrap();
    let key = key_in(2, 1);
    let stripe = observer.stripes.of_thread(OWNED).unwrap();
    (0..5).for_each(|_| observer.fade_denied());
    (0..10).for_each(|_| denied_by(&observer, OWNED, key));
    assert!(stripe.set(key).count(key, 3, Writers::Many));
    assert_eq!(bounds(&observer, key), Some((11, 11)));
}

/// Keys 1, 2, 3, …, of which key n is denied in proportion to 1/n.
struct Zipf {
    cumulative: Vec<f64>,
    random: u64,
}

impl Zipf {
    fn new(keys: u64) -> Self {
        let weights = (1..=keys).map(|rank| 1.0 / rank as f64);
        let cumulative = weights
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        Self { cumulative, random: 0x9e37_79b9_7f4a_7c15 }
    }

    /// The rank of a key, from 0.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let all = self.cumulative.last().copied().unwrap_or_default();
        let point = (self.random >> 11) as f64 / (1_u64 << 53) as f64 * all;
        self.cumulative.partition_point(|sum| *sum < point) as u64
    }
}

/// As a hash would spread them.
fn fingerprint(rank: u64) -> u64 {
    let mut word = (rank + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ word >> 29
}

#[test]
fn the_most_denied_of_a_hundred_thousand_keys_are_found_with_their_bounds() {
    const DENIALS: u64 = 1_000_000;
    const TOP: usize = 20;
    const SURE: usize = 12;
    let observer = Observer::new().unwrap();
    let (mut zipf, mut truth) = (Zipf::new(100_000), HashMap::new());
    for turn in 0..DENIALS {
        let key = fingerprint(zipf.draw());
        *truth.entry(key).or_insert(0_u64) += 1;
        // Four threads' stripes, one of them shared.
        denied_by(&observer, [0, 1, 2, OWNED][turn as usize % 4], key);
    }
    let listed = observer.most_denied(usize::MAX);
    assert!(listed.is_sorted_by(|left, right| left > right));
    for denied in &listed {
        let real = truth[&denied.key.0];
        assert!(denied.at_least <= real && real <= denied.at_most, "{denied:?}, really {real}");
    }
    let mut truly: Vec<_> = truth.into_iter().collect();
    truly.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
    println!("really; at least; at most");
    for (key, real) in &truly[..TOP] {
        let denied = listed.iter().find(|denied| denied.key.0 == *key).unwrap();
        println!("{real:8} {:8} {:8}", denied.at_least, denied.at_most);
        // A 64th of the denials meet in a set, beside its great keys: a fifth of that each, and some luck.
        assert!(denied.at_most - denied.at_least <= 2 * DENIALS / (SETS * CELLS) as u64, "{denied:?}");
    }
    // Those that stand out are known to a few per mille, and stand in their order.
    let most = observer.most_denied(SURE);
    assert_eq!(most, listed[..SURE]);
    for ((key, _), denied) in truly.iter().zip(most) {
        assert_eq!(denied.key.0, *key);
        assert!(denied.at_most - denied.at_least <= denied.at_least / 500, "{denied:?}");
    }
}

#[test]
fn fading_halves_and_lets_the_present_come_first() {
    let observer = Observer::new().unwrap();
    let (old, new) = (key_in(1, 7), key_in(1, 8));
    (0..1_001).for_each(|_| denied_by(&observer, 0, old));
    (0..101).for_each(|_| denied_by(&observer, OWNED, old));
    assert_eq!(bounds(&observer, old), Some((1_102, 1_102)));
    observer.fade_denied();
    // 500.5 and 50.5, each rounded down and up.
    assert_eq!(bounds(&observer, old), Some((550, 552)));
    denied_by(&observer, 0, old);
    assert_eq!((bounds(&observer, old), observer.observed().unlisted), (Some((551, 553)), 0));
    for _ in 0..4 {
        (0..400).for_each(|_| denied_by(&observer, 0, new));
        observer.fade_denied();
    }
    let listed: Vec<_> = observer.most_denied(2).iter().map(|denied| denied.key.0).collect();
    assert_eq!(listed, [new, old]);
    // 400·(1/2 + 1/4 + 1/8 + 1/16), and 1,104/32.
    assert_eq!(bounds(&observer, new), Some((375, 375)));
    let (at_least, at_most) = bounds(&observer, old).unwrap();
    assert!(at_least <= 34 && 35 <= at_most && at_most - at_least <= 2, "{at_least} to {at_most}");
    // Whoever is no longer denied drops out in the end, and an hour of minutes overflows nothing.
    (0..100).for_each(|_| observer.fade_denied());
    assert!(observer.most_denied(10).is_empty());
    denied_by(&observer, 0, new);
    assert_eq!(bounds(&observer, new), Some((1, 2)));
}

quickcheck! {
    /// Against plain counting in halves: bounds hold for every key, listed or not, and the error is at most a fifth.
    fn bounds_hold_for_every_stream(stream: Vec<(u8, u8, bool)>) -> TestResult {
        let observer = Observer::new().unwrap();
        let mut truth: HashMap<u64, f64> = HashMap::new();
        let (mut asked, mut fades) = (0.0_f64, 0.0_f64);
        for (number, thread, fade) in stream {
            if fade && number % 8 == 0 {
                observer.fade_denied();
                truth.values_mut().for_each(|count| *count /= 2.0);
                (asked, fades) = (asked / 2.0, fades + 1.0);
            }
            let key = key_in(0, u64::from(number % 16));
            *truth.entry(key).or_default() += 1.0;
            asked += 1.0;
            denied_by(&observer, usize::from(thread % 2) * OWNED, key);
        }
        for (key, real) in &truth {
            let (at_least, at_most) = bounds(&observer, *key).unwrap_or((0, u64::MAX));
            if (at_least as f64) > *real || (at_most as f64) < *real {
                return TestResult::error(format!("{real} denials, bounds {at_least} and {at_most}"));
            }
        }
        let errors = observer.most_denied(usize::MAX).into_iter().map(|denied| denied.at_most - denied.at_least);
        // Each fade rounds each cell of two stripes by less than one, both ways.
        let allowed = asked / CELLS as f64 + if fades > 0.0 { 8.0 } else { 0.0 };
        TestResult::from_bool(errors.max().unwrap_or(0) as f64 <= allowed)
    }
}

/// `cargo test --release -p tidegate --lib what_a_count_costs -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn what_a_count_costs() {
    use std::hint::black_box;
    const CALLS: u64 = 20_000_000;
    let observer = Observer::new().unwrap();
    let nanos = |name: &str, step: &dyn Fn(&Observer, u64)| {
        let start = std::time::Instant::now();
        (0..CALLS).for_each(|turn| step(black_box(&observer), black_box(turn)));
        println!("{name:>40} {:6.2} ns", start.elapsed().as_secs_f64() * 1e9 / CALLS as f64);
    };
    let denied = |observer: &Observer, key| observer.denied(LimitId::RequestsWindow, key);
    nanos("nothing", &|_, _| ());
    nanos("admitted", &|observer, _| observer.admitted());
    nanos("never", &|observer, _| observer.never(LimitId::TokensWindow));
    nanos("denied: one key", &|observer, _| denied(observer, key_in(0, 1)));
    nanos("100 keys", &|observer, turn| denied(observer, fingerprint(turn % 100)));
    nanos("300 keys, cells for 320", &|observer, turn| denied(observer, fingerprint(turn % 300)));
    nanos("a new key each time", &|observer, turn| denied(observer, fingerprint(turn)));
    nanos("shared stripe: admitted", &|observer, _| {
        observer.stripes.of_thread(OWNED).unwrap().count(Count::Admitted)
    });
    nanos("denied: one key", &|observer, _| denied_by(observer, OWNED, key_in(0, 1)));
    let start = std::time::Instant::now();
    black_box(observer.most_denied(10));
    println!("{:>40} {:6} µs", "the list of the most denied", start.elapsed().as_micros());
    assert_eq!(observer.observed().admitted, 2 * CALLS);
}

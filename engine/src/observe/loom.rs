//! Two threads that count, and one that counts while another reads.

use super::stripes::{OWNED, Stripes};
use super::{Count, sketch};
use crate::sync::model::{Arc, check, check_with, thread};
use crate::unit::LimitId;

/// The fingerprints of the models; loom's stripes have one set.
const KEYS: [u64; 6] = [1 << 40, 2 << 40, 3 << 40, 4 << 40, 5 << 40, 6 << 40];
/// How often the first five were denied before.
const DENIED: [u64; 5] = [2, 3, 3, 3, 3];

fn denied_by(stripes: &Stripes, thread: usize, key: u64) -> bool {
    let stripe = stripes.of_thread(thread).unwrap();
    stripe.set(key).count(key, 0, stripe.writers)
}

/// A thread's set, full: the first key was denied least.
fn full(thread: usize) -> Arc<Stripes> {
    let stripes = Stripes::new().unwrap();
    for (key, times) in KEYS.into_iter().zip(DENIED) {
        (0..times).for_each(|_| assert!(denied_by(&stripes, thread, key)));
    }
    Arc::new(stripes)
}

/// What a set says of each key that is sure to have been denied: at least and at most how often.
fn listed(stripes: &Stripes, thread: usize) -> Vec<(u64, (u64, u64))> {
    let keys = sketch::merged([stripes.of_thread(thread).unwrap().set(KEYS[0])].into_iter(), 0);
    keys.into_iter().map(|denied| (denied.key.0, (denied.at_least, denied.at_most))).collect()
}

#[test]
fn threads_that_share_a_stripe_lose_no_count() {
    check(|| {
        let stripes = Arc::new(Stripes::new().unwrap());
        let theirs = stripes.clone();
        let count =
            |stripes: &Stripes| stripes.of_thread(OWNED).unwrap().count(Count::Denied(LimitId::TokensDay));
        let thread = thread::spawn(move || count(&theirs));
        count(&stripes);
        thread.join().unwrap();
        assert_eq!(stripes.of_thread(OWNED).unwrap().observed().denied.total(), 2);
    });
}

#[test]
fn a_reader_never_sees_one_key_with_the_count_of_another() {
    check(|| {
        let stripes = full(0);
        let theirs = stripes.clone();
        let reader = thread::spawn(move || listed(&theirs, 0));
        // The sixth key takes over from the first, and is denied once more.
        assert!(denied_by(&stripes, 0, KEYS[5]) && denied_by(&stripes, 0, KEYS[5]));
        for (key, bounds) in reader.join().unwrap() {
            let known = KEYS.iter().position(|known| *known == key).unwrap();
            match known {
                5 => assert!(bounds == (1, 3) || bounds == (2, 4), "{bounds:?}"),
                _ => assert_eq!(bounds, (DENIED[known], DENIED[known])),
            }
        }
        assert!(listed(&stripes, 0).contains(&(KEYS[5], (2, 4))));
    });
}

#[test]
fn of_two_threads_in_one_set_each_counts_or_knows_that_it_did_not() {
    check(|| {
        let stripes = full(OWNED);
        let theirs = stripes.clone();
        let thread = thread::spawn(move || denied_by(&theirs, OWNED, KEYS[5]));
        let again = denied_by(&stripes, OWNED, KEYS[1]);
        let new = thread.join().unwrap();
        assert!(again || new, "one of them goes on");
        let listed = listed(&stripes, OWNED);
        let of = |key| listed.iter().find(|(listed, _)| *listed == key).map(|(_, bounds)| *bounds);
        assert_eq!(of(KEYS[1]), Some(if again { (4, 4) } else { (3, 3) }));
        assert_eq!(of(KEYS[5]), new.then_some((1, 3)));
        assert_eq!(of(KEYS[0]), (!new).then_some((2, 2)));
    });
}

/// A denial halves the counts before, since a fade was asked for: a reader has them all halved, or none.
#[test]
fn a_reader_sees_all_counts_halved_or_none() {
    // With two changes of thread it takes half a minute.
    check_with(Some(1), || {
        let stripes = full(0);
        // So that half of them and one more are not as many as before.
        (0..2).for_each(|_| assert!(denied_by(&stripes, 0, KEYS[1])));
        let theirs = stripes.clone();
        let reader = thread::spawn(move || {
            // As often as the set was halved, no more.
            let cells = theirs.of_thread(0).unwrap().set(KEYS[0]).read(0);
            cells.map(|cells| KEYS.map(|key| cells.bounds(key)))
        });
        let stripe = stripes.of_thread(0).unwrap();
        assert!(stripe.set(KEYS[1]).count(KEYS[1], 1, stripe.writers));
        if let Some(bounds) = reader.join().unwrap() {
            let [before, halved] = [[(2, 2), (5, 5), (3, 3)], [(1, 1), (3, 4), (1, 2)]];
            assert!(bounds[..3] == before || bounds[..3] == halved, "{bounds:?}");
        }
    });
}

/// Two threads, one after the other or not, count the same key: as often as they say.
#[test]
fn of_two_denials_of_one_key_each_counts_or_is_known_not_to() {
    check(|| {
        let stripes = full(OWNED);
        let theirs = stripes.clone();
        let thread = thread::spawn(move || denied_by(&theirs, OWNED, KEYS[1]));
        let counted = 3 + u64::from(denied_by(&stripes, OWNED, KEYS[1])) + u64::from(thread.join().unwrap());
        assert!(listed(&stripes, OWNED).contains(&(KEYS[1], (counted, counted))));
    });
}

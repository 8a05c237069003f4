//! A slot passes from one owner to another while the old one still strikes.

use super::{Arc, Guard, Mark, address, denied, guard, race, secs};
use crate::sync::model::check;

/// Room for two addresses: one is blocked, the other's strikes have drained. A third comes while the second
/// strikes again: the third has its own strikes and no more, and the block stands.
#[test]
fn a_strike_of_the_old_owner_is_none_of_the_new_one() {
    check(|| {
        let guard = guard(1);
        assert_eq!(guard.strike(address(2), secs(0)), Mark::Strike { standing: 1 });
        let _ = guard.strike(address(1), secs(99));
        assert!(matches!(guard.strike(address(1), secs(99)), Mark::Blocked(_)));
        let (old, new) = race(
            &guard,
            |guard| guard.strike(address(2), secs(100)),
            |guard| guard.strike(address(3), secs(100)),
        );
        for mark in [old, new] {
            // Whoever finds no room is not tracked.
            assert!(matches!(mark, Mark::Strike { standing: 1 } | Mark::Kept), "{old:?} {new:?}");
        }
        assert!(guard.check(address(1), secs(100)).is_blocked());
        for last in [2, 3] {
            assert!(!guard.check(address(last), secs(100)).is_blocked());
        }
    });
}

/// Both slots for pairs hold one whose time is over at 100 s.
fn full_of_old_pairs() -> Arc<Guard> {
    let guard = guard(5);
    for last in [1, 2] {
        assert_eq!(denied(&guard, address(last), secs(0)), Mark::Kept);
    }
    guard
}

/// Two new pairs for the slots of two whose time is over: each finds its own promise afterwards.
#[test]
fn two_new_pairs_take_the_slots_of_old_ones() {
    check(|| {
        let guard = full_of_old_pairs();
        let marks = race(
            &guard,
            |guard| denied(guard, address(3), secs(100)),
            |guard| denied(guard, address(4), secs(100)),
        );
        assert_eq!(marks, (Mark::Kept, Mark::Kept));
        // A promise that was displaced is forgotten; one that was not is kept, and nobody has another's.
        let second = [3, 4].map(|last| denied(&guard, address(last), secs(101)));
        assert!(
            second.iter().all(|mark| matches!(mark, Mark::Kept | Mark::Strike { standing: 1 })),
            "{second:?}"
        );
        assert!(second.contains(&Mark::Strike { standing: 1 }), "{second:?}");
    });
}

/// The same pair comes back while another takes its slot over.
#[test]
fn an_old_pair_comes_back_while_a_new_one_takes_its_slot() {
    check(|| {
        let guard = full_of_old_pairs();
        let marks = race(
            &guard,
            |guard| denied(guard, address(1), secs(100)),
            |guard| denied(guard, address(3), secs(100)),
        );
        assert_eq!(marks, (Mark::Kept, Mark::Kept));
    });
}

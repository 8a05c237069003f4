//! Strikes at the same time all count, wherever they stand.

use super::{Mark, address, denied, guard, race, secs};
use crate::sync::model::check;

/// The strikes that stood after each of two marks, in order.
fn standing(marks: (Mark, Mark)) -> [u32; 2] {
    let of = |mark| match mark {
        Mark::Strike { standing } => standing,
        other => panic!("{other:?}"),
    };
    let mut both = [of(marks.0), of(marks.1)];
    both.sort_unstable();
    both
}

#[test]
fn two_early_calls_are_two_strikes() {
    check(|| {
        let guard = guard(5);
        assert_eq!(denied(&guard, address(1), secs(0)), Mark::Kept);
        let call = |guard: &crate::Guard| denied(guard, address(1), secs(1));
        assert_eq!(standing(race(&guard, call, call)), [1, 2]);
    });
}

#[test]
fn of_two_calls_one_too_many_blocks_and_once() {
    check(|| {
        let guard = guard(1);
        assert_eq!(denied(&guard, address(1), secs(0)), Mark::Kept);
        let call = |guard: &crate::Guard| denied(guard, address(1), secs(1));
        let (left, right) = race(&guard, call, call);
        let blocked = |mark| matches!(mark, Mark::Blocked(_));
        assert_eq!(u32::from(blocked(left)) + u32::from(blocked(right)), 1, "{left:?} {right:?}");
        assert!(guard.check(address(1), secs(1)).is_blocked());
        assert_eq!(guard.statistics(secs(1)).blocks, 1);
    });
}

/// Two threads bring the same new address: it gets one slot, and both strikes stand in it.
#[test]
fn two_reported_strikes_of_a_new_address_stand_together() {
    check(|| {
        let guard = guard(5);
        let call = |guard: &crate::Guard| guard.strike(address(1), secs(1));
        assert_eq!(standing(race(&guard, call, call)), [1, 2]);
        assert_eq!(guard.statistics(secs(1)).addresses, 1);
    });
}

/// The first two denied calls of a pair: neither is a strike, and the promise stands after both.
#[test]
fn two_first_calls_are_no_strikes() {
    check(|| {
        let guard = guard(5);
        let call = |guard: &crate::Guard| denied(guard, address(1), secs(0));
        assert_eq!(race(&guard, call, call), (Mark::Kept, Mark::Kept));
        assert_eq!(denied(&guard, address(1), secs(1)), Mark::Strike { standing: 1 });
    });
}

//! An offence against the end of a block, and a block against who looks for it.

use super::{Mark, Nanos, Timestamp, address, denied, guard, race, secs};
use crate::Guard;
use crate::sync::model::check;

/// Three calls of one thread at a time: a promise, a strike, and one too many.
fn offend(guard: &Guard, at: u64) -> Mark {
    let _ = denied(guard, address(1), secs(at));
    let _ = denied(guard, address(1), secs(at + 1));
    denied(guard, address(1), secs(at + 1))
}

/// One thread still has a time within the first block, the other one after it: however they meet, the second
/// block follows one block and not two, and lasts from its own beginning.
#[test]
fn an_offence_just_before_and_one_just_after_the_end() {
    check(|| {
        let guard = guard(1);
        assert!(matches!(offend(&guard, 0), Mark::Blocked(_)));
        // The block lasts until 31 s. A strike stands until 31.9 s, and any further one is one too many.
        let tenths = |tenths: u64| Timestamp::both(secs(0).monotonic + Nanos::from_millis(100 * tenths));
        assert_eq!(guard.strike(address(1), tenths(309)), Mark::Strike { standing: 1 });
        race(
            &guard,
            move |guard| guard.strike(address(1), tenths(309)),
            move |guard| guard.strike(address(1), tenths(315)),
        );
        assert_eq!(guard.blocks(secs(32)).map(|block| block.before).collect::<Vec<_>>(), [1]);
        assert_eq!(guard.statistics(secs(32)).blocks, 2);
        assert!(guard.check(address(1), secs(91)).is_blocked());
        assert!(!guard.check(address(1), secs(92)).is_blocked());
    });
}

/// Two offences after the end begin one block.
#[test]
fn two_offences_after_the_end_are_one_block() {
    check(|| {
        let guard = guard(1);
        assert!(matches!(offend(&guard, 0), Mark::Blocked(_)));
        let _ = guard.strike(address(1), secs(40));
        let call = |guard: &Guard| guard.strike(address(1), secs(40));
        let (left, right) = race(&guard, call, call);
        assert!(matches!((left, right), (Mark::Blocked(_), Mark::Blocked(_))), "{left:?} {right:?}");
        assert_eq!(guard.blocks(secs(40)).map(|block| block.before).collect::<Vec<_>>(), [1]);
    });
}

/// Who looks while a block is lifted sees it or does not, and it does not come back.
#[test]
fn a_lifted_block_stays_lifted() {
    check(|| {
        let guard = guard(1);
        assert!(matches!(offend(&guard, 0), Mark::Blocked(_)));
        let (lifted, _) = race(
            &guard,
            |guard| guard.lift(address(1), secs(2)),
            |guard| guard.check(address(1), secs(2)).is_blocked(),
        );
        assert!(lifted);
        assert!(!guard.check(address(1), secs(2)).is_blocked());
    });
}

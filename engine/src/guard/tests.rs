use super::*;
use std::net::Ipv4Addr;

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

fn millis(millis: u64) -> Timestamp {
    Timestamp::both(Nanos::from_millis(millis))
}

/// A guard that counts strikes as by default, and blocks at the second one.
fn strict() -> Builder {
    Guard::builder().addresses(8).pairs(8).tolerance(1).seed(1)
}

#[test]
fn while_no_block_is_told_of_a_check_looks_at_no_table() {
    let guard = strict().build().unwrap();
    // Another thread has begun a block, and not told of it yet.
    let client = Client::of(address(1));
    let entry = guard.claim_address(client, Worth::Much, Nanos::ZERO).unwrap();
    let (block, _) = Block(0).offend(guard.rules.terms, Nanos::ZERO);
    entry.update(Word::FIRST, |_| (block.0, ())).unwrap();
    assert_eq!(guard.check(address(1), millis(0)), Answer::Pass);
    // Its next offence changes nothing; another's block is told of, and so this one is found.
    assert!(matches!(guard.block(client, Nanos::ZERO), Mark::Blocked(_)));
    assert_eq!(guard.check(address(1), millis(0)), Answer::Pass);
    assert!(matches!(guard.block(Client::of(address(2)), Nanos::ZERO), Mark::Blocked(_)));
    assert!(guard.check(address(1), millis(0)).is_blocked());
}

#[test]
fn an_address_counts_while_anything_stands_against_it() {
    let addresses = |guard: &Guard, at| guard.statistics(at).addresses;
    // A burst drains in 62.5 ms, the strike in 80 ms.
    let guard = strict().build().unwrap();
    assert_eq!(guard.strike(address(1), millis(0)), Mark::Strike { standing: 1 });
    assert_eq!([0, 62, 63, 79, 80].map(|at| addresses(&guard, millis(at))), [1, 1, 1, 1, 0]);
    // A burst of four drains in 3 h 7.5 min. The strike that stands takes one of them, the block is forgiven after another.
    let hour = 3_600_000;
    let slow = strict().drain(Nanos::from_millis(hour)).build().unwrap();
    for _ in 0..4 {
        let _ = slow.strike(address(1), millis(0));
    }
    assert_eq!(slow.statistics(millis(0)).blocks, 1);
    let end = 4 * hour / 32 * 25;
    assert_eq!([0, 2 * hour, end - 1, end].map(|at| addresses(&slow, millis(at))), [1, 1, 1, 0]);
}

#[test]
fn a_pair_counts_while_a_promise_or_a_strike_stands() {
    let guard = strict().leeway(Nanos::from_millis(50)).build().unwrap();
    let pairs = |at| guard.statistics(millis(at)).pairs;
    let denied = |wait, at| guard.denied(address(1), "key", Nanos::from_millis(wait), millis(at));
    assert_eq!((pairs(1_000), denied(1_000, 1_000), pairs(1_000)), (0, Mark::Kept, 1));
    // The promise is rounded down to a tick of 16.8 ms, and nobody who keeps to it is early.
    assert_eq!([1_900, 1_930, 1_950].map(pairs), [1, 1, 0]);
    // A strike stands for 80 ms: longer than the promise that it broke.
    assert_eq!(denied(1_000, 1_900), Mark::Strike { standing: 1 });
    assert_eq!([1_950, 1_979, 1_980].map(pairs), [1, 1, 0]);
}

#[test]
fn who_is_on_record_gives_way_to_nobody_before_it_is_forgiven() {
    let guard = Guard::builder().addresses(1).pairs(8).tolerance(1).seed(1).build().unwrap();
    for last in [1, 2] {
        assert!(matches!(guard.block(Client::of(address(last)), Nanos::ZERO), Mark::Blocked(_)));
    }
    let room = |at| guard.claim_address(Client::of(address(3)), Worth::Much, Nanos::from_secs(at)).is_some();
    // While the block lasts, after that, and when it is forgiven: its time is rounded up by less than a hundredth of a second.
    assert_eq!([1, 30, 31, 3_599].map(room), [false; 4]);
    let untracked = |at| guard.statistics(at).untracked_addresses;
    assert_eq!(guard.block(Client::of(address(3)), Nanos::from_secs(31)), Mark::Strike { standing: 2 });
    assert_eq!(untracked(millis(31_000)), 1);
    assert_eq!((guard.strike(address(3), millis(31_000)), untracked(millis(31_000))), (Mark::Kept, 2));
    assert!(room(3_601));
}

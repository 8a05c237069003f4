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
fn places_are_those_of_the_seed_and_nobody_elses() {
    let places = |builder: Builder| {
        let guard = builder.build().unwrap();
        let (client, network) = (Client::of(address(1)), Client::of("2001:db8::1".parse().unwrap()));
        let addresses = [client, network].map(|client| guard.address(client.number()));
        (
            addresses,
            [client, network].map(|client| guard.pair_of(client, "key")),
            guard.pair_of(client, "other"),
        )
    };
    let small = || Guard::builder().addresses(8).pairs(8);
    let [one, again, other] = [1, 1, 2].map(|seed| places(small().seed(seed)));
    assert_eq!(one, again);
    // Whoever does not know the seed cannot choose addresses or keys that stand in each other's way.
    for (one, other) in [(one, other), (places(small()), places(small()))] {
        assert!(one.0[0] != other.0[0] && one.0[1] != other.0[1]);
        assert!(one.1[0] != other.1[0] && one.1[1] != other.1[1] && one.2 != other.2);
    }
    assert!(one.1[0] != one.1[1] && one.1[0] != one.2, "by client and key");
}

#[test]
fn networks_are_allowed_besides_those_already_given() {
    let network = |text: &str| text.parse::<Network>().unwrap();
    let guard = strict().allow([network("192.0.2.1")]).allow([network("192.0.2.2")]).build().unwrap();
    let marks = [1, 2, 3].map(|last| guard.strike(address(last), millis(0)));
    assert_eq!(marks, [Mark::Kept, Mark::Kept, Mark::Strike { standing: 1 }]);
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
    // What is told of is a time: tables are looked at before it, and no more from then on.
    guard.blocked_until.store(Nanos::from_millis(7).get(), Ordering::Relaxed);
    assert!([0, 6].into_iter().all(|at| guard.check(address(1), millis(at)).is_blocked()));
    assert_eq!(guard.check(address(1), millis(7)), Answer::Pass);
}

#[test]
fn a_short_block_takes_nothing_from_a_longer_one() {
    let guard = strict().build().unwrap();
    let block = |last, at| match guard.block(Client::of(address(last)), Nanos::from_secs(at)) {
        Mark::Blocked(blocked) => blocked.seconds(),
        mark => panic!("{mark:?}"),
    };
    assert_eq!([block(1, 0), block(1, 40), block(2, 41)], [30, 60, 30]);
    let blocked = |last, at| guard.check(address(last), millis(at)).is_blocked();
    assert!(blocked(1, 41_000) && blocked(2, 70_999) && !blocked(2, 71_002));
    assert!(blocked(1, 99_999) && !blocked(1, 100_002));
}

#[test]
fn reported_strikes_give_way_to_a_block_and_not_to_each_other() {
    let guard = Guard::builder().addresses(1).pairs(8).drain(Nanos::from_secs(1)).seed(1).build().unwrap();
    for last in [1, 2] {
        assert_eq!(guard.strike(address(last), millis(0)), Mark::Strike { standing: 1 });
    }
    assert_eq!(guard.strike(address(3), millis(1)), Mark::Kept);
    let seen = guard.statistics(millis(1));
    assert_eq!((seen.strikes, seen.addresses, seen.untracked_addresses), (2, 2, 1));
    assert!(matches!(guard.block(Client::of(address(3)), Nanos::from_millis(2)), Mark::Blocked(_)));
    let seen = guard.statistics(millis(2));
    assert_eq!((seen.blocks, seen.addresses, seen.untracked_addresses), (1, 2, 1));
}

#[test]
fn promises_give_way_to_each_other_and_strikes_to_nothing() {
    let guard = || Guard::builder().addresses(8).pairs(1).drain(Nanos::from_secs(1)).seed(1).build().unwrap();
    let denied = |guard: &Guard, last, at| guard.denied(address(last), "key", Nanos::MINUTE, millis(at));
    let seen = |guard: &Guard, at| {
        let seen = guard.statistics(millis(at));
        (seen.pairs, seen.untracked_pairs)
    };
    let promised = guard();
    for last in [1, 2, 3] {
        assert_eq!(denied(&promised, last, 0), Mark::Kept);
    }
    assert_eq!(seen(&promised, 0), (2, 0));
    assert_eq!(
        denied(&promised, 3, 1_000),
        Mark::Strike { standing: 1 },
        "it has the place of one of the others"
    );
    let struck = guard();
    for last in [1, 2] {
        assert_eq!(denied(&struck, last, 0), Mark::Kept);
        assert_eq!(denied(&struck, last, 1_000), Mark::Strike { standing: 1 });
    }
    // Whoever comes while they stand is not tracked, and has no strike.
    assert_eq!([1_500, 1_900].map(|at| denied(&struck, 3, at)), [Mark::Kept; 2]);
    assert_eq!(seen(&struck, 1_900), (2, 2));
    // They have drained.
    assert_eq!(denied(&struck, 3, 2_000), Mark::Kept);
    assert_eq!((denied(&struck, 3, 3_000), seen(&struck, 3_000)), (Mark::Strike { standing: 1 }, (2, 2)));
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
fn strikes_count_that_take_longer_to_drain_than_any_burst() {
    let guard = strict().tolerance(1_000).build().unwrap();
    // 16 a second that come through, of which 12.5 drain: until no more may stand.
    let full = (0..400_000)
        .step_by(10)
        .find(|at| guard.strike(address(1), millis(*at)) == Mark::Strike { standing: 1_000 });
    let full = full.unwrap();
    // By then the burst has drained for half a minute, and of 80 s of strikes more is left than a burst ever takes.
    let addresses = [0, 31_300, 79_900, 80_001].map(|later| guard.statistics(millis(full + later)).addresses);
    assert_eq!((addresses, guard.statistics(millis(full)).blocks), ([1, 1, 1, 0], 0));
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

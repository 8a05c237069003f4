//! Strike, drain, block, escalation, forgiveness, allow-list, each by itself on a manual clock.

use super::{address, hammer, millis, secs};
use tidegate::guard::{Answer, Blocked, BuildError, Guard, Mark};
use tidegate::{Clock, Cost, Limiter, ManualClock, Nanos, Plan, Timestamp};

const CLIENT: &str = "203.0.113.9";
const WAIT: Nanos = Nanos::from_secs(60);

/// A guard that tolerates three strikes, of which one drains in a second.
fn strict() -> Guard {
    Guard::builder().addresses(64).pairs(64).tolerance(3).drain(Nanos::from_secs(1)).build().unwrap()
}

/// Calls of one key at these milliseconds, each denied and told to wait a minute.
fn denied_at(guard: &Guard, times: &[u64]) -> Vec<Mark> {
    times.iter().map(|time| guard.denied(address(CLIENT), "key", WAIT, millis(*time))).collect()
}

/// Has an address blocked from this second on, and tells for how long.
fn offend(guard: &Guard, at: u64) -> u64 {
    let marks: Vec<_> = (0..4).map(|_| guard.strike(address(CLIENT), secs(at))).collect();
    match marks[3] {
        Mark::Blocked(blocked) => blocked.seconds(),
        mark => panic!("{mark:?}"),
    }
}

#[test]
fn a_call_before_its_time_is_a_strike_and_one_in_time_is_none() {
    let guard = strict();
    let denied = |at| guard.denied(address(CLIENT), "key", Nanos::from_secs(5), secs(at));
    assert_eq!(denied(0), Mark::Kept);
    assert_eq!(denied(2), Mark::Strike { standing: 1 });
    assert_eq!(denied(5), Mark::Kept);
    assert_eq!(denied(10), Mark::Kept);
    assert_eq!(denied(11), Mark::Strike { standing: 1 });
    assert_eq!(guard.statistics(secs(11)).strikes, 2);
}

#[test]
fn another_key_and_another_address_have_promises_of_their_own() {
    let guard = strict();
    assert_eq!(guard.denied(address(CLIENT), "key", WAIT, secs(0)), Mark::Kept);
    assert_eq!(guard.denied(address(CLIENT), "other", WAIT, secs(1)), Mark::Kept);
    assert_eq!(guard.denied(address("203.0.113.10"), "key", WAIT, secs(1)), Mark::Kept);
    assert_eq!(guard.denied(address(CLIENT), "key", WAIT, secs(1)), Mark::Strike { standing: 1 });
}

#[test]
fn strikes_drain() {
    let guard = strict();
    let standing = |marks: &[Mark]| -> Vec<u32> {
        let of = |mark: &Mark| if let Mark::Strike { standing } = mark { *standing } else { 0 };
        marks.iter().map(of).collect()
    };
    // One a second drains; half a second later half a strike more stands.
    assert_eq!(
        standing(&denied_at(&guard, &[0, 1_000, 2_000, 3_000, 3_500, 4_500, 9_000])),
        [0, 1, 1, 1, 2, 2, 1]
    );
}

#[test]
fn past_the_tolerance_the_address_is_blocked_for_a_while() {
    let guard = strict();
    let marks = denied_at(&guard, &[0, 1_000, 1_001, 1_002]);
    assert_eq!(marks[3], Mark::Strike { standing: 3 });
    assert_eq!(guard.check(address(CLIENT), millis(1_002)), Answer::Pass);
    assert!(matches!(denied_at(&guard, &[1_003])[0], Mark::Blocked(_)));
    let Answer::Blocked(blocked) = guard.check(address(CLIENT), millis(1_003)) else { panic!("not blocked") };
    assert_eq!((blocked.remaining, blocked.seconds(), blocked.status), (Nanos::from_secs(30), 30, 429));
    assert!(guard.check(address(CLIENT), millis(31_002)).is_blocked());
    assert_eq!(guard.check(address(CLIENT), millis(31_006)), Answer::Pass);
    assert_eq!(guard.check(address("203.0.113.10"), millis(1_003)), Answer::Pass, "a neighbour");
    let seen = guard.statistics(millis(1_003));
    assert_eq!((seen.blocks, seen.blocked_calls, seen.addresses, seen.pairs), (1, 2, 1, 1));
}

#[test]
fn blocks_grow_within_the_hour_and_the_hour_forgives() {
    let guard = strict();
    assert_eq!(offend(&guard, 0), 30);
    assert_eq!(offend(&guard, 100), 60);
    assert_eq!(offend(&guard, 200), 120);
    assert_eq!(offend(&guard, 400), 240);
    assert_eq!(offend(&guard, 1_000), 480);
    assert_eq!(offend(&guard, 2_000), 900);
    assert_eq!(offend(&guard, 5_000), 900, "no block is longer");
    assert_eq!(guard.blocks(secs(5_000)).next().unwrap().before, 6);
    // Forgiven an hour after its last block began, the address starts anew.
    assert_eq!(offend(&guard, 8_601), 30);
    assert_eq!(offend(&guard, 8_700), 60);
    assert_eq!(guard.statistics(secs(13_000)).addresses, 0, "and then nothing of it is kept");
}

#[test]
fn an_offence_while_blocked_does_not_prolong_the_block() {
    let guard = strict();
    assert_eq!(offend(&guard, 0), 30);
    for at in 1..30 {
        let _ = guard.strike(address(CLIENT), secs(at));
    }
    assert_eq!(guard.check(address(CLIENT), millis(30_001)), Answer::Pass);
    assert_eq!(guard.statistics(secs(30)).blocks, 1);
}

#[test]
fn ipv6_counts_by_its_network_and_mapped_addresses_as_ipv4() {
    let guard = strict();
    let strike = |from: &str| guard.strike(address(from), secs(0));
    for (turn, from) in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"].into_iter().enumerate() {
        assert_eq!(strike(from), Mark::Strike { standing: turn as u32 + 1 });
    }
    assert!(matches!(strike("2001:db8::4"), Mark::Blocked(_)));
    assert!(guard.check(address("2001:db8::dead:beef"), secs(1)).is_blocked());
    assert!(!guard.check(address("2001:db8:0:1::1"), secs(1)).is_blocked());
    for from in ["::ffff:192.0.2.1", "192.0.2.1", "::ffff:c000:0201", "192.0.2.1"] {
        let _ = strike(from);
    }
    assert!(guard.check(address("192.0.2.1"), secs(1)).is_blocked());
    assert!(guard.check(address("::ffff:192.0.2.1"), secs(1)).is_blocked());
    let mut blocked: Vec<_> = guard.blocks(secs(1)).map(|block| block.network.to_string()).collect();
    blocked.sort();
    assert_eq!(blocked, ["192.0.2.1/32", "2001:db8::/64"]);
}

#[test]
fn allowed_networks_never_count() {
    let networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"].map(|text| text.parse().unwrap());
    let guard = Guard::builder().addresses(64).pairs(64).tolerance(1).allow(networks).build().unwrap();
    for from in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:5::1", "192.0.2.7"] {
        for call in 0..500 {
            assert_eq!(guard.denied(address(from), "key", WAIT, millis(50 * call)), Mark::Kept, "{from}");
            assert_eq!(guard.strike(address(from), millis(50 * call)), Mark::Kept, "{from}");
        }
        assert_eq!(guard.check(address(from), secs(25)), Answer::Pass);
    }
    assert_eq!(guard.statistics(secs(25)).strikes, 0);
    assert!(hammer(&guard, address("192.0.2.8"), WAIT, 50, 0).is_some(), "a neighbour");
}

/// An IPv6 client is a /64. Where only a part of one is allowed, a block of the rest is none of that part's.
#[test]
fn an_allowed_address_is_not_blocked_for_its_neighbours() {
    let networks = ["2001:db8::a:0:0/96"].map(|text| text.parse().unwrap());
    let guard = Guard::builder().addresses(64).pairs(64).tolerance(1).allow(networks).build().unwrap();
    let (allowed, neighbour) = (address("2001:db8::a:0:1"), address("2001:db8::b:0:1"));
    let before = guard.statistics(secs(0)).blocked_calls;
    assert!(hammer(&guard, neighbour, WAIT, 50, 0).is_some());
    let blocked_until = secs(30);
    assert!(guard.check(neighbour, blocked_until).is_blocked());
    let calls = guard.statistics(blocked_until).blocked_calls;
    assert!(calls > before);
    assert_eq!(guard.check(allowed, blocked_until), Answer::Pass);
    assert_eq!(guard.statistics(blocked_until).blocked_calls, calls, "and is not counted as blocked");
}

#[test]
fn an_operator_lifts_a_block() {
    let guard = strict();
    assert_eq!(offend(&guard, 0), 30);
    assert!(!guard.lift(address("203.0.113.10"), secs(1)));
    assert!(guard.lift(address(CLIENT), secs(1)));
    assert_eq!(guard.check(address(CLIENT), secs(1)), Answer::Pass);
    assert!(!guard.lift(address(CLIENT), secs(1)), "once");
    assert_eq!(guard.blocks(secs(1)).count(), 0);
    assert_eq!(offend(&guard, 2), 30, "and the address is not on record");
}

#[test]
fn the_configured_status_and_times_are_those_sent() {
    let guard = Guard::builder()
        .addresses(64)
        .pairs(64)
        .tolerance(1)
        .status(403)
        .first_block(Nanos::from_secs(10))
        .longest_block(Nanos::from_secs(15))
        .forgiveness(Nanos::from_secs(100))
        .build()
        .unwrap();
    let mut lengths = Vec::new();
    for at in [0, 50, 120, 300] {
        let _ = guard.strike(address(CLIENT), secs(at));
        let Mark::Blocked(blocked) = guard.strike(address(CLIENT), secs(at)) else { panic!() };
        assert_eq!(blocked.status, 403);
        lengths.push(blocked.seconds());
    }
    assert_eq!(lengths, [10, 15, 15, 10]);
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    let second = Nanos::from_secs(1);
    for (builder, message) in [
        (Guard::builder().tolerance(0), "`tolerance` must be from 1 to 1000 strikes, found 0"),
        (Guard::builder().tolerance(1_001), "`tolerance` must be from 1 to 1000 strikes, found 1001"),
        (Guard::builder().drain(Nanos::ZERO), "`drain` must be from 1 ms to 1 h, found 0ns"),
        (Guard::builder().leeway(Nanos::MINUTE), "`leeway` must be from 0 to 10 s, found 60s"),
        (
            Guard::builder().first_block(Nanos::DAY),
            "`first_block` must be from 1 s to `longest_block`, found 86400s",
        ),
        (
            Guard::builder().longest_block(Nanos::MAX),
            "`longest_block` must be from 1 s to 24 h, found 18446744073.709551615s",
        ),
        (
            Guard::builder().forgiveness(second),
            "`forgiveness` must be from `longest_block` to 7 days, found 1s",
        ),
        (Guard::builder().status(200), "`status` must be from 400 to 599, found 200"),
        (Guard::builder().addresses(0), "`addresses` must be from 1 to 1073741824, found 0"),
        (
            Guard::builder().pairs(usize::MAX),
            "`pairs` must be from 1 to 1073741824, found 18446744073709551615",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.field(), message.split('`').nth(1).unwrap());
        assert!(matches!(error, BuildError::OutOfRange { .. }));
    }
}

/// With a limiter, on its clock: who waits as told has no strike, who does not is blocked.
#[test]
fn beside_a_limiter_it_goes_by_the_limiters_verdicts() {
    let limiter = Limiter::builder().capacity(16).build().unwrap();
    let free = limiter.add_plan(&Plan::free()).unwrap();
    let guard = Guard::builder().addresses(64).pairs(64).build().unwrap();
    let clock = ManualClock::new(Timestamp::both(Nanos::from_secs(1_700_000_000)));
    let call = |from, key: &str| {
        let at = clock.now();
        let verdict = limiter.check(key, free, Cost::REQUEST, at).verdict();
        (verdict, guard.observe(address(from), key, verdict, at))
    };
    let mut waits = 0;
    for _ in 0..200 {
        let (verdict, mark) = call("192.0.2.1", "patient");
        assert_eq!(mark, Mark::Kept);
        if let tidegate::Verdict::Deny(denial) = verdict {
            waits += 1;
            clock.advance(denial.retry_after);
        }
    }
    assert!(waits > 10, "{waits}");
    let blocked = (0..400).any(|_| {
        clock.advance(Nanos::from_millis(50));
        matches!(call(CLIENT, "greedy").1, Mark::Blocked(_))
    });
    assert!(blocked && guard.check(address(CLIENT), clock.now()).is_blocked());
    assert!(!guard.check(address("192.0.2.1"), clock.now()).is_blocked());
}

/// The first address and its two neighbours are blocked; there is no room to block one more, which is told so.
#[test]
fn without_room_a_strike_too_many_is_told_as_one() {
    let guard = Guard::builder().addresses(1).pairs(64).tolerance(1).build().unwrap();
    let last = |from: &str| (0..3).map(|_| strike(&guard, from)).last().unwrap();
    for from in ["192.0.2.1", "192.0.2.2"] {
        assert!(matches!(last(from), Mark::Blocked(_)));
    }
    assert_eq!(last("192.0.2.3"), Mark::Strike { standing: 2 });
}

/// A denied call of a key, which comes again at once a second later: early.
fn strike(guard: &Guard, from: &str) -> Mark {
    let denied = |at| guard.denied(address(from), "key", Nanos::MINUTE, secs(at));
    let _ = denied(0);
    denied(1)
}

#[test]
fn what_is_lifted_at_the_beginning_of_time_is_gone() {
    let guard = Guard::builder().addresses(8).pairs(8).tolerance(1).build().unwrap();
    let (from, start) = (address("192.0.2.1"), Timestamp::both(Nanos::ZERO));
    for expected in [false, true] {
        assert_eq!(matches!(guard.strike(from, start), Mark::Blocked(_)), expected);
    }
    assert_eq!(guard.statistics(start).addresses, 1);
    assert!(guard.lift(from, start) && !guard.lift(from, start));
    assert_eq!(guard.statistics(start).addresses, 0);
}

#[test]
fn a_blocked_call_is_told_whole_seconds_and_at_least_one() {
    let seconds = |nanos| Blocked { remaining: Nanos::new(nanos), status: 429 }.seconds();
    assert_eq!([0, 1, 1_000_000_000, 1_000_000_001, 30_000_000_000].map(seconds), [1, 1, 1, 2, 30]);
}

//! Many addresses, many keys, input that no one should send, many threads.

use super::{address, hammer, millis, secs};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tidegate::guard::{Answer, Guard, Mark};
use tidegate::{Nanos, Timestamp};

const WAIT: Nanos = Nanos::from_secs(60);

fn v4(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(number))
}

fn v6(network: u64) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(u128::from(network) << 64 | 1))
}

fn small() -> Guard {
    Guard::builder().addresses(1_024).pairs(4_096).build().unwrap()
}

/// A million addresses, each denied or struck: the blocked one stays blocked, the innocent one is not
/// blocked, an attacker in their midst is, and memory does not grow.
#[test]
fn a_flood_of_a_million_addresses_frees_nobody_and_blocks_nobody() {
    let guard = small();
    let (blocked, innocent, attacker) = (v4(1), v4(2), v4(3));
    assert!(hammer(&guard, blocked, WAIT, 50, 0).is_some());
    let end = guard.blocks(millis(5_500)).next().unwrap().remaining;
    assert!(end > Nanos::from_secs(28));
    // A million within 20 s: 50,000 a second.
    let mut attack = None;
    for number in 0..1_000_000_u32 {
        let at = millis(6_000 + u64::from(number / 50));
        let mark = if number % 2 == 0 {
            guard.denied(v4(0x0b00_0000 + number), &number, WAIT, at)
        } else {
            guard.strike(v6(0x2001_0db8_0000_0000 + u64::from(number)), at)
        };
        assert!(!matches!(mark, Mark::Blocked(_)));
        if number % 2_500 == 0 {
            assert!(guard.check(blocked, at).is_blocked(), "freed after {number}");
            assert_eq!(guard.check(innocent, at), Answer::Pass);
            assert!(!matches!(
                guard.denied(innocent, "innocent", Nanos::from_millis(40), at),
                Mark::Blocked(_)
            ));
            if attack.is_none() && matches!(guard.denied(attacker, "attacker", WAIT, at), Mark::Blocked(_)) {
                attack = Some(number);
            }
        }
    }
    println!("the attacker was blocked after {attack:?} addresses of the flood");
    assert!(attack.is_some() && guard.check(attacker, secs(26)).is_blocked());
    let seen = guard.statistics(secs(26));
    assert!(seen.addresses <= 2 * 1_024 && seen.pairs <= 2 * 4_096, "{seen:?}");
    assert_eq!(seen.blocks, 2);
}

/// More addresses that earn a block than there is room for: those blocked stay so to the end of their time, the
/// others are counted.
#[test]
fn blocks_beyond_the_room_are_counted_and_push_nobody_out() {
    let guard = Guard::builder().addresses(64).pairs(64).tolerance(1).build().unwrap();
    let mut blocked = Vec::new();
    for number in 0..1_000 {
        let _ = guard.strike(v4(number), millis(1));
        if let Mark::Blocked(_) = guard.strike(v4(number), millis(1)) {
            blocked.push(number);
        }
    }
    assert!((64..=128).contains(&blocked.len()), "{}", blocked.len());
    assert!(blocked.iter().all(|number| guard.check(v4(*number), secs(29)).is_blocked()));
    let seen = guard.statistics(secs(29));
    assert_eq!((seen.blocks, seen.addresses), (blocked.len() as u64, blocked.len() as u64));
    assert!(seen.untracked_addresses > 800, "{seen:?}");
    // An hour later all of that is forgotten, and there is room again.
    let _ = guard.strike(v4(5_000), secs(3_700));
    assert!(matches!(guard.strike(v4(5_000), secs(3_700)), Mark::Blocked(_)));
}

/// A thousand keys behind one address, each of which gives a strike now and then.
#[test]
fn an_address_is_not_blocked_for_the_number_of_its_keys() {
    let guard = small();
    let office = address("198.51.100.7");
    for second in 0..120 {
        for key in 0..1_000_u32 {
            let at = millis(second * 1_000 + u64::from(key));
            assert!(!matches!(guard.denied(office, &key, WAIT, at), Mark::Blocked(_)), "{second} s");
            assert_eq!(guard.check(office, at), Answer::Pass);
        }
    }
    assert!(guard.statistics(secs(120)).strikes > 100_000);
}

/// One of them is an attacker: it has its own strikes, and the address is blocked for it.
#[test]
fn an_attacker_among_many_keys_is_found() {
    let guard = small();
    let office = address("198.51.100.7");
    let blocked = (0..200_u64).find(|turn| {
        let at = millis(50 * turn);
        for key in 0..20_u64 {
            let _ = guard.denied(office, &(20 * turn + key), WAIT, at);
        }
        matches!(guard.denied(office, "attacker", WAIT, at), Mark::Blocked(_))
    });
    assert!(blocked.is_some_and(|turn| turn * 50 < 10_000), "{blocked:?}");
}

/// Keys that do not exist are reported as strikes: another one each time is of no use.
#[test]
fn inventing_keys_does_not_help() {
    let guard = small();
    let blocked = (0..400).find(|call| matches!(guard.strike(v4(9), millis(50 * call)), Mark::Blocked(_)));
    assert!(blocked.is_some_and(|call| call * 50 < 6_000), "{blocked:?}");
}

/// A batch of any size that is started at once is not taken for a habit, even where it never reads a hint.
#[test]
fn a_batch_started_at_once_is_one_burst() {
    for spread in [1, 100, 1_000] {
        let guard = small();
        for batch in 0..30 {
            for call in 0..1_000 {
                let at = millis(batch * 10_000 + call * spread / 1_000);
                let mark = guard.denied(v4(9), "key", Nanos::DAY, at);
                assert!(!matches!(mark, Mark::Blocked(_)), "batch {batch}, call {call} within {spread} ms");
            }
        }
    }
}

/// Any number of workers that are told the same time, and come back at that time, never wait wrongly.
#[test]
fn workers_that_come_back_together_are_no_attack() {
    for wait in [200, 1_000, 3_000] {
        let guard = small();
        for turn in 0..100 {
            for worker in 0..1_000 {
                let at = millis(turn * wait + worker / 10);
                let told = Nanos::from_millis(wait - worker / 10);
                assert!(
                    !matches!(guard.denied(v4(9), "key", told, at), Mark::Blocked(_)),
                    "{wait} ms, turn {turn}"
                );
            }
        }
    }
}

#[test]
fn every_combination_of_extremes_is_answered() {
    let times =
        [0, 1, 1 << 20, 1 << 32, 1_700_000_000_000_000_000, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];
    let addresses = [
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:0:0",
        "ffff:ffff:ffff:ffff::",
        "ffff:ffff:102:304::",
    ];
    let guard = Guard::builder().addresses(2).pairs(2).tolerance(1).build().unwrap();
    let mut blocked = 0;
    for now in times {
        for wait in times {
            for from in addresses.map(address) {
                let at = Timestamp { monotonic: Nanos::new(now), unix: Nanos::new(wait) };
                for _ in 0..4 {
                    if let Mark::Blocked(block) = guard.denied(from, "", Nanos::new(wait), at) {
                        assert!(
                            block.remaining > Nanos::ZERO && block.remaining <= Nanos::from_secs(15 * 60)
                        );
                    }
                    if let Mark::Blocked(block) = guard.strike(from, at) {
                        assert!(
                            block.remaining > Nanos::ZERO && block.remaining <= Nanos::from_secs(15 * 60)
                        );
                    }
                    if let Answer::Blocked(block) = guard.check(from, at) {
                        blocked += 1;
                        assert!(
                            block.remaining > Nanos::ZERO && block.remaining <= Nanos::from_secs(15 * 60)
                        );
                    }
                }
                let _ = (guard.statistics(at), guard.blocks(at).count(), guard.lift(from, at));
            }
        }
    }
    assert!(blocked > 0);
}

/// A clock that stands still blocks who calls on and on, and nobody else; one that goes back frees, and one that jumps
/// ahead does too.
#[test]
fn clocks_that_stand_go_back_and_jump() {
    let guard = small();
    for _ in 0..1_000 {
        assert!(!matches!(guard.denied(v4(9), "key", WAIT, secs(0)), Mark::Blocked(_)), "all at one instant");
    }
    assert!(hammer(&guard, v4(9), WAIT, 50, 200).is_some());
    let at = Timestamp::both(Nanos::from_secs(500_000));
    assert_eq!(guard.check(v4(9), at), Answer::Pass, "the clock went back by days");
    assert_eq!(guard.denied(v4(9), "key", WAIT, at), Mark::Kept);
    let ahead = Timestamp::both(Nanos::from_secs(400 * 86_400));
    assert_eq!(guard.check(v4(9), ahead), Answer::Pass);
    assert_eq!(guard.denied(v4(9), "key", WAIT, ahead), Mark::Kept);
}

/// Threads that strike one address at once, and others of their own: every strike counts once.
#[test]
fn strikes_of_many_threads_all_count() {
    const THREADS: u32 = 4;
    const EACH: u32 = 100;
    let guard = Guard::builder().addresses(4_096).pairs(64).tolerance(1_000).drain(Nanos::from_secs(3_600));
    let guard = guard.build().unwrap();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for thread in 0..THREADS {
            let guard = &guard;
            threads.push(scope.spawn(move || {
                for call in 0..EACH {
                    // A second apart: no burst.
                    let at = secs(u64::from(call));
                    assert!(!matches!(guard.strike(v4(1), at), Mark::Blocked(_)));
                    let _ = guard.strike(v4(1_000 + thread), at);
                    let _ = guard.strike(v4(10_000 + thread * EACH + call), at);
                }
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let strikes = u64::from(THREADS * EACH);
    assert_eq!(guard.statistics(secs(200)).strikes, 3 * strikes);
    let standing = |from| match guard.strike(v4(from), secs(200)) {
        Mark::Strike { standing } => standing,
        mark => panic!("{mark:?}"),
    };
    assert_eq!(standing(1), THREADS * EACH + 1);
    assert!((0..THREADS).all(|thread| standing(1_000 + thread) == EACH + 1));
    assert!((0..THREADS * EACH).all(|own| standing(10_000 + own) == 2));
}

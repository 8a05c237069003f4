//! The time of the guard's steps: looking at an address, noting a denial, counting a strike.
//!
//! Known bias: addresses and keys are consecutive integers in a hash table, so nothing is skewed; calls follow each
//! other without a wait, so processors overlap them; the time is given.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use tidegate::guard::{Guard, Network};
use tidegate::{Nanos, Timestamp};

const ADDRESSES: u32 = 50_000;

fn address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number % ADDRESSES))
}

fn at(call: u32) -> Timestamp {
    Timestamp::both(Nanos::from_secs(1_000_000) + Nanos::from_millis(u64::from(call) / 1_000))
}

/// A guard with 300 networks on its allow-list, none of which is called from.
fn guard() -> Guard {
    let networks =
        (0..300).filter_map(|number| Network::new(IpAddr::V4(Ipv4Addr::from(number << 24 | 1)), 32));
    Guard::builder().allow(networks).build().expect("the defaults are in range")
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard");
    let mut call = 0_u32;
    let mut next = move || {
        call = call.wrapping_add(1);
        call
    };
    let free = guard();
    group.bench_function("check, nobody blocked", |bencher| {
        bencher.iter(|| free.check(black_box(address(next())), at(0)));
    });
    let busy = guard();
    for number in 0..1_000 {
        for _ in 0..60 {
            let _ = busy.strike(IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + number)), at(0));
        }
    }
    group.bench_function("check, others blocked", |bencher| {
        bencher.iter(|| busy.check(black_box(address(next())), at(0)));
    });
    group.bench_function("denied, the hint repeated", |bencher| {
        let wait = Nanos::from_secs(60);
        bencher.iter(|| free.denied(black_box(address(next())), "key", wait, at(0)));
    });
    group.bench_function("denied, a strike", |bencher| {
        let (guard, wait) = (guard(), Nanos::from_secs(60));
        let mut second = 0;
        bencher.iter(|| {
            second += u64::from(next().is_multiple_of(ADDRESSES));
            let at = Timestamp::both(Nanos::from_secs(1_000_000 + second % 50));
            guard.denied(black_box(address(next())), "key", wait, at)
        });
    });
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);

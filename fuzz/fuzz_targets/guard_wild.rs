//! The guard under any addresses, networks, waits and clocks, with less room than it needs: never a panic; a block is no
//! longer than the longest; who is on the allow-list is never blocked, and nor is, while the clock does not go back, who has
//! no more strikes than are tolerated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tidegate::guard::{Answer, Guard, Mark, Network};
use tidegate::{Nanos, Timestamp};
use tidegate_fuzz::Bytes;

const TOLERANCE: u32 = 3;
const LONGEST: Nanos = Nanos::from_secs(15 * 60);

/// One of few addresses, so that they meet, in any of their spellings.
fn address(bytes: &mut Bytes<'_>) -> IpAddr {
    let low = bytes.byte() % 8;
    match bytes.byte() % 4 {
        0 => IpAddr::V4(Ipv4Addr::new(10, 0, 0, low)),
        1 => IpAddr::V6(Ipv4Addr::new(10, 0, 0, low).to_ipv6_mapped()),
        2 => IpAddr::V6(Ipv6Addr::from(u128::from(low) << 64 | u128::from(bytes.word()))),
        _ => IpAddr::V6(Ipv6Addr::from(u128::from(bytes.word()) << 64)),
    }
}

/// What counts as one client, said again in other words.
fn client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6(Ipv6Addr::from(u128::from(six) >> 64 << 64)),
        },
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let allowed: Vec<Network> = (0..bytes.byte() % 4)
        .filter_map(|_| {
            let (address, prefix) = (address(&mut bytes), bytes.byte());
            Network::new(address, prefix)
        })
        .collect();
    for network in &allowed {
        assert_eq!(network.to_string().parse().as_ref(), Ok(network));
    }
    let text = bytes.text();
    if let Ok(network) = text.parse::<Network>() {
        assert!(network.contains(network.address()), "{text}");
    }
    let guard = Guard::builder().addresses(4).pairs(4).tolerance(TOLERANCE).seed(1).allow(allowed.clone());
    let guard = guard.build().expect("numbers in range");
    let (mut strikes, mut now, mut went_back) = (HashMap::<IpAddr, u32>::new(), 0_u64, false);
    while !bytes.is_empty() {
        let before = now;
        now = if bytes.once_in(16) { bytes.number() } else { now.saturating_add(bytes.word() >> 32) };
        went_back |= now < before;
        let at = Timestamp { monotonic: Nanos::new(now), unix: Nanos::new(bytes.number()) };
        let from = address(&mut bytes);
        let mark = match bytes.byte() % 4 {
            0 => guard.strike(from, at),
            1 => {
                guard.lift(from, at);
                Mark::Kept
            }
            _ => guard.denied(from, &(bytes.byte() % 2), Nanos::new(bytes.number()), at),
        };
        let counted = strikes.entry(client(from)).or_default();
        *counted += u32::from(mark != Mark::Kept);
        if let Mark::Blocked(blocked) = mark {
            assert!(blocked.remaining > Nanos::ZERO && blocked.remaining <= LONGEST, "{blocked:?}");
            assert!(*counted > TOLERANCE || went_back, "{from} is blocked for {counted} strikes");
        }
        let is_allowed = allowed.iter().any(|network| network.contains(from));
        assert!(!is_allowed || mark == Mark::Kept, "{from} is allowed");
        if let Answer::Blocked(blocked) = guard.check(from, at) {
            assert!(blocked.remaining > Nanos::ZERO && blocked.remaining <= LONGEST, "{blocked:?}");
            assert!(
                (*counted > TOLERANCE || went_back) && !is_allowed,
                "{from} is blocked for {counted} strikes"
            );
        }
        assert!(guard.statistics(at).addresses <= 8 && guard.blocks(at).count() <= 8);
    }
});

//! Addresses and networks in CIDR notation against `std::net` and integer masks: what is read, what is refused and for which
//! reason, what lies in a network, and in a guard's list of them. In all spellings: IPv4 as IPv6, zones, spaces, signs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tidegate::guard::{Guard, Mark, Network, NetworkError};
use tidegate::{Nanos, Timestamp};
use tidegate_fuzz::Bytes;

/// An address as a number and how many bits it has, IPv4 in IPv6 as IPv4.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    bits: u32,
    value: u128,
}

impl Number {
    fn of(address: IpAddr) -> Self {
        let six = match address {
            IpAddr::V4(four) => return Self { bits: 32, value: u32::from(four).into() },
            IpAddr::V6(six) => u128::from(six),
        };
        if six >> 32 == 0xffff {
            Self { bits: 32, value: six & 0xffff_ffff }
        } else {
            Self { bits: 128, value: six }
        }
    }

    /// The first bits alone: the others are cut off and nothing put in their place.
    fn prefix(self, length: u32) -> u128 {
        if length == 0 { 0 } else { self.value >> (self.bits - length) }
    }

    fn shares(self, other: Self, length: u32) -> bool {
        self.bits == other.bits && self.prefix(length) == other.prefix(length)
    }
}

/// What a text should be read as.
#[derive(Debug, PartialEq)]
enum Reading {
    Network(Number, u32),
    Text,
    Prefix,
    HostBits,
}

fn reading(text: &str) -> Reading {
    let mut parts = text.splitn(2, '/');
    let Some(Ok(address)) = parts.next().map(str::parse::<IpAddr>) else { return Reading::Text };
    let number = Number::of(address);
    let Some(prefix) = parts.next() else { return Reading::Network(number, number.bits) };
    if prefix.is_empty() || !prefix.bytes().all(|digit| digit.is_ascii_digit()) {
        return Reading::Text;
    }
    // `::ffff:10.0.0.0/104` counts from the first bit of IPv6.
    let written = if address.is_ipv6() { 128 } else { 32 };
    // No more than three digits matter, after all zeros before them.
    let digits = prefix.trim_start_matches('0');
    let length: u32 = if digits.len() > 3 { 999 } else { format!("0{digits}").parse().expect("digits") };
    let Some(length) = length.checked_sub(written - number.bits).filter(|length| *length <= number.bits)
    else {
        return Reading::Prefix;
    };
    let kept = if length == 0 { 0 } else { number.prefix(length) << (number.bits - length) };
    if kept == number.value { Reading::Network(number, length) } else { Reading::HostBits }
}

fn assert_read(text: &str) -> Option<Network> {
    let network = text.parse::<Network>();
    let found = match &network {
        Ok(network) => Reading::Network(Number::of(network.address()), network.prefix().into()),
        Err(NetworkError::Text(_)) => Reading::Text,
        Err(NetworkError::Prefix { .. }) => Reading::Prefix,
        Err(NetworkError::HostBits { within, .. }) => {
            let address = text.split('/').next().and_then(|address| address.parse().ok());
            assert!(within.contains(address.expect("an address")), "{text}");
            Reading::HostBits
        }
        Err(error) => panic!("an error of a new kind: {error}"),
    };
    assert_eq!(found, reading(text), "{text:?}");
    match network {
        Ok(network) => {
            assert_eq!(network.to_string().parse(), Ok(network), "{text:?}");
            Some(network)
        }
        Err(error) => {
            assert!(error.to_string().contains(text), "{error}");
            None
        }
    }
}

/// One of few addresses, so that they meet.
fn address(bytes: &mut Bytes<'_>) -> IpAddr {
    let kind = bytes.byte();
    let low = u32::from(bytes.byte());
    let four = match kind >> 4 & 3 {
        0 => Ipv4Addr::from(0x0a00_0000 | low),
        1 => Ipv4Addr::from(!low),
        2 => Ipv4Addr::from(1_u32.rotate_right(low)),
        _ => Ipv4Addr::from(bytes.word() as u32),
    };
    let six = match kind >> 4 & 3 {
        0 => u128::from(low),
        1 => 0x2001_0db8 << 96 | u128::from(low),
        2 => 1_u128.rotate_right(low),
        _ => u128::from(bytes.word()) << 64 | u128::from(low),
    };
    match kind % 4 {
        0 => IpAddr::V4(four),
        1 => IpAddr::V6(four.to_ipv6_mapped()),
        2 => IpAddr::V6(Ipv6Addr::from(u128::from(u32::from(four)))),
        _ => IpAddr::V6(Ipv6Addr::from(six)),
    }
}

/// A network's text, or one that is not quite.
fn text(bytes: &mut Bytes<'_>) -> String {
    let address = address(bytes);
    let prefix = bytes.byte();
    let cut = |length: u8| {
        let (bits, value) = match address {
            IpAddr::V4(four) => (32, u128::from(u32::from(four))),
            IpAddr::V6(six) => (128, u128::from(six)),
        };
        let length = u32::from(length) % (bits + 1);
        let kept = value & !(if length == 0 { u128::MAX } else { (1_u128 << (bits - length)) - 1 });
        let kept = if bits == 32 {
            IpAddr::V4(Ipv4Addr::from(kept as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from(kept))
        };
        format!("{kept}/{length}")
    };
    match bytes.byte() % 16 {
        0..6 => cut(prefix),
        6 => address.to_string(),
        7..9 => format!("{address}/{prefix}"),
        9 => format!("{address}/0{prefix}"),
        10 => format!("{address} /{prefix}"),
        11 => format!(" {}", cut(prefix)),
        12 => format!("{}\n", cut(prefix)),
        13 => format!("{address}%{}/{prefix}", bytes.text()),
        14 => format!("{address}/{}", bytes.text()),
        _ => bytes.text(),
    }
}

/// A guard keeps those on its list, and nobody else.
fn assert_allowed(allowed: &[Network], asked: &[IpAddr]) {
    let guard = Guard::builder().addresses(64).pairs(64).tolerance(1).seed(1).allow(allowed.iter().copied());
    let guard = guard.build().expect("numbers in range");
    for (number, address) in asked.iter().enumerate() {
        let listed = allowed.iter().any(|network| {
            Number::of(*address).shares(Number::of(network.address()), network.prefix().into())
        });
        let at = Timestamp::both(Nanos::from_secs(1_000_000 * (number as u64 + 1)));
        assert_eq!(guard.strike(*address, at) == Mark::Kept, listed, "{address} and {allowed:?}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = assert_read(text);
    }
    let mut bytes = Bytes::new(bytes);
    let mut networks = Vec::new();
    let mut asked = Vec::new();
    for _ in 0..16 {
        networks.extend(assert_read(&text(&mut bytes)));
        asked.push(address(&mut bytes));
        if bytes.is_empty() {
            break;
        }
    }
    for network in &networks {
        let (of, length) = (Number::of(network.address()), u32::from(network.prefix()));
        for address in &asked {
            let inside = Number::of(*address).shares(of, length);
            assert_eq!(network.contains(*address), inside, "{address} in {network}");
            let made = Network::new(*address, network.prefix());
            let fits = length <= Number::of(*address).bits;
            assert_eq!(made.is_some(), fits, "{address}/{length}");
            assert!(made.is_none_or(|made| made.contains(*address) && made.prefix() == network.prefix()));
        }
    }
    assert_allowed(&networks, &asked);
});

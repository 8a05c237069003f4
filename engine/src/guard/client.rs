//! Whom a call comes from, as far as its address tells.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What counts as one client: an IPv4 address, or the /64 network of an IPv6 address. An IPv4 address written
/// as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    V4(Ipv4Addr),
    /// The upper 64 bits.
    V6(u64),
}

/// From here on numbers are those of IPv4 addresses: the place of networks of multicast, which no call comes from.
const V4: u64 = 0xffff_ffff_0000_0000;
/// Stands for ::/64, as no number may be 0.
const V6_ZERO: u64 = 0xffff_fffe_0000_0000;

impl Client {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6((u128::from(address) >> 64) as u64),
        }
    }

    /// A number that is this client's alone, never 0. (Among networks of multicast, which no client has, two
    /// may share one.)
    pub(super) fn number(self) -> u64 {
        match self {
            Self::V4(address) => V4 | u64::from(u32::from(address)),
            Self::V6(0) => V6_ZERO,
            // What would look like an IPv4 address counts as the last network that does not.
            Self::V6(prefix) => prefix.min(V4 - 1),
        }
    }

    /// The client of a number.
    pub(super) fn from_number(number: u64) -> Self {
        match number {
            V4.. => Self::V4(Ipv4Addr::from(number as u32)),
            V6_ZERO => Self::V6(0),
            prefix => Self::V6(prefix),
        }
    }

    /// Its lowest address.
    pub(super) fn address(self) -> IpAddr {
        match self {
            Self::V4(address) => IpAddr::V4(address),
            Self::V6(prefix) => IpAddr::V6(Ipv6Addr::from(u128::from(prefix) << 64)),
        }
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn client(address: &str) -> Client {
        Client::of(address.parse().unwrap())
    }

    #[test]
    fn ipv6_counts_by_64_bits_and_mapped_addresses_as_ipv4() {
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_eq!(client("::ffff:c000:201"), client("192.0.2.1"));
        assert_ne!(client("::ffff:192.0.2.1"), client("::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }

    #[test]
    fn numbers_are_never_zero() {
        for address in ["::", "::1", "0.0.0.0", "255.255.255.255", "ffff:ffff:102:304::1", "ffff:fffe::"] {
            assert_ne!(client(address).number(), 0, "{address}");
        }
        assert_ne!(client("ffff:ffff:102:304::1").number(), client("1.2.3.4").number());
        assert_ne!(client("ffff:ffff::").number(), client("0.0.0.0").number());
        assert_ne!(client("ffff:ffff::").number(), client("::").number());
        assert_eq!(Client::from_number(client("::").number()), client("::"));
    }

    #[test]
    fn one_network_of_multicast_counts_as_the_one_that_has_no_number() {
        let counts_as = |address| Client::from_number(client(address).number());
        assert_eq!(["::", "ffff:fffe::"].map(counts_as), ["::"; 2].map(client));
        let neighbours = ["0:0:0:1::", "ffff:fffd:ffff:ffff::", "ffff:fffe:0:1::"];
        assert_eq!(neighbours.map(counts_as), neighbours.map(client));
    }

    #[test]
    fn networks_that_would_look_like_ipv4_count_as_the_last_that_does_not() {
        let counts_as = |address| Client::from_number(client(address).number());
        let last = client("ffff:fffe:ffff:ffff::");
        assert_eq!(counts_as("ffff:fffe:ffff:fffe::"), client("ffff:fffe:ffff:fffe::"));
        assert_eq!(
            ["ffff:fffe:ffff:ffff::", "ffff:ffff::", "ffff:ffff:ffff:ffff::"].map(counts_as),
            [last; 3]
        );
        assert_eq!(["0.0.0.0", "255.255.255.255"].map(counts_as), ["0.0.0.0", "255.255.255.255"].map(client));
    }

    quickcheck! {
        fn a_number_gives_its_client_back(address: IpAddr) -> bool {
            let client = Client::of(address);
            Client::from_number(client.number()) == client && Client::of(client.address()) == client
                || matches!(address, IpAddr::V6(address) if address.is_multicast())
        }
    }
}

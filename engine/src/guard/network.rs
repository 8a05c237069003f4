//! Networks in CIDR notation, and a list of them that is searched at every denial.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network: an address and how many of its leading bits count.
///
/// ```
/// use tidegate::guard::Network;
/// let office: Network = "198.51.100.0/24".parse()?;
/// assert!(office.contains("198.51.100.7".parse()?));
/// assert!(office.contains("::ffff:198.51.100.7".parse()?)); // the same address
/// assert_eq!("203.0.113.9".parse::<Network>()?.to_string(), "203.0.113.9/32");
/// assert!("198.51.100.7/24".parse::<Network>().is_err()); // bits beyond the prefix: a slip?
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkError {
    /// It is neither an address nor an address with a prefix length.
    Text(String),
    /// The prefix is longer than an address of its kind, or shorter than what all IPv4 addresses share that are written as
    /// IPv6, if it is one of those.
    Prefix {
        /// What was written.
        text: String,
        /// The shortest prefix there is.
        shortest: u8,
        /// The longest prefix there is.
        longest: u8,
    },
    /// The address has bits beyond the prefix. Either may be a slip, and one of them would let in more than
    /// was meant.
    HostBits {
        /// What was written.
        text: String,
        /// The network of that prefix in which the address lies.
        within: Network,
    },
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text}` is no network: expected {}", Network::EXPECTED),
            Self::Prefix { text, shortest, longest } => {
                write!(f, "`{text}` is no network: expected a prefix length from {shortest} to {longest}")
            }
            Self::HostBits { text, within } => write!(
                f,
                "`{text}` has bits beyond its prefix: expected `{within}`, or a longer prefix for the address alone"
            ),
        }
    }
}

impl std::error::Error for NetworkError {}

/// The bits of an address that a prefix leaves open.
fn open_bits(prefix: u8, bits: u8) -> u128 {
    u128::MAX.checked_shr(u32::from(128 - bits + prefix)).unwrap_or(0)
}

impl Network {
    pub(crate) const EXPECTED: &'static str =
        "an address, or a network such as `10.0.0.0/8` or `2001:db8::/32`";

    /// The network of all addresses that share the first `prefix` bits with this one. `None` if an address has
    /// not so many bits. Prefixes of IPv4 addresses written as IPv6 count from the IPv4 address's first bit.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let (bits, number) = numbered(address.to_canonical());
        (prefix <= bits).then(|| {
            let number = number & !open_bits(prefix, bits);
            let address = match bits {
                32 => IpAddr::V4(Ipv4Addr::from(number as u32)),
                _ => IpAddr::V6(Ipv6Addr::from(number)),
            };
            Self { address, prefix }
        })
    }

    /// Its lowest address.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits its addresses share.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether an address lies in it. An IPv4 address lies in no IPv6 network, however it is written.
    pub fn contains(self, address: IpAddr) -> bool {
        Self::new(address, self.prefix) == Some(self)
    }
}

/// An address's length in bits and its number.
fn numbered(address: IpAddr) -> (u8, u128) {
    match address {
        IpAddr::V4(address) => (32, u128::from(u32::from(address))),
        IpAddr::V6(address) => (128, u128::from(address)),
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let nonsense = || NetworkError::Text(text.into());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| nonsense())?;
        let address = written.to_canonical();
        let bits = numbered(address).0;
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
        let (shortest, longest) = if address == written { (0, bits) } else { (96, 128) };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                return Err(nonsense());
            }
            Some(digits) => digits
                .parse::<u8>()
                .ok()
                .filter(|prefix| (shortest..=longest).contains(prefix))
                .map(|prefix| prefix - shortest)
                .ok_or_else(|| NetworkError::Prefix { text: text.into(), shortest, longest })?,
        };
        match Self::new(address, prefix) {
            Some(network) if network.address == address => Ok(network),
            Some(within) => Err(NetworkError::HostBits { text: text.into(), within }),
            None => Err(nonsense()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Networks as ranges of addresses, in order and apart from each other: one binary search finds an address.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
    v4: Box<[(u128, u128)]>,
    v6: Box<[(u128, u128)]>,
}

impl Networks {
    pub(super) fn new(networks: &[Network]) -> Self {
        let ranges = |bits| {
            let mut ranges: Vec<_> = networks
                .iter()
                .map(|network| (numbered(network.address), network.prefix))
                .filter(|((of, _), _)| *of == bits)
                .map(|((_, first), prefix)| (first, first | open_bits(prefix, bits)))
                .collect();
            ranges.sort_unstable();
            // Of two networks one contains the other or they are apart.
            ranges.dedup_by(|next, before| next.1 <= before.1);
            ranges.into()
        };
        Self { v4: ranges(32), v6: ranges(128) }
    }

    /// Whether an address lies in one of them; the address as `to_canonical` gives it.
    #[inline]
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let (bits, number) = numbered(address);
        let ranges = if bits == 32 { &self.v4 } else { &self.v6 };
        let next = ranges.partition_point(|(first, _)| *first <= number);
        next.checked_sub(1).is_some_and(|place| number <= ranges[place].1)
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn network(text: &str) -> Network {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn message(text: &str) -> String {
        text.parse::<Network>().unwrap_err().to_string()
    }

    #[test]
    fn networks_are_read_and_written() {
        for text in ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "::/0", "2001:db8::/32", "2001:db8::1/128"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("192.0.2.1").prefix(), 32);
        assert_eq!(network("2001:db8::1").prefix(), 128);
        assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1/32"));
    }

    #[test]
    fn what_is_no_network_is_refused_with_what_was_expected() {
        let expected = "expected an address, or a network such as `10.0.0.0/8` or `2001:db8::/32`";
        for text in
            ["", "/", "/8", "10.0.0.0/", "10.0.0/8", "10.0.0.0/x", "10.0.0.0/+8", "localhost", "10.0.0.0 /8"]
        {
            assert_eq!(message(text), format!("`{text}` is no network: {expected}"));
        }
        assert_eq!(
            message("10.0.0.0/33"),
            "`10.0.0.0/33` is no network: expected a prefix length from 0 to 32"
        );
        assert_eq!(message("::/129"), "`::/129` is no network: expected a prefix length from 0 to 128");
        assert!(message("::/99999").ends_with("from 0 to 128"));
        // Of an IPv4 address written as IPv6, 96 bits say that it is one.
        assert_eq!(network("::ffff:0.0.0.0/96"), network("0.0.0.0/0"));
        assert_eq!(network("::ffff:10.0.0.1/128"), network("10.0.0.1/32"));
        for prefix in [0, 8, 95, 129, 255] {
            assert!(
                message(&format!("::ffff:10.0.0.0/{prefix}")).ends_with("a prefix length from 96 to 128")
            );
        }
        assert_eq!(
            message("10.0.0.1/8"),
            "`10.0.0.1/8` has bits beyond its prefix: expected `10.0.0.0/8`, or a longer prefix for the address \
             alone"
        );
    }

    #[test]
    fn ipv4_is_no_part_of_ipv6() {
        let networks = Networks::new(&[network("::/0")]);
        assert!(networks.contain("2001:db8::1".parse().unwrap()));
        assert!(!networks.contain("10.0.0.1".parse().unwrap()));
        assert!(!network("::/0").contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(Networks::new(&[network("0.0.0.0/0")]).contain("255.255.255.255".parse().unwrap()));
    }

    #[test]
    fn a_list_keeps_no_network_that_lies_in_another() {
        let list = ["10.0.1.0/24", "10.0.0.0/16", "10.0.255.0/24", "10.0.0.0/16", "10.2.0.0/16", "::1"];
        let networks = Networks::new(&list.map(network));
        assert_eq!(*networks.v4, [(0x0a00_0000, 0x0a00_ffff), (0x0a02_0000, 0x0a02_ffff)]);
        assert_eq!(*networks.v6, [(1, 1)]);
        let contains = |address: &str| networks.contain(address.parse().unwrap());
        assert_eq!(
            ["9.255.255.255", "10.0.0.0", "10.0.255.255", "10.1.0.0", "10.2.0.0", "10.3.0.0"].map(contains),
            [false, true, true, false, true, false]
        );
    }

    quickcheck! {
        /// Against asking each network by itself.
        fn a_list_contains_what_its_networks_do(list: Vec<(u16, u8)>, addresses: Vec<u16>) -> bool {
            let address = |low: u16| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | u32::from(low)));
            let list: Vec<_> =
                list.iter().map(|(low, prefix)| Network::new(address(*low), 12 + prefix % 21).unwrap()).collect();
            let networks = Networks::new(&list);
            addresses.into_iter().map(address).all(|address| {
                networks.contain(address) == list.iter().any(|network| network.contains(address))
            })
        }

        fn a_network_is_read_back(address: IpAddr, prefix: u8) -> bool {
            Network::new(address, prefix).is_none_or(|network| network.to_string().parse() == Ok(network))
        }
    }
}

//! The guard's rules as a configuration file spells them.

use super::field;
use super::table::{Fields, table};
use super::time_span::TimeSpan;
use crate::guard::{BuildError, Builder, Guard, Network};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The section of a guard. What is not set is as in [`Builder`], which has the ranges.
///
/// ```
/// use tidegate::config::GuardConfig;
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     guard: GuardConfig,
/// }
///
/// let config: Config = toml::from_str(
///     r#"
///     [guard]
///     tolerance = 50
///     drain = "100ms"
///     first_block = "1min"
///     status = 403
///     allow = ["10.0.0.0/8", "2001:db8::/32", "198.51.100.7"]
///     "#,
/// )?;
/// let guard = config.guard.build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct GuardConfig {
    /// So many strikes may stand before an address is blocked; 32 if not set.
    #[serde(default, deserialize_with = "whole")]
    pub tolerance: Option<u32>,
    /// The time in which one strike drains; `80ms` if not set.
    pub drain: Option<TimeSpan>,
    /// How much before its time a call may come without a strike; `100ms` if not set.
    pub leeway: Option<TimeSpan>,
    /// How long the first block lasts; `30s` if not set.
    pub first_block: Option<TimeSpan>,
    /// How long a block lasts at most; `15min` if not set.
    pub longest_block: Option<TimeSpan>,
    /// A block that begins within this of the beginning of the one before is twice as long; `1h` if not set.
    pub forgiveness: Option<TimeSpan>,
    /// The HTTP status to send to blocked addresses; 429 if not set.
    #[serde(default, deserialize_with = "whole")]
    pub status: Option<u16>,
    /// Networks that never count.
    #[serde(default)]
    pub allow: Vec<Network>,
    /// Room for so many addresses that are blocked or on record; 65,536 if not set.
    #[serde(default, deserialize_with = "whole")]
    pub addresses: Option<usize>,
    /// Room for so many pairs of an address and a key; 262,144 if not set.
    #[serde(default, deserialize_with = "whole")]
    pub pairs: Option<usize>,
}

impl GuardConfig {
    /// The guard.
    pub fn build(&self) -> Result<Guard, BuildError> {
        self.builder().build()
    }

    /// A builder with what is set here.
    pub fn builder(&self) -> Builder {
        fn set<T>(builder: Builder, value: Option<T>, setter: fn(Builder, T) -> Builder) -> Builder {
            match value {
                Some(value) => setter(builder, value),
                None => builder,
            }
        }
        let span = |span: Option<TimeSpan>| span.map(|TimeSpan(time)| time);
        let mut builder = Guard::builder().allow(self.allow.iter().copied());
        builder = set(builder, self.tolerance, Builder::tolerance);
        builder = set(builder, span(self.drain), Builder::drain);
        builder = set(builder, span(self.leeway), Builder::leeway);
        builder = set(builder, span(self.first_block), Builder::first_block);
        builder = set(builder, span(self.longest_block), Builder::longest_block);
        builder = set(builder, span(self.forgiveness), Builder::forgiveness);
        builder = set(builder, self.status, Builder::status);
        builder = set(builder, self.addresses, Builder::addresses);
        set(builder, self.pairs, Builder::pairs)
    }
}

impl<'de> Fields<'de> for GuardConfig {
    const EXPECTED: &'static str = "the guard's rules: a table with fields such as `tolerance`";
    fn fields<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for GuardConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table(deserializer)
    }
}

/// A number of any kind; its range is the builder's to judge.
fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    field::whole(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Network;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Network::EXPECTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Network, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::guard::Mark;
    use crate::nanos::Nanos;

    fn misread(text: &str) -> String {
        toml::from_str::<GuardConfig>(text).unwrap_err().message().to_owned()
    }

    fn refused(text: &str) -> String {
        toml::from_str::<GuardConfig>(text).unwrap().build().unwrap_err().to_string()
    }

    #[test]
    fn an_empty_section_is_the_default() {
        let config: GuardConfig = toml::from_str("").unwrap();
        assert_eq!(config, GuardConfig::default());
        assert_eq!(format!("{:?}", config.builder()), format!("{:?}", Guard::builder()));
    }

    #[test]
    fn every_field_reaches_the_guard() {
        let config: GuardConfig = toml::from_str(
            "tolerance = 1\ndrain = \"1m\"\nleeway = \"1s\"\nfirst_block = \"2s\"\nlongest_block = \"3s\"\n\
             forgiveness = \"5s\"\nstatus = 503\nallow = [\"10.0.0.0/8\", \"::1\"]\naddresses = 8\npairs = 9",
        )
        .unwrap();
        let set = Guard::builder()
            .tolerance(1)
            .drain(Nanos::MINUTE)
            .leeway(Nanos::from_secs(1))
            .first_block(Nanos::from_secs(2))
            .longest_block(Nanos::from_secs(3))
            .forgiveness(Nanos::from_secs(5))
            .status(503)
            .allow(["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()])
            .addresses(8)
            .pairs(9);
        assert_eq!(format!("{:?}", config.builder()), format!("{set:?}"));
        let (guard, at) = (config.build().unwrap(), Timestamp::both(Nanos::from_secs(100)));
        let strike = |from: &str| guard.strike(from.parse().unwrap(), at);
        assert_eq!((strike("10.1.2.3"), strike("192.0.2.1")), (Mark::Kept, Mark::Strike { standing: 1 }));
        let Mark::Blocked(blocked) = strike("192.0.2.1") else { panic!("not blocked") };
        assert_eq!((blocked.status, blocked.seconds()), (503, 2));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_was_expected() {
        assert!(
            misread("tolerence = 5").starts_with("unknown field `tolerence`, expected one of `tolerance`")
        );
        let number = "expected a whole number";
        assert_eq!(
            misread("tolerance = -1"),
            format!("invalid value: integer `-1`, {number} from 0 to 4294967295")
        );
        assert_eq!(
            misread("status = 70_000"),
            format!("invalid value: integer `70000`, {number} from 0 to 65535")
        );
        assert_eq!(
            misread("pairs = -1"),
            format!("invalid value: integer `-1`, {number} from 0 to {}", usize::MAX)
        );
        assert!(misread("tolerance = \"5\"").contains(number));
        assert!(misread("drain = 5").contains("expected a number and a unit, such as `250ms`"));
        assert!(misread("drain = \"5\"").contains("expected a number and a unit, such as `250ms`"));
        let network = "expected an address, or a network such as `10.0.0.0/8` or `2001:db8::/32`";
        assert_eq!(misread("allow = [\"office\"]"), format!("`office` is no network: {network}"));
        assert_eq!(misread("allow = [5]"), format!("invalid type: integer `5`, {network}"));
        assert!(misread("allow = [\"10.0.0.1/8\"]").contains("expected `10.0.0.0/8`"));
        let rules = "expected the guard's rules: a table with fields such as `tolerance`";
        #[derive(Debug, Deserialize)]
        struct Config {
            #[serde(rename = "guard")]
            _guard: GuardConfig,
        }
        let error = toml::from_str::<Config>("guard = [1]").unwrap_err();
        assert_eq!(error.message(), format!("invalid type: sequence, {rules}"));
    }

    #[test]
    fn what_is_out_of_range_is_told_by_the_fields_name() {
        assert_eq!(refused("tolerance = 0"), "`tolerance` must be from 1 to 1000 strikes, found 0");
        assert_eq!(refused("drain = \"2h\""), "`drain` must be from 1 ms to 1 h, found 7200s");
        assert_eq!(refused("status = 200"), "`status` must be from 400 to 599, found 200");
        assert_eq!(
            refused("first_block = \"1h\""),
            "`first_block` must be from 1 s to `longest_block`, found 3600s"
        );
    }
}

//! The section `[envoy]` of a configuration, and what is made of it.

use crate::answer::Shape;
use crate::serve::listen_address::ListenAddress;
use crate::serve::plan_names;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use tidegate::config::PathPart;
use tidegate::{Mode, Plan, Unit};

/// What the service for Envoy is told to do: the section `[envoy]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvoyConfig {
    /// Where Envoy reaches it.
    #[serde(deserialize_with = "ListenAddress::socket_address")]
    pub listen: SocketAddr,
    /// What becomes of a descriptor that no rule is for.
    #[serde(default)]
    pub unmatched: Unmatched,
    /// The form of a denial's body.
    #[serde(default)]
    pub answers: Body,
    /// No descriptor is believed to have more hits than this, where they are counted whatever the limit says.
    #[serde(default = "most_hits")]
    pub most_hits: u64,
    /// The first rule that is for a descriptor counts.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
}

fn most_hits() -> u64 {
    100_000_000
}

/// What becomes of a descriptor that no rule is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmatched {
    /// It has no limit, as in Envoy's reference service.
    #[default]
    Allow,
    /// It is over its limit.
    Deny,
}

/// The form of a denial's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// As OpenAI's API answers.
    #[default]
    OpenAi,
    /// As Anthropic's does.
    Anthropic,
    /// None of ours; Envoy then sends its own.
    None,
}

impl Body {
    /// The form, if there is to be a body.
    pub fn shape(self) -> Option<Shape> {
        match self {
            Self::OpenAi => Some(Shape::OpenAi),
            Self::Anthropic => Some(Shape::Anthropic),
            Self::None => None,
        }
    }
}

/// A rule: which descriptors it is for, and how they count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// The domain that Envoy is configured with.
    pub domain: String,
    /// The entries of a descriptor, in order and all of them.
    #[serde(rename = "match")]
    pub entries: Vec<EntryConfig>,
    /// The name of the plan; without one, an entry names a stored key, whose plan it is.
    pub plan: Option<String>,
    /// What a hit is: `requests` or `tokens`.
    #[serde(default = "requests", deserialize_with = "unit")]
    pub hits: Unit,
    /// Hits are counted when the stream is over, with `apply_on_stream_done`: whatever the limit says.
    #[serde(default)]
    pub on_stream_done: bool,
    /// `shadow`: counts and reports, and denies nothing.
    #[serde(default, deserialize_with = "mode")]
    pub mode: Mode,
}

fn requests() -> Unit {
    Unit::Requests
}

/// An entry that a rule expects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryConfig {
    /// Its key.
    pub key: String,
    /// Its value; any if not set.
    pub value: Option<String>,
    /// Whether descriptors with other values here are counted apart.
    #[serde(default = "counted")]
    pub counted: bool,
    /// Its value names a key of `[[keys]]`; a descriptor of which it does not is none of this rule's.
    pub stored: Option<Stored>,
}

fn counted() -> bool {
    true
}

/// How an entry names a stored key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// It is the key itself, perhaps after `Bearer `.
    Key,
    /// It is its name.
    Name,
}

fn unit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Unit, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Named {
        Requests,
        Tokens,
    }
    Ok(match Named::deserialize(deserializer)? {
        Named::Requests => Unit::Requests,
        Named::Tokens => Unit::Tokens,
    })
}

fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Named {
        Enforce,
        Shadow,
    }
    Ok(match Named::deserialize(deserializer)? {
        Named::Enforce => Mode::Enforce,
        Named::Shadow => Mode::Shadow,
    })
}

/// What is wrong with a section: the path of the field in it, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The path where the section is called `envoy`.
    pub path: Vec<PathPart>,
    /// What was expected.
    pub problem: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path: Vec<_> = self.path.iter().map(ToString::to_string).collect();
        write!(f, "`{}`: {}", path.join("."), self.problem)
    }
}

impl std::error::Error for Wrong {}

impl EnvoyConfig {
    /// Whether its rules make sense under these plans; if not, the first thing that is wrong.
    pub fn check(&self, plans: &[Plan]) -> Result<(), Wrong> {
        for (at, rule) in self.rules.iter().enumerate() {
            let name = |name: &str| PathPart::Name(name.into());
            let wrong = |field, problem| Wrong {
                path: vec![name("envoy"), name("rules"), PathPart::Place(at), name(field)],
                problem,
            };
            rule.check(plans).map_err(|(field, problem)| wrong(field, problem))?;
            if let Some(other) = self.rules[..at].iter().position(|other| other.quarrels_with(rule)) {
                let problem = format!(
                    "some descriptors of it are counted in one place with those of rule {other}, which has another plan; \
                     expected the same plan and mode, or no entry with `counted = false`"
                );
                return Err(wrong("plan", problem));
            }
        }
        Ok(())
    }
}

impl RuleConfig {
    fn check(&self, plans: &[Plan]) -> Result<(), (&'static str, String)> {
        if self.entries.is_empty() {
            return Err(("match", "expected at least one entry; Envoy sends none without".into()));
        }
        let stored = self.entries.iter().filter(|entry| entry.stored.is_some()).count();
        match (&self.plan, stored) {
            (None, 1) if self.mode == Mode::Shadow => Err((
                "mode",
                "the plan is that of a stored key: expected its limits to be in shadow there".into(),
            )),
            (None, 1) => Ok(()),
            (Some(_), 1..) => {
                Err(("plan", "expected none: an entry names a stored key, which has its own plan".into()))
            }
            (_, 2..) => Err(("match", "expected at most one entry that names a stored key".into())),
            (None, _) => Err((
                "plan",
                "expected the name of a plan, or an entry of `match` with `stored = \"key\"` or `\"name\"`"
                    .into(),
            )),
            (Some(plan), 0) => plan_names::check(plan, plans).map_err(|problem| ("plan", problem)),
        }
    }

    /// What tells its descriptors apart in the counts.
    fn counted(&self) -> impl Iterator<Item = &EntryConfig> {
        self.entries.iter().filter(|entry| entry.counted)
    }

    /// Whether descriptors of both may be counted in one place, under plans that differ. Where all entries are counted, the
    /// same place is the same descriptor, which is the first rule's alone.
    fn quarrels_with(&self, other: &Self) -> bool {
        let (Some(plan), Some(others)) = (&self.plan, &other.plan) else { return false };
        let is_whole = |rule: &Self| rule.entries.iter().all(|entry| entry.counted);
        let may_meet = |(own, other): (&EntryConfig, &EntryConfig)| {
            own.key == other.key && (own.value.is_none() || other.value.is_none() || own.value == other.value)
        };
        self.domain == other.domain
            && (plan, self.mode) != (others, other.mode)
            && !(is_whole(self) && is_whole(other))
            && self.counted().count() == other.counted().count()
            && self.counted().zip(other.counted()).all(may_meet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(rules: &str) -> Result<EnvoyConfig, String> {
        toml::from_str(&format!("listen = \"127.0.0.1:9902\"\n{rules}")).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn assert_wrong(rules: &str, path: &str, problem: &str) {
        let wrong = parse(rules).unwrap().check(&Plan::built_in()).unwrap_err();
        assert!(wrong.to_string().starts_with(&format!("`envoy.{path}`: ")), "{wrong}");
        assert!(wrong.problem.contains(problem), "{wrong}");
    }

    #[test]
    fn a_section_is_read() {
        let config = parse(
            r#"
            unmatched = "deny"
            answers = "none"
            [[rules]]
            domain = "edge"
            match = [{ key = "api_key" }, { key = "usage", value = "tokens", counted = false }]
            plan = "free"
            hits = "tokens"
            on_stream_done = true
            mode = "shadow"
            [[rules]]
            domain = "edge"
            match = [{ key = "authorization", stored = "key" }]
            "#,
        )
        .unwrap();
        config.check(&Plan::built_in()).unwrap();
        assert_eq!(
            (config.unmatched, config.answers, config.most_hits),
            (Unmatched::Deny, Body::None, 100_000_000)
        );
        let [first, second] = &config.rules[..] else { panic!("two rules") };
        assert_eq!((first.hits, first.on_stream_done, first.mode), (Unit::Tokens, true, Mode::Shadow));
        assert_eq!((second.hits, second.entries[0].stored), (Unit::Requests, Some(Stored::Key)));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_field() {
        let rule = |text: &str| format!("[[rules]]\ndomain = \"d\"\n{text}\n");
        assert_wrong(&rule("match = []\nplan = \"free\""), "rules.0.match", "at least one");
        assert_wrong(&rule("match = [{ key = \"k\" }]"), "rules.0.plan", "name of a plan");
        assert_wrong(
            &rule("match = [{ key = \"k\" }]\nplan = \"fre\""),
            "rules.0.plan",
            "did you mean `free`?",
        );
        assert_wrong(
            &rule("match = [{ key = \"k\", stored = \"name\" }]\nplan = \"free\""),
            "rules.0.plan",
            "none",
        );
        assert_wrong(
            &rule("match = [{ key = \"k\", stored = \"name\" }]\nmode = \"shadow\""),
            "rules.0.mode",
            "shadow there",
        );
        let two = "match = [{ key = \"k\", stored = \"name\" }, { key = \"l\", stored = \"key\" }]";
        assert_wrong(&rule(two), "rules.0.match", "at most one");
        assert!(parse(&rule("match = [{ key = \"k\" }]\nhits = \"bytes\"")).unwrap_err().contains("bytes"));
        assert!(parse("unmatchd = \"deny\"").unwrap_err().contains("unmatchd"));
    }

    #[test]
    fn one_place_has_one_plan() {
        let rule = |entries: &str, plan: &str| {
            format!("[[rules]]\ndomain = \"d\"\nmatch = [{entries}]\nplan = \"{plan}\"\n")
        };
        let (by_key, by_bob) = ("{ key = \"user\" }", "{ key = \"user\", value = \"bob\" }");
        let tokens = "{ key = \"user\" }, { key = \"usage\", counted = false }";
        let both = |first: &str, second: &str| format!("{}{}", rule(first, "pro"), rule(second, "free"));
        // Bob's are the first rule's alone.
        parse(&both(by_bob, by_key)).unwrap().check(&Plan::built_in()).unwrap();
        assert_wrong(&both(by_key, tokens), "rules.1.plan", "rule 0");
        assert_wrong(&both(tokens, by_bob), "rules.1.plan", "rule 0");
        parse(&format!("{}{}", rule(by_key, "pro"), rule(tokens, "pro")))
            .unwrap()
            .check(&Plan::built_in())
            .unwrap();
    }
}

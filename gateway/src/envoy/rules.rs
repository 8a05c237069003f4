//! Rules, ready to be asked: whose a descriptor is, and under which plan it counts.

use super::config::{EntryConfig, EnvoyConfig, RuleConfig, Stored, Unmatched};
use super::overrides::{Overrides, Own};
use super::wire::Unit::Unknown;
use super::wire::{Entry, RateLimitDescriptor};
use crate::answer::Shape;
use crate::fields::HeaderSet;
use crate::serve::keys::{Digest, Keys};
use ahash::RandomState;
use anyhow::Context;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use tidegate::{Cost, Limiter, Mode, Plan, PlanId, Unit};

/// The rules in force; another configuration has others, and the default is none.
#[derive(Debug, Default)]
pub struct Rules {
    by_domain: HashMap<String, Vec<Rule>, RandomState>,
    pub(super) unmatched: Unmatched,
    pub(super) shape: Option<Shape>,
    pub(super) headers: HeaderSet,
    most_hits: u64,
}

/// One rule.
#[derive(Debug)]
struct Rule {
    entries: Vec<EntryConfig>,
    /// `None`: that of the stored key.
    plan: Option<PlanId>,
    hits: Unit,
    on_stream_done: bool,
}

/// By what a descriptor is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum CountedBy<'a> {
    /// A stored key, whose calls through the proxy are counted there too.
    Stored(Digest),
    /// The domain and the entries.
    Entries { domain: &'a str, rule: &'a [EntryConfig], entries: &'a [Entry] },
}

impl Hash for CountedBy<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            // As the proxy hashes it.
            Self::Stored(digest) => digest.hash(state),
            Self::Entries { domain, rule, entries } => {
                domain.hash(state);
                for (_, entry) in rule.iter().zip(*entries).filter(|(rule, _)| rule.counted) {
                    // As text, by which others look the same key up; only what is none is copied for it.
                    (&entry.key, &*String::from_utf8_lossy(&entry.value)).hash(state);
                }
            }
        }
    }
}

/// Where a descriptor is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    by: CountedBy<'a>,
    /// The time of a limit of its own that is counted apart.
    apart: Option<i32>,
}

impl Hash for Place<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.by.hash(state);
        // Without one it is as the proxy hashes it.
        if let Some(apart) = self.apart {
            apart.hash(state);
        }
    }
}

/// What a descriptor is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Charge, if there is room.
    Charge(Cost),
    /// Nothing but to ask whether there is room for so much.
    Ask(Cost),
    /// Charge what has been used already.
    Report(Cost),
    /// Give back.
    GiveBack(Cost),
    /// Be denied: its own limit admits nothing in such a time.
    Refuse(i32),
}

impl Deed {
    fn may_be_denied(self) -> bool {
        matches!(self, Self::Charge(_) | Self::Ask(_))
    }
}

/// A descriptor, and the rule that is for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matched<'a> {
    pub(super) key: Place<'a>,
    pub(super) plan: PlanId,
    pub(super) hits: Unit,
    pub(super) deed: Deed,
}

impl Rules {
    /// The rules of a section, under these plans. An error if the section is wrong, or the engine has no room for a plan.
    pub fn new(
        config: &EnvoyConfig,
        plans: &[Plan],
        headers: HeaderSet,
        limiter: &Limiter,
    ) -> anyhow::Result<Self> {
        config.check(plans)?;
        let mut by_domain: HashMap<String, Vec<Rule>, RandomState> = HashMap::default();
        for rule in &config.rules {
            let plan = plans.iter().find(|plan| rule.plan.as_deref() == Some(plan.name()));
            let plan = plan.map(|plan| in_mode(limiter, plan, rule.mode)).transpose()?;
            by_domain.entry(rule.domain.clone()).or_default().push(Rule::new(rule, plan));
        }
        Ok(Self {
            by_domain,
            unmatched: config.unmatched,
            shape: config.answers.shape(),
            headers,
            most_hits: config.most_hits,
        })
    }

    /// The rule for a descriptor, if there is one.
    pub(super) fn find<'a>(
        &'a self,
        limiter: &Limiter,
        overrides: &Overrides,
        keys: &Keys,
        domain: &'a str,
        descriptor: &'a RateLimitDescriptor,
        hits: u32,
    ) -> Option<Matched<'a>> {
        let entries = &descriptor.entries;
        let (rule, by, plan) = self
            .by_domain
            .get(domain)?
            .iter()
            .filter(|rule| rule.expects(entries))
            .find_map(|rule| rule.count(keys, domain, entries).map(|(by, plan)| (rule, by, plan)))?;
        let hits = descriptor.hits_addend.unwrap_or(u64::from(hits.max(1)));
        let deed = self.deed(rule, hits, descriptor.is_negative_hits);
        let usual = Own { plan, apart: None };
        let (own, deed) = match (descriptor.limit, deed) {
            (None, deed) => (usual, deed),
            // Of nothing there is no plan; what has been used counts under the rule's own.
            (Some(limit), deed) if limit.requests_per_unit == 0 => {
                let admits_nothing = limit.unit != i32::from(Unknown) && deed.may_be_denied();
                (usual, if admits_nothing { Deed::Refuse(limit.unit) } else { deed })
            }
            (Some(limit), deed) => (overrides.plan(limiter, limit, rule.hits, plan), deed),
        };
        Some(Matched { key: Place { by, apart: own.apart }, plan: own.plan, hits: rule.hits, deed })
    }

    fn deed(&self, rule: &Rule, hits: u64, is_negative: bool) -> Deed {
        if is_negative {
            Deed::GiveBack(cost(rule.hits, hits))
        } else if hits == 0 {
            Deed::Ask(cost(rule.hits, 1))
        } else if rule.on_stream_done {
            Deed::Report(cost(rule.hits, hits.min(self.most_hits)))
        } else {
            Deed::Charge(cost(rule.hits, hits))
        }
    }
}

impl Rule {
    fn new(config: &RuleConfig, plan: Option<PlanId>) -> Self {
        let RuleConfig { entries, hits, on_stream_done, .. } = config;
        Self { entries: entries.clone(), plan, hits: *hits, on_stream_done: *on_stream_done }
    }

    fn expects(&self, entries: &[Entry]) -> bool {
        let is_as = |(rule, entry): (&EntryConfig, &Entry)| {
            rule.key == entry.key && rule.value.as_ref().is_none_or(|value| value.as_bytes() == entry.value)
        };
        self.entries.len() == entries.len() && self.entries.iter().zip(entries).all(is_as)
    }

    /// By what a descriptor that is as expected is counted, and its plan; `None` if it names no stored key and should.
    fn count<'a>(
        &'a self,
        keys: &Keys,
        domain: &'a str,
        entries: &'a [Entry],
    ) -> Option<(CountedBy<'a>, PlanId)> {
        let stored = self.entries.iter().zip(entries).find_map(|(rule, entry)| Some((rule.stored?, entry)));
        match (stored, self.plan) {
            (Some((Stored::Name, entry)), _) => keys
                .named(std::str::from_utf8(&entry.value).ok()?)
                .map(|(digest, known)| (CountedBy::Stored(digest), known.plan)),
            (Some((Stored::Key, entry)), _) => {
                let digest = Digest::of(bare(&entry.value));
                keys.get(&digest).map(|known| (CountedBy::Stored(digest), known.plan))
            }
            (None, plan) => Some((CountedBy::Entries { domain, rule: &self.entries, entries }, plan?)),
        }
    }
}

/// A key without the scheme that stands before it in a request's field.
fn bare(value: &[u8]) -> &[u8] {
    match value.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii_start(),
        _ => value,
    }
}

fn cost(unit: Unit, hits: u64) -> Cost {
    match unit {
        Unit::Requests => Cost { requests: hits, tokens: 0 },
        Unit::Tokens => Cost { requests: 0, tokens: hits },
    }
}

/// The engine's number of a plan, or of the same with all its limits in shadow.
fn in_mode(limiter: &Limiter, plan: &Plan, mode: Mode) -> anyhow::Result<PlanId> {
    let in_shadow = || {
        let shadow =
            Plan::builder(format!("{} in shadow", plan.name())).slotted_hints(plan.has_slotted_hints());
        let limits = plan.limits().map(|(_, limit)| limit.clone().with_mode(Mode::Shadow));
        limits.fold(shadow, tidegate::PlanBuilder::limit).build()
    };
    let id = match mode {
        Mode::Enforce => limiter.add_plan(plan),
        Mode::Shadow => limiter.add_plan(&in_shadow()?),
    };
    id.with_context(|| format!("plan `{}`", plan.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_no_part_of_a_key() {
        for (value, key) in [
            ("Bearer sk-1", "sk-1"),
            ("bearer  sk-1", "sk-1"),
            ("sk-1", "sk-1"),
            ("Bearer ", ""),
            ("äöüäöü", "äöüäöü"),
        ] {
            assert_eq!(bare(value.as_bytes()), key.as_bytes());
        }
    }
}

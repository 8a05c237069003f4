//! What is counted: requests and tokens, and the four limits a plan may set on them.

use std::fmt;

/// What a limit counts (the IETF draft's "quota unit").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Calls. A streamed response is one request, however many chunks it has.
    Requests,
    /// Tokens, input plus output.
    Tokens,
}

impl Unit {
    /// Both units, in the order in which limits are checked and reported.
    pub const ALL: [Self; 2] = [Self::Requests, Self::Tokens];

    /// `requests` or `tokens`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One of the four limits a plan may set: a sliding window and a UTC-day quota for each unit.
///
/// The order is the order of reporting: of two limits that deny a call until the same instant, the
/// earlier one is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitId {
    /// Requests in a sliding window.
    RequestsWindow,
    /// Tokens in a sliding window.
    TokensWindow,
    /// Requests in a UTC day.
    RequestsDay,
    /// Tokens in a UTC day.
    TokensDay,
}

impl LimitId {
    /// All four, in order.
    pub const ALL: [Self; 4] = [Self::RequestsWindow, Self::TokensWindow, Self::RequestsDay, Self::TokensDay];

    /// The unit this limit counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::RequestsWindow | Self::RequestsDay => Unit::Requests,
            Self::TokensWindow | Self::TokensDay => Unit::Tokens,
        }
    }

    /// The window limit of a unit.
    pub const fn window(unit: Unit) -> Self {
        match unit {
            Unit::Requests => Self::RequestsWindow,
            Unit::Tokens => Self::TokensWindow,
        }
    }

    /// The day quota of a unit.
    pub const fn day(unit: Unit) -> Self {
        match unit {
            Unit::Requests => Self::RequestsDay,
            Unit::Tokens => Self::TokensDay,
        }
    }

    /// Whether this is a quota of the UTC day.
    pub const fn is_day(self) -> bool {
        matches!(self, Self::RequestsDay | Self::TokensDay)
    }
}

/// A set of limits, such as the shadow limits that would have denied a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LimitSet(u8);

impl LimitSet {
    /// The set without a member.
    pub const EMPTY: Self = Self(0);

    /// This set and one more limit.
    pub const fn with(self, limit: LimitId) -> Self {
        Self(self.0 | 1 << limit as u8)
    }

    /// Whether the limit is a member.
    pub const fn contains(self, limit: LimitId) -> bool {
        self.0 & 1 << limit as u8 != 0
    }

    /// Whether a day's quota is a member, and whether a window limit is.
    pub(crate) fn has_day_and_window(self) -> bool {
        self.iter().any(LimitId::is_day) && !self.iter().all(LimitId::is_day)
    }

    /// Whether there is no member.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in order.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = LimitId> {
        LimitId::ALL.into_iter().filter(move |limit| self.contains(*limit))
    }
}

/// What one call costs: usually one request and an estimate of its tokens.
///
/// ```
/// use tidegate::Cost;
/// assert_eq!(Cost::tokens(1_200), Cost { requests: 1, tokens: 1_200 });
/// assert_eq!(Cost::REQUEST, Cost::tokens(0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Requests, normally 1.
    pub requests: u64,
    /// Tokens, input plus the output that is expected.
    pub tokens: u64,
}

impl Cost {
    /// One request without tokens.
    pub const REQUEST: Self = Self { requests: 1, tokens: 0 };

    /// One request with so many tokens.
    pub const fn tokens(tokens: u64) -> Self {
        Self { requests: 1, tokens }
    }

    /// The part counted in one unit.
    pub const fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => self.requests,
            Unit::Tokens => self.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_of_a_unit_and_a_window_or_a_day() {
        for unit in Unit::ALL {
            let [window, day] = [LimitId::window(unit), LimitId::day(unit)];
            assert_eq!([window.unit(), day.unit()], [unit; 2]);
            assert!(!window.is_day() && day.is_day());
        }
        assert_eq!(Unit::ALL.map(|unit| unit.to_string()), ["requests", "tokens"]);
        assert_eq!(Unit::ALL.map(LimitId::day), [LimitId::RequestsDay, LimitId::TokensDay]);
    }

    #[test]
    fn a_set_has_the_members_it_was_given_and_no_others() {
        for bits in 0..1_u8 << LimitId::ALL.len() {
            let given: Vec<_> =
                LimitId::ALL.into_iter().filter(|limit| bits >> *limit as u8 & 1 == 1).collect();
            let set = given.iter().fold(LimitSet::EMPTY, |set, limit| set.with(*limit));
            assert!(set.iter().eq(given.iter().copied()));
            assert!(LimitId::ALL.into_iter().all(|limit| set.contains(limit) == given.contains(&limit)));
            assert_eq!(set.is_empty(), given.is_empty());
            assert_eq!(set, set.iter().fold(set, LimitSet::with), "once a member, always the same set");
            let has = |day| given.iter().any(|limit| limit.is_day() == day);
            assert_eq!(set.has_day_and_window(), has(true) && has(false));
        }
    }

    #[test]
    fn a_cost_is_told_by_unit() {
        let cost = Cost { requests: 3, tokens: 5 };
        assert_eq!(Unit::ALL.map(|unit| cost.of(unit)), [3, 5]);
        assert_eq!([Cost::tokens(7).requests, Cost::tokens(7).tokens], [1, 7]);
        assert_eq!([Cost::REQUEST.requests, Cost::REQUEST.tokens], [1, 0]);
    }
}

//! How a record's words are shared out in bits, and so how much a plan may ask them to count.

use crate::unit::{Cost, Unit};

/// A run of bits within a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    shift: u32,
    bits: u32,
}

impl Field {
    /// Word 7: requests in the day.
    const DAY_REQUESTS: Self = Self { shift: 0, bits: 32 };
    /// Word 7: the plan's number.
    pub(crate) const PLAN: Self = Self::DAY_REQUESTS.followed_by(20);
    /// Word 7: whether the plan is the key's own.
    pub(crate) const OWN_PLAN: Self = Self::PLAN.followed_by(1);
    /// Word 7: how often the windows have moved to another grid.
    pub(crate) const GRIDS: Self = Self::OWN_PLAN.followed_by(11);
    /// Word 6: tokens in the day.
    const DAY_TOKENS: Self = Self { shift: 0, bits: 44 };
    /// Word 6: the day's number since 1970, to the year 4840.
    pub(crate) const DAY_NUMBER: Self = Self::DAY_TOKENS.followed_by(20);

    const fn followed_by(self, bits: u32) -> Self {
        let next = Self { shift: self.shift + self.bits, bits };
        assert!(next.shift + next.bits <= u64::BITS);
        next
    }

    /// The largest value it holds.
    pub(crate) const fn max(self) -> u64 {
        (1 << self.bits) - 1
    }

    #[inline]
    pub(crate) const fn get(self, word: u64) -> u64 {
        word >> self.shift & self.max()
    }

    /// Stores `value`, which is at most [`max`](Self::max); higher bits are cut off rather than spilled.
    #[inline]
    pub(crate) const fn set(self, word: &mut u64, value: u64) {
        *word = *word & !(self.max() << self.shift) | (value & self.max()) << self.shift;
    }
}

/// A field for each unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitFields {
    requests: Field,
    tokens: Field,
}

const WINDOW_TOKENS: Field = Field { shift: 0, bits: 39 };

impl UnitFields {
    /// Counts of a window, a segment or a bucket: both units share a word. 25 and 39 bits hold L + C for 10
    /// million requests and 10¹¹ tokens even where the burst doubles the limit.
    pub(crate) const WINDOW: Self = Self { requests: WINDOW_TOKENS.followed_by(25), tokens: WINDOW_TOKENS };
    /// Counts of a day, in different words.
    pub(crate) const DAY: Self = Self { requests: Field::DAY_REQUESTS, tokens: Field::DAY_TOKENS };

    #[inline]
    pub(crate) const fn of(self, unit: Unit) -> Field {
        match unit {
            Unit::Requests => self.requests,
            Unit::Tokens => self.tokens,
        }
    }
}

/// Counts of both units as they share a word of a window or a bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed(u64);

impl Packed {
    /// `None` if either count is too large.
    #[inline]
    pub(crate) const fn new(cost: Cost) -> Option<Self> {
        let fields = UnitFields::WINDOW;
        if cost.requests > fields.requests.max() || cost.tokens > fields.tokens.max() {
            return None;
        }
        Some(Self(cost.requests << fields.requests.shift | cost.tokens))
    }

    /// Adds to a word of the same shape. `None` if either sum is too large.
    #[inline]
    pub(crate) const fn added_to(self, word: u64) -> Option<u64> {
        let tokens = UnitFields::WINDOW.tokens;
        match word.checked_add(self.0) {
            // A carry out of the tokens shows as a sum smaller than a part.
            Some(sum) if tokens.get(sum) >= tokens.get(self.0) => Some(sum),
            _ => None,
        }
    }
}

/// The largest count of a window or a bucket. A window that reaches it stays there until it expires, a
/// bucket until it drains; neither gives anything back meanwhile.
pub(crate) const fn window_max(unit: Unit) -> u64 {
    UnitFields::WINDOW.of(unit).max()
}

/// The largest count of a day. A counter that reaches it stays there until the day ends.
pub(crate) const fn day_max(unit: Unit) -> u64 {
    UnitFields::DAY.of(unit).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        fn packed_counts_add_as_each_alone(word: u64, requests: u64, tokens: u64) -> bool {
            let (requests, tokens) = (requests >> 39, tokens >> 25);
            let sum = |unit: Unit, units| UnitFields::WINDOW.of(unit).get(word) + units;
            let packed = Packed::new(Cost { requests, tokens }).unwrap();
            let fits = sum(Unit::Requests, requests) <= window_max(Unit::Requests)
                && sum(Unit::Tokens, tokens) <= window_max(Unit::Tokens);
            match packed.added_to(word) {
                None => !fits,
                Some(added) => {
                    fits && Unit::ALL.into_iter().all(|unit| {
                        let units = if unit == Unit::Requests { requests } else { tokens };
                        UnitFields::WINDOW.of(unit).get(added) == sum(unit, units)
                    })
                }
            }
        }

        fn a_field_keeps_its_value_and_its_neighbours(word: u64, value: u64) -> bool {
            let fields = [
                vec![UnitFields::WINDOW.requests, UnitFields::WINDOW.tokens],
                vec![Field::DAY_NUMBER, Field::DAY_TOKENS],
                vec![Field::DAY_REQUESTS, Field::PLAN, Field::OWN_PLAN, Field::GRIDS],
            ];
            fields.iter().all(|sharing| {
                sharing.iter().enumerate().all(|(at, field)| {
                    let mut changed = word;
                    field.set(&mut changed, value & field.max());
                    field.get(changed) == value & field.max()
                        && sharing.iter().enumerate().all(|(other, neighbour)| {
                            other == at || neighbour.get(changed) == neighbour.get(word)
                        })
                })
            })
        }
    }
}

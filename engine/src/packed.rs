//! How a record's words are shared out in bits, and so how much a plan may ask them to count.

use crate::unit::Unit;

/// A run of bits within a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    shift: u32,
    bits: u32,
}

impl Field {
    /// The lowest `bits` of a word.
    pub(crate) const fn lowest(bits: u32) -> Self {
        Self { shift: 0, bits }
    }

    /// The next `bits` above another field.
    pub(crate) const fn followed_by(self, bits: u32) -> Self {
        let next = Self { shift: self.shift + self.bits, bits };
        assert!(next.shift + next.bits <= u64::BITS);
        next
    }

    /// How many bits it has.
    pub(crate) const fn bits(self) -> u32 {
        self.bits
    }

    /// The largest value it holds.
    pub(crate) const fn max(self) -> u64 {
        (1 << self.bits) - 1
    }

    #[inline]
    pub(crate) const fn get(self, word: u64) -> u64 {
        word >> self.shift & self.max()
    }

    /// A word that holds `value`, which is at most [`max`](Self::max), and nothing else. Higher bits are cut
    /// off rather than spilled.
    #[inline]
    pub(crate) const fn word(self, value: u64) -> u64 {
        (value & self.max()) << self.shift
    }

    /// Stores `value` likewise.
    #[inline]
    pub(crate) const fn set(self, word: &mut u64, value: u64) {
        *word = *word & !(self.max() << self.shift) | self.word(value);
    }
}

/// Counts of both units in one word: of a window, a segment or a bucket.
///
/// 25 and 39 bits hold L + C for 10 million requests and 10¹¹ tokens even where the burst doubles the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Counts(pub(crate) u64);

const TOKENS: Field = Field::lowest(39);
const REQUESTS: Field = TOKENS.followed_by(25);

impl Counts {
    pub(crate) const ZERO: Self = Self(0);

    #[inline]
    const fn field(unit: Unit) -> Field {
        match unit {
            Unit::Requests => REQUESTS,
            Unit::Tokens => TOKENS,
        }
    }

    #[inline]
    pub(crate) const fn of(self, unit: Unit) -> u64 {
        Self::field(unit).get(self.0)
    }

    #[inline]
    pub(crate) const fn set(&mut self, unit: Unit, units: u64) {
        Self::field(unit).set(&mut self.0, units);
    }

    /// Adds units, as many as the count can tell.
    #[inline]
    pub(crate) fn add(&mut self, unit: Unit, units: u64) {
        self.set(unit, self.of(unit).saturating_add(units).min(window_max(unit)));
    }
}

/// The largest count of a window or a bucket. A window that reaches it stays there until it expires, a
/// bucket until it drains; neither gives anything back meanwhile.
pub(crate) const fn window_max(unit: Unit) -> u64 {
    Counts::field(unit).max()
}

/// Requests in a day, and tokens in a day less the bits that stand elsewhere.
pub(crate) const DAY_REQUESTS: Field = Field::lowest(30);
pub(crate) const DAY_TOKENS_LOW: Field = DAY_REQUESTS.followed_by(34);
/// Bits of the tokens in a day above those.
pub(crate) const DAY_TOKENS_HIGH_BITS: u32 = 8;

/// The largest count of a day. A counter that reaches it stays there until the day ends.
pub(crate) const fn day_max(unit: Unit) -> u64 {
    match unit {
        Unit::Requests => DAY_REQUESTS.max(),
        Unit::Tokens => (1 << (DAY_TOKENS_LOW.bits() + DAY_TOKENS_HIGH_BITS)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        fn a_field_keeps_its_value_and_its_neighbours(word: u64, value: u64) -> bool {
            let fields = [Field::lowest(7), Field::lowest(7).followed_by(20), Field::lowest(27).followed_by(37)];
            fields.iter().enumerate().all(|(at, field)| {
                let mut changed = word;
                field.set(&mut changed, value);
                field.get(changed) == value & field.max()
                    && fields.iter().enumerate().all(|(other, neighbour)| {
                        other == at || neighbour.get(changed) == neighbour.get(word)
                    })
            })
        }

        fn counts_add_each_for_itself_and_stop_at_their_maximum(word: u64, units: u64) -> bool {
            Unit::ALL.into_iter().all(|unit| {
                let before = Counts(word);
                let mut after = before;
                after.add(unit, units);
                let sum = u128::from(before.of(unit)) + u128::from(units);
                let other = if unit == Unit::Requests { Unit::Tokens } else { Unit::Requests };
                u128::from(after.of(unit)) == sum.min(window_max(unit).into())
                    && after.of(other) == before.of(other)
            })
        }
    }
}

//! A fault made on purpose, by which a run shows that it would find one.

use super::tally::Tally;

/// Makes each refund of a number one unit short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plant {
    each: Option<u64>,
    refunds: u64,
}

impl Plant {
    /// None is short if `each` is not given.
    pub(super) fn new(each: Option<u64>) -> Self {
        Self { each, refunds: 0 }
    }

    /// Units that a settle's refund is to be short of, if it is one and its turn.
    pub(super) fn short(&mut self, reserved: u64, actual: u64, tally: &mut Tally) -> u64 {
        let Some(each) = self.each.filter(|_| actual < reserved) else { return 0 };
        self.refunds += 1;
        let short = u64::from(self.refunds.is_multiple_of(each));
        tally.planted += short;
        short
    }
}

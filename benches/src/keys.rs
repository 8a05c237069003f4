//! The keys that calls are made with: the same for every contender.

/// Deals keys from `0..population`, each as likely as any other, in an order that a seed repeats.
///
/// xorshift64* and a multiplication: some two nanoseconds that everybody pays, the floor included. A table of
/// prepared keys would compete with the contenders for the cache.
#[derive(Clone, Debug)]
pub struct Keys {
    state: u64,
    population: u64,
}

impl Keys {
    /// Keys for one thread; each thread of a run has a lane of its own.
    pub fn new(population: u64, lane: u64) -> Self {
        // Any odd constant spreads the lanes; the state must not be zero.
        let state = (lane + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut keys = Self { state, population };
        for _ in 0..16 {
            keys.deal();
        }
        keys
    }

    /// The next key.
    #[inline]
    pub fn deal(&mut self) -> u64 {
        self.deal_after(0)
    }

    /// The next key, which cannot be known before `answer` is: with 0, the same key as [`deal`](Self::deal) gives.
    #[inline]
    pub fn deal_after(&mut self, answer: u64) -> u64 {
        let mut state = self.state ^ answer;
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.state = state;
        let random = state.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((u128::from(random) * u128::from(self.population)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_about_as_often_as_any_other() {
        let mut keys = Keys::new(100, 0);
        let mut dealt = [0_u32; 100];
        for _ in 0..100_000 {
            dealt[keys.deal() as usize] += 1;
        }
        assert!(dealt.iter().all(|count| (800..1_200).contains(count)), "{dealt:?}");
    }

    #[test]
    fn lanes_differ_and_repeat() {
        let deal = |lane| {
            let mut keys = Keys::new(1 << 40, lane);
            [keys.deal(), keys.deal(), keys.deal()]
        };
        assert_eq!(deal(0), deal(0));
        assert_ne!(deal(0), deal(1));
    }
}

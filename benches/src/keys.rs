//! The keys that calls are made with: the same for every contender.

use clap::ValueEnum;
use rand::distr::{Distribution as _, Uniform};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::Zipf;
use serde::Serialize;
use std::fmt;

/// How often a key comes, beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// Each as often as any other.
    Uniform,
    /// The r-th most frequent key 1/r as often as the first (Zipf, exponent 1): few hot keys and a long tail.
    Zipf,
}

impl Distribution {
    /// The part of all calls that goes to the hottest of so many keys.
    pub fn hottest_share(self, population: u64) -> f64 {
        /// Euler's constant, which the harmonic sum 1 + 1/2 + … + 1/n exceeds ln n by.
        const GAMMA: f64 = 0.577_215_664_901_532_9;
        let population = population as f64;
        match self {
            Self::Uniform => 1.0 / population,
            Self::Zipf => (1.0 / (population.ln() + GAMMA)).min(1.0),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
        })
    }
}

/// Deals keys from `0..population`, in an order that a seed repeats.
///
/// They are dealt in lists, before the clock starts, since a draw from Zipf's law takes longer than some decisions. A
/// contender reads its list from front to back, one cache line in sixteen calls, which the processor sees
/// coming; everybody pays the same, the floor included.
#[derive(Clone, Debug)]
pub struct Keys {
    random: SmallRng,
    law: Law,
}

#[derive(Clone, Debug)]
enum Law {
    Uniform(Uniform<u32>),
    /// Ranks times `stride`, modulo the population: each key has one rank, and hot keys are no neighbours.
    Zipf {
        ranks: Zipf<f64>,
        population: u64,
        stride: u64,
    },
}

impl Keys {
    /// The most keys there can be: they are dealt as `u32`.
    pub const MAX_POPULATION: u64 = u32::MAX as u64;

    /// Keys for one thread; each thread of a run has a lane of its own.
    ///
    /// # Panics
    ///
    /// If the population is 0 or above the maximum.
    pub fn new(population: u64, distribution: Distribution, seed: u64, lane: u64) -> Self {
        // Any odd constant keeps the lanes of neighbouring seeds apart.
        let random = SmallRng::seed_from_u64(seed ^ lane.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let end = u32::try_from(population).expect("a population that fits in 32 bits");
        let law = match distribution {
            Distribution::Uniform => Law::Uniform(Uniform::new(0, end).expect("at least one key")),
            Distribution::Zipf => Law::Zipf {
                ranks: Zipf::new(f64::from(end), 1.0).expect("at least one key"),
                population,
                stride: stride(population),
            },
        };
        Self { random, law }
    }

    /// The next keys.
    pub fn deal(&mut self, calls: usize) -> Vec<u32> {
        let Self { random, law } = self;
        match law {
            Law::Uniform(keys) => random.sample_iter(*keys).take(calls).collect(),
            Law::Zipf { ranks, population, stride } => {
                let mut key = || (ranks.sample(random) as u64 - 1) * *stride % *population;
                (0..calls).map(|_| key() as u32).collect()
            }
        }
    }
}

/// The largest number up to the golden section of the population that shares no factor with it: its multiples,
/// modulo the population, meet every key once, and successive ones lie far apart.
fn stride(population: u64) -> u64 {
    let section = (population as f64 * 0.618_034) as u64;
    (1..=section.max(1)).rev().find(|&stride| common_factor(stride, population) == 1).unwrap_or(1)
}

fn common_factor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_factor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn dealt(population: u64, distribution: Distribution, calls: usize) -> Vec<u32> {
        let mut counts = vec![0; population as usize];
        let keys = Keys::new(population, distribution, 1, 0).deal(calls);
        keys.into_iter().for_each(|key| counts[key as usize] += 1);
        counts
    }

    #[test]
    fn uniform_keys_come_about_as_often_as_any_other() {
        let counts = dealt(100, Distribution::Uniform, 100_000);
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn zipf_keys_come_as_often_as_their_rank_says() {
        let population = 1_000;
        let counts = dealt(population, Distribution::Zipf, 1_000_000);
        let harmonic: f64 = (1..=population).map(|rank| 1.0 / rank as f64).sum();
        for rank in [1, 2, 3, 10, 100] {
            let key = (rank - 1) * stride(population) % population;
            let expected = 1e6 / harmonic / rank as f64;
            let found = f64::from(counts[key as usize]);
            assert!((found / expected - 1.0).abs() < 0.1, "rank {rank}: {found}, not {expected}");
        }
    }

    #[test]
    fn the_hottest_key_has_the_share_that_is_told() {
        for (distribution, population) in [(Distribution::Uniform, 100), (Distribution::Zipf, 1_000)] {
            let counts = dealt(population, distribution, 1_000_000);
            let hottest = f64::from(counts.into_iter().max().unwrap_or(0)) / 1e6;
            let told = distribution.hottest_share(population);
            assert!((hottest / told - 1.0).abs() < 0.05, "{distribution}: {hottest}, not {told}");
        }
    }

    #[test]
    fn each_rank_has_a_key_of_its_own() {
        for population in [1, 2, 3, 6, 97, 1_000, 4_096] {
            let keys: HashSet<_> =
                (0..population).map(|rank| rank * stride(population) % population).collect();
            assert_eq!(keys.len() as u64, population);
        }
    }

    #[test]
    fn hot_keys_are_no_neighbours() {
        let population = 1_000_000;
        let key = |rank: u64| rank * stride(population) % population;
        for (a, b) in (0..16).flat_map(|a| (0..a).map(move |b| (a, b))) {
            assert!(key(a).abs_diff(key(b)) > 1_000, "ranks {a} and {b}");
        }
    }

    #[test]
    fn one_key_is_dealt_again_and_again() {
        for distribution in [Distribution::Uniform, Distribution::Zipf] {
            assert_eq!(Keys::new(1, distribution, 1, 0).deal(3), [0, 0, 0]);
        }
    }

    #[test]
    fn lanes_and_seeds_differ_and_repeat() {
        for distribution in [Distribution::Uniform, Distribution::Zipf] {
            let deal = |seed, lane| Keys::new(1_000_000, distribution, seed, lane).deal(8);
            assert_eq!(deal(1, 0), deal(1, 0));
            assert_ne!(deal(1, 0), deal(1, 1));
            assert_ne!(deal(1, 0), deal(2, 0));
        }
    }
}

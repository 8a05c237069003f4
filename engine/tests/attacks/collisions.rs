//! Keys that collide under a seed that is known, against a limiter that has another.

use crate::{Scale, attack, chance, figure, mix, moment};
use ahash::RandomState;
use hdrhistogram::Histogram;
use std::collections::HashSet;
use std::thread;
use std::time::Instant;
use tidegate::{Cost, Limit, Limiter, Nanos, Plan, PlanId, Unit};

const KNOWN_SEED: u64 = 1;
const OTHER_SEED: u64 = 2;

/// The bits of a hash that a record keeps; its place tells some more.
const TAG: u64 = (1 << 38) - 1;
/// Bits below it, which choose the shard.
const SHARD_BITS: u32 = 4;

/// The engine's hash under a seed, which the attacker can read in its source.
fn hasher(seed: u64) -> RandomState {
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|place| mix(mix(mix(seed)).wrapping_add(place)));
    RandomState::with_seeds(first, second, third, fourth)
}

/// Keys whose hashes under the known seed begin with so many zeros: their records' places lie side by side, in that
/// fraction of the table.
fn colliding(count: u64, bits: u32) -> Vec<u64> {
    let hasher = &hasher(KNOWN_SEED);
    let half = |first: u64| {
        (first..)
            .step_by(2)
            .filter(|key| hasher.hash_one(key) >> (64 - bits) == 0)
            .take(count as usize / 2)
            .collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let odd = scope.spawn(|| half(1));
        let mut keys = half(0);
        keys.extend(odd.join().unwrap());
        keys
    })
}

/// How many different beginnings of 20 bits the keys' hashes have under a seed.
fn distinct(keys: &[u64], seed: u64) -> u64 {
    let hasher = hasher(seed);
    keys.iter().map(|key| hasher.hash_one(key) >> 44).collect::<HashSet<_>>().len() as u64
}

/// A limiter that meets keys, and the times of its decisions.
struct Target {
    limiter: Limiter,
    plan: PlanId,
    keys: Vec<u64>,
    nanos: Histogram<u64>,
}

impl Target {
    fn new(seed: u64, keys: &[u64]) -> Self {
        let limiter = Limiter::builder().capacity(keys.len()).seed(seed).build().unwrap();
        let plan = limiter.add_plan(&Plan::pro()).unwrap();
        let nanos = Histogram::new_with_bounds(1, 1 << 30, 3).unwrap();
        Self { limiter, plan, keys: keys.to_vec(), nanos }
    }

    /// Decides a call of each of the keys of a part, and measures those of keys that are known already.
    fn decide(&mut self, part: usize, parts: usize, measured: bool) {
        for place in (part..self.keys.len()).step_by(parts) {
            let key = self.keys[chance(place as u64) as usize % self.keys.len()];
            let start = Instant::now();
            let _ = self.limiter.check(&key, self.plan, Cost::REQUEST, moment(100 * place as u64));
            if measured {
                self.nanos.saturating_record(start.elapsed().as_nanos() as u64);
            }
        }
    }

    /// Meets all keys.
    fn meet(&self) {
        for key in &self.keys {
            let _ = self.limiter.check(key, self.plan, Cost::REQUEST, moment(0));
        }
    }

    /// By how many standard deviations the fullest shard has more keys than if they fell by chance.
    fn excess(&self) -> f64 {
        let keys: Vec<_> = self.limiter.occupancy().map(|shard| shard.keys as f64).collect();
        let mean = keys.iter().sum::<f64>() / keys.len() as f64;
        (keys.into_iter().fold(0.0, f64::max) - mean) / mean.sqrt()
    }

    fn print(&self, what: &str) {
        let [half, most] = [0.5, 0.99].map(|quantile| self.nanos.value_at_quantile(quantile));
        figure(&format!("{what}: p50 / p99, ns"), format!("{half} / {most}"));
    }
}

attack!(keys_that_collide_under_another_seed);
/// A search is as long as by chance if the keys' hashes are spread as by chance: that is asserted, for the upper bits,
/// which choose a place, and by shard.
fn keys_that_collide_under_another_seed(scale: Scale) {
    const ROUNDS: usize = 50;
    let (count, bits) = (scale.of(4_000, 1_000_000), scale.of(6, 12) as u32);
    let start = Instant::now();
    let crafted = colliding(count, bits);
    figure("keys crafted, of their hashes' bits alike", format!("{count}, {bits}"));
    figure("time to craft them, s", format!("{:.1}", start.elapsed().as_secs_f64()));
    let random: Vec<_> = (0..count).map(|number| chance(number) | 1 << 63).collect();

    let mut against_crafted = Target::new(OTHER_SEED, &crafted);
    let mut against_random = Target::new(OTHER_SEED, &random);
    let mut known_seed = Target::new(KNOWN_SEED, &crafted);
    let print = known_seed.limiter.fingerprint_of(&crafted[0]).to_string();
    assert_eq!(
        print,
        format!("{:011x}", hasher(KNOWN_SEED).hash_one(crafted[0]) >> SHARD_BITS & TAG),
        "the engine's hash"
    );
    [&against_crafted, &against_random, &known_seed].into_iter().for_each(Target::meet);
    for round in 0..ROUNDS {
        against_crafted.decide(round, ROUNDS, true);
        against_random.decide(round, ROUNDS, true);
        known_seed.decide(round, 10 * ROUNDS, true);
    }

    against_random.print("random keys, a seed not known");
    against_crafted.print("crafted keys, a seed not known");
    known_seed.print("crafted keys, the known seed");
    let [crafted_p99, random_p99] =
        [&against_crafted, &against_random].map(|target| target.nanos.value_at_quantile(0.99) as f64);
    figure("p99 of crafted over random keys, seed not known", format!("{:.3}", crafted_p99 / random_p99));
    let [by_seed, by_chance, at_home] =
        [distinct(&crafted, OTHER_SEED), distinct(&random, OTHER_SEED), distinct(&crafted, KNOWN_SEED)];
    figure(
        "beginnings of 20 bits: crafted, random, crafted and known",
        format!("{by_seed}, {by_chance}, {at_home}"),
    );
    figure("fullest shard's excess in standard deviations", format!("{:.2}", against_crafted.excess()));
    figure("calls without a record of their own, seed not known", against_crafted.limiter.overflowed());
    figure("calls without a record of their own, known seed", known_seed.limiter.overflowed());
    assert!(at_home <= 1 << (20 - bits), "they collide where they should");
    if matches!(scale, Scale::Full) {
        // Smaller tables are searched to their end.
        assert!(known_seed.limiter.overflowed() > count / 4, "and that would be felt");
    }
    assert_eq!(against_crafted.limiter.overflowed(), 0);
    assert_eq!(against_crafted.limiter.keys(), against_random.limiter.keys());
    assert!(by_seed.abs_diff(by_chance) < by_chance / 100, "{by_seed} against {by_chance}");
    assert!(against_crafted.excess() < 6.0);
}

/// Pairs of different keys whose hashes under the known seed have the same tag.
fn pairs_of_one_tag(keys: u64) -> Vec<[u64; 2]> {
    let hasher = hasher(KNOWN_SEED);
    let mut tags: Vec<_> = (0..keys).map(|key| (hasher.hash_one(key) >> SHARD_BITS & TAG, key)).collect();
    tags.sort_unstable();
    let same = tags.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    same.map(|pair| [pair[0].1, pair[1].1]).collect()
}

/// How many of the pairs are limited together by a limiter for so many keys.
fn limited_together(pairs: &[[u64; 2]], capacity: usize) -> u64 {
    let limiter = Limiter::builder().capacity(capacity).seed(KNOWN_SEED).build().unwrap();
    let plan = Plan::builder("once").limit(Limit::day(Unit::Requests, 1)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let is_admitted = |key: u64, day: u64| {
        limiter.check(&key, plan, Cost::REQUEST, moment(day * Nanos::DAY.get())).is_admitted()
    };
    // In the small table a place that was never used would end a search before it comes upon the other's record.
    (0..64).for_each(|key| _ = is_admitted(key | 1 << 63, 0));
    // Each pair on a day of its own, so that others' records may be forgotten.
    let together = |(day, pair): (usize, &[u64; 2])| {
        assert!(is_admitted(pair[0], day as u64 + 1), "the first of {pair:?}");
        !is_admitted(pair[1], day as u64 + 1)
    };
    pairs.iter().enumerate().filter(|pair| together(*pair)).count() as u64
}

attack!(keys_of_one_tag);
/// A record keeps 38 bits of its key's hash, and its place tells the upper ones: roughly in a large table, not at all
/// in the smallest. Two keys alike in both are one.
fn keys_of_one_tag(scale: Scale) {
    let keys = scale.of(1 << 21, 1 << 24);
    let pairs = pairs_of_one_tag(keys);
    let [small, large] = [4, 200_000].map(|capacity| limited_together(&pairs, capacity));
    figure("keys, pairs with one tag", format!("{keys}, {}", pairs.len()));
    figure("limited together in a table for 4 keys", small);
    figure("limited together in a table for 200,000", large);
    assert!(!pairs.is_empty());
    assert_eq!((small, large), (pairs.len() as u64, 0));
}

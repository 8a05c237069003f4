//! Random draws by counter: each is a pure function of who draws, what for, and the how-manieth time.
//!
//! No generator has state, so a draw does not depend on what else was drawn before: a population added to a
//! scenario, another retry policy or another number of threads leaves all other draws as they were. That
//! also pairs two scenarios run with one seed (common random numbers). The bits come of the finaliser of SplitMix64
//! (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014, with Stafford's thirteenth
//! constants), applied once to name the stream and once for the draw.

mod math;

pub(crate) use math::exp;
use math::{ln, normal_quantile};

/// What a draw is for. A client's draws for different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// The time to the next arrival.
    Arrival,
    /// Which client of a group an arrival belongs to.
    Whose,
    /// Where in its period a paced client starts.
    Phase,
    /// The tokens of a call.
    Tokens,
    /// How long a response streams.
    Stream,
    /// The random factor of a client's own backoff.
    Backoff,
    /// What is added at random to a wait, the client's own or the one it was told.
    Jitter,
    /// How much a client calls, beside others of its population.
    Activity,
    /// How long an attempt takes a server.
    Service,
    /// Whether that ends in a failure.
    Failure,
    /// How long an attempt is under way.
    RoundTrip,
    /// Between which rates calls change, and when.
    State,
    /// Which gateway an attempt goes to.
    Gateway,
    /// Whether a client holds an attempt back.
    Throttle,
}

/// The odd number nearest 2⁶⁴/φ: successive multiples of it are spread evenly.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Stafford's mix 13: every input bit flips every output bit with a probability near one half.
#[inline]
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The draws of one population in one replication of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    key: u64,
}

impl Draws {
    /// Keyed by the population's name rather than its place, so that its draws survive a reordering.
    pub(crate) fn new(seed: u64, replication: u32, population: &str) -> Self {
        let run = mix(mix(seed ^ GOLDEN).wrapping_add(u64::from(replication)));
        let key = population.bytes().fold(run, |key, byte| mix(key.wrapping_add(GOLDEN) ^ u64::from(byte)));
        Self { key }
    }

    /// A client's draw for a purpose, by its count.
    #[inline]
    pub(crate) fn draw(self, client: u32, purpose: Purpose, count: u64) -> Draw {
        let stream = mix(self.key ^ (u64::from(client) << 8 | purpose as u64).wrapping_mul(GOLDEN));
        Draw(mix(stream.wrapping_add(count.wrapping_mul(GOLDEN))))
    }
}

/// 64 random bits, to be read as one value of one distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Draw(u64);

impl Draw {
    /// A uniform value in (0, 1): a multiple of 2⁻⁵³ plus half of one, so that neither end occurs.
    #[inline]
    pub(crate) fn unit(self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        ((self.0 >> 11) as f64 + 0.5) * STEP
    }

    /// A uniform value in (`low`, `high`).
    #[inline]
    pub(crate) fn between(self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A uniform number below `bound`, by multiplication; the bias is below 2⁻³² for any `u32` bound.
    #[inline]
    pub(crate) fn below(self, bound: u32) -> u32 {
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u32
    }

    /// An exponential value of the given mean.
    #[inline]
    pub(crate) fn exponential(self, mean: f64) -> f64 {
        -mean * ln(self.unit())
    }

    /// A standard normal value.
    #[inline]
    pub(crate) fn normal(self) -> f64 {
        normal_quantile(self.unit())
    }

    /// A log-normal value: `median` times e to the power of `sigma` times a standard normal one.
    #[inline]
    pub(crate) fn log_normal(self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u64 = 200_000;

    /// Mean and variance of a distribution over many counts of one client.
    fn moments(value: impl Fn(Draw) -> f64) -> (f64, f64) {
        let draws = Draws::new(7, 0, "p");
        let values: Vec<f64> = (0..DRAWS).map(|count| value(draws.draw(3, Purpose::Tokens, count))).collect();
        let mean = values.iter().sum::<f64>() / DRAWS as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / DRAWS as f64)
    }

    #[track_caller]
    fn assert_near((found, expected): (f64, f64), within: f64) {
        assert!((found / expected - 1.0).abs() < within, "found {found}, expected {expected}");
    }

    #[test]
    fn distributions_have_their_means_and_variances() {
        let (mean, variance) = moments(Draw::unit);
        assert_near((mean, 0.5), 0.005);
        assert_near((variance, 1.0 / 12.0), 0.01);
        let (mean, variance) = moments(|draw| draw.exponential(3.0));
        assert_near((mean, 3.0), 0.01);
        assert_near((variance, 9.0), 0.02);
        let (mean, variance) = moments(Draw::normal);
        assert!(mean.abs() < 0.01, "{mean}");
        assert_near((variance, 1.0), 0.01);
        let (mean, _) = moments(|draw| draw.log_normal(100.0, 0.8));
        assert_near((mean, 100.0 * (0.32_f64).exp()), 0.01);
        let (mean, _) = moments(|draw| f64::from(draw.below(10)));
        assert_near((mean, 4.5), 0.01);
    }

    #[test]
    fn neighbouring_clients_purposes_and_counts_are_uncorrelated() {
        let draws = Draws::new(1, 0, "p");
        let reference = |count| draws.draw(5, Purpose::Backoff, count);
        let others: [&dyn Fn(u64) -> Draw; 4] = [
            &|count| draws.draw(6, Purpose::Backoff, count),
            &|count| draws.draw(5, Purpose::Jitter, count),
            &|count| draws.draw(5, Purpose::Backoff, count + 1),
            &|count| Draws::new(2, 0, "p").draw(5, Purpose::Backoff, count),
        ];
        for other in others {
            let product = |count| (reference(count).unit() - 0.5) * (other(count).unit() - 0.5);
            let covariance = (0..DRAWS).map(product).sum::<f64>() / DRAWS as f64;
            // The standard error of 200,000 products is 1/12/√200,000, so this is five of them.
            assert!((covariance * 12.0).abs() < 0.0112, "{covariance}");
        }
    }

    #[test]
    fn a_draw_is_a_function_of_its_key_alone() {
        let draw = |seed, replication, name| Draws::new(seed, replication, name).draw(1, Purpose::Phase, 9);
        assert_eq!(draw(1, 0, "a"), draw(1, 0, "a"));
        for other in [draw(2, 0, "a"), draw(1, 1, "a"), draw(1, 0, "b")] {
            assert_ne!(other, draw(1, 0, "a"));
        }
    }
}

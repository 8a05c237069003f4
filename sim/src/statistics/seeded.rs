//! Series for tests: the same on every run.

use std::f64::consts::TAU;

/// SplitMix64 (Steele, Lea and Flood 2014): any seed gives a stream of its own.
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        // Far apart, since streams of neighbouring states overlap.
        Self(mix(seed.wrapping_add(1).wrapping_mul(0xD134_2543_DE82_EF95)))
    }

    /// Uniform within (0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        ((mix(self.0) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Uniform within ±`width`.
    pub(super) fn within(&mut self, width: f64) -> f64 {
        (2.0 * self.unit() - 1.0) * width
    }

    /// Standard normal (Box and Muller 1958), by no quantile of what is tested.
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos()
    }

    /// Exponential of mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(self.unit())
    }

    /// A first-order autoregressive series about 0 with standard normal shocks, begun in its steady state.
    pub(super) fn autoregressive(mut self, coefficient: f64) -> impl Iterator<Item = f64> {
        let mut value = self.normal() / (1.0 - coefficient * coefficient).sqrt();
        std::iter::repeat_with(move || {
            value = coefficient * value + self.normal();
            value
        })
    }
}

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

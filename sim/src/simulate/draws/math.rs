//! Logarithm, exponential and the normal quantile, in basic arithmetic alone.
//!
//! The standard library's versions are the platform's, which differ in the last bit from one to the next, and one
//! bit of an arrival's time can turn a whole run. Addition, multiplication, division and square root are
//! the same everywhere (IEEE 754), and the compiler neither reorders nor fuses them.
#![expect(clippy::excessive_precision, reason = "coefficients as published, to be compared digit by digit")]

use std::f64::consts::{LN_2, SQRT_2};

/// Bits of the fraction of an `f64`.
const FRACTION_BITS: u32 = 52;
/// The exponent field of 1.0.
const BIAS: i64 = 1023;

/// The natural logarithm of a positive, normal number, to about 2⁻⁵².
#[inline]
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> FRACTION_BITS) as i64 - BIAS;
    let mut mantissa = f64::from_bits(bits & ((1 << FRACTION_BITS) - 1) | (BIAS as u64) << FRACTION_BITS);
    if mantissa > SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2·atanh(s) with s = (m − 1)/(m + 1), |s| < 0.172: the twelfth term is below 2⁻⁵⁶.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let series = horner(
        s * s,
        &[
            1.0 / 21.0,
            1.0 / 19.0,
            1.0 / 17.0,
            1.0 / 15.0,
            1.0 / 13.0,
            1.0 / 11.0,
            1.0 / 9.0,
            1.0 / 7.0,
            1.0 / 5.0,
            1.0 / 3.0,
            1.0,
        ],
    );
    exponent as f64 * LN_2 + 2.0 * s * series
}

/// e to the power of `x`, to about 2⁻⁵⁰; `x` is held within ±700, where the result is a normal number.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let power = (x / LN_2 + 0.5).floor();
    let rest = x - power * LN_2;
    // |rest| ≤ ln 2 / 2: the fourteenth term of the Taylor series is below 2⁻⁵⁶.
    let mut sum = 1.0;
    for term in (1..=13).rev() {
        sum = 1.0 + sum * rest / f64::from(term);
    }
    sum * f64::from_bits(((power as i64 + BIAS) as u64) << FRACTION_BITS)
}

/// The value below which a standard normal variable lies with probability `p`, 0 < p < 1, to about 10⁻¹⁶.
///
/// Algorithm AS 241 (Wichura, *The Percentage Points of the Normal Distribution*, 1988), its routine PPND16.
pub(super) fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * horner(r, &CENTRE_ABOVE) / horner(r, &CENTRE_BELOW);
    }
    let tail = (-ln(if q < 0.0 { p } else { 1.0 - p })).sqrt();
    let size = if tail <= 5.0 {
        horner(tail - 1.6, &TAIL_ABOVE) / horner(tail - 1.6, &TAIL_BELOW)
    } else {
        horner(tail - 5.0, &FAR_ABOVE) / horner(tail - 5.0, &FAR_BELOW)
    };
    if q < 0.0 { -size } else { size }
}

/// A polynomial, its coefficients from the highest power down.
#[inline]
fn horner(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

const CENTRE_ABOVE: [f64; 8] = [
    2.509_080_928_730_122_672_7e3,
    3.343_057_558_358_812_810_5e4,
    6.726_577_092_700_870_085_3e4,
    4.592_195_393_154_987_145_7e4,
    1.373_169_376_550_946_112_5e4,
    1.971_590_950_306_551_442_7e3,
    1.331_416_678_917_843_774_5e2,
    3.387_132_872_796_366_608,
];
const CENTRE_BELOW: [f64; 8] = [
    5.226_495_278_852_854_561e3,
    2.872_908_573_572_194_267_4e4,
    3.930_789_580_009_271_061e4,
    2.121_379_430_158_659_586_7e4,
    5.394_196_021_424_751_107_7e3,
    6.871_870_074_920_579_083e2,
    4.231_333_070_160_091_125_2e1,
    1.0,
];
const TAIL_ABOVE: [f64; 8] = [
    7.745_450_142_783_414_076_4e-4,
    2.272_384_498_926_918_458_33e-2,
    2.417_807_251_774_506_117_7e-1,
    1.270_458_252_452_368_382_58,
    3.647_848_324_763_204_605_04,
    5.769_497_221_460_691_405_5,
    4.630_337_846_156_545_295_9,
    1.423_437_110_749_683_577_34,
];
const TAIL_BELOW: [f64; 8] = [
    1.050_750_071_644_416_843_24e-9,
    5.475_938_084_995_344_946e-4,
    1.519_866_656_361_645_719_66e-2,
    1.481_039_764_274_800_745_9e-1,
    6.897_673_349_851_000_045_5e-1,
    1.676_384_830_183_803_849_4,
    2.053_191_626_637_758_821_87,
    1.0,
];
const FAR_ABOVE: [f64; 8] = [
    2.010_334_399_292_288_132_65e-7,
    2.711_555_568_743_487_578_15e-5,
    1.242_660_947_388_078_438_6e-3,
    2.653_218_952_657_612_309_3e-2,
    2.965_605_718_285_048_912_3e-1,
    1.784_826_539_917_291_335_8,
    5.463_784_911_164_114_369_9,
    6.657_904_643_501_103_777_2,
];
const FAR_BELOW: [f64; 8] = [
    2.044_263_103_389_939_785_64e-15,
    1.421_511_758_316_445_888_7e-7,
    1.846_318_317_510_054_681_8e-5,
    7.868_691_311_456_132_591e-4,
    1.487_536_129_085_061_485_25e-2,
    1.369_298_809_227_358_053_1e-1,
    5.998_322_065_558_879_376_9e-1,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_platform() {
        let mut x = 1e-17;
        while x < 1e17 {
            assert!((ln(x) - f64::ln(x)).abs() <= 1e-15 * f64::ln(x).abs().max(1.0), "ln {x}");
            x *= 1.37;
        }
        for step in -2_000..=2_000 {
            let x = f64::from(step) / 100.0;
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-13, "exp {x}");
        }
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        let table = [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.99, 2.326_347_874_040_841),
            (0.001, -3.090_232_306_167_813_5),
            (1e-10, -6.361_340_902_404_056),
            (1e-15, -7.941_345_326_170_998),
        ];
        for (p, expected) in table {
            assert!((normal_quantile(p) - expected).abs() < 1e-9, "{p}: {}", normal_quantile(p));
        }
    }
}

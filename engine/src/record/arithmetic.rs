//! The integer arithmetic of a decision against exact fractions, over all that a plan may ask and all times.
//!
//! Here a fraction is a numerator over W in 128 bits, without a quotient that is rounded. The steps are taken one by
//! one, on records of any content, with numbers drawn to lie at edges: the least and the largest, powers of two,
//! whole multiples, each give or take one. `docs/arithmetic.md` says why the numbers fit their widths.

mod bucket;
mod day;
mod draw;
mod narrow;
mod window;

use quickcheck::{Arbitrary, Gen};
use std::fmt::Debug;

/// So many cases for each property; a release build has time for ten times as many.
const CASES: u64 = if cfg!(debug_assertions) { 20_000 } else { 200_000 };

/// Holds a property against random cases: so many as `TIDEGATE_CASES` says, if it does. A case that breaks it is printed whole.
fn check<C: Arbitrary + Debug>(holds: fn(C) -> bool) {
    let cases = std::env::var("TIDEGATE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let mut g = Gen::new(60);
    for _ in 0..cases {
        let case = C::arbitrary(&mut g);
        assert!(holds(case.clone()), "{case:?}");
    }
}

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

/// So many cases for each property; a release build has time for ten times as many.
const CASES: u64 = if cfg!(debug_assertions) { 20_000 } else { 200_000 };

/// Runs a property on random cases: so many as `TIDEGATE_CASES` says, if it does.
fn check(property: impl quickcheck::Testable) {
    let cases = std::env::var("TIDEGATE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    quickcheck::QuickCheck::new().tests(cases).max_tests(cases).quickcheck(property);
}

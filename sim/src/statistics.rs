//! What simulated output says, and how surely.
//!
//! A run is a sample: another seed gives other numbers. These modules turn samples into statements with their
//! uncertainty, and hold what theory says beside them. They know nothing of clients and limits: they take numbers
//! and give numbers, in the units that they were given.
//!
//! | question | module |
//! |---|---|
//! | what is the mean, from replications with seeds of their own; which of two set-ups is better; how many replications | [`interval`] |
//! | what is the mean, from one long run | [`batch_means`] |
//! | how much of a run's beginning is not yet its steady state | [`warm_up`] |
//! | what is the p99 | [`quantile`] |
//! | who gets how much, who ought to | [`fairness`] |
//! | does it swing, at which period | [`oscillation`], [`autocorrelation`] |
//! | when is a disturbance over | [`settling`] |
//! | what would theory say | [`queues`] |
//!
//! No function panics. What cannot be answered (no sample, a value that is not finite, a parameter out of its range)
//! is `None`, or an error that says why.
//!
//! Results are the same on every machine: logarithms and exponentials are `libm`'s, and quantiles of distributions, which
//! `statrs` computes by the platform's, are rounded to eleven digits.

pub mod autocorrelation;
pub mod batch_means;
mod distributions;
pub mod fairness;
pub mod interval;
pub mod moments;
pub mod oscillation;
pub mod quantile;
pub mod queues;
pub mod settling;
pub mod warm_up;

#[cfg(test)]
mod seeded;

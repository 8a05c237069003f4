//! All contenders side by side: who they are, what stands for them in memory, and how much of it there may be.

use crate::compare::floor::{Batch, Chain, Slots};
use crate::compare::governor::{Governor, ThreeGovernors};
use crate::compare::pingora::Pingora;
use crate::compare::throttlecrab::Throttlecrab;
use crate::compare::tidegate::Tidegate;
use crate::contender::{Contender, Pace};
use crate::memory::resident;
use crate::system::give_large_blocks_back_when_freed;
use crate::threads::meet_together;
use serde::Serialize;
use std::sync::Arc;

/// What is compared, in the order of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impl {
    /// Three limits a call, one call after the other.
    Tidegate,
    /// The same, no call before the one before it has ended. Not among the JSON lines.
    TidegateLone,
    /// The same, 32 calls at a time.
    #[serde(rename = "tidegate-batch32")]
    TidegateBatch,
    /// The same three limits, all used up: every call is denied.
    TidegateDeny,
    /// One limit.
    Governor,
    /// Three limiters, one asked after the other.
    #[serde(rename = "governor-x3")]
    ThreeGovernors,
    /// One limit, estimated.
    PingoraLimits,
    /// One limit, behind a lock.
    Throttlecrab,
    /// A touch of the memory that waits for the one before.
    FloorChain,
    /// Touches of the memory, 32 at a time.
    #[serde(rename = "floor-batch32")]
    FloorBatch,
}

impl Impl {
    /// As tables and JSON lines name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tidegate => "tidegate",
            Self::TidegateLone => "tidegate, lone",
            Self::TidegateBatch => "tidegate-batch32",
            Self::TidegateDeny => "tidegate-deny",
            Self::Governor => "governor",
            Self::ThreeGovernors => "governor-x3",
            Self::PingoraLimits => "pingora-limits",
            Self::Throttlecrab => "throttlecrab",
            Self::FloorChain => "floor-chain",
            Self::FloorBatch => "floor-batch32",
        }
    }

    /// How many limits a call is decided on.
    pub const fn limits(self) -> u8 {
        match self {
            Self::Tidegate | Self::TidegateLone | Self::TidegateBatch | Self::TidegateDeny => 3,
            Self::ThreeGovernors => 3,
            Self::Governor | Self::PingoraLimits | Self::Throttlecrab => 1,
            Self::FloorChain | Self::FloorBatch => 0,
        }
    }

    /// Whether it admits every call; if not, it denies every call.
    pub const fn admits(self) -> bool {
        !matches!(self, Self::TidegateDeny)
    }

    const fn pace(self) -> Pace {
        match self {
            Self::TidegateLone => Pace::Lone,
            _ => Pace::Stream,
        }
    }
}

/// What is built and kept together: those that share it take their turns apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// One limiter for calls one by one, lone and in batches.
    Tidegate,
    /// A limiter whose keys have used up their limits.
    TidegateDeny,
    /// One map.
    Governor,
    /// Three maps.
    ThreeGovernors,
    /// Two sketches, however many keys.
    Pingora,
    /// One map of strings.
    Throttlecrab,
    /// Bare slots.
    Floor,
}

impl Stand {
    /// All of them. Those that share a stand are not neighbours in a round: see [`Entrant`].
    pub const ALL: [Self; 7] = [
        Self::Tidegate,
        Self::TidegateDeny,
        Self::Governor,
        Self::ThreeGovernors,
        Self::Pingora,
        Self::Throttlecrab,
        Self::Floor,
    ];

    /// About the most memory that it takes up while it is built: somewhat more than was found with ten million keys.
    pub const fn memory(self, keys: u64) -> u64 {
        keys * match self {
            Self::Tidegate | Self::TidegateDeny => 330,
            Self::Governor => 100,
            Self::ThreeGovernors => 250,
            Self::Pingora => 0,
            Self::Throttlecrab => 200,
            Self::Floor => 165,
        } + (100 << 20)
    }

    /// Who stands here.
    fn contenders(self, keys: u64, seed: u64) -> Vec<(Impl, Arc<dyn Contender>)> {
        match self {
            Self::Tidegate => {
                let limiter = Tidegate::admitting(keys, seed);
                let batches = limiter.in_batches();
                let limiter = Arc::new(limiter);
                vec![
                    (Impl::Tidegate, Arc::clone(&limiter) as _),
                    (Impl::TidegateLone, limiter),
                    (Impl::TidegateBatch, Arc::new(batches)),
                ]
            }
            Self::TidegateDeny => vec![(Impl::TidegateDeny, Arc::new(Tidegate::denying(keys, seed)))],
            Self::Governor => vec![(Impl::Governor, Arc::new(Governor::one()))],
            Self::ThreeGovernors => vec![(Impl::ThreeGovernors, Arc::new(ThreeGovernors::new()))],
            Self::Pingora => vec![(Impl::PingoraLimits, Arc::new(Pingora::new()))],
            Self::Throttlecrab => vec![(Impl::Throttlecrab, Arc::new(Throttlecrab::new(keys)))],
            Self::Floor => {
                let slots = Arc::new(Slots::new(keys));
                vec![
                    (Impl::FloorChain, Arc::new(Chain(Arc::clone(&slots)))),
                    (Impl::FloorBatch, Arc::new(Batch(slots))),
                ]
            }
        }
    }

    /// Builds it, makes every key known there, and weighs it. Only one is built at a time, so all memory that the process
    /// gains meanwhile is its own.
    fn build(self, keys: u64, seed: u64) -> Vec<Entrant> {
        give_large_blocks_back_when_freed();
        let before = resident();
        let contenders = self.contenders(keys, seed);
        if let Some((_, first)) = contenders.first() {
            match self {
                // One thread at a time goes in, and two would only wait for each other.
                Self::Throttlecrab => first.meet(0..keys),
                _ => meet_together(first.as_ref(), keys),
            }
        }
        let gained = before.zip(resident()).map(|(before, after)| after.saturating_sub(before) as f64);
        let weighed = keys >= FEWEST_WEIGHED_KEYS && self != Self::Floor;
        let bytes_per_key = gained.filter(|_| weighed).map(|bytes| bytes / keys as f64);
        let entrant =
            |(who, contender)| Entrant { who, contender, pace: who.pace(), stand: self, bytes_per_key };
        contenders.into_iter().map(entrant).collect()
    }
}

/// With fewer keys, pages and what the allocator keeps back weigh more than the keys.
const FEWEST_WEIGHED_KEYS: u64 = 100_000;

/// A contender whose keys are all known, ready for its turns.
pub struct Entrant {
    /// Who it is.
    pub who: Impl,
    /// What decides.
    pub contender: Arc<dyn Contender>,
    /// How its calls follow each other.
    pub pace: Pace,
    /// What it shares with others; their time is one too.
    pub stand: Stand,
    /// Resident memory for each key, where it could be told.
    pub bytes_per_key: Option<f64>,
}

/// Builds stands, one after the other, and puts their contenders in the order of their turns.
pub fn build(stands: &[Stand], keys: u64, seed: u64) -> Vec<Entrant> {
    let mut entrants: Vec<_> = stands.iter().flat_map(|stand| stand.build(keys, seed)).collect();
    entrants.sort_by_key(|entrant| turn(entrant.who));
    entrants
}

/// The place in a round: between two that share memory, others leave the caches to their own.
fn turn(who: Impl) -> usize {
    const TURNS: [Impl; 10] = [
        Impl::Tidegate,
        Impl::Governor,
        Impl::FloorChain,
        Impl::TidegateBatch,
        Impl::ThreeGovernors,
        Impl::PingoraLimits,
        Impl::TidegateLone,
        Impl::Throttlecrab,
        Impl::FloorBatch,
        Impl::TidegateDeny,
    ];
    TURNS.iter().position(|&other| other == who).unwrap_or(TURNS.len())
}

/// The stands in groups, each of which fits in the memory: one group, if all of them do.
///
/// A stand that is too large by itself is an error: its size, which is more than there is.
pub fn groups(keys: u64, available: u64) -> Result<Vec<Vec<Stand>>, u64> {
    let mut groups: Vec<Vec<Stand>> = Vec::new();
    let mut room = 0;
    for stand in Stand::ALL {
        let needed = stand.memory(keys);
        if needed > available {
            return Err(needed);
        }
        match groups.last_mut().filter(|_| needed <= room) {
            Some(group) => group.push(stand),
            None => {
                groups.push(vec![stand]);
                room = available;
            }
        }
        room -= needed;
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn all_stand_together_where_there_is_room() {
        assert_eq!(groups(1_000_000, 20 * GIB), Ok(vec![Stand::ALL.to_vec()]));
    }

    #[test]
    fn each_group_fits_and_nobody_is_left_out() {
        let (keys, available) = (10_000_000, 5 * GIB);
        let groups = groups(keys, available).expect("each fits by itself");
        assert!(groups.len() > 1);
        for group in &groups {
            assert!(group.iter().map(|stand| stand.memory(keys)).sum::<u64>() <= available);
        }
        assert_eq!(groups.concat(), Stand::ALL);
    }

    #[test]
    fn what_fits_nowhere_is_an_error() {
        assert_eq!(groups(10_000_000, GIB), Err(Stand::Tidegate.memory(10_000_000)));
    }

    #[test]
    fn everyone_answers_as_expected_and_has_the_name_that_is_printed() {
        let mut entrants = build(&Stand::ALL, 100, 1);
        assert_eq!(entrants.len(), 10);
        for Entrant { who, contender, .. } in &mut entrants {
            let answer = contender.decide(7, tidegate::Nanos::from_secs(1));
            assert_eq!(answer, who.admits(), "{}", who.name());
            if *who != Impl::TidegateLone {
                assert_eq!(serde_json::to_value(*who).expect("a word"), who.name());
            }
        }
    }
}

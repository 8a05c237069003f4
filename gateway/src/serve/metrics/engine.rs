//! What the engine and the guard count themselves, as it is when somebody asks.

use super::GuardNow;
use crate::serve::live::State;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;
use tidegate::{Clock, LimitId, PerLimit};

/// Counts of decisions and keys.
#[derive(Debug)]
pub(super) struct EngineCounts(pub(super) Arc<State>);

/// Counts of strikes and blocks.
pub(super) struct GuardCounts {
    pub(super) guard: GuardNow,
    pub(super) clock: Arc<dyn Clock + Send + Sync>,
}

impl fmt::Debug for GuardCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardCounts").finish_non_exhaustive()
    }
}

/// A limit as metrics name it: by unit and kind, for its own name is the plan's choice.
const fn name(limit: LimitId) -> &'static str {
    match limit {
        LimitId::RequestsWindow => "requests_window",
        LimitId::TokensWindow => "tokens_window",
        LimitId::RequestsDay => "requests_day",
        LimitId::TokensDay => "tokens_day",
    }
}

type Outcome = [(&'static str, &'static str); 2];

fn of_outcome(outcome: &'static str, counts: &PerLimit) -> impl Iterator<Item = (Outcome, u64)> {
    counts.iter().map(move |(limit, count)| ([("outcome", outcome), ("limit", name(limit))], count))
}

impl Collector for EngineCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let limiter = &self.0.limiter;
        let observed = limiter.observed();
        let admitted = ([("outcome", "admitted"), ("limit", "")], observed.admitted);
        let decisions = std::iter::once(admitted)
            .chain(of_outcome("denied", &observed.denied))
            .chain(of_outcome("never", &observed.never));
        let help = "Decisions by outcome; limit: the one that denied";
        counters(&mut encoder, "decisions", help, decisions)?;
        let shadowed = observed.shadowed.iter().map(|(limit, count)| ([("limit", name(limit))], count));
        let help = "Admitted calls that a limit in shadow would have denied";
        counters(&mut encoder, "shadow_denials", help, shadowed)?;
        let settles = [("settled", observed.settled), ("cancelled", observed.cancelled)];
        let settles = settles.into_iter().map(|(kind, count)| ([("kind", kind)], count));
        let help = "Reservations that ended: settled, by estimate too, or cancelled";
        counters(&mut encoder, "settles", help, settles)?;
        let help = "Reservations neither settled nor cancelled so far";
        gauge(&mut encoder, "reservations_open", help, observed.unsettled())?;
        let (mut keys, mut capacity, mut forgotten, mut overflowed) = (0_u64, 0_u64, 0_u64, 0_u64);
        for shard in limiter.occupancy() {
            keys = keys.saturating_add(shard.keys);
            capacity = capacity.saturating_add(shard.capacity);
            forgotten = forgotten.wrapping_add(shard.forgotten);
            overflowed = overflowed.wrapping_add(shard.overflowed);
        }
        gauge(&mut encoder, "keys", "Keys with a record of their own", keys)?;
        gauge(&mut encoder, "keys_capacity", "Keys for which there is room", capacity)?;
        let help = "Keys that were forgotten to make room for others: nothing was lost with them";
        counter(&mut encoder, "keys_forgotten", help, forgotten)?;
        let help = "Calls decided on a record that keys share for want of room";
        counter(&mut encoder, "overflowed", help, overflowed)
    }
}

impl Collector for GuardCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(guard) = (self.guard)() else { return Ok(()) };
        let seen = guard.statistics(self.clock.now());
        let help = "Calls before their own Retry-After, and others that the guard was told of";
        counter(&mut encoder, "guard_strikes", help, seen.strikes)?;
        counter(&mut encoder, "guard_blocks", "Blocks begun", seen.blocks)?;
        let help = "Calls turned away because their address was blocked";
        counter(&mut encoder, "guard_blocked_calls", help, seen.blocked_calls)?;
        let help = "Addresses that are blocked or on record, or have strikes of their own";
        gauge(&mut encoder, "guard_addresses", help, seen.addresses)?;
        let help = "Addresses with a key that have a promise or strikes standing";
        gauge(&mut encoder, "guard_pairs", help, seen.pairs)?;
        let untracked = [("address", seen.untracked_addresses), ("pair", seen.untracked_pairs)];
        let untracked = untracked.into_iter().map(|(what, count)| ([("what", what)], count));
        let help = "What the guard had no room to note";
        counters(&mut encoder, "guard_untracked", help, untracked)
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, _, u64>(&count, None)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
}

/// One counter with several values of its labels.
fn counters<const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl Iterator<Item = ([(&'static str, &'static str); N], u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}

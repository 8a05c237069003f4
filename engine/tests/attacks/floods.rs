//! R14 under floods of keys that nobody knows.

use crate::{Scale, attack, chance, check_resident, figure, moment, rate, remaining, resident};
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;
use tidegate::{Burst, Cost, Limit, LimitId, Limiter, Nanos, Plan, PlanId, Span, Unit};

/// Requests of a day, so that no window's end makes a key forgettable.
const QUOTA: u64 = 1_000;

/// A full table of keys, some of which have used up their quota.
struct Known {
    limiter: Arc<Limiter>,
    plan: PlanId,
    keys: Vec<u64>,
    used: Vec<u64>,
    calls: u64,
    wrong: u64,
}

impl Known {
    /// Meets keys until every shard is full. Each has used a little, every fourth all.
    fn fill(capacity: u64) -> Self {
        // A seed, because of ten million strangers one shares a known key's tag and place by chance in one of some
        // hundred runs: see the collisions of tags.
        let limiter = Limiter::builder().capacity(capacity as usize).seed(4).build().unwrap();
        let plan = Plan::builder("three limits")
            .requests_per_minute(1_000_000)
            .tokens_per_minute(1_000_000_000)
            .limit(Limit::day(Unit::Requests, QUOTA));
        let plan = limiter.add_plan(&plan.build().unwrap()).unwrap();
        let (mut keys, mut used) = (Vec::new(), Vec::new());
        let mut strangers_in_a_row = 0;
        // A shard that had room would take one in sixteen.
        for key in 0.. {
            if strangers_in_a_row == 1_000 {
                break;
            }
            let requests = if key % 4 == 0 { QUOTA } else { key % 4 };
            let before = limiter.overflowed();
            let decision = limiter.check(&key, plan, Cost { requests, tokens: 1 }, moment(0));
            if limiter.overflowed() > before {
                strangers_in_a_row += 1;
                continue;
            }
            assert!(decision.is_admitted(), "a first call of a key with a record");
            strangers_in_a_row = 0;
            keys.push(key);
            used.push(requests);
        }
        Self { limiter: Arc::new(limiter), plan, keys, used, calls: 0, wrong: 0 }
    }

    /// A call of some known key: is it decided as if nobody else were there? Its time goes into the histogram.
    fn call(&mut self, nanos: &mut Histogram<u64>) {
        let place = (chance(self.calls) % self.keys.len() as u64) as usize;
        let at = moment(100 * self.calls);
        self.calls += 1;
        let start = Instant::now();
        let decision = self.limiter.check(&self.keys[place], self.plan, Cost { requests: 1, tokens: 1 }, at);
        nanos.saturating_record(start.elapsed().as_nanos() as u64);
        let right = self.used[place] < QUOTA;
        self.used[place] += u64::from(right);
        self.wrong += u64::from(decision.is_admitted() != right);
    }

    /// How many known keys have not used what they were admitted.
    fn reset(&self) -> u64 {
        let at = moment(100 * self.calls);
        let left = |key: &u64| remaining(&self.limiter, key, self.plan, LimitId::RequestsDay, at);
        self.keys.iter().zip(&self.used).filter(|(key, used)| left(key) != QUOTA - **used).count() as u64
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1 << 30, 3).unwrap()
}

fn percentiles(what: &str, nanos: &Histogram<u64>) {
    let [half, most, nearly_all] = [0.5, 0.99, 0.999].map(|quantile| nanos.value_at_quantile(quantile));
    figure(what, format!("{half} / {most} / {nearly_all}"));
}

attack!(random_keys_against_a_full_table);
/// One thread invents keys under the known keys' own plan, another makes known keys' calls meanwhile.
fn random_keys_against_a_full_table(scale: Scale) {
    let flood = scale.of(30_000, 10_000_000);
    let mut known = Known::fill(scale.of(4_000, 1_000_000));
    let (mut before, mut during) = (histogram(), histogram());
    for _ in 0..scale.of(5_000, 2_000_000) {
        known.call(&mut before);
    }
    let (keys, overflowed, cap) = (known.limiter.keys(), known.limiter.overflowed(), resident());
    let (limiter, plan, over) = (known.limiter.clone(), known.plan, AtomicBool::new(false));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let start = Instant::now();
            for number in 0..flood {
                // Beyond the numbers of the known keys.
                let key = chance(number) | 1 << 63;
                let _ = limiter.check(&key, plan, Cost { requests: 1, tokens: 1 }, moment(100 * number));
            }
            rate("flood, one thread", flood, start);
            // Ordering: Relaxed; it only ends the other's loop.
            over.store(true, Ordering::Relaxed);
        });
        while !over.load(Ordering::Relaxed) {
            known.call(&mut during);
        }
        other.join().unwrap();
    });
    check_resident(scale, cap);
    figure("known keys, capacity", format!("{} of {}", known.keys.len(), scale.of(4_000, 1_000_000)));
    let forgotten: u64 = limiter.occupancy().map(|shard| shard.forgotten).sum();
    figure("calls decided on a shared record", limiter.overflowed() - overflowed);
    percentiles("a known key's decision before, p50 / p99 / p99.9, ns", &before);
    percentiles("the same during the flood, ns", &during);
    figure("known keys' calls during the flood", during.len());
    figure("of all known keys' calls decided otherwise than alone", known.wrong);
    figure("known keys reset", known.reset());
    assert_eq!((known.wrong, known.reset(), forgotten), (0, 0, 0));
    assert_eq!((limiter.keys(), keys), (keys, known.keys.len() as u64), "no stranger got a record");
    assert_eq!(
        limiter.overflowed() - overflowed,
        flood,
        "each stranger's call was decided, on a shared record"
    );
}

/// A window longer than any flood here, and than the days after which other keys are forgotten.
const WINDOW: Nanos = Span::MAX_WINDOW;

/// A client that has used up what its window holds, and tries to be forgotten.
struct UsedUp {
    limiter: Limiter,
    plan: PlanId,
    admitted: u64,
    tries: u64,
}

impl UsedUp {
    fn new(capacity: u64) -> Self {
        let longest = Nanos::from_millis(1);
        let limiter =
            Limiter::builder().capacity(capacity as usize).longest_reservation(longest).build().unwrap();
        let year = Limit::window(Unit::Requests, QUOTA, WINDOW).with_burst(Burst::NONE);
        let plan = limiter.add_plan(&Plan::builder("own").limit(year).build().unwrap()).unwrap();
        let mut client = Self { limiter, plan, admitted: 0, tries: 0 };
        (0..=QUOTA).for_each(|_| client.again(0));
        assert_eq!(client.admitted, QUOTA);
        client
    }

    fn again(&mut self, nanos: u64) {
        self.tries += 1;
        let decision = self.limiter.check("own key", self.plan, Cost::REQUEST, moment(nanos));
        self.admitted += u64::from(decision.is_admitted());
    }

    /// Calls under other keys, `step` apart, and every now and then one's own key.
    fn flood(&mut self, calls: u64, plan: PlanId, step: u64) {
        let start = Instant::now();
        for number in 0..calls {
            let _ = self.limiter.check(&chance(number), plan, Cost::REQUEST, moment(step * number));
            if number % 1_000 == 0 {
                self.again(step * number);
            }
        }
        rate("flood", calls, start);
        self.again(step * calls);
        figure(
            "tries with the own key, admitted beyond its limit",
            format!("{}, {}", self.tries, self.admitted - QUOTA),
        );
        assert_eq!(self.admitted, QUOTA, "the record was pushed out");
    }
}

attack!(pushing_out_ones_own_record_by_a_full_table);
/// Time stands, so that no key may be forgotten: the others fill the table up.
fn pushing_out_ones_own_record_by_a_full_table(scale: Scale) {
    let mut client = UsedUp::new(scale.of(1_000, 1_000_000));
    client.flood(scale.of(30_000, 10_000_000), client.plan, 0);
    figure("keys with a record", client.limiter.keys());
    figure("calls decided on a shared record", client.limiter.overflowed());
    assert!(client.limiter.overflowed() > 0, "the table was full");
}

attack!(pushing_out_ones_own_record_by_forgotten_keys);
/// The others are forgotten when their day is over, so that each gets a record and places change hands all the time.
fn pushing_out_ones_own_record_by_forgotten_keys(scale: Scale) {
    let capacity = scale.of(1_000, 100_000);
    let mut client = UsedUp::new(capacity);
    let short = Plan::builder("short").limit(Limit::window(Unit::Requests, 10, Nanos::from_millis(1)));
    let short = client.limiter.add_plan(&short.build().unwrap()).unwrap();
    // The keys of a day fill half the table.
    let step = Nanos::DAY.get() / (capacity / 2);
    client.flood(scale.of(30_000, 10_000_000), short, step);
    let forgotten: u64 = client.limiter.occupancy().map(|shard| shard.forgotten).sum();
    figure("keys forgotten for others", forgotten);
    figure("calls decided on a shared record", client.limiter.overflowed());
    assert!(forgotten > scale.of(30_000, 10_000_000) / 2, "{forgotten}");
    client.again(2 * WINDOW.get());
    assert_eq!(client.admitted, QUOTA + 1, "a window later it is admitted: it was the record that denied");
}

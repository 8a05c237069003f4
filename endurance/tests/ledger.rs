//! The ledger does what the oracle says: the sums by segment are those of the full log, the debt is its fraction.
//!
//! The oracle is that of the engine's own tests. Here neither it nor the ledger sees the engine, and times do not go back, which
//! is what the ledger asks for.

#[path = "../../engine/tests/it/oracle.rs"]
#[expect(dead_code, reason = "the engine's tests ask it more")]
mod oracle;

use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult};
use tidegate::{Burst, Cost, Limit, LimitId, Mode, Nanos, Plan, Timestamp, Unit, Verdict};
use tidegate_endurance::ledger::{Charge, Ledger};

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    WaitForRetry,
    Call { plan: usize, cost: Cost },
    Settle { open: usize, tokens: u64 },
    Cancel { open: usize },
    Change { plan: usize },
    Own { plan: usize },
    ClearOwn,
    Record { plan: usize, cost: Cost },
    GiveBack(Cost),
    Reset,
}

#[derive(Clone, Debug)]
struct History {
    start: u64,
    plans: Vec<Plan>,
    steps: Vec<Step>,
}

const LENGTHS: [u64; 6] =
    [1_000_000, 1_000_003, 1_000_000_000, 60_000_000_000, 3_600_000_000_000, 34_560_000_000_000_000];

fn below(g: &mut Gen, end: u64) -> u64 {
    u64::arbitrary(g) % end
}

fn limit(g: &mut Gen, id: LimitId) -> Limit {
    let large = if id.unit() == Unit::Requests { 10_000_000 } else { 100_000_000_000 };
    let amount = match below(g, 6) {
        0 => 1 + below(g, large),
        _ => 1 + below(g, 40),
    };
    let length = Nanos::new(*g.choose(&LENGTHS).unwrap_or(&LENGTHS[0]));
    let limit = if id.is_day() {
        Limit::day(id.unit(), 2 * amount)
    } else {
        Limit::window(id.unit(), amount, length)
    };
    let burst = Burst::fraction(*g.choose(&[0.0, 0.2, 0.333, 1.0]).unwrap_or(&0.2)).expect("a fraction");
    limit.with_burst(burst).with_mode(if below(g, 5) == 0 { Mode::Shadow } else { Mode::Enforce })
}

fn plan(g: &mut Gen, number: usize) -> Plan {
    let limits: Vec<_> = LimitId::ALL.into_iter().filter(|_| below(g, 4) > 0).collect();
    let builder = Plan::builder(format!("p{number}"));
    limits.into_iter().fold(builder, |plan, id| plan.limit(limit(g, id))).build().expect("within the range")
}

fn step(g: &mut Gen) -> Step {
    let tokens = if below(g, 8) == 0 { below(g, 200_000) } else { below(g, 30) };
    let (plan, open) = (below(g, 2) as usize, below(g, 4) as usize);
    match below(g, 36) {
        0..8 => {
            let length = *g.choose(&LENGTHS).unwrap_or(&1);
            let part = *g.choose(&[1, 7, 20, 1_000]).unwrap_or(&1);
            Step::Wait((length / part + below(g, 3)).saturating_sub(1))
        }
        8..11 => Step::WaitForRetry,
        11..22 => Step::Call {
            plan: plan * (below(g, 8) / 7) as usize,
            cost: Cost { requests: below(g, 3), tokens },
        },
        22..27 => Step::Settle { open, tokens },
        27 => Step::Cancel { open },
        28 | 29 => Step::Change { plan },
        30 => Step::Own { plan },
        31 => Step::ClearOwn,
        32 | 33 => Step::Record { plan, cost: Cost { requests: below(g, 9), tokens } },
        34 if below(g, 3) == 0 => Step::Reset,
        _ => Step::GiveBack(Cost { requests: below(g, 4), tokens }),
    }
}

impl Arbitrary for History {
    fn arbitrary(g: &mut Gen) -> Self {
        let plans = (0..2).map(|number| plan(g, number)).collect();
        let start = *g.choose(&[0, 86_399_000_000_000, 1_700_000_000_000_000_000]).unwrap_or(&0);
        Self { start, plans, steps: (0..60).map(|_| step(g)).collect() }
    }
}

/// Ledger and oracle side by side.
struct Run<'a> {
    plans: &'a [Plan],
    ledger: Ledger,
    oracle: oracle::Key,
    open: Vec<(Charge, oracle::Charge)>,
    at: Timestamp,
    retry: Nanos,
}

impl Run<'_> {
    fn step(&mut self, step: &Step) {
        self.ledger.advance(self.at);
        match step {
            Step::Wait(nanos) => self.pass(Nanos::new(*nanos)),
            Step::WaitForRetry => {
                let retry = std::mem::take(&mut self.retry);
                self.pass(retry)
            }
            Step::Call { plan, cost } => self.call(*plan, *cost),
            Step::Settle { open, tokens } => self.end(*open, Some(*tokens)),
            Step::Cancel { open } => self.end(*open, None),
            Step::Change { plan } => {
                self.ledger.change_plan(&self.plans[*plan]);
                self.oracle.change_plan(&self.plans[*plan], self.at);
            }
            Step::Own { plan } => {
                self.ledger.set_own_plan(&self.plans[*plan]);
                self.oracle.set_own_plan(&self.plans[*plan], self.at);
            }
            Step::ClearOwn => {
                self.ledger.clear_own_plan();
                self.oracle.clear_own_plan();
            }
            Step::Record { cost, .. } if *cost == Cost::default() => {}
            Step::Record { plan, cost } => {
                self.ledger.use_plan(&self.plans[*plan]);
                self.ledger.charge(*cost);
                self.oracle.record_usage(&self.plans[*plan], *cost, self.at);
            }
            Step::GiveBack(cost) if self.oracle.is_known() => {
                self.ledger.give_back(*cost);
                self.oracle.give_back(*cost, self.at);
            }
            Step::Reset if self.oracle.is_known() => {
                self.ledger.reset();
                self.oracle.reset(self.at);
            }
            Step::GiveBack(_) | Step::Reset => {}
        }
        self.compare_status();
    }

    /// No further than the numbers of the oracle reach.
    fn pass(&mut self, time: Nanos) {
        if self.at.monotonic + time < Nanos::new(1 << 62) {
            self.at = self.at.after(time);
            self.ledger.advance(self.at);
        }
    }

    fn call(&mut self, plan: usize, cost: Cost) {
        self.ledger.use_plan(&self.plans[plan]);
        self.oracle.use_plan(&self.plans[plan], self.at);
        match self.ledger.verdict(cost) {
            Verdict::Admit(shadow) => {
                assert_eq!(self.oracle.denied_by(cost, self.at), None);
                assert_eq!(shadow.iter().collect::<Vec<_>>(), self.oracle.shadow_denials(cost, self.at));
                self.open.push((self.ledger.charge(cost), self.oracle.charge(0, cost, self.at)));
            }
            Verdict::Never(limit) => assert_eq!(self.oracle.never(cost), Some(limit)),
            Verdict::Deny(denial) => {
                assert_eq!(self.oracle.never(cost), None);
                let wait = denial.retry_after;
                assert!(wait > Nanos::ZERO);
                if self.at.monotonic + wait < Nanos::new(1 << 62) {
                    let before = self.at.after(wait - Nanos::new(1));
                    assert_eq!(self.oracle.denied_by(cost, before), Some(denial.limit));
                    assert_eq!(self.oracle.denied_by(cost, self.at.after(wait)), None);
                    self.retry = wait;
                }
            }
        }
    }

    fn end(&mut self, open: usize, tokens: Option<u64>) {
        if open >= self.open.len() {
            return;
        }
        let (charge, of_oracle) = self.open.remove(open);
        let actual = tokens.map_or(Cost::default(), |tokens| Cost { tokens, ..charge.cost });
        self.ledger.settle(&charge, actual);
        self.oracle.settle(&of_oracle, actual, self.at);
    }

    fn compare_status(&self) {
        for limit in LimitId::ALL {
            let status = self.ledger.status(limit);
            assert_eq!(
                status.map(|status| status.remaining),
                self.oracle.remaining(limit, self.at),
                "{limit:?}"
            );
            let Some(status) = status.filter(|s| self.at.monotonic + s.reset_after < Nanos::new(1 << 62))
            else {
                continue;
            };
            let whole = |at| self.oracle.remaining(limit, at) == Some(status.limit);
            assert!(whole(self.at.after(status.reset_after)), "{limit:?}");
            let before = status.reset_after - Nanos::new(1);
            assert!(status.reset_after == Nanos::ZERO || !whole(self.at.after(before)), "{limit:?}");
        }
    }
}

#[test]
fn the_ledger_agrees_with_the_oracle_in_every_history() {
    fn agrees(history: History) -> TestResult {
        let at = Timestamp::both(Nanos::new(history.start));
        let ledger = Ledger::new(&history.plans[0], at);
        let oracle = oracle::Key::new(history.plans[0].clone());
        let mut run = Run { plans: &history.plans, ledger, oracle, open: Vec::new(), at, retry: Nanos::ZERO };
        history.steps.iter().for_each(|step| run.step(step));
        TestResult::passed()
    }
    let tests =
        std::env::var("TIDEGATE_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(3_000);
    QuickCheck::new().tests(tests).max_tests(tests).quickcheck(agrees as fn(History) -> TestResult);
}

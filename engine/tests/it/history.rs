//! Random histories: plans, and what happens to a few keys under them.
//!
//! A history prints as a script that a person can follow, and that can be pasted into `kept.rs`.

use quickcheck::{Arbitrary, Gen};
use std::fmt;
use tidegate::{Burst, Limit, LimitId, Mode, Nanos, Plan, Span, Unit};

/// Something that happens.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// A key makes a call under the plan of that number.
    Call { key: usize, plan: usize, requests: u64, tokens: u64 },
    /// The open reservation of that number, counted from the oldest, is settled with so many tokens.
    Settle { open: usize, tokens: u64 },
    /// It is cancelled.
    Cancel { open: usize },
    /// A key moves to a plan.
    Change { key: usize, plan: usize },
    /// A key gets a plan of its own.
    Own { key: usize, plan: usize },
    /// And it is taken back.
    ClearOwn { key: usize },
    /// It is told what a key has used, under the plan of that number.
    Record { key: usize, plan: usize, requests: u64, tokens: u64 },
    /// A key is given units back, whoever used them.
    GiveBack { key: usize, requests: u64, tokens: u64 },
    /// What a key has used is forgotten.
    Reset { key: usize },
    /// Both clocks go on by so many nanoseconds.
    Wait(u64),
    /// Both clocks go on to so many nanoseconds before the last denial's retry time.
    WaitForRetry { less: u64 },
    /// Only the wall clock moves, by seconds.
    Wall(i64),
    /// Only the monotonic clock moves back, by nanoseconds.
    Back(u64),
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Call { key, plan, requests, tokens } => {
                write!(f, "Call {{ key: {key}, plan: {plan}, requests: {requests}, tokens: {tokens} }}")
            }
            Self::Settle { open, tokens } => write!(f, "Settle {{ open: {open}, tokens: {tokens} }}"),
            Self::Cancel { open } => write!(f, "Cancel {{ open: {open} }}"),
            Self::Change { key, plan } => write!(f, "Change {{ key: {key}, plan: {plan} }}"),
            Self::Own { key, plan } => write!(f, "Own {{ key: {key}, plan: {plan} }}"),
            Self::ClearOwn { key } => write!(f, "ClearOwn {{ key: {key} }}"),
            Self::Record { key, plan, requests, tokens } => {
                write!(f, "Record {{ key: {key}, plan: {plan}, requests: {requests}, tokens: {tokens} }}")
            }
            Self::GiveBack { key, requests, tokens } => {
                write!(f, "GiveBack {{ key: {key}, requests: {requests}, tokens: {tokens} }}")
            }
            Self::Reset { key } => write!(f, "Reset {{ key: {key} }}"),
            Self::Wait(nanos) => write!(f, "Wait({nanos})"),
            Self::WaitForRetry { less } => write!(f, "WaitForRetry {{ less: {less} }}"),
            Self::Wall(secs) => write!(f, "Wall({secs})"),
            Self::Back(nanos) => write!(f, "Back({nanos})"),
        }
    }
}

/// Plans and a script.
#[derive(Clone)]
pub(crate) struct History {
    pub(crate) house: House,
    pub(crate) plans: Vec<Plan>,
    pub(crate) start: u64,
    pub(crate) steps: Vec<Step>,
}

/// How many keys there are, and room for how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct House {
    pub(crate) keys: usize,
    pub(crate) capacity: usize,
    pub(crate) longest_reservation: Nanos,
}

impl House {
    /// Two keys, of which none is ever forgotten.
    pub(crate) const ROOMY: Self = Self { keys: 2, capacity: 16, longest_reservation: Nanos::MAX };

    /// More keys than places, which are four for a capacity of one or two, and eight for three.
    fn crowded(g: &mut Gen) -> Self {
        let capacity = 1 + below(g, 3) as usize;
        let keys = if capacity < 3 { 6 } else { 10 };
        let longest = pick(g, &[0, 1, 1_000_000, 1_000_000_000, 180_000_000_000, 3_600_000_000_000]);
        Self { keys, capacity, longest_reservation: Nanos::new(longest) }
    }
}

/// A history in which keys are forgotten, so that others find a place: its clocks never go back.
#[derive(Clone, Debug)]
pub(crate) struct Crowded(pub(crate) History);

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, start at {} ns", self.house, self.start)?;
        for (number, plan) in self.plans.iter().enumerate() {
            write!(f, "plan {number}:")?;
            for (_, limit) in plan.limits() {
                write!(
                    f,
                    " {} {} per {:?} burst {} {:?};",
                    limit.amount(),
                    limit.unit(),
                    limit.span(),
                    limit.burst().as_f64(),
                    limit.mode()
                )?;
            }
            writeln!(f)?;
        }
        for step in &self.steps {
            writeln!(f, "    {step:?},")?;
        }
        Ok(())
    }
}

fn pick<T: Copy>(g: &mut Gen, from: &[T]) -> T {
    *g.choose(from).unwrap()
}

fn below(g: &mut Gen, end: u64) -> u64 {
    u64::arbitrary(g) % end.max(1)
}

fn amount(g: &mut Gen, unit: Unit) -> u64 {
    let large = match unit {
        Unit::Requests => pick(g, &[1_000, 10_000_000]),
        Unit::Tokens => pick(g, &[100_000, 100_000_000_000]),
    };
    match below(g, 8) {
        0 => large,
        1 => 1 + below(g, large),
        _ => 1 + below(g, 30),
    }
}

fn length(g: &mut Gen) -> Nanos {
    let usual = [1_000_000, 1_000_003, 1_000_000_000, 60_000_000_000, 60_000_000_000, 3_600_000_000_000];
    match below(g, 12) {
        0 => Span::MAX_WINDOW,
        1 => Nanos::new(1_000_000 + below(g, 100_000_000_000)),
        _ => Nanos::new(pick(g, &usual)),
    }
}

fn limit(g: &mut Gen, id: LimitId) -> Limit {
    let mode = if below(g, 6) == 0 { Mode::Shadow } else { Mode::Enforce };
    let burst = pick(g, &[0.0, 0.0, 0.2, 0.2, 0.2, 0.5, 1.0, 0.333]);
    let amount = amount(g, id.unit());
    let limit = if id.is_day() {
        Limit::day(id.unit(), amount * 2)
    } else {
        Limit::window(id.unit(), amount, length(g))
    };
    limit.with_mode(mode).with_burst(Burst::fraction(burst).unwrap())
}

fn plan(g: &mut Gen, number: usize) -> Plan {
    LimitId::ALL
        .into_iter()
        .filter(|_| below(g, 4) != 0)
        .collect::<Vec<_>>()
        .into_iter()
        .fold(Plan::builder(format!("p{number}")), |plan, id| plan.limit(limit(g, id)))
        .build()
        .unwrap()
}

/// Nanoseconds that matter to a plan: parts of its windows, give or take one.
fn wait(g: &mut Gen, plans: &[Plan]) -> u64 {
    let limits: Vec<_> = plans.iter().flat_map(Plan::limits).map(|(_, limit)| limit).collect();
    let (window, amount) = match g.choose(&limits).map(|limit| (limit.span(), limit.amount())) {
        Some((Span::Window(window), amount)) => (window.get(), amount),
        Some((Span::Day, amount)) => (86_400_000_000_000, amount),
        None => (1_000_000_000, 1),
    };
    let part = match below(g, 6) {
        0 => window / amount,
        1 => window / 7,
        2 => window,
        3 => window + window / 7,
        4 => below(g, window),
        _ => below(g, 10),
    };
    (part + below(g, 3)).saturating_sub(1)
}

fn tokens(g: &mut Gen) -> u64 {
    match below(g, 8) {
        0 => below(g, 200_000),
        1 => 0,
        _ => below(g, 12),
    }
}

fn step(g: &mut Gen, keys: usize, plans: &[Plan]) -> Step {
    let key = below(g, keys as u64) as usize;
    let plan = below(g, plans.len() as u64) as usize;
    let open = below(g, 4) as usize;
    match below(g, 44) {
        0..18 => Step::Call { key, plan: 0, requests: pick(g, &[1, 1, 1, 1, 0, 2, 5]), tokens: tokens(g) },
        18..20 => Step::Call { key, plan, requests: 1, tokens: tokens(g) },
        20..25 => Step::Settle { open, tokens: tokens(g) },
        25 => Step::Cancel { open },
        26 => Step::Change { key, plan },
        27 if below(g, 3) == 0 => Step::Own { key, plan },
        27 => Step::ClearOwn { key },
        28..34 => Step::Wait(wait(g, plans)),
        34..38 => Step::WaitForRetry { less: below(g, 2) },
        38 => Step::Wall(below(g, 200_000) as i64 - 100_000),
        39 => Step::Back(wait(g, plans)),
        40 | 41 => Step::Record { key, plan, requests: pick(g, &[0, 0, 1, 3, 40]), tokens: tokens(g) },
        42 => Step::GiveBack { key, requests: pick(g, &[0, 1, 1, 5]), tokens: tokens(g) },
        _ if below(g, 3) == 0 => Step::Reset { key },
        _ => Step::GiveBack { key, requests: below(g, 4), tokens: tokens(g) },
    }
}

/// A step of a crowded history: in place of a clock that goes back, time enough for a key to be forgotten.
fn crowded_step(g: &mut Gen, keys: usize, plans: &[Plan]) -> Step {
    const HOUR: u64 = 3_600_000_000_000;
    match step(g, keys, plans) {
        Step::Wall(_) | Step::Back(_) => Step::Wait(pick(g, &[HOUR, 12 * HOUR, 24 * HOUR]) + below(g, HOUR)),
        step => step,
    }
}

fn history(g: &mut Gen, house: House, step: fn(&mut Gen, usize, &[Plan]) -> Step, most: u64) -> History {
    let plans: Vec<_> = (0..1 + below(g, 3) as usize).map(|number| plan(g, number)).collect();
    let start = pick(g, &[0, 1_700_000_000_000_000_000, 86_399_000_000_000]);
    let steps = (0..below(g, most)).map(|_| step(g, house.keys, &plans)).collect();
    History { house, plans, start, steps }
}

impl Arbitrary for Crowded {
    fn arbitrary(g: &mut Gen) -> Self {
        let house = House::crowded(g);
        Self(history(g, house, crowded_step, 180))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Self))
    }
}

impl Arbitrary for History {
    fn arbitrary(g: &mut Gen) -> Self {
        history(g, House::ROOMY, step, 60)
    }

    /// Steps go first, in ever smaller runs; then numbers get smaller.
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        let runs = std::iter::successors(Some(self.steps.len()), |run| (*run > 1).then(|| run / 2));
        let shorter = runs.filter(|run| *run > 0).flat_map(move |run| {
            let whole = whole.clone();
            (0..whole.steps.len()).step_by(run).map(move |from| {
                let mut less = whole.clone();
                less.steps.drain(from..(from + run).min(less.steps.len()));
                less
            })
        });
        let whole = self.clone();
        let smaller = (0..self.steps.len()).flat_map(move |at| {
            let whole = whole.clone();
            smaller_steps(whole.steps[at]).into_iter().map(move |step| {
                let mut less = whole.clone();
                less.steps[at] = step;
                less
            })
        });
        Box::new(shorter.chain(smaller))
    }
}

fn smaller_steps(step: Step) -> Vec<Step> {
    let less = |number: u64| number.shrink().collect::<Vec<_>>();
    match step {
        Step::Call { key, plan, requests, tokens } => {
            let fewer_tokens =
                less(tokens).into_iter().map(|tokens| Step::Call { key, plan, requests, tokens });
            let fewer_requests =
                less(requests).into_iter().map(|requests| Step::Call { key, plan, requests, tokens });
            fewer_tokens.chain(fewer_requests).collect()
        }
        Step::Record { key, plan, requests, tokens } => {
            let fewer_tokens =
                less(tokens).into_iter().map(|tokens| Step::Record { key, plan, requests, tokens });
            let fewer_requests =
                less(requests).into_iter().map(|requests| Step::Record { key, plan, requests, tokens });
            fewer_tokens.chain(fewer_requests).collect()
        }
        Step::GiveBack { key, requests, tokens } => {
            let fewer_tokens =
                less(tokens).into_iter().map(|tokens| Step::GiveBack { key, requests, tokens });
            let fewer_requests =
                less(requests).into_iter().map(|requests| Step::GiveBack { key, requests, tokens });
            fewer_tokens.chain(fewer_requests).collect()
        }
        Step::Settle { open, tokens } => {
            less(tokens).into_iter().map(|tokens| Step::Settle { open, tokens }).collect()
        }
        Step::Wait(nanos) => less(nanos).into_iter().map(Step::Wait).collect(),
        Step::Back(nanos) => less(nanos).into_iter().map(Step::Back).collect(),
        _ => Vec::new(),
    }
}

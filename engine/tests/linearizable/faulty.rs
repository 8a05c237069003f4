//! Limiters with a planted fault, which the search must find: nobody believes a test that never failed.

use crate::counts::Counts;
use crate::event::{Statuses, statuses};
#[cfg(not(tidegate_shuttle))]
use crate::races::{Runs, run};
#[cfg(tidegate_shuttle)]
use crate::shuttled::{roomy, run};
use crate::subject::Subject;
#[cfg(tidegate_shuttle)]
use shuttle::thread::yield_now;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(tidegate_shuttle))]
use std::thread::yield_now;
use tidegate::{Admission, Cost, Decision, LimitId, Limiter, PlanId, Reservation, Timestamp, Verdict};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// A settle is lost if another call is under way.
    LosesASettle,
    /// An admitted call is charged again if another call is under way.
    ChargesTwice,
    /// Looks first and charges later: two can see the last unit.
    LooksThenCharges,
    /// Answers a denial again that was true a call ago.
    DeniesAsBefore,
    /// Charges requests and tokens one after the other, and takes the first back where the second is denied.
    ChargesInParts,
    /// Tells requests as they stood at one moment and tokens as they stood at another.
    TellsTwoMoments,
    /// A change of plan is made with the key's next call, after it was said to be made.
    ChangesLate,
    /// Usage that is told of is lost if another call is under way.
    LosesUsage,
    /// Units are given back again if another call is under way.
    GivesBackTwice,
    /// A reset is made with the key's next call, after it said so.
    ResetsLate,
}

const FAULTS: [Fault; 10] = [
    Fault::LosesASettle,
    Fault::ChargesTwice,
    Fault::LooksThenCharges,
    Fault::DeniesAsBefore,
    Fault::ChargesInParts,
    Fault::TellsTwoMoments,
    Fault::ChangesLate,
    Fault::LosesUsage,
    Fault::GivesBackTwice,
    Fault::ResetsLate,
];

struct Faulty {
    limiter: Limiter,
    fault: Fault,
    under_way: AtomicU64,
    spare_keys: AtomicU64,
    denials: Mutex<HashMap<(u64, PlanId, Cost), Decision>>,
    changes: Mutex<HashMap<u64, (PlanId, Timestamp)>>,
    resets: Mutex<HashMap<u64, Timestamp>>,
}

impl Faulty {
    fn new(limiter: Limiter, fault: Fault) -> Self {
        Self {
            limiter,
            fault,
            under_way: AtomicU64::new(0),
            spare_keys: AtomicU64::new(1 << 40),
            denials: Mutex::default(),
            changes: Mutex::default(),
            resets: Mutex::default(),
        }
    }

    /// A call, during which others are let in.
    fn call<A>(&self, key: u64, call: impl FnOnce(bool) -> A) -> A {
        let alone = self.under_way.fetch_add(1, Ordering::SeqCst) == 0;
        yield_now();
        let late = self.changes.lock().unwrap().remove(&key);
        if let Some((plan, at)) = late {
            self.limiter.change_plan(&key, plan, at);
        }
        let late = self.resets.lock().unwrap().remove(&key);
        if let Some(at) = late {
            self.limiter.reset(&key, at);
        }
        let answer = call(alone);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    fn look_then_charge(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        let (verdict, _) = self.limiter.peek(&key, plan, cost, at);
        yield_now();
        let decision = self.limiter.check(&key, plan, cost, at);
        let (Verdict::Admit(_), Decision::Denied(_)) = (verdict, &decision) else { return decision };
        // A reservation of some other key's, since this one has none.
        self.limiter.check(&self.spare_keys.fetch_add(1, Ordering::SeqCst), plan, cost, at)
    }

    fn charge_in_parts(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        match self.limiter.check(&key, plan, Cost { tokens: 0, ..cost }, at) {
            Decision::Admitted(Admission { reservation, shadow }) => {
                yield_now();
                match self.limiter.check(&key, plan, Cost { requests: 0, ..cost }, at) {
                    Decision::Admitted(_) => Decision::Admitted(Admission { reservation, shadow }),
                    denied => {
                        self.limiter.cancel(reservation, at);
                        denied
                    }
                }
            }
            denied => denied,
        }
    }

    fn deny_as_before(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        if let Some(denied) = self.denials.lock().unwrap().remove(&(key, plan, cost)) {
            return denied;
        }
        let decision = self.limiter.check(&key, plan, cost, at);
        if let Decision::Denied(denial) = decision {
            self.denials.lock().unwrap().insert((key, plan, cost), Decision::Denied(denial));
        }
        decision
    }
}

impl Subject for Faulty {
    fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    fn check(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        self.call(key, |alone| match self.fault {
            Fault::LooksThenCharges => self.look_then_charge(key, plan, cost, at),
            Fault::DeniesAsBefore => self.deny_as_before(key, plan, cost, at),
            Fault::ChargesInParts => self.charge_in_parts(key, plan, cost, at),
            Fault::ChargesTwice if !alone => {
                let _ = self.limiter.check(&key, plan, cost, at);
                self.limiter.check(&key, plan, cost, at)
            }
            _ => self.limiter.check(&key, plan, cost, at),
        })
    }

    fn peek(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> (Verdict, Statuses) {
        let peek = || {
            let (verdict, standing) = self.limiter.peek(&key, plan, cost, at);
            (verdict, statuses(&standing))
        };
        self.call(key, |_| {
            let (verdict, mut seen) = peek();
            if self.fault == Fault::TellsTwoMoments {
                yield_now();
                seen[LimitId::TokensWindow as usize] = peek().1[LimitId::TokensWindow as usize];
            }
            (verdict, seen)
        })
    }

    fn settle(&self, key: u64, reservation: Reservation, tokens: u64, at: Timestamp) {
        self.call(key, |alone| {
            if alone || self.fault != Fault::LosesASettle {
                self.limiter.settle(reservation, tokens, at);
            }
        });
    }

    fn change_plan(&self, key: u64, plan: PlanId, at: Timestamp) {
        if self.fault == Fault::ChangesLate {
            self.changes.lock().unwrap().insert(key, (plan, at));
            return;
        }
        self.call(key, |_| self.limiter.change_plan(&key, plan, at));
    }

    fn record_usage(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) {
        self.call(key, |alone| {
            if alone || self.fault != Fault::LosesUsage {
                self.limiter.record_usage(&key, plan, cost, at);
            }
        });
    }

    fn give_back(&self, key: u64, cost: Cost, at: Timestamp) -> bool {
        self.call(key, |alone| {
            if !alone && self.fault == Fault::GivesBackTwice {
                self.limiter.give_back(&key, cost, at);
            }
            self.limiter.give_back(&key, cost, at)
        })
    }

    fn reset(&self, key: u64, at: Timestamp) -> bool {
        self.call(key, |_| match self.fault {
            Fault::ResetsLate => {
                self.resets.lock().unwrap().insert(key, at);
                self.limiter.give_back(&key, Cost::default(), at)
            }
            _ => self.limiter.reset(&key, at),
        })
    }
}

/// Each of them is found out, and what is shown of it is less than was recorded.
#[test]
fn limiters_with_a_fault_are_found_out() {
    let (mut shown_of_all, mut all_of_all) = (0, 0);
    for fault in FAULTS {
        let report = histories_of(fault).expect_err(&format!("{fault:?} was not found out"));
        let (shown, all) = report.split_once("of all of these").expect("both are shown");
        let events = |text: &str| text.lines().filter(|line| line.contains("  thread ")).count();
        assert!((1..=events(all)).contains(&events(shown)), "{fault:?}: {report}");
        (shown_of_all, all_of_all) = (shown_of_all + events(shown), all_of_all + events(all));
        println!("{fault:?}, {report}");
    }
    assert!(shown_of_all * 2 < all_of_all, "{shown_of_all} of {all_of_all} are shown");
}

#[cfg(not(tidegate_shuttle))]
fn histories_of(fault: Fault) -> Result<Counts, String> {
    run(Runs { histories: 20_000, threads: 3, seed: 1 }, |limiter| Faulty::new(limiter, fault))
}

#[cfg(tidegate_shuttle)]
fn histories_of(fault: Fault) -> Result<Counts, String> {
    run(20_000, move |history| roomy(history, 3, |limiter| Faulty::new(limiter, fault)))
}

/// And without a fault, what lets others in is not taken for one.
#[cfg(not(tidegate_shuttle))]
#[test]
fn a_limiter_whose_calls_wait_is_none_of_them() {
    let counts =
        run(Runs { histories: 500, threads: 3, seed: 1 }, Waiting).unwrap_or_else(|why| panic!("{why}"));
    assert!(counts.overlapping > 0, "{counts}");
}

#[cfg(not(tidegate_shuttle))]
struct Waiting(Limiter);

#[cfg(not(tidegate_shuttle))]
impl Subject for Waiting {
    fn limiter(&self) -> &Limiter {
        &self.0
    }

    fn check(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        yield_now();
        let decision = self.0.check(&key, plan, cost, at);
        yield_now();
        decision
    }

    fn settle(&self, _key: u64, reservation: Reservation, tokens: u64, at: Timestamp) {
        yield_now();
        self.0.settle(reservation, tokens, at);
        yield_now();
    }
}

//! The decision on all descriptors of a request together.
//!
//! A request is admitted by all of its descriptors or charged to none (R5). Where it has several to charge, all are asked first
//! without a charge; only if each has room are they charged, one after the other. Should one deny after all, since another
//! request came between, those charged before it are cancelled (R7): a request that is denied so may for a moment have taken
//! room from a third, never for longer.
//!
//! What a descriptor reports or gives back has happened already, and is counted whatever becomes of the others.

use super::config::Unmatched;
use super::overrides::Overrides;
use super::rules::{Deed, Matched, Rules};
use super::wire::RateLimitRequest;
use crate::serve::keys::Keys;
use tidegate::{Cost, Decision, LimitSet, Limiter, Reservation, Standing, Timestamp, Verdict};

/// What becomes of one descriptor.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) matched: Option<Matched<'a>>,
    pub(super) verdict: Verdict,
    /// Its limits; of a descriptor that no rule is for there are none.
    pub(super) standing: Option<Standing<'a>>,
    /// It is denied, whatever the verdict of its limits.
    refused: bool,
}

impl Answer<'_> {
    /// Whether it denies the request.
    pub(super) fn denies(&self) -> bool {
        self.refused || !matches!(self.verdict, Verdict::Admit(_))
    }

    /// Whether it has no limit that would ever admit it.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    fn cost(&self) -> Option<Cost> {
        match self.matched?.deed {
            Deed::Charge(cost) => Some(cost),
            _ => None,
        }
    }
}

/// Decides on a request's descriptors, in their order.
pub(super) fn decide<'a>(
    limiter: &'a Limiter,
    rules: &'a Rules,
    overrides: &Overrides,
    keys: &Keys,
    request: &'a RateLimitRequest,
    at: Timestamp,
) -> Vec<Answer<'a>> {
    let mut answers: Vec<Answer<'a>> = Vec::with_capacity(request.descriptors.len());
    for descriptor in &request.descriptors {
        let matched = rules.find(limiter, overrides, keys, &request.domain, descriptor, request.hits_addend);
        if let Some(matched) = matched {
            count_what_has_happened(limiter, matched, at);
        }
        answers.push(Answer {
            matched,
            verdict: ADMITTED,
            standing: None,
            refused: match matched {
                None => rules.unmatched == Unmatched::Deny,
                Some(matched) => matches!(matched.deed, Deed::Refuse(_)),
            },
        });
    }
    let charges = answers.iter().filter(|answer| answer.cost().is_some()).count();
    let only_one = charges == 1;
    // All that is counted already stands, so that each is asked as if it came last.
    for answer in &mut answers {
        if !(only_one && answer.cost().is_some()) {
            answer.ask(limiter, at);
        }
    }
    let others_deny = answers.iter().any(|answer| answer.cost().is_none() && answer.denies());
    if others_deny {
        for answer in answers.iter_mut().filter(|answer| answer.standing.is_none()) {
            answer.ask(limiter, at);
        }
    } else {
        charge(limiter, &mut answers, at);
    }
    answers
}

const ADMITTED: Verdict = Verdict::Admit(LimitSet::EMPTY);

fn count_what_has_happened(limiter: &Limiter, matched: Matched<'_>, at: Timestamp) {
    match matched.deed {
        Deed::Report(cost) => limiter.record_usage(&matched.key, matched.plan, cost, at),
        Deed::GiveBack(cost) => {
            // A key without a record has nothing to be given back.
            let _: bool = limiter.give_back(&matched.key, cost, at);
        }
        Deed::Charge(_) | Deed::Ask(_) | Deed::Refuse(_) => {}
    }
}

impl<'a> Answer<'a> {
    /// What would become of it now; charges nothing.
    fn ask(&mut self, limiter: &'a Limiter, at: Timestamp) {
        let Some(Matched { key, plan, deed, .. }) = self.matched else { return };
        let asked = match deed {
            Deed::Charge(cost) | Deed::Ask(cost) => cost,
            Deed::Report(_) | Deed::GiveBack(_) | Deed::Refuse(_) => Cost::default(),
        };
        let (verdict, standing) = limiter.peek(&key, plan, asked, at);
        if matches!(deed, Deed::Charge(_) | Deed::Ask(_)) {
            self.verdict = verdict;
        }
        self.standing = Some(standing);
    }

    /// Charges it, if there is room.
    fn charge(&mut self, limiter: &'a Limiter, at: Timestamp) -> Option<Reservation> {
        let (Matched { key, plan, .. }, cost) = (self.matched?, self.cost()?);
        let (decision, standing) = limiter.check_with_standing(&key, plan, cost, at);
        (self.verdict, self.standing) = (decision.verdict(), Some(standing));
        match decision {
            Decision::Admitted(admission) => Some(admission.reservation),
            Decision::Denied(_) | Decision::Never(_) => None,
        }
    }
}

/// Charges all that are to be charged, or none.
fn charge<'a>(limiter: &'a Limiter, answers: &mut [Answer<'a>], at: Timestamp) {
    // One that was denied when asked comes first: nothing need be taken back then.
    let denied_first = answers.iter().position(|answer| answer.cost().is_some() && answer.denies());
    let rest = (0..answers.len()).filter(|place| Some(*place) != denied_first);
    let order: Vec<usize> = denied_first.into_iter().chain(rest).collect();
    let mut charged: Vec<(usize, Reservation)> = Vec::with_capacity(answers.len());
    for place in order {
        if answers[place].cost().is_none() {
            continue;
        }
        match answers[place].charge(limiter, at) {
            Some(reservation) => charged.push((place, reservation)),
            None => {
                // Two of them may be counted in one place: what is left there is only told when all is back.
                let places: Vec<usize> = charged.iter().map(|(place, _)| *place).collect();
                for (_, reservation) in charged {
                    limiter.cancel(reservation, at);
                }
                for place in places {
                    answers[place].ask(limiter, at);
                }
                return;
            }
        }
    }
    for (_, reservation) in charged {
        // Its hits are what it costs.
        limiter.settle_by_estimate(reservation, at);
    }
}

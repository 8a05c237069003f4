//! What a limiter answered, counted beside it.

use tidegate::{Decision, LimitId, Observed};

/// What the limiter's own counts should say.
#[derive(Debug, Default)]
pub(crate) struct Told {
    admitted: u64,
    denied: [u64; LimitId::ALL.len()],
    never: [u64; LimitId::ALL.len()],
    shadowed: [u64; LimitId::ALL.len()],
    pub(crate) settled: u64,
    pub(crate) cancelled: u64,
}

impl Told {
    /// Counts an answer.
    pub(crate) fn note(&mut self, decision: &Decision) {
        match decision {
            Decision::Admitted(admission) => {
                self.admitted += 1;
                admission.shadow.iter().for_each(|id| self.shadowed[id as usize] += 1);
            }
            Decision::Denied(denial) => self.denied[denial.limit as usize] += 1,
            Decision::Never(id) => self.never[*id as usize] += 1,
        }
    }

    /// The limiter counted the same.
    pub(crate) fn assert_counted(&self, observed: &Observed) {
        assert_eq!(observed.admitted, self.admitted);
        assert_eq!((observed.settled, observed.cancelled), (self.settled, self.cancelled));
        for id in LimitId::ALL {
            let counted = [observed.denied, observed.never, observed.shadowed].map(|counts| counts.of(id));
            let answered = [self.denied, self.never, self.shadowed].map(|counts| counts[id as usize]);
            assert_eq!(counted, answered, "denied, never, shadowed by {id:?}");
        }
    }
}

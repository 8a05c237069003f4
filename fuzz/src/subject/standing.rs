//! R11: what is left of a subject's limits.

use super::{Subject, is_reached};
use crate::oracle::later;
use tidegate::{Limit, LimitId, LimitStatus, RateLimitHeaders, Standing, Timestamp, Unit, Verdict};

impl Subject {
    /// R11: what is left of each limit, the first instant at which it is whole, and the headers made of that.
    pub fn assert_standing(&self, verdict: Verdict, standing: &Standing<'_>) {
        if !self.is_followed() {
            return;
        }
        let at = standing.at();
        for id in LimitId::ALL {
            let status = standing.status(id);
            assert_eq!(status.map(|status| status.remaining), self.oracle.remaining(id, at), "{id:?}");
            if let Some(status) = status {
                self.assert_reset(id, at, status);
            }
        }
        self.assert_headers(verdict, standing);
    }

    fn assert_reset(&self, id: LimitId, at: Timestamp, status: LimitStatus) {
        if !is_reached(at, status.reset_after) {
            return;
        }
        let whole = |at| self.oracle.remaining(id, at) == Some(status.limit);
        let reset = status.reset_after.get();
        assert!(whole(later(at, reset)), "{id:?} is not whole after {reset} ns");
        assert!(reset == 0 || !whole(later(at, reset - 1)), "{id:?} is whole before {reset} ns");
    }

    fn assert_headers(&self, verdict: Verdict, standing: &Standing<'_>) {
        let described = match verdict {
            Verdict::Admit(_) => LimitId::window(Unit::Requests),
            Verdict::Deny(denial) => denial.limit,
            Verdict::Never(limit) => limit,
        };
        let limit = self.oracle.plan().limit(described);
        let headers = RateLimitHeaders::new(verdict, standing);
        assert_eq!(headers.is_some(), limit.is_some());
        let (Some(headers), Some(limit)) = (headers, limit) else { return };
        assert_eq!(headers.limit, limit.amount());
        assert_eq!(Some(headers.remaining), self.oracle.remaining(described, standing.at()));
        assert_eq!(headers.retry.is_none(), matches!(verdict, Verdict::Admit(_)));
    }

    /// A key that has no record of its own has used nothing that counts.
    pub fn assert_unused(&self, at: Timestamp) {
        assert!(!self.own_plan, "a key with a plan of its own is known");
        if !self.is_followed() {
            return;
        }
        for id in LimitId::ALL {
            let whole = self.oracle.plan().limit(id).map(Limit::amount);
            assert_eq!(self.oracle.remaining(id, at), whole, "{id:?} of a key that is not known");
        }
    }
}

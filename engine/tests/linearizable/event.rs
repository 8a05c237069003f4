//! What is recorded of a call: who made it, when, and what was answered.

use crate::search::Span;
use std::fmt;
use tidegate::{Cost, LimitId, LimitStatus, Standing, Timestamp, Verdict};

/// An event's number within its history; a reservation goes by the number of its call.
pub(crate) type Number = usize;

/// A call of the limiter, whose key and time stand beside it. Plans are numbers within a set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    /// `check`, one call of a `check_batch`, or `check_with_standing`.
    Check {
        plan: usize,
        cost: Cost,
    },
    Peek {
        plan: usize,
        cost: Cost,
    },
    /// The reservation of that call is settled with so many tokens.
    Settle {
        of: Number,
        tokens: u64,
    },
    /// And cancelled.
    Cancel {
        of: Number,
    },
    ChangePlan {
        plan: usize,
    },
    SetOwnPlan {
        plan: usize,
    },
    ClearOwnPlan,
    RecordUsage {
        plan: usize,
        cost: Cost,
    },
    GiveBack {
        cost: Cost,
    },
    Reset,
    /// No call of its own: a call that makes its key known under this plan has done so, and not yet been decided.
    MakeKnown {
        plan: usize,
    },
}

/// What is told of each limit.
pub(crate) type Statuses = [Option<LimitStatus>; 4];

pub(crate) fn statuses(standing: &Standing<'_>) -> Statuses {
    LimitId::ALL.map(|limit| standing.status(limit))
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Verdict(Verdict),
    Standing(Verdict, Statuses),
    /// Whether a plan of the key's own was kept.
    Kept(bool),
    /// Whether the key had a record to change.
    Found(bool),
    /// The call answers nothing.
    Done,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) number: Number,
    pub(crate) thread: usize,
    pub(crate) key: usize,
    pub(crate) call: Call,
    pub(crate) at: Timestamp,
    pub(crate) span: Span,
    /// `None` if it does not matter.
    pub(crate) answer: Option<Answer>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { number, thread, key, at, .. }, Span { invoked, returned }) = (self, self.span);
        write!(f, "{number:>3}  thread {thread}  {invoked:>3} to {returned:<3} ")?;
        write!(f, "{:>22}", at.monotonic.get())?;
        if at.unix != at.monotonic {
            write!(f, " (wall {})", at.unix.get())?;
        }
        write!(f, "  key {key}  {:?} → ", self.call)?;
        match &self.answer {
            None => f.write_str("whatever it was"),
            Some(Answer::Verdict(verdict)) => write!(f, "{verdict:?}"),
            Some(Answer::Standing(verdict, statuses)) => {
                write!(f, "{verdict:?}, left")?;
                for (limit, status) in LimitId::ALL.into_iter().zip(statuses) {
                    let Some(status) = status else { continue };
                    let (left, of, reset) = (status.remaining, status.limit, status.reset_after);
                    write!(f, " {limit:?} {left} of {of} until {reset:?};")?;
                }
                Ok(())
            }
            Some(Answer::Kept(told) | Answer::Found(told)) => write!(f, "{told}"),
            Some(Answer::Done) => f.write_str("done"),
        }
    }
}

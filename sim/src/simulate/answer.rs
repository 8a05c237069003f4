//! What clients hear from the gateway: all that passes from one side of a world to the other, but for the attempts themselves.

use super::calls::{Call, TooManyCalls};
use super::events::Class;
use tidegate::{LimitId, Nanos};

/// Something that the gateway's side has done, of which the clients' side keeps count and draws its consequences.
///
/// An attempt is counted when its first answer is: that it was blocked, denied or admitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    /// The warm-up is over.
    WarmedUp,
    /// The guard does not let an attempt through: this is the answer's status, and the block lasts so long still.
    Blocked(Call, u16, Nanos),
    /// A limit denies an attempt, and would admit it so much later.
    Denied(Call, LimitId, Nanos),
    /// A limit will never admit it.
    Never(Call, LimitId),
    /// The limits admit it. Without a backend that is the call's success.
    Admitted(Call),
    /// The backend turns an admitted attempt away.
    TurnedAway(Call),
    /// The backend has served one.
    Served(Call, Service),
    /// A client has waited for one long enough.
    TimedOut(Call),
    /// A response has ended, which its client may have waited for: its crowd, and which of its clients.
    Ended(u16, u32),
}

/// How an attempt was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// From its coming to the end.
    pub(super) sojourn: Nanos,
    /// How much of that was service.
    pub(super) time: Nanos,
    /// Whether its client has waited for it.
    pub(super) in_time: bool,
    /// Whether it ended in a failure.
    pub(super) fails: bool,
}

/// What lies outside of the gateway's side: the clients, who hear its answers, and the events that it plans for itself.
pub(super) trait Outside {
    /// Something will happen at the gateway.
    fn plan(&mut self, time: Nanos, class: Class, target: u32);

    /// Clients hear of something that happens now.
    fn hear(&mut self, answer: Answer, now: Nanos) -> Result<(), TooManyCalls>;
}

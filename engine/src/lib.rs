#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

/// The example of the front page compiles and runs with the crate's own.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;

pub mod clock;
mod decision;
pub mod guard;
pub mod headers;
mod held;
mod hint_line;
mod limiter;
mod nanos;
mod observe;
mod packed;
mod plan;
mod record;
mod reservation;
mod seed;
mod sync;
mod table;
mod unit;
mod zeroed;

#[cfg(feature = "serde")]
pub mod config;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use decision::{Admission, Decision, Standing};
pub use guard::Guard;
pub use headers::RateLimitHeaders;
pub use held::Held;
pub use limiter::{BuildError, Builder, Call, Limiter};
pub use nanos::Nanos;
pub use observe::{DeniedKey, HotKey, KeyFingerprint, Observed, PerLimit};
pub use plan::{Burst, Limit, Mode, Plan, PlanBuilder, PlanError, PlanId, PlansFull, Span};
pub use record::{Denial, LimitStatus, Verdict};
pub use reservation::Reservation;
pub use table::ShardOccupancy;
pub use unit::{Cost, LimitId, LimitSet, Unit};

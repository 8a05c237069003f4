//! The numbers of a plan as the ledger reckons with them.

use tidegate::{Limit, LimitId, Mode, Plan, Span, Unit};

const MINUTE: u128 = 60_000_000_000;

/// L, C, W and mode of a window limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowTerms {
    /// L.
    pub amount: u128,
    /// C.
    pub ceiling: u128,
    /// W in nanoseconds.
    pub length: u128,
    /// Not in shadow.
    pub enforced: bool,
}

/// Q and mode of a day's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayTerms {
    /// Q.
    pub amount: u128,
    /// Not in shadow.
    pub enforced: bool,
}

/// All limits of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    windows: [Option<WindowTerms>; 2],
    days: [Option<DayTerms>; 2],
}

impl Terms {
    /// The terms of a plan.
    pub fn of(plan: &Plan) -> Self {
        let enforced = |limit: &Limit| limit.mode() == Mode::Enforce;
        let window = |unit: Unit| {
            let limit = plan.limit(LimitId::window(unit))?;
            let Span::Window(length) = limit.span() else { return None };
            Some(WindowTerms {
                amount: limit.amount().into(),
                ceiling: limit.ceiling().into(),
                length: length.get().into(),
                enforced: enforced(limit),
            })
        };
        let day = |unit: Unit| {
            let limit = plan.limit(LimitId::day(unit))?;
            Some(DayTerms { amount: limit.amount().into(), enforced: enforced(limit) })
        };
        Self { windows: Unit::ALL.map(window), days: Unit::ALL.map(day) }
    }

    /// The window limit of a unit.
    pub fn window(&self, unit: Unit) -> Option<&WindowTerms> {
        self.windows[unit as usize].as_ref()
    }

    /// The day's quota of a unit.
    pub fn day(&self, unit: Unit) -> Option<&DayTerms> {
        self.days[unit as usize].as_ref()
    }

    /// W, or a minute where there is no window limit: units are counted all the same, for a later plan (R9).
    pub fn length(&self, unit: Unit) -> u128 {
        self.window(unit).map_or(MINUTE, |window| window.length)
    }
}

//! R8 and R15 under clocks that do not do what clocks should: a suspended machine, a wall clock set, a jump of a year.

use crate::{Scale, attack, chance, figure};
use std::collections::VecDeque;
use tidegate::{Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanId, Timestamp, Unit};

const SECOND: u64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND as i64;
const YEAR: i64 = 365 * 24 * HOUR;

/// Ten a minute, so that twelve are the ceiling, and thirty a day.
const CEILING: u64 = 12;
const QUOTA: u64 = 30;

/// One key, and two clocks that are set at will.
struct Client {
    limiter: Limiter,
    plan: PlanId,
    at: Timestamp,
}

impl Client {
    /// Half an hour before the end of a day, 1,000 s after a start.
    fn new() -> Self {
        let limiter = Limiter::builder().capacity(4).build().unwrap();
        let plan = Plan::builder("p").requests_per_minute(10).limit(Limit::day(Unit::Requests, QUOTA));
        let plan = limiter.add_plan(&plan.build().unwrap()).unwrap();
        let unix = Nanos::from_secs(20_000 * 86_400 - 1_800);
        Self { limiter, plan, at: Timestamp { monotonic: Nanos::from_secs(1_000), unix } }
    }

    fn turn(&mut self, monotonic: i64, unix: i64) {
        let turned = |clock: Nanos, by| Nanos::new(clock.get().saturating_add_signed(by));
        self.at =
            Timestamp { monotonic: turned(self.at.monotonic, monotonic), unix: turned(self.at.unix, unix) };
    }

    /// Forty calls at one instant: how many are admitted, and what denied the last.
    fn calls(&self) -> (u64, Option<LimitId>) {
        let mut admitted = 0;
        let mut denied = None;
        for _ in 0..40 {
            match self.limiter.check("key", self.plan, Cost::REQUEST, self.at) {
                Decision::Admitted(_) => admitted += 1,
                Decision::Denied(denial) => denied = Some(denial.limit),
                Decision::Never(limit) => panic!("one request is never too many: {limit:?}"),
            }
        }
        (admitted, denied)
    }
}

attack!(clocks_set_one_without_the_other);
/// Windows go by the one clock and days by the other; setting either gives what that one gives and no more.
fn clocks_set_one_without_the_other(_: Scale) {
    let (window, day) = (LimitId::RequestsWindow, LimitId::RequestsDay);
    let two_minutes = 120 * SECOND as i64;
    let table = [
        ("the first calls", 0, 0, 12, window),
        ("both clocks stand", 0, 0, 0, window),
        ("suspended for an hour, past midnight: the monotonic clock stood", 0, HOUR, 0, window),
        ("two minutes later, in the new day", two_minutes, two_minutes, 12, window),
        ("the wall clock is set back into the old day", two_minutes, -HOUR, 12, window),
        ("and stays there: the day is the new one still", two_minutes, 0, 6, day),
        ("the wall clock stood for an hour, the monotonic one went on", HOUR, 0, 0, day),
        ("both a year on", YEAR, YEAR, 12, window),
        ("the monotonic clock back by an hour", -HOUR, 0, 0, window),
        ("and back by a year", -YEAR, 0, 0, window),
        ("the wall clock on by a year, the window's time does not come", 0, YEAR, 0, window),
        ("both clocks at their end", i64::MAX, i64::MAX, 12, window),
        ("and at their beginning", i64::MIN, i64::MIN, 0, window),
    ];
    let mut client = Client::new();
    for (what, monotonic, unix, admitted, denied_by) in table {
        client.turn(monotonic, unix);
        assert_eq!(client.calls(), (admitted, Some(denied_by)), "{what}");
        figure(what, admitted);
    }
}

attack!(clocks_turned_at_random);
/// Each clock by itself stands, creeps, jumps and goes back. A plain log holds R1 and R8 against what was admitted, at
/// the latest time and day that the key was admitted at.
fn clocks_turned_at_random(scale: Scale) {
    const TURNS: [i64; 9] =
        [0, 1, 1_000_000, 7_000_000_000, 60_000_000_000, HOUR, 24 * HOUR, YEAR, 8_571_428_571];
    let (mut calls, mut all) = (0, 0);
    for walk in 0..scale.of(300, 30_000) {
        let mut client = Client::new();
        let mut log: VecDeque<(Nanos, u64)> = VecDeque::new();
        let (mut latest, mut day, mut today) = (Nanos::ZERO, 0, 0);
        // Some walks never leap.
        let turns = &TURNS[..if walk % 2 == 0 { TURNS.len() } else { 5 }];
        for step in 0..60 {
            let random = chance(walk << 8 | step);
            let turn = |random: u64| {
                turns[random as usize % turns.len()] * if random & 1 << 40 == 0 { 1 } else { -1 }
            };
            client.turn(turn(random >> 4), turn(random >> 12));
            let (admitted, _) = client.calls();
            (calls, all) = (calls + 40, all + admitted);
            if admitted > 0 {
                // A denial is written nowhere: not its time either.
                latest = latest.max(client.at.monotonic);
                log.push_back((latest, admitted));
                let number = client.at.unix.get() / Nanos::DAY.get();
                today = if number > day { admitted } else { today + admitted };
                day = day.max(number);
            }
            while log.front().is_some_and(|(then, _)| latest - *then >= Nanos::MINUTE) {
                log.pop_front();
            }
            let window: u64 = log.iter().map(|(_, admitted)| admitted).sum();
            assert!(window <= CEILING && today <= QUOTA, "{window}, {today} in walk {walk}, step {step}");
        }
    }
    figure("calls, admitted", format!("{calls}, {all}"));
    assert!(all > calls / 100, "the clocks went on: {all}");
}

//! Two denials of one key at once: each is given a place of its own, and the line knows of both.

use super::{HintLines, Wait};
use crate::nanos::Nanos;
use crate::sync::model::{Arc, check, thread};
use crate::unit::LimitId;

const KEY: u64 = 1 << 40;

#[test]
fn two_denials_get_places_apart() {
    check(|| {
        let lines = Arc::new(HintLines::new().unwrap());
        let now = Nanos::from_secs(10);
        let wait =
            Wait { exact: Nanos::from_secs(3), interval: Nanos::from_secs(1), horizon: Nanos::from_secs(60) };
        let next =
            move |lines: &HintLines| lines.next(KEY, LimitId::RequestsWindow, now, wait).as_secs_ceil();
        let theirs = lines.clone();
        let thread = thread::spawn(move || next(&theirs));
        let ours = next(&lines);
        let mut places = [ours, thread.join().unwrap()];
        places.sort_unstable();
        assert_eq!(places, [3, 4]);
        assert_eq!(next(&lines), 5);
    });
}

#[test]
fn a_line_that_ended_begins_anew_once() {
    check(|| {
        let lines = Arc::new(HintLines::new().unwrap());
        let now = Nanos::from_secs(10);
        let second = Nanos::from_secs(1);
        // Two places: the exact time, and the interval after it.
        let wait = Wait { exact: second, interval: second, horizon: second };
        let next =
            move |lines: &HintLines| lines.next(KEY, LimitId::RequestsWindow, now, wait).as_secs_ceil();
        assert_eq!(next(&lines), 1);
        let theirs = lines.clone();
        let thread = thread::spawn(move || next(&theirs));
        let ours = next(&lines);
        let mut places = [ours, thread.join().unwrap()];
        places.sort_unstable();
        assert_eq!(places, [1, 2]);
    });
}

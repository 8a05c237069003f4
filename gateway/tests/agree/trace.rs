//! Traces: real ones, and one made up.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What a trace has at a time, beside time and key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    /// A call that reserves so many tokens, and, unless a settle follows, ends at once without a word of them.
    Call { id: u64, tokens: u64, is_settled: bool },
    /// A call's response ends and says what it used.
    Settle { id: u64, tokens: u64 },
}

/// A real trace, if it is there; else it is said what is done without it.
pub(crate) fn real(name: &str, without: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap();
    let file = root.join("../shared/data").join(name);
    if file.exists() {
        return Some(file);
    }
    eprintln!("{without}: there is no {}", file.display());
    None
}

/// The calls of a trace in Azure's form: tokens reserved, and used.
pub(crate) fn azure(text: &str) -> Vec<(u64, u64)> {
    let row = |line: &str| {
        let mut fields = line.split(',').skip(1).map(|field| field.trim().parse::<u64>().unwrap());
        let (context, generated) = (fields.next().unwrap(), fields.next().unwrap());
        (context, context + generated)
    };
    text.lines().skip(1).map(row).collect()
}

/// A trace of keys on several plans across a midnight, in which calls overlap, are settled late by less, as much or more than they
/// reserved, or never, and ask for nothing or far too much: as CSV, and its events.
pub(crate) fn made_up(calls: usize, plans: &[&str]) -> (String, Vec<Event>) {
    let mut random = fastrand::Rng::with_seed(7);
    // 2023-11-14 23:50:00 UTC.
    let mut now: u64 = 1_700_005_800_000_000_000;
    let mut lines = Vec::new();
    for id in 0..calls as u64 {
        now += random.u64(0..1_200_000_000);
        let name = random.usize(0..8 * plans.len());
        let plan = plans[name % plans.len()];
        let tokens = match random.u8(0..20) {
            0 => 0,
            1 => random.u64(1..10),
            2 => 1_000_000,
            _ => random.u64(10..2_000),
        };
        let is_settled = random.u8(0..4) > 0;
        let call = Event::Call { id, tokens, is_settled };
        lines.push((now, format!("k{name},call,c{id},{tokens},{plan}"), call));
        if is_settled {
            let later = if random.bool() { 0 } else { random.u64(1..20_000_000_000) };
            let used = random.u64(0..=2 * tokens.min(2_000));
            lines.push((now + later, format!(",settle,c{id},{used},"), Event::Settle { id, tokens: used }));
        }
    }
    lines.sort_by_key(|(time, ..)| *time);
    let mut csv = "time,key,event,id,tokens,plan\n".to_owned();
    for (time, fields, _) in &lines {
        let _ = writeln!(csv, "{}.{:09},{fields}", time / 1_000_000_000, time % 1_000_000_000);
    }
    (csv, lines.into_iter().map(|(.., event)| event).collect())
}

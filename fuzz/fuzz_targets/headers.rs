//! What is sent to callers parses back: numbers are numbers, names are quoted, nothing remains beyond the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::headers::{ietf_policy, ietf_rate_limit};
use tidegate::{Cost, LimitId, Limiter, Nanos, RateLimitHeaders, Standing, Timestamp, Verdict};
use tidegate_fuzz::{Bytes, Extremes};

/// One member of a structured-field list: a quoted name and its parameters.
#[derive(Debug)]
struct Member {
    name: String,
    parameters: Vec<(String, String)>,
}

/// Reads a list as RFC 9651 has it, as far as these fields use it; `None` if it is not one.
fn parse(field: &str) -> Option<Vec<Member>> {
    let mut rest = field;
    let mut members = Vec::new();
    while !rest.is_empty() {
        let (name, after) = quoted(rest)?;
        let mut member = Member { name, parameters: Vec::new() };
        rest = after;
        while let Some(after) = rest.strip_prefix(';') {
            let (key, after) = after.split_once('=')?;
            let (value, after) = value(after)?;
            member.parameters.push((key.to_owned(), value));
            rest = after;
        }
        members.push(member);
        if !rest.is_empty() {
            rest = rest.strip_prefix(", ").filter(|rest| !rest.is_empty())?;
        }
    }
    Some(members)
}

fn value(text: &str) -> Option<(String, &str)> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    // RFC 9651: integers have at most fifteen digits.
    (1..=15).contains(&end).then(|| (text[..end].to_owned(), &text[end..]))
}

/// A string in quotes: printable ASCII, with quotes and backslashes escaped.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name, &text[at + 2..])),
            '\\' => name.push(characters.next().map(|(_, escaped)| escaped).filter(|c| "\"\\".contains(*c))?),
            ' '..='~' => name.push(character),
            _ => return None,
        }
    }
    None
}

fn number(member: &Member, key: &str) -> u64 {
    let found = member.parameters.iter().find(|(name, _)| name == key);
    found.and_then(|(_, value)| value.parse().ok()).unwrap_or_else(|| panic!("no number {key} in {member:?}"))
}

fn check_ietf(standing: &Standing<'_>) {
    let policy = ietf_policy(standing).to_string();
    let state = ietf_rate_limit(standing).to_string();
    let policies = parse(&policy).unwrap_or_else(|| panic!("no structured list: {policy:?}"));
    let states = parse(&state).unwrap_or_else(|| panic!("no structured list: {state:?}"));
    let limits: Vec<LimitId> = standing.plan().limits().map(|(id, _)| id).collect();
    assert_eq!((policies.len(), states.len()), (limits.len(), limits.len()));
    for ((policy, state), id) in policies.iter().zip(&states).zip(limits) {
        let status = standing.status(id).expect("a limit that is set has a status");
        assert_eq!(policy.name, state.name);
        assert_eq!(number(policy, "q"), status.limit);
        assert_eq!(number(policy, "w"), status.window.as_secs_ceil());
        assert_eq!(number(state, "r"), status.remaining);
        assert!(number(state, "r") <= number(policy, "q"));
        let _ = number(state, "t");
    }
}

fn check_legacy(verdict: Verdict, standing: &Standing<'_>) {
    let Some(headers) = RateLimitHeaders::new(verdict, standing) else {
        assert!(matches!(verdict, Verdict::Admit(_)), "a refusal always has a limit to describe");
        return;
    };
    assert!(headers.remaining <= headers.limit);
    let admitted = matches!(verdict, Verdict::Admit(_));
    assert_eq!(headers.retry.is_none(), admitted);
    for (name, value) in headers.fields() {
        let value = value.to_string();
        match name {
            "x-should-retry" => assert_eq!(value, "false"),
            "retry-after" | "retry-after-ms" => {
                assert!(!admitted && value.parse::<u64>().is_ok_and(|wait| wait >= 1));
            }
            _ => assert!(value.parse::<u64>().is_ok(), "{name}: {value}"),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let Ok(plan) = Extremes::new(&mut bytes).builder.build() else { return };
    let limiter =
        Limiter::builder().capacity(2).max_plans(4).max_threads(1).seed(1).build().expect("a sane capacity");
    let id = limiter.add_plan(&plan).expect("room for a plan");
    let mut at = Timestamp::both(Nanos::new(bytes.number()));
    for _ in 0..8 {
        let cost = Cost { requests: bytes.number(), tokens: bytes.number() };
        let (decision, standing) = limiter.check_with_standing("key", id, cost, at);
        check_legacy(decision.verdict(), &standing);
        check_ietf(&standing);
        at = at.after(Nanos::new(bytes.number()));
    }
});

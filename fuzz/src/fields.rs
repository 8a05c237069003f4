//! The header fields read back by a reader of their own.

use tidegate::headers::{ietf_policy, ietf_rate_limit};
use tidegate::{Denial, Limit, LimitId, RateLimitHeaders, Standing, Unit, Verdict};

/// One member of a structured-field list: a quoted name and its parameters.
#[derive(Debug)]
struct Member {
    name: String,
    parameters: Vec<(String, Value)>,
}

#[derive(Debug, PartialEq)]
enum Value {
    Number(u64),
    Text(String),
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

fn value(text: &str) -> Option<(Value, &str)> {
    if text.starts_with('"') {
        let (text, rest) = quoted(text)?;
        return Some((Value::Text(text), rest));
    }
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    // RFC 9651: integers have at most fifteen digits.
    let number = text[..end].parse().ok().filter(|_| end <= 15)?;
    Some((Value::Number(number), &text[end..]))
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
    match member.parameters.iter().find(|(name, _)| name == key) {
        Some((_, Value::Number(number))) => *number,
        _ => panic!("no number {key} in {member:?}"),
    }
}

/// Every field that is sent for a decision parses back as what the limiter says.
pub fn assert_fields(verdict: Verdict, standing: &Standing<'_>) {
    assert_ietf(standing);
    assert_usual(verdict, standing);
}

fn assert_ietf(standing: &Standing<'_>) {
    let policy = ietf_policy(standing).to_string();
    let state = ietf_rate_limit(standing).to_string();
    let policies = parse(&policy).unwrap_or_else(|| panic!("no structured list: {policy:?}"));
    let states = parse(&state).unwrap_or_else(|| panic!("no structured list: {state:?}"));
    let limits: Vec<(LimitId, &Limit)> = standing.plan().limits().collect();
    assert_eq!((policies.len(), states.len()), (limits.len(), limits.len()));
    for ((policy, state), (id, limit)) in policies.iter().zip(&states).zip(limits) {
        let status = standing.status(id).expect("a limit that is set has a status");
        assert_eq!((policy.name.as_str(), state.name.as_str()), (&*limit.name(), &*limit.name()));
        assert_eq!(number(policy, "q"), status.limit);
        assert_eq!(status.limit, limit.amount());
        assert_eq!(number(policy, "w"), status.window.get().div_ceil(SECOND));
        assert_eq!(number(state, "r"), status.remaining);
        assert!(number(state, "r") <= number(policy, "q"));
        assert_eq!(number(state, "t"), status.reset_after.get().div_ceil(SECOND));
    }
}

const SECOND: u64 = 1_000_000_000;

/// What a response's usual fields should say, one by one.
fn assert_usual(verdict: Verdict, standing: &Standing<'_>) {
    let (described, wait, give_up) = match verdict {
        Verdict::Admit(_) => (LimitId::window(Unit::Requests), None, false),
        Verdict::Never(limit) => (limit, None, true),
        Verdict::Deny(Denial { limit, retry_after }) => (limit, Some(retry_after.get()), limit.is_day()),
    };
    let Some(headers) = RateLimitHeaders::new(verdict, standing) else {
        assert!(standing.status(described).is_none(), "{described:?} is set and has no headers");
        return;
    };
    let status = standing.status(described).expect("headers of a limit that is set");
    let reset = (standing.at().unix + status.reset_after).get().div_ceil(SECOND);
    let mut expected = vec![
        ("x-ratelimit-limit", status.limit.to_string()),
        ("x-ratelimit-remaining", status.remaining.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
    ];
    if let Some(wait) = wait {
        expected.push(("retry-after", wait.div_ceil(SECOND).max(1).to_string()));
        expected.push(("retry-after-ms", wait.div_ceil(1_000_000).max(1).to_string()));
    }
    if give_up {
        expected.push(("x-should-retry", "false".into()));
    }
    let fields: Vec<_> = headers.fields().map(|(name, value)| (name, value.to_string())).collect();
    assert_eq!(fields, expected);
}

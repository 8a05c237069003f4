//! What Envoy is told of a decision.

use super::decide::Answer;
use super::rules::{Deed, Rules};
use super::wire::{
    Code, CurrentLimit, DescriptorStatus, Duration, HeaderValue, RateLimitResponse, Unit as Span,
};
use crate::answer::Refusal;
use crate::fields::Fields;
use tidegate::{LimitId, LimitStatus, Nanos, Standing, Unit, Verdict};

/// The response to a request whose descriptors are answered so.
pub(super) fn response(rules: &Rules, answers: &[Answer<'_>]) -> RateLimitResponse {
    let denied = answers.iter().any(Answer::denies);
    let mut response = RateLimitResponse {
        overall_code: code(denied).into(),
        statuses: answers.iter().map(status).collect(),
        ..RateLimitResponse::default()
    };
    // That lasts longest.
    if answers.iter().any(Answer::is_refused) {
        response.response_headers_to_add.push(field("x-should-retry", "false"));
        add_body(&mut response, rules, &Refusal::Closed);
        return response;
    }
    let told = if denied { longest_denial(answers) } else { least_left(answers) };
    let Some((answer, standing)) = told else { return response };
    let fields = Fields::new(rules.headers, answer.verdict, standing);
    response.response_headers_to_add.extend(fields.iter().map(|(key, value)| field(key, value)));
    let name = |limit| standing.limit_name(limit).unwrap_or_default().to_owned();
    if let Some(refusal) = Refusal::of(answer.verdict, name) {
        add_body(&mut response, rules, &refusal);
    }
    response
}

fn add_body(response: &mut RateLimitResponse, rules: &Rules, refusal: &Refusal) {
    if let Some(shape) = rules.shape {
        response.response_headers_to_add.push(field("content-type", "application/json"));
        response.raw_body = refusal.body(shape);
    }
}

fn code(denied: bool) -> Code {
    if denied { Code::OverLimit } else { Code::Ok }
}

fn field(key: &str, value: &str) -> HeaderValue {
    HeaderValue { key: key.to_owned(), value: value.to_owned() }
}

/// The denial that lasts longest: with it all others are over (R10).
fn longest_denial<'a>(answers: &'a [Answer<'a>]) -> Option<(&'a Answer<'a>, &'a Standing<'a>)> {
    let lasts = |answer: &Answer<'_>| match answer.verdict {
        Verdict::Admit(_) => None,
        Verdict::Deny(denial) => Some(denial.retry_after),
        Verdict::Never(_) => Some(Nanos::MAX),
    };
    let denials =
        answers.iter().filter_map(|answer| Some((lasts(answer)?, answer, answer.standing.as_ref()?)));
    denials.max_by_key(|(lasts, ..)| *lasts).map(|(_, answer, standing)| (answer, standing))
}

/// Of descriptors whose requests are limited, the one with the fewest left.
fn least_left<'a>(answers: &'a [Answer<'a>]) -> Option<(&'a Answer<'a>, &'a Standing<'a>)> {
    let requests = |answer: &'a Answer<'a>| {
        let standing = answer.standing.as_ref()?;
        Some((standing.status(LimitId::RequestsWindow)?.remaining, answer, standing))
    };
    let least = answers.iter().filter_map(requests).min_by_key(|(remaining, ..)| *remaining);
    // Without any, other sets of fields may still have something to tell.
    let any = || answers.iter().find_map(|answer| Some((answer, answer.standing.as_ref()?)));
    least.map(|(_, answer, standing)| (answer, standing)).or_else(any)
}

fn status(answer: &Answer<'_>) -> DescriptorStatus {
    let code = code(answer.denies()).into();
    if let Some(Deed::Refuse(unit)) = answer.matched.map(|matched| matched.deed) {
        // The plan's own limit, which has room perhaps, is not what denies.
        let nothing = CurrentLimit { requests_per_unit: 0, unit, ..CurrentLimit::default() };
        return DescriptorStatus { code, current_limit: Some(nothing), ..DescriptorStatus::default() };
    }
    let described = answer.standing.as_ref().and_then(|standing| {
        let limit = described(answer, standing)?;
        Some((limit, standing.status(limit)?, standing.limit_name(limit).unwrap_or_default()))
    });
    let Some((limit, status, name)) = described else {
        return DescriptorStatus { code, ..DescriptorStatus::default() };
    };
    let current = CurrentLimit {
        requests_per_unit: narrow(status.limit),
        unit: span(limit, &status).into(),
        name: name.to_owned(),
    };
    DescriptorStatus {
        code,
        current_limit: Some(current),
        limit_remaining: narrow(status.remaining),
        duration_until_reset: Some(duration(status.reset_after)),
    }
}

/// The limit that denied, or that of the descriptor's hits with the least left.
fn described(answer: &Answer<'_>, standing: &Standing<'_>) -> Option<LimitId> {
    match answer.verdict {
        Verdict::Deny(denial) => Some(denial.limit),
        Verdict::Never(limit) => Some(limit),
        Verdict::Admit(_) => {
            let hits = answer.matched.map_or(Unit::Requests, |matched| matched.hits);
            let limits = [LimitId::window(hits), LimitId::day(hits)];
            let set = limits.into_iter().filter_map(|limit| Some((standing.status(limit)?.remaining, limit)));
            set.min_by_key(|(remaining, _)| *remaining).map(|(_, limit)| limit)
        }
    }
}

fn narrow(units: u64) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// The unit that Envoy has for a limit's time, if it has one.
fn span(limit: LimitId, status: &LimitStatus) -> Span {
    if limit.is_day() {
        return Span::Day;
    }
    const DAY: u64 = 86_400;
    let spans = [
        (1, Span::Second),
        (60, Span::Minute),
        (3_600, Span::Hour),
        (DAY, Span::Day),
        (7 * DAY, Span::Week),
        (30 * DAY, Span::Month),
        (365 * DAY, Span::Year),
    ];
    let is_long = |seconds| status.window == Nanos::from_secs(seconds);
    spans.into_iter().find(|(seconds, _)| is_long(*seconds)).map_or(Span::Unknown, |(_, span)| span)
}

fn duration(time: Nanos) -> Duration {
    const SECOND: u64 = 1_000_000_000;
    // Both fit: 2⁶⁴ ns are 2³⁴ s.
    Duration { seconds: (time.get() / SECOND) as i64, nanos: (time.get() % SECOND) as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_envoys_name_if_it_has_one() {
        let of = |window| {
            let status = LimitStatus { limit: 1, remaining: 1, reset_after: Nanos::ZERO, window };
            span(LimitId::RequestsWindow, &status)
        };
        assert_eq!(
            [
                Nanos::from_secs(1),
                Nanos::MINUTE,
                Nanos::from_secs(3_600),
                Nanos::DAY,
                Nanos::from_millis(1_500)
            ]
            .map(of),
            [Span::Second, Span::Minute, Span::Hour, Span::Day, Span::Unknown]
        );
    }

    #[test]
    fn times_and_counts_fit() {
        assert_eq!(duration(Nanos::new(1_000_000_002)), Duration { seconds: 1, nanos: 2 });
        assert_eq!(duration(Nanos::MAX).seconds, 18_446_744_073);
        assert_eq!([narrow(7), narrow(u64::MAX)], [7, u32::MAX]);
    }
}

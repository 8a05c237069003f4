//! The header fields of R11, and their relatives that clients of some APIs read.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use std::fmt::Write as _;
use tidegate::headers::{FieldValue, ietf_policy, ietf_rate_limit};
use tidegate::{LimitId, Nanos, RateLimitHeaders, Standing, Unit, Verdict};

/// Which header fields responses get.
///
/// `Retry-After`, `retry-after-ms` and `x-should-retry` come with every denial, whichever sets are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderSet {
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset`: of the requests window, or of the limit that denied.
    pub x_ratelimit: bool,
    /// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10: all limits.
    pub ietf: bool,
    /// `x-ratelimit-limit-requests`, `-remaining-tokens` and so on, as OpenAI's API has them.
    pub openai: bool,
    /// `anthropic-ratelimit-requests-limit`, `-tokens-remaining` and so on.
    pub anthropic: bool,
}

impl Default for HeaderSet {
    /// `X-RateLimit-*` alone.
    fn default() -> Self {
        Self { x_ratelimit: true, ietf: false, openai: false, anthropic: false }
    }
}

/// What a response says of its key's limits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(HeaderName, HeaderValue)>);

impl Fields {
    pub(crate) fn new(set: HeaderSet, verdict: Verdict, standing: &Standing<'_>) -> Self {
        let mut fields = Self(Vec::with_capacity(6));
        if let Some(own) = RateLimitHeaders::new(verdict, standing) {
            let wanted = |name: &str| set.x_ratelimit || !name.starts_with("x-ratelimit");
            for (name, value) in own.fields().filter(|(name, _)| wanted(name)) {
                fields.0.push((HeaderName::from_static(name), number(value)));
            }
        }
        if set.ietf {
            fields.text("ratelimit-policy", &ietf_policy(standing).to_string());
            fields.text("ratelimit", &ietf_rate_limit(standing).to_string());
        }
        if set.openai {
            fields.openai(standing);
        }
        if set.anthropic {
            fields.anthropic(standing);
        }
        fields
    }

    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values.
    #[cfg(feature = "serve")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// Puts them into a response, in the place of any that an upstream has sent of the same names.
    pub(crate) fn insert_into(self, headers: &mut HeaderMap) {
        for (name, value) in self.0 {
            headers.insert(name, value);
        }
    }

    fn text(&mut self, name: &'static str, value: &str) {
        // A plan's names were checked when it was built: they are printable.
        if let Ok(value) = HeaderValue::from_str(value)
            && !value.is_empty()
        {
            self.0.push((HeaderName::from_static(name), value));
        }
    }

    fn openai(&mut self, standing: &Standing<'_>) {
        for (unit, [limit, remaining, reset]) in [
            (
                Unit::Requests,
                [
                    "x-ratelimit-limit-requests",
                    "x-ratelimit-remaining-requests",
                    "x-ratelimit-reset-requests",
                ],
            ),
            (
                Unit::Tokens,
                ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
            ),
        ] {
            let Some(status) = standing.status(LimitId::window(unit)) else { continue };
            self.0.push((HeaderName::from_static(limit), HeaderValue::from(status.limit)));
            self.0.push((HeaderName::from_static(remaining), HeaderValue::from(status.remaining)));
            self.text(reset, &duration(status.reset_after));
        }
    }

    fn anthropic(&mut self, standing: &Standing<'_>) {
        for (unit, [limit, remaining, reset]) in [
            (
                Unit::Requests,
                [
                    "anthropic-ratelimit-requests-limit",
                    "anthropic-ratelimit-requests-remaining",
                    "anthropic-ratelimit-requests-reset",
                ],
            ),
            (
                Unit::Tokens,
                [
                    "anthropic-ratelimit-tokens-limit",
                    "anthropic-ratelimit-tokens-remaining",
                    "anthropic-ratelimit-tokens-reset",
                ],
            ),
        ] {
            let Some(status) = standing.status(LimitId::window(unit)) else { continue };
            self.0.push((HeaderName::from_static(limit), HeaderValue::from(status.limit)));
            self.0.push((HeaderName::from_static(remaining), HeaderValue::from(status.remaining)));
            let second = (standing.at().unix + status.reset_after).as_secs_ceil();
            if let Some(time) =
                i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok())
            {
                self.text(reset, &time.to_string());
            }
        }
    }
}

fn number(value: FieldValue) -> HeaderValue {
    match value {
        FieldValue::Number(number) => HeaderValue::from(number),
        FieldValue::False => HeaderValue::from_static("false"),
    }
}

/// A time as OpenAI's fields have it: `6m0s`, `1s`, `120ms`.
fn duration(time: Nanos) -> String {
    let millis = time.as_millis_ceil();
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let seconds = time.as_secs_ceil();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{seconds}s");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate::{Cost, Limiter, Plan, Timestamp as At};

    fn fields(set: HeaderSet, tokens: u64) -> Vec<(String, String)> {
        let limiter = Limiter::builder().capacity(10).build().unwrap();
        let plan = limiter.add_plan(&Plan::pro()).unwrap();
        let at = At::both(Nanos::from_secs(1_700_000_000));
        let (decision, standing) = limiter.check_with_standing("key", plan, Cost::tokens(tokens), at);
        let fields = Fields::new(set, decision.verdict(), &standing);
        fields.0.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
    }

    fn has(fields: &[(String, String)], name: &str, value: &str) -> bool {
        fields.iter().any(|field| field == &(name.to_owned(), value.to_owned()))
    }

    const NONE: HeaderSet = HeaderSet { x_ratelimit: false, ietf: false, openai: false, anthropic: false };

    #[test]
    fn each_set_has_its_names() {
        let own = fields(HeaderSet::default(), 500);
        assert!(
            has(&own, "x-ratelimit-limit", "1000") && has(&own, "x-ratelimit-remaining", "999"),
            "{own:?}"
        );
        let openai = fields(HeaderSet { openai: true, ..NONE }, 500);
        assert!(has(&openai, "x-ratelimit-limit-requests", "1000"), "{openai:?}");
        assert!(has(&openai, "x-ratelimit-remaining-tokens", "9999500"), "{openai:?}");
        assert!(
            openai.iter().any(|(name, value)| name == "x-ratelimit-reset-requests" && value.ends_with('s'))
        );
        let anthropic = fields(HeaderSet { anthropic: true, ..NONE }, 500);
        assert!(has(&anthropic, "anthropic-ratelimit-tokens-limit", "10000000"), "{anthropic:?}");
        assert!(
            anthropic
                .iter()
                .any(|(name, value)| name.ends_with("requests-reset") && value.starts_with("2023-11-14T22:")),
            "{anthropic:?}"
        );
        let ietf = fields(HeaderSet { ietf: true, ..NONE }, 500);
        assert_eq!(
            ietf.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["ratelimit-policy", "ratelimit"]
        );
        assert_eq!(fields(NONE, 500), []);
    }

    #[test]
    fn a_denial_says_when_to_come_back_in_any_set() {
        let denied = fields(NONE, u64::MAX);
        assert_eq!(denied, [("x-should-retry".to_owned(), "false".to_owned())]);
    }

    #[test]
    fn durations_are_written_as_openai_does() {
        let millis = [1, 120, 999, 1_000, 59_500, 360_000, 3_661_000];
        let texts = millis.map(|millis| duration(Nanos::from_millis(millis)));
        assert_eq!(texts, ["1ms", "120ms", "999ms", "1s", "1m0s", "6m0s", "1h1m1s"]);
    }
}

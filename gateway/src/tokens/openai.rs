//! Requests and responses in OpenAI's form: chat completions, completions, responses, embeddings.

pub(super) mod lenient;
mod prompts;

use super::usage::TokenMeter;
use super::{CostOf, UsageOf};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::response;
use prompts::Prompts;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use tidegate::Cost;

/// One request, and tokens as estimated from its body: the largest of the fields that bound the answer, times `n`, and the input
/// by its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAiCost {
    /// The most bytes of a body.
    pub body_limit: usize,
    /// Tokens of an answer that the request does not bound.
    pub default_answer: u64,
}

impl Default for OpenAiCost {
    fn default() -> Self {
        Self { body_limit: 4 << 20, default_answer: 1_024 }
    }
}

/// Bytes of a request that make about a token; an estimate, which the settle replaces.
pub(super) const BYTES_A_TOKEN: u64 = 4;

/// The fields of a body that say how much may come of it. Of one that is written twice the largest counts, since it is not known which
/// of them the upstream goes by.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    pub(super) max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    n: Option<u64>,
    best_of: Option<u64>,
    /// Of a completion's prompts each is answered.
    prompts: Option<u64>,
}

impl Bounds {
    /// What a body says. Where it is no JSON to a strict reader, it may be to an upstream: what it seems to say counts then.
    pub(super) fn of(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| lenient::bounds(body))
    }

    /// The bound of that name, if it is one.
    fn named(&mut self, name: Name) -> Option<&mut Option<u64>> {
        Some(match name {
            Name::MaxTokens => &mut self.max_tokens,
            Name::MaxCompletionTokens => &mut self.max_completion_tokens,
            Name::MaxOutputTokens => &mut self.max_output_tokens,
            Name::N => &mut self.n,
            Name::BestOf => &mut self.best_of,
            Name::Prompt | Name::Other => return None,
        })
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    // The other name is that of Anthropic's completions of old, whose answers tell no usage.
    #[serde(alias = "max_tokens_to_sample")]
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    N,
    BestOf,
    Prompt,
    #[serde(other)]
    Other,
}

/// A number as upstreams may read it, or something that is none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Bound<'a> {
    Count(u64),
    Float(f64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Other(IgnoredAny),
}

impl Bound<'_> {
    fn count(&self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(*count),
            Self::Float(count) => (*count >= 1.0).then(|| count.ceil() as u64),
            Self::Text(text) => lenient::count(text.trim()),
            Self::Other(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Bounds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bounds, A::Error> {
                let mut bounds = Bounds::default();
                while let Some(name) = map.next_key()? {
                    if let Name::Prompt = name {
                        bounds.prompts = bounds.prompts.max(Some(map.next_value::<Prompts>()?.0));
                    } else if let Some(bound) = bounds.named(name) {
                        *bound = (*bound).max(map.next_value::<Bound<'_>>()?.count());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(bounds)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl OpenAiCost {
    fn tokens(&self, body: &[u8]) -> u64 {
        let bounds = Bounds::of(body);
        let answer = bounds.max_tokens.max(bounds.max_completion_tokens).max(bounds.max_output_tokens);
        let answer = answer.unwrap_or(self.default_answer);
        let times = bounds.n.max(bounds.best_of).unwrap_or(1).max(1);
        let times = times.saturating_mul(bounds.prompts.unwrap_or(1).max(1));
        answer.saturating_mul(times).saturating_add((body.len() as u64).div_ceil(BYTES_A_TOKEN))
    }
}

impl CostOf for OpenAiCost {
    fn body_limit(&self) -> Option<usize> {
        Some(self.body_limit)
    }

    fn cost(&self, request: &Parts, body: &[u8]) -> Cost {
        let counts_only = || request.uri.path().trim_end_matches('/').ends_with("/responses/input_tokens");
        if body.is_empty() || counts_only() {
            Cost::REQUEST
        } else if is_form(request, body) {
            Cost::tokens(self.default_answer)
        } else {
            Cost::tokens(self.tokens(body))
        }
    }
}

/// Whether a body is a form, which brings speech, images or files: their size says nothing of tokens.
fn is_form(request: &Parts, body: &[u8]) -> bool {
    let kind = request.headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let is_said = kind.get(..20).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/form-data;"));
    // It begins with a boundary, as no JSON does, whoever reads it.
    is_said && body.starts_with(b"--")
}

/// `usage` of a JSON response or at the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAiUsage {
    /// More tokens than this are not believed.
    pub most: u64,
}

impl Default for OpenAiUsage {
    fn default() -> Self {
        Self { most: MOST_TOKENS }
    }
}

/// No model's context is as long.
pub(super) const MOST_TOKENS: u64 = 100_000_000;

impl UsageOf for OpenAiUsage {
    type Meter = TokenMeter;

    fn meter(&self, response: &response::Parts) -> Option<TokenMeter> {
        TokenMeter::new(response, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_answer(body: &str, answer: u64) {
        let input = (body.len() as u64).div_ceil(4);
        assert_eq!(OpenAiCost::default().tokens(body.as_bytes()), answer.saturating_add(input), "{body}");
    }

    #[test]
    fn the_largest_bound_counts_for_every_answer() {
        assert_answer(r#"{"messages":[],"max_tokens":100}"#, 100);
        assert_answer(r#"{"max_tokens":100,"max_completion_tokens":300}"#, 300);
        assert_answer(r#"{"max_output_tokens":70}"#, 70);
        assert_answer(r#"{"max_tokens":100,"n":3}"#, 300);
        assert_answer(r#"{"max_tokens":100,"n":3,"best_of":5}"#, 500);
        assert_answer(r#"{"messages":[]}"#, 1_024);
    }

    #[test]
    fn odd_bounds_let_nothing_through() {
        assert_answer(r#"{"max_tokens":18446744073709551615,"n":1000000}"#, u64::MAX);
        assert_answer(r#"{"n":1000000}"#, 1_024_000_000);
        assert_answer(r#"{"max_tokens":-1}"#, 1_024);
        assert_answer(r#"{"max_tokens":"many","n":0}"#, 1_024);
        assert_answer(r#"{"max_tokens":null,"max_completion_tokens":-1.5}"#, 1_024);
        assert_answer(r#"{"max_tokens":" 5_000 "}"#, 5_000);
        assert_answer(r#"{"max_tokens":"1e4"}"#, 10_000);
        assert_answer("no JSON", 1_024);
        assert_answer("[1]", 1_024);
        // As lenient upstreams read them.
        assert_answer(r#"{"max_tokens":5000.0}"#, 5_000);
        assert_answer(r#"{"max_tokens":1e300}"#, u64::MAX);
        assert_answer(r#"{"max_tokens":"5000"}"#, 5_000);
        assert_answer(r#"{"max_tokens":7000,"max_tokens":1}"#, 7_000);
        assert_answer(r#"{"max\u005ftokens":7000,"n":1,"n":2}"#, 14_000);
    }

    #[test]
    fn each_prompt_is_answered() {
        assert_answer(r#"{"prompt":"one","max_tokens":10}"#, 10);
        assert_answer(r#"{"prompt":["one","two","three"],"max_tokens":10,"n":2}"#, 60);
        assert_answer(r#"{"prompt":[1,2,3],"max_tokens":10}"#, 10);
        assert_answer(r#"{"prompt":[[1,2],[3]],"max_tokens":10}"#, 20);
        assert_answer(r#"{"prompt":[],"max_tokens":10}"#, 10);
        assert_answer(r#"{"prompt":null,"prompt":["one","two"],"prompt":{"a":[1,2]},"max_tokens":10}"#, 20);
    }

    /// Speech of a minute was charged as much as a book, which small plans never admit.
    #[test]
    fn the_size_of_a_form_says_nothing_of_tokens() {
        let speech = format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n{}",
            "\u{0}".repeat(1 << 20)
        );
        let cost = |kind: &str, body: &str| {
            let parts =
                http::Request::builder().header("content-type", kind).body(()).unwrap().into_parts().0;
            OpenAiCost::default().cost(&parts, body.as_bytes()).tokens
        };
        assert_eq!(cost("multipart/form-data; boundary=x", &speech), 1_024);
        assert_eq!(cost("Multipart/Form-Data;boundary=x", &speech), 1_024);
        // What only says that it is one is none.
        assert_eq!(cost("multipart/form-data; boundary=x", r#"{"max_tokens":7000}"#), 7_005);
        assert_eq!(cost("application/json", "--x"), 1_024 + 1);
    }

    #[test]
    fn counting_tokens_uses_none() {
        let parts =
            http::Request::builder().uri("/v1/responses/input_tokens").body(()).unwrap().into_parts().0;
        assert_eq!(OpenAiCost::default().cost(&parts, br#"{"input":"how many?"}"#), Cost::REQUEST);
    }

    #[test]
    fn a_request_without_a_body_costs_a_request() {
        let parts = http::Request::builder().body(()).unwrap().into_parts().0;
        assert_eq!(OpenAiCost::default().cost(&parts, b""), Cost::REQUEST);
    }
}

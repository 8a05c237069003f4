//! Requests and responses in Anthropic's form: messages.

use super::openai::{BYTES_A_TOKEN, Bounds, MOST_TOKENS};
use super::usage::TokenMeter;
use super::{CostOf, UsageOf};
use http::request::Parts;
use http::response;
use tidegate::Cost;

/// One request, and tokens as estimated from its body: `max_tokens`, which the API requires, and the input by its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnthropicCost {
    /// The most bytes of a body.
    pub body_limit: usize,
    /// Tokens of an answer that the request does not bound.
    pub default_answer: u64,
}

impl Default for AnthropicCost {
    fn default() -> Self {
        Self { body_limit: 4 << 20, default_answer: 1_024 }
    }
}

impl CostOf for AnthropicCost {
    fn body_limit(&self) -> Option<usize> {
        Some(self.body_limit)
    }

    fn cost(&self, _request: &Parts, body: &[u8]) -> Cost {
        if body.is_empty() {
            return Cost::REQUEST;
        }
        let bounds = Bounds::of(body);
        let answer = bounds.max_tokens.unwrap_or(self.default_answer);
        Cost::tokens(answer.saturating_add((body.len() as u64).div_ceil(BYTES_A_TOKEN)))
    }
}

/// `usage` of a message, or of a stream's first and last events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnthropicUsage {
    /// More tokens than this are not believed.
    pub most: u64,
}

impl Default for AnthropicUsage {
    fn default() -> Self {
        Self { most: MOST_TOKENS }
    }
}

impl UsageOf for AnthropicUsage {
    type Meter = TokenMeter;

    fn meter(&self, response: &response::Parts) -> Option<TokenMeter> {
        TokenMeter::new(response, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_costs_its_bound_and_its_input() {
        let parts = http::Request::builder().body(()).unwrap().into_parts().0;
        let cost = |body: &str| AnthropicCost::default().cost(&parts, body.as_bytes()).tokens;
        assert_eq!(cost(r#"{"max_tokens":100}"#), 105);
        assert_eq!(cost(r#"{"max_tokens":[]}"#), 1_024 + 5);
    }
}

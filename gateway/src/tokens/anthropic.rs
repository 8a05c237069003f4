//! Requests and responses in Anthropic's form: messages.

use super::openai::lenient::max_tokens_together;
use super::openai::{BYTES_A_TOKEN, Bounds, MOST_TOKENS};
use super::usage::TokenMeter;
use super::{CostOf, UsageOf};
use http::request::Parts;
use http::response;
use tidegate::Cost;

/// One request, and tokens as estimated from its body: `max_tokens`, which the API requires, and the input by its size. Of a batch of
/// messages, those of all its requests.
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

    fn cost(&self, request: &Parts, body: &[u8]) -> Cost {
        if body.is_empty() {
            return Cost::REQUEST;
        }
        let path = request.uri.path().trim_end_matches('/');
        if path.ends_with("/count_tokens") {
            // No model reads it: the answer is how many tokens a message would have.
            return Cost::REQUEST;
        }
        // A message has a bound of its own. What has none is a batch, whatever spelling of its path the upstream takes.
        let bound = Bounds::of(body).max_tokens.filter(|_| !path.ends_with("/batches"));
        let answer = bound.or_else(|| max_tokens_together(body)).unwrap_or(self.default_answer);
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
        // A completion of old, whose answer tells no usage: what is charged for it stays.
        assert_eq!(cost(r#"{"prompt":"","max_tokens_to_sample":9000}"#), 9_000 + 11);
    }

    #[test]
    fn a_batch_costs_what_all_its_messages_do() {
        let parts = http::Request::builder().uri("/v1/messages/batches").body(()).unwrap().into_parts().0;
        let cost = |body: &str| AnthropicCost::default().cost(&parts, body.as_bytes()).tokens;
        let batch = r#"{"requests":[{"custom_id":"a","params":{"max_tokens":100,"messages":[{"content":"\"max_tokens\":9"}]}},{"params":{"max_tokens":7000}}]}"#;
        assert_eq!(cost(batch), 7_100 + (batch.len() as u64).div_ceil(4));
        assert_eq!(cost(r#"{"requests":[]}"#), 1_024 + 4);
        // A bound of the whole batch's own is none.
        assert_eq!(
            cost(&batch.replacen('{', r#"{"max_tokens":1,"#, 1)),
            7_101 + (batch.len() as u64 + 15).div_ceil(4)
        );
        let most = format!(r#"[{{"max_tokens":{0}}},{{"max_tokens":{0}}}]"#, u64::MAX);
        assert_eq!(cost(&most), u64::MAX);
    }

    /// Batches were charged as one message if their path was written in another way that the upstream takes too.
    #[test]
    fn a_batch_is_one_however_its_path_is_written() {
        let batch = r#"{"requests":[{"params":{"max_tokens":7000}},{"params":{"max_tokens":7000}}]}"#;
        for path in ["/v1/messages/batches/", "/v1/messages//batches//", "/v1/messages/batche%73"] {
            let parts = http::Request::builder().uri(path).body(()).unwrap().into_parts().0;
            let cost = AnthropicCost::default().cost(&parts, batch.as_bytes());
            assert_eq!(cost.tokens, 14_000 + (batch.len() as u64).div_ceil(4), "{path}");
        }
    }

    /// It was charged the default answer and its whole input, and never given back, since its response has no `usage`.
    #[test]
    fn counting_tokens_uses_none() {
        let parts =
            http::Request::builder().uri("/v1/messages/count_tokens").body(()).unwrap().into_parts().0;
        let body = br#"{"model":"m","messages":[{"role":"user","content":"how many?"}]}"#;
        assert_eq!(AnthropicCost::default().cost(&parts, body), Cost::REQUEST);
    }
}

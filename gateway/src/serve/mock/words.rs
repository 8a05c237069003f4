//! What the upstream says, in the forms of the APIs.

use super::{Answer, Behaviour};
use serde_json::{Value, json};

const WORDS: [&str; 12] =
    ["The", "tide", "comes", "in,", "and", "the", "gate", "lets", "through", "what", "it", "must."];

/// The words of all texts in a value.
pub(super) fn count(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.split_whitespace().count() as u64,
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| *name != "role").map(|(_, value)| count(value)).sum()
        }
        _ => 0,
    }
}

pub(super) fn words(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|place| {
        let word = WORDS[place as usize % WORDS.len()];
        if place == 0 { word.to_owned() } else { format!(" {word}") }
    })
}

impl Answer {
    /// What it says that it used, for question and answer.
    pub(super) fn told(self) -> Option<(u64, u64)> {
        match self.behaviour {
            Behaviour::Secretive => None,
            Behaviour::Liar => Some((self.prompt, u64::MAX)),
            _ => Some((self.prompt, self.tokens)),
        }
    }

    fn openai_usage(self) -> Value {
        self.told().map_or(Value::Null, |(prompt, tokens)| {
            json!({
                "prompt_tokens": prompt,
                "completion_tokens": tokens,
                "total_tokens": prompt.saturating_add(tokens),
            })
        })
    }
}

pub(super) fn openai(answer: Answer) -> Value {
    let text: String = words(answer.tokens).collect();
    json!({
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "mock",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": answer.openai_usage(),
    })
}

pub(super) fn openai_stream(answer: Answer) -> Vec<String> {
    let chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({
            "id": "chatcmpl-mock",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "mock",
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let choice =
        |delta: Value, reason: Value| json!([{ "index": 0, "delta": delta, "finish_reason": reason }]);
    let asked = answer.include_usage.then_some(Value::Null);
    let texts = words(answer.tokens)
        .map(|word| chunk(choice(json!({ "content": word }), Value::Null), asked.clone()));
    let begin = chunk(choice(json!({ "role": "assistant", "content": "" }), Value::Null), asked.clone());
    let end = chunk(choice(json!({}), json!("stop")), asked.clone());
    let usage = answer.include_usage.then(|| chunk(json!([]), Some(answer.openai_usage())));
    let done = "data: [DONE]\n\n".to_owned();
    std::iter::once(begin).chain(texts).chain([end]).chain(usage).chain([done]).collect()
}

pub(super) fn anthropic(answer: Answer) -> Value {
    let text: String = words(answer.tokens).collect();
    let mut message = json!({
        "id": "msg_mock",
        "type": "message",
        "role": "assistant",
        "model": "mock",
        "content": [{ "type": "text", "text": text }],
        "stop_reason": "end_turn",
        "stop_sequence": null,
    });
    if let Some((input, output)) = answer.told() {
        message["usage"] = json!({ "input_tokens": input, "output_tokens": output });
    }
    message
}

pub(super) fn anthropic_stream(answer: Answer) -> Vec<String> {
    let event = |name: &str, mut data: Value| {
        data["type"] = json!(name);
        format!("event: {name}\ndata: {data}\n\n")
    };
    let mut message = anthropic(Answer { tokens: 0, ..answer });
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    let mut end = json!({ "delta": { "stop_reason": "end_turn", "stop_sequence": null } });
    if let Some((input, output)) = answer.told() {
        message["usage"] = json!({ "input_tokens": input, "output_tokens": 1 });
        end["usage"] = json!({ "output_tokens": output });
    }
    let block = json!({ "index": 0, "content_block": { "type": "text", "text": "" } });
    let begin = [event("message_start", json!({ "message": message })), event("content_block_start", block)];
    let text = |word| json!({ "index": 0, "delta": { "type": "text_delta", "text": word } });
    let texts = words(answer.tokens).map(|word| event("content_block_delta", text(word)));
    let ends = [
        event("content_block_stop", json!({ "index": 0 })),
        event("message_delta", end),
        event("message_stop", json!({})),
    ];
    begin.into_iter().chain(texts).chain(ends).collect()
}

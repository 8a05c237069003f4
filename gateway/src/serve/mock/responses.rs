//! What the upstream says in the form of OpenAI's responses, and its embeddings, which have no words.

use super::Answer;
use super::words::{count, words};
use serde_json::{Value, json};

impl Answer {
    fn input_and_output(self) -> Value {
        self.told().map_or(Value::Null, |(input, output)| {
            json!({
                "input_tokens": input,
                "output_tokens": output,
                "total_tokens": input.saturating_add(output),
            })
        })
    }
}

pub(super) fn response(answer: Answer) -> Value {
    let text: String = words(answer.tokens).collect();
    body("completed", json!([message("completed", json!([part(&text)]))]), answer.input_and_output())
}

fn body(status: &str, output: Value, usage: Value) -> Value {
    json!({
        "id": "resp_mock",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "model": "mock",
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    })
}

fn message(status: &str, content: Value) -> Value {
    json!({ "id": "msg_mock", "type": "message", "status": status, "role": "assistant", "content": content })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

pub(super) fn response_stream(answer: Answer) -> Vec<String> {
    let text: String = words(answer.tokens).collect();
    let of_item = |mut data: Value| {
        data["item_id"] = json!("msg_mock");
        data["output_index"] = json!(0);
        data["content_index"] = json!(0);
        data
    };
    let item = |item: Value| json!({ "output_index": 0, "item": item });
    let begin = [
        ("response.created", json!({ "response": body("in_progress", json!([]), Value::Null) })),
        ("response.output_item.added", item(message("in_progress", json!([])))),
        ("response.content_part.added", of_item(json!({ "part": part("") }))),
    ];
    let texts = words(answer.tokens)
        .map(|word| ("response.output_text.delta", of_item(json!({ "delta": word, "logprobs": [] }))));
    let ends = [
        ("response.output_text.done", of_item(json!({ "text": text, "logprobs": [] }))),
        ("response.content_part.done", of_item(json!({ "part": part(&text) }))),
        ("response.output_item.done", item(message("completed", json!([part(&text)])))),
        ("response.completed", json!({ "response": response(answer) })),
    ];
    let all = begin.into_iter().chain(texts).chain(ends).enumerate();
    all.map(|(number, (name, mut data))| {
        data["type"] = json!(name);
        data["sequence_number"] = json!(number);
        format!("event: {name}\ndata: {data}\n\n")
    })
    .collect()
}

/// One for each text.
pub(super) fn embeddings(input: &Value) -> Value {
    let texts =
        input.as_array().map_or(1, |texts| texts.iter().filter(|text| text.is_string()).count().max(1));
    let data =
        (0..texts).map(|index| json!({ "object": "embedding", "index": index, "embedding": [0.6, 0.8] }));
    let tokens = count(input);
    json!({
        "object": "list",
        "model": "mock",
        "data": data.collect::<Vec<_>>(),
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}

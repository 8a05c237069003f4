//! The calls that are made.

use bytes::Bytes;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Passes, and is answered as JSON.
    Passes,
    /// Is refused.
    Refused,
    /// Passes, and is answered with a stream.
    Stream,
}

/// The key whose calls pass.
pub(crate) const OPEN: &str = "sk-open-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f0";
/// The key whose calls are refused but for the first.
pub(crate) const SPENT: &str = "sk-spent-60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11";
/// Where calls are refused by those whose limit is one for all keys.
const SPENT_PATH: &str = "/spent/";
/// Where nginx passes on what comes as it comes.
const STREAM_PATH: &str = "/stream/";

/// The text of the one message: about what its usage says.
const PROMPT: &str = "Explain to a child of ten, in plain words and without a formula, why the tide comes in and goes out twice a day. ";
const TIMES: usize = 8;

impl Call {
    /// The request as the SDK for Python sends it.
    pub(crate) fn bytes(self) -> Bytes {
        let stream = if self == Self::Stream { "\"stream\":true," } else { "" };
        let prompt = PROMPT.repeat(TIMES);
        let body = format!(
            r#"{{"model":"gpt-5-mini","max_tokens":256,{stream}"temperature":0.7,"messages":[{{"role":"system","content":"You are a patient teacher."}},{{"role":"user","content":"{prompt}"}}]}}"#
        );
        let (path, key) = match self {
            Self::Refused => (SPENT_PATH, SPENT),
            Self::Passes => ("/", OPEN),
            Self::Stream => (STREAM_PATH, OPEN),
        };
        let head = format!(
            "POST {path}v1/chat/completions HTTP/1.1\r\n\
             Host: gateway.example\r\n\
             Accept-Encoding: gzip, deflate\r\n\
             Connection: keep-alive\r\n\
             Accept: application/json\r\n\
             Content-Type: application/json\r\n\
             User-Agent: OpenAI/Python 3.57.0\r\n\
             X-Stainless-Lang: python\r\n\
             X-Stainless-Package-Version: 3.57.0\r\n\
             X-Stainless-OS: Linux\r\n\
             X-Stainless-Arch: x64\r\n\
             X-Stainless-Runtime: CPython\r\n\
             X-Stainless-Runtime-Version: 3.11.7\r\n\
             Authorization: Bearer {key}\r\n\
             X-Stainless-Async: false\r\n\
             x-stainless-retry-count: 0\r\n\
             x-stainless-read-timeout: 600\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        Bytes::from(head + &body)
    }
}

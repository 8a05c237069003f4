//! Reads what a response used, from JSON or from a stream of events.

use super::Meter;
use super::scan::{Found, Scanner};
use http::header::CONTENT_TYPE;
use http::response;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// The fields of a `usage` object, of all APIs that the gateway knows; `None` where it does not tell one. Of those that it tells twice,
/// or under both of their names as some proxies do, the larger counts.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    total: Option<u64>,
    input: Option<u64>,
    output: Option<u64>,
    cache_creation: Option<u64>,
    cache_read: Option<u64>,
    /// Of speech, which some models bill by time and without tokens.
    seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    TotalTokens,
    #[serde(alias = "prompt_tokens")]
    InputTokens,
    #[serde(alias = "completion_tokens")]
    OutputTokens,
    CacheCreationInputTokens,
    CacheReadInputTokens,
    Seconds,
    #[serde(other)]
    Other,
}

/// A count, or something that is none: one odd field does not hide the others. Servers whose language has one kind of number
/// write `12.0`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Whole(u64),
    Float(f64),
    Other(IgnoredAny),
}

impl Count {
    fn count(self) -> Option<u64> {
        match self {
            Self::Whole(count) => Some(count),
            Self::Float(count) => (count >= 0.0).then(|| count.ceil() as u64),
            Self::Other(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Usage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Usage, A::Error> {
                let mut usage = Usage::default();
                while let Some(name) = map.next_key()? {
                    let told = map.next_value::<Count>()?.count();
                    if let Some(count) = usage.named(name) {
                        *count = (*count).max(told);
                    }
                }
                Ok(usage)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl Usage {
    fn named(&mut self, name: Name) -> Option<&mut Option<u64>> {
        Some(match name {
            Name::TotalTokens => &mut self.total,
            Name::InputTokens => &mut self.input,
            Name::OutputTokens => &mut self.output,
            Name::CacheCreationInputTokens => &mut self.cache_creation,
            Name::CacheReadInputTokens => &mut self.cache_read,
            Name::Seconds => &mut self.seconds,
            Name::Other => return None,
        })
    }

    /// A stream tells its counts again and again, each time no less than before.
    fn raise(&mut self, later: Self) {
        for (count, later) in [
            (&mut self.total, later.total),
            (&mut self.input, later.input),
            (&mut self.output, later.output),
            (&mut self.cache_creation, later.cache_creation),
            (&mut self.cache_read, later.cache_read),
            (&mut self.seconds, later.seconds),
        ] {
            *count = (*count).max(later);
        }
    }

    /// `None` if it tells of nothing that was used: then it is as if it were not there.
    fn tokens(self) -> Option<u64> {
        let parts = [self.input, self.output, self.cache_creation, self.cache_read];
        let parts = parts.into_iter().flatten().reduce(u64::saturating_add);
        self.total.max(parts).or(self.seconds.map(|_| 0))
    }
}

/// Reads the `usage` of a JSON response, or of the events of a stream (`text/event-stream`).
#[derive(Clone, Debug)]
pub struct TokenMeter {
    scanner: Scanner,
    usage: Usage,
    /// Whether that is the whole of it, and not what was used when the answer began.
    is_whole: bool,
    /// Events of a stream so far, of which each brings a token or more.
    events: u64,
    line: Line,
    /// More is not believed.
    most: u64,
}

/// Where in a stream's line it is; a JSON response is one long line of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// No stream.
    Whole,
    /// So many bytes of `data:` have come.
    Begins(u8),
    /// Of the data.
    Data,
    /// Of something else.
    Other,
}

const DATA: &[u8] = b"data:";

impl TokenMeter {
    /// A meter that believes no more than so many tokens; `None` for a response that is neither JSON nor a stream of events.
    pub fn new(response: &response::Parts, most: u64) -> Option<Self> {
        let kind = response.headers.get(CONTENT_TYPE)?.as_bytes();
        let is = |name: &[u8]| kind.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let line = match () {
            () if is(b"application/json") => Line::Whole,
            () if is(b"text/event-stream") => Line::Begins(0),
            () => return None,
        };
        Some(Self {
            scanner: Scanner::default(),
            usage: Usage::default(),
            is_whole: false,
            events: 0,
            line,
            most,
        })
    }

    fn read(&mut self, bytes: &[u8]) {
        let (usage, is_whole) = (&mut self.usage, &mut self.is_whole);
        self.scanner.pass(bytes, |object, found| {
            let read = serde_json::from_slice::<Usage>(object).ok();
            if let Some(read) = read.filter(|read| read.tokens().is_some()) {
                usage.raise(read);
                *is_whole |= found == Found::Whole;
            }
        });
    }

    /// Data of a stream's line up to its end.
    fn read_line(&mut self, mut bytes: &[u8]) {
        while let Some(byte) = bytes.first().copied() {
            match self.line {
                Line::Begins(count) => {
                    let next = count + 1;
                    self.line = match byte {
                        b'\n' | b'\r' => Line::Begins(0),
                        _ if byte != DATA[usize::from(count)] => Line::Other,
                        _ if usize::from(next) == DATA.len() => {
                            self.scanner.restart();
                            self.events = self.events.saturating_add(1);
                            Line::Data
                        }
                        _ => Line::Begins(next),
                    };
                    bytes = &bytes[1..];
                }
                Line::Data | Line::Other | Line::Whole => {
                    let end = memchr::memchr2(b'\n', b'\r', bytes);
                    let (rest, after) = bytes.split_at(end.unwrap_or(bytes.len()));
                    if self.line == Line::Data {
                        self.read(rest);
                    }
                    if end.is_some() {
                        self.line = Line::Begins(0);
                    }
                    bytes = after;
                }
            }
        }
    }
}

impl Meter for TokenMeter {
    fn pass(&mut self, bytes: &[u8]) {
        match self.line {
            Line::Whole => self.read(bytes),
            _ => self.read_line(bytes),
        }
    }

    fn tokens(&self) -> Option<u64> {
        self.usage.tokens().filter(|_| self.is_whole).map(|tokens| tokens.min(self.most))
    }

    fn at_least(&self) -> u64 {
        self.usage.tokens().unwrap_or(0).saturating_add(self.events).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;

    fn tokens(kind: &str, body: &str, piece: usize) -> Option<u64> {
        let response = Response::builder().header("content-type", kind).body(()).unwrap().into_parts().0;
        let mut meter = TokenMeter::new(&response, 1_000_000)?;
        body.as_bytes().chunks(piece).for_each(|bytes| meter.pass(bytes));
        meter.tokens()
    }

    #[track_caller]
    fn assert_tokens(kind: &str, body: &str, expected: Option<u64>) {
        for piece in 1..=body.len() {
            assert_eq!(tokens(kind, body, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_json_response_says_what_it_used() {
        let json = "application/json; charset=utf-8";
        assert_tokens(
            json,
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}"#,
            Some(21),
        );
        assert_tokens(
            json,
            r#"{"usage":{"input_tokens":36,"output_tokens":87,"total_tokens":123}}"#,
            Some(123),
        );
        assert_tokens(
            json,
            r#"{"type":"message","usage":{"input_tokens":3,"cache_read_input_tokens":5,"output_tokens":7}}"#,
            Some(15),
        );
        assert_tokens(json, r#"{"error":{"message":"no"}}"#, None);
        assert_eq!(tokens("text/html", r#"{"usage":{"total_tokens":1}}"#, 5), None);
    }

    #[test]
    fn a_stream_of_chunks_says_it_at_its_end() {
        let body = "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":{\"}}],\"usage\":null}\n\n\
                    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\ndata: [DONE]\n\n";
        assert_tokens("text/event-stream", body, Some(12));
        assert_tokens("text/event-stream", &body.replace('\n', "\r\n"), Some(12));
    }

    #[test]
    fn anthropics_stream_says_it_in_two_parts() {
        let body = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n\
                    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"{\\\"usage\\\"\"}}\n\n\
                    event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n";
        assert_tokens("text/event-stream", body, Some(40));
    }

    #[test]
    fn what_a_stream_begins_with_is_not_the_whole() {
        let begin = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n";
        let response =
            Response::builder().header("content-type", "text/event-stream").body(()).unwrap().into_parts().0;
        let mut meter = TokenMeter::new(&response, 1_000).unwrap();
        meter.pass(begin.as_bytes());
        assert_eq!((meter.tokens(), meter.at_least()), (None, 27));
        for _ in 0..10 {
            meter.pass(b"event: content_block_delta\ndata: {\"delta\":{\"text\":\"tide\"}}\n\n");
        }
        assert_eq!((meter.tokens(), meter.at_least()), (None, 37));
        meter.pass(&b"data: {}\n\n".repeat(2_000));
        assert_eq!(meter.at_least(), 1_000);
        meter.pass(b"data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\n");
        assert_eq!(meter.tokens(), Some(40));
    }

    #[test]
    fn responses_say_it_within_the_response() {
        let body = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":10,\"output_tokens\":2,\"total_tokens\":12}}}\n\n";
        assert_tokens("text/event-stream", body, Some(12));
    }

    #[test]
    fn a_lie_is_believed_only_so_far() {
        let json = "application/json";
        assert_eq!(
            tokens(
                json,
                r#"{"usage":{"total_tokens":18446744073709551615,"input_tokens":18446744073709551615,"output_tokens":1}}"#,
                9
            ),
            Some(1_000_000)
        );
        assert_eq!(
            tokens(json, r#"{"usage":{"total_tokens":-5,"input_tokens":"many","output_tokens":3}}"#, 9),
            Some(3)
        );
        assert_eq!(tokens(json, r#"{"usage":{"total_tokens":1e30}}"#, 9), Some(1_000_000));
    }

    /// A call of 12 tokens was settled with none when its upstream wrote them as `12.0`.
    #[test]
    fn counts_with_a_point_are_counts() {
        let json = "application/json";
        let told = r#"{"usage":{"prompt_tokens":5.0,"completion_tokens":7.0,"total_tokens":12.0}}"#;
        assert_tokens(json, told, Some(12));
        assert_tokens(json, r#"{"usage":{"input_tokens":0.5,"output_tokens":-7.0}}"#, Some(1));
    }

    /// What was told under both names was not read at all, and the estimate stood.
    #[test]
    fn a_count_may_stand_under_both_of_its_names_or_twice() {
        let json = "application/json";
        let told =
            r#"{"usage":{"prompt_tokens":5,"input_tokens":5,"completion_tokens":7,"output_tokens":7}}"#;
        assert_tokens(json, told, Some(12));
        assert_tokens(json, r#"{"usage":{"total_tokens":12,"total_tokens":3}}"#, Some(12));
    }

    /// Nothing of the estimate is given back for it.
    #[test]
    fn a_usage_that_tells_nothing_is_none() {
        let json = "application/json";
        for usage in ["{}", r#"{"total_tokens":null}"#, r#"{"total_tokens":"12"}"#, r#"{"prompt_tokens":-5}"#]
        {
            assert_tokens(json, &format!(r#"{{"usage":{usage}}}"#), None);
        }
        let stream =
            "data: {\"usage\":{}}\n\ndata: {\"usage\":{\"total_tokens\":9}}\n\ndata: {\"usage\":{}}\n\n";
        assert_tokens("text/event-stream", stream, Some(9));
    }

    #[test]
    fn what_is_billed_by_time_used_no_tokens() {
        assert_tokens(
            "application/json",
            r#"{"text":"tide","usage":{"type":"duration","seconds":3}}"#,
            Some(0),
        );
    }
}

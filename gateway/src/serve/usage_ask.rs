//! Asks an upstream for the usage of a stream where the client did not.
//!
//! OpenAI's API tells a stream's usage only if `stream_options.include_usage` is set. Without it a call could be settled by its estimate
//! alone. The body is changed at that one place and stays byte for byte what it was everywhere else.

use bytes::{Bytes, BytesMut};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// What of a body matters here. Of a field that is written twice the last counts, as for most who read it.
#[derive(Debug, Default)]
struct Ask<'a> {
    stream: bool,
    options: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    Stream,
    StreamOptions,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Ask<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Ask<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ask<'de>, A::Error> {
                let mut ask = Ask::default();
                while let Some(name) = map.next_key()? {
                    match name {
                        Name::Stream => ask.stream = map.next_value::<&RawValue>()?.get() == "true",
                        Name::StreamOptions => ask.options = Some(map.next_value()?),
                        Name::Other => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(ask)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Whether calls of this path can be asked for their usage.
pub(crate) fn is_asked_of(path: &str) -> bool {
    // Chat completions, and completions of old; also where an upstream has them under another path.
    path.ends_with("/completions")
}

/// The body that asks for it; `None` if this is no stream, if the client asks for it itself, or if this is no request that could.
pub(crate) fn ask(body: &Bytes) -> Option<Bytes> {
    if !may_stream(body) {
        return None;
    }
    let ask: Ask<'_> = serde_json::from_slice(body).ok()?;
    if !ask.stream {
        return None;
    }
    let Some(options) = ask.options else {
        let open = body.iter().position(|byte| *byte == b'{')? + 1;
        // A stream has at least the field that says so.
        return Some(splice(body, open, open, br#""stream_options":{"include_usage":true},"#));
    };
    let asking = asking(options)?;
    let start = (options.get().as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    Some(splice(body, start, start + options.get().len(), asking.as_bytes()))
}

/// Whether the name of the field stands anywhere, or is written with escapes: a body without need not be read for it.
fn may_stream(body: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(body, part).is_some();
    has(b"\"stream\"") || has(b"\\u")
}

/// The options with usage asked for; `None` if it is already, or if these are none.
fn asking(options: &RawValue) -> Option<String> {
    let given: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(options.get()).ok()?;
    let mut options = given.unwrap_or_default();
    let yes: &RawValue = serde_json::from_str("true").ok()?;
    let before = options.insert("include_usage".into(), yes);
    if before.is_some_and(|before| before.get() == "true") {
        return None;
    }
    serde_json::to_string(&options).ok()
}

/// The body with other bytes from `start` to `end`.
fn splice(body: &Bytes, start: usize, end: usize, other: &[u8]) -> Bytes {
    let (before, after) = (body.get(..start).unwrap_or_default(), body.get(end..).unwrap_or_default());
    let mut spliced = BytesMut::with_capacity(before.len() + other.len() + after.len());
    for part in [before, other, after] {
        spliced.extend_from_slice(part);
    }
    spliced.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_asks(body: &str, expected: Option<&str>) {
        let asked = ask(&Bytes::from(body.to_owned()));
        assert_eq!(asked.as_deref(), expected.map(str::as_bytes), "{body}");
    }

    #[test]
    fn a_stream_is_asked_for_its_usage_and_nothing_else_changes() {
        assert_asks(
            r#" { "stream" : true, "messages":[{"content":"\u00e9 {"}] }"#,
            Some(
                r#" {"stream_options":{"include_usage":true}, "stream" : true, "messages":[{"content":"\u00e9 {"}] }"#,
            ),
        );
        assert_asks(
            r#"{"stream":true,"stream_options":null,"n":1}"#,
            Some(r#"{"stream":true,"stream_options":{"include_usage":true},"n":1}"#),
        );
        assert_asks(
            r#"{"stream_options": { "x": [1, 2] , "include_usage": false } ,"stream":true}"#,
            Some(r#"{"stream_options": {"include_usage":true,"x":[1, 2]} ,"stream":true}"#),
        );
        assert_asks(
            r#"{"stream":true,"stream_options":{"include_usage":true},"stream_options":{}}"#,
            Some(
                r#"{"stream":true,"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}}"#,
            ),
        );
        assert_asks(
            r#"{"str\u0065am":true}"#,
            Some(r#"{"stream_options":{"include_usage":true},"str\u0065am":true}"#),
        );
    }

    #[test]
    fn who_asks_already_or_wants_no_stream_is_left_alone() {
        for body in [
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"stream":false}"#,
            r#"{"stream":"true"}"#,
            r#"{"stream":true,"stream":false}"#,
            r#"{"metadata":{"stream":true}}"#,
            r#"{"stream":true,"stream_options":"all"}"#,
            r#"{"stream":true"#,
            r#"{"stream":true} {}"#,
            r#"[{"stream":true}]"#,
            "",
            "\u{0}",
        ] {
            assert_asks(body, None);
        }
        assert!(is_asked_of("/v1/chat/completions") && !is_asked_of("/v1/responses"));
    }
}

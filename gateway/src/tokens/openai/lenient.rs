//! Bounds wherever they stand in a body: in one that is no JSON to a strict reader, or that has many requests.
//!
//! An upstream may take it for one all the same: some readers know `NaN`, half of a surrogate pair, or text of 16 bits a
//! character. So wherever the name of a bound stands before a colon and a number, at any depth, that number counts: a body that
//! nobody can read is charged for what it may ask for, and what an upstream refuses is given back.

use super::{Bounds, Name};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

/// What a body seems to say.
pub(super) fn bounds(body: &[u8]) -> Bounds {
    // Names and numbers in 16 or 32 bits a character are those in 8 with zeros between.
    let text: Vec<u8> = body.iter().copied().filter(|byte| *byte != 0).collect();
    let mut bounds = Bounds::default();
    for (name, number) in all(&text) {
        if let Some(bound) = bounds.named(name) {
            *bound = (*bound).max(number);
        }
    }
    bounds
}

/// All `max_tokens` together, of which a batch has one for each of its requests; `None` if there is none.
pub(in super::super) fn max_tokens_together(body: &[u8]) -> Option<u64> {
    let numbers =
        all(body).filter(|(name, _)| matches!(name, Name::MaxTokens)).filter_map(|(_, number)| number);
    numbers.reduce(u64::saturating_add)
}

/// What stands before a colon, with the number after it if that is one.
fn all(text: &[u8]) -> impl Iterator<Item = (Name, Option<u64>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (name, after) = string(rest)?;
            rest = after;
            let Some(value) = after.trim_ascii_start().strip_prefix(b":") else { continue };
            let name = Name::deserialize(IntoDeserializer::<Error>::into_deserializer(name.as_str()));
            return Some((name.unwrap_or(Name::Other), number(value)));
        }
    })
}

/// The next text in quotation marks, and what follows it.
fn string(text: &[u8]) -> Option<(String, &[u8])> {
    let begin = text.iter().position(|byte| *byte == b'"')? + 1;
    let mut rest = text.get(begin..)?;
    let mut string = String::new();
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((string, rest)),
            b'\\' => {
                let (escape, after) = rest.split_first()?;
                rest = after;
                if *escape == b'u' {
                    let digits = rest.get(..4)?;
                    let code =
                        std::str::from_utf8(digits).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
                    string.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
                    rest = rest.get(4..)?;
                } else {
                    string.push(char::from(*escape));
                }
            }
            // Beyond ASCII no name is meant.
            byte => string.push(char::from(*byte)),
        }
    }
}

/// The number at the begin of a text, in quotation marks or not.
fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"\"").unwrap_or(text).trim_ascii_start();
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-._eE".contains(byte);
    let end = text.iter().position(|byte| !is_of_number(byte)).unwrap_or(text.len());
    count(std::str::from_utf8(text.get(..end)?).ok()?)
}

/// A count as lenient readers read one in a text: with a fraction, an exponent, and bars between digits.
pub(super) fn count(text: &str) -> Option<u64> {
    let text = text.replace('_', "");
    text.parse().ok().or_else(|| {
        let count: f64 = text.parse().ok()?;
        (count >= 1.0).then(|| count.ceil() as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::super::OpenAiCost;

    /// Charged for the answer: the body's own size left aside.
    fn answer(body: &[u8]) -> u64 {
        OpenAiCost::default().tokens(body) - (body.len() as u64).div_ceil(4)
    }

    #[test]
    fn what_only_lenient_readers_read_is_charged_for_what_it_says() {
        for (body, expected) in [
            (r#"{"temperature":NaN,"max_tokens":7000}"#, 7_000),
            (r#"{"max_tokens":7000,"temperature":-Infinity,"n":3}"#, 21_000),
            (r#"{"user":"\ud800","max_tokens" : "7_000.0"}"#, 7_000),
            ("\u{feff}{\"max_completion_tokens\":7e3}", 7_000),
            (r#"{"user":"\"","max\u005ftokens":7000,}"#, 7_000),
            (r#"{"max_tokens":1,"x":[{"max_tokens":7000}],"y":NaN}"#, 7_000),
            (r#"{"max_tokens":NaN,"n":"#, 1_024),
            (r#"{"max_tokens"#, 1_024),
            (r#"{"max_tokens\u00"#, 1_024),
            ("\"max_tokens\"", 1_024),
            (r#"{"text":"say \"max_tokens\": 7000","max_tokens":5,"y":NaN}"#, 5),
        ] {
            assert_eq!(answer(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn so_is_text_of_more_bits() {
        let text = r#"{"n":1000,"max_tokens":7000}"#;
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(answer(&wide), 7_000_000);
        let wider: Vec<u8> = text.chars().flat_map(|character| (character as u32).to_le_bytes()).collect();
        assert_eq!(answer(&wider), 7_000_000);
    }
}

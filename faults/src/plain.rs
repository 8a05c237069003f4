//! What `serde` and the TOML parser say, in words that are not a programmer's, and no longer than helps.

use crate::excerpt::shortened;

/// What was found is quoted in full by `serde`: a float of 1e308 has three hundred digits.
const LONGEST: usize = 120;

/// The message of a parser for a person: `expected u32` says what a `u32` is.
pub(crate) fn plain(message: &str) -> String {
    let known = WHOLE.iter().find(|(theirs, _)| *theirs == message);
    if let Some((_, ours)) = known {
        return (*ours).to_owned();
    }
    match message.split_once(", expected ") {
        Some((found, expected)) => {
            let found = shortened(&replaced(found, &FOUND), LONGEST);
            format!("{found}, expected {}", replaced(expected, &EXPECTED))
        }
        None => message.to_owned(),
    }
}

/// Numbers that TOML's own integers cannot hold are told by none of their fields.
const TOO_LARGE: &str = "expected a number up to 9223372036854775807, found a larger one";

/// Messages that are replaced as a whole.
const WHOLE: [(&str, &str); 2] = [
    ("u64 value was too large", TOO_LARGE),
    ("wanted exactly 1 element, found 0 elements", "expected one entry, found none"),
];

/// How what was found is called.
const FOUND: [(&str, &str); 2] =
    [("invalid type: map", "invalid type: a table"), ("invalid type: sequence", "invalid type: a list")];

/// How what was expected is called.
const EXPECTED: [(&str, &str); 9] = [
    ("a boolean", "true or false"),
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0 on"),
    ("usize", "a whole number from 0 on"),
    ("f64", "a number"),
    ("a sequence", "a list"),
    ("any valid TOML value", "a number up to 9223372036854775807"),
];

fn replaced(text: &str, words: &[(&str, &str)]) -> String {
    let known = words.iter().find(|(theirs, _)| *theirs == text);
    known.map_or(text, |(_, ours)| ours).to_owned()
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::TomlText;

    #[derive(Debug, serde::Deserialize)]
    struct Numbers {
        #[serde(rename = "whole")]
        _whole: Option<u32>,
        #[serde(rename = "any")]
        _any: Option<f64>,
        #[serde(rename = "list")]
        _list: Option<Vec<f64>>,
    }

    fn told(text: &str) -> String {
        TomlText::new("x.toml", text).parse::<Numbers>().unwrap_err().to_string()
    }

    #[test]
    fn no_type_of_a_program_is_named() {
        let whole = "expected a whole number from 0 to 4294967295";
        assert_eq!(
            told("whole = -1"),
            format!("x.toml, line 1, `whole`: invalid value: integer `-1`, {whole}")
        );
        assert_eq!(
            told("any = \"5\""),
            "x.toml, line 1, `any`: invalid type: string \"5\", expected a number"
        );
        assert_eq!(told("list = {}"), "x.toml, line 1, `list`: invalid type: a table, expected a list");
        assert_eq!(told("whole = []"), format!("x.toml, line 1, `whole`: invalid type: a list, {whole}"));
        assert!(!plain("u64 value was too large").contains("u64"));
    }

    #[test]
    fn what_was_found_is_shown_in_part() {
        for text in ["whole = 1e308".to_owned(), format!("any = \"{}\"", "y".repeat(9_999))] {
            let told = told(&text);
            assert!(told.chars().count() < 250 && told.contains("…, expected a"), "{told}");
        }
    }

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let told = told("[\"\\u001b[31m\"]\nwhole = \"\\u001b\"\n[whole]\n");
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }
}

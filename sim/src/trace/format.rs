//! Which format a file is in.

use super::fields::Column;
use std::path::Path;

/// The formats of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated, columns by the names in the header; also the Azure LLM traces.
    Csv,
    /// A JSON object a line, with the same names.
    Jsonl,
    /// An access log in the common or combined format; the key is the client's address.
    Combined,
}

impl Format {
    /// The format by the file's extension, else by its first line.
    pub(super) fn detect(name: &str, first_line: &[u8]) -> Option<Self> {
        Self::by_extension(name).or_else(|| Self::by_content(first_line))
    }

    fn by_extension(name: &str) -> Option<Self> {
        match Path::new(name).extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            "log" => Some(Self::Combined),
            _ => None,
        }
    }

    fn by_content(line: &[u8]) -> Option<Self> {
        if line.trim_ascii_start().starts_with(b"{") {
            return Some(Self::Jsonl);
        }
        if super::access_log::parse(line).is_ok() {
            return Some(Self::Combined);
        }
        let names = |name: &[u8]| {
            let name = String::from_utf8_lossy(name.trim_ascii());
            let name = name.trim_matches('"');
            Column::named(name).or_else(|| Column::named_by_azure(name)) == Some(Column::Time)
        };
        line.split(|byte| *byte == b',').any(names).then_some(Self::Csv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_and_else_the_first_line() {
        let detect = |name, line: &str| Format::detect(name, line.as_bytes());
        assert_eq!(detect("a.csv", "{}"), Some(Format::Csv));
        assert_eq!(detect("a.b/c.NDJSON", ""), Some(Format::Jsonl));
        assert_eq!(detect("access.log", ""), Some(Format::Combined));
        assert_eq!(detect("-", " {\"time\":1}"), Some(Format::Jsonl));
        assert_eq!(detect("-", "key, \"time\""), Some(Format::Csv));
        assert_eq!(detect("-", "TIMESTAMP,ContextTokens,GeneratedTokens"), Some(Format::Csv));
        let log = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#;
        assert_eq!(detect("access.log.1", log), Some(Format::Combined));
        assert_eq!(detect("-", "what is this"), None);
    }
}

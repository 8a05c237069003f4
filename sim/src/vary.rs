//! Values that a command gives to a field of a scenario: `--vary FIELD=VALUES`.

use crate::simulate::{Document, Setting};
use anyhow::{Context, bail, ensure};
use toml::Value;

/// A field, and the values it takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) setting: Setting,
    pub(crate) points: Vec<Point>,
}

/// One of the values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// As it was written.
    pub(crate) label: String,
    /// Its number, if it is one, whatever its unit.
    pub(crate) number: Option<f64>,
    /// As the scenario has it.
    pub(crate) value: Value,
}

/// The most values of a field.
const MOST_POINTS: usize = 1_000;

impl Axis {
    /// `population.pro.clients=10,20,40`, `…=10..100:10` for ten values at equal distances, `…=10..1000:7:log` at equal ratios.
    pub(crate) fn parse(text: &str, document: &Document) -> anyhow::Result<Self> {
        let (name, values) = text.split_once('=').with_context(|| {
            format!("--vary {text}: expected FIELD=VALUES, such as `backend.servers=1,2,4`")
        })?;
        let setting = document.setting(name.trim())?;
        let points = match range(values) {
            Some(range) => range.with_context(|| format!("--vary {text}"))?,
            None => parts(values).into_iter().map(Point::parse).collect(),
        };
        ensure!(
            (1..=MOST_POINTS).contains(&points.len()),
            "--vary {text}: expected 1 to {MOST_POINTS} values, found {}",
            points.len()
        );
        Ok(Self { setting, points })
    }
}

impl Point {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        let value = parsed(text).unwrap_or_else(|| Value::String(text.to_owned()));
        Self { label: text.to_owned(), number: quantity(text).map(|(number, _)| number), value }
    }

    /// A number, in a unit if there is one; whole where whole numbers are wanted.
    pub(crate) fn new(number: f64, unit: &str, is_whole: bool) -> Self {
        let number = if is_whole { number.round() } else { number };
        let digits = if is_whole { format!("{number:.0}") } else { shortest(number) };
        let value = match (unit, is_whole) {
            ("", true) => Value::Integer(number as i64),
            ("", false) => Value::Float(number),
            _ => Value::String(format!("{digits}{unit}")),
        };
        Self { label: format!("{digits}{unit}"), number: Some(number), value }
    }
}

/// A value as TOML writes it.
fn parsed(text: &str) -> Option<Value> {
    toml::from_str::<toml::Table>(&format!("value = {text}")).ok()?.remove("value")
}

/// A number and the unit after it: `12`, `0.5`, `12/min`, `250ms`.
pub(crate) fn quantity(text: &str) -> Option<(f64, &str)> {
    let text = text.trim().trim_matches('"');
    let end = text.find(|character: char| !(character.is_ascii_digit() || ".+-".contains(character)));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    Some((number.parse().ok()?, unit))
}

/// Six digits, without zeros at the end.
fn shortest(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `FROM..TO:COUNT`, or with `:log`; `None` if it is no range.
fn range(text: &str) -> Option<anyhow::Result<Vec<Point>>> {
    let (from, rest) = text.split_once("..")?;
    let mut rest = rest.split(':');
    let (to, count, scale) = (rest.next()?, rest.next(), rest.next());
    Some(points_between(from, to, count, scale))
}

fn points_between(
    from: &str,
    to: &str,
    count: Option<&str>,
    scale: Option<&str>,
) -> anyhow::Result<Vec<Point>> {
    let expected = "expected FROM..TO:COUNT, or FROM..TO:COUNT:log, of numbers with the same unit";
    let (first, unit) = quantity(from).context(expected)?;
    let (last, other) = quantity(to).context(expected)?;
    let count: usize = count.and_then(|count| count.trim().parse().ok()).context(expected)?;
    ensure!(unit == other, "{expected}; found `{unit}` and `{other}`");
    ensure!((2..=MOST_POINTS).contains(&count), "expected a COUNT from 2 to {MOST_POINTS}, found {count}");
    let step = |place: usize| place as f64 / (count - 1) as f64;
    let number = |place: usize| match place {
        0 => first,
        _ if place == count - 1 => last,
        _ if scale.is_some() => first * libm::pow(last / first, step(place)),
        _ => first + (last - first) * step(place),
    };
    match scale {
        None => {}
        Some("log") => ensure!(first > 0.0 && last > 0.0, "equal ratios are of numbers above 0"),
        Some(other) => bail!("{expected}; found `:{other}`"),
    }
    let is_whole = |text: &str| !text.contains('.');
    let is_whole = is_whole(from.trim()) && is_whole(to.trim());
    let mut points: Vec<Point> = (0..count).map(|place| Point::new(number(place), unit, is_whole)).collect();
    points.dedup_by(|one, other| one.label == other.label);
    Ok(points)
}

/// What stands between commas that are in no bracket and no quotes.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut is_quoted, mut from) = (0_i32, false, 0);
    let mut parts = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            '[' | '{' if !is_quoted => depth += 1,
            ']' | '}' if !is_quoted => depth -= 1,
            ',' if depth == 0 && !is_quoted => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<String> {
        let points = match range(text) {
            Some(points) => points.unwrap(),
            None => parts(text).into_iter().map(Point::parse).collect(),
        };
        points.into_iter().map(|point| point.label).collect()
    }

    #[test]
    fn values_are_listed_or_spread() {
        assert_eq!(labels("1, 2,4"), ["1", "2", "4"]);
        assert_eq!(labels("[1,1],[2, 1]"), ["[1,1]", "[2, 1]"]);
        assert_eq!(labels("\"a,b\",{ c = 1, d = 2 }"), ["\"a,b\"", "{ c = 1, d = 2 }"]);
        assert_eq!(labels("10..100:4"), ["10", "40", "70", "100"]);
        assert_eq!(labels("1..1000:4:log"), ["1", "10", "100", "1000"]);
        assert_eq!(labels("0.5..1.5:3"), ["0.5", "1", "1.5"]);
        assert_eq!(labels("10/min..20/min:3"), ["10/min", "15/min", "20/min"]);
        assert_eq!(labels("1..3:9"), ["1", "2", "3"], "whole numbers once each");
    }

    #[test]
    fn a_value_is_toml_or_text() {
        assert_eq!(Point::parse("5").value, Value::Integer(5));
        assert_eq!(Point::parse("0.5").value, Value::Float(0.5));
        assert_eq!(Point::parse("12/min").value, Value::String("12/min".into()));
        assert_eq!(Point::parse("openai-python").value, Value::String("openai-python".into()));
        assert_eq!(Point::parse("true").value, Value::Boolean(true));
        assert_eq!(Point::parse("\"5\"").value, Value::String("5".into()));
        assert_eq!(Point::parse("250ms").number, Some(250.0));
        assert_eq!(Point::parse("none").number, None);
    }

    #[test]
    fn ranges_that_are_none_are_refused() {
        for text in ["1..2", "1..2:1", "1/s..2/min:3", "1..2:3:lin", "0..2:3:log", "a..b:3", "1..2:9999"] {
            assert!(range(text).unwrap().is_err(), "{text}");
        }
    }
}

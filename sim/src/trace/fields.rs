//! What each column of a trace means: from a text to a part of an event.

use super::time::{self, digits};
use super::{Event, EventKind, excerpt};
use std::net::IpAddr;

/// A column by its name in a CSV header or a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Time,
    Key,
    Event,
    Id,
    Tokens,
    Plan,
    Address,
    /// `GeneratedTokens` of the Azure LLM traces.
    Generated,
}

impl Column {
    /// The columns of a trace of our own.
    pub(super) const NAMED: [Self; 7] =
        [Self::Time, Self::Key, Self::Event, Self::Id, Self::Tokens, Self::Plan, Self::Address];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Key => "key",
            Self::Event => "event",
            Self::Id => "id",
            Self::Tokens => "tokens",
            Self::Plan => "plan",
            Self::Address => "address",
            Self::Generated => "GeneratedTokens",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|column| column.name() == name)
    }

    /// The columns of the Azure LLM traces.
    pub(super) fn named_by_azure(name: &str) -> Option<Self> {
        match name {
            "TIMESTAMP" => Some(Self::Time),
            "ContextTokens" => Some(Self::Tokens),
            "GeneratedTokens" => Some(Self::Generated),
            _ => None,
        }
    }
}

impl Event {
    /// Sets what one column says. An empty text leaves the default.
    #[inline]
    pub(super) fn set(&mut self, column: Column, text: &[u8]) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        match column {
            Column::Time => {
                let time = time::parse(text.trim_ascii());
                self.time = time.map_err(|error| wrong(column, error.expected(), text))?;
                self.has_time = true;
            }
            Column::Key => set_text(&mut self.key, column, text)?,
            Column::Id => set_text(&mut self.id, column, text)?,
            Column::Plan => set_text(&mut self.plan, column, text.trim_ascii())?,
            Column::Event => self.kind = kind(text)?,
            Column::Tokens => self.tokens = Some(tokens(column, text)?),
            Column::Generated => self.generated = Some(tokens(column, text)?),
            Column::Address => self.address = Some(address(text)?),
        }
        Ok(())
    }

    /// What the columns must say together.
    #[inline]
    pub(super) fn check(&self) -> Result<(), String> {
        match self.kind {
            _ if !self.has_time => Err(format!("`time` is missing: expected {}", time::EXPECTED)),
            EventKind::Settle if self.id.is_empty() => {
                Err("`id` is missing: a settle names the call that it settles".into())
            }
            EventKind::Plan if self.plan.is_empty() => {
                Err("`plan` is missing: a plan event names the key's new plan".into())
            }
            _ => Ok(()),
        }
    }
}

#[inline]
fn set_text(place: &mut String, column: Column, text: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(text).map_err(|_| wrong(column, "UTF-8 text", text))?;
    place.push_str(text);
    Ok(())
}

fn kind(text: &[u8]) -> Result<EventKind, String> {
    match text.trim_ascii() {
        b"call" => Ok(EventKind::Call),
        b"settle" => Ok(EventKind::Settle),
        b"plan" => Ok(EventKind::Plan),
        _ => Err(wrong(Column::Event, "`call`, `settle` or `plan`", text)),
    }
}

#[inline]
fn tokens(column: Column, text: &[u8]) -> Result<u64, String> {
    let expected = "a whole number from 0 to 18446744073709551615";
    digits(text.trim_ascii()).ok_or_else(|| wrong(column, expected, text))
}

fn address(text: &[u8]) -> Result<IpAddr, String> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| wrong(Column::Address, "an IPv4 or IPv6 address", text))
}

/// The message for a field that is not what it should be.
#[cold]
fn wrong(column: Column, expected: &str, found: &[u8]) -> String {
    format!("`{}`: expected {expected}, found `{}`", column.name(), excerpt(&String::from_utf8_lossy(found)))
}

//! Comma-separated values with a header, as RFC 4180 has them.
//!
//! A line without a quotation mark is split where it stands; the rare others are unquoted first. The lines are
//! counted here rather than by a CSV library because an error must name the very line, also after blank lines
//! and where lines end in CRLF.

use super::fields::Column;
use super::lines::Lines;
use super::{Event, Fault, excerpt};

/// Reads events from CSV.
pub(super) struct CsvReader {
    lines: Lines,
    /// What each column means; `None` for one that is ignored.
    columns: Vec<Option<Column>>,
    ignored: Vec<String>,
    unquoted: Unquoted,
}

impl CsvReader {
    /// Reads the header.
    pub(super) fn new(mut lines: Lines) -> Result<Self, Fault> {
        let mut unquoted = Unquoted::default();
        if !lines.advance()? {
            return Ok(Self { lines, columns: Vec::new(), ignored: Vec::new(), unquoted });
        }
        unquoted.read(&mut lines)?;
        let names: Vec<_> =
            unquoted.fields().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let columns = columns_of(&names).map_err(Fault::at(lines.number()))?;
        let unknown = names.into_iter().zip(&columns).filter(|(_, column)| column.is_none());
        let ignored = unknown.map(|(name, _)| name).collect();
        Ok(Self { lines, columns, ignored, unquoted })
    }

    /// Names of the columns that mean nothing here.
    pub(super) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Reads the next row; `false` at the end.
    #[inline]
    pub(super) fn read(&mut self, event: &mut Event) -> Result<bool, Fault> {
        if !self.lines.advance()? {
            return Ok(false);
        }
        let line = self.lines.number();
        event.clear(line);
        let set = if self.lines.line().contains(&b'"') {
            self.unquoted.read(&mut self.lines)?;
            set_all(event, &self.columns, self.unquoted.fields())
        } else {
            set_all(event, &self.columns, self.lines.line().split(|byte| *byte == b','))
        };
        set.and_then(|()| event.check()).map_err(Fault::at(line))?;
        Ok(true)
    }
}

/// The meaning of each column of a header.
fn columns_of(names: &[String]) -> Result<Vec<Option<Column>>, String> {
    let azure = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
        .iter()
        .all(|wanted| names.iter().any(|name| name == wanted));
    let meaning =
        |name: &String| Column::named(name).or_else(|| Column::named_by_azure(name).filter(|_| azure));
    let columns: Vec<_> = names.iter().map(meaning).collect();
    for (place, column) in columns.iter().enumerate() {
        if column.is_some() && columns[..place].contains(column) {
            return Err(format!("two columns are given as `{}`", column.map_or("", Column::name)));
        }
    }
    if !columns.contains(&Some(Column::Time)) {
        let found = excerpt(&names.join(","));
        return Err(format!(
            "the header has no column `time`: expected names such as `time,key,tokens`, found `{found}`"
        ));
    }
    Ok(columns)
}

#[inline]
fn set_all<'a>(
    event: &mut Event,
    columns: &[Option<Column>],
    mut fields: impl Iterator<Item = &'a [u8]>,
) -> Result<(), String> {
    for (place, column) in columns.iter().enumerate() {
        let Some(field) = fields.next() else {
            return Err(format!("expected {} fields as in the header, found {place}", columns.len()));
        };
        if let Some(column) = column {
            event.set(*column, field)?;
        }
    }
    match fields.count() {
        0 => Ok(()),
        more => {
            Err(format!("expected {} fields as in the header, found {}", columns.len(), columns.len() + more))
        }
    }
}

/// The fields of a row with their quotation marks taken off.
#[derive(Default)]
struct Unquoted {
    text: Vec<u8>,
    /// Where each field ends in `text`.
    ends: Vec<usize>,
}

/// What comes after a field.
enum After {
    Field,
    End,
}

impl Unquoted {
    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let start = |place: usize| place.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends.iter().enumerate().map(move |(place, end)| &self.text[start(place)..*end])
    }

    /// Reads the row that begins on the line at hand, and the lines onto which its quoted fields go on.
    fn read(&mut self, lines: &mut Lines) -> Result<(), Fault> {
        let begins = lines.number();
        loop {
            if self.split(lines.line()).map_err(Fault::at(begins))? {
                return Ok(());
            }
            if !lines.join_next()? {
                return Err(Fault::at(begins)("a quotation mark opens here and never closes".into()));
            }
        }
    }

    /// Splits a row; `false` if it ends within a quoted field.
    fn split(&mut self, mut row: &[u8]) -> Result<bool, String> {
        self.text.clear();
        self.ends.clear();
        loop {
            let after = match row {
                [b'"', rest @ ..] => match self.take_quoted(rest)? {
                    Some((rest, after)) => {
                        row = rest;
                        after
                    }
                    None => return Ok(false),
                },
                _ => {
                    let end = row.iter().position(|byte| *byte == b',');
                    self.text.extend_from_slice(&row[..end.unwrap_or(row.len())]);
                    row = end.map_or(&[], |end| &row[end + 1..]);
                    end.map_or(After::End, |_| After::Field)
                }
            };
            self.ends.push(self.text.len());
            if let After::End = after {
                return Ok(true);
            }
        }
    }

    /// Takes what follows an opening mark up to the closing one; `None` if there is none.
    fn take_quoted<'a>(&mut self, mut rest: &'a [u8]) -> Result<Option<(&'a [u8], After)>, String> {
        loop {
            let Some(mark) = rest.iter().position(|byte| *byte == b'"') else { return Ok(None) };
            self.text.extend_from_slice(&rest[..mark]);
            match &rest[mark + 1..] {
                [b'"', more @ ..] => {
                    self.text.push(b'"');
                    rest = more;
                }
                [b',', more @ ..] => return Ok(Some((more, After::Field))),
                [] => return Ok(Some((&[], After::End))),
                more => {
                    return Err(format!(
                        "expected `,` after a closing quotation mark, found `{}`; within quotes a mark is written twice",
                        excerpt(&String::from_utf8_lossy(more))
                    ));
                }
            }
        }
    }
}

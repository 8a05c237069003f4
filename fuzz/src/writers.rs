//! Writers of traces that share nothing with the readers.

use crate::Bytes;
use crate::rows::{Row, SECOND, seconds, time_text};
use tidegate_sim::trace::EventKind;

/// A file as it was written.
#[derive(Debug, Default)]
pub struct Written {
    /// Its bytes.
    pub text: Vec<u8>,
    /// The line on which each row begins.
    pub lines: Vec<u64>,
}

/// A field that is written wrongly: of which row, and what stands there.
#[derive(Clone, Debug)]
pub struct Slip {
    /// The row's place.
    pub row: usize,
    /// The column.
    pub column: &'static str,
    /// The text.
    pub text: String,
}

/// Columns and what cannot stand in them.
const SLIPS: [(&str, &str); 8] = [
    ("time", "now"),
    ("time", "1.0000000001"),
    ("tokens", "-1"),
    ("tokens", "18446744073709551616"),
    ("tokens", "ten"),
    ("event", "Call"),
    ("address", "10.0.0.256"),
    ("address", "fe80::1%eth0"),
];

impl Slip {
    /// One among so many rows, now and then.
    pub fn some(bytes: &mut Bytes<'_>, rows: usize) -> Option<Self> {
        let (choice, row) = (bytes.byte(), usize::from(bytes.byte()));
        let no_date = no_date(bytes).filter(|_| choice % 8 == 0);
        let (column, text) = SLIPS[usize::from(choice) / 4 % SLIPS.len()];
        let (column, text) = no_date.map_or((column, text.to_owned()), |date| ("time", date));
        (rows > 0 && choice % 4 == 0).then(|| Self { row: row % rows, column, text })
    }

    fn text_at(slip: Option<&Self>, row: usize, column: &str) -> Option<String> {
        slip.filter(|slip| slip.row == row && slip.column == column).map(|slip| slip.text.clone())
    }
}

/// A time on a day that no calendar has, if the bytes give one.
fn no_date(bytes: &mut Bytes<'_>) -> Option<String> {
    let (year, month, day) = (1970 + u16::from(bytes.byte()), bytes.byte() % 14, bytes.byte() % 33);
    let exists = jiff::civil::Date::new(year as i16, month as i8, day as i8).is_ok();
    (!exists).then(|| format!("{year}-{month:02}-{day:02}T12:00:00Z"))
}

impl Written {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let mark = if bytes.once_in(4) { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        Self { text: mark, lines: Vec::new() }
    }

    /// Begins a row, after blank lines or none.
    fn begin_row(&mut self, bytes: &mut Bytes<'_>) {
        for _ in 0..bytes.byte().saturating_sub(252) {
            self.text.extend_from_slice(bytes.one_of(&[b"\n".as_slice(), b" \t\r\n"]));
        }
        let ends = self.text.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.lines.push(ends + 1);
    }
}

/// The value of a column, as a text; empty for none.
fn value(row: &Row, column: &str, bytes: &mut Bytes<'_>) -> String {
    let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
    match column {
        "time" | "TIMESTAMP" => time_text(row.time, bytes),
        "key" => row.key.clone(),
        "event" if row.kind == EventKind::Call && bytes.once_in(2) => String::new(),
        "event" => row.kind.name().into(),
        "id" => row.id.clone(),
        "tokens" | "ContextTokens" => number(row.tokens),
        "plan" => row.plan.clone(),
        "address" => row.address.map_or(String::new(), |address| address.to_string()),
        "GeneratedTokens" => number(row.generated),
        _ => "any, \"thing\"".into(),
    }
}

/// The columns, all of them, from any one on, and one that means nothing.
fn columns(names: &[&'static str], bytes: &mut Bytes<'_>) -> Vec<&'static str> {
    let mut columns = names.to_vec();
    columns.rotate_left(usize::from(bytes.byte()) % names.len());
    if bytes.once_in(2) {
        columns.insert(usize::from(bytes.byte()) % names.len(), "note");
    }
    columns
}

/// Names of the columns of a trace of our own, and of an Azure one.
const OWN: [&str; 7] = ["time", "key", "event", "id", "tokens", "plan", "address"];
const AZURE: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

/// As CSV, in any style.
pub fn csv(rows: &[Row], slip: Option<&Slip>, bytes: &mut Bytes<'_>) -> Written {
    write_csv(rows, &OWN, slip, bytes)
}

/// As an Azure trace, which knows of no keys, plans and addresses.
pub fn azure(rows: &mut [Row], bytes: &mut Bytes<'_>) -> Written {
    for row in rows.iter_mut() {
        let generated = Some(bytes.number());
        *row = Row {
            key: String::new(),
            kind: EventKind::Call,
            id: String::new(),
            plan: String::new(),
            address: None,
            generated,
            ..row.clone()
        };
    }
    write_csv(rows, &AZURE, None, bytes)
}

fn write_csv(rows: &[Row], names: &[&'static str], slip: Option<&Slip>, bytes: &mut Bytes<'_>) -> Written {
    let mut style = csv::WriterBuilder::new();
    style.quote_style(bytes.one_of(&[csv::QuoteStyle::Necessary, csv::QuoteStyle::Always]));
    style.terminator(bytes.one_of(&[csv::Terminator::CRLF, csv::Terminator::Any(b'\n')]));
    let columns = columns(names, bytes);
    let mut written = Written::new(bytes);
    let write = |written: &mut Written, fields: Vec<String>| {
        let mut writer = style.from_writer(Vec::new());
        writer.write_record(fields).expect("memory takes it");
        written.text.extend(writer.into_inner().expect("memory takes it"));
    };
    write(&mut written, columns.iter().map(|column| (*column).to_owned()).collect());
    for (place, row) in rows.iter().enumerate() {
        written.begin_row(bytes);
        let field = |column: &&'static str| {
            Slip::text_at(slip, place, column).unwrap_or_else(|| value(row, column, bytes))
        };
        let fields = columns.iter().map(field).collect();
        write(&mut written, fields);
    }
    written
}

/// As JSON lines, with any spaces, order and escapes.
pub fn json_lines(rows: &[Row], slip: Option<&Slip>, bytes: &mut Bytes<'_>) -> Written {
    let mut written = Written::new(bytes);
    for (place, row) in rows.iter().enumerate() {
        written.begin_row(bytes);
        let space = bytes.one_of(&["", " ", "\t "]);
        let members: Vec<String> = columns(&OWN, bytes)
            .into_iter()
            .map(|column| {
                let value = match Slip::text_at(slip, place, column) {
                    Some(slip) => text(&slip, bytes),
                    None => json_value(row, column, bytes),
                };
                format!("{space}{}:{space}{value}", text(column, bytes))
            })
            .collect();
        let end = bytes.one_of(&["\n", "\r\n"]);
        written.text.extend(format!("{{{}{space}}}{end}", members.join(",")).into_bytes());
    }
    written
}

fn json_value(row: &Row, column: &str, bytes: &mut Bytes<'_>) -> String {
    match column {
        "time" if bytes.once_in(2) => seconds(row.time),
        "time" if bytes.once_in(4) => format!("{}e-9", row.time),
        "tokens" if bytes.once_in(2) => row.tokens.map_or("null".into(), |tokens| tokens.to_string()),
        "note" => bytes.one_of(&["[1, {\"time\": 2}]", "1e400", "true", "\"\\u0000\""]).into(),
        _ => text(&value(row, column, bytes), bytes),
    }
}

/// A JSON string; with every character escaped, or those that must be.
fn text(text: &str, bytes: &mut Bytes<'_>) -> String {
    if bytes.once_in(4) {
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        return format!("\"{escaped}\"");
    }
    serde_json::Value::from(text).to_string()
}

/// As an access log, which knows of clients and whole seconds.
pub fn access_log(rows: &mut [Row], bytes: &mut Bytes<'_>) -> Written {
    let mut written = Written::new(bytes);
    for row in rows.iter_mut() {
        // No host begins with a brace, as an object does.
        let host: String =
            row.key.chars().filter(|c| !(c.is_whitespace() || c.is_control() || *c == '{')).collect();
        let host = if host.is_empty() { "host".into() } else { host };
        let client = row.address.map_or(host, |address| address.to_string());
        *row = Row {
            time: row.time / SECOND * SECOND,
            address: client.parse().ok(),
            key: client.clone(),
            kind: EventKind::Call,
            id: String::new(),
            tokens: None,
            plan: String::new(),
            generated: None,
        };
        written.begin_row(bytes);
        let time = log_time(row.time, bytes);
        let request = bytes.text().replace(['\n', '\r'], "").replace('\\', "\\\\").replace('"', "\\\"");
        let tail = bytes.one_of(&[" 17", " - \"-\" \"agent \\\"1\\\"\"", ""]);
        let end = bytes.one_of(&["\n", "\r\n"]);
        let line = format!("{client} - - [{time}] \"{request}\" 200{tail}{end}");
        written.text.extend(line.into_bytes());
    }
    written
}

/// `17/May/2015:10:05:03 +0000`, anywhere within two hours of UTC.
fn log_time(time: u64, bytes: &mut Bytes<'_>) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let offset = jiff::tz::Offset::from_seconds(i32::from(bytes.byte() as i8) * 60).expect("some two hours");
    let stamp = jiff::Timestamp::from_nanosecond(time.into()).expect("before 2262");
    let local = offset.to_datetime(stamp);
    let (sign, minutes) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().abs() / 60);
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} {sign}{:02}{:02}",
        local.day(),
        MONTHS[local.month() as usize - 1],
        local.year(),
        local.hour(),
        local.minute(),
        local.second(),
        minutes / 60,
        minutes % 60
    )
}

//! Access logs in the common and combined formats of Apache and nginx.
//!
//! A server writes a line when the request has ended, with the time at which it began, so times go back a
//! little from line to line. The requests are therefore sorted by time, those of one second left in the order of the
//! log; all of a log, and all logs together, are held in memory for it.

use super::lines::Lines;
use super::time::parse_access_log;
use super::{Event, Fault, Place, excerpt};
use std::collections::HashMap;
use std::sync::Arc;
use tidegate::Nanos;

/// The requests of any number of logs, in order of time.
#[derive(Default)]
pub(super) struct AccessLogs {
    requests: Vec<Request>,
    clients: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
    given: usize,
}

/// A request, 32 bytes of it.
#[derive(Clone, Copy)]
struct Request {
    time: Nanos,
    place: Place,
    client: u32,
}

impl AccessLogs {
    /// Adds the requests of a log.
    pub(super) fn add(&mut self, file: usize, lines: &mut Lines) -> Result<(), Fault> {
        while lines.advance()? {
            let line = lines.number();
            let (client, time) = parse(lines.line()).map_err(Fault::at(line))?;
            let client = self.client(client);
            self.requests.push(Request { time, place: Place { file, line }, client });
        }
        Ok(())
    }

    fn client(&mut self, name: &str) -> u32 {
        if let Some(client) = self.known.get(name) {
            return *client;
        }
        let (client, name) = (self.clients.len() as u32, Arc::<str>::from(name));
        self.clients.push(name.clone());
        self.known.insert(name, client);
        client
    }

    /// Puts the requests in order, once all are added.
    pub(super) fn sort(&mut self) {
        self.requests.sort_by_key(|request| request.time);
    }

    /// Reads the next request; `false` at the end.
    pub(super) fn read(&mut self, event: &mut Event) -> bool {
        let Some(request) = self.requests.get(self.given) else { return false };
        let client = &self.clients[request.client as usize];
        self.given += 1;
        event.clear(request.place.line);
        event.place = request.place;
        event.time = request.time;
        event.has_time = true;
        event.address = client.parse().ok();
        event.key.push_str(client);
        true
    }
}

/// The client and the time of a line: `client ident user [time] "request" status …`.
pub(super) fn parse(line: &[u8]) -> Result<(&str, Nanos), String> {
    let (client, rest) = split_at_byte(line, b' ').ok_or_else(|| not_a_log_line(line))?;
    let (_, rest) = split_at_byte(rest, b'[').ok_or_else(|| not_a_log_line(line))?;
    let (time, rest) = split_at_byte(rest, b']').ok_or_else(|| not_a_log_line(line))?;
    let client = std::str::from_utf8(client).ok().filter(|client| !client.is_empty());
    let client = client.ok_or_else(|| not_a_log_line(line))?;
    if !request_and_status(rest) {
        return Err(not_a_log_line(line));
    }
    let time = parse_access_log(time).ok_or_else(|| {
        format!(
            "time: expected one such as `[17/May/2015:10:05:03 +0000]`, found `[{}]`",
            excerpt(&String::from_utf8_lossy(time))
        )
    })?;
    Ok((client, time))
}

/// Whether ` "request" 200` comes next. Within the request, servers write a quotation mark as `\"` or `\x22`.
fn request_and_status(rest: &[u8]) -> bool {
    let Some(request) = rest.strip_prefix(b" \"") else { return false };
    let mut escaped = false;
    let end = request.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    let status = end.map_or(&[][..], |end| &request[end + 1..]);
    matches!(status, [b' ', a, b, c, rest @ ..]
        if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) && matches!(rest, [] | [b' ', ..]))
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|b| *b == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

#[cold]
fn not_a_log_line(line: &[u8]) -> String {
    format!(
        "expected `client ident user [time] \"request\" status …` of an access log, found `{}`",
        excerpt(&String::from_utf8_lossy(line))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_understood_and_others_refused() {
        let seconds = |line: &'static str| {
            parse(line.as_bytes()).map(|(client, time)| (client, time.get() / 1_000_000_000))
        };
        let expected = Ok(("::1", 1_431_857_103));
        let time = "[17/May/2015:10:05:03 +0000]";
        assert_eq!(seconds(r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#), expected);
        assert_eq!(
            seconds(r#"::1 - a b [17/May/2015:12:05:03 +0200] "-" 408 - "-" "a \"b\"" extra"#),
            expected
        );
        assert_eq!(seconds(r#"::1 - - [17/May/2015:10:05:03 +0000] "GET /\"x\" HTTP/1.1" 200 5"#), expected);
        assert!(
            seconds(r#"::1 - - [17/May/2015] "GET / HTTP/1.1" 200 5"#)
                .unwrap_err()
                .contains("`[17/May/2015]`")
        );
        for line in ["", "::1", "::1 - - [", r#" - - [17/May/2015:10:05:03 +0000] "GET /" 200"#] {
            assert!(seconds(line).is_err(), "{line}");
        }
        assert!(parse(format!("::1 - - {time} GET / 200 5").as_bytes()).is_err());
        assert!(parse(format!("::1 - - {time} \"GET / 200 5").as_bytes()).is_err());
        assert!(parse(format!("::1 - - {time} \"GET /\" abc 5").as_bytes()).is_err());
    }
}

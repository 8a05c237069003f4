//! Where a response ends.

use anyhow::{Context, bail, ensure};

/// Fields of a header.
const MOST_FIELDS: usize = 64;

/// Reads responses of one connection, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    read: Vec<u8>,
    head: Option<Head>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    bytes: usize,
    length: Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    Chunked,
}

impl Answer {
    /// Reads on; gives the status when the response has come to its end.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> anyhow::Result<Option<u16>> {
        self.read.extend_from_slice(bytes);
        if self.head.is_none() {
            self.head = head(&self.read)?;
        }
        let Some(Head { status, bytes, length }) = self.head else { return Ok(None) };
        let body = &self.read[bytes..];
        let has_ended = match length {
            Length::Bytes(length) => {
                ensure!(body.len() <= length, "a response is longer than it says");
                body.len() == length
            }
            // Neither the upstream's text nor an error page has such an end within.
            Length::Chunked => body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n"),
        };
        if !has_ended {
            return Ok(None);
        }
        self.read.clear();
        self.head = None;
        Ok(Some(status))
    }

    /// What has come of a response that has not ended.
    pub(crate) fn so_far(&self) -> &[u8] {
        &self.read
    }
}

fn head(read: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(bytes) = response.parse(read)? else { return Ok(None) };
    let field = |name: &str| {
        let of_name = |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case(name);
        response.headers.iter().find(of_name).map(|field| field.value)
    };
    ensure!(field("connection") != Some(b"close"), "a connection is not kept alive");
    let length = match (field("content-length"), field("transfer-encoding")) {
        (Some(length), None) => Length::Bytes(std::str::from_utf8(length)?.parse()?),
        (None, Some(encoding)) if encoding.eq_ignore_ascii_case(b"chunked") => Length::Chunked,
        _ => bail!("a response does not say how long it is"),
    };
    let status = response.code.context("a response without a status")?;
    Ok(Some(Head { status, bytes, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_read(text: &str, expected: u16) {
        for piece in 1..=text.len() {
            let mut answer = Answer::default();
            let mut ends = Vec::new();
            let twice = text.repeat(2);
            // A piece never holds the ends of two responses: one is asked for after the other.
            for text in twice.as_bytes().chunks(text.len()) {
                for bytes in text.chunks(piece) {
                    ends.push(answer.take(bytes).unwrap());
                }
            }
            let pieces = text.len().div_ceil(piece);
            let once = [vec![None; pieces - 1], vec![Some(expected)]].concat();
            assert_eq!(ends, once.repeat(2), "in pieces of {piece}");
        }
    }

    #[test]
    fn responses_end_where_they_say_in_whatever_pieces_they_come() {
        assert_read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 200);
        assert_read("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", 429);
        assert_read(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\n0\r\n0\r\n\r\n",
            200,
        );
        assert_read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 200);
    }

    #[test]
    fn what_ends_a_connection_is_an_error() {
        for text in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
            "SSH-2.0\r\n\r\n",
        ] {
            assert!(Answer::default().take(text.as_bytes()).is_err(), "{text}");
        }
    }
}

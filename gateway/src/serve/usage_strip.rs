//! Takes the usage of a stream out again, where it was the gateway that asked for it.
//!
//! What is taken out is one event: the one that has a usage and no choices. All other bytes pass as they come, event by event: an event
//! that has not ended is held back until it has, since only then it can be told what it is.

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The longest event that is held back. No usage is as long; what is longer passes, and so does all that follows it.
const MOST_HELD: usize = 64 << 10;

/// Takes usage out of a stream of events.
#[derive(Debug, Default)]
struct Strip {
    /// The begin of an event.
    held: BytesMut,
    /// What comes is no stream of events that can be read: all passes.
    passes: bool,
}

impl Strip {
    /// Reads on; gives what is to go on.
    fn pass(&mut self, bytes: Bytes) -> Bytes {
        if self.passes {
            return bytes;
        }
        let seen = self.held.len();
        let all = if seen == 0 {
            bytes
        } else {
            self.held.extend_from_slice(&bytes);
            let goes_on = event_end(&self.held, 0, seen).is_none() && is_held(&self.held, seen);
            if goes_on {
                return Bytes::new();
            }
            self.held.split().freeze()
        };
        let (mut kept, mut start) = (Kept::default(), 0);
        while let Some(end) = event_end(&all, start, seen) {
            let event = start..end;
            if !is_usage(&all[event.clone()]) {
                kept.push(&all, event);
            }
            start = end;
        }
        let rest = &all[start..];
        if is_held(rest, 0) {
            self.held.extend_from_slice(rest);
        } else {
            self.passes = true;
            kept.push(&all, start..all.len());
        }
        kept.bytes(&all)
    }

    /// What was held back when the stream ended.
    fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

/// Parts of a text that are kept: one part of it as long as they follow each other, a copy otherwise.
#[derive(Debug, Default)]
struct Kept {
    part: std::ops::Range<usize>,
    copy: Option<BytesMut>,
}

impl Kept {
    fn push(&mut self, all: &[u8], part: std::ops::Range<usize>) {
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(&all[part]);
        } else if self.part.is_empty() {
            self.part = part;
        } else if self.part.end == part.start {
            self.part.end = part.end;
        } else {
            let mut copy = BytesMut::from(&all[self.part.clone()]);
            copy.extend_from_slice(&all[part]);
            self.copy = Some(copy);
        }
    }

    fn bytes(self, all: &Bytes) -> Bytes {
        match self.copy {
            Some(copy) => copy.freeze(),
            None => all.slice(self.part),
        }
    }
}

/// Where the event that begins at `start` ends: behind its empty line. Of the text, `seen` bytes were searched before.
fn event_end(all: &[u8], start: usize, seen: usize) -> Option<usize> {
    let from = start.max(seen.saturating_sub(3));
    let ends = all.get(from..)?.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    for (place, _) in ends {
        let end = from + place;
        let line = &all[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.ends_with(b"\n") {
            return Some(end + 1);
        }
    }
    None
}

/// Whether the begin of an event may be held back: it is not too long, and its lines do not end by a carriage return alone, as the
/// format allows and nobody writes. Of it, `seen` bytes were looked at before.
fn is_held(begin: &[u8], seen: usize) -> bool {
    let bare = |pair: &[u8]| matches!(pair, [b'\r', next] if *next != b'\n');
    begin.len() <= MOST_HELD && !begin[seen.saturating_sub(1)..].windows(2).any(bare)
}

/// Whether an event has a usage, and nothing else.
fn is_usage(event: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Chunk<'a> {
        choices: Vec<IgnoredAny>,
        #[serde(borrow)]
        usage: &'a RawValue,
    }
    let named = |name: &[u8]| event.windows(name.len()).any(|part| part == name);
    if !named(b"\"usage\"") {
        return false;
    }
    let mut data = event.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:"));
    let (Some(json), None) = (data.next(), data.next()) else { return false };
    serde_json::from_slice::<Chunk<'_>>(json)
        .is_ok_and(|chunk| chunk.choices.is_empty() && chunk.usage.get().starts_with('{'))
}

pin_project! {
    /// A response's body, without the usage that its client did not ask for.
    pub(crate) struct Stripped<B> {
        #[pin]
        body: B,
        // `None` where nothing is taken out.
        strip: Option<Strip>,
    }
}

impl<B> Stripped<B> {
    /// As it is.
    pub(crate) fn unchanged(body: B) -> Self {
        Self { body, strip: None }
    }

    /// Without its usage.
    pub(crate) fn new(body: B) -> Self {
        Self { body, strip: Some(Strip::default()) }
    }
}

impl<B: Body<Data = Bytes>> Body for Stripped<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let Some(strip) = this.strip else { return this.body.poll_frame(context) };
        loop {
            let bytes = match ready!(this.body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => strip.pass(bytes),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                None => {
                    let rest = strip.rest();
                    return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            };
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // What is held back comes after the end.
        self.strip.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.strip.is_none() { self.body.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: &str =
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\"\"}}],\"usage\":null}\n\n";
    const USAGE: &str = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"total_tokens\":12}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    fn stripped(text: &str, piece: usize) -> String {
        let mut strip = Strip::default();
        let mut all = BytesMut::new();
        for part in text.as_bytes().chunks(piece) {
            all.extend_from_slice(&strip.pass(Bytes::copy_from_slice(part)));
        }
        all.extend_from_slice(&strip.rest());
        String::from_utf8(all.to_vec()).unwrap()
    }

    #[track_caller]
    fn assert_stripped(text: &str, expected: &str) {
        for piece in 1..=text.len() {
            assert_eq!(stripped(text, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn the_usage_alone_is_taken_out_in_whatever_pieces_it_comes() {
        assert_stripped(&format!("{CHUNK}{CHUNK}{USAGE}{DONE}"), &format!("{CHUNK}{CHUNK}{DONE}"));
        assert_stripped(&format!("{USAGE}{CHUNK}{USAGE}"), CHUNK);
        let crlf = |text: &str| text.replace('\n', "\r\n");
        assert_stripped(&crlf(&format!("{CHUNK}{USAGE}{DONE}")), &crlf(&format!("{CHUNK}{DONE}")));
        let named = format!("event: x\n{USAGE}{DONE}");
        assert_stripped(&named, DONE);
    }

    #[test]
    fn all_else_passes_byte_for_byte() {
        for text in [
            "data: {\"choices\":[{}],\"usage\":{\"total_tokens\":12}}\n\n",
            "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
            "data: {\"choices\":[],\"usage\":null}\n\n",
            "data: {\"choices\":[],\"usage\":{}\n\ndata: }\n\n",
            ": comment\n\n\n\nretry: 3\n\ndata: {\"choices\":[],",
            "data: {\"choices\":[],\ndata: \"usage\":{}}\n\n",
            "data: a\r\rdata: {\"choices\":[],\"usage\":{}}\r\r",
            "\u{0}\n\r\n\r\n",
        ] {
            assert_stripped(text, text);
        }
    }

    #[test]
    fn an_event_goes_on_as_soon_as_it_has_ended() {
        let mut strip = Strip::default();
        let chunk = Bytes::from(CHUNK);
        let passed = strip.pass(chunk.clone());
        assert_eq!((passed.as_ptr(), passed.len()), (chunk.as_ptr(), chunk.len()), "not copied");
        assert_eq!(strip.pass(Bytes::from("data: {")), "");
        assert_eq!(strip.pass(Bytes::from("}\n\ndata")), "data: {}\n\n");
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut strip = Strip::default();
        let long = "x".repeat(MOST_HELD);
        assert_eq!(strip.pass(Bytes::from(long.clone())), "");
        assert_eq!(strip.pass(Bytes::from("y")).len(), MOST_HELD + 1);
        assert_eq!(strip.pass(Bytes::from(USAGE)), USAGE);
    }
}

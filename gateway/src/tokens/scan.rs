//! Finds the object `usage` in JSON that passes in pieces, in bounded memory.
//!
//! A whole response need not be kept for it: only depth, the last key of the two outermost objects and the object itself are.
//! Keys count at the top, and within `message` and `response`, where the APIs have them; text of the same words in
//! a string, or deeper down, is none.

/// The longest object that is believed to be a usage.
const MOST_BYTES: usize = 4_096;
/// Most are no longer, so that memory is asked for once.
const USUAL_BYTES: usize = 256;
/// Longer keys are none of those looked for.
const MOST_KEY: usize = 8;

/// A key of one of the outer objects, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    bytes: [u8; MOST_KEY],
    /// How many; more than fit make a key that is none.
    length: usize,
}

impl Key {
    fn push(&mut self, text: &[u8]) {
        let room = self.bytes.iter_mut().skip(self.length);
        room.zip(text).for_each(|(place, byte)| *place = *byte);
        self.length = self.length.saturating_add(text.len());
    }

    fn is(&self, name: &[u8]) -> bool {
        self.bytes.get(..self.length) == Some(name)
    }
}

/// Where in the text it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Structure,
    Text,
    Escape,
}

/// The scanner of one JSON text.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanner {
    within: Within,
    /// Objects and arrays that are open.
    depth: u32,
    /// The last string.
    last: Key,
    /// The keys under which the values of the two outermost objects stand.
    keys: [Key; 2],
    /// The object that is being kept.
    kept: Vec<u8>,
    /// Its depth; 0 if there is none.
    keeps_from: u32,
    /// What it is.
    found: Found,
}

/// Where a usage stands, and so what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Found {
    /// In the response itself: what was used.
    #[default]
    Whole,
    /// In the message that a stream begins with: what was used until then, with the whole to come.
    Begun,
}

impl Scanner {
    /// Begins a new text; memory is kept.
    pub(super) fn restart(&mut self) {
        self.kept.clear();
        *self = Self { kept: std::mem::take(&mut self.kept), ..Self::default() };
    }

    /// Reads on; gives every object `usage` that ends.
    pub(super) fn pass(&mut self, bytes: &[u8], mut found: impl FnMut(&[u8], Found)) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if self.within == Within::Text {
                // Most of a response is text: what ends it is looked for many bytes at a time.
                let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                if end > 0 {
                    let (text, after) = rest.split_at(end);
                    self.last.push(text);
                    self.keep(text);
                    rest = after;
                    continue;
                }
            }
            rest = after;
            self.step(byte);
            self.keep(&[byte]);
            if self.keeps_from != 0
                && self.within == Within::Structure
                && byte == b'}'
                && self.depth < self.keeps_from
            {
                found(&self.kept, self.found);
                self.forget();
            }
        }
    }

    /// Keeps what belongs to an object that is being kept, if that does not get too long.
    fn keep(&mut self, bytes: &[u8]) {
        if self.keeps_from == 0 {
            return;
        }
        if self.kept.len() + bytes.len() > MOST_BYTES {
            self.forget();
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }

    fn forget(&mut self) {
        self.kept.clear();
        self.keeps_from = 0;
    }

    fn step(&mut self, byte: u8) {
        match (self.within, byte) {
            (Within::Escape, _) => {
                // No key that is looked for has an escape.
                self.last.length = MOST_KEY + 1;
                self.within = Within::Text;
            }
            (Within::Text, b'\\') => self.within = Within::Escape,
            // A quotation mark: all else of a text has been read at once.
            (Within::Text, _) => self.within = Within::Structure,
            (Within::Structure, b'"') => {
                self.within = Within::Text;
                self.last = Key::default();
            }
            (Within::Structure, b':') => {
                let last = self.last;
                if let Some(key) = self.key_of(self.depth) {
                    *key = last;
                }
            }
            (Within::Structure, b'{') => {
                if self.keeps_from == 0
                    && let Some(found) = self.usage()
                {
                    self.found = found;
                    self.keeps_from = self.depth + 1;
                    self.kept.reserve(USUAL_BYTES);
                }
                self.depth = self.depth.saturating_add(1);
            }
            (Within::Structure, b'[') => self.depth = self.depth.saturating_add(1),
            (Within::Structure, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            (Within::Structure, _) => {}
        }
    }

    fn key_of(&mut self, depth: u32) -> Option<&mut Key> {
        self.keys.get_mut(usize::try_from(depth).ok()?.checked_sub(1)?)
    }

    /// Which usage the object that opens is; `None` if it is none.
    fn usage(&self) -> Option<Found> {
        let [outer, inner] = self.keys;
        match self.depth {
            1 if outer.is(b"usage") => Some(Found::Whole),
            2 if inner.is(b"usage") && outer.is(b"response") => Some(Found::Whole),
            2 if inner.is(b"usage") && outer.is(b"message") => Some(Found::Begun),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, piece: usize) -> Vec<String> {
        let mut scanner = Scanner::default();
        let mut all = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            scanner.pass(bytes, |usage, _| all.push(String::from_utf8_lossy(usage).into_owned()));
        }
        all
    }

    #[test]
    fn the_object_is_found_in_whatever_pieces_it_comes() {
        let text = r#"{"id":"x","choices":[{"usage":{"no":1}}],"usage":{"total_tokens":7,"details":{"a":[{}]}},"z":{}}"#;
        for piece in 1..text.len() {
            assert_eq!(found(text, piece), [r#"{"total_tokens":7,"details":{"a":[{}]}}"#], "{piece}");
        }
    }

    #[test]
    fn it_is_found_where_the_apis_have_it_and_nowhere_else() {
        assert_eq!(found(r#"{"message":{"usage":{"a":1}}}"#, 3).len(), 1);
        assert_eq!(found(r#"{"response": {"id": "", "usage" : { "a" : 1 } } }"#, 3).len(), 1);
        for text in [
            r#"{"metadata":{"usage":{"a":1}}}"#,
            r#"{"usage":null}"#,
            r#"{"usage":"{}"}"#,
            r#"{"content":"\"usage\":{\"a\":1}"}"#,
            r#"[{"usage":{"a":1}}]"#,
            r#"{"a":{"message":{"usage":{"a":1}}}}"#,
            r#"{"us\u0061ge":{"a":1}}"#,
            r#"{"usage_x":{"a":1}}"#,
        ] {
            assert_eq!(found(text, 4), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let long = format!(r#"{{"usage":{{"a":"{}"}},"b":1}}"#, "x".repeat(10_000));
        assert_eq!(found(&long, 100), [""; 0]);
        let mut scanner = Scanner::default();
        scanner.pass(long.as_bytes(), |_, _| {});
        assert!(scanner.kept.capacity() <= 2 * MOST_BYTES);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in ["}}}}", "]]{", "\"\\", ":::{{{[[[", "{\"usage\":{", "\u{0}\u{1}"] {
            assert_eq!(found(text, 1), [""; 0], "{text:?}");
        }
    }
}

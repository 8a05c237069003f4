//! A file line by line, whatever its line ends, with the number of each.

use std::io::{self, BufRead, BufReader, Read};

/// Large enough that a system call is nothing beside the lines it brings.
const BUFFER: usize = 1 << 18;

/// The lines of a file that are not blank.
pub(super) struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
    /// What parts the line at hand from the next.
    end: &'static [u8],
    /// The line at hand is to be given once more.
    again: bool,
}

impl Lines {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        let reader = BufReader::with_capacity(BUFFER, reader);
        Self { reader, line: Vec::new(), number: 0, end: b"", again: false }
    }

    /// Goes to the next line that is not blank; `false` at the end.
    #[inline]
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        loop {
            self.line.clear();
            if !self.append()? {
                return Ok(false);
            }
            if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Adds the next line to the one at hand, with the line end that parts them: a quoted field goes on there.
    pub(super) fn join_next(&mut self) -> io::Result<bool> {
        self.line.extend_from_slice(self.end);
        self.append()
    }

    /// Reads one line onto the end of the buffer, without its line end.
    #[inline]
    fn append(&mut self) -> io::Result<bool> {
        if self.reader.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.end = match self.line.as_slice() {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        self.line.truncate(self.line.len() - self.end.len());
        Ok(true)
    }

    /// Makes the next [`advance`](Self::advance) stay on this line.
    pub(super) fn step_back(&mut self) {
        self.again = true;
    }

    /// The line at hand.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Its number, from 1; of joined lines, the last one's.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static str) -> Vec<(u64, String)> {
        let mut lines = Lines::new(Box::new(text.as_bytes()));
        let mut all = Vec::new();
        while lines.advance().unwrap() {
            all.push((lines.number(), String::from_utf8(lines.line().to_vec()).unwrap()));
        }
        all
    }

    #[test]
    fn blank_lines_line_ends_and_a_byte_order_mark_are_none_of_the_readers_business() {
        let expected = vec![(1, "a".to_owned()), (4, "b".to_owned()), (5, "c".to_owned())];
        assert_eq!(lines("a\n\n  \nb\nc"), expected);
        assert_eq!(lines("\u{feff}a\r\n\r\n\r\nb\r\nc\r\n"), expected);
        assert_eq!(lines(""), []);
        assert_eq!(lines("\n\n"), []);
    }

    /// A quoted key of two lines lost the `\r` between them, and was one key with another that never had it.
    #[test]
    fn joined_lines_are_parted_as_they_were_written() {
        let mut lines = Lines::new(Box::new("a\r\nb\nc\r\n".as_bytes()));
        assert!(lines.advance().unwrap() && lines.join_next().unwrap() && lines.join_next().unwrap());
        assert_eq!((lines.line(), lines.number()), (b"a\r\nb\nc".as_slice(), 3));
        assert!(!lines.join_next().unwrap());
    }
}

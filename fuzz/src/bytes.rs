//! Numbers out of a fuzzer's bytes.

/// Reads numbers from bytes; zeros once they are used up.
#[derive(Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Reads from the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all have been read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next eight bytes as a number.
    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number of any size, small ones and those around powers of two and ten more often than chance would have
    /// it: two bytes mostly.
    pub fn number(&mut self) -> u64 {
        let (kind, low) = (self.byte(), u64::from(self.byte()));
        match kind {
            0..128 => (u64::from(kind) * 256 + low) >> (kind % 16),
            128..192 => (1_u64 << (kind % 64)).wrapping_add(low).wrapping_sub(128),
            192..212 => 10_u64.pow(u32::from(kind - 192)).saturating_add(low).saturating_sub(128),
            212..220 => u64::MAX - low,
            _ => self.word(),
        }
    }

    /// A number from `low` to `high`.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        let number = self.number();
        if (low..=high).contains(&number) {
            number
        } else {
            low + number % (high - low).saturating_add(1).max(1)
        }
    }

    /// One of the choices.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// True for one byte in `n`.
    pub fn once_in(&mut self, n: u8) -> bool {
        self.byte().is_multiple_of(n)
    }

    /// A short text, of whatever characters the bytes stand for.
    pub fn text(&mut self) -> String {
        let length = usize::from(self.byte() % 16).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}

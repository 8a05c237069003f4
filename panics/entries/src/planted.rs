//! What must be found: one of each kind of thing that no decision may do. A check that misses one of these is blind.

use std::cell::RefCell;
use std::sync::Mutex;

#[inline(never)]
pub(crate) fn an_index(words: &[u64], at: usize) -> u64 {
    words[at]
}

#[inline(never)]
pub(crate) fn a_slice(words: &[u64], from: usize) -> &[u64] {
    &words[from..]
}

#[inline(never)]
pub(crate) fn an_unwrap(word: Option<u64>) -> u64 {
    word.unwrap()
}

#[inline(never)]
pub(crate) fn an_expect(word: Result<u64, u8>) -> u64 {
    word.expect("a word")
}

#[inline(never)]
pub(crate) fn a_division(word: u64, by: u64) -> u64 {
    word / by
}

#[inline(never)]
pub(crate) fn an_allocation(word: u64) -> Box<u64> {
    Box::new(word)
}

#[inline(never)]
pub(crate) fn a_lock(word: &Mutex<u64>) -> u64 {
    word.lock().map_or(0, |word| *word)
}

#[inline(never)]
pub(crate) fn an_end_of_the_process(word: u64) -> u64 {
    if word == 7 { std::process::abort() } else { word }
}

/// Nothing ends in this function itself.
#[inline(never)]
pub(crate) fn a_call_away(words: &[u64], at: usize) -> u64 {
    if at == 0 { 0 } else { an_index(words, at - 1) }
}

#[inline(never)]
pub(crate) fn an_unknown_function(function: fn(u64) -> u64, word: u64) -> u64 {
    function(word) + 1
}

#[inline(never)]
pub(crate) fn an_unknown_object(object: &mut dyn Iterator<Item = u64>) -> Option<u64> {
    object.next()
}

/// Dropped already, when a thread ends.
#[inline(never)]
pub(crate) fn a_thread_local() -> u64 {
    thread_local! {
        static WORDS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    WORDS.with(|words| words.borrow().first().copied().unwrap_or(0))
}

#[inline(never)]
pub(crate) fn a_system_call() -> u32 {
    std::process::id()
}

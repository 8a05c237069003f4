//! Messages that say where something is wrong.

/// A message begins with the file, and a line that it has.
///
/// # Panics
///
/// If it does not.
pub fn assert_place(message: &str, file: &str, text: &str) {
    let line = message.strip_prefix(file).and_then(|rest| rest.strip_prefix(", line "));
    let line = line.unwrap_or_else(|| panic!("no file and line: {message}"));
    let digits = line.find(|character: char| !character.is_ascii_digit()).expect("more than a number");
    let line: usize = line[..digits].parse().expect("a line's number");
    let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    assert!((1..=lines).contains(&line), "{message}, of {lines} lines");
    assert!(message.len() > file.len() + 16, "{message}");
}

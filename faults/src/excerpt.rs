//! Texts from an input, fit to be shown: on one line and not too long.

/// More than this of a text helps nobody in a message.
const LONGEST: usize = 80;

/// The beginning of a text, for a message.
pub fn excerpt(text: &str) -> String {
    shortened(text, LONGEST)
}

/// So many characters of a text, and an ellipsis if there are more. Control characters are escaped, so that no
/// input can play tricks on a terminal.
pub fn shortened(text: &str, longest: usize) -> String {
    let mut shown: String = text.chars().take(longest).flat_map(fit).collect();
    if text.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

/// All of a text, with its control characters escaped.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().flat_map(fit).collect()
}

/// A character as it may be shown.
fn fit(character: char) -> impl Iterator<Item = char> {
    let escape = character.is_control().then(|| character.escape_default());
    let itself = escape.is_none().then_some(character);
    escape.into_iter().flatten().chain(itself)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_on_one_line() {
        assert_eq!(shortened("a\nb\"", 4), "a\\nb\"");
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(excerpt(&"x".repeat(1 << 20)), "x".repeat(80) + "…");
    }
}

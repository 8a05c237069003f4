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
    let mut shown = String::new();
    for character in text.chars().take(longest) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if text.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
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

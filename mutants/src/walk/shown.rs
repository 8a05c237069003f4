//! What is shown of a change.

/// Code in one line, cut in the middle where it is long.
pub(super) fn brief(code: &str) -> String {
    const LONGEST: usize = 90;
    let line =
        code.lines().map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if length <= LONGEST {
        return line;
    }
    let start: String = line.chars().take(LONGEST / 2).collect();
    let end: String = line.chars().skip(length - LONGEST / 2).collect();
    format!("{start} … {end}")
}

/// The last of a long operand.
pub(super) fn tail(code: &str) -> String {
    let line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if length <= 40 { line } else { format!("…{}", line.chars().skip(length - 36).collect::<String>()) }
}

/// The first of one.
pub(super) fn head(code: &str) -> String {
    let line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 40 {
        line
    } else {
        format!("{}…", line.chars().take(36).collect::<String>())
    }
}

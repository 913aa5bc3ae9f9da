//! Places in sources without their lines: a snapshot is about what a program does, and code that
//! moves up or down does the same.

/// The text with `file.rs` instead of `file.rs:12` and `file.rs:12:3`.
pub(super) fn without_lines(text: &str) -> String {
    const FILE: &str = ".rs";
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(FILE) {
        let (before, after) = rest.split_at(at + FILE.len());
        short.push_str(before);
        rest = without_number(without_number(after));
    }
    short.push_str(rest);
    short
}

/// The text after a leading `:12`, if there is one.
fn without_number(text: &str) -> &str {
    let digits = |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match text.strip_prefix(':') {
        Some(number) if digits(number) < number.len() => &number[number.len() - digits(number)..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::without_lines;

    #[test]
    fn lines_and_columns_of_places_go_and_nothing_else() {
        for (text, short) in [
            ("  lock |  | src/a.rs:12", "  lock |  | src/a.rs"),
            ("at a.rs:12:3 and b.rs:4.", "at a.rs and b.rs."),
            ("(src/a.rs:151)\nnext", "(src/a.rs)\nnext"),
            ("a.rs: 12, a.rs:x, 3:4", "a.rs: 12, a.rs:x, 3:4"),
            ("counter/locked n=3", "counter/locked n=3"),
            ("ends in a.rs:", "ends in a.rs:"),
            ("é.rs:7 ü", "é.rs ü"),
        ] {
            assert_eq!(without_lines(text), short);
        }
    }
}

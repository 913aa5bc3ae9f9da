//! Text in columns: how wide it is, and how it is broken and clipped.

/// How many columns a text takes; close enough for names and paths.
#[must_use]
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// A text in lines of at most `most` columns, broken at spaces; a longer word stays whole.
#[must_use]
pub(super) fn wrapped(first: &str, indent: &str, text: &str, most: usize) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && width(&line) + 1 + width(word) > most {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line = indent.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

/// At most so many columns, with an ellipsis after the last whole word where some are missing.
#[must_use]
pub(super) fn clipped(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(4)).collect();
    let words = kept
        .rsplit_once(' ')
        .map_or(kept.as_str(), |(words, _)| words);
    format!("{} ...", words.trim_end_matches([' ', ',', ';', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_indented() {
        assert_eq!(
            wrapped("  a  ", "     ", "one two three", 13),
            "  a  one two\n     three\n"
        );
        assert_eq!(
            wrapped("", "  ", "onelongword two", 5),
            "onelongword\n  two\n"
        );
        assert_eq!(wrapped("- ", "", "", 5), "-\n");
    }

    #[test]
    fn a_clipped_text_says_so() {
        assert_eq!(clipped("short", 5), "short");
        assert_eq!(clipped("one, two three", 10), "one ...");
        assert!(width(&clipped("word word word word", 12)) <= 12);
    }
}

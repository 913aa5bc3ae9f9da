//! Text that does no harm where it is shown: messages come from panics of checked programs and can
//! hold anything.

use std::fmt::Write as _;

use crate::escape::is_obeyed;
pub(super) use crate::escape::line;
pub use crate::escape::text;

/// As [`text`], for content and quoted attributes of HTML and XML.
#[must_use]
pub(super) fn markup(untrusted: &str) -> String {
    let mut safe = String::with_capacity(untrusted.len());
    for character in text(untrusted).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No characters of XML, not even as references.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// As [`line`], for the text of GitHub's Markdown, table cells included.
#[must_use]
pub(super) fn markdown(untrusted: &str) -> String {
    let mut safe = String::with_capacity(untrusted.len());
    for character in line(untrusted).chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                safe.push('\\');
                safe.push(character);
            }
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            other => safe.push(other),
        }
    }
    safe
}

/// As [`line`], as a code span of Markdown, in which nothing is obeyed and nobody is mentioned.
#[must_use]
pub(super) fn code(untrusted: &str) -> String {
    let safe = line(untrusted);
    let fence = fence(&safe, 1);
    let pad = if safe.starts_with('`') || safe.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{safe}{pad}{fence}")
}

/// As [`text`], as a block of code of Markdown.
#[must_use]
pub(super) fn code_block(untrusted: &str) -> String {
    let safe = text(untrusted);
    let fence = fence(&safe, 3);
    format!("{fence}text\n{}\n{fence}\n", safe.trim_end())
}

/// As many backticks as it takes, and at least `least`.
fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max();
    "`".repeat(longest.map_or(least, |longest| least.max(longest + 1)))
}

/// Escapes what JSON leaves alone and a terminal obeys; for whole documents of JSON, where such a
/// character can only be inside a string.
#[must_use]
pub(super) fn json(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    for character in document.chars() {
        if character != '\n' && is_obeyed(character) {
            write!(safe, "\\u{:04x}", u32::from(character)).expect("writing to a string");
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_plain_to_a_terminal() {
        assert_eq!(json("\"\u{7f}\u{9b}\""), "\"\\u007f\\u009b\"");
    }

    #[test]
    fn markup_has_no_open_ends() {
        assert_eq!(
            markup("<a b='c'>&\"\0"),
            "&lt;a b=&#39;c&#39;&gt;&amp;&quot;\\u{0}"
        );
    }

    #[test]
    fn code_of_markdown_ends_where_it_should() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a `b` c"), "``a `b` c``");
        assert_eq!(code("`b`"), "`` `b` ``");
        assert_eq!(code_block("x ``` y"), "````text\nx ``` y\n````\n");
        assert_eq!(markdown("a|b <c> _d_"), "a\\|b &lt;c&gt; \\_d\\_");
    }
}

//! Text in a picture: escaped, and wrapped by counting characters, since no font is available here.

use crate::words::sanitize;

/// `words` in at most `most` lines of `room` characters each. What does not fit is cut, and the cut is shown.
pub(super) fn lines(words: &str, room: usize, most: usize) -> Vec<String> {
    let words = sanitize(words);
    let mut rest = words.trim();
    let mut lines = Vec::new();
    while !rest.is_empty() && lines.len() < most {
        let fits = fitting(rest, room);
        if fits == rest.len() {
            lines.push(rest.to_owned());
            return lines;
        }
        if lines.len() + 1 == most {
            lines.push(format!("{}…", &rest[..fitting(rest, room.saturating_sub(1))]));
            return lines;
        }
        // After a space or a slash, unless that leaves most of the line empty.
        let broken = rest[..fits].rfind([' ', '/']).map(|at| at + 1).filter(|&at| at * 2 > fits);
        let (line, after) = rest.split_at(broken.unwrap_or(fits));
        lines.push(line.trim_end().to_owned());
        rest = after.trim_start();
    }
    lines
}

/// How many bytes of `words` fit into `room` characters, of which wide ones count twice; of the first character, always.
fn fitting(words: &str, room: usize) -> usize {
    let mut left = room;
    for (at, c) in words.char_indices() {
        // From Hangul on most scripts are set in squares.
        let width = if c >= '\u{1100}' && !('\u{2000}'..'\u{2e80}').contains(&c) { 2 } else { 1 };
        if left < width && at > 0 {
            return at;
        }
        left = left.saturating_sub(width);
    }
    words.len()
}

/// The text, escaped for XML.
pub(super) fn escaped(words: &str) -> String {
    let mut escaped = String::with_capacity(words.len());
    for c in sanitize(words).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{escaped, lines};

    #[test]
    fn words_of_others_are_text_and_nothing_else() {
        assert_eq!(
            escaped("</text><script>\"a\" & 'b'"),
            "&lt;/text&gt;&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;"
        );
        assert_eq!(escaped("a\u{0}b\u{202e}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn words_are_broken_at_spaces_and_slashes_and_cut_where_the_room_ends() {
        assert_eq!(lines("one two three", 8, 9), ["one two", "three"]);
        assert_eq!(lines("https://id.gs1.org/01/0950", 20, 9), ["https://id.gs1.org/", "01/0950"]);
        assert_eq!(lines("abcdefghij", 4, 2), ["abcd", "efg…"]);
        assert_eq!(lines("abcd", 4, 1), ["abcd"]);
        assert_eq!(lines("東京都港区", 4, 9), ["東京", "都港", "区"]);
        assert!(lines("  ", 4, 2).is_empty());
    }

    proptest! {
        #[test]
        fn no_line_is_longer_than_its_room(words in "\\PC{0,80}", room in 2_usize..30, most in 1_usize..5) {
            let lines = lines(&words, room, most);
            prop_assert!(lines.len() <= most);
            for line in lines {
                prop_assert!(line.chars().count() <= room, "{line:?}");
            }
        }
    }
}

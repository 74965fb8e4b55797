//! Android's texts: `strings.xml` for each language, and a table by key for the texts that the core names.

use std::fmt::Write as _;

use crate::texts::{Text, Texts};

/// The resource's name of a key: `scan.hold-still` is `scan_hold_still`.
#[must_use]
pub fn resource(key: &str) -> String {
    key.replace(['.', '-'], "_")
}

/// The file `strings.xml` of one language. Placeholders stay as they are, for the app to fill by name.
#[must_use]
pub fn strings_xml(texts: &Texts) -> String {
    let mut file = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    file.push_str("<!-- Generated from bindings/texts by bindings/generate/run. -->\n<resources>\n");
    for (key, text) in &texts.0 {
        let name = resource(key);
        match text {
            Text::Plain(text) => {
                _ = writeln!(file, "    <string name=\"{name}\">{}</string>", escaped(text));
            }
            Text::Counted { forms, .. } => {
                _ = writeln!(file, "    <plurals name=\"{name}\">");
                for (plural, form) in forms {
                    let plural = plural.name();
                    _ = writeln!(file, "        <item quantity=\"{plural}\">{}</item>", escaped(form));
                }
                file.push_str("    </plurals>\n");
            }
        }
    }
    file.push_str("</resources>\n");
    file
}

/// The file `Words.kt`: the resource of every key. Written out, so that a build which drops unused resources keeps them.
#[must_use]
pub fn words_kt(source: &Texts) -> String {
    let mut file = String::from("// Generated from bindings/texts by bindings/generate/run.\n");
    file.push_str("package countersign.app\n\n");
    file.push_str("/** The texts that the core names by their keys. */\n");
    file.push_str("internal val PLAIN: Map<String, Int> = mapOf(\n");
    for (key, text) in &source.0 {
        if matches!(text, Text::Plain(_)) {
            _ = writeln!(file, "    \"{key}\" to R.string.{},", resource(key));
        }
    }
    file.push_str(")\n\n/** Those that count, each with the argument that it counts. */\n");
    file.push_str("internal val COUNTED: Map<String, Pair<Int, String>> = mapOf(\n");
    for (key, text) in &source.0 {
        if let Text::Counted { by, .. } = text {
            _ = writeln!(file, "    \"{key}\" to (R.plurals.{} to \"{by}\"),", resource(key));
        }
    }
    file.push_str(")\n");
    file
}

/// As a resource file has it: XML, and what Android's own reader would take as an instruction.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, c) in text.char_indices() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push_str("\\n"),
            '\'' | '"' | '\\' => escaped.extend(['\\', c]),
            '@' | '?' if place == 0 => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_android_would_obey_is_escaped() {
        assert_eq!(escaped("?it's \"a\" & <b>\\\n@?"), "\\?it\\'s \\\"a\\\" &amp; &lt;b&gt;\\\\\\n@?");
    }
}

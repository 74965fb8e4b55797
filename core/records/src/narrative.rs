//! A narrative (XHTML by somebody else) as plain text for a screen.
//!
//! In scope: what a person would read: text, paragraphs, lists, cells of tables, what stands for an image. It is read as it
//! comes, well-formed or not, and no markup, script, style or link survives. Out of scope: everything else of HTML.

/// Longest plain text of one narrative, in bytes.
pub const MAX_TEXT: usize = 32 * 1024;

/// Elements that begin and end a line.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "tr",
    "ul",
    "ol",
    "li",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "caption",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "dl",
    "dt",
    "dd",
    "blockquote",
    "pre",
    "hr",
    "br",
];
/// Elements whose contents nobody reads.
const UNREAD: &[&str] = &["script", "style", "head", "title", "template"];
/// Elements that name what is beside or below them.
const HEADINGS: &[&str] =
    &["th", "thead", "caption", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "b", "strong"];
/// Named characters that summaries use; XML's own five, and some of HTML's.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("deg", '°'),
    ("micro", 'µ'),
    ("plusmn", '±'),
    ("times", '×'),
    ("le", '≤'),
    ("ge", '≥'),
    ("ne", '≠'),
    ("frac12", '½'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bull", '•'),
    ("middot", '·'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("ecirc", 'ê'),
    ("euml", 'ë'),
    ("aacute", 'á'),
    ("agrave", 'à'),
    ("acirc", 'â'),
    ("ccedil", 'ç'),
    ("iacute", 'í'),
    ("oacute", 'ó'),
    ("ocirc", 'ô'),
    ("uacute", 'ú'),
    ("ntilde", 'ñ'),
    ("oslash", 'ø'),
    ("aring", 'å'),
];

/// A narrative that was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Narrative {
    /// Plain text, one line for each paragraph, item and row.
    pub text: String,
    /// How the author says it was made: `generated`, `extensions`, `additional` or `empty`.
    pub status: String,
    /// Whether the text goes on after [`MAX_TEXT`].
    pub cut: bool,
    /// The text without headings, to compare with entries.
    pub(crate) said: String,
}

impl Narrative {
    /// Reads a narrative.
    pub fn read(xhtml: &str, status: &str) -> Self {
        let mut reader = Reader { text: String::new(), said: String::new(), headings: 0, unread: None };
        let cut = !reader.read(xhtml);
        Self { text: tidy(&reader.text), status: plain(status), cut, said: tidy(&reader.said) }
    }

    /// Whether it says nothing.
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Untrusted text for one line of a screen: no control characters, none that change the direction of text, white space as one
/// space.
pub(crate) fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().map(harmless).collect()
}

fn harmless(c: char) -> char {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Lines with words, each once trimmed.
fn tidy(text: &str) -> String {
    let lines = text.lines().map(|line| plain(line.trim().trim_matches('|')));
    let lines: Vec<String> =
        lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

struct Reader {
    text: String,
    said: String,
    /// How many headings are open.
    headings: usize,
    /// The element whose contents are passed over.
    unread: Option<&'static str>,
}

impl Reader {
    /// Reads until the end, or until there is enough: then false.
    fn read(&mut self, xhtml: &str) -> bool {
        let mut rest = xhtml;
        while let Some(at) = rest.find(['<', '&']) {
            self.write(&rest[..at]);
            rest = &rest[at..];
            if self.text.len() > MAX_TEXT {
                self.truncate();
                return false;
            }
            rest = if rest.starts_with('&') { self.entity(rest) } else { self.markup(rest) };
        }
        self.write(rest);
        let fits = self.text.len() <= MAX_TEXT;
        self.truncate();
        fits
    }

    fn truncate(&mut self) {
        self.text.truncate(self.text.floor_char_boundary(MAX_TEXT));
        self.said.truncate(self.said.floor_char_boundary(MAX_TEXT));
    }

    fn write(&mut self, text: &str) {
        if self.unread.is_some() {
            return;
        }
        // A line of the source is no line of the text. More than enough is not copied.
        let enough = &text[..text.floor_char_boundary(2 * MAX_TEXT)];
        let spaced: String = enough.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
        if self.headings == 0 {
            self.said.push_str(&spaced);
        }
        self.text.push_str(&spaced);
    }

    fn separate(&mut self, with: &str) {
        if self.unread.is_none() {
            self.text.push_str(with);
            self.said.push('\n');
        }
    }

    /// What follows a reference to a character at the start of `rest`.
    fn entity<'a>(&mut self, rest: &'a str) -> &'a str {
        let name = rest[1..rest.floor_char_boundary(14)].split_once(';').map(|(name, _)| name);
        let number = |name: &str| {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        };
        let named = |name: &str| NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
        match name.and_then(|name| Some((name, number(name).or_else(|| named(name))?))) {
            Some((name, c)) => {
                self.write(c.encode_utf8(&mut [0; 4]));
                &rest[name.len() + 2..]
            }
            None => {
                self.write("&");
                &rest[1..]
            }
        }
    }

    /// What follows the markup at the start of `rest`.
    fn markup<'a>(&mut self, rest: &'a str) -> &'a str {
        let after = |end: &str| rest.split_once(end).map_or("", |(_, after)| after);
        if rest.starts_with("<!--") {
            return after("-->");
        }
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let (data, after) = data.split_once("]]>").unwrap_or((data, ""));
            self.write(data);
            return after;
        }
        let name_at = if rest.starts_with("</") { 2 } else { 1 };
        match rest[name_at..].chars().next() {
            Some('!' | '?') => return after(">"),
            Some(c) if c.is_ascii_alphabetic() => {}
            _ => {
                self.write("<");
                return &rest[1..];
            }
        }
        let (tag, after) = split_tag(rest);
        let name = tag[name_at..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let name = name[..name.len().min(16)].to_ascii_lowercase();
        let (opens, closes) = (name_at == 1, name_at == 2 || tag.ends_with('/'));
        self.element(&name, opens, closes, tag);
        after
    }

    fn element(&mut self, name: &str, opens: bool, closes: bool, tag: &str) {
        if let Some(unread) = self.unread {
            self.unread = (!closes || unread != name).then_some(unread);
            return;
        }
        if opens && !closes {
            self.unread = UNREAD.iter().find(|unread| **unread == name).copied();
        }
        if BLOCKS.contains(&name) {
            self.separate("\n");
        }
        match name {
            "li" if opens => self.separate("- "),
            "td" | "th" if opens => self.separate(" | "),
            "img" => {
                let alternative = attribute(tag, "alt").unwrap_or_default().to_owned();
                self.text.push_str("[image: ");
                self.text.push_str(&alternative[..alternative.floor_char_boundary(1024)]);
                self.text.push(']');
            }
            _ => {}
        }
        if HEADINGS.contains(&name) {
            match (opens, closes) {
                (true, false) => self.headings += 1,
                (false, _) => self.headings = self.headings.saturating_sub(1),
                (true, true) => {}
            }
        }
    }
}

/// The tag at the start of `rest` without its end, and what follows. A tag that does not end takes the rest.
fn split_tag(rest: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (None, '>') => return (&rest[..at], &rest[at + 1..]),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    (rest, "")
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let after = tag.split_once(&format!(" {name}="))?.1;
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    after[1..].split_once(quote).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(xhtml: &str) -> String {
        Narrative::read(xhtml, "generated").text
    }

    #[test]
    fn a_person_reads_the_same_as_on_a_page() {
        let page = "<div xmlns='http://www.w3.org/1999/xhtml'><h1>Medication</h1>\n<table><thead><tr><th>What</th>\
            <th>Dose</th></tr></thead><tbody><tr><td>Aspirin&nbsp;100&#32;mg</td><td>1 &lt; 2 &#x2264; 3</td></tr>\
            </tbody></table><ul><li>one<br/>two</li><li>three</li></ul></div>";
        assert_eq!(text(page), "Medication\nWhat | Dose\nAspirin 100 mg | 1 < 2 ≤ 3\n- one\ntwo\n- three");
        let read = Narrative::read(page, "generated");
        assert!(!read.said.contains("Dose") && read.said.contains("Aspirin"), "{}", read.said);
    }

    #[test]
    fn nothing_of_markup_survives_and_broken_markup_is_read() {
        assert_eq!(text("<p>a<script>alert('<p>b')</script>c<style>d{}</style></p>"), "ac");
        assert_eq!(
            text("<a href=\"javascript:x\" title='>'>link</a> <img src=x alt=\"a scan\"/>"),
            "link [image: a scan]"
        );
        assert_eq!(text("3 < 4 &amp; 5 > 4 & so &unknown; on"), "3 < 4 & 5 > 4 & so &unknown; on");
        assert_eq!(text("<p>a<!-- <b>no</b> -->b<![CDATA[<c>]]></p><p"), "ab<c>");
        assert_eq!(text("a\u{1b}[2J\u{202e}b\u{7}"), "a\u{fffd}[2J\u{fffd}b\u{fffd}");
        assert_eq!(text("<script>never closed"), "");
        assert!(Narrative::read("<div> <p/> </div>", "empty").is_empty());
    }

    #[test]
    fn text_is_bounded_and_says_that_it_goes_on() {
        let long = format!("<p>{}</p>", "é".repeat(MAX_TEXT));
        let read = Narrative::read(&long, "generated");
        assert!(read.cut && read.text.len() <= MAX_TEXT && read.text.ends_with('é'));
        // Time grows with the length alone.
        for hostile in ["<", "<!--", "&", "<a '", "<script>", "<li>"] {
            assert!(
                Narrative::read(&hostile.repeat(1_000_000), "generated").text.len() <= MAX_TEXT,
                "{hostile}"
            );
        }
    }

    proptest! {
        #[test]
        fn anything_is_read(xhtml in r#"[<>/&;#x!\-'"= a-zé\[\]]{0,64}"#) {
            let read = Narrative::read(&xhtml, "generated");
            prop_assert!(read.text.len() <= MAX_TEXT, "{}", read.text);
        }
    }
}

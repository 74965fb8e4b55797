//! The texts of one language: read, flattened to `section.name`, and compared.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

/// A language that the apps speak.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// Its tag (BCP 47), the name of its file, and its name in Apple's catalogue.
    pub tag: &'static str,
    /// Android's folder of its texts.
    pub folder: &'static str,
    /// The plural categories of whole numbers (CLDR, `supplemental/plurals.xml`); `other` last.
    pub plurals: &'static [Plural],
    /// Whether it is written from right to left.
    pub right_to_left: bool,
}

/// A plural category of CLDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plural {
    /// `zero`
    Zero,
    /// `one`
    One,
    /// `two`
    Two,
    /// `few`
    Few,
    /// `many`
    Many,
    /// `other`
    Other,
}

use Plural::{Few, Many, One, Other, Two, Zero};

/// Every language; the first is the source that the others are held against.
pub const LANGUAGES: [Language; 8] = [
    Language { tag: "en", folder: "values", plurals: &[One, Other], right_to_left: false },
    Language { tag: "de", folder: "values-de", plurals: &[One, Other], right_to_left: false },
    Language { tag: "fr", folder: "values-fr", plurals: &[One, Many, Other], right_to_left: false },
    Language { tag: "es", folder: "values-es", plurals: &[One, Many, Other], right_to_left: false },
    Language { tag: "pt", folder: "values-pt", plurals: &[One, Many, Other], right_to_left: false },
    Language {
        tag: "ar",
        folder: "values-ar",
        plurals: &[Zero, One, Two, Few, Many, Other],
        right_to_left: true,
    },
    Language { tag: "hi", folder: "values-hi", plurals: &[One, Other], right_to_left: false },
    Language { tag: "zh-Hans", folder: "values-b+zh+Hans", plurals: &[Other], right_to_left: false },
];

impl Plural {
    /// Every category.
    pub const ALL: [Self; 6] = [Zero, One, Two, Few, Many, Other];

    /// Its name in CLDR, Android and Apple alike.
    pub const fn name(self) -> &'static str {
        match self {
            Zero => "zero",
            One => "one",
            Two => "two",
            Few => "few",
            Many => "many",
            Other => "other",
        }
    }

    /// Whether its form may leave the number to the word, as in “two days” of Arabic.
    const fn names_the_number(self) -> bool {
        matches!(self, Zero | One | Two)
    }
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// The same for every number.
    Plain(String),
    /// By the plural of one of its arguments.
    Counted {
        /// The argument.
        by: String,
        /// A form for each category.
        forms: BTreeMap<Plural, String>,
    },
}

/// Set an argument apart, in whatever direction it is written itself (Unicode, UAX 9): first strong isolate, and its end.
const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];
/// Arguments that are texts of ours, in the same language: what they fill in themselves is set apart, and they are not. Some
/// renderers of Android put brackets on the wrong side where isolates lie in each other.
const OURS: [&str; 7] = ["party", "receiver", "by", "role", "step", "purpose", "condition"];
/// Right-to-left mark.
const FROM_THE_RIGHT: &str = "\u{200f}";

/// The texts of one language by key, such as `scan.hold-still`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts(pub BTreeMap<String, Text>);

/// Why texts cannot be used.
#[derive(Debug, Error)]
pub enum TextsError {
    /// Not TOML.
    #[error("not TOML: {0}")]
    Toml(#[from] toml::de::Error),
    /// Neither a text nor a section.
    #[error("{0} is neither a text nor a section")]
    Form(String),
    /// A text that counts has a form of another name than a plural.
    #[error("{0} has a form that is no plural")]
    Plural(String),
    /// A brace without its other half, an empty name, or a character that a platform reads as an instruction.
    #[error("{0} has a placeholder that is not a name in braces, or a %, which the platforms obey")]
    Placeholder(String),
}

impl Texts {
    /// Reads a language's file.
    ///
    /// # Errors
    /// The first text that cannot be used.
    pub fn parse(file: &str) -> Result<Self, TextsError> {
        let mut texts = BTreeMap::new();
        flatten("", file.parse::<toml::Table>()?, &mut texts)?;
        for (key, text) in &texts {
            for form in text.forms() {
                placeholders(form).ok_or_else(|| TextsError::Placeholder(key.clone()))?;
            }
        }
        Ok(Self(texts))
    }

    /// What is wrong with them beside the texts of the source language, a line each.
    #[must_use]
    pub fn faults(&self, source: &Self, language: &Language) -> Vec<String> {
        let missing = source.0.keys().filter(|key| !self.0.contains_key(*key));
        let mut faults: Vec<String> = missing.map(|key| format!("{key} is missing")).collect();
        for (key, text) in &self.0 {
            match source.0.get(key) {
                None => faults.push(format!("{key} is not in the source")),
                Some(wanted) => {
                    faults.extend(text.fault(wanted, language).map(|fault| format!("{key} {fault}")));
                }
            }
        }
        faults
    }

    /// The texts as the apps have them: a place for something from outside is isolated, so that a name or a number in another
    /// script does not turn what stands around it. A text from right to left says so first, since it may begin with a name.
    #[must_use]
    pub fn isolated(&self, language: &Language) -> Self {
        Self(self.0.iter().map(|(key, text)| (key.clone(), text.isolated(language))).collect())
    }
}

impl Text {
    fn isolated(&self, language: &Language) -> Self {
        let [begin, end] = ISOLATE;
        let mark = if language.right_to_left { FROM_THE_RIGHT } else { "" };
        let isolated = |form: &str| {
            let places: BTreeSet<&str> = placeholders(form).into_iter().flatten().collect();
            let mark = if places.is_empty() { "" } else { mark };
            let apart = places.into_iter().filter(|place| !OURS.contains(place));
            let set_apart = |form: String, place: &str| {
                form.replace(&format!("{{{place}}}"), &format!("{begin}{{{place}}}{end}"))
            };
            format!("{mark}{}", apart.fold(form.to_owned(), set_apart))
        };
        match self {
            Self::Plain(text) => Self::Plain(isolated(text)),
            Self::Counted { by, forms } => {
                let forms = forms.iter().map(|(plural, form)| (*plural, isolated(form))).collect();
                Self::Counted { by: by.clone(), forms }
            }
        }
    }

    /// Each form.
    pub fn forms(&self) -> Vec<&str> {
        match self {
            Self::Plain(text) => vec![text],
            Self::Counted { forms, .. } => forms.values().map(String::as_str).collect(),
        }
    }

    /// The arguments that it has a place for.
    #[must_use]
    pub fn arguments(&self) -> BTreeSet<&str> {
        self.forms().into_iter().filter_map(placeholders).flatten().collect()
    }

    fn fault(&self, source: &Self, language: &Language) -> Option<String> {
        if self.arguments() != source.arguments() {
            return Some(format!("has {:?}, the source {:?}", self.arguments(), source.arguments()));
        }
        match (self, source) {
            (Self::Plain(text), Self::Plain(_)) => text.trim().is_empty().then(|| "is empty".to_owned()),
            (Self::Counted { by, forms }, Self::Counted { by: wanted, .. }) => {
                counted_fault(by, forms, wanted, language)
            }
            _ => Some("counts in one language and not in the other".to_owned()),
        }
    }
}

fn counted_fault(
    by: &str,
    forms: &BTreeMap<Plural, String>,
    wanted: &str,
    language: &Language,
) -> Option<String> {
    if by != wanted {
        return Some(format!("counts {by}, the source {wanted}"));
    }
    if !forms.keys().eq(language.plurals) {
        return Some(format!("needs the plurals {:?}", language.plurals));
    }
    let all: BTreeSet<&str> = forms.values().filter_map(|form| placeholders(form)).flatten().collect();
    forms.iter().find_map(|(plural, form)| {
        let mut has: BTreeSet<&str> = placeholders(form)?.into_iter().collect();
        if plural.names_the_number() {
            has.insert(by);
        }
        (has != all).then(|| format!("has other arguments in {}", plural.name()))
    })
}

fn flatten(prefix: &str, table: toml::Table, texts: &mut BTreeMap<String, Text>) -> Result<(), TextsError> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::String(text) => {
                texts.insert(key, Text::Plain(text));
            }
            toml::Value::Table(mut inner) => match inner.remove("by") {
                Some(toml::Value::String(by)) => {
                    let forms = forms(&key, inner)?;
                    texts.insert(key, Text::Counted { by, forms });
                }
                Some(_) => return Err(TextsError::Form(key)),
                None => flatten(&key, inner, texts)?,
            },
            _ => return Err(TextsError::Form(key)),
        }
    }
    Ok(())
}

fn forms(key: &str, table: toml::Table) -> Result<BTreeMap<Plural, String>, TextsError> {
    let form = |(name, value): (String, toml::Value)| {
        let plural = Plural::ALL.into_iter().find(|plural| plural.name() == name)?;
        Some((plural, value.as_str()?.to_owned()))
    };
    table.into_iter().map(form).collect::<Option<_>>().ok_or_else(|| TextsError::Plural(key.to_owned()))
}

/// The names in braces; `None` if a brace stands alone, a name is not one, or there is a `%`.
fn placeholders(text: &str) -> Option<Vec<&str>> {
    if text.contains('%') {
        return None;
    }
    let mut pieces = text.split('{');
    if pieces.next()?.contains('}') {
        return None;
    }
    pieces
        .map(|piece| {
            let (name, rest) = piece.split_once('}')?;
            let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
            (named && !rest.contains('}')).then_some(name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

    use super::*;

    const ARABIC: &Language = &LANGUAGES[5];
    const GERMAN: &Language = &LANGUAGES[1];

    fn texts(file: &str) -> Texts {
        Texts::parse(file).unwrap()
    }

    #[test]
    fn what_differs_from_the_source_is_named() {
        let source = texts("[a]\nb = \"on {at} by {who}\"\nc = \"c\"");
        assert!(texts("[a]\nb = \"{who}, {at}\"\nc = \"d\"").faults(&source, GERMAN).is_empty());
        for (file, fault) in [
            ("[a]\nb = \"{who} {at}\"", "a.c is missing"),
            ("[a]\nb = \"{who} {at}\"\nc = \"c\"\nd = \"d\"", "a.d is not in the source"),
            ("[a]\nb = \"on {at}\"\nc = \"c\"", "a.b has {\"at\"}, the source {\"at\", \"who\"}"),
            ("[a]\nb = \"{who} {at}\"\nc = \" \"", "a.c is empty"),
        ] {
            assert_eq!(texts(file).faults(&source, GERMAN), [fault]);
        }
    }

    #[test]
    fn every_plural_of_the_language_is_there_and_no_other() {
        let source = texts("[days]\nby = \"n\"\none = \"{n} day\"\nother = \"{n} days\"");
        let arabic = "[days]\nby = \"n\"\nzero = \"none\"\none = \"one\"\ntwo = \"two\"\nfew = \"{n} f\"\nmany = \"{n} m\"\nother = \"{n}\"";
        assert!(texts(arabic).faults(&source, ARABIC).is_empty());
        assert_eq!(texts(arabic).faults(&source, GERMAN).len(), 1, "German has no few");
        let without = arabic.replace("few = \"{n} f\"", "few = \"some\"");
        assert_eq!(texts(&without).faults(&source, ARABIC), ["days has other arguments in few"]);
        assert_eq!(texts("days = \"{n} days\"").faults(&source, GERMAN).len(), 1);
    }

    #[test]
    fn every_place_is_isolated_and_a_text_from_the_right_says_so() {
        let file = "a = \"{name} ({role})\"\nb = \"b\"\n[c]\nby = \"n\"\nother = \"{n} c\"";
        let isolated = |language| {
            texts(file)
                .isolated(language)
                .0
                .into_values()
                .flat_map(|text| text.forms().into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let german: Vec<String> = isolated(GERMAN).collect();
        assert_eq!(german, ["\u{2068}{name}\u{2069} ({role})", "b", "\u{2068}{n}\u{2069} c"]);
        let arabic: Vec<String> = isolated(ARABIC).collect();
        assert_eq!(arabic[0], format!("\u{200f}{}", german[0]));
        assert_eq!(arabic[1], "b", "a text without places needs no mark");
    }

    #[test]
    fn a_placeholder_that_no_platform_would_fill_is_refused() {
        for text in ["{at", "at}", "{}", "{At}", "{a b}", "{a}}", "50 %"] {
            assert!(Texts::parse(&format!("a = \"{text}\"")).is_err(), "{text}");
        }
    }
}

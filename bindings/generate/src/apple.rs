//! Apple's string catalogue (`.xcstrings`), which Xcode compiles for every language at once, and a table of the texts that count.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::texts::{LANGUAGES, Plural, Text, Texts};

/// The catalogue. `languages` has the texts of each of [`LANGUAGES`], in that order. Placeholders stay as they are, for the
/// app to fill by name; in a text that counts, its number is `%lld`, by which the platform chooses the form.
#[must_use]
pub fn string_catalogue(languages: &[Texts]) -> String {
    let keys = languages.first().into_iter().flat_map(|source| source.0.keys());
    catalogue(languages, keys.map(|key| (key.as_str(), key.as_str())))
}

/// The catalogue of what the system itself says for the app, by the names that Apple gives it.
#[must_use]
pub fn system_catalogue(languages: &[Texts]) -> String {
    catalogue(languages, SYSTEM)
}

/// Apple's names (`Info.plist`), each with its text.
const SYSTEM: [(&str, &str); 4] = [
    ("CFBundleDisplayName", "app.name"),
    ("NSCameraUsageDescription", "app.camera"),
    ("NSFaceIDUsageDescription", "app.face"),
    ("NSLocationWhenInUseUsageDescription", "carry.place-text"),
];

/// The file `Counted.swift`: which argument a text counts.
#[must_use]
pub fn counted_swift(source: &Texts) -> String {
    let mut file = String::from("// Generated from bindings/texts by bindings/generate/run.\n\n");
    file.push_str("/// The texts that count, each with the argument that it counts.\n");
    file.push_str("let counted: [String: String] = [\n");
    for (key, text) in &source.0 {
        if let Text::Counted { by, .. } = text {
            _ = writeln!(file, "    \"{key}\": \"{by}\",");
        }
    }
    file.push_str("]\n");
    file
}

fn catalogue<'a>(languages: &[Texts], entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut strings = Map::new();
    for (name, key) in entries {
        let localizations: Map<String, Value> = LANGUAGES
            .iter()
            .zip(languages)
            .filter_map(|(language, texts)| Some((language.tag.to_owned(), localization(texts.0.get(key)?))))
            .collect();
        strings
            .insert(name.to_owned(), json!({ "extractionState": "manual", "localizations": localizations }));
    }
    let catalogue = json!({ "sourceLanguage": LANGUAGES[0].tag, "strings": strings, "version": "1.0" });
    format!("{catalogue:#}\n")
}

fn localization(text: &Text) -> Value {
    match text {
        Text::Plain(text) => unit(text),
        Text::Counted { by, forms } => {
            let number = format!("{{{by}}}");
            let form = |(plural, form): (&Plural, &String)| {
                (plural.name().to_owned(), unit(&form.replace(&number, "%lld")))
            };
            let forms: Map<String, Value> = forms.iter().map(form).collect();
            json!({ "variations": { "plural": forms } })
        }
    }
}

fn unit(value: &str) -> Value {
    json!({ "stringUnit": { "state": "translated", "value": value } })
}

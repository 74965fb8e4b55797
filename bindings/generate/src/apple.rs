//! Apple's string catalogue (`.xcstrings`), which Xcode compiles for every language at once.

use serde_json::{Map, Value, json};

use crate::texts::{LANGUAGES, Plural, Text, Texts};

/// The catalogue. `languages` has the texts of each of [`LANGUAGES`], in that order. Placeholders stay as they are, for the
/// app to fill by name; in a text that counts, its number is `%lld`, by which the platform chooses the form.
#[must_use]
pub fn string_catalogue(languages: &[Texts]) -> String {
    let mut strings = Map::new();
    for key in languages.first().into_iter().flat_map(|source| source.0.keys()) {
        let localizations: Map<String, Value> = LANGUAGES
            .iter()
            .zip(languages)
            .filter_map(|(language, texts)| Some((language.tag.to_owned(), localization(texts.0.get(key)?))))
            .collect();
        strings.insert(key.clone(), json!({ "extractionState": "manual", "localizations": localizations }));
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

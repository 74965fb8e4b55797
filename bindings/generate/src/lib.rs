//! What is generated for the apps beside UniFFI's own: their texts, from one file a language in `bindings/texts`.

mod android;
mod apple;
mod texts;

pub use android::{resource, strings_xml, words_kt};
pub use apple::{counted_swift, string_catalogue, system_catalogue};
pub use texts::{LANGUAGES, Language, Plural, Text, Texts, TextsError};

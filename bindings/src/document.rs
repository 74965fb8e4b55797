//! A medical document as a screen shows it.

use std::fs::{self, File};
use std::io::Write;

use countersign_ledger::Hash;
use countersign_records::{Mark, Opened, Part, Section, State, View};
use countersign_wallet::ShownRecord;

use crate::answer::{Argument, Text, Value};
use crate::error::CountersignError as Error;

/// Sections of a signed medical document, verified.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MedicalDocument {
    /// Its title.
    pub title: String,
    /// When it was written, as written.
    pub date: String,
    /// `final`, `preliminary`, `amended` or `entered-in-error`.
    pub status: String,
    /// The patient's name; empty if it is not shown.
    pub patient: String,
    /// The patient's date of birth, as written; empty if it is not shown.
    pub birth_date: String,
    /// Who wrote it, in the document's own words.
    pub authors: Vec<String>,
    /// Who signed it: a SPIFFE ID. Empty if nobody did.
    pub signer: String,
    /// The version of the document; 0 if nobody signed it.
    pub version: u64,
    /// The sections that are shown.
    pub sections: Vec<MedicalSection>,
    /// The large images that these sections name.
    pub images: Vec<MedicalImage>,
    /// How many sections the patient does not show. Never to be shown as empty.
    pub withheld: u32,
    /// How many parts the patient shows and the store did not deliver.
    pub not_delivered: u32,
    /// Until when it may be shown; absent on the patient's own phone.
    pub until_millis: Option<u64>,
    /// When it was fetched: nothing later is in it. Absent on the patient's own phone.
    pub fetched_millis: Option<u64>,
}

/// A large image, which a document names and does not contain.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MedicalImage {
    /// The number of the part that names it.
    pub part: u8,
    /// By which it is named here: SHA-256, in hexadecimal.
    pub digest: String,
    /// The address by which the document refers to it. Nothing is fetched from there.
    pub locator: String,
    /// Its media type, by the author's word.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
    /// Whether it can be had: it is on this phone, or the patient shares it.
    pub available: bool,
}

/// A section of a medical document.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MedicalSection {
    /// The number of its part.
    pub part: u8,
    /// Its code, mostly of LOINC.
    pub code: Option<String>,
    /// Its title, or the words of its code.
    pub title: String,
    /// What can be said of its contents.
    pub state: SectionState,
    /// Its text, without markup.
    pub text: Option<String>,
    /// A line for each entry.
    pub lines: Vec<String>,
    /// What a reader should know.
    pub marks: Vec<Text>,
}

/// What can be said of a section's contents. Three things that never look alike.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SectionState {
    /// There is something to read.
    Present,
    /// The author left it empty. Sections without a reason belong into one line together.
    Empty {
        /// Why, if the author says.
        reason: Option<String>,
    },
    /// The author withheld it.
    Withheld {
        /// Why.
        reason: String,
    },
}

impl MedicalDocument {
    /// The patient's own.
    pub(crate) fn own(opened: &Opened) -> Self {
        Self {
            signer: opened.author().identity().to_string(),
            version: opened.commitment().version(),
            withheld: count(opened.withheld()),
            images: opened.parts().iter().flat_map(images).collect(),
            ..Self::unsigned(View::of(opened.parts()))
        }
    }

    /// The same, where these images can be had.
    pub(crate) fn with_images(mut self, available: impl Iterator<Item = (u8, Hash)>) -> Self {
        for (part, digest) in available {
            let digest = digest.to_string();
            let mut named = self.images.iter_mut();
            if let Some(image) = named.find(|image| image.part == part && image.digest == digest) {
                image.available = true;
            }
        }
        self
    }

    /// One that nobody has signed.
    pub(crate) fn unsigned(view: View) -> Self {
        Self {
            title: view.title,
            date: view.date,
            status: view.status,
            patient: view.patient,
            birth_date: view.birth_date,
            authors: view.authors,
            signer: String::new(),
            version: 0,
            sections: view.sections.into_iter().map(MedicalSection::from).collect(),
            images: vec![],
            withheld: 0,
            not_delivered: 0,
            until_millis: None,
            fetched_millis: None,
        }
    }
}

impl From<ShownRecord> for MedicalDocument {
    fn from(shown: ShownRecord) -> Self {
        Self {
            not_delivered: count(shown.not_delivered.count()),
            until_millis: Some(shown.until.0),
            fetched_millis: Some(shown.fetched_at.0),
            ..Self::own(&shown.opened)
        }
        .with_images(shown.images.iter().map(|shared| (shared.part(), shared.image().digest)))
    }
}

fn images(part: &Part) -> impl Iterator<Item = MedicalImage> {
    part.images().iter().map(|image| MedicalImage {
        part: part.number(),
        digest: image.digest.to_string(),
        locator: image.locator.clone(),
        media_type: image.media_type.clone(),
        bytes: image.length,
        available: false,
    })
}

/// Writes a file that is there whole or not at all.
pub(crate) fn write_whole(
    path: &str,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<(), Error> {
    let unfinished = format!("{path}.unfinished");
    let mut file = File::create(&unfinished).map_err(|_| Error::Storage)?;
    let written = write(&mut file).and_then(|()| {
        let kept = file.sync_all().and_then(|()| fs::rename(&unfinished, path));
        kept.map_err(|_| Error::Storage)
    });
    if written.is_err() {
        // What is in it is not the image.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

impl From<Section> for MedicalSection {
    fn from(section: Section) -> Self {
        Self {
            part: section.part,
            code: section.code,
            title: section.title,
            state: match section.state {
                State::Present => SectionState::Present,
                State::Empty(reason) => SectionState::Empty { reason },
                State::Withheld(reason) => SectionState::Withheld { reason },
            },
            text: section.narrative.map(|narrative| narrative.text),
            lines: section.lines,
            marks: section.marks.iter().map(Text::from).collect(),
        }
    }
}

impl From<&Mark> for Text {
    fn from(mark: &Mark) -> Self {
        let text = |text: &str| vec![("what", Value::Text(text.to_owned()))];
        let (key, arguments) = match mark {
            Mark::NarrativeOnly => ("section.text-only", vec![]),
            Mark::NoNarrative => ("section.entries-only", vec![]),
            Mark::NotEmpty(reason) => ("section.not-empty", text(reason)),
            Mark::NarrativeSaysMore(texts) => ("section.text-says-more", text(&texts.join("; "))),
            Mark::NarrativeSaysLess(texts) => ("section.text-says-less", text(&texts.join("; "))),
            Mark::WrongKind(kind) if kind.is_empty() => ("section.no-kind", vec![]),
            Mark::WrongKind(kind) => ("section.wrong-kind", text(kind)),
            Mark::EmptyWithin(title, reason) => (
                "section.empty-within",
                vec![("what", Value::Text(title.clone())), ("why", Value::Text(reason.clone()))],
            ),
            Mark::NotHere(reference) => ("section.entry-not-here", text(reference)),
            Mark::Shortened(more) => ("section.shortened", vec![("count", Value::Number(*more as u64))]),
        };
        let arguments = arguments.into_iter().map(|(name, value)| Argument { name: name.to_owned(), value });
        Self { key: key.to_owned(), arguments: arguments.collect() }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

//! The screen of a medical document. What is withheld, what is empty and what did not come never look alike.

use crate::answer::{Text, Value};
use crate::document::{MedicalDocument, MedicalImage, MedicalSection, SectionState};
use crate::screens::{party, plain, with};

/// How many digits of an image's digest name its file.
const NAME: usize = 8;

/// The screen of a medical document, from the top down.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DocumentScreen {
    /// Its title, in its author's words.
    pub title: String,
    /// Whose it is.
    pub patient: Text,
    /// What the person must know before reading; empty mostly.
    pub warnings: Vec<Text>,
    /// Whether somebody signed it, and nothing was altered.
    pub is_signed: bool,
    /// Who signed it; or that nobody vouches for it.
    pub signature: Text,
    /// When it was written, by whom, which version.
    pub lines: Vec<Text>,
    /// Until when it is kept on this phone, and as of when. Empty on the patient's own.
    pub kept: Vec<Text>,
    /// The sections that are shown.
    pub sections: Vec<SectionScreen>,
    /// The sections of which nothing is stated, in one line.
    pub not_stated: Option<Text>,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SectionScreen {
    /// The number of its part.
    pub part: u8,
    /// Its title, in its author's words.
    pub title: String,
    /// Its mark.
    pub mark: SectionMark,
    /// What the mark says; absent where there is something to read.
    pub state: Option<Text>,
    /// A line for each entry.
    pub lines: Vec<String>,
    /// Its text.
    pub text: Option<String>,
    /// What a reader should know.
    pub notes: Vec<Text>,
    /// The large images that it names.
    pub images: Vec<ImageScreen>,
}

/// A large image that a section names.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ImageScreen {
    /// By which it is fetched, or taken from a file: its SHA-256.
    pub digest: String,
    /// What it is, and whether it is here.
    pub title: Text,
    /// Its length. Told before it is fetched.
    pub bytes: u64,
    /// The name of its file, outside this app.
    pub name: String,
    /// What the person can do.
    pub next: ImageNext,
}

/// What a person can do with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ImageNext {
    /// Fetch it, and look at it.
    Show,
    /// Take it from the file that its author handed over.
    Take,
    /// Nothing: it is not shared.
    Nothing,
}

/// The mark of a section: a form and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum SectionMark {
    /// There is something to read.
    Present,
    /// Its author says that there is nothing.
    Empty,
    /// Its author withheld it.
    Withheld,
}

/// The screen of a document.
#[uniffi::export]
pub fn document_screen(document: &MedicalDocument) -> DocumentScreen {
    let not_stated: Vec<&str> = document
        .sections
        .iter()
        .filter(|section| section.says_nothing())
        .map(|section| section.title.as_str())
        .collect();
    let not_stated = (!not_stated.is_empty())
        .then(|| with("document.not-stated", [("sections", Value::Text(not_stated.join(", ")))]));
    DocumentScreen {
        title: document.title.clone(),
        patient: patient(document),
        warnings: warnings(document),
        is_signed: !document.signer.is_empty(),
        signature: match document.signer.as_str() {
            "" => plain("document.unsigned"),
            signer => with("document.signed", [("party", party(signer))]),
        },
        lines: lines(document),
        kept: kept(document),
        sections: document
            .sections
            .iter()
            .filter(|section| !section.says_nothing())
            .map(|section| SectionScreen::new(section, document))
            .collect(),
        not_stated,
    }
}

fn patient(document: &MedicalDocument) -> Text {
    let name = Value::Text(document.patient.clone());
    match (document.patient.is_empty(), document.birth_date.is_empty()) {
        (true, _) => plain("document.patient-hidden"),
        (false, true) => with("document.patient-name", [("name", name)]),
        (false, false) => {
            let born = Value::Text(document.birth_date.clone());
            with("document.patient", [("name", name), ("date", born)])
        }
    }
}

fn warnings(document: &MedicalDocument) -> Vec<Text> {
    let status = match document.status.as_str() {
        "final" => None,
        "preliminary" => Some(plain("document.preliminary")),
        "amended" => Some(plain("document.amended")),
        "entered-in-error" => Some(plain("document.entered-in-error")),
        other => Some(with("document.status", [("status", Value::Text(other.to_owned()))])),
    };
    let count = |key, number: u32| (number > 0).then(|| with(key, [("count", Value::Number(number.into()))]));
    let withheld = count("document.withheld", document.withheld);
    let missing = count("document.not-delivered", document.not_delivered);
    [status, withheld, missing].into_iter().flatten().collect()
}

fn lines(document: &MedicalDocument) -> Vec<Text> {
    let date = Value::Text(document.date.clone());
    let written = if document.authors.is_empty() {
        with("document.written", [("date", date)])
    } else {
        let authors = Value::Text(document.authors.join(", "));
        with("document.written-by", [("date", date), ("authors", authors)])
    };
    let version = (document.version > 0)
        .then(|| with("document.version", [("number", Value::Number(document.version))]));
    [Some(written), version].into_iter().flatten().collect()
}

fn kept(document: &MedicalDocument) -> Vec<Text> {
    let until = document.until_millis.map(|at| with("document.until", [("at", Value::Moment(at))]));
    let fetched = document.fetched_millis.map(|at| with("document.fetched", [("at", Value::Moment(at))]));
    [until, fetched].into_iter().flatten().collect()
}

impl MedicalSection {
    /// An empty heading: its author gives neither contents nor a reason.
    fn says_nothing(&self) -> bool {
        self.state == SectionState::Empty { reason: None }
            && self.text.is_none()
            && self.lines.is_empty()
            && self.marks.is_empty()
    }
}

impl SectionScreen {
    fn new(section: &MedicalSection, document: &MedicalDocument) -> Self {
        let said = |key, reason: &str| Some(with(key, [("reason", Value::Text(reason.to_owned()))]));
        let (mark, state) = match &section.state {
            SectionState::Present => (SectionMark::Present, None),
            SectionState::Empty { reason: Some(reason) } => {
                (SectionMark::Empty, said("section.empty", reason))
            }
            SectionState::Empty { reason: None } => (SectionMark::Empty, Some(plain("section.empty-unsaid"))),
            SectionState::Withheld { reason } => (SectionMark::Withheld, said("section.withheld", reason)),
        };
        let images = document.images.iter().filter(|image| image.part == section.part);
        // What is read until a time is somebody else's.
        let is_own = document.until_millis.is_none();
        Self {
            part: section.part,
            title: section.title.clone(),
            mark,
            state,
            lines: section.lines.clone(),
            text: section.text.clone(),
            notes: section.marks.clone(),
            images: images.map(|image| ImageScreen::new(image, is_own)).collect(),
        }
    }
}

impl ImageScreen {
    fn new(image: &MedicalImage, is_own: bool) -> Self {
        let (key, next) = match image.available {
            true => ("section.image", ImageNext::Show),
            false if is_own => ("section.image-not-here", ImageNext::Take),
            false => ("section.image-not-here", ImageNext::Nothing),
        };
        // Of the digest, since a name that somebody wrote into a document may be any text.
        let name: String = image.digest.chars().take(NAME).collect();
        Self {
            digest: image.digest.clone(),
            title: with(key, [("what", Value::Text(image.media_type.clone()))]),
            bytes: image.bytes,
            name: format!("{name}.{}", extension(&image.media_type)),
            next,
        }
    }
}

/// How a file of a media type is called (IANA); `bin` for those that no phone opens by it.
fn extension(media_type: &str) -> &'static str {
    match media_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/tiff" => "tif",
        "image/webp" => "webp",
        "image/heic" => "heic",
        "application/dicom" | "image/dicom" => "dcm",
        "application/pdf" => "pdf",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(title: &str, state: SectionState) -> MedicalSection {
        MedicalSection {
            part: 3,
            code: None,
            title: title.to_owned(),
            state,
            text: None,
            lines: vec![],
            marks: vec![],
        }
    }

    fn document(sections: Vec<MedicalSection>) -> MedicalDocument {
        MedicalDocument {
            title: "Summary".to_owned(),
            date: "2026-01-02".to_owned(),
            status: "final".to_owned(),
            patient: "Jane Roe".to_owned(),
            birth_date: "1970-01-01".to_owned(),
            authors: vec![],
            signer: "spiffe://meds.example/doctor/grace".to_owned(),
            version: 1,
            sections,
            images: vec![],
            withheld: 0,
            not_delivered: 0,
            until_millis: None,
            fetched_millis: None,
        }
    }

    #[test]
    fn what_is_empty_what_is_withheld_and_what_did_not_come_are_told_apart() {
        let reason = || "unavailable".to_owned();
        let sections = vec![
            section("Problems", SectionState::Present),
            section("Allergies", SectionState::Empty { reason: Some(reason()) }),
            section("Results", SectionState::Withheld { reason: reason() }),
            section("Devices", SectionState::Empty { reason: None }),
        ];
        let screen =
            document_screen(&MedicalDocument { withheld: 2, not_delivered: 1, ..document(sections) });
        let told: Vec<_> = screen
            .sections
            .iter()
            .map(|section| (section.mark, section.state.as_ref().map_or("", |state| state.key.as_str())))
            .collect();
        assert_eq!(
            told,
            [
                (SectionMark::Present, ""),
                (SectionMark::Empty, "section.empty"),
                (SectionMark::Withheld, "section.withheld"),
            ]
        );
        let keys: Vec<_> = screen.warnings.iter().map(|warning| warning.key.as_str()).collect();
        assert_eq!(keys, ["document.withheld", "document.not-delivered"]);
        // An empty heading is no page of its own.
        assert_eq!(screen.not_stated.map(|text| text.arguments.len()), Some(1));
    }

    #[test]
    fn an_image_is_shown_where_it_can_be_had_and_taken_on_its_owners_phone_alone() {
        let image = |available| MedicalImage {
            part: 3,
            digest: "0011223344556677".repeat(4),
            locator: "../../etc/passwd".to_owned(),
            media_type: "image/png".to_owned(),
            bytes: 5_000_000,
            available,
        };
        let shown = |available, until_millis| {
            let images = vec![image(available)];
            let sections = vec![section("Results", SectionState::Present)];
            let screen = document_screen(&MedicalDocument { images, until_millis, ..document(sections) });
            screen.sections[0].images[0].clone()
        };
        assert_eq!(shown(true, Some(1)).next, ImageNext::Show);
        assert_eq!(shown(false, None).next, ImageNext::Take);
        assert_eq!(shown(false, Some(1)).next, ImageNext::Nothing);
        let own = shown(true, None);
        assert_eq!((own.next, own.bytes, own.name.as_str()), (ImageNext::Show, 5_000_000, "00112233.png"));
        assert_eq!(shown(false, None).title.key, "section.image-not-here");
        // Of another part.
        let sections = vec![MedicalSection { part: 4, ..section("Problems", SectionState::Present) }];
        let other = document_screen(&MedicalDocument { images: vec![image(true)], ..document(sections) });
        assert!(other.sections[0].images.is_empty());
    }

    #[test]
    fn a_document_that_must_not_be_used_says_so_first() {
        let wrong =
            MedicalDocument { status: "entered-in-error".to_owned(), withheld: 1, ..document(vec![]) };
        assert_eq!(document_screen(&wrong).warnings[0].key, "document.entered-in-error");
        assert!(document_screen(&document(vec![])).warnings.is_empty());
        let unsigned = MedicalDocument { signer: String::new(), ..document(vec![]) };
        let told = document_screen(&unsigned);
        assert!(!told.is_signed && told.signature.key == "document.unsigned");
        let hidden = MedicalDocument { patient: String::new(), ..document(vec![]) };
        assert_eq!(document_screen(&hidden).patient.key, "document.patient-hidden");
    }
}

//! A document, or parts of one, as a screen shows it.
//!
//! Three things never look alike: a section with contents, one that the author left empty and says why, and one that was not
//! shown. What real summaries do beside the standard is shown and marked, never refused and never repaired.

use crate::coded;
use crate::cut::{FIRST_SECTION, HEADER, PATIENT};
use crate::json::{Json, Kind, Value};
use crate::narrative::{Narrative, plain};
use crate::part::{Part, Role};
use crate::resource::{Directory, Resource, Target};

/// Most lines of one section on a screen.
const MAX_LINES: usize = 1000;
/// Most pieces of text that a mark repeats.
const MAX_REPEATED: usize = 5;
/// The code of a reason to be empty that is none: the author knows, and does not say.
const WITHHELD: &str = "withheld";
/// Words shorter than this say nothing about what a text is about.
const TELLING: usize = 4;

/// What can be said of a section's contents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// There is something to read.
    Present,
    /// The author left it empty, for this reason; none if none is stated.
    Empty(Option<String>),
    /// The author withheld it, and says so.
    Withheld(String),
}

impl State {
    /// Of the code of a reason to be empty, and its words.
    fn of((code, words): (String, String)) -> Self {
        if code == WITHHELD { Self::Withheld(words) } else { Self::Empty(Some(words)) }
    }

    /// A stable name, for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Empty(_) => "empty",
            Self::Withheld(_) => "withheld",
        }
    }
}

/// What a reader should know about a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It has text and no entries.
    NarrativeOnly,
    /// It has entries and no text.
    NoNarrative,
    /// It states a reason for being empty and is not.
    NotEmpty(String),
    /// Its text may say more than its entries: these pieces are in no entry.
    NarrativeSaysMore(Vec<String>),
    /// Its text may say less than its entries: these are not in the text.
    NarrativeSaysLess(Vec<String>),
    /// An entry of a kind that does not belong into this section; of none if it does not say what it is.
    WrongKind(String),
    /// A section within it, by its title, is empty for this reason.
    EmptyWithin(String, String),
    /// An entry that is not in this part: in another section, or outside of the document.
    NotHere(String),
    /// There are more entries than are shown.
    Shortened(usize),
}

impl Mark {
    /// The mark as a sentence.
    pub fn sentence(&self) -> String {
        let list = |texts: &[String]| texts.join("; ");
        match self {
            Self::NarrativeOnly => "text alone, without entries".to_owned(),
            Self::NoNarrative => "entries alone, without a text".to_owned(),
            Self::NotEmpty(reason) => format!("it has contents, though it says that it is empty: {reason}"),
            Self::NarrativeSaysMore(texts) => {
                format!("the text may say more than the entries: {}", list(texts))
            }
            Self::NarrativeSaysLess(texts) => {
                format!("the text may say less than the entries: {}", list(texts))
            }
            Self::WrongKind(kind) if kind.is_empty() => "an entry does not say what it is".to_owned(),
            Self::WrongKind(kind) => format!("a {kind} does not belong into this section"),
            Self::EmptyWithin(title, reason) => format!("{title}: empty; {reason}"),
            Self::NotHere(reference) => format!("an entry is not in this part: {reference}"),
            Self::Shortened(more) => format!("{more} more entries"),
        }
    }
}

/// A section on a screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// The number of its part.
    pub part: u8,
    /// Its code, mostly of LOINC.
    pub code: Option<String>,
    /// Its title, or the words of its code.
    pub title: String,
    /// What can be said of its contents.
    pub state: State,
    /// Its text.
    pub narrative: Option<Narrative>,
    /// A line for each entry.
    pub lines: Vec<String>,
    /// What a reader should know.
    pub marks: Vec<Mark>,
    /// How many resources it brings.
    pub resources: usize,
}

impl Section {
    /// Its text, where it is not the same as the lines: there are none, or a mark says that one of the two may say more.
    pub fn text_beside_lines(&self) -> Option<&Narrative> {
        let differs = |mark: &Mark| {
            matches!(mark, Mark::NarrativeSaysMore(_) | Mark::NarrativeSaysLess(_) | Mark::NotEmpty(_))
        };
        self.narrative.as_ref().filter(|_| self.lines.is_empty() || self.marks.iter().any(differs))
    }
}

/// A document on a screen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Its title.
    pub title: String,
    /// When it was written, as written.
    pub date: String,
    /// `final`, `preliminary`, `amended` or `entered-in-error`.
    pub status: String,
    /// The patient's name; empty if none is stated.
    pub patient: String,
    /// The patient's date of birth, as written.
    pub birth_date: String,
    /// Who wrote it, in the document's own words.
    pub authors: Vec<String>,
    /// The sections that are shown.
    pub sections: Vec<Section>,
}

impl View {
    /// A view of some parts, of which the header is one.
    pub fn of(parts: &[Part]) -> Self {
        let header = parts.iter().find(|part| part.number() == HEADER);
        let common = Read::new(header.into_iter().chain(parts.iter().find(|part| part.number() == PATIENT)));
        let mut view = Self::default();
        view.read_header(&common);
        for part in parts.iter().filter(|part| part.number() >= FIRST_SECTION) {
            let read = Read::new(header.into_iter().chain([part]));
            let own = Read::new([part]);
            let resources = own.roots().filter(|(role, _)| *role != Role::Section).count();
            view.sections.extend(read.section().map(|section| read.view(section, part, resources)));
        }
        view
    }

    fn read_header(&mut self, common: &Read<'_>) {
        let text = |role, name| common.member(role, name).and_then(Value::text).map(|text| plain(&text));
        self.title = text(Role::Composition, "title").unwrap_or_default();
        self.date = text(Role::Composition, "date").unwrap_or_default();
        self.status = text(Role::Composition, "status").unwrap_or_default();
        self.birth_date = text(Role::Patient, "birthDate").unwrap_or_default();
        let name = common
            .roots()
            .filter(|(role, _)| *role == Role::Patient)
            .find_map(|(_, member)| coded::person(member));
        self.patient = name.unwrap_or_default();
        let directory = common.directory();
        for author in common.member(Role::Composition, "author").into_iter().flat_map(Value::items) {
            let find = |value: Value<'_>| common.find(&directory, &value.text_of("reference")?);
            let found = find(author);
            let behind = || {
                let role = found?;
                ["practitioner", "organization"].iter().find_map(|who| {
                    let who = role.get(who)?;
                    find(who).and_then(coded::person).or_else(|| coded::concept(who))
                })
            };
            let display = || author.text_of("display").or_else(|| author.text_of("reference"));
            let name = found.and_then(coded::person).or_else(behind);
            self.authors.extend(name.or_else(|| display().map(|text| plain(&text))));
        }
    }

    /// One line for all sections of which nothing is stated, not even why.
    pub fn nothing_stated(&self) -> Option<String> {
        let empty = self.sections.iter().filter(|section| section.state == State::Empty(None));
        let titles: Vec<_> = empty.map(|section| section.title.as_str()).collect();
        (!titles.is_empty()).then(|| format!("no data stated for {}", titles.join(", ")))
    }
}

/// The fragments of some parts, read.
struct Read<'p> {
    fragments: Vec<(Role, Json<'p>)>,
}

impl<'p> Read<'p> {
    fn new(parts: impl IntoIterator<Item = &'p Part>) -> Self {
        let fragments = parts.into_iter().flat_map(Part::values);
        Self {
            fragments: fragments.filter_map(|(role, bytes)| Some((role, Json::parse(bytes).ok()?))).collect(),
        }
    }

    /// The values; a member is the object that has it alone.
    fn roots(&self) -> impl Iterator<Item = (Role, Value<'_>)> {
        self.fragments.iter().map(|(role, json)| (*role, json.root()))
    }

    fn member(&self, role: Role, name: &str) -> Option<Value<'_>> {
        self.roots().filter(|(own, _)| *own == role).find_map(|(_, object)| object.get(name))
    }

    fn section(&self) -> Option<Value<'_>> {
        self.roots().find(|(role, _)| *role == Role::Section).map(|(_, section)| section)
    }

    fn resources(&self) -> Vec<Resource<'_>> {
        self.roots()
            .filter_map(|(role, value)| match role {
                Role::Entry => Some(Resource::entry(value)),
                Role::Contained => Some(Resource::contained(value)),
                _ => None,
            })
            .collect()
    }

    fn directory(&self) -> Directory {
        Directory::new(&self.resources())
    }

    /// The resource that a reference leads to, if it is here.
    fn find(&self, directory: &Directory, reference: &str) -> Option<Value<'_>> {
        let from = self.member(Role::CompositionEntry, "fullUrl").and_then(Value::text);
        match directory.resolve(reference, from.as_deref(), true) {
            Target::Inside(targets) => self.resources().into_iter().nth(*targets.first()?)?.value,
            _ => None,
        }
    }

    fn view(&self, section: Value<'_>, part: &Part, resources: usize) -> Section {
        let code = section.get("code").and_then(coded::code).map(|code| plain(&code));
        let narrative = narrative(section);
        let entries = entries(section);
        let mut view = Section {
            part: part.number(),
            title: title(section),
            state: State::Present,
            narrative: narrative.clone(),
            lines: Vec::new(),
            marks: Vec::new(),
            resources,
            code,
        };
        match (entries.is_empty(), section.get("emptyReason").map(reason)) {
            (true, Some(own)) => view.state = State::of(own),
            (true, None) if narrative.is_none() => {
                // Of the sections within it, one that was withheld says most.
                let inner = sections(section).into_iter().filter_map(|(one, _)| one.get("emptyReason"));
                let (withheld, others): (Vec<_>, Vec<_>) =
                    inner.map(reason).partition(|(code, _)| code == WITHHELD);
                view.state = withheld.into_iter().chain(others).next().map_or(State::Empty(None), State::of);
            }
            (true, None) => view.marks.push(Mark::NarrativeOnly),
            (false, Some((_, words))) => view.marks.push(Mark::NotEmpty(words)),
            (false, None) => {}
        }
        view.marks.extend(within(section).take(MAX_LINES));
        self.add_lines(&mut view, &entries);
        if let Some(narrative) = narrative.filter(|_| !entries.is_empty()) {
            self.compare(&mut view, &narrative, section, &entries);
        } else if !entries.is_empty() {
            view.marks.push(Mark::NoNarrative);
        }
        view
    }

    fn add_lines(&self, view: &mut Section, entries: &[Listed<'_>]) {
        let directory = self.directory();
        let find = |reference: &str| self.find(&directory, reference);
        for Listed { entry, code } in entries.iter().take(MAX_LINES) {
            let reference = entry.text_of("reference").unwrap_or_default();
            let Some(resource) = find(&reference) else {
                let display = entry.text_of("display").unwrap_or(reference);
                view.marks.push(Mark::NotHere(plain(&display)));
                continue;
            };
            view.lines.push(coded::line(resource, &find));
            let kind = resource.text_of("resourceType").unwrap_or_default();
            let expected = code.as_deref().and_then(expected);
            if expected.is_some_and(|kinds| !kinds.contains(&kind.as_str()) && kind != "DocumentReference") {
                let mark = Mark::WrongKind(plain(&kind));
                if !view.marks.contains(&mark) {
                    view.marks.push(mark);
                }
            }
        }
        if entries.len() > MAX_LINES {
            view.marks.push(Mark::Shortened(entries.len() - MAX_LINES));
        }
    }

    /// Marks what only the text says, and what only the entries say.
    fn compare(&self, view: &mut Section, narrative: &Narrative, section: Value<'_>, entries: &[Listed<'_>]) {
        let resources = self.resources();
        let own = resources.iter().filter_map(|resource| resource.value);
        let beside = section.inner().filter(|member| *member.name() != *b"text");
        let coded: String = own
            .chain(beside)
            .flat_map(Value::all)
            // Text within text would always agree with itself.
            .filter(|value| value.kind() == Kind::Number || *value.name() != *b"div")
            .filter_map(Value::text)
            .map(|text| text.to_lowercase() + "\n")
            .collect();
        let pieces = narrative.said.split(['\n', ';', ',', '|', '.', ':', '(', ')']).map(str::trim);
        let unsaid = |piece: &&str| {
            let mut telling = telling(piece).peekable();
            telling.peek().is_some() && !telling.any(|word| coded.contains(&word))
        };
        let more: Vec<String> = pieces.filter(unsaid).map(str::to_owned).take(MAX_REPEATED).collect();
        if !more.is_empty() || narrative.status == "additional" {
            view.marks.push(Mark::NarrativeSaysMore(more));
        }

        let directory = self.directory();
        let text = narrative.text.to_lowercase();
        let mut less = Vec::new();
        for listed in entries.iter().take(MAX_LINES) {
            let reference = listed.entry.text_of("reference").unwrap_or_default();
            let Some(resource) = self.find(&directory, &reference) else { continue };
            let words = names_of(resource, &|reference| self.find(&directory, reference));
            let said = words.iter().any(|name| {
                let mut telling = telling(name).peekable();
                telling.peek().is_none() || telling.any(|word| text.contains(&word))
            });
            if !said && !words.is_empty() && less.len() < MAX_REPEATED {
                less.push(plain(&words[0]));
            }
        }
        if !less.is_empty() {
            view.marks.push(Mark::NarrativeSaysLess(less));
        }
    }
}

/// Words that say what a text is about, in lower case.
fn telling(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let telling = |word: &&str| word.chars().count() >= TELLING && word.chars().all(char::is_alphabetic);
    words.filter(telling).map(str::to_lowercase)
}

/// All words by which a resource calls what it is about.
fn names_of<'j>(resource: Value<'j>, find: &dyn Fn(&str) -> Option<Value<'j>>) -> Vec<String> {
    let about = ["code", "vaccineCode", "medicationCodeableConcept", "medicationReference", "medication"];
    let mut names = Vec::new();
    for value in about.iter().filter_map(|name| resource.get(name)) {
        let target = value.text_of("reference").and_then(|reference| {
            coded::contained(resource, &reference).or_else(|| find(&reference))?.get("code")
        });
        for concept in [Some(value), target].into_iter().flatten() {
            let texts = concept.all().filter(|value| matches!(&*value.name(), b"text" | b"display"));
            names.extend(texts.filter_map(Value::text));
        }
    }
    names
}

/// The code of a reason for a section to be empty, and its words.
fn reason(reason: Value<'_>) -> (String, String) {
    let code =
        reason.at(&["coding"]).into_iter().find_map(|coding| coding.text_of("code")).unwrap_or_default();
    let words = match code.as_str() {
        "nilknown" => "none known: the author knows of nothing to state here",
        "notasked" => "not asked: nobody has asked the patient about it",
        WITHHELD => "withheld: the author does not state it here",
        "unavailable" => "not available: the author could not find it out",
        "notstarted" => "not started: the author has not begun to collect it",
        "closed" => "closed: nothing more is collected here",
        _ => "",
    };
    let own = coded::concept(reason).unwrap_or_default();
    let words = match (words.is_empty(), own.is_empty() || own == code) {
        (true, _) if own.is_empty() => "the reason is not stated in words".to_owned(),
        (true, _) => own,
        (false, true) => words.to_owned(),
        (false, false) => format!("{words} (“{own}”)"),
    };
    (code, words)
}

/// A section and those within it as they stand, each with its code, or that of the section around it if it has none.
fn sections(section: Value<'_>) -> Vec<(Value<'_>, Option<String>)> {
    let (mut found, mut wanted) = (Vec::new(), vec![(section, None)]);
    while let Some((section, outer)) = wanted.pop() {
        let code = section.get("code").and_then(coded::code).or(outer);
        wanted.extend(section.at(&["section"]).into_iter().rev().map(|inner| (inner, code.clone())));
        found.push((section, code));
    }
    found
}

/// An entry of a section, and the code of the section that lists it.
struct Listed<'j> {
    entry: Value<'j>,
    code: Option<String>,
}

fn entries(section: Value<'_>) -> Vec<Listed<'_>> {
    let listed = sections(section).into_iter().flat_map(|(section, code)| {
        section.at(&["entry"]).into_iter().map(move |entry| Listed { entry, code: code.clone() })
    });
    listed.collect()
}

/// The sections within a section that are empty and say why.
fn within(section: Value<'_>) -> impl Iterator<Item = Mark> {
    let inner = sections(section).into_iter().skip(1).map(|(one, _)| one);
    inner.filter(|one| entries(*one).is_empty()).filter_map(|one| {
        let (_, words) = reason(one.get("emptyReason")?);
        Some(Mark::EmptyWithin(title(one), words))
    })
}

/// The title of a section, or the words of its code.
fn title(section: Value<'_>) -> String {
    let own = section.text_of("title").map(|title| plain(&title)).filter(|title| !title.is_empty());
    let title = own.or_else(|| section.get("code").and_then(coded::concept));
    title.unwrap_or_else(|| "a section without a title".to_owned())
}

/// The text of a section and of those within it.
fn narrative(section: Value<'_>) -> Option<Narrative> {
    let mut found: Option<Narrative> = None;
    for (section, _) in sections(section) {
        let Some(text) = section.get("text") else { continue };
        let status = text.text_of("status").unwrap_or_default();
        let read = Narrative::read(&text.text_of("div").unwrap_or_default(), &status);
        if read.is_empty() {
            continue;
        }
        match &mut found {
            None => found = Some(read),
            Some(all) => {
                all.cut |= read.cut;
                all.text = format!("{}\n{}", all.text, read.text);
                all.said = format!("{}\n{}", all.said, read.said);
            }
        }
    }
    found
}

/// The kinds of resources that a section of an International Patient Summary lists, by its LOINC code.
fn expected(code: &str) -> Option<&'static [&'static str]> {
    Some(match code {
        "11450-4" | "11348-0" => &["Condition"],
        "48765-2" => &["AllergyIntolerance"],
        "10160-0" => {
            &["MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense"]
        }
        "11369-6" => &["Immunization"],
        "30954-2" => &["Observation", "DiagnosticReport"],
        "47519-4" => &["Procedure"],
        "46264-8" => &["DeviceUseStatement"],
        "42348-3" => &["Consent"],
        "8716-3" | "10162-6" | "29762-2" => &["Observation"],
        "47420-5" => &["Condition", "ClinicalImpression", "Observation"],
        "104605-1" => &["Flag"],
        _ => return None,
    })
}

/// The name under which others refer to the resource in a fragment: `Type/id` for an entry without an address.
pub(crate) fn name_of(role: Role, fragment: &[u8]) -> Option<String> {
    let json = Json::parse(fragment).ok()?;
    match role {
        Role::Entry => json.root().text_of("fullUrl").or_else(|| {
            let resource = json.root().get("resource")?;
            Some(format!("{}/{}", resource.text_of("resourceType")?, resource.text_of("id")?))
        }),
        Role::Contained => json.root().text_of("id").map(|id| format!("#{id}")),
        _ => None,
    }
}

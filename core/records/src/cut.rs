//! Cutting a document into parts: byte ranges of what was received, each in the parts that need it.
//!
//! Part 0 is the header, 1 the remainder, 2 the patient's details; the sections follow. See [`Cut`].

use std::collections::BTreeSet;
use std::ops::Range;

use rand_core::CryptoRng;

use crate::json::{Json, JsonError, Kind, MAX_DOCUMENT, Value};
use crate::part::{Part, Role};
use crate::resource::{Directory, Place, Reference, Resource, Target, references};

/// Most parts of one document: a mask of them fits 64 bits.
pub const MAX_PARTS: usize = 64;
/// Number of the part that every extraction has.
pub const HEADER: u8 = 0;
/// Number of the part that has what belongs to no other, and how all parts are joined.
pub const REMAINDER: u8 = 1;
/// Number of the part that has what is not needed to tell the patient from others.
pub const PATIENT: u8 = 2;
/// Number of the first section.
pub const FIRST_SECTION: u8 = 3;
/// Most bytes of all parts together. Resources that several sections need are in each of them.
const MAX_COPIES: usize = 4 * MAX_DOCUMENT;

/// Members of bundle, composition and patient that the header has.
const ALL_THREE: &[&str] = &["resourceType", "id", "language", "identifier", "implicitRules"];
const OF_BUNDLE: &[&str] = &["type", "timestamp"];
const OF_COMPOSITION: &[&str] = &[
    "status",
    "category",
    "type",
    "subject",
    "date",
    "author",
    "title",
    "attester",
    "custodian",
    "relatesTo",
    "modifierExtension",
];
const OF_PATIENT: &[&str] = &["active", "name", "gender", "birthDate", "modifierExtension"];
/// What the header needs of an entry whose resource is cut: others refer to it by this.
const OF_ENTRY: &[&str] = &["fullUrl"];
/// Members of the composition that name who signs, and the types of resources that say who that is.
const SIGNING: &[&str] = &["author", "attester", "custodian"];
const SIGNERS: &[&str] = &[
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Device",
    "RelatedPerson",
    "HealthcareService",
    "Location",
];

/// Why bytes cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// Not JSON within our bounds.
    #[error("this cannot be read as a document: {0}")]
    Json(#[from] JsonError),
    /// JSON, but not a FHIR document.
    #[error("this is no FHIR document: a Bundle of type document is needed")]
    NotADocument,
    /// The first entry of the bundle is not a composition.
    #[error("this is no FHIR document: its first entry is not a Composition")]
    NoComposition,
    /// The document is about something other than one patient.
    #[error("the document's subject is not a patient")]
    SubjectNotAPatient,
    /// The subject is not in the document, and it has no patient or several.
    #[error("the document does not contain the one patient that it is about")]
    NoPatient,
    /// More sections than parts may be.
    #[error("the document has more than {} sections", MAX_PARTS - FIRST_SECTION as usize)]
    TooManySections,
    /// So many sections share large resources that the copies would be too large.
    #[error("the document's parts would have more than {} MiB together", MAX_COPIES / 1024 / 1024)]
    TooLarge,
}

/// A reference that a reader of one part alone cannot follow. The words that an author put beside it cannot be cut away.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Loose {
    /// The parts that have the reference, as a mask.
    pub parts: u64,
    /// The parts that have its target, as a mask; 0 if it leads outside of the document.
    pub target: u64,
    /// The reference as it is written.
    pub reference: String,
    /// What the author calls the target.
    pub display: Option<String>,
}

/// Some bytes of the document, and the parts that have them.
#[derive(Clone)]
struct Piece {
    range: Range<usize>,
    role: Role,
    parts: u64,
}

/// A document cut into parts. Sections are numbered as they stand until [`Cut::shuffle`].
///
/// A section's part has the section and each resource that it lists. What no section lists travels with every section from
/// which it is reached; what another section lists is not followed, since sharing the medication would hand over the problem
/// behind it. Who signed is in the header, even where a section lists them.
pub struct Cut<'a> {
    document: &'a [u8],
    pieces: Vec<Piece>,
    /// The part's number of each section of the document.
    sections: Vec<u8>,
    loose: Vec<Loose>,
}

impl<'a> Cut<'a> {
    /// Cuts a document.
    pub fn new(document: &'a [u8]) -> Result<Self, CutError> {
        let json = Json::parse(document)?;
        let plan = Plan::new(json.root())?;
        let pieces = plan.pieces();
        let size: usize =
            pieces.iter().map(|piece| piece.range.len() * piece.parts.count_ones() as usize).sum();
        if size > MAX_COPIES {
            return Err(CutError::TooLarge);
        }
        let numbers = 0..u8::try_from(plan.sections.len()).map_err(|_| CutError::TooManySections)?;
        let sections = numbers.map(|number| FIRST_SECTION + number).collect();
        Ok(Self { document, pieces, sections, loose: plan.loose.into_iter().collect() })
    }

    /// Numbers the sections anew, at random: the order of the document would betray which of them is missing.
    pub fn shuffle(&mut self, random: &mut impl CryptoRng) {
        let mut order = self.sections.clone();
        // Fisher and Yates. What the remainder of 64 bits by 61 is biased by, nobody can measure.
        for last in (1..order.len()).rev() {
            order.swap(last, usize::try_from(random.next_u64() % (last as u64 + 1)).unwrap_or_default());
        }
        self.renumber(&order);
    }

    /// Gives each section of the document, as they stand, its part's number.
    fn renumber(&mut self, order: &[u8]) {
        let before = std::mem::replace(&mut self.sections, order.to_vec());
        let moved = |parts: u64| {
            before.iter().zip(order).fold(parts & 0b111, |mask, (old, new)| mask | (parts >> old & 1) << new)
        };
        for piece in &mut self.pieces {
            piece.parts = moved(piece.parts);
        }
        for loose in &mut self.loose {
            (loose.parts, loose.target) = (moved(loose.parts), moved(loose.target));
        }
    }

    /// How many parts there are.
    pub const fn count(&self) -> usize {
        FIRST_SECTION as usize + self.sections.len()
    }

    /// The number of the part of each section, as the sections stand in the document.
    pub fn sections(&self) -> &[u8] {
        &self.sections
    }

    /// References that lead outside of the document, or into the part of another section.
    pub fn loose(&self) -> &[Loose] {
        &self.loose
    }

    /// All parts by number, with how they are joined in the remainder.
    pub fn parts(&self) -> Vec<Part> {
        let numbers = 0..u8::try_from(self.count()).unwrap_or(u8::MAX);
        numbers.map(|number| self.part(number)).collect()
    }

    fn part(&self, number: u8) -> Part {
        let own = self.pieces.iter().filter(|piece| piece.parts >> number & 1 == 1);
        let fragments =
            own.map(|piece| (piece.role, &self.document[piece.range.clone()])).collect::<Vec<_>>();
        if number != REMAINDER {
            return Part::new(number, &fragments, None);
        }
        let (mut used, mut end) = ([0_u32; MAX_PARTS], 0);
        let mut layout = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let glue = &self.document[end..piece.range.start];
            let first = piece.parts.trailing_zeros();
            // safe: every piece is in a part, and there are at most 64.
            layout.push((glue, u8::try_from(first).unwrap_or_default(), used[first as usize % MAX_PARTS]));
            (0..MAX_PARTS).filter(|part| piece.parts >> part & 1 == 1).for_each(|part| used[part] += 1);
            end = piece.range.end;
        }
        Part::new(number, &fragments, Some((&layout, &self.document[end..])))
    }

    /// Cuts again what was joined from `parts`, with sections numbered as they are there.
    pub(crate) fn again(document: &'a [u8], order: &[u8]) -> Option<Self> {
        let mut cut = Self::new(document).ok()?;
        let numbers: BTreeSet<_> = order.iter().copied().collect();
        if order.len() != cut.sections.len() || !numbers.into_iter().eq(cut.sections.iter().copied()) {
            return None;
        }
        cut.renumber(order);
        Some(cut)
    }
}

/// What is where in a document, before it is cut.
struct Plan<'j> {
    bundle: Value<'j>,
    resources: Vec<Resource<'j>>,
    /// The parts that have each resource.
    parts: Vec<u64>,
    patient: usize,
    sections: Vec<Value<'j>>,
    loose: BTreeSet<Loose>,
}

/// The composition is the first resource.
const COMPOSITION: usize = 0;

impl<'j> Plan<'j> {
    fn new(bundle: Value<'j>) -> Result<Self, CutError> {
        let is = |name: &str, text: &str| bundle.text_of(name).is_some_and(|own| own == text);
        let entries = bundle.get("entry").filter(|entries| entries.kind() == Kind::List);
        if !is("resourceType", "Bundle") || !is("type", "document") {
            return Err(CutError::NotADocument);
        }
        let mut resources: Vec<_> = entries.into_iter().flat_map(Value::inner).map(Resource::entry).collect();
        let first = resources.first().filter(|first| first.is("Composition"));
        let composition = first.and_then(|first| first.value).ok_or(CutError::NoComposition)?;
        resources.extend(listed(composition, "contained").map(Resource::contained));
        let sections: Vec<_> = listed(composition, "section").collect();
        if sections.len() > MAX_PARTS - usize::from(FIRST_SECTION) {
            return Err(CutError::TooManySections);
        }
        let directory = Directory::new(&resources);
        let patient = subject(composition, &resources, &directory)?;
        let parts = vec![0; resources.len()];
        let mut plan = Self { bundle, resources, parts, patient, sections, loose: BTreeSet::new() };
        plan.assign(composition, &directory);
        Ok(plan)
    }

    /// Finds the parts of each resource.
    fn assign(&mut self, composition: Value<'j>, directory: &Directory) {
        let links: Vec<Vec<(Reference, Target)>> =
            self.resources.iter().map(|resource| links(resource, directory)).collect();
        let full_url = self.resources[COMPOSITION].full_url.clone();
        let of_composition = |value: Value<'_>| {
            let resolved = |reference: Reference| {
                let target = directory.resolve(&reference.text, full_url.as_deref(), true);
                (reference, target)
            };
            references(value).map(resolved).collect::<Vec<_>>()
        };

        // Who signs.
        let signing = SIGNING.iter().filter_map(|name| composition.get(name)).flat_map(of_composition);
        let mut wanted: Vec<usize> = signing.flat_map(|(_, target)| inside(&target).to_vec()).collect();
        while let Some(at) = wanted.pop() {
            let says_who = self.resources[at].kind().is_some_and(|kind| SIGNERS.contains(&kind.as_str()));
            if says_who && self.parts[at] == 0 {
                self.parts[at] = 1 << HEADER;
                wanted.extend(links[at].iter().flat_map(|(_, target)| inside(target)));
            }
        }
        // What is cut into members is followed nowhere.
        let header: Vec<bool> = self.parts.iter().map(|parts| *parts != 0).collect();
        let fixed = |at: usize| header[at] || at == COMPOSITION || at == self.patient;

        // What each section lists, then what is reached from there.
        let lists: Vec<BTreeSet<usize>> = self
            .sections
            .iter()
            .map(|section| {
                let entries = entries(*section).into_iter().flat_map(of_composition);
                let targets = entries.flat_map(|(_, target)| inside(&target).to_vec());
                targets.filter(|at| !fixed(*at)).collect()
            })
            .collect();
        let entry = |at: &usize| self.resources[*at].place == Place::Entry;
        let listed: BTreeSet<usize> = lists.iter().flatten().copied().filter(entry).collect();
        let own: Vec<Vec<(Reference, Target)>> =
            self.sections.iter().map(|section| of_composition(*section)).collect();
        for (number, list) in (FIRST_SECTION..).zip(&lists) {
            let section = usize::from(number - FIRST_SECTION);
            let follow = |at: usize| !fixed(at) && (!listed.contains(&at) || list.contains(&at));
            let beyond = own[section].iter().flat_map(|(_, target)| inside(target)).copied();
            let mut wanted: Vec<usize> =
                list.iter().copied().chain(beyond.filter(|at| follow(*at))).collect();
            while let Some(at) = wanted.pop() {
                if self.parts[at] >> number & 1 == 0 {
                    self.parts[at] |= 1 << number;
                    let targets = links[at].iter().flat_map(|(_, target)| inside(target)).copied();
                    wanted.extend(targets.filter(|at| follow(*at)));
                }
            }
        }

        // What only the patient's details reach.
        let mut wanted: Vec<usize> =
            links[self.patient].iter().flat_map(|(_, target)| inside(target)).copied().collect();
        while let Some(at) = wanted.pop() {
            if self.parts[at] == 0 && !fixed(at) {
                self.parts[at] = 1 << PATIENT;
                wanted.extend(links[at].iter().flat_map(|(_, target)| inside(target)));
            }
        }
        for at in 0..self.parts.len() {
            if self.parts[at] == 0 {
                self.parts[at] = 1 << REMAINDER;
            }
        }
        // Composition and patient are in the header, as far as others refer to them.
        self.parts[COMPOSITION] = 1 << HEADER;
        self.parts[self.patient] = 1 << HEADER;

        for (number, links) in (FIRST_SECTION..).zip(&own) {
            self.note_loose(1 << number, links);
        }
        for (at, links) in links.iter().enumerate() {
            let parts = if at == self.patient { 1 << PATIENT } else { self.parts[at] };
            if at != COMPOSITION {
                self.note_loose(parts, links);
            }
        }
        let others = composition.inner().filter(|member| *member.name() != *b"section");
        let others: Vec<_> = others.filter(|member| *member.name() != *b"contained").collect();
        for member in others {
            let part = if allowed(member, OF_COMPOSITION) { HEADER } else { REMAINDER };
            self.note_loose(1 << part, &of_composition(member));
        }
    }

    /// Notes the references that not all readers of these parts can follow.
    fn note_loose(&mut self, parts: u64, links: &[(Reference, Target)]) {
        for (reference, target) in links {
            let target = match target {
                Target::Itself => continue,
                Target::Outside if reference.attachment => continue,
                Target::Outside => 0,
                Target::Inside(targets) => targets.iter().fold(0, |mask, at| mask | self.parts[*at]),
            };
            let everywhere = target & 1 << HEADER != 0 || parts & !target == 0;
            // Who has the remainder alone misses every section.
            if target == 0 || !everywhere && parts != 1 << REMAINDER {
                self.loose.insert(Loose {
                    parts,
                    target,
                    reference: reference.text.clone(),
                    display: reference.display.clone(),
                });
            }
        }
    }

    /// All pieces, as they stand in the document.
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for member in self.bundle.inner() {
            if *member.name() == *b"entry" {
                for at in (0..self.resources.len()).filter(|at| self.resources[*at].place == Place::Entry) {
                    self.entry(at, &mut pieces);
                }
            } else {
                let part = if allowed(member, OF_BUNDLE) { HEADER } else { REMAINDER };
                pieces.push(Piece { range: member.member_range(), role: Role::Bundle, parts: 1 << part });
            }
        }
        pieces
    }

    fn entry(&self, at: usize, pieces: &mut Vec<Piece>) {
        let resource = &self.resources[at];
        let role = match at {
            COMPOSITION => Role::CompositionEntry,
            _ if at == self.patient => Role::PatientEntry,
            _ => {
                let range = resource.carrier.range();
                pieces.push(Piece { range, role: Role::Entry, parts: self.parts[at] });
                return;
            }
        };
        for member in resource.carrier.inner() {
            match resource.value {
                Some(value) if value == member && at == COMPOSITION => self.composition(value, pieces),
                Some(value) if value == member => patient(value, pieces),
                _ => {
                    let part = if named(member, OF_ENTRY) { HEADER } else { REMAINDER };
                    pieces.push(Piece { range: member.member_range(), role, parts: 1 << part });
                }
            }
        }
    }

    fn composition(&self, composition: Value<'j>, pieces: &mut Vec<Piece>) {
        for member in composition.inner() {
            let list = member.kind() == Kind::List;
            if list && *member.name() == *b"section" {
                for (number, section) in (FIRST_SECTION..).zip(&self.sections) {
                    pieces.push(Piece { range: section.range(), role: Role::Section, parts: 1 << number });
                }
            } else if list && *member.name() == *b"contained" {
                for (at, resource) in self.resources.iter().enumerate() {
                    match (resource.place, resource.value) {
                        (Place::Entry, _) => {}
                        (_, Some(value)) if at == self.patient => patient(value, pieces),
                        _ => {
                            let range = resource.carrier.range();
                            pieces.push(Piece { range, role: Role::Contained, parts: self.parts[at] });
                        }
                    }
                }
            } else {
                let part = if allowed(member, OF_COMPOSITION) { HEADER } else { REMAINDER };
                let range = member.member_range();
                pieces.push(Piece { range, role: Role::Composition, parts: 1 << part });
            }
        }
    }
}

fn patient(patient: Value<'_>, pieces: &mut Vec<Piece>) {
    for member in patient.inner() {
        let part = if allowed(member, OF_PATIENT) { HEADER } else { PATIENT };
        pieces.push(Piece { range: member.member_range(), role: Role::Patient, parts: 1 << part });
    }
}

/// Whether a member is one of those that all three have, or one of `own`.
fn allowed(member: Value<'_>, own: &[&str]) -> bool {
    named(member, ALL_THREE) || named(member, own)
}

/// Whether a member has one of these names; `_name` follows `name`.
fn named(member: Value<'_>, names: &[&str]) -> bool {
    let name = member.name();
    let name = name.strip_prefix(b"_").unwrap_or(&name);
    names.iter().any(|known| known.as_bytes() == name)
}

/// The items of a member that is a list.
fn listed<'j>(object: Value<'j>, name: &str) -> impl Iterator<Item = Value<'j>> {
    object.get(name).filter(|list| list.kind() == Kind::List).into_iter().flat_map(Value::inner)
}

/// What a section lists, and the sections within it.
pub(crate) fn entries(section: Value<'_>) -> Vec<Value<'_>> {
    let (mut entries, mut wanted) = (Vec::new(), vec![section]);
    while let Some(section) = wanted.pop() {
        entries.extend(section.at(&["entry"]));
        wanted.extend(section.at(&["section"]));
    }
    entries
}

/// The patient whom the document is about.
fn subject(
    composition: Value<'_>,
    resources: &[Resource<'_>],
    directory: &Directory,
) -> Result<usize, CutError> {
    let reference = composition.get("subject").and_then(|subject| subject.text_of("reference"));
    let from = resources[COMPOSITION].full_url.as_deref();
    let target = reference.map(|reference| directory.resolve(&reference, from, true));
    if let Some(Target::Inside(targets)) = target {
        let patient = targets.first().filter(|at| resources[**at].is("Patient"));
        return patient.copied().ok_or(CutError::SubjectNotAPatient);
    }
    let mut patients = (0..resources.len()).filter(|at| resources[*at].is("Patient"));
    match (patients.next(), patients.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(CutError::NoPatient),
    }
}

/// The references of a resource, and what each leads to.
fn links(resource: &Resource<'_>, directory: &Directory) -> Vec<(Reference, Target)> {
    let Some(value) = resource.value else { return Vec::new() };
    let contained = resource.place == Place::Contained;
    let resolved = |reference: Reference| {
        let target = directory.resolve(&reference.text, resource.full_url.as_deref(), contained);
        (reference, target)
    };
    references(value).map(resolved).collect()
}

fn inside(target: &Target) -> &[usize] {
    if let Target::Inside(targets) = target { targets } else { &[] }
}

//! A part: pieces of the document as they were received, each one JSON value or one member.
//!
//! ```cddl
//! part = [fragments: [* [role, bstr]], images: [* image], ? layout, ? tail: bstr]   ; the last two in the remainder alone
//! image = [locator: tstr, digest: bstr .size 32, length: uint, type: tstr]
//! layout = [* [glue: bstr, part: uint, fragment: uint]]
//! role = 0..7
//! ```
//!
//! Joining walks the layout: a piece of glue (braces, commas, white space), then a fragment of a part, and so on; the tail
//! comes last. Only the remainder knows it, so no part betrays the place or length of another.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use countersign_ledger::Hash;
use countersign_ledger::cbor::{self, encode};
use minicbor::Decoder;
use zeroize::Zeroizing;

use crate::cut::{Cut, MAX_PARTS, REMAINDER};
use crate::json::{Json, MAX_DOCUMENT, Value};

/// Largest part: what it has of the document, and a layout of as many fragments as a document may have values.
pub const MAX_PART: usize = 4 * MAX_DOCUMENT;
/// Most images of one part.
pub const MAX_IMAGES: usize = 256;
/// Longest locator or media type of an image.
const MAX_TEXT: usize = 1024;

/// What a fragment is, so that a part reads alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// A member of the bundle.
    Bundle,
    /// A member of the composition's entry.
    CompositionEntry,
    /// A member of the composition.
    Composition,
    /// A member of the patient's entry.
    PatientEntry,
    /// A member of the patient.
    Patient,
    /// A section.
    Section,
    /// An entry of the bundle.
    Entry,
    /// A resource that the composition contains.
    Contained,
}

impl Role {
    const ALL: [Self; 8] = [
        Self::Bundle,
        Self::CompositionEntry,
        Self::Composition,
        Self::PatientEntry,
        Self::Patient,
        Self::Section,
        Self::Entry,
        Self::Contained,
    ];

    /// Whether the fragment is a member, with its name, rather than a value.
    const fn is_member(self) -> bool {
        !matches!(self, Self::Section | Self::Entry | Self::Contained)
    }
}

/// A large image that a part names and does not contain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// The address under which the document refers to it.
    pub locator: String,
    /// SHA-256 of its bytes.
    pub digest: Hash,
    /// Their number.
    pub length: u64,
    /// Its media type, such as `image/png`.
    pub media_type: String,
}

impl Image {
    /// Whether these are the image's bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.length && Hash::of(bytes) == self.digest
    }
}

/// Why bytes are not a part, or parts are not a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Not of the format.
    #[error("a part is not of the format")]
    Malformed,
    /// A fragment is not exactly one JSON value or member.
    #[error("a part has bytes that are not one JSON value each")]
    Fragment,
    /// The parts do not make up the document that they were cut from.
    #[error("the parts do not make up one document")]
    Join,
}

/// A part. Its bytes are erased when it is dropped.
#[derive(Clone)]
pub struct Part {
    number: u8,
    bytes: Zeroizing<Vec<u8>>,
    fragments: Vec<(Role, Range<usize>)>,
    images: Vec<Image>,
    layout: Option<Layout>,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && self.bytes == other.bytes
    }
}

#[derive(Clone)]
struct Layout {
    steps: Vec<Step>,
    tail: Range<usize>,
}

#[derive(Clone)]
struct Step {
    glue: Range<usize>,
    part: u8,
    fragment: usize,
}

/// How parts are joined: glue, part and fragment for each step.
pub(crate) type Steps<'a> = [(&'a [u8], u8, u32)];

impl Part {
    pub(crate) fn new(number: u8, fragments: &[(Role, &[u8])], layout: Option<(&Steps<'_>, &[u8])>) -> Self {
        Self::written(number, write(fragments, &[], layout))
    }

    /// A part of bytes that were written here.
    fn written(number: u8, bytes: Vec<u8>) -> Self {
        let mut part = Self::empty(number);
        // safe: what is written here reads again; if it ever did not, no fragment would be there, and `join` would tell.
        let _ = part.read(&bytes);
        part.bytes = Zeroizing::new(bytes);
        part
    }

    fn empty(number: u8) -> Self {
        Self { number, bytes: Zeroizing::default(), fragments: vec![], images: vec![], layout: None }
    }

    /// The part with images: those of `images` that it refers to.
    #[must_use]
    pub fn with_images(self, images: &[Image]) -> Self {
        let read: Vec<_> = self.values().filter_map(|(_, value)| Json::parse(value).ok()).collect();
        let texts: BTreeSet<_> =
            read.iter().flat_map(|json| json.root().all()).filter_map(Value::text).collect();
        let named = |image: &&Image| texts.contains(&image.locator);
        let images: Vec<_> = images.iter().filter(named).take(MAX_IMAGES).cloned().collect();
        let fragments: Vec<_> = self.fragments().collect();
        let steps = self.layout.as_ref().map(|layout| {
            let steps = layout.steps.iter();
            let steps = steps.map(|step| {
                (&self.bytes[step.glue.clone()], step.part, u32::try_from(step.fragment).unwrap_or(u32::MAX))
            });
            (steps.collect::<Vec<_>>(), &self.bytes[layout.tail.clone()])
        });
        let layout = steps.as_ref().map(|(steps, tail)| (steps.as_slice(), *tail));
        Self::written(self.number, write(&fragments, &images, layout))
    }

    /// Reads a part, refusing every form but the one we write.
    pub fn from_bytes(number: u8, bytes: Zeroizing<Vec<u8>>) -> Result<Self, PartError> {
        if bytes.len() > MAX_PART || usize::from(number) >= MAX_PARTS {
            return Err(PartError::Malformed);
        }
        cbor::check_deterministic(&bytes).map_err(|_| PartError::Malformed)?;
        let mut part = Self::empty(number);
        part.read(&bytes).ok_or(PartError::Malformed)?;
        part.bytes = bytes;
        part.check_fragments()?;
        Ok(part)
    }

    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let mut d = Decoder::new(bytes);
        let members = d.array().ok()??;
        if members != if self.number == REMAINDER { 4 } else { 2 } {
            return None;
        }
        for _ in 0..d.array().ok()?? {
            let pair = d.array().ok()??;
            let role = *Role::ALL.get(usize::from(d.u8().ok()?))?;
            self.fragments.push((role, range(&mut d)?));
            (pair == 2).then_some(())?;
        }
        let images = d.array().ok()??;
        (images <= MAX_IMAGES as u64).then_some(())?;
        for _ in 0..images {
            let four = d.array().ok()?? == 4;
            let locator = d.str().ok()?.to_owned();
            let digest = Hash::from_slice(d.bytes().ok()?)?;
            let (length, media_type) = (d.u64().ok()?, d.str().ok()?.to_owned());
            (four && locator.len() <= MAX_TEXT && media_type.len() <= MAX_TEXT).then_some(())?;
            self.images.push(Image { locator, digest, length, media_type });
        }
        if self.number == REMAINDER {
            let mut steps = Vec::new();
            for _ in 0..d.array().ok()?? {
                let three = d.array().ok()?? == 3;
                let glue = range(&mut d)?;
                let (part, fragment) = (d.u8().ok()?, d.u32().ok()?);
                steps.push(Step { glue, part, fragment: usize::try_from(fragment).ok()? });
                three.then_some(())?;
            }
            self.layout = Some(Layout { steps, tail: range(&mut d)? });
        }
        Some(())
    }

    /// Each fragment is exactly one value or one member.
    fn check_fragments(&self) -> Result<(), PartError> {
        self.values().try_for_each(|(role, whole)| {
            let end = whole.len();
            let json = Json::parse(whole).map_err(|_| PartError::Fragment)?;
            let (root, mut members) = (json.root(), json.root().inner());
            let one = if role.is_member() {
                members.next().is_some_and(|member| member.member_range() == (1..end - 1))
            } else {
                root.range() == (0..end)
            };
            if one && (!role.is_member() || members.next().is_none()) {
                Ok(())
            } else {
                Err(PartError::Fragment)
            }
        })
    }

    /// The part's number.
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// The part as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its fragments as they stand in the document.
    pub fn fragments(&self) -> impl Iterator<Item = (Role, &[u8])> {
        self.fragments.iter().map(|(role, range)| (*role, &self.bytes[range.clone()]))
    }

    /// Its fragments as JSON values: a member as the object that has it alone.
    pub(crate) fn values(&self) -> impl Iterator<Item = (Role, Cow<'_, [u8]>)> {
        self.fragments().map(|(role, bytes)| {
            let member = role.is_member().then(|| [b"{", bytes, b"}"].concat());
            (role, member.map_or(Cow::Borrowed(bytes), Cow::Owned))
        })
    }

    /// The images that it names.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// How many bytes of the document the part has.
    pub fn size(&self) -> usize {
        self.fragments.iter().map(|(_, range)| range.len()).sum()
    }

    /// SHA-256 of the bytes of the document that the part has, one after the other.
    pub fn digest(&self) -> Hash {
        Hash::concat(&self.fragments().map(|(_, bytes)| bytes).collect::<Vec<_>>())
    }
}

/// Joins all parts of a document, in the order of their numbers, and checks that cutting it gives these parts.
pub fn join(parts: &[Part]) -> Result<Vec<u8>, PartError> {
    if parts.len() > MAX_PARTS {
        return Err(PartError::Join);
    }
    let document = walk(parts).ok_or(PartError::Join)?;
    let order: Vec<u8> = parts
        .get(usize::from(REMAINDER))
        .and_then(|remainder| remainder.layout.as_ref())
        .into_iter()
        .flat_map(|layout| &layout.steps)
        .filter(|step| role_at(parts, step) == Some(Role::Section))
        .map(|step| step.part)
        .collect();
    let again = Cut::again(&document, &order).map(|cut| cut.parts()).ok_or(PartError::Join)?;
    // Images are no bytes of the document: the author adds them.
    let same = |(one, other): (&Part, &Part)| {
        one.number == other.number
            && one.fragments().eq(other.fragments())
            && layout_of(one) == layout_of(other)
    };
    if again.len() == parts.len() && again.iter().zip(parts).all(same) {
        Ok(document)
    } else {
        Err(PartError::Join)
    }
}

/// The layout as it is written; nothing for other parts than the remainder.
fn layout_of(part: &Part) -> Vec<(&[u8], u8, usize)> {
    let Some(layout) = &part.layout else { return Vec::new() };
    let glue = |range: &Range<usize>| &part.bytes[range.clone()];
    let steps = layout.steps.iter().map(|step| (glue(&step.glue), step.part, step.fragment));
    steps.chain([(glue(&layout.tail), 0, 0)]).collect()
}

fn role_at(parts: &[Part], step: &Step) -> Option<Role> {
    parts.get(usize::from(step.part))?.fragments.get(step.fragment).map(|(role, _)| *role)
}

fn walk(parts: &[Part]) -> Option<Vec<u8>> {
    let remainder = parts.get(usize::from(REMAINDER))?;
    let layout = remainder.layout.as_ref()?;
    let mut document = Vec::new();
    for step in &layout.steps {
        let part = parts.get(usize::from(step.part))?;
        let (_, fragment) = part.fragments.get(step.fragment)?;
        document.extend_from_slice(&remainder.bytes[step.glue.clone()]);
        document.extend_from_slice(&part.bytes[fragment.clone()]);
        (document.len() <= MAX_DOCUMENT).then_some(())?;
    }
    document.extend_from_slice(&remainder.bytes[layout.tail.clone()]);
    Some(document)
}

fn write(fragments: &[(Role, &[u8])], images: &[Image], layout: Option<(&Steps<'_>, &[u8])>) -> Vec<u8> {
    encode(|e| {
        e.array(if layout.is_some() { 4 } else { 2 })?.array(fragments.len() as u64)?;
        for (role, bytes) in fragments {
            e.array(2)?.u8(*role as u8)?.bytes(bytes)?;
        }
        e.array(images.len() as u64)?;
        for image in images {
            e.array(4)?.str(&image.locator)?.bytes(image.digest.as_bytes())?;
            e.u64(image.length)?.str(&image.media_type)?;
        }
        if let Some((steps, tail)) = layout {
            e.array(steps.len() as u64)?;
            for (glue, part, fragment) in steps {
                e.array(3)?.bytes(glue)?.u8(*part)?.u32(*fragment)?;
            }
            e.bytes(tail)?;
        }
        Ok(())
    })
}

/// Where the next byte string is within the input.
fn range(d: &mut Decoder<'_>) -> Option<Range<usize>> {
    let length = d.bytes().ok()?.len();
    Some(d.position() - length..d.position())
}

//! The resources of a document, and what their references lead to (FHIR R4, `references.html` and `bundle.html`).
//!
//! In scope: an exact `fullUrl`, the same under the base of whoever refers, `Type/id`, and `#id` for what the composition
//! contains. Out of scope: logical references (an identifier alone), canonical addresses, anything outside the document.

use std::collections::BTreeMap;

use crate::json::{Kind, Value};

/// Where a resource is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// An entry of the bundle.
    Entry,
    /// Contained in the composition.
    Contained,
}

/// A resource of the document.
pub(crate) struct Resource<'j> {
    pub(crate) place: Place,
    /// What carries it: the entry of the bundle, or the resource itself.
    pub(crate) carrier: Value<'j>,
    /// `None` for an entry without a resource.
    pub(crate) value: Option<Value<'j>>,
    pub(crate) full_url: Option<String>,
}

impl<'j> Resource<'j> {
    pub(crate) fn entry(carrier: Value<'j>) -> Self {
        let value = carrier.get("resource").filter(|value| value.kind() == Kind::Object);
        Self { place: Place::Entry, carrier, value, full_url: carrier.text_of("fullUrl") }
    }

    pub(crate) const fn contained(value: Value<'j>) -> Self {
        Self { place: Place::Contained, carrier: value, value: Some(value), full_url: None }
    }

    /// The type of the resource, such as `Patient`.
    pub(crate) fn kind(&self) -> Option<String> {
        self.value?.text_of("resourceType")
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind().is_some_and(|own| own == kind)
    }

    fn id(&self) -> Option<String> {
        self.value?.text_of("id")
    }
}

/// What a reference leads to.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// These resources, by their place in the list; two only if the document has two of one name.
    Inside(Vec<usize>),
    /// Nothing that the document has.
    Outside,
    /// The resource that refers, or something within it.
    Itself,
}

/// A reference as it stands in a resource.
pub(crate) struct Reference {
    pub(crate) text: String,
    /// What the author calls its target.
    pub(crate) display: Option<String>,
    /// Whether it is the address of an attachment: that may well lead outside.
    pub(crate) attachment: bool,
}

/// All references in a value.
pub(crate) fn references(value: Value<'_>) -> impl Iterator<Item = Reference> {
    value.all().filter(|object| object.kind() == Kind::Object).flat_map(|object| {
        let reference = object.text_of("reference").map(|text| {
            let display = object.text_of("display");
            Reference { text, display, attachment: false }
        });
        let attachment = object
            .text_of("url")
            .filter(|_| object.get("contentType").is_some())
            .map(|text| Reference { text, display: object.text_of("title"), attachment: true });
        reference.into_iter().chain(attachment)
    })
}

/// The resources of a document, by the names under which others refer to them.
pub(crate) struct Directory {
    full_urls: BTreeMap<String, Vec<usize>>,
    typed: BTreeMap<String, Vec<usize>>,
    contained: BTreeMap<String, Vec<usize>>,
}

impl Directory {
    pub(crate) fn new(resources: &[Resource<'_>]) -> Self {
        let mut directory =
            Self { full_urls: BTreeMap::new(), typed: BTreeMap::new(), contained: BTreeMap::new() };
        for (at, resource) in resources.iter().enumerate() {
            let add = |names: &mut BTreeMap<String, Vec<usize>>, name: String| {
                let known = names.entry(name).or_default();
                if known.last() != Some(&at) {
                    known.push(at);
                }
            };
            match resource.place {
                Place::Contained => {
                    if let Some(id) = resource.id() {
                        add(&mut directory.contained, id);
                    }
                }
                Place::Entry => {
                    if let Some(url) = &resource.full_url {
                        add(&mut directory.full_urls, url.clone());
                        if let Some(name) = type_and_id(url) {
                            add(&mut directory.typed, name.to_owned());
                        }
                    }
                    if let (Some(kind), Some(id)) = (resource.kind(), resource.id()) {
                        add(&mut directory.typed, format!("{kind}/{id}"));
                    }
                }
            }
        }
        directory
    }

    /// What `reference` leads to for a resource with this `full_url`; `contained` if it is the composition that refers, or
    /// what that contains.
    pub(crate) fn resolve(&self, reference: &str, full_url: Option<&str>, contained: bool) -> Target {
        let found = |names: &BTreeMap<String, Vec<usize>>, name: &str| names.get(name).cloned();
        if let Some(id) = reference.strip_prefix('#') {
            return match found(&self.contained, id).filter(|_| contained) {
                Some(targets) => Target::Inside(targets),
                None if contained && !id.is_empty() => Target::Outside,
                None => Target::Itself,
            };
        }
        let reference = reference.split("/_history/").next().unwrap_or_default();
        let base = full_url.and_then(|url| Some(&url[..url.len() - type_and_id(url)?.len()]));
        let by_url = found(&self.full_urls, reference)
            .or_else(|| found(&self.full_urls, &format!("{}{reference}", base?)));
        let by_type = || found(&self.typed, type_and_id(reference)?);
        by_url.or_else(by_type).map_or(Target::Outside, Target::Inside)
    }
}

/// The last two segments of an address, `Type/id`.
fn type_and_id(address: &str) -> Option<&str> {
    let (before_id, _) = address.rmatch_indices('/').next()?;
    let start = address[..before_id].rfind('/').map_or(0, |before_type| before_type + 1);
    let is_type = address[start..before_id].bytes().all(|c| c.is_ascii_alphanumeric());
    (is_type && address.as_bytes().get(start)?.is_ascii_uppercase()).then(|| &address[start..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    const ENTRIES: &str = r#"[
        {"fullUrl":"http://a.example/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1"}},
        {"fullUrl":"http://b.example/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1"}},
        {"fullUrl":"urn:uuid:77","resource":{"resourceType":"Condition","id":"c"}},
        {"resource":{"resourceType":"Device","id":"d"}}
    ]"#;

    #[test]
    fn references_lead_where_the_standard_says() {
        let json = Json::parse(ENTRIES.as_bytes()).unwrap();
        let contained = Json::parse(br#"{"resourceType":"Device","id":"d"}"#).unwrap();
        let mut resources: Vec<_> = json.root().inner().map(Resource::entry).collect();
        resources.push(Resource::contained(contained.root()));
        let directory = Directory::new(&resources);
        let from_b = Some("http://b.example/fhir/Composition/9");
        for (reference, from, contained, target) in [
            ("http://a.example/fhir/Patient/1", None, false, Target::Inside(vec![0])),
            ("http://a.example/fhir/Patient/1/_history/3", None, false, Target::Inside(vec![0])),
            ("Patient/1", from_b, false, Target::Inside(vec![1])),
            ("Patient/1", None, false, Target::Inside(vec![0, 1])),
            ("http://c.example/Patient/1", None, false, Target::Inside(vec![0, 1])),
            ("urn:uuid:77", from_b, false, Target::Inside(vec![2])),
            ("Condition/c", from_b, false, Target::Inside(vec![2])),
            ("Device/d", None, false, Target::Inside(vec![3])),
            ("#d", None, true, Target::Inside(vec![4])),
            ("#d", None, false, Target::Itself),
            ("#", None, true, Target::Itself),
            ("#e", None, true, Target::Outside),
            ("urn:uuid:78", None, false, Target::Outside),
            ("Patient/2", from_b, false, Target::Outside),
            ("", None, false, Target::Outside),
            ("/", None, false, Target::Outside),
        ] {
            assert_eq!(directory.resolve(reference, from, contained), target, "{reference}");
        }
    }
}

//! What the prefixes of a document mean (JSON-LD 1.1), judged without fetching anything.
//!
//! A document speaks GS1's vocabulary if it names GS1's context. It may add prefixes and terms of its own. A context that
//! would have to be fetched, or that gives a word of GS1's another meaning, could make a reader of JSON-LD see another
//! document than we do: it is refused wherever it stands.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::NAMESPACE;
use super::refused::WrongContext;
use super::shape::is_term;
use super::uri::is_uri;

/// What GS1's own context says of prefixes.
const PREFIXES: [(&str, &str); 8] = [
    ("epcis", EPCIS),
    ("cbv", "https://ref.gs1.org/cbv/"),
    ("cbvmda", MASTER_DATA),
    ("gs1", "https://gs1.org/voc/"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ("dcterms", "http://purl.org/dc/terms/"),
];
const EPCIS: &str = "https://ref.gs1.org/epcis/";
/// The namespace of master data about goods, such as their lot.
pub(super) const MASTER_DATA: &str = "urn:epcglobal:cbv:mda:";
/// Beginnings of names of goods, places and events: as prefixes they would turn all of these.
const SCHEMES: [&str; 7] = ["urn", "geo", "ni", "spiffe", "http", "https", "ftp"];
/// Most terms that a document defines.
const MAX_TERMS: usize = 1000;

/// The names of a document's members: what their prefixes stand for.
#[derive(Clone)]
pub(super) struct Names {
    terms: BTreeMap<String, String>,
    form: Form,
}

/// How a document writes names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With a prefix: `x:name`.
    Prefixed,
    /// With their namespace, as XML is read: `{http://x.example/}name`.
    Spelled,
}

impl Names {
    /// GS1's prefixes and ours.
    pub(super) fn gs1() -> Self {
        let all = PREFIXES.into_iter().chain([("countersign", NAMESPACE)]);
        let terms = all.map(|(name, iri)| (name.to_owned(), iri.to_owned())).collect();
        Self { terms, form: Form::Prefixed }
    }

    /// For a document whose names have their namespace with them.
    pub(super) fn spelled() -> Self {
        Self { terms: BTreeMap::new(), form: Form::Spelled }
    }

    /// Whether a member is a partner's own: its name is in a namespace.
    pub(super) fn are_own(&self, name: &str) -> bool {
        match self.form {
            Form::Prefixed => is_uri(name),
            Form::Spelled => name.starts_with('{'),
        }
    }

    /// Adds what a context says, and checks that it is GS1's or adds to it.
    pub(super) fn add(&mut self, context: &Value) -> Result<(), WrongContext> {
        match context {
            Value::String(address) if is_gs1(address) => Ok(()),
            Value::String(address) => Err(WrongContext::Remote(address.clone())),
            Value::Array(parts) => parts.iter().try_for_each(|part| self.add(part)),
            // Twice, since a term may build on one that comes after it.
            Value::Object(terms) => [terms, terms]
                .into_iter()
                .flatten()
                .try_for_each(|(term, meaning)| self.define(term, meaning)),
            other => Err(WrongContext::Remapped(other.to_string())),
        }
    }

    fn define(&mut self, term: &str, meaning: &Value) -> Result<(), WrongContext> {
        let remapped = || WrongContext::Remapped(term.to_owned());
        if term.starts_with('@') {
            // Neither says what a name means.
            return if matches!(term, "@version" | "@protected") { Ok(()) } else { Err(remapped()) };
        }
        let iri = match meaning {
            Value::String(iri) => Some(iri.as_str()),
            Value::Object(parts) if parts.keys().all(|key| PARTS.contains(&key.as_str())) => {
                parts.get("@id").map(|iri| iri.as_str().ok_or_else(remapped)).transpose()?
            }
            _ => return Err(remapped()),
        };
        if iri.is_some_and(|iri| iri.starts_with('@')) {
            return Err(remapped());
        }
        let iri = iri.map(|iri| self.expand(iri).into_owned());
        let fixed = Self::gs1().terms.remove(term);
        let theirs = self.expand(term).into_owned();
        let is_word = is_term(term)
            || SCHEMES.contains(&term)
            || PREFIXES.iter().take(4).any(|(_, gs1)| theirs.starts_with(gs1));
        match iri {
            Some(iri) if fixed.as_ref().is_some_and(|fixed| *fixed == iri) => Ok(()),
            _ if is_word || fixed.is_some() => Err(remapped()),
            Some(_) if self.terms.len() == MAX_TERMS => Err(remapped()),
            Some(iri) => {
                self.terms.insert(term.to_owned(), iri);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A name with its prefix replaced by what it stands for.
    pub(super) fn expand<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.split(name) {
            Some((namespace, local)) => Cow::Owned(format!("{namespace}{local}")),
            None => Cow::Borrowed(name),
        }
    }

    /// The namespace of a prefixed name, and the rest of it.
    pub(super) fn split<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a str)> {
        if self.form == Form::Spelled {
            return self.spelled_out(name);
        }
        let (prefix, local) = name.split_once(':').filter(|(_, local)| !local.starts_with("//"))?;
        Some((self.terms.get(prefix)?, local))
    }

    /// The namespace that a name has with it, and the rest of it.
    pub(super) fn spelled_out<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        name.strip_prefix('{').filter(|_| self.form == Form::Spelled)?.rsplit_once('}')
    }

    /// Checks the contexts within a member of an event, and that it does not say in other words what GS1's context has a
    /// word for.
    pub(super) fn judge(&self, name: &str, value: &Value) -> Result<(), WrongContext> {
        if self.expand(name).starts_with(EPCIS) {
            return Err(WrongContext::Remapped(name.to_owned()));
        }
        match value {
            _ if name == "@context" => self.clone().add(value),
            Value::Array(values) => values.iter().try_for_each(|value| self.judge("", value)),
            Value::Object(members) => members.iter().try_for_each(|(name, value)| self.judge(name, value)),
            _ => Ok(()),
        }
    }

    /// The prefixes that are not GS1's and ours, as a context.
    pub(super) fn own(&self) -> Map<String, Value> {
        let known = Self::gs1().terms;
        let own = self.terms.iter().filter(|(name, _)| !known.contains_key(*name));
        own.map(|(name, iri)| (name.clone(), Value::String(iri.clone()))).collect()
    }
}

/// What the definition of a term may say. All else, above all a context of its own, is refused.
const PARTS: [&str; 5] = ["@id", "@type", "@container", "@language", "@protected"];

/// Whether a document's context names GS1's.
pub(super) fn names_gs1(context: &Value) -> bool {
    match context {
        Value::String(address) => is_gs1(address),
        Value::Array(parts) => parts.iter().any(names_gs1),
        _ => false,
    }
}

/// Whether an address is one of GS1's context for EPCIS, of any version.
fn is_gs1(address: &str) -> bool {
    let rest = ["https://ref.gs1.org/standards/epcis/", "https://gs1.github.io/EPCIS/"]
        .iter()
        .find_map(|start| address.strip_prefix(start));
    let Some((version, file)) = rest.map(|rest| rest.split_once('/').unwrap_or(("", rest))) else {
        return false;
    };
    version.bytes().all(|c| c.is_ascii_digit() || c == b'.')
        && matches!(file, "epcis-context.jsonld" | "epcis-context-simple.jsonld")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn add(context: &Value) -> Result<Names, WrongContext> {
        let mut names = Names::gs1();
        names.add(context).map(|()| names)
    }

    #[test]
    fn own_prefixes_are_read_whatever_they_are_called() {
        let names = add(&json!([
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            { "x": "http://x.example/", "mda": "more:", "more": "cbvmda:", "cbvmda": MASTER_DATA, "@version": 1.1 },
            { "x:count": { "@id": "x:count", "@type": "xsd:integer" }, "rail:axles": { "@type": "xsd:integer" } },
        ]))
        .unwrap();
        assert_eq!(names.expand("mda:lotNumber"), "urn:epcglobal:cbv:mda:lotNumber");
        assert_eq!(names.expand("x:colour"), "http://x.example/colour");
        assert_eq!(names.expand("http://x.example"), "http://x.example");
    }

    #[test]
    fn what_must_be_fetched_or_turns_a_word_is_refused() {
        for address in [
            "https://example.com/context",
            "https://ref.gs1.org/standards/epcis/../x/epcis-context.jsonld",
            "https://ref.gs1.org/standards/epcis/2.0.0/evil.jsonld",
            "https://ref.gs1.org.example.com/standards/epcis/epcis-context.jsonld",
            "epcis-context.jsonld",
        ] {
            assert_eq!(add(&json!([address])).err(), Some(WrongContext::Remote(address.into())));
        }
        for terms in [
            json!({ "cbvmda": "urn:other:" }),
            json!({ "cbvmda": { "@id": "urn:other:" } }),
            json!({ "cbvmda:lotNumber": "urn:other:" }),
            json!({ "urn:epcglobal:cbv:mda:lotNumber": "urn:other:" }),
            json!({ "https://ref.gs1.org/cbv/BizStep-shipping": "urn:other:" }),
            json!({ "epcList": "urn:other:" }),
            json!({ "errorDeclaration": { "@type": "@id" } }),
            json!({ "shipping": "urn:other:" }),
            json!({ "countersign": "urn:other:" }),
            json!({ "kind": "@type" }),
            json!({ "urn": "http://x.example/" }),
            json!({ "x": { "@id": "urn:x:", "@context": "https://example.com/context" } }),
            json!({ "x": { "@reverse": "urn:x:" } }),
            json!({ "x": null }),
            json!({ "@vocab": "urn:x:" }),
            json!({ "@base": "urn:x:" }),
            json!({ "@import": "https://example.com/context" }),
            json!(null),
            json!(7),
        ] {
            assert!(matches!(add(&json!([terms])), Err(WrongContext::Remapped(_))), "{terms}");
        }
    }

    #[test]
    fn contexts_within_an_event_are_judged_and_no_word_is_said_twice() {
        let names = Names::gs1();
        let good = json!({ "type": "ObjectEvent", "x:y": { "@context": { "z": "urn:z:" }, "z:a": 1 } });
        assert_eq!(names.judge("", &good), Ok(()));
        for bad in [
            json!({ "x:y": [{ "@context": "https://example.com/context" }] }),
            json!({ "readPoint": { "@context": { "cbvmda": "urn:z:" } } }),
            json!({ "epcis:errorDeclaration": {} }),
            json!({ "https://ref.gs1.org/epcis/bizStep": "shipping" }),
        ] {
            assert!(names.judge("", &bad).is_err(), "{bad}");
        }
    }
}

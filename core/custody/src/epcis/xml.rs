//! The XML binding of EPCIS 1.0 to 2.1, read as the JSON binding of EPCIS 2.0 would write it.
//!
//! Elements of EPCIS become members of their name, whether 1.2 wraps them into `extension` or not; elements of another
//! namespace become members whose name has the namespace with it: `{http://x.example/}colour`. There is no DTD and there
//! are no entities but XML's own.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Number, Value};

use super::MAX_EVENTS;
use super::context::{MASTER_DATA, Names};
use super::found::{Found, created, missing, version};
use super::refused::{Fault, NotADocument, NotTaken};
use super::shape::is_event_type;

/// The namespace of `nil`, `type` and the like, which say how a document is written.
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Most elements, texts and comments: some 250,000 serial numbers, each on its line.
const MAX_NODES: u32 = 1_000_000;
/// How deep elements may be in one another.
const MAX_DEPTH: usize = 64;
/// Most attributes of an element, and most declarations of namespaces: a tree's maker compares those of an element with one
/// another, and keeps those of its parents for each element that adds to them.
const MAX_ATTRIBUTES: usize = 256;
const MAX_NAMESPACES: usize = 10_000;
/// Most declarations times tags: each name is looked up among the declarations.
const MAX_LOOKUPS: usize = 2_000_000_000;

/// Gives each event of a document to `take`, in order.
pub(super) fn events(text: &str, take: &mut dyn FnMut(Result<Found, NotTaken>)) -> Result<(), NotADocument> {
    if is_crowded(text) {
        let reason = "too many attributes or namespaces: declare each namespace once, at the root";
        return Err(NotADocument::Malformed(reason.to_owned()));
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options);
    let document = document.map_err(|error| match error {
        roxmltree::Error::DtdDetected => {
            NotADocument::Malformed("a DTD is not read: remove its DOCTYPE".to_owned())
        }
        error => NotADocument::Malformed(error.to_string()),
    })?;
    let root = document.root_element();
    let kind = word(root).unwrap_or_default();
    let path: &[&str] = match kind {
        "EPCISDocument" => &["EPCISBody", "EventList"],
        "EPCISQueryDocument" => &["EPCISBody", "QueryResults", "resultsBody", "EventList"],
        kind if is_event_type(kind) => {
            take(found(root));
            return Ok(());
        }
        _ => return Err(NotADocument::Other(root.tag_name().name().to_owned())),
    };
    let schema = root.attribute("schemaVersion").ok_or_else(|| missing("schemaVersion"))?;
    version(kind, schema, &["1.0", "1.1", "1.2", "2.0", "2.1"])?;
    match root.attribute("creationDate") {
        Some(date) => created(date)?,
        None if kind == "EPCISDocument" => return Err(missing("creationDate")),
        None => {}
    }
    let mut list = root;
    for name in path {
        list = elements(list).find(|one| word(*one) == Some(name)).ok_or_else(|| missing(name))?;
    }
    let mut events = Vec::new();
    gather(list, MAX_DEPTH, &mut events);
    if events.len() > MAX_EVENTS {
        return Err(NotADocument::TooManyEvents);
    }
    for one in events {
        take(found(one));
    }
    Ok(())
}

/// Whether a document has more attributes or namespaces than can be read in a time that grows with its length. No
/// attribute is without `=`, and none has a `<` in it.
fn is_crowded(text: &str) -> bool {
    let attributes = |tag: &str| tag.bytes().filter(|c| *c == b'=').count();
    let (tags, namespaces) = (text.matches('<').count(), text.matches("xmlns").count());
    namespaces > MAX_NAMESPACES
        || namespaces.saturating_mul(tags) > MAX_LOOKUPS
        || text.split('<').any(|tag| attributes(tag) > MAX_ATTRIBUTES)
}

/// The events of a list; newer types are within `extension` in EPCIS 1.2.
fn gather<'a>(list: Node<'a, 'a>, depth: usize, events: &mut Vec<Node<'a, 'a>>) {
    for one in elements(list) {
        match word(one) {
            Some("extension") if depth > 0 => gather(one, depth - 1, events),
            _ if events.len() > MAX_EVENTS => return,
            _ => events.push(one),
        }
    }
}

/// The name of an element of EPCIS.
fn word<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let namespace = node.tag_name().namespace();
    namespace.is_none_or(|uri| uri.starts_with("urn:epcglobal:epcis")).then(|| node.tag_name().name())
}

/// The name of any element, or attribute: with its namespace, if that is not EPCIS.
fn spelled(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        None => name.to_owned(),
        Some(uri) if uri.starts_with("urn:epcglobal:epcis") => name.to_owned(),
        // Its documents write this namespace with and without the colon.
        Some("urn:epcglobal:cbv:mda") => format!("{{{MASTER_DATA}}}{name}"),
        Some(uri) => format!("{{{uri}}}{name}"),
    }
}

fn name(node: Node<'_, '_>) -> String {
    spelled(node.tag_name().namespace(), node.tag_name().name())
}

/// The elements within one, but those that say that they are absent.
fn elements<'a>(node: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    let nil = (INSTANCE, "nil");
    node.children().filter(move |one| one.is_element() && !matches!(one.attribute(nil), Some("true" | "1")))
}

/// The text of an element, without what is around it.
fn text(node: Node<'_, '_>) -> String {
    let parts: String = node.children().filter(Node::is_text).filter_map(|part| part.text()).collect();
    parts.trim().to_owned()
}

fn found(node: Node<'_, '_>) -> Result<Found, NotTaken> {
    let mut members = Map::new();
    event(node, MAX_DEPTH, &mut members)?;
    let kind = word(node).map_or_else(|| name(node).replace(['{', '}'], ""), str::to_owned);
    members.insert("type".to_owned(), kind.into());
    Ok(Found { members, names: Names::spelled(), context: Ok(()) })
}

fn event(node: Node<'_, '_>, depth: usize, members: &mut Map<String, Value>) -> Result<(), NotTaken> {
    let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
    for child in elements(node) {
        let Some(word) = word(child) else {
            own(members, child, depth)?;
            continue;
        };
        let value = match word {
            "extension" | "baseExtension" => {
                event(child, depth, members)?;
                continue;
            }
            "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" => texts(child, "epc")?,
            "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
                list(child, "quantityElement", |one| {
                    object(one, depth, |word, one| Ok(scalar(word, text(one))))
                })?
            }
            "bizTransactionList" => list(child, "bizTransaction", |one| Ok(typed(one)))?,
            "sourceList" => list(child, "source", |one| Ok(typed(one)))?,
            "destinationList" => list(child, "destination", |one| Ok(typed(one)))?,
            "readPoint" | "bizLocation" => object(child, depth, |_, one| Ok(text(one).into()))?,
            "persistentDisposition" => dispositions(child),
            "errorDeclaration" => object(child, depth, |word, one| match word {
                "correctiveEventIDs" => texts(one, "correctiveEventID"),
                _ => Ok(text(one).into()),
            })?,
            "sensorElementList" => list(child, "sensorElement", |one| sensor(one, depth))?,
            "ilmd" => object(child, depth, |_, one| whole(one, depth))?,
            "certificationInfo" => {
                more(members, word.to_owned(), text(child).into());
                continue;
            }
            _ if elements(child).next().is_some() => return Err(fault(word, "not a text").into()),
            _ => text(child).into(),
        };
        if members.insert(word.to_owned(), value).is_some() {
            return Err(fault(word, "there twice").into());
        }
    }
    Ok(())
}

fn too_deep() -> NotTaken {
    NotTaken::Malformed("its elements are too deep in one another".to_owned())
}

fn fault(field: &str, is: &'static str) -> Fault {
    Fault { field: field.to_owned(), is }
}

/// The texts of the elements of this name.
fn texts(node: Node<'_, '_>, of: &'static str) -> Result<Value, NotTaken> {
    list(node, of, |one| Ok(text(one).into()))
}

/// A list of elements of this name, and of no other.
fn list<'a>(
    node: Node<'a, 'a>,
    of: &'static str,
    read: impl Fn(Node<'a, 'a>) -> Result<Value, NotTaken>,
) -> Result<Value, NotTaken> {
    let mut values = Vec::new();
    for one in elements(node) {
        match word(one) {
            Some(word) if word == of => values.push(read(one)?),
            Some("extension") => {}
            _ => return Err(fault(node.tag_name().name(), "a list with an element of another kind").into()),
        }
    }
    Ok(values.into())
}

/// An element whose elements of EPCIS are read so.
fn object<'a>(
    node: Node<'a, 'a>,
    depth: usize,
    read: impl Fn(&str, Node<'a, 'a>) -> Result<Value, NotTaken>,
) -> Result<Value, NotTaken> {
    let mut members = Map::new();
    for one in elements(node) {
        match word(one) {
            Some("extension") => {
                for one in elements(one) {
                    own(&mut members, one, depth)?;
                }
            }
            Some(word) => {
                if members.insert(word.to_owned(), read(word, one)?).is_some() {
                    return Err(fault(word, "there twice").into());
                }
            }
            None => own(&mut members, one, depth)?,
        }
    }
    Ok(members.into())
}

/// A business transaction, a source or a destination: its type is an attribute.
fn typed(node: Node<'_, '_>) -> Value {
    let mut members = Map::new();
    if let Some(kind) = node.attribute("type") {
        members.insert("type".to_owned(), kind.trim().into());
    }
    members.insert(node.tag_name().name().to_owned(), text(node).into());
    members.into()
}

fn dispositions(node: Node<'_, '_>) -> Value {
    let mut members = Map::new();
    for one in elements(node) {
        let list = members.entry(name(one)).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(text(one).into());
        }
    }
    members.into()
}

fn sensor(node: Node<'_, '_>, depth: usize) -> Result<Value, NotTaken> {
    let mut members = Map::new();
    let mut reports = Vec::new();
    for one in elements(node) {
        match word(one) {
            Some("sensorMetadata") => {
                members.insert("sensorMetadata".to_owned(), attributes(one));
            }
            Some("sensorReport") => reports.push(attributes(one)),
            _ => own(&mut members, one, depth)?,
        }
    }
    members.insert("sensorReport".to_owned(), reports.into());
    Ok(members.into())
}

fn attributes(node: Node<'_, '_>) -> Value {
    let read = |one: roxmltree::Attribute<'_, '_>| {
        let name = spelled(one.namespace(), one.name());
        let value = scalar(&name, one.value().trim().to_owned());
        (name, value)
    };
    Value::Object(node.attributes().filter(|one| one.namespace() != Some(INSTANCE)).map(read).collect())
}

/// A value that XML writes as text, as JSON writes it.
fn scalar(name: &str, text: String) -> Value {
    const NUMBERS: [&str; 8] =
        ["quantity", "value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];
    match (name, text.as_str()) {
        ("booleanValue", "true" | "1") => true.into(),
        ("booleanValue", "false" | "0") => false.into(),
        (name, number) if NUMBERS.contains(&name) => {
            let whole = number.parse::<u64>().ok().map(Number::from);
            let number = whole.or_else(|| Number::from_f64(number.parse().ok()?));
            number.map_or_else(|| Value::String(text), Value::Number)
        }
        _ => text.into(),
    }
}

/// Adds a partner's own element.
fn own(members: &mut Map<String, Value>, node: Node<'_, '_>, depth: usize) -> Result<(), NotTaken> {
    let value = whole(node, depth)?;
    more(members, name(node), value);
    Ok(())
}

/// Adds a value; several of one name are a list.
fn more(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        None => {
            members.insert(name, value);
        }
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

/// An element with all that is in it.
fn whole(node: Node<'_, '_>, depth: usize) -> Result<Value, NotTaken> {
    let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
    let mut members = Map::new();
    for one in elements(node) {
        own(&mut members, one, depth)?;
    }
    for one in node.attributes().filter(|one| one.namespace() != Some(INSTANCE)) {
        members.insert(spelled(one.namespace(), one.name()), one.value().into());
    }
    let text = text(node);
    if members.is_empty() {
        return Ok(text.into());
    }
    if !text.is_empty() {
        members.insert("text".to_owned(), text.into());
    }
    Ok(members.into())
}

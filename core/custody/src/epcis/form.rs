//! The forms in which documents come, read to one shape: events as the JSON binding of EPCIS 2.0 writes them.
//!
//! In scope: `EPCISDocument`, `EPCISQueryDocument` and single events; JSON-LD of EPCIS 2.0 and 2.1, XML of EPCIS 1.0 to 2.1;
//! UTF-8 and UTF-16. Out of scope: master data, queries themselves, other encodings.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::context::{self, Names};
use super::found::{Found, created, missing, version};
use super::refused::{Fault, NotADocument, NotTaken, WrongContext};
use super::shape::is_event_type;
use super::uri::is_uri;
use super::{MAX_DOCUMENT, MAX_EVENTS, json, xml};

/// Longest context.
const MAX_CONTEXT: usize = 64 * 1024;
/// The members of a document, besides those with a prefix.
const MEMBERS: [&str; 10] = [
    "@context",
    "id",
    "type",
    "schemaVersion",
    "creationDate",
    "instanceIdentifier",
    "sender",
    "receiver",
    "epcisHeader",
    "epcisBody",
];

/// Gives each event of a document to `take`, in order.
pub(super) fn events(
    bytes: &[u8],
    take: &mut dyn FnMut(Result<Found, NotTaken>),
) -> Result<(), NotADocument> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(NotADocument::TooLarge);
    }
    let text = text(bytes)?;
    if text.trim_start().starts_with('<') { xml::events(&text, take) } else { in_json(&text, take) }
}

/// The text of a document: UTF-8, or UTF-16 with or without a byte-order mark.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, NotADocument> {
    let utf_16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.ok().filter(|_| rest.is_empty()).map(Cow::Owned).ok_or(NotADocument::Encoding)
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).map(Cow::Borrowed),
        [0xff, 0xfe, rest @ ..] => return utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf_16(rest, u16::from_be_bytes),
        // A document begins with a character of ASCII, and has no NUL.
        [_, 0, ..] => return utf_16(bytes, u16::from_le_bytes),
        [0, _, ..] => return utf_16(bytes, u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).map(Cow::Borrowed),
    }
    .map_err(|_| NotADocument::Encoding)
}

fn in_json(text: &str, take: &mut dyn FnMut(Result<Found, NotTaken>)) -> Result<(), NotADocument> {
    let document = members(text)?;
    let kind = text_of(&document, "type")?.ok_or_else(|| missing("type"))?;
    let list = match kind.as_str() {
        "EPCISDocument" => {
            let body = within(&document, "epcisBody", "epcisBody")?;
            check(&document, &kind, true)?;
            list(&body, "epcisBody.eventList")?
        }
        "EPCISQueryDocument" => {
            let body = within(&document, "epcisBody", "epcisBody")?;
            let results = within(&body, "queryResults", "epcisBody.queryResults")?;
            let results = within(&results, "resultsBody", "epcisBody.queryResults.resultsBody")?;
            check(&document, &kind, false)?;
            list(&results, "epcisBody.queryResults.resultsBody.eventList")?
        }
        kind if is_event_type(kind) => {
            let names = names(&document)?;
            take(event(text, &names));
            return Ok(());
        }
        _ => return Err(NotADocument::Other(kind)),
    };
    let names = names(&document)?;
    let events = json::elements(list.get(), MAX_EVENTS).map_err(malformed)?;
    if events.len() > MAX_EVENTS {
        return Err(NotADocument::TooManyEvents);
    }
    for one in events {
        take(event(one.get(), &names));
    }
    Ok(())
}

type Members<'a> = Vec<(String, &'a RawValue)>;

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn malformed(error: serde_json::Error) -> NotADocument {
    NotADocument::Malformed(error.to_string())
}

fn members(text: &str) -> Result<Members<'_>, NotADocument> {
    json::members(text).map_err(malformed)
}

fn member<'a>(members: &Members<'a>, name: &str) -> Option<&'a RawValue> {
    members.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
}

fn within<'a>(of: &Members<'a>, name: &str, path: &str) -> Result<Members<'a>, NotADocument> {
    members(member(of, name).ok_or_else(|| missing(path))?.get())
}

fn list<'a>(of: &Members<'a>, path: &str) -> Result<&'a RawValue, NotADocument> {
    member(of, "eventList").ok_or_else(|| missing(path))
}

fn text_of(members: &Members<'_>, name: &str) -> Result<Option<String>, NotADocument> {
    let text = member(members, name).map(|value| serde_json::from_str(value.get())).transpose();
    text.map_err(|_| NotADocument::Invalid(Fault { field: name.to_owned(), is: "not a text" }))
}

/// Checks what is around the body.
fn check(document: &Members<'_>, kind: &str, complete: bool) -> Result<(), NotADocument> {
    match text_of(document, "schemaVersion")? {
        Some(number) => version(kind, &number, &["2.0", "2.1"])?,
        None if complete => return Err(missing("schemaVersion")),
        None => {}
    }
    match text_of(document, "creationDate")? {
        Some(date) => created(&date)?,
        None if complete => return Err(missing("creationDate")),
        None => {}
    }
    for (name, _) in document {
        if !MEMBERS.contains(&name.as_str()) && !is_uri(name) {
            return Err(NotADocument::Invalid(Fault {
                field: name.clone(),
                is: "unknown: names of one's own need a prefix",
            }));
        }
    }
    Ok(())
}

/// What the names in a document mean, by its context.
fn names(document: &Members<'_>) -> Result<Names, NotADocument> {
    let context = member(document, "@context").ok_or(WrongContext::Missing)?;
    let context = Some(context.get()).filter(|context| context.len() <= MAX_CONTEXT);
    let context = json::value(context.ok_or(WrongContext::TooLong)?).map_err(malformed)?;
    let mut names = Names::gs1();
    names.add(&context)?;
    if context::names_gs1(&context) { Ok(names) } else { Err(WrongContext::Missing.into()) }
}

fn event(text: &str, names: &Names) -> Result<Found, NotTaken> {
    let value = json::value(text).map_err(|error| NotTaken::Malformed(error.to_string()))?;
    let Value::Object(members) = value else { return Err(NotTaken::Malformed("not an object".to_owned())) };
    let mut names = names.clone();
    let own = members.get("@context").map_or(Ok(()), |context| names.add(context));
    let context = own.and_then(|()| members.iter().try_for_each(|(name, value)| names.judge(name, value)));
    Ok(Found { members, names, context })
}

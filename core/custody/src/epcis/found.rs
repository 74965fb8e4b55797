//! What both bindings lead to, and what both are checked for.

use serde_json::{Map, Value};

use super::context::Names;
use super::refused::{Fault, NotADocument, WrongContext};
use super::time;

/// An event as it was found.
pub(super) struct Found {
    /// Its members.
    pub(super) members: Map<String, Value>,
    /// What the prefixes of their names mean.
    pub(super) names: Names,
    /// Whether the contexts within it can be followed.
    pub(super) context: Result<(), WrongContext>,
}

/// Checks that a version is one that is read.
pub(super) fn version(kind: &str, version: &str, known: &[&str]) -> Result<(), NotADocument> {
    let is = |known: &&str| {
        version == *known || version.strip_prefix(*known).is_some_and(|rest| rest.starts_with('.'))
    };
    let digits = version.bytes().all(|c| c.is_ascii_digit() || c == b'.') && !version.ends_with('.');
    if digits && known.iter().any(is) {
        Ok(())
    } else {
        Err(NotADocument::Other(format!("{kind} {version}")))
    }
}

/// Checks when a document was made.
pub(super) fn created(date: &str) -> Result<(), NotADocument> {
    let is = "not a time with its zone, such as 2026-11-30T12:00:00Z";
    let fault = || NotADocument::Invalid(Fault { field: "creationDate".to_owned(), is });
    time::moment(date).map(|_| ()).ok_or_else(fault)
}

/// That a document lacks this.
pub(super) fn missing(field: &str) -> NotADocument {
    NotADocument::Invalid(Fault { field: field.to_owned(), is: "missing" })
}

//! Digital Link URIs (GS1 Digital Link: URI Syntax, sections 3 and 4), read and written.

use super::MAX_TEXT;
use super::ai::Ai;
use super::compressed;
use super::draft::Draft;
use super::error::{Gs1Error, LinkFault, NoLink};
use super::escape::{Place, encode};
use super::message::{Element, Message};
use super::partner::Partners;
use super::raw::Raw;

const CANONICAL_STEM: &str = "https://id.gs1.org";

impl Message {
    /// From a Digital Link URI. The domain is neither fetched nor trusted.
    pub fn from_link(uri: &str, partners: Partners) -> Result<Message, Gs1Error> {
        read(uri)?.finish(partners)
    }

    /// From a Digital Link whose last segment is compressed. Any short path may look like one, so this is tried only on
    /// a link that names no key, and accepted only if every rule is satisfied.
    pub fn from_compressed_link(uri: &str, partners: Partners) -> Result<Message, Gs1Error> {
        read_compressed(uri)?.finish(partners)
    }

    /// The canonical Digital Link URI, on `https://id.gs1.org`.
    pub fn to_link(&self) -> Result<String, NoLink> {
        self.to_link_on(CANONICAL_STEM)
    }

    /// The same on another stem, such as `https://brand.example`.
    pub fn to_link_on(&self, stem: &str) -> Result<String, NoLink> {
        Ok(format!("{stem}{}", write(self)?))
    }

    /// What stands before the key in the Digital Link that this was read from: scheme and domain, in lower case, and perhaps a
    /// path. Of a compressed link scheme and domain.
    #[must_use]
    pub fn stem(&self, uri: &str) -> Option<String> {
        let (before, _) = uri.split_at(uri.find(['?', '#']).unwrap_or(uri.len()));
        let before = before.trim_end_matches('/');
        let scheme = before.find("://")? + 3;
        let domain = scheme + before[scheme..].find('/')?;
        let key = match 2 * self.path {
            0 => domain,
            segments => before.rmatch_indices('/').nth(segments - 1)?.0,
        };
        Some(format!("{}{}", before[..domain].to_ascii_lowercase(), before.get(domain..key)?))
    }
}

/// Whether a text looks like a web link, so that it is parsed as a Digital Link and not as plain text.
pub(super) fn is_web_link(text: &str) -> bool {
    strip_scheme(text).is_some()
}

/// The path from the rightmost key on, then the query; a fragment is ignored.
fn read(uri: &str) -> Result<Draft, Gs1Error> {
    if uri.len() > MAX_TEXT {
        return Err(Gs1Error::TooMuchText);
    }
    let (path, query) = split(uri).map_err(Gs1Error::Link)?;
    let mut raw = Raw::default();
    raw.read_path(path)?;
    let path = raw.values.len();
    raw.read_query(query)?;
    raw.check_places(path).map_err(Gs1Error::Link)?;
    let mut draft = Draft { path, ignored: raw.ignored, ..Draft::default() };
    for (ai, value) in raw.values {
        draft.push(ai, &value)?;
    }
    Ok(draft)
}

/// The last segment of the path compressed, after a plain key or alone; then the query.
fn read_compressed(uri: &str) -> Result<Draft, Gs1Error> {
    if uri.len() > MAX_TEXT {
        return Err(Gs1Error::TooMuchText);
    }
    let (path, query) = split(uri).map_err(Gs1Error::Link)?;
    let mut raw = Raw::default();
    let (before, segment) = path.rsplit_once('/').unwrap_or(("", path));
    match raw.read_path(before) {
        Ok(()) | Err(Gs1Error::Link(LinkFault::NoKey)) => {}
        Err(error) => return Err(error),
    }
    compressed::read(segment, &mut raw)?;
    raw.read_query(query)?;
    if !raw.values.iter().any(|(ai, _)| ai.path.is_some()) {
        return Err(Gs1Error::Link(LinkFault::NoKey));
    }
    let mut draft = Draft { ignored: raw.ignored, ..Draft::default() };
    for (ai, value) in raw.values {
        draft.push(ai, &value)?;
    }
    Ok(draft)
}

/// What follows the stem: key and qualifiers in the path, the rest in the query, values of predefined length first,
/// otherwise as read.
fn write(message: &Message) -> Result<String, NoLink> {
    let path = if message.path > 0 {
        message.elements[..message.path].iter().collect()
    } else {
        choose_path(message)?
    };
    let mut uri = String::new();
    for element in &path {
        uri.extend(["/", element.ai.code, "/", &encode(&element.value, Place::Path)]);
    }
    let mut written: Vec<&Ai> = path.iter().map(|element| element.ai).collect();
    let (fixed, other): (Vec<_>, Vec<_>) = message.elements.iter().partition(|element| element.ai.fixed);
    let mut joint = '?';
    for element in fixed.into_iter().chain(other) {
        if written.contains(&element.ai) {
            continue;
        }
        if !element.ai.query {
            return Err(NoLink::NotAnAttribute(element.ai.code));
        }
        uri.push(joint);
        uri.extend([element.ai.code, "=", &encode(&element.value, Place::Query)]);
        written.push(element.ai);
        joint = '&';
    }
    Ok(uri)
}

/// The canonical link of a key and its qualifiers, in the order given.
pub(crate) fn canonical_path<'a>(pairs: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> String {
    let mut uri = CANONICAL_STEM.to_owned();
    for (code, value) in pairs {
        uri.extend(["/", code, "/", &encode(value, Place::Path)]);
    }
    uri
}

/// The first key of the message with as many of its qualifiers as one of its orders allows.
fn choose_path(message: &Message) -> Result<Vec<&Element>, NoLink> {
    let find = |code: &&str| message.elements.iter().find(|element| element.ai.code == *code);
    let key = message.elements.iter().find(|element| element.ai.path.is_some()).ok_or(NoLink::NoKey)?;
    let mut best = Vec::new();
    for order in key.ai.path.unwrap_or_default() {
        let found: Vec<&Element> = order.iter().filter_map(find).collect();
        if found.len() > best.len() {
            best = found;
        }
    }
    best.insert(0, key);
    Ok(best)
}

/// Only the lower-case and the upper-case form of a scheme: a reader that accepts others would disagree with other
/// readers.
fn strip_scheme(uri: &str) -> Option<&str> {
    ["https://", "HTTPS://", "http://", "HTTP://"].iter().find_map(|scheme| uri.strip_prefix(scheme))
}

/// The path after the domain, and the query.
fn split(uri: &str) -> Result<(&str, &str), LinkFault> {
    let in_uri = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if !uri.bytes().all(in_uri) {
        return Err(LinkFault::Character);
    }
    let rest = strip_scheme(uri).ok_or(LinkFault::Scheme)?;
    let (domain, rest) = rest.split_once('/').ok_or(LinkFault::Domain)?;
    let in_domain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    if domain.is_empty() || !domain.bytes().all(in_domain) {
        return Err(LinkFault::Domain);
    }
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    Ok(rest.split_once('?').unwrap_or((rest, "")))
}

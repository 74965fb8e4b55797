//! Digital Link URIs (GS1 Digital Link: URI Syntax, sections 3 and 4), read and written.

use super::MAX_TEXT;
use super::ai::Ai;
use super::bracket::check_length;
use super::compressed;
use super::error::{Gs1Error, LinkFault, NoLink};
use super::escape::{Place, decode, encode};
use super::message::{Draft, Element, MAX_ELEMENTS, Message};

const CANONICAL_STEM: &str = "https://id.gs1.org";

/// Whether a text looks like a web link, so that it is parsed as a Digital Link and not as plain text.
pub(super) fn is_web_link(text: &str) -> bool {
    strip_scheme(text).is_some()
}

/// The path from the rightmost key on, then the query; a fragment is ignored.
pub(super) fn read(uri: &str) -> Result<Draft, Gs1Error> {
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
pub(super) fn read_compressed(uri: &str) -> Result<Draft, Gs1Error> {
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

/// Key and qualifiers in the path, the rest in the query: values of predefined length first, otherwise as read.
pub(super) fn write(message: &Message) -> Result<String, NoLink> {
    let path = if message.path > 0 {
        message.elements[..message.path].iter().collect()
    } else {
        choose_path(message)?
    };
    let pairs: Vec<_> = path.iter().map(|element| (element.ai.code, element.value.as_str())).collect();
    let mut uri = canonical_path(&pairs);
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

/// The parts of a link, before the values are checked.
#[derive(Default)]
pub(super) struct Raw {
    values: Vec<(&'static Ai, Vec<u8>)>,
    pub(super) ignored: Vec<String>,
}

impl Raw {
    fn read_path(&mut self, path: &str) -> Result<(), Gs1Error> {
        let segments: Vec<&str> = path.split('/').collect();
        let (_, pairs) = segments.as_rchunks::<2>();
        let mut root = None;
        for (index, [code, _]) in pairs.iter().enumerate().rev() {
            let Some(ai) = Ai::by_code(code) else { break };
            if ai.path.is_some() {
                root = Some(index);
                break;
            }
        }
        for [code, value] in &pairs[root.ok_or(Gs1Error::Link(LinkFault::NoKey))?..] {
            let ai = Ai::by_code(code).ok_or(Gs1Error::UnknownAi)?;
            self.push(ai, value, Place::Path)?;
        }
        Ok(())
    }

    fn read_query(&mut self, query: &str) -> Result<(), Gs1Error> {
        for parameter in query.split(['&']).filter(|parameter| !parameter.is_empty()) {
            let name_and_value = parameter.split_once('=');
            let number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            match name_and_value {
                Some((name, value)) if number(name) => {
                    let ai = Ai::by_code(name).ok_or(Gs1Error::Link(LinkFault::UnknownAi))?;
                    self.push(ai, value, Place::Query)?;
                }
                _ => {
                    self.ignored.push(parameter.to_owned());
                    self.check_count()?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, ai: &'static Ai, value: &str, place: Place) -> Result<(), Gs1Error> {
        if value.is_empty() {
            return Err(Gs1Error::NoValue(ai.code));
        }
        let value = decode(value, place).ok_or(Gs1Error::Link(LinkFault::Nul))?;
        self.push_plain(ai, &value)
    }

    /// A value without escapes.
    pub(super) fn push_plain(&mut self, ai: &'static Ai, value: &[u8]) -> Result<(), Gs1Error> {
        check_length(ai, value.len())?;
        self.values.push((ai, value.to_vec()));
        self.check_count()
    }

    pub(super) fn check_count(&self) -> Result<(), Gs1Error> {
        let count = self.values.len() + self.ignored.len();
        if count > MAX_ELEMENTS { Err(Gs1Error::TooMany) } else { Ok(()) }
    }

    /// Each Application Identifier occurs once, and where it belongs.
    fn check_places(&self, path: usize) -> Result<(), LinkFault> {
        let all: Vec<&'static Ai> = self.values.iter().map(|(ai, _)| *ai).collect();
        let (path, query) = all.split_at(path);
        if !is_path(path) {
            return Err(LinkFault::Path);
        }
        if let Some(twice) = (1..all.len()).find(|&index| all[..index].contains(&all[index])) {
            return Err(LinkFault::Twice(all[twice].code));
        }
        for ai in query {
            if !ai.query {
                return Err(LinkFault::NotAnAttribute(ai.code));
            }
            if (1..=path.len()).any(|at| is_path(&[&path[..at], &[*ai], &path[at..]].concat())) {
                return Err(LinkFault::BelongsInPath(ai.code));
            }
        }
        Ok(())
    }
}

/// A key and some of its qualifiers in one of its orders.
fn is_path(ais: &[&'static Ai]) -> bool {
    let Some((key, qualifiers)) = ais.split_first() else { return false };
    let follows = |order: &&[&str]| {
        let mut order = order.iter();
        qualifiers.iter().all(|qualifier| order.any(|code| *code == qualifier.code))
    };
    key.path.is_some_and(|orders| qualifiers.is_empty() || orders.iter().any(follows))
}

//! The parts of a Digital Link, before they are a message.

use super::ai::Ai;
use super::bracket::check_length;
use super::error::{Gs1Error, LinkFault};
use super::escape::{Place, decode};
use super::message::MAX_ELEMENTS;

/// The parts of a link, before the values are checked.
#[derive(Default)]
pub(super) struct Raw {
    pub(super) values: Vec<(&'static Ai, Vec<u8>)>,
    pub(super) ignored: Vec<String>,
}

impl Raw {
    pub(super) fn read_path(&mut self, path: &str) -> Result<(), Gs1Error> {
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

    pub(super) fn read_query(&mut self, query: &str) -> Result<(), Gs1Error> {
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
    pub(super) fn check_places(&self, path: usize) -> Result<(), LinkFault> {
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

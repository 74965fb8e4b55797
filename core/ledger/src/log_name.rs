//! The logs of a ledger: their names, and how much of each a client holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name: a revocation has a field for each log, called `from-` and the name.
const MAX_LOG_NAME: usize = 16;

/// Text that is not a log's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log's name has 1 to {MAX_LOG_NAME} lower-case letters, digits and hyphens, a letter first")]
pub struct NotALogName;

/// The name of a log within its ledger, such as `supply`: the last part of its origin, and the first of its paths on a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName([u8; MAX_LOG_NAME]);

impl LogName {
    /// The log of revocations, recalls and suspensions. Every ledger has it, and every client holds all of it.
    pub const TRUST: Self = Self::padded("trust");
    /// The log of product histories and of members' enrolments.
    pub const SUPPLY: Self = Self::padded("supply");

    /// Reads a name. A family of rules names its log by a constant.
    pub const fn new(name: &str) -> Result<Self, NotALogName> {
        let (bytes, mut at) = (name.as_bytes(), 1);
        if bytes.is_empty() || bytes.len() > MAX_LOG_NAME || !bytes[0].is_ascii_lowercase() {
            return Err(NotALogName);
        }
        while at < bytes.len() {
            if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
                return Err(NotALogName);
            }
            at += 1;
        }
        Ok(Self::padded(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|c| *c == 0).unwrap_or(MAX_LOG_NAME);
        // safe: made of a text of ASCII letters, digits and hyphens alone.
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }

    const fn padded(name: &str) -> Self {
        let (bytes, mut padded, mut at) = (name.as_bytes(), [0; MAX_LOG_NAME], 0);
        while at < bytes.len() {
            padded[at] = bytes[at];
            at += 1;
        }
        Self(padded)
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for LogName {
    type Err = NotALogName;

    fn from_str(name: &str) -> Result<Self, NotALogName> {
        Self::new(name)
    }
}

impl Serialize for LogName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LogName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// How much of a log a client holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// All of it, from its first entry on.
    Whole,
    /// Only the histories of the subjects that it follows.
    Followed,
}

/// A log of a ledger, as its genesis names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSpec {
    /// Its name.
    pub name: LogName,
    /// How much of it a client holds.
    pub held: Held,
    /// The trust domain that it serves; `None` if it serves several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_sort_as_their_texts() {
        let names =
            ["authorization", "records-full", "records-shared", "supply", "t", "trust", "abcdefghijklmnop"];
        for name in names {
            let read = LogName::new(name).unwrap();
            assert_eq!((read.as_str(), read.to_string().as_str()), (name, name));
            assert_eq!(
                serde_json::from_str::<LogName>(&serde_json::to_string(&read).unwrap()).unwrap(),
                read
            );
        }
        assert_eq!(
            (LogName::new("trust"), LogName::new("supply")),
            (Ok(LogName::TRUST), Ok(LogName::SUPPLY))
        );
        for (one, other) in names.into_iter().zip(&names[1..]) {
            assert_eq!(LogName::new(one).unwrap().cmp(&LogName::new(other).unwrap()), one.cmp(other));
        }
    }

    #[test]
    fn other_text_is_not_a_log_name() {
        for text in ["", "Trust", "1st", "-a", "a_b", "a/b", "a\0", "ä", "abcdefghijklmnopq"] {
            assert_eq!(LogName::new(text), Err(NotALogName), "{text}");
        }
    }
}

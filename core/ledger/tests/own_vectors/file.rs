//! A file of vectors: what is given, what is accepted and what comes of it, what is refused and why.
//!
//! Each test makes its file again from made-up keys and fixed times, and demands that the file in the repository is the same.
//! Then it judges what is in the file, from the file alone, as another implementer would.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_ledger::{Base64, Hash};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Set to anything, it has the tests write their files.
const WRITE: &str = "COUNTERSIGN_WRITE_VECTORS";
/// So many refusals for each acceptance: a reader that accepts too much is the one that does harm.
const REFUSALS: usize = 5;

/// A digest, a key or another few bytes, in hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hex(pub Vec<u8>);

impl From<Vec<u8>> for Hex {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Hex {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Hash> for Hex {
    fn from(hash: Hash) -> Self {
        Self(hash.0.to_vec())
    }
}

impl Hex {
    /// The bytes, if they are a digest.
    pub fn hash(&self) -> Hash {
        Hash::from_slice(&self.0).unwrap()
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).unwrap_or_default());
        let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16)).collect::<Result<_, _>>();
        bytes.map(Self).map_err(serde::de::Error::custom)
    }
}

/// A message, in Base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Base64(self.0.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Base64::deserialize(deserializer).map(|Base64(bytes)| Self(bytes))
    }
}

/// The content of a file. `G` is what all its cases share, `I` what a reader is given, `E` what it must tell.
#[derive(Serialize, Deserialize)]
pub struct Vectors<G, I, E> {
    /// What the file tests, and how.
    about: Vec<String>,
    given: G,
    accepted: Vec<Accepted<I, E>>,
    refused: Vec<Refused<I>>,
}

#[derive(Serialize, Deserialize)]
struct Accepted<I, E> {
    name: String,
    #[serde(flatten)]
    input: I,
    expect: E,
}

#[derive(Serialize, Deserialize)]
struct Refused<I> {
    name: String,
    #[serde(flatten)]
    input: I,
    reason: String,
}

impl<G, I, E> Vectors<G, I, E> {
    pub fn new(about: &[&str], given: G) -> Self {
        let about = about.iter().map(|&line| line.to_owned()).collect();
        Self { about, given, accepted: Vec::new(), refused: Vec::new() }
    }

    /// A case that is accepted. Its name says what it shows.
    pub fn accept(&mut self, name: &str, input: I, expect: E) {
        self.accepted.push(Accepted { name: name.to_owned(), input, expect });
    }

    /// A case that is refused for `reason`. Its name says what is wrong with it.
    pub fn refuse(&mut self, reason: &str, name: &str, input: I) {
        self.refused.push(Refused { name: name.to_owned(), input, reason: reason.to_owned() });
    }
}

impl<G, I, E> Vectors<G, I, E>
where
    G: Serialize + DeserializeOwned,
    I: Serialize + DeserializeOwned,
    E: Serialize + DeserializeOwned + PartialEq + Debug,
{
    /// Demands that the file at `path` is this, and that `judge` tells of each case in it what it says.
    pub fn check(&self, path: &str, judge: impl Fn(&G, &I) -> Result<E, String>) {
        let file = folder().join(path);
        let made = serde_json::to_string_pretty(self).unwrap() + "\n";
        if std::env::var_os(WRITE).is_some() {
            write(&file, &made);
        }
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str::<Self>(&text).unwrap().judge_all(path, judge);
        assert!(text == made, "{path} is not what the tests make; set {WRITE}=1 to write it anew");
    }

    fn judge_all(&self, path: &str, judge: impl Fn(&G, &I) -> Result<E, String>) {
        let mut wrong = Vec::new();
        for Accepted { name, input, expect } in &self.accepted {
            let told = judge(&self.given, input);
            if told.as_ref() != Ok(expect) {
                wrong.push(format!("{name}: {told:?}, not {expect:?}"));
            }
        }
        for Refused { name, input, reason } in &self.refused {
            let told = judge(&self.given, input);
            if told.as_ref() != Err(reason) {
                wrong.push(format!("{name}: {told:?}, not {reason}"));
            }
        }
        assert!(wrong.is_empty(), "{path}:\n{}", wrong.join("\n"));
        let names = self.accepted.iter().map(|case| &case.name);
        let names: BTreeSet<&String> = names.chain(self.refused.iter().map(|case| &case.name)).collect();
        assert_eq!(names.len(), self.accepted.len() + self.refused.len(), "{path}: a name stands twice");
        let (accepted, refused) = (self.accepted.len(), self.refused.len());
        assert!(
            accepted > 0 && refused >= REFUSALS * accepted,
            "{path}: {refused} refused, {accepted} accepted"
        );
    }
}

/// They are in the repository, so that no clone goes without.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

#[allow(
    clippy::disallowed_methods,
    reason = "the vectors are files; another crate that uses this disallows nothing"
)]
fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

//! The packs of a lot, as their manufacturer commissions them: one statement for all of them.
//!
//! The Merkle root over the serials is that of the log's own tree (RFC 9162 section 2.1.1): leaves are the serials'
//! bytes, in byte order. It proves a single serial to whoever does not trust the filter.

use countersign_ledger::{Hash, Tree, leaf_hash, verify_inclusion};

use crate::filter::{MAX_FILTER, SerialFilter};

/// Longest serial: GS1 application identifier (21), X..20.
pub const MAX_SERIAL: usize = 20;

/// How many serials are done between two words of progress.
const STRIDE: u64 = 1 << 16;

/// Why serials do not make a lot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// There are no serials.
    #[error("a lot has at least one pack")]
    Empty,
    /// A serial is empty, longer than [`MAX_SERIAL`] or not printable ASCII.
    #[error("`{0}` is not a serial")]
    Malformed(String),
    /// A serial occurs twice.
    #[error("the serial `{0}` is given twice")]
    Twice(String),
    /// There are more than a filter that is read can hold.
    #[error("a lot has some fourteen million packs at most: make it several")]
    TooMany,
    /// No filter could be built over them.
    #[error("no filter could be built over the serials")]
    NoFilter,
}

/// All serials of a lot.
#[derive(Clone, Debug)]
pub struct SerialSet {
    /// In byte order, so that the set has one root.
    serials: Vec<String>,
    tree: Tree,
    filter: SerialFilter,
    filter_bytes: Vec<u8>,
}

impl SerialSet {
    /// The set of these serials, given in any order.
    pub fn new(serials: impl IntoIterator<Item = String>) -> Result<Self, SerialError> {
        Self::build(serials, |_, _| {})
    }

    /// The same for a large lot: `progress` is told, now and then, how much is done and of how much.
    pub fn build(
        serials: impl IntoIterator<Item = String>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, SerialError> {
        let mut serials: Vec<String> = serials.into_iter().collect();
        serials.sort_unstable();
        if serials.is_empty() {
            return Err(SerialError::Empty);
        }
        if let Some(bad) = serials.iter().find(|serial| !is_serial(serial)) {
            return Err(SerialError::Malformed(bad.clone()));
        }
        if let Some([twice, _]) = serials.array_windows().find(|[one, next]| one == next) {
            return Err(SerialError::Twice(twice.clone()));
        }
        // A pass for the tree, one for the keys of the filter, and the filter's own, which takes as long as one.
        let (count, mut done) = (serials.len() as u64, 0);
        let mut step = || {
            if done % STRIDE == 0 {
                progress(done, 3 * count);
            }
            done += 1;
        };
        let mut tree = Tree::new();
        for serial in &serials {
            step();
            tree.push(leaf_hash(serial.as_bytes()));
        }
        let keyed = serials.iter().map(String::as_str).inspect(|_| step());
        let filter = SerialFilter::build(keyed).ok_or(SerialError::NoFilter)?;
        progress(3 * count, 3 * count);
        let filter_bytes = filter.to_bytes();
        if filter_bytes.len() > MAX_FILTER {
            return Err(SerialError::TooMany);
        }
        Ok(Self { serials, tree, filter, filter_bytes })
    }

    /// Their number.
    pub fn count(&self) -> u64 {
        self.tree.size()
    }

    /// The Merkle root over them.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The filter over them.
    pub const fn filter(&self) -> &SerialFilter {
        &self.filter
    }

    /// The filter's canonical bytes. These are published; the commission states their digest and length.
    pub fn filter_bytes(&self) -> &[u8] {
        &self.filter_bytes
    }

    /// SHA-256 of [`Self::filter_bytes`].
    pub fn filter_digest(&self) -> Hash {
        Hash::of(&self.filter_bytes)
    }

    /// The serials, in byte order.
    pub fn serials(&self) -> &[String] {
        &self.serials
    }

    /// The proof that a serial is one of them; `None` if it is not.
    pub fn prove(&self, serial: &str) -> Option<SerialProof> {
        let at = self.serials.binary_search_by(|known| known.as_str().cmp(serial)).ok()? as u64;
        Some(SerialProof { index: at, path: self.tree.inclusion(at, self.count())? })
    }
}

/// The proof that a serial is one of a commissioned lot's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SerialProof {
    /// Its index among the serials in byte order.
    pub index: u64,
    /// Sibling hashes, from the leaf to the root.
    pub path: Vec<Hash>,
}

impl SerialProof {
    /// Whether the serial is one of the `count` serials under `root`, both as commissioned.
    pub fn verify(&self, serial: &str, count: u64, root: Hash) -> bool {
        verify_inclusion(leaf_hash(serial.as_bytes()), self.index, count, &self.path, root).is_ok()
    }
}

fn is_serial(text: &str) -> bool {
    (1..=MAX_SERIAL).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(serials: &[&str]) -> Result<SerialSet, SerialError> {
        SerialSet::new(serials.iter().map(|&serial| serial.to_owned()))
    }

    #[test]
    fn order_does_not_matter() {
        let (one, other) = (set(&["b", "a", "c"]).unwrap(), set(&["c", "b", "a"]).unwrap());
        assert_eq!((one.root(), one.filter_digest()), (other.root(), other.filter_digest()));
        assert_ne!(one.root(), set(&["a", "b", "d"]).unwrap().root());
    }

    #[test]
    fn a_large_lot_tells_how_far_it_is() {
        let count = 3 * STRIDE;
        let mut told = Vec::new();
        SerialSet::build((0..count).map(|one| format!("{one:08}")), |done, of| told.push((done, of)))
            .unwrap();
        assert!(told.len() >= 7 && told.is_sorted(), "{told:?}");
        assert!(told.iter().all(|(done, of)| done <= of && *of == 3 * count));
        assert_eq!(told.last(), Some(&(3 * count, 3 * count)));
    }

    #[test]
    fn what_is_not_a_set_of_serials_is_refused() {
        assert_eq!(set(&[]).unwrap_err(), SerialError::Empty);
        assert_eq!(set(&["a", "b", "a"]).unwrap_err(), SerialError::Twice("a".into()));
        for bad in ["", "has space", "ünïcode", "123456789012345678901"] {
            assert_eq!(set(&["a", bad]).unwrap_err(), SerialError::Malformed(bad.into()));
        }
    }

    #[test]
    fn every_serial_is_proven_and_no_other() {
        let names: Vec<String> = (0..37).map(|i| format!("S{i}")).collect();
        let set = SerialSet::new(names.clone()).unwrap();
        for name in &names {
            let proof = set.prove(name).unwrap();
            assert!(proof.verify(name, set.count(), set.root()));
            assert!(!proof.verify("other", set.count(), set.root()));
            assert!(!proof.verify(name, set.count(), Hash::of(b"another root")));
        }
        assert_eq!(set.prove("S37"), None);
    }
}

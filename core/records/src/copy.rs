//! What a phone keeps of a record, sealed under a key of its own. The key deleted, what was kept is gone.

use countersign_ledger::Hash;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::keys::Key;
use crate::object::{self, ObjectError, What};
use crate::record::RecordId;

/// The key of what a phone keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopyKey(pub(crate) Key);

impl CopyKey {
    /// A key from its bytes, as a key store gives them back.
    pub const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Key::new(bytes))
    }

    /// The bytes, for the key store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Seals what is kept of a record, or of none, under a name: it opens under no other.
    pub fn seal(
        &self,
        record: Option<&RecordId>,
        name: &str,
        contents: &[u8],
        random: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, ObjectError> {
        object::seal(&self.0, record.unwrap_or(&NONE), what(name), contents, random)
    }

    /// Opens what was kept.
    pub fn open(
        &self,
        record: Option<&RecordId>,
        name: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ObjectError> {
        object::open(&self.0, record.unwrap_or(&NONE), what(name), sealed)
    }
}

/// For what is kept of no record.
const NONE: RecordId = RecordId([0; 16]);

fn what(name: &str) -> What {
    What::Copy { name: Hash::of(name.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::tests::Counter;

    #[test]
    fn what_is_kept_opens_under_its_name_and_key_alone() {
        let (record, other) = (Some(&RecordId([1; 16])), Some(&RecordId([2; 16])));
        let [key, another] = [7, 8].map(|byte| CopyKey::new(Zeroizing::new([byte; 32])));
        let sealed = key.seal(record, "state", b"contents", &mut Counter(0)).unwrap();
        assert_eq!(key.open(record, "state", &sealed).unwrap().as_slice(), b"contents");
        for refused in [
            key.open(record, "copy", &sealed),
            key.open(other, "state", &sealed),
            key.open(None, "state", &sealed),
            another.open(record, "state", &sealed),
        ] {
            assert_eq!(refused, Err(ObjectError));
        }
    }
}

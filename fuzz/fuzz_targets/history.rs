//! Histories and index proofs from any server: read back the same, and never valid under a root that they were not made
//! for.
#![no_main]

use countersign_ledger::{Family, FamilyProof, Hash, IndexKey, IndexProof, SubjectHistory};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let root = Hash::of(bytes);
    if let Ok(history) = SubjectHistory::from_cbor(bytes) {
        let _ = SubjectHistory::from_cbor(&history.to_cbor()).map(|again| assert_eq!(again.entries, history.entries));
    }
    if let Ok(proof) = IndexProof::from_cbor(bytes) {
        assert_eq!(proof.to_cbor(), bytes);
        assert!(proof.verify(&IndexKey::new("a", "b"), root).is_err());
    }
    if let Ok(proof) = FamilyProof::from_cbor(bytes) {
        assert_eq!(proof.to_cbor(), bytes);
        assert!(proof.verify(Family::new("a"), root).is_err());
    }
});

//! Notes, checkpoints, proofs in text, keys and policies: what is read is written back the same.
#![no_main]

use countersign_ledger::{Checkpoint, LogProof, Note, Policy, TreeHead, VerifierKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
    }
    let _ = TreeHead::parse(text);
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(proof) = text.parse::<LogProof>() {
        assert_eq!(proof.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse().ok(), Some(key));
    }
    if let Ok(policy) = text.parse::<Policy>() {
        assert_eq!(policy.to_string().parse().ok(), Some(policy));
    }
});

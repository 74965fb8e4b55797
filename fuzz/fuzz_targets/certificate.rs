//! Certificates and certification requests from anyone.
#![no_main]

use countersign_ledger::certificate::requested_key;
use countersign_ledger::{Certificate, Genesis, PublicKey, Signature, TrustStore};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let mut trust = TrustStore::new();
        trust.pin(certificate.identity().domain(), bytes);
        let _ = trust.enrol(bytes);
    }
    let _ = requested_key(bytes);
    let _ = PublicKey::from_spki_der(bytes);
    let _ = Signature::normalise(bytes);
    if let Ok(genesis) = Genesis::parse(bytes) {
        let _ = genesis.trust_anchors();
        assert_eq!(Genesis::parse(genesis.to_json().as_bytes()).ok(), Some(genesis));
    }
});

//! Keys and encapsulations from anybody: read back the same, and opening never panics.
#![no_main]

use std::sync::OnceLock;

use countersign_abe::{Encapsulation, MasterKey, PublicKey, SecretKey};
use libfuzzer_sys::fuzz_target;

static MASTER: OnceLock<(MasterKey, SecretKey)> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let (master, key) = MASTER.get_or_init(|| {
        let master = MasterKey::new(&[1; 32]);
        let attributes = ["a: 1", "b: 1", "c: 1"].map(|text| text.parse().unwrap()).into();
        let key = master.issue(&attributes, &[2; 32]).unwrap();
        (master, key)
    });
    // Most bytes fail at the authority's id: here it is the right one.
    let mut named = bytes.to_vec();
    if let Some(id) = named.get_mut(1..33) {
        id.copy_from_slice(master.public_key().id());
    }
    if let Ok(encapsulation) = Encapsulation::parse(&named) {
        assert_eq!(encapsulation.as_bytes(), named);
        assert!(key.decapsulate(master.public_key(), &encapsulation).is_err());
    }
    if let Ok(key) = SecretKey::parse(&named) {
        assert_eq!(key.to_bytes().as_slice(), named);
    }
    if let Ok(public) = PublicKey::parse(bytes) {
        assert_eq!(public.as_bytes(), bytes);
    }
});

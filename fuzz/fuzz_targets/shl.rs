//! SMART Health Links from anybody: links, manifests and files, the last also encrypted right, so that what is in them is read.
#![no_main]

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_records::proof;
use countersign_shl::{Link, MAX_FILE, Manifest, Wrong, open};
use libfuzzer_sys::fuzz_target;

const LINK: &str = r#"{"url":"https://a.example/","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

fuzz_target!(|bytes: &[u8]| {
    let link = Link::parse(&format!("shlink:/{}", URL_SAFE_NO_PAD.encode(LINK))).expect("a link");
    let _ = (Manifest::parse(bytes), Wrong::parse(bytes), proof(bytes));
    let payload = format!("https://v.example/#shlink:/{}", URL_SAFE_NO_PAD.encode(bytes));
    if let Ok(read) = Link::parse(&payload) {
        let again = Link::parse(&read.to_uri()).expect("a link that was written");
        assert_eq!(again.to_uri(), read.to_uri());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (Link::parse(text), open(text, link.key()));
    }
    // A header and what is encrypted under it, by the right key.
    let (header, contents) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    let header = URL_SAFE_NO_PAD.encode(header);
    let payload = Payload { msg: contents.get(1..).unwrap_or_default(), aad: header.as_bytes() };
    let sealed = Aes256Gcm::new(&[0; 32].into()).encrypt(&Nonce::from([0; 12]), payload).expect("sealed");
    let (sealed, tag) = sealed.split_at(sealed.len() - 16);
    let [nonce, sealed, tag] = [&[0; 12][..], sealed, tag].map(|piece| URL_SAFE_NO_PAD.encode(piece));
    if let Ok(file) = open(&format!("{header}..{nonce}.{sealed}.{tag}"), link.key()) {
        assert!(file.bytes.len() <= MAX_FILE);
    }
});

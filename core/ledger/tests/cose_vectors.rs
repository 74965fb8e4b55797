//! Published COSE and SCITT test vectors, read by our COSE reader and our receipts.
//!
//! Known divergences, each on purpose: an untagged COSE_Sign1 is refused (RFC 9943 requires the tag), and receipts of
//! CCF (vds 2, ES384) are refused by name, since only RFC9162_SHA256 is read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]
#![allow(clippy::disallowed_methods, reason = "the vectors are files")]

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use countersign_ledger::cose::{ALG_ES256, CoseError, Headers, Sign1, label};
use countersign_ledger::receipt::{Receipt, ReceiptError, ReceiptKey};
use countersign_ledger::{Hash, PublicKey, Signature};
use serde_json::Value;

/// The folder of published COSE vectors; `None`, with a message, if this clone has none. CI requires it.
fn vectors() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/cose");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "CI needs the published vectors");
    eprintln!("skipped: the published vectors are not beside this clone");
    None
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A key in PEM: P-256, Ed25519, or another that we do not read.
fn key(pem: &Path) -> Option<ReceiptKey> {
    let text: String =
        fs::read_to_string(pem).unwrap().lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    match PublicKey::from_spki_der(&der) {
        Ok(key) => Some(ReceiptKey::Es256(key)),
        Err(_) if der.len() == 44 => Some(ReceiptKey::EdDsa(der[12..].try_into().unwrap())),
        Err(_) => None,
    }
}

fn signature_holds(sign1: &Sign1<'_>, key: &ReceiptKey, external_aad: &[u8]) -> bool {
    let signed = sign1.to_be_signed(&[], external_aad);
    match key {
        ReceiptKey::Es256(key) => Signature::normalise(sign1.signature)
            .is_ok_and(|signature| key.verify(&signed, &signature).is_ok()),
        ReceiptKey::EdDsa(key) => {
            UnparsedPublicKey::new(&ED25519, key).verify(&signed, sign1.signature).is_ok()
        }
    }
}

#[test]
fn scitt_statements_and_receipts_give_the_expected_values() {
    let Some(folder) = vectors() else { return };
    let mut sets = 0;
    for folder in fs::read_dir(folder.join("scitt-cose-v1")).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        sets += 1;
        let expected = json(&folder.join("expected.json"));
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(folder.join("statement.cose")).unwrap();
        let sign1 = Sign1::parse(&bytes).unwrap();
        let (protected, _) = sign1.headers().unwrap();
        let payload = fs::read(folder.join("payload.bin")).unwrap();
        let statement = &expected["protected_header"]["statement"];
        assert_eq!(Hash::of(&payload).to_string(), expected["payload_sha256"], "{name}");
        assert_eq!(protected.int(label::ALG), statement["alg_code"].as_i64(), "{name}");
        assert_eq!(protected.text(label::CONTENT_TYPE), statement["content_type"].as_str(), "{name}");
        assert_eq!(claim(&protected, 1).as_deref(), statement["issuer"].as_str(), "{name}");
        assert_eq!(claim(&protected, 2).as_deref(), statement["subject"].as_str(), "{name}");
        let issuer = key(&folder.join("issuer-key.pub")).unwrap();
        let valid = signature_holds(&sign1, &issuer, &[]);
        assert_eq!(Some(valid), expected["statement_signature_valid"].as_bool(), "{name}");
        check_receipt(&name, &folder, &expected, &bytes);
    }
    assert_eq!(sets, 6);
}

fn claim(headers: &Headers<'_>, wanted: i64) -> Option<String> {
    let mut d = headers.value(label::CWT_CLAIMS)?;
    for _ in 0..d.map().unwrap().unwrap() {
        if d.i64().unwrap() == wanted {
            return Some(d.str().unwrap().to_owned());
        }
        d.skip().unwrap();
    }
    None
}

fn check_receipt(name: &str, folder: &Path, expected: &Value, statement: &[u8]) {
    let entry = Hash::of(statement);
    // These vectors hash the whole statement, which equals our rule if the unprotected header is empty. CCF empties
    // that header first.
    if name != "valid-ccf-vds2" {
        assert_eq!(entry.to_string(), expected["leaf_entry"], "{name}");
    }
    let receipt = Receipt::parse(&fs::read(folder.join("receipt.cose")).unwrap());
    if expected["protected_header"]["receipt"]["vds"] == 2 {
        assert_eq!(receipt.unwrap_err(), ReceiptError::UnsupportedVds, "{name}");
        return;
    }
    let receipt = receipt.unwrap();
    let claimed = receipt.claimed();
    assert_eq!(Some(claimed.index), expected["leaf_index"].as_u64(), "{name}");
    assert_eq!(Some(claimed.size), expected["tree_size"].as_u64(), "{name}");
    let path: Vec<_> = claimed.path.iter().map(ToString::to_string).collect();
    assert_eq!(serde_json::json!(path), expected["inclusion_path"], "{name}");
    let root = receipt.verify(entry, &key(&folder.join("log-key.pub")).unwrap());
    match expected["failure_code"].as_str() {
        Some("TAMPERED_INCLUSION_PATH") => assert_eq!(root.unwrap_err(), ReceiptError::Signature),
        Some("BAD_STATEMENT_SIGNATURE") | None => {
            assert_eq!(root.unwrap().to_string(), expected["reconstructed_root"], "{name}");
        }
        Some(other) => panic!("{name}: unknown failure {other}"),
    }
}

#[test]
fn cose_examples_verify_or_fail_as_published() {
    let Some(folder) = vectors() else { return };
    let (mut passed, mut failed) = (0, 0);
    let examples = folder.join("cose-wg");
    let files =
        [files(&examples.join("sign1-tests"), "json"), files(&examples.join("rfc8152"), "json")].concat();
    for path in files {
        let example = json(&path);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut bytes = hex(example["output"]["cbor"].as_str().unwrap());
        if name == "sign-pass-03" {
            assert_eq!(Sign1::parse(&bytes).unwrap_err(), CoseError::Untagged);
            bytes.insert(0, 0xd2);
        }
        let key = &example["input"]["sign0"]["key"];
        let b64 = |name: &str| {
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap()
        };
        let point = [vec![4], b64("x"), b64("y")].concat();
        let key = ReceiptKey::Es256(PublicKey::from_sec1(&point).unwrap());
        let external = example["input"]["sign0"]["external"].as_str().map(hex).unwrap_or_default();
        let verified = Sign1::parse(&bytes).is_ok_and(|sign1| {
            let Ok((protected, unprotected)) = sign1.headers() else { return false };
            let algorithm = protected.int(label::ALG).or(unprotected.int(label::ALG));
            algorithm == Some(ALG_ES256) && signature_holds(&sign1, &key, &external)
        });
        assert_eq!(verified, example["fail"].as_bool() != Some(true), "{name}");
        if verified { passed += 1 } else { failed += 1 }
    }
    assert_eq!((passed, failed), (4, 6));
}

#[test]
fn certificates_are_read_from_the_headers() {
    let Some(folder) = vectors() else { return };
    let folder = folder.join("cose-wg/x509-examples");
    let (alice, ca) = (fs::read(folder.join("alice.der")).unwrap(), fs::read(folder.join("ca.der")).unwrap());
    let mut found = 0;
    for path in files(&folder, "json") {
        let bytes = hex(json(&path)["output"]["cbor"].as_str().unwrap());
        // COSE_Sign, of which only the headers of its one signer are read.
        let mut d = minicbor::Decoder::new(&bytes);
        assert_eq!(d.tag().unwrap().as_u64(), 98);
        assert_eq!(d.array().unwrap(), Some(4));
        for _ in 0..3 {
            d.skip().unwrap();
        }
        assert_eq!((d.array().unwrap(), d.array().unwrap()), (Some(1), Some(3)));
        let protected = Headers::parse(d.bytes().unwrap()).unwrap();
        let start = d.position();
        d.skip().unwrap();
        let unprotected = Headers::parse(&bytes[start..d.position()]).unwrap();
        for bucket in [&protected, &unprotected] {
            for label in [label::X5CHAIN, label::X5BAG] {
                for certificate in bucket.certificates(label).unwrap() {
                    assert!(certificate == alice || certificate == ca, "{}", path.display());
                    found += 1;
                }
            }
        }
    }
    assert!(found >= 4, "{found} certificates");
}

#[test]
fn statements_of_other_services_are_read_and_their_headers_kept() {
    let Some(folder) = vectors() else { return };
    let files = files(&folder.join("ccf-payloads"), "cose");
    assert_eq!(files.len(), 7);
    for path in files {
        let bytes = fs::read(&path).unwrap();
        let sign1 = Sign1::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (protected, _) = sign1.headers().unwrap();
        assert!(protected.int(label::ALG).is_some(), "{}", path.display());
        let theirs = {
            use coset::{AsCborValue as _, TaggedCborSerializable as _};
            let theirs = coset::CoseSign1::from_tagged_slice(&bytes).unwrap();
            theirs.protected.header.to_cbor_value().unwrap().into_map().unwrap().len()
        };
        assert_eq!(protected.len(), theirs, "{}", path.display());
    }
}

#[test]
fn a_receipt_without_a_known_key_is_read_and_never_verified() {
    let Some(folder) = vectors() else { return };
    let folder = folder.join("receipt-structure");
    let receipt = Receipt::parse(&fs::read(folder.join("inclusion-receipt.cbor")).unwrap()).unwrap();
    assert_eq!((receipt.claimed().size, receipt.claimed().index, receipt.claimed().path.len()), (5, 3, 3));
    assert_eq!(receipt.subject(), None);
    let anyone = countersign_ledger::Signer::public_key(
        &countersign_ledger::SoftwareKey::from_bytes(&[7; 32]).unwrap(),
    );
    let verified = receipt.verify(Hash::of(b"entry"), &ReceiptKey::Es256(anyone));
    assert_eq!(verified.unwrap_err(), ReceiptError::Signature);
    let consistency = Receipt::parse(&fs::read(folder.join("consistency-receipt.cbor")).unwrap());
    assert_eq!(consistency.unwrap_err(), ReceiptError::Proof);
}

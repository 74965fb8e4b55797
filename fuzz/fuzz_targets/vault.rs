//! A key vault's file, as it comes back from somebody's cloud. The bytes are the file; or its header, with a correct
//! checksum, so that the cost that it asks for is checked; or its contents, sealed by another writer of the format
//! under the right key.
#![no_main]

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use countersign_ledger::Hash;
use countersign_wallet::{Cost, Vault, VaultError};
use libfuzzer_sys::fuzz_target;
use minicbor::encode::Error;
use minicbor::{Decoder, Encoder};

const PASSPHRASE: &[u8] = b"seed";
/// The header of `seeds/vault/genuine`, with the least cost allowed.
static HEADER: &[u8] = include_bytes!("../seeds/vault/header");
const SALT: std::ops::Range<usize> = 25..41;
static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("countersign-fuzz-vault-{}", std::process::id())));

fn open(file: &[u8]) -> Result<Vec<String>, VaultError> {
    fs::write(&*PATH, file).expect("room for a small file");
    let opened = Vault::open(&PATH, PASSPHRASE);
    fs::remove_file(&*PATH).expect("it was there");
    opened.map(|vault| vault.names())
}

fn file(header: &[u8], nonce: [u8; 12], sealed: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let write = |e: &mut Encoder<&mut Vec<u8>>| -> Result<(), Error<Infallible>> {
        e.array(4)?.bytes(header)?.bytes(&Hash::of(header).0)?.bytes(&nonce)?.bytes(sealed)?.ok()
    };
    write(&mut Encoder::new(&mut file)).expect("a buffer takes all");
    file
}

/// The cost that a header asks for, if it is well-formed.
fn asked(header: &[u8]) -> Option<Cost> {
    let mut d = Decoder::new(header);
    d.array().ok()?;
    d.str().ok()?;
    Some(Cost { memory_kib: d.u32().ok()?, passes: d.u32().ok()?, lanes: d.u32().ok()? })
}

fn is_within_bounds(cost: Cost) -> bool {
    let Cost { memory_kib, passes, lanes } = Cost::MOST;
    cost.memory_kib <= memory_kib && cost.passes <= passes && cost.lanes <= lanes
}

fn sealed(contents: &[u8]) -> Vec<u8> {
    let mut derived = [0; 64];
    let params = Params::new(8, 1, 1, Some(64)).expect("the least cost");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(PASSPHRASE, &HEADER[SALT], &mut derived).expect("the least cost");
    let key = <[u8; 32]>::try_from(&derived[..32]).expect("half of it");
    let payload = Payload { msg: contents, aad: HEADER };
    Aes256Gcm::new(&key.into()).encrypt(&Nonce::from([0; 12]), payload).expect("small")
}

fn begin() {
    let contents = include_bytes!("../seeds/vault/contents");
    let names = open(&file(HEADER, [0; 12], &sealed(contents))).expect("written by the format");
    assert_eq!(names, ["agree", "sign", "small"]);
}

fuzz_target!(init: begin(), |bytes: &[u8]| {
    let _ = open(bytes);
    match asked(bytes) {
        // Allowed but expensive: skipped, since its run time is known.
        Some(cost) if is_within_bounds(cost) && cost.memory_kib.saturating_mul(cost.passes) > 4096 => {}
        asked => {
            let opened = open(&file(bytes, [0; 12], &[0; 16]));
            assert!(opened.is_err(), "nothing was sealed");
            if asked.is_some_and(|cost| !is_within_bounds(cost)) {
                assert!(matches!(opened, Err(VaultError::Cost | VaultError::Tampered)));
            }
        }
    }
    match open(&file(HEADER, [0; 12], &sealed(bytes))) {
        Ok(names) => assert!(names.is_sorted()),
        Err(error) => assert!(matches!(error, VaultError::Tampered)),
    }
});

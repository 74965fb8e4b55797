//! The vectors of bedside devices under `tests/vectors/device`: they are what these tests make, and are judged as they say.
//!
//! `COUNTERSIGN_WRITE_VECTORS=1 cargo test -p countersign-device --test own_vectors` writes them anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

mod answers;
#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/own_vectors/file.rs"]
mod file;
#[allow(dead_code, reason = "the device's tests use all of it")]
#[path = "../device/flash.rs"]
mod flash;
mod frames;
mod gateways;
#[allow(dead_code, reason = "the device's tests use all of it")]
#[path = "../device/peer.rs"]
mod peer;
mod reason;
mod requests;
mod sensors;

use countersign_device::{Id, Key, Ops, Scope, UnixMillis};

const SID: Id = *b"infusion pump 07";
const GATEWAY: Id = *b"gateway, ward 3b";
const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
const SCOPE: Scope = Scope { role: 2, ops: Ops::LOOKS.with(Ops::SETTINGS), ttl: 60, association: 1001 };

/// A key that is no pattern: the MAC of its name under the key of 32 zeros.
fn key(name: &str) -> Key {
    Key::new(peer::mac(&[0; 32], name, &[]))
}

/// So many bytes, as an array.
fn array<const N: usize>(hex: &file::Hex) -> [u8; N] {
    hex.0.as_slice().try_into().unwrap()
}

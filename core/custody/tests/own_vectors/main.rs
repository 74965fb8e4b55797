//! The vectors of custody's formats under `tests/vectors`: they are what these tests make, and are judged as they say.
//!
//! `COUNTERSIGN_WRITE_VECTORS=1 cargo test --test own_vectors` writes them anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

mod answers;
mod codes;
#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/own_vectors/file.rs"]
mod file;
mod lots;
mod offers;
#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/own_vectors/raw.rs"]
mod raw;
mod road;
#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/own_vectors/world.rs"]
mod world;

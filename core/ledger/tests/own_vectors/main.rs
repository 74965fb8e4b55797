//! The vectors of our own formats under `tests/vectors`: they are what these tests make, and are judged as they say.
//!
//! `COUNTERSIGN_WRITE_VECTORS=1 cargo test --test own_vectors` writes them anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

mod certificates;
mod checkpoints;
mod file;
mod histories;
mod indices;
mod logs;
mod names;
mod raw;
mod reason;
mod receipts;
mod revocations;
mod signers;
mod statements;
mod world;

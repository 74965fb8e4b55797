//! Trust domains, from outside: the rules over a log, the flow of an access, traces, and the election of notaries.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails should stop")]

mod accesses;
mod elections;
mod handshakes;
mod motions;
mod own_vectors;
mod requests;
mod simulation;
mod traces;
mod world;

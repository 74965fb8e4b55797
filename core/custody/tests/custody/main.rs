//! The engine, the audits and the verdicts, over lots that are played with real keys.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "helpers outside test functions fail like tests"
)]

mod audits;
mod contests;
mod epcis;
mod faults;
mod handovers;
mod hostile;
mod latecomers;
mod openings;
mod play;
mod profiles;
mod road;
mod routes;
mod totality;
mod undoing;
mod verdicts;
mod voids;

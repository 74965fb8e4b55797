//! Wallets against ledgers that are honest, and against such that are not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "helpers outside test functions fail like tests"
)]

mod acting;
mod bedside;
mod clinic;
mod clocks;
mod consortium;
mod couriers;
mod damage;
mod desk;
mod disks;
mod domains;
mod erasing;
mod evidence;
#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/own_vectors/file.rs"]
mod file;
mod killing;
mod lies;
mod linkability;
mod links;
mod luxury;
mod meetings;
mod node;
mod pictures;
mod records;
mod refusals;
mod reports;
mod restoring;
mod scans;
mod shared_links;
mod slips;
mod slow;
mod syncing;
#[path = "../../../../tests/tried.rs"]
mod tried;
mod units;
mod vectors;
mod voids;
mod wards;
mod world;

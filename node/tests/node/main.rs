//! The node as its users meet it: in process, over HTTPS, and after a crash.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers outside test functions fail like tests"
)]

mod admission;
mod alerts;
mod attribute_authority;
mod batches;
mod bedside_gateway;
mod clocks;
mod couriers;
mod determinism;
mod domains;
mod durability;
mod floods;
mod foreign;
mod health_links;
mod life;
mod logs;
mod losses;
mod operating;
mod pure;
mod reading;
mod records;
mod refusals;
mod replicas;
mod reports;
mod storage;
#[path = "../../../tests/tried.rs"]
mod tried;
mod undoing;
mod uploads;
mod voids;
mod world;

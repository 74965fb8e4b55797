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
mod couriers;
mod determinism;
mod durability;
mod foreign;
mod life;
mod logs;
mod pure;
mod reading;
mod refusals;
mod replicas;
mod voids;
mod world;

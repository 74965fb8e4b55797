//! Bedside devices, from the outside: what is refused, what is lost, what stays secret.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

mod crashes;
mod credentials;
mod flash;
mod hostile;
mod leg_world;
mod legs;
mod losses;
mod peer;
mod secrecy;
mod sensors;
mod users;
mod world;

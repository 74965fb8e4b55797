//! Records as author, patient, doctor and store use them: made-up documents and real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails should stop")]

mod asking;
mod asks;
mod authority;
mod cutting;
mod excerpts;
mod rules;
mod sealing;
mod signing;
mod support;
mod views;

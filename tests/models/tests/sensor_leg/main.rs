//! The leg between gateway and sensor, exhaustively: an attacker who owns the line, and power cuts at every step.
//!
//! The model calls the product's own machines, `countersign_device::Sensor` and `countersign_device::Leg`. Then it does so with a
//! copy of their sources from which one check is taken out (`build.rs`), or on a flash or a store that says that something is
//! durable before it is, and must find what is lost each time. With nothing taken out, the copy has the same states as the product.
//!
//! # Covered
//!
//! Up to so many m2, all orders of: sending, losing, delaying, repeating and reordering m2, m3, the confirmation and a command, each
//! at any later time; pasting a field of one message into another, and moving a counter by one; power cuts of the sensor before,
//! between and after its changes of flash, while it starts, and while it does nothing; of the gateway before and after its commits;
//! requests that overlap, since the gateway asks again before the answer to the last has come; sessions whose time is over.
//!
//! | property | says |
//! | --- | --- |
//! | [`GAP`] | of all c that a side has in memory and in its store, at any moment, none is more than one from the other's |
//! | [`RECOVERS`] | from every state, also when both sides have just lost their power, one undisturbed session works at once |
//! | [`ONCE`] | no m2 is answered twice, no m3 counts twice, no confirmation and no command is taken twice |
//! | [`SOUND`] | injective agreement: what a side takes is what the other sent to it, for that session, with the same nonces and scope |
//! | [`EQUAL`] | the keys are equal: a confirmation of the session that the sensor is in opens |
//! | [`STILL`] | what is refused changes nothing |
//! | [`LATEST`] | the sensor's flash, at any moment, makes no session's key but the latest |
//! | [`CONFIRMED`] | nor that of a session that was confirmed |
//! | [`GATEWAY`] | the gateway's store makes no key of a session that it has told its user of, or in which the sensor spoke |
//!
//! # Not covered
//!
//! Forged MACs and guessed keys (the attacker computes nothing), torn records (`core/device/tests/device/crashes.rs` tries them),
//! a flash or a backup that somebody writes to, several sensors, the user's leg, the end-to-end key, counters at their end, and
//! whatever needs more messages or cuts than the bound.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

#[allow(dead_code, reason = "the device's tests use all of it")]
#[path = "../../../../core/device/tests/device/peer.rs"]
mod peer;

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many m2 are made.
    pub asked: u8,
    /// How often the sensor's power is cut.
    pub sensor_cuts: u8,
    /// How often the gateway is killed.
    pub gateway_cuts: u8,
    /// Whether the attacker writes into messages.
    pub pastes: bool,
}

/// What is around the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// What is said to be durable is.
    Honest,
    /// The sensor's flash writes later than it says: the sensor sends, then writes.
    LateFlash,
    /// The gateway's store writes a number later than it says: the gateway sends m2, then keeps q.
    LateNumber,
    /// The gateway's store writes c and the key later than it says: the gateway sends m5, then commits.
    LateCommit,
    /// The gateway's copy of the key is damaged.
    DamagedKey,
    /// The gateway is restored from an old backup once, by `LegRow::restored`.
    Restored,
    /// The gateway is restored from an old backup once, as if nothing were wrong.
    RestoredAsIs,
}

const GAP: &str = "the gap is at most one";
const RECOVERS: &str = "an undisturbed session works at once";
const ONCE: &str = "nothing is taken twice";
const SOUND: &str = "what is taken was sent, for that session";
const EQUAL: &str = "the keys are equal";
const STILL: &str = "a refusal changes nothing";
const LATEST: &str = "the sensor's flash opens no session but the latest";
const CONFIRMED: &str = "the sensor's flash opens no confirmed session";
const GATEWAY: &str = "the gateway's store opens no session that was used";

/// The model over the product's machines.
mod product {
    mod device {
        pub use countersign_device::*;

        pub fn take_out(name: &'static str) {
            assert!(name.is_empty(), "nothing can be taken out of the product");
        }
    }
    include!("model.rs");
}

/// The model over the copy from which checks can be taken out.
mod copy {
    #[allow(
        unused,
        missing_docs,
        unexpected_cfgs,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        reason = "a copy of the product"
    )]
    mod device {
        use std::cell::Cell;

        thread_local! {
            static OUT: Cell<&'static str> = const { Cell::new("") };
        }

        /// What this thread calls from now on is without that check.
        pub fn take_out(name: &'static str) {
            OUT.set(name);
        }

        pub fn out(name: &str) -> bool {
            OUT.get() == name
        }

        include!(concat!(env!("OUT_DIR"), "/device.rs"));
    }
    include!("model.rs");
}

const SMALL: Bounds = Bounds { asked: 3, sensor_cuts: 1, gateway_cuts: 1, pastes: true };
const MEDIUM: Bounds = Bounds { sensor_cuts: 2, gateway_cuts: 2, ..SMALL };
const LARGE: [Bounds; 4] = [
    Bounds { sensor_cuts: 3, gateway_cuts: 3, pastes: false, ..SMALL },
    Bounds { asked: 4, sensor_cuts: 2, gateway_cuts: 2, pastes: false },
    Bounds { asked: 5, sensor_cuts: 1, gateway_cuts: 1, pastes: false },
    Bounds { asked: 6, sensor_cuts: 0, gateway_cuts: 0, pastes: false },
];

/// Without this check, these properties are lost.
#[track_caller]
fn without(check: &'static str, lost: &[&'static str]) {
    copy::search(World::Honest, check, SMALL, lost).loses(&format!("without {check}"), lost);
}

/// In this world, these properties are lost.
#[track_caller]
fn lost_in(world: World, lost: &[&'static str]) {
    product::search(world, "", SMALL, lost).loses(&format!("{world:?}"), lost);
}

#[test]
fn the_product_holds_whatever_the_line_does() {
    let product = product::search(World::Honest, "", MEDIUM, &[]);
    product.holds("as built", 20_000);
    let copy = copy::search(World::Honest, "", MEDIUM, &[]);
    copy.holds("the copy", 20_000);
    assert_eq!(copy.states, product.states, "the copy is the product");
}

/// `cargo test -p countersign-models --test sensor_leg -- --ignored --nocapture`
#[test]
#[ignore = "the large form: a minute"]
fn the_product_holds_in_the_large_form() {
    for bounds in LARGE {
        let outcome = product::search(World::Honest, "", bounds, &[]);
        outcome.holds(&format!("as built, {bounds:?}"), 1_000);
    }
}

#[test]
fn a_sensor_that_takes_old_messages_is_replayed_to() {
    without("the number", &[ONCE]);
    without("the frame's number", &[ONCE]);
}

#[test]
fn a_sensor_that_steps_while_its_gateway_is_behind_is_lost() {
    without("standing still when behind", &[GAP, RECOVERS]);
    without("the write when behind", &[ONCE]);
}

#[test]
fn an_older_slot_that_is_not_erased_opens_sessions() {
    without("erasing", &[LATEST, CONFIRMED]);
    without("erasing last", &[RECOVERS]);
    // What a power cut left in the older slot is overwritten by the next session. Erasing it at the start shortens that, and is no
    // more than the claims need.
    copy::search(World::Honest, "erasing at the start", SMALL, &[])
        .holds("without erasing at the start", 1_000);
}

#[test]
fn the_confirmation_closes_a_recovered_session_and_opens_the_mouth() {
    without("the step at the confirmation", &[CONFIRMED]);
    without("waiting for the confirmation", &[GATEWAY]);
}

#[test]
fn what_a_tag_does_not_cover_is_written_by_the_attacker() {
    without("c in t2", &[SOUND, GAP, RECOVERS]);
    without("q in t2", &[SOUND, RECOVERS, EQUAL]);
    without("the scope in t2", &[SOUND]);
    without("t2 and the key in t3", &[SOUND]);
    // The session's key is made of the nonces that t2 covers, so t3 covers them twice.
    copy::search(World::Honest, "t2 in t3", SMALL, &[]).holds("without t2 in t3", 1_000);
    without("t2", &[SOUND, GAP, RECOVERS]);
    without("t3", &[SOUND, EQUAL]);
}

#[test]
fn a_damaged_key_is_found_out_because_t3_covers_the_session_key() {
    product::search(World::DamagedKey, "", SMALL, &[]).holds("damaged key", 100);
    let outcome = copy::search(World::DamagedKey, "the key in t3", SMALL, &[EQUAL]);
    outcome.loses("damaged key, without the key in t3", &[EQUAL]);
}

#[test]
fn a_sensor_with_two_sessions_would_need_to_look_at_the_index() {
    copy::search(World::Honest, "one session", SMALL, &[]).holds("two sessions", 1_000);
    without("the look at the index", &[GAP, RECOVERS]);
}

/// Nothing is desynchronised, but two sessions were answered under one key, and the flash still has it.
#[test]
fn a_gateway_that_takes_answers_to_earlier_messages_leaves_a_key_behind() {
    let outcome = copy::search(World::Honest, "one outstanding", SMALL, &[]);
    outcome.loses_only("without one outstanding", &[LATEST]);
}

#[test]
fn what_is_sent_before_it_is_durable_is_lost() {
    lost_in(World::LateFlash, &[ONCE, GAP, LATEST]);
    lost_in(World::LateNumber, &[RECOVERS]);
    lost_in(World::LateCommit, &[LATEST, GATEWAY]);
}

#[test]
fn a_restored_gateway_recovers_because_its_numbers_go_on_above() {
    // What an old key opens is lost: it must be kept out of backups.
    let restored = product::search(World::Restored, "", SMALL, &[]);
    restored.loses_only("restored", &[LATEST, GATEWAY]);
    lost_in(World::RestoredAsIs, &[RECOVERS]);
}

//! A dispensing that is taken back, as the node admits it: never after a recall, and by the node's time as well as the signer's.

use std::sync::Arc;

use countersign_custody::Profile;
use countersign_ledger::{Families, Fields, LogName, Membership, Rules, Statement};

use crate::pure::{Pure, ledger, two_logs};
use crate::world::{CLASS, DAY_MILLIS, Spec, lot, random};

const SUPPLY: LogName = LogName::SUPPLY;
const TRUST: LogName = LogName::TRUST;

fn pack() -> String {
    format!("{}/21/S1", lot(1))
}

/// The rules for medicine, without the lot that would come before a pack.
fn pure() -> Pure {
    let text = include_str!("../../../core/custody/profiles/medicine.toml");
    let changed = text.replace("links = [{ kind = \"medicine.commission\", on = \"lot\" }]\n", "");
    assert_ne!(text, changed);
    let profile = Arc::new(Profile::parse(&changed).unwrap()) as Arc<dyn Rules>;
    let families = Families::new([Arc::new(Membership) as Arc<dyn Rules>, profile]);
    let members = [("pharmacy", "one"), ("pharmacy", "two"), ("authority", "a")];
    Pure::new(&ledger(two_logs(), families), &members)
}

fn dispense(world: &mut Pure, who: &str) {
    let statement = world.state(who, SUPPLY, "medicine.dispense", &pack(), Fields::new());
    world.admit(SUPPLY, &statement);
}

fn undo(world: &Pure, who: &str) -> Statement {
    world.state(who, SUPPLY, "medicine.undo-dispense", &pack(), Fields::new())
}

fn recall(world: &mut Pure, about: &str) -> Statement {
    let recall = world.state("a", TRUST, "medicine.recall", about, Fields::new().with("reason", "impure"));
    world.admit(TRUST, &recall);
    recall
}

#[test]
fn it_is_admitted_until_the_tenth_day_and_dispensed_again() {
    let mut world = pure();
    dispense(&mut world, "one");
    let statement = undo(&world, "two");
    assert_eq!(world.refusal(SUPPLY, &statement), "role");
    world.now.0 += 10 * DAY_MILLIS;
    let statement = undo(&world, "one");
    world.admit(SUPPLY, &statement);
    let statement = undo(&world, "one");
    assert_eq!(world.refusal(SUPPLY, &statement), "rule", "twice");
    dispense(&mut world, "two");
    world.now.0 += 11 * DAY_MILLIS;
    let statement = undo(&world, "two");
    assert_eq!(world.refusal(SUPPLY, &statement), "too-late");
}

#[test]
fn one_that_is_dated_back_comes_too_late_all_the_same() {
    let mut world = pure();
    dispense(&mut world, "one");
    let at = world.now;
    world.now.0 += 11 * DAY_MILLIS;
    let backdated = world.members["one"].sign(&Spec {
        kind: "medicine.undo-dispense",
        subject: pack(),
        fields: Fields::new(),
        prev: world.latest(SUPPLY, &pack()),
        links: Vec::new(),
        at,
        cti: random(),
    });
    assert_eq!(world.refusal(SUPPLY, &backdated), "too-late");
}

#[test]
fn after_a_recall_of_its_lot_or_its_product_no_pack_is_put_back() {
    for (about, refused) in [(lot(1), true), (CLASS.to_owned(), true), (lot(2), false)] {
        let mut world = pure();
        dispense(&mut world, "one");
        recall(&mut world, &about);
        let statement = undo(&world, "one");
        if refused {
            assert_eq!(world.refusal(SUPPLY, &statement), "recalled", "{about}");
        } else {
            world.admit(SUPPLY, &statement);
        }
    }
}

#[test]
fn a_suspension_and_a_void_recall_stop_nothing() {
    let mut world = pure();
    dispense(&mut world, "one");
    let fields = Fields::new().with("reason", "under examination");
    let suspended = world.state("a", TRUST, "medicine.suspend", &lot(1), fields);
    world.admit(TRUST, &suspended);
    recall(&mut world, &lot(1));
    let statement = undo(&world, "one");
    assert_eq!(world.refusal(SUPPLY, &statement), "recalled");
    let revocation = world.revocation("a", &[(TRUST, 1), (SUPPLY, 0)]);
    world.admit(TRUST, &revocation);
    world.admit(SUPPLY, &statement);
}

#[test]
fn in_one_block_the_recall_comes_first() {
    let mut world = pure();
    dispense(&mut world, "one");
    let fields = Fields::new().with("reason", "impure");
    let recall = world.state("a", TRUST, "medicine.recall", &lot(1), fields);
    let statement = undo(&world, "one");
    let block = [(SUPPLY, statement.as_bytes().to_vec()), (TRUST, recall.as_bytes().to_vec())];
    let admissions = world.apply_block(&block).admissions;
    let countersign_node::Admission::Refused(reason) = &admissions[0] else { panic!("{admissions:?}") };
    assert_eq!(reason.problem().as_str(), "recalled");
}

//! A revocation voids statements that stand already, and closes no subject: whoever is honest goes on after them.

use std::sync::Arc;

use countersign_ledger::{Families, Fields, Hash, LogName, Membership, Rules, Statement};
use countersign_node::{Admission, Reason};

use crate::couriers::custody_only;
use crate::pure::{Pure, ledger, two_logs};
use crate::world::{CLASS, DAY_MILLIS, Spec, lot, random};

const UNIT: &str = "https://id.gs1.org/00/000000000000000017";
const SUPPLY: LogName = LogName::SUPPLY;
const TRUST: LogName = LogName::TRUST;

fn pure() -> Pure {
    let profile = Arc::new(custody_only()) as Arc<dyn Rules>;
    let families = Families::new([Arc::new(Membership) as Arc<dyn Rules>, profile]);
    let members = [
        ("distributor", "packer"),
        ("distributor", "other"),
        ("courier", "thief"),
        ("courier", "honest"),
        ("courier", "next"),
        ("manufacturer", "dm"),
        ("authority", "a"),
        ("authority", "b"),
    ];
    Pure::new(&ledger(two_logs(), families), &members)
}

fn packing(world: &Pure, by: &str) -> Statement {
    let fields = Fields::new().with("contents", Hash::of(b"list")).with("count", 10);
    world.state(by, SUPPLY, "medicine.pack", UNIT, fields)
}

fn suspension(world: &Pure, by: &str) -> Statement {
    world.state(by, TRUST, "medicine.suspend", &lot(1), Fields::new().with("reason", "under examination"))
}

/// Folding the history of `subject` from its beginning comes to what is remembered of it.
fn assert_remembered_as_folded(world: &mut Pure, log: LogName, subject: &str) {
    let remembered = world.remembered(log, subject);
    for member in world.members.values() {
        world.machine.state().forget(log, member.certificate.fingerprint(), 0).unwrap();
    }
    assert_eq!(world.remembered(log, subject), remembered);
}

#[test]
fn the_next_honest_step_follows_a_latest_statement_that_a_revocation_has_voided() {
    // Raced: the place named is the thief's own. Earlier: it lies before all that the thief has signed.
    for raced in [true, false] {
        let mut world = pure();
        let packed = packing(&world, "packer");
        world.admit(SUPPLY, &packed);
        let stolen = world.receive("packer", "thief", UNIT, packed.id());
        let place = world.admit(SUPPLY, &stolen);
        let honest = world.receive("packer", "honest", UNIT, stolen.id());
        assert_eq!(world.refusal(SUPPLY, &honest), "rule", "the thief holds the goods");
        let from = if raced { place.index } else { 0 };
        let revocation = world.revocation("thief", &[(TRUST, 0), (SUPPLY, from)]);
        world.admit(TRUST, &revocation);

        // Who names what stood before comes second to nobody, and is told what to follow.
        let passing_over = world.receive("packer", "honest", UNIT, packed.id());
        assert!(matches!(
            world.apply(SUPPLY, &passing_over),
            Admission::Refused(Reason::NotLatest { latest: Some(latest) })
                if latest == stolen.id()
        ));
        world.admit(SUPPLY, &honest);
        assert_remembered_as_folded(&mut world, SUPPLY, UNIT);
        let next = world.receive("honest", "next", UNIT, honest.id());
        world.admit(SUPPLY, &next);
        assert_remembered_as_folded(&mut world, SUPPLY, UNIT);
    }
}

#[test]
fn a_statement_in_the_middle_is_voided_and_the_history_goes_on_from_the_latest() {
    let mut world = pure();
    for by in ["a", "b", "a"] {
        let statement = suspension(&world, by);
        world.admit(TRUST, &statement);
    }
    let revocation = world.revocation("b", &[(TRUST, 1), (SUPPLY, 0)]);
    world.admit(TRUST, &revocation);
    assert!(world.remembered(TRUST, &lot(1)).presumed.is_some());
    let next = suspension(&world, "a");
    world.admit(TRUST, &next);
    assert_remembered_as_folded(&mut world, TRUST, &lot(1));
}

#[test]
fn what_rests_on_a_voided_packing_stands_and_goes_on() {
    let mut world = pure();
    let packed = packing(&world, "packer");
    world.admit(SUPPLY, &packed);
    let received = world.receive("packer", "honest", UNIT, packed.id());
    world.admit(SUPPLY, &received);
    // The packer's later offers are void too: named is a place after the handover, then one before the packing.
    let revocation = world.revocation("packer", &[(TRUST, 0), (SUPPLY, 0)]);
    world.admit(TRUST, &revocation);
    assert_remembered_as_folded(&mut world, SUPPLY, UNIT);
    // Nothing stands: the unit may be packed anew, after the void statements.
    let again = packing(&world, "other");
    assert_eq!(world.latest(SUPPLY, UNIT), Some(received.id()));
    world.admit(SUPPLY, &again);
    let next = world.receive("other", "next", UNIT, again.id());
    world.admit(SUPPLY, &next);
    assert_remembered_as_folded(&mut world, SUPPLY, UNIT);
}

#[test]
fn an_honest_receiver_of_a_voided_packing_keeps_the_goods() {
    let mut world = pure();
    let packed = packing(&world, "packer");
    world.admit(SUPPLY, &packed);
    let first = world.receive("packer", "honest", UNIT, packed.id());
    world.admit(SUPPLY, &first);
    let second = world.receive("honest", "next", UNIT, first.id());
    world.admit(SUPPLY, &second);
    // The packing and the handover that carries the packer's offer are void, the second handover is not.
    let revocation = world.revocation("packer", &[(TRUST, 0), (SUPPLY, 0)]);
    world.admit(TRUST, &revocation);
    let third = world.receive("next", "honest", UNIT, second.id());
    world.admit(SUPPLY, &third);
    assert_remembered_as_folded(&mut world, SUPPLY, UNIT);
}

#[test]
fn a_voided_offer_voids_its_handover_and_the_giver_before_it_goes_on() {
    let mut world = pure();
    let packed = packing(&world, "packer");
    world.admit(SUPPLY, &packed);
    let to_thief = world.receive("packer", "thief", UNIT, packed.id());
    world.admit(SUPPLY, &to_thief);
    let from_thief = world.receive("thief", "honest", UNIT, to_thief.id());
    let place = world.admit(SUPPLY, &from_thief);
    // Void is what carries the thief's offer, though an honest hand signed it; that the thief received stands.
    let revocation = world.revocation("thief", &[(TRUST, 0), (SUPPLY, place.index)]);
    world.admit(TRUST, &revocation);
    assert_remembered_as_folded(&mut world, SUPPLY, UNIT);
    let of_the_thief = world.receive("thief", "next", UNIT, from_thief.id());
    assert_eq!(world.refusal(SUPPLY, &of_the_thief), "revoked");
    let of_the_receiver = world.receive("honest", "next", UNIT, from_thief.id());
    assert_eq!(world.refusal(SUPPLY, &of_the_receiver), "rule");
    // An earlier place takes the goods back to the packer.
    let earlier = world.revocation("thief", &[(TRUST, 0), (SUPPLY, 0)]);
    world.admit(TRUST, &earlier);
    let again = world.receive("packer", "honest", UNIT, from_thief.id());
    world.admit(SUPPLY, &again);
    assert_remembered_as_folded(&mut world, SUPPLY, UNIT);
}

#[test]
fn a_link_to_a_void_statement_is_refused_for_that_and_the_same_step_goes_through_with_another() {
    let mut world = pure();
    let certify = |world: &Pure, by: &str| {
        let fields = Fields::new().with("class", "C-1").with("product", "Example 5 mg");
        let fields = fields.with("nbf", world.now.0 - DAY_MILLIS).with("exp", world.now.0 + DAY_MILLIS);
        let fields = fields.with("holder", world.members["dm"].certificate.identity().as_str());
        world.state(by, SUPPLY, "medicine.certificate", CLASS, fields)
    };
    let voided = certify(&world, "b");
    world.admit(SUPPLY, &voided);
    let standing = certify(&world, "a");
    world.admit(SUPPLY, &standing);
    let revocation = world.revocation("b", &[(TRUST, 0), (SUPPLY, 0)]);
    world.admit(TRUST, &revocation);
    let recall = |world: &Pure, link| {
        let fields = Fields::new().with("reason", "impure");
        world.state_linked("dm", TRUST, "medicine.recall", &lot(1), fields, &[link])
    };
    let refused = recall(&world, voided.id());
    assert_eq!(world.refusal(TRUST, &refused), "void-link");
    let good = recall(&world, standing.id());
    world.admit(TRUST, &good);
}

#[test]
fn a_void_winner_is_no_custody_conflict_and_a_standing_one_is_found_behind_later_statements() {
    let mut world = pure();
    let packed = packing(&world, "packer");
    world.admit(SUPPLY, &packed);
    let (winner, loser) = (
        world.receive("packer", "thief", UNIT, packed.id()),
        world.receive("packer", "honest", UNIT, packed.id()),
    );
    world.admit(SUPPLY, &winner);
    let mut last = winner.id();
    for (giver, receiver) in [("thief", "next"), ("next", "thief"), ("thief", "next")] {
        let statement = world.receive(giver, receiver, UNIT, last);
        world.admit(SUPPLY, &statement);
        last = statement.id();
    }
    let taken = |world: &mut Pure| world.apply(SUPPLY, &loser);
    assert_eq!(taken(&mut world), Admission::Refused(Reason::Taken { by: winner.id() }));
    let revocation = world.revocation("thief", &[(TRUST, 0), (SUPPLY, 0)]);
    world.admit(TRUST, &revocation);
    assert_eq!(taken(&mut world), Admission::Refused(Reason::NotLatest { latest: Some(last) }));
}

#[test]
fn a_revocation_voids_what_stands_in_its_own_block_before_any_store_has_it() {
    let mut world = pure();
    let voided = suspension(&world, "b");
    let revocation = world.revocation("b", &[(TRUST, 0), (SUPPLY, 0)]);
    let lift = world.members["a"].sign(&Spec {
        kind: "medicine.lift",
        subject: lot(1),
        fields: Fields::new(),
        prev: Some(voided.id()),
        links: vec![voided.id()],
        at: world.now,
        cti: random(),
    });
    let block = [&voided, &revocation, &lift].map(|statement| (TRUST, statement.as_bytes().to_vec()));
    let admissions = world.apply_block(&block).admissions;
    assert!(matches!(admissions[..2], [Admission::New(_), Admission::New(_)]), "{admissions:?}");
    let Admission::Refused(reason) = &admissions[2] else { panic!("{admissions:?}") };
    assert_eq!(reason.problem().as_str(), "rule", "the suspension still counts");
    assert_remembered_as_folded(&mut world, TRUST, &lot(1));
}

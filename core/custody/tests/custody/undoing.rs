//! A dispensing that is taken back: by the same pharmacy, within ten days, and what a phone then says of the pack.

use countersign_custody::{
    Dossier, FaultReason, Mark, Profile, ProfileError, Reason, Verdict, VerdictKind, verdict,
};
use countersign_ledger::{LogName, Subject};

use crate::play::{DAY, LOT, NOW, Play, SERIAL, START, Spec, item};

/// A lot that was distributed, and a pack of it that was dispensed at noon.
fn dispensed() -> (Play, u64) {
    let (mut play, noon) = (Play::whole(), START + 2 * DAY + DAY / 2);
    let spec = play.spec("dispense");
    play.take(&Spec { at: noon, ..spec }).unwrap();
    (play, noon)
}

fn undo_at(play: &Play, at: u64) -> Spec {
    Spec { at, ..play.spec("undo-dispense") }
}

fn reason(play: &mut Play, spec: &Spec) -> FaultReason {
    play.check(spec).unwrap_err().reason
}

/// The verdict of a phone that follows the pack, and of one that follows its product alone.
fn judged(play: &Play) -> [Verdict; 2] {
    [play.facts_with_pack(), play.facts()]
        .map(|facts| verdict(&item(), Some(&Dossier::new(&play.profile, facts)), NOW))
}

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

#[test]
fn the_tenth_day_is_the_last_whatever_the_hour() {
    let (mut play, noon) = dispensed();
    let day = |days: u64| noon - noon % DAY + days * DAY;
    for at in [noon, noon + 1, day(10), day(11) - 1] {
        let spec = undo_at(&play, at);
        assert_eq!(play.check(&spec), Ok(()), "{at}");
    }
    for at in [day(11), day(12), day(400)] {
        let spec = undo_at(&play, at);
        assert_eq!(reason(&mut play, &spec), FaultReason::TooLate(10), "{at}");
    }
}

#[test]
fn another_pharmacy_takes_nothing_back_and_no_other_role_does() {
    let (mut play, noon) = dispensed();
    let spec = undo_at(&play, noon + DAY);
    assert_eq!(reason(&mut play, &spec.clone().by("pharmacy second")), FaultReason::NotTheReceiver);
    assert_eq!(reason(&mut play, &spec.by("manufacturer")), FaultReason::WrongRole);
}

#[test]
fn what_was_not_dispensed_is_not_taken_back_and_nothing_is_taken_back_twice() {
    let mut play = Play::whole();
    let spec = play.spec("undo-dispense");
    assert_eq!(reason(&mut play, &spec), FaultReason::WrongStep);
    let (mut play, noon) = dispensed();
    play.take(&undo_at(&play, noon + DAY)).unwrap();
    let spec = undo_at(&play, noon + 2 * DAY);
    assert_eq!(reason(&mut play, &spec), FaultReason::AlreadyDone);
}

#[test]
fn a_pack_is_dispensed_again_by_anyone_and_then_that_one_alone_may_take_it_back() {
    let (mut play, noon) = dispensed();
    play.take(&undo_at(&play, noon + 9 * DAY)).unwrap();
    let again = Spec { at: noon + 10 * DAY, ..play.spec("dispense") };
    play.take(&again.by("pharmacy second")).unwrap();
    // The ten days are those of the latest.
    let spec = undo_at(&play, noon + 20 * DAY);
    assert_eq!(reason(&mut play, &spec), FaultReason::NotTheReceiver);
    play.take(&spec.by("pharmacy second")).unwrap();
    let third = Spec { at: noon + 20 * DAY, ..play.spec("dispense") };
    play.take(&third).unwrap();
    let twice = Spec { at: noon + 20 * DAY, ..play.spec("dispense") };
    assert_eq!(reason(&mut play, &twice), FaultReason::AlreadyDone);
}

#[test]
fn a_pack_whose_dispensing_was_taken_back_is_on_the_shelf_again() {
    let (mut play, noon) = dispensed();
    assert_eq!(judged(&play).map(|verdict| keys(&verdict)), [["dispensed"], ["dispensed-recorded"]]);
    play.take(&undo_at(&play, noon + DAY)).unwrap();
    let [followed, unfollowed] = judged(&play);
    assert_eq!((followed.kind, keys(&followed)), (VerdictKind::Authentic, vec![]));
    let last: Vec<_> = followed.timeline.iter().rev().take(2).map(|event| event.kind.as_str()).collect();
    assert_eq!(last, ["medicine.undo-dispense", "medicine.dispense"]);
    // Who has the index alone does not know what the second statement says, and is told what to fetch.
    assert_eq!((unfollowed.kind, keys(&unfollowed)), (VerdictKind::CannotTell, vec!["not-followed"]));
    let pack = Subject::new(format!("{LOT}/21/{SERIAL}")).unwrap();
    assert_eq!(unfollowed.reasons, [Reason::NotFollowed { subject: pack }]);
    play.take(&Spec { at: noon + 2 * DAY, ..play.spec("dispense") }).unwrap();
    assert_eq!(judged(&play).map(|verdict| keys(&verdict)), [["dispensed"], ["dispensed-recorded"]]);
}

#[test]
fn what_breaks_the_rules_takes_nothing_back() {
    for (who, days) in [("pharmacy second", 1), ("pharmacy", 11)] {
        let (mut play, noon) = dispensed();
        play.force(&undo_at(&play, noon + days * DAY).by(who));
        let [followed, _] = judged(&play);
        assert_eq!(
            (followed.kind, keys(&followed)),
            (VerdictKind::Suspect, vec!["broken-history", "dispensed"])
        );
        assert_eq!(followed.timeline.last().unwrap().mark, Mark::AtFault);
    }
}

#[test]
fn what_is_void_takes_nothing_back() {
    let (mut play, noon) = dispensed();
    play.take(&undo_at(&play, noon + DAY)).unwrap();
    let undone = play.history(LogName::SUPPLY, &format!("{LOT}/21/{SERIAL}"))[1].index();
    play.revoke("pharmacy", undone);
    let [followed, _] = judged(&play);
    assert_eq!(keys(&followed), ["dispensed"]);
    assert_eq!(followed.timeline.last().unwrap().mark, Mark::Void);
}

#[test]
fn a_recall_stands_over_a_pack_that_was_put_back() {
    let (mut play, noon) = dispensed();
    play.take(&undo_at(&play, noon + DAY)).unwrap();
    play.admit("recall");
    assert_eq!(judged(&play).map(|verdict| verdict.reasons[0].key()), ["recalled"; 2]);
}

#[test]
fn an_undo_that_follows_something_else_is_no_profile() {
    let text = include_str!("../../profiles/medicine.toml");
    let changed = text.replace(
        "signer-of = [\"medicine.dispense\"] }\nafter = [\"medicine.dispense\"]",
        "signer-of = [\"medicine.dispense\"] }\nafter = [\"nothing\", \"medicine.dispense\"]",
    );
    assert_ne!(text, changed);
    assert!(matches!(Profile::parse(&changed), Err(ProfileError::Contradiction { .. })));
    let changed = text.replace("of = \"medicine.dispense\"", "of = \"medicine.nothing\"");
    assert!(matches!(Profile::parse(&changed), Err(ProfileError::UnknownStep { .. })));
}

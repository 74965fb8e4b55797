//! Profiles are data: what a file may contain, and the mistakes that are caught.

use countersign_custody::{Effect, Profile, ProfileError};
use countersign_ledger::{Kind, LogName};

const MEDICINE: &str = include_str!("../../profiles/medicine.toml");

/// The error in the medicine profile after an edit.
fn edited(from: &str, to: &str) -> ProfileError {
    assert!(MEDICINE.contains(from), "{from}");
    Profile::parse(&MEDICINE.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn the_medicine_profile_has_six_transfers() {
    let profile = Profile::medicine();
    assert!(profile.steps().iter().filter_map(|step| step.number).eq(1..=6));
    assert_eq!(profile.roles().len(), 7);
    let recall = profile.step(&Kind::new("medicine.recall").unwrap()).unwrap();
    assert_eq!((recall.log, &recall.effect), (LogName::TRUST, &Effect::Recall));
}

#[test]
fn third_party_verification_asks_in_the_published_order() {
    let profile = Profile::medicine();
    let asked: Vec<_> =
        profile.verification().iter().map(|one| (one.finding.as_str(), one.answers.as_str())).collect();
    let order = [
        ("expiry-tampered", "distributor"),
        ("certificate-forged", "manufacturer"),
        ("material-tampered", "supplier"),
    ];
    assert_eq!(asked, order);
    let numbers = profile
        .verification()
        .iter()
        .flat_map(|one| &one.steps)
        .filter_map(|kind| profile.step(kind)?.number);
    assert_eq!(numbers.collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_slip_in_a_name_is_told_by_that_name() {
    assert_eq!(
        edited("roles = [\"supplier\"], receiver-of", "roles = [\"suplier\"], receiver-of").to_string(),
        "`medicine.material` names the unknown role `suplier`"
    );
    assert_eq!(
        edited("after = [\"medicine.trial\"]", "after = [\"medicine.trail\"]").to_string(),
        "`medicine.approval` names the unknown step `medicine.trail`"
    );
    assert_eq!(
        edited("steps = [\"medicine.receipt\"", "steps = [\"medicine.reciept\"").to_string(),
        "`expiry-tampered` names the unknown step `medicine.reciept`"
    );
    assert_eq!(
        edited("answers = \"distributor\"", "answers = \"nobody\"").to_string(),
        "`expiry-tampered` names the unknown role `nobody`"
    );
    assert!(matches!(
        edited("complete = \"medicine.d", "complete = \"medicine.x"),
        ProfileError::UnknownStep { .. }
    ));
    assert!(matches!(
        edited("when-signer = \"manufacturer\"", "when-signer = \"m\""),
        ProfileError::UnknownRole { .. }
    ));
    assert!(matches!(
        edited("kind = \"medicine.receipt\"", "kind = \"luxury.receipt\""),
        ProfileError::ForeignKind(_)
    ));
}

#[test]
fn what_is_given_twice_is_refused() {
    assert_eq!(edited("    \"supplier\",", "    \"authority\","), ProfileError::Twice("authority".into()));
    let kind = ProfileError::Twice("medicine.trial".into());
    assert_eq!(edited("kind = \"medicine.approval\"\nnumber", "kind = \"medicine.trial\"\nnumber"), kind);
    let steps = ProfileError::Twice("medicine.receipt".into());
    assert_eq!(edited("[\"medicine.material\", ", "[\"medicine.material\", \"medicine.receipt\", "), steps);
    assert!(matches!(edited("number = 2", "number = 1"), ProfileError::Contradiction { .. }));
}

#[test]
fn fields_that_a_rule_needs_must_be_there_in_their_type() {
    let field = |at: &str, field: &str| ProfileError::Field { at: at.into(), field: field.into() };
    assert_eq!(edited("from = \"nbf\"", "from = \"start\""), field("medicine.certificate", "start"));
    assert_eq!(edited("nbf = \"time\"", "nbf = \"uint\""), field("medicine.certificate", "nbf"));
    assert_eq!(edited("contents = \"digest\"", "content = \"digest\""), field("medicine.pack", "contents"));
    assert_eq!(edited("reason = \"text\", photo", "photo"), field("medicine.refusal", "reason"));
    assert_eq!(
        edited("{ field = \"material\", with", "{ field = \"mui\", with"),
        field("medicine.trial", "mui")
    );
    assert_eq!(
        edited("sold = \"uint\"", "sold = \"uint\", to = \"identity\"").to_string(),
        "step `medicine.sales-status` contradicts itself: the field `to` belongs to the receiver"
    );
    assert_eq!(
        edited("receiver-of = [\"medicine.sales-status\"]", "receiver-of = [\"medicine.commission\"]"),
        field("medicine.commission", "to")
    );
}

#[test]
fn rules_that_cannot_hold_are_refused() {
    for (from, to) in [
        ("after = [\"medicine.material-request\"]", "after = []"),
        ("after = [\"medicine.material-request\"]", "after = [\"nothing\"]"),
        ("after = [\"medicine.material-request\"]", "after = [\"medicine.recall\"]"),
        ("subject = [\"pack\"]\nsigner", "subject = []\nsigner"),
        ("on = \"same\" }]\nfields = { bc", "on = \"same\", holder = \"signer\" }]\nfields = { bc"),
        ("links = [{ kind = \"medicine.suspend\", on = \"same\" }]", ""),
        ("fields = { bc = \"chain\" }", "fields = { bc = \"chain\", bd = \"chain\" }"),
    ] {
        assert!(matches!(edited(from, to), ProfileError::Contradiction { .. }), "{from}");
    }
}

#[test]
fn what_is_no_profile_says_where() {
    let error = edited("materials = \"text\"", "materials = \"txt\"").to_string();
    assert!(error.contains("`txt` is not a field type") && error.contains("line"), "{error}");
    assert!(
        edited("custody = \"signer\"", "kustody = \"signer\"")
            .to_string()
            .contains("unknown field `kustody`")
    );
    assert!(edited("log = \"trust\"", "log = \"Truth\"").to_string().contains("a log's name"));
    assert!(
        edited("kind = \"medicine.lift\"", "kind = \"Medicine!\"").to_string().starts_with("not a profile")
    );
    assert!(matches!(Profile::parse(""), Err(ProfileError::Syntax(_))));
}

/// The second industry has an order that is placed anew, and a handover that repeats: both are data.
#[test]
fn a_profile_can_say_what_another_industry_needs() {
    let text = r#"
        name = "parcel"
        complete = "parcel.ship"
        roles = ["shop", "courier"]
        [[step]]
        kind = "parcel.ship"
        number = 1
        title = "Shipped"
        log = "supply"
        subject = ["unit", "matter"]
        signer = { roles = ["shop"] }
        receiver = { roles = ["courier"] }
        after = ["nothing"]
        fields = {}
        [[step]]
        kind = "parcel.handover"
        number = 2
        title = "Handed over"
        log = "supply"
        subject = ["unit"]
        signer = { roles = ["courier"], receiver-of = ["parcel.ship", "parcel.handover"] }
        receiver = { roles = ["courier"] }
        after = ["parcel.ship", "parcel.handover"]
        fields = { bc = "chain", place = "text", seal = "bytes?" }
    "#;
    let profile = Profile::parse(text).unwrap();
    assert_eq!((profile.name(), profile.steps().len()), ("parcel", 2));
    assert_eq!(profile.complete().as_str(), "parcel.ship");
}

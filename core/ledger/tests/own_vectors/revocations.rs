//! Revocations: from which place of which log on a certificate signs nothing.

use std::collections::BTreeMap;

use countersign_ledger::{
    Certificate, Draft, Entry, Fields, LogName, REVOKE, Refusal, Statement, TrustStore, UnixMillis, Value,
    Verified,
};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Vectors};
use crate::reason;
use crate::world::{Member, NOW, OTHER_DOMAIN, PERIOD, Trusted, draft, member, member_of};

/// The revocation of a certificate, from a place of each log that is named on.
pub fn revocation(certificate: &Certificate, from: &[(&str, u64)]) -> Draft {
    let fields = Fields::new().with("certificate", certificate.fingerprint());
    let from = from.iter().map(|(log, place)| (format!("from-{log}"), *place));
    let fields = from.fold(fields, |fields, (name, place)| fields.with(&name, place));
    draft(REVOKE, certificate.identity().as_str(), fields)
}

#[derive(Serialize, Deserialize)]
struct Revocations {
    /// In the order of the trust log, from its first entry on.
    statements: Vec<Blob>,
    /// A statement, and the places of logs at which it is looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    places: Vec<(LogName, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<Blob>,
}

/// For each log its places, and whether the statement counts there.
type Stands = BTreeMap<LogName, BTreeMap<u64, bool>>;

const RECORDS: &str = "records-full";

fn revoke(trust: &mut TrustStore, revocation: &Statement, index: u64) -> Result<(), Refusal> {
    let verified = trust.verify(revocation.clone())?;
    trust.check(&verified)?;
    match trust.place(verified, LogName::TRUST, index) {
        Entry::Standing(placed) => trust.apply(&placed),
        Entry::Void(_) => Err(Refusal::Revoked),
    }
}

struct Cast {
    registrar: Member,
    second: Member,
    authority: Member,
    courier: Member,
    foreign: Member,
}

fn cast() -> Cast {
    Cast {
        registrar: member("registrar", 2),
        second: member("registrar", 3),
        authority: member("authority", 4),
        courier: member("courier", 5),
        foreign: member_of(OTHER_DOMAIN, "registrar", 102),
    }
}

fn revocations(statements: &[Statement]) -> Revocations {
    let statements = statements.iter().map(|one| one.as_bytes().into()).collect();
    Revocations { statements, places: Vec::new(), statement: None }
}

type File = Vectors<Trusted, Revocations, Stands>;

#[test]
fn places() {
    let cast = cast();
    let mut file = Vectors::new(
        &[
            "Revocations: statements of the trust log, and at which places of which logs a certificate signs nothing because of them.",
            "A revocation names the certificate, and for each log the first place at which it signs nothing. In a log that is not named \
             it signs nothing at all. Of two revocations of one certificate, for each log the earlier place counts.",
            "Accepted: after these revocations, told for each place whether the statement counts there. Refused: the last of the \
             revocations. Certificates are verified as for any statement, first.",
        ],
        Trusted::new(&[&cast.registrar, &cast.authority, &cast.courier, &cast.foreign]),
    );
    accept(&mut file, &cast);
    refuse_fields(&mut file, &cast);
    refuse_registrars(&mut file, &cast);
    file.check("revocation/revocation.json", |trusted, case| {
        let refused = |refusal| reason::refusal(refusal).to_owned();
        let mut trust = trusted.store();
        for (statement, index) in case.statements.iter().zip(0..) {
            let statement = Statement::parse(&statement.0).map_err(|error| refused(error.into()))?;
            revoke(&mut trust, &statement, index).map_err(refused)?;
        }
        let statement = case.statement.as_ref().unwrap();
        let verified: Verified = trust.verify(Statement::parse(&statement.0).unwrap()).map_err(refused)?;
        let mut stands = Stands::new();
        for &(log, place) in &case.places {
            let entry = trust.place(verified.clone(), log, place);
            stands.entry(log).or_default().insert(place, entry.standing().is_some());
        }
        Ok(stands)
    });
}

fn accept(file: &mut File, cast: &Cast) {
    let (supply, trust, records) = (LogName::SUPPLY, LogName::TRUST, LogName::new(RECORDS).unwrap());
    let recall = cast.authority.sign(&draft("medicine.recall", crate::world::LOT, Fields::new()), NOW);
    let offer = cast.authority.sign(&draft("custody.offer", crate::world::LOT, Fields::new()), NOW);
    let handover = draft("luxury.handover", crate::world::LOT, Fields::new());
    let handover = cast.courier.countersign(&handover, &offer, NOW);
    let by = |from: &[(&str, u64)]| cast.registrar.sign(&revocation(&cast.authority.certificate, from), NOW);
    let mut accept = |name: &str, all: &[Statement], told: &Statement, stands: &[(LogName, u64, bool)]| {
        let mut expect = Stands::new();
        for &(log, place, counts) in stands {
            expect.entry(log).or_default().insert(place, counts);
        }
        let places = stands.iter().map(|&(log, place, _)| (log, place)).collect();
        let input = Revocations { places, statement: Some(told.as_bytes().into()), ..revocations(all) };
        file.accept(name, input, expect);
    };
    let one = [by(&[("supply", 7), ("trust", 3)])];
    let places = [
        (supply, 6, true),
        (supply, 7, false),
        (supply, 8, false),
        (trust, 2, true),
        (trust, 3, false),
        (records, 0, false),
    ];
    accept("a place for each of two logs, and none for a third", &one, &recall, &places);
    let two = [by(&[("supply", 7), ("trust", 3)]), by(&[("supply", 4), ("trust", 9), (RECORDS, 5)])];
    let places =
        [(supply, 3, true), (supply, 4, false), (trust, 2, true), (trust, 3, false), (records, 0, false)];
    accept("of two revocations the earlier place of each log counts", &two, &recall, &places);
    let none = [by(&[])];
    accept("no log is named", &none, &recall, &[(supply, 0, false), (trust, 0, false), (records, 0, false)]);
    let places = [(supply, 6, true), (supply, 7, false)];
    accept("whoever countersigns a revoked signer's statement states nothing", &one, &handover, &places);
}

fn refuse_fields(file: &mut File, cast: &Cast) {
    let courier = &cast.courier.certificate;
    let with = |name: &str, value: Value| {
        let mut draft = revocation(courier, &[("supply", 7)]);
        draft.fields.insert(name, value);
        cast.registrar.sign(&draft, NOW)
    };
    let mut nothing = revocation(courier, &[("supply", 7)]);
    nothing.fields = Fields::new().with("from-supply", 7);
    let mut elsewhere = revocation(courier, &[("supply", 7)]);
    elsewhere.subject = draft(REVOKE, "urn:example:courier", Fields::new()).subject;
    let mut another = revocation(courier, &[("supply", 7)]);
    another.subject = draft(REVOKE, cast.authority.identity().as_str(), Fields::new()).subject;
    for (name, statement) in [
        ("a place that is text", with("from-supply", "7".into())),
        ("a place that is bytes", with("from-supply", Value::Bytes(vec![7]))),
        ("a log without a name", with("from-", 7.into())),
        ("a log whose name begins with a digit", with("from-1", 7.into())),
        ("a log's name of 17 characters", with("from-abcdefghijklmnopq", 7.into())),
        ("a field that names no log", with("reason", "theft".into())),
        ("a time in place of a place", with("from", 1_800_000_000_000.into())),
        ("a log under another word", with("until-supply", 7.into())),
        ("a certificate that is text", with("certificate", "theft".into())),
        ("a certificate's digest of 31 bytes", with("certificate", Value::Bytes(vec![7; 31]))),
        ("the certificate itself in place of its digest", {
            with("certificate", Value::Bytes(courier.as_der().to_vec()))
        }),
        ("no certificate", cast.registrar.sign(&nothing, NOW)),
        ("about something that is no member", cast.registrar.sign(&elsewhere, NOW)),
        ("about another member than the certificate's", cast.registrar.sign(&another, NOW)),
    ] {
        file.refuse("fields", name, revocations(&[statement]));
    }
}

fn refuse_registrars(file: &mut File, cast: &Cast) {
    let courier = revocation(&cast.courier.certificate, &[("supply", 7), ("trust", 0)]);
    let own = revocation(&cast.registrar.certificate, &[("supply", 0), ("trust", 1)]);
    let late = UnixMillis(PERIOD.until.0 + 1000);
    let forged = courier.sign(&cast.registrar.certificate, &cast.courier.key(), NOW, [9; 16]).unwrap();
    let foreign = revocation(&cast.foreign.certificate, &[("supply", 0)]);
    for (reason, name, statements) in [
        ("role", "an authority revokes", vec![cast.authority.sign(&courier, NOW)]),
        ("role", "a courier revokes itself", vec![cast.courier.sign(&courier, NOW)]),
        ("domain", "another domain's registrar revokes", vec![cast.foreign.sign(&courier, NOW)]),
        (
            "domain",
            "a registrar revokes another domain's registrar",
            vec![cast.registrar.sign(&foreign, NOW)],
        ),
        ("unknown-signer", "a registrar whom nobody enrolled", vec![cast.second.sign(&courier, NOW)]),
        ("expired", "a registrar whose certificate had run out", vec![cast.registrar.sign(&courier, late)]),
        ("signature", "a registrar's statement that another key signed", vec![forged]),
        ("revoked", "a registrar who has revoked itself before", {
            vec![cast.registrar.sign(&own, NOW), cast.registrar.sign(&courier, NOW)]
        }),
    ] {
        file.refuse(reason, name, revocations(&statements));
    }
}

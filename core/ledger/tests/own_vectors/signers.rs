//! Who signed a statement: which statements are believed by somebody who trusts these members.

use std::collections::BTreeMap;

use countersign_ledger::certificate;
use countersign_ledger::cose::to_be_signed;
use countersign_ledger::{
    Certificate, Draft, Fields, Hash, Identity, Refusal, Signer as _, Statement, UnixMillis, Value, Verified,
};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Hex, Vectors};
use crate::raw::{array, bytes, map};
use crate::reason;
use crate::statements::carrying;
use crate::world::{
    LOT, Member, NOW, OTHER_DOMAIN, PERIOD, Trusted, draft, key, member, member_of, root_key,
};

#[derive(Serialize, Deserialize)]
struct Bytes {
    statement: Blob,
}

/// What is believed of a statement.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Believed {
    signer: String,
    fields: BTreeMap<String, Field>,
    prev: Option<Hex>,
    sealed: Option<Hex>,
    /// SHA-256 of what was signed.
    signed: Hex,
    /// Signers of the statements that it carries, from the outermost on.
    carried: Vec<String>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
enum Field {
    Uint(u64),
    Text(String),
    Bytes(Hex),
}

fn believed(verified: &Verified) -> Believed {
    let field = |value: &Value| match value {
        Value::Uint(value) => Field::Uint(*value),
        Value::Text(text) => Field::Text(text.clone()),
        Value::Bytes(bytes) => Field::Bytes(bytes.clone().into()),
    };
    let signer = |one: &Verified| one.signer().identity().as_str().to_owned();
    let carried = std::iter::successors(verified.countersigned(), |one| one.countersigned());
    Believed {
        signer: signer(verified),
        fields: verified.fields().iter().map(|(name, value)| (name.to_owned(), field(value))).collect(),
        prev: verified.prev().map(Hex::from),
        sealed: verified.sealed().map(Hex::from),
        signed: verified.signature_operands().0.into(),
        carried: carried.map(signer).collect(),
    }
}

fn recall() -> Draft {
    draft("medicine.recall", LOT, Fields::new().with("reason", "glass"))
}

/// A statement with every part that there is.
fn full() -> Draft {
    Draft {
        prev: Some(Hash::of(b"prev")),
        links: vec![Hash::of(b"link")],
        sealed: Some(vec![0x5e; 8]),
        ..draft("medicine.recall", LOT, Fields::new().with("reason", "glass").with("packs", 40))
    }
}

type File = Vectors<Trusted, Bytes, Believed>;

#[test]
fn signers() {
    let members = [("authority", 2), ("courier", 3), ("pharmacy", 4)].map(|(role, seed)| member(role, seed));
    let foreign = member_of(OTHER_DOMAIN, "authority", 102);
    let [authority, courier, pharmacy] = &members;
    let mut file = Vectors::new(
        &[
            "Statements: which are believed by a reader who has these roots and has enrolled these members' certificates.",
            "The statement and every one that it carries must be its signer's: the certificate is enrolled, is the issuer's, held \
             at the statement's time, and its key signed the statement. Checks are made in that order, the outermost statement's \
             first. The first that fails is the reason.",
            "Whether a signer may make such a statement, and whether it was revoked, is asked elsewhere.",
        ],
        Trusted::new(&[authority, courier, pharmacy, &foreign]),
    );
    accept(&mut file, authority);
    refuse_signers(&mut file, &members);
    refuse_changes(&mut file, authority);
    refuse_signatures(&mut file, authority, courier);
    refuse_carried(&mut file, &members);
    file.check("statement/signer.json", |trusted, Bytes { statement }| {
        let refused = |refusal| reason::refusal(refusal).to_owned();
        let statement = Statement::parse(&statement.0).map_err(|error| refused(Refusal::from(error)))?;
        Ok(believed(&trusted.store().verify(statement).map_err(refused)?))
    });
}

fn refuse(file: &mut File, reason: &str, name: &str, statement: &[u8]) {
    file.refuse(reason, name, Bytes { statement: statement.into() });
}

fn accept(file: &mut File, authority: &Member) {
    let mut accept = |name: &str, statement: &Statement, signed: &[u8], said: Believed| {
        let expect = Believed { signed: Hash::of(signed).into(), ..said };
        file.accept(name, Bytes { statement: statement.as_bytes().into() }, expect);
    };
    let said = |who: &str, fields: &[(&str, Field)]| Believed {
        signer: format!("spiffe://meds.example/{who}/first"),
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), copy(value))).collect(),
        prev: None,
        sealed: None,
        signed: Hex::default(),
        carried: Vec::new(),
    };
    let reason = [("reason", Field::Text("glass".into()))];
    for (name, at) in [
        ("signed in the first second of its certificate", PERIOD.from),
        ("signed in its last second", PERIOD.until),
    ] {
        let statement = authority.sign(&recall(), at);
        accept(name, &statement, &signed(&statement), said("authority", &reason));
    }
    let statement = authority.sign(&full(), NOW);
    let fields = [("reason", Field::Text("glass".into())), ("packs", Field::Uint(40))];
    let (prev, sealed) = (Some(Hash::of(b"prev").into()), Some(vec![0x5e; 8].into()));
    let name = "a statement with every part that there is";
    accept(name, &statement, &signed(&statement), Believed { prev, sealed, ..said("authority", &fields) });
    let [_, _, evidence] = carrying();
    let carried = ["pharmacy", "courier"].map(|who| said(who, &[]).signer).into();
    let name = "evidence that carries an answer that carries an offer";
    accept(name, &evidence, &signed(&evidence), Believed { carried, ..said("pharmacy", &[]) });
}

fn copy(field: &Field) -> Field {
    match field {
        Field::Uint(value) => Field::Uint(*value),
        Field::Text(text) => Field::Text(text.clone()),
        Field::Bytes(bytes) => Field::Bytes(bytes.clone()),
    }
}

/// What is signed of a statement, from its bytes.
fn signed(statement: &Statement) -> Vec<u8> {
    let sign1 = countersign_ledger::cose::Sign1::parse(statement.as_bytes()).unwrap();
    sign1.to_be_signed(&[], &[])
}

fn refuse_signers(file: &mut File, [authority, courier, _]: &[Member; 3]) {
    let stranger = member("authority", 5);
    refuse(
        file,
        "unknown-signer",
        "a certificate of the same name that nobody enrolled",
        stranger.sign(&recall(), NOW).as_bytes(),
    );
    let public = key(2).public_key();
    let again = |domain: &str, root: u8| {
        let holder = Identity::new(domain, "authority", "first").unwrap();
        certificate::issue(&holder, &public, &key(root), PERIOD, [77; 16]).unwrap()
    };
    let sign = |certificate: &Certificate| recall().sign(certificate, &key(2), NOW, [9; 16]).unwrap();
    let name = "another certificate for the enrolled key";
    refuse(file, "unknown-signer", name, sign(&again("meds.example", 1)).as_bytes());
    let name = "a certificate that another domain's root issued in this one's name";
    refuse(file, "unknown-signer", name, sign(&again("meds.example", 101)).as_bytes());
    let earlier = UnixMillis(PERIOD.from.0 - 1000);
    refuse(
        file,
        "not-yet-valid",
        "signed a second before its certificate held",
        authority.sign(&recall(), earlier).as_bytes(),
    );
    let later = UnixMillis(PERIOD.until.0 + 1000);
    refuse(
        file,
        "expired",
        "signed a second after its certificate had run out",
        authority.sign(&recall(), later).as_bytes(),
    );
    refuse(file, "not-yet-valid", "signed in 1970", authority.sign(&recall(), UnixMillis(0)).as_bytes());
    let honest = authority.sign(&recall(), NOW);
    let other = courier.certificate.fingerprint();
    let swapped =
        changed(honest.as_bytes(), authority.certificate.fingerprint().as_bytes(), other.as_bytes());
    refuse(file, "wrong-issuer", "it names the certificate of another member", &swapped);
    for (name, from, to) in [
        ("it names an issuer of another role", "/authority/", "/auditor00/"),
        ("it names another member of the role", "/authority/first", "/authority/other"),
        ("it names an issuer of another domain", "meds.example/authority", "mads.example/authority"),
    ] {
        refuse(file, "wrong-issuer", name, &changed(honest.as_bytes(), from.as_bytes(), to.as_bytes()));
    }
    let foreign = member_of(OTHER_DOMAIN, "authority", 102);
    let forged = recall().sign(&foreign.certificate, &root_key("meds.example"), NOW, [9; 16]).unwrap();
    refuse(file, "signature", "another domain's member, signed by this one's root", forged.as_bytes());
}

/// Each thing that a statement says, changed after it was signed.
fn refuse_changes(file: &mut File, authority: &Member) {
    let statement = authority.sign(&full(), NOW);
    let honest = statement.as_bytes();
    let (seconds, later) = (NOW.seconds().to_be_bytes(), (NOW.seconds() + 1).to_be_bytes());
    let cti = &honest[honest.windows(2).position(|two| two == [7, 0x50]).unwrap()..][2..18];
    let other = [&[cti[0] ^ 1], &cti[1..]].concat();
    let (prev, link) = (Hash::of(b"prev"), Hash::of(b"link"));
    let (no_prev, no_link) = (Hash::of(b"another"), Hash::of(b"another"));
    for (name, from, to) in [
        ("a text was changed", &b"glass"[..], &b"grass"[..]),
        ("a number was changed", b"packs\x18\x28", b"packs\x18\x29"),
        ("a field was renamed", b"packs", b"cases"),
        ("the kind was changed", b"medicine.recall", b"medicine.regard"),
        ("the subject was changed", b"/10/L1", b"/10/L2"),
        ("the time was changed", &seconds[4..], &later[4..]),
        ("the cti was changed", cti, &other),
        ("the predecessor was exchanged", prev.as_bytes(), no_prev.as_bytes()),
        ("a link was exchanged", link.as_bytes(), no_link.as_bytes()),
        ("the sealed part was changed", &[0x5e; 8], &[0x5f; 8]),
    ] {
        refuse(file, "signature", name, &changed(honest, from, to));
    }
}

fn refuse_signatures(file: &mut File, authority: &Member, courier: &Member) {
    let statement = authority.sign(&recall(), NOW);
    let honest = statement.as_bytes();
    let (rest, signature) = honest.split_at(honest.len() - 64);
    let with = |signature: &[u8]| [rest, signature].concat();
    let flipped = |at: usize| {
        let mut signature = signature.to_vec();
        signature[at] ^= 1;
        with(&signature)
    };
    refuse(file, "signature", "the last bit of r was changed", &flipped(31));
    refuse(file, "signature", "the last bit of s was changed", &flipped(63));
    refuse(file, "signature", "a signature of zeros", &with(&[0; 64]));
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Hex = serde_json::from_value(order.into()).unwrap();
    refuse(
        file,
        "signature",
        "an r that is the order of the group",
        &with(&[&order.0[..], &signature[32..]].concat()),
    );
    refuse(file, "signature", "an r of zero", &with(&[&[0; 32], &signature[32..]].concat()));
    let other = authority.sign(&full(), NOW);
    let other = &other.as_bytes()[other.as_bytes().len() - 64..];
    refuse(file, "signature", "the signature of another statement", &with(other));
    let forged = recall().sign(&authority.certificate, &courier.key(), NOW, [9; 16]).unwrap();
    refuse(file, "signature", "signed by another member's key", forged.as_bytes());
    let sign1 = countersign_ledger::cose::Sign1::parse(honest).unwrap();
    let (protected, payload) = (sign1.protected, sign1.payload.unwrap());
    let signed = |message: &[u8]| with(authority.key().sign(message).unwrap().as_bytes());
    let aad = to_be_signed(protected, payload, b"aad");
    let counter = to_be_signed(protected, payload, &[]);
    let counter = changed(&counter, b"\x6aSignature1", b"\x70CounterSignature");
    let array = array(&[bytes(protected), map(&[]), bytes(payload)]);
    refuse(file, "signature", "what was signed has external data", &signed(&aad));
    refuse(file, "signature", "a counter signature of COSE in place of a signature", &signed(&counter));
    refuse(file, "signature", "the payload alone was signed", &signed(payload));
    refuse(file, "signature", "the parts of the message were signed, not its Sig_structure", &signed(&array));
    let digest = Hash::of(&to_be_signed(protected, payload, &[]));
    refuse(file, "signature", "what was signed was hashed twice", &signed(digest.as_bytes()));
}

fn refuse_carried(file: &mut File, [authority, courier, pharmacy]: &[Member; 3]) {
    let [offer, answer, _] = carrying();
    let draft = |carried: &Statement| {
        pharmacy.countersign(&draft("luxury.handover", LOT, Fields::new()), carried, NOW).as_bytes().to_vec()
    };
    let altered = Statement::parse(&changed(offer.as_bytes(), b"/10/L1", b"/10/L2")).unwrap();
    let forged = recall().sign(&authority.certificate, &courier.key(), NOW, [9; 16]).unwrap();
    let mut swapped = offer.as_bytes().to_vec();
    let fingerprint = courier.certificate.fingerprint();
    swapped = changed(&swapped, fingerprint.as_bytes(), authority.certificate.fingerprint().as_bytes());
    for (reason, name, carried) in [
        (
            "unknown-signer",
            "it carries a statement of somebody unknown",
            member("courier", 6).sign(&recall(), NOW),
        ),
        (
            "wrong-issuer",
            "it carries a statement that names another issuer",
            Statement::parse(&swapped).unwrap(),
        ),
        ("signature", "it carries a statement that was changed", altered),
        ("signature", "it carries a statement that another key signed", forged),
        ("expired", "it carries a statement whose signer's certificate had run out", {
            courier.sign(&recall(), UnixMillis(PERIOD.until.0 + 1000))
        }),
        ("not-yet-valid", "it carries a statement whose signer's certificate did not hold yet", {
            courier.sign(&recall(), UnixMillis(PERIOD.from.0 - 1000))
        }),
    ] {
        refuse(file, reason, name, &draft(&carried));
    }
    // Two deep: the innermost of three was changed before the second was signed.
    let altered = Statement::parse(&changed(offer.as_bytes(), b"expires\x1b", b"expired\x1b")).unwrap();
    let middle = courier.countersign(&recall(), &altered, NOW);
    refuse(file, "signature", "the innermost of three was changed", &draft(&middle));
    let other = crate::world::draft("custody.offer", LOT, Fields::new().with("expires", NOW.0 + 999_000));
    let other = courier.sign(&other, NOW);
    let changed = changed(answer.as_bytes(), offer.as_bytes(), other.as_bytes());
    refuse(file, "signature", "the statement that it carries was exchanged for another good one", &changed);
}

fn changed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

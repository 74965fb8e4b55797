//! Answers, as the receiver shows them to the giver.

use countersign_custody::handover::{Answer, Condition, HandoverError, OFFER_MILLIS, Offered, Seen};
use countersign_ledger::{Draft, Fields, Hash, Statement, Subject, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Vectors};
use crate::offers::Given;
use crate::raw::{array, bytes, text, uint};
use crate::road::{OTHER_PIECE, PIECE, Road, after, changed, key_of, rules, terms};
use crate::world::{Member, NOW, OTHER_DOMAIN, PERIOD, draft, member_of, named};

#[derive(Serialize, Deserialize)]
struct Offering {
    #[serde(flatten)]
    given: Given,
    /// The offer that is answered, as its giver keeps it.
    offered: Blob,
}

#[derive(Serialize, Deserialize)]
struct Shown {
    answer: Blob,
    /// Revocations that the giver has applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revocations: Vec<Blob>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Closed {
    /// The answer's id: what the ledger gets.
    id: Hex,
    kind: String,
    receiver: String,
    /// Who holds the goods now.
    holder: String,
}

type Hex = crate::file::Hex;
type File = Vectors<Offering, Shown, Closed>;

pub fn intact() -> Answer {
    Answer { condition: Condition::Intact, place: None, seen: None }
}

#[test]
fn answers() {
    let road = Road::new();
    let offered = road.offered(&terms()).to_bytes();
    let mut file = Vectors::new(
        &[
            "Answers: what a receiver shows to the giver of an offer, and whether the goods have changed hands by it.",
            "The format is in core/custody/src/handover: the answer is shown without the offer that it carries, which the giver has.",
            "Reasons are those of HandoverError::reason: checks are made in the order of its variants.",
        ],
        Offering { given: Given::new(&road), offered: offered.clone().into() },
    );
    accept(&mut file, &road, &offered);
    refuse_statements(&mut file, &road);
    refuse_signers(&mut file, &road);
    refuse_revoked(&mut file, &road);
    refuse_messages(&mut file, &road);
    file.check("answer/answer.json", |Offering { given, offered }, Shown { answer, revocations }| {
        let refused = |error: HandoverError| error.reason().to_owned();
        let trust = given.trust(revocations);
        let offered = Offered::from_bytes(&offered.0).unwrap();
        let line = offered.close(&answer.0, &rules(&trust)).map_err(refused)?;
        Ok(Closed {
            id: line.last().id().into(),
            kind: line.last().kind().to_string(),
            receiver: line.last().issuer().as_str().to_owned(),
            holder: line.holder(&rules(&trust)).unwrap().unwrap().as_str().to_owned(),
        })
    });
}

fn accept(file: &mut File, road: &Road, offered: &[u8]) {
    let trust = road.everyone();
    let [first, second, _] = &road.couriers;
    let photo = Condition::Damaged { photo: Hash::of(b"photo") };
    let seen = Some(Seen { size: 7, root: Hash::of(b"root") });
    let damaged = Answer { condition: photo, place: Some("Rue A".into()), seen };
    let refused = Answer { condition: Condition::Refused { reason: "seal broken".into() }, ..intact() };
    for (name, member, answer, kind, holder) in [
        ("a courier accepts the goods intact", second, intact(), "luxury.handover", second),
        ("a courier accepts damaged goods", second, damaged, "luxury.handover", second),
        ("the consumer accepts the goods", &road.consumer, intact(), "luxury.delivery", &road.consumer),
        ("a courier refuses the goods", second, refused, "luxury.refusal", first),
    ] {
        let key = member.key();
        let examined = Offered::from_bytes(offered).unwrap().examine(&rules(&trust), after(60)).unwrap();
        let goods = [Subject::new(PIECE).unwrap()];
        let line = examined.answer(&goods, &answer, key_of(member, &key), after(60), [2; 16]).unwrap();
        let name_of = |member: &Member| member.identity().as_str().to_owned();
        let expect = Closed {
            id: Hash::of(line.last().as_bytes()).into(),
            kind: kind.into(),
            receiver: name_of(member),
            holder: name_of(holder),
        };
        file.accept(name, Shown { answer: line.answer_message().into(), revocations: Vec::new() }, expect);
    }
}

/// The offer as it was signed.
fn offer(road: &Road) -> Statement {
    let message = road.offered(&terms()).to_bytes();
    let mut d = minicbor::Decoder::new(&message);
    d.array().unwrap();
    d.u8().unwrap();
    d.skip().unwrap();
    Statement::parse(d.bytes().unwrap()).unwrap()
}

/// What a courier states who accepts the goods: it follows the statement that the offer follows.
fn handover(road: &Road) -> Draft {
    let fields = Fields::new().with("condition", "intact");
    let prev = road.statements().last().map(Statement::id);
    Draft { prev, ..draft("luxury.handover", PIECE, fields) }
}

/// The message of a statement that carries `offer`.
fn shown(answer: &[u8], offer: &Statement, certificate: &[u8]) -> Vec<u8> {
    let carried = offer.as_bytes();
    let at = answer.windows(carried.len()).position(|window| window == carried).unwrap();
    parts(offer.id(), &answer[..at], &answer[at + carried.len()..], certificate)
}

fn parts(offer: Hash, before: &[u8], behind: &[u8], certificate: &[u8]) -> Vec<u8> {
    array(&[uint(2), bytes(offer.as_bytes()), bytes(before), bytes(behind), bytes(certificate)])
}

fn refuse(file: &mut File, reason: &str, name: &str, answer: Vec<u8>) {
    file.refuse(reason, name, Shown { answer: answer.into(), revocations: Vec::new() });
}

fn refuse_statements(file: &mut File, road: &Road) {
    let offer = offer(road);
    let second = &road.couriers[1];
    let by = |member: &Member, change: &dyn Fn(&mut Draft), at: UnixMillis| {
        let mut draft = handover(road);
        change(&mut draft);
        let answer = member.countersign(&draft, &offer, at);
        shown(answer.as_bytes(), &offer, member.certificate.as_der())
    };
    let with = |change: &dyn Fn(&mut Draft)| by(second, change, after(60));
    let kind = |name: &str| draft(name, PIECE, Fields::new()).kind;
    let field = |name: &'static str, value: u64| with(&|draft| draft.fields.insert(name, value.into()));
    let late = OFFER_MILLIS / 1000 + 121;
    for (reason, name, answer) in [
        ("other-subject", "about another piece", {
            with(&|draft| draft.subject = Subject::new(OTHER_PIECE).unwrap())
        }),
        (
            "broken-chain",
            "it follows another statement than the offer",
            with(&|draft| draft.prev = Some(Hash::of(b"x"))),
        ),
        ("broken-chain", "it follows nothing", with(&|draft| draft.prev = None)),
        ("broken-chain", "it follows the offer", with(&|draft| draft.prev = Some(offer.id()))),
        (
            "rule",
            "it does not say in which condition the goods are",
            with(&|draft| draft.fields = Fields::new()),
        ),
        ("rule", "the condition is a number", field("condition", 1)),
        ("rule", "it has a field that a handover does not have", field("price", 12)),
        ("rule", "it links a statement", with(&|draft| draft.links = vec![Hash::of(b"x")])),
        (
            "rule",
            "it is of a kind that the rules do not have",
            with(&|draft| draft.kind = kind("luxury.gift")),
        ),
        ("rule", "it is a recall", with(&|draft| draft.kind = kind("luxury.recall"))),
        ("rule", "it is a second order", with(&|draft| draft.kind = kind("luxury.logistics-order"))),
        ("rule", "a brand accepts the goods", by(&road.brand, &|_| (), after(60))),
        ("rule", "a consumer accepts them as a courier does", by(&road.consumer, &|_| (), after(60))),
        ("not-for-you", "another consumer than the one who is named", {
            by(&road.other_consumer, &|draft| draft.kind = kind("luxury.delivery"), after(60))
        }),
        ("offer-expired", "signed a second after the offer had run out", by(second, &|_| (), after(late))),
        ("offer-expired", "signed long before the offer", by(second, &|_| (), UnixMillis(NOW.0 - 121_000))),
    ] {
        refuse(file, reason, name, answer);
    }
}

fn refuse_signers(file: &mut File, road: &Road) {
    let offer = offer(road);
    let [_, second, third] = &road.couriers;
    let honest = second.countersign(&handover(road), &offer, after(60));
    let certificate = second.certificate.as_der();
    let message = shown(honest.as_bytes(), &offer, certificate);
    let signed = |member: &Member, at: UnixMillis| {
        shown(member.countersign(&handover(road), &offer, at).as_bytes(), &offer, member.certificate.as_der())
    };
    let other_key = handover(road).countersign(&offer, &second.certificate, &third.key(), after(60), [9; 16]);
    let nobody = named("nowhere.example", "courier", "b", 6);
    let foreign = member_of(OTHER_DOMAIN, "courier", 102);
    let mut damaged = certificate.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let mut altered = honest.as_bytes().to_vec();
    *altered.last_mut().unwrap() ^= 1;
    for (reason, name, answer) in [
        ("signature", "the condition was changed", changed(&message, b"intact", b"broken")),
        ("signature", "the signature was changed", shown(&altered, &offer, certificate)),
        ("signature", "signed by another key", shown(other_key.unwrap().as_bytes(), &offer, certificate)),
        ("not-verified", "the certificate of somebody else", {
            shown(honest.as_bytes(), &offer, third.certificate.as_der())
        }),
        ("certificate", "no certificate", shown(honest.as_bytes(), &offer, &[])),
        ("certificate", "a certificate that was changed", shown(honest.as_bytes(), &offer, &damaged)),
        ("certificate", "a certificate of an unknown domain", signed(&nobody, after(60))),
        ("rule", "another domain's courier accepts the goods", signed(&foreign, after(60))),
        ("certificate-expired", "the receiver's certificate had run out", {
            signed(second, UnixMillis(PERIOD.until.0 + 1000))
        }),
        ("certificate-expired", "the receiver's certificate did not hold yet", {
            signed(second, UnixMillis(PERIOD.from.0 - 1000))
        }),
    ] {
        refuse(file, reason, name, answer);
    }
}

fn refuse_revoked(file: &mut File, road: &Road) {
    let (offer, second) = (offer(road), &road.couriers[1]);
    let answer = second.countersign(&handover(road), &offer, after(60));
    let answer = shown(answer.as_bytes(), &offer, second.certificate.as_der());
    for (name, member) in [("the receiver was revoked", second), ("the giver was revoked", &road.couriers[0])]
    {
        let revocations = vec![road.revocation(member).as_bytes().into()];
        file.refuse("revoked", name, Shown { answer: answer.clone().into(), revocations });
    }
}

fn refuse_messages(file: &mut File, road: &Road) {
    let offer = offer(road);
    let [first, second, _] = &road.couriers;
    let honest = second.countersign(&handover(road), &offer, after(60));
    let certificate = second.certificate.as_der();
    let message = shown(honest.as_bytes(), &offer, certificate);
    let another = first.sign(&Road::offer(&road.statements(), NOW.0 + OFFER_MILLIS - 1000), NOW);
    let to_another = second.countersign(&handover(road), &another, after(60));
    let to_another = shown(to_another.as_bytes(), &another, certificate);
    let alone = second.sign(&handover(road), after(60));
    let tail = |parts: &[Vec<u8>]| array(parts);
    for (reason, name, answer) in [
        ("other-offer", "an answer to another offer of the same goods", to_another.clone()),
        ("other-offer", "an answer that names no offer", parts(Hash::default(), &[], &[], certificate)),
        (
            "not-verified",
            "a statement that carries nothing",
            parts(offer.id(), alone.as_bytes(), &[], certificate),
        ),
        ("other-offer", "the offer itself", parts(offer.id(), &[], &[], certificate)),
        ("signature", "an answer to another offer, under this one\'s name", {
            changed(&to_another, another.id().as_bytes(), offer.id().as_bytes())
        }),
        ("malformed", "no bytes", vec![]),
        ("malformed", "cut short by one byte", message[..message.len() - 1].to_vec()),
        ("malformed", "a byte follows", [&message[..], &[0]].concat()),
        ("malformed", "four parts", tail(&[uint(2), bytes(offer.id().as_bytes()), bytes(&[]), bytes(&[])])),
        ("malformed", "the number of another message", [&[0x85, 1][..], &message[2..]].concat()),
        ("malformed", "an offer", road.offered(&terms()).to_bytes()),
        ("malformed", "the whole answer, as the ledger gets it", honest.as_bytes().to_vec()),
        ("malformed", "an offer's id of 31 bytes", {
            tail(&[uint(2), bytes(&[1; 31]), bytes(&[]), bytes(&[]), bytes(certificate)])
        }),
        ("malformed", "an answer that is text", {
            tail(&[uint(2), bytes(offer.id().as_bytes()), text("a"), bytes(&[]), bytes(certificate)])
        }),
    ] {
        refuse(file, reason, name, answer);
    }
}

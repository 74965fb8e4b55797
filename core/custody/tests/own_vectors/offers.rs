//! Offers, as one phone shows them to another.

use countersign_custody::handover::{CLOCKS_APART_MILLIS, HandoverError, OFFER_MILLIS, Offered, Seen, Terms};
use countersign_ledger::{Draft, Fields, Hash, LogName, Statement, TrustStore, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Vectors};
use crate::raw::{array, bytes, head, text, uint};
use crate::road::{OTHER_PIECE, PIECE, Road, after, changed, key_of, message, rules, terms};
use crate::world::{Member, NOW, OTHER_DOMAIN, PERIOD, Trusted, draft, member_of};

#[derive(Serialize, Deserialize)]
pub struct Given {
    pub trusted: Trusted,
    /// The rules by which the goods travel.
    pub profile: String,
    pub log: LogName,
    pub domain: String,
}

impl Given {
    pub fn new(road: &Road) -> Self {
        let (profile, domain) = ("luxury".into(), crate::world::DOMAIN.into());
        Self { trusted: road.trusted(), profile, log: LogName::SUPPLY, domain }
    }

    /// Whom the reader trusts, once it has applied the revocations.
    pub fn trust(&self, revocations: &[Blob]) -> TrustStore {
        let mut trust = self.trusted.store();
        for (revocation, index) in revocations.iter().zip(0..) {
            let verified = trust.verify(Statement::parse(&revocation.0).unwrap()).unwrap();
            let placed = trust.place(verified, LogName::TRUST, index).into_standing().unwrap();
            trust.apply(&placed).unwrap();
        }
        trust
    }
}

#[derive(Serialize, Deserialize)]
struct Shown {
    /// The reader's clock, in milliseconds since 1970.
    now: u64,
    offered: Blob,
    /// Revocations that the reader has applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revocations: Vec<Blob>,
}

fn shown(offered: Vec<u8>, now: UnixMillis) -> Shown {
    Shown { now: now.0, offered: offered.into(), revocations: Vec::new() }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Examined {
    subject: String,
    giver: String,
    /// For whom it is, if for one person alone.
    to: Option<String>,
    place: Option<String>,
    expires_at: u64,
    /// Statements that travel with the goods.
    statements: usize,
}

type File = Vectors<Given, Shown, Examined>;

#[test]
fn offers() {
    let road = Road::new();
    let mut file = Vectors::new(
        &[
            "Offers: what a giver shows, and whether a receiver may answer it. The format is in core/custody/src/handover.",
            "The reader has the roots and the registrar's certificate; all others come with the offer. It has seen no ledger.",
            "Reasons are those of HandoverError::reason: checks are made in the order of its variants.",
        ],
        Given::new(&road),
    );
    accept(&mut file, &road);
    refuse_offers(&mut file, &road);
    refuse_chains(&mut file, &road);
    refuse_signers(&mut file, &road);
    refuse_messages(&mut file, &road);
    file.check("offer/offer.json", |given, Shown { now, offered, revocations }| {
        let refused = |error: HandoverError| error.reason().to_owned();
        let trust = given.trust(revocations);
        let offered = Offered::from_bytes(&offered.0).map_err(refused)?;
        let examined = offered.examine(&rules(&trust), UnixMillis(*now)).map_err(refused)?;
        let fields = examined.offer().fields();
        Ok(Examined {
            subject: examined.offer().statement().subject().to_string(),
            giver: examined.giver().as_str().to_owned(),
            to: fields.text("to").map(str::to_owned),
            place: fields.text("place").map(str::to_owned),
            expires_at: examined.expires_at().0,
            statements: examined.history().len(),
        })
    });
}

/// The last moment at which an offer of [`NOW`] is in force.
const LAST: UnixMillis = UnixMillis(NOW.0 + OFFER_MILLIS + CLOCKS_APART_MILLIS);
/// The first.
const FIRST: UnixMillis = UnixMillis(NOW.0 - CLOCKS_APART_MILLIS);

fn told(road: &Road) -> Examined {
    Examined {
        subject: PIECE.into(),
        giver: road.couriers[0].identity().as_str().into(),
        to: None,
        place: Some("Rue A".into()),
        expires_at: NOW.0 + OFFER_MILLIS,
        statements: 2,
    }
}

fn accept(file: &mut File, road: &Road) {
    let honest = road.offered(&terms()).to_bytes();
    file.accept("answered at once", shown(honest.clone(), NOW), told(road));
    file.accept("in the last millisecond, by clocks that differ", shown(honest.clone(), LAST), told(road));
    file.accept("in the first millisecond, by clocks that differ", shown(honest, FIRST), told(road));
    let seen = Some(Seen { size: 7, root: Hash::of(b"root") });
    let to = road.couriers[1].identity();
    let most = Terms { to: Some(to.clone()), place: None, seen, millis: u64::MAX };
    let expect =
        Examined { to: Some(to.as_str().into()), place: None, expires_at: NOW.0 + 600_000, ..told(road) };
    file.accept(
        "for one person, and for the longest time",
        shown(road.offered(&most).to_bytes(), NOW),
        expect,
    );
    let (statements, offer) = handed(road);
    let expect = Examined { giver: road.couriers[1].identity().as_str().into(), statements: 3, ..told(road) };
    file.accept(
        "after a handover that no ledger has seen",
        shown(sent(road, &statements, &offer), NOW),
        expect,
    );
}

/// The goods after the first courier has handed them to the second, and the second's offer.
fn handed(road: &Road) -> (Vec<Statement>, Statement) {
    let mut statements = road.statements();
    let [first, second, _] = &road.couriers;
    let offer = first.sign(&Road::offer(&statements, NOW.0 + OFFER_MILLIS), NOW);
    let fields = Fields::new().with("condition", "intact");
    let handover = Draft { prev: Some(statements[1].id()), ..draft("luxury.handover", PIECE, fields) };
    statements.push(second.countersign(&handover, &offer, NOW));
    let next = second.sign(&Road::offer(&statements, NOW.0 + OFFER_MILLIS), NOW);
    (statements, next)
}

/// The certificates of everybody who has to do with the goods.
fn certificates(road: &Road) -> Vec<&[u8]> {
    let [first, second, _] = &road.couriers;
    [&road.distributor, &road.logistics, first, second].map(|member| member.certificate.as_der()).into()
}

fn sent(road: &Road, statements: &[Statement], offer: &Statement) -> Vec<u8> {
    let statements: Vec<&[u8]> = statements.iter().map(Statement::as_bytes).collect();
    message(&statements, &certificates(road), offer.as_bytes())
}

fn refuse(file: &mut File, reason: &str, name: &str, offered: Vec<u8>) {
    file.refuse(reason, name, shown(offered, NOW));
}

fn refuse_offers(file: &mut File, road: &Road) {
    let honest = road.offered(&terms()).to_bytes();
    let late = |moment: UnixMillis, by: u64| shown(honest.clone(), UnixMillis(moment.0 + by));
    file.refuse("offer-expired", "a millisecond later than the last", late(LAST, 1));
    file.refuse("offer-expired", "a day later", late(LAST, 86_400_000));
    file.refuse(
        "offer-from-the-future",
        "a millisecond before the first",
        shown(honest.clone(), UnixMillis(FIRST.0 - 1)),
    );
    file.refuse(
        "offer-from-the-future",
        "by a clock that stands in 1970",
        shown(honest.clone(), UnixMillis(0)),
    );
    let statements = road.statements();
    let [first, second, _] = &road.couriers;
    let expires = NOW.0 + OFFER_MILLIS;
    let fields = |fields: Fields| {
        let offer = Draft { fields, ..Road::offer(&statements, expires) };
        sent(road, &statements, &first.sign(&offer, NOW))
    };
    refuse(file, "offer-expired", "made for ten minutes and two seconds", {
        fields(Fields::new().with("expires", NOW.0 + 602_000))
    });
    refuse(file, "offer-expired", "without an end", fields(Fields::new()));
    refuse(file, "offer-expired", "an end that is text", fields(Fields::new().with("expires", "soon")));
    refuse(file, "offer-expired", "an end in seconds", fields(Fields::new().with("expires", expires / 1000)));
    let by = |member: &Member| sent(road, &statements, &member.sign(&Road::offer(&statements, expires), NOW));
    refuse(file, "not-the-custodian", "offered by a courier who does not have the goods", by(second));
    refuse(
        file,
        "not-the-custodian",
        "offered by the logistics provider who had them before",
        by(&road.logistics),
    );
    let (handed, _) = handed(road);
    let again = first.sign(&Road::offer(&handed, expires), NOW);
    refuse(
        file,
        "not-the-custodian",
        "offered again by a courier who has handed them over",
        sent(road, &handed, &again),
    );
    let offer = |change: &dyn Fn(&mut Draft)| {
        let mut offer = Road::offer(&statements, expires);
        change(&mut offer);
        sent(road, &statements, &first.sign(&offer, NOW))
    };
    refuse(file, "other-subject", "an offer of another piece", {
        offer(&|offer| offer.subject = draft("custody.offer", OTHER_PIECE, Fields::new()).subject)
    });
    refuse(file, "broken-chain", "an offer that follows the statement before the last", {
        offer(&|offer| offer.prev = Some(statements[0].id()))
    });
    refuse(file, "broken-chain", "an offer that follows nothing", offer(&|offer| offer.prev = None));
    refuse(file, "malformed", "a statement of another kind in place of the offer", {
        offer(&|offer| offer.kind = draft("luxury.handover", PIECE, Fields::new()).kind)
    });
}

fn refuse_chains(file: &mut File, road: &Road) {
    let statements = road.statements();
    let expires = NOW.0 + OFFER_MILLIS;
    let offer = |statements: &[Statement]| road.couriers[0].sign(&Road::offer(statements, expires), NOW);
    let of = |statements: &[Statement]| sent(road, statements, &offer(statements));
    let (handed, next) = handed(road);
    let [purchase, order] = [&statements[0], &statements[1]];
    let elsewhere = draft("luxury.purchase", OTHER_PIECE, road.purchase().fields);
    let other = road.distributor.sign(&Draft { links: road.purchase().links, ..elsewhere }, NOW);
    let bought_by = |member: &Member| {
        let purchase = member.sign(&road.purchase(), NOW);
        let order = road.logistics.sign(&road.order(&purchase), NOW);
        of(&[purchase, order])
    };
    let ordered = |member: &Member, change: &dyn Fn(&mut Draft)| {
        let mut order = road.order(purchase);
        change(&mut order);
        of(&[purchase.clone(), member.sign(&order, NOW)])
    };
    for (reason, name, offered) in [
        ("broken-chain", "the first statement is left out", of(&statements[1..])),
        ("broken-chain", "a handover is left out", {
            sent(road, &[handed[0].clone(), handed[2].clone()], &next)
        }),
        ("broken-chain", "two statements are exchanged", of(&[order.clone(), purchase.clone()])),
        ("broken-chain", "a statement stands there twice", of(&[purchase.clone(), purchase.clone()])),
        ("broken-chain", "the offer belongs to a shorter line", sent(road, &handed, &offer(&statements))),
        ("other-subject", "a statement on another piece", of(&[other, order.clone()])),
        ("not-the-custodian", "sold by somebody who sells nothing", bought_by(&road.couriers[1])),
        ("rule", "an order without its number", {
            ordered(&road.logistics, &|order| {
                order.fields = Fields::new().with("to", road.couriers[0].identity().as_str());
            })
        }),
        ("rule", "an order with a field that it does not have", {
            ordered(&road.logistics, &|order| order.fields.insert("price", 12.into()))
        }),
        ("rule", "an order by somebody who gives none", ordered(&road.couriers[1], &|_| ())),
        ("rule", "a kind that the rules do not have", {
            ordered(&road.logistics, &|order| order.kind = draft("luxury.gift", PIECE, Fields::new()).kind)
        }),
        ("not-the-custodian", "nobody has the goods but who sold them", of(&statements[..1])),
    ] {
        refuse(file, reason, name, offered);
    }
}

fn refuse_signers(file: &mut File, road: &Road) {
    let statements = road.statements();
    let parts: Vec<&[u8]> = statements.iter().map(Statement::as_bytes).collect();
    let first = &road.couriers[0];
    let draft = Road::offer(&statements, NOW.0 + OFFER_MILLIS);
    let offer = first.sign(&draft, NOW);
    let with = |certificates: &[&[u8]]| message(&parts, certificates, offer.as_bytes());
    let good = certificates(road);
    let honest = sent(road, &statements, &offer);
    let forged = draft.sign(&first.certificate, &road.couriers[1].key(), NOW, [9; 16]).unwrap();
    let own_root = member_of("nowhere.example", "courier", 5).certificate;
    let foreign = draft.sign(&member_of(OTHER_DOMAIN, "courier", 5).certificate, &first.key(), NOW, [9; 16]);
    let foreign_certificate = member_of(OTHER_DOMAIN, "courier", 5).certificate;
    let all: Vec<&[u8]> = good.iter().copied().chain([foreign_certificate.as_der()]).collect();
    let mut damaged = good[0].to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    for (reason, name, offered) in [
        ("signature", "the place in the offer was changed", changed(&honest, b"Rue A", b"Rue B")),
        ("signature", "a statement on the goods was changed", changed(&honest, b"L-1", b"L-2")),
        ("signature", "the offer was signed by another key", message(&parts, &good, forged.as_bytes())),
        ("not-verified", "no certificates", with(&[])),
        ("not-verified", "the giver's certificate is not there", with(&good[..2])),
        ("certificate", "a certificate that is none", with(&[b"certificate"])),
        ("certificate", "a certificate that was changed", with(&[&damaged])),
        ("certificate", "a certificate of an unknown domain", with(&[own_root.as_der()])),
        (
            "not-the-custodian",
            "offered by another domain's courier",
            message(&parts, &all, foreign.unwrap().as_bytes()),
        ),
        ("certificate-expired", "the giver's certificate had run out", {
            sent(road, &statements, &first.sign(&draft, UnixMillis(PERIOD.until.0 + 1000)))
        }),
        ("certificate-expired", "the giver's certificate did not hold yet", {
            sent(road, &statements, &first.sign(&draft, UnixMillis(PERIOD.from.0 - 1000)))
        }),
        ("not-verified", "a statement on the goods in another form of CBOR", {
            let wide = [&[0xd8, 18][..], &parts[0][1..]].concat();
            message(&[&wide, parts[1]], &good, offer.as_bytes())
        }),
    ] {
        refuse(file, reason, name, offered);
    }
    let revoked = |member: &Member| Shown {
        revocations: vec![road.revocation(member).as_bytes().into()],
        ..shown(honest.clone(), NOW)
    };
    file.refuse("revoked", "the giver was revoked", revoked(first));
    file.refuse(
        "rule",
        "who sold the goods was revoked: the order rests on nothing",
        revoked(&road.distributor),
    );
}

fn refuse_messages(file: &mut File, road: &Road) {
    let statements = road.statements();
    let first = &road.couriers[0];
    let offered = road.offered(&terms());
    let honest = offered.to_bytes();
    let parts: Vec<&[u8]> = statements.iter().map(Statement::as_bytes).collect();
    let offer = first.sign(&Road::offer(&statements, NOW.0 + OFFER_MILLIS), NOW);
    let chain = || array(&[array(&[bytes(parts[0])]), array(&[])]);
    let many = |count| [vec![0x83, 1, 0x82], head(4, count)].concat();
    let answer = {
        let (trust, key) = (road.everyone(), road.couriers[1].key());
        let examined = offered.examine(&rules(&trust), after(1)).unwrap();
        let answer = crate::answers::intact();
        let goods = [draft("custody.offer", PIECE, Fields::new()).subject];
        let line = examined.answer(&goods, &answer, key_of(&road.couriers[1], &key), after(1), [2; 16]);
        line.unwrap().answer_message()
    };
    for (reason, name, offered) in [
        ("malformed", "no bytes", vec![]),
        ("malformed", "cut short by one byte", honest[..honest.len() - 1].to_vec()),
        ("malformed", "a byte follows", [&honest[..], &[0]].concat()),
        ("malformed", "two parts", array(&[uint(1), chain()])),
        ("malformed", "the number of another message", array(&[uint(3), chain(), bytes(offer.as_bytes())])),
        ("malformed", "an answer", answer),
        ("malformed", "an offer alone", offer.as_bytes().to_vec()),
        ("malformed", "no statement on the goods", message(&[], &[], offer.as_bytes())),
        ("malformed", "a statement that is text", {
            let chain = array(&[array(&[text("statement")]), array(&[])]);
            array(&[uint(1), chain, bytes(offer.as_bytes())])
        }),
        ("too-long", "17 statements", many(17)),
        ("too-long", "more statements than there are numbers", many(u64::MAX)),
        ("too-long", "33 certificates", {
            let head = [&[0x83, 1, 0x82][..], &array(&[bytes(parts[0])]), &head(4, 33)].concat();
            [&head[..], &bytes(offer.as_bytes())].concat()
        }),
        ("not-verified", "no offer", message(&parts, &[], &[])),
    ] {
        refuse(file, reason, name, offered);
    }
}

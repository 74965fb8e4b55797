//! A piece of luxury goods on its road: everybody who handles it, with real keys.

use std::collections::BTreeMap;

use countersign_custody::handover::{
    Answer, Condition, CustodyChain, CustodyRules, HandoverError, Key, Offered, Terms,
};
use countersign_custody::{AsOf, Facts, Item, LotFacts, Past, Profile, SerialSet, Voids};
use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Draft, Entry, Fields, Hash, Identity, IndexEntry, Kind, LogName, Signer as _, SoftwareKey,
    Statement, Subject, TrustStore, UnixMillis,
};

pub const DOMAIN: &str = "lux.example";
pub const PIECE: &str = "https://id.gs1.org/01/09506000134352/10/L1/21/P1";
pub const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L1";
pub const CLASS: &str = "https://id.gs1.org/01/09506000134352";
pub const ORDER: &str = "urn:example:order:7";
/// 2026-11-01, noon.
pub const NOON: UnixMillis = UnixMillis((20_758 * 24 + 12) * 3600 * 1000);
pub const MINUTE: u64 = 60_000;

pub fn identity(who: &str) -> Identity {
    let (role, name) = who.split_once(' ').unwrap_or((who, "first"));
    Identity::new(DOMAIN, role, name).unwrap()
}

pub struct Member {
    pub key: SoftwareKey,
    pub certificate: Certificate,
}

pub struct Road {
    pub profile: Profile,
    pub trust: TrustStore,
    members: BTreeMap<String, Member>,
    root: SoftwareKey,
    nonce: std::cell::Cell<u128>,
    /// The statement by which the lot was made.
    commission: std::cell::Cell<Hash>,
}

/// The statements before a piece was sold: the design and its licence, the order, and the lot that was made for it.
pub struct Made {
    pub class: Vec<Entry>,
    pub order: Vec<Entry>,
    pub lot: Vec<Entry>,
    pub serials: SerialSet,
}

/// After `minutes`.
pub fn at(minutes: u64) -> UnixMillis {
    UnixMillis(NOON.0 + minutes * MINUTE)
}

impl Road {
    pub fn new() -> Self {
        let root = SoftwareKey::from_bytes(&Hash::of(b"root").0).unwrap();
        let mut trust = TrustStore::new();
        trust.pin(DOMAIN, &certificate::root(DOMAIN, &root, Self::period(), [1; 16]).unwrap());
        let mut road = Self {
            profile: Profile::luxury().clone(),
            trust,
            members: BTreeMap::new(),
            root,
            nonce: std::cell::Cell::new(0),
            commission: std::cell::Cell::new(Hash::of(b"commission")),
        };
        for who in [
            "registrar",
            "brand",
            "manufacturer",
            "supplier",
            "distributor",
            "logistics",
            "courier a",
            "courier b",
            "courier c",
            "courier d",
            "consumer",
            "consumer other",
        ] {
            road.enrol(who);
        }
        road.trust.appoint(road.members["registrar"].certificate.as_der(), []).unwrap();
        road
    }

    fn period() -> Period {
        Period {
            from: UnixMillis(NOON.0 - 400 * 24 * 60 * MINUTE),
            until: UnixMillis(NOON.0 + 400 * 24 * 60 * MINUTE),
        }
    }

    /// A certified member whose certificate nobody has seen yet.
    pub fn enrol(&mut self, who: &str) {
        let key = SoftwareKey::from_bytes(&Hash::of(who.as_bytes()).0).unwrap();
        let certificate =
            certificate::issue(&identity(who), &key.public_key(), &self.root, Self::period(), [2; 16])
                .unwrap();
        self.members.insert(who.to_owned(), Member { key, certificate });
    }

    pub fn key(&self, who: &str) -> Key<'_> {
        let member = &self.members[who];
        Key { certificate: &member.certificate, signer: &member.key }
    }

    pub fn rules(&self) -> CustodyRules<'_> {
        CustodyRules { profile: &self.profile, trust: &self.trust, log: LogName::SUPPLY, domain: DOMAIN }
    }

    pub fn nonce(&self) -> [u8; 16] {
        self.nonce.set(self.nonce.get() + 1);
        self.nonce.get().to_be_bytes()
    }

    /// The registrar revokes a member's certificate: in the supply log it is not valid from `from` on.
    pub fn revoke(&mut self, who: &str, from: u64) {
        let certificate = self.key(who).certificate.fingerprint();
        let draft = Draft {
            kind: Kind::new("revoke").unwrap(),
            subject: Subject::new(identity(who).as_str()).unwrap(),
            fields: Fields::new().with("certificate", certificate).with("from-supply", from),
            prev: None,
            links: vec![],
            sealed: None,
        };
        let key = self.key("registrar");
        let statement = draft.sign(key.certificate, key.signer, NOON, self.nonce()).unwrap();
        let trust = self.ledger_trust();
        let revocation = trust.place(trust.verify(statement).unwrap(), LogName::TRUST, 0);
        self.trust.apply(&revocation.into_standing().unwrap()).unwrap();
    }

    /// A member whose certificate was revoked gets another one, for another key.
    pub fn renew(&mut self, who: &str) {
        let key = SoftwareKey::from_bytes(&Hash::of(format!("{who}, renewed").as_bytes()).0).unwrap();
        let certificate =
            certificate::issue(&identity(who), &key.public_key(), &self.root, Self::period(), [3; 16])
                .unwrap();
        let former = self.members.insert(who.to_owned(), Member { key, certificate }).unwrap();
        self.trust.enrol(former.certificate.as_der()).unwrap();
    }

    /// All certificates that the ledger has.
    pub fn ledger_trust(&self) -> TrustStore {
        let mut trust = self.trust.clone();
        for member in self.members.values() {
            trust.enrol(member.certificate.as_der()).unwrap();
        }
        trust
    }

    pub fn sign(&self, who: &str, kind: &str, fields: Fields, history: &[Entry], at: UnixMillis) -> Entry {
        let draft = Draft {
            kind: Kind::new(format!("luxury.{kind}")).unwrap(),
            subject: Subject::new(PIECE).unwrap(),
            fields,
            prev: history.last().map(Entry::id),
            links: if kind == "purchase" { vec![self.commission.get()] } else { Vec::new() },
            sealed: None,
        };
        let key = self.key(who);
        let statement = draft.sign(key.certificate, key.signer, at, self.nonce()).unwrap();
        self.placed(statement, history.len() as u64)
    }

    pub fn placed(&self, statement: Statement, index: u64) -> Entry {
        let trust = self.ledger_trust();
        trust.place(trust.verify(statement).unwrap(), LogName::SUPPLY, index)
    }

    /// The piece is bought, and given to courier A.
    pub fn to_the_courier(&self) -> CustodyChain {
        let who = |who: &str| identity(who).as_str().to_owned();
        let fields =
            Fields::new().with("to", who("logistics").as_str()).with("consumer", who("consumer").as_str());
        let purchase = self.sign("distributor", "purchase", fields.with("kind", "gift"), &[], NOON);
        let fields = Fields::new().with("to", who("courier a").as_str()).with("order", "L-1");
        let order = self.sign("logistics", "logistics-order", fields, std::slice::from_ref(&purchase), NOON);
        CustodyChain::new(&[purchase, order]).unwrap()
    }

    pub fn offer(&self, who: &str, chain: CustodyChain, now: UnixMillis) -> Offered {
        Offered::make(chain, &terms(), self.key(who), &self.rules(), now, self.nonce()).unwrap()
    }

    pub fn answer(&self, who: &str, message: &[u8], now: UnixMillis) -> Result<CustodyChain, HandoverError> {
        self.answer_as(who, message, &[PIECE], &intact(), now)
    }

    #[allow(clippy::needless_pass_by_value, reason = "each answer is given once")]
    pub fn answer_as(
        &self,
        who: &str,
        message: &[u8],
        scanned: &[&str],
        answer: &Answer,
        now: UnixMillis,
    ) -> Result<CustodyChain, HandoverError> {
        let scanned: Vec<_> = scanned.iter().map(|one| Subject::new(*one).unwrap()).collect();
        let examined = Offered::from_bytes(message)?.examine(&self.rules(), now)?;
        examined.answer(&scanned, answer, self.key(who), now, self.nonce())
    }

    /// A whole handover: both end with the same chain.
    pub fn hand_over(&self, from: &str, to: &str, chain: CustodyChain, now: UnixMillis) -> CustodyChain {
        let offered = self.offer(from, chain, now);
        let receivers = self.answer(to, &offered.to_bytes(), now).unwrap();
        let givers = offered.close(&receivers.answer_message(), &self.rules()).unwrap();
        assert_eq!(givers, receivers);
        receivers
    }

    /// The piece's lot is made, as the rules require.
    pub fn made(&self) -> Made {
        let serials = SerialSet::new((1..10).map(|i| format!("P{i}"))).unwrap();
        let mut made = Made { class: Vec::new(), order: Vec::new(), lot: Vec::new(), serials };
        let to = |who| Fields::new().with("to", identity(who).as_str());
        let digest = Hash::of(b"drawings");
        let design = to("manufacturer").with("product", "Bag").with("design", digest).with("patent", digest);
        self.next(&mut made, CLASS, "brand", "design", design);
        let materials = to("supplier").with("materials", "leather");
        self.next(&mut made, CLASS, "manufacturer", "sample-request", materials.clone());
        let material = to("manufacturer").with("material", "M-1").with("source", "tannery");
        self.next(&mut made, CLASS, "supplier", "sample-material", material.clone());
        let evaluation = to("brand").with("material", "M-1").with("evaluation", digest);
        self.next(&mut made, CLASS, "manufacturer", "evaluation", evaluation);
        let licence =
            to("manufacturer").with("product", "Bag").with("holder", identity("manufacturer").as_str());
        let licence = licence.with("nbf", NOON.0 - MINUTE).with("exp", NOON.0 + 600 * 24 * 60 * MINUTE);
        self.next(&mut made, CLASS, "brand", "licence", licence);
        let order = to("brand").with("product", "Bag").with("kind", "gift").with("count", 9);
        self.next(&mut made, ORDER, "distributor", "order", order);
        let confirmed = to("manufacturer").with("product", "Bag").with("count", 9);
        self.next(&mut made, ORDER, "brand", "order-confirmation", confirmed);
        self.next(&mut made, ORDER, "manufacturer", "material-request", materials);
        self.next(&mut made, ORDER, "supplier", "material", material);
        let commission = Kind::new("luxury.commission").unwrap();
        let fields = self.profile.commission_fields(&commission, &made.serials, NOON).unwrap();
        let fields = fields.with("to", identity("distributor").as_str()).with("material", "M-1");
        self.next(&mut made, LOT, "manufacturer", "commission", fields);
        self.commission.set(made.lot[0].id());
        made
    }

    fn next(&self, made: &mut Made, about: &str, who: &str, kind: &str, fields: Fields) {
        let (kind, subject) = (Kind::new(format!("luxury.{kind}")).unwrap(), Subject::new(about).unwrap());
        let others: Vec<Entry> = made.class.iter().chain(&made.order).cloned().collect();
        let history = match about {
            CLASS => &made.class,
            ORDER => &made.order,
            _ => &made.lot,
        };
        let draft = self.profile.draft(&kind, &subject, &identity(who), fields, history, &others).unwrap();
        let key = self.key(who);
        let statement = draft.sign(key.certificate, key.signer, NOON, self.nonce()).unwrap();
        let placed = self.placed(statement, (made.class.len() + made.order.len()) as u64);
        self.check(&placed, history, &others).unwrap();
        match about {
            CLASS => made.class.push(placed),
            ORDER => made.order.push(placed),
            _ => made.lot.push(placed),
        }
    }

    /// All facts on a phone that follows the piece, whose whole history is `piece`.
    pub fn facts(&self, made: &Made, piece: &[Statement]) -> Facts {
        let each = piece.iter().zip(10..);
        let piece: Vec<Entry> = each.map(|(one, index)| self.placed(one.clone(), index)).collect();
        let entry = |history: &[Entry]| IndexEntry {
            count: history.len() as u64,
            latest: history.last().unwrap().id(),
        };
        let (subject, digest) =
            (|text: &str| Subject::new(text).unwrap(), |text: &str| Hash::of(text.as_bytes()));
        let as_of = AsOf { size: 10 + piece.len() as u64, at: at(60) };
        Facts {
            domain: DOMAIN.into(),
            class: subject(CLASS),
            history: made.class.clone(),
            members: BTreeMap::from([(digest(CLASS), entry(&made.class)), (digest(LOT), entry(&made.lot))]),
            lots: vec![LotFacts {
                subject: subject(LOT),
                history: made.lot.clone(),
                filter: Some(made.serials.filter_bytes().to_vec()),
                packs: BTreeMap::from([(digest(PIECE), entry(&piece))]),
                followed: BTreeMap::from([(subject(PIECE), piece)]),
            }],
            units: Vec::new(),
            dependencies: BTreeMap::from([(subject(ORDER), made.order.clone())]),
            alerts: Vec::new(),
            supply: as_of,
            earlier: Vec::new(),
            trust: as_of,
        }
    }

    /// The engine's result for the last statement of a chain that follows `history`.
    pub fn judge(
        &self,
        statement: &Statement,
        history: &[Entry],
    ) -> Result<Entry, countersign_custody::FaultReason> {
        let placed = self.placed(statement.clone(), history.len() as u64);
        self.check(&placed, history, &[]).map(|()| placed)
    }

    fn check(
        &self,
        entry: &Entry,
        history: &[Entry],
        others: &[Entry],
    ) -> Result<(), countersign_custody::FaultReason> {
        let carried = entry.verified().countersigned();
        let past = Past {
            log: LogName::SUPPLY,
            domain: Some(DOMAIN),
            subject: &self.profile.state_after(history),
            prev: history.last().map(Entry::id),
            linked: &others.iter().map(|entry| (entry.id(), entry)).collect(),
            rival: carried
                .and_then(|carried| history.iter().find(|one| one.verified().prev() == carried.prev())),
            voids: Voids::PassedOver,
        };
        self.profile.check(entry.verified(), &past).map_err(|fault| fault.reason)
    }
}

/// What is read from the piece.
pub fn label() -> Item {
    Item {
        class: Subject::new(CLASS).unwrap(),
        lot: Some(Subject::new(LOT).unwrap()),
        pack: Some(Subject::new(PIECE).unwrap()),
        serial: Some("P1".into()),
        expires_at: None,
        readings: Vec::new(),
    }
}

pub fn terms() -> Terms {
    Terms { to: None, place: Some("Rue A".into()), seen: None, millis: 3 * MINUTE }
}

pub fn intact() -> Answer {
    Answer { condition: Condition::Intact, place: None, seen: None }
}

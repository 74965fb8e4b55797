//! A piece of luxury goods on its road, by members with made-up keys.

use countersign_custody::Profile;
use countersign_custody::handover::{CustodyChain, CustodyRules, Key, OFFER_MILLIS, Offered, Terms};
use countersign_ledger::{
    Draft, Entry, Fields, Hash, LogName, SoftwareKey, Statement, TrustStore, UnixMillis,
};

use crate::raw::{array, bytes, uint};
use crate::world::{DOMAIN, Member, NOW, Trusted, draft, named};

pub const PIECE: &str = "https://id.gs1.org/01/09506000134352/10/L1/21/P1";
pub const OTHER_PIECE: &str = "https://id.gs1.org/01/09506000134352/10/L1/21/P2";

pub struct Road {
    pub registrar: Member,
    pub distributor: Member,
    pub logistics: Member,
    pub couriers: [Member; 3],
    pub consumer: Member,
    pub other_consumer: Member,
    pub brand: Member,
}

/// `seconds` after [`NOW`].
pub fn after(seconds: u64) -> UnixMillis {
    UnixMillis(NOW.0 + 1000 * seconds)
}

pub fn terms() -> Terms {
    Terms { to: None, place: Some("Rue A".into()), seen: None, millis: OFFER_MILLIS }
}

impl Road {
    pub fn new() -> Self {
        let member = |role: &str, name: &str, seed| named(DOMAIN, role, name, seed);
        Self {
            registrar: member("registrar", "first", 2),
            distributor: member("distributor", "first", 3),
            logistics: member("logistics", "first", 4),
            couriers: [("a", 5), ("b", 6), ("c", 7)].map(|(name, seed)| member("courier", name, seed)),
            consumer: member("consumer", "first", 8),
            other_consumer: member("consumer", "other", 9),
            brand: member("brand", "first", 10),
        }
    }

    /// Whom a phone trusts that has met nobody yet: the roots, and the registrar.
    pub fn trusted(&self) -> Trusted {
        Trusted::new(&[&self.registrar])
    }

    pub fn everyone(&self) -> TrustStore {
        let mut trust = self.trusted().store();
        let others = [&self.distributor, &self.logistics, &self.consumer, &self.other_consumer, &self.brand];
        for member in others.into_iter().chain(&self.couriers) {
            trust.enrol(member.certificate.as_der()).unwrap();
        }
        trust
    }

    /// The registrar revokes a member in the supply log, from its beginning.
    pub fn revocation(&self, member: &Member) -> Statement {
        let fields =
            Fields::new().with("certificate", member.certificate.fingerprint()).with("from-supply", 0);
        self.registrar.sign(&draft("revoke", member.identity().as_str(), fields), NOW)
    }

    pub fn purchase(&self) -> Draft {
        let fields = Fields::new().with("to", self.logistics.identity().as_str());
        let fields = fields.with("consumer", self.consumer.identity().as_str()).with("kind", "gift");
        Draft { links: vec![Hash::of(b"commission")], ..draft("luxury.purchase", PIECE, fields) }
    }

    pub fn order(&self, purchase: &Statement) -> Draft {
        let fields = Fields::new().with("to", self.couriers[0].identity().as_str()).with("order", "L-1");
        Draft { prev: Some(purchase.id()), ..draft("luxury.logistics-order", PIECE, fields) }
    }

    /// The piece is bought, and given to the first courier.
    pub fn statements(&self) -> Vec<Statement> {
        let purchase = self.distributor.sign(&self.purchase(), NOW);
        let order = self.logistics.sign(&self.order(&purchase), NOW);
        vec![purchase, order]
    }

    pub fn chain(&self, statements: &[Statement]) -> CustodyChain {
        let trust = self.everyone();
        let entry = |(statement, index): (&Statement, u64)| -> Entry {
            trust.place(trust.verify(statement.clone()).unwrap(), LogName::SUPPLY, index)
        };
        CustodyChain::new(&statements.iter().zip(0..).map(entry).collect::<Vec<_>>()).unwrap()
    }

    /// What the first courier offers at [`NOW`].
    pub fn offered(&self, terms: &Terms) -> Offered {
        let courier = &self.couriers[0];
        let (key, trust) = (courier.key(), self.everyone());
        let key = key_of(courier, &key);
        Offered::make(self.chain(&self.statements()), terms, key, &rules(&trust), NOW, [1; 16]).unwrap()
    }

    /// The draft of an offer, after the last of these statements.
    pub fn offer(statements: &[Statement], expires: u64) -> Draft {
        let fields = Fields::new().with("expires", expires).with("place", "Rue A");
        Draft { prev: statements.last().map(Statement::id), ..draft("custody.offer", PIECE, fields) }
    }
}

pub const fn key_of<'a>(member: &'a Member, key: &'a SoftwareKey) -> Key<'a> {
    Key { certificate: &member.certificate, signer: key }
}

pub fn rules(trust: &TrustStore) -> CustodyRules<'_> {
    CustodyRules { profile: Profile::luxury(), trust, log: LogName::SUPPLY, domain: DOMAIN }
}

/// The message of an offer, of whatever statements and certificates.
pub fn message(statements: &[&[u8]], certificates: &[&[u8]], offer: &[u8]) -> Vec<u8> {
    let all = |items: &[&[u8]]| array(&items.iter().map(|item| bytes(item)).collect::<Vec<_>>());
    array(&[uint(1), array(&[all(statements), all(certificates)]), bytes(offer)])
}

pub fn changed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

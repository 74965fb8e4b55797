//! Two trust domains: a ledger of each, one that they share, and the desks of whoever an app meets there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_domains::rules::{AUTHORITY, DATA_OWNER, NOTARY};
use countersign_domains::{AUTHORIZATION, AccessEntry, DATA, DataKey, Op, Policy, Step};
use countersign_ledger::{Base64, Genesis, Hash, Held, LogName, LogSpec, Subject, UnixMillis};
use countersign_node::{Config, Node, OtherDomain, Request, Running, operate};
use countersign_wallet::{
    AccessRequest, Authorization, Client, DataLedgers, DomainMessage, Https, Issuer, KeyStore, MessageKind,
    NewState, Register, Snapshot, Vault,
};
use serde_json::{Value, json};

use crate::{CHEAP, DAY, Outcome, now};

const SHARED: &str = "consortium.example";
const NORTH: &str = "north.example";
const SOUTH: &str = "south.example";
/// Who speaks for the south, whose data it is, and who makes something of it in the north, by the names of their keys.
const SPEAKER: &str = "sol";
const LAB: &str = "lab";
const WARD: &str = "ward";
const NOTARIES: [&str; 3] = ["n1", "n2", "n3"];
const RULE: &str = "allow read, derive for HRESCH, TREAT from north.example level 2";

/// A ledger.
struct Ledger {
    config: Config,
    running: Running,
    genesis: PathBuf,
}

/// The domains, with the desks of everybody but the app's person.
pub struct Domains {
    shared: Ledger,
    north: Ledger,
    south: Ledger,
    snapshot: Snapshot,
    ledgers: DataLedgers,
    keys: Arc<dyn KeyStore>,
    key: DataKey,
    state: Hash,
}

impl Ledger {
    fn start(folder: &Path, domain: &str, log: LogSpec, others: Vec<OtherDomain>) -> Outcome<Self> {
        let mut config = Config::development(folder.join(domain));
        (config.limits.writes_per_second, config.limits.write_burst) = (10_000, 10_000);
        (config.name, config.domain) = (format!("ledger.{domain}"), domain.to_owned());
        let supply = LogSpec { name: LogName::SUPPLY, held: Held::Followed, domain: Some(domain.to_owned()) };
        let trust = LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None };
        (config.logs, config.other_domains) = (vec![trust, supply, log], others);
        let running = Node::open(config.clone())?.start()?;
        let genesis = folder.join(format!("{domain}.json"));
        fs::write(&genesis, running.node().genesis().to_json())?;
        Ok(Self { config, running, genesis })
    }

    fn of_data(folder: &Path, domain: &str) -> Outcome<Self> {
        let data = LogSpec { name: DATA, held: Held::Whole, domain: Some(domain.to_owned()) };
        Self::start(folder, domain, data, Vec::new())
    }

    fn address(&self) -> String {
        format!("https://localhost:{}", self.running.addr().port())
    }

    fn genesis(&self) -> &Genesis {
        self.running.node().genesis()
    }

    fn code(&self, role: &str, name: &str) -> Outcome<String> {
        Ok(self.running.node().registrar().new_code(role, name, Duration::from_mins(10))?.to_string())
    }

    fn told(&self) -> Value {
        json!({ "node": self.address(), "genesis": self.genesis })
    }
}

impl Domains {
    pub fn open(folder: &Path) -> Outcome<Self> {
        fs::create_dir_all(folder)?;
        let (north, south) = (Ledger::of_data(folder, NORTH)?, Ledger::of_data(folder, SOUTH)?);
        let other = |name: &str, ledger: &Ledger| OtherDomain {
            name: name.to_owned(),
            genesis: ledger.genesis.clone(),
            roles: [NOTARY, AUTHORITY, DATA_OWNER].map(str::to_owned).to_vec(),
        };
        let log = LogSpec { name: AUTHORIZATION, held: Held::Whole, domain: None };
        let shared = Ledger::start(folder, SHARED, log, vec![other(NORTH, &north), other(SOUTH, &south)])?;
        let mut ledgers = DataLedgers::open(&folder.join("ledgers"), shared.genesis())?;
        for ledger in [&north, &south] {
            ledgers.add(&Register::new(&ledger.address(), ledger.genesis().clone())?)?;
        }
        let mut domains = Self {
            snapshot: Snapshot::open(&folder.join("domains.db"), shared.genesis())?,
            keys: Arc::new(Vault::create_at_cost(&folder.join("domains-vault"), b"world", CHEAP)?),
            shared,
            north,
            south,
            ledgers,
            key: DataKey(Hash::default()),
            state: Hash::default(),
        };
        domains.begin()?;
        Ok(domains)
    }

    /// The south takes part, and its lab has published the rule of its data.
    fn begin(&mut self) -> Outcome {
        for (domain, role, name) in
            [(SOUTH, AUTHORITY, SPEAKER), (SOUTH, DATA_OWNER, LAB), (NORTH, DATA_OWNER, WARD)]
        {
            self.seat(domain, role, name)?;
        }
        let mut notaries = Vec::new();
        for (name, domain) in NOTARIES.into_iter().zip([NORTH, SOUTH, SOUTH]) {
            notaries.push(self.seat(domain, NOTARY, name)?.to_string());
        }
        operate(&self.shared.config, &Request::Found { notaries })?;
        self.act(SPEAKER, |own, client| own.register(client, now()))?;
        self.settle()?;
        self.key = self.act(LAB, |own, _| own.name_data(b"results"))?.key;
        let first = NewState { key: self.key, parents: Vec::new(), step: Step::Create, licence: None };
        self.state = self.make(SOUTH, LAB, &first)?;
        let (key, rule, state) = (self.key, RULE.parse::<Policy>()?, self.state);
        self.act(LAB, |own, client| own.publish(client, key, (&rule, state), now()))?;
        Ok(())
    }

    /// What an app begins with.
    pub fn told(&self) -> String {
        let (shared, north, south) = (self.shared.told(), self.north.told(), self.south.told());
        json!({ "shared": shared, "north": north, "south": south }).to_string()
    }

    pub fn obey(&mut self, command: &[&str]) -> Outcome<String> {
        Ok(match command {
            ["code", role, name] => self.north.code(role, name)?,
            ["introduce", member] => {
                let certificate = self.certificate_of(&Subject::new(*member)?)?;
                self.introduce(NORTH, certificate)?;
                "introduced".to_owned()
            }
            ["settle"] => {
                self.settle()?;
                "settled".to_owned()
            }
            ["reply", message] => self.reply(message)?,
            ["note", op] => {
                self.note(op.parse()?)?;
                "noted".to_owned()
            }
            ["derive"] => {
                let (_, licence) = self.newest()?;
                let key = self.act(WARD, |own, _| own.name_data(b"summary"))?.key;
                let made =
                    NewState { key, parents: vec![self.state], step: Step::Derive, licence: Some(licence) };
                self.make(NORTH, WARD, &made)?.to_string()
            }
            _ => "unknown command".to_owned(),
        })
    }

    pub fn stop(self) {
        for ledger in [self.north, self.south, self.shared] {
            ledger.running.stop();
        }
    }

    /// Somebody enrols at a domain, and is introduced to the ledger that is shared.
    fn seat(&mut self, domain: &str, role: &str, name: &str) -> Outcome<Hash> {
        let code = self.ledger(domain).code(role, name)?;
        let ledger = self.ledgers.get(domain).ok_or("a ledger")?;
        let certificate = ledger.enrol(&self.keys, name, &code)?;
        countersign_wallet::Domains::adopt(&mut self.snapshot, &self.keys, name, &certificate)?;
        self.introduce(domain, certificate.fingerprint())?;
        Ok(certificate.fingerprint())
    }

    fn introduce(&mut self, domain: &str, certificate: Hash) -> Outcome {
        let request = Request::Introduce { certificate: certificate.to_string(), prev: None };
        let statement: Base64 =
            serde_json::from_value(json!(operate(&self.ledger(domain).config, &request)?))?;
        self.client()?.submit(LogName::SUPPLY, &statement.0)?;
        Ok(())
    }

    fn ledger(&self, domain: &str) -> &Ledger {
        if domain == NORTH { &self.north } else { &self.south }
    }

    fn client(&self) -> Outcome<Client> {
        Ok(Client::new(Https::new(&self.shared.address(), self.shared.genesis())?))
    }

    fn act<T>(
        &mut self,
        key: &str,
        act: impl FnOnce(
            &mut countersign_wallet::Domains<'_>,
            &Client,
        ) -> Result<T, countersign_wallet::DomainsError>,
    ) -> Outcome<T> {
        let client = self.client()?;
        let mut own = countersign_wallet::Domains::new(&mut self.snapshot, Arc::clone(&self.keys), key)?;
        own.refresh(&client, now())?;
        Ok(act(&mut own, &client)?)
    }

    /// The notaries vote and decide until nothing is left to be.
    fn settle(&mut self) -> Outcome {
        for _ in 0..60 {
            let mut idle = true;
            for notary in NOTARIES {
                let tended = self.act(notary, |own, client| own.tend(client, now()))?;
                idle &= tended.voted.is_empty() && tended.decided.is_empty() && tended.next.is_none();
            }
            if idle {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("the notaries do not come to an end".into())
    }

    /// What the south's authority answers to a message of somebody who wants to be known there.
    fn reply(&mut self, message: &str) -> Outcome<String> {
        let message = DomainMessage::parse(&bytes(message)?)?;
        let reply = self.act(SPEAKER, |own, client| match message.kind() {
            Some(MessageKind::Vouch) => own.challenge(&message, now()),
            _ => {
                let known = own.authenticate(&message, UnixMillis(now().0 + 30 * DAY), now())?;
                own.admit(client, &known, now())?;
                Ok(known)
            }
        })?;
        Ok(reply.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The south notes that the newest licence was used, whether or not it permits this.
    fn note(&mut self, op: Op) -> Outcome {
        let (request, licence) = self.newest()?;
        let (user, state) = (request.request.user, self.state);
        let entry = AccessEntry { licence, user, state, op, answer: Hash::of(b"an answer") };
        let draft = entry.draft(self.key, Authorization::of(&self.snapshot)?.anchor());
        let ledger = self.ledgers.get(SOUTH).ok_or("a ledger")?;
        let client = ledger.client()?;
        let keys = Arc::clone(&self.keys);
        Issuer::new(ledger.snapshot_mut(), &client, keys).record(SPEAKER, &draft, None, now())?;
        Ok(())
    }

    fn newest(&mut self) -> Outcome<(AccessRequest, Hash)> {
        let log = self.act(SPEAKER, |own, _| own.authorization())?;
        let request = log.requests().into_iter().find(|request| request.licence().is_some());
        let request = request.ok_or("a licence")?;
        let licence = request.licence().ok_or("a licence")?;
        Ok((request, licence))
    }

    fn make(&mut self, domain: &str, who: &str, new: &NewState) -> Outcome<Hash> {
        self.act(who, |own, _| own.authorization())?;
        let ledger = self.ledgers.get(domain).ok_or("a ledger")?;
        let client = ledger.client()?;
        let mut own = countersign_wallet::Domains::new(&mut self.snapshot, Arc::clone(&self.keys), who)?;
        Ok(own.state_data((ledger, &client), new, now())?.sid)
    }

    /// The certificate of a member of the north, by its fingerprint.
    fn certificate_of(&mut self, member: &Subject) -> Outcome<Hash> {
        let ledger = self.ledgers.get(NORTH).ok_or("a ledger")?;
        let client = ledger.client()?;
        let keys = Arc::clone(&self.keys);
        let history = Issuer::new(ledger.snapshot_mut(), &client, keys).history(LogName::SUPPLY, member)?;
        let enrolled = history.iter().rev().find_map(|entry| entry.standing()?.fields().bytes("certificate"));
        Ok(Hash::of(enrolled.ok_or("an enrolled member")?))
    }
}

fn bytes(hex: &str) -> Outcome<Vec<u8>> {
    let pair = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    hex.as_bytes().chunks(2).map(pair).collect()
}

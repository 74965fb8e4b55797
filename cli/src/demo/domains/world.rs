//! Ledgers of three domains and the one that they share, with members who have wallets of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domains::rules::{AUTHORITY, DATA_OWNER, NOTARY};
use countersign_domains::{
    AUTHORIZATION, AccessEntry, Behaviour, DATA, DataKey, Op, Ops, Policy, Pseudonym, Step,
};
use countersign_ledger::{Certificate, Genesis, Hash, Held, LogName, LogSpec, Subject, UnixMillis};
use countersign_node::{Config, OtherDomain, Request, Running, Surroundings, operate};
use countersign_wallet::{
    AskForData, Authorization, Client, Cost, DataLedgers, DataTrace, Domains, DomainsError, Issuer, KeyStore,
    LoggedAccess, MayAnswer, NewState, Register, Snapshot, Vault, looked_at, trace_data,
};

use crate::commands::act::KEY;
use crate::home::now;
use crate::output::say;

/// Validity of an enrolment code of the demo.
const CODE: Duration = Duration::from_mins(10);
/// Longer than a node of the demo ever takes.
const SOON: Duration = Duration::from_secs(20);
/// For how long somebody is known, and for how long is asked.
const HOUR: u64 = 3_600_000;
/// Rounds after which notaries have voted on everything, and the master has written it down.
const ROUNDS: usize = 2;

/// A ledger that runs.
struct Ledger {
    config: Config,
    running: Running,
    genesis: Genesis,
}

impl Ledger {
    fn start(dir: &Path, domain: &str, further: LogSpec, others: Vec<OtherDomain>) -> Result<Self> {
        let mut config = Config::development(dir);
        domain.clone_into(&mut config.domain);
        config.name = format!("ledger.{domain}");
        let log = |name, held, domain| LogSpec { name, held, domain };
        config.logs = vec![
            log(LogName::TRUST, Held::Whole, None),
            log(LogName::SUPPLY, Held::Followed, Some(domain.to_owned())),
            further,
        ];
        config.other_domains = others;
        let running = super::super::start(config.clone(), Surroundings::default().families)?;
        let genesis = running.node().genesis().clone();
        Ok(Self { config, running, genesis })
    }

    fn address(&self) -> String {
        format!("https://{}", self.running.addr())
    }
}

/// The ledgers, each domain's under its name.
pub struct World {
    dir: PathBuf,
    shared: Ledger,
    domains: Vec<(&'static str, Ledger)>,
}

impl World {
    /// Starts them all.
    pub fn start(dir: &Path, domains: &[&'static str]) -> Result<Self> {
        let mut started = Vec::new();
        for &domain in domains {
            let data = LogSpec { name: DATA, held: Held::Whole, domain: Some(domain.to_owned()) };
            started
                .push((domain, Ledger::start(&dir.join(domain).join("ledger"), domain, data, Vec::new())?));
        }
        let other = |(name, ledger): &(&'static str, Ledger)| OtherDomain {
            name: (*name).to_owned(),
            genesis: ledger.config.data.join("genesis.json"),
            roles: [NOTARY, AUTHORITY, DATA_OWNER].map(str::to_owned).into(),
        };
        let log = LogSpec { name: AUTHORIZATION, held: Held::Whole, domain: None };
        let others = started.iter().map(other).collect();
        let shared = Ledger::start(&dir.join("shared"), "consortium.example", log, others)?;
        Ok(Self { dir: dir.to_owned(), shared, domains: started })
    }

    /// Says where they are.
    pub fn print(&self) {
        for (name, ledger) in &self.domains {
            say!("  {name:<20} {}", ledger.address());
        }
        say!("  {:<20} {}", "shared by them", self.shared.address());
    }

    /// A client of the shared ledger.
    pub fn client(&self) -> Result<Client> {
        super::super::client(&self.shared.running, &self.shared.genesis)
    }

    fn ledger(&self, domain: &str) -> Result<&Ledger> {
        let found = self.domains.iter().find(|(name, _)| *name == domain);
        found.map(|(_, ledger)| ledger).with_context(|| format!("{domain} is no domain of the demo"))
    }

    /// A wallet of somebody of this domain, who is enrolled there.
    pub fn user(&self, domain: &'static str, role: &str, name: &str) -> Result<Member> {
        let (home, own) = (self.dir.join(domain).join(name), self.ledger(domain)?);
        fs::create_dir_all(&home)?;
        let cost = Cost { memory_kib: 8 * 1024, passes: 1, lanes: 1 };
        let passphrase = format!("the demo's passphrase of {name}");
        let keys: Arc<dyn KeyStore> =
            Arc::new(Vault::create_at_cost(&home.join("vault"), passphrase.as_bytes(), cost)?);
        let mut snapshot = Snapshot::open(&home.join("snapshot.db"), &self.shared.genesis)?;
        let mut ledgers = DataLedgers::open(&home.join(DataLedgers::FOLDER), &self.shared.genesis)?;
        for (_, ledger) in &self.domains {
            ledgers.add(&Register::new(&ledger.address(), ledger.genesis.clone())?)?;
        }
        let code = own.running.node().registrar().new_code(role, name, CODE)?.to_string();
        let certificate = ledgers.get(domain).context("the domain's ledger")?.enrol(&keys, KEY, &code)?;
        snapshot.sync(&self.client()?, SOON)?;
        Domains::adopt(&mut snapshot, &keys, KEY, &certificate)?;
        Ok(Member { domain, snapshot, keys, ledgers, certificate })
    }

    /// One of each domain, whom its registrar introduces to the shared ledger.
    pub fn members(&self, role: &str, name: &str) -> Result<Vec<Member>> {
        let mut members = Vec::new();
        for &(domain, ref ledger) in &self.domains {
            let member = self.user(domain, role, name)?;
            let certificate = member.certificate.fingerprint().to_string();
            let signed = operate(&ledger.config, &Request::Introduce { certificate, prev: None })?;
            self.client()?.submit(LogName::SUPPLY, &STANDARD.decode(signed)?)?;
            members.push(member);
        }
        Ok(members)
    }

    /// The registrar of the shared ledger founds the first group.
    pub fn found(&self, notaries: &[Member]) -> Result<()> {
        let notaries = notaries.iter().map(|notary| notary.certificate.fingerprint().to_string()).collect();
        operate(&self.shared.config, &Request::Found { notaries })?;
        Ok(())
    }

    /// The notaries look at what waits, as each would by itself from time to time.
    pub fn tend(&self, notaries: &mut [Member]) -> Result<()> {
        for _ in 0..ROUNDS {
            for notary in notaries.iter_mut() {
                notary.act(self, |own, client| own.tend(client, now()))?;
            }
        }
        Ok(())
    }

    /// A user becomes known in another domain; returns by which pseudonym.
    pub fn handshake(
        &self,
        user: &mut Member,
        home: &mut Member,
        there: &mut Member,
        level: u8,
    ) -> Result<Pseudonym> {
        let to = there.domain;
        let hello = user.act(self, |own, _| own.hello(to, now()))?;
        let vouch = home.act(self, |own, _| own.vouch(&hello, level, now()))?;
        let challenge = there.act(self, |own, _| own.challenge(&vouch, now()))?;
        let answer = user.act(self, |own, _| own.answer(&challenge, now()))?;
        let record = there.act(self, |own, _| own.authenticate(&answer, in_an_hour(), now()))?;
        there.act(self, |own, client| own.admit(client, &record, now()))?;
        Ok(user.act(self, |own, _| own.keep_record(&record))?.user)
    }
}

fn in_an_hour() -> UnixMillis {
    UnixMillis(now().0 + HOUR)
}

/// Data in a state.
#[derive(Clone, Copy)]
pub struct Noted {
    pub key: DataKey,
    pub sid: Hash,
}

/// Somebody of a domain, with a wallet.
pub struct Member {
    domain: &'static str,
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
    ledgers: DataLedgers,
    certificate: Certificate,
}

impl Member {
    /// Has them do something, with what the shared ledger says now.
    pub fn act<T>(
        &mut self,
        world: &World,
        act: impl FnOnce(&mut Domains<'_>, &Client) -> Result<T, DomainsError>,
    ) -> Result<T> {
        let client = world.client()?;
        self.snapshot.sync(&client, SOON)?;
        Ok(act(&mut Domains::new(&mut self.snapshot, Arc::clone(&self.keys), KEY)?, &client)?)
    }

    /// Who they are.
    pub const fn identity(&self) -> &countersign_ledger::Identity {
        self.certificate.identity()
    }

    /// The log across domains as they see it.
    pub fn log(&mut self, world: &World) -> Result<Authorization> {
        self.act(world, |own, _| own.authorization())
    }

    fn sync(&mut self, world: &World) -> Result<()> {
        for (_, synced) in self.ledgers.sync() {
            synced?;
        }
        Ok(self.snapshot.sync(&world.client()?, SOON)?)
    }

    /// Notes data on their domain's ledger, and what it was made of.
    pub fn note(&mut self, world: &World, data: &[u8], from: Option<(Noted, Hash)>) -> Result<Noted> {
        self.sync(world)?;
        let ledger = self.ledgers.get(self.domain).context("the domain's ledger")?;
        let client = ledger.client()?;
        let mut own = Domains::new(&mut self.snapshot, Arc::clone(&self.keys), KEY)?;
        let key = own.name_data(data)?.key;
        let new = match from {
            Some((parent, licence)) => {
                NewState { key, parents: vec![parent.sid], step: Step::Derive, licence: Some(licence) }
            }
            None => NewState { key, parents: Vec::new(), step: Step::Create, licence: None },
        };
        Ok(Noted { key, sid: own.state_data((ledger, &client), &new, now())?.sid })
    }

    /// Publishes a policy.
    pub fn publish(&mut self, world: &World, data: Noted, policy: &str) -> Result<()> {
        let policy = Policy::parse(policy)?;
        self.act(world, |own, client| own.publish(client, data.key, (&policy, data.sid), now()))?;
        Ok(())
    }

    /// Asks for somebody of their domain.
    pub fn ask(&mut self, world: &World, data: Noted, user: Pseudonym, purpose: &str) -> Result<Subject> {
        let wanted = AskForData {
            key: data.key,
            user,
            ops: Ops::of([Op::Read, Op::Derive]),
            purpose: purpose.to_owned(),
            until: in_an_hour(),
            behaviour: Behaviour::default(),
        };
        Ok(self.act(world, |own, client| own.ask(client, &wanted, now()))?.thread)
    }

    /// Is shown what somebody wants; answers it, and notes the access.
    pub fn answer(
        &mut self,
        world: &World,
        user: &mut Member,
        (thread, data, op): (&Subject, Noted, Op),
        answer: &[u8],
    ) -> Result<MayAnswer> {
        let shown = user.act(world, |own, _| own.present(thread, data.sid, op, now()))?;
        self.sync(world)?;
        let client = world.client()?;
        let mut own = Domains::new(&mut self.snapshot, Arc::clone(&self.keys), KEY)?;
        let may = own.check_pass(&client, &self.ledgers, &shown, now())?;
        let ledger = self.ledgers.get(self.domain).context("the domain's ledger")?;
        let client = ledger.client()?;
        own.note_access((ledger, &client), &may, answer, now())?;
        Ok(may)
    }

    /// Notes an access for which nobody has a licence: the rules of one ledger cannot tell, an audit can.
    pub fn look_without_a_licence(&mut self, world: &World, data: Noted, answer: &[u8]) -> Result<()> {
        self.sync(world)?;
        let user = self.act(world, |own, _| own.pseudonym("nobody.example"))?;
        let licence = Hash::of(b"there is none");
        let entry = AccessEntry { licence, user, state: data.sid, op: Op::Read, answer: Hash::of(answer) };
        let draft = entry.draft(data.key, Authorization::of(&self.snapshot)?.anchor());
        let ledger = self.ledgers.get(self.domain).context("the domain's ledger")?;
        let client = ledger.client()?;
        Issuer::new(ledger.snapshot_mut(), &client, Arc::clone(&self.keys)).record(
            KEY,
            &draft,
            None,
            now(),
        )?;
        Ok(())
    }

    /// Where data went, over all ledgers.
    pub fn trace(&mut self, world: &World, data: Noted) -> Result<DataTrace> {
        self.sync(world)?;
        Ok(trace_data(&self.snapshot, &self.ledgers, data.key)?)
    }

    /// Who looked, over all ledgers.
    pub fn accesses(&mut self, world: &World) -> Result<Vec<LoggedAccess>> {
        self.sync(world)?;
        Ok(looked_at(&self.snapshot, &self.ledgers)?)
    }
}

//! A ledger that three trust domains share, and a ledger of each domain's own: four nodes, and members with wallets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domains::rules::{AUTHORITY, DATA_OWNER, NOTARY};
use countersign_domains::{AUTHORIZATION, DATA};
use countersign_ledger::{Certificate, Genesis, Held, LogName, LogSpec, UnixMillis};
use countersign_node::{Config, Node, OtherDomain, Request, Running, Surroundings, operate};
use countersign_wallet::{
    Authorization, Client, Cost, DataLedger, DataLedgers, DomainMessage, Domains, DomainsError, Https,
    KeyStore, MayAnswer, Register, Response, Snapshot, Tended, Transport, TransportError, Vault,
};
use tempfile::TempDir;

pub const NORTH: &str = "north.example";
pub const SOUTH: &str = "south.example";
pub const WEST: &str = "west.example";
pub const DOMAINS: [&str; 3] = [NORTH, SOUTH, WEST];
/// Two of each domain.
pub const NOTARIES: [(&str, &str); 6] =
    [(NORTH, "n1"), (SOUTH, "s1"), (WEST, "w1"), (NORTH, "n2"), (SOUTH, "s2"), (WEST, "w2")];

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
const WEEK: Duration = Duration::from_hours(7 * 24);
const PATIENCE: Duration = Duration::from_secs(5);
const KEY: &str = "member";

/// The time of all nodes and wallets.
#[derive(Clone)]
struct Time {
    shown: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl Time {
    fn new() -> Self {
        let shown = countersign_node::system_clock()().0;
        Self { shown: Arc::new(AtomicU64::new(shown)), passed: Arc::default() }
    }

    fn surroundings(&self) -> Surroundings {
        let (clock, uptime) = (self.clone(), self.clone());
        Surroundings {
            clock: Arc::new(move || clock.now()),
            uptime: Arc::new(move || Duration::from_millis(uptime.passed.load(Ordering::SeqCst))),
            ..Surroundings::default()
        }
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(self.shown.load(Ordering::SeqCst))
    }
}

/// All four nodes.
pub struct Consortium {
    directory: TempDir,
    time: Time,
    shared: Running,
    configs: BTreeMap<&'static str, Config>,
    own: BTreeMap<&'static str, Running>,
}

impl Consortium {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let time = Time::new();
        let (mut configs, mut own, mut others) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for domain in DOMAINS {
            let config = config(directory.path(), domain, (DATA, Some(domain)));
            others.push(OtherDomain {
                name: domain.to_owned(),
                genesis: config.data.join("genesis.json"),
                roles: [NOTARY, AUTHORITY, DATA_OWNER].map(str::to_owned).to_vec(),
            });
            own.insert(domain, start(&config, &time));
            configs.insert(domain, config);
        }
        let shared = config(directory.path(), "consortium.example", (AUTHORIZATION, None));
        let shared = Config { other_domains: others, ..shared };
        let running = start(&shared, &time);
        configs.insert("consortium.example", shared);
        Self { directory, time, shared: running, configs, own }
    }

    pub fn now(&self) -> UnixMillis {
        self.time.now()
    }

    /// Lets time pass.
    pub fn pass(&self, millis: u64) {
        self.time.passed.fetch_add(millis, Ordering::SeqCst);
        self.time.shown.fetch_add(millis, Ordering::SeqCst);
    }

    pub fn genesis(&self) -> &Genesis {
        self.shared.node().genesis()
    }

    pub fn client(&self) -> Client {
        Client::new(https(&self.shared))
    }

    /// A client whose connection breaks, when it is told to, before the receipt of what was handed in comes.
    pub fn breaking(&self) -> (Client, Arc<AtomicBool>) {
        let breaks = Arc::new(AtomicBool::new(false));
        (Client::new(Breaking { https: https(&self.shared), breaks: Arc::clone(&breaks) }), breaks)
    }

    pub fn register(&self, domain: &str) -> Register {
        let running = &self.own[domain];
        Register::new(&address(running), running.node().genesis().clone()).unwrap()
    }

    /// A member with a wallet, whom their own domain has enrolled.
    pub fn stranger(&self, domain: &'static str, role: &str, name: &'static str) -> Member {
        let folder = self.directory.path().join("wallets").join(format!("{role}-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        let vault = Vault::create_at_cost(&folder.join("vault"), b"p", CHEAP).unwrap();
        let keys: Arc<dyn KeyStore> = Arc::new(vault);
        let mut snapshot = Snapshot::open(&folder.join("wallet.db"), self.genesis()).unwrap();
        let mut ledgers = DataLedgers::open(&folder.join("domains"), self.genesis()).unwrap();
        let ledger = ledgers.add(&self.register(domain)).unwrap();
        let code = self.own[domain].node().registrar().new_code(role, name, WEEK).unwrap();
        let certificate = ledger.enrol(&keys, KEY, &code.to_string()).unwrap();
        Domains::adopt(&mut snapshot, &keys, KEY, &certificate).unwrap();
        snapshot.sync(&self.client(), PATIENCE).unwrap();
        Member { folder, domain, keys, snapshot, ledgers, certificate, client: self.client() }
    }

    /// A member whom their registrar has introduced to the shared ledger as well.
    pub fn member(&self, domain: &'static str, role: &str, name: &'static str) -> Member {
        let member = self.stranger(domain, role, name);
        let certificate = member.certificate.fingerprint().to_string();
        let request = Request::Introduce { certificate, prev: None };
        let signed = operate(&self.configs[domain], &request).unwrap();
        let signed = STANDARD.decode(signed).unwrap();
        self.client().submit(LogName::SUPPLY, &signed).unwrap();
        member
    }

    /// Six notaries, whom the shared ledger's registrar puts into office.
    pub fn notaries(&self) -> Vec<Member> {
        let notaries: Vec<_> =
            NOTARIES.iter().map(|(domain, name)| self.member(domain, NOTARY, name)).collect();
        let certificates = notaries.iter().map(|one| one.certificate.fingerprint().to_string());
        let request = Request::Found { notaries: certificates.collect() };
        operate(&self.configs["consortium.example"], &request).unwrap();
        notaries
    }

    /// The wallet of a member after the process was killed.
    pub fn again(&self, member: Member) -> Member {
        let Member { folder, domain, certificate, .. } = member;
        let keys: Arc<dyn KeyStore> = Arc::new(Vault::open(&folder.join("vault"), b"p").unwrap());
        let snapshot = Snapshot::open(&folder.join("wallet.db"), self.genesis()).unwrap();
        let ledgers = DataLedgers::open(&folder.join("domains"), self.genesis()).unwrap();
        Member { folder, domain, keys, snapshot, ledgers, certificate, client: self.client() }
    }
}

/// A ledger with one log more.
fn config(directory: &Path, domain: &str, (log, of): (LogName, Option<&str>)) -> Config {
    let spec = |name, held, domain: Option<&str>| LogSpec { name, held, domain: domain.map(str::to_owned) };
    Config {
        name: format!("ledger.{domain}"),
        domain: domain.to_owned(),
        logs: vec![
            spec(LogName::TRUST, Held::Whole, None),
            spec(LogName::SUPPLY, Held::Followed, Some(domain)),
            spec(log, Held::Whole, of),
        ],
        ..Config::development(directory.join(domain))
    }
}

fn start(config: &Config, time: &Time) -> Running {
    Node::open_with(config.clone(), time.surroundings()).unwrap().start().unwrap()
}

fn address(running: &Running) -> String {
    format!("https://localhost:{}", running.addr().port())
}

fn https(running: &Running) -> Https {
    Https::new(&address(running), running.node().genesis()).unwrap()
}

struct Breaking {
    https: Https,
    breaks: Arc<AtomicBool>,
}

impl Transport for Breaking {
    fn send(&self, request: &countersign_wallet::Request<'_>) -> Result<Response, TransportError> {
        let entry = request.path.contains("/entries/") && !request.path.contains("/tile/");
        let receipt = request.method == countersign_wallet::Method::Get && entry;
        if receipt && self.breaks.load(Ordering::SeqCst) {
            return Err(TransportError::Broken("killed".into()));
        }
        self.https.send(request)
    }
}

/// A member with a wallet.
pub struct Member {
    folder: PathBuf,
    pub domain: &'static str,
    keys: Arc<dyn KeyStore>,
    pub snapshot: Snapshot,
    pub ledgers: DataLedgers,
    pub certificate: Certificate,
    pub client: Client,
}

impl Member {
    /// What they do on the shared ledger.
    pub fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Domains<'_>, &Client) -> Result<T, DomainsError>,
    ) -> Result<T, DomainsError> {
        let mut domains = Domains::new(&mut self.snapshot, Arc::clone(&self.keys), KEY).unwrap();
        act(&mut domains, &self.client)
    }

    /// What they do on their own domain's ledger.
    pub fn act_at_home<T>(
        &mut self,
        now: UnixMillis,
        act: impl FnOnce(&mut Domains<'_>, (&mut DataLedger, &Client)) -> Result<T, DomainsError>,
    ) -> Result<T, DomainsError> {
        let mut domains = Domains::new(&mut self.snapshot, Arc::clone(&self.keys), KEY).unwrap();
        domains.refresh(&self.client, now).unwrap();
        let ledger = self.ledgers.get(self.domain).unwrap();
        let client = ledger.client().unwrap();
        act(&mut domains, (ledger, &client))
    }

    /// Whether the domain answers what is shown to it.
    pub fn check(&mut self, shown: &DomainMessage, now: UnixMillis) -> Result<MayAnswer, DomainsError> {
        for (_, synced) in self.ledgers.sync() {
            synced.unwrap();
        }
        let mut domains = Domains::new(&mut self.snapshot, Arc::clone(&self.keys), KEY).unwrap();
        domains.check_pass(&self.client, &self.ledgers, shown, now)
    }

    /// Looks at the ledgers of all domains, and then at the one that they share.
    pub fn look(&mut self, consortium: &Consortium) -> Authorization {
        for domain in DOMAINS {
            self.ledgers.add(&consortium.register(domain)).unwrap();
        }
        for (domain, synced) in self.ledgers.sync() {
            synced.unwrap_or_else(|error| panic!("{domain}: {error}"));
        }
        self.snapshot.sync(&self.client, PATIENCE).unwrap();
        Authorization::of(&self.snapshot).unwrap()
    }
}

/// One round of each notary.
pub fn round(consortium: &Consortium, notaries: &mut [Member]) -> Vec<Tended> {
    let now = consortium.now();
    notaries.iter_mut().map(|notary| notary.act(|one, client| one.tend(client, now)).unwrap()).collect()
}

/// One round of all notaries at the same time.
pub fn round_at_once(consortium: &Consortium, notaries: &mut [Member]) -> Vec<Tended> {
    let now = consortium.now();
    let tend = |notary: &mut Member| notary.act(|one, client| one.tend(client, now)).unwrap();
    std::thread::scope(|scope| {
        let running: Vec<_> = notaries.iter_mut().map(|notary| scope.spawn(move || tend(notary))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// Rounds until nothing is left to be done.
pub fn settle(consortium: &Consortium, notaries: &mut [Member]) {
    while round(consortium, notaries).iter().any(|one| !one.voted.is_empty() || !one.decided.is_empty()) {}
}

/// A user of one domain becomes known in another, whose authority admits them.
pub fn introduce_user(
    consortium: &Consortium,
    user: &mut Member,
    home: &mut Member,
    other: &mut Member,
    level: u8,
) {
    let now = consortium.now();
    let carried = |message: DomainMessage| DomainMessage::parse(&message.to_bytes()).unwrap();
    let to = other.domain;
    for member in [&mut *user, &mut *home, &mut *other] {
        member.act(|one, client| one.refresh(client, now)).unwrap();
    }
    let hello = carried(user.act(|one, _| one.hello(to, now)).unwrap());
    let vouch = carried(home.act(|one, _| one.vouch(&hello, level, now)).unwrap());
    let challenge = carried(other.act(|one, _| one.challenge(&vouch, now)).unwrap());
    let answer = carried(user.act(|one, _| one.answer(&challenge, now)).unwrap());
    let until = UnixMillis(now.0 + 24 * 3_600_000);
    let record = carried(other.act(|one, _| one.authenticate(&answer, until, now)).unwrap());
    other.act(|one, client| one.admit(client, &record, now)).unwrap();
    let known = user.act(|one, _| one.keep_record(&record)).unwrap();
    assert_eq!((known.level, known.until, known.home.as_str()), (level, until, home.domain));
}

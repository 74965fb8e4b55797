//! A node in a directory of its own, members with keys, and the statements that they sign.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_ledger::certificate::{Period, issue, request};
use countersign_ledger::{
    Certificate, Draft, Fields, Genesis, Hash, Identity, Kind, LogName, SoftwareKey, Statement, Subject,
    UnixMillis,
};
use countersign_node::{
    Clock, Config, Node, OpenError, Ordered, Outcome, Running, Sequencer, Surroundings, Uptime, system_clock,
};
use tempfile::TempDir;

pub const CLASS: &str = "https://id.gs1.org/01/09506000134352";
pub const WEEK: Duration = Duration::from_hours(7 * 24);
pub const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// A lot of the one product.
pub fn lot(number: u64) -> String {
    format!("{CLASS}/10/L{number}")
}

/// A clock that tests move.
#[derive(Clone)]
pub struct TestClock {
    shown: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl TestClock {
    pub fn new() -> Self {
        Self { shown: Arc::new(AtomicU64::new(system_clock()().0)), passed: Arc::default() }
    }

    /// Lets time pass.
    pub fn advance(&self, millis: u64) {
        self.passed.fetch_add(millis, Ordering::SeqCst);
        self.set_by(millis.cast_signed());
    }

    /// Sets the clock, while no time passes.
    pub fn set_by(&self, millis: i64) {
        self.shown.fetch_add(millis.cast_unsigned(), Ordering::SeqCst);
    }

    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.shown.load(Ordering::SeqCst))
    }

    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Arc::new(move || this.now())
    }

    pub fn uptime(&self) -> Uptime {
        let passed = Arc::clone(&self.passed);
        Arc::new(move || Duration::from_millis(passed.load(Ordering::SeqCst)))
    }

    /// What a node is given, with this clock.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings { clock: self.clock(), uptime: self.uptime(), ..Surroundings::default() }
    }
}

/// A member with a key and a certificate.
pub struct Member {
    pub key: SoftwareKey,
    pub certificate: Certificate,
}

/// What a test wants signed.
#[derive(Clone)]
pub struct Spec {
    pub kind: &'static str,
    pub subject: String,
    pub fields: Fields,
    pub prev: Option<Hash>,
    pub links: Vec<Hash>,
    pub at: UnixMillis,
    pub cti: [u8; 16],
}

impl Member {
    pub fn sign(&self, spec: &Spec) -> Statement {
        let draft = Draft {
            kind: Kind::new(spec.kind).unwrap(),
            subject: Subject::new(spec.subject.clone()).unwrap(),
            fields: spec.fields.clone(),
            prev: spec.prev,
            links: spec.links.clone(),
            sealed: None,
        };
        draft.sign(&self.certificate, &self.key, spec.at, spec.cti).unwrap()
    }
}

/// A member called `name` whom the holder of `root` has certified, without asking any node.
pub fn certified(root: &SoftwareKey, role: &str, name: &str, from: UnixMillis) -> Member {
    let key = fresh_key();
    let period =
        Period { from: UnixMillis(from.0 - DAY_MILLIS), until: UnixMillis(from.0 + 365 * DAY_MILLIS) };
    let identity = Identity::new("meds.example", role, name).unwrap();
    let public = countersign_ledger::Signer::public_key(&key);
    let certificate = issue(&identity, &public, root, period, random()).unwrap();
    Member { key, certificate }
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

pub fn fresh_key() -> SoftwareKey {
    SoftwareKey::from_bytes(&random::<32>()).unwrap()
}

pub fn csr(key: &SoftwareKey) -> Vec<u8> {
    request(key).unwrap()
}

/// Where a node lives, and how it is configured.
pub struct Site {
    _directory: TempDir,
    pub config: Config,
    pub clock: TestClock,
}

impl Site {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let config = Config::development(directory.path().join("data"));
        Self { _directory: directory, config, clock: TestClock::new() }
    }

    pub fn open(&self) -> Node {
        self.try_open().unwrap()
    }

    pub fn try_open(&self) -> Result<Node, OpenError> {
        open_patiently(|| Node::open_with(self.config.clone(), self.clock.surroundings()))
    }

    pub fn database(&self) -> PathBuf {
        self.config.data.join("ledger.sqlite")
    }

    /// Has the node hold a blob, as if it had been announced and uploaded just now.
    pub fn hold(&self, bytes: &[u8]) {
        let database = rusqlite::Connection::open(self.database()).unwrap();
        let (digest, now) = (Hash::of(bytes), self.clock.now().0.cast_signed());
        let row = rusqlite::params![digest.as_bytes(), bytes.len().cast_signed(), now, bytes];
        let sql =
            "INSERT INTO blobs (digest, length, announced, member, bytes) VALUES (?, ?, ?, 'a member', ?)";
        database.execute(sql, row).unwrap();
    }

    /// A manufacturer's request for material: the first statement on lot `number`.
    pub fn request(&self, number: u64) -> Spec {
        Spec {
            kind: "medicine.material-request",
            subject: lot(number),
            fields: Fields::new().with("to", "spiffe://meds.example/supplier/ms").with("materials", "starch"),
            prev: None,
            links: Vec::new(),
            at: self.clock.now(),
            cti: random(),
        }
    }

    /// An authority's suspension of lot `number`: any number of them may follow each other.
    pub fn suspension(&self, number: u64, prev: Option<Hash>) -> Spec {
        Spec {
            kind: "medicine.suspend",
            subject: lot(number),
            fields: Fields::new().with("reason", "under examination"),
            prev,
            links: Vec::new(),
            at: self.clock.now(),
            cti: random(),
        }
    }
}

/// Opens a node. A process that another test is just starting holds a copy of every open file for a moment, the lock
/// included, so a locked directory is tried again.
pub fn open_patiently(open: impl Fn() -> Result<Node, OpenError>) -> Result<Node, OpenError> {
    for _ in 0..20 {
        match open() {
            Err(OpenError::Locked(_)) => std::thread::sleep(Duration::from_millis(50)),
            opened => return opened,
        }
    }
    open()
}

/// A new member with a certificate from the node's registrar.
pub fn enrol(node: &Node, role: &str, name: &str) -> Member {
    let code = node.registrar().new_code(role, name, WEEK).unwrap();
    let key = fresh_key();
    let certificate = node.enrol(&code, &csr(&key)).unwrap();
    Member { key, certificate }
}

pub fn submit(node: &Node, log: LogName, statement: &Statement) -> Outcome {
    node.sequencer().submit(log, statement.as_bytes()).wait()
}

pub fn accepted(node: &Node, log: LogName, statement: &Statement) -> Ordered {
    match submit(node, log, statement) {
        Outcome::Accepted(ordered) => ordered,
        other => panic!("not accepted: {other:?}"),
    }
}

/// All statements in their order.
pub fn stream(sequencer: &dyn Sequencer) -> Vec<(LogName, Vec<u8>)> {
    let mut statements = Vec::new();
    let mut height = 1;
    loop {
        let blocks = sequencer.blocks(height, 256).unwrap();
        let Some(last) = blocks.last() else { return statements };
        height = last.height + 1;
        statements.extend(blocks.into_iter().flat_map(|block| block.statements));
    }
}

/// The name of the reason for which a statement is refused.
pub fn refusal(node: &Node, log: LogName, statement: &Statement) -> &'static str {
    match submit(node, log, statement) {
        Outcome::Refused(reason) => reason.problem().as_str(),
        other => panic!("not refused: {other:?}"),
    }
}

/// A client over HTTPS that trusts what the genesis pins, and follows no redirect.
pub struct Client {
    pub http: reqwest::blocking::Client,
    pub base: String,
}

impl Client {
    pub fn new(genesis: &Genesis, addr: std::net::SocketAddr) -> Self {
        Self::at(genesis, addr, Ipv4Addr::LOCALHOST)
    }

    /// A client whose connections come from this address.
    pub fn at(genesis: &Genesis, addr: std::net::SocketAddr, from: Ipv4Addr) -> Self {
        let roots = genesis.tls.iter().map(|root| reqwest::Certificate::from_der(&root.0).unwrap());
        let http = reqwest::blocking::Client::builder()
            .tls_certs_only(roots)
            .redirect(reqwest::redirect::Policy::none())
            .local_address(IpAddr::from(from))
            .build()
            .unwrap();
        Self { http, base: format!("https://{addr}") }
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::of(self.http.get(format!("{}{path}", self.base)).send().unwrap())
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        Answer::of(self.http.post(format!("{}{path}", self.base)).body(body.to_vec()).send().unwrap())
    }

    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        Answer::of(self.http.put(format!("{}{path}", self.base)).body(body.to_vec()).send().unwrap())
    }
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn of(response: reqwest::blocking::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().unwrap().to_vec() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and title of a problem document.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            "application/concise-problem-details+cbor",
            "{}",
            self.status
        );
        let mut d = minicbor::Decoder::new(&self.body);
        assert_eq!(d.map().unwrap(), Some(2));
        assert_eq!(d.i8().unwrap(), -1);
        let title = d.str().unwrap().to_owned();
        assert_eq!(d.i8().unwrap(), -2);
        assert!(!d.str().unwrap().is_empty());
        (self.status, title)
    }
}

/// The messages in an answer.
pub fn messages(cbor: &[u8]) -> Vec<Vec<u8>> {
    let mut d = minicbor::Decoder::new(cbor);
    let count = d.array().unwrap().unwrap();
    (0..count).map(|_| d.bytes().unwrap().to_owned()).collect()
}

/// What a node counts.
pub fn metrics(running: &Running) -> String {
    let url = format!("http://{}/metrics", running.metrics_addr().unwrap());
    reqwest::blocking::get(url).unwrap().text().unwrap()
}

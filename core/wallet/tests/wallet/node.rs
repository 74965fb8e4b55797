//! The whole way, against the real node over TLS: enrolled roles play a lot, a patient's wallet follows it, the node goes.

use std::sync::Arc;
use std::time::Duration;

use countersign_custody::{Profile, SerialSet, VerdictKind};
use countersign_ledger::{Base64, Fields, Genesis, Hash, Identity, LogName, UnixMillis};
use countersign_node::{Config, Node, Running, Surroundings};
use countersign_wallet::{
    ActError, Client, ClientError, Consent, Cost, Https, HttpsError, Issuer, KeyStore, Recorded, Snapshot,
    SyncError, TransportError, Vault, verify_evidence,
};

use crate::world::{CLASS, LOT, PACK, item, kind, subject};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
const PATIENCE: Duration = Duration::from_secs(5);

fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMillis(u64::try_from(since.as_millis()).unwrap())
}

fn address(running: &Running) -> String {
    format!("https://localhost:{}", running.addr().port())
}

pub fn client(running: &Running) -> Client {
    Client::new(Https::new(&address(running), running.node().genesis()).unwrap())
}

/// One office with the keys of every role.
pub struct Office {
    pub snapshot: Snapshot,
    pub client: Client,
    pub keys: Arc<dyn KeyStore>,
    pub expiry: UnixMillis,
    serials: SerialSet,
}

impl Office {
    pub fn open(running: &Running, directory: &std::path::Path) -> Self {
        let vault = Vault::create_at_cost(&directory.join("vault"), b"p", CHEAP).unwrap();
        let snapshot = Snapshot::open(&directory.join("office.db"), running.node().genesis()).unwrap();
        let serials = SerialSet::new((0..100).map(|i| format!("S{i:03}"))).unwrap();
        // The last moment of a day.
        let expiry = UnixMillis((now().0 / 86_400_000 + 700) * 86_400_000 - 1);
        let mut office = Self { snapshot, client: client(running), keys: Arc::new(vault), expiry, serials };
        for role in ["authority", "supplier", "manufacturer", "distributor", "pharmacy"] {
            let code = running.node().registrar().new_code(role, "first", Duration::from_mins(1)).unwrap();
            office.issuer().enrol(role, &code.to_string()).unwrap();
        }
        office
    }

    fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.client, Arc::clone(&self.keys)).consenting(Consent::ALL)
    }

    fn identity(&mut self, role: &str) -> Identity {
        self.issuer().certificate(role).unwrap().identity().clone()
    }

    /// Records the next statement of a kind, as the rules have it.
    pub fn state(&mut self, role: &str, name: &str, about: &str, fields: Fields) -> Recorded {
        let (kind, about) = (kind(&format!("medicine.{name}")), subject(about));
        let (profile, signer) = (self.snapshot.profile_of(&kind).unwrap().clone(), self.identity(role));
        let log = self.issuer().log_of(&kind).unwrap();
        let history = self.issuer().history(log, &about).unwrap();
        let mut related = Vec::new();
        for other in [CLASS, LOT] {
            related.extend(self.issuer().history(LogName::SUPPLY, &subject(other)).unwrap());
        }
        let draft = profile.draft(&kind, &about, &signer, fields, &history, &related).unwrap();
        let blob = (name == "commission").then(|| self.serials.filter_bytes().to_vec());
        self.issuer().record(role, &draft, blob.as_deref(), now()).unwrap()
    }

    pub fn play(&mut self) {
        let to = |office: &mut Self, role| Fields::new().with("to", office.identity(role).as_str());
        let (start, expiry) = (now().0, self.expiry.0);
        let holder = self.identity("manufacturer");
        let fields = Fields::new()
            .with("class", "C-1")
            .with("product", "Example 5 mg")
            .with("holder", holder.as_str());
        let fields = fields.with("nbf", start - 86_400_000).with("exp", start + 900 * 86_400_000);
        self.state("authority", "certificate", CLASS, fields);
        let fields = to(self, "supplier").with("materials", "active substance");
        self.state("manufacturer", "material-request", LOT, fields);
        let fields = to(self, "manufacturer").with("material", "MUI-1").with("produced", start - 1000);
        self.state("supplier", "material", LOT, fields);
        let fields = to(self, "authority").with("material", "MUI-1").with("product", "Example 5 mg");
        self.state("manufacturer", "trial", LOT, fields.with("trial", Hash::of(b"trial")));
        let fields = to(self, "manufacturer").with("product", "Example 5 mg");
        self.state("authority", "approval", LOT, fields);
        let commission = kind("medicine.commission");
        let fields = Profile::medicine().commission_fields(&commission, &self.serials, self.expiry).unwrap();
        self.state("manufacturer", "commission", LOT, fields);
        let fields = to(self, "distributor").with("class", "C-1").with("expiry", expiry);
        self.state("manufacturer", "distribution", LOT, fields);
        let fields = to(self, "manufacturer").with("expiry", expiry).with("sold", 40);
        self.state("distributor", "sales-status", LOT, fields);
    }
}

#[test]
fn a_lot_is_played_followed_and_judged_with_the_node_gone() {
    let directory = tempfile::tempdir().unwrap();
    let running = Node::open(Config::development(directory.path().join("node"))).unwrap().start().unwrap();
    let genesis = running.node().genesis().clone();
    let mut office = Office::open(&running, directory.path());
    office.play();
    let dispensed = office.state("pharmacy", "dispense", PACK, Fields::new());
    assert_eq!(dispensed.log, LogName::SUPPLY);

    let mut patient = Snapshot::open(&directory.path().join("patient.db"), &genesis).unwrap();
    patient.follow(&subject(CLASS)).unwrap();
    patient.follow_pack(&subject(PACK)).unwrap();
    patient.sync(&client(&running), PATIENCE).unwrap();
    office.state("authority", "recall", &format!("{CLASS}/10/L9"), Fields::new().with("reason", "particles"));
    let reader = client(&running);
    patient.sync(&reader, PATIENCE).unwrap();
    assert_eq!(patient.checkpoint(LogName::TRUST).unwrap().checkpoint().size(), 1);
    running.stop();

    let label =
        |serial: &str| countersign_custody::Item { expires_at: Some(office.expiry), ..item(LOT, serial) };
    let kind = |patient: &mut Snapshot, serial: &str| patient.check(&label(serial), now()).kind;
    assert_eq!(kind(&mut patient, "S001"), VerdictKind::Authentic);
    assert_eq!(kind(&mut patient, "S007"), VerdictKind::Attention);
    assert_eq!(kind(&mut patient, "X001"), VerdictKind::Suspect);
    let evidence = patient.export(&label("S001")).unwrap();
    assert_eq!(verify_evidence(&evidence, &genesis, now()).unwrap().verdict.kind, VerdictKind::Authentic);
    let lost = patient.sync(&reader, PATIENCE).unwrap_err();
    let named = matches!(
        lost,
        SyncError::Client(ClientError::Transport(TransportError::Unreachable(_) | TransportError::Broken(_)))
    );
    assert!(named, "{lost:?}");
    assert_eq!(kind(&mut patient, "S001"), VerdictKind::Authentic);
}

#[test]
fn a_node_that_refuses_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let running = Node::open(Config::development(directory.path().join("node"))).unwrap().start().unwrap();
    let mut office = Office::open(&running, directory.path());
    let refused = |error: ActError| match error {
        ActError::Client(ClientError::Refused { title, .. }) => title,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(office.issuer().enrol("another key", "no such code at all").unwrap_err()),
        "code-unknown"
    );
    let early = countersign_ledger::Draft {
        kind: kind("medicine.receipt"),
        subject: subject(LOT),
        fields: Fields::new(),
        prev: None,
        links: Vec::new(),
        sealed: None,
    };
    assert_eq!(refused(office.issuer().record("manufacturer", &early, None, now()).unwrap_err()), "rule");
    // Signed before its certificate began to hold.
    let old = office.issuer().sign("manufacturer", &early, UnixMillis(now().0 - 2 * 86_400_000)).unwrap();
    let submitted = office.client.submit(LogName::SUPPLY, old.as_bytes());
    assert_eq!(refused(submitted.unwrap_err().into()), "not-yet-valid");
    running.stop();
}

#[test]
fn a_node_that_is_not_the_pinned_one_is_told_from_a_lost_signal() {
    let directory = tempfile::tempdir().unwrap();
    let running = Node::open(Config::development(directory.path().join("node"))).unwrap().start().unwrap();
    let other = Node::open(Config::development(directory.path().join("other"))).unwrap();
    let pinned = other.genesis().clone();
    let wrong = Client::new(Https::new(&address(&running), &pinned).unwrap());
    let error = wrong.checkpoint(LogName::TRUST).unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::NotTheNode(_))), "{error:?}");
    // Without a pinned root those of the platform are asked, and they do not know a development node.
    let platform = Genesis { tls: Vec::new(), ..pinned.clone() };
    let error = Client::new(Https::new(&address(&running), &platform).unwrap())
        .checkpoint(LogName::TRUST)
        .unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::NotTheNode(_))), "{error:?}");
    let no_address = [
        "localhost",
        "http://localhost:1",
        "https://a:b@localhost",
        "https://localhost/a",
        "https://localhost?a",
    ];
    for address in no_address {
        assert!(matches!(Https::new(address, &pinned).err().unwrap(), HttpsError::Address), "{address}");
    }
    let broken = Genesis { tls: vec![Base64(vec![1, 2, 3])], ..pinned };
    assert!(matches!(
        Https::new("https://localhost:1", &broken).err(),
        Some(HttpsError::Root | HttpsError::Tls(_))
    ));
    assert!(running.node().checkpoint(LogName::TRUST).contains("/trust"));
    running.stop();
}

#[test]
fn a_certificate_that_is_not_valid_by_this_clock_is_told_as_that_and_the_nodes_clock_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    // A node whose clock is six years behind: its certificate ran out four years ago, or this clock is ahead.
    let behind = UnixMillis(now().0 - 6 * 365 * 86_400_000);
    let surroundings = Surroundings { clock: Arc::new(move || behind), ..Surroundings::default() };
    let config = Config::development(directory.path().join("behind"));
    let running = Node::open_with(config, surroundings).unwrap().start().unwrap();
    let error = client(&running).checkpoint(LogName::TRUST).unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::Clock(_))), "{error:?}");
    assert!(error.to_string().starts_with("this phone's clock shows 20"), "{error}");
    running.stop();

    let config = Config::development(directory.path().join("right"));
    let running = Node::open(config).unwrap().start().unwrap();
    let client = client(&running);
    assert_eq!(client.clocks(), None);
    client.checkpoint(LogName::TRUST).unwrap();
    let clocks = client.clocks().unwrap();
    assert!(
        clocks.phone.since(clocks.node) < 60_000 && clocks.node.since(clocks.phone) < 60_000,
        "{clocks:?}"
    );
    running.stop();
}

#[test]
fn who_is_revoked_can_no_longer_be_recorded_and_phones_know() {
    let directory = tempfile::tempdir().unwrap();
    let running = Node::open(Config::development(directory.path().join("node"))).unwrap().start().unwrap();
    let genesis = running.node().genesis().clone();
    let mut office = Office::open(&running, directory.path());
    office.play();
    let fingerprint = office.issuer().certificate("pharmacy").unwrap().fingerprint();
    let mut patient = Snapshot::open(&directory.path().join("patient.db"), &genesis).unwrap();
    patient.follow(&subject(CLASS)).unwrap();
    patient.sync(&client(&running), PATIENCE).unwrap();
    running.node().revoke(fingerprint).unwrap();
    let draft = countersign_ledger::Draft {
        kind: kind("medicine.dispense"),
        subject: subject(PACK),
        fields: Fields::new(),
        prev: None,
        links: Vec::new(),
        sealed: None,
    };
    let error = office.issuer().record("pharmacy", &draft, None, now()).unwrap_err();
    assert!(
        matches!(&error, ActError::Client(ClientError::Refused { title, .. }) if title == "revoked"),
        "{error:?}"
    );
    patient.sync(&client(&running), PATIENCE).unwrap();
    assert!(patient.checkpoint(LogName::TRUST).unwrap().checkpoint().size() > 0);
    let label = countersign_custody::Item { expires_at: Some(office.expiry), ..item(LOT, "S001") };
    assert_eq!(patient.check(&label, now()).kind, VerdictKind::Authentic);
    running.stop();
}

//! Clients, readers and witnesses that nobody here wrote: what the standards promise them over HTTP.

use std::io::Read as _;
use std::time::{Duration, Instant};

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::cose::Sign1;
use countersign_ledger::receipt::{Receipt, ReceiptKey};
use countersign_ledger::{
    AddCheckpoint, Cosigner, Genesis, Hash, Identity, LogName, LogProof, Note, NoteSigner, Policy, PublicKey,
    SignatureType, Signer, TileKind, TilePath, Tree, UnixMillis, VerifierKey, leaf_hash, read_bundle,
};
use countersign_node::{Halt, Outcome, OutsideConfig, Running, Status};
use reqwest::Method;

use crate::world::{Answer, Client, DAY_MILLIS, Member, Site, enrol, fresh_key, metrics};

struct Stage {
    site: Site,
    running: Running,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        Self::of(Site::new())
    }

    fn of(site: Site) -> Self {
        let running = site.open().start().unwrap();
        let client = Client::new(running.node().genesis(), running.addr());
        Self { site, running, client }
    }

    fn manufacturer(&self) -> Member {
        enrol(self.running.node(), "manufacturer", "dm")
    }

    /// A request with headers of its own.
    fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let request = self.client.http.request(method, format!("{}{path}", self.client.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request.body(body.to_vec()).send().unwrap())
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers, &[])
    }
}

/// The point of a COSE key as the node writes it.
fn point(key: &[u8]) -> PublicKey {
    let mut d = minicbor::Decoder::new(key);
    let mut point = vec![4];
    for _ in 0..d.map().unwrap().unwrap() {
        match d.i8().unwrap() {
            -2 | -3 => point.extend_from_slice(d.bytes().unwrap()),
            _ => d.skip().unwrap(),
        }
    }
    PublicKey::from_sec1(&point).unwrap()
}

#[test]
fn a_scrapi_client_with_one_base_url_registers_reads_and_verifies() {
    let stage = Stage::new();
    let statement = stage.manufacturer().sign(&stage.site.request(1));
    let sent = [("content-type", "application/cose"), ("accept", "application/cbor, application/cose")];
    let made = stage.ask(Method::POST, "/supply/entries", &sent, statement.as_bytes());
    assert_eq!((made.status, made.header("content-type")), (201, "application/cose"));
    assert_eq!(made.header("location"), format!("/supply/entries/{}", statement.id()));
    // Only this log's key, at the same base URL; the kid is in base64url.
    let keys = stage.get("/supply/.well-known/scitt-keys", &[("accept", "application/cbor")]);
    assert_eq!((keys.status, keys.header("content-type"), keys.body[0]), (200, "application/cbor", 0x81));
    let kid = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &keys.body[7..39]);
    let key = stage.get(&format!("/supply/.well-known/scitt-keys/{kid}"), &[]);
    assert_eq!((key.status, &key.body[..]), (200, &keys.body[1..]));
    let other = stage.get(&format!("/trust/.well-known/scitt-keys/{kid}"), &[]);
    assert_eq!(other.problem(), (404, "not-found".into()));
    let (policy, _) = stage.running.node().genesis().trust_anchors().unwrap();
    let held = policy.trust(&stage.running.node().checkpoint(LogName::SUPPLY)).unwrap();
    let read = stage.get(made.header("location"), &[("accept", "application/cose")]);
    for receipt in [&made, &read] {
        let receipt = Receipt::parse(&receipt.body).unwrap();
        assert_eq!(receipt.place(statement.id(), &ReceiptKey::Es256(point(&key.body)), &held), Ok(1));
    }
    for (accept, media_type) in [
        ("application/scitt-receipt+cose", "application/scitt-receipt+cose"),
        ("application/scitt-receipt+cose;q=0.2, application/cose;q=0.1", "application/scitt-receipt+cose"),
        ("*/*", "application/cose"),
    ] {
        let receipt = stage.get(made.header("location"), &[("accept", accept)]);
        assert_eq!((receipt.header("content-type"), receipt.header("vary")), (media_type, "accept"));
    }
}

#[test]
fn a_statement_that_carries_its_receipt_already_is_the_same_statement() {
    let stage = Stage::new();
    let statement = stage.manufacturer().sign(&stage.site.request(1));
    let accepts = [("content-type", "application/cose"), ("accept", "application/cose")];
    let made = stage.ask(Method::POST, "/supply/entries", &accepts, statement.as_bytes());
    let sign1 = Sign1::parse(statement.as_bytes()).unwrap();
    let mut transparent = vec![0xd2, 0x84];
    let mut e = minicbor::Encoder::new(&mut transparent);
    e.bytes(sign1.protected).unwrap().map(1).unwrap().u16(394).unwrap().array(1).unwrap();
    e.bytes(&made.body).unwrap().bytes(sign1.payload.unwrap()).unwrap().bytes(sign1.signature).unwrap();
    let again = stage.ask(Method::POST, "/supply/entries", &accepts, &transparent);
    assert_eq!((again.status, again.header("location")), (201, made.header("location")));
    assert_eq!(stage.client.post("/supply/entries", &transparent).body, [0x82, 1, 2]);
    assert_eq!(stage.client.post("/supply/entries", &transparent[..40]).problem(), (400, "format".into()));
}

#[test]
fn what_is_no_statement_by_its_own_word_is_not_read() {
    let stage = Stage::new();
    let statement = stage.manufacturer().sign(&stage.site.request(1));
    let post = |media_type: &str| {
        stage.ask(Method::POST, "/supply/entries", &[("content-type", media_type)], statement.as_bytes())
    };
    for other in [
        "application/json",
        "text/plain",
        "application/octet-stream",
        "application/cose-key",
        "application/cose; cose-type=\"cose-mac0\"",
    ] {
        assert_eq!(post(other).problem(), (415, "media-type".into()), "{other}");
    }
    for ours in
        ["application/cose", "Application/COSE; cose-type=\"cose-sign1\"", "application/scitt-statement+cose"]
    {
        assert_eq!(post(ours).status, 303, "{ours}");
    }
}

#[test]
fn a_page_elsewhere_may_read_what_is_public_and_nothing_else() {
    let stage = Stage::new();
    let origin = ("origin", "https://reader.example");
    for path in ["/genesis", "/supply/checkpoint", "/supply/policy", "/.well-known/scitt-keys", "/nowhere"] {
        let answer = stage.get(path, &[origin]);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(answer.header("access-control-expose-headers").contains("etag"));
    }
    let json = stage.get("/nowhere", &[origin, ("accept", "application/json")]);
    assert_eq!((json.status, json.header("content-type")), (404, "application/problem+json"));
    assert_eq!(json.header("access-control-allow-origin"), "*");
    assert!(serde_json::from_slice::<serde_json::Value>(&json.body).is_ok());
    for path in ["/limits", "/health", "/enrol"] {
        assert_eq!(stage.get(path, &[origin]).header("access-control-allow-origin"), "", "{path}");
    }
    let preflight = |path: &str, method: &str| {
        let asked = [
            origin,
            ("access-control-request-method", method),
            ("access-control-request-headers", "content-type"),
        ];
        stage.ask(Method::OPTIONS, path, &asked, &[])
    };
    let allowed = preflight("/supply/entries", "POST");
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, "*"));
    assert!(allowed.header("access-control-allow-methods").contains("POST"));
    assert!(allowed.header("access-control-allow-headers").contains("content-type"));
    assert!(!allowed.header("access-control-allow-methods").contains("PUT"));
    assert_eq!(preflight("/enrol", "POST").status, 405);
}

#[test]
fn whoever_holds_the_current_version_is_told_so() {
    let stage = Stage::new();
    let manufacturer = stage.manufacturer();
    for path in ["/genesis", "/supply/checkpoint", "/supply/policy", "/supply/.well-known/scitt-keys"] {
        let first = stage.get(path, &[]);
        let tag = first.header("etag");
        assert_eq!((first.status, first.header("cache-control")), (200, "no-cache"), "{path}");
        for held in [tag, &format!("\"x\", W/{tag}"), "*"] {
            let same = stage.get(path, &[("if-none-match", held)]);
            assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, tag), "{path} {held}");
        }
        let whole = stage.get(path, &[("if-none-match", "\"x\"")]);
        assert_eq!((whole.status, &whole.body), (200, &first.body));
    }
    let old = stage.get("/supply/checkpoint", &[]);
    let statement = manufacturer.sign(&stage.site.request(1));
    assert_eq!(stage.client.post("/supply/entries", statement.as_bytes()).status, 303);
    let new = stage.get("/supply/checkpoint", &[("if-none-match", old.header("etag"))]);
    assert_eq!(new.status, 200);
    assert_ne!(new.body, old.body);
}

#[test]
fn what_does_not_exist_yet_is_kept_nowhere_and_what_never_changes_for_good() {
    let stage = Stage::new();
    let statement = stage.manufacturer().sign(&stage.site.request(1));
    let paths = [
        format!("/supply/entries/{}", statement.id()),
        format!("/supply/proof/{}", statement.id()),
        "/supply/tile/0/000.p/2".to_owned(),
        "/supply/tile/entries/000.p/2".to_owned(),
    ];
    for path in &paths {
        let answer = stage.get(path, &[]);
        assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"), "{path}");
    }
    let made = stage.client.post("/supply/entries", statement.as_bytes());
    assert_eq!((made.status, made.header("cache-control")), (303, "no-store"));
    for (path, kept) in paths.iter().zip(["no-cache", "no-cache", "immutable", "immutable"]) {
        let answer = stage.get(path, &[]);
        assert!(answer.status == 200 && answer.header("cache-control").contains(kept), "{path}");
    }
}

#[test]
fn bundles_of_statements_are_compressed_for_whoever_takes_that() {
    let stage = Stage::new();
    let manufacturer = stage.manufacturer();
    // More than one piece of an answer.
    let statements = (0..300).map(|number| {
        let mut request = stage.site.request(number);
        request.fields = request.fields.with("materials", &*Hash::of(&[7]).to_string().repeat(16));
        manufacturer.sign(&request)
    });
    let tickets: Vec<_> = statements
        .map(|statement| stage.running.node().sequencer().submit(LogName::SUPPLY, statement.as_bytes()))
        .collect();
    assert!(tickets.into_iter().all(|ticket| matches!(ticket.wait(), Outcome::Accepted(_))));
    let path = TilePath::at_size(TileKind::Bodies, 0, 256).unwrap();
    let plain = stage.get(&format!("/supply/{path}"), &[("accept-encoding", "identity, br")]);
    let packed = stage.get(&format!("/supply/{path}"), &[("accept-encoding", "gzip")]);
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    assert_eq!((plain.header("vary"), packed.header("vary")), ("accept-encoding", "accept-encoding"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert_eq!(read_bundle(&path, &unpacked).unwrap().len(), 256);
    assert!(unpacked.len() > 256 * 1024 && packed.body.len() < plain.body.len() * 3 / 4);
    // Ids and hashes are as good as random.
    for kind in [TileKind::Entries, TileKind::Hashes(0)] {
        let path = TilePath::at_size(kind, 0, 256).unwrap();
        let answer = stage.get(&format!("/supply/{path}"), &[("accept-encoding", "gzip")]);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, ""));
    }
}

#[test]
fn the_policy_for_others_trusts_what_ours_does_by_one_key() {
    let stage = Stage::new();
    let text = String::from_utf8(stage.get("/supply/policy", &[]).body).unwrap();
    let policy: Policy = text.parse().unwrap();
    let origin = "ledger.meds.example/supply";
    let keys: Vec<_> = policy.log_keys(origin).map(VerifierKey::kind).collect();
    assert_eq!((policy.origins().collect::<Vec<_>>(), keys), (vec![origin], vec![SignatureType::Ed25519]));
    let note = stage.running.node().checkpoint(LogName::SUPPLY);
    assert_eq!(policy.trust(&note).unwrap().checkpoint().size(), 0);
    assert!(policy.trust(&stage.running.node().checkpoint(LogName::TRUST)).is_err());
    // C2SP tlog-cosignature: a cosigner is called by a URL without a scheme.
    for (_, key) in policy.witnesses() {
        let url = reqwest::Url::parse(&format!("https://{}", key.name())).unwrap();
        assert_eq!(url.host_str(), Some("ledger.meds.example"));
    }
}

#[test]
fn a_place_in_the_log_is_proven_by_a_text_of_its_own() {
    let stage = Stage::new();
    let manufacturer = stage.manufacturer();
    let statements: Vec<_> = (0..5).map(|number| manufacturer.sign(&stage.site.request(number))).collect();
    for statement in &statements {
        assert_eq!(stage.client.post("/supply/entries", statement.as_bytes()).status, 303);
    }
    let (policy, _) = stage.running.node().genesis().trust_anchors().unwrap();
    for (index, statement) in (1..).zip(&statements) {
        let text = stage.get(&format!("/supply/proof/{}", statement.id()), &[]);
        assert_eq!((text.status, text.header("content-type")), (200, "text/plain; charset=utf-8"));
        let proof: LogProof = std::str::from_utf8(&text.body).unwrap().parse().unwrap();
        assert_eq!(proof.index, index);
        assert_eq!(proof.verify(statement.id(), &policy).unwrap().checkpoint().size(), 6);
        assert!(proof.verify(Hash::of(b"another"), &policy).is_err());
    }
    let elsewhere = stage.get(&format!("/trust/proof/{}", statements[0].id()), &[]);
    assert_eq!(elsewhere.problem(), (404, "not-found".into()));
}

/// A log of somebody else, with as many entries as it is asked for.
struct OtherLog {
    key: NoteSigner,
    tree: Tree,
}

impl OtherLog {
    const NAME: &str = "example.com/behind-the-sofa";

    fn new() -> Self {
        let mut tree = Tree::new();
        (0..40u8).for_each(|i| {
            tree.push(leaf_hash(&[i]));
        });
        Self { key: NoteSigner::ed25519(Self::NAME, &[1; 32]).unwrap(), tree }
    }

    fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let proof = if old == 0 { vec![] } else { self.tree.consistency(old, new).unwrap() };
        AddCheckpoint { old, proof, note: self.signed(new, self.tree.root_at(new).unwrap()) }
    }

    fn signed(&self, size: u64, root: Hash) -> Note {
        let root = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, root.0);
        let mut note = Note::new(format!("{}\n{size}\n{root}\n", Self::NAME)).unwrap();
        note.add(self.key.sign(note.text())).unwrap();
        note
    }
}

#[test]
fn a_witness_here_cosigns_the_log_of_others_and_never_two_histories() {
    let log = OtherLog::new();
    let mut site = Site::new();
    site.config.witnesses[1].cosigns = vec![log.key.verifier_key().to_string()];
    let stage = Stage::of(site);
    let add = |stage: &Stage, request: &AddCheckpoint| {
        stage.client.post("/witness/witness-2/add-checkpoint", request.to_string().as_bytes())
    };
    let witness = {
        let (policy, _) = stage.running.node().genesis().trust_anchors().unwrap();
        policy.witnesses().find(|(name, _)| *name == "witness-2").unwrap().1.clone()
    };
    let cosigned = |request: &AddCheckpoint, answer: &Answer| {
        assert_eq!(answer.status, 200);
        let lines = std::str::from_utf8(&answer.body).unwrap();
        let note = Note::parse(&format!("{}\n{lines}", request.note.text())).unwrap();
        witness.verify(&note).unwrap().unwrap()
    };
    for (old, new) in [(0, 3), (3, 3), (3, 20)] {
        let request = log.request(old, new);
        cosigned(&request, &add(&stage, &request));
    }
    let held = |stage: &Stage| {
        let origin = Hash::of(OtherLog::NAME.as_bytes());
        stage.get(&format!("/witness/witness-2/{origin}/checkpoint"), &[])
    };
    let note = Note::parse(std::str::from_utf8(&held(&stage).body).unwrap()).unwrap();
    assert!(witness.verify(&note).is_ok() && log.key.verifier_key().verify(&note).is_ok());

    // It remembers, also after a restart.
    let Stage { site, running, .. } = stage;
    running.stop();
    let stage = Stage::of(site);
    let conflict = add(&stage, &log.request(0, 40));
    assert_eq!((conflict.status, conflict.header("content-type")), (409, "text/x.tlog.size"));
    assert_eq!(conflict.body, b"20\n");
    let other_root = AddCheckpoint { old: 20, proof: vec![], note: log.signed(20, Hash::of(b"another")) };
    let fork = AddCheckpoint { note: log.signed(40, Hash::of(b"another")), ..log.request(20, 40) };
    let unproven = AddCheckpoint { proof: vec![], ..log.request(20, 40) };
    for refused in [other_root, fork, unproven] {
        assert_eq!(add(&stage, &refused).problem(), (422, "inconsistent".into()));
    }
    let request = log.request(20, 40);
    let stranger = NoteSigner::ed25519(OtherLog::NAME, &[2; 32]).unwrap();
    let mut forged = Note::new(request.note.text().to_owned()).unwrap();
    forged.add(stranger.sign(forged.text())).unwrap();
    let forged = AddCheckpoint { note: forged, ..request.clone() };
    assert_eq!(add(&stage, &forged).problem(), (403, "signature".into()));
    let nobody = stage.client.post("/witness/witness-1/add-checkpoint", request.to_string().as_bytes());
    assert_eq!(nobody.problem(), (404, "not-found".into()));
    // Our own logs are cosigned by those who have read them, never like this.
    let own = Note::parse(&stage.running.node().checkpoint(LogName::SUPPLY)).unwrap();
    let own = AddCheckpoint { old: 0, proof: vec![], note: own };
    assert_eq!(add(&stage, &own).problem(), (404, "not-found".into()));
    assert_eq!(add(&stage, &AddCheckpoint { old: 41, ..request.clone() }).problem().0, 400);
    assert_eq!(stage.client.post("/witness/witness-2/add-checkpoint", b"old 0\n").problem().0, 400);
    cosigned(&request, &add(&stage, &request));
}

#[test]
fn openssl_at_its_strictest_takes_what_is_issued_and_tells_two_roots_of_one_name_apart() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| {
        std::process::Command::new("openssl").args(arguments).current_dir(folder.path()).output()
    };
    if openssl(&["version"]).is_err() {
        return;
    }
    let now = countersign_node::system_clock()();
    let period = Period { from: UnixMillis(now.0 - 1000), until: UnixMillis(now.0 + DAY_MILLIS) };
    let holder = Identity::new("meds.example", "supplier", "alpine").unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    let mut roots = Vec::new();
    for name in ["old", "new"] {
        let authority = fresh_key();
        roots.push(pem(&certificate::root("meds.example", &authority, period, [1; 16]).unwrap()));
        let key = Signer::public_key(&fresh_key());
        let member = certificate::issue(&holder, &key, &authority, period, [2; 16]).unwrap();
        write(&format!("by-{name}"), pem(member.as_der()));
    }
    write("both", roots.concat());
    write("old", roots[0].clone());
    let verifies = |roots: &str, member: &str| {
        let said = openssl(&["verify", "-x509_strict", "-CAfile", roots, member]).unwrap();
        (said.status.success(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    assert_eq!(verifies("both", "by-old"), (true, String::new()));
    assert_eq!(verifies("both", "by-new"), (true, String::new()));
    assert!(!verifies("old", "by-new").0);
    // The node's own: its domain's root and registrar, and its TLS endpoint's root.
    let site = Site::new();
    let genesis = site.open().genesis().clone();
    write("root", pem(&genesis.domains[0].root.0));
    write("registrar", pem(&genesis.domains[0].registrar.0));
    write("tls", pem(&genesis.tls[0].0));
    assert_eq!(verifies("root", "registrar"), (true, String::new()));
    assert_eq!(verifies("tls", "tls"), (true, String::new()));
}

/// Two ledgers: `ours` asks a witness of `theirs`.
struct Neighbours {
    theirs: Option<Running>,
    their_site: Site,
    our_site: Site,
}

impl Neighbours {
    fn new() -> Self {
        let (mut their_site, mut our_site) = (Site::new(), Site::new());
        our_site.config.name = String::from("ledger.ours.example");
        let theirs = their_site.open().start().unwrap();
        their_site.config.listen = theirs.addr();
        let genesis = theirs.node().genesis();
        let (policy, _) = genesis.trust_anchors().unwrap();
        let (_, key) = policy.witnesses().next().unwrap();
        let root = their_site.config.data.join("root.pem");
        std::fs::write(&root, pem(&genesis.tls[0].0)).unwrap();
        our_site.config.outside = vec![OutsideConfig {
            name: "neighbour".to_owned(),
            key: key.to_string(),
            url: format!("https://localhost:{}/witness/witness-1", theirs.addr().port()),
            root: Some(root),
        }];
        // Without a first cosignature there is nothing to show; but our keys are made, and can be told.
        let refused = our_site.try_open().err().unwrap().to_string();
        assert!(refused.contains("neighbour"), "{refused}");
        let genesis = std::fs::read(our_site.config.data.join("genesis.json")).unwrap();
        let genesis = Genesis::parse(&genesis).unwrap();
        let keys = genesis.policy.lines().filter_map(|line| line.strip_prefix("log "));
        their_site.config.witnesses[0].cosigns = keys.map(str::to_owned).collect();
        theirs.stop();
        let theirs = Some(their_site.open().start().unwrap());
        Self { theirs, their_site, our_site }
    }

    fn stop_theirs(&mut self) {
        self.theirs.take().unwrap().stop();
    }

    fn start_theirs(&mut self) {
        self.theirs = Some(self.their_site.open().start().unwrap());
    }
}

fn pem(der: &[u8]) -> String {
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[test]
fn a_witness_elsewhere_cosigns_and_nothing_is_published_without_it() {
    let mut neighbours = Neighbours::new();
    let node = neighbours.our_site.open();
    let (policy, _) = node.genesis().trust_anchors().unwrap();
    assert!(node.genesis().policy.contains("group everywhere all witnesses outside\nquorum everywhere\n"));
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let outside = policy.witnesses().last().unwrap().1.clone();
    for log in [LogName::TRUST, LogName::SUPPLY] {
        let trusted = policy.trust(&node.checkpoint(log)).unwrap();
        assert!(outside.verify(trusted.note()).is_ok());
    }
    let ordered = |number: u64| {
        let statement = manufacturer.sign(&neighbours.our_site.request(number));
        (node.sequencer().submit(LogName::SUPPLY, statement.as_bytes()), statement.id())
    };
    let (ticket, _) = ordered(1);
    ticket.wait();
    let size = |text: &str| policy.trust(text).unwrap().checkpoint().size();
    assert_eq!(size(&node.checkpoint(LogName::SUPPLY)), 2);

    // Without it, nothing that is new is shown, and whoever submits is told so; what stood still does.
    neighbours.theirs.take().unwrap().stop();
    let (ticket, id) = ordered(2);
    assert!(matches!(ticket.wait(), Outcome::Halted(Halt::Witnesses)));
    assert_eq!(node.sequencer().health().halted, Some(Halt::Witnesses));
    assert!(matches!(ordered(3).0.wait(), Outcome::Halted(Halt::Witnesses)));
    assert_eq!(size(&node.checkpoint(LogName::SUPPLY)), 2);
    assert!(matches!(node.sequencer().status(id), Status::Unknown));
    // When it is back, what was durable is published, by the same node.
    let their_site = &neighbours.their_site;
    let theirs = their_site.open().start().unwrap();
    let waited = Instant::now();
    while node.sequencer().health().halted.is_some() {
        assert!(waited.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(matches!(node.sequencer().status(id), Status::Ordered(_)));
    assert_eq!(size(&node.checkpoint(LogName::SUPPLY)), 3);
    assert!(matches!(ordered(3).0.wait(), Outcome::Accepted(_)));
    theirs.stop();
}

#[test]
fn a_node_without_its_outside_witness_starts_shows_what_stood_says_why_and_stops_at_once() {
    let mut neighbours = Neighbours::new();
    let node = neighbours.our_site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let before = node.checkpoint(LogName::SUPPLY);
    drop(node);
    neighbours.stop_theirs();
    // So that it signs anew while nobody asks it to.
    neighbours.our_site.config.recosign_seconds = 1;
    neighbours.our_site.clock.advance(2000);
    let running = neighbours.our_site.open().start().unwrap();
    assert_eq!(running.node().checkpoint(LogName::SUPPLY), before);
    let client = Client::new(running.node().genesis(), running.addr());
    let waited = Instant::now();
    let health = || String::from_utf8(client.get("/health").body).unwrap();
    while !health().contains("\"halted\":\"witnesses\"") {
        assert!(waited.elapsed() < Duration::from_secs(20), "{}", health());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(health().contains("\"accepting\":false"));
    assert!(metrics(&running).contains("countersign_halted{reason=\"witnesses\"} 1\n"));
    let statement = manufacturer.sign(&neighbours.our_site.request(1));
    let told = client.post("/supply/entries", statement.as_bytes());
    assert_eq!((told.problem(), told.header("retry-after")), ((503, "witnesses".into()), "5"));
    assert_eq!(client.get("/supply/checkpoint").body, before.as_bytes());
    let began = Instant::now();
    running.stop();
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    // It was neither acknowledged nor kept, and may be sent again.
    neighbours.start_theirs();
    let node = neighbours.our_site.open();
    crate::world::accepted(&node, LogName::SUPPLY, &statement);
}

#[test]
fn what_was_durable_when_the_node_stopped_without_a_quorum_is_published_when_there_is_one() {
    let mut neighbours = Neighbours::new();
    let node = neighbours.our_site.open();
    let statement = enrol(&node, "manufacturer", "dm").sign(&neighbours.our_site.request(1));
    neighbours.stop_theirs();
    let told = node.sequencer().submit(LogName::SUPPLY, statement.as_bytes()).wait();
    assert!(matches!(told, Outcome::Halted(Halt::Witnesses)));
    drop(node);
    let node = neighbours.our_site.open();
    assert!(matches!(node.sequencer().status(statement.id()), Status::Unknown));
    drop(node);
    neighbours.start_theirs();
    let node = neighbours.our_site.open();
    assert!(matches!(node.sequencer().status(statement.id()), Status::Ordered(_)));
    let again = node.sequencer().submit(LogName::SUPPLY, statement.as_bytes()).wait();
    assert!(matches!(again, Outcome::Duplicate(_)));
}

#[test]
fn a_cosignature_that_does_not_verify_counts_for_nobody() {
    let mut neighbours = Neighbours::new();
    let stranger = Cosigner::new("stranger.example/w", &[9; 32]).unwrap();
    neighbours.our_site.config.outside[0].key = stranger.verifier_key().to_string();
    // With the same keys, begun anew.
    for begun in [neighbours.our_site.database(), neighbours.our_site.config.data.join("genesis.json")] {
        std::fs::remove_file(begun).unwrap();
    }
    // It answers, but it is not who it should be: a first checkpoint never comes about.
    let refused = neighbours.our_site.try_open().err().unwrap().to_string();
    assert!(refused.contains("neighbour"), "{refused}");
    neighbours.stop_theirs();
}

//! What readers get over HTTPS, and that it proves what it says.

use base64::Engine as _;
use countersign_ledger::receipt::{Receipt, ReceiptKey};
use countersign_ledger::{
    Entry, Family, FamilyProof, Hash, Known, LogName, MAX_ENTRIES, Note, NoteSignature, Subject,
    SubjectHistory, TileKind, TilePath, Tiles, TrustedCheckpoint, leaf_hash, read_bundle, verify_inclusion,
};
use countersign_node::Running;

use crate::world::{CLASS, Client, Site, accepted, enrol, lot, messages, metrics};

struct Stage {
    site: Site,
    running: Running,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        let site = Site::new();
        let running = site.open().start().unwrap();
        let client = Client::new(running.node().genesis(), running.addr());
        Self { site, running, client }
    }

    fn checkpoint(&self, log: &str) -> TrustedCheckpoint {
        let (policy, _) = self.running.node().genesis().trust_anchors().unwrap();
        let answer = self.client.get(&format!("/{log}/checkpoint"));
        assert_eq!(answer.status, 200);
        policy.trust(std::str::from_utf8(&answer.body).unwrap()).unwrap()
    }
}

#[test]
fn the_genesis_that_is_served_is_the_one_to_pin() {
    let stage = Stage::new();
    let genesis = countersign_ledger::Genesis::parse(&stage.client.get("/genesis").body).unwrap();
    assert_eq!(&genesis, stage.running.node().genesis());
    for log in ["trust", "supply"] {
        assert_eq!(stage.checkpoint(log).checkpoint().size(), 0);
    }
    let health: serde_json::Value = serde_json::from_slice(&stage.client.get("/health").body).unwrap();
    assert_eq!((&health["accepting"], &health["height"]), (&true.into(), &0.into()));
    stage.running.stop();
}

#[test]
fn a_statement_goes_in_and_its_receipt_history_and_family_come_out() {
    let stage = Stage::new();
    let node = stage.running.node();
    let manufacturer = enrol(node, "manufacturer", "dm");
    let statements: Vec<_> = (0..5).map(|i| manufacturer.sign(&stage.site.request(i))).collect();
    let mut held = stage.checkpoint("supply");
    for (i, statement) in (0u8..).zip(&statements) {
        let answer = stage.client.post("/supply/entries", statement.as_bytes());
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), format!("/supply/entries/{}", statement.id()));
        assert_eq!(answer.body, [0x82, i + 1, i + 2]);
        let newer = stage.checkpoint("supply");
        let (old, new) = (held.checkpoint().size(), newer.checkpoint().size());
        let proof = hashes(&stage.client.get(&format!("/supply/consistency/{old}/{new}")).body);
        held = held.advance(newer, &proof).unwrap();
    }
    let again = stage.client.post("/supply/entries", statements[0].as_bytes());
    assert_eq!((again.status, again.body), (303, vec![0x82, 1, 6]));

    let receipt = stage.client.get(&format!("/supply/entries/{}", statements[2].id()));
    assert_eq!((receipt.status, receipt.header("content-type")), (200, "application/cose"));
    let receipt = Receipt::parse(&receipt.body).unwrap();
    let key = stage.receipt_key(1);
    assert_eq!(receipt.place(statements[2].id(), &key, &held), Ok(3));

    let (_, mut trust) = node.genesis().trust_anchors().unwrap();
    let subject = Subject::new(lot(3)).unwrap();
    let history = stage.client.get(&format!("/supply/subjects/6?s={subject}"));
    let history = SubjectHistory::from_cbor(&messages(&history.body)[0]).unwrap();
    let placed = history.verify(&subject, Known::default(), &held, &mut trust).unwrap();
    assert_eq!(placed.iter().map(Entry::id).collect::<Vec<_>>(), [statements[3].id()]);
    let absent = Subject::new(lot(77)).unwrap();
    let history = stage.client.get(&format!("/supply/subjects/6?s={absent}"));
    let history = SubjectHistory::from_cbor(&messages(&history.body)[0]).unwrap();
    assert!(history.verify(&absent, Known::default(), &held, &mut trust).unwrap().is_empty());

    let proof = stage.client.get(&format!("/supply/families/6?s={CLASS}"));
    let members = FamilyProof::from_cbor(&messages(&proof.body)[0]).unwrap();
    let members = members.verify(Family::new(CLASS), held.checkpoint().index_root()).unwrap();
    let names = stage.client.get(&format!("/supply/names/6?s={CLASS}"));
    let names = texts(&names.body);
    assert_eq!(names.len(), 5);
    let digests: Vec<_> = names.iter().map(|name| Hash::of(name.as_bytes())).collect();
    assert_eq!(members.iter().map(|(digest, _)| *digest).collect::<Vec<_>>(), digests);
    let rest = texts(&stage.client.get(&format!("/supply/names/6?s={CLASS}&skip=4")).body);
    assert_eq!(rest, names[4..]);

    let fingerprint = manufacturer.certificate.fingerprint();
    assert_eq!(
        stage.client.get(&format!("/certificate/{fingerprint}")).body,
        manufacturer.certificate.as_der()
    );
}

impl Stage {
    fn receipt_key(&self, position: usize) -> ReceiptKey {
        let set = self.client.get("/.well-known/scitt-keys").body;
        let mut d = minicbor::Decoder::new(&set);
        assert_eq!(d.array().unwrap(), Some(2));
        let mut keys = Vec::new();
        for _ in 0..2 {
            assert_eq!(d.map().unwrap(), Some(6));
            let mut point = vec![4];
            for label in [1, 2, 3, -1, -2, -3] {
                assert_eq!(d.i8().unwrap(), label);
                match label {
                    -2 | -3 => point.extend_from_slice(d.bytes().unwrap()),
                    _ => d.skip().unwrap(),
                }
            }
            keys.push(countersign_ledger::PublicKey::from_sec1(&point).unwrap());
        }
        ReceiptKey::Es256(keys[position].clone())
    }
}

#[test]
fn one_receipt_key_is_found_by_its_id() {
    let stage = Stage::new();
    let set = stage.client.get("/.well-known/scitt-keys");
    assert_eq!(set.header("content-type"), "application/cbor");
    // The first key's id follows the array, the map, `1: 2` and the label 2 with its 32-byte head.
    let kid = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&set.body[7..39]);
    let key = stage.client.get(&format!("/.well-known/scitt-keys/{kid}"));
    assert_eq!((key.status, &key.body[..]), (200, &set.body[1..=key.body.len()]));
    assert_eq!(stage.client.get("/.well-known/scitt-keys/AAAA").problem(), (404, "not-found".into()));
}

#[test]
fn tiles_rebuild_the_log_and_a_later_statement_of_a_subject_follows_the_earlier() {
    let stage = Stage::new();
    let node = stage.running.node();
    let authority = enrol(node, "authority", "da");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let statement = authority.sign(&stage.site.suspension(1, ids.last().copied()));
        accepted(node, LogName::TRUST, &statement);
        ids.push(statement.id());
    }
    let held = stage.checkpoint("trust");
    let tile = |kind| {
        let path = TilePath::at_size(kind, 0, 3).unwrap();
        (path, stage.client.get(&format!("/trust/{path}")))
    };
    let (path, entries) = tile(TileKind::Entries);
    assert!(entries.header("cache-control").contains("immutable"));
    let entries: Vec<_> = read_bundle(&path, &entries.body).unwrap();
    assert_eq!(entries, ids.iter().map(|id| &id.as_bytes()[..]).collect::<Vec<_>>());
    let (path, bodies) = tile(TileKind::Bodies);
    let bodies = read_bundle(&path, &bodies.body).unwrap();
    assert_eq!(bodies.iter().map(|body| Hash::of(body)).collect::<Vec<_>>(), ids);
    let (path, hashes) = tile(TileKind::Hashes(0));
    let mut tiles = Tiles::new();
    tiles.insert(&path, &hashes.body).unwrap();
    assert_eq!(tiles.root_at(3), Some(held.checkpoint().root()));
    let proof = tiles.inclusion(1, 3).unwrap();
    let leaf = leaf_hash(ids[1].as_bytes());
    assert_eq!(verify_inclusion(leaf, 1, 3, &proof, held.checkpoint().root()), Ok(()));

    let (_, mut trust) = node.genesis().trust_anchors().unwrap();
    let subject = Subject::new(lot(1)).unwrap();
    let rest = stage.client.get(&format!("/trust/subjects/3?s={subject}&skip=1"));
    let rest = SubjectHistory::from_cbor(&messages(&rest.body)[0]).unwrap();
    let known = Known { count: 1, latest: Some(ids[0]) };
    let placed = rest.verify(&subject, known, &held, &mut trust).unwrap();
    assert_eq!(placed.iter().map(Entry::id).collect::<Vec<_>>(), ids[1..]);

    for path in ["tile/0/000.p/4", "tile/0/000", "tile/1/000.p/1", "tile/bodies/001.p/1", "tile/x/000"] {
        assert_eq!(
            stage.client.get(&format!("/trust/{path}")).problem(),
            (404, "not-found".into()),
            "{path}"
        );
    }
}

#[test]
fn many_subjects_are_asked_about_at_once_and_one_answer_bounds_them_all() {
    let stage = Stage::new();
    let node = stage.running.node();
    let authority = enrol(node, "authority", "da");
    let mut ids: Vec<Vec<Hash>> = Vec::new();
    for (lot, count) in [(1, MAX_ENTRIES - 1), (2, 3), (3, 1)] {
        let mut of_lot: Vec<Hash> = Vec::new();
        for _ in 0..count {
            let mut spec = stage.site.suspension(lot, of_lot.last().copied());
            if of_lot.len() % 2 == 1 {
                // Not many suspensions may be open at a time.
                (spec.kind, spec.links) = ("medicine.lift", spec.prev.into_iter().collect());
            }
            let statement = authority.sign(&spec);
            accepted(node, LogName::TRUST, &statement);
            of_lot.push(statement.id());
        }
        ids.push(of_lot);
    }
    let ask = |path: &str| messages(&stage.client.get(path).body);
    let told = |query: &str| -> Vec<Vec<Hash>> {
        let histories = ask(&format!("/trust/subjects/259?{query}"));
        let read = histories.iter().map(|history| SubjectHistory::from_cbor(history).unwrap().entries);
        read.map(|entries| entries.iter().map(|entry| Hash::of(&entry.statement)).collect()).collect()
    };
    let [first, second, third] = [1, 2, 3].map(lot);
    assert_eq!(told(&format!("s={third}&s={second}")), [&ids[2][..], &ids[1][..]]);
    let bounded = told(&format!("s={first}&s={second}&s={third}"));
    assert_eq!(bounded, [&ids[0][..], &ids[1][..1]]);
    assert_eq!(told(&format!("s={second}&skip=1&s={third}")), [&ids[1][1..], &ids[2][..]]);

    let families = ask(&format!("/trust/families/259?s={first}&s={CLASS}"));
    let root = stage.checkpoint("trust").checkpoint().index_root();
    let members = |family: &str, proof: &[u8]| {
        FamilyProof::from_cbor(proof).unwrap().verify(Family::new(family), root).unwrap().len()
    };
    assert_eq!((members(&first, &families[0]), members(CLASS, &families[1])), (0, 3));

    let query = "s=urn:a&".repeat(65);
    assert_eq!(
        stage.client.get(&format!("/trust/families/259?{query}")).problem(),
        (400, "malformed".into())
    );
}

#[test]
fn proofs_at_a_recent_size_are_given_and_at_an_older_one_are_gone() {
    let stage = Stage::new();
    let node = stage.running.node();
    let manufacturer = enrol(node, "manufacturer", "dm");
    for i in 0..70 {
        accepted(node, LogName::SUPPLY, &manufacturer.sign(&stage.site.request(i)));
    }
    let subject = |size: u64| stage.client.get(&format!("/supply/subjects/{size}?s={}", lot(1)));
    for size in [71, 40, 8] {
        assert_eq!(subject(size).status, 200, "{size}");
    }
    assert_eq!(subject(7).problem(), (410, "gone".into()));
    assert_eq!(subject(72).problem(), (404, "not-found".into()));
    assert_eq!(stage.client.get("/supply/consistency/3/72").problem(), (404, "not-found".into()));
    assert_eq!(stage.client.get("/supply/consistency/4/3").problem(), (400, "malformed".into()));
    assert!(!hashes(&stage.client.get("/supply/consistency/3/70").body).is_empty());
}

#[test]
fn a_silent_log_is_cosigned_again() {
    let mut site = Site::new();
    site.config.recosign_seconds = 1;
    let node = site.open();
    let running = node.start().unwrap();
    let client = Client::new(running.node().genesis(), running.addr());
    let (policy, _) = running.node().genesis().trust_anchors().unwrap();
    let cosigned =
        || policy.trust(std::str::from_utf8(&client.get("/trust/checkpoint").body).unwrap()).unwrap();
    let first = cosigned();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        site.clock.advance(500);
        let now = cosigned();
        assert_eq!(now.checkpoint(), first.checkpoint());
        if now.cosigned_at() > first.cosigned_at() {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "the log was not cosigned again");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn the_checkpoint_carries_both_signatures_of_the_log_and_those_of_all_witnesses() {
    let stage = Stage::new();
    let note = stage.client.get("/supply/checkpoint");
    let note = Note::parse(std::str::from_utf8(&note.body).unwrap()).unwrap();
    let names: Vec<_> = note.signatures().iter().map(NoteSignature::name).collect();
    let log = "ledger.meds.example/supply";
    let witness = |number| format!("ledger.meds.example/witness/witness-{number}");
    assert_eq!(names, [log, log, &witness(1), &witness(2), &witness(3)]);
}

#[test]
fn metrics_are_text_for_prometheus_on_a_listener_of_their_own() {
    let stage = Stage::new();
    enrol(stage.running.node(), "manufacturer", "dm");
    stage.client.get("/genesis");
    assert_eq!(stage.client.get("/metrics").problem(), (404, "not-found".into()));
    let text = metrics(&stage.running);
    for line in [
        "countersign_statements_total 1\n",
        "countersign_log_size{log=\"supply\"} 1\n",
        "countersign_http_requests_total{route=\"/genesis\",status=\"200\"} 1\n",
        "countersign_submissions_total{outcome=\"accepted\",reason=\"\"} 1\n",
        "countersign_used{of=\"connections\"} 1\n",
        "countersign_limit{of=\"memory_bytes\"} 67108864\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

fn hashes(cbor: &[u8]) -> Vec<Hash> {
    let mut d = minicbor::Decoder::new(cbor);
    let count = d.array().unwrap().unwrap();
    (0..count).map(|_| Hash::from_slice(d.bytes().unwrap()).unwrap()).collect()
}

fn texts(cbor: &[u8]) -> Vec<String> {
    let mut d = minicbor::Decoder::new(cbor);
    let count = d.array().unwrap().unwrap();
    (0..count).map(|_| d.str().unwrap().to_owned()).collect()
}

//! A luxury piece, from its design to its owner's hands, three times handed over without signal: whoever follows it knows its
//! way from the ledger, after a restart and with the node gone, and proves it to others.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_custody::{
    Item, Mark, Profile, Reason, Route, SerialSet, Standing, Stop, Verdict, VerdictKind,
};
use countersign_ledger::{Fields, Hash, LogName};
use countersign_node::{Config, Node, Running};
use countersign_wallet::{
    Client, Consent, Cost, EvidenceError, Health, Https, Issuer, KeyStore, OfferTo, Request, Response,
    Snapshot, SyncError, Transport, TransportError, Vault, verify_evidence,
};

use crate::couriers::{KEY, Phone, intact, now};
use crate::world::{CLASS, LOT, kind, subject};

const ORDER: &str = "urn:example:order:7";
const PIECE: &str = "https://id.gs1.org/01/09506000134352/10/L1/21/P1";
const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
const PATIENCE: Duration = Duration::from_secs(5);

fn address(running: &Running) -> String {
    format!("https://localhost:{}", running.addr().port())
}

fn client(running: &Running) -> Client {
    Client::new(Https::new(&address(running), running.node().genesis()).unwrap())
}

/// A way to a node that says of no statement where it is.
struct Hides(Https);

impl Transport for Hides {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        if request.path.starts_with("/supply/entries/") {
            return Ok(Response { status: 404, ..Response::default() });
        }
        self.0.send(request)
    }
}

/// One house with the keys of everybody who makes and sells.
struct House {
    snapshot: Snapshot,
    client: Client,
    keys: Arc<dyn KeyStore>,
}

impl House {
    fn open(running: &Running, directory: &Path) -> Self {
        let vault = Vault::create_at_cost(&directory.join("house.vault"), b"p", CHEAP).unwrap();
        let snapshot = Snapshot::open(&directory.join("house.db"), running.node().genesis()).unwrap();
        let mut house = Self { snapshot, client: client(running), keys: Arc::new(vault) };
        for role in ["brand", "manufacturer", "supplier", "distributor", "logistics"] {
            let code = running.node().registrar().new_code(role, "first", Duration::from_mins(1)).unwrap();
            house.issuer().enrol(role, &code.to_string()).unwrap();
        }
        house
    }

    fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.client, Arc::clone(&self.keys)).consenting(Consent::ALL)
    }

    fn to(&mut self, role: &str) -> Fields {
        Fields::new().with("to", self.issuer().certificate(role).unwrap().identity().as_str())
    }

    /// Records the next statement of a kind, as the rules have it.
    fn state(&mut self, role: &str, name: &str, about: &str, fields: Fields) {
        let (kind, about) = (kind(&format!("luxury.{name}")), subject(about));
        let profile = self.snapshot.profile_of(&kind).unwrap().clone();
        let signer = self.issuer().certificate(role).unwrap().identity().clone();
        let history = self.issuer().history(LogName::SUPPLY, &about).unwrap();
        let mut related = Vec::new();
        for other in [CLASS, ORDER, LOT] {
            related.extend(self.issuer().history(LogName::SUPPLY, &subject(other)).unwrap());
        }
        let draft = profile.draft(&kind, &about, &signer, fields, &history, &related).unwrap();
        let blob = (name == "commission").then(|| serials().filter_bytes().to_vec());
        self.issuer().record(role, &draft, blob.as_deref(), now()).unwrap();
    }

    fn make_and_sell(&mut self, consumer: &str, courier: &str) {
        let digest = Hash::of(b"drawings");
        let fields =
            self.to("manufacturer").with("product", "Bag").with("design", digest).with("patent", digest);
        self.state("brand", "design", CLASS, fields);
        let fields = self.to("supplier").with("materials", "leather");
        self.state("manufacturer", "sample-request", CLASS, fields.clone());
        let material = self.to("manufacturer").with("material", "M-1").with("source", "tannery");
        self.state("supplier", "sample-material", CLASS, material.clone());
        let evaluation = self.to("brand").with("material", "M-1").with("evaluation", digest);
        self.state("manufacturer", "evaluation", CLASS, evaluation);
        let maker = self.to("manufacturer");
        let licence = maker.clone().with("product", "Bag").with("holder", maker.text("to").unwrap());
        let period = licence.with("nbf", now().0 - 86_400_000).with("exp", now().0 + 900 * 86_400_000);
        self.state("brand", "licence", CLASS, period);
        let order = self.to("brand").with("product", "Bag").with("kind", "gift").with("count", 9);
        self.state("distributor", "order", ORDER, order);
        let confirmed = self.to("manufacturer").with("product", "Bag").with("count", 9);
        self.state("brand", "order-confirmation", ORDER, confirmed);
        self.state("manufacturer", "material-request", ORDER, fields);
        self.state("supplier", "material", ORDER, material);
        let commission =
            Profile::luxury().commission_fields(&kind("luxury.commission"), &serials(), now()).unwrap();
        let to = self.to("distributor");
        let commission = commission.with("material", "M-1").with("to", to.text("to").unwrap());
        self.state("manufacturer", "commission", LOT, commission);
        let purchase = self.to("logistics").with("consumer", consumer).with("kind", "gift");
        self.state("distributor", "purchase", PIECE, purchase);
        let order = Fields::new().with("to", courier).with("order", "L-1");
        self.state("logistics", "logistics-order", PIECE, order);
    }
}

fn serials() -> SerialSet {
    SerialSet::new((1..10).map(|i| format!("P{i}"))).unwrap()
}

fn label() -> Item {
    Item {
        class: subject(CLASS),
        lot: Some(subject(LOT)),
        pack: Some(subject(PIECE)),
        serial: Some("P1".into()),
        expires_at: None,
        readings: Vec::new(),
    }
}

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

/// A piece that is sold and with the first of three couriers, who has loaded its line.
fn scene(directory: &Path) -> (Running, [Phone; 4]) {
    let running = Node::open(Config::development(directory.join("node"))).unwrap().start().unwrap();
    let mut phones = [("courier", "a"), ("courier", "b"), ("courier", "c"), ("consumer", "owner")]
        .map(|(role, name)| Phone::new(&running, directory, role, name));
    let [consumer, courier] = [3, 0].map(|at| phones[at].identity());
    House::open(&running, directory).make_and_sell(&consumer, &courier);
    phones[0].load(&subject(PIECE));
    (running, phones)
}

/// Goods go from the first to the second phone, with no signal anywhere.
fn hand_over(from: &mut Phone, to: &mut Phone) {
    let offer = from.courier().offer(&subject(PIECE), &OfferTo::default(), now()).unwrap();
    let answer = to.courier().answer(&offer.message, &[subject(PIECE)], &intact(), now()).unwrap();
    from.courier().close(&answer.message).unwrap();
}

fn follower(running: &Running, path: &Path) -> Snapshot {
    let mut snapshot = Snapshot::open(path, running.node().genesis()).unwrap();
    snapshot.follow(&subject(CLASS)).unwrap();
    snapshot.follow_pack(&subject(PIECE)).unwrap();
    snapshot.sync(&client(running), PATIENCE).unwrap();
    snapshot
}

#[test]
fn a_piece_is_followed_through_three_handovers_and_proven_with_the_node_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut phones) = scene(directory.path());
    let genesis = running.node().genesis().clone();
    let path = directory.path().join("follower.db");
    let mut snapshot = follower(&running, &path);
    let sold = snapshot.check(&label(), now());
    assert_eq!((sold.kind, keys(&sold)), (VerdictKind::Authentic, vec![]));

    for pair in 0..3 {
        let (givers, receivers) = phones.split_at_mut(pair + 1);
        hand_over(&mut givers[pair], &mut receivers[0]);
    }
    assert_eq!(phones[3].send(now()).proven, 3);
    snapshot.sync(&client(&running), PATIENCE).unwrap();
    running.stop();

    // All of it is verified again: those who gave have signed no statement of their own that the log holds.
    let told = snapshot.check(&label(), now());
    drop(snapshot);
    let mut snapshot = Snapshot::open(&path, &genesis).unwrap();
    let again = snapshot.check(&label(), now());
    assert_eq!(Verdict { age_millis: told.age_millis, ..again }, told);
    assert_eq!(snapshot.health(), Health::Sound);
    assert_eq!((told.kind, keys(&told)), (VerdictKind::Attention, vec!["dispensed"]));
    assert!(told.timeline.iter().all(|event| event.mark == Mark::Verified));
    let route = Route::new(&label(), &told, snapshot.profile_for(&told));
    let hands: Vec<(String, String)> = route
        .stops
        .iter()
        .filter_map(|stop| match stop {
            Stop::Leg(leg) if leg.signatures.len() == 2 => {
                assert_eq!(leg.standing, Standing::Sound);
                let name =
                    |party: &countersign_custody::Party| party.identity.as_ref().unwrap().name().to_owned();
                Some((name(&leg.from), name(leg.to.as_ref()?)))
            }
            _ => None,
        })
        .collect();
    let expected =
        [("a", "b"), ("b", "c"), ("c", "owner")].map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(hands, expected);

    let evidence = snapshot.export(&label()).unwrap();
    let report = verify_evidence(&evidence, &genesis, now()).unwrap();
    assert_eq!((report.verdict.kind, keys(&report.verdict)), (told.kind, keys(&told)));
    assert_eq!(report.verdict.timeline, told.timeline);
}

/// The evidence without what the trust log holds on a member, its sum corrected, as a forger would.
fn without(evidence: &[u8], member: &str) -> Vec<u8> {
    let mut d = minicbor::Decoder::new(evidence);
    d.array().unwrap();
    let body = d.bytes().unwrap();
    let mut d = minicbor::Decoder::new(body);
    d.array().unwrap();
    // Name, genesis and item; then the trust log's note and its histories.
    (0..3).for_each(|_| d.skip().unwrap());
    d.array().unwrap();
    d.skip().unwrap();
    let counted = d.position();
    let count = d.array().unwrap().unwrap();
    let (first, mut cut) = (d.position(), None);
    for _ in 0..count {
        let from = d.position();
        d.array().unwrap();
        let found = d.str().unwrap() == member;
        (0..2).for_each(|_| d.skip().unwrap());
        if found {
            cut = Some((from, d.position()));
        }
    }
    let (from, until) = cut.unwrap();
    let mut head = Vec::new();
    minicbor::Encoder::new(&mut head).array(count - 1).unwrap();
    let body = [&body[..counted], &head, &body[first..from], &body[until..]].concat();
    let mut file = Vec::new();
    let mut e = minicbor::Encoder::new(&mut file);
    e.array(2).unwrap().bytes(&body).unwrap().bytes(Hash::of(&body).as_bytes()).unwrap();
    file
}

#[test]
fn what_the_trust_log_says_of_a_giver_cannot_be_left_out_of_evidence() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut phones) = scene(directory.path());
    let genesis = running.node().genesis().clone();
    let [a, b, ..] = &mut phones;
    hand_over(a, b);
    assert_eq!(b.send(now()).proven, 1);
    // What was signed before its key was revoked stays good.
    let fingerprint = a.issuer().certificate(KEY).unwrap().fingerprint();
    running.node().revoke(fingerprint).unwrap();
    let mut snapshot = follower(&running, &directory.path().join("follower.db"));
    // One statement names all logs.
    assert_eq!(snapshot.checkpoint(LogName::TRUST).unwrap().checkpoint().size(), 1);
    running.stop();
    let evidence = snapshot.export(&label()).unwrap();
    assert_eq!(verify_evidence(&evidence, &genesis, now()).unwrap().verdict.kind, VerdictKind::Authentic);
    // The giver has signed nothing that is an entry of the log, the receiver has: both must be told of.
    for member in [a.identity(), b.identity()] {
        let error = verify_evidence(&without(&evidence, &member), &genesis, now()).unwrap_err();
        assert!(matches!(&error, EvidenceError::Lacks(lacks) if *lacks == member), "{error}");
    }
}

#[test]
fn a_node_that_hides_what_a_lot_was_made_for_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (running, _) = scene(directory.path());
    let genesis = running.node().genesis().clone();
    let hides = Hides(Https::new(&address(&running), &genesis).unwrap());
    let mut snapshot = Snapshot::open(&directory.path().join("new.db"), &genesis).unwrap();
    snapshot.follow(&subject(CLASS)).unwrap();
    let error = snapshot.sync(&Client::new(hides), PATIENCE).unwrap_err();
    assert!(matches!(error, SyncError::Linked { .. }), "{error}");
    snapshot.sync(&client(&running), PATIENCE).unwrap();
    assert_eq!(
        snapshot.check(&Item { pack: None, serial: None, ..label() }, now()).kind,
        VerdictKind::CannotTell
    );
    running.stop();
}

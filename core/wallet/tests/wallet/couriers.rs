//! Couriers with real wallets and a real node: handed over without signal, sent later, in any order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_custody::handover::{Answer, Condition, Meeting};
use countersign_custody::{Aggregate, Contents, History, Profile, Standing, Stop};
use countersign_ledger::{
    Draft, Families, Fields, Genesis, Hash, Kind, LogName, Membership, Rules, Subject, UnixMillis,
};
use countersign_node::{Config, Node, Running, Surroundings};
use countersign_wallet::{
    ActError, Client, Consent, Cost, Courier, CourierError, Delivery, EvidenceError, Https, Issuer, KeyStore,
    NextStep, OfferTo, ProvenDelivery, Side, Snapshot, SyncError, Vault, is_delivery, verify_delivery,
};

use crate::world::{LOT, subject};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };

pub const UNIT: &str = "https://id.gs1.org/00/095060001343520001";
pub const KEY: &str = "mine";

pub fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMillis(u64::try_from(since.as_millis()).unwrap())
}

/// The rules for units alone: without the lots that would come before.
pub fn units_only() -> Profile {
    let text = include_str!("../../../custody/profiles/medicine.toml");
    let text = text.replace("links = [{ kind = \"medicine.distribution\", on = \"any\" }]\n", "");
    let (rule, free) =
        ("after = [\"nothing\", \"medicine.unpack\"]", "signer = { roles = [\"distributor\"] }");
    let signer = "signer = { roles = [\"distributor\"], receiver-of = [\"medicine.distribution\"] }";
    Profile::parse(&text.replace(&format!("{signer}\n{rule}"), &format!("{free}\n{rule}"))).unwrap()
}

/// The families of a ledger that knows units alone.
pub fn custody_only() -> Families {
    let rules: [Arc<dyn Rules>; 2] = [Arc::new(Membership), Arc::new(units_only())];
    Families::new(rules)
}

pub struct Phone {
    path: PathBuf,
    genesis: Genesis,
    pub snapshot: Snapshot,
    client: Client,
    pub keys: Arc<dyn KeyStore>,
}

impl Phone {
    pub fn new(running: &Running, directory: &Path, role: &str, name: &str) -> Self {
        let genesis = running.node().genesis().clone();
        let path = directory.join(format!("{name}.db"));
        let vault = Vault::create_at_cost(&directory.join(format!("{name}.vault")), b"p", CHEAP).unwrap();
        let address = format!("https://localhost:{}", running.addr().port());
        let mut phone = Self {
            snapshot: Snapshot::open(&path, &genesis).unwrap(),
            client: Client::new(Https::new(&address, &genesis).unwrap()),
            keys: Arc::new(vault),
            path,
            genesis,
        };
        let code = running.node().registrar().new_code(role, name, Duration::from_mins(1)).unwrap();
        phone.issuer().enrol(KEY, &code.to_string()).unwrap();
        phone
    }

    pub fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.client, Arc::clone(&self.keys)).consenting(Consent::ALL)
    }

    pub fn courier(&mut self) -> Courier<'_> {
        Courier::new(&mut self.snapshot, Arc::clone(&self.keys), KEY).unwrap()
    }

    pub fn send(&mut self, now: UnixMillis) -> countersign_wallet::Round {
        self.issuer().send(now).unwrap()
    }

    pub fn identity(&mut self) -> String {
        self.issuer().certificate(KEY).unwrap().identity().to_string()
    }

    /// Fetches what is stated on goods.
    pub fn load(&mut self, goods: &Subject) {
        let mut courier = Courier::new(&mut self.snapshot, Arc::clone(&self.keys), KEY).unwrap();
        courier.load(&self.client, goods).unwrap();
    }

    /// From now on it talks to this node.
    pub fn reach(&mut self, running: &Running) {
        let address = format!("https://localhost:{}", running.addr().port());
        self.client = Client::new(Https::new(&address, &self.genesis).unwrap());
    }

    pub fn sync(&mut self) -> Result<(), SyncError> {
        self.snapshot.sync(&self.client, Duration::from_secs(5))
    }

    /// The app was killed and starts again.
    fn restart(&mut self) {
        self.snapshot = Snapshot::open(&self.path, &self.genesis).unwrap();
    }
}

pub fn unit() -> Subject {
    Subject::new(UNIT).unwrap()
}

pub fn intact() -> Answer {
    Answer { condition: Condition::Intact, place: Some("dock 4".into()), seen: None }
}

/// What is in the unit.
pub fn contents() -> Contents {
    Contents::new((1..=3).map(|serial| subject(&format!("{LOT}/21/S{serial}")))).unwrap()
}

/// The distributor packs the unit, and holds its line.
pub fn pack(distributor: &mut Phone, at: UnixMillis) {
    let draft = Draft {
        kind: Kind::new("medicine.pack").unwrap(),
        subject: unit(),
        fields: contents().fields(),
        prev: None,
        links: vec![],
        sealed: None,
    };
    distributor.issuer().record(KEY, &draft, None, at).unwrap();
    distributor.load(&unit());
}

/// A unit that a distributor has packed, and a phone for each of `names`.
pub fn scene(directory: &Path, names: [&str; 3]) -> (Running, Phone, [Phone; 3]) {
    let surroundings = Surroundings { families: custody_only(), ..Surroundings::default() };
    let node = Node::open_with(Config::development(directory.join("node")), surroundings).unwrap();
    let running = node.start().unwrap();
    let mut distributor = Phone::new(&running, directory, "distributor", "dd");
    let couriers = names.map(|name| Phone::new(&running, directory, "courier", name));
    pack(&mut distributor, now());
    (running, distributor, couriers)
}

#[test]
fn two_hops_without_signal_arrive_from_the_last_phone_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, mut b, _]) = scene(directory.path(), ["a", "b", "c"]);
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    // Asking again shows the same offer, also after a restart.
    distributor.restart();
    assert_eq!(distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap(), offer);
    let reading = a.courier().read(&offer.message, now()).unwrap();
    assert_eq!((reading.giver.name(), reading.hops), ("dd", 0));

    let answer = a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    a.restart();
    assert_eq!(a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap(), answer);
    assert_eq!(a.courier().pending().unwrap()[0].side, Side::Receiver);
    assert_eq!(a.snapshot.outbox().unwrap().len(), 1);
    for _ in 0..2 {
        let goods = distributor.courier().close(&answer.message).unwrap();
        assert_eq!(goods.holder.unwrap().name(), "a");
    }
    assert!(distributor.courier().pending().unwrap().is_empty());
    let gone = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap_err();
    assert_eq!(gone.reason(), "not-the-custodian");

    let offer = a.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    assert_eq!(b.courier().read(&offer.message, now()).unwrap().hops, 1);
    b.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    // Courier A's phone is lost; B has both handovers.
    let round = b.send(now());
    assert_eq!((round.proven, round.waiting), (2, 0));
    assert!(b.snapshot.outbox().unwrap().is_empty());
    // What the distributor sends is there already.
    assert_eq!(distributor.send(now()).proven, 1);
    let history = b.issuer().history(LogName::SUPPLY, &unit()).unwrap();
    assert_eq!(history.len(), 3);
    let goods = b.courier().goods().unwrap().remove(0);
    assert_eq!((goods.holder.unwrap().name(), goods.latest), ("b", history[2].id()));
    let note = b.courier().note().unwrap();
    assert!(matches!(distributor.courier().compare(&note).unwrap(), Some(Meeting::Same | Meeting::Newer)));
    running.stop();
}

#[test]
fn proof_of_a_delivery_stands_on_the_genesis_alone_before_and_after_the_ledger_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, mut b, _]) = scene(directory.path(), ["a", "b", "c"]);
    let genesis = running.node().genesis().clone();
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    let offer = a.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    b.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    let early = b.courier().delivery(&unit()).unwrap();
    assert!(
        is_delivery(&early) && matches!(b.courier().delivery(&subject(LOT)), Err(CourierError::UnknownGoods))
    );
    let proven = verify_delivery(&early, &genesis).unwrap();
    assert_eq!((&proven.recorded[..], proven.trust), (&[][..], None));
    let hands = |proven: &ProvenDelivery| {
        let legs = proven.route.stops.iter().map(|stop| match stop {
            Stop::Leg(leg) if leg.standing == Standing::Sound => leg,
            other => panic!("{other:?}"),
        });
        legs.map(|leg| (leg.from.to_string(), leg.to.as_ref().map(ToString::to_string))).collect::<Vec<_>>()
    };
    let (packer, first, last) = (distributor.identity(), a.identity(), b.identity());
    let way = [(packer.clone(), None), (packer, Some(first.clone())), (first, Some(last))];
    assert_eq!(hands(&proven), way);

    b.send(now());
    b.sync().unwrap();
    let late = b.courier().delivery(&unit()).unwrap();
    let proven = verify_delivery(&late, &genesis).unwrap();
    assert_eq!((hands(&proven), proven.recorded.len()), (way.to_vec(), 2));
    assert_eq!(
        proven.trust.unwrap().size,
        b.snapshot.checkpoint(LogName::TRUST).unwrap().checkpoint().size()
    );

    for file in [&early, &late] {
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(verify_delivery(&changed, &genesis).is_err(), "byte {at}");
        }
    }
    // Who corrects the sum, as a forger would, changes nothing of what is proven.
    let mut d = minicbor::Decoder::new(&late);
    d.array().unwrap();
    let body = d.bytes().unwrap().to_vec();
    for at in 0..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1 << (at % 8);
        let mut file = Vec::new();
        let mut e = minicbor::Encoder::new(&mut file);
        e.array(2).unwrap().bytes(&changed).unwrap().bytes(Hash::of(&changed).as_bytes()).unwrap();
        if let Ok(forged) = verify_delivery(&file, &genesis) {
            assert_eq!(
                (forged.route, forged.recorded),
                (proven.route.clone(), proven.recorded.clone()),
                "byte {at}"
            );
        }
    }
    let other = Genesis { name: "elsewhere".into(), ..genesis };
    assert!(matches!(verify_delivery(&late, &other), Err(EvidenceError::OtherLedger)));
    running.stop();
}

#[test]
fn goods_that_come_back_before_the_answer_was_scanned_can_be_handed_on() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, mut b, mut c]) = scene(directory.path(), ["a", "b", "c"]);
    let hand_over = |from: &mut Phone, to: &mut Phone| {
        let offer = from.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
        to.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap()
    };
    hand_over(&mut distributor, &mut a);
    // A does not scan the answer; B gives the goods back within the minutes of A's offer.
    let late = hand_over(&mut a, &mut b);
    hand_over(&mut b, &mut a);
    let first = a.courier().pending().unwrap();
    let again = a.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    assert!(first.iter().all(|one| one.shown.id != again.id), "the offer to B is over");
    let goods = a.courier().close(&late.message).unwrap();
    assert_eq!(goods.holder.unwrap().name(), "a", "what is newer stays");
    let answer = c.courier().answer(&again.message, &[unit()], &intact(), now()).unwrap();
    assert_eq!(a.courier().close(&answer.message).unwrap().holder.unwrap().name(), "c");
    // The ledger takes them all.
    let round = c.send(now());
    assert_eq!((round.proven, round.refused), (4, 0));
    running.stop();
}

#[test]
fn goods_that_a_desk_has_shipped_are_handed_over_after_that() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, ..]) = scene(directory.path(), ["a", "b", "c"]);
    let ship = |distributor: &mut Phone, to: &str, at| {
        let (kind, fields) = (Kind::new("medicine.shipment").unwrap(), Fields::new().with("to", to));
        distributor.issuer().act(KEY, &kind, &unit(), fields, at)
    };
    let (to, at) = (a.identity(), now());
    ship(&mut distributor, &to, at).unwrap();
    // By the chain that was loaded before, the handover would come second.
    let stale = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap_err();
    assert_eq!(stale.reason(), "unknown-goods");
    distributor.load(&unit());
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    let offered = ship(&mut distributor, &to, now()).unwrap_err();
    assert!(matches!(offered, ActError::Offered { .. }), "{offered}");
    let answer = a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    let goods = distributor.courier().close(&answer.message).unwrap();
    assert_eq!(goods.holder.unwrap().name(), "a");
    assert_eq!(a.send(now()).proven, 1);
    let history = a.issuer().history(LogName::SUPPLY, &unit()).unwrap();
    let kinds: Vec<_> = history.iter().map(|one| one.verified().statement().kind().as_str()).collect();
    assert_eq!(kinds, ["medicine.pack", "medicine.shipment", "medicine.handover"]);
    running.stop();
}

#[test]
fn goods_handed_to_two_people_end_with_the_first_and_evidence_of_the_second() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, mut b, mut c]) = scene(directory.path(), ["a", "b", "c"]);
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    b.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    // What B hands on goes back to the same fraud.
    let next = b.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    c.courier().answer(&next.message, &[unit()], &intact(), now()).unwrap();

    assert_eq!(a.send(now()).proven, 1);
    let round = b.send(now());
    assert_eq!((round.proven, round.refused, round.waiting), (0, 1, 0));
    let row = b.snapshot.outbox().unwrap().remove(0);
    let recorded = Delivery::Refused { reason: "custody-conflict".into(), next: NextStep::ConflictRecorded };
    assert_eq!(row.delivery, recorded);
    let round = c.send(now());
    assert_eq!((round.proven, round.refused, round.waiting), (0, 2, 0));

    let history = a.issuer().history(LogName::SUPPLY, &unit()).unwrap();
    let kinds: Vec<_> = history.iter().map(|one| one.verified().statement().kind().as_str()).collect();
    assert_eq!(kinds, ["medicine.pack", "medicine.handover", "medicine.conflict", "medicine.conflict"]);
    let evidence = history[2].verified().countersigned().unwrap();
    assert_eq!(evidence.signer().identity().name(), "b");
    assert_eq!(evidence.countersigned().unwrap().signer().identity().name(), "dd");
    running.stop();
}

#[test]
fn without_signal_everything_waits_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, ..]) = scene(directory.path(), ["a", "b", "c"]);
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    let refusal = Answer { condition: Condition::Refused { reason: "wet".into() }, ..intact() };
    let answer = a.courier().answer(&offer.message, &[], &refusal, now()).unwrap();
    let goods = distributor.courier().close(&answer.message).unwrap();
    assert_eq!(goods.holder.unwrap().name(), "dd");
    running.stop();
    let at = now();
    let round = a.send(at);
    assert_eq!((round.proven, round.refused, round.waiting), (0, 0, 1));
    // Twice as long after each try, and not before.
    let first = round.next_due.unwrap();
    assert_eq!(a.send(UnixMillis(first.0 - 1)).next_due, Some(first));
    let second = a.send(first).next_due.unwrap();
    // And up to a quarter longer.
    assert!((5_000..=6_250).contains(&first.since(at)) && (10_000..=12_500).contains(&second.since(first)));
    a.restart();
    let row = a.snapshot.outbox().unwrap().remove(0);
    assert_eq!((row.delivery, row.tries), (Delivery::Waiting, 2));
}

#[test]
fn one_scan_moves_what_is_in_a_unit_and_what_was_not_scanned_is_inferred() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, mut b, mut c]) = scene(directory.path(), ["a", "b", "c"]);
    let packs: Vec<Subject> = contents().packs().cloned().collect();
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    // The unit's code alone: all that is in it goes by the list.
    assert_eq!(a.courier().read(&offer.message, now()).unwrap().contents, None);
    let seen = [&[unit()], &packs[..1]].concat();
    let unlisted = a.courier().answer(&offer.message, &seen, &intact(), now()).unwrap_err();
    assert_eq!(unlisted.reason(), "goods-differ");
    a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    let all = Aggregate { count: 3, scanned: 0 };
    assert_eq!((a.courier().goods().unwrap()[0].aggregate, all.inferred()), (Some(all), 3));

    // Who has the list may open it and look.
    let offer = a.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    b.courier().keep_contents(&contents()).unwrap();
    b.restart();
    let reading = b.courier().read(&offer.message, now()).unwrap();
    assert_eq!((reading.aggregate, reading.contents), (Some(all), Some(contents())));
    let stranger = [unit(), packs[0].clone(), subject(&format!("{LOT}/21/S9"))];
    let error = b.courier().answer(&offer.message, &stranger, &intact(), now()).unwrap_err();
    assert_eq!(error.reason(), "goods-differ");
    // The packs without the unit are not the goods that were offered.
    let error = b.courier().answer(&offer.message, &packs, &intact(), now()).unwrap_err();
    assert_eq!(error.reason(), "goods-differ");
    let twice = [&[unit()], &packs[..2], &packs[..2]].concat();
    b.courier().answer(&offer.message, &twice, &intact(), now()).unwrap();
    assert_eq!(b.courier().goods().unwrap()[0].aggregate, Some(Aggregate { count: 3, scanned: 2 }));

    // Another list is none, whoever brought it.
    let other = Contents::new(packs[..2].iter().cloned()).unwrap();
    c.courier().keep_contents(&other).unwrap();
    let offer = b.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    assert_eq!(c.courier().read(&offer.message, now()).unwrap().contents, None);

    // What was scanned stands in the statement that both have signed, and on the timeline.
    assert_eq!(b.send(now()).proven, 2);
    let history = b.issuer().history(LogName::SUPPLY, &unit()).unwrap();
    let profile = units_only();
    let told = History { log: LogName::SUPPLY, domain: None, entries: &history };
    let timeline = profile.audit(&told, &[]).timeline(&profile);
    let scanned: Vec<_> = timeline.iter().map(|event| event.aggregate.unwrap().scanned).collect();
    assert_eq!(scanned, [3, 0, 2]);
    running.stop();
}

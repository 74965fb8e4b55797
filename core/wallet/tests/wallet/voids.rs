//! A revocation voids statements that stand already. The next honest one is synced and judged, the void one shown struck out,
//! nobody honest blamed, evidence convinces, and goods go on from hand to hand.

use std::sync::Arc;

use countersign_custody::handover::{Answer, Condition};
use countersign_custody::{Contents, Mark, Reason, Standing, Stop, Verdict, VerdictKind};
use countersign_ledger::{Draft, Entry, Fields, Hash, Identity, LogName, Subject};
use countersign_wallet::{
    Consent, Cost, Courier, Health, Issuer, KeyStore, OfferTo, Snapshot, Vault, verify_evidence,
};

use crate::world::{CLASS, LOT, PACK, Scene, World, item, kind, subject};

const UNIT: &str = "https://id.gs1.org/00/095060001343520001";
const SUPPLY: LogName = LogName::SUPPLY;

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

fn marks(verdict: &Verdict, of: &str) -> Vec<(Hash, Mark)> {
    let events = verdict.timeline.iter().filter(|event| event.kind.as_str() == of);
    events.map(|event| (event.statement, event.mark)).collect()
}

/// What is void and what stands, in the order of the log.
fn shape(history: &[Entry]) -> Vec<bool> {
    history.iter().map(|entry| entry.standing().is_some()).collect()
}

/// What evidence about an item says is what the snapshot said, and the same after a restart.
fn evidence_agrees(scene: &Scene, snapshot: &mut Snapshot, serial: &str) {
    let told = snapshot.check(&item(LOT, serial), scene.now());
    let report =
        verify_evidence(&snapshot.export(&item(LOT, serial)).unwrap(), &scene.genesis, scene.now()).unwrap();
    assert_eq!(report.verdict.reasons, told.reasons);
    assert_eq!(report.verdict.timeline, told.timeline);
    let again = scene.open().check(&item(LOT, serial), scene.now());
    assert_eq!((again.reasons, again.timeline), (told.reasons, told.timeline));
    assert_eq!(snapshot.health(), Health::Sound);
}

#[test]
fn the_next_honest_step_on_a_pack_counts_and_the_void_one_is_struck_out() {
    // Raced: the place named is the thief's own. Earlier: all that the thief ever signed is void. Either way a phone may have
    // seen the theft before, or not.
    for (raced, seen_before) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut world = World::with_lot();
        world.enlist("pharmacy", "thief");
        let scene = Scene::new(world);
        let mut snapshot = scene.synced();
        snapshot.follow_pack(&subject(PACK)).unwrap();
        let stolen = scene.world().state("thief", "medicine.dispense", PACK, Fields::new());
        if seen_before {
            scene.sync(&mut snapshot);
            assert_eq!(keys(&snapshot.check(&item(LOT, "S007"), scene.now())), ["dispensed"]);
        }
        let place = scene.world().size(SUPPLY) - 1;
        scene.world().revoke("thief", SUPPLY, if raced { place } else { 0 });
        scene.sync(&mut snapshot);
        let void = snapshot.check(&item(LOT, "S007"), scene.now());
        assert_eq!(marks(&void, "medicine.dispense"), [(stolen, Mark::Void)]);
        assert_eq!(void.accountable, None, "{:?}", void.reasons);
        evidence_agrees(&scene, &mut snapshot, "S007");

        let honest = scene.world().state("pharmacy", "medicine.dispense", PACK, Fields::new());
        scene.sync(&mut snapshot);
        let verdict = snapshot.check(&item(LOT, "S007"), scene.now());
        assert_eq!(keys(&verdict), ["dispensed"]);
        assert_eq!(marks(&verdict, "medicine.dispense"), [(stolen, Mark::Void), (honest, Mark::Verified)]);
        assert_eq!(verdict.accountable, None);
        let history = snapshot.history(SUPPLY, &subject(PACK)).unwrap().unwrap();
        assert_eq!(shape(&history), [false, true]);
        evidence_agrees(&scene, &mut snapshot, "S007");
        assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
    }
}

#[test]
fn a_lot_goes_on_after_a_void_statement_at_its_end_and_in_its_middle() {
    let mut world = World::new();
    world.enlist("manufacturer", "thief");
    world.certify(CLASS);
    let mut void = Vec::new();
    for step in crate::world::LIFE {
        world.play(step, LOT, 'S');
        if step == "trial" || step == "receipt" {
            // One in the middle, and the latest of all.
            void.push(world.state("thief", "medicine.receipt", LOT, Fields::new()));
        }
    }
    let from = world.size(SUPPLY);
    world.revoke("thief", SUPPLY, from);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    // From its own place on it had signed all along: that breaks the rules, and the thief is blamed.
    let blamed = snapshot.check(&item(LOT, "S001"), scene.now());
    assert_eq!(
        blamed.accountable.and_then(|party| party.identity).map(|who| who.name().to_owned()),
        Some("thief".into())
    );
    scene.world().revoke("thief", SUPPLY, 0);
    scene.sync(&mut snapshot);
    let verdict = snapshot.check(&item(LOT, "S001"), scene.now());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]));
    let struck: Vec<Hash> = verdict
        .timeline
        .iter()
        .filter(|event| event.mark == Mark::Void)
        .map(|event| event.statement)
        .collect();
    assert_eq!(struck, void);
    evidence_agrees(&scene, &mut snapshot, "S001");
}

/// Somebody's phone, in a ledger that all of them share.
struct Phone {
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
}

impl Phone {
    fn new(scene: &Scene, role: &str, name: &str) -> Self {
        let cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
        let vault = Vault::create_at_cost(&scene.directory.path().join(name), b"p", cost).unwrap();
        let path = scene.directory.path().join(format!("{name}.db"));
        let mut phone =
            Self { snapshot: Snapshot::open(&path, &scene.genesis).unwrap(), keys: Arc::new(vault) };
        phone.issuer(scene).enrol("mine", &format!("{role}/{name}")).unwrap();
        scene.sync(&mut phone.snapshot);
        phone
    }

    fn issuer<'a>(&'a mut self, scene: &'a Scene) -> Issuer<'a> {
        Issuer::new(&mut self.snapshot, &scene.client, Arc::clone(&self.keys)).consenting(Consent::ALL)
    }

    fn courier(&mut self) -> Courier<'_> {
        Courier::new(&mut self.snapshot, Arc::clone(&self.keys), "mine").unwrap()
    }

    /// Hands the unit over, with no signal anywhere, and returns what the receiver has signed.
    fn hand_to(&mut self, receiver: &mut Self, scene: &Scene) {
        let now = scene.now();
        let offer = self.courier().offer(&subject(UNIT), &OfferTo::default(), now).unwrap();
        let intact = Answer { condition: Condition::Intact, place: None, seen: None };
        let answer = receiver.courier().answer(&offer.message, &[subject(UNIT)], &intact, now).unwrap();
        self.courier().close(&answer.message).unwrap();
    }

    fn holder(&mut self) -> Option<String> {
        let goods = self.courier().goods().unwrap();
        goods[0].holder.as_ref().map(|holder| holder.name().to_owned())
    }
}

#[test]
fn goods_are_handed_over_without_signal_on_top_of_a_void_handover() {
    let scene = Scene::new(World::with_lot());
    let mut packer = Phone::new(&scene, "distributor", "packer");
    let [mut thief, mut honest, mut next] =
        ["thief", "honest", "next"].map(|name| Phone::new(&scene, "courier", name));
    let contents = Contents::new([subject(PACK)]).unwrap();
    let (kind, fields) = (kind("medicine.pack"), contents.fields());
    let draft = Draft { kind, subject: subject(UNIT), fields, prev: None, links: Vec::new(), sealed: None };
    packer.issuer(&scene).record("mine", &draft, None, scene.now()).unwrap();
    packer.courier().load(&scene.client, &subject(UNIT)).unwrap();
    packer.hand_to(&mut thief, &scene);
    assert_eq!(packer.holder().as_deref(), Some("thief"));
    assert_eq!(thief.issuer(&scene).send(scene.now()).unwrap().proven, 1);

    let certificate = thief.issuer(&scene).certificate("mine").unwrap();
    let place = scene.world().size(SUPPLY) - 1;
    scene.world().revoke_certificate(&certificate, SUPPLY, place);
    for phone in [&mut packer, &mut honest, &mut next] {
        scene.sync(&mut phone.snapshot);
    }
    // The packer holds the goods again, and the chain goes through the void handover.
    let goods = packer.courier().load(&scene.client, &subject(UNIT)).unwrap();
    assert_eq!(goods.holder.as_ref().map(Identity::name), Some("packer"));
    packer.hand_to(&mut honest, &scene);
    honest.hand_to(&mut next, &scene);
    assert_eq!(next.holder().as_deref(), Some("next"));
    // The void one is there already; it goes along, as everything does that may not have arrived.
    assert_eq!(next.issuer(&scene).send(scene.now()).unwrap().proven, 3);

    let asked = next.snapshot.ask(&scene.client, &subject(UNIT)).unwrap();
    assert_eq!(shape(asked.history()), [true, false, true, true]);
    let profile = next.snapshot.profile_of(&draft.kind).unwrap();
    let route = asked.route(profile, scene.now()).unwrap();
    let legs: Vec<_> = route
        .stops
        .iter()
        .filter_map(|stop| match stop {
            Stop::Leg(leg) => Some(matches!(leg.standing, Standing::Void)),
            Stop::Gap(_) => None,
        })
        .collect();
    assert_eq!(legs, [false, true, false, false]);
    // The thief's own phone learns of it with the next sync, and offers nothing.
    scene.sync(&mut thief.snapshot);
    let refused = thief.courier().offer(&subject(UNIT), &OfferTo::default(), scene.now());
    assert_eq!(refused.unwrap_err().reason(), "not-the-custodian");
}

#[test]
fn a_void_alert_warns_of_nothing_and_a_void_lift_lifts_nothing() {
    let mut world = World::with_lot();
    world.enlist("authority", "thief");
    let about = subject(LOT);
    world.state("thief", "medicine.recall", LOT, Fields::new().with("reason", "spite"));
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    assert_eq!(keys(&snapshot.check(&item(LOT, "S001"), scene.now())), ["recalled"]);
    scene.world().revoke("thief", LogName::TRUST, 0);
    scene.sync(&mut snapshot);
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
    assert_eq!(shape(&snapshot.history(LogName::TRUST, &about).unwrap().unwrap()), [false]);
    evidence_agrees(&scene, &mut snapshot, "S001");
    scene.world().recall(LOT);
    scene.sync(&mut snapshot);
    assert_eq!(keys(&snapshot.check(&item(LOT, "S001"), scene.now())), ["recalled"]);
    assert_eq!(shape(&snapshot.history(LogName::TRUST, &about).unwrap().unwrap()), [false, true]);
    evidence_agrees(&scene, &mut snapshot, "S001");
}

/// A history that a void statement ends cannot be cut short before it: the index counts it.
#[test]
fn a_void_statement_cannot_be_left_out() {
    let mut world = World::with_lot();
    world.enlist("pharmacy", "thief");
    world.state("thief", "medicine.dispense", PACK, Fields::new());
    world.revoke("thief", SUPPLY, 0);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    snapshot.follow_pack(&subject(PACK)).unwrap();
    scene.world().lie = Some(Box::new(|path, mut response| {
        if path.contains("/subjects/") && path.contains("21%2FS007") {
            response.body = crate::lies::without_last_entry(&response.body);
        }
        Ok(response)
    }));
    assert!(snapshot.sync(&scene.client, std::time::Duration::ZERO).is_err());
    scene.world().lie = None;
    scene.sync(&mut snapshot);
    let pack: Subject = subject(PACK);
    assert_eq!(shape(&snapshot.history(SUPPLY, &pack).unwrap().unwrap()), [false]);
}

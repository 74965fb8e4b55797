//! Evidence convinces whoever has the genesis, and nobody once a byte of it is changed.

use countersign_custody::{Reason, VerdictKind};
use countersign_ledger::{Genesis, Hash, LogName, UnixMillis};
use countersign_wallet::{EvidenceError, Snapshot, verify_evidence};

use crate::world::{CLASS, LOT, PACK, START, Scene, World, item, subject};

fn scene() -> (Scene, Vec<u8>) {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/L2"), 'T');
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    // The class's certificate is proven at another checkpoint than its renewal.
    scene.world().certify(CLASS);
    scene.world().recall(&format!("{CLASS}/10/L9"));
    scene.world().revoke("distributor", LogName::SUPPLY, 1000);
    scene.sync(&mut snapshot);
    let evidence = snapshot.export(&item(LOT, "S001")).unwrap();
    (scene, evidence)
}

#[test]
fn evidence_proves_the_verdict_without_a_network_or_a_snapshot() {
    let (scene, evidence) = scene();
    let report = verify_evidence(&evidence, &scene.genesis, scene.now()).unwrap();
    assert_eq!((report.verdict.kind, &report.verdict.reasons[..]), (VerdictKind::Authentic, &[][..]));
    assert_eq!((report.verdict.timeline.len(), report.supply.size), (10, 18));
    assert_eq!(report.item, item(LOT, "S001"));
    assert_eq!(evidence, scene.open().export(&item(LOT, "S001")).unwrap());
}

#[test]
fn old_evidence_tells_its_age_and_what_has_expired_since() {
    let (scene, evidence) = scene();
    let after = |days: u64| {
        let then = UnixMillis(scene.now().0 + days * 86_400_000);
        verify_evidence(&evidence, &scene.genesis, then).unwrap().verdict
    };
    let month = after(30);
    assert_eq!((month.kind, month.age_millis.unwrap() / 86_400_000), (VerdictKind::Authentic, 30));
    let late = after(731);
    assert_eq!((late.kind, late.reasons[0].key()), (VerdictKind::Attention, "expired"));
    // By a clock that is before its checkpoints it has no age, and says why.
    let early = verify_evidence(&evidence, &scene.genesis, UnixMillis(0)).unwrap().verdict;
    assert_eq!((early.age_millis, early.reasons[0].key()), (None, "clock-behind"));
}

#[test]
fn evidence_against_a_product_holds_as_well() {
    let (scene, _) = scene();
    scene.world().recall(LOT);
    scene.world().dispense(PACK);
    let mut snapshot = scene.synced();
    let keys = |evidence: &[u8]| {
        let report = verify_evidence(evidence, &scene.genesis, scene.now()).unwrap();
        report.verdict.reasons.iter().map(Reason::key).collect::<Vec<_>>()
    };
    assert_eq!(keys(&snapshot.export(&item(LOT, "S001")).unwrap()), ["recalled"]);
    assert_eq!(keys(&snapshot.export(&item(LOT, "S007")).unwrap()), ["recalled", "dispensed-recorded"]);
    snapshot.follow_pack(&subject(PACK)).unwrap();
    scene.sync(&mut snapshot);
    assert_eq!(keys(&snapshot.export(&item(LOT, "S007")).unwrap()), ["recalled", "dispensed"]);
    let unknown = snapshot.export(&item(&format!("{CLASS}/10/L7"), "S001")).unwrap();
    assert_eq!(keys(&unknown), ["unknown-lot"]);
    let elsewhere = item("https://id.gs1.org/01/09506000134369/10/L1", "S001");
    assert!(matches!(snapshot.export(&elsewhere), Err(EvidenceError::NotHere)));
}

#[test]
fn evidence_shows_that_a_revoked_signer_counts_no_longer() {
    let (scene, _) = scene();
    scene.world().revoke("supplier", LogName::SUPPLY, 0);
    let mut snapshot = scene.synced();
    let told = snapshot.check(&item(LOT, "S001"), scene.now());
    assert_ne!(told.kind, VerdictKind::Authentic);
    let report =
        verify_evidence(&snapshot.export(&item(LOT, "S001")).unwrap(), &scene.genesis, scene.now()).unwrap();
    assert_eq!((report.verdict.kind, report.verdict.reasons), (told.kind, told.reasons));
}

#[test]
fn every_changed_byte_is_refused() {
    let (scene, evidence) = scene();
    for at in 0..evidence.len() {
        let mut changed = evidence.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(verify_evidence(&changed, &scene.genesis, scene.now()).is_err(), "byte {at}");
    }
    for length in (0..evidence.len()).step_by(97) {
        assert!(verify_evidence(&evidence[..length], &scene.genesis, scene.now()).is_err(), "{length} bytes");
    }
    let trailing = [&evidence[..], &[0]].concat();
    assert!(matches!(verify_evidence(&trailing, &scene.genesis, scene.now()), Err(EvidenceError::Malformed)));
}

/// Changes a byte and corrects the sum, as a forger would.
#[test]
fn a_forger_who_corrects_the_sum_changes_no_verdict() {
    let (scene, _) = scene();
    // No cosignature is one too many, so that none can be lost.
    scene.world().cosigners = 2;
    let mut snapshot = Snapshot::open(&scene.directory.path().join("new.db"), &scene.genesis).unwrap();
    snapshot.follow(&subject(CLASS)).unwrap();
    scene.sync(&mut snapshot);
    let evidence = snapshot.export(&item(LOT, "S001")).unwrap();
    let honest = verify_evidence(&evidence, &scene.genesis, scene.now()).unwrap();
    let mut d = minicbor::Decoder::new(&evidence);
    d.array().unwrap();
    let body = d.bytes().unwrap().to_vec();
    let mut accepted = 0;
    for at in (0..body.len()).step_by(7) {
        let mut changed = body.clone();
        changed[at] ^= 1 << (at % 8);
        let mut file = Vec::new();
        let mut e = minicbor::Encoder::new(&mut file);
        e.array(2).unwrap().bytes(&changed).unwrap().bytes(Hash::of(&changed).as_bytes()).unwrap();
        let Ok(report) = verify_evidence(&file, &scene.genesis, scene.now()) else { continue };
        accepted += 1;
        // What was read from the pack is the maker's word: another serial is another question.
        if report.item == honest.item {
            assert_eq!(report.verdict, honest.verdict, "byte {at}");
        }
    }
    // A few bytes of the item are all that hangs on nobody's signature.
    assert!(accepted < 8, "{accepted}");
}

#[test]
fn evidence_of_another_ledger_is_refused() {
    let (scene, evidence) = scene();
    let other = Genesis { name: "elsewhere.example".into(), ..scene.genesis };
    assert!(matches!(verify_evidence(&evidence, &other, UnixMillis(START)), Err(EvidenceError::OtherLedger)));
}

/// The fuzzer starts from a genuine bundle; one that no longer verifies would have it try nothing but the first check.
/// `COUNTERSIGN_WRITE_SEEDS=1` writes it anew.
#[test]
fn the_seed_of_the_fuzzer_is_evidence_as_it_is_written_now() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let (bundle, genesis) = (seeds.join("evidence/genuine"), seeds.join("evidence-genesis.json"));
    if std::env::var_os("COUNTERSIGN_WRITE_SEEDS").is_some() {
        let scene = Scene::new(World::with_lot());
        std::fs::write(&bundle, scene.synced().export(&item(LOT, "S001")).unwrap()).unwrap();
        std::fs::write(&genesis, scene.genesis.to_json()).unwrap();
    }
    let (bundle, genesis) = (std::fs::read(bundle).unwrap(), std::fs::read(genesis).unwrap());
    let report =
        verify_evidence(&bundle, &Genesis::parse(&genesis).unwrap(), UnixMillis(START + 86_400_000)).unwrap();
    assert_eq!((report.item, report.verdict.kind), (item(LOT, "S001"), VerdictKind::Authentic));
    // As long as the fuzzer reads.
    assert!(bundle.len() <= 16_384, "{}", bundle.len());
}

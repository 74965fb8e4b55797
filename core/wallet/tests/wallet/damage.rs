//! Whatever happens to the database, nothing becomes authentic by it, nothing panics, and a sync repairs what it can.

use std::fs;

use countersign_custody::VerdictKind;
use countersign_ledger::Fields;
use countersign_wallet::{Health, Snapshot};
use rusqlite::Connection;

use crate::tried::{Tried, size};
use crate::world::{CLASS, LOT, PACK, Scene, World, item, subject};

/// A lot that is not authentic: nobody may be shown that it is by what stands in the database.
fn recalled_and_broken() -> Scene {
    let mut world = World::with_lot();
    let broken = format!("{CLASS}/10/L2");
    world.play("material-request", &broken, 'T');
    world.state("manufacturer", "medicine.receipt", &broken, Fields::new());
    world.play_lot(&format!("{CLASS}/10/L3"), 'U');
    world.recall(&format!("{CLASS}/10/L3"));
    world.dispense(PACK);
    Scene::new(world)
}

/// What a copy of the wallet tells after a change to its database: verdicts on a genuine pack, and on three others.
fn tell(scene: &Scene, file: &std::path::Path) -> Option<[VerdictKind; 4]> {
    let mut snapshot = Snapshot::open(file, &scene.genesis).ok()?;
    let now = scene.now();
    let ask = [("L1", "S001"), ("L2", "T001"), ("L3", "U001"), ("L1", "S007")];
    Some(ask.map(|(lot, serial)| snapshot.check(&item(&format!("{CLASS}/10/{lot}"), serial), now).kind))
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_makes_nothing_authentic() {
    let scene = recalled_and_broken();
    drop(scene.synced());
    let whole = fs::read(scene.path()).unwrap();
    assert_eq!(
        tell(&scene, &scene.path()),
        Some([VerdictKind::Authentic, VerdictKind::Suspect, VerdictKind::Attention, VerdictKind::Attention])
    );
    let file = scene.directory.path().join("damaged.db");
    let (mut sound, mut told, mut unreadable) = (0, 0, 0);
    let tried =
        Tried::new("a bit flipped in a wallet's database", "verdicts, none of them kinder or harsher");
    // Every byte in turn would take minutes; a step without common factors visits all of the file's structures.
    for at in (0..whole.len()).step_by(whole.len() / size(1500, 15_000) + 1) {
        tried.times(1);
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(scene.directory.path().join(format!("damaged.db{suffix}")));
        }
        fs::write(&file, &damaged).unwrap();
        match tell(&scene, &file) {
            None => unreadable += 1,
            Some(kinds) => {
                assert!(
                    matches!(kinds[0], VerdictKind::Authentic | VerdictKind::CannotTell),
                    "byte {at}: {kinds:?}"
                );
                assert!(
                    kinds[1..].iter().all(|kind| *kind != VerdictKind::Authentic),
                    "byte {at}: {kinds:?}"
                );
                tried.looked_up(kinds.len(), 0);
                if kinds[0] == VerdictKind::Authentic { sound += 1 } else { told += 1 }
            }
        }
    }
    println!("{sound} flips did not matter, {told} were told as damage, {unreadable} left no database");
    assert!(told > 100, "{told}");
}

/// Runs `change` on the database; then the verdict on a genuine pack, whether the wallet says that it is damaged, and
/// the verdict after a sync.
fn changed(change: &str) -> (VerdictKind, Health, VerdictKind) {
    let mut world = World::with_lot();
    world.recall(&format!("{CLASS}/10/L3"));
    let scene = Scene::new(world);
    drop(scene.synced());
    let connection = Connection::open(scene.path()).unwrap();
    connection.execute_batch(change).unwrap();
    drop(connection);
    let mut snapshot = scene.open();
    let before = snapshot.check(&item(LOT, "S001"), scene.now()).kind;
    let health = snapshot.health();
    snapshot.follow(&subject(CLASS)).unwrap();
    scene.sync(&mut snapshot);
    drop(snapshot);
    let after = scene.open().check(&item(LOT, "S001"), scene.now());
    (before, health, after.kind)
}

#[test]
fn damage_is_told_as_damage_and_a_sync_repairs_it() {
    let blank =
        |table: &str, column: &str| format!("UPDATE {table} SET {column} = zeroblob(length({column}))");
    let tried = Tried::new("a row of a wallet's database removed or changed", "verdicts, mended by a sync");
    for change in [
        blank("statements", "bytes"),
        blank("statements", "path"),
        blank("certificates", "der"),
        blank("families", "proof"),
        blank("filters", "bytes"),
        blank("whole_logs", "bytes"),
        "UPDATE statements SET place = place + 1".into(),
        "UPDATE statements SET place = -place".into(),
        "UPDATE statements SET size = 5".into(),
        "UPDATE statements SET size = -size".into(),
        "UPDATE statements SET above = above + 1".into(),
        "UPDATE statements SET above = -1".into(),
        "UPDATE checkpoints SET note = 'x'".into(),
        "UPDATE checkpoints SET note = replace(note, '9', '8')".into(),
        "UPDATE positions SET head = 3, seen = 3".into(),
        "DELETE FROM statements WHERE place = 4".into(),
        "DELETE FROM statements WHERE place = 8".into(),
        "DELETE FROM subjects".into(),
        "UPDATE subjects SET text = text || 'x' WHERE text LIKE '%/10/L1'".into(),
        "DELETE FROM families".into(),
        "DELETE FROM certificates".into(),
        "DELETE FROM whole_logs".into(),
        "UPDATE statements SET bytes = (SELECT bytes FROM statements WHERE place = 3) WHERE place = 2".into(),
    ] {
        tried.times(1);
        let (before, health, after) = changed(&change);
        assert_eq!((before, health), (VerdictKind::CannotTell, Health::Damaged), "{change}");
        assert_eq!(after, VerdictKind::Authentic, "{change}");
        tried.looked_up(1, 0);
    }
    // What was seen last is no part of what is told; that it is lost is told, and it is seen anew.
    let seen = changed("UPDATE positions SET seen = 1000");
    assert_eq!(seen, (VerdictKind::Authentic, Health::Damaged, VerdictKind::Authentic));
}

#[test]
fn a_position_that_was_set_back_is_no_rollback_of_what_is_told() {
    // Both positions are set to a checkpoint that is really there: an older state of the same wallet, and as old.
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    scene.world().play_lot(&format!("{CLASS}/10/L2"), 'T');
    let younger = scene.now();
    scene.sync(&mut snapshot);
    drop(snapshot);
    let set_back =
        "UPDATE positions SET head = 9, seen = 9 WHERE log = 'supply'; UPDATE followed SET ready = 9";
    Connection::open(scene.path()).unwrap().execute_batch(set_back).unwrap();
    let verdict = scene.open().check(&item(LOT, "S001"), younger);
    assert_eq!(verdict.kind, VerdictKind::CannotTell);
}

#[test]
fn a_statement_that_breaks_the_rules_is_suspect_and_somebody_answers_for_it() {
    let scene = recalled_and_broken();
    let verdict = scene.synced().check(&item(&format!("{CLASS}/10/L2"), "T001"), scene.now());
    assert_eq!((verdict.kind, verdict.reasons[0].key()), (VerdictKind::Suspect, "broken-history"));
    assert_eq!(verdict.accountable.unwrap().role, "manufacturer");
}

#[test]
fn a_verdict_reads_no_row_of_another_product_that_is_followed() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    for number in 0..300 {
        snapshot.follow(&subject(&format!("https://id.gs1.org/01/{number:014}"))).unwrap();
    }
    drop(snapshot);
    let connection = Connection::open(scene.path()).unwrap();
    // No size is negative: whoever reads one of these rows fails.
    let changed = connection.execute("UPDATE followed SET ready = -1 WHERE subject <> ?1", [CLASS]).unwrap();
    assert_eq!(changed, 300);
    let mut snapshot = scene.open();
    assert!(snapshot.following().is_err());
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
    assert_eq!(snapshot.health(), Health::Sound);
}

#[test]
fn only_lots_that_may_hold_a_serial_are_verified_for_it() {
    let mut world = World::with_lot();
    let other = format!("{CLASS}/10/L2");
    world.play_lot(&other, 'T');
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let zeroed = "UPDATE statements SET bytes = zeroblob(length(bytes))
                  WHERE entry >> 24 = (SELECT id FROM subjects WHERE text = ?1)";
    assert!(Connection::open(scene.path()).unwrap().execute(zeroed, [&other]).unwrap() > 0);
    // No lot holds it, so none but its own is looked at; another lot's serial leads to that lot, which is not whole.
    assert_eq!(snapshot.check(&item(LOT, "S100"), scene.now()).kind, VerdictKind::Suspect);
    assert_eq!(snapshot.health(), Health::Sound);
    assert_eq!(snapshot.check(&item(LOT, "T001"), scene.now()).kind, VerdictKind::CannotTell);
    assert_eq!(snapshot.health(), Health::Damaged);
}

#[test]
fn the_lot_of_a_serial_is_the_one_that_is_proven_to_have_it() {
    let mut world = World::with_lot();
    let other = format!("{CLASS}/10/L2");
    world.play_lot(&other, 'T');
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let mut lot_of =
        |serial| snapshot.lot_of(&subject(CLASS), serial).unwrap().map(|lot| lot.as_str().to_owned());
    assert_eq!(lot_of("S001").as_deref(), Some(LOT));
    assert_eq!(lot_of("T001"), Some(other));
    assert_eq!(lot_of("U001"), None);
    assert_eq!(scene.open().lot_of(&subject("https://id.gs1.org/01/09506000134369"), "S001").unwrap(), None);
    // A filter that was swapped for one that says yes is not trusted.
    let swapped = "UPDATE filters SET bytes = (SELECT bytes FROM filters JOIN commissions ON digest = filter
                   JOIN subjects ON id = subject WHERE text LIKE '%/L1')";
    assert!(Connection::open(scene.path()).unwrap().execute(swapped, []).unwrap() > 0);
    assert!(scene.open().lot_of(&subject(CLASS), "T001").is_err());
}

#[test]
fn another_lot_whose_filter_is_damaged_is_not_taken_to_lack_a_serial() {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/L2"), 'T');
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let zeroed = "UPDATE filters SET bytes = zeroblob(length(bytes))
                  WHERE digest = (SELECT filter FROM commissions JOIN subjects ON id = subject WHERE text LIKE '%/L2')";
    assert_eq!(Connection::open(scene.path()).unwrap().execute(zeroed, []).unwrap(), 1);
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
    assert_eq!(snapshot.check(&item(LOT, "T001"), scene.now()).kind, VerdictKind::CannotTell);
}

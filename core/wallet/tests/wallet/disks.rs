//! A disk that takes no write stops no check, and a database that is damaged beyond opening is replaced.
//!
//! A folder in which SQLite's shared index cannot be made stands for the disk here: `cli/tests/disks.rs` has real ones, full
//! and read-only.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_custody::{Contents, VerdictKind};
use countersign_wallet::{FollowError, Health, OpenError, Snapshot, StoreError};

use crate::world::{CLASS, LOT, PACK, Scene, World, item, subject};

/// A copy of the scene's database, with its WAL if that is asked, beside which no index can be made.
fn stuck(scene: &Scene, name: &str, wal: bool) -> PathBuf {
    let path = scene.directory.path().join(name);
    let beside = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
    fs::copy(scene.path(), &path).unwrap();
    if wal {
        fs::copy(beside(&scene.path(), "-wal"), beside(&path, "-wal")).unwrap();
    }
    fs::create_dir(beside(&path, "-shm")).unwrap();
    path
}

#[test]
fn a_pack_is_checked_where_nothing_can_be_written() {
    let scene = Scene::new(World::with_lot());
    let mut open = scene.synced();
    scene.world().recall(LOT);
    scene.sync(&mut open);
    // What was synced last is in the WAL alone while somebody has the database open.
    let path = stuck(&scene, "with-wal.db", true);
    let mut snapshot = Snapshot::open(&path, &scene.genesis).unwrap();
    let verdict = snapshot.check(&item(LOT, "S001"), scene.now());
    assert_eq!((verdict.kind, verdict.reasons[0].key()), (VerdictKind::Attention, "recalled"));
    assert_eq!(snapshot.health(), Health::Sound);
    let refused = snapshot.follow(&subject(CLASS)).unwrap_err();
    assert!(matches!(refused, FollowError::Store(StoreError::ReadOnly)), "{refused}");
    drop((snapshot, open));
    let path = stuck(&scene, "without-wal.db", false);
    let mut snapshot = Snapshot::open(&path, &scene.genesis).unwrap();
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Attention);
    assert_eq!(snapshot.check(&item(LOT, "X999"), scene.now()).kind, VerdictKind::Suspect);
}

#[test]
fn where_there_is_nothing_to_read_it_is_told_in_our_words() {
    let scene = Scene::new(World::with_lot());
    fs::create_dir(scene.directory.path().join("new.db-shm")).unwrap();
    let error = Snapshot::open(&scene.directory.path().join("new.db"), &scene.genesis).err().unwrap();
    assert!(matches!(error, OpenError::Store(_)), "{error}");
    let mut words = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        words += &error.to_string();
        cause = error.source();
    }
    assert!(words.contains("wallet") && !words.contains("Error code") && !words.contains("SQL"), "{words}");
}

#[test]
fn a_database_that_is_no_database_is_replaced_kept_and_synced_again() {
    let scene = Scene::new(World::with_lot());
    drop(scene.synced());
    let garbage = b"not a database, and long enough to be mistaken for one".to_vec();
    fs::write(scene.path(), &garbage).unwrap();
    let mut snapshot = scene.open();
    assert_eq!(snapshot.health(), Health::Damaged);
    assert_eq!(fs::read(snapshot.replaced().unwrap()).unwrap(), garbage);
    let verdict = snapshot.check(&item(LOT, "S001"), scene.now());
    assert_eq!((verdict.kind, verdict.reasons[0].key()), (VerdictKind::CannotTell, "snapshot-damaged"));
    snapshot.follow(&subject(CLASS)).unwrap();
    scene.sync(&mut snapshot);
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
    drop(snapshot);
    assert!(scene.open().replaced().is_none());
}

#[test]
fn what_can_be_read_of_the_owners_own_survives_damage_that_a_sync_meets() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    snapshot.follow_pack(&subject(PACK)).unwrap();
    snapshot.keep_contents(&Contents::new([subject(PACK)]).unwrap()).unwrap();
    snapshot.set_node("https://elsewhere.example").unwrap();
    drop(snapshot);
    // Pages of what the ledger proves are gone; what the owner chose is in other ones.
    let connection = rusqlite::Connection::open(scene.path()).unwrap();
    let find = "SELECT rootpage FROM sqlite_schema WHERE name = 'statements'";
    let (root, page) = (connection.query_row(find, [], |row| row.get::<_, u32>(0)).unwrap(), 4096);
    drop(connection);
    let mut file = fs::read(scene.path()).unwrap();
    let at = (root as usize - 1) * page;
    file[at..at + page].fill(0xa5);
    fs::write(scene.path(), &file).unwrap();

    let mut snapshot = scene.open();
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::CannotTell);
    scene.world().dispense(PACK);
    let failed = snapshot.sync(&scene.client, std::time::Duration::ZERO);
    assert!(failed.is_err(), "the damage cannot be written over");
    drop(snapshot);
    let mut snapshot = scene.open();
    assert!(snapshot.replaced().is_some());
    assert_eq!(snapshot.node().unwrap().as_deref(), Some("https://elsewhere.example"));
    assert_eq!(snapshot.following().unwrap().len(), 2);
    scene.sync(&mut snapshot);
    let verdict = snapshot.check(&item(LOT, "S007"), scene.now());
    assert_eq!((verdict.kind, verdict.reasons[0].key()), (VerdictKind::Attention, "dispensed"));
}

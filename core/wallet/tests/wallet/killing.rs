//! The process dies, at every step of a sync and at random: what is opened again is whole, tells nothing half proven, and
//! goes on.
//!
//! The test runs itself again as a child with the ledger's story in its environment; the child aborts, which is what
//! `kill -9` does to SQLite and the file system: nothing is flushed, closed or rolled back.

use std::process::Command;
use std::time::{Duration, Instant};

use countersign_custody::VerdictKind;
use countersign_ledger::LogName;
use countersign_wallet::{Health, Snapshot, Step};

use crate::tried::{Tried, size};
use crate::world::{CLASS, LOT, Scene, World, item};

const STEPS: &str = "COUNTERSIGN_TEST_DIE_AFTER_STEPS";
const MICROS: &str = "COUNTERSIGN_TEST_DIE_AFTER_MICROS";
const DATABASE: &str = "COUNTERSIGN_TEST_DATABASE";

/// The same story in parent and child: a ledger, and what has grown since.
fn story(chapters: usize) -> World {
    let mut world = World::with_lot();
    if chapters > 1 {
        world.play_lot(&format!("{CLASS}/10/L2"), 'T');
        world.recall(&format!("{CLASS}/10/L2"));
        world.pile_up(LOT, 300);
        world.certify(CLASS);
    }
    world
}

/// Not a test of its own: what the child process runs.
#[test]
fn child() {
    let Ok(database) = std::env::var(DATABASE) else { return };
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let scene = Scene::new(story(2));
    let mut snapshot = Snapshot::open(database.as_ref(), &scene.genesis).unwrap();
    if let Some(micros) = number(MICROS) {
        std::thread::spawn(move || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(micros) {}
            std::process::abort();
        });
    }
    let mut steps = number(STEPS).unwrap_or(u64::MAX);
    loop {
        if steps == 0 {
            std::process::abort();
        }
        steps -= 1;
        if snapshot.sync_step(&scene.client).unwrap() == Step::Done {
            std::process::abort();
        }
    }
}

fn tried() -> Tried {
    Tried::new("a wallet's process killed at each step of a sync and at random", "verdicts")
}

/// Lets a child work on the wallet until it dies.
fn run_and_die(scene: &Scene, name: &str, after: u64, tried: &Tried) {
    tried.times(1);
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["killing::child", "--exact", "--test-threads=1"])
        .env(DATABASE, scene.path())
        .env(name, after.to_string())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success(), "the child survived");
}

/// What is told must be one of two states: before the round, or after it. Returns whether it is the one after.
fn told(scene: &Scene, before: u64, after: u64, tried: &Tried) -> bool {
    let mut snapshot = scene.open();
    assert_eq!(snapshot.health(), Health::Sound);
    let size = snapshot.checkpoint(LogName::SUPPLY).unwrap().checkpoint().size();
    assert!(size == before || size == after, "{size}");
    let now = scene.now();
    let first = snapshot.check(&item(LOT, "S001"), now);
    let second = snapshot.check(&item(&format!("{CLASS}/10/L2"), "T001"), now);
    assert_eq!(snapshot.health(), Health::Sound);
    if size == before {
        assert_eq!((first.kind, first.timeline.len()), (VerdictKind::Authentic, 9));
        assert_eq!(second.reasons[0].key(), "unknown-lot");
    } else {
        assert_eq!((first.kind, first.timeline.len()), (VerdictKind::Suspect, 310));
        assert_eq!(second.reasons[0].key(), "recalled");
    }
    tried.looked_up(2, 0);
    size == after
}

/// A wallet that is up to date with the first chapter, and the ledger after the second.
fn second_chapter() -> (Scene, u64, u64) {
    let mut scene = Scene::new(story(1));
    drop(scene.synced());
    let before = scene.world().size(LogName::SUPPLY);
    let world = story(2);
    let after = world.size(LogName::SUPPLY);
    *scene.world() = world;
    scene.client = crate::world::client(&scene.world);
    (scene, before, after)
}

#[test]
fn killed_after_each_step_a_round_goes_on_where_it_stood() {
    let (scene, before, after) = second_chapter();
    let (mut rounds, tried) = (0, tried());
    // One step more each time, from wherever the one before has left it.
    for steps in 1..100 {
        run_and_die(&scene, STEPS, steps, &tried);
        rounds += 1;
        if told(&scene, before, after, &tried) {
            break;
        }
    }
    assert!(rounds > 3, "{rounds}");
    scene.sync(&mut scene.open());
    assert!(told(&scene, before, after, &tried));
}

#[test]
fn killed_after_any_one_step_nothing_is_half_trusted() {
    let (mut died, mut done, tried) = (0, 0, tried());
    for steps in 1..40 {
        let (scene, before, after) = second_chapter();
        run_and_die(&scene, STEPS, steps, &tried);
        let finished = told(&scene, before, after, &tried);
        scene.world().requests.clear();
        scene.sync(&mut scene.open());
        assert!(told(&scene, before, after, &tried));
        if finished {
            done += 1;
            break;
        }
        died += 1;
    }
    assert!(died > 8 && done == 1, "{died} {done}");
}

#[test]
fn killed_at_random_nothing_is_half_trusted() {
    // Times that fall before, in and after a round; a fixed sequence, so that a failure can be repeated.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let tried = tried();
    for _ in 0..size(25, 400) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (scene, before, after) = second_chapter();
        run_and_die(&scene, MICROS, random % 60_000, &tried);
        told(&scene, before, after, &tried);
        scene.sync(&mut scene.open());
        assert!(told(&scene, before, after, &tried));
    }
}

#[test]
fn what_was_fetched_before_the_end_is_not_fetched_again() {
    let (scene, ..) = second_chapter();
    let mut snapshot = scene.open();
    while !scene.world().requests.iter().any(|path| path.contains("/blob/")) {
        snapshot.sync_step(&scene.client).unwrap();
    }
    drop(snapshot);
    let mut first: Vec<String> = scene.world().requests.drain(..).collect();
    scene.sync(&mut scene.open());
    let second = scene.world().requests.clone();
    first.retain(|path| path.contains("/subjects/") || path.contains("/tile/") || path.contains("/blob/"));
    assert!(!first.is_empty());
    for path in first {
        assert!(!second.contains(&path), "{path} was fetched twice");
    }
}

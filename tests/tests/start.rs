//! How soon a wallet answers that follows a thousand products: from nothing to the first verdict, in a process of its own.
//!
//!     cargo test --release --test start -- --ignored --nocapture

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test that fails should stop")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::{Courier, KeyStore, KeyStoreError, PackChecker, SyncStep, VerdictKind, Wallet};
use countersign_ledger::Genesis;
use countersign_wallet::Snapshot;
use serde_json::Value;

const PRODUCTS: usize = 1000;
const RUNS: usize = 9;
/// From an empty process to the first verdict.
const SOON: Duration = Duration::from_millis(150);
/// In a child's environment: where the wallet is.
const WALLET: &str = "COUNTERSIGN_START_WALLET";

/// A patient needs no keys.
struct NoKeys;

impl KeyStore for NoKeys {
    fn make_signing_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn attest(&self, _: String, _: Vec<u8>) -> Result<Vec<Vec<u8>>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn make_agreement_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn public_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Missing)
    }
    fn sign(&self, _: String, _: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Missing)
    }
    fn agree(&self, _: String, _: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Missing)
    }
    fn keep_secret(&self, _: String, _: Vec<u8>) -> Result<(), KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn recall_secret(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Missing)
    }
    fn delete(&self, _: String) -> Result<(), KeyStoreError> {
        Ok(())
    }
    fn delete_all(&self) -> Result<(), KeyStoreError> {
        Ok(())
    }
}

fn open(folder: &Path, node: &str) -> Arc<Wallet> {
    let (database, genesis) = (folder.join("wallet.db"), std::fs::read(folder.join("genesis.json")).unwrap());
    let database = database.to_str().unwrap().to_owned();
    Arc::new(Wallet::open(database, &genesis, node.to_owned(), Arc::new(NoKeys)).unwrap())
}

/// One start, as a phone makes it: milliseconds to the wallet, to the first verdict, of a first and of a further call of the
/// courier, and of opening and verifying a snapshot, which each of those once was.
fn start(folder: &Path) -> [f64; 5] {
    let millis = |since: Instant| since.elapsed().as_secs_f64() * 1000.0;
    let begun = Instant::now();
    let wallet = open(folder, "https://localhost:1");
    let opened = millis(begun);
    let checker = PackChecker::new(Arc::clone(&wallet));
    let answer = checker.check_code("(01)09506000134352(17)351130(10)L1(21)S001").unwrap();
    let answered = millis(begun);
    assert_eq!(answer.verdict, VerdictKind::Authentic);
    let courier = Courier::new(wallet, "none".to_owned());
    let call = || {
        let begun = Instant::now();
        assert_eq!(courier.outbox().unwrap(), []);
        millis(begun)
    };
    let (first, next) = (call(), (0..20).map(|_| call()).fold(f64::MAX, f64::min));
    let genesis = Genesis::parse(&std::fs::read(folder.join("genesis.json")).unwrap()).unwrap();
    let begun = Instant::now();
    drop(Snapshot::open(&folder.join("wallet.db"), &genesis).unwrap());
    [opened, answered, first, next, millis(begun)]
}

#[test]
#[ignore = "makes a thousand products, and measures"]
fn a_wallet_that_follows_a_thousand_products_answers_soon() {
    if let Some(folder) = std::env::var_os(WALLET) {
        println!("figures {}", start(Path::new(&folder)).map(|figure| format!("{figure:.2}")).join(" "));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    follow_all(folder.path());
    let mut runs: Vec<[f64; 5]> = (0..RUNS).map(|_| in_a_process(folder.path())).collect();
    let mut median = |of: usize| {
        runs.sort_by(|one, other| one[of].total_cmp(&other[of]));
        runs[RUNS / 2][of]
    };
    let [opened, answered, first, next, before] = [0, 1, 2, 3, 4].map(&mut median);
    println!("{PRODUCTS} products: opened in {opened:.1} ms, first answer after {answered:.1} ms");
    println!(
        "a courier's call: the first {first:.1} ms, then {next:.2} ms; a snapshot opened for each: {before:.1} ms"
    );
    let soonest = runs.iter().map(|run| run[1]).fold(f64::MAX, f64::min);
    assert!(soonest < SOON.as_secs_f64() * 1000.0, "{soonest} ms");
    assert!(next < before / 4.0, "{next} ms, and to open one {before} ms");
}

/// This test again, as a child.
fn in_a_process(folder: &Path) -> [f64; 5] {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "a_wallet_that_follows_a_thousand_products_answers_soon",
        ])
        .env(WALLET, folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let figures =
        said.lines().find_map(|line| line.split_once("figures ")).unwrap_or_else(|| panic!("{said}")).1;
    let figures: Vec<f64> = figures.split(' ').map(|figure| figure.parse().unwrap()).collect();
    figures.try_into().unwrap()
}

/// A wallet that follows so many products and is up to date.
fn follow_all(folder: &Path) {
    let mut world = Command::new(env!("CARGO_BIN_EXE_world"))
        .arg(folder.join("world"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut commands, answers) = (world.stdin.take().unwrap(), world.stdout.take().unwrap());
    let mut answers = BufReader::new(answers).lines();
    let hello: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
    std::fs::copy(hello["genesis"].as_str().unwrap(), folder.join("genesis.json")).unwrap();
    writeln!(commands, "products {}", PRODUCTS - 1).unwrap();
    let products: Vec<String> = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
    let wallet = open(folder, hello["node"].as_str().unwrap());
    for link in products.iter().map(String::as_str).chain(["https://id.gs1.org/01/09506000134352"]) {
        wallet.follow(link).unwrap();
    }
    while wallet.sync_step().unwrap() != SyncStep::Done {}
    drop(commands);
    world.wait().unwrap();
}

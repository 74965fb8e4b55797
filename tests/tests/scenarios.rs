//! The scenarios in `tests/scenarios`, played in Rust through the boundary that Kotlin and Swift see.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use countersign_core::{
    Answer, CountersignError, KeyStore, KeyStoreError, Patient, Sight, SyncStep, VerdictKind, Wallet,
};
use countersign_wallet::{Cost, KeyStore as _, KeyStoreError as Desk, Vault};
use serde_json::Value;

/// The world's process.
struct World {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    node: String,
    genesis: Vec<u8>,
    frames: PathBuf,
}

impl World {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_world"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (commands, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut answers = BufReader::new(answers);
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        let genesis = fs::read(text("genesis")).unwrap();
        Self { process, commands, answers, node: text("node"), genesis, frames: text("frames").into() }
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A key store in software that misbehaves when told to.
struct SoftwareKeys {
    vault: Vault,
    manner: Mutex<String>,
}

impl SoftwareKeys {
    fn manner(&self) -> String {
        self.manner.lock().unwrap().clone()
    }
}

fn told<T>(answer: Result<T, Desk>) -> Result<T, KeyStoreError> {
    answer.map_err(|error| match error {
        Desk::Cancelled => KeyStoreError::Cancelled,
        Desk::Missing => KeyStoreError::Missing,
        Desk::Failed => KeyStoreError::Failed,
    })
}

impl KeyStore for SoftwareKeys {
    fn make_signing_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        told(self.vault.make_signing_key(name))
    }
    fn make_agreement_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        told(self.vault.make_agreement_key(name))
    }
    fn public_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        told(self.vault.public_key(name))
    }
    fn sign(&self, name: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        match &*self.manner() {
            "works" => told(self.vault.sign(name, message)),
            "cancels" => Err(KeyStoreError::Cancelled),
            "signs-wrongly" => told(self.vault.sign(name, b"something else".to_vec())),
            // Rust has no exceptions; a foreign one counts as failed.
            _ => Err(KeyStoreError::Failed),
        }
    }
    fn agree(&self, name: String, peer: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        told(self.vault.agree(name, peer))
    }
    fn keep_secret(&self, name: String, secret: Vec<u8>) -> Result<(), KeyStoreError> {
        told(self.vault.keep_secret(name, secret))
    }
    fn recall_secret(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        told(self.vault.recall_secret(name))
    }
    fn delete(&self, name: String) -> Result<(), KeyStoreError> {
        told(self.vault.delete(name))
    }
}

/// One wallet in one world.
struct Stage {
    world: World,
    folder: tempfile::TempDir,
    keys: Arc<SoftwareKeys>,
    wallet: Arc<Wallet>,
    patient: Arc<Patient>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::start(&folder.path().join("world"));
        let cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
        let vault = Vault::create_at_cost(&folder.path().join("keys"), b"p", cost).unwrap();
        let keys = Arc::new(SoftwareKeys { vault, manner: Mutex::new("works".to_owned()) });
        let (wallet, patient) = open(&world, folder.path(), &keys);
        Self { world, folder, keys, wallet, patient }
    }

    fn play(&mut self, step: &Value) -> Result<(), CountersignError> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        match text("do") {
            "follow" => self.wallet.follow(text("code"))?,
            "follow-pack" => self.wallet.follow_pack(text("code"))?,
            "sync" => while self.wallet.sync_step()? != SyncStep::Done {},
            "check" => expect(&self.patient.check_code(text("code"))?, step),
            "frame" => self.frame(step)?,
            "enrol" => {
                text("keys").clone_into(&mut self.keys.manner.lock().unwrap());
                let code = match text("code") {
                    "" => self.world.ask(&format!("code {} scenario", text("role"))),
                    code => code.to_owned(),
                };
                assert_eq!(self.wallet.enrol("signing", &code)?.identity, text("identity"), "{step}");
            }
            "memberships" => {
                let identities: Vec<Value> =
                    self.wallet.memberships()?.into_iter().map(|member| member.identity.into()).collect();
                assert_eq!(Value::Array(identities), step["identities"]);
            }
            "node" => {
                self.world.ask(text("command"));
            }
            "reopen" => (self.wallet, self.patient) = open(&self.world, self.folder.path(), &self.keys),
            other => panic!("no step is called {other}"),
        }
        assert!(step.get("error").is_none(), "went well: {step}");
        Ok(())
    }

    fn frame(&self, step: &Value) -> Result<(), CountersignError> {
        let file = fs::read(self.world.frames.join(step["file"].as_str().unwrap())).unwrap();
        let pixels = &file["P5\n1280 720\n255\n".len()..];
        let (name, answer) = match self.patient.check_frame(1280, 720, 1280, pixels)? {
            Sight::Nothing => ("nothing", None),
            Sight::HoldStill => ("hold-still", None),
            Sight::NotAPack => ("not-a-pack", None),
            Sight::Several => ("several", None),
            Sight::Pack { answer } => ("pack", Some(answer)),
        };
        assert_eq!(name, step["sight"], "{step}");
        if let Some(answer) = answer {
            expect(&answer, step);
        }
        Ok(())
    }
}

fn open(world: &World, folder: &Path, keys: &Arc<SoftwareKeys>) -> (Arc<Wallet>, Arc<Patient>) {
    let database = folder.join("wallet.db").to_string_lossy().into_owned();
    let keys: Arc<dyn KeyStore> = Arc::clone(keys) as Arc<dyn KeyStore>;
    let wallet = Arc::new(Wallet::open(database, &world.genesis, world.node.clone(), keys).unwrap());
    (Arc::clone(&wallet), Arc::new(Patient::new(wallet)))
}

fn expect(answer: &Answer, step: &Value) {
    let verdict = match answer.verdict {
        VerdictKind::Authentic => "authentic",
        VerdictKind::CannotTell => "cannot-tell",
        VerdictKind::CheckScan => "check-scan",
        VerdictKind::Attention => "attention",
        VerdictKind::Suspect => "suspect",
    };
    let reasons: Vec<Value> = answer.reasons.iter().map(|reason| reason.key.clone().into()).collect();
    assert_eq!(
        (verdict, &Value::Array(reasons)),
        (step["verdict"].as_str().unwrap(), &step["reasons"]),
        "{step}"
    );
}

fn name(error: &CountersignError) -> (&'static str, &str) {
    match error {
        CountersignError::Retry { .. } => ("retry", ""),
        CountersignError::Refused { reason } => ("refused", reason),
        CountersignError::Invalid { reason } => ("invalid", reason),
        CountersignError::Cancelled => ("cancelled", ""),
        CountersignError::KeyNeeded => ("key-needed", ""),
        CountersignError::KeyStoreFailed => ("key-store-failed", ""),
        CountersignError::Distrusted => ("distrusted", ""),
        CountersignError::Storage => ("storage", ""),
    }
}

#[test]
fn every_scenario_gives_the_answers_that_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut played = 0;
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let scenario: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let mut stage = Stage::new();
        for step in scenario["steps"].as_array().unwrap() {
            let Err(error) = stage.play(step) else { continue };
            let (name, reason) = name(&error);
            assert_eq!(Some(name), step["error"].as_str(), "{step}: {error}");
            let expected = step["reason"].as_str().unwrap_or(reason);
            assert_eq!(reason, expected, "{step}");
        }
        played += 1;
    }
    assert!(played >= 2, "the scenarios are gone");
}

//! The scenarios in `tests/scenarios`, played in Rust through the boundary that Kotlin and Swift see.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_core::{
    AccessState, Answer, Bedside, BedsideCommand, Clinician, Condition, Consent, CountersignError, Courier,
    DataOp, DataQuestion, Delivery, Domains, Fault, Field, FieldValue, Issuer, KeyStore, KeyStoreError,
    Level, LineMode, MedicalDocument, Meeting, NewRecordLine, NextStep, Outgoing, PackChecker,
    RecordQuestion, RecordStep, Records, RevocationCause, Scan, ScanResult, Suspicion, SyncStep, Text,
    TryCounter, VerdictKind, Wallet, data_accesses_screen, domains_screen, draw_code, fault_screen,
    trace_screen, verdict_screen,
};
use countersign_wallet::{Cost, KeyStore as _, KeyStoreError as Kept, Vault};
use serde_json::Value;

/// The world's process.
struct World {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    node: String,
    genesis: Vec<u8>,
    frames: PathBuf,
    /// The attribute authority: SPIFFE ID, address, TLS root.
    authority: (String, String, Vec<u8>),
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
        let root = fs::read(text("authority_root")).unwrap();
        let authority = (text("authority"), text("authority_address"), root);
        Self {
            process,
            commands,
            answers,
            node: text("node"),
            genesis,
            frames: text("frames").into(),
            authority,
        }
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl World {
    /// The pixels of a frame of 1280 by 720.
    fn frame(&self, name: &str) -> Vec<u8> {
        fs::read(self.frames.join(name)).unwrap().split_off("P5\n1280 720\n255\n".len())
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

fn told<T>(answer: Result<T, Kept>) -> Result<T, KeyStoreError> {
    answer.map_err(|error| match error {
        Kept::Cancelled => KeyStoreError::Cancelled,
        Kept::Missing => KeyStoreError::Missing,
        Kept::Failed => KeyStoreError::Failed,
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
    /// What hardware would prove: here, that the key was made for this challenge.
    fn attest(&self, name: String, challenge: Vec<u8>) -> Result<Vec<Vec<u8>>, KeyStoreError> {
        Ok(vec![told(self.vault.make_signing_key(name))?, challenge])
    }
    fn delete(&self, name: String) -> Result<(), KeyStoreError> {
        told(self.vault.delete(name))
    }
    fn delete_all(&self) -> Result<(), KeyStoreError> {
        told(self.vault.delete_all())
    }
}

/// One world, and what its people show each other.
struct Stage {
    world: World,
    folder: tempfile::TempDir,
    phones: HashMap<String, Phone>,
    /// What was shown on a screen, by the name that the scenario gives it.
    codes: HashMap<String, Vec<String>>,
    /// What was read from it.
    messages: HashMap<String, Vec<u8>>,
    /// Somebody who looks into other domains.
    across: Option<Across>,
}

/// Somebody who looks into other domains, by ledgers of their own.
struct Across {
    ledgers: Value,
    wallet: Arc<Wallet>,
    domains: Domains,
    /// The message that was said last.
    said: Vec<u8>,
}

impl Across {
    /// The address and the genesis file of a ledger.
    fn place(ledger: &Value) -> (&str, Vec<u8>) {
        (ledger["node"].as_str().unwrap(), fs::read(ledger["genesis"].as_str().unwrap()).unwrap())
    }
}

/// Somebody's wallet.
struct Phone {
    keys: Arc<SoftwareKeys>,
    wallet: Arc<Wallet>,
    patient: PackChecker,
    courier: Courier,
    issuer: Issuer,
    bedside: Bedside,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::start(&folder.path().join("world"));
        let (phones, codes, messages) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { world, folder, phones, codes, messages, across: None }
    }

    fn play(&mut self, step: &Value) -> Result<(), CountersignError> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let who = text("who").to_owned();
        if !self.phones.contains_key(&who) || text("do") == "reopen" {
            let phone = self.open(&who);
            self.phones.insert(who.clone(), phone);
        }
        let phone = &self.phones[&who];
        if let Some(manner) = step["keys"].as_str() {
            manner.clone_into(&mut phone.keys.manner.lock().unwrap());
        }
        match text("do") {
            "reopen" => {}
            "follow" => phone.wallet.follow(text("code"))?,
            "follow-pack" => phone.wallet.follow_pack(text("code"))?,
            "follow-unit" => phone.wallet.follow_unit(text("code"))?,
            "unfollow" => phone.wallet.unfollow(text("link"))?,
            "contents" => {
                phone.wallet.keep_contents(fs::read(self.world.frames.join(text("file"))).unwrap())?;
            }
            "sync" => while phone.wallet.sync_step()? != SyncStep::Done {},
            "check" => expect(&phone.patient.check_code(text("code"))?, step),
            "frame" => self.frame(phone, step)?,
            "photo" => {
                let rgba: Vec<u8> =
                    self.world.frame(text("file")).iter().flat_map(|&grey| [grey, grey, grey, 255]).collect();
                let ScanResult::Pack { answer } = phone.patient.check_photo(1280, 720, &rgba)? else {
                    panic!("no pack: {step}")
                };
                expect(&answer, step);
            }
            "enrol" => {
                let name = step["name"].as_str().unwrap_or("scenario");
                let code = match text("code") {
                    "" => self.world.ask(&format!("code {} {name}", text("role"))),
                    code => code.to_owned(),
                };
                let enrolled = phone.wallet.enrol("signing", &code)?;
                assert_eq!(enrolled.membership.identity, text("identity"), "{step}");
                assert_eq!(enrolled.attestation[1], code.into_bytes(), "{step}");
            }
            "memberships" => {
                let identities: Vec<Value> =
                    phone.wallet.memberships()?.into_iter().map(|member| member.identity.into()).collect();
                assert_eq!(Value::Array(identities), step["identities"]);
            }
            "settings" => {
                let told = phone.wallet.settings()?;
                let node = if told.node == self.world.node { "own" } else { told.node.as_str() };
                let members: Vec<Value> =
                    told.memberships.iter().map(|member| member.identity.clone().into()).collect();
                assert_eq!(
                    (node, told.following),
                    (text("node"), step["following"].as_u64().unwrap()),
                    "{step}"
                );
                assert_eq!(Value::Array(members), step["identities"], "{step}");
                assert_eq!(told.knowledge.checkpoint.is_some(), step["synced"], "{step}");
                assert_eq!(told.knowledge.age_millis.is_some(), step["synced"], "{step}");
                assert!(told.knowledge.age_millis.unwrap_or(0) < 3_600_000, "{step}");
                assert_eq!((told.knowledge.contradictions, told.knowledge.damaged), (0, false), "{step}");
                assert!(told.bytes > 20_000, "{step}");
            }
            "set-node" => {
                let own = text("node") == "own";
                phone.wallet.set_node(if own { self.world.node.clone() } else { text("node").into() })?;
            }
            "show-checkpoint" => {
                let codes = phone.wallet.checkpoint_codes()?;
                assert_eq!(codes.is_empty(), step["nothing"] == true, "{step}");
                self.codes.insert(text("as").into(), codes);
            }
            "compare" => {
                let note = match step["note"].as_str() {
                    Some(note) => note.to_owned(),
                    None => {
                        String::from_utf8(scanned(&phone.courier, &self.codes[text("with")], step)?).unwrap()
                    }
                };
                let finds = match phone.wallet.compare(&note)? {
                    Meeting::Same => "same",
                    Meeting::Older => "older",
                    Meeting::Newer => "newer",
                    Meeting::Contradicts => "contradicts",
                    Meeting::Nothing => "nothing",
                };
                assert_eq!(finds, text("finds"), "{step}");
            }
            "prepare" | "sign" => act(&phone.issuer, step)?,
            "node" => {
                self.world.ask(text("command"));
            }
            what if what.starts_with("pack-") => self.pack(&who, step)?,
            what if what.starts_with("record-") => self.record(&who, step)?,
            what if what.starts_with("clinician-") => self.clinician(&who, step)?,
            what if what.starts_with("bedside-") => self.bedside(&who, step)?,
            what if what.starts_with("domains-") => self.domains(&who, step)?,
            _ => self.hand_over(&who, step)?,
        }
        assert!(step.get("error").is_none(), "went well: {step}");
        Ok(())
    }

    /// What a phone remembers, what it is told later, and what it reports.
    fn pack(&mut self, who: &str, step: &Value) -> Result<(), CountersignError> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let phone = &self.phones[who];
        let patient = &phone.patient;
        let name = |link: &str| link.rsplit('/').next().unwrap_or_default().to_owned();
        let rows: Vec<Value> = match text("do") {
            "pack-remember" => return patient.remember(step["on"] == true),
            "pack-remembered" => {
                let told = patient.remembered()?;
                let expected = ["scanned", "kept"].map(|name| step[name].as_u64().unwrap());
                assert_eq!((Value::from(told.on), [told.scanned, told.kept]), (step["on"].clone(), expected));
                return Ok(());
            }
            "pack-seen" => {
                let seen = patient.seen();
                let keys = [seen.before, seen.hint].map(|text| text.map(|text| Value::from(text.key)));
                assert_eq!(keys, ["before", "hint"].map(|name| step.get(name).cloned()), "{step}");
                return Ok(());
            }
            "pack-keep" => return phone.wallet.keep(text("code")),
            "pack-forget" => return patient.forget(text("link")),
            "pack-erase" => return patient.erase_all(),
            "pack-report" => {
                let words = text("words").to_owned();
                let suspicion = Suspicion { words, place: None, photograph: None, answer: None };
                return patient.report(text("link"), suspicion);
            }
            "pack-send" => {
                let round = patient.send_reports()?;
                let expected = ["proven", "refused", "waiting"].map(|name| step[name].as_u64().unwrap());
                assert_eq!([round.proven, round.refused, round.waiting], expected, "{step}");
                return Ok(());
            }
            "pack-history" => {
                let kept = |kept| if kept { ", kept" } else { "" };
                let rows = patient.history()?.into_iter();
                rows.map(|row| format!("{}: {}{}", name(&row.link), row.title.key, kept(row.kept)).into())
                    .collect()
            }
            "pack-reports" => patient.reports()?.into_iter().map(|row| row.state.key.into()).collect(),
            "pack-told-office" => serde_json::from_str(&self.world.ask("reports")).unwrap(),
            "pack-notices" => {
                let mut rows = Vec::new();
                for notice in patient.notices()? {
                    patient.told(&notice.id)?;
                    assert_eq!(notice.neutral.key, "notice.neutral");
                    rows.push(
                        format!("{}: {}, {}", name(&notice.link), notice.line.key, notice.next.key).into(),
                    );
                }
                rows.sort_by_key(Value::to_string);
                rows
            }
            other => panic!("no step is called {other}"),
        };
        assert_eq!(Value::Array(rows), step["rows"], "{step}");
        Ok(())
    }

    fn hand_over(&mut self, who: &str, step: &Value) -> Result<(), CountersignError> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let courier = &self.phones[who].courier;
        match text("do") {
            "world-offer" => {
                let told = self.world.ask(&format!("offer {}", text("goods")));
                self.codes.insert(text("as").into(), serde_json::from_str(&told).unwrap());
            }
            "load" => {
                courier.load(text("goods"))?;
            }
            "offer" => {
                let to = step["to"].as_str().map(str::to_owned);
                let codes = courier.offer(text("goods"), to, Some("dock 4".into()))?.codes;
                self.codes.insert(text("as").into(), codes);
            }
            "scan" => {
                let message = scanned(courier, &self.codes[text("codes")], step)?;
                self.messages.insert(text("codes").into(), message);
            }
            "answer" => {
                let goods =
                    step["goods"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().into());
                let condition = match text("condition") {
                    "intact" => Condition::Intact,
                    "damaged" => Condition::Damaged { photo: b"a photo".to_vec() },
                    other => Condition::Refused { reason: other.into() },
                };
                let offer = self.messages[text("to")].clone();
                let codes = courier.answer(offer, goods.collect(), condition, None)?.codes;
                self.codes.insert(text("as").into(), codes);
            }
            "close" => {
                let goods = courier.close(self.messages[text("with")].clone())?;
                assert_eq!(goods.holder.as_deref(), step["holder"].as_str(), "{step}");
            }
            "same" => assert_eq!(self.codes[text("codes")], self.codes[text("and")], "{step}"),
            "dismiss" => {
                for handover in courier.pending()? {
                    courier.dismiss(&handover.id)?;
                }
                assert_eq!(courier.pending()?, []);
            }
            "goods" => {
                let rows = courier.goods()?.into_iter().map(|goods| {
                    let (holder, unit) = (goods.holder.unwrap(), goods.unit.unwrap());
                    format!("{holder}, {} of {}", unit.scanned, unit.packs).into()
                });
                assert_eq!(Value::Array(rows.collect()), step["rows"], "{step}");
            }
            "outbox" => {
                let rows = courier.outbox()?.into_iter();
                let rows: Vec<Value> = rows.map(|row| told_of(&row).into()).collect();
                assert_eq!(Value::Array(rows), step["rows"], "{step}");
            }
            "settle" => {
                let rows = courier.outbox()?;
                let refused =
                    rows.iter().find(|row| matches!(row.delivery, Delivery::Refused { .. })).unwrap();
                courier.settle(&refused.id)?;
            }
            "send" => {
                let round = courier.send()?;
                let counted = (round.proven, round.refused, round.waiting);
                let expected = ["proven", "refused", "waiting"].map(|name| step[name].as_u64().unwrap());
                assert_eq!(counted, expected.into(), "{step}");
            }
            "deliver" => {
                let (mut proven, mut refused) = (0, 0);
                loop {
                    let round = courier.send()?;
                    (proven, refused) = (proven + round.proven, refused + round.refused);
                    if round.waiting == 0 {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
                let expected = ["proven", "refused"].map(|name| step[name].as_u64().unwrap());
                assert_eq!((proven, refused), expected.into(), "{step}");
            }
            other => panic!("no step is called {other}"),
        }
        Ok(())
    }

    /// What was noted under the name that the scenario gives it: a record's number, a link, a label, a thread.
    fn noted(&self, step: &Value, name: &str) -> String {
        step[name].as_str().map(|name| self.codes[name][0].clone()).unwrap_or_default()
    }

    fn note(&mut self, step: &Value, what: String) {
        self.codes.insert(step["as"].as_str().unwrap().to_owned(), vec![what]);
    }

    fn record(&mut self, who: &str, step: &Value) -> Result<(), CountersignError> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let records = Records::new(Arc::clone(&self.phones[who].wallet));
        let (record, thread) = (self.noted(step, "record"), self.noted(step, "thread"));
        match text("do") {
            "record-begin" => {
                let begun = records.begin(&self.world.authority.0)?;
                self.note(step, begun);
            }
            "record-enrol" => {
                let name = if text("name").is_empty() { &record } else { text("name") };
                let code = self.world.ask(&format!("code patient {name}"));
                records.enrol(&record, &code)?;
            }
            "record-take" => {
                let holder: String =
                    records.holder(&record)?.iter().map(|byte| format!("{byte:02x}")).collect();
                let file = self.world.ask(&format!("document {record} {holder} {}", step["version"]));
                expect_document(&records.take(&record, fs::read(file).unwrap())?, step);
            }
            "record-share" => {
                let parts = parts(&records.document(&record)?, step);
                let mode = match text("mode") {
                    "at-once" => LineMode::AtOnce,
                    "ask" => LineMode::Ask,
                    _ => LineMode::Emergency,
                };
                let (is_private, policy) = (step["private"] == true, text("policy").to_owned());
                let label =
                    records.share(&record, NewRecordLine { is_private, policy, mode, minutes: 60, parts })?;
                self.note(step, label);
            }
            "record-set-parts" => {
                let parts = parts(&records.document(&record)?, step);
                records.set_parts(&record, &self.noted(step, "line"), parts)?;
            }
            "record-close" => records.close(&record, &self.noted(step, "line"))?,
            "record-open" => records.set_open(&record, step["open"] == true)?,
            "record-publish" => while records.step(&record)? != RecordStep::Done {},
            "record-link" => {
                let link = records.link(&record)?;
                self.note(step, link);
            }
            "record-paper" => {
                let paper = records.paper(&record)?;
                self.note(step, paper);
            }
            "record-restore" => {
                let paper = text("text").to_owned() + &self.noted(step, "paper");
                let restored = records.restore(&paper, &self.world.authority.0)?;
                self.note(step, restored);
            }
            "record-allow" => records.allow(&record, &thread)?,
            "record-allow-parts" => {
                let parts = parts(&records.document(&record)?, step);
                records.allow_parts(&record, &thread, parts)?;
            }
            "record-deny" => records.deny(&record, &thread)?,
            "record-withdraw" => records.withdraw(&record, &thread)?,
            "record-erase" => records.erase(&record)?,
            "record-accesses" => {
                let accesses = records.accesses(&record)?;
                let rows = accesses.list.into_iter().map(|access| {
                    let who = access.requester.map_or_else(|| "nobody".to_owned(), |who| who.identity);
                    let emergency = if access.emergency { ", emergency" } else { "" };
                    let (state, times) = (state(access.state), access.delivered_millis.len());
                    format!("{who}: {state}, delivered {times} times{emergency}").into()
                });
                assert_eq!(Value::Array(rows.collect()), step["rows"], "{step}");
            }
            "record-all" => {
                let rows = records.all()?.into_iter().map(|record| {
                    format!("version {}, {} lines", record.version.unwrap_or_default(), record.lines.len())
                        .into()
                });
                assert_eq!(Value::Array(rows.collect()), step["rows"], "{step}");
            }
            other => panic!("no step is called {other}"),
        }
        Ok(())
    }

    fn clinician(&mut self, who: &str, step: &Value) -> Result<(), CountersignError> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let (identity, address, root) = &self.world.authority;
        let wallet = Arc::clone(&self.phones[who].wallet);
        let clinician = Clinician::new(wallet, "signing".into(), identity, address, vec![root.clone()])?;
        let (record, thread) = (self.noted(step, "record"), self.noted(step, "thread"));
        match text("do") {
            "clinician-attributes" => {
                let registered = format!("attributes {} {}", text("member"), text("list"));
                assert_eq!(self.world.ask(&registered), "registered");
            }
            "clinician-add" => {
                let link =
                    if text("text").is_empty() { self.noted(step, "link") } else { text("text").to_owned() };
                clinician.add(&link)?;
            }
            "clinician-key" => {
                clinician.fetch_key()?;
                assert!(clinician.has_key()?);
            }
            "clinician-offers" => {
                let rows = clinician.offers(&record)?.into_iter().map(|offer| {
                    format!("{}: {}", offer.policy, if offer.fits { "fits" } else { "does not fit" }).into()
                });
                assert_eq!(Value::Array(rows.collect()), step["rows"], "{step}");
            }
            "clinician-ask" => {
                let question = RecordQuestion {
                    record,
                    label: step["line"].as_str().map(|_| self.noted(step, "line")),
                    is_private: step["private"] == true,
                    minutes: 30,
                    purpose: "TREAT".into(),
                    reason: step["reason"].as_str().map(str::to_owned),
                    name: "Dr. Ada".into(),
                };
                let thread = clinician.ask(question)?;
                self.note(step, thread);
            }
            "clinician-open" => expect_document(&clinician.open(&thread)?, step),
            "clinician-read" => expect_document(&clinician.read(&thread)?, step),
            "clinician-tidy" => assert_eq!(clinician.tidy()?, step["erased"].as_u64().unwrap(), "{step}"),
            "clinician-asked" => {
                let rows = clinician.asked()?.into_iter().map(|asked| {
                    let kept = if asked.kept { ", kept" } else { "" };
                    format!("{}{kept}", asked.state.map_or("unsent", state)).into()
                });
                assert_eq!(Value::Array(rows.collect()), step["rows"], "{step}");
            }
            other => panic!("no step is called {other}"),
        }
        Ok(())
    }

    fn bedside(&mut self, who: &str, step: &Value) -> Result<(), CountersignError> {
        const GATEWAY: &str = "spiffe://meds.example/bedside-gateway/north";
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let bedside = &self.phones[who].bedside;
        match text("do") {
            "bedside-device" => {
                let sid = self.world.ask(&format!("device {} {}", text("class"), step["patient"]));
                self.note(step, sid);
            }
            "bedside-badge" => {
                let badge = self.world.ask(&format!("badge {}", text("member")));
                self.note(step, badge);
            }
            "bedside-revoke" => {
                assert_eq!(self.world.ask(&format!("revoke {}", text("member"))), "revoked");
            }
            "bedside-take" => {
                let badge = text("text").to_owned() + &self.noted(step, "badge");
                assert_eq!(bedside.take(&badge, text("password"), TryCounter::KeyStore)?, GATEWAY);
            }
            "bedside-sign-in" => {
                let device = text("text").to_owned() + &self.noted(step, "device");
                let operations = step["operations"].as_array().unwrap().iter();
                let operations = operations.map(|one| one.as_str().unwrap().to_owned()).collect();
                let patient = u32::try_from(step["patient"].as_u64().unwrap_or_default()).unwrap();
                let signed_in =
                    bedside.sign_in(GATEWAY, text("password"), &device, operations, 30, patient)?;
                assert_eq!(Value::from(signed_in.operations), step["permits"], "{step}");
                assert_eq!(Value::from(signed_in.patient), step["with"], "{step}");
            }
            "bedside-reading" => {
                let reading = bedside.reading(1_000)?.unwrap();
                let told = (reading.metric.as_str(), reading.value.as_deref(), reading.unit.as_deref());
                assert_eq!(told, (text("metric"), Some(text("value")), Some(text("unit"))), "{step}");
                assert_eq!((reading.absent, reading.number, reading.missed), (None, 0, 0), "{step}");
            }
            "bedside-until-cut" => {
                for _ in 0..1_000 {
                    bedside.reading(1_000)?;
                }
            }
            "bedside-command" => {
                let operation = text("operation").to_owned();
                let (metric, unit, mantissa, exponent) = (157_784, 3_122, 125, -1);
                bedside.command(BedsideCommand { operation, metric, unit, mantissa, exponent })?;
                assert_eq!(self.world.ask("heard"), text("heard"), "{step}");
            }
            "bedside-change-password" => bedside.change_password(GATEWAY, text("old"), text("new"))?,
            "bedside-forget" => bedside.forget(GATEWAY)?,
            "bedside-gateways" => assert_eq!(Value::from(bedside.gateways()?), step["rows"], "{step}"),
            other => panic!("no step is called {other}"),
        }
        Ok(())
    }

    fn domains(&mut self, who: &str, step: &Value) -> Result<(), CountersignError> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        if text("do") == "domains-open" {
            let ledgers: Value = serde_json::from_str(&self.world.ask("domains")).unwrap();
            let (node, genesis) = Across::place(&ledgers["shared"]);
            let place = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
            let keys = Arc::clone(&self.phones[who].keys) as Arc<dyn KeyStore>;
            let wallet = Arc::new(Wallet::open(place("shared.db"), &genesis, node.to_owned(), keys)?);
            let domains = Domains::new(Arc::clone(&wallet), "signing".into(), place("domains"));
            self.across = Some(Across { ledgers, wallet, domains, said: Vec::new() });
            return Ok(());
        }
        let Across { ledgers, wallet, domains, said } = self.across.as_mut().unwrap();
        let data = || Ok::<_, CountersignError>(domains.view()?.data[0].key.clone());
        match text("do") {
            "domains-world" => {
                let answer = self.world.ask(&format!("domains {}", text("command")));
                assert!(step.get("answer").is_none_or(|expected| *expected == answer), "{step}: {answer}");
            }
            "domains-add" => {
                let (node, genesis) = Across::place(&ledgers[text("ledger")]);
                assert_eq!(domains.add(node, &genesis)?, text("domain"), "{step}");
            }
            "domains-remove" => domains.remove(text("domain"))?,
            "domains-enrol" => {
                let code = match text("code") {
                    "" => self.world.ask(&format!("domains code {} {}", text("role"), text("name"))),
                    code => code.to_owned(),
                };
                assert_eq!(domains.enrol(text("domain"), &code)?, text("member"), "{step}");
            }
            "domains-sync" => {
                domains.sync()?;
                while wallet.sync_step()? != SyncStep::Done {}
            }
            "domains-register" => domains.register()?,
            "domains-greet" => {
                let greeting = domains.greet(text("domain"))?;
                assert_eq!(format!("{:?}", greeting.step).to_lowercase(), text("step"), "{step}");
                *said = greeting.message;
            }
            "domains-exchange" => {
                let hex: String = said.iter().map(|byte| format!("{byte:02x}")).collect();
                let reply = self.world.ask(&format!("domains reply {hex}"));
                let pairs = reply.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
                let reply = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
                let next = domains.reply(reply)?;
                let name = next.as_ref().map(|next| format!("{:?}", next.step).to_lowercase());
                assert_eq!(name.unwrap_or_default(), text("step"), "{step}");
                *said = next.map(|next| next.message).unwrap_or_default();
            }
            "domains-ask" => {
                let operations =
                    step["operations"].as_array().unwrap().iter().map(|name| match name.as_str() {
                        Some("read") => DataOp::Read,
                        Some("derive") => DataOp::Derive,
                        other => panic!("no such operation: {other:?}"),
                    });
                let operations = operations.collect();
                let user = match text("user") {
                    "" => domains.view()?.people[0].user.clone(),
                    user => user.to_owned(),
                };
                let purpose = "HRESCH".to_owned();
                domains.ask(DataQuestion { key: data()?, user, operations, purpose, days: 7 })?;
            }
            "domains-revoke" => {
                let thread = domains.view()?.licences[0].thread.clone();
                domains.revoke(&thread, RevocationCause::Owner)?;
            }
            _ => shows(domains, step)?,
        }
        Ok(())
    }

    fn frame(&self, phone: &Phone, step: &Value) -> Result<(), CountersignError> {
        let pixels = self.world.frame(step["file"].as_str().unwrap());
        let (name, answer) = match phone.patient.check_frame(1280, 720, 1280, &pixels)? {
            ScanResult::Nothing => ("nothing", None),
            ScanResult::HoldStill => ("hold-still", None),
            ScanResult::Part { .. } => ("part", None),
            ScanResult::NotAPack => ("not-a-pack", None),
            ScanResult::Several => ("several", None),
            ScanResult::Pack { answer } => ("pack", Some(answer)),
        };
        assert_eq!(name, step["sight"], "{step}");
        if let Some(answer) = answer {
            expect(&answer, step);
        }
        Ok(())
    }

    fn open(&self, who: &str) -> Phone {
        let place = |kind: &str| self.folder.path().join(format!("wallet{who}.{kind}"));
        let fresh = || {
            let cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
            let vault = Vault::create_at_cost(&place("keys"), b"p", cost).unwrap();
            Arc::new(SoftwareKeys { vault, manner: Mutex::new("works".to_owned()) })
        };
        let keys = self.phones.get(who).map_or_else(fresh, |phone| Arc::clone(&phone.keys));
        let database = place("db").to_string_lossy().into_owned();
        let store: Arc<dyn KeyStore> = Arc::clone(&keys) as Arc<dyn KeyStore>;
        let (genesis, node) = (&self.world.genesis, self.world.node.clone());
        let wallet = Arc::new(Wallet::open(database, genesis, node, store).unwrap());
        let patient = PackChecker::new(Arc::clone(&wallet));
        let courier = Courier::new(Arc::clone(&wallet), "signing".into());
        let issuer = Issuer::new(Arc::clone(&wallet), "signing".into());
        let bedside = Bedside::new(Arc::clone(&wallet), "signing".into());
        Phone { keys, wallet, patient, courier, issuer, bedside }
    }
}

/// What the screens of somebody who looks into other domains show.
fn shows(domains: &Domains, step: &Value) -> Result<(), CountersignError> {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let data = || Ok::<_, CountersignError>(domains.view()?.data[0].key.clone());
    match text("do") {
        "domains-view" => {
            let screen = domains_screen(&domains.view()?);
            let names: Vec<Value> = screen.domains.into_iter().map(|line| line.domain.into()).collect();
            let next = format!("{:?}", screen.next).to_lowercase();
            assert_eq!((screen.who.key.as_str(), next.as_str()), (text("says"), text("next")), "{step}");
            assert_eq!(screen.problem.map(|text| text.key).unwrap_or_default(), text("problem"), "{step}");
            assert_eq!(Value::Array(names), step["domains"], "{step}");
        }
        "domains-licence" => {
            let licence = domains_screen(&domains.view()?).licences.remove(0);
            let reasons: Vec<Value> = licence.reasons.into_iter().map(|reason| reason.key.into()).collect();
            assert_eq!(
                (licence.state.key.as_str(), Value::Array(reasons)),
                (text("state"), step["reasons"].clone())
            );
            assert_eq!(Value::from(licence.causes.len()), step["causes"], "{step}");
        }
        "domains-accesses" => {
            let screen = data_accesses_screen(&domains.accesses(&data()?)?);
            let keys = |texts: Vec<Text>| texts.into_iter().map(|text| Value::from(text.key)).collect();
            let findings = screen.list.into_iter().map(|access| Value::Array(keys(access.findings)));
            assert_eq!(Value::Array(findings.collect()), step["findings"], "{step}");
            assert_eq!(screen.none.map(|text| text.key).unwrap_or_default(), text("none"), "{step}");
            assert_eq!(screen.warning.map(|text| text.key).unwrap_or_default(), text("warning"), "{step}");
        }
        "domains-trace" => {
            let rows = trace_screen(&domains.trace(&data()?)?).rows;
            let titles: Vec<Value> = rows.iter().map(|row| row.title.key.clone().into()).collect();
            let notes: Vec<Value> = rows.iter().map(|row| row.notes[0].key.clone().into()).collect();
            let rails: Vec<Value> = rows.into_iter().map(|row| row.rails.into()).collect();
            let told = [titles, rails, notes].map(Value::Array);
            assert_eq!(told, ["titles", "rails", "notes"].map(|name| step[name].clone()), "{step}");
        }
        other => panic!("no step is called {other}"),
    }
    Ok(())
}

/// Asks what would be signed, or signs it.
fn act(issuer: &Issuer, step: &Value) -> Result<(), CountersignError> {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let level = match text("level") {
        "" => None,
        "product" => Some(Level::Product),
        "lot" => Some(Level::Lot),
        other => panic!("no such level: {other}"),
    };
    let says = |word: &str| step["consent"].as_array().is_some_and(|words| words.contains(&word.into()));
    let consent = Consent { irrevocable: says("irrevocable"), unknown: says("unknown") };
    let fields = step["fields"].as_object().into_iter().flatten().map(|(name, value)| Field {
        name: name.clone(),
        value: FieldValue::Text(value.as_str().unwrap().into()),
    });
    let (kind, code) = (text("kind"), text("code"));
    let act = match text("do") {
        "prepare" => issuer.prepare(kind, code, level, consent)?,
        _ => issuer.sign(kind, code, level, fields.collect(), consent)?.act,
    };
    let told = match act.level {
        Level::Product => "product",
        Level::Lot => "lot",
        Level::Pack => "pack",
        Level::Unit => "unit",
        Level::Matter => "matter",
    };
    assert_eq!((&*act.link, told), (text("link"), text("about")), "{step}");
    assert_eq!(act.irrevocable, step["irrevocable"], "{step}");
    Ok(())
}

/// Draws the codes, and holds each before the camera until the message is whole.
fn scanned(courier: &Courier, codes: &[String], step: &Value) -> Result<Vec<u8>, CountersignError> {
    let mut parts = Vec::new();
    for code in codes {
        let drawing = draw_code(code, 4).unwrap();
        match courier.scan_frame(drawing.width, drawing.height, drawing.width, &drawing.luma)? {
            Scan::Part { have, need } => parts.push((have, need)),
            Scan::Offered { offer } => {
                assert_eq!((&step["sees"], &step["giver"]), (&"offer".into(), &offer.giver.into()), "{step}");
                assert_eq!(step["hops"], offer.hops, "{step}");
                assert!(!offer.contradicts && parts.is_sorted(), "{step}");
                return Ok(offer.message);
            }
            Scan::Checkpoint { note } => {
                assert_eq!(step["sees"], "checkpoint", "{step}");
                return Ok(note.into_bytes());
            }
            Scan::Answered { message } => {
                assert_eq!(step["sees"], "answer", "{step}");
                return Ok(message);
            }
            other => panic!("{other:?}: {step}"),
        }
    }
    panic!("the codes are no whole message: {step}");
}

fn told_of(row: &Outgoing) -> String {
    let kind = &row.kind;
    let because = row.cause.as_ref().map_or_else(String::new, |cause| format!(" because {}", cause.reason));
    match &row.delivery {
        Delivery::Waiting => format!("{kind} waiting"),
        Delivery::Sent => format!("{kind} sent"),
        Delivery::Refused { reason, next } => {
            let next = match next {
                NextStep::ConflictRecorded => "conflict-recorded",
                NextStep::HandOverAgain => "hand-over-again",
                NextStep::AskOffice => "ask-office",
            };
            format!("{kind} refused {reason} {next}{because}")
        }
    }
}

fn expect(answer: &Answer, step: &Value) {
    let screen = verdict_screen(answer);
    shown(&[screen.title, screen.reason, screen.next], step);
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
    // Each time it came into somebody's hands with its unit: how much of that was scanned.
    let units = answer.history.iter().filter_map(|event| event.unit);
    let units: Vec<Value> = units.map(|unit| format!("{} of {}", unit.scanned, unit.packs).into()).collect();
    assert_eq!(
        Value::Array(units),
        step.get("units").cloned().unwrap_or_else(|| Value::Array(vec![])),
        "{step}"
    );
}

/// The parts of the sections that a step names.
fn parts(document: &MedicalDocument, step: &Value) -> Vec<u8> {
    let titles: Vec<&str> =
        step["sections"].as_array().unwrap().iter().map(|title| title.as_str().unwrap()).collect();
    let named = document.sections.iter().filter(|section| titles.contains(&section.title.as_str()));
    named.map(|section| section.part).collect()
}

fn expect_document(document: &MedicalDocument, step: &Value) {
    let mut titles: Vec<Value> =
        document.sections.iter().map(|section| section.title.clone().into()).collect();
    titles.sort_by_key(Value::to_string);
    assert_eq!(Value::Array(titles), step["sections"], "{step}");
    assert_eq!(u64::from(document.withheld), step["withheld"].as_u64().unwrap_or_default(), "{step}");
    assert_eq!((document.not_delivered, document.title.as_str()), (0, "Patient summary"), "{step}");
    assert_eq!(document.signer, "spiffe://meds.example/doctor/grace", "{step}");
}

fn state(state: AccessState) -> &'static str {
    match state {
        AccessState::Waiting => "waiting",
        AccessState::Granted => "granted",
        AccessState::Denied => "denied",
        AccessState::Withdrawn => "withdrawn",
        AccessState::Ended => "ended",
    }
}

/// The keys of a screen's texts, where a step names them.
fn shown(texts: &[Text], step: &Value) {
    let keys: Vec<&str> = texts.iter().map(|text| text.key.as_str()).collect();
    assert!(step.get("screen").is_none_or(|screen| *screen == serde_json::json!(keys)), "{keys:?}: {step}");
}

fn name(error: &CountersignError) -> (&'static str, &str) {
    match error {
        CountersignError::Retry { .. } => ("retry", ""),
        CountersignError::NoGateway => ("no-gateway", ""),
        CountersignError::Refused { reason } => ("refused", reason),
        CountersignError::Invalid { reason } => ("invalid", reason),
        CountersignError::ConsentNeeded { reason } => ("consent-needed", reason),
        CountersignError::Cancelled => ("cancelled", ""),
        CountersignError::KeyNeeded => ("key-needed", ""),
        CountersignError::KeyStoreFailed => ("key-store-failed", ""),
        CountersignError::Distrusted => ("distrusted", ""),
        CountersignError::Clock => ("clock", ""),
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
            let screen = fault_screen(Fault::Failed { error });
            shown(&[screen.title, screen.text], step);
        }
        played += 1;
    }
    assert!(played >= 4, "the scenarios are gone");
}

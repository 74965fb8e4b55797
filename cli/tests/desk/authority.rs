//! An attribute authority's process beside a node's: begun and managed by commands, and killed again and again.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_ledger::certificate::request;
use countersign_ledger::{
    Certificate, Genesis, Hash, Identity, LogName, Signer as _, SoftwareKey, Statement, UnixMillis,
};
use countersign_records::rules::{AUTHORITY, DOCTOR, OWNER};
use countersign_records::{Ask, Index, KeyAsk, RecordId, SHARED, Vouch, open_key};
use countersign_wallet::{Client, Https};
use serde_json::Value;

use crate::tried::{Tried, size};
use crate::{COUNTERSIGN, NodeProcess, countersign, succeed};

const LOGS: &str = "\
    [[log]]\nname = \"trust\"\nheld = \"whole\"\n\
    [[log]]\nname = \"supply\"\nheld = \"followed\"\ndomain = \"meds.example\"\n\
    [[log]]\nname = \"records-full\"\nheld = \"followed\"\ndomain = \"meds.example\"\n\
    [[log]]\nname = \"records-shared\"\nheld = \"followed\"\ndomain = \"meds.example\"\n";

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn fresh_key() -> SoftwareKey {
    SoftwareKey::from_bytes(&random::<32>()).unwrap()
}

fn now() -> UnixMillis {
    countersign_node::system_clock()()
}

struct Member {
    key: SoftwareKey,
    certificate: Certificate,
}

/// A node with logs for records, and an authority that was begun beside it.
struct Town {
    folder: tempfile::TempDir,
    node: NodeProcess,
    client: Client,
    port: u16,
}

/// An authority's process, killed without warning when dropped.
struct AuthorityProcess {
    child: Child,
    http: reqwest::blocking::Client,
    address: String,
}

impl Drop for AuthorityProcess {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

impl AuthorityProcess {
    /// The status and the body of an answer; nothing once it was killed.
    fn post(&self, path: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let answer = self.http.post(format!("{}{path}", self.address)).body(body.to_vec()).send().ok()?;
        Some((answer.status().as_u16(), answer.bytes().ok()?.to_vec()))
    }
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("node.toml");
        let text = "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\n";
        fs::write(
            &config,
            format!("{text}{LOGS}[record_store]\nname = \"cloud\"\n[limits]\nwrites_per_second = 1000\n"),
        )
        .unwrap();
        let node = NodeProcess::start(&config);
        let genesis = Genesis::parse(&fs::read(folder.path().join("data/genesis.json")).unwrap()).unwrap();
        let client = Client::new(Https::new(&node.address, &genesis).unwrap());
        let town = Self { folder, node, client, port: 0 };
        let example = town.authority(&["example"]);
        let own = example
            .replace("https://127.0.0.1:8443", &town.node.address)
            .replace("127.0.0.1:8445", &format!("127.0.0.1:{}", town.port));
        fs::write(town.config(), own).unwrap();
        let code = town.code(AUTHORITY, "clinics");
        let said = town.authority(&["init", code.trim()]);
        assert!(said.starts_with("enrolled as spiffe://meds.example/attribute-authority/clinics"), "{said}");
        town
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("authority.toml")
    }

    fn arguments<'a>(config: &'a str, command: &[&'a str]) -> Vec<&'a str> {
        [&["authority", "--config", config], command].concat()
    }

    fn authority(&self, command: &[&str]) -> String {
        let config = self.config();
        succeed(self.folder.path(), &Self::arguments(config.to_str().unwrap(), command))
    }

    /// Why a command fails.
    fn failed(&self, command: &[&str]) -> String {
        let config = self.config();
        let output = countersign(self.folder.path(), &Self::arguments(config.to_str().unwrap(), command));
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn code(&self, role: &str, name: &str) -> String {
        let config = self.folder.path().join("node.toml");
        succeed(self.folder.path(), &["node", "--config", config.to_str().unwrap(), "code", role, name])
    }

    fn enrol(&self, role: &str, name: &str) -> Member {
        let key = fresh_key();
        let der = self.client.enrol(self.code(role, name).trim(), &request(&key).unwrap()).unwrap();
        Member { key, certificate: Certificate::from_der(&der).unwrap() }
    }

    fn run(&self) -> AuthorityProcess {
        let log = self.folder.path().join("authority.log");
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut child = Command::new(COUNTERSIGN)
            .args(["authority", "run", "--config"])
            .arg(self.config())
            .env("COUNTERSIGN_PASSPHRASE", "correct horse battery")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().find(|word| word.starts_with("https://"));
        let said = || fs::read_to_string(self.folder.path().join("authority.log")).unwrap();
        let address = address.unwrap_or_else(|| panic!("{line} {}", said())).to_owned();
        let root = fs::read(self.folder.path().join("authority/keys/tls-root.crt")).unwrap();
        let root = reqwest::Certificate::from_der(&root).unwrap();
        let http = reqwest::blocking::Client::builder().tls_certs_only([root]).build().unwrap();
        AuthorityProcess { child, http, address }
    }

    /// A record without lines, whose owner may be asked.
    fn record(&self) -> RecordId {
        let id = RecordId(random());
        let owner = self.enrol(OWNER, &id.to_string());
        let index = Index {
            wrap: 1,
            version: 1,
            document: Hash([2; 32]),
            agree: fresh_key().public_key(),
            store: "spiffe://meds.example/record-store/cloud".to_owned(),
            open: true,
            lines: Vec::new(),
        };
        let draft = index.draft(&id, None, vec![1; 64]);
        self.submit(&draft.sign(&owner.certificate, &owner.key, now(), random()).unwrap());
        id
    }

    fn submit(&self, statement: &Statement) {
        self.client.submit(shared(), statement.as_bytes()).unwrap();
    }
}

fn shared() -> LogName {
    SHARED.unwrap()
}

fn vouch(doctor: &Member, record: &RecordId) -> Vec<u8> {
    let ask = Ask {
        holder: fresh_key().public_key(),
        label: None,
        until: UnixMillis(now().0 + 1_800_000),
        purpose: "TREAT".to_owned(),
        reason: None,
        name: "Dr. Ada".to_owned(),
    };
    let ask = ask.draft(record).sign(&doctor.certificate, &doctor.key, now(), random()).unwrap();
    let message = Vouch {
        log: shared(),
        ask: ask.as_bytes().to_vec(),
        certificate: doctor.certificate.as_der().to_vec(),
        policy: None,
    };
    message.to_bytes()
}

/// Asks until the authority has seen the ledger and published its key.
fn key(running: &AuthorityProcess, doctor: &Member) -> Vec<u8> {
    let authority = Identity::new("meds.example", AUTHORITY, "clinics").unwrap();
    for _ in 0..100 {
        let agreement = fresh_key();
        let draft = KeyAsk::draft(&authority, &agreement.public_key());
        let ask = draft.sign(&doctor.certificate, &doctor.key, now(), random()).unwrap();
        let ask = KeyAsk { ask: ask.as_bytes().to_vec(), certificate: doctor.certificate.as_der().to_vec() };
        match running.post("/keys", &ask.to_bytes()).unwrap() {
            (200, sealed) => return open_key(&sealed, &authority, &agreement).unwrap().to_vec(),
            (503, _) => std::thread::sleep(Duration::from_millis(100)),
            (status, problem) => panic!("{status} {}", String::from_utf8_lossy(&problem)),
        }
    }
    panic!("the authority gives no key");
}

#[test]
fn an_authority_is_begun_and_its_register_kept_by_commands() {
    let town = Town::new();
    let ada = "spiffe://meds.example/doctor/ada";
    let said = town.authority(&["register", ada, "role: cardiologist", "hospital: A"]);
    assert_eq!(said, format!("{ada}: hospital: A, role: cardiologist\n"));
    for (attribute, why) in [
        (
            "ward: 3",
            "`ward` is no label of this authority: its configuration's [vocabulary] has hospital, role",
        ),
        ("member: x", "the authority gives `member` by itself"),
        ("cardiologist", "an attribute is `label: value`"),
    ] {
        let said = town.failed(&["register", ada, attribute]);
        assert!(said.contains(why) && said.lines().count() == 1, "{said}");
    }
    let listed: Value = serde_json::from_str(&town.authority(&["members", "--json"])).unwrap();
    assert_eq!(listed["attributes"], serde_json::json!(["hospital: A", "role: cardiologist"]));
    let other = town.code(DOCTOR, "eve");
    // The code is for another role: what was begun stays what it is.
    assert!(town.failed(&["init", other.trim()]).contains("the code was for the role `doctor`"));

    let running = town.run();
    assert!(town.failed(&["run"]).contains("another process is running"));
    let doctor = town.enrol(DOCTOR, "ada");
    assert!(!key(&running, &doctor).is_empty());
    // While it runs.
    assert!(town.authority(&["unregister", ada]).contains("registered no longer"));
    assert!(town.failed(&["unregister", ada]).contains("is not registered"));
    assert_eq!(town.authority(&["members"]), "");
}

#[test]
fn killed_while_it_vouches_an_authority_forgets_no_slot_that_it_has_given() {
    let tried = Tried::new("kill -9 of an authority's process, a doctor asking", "requests that it signed");
    let town = Town::new();
    let ada = town.enrol(DOCTOR, "ada");
    town.authority(&["register", ada.certificate.identity().as_str(), "role: cardiologist"]);
    for _ in 0..size(4, 30) {
        let record = town.record();
        // A day of this record, over several lives of the authority.
        let mut signed: Vec<Statement> = Vec::new();
        let mut unanswered: Vec<Vec<u8>> = Vec::new();
        while signed.len() < 12 {
            let running = town.run();
            key(&running, &ada);
            for body in std::mem::take(&mut unanswered) {
                // What was asked in the life before is answered, the same or anew.
                let (status, request) = running.post("/vouch", &body).unwrap();
                assert_eq!(status, 200);
                signed.push(Statement::parse(&request).unwrap());
            }
            let pause = Duration::from_millis(u64::from(random::<1>()[0]) / 4);
            let id = running.child.id().to_string();
            let killer = std::thread::spawn(move || {
                std::thread::sleep(pause);
                assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
            });
            for _ in 0..4 {
                let body = vouch(&ada, &record);
                match running.post("/vouch", &body) {
                    Some((200, request)) => {
                        let request = Statement::parse(&request).unwrap();
                        signed.push(request);
                    }
                    Some((status, _)) => panic!("{status}"),
                    None => {
                        unanswered.push(body);
                        break;
                    }
                }
            }
            killer.join().unwrap();
            tried.times(1);
        }
        // Each slot was given once, or the ledger would refuse the second.
        let mut lost = 0;
        for request in &signed {
            lost += usize::from(town.client.submit(shared(), request.as_bytes()).is_err());
        }
        tried.looked_up(signed.len(), lost);
        assert_eq!(lost, 0);
    }
}

#[test]
fn what_is_wrong_before_it_runs_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("authority.toml");
    let failed = |command: &[&str]| {
        let output = countersign(folder.path(), &Town::arguments(config.to_str().unwrap(), command));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.lines().count() == 1, "{said}");
        said
    };
    assert!(failed(&["run"]).contains("`countersign authority example` prints one to start from"));
    let example = succeed(folder.path(), &["authority", "example"]);
    fs::write(&config, &example).unwrap();
    assert!(failed(&["run"]).contains("this service has not begun: `countersign authority init CODE`"));
    assert!(failed(&["init", "x"]).contains("genesis.json"));
    fs::write(&config, example.replace("\nrole =", "\nepoch =")).unwrap();
    assert!(failed(&["run"]).contains("the vocabulary's label `epoch`"));
}

//! A node's process is killed with writers on it, again and again: whatever it has acknowledged is there when it starts again,
//! once, and where it was said to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_ledger::certificate::request;
use countersign_ledger::{
    Certificate, Draft, Fields, Genesis, Hash, Kind, LogName, SoftwareKey, Statement, Subject, TileKind,
    TilePath, TrustedCheckpoint, UnixMillis, cbor,
};
use countersign_wallet::{Client, ClientError, Https, Method, Request, Transport as _};
use minicbor::Decoder;

use crate::tried::{Tried, size};
use crate::{COUNTERSIGN, NodeProcess, countersign, succeed};

const CONFIG: &str = "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\n\
     [limits]\naddress_percent = 100\nwrites_per_second = 1000000\nwrite_burst = 1000000\n";
/// Statements in a request of many.
const BATCH: usize = 40;
const ACKNOWLEDGED: &str = "acknowledged statements";

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// So many milliseconds, of this range.
fn some(least: u64, most: u64) -> Duration {
    Duration::from_millis(least + u64::from(u32::from_be_bytes(random())) % (most - least))
}

fn now() -> UnixMillis {
    countersign_node::system_clock()()
}

/// A member who writes.
struct Writer {
    key: SoftwareKey,
    certificate: Certificate,
}

impl Writer {
    /// A request for material: the first statement on a lot of its own.
    fn statement(&self) -> Statement {
        let lot = u64::from_be_bytes(random());
        let fields = Fields::new().with("to", "spiffe://meds.example/supplier/s").with("materials", "starch");
        let draft = Draft {
            kind: Kind::new("medicine.material-request").unwrap(),
            subject: Subject::new(format!("https://id.gs1.org/01/09506000134352/10/{lot:X}")).unwrap(),
            fields,
            prev: None,
            links: Vec::new(),
            sealed: None,
        };
        draft.sign(&self.certificate, &self.key, now(), random()).unwrap()
    }

    /// Writes one statement after the other until nobody answers, and returns those that were acknowledged and their places.
    fn write(&self, https: Https) -> Vec<(Hash, u64)> {
        let client = Client::new(https);
        let mut acknowledged = Vec::new();
        loop {
            let statement = self.statement();
            match client.submit(LogName::SUPPLY, statement.as_bytes()) {
                Ok(told) => acknowledged.push((statement.id(), told.index)),
                Err(ClientError::Transport(_)) => return acknowledged,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The same with many at a time; and those of which nothing was heard.
    fn write_many(&self, https: &Https) -> (Vec<(Hash, u64)>, Vec<Statement>) {
        let mut acknowledged = Vec::new();
        loop {
            let batch: Vec<_> = (0..BATCH).map(|_| self.statement()).collect();
            match submit_all(https, &batch) {
                Some(places) => acknowledged.extend(batch.iter().map(Statement::id).zip(places)),
                None => return (acknowledged, batch),
            }
        }
    }
}

/// The places of statements that were sent in one request; `None` if there is no answer.
fn submit_all(https: &Https, batch: &[Statement]) -> Option<Vec<u64>> {
    let body = cbor::encode(|e| {
        e.array(batch.len() as u64)?;
        batch.iter().try_for_each(|one| e.bytes(one.as_bytes())?.ok())
    });
    let (path, content_type) = ("/supply/batch".into(), Some("application/cbor"));
    let (range, token, limit) = (None, None, 1 << 20);
    let request = Request { method: Method::Post, path, range, token, content_type, body: &body, limit };
    let answer = https.send(&request).ok()?;
    assert_eq!(answer.status, 200);
    let mut d = Decoder::new(&answer.body);
    assert_eq!(d.array().unwrap(), Some(batch.len() as u64));
    let place = |d: &mut Decoder<'_>| {
        assert_eq!(d.array().unwrap(), Some(2), "refused");
        (d.u64().unwrap(), d.u64().unwrap()).0
    };
    Some(batch.iter().map(|_| place(&mut d)).collect())
}

/// A node's folder, and those who write.
struct Stage {
    folder: tempfile::TempDir,
    config: PathBuf,
    genesis: Genesis,
    writers: Vec<Writer>,
    /// All that was acknowledged so far.
    acknowledged: BTreeMap<Hash, u64>,
    /// The newest checkpoint that anybody was shown.
    seen: Option<TrustedCheckpoint>,
    lost: usize,
}

impl Stage {
    fn new(writers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("node.toml");
        fs::write(&config, CONFIG).unwrap();
        let node = NodeProcess::start(&config);
        let genesis = Genesis::parse(&fs::read(folder.path().join("data/genesis.json")).unwrap()).unwrap();
        let client = Client::new(Https::new(&node.address, &genesis).unwrap());
        let enrol = |number: usize| {
            let member = ["code", "manufacturer", &format!("writer-{number}")].map(str::to_owned);
            let code = succeed(folder.path(), &arguments(&config, &member.each_ref().map(String::as_str)));
            let key = SoftwareKey::from_bytes(&random::<32>()).unwrap();
            let der = client.enrol(code.trim(), &request(&key).unwrap()).unwrap();
            Writer { key, certificate: Certificate::from_der(&der).unwrap() }
        };
        let writers = (0..writers).map(enrol).collect();
        Self { folder, config, genesis, writers, acknowledged: BTreeMap::new(), seen: None, lost: 0 }
    }

    fn https(&self, node: &NodeProcess) -> Https {
        Https::within(&node.address, &self.genesis, Duration::from_secs(20)).unwrap()
    }

    fn trusted(&self, client: &Client) -> TrustedCheckpoint {
        let note = client.checkpoint(LogName::SUPPLY).unwrap();
        self.genesis.trust_anchors().unwrap().0.trust(&note).unwrap()
    }

    /// Looks up what a node has acknowledged before it was killed: after its start each statement is in its place, and the log
    /// extends the one that was shown.
    fn look_up(&mut self, node: &NodeProcess, acknowledged: &[(Hash, u64)], tried: &Tried) {
        let client = Client::new(self.https(node));
        let newer = self.trusted(&client);
        if let Some(seen) = self.seen.take() {
            let (old, new) = (seen.checkpoint().size(), newer.checkpoint().size());
            assert!(old <= new, "{old} entries were shown, and here are {new}");
            seen.advance(newer.clone(), &client.consistency(LogName::SUPPLY, old, new).unwrap()).unwrap();
        }
        let from = acknowledged.iter().map(|(_, index)| *index).min().unwrap_or(0);
        let ordered = ordered(&client, from, newer.checkpoint().size());
        let lost = acknowledged.iter().filter(|(id, index)| ordered.get(index) != Some(id)).count();
        tried.looked_up(acknowledged.len(), lost);
        self.lost += lost;
        self.acknowledged.extend(acknowledged.iter().copied());
        self.seen = Some(newer);
    }

    /// At the end: nothing was lost at any time, nor since, no statement stands twice, and all of it is whole.
    fn is_whole(&self) {
        let node = NodeProcess::start(&self.config);
        let client = Client::new(self.https(&node));
        let ordered = ordered(&client, 0, self.trusted(&client).checkpoint().size());
        let ids: BTreeSet<_> = ordered.values().collect();
        assert_eq!(ids.len(), ordered.len(), "a statement stands twice");
        let lost = self.acknowledged.iter().filter(|(id, index)| ordered.get(index) != Some(id)).count();
        assert_eq!((self.lost, lost), (0, 0), "of {}", self.acknowledged.len());
        drop(node);
        let said = succeed(self.folder.path(), &arguments(&self.config, &["verify"]));
        assert!(said.ends_with("Whole.\n"), "{said}");
    }
}

/// A node's command.
fn arguments<'a>(config: &'a Path, command: &[&'a str]) -> Vec<&'a str> {
    [&["node", "--config", config.to_str().unwrap()], command].concat()
}

/// The ids of a log's statements by their places, from the bundle that holds `from` on.
fn ordered(client: &Client, from: u64, size: u64) -> BTreeMap<u64, Hash> {
    let mut ordered = BTreeMap::new();
    for tile in from / 256..size.div_ceil(256) {
        let path = TilePath::at_size(TileKind::Bodies, tile, size).unwrap();
        let bodies = client.bodies(LogName::SUPPLY, &path).unwrap();
        ordered.extend((256 * tile..).zip(bodies.iter().map(|body| Hash::of(body))));
    }
    ordered
}

#[test]
fn killed_under_writers_over_https_a_node_has_lost_nothing_that_it_acknowledged() {
    let tried = Tried::new("kill -9 of a node's process, writers over HTTPS", ACKNOWLEDGED);
    let mut stage = Stage::new(size(4, 16));
    let mut last = Vec::new();
    for kills in 0..=size(4, 60) {
        let node = NodeProcess::start(&stage.config);
        stage.look_up(&node, &last, &tried);
        if kills == size(4, 60) {
            break;
        }
        last = std::thread::scope(|scope| {
            let write = |writer| {
                let https = stage.https(&node);
                scope.spawn(move || Writer::write(writer, https))
            };
            let writers: Vec<_> = stage.writers.iter().map(write).collect();
            std::thread::sleep(some(200, 1500));
            drop(node);
            tried.times(1);
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
        });
        assert!(!last.is_empty());
    }
    stage.is_whole();
}

#[test]
fn killed_in_requests_of_many_statements_a_node_completes_them_when_they_are_sent_again() {
    let tried = Tried::new("kill -9 of a node's process, many statements a request", ACKNOWLEDGED);
    let mut stage = Stage::new(size(2, 6));
    let (mut last, mut unheard): (Vec<(Hash, u64)>, Vec<Vec<Statement>>) = Default::default();
    let mut cut = 0;
    for kills in 0..=size(3, 40) {
        let node = NodeProcess::start(&stage.config);
        stage.look_up(&node, &last, &tried);
        for batch in unheard {
            // Some of it may stand already: each is told its place.
            let places = submit_all(&stage.https(&node), &batch).unwrap();
            let told: Vec<_> = batch.iter().map(Statement::id).zip(places).collect();
            cut += told
                .iter()
                .filter(|(_, index)| *index < stage.seen.as_ref().unwrap().checkpoint().size())
                .count();
            stage.look_up(&node, &told, &tried);
        }
        if kills == size(3, 40) {
            break;
        }
        (last, unheard) = std::thread::scope(|scope| {
            let write = |writer| {
                let https = stage.https(&node);
                scope.spawn(move || Writer::write_many(writer, &https))
            };
            let writers: Vec<_> = stage.writers.iter().map(write).collect();
            std::thread::sleep(some(200, 1500));
            drop(node);
            tried.times(1);
            let told: (Vec<_>, Vec<_>) = writers.into_iter().map(|writer| writer.join().unwrap()).unzip();
            (told.0.concat(), told.1)
        });
    }
    println!("{cut} statements were ordered in requests that were never answered");
    stage.is_whole();
}

#[test]
fn killed_in_a_backup_a_node_has_lost_nothing_and_what_is_unfinished_is_no_backup() {
    let tried = Tried::new("kill -9 of a node's process during a backup, writers over HTTPS", ACKNOWLEDGED);
    let mut stage = Stage::new(size(2, 6));
    let (mut last, mut whole) = (Vec::new(), 0);
    for kills in 0..=size(3, 40) {
        let node = NodeProcess::start(&stage.config);
        stage.look_up(&node, &last, &tried);
        if kills == size(3, 40) {
            break;
        }
        let (backup, elsewhere) =
            ["backup", "elsewhere"].map(|name| stage.folder.path().join(format!("{name}-{kills}"))).into();
        // What is restored goes on from what was signed before.
        let (data, restored) = (stage.folder.path().join("data"), elsewhere.join("data"));
        copy(&data.join("keys"), &restored.join("keys"));
        fs::copy(data.join("last-signed"), restored.join("last-signed")).unwrap();
        let before = stage.acknowledged.clone();
        let made = std::thread::scope(|scope| {
            let write = |writer| {
                let https = stage.https(&node);
                scope.spawn(move || Writer::write(writer, https))
            };
            let writers: Vec<_> = stage.writers.iter().map(write).collect();
            std::thread::sleep(some(100, 400));
            let made = start_backup(&stage.config, &backup);
            std::thread::sleep(some(0, 60));
            drop(node);
            tried.times(1);
            last = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
            made.wait_with_output().unwrap().status.success()
        });
        whole += usize::from(is_restored(&elsewhere, &backup, &before));
        assert!(!made || backup.join("genesis.json").is_file());
    }
    println!("{whole} backups were whole");
    stage.is_whole();
}

fn start_backup(config: &Path, to: &Path) -> Child {
    Command::new(COUNTERSIGN)
        .args(arguments(config, &["backup", to.to_str().unwrap()]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Whether a backup can be restored. Then all that was acknowledged before is in it; if not, nothing is left of it.
fn is_restored(elsewhere: &Path, backup: &Path, before: &BTreeMap<Hash, u64>) -> bool {
    let config = elsewhere.join("node.toml");
    fs::write(&config, CONFIG).unwrap();
    let restored = countersign(elsewhere, &arguments(&config, &["restore", backup.to_str().unwrap()]));
    if !restored.status.success() {
        assert!(!elsewhere.join("data/ledger.sqlite").exists());
        return false;
    }
    let node = NodeProcess::start(&config);
    let genesis = Genesis::parse(&fs::read(elsewhere.join("data/genesis.json")).unwrap()).unwrap();
    let client = Client::new(Https::new(&node.address, &genesis).unwrap());
    let note = client.checkpoint(LogName::SUPPLY).unwrap();
    let size = genesis.trust_anchors().unwrap().0.trust(&note).unwrap().checkpoint().size();
    let ordered = ordered(&client, 0, size);
    assert!(
        before.iter().all(|(id, index)| ordered.get(index) == Some(id)),
        "a backup lacks what was before it"
    );
    true
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

//! Reports of suspicions, from a patient's desk to the authority's: without a line, and through a node that is killed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use countersign_ledger::{Genesis, Hash, cbor};
use countersign_wallet::{Client, ClientError, Https};
use serde_json::Value;

use crate::tried::{Tried, size};
use crate::{CERTIFICATE, Issuer, NodeProcess, countersign, succeed};

const CONFIG: &str = "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\n\
     [limits]\naddress_percent = 100\nwrites_per_second = 1000000\nwrite_burst = 1000000\n";
const PACK: &str = "(01)09506000134352(10)L1(21)S1";

fn config(folder: &Path) -> PathBuf {
    let config = folder.join("node.toml");
    fs::write(&config, CONFIG).unwrap();
    config
}

fn lines(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_a_patient_saw_is_read_by_the_authority_and_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let node = NodeProcess::start(&config);
    let [authority, pharmacy] =
        ["authority", "pharmacy"].map(|role| Issuer::open(folder.path(), &config, &node, role));
    authority.sign("medicine.certificate", "(01)09506000134352", &CERTIFICATE);
    let patient = Issuer { home: folder.path().join("patient") };
    patient.point_at(folder.path(), &node);
    succeed(&patient.home, &["follow", "(01)09506000134352"]);
    succeed(&patient.home, &["sync"]);
    let photo = folder.path().join("blister.jpg");
    fs::write(&photo, [&[0xff, 0xd8, 0xff][..], &[7; 2000]].concat()).unwrap();
    let report = |words: &str| {
        let photo = photo.to_str().unwrap();
        let arguments = ["report", PACK, "--words", words, "--place", "Gare du Nord", "--photo", photo];
        countersign(&patient.home, &[&arguments[..], &["--answer", "ana@mail.example"]].concat())
    };
    let refused = report("too early");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("takes no reports yet"), "{said}");
    succeed(&authority.home, &["reports", "key"]);
    succeed(&patient.home, &["sync"]);
    drop(node);

    // Without a line it is kept, and goes later.
    let kept = report("The blister is blank.\nNo number on it.");
    let said = String::from_utf8_lossy(&kept.stderr);
    assert!(kept.status.success() && said.contains("1 report kept"), "{said}");
    let database = fs::read(patient.home.join("snapshot.db")).unwrap();
    let wal = fs::read(patient.home.join("snapshot.db-wal")).unwrap_or_default();
    let plain = |bytes: &[u8]| bytes.windows(7).any(|window| window == b"blister");
    assert!(!plain(&database) && !plain(&wal), "the phone keeps what it cannot open itself");
    let node = NodeProcess::start(&config);
    for one in [&authority, &pharmacy, &patient] {
        one.point_at(folder.path(), &node);
    }
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while !succeed(&patient.home, &["report", "--send"]).contains("received") {
        assert!(std::time::Instant::now() < deadline, "never sent");
        thread::sleep(Duration::from_secs(2));
    }
    drop(node);

    let node = NodeProcess::start(&config);
    for one in [&authority, &pharmacy] {
        one.point_at(folder.path(), &node);
    }
    succeed(&authority.home, &["sync"]);
    let listed = lines(&succeed(&authority.home, &["--json", "reports", "list"]));
    let [one] = &listed[..] else { panic!("{listed:?}") };
    let report = &one["report"];
    assert_eq!(report["words"], "The blister is blank.\nNo number on it.");
    assert_eq!((&report["place"], &report["answer"]), (&"Gare du Nord".into(), &"ana@mail.example".into()));
    assert_eq!(report["about"], "https://id.gs1.org/01/09506000134352/10/L1/21/S1");
    assert_eq!((&report["verdict"], &report["reason"]), (&"suspect".into(), &"unknown-lot".into()));
    assert_eq!(report["photograph"], 2003);
    let (number, copy) = (one["number"].to_string(), folder.path().join("copy.jpg"));
    let shown = succeed(&authority.home, &["reports", "show", &number, "--photo", copy.to_str().unwrap()]);
    assert!(shown.contains("| No number on it.") && shown.contains("ana@mail.example"), "{shown}");
    assert_eq!(fs::read(copy).unwrap(), fs::read(&photo).unwrap());

    let refused = countersign(&pharmacy.home, &["reports", "list"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("authorities of their domain alone"), "{said}");
    // Another authority sees that something came, and cannot open it.
    let code =
        succeed(folder.path(), &["node", "--config", config.to_str().unwrap(), "code", "authority", "two"]);
    let second = Issuer { home: folder.path().join("second") };
    second.point_at(folder.path(), &node);
    succeed(&second.home, &["enrol", code.trim()]);
    succeed(&second.home, &["sync"]);
    let sealed = lines(&succeed(&second.home, &["--json", "reports", "list"]));
    assert_eq!((sealed.len(), &sealed[0]["report"]), (1, &Value::Null));

    // A new key opens what comes from then on, and the old one what came before.
    succeed(&authority.home, &["reports", "key"]);
    succeed(&authority.home, &["sync"]);
    let listed = lines(&succeed(&authority.home, &["--json", "reports", "list"]));
    assert_eq!(listed[0]["report"]["photograph"], 2003);
    succeed(&authority.home, &["reports", "remove", &number]);
    assert!(succeed(&authority.home, &["reports", "list"]).contains("No reports."));
}

/// An envelope that a node cannot tell from a sealed report.
fn envelope() -> Vec<u8> {
    let mut sealed = vec![0; 4200];
    getrandom::fill(&mut sealed).unwrap();
    cbor::encode(|e| e.array(2)?.bytes(&[1; 32])?.bytes(&sealed)?.ok())
}

#[test]
fn what_was_acknowledged_survives_a_killed_node() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let tried = Tried::new("a node killed while reports come in", "acknowledged reports");
    let mut acknowledged: BTreeSet<Hash> = BTreeSet::new();
    let mut node = NodeProcess::start(&config);
    let genesis = Genesis::parse(&fs::read(folder.path().join("data/genesis.json")).unwrap()).unwrap();
    for round in 0..size(4, 40) {
        tried.times(1);
        let https = Https::within(&node.address, &genesis, Duration::from_secs(20)).unwrap();
        let writer = thread::spawn(move || {
            let (client, mut told) = (Client::new(https), Vec::new());
            loop {
                let envelope = envelope();
                match client.report(&envelope) {
                    Ok(()) => told.push(Hash::of(&envelope)),
                    Err(ClientError::Transport(_)) => return told,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        thread::sleep(Duration::from_millis(150 + 70 * (round as u64 % 5)));
        drop(node);
        acknowledged.extend(writer.join().unwrap());
        node = NodeProcess::start(&config);
    }
    drop(node);
    let database = rusqlite::Connection::open(folder.path().join("data/reports.sqlite")).unwrap();
    let mut query = database.prepare("SELECT envelope FROM reports").unwrap();
    let kept = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let kept: BTreeSet<Hash> = kept.map(|envelope| Hash::of(&envelope.unwrap())).collect();
    let lost = acknowledged.difference(&kept).count();
    tried.looked_up(acknowledged.len(), lost);
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    assert_eq!(lost, 0);
}

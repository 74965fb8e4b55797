//! The guide's sections, pasted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const GUIDE: &str = include_str!("../GUIDE.md");

/// The blocks of shell in a section, in order.
fn blocks(section: &str) -> Vec<&'static str> {
    let (_, text) = GUIDE.split_once(&format!("\n## {section}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

/// Another test, or another node on this machine, may have the ports of the guide.
fn port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// Runs blocks of the section, and then `more`, in a folder.
fn run(folder: &Path, blocks: &[&str], more: &str) -> Output {
    let (node, authority, gateway) = (port(), port(), port());
    let script = blocks.concat().replace("localhost:8443", &format!("localhost:{node}"));
    let mut script = script.replace("localhost:8445", &format!("localhost:{authority}"));
    assert_eq!(script.matches("countersign node example >").count(), 1);
    for who in ["node", "authority", "gateway"] {
        let example = format!("countersign {who} example");
        let ports = format!("sed 's/8443/{node}/; s/8445/{authority}/; s/8446/{gateway}/'");
        script = script.replace(&example, &format!("{example} | {ports}"));
    }
    bash(folder, &format!("{script}\n{more}"))
}

/// Runs a script in a folder; what it started ends with it.
fn bash(folder: &Path, script: &str) -> Output {
    let script = format!("set -eum\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{script}");
    let bin = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(folder).env("PATH", path).env_remove("COUNTERSIGN_HOME");
    bash.stdin(Stdio::null()).output().unwrap()
}

/// What a script that succeeded said.
fn said(folder: &Path, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = fs::read_to_string(folder.join("node.log")).unwrap_or_default();
    assert!(output.status.success(), "{said}\n{}\n{log}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn a_ledger_is_run_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("Run a ledger");
    assert!(blocks.len() >= 5, "{blocks:?}");
    let output = run(folder.path(), &blocks, "");
    let said = said(folder.path(), &output);
    for words in [
        "-f to=…  SPIFFE ID of supplier, such as spiffe://meds.example/supplier/northwind",
        "--serials FILE",
        "Recorded at index",
        "✓ Authentic",
        "Lot distributed",
        "2 packs, each scanned",
        "sign it with: countersign sign --draft",
        "unknown-serial, as of checkpoint",
        "| The blister is blank.",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // What a manufacturer may not sign is not listed; what is no event is told.
    let mut certificates = said.lines().filter(|line| line.contains("medicine.certificate"));
    assert!(certificates.all(|line| line.contains("left out:")), "{said}");
}

/// After the unit was packed.
const MORE: &str = r#"
other='(00)106141412345678908'
printf '%s\n' "$lot(21)A1" "$other" > itself.txt
! countersign --home distributor sign medicine.pack --about "$other" --contents itself.txt --with "$lot" 2> itself.said
grep 'would be in itself' itself.said

for who in distributor patient; do
    [ $who = distributor ] || countersign --home $who init data/genesis.json --node "$(cat distributor/node)"
    countersign --home $who follow "$medicine"
    countersign --home $who follow "$unit" --contents packs.txt
    countersign --home $who sync
done
printf '%s\n' "$lot(21)A1" > one.txt
countersign --home distributor sign medicine.pack --about "$other" --contents one.txt --with "$lot" 2> twice.said
grep 'which has not been opened' twice.said

! countersign --home patient follow "$unit" --contents one.txt 2> wrong.said
grep 'is not the list of what was packed' wrong.said
countersign --home patient trace "$other" | grep 'No list on this machine'
countersign --home patient follow "$other" --contents one.txt
countersign --home patient sync
countersign --home patient trace "$other" | grep 'It cannot be as it was packed'
countersign --home patient trace "$lot(21)A1" | grep 'packed it last and is accountable'
countersign --home patient check "$lot(21)A1" || test $? = 10
countersign --home patient check "$lot(21)A2"

printf '%s\n' "$lot(21)A1" "$lot(21)A2" "$lot(21)A3" > three.txt
countersign --home distributor sign medicine.unpack --about "$unit" --contents three.txt 2> differs.said
grep 'not the one that was packed' differs.said
"#;

#[test]
fn what_cannot_be_in_a_unit_is_told_when_it_is_signed_and_when_it_is_traced() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("Run a ledger");
    let packed = blocks.iter().position(|block| block.contains("medicine.pack")).unwrap();
    let output = run(folder.path(), &blocks[..=packed], MORE);
    said(folder.path(), &output);
}

/// After the patient has seen who asked.
const RECORDS: &str = r"
grep -q 'Potassium in serum' opened/record.txt
grep -q '1 section is withheld' opened/record.txt
cmp opened/*-image-1.png scan.png
if grep -rq -e 'Lives alone' opened || grep -rq -e 'Potassium' -e 'Holm' data/records; then exit 1; fi
";

#[test]
fn a_record_is_shared_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("Share a medical record");
    assert!(blocks.len() >= 5, "{blocks:?}");
    let output = run(folder.path(), &blocks, RECORDS);
    let said = said(folder.path(), &output);
    for words in [
        "enrolled as spiffe://meds.example/attribute-authority/clinics",
        "version 1 of ",
        "2 sections: ",
        ": granted",
        "Potassium in serum: 4.20 mmol/L",
        "1 section is withheld",
        ": waiting for the patient",
        "Dr. Ada (spiffe://meds.example/doctor/ada), TREAT",
        "handed over ",
        "Complete as of ",
        "3 sections: ",
        "nothing more is delivered",
        "is here again; 1 lines",
        "PATRQT",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_ward_is_run_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("A ward");
    assert!(blocks.len() >= 3, "{blocks:?}");
    let output = run(folder.path(), &blocks, "");
    let said = said(folder.path(), &output);
    for words in [
        "enrolled as spiffe://meds.example/bedside-gateway/north",
        "with patient 1001, and with no other",
        "needs a technician",
        "revoked",
        "retired: its keys are gone here",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let told = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(told("badge.txt").contains("CSB1 ") && told("pump.txt").contains("record"));
}

#[test]
fn data_goes_across_domains_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("Data across trust domains");
    assert!(blocks.len() >= 9, "{blocks:?}");
    let (mut script, shared) = (blocks.concat(), port());
    // The configuration's own port, which is put in place of, stays.
    for (guides, own) in [
        ("8444", port()),
        ("8445", port()),
        ("shared 8443", format!("shared {shared}")),
        ("localhost:8443", format!("localhost:{shared}")),
    ] {
        assert!(script.contains(guides), "{guides}");
        script = script.replace(guides, &own);
    }
    let output = bash(folder.path(), &script);
    let said = said(folder.path(), &output);
    for words in [
        "takes part, by the certificate",
        "south.example for read, derive of data ",
        ": denied (purpose-not-allowed)",
        ": to read the state ",
        "✓ ",
        "└─ ",
        "derived in north.example",
        "voted yes: data ",
        ": revoked (invalid-data)",
        ": invalid",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

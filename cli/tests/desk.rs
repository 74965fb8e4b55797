//! The command as people and scripts use it: the built program, real files, a real node over TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails should stop")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

fn countersign(home: &Path, arguments: &[&str]) -> Output {
    Command::new(COUNTERSIGN)
        .arg("--home")
        .arg(home)
        .args(arguments)
        .env("COUNTERSIGN_PASSPHRASE", "correct horse battery")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn succeed(home: &Path, arguments: &[&str]) -> String {
    let output = countersign(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The folder of a finished demo.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let told = succeed(folder.path(), &["demo", "--packs", "200", "--dir", dir.to_str().unwrap()]);
    for words in [
        "✓ Authentic",
        "✗ Potential suspect",
        "↻ Check the scan",
        "Answerable: fabrikam-logistics (distributor)",
    ] {
        assert!(told.contains(words), "the demo does not say {words}:\n{told}");
    }
    folder
}

fn photo(folder: &Path, name: &str) -> String {
    folder.join("demo/packs").join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_demo_plays_and_its_pictures_are_judged_offline_with_exit_codes_for_scripts() {
    let folder = demo();
    let home = folder.path().join("demo/wallet");
    for (picture, code, verdict, reason) in [
        ("1-genuine-photo.png", 0, "authentic", None),
        ("1-genuine-label.png", 0, "authentic", None),
        ("2-unknown-photo.png", 11, "suspect", Some("unknown-serial")),
        ("3-expired-photo.png", 10, "attention", Some("expired")),
        ("4-recalled-photo.png", 10, "attention", Some("recalled")),
        ("5-dispensed-photo.png", 10, "attention", Some("dispensed")),
        ("6-tampered-photo.png", 11, "suspect", Some("broken-history")),
        ("7-misread-photo.png", 12, "check-scan", Some("separator-lost")),
    ] {
        let output = countersign(&home, &["--json", "check", &photo(folder.path(), picture)]);
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{picture}: {line}");
        assert_eq!(line["verdict"], verdict, "{picture}");
        assert_eq!(line["reasons"][0]["key"].as_str(), reason, "{picture}");
    }
    let stranger = countersign(&home, &["check", "(01)09501101530003(17)281130(10)X(21)Y"]);
    assert_eq!(stranger.status.code(), Some(13), "a product that is not followed");

    evidence_stands_on_the_genesis_alone(folder.path(), &home);
    a_picture_of_anything_else_accuses_nobody(folder.path(), &home);
    a_lost_separator_accuses_nobody(folder.path(), &home);
    no_altered_statement_is_believed(folder.path(), &home);
}

fn evidence_stands_on_the_genesis_alone(folder: &Path, home: &Path) {
    let genesis = home.join("genesis.json");
    let nobody = folder.join("nobody");
    for (picture, code) in [("1-genuine-photo.png", 0), ("6-tampered-photo.png", 11)] {
        let bundle = folder.join("evidence.cbor");
        let (file, from) = (bundle.to_str().unwrap(), genesis.to_str().unwrap());
        succeed(home, &["export", "evidence", &photo(folder, picture), "--output", file]);
        let verified = countersign(&nobody, &["verify", file, "--genesis", from]);
        assert_eq!(
            verified.status.code(),
            Some(code),
            "{picture}: {}",
            String::from_utf8_lossy(&verified.stderr)
        );
        let mut bytes = fs::read(&bundle).unwrap();
        for at in (0..bytes.len()).step_by(bytes.len() / 20) {
            bytes[at] ^= 1;
            fs::write(&bundle, &bytes).unwrap();
            let output = countersign(&nobody, &["verify", file, "--genesis", from]);
            assert_eq!(output.status.code(), Some(1), "byte {at} of {picture}");
            bytes[at] ^= 1;
        }
    }
}

fn a_picture_of_anything_else_accuses_nobody(folder: &Path, home: &Path) {
    let blank = folder.join("blank.png");
    image::GrayImage::from_pixel(640, 480, image::Luma([200])).save(&blank).unwrap();
    let text = folder.join("note.png");
    fs::write(&text, "this is no picture").unwrap();
    for path in [&blank, &text, &folder.join("missing.png")] {
        let output = countersign(home, &["check", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", path.display());
        let told = String::from_utf8(output.stdout).unwrap().to_lowercase();
        assert!(!told.contains("suspect"), "{told}");
    }
}

/// The genuine pack as a scanner sends it, its elements in every order, with each separator lost in turn and with all.
fn a_lost_separator_accuses_nobody(folder: &Path, home: &Path) {
    let scanned = succeed(home, &["--json", "scan", &photo(folder, "1-genuine-label.png")]);
    let scanned: Value = serde_json::from_str(&scanned).unwrap();
    let product = &scanned["symbols"][0]["product"];
    let text = |field: &str| product[field].as_str().unwrap().to_owned();
    let elements = [
        format!("10{}\u{1d}", text("lot")),
        format!("21{}\u{1d}", text("serial")),
        format!("17{}", text("expiry")[2..].replace('-', "")),
    ];
    let mut asked_again = 0;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let whole = format!("]d201{}{}", text("gtin"), order.map(|index| elements[index].as_str()).concat());
        let whole = whole.trim_end_matches('\u{1d}');
        let genuine = countersign(home, &["check", whole]);
        assert_eq!(genuine.status.code(), Some(0), "{whole:?}");
        let mut lost: Vec<String> = whole
            .match_indices('\u{1d}')
            .map(|(at, _)| format!("{}{}", &whole[..at], &whole[at + 1..]))
            .collect();
        lost.push(whole.replace('\u{1d}', ""));
        for line in lost {
            let output = countersign(home, &["--json", "check", &line]);
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(12), "{line:?}: {told}");
            asked_again += 1;
            assert_eq!(told["verdict"], "check-scan");
            assert_eq!(told["reasons"][0]["key"], "separator-lost", "{line:?}");
            let readings = told["reasons"][0]["readings"].as_array().unwrap();
            assert!(readings.contains(&product["link"]), "{line:?}: {told}");
        }
    }
    assert!(asked_again >= 12, "{asked_again}");
}

/// Changes one byte of what the wallet stores of a genuine pack's history, wherever it is stored, and asks again.
fn no_altered_statement_is_believed(folder: &Path, home: &Path) {
    let genuine = photo(folder, "1-genuine-photo.png");
    let mut altered = 0;
    for name in ["snapshot.db", "snapshot.db-wal"] {
        let path = home.join(name);
        let Ok(original) = fs::read(&path) else { continue };
        for needle in [&b"paracetamol 99.8 %"[..], b"medicine.commission.v1", b"API-NW2611A"] {
            for at in original
                .windows(needle.len())
                .enumerate()
                .filter(|(_, part)| *part == needle)
                .map(|(at, _)| at)
            {
                let mut bytes = original.clone();
                bytes[at] ^= 1;
                fs::write(&path, &bytes).unwrap();
                let output = countersign(home, &["--json", "check", &genuine]);
                // Other lots have statements of the same words; only theirs may be damaged without harm to this one.
                let line: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
                altered += u32::from(line["verdict"] != "authentic");
                assert_ne!(line["verdict"], "suspect", "damage on this phone is nobody's fault: {line}");
                fs::write(&path, &original).unwrap();
            }
        }
    }
    assert!(altered >= 3, "only {altered} altered bytes were noticed");
}

/// A node in a process of its own, killed without warning when dropped.
struct NodeProcess {
    child: Child,
    address: String,
}

impl NodeProcess {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(COUNTERSIGN)
            .args(["node", "run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().find(|word| word.starts_with("https://")).expect("an address");
        Self { address: address.trim_end_matches(';').to_owned(), child }
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // SIGKILL: the process gets no chance to tidy up.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

struct Desk {
    home: PathBuf,
}

impl Desk {
    fn open(folder: &Path, config: &Path, node: &NodeProcess, role: &str) -> Self {
        let desk = Self { home: folder.join(role) };
        desk.point_at(folder, node);
        let code =
            succeed(&desk.home, &["node", "--config", config.to_str().unwrap(), "code", role, "somebody"]);
        succeed(&desk.home, &["enrol", code.trim()]);
        desk
    }

    fn point_at(&self, folder: &Path, node: &NodeProcess) {
        let genesis = folder.join("data/genesis.json");
        succeed(&self.home, &["init", genesis.to_str().unwrap(), "--node", &node.address]);
    }

    fn sign(&self, kind: &str, about: &str, fields: &[&str]) -> Value {
        let mut arguments = vec!["--json", "sign", kind, "--about", about];
        for field in fields {
            arguments.extend(["-f", field]);
        }
        serde_json::from_str(&succeed(&self.home, &arguments)).unwrap()
    }
}

const CERTIFICATE: [&str; 5] = [
    "class=N02BE01",
    "holder=spiffe://meds.example/manufacturer/somebody",
    "product=tablets",
    "nbf=2026-01-01",
    "exp=2036-01-01",
];

#[test]
fn a_node_killed_between_statements_has_lost_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("node.toml");
    fs::write(&config, "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\n")
        .unwrap();
    let node = NodeProcess::start(&config);
    let authority = Desk::open(folder.path(), &config, &node, "authority");
    let manufacturer = Desk::open(folder.path(), &config, &node, "manufacturer");
    let class = "(01)09506000134352";
    let lot = "(01)09506000134352(10)L1";
    let first = authority.sign("medicine.certificate", class, &CERTIFICATE);
    drop(node);

    let unreachable = countersign(&manufacturer.home, &["sign", "medicine.material-request", "--about", lot]);
    assert_eq!(unreachable.status.code(), Some(1));

    let node = NodeProcess::start(&config);
    authority.point_at(folder.path(), &node);
    manufacturer.point_at(folder.path(), &node);
    let to = "to=spiffe://meds.example/supplier/somebody";
    let second = manufacturer.sign("medicine.material-request", lot, &[to, "materials=60 kg"]);
    assert!(second["index"].as_u64() > first["index"].as_u64(), "{first} {second}");
    drop(node);

    let node = NodeProcess::start(&config);
    let patient = Desk { home: folder.path().join("patient") };
    patient.point_at(folder.path(), &node);
    succeed(&patient.home, &["follow", class]);
    succeed(&patient.home, &["sync"]);
    let picture = folder.path().join("route.svg");
    let traced = succeed(&patient.home, &["--json", "trace", lot, "--svg", picture.to_str().unwrap()]);
    assert!(fs::read_to_string(picture).unwrap().contains("Material requested"));
    let traced: Vec<Value> = traced.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for statement in [&first, &second] {
        let times = traced.iter().filter(|event| event["statement"] == statement["id"]).count();
        assert_eq!(times, 1, "{statement} in {traced:?}");
    }

    // The rules are the node's as well as the phone's: what does not come next is refused, and says why.
    manufacturer.point_at(folder.path(), &node);
    let refused = countersign(
        &manufacturer.home,
        &[
            "sign",
            "medicine.distribution",
            "--about",
            lot,
            "-f",
            to,
            "-f",
            "class=x",
            "-f",
            "expiry=2028-01-01",
        ],
    );
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("does not come next"), "{told}");
}

#[test]
fn help_and_completion_are_there_for_every_command() {
    let home = Path::new("unused");
    let help = succeed(home, &["--help"]);
    for command in
        ["demo", "check", "trace", "sync", "enrol", "sign", "export", "verify", "node", "completion"]
    {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in the help");
        succeed(home, &[command, "--help"]);
    }
    assert!(succeed(home, &["completion", "bash"]).contains("complete -F"));
    assert!(succeed(home, &["sign"]).contains("medicine.recall"));
    assert_eq!(countersign(home, &["check"]).status.code(), Some(2));
}

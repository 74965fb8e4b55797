//! The command as people and scripts use it: the built program, real files, a real node over TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails should stop")]

mod authority;
mod domain;
mod foreign;
mod killing;
mod line;
mod link;
mod record;
mod reports;
#[path = "../../../tests/tried.rs"]
mod tried;

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
    let printed = succeed(folder.path(), &["demo", "--packs", "200", "--dir", dir.to_str().unwrap()]);
    for words in [
        "✓ Authentic",
        "✗ Potential suspect",
        "↻ Check the scan",
        "Accountable: fabrikam-logistics (distributor)",
        "ana → bruno, Gare du Nord",
        "customer-7f3a  2 proven, 0 refused, 0 waiting",
        "bruno (courier) → customer-7f3a (consumer)",
        "ada: 6 sections, 3 withheld",
        "bo: 9 sections, 0 withheld; the very bytes that were signed",
        "eve: the request was denied",
        "rex: the grant was withdrawn",
        "words of the document in them: 0",
        "was altered on its way or in the store",
        "the new phone: the very document, and 2 lines",
        "the lost phone: the node refuses (revoked)",
        "8 in all",
        "ada, to read: answered and noted",
        "ada, to share: the licence does not grant this operation",
        "denied (domain-not-allowed)",
        "derived in university.example",
        "the log has no such licence",
        "revoked (invalid-data)",
    ] {
        assert!(printed.contains(words), "the demo does not say {words}:\n{printed}");
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

    a_delivery_is_traced_with_both_signatures(&folder.path().join("demo/delivery"));
    a_history_is_exported_and_read_back_as_drafts(folder.path(), &home);
    evidence_stands_on_the_genesis_alone(folder.path(), &home);
    so_does_a_courier_s_proof_of_delivery(folder.path());
    a_picture_of_anything_else_accuses_nobody(folder.path(), &home);
    a_lost_separator_accuses_nobody(folder.path(), &home);
    a_slip_accuses_nobody_and_is_not_signed(folder.path(), &home);
    a_serial_that_does_not_exist_has_no_flawless_route(folder.path(), &home);
    no_altered_statement_is_believed(folder.path(), &home);
}

/// The view of the demo's inspector, requested again.
fn a_delivery_is_traced_with_both_signatures(folder: &Path) {
    let photo = folder.join("piece/1-bag-photo.png");
    let traced = succeed(&folder.join("inspector"), &["--json", "trace", photo.to_str().unwrap()]);
    let lines: Vec<Value> = traced.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let signers = |line: &Value| -> Vec<String> {
        let signatures = line["signatures"].as_array().into_iter().flatten();
        signatures.map(|one| one["by"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
    };
    let handed: Vec<Vec<String>> = lines.iter().map(signers).filter(|signers| signers.len() == 2).collect();
    assert_eq!(handed, [["ana", "bruno"], ["bruno", "customer-7f3a"]]);
    assert!(lines.iter().all(|line| line["accountable"].is_null()), "{traced}");
    let picture = fs::read_to_string(folder.join("route.svg")).unwrap();
    assert!(picture.contains("signed by bruno") && picture.contains("intact · Rue de la Paix"));
    // An offer of three thousand bytes needs several codes, and each is a picture that people can look at.
    let codes = fs::read_dir(folder.join("codes")).unwrap().count();
    assert!((12..60).contains(&codes), "{codes} pictures of codes");
}

fn a_history_is_exported_and_read_back_as_drafts(folder: &Path, home: &Path) {
    let (document, drafts) = (folder.join("epcis.json"), folder.join("drafts"));
    let (file, out) = (document.to_str().unwrap(), drafts.to_str().unwrap());
    let told = succeed(home, &["export", "epcis", &photo(folder, "5-dispensed-photo.png"), "--output", file]);
    let written: Value = serde_json::from_slice(&fs::read(&document).unwrap()).unwrap();
    let events = written["epcisBody"]["eventList"].as_array().unwrap();
    let steps: Vec<_> = events.iter().map(|event| event["bizStep"].as_str().unwrap()).collect();
    assert_eq!(steps, ["inspecting", "commissioning", "shipping", "dispensing"]);
    assert!(told.contains("left out: medicine.trial "), "{told}");
    assert_eq!(told.matches("the profile has no event for it").count(), told.lines().count() - 1, "{told}");
    let printed = succeed(home, &["import", file, "--output", out]);
    assert!(
        printed.contains("the business step `inspecting` is not accepted")
            && printed.contains("the field: bizStep"),
        "{printed}"
    );
    a_lot_is_found_in_the_snapshot_or_asked_for(folder, home);
    let nothing =
        countersign(home, &["export", "epcis", "(01)09506000134352(10)NEVER", "--output", "nothing.json"]);
    let said = String::from_utf8_lossy(&nothing.stderr);
    assert!(said.contains("nothing is exported") && !Path::new("nothing.json").exists(), "{said}");
    let draft: Value =
        serde_json::from_slice(&fs::read(drafts.join("1-medicine.commission.json")).unwrap()).unwrap();
    assert_eq!(draft["fields"]["count"], "200");
    assert_eq!(draft["about"], events[1]["quantityList"][0]["epcClass"]);
    let luxury = countersign(home, &["import", file, "--output", out, "--profile", "cheese"]);
    assert!(String::from_utf8_lossy(&luxury.stderr).contains("the profiles are medicine, luxury"));
    let tampered =
        countersign(home, &["export", "epcis", &photo(folder, "6-tampered-photo.png"), "--output", file]);
    assert!(String::from_utf8_lossy(&tampered.stdout).contains("1 more do not fit their place"));
}

/// A partner that ships packs by their serial numbers says nothing of lots.
fn a_lot_is_found_in_the_snapshot_or_asked_for(folder: &Path, home: &Path) {
    let genuine = succeed(home, &["--json", "scan", &photo(folder, "1-genuine-photo.png")]);
    let genuine: Value = serde_json::from_str(genuine.lines().next().unwrap()).unwrap();
    let serial = genuine["symbols"][0]["product"]["serial"].as_str().unwrap().to_owned();
    let document = folder.join("shipped.json");
    let ship = |serial: &str| {
        let event = format!(
            r#"{{ "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "eventTime": "2026-11-02T08:00:00Z",
            "eventTimeZoneOffset": "+00:00", "epcList": ["https://id.gs1.org/01/09506000134352/21/{serial}"] }}"#
        );
        let events = format!("\"eventList\": [{event}]");
        let (start, _) = PARTNER.split_once("\"eventList\"").unwrap();
        fs::write(&document, format!("{start}{events} }} }}")).unwrap();
    };
    let import = |drafts: &str, more: &[&str]| {
        let drafts = folder.join(drafts);
        let common = ["import", document.to_str().unwrap(), "--output", drafts.to_str().unwrap()];
        let output = countersign(home, &[&common, more].concat());
        let written = fs::read_to_string(drafts.join("1-medicine.distribution.json")).unwrap_or_default();
        (written, String::from_utf8(output.stdout).unwrap())
    };
    ship(&serial);
    let (found, printed) = import("found", &[]);
    assert!(found.contains("09506000134352/10/NW"), "{printed}{found}");
    ship("NEVER");
    let (none, printed) = import("none", &[]);
    assert!(none.is_empty() && printed.contains("give it with --lot"), "{printed}");
    let (given, printed) = import("given", &["--lot", "L7"]);
    assert!(given.contains("09506000134352/10/L7"), "{printed}{given}");
    let (wrong, printed) = import("wrong", &["--lot", "L 7"]);
    assert!(wrong.is_empty() && printed.contains("the lot `L 7` is not 1 to 20"), "{printed}");
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

fn so_does_a_courier_s_proof_of_delivery(folder: &Path) {
    let (delivery, nobody) = (folder.join("demo/delivery"), folder.join("nobody"));
    let (proof, genesis) = (delivery.join("proof.countersign"), delivery.join("inspector/genesis.json"));
    let verify = ["verify", proof.to_str().unwrap(), "--genesis", genesis.to_str().unwrap()];
    let printed = succeed(&nobody, &verify);
    for words in [
        "bruno (courier) → customer-7f3a (consumer)",
        "the log is proven to hold 2",
        "from the genesis file alone",
    ] {
        assert!(printed.contains(words), "{words} is not in {printed}");
    }
    let lines = succeed(&nobody, &[&["--json"], &verify[..]].concat());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["to"].as_str().is_some_and(|to| to.ends_with("customer-7f3a"))),
        "{lines:?}"
    );
    let mut bytes = fs::read(&proof).unwrap();
    bytes[100] ^= 1;
    fs::write(&proof, &bytes).unwrap();
    assert_eq!(countersign(&nobody, &verify).status.code(), Some(1));
}

fn a_picture_of_anything_else_accuses_nobody(folder: &Path, home: &Path) {
    let blank = folder.join("blank.png");
    image::GrayImage::from_pixel(640, 480, image::Luma([200])).save(&blank).unwrap();
    let text = folder.join("note.png");
    fs::write(&text, "this is no picture").unwrap();
    for path in [&blank, &text, &folder.join("missing.png")] {
        let output = countersign(home, &["check", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", path.display());
        let printed = String::from_utf8(output.stdout).unwrap().to_lowercase();
        assert!(!printed.contains("suspect"), "{printed}");
        let why = printed.trim_end().rsplit(": ").next().unwrap();
        assert_eq!(printed.matches(why).count(), 1, "the reason is reported once: {printed}");
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
            let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(12), "{line:?}: {printed}");
            asked_again += 1;
            assert_eq!(printed["verdict"], "check-scan");
            assert_eq!(printed["reasons"][0]["key"], "separator-lost", "{line:?}");
            let readings = printed["reasons"][0]["readings"].as_array().unwrap();
            assert!(readings.contains(&product["link"]), "{line:?}: {printed}");
        }
    }
    assert!(asked_again >= 12, "{asked_again}");
}

/// The shared list of slips, with the genuine pack, through every command that reads a text.
fn a_slip_accuses_nobody_and_is_not_signed(folder: &Path, home: &Path) {
    let scanned = succeed(home, &["--json", "scan", &photo(folder, "1-genuine-label.png")]);
    let scanned: Value = serde_json::from_str(&scanned).unwrap();
    let product = &scanned["symbols"][0]["product"];
    let text = |field: &str| product[field].as_str().unwrap().to_owned();
    let swap = |text: String| -> String {
        let swap = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        text.chars().map(swap).collect()
    };
    let of_the_pack = |line: &'static str| {
        let [slip, _, code] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let values = [
            ("%G", text("gtin")),
            ("%E", text("expiry")[2..].replace('-', "")),
            ("%L", text("lot")),
            ("%S", text("serial")),
            ("%l", swap(text("lot"))),
            ("%s", swap(text("serial"))),
            ("\\\\", "\u{1}".to_owned()),
            ("\\g", "\u{1d}".to_owned()),
            ("\\t", "\t".to_owned()),
            ("\\n", "\n".to_owned()),
            ("\\r", "\r".to_owned()),
            ("\\b", " ".to_owned()),
            ("\\z", "\u{200b}".to_owned()),
            ("\\f", "\u{feff}".to_owned()),
            ("\u{1}", "\\".to_owned()),
        ];
        (slip, values.iter().fold(code.to_owned(), |code, (from, to)| code.replace(from, to)))
    };
    let lines = include_str!("../../../core/scan/tests/data/slips.tsv").lines();
    // Not every serial has a Y or a Z.
    let lines = lines.filter(|line| !line.starts_with('#') && !line.contains("%y"));
    let lines: Vec<(&str, String)> = lines.map(of_the_pack).collect();
    let codes: Vec<&str> = lines.iter().map(|(_, code)| code.as_str()).collect();
    let output = countersign(home, &[&["--json", "check"], codes.as_slice()].concat());
    assert_eq!(output.status.code(), Some(12), "the worst is that a code is to be scanned again");
    let answers: Vec<Value> = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(answers.len(), lines.len());
    for ((slip, code), answer) in lines.iter().zip(&answers) {
        let expected = if *slip == "-" { ("authentic", None) } else { ("check-scan", Some(*slip)) };
        let found = (answer["verdict"].as_str().unwrap_or_default(), answer["reasons"][0]["key"].as_str());
        assert_eq!(found, expected, "{code:?}: {answer}");
        if *slip != "-" {
            assert!(
                answer["reasons"][0]["readings"].as_array().unwrap().contains(&product["link"]),
                "{code:?}"
            );
        }
    }
    for (slip, code) in lines.iter().filter(|(slip, _)| *slip != "-").step_by(5) {
        let contents = folder.join("slipped.txt");
        fs::write(&contents, code.trim()).unwrap();
        let inside = [
            "sign",
            "medicine.pack",
            "--about",
            "(00)095060001343520017",
            "--contents",
            contents.to_str().unwrap(),
        ];
        let about = ["sign", "medicine.dispense", "--yes", "--unknown", "--about", code];
        for arguments in [&about[..], &inside[..]] {
            // A line of a list has no ends.
            if *slip == "ends" && arguments[1] == "medicine.pack" {
                continue;
            }
            let output = countersign(home, arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.code() == Some(1) && said.contains("not read fully"),
                "{arguments:?}: {said}"
            );
        }
    }
    let refused = countersign(home, &["check", "(01)09506000134353(10)A(21)B"]);
    assert_eq!(refused.status.code(), Some(12), "a code that is refused is scanned again");
    let shown = countersign(home, &["check", "(01)09506000134353\u{1b}[2J"]);
    assert!(!shown.stdout.contains(&0x1b), "a code does nothing where it is shown");
}

fn a_serial_that_does_not_exist_has_no_flawless_route(folder: &Path, home: &Path) {
    let scanned = succeed(home, &["--json", "scan", &photo(folder, "1-genuine-label.png")]);
    let scanned: Value = serde_json::from_str(&scanned).unwrap();
    let never = format!("{}NEVER", scanned["symbols"][0]["product"]["link"].as_str().unwrap());
    let traced = succeed(home, &["trace", &never]);
    assert!(
        traced.contains("✗ Potential suspect") && traced.contains("has not stated this serial"),
        "{traced}"
    );
    let traced = succeed(home, &["--json", "trace", &never]);
    let last: Value = serde_json::from_str(traced.lines().last().unwrap()).unwrap();
    assert_eq!((&last["verdict"], &last["reasons"][0]["key"]), (&"suspect".into(), &"unknown-serial".into()));
    // A product that is followed is not to be followed.
    let traced = succeed(home, &["trace", "(01)09506000134352(10)NOSUCHLOT"]);
    assert!(!traced.contains("follow it and sync"), "{traced}");
}

/// Changes one byte of a genuine pack's history, wherever the wallet stores it, and checks the pack again.
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
                // Other lots have statements with the same words; only damage to theirs leaves this lot's verdict as it
                // is.
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

struct Issuer {
    home: PathBuf,
}

impl Issuer {
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
    let authority = Issuer::open(folder.path(), &config, &node, "authority");
    let manufacturer = Issuer::open(folder.path(), &config, &node, "manufacturer");
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
    let patient = Issuer { home: folder.path().join("patient") };
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

    // Node and client have the same rules: a step that does not come next is refused, with the reason.
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
    let printed = String::from_utf8(refused.stderr).unwrap();
    assert!(printed.contains("does not come next"), "{printed}");
}

/// A partner's report of a lot.
const PARTNER: &str = r#"{
  "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { "line": "https://partner.example/line/" }],
  "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-11-01T00:00:00Z",
  "epcisBody": { "eventList": [{
    "type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning",
    "eventTime": "2026-11-02T08:00:00+01:00", "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:950600013.0435.A1", "urn:epc:id:sgtin:950600013.0435.A2"],
    "ilmd": { "cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2036-11-30", "line:press": "P-7" },
    "line:shift": { "line:crew": ["early", "late"], "line:speed": 120.5 },
    "sensorElementList": [{ "sensorReport": [{ "type": "Temperature", "value": 4.5, "uom": "CEL" }] }]
  }] }
}"#;

#[test]
fn a_partners_commissioning_is_imported_signed_and_known_to_patients() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("node.toml");
    fs::write(&config, "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\n")
        .unwrap();
    let node = NodeProcess::start(&config);
    let [authority, manufacturer, supplier] = ["authority", "manufacturer", "supplier"]
        .map(|role| Issuer::open(folder.path(), &config, &node, role));
    let (class, lot) = ("(01)09506000134352", "(01)09506000134352(10)L1");
    let to = |role: &str| format!("to=spiffe://meds.example/{role}/somebody");
    authority.sign("medicine.certificate", class, &CERTIFICATE);
    manufacturer.sign("medicine.material-request", lot, &[&to("supplier"), "materials=60 kg"]);
    supplier.sign("medicine.material", lot, &[&to("manufacturer"), "material=M1", "produced=2026-01-01"]);
    let trial = format!("trial={}", "ab".repeat(32));
    let fields = [&to("authority"), "material=M1", "product=tablets", &trial];
    manufacturer.sign("medicine.trial", lot, &fields);
    authority.sign("medicine.approval", lot, &[&to("manufacturer"), "product=tablets"]);

    let (document, drafts) = (folder.path().join("partner.jsonld"), folder.path().join("drafts"));
    fs::write(&document, PARTNER).unwrap();
    let out = drafts.to_str().unwrap();
    let printed = succeed(&manufacturer.home, &["import", document.to_str().unwrap(), "--output", out]);
    let draft = drafts.join("1-medicine.commission.json");
    let draft = draft.to_str().unwrap();
    assert!(printed.contains(&format!("countersign sign --draft {draft}\n")), "{printed}");
    // A draft can be edited, but must agree with its serial numbers.
    let wrong = countersign(&manufacturer.home, &["sign", "--draft", draft, "-f", "count=3"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("not what follows from the 2 serial numbers"));
    succeed(&manufacturer.home, &["sign", "--draft", draft]);

    let patient = Issuer { home: folder.path().join("patient") };
    patient.point_at(folder.path(), &node);
    succeed(&patient.home, &["follow", class]);
    succeed(&patient.home, &["sync"]);
    for (serial, key) in [("A2", "missing-step"), ("A3", "unknown-serial")] {
        let code = format!("(01)09506000134352(17)361130(10)L1(21){serial}");
        let output = countersign(&patient.home, &["--json", "check", &code]);
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(line["reasons"][0]["key"], key, "{line}");
    }
    what_a_partner_has_added_is_told_on(folder.path(), &manufacturer, (class, lot));
    a_unit_is_packed_and_traced(folder.path(), &config, &node, [&manufacturer, &patient], lot);
    a_recall_is_of_what_was_meant(&authority, lot);
}

/// From the document that came in, through the statement that was signed, to the document that goes out.
fn what_a_partner_has_added_is_told_on(folder: &Path, manufacturer: &Issuer, (class, lot): (&str, &str)) {
    succeed(&manufacturer.home, &["follow", class]);
    succeed(&manufacturer.home, &["sync"]);
    let file = folder.join("told-on.jsonld");
    let export = ["export", "epcis", lot, "-o", file.to_str().unwrap()];
    succeed(&manufacturer.home, &export);
    let exported: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let partner: Value = serde_json::from_str(PARTNER).unwrap();
    let theirs = &partner["epcisBody"]["eventList"][0];
    let events = exported["epcisBody"]["eventList"].as_array().unwrap();
    let ours = events.iter().find(|event| event["bizStep"] == "commissioning").unwrap();
    for name in ["sensorElementList", "line:shift"] {
        assert_eq!(ours[name], theirs[name], "{ours:#}");
    }
    assert_eq!(ours["ilmd"]["line:press"], "P-7", "{ours:#}");
    assert!(ours["@context"].to_string().contains("https://partner.example/line/"), "{ours:#}");
    // And from there into the next partner's drafts.
    let next = folder.join("next");
    let import = ["import", file.to_str().unwrap(), "-o", next.to_str().unwrap()];
    succeed(&manufacturer.home, &import);
    let drafts = fs::read_dir(&next).unwrap().map(|one| fs::read(one.unwrap().path()).unwrap());
    let drafts: Vec<Value> = drafts.map(|one| serde_json::from_slice(&one).unwrap()).collect();
    let draft = drafts.iter().find(|draft| draft["kind"] == "medicine.commission").unwrap();
    assert_eq!(draft["extensions"]["line:shift"], theirs["line:shift"], "{draft:#}");
    assert_eq!(draft["extensions"]["sensorElementList"], theirs["sensorElementList"], "{draft:#}");
}

fn a_recall_is_of_what_was_meant(authority: &Issuer, lot: &str) {
    let pack = format!("{lot}(21)A1");
    let recall = |about: &str, words: &[&str]| {
        let arguments = ["--json", "sign", "medicine.recall", "--about", about, "-f", "reason=assay"];
        countersign(&authority.home, &[&arguments[..], words].concat())
    };
    for (about, words, reason) in [
        (pack.as_str(), &["--yes"][..], "say which is meant with --level"),
        (&pack, &["--level", "lot"], "confirm it with --yes"),
        (&pack, &["--level", "pack", "--yes"], "is not about one"),
        ("]E09506000134352", &["--yes"], "say which is meant with --level"),
        ("(01)09506000134352(10)NOPE", &["--yes"], "--unknown signs it all the same"),
        ("(01) 09506000134352 (10) L1", &["--yes", "--unknown"], "not read fully"),
    ] {
        let output = recall(about, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(reason), "{about} {words:?}: {said}");
    }
    let output = recall(&pack, &["--level", "lot", "--yes"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Recalled: the lot https://id.gs1.org/01/"), "{said}");
    let recorded: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&recorded["level"], &recorded["about"]),
        (&"lot".into(), &"https://id.gs1.org/01/09506000134352/10/L1".into())
    );
}

/// The lot is shipped and some of it packed; the route of the unit is fetched from the node, with all that it builds
/// on.
fn a_unit_is_packed_and_traced(
    folder: &Path,
    config: &Path,
    node: &NodeProcess,
    [manufacturer, anybody]: [&Issuer; 2],
    lot: &str,
) {
    const UNIT: &str = "(00)095060001343520017";
    let distributor = Issuer::open(folder, config, node, "distributor");
    let to = "to=spiffe://meds.example/distributor/somebody";
    manufacturer.sign("medicine.distribution", lot, &[to, "class=N02BE01", "expiry=2036-11-30"]);
    let contents = folder.join("contents.txt");
    fs::write(&contents, format!("{lot}(21)A1\n{lot}(21)A2\n")).unwrap();
    let contents = contents.to_str().unwrap();
    let pack = ["sign", "medicine.pack", "--about", UNIT, "--with", lot, "--contents", contents];
    let wrong = countersign(&distributor.home, &[&pack[..], &["-f", "count=3"]].concat());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("not what follows from the 2 packs"));
    succeed(&distributor.home, &pack);
    let traced = succeed(&anybody.home, &["trace", UNIT]);
    assert!(traced.starts_with("https://id.gs1.org/00/095060001343520017\n"), "{traced}");
    assert!(
        traced.contains("Packed somebody (distributor)") && traced.contains("2 packs, each scanned"),
        "{traced}"
    );
    // A client that follows the unit and has the list knows the packs' way too.
    succeed(&anybody.home, &["follow", UNIT, "--contents", contents]);
    succeed(&anybody.home, &["sync"]);
    let traced = succeed(&anybody.home, &["trace", &format!("{lot}(21)A2")]);
    assert!(traced.contains("Packed") && traced.contains("2 packs, each scanned"), "{traced}");
    let file = folder.join("packed.json");
    succeed(&anybody.home, &["export", "epcis", &format!("{lot}(21)A2"), "-o", file.to_str().unwrap()]);
    assert!(fs::read_to_string(&file).unwrap().contains("AggregationEvent"));
    // The unit itself: with the list, pack by pack.
    succeed(&anybody.home, &["export", "epcis", UNIT, "-o", file.to_str().unwrap()]);
    let exported: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let packing = &exported["epcisBody"]["eventList"][0];
    assert_eq!(packing["parentID"], "https://id.gs1.org/00/095060001343520017");
    assert_eq!(packing["childEPCs"].as_array().unwrap().len(), 2, "{packing:#}");
    let other = countersign(&anybody.home, &["trace", "(00)106141412345678908"]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("the ledger holds nothing about"));
}

#[test]
fn an_import_takes_no_other_drafts_place() {
    let folder = tempfile::tempdir().unwrap();
    let (document, drafts) = (folder.path().join("partner.jsonld"), folder.path().join("drafts"));
    let import = || {
        let arguments = ["import", document.to_str().unwrap(), "--output", drafts.to_str().unwrap()];
        countersign(folder.path(), &arguments)
    };
    fs::write(&document, PARTNER).unwrap();
    let draft = drafts.join("1-medicine.commission.json");
    // Repeating is harmless if the draft is the same.
    assert!(import().status.success() && import().status.success());
    let edited = fs::read_to_string(&draft).unwrap().replace("A2", "A7");
    fs::write(&draft, &edited).unwrap();
    let others = fs::read_dir(&drafts).unwrap().count();
    let refused = import();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("is another draft") && said.contains("--output"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&draft).unwrap(), edited);
    assert_eq!((fs::read_dir(&drafts).unwrap().count(), refused.stdout.len()), (others, 0));
    fs::remove_file(&draft).unwrap();
    assert!(import().status.success());
}

#[test]
fn help_and_completion_are_there_for_every_command() {
    let home = Path::new("unused");
    let help = succeed(home, &["--help"]);
    for command in [
        "demo",
        "domain",
        "check",
        "trace",
        "sync",
        "enrol",
        "sign",
        "report",
        "reports",
        "export",
        "import",
        "verify",
        "node",
        "completion",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in the help");
        succeed(home, &[command, "--help"]);
    }
    assert!(succeed(home, &["completion", "bash"]).contains("complete -F"));
    assert!(succeed(home, &["sign"]).contains("medicine.recall"));
    assert_eq!(countersign(home, &["check"]).status.code(), Some(2));
}

#[test]
fn a_node_that_lost_statements_says_so_and_verify_shows_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("node.toml");
    let text = succeed(folder.path(), &["node", "example"]);
    fs::write(&config, text.replace("127.0.0.1:8443", "127.0.0.1:0")).unwrap();
    let node = NodeProcess::start(&config);
    Issuer::open(folder.path(), &config, &node, "authority");
    let verify = ["node", "--config", config.to_str().unwrap(), "verify"];
    let said = succeed(folder.path(), &verify);
    assert!(
        said.contains("✓ statements") && said.contains("✓ signer") && said.ends_with("Whole.\n"),
        "{said}"
    );
    // Killed; and what was in the write-ahead log is lost.
    drop(node);
    let wal = folder.path().join("data/ledger.sqlite-wal");
    let lost = fs::read(&wal).unwrap();
    fs::write(&wal, "").unwrap();
    let output = countersign(folder.path(), &verify);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("✗ signer") && said.contains("missing") && said.ends_with("Not whole.\n"),
        "{said}"
    );
    let started = countersign(folder.path(), &["node", "--config", config.to_str().unwrap(), "run"]);
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(!started.status.success() && said.contains("are missing"), "{said}");
    fs::write(&wal, lost).unwrap();
    drop(NodeProcess::start(&config));
    let said = succeed(folder.path(), &["--json", "node", "--config", config.to_str().unwrap(), "verify"]);
    assert!(said.lines().all(|line| line.contains("\"whole\":true")), "{said}");
}

//! SMART Health Links at a desk, over a server of this machine.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use countersign_ledger::certificate::request;
use countersign_ledger::{Certificate, Signer as _, SoftwareKey, UnixMillis};
use countersign_node::{Config, Node};
use countersign_records::{Cut, Extraction, Parts, RecordId, Rule, Unsigned, View};
use countersign_shl::{Access, ContentType, Key, Link, seal};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use serde_json::Value;

use crate::record::{summary, written};
use crate::{countersign, succeed};

/// A server that answers every request with this status and body.
fn server(status: &'static str, body: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while stream.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.get_mut().write_all((head + &body).as_bytes());
        }
    });
    address
}

/// What was made for an address of the web, as a link to this machine.
fn here(link: &Link, address: SocketAddr) -> String {
    let here = Link::new(&format!("http://{address}/"), link.key().clone(), link.access()).unwrap();
    here.to_uri().to_string()
}

fn read(home: &Path, link: &str) -> Value {
    let arguments =
        ["--json", "record", "health-link", "read", link, "--recipient", "Dr. Grace", "--this-machine"];
    serde_json::from_str(&succeed(home, &arguments)).unwrap()
}

/// Makes a link of a file, and gives what it printed and the encrypted file.
fn make(home: &Path, folder: &Path, file: &str, more: &[&str]) -> (Value, String) {
    let out = folder.to_str().unwrap();
    let base = [
        "--json",
        "record",
        "health-link",
        "make",
        file,
        "--base",
        "https://files.example/l/",
        "--output",
        out,
    ];
    let made: Value = serde_json::from_str(&succeed(home, &[&base, more].concat())).unwrap();
    let encrypted = fs::read_to_string(made["file"].as_str().unwrap()).unwrap();
    (made, encrypted)
}

/// A doctor of the ledger that the wallet in `home` trusts.
fn doctor(folder: &Path, home: &Path) -> (SoftwareKey, Certificate) {
    let node = Node::open(Config::development(folder.join("node"))).unwrap();
    let code = node.registrar().new_code("doctor", "grace", Duration::from_mins(10)).unwrap();
    let key = SoftwareKey::from_bytes(&[7; 32]).unwrap();
    let certificate = node.enrol(&code, &request(&key).unwrap()).unwrap();
    let genesis = written(folder, "genesis.json", node.genesis().to_json().as_bytes());
    succeed(home, &["init", &genesis, "--node", "https://localhost:1"]);
    (key, certificate)
}

/// The summary, signed, without its allergies: as a patient extracts it.
fn extraction(doctor: &(SoftwareKey, Certificate)) -> Extraction {
    let document = serde_json::to_vec(&summary()).unwrap();
    let mut random = UnwrapErr(SysRng);
    let unsigned = Unsigned::new(&mut Cut::new(&document).unwrap(), &[], &mut random);
    let (record, rule) = (RecordId([1; 16]), Rule::any(unsigned.count()));
    let draft = unsigned.draft(&record, 1, &rule, &doctor.0.public_key()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = UnixMillis(u64::try_from(now.as_millis()).unwrap());
    let signed = unsigned.signed(draft.sign(&doctor.1, &doctor.0, now, [1; 16]).unwrap(), &doctor.1);
    let parts: Vec<_> = signed.disclosures().iter().map(|one| one.part().clone()).collect();
    let hidden = parts.iter().find(|part| {
        let shown = View::of(&[parts[0].clone(), (*part).clone()]);
        shown.sections.iter().any(|section| section.title == "Allergies")
    });
    let kept = parts.iter().map(countersign_records::Part::number);
    signed.extract(Parts::of(kept.filter(|number| *number != hidden.unwrap().number())))
}

#[test]
fn a_document_that_nobody_signed_goes_by_link_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let document = serde_json::to_vec(&summary()).unwrap();
    let file = written(folder.path(), "summary.json", &document);
    let qr = folder.path().join("link.png");
    let more = ["--label", "Summary of a trial", "--qr", qr.to_str().unwrap(), "--days", "2"];
    let (made, encrypted) = make(folder.path(), folder.path(), &file, &more);
    assert_eq!(made["signed"], false);
    let link = Link::parse(made["link"].as_str().unwrap()).unwrap();
    assert_eq!((link.access(), link.label()), (Access::Direct, Some("Summary of a trial")));
    let (url, name) = (link.url(), Path::new(made["file"].as_str().unwrap()).file_name().unwrap());
    assert_eq!(url, format!("https://files.example/l/{}", name.to_str().unwrap()));
    assert_eq!(url.len(), 24 + 43, "256 random bits");
    let days = |days: u64| std::time::SystemTime::now() + Duration::from_secs(days * 24 * 3600);
    let seconds = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ends = link.expires().unwrap();
    assert!((seconds(days(2)) - 60..=seconds(days(2))).contains(&ends));
    // The picture has the same link, and is used in its place.
    let other = countersign(
        folder.path(),
        &["record", "health-link", "read", qr.to_str().unwrap(), "--recipient", "x", "--this-machine"],
    );
    assert!(String::from_utf8(other.stderr).unwrap().contains("cannot be reached"));
    assert!(String::from_utf8(other.stdout).unwrap().starts_with("Summary of a trial\n"));

    let address = server("200 OK", encrypted);
    let shown = read(folder.path(), &here(&link, address));
    assert_eq!((&shown["signature"], &shown["patient"]), (&"missing".into(), &"Jane Roe".into()));
    assert!(shown["told"].as_str().unwrap().contains("the author's signature is missing"));
    assert_eq!(shown["sections"][0]["lines"], serde_json::json!(["Glucose: 7.1 mmol/L"]));
    assert_eq!(shown["bytes"], document.len());

    // As a person reads it, and keeps it.
    let kept = folder.path().join("kept");
    let text = written(folder.path(), "link.txt", here(&link, address).as_bytes());
    let arguments = [
        "record",
        "health-link",
        "read",
        &text,
        "--recipient",
        "x",
        "--this-machine",
        "-o",
        kept.to_str().unwrap(),
    ];
    let told = succeed(folder.path(), &arguments);
    for words in [
        "signature is missing",
        "Jane Roe, born 1970-01-01",
        "Glucose: 7.1 mmol/L",
        "no data stated for Devices",
    ] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    assert_eq!(fs::read(kept.join("1.json")).unwrap(), document);
    let again = countersign(folder.path(), &arguments);
    assert_eq!(again.status.code(), Some(1), "what was kept is not replaced");
}

#[test]
fn an_extraction_goes_by_link_with_its_proof_and_any_other_word_beside_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let doctor = doctor(folder.path(), &home);
    let extraction = extraction(&doctor);
    let file = written(folder.path(), "extraction", &extraction.to_bytes());
    let (made, encrypted) = make(&home, folder.path(), &file, &[]);
    assert_eq!(made["signed"], true);
    let link = Link::parse(made["link"].as_str().unwrap()).unwrap();
    let opened = countersign_shl::open(&encrypted, link.key()).unwrap().bytes;
    let wire = here(&link, server("200 OK", encrypted));

    let shown = read(&home, &wire);
    assert_eq!(shown["signature"], "verified", "{shown}");
    let told = shown["told"].as_str().unwrap();
    assert!(
        told.starts_with("✓ signed by grace (doctor) of meds.example at 20")
            && told.contains("1 section is not shown"),
        "{told}"
    );
    assert!(shown["sections"].as_array().unwrap().iter().all(|section| section["title"] != "Allergies"));

    // Somebody who knows nobody sees the same document, and that nobody vouches for it.
    let stranger = read(&folder.path().join("stranger"), &wire);
    assert_eq!(stranger["signature"], "unverified");
    assert!(stranger["told"].as_str().unwrap().contains("there is no wallet here"));
    assert_eq!(stranger["sections"].as_array().unwrap().last().unwrap()["state"], "withheld");

    // Another word in the document around the proof: what was signed is shown.
    let altered = String::from_utf8(opened.to_vec()).unwrap().replace("Glucose", "Calcium");
    let sealed = seal(altered.as_bytes(), &ContentType::Fhir, link.key(), &mut UnwrapErr(SysRng)).unwrap();
    let differs = read(&home, &here(&link, server("200 OK", sealed)));
    assert_eq!(differs["signature"], "differs");
    let lines: Vec<_> = differs["sections"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["lines"].as_array().unwrap())
        .collect();
    assert!(lines.contains(&&Value::from("Glucose: 7.1 mmol/L")), "{lines:?}");

    // An extraction by somebody unknown here is not passed on as signed.
    let nobody = countersign(
        &folder.path().join("stranger"),
        &["record", "health-link", "make", &file, "--base", "https://files.example"],
    );
    assert!(String::from_utf8(nobody.stderr).unwrap().contains("nobody could rely on this extraction"));
}

#[test]
fn a_passcode_comes_from_the_environment_and_a_wrong_one_says_how_many_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let address = server("401 Unauthorized", r#"{"remainingAttempts":1}"#.to_owned());
    let link =
        Link::new(&format!("http://{address}/"), Key::random(&mut UnwrapErr(SysRng)), Access::Passcode)
            .unwrap();
    let (uri, home) = (link.to_uri(), folder.path().to_str().unwrap());
    let arguments =
        ["--home", home, "record", "health-link", "read", &uri, "--recipient", "x", "--this-machine"];
    let run = |passcode: Option<&str>| {
        let mut command = std::process::Command::new(crate::COUNTERSIGN);
        passcode.map(|passcode| command.env("COUNTERSIGN_PASSCODE", passcode));
        let output = command.args(arguments).stdin(std::process::Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(Some("1234")).contains("the passcode is wrong: one attempt is left before the link ends"));
    assert!(run(None).contains("COUNTERSIGN_PASSCODE"));
}

#[test]
fn a_protected_link_has_a_gate_beside_its_file_that_knows_no_passcode() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "summary.json", &serde_json::to_vec(&summary()).unwrap());
    let make = |passcode: &str| {
        let mut command = std::process::Command::new(crate::COUNTERSIGN);
        let arguments = [
            "--json",
            "record",
            "health-link",
            "make",
            &file,
            "--base",
            "https://files.example",
            "--passcode",
            "-o",
        ];
        command.args(arguments).arg(folder.path()).env("COUNTERSIGN_PASSCODE", passcode).output().unwrap()
    };
    let short = make("123");
    assert!(String::from_utf8(short.stderr).unwrap().contains("needs 4 characters or more"));
    let made: Value = serde_json::from_slice(&make("1234").stdout).unwrap();
    let link = Link::parse(made["link"].as_str().unwrap()).unwrap();
    assert_eq!(link.access(), Access::Passcode);
    let gate = Path::new(made["file"].as_str().unwrap()).with_extension("json");
    let gate = countersign_shl::Gate::parse(&fs::read(gate).unwrap()).unwrap();
    assert!(gate.admits("1234") && !gate.admits("12345") && gate.url() == link.url());
    assert!(gate.is_open(link.expires().unwrap() - 1) && !gate.is_open(link.expires().unwrap()));
}

#[test]
fn what_is_no_link_and_what_cannot_be_one_is_answered_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "summary.json", &serde_json::to_vec(&summary()).unwrap());
    let other = written(folder.path(), "other.json", b"{}");
    let out = folder.path().to_str().unwrap();
    let make = ["record", "health-link", "make"];
    let with = |more: &[&'static str], file: &str| {
        let arguments: Vec<&str> =
            make.iter().copied().chain([file, "--output", out]).chain(more.iter().copied()).collect();
        let output = countersign(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    for (told, sentence) in [
        (with(&["--base", "http://files.example"], &file), "begins with https://"),
        (
            with(&["--base", "https://files.example", "--label", "x".repeat(81).leak()], &file),
            "at most 80 characters",
        ),
        (with(&["--base", format!("https://{}.example", "x".repeat(90)).leak()], &file), "at most 128 bytes"),
        (with(&["--base", "https://files.example", "--qr", "link.gif"], &file), "neither a .png nor a .svg"),
        (with(&["--base", "https://files.example"], &other), "neither an extraction nor a FHIR document"),
        (
            String::from_utf8(
                countersign(
                    folder.path(),
                    &["record", "health-link", "read", "https://files.example", "--recipient", "x"],
                )
                .stderr,
            )
            .unwrap(),
            "this is no SMART Health Link",
        ),
    ] {
        assert!(told.contains(sentence) && told.lines().count() == 1, "{told}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing was written: {left:?}");
}

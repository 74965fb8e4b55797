//! The README's "Run a ledger", pasted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

const README: &str = include_str!("../../README.md");

/// The blocks of shell in a section, in order.
fn blocks(section: &str) -> Vec<&'static str> {
    let (_, text) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn a_ledger_is_run_as_the_readme_says() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("Run a ledger");
    assert!(blocks.len() >= 5, "{blocks:?}");
    // Another test, or another node on this machine, may have the port.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let example = "countersign node example > countersign-node.toml";
    let script = blocks.concat().replace("localhost:8443", &format!("localhost:{port}"));
    let script = script.replacen(example, &format!("countersign node example | sed s/8443/{port}/ > countersign-node.toml"), 1);
    assert_eq!(script.matches("| sed s/8443/").count(), 1);
    let script = format!("set -eum\ntrap 'kill %1 2> /dev/null || true' EXIT\n{script}");
    let bin = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env_remove("COUNTERSIGN_HOME")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let log = fs::read_to_string(folder.path().join("node.log")).unwrap_or_default();
    assert!(output.status.success(), "{said}\n{}\n{log}", String::from_utf8_lossy(&output.stderr));
    for words in [
        "-f to=…  SPIFFE ID of supplier, such as spiffe://meds.example/supplier/northwind",
        "--serials FILE",
        "Recorded at index",
        "✓ Authentic",
        "Lot distributed",
        "2 packs, each scanned",
        "sign it with: countersign sign --draft",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // What a manufacturer may not sign is not listed.
    assert!(!said.contains("medicine.certificate"), "{said}");
}

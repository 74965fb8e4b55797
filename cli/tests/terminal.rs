//! What a code, a file or a person brings does nothing to the terminal, and a code that is refused has its exit code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn countersign(home: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("--home").arg(home).args(arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that reads nothing may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A wallet of a ledger that no node runs.
fn wallet() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("node.toml");
    fs::write(&config, "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\n")
        .unwrap();
    let genesis = countersign(folder.path(), &["node", "--config", config.to_str().unwrap(), "genesis"], "");
    let file = folder.path().join("pinned.json");
    fs::write(&file, genesis.stdout).unwrap();
    let init = ["init", file.to_str().unwrap(), "--node", "https://localhost:1"];
    assert!(countersign(folder.path(), &init, "").status.success());
    folder
}

const HOSTILE: [&str; 5] = [
    "(01)09506000134352(10)\u{1b}[2J\u{1b}]0;title\u{7}",
    "]d2010950600013435210A\u{1b}[31mB",
    "https://id.gs1.org/01/09506000134352/10/A\u{9b}31m",
    "\u{1b}[8mhidden\u{202e}txet",
    "]d1\u{1b}c",
];

#[test]
fn no_command_sends_control_characters_of_a_code_to_the_terminal() {
    let home = wallet();
    let draft = home.path().join("draft.json");
    let commands: [&[&str]; 10] = [
        &["check", "TEXT"],
        &["--json", "check", "TEXT"],
        &["trace", "TEXT"],
        &["follow", "TEXT"],
        &["scan", "TEXT"],
        &["--json", "scan", "TEXT"],
        &["label", "TEXT", "-o", "label.png"],
        &["export", "evidence", "TEXT", "-o", "evidence.cbor"],
        &["sign", "medicine.recall", "--about", "TEXT", "-f", "reason=x"],
        &["TEXT"],
    ];
    for text in HOSTILE {
        let mut outputs = vec![countersign(home.path(), &["gs1"], &format!("{text}\n"))];
        for arguments in commands {
            let arguments: Vec<&str> =
                arguments.iter().map(|one| if *one == "TEXT" { text } else { one }).collect();
            outputs.push(countersign(home.path(), &arguments, ""));
        }
        fs::write(&draft, format!("{{\"kind\": {text:?}, \"about\": \"x\"}}")).unwrap();
        outputs.push(countersign(home.path(), &["sign", "--draft", draft.to_str().unwrap()], ""));
        for output in outputs {
            for said in [output.stdout, output.stderr] {
                let said = String::from_utf8(said).unwrap();
                let acts = |c: char| c != '\n' && countersign_custody::words::acts(c);
                assert!(!said.contains(acts), "{text:?}: {said:?}");
            }
        }
    }
}

#[test]
fn a_code_that_is_refused_is_one_to_scan_again_whatever_was_asked_of_it() {
    let home = wallet();
    let wrong = "(01)09506000134353(10)ABC";
    for arguments in [&["check", wrong][..], &["trace", wrong], &["follow", wrong]] {
        let output = countersign(home.path(), arguments, "");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(12), "{arguments:?}: {said}");
        assert_eq!(said.matches("check digit").count(), 1, "{said}");
    }
    // The worst one counts, and a file that is not there is no code.
    let both = countersign(home.path(), &["check", wrong, "missing.png"], "");
    assert_eq!(both.status.code(), Some(12));
    assert_eq!(countersign(home.path(), &["check", "missing.png"], "").status.code(), Some(1));
}

#[test]
fn an_empty_list_of_serials_is_told_as_what_it_is() {
    let home = wallet();
    let list = home.path().join("serials.txt");
    fs::write(&list, "\n\n").unwrap();
    let about = "(01)09506000134352(10)ABC";
    let arguments = ["sign", "medicine.commission", "--about", about, "--serials", list.to_str().unwrap()];
    let said = String::from_utf8(countersign(home.path(), &arguments, "").stderr).unwrap();
    assert!(said.contains("has no serial numbers: write one per line"), "{said}");
}

//! A check where the disk takes no write: a full one and a read-only one, mounted for the test in a namespace of its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test that fails should stop")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

/// Runs a script where it may mount; `None` where this machine lets nobody.
fn mounting(folder: &Path, script: &str) -> Option<Output> {
    let may = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("this machine lets nobody mount: nothing was tested");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "bash", "-euc", script]);
    Some(command.current_dir(folder).env("COUNTERSIGN", COUNTERSIGN).output().unwrap())
}

/// A wallet that was synced, from the demo, and a picture of a genuine pack.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(COUNTERSIGN)
        .args(["demo", "--packs", "100", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    folder
}

/// The wallet on a small disk of its own, then `more`, then a check of the genuine pack.
const ON_A_DISK: &str = r#"
    mkdir disk
    mount -t tmpfs -o size=8m none disk
    cp -r wallet disk/wallet
    rm -f disk/wallet/snapshot.db-shm
    MORE
    "$COUNTERSIGN" --home disk/wallet check packs/1-genuine-photo.png
    ! "$COUNTERSIGN" --home disk/wallet follow '(01)09501101530003' 2> refused
    "$COUNTERSIGN" --home disk/wallet check packs/1-genuine-label.png
"#;

#[test]
fn a_full_or_read_only_disk_stops_no_check() {
    let folder = demo();
    // Without a WAL, and with one; `core/wallet/tests/wallet/disks.rs` has one that holds more than the file.
    for (more, words) in [
        ("mount -o remount,ro disk", "cannot be written"),
        (": > disk/wallet/snapshot.db-wal; mount -o remount,ro disk", "cannot be written"),
        (
            "dd if=/dev/zero of=disk/filler bs=4k status=none || true; : > disk/wallet/snapshot.db-wal",
            "the disk is full",
        ),
    ] {
        let Some(output) = mounting(folder.path(), &ON_A_DISK.replace("MORE", more)) else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{more}: {said} {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.matches("✓ Authentic").count(), 2, "{more}: {said}");
        let refused = fs::read_to_string(folder.path().join("refused")).unwrap();
        assert!(refused.contains(words) && !refused.contains("Error code"), "{more}: {refused}");
        fs::remove_dir(folder.path().join("disk")).unwrap();
    }
}

#[test]
fn a_damaged_database_is_told_in_our_words_and_replaced() {
    let folder = demo();
    let database = folder.path().join("wallet/snapshot.db");
    fs::write(&database, "not a database, and long enough to be mistaken for one").unwrap();
    let run = |arguments: &[&str]| {
        Command::new(COUNTERSIGN)
            .arg("--home")
            .arg(folder.path().join("wallet"))
            .args(arguments)
            .output()
            .unwrap()
    };
    let output = run(&["check", folder.path().join("packs/1-genuine-label.png").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(13), "{said}");
    assert!(said.contains("snapshot.db-damaged-1") && said.contains("countersign sync"), "{said}");
    assert!(!said.contains("file is not a database"), "{said}");
    // What was followed was in it.
    assert!(run(&["follow", "(01)09506000134352"]).status.success());
}

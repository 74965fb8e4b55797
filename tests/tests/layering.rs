//! Dependencies point down one list, and the pure crates stay pure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the top down: a crate may depend on those after it.
const LAYERS: [(&str, &str); 15] = [
    ("countersign", "cli"),
    ("countersign-node", "node"),
    ("countersign-bindings-generate", "bindings/generate"),
    ("countersign-bindings", "bindings"),
    ("countersign-wallet", "core/wallet"),
    ("countersign-families", "core/families"),
    ("countersign-custody", "core/custody"),
    ("countersign-domains", "core/domains"),
    ("countersign-records", "core/records"),
    ("countersign-bedside", "core/bedside"),
    ("countersign-ledger", "core/ledger"),
    ("countersign-scan", "core/scan"),
    ("countersign-abe", "core/abe"),
    ("countersign-shl", "core/shl"),
    ("countersign-device", "core/device"),
];
/// Crates that may not reach the world, and what would let them.
const PURE: [&str; 10] = [
    "core/families",
    "core/custody",
    "core/domains",
    "core/records",
    "core/bedside",
    "core/ledger",
    "core/scan",
    "core/abe",
    "core/shl",
    "core/device",
];
const WORLDLY: [&str; 8] =
    ["tokio", "reqwest", "rusqlite", "rustls", "axum", "hyper", "getrandom", "tracing"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a crate depends on outside its tests.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let table =
        |name: &str| manifest.get(name).and_then(|value| value.as_table()).cloned().unwrap_or_default();
    table("dependencies").keys().cloned().collect()
}

#[test]
fn every_crate_depends_only_on_those_below_it() {
    for (rank, (name, folder)) in LAYERS.iter().enumerate() {
        let above: BTreeSet<String> = LAYERS[..=rank].iter().map(|&(name, _)| name.to_owned()).collect();
        let upward: Vec<_> = dependencies(folder).intersection(&above).cloned().collect();
        assert!(upward.is_empty(), "{name} reaches up to {upward:?}");
    }
}

#[test]
fn every_crate_of_the_workspace_has_its_layer() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap().iter();
    let members: BTreeSet<_> =
        members.filter_map(|member| member.as_str()).filter(|member| !member.starts_with("tests")).collect();
    assert_eq!(members, LAYERS.iter().map(|&(_, folder)| folder).collect());
}

#[test]
fn pure_crates_have_no_way_to_the_world() {
    let worldly: BTreeSet<String> = WORLDLY.iter().map(ToString::to_string).collect();
    for folder in PURE {
        let found: Vec<_> = dependencies(folder).intersection(&worldly).cloned().collect();
        assert!(found.is_empty(), "{folder} depends on {found:?}");
        let bans = fs::read_to_string(root().join("core/clippy.toml")).unwrap();
        assert!(bans.contains("SystemTime::now"), "the purity bans are gone");
        assert!(!root().join(folder).join("clippy.toml").exists(), "{folder} lifts the purity bans");
    }
}

#[test]
fn verified_things_are_made_in_one_place() {
    // `Verified`, `Placed` and `TrustedCheckpoint` are built by the functions that check them, and by no other.
    for (made, allowed) in [
        ("Verified::new(", vec!["core/ledger/src/trust_store.rs"]),
        ("Entry::Standing(", vec!["core/ledger/src/trust_store.rs"]),
        ("Placed {", vec!["core/ledger/src/trust_store.rs"]),
        ("TrustedCheckpoint {", vec!["core/ledger/src/checkpoint/trusted.rs"]),
    ] {
        let found: BTreeSet<_> = sources(&root().join("core/ledger/src"))
            .into_iter()
            .filter(|path| fs::read_to_string(path).unwrap().contains(made))
            .map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(found, allowed.into_iter().map(str::to_owned).collect(), "{made}");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(sources(&path)) } else { found.push(path) }
    }
    found
}

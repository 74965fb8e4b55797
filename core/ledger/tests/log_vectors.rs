//! Published transparency-log vectors: inclusion proofs, a whole tiled log, notes and keys.
//!
//! [`refused_on_purpose`] lists what we refuse although its publishers accept it, with the reasons.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, its helpers too; vectors are files; all sizes are small"
)]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::{
    CheckpointTextError, Hash, LogProof, Note, TileError, TileKind, TilePath, Tiles, Tree, TreeHead,
    VerifierKey, VerifierKeyError, leaf_hash, read_bundle, verify_consistency, verify_inclusion,
};
use serde_json::Value;

/// A folder of the published vectors; `None`, with a message, if this clone has none. CI requires it.
fn vectors(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "CI needs the published vectors");
    eprintln!("skipped: the published vectors are not beside this clone");
    None
}

/// All files below `folder`, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn inclusion_proofs_hold_exactly_where_they_should() {
    let Some(folder) = vectors("merkle/inclusion") else { return };
    let (mut good, mut bad) = (0, 0);
    for file in files(&folder) {
        let case = json(&file);
        // A root, leaf or sibling that is not 32 bytes long cannot be expressed in our types.
        let hash = |value: &Value| Hash::from_slice(&STANDARD.decode(value.as_str()?).ok()?);
        let proof = case["proof"].as_array().map_or(Some(vec![]), |proof| proof.iter().map(hash).collect());
        let (index, size) = (case["leafIdx"].as_u64().unwrap(), case["treeSize"].as_u64().unwrap());
        let accepted = match (hash(&case["leafHash"]), proof, hash(&case["root"])) {
            (Some(leaf), Some(proof), Some(root)) => {
                verify_inclusion(leaf, index, size, &proof, root).is_ok()
            }
            _ => false,
        };
        assert_eq!(accepted, !case["wantErr"].as_bool().unwrap(), "{}", file.display());
        if accepted { good += 1 } else { bad += 1 }
    }
    assert_eq!((good, bad), (6, 92));
}

/// The log of 15 entries, as published.
struct TiledLog {
    folder: PathBuf,
    key: VerifierKey,
    entries: Vec<String>,
}

impl TiledLog {
    fn open() -> Option<Self> {
        let folder = vectors("tlog")?;
        let key = fs::read_to_string(folder.join("vkey.txt")).unwrap().trim().parse().unwrap();
        let entries = serde_json::from_value(json(&folder.join("entries.json"))).unwrap();
        Some(Self { folder: folder.join("log"), key, entries })
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    fn head(&self, note: &[u8]) -> Option<TreeHead> {
        let note = Note::parse(std::str::from_utf8(note).ok()?).ok()?;
        self.key.verify(&note).ok()?;
        TreeHead::parse(note.text()).ok().filter(|head| head.origin == self.key.name())
    }

    /// The head of the log at `size`.
    fn head_at(&self, size: u64) -> TreeHead {
        self.head(&self.read(&format!("checkpoint.{size}"))).unwrap()
    }

    fn root_from_tile(path: &TilePath, tile: &[u8]) -> Option<Hash> {
        let mut tiles = Tiles::new();
        tiles.insert(path, tile).ok()?;
        tiles.root_at(path.width().into())
    }

    fn root_from_bundle(path: &TilePath, bundle: &[u8]) -> Result<Hash, TileError> {
        let mut tree = Tree::new();
        for entry in read_bundle(path, bundle)? {
            tree.push(leaf_hash(entry));
        }
        Ok(tree.root())
    }
}

/// Every file that differs from `bytes` in one bit.
fn each_bit_flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..8 * bytes.len()).map(|bit| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    })
}

#[test]
fn every_checkpoint_of_the_tiled_log_is_signed_and_has_the_root_of_its_tiles_and_entries() {
    let Some(log) = TiledLog::open() else { return };
    let mut tree = Tree::new();
    for size in 0..=15 {
        let head = log.head_at(size);
        assert_eq!((head.size, head.root, head.extensions.len()), (size, tree.root(), 0));
        if let Some(path) = TilePath::at_size(TileKind::Hashes(0), 0, size) {
            let tile = log.read(&path.to_string());
            assert_eq!(TiledLog::root_from_tile(&path, &tile), Some(head.root));
            let path = TilePath::at_size(TileKind::Entries, 0, size).unwrap();
            let bundle = log.read(&path.to_string());
            assert_eq!(TiledLog::root_from_bundle(&path, &bundle), Ok(head.root));
            assert_eq!(
                read_bundle(&path, &bundle).unwrap().last(),
                Some(&log.entries[tree.size() as usize - 1].as_bytes())
            );
        }
        if size < 15 {
            tree.push(leaf_hash(log.entries[size as usize].as_bytes()));
        }
    }
    assert_eq!(log.read("checkpoint"), log.read("checkpoint.15"));
    assert_eq!(files(&log.folder).len(), 17 + 15 + 15);
}

#[test]
fn every_proof_from_the_published_tile_leads_to_the_published_roots() {
    let Some(log) = TiledLog::open() else { return };
    let path = TilePath::at_size(TileKind::Hashes(0), 0, 15).unwrap();
    let mut tiles = Tiles::new();
    tiles.insert(&path, &log.read(&path.to_string())).unwrap();
    let heads: Vec<_> = (0..=15).map(|size| log.head_at(size)).collect();
    for new in &heads {
        for (index, entry) in (0..new.size).zip(&log.entries) {
            let proof = tiles.inclusion(index, new.size).unwrap();
            assert_eq!(
                verify_inclusion(leaf_hash(entry.as_bytes()), index, new.size, &proof, new.root),
                Ok(())
            );
        }
        for old in heads.iter().filter(|old| old.size <= new.size) {
            let proof = tiles.consistency(old.size, new.size).unwrap();
            assert_eq!(verify_consistency(old.size, new.size, old.root, new.root, &proof), Ok(()));
        }
    }
}

#[test]
fn any_flipped_bit_in_the_tiled_log_is_detected() {
    let Some(log) = TiledLog::open() else { return };
    for size in 0..=15 {
        let head = log.head_at(size);
        for bytes in each_bit_flipped(&log.read(&format!("checkpoint.{size}"))) {
            assert_eq!(log.head(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
        }
        let Some(path) = TilePath::at_size(TileKind::Hashes(0), 0, size) else { continue };
        for bytes in each_bit_flipped(&log.read(&path.to_string())) {
            assert_ne!(TiledLog::root_from_tile(&path, &bytes), Some(head.root));
        }
        let path = TilePath::at_size(TileKind::Entries, 0, size).unwrap();
        for bytes in each_bit_flipped(&log.read(&path.to_string())) {
            assert_ne!(TiledLog::root_from_bundle(&path, &bytes), Ok(head.root));
        }
    }
}

/// Why a vector that is published as valid is refused here; `None` for all others.
fn refused_on_purpose(case: &Value) -> Option<&'static str> {
    match case["name"].as_str()? {
        // static-ct-api tree heads, which no log of ours signs and no policy of ours accepts.
        "Static CT works" | "RFC 6962 tree head as note, works" => Some("type 0x05"),
        // The publisher's parser accepts any hash function; C2SP tlog-checkpoint and we accept SHA-256 only.
        "valid one"
        | "valid with different origin"
        | "valid with trailing data"
        | "valid with multiple trailing data lines"
        | "valid with trailing newlines" => Some("not SHA-256"),
        _ => None,
    }
}

#[test]
fn published_notes_keys_and_checkpoints_are_judged_as_published() {
    let Some(folder) = vectors("note") else { return };
    let lines = fs::read_to_string(folder.join("notes.jsonl")).unwrap();
    let (mut judged, mut divergences) = (0, 0);
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = || case["text"].as_str().unwrap();
        let key = || case["key"].as_str().map(str::parse::<VerifierKey>);
        let signed = || {
            let note = Note::parse(text()).map_err(|_| ())?;
            assert_eq!(note.to_string(), text(), "{line}");
            key().map_or(Ok(()), |key| key.map_err(|_| ())?.verify(&note).map(|_| ()).map_err(|_| ()))
        };
        let accepted = match case["kind"].as_str().unwrap() {
            "verifier-key" => key().unwrap().inspect(|key| assert_eq!(key.to_string(), case["key"])).is_ok(),
            "note" => signed().is_ok(),
            "checkpoint" => {
                let note = Note::parse(text()).unwrap();
                assert_eq!(TreeHead::parse(note.text()).unwrap().size, 20_852_163);
                signed().is_ok()
            }
            "checkpoint-body" => TreeHead::parse(text()).is_ok(),
            "tlog-proof" => text().parse::<LogProof>().is_ok_and(|proof| {
                assert_eq!(proof.to_string(), text());
                assert_eq!(proof.index, case["index"], "{line}");
                let hashes = proof.path.iter().map(|hash| STANDARD.encode(hash.as_bytes()));
                assert_eq!(hashes.collect::<Vec<_>>(), *case["hashes"].as_array().unwrap(), "{line}");
                assert_eq!(
                    proof.extra.map(|extra| STANDARD.encode(extra)).as_deref(),
                    case["extra_base64"].as_str()
                );
                true
            }),
            kind => panic!("unknown kind {kind}"),
        };
        judged += 1;
        if let Some(reason) = refused_on_purpose(&case) {
            divergences += 1;
            assert!(!accepted && case["valid"] == true, "no divergence any more: {line}");
            match reason {
                "type 0x05" => assert_eq!(key().unwrap().unwrap_err(), VerifierKeyError::UnknownType(5)),
                _ => assert_eq!(TreeHead::parse(text()).unwrap_err(), CheckpointTextError::RootLength),
            }
        } else {
            assert_eq!(accepted, case["valid"] != false, "{line}");
        }
    }
    assert_eq!((judged, divergences), (41, 7));
}

#[test]
fn an_altered_note_of_rekor_is_refused_bit_by_bit() {
    let Some(folder) = vectors("note") else { return };
    let lines = fs::read_to_string(folder.join("notes.jsonl")).unwrap();
    let cases = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let case =
        cases.filter(|case| case["name"] == "sigstore works").find(|case| case["kind"] == "note").unwrap();
    let key: VerifierKey = case["key"].as_str().unwrap().parse().unwrap();
    let verifies = |note: &str| Note::parse(note).is_ok_and(|note| key.verify(&note).is_ok());
    let note = case["text"].as_str().unwrap();
    assert!(verifies(note));
    for bytes in each_bit_flipped(note.as_bytes()) {
        assert!(!std::str::from_utf8(&bytes).is_ok_and(verifies), "{}", String::from_utf8_lossy(&bytes));
    }
}

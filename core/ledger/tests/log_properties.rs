//! Properties of the log and the subject index, against models that are too slow to ship.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, its helpers too; all sizes are small"
)]

use std::collections::BTreeMap;

use countersign_ledger::{
    Checkpoint, Cosigner, Family, FamilyProof, Frontier, Hash, Inclusions, Index, IndexEntry, IndexKey,
    IndexProof, Note, NoteSigner, Policy, TilePath, Tree, TrustedCheckpoint, UnixMillis, VerifierKey,
    leaf_hash, read_bundle, verify_consistency, verify_inclusion, write_bundle,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// MTH of RFC 9162 section 2.1.1, word by word.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(b""),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            Hash::of(&[&[1][..], &mth(&leaves[..k]).0, &mth(&leaves[k..]).0].concat())
        }
    }
}

/// PATH of RFC 9162 section 2.1.3.1, word by word.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    let n = leaves.len();
    if n == 1 {
        return vec![];
    }
    let k = n.next_power_of_two() / 2;
    if m < k {
        [path(m, &leaves[..k]), vec![mth(&leaves[k..])]].concat()
    } else {
        [path(m - k, &leaves[k..]), vec![mth(&leaves[..k])]].concat()
    }
}

/// SUBPROOF of RFC 9162 section 2.1.4.1, word by word.
fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    let n = leaves.len();
    if m == n {
        return if whole { vec![] } else { vec![mth(leaves)] };
    }
    let k = n.next_power_of_two() / 2;
    if m <= k {
        [subproof(m, &leaves[..k], whole), vec![mth(&leaves[k..])]].concat()
    } else {
        [subproof(m - k, &leaves[k..], false), vec![mth(&leaves[..k])]].concat()
    }
}

fn leaf(i: usize) -> Hash {
    leaf_hash(&i.to_be_bytes())
}

fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(leaf).collect()
}

fn tree(size: usize) -> Tree {
    let mut tree = Tree::new();
    for leaf in leaves(size) {
        tree.push(leaf);
    }
    tree
}

fn altered(hash: Hash, bit: usize) -> Hash {
    let mut hash = hash;
    hash.0[bit / 8 % 32] ^= 1 << (bit % 8);
    hash
}

/// The checkpoint of a tree, signed by the log and its witness.
fn checkpoint(tree: &Tree) -> TrustedCheckpoint {
    let origin = "ledger.example/supply";
    let log = NoteSigner::p256(origin, &[11; 32]).unwrap();
    let witness = Cosigner::new("witness.example/a", &[12; 32]).unwrap();
    let text = Checkpoint::new(origin, tree.size(), tree.root(), Hash::default()).unwrap().to_string();
    let mut note = Note::new(text.clone()).unwrap();
    note.add(log.sign(&text)).unwrap();
    note.add(witness.cosign(&text, UnixMillis(1_795_000_000_000))).unwrap();
    let (log, witness) = (log.verifier_key(), witness.verifier_key());
    let policy: Policy = format!("log {log}\nwitness a {witness}\nquorum a\n").parse().unwrap();
    policy.trust(&note.to_string()).unwrap()
}

#[test]
fn every_small_tree_is_as_the_standard_says() {
    let (tree, leaves) = (tree(70), leaves(70));
    let mut frontier = Frontier::new();
    for n in 0..=70 {
        let size = n as u64;
        assert_eq!((frontier.size(), frontier.root()), (size, mth(&leaves[..n])));
        assert_eq!(tree.root_at(size), Some(frontier.root()));
        assert_eq!(Frontier::from_parts(size, frontier.peaks().to_vec()), Some(frontier.clone()));
        for m in 0..n {
            let proof = tree.inclusion(m as u64, size).unwrap();
            assert_eq!(proof, path(m, &leaves[..n]));
            assert_eq!(verify_inclusion(leaves[m], m as u64, size, &proof, frontier.root()), Ok(()));
            let proof = tree.consistency(m as u64, size).unwrap();
            assert_eq!(proof, if m == 0 { vec![] } else { subproof(m, &leaves[..n], true) });
            let old = mth(&leaves[..m]);
            assert_eq!(verify_consistency(m as u64, size, old, frontier.root(), &proof), Ok(()));
        }
        if n < 70 {
            assert_eq!(frontier.push(leaves[n]), size);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_larger_tree_agrees_with_its_frontier_and_the_model(size in 0usize..3000) {
        let tree = tree(size);
        prop_assert_eq!(tree.root(), mth(&leaves(size)));
        prop_assert_eq!(tree.frontier().root(), tree.root());
        let mut frontier = tree.frontier();
        frontier.push(leaf(size));
        prop_assert_eq!(frontier, self::tree(size + 1).frontier());
    }

    #[test]
    fn an_altered_inclusion_proof_is_refused(
        (size, index) in (1usize..400).prop_flat_map(|size| (Just(size), 0..size)),
        (at, bit, other) in (any::<prop::sample::Index>(), 0usize..256, any::<u64>()),
    ) {
        let (tree, size, index) = (tree(size), size as u64, index as u64);
        let (proof, root) = (tree.inclusion(index, size).unwrap(), tree.root());
        let leaf = leaf(index as usize);
        prop_assert!(verify_inclusion(altered(leaf, bit), index, size, &proof, root).is_err());
        prop_assert!(verify_inclusion(leaf, index, size, &proof, altered(root, bit)).is_err());
        for other in [other, other % size, index ^ 1, index + 1] {
            prop_assert!(other == index || verify_inclusion(leaf, other, size, &proof, root).is_err());
        }
        if !proof.is_empty() {
            let (at, mut wrong) = (at.index(proof.len()), proof.clone());
            wrong[at] = altered(wrong[at], bit);
            prop_assert!(verify_inclusion(leaf, index, size, &wrong, root).is_err());
            wrong.remove(at);
            prop_assert!(verify_inclusion(leaf, index, size, &wrong, root).is_err());
        }
        // Another size is refused if its paths have another length; otherwise only the checkpoint shows the difference.
        for other in [size - 1, size + 1] {
            let length = self::tree(other as usize).inclusion(index, other).map(|path| path.len());
            let refused = verify_inclusion(leaf, index, other, &proof, root).is_err();
            prop_assert!(refused || length == Some(proof.len()));
        }
    }

    #[test]
    fn inclusions_one_after_the_other_are_judged_as_each_alone(
        size in 1usize..400,
        asked in vec((any::<prop::sample::Index>(), 0i64..5, 0u8..4, any::<prop::sample::Index>(), 0usize..256), 1..40),
    ) {
        let tree = tree(size);
        let checkpoint = checkpoint(&tree);
        let mut inclusions = Inclusions::new(&checkpoint);
        for (near, step, change, at, bit) in asked {
            let index = (near.index(size) as u64).saturating_add_signed(step).min(size as u64 - 1);
            let (mut leaf, mut claimed) = (leaf(index as usize), index);
            let mut proof = tree.inclusion(index, size as u64).unwrap();
            match change {
                1 => leaf = altered(leaf, bit),
                2 => claimed ^= 1 << (bit % 9),
                3 if !proof.is_empty() => {
                    let at = at.index(proof.len());
                    proof[at] = altered(proof[at], bit);
                    if bit == 0 {
                        proof.remove(at);
                    }
                }
                _ => {}
            }
            let alone = verify_inclusion(leaf, claimed, size as u64, &proof, tree.root());
            prop_assert_eq!(inclusions.verify(leaf, claimed, &proof), alone);
        }
    }

    #[test]
    fn an_altered_consistency_proof_is_refused(
        (new, old) in (2usize..400).prop_flat_map(|new| (Just(new), 1..new)),
        (at, bit) in (any::<prop::sample::Index>(), 0usize..256),
    ) {
        let (tree, new, old) = (tree(new), new as u64, old as u64);
        let (old_root, new_root) = (tree.root_at(old).unwrap(), tree.root());
        let proof = tree.consistency(old, new).unwrap();
        let check = |old_root, new_root, proof: &[Hash]| verify_consistency(old, new, old_root, new_root, proof);
        prop_assert_eq!(check(old_root, new_root, &proof), Ok(()));
        prop_assert!(check(altered(old_root, bit), new_root, &proof).is_err());
        prop_assert!(check(old_root, altered(new_root, bit), &proof).is_err());
        prop_assert!(check(new_root, old_root, &proof).is_err());
        let (at, mut wrong) = (at.index(proof.len()), proof.clone());
        wrong[at] = altered(wrong[at], bit);
        prop_assert!(check(old_root, new_root, &wrong).is_err());
        wrong.remove(at);
        prop_assert!(check(old_root, new_root, &wrong).is_err());
    }
}

/// Few families and few bits of subject, so that keys collide, are near one another, and fill families.
fn key() -> impl Strategy<Value = IndexKey> {
    let subject = prop_oneof![
        (0u32..40).prop_map(|i| Hash::of(&i.to_be_bytes())),
        (0usize..256).prop_map(|bit| altered(Hash::default(), bit)),
        Just(Hash::default()),
    ];
    (family(), subject).prop_map(|(family, subject)| IndexKey { family, subject })
}

fn family() -> impl Strategy<Value = Family> {
    let near = (0usize..128).prop_map(|bit| {
        let mut family = Family::new("a");
        family.0[bit / 8] ^= 1 << (bit % 8);
        family
    });
    prop_oneof![3 => (0u8..4).prop_map(|i| Family::new(&i.to_string())), 1 => near]
}

fn entry() -> impl Strategy<Value = IndexEntry> {
    (any::<u64>(), any::<[u8; 32]>()).prop_map(|(count, latest)| IndexEntry { count, latest: Hash(latest) })
}

fn bits(key: &IndexKey) -> Vec<bool> {
    let bytes = [&key.family.0[..], &key.subject.0].concat();
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
}

/// The root as the index's documentation defines it, from the sorted map.
fn index_root(entries: &[(IndexKey, IndexEntry)]) -> Hash {
    match entries {
        [] => Hash([0; 32]),
        [(key, entry)] => {
            let count = entry.count.to_be_bytes();
            Hash::of(&[&[0][..], &key.family.0, &key.subject.0, &count, &entry.latest.0].concat())
        }
        [(first, _), .., (last, _)] => {
            let depth = bits(first).iter().zip(bits(last)).position(|(a, b)| *a != b).unwrap();
            let (left, right): (Vec<_>, Vec<_>) = entries.iter().partition(|(key, _)| !bits(key)[depth]);
            let depth = (depth as u16).to_be_bytes();
            Hash::of(&[&[1][..], &depth, &index_root(&left).0, &index_root(&right).0].concat())
        }
    }
}

fn index_of(entries: &[(IndexKey, IndexEntry)]) -> (Index, BTreeMap<IndexKey, IndexEntry>) {
    let mut index = Index::new();
    for (key, entry) in entries {
        index.insert(*key, *entry);
    }
    (index, entries.iter().copied().collect())
}

proptest! {
    #[test]
    fn the_index_is_the_map_it_stands_for(entries in vec((key(), entry()), 0..120), asked in vec(key(), 20)) {
        let (index, map) = index_of(&entries);
        let sorted: Vec<_> = map.iter().map(|(key, entry)| (*key, *entry)).collect();
        prop_assert_eq!((index.len(), index.is_empty()), (map.len(), map.is_empty()));
        prop_assert_eq!(index.root(), index_root(&sorted));
        for key in asked.iter().chain(map.keys()) {
            prop_assert_eq!(index.get(key), map.get(key).copied());
            let proof = IndexProof::from_cbor(&index.prove(key).to_cbor()).unwrap();
            prop_assert_eq!(proof.verify(key, index.root()), Ok(map.get(key).copied()));
        }
    }

    #[test]
    fn neither_order_nor_history_nor_sharing_shows_in_the_root(
        entries in vec((key(), entry()), 1..80),
        seed in any::<prop::sample::Index>(),
    ) {
        let (mut index, map) = index_of(&entries);
        let mut sorted: Vec<_> = map.into_iter().collect();
        let turn = seed.index(sorted.len());
        sorted.rotate_left(turn);
        let (mut other, mut kept) = (Index::new(), vec![]);
        for (key, entry) in &sorted {
            kept.push((other.clone(), other.len()));
            other.insert(*key, IndexEntry { count: 0, latest: Hash::default() });
            let _ = other.root();
            other.insert(*key, *entry);
        }
        prop_assert_eq!(other.root(), index.root());
        for (i, (clone, len)) in kept.iter().enumerate() {
            let (fresh, _) = index_of(&sorted[..i]);
            prop_assert_eq!((clone.root(), clone.len()), (fresh.root(), *len));
        }
        let (key, entry) = sorted[0];
        let root = index.root();
        index.record(key, entry.latest);
        prop_assert_ne!(index.root(), root);
    }

    #[test]
    fn a_family_is_shown_whole(entries in vec((key(), entry()), 0..120), family in family()) {
        let (index, map) = index_of(&entries);
        for family in map.keys().map(|key| key.family).chain([family]) {
            let members = map.iter().filter(|(key, _)| key.family == family);
            let members: Vec<_> = members.map(|(key, entry)| (key.subject, *entry)).collect();
            let proof = FamilyProof::from_cbor(&index.prove_family(family).to_cbor()).unwrap();
            prop_assert_eq!(proof.verify(family, index.root()), Ok(members.clone()));
            prop_assert_eq!(index.family(family), members);
        }
    }

    /// A family proof with one member changed, added or left out is refused.
    #[test]
    fn a_family_without_or_with_one_more_is_refused(
        entries in vec((key(), entry()), 1..60),
        (at, extra) in (any::<prop::sample::Index>(), (key(), entry())),
    ) {
        let (index, map) = index_of(&entries);
        let key = *map.keys().nth(at.index(map.len())).unwrap();
        let without: Vec<_> = map.iter().filter(|(k, _)| **k != key).map(|(k, e)| (*k, *e)).collect();
        let lie = index_of(&without).0;
        prop_assert!(lie.prove_family(key.family).verify(key.family, index.root()).is_err());
        prop_assert!(lie.prove(&key).verify(&key, index.root()).is_err());
        let mut lie = index.clone();
        lie.insert(extra.0, extra.1);
        if map.get(&extra.0) != Some(&extra.1) {
            prop_assert!(lie.prove_family(extra.0.family).verify(extra.0.family, index.root()).is_err());
            prop_assert!(lie.prove(&extra.0).verify(&extra.0, index.root()).is_err());
        }
    }

    #[test]
    fn an_altered_proof_is_refused_or_not_read(
        entries in vec((key(), entry()), 1..60),
        (asked, family) in (key(), family()),
        (at, bit) in (any::<prop::sample::Index>(), 0usize..8),
    ) {
        let (index, map) = index_of(&entries);
        let root = index.root();
        let alter = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            bytes
        };
        for key in map.keys().chain([&asked]) {
            if let Ok(proof) = IndexProof::from_cbor(&alter(index.prove(key).to_cbor())) {
                prop_assert!(proof.verify(key, root).is_err());
            }
        }
        for family in map.keys().map(|key| key.family).chain([family]) {
            if let Ok(proof) = FamilyProof::from_cbor(&alter(index.prove_family(family).to_cbor())) {
                prop_assert!(proof.verify(family, root).is_err());
            }
        }
    }

    /// Any proof for any key either shows the truth or is refused.
    #[test]
    fn no_proof_shows_anything_untrue(entries in vec((key(), entry()), 0..60), asked in vec(key(), 12)) {
        let (index, map) = index_of(&entries);
        for for_key in &asked {
            let (one, all) = (index.prove(for_key), index.prove_family(for_key.family));
            for key in &asked {
                prop_assert!(one.verify(key, index.root()).is_ok_and(|e| e == map.get(key).copied())
                    || one.verify(key, index.root()).is_err());
                let shown = all.verify(key.family, index.root());
                prop_assert!(shown.is_err() || shown == Ok(index.family(key.family)));
            }
        }
    }

    #[test]
    fn proofs_are_written_in_one_way_only(bytes in vec(any::<u8>(), 0..200), entries in vec((key(), entry()), 0..9)) {
        let (index, _) = index_of(&entries);
        for (key, _) in &entries {
            let (one, all) = (index.prove(key).to_cbor(), index.prove_family(key.family).to_cbor());
            prop_assert_eq!(IndexProof::from_cbor(&one).unwrap().to_cbor(), one);
            prop_assert_eq!(FamilyProof::from_cbor(&all).unwrap().to_cbor(), all);
        }
        for bytes in [bytes.clone(), [&[0x82, 0x80][..], &bytes].concat()] {
            if let Ok(proof) = FamilyProof::from_cbor(&bytes) {
                prop_assert_eq!(proof.to_cbor(), bytes);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "(\\PC|\n|\u{2014} |[+/=]|tile/){0,80}") {
        let note = Note::parse(&text);
        if let Ok(note) = note {
            prop_assert_eq!(note.to_string(), text.clone());
        }
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text.clone());
        }
        let _ = (text.parse::<Policy>(), text.parse::<VerifierKey>());
        let _ = Checkpoint::parse(&text);
    }

    #[test]
    fn a_path_in_the_grammar_is_read_and_printed_alike(
        path in "tile/(0|[1-9]|[1-5][0-9]|6[0-3]|entries|bodies)/(x00[1-9]/|x[1-9][0-9]{2}/(x[0-9]{3}/)?)?[0-9]{3}(\\.p/[1-9][0-9]?)?",
    ) {
        prop_assert_eq!(path.parse::<TilePath>().map(|path| path.to_string()), Ok(path));
    }

    #[test]
    fn bundles_are_read_back(entries in vec(vec(any::<u8>(), 0..300), 1..=256usize), noise in vec(any::<u8>(), 0..60)) {
        let bundle = write_bundle(entries.iter().map(Vec::as_slice)).unwrap();
        let width = if entries.len() == 256 { String::new() } else { format!(".p/{}", entries.len()) };
        let path: TilePath = format!("tile/entries/000{width}").parse().unwrap();
        prop_assert_eq!(read_bundle(&path, &bundle).unwrap(), entries);
        let _ = read_bundle(&path, &noise);
    }
}

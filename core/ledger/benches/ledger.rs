//! The cost of verification compared with the raw primitive: in each group, `raw` is the primitive that the others
//! cannot avoid.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::expect_used, reason = "a bench that cannot be set up should stop")]

use std::hint::black_box;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Draft, Fields, Hash, Identity, Index, IndexKey, Kind, Signer as _, SoftwareKey, Statement,
    Subject, Tree, TrustStore, UnixMillis, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use p256::ecdsa::signature::Verifier as _;

const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
const YEAR: Period = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_bytes(&[seed; 32]).expect("a key")
}

fn member() -> Certificate {
    let identity = Identity::new("meds.example", "manufacturer", "northwind").expect("an identity");
    certificate::issue(&identity, &key(2).public_key(), &key(1), YEAR, [2; 16]).expect("a certificate")
}

fn trust() -> TrustStore {
    let mut trust = TrustStore::new();
    trust.pin("meds.example", &certificate::root("meds.example", &key(1), YEAR, [1; 16]).expect("a root"));
    trust.enrol(member().as_der()).expect("an enrolment");
    trust
}

fn statement() -> Statement {
    let fields = Fields::new()
        .with("to", "spiffe://meds.example/distributor/fabrikam")
        .with("lot", "ABC123")
        .with("expiry", 1_860_000_000_000)
        .with("bc", Hash::of(b"bc"));
    let subject = Subject::new("https://id.gs1.org/01/09506000134352/10/ABC123").expect("a subject");
    let kind = Kind::new("medicine.distribution").expect("a kind");
    let draft = Draft {
        kind,
        subject,
        fields,
        prev: Some(Hash::of(b"prev")),
        links: vec![Hash::of(b"link")],
        sealed: None,
    };
    draft.sign(&member(), &key(2), NOW, [7; 16]).expect("a signature")
}

fn verification(c: &mut Criterion) {
    let (statement, trust) = (statement(), trust());
    let message = vec![7; 450];
    let signature = key(2).sign(&message).expect("a signature");
    let raw = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key(2).public_key().as_sec1()).expect("a key");
    let pure = p256::ecdsa::VerifyingKey::from_sec1_bytes(key(2).public_key().as_sec1()).expect("a key");
    let pure_signature = p256::ecdsa::Signature::from_slice(signature.as_bytes()).expect("a signature");
    let mut group = c.benchmark_group("verification");
    group.bench_function("raw", |b| b.iter(|| raw.verify_sig(black_box(&message), signature.as_bytes())));
    group.bench_function("pure_rust", |b| b.iter(|| pure.verify(black_box(&message), &pure_signature)));
    group.bench_function("statement_read", |b| b.iter(|| Statement::parse(black_box(statement.as_bytes()))));
    group.bench_function("statement_read_and_verified", |b| {
        b.iter(|| trust.verify(Statement::parse(black_box(statement.as_bytes())).expect("a statement")));
    });
    group.bench_function("statement_signed", |b| b.iter(|| key(2).sign(black_box(&message))));
    group.finish();
}

fn tree_of(size: u64) -> Tree {
    let mut tree = Tree::new();
    for n in 0..size {
        tree.push(leaf_hash(&n.to_be_bytes()));
    }
    tree
}

fn tree(c: &mut Criterion) {
    let mut group = c.benchmark_group("tree");
    group.bench_function("raw", |b| b.iter(|| node_hash(black_box(Hash::default()), Hash::default())));
    for size in SIZES {
        let tree = tree_of(size);
        let (index, old) = (size / 3, size / 2 + 1);
        let (path, root) = (tree.inclusion(index, size).expect("a path"), tree.root());
        let leaf = leaf_hash(&index.to_be_bytes());
        let (growth, old_root) =
            (tree.consistency(old, size).expect("a proof"), tree.root_at(old).expect("a root"));
        let id = |name: &str| BenchmarkId::new(name, size);
        group.bench_function(id("built"), |b| b.iter(|| tree_of(black_box(size))));
        group.bench_function(id("inclusion_made"), |b| b.iter(|| tree.inclusion(black_box(index), size)));
        group.bench_function(id("inclusion_checked"), |b| {
            b.iter(|| verify_inclusion(black_box(leaf), index, size, &path, root));
        });
        group.bench_function(id("consistency_checked"), |b| {
            b.iter(|| verify_consistency(black_box(old), size, old_root, root, &growth));
        });
    }
    group.finish();
}

fn subject_key(n: u64) -> IndexKey {
    IndexKey::new(
        &format!("https://id.gs1.org/01/{}", n / 64),
        &format!("https://id.gs1.org/01/{}/10/{n}", n / 64),
    )
}

fn index(c: &mut Criterion) {
    let mut group = c.benchmark_group("subject_index");
    group.bench_function("raw", |b| b.iter(|| node_hash(black_box(Hash::default()), Hash::default())));
    for size in SIZES {
        let mut index = Index::new();
        (0..size).for_each(|n| index.record(subject_key(n), Hash::of(&n.to_be_bytes())));
        let root = index.root();
        let (key, family) = (subject_key(size / 3), subject_key(size / 3).family);
        let (proof, members) = (index.prove(&key), index.prove_family(family));
        let id = |name: &str| BenchmarkId::new(name, size);
        let mut next = 0;
        // A block of 1,000 statements on subjects spread over the index, and the root for the checkpoint.
        group.bench_function(id("block_of_1000"), |b| {
            b.iter(|| {
                let mut grown = index.clone();
                for _ in 0..1000 {
                    next += 7919;
                    grown.record(subject_key(next % size), Hash::default());
                }
                grown.root()
            });
        });
        group.bench_function(id("proof_made"), |b| b.iter(|| index.prove(black_box(&key))));
        group.bench_function(id("proof_checked"), |b| b.iter(|| proof.verify(black_box(&key), root)));
        group.bench_function(id("family_of_64_checked"), |b| {
            b.iter(|| members.verify(black_box(family), root));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(500));
    targets = verification, tree, index
}
criterion_main!(benches);

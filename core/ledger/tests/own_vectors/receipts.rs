//! Receipts: a log's signed word that it holds a statement.

use countersign_ledger::cose::to_be_signed;
use countersign_ledger::receipt::{self, Inclusion, Receipt, ReceiptError, ReceiptKey, thumbprint};
use countersign_ledger::{
    Fields, Hash, Policy, PublicKey, Signer as _, SoftwareKey, Subject, inclusion_root, leaf_hash,
};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Hex, Vectors};
use crate::logs::{Log, ORIGIN, cosigned, policy};
use crate::raw::{NULL, array, bytes, int, map, text, uint};
use crate::reason;
use crate::world::{NOW, draft, key, member};

#[derive(Serialize, Deserialize)]
struct Given {
    /// The log's P-256 key, as an uncompressed point. Its secret is 32 times 41.
    key: Hex,
    policy: String,
    checkpoint: String,
}

#[derive(Serialize, Deserialize)]
struct Bytes {
    /// Id of the statement.
    id: Hex,
    receipt: Blob,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Placed {
    subject: Option<String>,
    place: u64,
}

fn subject(number: usize) -> Subject {
    Subject::new(format!("urn:example:{number}")).unwrap()
}

fn log(size: usize) -> Log {
    let (maker, mut log) = (member("manufacturer", 2), Log::default());
    (0..size).for_each(|n| {
        _ = log.append(maker.sign(&draft("test.step", subject(n).as_str(), Fields::new()), NOW));
    });
    log
}

const AT: u64 = 3;
const SIZE: u64 = 9;

/// A receipt in its parts.
struct Parts {
    id: Hash,
    key: SoftwareKey,
    protected: Vec<(Vec<u8>, Vec<u8>)>,
    inclusion: Inclusion,
}

impl Parts {
    fn new(log: &Log) -> Self {
        let claims = map(&[
            (uint(1), text(&format!("https://{ORIGIN}"))),
            (uint(2), text(subject(3).as_str())),
            (uint(6), uint(NOW.seconds())),
        ]);
        let key = key(41);
        let kid = bytes(thumbprint(&key.public_key()).as_bytes());
        Self {
            id: log.statements[3].id(),
            key,
            protected: vec![(int(1), int(-7)), (int(4), kid), (int(15), claims), (int(395), int(1))],
            inclusion: Inclusion { size: SIZE, index: AT, path: log.tree.inclusion(AT, SIZE).unwrap() },
        }
    }

    fn proof(&self) -> Vec<u8> {
        let path: Vec<_> = self.inclusion.path.iter().map(|hash| bytes(hash.as_bytes())).collect();
        array(&[uint(self.inclusion.size), uint(self.inclusion.index), array(&path)])
    }

    fn sign(&self) -> Vec<u8> {
        self.carrying(&proofs(&[self.proof()]), &NULL)
    }

    /// With these proofs in the unprotected header, and this payload.
    fn carrying(&self, proofs: &[u8], payload: &[u8]) -> Vec<u8> {
        let Inclusion { size, index, path } = &self.inclusion;
        let root = inclusion_root(leaf_hash(self.id.as_bytes()), *index, *size, path).unwrap_or_default();
        let protected = map(&self.protected);
        let signature = self.key.sign(&to_be_signed(&protected, root.as_bytes(), &[])).unwrap();
        sign1(&protected, proofs, payload, signature.as_bytes())
    }
}

/// Inclusion proofs, as the unprotected header has them.
fn proofs(proofs: &[Vec<u8>]) -> Vec<u8> {
    let proofs: Vec<_> = proofs.iter().map(|proof| bytes(proof)).collect();
    map(&[(int(396), map(&[(int(-1), array(&proofs))]))])
}

fn sign1(protected: &[u8], unprotected: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let parts = [bytes(protected), unprotected.to_vec(), payload.to_vec(), bytes(signature)];
    [vec![0xd2], array(&parts)].concat()
}

type File = Vectors<Given, Bytes, Placed>;

#[test]
fn receipts() {
    let log = log(9);
    let checkpoint = log.checkpoint(ORIGIN).to_string();
    let mut file = Vectors::new(
        &[
            "Receipts: COSE Receipts of inclusion (RFC 9942, RFC9162_SHA256) as our logs write them. The entry is the statement's id.",
            "A receipt signs the root alone. Its place counts only against a checkpoint of the same size and root, which is given.",
            "Checks are made in this order: COSE_Sign1, critical headers, kind of tree, detached payload, algorithm, proof, path, \
             signature, checkpoint. The first that fails is the reason.",
        ],
        Given {
            key: key(41).public_key().as_sec1()[..].into(),
            policy: policy(&[ORIGIN]),
            checkpoint: cosigned(ORIGIN, &checkpoint, NOW).to_string(),
        },
    );
    let parts = Parts::new(&log);
    let honest = receipt::issue(ORIGIN, &subject(3), parts.id, &parts.inclusion, NOW, &parts.key).unwrap();
    assert_eq!(parts.sign(), honest);
    let case = |receipt: Vec<u8>| Bytes { id: parts.id.into(), receipt: receipt.into() };
    let told =
        |subject: Option<usize>| Placed { subject: subject.map(|n| self::subject(n).to_string()), place: AT };
    file.accept("the fourth of nine entries", case(honest), told(Some(3)));
    let mut silent = Parts::new(&log);
    silent.protected.remove(2);
    file.accept("a receipt that does not say what the statement is about", case(silent.sign()), told(None));
    refuse_structure(&mut file, &log);
    refuse_proofs(&mut file, &log);
    file.check("receipt/receipt.json", |given, Bytes { id, receipt }| {
        let refused = |error: ReceiptError| reason::receipt(error).to_owned();
        let policy: Policy = given.policy.parse().unwrap();
        let checkpoint = policy.trust(&given.checkpoint).unwrap();
        let key = ReceiptKey::Es256(PublicKey::from_sec1(&given.key.0).unwrap());
        let receipt = Receipt::parse(&receipt.0).map_err(refused)?;
        let place = receipt.place(id.hash(), &key, &checkpoint).map_err(refused)?;
        Ok(Placed { subject: receipt.subject().map(|subject| subject.to_string()), place })
    });
}

fn refuse_structure(file: &mut File, log: &Log) {
    let parts = Parts::new(log);
    let (honest, id) = (parts.sign(), parts.id);
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::new(log);
        change(&mut parts);
        parts.sign()
    };
    let protected = |at: usize, value: Vec<u8>| with(&|parts| parts.protected[at].1.clone_from(&value));
    let root = log.tree.root();
    let proof = proofs(&[parts.proof()]);
    let both = map(&[(int(395), int(1)), (int(396), map(&[(int(-1), array(&[bytes(&parts.proof())]))]))]);
    for (reason, name, receipt) in [
        ("cose-malformed", "no bytes", vec![]),
        ("cose-untagged", "without its tag", honest[1..].to_vec()),
        ("cose-trailing", "a byte follows", [&honest[..], &[0]].concat()),
        ("cose-malformed", "cut short by one byte", honest[..honest.len() - 1].to_vec()),
        ("cose-duplicate-label", "the kind of tree in both headers", parts.carrying(&both, &NULL)),
        ("critical", "critical headers", {
            with(&|parts| parts.protected.insert(1, (int(2), array(&[int(395)]))))
        }),
        ("vds", "another kind of tree", protected(3, int(2))),
        ("vds", "no kind of tree", with(&|parts| _ = parts.protected.pop())),
        ("not-detached", "the root is in the payload", parts.carrying(&proof, &bytes(root.as_bytes()))),
        ("algorithm", "no algorithm", with(&|parts| _ = parts.protected.remove(0))),
        ("algorithm", "EdDSA, under a P-256 key", protected(0, int(-8))),
        ("algorithm", "ES384", protected(0, int(-35))),
        ("signature", "another key", with(&|parts| parts.key = key(42))),
        (
            "signature",
            "the signature was changed",
            [&honest[..honest.len() - 1], &[honest[honest.len() - 1] ^ 1]].concat(),
        ),
        ("signature", "a signature of zeros", sign1(&map(&parts.protected), &proof, &NULL, &[0; 64])),
        ("signature", "a signature of 63 bytes", sign1(&map(&parts.protected), &proof, &NULL, &[1; 63])),
    ] {
        file.refuse(reason, name, Bytes { id: id.into(), receipt: receipt.into() });
    }
    // What is said of the subject is signed.
    let said = subject(3).to_string();
    let at = honest.windows(said.len()).position(|window| window == said.as_bytes()).unwrap();
    let mut changed = honest;
    changed[at + said.len() - 1] = b'4';
    file.refuse("signature", "the subject was changed", Bytes { id: id.into(), receipt: changed.into() });
}

fn refuse_proofs(file: &mut File, log: &Log) {
    let parts = Parts::new(log);
    let (honest, id) = (parts.sign(), parts.id);
    let carrying = |unprotected: &[u8]| parts.carrying(unprotected, &NULL);
    // Changes the proof after the root was signed.
    let changed = |change: &dyn Fn(&mut Inclusion)| {
        let mut other = Parts::new(log);
        change(&mut other.inclusion);
        carrying(&proofs(&[other.proof()]))
    };
    let receipts = |key: i64| map(&[(int(396), map(&[(int(key), array(&[bytes(&parts.proof())]))]))]);
    let digest = |length: usize| bytes(&vec![7; length]);
    let one = |proof: Vec<u8>| carrying(&proofs(&[proof]));
    for (reason, name, receipt) in [
        ("proof", "no proof", carrying(&map(&[]))),
        ("proof", "no proof in the list of proofs", carrying(&proofs(&[]))),
        ("proof", "two proofs", carrying(&proofs(&[parts.proof(), parts.proof()]))),
        ("proof", "a proof of consistency", carrying(&receipts(-2))),
        ("proof", "a proof of two parts", one(array(&[uint(9), uint(3)]))),
        ("proof", "a hash of 31 bytes", one(array(&[uint(9), uint(3), array(&[digest(31)])]))),
        ("proof", "65 hashes", one(array(&[uint(9), uint(3), array(&vec![digest(32); 65])]))),
        ("proof", "a byte follows the proof", one([parts.proof(), vec![0]].concat())),
        ("index-out-of-range", "an index that is the size", changed(&|one| one.index = 9)),
        ("path-length", "a hash too few", changed(&|one| _ = one.path.pop())),
        ("path-length", "a hash too many", changed(&|one| one.path.push(Hash::default()))),
        ("signature", "a hash is exchanged", changed(&|one| one.path[0] = Hash::of(b"another"))),
        ("signature", "the index was changed", changed(&|one| one.index = 2)),
        ("other-checkpoint", "another size that has a path of the same shape", changed(&|one| one.size = 10)),
    ] {
        file.refuse(reason, name, Bytes { id: id.into(), receipt: receipt.into() });
    }
    let other = log.statements[4].id();
    file.refuse("signature", "another statement", Bytes { id: other.into(), receipt: honest.into() });
    let longer = self::log(10);
    let path = longer.tree.inclusion(AT, 10).unwrap();
    let newer = Parts { inclusion: Inclusion { size: 10, index: AT, path }, ..Parts::new(log) };
    let name = "a receipt of a tree that the checkpoint does not reach";
    file.refuse("other-checkpoint", name, Bytes { id: id.into(), receipt: newer.sign().into() });
}

//! The vectors of evidence under `tests/vectors`: they are what this test makes, and are judged as they say.

use countersign_ledger::{Genesis, Hash, UnixMillis};
use countersign_wallet::{EvidenceError, verify_evidence};
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Vectors};
use crate::world::{LOT, START, Scene, World, item};

#[derive(Serialize, Deserialize)]
struct Trusting {
    genesis: Blob,
}

#[derive(Serialize, Deserialize)]
struct File {
    evidence: Blob,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Proven {
    pack: Option<String>,
    verdict: String,
    reasons: Vec<String>,
    /// The checkpoints that it is as of.
    supply: Head,
    trust: Head,
    /// The steps of the history: when each was signed, and its kind.
    timeline: Vec<(u64, String)>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Head {
    size: u64,
    cosigned_at: u64,
}

/// CBOR as it lies in a file, so that a test can change one item of it.
#[derive(Clone)]
enum Item {
    Number(u64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Item>),
    Null,
}

impl Item {
    fn read(d: &mut Decoder<'_>) -> Self {
        match d.datatype().unwrap() {
            Type::Bytes => Self::Bytes(d.bytes().unwrap().to_vec()),
            Type::String => Self::Text(d.str().unwrap().to_owned()),
            Type::Array => {
                let count = d.array().unwrap().unwrap();
                Self::List((0..count).map(|_| Self::read(d)).collect())
            }
            Type::Null => {
                d.null().unwrap();
                Self::Null
            }
            _ => Self::Number(d.u64().unwrap()),
        }
    }

    fn write(&self, e: &mut Encoder<&mut Vec<u8>>) {
        match self {
            Self::Number(number) => _ = e.u64(*number).unwrap(),
            Self::Bytes(bytes) => _ = e.bytes(bytes).unwrap(),
            Self::Text(text) => _ = e.str(text).unwrap(),
            Self::List(items) => {
                e.array(items.len() as u64).unwrap();
                for item in items {
                    item.write(e);
                }
            }
            Self::Null => _ = e.null().unwrap(),
        }
    }

    /// The item at the end of a path of indices.
    fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |item, index| &mut item.list()[*index])
    }

    fn list(&mut self) -> &mut Vec<Self> {
        let Self::List(items) = self else { panic!("not a list") };
        items
    }

    fn bytes(&mut self) -> &mut Vec<u8> {
        let Self::Bytes(bytes) = self else { panic!("not bytes") };
        bytes
    }

    fn text(&mut self) -> &mut String {
        let Self::Text(text) = self else { panic!("not a text") };
        text
    }
}

/// The parts of a body.
const MAGIC: usize = 0;
const GENESIS: usize = 1;
const ITEM: usize = 2;
const TRUST: usize = 3;
const SUPPLY: usize = 4;
const CERTIFICATES: usize = 5;
const FILTER: usize = 6;
const CONTENTS: usize = 7;

fn body(evidence: &[u8]) -> Item {
    let mut d = Decoder::new(evidence);
    d.array().unwrap();
    Item::read(&mut Decoder::new(d.bytes().unwrap()))
}

/// A file with the right sum, whatever is in it.
fn file(body: &Item) -> File {
    let mut bytes = Vec::new();
    body.write(&mut Encoder::new(&mut bytes));
    let mut file = Vec::new();
    let mut e = Encoder::new(&mut file);
    e.array(2).unwrap().bytes(&bytes).unwrap().bytes(Hash::of(&bytes).as_bytes()).unwrap();
    File { evidence: file.into() }
}

fn reason(error: &EvidenceError) -> &'static str {
    match error {
        EvidenceError::Malformed => "malformed",
        EvidenceError::Sum => "sum",
        EvidenceError::OtherLedger => "other-ledger",
        EvidenceError::Checkpoint(_) => "checkpoint",
        EvidenceError::OtherLog => "other-log",
        EvidenceError::Certificate(_) => "certificate",
        EvidenceError::Family { .. } => "family",
        EvidenceError::History { .. } => "history",
        EvidenceError::Filter => "filter",
        EvidenceError::Lacks(_) => "lacks",
        EvidenceError::NotHere
        | EvidenceError::Snapshot(_)
        | EvidenceError::Genesis(_)
        | EvidenceError::Chain(_)
        | EvidenceError::Receipt(_) => {
            panic!("no fault of such a file: {error}")
        }
    }
}

fn proven(genesis: &Genesis, evidence: &[u8]) -> Result<Proven, String> {
    // Its age and what has expired since are no part of what it proves: a day later nothing has.
    let later = UnixMillis(START + 24 * 3600 * 1000);
    let report = verify_evidence(evidence, genesis, later).map_err(|error| reason(&error).to_owned())?;
    let head = |as_of: countersign_custody::AsOf| Head { size: as_of.size, cosigned_at: as_of.at.0 };
    Ok(Proven {
        pack: report.item.pack.map(|pack| pack.to_string()),
        verdict: format!("{:?}", report.verdict.kind).to_lowercase(),
        reasons: report.verdict.reasons.iter().map(|reason| reason.key().to_owned()).collect(),
        supply: head(report.supply),
        trust: head(report.trust),
        timeline: report.verdict.timeline.iter().map(|event| (event.at.0, event.kind.to_string())).collect(),
    })
}

#[test]
fn evidence() {
    let scene = Scene::new(World::with_lot());
    let honest = scene.synced().export(&item(LOT, "S001")).unwrap();
    let genesis = Blob(scene.genesis.to_json().into_bytes());
    let mut vectors = Vectors::new(
        &[
            "Evidence: what a verdict rests on, in one file. The format is in core/wallet/src/evidence.rs.",
            "Checks are made in this order: form, sum, ledger, checkpoints, certificates, the trust log's histories, families and \
             histories as the verdict needs them, and at last whether anything on the item or on a signer is left out.",
            "Every file here has the right sum, but for the one whose reason is the sum.",
        ],
        Trusting { genesis },
    );
    let expect = proven(&scene.genesis, &honest).unwrap();
    vectors.accept("a pack of a lot whose history holds", File { evidence: honest.clone().into() }, expect);
    let whole = |bytes: &[u8]| File { evidence: bytes.into() };
    vectors.refuse("malformed", "no byte", whole(&[]));
    vectors.refuse("malformed", "the last byte is missing", whole(&honest[..honest.len() - 1]));
    vectors.refuse("malformed", "a byte too many", whole(&[&honest[..], &[0]].concat()));
    let mut flipped = honest.clone();
    flipped[honest.len() / 2] ^= 1;
    vectors.refuse("sum", "one bit changed, the sum not", whole(&flipped));
    refuse_parts(&mut vectors, &honest);
    refuse_histories(&mut vectors, &honest);
    vectors.check("evidence/evidence.json", |Trusting { genesis }, File { evidence }| {
        proven(&Genesis::parse(&genesis.0).unwrap(), &evidence.0)
    });
}

type Evidence = Vectors<Trusting, File, Proven>;

fn refuse_parts(vectors: &mut Evidence, honest: &[u8]) {
    let mut changed = |reason: &str, name: &str, change: &dyn Fn(&mut Item)| {
        let mut body = body(honest);
        change(&mut body);
        vectors.refuse(reason, name, file(&body));
    };
    changed("malformed", "another version", &|body| body.at(&[MAGIC]).text().push('0'));
    changed("malformed", "a part is missing", &|body| _ = body.list().remove(CONTENTS));
    changed("malformed", "the class is no subject", &|body| body.at(&[ITEM, 0]).text().clear());
    changed("malformed", "no checkpoint of the log of products", &|body| {
        body.at(&[SUPPLY, 0]).list().clear();
    });
    changed("malformed", "a path of 65 hashes", &|body| {
        *body.at(&[SUPPLY, 2, 0, 1, 0, 2]) = Item::List(vec![Item::Bytes(vec![0; 32]); 65]);
    });
    changed("other-ledger", "the genesis of another ledger", &|body| body.at(&[GENESIS]).bytes()[0] ^= 1);
    changed("checkpoint", "the size in the trust log's checkpoint was changed", &|body| {
        let note = body.at(&[TRUST, 0]).text();
        let size = note.lines().nth(1).unwrap().to_owned();
        *note = note.replacen(&format!("\n{size}\n"), &format!("\n{size}1\n"), 1);
    });
    changed("checkpoint", "the checkpoint of the log of products without its cosignatures", &|body| {
        let note = body.at(&[SUPPLY, 0, 0]).text();
        let signed = note.lines().filter(|line| !line.starts_with('\u{2014}') || line.contains("supply "));
        *note = signed.map(|line| format!("{line}\n")).collect();
    });
    changed("other-log", "the trust log's checkpoint in place of the other", &|body| {
        let note = body.at(&[TRUST, 0]).clone();
        *body.at(&[SUPPLY, 0, 0]) = note;
    });
    changed("other-log", "the newest checkpoint twice", &|body| {
        let notes = body.at(&[SUPPLY, 0]).list();
        notes.push(notes[0].clone());
    });
    changed("certificate", "a certificate is cut", &|body| _ = body.at(&[CERTIFICATES, 0]).bytes().pop());
    changed("filter", "the filter over the serials was changed", &|body| body.at(&[FILTER]).bytes()[9] ^= 1);
}

fn refuse_histories(vectors: &mut Evidence, honest: &[u8]) {
    let mut changed = |reason: &str, name: &str, change: &dyn Fn(&mut Item)| {
        let mut body = body(honest);
        change(&mut body);
        vectors.refuse(reason, name, file(&body));
    };
    changed("history", "a certificate is left out", &|body| body.at(&[CERTIFICATES]).list().clear());
    changed("history", "a proof of the trust log's subject index was changed", &|body| {
        let proof = body.at(&[TRUST, 1, 0, 1]).bytes();
        *proof.last_mut().unwrap() ^= 1;
    });
    changed("lacks", "the trust log's entries on a signer are left out", &|body| {
        body.at(&[TRUST, 1]).list().retain(|one| {
            let mut one = one.clone();
            !one.at(&[0]).text().contains("/manufacturer/")
        });
    });
    changed("lacks", "the proof of a family is left out", &|body| _ = body.at(&[SUPPLY, 1]).list().remove(0));
    changed("family", "the proof of a family is that of another", &|body| {
        let families = body.at(&[SUPPLY, 1]).list();
        let proof = families[1].list()[1].clone();
        families[0].list()[1] = proof;
    });
    changed("lacks", "a history is left out", &|body| _ = body.at(&[SUPPLY, 2]).list().remove(0));
    let longest = |body: &mut Item| {
        let histories = body.at(&[SUPPLY, 2]).list().clone();
        let lengths = histories.into_iter().map(|mut one| one.at(&[1]).list().len());
        lengths.enumerate().max_by_key(|(_, length)| *length).unwrap().0
    };
    changed("history", "the last statement of a history is left out", &|body| {
        let at = longest(body);
        body.at(&[SUPPLY, 2, at, 1]).list().pop();
    });
    changed("history", "the first statement of a history is left out", &|body| {
        let at = longest(body);
        body.at(&[SUPPLY, 2, at, 1]).list().remove(0);
    });
    changed("history", "two statements of a history are exchanged", &|body| {
        let at = longest(body);
        body.at(&[SUPPLY, 2, at, 1]).list().swap(0, 1);
    });
    changed("history", "a statement was changed", &|body| {
        let at = longest(body);
        *body.at(&[SUPPLY, 2, at, 1, 0, 1]).bytes().last_mut().unwrap() ^= 1;
    });
    changed("history", "a hash of a path was changed", &|body| {
        let at = longest(body);
        body.at(&[SUPPLY, 2, at, 1, 0, 2, 0]).bytes()[0] ^= 1;
    });
    changed("history", "a statement is said to stand one place later", &|body| {
        let at = longest(body);
        let Item::Number(place) = body.at(&[SUPPLY, 2, at, 1, 0, 0]) else { panic!("a place is a number") };
        *place += 1;
    });
    changed("other-log", "a path leads to a checkpoint that is not there", &|body| {
        let at = longest(body);
        *body.at(&[SUPPLY, 2, at, 1, 0, 3]) = Item::Number(1);
    });
}

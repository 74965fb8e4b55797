//! The complete history of a subject, as a node sends it.

use std::collections::BTreeMap;

use countersign_ledger::{
    Entry, Fields, Hash, HistoryError, IndexEntry, IndexKey, Known, LogName, Note, Policy, Statement,
    Subject, SubjectHistory, TrustStore, TrustedCheckpoint, UnixMillis,
};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Hex, Vectors};
use crate::logs::{Log, ORIGIN, cosigned, policy};
use crate::raw::{self, array, uint};
use crate::reason;
use crate::revocations::revocation;
use crate::world::{LOT, Member, NOW, PERIOD, Trusted, draft, member, member_of};

const OTHER_ORIGIN: &str = "ledger.example/authorization";
/// The last part of its name names no log of a ledger.
const NAMELESS: &str = "ledger.example/";

#[derive(Serialize, Deserialize)]
struct Given {
    trusted: Trusted,
    /// Revocations in the trust log, which a reader has applied.
    revocations: Vec<Blob>,
    policy: String,
    /// Signed checkpoints.
    checkpoints: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Message {
    subject: String,
    /// Which of the checkpoints given the history is to be complete as of.
    checkpoint: String,
    /// How many statements on the subject are verified already, and the id of the latest of them.
    known: u64,
    latest: Option<Hex>,
    history: Blob,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Placed {
    place: u64,
    id: Hex,
    /// Whether it counts. If not, its signer had been revoked.
    stands: bool,
}

impl Given {
    fn trust(&self) -> TrustStore {
        let mut trust = self.trusted.store();
        for (revocation, index) in self.revocations.iter().zip(0..) {
            let verified = trust.verify(Statement::parse(&revocation.0).unwrap()).unwrap();
            let placed = trust.place(verified, LogName::TRUST, index).into_standing().unwrap();
            trust.apply(&placed).unwrap();
        }
        trust
    }

    fn checkpoint(&self, name: &str) -> TrustedCheckpoint {
        let policy: Policy = self.policy.parse().unwrap();
        policy.trust(&self.checkpoints[name]).unwrap()
    }
}

fn subject(text: &str) -> Subject {
    Subject::new(text).unwrap()
}

/// A log with three lots, of which the second is told of by two members.
struct World {
    log: Log,
    maker: Member,
    supplier: Member,
    registrar: Member,
}

fn lot(number: u8) -> Subject {
    subject(&format!("{}{number}", LOT.strip_suffix('1').unwrap()))
}

impl World {
    fn new() -> Self {
        let (maker, supplier) = (member("manufacturer", 2), member("supplier", 3));
        let registrar = member("registrar", 4);
        let mut world = Self { log: Log::default(), maker, supplier, registrar };
        for (number, by) in [(1, true), (2, true), (1, true), (2, false), (2, true), (3, true), (2, false)] {
            world.state(&lot(number), by);
        }
        world
    }

    /// Adds a statement by the maker, or by the supplier.
    fn state(&mut self, subject: &Subject, by_maker: bool) {
        let number = self.log.statements.len() as u64;
        let mut draft = draft("test.step", subject.as_str(), Fields::new().with("n", number));
        draft.prev = self.log.latest(subject);
        let signer = if by_maker { &self.maker } else { &self.supplier };
        self.log.append(signer.sign(&draft, NOW));
    }

    fn certificates(&self) -> Vec<Vec<u8>> {
        [&self.maker, &self.supplier].map(|member| member.certificate.as_der().to_vec()).into()
    }

    fn history(&self, subject: &Subject) -> SubjectHistory {
        self.log.history(subject, self.certificates())
    }

    /// The supplier's certificate signs nothing from place 5 on.
    fn revocation(&self) -> Statement {
        let draft = revocation(&self.supplier.certificate, &[("supply", 5), ("trust", 0)]);
        self.registrar.sign(&draft, NOW)
    }

    fn note(&self, origin: &str) -> Note {
        cosigned(origin, &self.log.checkpoint(origin).to_string(), NOW)
    }
}

fn message(subject: &Subject, history: &SubjectHistory) -> Message {
    bytes(subject, history.to_cbor())
}

fn bytes(subject: &Subject, history: Vec<u8>) -> Message {
    Message {
        subject: subject.to_string(),
        checkpoint: "newest".into(),
        known: 0,
        latest: None,
        history: history.into(),
    }
}

type File = Vectors<Given, Message, Vec<Placed>>;

#[test]
fn histories() {
    let world = World::new();
    let mut earlier = World::new();
    earlier.log = Log::default();
    world.log.statements[..5].iter().for_each(|one| _ = earlier.log.append(one.clone()));
    let checkpoints = [
        ("newest", world.note(ORIGIN)),
        ("earlier", earlier.note(ORIGIN)),
        ("of another log", world.note(OTHER_ORIGIN)),
        ("no log of a ledger", world.note(NAMELESS)),
        ("lenient", cosigned(ORIGIN, &lenient(&world).checkpoint(ORIGIN).to_string(), NOW)),
    ];
    let mut file = Vectors::new(
        &[
            "Histories: everything that a log holds on a subject, shown to be complete as of a checkpoint.",
            "The format is in core/ledger/src/history.rs. Its certificates are enrolled on the way, below the roots given.",
            "What is accepted is told with its places. A statement whose signer had been revoked before its place is void: it keeps \
             its place, and counts for nothing. Logs are called by the last part of their origin.",
            "Checks are made in this order: message, index proof, certificates, then for each entry: order, form, subject, inclusion, \
             signer, predecessor; completeness last. The first that fails is the reason.",
        ],
        Given {
            trusted: Trusted::new(&[&world.registrar]),
            revocations: vec![world.revocation().as_bytes().into()],
            policy: policy(&[ORIGIN, OTHER_ORIGIN, NAMELESS]),
            checkpoints: checkpoints.map(|(name, note)| (name.to_owned(), note.to_string())).into(),
        },
    );
    accept(&mut file, &world, &earlier);
    refuse_lies(&mut file, &world, &earlier);
    refuse_entries(&mut file, &world);
    refuse_lenience(&mut file, &world);
    refuse_messages(&mut file, &world);
    file.check("history/history.json", |given, message| {
        let refused = |error: HistoryError| reason::history(error);
        let history = SubjectHistory::from_cbor(&message.history.0).map_err(refused)?;
        let known = Known { count: message.known, latest: message.latest.as_ref().map(Hex::hash) };
        let (subject, checkpoint) = (subject(&message.subject), given.checkpoint(&message.checkpoint));
        let entries = history.verify(&subject, known, &checkpoint, &mut given.trust()).map_err(refused)?;
        let placed = |entry: &Entry| Placed {
            place: entry.index(),
            id: entry.id().into(),
            stands: entry.standing().is_some(),
        };
        Ok(entries.iter().map(placed).collect())
    });
}

fn accept(file: &mut File, world: &World, earlier: &World) {
    let told = |places: &[(u64, bool)]| -> Vec<Placed> {
        let id = |place: u64| world.log.statements[usize::try_from(place).unwrap()].id().into();
        places.iter().map(|&(place, stands)| Placed { place, id: id(place), stands }).collect()
    };
    let lot_1 = world.history(&lot(1));
    file.accept("the history of a lot", message(&lot(1), &lot_1), told(&[(0, true), (2, true)]));
    let whole = told(&[(1, true), (3, true), (4, true), (6, false)]);
    let lot_2 = world.history(&lot(2));
    file.accept("its last statement is void", message(&lot(2), &lot_2), whole);
    let elsewhere = Message { checkpoint: "of another log".into(), ..message(&lot(2), &lot_2) };
    let name = "in a log that the revocation does not name, all of the signer's statements are void";
    file.accept(name, elsewhere, told(&[(1, true), (3, false), (4, true), (6, false)]));
    let rest = SubjectHistory { entries: lot_2.entries[2..].to_vec(), ..lot_2 };
    let latest = Some(world.log.statements[3].id().into());
    let known = Message { known: 2, latest, ..message(&lot(2), &rest) };
    file.accept("what follows the two statements that are known", known, told(&[(4, true), (6, false)]));
    let before = Message { checkpoint: "earlier".into(), ..message(&lot(2), &earlier.history(&lot(2))) };
    file.accept("complete as of an earlier checkpoint", before, told(&[(1, true), (3, true), (4, true)]));
    file.accept("a lot that has no statement", message(&lot(9), &world.history(&lot(9))), vec![]);
}

/// What a server would hide, put in or exchange.
fn refuse_lies(file: &mut File, world: &World, earlier: &World) {
    let honest = world.history(&lot(2));
    let changed = |change: &dyn Fn(&mut SubjectHistory)| {
        let mut history = honest.clone();
        change(&mut history);
        message(&lot(2), &history)
    };
    let other = world.history(&lot(1));
    let index_of = |log: &Log| log.history(&lot(2), vec![]).index_proof;
    for (reason, name, case) in [
        ("incomplete", "the latest statement is left out", changed(&|history| _ = history.entries.pop())),
        ("chain", "the first statement is left out", changed(&|history| _ = history.entries.remove(0))),
        ("chain", "a statement in the middle is left out", changed(&|history| _ = history.entries.remove(1))),
        ("incomplete", "no statement of a lot that has four", changed(&|history| history.entries.clear())),
        ("chain", "the void statement comes first", changed(&|history| history.entries.rotate_right(1))),
        ("order", "a statement stands there again, later", {
            changed(&|history| {
                let first = history.entries[1].clone();
                history.entries.insert(3, first);
            })
        }),
        (
            "chain",
            "the second and third statement are exchanged",
            changed(&|history| history.entries.swap(1, 2)),
        ),
        ("order", "a statement stands there twice", {
            changed(&|history| history.entries.insert(1, history.entries[0].clone()))
        }),
        ("other-subject", "a statement on another lot is put in", {
            changed(&|history| history.entries.insert(1, other.entries[1].clone()))
        }),
        ("index-other-root", "an older index proof, as if the latest statement were not there", {
            changed(&|history| {
                history.entries.pop();
                history.index_proof = index_of(&earlier.log);
            })
        }),
        ("index-other-root", "the index proof of another lot", {
            changed(&|history| history.index_proof = other.index_proof.clone())
        }),
        ("index-other-root", "the proof that another lot has none", {
            changed(&|history| history.index_proof = world.history(&lot(9)).index_proof)
        }),
        ("index-other-root", "the history of another lot", message(&lot(2), &other)),
    ] {
        file.refuse(reason, name, case);
    }
    let known = |known: u64, latest: Option<Hash>, from: usize| {
        let history = SubjectHistory { entries: honest.entries[from..].to_vec(), ..honest.clone() };
        Message { known, latest: latest.map(Hex::from), ..message(&lot(2), &history) }
    };
    let id = |place: usize| Some(world.log.statements[place].id());
    for (reason, name, case) in [
        ("chain", "one statement between those known and these is left out", known(2, id(3), 3)),
        ("chain", "it follows another statement than the one known", known(2, id(1), 2)),
        ("incomplete", "more statements are known than the index counts", known(3, id(3), 2)),
        ("incomplete", "nothing follows what is known, though the log has more", known(2, id(3), 4)),
        ("incomplete", "what is known is not the latest", known(4, id(4), 4)),
    ] {
        file.refuse(reason, name, case);
    }
    let at = |checkpoint: &str| Message { checkpoint: checkpoint.into(), ..message(&lot(2), &honest) };
    file.refuse("index-other-root", "an earlier checkpoint", at("earlier"));
    file.refuse(
        "other-log",
        "a checkpoint of something that is no log of a ledger",
        at("no log of a ledger"),
    );
}

fn refuse_entries(file: &mut File, world: &World) {
    let honest = world.history(&lot(1));
    let changed = |change: &dyn Fn(&mut SubjectHistory)| {
        let mut history = honest.clone();
        change(&mut history);
        message(&lot(1), &history)
    };
    let nobody = member_of("nowhere.example", "manufacturer", 1).certificate;
    for (reason, name, case) in [
        (
            "cose-untagged",
            "a statement without its tag",
            changed(&|history| _ = history.entries[0].statement.remove(0)),
        ),
        (
            "not-included-other-root",
            "a statement at another place",
            changed(&|history| history.entries[0].index = 1),
        ),
        ("not-included-index-out-of-range", "a place beyond the checkpoint", {
            changed(&|history| history.entries[1].index = 7)
        }),
        ("not-included-path-length", "a hash too few", changed(&|history| _ = history.entries[0].path.pop())),
        ("not-included-path-length", "a hash too many", {
            changed(&|history| history.entries[0].path.push(Hash::default()))
        }),
        ("not-included-other-root", "a hash is exchanged", {
            changed(&|history| history.entries[0].path[0] = Hash::of(b"another"))
        }),
        ("not-included-other-root", "the signature of a statement was changed", {
            changed(&|history| *history.entries[0].statement.last_mut().unwrap() ^= 1)
        }),
        (
            "unknown-signer",
            "the signer's certificate is not there",
            changed(&|history| history.certificates.clear()),
        ),
        ("certificate-malformed", "a certificate that is none", {
            changed(&|history| history.certificates.push(vec![0x30, 0]))
        }),
        ("certificate-malformed", "a certificate that is cut short", {
            changed(&|history| _ = history.certificates[0].pop())
        }),
        ("certificate-path", "a certificate that was changed", {
            changed(&|history| *history.certificates[0].last_mut().unwrap() ^= 1)
        }),
        ("certificate-unknown-domain", "a certificate of an unknown domain", {
            changed(&|history| history.certificates.push(nobody.as_der().to_vec()))
        }),
    ] {
        file.refuse(reason, name, case);
    }
}

/// A log that took what no honest log takes. Its checkpoint is cosigned like any.
fn lenient(world: &World) -> Log {
    let mut log = Log::default();
    let signed = |number: u8, prev: Option<Hash>, n: u64, at: UnixMillis| {
        let mut draft = draft("test.step", lot(number).as_str(), Fields::new().with("n", n));
        draft.prev = prev;
        world.maker.sign(&draft, at)
    };
    log.append(signed(1, None, 1, NOW));
    log.append(signed(1, None, 2, NOW));
    log.append(signed(2, Some(Hash::of(b"another")), 1, NOW));
    log.append(signed(3, None, 1, UnixMillis(PERIOD.until.0 + 1000)));
    let (kind, certificate) = (draft("test.step", lot(4).as_str(), Fields::new()), &world.maker.certificate);
    log.append(kind.sign(certificate, &world.supplier.key(), NOW, [9; 16]).unwrap());
    let first = log.append(signed(5, None, 1, NOW));
    log.index.insert(IndexKey::of(&lot(5)), IndexEntry { count: 2, latest: first });
    log.append(signed(6, None, 1, NOW));
    log.index.insert(IndexKey::of(&lot(6)), IndexEntry { count: 1, latest: first });
    log
}

fn refuse_lenience(file: &mut File, world: &World) {
    let log = lenient(world);
    for (reason, name, number) in [
        ("chain", "a log that took a second statement without predecessor", 1),
        ("chain", "a log that took a first statement with a predecessor", 2),
        ("expired", "a log that took a statement of an expired certificate", 3),
        ("signature", "a log that took a statement that another key signed", 4),
        ("incomplete", "an index that counts a statement too many", 5),
        ("incomplete", "an index that names another latest statement", 6),
    ] {
        let history = log.history(&lot(number), world.certificates());
        file.refuse(
            reason,
            name,
            Message { checkpoint: "lenient".into(), ..message(&lot(number), &history) },
        );
    }
}

fn refuse_messages(file: &mut File, world: &World) {
    let history = world.history(&lot(1));
    let honest = history.to_cbor();
    let proof = history.index_proof.to_cbor();
    let parts = |parts: &[Vec<u8>]| array(parts);
    let none = || array(&[]);
    let entry = |entry: &[Vec<u8>]| array(&[raw::bytes(&proof), array(&[array(entry)]), none()]);
    for (name, message) in [
        ("no bytes", vec![]),
        ("cut short by one byte", honest[..honest.len() - 1].to_vec()),
        ("a byte follows", [&honest[..], &[0]].concat()),
        ("two parts", parts(&[raw::bytes(&proof), none()])),
        ("four parts", parts(&[raw::bytes(&proof), none(), none(), none()])),
        ("an index proof that is none", parts(&[raw::bytes(&[0]), none(), none()])),
        ("an index proof that is not wrapped in bytes", parts(&[proof.clone(), none(), none()])),
        ("an entry of two parts", entry(&[uint(0), raw::bytes(&history.entries[0].statement)])),
        ("a hash of 31 bytes in a path", entry(&[uint(0), raw::bytes(&[]), array(&[raw::bytes(&[0; 31])])])),
        ("a path of 65 hashes", entry(&[uint(0), raw::bytes(&[]), array(&vec![raw::bytes(&[0; 32]); 65])])),
        (
            "more entries than there are bytes",
            [&[0x83][..], &raw::bytes(&proof), &[0x9b], &[0xff; 8]].concat(),
        ),
        ("257 entries", parts(&[raw::bytes(&proof), array(&vec![uint(0); 257]), none()])),
        ("769 certificates", parts(&[raw::bytes(&proof), none(), array(&vec![raw::bytes(&[]); 769])])),
        ("an array of indefinite length", {
            [&[0x83][..], &raw::bytes(&proof), &[0x9f, 0xff], &none()].concat()
        }),
    ] {
        file.refuse("malformed", name, bytes(&lot(1), message));
    }
}

//! Proofs from the subject index, of one subject and of a family.

use countersign_ledger::{
    Family, FamilyProof, Hash, Index, IndexEntry, IndexError, IndexKey, IndexProof, Subject,
};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Hex, Vectors};
use crate::raw::{NULL, array, bytes, int, text, uint};
use crate::reason;

const CLASS: &str = "https://id.gs1.org/01/09506000134352";
const OTHER_CLASS: &str = "https://id.gs1.org/01/09506000134369";
const MEMBER: &str = "spiffe://meds.example/authority/first";
/// Neither it nor anything under it is in the index.
const NO_CLASS: &str = "https://id.gs1.org/01/09506000134376";

/// All that is in the index.
#[derive(Serialize, Deserialize)]
struct Given {
    root: Hex,
    entries: Vec<Member>,
}

#[derive(Serialize, Deserialize)]
struct Member {
    subject: String,
    count: u64,
    latest: Hex,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Entry {
    count: u64,
    latest: Hex,
}

fn lot(number: usize) -> String {
    format!("{CLASS}/10/L{number}")
}

/// Two statements about the class, one about each of its lots, and some about others.
fn subjects() -> Vec<String> {
    let mut subjects = vec![CLASS.to_owned(), CLASS.to_owned(), OTHER_CLASS.to_owned(), MEMBER.to_owned()];
    subjects.extend((1..=5).map(lot));
    subjects.extend((1..=3).map(|number| format!("{}/21/S{number}", lot(1))));
    subjects
}

fn key(subject: &str) -> IndexKey {
    IndexKey::of(&Subject::new(subject).unwrap())
}

fn index(subjects: &[String]) -> Index {
    let mut index = Index::new();
    for (number, subject) in subjects.iter().enumerate() {
        index.record(key(subject), Hash::of(format!("statement {number}").as_bytes()));
    }
    index
}

fn given() -> Given {
    let mut subjects = subjects();
    let index = index(&subjects);
    subjects.dedup();
    let entry = |subject: String| {
        let IndexEntry { count, latest } = index.get(&key(&subject)).unwrap();
        Member { subject, count, latest: latest.into() }
    };
    Given { root: index.root().into(), entries: subjects.into_iter().map(entry).collect() }
}

/// The entries make the root, by which everything else is judged.
fn root(given: &Given) -> Hash {
    let mut index = Index::new();
    for Member { subject, count, latest } in &given.entries {
        index.insert(key(subject), IndexEntry { count: *count, latest: latest.hash() });
    }
    assert_eq!(index.root(), given.root.hash());
    index.root()
}

fn refused(error: IndexError) -> String {
    reason::index(error).to_owned()
}

type Path = Vec<(u64, Hash)>;
type Row = (u64, Hash);
type Change<'a> = &'a dyn Fn(&mut Vec<(Hash, Row)>);

/// A proof in its parts, so that a case can change one.
#[derive(Clone)]
struct Parts {
    path: Path,
    reached: Reached,
}

#[derive(Clone)]
enum Reached {
    Nothing,
    Asked(Row),
    Other(Vec<u8>, Row),
    Members(Vec<(Hash, Row)>),
}

impl Parts {
    fn read(proof: &[u8]) -> Self {
        let mut d = minicbor::Decoder::new(proof);
        d.array().unwrap();
        let digest = |d: &mut minicbor::Decoder<'_>| Hash::from_slice(d.bytes().unwrap()).unwrap();
        let row = |d: &mut minicbor::Decoder<'_>| (d.u64().unwrap(), digest(d));
        let path = (0..d.array().unwrap().unwrap()).map(|_| {
            d.array().unwrap();
            row(&mut d)
        });
        let path = path.collect();
        let reached = match d.array().unwrap() {
            Some(2) => Reached::Asked(row(&mut d)),
            Some(count) if d.datatype().unwrap() == minicbor::data::Type::Array => {
                let member = |_| {
                    d.array().unwrap();
                    (digest(&mut d), row(&mut d))
                };
                Reached::Members((0..count).map(member).collect())
            }
            _ => Reached::Other(d.bytes().unwrap().to_vec(), row(&mut d)),
        };
        Self { path, reached }
    }

    fn write(&self) -> Vec<u8> {
        let digest = |hash: &Hash| bytes(hash.as_bytes());
        let path = self.path.iter().map(|(depth, sibling)| array(&[uint(*depth), digest(sibling)]));
        let path = array(&path.collect::<Vec<_>>());
        let reached = match &self.reached {
            Reached::Nothing => NULL.to_vec(),
            Reached::Asked((count, latest)) => array(&[uint(*count), digest(latest)]),
            Reached::Other(key, (count, latest)) => array(&[bytes(key), uint(*count), digest(latest)]),
            Reached::Members(members) => {
                let member = |(subject, (count, latest)): &(Hash, Row)| {
                    array(&[digest(subject), uint(*count), digest(latest)])
                };
                array(&members.iter().map(member).collect::<Vec<_>>())
            }
        };
        array(&[path, reached])
    }

    fn with(&self, change: impl FnOnce(&mut Path, &mut Reached)) -> Vec<u8> {
        let mut parts = self.clone();
        change(&mut parts.path, &mut parts.reached);
        parts.write()
    }
}

#[derive(Serialize, Deserialize)]
struct OfSubject {
    subject: String,
    proof: Blob,
}

fn of_subject(subject: &str, proof: Vec<u8>) -> OfSubject {
    OfSubject { subject: subject.to_owned(), proof: proof.into() }
}

#[test]
fn of_one_subject() {
    let index = index(&subjects());
    let mut file = Vectors::new(
        &[
            "The subject index: what it says of one subject under the root given. `null` means: proven to have no entry.",
            "The format is in core/ledger/src/index.rs and index/proof.rs. The root follows from the entries given.",
            "Checks are made in this order: deterministic CBOR, shape, that the proof can speak of the subject at all, that the \
             path's depths rise, root. The first that fails is the reason.",
        ],
        given(),
    );
    let prove = |subject: &str| index.prove(&key(subject)).to_cbor();
    for (name, subject) in [
        ("a product class with two statements", CLASS.to_owned()),
        ("a lot", lot(3)),
        ("a member", MEMBER.to_owned()),
    ] {
        let IndexEntry { count, latest } = index.get(&key(&subject)).unwrap();
        let expect = Some(Entry { count, latest: latest.into() });
        file.accept(name, of_subject(&subject, prove(&subject)), expect);
    }
    file.accept("a lot that has no statement", of_subject(&lot(6), prove(&lot(6))), None);
    file.accept("a class that has no statement", of_subject(NO_CLASS, prove(NO_CLASS)), None);
    refuse_altered(&mut file, &index);
    refuse_absences(&mut file, &index);
    refuse_forms(&mut file, &index);
    file.check("index/subject.json", |given, OfSubject { subject, proof }| {
        let proof = IndexProof::from_cbor(&proof.0).map_err(refused)?;
        let entry = proof.verify(&key(subject), root(given)).map_err(refused)?;
        Ok(entry.map(|IndexEntry { count, latest }| Entry { count, latest: latest.into() }))
    });
}

type OneFile = Vectors<Given, OfSubject, Option<Entry>>;

fn refuse_altered(file: &mut OneFile, index: &Index) {
    let honest = index.prove(&key(&lot(3))).to_cbor();
    let parts = Parts::read(&honest);
    assert_eq!(parts.write(), honest);
    let row = |change: &dyn Fn(&mut Row)| {
        parts.with(|_, reached| {
            if let Reached::Asked(row) = reached {
                change(row);
            }
        })
    };
    let path = |change: &dyn Fn(&mut Path)| parts.with(|path, _| change(path));
    let last = parts.path.len() - 1;
    let between = parts.path[last].0 - 1;
    let mut earlier = subjects();
    earlier.pop();
    let earlier = self::index(&earlier).prove(&key(&lot(3))).to_cbor();
    let other = Hash::of(b"another");
    for (reason, name, proof) in [
        ("other-root", "one statement is hidden", row(&|row| row.0 = 0)),
        ("other-root", "one statement is added", row(&|row| row.0 += 1)),
        ("other-root", "the latest statement is exchanged", row(&|row| row.1 = other)),
        ("other-root", "the lowest sibling is exchanged", path(&|path| path[last].1 = other)),
        ("other-root", "the highest sibling is exchanged", path(&|path| path[0].1 = other)),
        ("other-root", "the lowest step is left out", path(&|path| path.truncate(last))),
        ("other-root", "the highest step is left out", path(&|path| _ = path.remove(0))),
        ("other-root", "a step is put in", path(&|path| path.push((383, other)))),
        ("other-root", "a step is at another depth", path(&|path| path[last].0 = between)),
        ("other-root", "no path", path(&|path| path.clear())),
        ("other-root", "the proof is of an earlier index", earlier),
        ("other-root", "the proof is of another lot", index.prove(&key(&lot(2))).to_cbor()),
        ("other-root", "the proof is of the index with this subject alone", {
            self::index(&[lot(3)]).prove(&key(&lot(3))).to_cbor()
        }),
        ("path", "two steps are exchanged", path(&|path| path.swap(last - 1, last))),
        ("path", "a step stands there twice", path(&|path| path.push(path[last]))),
        ("path", "a step at the depth that no key has", path(&|path| path.push((384, other)))),
        ("path", "a depth that does not fit into 16 bits", path(&|path| path.push((0x1_0000, other)))),
    ] {
        file.refuse(reason, name, of_subject(&lot(3), proof));
    }
}

fn refuse_absences(file: &mut OneFile, index: &Index) {
    let absent = Parts::read(&index.prove(&key(&lot(6))).to_cbor());
    let present = Parts::read(&index.prove(&key(&lot(3))).to_cbor());
    let Reached::Asked(row) = present.reached else { panic!("a lot that has a statement") };
    let own = [&key(&lot(3)).family.0[..], &key(&lot(3)).subject.0].concat();
    let class = index.get(&key(CLASS)).unwrap();
    let class_key = [&key(CLASS).family.0[..], &key(CLASS).subject.0].concat();
    for (reason, name, proof) in [
        ("not-absent", "the leaf shown for the absence is the subject's own", {
            present.with(|_, reached| *reached = Reached::Other(own, row))
        }),
        (
            "not-absent",
            "an empty index, below a path",
            present.with(|_, reached| *reached = Reached::Nothing),
        ),
        ("other-root", "an empty index", array(&[array(&[]), NULL.to_vec()])),
        ("other-root", "the leaf of another subject, in this one's place", {
            present.with(|_, reached| *reached = Reached::Other(class_key, (class.count, class.latest)))
        }),
        ("other-root", "an honest absence of another subject", absent.write()),
        ("other-root", "an absence that ends a step too early", absent.with(|path, _| _ = path.pop())),
    ] {
        file.refuse(reason, name, of_subject(&lot(3), proof));
    }
    for (reason, name, proof) in [
        ("other-root", "presence of a subject that has no entry, by the entry beside it", {
            absent.with(|_, reached| {
                if let Reached::Other(_, row) = reached {
                    *reached = Reached::Asked(*row);
                }
            })
        }),
        ("other-root", "the count beside an absence is changed", {
            absent.with(|_, reached| {
                if let Reached::Other(_, row) = reached {
                    row.0 += 1;
                }
            })
        }),
    ] {
        file.refuse(reason, name, of_subject(&lot(6), proof));
    }
}

fn refuse_forms(file: &mut OneFile, index: &Index) {
    let honest = index.prove(&key(&lot(3))).to_cbor();
    let family = index.prove_family(Family::new(CLASS)).to_cbor();
    let digest = |length: usize| bytes(&vec![7; length]);
    let path = || array(&[]);
    let entry = || array(&[uint(1), digest(32)]);
    for (reason, name, proof) in [
        ("cbor-truncated", "no bytes", vec![]),
        ("cbor-truncated", "cut short by one byte", honest[..honest.len() - 1].to_vec()),
        ("cbor-trailing", "a byte follows", [&honest[..], &[0]].concat()),
        ("cbor-not-shortest", "its head in two bytes", [&[0x98, 2][..], &honest[1..]].concat()),
        ("cbor-indefinite", "an array of indefinite length", [&[0x9f][..], &honest[1..], &[0xff]].concat()),
        ("cbor-truncated", "a path of more steps than there are bytes", {
            [&[0x82, 0x9b][..], &[0xff; 8], &honest[2..]].concat()
        }),
        ("format", "no array", uint(1)),
        ("format", "one part", array(&[path()])),
        ("format", "three parts", array(&[path(), entry(), uint(0)])),
        ("format", "a path that is none", array(&[digest(32), entry()])),
        (
            "format",
            "a step of three parts",
            array(&[array(&[array(&[uint(1), digest(32), uint(0)])]), entry()]),
        ),
        ("format", "a sibling of 31 bytes", array(&[array(&[array(&[uint(1), digest(31)])]), entry()])),
        ("format", "a negative depth", array(&[array(&[array(&[int(-1), digest(32)])]), entry()])),
        ("format", "a text in place of the entry", array(&[path(), text("absent")])),
        (
            "format",
            "an entry of four parts",
            array(&[path(), array(&[digest(48), uint(1), digest(32), uint(0)])]),
        ),
        ("format", "a negative count", array(&[path(), array(&[int(-1), digest(32)])])),
        ("format", "a latest statement of 31 bytes", array(&[path(), array(&[uint(1), digest(31)])])),
        ("format", "a key of 47 bytes", array(&[path(), array(&[digest(47), uint(1), digest(32)])])),
        ("format", "a proof of a family", family),
    ] {
        file.refuse(reason, name, of_subject(&lot(3), proof));
    }
}

#[derive(Serialize, Deserialize)]
struct OfFamily {
    family: String,
    proof: Blob,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Listed {
    /// SHA-256 of the subject.
    subject: Hex,
    count: u64,
    latest: Hex,
}

fn listed(members: Vec<(Hash, IndexEntry)>) -> Vec<Listed> {
    let listed = |(subject, IndexEntry { count, latest }): (Hash, IndexEntry)| Listed {
        subject: subject.into(),
        count,
        latest: latest.into(),
    };
    members.into_iter().map(listed).collect()
}

type FamilyFile = Vectors<Given, OfFamily, Vec<Listed>>;

fn refuse(file: &mut FamilyFile, reason: &str, name: &str, (family, proof): (&str, Vec<u8>)) {
    file.refuse(reason, name, OfFamily { family: family.to_owned(), proof: proof.into() });
}

#[test]
fn of_a_family() {
    let index = index(&subjects());
    let mut file = Vectors::new(
        &[
            "The subject index: all members of a family under the root given, and that there are no others.",
            "The format is in core/ledger/src/index.rs and index/proof.rs. The root follows from the entries given; which family a \
             subject is of, subject/subject.json shows.",
        ],
        given(),
    );
    let class = listed(index.family(Family::new(CLASS)));
    assert_eq!(class.len(), 6);
    for (name, family, expect) in [
        ("a class and its five lots", CLASS, class),
        ("a family of one", MEMBER, listed(vec![(key(MEMBER).subject, index.get(&key(MEMBER)).unwrap())])),
        ("a family without members", NO_CLASS, Vec::new()),
    ] {
        let proof = index.prove_family(Family::new(family)).to_cbor().into();
        file.accept(name, OfFamily { family: family.to_owned(), proof }, expect);
    }
    refuse_members(&mut file, &index);
    refuse_empty_families(&mut file, &index);
    file.check("index/family.json", |given, OfFamily { family, proof }| {
        let proof = FamilyProof::from_cbor(&proof.0).map_err(refused)?;
        proof.verify(Family::new(family), root(given)).map(listed).map_err(refused)
    });
}

fn refuse_members(file: &mut FamilyFile, index: &Index) {
    let honest = index.prove_family(Family::new(CLASS)).to_cbor();
    let parts = Parts::read(&honest);
    assert_eq!(parts.write(), honest);
    let members = |change: Change<'_>| {
        (
            CLASS,
            parts.with(|_, reached| {
                if let Reached::Members(members) = reached {
                    change(members);
                }
            }),
        )
    };
    let path = |change: &dyn Fn(&mut Path)| (CLASS, parts.with(|path, _| change(path)));
    let other = Hash::of(b"another");
    let lot_1 = Family::new(&lot(1));
    let mut earlier = subjects();
    earlier.remove(8);
    for (reason, name, case) in [
        ("other-root", "the first member is left out", members(&|all| _ = all.remove(0))),
        ("other-root", "the last member is left out", members(&|all| _ = all.pop())),
        ("other-root", "a member in the middle is left out", members(&|all| _ = all.remove(3))),
        ("other-root", "all but one are left out", members(&|all| all.truncate(1))),
        ("other-root", "a member is put in", members(&|all| all.push((Hash([0xff; 32]), (1, other))))),
        ("other-root", "a member is exchanged", members(&|all| all[0].0 = Hash::default())),
        ("other-root", "a count is changed", members(&|all| all[2].1.0 += 1)),
        ("other-root", "a latest statement is exchanged", members(&|all| all[2].1.1 = other)),
        ("other-root", "two members' entries are exchanged", {
            members(&|all| (all[0].1, all[1].1) = (all[1].1, all[0].1))
        }),
        ("order", "two members are exchanged", members(&|all| all.swap(0, 1))),
        ("order", "a member stands there twice", members(&|all| all.insert(1, all[0]))),
        ("format", "the list of members is empty", members(&|all| all.clear())),
        ("other-root", "a sibling is exchanged", path(&|path| path[0].1 = other)),
        ("other-root", "a step is left out", path(&|path| _ = path.remove(0))),
        ("path", "two steps are exchanged", path(&|path| path.swap(0, 1))),
        ("path", "a step within the family", path(&|path| path.push((128, other)))),
        ("other-root", "the proof is of an earlier index", {
            (CLASS, self::index(&earlier).prove_family(Family::new(CLASS)).to_cbor())
        }),
        ("other-root", "the proof is of the packs of a lot", (CLASS, index.prove_family(lot_1).to_cbor())),
        (
            "not-absent",
            "the proof of one member in place of all",
            (CLASS, index.prove(&key(&lot(3))).to_cbor()),
        ),
        ("cbor-truncated", "cut short by one byte", (CLASS, honest[..honest.len() - 1].to_vec())),
        ("cbor-trailing", "a byte follows", (CLASS, [&honest[..], &[0]].concat())),
    ] {
        refuse(file, reason, name, case);
    }
}

fn refuse_empty_families(file: &mut FamilyFile, index: &Index) {
    let none = index.prove_family(Family::new(NO_CLASS)).to_cbor();
    let nothing = array(&[array(&[]), NULL.to_vec()]);
    // The lowest key that the class could have is not in the index, and the leaf in its place is one of the class.
    let lowest = IndexKey { family: Family::new(CLASS), subject: Hash::default() };
    for (reason, name, case) in [
        ("not-absent", "a family denied by a member of its own", (CLASS, index.prove(&lowest).to_cbor())),
        ("other-root", "a family denied by the honest absence of another", (CLASS, none.clone())),
        ("other-root", "a family denied by an empty index", (CLASS, nothing)),
        ("other-root", "an absence with another sibling", {
            (NO_CLASS, Parts::read(&none).with(|path, _| path[0].1 = Hash::of(b"another")))
        }),
    ] {
        refuse(file, reason, name, case);
    }
}

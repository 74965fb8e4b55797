//! Checkpoints: their text, whose signatures they need, and which may follow which.

use countersign_ledger::{
    Checkpoint, Cosigner, Hash, Note, NoteSigner, Policy, TrustedCheckpoint, UnixMillis, empty_root,
};
use serde::{Deserialize, Serialize};

use crate::file::{Hex, Vectors};
use crate::logs::{ORIGIN, cosigned, log_keys, policy, witnesses};
use crate::reason;
use crate::world::NOW;

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[derive(Serialize, Deserialize)]
struct Text {
    text: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Said {
    origin: String,
    /// The log's name within its ledger.
    log: Option<String>,
    size: u64,
    root: Hex,
    index_root: Hex,
}

fn said(checkpoint: &Checkpoint) -> Said {
    Said {
        origin: checkpoint.origin().to_owned(),
        log: checkpoint.log().map(|log| log.to_string()),
        size: checkpoint.size(),
        root: checkpoint.root().into(),
        index_root: checkpoint.index_root().into(),
    }
}

fn checkpoint(size: u64) -> Checkpoint {
    let root = if size == 0 { empty_root() } else { tree(size).root() };
    Checkpoint::new(ORIGIN, size, root, Hash::of(&size.to_be_bytes())).unwrap()
}

/// A log of entries that are the numbers from 0 on.
fn tree(size: u64) -> countersign_ledger::Tree {
    let mut tree = countersign_ledger::Tree::new();
    (0..size).for_each(|n| _ = tree.push(countersign_ledger::leaf_hash(&n.to_be_bytes())));
    tree
}

#[test]
fn texts() {
    let mut file = Vectors::new(
        &[
            "Checkpoints: what a log commits to, as C2SP tlog-checkpoint has it, with our one extension line.",
            "The extension is \"subject-index \" and the root of the subject index in Base64. Nothing is signed here.",
        ],
        Nothing {},
    );
    for (name, size) in [("seven entries", 7), ("no entry yet", 0)] {
        let (text, one) = (checkpoint(size).to_string(), checkpoint(size));
        let expect = Said { origin: ORIGIN.into(), log: Some("supply".into()), size, ..said(&one) };
        file.accept(name, Text { text }, expect);
    }
    let honest = checkpoint(7).to_string();
    let mut replaced = |reason: &str, name: &str, from: &str, to: &str| {
        assert!(honest.contains(from), "{from}");
        file.refuse(reason, name, Text { text: honest.replacen(from, to, 1) });
    };
    let last = honest.lines().last().unwrap();
    replaced("lines", "no text", &honest, "");
    replaced("lines", "two lines", &honest, "ledger.example/supply\n7\n");
    replaced("lines", "the last line is not ended", &format!("{last}\n"), last);
    replaced("origin", "no origin", ORIGIN, "");
    replaced("origin", "a space in the origin", ORIGIN, "ledger.example/sup ply");
    replaced("origin", "a plus sign in the origin", ORIGIN, "ledger.example/sup+ply");
    for (name, size) in [
        ("no size", ""),
        ("a size with a leading zero", "07"),
        ("a size with a sign", "+7"),
        ("a negative size", "-7"),
        ("a size in hexadecimal digits", "0x7"),
        ("a space behind the size", "7 "),
        ("a carriage return behind the size", "7\r"),
        ("a size of more than 64 bits", "18446744073709551616"),
    ] {
        replaced("size", name, "\n7\n", &format!("\n{size}\n"));
    }
    let roots: Vec<&str> = honest.lines().skip(2).collect();
    replaced("root-encoding", "a root without its padding", "=\n", "\n");
    replaced("root-encoding", "a space behind the root", "=\n", "= \n");
    replaced(
        "root-encoding",
        "a root in hexadecimal digits",
        roots[0],
        &checkpoint(7).root().to_string()[..63],
    );
    replaced("root-length", "a root of 30 bytes", roots[0], &roots[0][..40]);
    replaced("empty-tree", "the size is 0, the root is not that of no entries", "\n7\n", "\n0\n");
    replaced("empty-line", "an empty line before the extension", "\nsubject-index", "\n\nsubject-index");
    replaced("empty-line", "an empty line at the end", last, &format!("{last}\n"));
    replaced("extension", "no extension", &format!("{last}\n"), "");
    replaced("extension", "an extension of another name", "subject-index", "subject-indices");
    replaced("extension", "the name in upper case", "subject-index", "Subject-Index");
    replaced("extension", "the extension twice", last, &format!("{last}\n{last}"));
    replaced("extension", "an extension of others before ours", "\nsubject-index", "\nmore\nsubject-index");
    replaced("root-encoding", "two spaces before the index's root", "subject-index ", "subject-index  ");
    replaced("root-length", "an index's root of 35 bytes", "subject-index ", "subject-index AAAA");
    file.check("checkpoint/text.json", |Nothing {}, Text { text }| {
        Checkpoint::parse(text).map(|one| said(&one)).map_err(|error| reason::text(error).to_owned())
    });
}

#[derive(Serialize, Deserialize)]
struct Trusting {
    policy: String,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    note: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Trusted {
    checkpoint: Said,
    /// The age that is shown: in seconds since 1970.
    cosigned_at: u64,
}

/// The text, signed by these of the log's keys and cosigned at these times (in seconds after [`NOW`]) by the three witnesses.
fn note(text: &str, keys: &[NoteSigner], times: [Option<u64>; 3]) -> String {
    let mut note = Note::new(text.to_owned()).unwrap();
    for key in keys {
        note.add(key.sign(text)).unwrap();
    }
    for (witness, time) in witnesses().iter().zip(times) {
        if let Some(time) = time {
            note.add(witness.cosign(text, UnixMillis(NOW.0 + 1000 * time))).unwrap();
        }
    }
    note.to_string()
}

type File = Vectors<Trusting, Signed, Trusted>;

#[test]
fn signatures() {
    let mut file = Vectors::new(
        &[
            "Checkpoints: whose signatures they need. Both of the log's keys must have signed, and two of the three witnesses.",
            "The age of a checkpoint is the latest time such that the cosignatures of that time or later are enough.",
            "Checks are made in this order: note, log, the log's signatures, text, each witness's line, quorum. The first that fails \
             is the reason. Names and secrets of keys are made up: core/ledger/tests/own_vectors/logs.rs.",
        ],
        Trusting { policy: policy(&[ORIGIN]) },
    );
    let text = checkpoint(7).to_string();
    for (name, times, at) in [
        ("two witnesses: as old as the older", [Some(20), None, Some(10)], 10),
        ("three witnesses: as old as the second youngest", [Some(20), Some(40), Some(30)], 30),
    ] {
        let expect = Trusted { checkpoint: said(&checkpoint(7)), cosigned_at: NOW.seconds() + at };
        file.accept(name, Signed { note: note(&text, &log_keys(ORIGIN), times) }, expect);
    }
    refuse_notes(&mut file, &text);
    refuse_keys(&mut file, &text);
    file.check("checkpoint/signatures.json", |Trusting { policy }, Signed { note }| {
        let policy: Policy = policy.parse().unwrap();
        let trusted = policy.trust(note).map_err(|error| reason::checkpoint(&error).to_owned())?;
        let (checkpoint, cosigned_at) = (said(trusted.checkpoint()), trusted.cosigned_at().seconds());
        Ok(Trusted { checkpoint, cosigned_at })
    });
}

const TWO: [Option<u64>; 3] = [Some(1), Some(2), None];

fn refuse_notes(file: &mut File, text: &str) {
    let honest = note(text, &log_keys(ORIGIN), TWO);
    let line = honest.lines().last().unwrap();
    for (reason, name, note) in [
        ("note-text-not-ended", "no text", String::new()),
        ("note-unsigned", "the text alone", text.to_owned()),
        ("note-unsigned", "no blank line before the signatures", honest.replacen("\n\n", "\n", 1)),
        ("note-unsigned", "a blank line and no signature", format!("{text}\n")),
        ("note-text-not-ended", "the last line is not ended", honest.trim_end().to_owned()),
        ("note-control-character", "a tab", honest.replacen(' ', "\t", 1)),
        ("note-control-character", "lines that end as on Windows", honest.replace('\n', "\r\n")),
        ("note-signature-line", "a hyphen in place of the dash", honest.replacen('\u{2014}', "-", 1)),
        ("note-signature-line", "a signature that is not Base64", format!("{}?\n", honest.trim_end())),
        ("note-signature-line", "a signature without a name", honest.replace(line, "\u{2014}  AAAAAAE=")),
        ("note-too-many-signatures", "65 signatures", {
            let more = (0..61).map(|n| format!("\u{2014} name{n} AAAAAAE=\n"));
            honest.clone() + &more.collect::<String>()
        }),
    ] {
        file.refuse(reason, name, Signed { note });
    }
}

fn refuse_keys(file: &mut File, text: &str) {
    let other = "ledger.example/records-full";
    let honest = note(text, &log_keys(ORIGIN), TWO);
    let altered = |from: &str, to: &str| honest.replacen(from, to, 1);
    let root = checkpoint(8).to_string();
    let root = (text.lines().nth(2).unwrap(), root.lines().nth(2).unwrap());
    let [p256, ed25519] = log_keys(ORIGIN);
    let foreign =
        [NoteSigner::p256(ORIGIN, &[61; 32]).unwrap(), NoteSigner::ed25519(ORIGIN, &[62; 32]).unwrap()];
    let stranger = Cosigner::new("witness-21.example", &[63; 32]).unwrap().cosign(text, NOW);
    let with = |lines: &[String]| {
        let one = note(text, &log_keys(ORIGIN), [None, Some(2), None]);
        lines.iter().fold(one, |one, line| format!("{one}{line}\n"))
    };
    let bad = honest.lines().find(|line| line.contains("witness-21")).unwrap();
    // A time in the first digits of the signature: one second more, with the signature that was made for the one before.
    let later = witnesses()[0].cosign(text, UnixMillis(NOW.0 + 2000)).to_string();
    let mixed = bad[..bad.len() - 88].to_owned() + &later[later.len() - 88..];
    let extension = text.replacen("subject-index", "subject-indices", 1);
    for (reason, name, note) in [
        (
            "unknown-log",
            "a log that the policy does not name",
            note(&text.replacen(ORIGIN, other, 1), &log_keys(other), TWO),
        ),
        ("log-signature-missing", "without the log's P-256 signature", note(text, &[ed25519], TWO)),
        ("log-signature-missing", "without the log's Ed25519 signature", note(text, &[p256], TWO)),
        ("log-signature-missing", "signed by other keys of that name", note(text, &foreign, TWO)),
        (
            "log-signature-missing",
            "cosigned, and not signed by the log",
            note(text, &[], [Some(1), Some(2), Some(3)]),
        ),
        ("bad-signature", "the size was changed", altered("\n7\n", "\n8\n")),
        ("bad-signature", "the root was exchanged", altered(root.0, root.1)),
        (
            "extension",
            "the log signed a text without the index's root",
            note(&extension, &log_keys(ORIGIN), TWO),
        ),
        ("bad-signature", "a cosignature's time was changed", altered(bad, &mixed)),
        ("bad-signature", "a third witness's line does not verify", {
            let other = witnesses()[2].cosign("another\n", NOW).to_string();
            format!("{honest}{other}\n")
        }),
        ("too-few-cosignatures", "no cosignature", note(text, &log_keys(ORIGIN), [None; 3])),
        ("too-few-cosignatures", "one cosignature", with(&[])),
        ("too-few-cosignatures", "one cosignature, twice", {
            let again = witnesses()[1].cosign(text, UnixMillis(NOW.0 + 9000)).to_string();
            with(&[again])
        }),
        ("too-few-cosignatures", "the second cosignature is by another key of the witness's name", {
            with(&[stranger.to_string()])
        }),
        ("too-few-cosignatures", "the second cosignature is by a witness whom the policy does not name", {
            with(&[Cosigner::new("witness-24.example", &[24; 32]).unwrap().cosign(text, NOW).to_string()])
        }),
    ] {
        file.refuse(reason, name, Signed { note });
    }
}

#[derive(Serialize, Deserialize)]
struct Step {
    held: String,
    offered: String,
    /// The consistency proof (RFC 9162 section 2.1.4).
    proof: Vec<Hex>,
}

#[test]
fn steps() {
    let origins = [ORIGIN, "ledger.example/trust"];
    let mut file = Vectors::new(
        &[
            "Checkpoints: which one may follow the one that is held. What is expected is the size of the one held afterwards.",
            "Both are signed and cosigned as they must be. A fork is two of one size that differ, whatever the proof says.",
        ],
        Trusting { policy: policy(&origins) },
    );
    let cosigned =
        |checkpoint: &Checkpoint| cosigned(checkpoint.origin(), &checkpoint.to_string(), NOW).to_string();
    let proof = |from, to| tree(to).consistency(from, to).unwrap();
    let step = |held: &Checkpoint, offered: &Checkpoint, proof: Vec<Hash>| Step {
        held: cosigned(held),
        offered: cosigned(offered),
        proof: proof.into_iter().map(Hex::from).collect(),
    };
    let (seven, twelve) = (checkpoint(7), checkpoint(12));
    file.accept("five more entries", step(&seven, &twelve, proof(7, 12)), 12_u64);
    file.accept("the same, without a proof", step(&seven, &seven, vec![]), 7);
    let with = |size, root: Hash, index: &[u8]| Checkpoint::new(ORIGIN, size, root, Hash::of(index)).unwrap();
    let other_tree = with(7, Hash::of(b"another root"), &7_u64.to_be_bytes());
    let other_index = with(7, seven.root(), b"another index");
    let other_root = with(12, Hash::of(b"another root"), &12_u64.to_be_bytes());
    let trust = Checkpoint::new(origins[1], 12, twelve.root(), twelve.index_root()).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<Hash>)| {
        let mut hashes = proof(7, 12);
        change(&mut hashes);
        hashes
    };
    for (reason, name, case) in [
        ("other-log", "a checkpoint of another log", step(&seven, &trust, proof(7, 12))),
        ("rollback", "an older one", step(&twelve, &seven, proof(7, 12))),
        ("rollback", "an empty log", step(&twelve, &checkpoint(0), vec![])),
        ("fork", "of one size, with another tree", step(&seven, &other_tree, vec![])),
        ("fork", "of one size, with another subject index", step(&seven, &other_index, vec![])),
        ("not-an-extension-path-length", "no proof", step(&seven, &twelve, vec![])),
        (
            "not-an-extension-path-length",
            "a hash too few",
            step(&seven, &twelve, changed(&|all| _ = all.pop())),
        ),
        ("not-an-extension-path-length", "a hash too many", {
            step(&seven, &twelve, changed(&|all| all.push(Hash::default())))
        }),
        (
            "not-an-extension-older-root",
            "two hashes are exchanged",
            step(&seven, &twelve, changed(&|all| all.swap(0, 1))),
        ),
        ("not-an-extension-other-root", "a hash of the newer part is exchanged", {
            step(&seven, &twelve, changed(&|all| *all.last_mut().unwrap() = Hash::of(b"another")))
        }),
        (
            "not-an-extension-older-root",
            "a tree in which an old entry was changed",
            step(&other_tree, &twelve, proof(7, 12)),
        ),
        ("not-an-extension-other-root", "a newer root that the proof does not lead to", {
            step(&seven, &other_root, proof(7, 12))
        }),
        ("not-an-extension-path-too-long", "65 hashes", step(&seven, &twelve, vec![Hash::default(); 65])),
    ] {
        file.refuse(reason, name, case);
    }
    file.check("checkpoint/step.json", |Trusting { policy }, Step { held, offered, proof }| {
        let policy: Policy = policy.parse().unwrap();
        let trusted = |note: &str| -> TrustedCheckpoint { policy.trust(note).unwrap() };
        let proof: Vec<Hash> = proof.iter().map(Hex::hash).collect();
        let next =
            trusted(held).advance(trusted(offered), &proof).map_err(|error| reason::advance(&error))?;
        Ok(next.checkpoint().size())
    });
}

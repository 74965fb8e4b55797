//! A record of nine sections: written, shared, opened, its rights redefined; and what it costs the store (the paper's Table 2).
//!
//!     cargo bench --package countersign-records
//!
//! Prints Markdown. Times are the thread's on the processor, medians; `raw` is one P-256 verification by aws-lc-rs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench, no library"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/records/support.rs"]
mod support;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use countersign_abe::{MasterKey, Policy, SecretKey};
use countersign_ledger::{Hash, Identity, Signer as _, SoftwareKey};
use countersign_records::{
    Current, Delivery, Epoch, Extraction, FIRST_SECTION, HEADER, Line, Lock, Part, Parts, Reader, Rule,
    SHARED, Sealed, Secret, label,
};
use serde_json::json;
use support::{Numbers, RECORD, World, bundle, bytes, resource, section};
use zeroize::Zeroizing;

const ROUNDS: usize = 31;
const POLICY: &str = "role: cardiologist and hospital: north";
const EPOCH: Epoch = Epoch(227);
/// Of nine sections, those that are shared.
const SIX: std::ops::Range<u8> = FIRST_SECTION..FIRST_SECTION + 6;

fn main() {
    // `cargo test` runs benches to see that they build.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("| bytes of a section | step | median | of raw |\n| --- | --- | --- | --- |");
    for entries in [1, 8, 64] {
        steps(&document(entries));
    }
    println!("\n| bytes of the document | stored by | bytes | of the document |\n| --- | --- | --- | --- |");
    for entries in [1, 4, 8, 16, 64] {
        stored(&document(entries));
    }
}

/// Nine sections of so many results each.
fn document(entries: usize) -> Vec<u8> {
    let name = |section: usize, entry: usize| format!("s{section}e{entry}");
    let sections: Vec<_> = (0..9)
        .map(|at| {
            let names: Vec<_> = (0..entries).map(|entry| name(at, entry)).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            section(&format!("Section {at}"), "30954-2", &names)
        })
        .collect();
    let result = |id: &str| {
        let value = json!({
            "status": "final",
            "code": { "coding": [{ "system": "http://loinc.org", "code": "15074-8", "display": "Glucose in blood" }] },
            "effectiveDateTime": "2026-01-02T03:04:05Z",
            "valueQuantity": { "value": 6.3, "unit": "mmol/l", "system": "http://unitsofmeasure.org", "code": "mmol/L" },
        });
        resource("Observation", id, value)
    };
    let entries =
        (0..9).flat_map(|at| (0..entries).map(move |entry| result(&name(at, entry)))).collect::<Vec<_>>();
    bytes(&bundle(&sections, &entries))
}

/// The owner's side of a record.
struct Owner {
    world: World,
    master: MasterKey,
    key: SecretKey,
    secret: Secret,
}

impl Owner {
    fn new() -> Self {
        let master = MasterKey::new(&[1; 32]);
        let attributes =
            ["role: cardiologist", "hospital: north"].into_iter().map(|text| text.parse().unwrap());
        let key =
            master.issue(&attributes.chain(EPOCH.held().map(Epoch::attribute)).collect(), &[2; 32]).unwrap();
        Self { world: World::new(), master, key, secret: Secret::new(Zeroizing::new([9; 32])) }
    }

    fn seal(&self, signed: &Extraction) -> Sealed {
        Sealed::new(signed, &self.secret, &RECORD, 1, &mut Numbers(5)).unwrap()
    }

    fn share(&self, sealed: &Sealed, parts: Parts) -> Line {
        let policy: Policy = POLICY.parse().unwrap();
        let name = Identity::new("north.example", "attribute-authority", "clinics").unwrap();
        let (lock, opened) = Lock::new(&policy, EPOCH, &name, self.master.public_key(), &[7; 32]).unwrap();
        let label = label(&RECORD, &[4; 16], &policy);
        sealed
            .inventory
            .line(&self.secret, SHARED.unwrap(), label, (lock, &opened), parts, &mut Numbers(6))
            .unwrap()
    }

    /// Opens a line, and says which parts it showed.
    fn open(&self, signed: &Extraction, sealed: &Sealed, line: &Line) -> Parts {
        let objects = sealed.objects.iter().chain([&line.wraps]);
        let kept: HashMap<Hash, &[u8]> =
            objects.map(|object| (Hash::of(object), object.as_slice())).collect();
        let there: Vec<Option<&[u8]>> = line.row.digests().map(|digest| kept.get(&digest).copied()).collect();
        let reader = Reader {
            record: &RECORD,
            link: &self.secret.link(),
            log: SHARED.unwrap(),
            label: label(&RECORD, &[4; 16], &POLICY.parse().unwrap()),
            row: line.row.hash(),
            current: Current { version: 1, document: signed.document().id() },
            trust: &self.world.trust,
        };
        let delivery = Delivery { row: &line.row, document: there[0], wraps: there[1], parts: &there[2..] };
        let received = reader.open(delivery, |lock| lock.open(&self.key, self.master.public_key())).unwrap();
        Parts::of(received.opened.parts().iter().map(Part::number))
    }
}

fn six() -> Parts {
    Parts::of([HEADER].into_iter().chain(SIX))
}

fn steps(document: &[u8]) {
    let owner = Owner::new();
    let signed = owner.world.sign(document, 1, None::<&Rule>, 7);
    let (all, sealed) = (Parts::all(signed.disclosures().len()), owner.seal(&signed));
    let line = owner.share(&sealed, six());
    let whole = owner.share(&sealed, all);
    assert_eq!(owner.open(&signed, &sealed, &line), six());
    let raw = verification();
    let size =
        signed.disclosures().iter().map(|one| one.part().size()).sum::<usize>() / signed.disclosures().len();
    let tell = |step: &str, work: &mut dyn FnMut()| {
        let took = median(work);
        let of = took.as_secs_f64() / raw.as_secs_f64();
        println!("| {size} | {step} | {:.2} ms | {of:.1} |", took.as_secs_f64() * 1e3);
    };
    tell("raw", &mut verification_once());
    tell("written: cut, committed to, signed", &mut || {
        black_box(owner.world.sign(document, 1, None::<&Rule>, 7));
    });
    tell("written: sealed", &mut || {
        black_box(owner.seal(&signed));
    });
    tell("shared: six sections, their keys wrapped", &mut || {
        black_box(owner.share(&sealed, six()));
    });
    tell("opened and verified: six sections", &mut || {
        black_box(owner.open(&signed, &sealed, &line));
    });
    tell("opened and verified: the whole", &mut || {
        black_box(owner.open(&signed, &sealed, &whole));
    });
    tell("one section withdrawn: sealed anew, the line wrapped again", &mut || {
        let one = Parts::of([FIRST_SECTION]);
        let anew = Sealed::anew(&sealed.inventory, &signed, &owner.secret, one, &mut Numbers(8)).unwrap();
        black_box(owner.share(&anew, Parts(six().0 & !one.0)));
    });
}

/// What the store keeps of a document of which six sections of nine are shared, by the three ways of the paper's Table 2. All three
/// with our sealing and our wraps, so that they differ in the scheme alone.
fn stored(document: &[u8]) {
    let owner = Owner::new();
    let signed = owner.world.sign(document, 1, None::<&Rule>, 7);
    let (all, sealed) = (Parts::all(signed.disclosures().len()), owner.seal(&signed));
    let size: HashMap<Hash, usize> =
        sealed.objects.iter().map(|object| (Hash::of(object), object.len())).collect();
    let line = |parts| {
        let line = owner.share(&sealed, parts);
        let bodies: usize = line.row.digests().filter_map(|digest| size.get(&digest)).sum();
        (bodies, line.wraps.len() + line.row.to_bytes().len())
    };
    let ((whole, wraps), (shared, shared_wraps)) = (line(all), line(six()));
    let tell = |way: &str, stored: usize| {
        println!("| {} | {way} | {stored} | {:.2} |", document.len(), stored as f64 / document.len() as f64);
    };
    tell("BPDS: the shared sections", shared + shared_wraps);
    tell("this scheme: each section once, two lines", whole + wraps + shared_wraps);
    tell("traditional: the whole, and the shared sections again", whole + wraps + shared + shared_wraps);
}

/// What this thread has used of the processor, which other programs beside it disturb less than the time on the clock.
fn processor_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

fn median(work: &mut dyn FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let before = processor_time();
            work();
            processor_time().saturating_sub(before)
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn verification_once() -> impl FnMut() {
    let key = SoftwareKey::from_bytes(&[3; 32]).unwrap();
    let message = [7; 400];
    let signature = key.sign(&message).unwrap();
    let public = key.public_key();
    move || public.verify(black_box(&message), &signature).unwrap()
}

fn verification() -> Duration {
    median(&mut verification_once())
}

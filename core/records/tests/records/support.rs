//! The people of the tests, made-up documents, and the real ones.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests read their data, and say that it is absent"
)]

use std::fs;
use std::path::{Path, PathBuf};

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{Certificate, Identity, Signer as _, SoftwareKey, TrustStore, UnixMillis};
use countersign_records::{Cut, Extraction, RecordId, Rule, Unsigned};
use serde_json::{Value, json};

pub const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
pub const RECORD: RecordId = RecordId([0x5a; 16]);

/// A generator whose numbers are those of `SplitMix64`: random enough for a test of what is random, not of how well.
pub struct Numbers(pub u64);

impl rand_core::TryRng for Numbers {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|number| u32::try_from(number >> 32).unwrap())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ mixed >> 31)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Numbers {}

/// A hospital's doctor, and a trust store that pins the domain's root and knows no member.
pub struct World {
    pub trust: TrustStore,
    pub doctor: SoftwareKey,
    pub certificate: Certificate,
    pub owner: SoftwareKey,
}

impl World {
    pub fn new() -> Self {
        let year = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };
        let key = |seed: u8| SoftwareKey::from_bytes(&[seed; 32]).unwrap();
        let (registrar, doctor, owner) = (key(1), key(2), key(3));
        let root = certificate::root("north.example", &registrar, year, [1; 16]).unwrap();
        let identity = Identity::new("north.example", "doctor", "grace").unwrap();
        let certificate =
            certificate::issue(&identity, &doctor.public_key(), &registrar, year, [2; 16]).unwrap();
        let mut trust = TrustStore::new();
        trust.pin("north.example", &root);
        Self { trust, doctor, certificate, owner }
    }

    pub fn sign(&self, document: &[u8], version: u64, rule: Option<&Rule>, seed: u64) -> Extraction {
        self.sign_as(&RECORD, document, version, rule, seed)
    }

    pub fn sign_as(
        &self,
        record: &RecordId,
        document: &[u8],
        version: u64,
        rule: Option<&Rule>,
        seed: u64,
    ) -> Extraction {
        let unsigned = Unsigned::new(&mut Cut::new(document).unwrap(), &[], &mut Numbers(seed));
        let any = Rule::any(unsigned.count());
        let draft = unsigned.draft(record, version, rule.unwrap_or(&any), &self.owner.public_key()).unwrap();
        let cti = seed.to_be_bytes().repeat(2).try_into().unwrap();
        let statement = draft.sign(&self.certificate, &self.doctor, NOW, cti).unwrap();
        unsigned.signed(statement, &self.certificate)
    }
}

/// All real documents, or none (with a message) outside CI.
pub fn vectors() -> Vec<(String, Vec<u8>)> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder = above.map(|folder| folder.join("shared/vectors/fhir")).find(|folder| folder.is_dir());
    let mut wanted: Vec<PathBuf> = folder.into_iter().collect();
    let mut found = Vec::new();
    while let Some(path) = wanted.pop() {
        if path.is_dir() {
            wanted.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read(path).unwrap()));
        }
    }
    found.sort();
    assert!(!found.is_empty() || std::env::var_os("CI").is_none(), "CI needs the shared vectors: fhir");
    if found.is_empty() {
        println!("skipped: the shared vectors are absent (fhir)");
    }
    found
}

pub fn resource(kind: &str, id: &str, mut members: Value) -> Value {
    members["resourceType"] = kind.into();
    members["id"] = id.into();
    json!({ "fullUrl": format!("urn:uuid:{id}"), "resource": members })
}

pub fn to(id: &str) -> Value {
    json!({ "reference": format!("urn:uuid:{id}") })
}

pub fn section(title: &str, code: &str, entries: &[&str]) -> Value {
    let listed: Vec<_> = entries.iter().map(|id| to(id)).collect();
    json!({
        "title": title,
        "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
        "text": { "status": "generated", "div": format!("<div>{title}: as coded</div>") },
        "entry": listed,
    })
}

/// A document of these sections and entries, beside the composition, the patient `p` and the author `dr`.
pub fn bundle(sections: &[Value], entries: &[Value]) -> Value {
    let composition = resource(
        "Composition",
        "c",
        json!({
            "status": "final", "title": "A summary", "date": "2026-01-02", "subject": to("p"), "author": [to("dr")],
            "confidentiality": "R", "section": sections,
        }),
    );
    let patient = resource(
        "Patient",
        "p",
        json!({ "name": [{ "family": "Roe", "given": ["Jane"] }], "birthDate": "1970-01-01", "address": [{ "city": "Secretville" }] }),
    );
    let author = resource("Practitioner", "dr", json!({ "name": [{ "text": "Dr. Grace" }] }));
    let mut all = vec![composition, patient, author];
    all.extend_from_slice(entries);
    json!({ "resourceType": "Bundle", "type": "document", "timestamp": "2026-01-02T03:04:05Z", "entry": all })
}

/// Problems, medication given for one of them, results that share a laboratory, and a section without anything.
pub fn summary() -> Value {
    let coded = |text: &str| json!({ "code": { "text": text } });
    let mut medication = coded("Metformin");
    medication["reasonReference"] = json!([{ "reference": "urn:uuid:p1", "display": "see problem one" }]);
    let result = |text: &str| json!({ "code": { "text": text }, "performer": [to("lab")], "valueQuantity": { "value": 7.10, "unit": "mmol/L" } });
    bundle(
        &[
            section("Problems", "11450-4", &["p1", "p2"]),
            section("Medication", "10160-0", &["m1"]),
            section("Results", "30954-2", &["r1"]),
            section("Vital signs", "8716-3", &["v1"]),
            json!({ "title": "Nothing", "code": { "coding": [{ "code": "46264-8" }] } }),
        ],
        &[
            resource("Condition", "p1", coded("Diabetes of a secret kind")),
            resource("Condition", "p2", coded("Asthma")),
            resource("MedicationStatement", "m1", medication),
            resource("Observation", "r1", result("Glucose")),
            resource("Observation", "v1", result("Pulse")),
            resource("Organization", "lab", json!({ "name": "Shared laboratory" })),
            resource("Provenance", "prov", json!({ "target": [to("c")] })),
        ],
    )
}

pub fn bytes(document: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(document).unwrap()
}

/// A document with so many sections of one result each, whose numbers are spelt as laboratories spell them.
fn of_sections(count: usize) -> Vec<u8> {
    const SPELT: [&str; 8] =
        ["7.10", "1.0", "0.000", "120", "1.50e-3", "-0.0", "2E+2", "36.60000000000000000000001"];
    let sections: Vec<_> =
        (0..count).map(|at| section(&format!("Section {at}"), "30954-2", &[&format!("r{at}")])).collect();
    let result = |at: usize| {
        let value = json!({ "value": format!("<{}>", at % SPELT.len()), "unit": "mmol/L" });
        resource(
            "Observation",
            &format!("r{at}"),
            json!({ "code": { "text": "Glucose" }, "valueQuantity": value }),
        )
    };
    let mut text =
        String::from_utf8(bytes(&bundle(&sections, &(0..count).map(result).collect::<Vec<_>>()))).unwrap();
    for (at, spelt) in SPELT.into_iter().enumerate() {
        text = text.replace(&format!("\"<{at}>\""), spelt);
    }
    text.into_bytes()
}

/// Documents of kinds that hospitals have and the vectors have not, each by its name.
pub fn kinds() -> Vec<(String, Vec<u8>)> {
    let outside =
        json!({ "reference": "https://elsewhere.example/fhir/Organization/9", "display": "another house" });
    let mut leaving = summary();
    leaving["entry"][5]["resource"]["recorder"] = outside.clone();
    leaving["entry"][7]["resource"]["encounter"] = json!({ "reference": "urn:uuid:not-in-here" });
    leaving["entry"][0]["resource"]["section"][0]["entry"].as_array_mut().unwrap().push(outside);
    // Many results with long remarks: 1.8 MB.
    let remark = "Repeated, since the first sample was haemolysed. ".repeat(20);
    let result = |at: usize| {
        let note = json!([{ "text": format!("{at}: {remark}") }]);
        resource("Observation", &format!("r{at}"), json!({ "code": { "text": "Potassium" }, "note": note }))
    };
    let listed: Vec<String> = (0..1600).map(|at| format!("r{at}")).collect();
    let sections: Vec<_> = listed
        .chunks(160)
        .map(|chunk| section("Results", "30954-2", &chunk.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    let large = bytes(&bundle(&sections, &(0..1600).map(result).collect::<Vec<_>>()));
    assert!((1_700_000..2_200_000).contains(&large.len()), "{}", large.len());
    let named = [
        ("made up", bytes(&summary())),
        ("sixteen sections, decimals with trailing zeros", of_sections(16)),
        ("sixty-one sections, as many as there may be", of_sections(61)),
        ("references that leave the document", bytes(&leaving)),
        ("1.8 MB", large),
        ("no clinical content", bytes(&bundle(&[], &[]))),
    ];
    named.map(|(name, document)| (name.to_owned(), document)).into()
}

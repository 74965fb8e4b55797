//! The form of a statement: which bytes are one. Nobody is trusted here, and no signature is verified.

use countersign_ledger::cose::to_be_signed;
use countersign_ledger::{Fields, FormatError, Hash, Signature, Statement};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Hex, Vectors};
use crate::raw::{self, array, bytes, int, map, text, uint};
use crate::reason;
use crate::world::{LOT, Member, NOW, draft, member};

#[derive(Serialize, Deserialize)]
struct Given {}

#[derive(Serialize, Deserialize)]
struct Bytes {
    statement: Blob,
}

/// What a statement says of itself.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Said {
    id: Hex,
    kind: String,
    subject: String,
    issuer: String,
    /// Seconds since 1970.
    issued_at: u64,
    /// SHA-256 of the signer's certificate.
    certificate: Hex,
    links: Vec<Hex>,
    /// Id of the statement that it carries.
    countersigned: Option<Hex>,
    replay_key: Hex,
}

fn said(statement: &Statement) -> Said {
    Said {
        id: statement.id().into(),
        kind: statement.kind().to_string(),
        subject: statement.subject().to_string(),
        issuer: statement.issuer().as_str().to_owned(),
        issued_at: statement.issued_at().seconds(),
        certificate: statement.certificate().into(),
        links: statement.links().iter().map(|&link| link.into()).collect(),
        countersigned: statement.countersigned().map(|other| other.id().into()),
        replay_key: statement.replay_key().into(),
    }
}

fn refused(error: FormatError) -> String {
    reason::format(error).to_owned()
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A statement in its parts, signed at the end, so that nothing is wrong with it but what a case changes.
struct Parts {
    signer: Member,
    headers: Pairs,
    claims: Pairs,
    payload: Pairs,
    body: Pairs,
}

const ALG: i64 = 1;
const CONTENT_TYPE: i64 = 3;
const CWT_CLAIMS: i64 = 15;
const TYP: i64 = 16;
const X5T: i64 = 34;

impl Parts {
    fn new() -> Self {
        let signer = member("authority", 2);
        let x5t = array(&[int(-16), bytes(signer.certificate.fingerprint().as_bytes())]);
        Self {
            headers: vec![
                (int(ALG), int(-7)),
                (int(CONTENT_TYPE), text("application/vnd.countersign.medicine.recall.v1+cbor")),
                (int(CWT_CLAIMS), Vec::new()),
                (int(TYP), text("application/scitt-statement+cose")),
                (int(X5T), x5t),
            ],
            claims: vec![
                (uint(1), text(signer.identity().as_str())),
                (uint(2), text(LOT)),
                (uint(6), uint(NOW.seconds())),
                (uint(7), bytes(&[9; 16])),
            ],
            payload: vec![(uint(1), Vec::new())],
            body: vec![(text("reason"), text("glass"))],
            signer,
        }
    }

    /// The honest one, with one thing changed.
    fn with(change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut parts = Self::new();
        change(&mut parts);
        parts.sign()
    }

    fn protected(&self) -> Vec<u8> {
        map(&filled(&self.headers, &map(&self.claims)))
    }

    fn payload(&self) -> Vec<u8> {
        map(&filled(&self.payload, &map(&self.body)))
    }

    fn sign(&self) -> Vec<u8> {
        self.seal(&self.protected(), &self.payload())
    }

    /// Signs these bytes, whatever they are.
    fn seal(&self, protected: &[u8], payload: &[u8]) -> Vec<u8> {
        let signature = sign(&self.signer, protected, payload);
        sign1(&[bytes(protected), map(&[]), bytes(payload), bytes(signature.as_bytes())])
    }

    fn header(&mut self, label: i64, value: &[u8]) {
        self.headers
            .iter_mut()
            .filter(|(known, _)| *known == int(label))
            .for_each(|pair| pair.1 = value.to_vec());
    }

    fn claim(&mut self, label: u64, value: &[u8]) {
        self.claims
            .iter_mut()
            .filter(|(known, _)| *known == uint(label))
            .for_each(|pair| pair.1 = value.to_vec());
    }
}

/// The pairs, with `value` where none is yet.
fn filled(pairs: &Pairs, value: &[u8]) -> Pairs {
    let filled = |(key, own): &(Vec<u8>, Vec<u8>)| {
        (key.clone(), if own.is_empty() { value.to_vec() } else { own.clone() })
    };
    pairs.iter().map(filled).collect()
}

fn sign(signer: &Member, protected: &[u8], payload: &[u8]) -> Signature {
    use countersign_ledger::Signer as _;
    signer.key().sign(&to_be_signed(protected, payload, &[])).unwrap()
}

fn sign1(parts: &[Vec<u8>]) -> Vec<u8> {
    [vec![0xd2], array(parts)].concat()
}

/// The same statement with a larger head for its payload's length, or another part written in another way.
fn replaced(statement: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = statement.windows(from.len()).position(|window| window == from).unwrap();
    [&statement[..at], to, &statement[at + from.len()..]].concat()
}

/// The signature `(r, n - s)`, which verifies as well as `(r, s)`.
fn twin(signature: &[u8]) -> Vec<u8> {
    let (r, s) = p256::ecdsa::Signature::from_slice(signature).unwrap().split_scalars();
    p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap().to_bytes().to_vec()
}

#[test]
fn form() {
    let mut file = Vectors::new(
        &[
            "Statements: which bytes are one. The format is in core/ledger/src/statement.rs, its deterministic CBOR in cbor.rs.",
            "No certificate is needed: only the form is judged, and every signature here is good unless a name says otherwise.",
            "Checks are made in this order: size, COSE_Sign1, deterministic CBOR of the whole, of the protected header and of the \
             payload, headers, signature's form, payload. The first that fails is the reason.",
        ],
        Given {},
    );
    accept_form(&mut file);
    refuse_structure(&mut file);
    refuse_cbor(&mut file);
    refuse_headers(&mut file);
    refuse_payloads(&mut file);
    refuse_fields(&mut file);
    refuse_signatures(&mut file);
    refuse_carried(&mut file);
    file.check("statement/form.json", |Given {}, Bytes { statement }| {
        Statement::parse(&statement.0).map(|statement| said(&statement)).map_err(refused)
    });
}

type File = Vectors<Given, Bytes, Said>;

fn refuse(file: &mut File, reason: &str, name: &str, statement: Vec<u8>) {
    file.refuse(reason, name, Bytes { statement: statement.into() });
}

/// A giver's statement, a receiver's that carries it, and evidence that carries both.
pub fn carrying() -> [Statement; 3] {
    let (giver, receiver) = (member("courier", 3), member("pharmacy", 4));
    let offer = giver.sign(&draft("custody.offer", LOT, Fields::new().with("expires", NOW.0 + 180_000)), NOW);
    let answer = draft("luxury.handover", LOT, Fields::new().with("condition", "intact"));
    let answer = receiver.countersign(&answer, &offer, NOW);
    let evidence = receiver.countersign(&draft("luxury.conflict", LOT, Fields::new()), &answer, NOW);
    [offer, answer, evidence]
}

fn accept_form(file: &mut File) {
    let authority = member("authority", 2);
    let mut accept = |name: &str, statement: &Statement, claims: (&str, Vec<Hex>, Option<&Statement>)| {
        let (kind, links, countersigned) = claims;
        let expect = Said {
            id: Hash::of(statement.as_bytes()).into(),
            kind: kind.to_owned(),
            subject: LOT.to_owned(),
            links,
            countersigned: countersigned.map(|other| Hash::of(other.as_bytes()).into()),
            ..said(statement)
        };
        file.accept(name, Bytes { statement: statement.as_bytes().into() }, expect);
    };
    let honest = Statement::parse(&Parts::new().sign()).unwrap();
    accept("a recall with one field", &honest, ("medicine.recall", vec![], None));
    let empty = authority.sign(&draft("medicine.lift", LOT, Fields::new()), NOW);
    accept("a statement without fields", &empty, ("medicine.lift", vec![], None));
    let mut full =
        draft("medicine.recall", LOT, Fields::new().with("reason", "glass").with("count", u64::MAX));
    full.fields.insert("digest", Hash::of(b"photo").into());
    full.prev = Some(Hash::of(b"prev"));
    full.links = (0..8).map(|n| Hash::of(&[n])).collect();
    full.sealed = Some(vec![1, 2, 3]);
    let links = full.links.iter().map(|&link| link.into()).collect();
    let name = "every part of the payload, with eight links and a field of each type";
    accept(name, &authority.sign(&full, NOW), ("medicine.recall", links, None));
    let [offer, answer, evidence] = carrying();
    accept("a statement that carries another", &answer, ("luxury.handover", vec![], Some(&offer)));
    let name = "three statements, one within the other";
    accept(name, &evidence, ("luxury.conflict", vec![], Some(&answer)));
}

fn refuse_structure(file: &mut File) {
    let parts = Parts::new();
    let honest = parts.sign();
    let (protected, payload) = (parts.protected(), parts.payload());
    let signature = bytes(sign(&parts.signer, &protected, &payload).as_bytes());
    let four = [bytes(&protected), map(&[]), bytes(&payload), signature.clone()];
    for (reason, name, statement) in [
        ("cose-malformed", "no bytes", vec![]),
        ("cose-malformed", "cut short by one byte", honest[..honest.len() - 1].to_vec()),
        ("cose-malformed", "cut short after its head", honest[..2].to_vec()),
        ("cose-untagged", "without the tag of COSE_Sign1", honest[1..].to_vec()),
        ("cose-untagged", "tagged as COSE_Sign", [&[0xd8, 98][..], &honest[1..]].concat()),
        ("cose-untagged", "tagged as a CWT around the COSE_Sign1", [&[0xd8, 61][..], &honest].concat()),
        ("cose-trailing", "a byte follows", [&honest[..], &[0]].concat()),
        ("cose-trailing", "a second statement follows", [&honest[..], &honest].concat()),
        ("cose-malformed", "three parts", sign1(&four[..3])),
        ("cose-malformed", "five parts", sign1(&[&four[..], &[map(&[])]].concat())),
        (
            "cose-malformed",
            "an array of indefinite length",
            [&[0xd2, 0x9f][..], &four.concat(), &[0xff]].concat(),
        ),
        (
            "cose-malformed",
            "the protected header as a map",
            sign1(&[&[protected.clone()][..], &four[1..]].concat()),
        ),
        (
            "cose-malformed",
            "the payload as text",
            sign1(&[four[0].clone(), four[1].clone(), text("payload"), signature.clone()]),
        ),
        (
            "payload",
            "a detached payload",
            sign1(&[four[0].clone(), four[1].clone(), raw::NULL.to_vec(), signature.clone()]),
        ),
        (
            "unprotected",
            "a receipt in the unprotected header",
            sign1(&[
                four[0].clone(),
                map(&[(int(394), array(&[bytes(&[])]))]),
                four[2].clone(),
                signature.clone(),
            ]),
        ),
        (
            "unprotected",
            "null in place of the unprotected header",
            sign1(&[four[0].clone(), raw::NULL.to_vec(), four[2].clone(), signature.clone()]),
        ),
    ] {
        refuse(file, reason, name, statement);
    }
    let sealed = bytes(&vec![7; 16 * 1024]);
    refuse(file, "too-large", "16 KiB and more", Parts::with(|parts| parts.payload.push((uint(4), sealed))));
}

fn refuse_cbor(file: &mut File) {
    let parts = Parts::new();
    let honest = parts.sign();
    let (protected, payload) = (parts.protected(), parts.payload());
    let in_protected = |from: &[u8], to: &[u8]| parts.seal(&replaced(&protected, from, to), &payload);
    let in_payload = |from: &[u8], to: &[u8]| parts.seal(&protected, &replaced(&payload, from, to));
    let deep = (0..8).fold(uint(0), |item, _| array(&[item]));
    let seconds = uint(NOW.seconds());
    let wide = [&[0x1b, 0, 0, 0, 0][..], &seconds[1..]].concat();
    let (key, value) = (text("reason"), text("glass"));
    for (reason, name, statement) in [
        ("cbor-not-shortest", "the tag in two bytes", [&[0xd8, 18][..], &honest[1..]].concat()),
        (
            "cbor-not-shortest",
            "the payload's length in two bytes",
            replaced(&honest, &bytes(&payload), &[&[0x58, 0x10][..], &payload].concat()),
        ),
        ("cbor-not-shortest", "the algorithm in two bytes", in_protected(&[1, 0x26, 3], &[1, 0x38, 6, 3])),
        ("cbor-not-shortest", "the time in nine bytes", in_protected(&seconds, &wide)),
        ("cbor-not-shortest", "a field's length in two bytes", in_payload(&value, b"\x78\x05glass")),
        ("cbor-indefinite", "headers of indefinite length", {
            parts.seal(&[&[0xbf][..], &protected[1..], &[0xff]].concat(), &payload)
        }),
        ("cbor-indefinite", "a payload of indefinite length", {
            parts.seal(&protected, &[&[0xbf][..], &payload[1..], &[0xff]].concat())
        }),
        ("cbor-indefinite", "a text in pieces", in_payload(&value, b"\x7f\x62gl\x63ass\xff")),
        ("cbor-key-order", "headers out of order", Parts::with(|parts| parts.headers.swap(0, 1))),
        (
            "cbor-key-order",
            "a header twice",
            Parts::with(|parts| parts.headers.insert(0, (int(ALG), int(-7)))),
        ),
        ("cbor-key-order", "claims out of order", Parts::with(|parts| parts.claims.swap(0, 1))),
        ("cbor-key-order", "payload out of order", {
            Parts::with(|parts| parts.payload.insert(0, (uint(2), bytes(&[1; 32]))))
        }),
        (
            "cbor-key-order",
            "a field twice",
            Parts::with(|parts| parts.body.push((key.clone(), value.clone()))),
        ),
        ("cbor-key-order", "fields in the order of the alphabet: the shorter name comes first", {
            Parts::with(|parts| parts.body.push((text("z"), uint(1))))
        }),
        ("cbor-truncated", "no protected header", parts.seal(&[], &payload)),
        ("cbor-truncated", "no payload", parts.seal(&protected, &[])),
        (
            "cbor-truncated",
            "a payload that is cut short",
            parts.seal(&protected, &payload[..payload.len() - 1]),
        ),
        (
            "cbor-truncated",
            "a length beyond the end",
            in_payload(&value, b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ),
        (
            "cbor-trailing",
            "a byte follows the headers",
            parts.seal(&[&protected[..], &[0]].concat(), &payload),
        ),
        (
            "cbor-trailing",
            "a byte follows the payload",
            parts.seal(&protected, &[&payload[..], &[0]].concat()),
        ),
        (
            "cbor-type",
            "a floating point time",
            in_protected(&seconds, &[0xfb, 0x41, 0xda, 0xd2, 0x74, 0x80, 0, 0, 0]),
        ),
        ("cbor-type", "an undefined field", in_payload(&value, &raw::UNDEFINED)),
        ("cbor-type", "a reserved head", in_payload(&value, &[0x1c])),
        ("cbor-utf8", "a text that is not UTF-8", in_payload(&value, b"\x65gl\xffss")),
        ("cbor-depth", "a field nested too deep", in_payload(&value, &deep)),
    ] {
        refuse(file, reason, name, statement);
    }
}

fn refuse_headers(file: &mut File) {
    let sha = |algorithm, digest: &[u8]| array(&[int(algorithm), bytes(digest)]);
    let header = |label, value: Vec<u8>| Parts::with(|parts| parts.header(label, &value));
    let claim = |label, value: Vec<u8>| Parts::with(|parts| parts.claim(label, &value));
    let without = |label| Parts::with(|parts| parts.headers.retain(|(known, _)| *known != int(label)));
    let more = |label, value: Vec<u8>| {
        Parts::with(|parts| {
            parts.headers.push((label, value));
            parts.headers.sort();
        })
    };
    let content_type = |text: &str| header(CONTENT_TYPE, raw::text(text));
    for (reason, name, statement) in [
        ("headers", "ES384", header(ALG, int(-35))),
        ("headers", "EdDSA", header(ALG, int(-8))),
        ("headers", "ES256K", header(ALG, int(-47))),
        ("headers", "the fully specified ESP256", header(ALG, int(-9))),
        ("headers", "the algorithm as text", header(ALG, text("ES256"))),
        ("headers", "no algorithm", without(ALG)),
        ("headers", "no content type", without(CONTENT_TYPE)),
        ("headers", "no claims", without(CWT_CLAIMS)),
        ("headers", "no type", without(TYP)),
        ("headers", "no certificate", without(X5T)),
        ("headers", "the type of a receipt", header(TYP, text("application/scitt-receipt+cose"))),
        ("headers", "the type as a CoAP content format", header(TYP, uint(277))),
        ("headers", "a key id beside the certificate", more(int(4), bytes(&[1; 32]))),
        ("headers", "critical headers", more(int(2), array(&[int(TYP)]))),
        ("headers", "a certificate chain", more(int(33), bytes(&[1; 32]))),
        ("headers", "a label that is text", more(text("x"), uint(1))),
        ("headers", "the content type as a CoAP content format", header(CONTENT_TYPE, uint(60))),
        ("kind", "a content type of others", content_type("application/json")),
        ("kind", "a content type of another version", {
            content_type("application/vnd.countersign.medicine.recall.v2+cbor")
        }),
        ("kind", "a content type that ends otherwise", {
            content_type("application/vnd.countersign.medicine.recall.v1+json")
        }),
        ("kind", "a content type with a parameter", {
            content_type("application/vnd.countersign.medicine.recall.v1+cbor;a=b")
        }),
        ("kind", "a kind in upper case", content_type("application/vnd.countersign.medicine.Recall.v1+cbor")),
        ("kind", "no kind", content_type("application/vnd.countersign..v1+cbor")),
        ("headers", "a certificate named by SHA-256 cut to 64 bits", header(X5T, sha(-15, &[1; 8]))),
        ("headers", "a certificate named by SHA-512", header(X5T, sha(-44, &[1; 64]))),
        ("headers", "a certificate's digest of 31 bytes", header(X5T, sha(-16, &[1; 31]))),
        ("headers", "a certificate's digest alone", header(X5T, bytes(&[1; 32]))),
        ("headers", "no issuer", Parts::with(|parts| drop(parts.claims.remove(0)))),
        ("headers", "no subject", Parts::with(|parts| drop(parts.claims.remove(1)))),
        ("headers", "no time", Parts::with(|parts| drop(parts.claims.remove(2)))),
        ("headers", "no cti", Parts::with(|parts| drop(parts.claims.remove(3)))),
        ("headers", "an expiry among the claims", {
            Parts::with(|parts| parts.claims.insert(2, (uint(4), uint(NOW.seconds() + 60))))
        }),
        ("headers", "an audience in place of the subject", {
            Parts::with(|parts| parts.claims[1] = (uint(3), text(LOT)))
        }),
        ("headers", "an issuer who is no member", claim(1, text("https://meds.example"))),
        (
            "headers",
            "an issuer with a fourth part",
            claim(1, text("spiffe://meds.example/authority/first/1")),
        ),
        (
            "headers",
            "a subject of another domain",
            claim(2, text("https://elsewhere.example/01/09506000134352")),
        ),
        ("headers", "a subject with a query", claim(2, text(&format!("{LOT}?17=270101")))),
        ("headers", "a subject of 241 characters", claim(2, text(&format!("urn:{}", "x".repeat(237))))),
        ("headers", "a time before 1970", claim(6, int(-1))),
        ("headers", "a time as text", claim(6, text("2027-01-15T08:00:00Z"))),
        ("headers", "a cti of 15 bytes", claim(7, bytes(&[9; 15]))),
        ("headers", "a cti of 17 bytes", claim(7, bytes(&[9; 17]))),
        ("headers", "a cti as text", claim(7, text("0123456789abcdef"))),
    ] {
        refuse(file, reason, name, statement);
    }
}

fn refuse_payloads(file: &mut File) {
    let parts = Parts::new();
    let payload = |payload: Vec<u8>| parts.seal(&parts.protected(), &payload);
    let with = |key: u64, value: Vec<u8>| Parts::with(|parts| parts.payload.push((uint(key), value)));
    let digests =
        |count: u8, length: usize| array(&(0..count).map(|n| bytes(&vec![n; length])).collect::<Vec<_>>());
    for (name, statement) in [
        ("the payload is an array", payload(array(&[map(&[])]))),
        ("the payload is an empty map", payload(map(&[]))),
        ("no body", payload(map(&[(uint(2), bytes(&[1; 32]))]))),
        ("a body under a text", payload(map(&[(text("body"), map(&[]))]))),
        ("an unknown part", with(6, uint(1))),
        ("an unknown part with a negative key", {
            Parts::with(|parts| parts.payload.push((int(-1), uint(1))))
        }),
        ("a predecessor's id of 31 bytes", with(2, bytes(&[1; 31]))),
        ("a predecessor's id of 33 bytes", with(2, bytes(&[1; 33]))),
        ("a predecessor's id as text", with(2, text(&"0".repeat(32)))),
        ("null in place of a predecessor", with(2, raw::NULL.to_vec())),
        ("no links in the list of links", with(3, digests(0, 32))),
        ("nine links", with(3, digests(9, 32))),
        ("a link of 20 bytes", with(3, digests(1, 20))),
        ("a link without its list", with(3, bytes(&[1; 32]))),
        ("a sealed part as text", with(4, text("sealed"))),
        ("a carried statement that is not wrapped in bytes", with(5, Parts::new().sign())),
    ] {
        refuse(file, "payload", name, statement);
    }
}

fn refuse_fields(file: &mut File) {
    let field = |name: Vec<u8>, value: Vec<u8>| Parts::with(|parts| parts.body = vec![(name, value)]);
    let named = |name: &str| field(text(name), uint(1));
    let valued = |value: Vec<u8>| field(text("a"), value);
    let body = |body: Vec<u8>| Parts::with(|parts| parts.payload[0].1 = body);
    let many: Pairs = (0..25).map(|n| (text(&format!("f{n:02}")), uint(n))).collect();
    for (reason, name, statement) in [
        ("fields-shape", "the body is an array", body(array(&[]))),
        ("fields-shape", "the body is null", body(raw::NULL.to_vec())),
        ("fields-shape", "a field without a name", field(uint(1), uint(1))),
        ("fields-shape", "a negative value", valued(int(-1))),
        ("fields-shape", "a true value", valued(vec![0xf5])),
        ("fields-shape", "a null value", valued(raw::NULL.to_vec())),
        ("fields-shape", "a list as a value", valued(array(&[uint(1)]))),
        ("fields-shape", "a map as a value", valued(map(&[]))),
        ("fields-shape", "a tagged value", valued([&[0xc1][..], &uint(1)].concat())),
        ("fields-count", "25 fields", body(map(&many))),
        ("fields-name", "an empty name", named("")),
        ("fields-name", "a name in upper case", named("Reason")),
        ("fields-name", "a name that begins with a digit", named("1st")),
        ("fields-name", "a name that begins with a hyphen", named("-a")),
        ("fields-name", "a name with an underscore", named("a_b")),
        ("fields-name", "a name of 24 characters", named(&"a".repeat(24))),
        ("fields-length", "a text of 1025 bytes", valued(text(&"x".repeat(1025)))),
        ("fields-length", "a text of 513 letters of two bytes each", valued(text(&"\u{e4}".repeat(513)))),
        ("fields-length", "2049 bytes", valued(bytes(&[0; 2049]))),
    ] {
        refuse(file, reason, name, statement);
    }
}

fn refuse_signatures(file: &mut File) {
    let parts = Parts::new();
    let (protected, payload) = (parts.protected(), parts.payload());
    let signature = sign(&parts.signer, &protected, &payload);
    let signature = signature.as_bytes();
    let with = |signature: &[u8]| sign1(&[bytes(&protected), map(&[]), bytes(&payload), bytes(signature)]);
    let der = p256::ecdsa::Signature::from_slice(signature).unwrap().to_der();
    for (reason, name, statement) in [
        ("signature-encoding", "no signature", with(&[])),
        ("signature-encoding", "a signature of 63 bytes", with(&signature[..63])),
        ("signature-encoding", "a signature of 65 bytes", with(&[&signature[..], &[0]].concat())),
        ("signature-encoding", "a signature in DER", with(der.as_bytes())),
        ("high-s", "the high-s twin of the signature", with(&twin(signature))),
        ("high-s", "an s of the greatest number", with(&[&signature[..32], &[0xff; 32]].concat())),
    ] {
        refuse(file, reason, name, statement);
    }
}

fn refuse_carried(file: &mut File) {
    let [_, _, evidence] = carrying();
    let carry = |other: &[u8]| Parts::with(|parts| parts.payload.push((uint(5), bytes(other))));
    let inner = Parts::new();
    let honest = inner.sign();
    let (rest, signature) = honest.split_at(honest.len() - 64);
    let unprotected = replaced(&honest, &[0xa0, 0x50], &[0xa1, 0, 0, 0x50]);
    for (reason, name, statement) in [
        ("nesting", "four statements, one within the other", carry(evidence.as_bytes())),
        ("cose-malformed", "it carries nothing", carry(&[])),
        ("cose-untagged", "it carries a statement without its tag", carry(&honest[1..])),
        ("cose-trailing", "it carries a statement and a byte", carry(&[&honest[..], &[0]].concat())),
        ("high-s", "it carries a statement with a high s", carry(&[rest, &twin(signature)].concat())),
        ("unprotected", "it carries a statement with an unprotected header", carry(&unprotected)),
        ("headers", "it carries a statement under ES384", {
            carry(&Parts::with(|parts| parts.header(ALG, &int(-35))))
        }),
    ] {
        refuse(file, reason, name, statement);
    }
}

//! Certificates: which are a member's, and lead to a root of its trust domain.

use std::collections::BTreeMap;

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{Certificate, Identity, Signer as _, TrustStore, UnixMillis};
use p256::ecdsa::{DerSignature, SigningKey};
use serde::{Deserialize, Serialize};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{OctetString, UtcTime};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use crate::file::{Blob, Hex, Vectors};
use crate::reason;
use crate::world::{DOMAIN, OTHER_DOMAIN, PERIOD, key, root_key};

const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const KEY_IDENTIFIERS: [&str; 2] = ["2.5.29.14", "2.5.29.35"];
/// An extension that nobody knows.
const UNKNOWN: &str = "1.3.6.1.4.1.99999.1";
/// What the member's certificate names.
const MEMBER: &str = "spiffe://meds.example/authority/first";

/// Whom a reader trusts.
#[derive(Serialize, Deserialize)]
struct Roots {
    /// Trust domains with their root certificates, in DER: several while a domain goes from one to the next.
    roots: BTreeMap<String, Vec<Blob>>,
}

#[derive(Serialize, Deserialize)]
struct Der {
    certificate: Blob,
}

/// What a reader learns of a certificate.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Learned {
    identity: String,
    /// The key as a point (SEC 1, uncompressed).
    key: Hex,
    /// SHA-256 of the certificate.
    fingerprint: Hex,
    not_before: u64,
    not_after: u64,
}

type File = Vectors<Roots, Der, Learned>;

/// A certificate that is put together by hand.
struct Parts {
    issuer_key: u8,
    issuer: String,
    subject: String,
    spki: Vec<u8>,
    period: Period,
    extensions: Vec<Extension>,
}

impl BuilderProfile for &Parts {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.parse().unwrap()
    }

    fn get_subject(&self) -> Name {
        self.subject.parse().unwrap()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

impl Parts {
    /// Those of a good certificate.
    fn good() -> Self {
        let good = x509_cert::Certificate::from_der(member().as_der()).unwrap();
        Self {
            issuer_key: 1,
            issuer: format!("CN={DOMAIN}"),
            subject: "CN=first".into(),
            spki: key(2).public_key().to_spki_der(),
            period: PERIOD,
            extensions: good.tbs_certificate().extensions().unwrap().clone(),
        }
    }

    fn signed(&self) -> Vec<u8> {
        let time = |at: UnixMillis| {
            Time::UtcTime(UtcTime::from_unix_duration(std::time::Duration::from_millis(at.0)).unwrap())
        };
        let validity = Validity::new(time(self.period.from), time(self.period.until));
        let spki = SubjectPublicKeyInfoOwned::from_der(&self.spki).unwrap();
        let builder = CertificateBuilder::new(self, SerialNumber::new(&[0x42; 16]).unwrap(), validity, spki);
        let issuer_key = SigningKey::from_slice(&[self.issuer_key; 32]).unwrap();
        builder.unwrap().build::<_, DerSignature>(&issuer_key).unwrap().to_der().unwrap()
    }

    /// Leaves an extension away.
    fn without(mut self, oid: &str) -> Self {
        self.extensions.retain(|one| one.extn_id.to_string() != oid);
        self
    }

    /// Has an extension, in the place of its like.
    fn with(self, oid: &str, critical: bool, value: &[u8]) -> Self {
        let mut parts = self.without(oid);
        let (extn_id, extn_value) = (ObjectIdentifier::new(oid).unwrap(), OctetString::new(value).unwrap());
        parts.extensions.push(Extension { extn_id, critical, extn_value });
        parts
    }

    fn named(self, names: &[(u8, &str)]) -> Self {
        let names = names.iter().flat_map(|(tag, name)| tlv(*tag, name.as_bytes()));
        self.with(SUBJECT_ALT_NAME, false, &tlv(0x30, &names.collect::<Vec<u8>>()))
    }
}

/// An item of DER with less than 128 bytes in it.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    assert!(value.len() < 128);
    [&[tag, u8::try_from(value.len()).unwrap()], value].concat()
}

/// Tags of names: a URI, a DNS name.
const URI: u8 = 0x86;
const DNS: u8 = 0x82;

fn issued(identity: &str, issuer: u8, period: Period) -> Certificate {
    let identity = Identity::parse(identity).unwrap();
    certificate::issue(&identity, &key(2).public_key(), &key(issuer), period, [2; 16]).unwrap()
}

fn member() -> Certificate {
    issued(MEMBER, 1, PERIOD)
}

#[test]
fn members() {
    let root = |domain, seed| Blob(certificate::root(domain, &key(seed), PERIOD, [1; 16]).unwrap());
    let roots = [
        (DOMAIN.to_owned(), vec![root(DOMAIN, 1), root(DOMAIN, 11)]),
        (OTHER_DOMAIN.to_owned(), vec![root(OTHER_DOMAIN, 101)]),
    ];
    let mut file = Vectors::new(
        &[
            "Certificates (RFC 5280): which are enrolled by a reader who trusts these roots.",
            "A member's certificate is DER of at most 2,048 bytes, names its holder by one SPIFFE ID and nothing else, certifies a key \
             on P-256, and leads without others in between to a root of that ID's trust domain, as of the first moment of its \
             validity. It is meant for signing documents (RFC 9336). Checks are made in that order.",
            "Whether a statement was made while the certificate was valid, and whether it was revoked, is asked elsewhere.",
        ],
        Roots { roots: roots.into() },
    );
    accept(&mut file);
    refuse_malformed(&mut file);
    refuse_names_and_keys(&mut file);
    refuse_paths(&mut file);
    file.check("certificate/member.json", |Roots { roots }, Der { certificate }| {
        let mut trust = TrustStore::new();
        for (domain, roots) in roots {
            for root in roots {
                trust.pin(domain, &root.0);
            }
        }
        let certificate =
            trust.enrol(&certificate.0).map_err(|error| reason::certificate(error).to_owned())?;
        Ok(Learned {
            identity: certificate.identity().as_str().to_owned(),
            key: Hex::from(&certificate.key().as_sec1()[..]),
            fingerprint: certificate.fingerprint().into(),
            not_before: certificate.not_before().0,
            not_after: certificate.not_after().0,
        })
    });
}

fn accept(file: &mut File) {
    let mut accept = |name: &str, identity: &str, period: Period, der: &[u8]| {
        let expect = Learned {
            identity: identity.to_owned(),
            key: Hex::from(&key(2).public_key().as_sec1()[..]),
            fingerprint: countersign_ledger::Hash::of(der).into(),
            not_before: period.from.0,
            not_after: period.until.0,
        };
        file.accept(name, Der { certificate: der.into() }, expect);
    };
    accept("a member of the domain", MEMBER, PERIOD, member().as_der());
    let foreign = "spiffe://other.example/courier/first";
    accept("a member of another domain", foreign, PERIOD, issued(foreign, 101, PERIOD).as_der());
    accept("issued by the domain's second root", MEMBER, PERIOD, issued(MEMBER, 11, PERIOD).as_der());
    let far = Period { until: UnixMillis(2_600_000_000_000), ..PERIOD };
    accept("valid beyond the year 2049", MEMBER, far, issued(MEMBER, 1, far).as_der());
    let bare = KEY_IDENTIFIERS.into_iter().fold(Parts::good(), Parts::without).signed();
    accept("without key identifiers", MEMBER, PERIOD, &bare);
}

fn refuse(file: &mut File, reason: &str, name: &str, der: &[u8]) {
    file.refuse(reason, name, Der { certificate: der.into() });
}

fn refuse_malformed(file: &mut File) {
    let member = member();
    let der = member.as_der();
    assert_eq!(der[..2], [0x30, 0x82]);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n", "MII=".repeat(8));
    let long = Parts::good().with(UNKNOWN, false, &[0; 2048]).signed();
    let names = Parts::good().with(SUBJECT_ALT_NAME, false, b"first").signed();
    let request = certificate::request(&key(2)).unwrap();
    for (name, der) in [
        ("nothing", &[][..]),
        ("cut short", &der[..der.len() - 1]),
        ("with a byte after it", &[der, &[0]].concat()),
        ("a length in more bytes than it needs", &[&[0x30, 0x83, 0], &der[2..]].concat()),
        ("text", pem.as_bytes()),
        ("a request for a certificate", &request),
        ("longer than 2,048 bytes", &long),
        ("names that are no names", &names),
    ] {
        refuse(file, "certificate-malformed", name, der);
    }
}

fn refuse_names_and_keys(file: &mut File) {
    let root = certificate::root(DOMAIN, &root_key(DOMAIN), PERIOD, [1; 16]).unwrap();
    refuse(file, "certificate-identity", "the root itself, which names nobody", &root);
    refuse(file, "certificate-identity", "no name", &Parts::good().without(SUBJECT_ALT_NAME).signed());
    for (name, names) in [
        ("an empty list of names", &[][..]),
        ("two members", &[(URI, MEMBER), (URI, "spiffe://meds.example/courier/first")]),
        ("the same member twice", &[(URI, MEMBER), (URI, MEMBER)]),
        ("a member and a host", &[(URI, MEMBER), (DNS, "meds.example")]),
        ("a host", &[(DNS, "meds.example")]),
        ("another scheme", &[(URI, "https://meds.example/authority/first")]),
        ("a role and no name", &[(URI, "spiffe://meds.example/authority")]),
        ("capitals in the domain", &[(URI, "spiffe://Meds.example/authority/first")]),
    ] {
        refuse(file, "certificate-identity", name, &Parts::good().named(names).signed());
    }
    let ed25519 = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &[0x11; 32]].concat();
    let mut off = Parts::good().spki;
    *off.last_mut().unwrap() ^= 1;
    for (name, spki) in [("an Ed25519 key", ed25519), ("a point that is not on the curve", off)] {
        refuse(file, "certificate-key", name, &Parts { spki, ..Parts::good() }.signed());
    }
}

fn refuse_paths(file: &mut File) {
    let nowhere = Parts::good().named(&[(URI, "spiffe://nowhere.example/authority/first")]);
    refuse(file, "certificate-unknown-domain", "a domain without a root", &nowhere.signed());

    let mut refuse = |name: &str, der: &[u8]| refuse(file, "certificate-path", name, der);
    let member = member();
    let mut signature = member.as_der().to_vec();
    *signature.last_mut().unwrap() ^= 1;
    refuse("another signature", &signature);
    let mut subject = member.as_der().to_vec();
    let at = subject.windows(5).position(|window| window == b"first").unwrap();
    subject[at] = b'F';
    refuse("a name that was changed after it was signed", &subject);
    refuse("signed by a key that is no root's", &Parts { issuer_key: 9, ..Parts::good() }.signed());
    refuse("signed by another domain's root", &Parts { issuer_key: 101, ..Parts::good() }.signed());
    let elsewhere = Parts { issuer_key: 101, issuer: format!("CN={OTHER_DOMAIN}"), ..Parts::good() };
    refuse("issued by another domain's root", &elsewhere.signed());
    let unnamed = Parts { issuer: "CN=nowhere.example".into(), ..Parts::good() };
    refuse("signed by the root under another name", &unnamed.signed());
    let own = Parts { issuer_key: 2, issuer: "CN=first".into(), ..Parts::good() };
    refuse("signed by its own key", &own.signed());
    let by_member =
        Parts { issuer_key: 2, issuer: "CN=first".into(), subject: "CN=second".into(), ..Parts::good() };
    refuse("issued by a member", &by_member.signed());
    refuse("for no use", &Parts::good().without(EXTENDED_KEY_USAGE).signed());
    // id-kp-serverAuth
    let server = tlv(0x30, &tlv(6, &[0x2b, 6, 1, 5, 5, 7, 3, 1]));
    refuse("for a TLS server", &Parts::good().with(EXTENDED_KEY_USAGE, false, &server).signed());
    let authority = Parts::good().with(BASIC_CONSTRAINTS, true, &tlv(0x30, &tlv(1, &[0xff])));
    refuse("of an authority", &authority.signed());
    refuse(
        "with a critical extension that nobody knows",
        &Parts::good().with(UNKNOWN, true, &[5, 0]).signed(),
    );
    let never = Period { from: PERIOD.until, until: PERIOD.from };
    refuse("that ends before it begins", &Parts { period: never, ..Parts::good() }.signed());
}

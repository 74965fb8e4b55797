//! Certificates of members (RFC 5280): one root per trust domain, P-256 only.
//!
//! In scope: reading a member's certificate, its path to the domain's root (by `webpki`), certification requests
//! (RFC 2986) and certificates made from them. A member's certificate names it by exactly one SPIFFE ID (X.509-SVID,
//! section 2) and is marked for document signing (RFC 9336), so that no TLS certificate can sign a statement.
//! What we issue holds the profile of RFC 5280 section 4, with key identifiers by RFC 7093 (SHA-256, 160 bits): they tell
//! two roots of one name apart while a domain goes from one to the next.
//! Out of scope: intermediate authorities, CRLs and OCSP; revocation is a statement in the log.
//!
//! Keys are made by their owner; the authority only ever sees a request.

use std::cell::Cell;
use std::time::Duration;

use p256::ecdsa::{DerSignature, VerifyingKey};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{GeneralizedTime, Ia5String, OctetString, UtcTime};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, RequestBuilder};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, ObjectIdentifier, SubjectPublicKeyInfoOwned,
    SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use crate::key::{PublicKey, Signature, Signer, SignerError};
use crate::{Hash, Identity, UnixMillis};

/// id-kp-documentSigning (RFC 9336).
const DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
const DOCUMENT_SIGNING_DER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 36];
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// Largest certificate or request that is read; a member's has about 500 bytes.
const MAX_DER: usize = 2048;

/// Why a certificate or a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not DER, or not an X.509 certificate or PKCS #10 request of a size that we read.
    #[error("not an X.509 certificate or request")]
    Malformed,
    /// The key is not a P-256 key.
    #[error("the certificate's key is not on P-256")]
    Key,
    /// The certificate does not name its holder by one SPIFFE ID of our form.
    #[error("the certificate does not carry one member identity")]
    Identity,
    /// The holder's trust domain has no root here.
    #[error("the certificate's trust domain is not known")]
    UnknownDomain,
    /// No valid path to the domain's root, or not meant for signing documents.
    #[error("the certificate does not lead to its domain's root")]
    Path,
    /// The request is not signed by the key that it carries.
    #[error("the request does not prove possession of its key")]
    Possession,
    /// The issuing key could not be used.
    #[error("the certificate could not be issued")]
    Issue,
    /// The key that was to sign the request was not used: declined, or failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// A member's certificate: who holds which key, from when to when.
///
/// Reading one verifies nothing; [`crate::TrustStore::enrol`] checks its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    fingerprint: Hash,
    identity: Identity,
    key: PublicKey,
    not_before: UnixMillis,
    not_after: UnixMillis,
}

impl Certificate {
    /// Reads a member's certificate from DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = parse(der)?;
        let tbs = parsed.tbs_certificate();
        let key = tbs.subject_public_key_info().to_der().map_err(|_| CertificateError::Malformed)?;
        let moment =
            |time: Time| UnixMillis(u64::try_from(time.to_unix_duration().as_millis()).unwrap_or(u64::MAX));
        Ok(Self {
            der: der.to_vec(),
            fingerprint: Hash::of(der),
            identity: spiffe_id(tbs)?,
            key: PublicKey::from_spki_der(&key).map_err(|_| CertificateError::Key)?,
            not_before: moment(tbs.validity().not_before),
            not_after: moment(tbs.validity().not_after),
        })
    }

    /// The certificate in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER: the value of `x5t`.
    pub const fn fingerprint(&self) -> Hash {
        self.fingerprint
    }

    /// The member that it names.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The key that it certifies.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// First moment of validity.
    pub const fn not_before(&self) -> UnixMillis {
        self.not_before
    }

    /// Last moment of validity.
    pub const fn not_after(&self) -> UnixMillis {
        self.not_after
    }

    /// Checks the path from this certificate to one of `roots`, as of the first moment of its validity.
    pub(crate) fn verify_path(&self, roots: &[Vec<u8>]) -> Result<(), CertificateError> {
        let roots: Vec<_> = roots.iter().map(|root| CertificateDer::from(root.as_slice())).collect();
        let own = CertificateDer::from(self.der.as_slice());
        let anchors = roots.iter().map(webpki::anchor_from_trusted_cert).collect::<Result<Vec<_>, _>>();
        let anchors = anchors.map_err(|_| CertificateError::Malformed)?;
        EndEntityCert::try_from(&own)
            .and_then(|certificate| {
                certificate.verify_for_usage(
                    &[webpki::aws_lc_rs::ECDSA_P256_SHA256],
                    &anchors,
                    &[],
                    UnixTime::since_unix_epoch(Duration::from_millis(self.not_before.0)),
                    KeyUsage::required(DOCUMENT_SIGNING_DER),
                    None,
                    None,
                )?;
                Ok(())
            })
            .map_err(|_| CertificateError::Path)
    }
}

fn parse(der: &[u8]) -> Result<x509_cert::Certificate, CertificateError> {
    if der.len() > MAX_DER {
        return Err(CertificateError::Malformed);
    }
    x509_cert::Certificate::from_der(der).map_err(|_| CertificateError::Malformed)
}

fn spiffe_id(tbs: &TbsCertificate) -> Result<Identity, CertificateError> {
    let names = tbs.get_extension::<SubjectAltName>().map_err(|_| CertificateError::Malformed)?;
    match names.as_ref().map(|(_, names)| names.0.as_slice()) {
        Some([GeneralName::UniformResourceIdentifier(uri)]) => {
            Identity::parse(uri.as_str()).map_err(|_| CertificateError::Identity)
        }
        _ => Err(CertificateError::Identity),
    }
}

/// A certification request (PKCS #10) for `signer`'s key, in DER. It carries the key and the proof of possession; who
/// the holder is, the authority decides.
pub fn request(signer: &dyn Signer) -> Result<Vec<u8>, CertificateError> {
    let signer = X509Signer::new(signer)?;
    RequestBuilder::new(Name::default())
        .and_then(|builder| builder.build::<_, DerSignature>(&signer))
        .ok()
        .and_then(|request| request.to_der().ok())
        // The builder's error does not carry the signer's reason.
        .ok_or_else(|| signer.refusal.get().map_or(CertificateError::Issue, CertificateError::Signer))
}

/// The key in a certification request whose proof of possession holds.
pub fn requested_key(request: &[u8]) -> Result<PublicKey, CertificateError> {
    if request.len() > MAX_DER {
        return Err(CertificateError::Malformed);
    }
    let request = CertReq::from_der(request).map_err(|_| CertificateError::Malformed)?;
    let key = request.info.public_key.to_der().map_err(|_| CertificateError::Malformed)?;
    let key = PublicKey::from_spki_der(&key).map_err(|_| CertificateError::Key)?;
    let signed = request.info.to_der().map_err(|_| CertificateError::Malformed)?;
    let signature = request.signature.as_bytes().ok_or(CertificateError::Possession)?;
    let signature = Signature::normalise(signature).map_err(|_| CertificateError::Possession)?;
    key.verify(&signed, &signature).map_err(|_| CertificateError::Possession)?;
    Ok(key)
}

/// The validity period of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// First moment, rounded down to the second.
    pub from: UnixMillis,
    /// Last moment, kept to the second.
    pub until: UnixMillis,
}

/// The self-signed root of a trust domain.
pub fn root(
    domain: &str,
    signer: &dyn Signer,
    period: Period,
    serial: [u8; 16],
) -> Result<Vec<u8>, CertificateError> {
    build(signer, &signer.public_key(), Profile { domain, holder: None }, period, serial)
}

/// The key of a root that is as it was signed: whoever takes a root for an anchor looks at its key alone.
pub fn root_key(root: &[u8]) -> Result<PublicKey, CertificateError> {
    // As every path is verified: what is no anchor there is none here.
    webpki::anchor_from_trusted_cert(&root.into()).map_err(|_| CertificateError::Malformed)?;
    let root = parse(root)?;
    let key =
        root.tbs_certificate().subject_public_key_info().to_der().map_err(|_| CertificateError::Malformed)?;
    let key = PublicKey::from_spki_der(&key).map_err(|_| CertificateError::Key)?;
    let signed = root.tbs_certificate().to_der().map_err(|_| CertificateError::Malformed)?;
    let signature = root.signature().as_bytes().ok_or(CertificateError::Path)?;
    let signature = Signature::normalise(signature).map_err(|_| CertificateError::Path)?;
    key.verify(&signed, &signature).map_err(|_| CertificateError::Path)?;
    Ok(key)
}

/// The certificate of `holder` for `key`, issued by the domain's root key.
pub fn issue(
    holder: &Identity,
    key: &PublicKey,
    root: &dyn Signer,
    period: Period,
    serial: [u8; 16],
) -> Result<Certificate, CertificateError> {
    let profile = Profile { domain: holder.domain(), holder: Some(holder) };
    Certificate::from_der(&build(root, key, profile, period, serial)?)
}

fn build(
    issuer: &dyn Signer,
    key: &PublicKey,
    profile: Profile<'_>,
    period: Period,
    mut serial: [u8; 16],
) -> Result<Vec<u8>, CertificateError> {
    // Positive and never zero, as RFC 5280 section 4.1.2.2 asks.
    serial[0] = serial[0] & 0x7f | 0x40;
    let issuer = X509Signer::new(issuer)?;
    // RFC 5280 section 4.1.2.5: UTCTime through 2049, which is as far as it reaches.
    let time = |moment: UnixMillis| {
        let moment = Duration::from_secs(moment.seconds());
        UtcTime::from_unix_duration(moment)
            .map(Time::UtcTime)
            .or_else(|_| GeneralizedTime::from_unix_duration(moment).map(Time::GeneralTime))
    };
    let certificate = || -> Result<Vec<u8>, x509_cert::builder::Error> {
        let spki = SubjectPublicKeyInfoOwned::from_der(&key.to_spki_der())?;
        let validity = Validity::new(time(period.from)?, time(period.until)?);
        let serial = SerialNumber::new(&serial)?;
        let builder = CertificateBuilder::new(profile, serial, validity, spki)?;
        Ok(builder.build::<_, DerSignature>(&issuer)?.to_der()?)
    };
    certificate().map_err(|_| CertificateError::Issue)
}

/// What our certificates contain: a root for a domain, or a member of it.
struct Profile<'a> {
    domain: &'a str,
    holder: Option<&'a Identity>,
}

impl Profile<'_> {
    fn common_name(text: &str) -> Name {
        // safe: domains and member names have no character that RFC 4514 escapes.
        format!("CN={text}").parse().unwrap_or_default()
    }
}

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, _subject: &Name) -> Name {
        Self::common_name(self.domain)
    }

    fn get_subject(&self) -> Name {
        Self::common_name(self.holder.map_or(self.domain, Identity::name))
    }

    fn build_extensions(
        &self,
        spk: SubjectPublicKeyInfoRef<'_>,
        issuer_spk: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let subject = tbs.subject();
        let own = SubjectKeyIdentifier(key_identifier(&spk)?);
        let mut extensions = vec![own.to_extension(subject, &[])?];
        if let Some(holder) = self.holder {
            let uri = GeneralName::UniformResourceIdentifier(Ia5String::new(holder.as_str())?);
            let issuer = AuthorityKeyIdentifier {
                key_identifier: Some(key_identifier(&issuer_spk)?),
                ..AuthorityKeyIdentifier::default()
            };
            extensions.push(issuer.to_extension(subject, &extensions)?);
            let usage = x509_cert::ext::pkix::KeyUsage(KeyUsages::DigitalSignature.into());
            extensions.push(usage.to_extension(subject, &extensions)?);
            extensions.push(ExtendedKeyUsage(vec![DOCUMENT_SIGNING]).to_extension(subject, &extensions)?);
            extensions.push(SubjectAltName(vec![uri]).to_extension(subject, &extensions)?);
        } else {
            let usage = x509_cert::ext::pkix::KeyUsage(KeyUsages::KeyCertSign.into());
            let authority = BasicConstraints { ca: true, path_len_constraint: Some(0) };
            extensions.push(usage.to_extension(subject, &extensions)?);
            extensions.push(authority.to_extension(subject, &extensions)?);
        }
        Ok(extensions)
    }
}

/// The key identifier of RFC 7093 section 2, method 1.
fn key_identifier(key: &SubjectPublicKeyInfoRef<'_>) -> x509_cert::der::Result<OctetString> {
    let digest = Hash::of(key.subject_public_key.raw_bytes());
    OctetString::new(&digest.0[..20])
}

/// Lets the X.509 builders sign with a key that may live in hardware.
struct X509Signer<'a> {
    signer: &'a dyn Signer,
    key: VerifyingKey,
    refusal: Cell<Option<SignerError>>,
}

impl<'a> X509Signer<'a> {
    fn new(signer: &'a dyn Signer) -> Result<Self, CertificateError> {
        let key = VerifyingKey::from_sec1_bytes(signer.public_key().as_sec1())
            .map_err(|_| CertificateError::Key)?;
        Ok(Self { signer, key, refusal: Cell::new(None) })
    }
}

impl p256::ecdsa::signature::Keypair for X509Signer<'_> {
    type VerifyingKey = VerifyingKey;

    fn verifying_key(&self) -> VerifyingKey {
        self.key
    }
}

impl DynSignatureAlgorithmIdentifier for X509Signer<'_> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        Ok(AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None })
    }
}

impl p256::ecdsa::signature::Signer<DerSignature> for X509Signer<'_> {
    fn try_sign(&self, message: &[u8]) -> Result<DerSignature, p256::ecdsa::Error> {
        let signature = self.signer.sign(message).map_err(|refusal| {
            self.refusal.set(Some(refusal));
            p256::ecdsa::Error::new()
        })?;
        signature.to_p256_der().map_err(|_| p256::ecdsa::Error::new())
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::key::SoftwareKey;

    const YEAR: Period = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };

    fn key(seed: u8) -> SoftwareKey {
        SoftwareKey::from_bytes(&[seed; 32]).unwrap()
    }

    fn holder() -> Identity {
        Identity::new("meds.example", "supplier", "ms").unwrap()
    }

    #[test]
    fn an_issued_certificate_leads_to_its_root_and_to_no_other() {
        let (authority, other) = (key(1), key(2));
        let root_der = root("meds.example", &authority, YEAR, [1; 16]).unwrap();
        let other_der = root("meds.example", &other, YEAR, [1; 16]).unwrap();
        let certificate = issue(&holder(), &key(3).public_key(), &authority, YEAR, [2; 16]).unwrap();
        assert_eq!(certificate.identity(), &holder());
        assert_eq!(certificate.key(), &key(3).public_key());
        assert_eq!((certificate.not_before(), certificate.not_after()), (YEAR.from, YEAR.until));
        assert_eq!(certificate.verify_path(from_ref(&root_der)), Ok(()));
        assert_eq!(certificate.verify_path(from_ref(&other_der)), Err(CertificateError::Path));
        assert_eq!(certificate.verify_path(&[other_der, root_der]), Ok(()));
        assert_eq!(certificate.verify_path(&[]), Err(CertificateError::Path));
    }

    /// RFC 5280 section 4: what a certificate must say, and how.
    #[test]
    fn what_is_issued_holds_the_profile_of_the_standard() {
        let authority = key(1);
        let far = Period { from: YEAR.from, until: UnixMillis(2_600_000_000_000) };
        for (period, serial) in [(YEAR, [0; 16]), (YEAR, [0xff; 16]), (far, [0x80; 16])] {
            let root = root("meds.example", &authority, period, serial).unwrap();
            let leaf = issue(&holder(), &key(3).public_key(), &authority, period, serial).unwrap();
            let (root, leaf) = (parse(&root).unwrap(), parse(leaf.as_der()).unwrap());
            for certificate in [&root, &leaf] {
                let tbs = certificate.tbs_certificate();
                let serial = tbs.serial_number().as_bytes();
                assert!((1..=20).contains(&serial.len()) && (1..0x80).contains(&serial[0]));
                for time in [tbs.validity().not_before, tbs.validity().not_after] {
                    assert_eq!(matches!(time, Time::UtcTime(_)), time.to_date_time().year() < 2050);
                }
                let critical = |oid: &str| {
                    let named = tbs.extensions().unwrap().iter().filter(|one| one.extn_id.to_string() == oid);
                    named.map(|one| one.critical).collect::<Vec<_>>()
                };
                let is_root = tbs.subject() == tbs.issuer();
                assert_eq!(critical("2.5.29.15"), [true], "keyUsage");
                assert_eq!(critical("2.5.29.14"), [false], "subjectKeyIdentifier");
                assert_eq!(
                    critical("2.5.29.35"),
                    vec![false; usize::from(!is_root)],
                    "authorityKeyIdentifier"
                );
                assert_eq!(critical("2.5.29.19"), vec![true; usize::from(is_root)], "basicConstraints");
            }
            let own = |certificate: &x509_cert::Certificate| {
                certificate.tbs_certificate().get_extension::<SubjectKeyIdentifier>().unwrap().unwrap().1.0
            };
            let issuer = leaf.tbs_certificate().get_extension::<AuthorityKeyIdentifier>().unwrap().unwrap().1;
            assert_eq!(issuer.key_identifier, Some(own(&root)));
            assert_ne!(own(&root), own(&leaf));
        }
    }

    #[test]
    fn a_root_is_not_a_member_and_damage_is_detected() {
        let root_der = root("meds.example", &key(1), YEAR, [1; 16]).unwrap();
        assert_eq!(Certificate::from_der(&root_der), Err(CertificateError::Identity));
        let certificate = issue(&holder(), &key(3).public_key(), &key(1), YEAR, [2; 16]).unwrap();
        let mut der = certificate.as_der().to_vec();
        let last = der.len() - 1;
        der[last] ^= 1;
        assert_eq!(
            Certificate::from_der(&der).unwrap().verify_path(&[root_der]),
            Err(CertificateError::Path)
        );
        assert_eq!(Certificate::from_der(&der[..last]), Err(CertificateError::Malformed));
    }

    #[test]
    fn a_request_proves_possession() {
        let request = request(&key(5)).unwrap();
        assert_eq!(requested_key(&request), Ok(key(5).public_key()));
        let swapped = {
            let (ours, theirs) = (key(5).public_key(), key(6).public_key());
            let at = request.windows(65).position(|window| window == ours.as_sec1()).unwrap();
            [&request[..at], theirs.as_sec1(), &request[at + 65..]].concat()
        };
        assert_eq!(requested_key(&swapped), Err(CertificateError::Possession));
        assert_eq!(requested_key(b"no request"), Err(CertificateError::Malformed));
    }
}

//! The user's leg: m1 to the gateway, m5 back. ECDHE on P-256 (SP 800-56A), HKDF-SHA-256 (RFC 5869), AES-256-GCM (SP 800-38D).
//! The layout of both is in the crate's documentation.
//!
//! Each key seals one message, so the nonce is zero and is not sent.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce as GcmNonce, Tag};
use hkdf::Hkdf;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::bytes::Fields;
use crate::mac::{Key, Macs, TAG, tag};
use crate::message::{Bytes, END_TO_END, Id, Nonce, Point, encode};
use crate::scope::Scope;
use crate::time::UnixMillis;

/// Length of m1.
pub const M1: usize = 150;
/// Length of m1 with a signature.
pub const M1_SIGNED: usize = M1 + SIGNATURE;
/// Length of m5.
pub const M5: usize = 150;
/// Length of m5 with the sensor's point.
pub const M5_END_TO_END: usize = M5 + 33;
/// Length of a signature: r || s.
pub const SIGNATURE: usize = 64;

const TYPE_1: u8 = 0x01;
const TYPE_5: u8 = 0x05;
/// In the type of m1, says that it is signed.
const SIGNED: u8 = 0x20;
const GCM_TAG: usize = 16;
const HEADER_1: usize = 38;
const PLAIN_1: usize = 96;
const HEADER_5: usize = 34;
const PLAIN_5: usize = 100;

/// Reads a secret scalar from 32 random bytes; `None` if they are zero or too large, which random bytes are once in 2^32.
pub(crate) fn scalar(random: &[u8; 32]) -> Option<SecretKey> {
    SecretKey::from_slice(random).ok()
}

/// The compressed point of a secret.
pub(crate) fn point(secret: &SecretKey) -> Point {
    compress(&secret.public_key())
}

/// The compressed form of a point.
pub(crate) fn compress(key: &PublicKey) -> Point {
    let mut point = [0; 33];
    let encoded = key.to_sec1_point(true);
    if let Some(bytes) = encoded.as_bytes().first_chunk() {
        point = *bytes;
    }
    point
}

/// Reads a compressed point; `None` if it is not on the curve, or its encoding is another.
pub(crate) fn read_point(point: &Point) -> Option<PublicKey> {
    // 33 bytes can also be a point in the compact form (05): a second encoding of the same one.
    matches!(point[0], 2 | 3).then(|| PublicKey::from_sec1_bytes(point).ok())?
}

/// ECDH: the shared x-coordinate.
pub(crate) fn agree(secret: &SecretKey, with: &PublicKey) -> Key {
    let shared = diffie_hellman(secret.to_nonzero_scalar(), with.as_affine());
    Key::new((*shared.raw_secret_bytes()).into())
}

/// SHA-256 of m1, which m5 answers.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HKDF-SHA-256 without salt; label and fields make up its info.
pub(crate) fn derive(secrets: &[&Key], label: &str, fields: &[&[u8]]) -> Key {
    let input: Zeroizing<alloc::vec::Vec<u8>> =
        Zeroizing::new(secrets.iter().flat_map(|key| *key.as_bytes()).collect());
    let mut key = Zeroizing::new([0; 32]);
    // safe: 32 bytes are far below the most that HKDF gives (255 times 32).
    let _ = Hkdf::<Sha256>::new(None, &input).expand(&encode(label, fields), key.as_mut());
    Key::new(*key)
}

/// `A = KDF(K_cred, ID, cred, epoch)`: the secret of a credential.
pub(crate) fn credential_secret(master: &Key, id: &Id, cred: &Id, epoch: u32) -> Key {
    derive(&[master], "S003/cred/1", &[id, cred, &epoch.to_be_bytes()])
}

/// Which gateway is spoken to, and through which of its daily keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) kid: u32,
    pub(crate) point: &'a Point,
    pub(crate) gateway: &'a Id,
}

/// What m1 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: Id,
    pub(crate) cred: Id,
    pub(crate) sid: Id,
    pub(crate) want: Scope,
    pub(crate) n_u: Nonce,
    pub(crate) time: UnixMillis,
    pub(crate) end_to_end: bool,
}

impl Request {
    const fn kind(&self, signed: bool) -> u8 {
        TYPE_1 | if self.end_to_end { END_TO_END } else { 0 } | if signed { SIGNED } else { 0 }
    }

    /// t1: who has A asks for this.
    pub(crate) fn proof(&self, secret: &Key, header: Header<'_>, signed: bool, macs: &mut Macs) -> Key {
        let (kid, want, time) = (header.kid.to_be_bytes(), self.want.to_bytes(), self.time.0.to_be_bytes());
        let kind = [self.kind(signed)];
        let fields: [&[u8]; 10] = [
            &kind,
            &kid,
            header.point,
            header.gateway,
            &self.id,
            &self.cred,
            &self.sid,
            &want,
            &self.n_u,
            &time,
        ];
        macs.mac(secret, "S003/auth/m1/1", &fields)
    }

    /// What a user signs who asks to act on a patient. It names nothing secret: it is kept as evidence.
    pub(crate) fn to_sign(&self, header: Header<'_>) -> alloc::vec::Vec<u8> {
        let (want, time) = (self.want.to_bytes(), self.time.0.to_be_bytes());
        let fields: [&[u8]; 6] = [header.gateway, header.point, &self.id, &self.sid, &want, &time];
        encode("S003/auth/act/1", &fields)
    }

    /// Seals m1 under the key agreed on with the gateway's.
    pub(crate) fn seal(
        &self,
        shared: &Key,
        header: Header<'_>,
        proof: &Key,
        signature: Option<&[u8; SIGNATURE]>,
    ) -> Bytes<M1_SIGNED> {
        let mut m1 = Bytes::new(&[
            &[self.kind(signature.is_some())],
            &header.kid.to_be_bytes(),
            header.point,
            &self.id,
            &self.cred,
            &self.sid,
            &self.want.to_bytes(),
            &self.n_u,
            &self.time.0.to_be_bytes(),
            &tag(proof),
            signature.map_or(&[], <[u8; SIGNATURE]>::as_slice),
            &[0; GCM_TAG],
        ]);
        seal(&request_key(shared, header), m1.bytes_mut(), HEADER_1, &[]);
        m1
    }
}

fn request_key(shared: &Key, header: Header<'_>) -> Key {
    derive(&[shared], "S003/auth/k1/1", &[header.point, header.gateway])
}

/// m1 as it came: nothing in it but the key's number and the point can be read yet.
pub(crate) struct SealedRequest<'a> {
    bytes: &'a [u8],
    kind: u8,
    pub(crate) kid: u32,
    pub(crate) point: Point,
}

/// m1 opened, before its proof is judged.
pub(crate) struct OpenedRequest {
    pub(crate) request: Request,
    pub(crate) proof: [u8; TAG],
    pub(crate) signature: Option<[u8; SIGNATURE]>,
}

impl<'a> SealedRequest<'a> {
    /// Reads the header; the length must be the one of the type.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let ([kind], kid, point) = (fields.take()?, fields.u32()?, fields.take()?);
        let known = kind & !(END_TO_END | SIGNED) == TYPE_1;
        let length = if kind & SIGNED == 0 { M1 } else { M1_SIGNED };
        (known && bytes.len() == length).then_some(Self { bytes, kind, kid, point })
    }

    pub(crate) fn open(&self, shared: &Key, gateway: &Id) -> Option<OpenedRequest> {
        let header = Header { kid: self.kid, point: &self.point, gateway };
        let mut bytes = Zeroizing::new([0; M1_SIGNED]);
        let bytes = &mut bytes[..self.bytes.len()];
        bytes.copy_from_slice(self.bytes);
        let mut fields = Fields(open(&request_key(shared, header), bytes, HEADER_1, &[])?);
        let request = Request {
            id: fields.take()?,
            cred: fields.take()?,
            sid: fields.take()?,
            want: Scope::from_bytes(fields.take()?),
            n_u: fields.take()?,
            time: UnixMillis(fields.u64()?),
            end_to_end: self.kind & END_TO_END != 0,
        };
        let proof = fields.take()?;
        let signature = if self.kind & SIGNED == 0 { None } else { Some(fields.take()?) };
        Some(OpenedRequest { request, proof, signature })
    }
}

/// Whether `signature` is of the holder of `key` over SHA-256 of `message`, with a low s.
pub(crate) fn verifies(key: &Point, message: &[u8], signature: &[u8; SIGNATURE]) -> bool {
    let Ok(key) = VerifyingKey::from_sec1_bytes(key) else { return false };
    let Ok(signature) = Signature::from_slice(signature) else { return false };
    signature == signature.normalize_s() && key.verify(message, &signature).is_ok()
}

/// What m5 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kappa: Key,
    pub(crate) n_g: Nonce,
    pub(crate) n_s: Nonce,
    pub(crate) sid: Id,
    pub(crate) scope: Scope,
    pub(crate) time: UnixMillis,
    pub(crate) q: u32,
    pub(crate) point: Option<Point>,
}

/// The secrets that m5 is sealed under, all three: an ephemeral one, the gateway's, the credential's.
pub(crate) struct AnswerSecrets<'a> {
    pub(crate) ephemeral: &'a Key,
    pub(crate) gateway: &'a Key,
    pub(crate) credential: &'a Key,
}

impl AnswerSecrets<'_> {
    fn key(&self, asked: &[u8; 32], point: &Point, gateway: &Id) -> Key {
        derive(&[self.ephemeral, self.gateway, self.credential], "S003/auth/k4/1", &[asked, point, gateway])
    }
}

impl Answer {
    pub(crate) fn seal(
        &self,
        secrets: &AnswerSecrets<'_>,
        asked: &[u8; 32],
        point: &Point,
        gateway: &Id,
    ) -> Bytes<M5_END_TO_END> {
        let mut m5 = Bytes::new(&[
            &[TYPE_5 | if self.point.is_some() { END_TO_END } else { 0 }],
            point,
            self.kappa.as_bytes(),
            &self.n_g,
            &self.n_s,
            &self.sid,
            &self.scope.to_bytes(),
            &self.time.0.to_be_bytes(),
            &self.q.to_be_bytes(),
            self.point.as_ref().map_or(&[], <[u8; 33]>::as_slice),
            &[0; GCM_TAG],
        ]);
        seal(&secrets.key(asked, point, gateway), m5.bytes_mut(), HEADER_5, asked);
        m5
    }

    /// The gateway's point; `None` unless the length is the one of the type.
    pub(crate) fn point(m5: &[u8]) -> Option<Point> {
        let mut fields = Fields(m5);
        let [kind] = fields.take()?;
        let whole = match kind {
            TYPE_5 => m5.len() == M5,
            kind if kind == TYPE_5 | END_TO_END => m5.len() == M5_END_TO_END,
            _ => false,
        };
        if whole { fields.take() } else { None }
    }

    pub(crate) fn open(
        m5: &[u8],
        secrets: &AnswerSecrets<'_>,
        asked: &[u8; 32],
        gateway: &Id,
    ) -> Option<Self> {
        let key = secrets.key(asked, &Self::point(m5)?, gateway);
        let mut bytes = Zeroizing::new([0; M5_END_TO_END]);
        let bytes = &mut bytes[..m5.len()];
        bytes.copy_from_slice(m5);
        let mut fields = Fields(open(&key, bytes, HEADER_5, asked)?);
        let (kappa, n_g, n_s) = (Key::new(fields.take()?), fields.take()?, fields.take()?);
        let (sid, scope) = (fields.take()?, Scope::from_bytes(fields.take()?));
        let (time, q) = (UnixMillis(fields.u64()?), fields.u32()?);
        let point = if m5.len() == M5 { None } else { Some(fields.take()?) };
        Some(Self { kappa, n_g, n_s, sid, scope, time, q, point })
    }
}

/// Seals what stands between header and tag, in place; associated data: the header, then `more`.
fn seal(key: &Key, bytes: &mut [u8], header: usize, more: &[u8]) {
    let (header, rest) = bytes.split_at_mut(header);
    let Some((plain, place)) = rest.split_last_chunk_mut::<GCM_TAG>() else { return };
    let associated = [&*header, more].concat();
    let cipher = Aes256Gcm::new(key.as_bytes().into());
    // safe: AES-GCM refuses only contents of many gigabytes.
    if let Ok(tag) = cipher.encrypt_inout_detached(&GcmNonce::default(), &associated, plain.into()) {
        *place = tag.into();
    }
}

fn open<'a>(key: &Key, bytes: &'a mut [u8], header: usize, more: &[u8]) -> Option<&'a [u8]> {
    let (header, rest) = bytes.split_at_mut_checked(header)?;
    let (sealed, tag) = rest.split_last_chunk_mut::<GCM_TAG>()?;
    let associated = [&*header, more].concat();
    let cipher = Aes256Gcm::new(key.as_bytes().into());
    let tag: Tag = (*tag).into();
    cipher.decrypt_inout_detached(&GcmNonce::default(), &associated, (&mut *sealed).into(), &tag).ok()?;
    Some(sealed)
}

/// The layouts, held against their constants.
const _: () = assert!(HEADER_1 + PLAIN_1 + GCM_TAG == M1 && HEADER_5 + PLAIN_5 + GCM_TAG == M5);

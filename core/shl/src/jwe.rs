//! A file of a link: JSON Web Encryption (RFC 7516) in compact serialization.
//!
//! ```text
//! file   = base64url(header) ".." base64url(nonce, 12 bytes) "." base64url(ciphertext) "." base64url(tag, 16 bytes)
//! header = { "alg": "dir", "enc": "A256GCM", ? "zip": "DEF", ? "cty": content type, … }
//! ```
//!
//! In scope: `dir` with `A256GCM` (RFC 7518, sections 4.5 and 5.3), and `DEF` (RFC 1951) to be read. What is written is not
//! deflated: some libraries no longer inflate. Out of scope: everything else; a header that must be understood (`crit`) is refused.

use aes_gcm::aead::{AeadInOut as _, Tag};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::{Decompress, FlushDecompress, Status};
use rand_core::CryptoRng;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::content_type::ContentType;
use crate::key::Key;
use crate::object;

/// Largest file before it is encrypted, and after it is inflated.
pub const MAX_FILE: usize = 16 * 1024 * 1024;
/// Largest encrypted file: base64url has four bytes for three.
pub const MAX_JWE: usize = MAX_FILE / 3 * 4 + 2 * MAX_HEADER;
/// Longest header in base64url.
const MAX_HEADER: usize = 4096;
/// Length of the nonce and of the tag.
const NONCE: usize = 12;
const TAG: usize = 16;
/// Bytes that are inflated at a time.
const CHUNK: usize = 64 * 1024;

/// Why a file does not open, or cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// More than [`MAX_JWE`] bytes, or [`MAX_FILE`] once inflated.
    #[error("the file has more than {} MiB", MAX_FILE / 1024 / 1024)]
    TooLarge,
    /// Not five pieces of base64url with dots between.
    #[error("what the link leads to is no encrypted file (JWE)")]
    Form,
    /// The header is no JSON object with `alg` and `enc`.
    #[error("the encrypted file has a header that does not read")]
    Header,
    /// Another algorithm than `dir` and `A256GCM`, or a key beside the link's.
    #[error("the file is not encrypted as SMART Health Links are (dir, A256GCM)")]
    Algorithm,
    /// Another compression than `DEF`.
    #[error("the file is compressed in a way that SMART Health Links do not have")]
    Compression,
    /// It demands that something be understood which is not (`crit`).
    #[error("the file demands an extension that is not known here")]
    Critical,
    /// The key is another, or the file was altered. No further detail, so that an attacker learns nothing.
    #[error("the file does not open: it was altered, or the link's key is not that of this file")]
    NotOpened,
    /// It opens, and what is in it does not inflate.
    #[error("the file opens, and its compressed contents are damaged")]
    Inflated,
}

/// A file that was opened.
#[derive(Clone, Debug)]
pub struct File {
    /// What it says that it is; nothing if it does not say.
    pub content_type: Option<ContentType>,
    /// Its contents.
    pub bytes: Zeroizing<Vec<u8>>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    zip: Option<String>,
    cty: Option<String>,
    crit: Option<Value>,
}

/// Opens a file with the key of its link. White space around it is passed over: many are kept as text files.
pub fn open(file: &str, key: &Key) -> Result<File, JweError> {
    let file = file.trim_ascii();
    if file.len() > MAX_JWE {
        return Err(JweError::TooLarge);
    }
    let mut pieces = file.split('.');
    let mut next = || pieces.next().ok_or(JweError::Form);
    let [encoded_header, encrypted_key, nonce, ciphertext, tag] =
        [next()?, next()?, next()?, next()?, next()?];
    if pieces.next().is_some() {
        return Err(JweError::Form);
    }
    let decode = |piece: &str| URL_SAFE_NO_PAD.decode(piece).map_err(|_| JweError::Form);
    if encoded_header.len() > MAX_HEADER {
        return Err(JweError::Header);
    }
    let header: Header = object(&decode(encoded_header)?).ok_or(JweError::Header)?;
    if header.crit.is_some() {
        return Err(JweError::Critical);
    }
    if header.alg != "dir" || header.enc != "A256GCM" || !encrypted_key.is_empty() {
        return Err(JweError::Algorithm);
    }
    let deflated = match header.zip.as_deref() {
        None => false,
        Some("DEF") => true,
        Some(_) => return Err(JweError::Compression),
    };
    let nonce: [u8; NONCE] = decode(nonce)?.try_into().map_err(|_| JweError::Form)?;
    let tag: [u8; TAG] = decode(tag)?.try_into().map_err(|_| JweError::Form)?;
    let mut bytes = Zeroizing::new(decode(ciphertext)?);
    Aes256Gcm::new(key.as_bytes().into())
        .decrypt_inout_detached(
            &Nonce::from(nonce),
            encoded_header.as_bytes(),
            bytes.as_mut_slice().into(),
            &Tag::<Aes256Gcm>::from(tag),
        )
        .map_err(|_| JweError::NotOpened)?;
    if deflated {
        bytes = inflate(&bytes)?;
    } else if bytes.len() > MAX_FILE {
        return Err(JweError::TooLarge);
    }
    Ok(File { content_type: header.cty.as_deref().map(ContentType::parse), bytes })
}

/// Encrypts a file under the key of its link, with a fresh nonce.
pub fn seal(
    bytes: &[u8],
    content_type: &ContentType,
    key: &Key,
    random: &mut impl CryptoRng,
) -> Result<String, JweError> {
    if bytes.len() > MAX_FILE {
        return Err(JweError::TooLarge);
    }
    let header = serde_json::json!({ "alg": "dir", "enc": "A256GCM", "cty": content_type.as_str() });
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let mut nonce = [0; NONCE];
    random.fill_bytes(&mut nonce);
    let mut sealed = bytes.to_vec();
    let tag = Aes256Gcm::new(key.as_bytes().into())
        .encrypt_inout_detached(&Nonce::from(nonce), header.as_bytes(), sealed.as_mut_slice().into())
        .map_err(|_| JweError::TooLarge)?;
    let [nonce, sealed, tag] = [&nonce[..], &sealed, &tag].map(|piece| URL_SAFE_NO_PAD.encode(piece));
    Ok(format!("{header}..{nonce}.{sealed}.{tag}"))
}

/// Inflates up to [`MAX_FILE`] bytes: a few kilobytes can stand for gigabytes.
fn inflate(deflated: &[u8]) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let (mut inflater, mut rest, mut chunks, mut length) = (Decompress::new(false), deflated, Vec::new(), 0);
    loop {
        // A vector that grows would leave copies behind that nobody erases.
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        let before = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(rest, &mut chunk, FlushDecompress::None);
        let status = status.map_err(|_| JweError::Inflated)?;
        let so_many = |after: u64, before: u64| usize::try_from(after - before).unwrap_or_default();
        let (taken, given) =
            (so_many(inflater.total_in(), before.0), so_many(inflater.total_out(), before.1));
        rest = rest.get(taken..).unwrap_or_default();
        length += given;
        if length > MAX_FILE {
            return Err(JweError::TooLarge);
        }
        chunks.push((chunk, given));
        match status {
            Status::StreamEnd => break,
            // It has been cut off.
            Status::Ok | Status::BufError if taken == 0 && given == 0 => return Err(JweError::Inflated),
            Status::Ok | Status::BufError => {}
        }
    }
    let mut inflated = Zeroizing::new(Vec::with_capacity(length));
    for (chunk, given) in &chunks {
        inflated.extend_from_slice(&chunk[..*given]);
    }
    Ok(inflated)
}

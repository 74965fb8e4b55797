//! A link: where its files are, how they are asked for, and the key that opens them.
//!
//! ```text
//! link    = [viewer "#"] "shlink:/" base64url(payload)
//! payload = { "url", "key", ? "exp": seconds since 1970, ? "flag": letters, ? "label", ? "v": 1 }
//! flag    = "L": its files may change; "P": a passcode is asked for; "U": `url` is the one file, and there is no manifest
//! ```

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::key::{Key, LENIENT};
use crate::object;

/// Longest link with its viewer, in bytes. A QR code has fewer than three thousand.
pub const MAX_LINK: usize = 8 * 1024;
/// Longest address of a link that is made here, in bytes (specification, "Establish a Manifest URL"). Others' may have more.
pub const MAX_URL: usize = 128;
/// Longest label in characters; a longer one is shown so far.
pub const MAX_LABEL: usize = 80;
/// The scheme, and what begins a link.
const SCHEME: &str = "shlink:/";
/// The version of the specification.
const VERSION: u64 = 1;
/// The last second of the year 9999. A later one is meant in milliseconds, as the specification's own example payload has it.
const LAST_SECOND: u64 = 253_402_300_799;

/// Why a text is no link, or a link cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Neither `shlink:/` nor an address that ends with it.
    #[error("this is no SMART Health Link: one begins with shlink:/, or has #shlink:/ in it")]
    NotALink,
    /// More than [`MAX_LINK`] bytes.
    #[error("the link has more than {MAX_LINK} bytes")]
    TooLong,
    /// What follows `shlink:/` is not base64url.
    #[error("the link is damaged: what follows shlink:/ is not base64url; copy or scan it again, whole")]
    Base64,
    /// What it decodes to is no payload.
    #[error("the link is damaged: it has no payload that reads; copy or scan it again, whole")]
    Payload,
    /// The address is none that can be asked.
    #[error("the link's address is not one of the web, https://…")]
    Url,
    /// The key does not have 32 bytes.
    #[error("the link's key is not 32 bytes in base64url")]
    Key,
    /// It asks for a passcode where there is nobody to check it (flags `P` and `U` together).
    #[error("the link contradicts itself: its one file is to be fetched directly, and with a passcode")]
    DirectWithPasscode,
    /// Made for a later version of the specification.
    #[error("the link is of version {version}, and only version 1 is known here: update this program")]
    Version {
        /// The version.
        version: u64,
        /// What its author calls it, which reads in every version.
        label: Option<String>,
    },
    /// An address of ours with more than [`MAX_URL`] bytes.
    #[error("the address of a link has at most {MAX_URL} bytes")]
    UrlTooLong,
    /// A label of ours with more than [`MAX_LABEL`] characters.
    #[error("the label of a link has at most {MAX_LABEL} characters")]
    LabelTooLong,
}

/// How the files are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// `GET` of the one file (flag `U`).
    Direct,
    /// `POST` for a manifest.
    Manifest,
    /// `POST` for a manifest, with a passcode that the patient tells (flag `P`).
    Passcode,
}

/// A link. Its key is in it: whoever sees the link opens what it leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    url: String,
    key: Key,
    access: Access,
    long_term: bool,
    expires: Option<u64>,
    label: Option<String>,
}

/// The payload as it is written. What is not named here is passed over, as the specification demands.
#[derive(Deserialize)]
struct Read {
    url: String,
    key: String,
    exp: Option<Value>,
    flag: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    flag: &'a str,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
}

/// What reads in a payload of every version.
#[derive(Deserialize)]
struct Stable {
    label: Option<String>,
    v: Option<u64>,
}

impl Link {
    /// A link to files at `url`, which should have 256 random bits in it.
    pub fn new(url: &str, key: Key, access: Access) -> Result<Self, LinkError> {
        if url.len() > MAX_URL {
            return Err(LinkError::UrlTooLong);
        }
        let url = address(url)?.to_owned();
        Ok(Self { url, key, access, long_term: false, expires: None, label: None })
    }

    /// The same with what it is called.
    pub fn with_label(self, label: &str) -> Result<Self, LinkError> {
        if label.chars().count() > MAX_LABEL {
            return Err(LinkError::LabelTooLong);
        }
        Ok(Self { label: Some(label.to_owned()), ..self })
    }

    /// The same with a time, in seconds since 1970, after which it leads to nothing.
    #[must_use]
    pub fn with_expiry(self, expires: u64) -> Self {
        Self { expires: Some(expires), ..self }
    }

    /// Reads a link, alone or behind the address of a viewer, which is not asked.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > MAX_LINK {
            return Err(LinkError::TooLong);
        }
        let link = text.rsplit_once('#').map_or(text, |(_, fragment)| fragment);
        let (scheme, payload) = link.split_at_checked(SCHEME.len()).ok_or(LinkError::NotALink)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(LinkError::NotALink);
        }
        let payload = Zeroizing::new(LENIENT.decode(payload).map_err(|_| LinkError::Base64)?);
        let Stable { label, v } = object(&payload).ok_or(LinkError::Payload)?;
        let label = label.map(|label| label.chars().take(MAX_LABEL).collect::<String>());
        if let Some(version) = v.filter(|v| *v != VERSION) {
            return Err(LinkError::Version { version, label });
        }
        let mut read: Read = object(&payload).ok_or(LinkError::Payload)?;
        let key = Key::from_base64(&read.key);
        read.key.zeroize();
        let flag = read.flag.unwrap_or_default();
        let access = match (flag.contains('U'), flag.contains('P')) {
            (true, true) => return Err(LinkError::DirectWithPasscode),
            (true, false) => Access::Direct,
            (false, true) => Access::Passcode,
            (false, false) => Access::Manifest,
        };
        Ok(Self {
            url: address(&read.url)?.to_owned(),
            key: key.ok_or(LinkError::Key)?,
            access,
            long_term: flag.contains('L'),
            expires: read.exp.as_ref().and_then(seconds),
            label,
        })
    }

    /// The link as a text, for a QR code (error correction of level M) or a message.
    pub fn to_uri(&self) -> Zeroizing<String> {
        let flag = match (self.long_term, self.access) {
            (true, Access::Direct) => "LU",
            (true, Access::Manifest) => "L",
            (true, Access::Passcode) => "LP",
            (false, Access::Direct) => "U",
            (false, Access::Manifest) => "",
            (false, Access::Passcode) => "P",
        };
        let key = self.key.to_base64();
        let written =
            Written { url: &self.url, flag, key: &key, exp: self.expires, label: self.label.as_deref() };
        // safe: texts and a number are always JSON.
        let payload = Zeroizing::new(serde_json::to_vec(&written).unwrap_or_default());
        let encoded = Zeroizing::new(LENIENT.encode(&*payload));
        Zeroizing::new([SCHEME, &encoded].concat())
    }

    /// Where the file, or the manifest, is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key of the files.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// How the files are asked for.
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Whether its files may change, and be asked for again (flag `L`).
    pub const fn is_long_term(&self) -> bool {
        self.long_term
    }

    /// When it ends, in seconds since 1970, as far as it says.
    pub const fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// Whether it has ended at `now`, in seconds since 1970. It is the link's own word: what ends is decided where its files
    /// are.
    pub fn has_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// What it is called.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

/// An address of the web, as far as it can be told without reading all of it.
fn address(url: &str) -> Result<&str, LinkError> {
    let web = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let whole = web.is_some_and(|rest| !rest.is_empty()) && url.chars().all(|c| c.is_ascii_graphic());
    if whole { Ok(url) } else { Err(LinkError::Url) }
}

/// A time in seconds: a number, with a fraction or as a text. What is none of these says nothing: it is a hint alone.
fn seconds(exp: &Value) -> Option<u64> {
    let whole = |text: &str| text.split('.').next()?.parse::<u64>().ok();
    let time = match exp {
        Value::Number(number) => number.as_u64().or_else(|| whole(&number.to_string()))?,
        Value::String(text) => whole(text)?,
        _ => return None,
    };
    Some(if time > LAST_SECOND { time / 1000 } else { time })
}

//! What is handed over by hand: to a device at the bench, and to a person for a shift.
//!
//! | bench record, 100 bytes | offset | size | | badge, 69 bytes | offset | size |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | SID | 0 | 16 | | user | 0 | 16 |
//! | gateway | 16 | 16 | | credential | 16 | 16 |
//! | `K^a` | 32 | 32 | | epoch | 32 | 4 |
//! | `K^d_0` | 64 | 32 | | role | 36 | 1 |
//! | epoch | 96 | 2 | | A | 37 | 32 |
//! | operations, all that it will ever do | 98 | 2 | | | | |
//!
//! A badge is a text, to be shown as a code to the tablet that is to have it: `CSB1`, the bytes in hexadecimal digits, the gateway's
//! SPIFFE ID and its address, with blanks between. Who reads it is its holder: it is shown once, and thrown away.
//!
//! The label of a device is a text for a code that sticks to it: `CSD1`, a blank, its SID in hexadecimal digits. It is no secret.

use base16ct::mixed::decode_vec;
use base16ct::upper::encode_string;
use countersign_device::{Credential, Id, Key, Ops};
use countersign_ledger::Identity;

const BENCH: usize = 100;
const BADGE: usize = 69;
const PREFIX: &str = "CSB1";
/// Longest address: a host name and a port.
const MAX_ADDRESS: usize = 261;

/// What a device is given at the bench, over a wire, to be kept in memory that is written once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bench {
    /// The device.
    pub sid: Id,
    /// Its gateway.
    pub gateway: Id,
    /// `K^a`.
    pub auth: Key,
    /// `K^d_0`.
    pub ratchet: Key,
    /// How many times it was provisioned.
    pub epoch: u16,
    /// All that it will ever do.
    pub max_ops: Ops,
}

impl Bench {
    /// The record in hexadecimal digits.
    pub fn to_text(&self) -> String {
        let Self { sid, gateway, auth, ratchet, epoch, max_ops } = self;
        let (epoch, max_ops) = (epoch.to_be_bytes(), max_ops.bits().to_be_bytes());
        let fields: [&[u8]; 6] = [sid, gateway, auth.as_bytes(), ratchet.as_bytes(), &epoch, &max_ops];
        encode_string(&fields.concat())
    }

    /// Reads what [`Bench::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; BENCH] = decode_vec(text).ok()?.try_into().ok()?;
        Some(Self {
            sid: field(&bytes, 0)?,
            gateway: field(&bytes, 16)?,
            auth: Key::new(field(&bytes, 32)?),
            ratchet: Key::new(field(&bytes, 64)?),
            epoch: u16::from_be_bytes(field(&bytes, 96)?),
            max_ops: Ops::from_bits(u16::from_be_bytes(field(&bytes, 98)?)),
        })
    }
}

/// A credential on its way to its holder, with where it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// The credential.
    pub credential: Credential,
    /// The gateway.
    pub gateway: Identity,
    /// The gateway's address: `host:port`.
    pub address: String,
}

impl Badge {
    /// The text.
    pub fn to_text(&self) -> String {
        let Credential { id, cred, epoch, role, secret } = &self.credential;
        let bytes = [&id[..], cred, &epoch.to_be_bytes(), &[*role], secret.as_bytes()].concat();
        format!("{PREFIX} {} {} {}", encode_string(&bytes), self.gateway, self.address)
    }

    /// Reads what [`Badge::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.trim().split(' ');
        let (prefix, bytes) = (words.next()?, words.next()?);
        let (gateway, address) = (Identity::parse(words.next()?).ok()?, words.next()?);
        let (_, port) = address.rsplit_once(':')?;
        port.parse::<u16>().ok()?;
        if prefix != PREFIX || words.next().is_some() || address.len() > MAX_ADDRESS {
            return None;
        }
        let bytes: [u8; BADGE] = decode_vec(bytes).ok()?.try_into().ok()?;
        let [role] = field(&bytes, 36)?;
        let credential = Credential {
            id: field(&bytes, 0)?,
            cred: field(&bytes, 16)?,
            epoch: u32::from_be_bytes(field(&bytes, 32)?),
            role,
            secret: Key::new(field(&bytes, 37)?),
        };
        Some(Self { credential, gateway, address: address.to_owned() })
    }
}

const LABEL: &str = "CSD1 ";

/// The text of a device's label.
pub fn label(sid: &Id) -> String {
    format!("{LABEL}{}", encode_string(sid))
}

/// Reads what [`label`] wrote.
pub fn read_label(text: &str) -> Option<Id> {
    decode_vec(text.trim().strip_prefix(LABEL)?).ok()?.try_into().ok()
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_reads_back_and_other_texts_do_not() {
        let (auth, ratchet) = (Key::new([3; 32]), Key::new([4; 32]));
        let bench = Bench { sid: [1; 16], gateway: [2; 16], auth, ratchet, epoch: 7, max_ops: Ops::LOOKS };
        assert_eq!(Bench::parse(&bench.to_text()), Some(bench.clone()));
        assert_eq!(Bench::parse(&bench.to_text()[2..]), None);

        let credential =
            Credential { id: [1; 16], cred: [2; 16], epoch: 1, role: 2, secret: Key::new([5; 32]) };
        let gateway = Identity::new("meds.example", "bedside-gateway", "north").unwrap();
        let badge = Badge { credential, gateway, address: "gateway.north.example:8446".to_owned() };
        let text = badge.to_text();
        assert_eq!(Badge::parse(&text), Some(badge));
        for wrong in
            [&text[1..], &text.replace("CSB1", "CSB2"), &text.replace(":8446", ""), &format!("{text} x"), ""]
        {
            assert_eq!(Badge::parse(wrong), None, "{wrong}");
        }

        let sticker = label(&[0xa1; 16]);
        assert_eq!(read_label(&sticker), Some([0xa1; 16]));
        for wrong in [&sticker[1..], &sticker[..sticker.len() - 1], &format!("{sticker}00"), &text, ""] {
            assert_eq!(read_label(wrong), None, "{wrong}");
        }
    }
}

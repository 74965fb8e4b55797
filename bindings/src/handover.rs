//! A handover as the screens of both sides show it.

use countersign_custody::Aggregate;
use countersign_custody::handover::{self, Meeting};
use countersign_custody::qr::{self, Codes, NotEncoded};
use countersign_ledger::{Hash, Subject};
use countersign_scan::draw::{Label, Scale};
use countersign_wallet::{Pending, ReadOffer, Side};

use crate::error::CountersignError as Error;

/// How many parts are shown for each part needed, before the first is shown again. Any of them can replace a missed
/// one.
const ROUNDS: usize = 3;

/// Goods whose complete chain of custody is on this phone.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Goods {
    /// The goods, as a link.
    pub link: String,
    /// Who holds them, as far as this phone knows: a SPIFFE ID.
    pub holder: Option<String>,
    /// SHA-256 of the latest statement on them, in hexadecimal.
    pub latest: String,
    /// How many of their packs were scanned, if they are a logistic unit.
    pub unit: Option<Packed>,
}

/// The packs in a logistic unit, which its code represents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Packed {
    /// How many packs, as the packer stated.
    pub packs: u64,
    /// How many of them were scanned one by one when it last changed hands; the others are inferred.
    pub scanned: u64,
}

/// A handover under way, to be shown to the other phone.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Handover {
    /// Its id on this phone.
    pub id: String,
    /// The goods, as a link.
    pub goods: String,
    /// Whether this phone gives and shows its offer; otherwise it receives and shows its answer.
    pub gives: bool,
    /// The texts of QR codes: one, or several to be shown one after the other, over and over, about three a second.
    pub codes: Vec<String>,
    /// When the offer expires.
    pub expires_millis: u64,
}

/// A verified offer: all statements on the goods verify, none is missing, and the giver holds the goods.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Offer {
    /// The message to answer.
    pub message: Vec<u8>,
    /// The goods, as a link.
    pub goods: String,
    /// Who gives: a SPIFFE ID.
    pub giver: String,
    /// Where, in the giver's words.
    pub place: Option<String>,
    /// When it was made.
    pub issued_millis: u64,
    /// When it expires.
    pub expires_millis: u64,
    /// How often the goods changed hands before.
    pub hops: u32,
    /// How many of their packs were scanned, if they are a logistic unit.
    pub unit: Option<Packed>,
    /// This phone has the list of the unit's contents: its packs may be scanned one by one too.
    pub lists_packs: bool,
    /// The two phones have contradicting checkpoints: the log has forked, or one of the phones lies. Accept the goods,
    /// and inform the office.
    pub contradicts: bool,
}

/// The condition of the offered goods.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Condition {
    /// Accepted as intact.
    Intact,
    /// Accepted as damaged.
    Damaged {
        /// The file of a photo of the damage. The statement has its digest: keep the file.
        photo: Vec<u8>,
    },
    /// Refused: the giver still has them, and is accountable for them.
    Refused {
        /// Why, in the receiver's words.
        reason: String,
    },
}

/// The result of a scan by a courier.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
#[allow(clippy::large_enum_variant, reason = "it crosses the boundary once, where there are no boxes")]
pub enum Scan {
    /// No code with anything new.
    Nothing,
    /// A code so damaged that a second frame must agree before it is accepted.
    HoldStill,
    /// A code of another kind: neither goods that can be handed over nor a message.
    Foreign,
    /// Goods, to be named in an answer.
    Goods {
        /// The goods, as a link.
        link: String,
    },
    /// A part of a message; continue.
    Part {
        /// Parts that were read.
        have: u32,
        /// Parts that are needed.
        need: u32,
    },
    /// An offer, to be answered.
    Offered {
        /// The offer.
        offer: Offer,
    },
    /// Another phone's newest checkpoint, to be compared with this one's.
    Checkpoint {
        /// Its note, for [`crate::Wallet::compare`].
        note: String,
    },
    /// An answer, with which the giver closes the handover.
    Answered {
        /// The message.
        message: Vec<u8>,
    },
}

/// Proof of a delivery, as a file.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ProofFile {
    /// Its name, without a folder. Another proof has another one.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl ProofFile {
    pub(crate) fn new(goods: &Subject, bytes: Vec<u8>) -> Self {
        let last = goods.as_str().rsplit('/').next().unwrap_or_default();
        let printed: String = last.chars().filter(char::is_ascii_alphanumeric).collect();
        let digest = Hash::of(&bytes).to_string();
        Self { name: format!("delivery-{printed}-{}.countersign", &digest[..8]), bytes }
    }
}

/// A QR code as pixels, for a screen.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Drawing {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// One byte per pixel, 0 for black and 255 for white, rows without gaps.
    pub luma: Vec<u8>,
}

/// Draws one of the codes of a [`Handover`], with its quiet zone. A module of the code becomes `scale` pixels wide, 2
/// to 16.
#[uniffi::export]
pub fn draw_code(text: &str, scale: u8) -> Result<Drawing, Error> {
    let scale = Scale::new(scale).ok_or_else(|| Error::invalid("scale"))?;
    let picture = Label::plain(text).map_err(|_| Error::invalid("code"))?.picture(scale);
    let (width, height) = (small(picture.width()), small(picture.height()));
    Ok(Drawing { width, height, luma: picture.pixels().to_vec() })
}

impl Handover {
    pub(crate) fn new(pending: Pending) -> Result<Self, Error> {
        Ok(Self {
            id: pending.shown.id.to_string(),
            goods: pending.subject,
            gives: pending.side == Side::Giver,
            codes: codes(&pending.shown.message)?,
            expires_millis: pending.shown.expires_at.0,
        })
    }
}

/// The texts of the codes that show a message.
pub(crate) fn codes(message: &[u8]) -> Result<Vec<String>, NotEncoded> {
    Ok(match qr::encode(message)? {
        Codes::One(text) => vec![text],
        Codes::Parts(parts) => {
            let shown = ROUNDS * parts.needed();
            parts.take(shown).collect()
        }
    })
}

impl From<countersign_wallet::Goods> for Goods {
    fn from(goods: countersign_wallet::Goods) -> Self {
        Self {
            link: goods.subject.to_string(),
            holder: goods.holder.map(|holder| holder.to_string()),
            latest: goods.latest.to_string(),
            unit: goods.aggregate.map(Packed::from),
        }
    }
}

impl From<(ReadOffer, Vec<u8>)> for Offer {
    fn from((reading, message): (ReadOffer, Vec<u8>)) -> Self {
        Self {
            message,
            goods: reading.subject.to_string(),
            giver: reading.giver.to_string(),
            place: reading.place,
            issued_millis: reading.issued_at.0,
            expires_millis: reading.expires_at.0,
            hops: small(reading.hops),
            unit: reading.aggregate.map(Packed::from),
            lists_packs: reading.contents.is_some(),
            contradicts: reading.meeting == Some(Meeting::Fork),
        }
    }
}

impl From<Aggregate> for Packed {
    fn from(aggregate: Aggregate) -> Self {
        Self { packs: aggregate.count, scanned: aggregate.scanned }
    }
}

impl From<Condition> for handover::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Intact => Self::Intact,
            Condition::Damaged { photo } => Self::Damaged { photo: Hash::of(&photo) },
            Condition::Refused { reason } => Self::Refused { reason },
        }
    }
}

impl From<qr::Progress> for Scan {
    fn from(progress: qr::Progress) -> Self {
        Self::Part { have: small(progress.have), need: small(progress.need) }
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

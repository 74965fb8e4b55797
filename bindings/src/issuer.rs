//! Acts of a member: what is signed is what was meant.

use std::sync::Arc;

use countersign_custody::{Profile, Step, SubjectType};
use countersign_ledger::{Fields, Kind, Subject, Value};
use countersign_scan::Code;
use countersign_wallet::{Named, Snapshot, is_irrevocable};

use crate::clock::{now, year};
use crate::code::unnamed;
use crate::error::CountersignError as Error;
use crate::wallet::Wallet;

/// A member who signs statements, with one of the wallet's certified keys.
///
/// What a text names is held against the verified data as a scan is, so sync before: a misread is never signed, and what
/// is not known here or cannot be taken back only with the person's [`Consent`].
#[derive(uniffi::Object)]
pub struct Issuer {
    wallet: Arc<Wallet>,
    key: String,
}

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Level {
    /// A product, with all its lots and packs.
    Product,
    /// A lot, with all its packs.
    Lot,
    /// A single pack.
    Pack,
    /// A logistic unit.
    Unit,
    /// A matter without goods, such as an order.
    Matter,
}

/// The words of a person that let an act pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, uniffi::Record)]
pub struct Consent {
    /// They know that it cannot be taken back.
    #[uniffi(default = false)]
    pub irrevocable: bool,
    /// They know that nothing here shows its subject to exist.
    #[uniffi(default = false)]
    pub unknown: bool,
}

/// A field of a statement.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Field {
    /// Its name, as in the rules of the industry.
    pub name: String,
    /// Its value.
    pub value: FieldValue,
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum FieldValue {
    /// Text, or a member's SPIFFE ID.
    Text(String),
    /// A number, or a moment in milliseconds since 1970, UTC.
    Number(u64),
    /// Bytes, or a digest.
    Bytes(Vec<u8>),
}

/// An act: show it to the person before it is signed, and after.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Act {
    /// The kind of statement, the key of its title.
    pub kind: String,
    /// What it is about, as a link.
    pub link: String,
    /// The level of that: a lot is more than the pack in the hand.
    pub level: Level,
    /// Whether it cannot be taken back.
    pub irrevocable: bool,
}

/// A statement that the log is proven to hold.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Signed {
    /// What was signed.
    pub act: Act,
    /// The statement's SHA-256, in hexadecimal.
    pub statement: String,
    /// Its place in the log.
    pub index: u64,
    /// When the checkpoint that covers it was cosigned.
    pub as_of_millis: u64,
}

#[uniffi::export]
impl Issuer {
    /// A member with the key `key`; see [`Wallet::memberships`].
    #[uniffi::constructor]
    pub fn new(wallet: Arc<Wallet>, key: String) -> Self {
        Self { wallet, key }
    }

    /// What signing would be about; nothing is signed. `kind` is a kind of statement such as `medicine.dispense`, `code` what
    /// was typed or scanned. The level is the code's own unless another one is asked for. Needs no network.
    pub fn prepare(
        &self,
        kind: &str,
        code: &str,
        level: Option<Level>,
        consent: Consent,
    ) -> Result<Act, Error> {
        self.wallet.act(|snapshot| {
            let (profile, step, subject) = guarded(snapshot, kind, code, level, consent)?;
            Ok(act(profile, step, &subject))
        })
    }

    /// The same, signed, submitted, and proven to be in the log. What is cut off is in the outbox: the same call goes on with
    /// it. Fields that follow from the rules are filled in.
    pub fn sign(
        &self,
        kind: &str,
        code: &str,
        level: Option<Level>,
        fields: Vec<Field>,
        consent: Consent,
    ) -> Result<Signed, Error> {
        let client = self.wallet.client();
        let fields = fields.into_iter().fold(Fields::new(), Field::add_to);
        self.wallet.act(|snapshot| {
            let (profile, step, subject) = guarded(snapshot, kind, code, level, consent)?;
            let issuer = countersign_wallet::Issuer::new(snapshot, &client, self.wallet.keys());
            let recorded =
                issuer.consenting(consent.into()).act(&self.key, &step.kind, &subject, fields, now())?;
            Ok(Signed {
                act: act(profile, step, &subject),
                statement: recorded.id.to_string(),
                index: recorded.index,
                as_of_millis: recorded.as_of.0,
            })
        })
    }
}

fn guarded(
    snapshot: &mut Snapshot,
    kind: &str,
    code: &str,
    level: Option<Level>,
    consent: Consent,
) -> Result<(&'static Profile, &'static Step, Subject), Error> {
    let kind = Kind::new(kind).map_err(|_| Error::invalid("kind"))?;
    let rules = snapshot.profile_of(&kind).and_then(|profile| Some((profile, profile.step(&kind)?)));
    let (profile, step) = rules.ok_or_else(|| Error::invalid("kind"))?;
    let named = Named::read(&Code::typed(code), year()).map_err(|reason| unnamed(&reason))?;
    let level = level.map(SubjectType::from);
    Ok((profile, step, snapshot.guard(step, &named, level, consent.into(), now())?))
}

fn act(profile: &Profile, step: &Step, subject: &Subject) -> Act {
    Act {
        kind: step.kind.to_string(),
        link: subject.to_string(),
        level: SubjectType::of(subject).map_or(Level::Matter, Level::from),
        irrevocable: is_irrevocable(profile, step),
    }
}

impl Field {
    fn add_to(fields: Fields, field: Self) -> Fields {
        let value = match field.value {
            FieldValue::Text(text) => Value::Text(text),
            FieldValue::Number(number) => Value::Uint(number),
            FieldValue::Bytes(bytes) => Value::Bytes(bytes),
        };
        fields.with(&field.name, value)
    }
}

impl From<Consent> for countersign_wallet::Consent {
    fn from(Consent { irrevocable, unknown }: Consent) -> Self {
        Self { irrevocable, unknown }
    }
}

impl From<Level> for SubjectType {
    fn from(level: Level) -> Self {
        match level {
            Level::Product => Self::Class,
            Level::Lot => Self::Lot,
            Level::Pack => Self::Pack,
            Level::Unit => Self::Unit,
            Level::Matter => Self::Matter,
        }
    }
}

impl From<SubjectType> for Level {
    fn from(level: SubjectType) -> Self {
        match level {
            SubjectType::Class => Self::Product,
            SubjectType::Lot => Self::Lot,
            SubjectType::Pack => Self::Pack,
            SubjectType::Unit => Self::Unit,
            SubjectType::Matter => Self::Matter,
        }
    }
}

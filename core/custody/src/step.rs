//! One step of a profile: the rules for statements of one kind.

use std::collections::BTreeMap;

use countersign_ledger::{Kind, LogName};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::epcis;
use crate::field::{CONTENTS, COUNT};
use crate::subject_type::{Relation, SubjectType};

/// The rules for statements of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// The kind of its statements.
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
    /// Its number among the signed transfers; a numbered step has a chain value.
    pub number: Option<u8>,
    /// Its title in English.
    pub title: String,
    /// The log that it belongs in.
    pub log: LogName,
    /// The types of subject that it may have.
    pub subject: Vec<SubjectType>,
    /// Who signs it.
    pub signer: PartyRule,
    /// Its receiver, named in the field `to`.
    pub receiver: Option<PartyRule>,
    /// What it may follow on the same subject.
    pub after: Vec<After>,
    /// How soon after another statement on its subject it must be signed.
    pub within: Option<Within>,
    /// The statements that it must link besides the one it follows.
    #[serde(default)]
    pub links: Vec<LinkRule>,
    /// Its fields. No others may occur.
    pub fields: BTreeMap<String, FieldRule>,
    /// Fields that repeat another statement's.
    #[serde(default)]
    pub equal: Vec<Equality>,
    /// Who holds the goods after it. If absent, the holder does not change.
    pub custody: Option<Holder>,
    /// The statement of another party that it carries and countersigns. Without this rule it must carry none.
    pub countersigned: Option<Countersigned>,
    /// What it means for the product.
    #[serde(default)]
    pub effect: Effect,
    /// The EPCIS events for it; none if there is no rule.
    #[serde(default)]
    pub epcis: Vec<epcis::Rule>,
}

impl Step {
    /// The field that uploads the chain value of the transfer before, if the step has one.
    pub fn chain_field(&self) -> Option<&str> {
        self.fields.iter().find(|(_, rule)| rule.kind == FieldType::Chain).map(|(name, _)| name.as_str())
    }

    /// Whether a field is none that a person types: the chain value, or what follows from a list of serials or packs.
    pub fn is_derived(&self, field: &str) -> bool {
        let listed = match &self.effect {
            Effect::Commission { count, serials, filter, filter_length, .. } => {
                [count, serials, filter, filter_length].iter().any(|derived| *derived == field)
            }
            Effect::Pack | Effect::Unpack => field == CONTENTS || field == COUNT,
            _ => false,
        };
        listed || self.chain_field() == Some(field)
    }

    /// Whether it may follow a statement of `kind` on the same subject; `None` asks whether it may be the first.
    pub fn may_follow(&self, kind: Option<&Kind>) -> bool {
        self.after.iter().any(|after| match (after, kind) {
            (After::Nothing, None) => true,
            (After::Kind(expected), Some(kind)) => expected == kind,
            _ => false,
        })
    }
}

/// How soon a step must be made.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Within {
    /// The last day on which it may be signed, counted from the day of the other statement, in UTC.
    pub days: u16,
    /// The kind of the other statement: the latest on the subject.
    #[serde(deserialize_with = "kind")]
    pub of: Kind,
}

/// Who a party to a statement may be.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PartyRule {
    /// In which roles.
    pub roles: Vec<String>,
    /// It signed the latest statement of one of these kinds.
    #[serde(default, deserialize_with = "kinds")]
    pub signer_of: Vec<Kind>,
    /// It is the receiver of the latest statement of one of these kinds.
    #[serde(default, deserialize_with = "kinds")]
    pub receiver_of: Vec<Kind>,
    /// It is named by a field of the latest statement of a kind.
    pub named_by: Option<NamedBy>,
    /// It holds the goods.
    #[serde(default)]
    pub holds: Holds,
}

/// The field that names a party.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NamedBy {
    /// The kind of the statement: a linked one, else the latest on the same subject.
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
    /// The field, an identity.
    pub field: String,
}

/// Whether a party must hold the goods.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// It need not hold the goods.
    #[default]
    Anything,
    /// It holds the goods, by the latest statement that says who does.
    TheGoods,
}

/// What a statement countersigns.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Countersigned {
    /// The other party's offer, on the same subject and after the same statement. See [`crate::handover`].
    Offer(PartyRule),
    /// A statement of one of these kinds that lost its place to another one: both follow the same statement, and the same
    /// party offered both.
    Rival(#[serde(deserialize_with = "kinds")] Vec<Kind>),
}

/// What a statement may follow on its subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum After {
    /// It may be the first; written `nothing`.
    Nothing,
    /// It may follow a statement of this kind.
    Kind(Kind),
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)? {
            text if text == "nothing" => Ok(Self::Nothing),
            text => Kind::new(text).map(Self::Kind).map_err(D::Error::custom),
        }
    }
}

/// A statement that must be linked.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkRule {
    /// Its kind.
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
    /// The relation of its subject to this one's.
    pub on: Relation,
    /// If it is a certificate: which party must hold it.
    pub holder: Option<Holder>,
    /// If it is a certificate: when it must hold.
    #[serde(default)]
    pub period: Period,
    /// Only asked of signers in this role.
    pub when_signer: Option<String>,
}

/// One of the two parties to a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// Who signs it.
    Signer,
    /// Whom it is for.
    Receiver,
}

/// When a linked certificate must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// At any time: it may have expired, or not have begun.
    #[default]
    Any,
    /// At the time at which the statement that links it was signed.
    InForce,
}

/// A field that repeats the field of an earlier or linked statement.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Equality {
    /// The field.
    pub field: String,
    /// The kind of the statement whose value it repeats: a linked one, else the latest on the same subject.
    #[serde(deserialize_with = "kind")]
    pub with: Kind,
    /// That statement's field; the same name if not given.
    pub theirs: Option<String>,
}

impl Equality {
    /// The other statement's field.
    pub fn theirs(&self) -> &str {
        self.theirs.as_deref().unwrap_or(&self.field)
    }
}

/// A field's type and whether it must be there; written as the type's name, followed by `?` if it may be left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldRule {
    /// Its type.
    pub kind: FieldType,
    /// Whether it must be there.
    pub presence: Presence,
}

/// Whether a field must be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It must be there.
    Required,
    /// It may be absent.
    Optional,
}

/// A field's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// Text.
    Text,
    /// A number.
    Uint,
    /// A moment, in milliseconds since 1970.
    Time,
    /// A SHA-256 digest.
    Digest,
    /// Bytes.
    Bytes,
    /// A member's SPIFFE ID.
    Identity,
    /// The chain value of the transfer before.
    Chain,
}

impl<'de> Deserialize<'de> for FieldRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (name, presence) = match text.strip_suffix('?') {
            Some(name) => (name, Presence::Optional),
            None => (text.as_str(), Presence::Required),
        };
        let kind = match name {
            "text" => FieldType::Text,
            "uint" => FieldType::Uint,
            "time" => FieldType::Time,
            "digest" => FieldType::Digest,
            "bytes" => FieldType::Bytes,
            "identity" => FieldType::Identity,
            "chain" => FieldType::Chain,
            _ => return Err(D::Error::custom(format!("`{name}` is not a field type"))),
        };
        Ok(Self { kind, presence })
    }
}

/// What a certificate permits while it is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covers {
    /// The product may be sold and used: once the last certificate has expired, existing packs need attention.
    #[default]
    Use,
    /// The product may be made: packs that were made while it was in force stay good.
    Making,
}

/// What a step means for the product.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// Nothing beyond being a step of its history.
    #[default]
    None,
    /// Certifies a product class; names of the fields that say for whom and when.
    Certify {
        /// The holder, an identity.
        holder: String,
        /// Begin of validity, a time.
        from: String,
        /// End of validity, a time.
        until: String,
        /// What it permits while it is in force.
        #[serde(default)]
        covers: Covers,
    },
    /// Fixes a lot's packs; names of the fields that say which.
    Commission {
        /// The last moment of the day on the label, a time; goods that do not expire have none.
        expiry: Option<String>,
        /// The number of packs, a number.
        count: String,
        /// The Merkle root of their serials, a digest.
        serials: String,
        /// The digest of their filter.
        filter: String,
        /// The length of the filter in bytes, a number.
        filter_length: String,
    },
    /// Puts packs into a unit: its fields `contents` and `count` say which.
    Pack,
    /// Takes packs out of a unit: its fields `contents` and `count` say which.
    Unpack,
    /// Ends a pack's way, such as dispensing.
    Dispense,
    /// Takes that back: the pack is where it was before.
    UndoDispense,
    /// Recalls the product, finally.
    Recall,
    /// Suspends the product until lifted.
    Suspend,
    /// Ends the linked suspension.
    Lift,
    /// The goods were refused: a dispute until the goods move on.
    Dispute,
    /// The goods were handed to two people.
    Conflict,
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    Kind::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// As [`kind`], for a list.
pub(crate) fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Kind>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.into_iter().map(|name| Kind::new(name).map_err(D::Error::custom)).collect()
}

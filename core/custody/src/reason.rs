//! The reasons for a verdict.

use countersign_ledger::{Hash, Identity, Kind, Subject, UnixMillis};

use crate::alert::Alert;
use crate::audit::Finding;
use crate::clock::Clock;
use crate::conflict::{Conflict, Dispute};
use crate::fault::Party;
use crate::item::{Item, Slip};
use crate::packing::Misplaced;
use crate::unpacking::{Difference, DifferenceKind};

/// A reason for a verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A statement of the history does not fit its place.
    BrokenHistory(Box<Finding>),
    /// Somebody handed the goods to two people.
    ConflictingCustody(Box<Conflict>),
    /// The serial belongs to another lot than the one on the label.
    LotSerialMismatch {
        /// The lots that have the serial.
        lots: Vec<Subject>,
    },
    /// The label shows another expiry than was stated.
    ExpiryMismatch {
        /// As on the label.
        label: UnixMillis,
        /// As stated by the manufacturer.
        stated: UnixMillis,
        /// The statement.
        statement: Hash,
    },
    /// This ledger has no statement on this product; it may be traced elsewhere.
    UnknownProduct,
    /// The product has no such lot.
    UnknownLot,
    /// The lot has no such serial.
    UnknownSerial,
    /// The product was recalled.
    Recalled(Box<Alert>),
    /// The product was suspended.
    Suspended(Box<Alert>),
    /// The goods were refused, and have not moved since.
    Disputed(Box<Dispute>),
    /// The pack, or the unit that it is in, is on one of the two lists of a unit, packed and unpacked, and not on the
    /// other.
    ContentsDiffer(Box<Difference>),
    /// The pack, or the unit that it is in, is in two units at once, or a unit is in itself.
    Misplaced(Box<Misplaced>),
    /// The pack has been dispensed.
    Dispensed(Dispensed),
    /// The product has expired.
    Expired {
        /// The last moment before the expiry.
        at: UnixMillis,
    },
    /// A step is missing on the way to the public.
    MissingStep {
        /// The step.
        step: Kind,
        /// Who should have made it.
        party: Party,
    },
    /// The product's certificate has expired and was not renewed.
    ApprovalExpired {
        /// When.
        at: UnixMillis,
    },
    /// The code seems to have been misread, as by a lost separator: its text, or the apps' text for the slip, says so.
    Misread {
        /// What seems to have happened to it.
        slip: Slip,
        /// The readings that the ledger knows.
        readings: Vec<Item>,
    },
    /// The ledger knows what the code would say if a slip had happened to it that cannot have happened: no camera sees
    /// small letters where there are capitals. It excuses nothing.
    NearMiss {
        /// The slip.
        slip: Slip,
        /// The readings that the ledger knows.
        readings: Vec<Item>,
    },
    /// This phone does not follow the product, the lot, or a pack that has more statements.
    NotFollowed {
        /// The subject that would have to be followed.
        subject: Subject,
    },
    /// The code does not name a single pack, so a copy cannot be detected.
    NotSerialised,
    /// The list of the lot's serials was not fetched.
    FilterMissing,
    /// The data on this phone does not match what the ledger proves.
    SnapshotDamaged,
    /// This phone's clock is wrong, and something hangs on it.
    ClockWrong(Clock),
    /// The data on this phone is too old for an answer.
    SnapshotTooOld {
        /// Its age in milliseconds.
        age_millis: u64,
    },
}

/// What is known of a pack's dispensing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dispensed {
    /// The statement is here.
    Stated {
        /// Who dispensed it.
        by: Identity,
        /// When.
        at: UnixMillis,
        /// The statement.
        statement: Hash,
    },
    /// The index counts it as of a checkpoint; the statement was not fetched.
    Recorded {
        /// The checkpoint's size.
        checkpoint: u64,
        /// The statement.
        statement: Hash,
    },
}

/// An argument of a text, for apps to write in the reader's language and calendar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Argument {
    /// A name or words, to be shown unchanged.
    Text(String),
    /// A party; apps keep the roles' names.
    Party(Party),
    /// The kind of a step; apps keep its title under this key.
    Step(Kind),
    /// A day.
    Time(UnixMillis),
    /// A moment that matters to the minute.
    Moment(UnixMillis),
    /// A number.
    Number(u64),
}

impl Reason {
    /// The key under which apps keep the reason's text.
    pub fn key(&self) -> &'static str {
        match self {
            Self::BrokenHistory(_) => "broken-history",
            Self::ConflictingCustody(_) => "conflicting-custody",
            Self::LotSerialMismatch { .. } => "lot-serial-mismatch",
            Self::ExpiryMismatch { .. } => "expiry-mismatch",
            Self::UnknownProduct => "unknown-product",
            Self::UnknownLot => "unknown-lot",
            Self::UnknownSerial => "unknown-serial",
            Self::Recalled(_) => "recalled",
            Self::Suspended(_) => "suspended",
            Self::Disputed(_) => "disputed",
            Self::ContentsDiffer(difference) => match difference.kind {
                DifferenceKind::NotUnpacked => "not-unpacked",
                DifferenceKind::NotPacked => "not-packed",
                DifferenceKind::Unclear => "contents-differ",
            },
            Self::Misplaced(one) if one.unit == one.other => "packed-in-itself",
            Self::Misplaced(_) => "packed-twice",
            Self::Dispensed(Dispensed::Stated { .. }) => "dispensed",
            Self::Dispensed(Dispensed::Recorded { .. }) => "dispensed-recorded",
            Self::Expired { .. } => "expired",
            Self::MissingStep { .. } => "missing-step",
            Self::ApprovalExpired { .. } => "approval-expired",
            Self::Misread { slip, .. } => slip.key,
            Self::NearMiss { .. } => "near-miss",
            Self::NotFollowed { .. } => "not-followed",
            Self::NotSerialised => "not-serialised",
            Self::FilterMissing => "filter-missing",
            Self::SnapshotDamaged => "snapshot-damaged",
            Self::ClockWrong(Clock::Ahead { .. }) => "clock-ahead",
            Self::ClockWrong(_) => "clock-behind",
            Self::SnapshotTooOld { .. } => "snapshot-too-old",
        }
    }

    /// The arguments of its text, by name.
    pub fn arguments(&self) -> Vec<(&'static str, Argument)> {
        let text = |text: &dyn ToString| Argument::Text(text.to_string());
        let party = |party: &Party| Argument::Party(party.clone());
        let member = |member: &Identity| Argument::Party(member.into());
        match self {
            Self::BrokenHistory(finding) => vec![
                ("finding", text(&finding.finding)),
                ("step", Argument::Step(finding.fault.step.clone())),
                ("party", party(finding.accountable())),
                ("fault", text(&finding.fault.reason)),
            ],
            Self::ConflictingCustody(conflict) => vec![
                ("party", party(&conflict.giver)),
                ("first", member(&conflict.first)),
                ("second", member(&conflict.second)),
                ("at", Argument::Time(conflict.at)),
            ],
            Self::LotSerialMismatch { lots } => {
                let lots: Vec<&str> = lots.iter().map(Subject::as_str).collect();
                vec![("lots", Argument::Text(lots.join(", ")))]
            }
            Self::ExpiryMismatch { label, stated, .. } => {
                vec![("label", Argument::Time(*label)), ("stated", Argument::Time(*stated))]
            }
            Self::Recalled(alert) | Self::Suspended(alert) => vec![
                ("subject", text(&alert.subject)),
                ("party", member(&alert.by)),
                ("at", Argument::Time(alert.at)),
                ("why", text(&alert.reason)),
            ],
            Self::Disputed(dispute) => vec![
                ("party", party(&dispute.holder)),
                ("by", member(&dispute.by)),
                ("at", Argument::Time(dispute.at)),
                ("why", text(&dispute.reason)),
            ],
            Self::ContentsDiffer(difference) => difference_arguments(difference),
            Self::Misplaced(one) => vec![
                ("what", text(&one.what)),
                ("unit", text(&one.unit)),
                ("other", text(&one.other)),
                ("party", party(&one.packer)),
                ("at", Argument::Time(one.at)),
            ],
            Self::Dispensed(Dispensed::Stated { by, at, .. }) => {
                vec![("party", member(by)), ("at", Argument::Time(*at))]
            }
            Self::Dispensed(Dispensed::Recorded { checkpoint, .. }) => {
                vec![("checkpoint", Argument::Number(*checkpoint))]
            }
            Self::Expired { at } | Self::ApprovalExpired { at } => vec![("at", Argument::Time(*at))],
            Self::MissingStep { step, party } => {
                vec![("step", Argument::Step(step.clone())), ("party", Argument::Party(party.clone()))]
            }
            Self::Misread { slip, readings } | Self::NearMiss { slip, readings } => vec![
                ("slip", Argument::Text(slip.key.to_owned())),
                ("mend", Argument::Text(slip.mend.to_owned())),
                ("readings", Argument::Number(readings.len() as u64)),
            ],
            Self::NotFollowed { subject } => vec![("subject", text(subject))],
            Self::ClockWrong(Clock::Behind { at, .. } | Clock::Ahead { at, .. }) => {
                vec![("at", Argument::Moment(*at))]
            }
            Self::SnapshotTooOld { age_millis } => vec![("days", Argument::Number(age_millis / 86_400_000))],
            Self::UnknownProduct
            | Self::UnknownLot
            | Self::UnknownSerial
            | Self::NotSerialised
            | Self::FilterMissing
            | Self::ClockWrong(Clock::Trusted)
            | Self::SnapshotDamaged => Vec::new(),
        }
    }

    /// The statements that it is based on.
    pub fn statements(&self) -> Vec<Hash> {
        match self {
            Self::BrokenHistory(finding) => vec![finding.fault.statement],
            Self::ConflictingCustody(conflict) => vec![conflict.statement, conflict.stands],
            Self::ExpiryMismatch { statement, .. } => vec![*statement],
            Self::Recalled(alert) | Self::Suspended(alert) => vec![alert.statement],
            Self::Disputed(dispute) => vec![dispute.statement],
            Self::ContentsDiffer(difference) => vec![difference.unpacking, difference.packing],
            Self::Misplaced(one) => vec![one.packing],
            Self::Dispensed(Dispensed::Stated { statement, .. } | Dispensed::Recorded { statement, .. }) => {
                vec![*statement]
            }
            _ => Vec::new(),
        }
    }

    /// Who is accountable for it, if somebody is.
    pub fn accountable(&self) -> Option<&Party> {
        match self {
            Self::BrokenHistory(finding) => Some(finding.accountable()),
            Self::ConflictingCustody(conflict) => Some(&conflict.giver),
            Self::Disputed(dispute) => Some(&dispute.holder),
            Self::ContentsDiffer(difference) => Some(&difference.opener),
            Self::Misplaced(one) => Some(&one.packer),
            Self::MissingStep { party, .. } => Some(party),
            _ => None,
        }
    }
}

fn difference_arguments(difference: &Difference) -> Vec<(&'static str, Argument)> {
    let text = |text: &dyn ToString| Argument::Text(text.to_string());
    let mut arguments = vec![
        ("unit", text(&difference.unit)),
        ("what", text(&difference.what)),
        ("packed", Argument::Number(difference.opened.packed)),
        ("unpacked", Argument::Number(difference.opened.unpacked)),
        ("party", Argument::Party(difference.opener.clone())),
        ("at", Argument::Time(difference.at)),
    ];
    arguments.extend(difference.missing.iter().map(|few| ("missing", text(few))));
    arguments.extend(difference.added.iter().map(|few| ("added", text(few))));
    arguments
}

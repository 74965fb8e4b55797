//! The guard in front of every act: what is signed is what was meant.
//!
//! A statement cannot be taken back, so a text that names its subject is held against the snapshot as a scan is. What the
//! guard holds back is signed when a person says the word for it ([`Consent`]); a misread never is: it is read again.
//!
//! In scope: acts on what is already traced. Out of scope: the first statement on a product, a lot or a unit, which cannot
//! be known before, and those whose predecessor the ledger asks for.

use countersign_custody::{Effect, Item, Profile, Reason, Slip, Step, SubjectType};
use countersign_ledger::{Kind, LogName, Subject, UnixMillis};
use countersign_scan::{Code, NotAProduct};

use crate::goods::{NoGoods, unit};
use crate::item::{item, item_named};
use crate::snapshot::Snapshot;

/// The words of a person that let an act pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// It is known that the act cannot be taken back.
    pub irrevocable: bool,
    /// It is known that nothing here shows the subject to exist.
    pub unknown: bool,
}

impl Consent {
    /// All of them: for a program that has no doubt.
    pub const ALL: Self = Self { irrevocable: true, unknown: true };
}

/// Why an act is held back. Nothing has been signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeldBack {
    /// The code was misread, or typed wrongly.
    #[error("the code was not read fully; {}{}", .slip.mend, known(.readings))]
    Misread {
        /// What seems to have happened, and what mends it.
        slip: Slip,
        /// The subjects that it would name then, as far as the ledger knows them.
        readings: Vec<Subject>,
    },
    /// The act is about another level than the code names.
    #[error("the code names {}, and `{kind}` is about {}: say which is meant", named(*.code), levels(.may))]
    OtherLevel {
        /// The kind of the act.
        kind: Kind,
        /// What the code names; `None` for the number of a product's bar code, which cannot name more.
        code: Option<SubjectType>,
        /// What the act can be about.
        may: Vec<SubjectType>,
    },
    /// The level that was asked for is not in the code, or not for this act.
    #[error("the code names no {}, or `{kind}` is not about one", level(*.asked))]
    NoSuchLevel {
        /// The kind of the act.
        kind: Kind,
        /// What was asked for.
        asked: SubjectType,
    },
    /// What is known here denies the subject, or the ledger has nothing on it.
    #[error("the ledger does not know {subject} ({why})")]
    Unknown {
        /// The subject.
        subject: Subject,
        /// The key of the reason.
        why: &'static str,
    },
    /// What is known here neither shows nor denies the subject.
    #[error("this wallet cannot tell whether {subject} exists ({why}): follow the product and sync")]
    CannotTell {
        /// The subject.
        subject: Subject,
        /// The key of the reason.
        why: &'static str,
    },
    /// The act cannot be taken back.
    #[error("`{kind}` on {subject} cannot be taken back")]
    Irrevocable {
        /// The kind of the act.
        kind: Kind,
        /// The subject.
        subject: Subject,
    },
}

/// What a text names, before it is decided what an act is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A logistic unit.
    Unit(Subject),
    /// A product, a lot or a pack.
    Item {
        /// What was read.
        item: Item,
        /// Whether it is the number of a product's bar code (EAN, UPC), which cannot name more.
        linear: bool,
    },
    /// A matter without goods: any URN.
    Matter(Subject),
}

impl Named {
    /// Reads a code, or a URN.
    pub fn read(code: &Code, current_year: u16) -> Result<Self, NoGoods> {
        if let Some(unit) = unit(code)? {
            return Ok(Self::Unit(unit));
        }
        match item(code, current_year) {
            Ok(item) => Ok(Self::Item { item, linear: code.is_linear() }),
            Err(NotAProduct::Other) => match Subject::new(code.text()) {
                Ok(matter) if SubjectType::of(&matter) == Some(SubjectType::Matter) => {
                    Ok(Self::Matter(matter))
                }
                _ => Err(NotAProduct::Other.into()),
            },
            Err(other) => Err(other.into()),
        }
    }

    /// Refuses what was not read fully.
    pub fn certain(&self) -> Result<(), HeldBack> {
        match self {
            Self::Item { item, .. } => match item.readings.first().filter(|_| item.is_unread()) {
                Some(reading) => Err(HeldBack::Misread { slip: reading.slip, readings: Vec::new() }),
                None => Ok(()),
            },
            Self::Unit(_) | Self::Matter(_) => Ok(()),
        }
    }

    /// The narrowest subject that it names.
    pub fn narrowest(&self) -> &Subject {
        match self {
            Self::Unit(subject) | Self::Matter(subject) => subject,
            Self::Item { item, .. } => item.pack.as_ref().or(item.lot.as_ref()).unwrap_or(&item.class),
        }
    }

    /// The subject of the code's own level, or of the one that is asked for.
    fn subject(&self, step: &Step, asked: Option<SubjectType>) -> Result<Subject, HeldBack> {
        let own = match self {
            Self::Item { linear: true, .. } => None,
            _ => SubjectType::of(self.narrowest()),
        };
        let kind = step.kind.clone();
        let Some(chosen) = asked.or(own).filter(|level| step.subject.contains(level)) else {
            return Err(match asked {
                Some(asked) => HeldBack::NoSuchLevel { kind, asked },
                None => HeldBack::OtherLevel { kind, code: own, may: step.subject.clone() },
            });
        };
        let subject = match (self, chosen) {
            (Self::Unit(unit), SubjectType::Unit) => Some(unit),
            (Self::Matter(matter), SubjectType::Matter) => Some(matter),
            (Self::Item { item, .. }, SubjectType::Class) => Some(&item.class),
            (Self::Item { item, .. }, SubjectType::Lot) => item.lot.as_ref(),
            (Self::Item { item, .. }, SubjectType::Pack) => item.pack.as_ref(),
            _ => None,
        };
        subject.cloned().ok_or(HeldBack::NoSuchLevel { kind, asked: chosen })
    }
}

impl Snapshot {
    /// The subject of an act: that of the code's own level, or of the one that is asked for. Holds the act back if what its
    /// text names was misread, or is denied by what is known here.
    pub fn guard(
        &mut self,
        step: &Step,
        named: &Named,
        asked: Option<SubjectType>,
        consent: Consent,
        now: UnixMillis,
    ) -> Result<Subject, HeldBack> {
        let reasons = self.reasons(named, now);
        misread(&reasons)?;
        let subject = named.subject(step, asked)?;
        if is_on_the_known(step) && !consent.unknown {
            denied(&reasons, &subject)?;
            undecided(&reasons, &subject)?;
        }
        Ok(subject)
    }

    /// The same for what an act links or packs: nothing of it was misread, or is denied by what is known here.
    pub fn guard_linked(&mut self, named: &Named, consent: Consent, now: UnixMillis) -> Result<(), HeldBack> {
        let reasons = self.reasons(named, now);
        misread(&reasons)?;
        if consent.unknown { Ok(()) } else { denied(&reasons, named.narrowest()) }
    }

    /// The same for a pack that a draft is about.
    pub(crate) fn guard_pack(&mut self, pack: &Subject, now: UnixMillis) -> Result<(), HeldBack> {
        let Some(item) = item_named(pack) else { return Ok(()) };
        let reasons = self.check(&item, now).reasons;
        denied(&reasons, pack)?;
        undecided(&reasons, pack)
    }

    fn reasons(&mut self, named: &Named, now: UnixMillis) -> Vec<Reason> {
        match named {
            Named::Item { item, .. } => self.check(item, now).reasons,
            Named::Unit(_) | Named::Matter(_) => Vec::new(),
        }
    }
}

fn misread(reasons: &[Reason]) -> Result<(), HeldBack> {
    let found = reasons.iter().find_map(|reason| match reason {
        Reason::Misread { slip, readings } => Some((*slip, readings)),
        _ => None,
    });
    found.map_or(Ok(()), |(slip, readings)| {
        Err(HeldBack::Misread {
            slip,
            readings: readings.iter().map(|item| narrowest(item).clone()).collect(),
        })
    })
}

fn denied(reasons: &[Reason], subject: &Subject) -> Result<(), HeldBack> {
    let denies = |reason: &&Reason| {
        matches!(
            reason,
            Reason::UnknownProduct
                | Reason::UnknownLot
                | Reason::UnknownSerial
                | Reason::LotSerialMismatch { .. }
                | Reason::ExpiryMismatch { .. }
        )
    };
    let why = reasons.iter().find(denies).map(Reason::key);
    why.map_or(Ok(()), |why| Err(HeldBack::Unknown { subject: subject.clone(), why }))
}

/// Whether a pack exists, only the lot's serials tell; of products and lots the ledger tells when it is asked.
fn undecided(reasons: &[Reason], subject: &Subject) -> Result<(), HeldBack> {
    let undecided = |reason: &&Reason| match reason {
        // What is on record about a pack that exists is another matter.
        Reason::NotFollowed { subject: lacking } => lacking != subject,
        Reason::FilterMissing | Reason::SnapshotDamaged | Reason::SnapshotTooOld { .. } => true,
        _ => false,
    };
    let is_pack = SubjectType::of(subject) == Some(SubjectType::Pack);
    let why = reasons.iter().find(undecided).filter(|_| is_pack).map(Reason::key);
    why.map_or(Ok(()), |why| Err(HeldBack::CannotTell { subject: subject.clone(), why }))
}

/// Whether an act of this step cannot be taken back, whatever is stated later.
pub fn is_irrevocable(profile: &Profile, step: &Step) -> bool {
    match step.effect {
        Effect::Recall => true,
        Effect::Dispense => profile.steps().iter().all(|other| other.effect != Effect::UndoDispense),
        _ => false,
    }
}

/// Whether the step is the first on its subject in its log, and the subject is known by other statements.
pub(crate) fn is_on_the_known(step: &Step) -> bool {
    step.may_follow(None) && (step.log != LogName::SUPPLY || step.effect == Effect::Dispense)
}

fn narrowest(item: &Item) -> &Subject {
    item.pack.as_ref().or(item.lot.as_ref()).unwrap_or(&item.class)
}

/// A level for a person.
pub fn level(level: SubjectType) -> &'static str {
    match level {
        SubjectType::Class => "product",
        SubjectType::Lot => "lot",
        SubjectType::Pack => "pack",
        SubjectType::Unit => "unit",
        SubjectType::Matter => "matter",
    }
}

fn named(code: Option<SubjectType>) -> String {
    code.map_or_else(
        || "a product by its bar code, which cannot name more".to_owned(),
        |code| format!("a {}", level(code)),
    )
}

fn levels(may: &[SubjectType]) -> String {
    let each: Vec<String> = may.iter().map(|one| format!("a {}", level(*one))).collect();
    each.join(" or ")
}

fn known(readings: &[Subject]) -> String {
    readings.iter().map(|subject| format!("; perhaps {subject}")).collect()
}

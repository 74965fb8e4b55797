//! The verdict on a pack: a total function of what was read, what is proven, and the time.

use countersign_ledger::{Hash, LogName, Subject, UnixMillis};

use crate::alert::AlertKind;
use crate::clock::{Clock, Now};
use crate::conflict::{Conflict, Dispute};
use crate::dossier::{Dossier, FilterState, LotFile, PackFile, PackRecord, State, digest};
use crate::facts::AsOf;
use crate::fault::Party;
use crate::item::{Item, Reading, Slip};
use crate::profile::Profile;
use crate::reason::{Dispensed, Reason};
use crate::timeline::TimelineEvent;
use crate::unit::{came_out_of, carriers, differences, misplaced};

/// Above this age a snapshot no longer says that a product is good. A recall must reach every phone within days, and a
/// phone in use has a network at least once a week.
pub const MAX_AGE_MILLIS: u64 = 7 * DAY_MILLIS;

/// Above this age a snapshot does not say that a lot or a serial is unknown: manufacturers' late uploads are a known
/// cause of false alarms, and they are late by hours.
pub const MAX_AGE_OF_ABSENCE_MILLIS: u64 = DAY_MILLIS;

const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// The verdict on a pack, with its reasons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The verdict.
    pub kind: VerdictKind,
    /// Why, the most important first; empty if everything is in order.
    pub reasons: Vec<Reason>,
    /// Who is accountable for the first reason that somebody is accountable for.
    pub accountable: Option<Party>,
    /// What happened to the pack, its lot and its class, in order of time.
    pub timeline: Vec<TimelineEvent>,
    /// The end of the day on which it expires: the earlier one of what the label says and what was stated.
    pub expires_at: Option<UnixMillis>,
    /// The statements that the verdict is based on, those of the reasons first.
    pub evidence: Vec<Hash>,
    /// Size of the supply log's checkpoint; `None` if the product is not followed.
    pub checkpoint: Option<u64>,
    /// The moment up to which everything is known: the older one of `logs`.
    pub as_of: Option<UnixMillis>,
    /// The logs, each with the checkpoint that it is known up to. A statement above may be younger than `as_of`.
    pub logs: Vec<(LogName, AsOf)>,
    /// How long ago `as_of` was, in milliseconds; `None` also if the clock cannot tell.
    pub age_millis: Option<u64>,
    /// Whether the phone's clock can be right. By a clock that is wrong nothing is called good.
    pub clock: Clock,
}

impl Verdict {
    /// The rules that it was made by, among `profiles`; `None` if it mentions no step.
    pub fn profile<'a>(&self, profiles: &'a [Profile]) -> Option<&'a Profile> {
        let missing = self.reasons.iter().filter_map(|reason| match reason {
            Reason::MissingStep { step, .. } => Some(step),
            _ => None,
        });
        let mut kinds = self.timeline.iter().map(|event| &event.kind).chain(missing);
        kinds.find_map(|kind| Profile::of_kind(profiles, kind))
    }
}

/// The verdict in a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VerdictKind {
    /// The pack is one of a lot whose whole history verifies.
    Authentic,
    /// The data on this phone is not enough for an answer.
    CannotTell,
    /// The code was misread.
    CheckScan,
    /// The product is known, but there is a reason against using it.
    Attention,
    /// A potential suspect: the product is not what its label says, or its history does not hold.
    Suspect,
}

/// The verdict on `item` at `now`, from what is proven of its product class.
pub fn verdict(item: &Item, dossier: Option<&Dossier>, now: impl Into<Now>) -> Verdict {
    let now = now.into();
    match dossier.filter(|dossier| dossier.class == item.class) {
        Some(dossier) => judge(item, dossier, now.after(dossier.known_until()), Ages::Limited),
        None => not_followed(item, now),
    }
}

/// The verdict that evidence proves: what the logs held as of its checkpoints, however long ago that is, and what has
/// expired since.
pub fn verdict_of_evidence(item: &Item, dossier: &Dossier, now: impl Into<Now>) -> Verdict {
    judge(item, dossier, now.into().after(dossier.known_until()), Ages::Told)
}

/// What the age of the knowledge means for the verdict.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ages {
    /// Above a limit nothing is called good, nor absent.
    Limited,
    /// It is told.
    Told,
}

fn judge(item: &Item, dossier: &Dossier, now: Now, ages: Ages) -> Verdict {
    let age_millis = now.age_of(dossier.as_of());
    let lot = item.lot.as_ref().and_then(|lot| dossier.lots.get(lot));
    let mut reasons = Vec::new();
    alerts(item, dossier, &mut reasons);
    class(dossier, now, &mut reasons);
    match (&item.lot, lot) {
        (_, Some(lot)) => in_lot(item, lot, dossier, &mut reasons),
        (Some(subject), None) if dossier.has_lot(subject) => {
            reasons.push(Reason::NotFollowed { subject: subject.clone() });
        }
        // A product that is not traced here accuses nobody.
        (Some(_), None) if dossier.members.is_empty() => reasons.push(Reason::UnknownProduct),
        (Some(_), None) => reasons.push(Reason::UnknownLot),
        (None, None) => reasons.push(Reason::NotSerialised),
    }
    mismatch(item, lot, dossier, &mut reasons);
    expiry(item, lot, now, &mut reasons);
    misread(item, Some(dossier), &mut reasons);
    let timeline = timeline(item, lot, dossier);
    let limited = match ages {
        Ages::Limited => age_millis,
        Ages::Told => Some(0),
    };
    let mut verdict = rank(reasons, limited, now.clock());
    verdict.evidence.extend(timeline.iter().map(|event| event.statement));
    let mut seen = std::collections::BTreeSet::new();
    verdict.evidence.retain(|statement| seen.insert(*statement));
    Verdict {
        expires_at: expires_at(item, lot),
        timeline,
        checkpoint: Some(dossier.supply.size),
        as_of: Some(dossier.as_of()),
        logs: vec![(LogName::SUPPLY, dossier.supply), (LogName::TRUST, dossier.trust)],
        age_millis,
        ..verdict
    }
}

fn not_followed(item: &Item, now: Now) -> Verdict {
    let mut reasons = vec![Reason::NotFollowed { subject: item.class.clone() }];
    expiry(item, None, now, &mut reasons);
    misread(item, None, &mut reasons);
    Verdict { expires_at: item.expires_at, ..rank(reasons, Some(0), now.clock()) }
}

/// What the class itself says.
fn class(dossier: &Dossier, now: Now, reasons: &mut Vec<Reason>) {
    if dossier.state == State::Damaged {
        reasons.push(Reason::SnapshotDamaged);
    }
    if let Some(at) = dossier.certified_until {
        reasons.extend(past(at, now, Reason::ApprovalExpired { at }));
    }
}

fn alerts(item: &Item, dossier: &Dossier, reasons: &mut Vec<Reason>) {
    let standing = subjects(item).filter_map(|subject| dossier.alerts.get(subject)).flatten();
    reasons.extend(standing.map(|alert| match alert.kind {
        AlertKind::Recall => Reason::Recalled(Box::new(alert.clone())),
        AlertKind::Suspension => Reason::Suspended(Box::new(alert.clone())),
    }));
}

/// What the lot says, and the pack in it.
fn in_lot(item: &Item, lot: &LotFile, dossier: &Dossier, reasons: &mut Vec<Reason>) {
    if lot.state == State::Damaged || dossier.state == State::Damaged {
        // Nothing follows from a history that does not match the index, least of all who is accountable.
        reasons.push(Reason::SnapshotDamaged);
        return;
    }
    if let Some(finding) = &lot.finding {
        reasons.push(Reason::BrokenHistory(Box::new(finding.clone())));
    }
    if let Some(gap) = &lot.gap {
        reasons.push(Reason::MissingStep { step: gap.step.clone(), party: gap.party.clone() });
    }
    if let (Some(commission), Some(label)) = (lot.commission, item.expires_at)
        && let Some(stated) = commission.expiry
        && day(label) != day(stated)
    {
        let statement = commission.statement;
        reasons.push(Reason::ExpiryMismatch { label, stated, statement });
    }
    let (Some(serial), Some(pack)) = (&item.serial, &item.pack) else {
        reasons.push(Reason::NotSerialised);
        return;
    };
    match &lot.filter {
        _ if lot.commission.is_none() => reasons.push(Reason::UnknownSerial),
        FilterState::Ready(filter) if !filter.contains(serial) => reasons.push(Reason::UnknownSerial),
        FilterState::Ready(_) => {}
        FilterState::Missing => reasons.push(Reason::FilterMissing),
        FilterState::Damaged => reasons.push(Reason::SnapshotDamaged),
    }
    on_pack(pack, lot, dossier, reasons);
    for unit in carriers(pack, &dossier.units) {
        let finding = unit.finding.iter().cloned();
        reasons.extend(finding.map(|finding| Reason::BrokenHistory(Box::new(finding))));
        contested(&unit.conflicts, unit.dispute.as_ref(), reasons);
    }
    let differences = differences(pack, &dossier.units).into_iter();
    reasons.extend(differences.map(Box::new).map(Reason::ContentsDiffer));
    reasons.extend(misplaced(pack, &dossier.units).into_iter().map(Box::new).map(Reason::Misplaced));
}

fn on_pack(pack: &Subject, lot: &LotFile, dossier: &Dossier, reasons: &mut Vec<Reason>) {
    if let Some(file) = lot.followed.get(pack) {
        followed(file, reasons);
    } else if let Some(entry) = lot.packs.get(&digest(pack)) {
        reasons.push(match dossier.pack_record {
            // That it was taken back, only the pack's own history shows: a void statement is counted, too.
            PackRecord::Dispensed if entry.count % 2 == 1 => Reason::Dispensed(Dispensed::Recorded {
                checkpoint: dossier.supply.size,
                statement: entry.latest,
            }),
            _ => Reason::NotFollowed { subject: pack.clone() },
        });
    }
}

fn followed(pack: &PackFile, reasons: &mut Vec<Reason>) {
    if pack.state == State::Damaged {
        reasons.push(Reason::SnapshotDamaged);
        return;
    }
    if let Some(finding) = &pack.finding {
        reasons.push(Reason::BrokenHistory(Box::new(finding.clone())));
    }
    contested(&pack.conflicts, pack.dispute.as_ref(), reasons);
    if let Some(event) = &pack.dispensed
        && let Some(by) = event.party.identity.clone()
    {
        reasons.push(Reason::Dispensed(Dispensed::Stated { by, at: event.at, statement: event.statement }));
    }
}

fn contested(conflicts: &[Conflict], dispute: Option<&Dispute>, reasons: &mut Vec<Reason>) {
    reasons.extend(conflicts.iter().cloned().map(Box::new).map(Reason::ConflictingCustody));
    reasons.extend(dispute.cloned().map(Box::new).map(Reason::Disputed));
}

/// A serial that is not of the lot on the label may be another lot's.
fn mismatch(item: &Item, lot: Option<&LotFile>, dossier: &Dossier, reasons: &mut Vec<Reason>) {
    let unknown = reasons.iter().any(|reason| matches!(reason, Reason::UnknownLot | Reason::UnknownSerial));
    let Some(serial) = item.serial.as_ref().filter(|_| unknown) else { return };
    let others = dossier.lots.iter().filter(|(_, other)| lot.is_none_or(|lot| !std::ptr::eq(lot, *other)));
    let holds =
        |file: &LotFile| matches!(&file.filter, FilterState::Ready(filter) if filter.contains(serial));
    let lots: Vec<Subject> =
        others.filter(|(_, file)| holds(file)).map(|(subject, _)| subject.clone()).collect();
    if !lots.is_empty() {
        reasons.push(Reason::LotSerialMismatch { lots });
    }
}

fn expiry(item: &Item, lot: Option<&LotFile>, now: Now, reasons: &mut Vec<Reason>) {
    if let Some(at) = expires_at(item, lot) {
        reasons.extend(past(at, now, Reason::Expired { at }));
    }
}

fn expires_at(item: &Item, lot: Option<&LotFile>) -> Option<UnixMillis> {
    let stated = lot.and_then(|lot| lot.commission).and_then(|commission| commission.expiry);
    [item.expires_at, stated].into_iter().flatten().min()
}

/// `reason` if the moment has passed. Where that hangs on a clock that is wrong, the clock is the reason.
fn past(moment: UnixMillis, now: Now, reason: Reason) -> Option<Reason> {
    match now.is_past(moment) {
        Some(passed) => passed.then_some(reason),
        None => Some(Reason::ClockWrong(now.clock())),
    }
}

/// An unknown pack whose code may have been misread is no suspect if the ledger knows another reading. A code that violates
/// the rules as read is scanned again, whatever the ledger knows. A slip that cannot have happened is named and excuses
/// nothing.
fn misread(item: &Item, dossier: Option<&Dossier>, reasons: &mut Vec<Reason>) {
    if !reasons.iter().any(of_the_reading) && !item.is_unread() {
        return;
    }
    let known = |reading: &&Reading| {
        dossier.is_some_and(|dossier| {
            is_known(&reading.item, dossier) || is_known_lot(item, &reading.item, dossier)
        })
    };
    let of = |slip: Slip, excuses: bool| {
        let same = move |reading: &&Reading| (reading.slip, reading.excuses) == (slip, excuses);
        item.readings.iter().filter(known).filter(same).map(|reading| reading.item.clone()).collect()
    };
    let first = |excuses: bool| move |reading: &&Reading| reading.excuses == excuses;
    let excuse = item.readings.iter().filter(known).find(first(true));
    let likely = item.readings.iter().find(first(true)).filter(|_| item.is_unread());
    if let Some(Reading { slip, .. }) = excuse.or(likely) {
        reasons.retain(|reason| !of_the_reading(reason));
        reasons.push(Reason::Misread { slip: *slip, readings: of(*slip, true) });
    } else if let Some(Reading { slip, .. }) = item.readings.iter().filter(known).find(first(false)) {
        reasons.push(Reason::NearMiss { slip: *slip, readings: of(*slip, false) });
    }
}

/// Whether a reason depends on how the code was read.
fn of_the_reading(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::UnknownLot | Reason::UnknownSerial | Reason::NotSerialised | Reason::LotSerialMismatch { .. }
    )
}

/// Whether the ledger knows the reading as a lot, and no more was read.
fn is_known_lot(item: &Item, reading: &Item, dossier: &Dossier) -> bool {
    let names_more = item.serial.is_some() || reading.serial.is_some();
    !names_more
        && reading.class == dossier.class
        && reading.lot.as_ref().is_some_and(|lot| dossier.has_lot(lot))
}

/// Whether the ledger knows the item as a pack, as far as this phone can see.
fn is_known(item: &Item, dossier: &Dossier) -> bool {
    let (Some(subject), Some(serial)) = (&item.lot, &item.serial) else { return false };
    let Some(lot) = dossier.lots.get(subject) else {
        return item.class == dossier.class && dossier.has_lot(subject);
    };
    let expiry = lot.commission.and_then(|commission| commission.expiry).map(day);
    let same_expiry = item.expires_at.is_none_or(|label| expiry.is_none_or(|stated| day(label) == stated));
    let serial = match &lot.filter {
        FilterState::Ready(filter) => filter.contains(serial),
        FilterState::Missing => lot.commission.is_some(),
        FilterState::Damaged => false,
    };
    item.class == dossier.class && same_expiry && serial
}

fn timeline(item: &Item, lot: Option<&LotFile>, dossier: &Dossier) -> Vec<TimelineEvent> {
    let pack = lot.and_then(|lot| lot.followed.get(item.pack.as_ref()?));
    let alerts = subjects(item).filter_map(|subject| dossier.alert_events.get(subject)).flatten();
    let lot = lot.iter().flat_map(|lot| &lot.events);
    let units = item.pack.iter().flat_map(|pack| carriers(pack, &dossier.units));
    // For a unit that the pack had not gone into, the opening is shown.
    let came = item.pack.iter().flat_map(|pack| came_out_of(pack, &dossier.units));
    let units = units.flat_map(|unit| &unit.events).chain(came.filter_map(|unit| unit.events.last()));
    let mut timeline: Vec<TimelineEvent> =
        lot.chain(alerts).chain(units).chain(pack.iter().flat_map(|pack| &pack.events)).cloned().collect();
    timeline.sort_by_key(|event| event.at);
    timeline
}

fn subjects(item: &Item) -> impl Iterator<Item = &Subject> {
    [Some(&item.class), item.lot.as_ref(), item.pack.as_ref()].into_iter().flatten()
}

/// Puts the reasons in order and takes the verdict from the first. An age that the clock cannot tell may be any.
fn rank(mut reasons: Vec<Reason>, age_millis: Option<u64>, clock: Clock) -> Verdict {
    let weight = |reason: &Reason| weight(reason, age_millis);
    let absent = |reason: &Reason| matches!(reason, Reason::UnknownLot | Reason::UnknownSerial);
    let nothing_proven = reasons.iter().all(|reason| weight(reason).0 == VerdictKind::CannotTell);
    match age_millis {
        None => reasons.push(Reason::ClockWrong(clock)),
        Some(age_millis) => {
            let leans_on_absence = age_millis > MAX_AGE_OF_ABSENCE_MILLIS && reasons.iter().any(absent);
            if nothing_proven && (age_millis > MAX_AGE_MILLIS || leans_on_absence) {
                reasons.push(match clock {
                    // By a clock that is known to be ahead everything is old: what helps is to set it, and no update.
                    Clock::Ahead { .. } => Reason::ClockWrong(clock),
                    Clock::Trusted | Clock::Behind { .. } => Reason::SnapshotTooOld { age_millis },
                });
            }
        }
    }
    reasons.sort_by_key(|reason| {
        let (kind, place) = weight(reason);
        (std::cmp::Reverse(kind), place)
    });
    reasons.dedup();
    Verdict {
        kind: reasons.first().map_or(VerdictKind::Authentic, |reason| weight(reason).0),
        accountable: reasons.iter().find_map(Reason::accountable).cloned(),
        expires_at: None,
        evidence: reasons.iter().flat_map(Reason::statements).collect(),
        reasons,
        timeline: Vec::new(),
        checkpoint: None,
        as_of: None,
        logs: Vec::new(),
        age_millis: None,
        clock,
    }
}

/// The verdict that a reason leads to on a snapshot of that age, and its rank among the reasons with the same verdict.
///
/// A conflict makes every item with the number a potential suspect: both handovers are signed by the same giver, so it
/// is proven that one of two items is a copy. A dispute proves nothing against the goods: a dented box is reason enough
/// to refuse them. They need attention until they move on.
fn weight(reason: &Reason, age_millis: Option<u64>) -> (VerdictKind, u8) {
    use VerdictKind::{Attention, CannotTell, CheckScan, Suspect};
    let old = age_millis.is_none_or(|age| age > MAX_AGE_OF_ABSENCE_MILLIS);
    let of_absence = if old { CannotTell } else { Suspect };
    match reason {
        Reason::BrokenHistory(_) => (Suspect, 0),
        Reason::ConflictingCustody(_) => (Suspect, 1),
        Reason::LotSerialMismatch { .. } => (Suspect, 2),
        Reason::ExpiryMismatch { .. } => (Suspect, 3),
        Reason::UnknownLot => (of_absence, 4),
        Reason::UnknownSerial => (of_absence, 5),
        Reason::Recalled(_) => (Attention, 0),
        Reason::Suspended(_) => (Attention, 1),
        Reason::Disputed(_) => (Attention, 2),
        Reason::ContentsDiffer(_) => (Attention, 3),
        Reason::Misplaced(_) => (Attention, 4),
        Reason::Dispensed(_) => (Attention, 5),
        Reason::Expired { .. } => (Attention, 6),
        Reason::MissingStep { .. } => (Attention, 7),
        Reason::ApprovalExpired { .. } => (Attention, 8),
        Reason::Misread { .. } => (CheckScan, 0),
        Reason::SnapshotDamaged => (CannotTell, 0),
        Reason::ClockWrong(_) => (CannotTell, 1),
        Reason::SnapshotTooOld { .. } => (CannotTell, 2),
        Reason::NotFollowed { .. } => (CannotTell, 3),
        Reason::UnknownProduct => (CannotTell, 4),
        Reason::NotSerialised => (CannotTell, 5),
        Reason::FilterMissing => (CannotTell, 6),
        // Beside what it does not excuse.
        Reason::NearMiss { .. } => (CannotTell, 7),
    }
}

/// The day that ends with the moment.
const fn day(end: UnixMillis) -> u64 {
    end.0.saturating_sub(1) / DAY_MILLIS
}

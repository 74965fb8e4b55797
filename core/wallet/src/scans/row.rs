//! One pack that was scanned, as it is sealed.
//!
//! ```cddl
//! scan = [class: tstr, lot: tstr / nil, pack: tstr / nil, serial: tstr / nil, label: uint / nil, expires: uint / nil,
//!         verdict: uint, reason: tstr / nil, checkpoint: uint / nil, first: uint, last: uint, times: uint,
//!         told: [* bstr .size 32]]
//! ```

use countersign_custody::{Item, Reason, Verdict, VerdictKind};
use countersign_ledger::cbor::{self, Written, optional};
use countersign_ledger::{Hash, Subject, UnixMillis};
use minicbor::{Decoder, Encoder};

use super::SAME_SCAN_MILLIS;

/// Most things of which a pack's row says that they were told.
const MAX_TOLD: usize = 32;

/// A pack that was scanned, or a lot or product if no more was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// What was read, without other readings.
    pub item: Item,
    /// When it expires, as the verdict had it.
    pub expires_at: Option<UnixMillis>,
    /// The verdict at the last scan.
    pub verdict: VerdictKind,
    /// The key of its first reason.
    pub reason: Option<String>,
    /// The size of the product log's checkpoint that it was as of.
    pub checkpoint: Option<u64>,
    /// The first scan that is remembered.
    pub first: UnixMillis,
    /// The last one.
    pub last: UnixMillis,
    /// How often it was scanned.
    pub times: u32,
    /// Whether the owner keeps the pack.
    pub kept: bool,
    /// What a person was told of it.
    told: Vec<Hash>,
}

impl Scan {
    /// A scan with its verdict, after what was remembered `before`. What the verdict shows is told by it.
    pub(super) fn new(
        item: &Item,
        verdict: &Verdict,
        kept: bool,
        now: UnixMillis,
        before: Option<Self>,
    ) -> Self {
        let (first, times, mut told) = match before {
            Some(one) => {
                let again = u32::from(now.since(one.last) > SAME_SCAN_MILLIS);
                (one.first.min(now), one.times.saturating_add(again), one.told)
            }
            None => (now, 1, Vec::new()),
        };
        verdict.reasons.iter().filter_map(about).for_each(|about| add(&mut told, about));
        Self {
            item: item.clone(),
            expires_at: verdict.expires_at,
            verdict: verdict.kind,
            reason: verdict.reasons.first().map(|reason| reason.key().to_owned()),
            checkpoint: verdict.checkpoint,
            first,
            last: now,
            times,
            kept,
            told,
        }
    }

    /// The narrowest subject that was read.
    pub fn link(&self) -> &Subject {
        link(&self.item)
    }

    pub(super) fn was_told(&self, about: Hash) -> bool {
        self.told.contains(&about)
    }

    pub(super) fn with_told(mut self, about: Hash) -> Self {
        add(&mut self.told, about);
        self
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let subject = |subject: &Option<Subject>| subject.as_ref().map(|one| one.as_str().to_owned());
        let item = &self.item;
        cbor::encode(|e| {
            e.array(13)?.str(item.class.as_str())?;
            text(e, subject(&item.lot).as_deref())?;
            text(e, subject(&item.pack).as_deref())?;
            text(e, item.serial.as_deref())?;
            number(e, item.expires_at.map(|at| at.0))?;
            number(e, self.expires_at.map(|at| at.0))?;
            e.u8(kind_number(self.verdict))?;
            text(e, self.reason.as_deref())?;
            number(e, self.checkpoint)?;
            e.u64(self.first.0)?.u64(self.last.0)?.u32(self.times)?.array(self.told.len() as u64)?;
            self.told.iter().try_for_each(|told| e.bytes(told.as_bytes())?.ok())
        })
    }

    pub(super) fn from_bytes(bytes: &[u8], kept: bool) -> Option<Self> {
        let d = &mut Decoder::new(bytes);
        (d.array().ok()?? == 13).then_some(())?;
        let subject = |d: &mut Decoder<'_>| Subject::new(d.str().ok()?).ok();
        let moment = |d: &mut Decoder<'_>| Some(UnixMillis(d.u64().ok()?));
        let words = |d: &mut Decoder<'_>| Some(d.str().ok()?.to_owned());
        let item = Item {
            class: subject(d)?,
            lot: optional(d, subject)?,
            pack: optional(d, subject)?,
            serial: optional(d, words)?,
            expires_at: optional(d, moment)?,
            readings: Vec::new(),
        };
        let scan = Self {
            item,
            expires_at: optional(d, moment)?,
            verdict: kind_of(d.u8().ok()?)?,
            reason: optional(d, words)?,
            checkpoint: optional(d, |d| d.u64().ok())?,
            first: moment(d)?,
            last: moment(d)?,
            times: d.u32().ok()?,
            kept,
            told: {
                let told = d.array().ok()?.filter(|&told| told <= MAX_TOLD as u64)?;
                (0..told).map(|_| Hash::from_slice(d.bytes().ok()?)).collect::<Option<_>>()?
            },
        };
        (d.position() == bytes.len()).then_some(scan)
    }
}

/// What a reason is about that is told, so that it is told once; `None` if it is not told of later.
pub(super) fn about(reason: &Reason) -> Option<Hash> {
    let key = reason.key().as_bytes();
    match reason {
        Reason::Recalled(_)
        | Reason::Suspended(_)
        | Reason::BrokenHistory(_)
        | Reason::ConflictingCustody(_) => {
            let statements: Vec<u8> = reason.statements().iter().flat_map(|one| one.0).collect();
            Some(Hash::framed("countersign/notice/v1", &[key, &statements]))
        }
        Reason::Expired { at } => Some(Hash::framed("countersign/notice/v1", &[key, &at.0.to_be_bytes()])),
        _ => None,
    }
}

/// The narrowest subject that an item names.
pub(super) fn link(item: &Item) -> &Subject {
    item.pack.as_ref().or(item.lot.as_ref()).unwrap_or(&item.class)
}

fn add(told: &mut Vec<Hash>, about: Hash) {
    if !told.contains(&about) {
        told.push(about);
        let most = told.len().saturating_sub(MAX_TOLD);
        told.drain(..most);
    }
}

type E<'a> = Encoder<&'a mut Vec<u8>>;

fn text(e: &mut E<'_>, value: Option<&str>) -> Written {
    match value {
        Some(value) => e.str(value)?.ok(),
        None => e.null()?.ok(),
    }
}

fn number(e: &mut E<'_>, value: Option<u64>) -> Written {
    match value {
        Some(value) => e.u64(value)?.ok(),
        None => e.null()?.ok(),
    }
}

/// In the order of their numbers.
const KINDS: [VerdictKind; 5] = [
    VerdictKind::Authentic,
    VerdictKind::CannotTell,
    VerdictKind::CheckScan,
    VerdictKind::Attention,
    VerdictKind::Suspect,
];

const fn kind_number(kind: VerdictKind) -> u8 {
    match kind {
        VerdictKind::Authentic => 0,
        VerdictKind::CannotTell => 1,
        VerdictKind::CheckScan => 2,
        VerdictKind::Attention => 3,
        VerdictKind::Suspect => 4,
    }
}

fn kind_of(number: u8) -> Option<VerdictKind> {
    KINDS.get(usize::from(number)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scan_reads_back_as_it_was_written_and_no_part_of_one_does() {
        let subject = |text: &str| Some(Subject::new(text).unwrap());
        let class = "https://id.gs1.org/01/09506000134352";
        let whole = Scan {
            item: Item {
                class: Subject::new(class).unwrap(),
                lot: subject(&format!("{class}/10/L1")),
                pack: subject(&format!("{class}/10/L1/21/S%2B1")),
                serial: Some("S+1".to_owned()),
                expires_at: Some(UnixMillis(7)),
                readings: Vec::new(),
            },
            expires_at: Some(UnixMillis(6)),
            verdict: VerdictKind::Attention,
            reason: Some("recalled".to_owned()),
            checkpoint: Some(9),
            first: UnixMillis(1),
            last: UnixMillis(2),
            times: 3,
            kept: true,
            told: vec![Hash([1; 32]), Hash([2; 32])],
        };
        let item = Item { lot: None, pack: None, serial: None, expires_at: None, ..whole.item.clone() };
        let bare =
            Scan { item, expires_at: None, reason: None, checkpoint: None, told: vec![], ..whole.clone() };
        for scan in [whole, bare] {
            for verdict in KINDS {
                let scan = Scan { verdict, ..scan.clone() };
                let bytes = scan.to_bytes();
                assert_eq!(Scan::from_bytes(&bytes, true), Some(scan));
                (0..bytes.len()).for_each(|end| assert_eq!(Scan::from_bytes(&bytes[..end], true), None));
            }
        }
    }

    #[test]
    fn what_was_told_is_bounded_and_the_oldest_goes_first() {
        let mut told = Vec::new();
        (0..40).for_each(|number| add(&mut told, Hash([number; 32])));
        add(&mut told, Hash([39; 32]));
        assert_eq!((told.len(), told[0], told[31]), (MAX_TOLD, Hash([8; 32]), Hash([39; 32])));
    }
}

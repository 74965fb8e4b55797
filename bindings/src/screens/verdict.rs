//! The screen of a verdict.

use crate::answer::{Answer, Event, Product, Text, Value, VerdictKind};
use crate::clock::Clock;
use crate::screens::{Action, goods_text, is_pack, party, plain, step_key, with};

/// The screen of a verdict, from the top down.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct VerdictScreen {
    /// The verdict, for its icon and colour.
    pub verdict: VerdictKind,
    /// The verdict in a word.
    pub title: Text,
    /// The first reason, or that everything is in order.
    pub reason: Text,
    /// What the person does next.
    pub next: Text,
    /// The button for it; absent if it is done without this phone.
    pub action: Option<Action>,
    /// What the code names.
    pub product: Text,
    /// Who is accountable.
    pub accountable: Option<Text>,
    /// When the pack expires.
    pub expires: Option<Text>,
    /// How old the answer's data is; absent if there is none.
    pub age: Option<Text>,
    /// The moment up to which it is complete.
    pub as_of: Option<Text>,
    /// The other reasons.
    pub others: Vec<Text>,
    /// Other readings of the code that the ledger knows, to tap.
    pub readings: Vec<OtherReading>,
    /// The way of the pack, in order of time.
    pub way: Vec<Way>,
    /// What the answer rests on: each log up to which moment.
    pub rests: Vec<Text>,
    /// The pack's link, if it can be kept.
    pub keep: Option<String>,
}

/// Another reading of a code.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OtherReading {
    /// What it names.
    pub product: Text,
    /// Its link, to be checked when it is tapped.
    pub link: String,
}

/// A stop on the way of a pack.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Way {
    /// What happened.
    pub title: Text,
    /// Who, or between whom.
    pub who: Text,
    /// When it was signed.
    pub at_millis: u64,
    /// Its mark.
    pub mark: WayMark,
    /// What is to be known besides.
    pub notes: Vec<Text>,
}

/// The mark of a stop: a form and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum WayMark {
    /// It fits its place.
    InOrder,
    /// It does not.
    Misfit,
    /// It does not count: struck out.
    Void,
}

/// A pack in the medicine list.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Kept {
    /// The pack's link.
    pub link: String,
    /// What it is called.
    pub product: Text,
    /// The verdict as of now; absent until its data is here.
    pub verdict: Option<VerdictKind>,
    /// The line below: the first reason, or that all is in order, or that its data is still to come.
    pub line: Text,
    /// When it expires.
    pub expires: Option<Text>,
}

/// The screen of an answer.
#[uniffi::export]
pub fn verdict_screen(answer: &Answer) -> VerdictScreen {
    let mut reasons = answer.reasons.iter().map(reason);
    let (next, action) = next(answer);
    VerdictScreen {
        verdict: answer.verdict,
        title: plain(title(answer.verdict)),
        reason: reasons.next().unwrap_or_else(|| plain("verdict.all-in-order")),
        next: plain(next),
        action,
        product: goods_text(&answer.product.link),
        accountable: answer
            .accountable
            .as_deref()
            .map(|who| with("answer.accountable", [("party", party(who))])),
        expires: answer.expires_millis.map(expires),
        age: answer.as_of_millis.map(|_| age_text(answer.age_millis, answer.clock)),
        as_of: answer.as_of_millis.map(|at| with("answer.as-of", [("at", Value::Moment(at))])),
        others: reasons.collect(),
        readings: answer.readings.iter().map(OtherReading::from).collect(),
        way: answer.history.iter().map(Way::from).collect(),
        rests: answer.logs.iter().map(known).collect(),
        keep: is_pack(&answer.product.link).then(|| answer.product.link.clone()),
    }
}

/// How old the data is, in the largest unit that has two of it.
fn age_text(age_millis: Option<u64>, clock: Clock) -> Text {
    const MINUTE: u64 = 60_000;
    let Some(age) = age_millis.filter(|_| clock == Clock::Trusted) else { return plain("age.unknown") };
    let count = |key, unit| with(key, [("count", Value::Number(age / unit))]);
    match age / MINUTE {
        0 => plain("age.now"),
        1..120 => count("age.minutes", MINUTE),
        120..2880 => count("age.hours", 60 * MINUTE),
        _ => count("age.days", 24 * 60 * MINUTE),
    }
}

impl Kept {
    pub(crate) fn new(answer: &Answer, ready: bool) -> Self {
        let screen = verdict_screen(answer);
        Self {
            link: answer.product.link.clone(),
            product: screen.product,
            verdict: ready.then_some(screen.verdict),
            line: if ready { screen.reason } else { plain("medicines.fetching") },
            expires: screen.expires,
        }
    }
}

impl From<&Product> for OtherReading {
    fn from(product: &Product) -> Self {
        Self { product: goods_text(&product.link), link: product.link.clone() }
    }
}

impl From<&Event> for Way {
    fn from(event: &Event) -> Self {
        let who = match &event.receiver {
            Some(receiver) => {
                with("way.between", [("party", party(&event.party)), ("receiver", party(receiver))])
            }
            None => with("way.alone", [("party", party(&event.party))]),
        };
        let unit = event.unit.map(|unit| {
            let (packs, scanned) = (Value::Number(unit.packs), Value::Number(unit.scanned));
            with("way.unit", [("packs", packs), ("scanned", scanned)])
        });
        let mark = match event {
            Event { is_void: true, .. } => WayMark::Void,
            Event { in_order: true, .. } => WayMark::InOrder,
            _ => WayMark::Misfit,
        };
        let marked = match mark {
            WayMark::Void => Some(plain("way.void")),
            WayMark::Misfit => Some(plain("way.misfit")),
            WayMark::InOrder => None,
        };
        let late = event.late_millis.map(|at| with("way.late", [("at", Value::Time(at))]));
        Self {
            title: plain(&step_key(&event.kind)),
            who,
            at_millis: event.at_millis,
            mark,
            notes: [marked, unit, late].into_iter().flatten().collect(),
        }
    }
}

pub(super) const fn title(verdict: VerdictKind) -> &'static str {
    match verdict {
        VerdictKind::Authentic => "verdict.authentic",
        VerdictKind::Attention => "verdict.attention",
        VerdictKind::Suspect => "verdict.suspect",
        VerdictKind::CheckScan => "verdict.check-scan",
        VerdictKind::CannotTell => "verdict.cannot-tell",
    }
}

pub(super) fn reason(reason: &Text) -> Text {
    Text { key: format!("reason.{}", reason.key), arguments: reason.arguments.clone() }
}

pub(super) fn expires(at: u64) -> Text {
    with("answer.expires", [("at", Value::Time(at))])
}

fn known(log: &crate::KnownLog) -> Text {
    let (name, checkpoint) = (Value::Text(log.log.clone()), Value::Number(log.checkpoint));
    with("rests.log", [("log", name), ("checkpoint", checkpoint), ("at", Value::Moment(log.as_of_millis))])
}

/// The next step: a suspicion goes to a pharmacist whatever else there is.
fn next(answer: &Answer) -> (&'static str, Option<Action>) {
    let first = answer.reasons.first().map_or("", |reason| reason.key.as_str());
    match (answer.verdict, first) {
        (VerdictKind::Suspect, _) => ("next.ask-pharmacist", None),
        (VerdictKind::Authentic, _) => ("next.use", None),
        (VerdictKind::CheckScan, _) => ("next.scan-again", Some(Action::Scan)),
        (_, "recalled" | "expired") => ("next.return", None),
        (_, "dispensed" | "dispensed-recorded") => ("next.expected-or-ask", None),
        (_, "not-followed") => ("next.fetch", Some(Action::Follow { link: answer.product.link.clone() })),
        (_, "filter-missing" | "snapshot-damaged" | "snapshot-too-old") => ("next.sync", Some(Action::Sync)),
        (_, "clock-behind" | "clock-ahead") => ("next.set-clock", Some(Action::SetClock)),
        (_, "not-serialised") => ("next.scan-square", Some(Action::Scan)),
        (VerdictKind::CannotTell, "unknown-product") => ("next.ask-elsewhere", None),
        _ => ("next.ask-before-use", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(verdict: VerdictKind, reason: &str) -> Answer {
        let class = "https://id.gs1.org/01/09506000134352".to_owned();
        Answer {
            verdict,
            reasons: vec![plain(reason)],
            product: Product { link: class.clone(), class, serial: None, expires_millis: None },
            expires_millis: None,
            readings: Vec::new(),
            accountable: None,
            history: Vec::new(),
            checkpoint: None,
            as_of_millis: None,
            logs: Vec::new(),
            age_millis: None,
            clock: Clock::Trusted,
        }
    }

    #[test]
    fn each_verdict_leads_to_the_step_that_helps() {
        for (verdict, reason, key) in [
            (VerdictKind::Suspect, "unknown-serial", "next.ask-pharmacist"),
            // Even where the first reason would lead elsewhere.
            (VerdictKind::Suspect, "expired", "next.ask-pharmacist"),
            (VerdictKind::Attention, "recalled", "next.return"),
            (VerdictKind::Attention, "suspended", "next.ask-before-use"),
            (VerdictKind::Attention, "dispensed", "next.expected-or-ask"),
            (VerdictKind::CheckScan, "case-swapped", "next.scan-again"),
            (VerdictKind::CannotTell, "snapshot-too-old", "next.sync"),
            (VerdictKind::CannotTell, "clock-ahead", "next.set-clock"),
        ] {
            let screen = verdict_screen(&answer(verdict, reason));
            assert_eq!((screen.next.key.as_str(), screen.verdict), (key, verdict), "{reason}");
            assert_eq!(screen.reason.key, format!("reason.{reason}"));
        }
        let unknown = verdict_screen(&answer(VerdictKind::CannotTell, "not-followed"));
        assert!(matches!(unknown.action, Some(Action::Follow { link }) if link.ends_with("/09506000134352")));
    }

    #[test]
    fn an_age_is_told_in_one_unit_and_never_by_a_wrong_clock() {
        let told = |minutes: u64| {
            let text = age_text(Some(minutes * 60_000 + 1), Clock::Trusted);
            (text.key, text.arguments.into_iter().map(|argument| argument.value).next())
        };
        assert_eq!(told(0), ("age.now".to_owned(), None));
        assert_eq!(told(1), ("age.minutes".to_owned(), Some(Value::Number(1))));
        assert_eq!(told(119), ("age.minutes".to_owned(), Some(Value::Number(119))));
        assert_eq!(told(120), ("age.hours".to_owned(), Some(Value::Number(2))));
        assert_eq!(told(2880), ("age.days".to_owned(), Some(Value::Number(2))));
        assert_eq!(age_text(Some(1), Clock::Behind { at_millis: 9 }).key, "age.unknown");
        assert_eq!(age_text(None, Clock::Trusted).key, "age.unknown");
    }
}

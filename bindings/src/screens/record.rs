//! The screens of a patient's own records: who may see what, who asked, who saw.

use crate::answer::{Text, Value};
use crate::document::MedicalDocument;
use crate::records::{AccessState, LineMode, MedicalRecord, RecordAccess, RecordAccesses, RecordLine};
use crate::screens::{lasting, party, plain, policy_text, purpose_key, with};

/// How many digits of a record's number tell it from another on one phone.
const NUMBER: usize = 8;

/// The screen of a patient's own record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordScreen {
    /// The record.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// How far it is, and what the person does about it.
    pub state: Text,
    /// The button for it.
    pub next: RecordNext,
    /// Who may see what; as published, also while a change is on its way.
    pub lines: Vec<RecordLineScreen>,
    /// That nobody may see anything, if there are no lines.
    pub nobody: Option<Text>,
    /// Whether somebody whom no line fits may ask.
    pub open: Text,
}

/// What a record waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RecordNext {
    /// The code that was made for its number.
    Enrol,
    /// A document that a doctor signs for this phone's key.
    TakeDocument,
    /// Its change, step by step, with a network.
    Publish,
    /// Nothing: what is published is what holds.
    Nothing,
}

/// Somebody who may see parts of a record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordLineScreen {
    /// By which it is changed and closed.
    pub label: String,
    /// Who.
    pub who: Text,
    /// How it is opened, for how long, and what.
    pub lines: Vec<Text>,
    /// Whether it is opened in an emergency, without asking.
    pub emergency: bool,
}

/// The screen of who asked for a record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AccessesScreen {
    /// Up to when the list is complete.
    pub complete: Text,
    /// Requests that showed nothing to anybody, if there are any.
    pub unread: Option<Text>,
    /// That nobody asked, if so.
    pub nobody: Option<Text>,
    /// What wants the person's eyes comes first.
    pub list: Vec<AccessScreen>,
}

/// Somebody who asked.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AccessScreen {
    /// By which it is answered.
    pub thread: String,
    /// Who.
    pub who: Text,
    /// What came of it.
    pub state: Text,
    /// Its mark.
    pub mark: AccessMark,
    /// What the person must know before all else; absent mostly.
    pub warning: Option<Text>,
    /// What for, why, when, and what was seen.
    pub lines: Vec<Text>,
    /// What the person can do, the likeliest first.
    pub answers: Vec<AccessAnswer>,
}

/// The mark of a request: a form and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum AccessMark {
    /// Opened in an emergency, without asking.
    Emergency,
    /// It waits for the person.
    Waiting,
    /// It is open.
    Open,
    /// It shows nothing, or no more.
    Closed,
}

/// What a patient can do about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum AccessAnswer {
    /// Allow what is asked for.
    Allow,
    /// Choose the parts, and allow them.
    AllowParts,
    /// Deny it.
    Deny,
    /// Take back what was allowed.
    Withdraw,
}

/// The screen of a record. `document` is the one on this phone, whose sections are named.
#[expect(clippy::needless_pass_by_value, reason = "UniFFI lends no option")]
#[uniffi::export]
pub fn record_screen(record: &MedicalRecord, document: Option<MedicalDocument>) -> RecordScreen {
    let (state, next) = match record {
        MedicalRecord { region: None, .. } => {
            let number = Value::Text(record.id.clone());
            (with("record.not-enrolled", [("number", number)]), RecordNext::Enrol)
        }
        MedicalRecord { restoring: true, .. } => (plain("record.restoring"), RecordNext::Publish),
        MedicalRecord { version: None, .. } => (plain("record.no-document"), RecordNext::TakeDocument),
        MedicalRecord { changing_to: Some(_), .. } | MedicalRecord { published: false, .. } => {
            (plain("record.changing"), RecordNext::Publish)
        }
        _ => (plain("record.published"), RecordNext::Nothing),
    };
    RecordScreen {
        id: record.id.clone(),
        title: record_title(&record.id),
        state,
        next,
        lines: record.lines.iter().map(|line| RecordLineScreen::new(line, document.as_ref())).collect(),
        nobody: record.lines.is_empty().then(|| plain("record.nobody")),
        open: plain(if record.open { "record.open" } else { "record.not-open" }),
    }
}

/// The screen of who asked.
#[uniffi::export]
pub fn accesses_screen(accesses: &RecordAccesses) -> AccessesScreen {
    let unread =
        (accesses.unread > 0).then(|| with("access.unread", [("count", Value::Number(accesses.unread))]));
    AccessesScreen {
        complete: with("access.complete", [("at", Value::Moment(accesses.complete_millis))]),
        unread,
        nobody: accesses.list.is_empty().then(|| plain("access.nobody")),
        list: accesses.list.iter().map(AccessScreen::from).collect(),
    }
}

/// What a record is called before anybody has read a name in it.
pub(super) fn record_title(id: &str) -> Text {
    with("record.title", [("number", Value::Text(id.chars().take(NUMBER).collect()))])
}

/// How a line is opened.
pub(super) fn mode_text(mode: LineMode) -> Text {
    plain(match mode {
        LineMode::AtOnce => "mode.at-once",
        LineMode::Ask => "mode.ask",
        LineMode::Emergency => "mode.emergency",
    })
}

/// What somebody sees who sees these parts.
pub(super) fn shown_sections(parts: &[u8], document: Option<&MedicalDocument>) -> Text {
    let sections = document.into_iter().flat_map(|document| &document.sections);
    let titles: Vec<&str> = sections
        .filter(|section| parts.contains(&section.part))
        .map(|section| section.title.as_str())
        .collect();
    if titles.is_empty() {
        return plain("line.shows-header");
    }
    with("line.shows", [("sections", Value::Text(titles.join(", ")))])
}

impl RecordLineScreen {
    fn new(line: &RecordLine, document: Option<&MedicalDocument>) -> Self {
        let what = shown_sections(&line.parts, document);
        Self {
            label: line.label.clone(),
            who: policy_text(&line.policy),
            lines: vec![what, mode_text(line.mode), lasting(line.minutes)],
            emergency: line.mode == LineMode::Emergency,
        }
    }
}

impl From<&RecordAccess> for AccessScreen {
    fn from(access: &RecordAccess) -> Self {
        let emergency = access.emergency && access.state == AccessState::Granted;
        let until = || Value::Moment(access.until_millis);
        let (state, mark) = match access.state {
            _ if emergency => (with("access.emergency", [("at", until())]), AccessMark::Emergency),
            AccessState::Waiting => (plain("access.waiting"), AccessMark::Waiting),
            AccessState::Granted => (with("access.granted", [("at", until())]), AccessMark::Open),
            AccessState::Denied => (plain("access.denied"), AccessMark::Closed),
            AccessState::Withdrawn => (plain("access.withdrawn"), AccessMark::Closed),
            AccessState::Ended => (with("access.ended", [("at", until())]), AccessMark::Closed),
        };
        let answers = match access.state {
            _ if access.unrecorded => vec![],
            AccessState::Waiting if access.requester.is_none() => vec![AccessAnswer::Deny],
            AccessState::Waiting if access.policy.is_none() => {
                vec![AccessAnswer::AllowParts, AccessAnswer::Deny]
            }
            AccessState::Waiting => vec![AccessAnswer::Allow, AccessAnswer::Deny],
            AccessState::Granted => vec![AccessAnswer::Withdraw],
            AccessState::Denied | AccessState::Withdrawn | AccessState::Ended => vec![],
        };
        Self {
            thread: access.thread.clone(),
            who: who(access),
            state,
            mark,
            warning: warning(access),
            lines: lines(access),
            answers,
        }
    }
}

fn who(access: &RecordAccess) -> Text {
    match &access.requester {
        Some(asker) => {
            let name = Value::Text(asker.name.clone());
            with("access.who", [("name", name), ("party", party(&asker.identity))])
        }
        None => with("access.unnamed", [("party", party(&access.authority))]),
    }
}

fn warning(access: &RecordAccess) -> Option<Text> {
    let fault = access.fault.as_ref().map(|what| with("access.fault", [("what", Value::Text(what.clone()))]));
    fault.or_else(|| access.unrecorded.then(|| plain("access.unrecorded")))
}

fn lines(access: &RecordAccess) -> Vec<Text> {
    let asker = access.requester.as_ref();
    let purpose =
        asker.map(|asker| with("access.purpose", [("purpose", Value::Step(purpose_key(&asker.purpose)))]));
    let reason = asker.and_then(|asker| asker.reason.clone());
    let reason = reason.map(|reason| with("access.reason", [("reason", Value::Text(reason))]));
    let asked = with("access.asked", [("at", Value::Moment(access.asked_millis))]);
    let line = access.policy.as_deref().map(policy_text);
    let seen = match access.delivered_millis.iter().max() {
        Some(last) => {
            let count = Value::Number(access.delivered_millis.len() as u64);
            with("access.seen", [("count", count), ("at", Value::Moment(*last))])
        }
        None => plain("access.not-seen"),
    };
    [purpose, reason, line, Some(asked), Some(seen)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::RecordRequester;

    fn access(state: AccessState) -> RecordAccess {
        RecordAccess {
            thread: "urn:countersign:record:00:01".to_owned(),
            asked_millis: 1,
            authority: "spiffe://meds.example/attribute-authority/clinics".to_owned(),
            requester: Some(RecordRequester {
                identity: "spiffe://meds.example/doctor/ada".to_owned(),
                name: "Dr. Ada".to_owned(),
                purpose: "TREAT".to_owned(),
                reason: None,
            }),
            unnamed: None,
            policy: Some("role: cardiologist".to_owned()),
            emergency: false,
            until_millis: 2,
            state,
            delivered_millis: vec![],
            fault: None,
            unrecorded: false,
        }
    }

    fn screen(access: RecordAccess) -> AccessScreen {
        let list = vec![access];
        accesses_screen(&RecordAccesses { list, unread: 0, complete_millis: 3 }).list.remove(0)
    }

    #[test]
    fn only_what_can_be_done_is_offered() {
        use AccessAnswer::{Allow, AllowParts, Deny, Withdraw};
        assert_eq!(screen(access(AccessState::Waiting)).answers, [Allow, Deny]);
        assert_eq!(screen(access(AccessState::Granted)).answers, [Withdraw]);
        assert!(screen(access(AccessState::Ended)).answers.is_empty());
        // Nothing is said of which parts: the person chooses them.
        let free = RecordAccess { policy: None, ..access(AccessState::Waiting) };
        assert_eq!(screen(free).answers, [AllowParts, Deny]);
        // To nobody by name, nothing can be given.
        let unnamed = RecordAccess { requester: None, ..access(AccessState::Waiting) };
        assert_eq!(screen(unnamed).answers, [Deny]);
        let unrecorded = RecordAccess { unrecorded: true, ..access(AccessState::Granted) };
        let shown = screen(unrecorded);
        assert!(shown.answers.is_empty() && shown.warning.is_some());
    }

    #[test]
    fn an_emergency_stands_out_while_it_is_open() {
        let emergency = |state| RecordAccess { emergency: true, ..access(state) };
        let open = screen(emergency(AccessState::Granted));
        assert_eq!((open.mark, open.state.key.as_str()), (AccessMark::Emergency, "access.emergency"));
        assert_eq!(screen(emergency(AccessState::Withdrawn)).mark, AccessMark::Closed);
    }

    #[test]
    fn a_record_says_what_it_waits_for() {
        let published = MedicalRecord {
            id: "0011223344556677".repeat(2),
            region: Some("meds.example".to_owned()),
            version: Some(1),
            open: false,
            lines: vec![],
            changing_to: None,
            published: true,
            restoring: false,
        };
        let next = |record: &MedicalRecord| record_screen(record, None).next;
        assert_eq!(next(&published), RecordNext::Nothing);
        assert_eq!(
            next(&MedicalRecord { version: None, restoring: true, ..published.clone() }),
            RecordNext::Publish
        );
        assert_eq!(
            next(&MedicalRecord { changing_to: Some(vec![]), ..published.clone() }),
            RecordNext::Publish
        );
        assert_eq!(next(&MedicalRecord { published: false, ..published.clone() }), RecordNext::Publish);
        assert_eq!(next(&MedicalRecord { version: None, ..published.clone() }), RecordNext::TakeDocument);
        let begun = MedicalRecord { region: None, version: None, ..published.clone() };
        assert_eq!(next(&begun), RecordNext::Enrol);
        assert!(record_screen(&published, None).nobody.is_some());
    }

    #[test]
    fn a_policy_that_only_lists_attributes_is_told_in_words() {
        let told = |policy: &str| {
            let text = policy_text(policy);
            (text.key, text.arguments.into_iter().map(|argument| argument.value).next())
        };
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        assert_eq!(
            told("hospital: north and role: cardiologist"),
            ("line.who".to_owned(), text("hospital north, cardiologist"))
        );
        let either = "role: cardiologist or role: nurse";
        assert_eq!(told(either), ("line.policy".to_owned(), text(either)));
        assert_eq!(told("2 of (a: b, c: d)").0, "line.policy");
        assert_eq!(told("member: spiffe://meds.example/doctor/ada").0, "line.member");
    }

    #[test]
    fn a_time_is_told_in_the_largest_unit_that_it_is_a_whole_number_of() {
        let told = |minutes| (lasting(minutes).key, lasting(minutes).arguments.remove(0).value);
        assert_eq!(told(90), ("lasts.minutes".to_owned(), Value::Number(90)));
        assert_eq!(told(120), ("lasts.hours".to_owned(), Value::Number(2)));
        assert_eq!(told(2880), ("lasts.days".to_owned(), Value::Number(2)));
    }
}

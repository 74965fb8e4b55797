//! The screens of somebody who asks for records of others.

use crate::answer::{Text, Value};
use crate::clinician::{RecordOffer, RecordRequest};
use crate::document::MedicalDocument;
use crate::records::{AccessState, LineMode};
use crate::screens::record::{mode_text, record_title};
use crate::screens::{lasting, plain, policy_text, with};

/// The screen of what may be asked for of a record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AskScreen {
    /// The record.
    pub record: String,
    /// What it is called.
    pub title: Text,
    /// That the key for this quarter is not here, if so: fetch it first.
    pub key_missing: Option<Text>,
    /// What may be asked for: what fits first, emergencies last.
    pub choices: Vec<AskChoice>,
}

/// Something that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AskChoice {
    /// The line; none asks the patient for a line of one's own.
    pub label: Option<String>,
    /// Whether on the private log.
    pub is_private: bool,
    /// Whom it is open to.
    pub who: Text,
    /// How, and for how long.
    pub lines: Vec<Text>,
    /// For how long at most.
    pub minutes: u32,
    /// What for, as a code of HL7's `PurposeOfUse`.
    pub purpose: String,
    /// Whether it can be asked for by this clinician, as far as this phone knows.
    pub fits: bool,
    /// What the person must know before; absent mostly.
    pub warning: Option<Text>,
    /// Whether a reason must be typed.
    pub needs_reason: bool,
}

/// The screen of a request.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RequestScreen {
    /// By which it is named.
    pub thread: String,
    /// The record.
    pub record: String,
    /// The patient, if something is kept that names them; else the record.
    pub title: Text,
    /// What came of it.
    pub state: Text,
    /// What is on this phone, and until when.
    pub kept: Text,
    /// What the person can do, the likeliest first.
    pub steps: Vec<RequestStep>,
}

/// What somebody who asked can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RequestStep {
    /// Send it again.
    Resume,
    /// Sync: the answer may be there.
    Sync,
    /// Fetch and read what was granted.
    Open,
    /// Read what is kept, also without a network.
    Read,
    /// Ask again.
    AskAgain,
    /// Take it from the list, with what is kept.
    Forget,
}

/// How long the patient is asked for, if no line says it.
const ASKED_MINUTES: u32 = 24 * 60;

/// The screen of what may be asked for of a record.
#[uniffi::export]
pub fn ask_screen(record: &str, offers: Vec<RecordOffer>, has_key: bool) -> AskScreen {
    let mut choices: Vec<AskChoice> =
        offers.into_iter().map(|offer| AskChoice::new(offer, has_key)).collect();
    choices.push(AskChoice::of_the_patient());
    choices.sort_by_key(|choice| (choice.needs_reason, !choice.fits));
    AskScreen {
        record: record.to_owned(),
        title: record_title(record),
        key_missing: (!has_key).then(|| plain("ask.key-missing")),
        choices,
    }
}

/// The screen of a request. `kept` is what [`crate::Clinician::read`] returns, if it does.
#[uniffi::export]
pub fn request_screen(request: &RecordRequest, kept: Option<MedicalDocument>) -> RequestScreen {
    use RequestStep::{AskAgain, Forget, Open, Read, Resume, Sync};
    let until = || Value::Moment(request.until_millis);
    let (state, mut steps) = match request.state {
        None => (plain("request.unsent"), vec![Resume, Forget]),
        Some(AccessState::Waiting) => (plain("request.waiting"), vec![Sync, Forget]),
        Some(AccessState::Granted) => (with("request.granted", [("at", until())]), vec![Open, Forget]),
        Some(AccessState::Denied) => (plain("request.denied"), vec![AskAgain, Forget]),
        Some(AccessState::Withdrawn) => (plain("request.withdrawn"), vec![AskAgain, Forget]),
        Some(AccessState::Ended) => (with("request.ended", [("at", until())]), vec![AskAgain, Forget]),
    };
    let read = request.kept && kept.is_some();
    if read {
        steps.insert(0, Read);
    }
    let named = kept.filter(|document| !document.patient.is_empty());
    RequestScreen {
        thread: request.thread.clone(),
        record: request.record.clone(),
        title: named.map_or_else(
            || record_title(&request.record),
            |document| with("document.patient-name", [("name", Value::Text(document.patient))]),
        ),
        state,
        kept: if read { with("request.kept", [("at", until())]) } else { plain("request.not-kept") },
        steps,
    }
}

impl AskChoice {
    fn new(offer: RecordOffer, has_key: bool) -> Self {
        let emergency = offer.mode == LineMode::Emergency;
        let unfit = || plain("ask.unfit");
        let warning = match (emergency, has_key && !offer.fits) {
            (_, true) => Some(unfit()),
            (true, false) => Some(plain("ask.emergency")),
            (false, false) => None,
        };
        Self {
            label: Some(offer.label),
            is_private: offer.is_private,
            who: policy_text(&offer.policy),
            lines: vec![mode_text(offer.mode), lasting(offer.minutes)],
            minutes: offer.minutes,
            purpose: if emergency { "ETREAT" } else { "TREAT" }.to_owned(),
            fits: offer.fits,
            warning,
            needs_reason: emergency,
        }
    }

    fn of_the_patient() -> Self {
        Self {
            label: None,
            is_private: false,
            who: plain("ask.patient"),
            lines: vec![plain("ask.patient-text"), lasting(ASKED_MINUTES)],
            minutes: ASKED_MINUTES,
            purpose: "TREAT".to_owned(),
            fits: true,
            warning: None,
            needs_reason: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(state: Option<AccessState>, kept: bool) -> RecordRequest {
        let record = "0011223344556677".repeat(2);
        RecordRequest { thread: "t".to_owned(), record, until_millis: 1, state, kept }
    }

    fn offer(mode: LineMode, fits: bool) -> RecordOffer {
        let policy = "role: cardiologist".to_owned();
        RecordOffer { label: "00".to_owned(), is_private: false, policy, mode, minutes: 60, fits }
    }

    #[test]
    fn what_fits_comes_first_and_an_emergency_last_with_a_reason() {
        let offers = vec![
            offer(LineMode::Emergency, true),
            offer(LineMode::AtOnce, false),
            offer(LineMode::Ask, true),
        ];
        let screen = ask_screen("00112233", offers, true);
        let told: Vec<_> = screen
            .choices
            .iter()
            .map(|choice| (choice.fits, choice.needs_reason, choice.label.is_some()))
            .collect();
        assert_eq!(
            told,
            [(true, false, true), (true, false, false), (false, false, true), (true, true, true)]
        );
        assert_eq!(screen.choices[3].purpose, "ETREAT");
        assert!(screen.choices[2].warning.is_some() && screen.choices[0].warning.is_none());
        assert!(ask_screen("00112233", vec![], false).key_missing.is_some());
    }

    #[test]
    fn a_request_offers_what_can_be_done_about_it() {
        let first = |state, kept| request_screen(&request(state, kept), None).steps[0];
        assert_eq!(first(None, false), RequestStep::Resume);
        assert_eq!(first(Some(AccessState::Waiting), false), RequestStep::Sync);
        assert_eq!(first(Some(AccessState::Granted), false), RequestStep::Open);
        assert_eq!(first(Some(AccessState::Withdrawn), false), RequestStep::AskAgain);
        // What cannot be read here is not offered.
        assert_eq!(first(Some(AccessState::Granted), true), RequestStep::Open);
    }
}

//! The screen of something that went wrong, with a way on.

use crate::answer::{Text, Value};
use crate::error::CountersignError;
use crate::screens::{Action, plain, with};

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Fault {
    /// The person or the phone does not let the app use the camera.
    CameraDenied,
    /// The camera does not open, or was taken by another app.
    CameraBusy,
    /// No register is pinned yet.
    NotPinned,
    /// The code is of a register other than the one that is pinned.
    OtherRegister {
        /// The name of the one that is pinned.
        ledger: String,
    },
    /// A call of the core failed.
    Failed {
        /// Its error.
        error: CountersignError,
    },
}

/// The screen of a fault.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FaultScreen {
    /// What happened.
    pub title: Text,
    /// What the person does.
    pub text: Text,
    /// The button for it.
    pub action: Action,
}

/// The screen of a fault.
#[uniffi::export]
pub fn fault_screen(fault: Fault) -> FaultScreen {
    let (key, action) = match fault {
        Fault::CameraDenied => ("fault.camera-denied", Action::OpenSettings),
        Fault::CameraBusy => ("fault.camera-busy", Action::Retry),
        Fault::NotPinned => ("fault.not-pinned", Action::Pin),
        Fault::OtherRegister { ledger } => {
            let text = with("fault.other-register-text", [("ledger", Value::Text(ledger))]);
            return FaultScreen { title: plain("fault.other-register"), text, action: Action::Back };
        }
        Fault::Failed { error } => match error {
            CountersignError::Retry { .. } => ("fault.retry", Action::Retry),
            CountersignError::NoGateway => ("fault.no-gateway", Action::Retry),
            CountersignError::Refused { reason } => {
                let (title, text) = (plain("fault.refused"), refused(&reason));
                return FaultScreen { title, text, action: Action::Back };
            }
            CountersignError::Invalid { reason } => {
                let (title, text) = (plain("fault.invalid"), invalid(&reason));
                return FaultScreen { title, text, action: Action::Back };
            }
            CountersignError::ConsentNeeded { reason } => {
                let why = match reason.as_str() {
                    "irrevocable" => "fault.consent-text".to_owned(),
                    reason => format!("reason.{reason}"),
                };
                return FaultScreen {
                    title: plain("fault.consent"),
                    text: plain(&why),
                    action: Action::Back,
                };
            }
            CountersignError::Cancelled => ("fault.cancelled", Action::Back),
            CountersignError::KeyNeeded => ("fault.key-needed", Action::Enrol),
            CountersignError::KeyStoreFailed => ("fault.key-store-failed", Action::Retry),
            CountersignError::Distrusted => ("fault.distrusted", Action::Back),
            CountersignError::Clock => ("fault.clock", Action::SetClock),
            CountersignError::Storage => ("fault.storage", Action::OpenSettings),
        },
    };
    let text = plain(&format!("{key}-text"));
    FaultScreen { title: plain(key), text, action }
}

/// The text of a refusal.
pub(crate) fn refused(reason: &str) -> Text {
    let other = || with("refused.other", [("reason", Value::Text(reason.to_owned()))]);
    refusal(reason).or_else(|| input(reason)).unwrap_or_else(other)
}

/// The text for an input that cannot be used.
fn invalid(reason: &str) -> Text {
    input(reason).or_else(|| refusal(reason)).unwrap_or_else(|| plain("fault.invalid-other"))
}

/// What a refusal by the ledger, by somebody's rules or by a server is told as.
fn refusal(reason: &str) -> Option<Text> {
    let key = match reason {
        "code-unknown" | "code-used" | "code-expired" => "refused.enrol-code",
        "role" | "role-not-given" | "domain" | "wrong-issuer" | "not-your-role" | "no-profile" => {
            "refused.role"
        }
        "unknown-signer"
        | "revoked"
        | "certificate"
        | "certificate-expired"
        | "expired"
        | "not-yet-valid"
        | "signature"
        | "high-s"
        | "not-verified"
        | "possession" => "refused.signer",
        "future" | "stale" | "ahead" | "backdated" | "offer-from-the-future" => "refused.clock",
        "offer-expired" => "refused.offer-expired",
        "not-for-you" => "refused.not-for-you",
        "goods-differ" | "other-contents" | "other-subject" | "other-offer" => "refused.goods-differ",
        "not-the-custodian" | "no-holder" | "not-latest" => "refused.not-the-holder",
        "unknown-goods" => "refused.unknown-goods",
        "custody-conflict" => "refused.conflict",
        "broken-chain" | "rule" | "void-link" | "goods-refused" | "follows-refused"
        | "foreign-checkpoint" | "inconsistent" => "refused.history",
        "no-reports" => "refused.no-reports",
        "reports-waiting" => "refused.reports-waiting",
        "too-late" => "refused.too-late",
        "recalled" => "refused.recalled",
        "not-found" | "gone" => "refused.not-found",
        "offered" => "refused.offered",
        "too-long" => "refused.too-long",
        "too-large" => "refused.too-large",
        "malformed" => "refused.malformed",
        "sync-first" => "refused.sync-first",
        "health-link-ended" => "refused.link-ended",
        "health-link-failed" => "refused.link-failed",
        "request-waiting" => "refused.record-waiting",
        "request-denied" => "refused.record-denied",
        "grant-withdrawn" => "refused.record-withdrawn",
        "grant-ended" => "refused.record-ended",
        "no-attribute-key" | "attribute-key-old" => "refused.record-key",
        "attributes-unfit" | "other-authority" => "refused.record-unfit",
        "part-altered" | "part-swapped" | "other-record" | "other-document" | "document-older"
        | "document-malformed" | "author-unknown" | "author-revoked" | "delivery-other-row"
        | "line-locked" => "refused.record-altered",
        "delivery-incomplete" | "nothing-kept" => "refused.record-incomplete",
        "no-document" => "refused.record-no-document",
        "document-not-newer" => "refused.record-not-newer",
        "document-not-whole" => "refused.record-not-whole",
        "other-holder" => "refused.record-other-holder",
        "other-owner" => "refused.record-other-owner",
        "not-permitted" => "refused.record-not-permitted",
        "change-under-way" => "refused.record-changing",
        "record-moved" => "refused.record-moved",
        "link-days" => "refused.link-days",
        "link-passcode" => "refused.link-passcode",
        "link-label" => "refused.link-label",
        "too-many-links" => "refused.too-many-links",
        "link-too-large" => "refused.link-too-large",
        "request-not-waiting" => "refused.record-answered",
        "other-ledger" => "refused.record-other-ledger",
        "other-paper" => "refused.record-other-paper",
        "other-image" => "refused.record-other-image",
        "images-too-large" => "refused.record-images-too-large",
        "fetched-too-often" => "refused.record-too-often",
        "record-damaged" => "refused.record-damaged",
        "no-records" => "refused.record-no-logs",
        "too-many-lines" => "refused.record-too-many-lines",
        "no-authority-key" => "refused.record-no-authority-key",
        "requester-unnamed" => "refused.record-unnamed",
        "no-credential" | "proof" => "refused.badge",
        "wait" => "refused.wait",
        "no-device" | "device" => "refused.device",
        "unreachable" => "refused.device-silent",
        "out-of-scope" | "unsigned" => "refused.not-permitted",
        "other-patient" => "refused.other-patient",
        "registry-stale" => "refused.registry-stale",
        "over" => "refused.session-over",
        "not-shared" => "domains.not-shared",
        "other-root" => "refused.domain-root",
        "other-data-ledger" => "refused.domain-other",
        "domain-rules" => "refused.domain-rules",
        "no-notaries" => "refused.domain-notaries",
        "not-registered" => "refused.domain-registered",
        "not-admitted" => "refused.domain-person",
        "no-policy" => "refused.domain-data",
        "own-domain" => "refused.domain-own",
        "no-licence" => "refused.domain-licence",
        "behaviour" => "denial.behaviour",
        _ => return None,
    };
    Some(plain(key))
}

/// What an input that cannot be used is told as: by what seems to have happened to a code, if that is known.
fn input(reason: &str) -> Option<Text> {
    let key = match reason {
        "code" | "product" | "unit" | "level" => "fault.invalid-code",
        "address" => "fault.invalid-address",
        "genesis" | "register" => "fault.invalid-register",
        "authority" => "fault.invalid-authority",
        "contents" => "fault.invalid-contents",
        "checkpoint" => "fault.invalid-checkpoint",
        "record-link" | "record" => "fault.invalid-record",
        "record-unknown" => "fault.invalid-gone",
        "policy" => "fault.invalid-policy",
        "no-line" => "fault.invalid-line",
        "record-paper" => "fault.invalid-paper",
        "image-file" => "fault.invalid-image-file",
        "reason-needed" => "fault.invalid-reason",
        "report" => "fault.invalid-report",
        "photograph" => "fault.invalid-photograph",
        "health-link" => "fault.invalid-health-link",
        "passcode" => "fault.invalid-passcode",
        "wrong-passcode" => "fault.invalid-wrong-passcode",
        "password" => "fault.invalid-password",
        "password-short" => "fault.invalid-password-short",
        "badge" => "fault.invalid-badge",
        "value" => "fault.invalid-value",
        "device" => "fault.invalid-device",
        "data-ledger" => "fault.invalid-data-ledger",
        "domain-message" => "fault.invalid-domain-message",
        "data-operation" => "fault.invalid-data-operation",
        slip if countersign_scan::Slip::ALL.iter().any(|known| known.key() == slip) => {
            return Some(plain(&format!("reason.{slip}")));
        }
        _ => return None,
    };
    Some(plain(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: CountersignError) -> FaultScreen {
        fault_screen(Fault::Failed { error })
    }

    #[test]
    fn every_error_has_a_screen_and_a_way_on() {
        let refused = |reason: &str| CountersignError::Refused { reason: reason.to_owned() };
        assert_eq!(failed(refused("code-used")).text.key, "refused.enrol-code");
        assert_eq!(failed(CountersignError::KeyNeeded).action, Action::Enrol);
        assert_eq!(failed(CountersignError::Clock).action, Action::SetClock);
        assert_eq!(failed(CountersignError::invalid("blanks")).text.key, "reason.blanks");
        assert_eq!(failed(CountersignError::invalid("code")).text.key, "fault.invalid-code");
        let other = Fault::OtherRegister { ledger: "meds.example".to_owned() };
        assert_eq!(fault_screen(other).text.arguments.len(), 1);
    }
}

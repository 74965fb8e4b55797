//! What a screen shows, and where it leads: decided here, where the two apps would otherwise disagree.
//!
//! A record has the texts of its screen as keys of `bindings/texts` with their arguments, in the order in which they are
//! shown. The apps draw them, and know what a button of an [`Action`] does.

mod bedside;
mod clinician;
mod courier;
mod document;
mod domains;
mod fault;
mod history;
mod record;
mod reports;
mod shared_link;
mod trace;
mod verdict;

pub use bedside::{
    BadgeScreen, BedsideNext, CommandChoice, CommandScreen, DeviceLine, DeviceScreen, ReadingLine,
    ReadingMark, SentLine, SessionScreen, SignInChoice, WardScreen, command_screen, device_screen,
    session_screen, ward_screen,
};
pub use clinician::{AskChoice, AskScreen, RequestScreen, RequestStep, ask_screen, request_screen};
pub use courier::{
    Carried, HandoverScreen, OfferScreen, OutgoingScreen, ProofScreen, handover_screen, offer_screen,
    outgoing_screen,
};
pub use document::{DocumentScreen, ImageNext, ImageScreen, SectionMark, SectionScreen, document_screen};
pub use domains::{
    AskDataScreen, CauseChoice, DataAccessScreen, DataAccessesScreen, DataScreen, DaysChoice, DomainLine,
    DomainsNext, DomainsScreen, GreetingNext, GreetingScreen, LicenceMark, LicenceScreen, OpChoice,
    PersonChoice, PurposeChoice, data_accesses_screen, domains_screen, greeting_screen,
};
pub use fault::{Fault, FaultScreen, fault_screen};
pub use history::{Notice, Scanned, Seen};
pub use record::{
    AccessAnswer, AccessMark, AccessScreen, AccessesScreen, RecordLineScreen, RecordNext, RecordScreen,
    accesses_screen, record_screen,
};
pub use reports::ReportLine;
pub use shared_link::{SharedLinkScreen, shared_link_screen};
pub use trace::{TraceRow, TraceScreen, trace_screen};
pub use verdict::{Kept, OtherReading, VerdictScreen, Way, WayMark, verdict_screen};

use countersign_custody::SubjectType;
use countersign_ledger::{Identity, Subject};

use crate::answer::{Argument, Text, Value};

/// Where a screen's main button leads.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Action {
    /// Back to where the person was.
    Back,
    /// The same call again.
    Retry,
    /// Scan again.
    Scan,
    /// Follow what the link names ([`crate::Wallet::follow`]), and sync.
    Follow {
        /// The product, or one pack of it.
        link: String,
    },
    /// Sync.
    Sync,
    /// The phone's settings of date and time.
    SetClock,
    /// The phone's settings of this app: its permissions, its storage.
    OpenSettings,
    /// Enrol.
    Enrol,
    /// Choose a register.
    Pin,
}

/// A text without arguments.
pub(crate) fn plain(key: &str) -> Text {
    Text { key: key.to_owned(), arguments: Vec::new() }
}

/// A text with arguments.
pub(crate) fn with<const N: usize>(key: &str, arguments: [(&str, Value); N]) -> Text {
    let argument = |(name, value): (&str, Value)| Argument { name: name.to_owned(), value };
    Text { key: key.to_owned(), arguments: arguments.into_iter().map(argument).collect() }
}

/// A party by its SPIFFE ID, or by its role if nobody is known.
pub(crate) fn party(who: &str) -> Value {
    match Identity::parse(who) {
        Ok(member) => Value::Party { name: Some(member.name().to_owned()), role: member.role().to_owned() },
        Err(_) => Value::Party { name: None, role: who.to_owned() },
    }
}

/// Who fits a policy, in words where it only lists attributes.
pub(crate) fn policy_text(policy: &str) -> Text {
    const MEMBER: &str = "member: ";
    if policy.contains(" or ") || policy.contains(" of (") {
        return with("line.policy", [("policy", Value::Text(policy.to_owned()))]);
    }
    if let Some(member) = policy.strip_prefix(MEMBER) {
        return with("line.member", [("party", party(member))]);
    }
    let words = policy.split(" and ").map(|attribute| match attribute.split_once(": ") {
        // What somebody is goes without saying that it is a role.
        Some(("role", role)) => role.to_owned(),
        Some((label, value)) => format!("{label} {value}"),
        None => attribute.to_owned(),
    });
    with("line.who", [("who", Value::Text(words.collect::<Vec<_>>().join(", ")))])
}

/// The key of the words for a purpose: a code of HL7's `PurposeOfUse`.
pub(crate) fn purpose_key(code: &str) -> String {
    let key = match code {
        "TREAT" => "purpose.treat",
        "ETREAT" => "purpose.etreat",
        "HPAYMT" => "purpose.hpaymt",
        "HRESCH" => "purpose.hresch",
        _ => "purpose.other",
    };
    key.to_owned()
}

/// For how long, in the largest unit that it is a whole number of.
pub(crate) fn lasting(minutes: u32) -> Text {
    const HOUR: u32 = 60;
    const DAY: u32 = 24 * HOUR;
    let (key, count) = match minutes {
        minutes if minutes % DAY == 0 => ("lasts.days", minutes / DAY),
        minutes if minutes % HOUR == 0 => ("lasts.hours", minutes / HOUR),
        minutes => ("lasts.minutes", minutes),
    };
    with(key, [("count", Value::Number(count.into()))])
}

/// Whether a link names a single pack.
pub(crate) fn is_pack(link: &str) -> bool {
    Subject::new(link).is_ok_and(|subject| SubjectType::of(&subject) == Some(SubjectType::Pack))
}

/// What a link names, by the number that a person can compare: a pack's serial, a lot, a unit's SSCC, a product's GTIN.
#[uniffi::export]
pub fn goods_text(link: &str) -> Text {
    let subject = Subject::new(link).ok();
    let key = match subject.as_ref().and_then(SubjectType::of) {
        Some(SubjectType::Pack) => "goods.pack",
        Some(SubjectType::Lot) => "goods.lot",
        Some(SubjectType::Unit) => "goods.unit",
        _ => "goods.product",
    };
    let number = link.rsplit('/').next().unwrap_or(link);
    with(key, [("number", Value::Text(unescaped(number)))])
}

/// A part of a link without its percent-encoding. What is no valid encoding stays as it is.
fn unescaped(part: &str) -> String {
    let mut pieces = part.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(&piece.as_bytes()[2..]);
            }
            None => return part.to_owned(),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

/// The key of a step's title: profiles share the titles of what they have in common, so `medicine.recall` is
/// `step.recall`.
pub fn step_key(kind: &str) -> String {
    format!("step.{}", kind.split_once('.').map_or(kind, |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_are_named_by_what_is_printed_on_them() {
        for (link, key, number) in [
            ("https://id.gs1.org/01/09506000134352/10/1%2FA/21/S%2B1", "goods.pack", "S+1"),
            ("https://id.gs1.org/01/09506000134352/10/L%1", "goods.lot", "L%1"),
            ("https://id.gs1.org/00/095060001343520017", "goods.unit", "095060001343520017"),
            ("https://id.gs1.org/01/09506000134352", "goods.product", "09506000134352"),
        ] {
            assert_eq!(goods_text(link), with(key, [("number", Value::Text(number.to_owned()))]));
        }
    }
}

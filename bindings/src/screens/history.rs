//! Screens of what was scanned before, and of what is new about it.

use countersign_custody::Reason;
use countersign_wallet::{self as wallet, CopyHint, Scan};

use super::verdict::{expires, reason, title};
use super::{goods_text, party, plain, with};
use crate::answer::{Text, Value, VerdictKind};

/// A pack that was scanned: a line of the history.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Scanned {
    /// Its link: checking it shows how things stand now.
    pub link: String,
    /// What it is called.
    pub product: Text,
    /// The verdict at the last scan.
    pub verdict: VerdictKind,
    /// The same in words.
    pub title: Text,
    /// When it was scanned last.
    pub scanned: Text,
    /// When it expires.
    pub expires: Option<Text>,
    /// Whether it is in the medicine list.
    pub kept: bool,
}

/// Something new about a pack that was scanned or is kept.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Notice {
    /// Its id, for [`crate::PackChecker::told`].
    pub id: String,
    /// The pack's link: checking it shows the whole answer.
    pub link: String,
    /// What the pack is called.
    pub product: Text,
    /// What is new.
    pub line: Text,
    /// The next step.
    pub next: Text,
    /// What a locked screen may show: it names nothing.
    pub neutral: Text,
}

/// What a scan adds to its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct Seen {
    /// That this phone scanned the pack before. No warning: it looks and sounds otherwise.
    pub before: Option<Text>,
    /// That the same number was seen as a copy would be.
    pub hint: Option<Text>,
}

impl From<&Scan> for Scanned {
    fn from(scan: &Scan) -> Self {
        let verdict = scan.verdict.into();
        Self {
            link: scan.link().to_string(),
            product: goods_text(scan.link().as_str()),
            verdict,
            title: plain(title(verdict)),
            scanned: with("history.scanned", [("at", Value::Moment(scan.last.0))]),
            expires: scan.expires_at.map(|at| expires(at.0)),
            kept: scan.kept,
        }
    }
}

impl From<&wallet::Notice> for Notice {
    fn from(notice: &wallet::Notice) -> Self {
        let next = match notice.reason {
            Reason::Recalled(_) | Reason::Expired { .. } => "next.return",
            Reason::Suspended(_) => "next.ask-before-use",
            _ => "next.ask-pharmacist",
        };
        Self {
            id: format!("{}-{}", notice.id.pack, notice.id.about),
            link: notice.scan.link().to_string(),
            product: goods_text(notice.scan.link().as_str()),
            line: reason(&Text::from(&notice.reason)),
            next: plain(next),
            neutral: plain("notice.neutral"),
        }
    }
}

impl From<wallet::Seen> for Seen {
    fn from(seen: wallet::Seen) -> Self {
        let hint = seen.hint.map(|hint| {
            let (key, by, at) = match hint {
                CopyHint::GivenOutSince { by, at } => ("seen.given-out-since", by, at),
                CopyHint::GivenOutBefore { by, at } => ("seen.given-out-before", by, at),
            };
            with(key, [("party", party(by.as_str())), ("at", Value::Time(at.0))])
        });
        let before = seen.before.map(|(first, _)| with("seen.before", [("at", Value::Time(first.0))]));
        Self { before, hint }
    }
}

//! The screen of a link that its owner made for somebody without this app.

use crate::answer::{Text, Value};
use crate::document::MedicalDocument;
use crate::screens::record::shown_sections;
use crate::screens::{plain, with};
use crate::shared_link::SharedLink;

/// A link, as its owner's screen shows it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SharedLinkScreen {
    /// By which it is ended.
    pub name: String,
    /// What it is called.
    pub title: Text,
    /// What it shows, to whom, and until when.
    pub lines: Vec<Text>,
    /// What the person must know before giving it to anybody.
    pub warning: Text,
    /// What is shown as a QR code and sent: keep it out of logs and screenshots.
    pub link: String,
}

/// The screen of a link. `document` is the one on this phone, whose sections are named.
#[expect(clippy::needless_pass_by_value, reason = "UniFFI lends no option")]
#[uniffi::export]
pub fn shared_link_screen(link: &SharedLink, document: Option<MedicalDocument>) -> SharedLinkScreen {
    let named = |label: &String| with("by-link.named", [("name", Value::Text(label.clone()))]);
    let until = with("by-link.until", [("at", Value::Moment(link.until_millis))]);
    let whom = plain(if link.passcode { "by-link.passcode" } else { "by-link.free" });
    SharedLinkScreen {
        name: link.name.clone(),
        title: link.label.as_ref().map_or_else(|| plain("by-link.unnamed"), named),
        lines: vec![shown_sections(&link.parts, document.as_ref()), until, whom],
        warning: plain("by-link.warning"),
        link: link.link.clone(),
    }
}

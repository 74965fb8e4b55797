//! The list of a phone's reports.

use countersign_wallet::{ReportState, SentReport};

use super::fault::refused;
use super::{plain, with};
use crate::answer::{Text, Value};

/// A report of this phone: a line of the list.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ReportLine {
    /// Its id, for [`crate::PackChecker::settle_report`].
    pub id: String,
    /// When it was written.
    pub title: Text,
    /// How far it has come.
    pub state: Text,
    /// Whether it can be removed from the list: it does not wait any more.
    pub settled: bool,
}

impl From<SentReport> for ReportLine {
    fn from(report: SentReport) -> Self {
        Self {
            id: report.id.to_string(),
            title: with("report.written", [("at", Value::Moment(report.written.0))]),
            settled: report.state != ReportState::Waiting,
            state: match report.state {
                ReportState::Waiting => plain("report.waiting"),
                ReportState::Received => plain("report.received"),
                ReportState::Refused(reason) => refused(&reason),
            },
        }
    }
}

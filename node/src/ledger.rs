//! What a ledger is made of: its logs and its rules; and places in it.

use countersign_ledger::{Families, Kind, LogName, LogSpec};

use crate::reason::Reason;

/// Where a statement stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The log.
    pub log: LogName,
    /// Its index in the log.
    pub index: u64,
}

/// What is fixed when a ledger begins.
#[derive(Clone)]
pub struct Ledger {
    /// Its name, the first part of its logs' origins.
    pub name: String,
    /// Its logs, in the order in which a block's statements are applied.
    pub logs: Vec<LogSpec>,
    /// The families of rules that it follows.
    pub families: Families,
}

impl Ledger {
    /// Names of the logs, in their order.
    pub fn log_names(&self) -> impl Iterator<Item = LogName> {
        self.logs.iter().map(|log| log.name)
    }

    /// Where a log stands in the order; `None` if it is none of this ledger's.
    pub(crate) fn position(&self, log: LogName) -> Option<usize> {
        self.logs.iter().position(|known| known.name == log)
    }

    /// The trust domain that a log serves; `None` if it serves several.
    pub(crate) fn domain(&self, log: LogName) -> Option<&str> {
        self.logs.iter().find(|known| known.name == log)?.domain.as_deref()
    }

    /// The origin of a log.
    pub(crate) fn origin(&self, log: LogName) -> String {
        format!("{}/{log}", self.name)
    }

    /// Whether `log` takes statements of this kind.
    pub(crate) fn takes(&self, log: LogName, kind: &Kind) -> Result<(), Reason> {
        let logs = self.families.logs(kind).iter().copied();
        let logs: Vec<_> = logs.filter(|&known| self.position(known).is_some()).collect();
        match logs.contains(&log) {
            true => Ok(()),
            false if logs.is_empty() => Err(Reason::UnknownKind),
            false => Err(Reason::OtherLog(logs)),
        }
    }
}

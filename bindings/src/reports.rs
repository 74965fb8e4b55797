//! Reports of suspicions.

use countersign_custody::report::Scanned;
use countersign_ledger::Hash;
use countersign_wallet::Words;

use crate::code::whole_item_in;
use crate::error::CountersignError as Error;
use crate::outbox::Round;
use crate::pack_checker::PackChecker;
use crate::screens::ReportLine;

/// What a person reports about a pack that they scanned.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Suspicion {
    /// What they saw, in their words; may be empty if there is a photograph. Up to 4000 bytes.
    pub words: String,
    /// Where, if they want to say so. Up to 200 bytes.
    #[uniffi(default = None)]
    pub place: Option<String>,
    /// A photograph, JPEG or PNG, of up to 256 KiB. Remove what a camera adds, such as the position.
    #[uniffi(default = None)]
    pub photograph: Option<Vec<u8>>,
    /// How they can be answered, such as an address; absent to stay anonymous. Up to 200 bytes.
    #[uniffi(default = None)]
    pub answer: Option<String>,
}

#[uniffi::export]
impl PackChecker {
    /// Whether this register takes reports, by the last sync.
    pub fn takes_reports(&self) -> Result<bool, Error> {
        self.wallet().act(|snapshot| Ok(snapshot.takes_reports()))
    }

    /// Reports a suspicion about a pack by its link, tied to its last scan: sealed to the authority alone, and durable when
    /// this returns. It is sent by [`Self::send_reports`].
    pub fn report(&self, link: &str, suspicion: Suspicion) -> Result<(), Error> {
        let now = self.wallet().now();
        let anew = || {
            let item = whole_item_in(link)?;
            Ok::<_, Error>(Scanned::new(&item, &self.wallet().check(&item)?, now))
        };
        let scan = self.last_scan(link).map_or_else(anew, Ok)?;
        self.wallet().act(|snapshot| Ok(snapshot.report(scan, suspicion.into(), now).map(drop)?))
    }

    /// The reports of this phone, the latest first.
    pub fn reports(&self) -> Result<Vec<ReportLine>, Error> {
        self.wallet().act(|snapshot| Ok(snapshot.reports()?.into_iter().map(ReportLine::from).collect()))
    }

    /// Sends the reports that are due, in one bounded round. Without a network they wait, and nothing is lost.
    pub fn send_reports(&self) -> Result<Round, Error> {
        let (client, now) = (self.wallet().client(), self.wallet().now());
        self.wallet().act(|snapshot| Ok(snapshot.send_reports(&client, now)?.into()))
    }

    /// The same at once, also of those that are not due: for a person who asks for it.
    pub fn send_reports_now(&self) -> Result<Round, Error> {
        let (client, now) = (self.wallet().client(), self.wallet().now());
        self.wallet().act(|snapshot| Ok(snapshot.send_reports_now(&client, now)?.into()))
    }

    /// Removes a report from the list, by its id: one that was received or refused.
    pub fn settle_report(&self, id: &str) -> Result<(), Error> {
        let id: Hash = id.parse().map_err(|_| Error::invalid("report"))?;
        self.wallet().act(|snapshot| Ok(snapshot.settle_report(id)?))
    }
}

impl From<Suspicion> for Words {
    fn from(Suspicion { words, place, photograph, answer }: Suspicion) -> Self {
        Self { words, place, photograph, answer }
    }
}

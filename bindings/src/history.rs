//! What this phone scanned, and what there is to know of it later.

use countersign_ledger::{Hash, Subject};
use countersign_wallet::{NoticeId, Scans};

use crate::error::CountersignError as Error;
use crate::pack_checker::PackChecker;
use crate::screens::{Notice, Scanned, Seen, is_pack};
use crate::wallet::Wallet;

/// How much is remembered on this phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Remembered {
    /// Whether scans are remembered: ask the person before.
    pub on: bool,
    /// Packs that were scanned.
    pub scanned: u64,
    /// Packs in the medicine list.
    pub kept: u64,
    /// Bytes of both, sealed.
    pub bytes: u64,
}

#[uniffi::export]
impl PackChecker {
    /// What the last scan adds to its answer: whether this phone scanned the pack before, and a hint if the same number was
    /// seen as a copy would be. Empty before the first.
    pub fn seen(&self) -> Seen {
        self.last_seen().into()
    }

    /// Remembers scans from now on, or forgets those that were and remembers none. Off until the person wants it; then every
    /// check is noted by itself.
    pub fn remember(&self, on: bool) -> Result<(), Error> {
        self.wallet().scanned(|scans, snapshot| scans.remember(snapshot, on))
    }

    /// How much is remembered.
    pub fn remembered(&self) -> Result<Remembered, Error> {
        self.wallet().scanned(|scans, snapshot| Ok(scans.remembered(snapshot)?.into()))
    }

    /// What was scanned, and the packs that are kept, the latest first. To see one again, check its link.
    pub fn history(&self) -> Result<Vec<Scanned>, Error> {
        let scans = self.wallet().scanned(|scans, snapshot| scans.list(snapshot))?;
        Ok(scans.iter().map(Scanned::from).collect())
    }

    /// Forgets a pack: its scans, and its place in the medicine list.
    pub fn forget(&self, link: &str) -> Result<(), Error> {
        if is_pack(link) {
            return self.wallet().unfollow(link);
        }
        let subject = Subject::new(link).map_err(|_| Error::invalid("product"))?;
        self.wallet().scanned(|scans, snapshot| scans.forget(snapshot, &subject))
    }

    /// Forgets what was scanned, but for the medicine list. What was sealed cannot be opened any more, wherever it still lies.
    pub fn erase_history(&self) -> Result<(), Error> {
        self.wallet().scanned(Scans::erase_history)
    }

    /// Forgets what was scanned, and the medicine list.
    pub fn erase_all(&self) -> Result<(), Error> {
        self.wallet().scanned(Scans::erase_all)?;
        self.wallet().unfollow_packs()
    }

    /// What is new about packs that were scanned or are kept: ask after every sync. Each comes once: call [`Self::told`]
    /// when the person has been told, so that a killed app loses none.
    pub fn notices(&self) -> Result<Vec<Notice>, Error> {
        let now = self.wallet().now();
        let notices = self.wallet().scanned(|scans, snapshot| scans.notices(snapshot, now))?;
        Ok(notices.iter().map(Notice::from).collect())
    }

    /// The person was told of a notice, by its id.
    pub fn told(&self, notice: &str) -> Result<(), Error> {
        let halves = notice.split_once('-').and_then(|(pack, about)| {
            Some(NoticeId { pack: pack.parse::<Hash>().ok()?, about: about.parse::<Hash>().ok()? })
        });
        let id = halves.ok_or_else(|| Error::invalid("notice"))?;
        self.wallet().scanned(|scans, snapshot| scans.told(snapshot, id))
    }
}

impl From<countersign_wallet::Remembered> for Remembered {
    fn from(told: countersign_wallet::Remembered) -> Self {
        let countersign_wallet::Remembered { on, scanned, kept, bytes } = told;
        Self { on, scanned, kept, bytes }
    }
}

impl Wallet {
    /// Takes every pack off the medicine list.
    fn unfollow_packs(&self) -> Result<(), Error> {
        let followed = self.following()?;
        let mut packs = followed.iter().filter(|row| is_pack(&row.link));
        packs.try_for_each(|row| self.unfollow(&row.link))
    }
}

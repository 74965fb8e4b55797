//! The facts that are proven of a product, before anything is judged.

use std::collections::BTreeMap;

use countersign_ledger::{Entry, Hash, IndexEntry, Subject, UnixMillis};

use crate::profile::Profile;
use crate::unit::UnitFacts;

/// A checkpoint that was verified: how much it covers, and when it was cosigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AsOf {
    /// Number of entries of the log.
    pub size: u64,
    /// When witnesses cosigned it.
    pub at: UnixMillis,
}

/// The facts that are proven of one product class. Every history is complete as of the checkpoint; nothing here is
/// judged yet. Void entries are in their place: the index counts them.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The trust domain in which the product is traced.
    pub domain: String,
    /// The product class.
    pub class: Subject,
    /// The history of the class itself: its certificates.
    pub history: Vec<Entry>,
    /// The class and all its lots, from the proof of its family: SHA-256 of each subject to what the index says of it.
    pub members: BTreeMap<Hash, IndexEntry>,
    /// The lots whose histories were fetched.
    pub lots: Vec<LotFacts>,
    /// The logistic units that are followed, in which its packs may be.
    pub units: Vec<UnitFacts>,
    /// The histories of other subjects that these build on, such as the order that a lot was made for.
    pub dependencies: BTreeMap<Subject, Vec<Entry>>,
    /// The entries of the trust log on the class, its lots and its packs, in the order of the log.
    pub alerts: Vec<Entry>,
    /// The checkpoint of the supply log.
    pub supply: AsOf,
    /// Checkpoints of the supply log that were verified before.
    pub earlier: Vec<AsOf>,
    /// The checkpoint of the trust log.
    pub trust: AsOf,
}

/// The facts that are proven of one lot.
#[derive(Clone, Debug)]
pub struct LotFacts {
    /// The lot.
    pub subject: Subject,
    /// Its history.
    pub history: Vec<Entry>,
    /// The filter over its serials, as fetched; it is checked against the digest in the lot's commission.
    pub filter: Option<Vec<u8>>,
    /// All packs of the lot that have statements, from the proof of the lot's family: SHA-256 of the pack's subject to what
    /// the index says of it.
    pub packs: BTreeMap<Hash, IndexEntry>,
    /// The histories of the packs that are followed one by one.
    pub followed: BTreeMap<Subject, Vec<Entry>>,
}

impl Facts {
    /// All entries of the supply log.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let lots =
            self.lots.iter().flat_map(|lot| std::iter::once(&lot.history).chain(lot.followed.values()));
        let units = self.units.iter().map(|unit| &unit.history);
        std::iter::once(&self.history).chain(lots).chain(units).chain(self.dependencies.values()).flatten()
    }

    /// The rules by which the product is traced, among `profiles`: those of the first statement on its class, else on
    /// one of its lots or packs, else of a warning about it; the first profile if there is no statement.
    pub fn profile<'a>(&self, profiles: &'a [Profile]) -> Option<&'a Profile> {
        let packs = self.lots.iter().flat_map(|lot| lot.followed.values());
        let histories = std::iter::once(&self.history).chain(self.lots.iter().map(|lot| &lot.history));
        let first = histories.chain(packs).chain([&self.alerts]).filter_map(|history| history.first());
        let mut named = first.filter_map(|one| Profile::of_kind(profiles, one.verified().statement().kind()));
        named.next().or_else(|| profiles.first())
    }
}

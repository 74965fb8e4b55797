//! Making evidence from the snapshot, without a network: the facts are put together once more, and what proves them is
//! recorded on the way.

use std::collections::{BTreeMap, BTreeSet};

use countersign_custody::{Contents, Item};
use countersign_ledger::{Entry, Hash, IndexEntry, Subject};

use super::EvidenceError;
use super::bundle::Bundle;
use super::trust_part::TrustPart;
use crate::SnapshotDamaged;
use crate::facts::{self, Histories, Members, PRODUCTS, Proofs, Scope, Surroundings};
use crate::snapshot::{Database, Snapshot};
use crate::store::Stored;
use crate::whole_logs;

impl Snapshot {
    /// Everything that the verdict on `item` rests on, as a file that [`crate::verify_evidence`] verifies with the genesis
    /// alone.
    pub fn export(&mut self, item: &Item) -> Result<Vec<u8>, EvidenceError> {
        self.dossier(item)?.ok_or(EvidenceError::NotHere)?;
        let item = Item { readings: Vec::new(), ..item.clone() };
        let (genesis, profiles) = (Hash::of(self.genesis.to_json().as_bytes()), self.profiles);
        let database = self.database(PRODUCTS).ok_or(EvidenceError::NotHere)?;
        let mut recorder = Recorder::new(database, &item);
        facts::assemble(&mut recorder, profiles, &Scope::of(&item))?;
        let Recorder { database, notes, families, histories, filter, contents, .. } = recorder;
        let (head, mut signers) = (database.head(), BTreeMap::new());
        let mut members: BTreeSet<Subject> = subjects(&item).cloned().collect();
        // Whoever was revoked since has signed all the same, and that it is void must be shown as well.
        let statements = histories.values().flatten();
        for signer in statements.flat_map(|stored| whole_logs::signers(&stored.entry.statement)) {
            let certificate = head.whole.trust().certificate(signer).ok_or(SnapshotDamaged)?;
            signers.insert(signer, certificate.as_der().to_vec());
            members.extend(Subject::new(certificate.identity().as_str()));
        }
        let trust = TrustPart::of(head, members, &mut signers).ok_or(SnapshotDamaged)?;
        Ok(Bundle {
            genesis,
            item,
            trust,
            notes: notes.into_iter().rev().map(|(_, note)| note).collect(),
            families: families.into_iter().collect(),
            histories: histories.into_iter().collect(),
            certificates: signers.into_values().collect(),
            filter,
            contents,
        }
        .to_cbor())
    }
}

pub(super) fn subjects(item: &Item) -> impl Iterator<Item = &Subject> {
    [Some(&item.class), item.lot.as_ref(), item.pack.as_ref()].into_iter().flatten()
}

/// The database's proofs about an item, recorded.
struct Recorder<'a> {
    database: Database<'a>,
    item: &'a Item,
    /// The checkpoints that paths lead to, by size; the head's is the largest.
    notes: BTreeMap<u64, String>,
    families: BTreeMap<Subject, Vec<u8>>,
    histories: BTreeMap<Subject, Vec<Stored>>,
    filter: Option<Vec<u8>>,
    contents: Vec<Vec<u8>>,
}

impl<'a> Recorder<'a> {
    fn new(database: Database<'a>, item: &'a Item) -> Self {
        let head = &database.checkpoint;
        let notes = BTreeMap::from([(head.checkpoint().size(), head.note().to_string())]);
        let (families, histories) = (BTreeMap::new(), BTreeMap::new());
        Self { database, item, notes, families, histories, filter: None, contents: Vec::new() }
    }
}

impl Histories for Recorder<'_> {
    type Error = SnapshotDamaged;

    fn history(&mut self, subject: &Subject) -> Result<Vec<Entry>, SnapshotDamaged> {
        facts::history(self, subject)
    }

    fn linked(&mut self, statement: Hash) -> Result<Subject, SnapshotDamaged> {
        self.database.linked(statement)
    }

    fn not_linked(&mut self, statement: Hash) -> SnapshotDamaged {
        self.database.not_linked(statement)
    }
}

impl Proofs for Recorder<'_> {
    fn family(&mut self, family: &Subject) -> Result<Members, SnapshotDamaged> {
        self.families.insert(family.clone(), self.database.family_proof(family)?);
        self.database.family(family)
    }

    fn histories(
        &mut self,
        wanted: &[(Subject, IndexEntry)],
    ) -> Result<BTreeMap<Subject, Vec<Entry>>, SnapshotDamaged> {
        for (subject, entry) in wanted {
            let stored = self.database.stored(subject, *entry)?;
            for Stored { size, .. } in &stored {
                if !self.notes.contains_key(size) {
                    self.notes.insert(*size, self.database.path_end(*size)?.note().to_string());
                }
            }
            self.histories.insert(subject.clone(), stored);
        }
        self.database.histories(wanted)
    }

    fn filter(&mut self, digest: Hash) -> Result<Option<Vec<u8>>, SnapshotDamaged> {
        self.filter = self.database.filter(digest)?;
        Ok(self.filter.clone())
    }

    fn contents(&mut self, digest: Hash) -> Result<Option<Contents>, SnapshotDamaged> {
        let contents = self.database.contents(digest)?;
        self.contents.extend(contents.as_ref().map(Contents::to_bytes));
        Ok(contents)
    }

    fn lots(&mut self, class: &Subject, members: &Members) -> Result<Vec<Subject>, SnapshotDamaged> {
        self.database.lots(class, members)
    }

    /// Of the lot's packs the item's alone: the others are nobody's business.
    fn packs(&mut self, lot: &Subject) -> Result<Vec<Subject>, SnapshotDamaged> {
        let mut packs = self.database.packs(lot)?;
        packs.retain(|pack| self.item.pack.as_ref() == Some(pack));
        Ok(packs)
    }

    /// The units in which the item's pack is or was, as far as that is known.
    fn units(&mut self) -> Result<Vec<Subject>, SnapshotDamaged> {
        let mut units = Vec::new();
        for unit in self.database.units()? {
            let history = self.database.history(&unit)?;
            units.push((unit, facts::contents(&mut self.database, &history)?));
        }
        let (mut inside, mut found) = (Vec::from_iter(self.item.pack.clone()), Vec::new());
        while let Some(one) = inside.pop() {
            let holds = |lists: &[Contents]| lists.iter().any(|contents| contents.contains(&one));
            let around = units.extract_if(.., |(_, lists)| holds(lists)).map(|(unit, _)| unit);
            let around: Vec<Subject> = around.collect();
            inside.extend(around.iter().cloned());
            found.extend(around);
        }
        Ok(found)
    }

    fn surroundings(&mut self, class: &Subject) -> Surroundings {
        self.database.surroundings(class)
    }
}

//! Proofs from the database: everything that is loaded is verified against the head.

use std::collections::{BTreeMap, HashMap};

use countersign_custody::{AsOf, Contents, SubjectType};
use countersign_ledger::{
    Entry, Family, FamilyProof, Genesis, Hash, HistoryEntry, HistoryError, IndexEntry, LogName, Policy,
    Refusal, Subject, TrustStore, TrustedCheckpoint,
};
use rusqlite::Connection;

use super::{Head, Snapshot, SnapshotDamaged};
use crate::facts::{
    self, Histories, Members, PRODUCTS, Proofs, Surroundings, as_of, digest, is, lot_and_class,
};
use crate::store::{self, Stored};
use crate::verify_pages::{Page, verify_page, verify_pages};
use crate::whole_logs;

/// Reads what is stored of one log, and verifies it against the head.
pub(crate) struct Database<'a> {
    connection: &'a Connection,
    log: LogName,
    genesis: &'a Genesis,
    policy: &'a Policy,
    /// The checkpoints that the paths which were loaded lead to, by size.
    earlier: BTreeMap<u64, AsOf>,
    head: &'a mut Head,
    /// The head's checkpoint of the log.
    pub(crate) checkpoint: TrustedCheckpoint,
    paths_to: &'a mut HashMap<(LogName, u64), TrustedCheckpoint>,
}

impl Snapshot {
    /// What is stored of a log; `None` before the first sync.
    pub(crate) fn database(&mut self, log: LogName) -> Option<Database<'_>> {
        let head = self.head.as_mut()?;
        Some(Database {
            connection: self.store.read(),
            log,
            genesis: &self.genesis,
            policy: &self.policy,
            earlier: BTreeMap::new(),
            checkpoint: head.checkpoint(log)?.clone(),
            head,
            paths_to: &mut self.paths_to,
        })
    }
}

impl Database<'_> {
    /// Whether a followed class, pack or family is here.
    pub(crate) fn is_ready(&self, subject: &Subject) -> Result<bool, SnapshotDamaged> {
        Ok(store::ready(self.connection, self.log, subject)? == Some(self.size()))
    }

    /// What is followed of a class, and here.
    pub(super) fn ready(&self, class: &Subject) -> Result<Vec<Subject>, SnapshotDamaged> {
        let rows = store::followed_of(self.connection, self.log, class.as_str())?;
        let ready = rows.into_iter().filter(|row| row.ready == Some(self.size()));
        Ok(ready.filter_map(|row| Subject::new(row.subject).ok()).collect())
    }

    /// The names of all members of a family.
    pub(super) fn names(&self, family: &Subject, members: &Members) -> Result<Vec<Subject>, SnapshotDamaged> {
        let names = store::names(self.connection, self.log, family.as_str())?.into_iter();
        let named = names.filter_map(|name| Subject::new(name).ok());
        let named: Vec<Subject> = named.filter(|name| members.contains_key(&digest(name))).collect();
        if named.len() == members.len() { Ok(named) } else { Err(SnapshotDamaged) }
    }

    /// What the database says of a family, which is proof to others.
    pub(crate) fn family_proof(&self, family: &Subject) -> Result<Vec<u8>, SnapshotDamaged> {
        let proof = store::family_proof(self.connection, self.log, family.as_str(), self.size())?;
        proof.ok_or(SnapshotDamaged)
    }

    /// A subject's statements as stored, as many as the index counts and in the order of the log.
    pub(crate) fn stored(
        &self,
        subject: &Subject,
        entry: IndexEntry,
    ) -> Result<Vec<Stored>, SnapshotDamaged> {
        let id = store::subject_id(self.connection, self.log, subject.as_str())?.ok_or(SnapshotDamaged)?;
        let stored = store::statements(self.connection, id, 0, entry.count)?;
        let ordered = stored.is_sorted_by(|one, next| one.entry.index < next.entry.index);
        if ordered && stored.len() as u64 == entry.count { Ok(stored) } else { Err(SnapshotDamaged) }
    }

    /// The checkpoint that paths of this size lead to, trusted.
    pub(crate) fn path_end(&mut self, size: u64) -> Result<TrustedCheckpoint, SnapshotDamaged> {
        if self.size() == size {
            return Ok(self.checkpoint.clone());
        }
        if let Some(known) = self.paths_to.get(&(self.log, size)) {
            return Ok(known.clone());
        }
        let note = store::note(self.connection, self.log, size)?.ok_or(SnapshotDamaged)?;
        let trusted = self.policy.trust(&note).map_err(|_| SnapshotDamaged)?;
        let checkpoint = trusted.checkpoint();
        if checkpoint.origin() != self.genesis.origin(self.log) || checkpoint.size() != size {
            return Err(SnapshotDamaged);
        }
        self.paths_to.insert((self.log, size), trusted.clone());
        Ok(trusted)
    }

    /// The head, with whom it trusts.
    pub(crate) const fn head(&self) -> &Head {
        self.head
    }

    fn size(&self) -> u64 {
        self.checkpoint.checkpoint().size()
    }

    fn trust(&self) -> &TrustStore {
        self.head.whole.trust()
    }

    /// Enrols the signers that these statements name and that are not known yet.
    fn enrol_signers(&mut self, entries: &[HistoryEntry]) -> Result<(), SnapshotDamaged> {
        for signer in entries.iter().flat_map(|entry| whole_logs::signers(&entry.statement)) {
            if self.trust().certificate(signer).is_none() {
                let der = store::certificate(self.connection, signer)?.ok_or(SnapshotDamaged)?;
                self.head.whole.trust_mut().enrol(&der).map_err(|_| SnapshotDamaged)?;
            }
        }
        Ok(())
    }
}

impl Histories for Database<'_> {
    type Error = SnapshotDamaged;

    fn history(&mut self, subject: &Subject) -> Result<Vec<Entry>, SnapshotDamaged> {
        facts::history(self, subject)
    }

    fn linked(&mut self, statement: Hash) -> Result<Subject, SnapshotDamaged> {
        store::link(self.connection, self.log, statement)?.ok_or(SnapshotDamaged)
    }

    fn not_linked(&mut self, _: Hash) -> SnapshotDamaged {
        SnapshotDamaged
    }
}

impl Proofs for Database<'_> {
    fn family(&mut self, family: &Subject) -> Result<Members, SnapshotDamaged> {
        let proof = FamilyProof::from_cbor(&self.family_proof(family)?).map_err(|_| SnapshotDamaged)?;
        let root = self.checkpoint.checkpoint().index_root();
        let members = proof.verify(Family::new(family.as_str()), root).map_err(|_| SnapshotDamaged)?;
        Ok(members.into_iter().collect())
    }

    /// The cores verify the statements of all of them together.
    fn histories(
        &mut self,
        wanted: &[(Subject, IndexEntry)],
    ) -> Result<BTreeMap<Subject, Vec<Entry>>, SnapshotDamaged> {
        let mut stored = Vec::new();
        for (subject, entry) in wanted {
            let mut prev = None;
            // What was fetched at one time leads to the checkpoint of that time.
            let all = self.stored(subject, *entry)?;
            for page in all.chunk_by(|one, next| one.size == next.size) {
                let checkpoint = self.path_end(page[0].size)?;
                self.earlier.insert(page[0].size, as_of(&checkpoint));
                let entries: Vec<HistoryEntry> = page.iter().map(|stored| stored.entry.clone()).collect();
                let last = entries.last().map(|last| Hash::of(&last.statement));
                stored.push((subject, prev, entries, checkpoint));
                prev = last;
            }
            if prev != Some(entry.latest) {
                return Err(SnapshotDamaged);
            }
        }
        let pages = stored.iter().map(|(subject, prev, entries, checkpoint)| Page {
            subject,
            prev: *prev,
            entries,
            checkpoint,
        });
        let pages: Vec<Page<'_>> = pages.collect();
        let verified = verify_pages(&pages, self.trust());
        let mut histories: BTreeMap<Subject, Vec<Entry>> = BTreeMap::new();
        for (Page { subject, prev, entries, checkpoint }, verified) in pages.into_iter().zip(verified) {
            let verified = match verified {
                // Most signers were met before; only when one was not are all of them looked up.
                Err(HistoryError::Refused(Refusal::UnknownSigner)) => {
                    self.enrol_signers(entries)?;
                    verify_page(entries, subject, prev, checkpoint, self.trust())
                }
                answer => answer,
            };
            histories.entry(subject.clone()).or_default().extend(verified.map_err(|_| SnapshotDamaged)?);
        }
        Ok(histories)
    }

    fn filter(&mut self, digest: Hash) -> Result<Option<Vec<u8>>, SnapshotDamaged> {
        let filter = store::filter(self.connection, digest)?;
        let whole = filter.as_ref().is_none_or(|bytes| Hash::of(bytes) == digest);
        if whole { Ok(filter) } else { Err(SnapshotDamaged) }
    }

    fn contents(&mut self, digest: Hash) -> Result<Option<Contents>, SnapshotDamaged> {
        Ok(stored_contents(self.connection, digest)?)
    }

    fn lots(&mut self, class: &Subject, members: &Members) -> Result<Vec<Subject>, SnapshotDamaged> {
        let ready = self.ready(class)?;
        if ready.contains(class) {
            let mut lots = self.names(class, members)?;
            lots.retain(|name| is(name, SubjectType::Lot));
            return Ok(lots);
        }
        let mut lots: Vec<Subject> = ready.iter().filter_map(|pack| Some(lot_and_class(pack)?.0)).collect();
        lots.dedup();
        Ok(lots)
    }

    fn packs(&mut self, lot: &Subject) -> Result<Vec<Subject>, SnapshotDamaged> {
        let mut packs = self.ready(&facts::family(lot))?;
        packs.retain(|pack| pack.family() == lot.as_str() && pack != lot);
        Ok(packs)
    }

    fn units(&mut self) -> Result<Vec<Subject>, SnapshotDamaged> {
        let rows = store::followed_units(self.connection, self.log)?.into_iter();
        let ready = rows.filter(|row| row.ready == Some(self.size()));
        let units = ready.filter_map(|row| Subject::new(row.subject).ok());
        Ok(units.filter(|unit| is(unit, SubjectType::Unit)).collect())
    }

    fn surroundings(&mut self, class: &Subject) -> Surroundings {
        let trust = self.head.checkpoint(LogName::TRUST).unwrap_or(&self.checkpoint);
        Surroundings {
            domain: domain(self.genesis),
            alerts: self.head.whole.about(class),
            supply: as_of(&self.checkpoint),
            earlier: self.earlier.values().copied().collect(),
            trust: as_of(trust),
        }
    }
}

/// The trust domain in which products are traced.
pub(crate) fn domain(genesis: &Genesis) -> String {
    genesis.log(PRODUCTS).and_then(|log| log.domain.clone()).unwrap_or_default()
}

/// A list of contents as stored, if it is what its digest says. One that was damaged is not here.
pub(super) fn stored_contents(
    connection: &Connection,
    digest: Hash,
) -> Result<Option<Contents>, store::StoreError> {
    let list = store::contents(connection, digest)?;
    let list = list.and_then(|list| Contents::from_bytes(&list).ok());
    Ok(list.filter(|list| list.digest() == digest))
}

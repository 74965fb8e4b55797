//! Making evidence from the snapshot, without a network.

use std::collections::{BTreeMap, BTreeSet};

use countersign_custody::{Contents, Item, UnitFacts};
use countersign_ledger::{Hash, IndexKey, Placed, Subject};

use super::EvidenceError;
use super::bundle::{Bundle, TrustHistory};
use crate::SnapshotDamaged;
use crate::trust_log::{self, TrustLogState};
use crate::log::Log;
use crate::snapshot::{Loader, Snapshot, digest, filter_of};
use crate::store::{self, Stored};

impl Snapshot {
    /// Everything that the verdict on `item` rests on, as a file that [`crate::verify_evidence`] believes with the genesis
    /// alone.
    pub fn export(&mut self, item: &Item) -> Result<Vec<u8>, EvidenceError> {
        self.dossier(item)?.ok_or(EvidenceError::NotHere)?;
        let (genesis, profiles) = (Hash::of(self.genesis.to_json().as_bytes()), self.profiles.clone());
        let mut loader = self.loader().ok_or(EvidenceError::NotHere)?;
        let mut gathered = Gathered::default();
        gathered.supply(&mut loader, item)?;
        let filter = gathered.believed.iter().find_map(|placed| filter_of(&profiles, placed));
        let filter = filter.map(|(digest, _)| store::filter(loader.connection, digest)).transpose();
        let filter = filter.map_err(SnapshotDamaged::from)?.flatten();
        let mut signers: BTreeMap<Hash, Vec<u8>> = BTreeMap::new();
        let mut members: BTreeSet<Subject> = subjects(item).cloned().collect();
        // Whoever was revoked since has signed all the same, and that it does not count must be shown as well.
        let statements = gathered.histories.iter().flat_map(|(_, stored)| stored);
        for signer in statements.flat_map(|stored| trust_log::signers(&stored.entry.statement)) {
            let certificate = loader.head.trust_log.trust().certificate(signer).ok_or(SnapshotDamaged)?;
            signers.insert(signer, certificate.as_der().to_vec());
            members.extend(Subject::new(certificate.identity().as_str()));
        }
        let trust = trust_log(&loader.head.trust_log, members, &mut signers);
        Ok(Bundle {
            genesis,
            item: Item { readings: Vec::new(), ..item.clone() },
            trust_note: loader.head.checkpoint(Log::Trust).note().to_string(),
            trust,
            notes: gathered.notes,
            families: gathered.families,
            histories: gathered.histories,
            certificates: signers.into_values().collect(),
            filter,
            contents: gathered.contents,
        }
        .to_cbor())
    }
}

fn subjects(item: &Item) -> impl Iterator<Item = &Subject> {
    [Some(&item.class), item.lot.as_ref(), item.pack.as_ref()].into_iter().flatten()
}

/// The trust log's entries on these subjects, and on whoever signed them, and so on.
fn trust_log(
    trust_log: &TrustLogState,
    mut asked: BTreeSet<Subject>,
    signers: &mut BTreeMap<Hash, Vec<u8>>,
) -> Vec<TrustHistory> {
    let mut found = BTreeMap::new();
    while let Some(subject) = asked.pop_first() {
        for signer in trust_log.signers(&subject) {
            signers.insert(signer.fingerprint(), signer.as_der().to_vec());
            asked.extend(
                Subject::new(signer.identity().as_str())
                    .ok()
                    .filter(|member| !found.contains_key(member) && *member != subject),
            );
        }
        let key = IndexKey::of(subject);
        let (index_proof, entries) = (trust_log.index().prove(&key).to_cbor(), trust_log.history(&subject));
        found.insert(subject.clone(), TrustHistory { subject, index_proof, entries });
    }
    found.into_values().collect()
}

/// What was found in the supply log.
#[derive(Default)]
struct Gathered {
    notes: Vec<String>,
    sizes: BTreeSet<u64>,
    families: Vec<(Subject, Vec<u8>)>,
    histories: Vec<(Subject, Vec<Stored>)>,
    believed: Vec<Placed>,
    contents: Vec<Vec<u8>>,
}

impl Gathered {
    fn supply(&mut self, loader: &mut Loader<'_>, item: &Item) -> Result<(), SnapshotDamaged> {
        let head = loader.head.checkpoint(Log::Supply).clone();
        self.notes.push(head.note().to_string());
        self.sizes.insert(head.checkpoint().size());
        self.family(loader, &item.class)?;
        self.history(loader, &item.class, &item.class)?;
        if let Some(lot) = &item.lot
            && self.history(loader, &item.class, lot)?
        {
            self.family(loader, lot)?;
            if let Some(pack) = &item.pack
                && loader.is_followed(pack)?
            {
                self.history(loader, lot, pack)?;
            }
        }
        if let Some(pack) = &item.pack {
            self.units(loader, &item.class, pack)?;
        }
        for subject in loader.dependencies()?.into_keys() {
            let family = Subject::new(subject.family()).map_err(|_| SnapshotDamaged)?;
            if self.families.iter().all(|(known, _)| *known != family) {
                self.family(loader, &family)?;
            }
            self.history(loader, &family, &subject)?;
        }
        Ok(())
    }

    /// The units in which a pack is or was, as far as it is known.
    fn units(
        &mut self,
        loader: &mut Loader<'_>,
        class: &Subject,
        pack: &Subject,
    ) -> Result<(), SnapshotDamaged> {
        let mut units = loader.units(class)?;
        let mut inside = vec![pack.clone()];
        while let Some(one) = inside.pop() {
            let holds = |unit: &UnitFacts| unit.contents.iter().any(|contents| contents.contains(&one));
            for unit in units.extract_if(.., |unit| holds(unit)) {
                self.family(loader, &unit.subject)?;
                self.history(loader, &unit.subject, &unit.subject)?;
                self.contents.extend(unit.contents.iter().map(Contents::to_bytes));
                inside.push(unit.subject);
            }
        }
        Ok(())
    }

    fn family(&mut self, loader: &Loader<'_>, family: &Subject) -> Result<(), SnapshotDamaged> {
        let size = loader.head.checkpoint(Log::Supply).checkpoint().size();
        let proof = store::family_proof(loader.connection, family.as_str(), size)?.ok_or(SnapshotDamaged)?;
        self.families.push((family.clone(), proof));
        Ok(())
    }

    /// Takes a subject's history, with the checkpoints that its paths lead to; returns whether there is one.
    fn history(
        &mut self,
        loader: &mut Loader<'_>,
        family: &Subject,
        subject: &Subject,
    ) -> Result<bool, SnapshotDamaged> {
        let Some(entry) = loader.family(family)?.get(&digest(subject)).copied() else { return Ok(false) };
        self.believed.extend(loader.history(subject, entry)?);
        let stored = loader.stored(subject, entry)?;
        for stored in &stored {
            if self.sizes.insert(stored.size) {
                self.notes.push(loader.path_end(stored.size)?.note().to_string());
            }
        }
        self.histories.push((subject.clone(), stored));
        Ok(true)
    }
}

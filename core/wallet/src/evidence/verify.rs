//! Verifying evidence with nothing but the genesis.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_custody::{Contents, Dossier, Now, Profile, SubjectType, verdict_of_evidence};
use countersign_ledger::{
    Entry, Family, FamilyProof, Genesis, Hash, HistoryEntry, HistoryError, IndexEntry, LogName, Subject,
    TrustStore, TrustedCheckpoint,
};

use super::bundle::Bundle;
use super::export::subjects;
use super::trust_part::{signers, trust_note};
use super::{EvidenceError, Report};
use crate::facts::{self, Histories, Members, PRODUCTS, Proofs, Scope, Surroundings, as_of, digest, is};
use crate::snapshot::domain;
use crate::store::Stored;
use crate::verify_pages::verify_page;

/// Verifies evidence, with nothing but the genesis, and tells what it proves: every signature, every path, and that nothing
/// was left out. `now` tells its age, and what has expired since; nothing that it proves hangs on that.
pub fn verify_evidence(file: &[u8], genesis: &Genesis, now: impl Into<Now>) -> Result<Report, EvidenceError> {
    let bundle = Bundle::read(file)?;
    if bundle.genesis != Hash::of(genesis.to_json().as_bytes()) {
        return Err(EvidenceError::OtherLedger);
    }
    let mut evidence = Evidence::new(genesis, &bundle)?;
    let (profiles, scope) = (Profile::all(), Scope::of(&bundle.item));
    let facts = facts::assemble(&mut evidence, profiles, &scope)?;
    evidence.check_complete()?;
    let (supply, trust) = (facts.supply, facts.trust);
    let profile = facts.profile(profiles).ok_or(EvidenceError::Malformed)?;
    let dossier = Dossier::new(profile, facts);
    let verdict = verdict_of_evidence(&bundle.item, &dossier, now);
    Ok(Report { item: bundle.item, verdict, supply, trust })
}

/// A file's proofs.
struct Evidence<'a> {
    genesis: &'a Genesis,
    bundle: &'a Bundle,
    trust: TrustStore,
    trust_checkpoint: TrustedCheckpoint,
    /// The checkpoint of the products' log that everything is as of.
    head: TrustedCheckpoint,
    by_size: BTreeMap<u64, TrustedCheckpoint>,
    lists: Vec<Contents>,
    /// In whose history a statement is, by its id.
    holders: HashMap<Hash, &'a Subject>,
    /// What the trust log holds on the item.
    alerts: Vec<Entry>,
    /// Everyone who signed something.
    signers: BTreeSet<String>,
    /// Whether a commission names the filter.
    filter_named: bool,
}

impl<'a> Evidence<'a> {
    fn new(genesis: &'a Genesis, bundle: &'a Bundle) -> Result<Self, EvidenceError> {
        let (policy, mut trust) = genesis.trust_anchors()?;
        let mut trusted = bundle.notes.iter().map(|note| trust_note(&policy, genesis, PRODUCTS, note));
        let head = trusted.next().ok_or(EvidenceError::Malformed)??;
        let size = head.checkpoint().size();
        let mut by_size = BTreeMap::from([(size, head.clone())]);
        for older in trusted {
            let older = older?;
            if older.checkpoint().size() >= size || by_size.insert(older.checkpoint().size(), older).is_some()
            {
                return Err(EvidenceError::OtherLog);
            }
        }
        for certificate in &bundle.certificates {
            trust.enrol(certificate)?;
        }
        let (trust_checkpoint, entries) = bundle.trust.apply(genesis, &policy, &mut trust)?;
        let item: Vec<&Subject> = subjects(&bundle.item).collect();
        let about_item = |one: &&Entry| item.contains(&one.verified().statement().subject());
        let place = |one: &Entry| trust.place(one.verified().clone(), LogName::TRUST, one.index());
        let alerts = entries.iter().filter(about_item).map(place).collect();
        let lists = bundle.contents.iter().map(|list| Contents::from_bytes(list));
        let lists = lists.collect::<Result<_, _>>().map_err(|_| EvidenceError::Malformed)?;
        let held = |(subject, stored): &'a (Subject, Vec<Stored>)| {
            stored.iter().map(move |one| (Hash::of(&one.entry.statement), subject))
        };
        Ok(Self {
            genesis,
            bundle,
            trust,
            trust_checkpoint,
            head,
            by_size,
            lists,
            holders: bundle.histories.iter().flat_map(held).collect(),
            alerts,
            signers: entries.iter().flat_map(|entry| signers(entry.verified())).collect(),
            filter_named: false,
        })
    }

    fn stored(&self, subject: &Subject) -> Option<&'a [Stored]> {
        self.bundle.histories.iter().find(|(name, _)| name == subject).map(|(_, stored)| stored.as_slice())
    }

    /// A history, complete as the family counts it.
    fn verify(&mut self, subject: &Subject, entry: IndexEntry) -> Result<Vec<Entry>, EvidenceError> {
        let refused = |reason| EvidenceError::History { subject: subject.clone(), reason };
        let stored = self.stored(subject).ok_or_else(|| EvidenceError::Lacks(subject.to_string()))?;
        let (mut verified, mut prev) = (Vec::new(), None);
        if !stored.is_sorted_by(|one, next| one.entry.index < next.entry.index) {
            return Err(refused(HistoryError::Order));
        }
        for page in stored.chunk_by(|one, next| one.size == next.size) {
            let checkpoint = self.by_size.get(&page[0].size).ok_or(EvidenceError::OtherLog)?;
            let entries: Vec<HistoryEntry> = page.iter().map(|stored| stored.entry.clone()).collect();
            verified.extend(verify_page(&entries, subject, prev, checkpoint, &self.trust).map_err(refused)?);
            prev = entries.last().map(|last| Hash::of(&last.statement));
        }
        if stored.len() as u64 != entry.count || prev != Some(entry.latest) {
            return Err(refused(HistoryError::Incomplete));
        }
        self.signers.extend(verified.iter().flat_map(|entry| signers(entry.verified())));
        Ok(verified)
    }

    /// Checks that the trust log's entries are there on the item, and on everyone who signed anything: a revocation or a
    /// recall that was left out would change the verdict.
    fn check_complete(&self) -> Result<(), EvidenceError> {
        if self.bundle.filter.is_some() && !self.filter_named {
            return Err(EvidenceError::Filter);
        }
        let item = subjects(&self.bundle.item).map(Subject::as_str);
        self.bundle.trust.check_about(item.chain(self.signers.iter().map(String::as_str)))
    }
}

impl Histories for Evidence<'_> {
    type Error = EvidenceError;

    fn history(&mut self, subject: &Subject) -> Result<Vec<Entry>, EvidenceError> {
        facts::history(self, subject)
    }

    fn linked(&mut self, statement: Hash) -> Result<Subject, EvidenceError> {
        match self.holders.get(&statement) {
            Some(&subject) => Ok(subject.clone()),
            None => Err(self.not_linked(statement)),
        }
    }

    fn not_linked(&mut self, statement: Hash) -> EvidenceError {
        EvidenceError::Lacks(statement.to_string())
    }
}

impl Proofs for Evidence<'_> {
    fn family(&mut self, family: &Subject) -> Result<Members, EvidenceError> {
        let found = self.bundle.families.iter().find(|(name, _)| name == family);
        let (_, proof) = found.ok_or_else(|| EvidenceError::Lacks(family.to_string()))?;
        let root = self.head.checkpoint().index_root();
        let members =
            FamilyProof::from_cbor(proof).and_then(|proof| proof.verify(Family::new(family.as_str()), root));
        let refused = |reason| EvidenceError::Family { family: family.clone(), reason };
        Ok(members.map_err(refused)?.into_iter().collect())
    }

    fn histories(
        &mut self,
        wanted: &[(Subject, IndexEntry)],
    ) -> Result<BTreeMap<Subject, Vec<Entry>>, EvidenceError> {
        wanted.iter().map(|(subject, entry)| Ok((subject.clone(), self.verify(subject, *entry)?))).collect()
    }

    fn filter(&mut self, digest: Hash) -> Result<Option<Vec<u8>>, EvidenceError> {
        self.filter_named = self.bundle.filter.as_ref().is_some_and(|bytes| Hash::of(bytes) == digest);
        if self.bundle.filter.is_some() && !self.filter_named {
            return Err(EvidenceError::Filter);
        }
        Ok(self.bundle.filter.clone())
    }

    fn contents(&mut self, digest: Hash) -> Result<Option<Contents>, EvidenceError> {
        Ok(self.lists.iter().find(|list| list.digest() == digest).cloned())
    }

    fn lots(&mut self, _: &Subject, members: &Members) -> Result<Vec<Subject>, EvidenceError> {
        let lot = self.bundle.item.lot.iter();
        Ok(lot.filter(|lot| members.contains_key(&digest(lot))).cloned().collect())
    }

    fn packs(&mut self, lot: &Subject) -> Result<Vec<Subject>, EvidenceError> {
        let pack = self.bundle.item.pack.iter().filter(|pack| pack.family() == lot.as_str());
        Ok(pack.filter(|pack| self.stored(pack).is_some()).cloned().collect())
    }

    fn units(&mut self) -> Result<Vec<Subject>, EvidenceError> {
        let named = self.bundle.histories.iter().map(|(subject, _)| subject);
        Ok(named.filter(|subject| is(subject, SubjectType::Unit)).cloned().collect())
    }

    fn surroundings(&mut self, _: &Subject) -> Surroundings {
        Surroundings {
            domain: domain(self.genesis),
            alerts: std::mem::take(&mut self.alerts),
            supply: as_of(&self.head),
            earlier: self.by_size.values().map(as_of).collect(),
            trust: as_of(&self.trust_checkpoint),
        }
    }
}

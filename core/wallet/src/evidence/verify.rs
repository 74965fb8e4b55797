//! Believing evidence with nothing but the genesis.

use std::collections::{BTreeMap, BTreeSet};

use countersign_custody::{Contents, Dossier, Facts, Item, SubjectType, LotFacts, Profile, UnitFacts, verdict};
use countersign_ledger::{
    Family, FamilyProof, Genesis, Hash, HistoryEntry, HistoryError, IndexEntry, IndexProof, Known, Placed,
    Policy, REVOKE, Refusal, Statement, Subject, SubjectHistory, TrustStore, TrustedCheckpoint,
};

use super::bundle::Bundle;
use super::{EvidenceError, Report};
use crate::verify_pages::verify_page;
use crate::missing_links::MissingLinks;
use crate::log::Log;
use crate::snapshot::{as_of, digest, filter_of};
use crate::store::Stored;

/// Believes evidence, with nothing but the genesis, and tells what it proves. Every signature is verified, every path, and
/// that nothing was left out.
pub fn verify_evidence(file: &[u8], genesis: &Genesis) -> Result<Report, EvidenceError> {
    let bundle = Bundle::read(file)?;
    if bundle.genesis != Hash::of(genesis.to_json().as_bytes()) {
        return Err(EvidenceError::OtherLedger);
    }
    let (policy, mut trust) = genesis.trust_anchors()?;
    let trust_checkpoint = believe(&policy, genesis, Log::Trust, &bundle.trust_note)?;
    let supply = supply_checkpoints(&policy, genesis, &bundle.notes)?;
    for certificate in &bundle.certificates {
        trust.enrol(certificate)?;
    }
    let (profiles, answerable, links) = (Profile::all(), BTreeSet::new(), MissingLinks::default());
    let mut court =
        Court { genesis, bundle: &bundle, profiles, trust, trust_checkpoint, supply, answerable, links };
    let alerts = court.trust_log()?;
    let facts = court.facts(alerts)?;
    court.nobody_is_missing()?;
    let (supply, trust) = (facts.supply, facts.trust);
    let profile = facts.profile(&court.profiles).ok_or(EvidenceError::Malformed)?;
    let dossier = Dossier::new(profile, facts);
    let verdict = verdict(&bundle.item, Some(&dossier), dossier.as_of());
    Ok(Report { item: bundle.item, verdict, supply, trust })
}

fn believe(
    policy: &Policy,
    genesis: &Genesis,
    log: Log,
    note: &str,
) -> Result<TrustedCheckpoint, EvidenceError> {
    let trusted = policy.trust(note)?;
    let right = trusted.checkpoint().origin() == genesis.origin(log.as_str());
    if right { Ok(trusted) } else { Err(EvidenceError::OtherLog) }
}

struct Supply {
    head: TrustedCheckpoint,
    by_size: BTreeMap<u64, TrustedCheckpoint>,
}

fn supply_checkpoints(policy: &Policy, genesis: &Genesis, notes: &[String]) -> Result<Supply, EvidenceError> {
    let mut trusted = notes.iter().map(|note| believe(policy, genesis, Log::Supply, note));
    let head = trusted.next().ok_or(EvidenceError::Malformed)??;
    let size = head.checkpoint().size();
    let mut by_size = BTreeMap::from([(size, head.clone())]);
    for older in trusted {
        let older = older?;
        if older.checkpoint().size() >= size || by_size.insert(older.checkpoint().size(), older).is_some() {
            return Err(EvidenceError::OtherLog);
        }
    }
    Ok(Supply { head, by_size })
}

struct Court<'a> {
    genesis: &'a Genesis,
    bundle: &'a Bundle,
    profiles: Vec<Profile>,
    trust: TrustStore,
    trust_checkpoint: TrustedCheckpoint,
    supply: Supply,
    /// Everyone who signed something.
    answerable: BTreeSet<String>,
    /// What the statements build on.
    links: MissingLinks,
}

impl<'a> Court<'a> {
    /// Believes the trust log's entries, takes in the revocations, and returns the warnings that stand.
    fn trust_log(&mut self) -> Result<Vec<Placed>, EvidenceError> {
        let mut believed: Vec<Placed> = Vec::new();
        for history in &self.bundle.trust {
            let refused = |reason| EvidenceError::History { subject: history.subject.clone(), reason };
            let message = SubjectHistory {
                index_proof: IndexProof::from_cbor(&history.index_proof)
                    .map_err(|reason| refused(reason.into()))?,
                entries: history.entries.clone(),
                certificates: Vec::new(),
            };
            let checkpoint = &self.trust_checkpoint;
            believed.extend(
                message
                    .verify(&history.subject, Known::default(), checkpoint, &mut self.trust)
                    .map_err(refused)?,
            );
        }
        believed.sort_by_key(Placed::index);
        self.answerable.extend(believed.iter().flat_map(signers));
        let origin = self.genesis.origin(Log::Trust.as_str());
        for placed in believed.iter().filter(|placed| placed.statement().kind().as_str() == REVOKE) {
            let refused = |reason: Refusal| {
                let subject = placed.statement().subject().clone();
                EvidenceError::History { subject, reason: reason.into() }
            };
            self.trust.apply(placed).map_err(refused)?;
        }
        let item = &self.bundle.item;
        let on_the_item =
            |placed: &Placed| subjects(item).any(|subject| subject == placed.statement().subject());
        let standing = believed
            .iter()
            .filter(|placed| on_the_item(placed))
            .filter_map(|placed| self.trust.log(placed.verified().clone(), &origin, placed.index()).ok());
        Ok(standing.collect())
    }

    fn facts(&mut self, alerts: Vec<Placed>) -> Result<Facts, EvidenceError> {
        let item = &self.bundle.item;
        let domain = self.genesis.domains.first().ok_or(EvidenceError::OtherLedger)?.name.clone();
        let members = self.family(&item.class)?;
        let history = self.history(&item.class, &members)?;
        let mut lots = Vec::new();
        if let Some(lot) = item.lot.as_ref().filter(|lot| members.contains_key(&digest(lot))) {
            let packs = self.family(lot)?;
            let mut followed = BTreeMap::new();
            if let Some(pack) = item.pack.as_ref().filter(|pack| self.stored(pack).is_some()) {
                followed.insert(pack.clone(), self.history(pack, &packs)?);
            }
            let history = self.history(lot, &members)?;
            let named =
                history.iter().find_map(|placed| filter_of(&self.profiles, placed)).map(|(digest, _)| digest);
            if self.bundle.filter.as_ref().is_some_and(|filter| Some(Hash::of(filter)) != named) {
                return Err(EvidenceError::Filter);
            }
            lots.push(LotFacts {
                subject: lot.clone(),
                history,
                filter: self.bundle.filter.clone(),
                packs,
                followed,
            });
        }
        let units = self.units()?;
        let dependencies = self.dependencies()?;
        Ok(Facts {
            domain,
            class: item.class.clone(),
            history,
            members,
            lots,
            units,
            dependencies,
            alerts,
            supply: as_of(&self.supply.head),
            earlier: self.supply.by_size.values().map(as_of).collect(),
            trust: as_of(&self.trust_checkpoint),
        })
    }

    /// Believes the histories of units. Which list is of which packing, the digests say.
    fn units(&mut self) -> Result<Vec<UnitFacts>, EvidenceError> {
        let lists = self.bundle.contents.iter().map(|list| Contents::from_bytes(list));
        let lists: Vec<Contents> = lists.collect::<Result<_, _>>().map_err(|_| EvidenceError::Malformed)?;
        let mut units = Vec::new();
        for (subject, _) in self.bundle.histories.iter().filter(|(name, _)| is_unit(name)) {
            let members = self.family(subject)?;
            let (entry, history) = (members.get(&digest(subject)).copied(), self.history(subject, &members)?);
            let contents = lists.iter().filter(|list| history.iter().any(|one| list.is_of(one)));
            units.push(UnitFacts {
                subject: subject.clone(),
                entry,
                contents: contents.cloned().collect(),
                history,
            });
        }
        Ok(units)
    }

    /// Believes the histories elsewhere that the item's statements build on. One that was left out would make a sound
    /// history look broken.
    fn dependencies(&mut self) -> Result<BTreeMap<Subject, Vec<Placed>>, EvidenceError> {
        let (item, mut dependencies) = (&self.bundle.item, BTreeMap::new());
        let elsewhere = self.bundle.histories.iter().map(|(name, _)| name).filter(|name| !is_unit(name));
        for name in elsewhere.filter(|name| subjects(item).all(|subject| subject != *name)) {
            let family = Subject::new(name.family()).map_err(|_| EvidenceError::Malformed)?;
            let members = self.family(&family)?;
            dependencies.insert(name.clone(), self.history(name, &members)?);
        }
        match self.links.missing() {
            Some(missing) => Err(EvidenceError::Lacks(missing.to_string())),
            None => Ok(dependencies),
        }
    }

    fn family(&self, family: &Subject) -> Result<BTreeMap<Hash, IndexEntry>, EvidenceError> {
        let found = self.bundle.families.iter().find(|(name, _)| name == family);
        let (_, proof) = found.ok_or_else(|| EvidenceError::Lacks(family.to_string()))?;
        let root = self.supply.head.checkpoint().index_root();
        let members =
            FamilyProof::from_cbor(proof).and_then(|proof| proof.verify(Family::new(family.as_str()), root));
        let refused = |reason| EvidenceError::Family { family: family.clone(), reason };
        Ok(members.map_err(refused)?.into_iter().collect())
    }

    fn stored(&self, subject: &Subject) -> Option<&'a [Stored]> {
        self.bundle.histories.iter().find(|(name, _)| name == subject).map(|(_, stored)| stored.as_slice())
    }

    /// Believes a history, complete as the family counts it.
    fn history(
        &mut self,
        subject: &Subject,
        members: &BTreeMap<Hash, IndexEntry>,
    ) -> Result<Vec<Placed>, EvidenceError> {
        let refused = |reason| EvidenceError::History { subject: subject.clone(), reason };
        let Some(entry) = members.get(&digest(subject)) else { return Ok(Vec::new()) };
        let stored = self.stored(subject).ok_or_else(|| EvidenceError::Lacks(subject.to_string()))?;
        let (mut placed, mut prev) = (Vec::new(), None);
        if !stored.is_sorted_by(|one, next| one.entry.index < next.entry.index) {
            return Err(refused(HistoryError::Order));
        }
        for page in stored.chunk_by(|one, next| one.size == next.size) {
            let checkpoint = self.supply.by_size.get(&page[0].size).ok_or(EvidenceError::OtherLog)?;
            let entries: Vec<HistoryEntry> = page.iter().map(|stored| stored.entry.clone()).collect();
            placed.extend(verify_page(&entries, subject, prev, checkpoint, &self.trust).map_err(refused)?);
            prev = entries.last().map(|last| Hash::of(&last.statement));
            let read = entries.iter().filter_map(|entry| Statement::parse(&entry.statement).ok());
            read.for_each(|statement| self.links.meet(statement.id(), statement.links()));
        }
        if stored.len() as u64 != entry.count || prev != Some(entry.latest) {
            return Err(refused(HistoryError::Incomplete));
        }
        self.answerable.extend(placed.iter().flat_map(signers));
        Ok(placed)
    }

    /// Checks that the trust log's entries are there on the item, and on everyone who signed anything: a revocation or a
    /// recall that was left out would change the verdict.
    fn nobody_is_missing(&self) -> Result<(), EvidenceError> {
        let there = |name: &str| self.bundle.trust.iter().any(|history| history.subject.as_str() == name);
        let item = subjects(&self.bundle.item).map(Subject::as_str);
        match item.chain(self.answerable.iter().map(String::as_str)).find(|name| !there(name)) {
            Some(missing) => Err(EvidenceError::Lacks(missing.to_owned())),
            None => Ok(()),
        }
    }
}

fn is_unit(subject: &Subject) -> bool {
    SubjectType::of(subject) == Some(SubjectType::Unit)
}

/// Who signed a statement, and what it carries.
fn signers(placed: &Placed) -> impl Iterator<Item = String> {
    let signed = std::iter::successors(Some(placed.verified()), |one| one.countersigned());
    signed.map(|one| one.signer().identity().as_str().to_owned())
}

fn subjects(item: &Item) -> impl Iterator<Item = &Subject> {
    [Some(&item.class), item.lot.as_ref(), item.pack.as_ref()].into_iter().flatten()
}

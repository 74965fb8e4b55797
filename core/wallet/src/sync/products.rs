//! What is followed: families, names, histories, filters.

use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;

use countersign_custody::{Level, MAX_FILTER};
use countersign_ledger::receipt::Receipt;
use countersign_ledger::{
    Family, FamilyProof, Hash, HistoryError, IndexEntry, IndexError, IndexKey, MAX_ENTRIES, Statement,
    Subject, SubjectHistory, leaf_hash, verify_inclusion,
};

use super::plan::{Held, Plan, Task, Wanted};
use super::{Next, Part, Stage, SyncError};
use crate::client::{Client, ClientError, MAX_ASKED};
use crate::intake::{Page, verify_pages_beside};
use crate::log::Log;
use crate::snapshot::{Head, Snapshot, digest, filter_of, lot_and_class};
use crate::store::{self, StoreError};

/// How many stored statements are hashed at once.
const BATCH: u64 = 256;

/// Why pages were not taken in.
enum PageError {
    /// The one with this number is not believed.
    Refused(usize, HistoryError),
    /// They could not be kept.
    Store(StoreError),
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Snapshot {
    pub(super) fn fetch_products(&mut self, client: &Client, mut plan: Plan) -> Result<Next, SyncError> {
        if let Some((asked, answer)) = plan.ahead.take() {
            let part = Part::Product(asked[0].0.subject.clone());
            self.fetched(client, &mut plan, asked, &answer?)?;
            return Ok(Next::Stage(Stage::Products(Box::new(plan)), part));
        }
        let Some(task) = plan.tasks.pop_front() else {
            if let Some(missing) = plan.links.missing() {
                let subject = self.find_linked(client, missing)?;
                plan.tasks.push_back(Task::Around(subject.clone(), missing));
                return Ok(Next::Stage(Stage::Products(Box::new(plan)), Part::Product(subject)));
            }
            let head = Head::new(plan.trusted.checkpoint, plan.supply, plan.trusted.beliefs);
            return Ok(Next::Finished(Box::new(head), plan.followed.into_iter().collect()));
        };
        let subject = task.subject().clone();
        match task {
            Task::Class(class) => {
                self.fetch_families(client, &mut plan, from_ref(&class))?;
                plan_class(&mut plan, class);
            }
            Task::Names(class) => self.fetch_names(client, &mut plan, class)?,
            Task::History(wanted) => self.fetch_histories(client, &mut plan, wanted)?,
            Task::Filter(lot) => self.fetch_filter(client, &lot)?,
            Task::Around(subject, linked) => self.fetch_around(client, &mut plan, subject, linked)?,
            Task::Packs(lot) => self.fetch_packs(client, &mut plan, lot)?,
        }
        Ok(Next::Stage(Stage::Products(Box::new(plan)), Part::Product(subject)))
    }

    /// Knows the members of families, from the database where a proof at this checkpoint is there.
    fn fetch_families(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        families: &[Subject],
    ) -> Result<(), SyncError> {
        let (size, root) = (plan.supply.checkpoint().size(), plan.supply.checkpoint().index_root());
        let verify = |family: &Subject, proof: &FamilyProof| proof.verify(Family::new(family.as_str()), root);
        let mut missing = Vec::new();
        for family in families {
            let stored = store::family_proof(self.store.read(), family.as_str(), size)?;
            match stored.and_then(|proof| verify(family, &FamilyProof::from_cbor(&proof).ok()?).ok()) {
                Some(members) => drop(plan.members.insert(family.clone(), members.into_iter().collect())),
                None => missing.push(family),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let proofs = client.families(Log::Supply, size, missing.iter().map(|family| family.as_str()))?;
        for (&family, proof) in missing.iter().zip(&proofs) {
            let members = verify(family, proof)
                .map_err(|reason| SyncError::Family { family: family.clone(), reason })?;
            plan.members.insert(family.clone(), members.into_iter().collect());
        }
        Ok(self.store.stage::<_, StoreError>(|tx| {
            missing.iter().zip(&proofs).try_for_each(|(family, proof)| {
                store::insert_family_proof(tx, family.as_str(), size, &proof.to_cbor())
            })
        })?)
    }

    /// Knows which packs of lots have something on record, and plans the histories of those that are followed.
    fn fetch_packs(&mut self, client: &Client, plan: &mut Plan, lot: Subject) -> Result<(), SyncError> {
        let mut lots = vec![lot];
        while lots.len() < MAX_ASKED
            && let Some(Task::Packs(lot)) = plan.tasks.pop_front_if(|task| matches!(task, Task::Packs(_)))
        {
            lots.push(lot);
        }
        self.fetch_families(client, plan, &lots)?;
        for lot in lots {
            // A lot may have very many packs, and of these only the followed ones matter here.
            let known = plan.members.remove(&lot).unwrap_or_default();
            for pack in plan.packs_of(&lot) {
                if let Some(entry) = known.get(&digest(&pack)) {
                    plan.tasks.push_front(Task::History(Wanted::new(pack, *entry)));
                }
            }
        }
        Ok(())
    }

    /// Knows the names of a class's members, and plans what each of them needs.
    fn fetch_names(&mut self, client: &Client, plan: &mut Plan, class: Subject) -> Result<(), SyncError> {
        let members = plan.members.get(&class).cloned().unwrap_or_default();
        let mut named = self.named(&class, &members)?;
        if let Some(skip) = members.keys().position(|member| !named.contains_key(member)) {
            let size = plan.supply.checkpoint().size();
            let names = client.names(Log::Supply, size, class.as_str(), skip as u64)?;
            let fresh = names.into_iter().filter_map(|name| Subject::new(name).ok());
            let fresh: Vec<Subject> = fresh.filter(|name| members.contains_key(&digest(name))).collect();
            let known = named.len();
            named.extend(fresh.iter().map(|name| (digest(name), name.clone())));
            if named.len() == known {
                return Err(SyncError::Names { family: class });
            }
            self.store
                .stage(|tx| fresh.iter().try_for_each(|name| store::insert_subject(tx, name).map(drop)))?;
        }
        if named.len() < members.len() {
            plan.tasks.push_front(Task::Names(class));
            return Ok(());
        }
        let known = members.into_iter().filter_map(|(member, entry)| Some((named.remove(&member)?, entry)));
        plan_members(plan, known.collect());
        Ok(())
    }

    fn named(
        &self,
        class: &Subject,
        members: &BTreeMap<Hash, IndexEntry>,
    ) -> Result<BTreeMap<Hash, Subject>, SyncError> {
        let names = store::names(self.store.read(), class.as_str())?.into_iter();
        let names = names.filter_map(|name| Subject::new(name).ok()).map(|name| (digest(&name), name));
        Ok(names.filter(|(member, _)| members.contains_key(member)).collect())
    }

    /// Has subjects' histories up to the checkpoint. What is stored is hashed; what is new is fetched, for several subjects
    /// at once if it is little, one page a step.
    fn fetch_histories(&mut self, client: &Client, plan: &mut Plan, first: Wanted) -> Result<(), SyncError> {
        let asked = self.gather(plan, Some(first))?;
        if asked.is_empty() {
            return Ok(());
        }
        let histories = ask(client, plan.supply.checkpoint().size(), &asked)?;
        self.fetched(client, plan, asked, &histories)
    }

    /// Which of the next histories there are to ask for, as many as fit into one answer.
    fn gather(
        &mut self,
        plan: &mut Plan,
        mut next: Option<Wanted>,
    ) -> Result<Vec<(Wanted, Held)>, SyncError> {
        let (mut asked, mut expected) = (Vec::new(), 0);
        while let Some(wanted) = next.take() {
            let held = match wanted.held {
                Some(held) => held,
                None => self.hashed(plan, &wanted.subject, wanted.entry)?,
            };
            if held.count < wanted.entry.count {
                expected += wanted.entry.count - held.count;
                asked.push((wanted, held));
            }
            if asked.len() < MAX_ASKED && expected < MAX_ENTRIES as u64 {
                next = plan.next_history();
            }
        }
        Ok(asked)
    }

    /// Takes in what was answered, while the node is asked for what comes next.
    pub(super) fn fetched(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        mut asked: Vec<(Wanted, Held)>,
        histories: &[SubjectHistory],
    ) -> Result<(), SyncError> {
        // What there was no room for is asked for again, and a history that goes on behind its page.
        let unanswered = asked.split_off(histories.len());
        for (wanted, held) in unanswered.into_iter().rev() {
            plan.tasks.push_front(Task::History(Wanted { held: Some(held), ..wanted }));
        }
        for ((wanted, held), history) in asked.iter().zip(histories).rev() {
            let count = held.count + history.entries.len() as u64;
            if count < wanted.entry.count {
                let last = history.entries.last().map(|last| Hash::of(&last.statement));
                let held = Some(Held { count, last, ..*held });
                plan.tasks.push_front(Task::History(Wanted { held, ..wanted.clone() }));
            }
        }
        let next = plan.next_history();
        let next = self.gather(plan, next)?;
        let size = plan.supply.checkpoint().size();
        let ahead = || (!next.is_empty()).then(|| ask(client, size, &next));
        match self.take_in_pages(plan, &asked, histories, ahead) {
            Ok(answer) => {
                plan.ahead = answer.map(|answer| (next, answer));
                Ok(())
            }
            // Something stored may be a statement of the log, and none of this subject: fetched again from the first, the
            // node is to blame if it is refused again.
            Err(PageError::Refused(at, HistoryError::Chain)) if asked[at].1.count > 0 => {
                let id = asked[at].1.id;
                self.store.stage::<_, StoreError>(|tx| store::forget_statements(tx, id))?;
                asked[at].1 = Held { id, count: 0, last: None };
                let again = |one: &Subject| asked.iter().any(|(wanted, _)| wanted.subject == *one);
                plan.tasks.retain(|task| !matches!(task, Task::History(wanted) if again(&wanted.subject)));
                let later: Vec<_> = next.into_iter().filter(|(wanted, _)| !again(&wanted.subject)).collect();
                for (wanted, held) in asked.into_iter().chain(later).rev() {
                    plan.tasks.push_front(Task::History(Wanted { held: Some(held), ..wanted }));
                }
                Ok(())
            }
            Err(PageError::Refused(at, reason)) => {
                Err(SyncError::History { subject: asked.swap_remove(at).0.subject, reason })
            }
            Err(PageError::Store(error)) => Err(error.into()),
        }
    }

    /// Believes pages, all or none, and keeps them. While the other cores verify, this thread does what is `beside`.
    fn take_in_pages<R>(
        &mut self,
        plan: &mut Plan,
        asked: &[(Wanted, Held)],
        histories: &[SubjectHistory],
        beside: impl FnOnce() -> R,
    ) -> Result<R, PageError> {
        let index_root = plan.supply.checkpoint().index_root();
        let trust = plan.trusted.beliefs.trust_mut();
        for (at, ((wanted, _), history)) in asked.iter().zip(histories).enumerate() {
            let refused = |reason| PageError::Refused(at, reason);
            let subject = &wanted.subject;
            let key = IndexKey::new(subject.family(), subject.as_str());
            let counted =
                history.index_proof.verify(&key, index_root).map_err(|error| refused(error.into()))?;
            if counted != Some(wanted.entry) {
                return Err(refused(IndexError::RootMismatch.into()));
            }
            for certificate in &history.certificates {
                trust.enrol(certificate).map_err(|error| refused(error.into()))?;
            }
        }
        let (trust, supply, profiles) = (plan.trusted.beliefs.trust(), &plan.supply, &self.profiles);
        let pages = asked.iter().zip(histories).map(|((wanted, held), history)| Page {
            subject: &wanted.subject,
            prev: held.last,
            entries: &history.entries,
            checkpoint: supply,
        });
        let pages: Vec<Page<'_>> = pages.collect();
        let (certified, links) = (&plan.certified, &mut plan.links);
        let (believed, beside) = verify_pages_beside(&pages, trust, beside);
        let signers = self.store.stage(|tx| {
            let mut signers: BTreeSet<Hash> = BTreeSet::new();
            for (at, ((page, (wanted, held)), logged)) in pages.iter().zip(asked).zip(believed).enumerate() {
                let logged = logged.map_err(|reason| PageError::Refused(at, reason))?;
                if !reaches(page, wanted.entry, *held) {
                    return Err(PageError::Refused(at, HistoryError::Incomplete));
                }
                for logged in &logged {
                    signers.extend(logged.statement().certificates());
                    links.meet(logged.statement());
                }
                if logged.len() < page.entries.len() {
                    // Who was revoked since has signed all the same.
                    let all = page.entries.iter().filter_map(|entry| Statement::parse(&entry.statement).ok());
                    for statement in all {
                        signers.extend(statement.certificates());
                        links.meet(&statement);
                    }
                }
                for (number, entry) in (held.count..).zip(page.entries) {
                    store::append_statement(tx, held.id, number, entry, supply.checkpoint().size())?;
                }
                if let Some((digest, length)) = logged.iter().find_map(|logged| filter_of(profiles, logged)) {
                    store::set_filter_hint(tx, held.id, digest, length)?;
                }
            }
            for certificate in signers.difference(certified).filter_map(|signer| trust.certificate(*signer)) {
                store::insert_certificate(tx, certificate.as_der())?;
            }
            Ok::<_, PageError>(signers)
        })?;
        plan.certified.extend(signers);
        Ok(beside)
    }

    /// Whether the certificates are here that verify a stored statement; what it builds on is then taken note of.
    fn certified(&self, plan: &mut Plan, statement: &[u8]) -> bool {
        let Ok(statement) = Statement::parse(statement) else { return false };
        plan.links.meet(&statement);
        statement.certificates().all(|signer| {
            if plan.certified.contains(&signer) {
                return true;
            }
            let stored = store::certificate(self.store.read(), signer).ok().flatten();
            let whole = stored.is_some_and(|der| Hash::of(&der) == signer);
            if whole {
                plan.certified.insert(signer);
            }
            whole
        })
    }

    /// The subject under which a linked statement is to be found, by the node's word.
    pub(crate) fn find_linked(&mut self, client: &Client, linked: Hash) -> Result<Subject, SyncError> {
        if let Some(subject) = store::link(self.store.read(), linked)? {
            return Ok(subject);
        }
        let unknown = SyncError::Linked { statement: linked };
        let receipt = match client.receipt(Log::Supply, linked) {
            Err(ClientError::NotFound) => return Err(unknown),
            answer => answer?,
        };
        let receipt = receipt.and_then(|receipt| Receipt::parse(&receipt).ok());
        let subject = receipt.and_then(|receipt| receipt.subject()).ok_or(unknown)?;
        self.store.stage::<_, StoreError>(|tx| store::set_link(tx, linked, &subject))?;
        Ok(subject)
    }

    /// Has a history on which the others build, unless it turned out on the way what it is.
    fn fetch_around(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        subject: Subject,
        linked: Hash,
    ) -> Result<(), SyncError> {
        if plan.links.has_met(linked) {
            return Ok(());
        }
        let unknown = SyncError::Linked { statement: linked };
        let Ok(family) = Subject::new(subject.family()) else { return Err(unknown) };
        let entry = plan.members.get(&family).map(|members| members.get(&digest(&subject)).copied());
        match entry {
            None => {
                self.fetch_families(client, plan, from_ref(&family))?;
                plan.tasks.push_front(Task::Around(subject, linked));
            }
            Some(Some(entry)) if plan.around.insert(subject.clone()) => {
                let again = Task::Around(subject.clone(), linked);
                plan.tasks.extend([Task::History(Wanted::new(subject, entry)), again]);
            }
            // Nothing there, or all of it and not what was linked: whoever said so is asked again, and then is to blame.
            _ => {
                self.store.stage::<_, StoreError>(|tx| store::forget_link(tx, linked))?;
                return Err(unknown);
            }
        }
        Ok(())
    }

    /// How many of a subject's stored statements are whole, and the last of them. If one is not, all are dropped.
    fn hashed(&mut self, plan: &mut Plan, subject: &Subject, entry: IndexEntry) -> Result<Held, SyncError> {
        let id = match store::subject_id(self.store.read(), subject.as_str())? {
            Some(id) => id,
            None => self.store.stage(|tx| store::insert_subject(tx, subject))?,
        };
        let mut held = Held { id, count: 0, last: None };
        let head = plan.supply.checkpoint();
        let mut roots = BTreeMap::from([(head.size(), Some(head.root()))]);
        let mut before = None;
        let whole = loop {
            let batch =
                store::statements(self.store.read(), id, held.count, BATCH.min(entry.count - held.count))?;
            if batch.is_empty() {
                break true;
            }
            let sound = batch.iter().all(|stored| {
                let root = *roots.entry(stored.size).or_insert_with(|| self.root_of(stored.size));
                let (place, statement) = (stored.entry.index, Hash::of(&stored.entry.statement));
                let included = root.is_some_and(|root| {
                    let leaf = leaf_hash(statement.as_bytes());
                    verify_inclusion(leaf, place, stored.size, &stored.entry.path, root).is_ok()
                });
                let rising = before.replace(place).is_none_or(|before| before < place);
                held = Held { count: held.count + 1, last: Some(statement), ..held };
                included && rising && self.certified(plan, &stored.entry.statement)
            });
            if !sound {
                break false;
            }
        };
        let complete = held.count < entry.count || held.last == Some(entry.latest);
        if whole && complete {
            return Ok(held);
        }
        self.store.stage::<_, StoreError>(|tx| store::forget_statements(tx, id))?;
        Ok(Held { count: 0, last: None, ..held })
    }

    fn root_of(&self, size: u64) -> Option<Hash> {
        let note = store::note(self.store.read(), Log::Supply, size).ok()??;
        self.believe(Log::Supply, size, &note).map(|trusted| trusted.checkpoint().root())
    }

    /// Has the filter that a lot's commission names, if there is a commission and somebody has brought the filter.
    fn fetch_filter(&mut self, client: &Client, lot: &Subject) -> Result<(), SyncError> {
        let connection = self.store.read();
        let Some(id) = store::subject_id(connection, lot.as_str())? else { return Ok(()) };
        let Some((digest, length)) = store::filter_hint(connection, id)? else { return Ok(()) };
        if store::filter(connection, digest)?.is_some_and(|bytes| Hash::of(&bytes) == digest) {
            return Ok(());
        }
        let wrong = || SyncError::Filter { lot: lot.clone() };
        let length = usize::try_from(length).ok().filter(|&length| length <= MAX_FILTER).ok_or_else(wrong)?;
        let bytes = match client.blob(digest, length) {
            // Nobody has brought it yet: the verdict says so.
            Err(ClientError::NotFound) => return Ok(()),
            answer => answer?,
        };
        if Hash::of(&bytes) != digest {
            return Err(wrong());
        }
        Ok(self.store.stage::<_, StoreError>(|tx| store::insert_filter(tx, digest, &bytes))?)
    }
}

/// Asks for histories; at least one is answered.
fn ask(client: &Client, size: u64, asked: &[(Wanted, Held)]) -> Result<Vec<SubjectHistory>, ClientError> {
    client.subjects(Log::Supply, size, asked.iter().map(|(wanted, held)| (&wanted.subject, held.count)))
}

/// Whether a page ends its history where the subject index says, or goes on towards it.
fn reaches(page: &Page<'_>, entry: IndexEntry, held: Held) -> bool {
    let reached = held.count + page.entries.len() as u64;
    let latest = page.entries.last().map(|last| Hash::of(&last.statement));
    let ends = reached == entry.count && latest == Some(entry.latest);
    ends || (reached < entry.count && latest.is_some() && latest != Some(entry.latest))
}

/// Plans what a class needs: all its members where the class itself is followed, else the lots of the packs that are.
fn plan_class(plan: &mut Plan, class: Subject) {
    if plan.followed.contains(&class) {
        plan.tasks.push_front(Task::Names(class));
        return;
    }
    let packs = plan.followed.iter().filter_map(lot_and_class);
    let mut wanted: Vec<Subject> = packs.filter(|(_, of)| *of == class).map(|(lot, _)| lot).collect();
    wanted.push(class.clone());
    wanted.sort_unstable();
    wanted.dedup();
    let members = plan.members.get(&class);
    let known = wanted.into_iter().filter_map(|subject| {
        let entry = *members?.get(&digest(&subject))?;
        Some((subject, entry))
    });
    let known = known.collect();
    plan_members(plan, known);
}

/// Plans what members of a class need: like things one after the other, for they are asked for together.
fn plan_members(plan: &mut Plan, members: Vec<(Subject, IndexEntry)>) {
    let lots = members.iter().map(|(subject, _)| subject).filter(|of| Level::of(of) == Some(Level::Lot));
    let lots: Vec<Subject> = lots.cloned().collect();
    let mut tasks: Vec<Task> =
        members.into_iter().map(|(subject, entry)| Task::History(Wanted::new(subject, entry))).collect();
    tasks.extend(lots.iter().cloned().map(Task::Filter));
    tasks.extend(lots.into_iter().map(Task::Packs));
    tasks.into_iter().rev().for_each(|task| plan.tasks.push_front(task));
}

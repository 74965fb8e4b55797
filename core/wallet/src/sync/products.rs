//! What is followed: families, names, histories, filters.

use std::collections::{BTreeMap, BTreeSet};

use countersign_custody::{Level, MAX_FILTER};
use countersign_ledger::receipt::Receipt;
use countersign_ledger::{
    Family, FamilyProof, Hash, HistoryError, IndexEntry, IndexError, IndexKey, Statement, Subject,
    SubjectHistory, leaf_hash, verify_inclusion,
};

use super::plan::{Held, Plan, Task};
use super::{Next, Part, Stage, SyncError};
use crate::client::{Client, ClientError};
use crate::intake::verify_page_beside;
use crate::log::Log;
use crate::snapshot::{Head, Snapshot, digest, filter_of, lot_and_class};
use crate::store::{self, StoreError};

/// How many stored statements are hashed at once.
const BATCH: u64 = 256;

/// Why a page was not taken in.
enum PageError {
    /// It is not believed.
    Refused(HistoryError),
    /// It could not be kept.
    Store(StoreError),
}

impl From<HistoryError> for PageError {
    fn from(reason: HistoryError) -> Self {
        Self::Refused(reason)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Snapshot {
    pub(super) fn fetch_products(&mut self, client: &Client, mut plan: Plan) -> Result<Next, SyncError> {
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
                self.fetch_family(client, &mut plan, &class)?;
                plan_class(&mut plan, class);
            }
            Task::Names(class) => self.fetch_names(client, &mut plan, class)?,
            Task::History(subject, entry, held) => {
                self.fetch_history(client, &mut plan, subject, entry, held)?;
            }
            Task::Filter(lot) => self.fetch_filter(client, &lot)?,
            Task::Around(subject, linked) => self.fetch_around(client, &mut plan, subject, linked)?,
            Task::Packs(lot) => {
                self.fetch_family(client, &mut plan, &lot)?;
                // A lot may have very many packs, and of these only the followed ones matter here.
                let known = plan.members.remove(&lot).unwrap_or_default();
                for pack in plan.packs_of(&lot) {
                    if let Some(entry) = known.get(&digest(&pack)) {
                        plan.tasks.push_front(Task::History(pack, *entry, None));
                    }
                }
            }
        }
        Ok(Next::Stage(Stage::Products(Box::new(plan)), Part::Product(subject)))
    }

    /// Knows the members of a family, from the database if a proof at this checkpoint is there.
    fn fetch_family(&mut self, client: &Client, plan: &mut Plan, family: &Subject) -> Result<(), SyncError> {
        let (size, root) = (plan.supply.checkpoint().size(), plan.supply.checkpoint().index_root());
        let verify = |proof: &FamilyProof| proof.verify(Family::new(family.as_str()), root);
        let stored = store::family_proof(self.store.read(), family.as_str(), size)?;
        let stored = stored.and_then(|proof| verify(&FamilyProof::from_cbor(&proof).ok()?).ok());
        let members = match stored {
            Some(members) => members,
            None => {
                let proof = client.family(Log::Supply, size, family.as_str())?;
                let members =
                    verify(&proof).map_err(|reason| SyncError::Family { family: family.clone(), reason })?;
                self.store.stage::<_, StoreError>(|tx| {
                    store::insert_family_proof(tx, family.as_str(), size, &proof.to_cbor())
                })?;
                members
            }
        };
        plan.members.insert(family.clone(), members.into_iter().collect());
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
        let mut tasks = Vec::new();
        for (member, entry) in members {
            if let Some(subject) = named.get(&member) {
                tasks.extend(tasks_for(subject, entry));
            }
        }
        tasks.into_iter().rev().for_each(|task| plan.tasks.push_front(task));
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

    /// Has a subject's history up to the checkpoint. What is stored is hashed; what is new is fetched, one page a step.
    fn fetch_history(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        subject: Subject,
        entry: IndexEntry,
        held: Option<Held>,
    ) -> Result<(), SyncError> {
        let held = match held {
            Some(held) => held,
            None => self.hashed(plan, &subject, entry)?,
        };
        if held.count == entry.count {
            return Ok(());
        }
        let size = plan.supply.checkpoint().size();
        let page = client.subject(Log::Supply, size, &subject, held.count)?;
        match self.take_in_page(plan, &subject, &page, entry, held) {
            Ok(()) => {
                let count = held.count + page.entries.len() as u64;
                if count < entry.count {
                    let last = page.entries.last().map(|last| Hash::of(&last.statement));
                    plan.tasks.push_front(Task::History(subject, entry, Some(Held { count, last, ..held })));
                }
                Ok(())
            }
            // Something stored may be a statement of the log, and none of this subject: fetched again from the first, the
            // node is to blame if it is refused again.
            Err(PageError::Refused(HistoryError::Chain)) if held.count > 0 => {
                self.store.stage::<_, StoreError>(|tx| store::forget_statements(tx, held.id))?;
                let held = Held { count: 0, last: None, ..held };
                plan.tasks.push_front(Task::History(subject, entry, Some(held)));
                Ok(())
            }
            Err(PageError::Refused(reason)) => Err(SyncError::History { subject, reason }),
            Err(PageError::Store(error)) => Err(error.into()),
        }
    }

    /// Believes a page and keeps it. It is written while the other cores verify, and stands only if all of it is believed.
    fn take_in_page(
        &mut self,
        plan: &mut Plan,
        subject: &Subject,
        page: &SubjectHistory,
        entry: IndexEntry,
        held: Held,
    ) -> Result<(), PageError> {
        let key = IndexKey::new(subject.family(), subject.as_str());
        let index_root = plan.supply.checkpoint().index_root();
        if page.index_proof.verify(&key, index_root).map_err(HistoryError::from)? != Some(entry) {
            return Err(HistoryError::from(IndexError::RootMismatch).into());
        }
        let trust = plan.trusted.beliefs.trust_mut();
        for certificate in &page.certificates {
            trust.enrol(certificate).map_err(HistoryError::from)?;
        }
        let (trust, supply, profiles) = (plan.trusted.beliefs.trust(), &plan.supply, &self.profiles);
        let (certified, links) = (&plan.certified, &mut plan.links);
        let reached = held.count + page.entries.len() as u64;
        let latest = page.entries.last().map(|last| Hash::of(&last.statement));
        let ends = reached == entry.count && latest == Some(entry.latest);
        let goes_on = reached < entry.count && latest.is_some() && latest != Some(entry.latest);
        self.store
            .stage(|tx| {
                let write = || {
                    (held.count..).zip(&page.entries).try_for_each(|(number, entry)| {
                        store::append_statement(tx, held.id, number, entry, supply.checkpoint().size())
                    })
                };
                let (believed, written) =
                    verify_page_beside(&page.entries, subject, held.last, supply, trust, write);
                let logged = believed?;
                written?;
                if !ends && !goes_on {
                    return Err(HistoryError::Incomplete.into());
                }
                let mut signers: BTreeSet<Hash> =
                    logged.iter().flat_map(|logged| logged.statement().certificates()).collect();
                logged.iter().for_each(|logged| links.meet(logged.statement()));
                if logged.len() < page.entries.len() {
                    // Who was revoked since has signed all the same.
                    for statement in
                        page.entries.iter().filter_map(|entry| Statement::parse(&entry.statement).ok())
                    {
                        signers.extend(statement.certificates());
                        links.meet(&statement);
                    }
                }
                for certificate in
                    signers.difference(certified).filter_map(|signer| trust.certificate(*signer))
                {
                    store::insert_certificate(tx, certificate.as_der())?;
                }
                if let Some((digest, length)) = logged.iter().find_map(|logged| filter_of(profiles, logged)) {
                    store::set_filter_hint(tx, held.id, digest, length)?;
                }
                Ok(signers)
            })
            .map(|signers| plan.certified.extend(signers))
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
    fn find_linked(&mut self, client: &Client, linked: Hash) -> Result<Subject, SyncError> {
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
                self.fetch_family(client, plan, &family)?;
                plan.tasks.push_front(Task::Around(subject, linked));
            }
            Some(Some(entry)) if plan.around.insert(subject.clone()) => {
                let again = Task::Around(subject.clone(), linked);
                plan.tasks.extend([Task::History(subject, entry, None), again]);
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
    let known = wanted.iter().filter_map(|subject| Some((subject, *members?.get(&digest(subject))?)));
    let tasks: Vec<Task> = known.flat_map(|(subject, entry)| tasks_for(subject, entry)).collect();
    tasks.into_iter().rev().for_each(|task| plan.tasks.push_front(task));
}

fn tasks_for(subject: &Subject, entry: IndexEntry) -> Vec<Task> {
    let mut tasks = vec![Task::History(subject.clone(), entry, None)];
    if Level::of(subject) == Some(Level::Lot) {
        tasks.extend([Task::Filter(subject.clone()), Task::Packs(subject.clone())]);
    }
    tasks
}

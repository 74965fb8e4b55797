//! Histories: asked for, believed and kept, page after page.
//!
//! Believing costs most by far, so it never waits: while the other cores verify what was answered, this thread writes what
//! they believed before, sees what is here of the next histories, and asks for the rest.

use std::collections::{BTreeMap, BTreeSet};

use countersign_ledger::{
    Hash, HistoryError, Inclusions, IndexEntry, IndexError, IndexKey, Logged, MAX_ENTRIES, Statement,
    Subject, SubjectHistory, Trust, TrustedCheckpoint, leaf_hash,
};

use super::SyncError;
use super::plan::{Ahead, Held, Plan, Wanted, Work};
use crate::client::{Client, ClientError, MAX_ASKED};
use crate::intake::{Page, verify_pages_beside};
use crate::log::Log;
use crate::snapshot::{Snapshot, filter_of};
use crate::store::{self, StoreError, Stored};

/// How many stored statements are hashed at once.
const BATCH: u64 = 256;

/// What was believed and is not yet written.
pub(super) struct Believed {
    asked: Vec<(Wanted, Held)>,
    histories: Vec<SubjectHistory>,
    /// Of each history the statements that count: all but those of signers who were revoked since.
    logged: Vec<Vec<Logged>>,
}

impl Snapshot {
    /// Has subjects' histories up to the checkpoint. What is stored is hashed; what is new is fetched, for several subjects
    /// at once if it is little, one page a step.
    pub(super) fn fetch_histories(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        first: Wanted,
    ) -> Result<(), SyncError> {
        let asked = self.gather(&plan.supply, &mut plan.work, Some(first))?;
        if asked.is_empty() {
            return Ok(());
        }
        let histories = ask(client, plan.supply.checkpoint().size(), &asked)?;
        self.take_in_histories(client, plan, Ahead { asked, histories })
    }

    /// Which of the next histories there are to ask for, as many as fit into one answer.
    fn gather(
        &mut self,
        supply: &TrustedCheckpoint,
        work: &mut Work,
        mut next: Option<Wanted>,
    ) -> Result<Vec<(Wanted, Held)>, SyncError> {
        let (mut asked, mut expected) = (Vec::new(), 0);
        while let Some(wanted) = next.take() {
            let held = match wanted.held {
                Some(held) => held,
                None => self.hashed(supply, work, &wanted.subject, wanted.entry)?,
            };
            if held.count < wanted.entry.count {
                expected += wanted.entry.count - held.count;
                asked.push((wanted, held));
            }
            if asked.len() < MAX_ASKED && expected < MAX_ENTRIES as u64 {
                next = work.next_history();
            }
        }
        Ok(asked)
    }

    /// Believes what was answered, all or none.
    pub(super) fn take_in_histories(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        Ahead { mut asked, histories }: Ahead,
    ) -> Result<(), SyncError> {
        let Plan { trusted, supply, work } = plan;
        work.go_on(&mut asked, &histories);
        let counted =
            asked.iter().zip(&histories).enumerate().try_for_each(|(at, ((wanted, _), history))| {
                let counted = counts(wanted, history, supply, trusted.beliefs.trust_mut());
                counted.map_err(|reason| (at, reason))
            });
        if let Err((at, reason)) = counted {
            return Err(SyncError::History { subject: asked.swap_remove(at).0.subject, reason });
        }
        let trust = trusted.beliefs.trust();
        let pages = asked.iter().zip(&histories).map(|((wanted, held), history)| Page {
            subject: &wanted.subject,
            prev: held.last,
            entries: &history.entries,
            checkpoint: supply,
        });
        let pages: Vec<Page<'_>> = pages.collect();
        let (believed, beside) =
            verify_pages_beside(&pages, trust, || self.look_ahead(client, supply, trust, work));
        // What failed is told when this is written.
        work.ahead = beside.transpose();
        let logged = believed.into_iter().zip(&asked).zip(&histories).enumerate().map(
            |(at, ((page, asked), history))| {
                let page = page.and_then(|page| {
                    if reaches(history, asked) { Ok(page) } else { Err(HistoryError::Incomplete) }
                });
                page.map_err(|reason| (at, reason))
            },
        );
        match logged.collect::<Result<_, _>>() {
            Ok(logged) => {
                work.believed = Some(Believed { asked, histories, logged });
                Ok(())
            }
            // Something stored may be a statement of the log, and none of this subject: it is fetched from the first, once,
            // and if that is refused again, the node is to blame.
            Err((at, HistoryError::Chain)) if asked[at].1.from_before => {
                let id = asked[at].1.id;
                self.store.stage::<_, StoreError>(|tx| store::forget_statements(tx, id))?;
                asked[at].1 = Held { id, count: 0, last: None, from_before: false };
                work.again(asked);
                Ok(())
            }
            Err((at, reason)) => Err(SyncError::History { subject: asked.swap_remove(at).0.subject, reason }),
        }
    }

    /// What is done while others verify: what they believed before is kept, and what comes next is asked for.
    fn look_ahead(
        &mut self,
        client: &Client,
        supply: &TrustedCheckpoint,
        trust: &Trust,
        work: &mut Work,
    ) -> Result<Option<Ahead>, SyncError> {
        self.keep_believed(supply, trust, work)?;
        self.fetch_packs(client, supply, work)?;
        let next = work.next_history();
        let asked = self.gather(supply, work, next)?;
        if asked.is_empty() {
            return Ok(None);
        }
        let histories = ask(client, supply.checkpoint().size(), &asked)?;
        Ok(Some(Ahead { asked, histories }))
    }

    /// Writes what was believed, in one transaction.
    pub(super) fn keep_believed(
        &mut self,
        supply: &TrustedCheckpoint,
        trust: &Trust,
        work: &mut Work,
    ) -> Result<(), StoreError> {
        let Some(Believed { asked, histories, logged }) = work.believed.take() else { return Ok(()) };
        let mut signers: BTreeSet<Hash> = BTreeSet::new();
        for (history, logged) in histories.iter().zip(&logged) {
            for logged in logged {
                signers.extend(logged.statement().certificates());
                work.links.meet(logged.statement());
            }
            if logged.len() < history.entries.len() {
                // Who was revoked since has signed all the same.
                for statement in
                    history.entries.iter().filter_map(|entry| Statement::parse(&entry.statement).ok())
                {
                    signers.extend(statement.certificates());
                    work.links.meet(&statement);
                }
            }
        }
        let (profiles, size) = (&self.profiles, supply.checkpoint().size());
        self.store.stage::<_, StoreError>(|tx| {
            for (((_, held), history), logged) in asked.iter().zip(&histories).zip(&logged) {
                for (number, entry) in (held.count..).zip(&history.entries) {
                    store::append_statement(tx, held.id, number, entry, size)?;
                }
                if let Some((digest, length)) = logged.iter().find_map(|logged| filter_of(profiles, logged)) {
                    store::set_filter_hint(tx, held.id, digest, length)?;
                }
            }
            let fresh = signers.difference(&work.certified).filter_map(|signer| trust.certificate(*signer));
            fresh.into_iter().try_for_each(|certificate| store::insert_certificate(tx, certificate.as_der()))
        })?;
        work.certified.extend(signers);
        Ok(())
    }

    /// Whether the certificates are here that verify a stored statement; what it builds on is then taken note of.
    fn certified(&self, work: &mut Work, statement: &[u8]) -> bool {
        let Ok(statement) = Statement::parse(statement) else { return false };
        work.links.meet(&statement);
        statement.certificates().all(|signer| {
            if work.certified.contains(&signer) {
                return true;
            }
            let stored = store::certificate(self.store.read(), signer).ok().flatten();
            let whole = stored.is_some_and(|der| Hash::of(&der) == signer);
            if whole {
                work.certified.insert(signer);
            }
            whole
        })
    }

    /// How many of a subject's stored statements are whole, and the last of them. If one is not, all are dropped.
    fn hashed(
        &mut self,
        supply: &TrustedCheckpoint,
        work: &mut Work,
        subject: &Subject,
        entry: IndexEntry,
    ) -> Result<Held, SyncError> {
        let id = match store::subject_id(self.store.read(), subject.as_str())? {
            Some(id) => id,
            None => self.store.stage(|tx| store::insert_subject(tx, subject))?,
        };
        let mut held = Held { id, count: 0, last: None, from_before: true };
        let mut ends = BTreeMap::from([(supply.checkpoint().size(), Some(supply.clone()))]);
        let mut before = None;
        let whole = loop {
            let batch =
                store::statements(self.store.read(), id, held.count, BATCH.min(entry.count - held.count))?;
            if batch.is_empty() {
                break true;
            }
            // What was fetched at one time leads to the checkpoint of that time.
            let sound = batch.chunk_by(|one, next| one.size == next.size).all(|page| {
                let size = page[0].size;
                let Some(end) = ends.entry(size).or_insert_with(|| self.path_end(size)) else { return false };
                let mut inclusions = Inclusions::new(end);
                page.iter().all(|Stored { entry, .. }| {
                    let statement = Hash::of(&entry.statement);
                    let leaf = leaf_hash(statement.as_bytes());
                    let included = inclusions.verify(leaf, entry.index, &entry.path).is_ok();
                    let rising = before.replace(entry.index).is_none_or(|before| before < entry.index);
                    held = Held { count: held.count + 1, last: Some(statement), ..held };
                    included && rising && self.certified(work, &entry.statement)
                })
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
        Ok(Held { id, count: 0, last: None, from_before: false })
    }

    /// The checkpoint that paths of this size lead to, believed.
    fn path_end(&self, size: u64) -> Option<TrustedCheckpoint> {
        let note = store::note(self.store.read(), Log::Supply, size).ok()??;
        self.believe(Log::Supply, size, &note)
    }
}

/// Asks for histories; at least one is answered.
fn ask(client: &Client, size: u64, asked: &[(Wanted, Held)]) -> Result<Vec<SubjectHistory>, ClientError> {
    client.subjects(Log::Supply, size, asked.iter().map(|(wanted, held)| (&wanted.subject, held.count)))
}

/// Whether the subject index counts as many statements as were expected. The certificates that come along, and lead to a
/// pinned root, are taken into `trust`.
fn counts(
    wanted: &Wanted,
    history: &SubjectHistory,
    supply: &TrustedCheckpoint,
    trust: &mut Trust,
) -> Result<(), HistoryError> {
    let key = IndexKey::new(wanted.subject.family(), wanted.subject.as_str());
    let counted = history.index_proof.verify(&key, supply.checkpoint().index_root())?;
    if counted != Some(wanted.entry) {
        return Err(IndexError::RootMismatch.into());
    }
    history.certificates.iter().try_for_each(|certificate| trust.enrol(certificate).map(drop))?;
    Ok(())
}

/// Whether a page ends its history where the subject index says, or goes on towards it.
fn reaches(history: &SubjectHistory, (wanted, held): &(Wanted, Held)) -> bool {
    let entry = wanted.entry;
    let reached = held.count + history.entries.len() as u64;
    let latest = history.entries.last().map(|last| Hash::of(&last.statement));
    let ends = reached == entry.count && latest == Some(entry.latest);
    ends || (reached < entry.count && latest.is_some() && latest != Some(entry.latest))
}

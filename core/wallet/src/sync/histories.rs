//! Histories: asked for, believed and kept, page after page.
//!
//! Believing costs most by far, so it never waits: while the other cores verify what was answered, this thread writes what
//! they believed before, sees what is here of the next histories, and asks for the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_ledger::{
    Hash, HistoryError, Inclusions, IndexEntry, IndexError, IndexKey, Placed, MAX_ENTRIES, Statement,
    Subject, SubjectHistory, TrustStore, TrustedCheckpoint, leaf_hash,
};

use super::SyncError;
use super::plan::{Ahead, Held, Plan, Task, Wanted, Work};
use crate::client::{Client, MAX_ASKED};
use crate::verify_pages::{Page, verify_pages_beside};
use crate::log::Log;
use crate::snapshot::{Snapshot, filter_of};
use crate::store::{self, StoreError, Stored};

/// How many stored statements are hashed in one step.
const HASHED: u64 = 4096;
/// How many answers are fetched while one batch of them is believed.
const ASKED_AHEAD: usize = 4;

/// What was believed and is not yet written.
pub(super) struct Believed {
    asked: Vec<(Wanted, Held)>,
    histories: Vec<SubjectHistory>,
    /// Of each history the statements that count: all but those of signers who were revoked since.
    kept: Vec<Vec<Kept>>,
}

/// What is needed of a statement once it is believed. The rest is dropped where it was verified: what one thread makes and
/// another drops costs both.
struct Kept {
    id: Hash,
    links: Vec<Hash>,
    signers: Vec<Hash>,
    /// Digest and length of the filter that it names, if it is a lot's commission.
    filter: Option<(Hash, u64)>,
}

impl Snapshot {
    /// Has a subject's history up to the checkpoint, with those that are wanted next. What is stored is hashed; what is new
    /// is fetched, for several subjects at once if it is little, one page after the other if it is much.
    pub(super) fn fetch_histories(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        first: Wanted,
    ) -> Result<(), SyncError> {
        plan.work.tasks.push_front(Task::History(first));
        match self.ask_next(client, &plan.supply, &mut plan.work)? {
            Some(ahead) => self.take_in_histories(client, plan, ahead),
            None => Ok(()),
        }
    }

    /// Which of the next histories there are to ask for, as many as fit into one answer.
    fn gather(&self, supply: &TrustedCheckpoint, work: &mut Work) -> Result<Vec<(Wanted, Held)>, SyncError> {
        let _reading = self.store.reading()?;
        let (mut asked, mut expected, mut hashed) = (Vec::new(), 0, 0);
        while asked.len() < MAX_ASKED && expected < MAX_ENTRIES as u64 && hashed < HASHED {
            let Some(wanted) = work.next_history() else { break };
            let held = match wanted.held {
                Some(held) => held,
                None => {
                    let held = self.hashed(supply, work, &wanted.subject, wanted.entry)?;
                    if held.count > 0 {
                        work.plan_filter(&wanted.subject);
                    }
                    hashed += held.count;
                    held
                }
            };
            if held.count < wanted.entry.count {
                expected += wanted.entry.count - held.count;
                asked.push((wanted, held));
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
        let trust = trusted.trust_log.trust_mut();
        for ((wanted, _), history) in asked.iter().zip(&histories) {
            // Those that lead to a pinned root.
            history
                .certificates
                .iter()
                .try_for_each(|certificate| trust.enrol(certificate).map(drop))
                .map_err(|reason| SyncError::History {
                    subject: wanted.subject.clone(),
                    reason: reason.into(),
                })?;
        }
        let trust = trusted.trust_log.trust();
        let pages = asked.iter().zip(&histories).map(|((wanted, held), history)| Page {
            subject: &wanted.subject,
            prev: held.last,
            entries: &history.entries,
            checkpoint: supply,
        });
        let pages: Vec<Page<'_>> = pages.collect();
        let profiles = Arc::clone(&self.profiles);
        let keep = |placed: Placed| Kept {
            id: placed.id(),
            links: placed.links().to_vec(),
            signers: placed.statement().certificates().collect(),
            filter: filter_of(&profiles, &placed),
        };
        let (believed, beside) =
            verify_pages_beside(&pages, trust, keep, || self.look_ahead(client, supply, trust, work));
        // What failed is told when this is written.
        work.ahead = beside.transpose();
        let kept = believed.into_iter().zip(&asked).zip(&histories).enumerate().map(
            |(at, ((page, asked), history))| {
                let page = page.and_then(|page| {
                    if reaches(history, asked) { Ok(page) } else { Err(HistoryError::Incomplete) }
                });
                page.map_err(|reason| (at, reason))
            },
        );
        match kept.collect::<Result<_, _>>() {
            Ok(kept) => {
                work.believed = Some(Believed { asked, histories, kept });
                Ok(())
            }
            // Something stored may be a statement of the log, and none of this subject: it is fetched from the first, once,
            // and if that is refused again, the node is to blame.
            Err((at, HistoryError::Chain)) if asked[at].1.from_before => {
                asked[at].1 = Held { count: 0, last: None, from_before: false, ..asked[at].1 };
                work.again(asked);
                Ok(())
            }
            Err((at, reason)) => Err(SyncError::History { subject: asked.swap_remove(at).0.subject, reason }),
        }
    }

    /// What is done while others verify: what they believed before is kept, and what comes next is asked for, several
    /// times, so that the cores seldom wait for the last statement or for the disk.
    fn look_ahead(
        &mut self,
        client: &Client,
        supply: &TrustedCheckpoint,
        trust: &TrustStore,
        work: &mut Work,
    ) -> Result<Option<Ahead>, SyncError> {
        self.keep_believed(supply, trust, work)?;
        let mut ahead: Option<Ahead> = None;
        for _ in 0..ASKED_AHEAD {
            let more = match self.ask_next(client, supply, work) {
                // What was answered is believed first; the rest is asked for again, and what fails then is told.
                Err(SyncError::Client(_)) if ahead.is_some() => None,
                answer => answer?,
            };
            let Some(more) = more else { break };
            let ahead = ahead.get_or_insert_default();
            ahead.asked.extend(more.asked);
            ahead.histories.extend(more.histories);
        }
        Ok(ahead)
    }

    /// Asks for further histories, and for what is to be known before. Where the node gives no answer, all of it is still
    /// planned.
    fn ask_next(
        &mut self,
        client: &Client,
        supply: &TrustedCheckpoint,
        work: &mut Work,
    ) -> Result<Option<Ahead>, SyncError> {
        if let Some(names) = work.next_names() {
            self.fetch_names(client, supply, work, names)?;
        }
        self.fetch_packs(client, supply, work)?;
        let asked = self.gather(supply, work)?;
        if asked.is_empty() { Ok(None) } else { ask(client, supply, work, asked).map(Some) }
    }

    /// Writes what was believed, in one transaction.
    pub(super) fn keep_believed(
        &mut self,
        supply: &TrustedCheckpoint,
        trust: &TrustStore,
        work: &mut Work,
    ) -> Result<(), StoreError> {
        let Some(Believed { asked, histories, kept }) = work.believed.take() else { return Ok(()) };
        let mut signers: BTreeSet<Hash> = BTreeSet::new();
        for (history, kept) in histories.iter().zip(&kept) {
            for Kept { id, links, signers: of, .. } in kept {
                signers.extend(of);
                work.links.meet(*id, links);
            }
            if kept.len() < history.entries.len() {
                // Who was revoked since has signed all the same.
                for statement in
                    history.entries.iter().filter_map(|entry| Statement::parse(&entry.statement).ok())
                {
                    signers.extend(statement.certificates());
                    work.links.meet(statement.id(), statement.links());
                }
            }
        }
        let size = supply.checkpoint().size();
        self.store.stage::<_, StoreError>(|tx| {
            store::set_end(tx, size)?;
            for (((wanted, held), history), kept) in asked.iter().zip(&histories).zip(&kept) {
                let id = match held.id {
                    Some(id) => id,
                    None => store::insert_subject(tx, &wanted.subject)?,
                };
                store::append_statements(tx, id, held.count, &history.entries, size)?;
                if let Some((digest, length)) = kept.iter().find_map(|kept| kept.filter) {
                    store::set_filter_hint(tx, id, digest, length)?;
                    work.plan_filter(&wanted.subject);
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
        work.links.meet(statement.id(), statement.links());
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

    /// How many of a subject's stored statements are whole, and the last of them. If one is not, all are to be replaced.
    fn hashed(
        &self,
        supply: &TrustedCheckpoint,
        work: &mut Work,
        subject: &Subject,
        entry: IndexEntry,
    ) -> Result<Held, SyncError> {
        let id = store::subject_id(self.store.read(), subject.as_str())?;
        let mut held = Held { id, count: 0, last: None, from_before: true };
        let Some(stored) = id else { return Ok(held) };
        let mut ends = BTreeMap::from([(supply.checkpoint().size(), Some(supply.clone()))]);
        let mut before = None;
        let whole = loop {
            let most = store::STATEMENTS_AT_ONCE.min(entry.count - held.count);
            let batch = store::statements(self.store.read(), stored, held.count, most)?;
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
        Ok(Held { id, count: 0, last: None, from_before: false })
    }

    /// The checkpoint that paths of this size lead to, believed.
    fn path_end(&self, size: u64) -> Option<TrustedCheckpoint> {
        let note = store::note(self.store.read(), Log::Supply, size).ok()??;
        self.believe(Log::Supply, size, &note)
    }
}

/// Asks for histories, of which at least one is answered. What had no room in the answer, or did not come, is planned anew.
fn ask(
    client: &Client,
    supply: &TrustedCheckpoint,
    work: &mut Work,
    mut asked: Vec<(Wanted, Held)>,
) -> Result<Ahead, SyncError> {
    let about = asked.iter().map(|(wanted, held)| (&wanted.subject, held.count));
    let answer = client.subjects(Log::Supply, supply.checkpoint().size(), about).map_err(SyncError::from);
    let answer = answer.and_then(|histories| {
        asked.iter().zip(&histories).try_for_each(|((wanted, _), history)| {
            let counted = counts(wanted, history, supply);
            counted.map_err(|reason| SyncError::History { subject: wanted.subject.clone(), reason })
        })?;
        Ok(histories)
    });
    work.go_on(&mut asked, answer.as_deref().unwrap_or_default());
    Ok(Ahead { asked, histories: answer? })
}

/// Whether the subject index counts as many statements as were expected.
fn counts(wanted: &Wanted, history: &SubjectHistory, supply: &TrustedCheckpoint) -> Result<(), HistoryError> {
    let key = IndexKey::new(wanted.subject.family(), wanted.subject.as_str());
    let counted = history.index_proof.verify(&key, supply.checkpoint().index_root())?;
    if counted == Some(wanted.entry) { Ok(()) } else { Err(IndexError::RootMismatch.into()) }
}

/// Whether a page ends its history where the subject index says, or goes on towards it.
fn reaches(history: &SubjectHistory, (wanted, held): &(Wanted, Held)) -> bool {
    let entry = wanted.entry;
    let reached = held.count + history.entries.len() as u64;
    let latest = history.entries.last().map(|last| Hash::of(&last.statement));
    let ends = reached == entry.count && latest == Some(entry.latest);
    ends || (reached < entry.count && latest.is_some() && latest != Some(entry.latest))
}

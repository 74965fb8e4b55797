//! Histories: asked for, verified and kept, page after page.
//!
//! Verifying costs most by far, so it never waits: while the other cores verify what was answered, this thread writes what
//! they verified before, sees what is here of the next histories, and asks for the rest. Nothing partial is kept: a batch is
//! good as a whole or refused.

use std::collections::{BTreeMap, BTreeSet};

use countersign_ledger::{
    Entry, Hash, HistoryError, Inclusions, IndexError, IndexKey, MAX_ENTRIES, Statement, SubjectHistory,
    TrustedCheckpoint, leaf_hash,
};

use super::fetch::Fetch;
use super::plan::{HeldHistory, Plan, Wanted};
use super::{Reached, SyncError};
use crate::client::{Client, MAX_ASKED};
use crate::facts::filter_of;
use crate::snapshot::Snapshot;
use crate::store::{self, Stored};
use crate::verify_pages::{Page, verify_pages_beside};

/// How many stored statements are hashed in one step.
const HASHED: u64 = 4096;
/// How many answers are fetched while one batch of them is verified.
const ASKED_AHEAD: usize = 4;

/// What is under way beside the plan.
#[derive(Default)]
pub(super) struct Pipeline {
    /// At most [`ASKED_AHEAD`] answers that wait to be verified, or why there are none.
    pub(super) ahead: Option<Result<Ahead, SyncError>>,
    /// What was verified and is not yet written.
    verified: Option<Batch>,
    /// Signers whose certificates are stored, whole.
    certified: BTreeSet<Hash>,
}

/// What was asked for, and what the node answered to that.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) asked: Vec<(Wanted, HeldHistory)>,
    histories: Vec<SubjectHistory>,
}

/// What was verified.
struct Batch {
    answered: Ahead,
    kept: Vec<Vec<Kept>>,
}

/// What is needed of a statement once it is verified. The rest is dropped where it was verified: what one thread makes and
/// another drops costs both.
struct Kept {
    id: Hash,
    links: Vec<Hash>,
    signers: Vec<Hash>,
    /// Digest and length of the filter that it names, if it is a lot's commission.
    filter: Option<(Hash, u64)>,
}

impl Snapshot {
    /// Verifies what was answered, all or none.
    pub(super) fn verify_histories(
        &mut self,
        client: &Client,
        Fetch { plan, pipeline, reached }: &mut Fetch,
        Ahead { mut asked, histories }: Ahead,
    ) -> Result<(), SyncError> {
        let refused =
            |wanted: &Wanted, reason| SyncError::History { subject: wanted.subject.clone(), reason };
        for ((wanted, _), history) in asked.iter().zip(&histories) {
            for certificate in &history.certificates {
                // Those that lead to a pinned root.
                let enrolled = reached.whole.trust_mut().enrol(certificate);
                enrolled.map_err(|reason| refused(wanted, reason.into()))?;
            }
        }
        let reached: &Reached = reached;
        let mut pages = Vec::with_capacity(asked.len());
        for ((wanted, held), history) in asked.iter().zip(&histories) {
            let checkpoint = reached.checkpoint(wanted.log)?;
            pages.push(Page {
                subject: &wanted.subject,
                prev: held.last,
                entries: &history.entries,
                checkpoint,
            });
        }
        let profiles = self.profiles;
        let keep = |entry: Entry| Kept {
            id: entry.id(),
            links: entry.verified().links().to_vec(),
            signers: entry.verified().statement().certificates().collect(),
            filter: filter_of(profiles, entry.verified()),
        };
        let trust = reached.whole.trust();
        let (verified, beside) =
            verify_pages_beside(&pages, trust, keep, || self.look_ahead(client, reached, plan, pipeline));
        // What failed is reported when this is written.
        pipeline.ahead = beside.transpose();
        let kept = verified.into_iter().zip(&asked).zip(&histories).enumerate().map(
            |(at, ((page, asked), history))| {
                let page = page.and_then(|page| {
                    if reaches(history, asked) { Ok(page) } else { Err(HistoryError::Incomplete) }
                });
                page.map_err(|reason| (at, reason))
            },
        );
        match kept.collect::<Result<_, _>>() {
            Ok(kept) => {
                pipeline.verified = Some(Batch { answered: Ahead { asked, histories }, kept });
                Ok(())
            }
            // Something stored may be a statement of the log, and none of this subject: it is fetched from the first, once,
            // and if that is refused again, the node is to blame.
            Err((at, HistoryError::Chain)) if asked[at].1.from_before => {
                asked[at].1 = HeldHistory { count: 0, last: None, from_before: false, ..asked[at].1 };
                let ahead = pipeline.ahead.take_if(|ahead| ahead.is_ok()).and_then(Result::ok);
                plan.all_again(asked.into_iter().chain(ahead.into_iter().flat_map(|ahead| ahead.asked)));
                Ok(())
            }
            Err((at, reason)) => Err(refused(&asked[at].0, reason)),
        }
    }

    /// What is done while others verify: what they verified before is kept, and what comes next is asked for, several
    /// times, so that the cores seldom wait for the last statement or for the disk.
    fn look_ahead(
        &mut self,
        client: &Client,
        reached: &Reached,
        plan: &mut Plan,
        pipeline: &mut Pipeline,
    ) -> Result<Option<Ahead>, SyncError> {
        self.keep_verified(reached, plan, pipeline)?;
        let mut ahead: Option<Ahead> = None;
        for _ in 0..ASKED_AHEAD {
            let more = match self.ask_ahead(client, reached, plan, pipeline) {
                // What was answered is verified first; the rest is asked for again, and what fails then is reported.
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
    pub(super) fn ask_ahead(
        &mut self,
        client: &Client,
        reached: &Reached,
        plan: &mut Plan,
        pipeline: &mut Pipeline,
    ) -> Result<Option<Ahead>, SyncError> {
        if let Some(names) = plan.next_names() {
            self.find_out(client, reached, plan, names)?;
        }
        if let Some(packs) = plan.next_packs(MAX_ASKED) {
            self.find_out(client, reached, plan, packs)?;
        }
        let asked = self.gather(reached, plan, pipeline)?;
        if asked.is_empty() { Ok(None) } else { ask(client, reached, plan, asked).map(Some) }
    }

    /// Which of the next histories there are to ask for, as many as fit into one answer. They are all of one log.
    fn gather(
        &self,
        reached: &Reached,
        plan: &mut Plan,
        pipeline: &mut Pipeline,
    ) -> Result<Vec<(Wanted, HeldHistory)>, SyncError> {
        let _reading = self.store.reading()?;
        let (mut asked, mut expected, mut hashed, mut log) = (Vec::new(), 0, 0, None);
        while asked.len() < MAX_ASKED && expected < MAX_ENTRIES as u64 && hashed < HASHED {
            let Some(wanted) = plan.next_history(log) else { break };
            let held = match wanted.held {
                Some(held) => held,
                None => {
                    let held = self.hashed(reached.checkpoint(wanted.log)?, plan, pipeline, &wanted)?;
                    if held.count > 0 {
                        plan.has_history(&wanted);
                    }
                    hashed += held.count;
                    held
                }
            };
            if held.count < wanted.entry.count {
                expected += wanted.entry.count - held.count;
                log = Some(wanted.log);
                asked.push((wanted, held));
            }
        }
        Ok(asked)
    }

    /// Writes what was verified, in one transaction.
    pub(super) fn keep_verified(
        &mut self,
        reached: &Reached,
        plan: &mut Plan,
        pipeline: &mut Pipeline,
    ) -> Result<(), SyncError> {
        let Some(Batch { answered: Ahead { asked, histories }, kept }) = pipeline.verified.take() else {
            return Ok(());
        };
        let mut signers: BTreeSet<Hash> = BTreeSet::new();
        for ((wanted, _), kept) in asked.iter().zip(&kept) {
            for Kept { id, links, signers: of, .. } in kept {
                signers.extend(of);
                plan.meet(wanted.log, *id, links);
            }
        }
        let (certified, trust) = (&pipeline.certified, reached.whole.trust());
        self.store.stage::<_, SyncError>(|tx| {
            for (((wanted, held), history), kept) in asked.iter().zip(&histories).zip(&kept) {
                let size = reached.checkpoint(wanted.log)?.checkpoint().size();
                store::set_end(tx, wanted.log, size)?;
                let id = match held.id {
                    Some(id) => id,
                    None => store::insert_subject(tx, wanted.log, &wanted.subject)?,
                };
                store::append_statements(tx, id, held.count, &history.entries, size)?;
                if let Some((digest, length)) = kept.iter().find_map(|kept| kept.filter) {
                    store::set_filter_hint(tx, id, digest, length)?;
                    plan.has_history(wanted);
                }
            }
            let fresh = signers.difference(certified).filter_map(|signer| trust.certificate(*signer));
            for certificate in fresh {
                store::insert_certificate(tx, certificate.as_der())?;
            }
            Ok(())
        })?;
        pipeline.certified.extend(signers);
        Ok(())
    }

    /// Whether the certificates are here that verify a stored statement; what it links is then taken note of.
    fn certified(&self, plan: &mut Plan, pipeline: &mut Pipeline, wanted: &Wanted, statement: &[u8]) -> bool {
        let Ok(statement) = Statement::parse(statement) else { return false };
        plan.meet(wanted.log, statement.id(), statement.links());
        statement.certificates().all(|signer| {
            if pipeline.certified.contains(&signer) {
                return true;
            }
            let stored = store::certificate(self.store.read(), signer).ok().flatten();
            let whole = stored.is_some_and(|der| Hash::of(&der) == signer);
            if whole {
                pipeline.certified.insert(signer);
            }
            whole
        })
    }

    /// How many of a subject's stored statements are whole, and the last of them. If one is not, all are to be replaced.
    fn hashed(
        &self,
        checkpoint: &TrustedCheckpoint,
        plan: &mut Plan,
        pipeline: &mut Pipeline,
        wanted: &Wanted,
    ) -> Result<HeldHistory, SyncError> {
        let entry = wanted.entry;
        let id = store::subject_id(self.store.read(), wanted.log, wanted.subject.as_str())?;
        let mut held = HeldHistory { id, count: 0, last: None, from_before: true };
        let Some(stored) = id else { return Ok(held) };
        let mut ends = BTreeMap::from([(checkpoint.checkpoint().size(), Some(checkpoint.clone()))]);
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
                let end = ends.entry(size).or_insert_with(|| {
                    let note = store::note(self.store.read(), wanted.log, size).ok()??;
                    self.trust_note(wanted.log, size, &note)
                });
                let Some(end) = end else { return false };
                let mut inclusions = Inclusions::new(end);
                page.iter().all(|Stored { entry, .. }| {
                    let statement = Hash::of(&entry.statement);
                    let leaf = leaf_hash(statement.as_bytes());
                    let included = inclusions.verify(leaf, entry.index, &entry.path).is_ok();
                    let rising = before.replace(entry.index).is_none_or(|before| before < entry.index);
                    held = HeldHistory { count: held.count + 1, last: Some(statement), ..held };
                    included && rising && self.certified(plan, pipeline, wanted, &entry.statement)
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
        Ok(HeldHistory { id, count: 0, last: None, from_before: false })
    }
}

/// Asks for histories of one log, of which at least one is answered. What had no room in the answer, or did not come, is
/// planned anew.
fn ask(
    client: &Client,
    reached: &Reached,
    plan: &mut Plan,
    mut asked: Vec<(Wanted, HeldHistory)>,
) -> Result<Ahead, SyncError> {
    let log = asked[0].0.log;
    let checkpoint = reached.checkpoint(log)?;
    let about = asked.iter().map(|(wanted, held)| (&wanted.subject, held.count));
    let answer = client.subjects(log, checkpoint.checkpoint().size(), about).map_err(SyncError::from);
    let answer = answer.and_then(|histories| {
        asked.iter().zip(&histories).try_for_each(|((wanted, _), history)| {
            let counted = counts(wanted, history, checkpoint);
            counted.map_err(|reason| SyncError::History { subject: wanted.subject.clone(), reason })
        })?;
        Ok(histories)
    });
    let last = |history: &SubjectHistory| history.entries.last().map(|last| Hash::of(&last.statement));
    let page = |history: &SubjectHistory| (history.entries.len() as u64, last(history));
    let pages: Vec<_> = answer.as_deref().unwrap_or_default().iter().map(page).collect();
    plan.go_on(&mut asked, &pages);
    Ok(Ahead { asked, histories: answer? })
}

/// Whether the subject index counts as many statements as were expected.
fn counts(
    wanted: &Wanted,
    history: &SubjectHistory,
    checkpoint: &TrustedCheckpoint,
) -> Result<(), HistoryError> {
    let root = checkpoint.checkpoint().index_root();
    let counted = history.index_proof.verify(&IndexKey::of(&wanted.subject), root)?;
    if counted == Some(wanted.entry) { Ok(()) } else { Err(IndexError::RootMismatch.into()) }
}

/// Whether a page ends its history where the subject index says, or goes on towards it.
fn reaches(history: &SubjectHistory, (wanted, held): &(Wanted, HeldHistory)) -> bool {
    let entry = wanted.entry;
    let reached = held.count + history.entries.len() as u64;
    let latest = history.entries.last().map(|last| Hash::of(&last.statement));
    let ends = reached == entry.count && latest == Some(entry.latest);
    ends || (reached < entry.count && latest.is_some() && latest != Some(entry.latest))
}

//! Carrying out the plan: what is here is looked at first, and the node is asked for the rest.

use std::collections::BTreeMap;
use std::slice::from_ref;

use countersign_custody::MAX_FILTER;
use countersign_ledger::receipt::Receipt;
use countersign_ledger::{Family, FamilyProof, Hash, LogName, Subject, TrustedCheckpoint};

use super::histories::Pipeline;
use super::plan::{Ask, Fault, Plan};
use super::{Next, Part, Reached, Stage, SyncError};
use crate::client::{Client, ClientError, MAX_ASKED};
use crate::facts::{Members, PRODUCTS};
use crate::snapshot::{Following, Head, Snapshot};
use crate::store::{self, StoreError};

/// What is followed, on its way here.
pub(super) struct Fetch {
    pub(super) plan: Plan,
    pub(super) pipeline: Pipeline,
    pub(super) reached: Reached,
}

impl Fetch {
    pub(super) fn new(following: &[Following], reached: Reached) -> Self {
        // What the genesis does not name is followed in vain.
        let following: Vec<Following> =
            following.iter().filter(|one| reached.checkpoints.contains_key(&one.log)).cloned().collect();
        Self { plan: Plan::new(&following), pipeline: Pipeline::default(), reached }
    }

    pub(super) fn remaining(&self) -> u64 {
        self.plan.remaining() + u64::from(self.pipeline.ahead.is_some())
    }
}

impl Reached {
    /// The checkpoint of a log that is followed.
    pub(super) fn checkpoint(&self, log: LogName) -> Result<&TrustedCheckpoint, SyncError> {
        // safe: only what is followed in a log that has one is planned.
        self.checkpoints.get(&log).ok_or(ClientError::Malformed("checkpoint").into())
    }
}

impl Snapshot {
    pub(super) fn fetch(&mut self, client: &Client, mut fetch: Box<Fetch>) -> Result<Next, SyncError> {
        let failed = match fetch.pipeline.ahead.take() {
            Some(Ok(ahead)) => {
                let part = Part::Subject(ahead.asked[0].0.subject.clone());
                self.verify_histories(client, &mut fetch, ahead)?;
                return Ok(Next::Stage(Stage::Follow(fetch), part));
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        let Fetch { plan, pipeline, reached } = &mut *fetch;
        self.keep_verified(reached, plan, pipeline)?;
        if let Some(error) = failed {
            return Err(error);
        }
        let next = match plan.next(MAX_ASKED) {
            // Whoever said where it is is asked again, and then is to blame.
            Err(Fault::Linked(statement)) => {
                self.store.stage::<_, StoreError>(|tx| store::forget_link(tx, PRODUCTS, statement))?;
                return Err(SyncError::Linked { statement });
            }
            next => next?,
        };
        let Some(ask) = next else {
            let Fetch { plan, reached: Reached { checkpoints, whole, .. }, .. } = *fetch;
            return Ok(Next::Finished(Box::new(Head { checkpoints, whole }), plan.followed()));
        };
        let mut part = ask.subject().map_or(Part::Checkpoint(PRODUCTS), |of| Part::Subject(of.clone()));
        match ask {
            Ask::History(wanted) => {
                plan.again(Ask::History(wanted));
                if let Some(ahead) = self.ask_ahead(client, reached, plan, pipeline)? {
                    self.verify_histories(client, &mut fetch, ahead)?;
                }
            }
            Ask::Filter(lot) => self.fetch_filters(client, plan, lot)?,
            Ask::Link(statement) => {
                let subject = self.find_linked(client, PRODUCTS, statement)?;
                part = Part::Subject(subject.clone());
                plan.has_link(statement, subject);
            }
            ask => self.find_out(client, reached, plan, ask)?,
        }
        Ok(Next::Stage(Stage::Follow(fetch), part))
    }

    /// Finds out members or names. What was not found out is still planned.
    pub(super) fn find_out(
        &mut self,
        client: &Client,
        reached: &Reached,
        plan: &mut Plan,
        ask: Ask,
    ) -> Result<(), SyncError> {
        let found = match &ask {
            Ask::Family(log, family) => self.find_family(client, reached, plan, *log, family),
            Ask::Names(log, family, from) => self.find_names(client, reached, plan, (*log, family, *from)),
            Ask::Packs(lots) => self.find_packs(client, reached, plan, lots),
            Ask::History(_) | Ask::Filter(_) | Ask::Link(_) => Ok(()),
        };
        found.inspect_err(|_| plan.again(ask))
    }

    fn find_family(
        &mut self,
        client: &Client,
        reached: &Reached,
        plan: &mut Plan,
        log: LogName,
        family: &Subject,
    ) -> Result<(), SyncError> {
        let members = self.fetch_families(client, reached.checkpoint(log)?, log, from_ref(family))?;
        let members = members.into_values().next().unwrap_or_default();
        let names = if plan.is_followed(log, family) {
            store::names(self.store.read(), log, family.as_str())?
        } else {
            Vec::new()
        };
        let names = names.into_iter().filter_map(|name| Subject::new(name).ok()).collect();
        plan.has_family(log, family, members, names);
        Ok(())
    }

    fn find_names(
        &mut self,
        client: &Client,
        reached: &Reached,
        plan: &mut Plan,
        (log, family, from): (LogName, &Subject, u64),
    ) -> Result<(), SyncError> {
        let size = reached.checkpoint(log)?.checkpoint().size();
        let names = client.names(log, size, family.as_str(), from)?;
        let names = names.into_iter().filter_map(|name| Subject::new(name).ok()).collect();
        let fresh = plan.has_names(log, family, names)?;
        self.store
            .stage(|tx| fresh.iter().try_for_each(|name| store::insert_subject(tx, log, name).map(drop)))?;
        Ok(())
    }

    fn find_packs(
        &mut self,
        client: &Client,
        reached: &Reached,
        plan: &mut Plan,
        lots: &[Subject],
    ) -> Result<(), SyncError> {
        let members = self.fetch_families(client, reached.checkpoint(PRODUCTS)?, PRODUCTS, lots)?;
        for (lot, packs) in &members {
            plan.has_packs(lot, packs);
        }
        Ok(())
    }

    /// The members of families, from the database where a proof at this checkpoint is there.
    fn fetch_families(
        &mut self,
        client: &Client,
        checkpoint: &TrustedCheckpoint,
        log: LogName,
        families: &[Subject],
    ) -> Result<BTreeMap<Subject, Members>, SyncError> {
        let (size, root) = (checkpoint.checkpoint().size(), checkpoint.checkpoint().index_root());
        let verify = |family: &Subject, proof: &FamilyProof| {
            proof.verify(Family::new(family.as_str()), root).map(Members::from_iter)
        };
        let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
        let reading = self.store.reading()?;
        for family in families {
            let stored = store::family_proof(self.store.read(), log, family.as_str(), size)?;
            match stored.and_then(|proof| verify(family, &FamilyProof::from_cbor(&proof).ok()?).ok()) {
                Some(members) => drop(found.insert(family.clone(), members)),
                None => missing.push(family),
            }
        }
        drop(reading);
        if missing.is_empty() {
            return Ok(found);
        }
        let proofs = client.families(log, size, missing.iter().map(|family| family.as_str()))?;
        for (&family, proof) in missing.iter().zip(&proofs) {
            let members = verify(family, proof)
                .map_err(|reason| SyncError::Family { family: family.clone(), reason })?;
            found.insert(family.clone(), members);
        }
        self.store.stage::<_, StoreError>(|tx| {
            missing.iter().zip(&proofs).try_for_each(|(family, proof)| {
                store::insert_family_proof(tx, log, family, size, &proof.to_cbor())
            })
        })?;
        Ok(found)
    }

    /// The subject under which a linked statement is to be found, by the node's word.
    pub(crate) fn find_linked(
        &mut self,
        client: &Client,
        log: LogName,
        linked: Hash,
    ) -> Result<Subject, SyncError> {
        if let Some(subject) = store::link(self.store.read(), log, linked)? {
            return Ok(subject);
        }
        let unknown = SyncError::Linked { statement: linked };
        let receipt = match client.receipt(log, linked) {
            Err(ClientError::NotFound) => return Err(unknown),
            answer => answer?,
        };
        let receipt = receipt.and_then(|receipt| Receipt::parse(&receipt).ok());
        let subject = receipt.and_then(|receipt| receipt.subject()).ok_or(unknown)?;
        self.store.stage::<_, StoreError>(|tx| store::set_link(tx, log, linked, &subject))?;
        Ok(subject)
    }

    /// Has the filter over a lot's serials. Where nothing is to be asked for, the next lots' are seen to as well.
    fn fetch_filters(&mut self, client: &Client, plan: &mut Plan, lot: Subject) -> Result<(), SyncError> {
        let (mut next, mut left) = (Some(lot), MAX_ASKED);
        while let Some(lot) = next {
            if let Some((digest, length)) = self.missing_filter(&lot)? {
                return self.fetch_filter(client, lot, digest, length);
            }
            left -= 1;
            next = if left > 0 { plan.next_filter() } else { None };
        }
        Ok(())
    }

    /// Digest and length of the filter that a lot's commission names, if there is a commission, and the filter is not here.
    fn missing_filter(&self, lot: &Subject) -> Result<Option<(Hash, u64)>, StoreError> {
        let connection = self.store.read();
        let hint = store::filter_hint(connection, PRODUCTS, lot.as_str())?;
        let Some((digest, length)) = hint else { return Ok(None) };
        let stored = store::filter(connection, digest)?;
        let whole = stored.is_some_and(|bytes| Hash::of(&bytes) == digest);
        Ok((!whole).then_some((digest, length)))
    }

    /// Has a filter, if somebody has brought it.
    fn fetch_filter(
        &mut self,
        client: &Client,
        lot: Subject,
        digest: Hash,
        length: u64,
    ) -> Result<(), SyncError> {
        let wrong = SyncError::Filter { lot };
        let Some(length) = usize::try_from(length).ok().filter(|&length| length <= MAX_FILTER) else {
            return Err(wrong);
        };
        let bytes = match client.blob(digest, length) {
            // Nobody has brought it yet: the verdict says so.
            Err(ClientError::NotFound) => return Ok(()),
            answer => answer?,
        };
        if Hash::of(&bytes) != digest {
            return Err(wrong);
        }
        Ok(self.store.stage::<_, StoreError>(|tx| store::insert_filter(tx, digest, &bytes))?)
    }
}

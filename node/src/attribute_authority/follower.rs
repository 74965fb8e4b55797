//! How an attribute authority follows the ledger: as a phone does, by a wallet's snapshot that proves what it holds.
//!
//! A round brings the snapshot up to date, publishes the key of an epoch that has begun, and withdraws the open grants of those
//! who were revoked. What is to be done follows from the ledger and the register alone, so a round that was cut off is taken up
//! by the next one: a statement that came through is seen on the ledger, one that did not is signed again.

use std::sync::Arc;
use std::time::Duration;

use countersign_ledger::{
    Certificate, Draft, Entry, Folded, GenesisError, Hash, LogName, Rules as _, State, TrustStore, UnixMillis,
};
use countersign_records::rules::{Head, Outcome, RecordRules, Thread};
use countersign_records::{Answer, AuthorityKey, Epoch, RecordId, authority};
use countersign_wallet::{ActError, Client, ClientError, Issuer, KeyStore, Snapshot, StoredKey, SyncError};

use super::register::Open;
use super::{KEY, Shared};
use crate::keys::{KeysError, random};
use crate::service_home::{ServiceHome, ServiceHomeError};
use crate::store::StoreError;

/// How long a busy node is waited for in one round.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long after it was signed a request may still reach the log, with a margin for the clock of the node.
const ON_ITS_WAY_MILLIS: u64 = 15 * 60 * 1000;
/// When to look again at a request that still waits for the owner.
const WAITING_MILLIS: u64 = 60 * 1000;

/// Why a round stopped. The next one takes it up.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoundError {
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Register(#[from] StoreError),
    #[error("the wallet's database holds what was never proven")]
    Damaged,
    #[error("a statement could not be signed: {0}")]
    Sign(#[from] countersign_ledger::SignError),
    #[error("the ledger has another public key of this authority: restore the vault that it was made with")]
    OtherKey,
}

/// What the ledger says of those who ask, as of one moment.
pub(super) struct Seen {
    pub trust: TrustStore,
    /// When the newest checkpoint of the trust log was cosigned.
    pub cosigned_at: UnixMillis,
    /// The epoch whose key is published.
    pub epoch: Option<Epoch>,
}

/// A snapshot of the ledger, and the way to its node.
pub(super) struct Follower {
    pub snapshot: Snapshot,
    pub client: Client,
    pub keys: Arc<dyn KeyStore>,
}

impl Follower {
    pub(super) fn open(home: &ServiceHome<'_>, keys: Arc<dyn KeyStore>) -> Result<Self, ServiceHomeError> {
        let snapshot = home.snapshot()?;
        let client = home.client(snapshot.genesis())?;
        Ok(Self { snapshot, client, keys })
    }

    /// Brings the snapshot up to date, and tells what it says.
    pub(super) fn look(&mut self, own: &Certificate) -> Result<Seen, RoundError> {
        self.snapshot.sync(&self.client, PATIENCE)?;
        let cosigned_at =
            self.snapshot.checkpoint(LogName::TRUST).map(countersign_ledger::TrustedCheckpoint::cosigned_at);
        let epoch = self.published(own)?.0.map(|key| Epoch(u32::try_from(key.epoch).unwrap_or(u32::MAX)));
        Ok(Seen { trust: self.snapshot.trust()?, cosigned_at: cosigned_at.unwrap_or_default(), epoch })
    }

    /// What is current of a record in a log, proven at the log's newest checkpoint.
    pub(super) fn head(&mut self, log: LogName, record: &RecordId) -> Result<Option<Head>, ActError> {
        let history = self.issuer().history(log, &record.subject())?;
        Ok(fold(&history).and_then(|state| Head::from_state(&state)))
    }

    /// The key that was published last, and the latest statement on the authority, whether that counts or not.
    fn published(&mut self, own: &Certificate) -> Result<(Option<AuthorityKey>, Option<Hash>), RoundError> {
        let history = self.snapshot.history(LogName::TRUST, &authority(own.identity()));
        let history = history.map_err(|_| RoundError::Damaged)?.unwrap_or_default();
        let key = history.iter().rev().find_map(|entry| AuthorityKey::of(entry.standing()?));
        Ok((key, history.last().map(Entry::id)))
    }

    /// Publishes the key for the epoch of `now`, unless it is; whether it did.
    pub(super) fn publish(&mut self, shared: &Shared, now: UnixMillis) -> Result<bool, RoundError> {
        let (own, key) = (&shared.certificate, shared.master.public_key());
        let epoch = Epoch::at(now);
        let (published, latest) = self.published(own)?;
        if let Some(published) = published {
            if published.key != key.as_bytes() {
                return Err(RoundError::OtherKey);
            }
            if published.epoch >= u64::from(epoch.0) {
                return Ok(false);
            }
        }
        let key = AuthorityKey {
            suite: key.as_bytes().first().copied().unwrap_or_default().into(),
            key: key.as_bytes().to_vec(),
            epoch: epoch.0.into(),
            vocabulary: shared.vocabulary.digest(),
        };
        let draft = key.draft(own.identity(), latest);
        self.submit(shared, LogName::TRUST, &draft, now)?;
        tracing::info!(%epoch, "the key of an epoch was published");
        Ok(true)
    }

    /// Withdraws what is open of those who were revoked.
    pub(super) fn withdraw(&mut self, shared: &Shared, now: UnixMillis) -> Result<(), RoundError> {
        let trust = self.snapshot.trust()?;
        let requesters = shared.register().requesters()?;
        for certificate in requesters.into_iter().filter(|&one| is_revoked(&trust, one)) {
            let open = shared.register().open_of(certificate, now)?;
            for request in open {
                let due = self.withdraw_one(shared, &request, now)?;
                shared.register().set_due(request.ask, due)?;
            }
        }
        Ok(())
    }

    /// Withdraws a grant, if it is one and open. Returns when to look at it again.
    fn withdraw_one(
        &mut self,
        shared: &Shared,
        request: &Open,
        now: UnixMillis,
    ) -> Result<Option<UnixMillis>, RoundError> {
        let again = |millis: u64| Some(UnixMillis(now.0.saturating_add(millis)));
        let history = self.issuer().history(request.log, &request.thread)?;
        let Some(thread) = fold(&history).and_then(|state| Thread::from_state(&state)) else {
            // It may be on its way, or never have been submitted.
            let late = now.since(request.at) > ON_ITS_WAY_MILLIS;
            return Ok(if late { None } else { Some(now) });
        };
        match thread.outcome {
            Outcome::Waiting => Ok(again(WAITING_MILLIS)),
            Outcome::Granted if thread.is_open(now) => {
                let Some(last) = history.last() else { return Ok(None) };
                let draft = Answer::Withdraw.draft(&request.thread, last.id());
                self.submit(shared, request.log, &draft, now)?;
                tracing::info!("a grant of a revoked member was withdrawn");
                // What was acknowledged is durable; that it counts is seen the next time.
                Ok(Some(now))
            }
            Outcome::Granted | Outcome::Denied => Ok(None),
        }
    }

    fn submit(
        &mut self,
        shared: &Shared,
        log: LogName,
        draft: &Draft,
        now: UnixMillis,
    ) -> Result<(), RoundError> {
        let signer = StoredKey::find(Arc::clone(&self.keys), KEY).map_err(ActError::from)?;
        let statement = draft.sign(&shared.certificate, &signer, now, random()?)?;
        self.client.submit(log, statement.as_bytes())?;
        Ok(())
    }

    pub(super) fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.client, Arc::clone(&self.keys))
    }
}

/// Whether a certificate has been revoked in the order of the trust log, from whatever place on.
pub(super) fn is_revoked(trust: &TrustStore, certificate: Hash) -> bool {
    trust.is_revoked(certificate, LogName::TRUST, u64::MAX)
}

/// The state of a record or of a request, as its rules fold it from its history; none if nothing counts.
fn fold(history: &[Entry]) -> Option<State> {
    let mut folded: Folded<State> = Folded::default();
    for entry in history {
        let may_follow = |before: &State, next: &_| RecordRules.may_follow(before, next);
        folded.push(entry, may_follow, |before, next| RecordRules.fold(before, next));
    }
    Some(folded.standing).filter(|state| !state.is_empty())
}

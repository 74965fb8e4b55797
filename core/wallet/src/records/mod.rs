//! Medical records, on the phone of a patient ([`Records`]) and of whoever was let see one ([`Clinician`]).
//!
//! # The life of a change
//!
//! A patient says what is to hold from now on; the phone makes it so, in steps each of which is durable before the next begins:
//!
//! 1. *Planned*: the change is written down.
//! 2. *Sealed*: parts that somebody may no longer read are sealed under new keys, and every line is wrapped anew. The objects are
//!    in the database.
//! 3. The store takes a ticket, and the objects that it lacks.
//! 4. *Posted*: an index for each log is signed, and both are in the outbox, that of what is shared first. When the ledger takes
//!    that one there is no way back: nobody is served by what was before.
//! 5. Both indexes are proven: the change holds, and what was uploaded is forgotten here.
//!
//! A crash before 4 leaves what was before, and the change goes on when it is asked to; after it, the outbox finishes. The store
//! removes by itself what no index names. Narrowing does not call back what was read.
//!
//! # A phone that is lost
//!
//! The record's secret on paper, and a code of the registrar's, make another phone its owner's ([`Records::restore`]). What there is
//! comes from the ledger and the store: the owner's own line holds every part, and each other line is fetched for what it opens. All
//! of these are requests on the ledger, so a second owner whom a registrar certified is seen. The lost phone's certificate is to be
//! revoked: from then on it publishes, uploads and fetches nothing.
//!
//! # The list of accesses
//!
//! Every request, answer and delivery is a statement in the record's family of subjects, so [`Snapshot::members`] proves that the
//! list is complete; each is judged again here by the rules that the node judged it by.

mod access;
mod by_link;
mod clinician;
mod error;
mod images;
mod patient;
mod publish;
mod restore;
mod state;

use countersign_ledger::{Entry, Folded, Hash, Identity, LogName, Rules as _, State, UnixMillis};
use countersign_records::rules::{Head, RecordRules};
use countersign_records::{AuthorityKey, Wanted, authority};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

pub use self::access::{Access, AccessState, Accesses, Delivered};
pub use self::by_link::{LEAST_PASSCODE, LinkNotMade, NewLink, SharedLink};
pub use self::clinician::{AskFor, AskState, Asked, Clinician, Offered, Shown};
pub use self::error::RecordError;
pub use self::images::HeldImage;
pub use self::patient::{Allow, HeldRecord, Line, NewLine, Records};
pub use self::publish::Publishing;
use crate::act::{self, ActError};
use crate::client::{ClientError, RecordStore};
use crate::snapshot::Snapshot;

/// Randomness of the operating system, once it has been seen to be there.
pub(crate) fn random() -> Result<UnwrapErr<SysRng>, ActError> {
    getrandom::u32().map_err(|_| ActError::Random)?;
    Ok(UnwrapErr(SysRng))
}

/// The state of a record or of a request, as its rules fold it from its history; empty if nothing counts.
fn fold(history: &[Entry]) -> State {
    let mut folded: Folded<State> = Folded::default();
    for entry in history {
        let may_follow = |before: &State, next: &_| RecordRules.may_follow(before, next);
        folded.push(entry, may_follow, |before, next| RecordRules.fold(before, next));
    }
    folded.standing
}

/// What is current of a record by its history.
fn head(history: &[Entry]) -> Option<Head> {
    Head::from_state(&fold(history))
}

/// What is current of a record, with the statement that says so.
fn current(history: &[Entry]) -> Option<(Head, &Entry)> {
    let head = head(history)?;
    let index = history.iter().find(|entry| entry.id() == head.index)?;
    Some((head, index))
}

/// What a holder demands of the record's store, by the checkpoint that was seen last.
fn wanted(
    snapshot: &Snapshot,
    log: LogName,
    head: &Head,
    request: Hash,
    now: UnixMillis,
) -> Result<Wanted, RecordError> {
    let seen = snapshot.seen(log).ok_or(RecordError::Sync)?.checkpoint();
    Ok(Wanted {
        request,
        store: Identity::parse(&head.store).map_err(|_| RecordError::Unlawful)?,
        nonce: act::random()?,
        time: now,
        seen_size: seen.size(),
        seen_root: seen.root(),
    })
}

/// The document, the wraps and the parts of a delivery, in the order of its row; nothing where the store has nothing.
fn fetch(
    store: &RecordStore,
    delivered: &countersign_records::Delivered,
) -> Result<Vec<Option<Vec<u8>>>, RecordError> {
    let object = |digest| match store.object(digest, &delivered.token) {
        Ok(object) => Ok(Some(object)),
        Err(ClientError::NotFound | ClientError::Gone) => Ok(None),
        Err(error) => Err(error.into()),
    };
    // Images are fetched one by one.
    let row = &delivered.row;
    row.digests().take(2 + row.parts.len()).map(object).collect()
}

impl Snapshot {
    /// The keys that an attribute authority published, the newest first, as of the last sync.
    fn authority_keys(&mut self, of: &Identity) -> Result<Vec<countersign_abe::PublicKey>, RecordError> {
        let history = self.history(LogName::TRUST, &authority(of))?.ok_or(RecordError::Sync)?;
        let published = history.iter().rev().filter_map(|entry| AuthorityKey::of(entry.standing()?));
        Ok(published.filter_map(|key| countersign_abe::PublicKey::parse(&key.key).ok()).collect())
    }
}

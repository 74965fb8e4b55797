//! What a phone keeps, and how it stays current.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_custody::{Item, Verdict};
use countersign_ledger::{Certificate, Genesis, UnixMillis};
use countersign_wallet::{Client, Desk, FollowState, Health, Https, Log, Part, Snapshot, Step, StoreError};

use crate::error::{CountersignError as Error, millis};
use crate::key_store::{Foreign, KeyStore};
use crate::patient;

/// What a phone keeps: one for each ledger. Calls may come from any number of threads.
#[derive(uniffi::Object)]
pub struct Wallet {
    database: PathBuf,
    genesis: Genesis,
    node: String,
    keys: Arc<dyn countersign_wallet::KeyStore>,
    /// What verdicts are read from.
    reading: Mutex<Snapshot>,
    /// What is being brought up to date, and by whom.
    syncing: Mutex<Line>,
    /// Something else is followed since the round under way was planned.
    replan: AtomicBool,
}

/// A snapshot of one's own, and the way to the node.
struct Line {
    snapshot: Snapshot,
    client: Client,
}

/// Who a key speaks for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Membership {
    /// The key's name in the key store.
    pub key: String,
    /// SPIFFE ID of the member.
    pub identity: String,
    /// When the certificate ends.
    pub until_millis: u64,
}

/// Something that is followed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Followed {
    /// The product class or pack, as a link.
    pub link: String,
    /// Whether all of it is here; if not, sync.
    pub ready: bool,
}

/// What a step of a sync did.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SyncStep {
    /// Something; there is more to do.
    Progress {
        /// Parts done.
        done: u64,
        /// Parts known so far; more may turn up.
        of: u64,
        /// The product that it was about, if it was about one.
        about: Option<String>,
    },
    /// Nothing: the node asks for patience.
    Waiting {
        /// How long.
        after_millis: u64,
    },
    /// The last thing there was to do.
    Done,
}

/// What the wallet knows, as a settings screen shows it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Knowledge {
    /// The ledger's name.
    pub ledger: String,
    /// Statements in the supply log's checkpoint; absent before the first sync.
    pub checkpoint: Option<u64>,
    /// When it was cosigned.
    pub as_of_millis: Option<u64>,
    /// Something stored was damaged: the next sync repairs it.
    pub damaged: bool,
    /// Pairs of signed checkpoints that contradict each other: the node has lied to somebody.
    pub contradictions: u64,
}

#[uniffi::export]
impl Wallet {
    /// Opens the wallet in the database file, or begins one there. `genesis` is what is pinned, the bytes of its JSON
    /// file; `node` is an address that begins with `https://`. Needs no network.
    #[uniffi::constructor]
    pub fn open(
        database: String,
        genesis: &[u8],
        node: String,
        keys: Arc<dyn KeyStore>,
    ) -> Result<Self, Error> {
        let (database, genesis) = (PathBuf::from(database), Genesis::parse(genesis)?);
        let reading = Mutex::new(Snapshot::open(&database, &genesis)?);
        let syncing = Mutex::new(Line::open(&database, &genesis, &node)?);
        let (keys, replan) = (Arc::new(Foreign(keys)), AtomicBool::new(false));
        Ok(Self { database, genesis, node, keys, reading, syncing, replan })
    }

    /// Makes the key `key`, unless it is there, and has it certified by a one-time code of the registrar's.
    pub fn enrol(&self, key: &str, code: &str) -> Result<Membership, Error> {
        let mut line = self.line()?;
        let certificate = Desk::new(&mut line.snapshot, &line.client, self.keys()).enrol(key, code)?;
        Ok(Membership::new(key, &certificate))
    }

    /// Who this wallet's keys speak for.
    pub fn memberships(&self) -> Result<Vec<Membership>, Error> {
        let mut line = self.line()?;
        let desk = Desk::new(&mut line.snapshot, &line.client, self.keys());
        desk.enrolled()?.iter().map(|key| Ok(Membership::new(key, &desk.certificate(key)?))).collect()
    }

    /// Follows the product class that a code or link names: all its lots and packs. It is known after the next sync.
    pub fn follow(&self, code: &str) -> Result<(), Error> {
        self.reading()?.follow(&patient::item_in(code)?.class)?;
        self.replan.store(true, Ordering::Release);
        Ok(())
    }

    /// Follows one pack, with its own history.
    pub fn follow_pack(&self, code: &str) -> Result<(), Error> {
        let pack = patient::item_in(code)?.pack.ok_or_else(|| Error::invalid("product"))?;
        self.reading()?.follow_pack(&pack)?;
        self.replan.store(true, Ordering::Release);
        Ok(())
    }

    /// Follows a class or pack no longer: the link of a [`Followed`].
    pub fn unfollow(&self, link: &str) -> Result<(), Error> {
        let item = patient::item_in(link)?;
        self.reading()?.unfollow(item.pack.as_ref().unwrap_or(&item.class))?;
        self.replan.store(true, Ordering::Release);
        Ok(())
    }

    /// All that is followed.
    pub fn following(&self) -> Result<Vec<Followed>, Error> {
        let rows = self.reading()?.following()?.into_iter();
        Ok(rows
            .map(|row| Followed { link: row.subject.to_string(), ready: row.state == FollowState::Ready })
            .collect())
    }

    /// Does the next step of bringing this wallet up to date: at most one request, bounded in size and time. Call it
    /// until it says that it is done. It may be stopped, or the app killed, at any moment.
    pub fn sync_step(&self) -> Result<SyncStep, Error> {
        let mut line = self.syncing()?;
        if self.replan.swap(false, Ordering::AcqRel) {
            line.snapshot = self.snapshot()?;
        }
        let Line { snapshot, client } = &mut *line;
        let step = snapshot.sync_step(client).map_err(Error::from);
        if step == Err(Error::from(StoreError::Moved)) {
            // A courier's call has moved the wallet on: the next step begins from there.
            self.replan.store(true, Ordering::Release);
            return Ok(SyncStep::Waiting { after_millis: 0 });
        }
        let step = step?;
        if step == Step::Done {
            *self.reading()? = self.snapshot()?;
        }
        Ok(step.into())
    }

    /// What this wallet knows.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        let snapshot = self.reading()?;
        let checkpoint = snapshot.checkpoint(Log::Supply);
        Ok(Knowledge {
            ledger: self.genesis.name.clone(),
            checkpoint: checkpoint.map(|head| head.checkpoint().size()),
            as_of_millis: checkpoint.map(|head| head.cosigned_at().0),
            damaged: snapshot.health() == Health::Damaged,
            contradictions: snapshot.forks()?.len() as u64,
        })
    }
}

impl Wallet {
    /// The verdict on what was read from a pack.
    pub(crate) fn check(&self, item: &Item) -> Result<Verdict, Error> {
        let mut snapshot = self.reading()?;
        let verdict = snapshot.check(item, now());
        if snapshot.health() == Health::Sound {
            return Ok(verdict);
        }
        // Another may have moved the head, and with it what is stored, since this snapshot was opened.
        *snapshot = self.snapshot()?;
        Ok(snapshot.check(item, now()))
    }

    /// A snapshot for one call alone.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot::open(&self.database, &self.genesis)?)
    }

    /// A way to the node for one call alone.
    pub(crate) fn client(&self) -> Result<Client, Error> {
        Ok(Client::new(Https::new(&self.node, &self.genesis)?))
    }

    pub(crate) fn keys(&self) -> Arc<dyn countersign_wallet::KeyStore> {
        Arc::clone(&self.keys)
    }

    fn line(&self) -> Result<Line, Error> {
        Line::open(&self.database, &self.genesis, &self.node)
    }

    fn reading(&self) -> Result<MutexGuard<'_, Snapshot>, Error> {
        sound(&self.reading, || self.snapshot())
    }

    fn syncing(&self) -> Result<MutexGuard<'_, Line>, Error> {
        sound(&self.syncing, || self.line())
    }
}

/// What a lock guards; made anew if a panic may have left it half done.
fn sound<T>(lock: &Mutex<T>, anew: impl FnOnce() -> Result<T, Error>) -> Result<MutexGuard<'_, T>, Error> {
    let poisoned = lock.is_poisoned();
    let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
    if poisoned {
        *guard = anew()?;
        lock.clear_poison();
    }
    Ok(guard)
}

impl Line {
    fn open(database: &std::path::Path, genesis: &Genesis, node: &str) -> Result<Self, Error> {
        let client = Client::new(Https::new(node, genesis)?);
        Ok(Self { snapshot: Snapshot::open(database, genesis)?, client })
    }
}

impl Membership {
    fn new(key: &str, certificate: &Certificate) -> Self {
        Self {
            key: key.to_owned(),
            identity: certificate.identity().to_string(),
            until_millis: certificate.not_after().0,
        }
    }
}

impl From<Step> for SyncStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Progress(progress) => Self::Progress {
                done: progress.done,
                of: progress.of,
                about: match progress.what {
                    Part::Product(subject) => Some(subject.to_string()),
                    Part::Checkpoint(_) | Part::TrustLog => None,
                },
            },
            Step::Waiting { retry_after } => Self::Waiting { after_millis: millis(retry_after) },
            Step::Done => Self::Done,
        }
    }
}

/// The phone's time. A clock that lags behind what is proven is not believed.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_under_the_lock_does_not_end_the_object() {
        let lock = Mutex::new(1);
        let panicked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _guard = lock.lock();
                    panic!("under the lock");
                })
                .join()
        });
        assert!(panicked.is_err());
        assert_eq!(sound(&lock, || Err(Error::Storage)).err(), Some(Error::Storage));
        assert_eq!(*sound(&lock, || Ok(2)).unwrap(), 2);
        assert_eq!(*sound(&lock, || Ok(3)).unwrap(), 2);
    }
}

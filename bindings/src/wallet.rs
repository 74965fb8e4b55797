//! The wallet: a phone's verified data, and its sync.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_custody::{Contents, Item, Reason, Verdict};
use countersign_ledger::{Genesis, LogName, Subject, TrustedCheckpoint, UnixMillis};
use countersign_wallet::{
    Client, FollowState, Health, Https, HttpsError, Issuer, Part, Scans, ScansError, Snapshot, Step,
    StoreError,
};

use crate::answer::Answer;
use crate::clock::now;
use crate::code::{goods_in, whole_item_in};
use crate::error::{CountersignError as Error, millis};
use crate::handover::codes;
use crate::key_store::{Foreign, KeyStore};
use crate::screens::{Kept, is_pack};
use crate::settings::{Enrolment, Knowledge, Meeting, Membership, Settings};

/// The verified data of a phone, one wallet per ledger. Calls may come from any number of threads.
#[derive(uniffi::Object)]
pub struct Wallet {
    database: PathBuf,
    genesis: Genesis,
    keys: Arc<Foreign>,
    /// The node in use.
    node: Mutex<Node>,
    /// The snapshot that verdicts are read from.
    reading: Mutex<Snapshot>,
    /// The snapshot that is being updated, while one is.
    syncing: Mutex<Option<Snapshot>>,
    /// A snapshot for the next single call.
    spare: Mutex<Option<Snapshot>>,
    /// What was scanned.
    scans: Scans,
    /// The followed subjects have changed since the current round was planned.
    replan: AtomicBool,
    /// The moment that examples are looked at; absent for a wallet that lives.
    moment: Option<UnixMillis>,
}

/// The address of no node (RFC 6761).
const NOWHERE: &str = "https://examples.invalid";

/// A node, and the connections to it.
struct Node {
    address: String,
    https: Https,
}

/// A followed subject.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Followed {
    /// The product class, pack or logistic unit, as a link.
    pub link: String,
    /// Whether its data is complete; if not, sync.
    pub ready: bool,
}

/// The result of a step of a sync.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SyncStep {
    /// Progress; there is more to do.
    Progress {
        /// Parts done.
        done: u64,
        /// Parts known so far; more may turn up.
        of: u64,
        /// The product of this step, if any.
        about: Option<String>,
    },
    /// Nothing: the node asks to wait.
    Waiting {
        /// How long.
        after_millis: u64,
    },
    /// Finished: the wallet is up to date.
    Done,
}

/// Erases a wallet: every key and secret in `keys`, and then the database with all that lies beside it. Nothing may have it
/// open any more. It may be damaged, or not there.
#[uniffi::export]
pub fn erase_wallet(database: String, keys: Arc<dyn KeyStore>) -> Result<(), Error> {
    Ok(countersign_wallet::erase(&PathBuf::from(database), &Foreign(keys))?)
}

#[uniffi::export]
impl Wallet {
    /// Opens the wallet in the database file, or creates one there. `genesis` has the bytes of the genesis file, whose
    /// trust anchors are pinned; `node` is the node's address, such as `https://ledger.example:7443`, unless the person
    /// has chosen another one ([`Wallet::set_node`]). Needs no network.
    #[uniffi::constructor]
    pub fn open(
        database: String,
        genesis: &[u8],
        node: String,
        keys: Arc<dyn KeyStore>,
    ) -> Result<Self, Error> {
        let (database, genesis) = (PathBuf::from(database), Genesis::parse(genesis)?);
        let reading = Snapshot::open(&database, &genesis)?;
        // A damaged address is ignored.
        let chosen = reading.node()?.and_then(|chosen| Node::new(chosen, &genesis).ok());
        let node = Mutex::new(chosen.map_or_else(|| Node::new(node, &genesis), Ok)?);
        let (reading, keys) = (Mutex::new(reading), Arc::new(Foreign(keys)));
        let scans = Scans::new(Arc::clone(&keys) as Arc<dyn countersign_wallet::KeyStore>);
        Ok(Self {
            database,
            genesis,
            keys,
            node,
            reading,
            syncing: Mutex::default(),
            spare: Mutex::default(),
            scans,
            replan: AtomicBool::new(false),
            moment: None,
        })
    }

    /// Opens a wallet of examples, for those who have no ledger yet: its data is looked at as of the moment that it was
    /// fetched, and there is no node.
    #[uniffi::constructor]
    pub fn open_examples(database: String, genesis: &[u8], keys: Arc<dyn KeyStore>) -> Result<Self, Error> {
        let wallet = Self::open(database, genesis, NOWHERE.to_owned(), keys)?;
        let seen =
            |log| wallet.reading().map(|snapshot| snapshot.seen(log).map(TrustedCheckpoint::cosigned_at));
        let moment = seen(LogName::SUPPLY)?.max(seen(LogName::TRUST)?);
        Ok(Self { moment, ..wallet })
    }

    /// Makes the key `key`, unless it exists, and has it certified with a one-time code of the registrar. The key's
    /// attestation ([`KeyStore::attest`]) has the code as challenge.
    pub fn enrol(&self, key: &str, code: &str) -> Result<Enrolment, Error> {
        let attestation = self.keys.attest(key, code)?;
        let client = self.client();
        let certificate =
            self.act(|snapshot| Ok(Issuer::new(snapshot, &client, self.keys()).enrol(key, code)?))?;
        Ok(Enrolment { membership: Membership::new(key, &certificate), attestation })
    }

    /// The members that this wallet's keys sign for.
    pub fn memberships(&self) -> Result<Vec<Membership>, Error> {
        let client = self.client();
        self.act(|snapshot| {
            let issuer = Issuer::new(snapshot, &client, self.keys());
            issuer.enrolled()?.iter().map(|key| Ok(Membership::new(key, &issuer.certificate(key)?))).collect()
        })
    }

    /// Follows the product class that a code or link names: all its lots and packs. If there is more on record about the
    /// pack than that tells, the pack is followed as well. Its data is fetched by the next sync.
    pub fn follow(&self, code: &str) -> Result<(), Error> {
        let item = whole_item_in(code)?;
        let more = |pack: &Subject| {
            let lacks = Reason::NotFollowed { subject: pack.clone() };
            self.check(&item).map(|verdict| verdict.reasons.contains(&lacks))
        };
        let pack = item.pack.as_ref().map(|pack| more(pack).map(|more| more.then_some(pack)));
        let pack = pack.transpose()?.flatten();
        let mut snapshot = self.reading()?;
        snapshot.follow(&item.class)?;
        pack.map_or(Ok(()), |pack| snapshot.follow_pack(pack))?;
        self.replan.store(true, Ordering::Release);
        Ok(())
    }

    /// Follows one pack, with its own history.
    pub fn follow_pack(&self, code: &str) -> Result<(), Error> {
        let pack = whole_item_in(code)?.pack.ok_or_else(|| Error::invalid("product"))?;
        self.reading()?.follow_pack(&pack)?;
        self.replan.store(true, Ordering::Release);
        Ok(())
    }

    /// Follows one logistic unit, with its own history. The history is also that of the packs in it, once their list is
    /// here ([`Wallet::keep_contents`]).
    pub fn follow_unit(&self, code: &str) -> Result<(), Error> {
        let unit = goods_in(code)?;
        self.reading()?.follow_unit(&unit)?;
        self.replan.store(true, Ordering::Release);
        Ok(())
    }

    /// Stops following a subject: the link of a [`Followed`]. A pack leaves the medicine list, and its scans are forgotten.
    pub fn unfollow(&self, link: &str) -> Result<(), Error> {
        let subject = Subject::new(link).map_err(|_| Error::invalid("product"))?;
        self.reading()?.unfollow(&subject)?;
        self.replan.store(true, Ordering::Release);
        if is_pack(link) { self.scanned(|scans, snapshot| scans.forget(snapshot, &subject)) } else { Ok(()) }
    }

    /// Keeps the list of a logistic unit's contents, the file that came with it: its packs can then be scanned one by
    /// one, and have the unit's history. The list counts only if it is the one that the unit's packing names.
    #[expect(clippy::needless_pass_by_value, reason = "Kotlin passes an array, and not a buffer")]
    pub fn keep_contents(&self, list: Vec<u8>) -> Result<(), Error> {
        let contents = Contents::from_bytes(&list).map_err(|_| Error::invalid("contents"))?;
        Ok(self.reading()?.keep_contents(&contents)?)
    }

    /// Keeps a pack in the medicine list, with the expiry on its label if this phone scanned it: follows its product, and
    /// the pack itself.
    pub fn keep(&self, code: &str) -> Result<(), Error> {
        let item = whole_item_in(code)?;
        self.follow(code)?;
        self.follow_pack(code)?;
        self.scanned(|scans, snapshot| scans.keep(snapshot, &item, self.now()))
    }

    /// The medicine list: every pack that is followed, with its verdict as of now.
    pub fn kept(&self) -> Result<Vec<Kept>, Error> {
        let followed = self.following()?;
        let ready = |link: &str| followed.iter().any(|row| row.link == link && row.ready);
        let packs = followed.iter().filter(|row| is_pack(&row.link));
        // Without the key store the list lacks what the labels said, and nothing else.
        let labels = self.scanned(|scans, snapshot| scans.list(snapshot)).unwrap_or_default();
        packs
            .map(|row| {
                let label = labels.iter().find(|scan| scan.kept && scan.link().as_str() == row.link);
                let item = label.map_or_else(|| whole_item_in(&row.link), |scan| Ok(scan.item.clone()))?;
                let answer = Answer::new(&item, &self.check(&item)?);
                Ok(Kept::new(&answer, row.ready && ready(&answer.product.class)))
            })
            .collect()
    }

    /// All followed subjects.
    pub fn following(&self) -> Result<Vec<Followed>, Error> {
        let rows = self.reading()?.following()?.into_iter();
        Ok(rows
            .map(|row| Followed { link: row.subject.to_string(), ready: row.state == FollowState::Ready })
            .collect())
    }

    /// Does the next step of a sync: at most one request, bounded in size and time. Call it until it returns `Done`. It
    /// may be stopped, or the app killed, at any moment.
    pub fn sync_step(&self) -> Result<SyncStep, Error> {
        // A call that panics gives none back: the next step begins from what is stored.
        let mut syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, replan) = (syncing.take(), self.replan.swap(false, Ordering::AcqRel));
        let mut snapshot = begun.filter(|_| !replan).map_or_else(|| self.open_again(), Ok)?;
        match snapshot.sync_step(&self.client()).map_err(Error::from) {
            Ok(Step::Done) => {
                *self.reading()? = snapshot;
                Ok(SyncStep::Done)
            }
            Ok(step) => {
                *syncing = Some(snapshot);
                Ok(step.into())
            }
            // A courier's call has advanced the wallet: the next step begins from there.
            Err(error) if error == Error::from(StoreError::Moved) => {
                Ok(SyncStep::Waiting { after_millis: 0 })
            }
            // Opened anew, what is damaged is begun anew.
            Err(Error::Storage) => Err(Error::Storage),
            Err(error) => {
                *syncing = Some(snapshot);
                Err(error)
            }
        }
    }

    /// Uses the node at `address` from now on, also after a restart: `https://`, a host, and optionally a port. Any
    /// node of the ledger will do, since clients verify all of its answers.
    pub fn set_node(&self, address: String) -> Result<(), Error> {
        let node = Node::new(address, &self.genesis)?;
        self.act(|snapshot| Ok(snapshot.set_node(&node.address)?))?;
        *self.node() = node;
        Ok(())
    }

    /// What a settings screen shows.
    pub fn settings(&self) -> Result<Settings, Error> {
        let node = self.node_address();
        let bytes = self.reading()?.bytes_on_disk();
        let following = self.following()?.len() as u64;
        Ok(Settings {
            memberships: self.memberships()?,
            node,
            knowledge: self.knowledge()?,
            following,
            bytes,
        })
    }

    /// The state of this wallet's verified data.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        let snapshot = self.reading()?;
        let checkpoint = snapshot.checkpoint(LogName::SUPPLY);
        let now = snapshot.now(self.now());
        Ok(Knowledge {
            ledger: self.genesis.name.clone(),
            checkpoint: checkpoint.map(|head| head.checkpoint().size()),
            as_of_millis: checkpoint.map(|head| head.cosigned_at().0),
            age_millis: checkpoint.and_then(|head| now.age_of(head.cosigned_at())),
            clock: now.clock().into(),
            damaged: snapshot.health() == Health::Damaged,
            contradictions: snapshot.forks()?.len() as u64,
        })
    }

    /// The texts of QR codes that show the newest checkpoint to another phone, one after the other, over and over;
    /// empty before the first sync. Phones that compare their checkpoints detect a fork of the log.
    pub fn checkpoint_codes(&self) -> Result<Vec<String>, Error> {
        let note =
            self.act(|snapshot| Ok(snapshot.seen(LogName::SUPPLY).map(|seen| seen.note().to_string())))?;
        Ok(note.map_or_else(|| Ok(Vec::new()), |note| codes(note.as_bytes()))?)
    }

    /// Compares another phone's newest checkpoint, its note, with this one's. A contradiction is kept as evidence, at
    /// once or when the next sync has shown it ([`Knowledge`]). Repeating is harmless.
    pub fn compare(&self, note: &str) -> Result<Meeting, Error> {
        self.act(|snapshot| Ok(snapshot.compare(note)?.into()))
    }
}

impl Wallet {
    /// The verdict on what was read from a pack.
    pub(crate) fn check(&self, item: &Item) -> Result<Verdict, Error> {
        let (mut snapshot, now) = (self.reading()?, self.now());
        let verdict = snapshot.check(item, now);
        if snapshot.health() == Health::Sound {
            return Ok(verdict);
        }
        // Another call may have advanced the wallet and changed its stored data since this snapshot was opened.
        *snapshot = self.open_again()?;
        Ok(snapshot.check(item, now))
    }

    /// A call with a snapshot of its own, so that no lock is held while a person or the network is waited for. The next
    /// call uses it again: what was verified need not be verified for each.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Snapshot) -> Result<T, Error>) -> Result<T, Error> {
        let spare = self.spare().take();
        let mut snapshot = spare.map_or_else(|| self.open_again(), |spare| Ok(spare.caught_up()?))?;
        let answer = act(&mut snapshot);
        // What is damaged is mended when it is opened, and a disk that was full may have room by then.
        let usable = snapshot.health() == Health::Sound && snapshot.takes_writes();
        if usable && !matches!(answer, Err(Error::Storage)) {
            *self.spare() = Some(snapshot);
        }
        answer
    }

    /// The same about what was scanned.
    pub(crate) fn scanned<T>(
        &self,
        act: impl FnOnce(&Scans, &mut Snapshot) -> Result<T, ScansError>,
    ) -> Result<T, Error> {
        self.act(|snapshot| Ok(act(&self.scans, snapshot)?))
    }

    fn open_again(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot::open(&self.database, &self.genesis)?)
    }

    /// What the clock shows; for examples their own moment.
    pub(crate) fn now(&self) -> UnixMillis {
        self.moment.unwrap_or_else(now)
    }

    /// A client of the node for a single call. Connections are kept.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.https())
    }

    /// The way to the node, of which a record store is a part.
    pub(crate) fn https(&self) -> Https {
        self.node().https.clone()
    }

    /// The address of the node in use.
    pub(crate) fn node_address(&self) -> String {
        self.node().address.clone()
    }

    pub(crate) const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// What is followed may have changed: the next round of a sync is planned anew.
    pub(crate) fn replan(&self) {
        self.replan.store(true, Ordering::Release);
    }

    pub(crate) fn keys(&self) -> Arc<dyn countersign_wallet::KeyStore> {
        Arc::clone(&self.keys) as Arc<dyn countersign_wallet::KeyStore>
    }

    fn reading(&self) -> Result<MutexGuard<'_, Snapshot>, Error> {
        let mut snapshot = sound(&self.reading, || self.open_again())?;
        // A disk that was full may have room by now.
        if !snapshot.takes_writes()
            && let Ok(again) = self.open_again()
        {
            *snapshot = again;
        }
        Ok(snapshot)
    }

    /// A call that panics gives none back.
    fn spare(&self) -> MutexGuard<'_, Option<Snapshot>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic leaves the old or the new value here, never a mixture.
    fn node(&self) -> MutexGuard<'_, Node> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value under a lock; created again if a panic may have left it inconsistent.
fn sound<T>(lock: &Mutex<T>, anew: impl FnOnce() -> Result<T, Error>) -> Result<MutexGuard<'_, T>, Error> {
    let poisoned = lock.is_poisoned();
    let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
    if poisoned {
        *guard = anew()?;
        lock.clear_poison();
    }
    Ok(guard)
}

impl Node {
    fn new(address: String, genesis: &Genesis) -> Result<Self, HttpsError> {
        Ok(Self { https: Https::new(&address, genesis)?, address })
    }
}

impl From<Step> for SyncStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Progress(progress) => Self::Progress {
                done: progress.done,
                of: progress.of,
                about: match progress.what {
                    Part::Subject(subject) => Some(subject.to_string()),
                    Part::Checkpoint(_) | Part::WholeLog(_) => None,
                },
            },
            Step::Waiting { retry_after } => Self::Waiting { after_millis: millis(retry_after) },
            Step::Done => Self::Done,
        }
    }
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

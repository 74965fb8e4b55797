//! Data of other domains: ask for a licence, see who looked, see where data went.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_domains::{
    Behaviour, Cause, DATA, DataKey, Decision, Denial, Finding, Op, Ops, Pseudonym, Step, domain_subject,
    owner_id, rules,
};
use countersign_ledger::{Genesis, Hash, Identity, UnixMillis};
use countersign_wallet::{
    self as wallet, AccessRequest, AskForData, Authorization, DataLedgers, DomainMessage, DomainsError,
    LoggedAccess, MessageKind, PublishedData, RequestState, Snapshot, TracedState, looked_at, trace_data,
};

use crate::clock::now;
use crate::error::CountersignError as Error;
use crate::records::subject;
use crate::wallet::Wallet;

/// A member of a domain who looks into others, with one of the wallet's keys. The wallet is that of the register which the domains
/// share; beside it, in a folder, are the ledgers of single domains, which have the data and who looked at it.
///
/// Sync this and then the wallet: domains name what they had seen of the register. What is shown is as of that, and needs no
/// network.
#[derive(uniffi::Object)]
pub struct Domains {
    wallet: Arc<Wallet>,
    key: String,
    folder: PathBuf,
    ledgers: Mutex<Option<DataLedgers>>,
}

/// What the screens of other domains' data begin with.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainsView {
    /// Who this is, by their SPIFFE ID; absent before they are enrolled.
    pub member: Option<String>,
    /// Whether the pinned register is shared by domains.
    pub is_shared: bool,
    /// Whether it let through what its rules forbid.
    pub is_at_fault: bool,
    /// Whether this member's domain takes part.
    pub standing: DomainStanding,
    /// The domains whose ledgers are here.
    pub ledgers: Vec<DomainLedger>,
    /// The data that is published, the latest first.
    pub data: Vec<DomainData>,
    /// Whom other domains know of this member's domain.
    pub people: Vec<DomainPerson>,
    /// What was asked for by this member's domain or of it, the latest first.
    pub licences: Vec<DomainLicence>,
}

/// A domain whose ledger is here.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainLedger {
    /// The domain.
    pub domain: String,
    /// As of when its ledger is here; absent before the first sync.
    pub as_of_millis: Option<u64>,
}

/// Data that somebody has published a policy of.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainData {
    /// By which it is named: a digest in hexadecimal.
    pub key: String,
    /// Whose it is, by their SPIFFE ID.
    pub owner: String,
    /// Who may do what, such as `allow read for TREAT from north.example`.
    pub policy: String,
    /// When it was published.
    pub at_millis: u64,
    /// Whether it counts.
    pub is_valid: bool,
}

/// Somebody whom another domain knows, by a pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainPerson {
    /// The pseudonym, in hexadecimal.
    pub user: String,
    /// Whether it is this member.
    pub is_own: bool,
    /// The domain that knows them.
    pub domain: String,
    /// How well.
    pub level: u8,
    /// Until when.
    pub until_millis: u64,
}

/// What may be done with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DataOp {
    /// Look at it.
    Read,
    /// Change it.
    Modify,
    /// Make something of it.
    Derive,
    /// Pass it on.
    Share,
}

/// A request for a licence, with what came of it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainLicence {
    /// By which it is named.
    pub thread: String,
    /// The data.
    pub key: String,
    /// The domain that asks.
    pub from: String,
    /// The domain that holds the data.
    pub to: String,
    /// For whom, by their pseudonym there.
    pub user: String,
    /// What is to be done.
    pub operations: Vec<DataOp>,
    /// What for, such as a code of HL7's `PurposeOfUse`.
    pub purpose: String,
    /// When it was asked for.
    pub asked_millis: u64,
    /// How far it is.
    pub state: LicenceState,
    /// Why the owner's rule denies it, if it does.
    pub denial: Option<DataDenial>,
    /// The notaries' votes, while they vote.
    pub votes: Option<LicenceVotes>,
    /// Whether this member may take it back.
    pub may_revoke: bool,
}

/// How far a request for a licence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LicenceState {
    /// The notaries vote.
    Voting,
    /// Their time is over.
    Lapsed,
    /// They agree, and the decision is to be written.
    Agreed,
    /// They found another outcome.
    Rejected,
    /// It was decided that the owner's rule denies it.
    Denied,
    /// It is in force.
    Granted {
        /// Until then.
        until_millis: u64,
    },
    /// Its time is over.
    Over {
        /// Since then.
        at_millis: u64,
    },
    /// It was taken back.
    Revoked {
        /// When.
        at_millis: u64,
        /// Why.
        cause: RevocationCause,
    },
}

/// How notaries have voted so far, in percent of their credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct LicenceVotes {
    /// For it.
    pub yes: u8,
    /// Against it.
    pub no: u8,
}

/// Why a licence is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RevocationCause {
    /// The owner wants it so.
    Owner,
    /// Rules were broken.
    Misuse,
    /// The data is invalid.
    Invalid,
}

/// Why the owner's rule denies a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DataDenial {
    /// The data is invalid.
    Invalid,
    /// Nobody may.
    Nobody,
    /// The domain may not.
    Domain,
    /// Not this operation.
    Operation,
    /// Not for this purpose.
    Purpose,
    /// The person is not known well enough.
    Level,
    /// The domain's notaries have too little credit.
    Credit,
    /// The person has not behaved well enough.
    Behaviour,
    /// Only later.
    TooEarly,
    /// Not for so long.
    TooLate,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataQuestion {
    /// The data.
    pub key: String,
    /// For whom: a [`DomainPerson`] that the data's domain knows.
    pub user: String,
    /// What is to be done.
    pub operations: Vec<DataOp>,
    /// What for.
    pub purpose: String,
    /// For how many days.
    pub days: u16,
}

/// A message by which somebody becomes known in another domain. It is carried from phone to phone as codes.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainGreeting {
    /// Which of the five it is.
    pub step: GreetingStep,
    /// Who says so, by their SPIFFE ID: by the message's own word, until it was replied to.
    pub party: String,
    /// The message, for [`Domains::reply`].
    pub message: Vec<u8>,
}

/// The messages by which somebody becomes known in another domain, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum GreetingStep {
    /// Somebody wants to be known elsewhere: to the authority of their own domain.
    Hello,
    /// That authority vouches for them: to the authority of the other domain.
    Vouch,
    /// The other authority asks whether it is they: to the person.
    Challenge,
    /// It is they: to the other authority.
    Answer,
    /// The other authority knows them: to the person.
    Record,
}

/// Whether the member's domain takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DomainStanding {
    /// It does not.
    Apart,
    /// The notaries vote on it.
    Proposed,
    /// It does, by this member's certificate.
    Own,
    /// It does, by another authority's.
    Other,
}

/// Who looked at data, as far as the domains whose ledgers are here have noted it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataAccesses {
    /// The data.
    pub key: String,
    /// The domain that holds it.
    pub holder: Option<String>,
    /// The latest first.
    pub list: Vec<DataAccess>,
    /// The ledgers that this is from.
    pub ledgers: Vec<DomainLedger>,
}

/// An access to data.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataAccess {
    /// The domain that noted it.
    pub domain: String,
    /// Who, by their pseudonym there.
    pub user: String,
    /// Their domain; absent if the licence is none of the register's.
    pub from: Option<String>,
    /// What was done.
    pub operation: DataOp,
    /// When.
    pub at_millis: u64,
    /// Under which licence, by its statement.
    pub licence: String,
    /// What for; absent as `from` is.
    pub purpose: Option<String>,
    /// What is wrong with it; nothing mostly.
    pub findings: Vec<AccessFinding>,
}

/// What is wrong with an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum AccessFinding {
    /// There is no such licence.
    NoLicence,
    /// The licence is somebody else's.
    OtherUser,
    /// It is for other data.
    OtherData,
    /// It does not grant this.
    Operation,
    /// It did not hold at that time.
    Time,
    /// It had been taken back.
    Revoked,
}

/// Where data went, over the domains whose ledgers are here.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataTrace {
    /// The data.
    pub key: String,
    /// What it was made of, it itself, and what was made of it: parents before what was made of them.
    pub states: Vec<TracedData>,
    /// How many parents are on none of the ledgers.
    pub missing: u32,
    /// How many entries were left out: they go back in time, or are not what their names say.
    pub refused: u32,
    /// Whether nothing was left out for its number.
    pub is_whole: bool,
    /// Whether a domain let through what its rules forbid.
    pub is_at_fault: bool,
    /// The ledgers that this is from.
    pub ledgers: Vec<DomainLedger>,
}

/// A state of data.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TracedData {
    /// By which it is named, in hexadecimal.
    pub id: String,
    /// The data that it is a state of.
    pub key: String,
    /// The states that it was made of.
    pub parents: Vec<String>,
    /// How.
    pub step: DataStep,
    /// In which domain.
    pub domain: String,
    /// By whom: their SPIFFE ID where this phone knows it, else a pseudonym in hexadecimal.
    pub actor: String,
    /// When it was signed.
    pub at_millis: u64,
    /// Whether it was allowed: by its owner, or under a licence.
    pub is_proven: bool,
    /// Whether it counts.
    pub is_valid: bool,
}

/// How a state of data came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DataStep {
    /// Of nothing.
    Create,
    /// By a change.
    Modify,
    /// Of one or several others.
    Derive,
    /// By passing it on.
    Share,
}

#[uniffi::export]
impl Domains {
    /// A member with the key `key` of the wallet. `folder` is where the ledgers of domains lie: the app's own, beside the wallet.
    #[uniffi::constructor]
    pub fn new(wallet: Arc<Wallet>, key: String, folder: String) -> Self {
        Self { wallet, key, folder: folder.into(), ledgers: Mutex::default() }
    }

    /// What the screens begin with. Needs no network.
    pub fn view(&self) -> Result<DomainsView, Error> {
        let member = self.member()?;
        let (ledgers, now) = (self.ledgers()?, now());
        self.wallet.act(|snapshot| {
            let log = match Authorization::of(snapshot) {
                Ok(log) => log,
                // Before the first sync there is nothing to show.
                Err(DomainsError::NotSynced) => return Ok(DomainsView::of_no_log(member, ledgers, true)),
                Err(DomainsError::NotShared) => return Ok(DomainsView::of_no_log(member, ledgers, false)),
                Err(error) => return Err(error.into()),
            };
            let own =
                member.map(|_| wallet::Domains::new(snapshot, self.wallet.keys(), &self.key)).transpose()?;
            Ok(DomainsView::new(&log, own.as_ref(), ledgers, now))
        })
    }

    /// Adds the ledger of a domain, by its node's address and its genesis file: those of a [`crate::Register`] whose words a
    /// person has compared. Returns the domain.
    pub fn add(&self, node: &str, genesis: &[u8]) -> Result<String, Error> {
        let register = wallet::Register::new(node, Genesis::parse(genesis)?)?;
        self.with(|ledgers| Ok(ledgers.add(&register)?.domain().to_owned()))
    }

    /// Forgets the ledger of a domain.
    pub fn remove(&self, domain: &str) -> Result<(), Error> {
        self.with(|ledgers| Ok(ledgers.remove(domain)?))
    }

    /// Signs in at a domain with a one-time code of its registrar. Returns the member's SPIFFE ID. What they sign counts once that
    /// registrar has told the shared register of them.
    pub fn enrol(&self, domain: &str, code: &str) -> Result<String, Error> {
        let keys = self.wallet.keys();
        let certificate = self.with(|ledgers| {
            let ledger = ledgers.get(domain).ok_or_else(|| Error::invalid("data-ledger"))?;
            Ok(ledger.enrol(&keys, &self.key, code.trim())?)
        })?;
        self.wallet.act(|snapshot| Ok(wallet::Domains::adopt(snapshot, &keys, &self.key, &certificate)?))?;
        Ok(certificate.identity().to_string())
    }

    /// Brings the ledgers of all domains up to date, each as far as it can be reached within some seconds. Fails as the first of
    /// them did, once all were tried.
    pub fn sync(&self) -> Result<(), Error> {
        self.with(|ledgers| {
            let synced = ledgers.sync().into_iter().map(|(_, synced)| synced);
            Ok(synced.fold(Ok(()), Result::and)?)
        })
    }

    /// Proposes that the member's domain takes part, by this member's certificate. The notaries vote on it.
    pub fn register(&self) -> Result<(), Error> {
        let client = self.wallet.client();
        self.act(|domains| domains.register(&client, now())).map(drop)
    }

    /// Begins to be known in another domain. An authority vouches for themselves at once. Each message is good for five minutes.
    pub fn greet(&self, domain: &str) -> Result<DomainGreeting, Error> {
        self.act(|domains| {
            let hello = domains.hello(domain, now())?;
            if domains.identity().role() == rules::AUTHORITY {
                domains.vouch(&hello, VOUCHED, now())
            } else {
                Ok(hello)
            }
        })?
        .try_into()
    }

    /// Signs what a message asks for; none if nothing is left to be said. Who is known from then on is told to the register, which
    /// needs the network. The key store is asked for a signature.
    #[expect(clippy::needless_pass_by_value, reason = "Kotlin passes an array, and not a buffer")]
    pub fn reply(&self, message: Vec<u8>) -> Result<Option<DomainGreeting>, Error> {
        let (message, client) = (DomainMessage::parse(&message)?, self.wallet.client());
        let reply = self.act(|domains| {
            let now = now();
            Ok(Some(match message.kind() {
                Some(MessageKind::Hello) => domains.vouch(&message, VOUCHED, now)?,
                Some(MessageKind::Vouch) => domains.challenge(&message, now)?,
                Some(MessageKind::Challenge) => domains.answer(&message, now)?,
                Some(MessageKind::Answer) => {
                    // Whoever cannot be admitted now shows their answer again: it is taken once.
                    domains.refresh(&client, now)?;
                    let known = domains.authenticate(&message, UnixMillis(now.0 + KNOWN_DAYS * DAY), now)?;
                    domains.admit(&client, &known, now)?;
                    known
                }
                Some(MessageKind::Record) => {
                    domains.keep_record(&message)?;
                    return Ok(None);
                }
                _ => return Err(DomainsError::NoMessage),
            }))
        })?;
        reply.map(DomainGreeting::try_from).transpose()
    }

    /// Asks for a licence. Returns its thread; how far it is, `view` says after a sync. The key store is asked for a signature.
    pub fn ask(&self, question: DataQuestion) -> Result<String, Error> {
        if question.operations.is_empty() {
            return Err(Error::invalid("data-operation"));
        }
        let (client, now) = (self.wallet.client(), now());
        let user = Pseudonym(digest(&question.user)?);
        let accesses = self.looked_at()?;
        let of_user = || accesses.iter().filter(|access| access.entry.user == user);
        let broken = of_user().filter(|access| !access.findings.is_empty()).count();
        let behaviour = Behaviour { kept: count(of_user().count() - broken), broken: count(broken) };
        let asked = AskForData {
            key: DataKey(digest(&question.key)?),
            user,
            ops: Ops::of(question.operations.into_iter().map(Op::from)),
            purpose: question.purpose,
            until: UnixMillis(now.0 + u64::from(question.days) * DAY),
            behaviour,
        };
        self.act(|domains| domains.ask(&client, &asked, now)).map(|asked| asked.thread.to_string())
    }

    /// Takes a licence back. The key store is asked for a signature.
    pub fn revoke(&self, thread: &str, cause: RevocationCause) -> Result<(), Error> {
        let (thread, client) = (subject(thread)?, self.wallet.client());
        self.act(|domains| domains.revoke(&client, &thread, cause.into(), now())).map(drop)
    }

    /// Who looked at data. Needs no network.
    pub fn accesses(&self, key: &str) -> Result<DataAccesses, Error> {
        let data = DataKey(digest(key)?);
        let mut logged = self.looked_at()?;
        logged.retain(|access| access.key == data);
        let log = self.log()?;
        Ok(DataAccesses {
            key: key.to_owned(),
            holder: log.published(data).map(|data| data.owner.domain().to_owned()),
            list: logged.into_iter().map(|access| DataAccess::new(access, &log)).collect(),
            ledgers: self.ledgers()?,
        })
    }

    /// Where data went. Needs no network.
    pub fn trace(&self, key: &str) -> Result<DataTrace, Error> {
        let data = DataKey(digest(key)?);
        let traced = self.both(|snapshot, ledgers| trace_data(snapshot, ledgers, data))?;
        let owners = self.log()?.data().into_iter().map(|data| (owner_id(&data.owner), data.owner));
        let owners: HashMap<Hash, Identity> = owners.collect();
        Ok(DataTrace {
            key: key.to_owned(),
            missing: count(traced.missing.len()),
            refused: count(traced.refused.len() + traced.forged.len()),
            is_whole: traced.is_whole,
            is_at_fault: traced.ledgers.iter().any(|ledger| ledger.faults > 0),
            states: traced.states.into_iter().map(|state| TracedData::new(state, &owners)).collect(),
            ledgers: self.ledgers()?,
        })
    }
}

impl Domains {
    fn member(&self) -> Result<Option<String>, Error> {
        let own = self.wallet.memberships()?.into_iter().find(|membership| membership.key == self.key);
        Ok(own.map(|membership| membership.identity))
    }

    /// The domains whose ledgers are here.
    fn ledgers(&self) -> Result<Vec<DomainLedger>, Error> {
        self.with(|ledgers| {
            let known = ledgers.iter().map(|ledger| DomainLedger {
                domain: ledger.domain().to_owned(),
                as_of_millis: ledger.snapshot().seen(DATA).map(|seen| seen.cosigned_at().0),
            });
            Ok(known.collect())
        })
    }

    fn log(&self) -> Result<Authorization, Error> {
        self.wallet.act(|snapshot| Ok(Authorization::of(snapshot)?))
    }

    fn looked_at(&self) -> Result<Vec<LoggedAccess>, Error> {
        self.both(looked_at)
    }

    /// With a snapshot of its own: no lock of the wallet is held while the key store waits for a person.
    fn act<T>(
        &self,
        act: impl FnOnce(&mut wallet::Domains<'_>) -> Result<T, DomainsError>,
    ) -> Result<T, Error> {
        let keys = self.wallet.keys();
        self.wallet.act(|snapshot| Ok(act(&mut wallet::Domains::new(snapshot, keys, &self.key)?)?))
    }

    fn both<T>(
        &self,
        look: impl FnOnce(&Snapshot, &DataLedgers) -> Result<T, DomainsError>,
    ) -> Result<T, Error> {
        self.with(|ledgers| self.wallet.act(|snapshot| Ok(look(snapshot, ledgers)?)))
    }

    /// The ledgers of domains are opened once. A call that panics leaves them to be opened again.
    fn with<T>(&self, act: impl FnOnce(&mut DataLedgers) -> Result<T, Error>) -> Result<T, Error> {
        let mut held = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ledgers =
            held.take().map_or_else(|| DataLedgers::open(&self.folder, self.wallet.genesis()), Ok)?;
        let answer = act(&mut ledgers);
        if !matches!(answer, Err(Error::Storage)) {
            *held = Some(ledgers);
        }
        answer
    }
}

/// At which level an authority vouches: for somebody whom a person stands before, with a key that they unlock.
const VOUCHED: u8 = 2;
/// For how many days somebody is known in another domain.
const KNOWN_DAYS: u64 = 30;
/// A day in milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;

fn digest(hex: &str) -> Result<Hash, Error> {
    hex.parse().map_err(|_| Error::invalid("family"))
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl DomainsView {
    fn of_no_log(member: Option<String>, ledgers: Vec<DomainLedger>, is_shared: bool) -> Self {
        let (data, people, licences) = (Vec::new(), Vec::new(), Vec::new());
        let standing = DomainStanding::Apart;
        Self { member, is_shared, is_at_fault: false, standing, ledgers, data, people, licences }
    }

    fn new(
        log: &Authorization,
        own: Option<&wallet::Domains<'_>>,
        ledgers: Vec<DomainLedger>,
        now: UnixMillis,
    ) -> Self {
        let member = own.map(wallet::Domains::identity);
        let domain = member.map_or("", Identity::domain);
        let (mut data, mut requests) = (log.data(), log.requests());
        data.sort_by_key(|data| std::cmp::Reverse(data.at));
        requests.retain(|request| request.by.domain() == domain || request.request.to == domain);
        requests.sort_by_key(|request| std::cmp::Reverse(request.asked_at));
        let people = log.admissions().into_iter().filter(|user| {
            user.admission.active && user.admission.home == domain && now < user.admission.until
        });
        Self {
            is_shared: true,
            is_at_fault: !log.faults().is_empty(),
            standing: own.map_or(DomainStanding::Apart, |own| DomainStanding::new(log, own, now)),
            ledgers,
            data: data.into_iter().map(DomainData::from).collect(),
            people: people
                .map(|user| DomainPerson {
                    is_own: own.is_some_and(|own| own.pseudonym(user.by.domain()).ok() == Some(user.user)),
                    user: user.user.0.to_string(),
                    domain: user.by.domain().to_owned(),
                    level: user.admission.level,
                    until_millis: user.admission.until.0,
                })
                .collect(),
            licences: requests
                .into_iter()
                .map(|request| {
                    let owner = log.published(request.key).map(|data| data.owner);
                    let is_owner = member.is_some_and(|member| owner.as_ref() == Some(member));
                    let is_authority = member.is_some_and(|member| member.role() == rules::AUTHORITY);
                    DomainLicence::new(&request, is_owner || is_authority, now)
                })
                .collect(),
            member: member.map(Identity::to_string),
        }
    }
}

impl DomainStanding {
    fn new(log: &Authorization, own: &wallet::Domains<'_>, now: UnixMillis) -> Self {
        let domain = own.identity().domain();
        let voted = || domain_subject(domain).and_then(|subject| log.ballot(&subject, now));
        match log.registration(domain) {
            Some(held) if held.certificate == own.certificate().fingerprint() => Self::Own,
            Some(_) => Self::Other,
            None if voted().is_some() => Self::Proposed,
            None => Self::Apart,
        }
    }
}

impl DomainLicence {
    fn new(request: &AccessRequest, concerns: bool, now: UnixMillis) -> Self {
        let standing = request.standing(now);
        let (tally, thread) = (request.state.ballot.tally(), &request.state);
        let percent = |part: u64| u8::try_from(part.saturating_mul(100) / tally.total.max(1)).unwrap_or(100);
        let votes = || LicenceVotes { yes: percent(tally.yes), no: percent(tally.no) };
        Self {
            key: request.key.0.to_string(),
            from: request.by.domain().to_owned(),
            to: request.request.to.clone(),
            user: request.request.user.0.to_string(),
            operations: Op::ALL.into_iter().filter(|op| thread.ops.has(*op)).map(DataOp::from).collect(),
            purpose: request.request.purpose.clone(),
            asked_millis: request.asked_at.0,
            state: LicenceState::new(request, standing),
            denial: match thread.outcome {
                Decision::Denied(denial) => Some(denial.into()),
                Decision::Permitted => None,
            },
            votes: (standing == RequestState::Voting).then(votes),
            may_revoke: concerns && standing == RequestState::Licensed,
            thread: request.thread.to_string(),
        }
    }
}

impl LicenceState {
    fn new(request: &AccessRequest, standing: RequestState) -> Self {
        let until = request.state.until.0;
        match standing {
            RequestState::Voting => Self::Voting,
            RequestState::Agreed => Self::Agreed,
            RequestState::Lapsed => Self::Lapsed,
            RequestState::Rejected => Self::Rejected,
            RequestState::Denied(_) => Self::Denied,
            RequestState::Licensed => Self::Granted { until_millis: until },
            RequestState::Ended => Self::Over { at_millis: until },
            RequestState::Revoked(cause) => {
                let at_millis = request.revoked.map_or(until, |revoked| revoked.at.0);
                Self::Revoked { at_millis, cause: cause.into() }
            }
        }
    }
}

impl DataAccess {
    fn new(access: LoggedAccess, log: &Authorization) -> Self {
        let request = access.request.and_then(|thread| log.request(&thread));
        let purpose = request.map(|request| request.request.purpose);
        Self {
            domain: access.domain,
            user: access.entry.user.0.to_string(),
            from: access.from,
            operation: access.entry.op.into(),
            at_millis: access.at.0,
            licence: access.entry.licence.to_string(),
            purpose,
            findings: access.findings.into_iter().map(AccessFinding::from).collect(),
        }
    }
}

impl TracedData {
    fn new(state: TracedState, owners: &HashMap<Hash, Identity>) -> Self {
        Self {
            id: state.sid.to_string(),
            key: state.key.0.to_string(),
            parents: state.parents.iter().map(Hash::to_string).collect(),
            step: state.step.into(),
            domain: state.domain,
            actor: owners.get(&state.actor).map_or_else(|| state.actor.to_string(), Identity::to_string),
            at_millis: state.at.0,
            is_proven: state.proven,
            is_valid: state.valid,
        }
    }
}

impl TryFrom<DomainMessage> for DomainGreeting {
    type Error = Error;

    fn try_from(message: DomainMessage) -> Result<Self, Error> {
        let step = match message.kind() {
            Some(MessageKind::Hello) => GreetingStep::Hello,
            Some(MessageKind::Vouch) => GreetingStep::Vouch,
            Some(MessageKind::Challenge) => GreetingStep::Challenge,
            Some(MessageKind::Answer) => GreetingStep::Answer,
            Some(MessageKind::Record) => GreetingStep::Record,
            _ => return Err(Error::invalid("domain-message")),
        };
        Ok(Self { step, party: message.by().to_string(), message: message.to_bytes() })
    }
}

/// The greeting that bytes are, if they are one.
pub(crate) fn greeting(bytes: &[u8]) -> Option<DomainGreeting> {
    DomainMessage::parse(bytes).ok()?.try_into().ok()
}

impl From<PublishedData> for DomainData {
    fn from(data: PublishedData) -> Self {
        Self {
            key: data.key.0.to_string(),
            owner: data.owner.to_string(),
            policy: data.policy.to_string(),
            at_millis: data.at.0,
            is_valid: data.invalid.is_none(),
        }
    }
}

impl From<DataOp> for Op {
    fn from(op: DataOp) -> Self {
        match op {
            DataOp::Read => Self::Read,
            DataOp::Modify => Self::Modify,
            DataOp::Derive => Self::Derive,
            DataOp::Share => Self::Share,
        }
    }
}

impl From<Op> for DataOp {
    fn from(op: Op) -> Self {
        match op {
            Op::Read => Self::Read,
            Op::Modify => Self::Modify,
            Op::Derive => Self::Derive,
            Op::Share => Self::Share,
        }
    }
}

impl From<RevocationCause> for Cause {
    fn from(cause: RevocationCause) -> Self {
        match cause {
            RevocationCause::Owner => Self::Owner,
            RevocationCause::Misuse => Self::Misuse,
            RevocationCause::Invalid => Self::Invalid,
        }
    }
}

impl From<Cause> for RevocationCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Owner => Self::Owner,
            Cause::Misuse => Self::Misuse,
            Cause::Invalid => Self::Invalid,
        }
    }
}

impl From<Denial> for DataDenial {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Invalid => Self::Invalid,
            Denial::Nobody => Self::Nobody,
            Denial::Domain => Self::Domain,
            Denial::Op => Self::Operation,
            Denial::Purpose => Self::Purpose,
            Denial::Level => Self::Level,
            Denial::Credit => Self::Credit,
            Denial::Behaviour => Self::Behaviour,
            Denial::TooEarly => Self::TooEarly,
            Denial::TooLate => Self::TooLate,
        }
    }
}

impl From<Finding> for AccessFinding {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::NoLicence => Self::NoLicence,
            Finding::OtherUser => Self::OtherUser,
            Finding::OtherData => Self::OtherData,
            Finding::OpNotGranted => Self::Operation,
            Finding::OutsideTime => Self::Time,
            Finding::Revoked => Self::Revoked,
        }
    }
}

impl From<Step> for DataStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Create => Self::Create,
            Step::Modify => Self::Modify,
            Step::Derive => Self::Derive,
            Step::Share => Self::Share,
        }
    }
}

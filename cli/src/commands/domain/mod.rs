//! `domain`: data across trust domains, at a desk: who takes part, who notarises, who may look across, and where data
//! went.

mod accesses;
mod data;
mod group;
mod handshake;
mod ledgers;
mod notary;
mod requests;
mod trace;

pub use self::accesses::access_told;
pub use self::group::told as group_told;
pub use self::requests::request_told;
pub use self::trace::drawn;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use countersign_domains::DataKey;
use countersign_ledger::Subject;
use countersign_wallet::{
    AccessRequest, ActError, Authorization, Client, DataLedger, DataLedgers, Domains, DomainsError, KeyStore,
    Recorded, Snapshot,
};
use serde_json::json;

use super::act::KEY;
use crate::args::DomainCommand as C;
use crate::digits::found;
use crate::home::Home;
use crate::output::{say, warn};
use crate::{file, progress};

/// Largest file with data, evidence or an answer: it is held in memory for its digest.
const MAX_DATA: usize = 256 << 20;
/// Largest message of the handshake, or pass.
const MAX_MESSAGE: usize = 64 << 10;

/// Runs a command on data across domains.
pub fn run(home: &Home, command: &C, as_json: bool) -> Result<()> {
    match command {
        C::Ledger(args) => ledgers::ledger(home, args, as_json),
        C::Enrol { code, domain } => ledgers::enrol(home, code, domain.as_deref(), as_json),
        C::Submit { file } => ledgers::submit(home, file, as_json),
        C::Group => group::show(home, as_json),
        C::Register => group::register(home, as_json),
        C::Exclude { domain } => group::exclude(home, domain, as_json),
        C::Report => group::report(home, as_json),
        C::Elect => group::elect(home, as_json),
        C::Vote { ballots, no } => group::vote(home, ballots, !no, as_json),
        C::Notary { once, every } => {
            notary::run(home, (!once).then_some(Duration::from_secs(*every)), as_json)
        }
        C::Handshake(step) => handshake::step(home, step, as_json),
        C::Admit(args) => handshake::admit(home, args, as_json),
        C::State(args) => data::state(home, args, as_json),
        C::Policy(args) => data::policy(home, args, as_json),
        C::Invalidate { data, evidence } => data::invalidate(home, data, evidence, as_json),
        C::Ask(args) => requests::ask(home, args, as_json),
        C::Requests { data } => requests::list(home, data.as_deref(), as_json),
        C::Revoke { request, cause } => requests::revoke(home, request, *cause, as_json),
        C::Present(args) => accesses::present(home, args, as_json),
        C::Access { pass, answer } => accesses::access(home, pass, answer, as_json),
        C::Log { data } => accesses::log(home, data.as_deref(), as_json),
        C::Trace { data } => trace::run(home, data, as_json),
    }
}

/// A wallet at work across domains: its snapshot of the shared ledger, and the ledgers of domains that it has.
struct Desk<'a> {
    home: &'a Home,
    snapshot: Snapshot,
    client: Client,
    ledgers: DataLedgers,
    /// The vault, once it was opened: its passphrase is asked for once.
    keys: Option<Arc<dyn KeyStore>>,
}

impl<'a> Desk<'a> {
    fn open(home: &'a Home) -> Result<Self> {
        let (snapshot, client, ledgers) = (home.snapshot()?, home.client()?, home.domain_ledgers()?);
        Ok(Self { home, snapshot, client, ledgers, keys: None })
    }

    /// The wallet, with what the shared ledger says now.
    fn synced(home: &'a Home) -> Result<Self> {
        let mut desk = Self::open(home)?;
        progress::sync(&mut desk.snapshot, &desk.client)?;
        Ok(desk)
    }

    /// The same, with what the ledgers of domains say now. One that does not answer is told, and what it said before is
    /// looked at.
    fn synced_all(home: &'a Home) -> Result<Self> {
        let mut desk = Self::open(home)?;
        for (domain, synced) in desk.ledgers.sync() {
            if let Err(error) = synced {
                warn(format_args!("the ledger of {domain}: {error}"));
            }
        }
        // The shared ledger last: the others name what they had seen of it.
        progress::sync(&mut desk.snapshot, &desk.client)?;
        Ok(desk)
    }

    /// The log across domains.
    fn log(&self) -> Result<Authorization> {
        Ok(Authorization::of(&self.snapshot)?)
    }

    /// The wallet's keys.
    fn keys(&mut self) -> Result<Arc<dyn KeyStore>> {
        match &self.keys {
            Some(keys) => Ok(Arc::clone(keys)),
            None => Ok(Arc::clone(self.keys.insert(self.home.vault()?))),
        }
    }

    /// The wallet's member.
    fn member(&mut self) -> Result<Domains<'_>> {
        let keys = self.keys()?;
        member(&mut self.snapshot, &keys)
    }

    /// Data that a person names: by its file, whose key this wallet's owner knows alone, by its key, or by the first
    /// digits of it.
    fn data(&mut self, named: &str) -> Result<DataKey> {
        let path = Path::new(named);
        if path.is_file() {
            let bytes = file::read(path, DATA, MAX_DATA)?;
            return Ok(self.member()?.name_data(&bytes)?.key);
        }
        if let Ok(key) = named.parse() {
            return Ok(DataKey(key));
        }
        let published = self.log()?.data();
        Ok(found(published, named, "published data", |one| one.key.0.to_string())?.key)
    }

    /// A request that a person names by its first digits.
    fn request(&self, digits: &str) -> Result<AccessRequest> {
        found(self.log()?.requests(), digits, "request", |one| request_name(&one.thread).to_owned())
    }
}

/// What such a file is.
const DATA: &str = "the data";

/// The member of a wallet, with its key.
fn member<'a>(snapshot: &'a mut Snapshot, keys: &Arc<dyn KeyStore>) -> Result<Domains<'a>> {
    match Domains::new(snapshot, Arc::clone(keys), KEY) {
        Err(DomainsError::Act(ActError::NotEnrolled)) => {
            bail!("this wallet is not enrolled: do so with `countersign domain enrol CODE`")
        }
        member => Ok(member?),
    }
}

/// Has the wallet's member do something on the shared ledger.
fn acting<T>(
    home: &Home,
    act: impl FnOnce(&mut Domains<'_>, &Client) -> std::result::Result<T, DomainsError>,
) -> Result<T> {
    let mut desk = Desk::synced(home)?;
    let keys = desk.keys()?;
    Ok(act(&mut member(&mut desk.snapshot, &keys)?, &desk.client)?)
}

/// The ledger of one's own domain.
fn own_ledger<'a>(ledgers: &'a mut DataLedgers, domain: &str) -> Result<&'a mut DataLedger> {
    ledgers.get(domain).with_context(|| {
        format!("this wallet has no ledger of {domain}: add it with `countersign domain ledger GENESIS --node URL`")
    })
}

/// The name of a request within the data that it asks for.
fn request_name(thread: &Subject) -> &str {
    thread.as_str().rsplit(':').next().unwrap_or_default()
}

/// Says that something was recorded.
fn recorded(recorded: &Recorded, what: &str, as_json: bool) {
    let Recorded { id, log, index, .. } = recorded;
    if as_json {
        say!("{}", json!({ "statement": id.to_string(), "log": log.as_str(), "index": index }));
    } else {
        say!("{what}; recorded at index {index} of the log {log}");
    }
}

//! What an owner says of data: that it is there, what it was made of, and who may do what with it; and that it is
//! invalid.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use countersign_domains::{DataKey, Invalidation, Policy, PolicyError, Step};
use countersign_ledger::Hash;
use countersign_wallet::{DataTrace, NewState, PublishedData, trace_data};
use serde_json::{Value, json};

use super::{DATA, Desk, MAX_DATA, member, own_ledger, recorded};
use crate::args::{PublishPolicy, StateData};
use crate::digits::{found, short};
use crate::file;
use crate::home::{Home, now};
use crate::output::say;

/// Characters of a text that show where it goes wrong.
const SHOWN: usize = 24;

/// Notes on the ledger of one's own domain that there is data, or what was made of other data.
pub fn state(home: &Home, args: &StateData, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced_all(home)?;
    let bytes = file::read(&args.file, DATA, MAX_DATA)?;
    let parents = args.from.iter().map(|digits| desk.state(digits)).collect::<Result<Vec<_>>>()?;
    let licence = args.licence.as_deref().map(|digits| desk.request(digits)).transpose()?;
    let licence = licence.map(|request| {
        request.licence().context("the request is no licence: see `countersign domain requests`")
    });
    let licence = licence.transpose()?;
    let step = match args.step {
        Some(made) => made.into(),
        None if parents.is_empty() => Step::Create,
        None => Step::Derive,
    };
    let keys = desk.keys()?;
    let mut owner = member(&mut desk.snapshot, &keys)?;
    let named = owner.name_data(&bytes)?;
    let domain = owner.identity().domain().to_owned();
    let ledger = own_ledger(&mut desk.ledgers, &domain)?;
    let client = ledger.client()?;
    let new = NewState { key: named.key, parents, step, licence };
    let stated = owner.state_data((ledger, &client), &new, now())?;
    if as_json {
        say!(
            "{}",
            json!({ "data": named.key.0.to_string(), "state": stated.sid.to_string(), "index": stated.recorded.index })
        );
    } else {
        say!("data  {}", named.key.0);
        say!("state {}", stated.sid);
    }
    Ok(())
}

/// Publishes a policy, or lists those in force.
pub fn policy(home: &Home, args: &PublishPolicy, as_json: bool) -> Result<()> {
    let (Some(data), Some(text)) = (&args.data, &args.policy) else {
        Desk::synced(home)?.log()?.data().iter().for_each(|one| published_told(one, as_json));
        return Ok(());
    };
    let policy =
        Policy::parse(text).map_err(|error| anyhow!("no policy, {}: {error}", place(text, error)))?;
    let mut desk = Desk::synced_all(home)?;
    let key = desk.data(data)?;
    let location = match (&args.state, desk.log()?.published(key)) {
        (Some(digits), _) => desk.state(digits)?,
        (None, Some(published)) => published.location,
        (None, None) => desk.only_state(key)?,
    };
    let keys = desk.keys()?;
    let done = member(&mut desk.snapshot, &keys)?.publish(&desk.client, key, (&policy, location), now())?;
    recorded(&done, &format!("{policy}"), as_json);
    Ok(())
}

/// Where a text stops being a policy.
fn place(text: &str, error: PolicyError) -> String {
    match error {
        PolicyError::Unexpected(at)
        | PolicyError::Name(at)
        | PolicyError::Value(at)
        | PolicyError::Window(at) => {
            match text.get(at..).map(|rest| rest.chars().take(SHOWN).collect::<String>()) {
                Some(rest) if !rest.is_empty() => format!("from `{rest}` on"),
                _ => "at its end".to_owned(),
            }
        }
        PolicyError::TooLong | PolicyError::TooMany => "as a whole".to_owned(),
    }
}

/// Moves that what the owner of data has be declared invalid, and all that was made of it: the notaries vote on each
/// data.
pub fn invalidate(home: &Home, data: &str, evidence: &Path, as_json: bool) -> Result<()> {
    let evidence = Hash::of(&file::read(evidence, "the evidence", MAX_DATA)?);
    let mut desk = Desk::synced_all(home)?;
    let key = desk.data(data)?;
    let log = desk.log()?;
    let owner = log.published(key).context("nobody has published a policy for this data")?.owner;
    let motions = desk.trace(key)?.to_invalidate(&owner, &log);
    ensure!(!motions.is_empty(), "there is nothing of {owner} here that was not declared invalid");
    let keys = desk.keys()?;
    let mut notary = member(&mut desk.snapshot, &keys)?;
    for (key, state) in motions {
        let done = notary.propose_invalid(&desk.client, key, Invalidation { state, evidence }, now())?;
        recorded(&done, &format!("moved of data {}", short(&key.0.to_string())), as_json);
    }
    Ok(())
}

impl Desk<'_> {
    /// A state that a person names: whole, or by the first digits of one that this wallet's ledgers have.
    pub(super) fn state(&self, named: &str) -> Result<Hash> {
        if let Ok(sid) = named.parse() {
            return Ok(sid);
        }
        let mut sids = BTreeSet::new();
        for data in self.log()?.data() {
            sids.extend(self.trace(data.key)?.states.iter().map(|state| state.sid));
        }
        found(sids.into_iter().collect(), named, "state", Hash::to_string)
    }

    /// Where data went, as far as this wallet has the ledgers.
    pub(super) fn trace(&self, key: DataKey) -> Result<DataTrace> {
        Ok(trace_data(&self.snapshot, &self.ledgers, key)?)
    }

    /// The one state that data is in.
    fn only_state(&self, key: DataKey) -> Result<Hash> {
        let trace = self.trace(key)?;
        let mut of_data = trace.states.iter().filter(|state| state.key == key);
        match (of_data.next(), of_data.next()) {
            (Some(only), None) => Ok(only.sid),
            (None, _) => {
                bail!("no state of the data is known here: note it with `countersign domain state FILE`")
            }
            _ => bail!("the data is in several states: name one with --state"),
        }
    }
}

fn published_told(one: &PublishedData, as_json: bool) {
    if as_json {
        say!("{}", published_json(one));
        return;
    }
    let key = one.key.0.to_string();
    say!(
        "data {}  {}, version {}, state {}",
        short(&key),
        one.owner,
        one.version,
        short(&one.location.to_string())
    );
    say!("  {}", one.policy);
    if let Some(invalid) = one.invalid {
        say!("  ✗ invalid from the state {} on", short(&invalid.state.to_string()));
    }
}

fn published_json(one: &PublishedData) -> Value {
    json!({
        "data": one.key.0.to_string(),
        "owner": one.owner.as_str(),
        "policy": one.policy.to_string(),
        "version": one.version,
        "state": one.location.to_string(),
        "at": one.at.to_string(),
        "invalid": one.invalid.map(|invalid| invalid.state.to_string()),
    })
}

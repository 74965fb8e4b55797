//! A notary at work: it votes on what can be computed, and writes down what is agreed on.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::Result;
use countersign_ledger::Hash;
use countersign_wallet::Tended;
use serde_json::json;

use super::group::proposed;
use super::{Desk, member};
use crate::digits::short;
use crate::home::{Home, now};
use crate::output::{flush, say, warn};

/// Tends to what waits: once, or every so often until the process is asked to stop.
pub fn run(home: &Home, every: Option<Duration>, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let keys = desk.keys()?;
    let mut notary = member(&mut desk.snapshot, &keys)?;
    let mut seen = BTreeSet::new();
    let Some(every) = every else {
        let tended = notary.tend(&desk.client, now())?;
        told(&tended, &mut seen, as_json);
        return Ok(());
    };
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // The receiver is gone once the notary stops.
        let _ = stop.send(());
    })?;
    say!("{} votes until interrupted", notary.identity());
    flush();
    loop {
        match notary.tend(&desk.client, now()) {
            Ok(tended) => told(&tended, &mut seen, as_json),
            // What a node does not answer now it may answer at the next turn; a vote that was signed lies in the
            // outbox.
            Err(error) => warn(format_args!("{error}")),
        }
        flush();
        match stopped.recv_timeout(every) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Tells what was done, and of what is left to people, once.
fn told(tended: &Tended, seen: &mut BTreeSet<Hash>, as_json: bool) {
    for vote in &tended.voted {
        let about = vote.subject.as_str();
        if as_json {
            say!("{}", json!({ "voted": about, "yes": vote.yes, "why": vote.why }));
        } else {
            let (said, why) = (if vote.yes { "yes" } else { "no" }, vote.why.as_deref().unwrap_or_default());
            let because = if why.is_empty() { String::new() } else { format!(": {why}") };
            say!("voted {said} on {about}{because}");
        }
    }
    for ballot in tended.for_people.iter().filter(|ballot| seen.insert(ballot.statement)) {
        let (name, what) = (ballot.statement.to_string(), proposed(&ballot.proposed));
        if as_json {
            say!("{}", json!({ "for_people": name, "about": ballot.subject.as_str(), "moved": what }));
        } else {
            say!("waits for your own word, by `countersign domain vote {}`: {what}", short(&name));
        }
    }
    for thread in &tended.decided {
        if as_json {
            say!("{}", json!({ "decided": thread.as_str() }));
        } else {
            say!("wrote down what was agreed on {thread}");
        }
    }
}

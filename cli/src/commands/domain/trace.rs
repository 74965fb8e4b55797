//! Where data went, drawn as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;
use countersign_domains::{Licence, Step};
use countersign_ledger::{Hash, Subject};
use countersign_wallet::{Authorization, DataTrace, TracedState};
use serde_json::{Value, json};

use super::requests::key;
use super::{Desk, request_name};
use crate::digits::short;
use crate::home::Home;
use crate::output::{say, show};

/// Draws what data was made of, and what was made of it.
pub fn run(home: &Home, data: &str, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced_all(home)?;
    let key = desk.data(data)?;
    let trace = desk.trace(key)?;
    if as_json {
        trace.states.iter().for_each(|state| say!("{}", state_json(state)));
        say!("{}", summary_json(&trace));
    } else {
        show!("{}", drawn(&trace, &desk.log()?));
    }
    Ok(())
}

/// The trace as a tree: each state once, below the first of its parents, and named again below the others. `log` has
/// the requests that licences answer.
pub fn drawn(trace: &DataTrace, log: &Authorization) -> String {
    let states: BTreeMap<Hash, &TracedState> = trace.states.iter().map(|state| (state.sid, state)).collect();
    let mut children: BTreeMap<Hash, Vec<Hash>> = BTreeMap::new();
    for (parent, child, _) in &trace.edges {
        children.entry(*parent).or_default().push(*child);
    }
    let made: BTreeSet<Hash> = trace.edges.iter().map(|(_, child, _)| *child).collect();
    let roots = trace.states.iter().map(|state| state.sid).filter(|sid| !made.contains(sid));

    let licences = log.licences();
    let (mut text, mut seen) = (String::new(), BTreeSet::new());
    // What is still to be drawn, the next on top: a state, what stands before it, and what before all below it.
    let mut open: Vec<(Hash, String, String)> =
        roots.map(|sid| (sid, String::new(), String::new())).collect();
    open.reverse();
    while let Some((sid, before, below)) = open.pop() {
        let Some(state) = states.get(&sid) else { continue };
        if !seen.insert(sid) {
            line(&mut text, &format!("{before}{}, as above", short(&sid.to_string())));
            continue;
        }
        line(&mut text, &format!("{before}{}", told(state, &licences)));
        let children = children.get(&sid).map(Vec::as_slice).unwrap_or_default();
        for (number, child) in children.iter().enumerate().rev() {
            let (branch, beside) =
                if number + 1 == children.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            open.push((*child, format!("{below}{branch}"), format!("{below}{beside}")));
        }
    }
    notes(trace, &mut text);
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

/// What the tree does not show.
fn notes(trace: &DataTrace, text: &mut String) {
    let name = |sid: &Hash| short(&sid.to_string()).to_owned();
    if trace.states.is_empty() {
        line(text, "No state of the data is on the ledgers that this wallet has.");
    }
    for (parent, child) in &trace.refused {
        line(
            text,
            &format!("refused: {} says it was made of {}, which came after it", name(child), name(parent)),
        );
    }
    for sid in &trace.missing {
        line(text, &format!("missing: {} is on none of these ledgers", name(sid)));
    }
    for sid in &trace.forged {
        line(text, &format!("forged: {} is not the id of what is stated under it", name(sid)));
    }
    if !trace.is_whole {
        line(text, "cut: there are more states than one trace has");
    }
    for ledger in &trace.ledgers {
        let as_of = ledger.as_of.map_or("not synced".to_owned(), |at| format!("as of {at}"));
        let faults = if ledger.faults == 0 {
            String::new()
        } else {
            format!(", {} statements at fault", ledger.faults)
        };
        line(text, &format!("{} {as_of}{faults}", ledger.domain));
    }
}

/// A state, with what is wrong with it before it.
fn told(state: &TracedState, licences: &BTreeMap<Hash, (Subject, Licence)>) -> String {
    let mark = match (state.valid, state.proven) {
        (false, _) => "✗ ",
        (true, false) => "? ",
        (true, true) => "",
    };
    let under = |id: &Hash| match licences.get(id) {
        Some((thread, _)) => format!(", under request {}", short(request_name(thread))),
        None => ", under a licence that the log has not".to_owned(),
    };
    let licence = state.licence.as_ref().map_or_else(String::new, under);
    let finding = match (state.valid, state.proven) {
        (false, _) => ": invalid",
        (true, false) => ": nothing proves that it might be",
        (true, true) => "",
    };
    format!(
        "{mark}{} {} in {}, {}, data {}{licence}{finding}",
        short(&state.sid.to_string()),
        made(state.step),
        state.domain,
        state.at,
        key(state.key)
    )
}

const fn made(step: Step) -> &'static str {
    match step {
        Step::Create => "created",
        Step::Modify => "modified",
        Step::Derive => "derived",
        Step::Share => "shared",
    }
}

fn state_json(state: &TracedState) -> Value {
    json!({
        "state": state.sid.to_string(),
        "data": state.key.0.to_string(),
        "depth": state.depth,
        "domain": state.domain,
        "step": made(state.step),
        "owner": state.owner.to_string(),
        "actor": state.actor.to_string(),
        "at": state.at.to_string(),
        "parents": state.parents.iter().map(Hash::to_string).collect::<Vec<_>>(),
        "licence": state.licence.map(|id| id.to_string()),
        "proven": state.proven,
        "valid": state.valid,
    })
}

fn summary_json(trace: &DataTrace) -> Value {
    let pairs = |pairs: &[(Hash, Hash)]| -> Vec<_> {
        pairs.iter().map(|(parent, child)| json!([parent.to_string(), child.to_string()])).collect()
    };
    let ids = |ids: &[Hash]| ids.iter().map(Hash::to_string).collect::<Vec<_>>();
    let ledgers = trace.ledgers.iter().map(|ledger| {
        json!({ "domain": ledger.domain, "as_of": ledger.as_of.map(|at| at.to_string()), "faults": ledger.faults })
    });
    json!({
        "whole": trace.is_whole,
        "refused": pairs(&trace.refused),
        "missing": ids(&trace.missing),
        "forged": ids(&trace.forged),
        "ledgers": ledgers.collect::<Vec<_>>(),
    })
}

//! What partners add to events, and what their sensors measured: kept unread from the document that an event came in to the
//! documents that tell it on.

use std::collections::BTreeMap;

use countersign_ledger::Hash;
use serde_json::{Map, Value};

use super::context::Names;
use super::{hash, schema};

/// Members of an event as the JSON binding writes them: a name that has its namespace with it gets a prefix, and the
/// context says which.
pub(super) fn kept(members: Map<String, Value>, names: &Names) -> Map<String, Value> {
    let mut prefixes = BTreeMap::new();
    let mut kept = renamed(members, names, &mut prefixes);
    let mut context = names.own();
    context.extend(prefixes.into_iter().map(|(iri, prefix)| (prefix, Value::String(iri))));
    if !kept.is_empty() && !context.is_empty() {
        kept.insert("@context".to_owned(), context.into());
    }
    kept
}

fn renamed(
    members: Map<String, Value>,
    names: &Names,
    prefixes: &mut BTreeMap<String, String>,
) -> Map<String, Value> {
    let mut rename = |(name, value): (String, Value)| {
        let name = match names.spelled_out(&name) {
            Some((space, local)) => {
                let next = format!("ns{}", prefixes.len() + 1);
                format!("{}:{local}", prefixes.entry(space.to_owned()).or_insert(next))
            }
            None => name,
        };
        (name, renamed_within(value, names, prefixes))
    };
    members.into_iter().map(&mut rename).collect()
}

fn renamed_within(value: Value, names: &Names, prefixes: &mut BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(members) => renamed(members, names, prefixes).into(),
        Value::Array(values) => values.into_iter().map(|one| renamed_within(one, names, prefixes)).collect(),
        other => other,
    }
}

/// Adds to the events of a document of ours what was kept of the events that their statements were drafted from, by the
/// statement's id. What would not leave an event valid, or turn a word of GS1's, is left out.
pub fn extend(document: &mut Value, mut extensions: impl FnMut(Hash) -> Option<Map<String, Value>>) {
    let events = document["epcisBody"]["eventList"].as_array_mut().into_iter().flatten();
    for event in events.filter_map(Value::as_object_mut) {
        let statement = event.get("countersign:statement").and_then(Value::as_str);
        let added = statement.and_then(|id| id.parse().ok()).and_then(&mut extensions);
        if let Some(extended) = added.and_then(|added| extended(event, added)) {
            *event = extended;
        }
    }
}

fn extended(event: &Map<String, Value>, added: Map<String, Value>) -> Option<Map<String, Value>> {
    let mut names = Names::gs1();
    added.get("@context").map_or(Ok(()), |context| names.add(context)).ok()?;
    let mut event = event.clone();
    for (name, value) in added {
        match (event.get_mut(&name), value) {
            (Some(Value::Object(ilmd)), Value::Object(more)) => {
                for (name, value) in more {
                    ilmd.entry(name).or_insert(value);
                }
            }
            (None, value) => {
                event.insert(name, value);
            }
            _ => return None,
        }
    }
    event.iter().try_for_each(|(name, value)| names.judge(name, value)).ok()?;
    schema::judge(&event, &names).ok()?;
    let id = hash::id(&event, &names);
    event.insert("eventID".to_owned(), id.into());
    Some(event)
}

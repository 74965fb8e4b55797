//! What an event must look like: the rules of GS1's JSON schema for EPCIS 2.0, with the words of the CBV.

use serde_json::{Map, Value};

use super::context::Names;
use super::refused::{Fault, NotTaken};
use super::shape::{OTHER, Others, Rule, Shape, TYPES};
use super::time;
use super::uri::is_uri;

/// Checks an event, whose members may be named by `names`.
pub(super) fn judge(event: &Map<String, Value>, names: &Names) -> Result<(), NotTaken> {
    let kind = event.get("type").ok_or_else(|| fault("type", "missing"))?.as_str();
    let kind = kind.ok_or_else(|| fault("type", "not the type of an event"))?;
    let known = TYPES.iter().find(|(name, _)| *name == kind);
    if known.is_none() && !is_uri(kind) {
        return Err(fault("type", "not the type of an event, such as ObjectEvent").into());
    }
    let shape = known.map_or(&OTHER, |(_, shape)| *shape);
    object("", event, shape, names)?;
    let has = |name: &str, least: usize| {
        event.get(name).and_then(Value::as_array).is_some_and(|list| list.len() >= least)
    };
    let action = event.get("action").and_then(Value::as_str).unwrap_or_default();
    let sensed = has("sensorElementList", 1) && event.contains_key("readPoint");
    let complete = match kind {
        "ObjectEvent" if !(has("epcList", 0) || has("quantityList", 1) || sensed) => Some("epcList"),
        "ObjectEvent" if event.contains_key("ilmd") && action != "ADD" => {
            return Err(fault("ilmd", "only allowed where the action is ADD").into());
        }
        "AggregationEvent" | "AssociationEvent"
            if action != "DELETE" && !(has("childEPCs", 1) || has("childQuantityList", 1)) =>
        {
            Some("childEPCs")
        }
        "TransactionEvent" if !has("bizTransactionList", 1) => Some("bizTransactionList"),
        "TransactionEvent" if action != "DELETE" && !(has("epcList", 0) || has("quantityList", 1)) => {
            Some("epcList")
        }
        "TransformationEvent" => {
            let input = has("inputEPCList", 1) || has("inputQuantityList", 1);
            let output = has("outputEPCList", 1) || has("outputQuantityList", 1);
            let whole =
                if event.contains_key("transformationID") { input || output } else { input && output };
            (!whole).then_some(if input { "outputEPCList" } else { "inputEPCList" })
        }
        _ => None,
    };
    complete.map_or(Ok(()), |missing| Err(fault(missing, "missing or empty").into()))
}

fn fault(field: &str, is: &'static str) -> Fault {
    Fault { field: field.to_owned(), is }
}

fn object(path: &str, object: &Map<String, Value>, shape: &Shape, names: &Names) -> Result<(), Fault> {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(missing) = shape.required.iter().find(|name| !object.contains_key(**name)) {
        return Err(fault(&at(missing), "missing"));
    }
    for (name, member) in object {
        match shape.members.iter().find(|(known, _)| known == name) {
            Some((_, rule)) => value(&at(name), member, rule, names)?,
            None if name == "@context" => {}
            None => match shape.others {
                Others::Any => {}
                Others::Prefixed if names.are_own(name) => {}
                Others::Prefixed => {
                    return Err(fault(&at(name), "unknown: names of one's own need a prefix"));
                }
                Others::None => return Err(fault(&at(name), "unknown")),
            },
        }
    }
    Ok(())
}

fn value(path: &str, value: &Value, rule: &Rule, names: &Names) -> Result<(), Fault> {
    let text = value.as_str();
    let (holds, is) = match rule {
        Rule::Text => (value.is_string(), "not a text"),
        Rule::Uri => (text.is_some_and(is_uri), "not a URI"),
        Rule::Uris => match value {
            Value::Array(values) => (values.iter().all(|one| one.as_str().is_some_and(is_uri)), "not a URI"),
            _ => (text.is_some_and(is_uri), "not a URI"),
        },
        Rule::Time => (
            text.is_some_and(|text| time::moment(text).is_some()),
            "not a time with its zone, such as 2026-11-30T12:00:00+01:00",
        ),
        Rule::Zone => {
            (text.is_some_and(|text| time::offset(text).is_some()), "not an offset from UTC, such as +01:00")
        }
        Rule::Number => (value.is_number(), "not a number"),
        Rule::Bool => (value.is_boolean(), "neither true nor false"),
        Rule::Hex => (
            text.is_some_and(|text| !text.is_empty() && text.bytes().all(|c| c.is_ascii_hexdigit())),
            "not hexadecimal",
        ),
        Rule::Uom => (
            text.is_some_and(|text| {
                matches!(text.len(), 2 | 3)
                    && text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            }),
            "not a unit of UN/CEFACT Recommendation 20, such as KGM",
        ),
        Rule::OneOf(known) => (text.is_some_and(|text| known.contains(&text)), "not OBSERVE, ADD or DELETE"),
        Rule::Word(words) => (
            text.is_some_and(|text| words.read(text).is_some() || (is_uri(text) && !words.claims(text))),
            "not a word of the CBV",
        ),
        Rule::List(least, each) | Rule::Set(least, each) => {
            let Value::Array(values) = value else { return Err(fault(path, "not a list")) };
            if values.len() < *least {
                return Err(fault(path, "empty"));
            }
            for (index, one) in values.iter().enumerate() {
                self::value(&format!("{path}[{index}]"), one, each, names)?;
            }
            (matches!(rule, Rule::List(..)) || all_differ(values), "a list with the same entry twice")
        }
        Rule::Object(shape) | Rule::Some(shape) => {
            let Value::Object(members) = value else { return Err(fault(path, "not an object")) };
            if matches!(rule, Rule::Some(_)) && members.is_empty() {
                return Err(fault(path, "empty"));
            }
            return object(path, members, shape, names);
        }
    };
    if holds { Ok(()) } else { Err(fault(path, is)) }
}

/// Whether no text of a list stands in it twice.
fn all_differ(values: &[Value]) -> bool {
    let texts: std::collections::BTreeSet<&str> = values.iter().filter_map(Value::as_str).collect();
    texts.len() == values.len()
}

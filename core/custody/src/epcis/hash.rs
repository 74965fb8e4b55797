//! The id of an event by what it says: the event hash of CBV 2.0, section 8.9.
//!
//! The same event has the same hash, in whichever form it is written. What a sender adds to an event later is not part of
//! it: its id, when it was recorded, whether it was declared to be wrong. The order of fields is that of the reference
//! implementation's published examples: business transactions, destinations and sources come after the sensors, sorted
//! with what a partner has added.

use countersign_ledger::Hash;
use serde_json::{Map, Value};

use super::context::Names;
use super::words::{self, Words};
use super::{key, time};

/// A field, or the fields within it, in the order in which they are hashed.
enum Part {
    /// A value, or several: `name=value`.
    One(&'static str),
    /// A word of the CBV.
    Word(&'static str, &'static Words),
    /// A list of values, each of which has this name: `epcList`, `epc=…`.
    List(&'static str, &'static str),
    /// An object, or a list of objects that have the second name each.
    Within(&'static str, Option<&'static str>, &'static [Part]),
}

use Part::{List, One, Within, Word};

const QUANTITY: &[Part] = &[One("epcClass"), One("quantity"), One("uom")];
const PLACE: &[Part] = &[One("id")];
const ORDER: &[Part] = &[
    One("eventTime"),
    One("eventTimeZoneOffset"),
    One("certificationInfo"),
    One("parentID"),
    List("epcList", "epc"),
    List("inputEPCList", "epc"),
    List("childEPCs", "epc"),
    Within("quantityList", Some("quantityElement"), QUANTITY),
    Within("childQuantityList", Some("quantityElement"), QUANTITY),
    Within("inputQuantityList", Some("quantityElement"), QUANTITY),
    List("outputEPCList", "epc"),
    Within("outputQuantityList", Some("quantityElement"), QUANTITY),
    One("action"),
    One("transformationID"),
    Word("bizStep", &words::STEP),
    Word("disposition", &words::DISPOSITION),
    Within(
        "persistentDisposition",
        None,
        &[Word("set", &words::DISPOSITION), Word("unset", &words::DISPOSITION)],
    ),
    Within("readPoint", None, PLACE),
    Within("bizLocation", None, PLACE),
    Within(
        "sensorElementList",
        Some("sensorElement"),
        &[
            Within(
                "sensorMetadata",
                None,
                &[
                    One("time"),
                    One("startTime"),
                    One("endTime"),
                    One("deviceID"),
                    One("deviceMetadata"),
                    One("rawData"),
                    One("dataProcessingMethod"),
                    One("bizRules"),
                ],
            ),
            Within(
                "sensorReport",
                None,
                &[
                    Word("type", &words::MEASUREMENTS),
                    Word("exception", &words::SENSOR_ALERTS),
                    One("deviceID"),
                    One("deviceMetadata"),
                    One("rawData"),
                    One("dataProcessingMethod"),
                    One("time"),
                    One("microorganism"),
                    One("chemicalSubstance"),
                    One("value"),
                    Word("component", &words::COMPONENTS),
                    One("stringValue"),
                    One("booleanValue"),
                    One("hexBinaryValue"),
                    One("uriValue"),
                    One("minValue"),
                    One("maxValue"),
                    One("meanValue"),
                    One("sDev"),
                    One("percRank"),
                    One("percValue"),
                    One("uom"),
                    One("coordinateReferenceSystem"),
                ],
            ),
        ],
    ),
];
/// What follows that order, sorted with what a partner has added.
const LATER: [(&str, &str, &Words); 3] = [
    ("bizTransactionList", "bizTransaction", &words::TRANSACTIONS),
    ("destinationList", "destination", &words::PARTIES),
    ("sourceList", "source", &words::PARTIES),
];
/// What is not part of the hash.
const IGNORED: [&str; 6] = ["@context", "type", "eventID", "recordTime", "errorDeclaration", "rdfs:comment"];

/// The hash of an event, as an id.
pub(super) fn id(event: &Map<String, Value>, names: &Names) -> String {
    format!("ni:///sha-256;{}?ver=CBV2.0", Hash::of(text(event, names).as_bytes()))
}

/// The text that is hashed.
fn text(event: &Map<String, Value>, names: &Names) -> String {
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut text = format!("eventType={kind}");
    for part in ORDER {
        text.push_str(&ordered(event, part, names));
    }
    let mut later: Vec<String> = Vec::new();
    for (name, value) in event {
        let known = ORDER.iter().any(|part| part.name() == name) || IGNORED.contains(&name.as_str());
        match LATER.iter().find(|(list, ..)| list == name) {
            Some((list, of, words)) => later.push(format!("{list}{}", typed(value, of, words))),
            None if known => {}
            None => later.extend(free(name, value, names)),
        }
    }
    later.sort();
    text.push_str(&later.concat());
    text
}

impl Part {
    const fn name(&self) -> &'static str {
        match self {
            One(name) | Word(name, _) | List(name, _) | Within(name, ..) => name,
        }
    }
}

/// The values of a member: those of a list, or the one.
fn values(of: &Value) -> &[Value] {
    match of {
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

fn sorted(mut texts: Vec<String>) -> String {
    texts.sort();
    texts.concat()
}

/// `name` before a text that is not empty.
fn named(name: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{name}{text}") }
}

fn ordered(of: &Map<String, Value>, part: &Part, names: &Names) -> String {
    let Some(value) = of.get(part.name()) else { return String::new() };
    let values = values(value).iter();
    match part {
        One(name) => sorted(values.map(|one| line(name, one, names)).collect()),
        Word(name, words) => sorted(
            values
                .map(|one| {
                    one.as_str()
                        .map_or_else(|| line(name, one, names), |word| format!("{name}={}", words.uri(word)))
                })
                .collect(),
        ),
        List(name, of) => named(name, &sorted(values.map(|one| line(of, one, names)).collect())),
        Within(name, each, parts) => {
            let objects = values.filter_map(Value::as_object);
            let texts = objects.map(|object| {
                let known: String = parts.iter().map(|part| ordered(object, part, names)).collect();
                let own = object.iter().filter(|(name, _)| names.split(name).is_some());
                let own = sorted(own.flat_map(|(name, value)| free(name, value, names)).collect());
                named(each.unwrap_or(name), &format!("{known}{own}"))
            });
            let texts = sorted(texts.collect());
            if each.is_some() { named(name, &texts) } else { texts }
        }
    }
}

/// Business transactions, sources or destinations: the type of each before its name.
fn typed(list: &Value, of: &str, words: &Words) -> String {
    let each = values(list).iter().filter_map(|one| {
        let kind = one.get("type").and_then(Value::as_str);
        let kind = kind.map(|kind| format!("type={}", words.uri(kind))).unwrap_or_default();
        let name = one.get(of).and_then(Value::as_str)?;
        Some(format!("{kind}{of}={}", canonical(name)))
    });
    sorted(each.collect())
}

/// What a partner has added, and master data: each value of a member, with all that is in it.
fn free(name: &str, value: &Value, names: &Names) -> Vec<String> {
    if name == "@context" || name == "comment" {
        return Vec::new();
    }
    let spelled =
        names.split(name).map_or_else(|| name.to_owned(), |(space, local)| format!("{{{space}}}{local}"));
    let each = values(value).iter().map(|one| match one {
        Value::Object(members) => {
            let within = members.iter().flat_map(|(name, value)| free(name, value, names));
            format!("{spelled}{}", sorted(within.collect()))
        }
        Value::Array(values) => {
            format!("{spelled}{}", sorted(values.iter().flat_map(|one| free("", one, names)).collect()))
        }
        one => line(&spelled, one, names),
    });
    each.collect()
}

/// `name=value`.
fn line(name: &str, value: &Value, names: &Names) -> String {
    let text = match value {
        Value::String(text) => names.expand(text.trim()).into_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let lower = name.to_ascii_lowercase();
    let is_time = lower.contains("time") && !lower.contains("offset");
    let text = match Some(&text).filter(|_| is_time).and_then(|text| time::rounded(text)) {
        Some(at) => at,
        None => canonical(&text),
    };
    if text.is_empty() { name.to_owned() } else { format!("{name}={text}") }
}

/// A value in the one form that is hashed: numbers without needless digits, GS1 keys as their links.
fn canonical(text: &str) -> String {
    number(text).or_else(|| key::canonical(text)).unwrap_or_else(|| text.to_owned())
}

/// A number, without needless digits; `None` if the text is none.
fn number(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = |c: u8| c.is_ascii_digit() || matches!(c, b'.' | b'e' | b'E' | b'+' | b'-');
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.bytes().all(plain) {
        return None;
    }
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    if number.fract() == 0.0 {
        return Some(format!("{:.0}", number + 0.0));
    }
    if number.abs() >= 1e-4 {
        return Some(number.to_string());
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once("e-")?;
    Some(format!("{digits}e-{exponent:0>2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for (text, one) in [
            ("200.0", "200"),
            ("+5", "5"),
            ("-0.50", "-0.5"),
            ("-0", "0"),
            ("007", "7"),
            ("1e3", "1000"),
            ("26.20", "26.2"),
            ("0.00001", "1e-05"),
            (".5", "0.5"),
        ] {
            assert_eq!(number(text).as_deref(), Some(one), "{text}");
        }
        for text in ["", "A1", "1-2", "1.2.3", "inf", "NaN", "1_000", "e5", "-"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}

//! What an event must look like: the rules of GS1's JSON schema for EPCIS 2.0, with the words of the CBV.
//!
//! The tables are judged against the schema itself in the tests. They differ from it where it would refuse what has one
//! meaning only: the words of the CBV may be written in any of their forms, and `null` is an absent member.

use serde_json::{Map, Value};

use super::context::Names;
use super::refused::{Fault, NotTaken};
use super::time;
use super::words::{self, Words};

/// What a value must be.
enum Rule {
    /// A text.
    Text,
    /// A URI.
    Uri,
    /// One URI or several.
    Uris,
    /// A moment with its zone.
    Time,
    /// An offset from UTC.
    Zone,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Hexadecimal digits.
    Hex,
    /// A unit of measurement, as UN/CEFACT Recommendation 20 writes it.
    Uom,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A word of the CBV, or a URI of another vocabulary.
    Word(&'static Words),
    /// A list, all of whose elements are such, and that has at least so many.
    List(usize, &'static Rule),
    /// A list none of whose elements stands twice.
    Set(usize, &'static Rule),
    /// An object.
    Object(&'static Shape),
    /// An object that is not empty.
    Some(&'static Shape),
}

/// The members of an object.
struct Shape {
    required: &'static [&'static str],
    members: &'static [(&'static str, Rule)],
    others: Others,
}

/// Which members an object may have besides.
enum Others {
    /// None.
    None,
    /// Those with a prefix.
    Prefixed,
    /// Any.
    Any,
}

const ACTIONS: &[&str] = &["OBSERVE", "ADD", "DELETE"];
const EPCS: Rule = Rule::List(0, &Rule::Uri);
const EPC_SET: Rule = Rule::Set(0, &Rule::Uri);
const QUANTITIES: Rule = Rule::List(
    0,
    &Rule::Object(&Shape {
        required: &["epcClass"],
        members: &[("epcClass", Rule::Uri), ("quantity", Rule::Number), ("uom", Rule::Uom)],
        others: Others::None,
    }),
);
const PLACE: Rule =
    Rule::Object(&Shape { required: &["id"], members: &[("id", Rule::Uri)], others: Others::Any });
const TRANSACTIONS: Rule = Rule::List(
    0,
    &Rule::Object(&Shape {
        required: &["bizTransaction"],
        members: &[("type", Rule::Word(&words::TRANSACTIONS)), ("bizTransaction", Rule::Uri)],
        others: Others::None,
    }),
);
const SOURCES: Rule = Rule::List(
    0,
    &Rule::Object(&Shape {
        required: &["type", "source"],
        members: &[("type", Rule::Word(&words::PARTIES)), ("source", Rule::Uri)],
        others: Others::None,
    }),
);
const DESTINATIONS: Rule = Rule::List(
    0,
    &Rule::Object(&Shape {
        required: &["type", "destination"],
        members: &[("type", Rule::Word(&words::PARTIES)), ("destination", Rule::Uri)],
        others: Others::None,
    }),
);
const DISPOSITIONS: Rule = Rule::Some(&Shape {
    required: &[],
    members: &[
        ("set", Rule::Set(1, &Rule::Word(&words::DISPOSITION))),
        ("unset", Rule::Set(1, &Rule::Word(&words::DISPOSITION))),
    ],
    others: Others::None,
});
const ILMD: Rule = Rule::Object(&Shape { required: &[], members: &[], others: Others::Prefixed });
const ERROR: Rule = Rule::Object(&Shape {
    required: &["declarationTime"],
    members: &[
        ("declarationTime", Rule::Time),
        ("reason", Rule::Word(&words::ERROR_REASONS)),
        ("correctiveEventIDs", Rule::List(0, &Rule::Uri)),
    ],
    others: Others::Prefixed,
});
const SENSORS: Rule = Rule::List(
    0,
    &Rule::Object(&Shape {
        required: &["sensorReport"],
        members: &[
            ("sensorMetadata", Rule::Object(&SENSOR_METADATA)),
            ("sensorReport", Rule::List(1, &Rule::Object(&SENSOR_REPORT))),
        ],
        others: Others::Prefixed,
    }),
);
const SENSOR_METADATA: Shape = Shape {
    required: &[],
    members: &[
        ("time", Rule::Time),
        ("deviceID", Rule::Uri),
        ("deviceMetadata", Rule::Uri),
        ("rawData", Rule::Uri),
        ("startTime", Rule::Time),
        ("endTime", Rule::Time),
        ("dataProcessingMethod", Rule::Uri),
        ("bizRules", Rule::Uri),
    ],
    others: Others::Prefixed,
};
const SENSOR_REPORT: Shape = Shape {
    required: &["type"],
    members: &[
        ("type", Rule::Word(&words::MEASUREMENTS)),
        ("exception", Rule::Word(&words::SENSOR_ALERTS)),
        ("deviceID", Rule::Uri),
        ("deviceMetadata", Rule::Uri),
        ("rawData", Rule::Uri),
        ("dataProcessingMethod", Rule::Uri),
        ("bizRules", Rule::Uri),
        ("time", Rule::Time),
        ("microorganism", Rule::Uri),
        ("chemicalSubstance", Rule::Uri),
        ("coordinateReferenceSystem", Rule::Uri),
        ("value", Rule::Number),
        ("component", Rule::Word(&words::COMPONENTS)),
        ("stringValue", Rule::Text),
        ("booleanValue", Rule::Bool),
        ("hexBinaryValue", Rule::Hex),
        ("uriValue", Rule::Uri),
        ("minValue", Rule::Number),
        ("maxValue", Rule::Number),
        ("meanValue", Rule::Number),
        ("sDev", Rule::Number),
        ("percRank", Rule::Number),
        ("percValue", Rule::Number),
        ("uom", Rule::Text),
    ],
    others: Others::Prefixed,
};

/// The members of an event, by its type; what each requires besides is in [`judge`].
macro_rules! event {
    ([$($required:literal),*], $($name:literal: $rule:expr),* $(,)?) => {
        Shape {
            required: &["type", "eventTime", "eventTimeZoneOffset", $($required),*],
            members: &[
                ("type", Rule::Text),
                ("eventTime", Rule::Time),
                ("recordTime", Rule::Time),
                ("eventTimeZoneOffset", Rule::Zone),
                ("eventID", Rule::Uri),
                ("certificationInfo", Rule::Uris),
                ("errorDeclaration", ERROR),
                ("bizStep", Rule::Word(&words::STEP)),
                ("disposition", Rule::Word(&words::DISPOSITION)),
                ("readPoint", PLACE),
                ("bizLocation", PLACE),
                ("bizTransactionList", TRANSACTIONS),
                ("sourceList", SOURCES),
                ("destinationList", DESTINATIONS),
                ("sensorElementList", SENSORS),
                $(($name, $rule)),*
            ],
            others: Others::Prefixed,
        }
    };
}

static OBJECT: Shape = event!(["action"],
    "action": Rule::OneOf(ACTIONS), "epcList": EPC_SET, "quantityList": QUANTITIES,
    "persistentDisposition": DISPOSITIONS, "ilmd": ILMD,
);
static AGGREGATION: Shape = event!(["action"],
    "action": Rule::OneOf(ACTIONS), "parentID": Rule::Uri, "childEPCs": EPCS, "childQuantityList": QUANTITIES,
);
static ASSOCIATION: Shape = event!(["action", "parentID"],
    "action": Rule::OneOf(ACTIONS), "parentID": Rule::Uri, "childEPCs": EPCS, "childQuantityList": QUANTITIES,
);
static TRANSACTION: Shape = event!(["action", "bizTransactionList"],
    "action": Rule::OneOf(ACTIONS), "parentID": Rule::Uri, "epcList": EPCS, "quantityList": QUANTITIES,
);
static TRANSFORMATION: Shape = event!([],
    "inputEPCList": EPC_SET, "inputQuantityList": QUANTITIES, "outputEPCList": EPC_SET,
    "outputQuantityList": QUANTITIES, "transformationID": Rule::Uri, "persistentDisposition": DISPOSITIONS,
    "ilmd": ILMD,
);
static OTHER: Shape = Shape {
    required: &["type", "eventTime", "eventTimeZoneOffset"],
    members: &[
        ("type", Rule::Uri),
        ("eventTime", Rule::Time),
        ("recordTime", Rule::Time),
        ("eventTimeZoneOffset", Rule::Zone),
        ("eventID", Rule::Uri),
        ("certificationInfo", Rule::Uris),
        ("errorDeclaration", ERROR),
    ],
    others: Others::Any,
};

const TYPES: [(&str, &Shape); 5] = [
    ("ObjectEvent", &OBJECT),
    ("AggregationEvent", &AGGREGATION),
    ("TransactionEvent", &TRANSACTION),
    ("TransformationEvent", &TRANSFORMATION),
    ("AssociationEvent", &ASSOCIATION),
];

/// Whether this is one of the five types of events.
pub(super) fn is_event_type(text: &str) -> bool {
    TYPES.iter().any(|(name, _)| *name == text)
}

/// Whether a bare word is one of GS1's: the name of a member, a type, or a word of the CBV.
pub(super) fn is_term(word: &str) -> bool {
    let members = TYPES.iter().flat_map(|(_, shape)| shape.members);
    is_event_type(word)
        || members.chain(SENSOR_METADATA.members).chain(SENSOR_REPORT.members).any(|(name, _)| *name == word)
        || OUTER.contains(&word)
        || words::FIXED.iter().any(|words| words.bare.contains(&word))
}

/// The names of members of what is around events and within their members.
const OUTER: [&str; 24] = [
    "id",
    "epcClass",
    "quantity",
    "bizTransaction",
    "source",
    "destination",
    "set",
    "unset",
    "declarationTime",
    "reason",
    "correctiveEventIDs",
    "sensorMetadata",
    "sensorReport",
    "EPCISDocument",
    "EPCISQueryDocument",
    "schemaVersion",
    "creationDate",
    "epcisHeader",
    "epcisBody",
    "eventList",
    "queryResults",
    "resultsBody",
    "epcisMasterData",
    "vocabularyList",
];

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

/// Whether a text is a URI (RFC 3986): a scheme, and characters that may stand in one.
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    let begins = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let scheme = begins && letters.all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte);
        let escape = byte == b'%'
            && [bytes.next(), bytes.next()].iter().all(|c| c.is_some_and(|c| c.is_ascii_hexdigit()));
        if !plain && !escape {
            return false;
        }
    }
    scheme && rest.bytes().filter(|c| *c == b'#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_scheme_and_no_blank() {
        for text in ["urn:epc:id:sgtin:1.2.%2F", "geo:1,-2", "x:y", "https://a.example/b?c=d#e", "a+b-c.d:"] {
            assert!(is_uri(text), "{text}");
        }
        for text in ["", "x", ":x", "1x:y", "x:a b", "x:%2", "x:%zz", "x:ä", "x:<>", "my_x:y", "x:a#b#c"] {
            assert!(!is_uri(text), "{text}");
        }
    }

    #[test]
    fn every_word_of_gs1_is_known_as_one() {
        for word in
            ["epcList", "shipping", "uom", "possessing_party", "eventList", "ALARM_CONDITION", "ObjectEvent"]
        {
            assert!(is_term(word), "{word}");
        }
        assert!(!is_term("colour"));
    }
}

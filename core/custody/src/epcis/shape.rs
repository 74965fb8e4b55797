//! The members of events, of what is in them and of what is around them: the tables of GS1's JSON schema for EPCIS 2.0.
//!
//! They are judged against the schema itself in the tests. They differ from it where it would refuse what has one meaning
//! only: the words of the CBV may be written in any of their forms, and `null` is an absent member.

use super::words::{self, Words};

/// What a value must be.
pub(super) enum Rule {
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
pub(super) struct Shape {
    pub(super) required: &'static [&'static str],
    pub(super) members: &'static [(&'static str, Rule)],
    pub(super) others: Others,
}

/// Which members an object may have besides.
pub(super) enum Others {
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

/// The members of an event, by its type; what each requires besides is in `judge`.
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
pub(super) static OTHER: Shape = Shape {
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

pub(super) const TYPES: [(&str, &Shape); 5] = [
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

#[cfg(test)]
mod tests {
    use super::*;

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

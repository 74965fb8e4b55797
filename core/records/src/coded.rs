//! Coded entries as short lines: what was found, how much, when.
//!
//! In scope: the resources of an International Patient Summary (HL7 FHIR R4). Numbers are shown as they are written. Out of
//! scope: terminology; a code without a text of its author is shown as a code, but for those that say that there is nothing.

use crate::json::{Kind, Value};
use crate::narrative::plain;

/// Longest line in bytes.
const MAX_LINE: usize = 400;

/// What a resource is about, in the order in which it is looked for.
const MAIN: &[&str] = &[
    "code",
    "vaccineCode",
    "medicationCodeableConcept",
    "medicationReference",
    "medication",
    "deviceName",
    "device",
    "title",
    "description",
    "summary",
    "scope",
    "type",
    "category",
];
/// When, in the order in which it is looked for.
const WHEN: &[&str] = &[
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "onsetDateTime",
    "onsetPeriod",
    "onsetString",
    "occurrenceDateTime",
    "occurrenceString",
    "performedDateTime",
    "performedPeriod",
    "performedString",
    "timingDateTime",
    "timingPeriod",
    "period",
    "authoredOn",
    "dateTime",
    "recordedDate",
    "date",
];

/// Codes that say that there is nothing, or that nobody knows: many summaries state them without a word beside. First those of the
/// International Patient Summary's own code system, then those of SNOMED CT that stand in their place.
const ABSENT: &[(&str, &[(&str, &str)])] = &[
    (
        "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips",
        &[
            ("no-allergy-info", "No information about allergies"),
            ("no-known-allergies", "No known allergies"),
            ("no-known-medication-allergies", "No known allergies to medication"),
            ("no-known-environmental-allergies", "No known allergies to the environment"),
            ("no-known-food-allergies", "No known allergies to food"),
            ("no-medication-info", "No information about medication"),
            ("no-known-medications", "No known medication"),
            ("no-problem-info", "No information about problems"),
            ("no-known-problems", "No known problems"),
            ("no-immunization-info", "No information about immunizations"),
            ("no-known-immunizations", "No known immunizations"),
            ("no-procedure-info", "No information about procedures"),
            ("no-known-procedures", "No known procedures"),
            ("no-device-info", "No information about devices"),
            ("no-known-devices", "No known devices"),
        ],
    ),
    (
        "http://snomed.info/sct",
        &[
            ("716186003", "No known allergy"),
            ("409137002", "No known allergy to drugs"),
            ("428607008", "No known allergy to the environment"),
            ("429625007", "No known allergy to food"),
        ],
    ),
];

/// One line for a resource. `find` gives the resource that a reference leads to, as far as it is here.
pub(crate) fn line<'j>(resource: Value<'j>, find: &dyn Fn(&str) -> Option<Value<'j>>) -> String {
    let kind = resource.text_of("resourceType").unwrap_or_default();
    let mut words = vec![main(resource, find).unwrap_or_else(|| plain(&kind))];
    let forbidden = resource.get("doNotPerform").is_some_and(|value| value.raw() == b"true");
    if forbidden {
        words.insert(0, "not to be given:".to_owned());
    }
    let mut line = words.join(" ");
    if let Some(value) = observed(resource) {
        line.push_str(": ");
        line.push_str(&value);
    }
    let details = details(resource, find);
    if !details.is_empty() {
        line = format!("{line} ({})", details.join("; "));
    }
    shortened(line)
}

/// What a resource is about.
fn main<'j>(resource: Value<'j>, find: &dyn Fn(&str) -> Option<Value<'j>>) -> Option<String> {
    MAIN.iter().filter_map(|name| resource.get(name)).find_map(|value| {
        let first = value.items().next()?;
        let reference = first.text_of("reference").or_else(|| first.get("reference")?.text_of("reference"));
        let target =
            reference.and_then(|reference| contained(resource, &reference).or_else(|| find(&reference)));
        target.filter(|target| *target != resource).and_then(named).or_else(|| named(first))
    })
}

/// What a resource contains under this reference.
pub(crate) fn contained<'j>(resource: Value<'j>, reference: &str) -> Option<Value<'j>> {
    let id = reference.strip_prefix('#')?;
    resource.at(&["contained"]).into_iter().find(|inner| inner.text_of("id").is_some_and(|own| own == id))
}

/// What a resource calls itself, without following it further.
fn named(value: Value<'_>) -> Option<String> {
    let mut own = MAIN.iter().filter_map(|name| value.get(name)).flat_map(Value::items);
    concept(value).or_else(|| own.find_map(concept)).or_else(|| person(value))
}

/// The words of a concept: the author's own, else those of the first code that has some, else a code.
pub(crate) fn concept(value: Value<'_>) -> Option<String> {
    if value.kind() == Kind::Text {
        return value.text().map(|text| plain(&text)).filter(|text| !text.is_empty());
    }
    let words = value.text_of("text").or_else(|| value.text_of("display")).or_else(|| value.text_of("name"));
    let coding = || value.at(&["coding"]);
    let display = || coding().into_iter().find_map(|coding| coding.text_of("display"));
    let absent = || coding().into_iter().find_map(absent).map(str::to_owned);
    let code = || coding().into_iter().find_map(|coding| coding.text_of("code"));
    let concept = || value.get("concept").and_then(concept);
    let found = words.or_else(display).or_else(concept).or_else(absent).or_else(code);
    found.map(|text| plain(&text)).filter(|text| !text.is_empty())
}

/// The words of a code that says that there is nothing.
fn absent(coding: Value<'_>) -> Option<&'static str> {
    let (system, code) = (coding.text_of("system")?, coding.text_of("code")?);
    let (_, codes) = ABSENT.iter().find(|(name, _)| *name == system)?;
    codes.iter().find(|(absent, _)| *absent == code).map(|(_, words)| *words)
}

/// The name of a person or an organization.
pub(crate) fn person(value: Value<'_>) -> Option<String> {
    let name = value.get("name")?;
    if name.kind() == Kind::Text {
        return concept(name);
    }
    let name = name.items().next()?;
    let text = name.text_of("text").unwrap_or_else(|| {
        let parts = ["prefix", "given", "family", "suffix"].iter().flat_map(|part| name.at(&[part]));
        parts.filter_map(Value::text).collect::<Vec<_>>().join(" ")
    });
    Some(plain(&text)).filter(|text| !text.is_empty())
}

/// The value of an observation, or why there is none, and of its components.
fn observed(resource: Value<'_>) -> Option<String> {
    let own = |value: Value<'_>| {
        let found =
            value.inner().find(|member| member.name().starts_with(b"value") && member.name().len() > 5);
        let absent = || concept(value.get("dataAbsentReason")?).map(|reason| format!("no value, {reason}"));
        found.and_then(amount).or_else(absent)
    };
    let components = resource.at(&["component"]).into_iter().filter_map(|component| {
        let name = concept(component.get("code")?)?;
        Some(format!("{name} {}", own(component)?))
    });
    let all: Vec<_> = own(resource).into_iter().chain(components).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// An amount, as written: a number is never computed with.
fn amount(value: Value<'_>) -> Option<String> {
    match value.kind() {
        Kind::Text => return concept(value),
        Kind::Number | Kind::Word => return Some(String::from_utf8_lossy(value.raw()).into_owned()),
        Kind::List => return value.inner().next().and_then(amount),
        Kind::Object => {}
    }
    if let Some(number) = value.get("value").filter(|number| number.kind() == Kind::Number) {
        let number = String::from_utf8_lossy(number.raw()).into_owned();
        let comparator = value.text_of("comparator").unwrap_or_default();
        let unit = value.text_of("unit").or_else(|| value.text_of("code")).unwrap_or_default();
        return Some(plain(&format!("{comparator}{number} {unit}")));
    }
    let pair = |first: &str, between: &str, second: &str| {
        let ends = [first, second].map(|name| value.get(name).and_then(amount));
        match ends {
            [None, None] => None,
            ends => Some(ends.map(Option::unwrap_or_default).join(between).trim().to_owned()),
        }
    };
    pair("numerator", " / ", "denominator")
        .or_else(|| pair("low", " to ", "high"))
        .or_else(|| period(value))
        .or_else(|| concept(value))
}

/// A period; one that has not ended has no end.
fn period(value: Value<'_>) -> Option<String> {
    match ["start", "end"].map(|name| value.get(name).and_then(amount)) {
        [Some(start), Some(end)] => Some(format!("{start} to {end}")),
        [Some(start), None] => Some(format!("since {start}")),
        [None, Some(end)] => Some(format!("until {end}")),
        [None, None] => None,
    }
}

fn details<'j>(resource: Value<'j>, find: &dyn Fn(&str) -> Option<Value<'j>>) -> Vec<String> {
    let mut details = Vec::new();
    let status = resource.get("clinicalStatus").and_then(code).or_else(|| resource.text_of("status"));
    details.extend(status.map(|status| plain(&status)));
    let verification = resource.get("verificationStatus").and_then(code);
    details.extend(verification.filter(|status| status != "confirmed").map(|status| plain(&status)));
    if let Some(criticality) = resource.text_of("criticality") {
        details.push(format!("criticality {}", plain(&criticality)));
    }
    let reactions = resource.at(&["reaction", "manifestation"]).into_iter();
    details.extend(reactions.filter_map(|manifestation| named_there(manifestation, find)));
    details.extend(resource.at(&["interpretation"]).into_iter().filter_map(concept));
    for name in ["dosage", "dosageInstruction"] {
        let doses = resource.at(&[name]).into_iter().filter_map(|dose| {
            let amount = || amount(*dose.at(&["doseAndRate", "doseQuantity"]).first()?);
            dose.text_of("text").map(|text| plain(&text)).or_else(amount)
        });
        details.extend(doses);
    }
    details.extend(WHEN.iter().filter_map(|name| resource.get(name)).find_map(amount));
    let abated = resource.get("abatementDateTime").and_then(amount);
    details.extend(abated.map(|when| format!("until {when}")));
    if resource.get("modifierExtension").is_some() {
        details.push("with more that changes its meaning: read the entry itself".to_owned());
    }
    details
}

fn named_there<'j>(value: Value<'j>, find: &dyn Fn(&str) -> Option<Value<'j>>) -> Option<String> {
    concept(value).or_else(|| named(find(&value.text_of("reference")?)?))
}

/// The first code of a concept.
pub(crate) fn code(concept: Value<'_>) -> Option<String> {
    concept
        .at(&["coding"])
        .into_iter()
        .find_map(|coding| coding.text_of("code"))
        .or_else(|| concept.text_of("text"))
}

fn shortened(mut line: String) -> String {
    if line.len() > MAX_LINE {
        line.truncate(line.floor_char_boundary(MAX_LINE));
        line.push('…');
    }
    line
}

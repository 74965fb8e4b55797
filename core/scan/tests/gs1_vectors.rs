//! Agreement with the official GS1 engine and its syntax tests on the shared vectors.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::Path;

use countersign_scan::gs1::{Charset, Content, Fault, Gs1Error, Message, Partners, Rule};
use serde_json::Value;

/// Lines on which we differ and are right: file, line number, reason. If a line agrees again, its entry is stale.
const DIVERGENCES: &str = include_str!("data/divergences.tsv");

#[test]
fn every_line_of_the_engine_agrees() {
    let Some(folder) = support::vectors("gs1") else { return };
    assert_eq!(compare(&folder, "engine.jsonl"), 1551);
}

#[test]
fn every_input_of_the_engines_own_tests_agrees() {
    let Some(folder) = support::vectors("gs1") else { return };
    assert_eq!(compare(&folder, "engine-own-inputs.jsonl"), 106);
}

#[test]
fn every_rule_on_single_values_agrees() {
    let Some(folder) = support::vectors("gs1") else { return };
    let text = read_to_string(folder.join("field-rules.jsonl")).unwrap();
    let mut count = 0;
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let value = vector["value"].as_str().unwrap().as_bytes();
        let found = match vector["rule"].as_str().unwrap() {
            "csum" => Rule::CheckDigit.check(value),
            "csumalpha" => Rule::CheckPair.check(value),
            "yymmd0" => Rule::Date0.check(value),
            "yymmdd" => Rule::Date.check(value),
            "cset82" => Charset::Set82.check(value),
            "pcenc" => Rule::Percent.check(value),
            other => panic!("a rule without a test: {other}"),
        };
        assert_eq!(found.err(), vector["error"].as_str().map(fault), "{line}");
        assert_eq!(found.is_ok(), vector["passes"], "{line}");
        count += 1;
    }
    assert_eq!(count, 342);
}

fn fault(name: &str) -> Fault {
    match name {
        "incorrect_check_digit" => Fault::CheckDigit,
        "incorrect_check_pair" => Fault::CheckPair,
        "non_digit_character" => Fault::NotADigit,
        "invalid_cset82_character" => Fault::NotInSet82,
        "invalid_percent_sequence" => Fault::Percent,
        "illegal_month" => Fault::Month,
        "illegal_day" => Fault::Day,
        "date_too_short" | "too_short_for_check_digit" | "too_short_for_check_pair" => Fault::TooShort,
        "date_too_long" | "too_long_for_check_pair_implementation" => Fault::TooLong,
        other => panic!("an error without a counterpart: {other}"),
    }
}

/// Compares every line of a file and returns how many there were.
fn compare(folder: &Path, file: &str) -> usize {
    let text = read_to_string(folder.join(file)).unwrap();
    let mut known: BTreeMap<usize, &str> = DIVERGENCES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix(file)?.strip_prefix('\t')?.split_once('\t'))
        .map(|(line, reason)| (line.parse().unwrap(), reason))
        .collect();
    let mut wrong = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let difference = difference(&vector);
        match (difference, known.remove(&(index + 1))) {
            (Some(difference), None) => wrong.push(format!("{file}:{}: {difference}\n  {line}", index + 1)),
            (None, Some(reason)) => wrong.push(format!("{file}:{}: stale divergence: {reason}", index + 1)),
            _ => {}
        }
    }
    assert!(known.is_empty(), "divergences beyond the file: {known:?}");
    assert!(wrong.is_empty(), "{} lines differ\n{}", wrong.len(), wrong.join("\n"));
    text.lines().count()
}

/// The difference between our answer and the engine's.
fn difference(vector: &Value) -> Option<String> {
    let content = match (answer(vector), vector["accepted"].as_bool()?) {
        (Ok(content), true) => content,
        (Err(error), false) => return class_difference(error, vector["message"].as_str()?),
        (Ok(_), false) => return Some("accepted, and should not be".to_owned()),
        (Err(error), true) => return Some(format!("refused: {error}")),
    };
    let message = match content {
        Content::Gs1(message) => message,
        Content::Plain(text) => return differ("plain", &text.as_str(), &vector["plain"].as_str()?),
        Content::Ean(gtin) => return Some(format!("an EAN: {gtin}")),
    };
    let ais: Vec<[&str; 2]> = message.elements().iter().map(|one| [one.ai().code, one.value()]).collect();
    let ignored = vector.get("ignored").cloned().unwrap_or(Value::Array(Vec::new()));
    let link = message.to_link();
    differ("ais", &serde_json::to_value(ais).unwrap(), &vector["ais"])
        .or_else(|| differ("bracketed", &message.to_bracketed().into(), &vector["bracketed"]))
        .or_else(|| {
            let with_carets = format!("^{}", message.to_element_string().replace('\x1d', "^"));
            differ("element string", &with_carets.into(), &vector["element_string"])
        })
        .or_else(|| differ("ignored", &serde_json::to_value(message.ignored()).unwrap(), &ignored))
        .or_else(|| differ("link", &link.clone().ok().into(), &vector["link"]))
        .or_else(|| match (link, vector["link_message"].as_str()) {
            (Err(reason), Some(theirs)) => no_link_difference(&reason.to_string(), theirs),
            _ => None,
        })
}

fn differ<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Option<String> {
    (ours != theirs).then(|| format!("{what}: ours {ours:?}, theirs {theirs:?}"))
}

fn answer(vector: &Value) -> Result<Content, Gs1Error> {
    let waived = vector["partners_checked"] == Value::Bool(false);
    let partners = if waived { Partners::OnAnyCarrier } else { Partners::Required };
    let input = vector["input"].as_str().unwrap();
    match vector["via"].as_str().unwrap() {
        "scan" => Content::from_line(input, partners),
        "bracketed" => Message::from_bracketed(input, partners).map(Content::Gs1),
        "link" => Content::from_plain(input, partners),
        "raw" => match input.strip_prefix('^') {
            Some(text) => {
                Message::from_element_string(&text.replace('^', "\x1d"), partners).map(Content::Gs1)
            }
            None => Ok(Content::Plain(input.to_owned())),
        },
        other => panic!("an unknown way in: {other}"),
    }
}

/// The class of the refusal, by words of the engine's message.
fn class_difference(error: Gs1Error, message: &str) -> Option<String> {
    let words: &[&str] = match error {
        Gs1Error::NoSymbology => &["Missing symbology"],
        Gs1Error::UnknownSymbology => &["Unsupported symbology"],
        Gs1Error::Empty => &["data is empty"],
        Gs1Error::Ean | Gs1Error::NotAGtin => &["Primary"],
        // Lines have no parts.
        Gs1Error::Part { .. } => &[],
        Gs1Error::Caret => &["illegal ^"],
        Gs1Error::UnknownAi => &["No known AI", "Unrecognised AI"],
        Gs1Error::TooMany => &["Too many"],
        Gs1Error::Brackets => &["Failed to parse AI data"],
        Gs1Error::NoValue(_) => &["is empty", "too short"],
        Gs1Error::TooMuchText | Gs1Error::TooLong(_) => &["too long"],
        Gs1Error::WrongLength(_) => &["incorrect length", "too short"],
        // The engine keeps `^` for FNC1 and names it first; to us it is a character outside the set.
        Gs1Error::Value { fault: Fault::NotInSet82 | Fault::NotADigit, .. } => &["character"],
        Gs1Error::Value { fault: Fault::CheckDigit, .. } => &["check digit"],
        Gs1Error::Value { fault: Fault::CheckPair, .. } => &["check-character pair"],
        Gs1Error::Value { fault: Fault::Month, .. } => &["illegal month"],
        Gs1Error::Value { fault: Fault::Day, .. } => &["illegal day"],
        Gs1Error::Value { fault: Fault::Hour, .. } => &["illegal hour"],
        Gs1Error::Value { fault: Fault::Minute, .. } => &["illegal minute"],
        Gs1Error::Value { .. } => &["): "],
        Gs1Error::Excluded(..) => &["invalid to pair"],
        Gs1Error::MissingPartner(_) => &["Required AIs"],
        Gs1Error::Contradiction(_) => &["different values"],
        Gs1Error::NoSerial(_) => &["serial"],
        Gs1Error::Link(fault) => return link_difference(&fault.to_string(), message),
    };
    let agrees = words.iter().any(|words| message.contains(words));
    (!agrees).then(|| format!("refused as `{error}`, the engine says `{message}`"))
}

fn link_difference(ours: &str, message: &str) -> Option<String> {
    let pairs = [
        ("no URI has", "URI contains illegal characters"),
        ("neither http", "scheme"),
        ("domain", "domain"),
        ("no key", "No GS1 DL keys"),
        ("in order", "key-qualifier sequence"),
        ("NUL", "null character"),
        ("number in the query", "Unknown AI"),
        ("twice", "duplicated"),
        ("may not stand", "not a valid DL URI data attribute"),
        ("belongs", "should be in the path"),
    ];
    let agrees = pairs.iter().any(|(our, their)| ours.contains(our) && message.contains(their));
    (!agrees).then(|| format!("refused as `{ours}`, the engine says `{message}`"))
}

fn no_link_difference(ours: &str, message: &str) -> Option<String> {
    let pairs =
        [("no Digital Link key", "without a primary key"), ("cannot be written", "not a valid DL URI data")];
    let agrees = pairs.iter().any(|(our, their)| ours.contains(our) && message.contains(their));
    (!agrees).then(|| format!("no link because `{ours}`, the engine says `{message}`"))
}

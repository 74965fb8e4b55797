//! Every reason that a call can give has a text of its own: what happened, and what the person does.

#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_core::{CountersignError, Fault, fault_screen};

/// Told by their names: no person can do anything about them, since they come from a program's fault or pass by themselves.
const TOLD_BY_NAME: [&str; 41] = [
    "awaits-predecessor",
    "before-start",
    "busy",
    "clock",
    "family",
    "fields",
    "format",
    "frame",
    "handover",
    "internal",
    "kind",
    "line",
    "media-type",
    "member",
    "method",
    "not-signed",
    "notice",
    "offset",
    "operation",
    "other-key",
    "other-log",
    "other-store",
    "promise-not-held",
    "rate",
    "replay",
    "request",
    "scale",
    "sealed",
    "seen",
    "statement",
    "storage",
    "timeout",
    "token",
    "unknown-kind",
    "unnamed",
    "witnesses",
    // Errors of other kinds than a refusal, which have screens of their own.
    "cancelled",
    "failed",
    "no-answer",
    "not-enrolled",
    "unlawful",
];

/// All code in Rust below a folder, but for tests: a file each.
fn sources(folder: &str) -> Vec<String> {
    let (mut paths, mut all) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)], Vec::new());
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = fs::read_to_string(path).unwrap();
            all.push(source.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
    all
}

fn is_name(text: &&str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// What the core's errors call themselves: each has a function `reason`, by itself or with others below it.
fn of_the_core() -> BTreeSet<String> {
    let named = |source: &String| source.contains("pub const fn reason(&self) -> &'static str");
    let sources: Vec<String> = sources("../core").into_iter().filter(named).collect();
    let value = |line: &str| {
        let value = line.split_once("=> ").map_or(line, |(_, value)| value).trim();
        let name = value.strip_prefix('"')?.trim_end_matches(',').strip_suffix('"')?;
        Some(name).filter(is_name).map(str::to_owned)
    };
    sources.iter().flat_map(|source| source.lines().filter_map(value).collect::<Vec<_>>()).collect()
}

/// What the bindings call it themselves.
fn of_the_bindings() -> BTreeSet<String> {
    let sources = sources("src").join("\n");
    let named = |before: &str| -> Vec<String> {
        let names = sources.split(before).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0));
        names.filter(is_name).map(str::to_owned).collect()
    };
    [named("invalid(\""), named("Refused { reason: \"")].concat().into_iter().collect()
}

/// What the ledger, a gateway and a scanner call it.
fn of_others() -> BTreeSet<String> {
    let problems = countersign_ledger::Problem::ALL.iter().map(|problem| problem.as_str());
    let refusals = countersign_bedside::Refusal::ALL.iter().map(|refusal| refusal.as_str());
    let slips = countersign_scan::Slip::ALL.into_iter().map(countersign_scan::Slip::key);
    problems.chain(refusals).chain(slips).map(str::to_owned).collect()
}

fn has_own_text(reason: &str) -> bool {
    let told = |error| fault_screen(Fault::Failed { error }).text.key;
    let refused = told(CountersignError::Refused { reason: reason.to_owned() });
    let invalid = told(CountersignError::Invalid { reason: reason.to_owned() });
    assert_eq!(refused == "refused.other", invalid == "fault.invalid-other", "{reason}");
    refused != "refused.other"
}

#[test]
fn every_reason_that_a_person_can_do_something_about_has_its_own_text() {
    let (core, bindings) = (of_the_core(), of_the_bindings());
    // Where they are looked for, they are found.
    for known in ["goods-differ", "fetched-too-often", "wrong-passcode", "other-holder", "goods-refused"] {
        assert!(core.contains(known), "{known}");
    }
    for known in ["code", "image-file", "reports-waiting", "offered"] {
        assert!(bindings.contains(known), "{known}");
    }
    let all: BTreeSet<String> = [core, bindings, of_others()].into_iter().flatten().collect();
    let without: BTreeSet<&str> =
        all.iter().map(String::as_str).filter(|reason| !has_own_text(reason)).collect();
    assert_eq!(without, TOLD_BY_NAME.into_iter().collect());
}

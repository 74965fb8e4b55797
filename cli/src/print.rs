//! Verdicts, histories and routes as people and scripts read them.

mod route;
pub mod symbol;

use std::fmt::Write as _;

use anyhow::Error;
use countersign_custody::words::{headline, sentence};
use countersign_custody::{
    Argument, AsOf, Clock, Item, Mark, Party, Profile, Reason, TimelineEvent, Verdict, VerdictKind,
};
use countersign_ledger::{LogName, Subject};
use countersign_scan::NotAProduct;
use countersign_scan::gs1::Gs1Error;
use serde_json::{Value, json};

pub use self::route::{route, route_json};

/// The exit code of `check` for a verdict.
pub const fn exit_code(kind: VerdictKind) -> u8 {
    match kind {
        VerdictKind::Authentic => 0,
        VerdictKind::Attention => 10,
        VerdictKind::Suspect => 11,
        VerdictKind::CheckScan => 12,
        VerdictKind::CannotTell => 13,
    }
}

/// The exit code of a command that failed. A code that was refused is to be scanned again, whatever was asked of it.
pub fn failure(error: &Error) -> u8 {
    let refused =
        |cause: &(dyn std::error::Error + 'static)| cause.is::<Gs1Error>() || cause.is::<NotAProduct>();
    if error.chain().any(refused) { exit_code(VerdictKind::CheckScan) } else { 1 }
}

/// A sign beside the words, so that colour is never the only mark.
const fn sign(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Authentic => "✓",
        VerdictKind::Attention => "!",
        VerdictKind::Suspect => "✗",
        VerdictKind::CheckScan => "↻",
        VerdictKind::CannotTell => "?",
    }
}

/// A verdict for a person: headline, reasons, history, and the age of the snapshot.
pub fn verdict(verdict: &Verdict, profile: &Profile) -> String {
    let mut text = reasons(verdict, profile);
    if let Some(party) = &verdict.accountable {
        let _ = writeln!(text, "    Accountable: {}", member(party));
    }
    text.push_str(&timeline(&verdict.timeline));
    if let Some(complete) = complete(&verdict.logs, verdict.age_millis) {
        let _ = writeln!(text, "    {complete}");
    }
    if let Some(wrong) = clock(verdict.clock).filter(|_| !tells_the_clock(verdict)) {
        let _ = writeln!(text, "    {wrong}");
    }
    text
}

/// What an answer is complete as of: one time, or each log's own where they differ.
fn complete(logs: &[(LogName, AsOf)], age_millis: Option<u64>) -> Option<String> {
    let (_, first) = logs.first()?;
    let same = logs.iter().all(|(_, as_of)| as_of.at.seconds() == first.at.seconds());
    let known = if same {
        format!("checkpoint {}, {}", first.size, first.at)
    } else {
        let each =
            |(log, as_of): &(LogName, AsOf)| format!("{} ({log}, checkpoint {})", as_of.at, as_of.size);
        logs.iter().map(each).collect::<Vec<_>>().join(" and ")
    };
    let age = age_millis.map_or_else(|| "how long ago is not known".to_owned(), ago);
    Some(format!("Complete as of {known} ({age})."))
}

/// Whether a verdict has the clock among its reasons.
fn tells_the_clock(verdict: &Verdict) -> bool {
    verdict.reasons.iter().any(|reason| matches!(reason, Reason::ClockWrong(_)))
}

/// What is wrong with this machine's clock.
pub fn clock(clock: Clock) -> Option<String> {
    (clock != Clock::Trusted).then(|| sentence(&Reason::ClockWrong(clock), Profile::medicine()))
}

/// The verdict in a word, and its reasons.
fn reasons(verdict: &Verdict, profile: &Profile) -> String {
    let mut text = format!("  {} {}\n", sign(verdict.kind), headline(verdict.kind));
    for reason in &verdict.reasons {
        let _ = writeln!(text, "    {}", sentence(reason, profile));
        for reading in readings(reason) {
            let _ = writeln!(text, "      possible reading: {}", narrowest(reading));
        }
    }
    text
}

/// What else the code may say, as far as the ledger knows it.
fn readings(reason: &Reason) -> &[Item] {
    match reason {
        Reason::Misread { readings, .. } | Reason::NearMiss { readings, .. } => readings,
        _ => &[],
    }
}

/// The narrowest subject that an item names.
pub fn narrowest(item: &Item) -> &Subject {
    item.pack.as_ref().or(item.lot.as_ref()).unwrap_or(&item.class)
}

/// A history, one line per statement.
fn timeline(events: &[TimelineEvent]) -> String {
    let mut text = String::new();
    for event in events {
        let (mark, note) = match event.mark {
            Mark::Verified => ("·", ""),
            Mark::AtFault => ("✗", ""),
            Mark::Void => ("⊘", "  [void: the signer's certificate had been revoked]"),
        };
        let to = event.receiver.as_ref().map_or_else(String::new, |to| format!(" → {}", member(to)));
        let _ = writeln!(
            text,
            "      {mark} {}  {:<22} {}{to}{note}",
            event.at,
            event.title,
            member(&event.party)
        );
    }
    text
}

/// A party for people: its name and its role.
fn member(party: &Party) -> String {
    match &party.identity {
        Some(identity) => format!("{} ({})", identity.name(), identity.role()),
        None => party.role.clone(),
    }
}

/// How long ago something was, roughly.
fn ago(millis: u64) -> String {
    match millis / 1000 {
        seconds @ 0..=119 => format!("{seconds} s ago"),
        seconds @ 120..=7199 => format!("{} min ago", seconds / 60),
        seconds @ 7200..=172_799 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

/// A verdict for a script.
pub fn verdict_json(verdict: &Verdict, profile: &Profile) -> Value {
    let reasons: Vec<Value> = verdict
        .reasons
        .iter()
        .map(|reason| {
            let arguments =
                reason.arguments().into_iter().map(|(name, value)| (name.to_owned(), argument(&value)));
            let mut line = json!({
                "key": reason.key(),
                "arguments": Value::Object(arguments.collect()),
                "text": sentence(reason, profile),
            });
            if matches!(reason, Reason::Misread { .. } | Reason::NearMiss { .. }) {
                line["readings"] =
                    readings(reason).iter().map(|item| json!(narrowest(item).as_str())).collect();
            }
            line
        })
        .collect();
    json!({
        "verdict": verdict_key(verdict.kind),
        "reasons": reasons,
        "accountable": verdict.accountable.as_ref().map(ToString::to_string),
        "timeline": verdict.timeline.iter().map(event_json).collect::<Vec<_>>(),
        "evidence": verdict.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "checkpoint": verdict.checkpoint,
        "as_of": verdict.as_of.map(|time| time.to_string()),
        "logs": logs_json(&verdict.logs),
        "age_seconds": verdict.age_millis.map(|age| age / 1000),
        "clock": clock_key(verdict.clock),
    })
}

/// Each log with the checkpoint that it is known up to, for a script.
fn logs_json(logs: &[(LogName, AsOf)]) -> Value {
    let one = |(log, as_of): &(LogName, AsOf)| json!({ "log": log.as_str(), "checkpoint": as_of.size, "as_of": as_of.at.to_string() });
    logs.iter().map(one).collect()
}

/// Whether the clock can be right, in JSON.
const fn clock_key(clock: Clock) -> &'static str {
    match clock {
        Clock::Trusted => "trusted",
        Clock::Behind { .. } => "behind",
        Clock::Ahead { .. } => "ahead",
    }
}

/// The verdict's name in JSON.
const fn verdict_key(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Authentic => "authentic",
        VerdictKind::Attention => "attention",
        VerdictKind::Suspect => "suspect",
        VerdictKind::CheckScan => "check-scan",
        VerdictKind::CannotTell => "cannot-tell",
    }
}

/// A statement of a history for a script.
fn event_json(event: &TimelineEvent) -> Value {
    json!({
        "time": event.at.to_string(),
        "kind": event.kind.as_str(),
        "title": event.title,
        "party": event.party.to_string(),
        "to": event.receiver.as_ref().map(ToString::to_string),
        "statement": event.statement.to_string(),
        "verified": event.mark == Mark::Verified,
        "void": event.mark == Mark::Void,
    })
}

fn argument(argument: &Argument) -> Value {
    match argument {
        Argument::Text(text) => json!(text),
        Argument::Party(party) => json!(party.to_string()),
        Argument::Step(kind) => json!(kind.as_str()),
        Argument::Time(time) | Argument::Moment(time) => json!(time.to_string()),
        Argument::Number(number) => json!(number),
    }
}

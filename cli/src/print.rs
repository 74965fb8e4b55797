//! Verdicts, histories and routes as people and scripts read them.

mod route;
pub mod symbol;

use std::fmt::Write as _;

use countersign_custody::words::{headline, sentence};
use countersign_custody::{
    Argument, Item, Mark, Party, Profile, Reason, TimelineEvent, Verdict, VerdictKind,
};
use countersign_ledger::{Subject, UnixMillis};
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
    if let (Some(checkpoint), Some(as_of), Some(age)) =
        (verdict.checkpoint, verdict.as_of, verdict.age_millis)
    {
        let complete = format!("Complete as of checkpoint {checkpoint}, {as_of}");
        let _ = writeln!(text, "    {complete} ({}).", ago(age));
    }
    text
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
        "age_seconds": verdict.age_millis.map(|age| age / 1000),
    })
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
        Argument::Step(kind) => json!(kind.as_str()),
        Argument::Time(time) => json!(time.to_string()),
        Argument::Number(number) => json!(number),
    }
}

/// A moment as a date.
pub fn date(moment: UnixMillis) -> String {
    moment.to_string().chars().take(10).collect()
}

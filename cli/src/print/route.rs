//! A route as text for an inspector, and as JSON.

use std::fmt::Write as _;

use countersign_custody::{Aggregate, Gap, Leg, Profile, Route, Standing, Stop, Verdict, VerdictKind};
use serde_json::{Value, json};

use super::{clock, clock_key, complete, logs_json, member, reasons, tells_the_clock, verdict_json};

/// Columns before the lines beneath a leg.
const INDENT: usize = 26;

/// A route for a person: the verdict where there is one, then one line per leg, and below it the signers and what is wrong.
pub fn route(route: &Route, judged: Option<(&Verdict, &Profile)>) -> String {
    let titles = route.stops.iter().map(|stop| match stop {
        Stop::Leg(leg) => leg.title.chars().count(),
        Stop::Gap(gap) => gap.title.chars().count(),
    });
    let width = titles.max().unwrap_or_default();
    let mut text = format!("{}\n", route.subject);
    // What is wrong is said before a route that may be without a flaw: another pack's.
    if let Some((verdict, profile)) = judged.filter(|(verdict, _)| verdict.kind != VerdictKind::Authentic) {
        text.push_str(&reasons(verdict, profile));
    }
    if route.stops.is_empty() {
        text.push_str(match route.checkpoint {
            Some(_) => "  the ledger has no statement on it\n",
            None => "  this wallet has no data on it: follow it and sync\n",
        });
    }
    for stop in &route.stops {
        match stop {
            Stop::Leg(leg) => text.push_str(&self::leg(leg, width)),
            Stop::Gap(gap) => text.push_str(&self::gap(gap, width)),
        }
    }
    if let Some(party) = &route.accountable {
        let _ = writeln!(text, "  Accountable: {}", member(party));
    }
    let wrong = clock(route.clock).filter(|_| !judged.is_some_and(|(verdict, _)| tells_the_clock(verdict)));
    for line in complete(&route.logs, route.age_millis).into_iter().chain(wrong) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// `width` is that of the titles.
fn leg(leg: &Leg, width: usize) -> String {
    let mark = match &leg.standing {
        Standing::Sound => "·",
        Standing::AtFault(_) => "✗",
        Standing::Void => "⊘",
        Standing::Disputed | Standing::Conflict | Standing::Differs(_) => "!",
    };
    let to = leg.to.as_ref().map_or_else(String::new, |to| format!(" → {}", member(to)));
    let mut text = format!("  {mark} {}  {:<width$} {}{to}\n", leg.at, leg.title, member(&leg.from));
    let mut line = |words: &str| {
        let _ = writeln!(text, "{:INDENT$}{words}", "");
    };
    if leg.signatures.len() > 1 {
        let signed = leg.signatures.iter().map(|one| format!("{} ({})", one.by.name(), one.at));
        line(&format!("signed by {}", signed.collect::<Vec<_>>().join(", then ")));
    }
    if let Some(recorded) = leg.late {
        line(&format!("came late: not recorded before {recorded}, so its time is only the signers' claim"));
    }
    let said = leg.said();
    if !said.is_empty() {
        line(&said);
    }
    match (leg.standing.wrong(), leg.accountable()) {
        (Some(wrong), Some(party)) => line(&format!("{wrong}; {} is accountable", member(party))),
        (Some(wrong), None) => line(&wrong),
        (None, _) => {}
    }
    text
}

fn gap(gap: &Gap, width: usize) -> String {
    let to = gap.to.as_ref().map_or_else(String::new, |to| format!(" → {}", member(to)));
    let party = member(&gap.party);
    format!(
        "  ? {:<20}  {:<width$} {party}{to}\n{:INDENT$}{party} is accountable\n",
        "missing", gap.title, ""
    )
}

/// A route for a script: one line per leg or gap, and a summary at the end.
pub fn route_json(route: &Route, judged: Option<(&Verdict, &Profile)>, notes: &[String]) -> Vec<Value> {
    let mut lines: Vec<Value> = route.stops.iter().map(stop_json).collect();
    let verdict = judged.map(|(verdict, profile)| verdict_json(verdict, profile));
    lines.push(json!({
        "verdict": verdict.as_ref().map(|verdict| &verdict["verdict"]),
        "reasons": verdict.as_ref().map(|verdict| &verdict["reasons"]),
        "subject": route.subject.as_str(),
        "accountable": route.accountable.as_ref().map(ToString::to_string),
        "checkpoint": route.checkpoint,
        "as_of": route.as_of.map(|time| time.to_string()),
        "logs": logs_json(&route.logs),
        "age_seconds": route.age_millis.map(|age| age / 1000),
        "clock": clock_key(route.clock),
        "notes": notes,
    }));
    lines
}

fn stop_json(stop: &Stop) -> Value {
    let mut line = match stop {
        Stop::Gap(gap) => json!({ "kind": gap.kind.as_str(), "title": gap.title, "standing": "missing" }),
        Stop::Leg(leg) => leg_json(leg),
    };
    line["from"] = json!(stop.from().to_string());
    line["to"] = json!(stop.to().map(ToString::to_string));
    line["accountable"] = json!(stop.accountable().map(ToString::to_string));
    line
}

fn leg_json(leg: &Leg) -> Value {
    let signatures = leg.signatures.iter().map(|one| {
        json!({ "by": one.by.as_str(), "time": one.at.to_string(), "statement": one.statement.to_string() })
    });
    json!({
        "time": leg.at.to_string(),
        "kind": leg.kind.as_str(),
        "title": leg.title,
        "place": leg.place,
        "packs": leg.aggregate.map(|held| held.count),
        "inferred": leg.aggregate.map(Aggregate::inferred),
        "condition": leg.condition,
        "reason": leg.reason,
        "signatures": signatures.collect::<Vec<_>>(),
        "standing": standing_key(&leg.standing),
        "wrong": leg.standing.wrong(),
        "late": leg.late.map(|recorded| recorded.to_string()),
        "statement": leg.statement.to_string(),
    })
}

/// The standing's name in JSON.
const fn standing_key(standing: &Standing) -> &'static str {
    match standing {
        Standing::Sound => "sound",
        Standing::AtFault(_) => "at-fault",
        Standing::Void => "void",
        Standing::Disputed => "disputed",
        Standing::Conflict => "conflict",
        Standing::Differs(_) => "contents-differ",
    }
}

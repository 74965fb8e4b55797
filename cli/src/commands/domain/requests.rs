//! Requests for data of other domains: asked, listed with what became of them, revoked.

use anyhow::Result;
use countersign_domains::{Behaviour, Cause, DataKey, Decision, Ops};
use countersign_ledger::UnixMillis;
use countersign_wallet::{AccessRequest, AskForData, RequestState};
use serde_json::{Value, json};

use super::{Desk, member, recorded, request_name};
use crate::args::{self, Why};
use crate::digits::short;
use crate::home::{Home, now};
use crate::output::say;

const HOUR: u64 = 3_600_000;

/// Asks for data, for a user of one's own domain.
pub fn ask(home: &Home, args: &args::AskForData, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let wanted = AskForData {
        key: desk.data(&args.data)?,
        user: args.user,
        ops: Ops::of(args.ops.iter().copied()),
        purpose: args.purpose.clone(),
        until: UnixMillis(now().0.saturating_add(u64::from(args.hours) * HOUR)),
        behaviour: Behaviour { kept: args.kept, broken: args.broken },
    };
    let keys = desk.keys()?;
    let asked = member(&mut desk.snapshot, &keys)?.ask(&desk.client, &wanted, now())?;
    let name = request_name(&asked.thread);
    if as_json {
        say!(
            "{}",
            json!({ "request": name, "about": asked.thread.as_str(), "follows": outcome(asked.outcome),
                    "index": asked.recorded.index })
        );
    } else {
        say!(
            "request {}: it follows that it is {}; the notaries vote on it",
            short(name),
            outcome(asked.outcome)
        );
    }
    Ok(())
}

/// Lists requests with what became of them.
pub fn list(home: &Home, data: Option<&str>, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let key = data.map(|named| desk.data(named)).transpose()?;
    let (requests, now) = (desk.log()?.requests(), now());
    for request in requests.iter().filter(|request| key.is_none_or(|key| request.key == key)) {
        if as_json {
            say!("{}", request_json(request, now));
        } else {
            request_told(request, now);
        }
    }
    Ok(())
}

/// Revokes a licence.
pub fn revoke(home: &Home, request: &str, why: Why, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let request = desk.request(request)?;
    let keys = desk.keys()?;
    let done = member(&mut desk.snapshot, &keys)?.revoke(&desk.client, &request.thread, why.into(), now())?;
    recorded(&done, "revoked", as_json);
    Ok(())
}

impl From<Why> for Cause {
    fn from(why: Why) -> Self {
        match why {
            Why::Owner => Self::Owner,
            Why::Misuse => Self::Misuse,
            Why::Invalid => Self::Invalid,
        }
    }
}

/// Tells of a request.
pub fn request_told(one: &AccessRequest, now: UnixMillis) {
    let (request, name) = (&one.request, short(request_name(&one.thread)));
    say!(
        "{name} {}  {} asks {} for {} of data {}, {}, until {}: {}",
        one.asked_at,
        one.by.domain(),
        request.to,
        request.ops,
        key(one.key),
        request.purpose,
        request.until,
        standing(one.standing(now))
    );
}

fn request_json(one: &AccessRequest, now: UnixMillis) -> Value {
    let request = &one.request;
    let (state, reason) = match one.standing(now) {
        RequestState::Voting => ("voting", None),
        RequestState::Agreed => ("agreed", None),
        RequestState::Lapsed => ("lapsed", None),
        RequestState::Rejected => ("rejected", None),
        RequestState::Denied(denial) => ("denied", Some(denial.as_str())),
        RequestState::Licensed => ("licensed", None),
        RequestState::Ended => ("ended", None),
        RequestState::Revoked(cause) => ("revoked", Some(because(cause))),
    };
    json!({
        "request": request_name(&one.thread),
        "data": one.key.0.to_string(),
        "by": one.by.as_str(),
        "to": request.to,
        "user": request.user.0.to_string(),
        "ops": request.ops.to_string(),
        "purpose": request.purpose,
        "asked": one.asked_at.to_string(),
        "until": request.until.to_string(),
        "decided": one.decided_at.map(|at| at.to_string()),
        "licence": one.licence().map(|id| id.to_string()),
        "state": state,
        "reason": reason,
    })
}

/// The first digits of data.
pub fn key(key: DataKey) -> String {
    short(&key.0.to_string()).to_owned()
}

/// What follows from a request, in words.
pub fn outcome(decision: Decision) -> String {
    match decision {
        Decision::Permitted => "permitted".to_owned(),
        Decision::Denied(denial) => format!("denied ({})", denial.as_str()),
    }
}

fn standing(state: RequestState) -> String {
    match state {
        RequestState::Voting => "the notaries vote".to_owned(),
        RequestState::Agreed => "agreed, and not written down yet".to_owned(),
        RequestState::Lapsed => "too few notaries voted in time".to_owned(),
        RequestState::Rejected => "the notaries find that something else follows".to_owned(),
        RequestState::Denied(denial) => format!("denied ({})", denial.as_str()),
        RequestState::Licensed => "permitted".to_owned(),
        RequestState::Ended => "permitted, and its time is over".to_owned(),
        RequestState::Revoked(cause) => format!("revoked ({})", because(cause)),
    }
}

/// Why a licence was revoked.
const fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::Owner => "owner",
        Cause::Misuse => "misuse",
        Cause::Invalid => "invalid-data",
    }
}

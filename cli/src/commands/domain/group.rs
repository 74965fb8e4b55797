//! Who notarises, who takes part, and what is voted on.

use anyhow::Result;
use countersign_domains::Credit;
use countersign_ledger::{Identity, UnixMillis};
use countersign_wallet::{Authorization, NotarySeat, OpenBallot, Participant, Proposed};
use serde_json::{Value, json};

use super::{Desk, acting, member, recorded};
use crate::digits::{found, short};
use crate::home::{Home, now};
use crate::output::{say, warn};

/// Of what is proposed.
const MOVED: &str = "moved: the notaries vote on it";

/// Shows the group in office, the domains, and the ballots.
pub fn show(home: &Home, as_json: bool) -> Result<()> {
    let desk = Desk::synced(home)?;
    let (log, now) = (desk.log()?, now());
    if as_json {
        json_told(&log, now);
    } else {
        told(&log, now);
    }
    for fault in log.faults() {
        warn(format_args!("entry {} of the log counts for nothing: {}", fault.index, fault.text));
    }
    Ok(())
}

fn json_told(log: &Authorization, now: UnixMillis) {
    if let Some(notaries) = log.notaries() {
        let seats: Vec<_> = notaries.seats.iter().map(seat_json).collect();
        say!(
            "{}",
            json!({ "group": notaries.statement.to_string(), "epoch": notaries.epoch,
                    "transactions": notaries.transactions, "seats": seats })
        );
    }
    log.participants().iter().for_each(|one| say!("{}", participant_json(one)));
    log.ballots(now).iter().for_each(|one| say!("{}", ballot_json(one)));
}

/// Tells of the group, the domains and the ballots.
pub fn told(log: &Authorization, now: UnixMillis) {
    match log.notaries() {
        Some(notaries) => {
            say!("group {}, by {} transactions", notaries.epoch, notaries.transactions);
            for (number, seat) in (1..).zip(&notaries.seats) {
                say!("  {number:>2}  {:>6} %  {}", percent(seat.credit), seated(seat));
            }
        }
        None => say!("no group of notaries is in office: the registrar of the shared ledger founds one"),
    }
    for one in log.participants() {
        say!("  {:<24} {}", one.domain, standing(&one));
    }
    for one in log.ballots(now) {
        let tally = one.tally;
        say!(
            "ballot {}: {}; moved by {}, open until {}; yes {}, no {}, of {}",
            short(&one.statement.to_string()),
            proposed(&one.proposed),
            one.by,
            one.until,
            hundredths(tally.yes),
            hundredths(tally.no),
            hundredths(tally.total)
        );
    }
}

/// Has the authority's domain registered.
pub fn register(home: &Home, as_json: bool) -> Result<()> {
    let done = acting(home, |own, client| own.register(client, now()))?;
    recorded(&done, MOVED, as_json);
    Ok(())
}

/// Moves that a domain takes part no longer.
pub fn exclude(home: &Home, domain: &str, as_json: bool) -> Result<()> {
    let done = acting(home, |own, client| own.propose_end(client, domain, now()))?;
    recorded(&done, MOVED, as_json);
    Ok(())
}

/// Reports what this notary saw of the others.
pub fn report(home: &Home, as_json: bool) -> Result<()> {
    let done = acting(home, |own, client| own.report(client, now()))?;
    recorded(&done, "reported", as_json);
    Ok(())
}

/// Moves that those of highest credit become the next group.
pub fn elect(home: &Home, as_json: bool) -> Result<()> {
    let done = acting(home, |own, client| own.propose_group(client, now()))?;
    recorded(&done, MOVED, as_json);
    Ok(())
}

/// Casts the votes of a person.
pub fn vote(home: &Home, ballots: &[String], yes: bool, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let open = desk.log()?.ballots(now());
    let named = |digits: &String| found(open.clone(), digits, "ballot", |one| one.statement.to_string());
    let ballots = ballots.iter().map(named).collect::<Result<Vec<_>>>()?;
    let keys = desk.keys()?;
    let mut notary = member(&mut desk.snapshot, &keys)?;
    for ballot in &ballots {
        notary.vote(&desk.client, &ballot.subject, yes, now())?;
        if as_json {
            say!("{}", json!({ "voted": ballot.subject.as_str(), "yes": yes }));
        } else {
            say!("voted {}: {}", if yes { "yes" } else { "no" }, proposed(&ballot.proposed));
        }
    }
    Ok(())
}

/// What is proposed, in words.
pub fn proposed(what: &Proposed) -> String {
    match what {
        Proposed::Group(election) => {
            format!("group {} with {} seats comes into office", election.epoch, election.group.seats().len())
        }
        Proposed::Registration { domain, registration } if registration.active => {
            format!(
                "{domain} takes part, by the certificate {}",
                short(&registration.certificate.to_string())
            )
        }
        Proposed::Registration { domain, .. } => format!("{domain} takes part no longer"),
        Proposed::Invalidation { key, invalidation } => format!(
            "data {} is invalid from the state {} on, by the evidence {}",
            short(&key.0.to_string()),
            short(&invalidation.state.to_string()),
            short(&invalidation.evidence.to_string())
        ),
        Proposed::Request { key, request } => format!(
            "of the request for data {} it follows: {}",
            short(&key.0.to_string()),
            super::requests::outcome(request.outcome)
        ),
    }
}

fn ballot_json(ballot: &OpenBallot) -> Value {
    let tally = ballot.tally;
    json!({
        "ballot": ballot.statement.to_string(),
        "about": ballot.subject.as_str(),
        "moved": proposed(&ballot.proposed),
        "by": ballot.by.as_str(),
        "opened": ballot.opened.to_string(),
        "until": ballot.until.to_string(),
        "yes": tally.yes, "no": tally.no, "total": tally.total,
        "voted": ballot.voted,
    })
}

fn seat_json(seat: &NotarySeat) -> Value {
    json!({
        "notary": seat.notary.to_string(),
        "identity": seat.identity.as_ref().map(Identity::as_str),
        "domain": seat.domain,
        "credit": seat.credit.hundredths(),
    })
}

fn participant_json(one: &Participant) -> Value {
    json!({
        "domain": one.domain,
        "active": one.registration.is_some_and(|registration| registration.active),
        "certificate": one.registration.map(|registration| registration.certificate.to_string()),
        "epoch": one.registration.map(|registration| registration.epoch),
    })
}

fn standing(one: &Participant) -> String {
    match one.registration {
        Some(registration) if registration.active => {
            format!("takes part, by the certificate {}", short(&registration.certificate.to_string()))
        }
        Some(_) => "takes part no longer".to_owned(),
        None => "does not take part yet".to_owned(),
    }
}

fn seated(seat: &NotarySeat) -> String {
    match (&seat.identity, &seat.domain) {
        (Some(identity), _) => identity.to_string(),
        (None, Some(domain)) => format!("a notary of {domain}, who has said nothing yet"),
        (None, None) => format!("{}, of no domain of this ledger", short(&seat.notary.to_string())),
    }
}

fn percent(credit: Credit) -> String {
    hundredths(credit.hundredths().into())
}

/// Hundredths, as people write them.
fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

//! Accesses: shown what is wanted, checked, noted, and audited.

use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_wallet::{LoggedAccess, looked_at};
use serde_json::json;

use super::handshake::read;
use super::requests::key;
use super::{Desk, MAX_DATA, member, own_ledger, request_name};
use crate::args::Present;
use crate::digits::short;
use crate::file;
use crate::home::{Home, now};
use crate::output::say;

/// Makes a pass for the domain that holds the data.
pub fn present(home: &Home, args: &Present, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced_all(home)?;
    let request = desk.request(&args.request)?;
    let state = match &args.state {
        Some(digits) => desk.state(digits)?,
        None => {
            desk.log()?
                .published(request.key)
                .context("nobody has published a policy for this data")?
                .location
        }
    };
    let pass = desk.member()?.present(&request.thread, state, args.op, now())?;
    file::write(&args.output, pass.to_bytes())?;
    if as_json {
        say!("{}", json!({ "file": args.output, "to": request.request.to }));
    } else {
        say!("{}: for the authority of {}", args.output.display(), request.request.to);
    }
    Ok(())
}

/// Checks a pass, and notes the access, with the digest of what is to be answered.
pub fn access(home: &Home, pass: &Path, answer: &Path, as_json: bool) -> Result<()> {
    let (pass, answer) = (read(pass)?, file::read(answer, "the answer", MAX_DATA)?);
    let mut desk = Desk::synced_all(home)?;
    let keys = desk.keys()?;
    let mut authority = member(&mut desk.snapshot, &keys)?;
    let own = authority.identity().domain().to_owned();
    let may = authority.check_pass(&desk.client, &desk.ledgers, &pass, now())?;
    let ledger = own_ledger(&mut desk.ledgers, &own)?;
    let client = ledger.client()?;
    let noted = authority.note_access((ledger, &client), &may, &answer, now())?;
    let (wanted, until) = (&may.wanted, may.pass.until());
    if as_json {
        say!(
            "{}",
            json!({
                "data": may.key.0.to_string(),
                "request": request_name(&may.thread),
                "user": wanted.user.0.to_string(),
                "state": wanted.state.to_string(),
                "op": wanted.op.as_str(),
                "until": until.to_string(),
                "index": noted.index,
            })
        );
    } else {
        let (op, state) = (wanted.op.as_str(), wanted.state.to_string());
        say!("licensed until {until}: to {op} the state {} of data {}", short(&state), key(may.key));
        say!("noted at index {} of the log {}: hand out the answer", noted.index, noted.log);
    }
    Ok(())
}

/// Audits all accesses that domains noted.
pub fn log(home: &Home, data: Option<&str>, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced_all(home)?;
    let key = data.map(|named| desk.data(named)).transpose()?;
    let accesses = looked_at(&desk.snapshot, &desk.ledgers)?;
    for access in accesses.iter().filter(|access| key.is_none_or(|key| access.key == key)) {
        if as_json {
            say!("{}", access_json(access));
        } else {
            access_told(access);
        }
    }
    Ok(())
}

/// Tells of an access, with all that is wrong with it.
pub fn access_told(one: &LoggedAccess) {
    let entry = &one.entry;
    let request = one.request.as_ref().map_or("none", |thread| short(request_name(thread)));
    let (user, state) = (entry.user.0.to_string(), entry.state.to_string());
    say!(
        "{} {}  {}: {} of data {}, state {}, by user {}, under request {request}",
        if one.findings.is_empty() { "✓" } else { "✗" },
        one.at,
        one.domain,
        entry.op.as_str(),
        key(one.key),
        short(&state),
        short(&user)
    );
    one.findings.iter().for_each(|finding| say!("    {finding}"));
}

fn access_json(one: &LoggedAccess) -> serde_json::Value {
    let entry = &one.entry;
    json!({
        "domain": one.domain,
        "data": one.key.0.to_string(),
        "at": one.at.to_string(),
        "user": entry.user.0.to_string(),
        "state": entry.state.to_string(),
        "op": entry.op.as_str(),
        "licence": entry.licence.to_string(),
        "request": one.request.as_ref().map(request_name),
        "findings": one.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

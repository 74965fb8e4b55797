//! How a user becomes known in another domain: messages as files, and what the log gets of it.

use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_domains::AuthRecord;
use countersign_ledger::UnixMillis;
use countersign_wallet::{AdmittedUser, DomainMessage, MessageKind};
use serde_json::{Value, json};

use super::{Desk, MAX_MESSAGE, member, recorded};
use crate::args::{Admit, Handshake as H};
use crate::file;
use crate::home::{Home, now};
use crate::output::say;

const HOUR: u64 = 3_600_000;
/// What such a file is.
const MESSAGE: &str = "a message of `countersign domain handshake`";

/// Takes one step of the handshake.
pub fn step(home: &Home, step: &H, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let mut own = desk.member()?;
    let (message, output) = match step {
        H::Hello { to, output } => (own.hello(to, now())?, output),
        H::Vouch { hello, level, output } => (own.vouch(&read(hello)?, *level, now())?, output),
        H::Challenge { vouch, output } => (own.challenge(&read(vouch)?, now())?, output),
        H::Answer { challenge, output } => (own.answer(&read(challenge)?, now())?, output),
        H::Record { answer, hours, output } => {
            let until = UnixMillis(now().0.saturating_add(u64::from(*hours) * HOUR));
            (own.authenticate(&read(answer)?, until, now())?, output)
        }
        H::Keep { record } => {
            let known = own.keep_record(&read(record)?)?;
            known_told(&known, as_json);
            return Ok(());
        }
    };
    file::write(output, message.to_bytes())?;
    if as_json {
        say!("{}", json!({ "file": output, "next": message.kind().map(next) }));
    } else {
        say!("{}: {}", output.display(), message.kind().map_or("a message", next));
    }
    Ok(())
}

/// Reads a message.
pub fn read(path: &Path) -> Result<DomainMessage> {
    let bytes = file::read(path, MESSAGE, MAX_MESSAGE)?;
    DomainMessage::parse(&bytes).with_context(|| format!("{} is not {MESSAGE}", path.display()))
}

/// Whose turn it is after a message.
const fn next(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Hello => "for the authority of your domain, to vouch for you",
        MessageKind::Vouch => "for the authority of the other domain, to challenge the user",
        MessageKind::Challenge => "for the user, to answer",
        MessageKind::Answer => "for the authority of the other domain, to sign that it knows you",
        MessageKind::Record => "for the user, to keep; `countersign domain admit` puts it on the log",
        MessageKind::Presentation => "for the authority of the domain that holds the data",
    }
}

/// Admits a user, ends an admission, or lists who is admitted.
pub fn admit(home: &Home, args: &Admit, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let (done, said) = match (&args.record, args.end) {
        (Some(record), _) => {
            let (record, keys) = (read(record)?, desk.keys()?);
            (member(&mut desk.snapshot, &keys)?.admit(&desk.client, &record, now())?, "admitted")
        }
        (None, Some(user)) => {
            let keys = desk.keys()?;
            let done = member(&mut desk.snapshot, &keys)?.end_admission(&desk.client, user, now())?;
            (done, "admitted no longer")
        }
        (None, None) => {
            desk.log()?.admissions().iter().for_each(|one| admission_told(one, as_json));
            return Ok(());
        }
    };
    recorded(&done, said, as_json);
    Ok(())
}

fn known_told(known: &AuthRecord, as_json: bool) {
    let AuthRecord { user, level, until, .. } = known;
    if as_json {
        say!("{}", json!({ "user": user.0.to_string(), "level": level, "until": until.to_string() }));
    } else {
        say!("you are known at level {level}, until {until}, as {}", user.0);
    }
}

fn admission_told(one: &AdmittedUser, as_json: bool) {
    let admission = &one.admission;
    if as_json {
        say!("{}", admission_json(one));
    } else {
        let until =
            if admission.active { format!("until {}", admission.until) } else { "no longer".to_owned() };
        let (by, home) = (one.by.domain(), &admission.home);
        say!("{}  of {home}, known in {by} at level {}, {until}", one.user.0, admission.level);
    }
}

fn admission_json(one: &AdmittedUser) -> Value {
    json!({
        "user": one.user.0.to_string(),
        "home": one.admission.home,
        "by": one.by.as_str(),
        "level": one.admission.level,
        "until": one.admission.until.to_string(),
        "active": one.admission.active,
    })
}

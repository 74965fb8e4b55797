//! The family of rules of bedside devices: what a gateway has registered, and the sessions that it let begin.
//!
//! | kind (log) | signer; subject | says |
//! | --- | --- | --- |
//! | `bedside.device` (trust) | gateway; the device, by a hash | class, a commitment to its key, epoch, status |
//! | `bedside.credential` (trust) | gateway; the credential, by a hash | whose certificate, role, what it permits, until when, status |
//! | `bedside.session` (bedside) | the device's gateway; the device | who, with which scope, and a digest of what they signed |
//!
//! A row is followed by the same gateway's alone: by the end of the epoch, or by a higher one. A session links its device's row.
//!
//! ```cddl
//! device = { "class" => 1 / 2 / 3, "max-ops" => 0..65535, "commitment" => digest, "epoch" => 1..65535, "status" => 1 / 2 }
//! credential = { "certificate" => digest, "epoch" => 1..65535, "role" => 0..255, "may" => bstr .size 6, "until" => uint,
//!                "status" => 1 / 2 }               ; may: 16 bits each for diagnostic, treatment, auxiliary devices
//! session = { "user" => bstr .size 16, "scope" => bstr .size 8, "asked" => uint, ? "act" => digest }
//! ```

use countersign_ledger::{
    Context, Entry, Hash, Kind, LogName, Problem, Rules, State, Subject, Verified, Violation,
};

use crate::rows::{CredentialRow, DeviceRow, SessionRow, Status};

/// The row of a device.
pub const DEVICE: &str = "bedside.device";
/// The row of a credential.
pub const CREDENTIAL: &str = "bedside.credential";
/// A session that began.
pub const SESSION: &str = "bedside.session";

/// The role of gateways.
pub const GATEWAY: &str = "bedside-gateway";
/// The role of nurses.
pub const NURSE: &str = "nurse";
/// The role of those who maintain devices.
pub const ENGINEER: &str = "biomedical-engineer";

/// The log of sessions: followed, so a phone does without it.
pub const BEDSIDE: LogName = match LogName::new("bedside") {
    Ok(name) => name,
    Err(_) => LogName::TRUST,
};

/// What a row must follow: whose it is, its epoch, and whether that has ended.
struct Row {
    gateway: Hash,
    epoch: u64,
    status: Status,
}

impl Row {
    fn of(statement: &Verified) -> Option<Self> {
        let (epoch, status) = match statement.statement().kind().as_str() {
            DEVICE => DeviceRow::of(statement).map(|row| (row.epoch, row.status))?,
            _ => CredentialRow::of(statement).map(|row| (row.epoch, row.status))?,
        };
        Some(Self { gateway: gateway(statement), epoch, status })
    }

    fn to_state(&self) -> State {
        let status = u8::try_from(self.status.number()).unwrap_or_default();
        State([&self.gateway.0[..], &self.epoch.to_be_bytes(), &[status]].concat())
    }

    fn from_state(state: &State) -> Option<Self> {
        let (gateway, rest) = state.0.split_first_chunk::<{ Hash::LEN }>()?;
        let (epoch, status) = rest.split_first_chunk::<8>()?;
        let [status] = status else { return None };
        let status = Status::from_number(u64::from(*status))?;
        Some(Self { gateway: Hash(*gateway), epoch: u64::from_be_bytes(*epoch), status })
    }

    fn follows(&self, before: Option<&Self>) -> bool {
        let Some(before) = before else { return self.status == Status::Active };
        let ends =
            self.epoch == before.epoch && (before.status, self.status) == (Status::Active, Status::Ended);
        let begins = self.epoch > before.epoch && self.status == Status::Active;
        self.gateway == before.gateway && (ends || begins)
    }
}

/// The family of rules of bedside devices.
#[derive(Clone, Copy, Debug, Default)]
pub struct BedsideRules;

impl Rules for BedsideRules {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        match kind.as_str() {
            DEVICE | CREDENTIAL => Some(&[LogName::TRUST]),
            SESSION => Some(&[BEDSIDE]),
            _ => None,
        }
    }

    fn roles(&self) -> Vec<&str> {
        vec![GATEWAY, NURSE, ENGINEER]
    }

    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
        let signer = statement.signer().identity();
        if signer.role() != GATEWAY {
            return refuse(
                Problem::Role,
                "only a gateway registers bedside devices, credentials and sessions",
            );
        }
        if context.domain.is_some_and(|domain| domain != signer.domain()) {
            return refuse(Problem::Domain, "the gateway is of another domain than the log");
        }
        let kind = statement.statement().kind().as_str();
        let sort = if kind == CREDENTIAL { "bedside-credential" } else { "bedside-device" };
        if !is_digest_of(statement.statement().subject(), sort) {
            return refuse(Problem::Rule, "the subject is not a digest of what the statement is about");
        }
        if kind == SESSION {
            return check_session(statement, context);
        }
        let Some(row) = Row::of(statement) else { return malformed() };
        if row.follows(Row::from_state(context.subject).as_ref()) {
            return Ok(());
        }
        refuse(
            Problem::Rule,
            "a row ends its epoch or begins a later one, and is of the gateway that wrote the one before",
        )
    }

    fn fold(&self, before: &State, statement: &Verified) -> State {
        match statement.statement().kind().as_str() {
            SESSION => before.clone(),
            _ => Row::of(statement).map_or_else(|| before.clone(), |row| row.to_state()),
        }
    }

    fn may_follow(&self, before: &State, statement: &Verified) -> bool {
        statement.statement().kind().as_str() == SESSION
            || Row::of(statement).is_some_and(|row| row.follows(Row::from_state(before).as_ref()))
    }
}

/// A session is of the gateway whose row of the device it links.
fn check_session(statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
    if SessionRow::of(statement).is_none() {
        return malformed();
    }
    let is_row = |entry: &Entry| {
        let Some(row) = entry.standing() else { return false };
        row.statement().kind().as_str() == DEVICE
            && row.statement().subject() == statement.statement().subject()
            && gateway(row) == gateway(statement)
            && DeviceRow::of(row).is_some_and(|row| row.status == Status::Active)
    };
    match statement.links() {
        [_] if context.linked.iter().any(|entry| is_row(entry)) => Ok(()),
        _ => refuse(Problem::Rule, "a session links the row that its gateway wrote of the device"),
    }
}

fn gateway(statement: &Verified) -> Hash {
    Hash::of(statement.signer().identity().as_str().as_bytes())
}

fn is_digest_of(subject: &Subject, sort: &str) -> bool {
    let digest = subject.as_str().strip_prefix("urn:countersign:").and_then(|rest| rest.strip_prefix(sort));
    digest.and_then(|rest| rest.strip_prefix(':')).is_some_and(|digest| digest.parse::<Hash>().is_ok())
}

fn malformed() -> Result<(), Violation> {
    refuse(Problem::Fields, "the fields are not those of a row of bedside devices")
}

fn refuse(problem: Problem, text: &str) -> Result<(), Violation> {
    Err(Violation { problem, text: text.to_owned() })
}

//! Verifies what a node keeps, without changing anything: each statement's id and signature, blocks, trees and indices, the
//! stored checkpoints, what each signer has signed last, and the blobs that statements promise.
//!
//! The node may be running: everything is of one moment. What the signers have signed is read first, and the database is never
//! behind it unless something is lost. At start a node verifies the same, but for members' signatures and blobs.

use std::fmt;
use std::sync::Arc;

use countersign_ledger::{Families, Hash, Refusal, Statement};
use rusqlite::Connection;

use crate::config::Config;
use crate::genesis::{self, GENESIS};
use crate::in_memory::InMemory;
use crate::keys::{Keys, KeysError};
use crate::last_signed::{LastSigned, SignedFile};
use crate::ledger::Ledger;
use crate::machine::{Damage, StateMachine};
use crate::node::OpenError;
use crate::parallel::in_parallel;
use crate::recovery::{self, RecoveryError};
use crate::registrar::DATABASE;
use crate::store::{self, StoreError, StoreResult};

/// Most blobs that are named in a report.
const NAMED: usize = 3;

/// What is verified, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// What a signer has signed last.
    Signer,
    /// The structure of the database.
    Database,
    /// Statements and blocks.
    Statements,
    /// A log's stored checkpoint.
    Log,
    /// What statements promise.
    Blobs,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Signer => "signer",
            Self::Database => "database",
            Self::Statements => "statements",
            Self::Log => "log",
            Self::Blobs => "blobs",
        })
    }
}

/// What was found out about a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which part.
    pub part: Part,
    /// Which log or signer; empty where there is only one.
    pub name: String,
    /// What is there, or what is wrong.
    pub result: Result<String, String>,
}

/// What was found out about a node's data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Each part.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is missing and nothing damaged.
    pub fn is_whole(&self) -> bool {
        self.findings.iter().all(|finding| finding.result.is_ok())
    }

    fn add<E: fmt::Display>(&mut self, part: Part, name: impl Into<String>, result: Result<String, E>) {
        let result = result.map_err(|error| error.to_string());
        self.findings.push(Finding { part, name: name.into(), result });
    }
}

/// Verifies the data of a node. `progress` is told how much of a part is done.
pub fn verify(
    config: &Config,
    families: Families,
    mut progress: impl FnMut(Part, u64, u64),
) -> Result<Report, OpenError> {
    config.check()?;
    let keys = Keys::open(config, &families, false, crate::system_clock()())?;
    let genesis = genesis::pinned(&config.data, &keys.genesis(config, None))?
        .ok_or_else(|| KeysError::Missing(config.data.join(GENESIS)))?;
    let (policy, trust) = genesis.trust_anchors()?;
    let mut report = Report::default();

    let signed_file = SignedFile::open(&config.data);
    let mut signers: Vec<&LastSigned> = Vec::new();
    match &signed_file {
        Ok(file) => {
            for signer in keys.signers(config) {
                match file.of(&signer) {
                    Ok(last) => signers.push(last),
                    Err(error) => report.add(Part::Signer, signer.0, Err(error)),
                }
            }
        }
        Err(error) => report.add(Part::Signer, "", Err(error)),
    }

    let connection = match store::open_to_verify(&config.data.join(DATABASE)) {
        Err(gone @ StoreError::Gone(_)) => {
            report.add(Part::Database, "", Err(gone));
            for last in &signers {
                let says = last.all_missing().map_or_else(|| Ok("has signed nothing".to_owned()), Err);
                report.add(Part::Signer, last.signer(), says);
            }
            return Ok(report);
        }
        opened => opened?,
    };
    // One transaction, so that everything is of one moment.
    let connection = connection.unchecked_transaction().map_err(StoreError::from)?;
    report.add(
        Part::Database,
        "",
        store::check_structure(&connection).map(|()| "its structure is sound".to_owned()),
    );

    let ledger = Arc::new(Ledger { name: config.name.clone(), logs: genesis.logs.clone(), families });
    let state = Arc::new(InMemory::new(ledger.log_names()));
    let mut machine = StateMachine::new(ledger, trust, state);
    let replayed = replay(&connection, &mut machine, |done, all| progress(Part::Statements, done, all));
    let is_whole = replayed.is_ok();
    report.add(Part::Statements, "", replayed);
    if is_whole {
        for log in machine.ledger().log_names() {
            let stored = recovery::stored(&connection, &machine, &policy, log).map(|stored| match stored {
                Some((checkpoint, _)) => {
                    format!("leads to the checkpoint of {} entries that is stored", checkpoint.size())
                }
                None => "is empty".to_owned(),
            });
            report.add(Part::Log, log.to_string(), stored);
        }
        for last in &signers {
            report.add(Part::Signer, last.signer(), signed(&machine, last));
        }
    }
    report.add(Part::Blobs, "", blobs(&connection, |done, all| progress(Part::Blobs, done, all)));
    Ok(report)
}

/// Applies all blocks, and verifies each statement's signature with what is then known of its signer.
fn replay(
    connection: &Connection,
    machine: &mut StateMachine,
    mut progress: impl FnMut(u64, u64),
) -> Result<String, RecoveryError> {
    let (all, mut done) = (store::statement_count(connection)?, 0);
    recovery::replay(connection, machine, |machine, stored, _| {
        let verified = in_parallel(stored, |stored| {
            let statement = Statement::parse(&stored.bytes).map_err(Refusal::from)?;
            machine.trust().verify(statement).map(drop)
        });
        for (stored, verified) in stored.iter().zip(verified) {
            let (log, index) = (stored.place.log, stored.place.index);
            verified.map_err(|refusal| RecoveryError::Entry {
                log,
                index,
                damage: Damage::Statement(refusal),
            })?;
        }
        done += stored.len() as u64;
        progress(done, all);
        Ok(())
    })?;
    recovery::all_accounted(connection, machine)?;
    let blocks = machine.last().height;
    Ok(format!("{done} in {blocks} blocks, each with its id and its signature"))
}

/// Whether every log extends what a signer has signed.
fn signed(machine: &StateMachine, last: &LastSigned) -> Result<String, RecoveryError> {
    let mut sizes = Vec::new();
    for log in machine.ledger().log_names() {
        recovery::extends(machine, last, log)?;
        if let Some(head) = last.of(&machine.ledger().origin(log)) {
            sizes.push(format!("{log} with {}", head.size()));
        }
    }
    Ok(format!("last signed {} entries, {}", sizes.join(", "), last.at()))
}

/// Whether each promised blob is there, and is what was promised.
fn blobs(connection: &Connection, mut progress: impl FnMut(u64, u64)) -> Result<String, String> {
    let (mut held, mut missing, mut damaged) = (0, Vec::new(), Vec::new());
    let mut read = || -> StoreResult<u64> {
        let digests = store::blob_digests(connection)?;
        let all = digests.len() as u64;
        for (done, digest) in digests.into_iter().enumerate() {
            match store::blob(connection, digest)? {
                Some(blob) if blob.held => match store::hash_blob(connection, digest)? {
                    actual if actual == digest => held += 1,
                    _ => damaged.push(digest),
                },
                _ => missing.push(digest),
            }
            progress(done as u64 + 1, all);
        }
        Ok(all)
    };
    let all = read().map_err(|error| error.to_string())?;
    if missing.is_empty() && damaged.is_empty() {
        return Ok(format!("{all} promised, and held"));
    }
    let mut told = vec![format!("{all} promised, {held} held")];
    for (what, which) in [("missing", missing), ("damaged", damaged)] {
        if !which.is_empty() {
            let named: Vec<_> = which.iter().take(NAMED).map(Hash::to_string).collect();
            let more = if which.len() > NAMED { ", …" } else { "" };
            told.push(format!("{} {what}: {}{more}", which.len(), named.join(", ")));
        }
    }
    Err(told.join("; "))
}

//! Witnesses elsewhere, who are asked to cosign our checkpoints as well (C2SP tlog-witness).
//!
//! Each has a thread and at most one question at a time: one that does not answer is passed over until it does, and holds up
//! nobody else. What they show is that the log does not fork, and that its clock is right; its subject index only the witnesses
//! in this process recompute, so where there are some the policy asks for a quorum of both.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use countersign_ledger::{
    AddCheckpoint, CheckpointError, Hash, LogName, MAX_NOTE_LEN, MAX_SKEW_MILLIS, Note, NoteSignature,
    Policy, Shortfall, UnixMillis, VerifierKey,
};
use reqwest::blocking::Client;
use reqwest::{Certificate, StatusCode, Url, redirect};

use crate::config::{Config, OutsideConfig};
use crate::files;
use crate::keys::{KeysError, file_error};
use crate::ledger_state::LedgerState;

/// How long a witness has for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest file of a TLS root.
const MAX_ROOT: u64 = 64 * 1024;

/// The witnesses elsewhere, and the policy whose quorum decides.
pub(crate) struct OutsideWitnesses {
    policy: Policy,
    witnesses: Vec<SyncSender<Question>>,
}

/// A checkpoint to cosign.
struct Question {
    log: LogName,
    size: u64,
    note: Note,
    now: UnixMillis,
    answer: Sender<Vec<NoteSignature>>,
}

impl OutsideWitnesses {
    /// Starts a thread for each witness, if there are any; `state` proves to them that the logs grow.
    pub(crate) fn start(
        config: &Config,
        policy: &Policy,
        state: &Arc<dyn LedgerState>,
    ) -> Result<Option<Self>, KeysError> {
        let mut witnesses = Vec::new();
        for outside in &config.outside {
            let witness = OutsideWitness::new(outside, Arc::clone(state))?;
            let (sender, questions) = sync_channel(1);
            std::thread::spawn(move || witness.run(&questions));
            witnesses.push(sender);
        }
        Ok((!witnesses.is_empty()).then(|| Self { policy: policy.clone(), witnesses }))
    }

    /// Adds cosignatures to a checkpoint until the policy trusts it: asks everybody who is not still busy, once, and returns at
    /// the first quorum. What is missing, if there was none.
    pub(crate) fn complete(
        &self,
        note: &mut Note,
        log: LogName,
        size: u64,
        now: UnixMillis,
    ) -> Result<(), Shortfall> {
        let Some(mut missing) = self.shortfall(note) else { return Ok(()) };
        let (answer, answers) = channel();
        for witness in &self.witnesses {
            // One that still works at its last question is passed over.
            let _ = witness.try_send(Question { log, size, note: note.clone(), now, answer: answer.clone() });
        }
        drop(answer);
        let deadline = Instant::now() + PATIENCE;
        while let Ok(lines) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            for line in lines {
                // A note that is full has no room for it, and no need of it.
                let _ = note.add(line);
            }
            match self.shortfall(note) {
                Some(shortfall) => missing = shortfall,
                None => return Ok(()),
            }
        }
        Err(missing)
    }

    fn shortfall(&self, note: &Note) -> Option<Shortfall> {
        match self.policy.trust(&note.to_string()) {
            Err(CheckpointError::TooFewCosignatures(shortfall)) => Some(shortfall),
            // What else could be wrong with it, those who read it will tell.
            _ => None,
        }
    }
}

/// One of them.
struct OutsideWitness {
    name: String,
    key: VerifierKey,
    url: Url,
    client: Client,
    state: Arc<dyn LedgerState>,
    /// Size of the checkpoint of each log that it cosigned last, as far as is known.
    cosigned: BTreeMap<LogName, u64>,
    /// Why it did not cosign the last time, so that this is told once.
    failing: Option<String>,
}

impl OutsideWitness {
    fn new(config: &OutsideConfig, state: Arc<dyn LedgerState>) -> Result<Self, KeysError> {
        let failed = |_| KeysError::Outside(config.name.clone());
        let mut builder =
            Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).referer(false);
        if let Some(path) = &config.root {
            let root = files::read(path, MAX_ROOT).map_err(|source| file_error(path, source))?;
            let root = if root.starts_with(b"-----") {
                Certificate::from_pem(&root)
            } else {
                Certificate::from_der(&root)
            };
            builder = builder.tls_certs_only([root.map_err(failed)?]);
        }
        Ok(Self {
            name: config.name.clone(),
            key: config.key.parse()?,
            url: config.endpoint().ok_or_else(|| KeysError::Outside(config.name.clone()))?,
            client: builder.build().map_err(failed)?,
            state,
            cosigned: BTreeMap::new(),
            failing: None,
        })
    }

    fn run(mut self, questions: &Receiver<Question>) {
        while let Ok(question) = questions.recv() {
            match self.cosign(&question) {
                Ok(lines) => {
                    self.failing = None;
                    // Whoever has a quorum already no longer waits.
                    let _ = question.answer.send(lines);
                }
                Err(reason) if self.failing.as_ref() == Some(&reason) => {}
                Err(reason) => {
                    tracing::warn!(witness = self.name, log = %question.log, reason, "not cosigned");
                    self.failing = Some(reason);
                }
            }
        }
    }

    /// Asks with the size that it cosigned last, and once more if it says another.
    fn cosign(&mut self, question: &Question) -> Result<Vec<NoteSignature>, String> {
        let &Question { log, size, ref note, now, .. } = question;
        let mut old = self.cosigned.remove(&log).unwrap_or(0);
        for _ in 0..2 {
            let request = AddCheckpoint { old, proof: self.proof(log, old, size)?, note: note.clone() };
            let sent = self.client.post(self.url.clone()).body(request.to_string()).send();
            let answer = sent.map_err(|error| error.without_url().to_string())?;
            let status = answer.status();
            let mut text = String::new();
            let read = answer.take(MAX_NOTE_LEN as u64).read_to_string(&mut text);
            read.map_err(|error| error.to_string())?;
            match status {
                StatusCode::OK => {
                    let lines = self.lines(note, now, &text)?;
                    self.cosigned.insert(log, size);
                    return Ok(lines);
                }
                StatusCode::CONFLICT => old = text.trim_end().parse().map_err(|_| "it names no size")?,
                status => return Err(format!("it answers with status {status}")),
            }
        }
        Err("it does not take the size that it has named".to_owned())
    }

    /// The proof that the log extends what it was.
    fn proof(&self, log: LogName, old: u64, size: u64) -> Result<Vec<Hash>, String> {
        if old == 0 {
            return Ok(Vec::new());
        }
        let proof = self.state.consistency(log, old, size).ok().flatten();
        proof.ok_or_else(|| format!("it has cosigned {old} entries, and there are {size}"))
    }

    /// Its own lines of an answer, once they verify and are of this time.
    fn lines(&self, note: &Note, now: UnixMillis, answer: &str) -> Result<Vec<NoteSignature>, String> {
        let cosigned =
            Note::parse(&format!("{}\n{answer}", note.text())).map_err(|error| error.to_string())?;
        let at = self.key.verify(&cosigned).map_err(|error| error.to_string())?;
        match at.filter(|at| at.0.abs_diff(now.0) <= MAX_SKEW_MILLIS) {
            Some(_) => Ok(self.key.signatures(&cosigned).cloned().collect()),
            None => Err("it has another time".to_owned()),
        }
    }
}

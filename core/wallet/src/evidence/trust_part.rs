//! What a file of evidence holds of the trust log: who was revoked, with the proof that nothing was left out.

use std::collections::{BTreeMap, BTreeSet};

use countersign_ledger::cbor::Written;
use countersign_ledger::{
    Entry, Genesis, Hash, HistoryEntry, IndexKey, IndexProof, Known, LogName, Policy, REVOKE, Subject,
    SubjectHistory, TrustStore, TrustedCheckpoint, Verified,
};
use minicbor::Decoder;

use super::EvidenceError;
use super::form::{Writer, array, each, entry, list, subject, write_entry};
use crate::snapshot::Head;

/// The trust log's entries on some subjects, as of a checkpoint.
pub(super) struct TrustPart {
    pub(super) note: String,
    pub(super) histories: Vec<TrustHistory>,
}

/// The trust log's entries on one subject, and the proof that there are no others.
pub(super) struct TrustHistory {
    pub(super) subject: Subject,
    pub(super) index_proof: Vec<u8>,
    pub(super) entries: Vec<HistoryEntry>,
}

impl TrustPart {
    /// The entries on what is `asked`, and on whoever signed them, and so on; the certificates of these go to `signers`. `None`
    /// if the ledger has no such log.
    pub(super) fn of(
        head: &Head,
        mut asked: BTreeSet<Subject>,
        signers: &mut BTreeMap<Hash, Vec<u8>>,
    ) -> Option<Self> {
        let note = head.checkpoint(LogName::TRUST)?.note().to_string();
        let (mut found, index) = (BTreeMap::new(), head.whole.index(LogName::TRUST));
        while let Some(subject) = asked.pop_first() {
            for signer in head.whole.signers(LogName::TRUST, &subject) {
                signers.insert(signer.fingerprint(), signer.as_der().to_vec());
                asked.extend(
                    Subject::new(signer.identity().as_str())
                        .ok()
                        .filter(|member| !found.contains_key(member) && *member != subject),
                );
            }
            let index_proof = index.prove(&IndexKey::of(&subject)).to_cbor();
            let entries = head.whole.history(LogName::TRUST, &subject);
            found.insert(subject.clone(), TrustHistory { subject, index_proof, entries });
        }
        Some(Self { note, histories: found.into_values().collect() })
    }

    pub(super) fn write(&self, e: Writer<'_, '_>) -> Written {
        e.array(2)?.str(&self.note)?;
        each(e, &self.histories, |e, history| {
            e.array(3)?.str(history.subject.as_str())?.bytes(&history.index_proof)?;
            each(e, &history.entries, |e, entry| write_entry(e.array(3)?, entry))
        })
    }

    pub(super) fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        array(d, 2)?;
        let note = d.str().ok()?.to_owned();
        let histories = list(d, |d| {
            array(d, 3)?;
            let (subject, index_proof) = (subject(d)?, d.bytes().ok()?.to_vec());
            let entries = list(d, |d| {
                array(d, 3)?;
                entry(d)
            });
            Some(TrustHistory { subject, index_proof, entries: entries? })
        })?;
        Some(Self { note, histories })
    }

    /// Verifies everything, and applies the revocations to `trust`. Returns the entries in the order of the log.
    pub(super) fn apply(
        &self,
        genesis: &Genesis,
        policy: &Policy,
        trust: &mut TrustStore,
    ) -> Result<(TrustedCheckpoint, Vec<Entry>), EvidenceError> {
        let checkpoint = trust_note(policy, genesis, LogName::TRUST, &self.note)?;
        let mut entries: Vec<Entry> = Vec::new();
        for history in &self.histories {
            let refused = |reason| EvidenceError::History { subject: history.subject.clone(), reason };
            let message = SubjectHistory {
                index_proof: IndexProof::from_cbor(&history.index_proof)
                    .map_err(|reason| refused(reason.into()))?,
                entries: history.entries.clone(),
                certificates: Vec::new(),
            };
            let verified = message.verify(&history.subject, Known::default(), &checkpoint, trust);
            entries.extend(verified.map_err(refused)?);
        }
        entries.sort_by_key(Entry::index);
        for entry in entries.iter().filter(|one| one.verified().statement().kind().as_str() == REVOKE) {
            // As of its own place: one that an earlier revocation voids does nothing.
            let placed = trust.place(entry.verified().clone(), LogName::TRUST, entry.index());
            if let Entry::Standing(placed) = placed {
                trust.apply(&placed).map_err(|reason| {
                    let subject = placed.statement().subject().clone();
                    EvidenceError::History { subject, reason: reason.into() }
                })?;
            }
        }
        Ok((checkpoint, entries))
    }

    /// Checks that the entries on all of these are there: a revocation that was left out would change what is proven.
    pub(super) fn check_about<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), EvidenceError> {
        let there = |name: &str| self.histories.iter().any(|history| history.subject.as_str() == name);
        match names.into_iter().find(|name| !there(name)) {
            Some(missing) => Err(EvidenceError::Lacks(missing.to_owned())),
            None => Ok(()),
        }
    }
}

/// A checkpoint of a log, trusted.
pub(super) fn trust_note(
    policy: &Policy,
    genesis: &Genesis,
    log: LogName,
    note: &str,
) -> Result<TrustedCheckpoint, EvidenceError> {
    let trusted = policy.trust(note)?;
    let right = trusted.checkpoint().origin() == genesis.origin(log);
    if right { Ok(trusted) } else { Err(EvidenceError::OtherLog) }
}

/// Who signed a statement, and what it carries.
pub(super) fn signers(statement: &Verified) -> impl Iterator<Item = String> {
    let signed = std::iter::successors(Some(statement), |one| one.countersigned());
    signed.map(|one| one.signer().identity().as_str().to_owned())
}

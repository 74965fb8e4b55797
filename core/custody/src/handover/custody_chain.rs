//! The chain of custody: every statement on some goods, as it travels with them.

use std::collections::HashMap;

use countersign_ledger::cbor::{Written, encode};
use countersign_ledger::{Entry, Hash, Identity, LogName, Refusal, Statement, Subject, TrustStore};
use minicbor::{Decoder, Encoder};

use super::HandoverError;
use crate::engine::{Past, Voids};
use crate::profile::Profile;
use crate::state::SubjectState;
use crate::subject_type::SubjectType;

/// Most statements in one chain: some ten hops, each of about 1,100 bytes.
pub const MAX_CHAIN: usize = 16;
/// Most certificates in one chain.
const MAX_CERTIFICATES: usize = 2 * MAX_CHAIN;
/// The index assumed for statements that are in no log yet: after every revocation that is known.
pub(super) const UNPLACED: u64 = u64::MAX - 1;

/// What a custody chain is judged by: the rules, and whom this phone trusts.
#[derive(Clone, Copy, Debug)]
pub struct CustodyRules<'a> {
    /// The industry's rules.
    pub profile: &'a Profile,
    /// Whom to trust.
    pub trust: &'a TrustStore,
    /// The log that holds the statements, or that they are submitted to.
    pub log: LogName,
    /// The trust domain.
    pub domain: &'a str,
}

/// Every statement on some goods, oldest first, void ones in their place, and the certificates of their signers. Nothing in it
/// is trusted until it is verified.
///
/// ```cddl
/// chain = [statements: [1*16 bstr], certificates: [*32 bstr]]
/// ```
#[derive(Clone, Debug)]
pub struct CustodyChain {
    statements: Vec<Statement>,
    certificates: Vec<Vec<u8>>,
}

impl PartialEq for CustodyChain {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl CustodyChain {
    /// The custody chain of the goods with this complete `history`.
    pub fn new(history: &[Entry]) -> Result<Self, HandoverError> {
        let mut chain = Self { statements: Vec::new(), certificates: Vec::new() };
        for entry in history {
            chain.push(entry.verified().statement().clone())?;
            let signers = std::iter::successors(Some(entry.verified()), |one| one.countersigned());
            signers.for_each(|one| chain.add_certificate(one.signer().as_der()));
        }
        if chain.statements.is_empty() { Err(HandoverError::NoHolder) } else { Ok(chain) }
    }

    /// The goods.
    pub fn subject(&self) -> &Subject {
        self.last().subject()
    }

    /// The latest statement.
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "no chain is built without a statement"
    )]
    pub fn last(&self) -> &Statement {
        self.statements.last().expect("a chain has a statement")
    }

    /// The statements, oldest first.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The signers' certificates, in DER.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// Verifies everything: each signature, that none is missing between two, and that each fits its place. The first
    /// statement's links are not in the chain; whether it is in the log is checked with a snapshot.
    pub fn verify(&self, rules: &CustodyRules<'_>) -> Result<Vec<Entry>, HandoverError> {
        Ok(self.judged(rules)?.1.entries)
    }

    /// Who holds the goods, once everything is verified.
    pub fn holder(&self, rules: &CustodyRules<'_>) -> Result<Option<Identity>, HandoverError> {
        Ok(self.judged(rules)?.1.state.holder().cloned())
    }

    /// As [`CustodyChain::verify`], keeping what was proven.
    pub(super) fn prove<'a>(self, rules: &CustodyRules<'a>) -> Result<Proven<'a>, HandoverError> {
        let (trust, history) = self.judged(rules)?;
        Ok(Proven { chain: self, rules: *rules, trust, history })
    }

    fn judged(&self, rules: &CustodyRules<'_>) -> Result<(TrustStore, History), HandoverError> {
        let mut trust = rules.trust.clone();
        for der in &self.certificates {
            trust.enrol(der)?;
        }
        let mut history = History::default();
        for statement in &self.statements {
            if statement.subject() != self.subject() {
                return Err(HandoverError::OtherSubject);
            }
            rules.judge(statement, &trust, &mut history)?;
        }
        Ok((trust, history))
    }

    /// The chain as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| self.encode(e))
    }

    /// Reads what [`CustodyChain::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HandoverError> {
        let mut d = Decoder::new(bytes);
        let chain = Self::decode(&mut d)?;
        if d.position() == bytes.len() { Ok(chain) } else { Err(HandoverError::Malformed) }
    }

    pub(super) fn push(&mut self, statement: Statement) -> Result<(), HandoverError> {
        if self.statements.len() >= MAX_CHAIN {
            return Err(HandoverError::TooLong);
        }
        self.statements.push(statement);
        Ok(())
    }

    pub(super) fn add_certificate(&mut self, der: &[u8]) {
        if self.certificates.len() < MAX_CERTIFICATES && self.certificates.iter().all(|known| known != der) {
            self.certificates.push(der.to_vec());
        }
    }

    pub(super) fn encode(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        e.array(2)?.array(self.statements.len() as u64)?;
        self.statements.iter().try_for_each(|one| e.bytes(one.as_bytes())?.ok())?;
        e.array(self.certificates.len() as u64)?;
        self.certificates.iter().try_for_each(|one| e.bytes(one)?.ok())
    }

    pub(super) fn decode(d: &mut Decoder<'_>) -> Result<Self, HandoverError> {
        if array(d)? != 2 {
            return Err(HandoverError::Malformed);
        }
        let mut chain = Self { statements: Vec::new(), certificates: Vec::new() };
        for _ in 0..bounded(d, MAX_CHAIN)? {
            chain.statements.push(statement(d)?);
        }
        for _ in 0..bounded(d, MAX_CERTIFICATES)? {
            chain.certificates.push(bytes(d)?.to_vec());
        }
        if chain.statements.is_empty() { Err(HandoverError::Malformed) } else { Ok(chain) }
    }
}

/// A fully verified chain, with the rules used: the next statement is judged after it, and nothing in it is judged
/// again. Made by [`CustodyChain::prove`] alone.
#[derive(Clone, Debug)]
pub(super) struct Proven<'a> {
    chain: CustodyChain,
    rules: CustodyRules<'a>,
    /// Includes the chain's own certificates.
    trust: TrustStore,
    history: History,
}

/// The verified part of a chain.
#[derive(Clone, Debug, Default)]
struct History {
    entries: Vec<Entry>,
    /// Folded from the standing statements.
    state: SubjectState,
}

impl Proven<'_> {
    pub(super) const fn chain(&self) -> &CustodyChain {
        &self.chain
    }

    pub(super) const fn rules(&self) -> &CustodyRules<'_> {
        &self.rules
    }

    pub(super) const fn trust(&self) -> &TrustStore {
        &self.trust
    }

    pub(super) fn history(&self) -> &[Entry] {
        &self.history.entries
    }

    /// Who holds the goods.
    pub(super) const fn holder(&self) -> Option<&Identity> {
        self.history.state.holder()
    }

    /// Appends one more statement, verified as the others were.
    pub(super) fn followed_by(
        mut self,
        statement: Statement,
        certificate: &[u8],
    ) -> Result<CustodyChain, HandoverError> {
        self.trust.enrol(certificate)?;
        self.chain.add_certificate(certificate);
        if statement.subject() != self.chain.subject() {
            return Err(HandoverError::OtherSubject);
        }
        // A recipient of the chain has these certificates and no others.
        if self.chain.certificates.iter().all(|der| der != certificate) {
            return Err(HandoverError::TooLong);
        }
        self.chain.push(statement)?;
        self.rules.judge(self.chain.last(), &self.trust, &mut self.history)?;
        // What a revoked signer adds would be void, and the handover only seem to be done.
        match self.history.entries.last().and_then(Entry::standing) {
            Some(_) => Ok(self.chain),
            None => Err(Refusal::Revoked.into()),
        }
    }
}

impl CustodyRules<'_> {
    /// Adds a statement that verifies and fits after `history`.
    ///
    /// If the chain is in no log yet, the statement of a signer who is revoked by now is void, and what follows must
    /// fit without it.
    fn judge(
        &self,
        statement: &Statement,
        trust: &TrustStore,
        history: &mut History,
    ) -> Result<(), HandoverError> {
        let verified = trust.verify(statement.clone())?;
        let prev = history.entries.last().map(Entry::id);
        if verified.prev() != prev {
            return Err(HandoverError::BrokenChain);
        }
        let entry = trust.place(verified, self.log, UNPLACED);
        if entry.standing().is_some() {
            self.check(&entry, prev, history)?;
            history.state.push(self.profile, entry.verified());
        }
        history.entries.push(entry);
        Ok(())
    }

    /// Checks that a statement fits after `history`.
    fn check(&self, entry: &Entry, prev: Option<Hash>, history: &History) -> Result<(), HandoverError> {
        let statement = entry.verified();
        let nothing = HashMap::new();
        let carried = statement.countersigned();
        let rival = carried
            .and_then(|rival| history.entries.iter().find(|one| one.verified().prev() == rival.prev()));
        let past = Past {
            log: self.log,
            domain: Some(self.domain),
            subject: &history.state,
            prev,
            linked: &nothing,
            rival,
            voids: Voids::PassedOver,
        };
        match self.profile.step(statement.statement().kind()) {
            // What it links is not here, so only the author's right to make such a statement can be checked.
            Some(step) if history.state.latest().is_none() && !step.links.is_empty() => {
                let signer = statement.signer().identity();
                let level = SubjectType::of(statement.statement().subject());
                let entitled = step.signer.roles.iter().any(|role| role == signer.role())
                    && signer.domain() == self.domain
                    && level.is_some_and(|level| step.subject.contains(&level));
                if entitled { Ok(()) } else { Err(HandoverError::NotTheCustodian) }
            }
            _ => Ok(self.profile.check(statement, &past)?),
        }
    }
}

pub(super) fn array(d: &mut Decoder<'_>) -> Result<u64, HandoverError> {
    d.array().ok().flatten().ok_or(HandoverError::Malformed)
}

fn bounded(d: &mut Decoder<'_>, most: usize) -> Result<usize, HandoverError> {
    let count = usize::try_from(array(d)?).map_err(|_| HandoverError::TooLong)?;
    if count <= most { Ok(count) } else { Err(HandoverError::TooLong) }
}

pub(super) fn bytes<'b>(d: &mut Decoder<'b>) -> Result<&'b [u8], HandoverError> {
    d.bytes().map_err(|_| HandoverError::Malformed)
}

pub(super) fn statement(d: &mut Decoder<'_>) -> Result<Statement, HandoverError> {
    Ok(Statement::parse(bytes(d)?)?)
}

/// Reads the head of a message: an array of so many parts, beginning with `tag`.
pub(super) fn tagged(tag: u64, parts: u64, d: &mut Decoder<'_>) -> Result<(), HandoverError> {
    if array(d)? == parts && d.u64().ok() == Some(tag) { Ok(()) } else { Err(HandoverError::Malformed) }
}

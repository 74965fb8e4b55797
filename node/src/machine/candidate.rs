//! A statement on its way to the machine.

use countersign_ledger::{FormatError, LogName, Promise, Refusal, Statement, TrustStore, Verified};

use crate::record_store::Pin;

/// A statement to be ordered.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub(super) log: LogName,
    /// What it promises and the node that took it does not hold: it is refused, if nothing else is wrong with it.
    pub(super) lacks: Option<Promise>,
    /// Keeps what it promises where it is.
    pub(super) pin: Option<Pin>,
    claim: Claim,
}

/// How far a candidate has been checked. The result stays right later: certificates are never removed.
#[derive(Clone, Debug)]
enum Claim {
    Malformed(FormatError),
    /// Not verified yet, or not verifiable under the certificates known so far.
    Read(Statement),
    Verified(Verified),
}

impl Candidate {
    /// Reads a statement that was sent to `log`, and verifies it if its signers are known already. Whoever put it into a block
    /// has seen to what it promises.
    pub fn read(log: LogName, bytes: &[u8], trust: &TrustStore) -> Self {
        let claim = match Statement::parse(bytes) {
            Ok(statement) => trust.verify(statement.clone()).map_or(Claim::Read(statement), Claim::Verified),
            Err(error) => Claim::Malformed(error),
        };
        Self { log, lacks: None, pin: None, claim }
    }

    /// A statement that has been verified, and what it promises and is not held.
    pub const fn verified(log: LogName, statement: Verified, lacks: Option<Promise>) -> Self {
        Self { log, lacks, pin: None, claim: Claim::Verified(statement) }
    }

    /// The same, with what keeps the objects that it promises from its check until it is ordered or refused.
    pub(crate) fn pinned(self, pin: Option<Pin>) -> Self {
        Self { pin, ..self }
    }

    /// The statement, if it is one.
    pub fn statement(&self) -> Result<&Statement, Refusal> {
        match &self.claim {
            Claim::Malformed(error) => Err((*error).into()),
            Claim::Read(statement) => Ok(statement),
            Claim::Verified(verified) => Ok(verified.statement()),
        }
    }

    /// Verifies the statement against `trust`. One that is verified already only needs its signers to be enrolled here.
    pub(super) fn accept(self, trust: &TrustStore) -> Result<Verified, Refusal> {
        match self.claim {
            Claim::Malformed(error) => Err(error.into()),
            Claim::Read(statement) => trust.verify(statement),
            Claim::Verified(verified) => {
                let enrolled =
                    verified.statement().certificates().all(|one| trust.certificate(one).is_some());
                if enrolled { Ok(verified) } else { Err(Refusal::UnknownSigner) }
            }
        }
    }
}

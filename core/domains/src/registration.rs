//! A trust domain that takes part, by the certificate of its authority.
//!
//! ```cddl
//! domain-register = { "certificate" => digest, "epoch" => uint, "active" => 0 / 1, "total" => uint } ; links the group
//! ```

use countersign_ledger::cbor::Written;
use countersign_ledger::{Draft, Fields, Hash, Verified};
use minicbor::{Decoder, Encoder};

use crate::group::Sitting;
use crate::matter::Motion;
use crate::names::domain_subject;
use crate::rules::{REGISTER, draft};

/// A domain's authority, and whether the domain takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The fingerprint of the authority's certificate.
    pub certificate: Hash,
    /// How many registrations of the domain there have been, with this one.
    pub epoch: u64,
    /// Whether it takes part. Who does not may be registered again, by the next epoch.
    pub active: bool,
}

impl Registration {
    /// The statement: signed by the authority itself to take part, by a notary to end it. `None` if that is no name
    /// of a domain.
    pub fn draft(&self, domain: &str, prev: Option<Hash>, office: &Sitting) -> Option<Draft> {
        let fields = Fields::new()
            .with("certificate", self.certificate)
            .with("epoch", self.epoch)
            .with("active", u64::from(self.active))
            .with("total", office.group.total());
        Some(draft(REGISTER, domain_subject(domain)?, fields, prev, vec![office.statement]))
    }

    /// Reads a registration; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let active = fields.uint("active").filter(|active| *active < 2)?;
        let (certificate, epoch) = (fields.hash("certificate")?, fields.uint("epoch")?);
        Some(Self { certificate, epoch, active: active == 1 })
    }
}

impl Motion for Registration {
    fn encode(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        e.array(3)?.bytes(self.certificate.as_bytes())?.u64(self.epoch)?.bool(self.active)?.ok()
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        (d.array().ok()? == Some(3)).then_some(())?;
        let certificate = Hash::from_slice(d.bytes().ok()?)?;
        Some(Self { certificate, epoch: d.u64().ok()?, active: d.bool().ok()? })
    }
}

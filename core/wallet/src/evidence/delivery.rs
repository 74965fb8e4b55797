//! Proof of a delivery: all statements on some goods as they travel with them, in one file that anybody can verify with the
//! genesis alone, also before the ledger has the last of them.
//!
//! ```cddl
//! delivery = [body: bstr .cbor body, sum: bstr .size 32]          ; sum: SHA-256 of body
//! body = ["countersign delivery 1", genesis: bstr .size 32, chain: bstr .cbor chain, trust / null, certificates: [* bstr],
//!         receipts: [* [statement: bstr .size 32, receipt: bstr]]]
//! ```
//!
//! `chain` is that of a handover, `trust` that of evidence on a product; null from a phone that has never synced, which knows of
//! no revocation. The signatures prove who handed the goods to whom, and that nothing between is missing; a receipt (RFC 9942)
//! that the log holds a statement. What came after the last one, the ledger alone can tell.

use std::collections::{BTreeMap, BTreeSet};

use countersign_custody::handover::{CustodyChain, CustodyRules};
use countersign_custody::{AsOf, Profile, Route};
use countersign_ledger::cbor::{Written, encode, optional};
use countersign_ledger::receipt::{Receipt, ReceiptError, ReceiptKey};
use countersign_ledger::{Entry, Genesis, Hash, Statement, Subject};
use minicbor::Decoder;

use super::EvidenceError;
use super::form::{Writer, array, body, each, list, with_sum};
use super::trust_part::{TrustPart, signers};
use crate::courier::{Courier, CourierError, profile_of, timeline_of};
use crate::facts::{PRODUCTS, as_of};
use crate::issuer::receipt_key;
use crate::snapshot::domain;

const MAGIC: &str = "countersign delivery 1";

/// What a proof of a delivery proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenDelivery {
    /// The way of the goods, from the first statement to the last handover.
    pub route: Route,
    /// The statements that the log is proven to hold; the others may be on their way to it.
    pub recorded: Vec<Hash>,
    /// The checkpoint of the trust log up to which revocations are known; `None` if none are.
    pub trust: Option<AsOf>,
}

/// What the file holds.
struct File {
    genesis: Hash,
    chain: CustodyChain,
    trust: Option<TrustPart>,
    certificates: Vec<Vec<u8>>,
    receipts: Vec<(Hash, Vec<u8>)>,
}

impl Courier<'_> {
    /// Proof of how goods came to where they are, as a file that [`verify_delivery`] verifies with the genesis alone. Without a
    /// network as with one.
    pub fn delivery(&self, goods: &Subject) -> Result<Vec<u8>, CourierError> {
        let chain = self.chain(goods)?.ok_or(CourierError::UnknownGoods)?;
        let history = chain.verify(&self.rules(profile_of(&chain)?))?;
        let members = history.iter().flat_map(|entry| signers(entry.verified()));
        let members: BTreeSet<Subject> = members.filter_map(|name| Subject::new(name).ok()).collect();
        let mut certificates = BTreeMap::new();
        let head = self.snapshot.head.as_ref();
        let trust = head.and_then(|head| TrustPart::of(head, members, &mut certificates));
        let mut receipts = Vec::new();
        for id in chain.statements().iter().map(Statement::id) {
            receipts.extend(self.snapshot.receipt(id)?.map(|(_, receipt)| (id, receipt)));
        }
        let file = File {
            genesis: Hash::of(self.snapshot.genesis.to_json().as_bytes()),
            chain,
            trust,
            certificates: certificates.into_values().collect(),
            receipts,
        };
        Ok(with_sum(&encode(|e| file.write(e))))
    }
}

/// Whether a file is a proof of a delivery, and not evidence on a product.
pub fn is_delivery(file: &[u8]) -> bool {
    body(file).is_ok_and(|body| magic(&mut Decoder::new(body)).is_some())
}

/// Verifies proof of a delivery with nothing but the genesis: every signature, that each statement fits its place and none
/// between is missing, and every receipt.
pub fn verify_delivery(file: &[u8], genesis: &Genesis) -> Result<ProvenDelivery, EvidenceError> {
    let file = File::read(file)?;
    if file.genesis != Hash::of(genesis.to_json().as_bytes()) {
        return Err(EvidenceError::OtherLedger);
    }
    let (policy, mut trust) = genesis.trust_anchors()?;
    for certificate in &file.certificates {
        trust.enrol(certificate)?;
    }
    let told = file.trust.as_ref().map(|part| part.apply(genesis, &policy, &mut trust)).transpose()?;
    let profile = profile_of(&file.chain).map_err(|_| EvidenceError::Malformed)?;
    let domain = domain(genesis);
    let rules = CustodyRules { profile, trust: &trust, log: PRODUCTS, domain: &domain };
    let history = file.chain.verify(&rules)?;
    if let (Some(part), Some((_, entries))) = (&file.trust, &told) {
        let signed = history.iter().chain(entries).flat_map(|entry| signers(entry.verified()));
        part.check_about(signed.collect::<BTreeSet<String>>().iter().map(String::as_str))?;
    }
    let recorded = file.recorded(receipt_key(&policy, &genesis.origin(PRODUCTS)).as_ref())?;
    let trust = told.map(|(checkpoint, _)| as_of(&checkpoint));
    Ok(ProvenDelivery { route: route(&file.chain, profile, &domain, &history), recorded, trust })
}

fn route(chain: &CustodyChain, profile: &Profile, domain: &str, history: &[Entry]) -> Route {
    Route::of_custody(chain.subject(), &timeline_of(profile, domain, history), profile)
}

impl File {
    fn write(&self, e: Writer<'_, '_>) -> Written {
        e.array(6)?.str(MAGIC)?.bytes(self.genesis.as_bytes())?.bytes(&self.chain.to_bytes())?;
        match &self.trust {
            Some(trust) => trust.write(e)?,
            None => e.null()?.ok()?,
        }
        each(e, &self.certificates, |e, certificate| e.bytes(certificate)?.ok())?;
        each(e, &self.receipts, |e, (id, receipt)| e.array(2)?.bytes(id.as_bytes())?.bytes(receipt)?.ok())
    }

    fn read(file: &[u8]) -> Result<Self, EvidenceError> {
        Self::decode(&mut Decoder::new(body(file)?)).ok_or(EvidenceError::Malformed)
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        magic(d)?;
        let genesis = Hash::from_slice(d.bytes().ok()?)?;
        let chain = CustodyChain::from_bytes(d.bytes().ok()?).ok()?;
        let trust = optional(d, TrustPart::decode)?;
        let certificates = list(d, |d| d.bytes().ok().map(<[u8]>::to_vec))?;
        let receipts = list(d, |d| {
            array(d, 2)?;
            Some((Hash::from_slice(d.bytes().ok()?)?, d.bytes().ok()?.to_vec()))
        })?;
        Some(Self { genesis, chain, trust, certificates, receipts })
    }

    /// The statements that receipts prove the log to hold.
    fn recorded(&self, key: Option<&ReceiptKey>) -> Result<Vec<Hash>, EvidenceError> {
        let proven = |(id, receipt): &(Hash, Vec<u8>)| {
            let here = self.chain.statements().iter().any(|statement| statement.id() == *id);
            // Without a key that signs receipts none can be the log's.
            let key = key.filter(|_| here).ok_or(ReceiptError::Signature)?;
            Receipt::parse(receipt)?.verify(*id, key)?;
            Ok(*id)
        };
        self.receipts.iter().map(proven).collect::<Result<_, ReceiptError>>().map_err(EvidenceError::from)
    }
}

fn magic(d: &mut Decoder<'_>) -> Option<()> {
    array(d, 6)?;
    (d.str().ok()? == MAGIC).then_some(())
}

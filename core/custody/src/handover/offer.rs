//! The three states of a handover, and the two messages.

use std::collections::BTreeSet;

use countersign_ledger::cbor::encode;
use countersign_ledger::{
    Certificate, Draft, Entry, Fields, Hash, Identity, Kind, Placed, Refusal, Signer, Statement, Subject,
    UnixMillis, Verified,
};
use minicbor::Decoder;

use super::custody_chain::{CustodyChain, CustodyRules, Proven, UNPLACED, bytes, statement, tagged};
use super::{CLOCKS_APART_MILLIS, HandoverError, MAX_OFFER_MILLIS, OFFER, Seen, in_time, with_seen};
use crate::contents::{Contents, digest_in};
use crate::field::{CONDITION, EXPIRES, PHOTO, PLACE, REASON, RECEIVER, SCANNED};
use crate::step::{Countersigned, Effect, Holder, Step};
use crate::subject_type::SubjectType;

/// What the giver states besides the goods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The receiver, if the offer is for one person only.
    pub to: Option<Identity>,
    /// Where, coarsely.
    pub place: Option<String>,
    /// The newest checkpoint that the giver's phone has verified.
    pub seen: Option<Seen>,
    /// How long the offer is in force; at most [`MAX_OFFER_MILLIS`].
    pub millis: u64,
}

/// The condition of the goods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Accepted as intact.
    Intact,
    /// Accepted as damaged; SHA-256 of a photo that the receiver keeps.
    Damaged {
        /// The photo's digest.
        photo: Hash,
    },
    /// Refused: the giver still has them, and is accountable for them.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What the receiver states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The condition, or the refusal.
    pub condition: Condition,
    /// Where, coarsely.
    pub place: Option<String>,
    /// The newest checkpoint that the receiver's phone has verified.
    pub seen: Option<Seen>,
}

/// A signer: the certificate, and the key, which may be in hardware.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// The key.
    pub signer: &'a dyn Signer,
}

/// The draft of a chain's next statement.
fn draft(kind: &Kind, chain: &CustodyChain, fields: Fields) -> Draft {
    let (subject, prev) = (chain.subject().clone(), Some(chain.last().id()));
    Draft { kind: kind.clone(), subject, fields, prev, links: Vec::new(), sealed: None }
}

/// Goods that are offered. Its bytes are both the giver's stored state and the message that the giver shows.
///
/// ```cddl
/// offered = [1, chain, offer: bstr]
/// ```
#[derive(Clone, Debug)]
pub struct Offered {
    chain: CustodyChain,
    offer: Statement,
}

const OFFERED: u64 = 1;
const ANSWERED: u64 = 2;

impl Offered {
    /// Offers the goods of `chain`, which the holder of `key` holds. `nonce` is fresh randomness.
    pub fn make(
        mut chain: CustodyChain,
        terms: &Terms,
        key: Key<'_>,
        rules: &CustodyRules<'_>,
        now: UnixMillis,
        nonce: [u8; 16],
    ) -> Result<Self, HandoverError> {
        if chain.holder(rules)?.as_ref() != Some(key.certificate.identity()) {
            return Err(HandoverError::NotTheCustodian);
        }
        let expires = now.0.saturating_add(terms.millis.min(MAX_OFFER_MILLIS));
        let mut fields = with_seen(Fields::new().with(EXPIRES, expires), terms.seen);
        if let Some(to) = &terms.to {
            fields.insert(RECEIVER, to.as_str().into());
        }
        if let Some(place) = &terms.place {
            fields.insert(PLACE, place.as_str().into());
        }
        let offer = draft(&offer_kind(), &chain, fields).sign(key.certificate, key.signer, now, nonce)?;
        chain.add_certificate(key.certificate.as_der());
        Ok(Self { chain, offer })
    }

    /// The offer's id.
    pub const fn id(&self) -> Hash {
        self.offer.id()
    }

    /// The goods, as they claim to be.
    pub const fn subject(&self) -> &Subject {
        self.offer.subject()
    }

    /// The chain of custody that travels with the goods.
    pub const fn chain(&self) -> &CustodyChain {
        &self.chain
    }

    /// Verifies the offer and its chain, as a receiver does at `now`.
    pub fn examine<'a>(
        self,
        rules: &CustodyRules<'a>,
        now: UnixMillis,
    ) -> Result<ExaminedOffer<'a>, HandoverError> {
        let chain = self.chain.prove(rules)?;
        let offer = verify_offer(self.offer, &chain)?;
        if offer.statement().issued_at().since(now) > CLOCKS_APART_MILLIS {
            return Err(HandoverError::FromTheFuture);
        }
        if !in_time(&offer, now) {
            return Err(HandoverError::OfferExpired);
        }
        Ok(ExaminedOffer { chain, offer, contents: None })
    }

    /// Verifies the receiver's answer to this offer, for the giver. Returns the chain that ends with the answer.
    pub fn close(self, message: &[u8], rules: &CustodyRules<'_>) -> Result<CustodyChain, HandoverError> {
        let answered = answer_in(message)?;
        if answered.offer != self.offer.id() {
            return Err(HandoverError::OtherOffer);
        }
        let answer = Statement::parse(&answered.with(self.offer.as_bytes()))?;
        if answer.countersigned().map(Statement::id) != Some(self.offer.id()) {
            return Err(HandoverError::OtherOffer);
        }
        self.chain.prove(rules)?.followed_by(answer, answered.certificate)
    }

    /// The message.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            self.chain.encode(e.array(3)?.u64(OFFERED)?)?;
            e.bytes(self.offer.as_bytes())?.ok()
        })
    }

    /// Reads the message. Nothing in it is verified.
    pub fn from_bytes(message: &[u8]) -> Result<Self, HandoverError> {
        let mut d = Decoder::new(message);
        tagged(OFFERED, 3, &mut d)?;
        let (chain, offer) = (CustodyChain::decode(&mut d)?, statement(&mut d)?);
        if d.position() == message.len() { Ok(Self { chain, offer }) } else { Err(HandoverError::Malformed) }
    }
}

/// The offer, if it was made by the holder according to the chain.
fn verify_offer(offer: Statement, chain: &Proven<'_>) -> Result<Verified, HandoverError> {
    let (trust, rules) = (chain.trust(), chain.rules());
    let offer = trust.verify(offer)?;
    // Revoked signers cannot offer.
    if trust.is_revoked(offer.signer().fingerprint(), rules.log, UNPLACED) {
        return Err(Refusal::Revoked.into());
    }
    if offer.statement().kind() != &offer_kind() {
        return Err(HandoverError::Malformed);
    }
    if offer.statement().subject() != chain.chain().subject() {
        return Err(HandoverError::OtherSubject);
    }
    if offer.prev() != Some(chain.chain().last().id()) {
        return Err(HandoverError::BrokenChain);
    }
    let holder = chain.holder().ok_or(HandoverError::NoHolder)?;
    if holder == offer.signer().identity() { Ok(offer) } else { Err(HandoverError::NotTheCustodian) }
}

/// A verified offer with its verified chain, and the rules, which apply to its answer too. Made only by
/// [`Offered::examine`].
#[derive(Clone, Debug)]
pub struct ExaminedOffer<'a> {
    chain: Proven<'a>,
    offer: Verified,
    contents: Option<Contents>,
}

impl ExaminedOffer<'_> {
    /// The offer.
    pub const fn offer(&self) -> &Verified {
        &self.offer
    }

    /// Who gives.
    pub fn giver(&self) -> &Identity {
        self.offer.signer().identity()
    }

    /// When the offer ends.
    pub fn expires_at(&self) -> UnixMillis {
        UnixMillis(self.offer.fields().uint(EXPIRES).unwrap_or_default())
    }

    /// Every statement on the goods, verified.
    pub fn history(&self) -> &[Entry] {
        self.chain.history()
    }

    /// The digest of the offered unit's contents, from its packing; `None` if the goods are not a packed unit.
    pub fn contents_digest(&self) -> Option<Hash> {
        self.packing().and_then(|packing| digest_in(packing))
    }

    /// Adds the list of the unit's contents that came with it, so that its packs can be scanned one by one. It must be
    /// the list that the unit's packing names.
    pub fn with_contents(self, contents: Contents) -> Result<Self, HandoverError> {
        match self.packing() {
            Some(packing) if contents.is_of(packing) => Ok(Self { contents: Some(contents), ..self }),
            _ => Err(HandoverError::OtherContents),
        }
    }

    fn packing(&self) -> Option<&Placed> {
        self.history().iter().rev().filter_map(Entry::standing).find(|one| digest_in(one).is_some())
    }

    /// How many of the unit's packs are among `scanned`; `None` if anything else is, or if the goods themselves are
    /// not.
    fn count(&self, scanned: &[Subject]) -> Option<u64> {
        let goods = self.chain.chain().subject();
        let packs: BTreeSet<&Subject> = scanned.iter().filter(|one| *one != goods).collect();
        let listed = |pack: &&Subject| self.contents.as_ref().is_some_and(|contents| contents.contains(pack));
        (scanned.contains(goods) && packs.iter().all(listed)).then_some(packs.len() as u64)
    }

    /// Signs the answer. `scanned` has the goods, and those of a unit's packs that were scanned. Returns the chain that
    /// ends with the answer.
    pub fn answer(
        self,
        scanned: &[Subject],
        answer: &Answer,
        key: Key<'_>,
        now: UnixMillis,
        cti: [u8; 16],
    ) -> Result<CustodyChain, HandoverError> {
        let chain = self.chain.chain();
        // A receiver who was shown other goods may still refuse them.
        let refuses = matches!(answer.condition, Condition::Refused { .. });
        let packs = self.count(scanned);
        if !refuses && packs.is_none() {
            return Err(HandoverError::GoodsDiffer);
        }
        let me = key.certificate.identity();
        if self.offer.fields().text(RECEIVER).is_some_and(|to| to != me.as_str()) || me == self.giver() {
            return Err(HandoverError::NotForYou);
        }
        let step = step(self.chain.rules(), me, chain.subject(), refuses).ok_or(HandoverError::NoStep)?;
        let mut fields = fields(answer);
        if let Some(packs) = packs.filter(|_| self.contents.is_some() && step.fields.contains_key(SCANNED)) {
            fields.insert(SCANNED, packs.into());
        }
        let statement = draft(&step.kind, chain, fields).countersign(
            self.offer.statement(),
            key.certificate,
            key.signer,
            now,
            cti,
        )?;
        self.chain.followed_by(statement, key.certificate.as_der())
    }
}

/// A receiver's message. Nothing in it is verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered<'a> {
    /// Id of the offer that is answered.
    pub offer: Hash,
    /// The answer's bytes before and after the offer that it carries.
    answer: [&'a [u8]; 2],
    /// Its signer's certificate, in DER.
    certificate: &'a [u8],
}

impl Answered<'_> {
    /// The answer, which carries that offer.
    fn with(&self, offer: &[u8]) -> Vec<u8> {
        [self.answer[0], offer, self.answer[1]].concat()
    }
}

/// Reads a receiver's message.
pub fn answer_in(message: &[u8]) -> Result<Answered<'_>, HandoverError> {
    let mut d = Decoder::new(message);
    tagged(ANSWERED, 5, &mut d)?;
    let offer = Hash::from_slice(bytes(&mut d)?).ok_or(HandoverError::Malformed)?;
    let (answer, certificate) = ([bytes(&mut d)?, bytes(&mut d)?], bytes(&mut d)?);
    let whole = d.position() == message.len();
    whole.then_some(Answered { offer, answer, certificate }).ok_or(HandoverError::Malformed)
}

impl CustodyChain {
    /// The message that shows the giver the answer at the end of this chain. The offer in the answer is left out: the
    /// giver has it, and the message is a third smaller.
    ///
    /// ```cddl
    /// answered = [2, offer-id: bstr .size 32, before: bstr, after: bstr, certificate: bstr]
    /// ```
    pub fn answer_message(&self) -> Vec<u8> {
        let (answer, signer) = (self.last().as_bytes(), self.last().certificate());
        let offer = self.last().countersigned();
        let carried = offer.map_or(&[][..], Statement::as_bytes);
        let at = answer.windows(carried.len().max(1)).position(|part| part == carried);
        let (before, after) =
            at.map_or((answer, &[][..]), |at| (&answer[..at], &answer[at + carried.len()..]));
        let certificate = self.certificates().iter().find(|der| Hash::of(der) == signer);
        encode(|e| {
            e.array(5)?.u64(ANSWERED)?.bytes(offer.map_or(Hash::default(), Statement::id).as_bytes())?;
            e.bytes(before)?.bytes(after)?;
            e.bytes(certificate.map_or(&[], Vec::as_slice))?.ok()
        })
    }
}

fn fields(answer: &Answer) -> Fields {
    let mut fields = with_seen(Fields::new(), answer.seen);
    match &answer.condition {
        Condition::Intact => fields.insert(CONDITION, "intact".into()),
        Condition::Damaged { photo } => {
            fields.insert(CONDITION, "damaged".into());
            fields.insert(PHOTO, (*photo).into());
        }
        Condition::Refused { reason } => fields.insert(REASON, reason.as_str().into()),
    }
    if let Some(place) = &answer.place {
        fields.insert(PLACE, place.as_str().into());
    }
    fields
}

/// The step with which a member in that role answers an offer of such goods.
fn step<'a>(rules: &CustodyRules<'a>, me: &Identity, subject: &Subject, refuses: bool) -> Option<&'a Step> {
    let level = SubjectType::of(subject)?;
    rules.profile.steps().iter().find(|step| {
        let takes =
            if refuses { step.effect == Effect::Dispute } else { step.custody == Some(Holder::Signer) };
        matches!(step.countersigned, Some(Countersigned::Offer(_)))
            && takes
            && step.subject.contains(&level)
            && step.signer.roles.iter().any(|role| role == me.role())
    })
}

#[expect(clippy::expect_used, reason = "the name is a well-formed constant")]
fn offer_kind() -> Kind {
    Kind::new(OFFER).expect("a kind's name")
}

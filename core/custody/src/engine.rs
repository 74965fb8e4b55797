//! The engine: whether a statement fits its place. The node checks before it admits a statement, the client checks
//! again.

use std::collections::HashMap;

use countersign_ledger::{Day, Entry, Fields, Hash, Identity, Kind, LogName, UnixMillis, Value, Verified};

use crate::fault::{CertificateFlaw, Fault, FaultReason, Party};
use crate::field::{RECEIVER, receiver};
use crate::handover::{self, OFFER};
use crate::profile::Profile;
use crate::state::{MAX_SUSPENSIONS, SubjectState};
use crate::step::{
    Countersigned, Effect, FieldType, Holder, Holds, LinkRule, PartyRule, Period, Presence, Step,
};
use crate::subject_type::SubjectType;

/// What is known before a statement.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    /// The log that holds the statement, or that it is submitted to.
    pub log: LogName,
    /// The trust domain that the log serves; `None` if it serves several.
    pub domain: Option<&'a str>,
    /// The state folded from the earlier statements on the same subject in the same log.
    pub subject: &'a SubjectState,
    /// The entry before it on the same subject, void or not.
    pub prev: Option<Hash>,
    /// The statements that it may link, from any log, by id.
    pub linked: &'a HashMap<Hash, &'a Entry>,
    /// If it carries a statement that lost its place: the entry at that place.
    pub rival: Option<&'a Entry>,
    /// How linked void statements count.
    pub voids: Voids,
}

/// How void statements count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voids {
    /// Not at all: rules skip them.
    PassedOver,
    /// As others: as it was before the revocation was known.
    Presumed,
}

impl Profile {
    /// Checks that `statement` fits its place after `past`.
    ///
    /// Every party of a statement, and of the statements that it links, belongs to one trust domain; that of the log, if
    /// it serves one.
    pub fn check(&self, statement: &Verified, past: &Past<'_>) -> Result<(), Box<Fault>> {
        let judged = match self.step(statement.statement().kind()) {
            Some(step) => Check { profile: self, step, statement, past }.judge(),
            None => Err(FaultReason::UnknownKind),
        };
        judged.map_err(|reason| Box::new(self.fault(statement, past, reason)))
    }

    /// Checks that an entitled party signed `statement`, regardless of its place among the others on its subject.
    pub(crate) fn is_entitled(&self, statement: &Verified, past: &Past<'_>) -> bool {
        self.step(statement.statement().kind()).is_some_and(|step| {
            let check = Check { profile: self, step, statement, past };
            check.place().and_then(|()| check.role()).and_then(|()| check.content()).is_ok()
        })
    }

    fn fault(&self, statement: &Verified, past: &Past<'_>, reason: FaultReason) -> Fault {
        let kind = statement.statement().kind();
        let signer = statement.signer().identity();
        let at_transfer = |number: u8| self.steps().iter().find(|step| step.number == Some(number));
        let (step, accountable) = match &reason {
            FaultReason::WrongPrev => {
                let before = past.subject.latest().unwrap_or(kind);
                let role = self.question(before).map(|question| question.answers.as_str());
                (before, role.map_or_else(|| signer.into(), |role| party(role, statement, past.subject)))
            }
            FaultReason::WrongChainValue(number) => {
                (at_transfer(*number).map_or(kind, |step| &step.kind), signer.into())
            }
            _ => (kind, signer.into()),
        };
        Fault {
            statement: statement.statement().id(),
            kind: kind.clone(),
            signer: signer.clone(),
            step: step.clone(),
            accountable,
            reason,
        }
    }
}

/// Who has `role` in this history: the latest member who signed or received in that role.
fn party(role: &str, statement: &Verified, before: &SubjectState) -> Party {
    let own = [Some(statement.signer().identity().clone()), receiver(statement)];
    let own = own.into_iter().flatten().find(|identity| identity.role() == role);
    Party { role: role.to_owned(), identity: own.or_else(|| before.party(role).cloned()) }
}

/// A statement that the engine is checking.
struct Check<'a, 'p> {
    profile: &'a Profile,
    step: &'a Step,
    statement: &'a Verified,
    past: &'a Past<'p>,
}

/// An earlier statement that this one refers to.
struct Earlier<'a> {
    signer: &'a Identity,
    receiver: Option<Identity>,
    fields: &'a Fields,
}

impl<'a> Check<'a, '_> {
    fn judge(&self) -> Result<(), FaultReason> {
        self.place()?;
        self.role()?;
        self.order()?;
        self.content()
    }

    fn content(&self) -> Result<(), FaultReason> {
        self.links()?;
        self.parties()?;
        self.in_time()?;
        self.countersignature()?;
        self.fields()?;
        self.equalities()?;
        self.chain()?;
        self.certificates()
    }

    fn place(&self) -> Result<(), FaultReason> {
        if self.step.log != self.past.log {
            return Err(FaultReason::WrongLog);
        }
        let level = SubjectType::of(self.statement.statement().subject());
        let allowed = level.is_some_and(|level| self.step.subject.contains(&level));
        if allowed { Ok(()) } else { Err(FaultReason::WrongSubjectLevel) }
    }

    fn role(&self) -> Result<(), FaultReason> {
        let signer = self.signer();
        if !self.step.signer.roles.iter().any(|role| role == signer.role()) {
            return Err(FaultReason::WrongRole);
        }
        let of_the_log = self.past.domain.is_none_or(|domain| domain == signer.domain());
        if of_the_log { Ok(()) } else { Err(FaultReason::WrongDomain) }
    }

    fn order(&self) -> Result<(), FaultReason> {
        let subject = self.past.subject;
        if !self.step.may_follow(subject.latest()) {
            return Err(self.misplaced());
        }
        match self.step.effect {
            Effect::Lift => {
                let lifts = |open| self.statement.links().contains(open);
                if !subject.suspensions().iter().any(lifts) {
                    return Err(FaultReason::NothingToLift);
                }
            }
            Effect::Suspend if subject.suspensions().len() >= MAX_SUSPENSIONS => {
                return Err(FaultReason::AlreadyDone);
            }
            _ => {}
        }
        if self.statement.prev() == self.past.prev { Ok(()) } else { Err(FaultReason::WrongPrev) }
    }

    /// Checks that the step may come next.
    fn misplaced(&self) -> FaultReason {
        let mut made = self.past.subject.made().filter_map(|kind| self.profile.step(kind));
        let again = self.past.subject.made().any(|kind| kind == &self.step.kind);
        if again && !self.step.may_follow(Some(&self.step.kind)) {
            FaultReason::AlreadyDone
        } else if made.any(|step| step.effect == Effect::Recall) {
            FaultReason::RecallIsFinal
        } else if self.step.effect == Effect::Lift {
            FaultReason::NothingToLift
        } else {
            FaultReason::WrongStep
        }
    }

    fn links(&self) -> Result<(), FaultReason> {
        let entries = || self.statement.links().iter().filter_map(|&id| self.past.linked.get(&id).copied());
        if self.past.voids == Voids::PassedOver && entries().any(|entry| entry.standing().is_none()) {
            return Err(FaultReason::VoidLink);
        }
        for rule in &self.step.links {
            let asked = rule.when_signer.as_ref().is_none_or(|role| role == self.signer().role());
            match self.linked(rule) {
                Some(linked) => self.link(rule, linked)?,
                None if asked => return Err(FaultReason::MissingLink(rule.kind.clone())),
                None => {}
            }
        }
        let mut kinds: Vec<&Kind> = Vec::new();
        for &id in self.statement.links() {
            let kind = self.known(id).map(|linked| linked.statement().kind());
            let kind = kind.filter(|kind| self.step.links.iter().any(|rule| &rule.kind == *kind));
            match kind {
                Some(kind) if !kinds.contains(&kind) => kinds.push(kind),
                _ => return Err(FaultReason::UnexpectedLink),
            }
        }
        Ok(())
    }

    /// No step of a supply chain links across trust domains.
    fn link(&self, rule: &LinkRule, linked: &Verified) -> Result<(), FaultReason> {
        if linked.signer().identity().domain() != self.signer().domain() {
            return Err(FaultReason::WrongDomain);
        }
        if rule.on.holds(self.statement.statement().subject(), linked.statement().subject()) {
            return Ok(());
        }
        match self.profile.step(&rule.kind).map(|step| &step.effect) {
            Some(Effect::Certify { .. }) => Err(FaultReason::CertificateNotValid(CertificateFlaw::Class)),
            _ => Err(FaultReason::MissingLink(rule.kind.clone())),
        }
    }

    fn parties(&self) -> Result<(), FaultReason> {
        if !self.is_named(&self.step.signer, self.signer()) {
            return Err(FaultReason::NotTheReceiver);
        }
        let Some(rule) = &self.step.receiver else { return Ok(()) };
        if self.statement.fields().get(RECEIVER).is_none() {
            return Err(FaultReason::MissingField(RECEIVER.to_owned()));
        }
        let Some(receiver) = receiver(self.statement) else {
            return Err(FaultReason::FieldType(RECEIVER.to_owned()));
        };
        if receiver.domain() != self.signer().domain() {
            return Err(FaultReason::WrongDomain);
        }
        let in_role = rule.roles.iter().any(|role| role == receiver.role());
        if in_role && self.is_named(rule, &receiver) { Ok(()) } else { Err(FaultReason::WrongReceiver) }
    }

    fn in_time(&self) -> Result<(), FaultReason> {
        let signed = self.statement.statement().issued_at();
        too_late(self.step, self.past.subject, signed).map_or(Ok(()), Err)
    }

    /// Checks that `identity` is the one whom the earlier statements name for the rule.
    fn is_named(&self, rule: &PartyRule, identity: &Identity) -> bool {
        let signed = || self.latest(&rule.signer_of).is_some_and(|one| one.signer == identity);
        let received =
            || self.latest(&rule.receiver_of).is_some_and(|one| one.receiver.as_ref() == Some(identity));
        let named = rule.named_by.as_ref().is_none_or(|named| {
            let by = self.latest(std::slice::from_ref(&named.kind));
            by.and_then(|by| by.fields.text(&named.field)) == Some(identity.as_str())
        });
        let holds = rule.holds == Holds::Anything || self.holder().as_ref() == Some(identity);
        (rule.signer_of.is_empty() || signed())
            && (rule.receiver_of.is_empty() || received())
            && named
            && holds
    }

    /// Who holds the goods, according to the latest statement on the subject that says so, else to a linked one.
    fn holder(&self) -> Option<Identity> {
        let mut links = self.statement.links().iter().filter_map(|&id| self.known(id));
        let linked = || links.find_map(|one| self.profile.holder_after(one));
        self.past.subject.holder().cloned().or_else(linked)
    }

    /// Checks that it countersigns what it must, and nothing else.
    fn countersignature(&self) -> Result<(), FaultReason> {
        match (&self.step.countersigned, self.statement.countersigned()) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(FaultReason::UnexpectedCountersignature),
            (Some(_), None) => Err(FaultReason::MissingCountersignature),
            (Some(Countersigned::Offer(giver)), Some(offer)) => self.offer(giver, offer),
            (Some(Countersigned::Rival(kinds)), Some(rival)) => self.rival(kinds, rival),
        }
    }

    fn offer(&self, giver: &PartyRule, offer: &Verified) -> Result<(), FaultReason> {
        let same = offer.statement().subject() == self.statement.statement().subject()
            && offer.statement().kind().as_str() == OFFER
            && offer.prev() == self.statement.prev();
        if !same {
            return Err(FaultReason::OtherOffer);
        }
        let by = offer.signer().identity();
        if by.domain() != self.signer().domain() {
            return Err(FaultReason::WrongDomain);
        }
        if !giver.roles.iter().any(|role| role == by.role()) || !self.is_named(giver, by) {
            return Err(FaultReason::NotTheCustodian);
        }
        let addressed = offer.fields().text(RECEIVER);
        if by == self.signer() || addressed.is_some_and(|to| to != self.signer().as_str()) {
            return Err(FaultReason::WrongReceiver);
        }
        if handover::in_time(offer, self.statement.statement().issued_at()) {
            Ok(())
        } else {
            Err(FaultReason::OfferExpired)
        }
    }

    /// Checks that the carried statement lost its place to one whose goods the same party had offered too.
    fn rival(&self, kinds: &[Kind], rival: &Verified) -> Result<(), FaultReason> {
        let offered = |one: &Verified| one.countersigned().map(|offer| offer.signer().identity().clone());
        let same = rival.statement().subject() == self.statement.statement().subject()
            && kinds.contains(rival.statement().kind())
            && rival.countersigned().is_some_and(|offer| offer.prev() == rival.prev());
        let winner = self.past.rival.and_then(|entry| self.counted(entry));
        let twice = winner.is_some_and(|winner| {
            winner.statement().id() != rival.statement().id()
                && winner.prev() == rival.prev()
                && offered(winner) == offered(rival)
        });
        if same && twice { Ok(()) } else { Err(FaultReason::NoConflict) }
    }

    fn fields(&self) -> Result<(), FaultReason> {
        for (name, rule) in &self.step.fields {
            match (self.statement.fields().get(name), rule.presence) {
                (Some(value), _) if is_of_type(value, rule.kind) => {}
                (Some(_), _) => return Err(FaultReason::FieldType(name.clone())),
                (None, Presence::Required) => return Err(FaultReason::MissingField(name.clone())),
                (None, Presence::Optional) => {}
            }
        }
        let known = |name: &str| {
            self.step.fields.contains_key(name) || name == RECEIVER && self.step.receiver.is_some()
        };
        match self.statement.fields().iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(FaultReason::UnexpectedField(name.to_owned())),
            None => Ok(()),
        }
    }

    fn equalities(&self) -> Result<(), FaultReason> {
        for equality in &self.step.equal {
            let ours = self.statement.fields().get(&equality.field);
            let theirs = self.latest(std::slice::from_ref(&equality.with));
            if ours != theirs.and_then(|theirs| theirs.fields.get(equality.theirs())) {
                return Err(FaultReason::FieldMismatch(equality.field.clone()));
            }
        }
        Ok(())
    }

    fn chain(&self) -> Result<(), FaultReason> {
        let Some(field) = self.step.chain_field() else { return Ok(()) };
        let uploaded = self.statement.fields().hash(field);
        match self.past.subject.chain_head() {
            Some((_, value)) if uploaded == Some(value) => Ok(()),
            Some((number, _)) => Err(FaultReason::WrongChainValue(number)),
            None => Err(FaultReason::WrongStep),
        }
    }

    fn certificates(&self) -> Result<(), FaultReason> {
        let flawed = |flaw| Err(FaultReason::CertificateNotValid(flaw));
        for rule in &self.step.links {
            let (Some(linked), Some(step)) = (self.linked(rule), self.profile.step(&rule.kind)) else {
                continue;
            };
            let Effect::Certify { holder, from, until, .. } = &step.effect else { continue };
            let party = match rule.holder {
                Some(Holder::Signer) => Some(self.signer().as_str()),
                Some(Holder::Receiver) => self.statement.fields().text(RECEIVER),
                None => None,
            };
            if rule.holder.is_some() && linked.fields().text(holder) != party {
                return flawed(CertificateFlaw::Holder);
            }
            let signed = self.statement.statement().issued_at().0;
            if rule.period == Period::InForce && linked.fields().uint(from).is_none_or(|from| signed < from) {
                return flawed(CertificateFlaw::NotYet);
            }
            if rule.period == Period::InForce
                && linked.fields().uint(until).is_none_or(|until| signed > until)
            {
                return flawed(CertificateFlaw::Expired);
            }
        }
        Ok(())
    }

    fn signer(&self) -> &'a Identity {
        self.statement.signer().identity()
    }

    /// The statement of an entry, if it counts here.
    fn counted(&self, entry: &'a Entry) -> Option<&'a Verified> {
        let counts = self.past.voids == Voids::Presumed || entry.standing().is_some();
        counts.then(|| entry.verified())
    }

    fn known(&self, id: Hash) -> Option<&'a Verified> {
        self.past.linked.get(&id).copied().and_then(|entry| self.counted(entry))
    }

    /// The linked statement of the rule's kind.
    fn linked(&self, rule: &LinkRule) -> Option<&'a Verified> {
        let mut links = self.statement.links().iter().filter_map(|&id| self.known(id));
        links.find(|linked| linked.statement().kind() == &rule.kind)
    }

    /// The statement of one of these kinds that this one refers to: a linked one, else the latest on its subject.
    fn latest(&self, kinds: &[Kind]) -> Option<Earlier<'a>> {
        let mut links = self.statement.links().iter().filter_map(|&id| self.known(id));
        if let Some(linked) = links.find(|one| kinds.contains(one.statement().kind())) {
            let signer = linked.signer().identity();
            return Some(Earlier { signer, receiver: receiver(linked), fields: linked.fields() });
        }
        let said = self.past.subject.said(kinds)?;
        Some(Earlier { signer: &said.signer, receiver: said.receiver.clone(), fields: &said.fields })
    }
}

/// What is wrong with a step that is made `at` a moment, if that is too late for it.
pub(crate) fn too_late(step: &Step, subject: &SubjectState, at: UnixMillis) -> Option<FaultReason> {
    let within = step.within.as_ref()?;
    let said = subject.said(std::slice::from_ref(&within.of))?;
    let days = Day::of(at).since(Day::of(said.at));
    (days > u64::from(within.days)).then_some(FaultReason::TooLate(within.days))
}

fn is_of_type(value: &Value, kind: FieldType) -> bool {
    match (kind, value) {
        (FieldType::Text, Value::Text(_))
        | (FieldType::Uint | FieldType::Time, Value::Uint(_))
        | (FieldType::Bytes, Value::Bytes(_)) => true,
        (FieldType::Digest | FieldType::Chain, Value::Bytes(bytes)) => bytes.len() == Hash::LEN,
        (FieldType::Identity, Value::Text(text)) => Identity::parse(text).is_ok(),
        _ => false,
    }
}

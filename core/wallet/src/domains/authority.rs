//! What a domain's authority does: register the domain, admit users of others, ask for one's own, answer those of others.

use std::sync::Arc;

use countersign_domains::{
    AccessEntry, Behaviour, Cause, DataKey, Decision, Finding, Grounds, MAX_LICENCE_MILLIS, Matter, NoPass,
    Op, Ops, Pass, Phase, Presentation, Pseudonym, Registration, Request, Sitting, domain_id, domain_subject,
};
use countersign_ledger::{Draft, Hash, Identity, Subject, UnixMillis};

use super::authorization::Authorization;
use super::data_ledgers::{DataLedger, DataLedgers};
use super::error::DomainsError;
use super::messages::DomainMessage;
use super::tracing::World;
use super::{Domains, record, recorded};
use crate::act;
use crate::client::Client;
use crate::issuer::{Issuer, Recorded};

/// What is asked for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskForData {
    /// The data.
    pub key: DataKey,
    /// The user, as the domain that holds it knows them.
    pub user: Pseudonym,
    /// What is to be done.
    pub ops: Ops,
    /// What for: a code of HL7's `PurposeOfUse`, such as `TREAT`.
    pub purpose: String,
    /// Until when: 30 days at most.
    pub until: UnixMillis,
    /// How the user has behaved, by what this domain knows.
    pub behaviour: Behaviour,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedForData {
    /// The thread, by which the request is named.
    pub thread: Subject,
    /// What follows, if the notaries find so as well.
    pub outcome: Decision,
    /// The request on the log.
    pub recorded: Recorded,
}

/// An access that the domain may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MayAnswer {
    /// The data.
    pub key: DataKey,
    /// Who wants what, under which licence.
    pub wanted: Presentation,
    /// The request that the licence answers.
    pub thread: Subject,
    /// Until when the domain may rely on it.
    pub pass: Pass,
}

impl Domains<'_> {
    /// Proposes that this domain takes part by this authority's certificate. The notaries vote on it. The same again, while they do,
    /// changes nothing.
    pub fn register(&mut self, client: &Client, now: UnixMillis) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let own = Registration { certificate: self.certificate.fingerprint(), epoch: 0, active: true };
        let domain = self.identity().domain().to_owned();
        self.propose_registration(client, (&log, &domain), own, now)
    }

    /// Proposes that a domain takes part no longer. For a notary; the others say by a vote of their own whether it is to be.
    pub fn propose_end(
        &mut self,
        client: &Client,
        domain: &str,
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let current = log.registration(domain).ok_or(DomainsError::NotRegistered)?;
        let ended = Registration { active: false, ..current };
        self.propose_registration(client, (&log, domain), ended, now)
    }

    fn propose_registration(
        &mut self,
        client: &Client,
        (log, domain): (&Authorization, &str),
        registration: Registration,
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let subject = domain_subject(domain).ok_or(DomainsError::NotRegistered)?;
        let Matter { current, pending } = log.matter::<Registration>(&subject);
        let same = |one: &Registration| {
            (one.certificate, one.active) == (registration.certificate, registration.active)
        };
        if current.as_ref().is_some_and(same) {
            return Err(DomainsError::Registered);
        }
        if let (Some(open), Some((proposed, _))) = (log.ballot(&subject, now), &pending) {
            let known = recorded(log, open.statement).filter(|_| same(proposed));
            return known.ok_or(DomainsError::OtherMotion);
        }
        let epoch = current.map_or(1, |current| current.epoch.saturating_add(1));
        let registration = Registration { epoch, ..registration };
        let draft = registration.draft(domain, None, &in_office(log)?);
        self.record(client, &draft.ok_or(DomainsError::NotRegistered)?, now)
    }

    /// Admits a user of another domain by what this domain has signed of them ([`Domains::authenticate`]). The log gets their
    /// pseudonym, the level and a digest.
    pub fn admit(
        &mut self,
        client: &Client,
        authenticated: &DomainMessage,
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let (id, authenticated) = self.own_record(authenticated)?;
        let log = self.refresh(client, now)?;
        self.is_registered(&log)?;
        let before = log.admission(authenticated.user);
        let same = before.filter(|before| before.admission == authenticated.admission(id));
        match same.and_then(|before| recorded(&log, before.statement)) {
            Some(known) => Ok(known),
            None => self.record(client, &authenticated.admission(id).draft(authenticated.user, None), now),
        }
    }

    /// Ends the admission of a user, for cause: nothing is asked for them any more, while the licences that they have hold until they
    /// are revoked.
    pub fn end_admission(
        &mut self,
        client: &Client,
        user: Pseudonym,
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let own = |by: &Identity| by.domain() == self.identity().domain();
        let before = log.admission(user).filter(|before| own(&before.by) && before.admission.active);
        let mut ended = before.ok_or(DomainsError::NotAdmitted)?.admission;
        ended.active = false;
        self.record(client, &ended.draft(user, None), now)
    }

    /// Asks for a user of one's own: states what follows from the policy and the log, for the notaries to find the same. Each call is a
    /// request of its own.
    pub fn ask(
        &mut self,
        client: &Client,
        wanted: &AskForData,
        now: UnixMillis,
    ) -> Result<AskedForData, DomainsError> {
        let log = self.refresh(client, now)?;
        self.is_registered(&log)?;
        let (request, grounds) = self.request(&log, wanted, now)?;
        let draft = request.draft(wanted.key, grounds);
        let recorded = self.record(client, &draft, now)?;
        Ok(AskedForData { thread: draft.subject, outcome: request.outcome, recorded })
    }

    fn request(
        &self,
        log: &Authorization,
        wanted: &AskForData,
        now: UnixMillis,
    ) -> Result<(Request, Grounds), DomainsError> {
        let home = self.identity().domain();
        // A statement's time is in whole seconds, and the outcome is reckoned from that.
        let at = UnixMillis::from_seconds(now.seconds());
        let sitting = in_office(log)?;
        let published = log.published(wanted.key).ok_or(DomainsError::NoPolicy)?;
        let to = published.owner.domain().to_owned();
        if to == home {
            return Err(DomainsError::OwnDomain);
        }
        if log.registration(&to).is_none() {
            return Err(DomainsError::NotRegistered);
        }
        let admitted = log.admission(wanted.user).filter(|one| one.by.domain() == to);
        let admitted = admitted.filter(|one| one.admission.active && at < one.admission.until);
        let admitted = admitted.ok_or(DomainsError::NotAdmitted)?;
        if !wanted.behaviour.is_forwarded() {
            return Err(DomainsError::Behaviour);
        }
        if wanted.until <= at || wanted.until.since(at) > MAX_LICENCE_MILLIS {
            return Err(DomainsError::Window);
        }
        let mut request = Request {
            to,
            user: wanted.user,
            nonce: act::random()?,
            ops: wanted.ops,
            purpose: wanted.purpose.clone(),
            until: wanted.until,
            level: admitted.admission.level,
            credit: sitting.group.credit_of(domain_id(home)),
            behaviour: wanted.behaviour,
            policy: published.policy.hash(),
            outcome: Decision::Permitted,
            total: sitting.group.total(),
        };
        let asked = request.asked(home, at, published.invalid.is_none());
        request.outcome = published.policy.decide(&asked);
        let grounds =
            Grounds { policy: published.statement, admission: admitted.statement, group: sitting.statement };
        Ok((request, grounds))
    }

    /// Ends a licence before its time: for the owner of the data, or for the authority of either domain.
    pub fn revoke(
        &mut self,
        client: &Client,
        thread: &Subject,
        cause: Cause,
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let request = log.request(thread).ok_or(DomainsError::NoRequest)?;
        let licensed = request.licence().filter(|_| matches!(request.state.phase, Phase::Decided(_)));
        if licensed.is_none() {
            return Err(DomainsError::NoLicence);
        }
        self.record(client, &cause.draft(thread, Hash::default()), now)
    }

    /// What a user shows to the domain that holds the data: which licence they use, for which state, to do what.
    pub fn present(
        &mut self,
        thread: &Subject,
        state: Hash,
        op: Op,
        now: UnixMillis,
    ) -> Result<DomainMessage, DomainsError> {
        let request = self.authorization()?.request(thread).ok_or(DomainsError::NoRequest)?;
        let licence = request.licence().ok_or(DomainsError::NoLicence)?;
        let to = request.request.to;
        let shown = Presentation { user: self.pseudonym(&to)?, to, licence, state, op };
        let statement = self.sign(&shown.draft(), now)?;
        Ok(self.message(statement, &[]))
    }

    /// Whether this domain answers what is shown to it: the user is the one whom it has authenticated, *and* the licence is the one on
    /// the log, and permits it now. The same is not shown twice.
    pub fn check_pass(
        &mut self,
        client: &Client,
        ledgers: &DataLedgers,
        shown: &DomainMessage,
        now: UnixMillis,
    ) -> Result<MayAnswer, DomainsError> {
        let log = self.refresh(client, now)?;
        let (verified, wanted) =
            self.at_desk(shown, now, |said, desk| Ok(Presentation::take(said, desk)?))?;
        let world = World::of(ledgers, &log)?;
        let known = world.licences.get(&wanted.licence);
        let (thread, licence) = known.ok_or(Finding::NoLicence)?;
        if licence.thread.to != domain_id(self.identity().domain()) {
            return Err(Finding::NoLicence.into());
        }
        let authenticated = self.record_of(wanted.user)?;
        let (_, authenticated) = authenticated.ok_or(NoPass::OtherIdentity)?;
        let trace = world.trace(licence.key);
        let access = entry(&wanted, Hash::default());
        let certificate = verified.signer().fingerprint();
        let pass = licence.admit(&access, &authenticated, certificate, now, &trace)?;
        Ok(MayAnswer { key: licence.key, thread: thread.clone(), wanted, pass })
    }

    /// Notes on this domain's own log what was answered: the digest of it, not the thing itself.
    pub fn note_access(
        &mut self,
        ledger: (&mut DataLedger, &Client),
        answered: &MayAnswer,
        answer: &[u8],
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let seen = self.authorization()?.anchor();
        let draft = entry(&answered.wanted, Hash::of(answer)).draft(answered.key, seen);
        self.record_on(ledger, &draft, now)
    }

    /// Records a statement on this domain's own ledger.
    pub(super) fn record_on(
        &self,
        (ledger, client): (&mut DataLedger, &Client),
        draft: &Draft,
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let keys = Arc::clone(&self.keys);
        let mut issuer = Issuer::new(ledger.snapshot_mut(), client, keys);
        Ok(record(&mut issuer, &self.key, draft, now)?)
    }

    fn is_registered(&self, log: &Authorization) -> Result<(), DomainsError> {
        let own = log.registration(self.identity().domain());
        let registered = own.is_some_and(|own| own.certificate == self.certificate.fingerprint());
        if registered { Ok(()) } else { Err(DomainsError::NotRegistered) }
    }
}

/// The group in office.
pub(super) fn in_office(log: &Authorization) -> Result<Sitting, DomainsError> {
    log.sitting().ok_or(DomainsError::NoGroup)
}

fn entry(wanted: &Presentation, answer: Hash) -> AccessEntry {
    AccessEntry { licence: wanted.licence, user: wanted.user, state: wanted.state, op: wanted.op, answer }
}

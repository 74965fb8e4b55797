//! Trust domains that share a ledger: whole lives, and every way in which somebody lies, is late, or is gone.

use std::sync::atomic::Ordering;

use countersign_domains::rules::{AUTHORITY, DATA_OWNER, NOTARY};
use countersign_domains::{
    AUTHORIZATION, Admission, Behaviour, Cause, DataKey, Decision, Denial, Election, Finding, Group,
    Invalidation, NoPass, NotAuthenticated, Op, Ops, Phase, Policy, Pseudonym, Registration, Sitting, Step,
    TAKE_OVER_MILLIS, Vote, domain_subject, notary_id,
};
use countersign_ledger::{Draft, Hash, Held, Identity, Subject, UnixMillis};
use countersign_wallet::{
    AskForData, AskedForData, Authorization, DomainMessage, DomainsError, NewState, RequestState, Snapshot,
    looked_at, trace_data,
};

use crate::consortium::{
    Consortium, DOMAINS, Member, NORTH, SOUTH, WEST, introduce_user, round, round_at_once, settle,
};
use crate::world::{DOMAIN, Scene, World};

const POLICY: &str =
    "allow read, derive for TREAT from north.example level 2; allow read for HRESCH from west.example";
const RESULTS: &[u8] = b"results of the south's lab";

/// Six notaries, domains that take part, a lab in the south with data, and a doctor in the north whom the south knows.
struct Case {
    consortium: Consortium,
    notaries: Vec<Member>,
    north: Member,
    south: Member,
    lab: Member,
    ada: Member,
    key: DataKey,
    /// The state that the data is in.
    origin: Hash,
}

impl Case {
    fn new() -> Self {
        let consortium = Consortium::new();
        let mut notaries = consortium.notaries();
        let mut north = consortium.member(NORTH, AUTHORITY, "north");
        let mut south = consortium.member(SOUTH, AUTHORITY, "south");
        let now = consortium.now();
        for authority in [&mut north, &mut south] {
            authority.act(|one, client| one.register(client, now)).unwrap();
        }
        settle(&consortium, &mut notaries);
        let mut lab = consortium.member(SOUTH, DATA_OWNER, "lab");
        let mut ada = consortium.stranger(NORTH, "doctor", "ada");
        introduce_user(&consortium, &mut ada, &mut north, &mut south, 2);
        let key = lab.act(|one, _| Ok(one.name_data(RESULTS)?.key)).unwrap();
        let origin = state(&consortium, &mut lab, key, (Step::Create, &[], None));
        publish(&consortium, &mut lab, key, POLICY, origin).unwrap();
        Self { consortium, notaries, north, south, lab, ada, key, origin }
    }

    fn now(&self) -> UnixMillis {
        self.consortium.now()
    }

    fn wanted(&mut self, op: Op, purpose: &str) -> AskForData {
        AskForData {
            key: self.key,
            user: self.ada.act(|one, _| one.pseudonym(SOUTH)).unwrap(),
            ops: Ops::of([op]),
            purpose: purpose.to_owned(),
            until: UnixMillis(self.now().0 + 3_600_000),
            behaviour: Behaviour::default(),
        }
    }

    fn ask(&mut self, op: Op) -> AskedForData {
        let (wanted, now) = (self.wanted(op, "TREAT"), self.now());
        self.north.act(|one, client| one.ask(client, &wanted, now)).unwrap()
    }

    /// A request that the notaries have decided.
    fn decided(&mut self, op: Op) -> Subject {
        let asked = self.ask(op);
        settle(&self.consortium, &mut self.notaries);
        asked.thread
    }

    fn shown(&mut self, thread: &Subject, op: Op) -> DomainMessage {
        let (state, now) = (self.origin, self.now());
        self.ada.act(|one, client| one.refresh(client, now)).unwrap();
        let shown = self.ada.act(|one, _| one.present(thread, state, op, now)).unwrap();
        DomainMessage::parse(&shown.to_bytes()).unwrap()
    }

    /// What the south says to what is shown; it notes what it answers.
    fn answer(&mut self, shown: &DomainMessage) -> Result<(), DomainsError> {
        let now = self.now();
        let may = self.south.check(shown, now)?;
        self.south.act_at_home(now, |one, home| one.note_access(home, &may, b"the answer", now)).map(drop)
    }

    fn standing(&mut self, thread: &Subject) -> RequestState {
        let (log, now) = (self.lab.look(&self.consortium), self.now());
        assert_eq!(log.faults(), []);
        log.request(thread).unwrap().standing(now)
    }
}

/// States what data was made of.
fn state(
    consortium: &Consortium,
    who: &mut Member,
    key: DataKey,
    (step, parents, licence): (Step, &[Hash], Option<Hash>),
) -> Hash {
    let (new, now) = (NewState { key, parents: parents.to_vec(), step, licence }, consortium.now());
    who.act_at_home(now, |one, home| one.state_data(home, &new, now)).unwrap().sid
}

fn publish(
    consortium: &Consortium,
    who: &mut Member,
    key: DataKey,
    policy: &str,
    location: Hash,
) -> Result<Hash, DomainsError> {
    let (policy, now) = (Policy::parse(policy)?, consortium.now());
    who.act(|one, client| one.publish(client, key, (&policy, location), now)).map(|recorded| recorded.id)
}

/// The reason for which a domain does not answer.
fn no_pass(error: DomainsError) -> NoPass {
    match error {
        DomainsError::NoPass(reason) => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn a_whole_life_from_registration_to_the_list_of_who_looked() {
    let mut case = Case::new();
    let log = case.lab.look(&case.consortium);
    let notaries = log.notaries().unwrap();
    assert_eq!((notaries.epoch, notaries.seats.len(), notaries.transactions), (1, 6, 0));
    assert!(notaries.seats.iter().all(|seat| seat.credit.hundredths() == 5000 && seat.domain.is_some()));
    let named = notaries.seats.iter().filter(|seat| seat.identity.is_some()).count();
    assert_eq!(named, 5, "the sixth has not said anything yet: five were enough");
    let takes_part = |domain| log.registration(domain).is_some();
    assert_eq!(DOMAINS.map(takes_part), [true, true, false]);
    let published = log.published(case.key).unwrap();
    assert_eq!((published.policy.to_string().as_str(), published.location), (POLICY, case.origin));
    assert_eq!(published.owner.name(), "lab");
    assert_eq!(log.admissions().len(), 1);

    // Permitted, agreed on, written down.
    let asked = case.ask(Op::Read);
    assert_eq!(asked.outcome, Decision::Permitted);
    assert_eq!(case.standing(&asked.thread), RequestState::Voting);
    // All at once: each signs after what was the latest, and most come second at first.
    let voted = round_at_once(&case.consortium, &mut case.notaries);
    assert!(voted.iter().map(|one| one.voted.len()).sum::<usize>() >= 5, "{voted:?}");
    settle(&case.consortium, &mut case.notaries);
    assert_eq!(case.standing(&asked.thread), RequestState::Licensed);

    // Answered, and noted.
    let shown = case.shown(&asked.thread, Op::Read);
    case.answer(&shown).unwrap();
    let log = case.lab.look(&case.consortium);
    let accesses = looked_at(&case.lab.snapshot, &case.lab.ledgers).unwrap();
    let [access] = &accesses[..] else { panic!("{accesses:?}") };
    assert_eq!((access.domain.as_str(), access.findings.as_slice()), (SOUTH, [].as_slice()));
    assert_eq!((access.request.as_ref(), access.from.as_deref()), (Some(&asked.thread), Some(NORTH)));
    assert_eq!((access.entry.state, access.entry.op), (case.origin, Op::Read));
    assert_eq!(access.entry.answer, Hash::of(b"the answer"));
    let user = log.admissions()[0].user;
    assert_eq!(access.entry.user, user);

    // The log names the user to nobody.
    let own = case.ada.act(|one, _| Ok([one.pseudonym(SOUTH)?, one.pseudonym(WEST)?])).unwrap();
    assert_eq!(own[0], user);
    assert_ne!(own[0], own[1], "in each domain another");

    // A denial is recorded as well, with its reason.
    let (mut wanted, now) = (case.wanted(Op::Read, "BILL"), case.now());
    let denied = case.north.act(|one, client| one.ask(client, &wanted, now)).unwrap();
    assert_eq!(denied.outcome, Decision::Denied(Denial::Purpose));
    settle(&case.consortium, &mut case.notaries);
    assert_eq!(case.standing(&denied.thread), RequestState::Denied(Denial::Purpose));
    let error = case.ada.act(|one, client| {
        one.refresh(client, now)?;
        one.present(&denied.thread, Hash::default(), Op::Read, now)
    });
    assert!(matches!(error, Err(DomainsError::NoLicence)));

    // What cannot be asked is told before anything is signed.
    let mut refused = |wanted: &AskForData| {
        case.north.act(|one, client| one.ask(client, wanted, now)).unwrap_err().to_string()
    };
    wanted.behaviour = Behaviour { kept: 0, broken: 1 };
    assert_eq!(refused(&wanted), DomainsError::Behaviour.to_string());
    wanted.behaviour = Behaviour::default();
    wanted.until = UnixMillis(now.0 + 31 * 24 * 3_600_000);
    assert_eq!(refused(&wanted), DomainsError::Window.to_string());
    wanted.until = UnixMillis(now.0 + 1000);
    wanted.user = own[1];
    assert_eq!(refused(&wanted), DomainsError::NotAdmitted.to_string());
    wanted.key = DataKey(Hash([1; 32]));
    assert_eq!(refused(&wanted), DomainsError::NoPolicy.to_string());
}

#[test]
fn what_is_shown_is_held_against_who_was_authenticated_and_what_the_log_permits_now() {
    let mut case = Case::new();
    let thread = case.decided(Op::Read);

    // Shown twice: what was seen is remembered over a restart of the wallet.
    let shown = case.shown(&thread, Op::Read);
    case.answer(&shown).unwrap();
    case.south = case.consortium.again(case.south);
    let replayed = case.answer(&shown).unwrap_err();
    assert!(matches!(replayed, DomainsError::Handshake(NotAuthenticated::Replayed)), "{replayed}");
    // Shown too late.
    let late = case.shown(&thread, Op::Read);
    case.consortium.pass(6 * 60_000);
    let stale = case.answer(&late).unwrap_err();
    assert!(matches!(stale, DomainsError::Handshake(NotAuthenticated::Stale)), "{stale}");
    // For more than is licensed.
    let more = case.shown(&thread, Op::Modify);
    assert_eq!(no_pass(case.answer(&more).unwrap_err()), NoPass::Licence(Finding::OpNotGranted));
    // Another state, which does not come from the data.
    let origin = std::mem::replace(&mut case.origin, Hash([9; 32]));
    let other = case.shown(&thread, Op::Read);
    assert_eq!(no_pass(case.answer(&other).unwrap_err()), NoPass::Licence(Finding::OtherData));
    case.origin = origin;

    // Somebody else who is known, with the doctor's licence.
    let mut eve = case.consortium.stranger(NORTH, "doctor", "eve");
    introduce_user(&case.consortium, &mut eve, &mut case.north, &mut case.south, 2);
    let ada = std::mem::replace(&mut case.ada, eve);
    let stolen = case.shown(&thread, Op::Read);
    assert_eq!(no_pass(case.answer(&stolen).unwrap_err()), NoPass::Licence(Finding::OtherUser));
    // And somebody whom the domain does not know at all.
    case.ada = case.consortium.stranger(NORTH, "doctor", "mallory");
    let unknown = case.shown(&thread, Op::Read);
    assert_eq!(no_pass(case.answer(&unknown).unwrap_err()), NoPass::OtherIdentity);
    case.ada = ada;

    // Revoked by the owner: at once.
    let now = case.now();
    let other = case.decided(Op::Read);
    case.lab.act(|one, client| one.revoke(client, &other, Cause::Owner, now)).unwrap();
    let again = case.lab.act(|one, client| one.revoke(client, &other, Cause::Owner, now));
    assert!(matches!(again, Err(DomainsError::NoLicence)));
    assert_eq!(case.standing(&other), RequestState::Revoked(Cause::Owner));
    let revoked = case.shown(&other, Op::Read);
    assert_eq!(no_pass(case.answer(&revoked).unwrap_err()), NoPass::Licence(Finding::Revoked));
    // Its time is over.
    case.consortium.pass(3_600_000);
    let expired = case.shown(&thread, Op::Read);
    assert_eq!(no_pass(case.answer(&expired).unwrap_err()), NoPass::Licence(Finding::OutsideTime));
    assert_eq!(case.standing(&thread), RequestState::Ended);
    // The domain knows the user no longer.
    case.consortium.pass(23 * 3_600_000);
    let forgotten = case.shown(&thread, Op::Read);
    assert_eq!(no_pass(case.answer(&forgotten).unwrap_err()), NoPass::NotAuthenticated);

    // Nothing but the one answer was noted.
    case.lab.look(&case.consortium);
    let accesses = looked_at(&case.lab.snapshot, &case.lab.ledgers).unwrap();
    assert_eq!(accesses.iter().map(|one| one.findings.len()).collect::<Vec<_>>(), [0]);
}

#[test]
fn an_authority_that_answers_without_a_licence_is_found_by_everybody() {
    let mut case = Case::new();
    let thread = case.decided(Op::Read);
    let shown = case.shown(&thread, Op::Read);
    let now = case.now();
    let may = case.south.check(&shown, now).unwrap();
    case.lab.act(|one, client| one.revoke(client, &thread, Cause::Misuse, now)).unwrap();
    // The south's clock is behind, and it answers although it has seen the revocation.
    let before = UnixMillis(now.0 - 60_000);
    let noted = |case: &mut Case, may: &countersign_wallet::MayAnswer| {
        case.south.act_at_home(now, |one, home| one.note_access(home, may, b"x", before)).unwrap();
    };
    noted(&mut case, &may);
    let mut none = may.clone();
    none.wanted.licence = Hash([1; 32]);
    noted(&mut case, &none);
    let mut other = may;
    other.wanted.op = Op::Share;
    other.wanted.state = Hash([2; 32]);
    noted(&mut case, &other);
    case.lab.look(&case.consortium);
    let accesses = looked_at(&case.lab.snapshot, &case.lab.ledgers).unwrap();
    let mut findings: Vec<_> = accesses.into_iter().map(|access| access.findings).collect();
    findings.sort();
    let expected = [
        vec![Finding::NoLicence],
        vec![Finding::OtherData, Finding::OpNotGranted, Finding::Revoked],
        vec![Finding::Revoked],
    ];
    assert_eq!(findings, expected);
}

#[test]
fn a_liar_is_outvoted_a_silent_master_is_followed_and_a_killed_notary_votes_once() {
    let mut case = Case::new();
    let thread = case.ask(Op::Read).thread;
    let now = case.now();
    let log = case.lab.look(&case.consortium);
    let (group, request) = (log.sitting().unwrap().group, log.request(&thread).unwrap().state.request);
    let turn = |one: &Member| {
        let seat = group.seat_of(notary_id(one.certificate.identity())).unwrap();
        group.turn(seat, request).unwrap()
    };
    // By turns: the master first, and the one who may take over next.
    case.notaries.sort_by_key(turn);
    let [master, next, liar, killed] = [0, 1, 2, 3];

    // One says no to what follows, and is one of six.
    case.notaries[liar].act(|one, client| one.vote(client, &thread, false, now)).unwrap();
    let twice = case.notaries[liar].act(|one, client| one.vote(client, &thread, true, now));
    assert!(matches!(twice, Err(DomainsError::Voted)));

    // Another is killed when the node has the vote and before the receipt comes.
    let mut cut_off = case.notaries.remove(killed);
    let (breaking, breaks) = case.consortium.breaking();
    cut_off.client = breaking;
    breaks.store(true, Ordering::SeqCst);
    let cut = cut_off.act(|one, client| one.tend(client, now)).unwrap_err();
    assert!(cut.to_string().contains("broke"), "{cut}");
    assert_eq!(cut_off.snapshot.outbox().unwrap().len(), 1);
    // Back after a while, it sends again what the node has already.
    let mut cut_off = case.consortium.again(cut_off);
    case.consortium.pass(20_000);
    let now = case.now();
    let tended = cut_off.act(|one, client| one.tend(client, now)).unwrap();
    assert_eq!((tended.voted.len(), cut_off.snapshot.outbox().unwrap().len()), (0, 0), "it is on the log");
    case.notaries.insert(killed, cut_off);
    let open = case.lab.look(&case.consortium).ballot(&thread, now).unwrap();
    assert_eq!((open.tally.no, open.tally.yes, open.tally.total), (5000, 5000, 30_000));

    // The rest find that it follows; the master votes as well, and then says nothing.
    for notary in &mut case.notaries[next..] {
        notary.act(|one, client| one.tend(client, now)).unwrap();
    }
    assert_eq!(case.standing(&thread), RequestState::Voting, "four of six are exactly two thirds");
    case.notaries[master].act(|one, client| one.vote(client, &thread, true, now)).unwrap();
    assert_eq!(case.standing(&thread), RequestState::Agreed);
    let early = case.notaries[next].act(|one, client| one.tend(client, now)).unwrap();
    assert_eq!((early.decided.len(), early.next.is_some()), (0, true));
    case.consortium.pass(TAKE_OVER_MILLIS + 1000);
    let now = case.now();
    assert!(early.next.is_some_and(|next| next <= now));
    let over = case.notaries[next].act(|one, client| one.tend(client, now)).unwrap();
    assert_eq!(over.decided, std::slice::from_ref(&thread));
    assert_eq!(case.standing(&thread), RequestState::Licensed);
    // The master comes back, and so do all others: nothing is left to do.
    let rounds = round(&case.consortium, &mut case.notaries);
    assert!(rounds.iter().all(|one| one.voted.is_empty() && one.decided.is_empty()));

    // A ballot that nobody votes on lapses, and the same may be asked again.
    let asked = case.ask(Op::Read);
    case.consortium.pass(11 * 60_000);
    assert_eq!(case.standing(&asked.thread), RequestState::Lapsed);
    assert!(round(&case.consortium, &mut case.notaries).iter().all(|one| one.voted.is_empty()));
    let again = case.decided(Op::Read);
    assert_eq!(case.standing(&again), RequestState::Licensed);
}

#[test]
fn data_is_traced_over_the_ledgers_and_what_comes_from_a_malicious_owner_falls() {
    let mut case = Case::new();
    let (key, origin) = (case.key, case.origin);
    let thread = case.decided(Op::Derive);
    let licence = case.lab.look(&case.consortium).request(&thread).unwrap().licence();
    // A summary in the north under the licence, a copy of it without one, and in the south the lab's next state.
    let mut study = case.consortium.member(NORTH, DATA_OWNER, "study");
    let name = |who: &mut Member, data: &[u8]| who.act(|one, _| Ok(one.name_data(data)?.key)).unwrap();
    let (summary, copy) = (name(&mut study, b"summary"), name(&mut study, b"copy"));
    assert_eq!(name(&mut study, b"summary"), summary, "a name is found again by the data alone");
    assert_ne!(name(&mut case.lab, b"summary"), summary, "and by its owner alone");
    let consortium = &case.consortium;
    let (later, table) = (name(&mut case.lab, b"next"), name(&mut study, b"table"));
    let derived = state(consortium, &mut study, summary, (Step::Derive, &[origin], licence));
    let taken = state(consortium, &mut study, copy, (Step::Derive, &[origin], None));
    let next = state(consortium, &mut case.lab, later, (Step::Modify, &[origin], None));
    let below = state(consortium, &mut study, table, (Step::Derive, &[derived], None));
    let again = state(consortium, &mut study, summary, (Step::Derive, &[origin], licence));
    assert_eq!(again, derived, "what is stated already is not stated again");
    let unsound = NewState { key, parents: vec![], step: Step::Modify, licence: None };
    let now = consortium.now();
    let unsound = study.act_at_home(now, |one, home| one.state_data(home, &unsound, now));
    assert!(matches!(unsound, Err(DomainsError::Unsound)));

    let log = case.lab.look(&case.consortium);
    let trace = trace_data(&case.lab.snapshot, &case.lab.ledgers, key).unwrap();
    assert!(
        trace.is_whole && trace.missing.is_empty() && trace.refused.is_empty() && trace.forged.is_empty()
    );
    assert_eq!(trace.ledgers.iter().map(|one| one.domain.as_str()).collect::<Vec<_>>(), DOMAINS);
    let of = |sid: Hash| trace.states.iter().find(|state| state.sid == sid).unwrap();
    let told = [origin, derived, taken, next, below].map(|sid| {
        let state = of(sid);
        (state.depth, state.domain.as_str(), state.proven, state.valid)
    });
    let expected = [
        (0, SOUTH, true, true),
        (1, NORTH, true, true),
        (1, NORTH, false, true),
        (1, SOUTH, true, true),
        (2, NORTH, true, true),
    ];
    assert_eq!(told, expected);
    assert_eq!(trace.states.len(), 5);
    // From what was made one comes to what it was made of.
    let up = trace_data(&case.lab.snapshot, &case.lab.ledgers, summary).unwrap();
    assert_eq!(up.states.len(), 5);
    // Whoever has not added a ledger is told what is missing.
    let mut alone = case.consortium.stranger(NORTH, "doctor", "alone");
    alone.ledgers.get(NORTH).unwrap().sync().unwrap();
    let part = trace_data(&alone.snapshot, &alone.ledgers, summary).unwrap();
    assert_eq!(part.missing, [origin]);

    // The lab proves malicious: what it had, and what was made of it, is to be invalid.
    let lab = case.lab.certificate.identity().clone();
    let motions = trace.to_invalidate(&lab, &log);
    assert_eq!(motions.len(), 5, "one for each data");
    assert!(motions.contains(&(key, origin)) && motions.contains(&(summary, derived)));
    let invalidation = Invalidation { state: origin, evidence: Hash::of(b"the court's word") };
    case.notaries[0].act(|one, client| one.propose_invalid(client, key, invalidation, now)).unwrap();
    let for_people = round(&case.consortium, &mut case.notaries);
    assert!(for_people.iter().all(|one| one.voted.is_empty() && one.for_people.len() == 1));
    for notary in &mut case.notaries[..4] {
        notary.act(|one, client| one.vote(client, &key.validity(), true, now)).unwrap();
    }
    assert_eq!(case.standing(&thread), RequestState::Licensed, "four of six are exactly two thirds");
    case.notaries[4].act(|one, client| one.vote(client, &key.validity(), true, now)).unwrap();
    assert_eq!(case.standing(&thread), RequestState::Revoked(Cause::Invalid));
    let log = case.lab.look(&case.consortium);
    let trace = trace_data(&case.lab.snapshot, &case.lab.ledgers, key).unwrap();
    assert!(trace.states.iter().all(|state| !state.valid), "all of it comes from there");
    assert_eq!(trace.fallen(&log), std::slice::from_ref(&thread));
    case.north.act(|one, client| one.revoke(client, &thread, Cause::Invalid, now)).unwrap();
    let log = case.lab.look(&case.consortium);
    assert!(trace.fallen(&log).is_empty());
    assert!(matches!(log.request(&thread).unwrap().state.phase, Phase::Revoked(_)));
    // Nobody is licensed any more, and the log says why.
    let asked = case.ask(Op::Read);
    assert_eq!(asked.outcome, Decision::Denied(Denial::Invalid));
    settle(&case.consortium, &mut case.notaries);
    assert_eq!(case.standing(&asked.thread), RequestState::Denied(Denial::Invalid));
}

#[test]
fn notaries_report_and_elect_the_group_that_follows_from_it() {
    let mut case = Case::new();
    for _ in 0..2 {
        case.decided(Op::Read);
    }
    let now = case.now();
    let first = case.notaries[0].act(|one, client| one.propose_group(client, now));
    assert!(matches!(first, Err(DomainsError::TooFewReports)));
    // One was never there: the others say so.
    for notary in &mut case.notaries[..5] {
        notary.act(|one, client| one.report(client, now)).unwrap();
    }
    case.notaries[0].act(|one, client| one.propose_group(client, now)).unwrap();
    settle(&case.consortium, &mut case.notaries);
    let notaries = case.lab.look(&case.consortium).notaries().unwrap();
    assert_eq!((notaries.epoch, notaries.seats.len(), notaries.transactions), (2, 5, 2));
    let left = notary_id(case.notaries[5].certificate.identity());
    assert!(notaries.seats.iter().all(|seat| seat.notary != left), "who reports nothing has no seat");
    // The new group goes on.
    let thread = case.decided(Op::Read);
    assert_eq!(case.standing(&thread), RequestState::Licensed);
    let ended = case.notaries[0].act(|one, client| one.propose_end(client, NORTH, now));
    ended.unwrap();
    for notary in &mut case.notaries[..4] {
        let subject = domain_subject(NORTH).unwrap();
        notary.act(|one, client| one.vote(client, &subject, true, now)).unwrap();
    }
    let wanted = case.wanted(Op::Read, "TREAT");
    let refused = case.north.act(|one, client| one.ask(client, &wanted, now));
    assert!(matches!(refused, Err(DomainsError::NotRegistered)));
    case.north.act(|one, client| one.register(client, now)).unwrap();
    settle(&case.consortium, &mut case.notaries);
    assert_eq!(case.lab.look(&case.consortium).registration(NORTH).map(|one| one.epoch), Some(3));
}

#[test]
fn data_ledgers_are_those_of_the_domains_that_the_shared_ledger_knows() {
    let consortium = Consortium::new();
    let mut member = consortium.stranger(NORTH, "doctor", "ada");
    let shared =
        countersign_wallet::Register::new(&consortium.register(NORTH).node, consortium.genesis().clone());
    let no_data = member.ledgers.add(&shared.unwrap()).err().unwrap();
    assert!(matches!(no_data, DomainsError::NotADataLedger), "{no_data}");
    let mut forged = consortium.register(SOUTH);
    forged.genesis.domains[0].root = consortium.register(WEST).genesis.domains[0].root.clone();
    let forged = member.ledgers.add(&forged).err().unwrap();
    assert!(matches!(forged, DomainsError::OtherRoot), "{forged}");
    member.ledgers.add(&consortium.register(SOUTH)).unwrap();
    let mut other = consortium.register(SOUTH);
    other.genesis.name = "ledger.other.example".to_owned();
    let other = member.ledgers.add(&other).err().unwrap();
    assert!(matches!(other, DomainsError::OtherLedger), "{other}");
    let mut moved = consortium.register(SOUTH);
    moved.node = "https://elsewhere.example".to_owned();
    member.ledgers.add(&moved).unwrap();
    let member = consortium.again(member);
    let kept: Vec<_> =
        member.ledgers.iter().map(|one| (one.domain(), one.register().node.as_str())).collect();
    assert_eq!((kept.len(), kept[1]), (2, (SOUTH, "https://elsewhere.example")));
    let mut member = member;
    member.ledgers.remove(SOUTH).unwrap();
    assert_eq!(consortium.again(member).ledgers.iter().count(), 1);
}

/// A draft at its place after the latest on its subject, as a node would have it that looks at nothing.
fn let_through(world: &mut World, who: &str, draft: &Draft) -> Hash {
    let statement = world.sign_draft(who, draft);
    let id = statement.id();
    world.log_mut(AUTHORIZATION).append(statement);
    id
}

/// A ledger with three notaries, an authority, and nothing stated yet.
fn three_notaries() -> (World, [Identity; 3], Election) {
    let mut world = World::new();
    world.add_log(AUTHORIZATION.as_str(), Held::Whole);
    for notary in ["n1", "n2", "n3"] {
        world.enlist(NOTARY, notary);
    }
    world.enlist(AUTHORITY, "desk");
    let named = ["n1", "n2", "n3"].map(|name| world.members[name].certificate.identity().clone());
    let election = Election { epoch: 1, group: Group::founded(&named).unwrap() };
    (world, named, election)
}

/// A notary's vote for a domain.
fn vote_for(domain: &str, notary: &Identity, sitting: &Sitting) -> Draft {
    let seat = sitting.group.seat_of(notary_id(notary)).unwrap();
    let vote = Vote { seat, credit: sitting.group.seats()[seat].credit, yes: true };
    vote.draft(&domain_subject(domain).unwrap(), Hash::default(), sitting.statement)
}

#[test]
fn what_a_node_lets_through_against_the_rules_is_told_and_counts_for_nothing() {
    let (mut world, named, election) = three_notaries();
    let by_a_notary = let_through(&mut world, "n1", &election.draft(None, None));
    let statement = let_through(&mut world, "registrar", &election.draft(None, None));
    let sitting = Sitting { statement, group: election.group };
    let certificate = world.members["desk"].certificate.fingerprint();
    let registration = Registration { certificate, epoch: 1, active: true };
    let registering = registration.draft(DOMAIN, None, &sitting).unwrap();
    let by_another = let_through(&mut world, "n1", &registering);
    let_through(&mut world, "desk", &registering);
    let subject = domain_subject(DOMAIN).unwrap();
    let vote = |of: usize| vote_for(DOMAIN, &named[of], &sitting);
    let_through(&mut world, "n1", &vote(0));
    // The node counts two more votes for n1 and the desk, and so the domain takes part by its word.
    let stolen = [let_through(&mut world, "n1", &vote(1)), let_through(&mut world, "desk", &vote(2))];
    let twice = let_through(&mut world, "n1", &vote(0));

    let scene = Scene::new(world);
    let snapshot = scene.synced();
    let log = Authorization::of(&snapshot).unwrap();
    let mut faults: Vec<_> =
        log.faults().iter().map(|fault| (fault.statement, fault.text.as_str())).collect();
    let mut expected = vec![
        (by_a_notary, "only a registrar of the ledger founds the first notary group"),
        (by_another, "the signer's role does not allow this statement"),
        (stolen[0], "the seat is another notary's"),
        (stolen[1], "the signer's role does not allow this statement"),
        (twice, "the seat has voted"),
    ];
    faults.sort_unstable();
    expected.sort_unstable();
    assert_eq!(faults, expected);
    assert!(log.registration(DOMAIN).is_none(), "one vote of three carries nothing");
    let open = log.ballot(&subject, log.as_of()).unwrap();
    assert_eq!((open.tally.yes, open.voted.len()), (5000, 1));

    // A ledger of one domain's goods has no such log.
    let other = Scene::new(World::new());
    assert!(matches!(Authorization::of(&other.synced()), Err(DomainsError::NotShared)));
}

#[test]
fn what_was_admitted_while_a_stolen_key_still_counted_is_nobodys_fault() {
    let (mut world, named, election) = three_notaries();
    let statement = let_through(&mut world, "registrar", &election.draft(None, None));
    let sitting = Sitting { statement, group: election.group };
    let certificate = world.members["desk"].certificate.fingerprint();
    let registration = Registration { certificate, epoch: 1, active: true };
    let_through(&mut world, "desk", &registration.draft(DOMAIN, None, &sitting).unwrap());
    for (name, notary) in ["n1", "n2", "n3"].iter().zip(&named) {
        let_through(&mut world, name, &vote_for(DOMAIN, notary, &sitting));
    }
    let user = Pseudonym(Hash([3; 32]));
    let until = UnixMillis(world.now.0 + 3_600_000);
    let admission =
        Admission { home: SOUTH.to_owned(), level: 1, until, record: Hash([4; 32]), active: true };
    let_through(&mut world, "desk", &admission.draft(user, None));
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let registered = |snapshot: &Snapshot| {
        let log = Authorization::of(snapshot).unwrap();
        assert_eq!((log.faults().len(), log.admissions().len()), (0, 1));
        log.registration(DOMAIN).is_some()
    };
    assert!(registered(&snapshot));
    // From the first vote on, n1's key was in other hands: two of three are not more than two thirds.
    scene.world().revoke("n1", AUTHORIZATION, 2);
    scene.sync(&mut snapshot);
    assert!(!registered(&snapshot));
}

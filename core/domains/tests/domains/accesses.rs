//! What a domain answers, what it notes, and what an audit finds.

use std::collections::BTreeMap;

use countersign_domains::{
    AccessEntry, Anchor, AuthRecord, Block, Cause, Chains, DataKey, DataState, Finding, Licence, NoPass, Op,
    Pass, Phase, Pseudonym, Shape, Step, Trace, domain_id, joint,
};
use countersign_ledger::{Draft, Hash, UnixMillis};

use crate::world::{NORTH, SOUTH, World};

/// What was seen of the log across domains.
const SEEN: Anchor = Anchor { size: 9, root: Hash([7; 32]) };

/// The lab's data, what was derived of it, and other data of the lab.
fn states() -> [DataState; 3] {
    let state = |key: DataKey, parents: Vec<Hash>, step, seq| DataState {
        key,
        parents,
        step,
        actor: Hash([1; 32]),
        owner: Hash([2; 32]),
        chain: domain_id(SOUTH),
        seq,
        licence: None,
    };
    let first = state(World::key(), vec![], Step::Create, 0);
    let derived = state(DataKey(Hash([3; 32])), vec![first.sid()], Step::Derive, 1);
    [first, derived, state(DataKey(Hash([4; 32])), vec![], Step::Create, 2)]
}

fn trace() -> Trace {
    let mut chains = Chains::new(1);
    let states = states().into_iter().map(|state| (state.sid(), state)).collect();
    chains.push(0, Block::commit(Hash([9; 32]), 0, states, Shape::default())).unwrap();
    chains.trace(World::key(), |_, _| true)
}

/// A licence on the log, an access under it, and the record of the user's authentication.
fn licensed(world: &mut World) -> (Licence, AccessEntry, AuthRecord) {
    let subject = world.licensed(1);
    let thread = world.thread(&subject);
    let Phase::Decided(id) = thread.phase else { panic!("{thread:?}") };
    let user = world.user();
    let entry =
        AccessEntry { licence: id, user, state: states()[0].sid(), op: Op::Read, answer: Hash([5; 32]) };
    let certificate = world.members["north user"].certificate.fingerprint();
    let until = UnixMillis(world.now.0 + 1_800_000);
    let record = AuthRecord { user, home: NORTH.to_owned(), certificate, level: 2, until };
    (Licence { key: World::key(), thread, revoked: None }, entry, record)
}

#[test]
fn an_answer_needs_both_who_was_authenticated_and_what_the_log_permits() {
    let mut world = World::new();
    let (licence, access, record) = licensed(&mut world);
    let (trace, now) = (trace(), world.now);
    let admit = |licence: &Licence, access: &AccessEntry, record: &AuthRecord, now: u64| {
        licence.admit(access, record, record.certificate, UnixMillis(now), &trace)
    };
    let pass = admit(&licence, &access, &record, now.0).unwrap();
    assert_eq!(pass.until(), record.until, "no longer than either");
    let derived = AccessEntry { state: states()[1].sid(), ..access.clone() };
    assert!(admit(&licence, &derived, &record, now.0).is_ok(), "what was made of it");

    let stolen = licence.admit(&access, &record, Hash([1; 32]), now, &trace);
    assert_eq!(stolen, Err(NoPass::OtherIdentity));
    let other = Pseudonym(Hash([1; 32]));
    assert_eq!(
        admit(&licence, &access, &AuthRecord { user: other, ..record.clone() }, now.0),
        Err(NoPass::OtherIdentity)
    );
    let (both, theirs) =
        (AccessEntry { user: other, ..access.clone() }, AuthRecord { user: other, ..record.clone() });
    assert_eq!(admit(&licence, &both, &theirs, now.0), Err(NoPass::Licence(Finding::OtherUser)));
    assert_eq!(admit(&licence, &access, &record, record.until.0), Err(NoPass::NotAuthenticated));
    let long = AuthRecord { until: UnixMillis(u64::MAX), ..record.clone() };
    let end = licence.thread.until.0;
    assert_eq!(admit(&licence, &access, &long, end), Err(NoPass::Licence(Finding::OutsideTime)));
    assert_eq!(admit(&licence, &access, &long, end - 1).map(Pass::until), Ok(UnixMillis(end)));
    let revoked = Licence { revoked: Some(now), ..licence.clone() };
    assert_eq!(admit(&revoked, &access, &record, now.0), Err(NoPass::Licence(Finding::Revoked)));
    let changed = AccessEntry { op: Op::Modify, ..access };
    assert_eq!(admit(&licence, &changed, &record, now.0), Err(NoPass::Licence(Finding::OpNotGranted)));
}

#[test]
fn a_denial_or_a_request_alone_is_no_licence() {
    let mut world = World::new();
    let (licence, access, record) = licensed(&mut world);
    let (trace, now) = (trace(), world.now);
    for phase in [Phase::Voted, Phase::Agreed, Phase::Rejected] {
        let mut waiting = licence.clone();
        waiting.thread.phase = phase;
        let said = waiting.admit(&access, &record, record.certificate, now, &trace);
        assert_eq!((said, waiting.id()), (Err(NoPass::Licence(Finding::NoLicence)), None));
    }
    let mut denied = licence;
    denied.thread.outcome = countersign_domains::Decision::Denied(countersign_domains::Denial::Op);
    assert_eq!(denied.id(), None);
}

#[test]
fn an_audit_finds_all_that_is_wrong_and_nothing_else() {
    let mut world = World::new();
    let (licence, good, _) = licensed(&mut world);
    let (now, end) = (world.now, licence.thread.until);
    let cut = UnixMillis(now.0 + 60_000);
    let licences: BTreeMap<_, _> =
        [(good.licence, Licence { revoked: Some(cut), ..licence.clone() })].into_iter().collect();
    let soon = UnixMillis(now.0 + 1000);
    let with = |change: fn(&mut AccessEntry)| {
        let mut entry = good.clone();
        change(&mut entry);
        entry
    };
    let worst = with(|entry| {
        entry.user = Pseudonym(Hash([1; 32]));
        entry.op = Op::Share;
        entry.state = states()[2].sid();
    });
    let cases = [
        (good.clone(), soon, vec![]),
        (with(|entry| entry.licence = Hash([1; 32])), soon, vec![Finding::NoLicence]),
        (good.clone(), UnixMillis(now.0 - 1), vec![Finding::OutsideTime]),
        (good.clone(), cut, vec![Finding::Revoked]),
        (good.clone(), end, vec![Finding::OutsideTime, Finding::Revoked]),
        (with(|entry| entry.op = Op::Modify), soon, vec![Finding::OpNotGranted]),
        (with(|entry| entry.user = Pseudonym(Hash([1; 32]))), soon, vec![Finding::OtherUser]),
        (with(|entry| entry.state = states()[2].sid()), soon, vec![Finding::OtherData]),
        (with(|entry| entry.state = states()[1].sid()), soon, vec![]),
        (worst, soon, vec![Finding::OtherUser, Finding::OtherData, Finding::OpNotGranted]),
    ];
    let found = joint(cases.iter().map(|(entry, at, _)| (entry, *at)), &licences, &trace());
    assert_eq!(found, cases.map(|(_, _, findings)| findings));
}

#[test]
fn a_domain_notes_accesses_on_its_own_log() {
    let mut world = World::new();
    let (licence, access, _) = licensed(&mut world);
    let draft = access.draft(World::key(), SEEN);
    assert_eq!(world.refused("south owner", &draft), "the signer's role does not allow this statement");
    assert_eq!(
        world.refused("north authority", &draft),
        "the signer is of another domain than the statement is about"
    );
    let mut two = draft.clone();
    two.fields.insert("op", 3.into());
    assert_eq!(world.refused("south authority", &two), "the fields are not those of this kind");
    let mut blind = draft.clone();
    blind.fields.insert("seen-root", 3.into());
    assert_eq!(world.refused("south authority", &blind), "the fields are not those of this kind");
    let elsewhere = Draft { subject: World::key().validity(), ..draft.clone() };
    let subject = "the subject is not what a statement of this kind is about";
    assert_eq!(world.refused("south authority", &elsewhere), subject);
    let id = world.say("south authority", &draft).unwrap();
    assert_eq!(AccessEntry::of(world.entry(id)), Some(access));
    assert_eq!(Anchor::of(world.entry(id)), Some(SEEN));
    // It may note what nobody permitted: that is for the audit to find.
    world
        .say(
            "south authority",
            &Cause::Owner.draft(&World::key().thread(world.user(), &[1; 16]), Hash([0; 32])),
        )
        .unwrap();
    world.say("south authority", &draft).unwrap();
    assert_eq!(licence.key, World::key());
}

#[test]
fn a_state_is_noted_once_under_its_own_id() {
    let mut world = World::new();
    let [first, derived, _] = states();
    assert_eq!(
        world.refused("south user", &first.draft(SEEN)),
        "the signer's role does not allow this statement"
    );
    let other = Draft { subject: derived.draft(SEEN).subject, ..first.draft(SEEN) };
    let subject = "the subject is not what a statement of this kind is about";
    assert_eq!(world.refused("south owner", &other), subject);
    let id = world.say("south owner", &first.draft(SEEN)).unwrap();
    assert_eq!(DataState::of(world.entry(id)), Some(first.clone()));
    assert_eq!(world.refused("south owner", &first.draft(SEEN)), "it has been stated before");
    for (step, parents) in [
        (Step::Create, vec![first.sid()]),
        (Step::Modify, vec![]),
        (Step::Share, vec![Hash([1; 32]), Hash([2; 32])]),
        (Step::Derive, vec![]),
        (Step::Derive, vec![Hash([2; 32]), Hash([1; 32])]),
        (Step::Derive, vec![Hash([1; 32]); 2]),
        (Step::Derive, (1..=9).map(|byte| Hash([byte; 32])).collect()),
    ] {
        let state = DataState { step, parents, ..derived.clone() };
        assert_eq!(world.refused("south owner", &state.draft(SEEN)), "the fields are not those of this kind");
    }
    let mut blind = derived.draft(SEEN);
    blind.fields.insert("seen-size", Hash([7; 32]).into());
    assert_eq!(world.refused("south owner", &blind), "the fields are not those of this kind");
    let licensed = DataState { licence: Some(Hash([8; 32])), ..derived };
    let id = world.say("south authority", &licensed.draft(SEEN)).unwrap();
    assert_eq!(DataState::of(world.entry(id)), Some(licensed));
}

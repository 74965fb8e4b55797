//! The life of a request: asked, found to be so, decided, revoked; and every way in which it is not.

use countersign_domains::{
    BALLOT_MILLIS, Behaviour, Cause, DataPolicy, Decision, Denial, Invalidation, MAX_LICENCE_MILLIS, Op, Ops,
    Phase, Policy, Pseudonym, Request, TAKE_OVER_MILLIS,
};
use countersign_ledger::{Draft, Hash, Subject, UnixMillis};
use proptest::prelude::*;

use crate::world::{POLICY, SEATS, SOUTH, World};

/// Why a request is refused that differs from a good one.
fn refused(world: &mut World, who: &str, change: impl Fn(&mut Request)) -> String {
    let mut request = world.request(9);
    change(&mut request);
    let draft = request.draft(World::key(), world.grounds());
    world.refused(who, &draft)
}

#[test]
fn a_permit_is_a_licence_until_it_ends_or_is_revoked() {
    let mut world = World::new();
    let thread = world.licensed(1);
    let at = |millis: u64| UnixMillis(world.now.0 + millis);
    let state = world.thread(&thread);
    let Phase::Decided(licence) = state.phase else { panic!("{:?}", state.phase) };
    assert_eq!(world.latest(&thread), Some(licence));
    assert_eq!(state.licence(Op::Read, at(0)), Some(licence));
    assert_eq!(state.licence(Op::Read, at(3_599_999)), Some(licence));
    assert_eq!(state.licence(Op::Read, at(3_600_000)), None, "it has ended");
    assert_eq!(state.licence(Op::Derive, at(0)), None, "it was not asked for");

    let revocation = Cause::Owner.draft(&thread, licence);
    for who in ["south second owner", "west authority", "north owner", "north user"] {
        assert_eq!(
            world.refused(who, &revocation),
            "the signer is neither the data's owner nor an authority that it concerns"
        );
    }
    world.say("south owner", &revocation).unwrap();
    let state = world.thread(&thread);
    assert_eq!((state.phase, state.licence(Op::Read, world.now)), (Phase::Revoked(licence), None));
    assert_eq!(world.refused("south owner", &revocation), "the licence has been revoked");
}

#[test]
fn either_authority_revokes_as_well() {
    for who in ["north authority", "south authority", "south second authority"] {
        let mut world = World::new();
        let thread = world.licensed(1);
        world.say(who, &Cause::Misuse.draft(&thread, Hash::default())).unwrap();
        assert!(matches!(world.thread(&thread).phase, Phase::Revoked(_)), "{who}");
    }
}

#[test]
fn notaries_revoke_what_was_permitted_on_data_that_is_invalid() {
    let mut world = World::new();
    let (thread, other) = (world.licensed(1), world.licensed(2));
    let invalid = |thread: &Subject| Cause::Invalid.draft(thread, Hash::default());
    assert_eq!(world.refused("west notary", &invalid(&thread)), "the data has not been declared invalid");
    let office = world.sitting();
    let motion = Invalidation { state: Hash([1; 32]), evidence: Hash([2; 32]) };
    world.say("west notary", &motion.draft(World::key(), None, &office)).unwrap();
    world.carry(&World::key().validity());
    world.say("west notary", &invalid(&thread)).unwrap();
    assert!(matches!(world.thread(&thread).phase, Phase::Revoked(_)));
    let misuse = Cause::Misuse.draft(&other, Hash::default());
    assert_eq!(
        world.refused("west notary", &misuse),
        "the signer is neither the data's owner nor an authority that it concerns"
    );
}

#[test]
fn a_denial_is_recorded_with_its_reason_and_gives_no_licence() {
    let mut world = World::new();
    let denied = Request { purpose: "HRESCH".to_owned(), ..world.request(1) };
    let outcome = Decision::Denied(Denial::Purpose);
    let wrong = denied.draft(World::key(), world.grounds());
    assert_eq!(world.refused("north authority", &wrong), "it states another outcome than follows");
    let thread = world.ask(&Request { outcome, ..denied }).unwrap();
    world.carry(&thread);
    let decision = world.thread(&thread).decision(&thread, Hash::default());
    let master = world.master(&thread, 0);
    let id = world.say(master, &decision).unwrap();
    let state = world.thread(&thread);
    assert_eq!(
        (state.outcome, state.phase, state.licence(Op::Read, world.now)),
        (outcome, Phase::Decided(id), None)
    );
    assert_eq!(world.entry(id).fields().uint("outcome"), Some(outcome.number()));
    let revocation = Cause::Owner.draft(&thread, id);
    assert_eq!(world.refused("south owner", &revocation), "there is no licence to revoke");
}

#[test]
fn the_outcome_follows_from_the_log_and_no_other_is_taken() {
    let mut world = World::new();
    for (change, denial) in [
        (Request { ops: Ops::of([Op::Share]), ..world.request(1) }, Denial::Op),
        (Request { purpose: "X".to_owned(), ..world.request(2) }, Denial::Purpose),
    ] {
        let outcome = Decision::Denied(denial);
        world.ask(&Request { outcome, ..change }).unwrap();
    }
    world.admit(1);
    assert_eq!(world.request(3).outcome, Decision::Denied(Denial::Level));
    world.ask(&world.request(3)).unwrap();
    world.admit(2);
    world.publish("allow read for any from any credit 51");
    assert_eq!(world.request(4).outcome, Decision::Denied(Denial::Credit));
    world.ask(&world.request(4)).unwrap();
    world.publish("allow read for any from any behaviour 70");
    assert_eq!(world.request(5).outcome, Decision::Denied(Denial::Behaviour));
    world.ask(&world.request(5)).unwrap();
    world.publish("nobody");
    assert_eq!(world.request(6).outcome, Decision::Denied(Denial::Nobody));
    world.ask(&world.request(6)).unwrap();

    let office = world.sitting();
    let invalid =
        Invalidation { state: Hash([1; 32]), evidence: Hash([2; 32]) }.draft(World::key(), None, &office);
    world.say("west notary", &invalid).unwrap();
    world.carry(&World::key().validity());
    world.publish(POLICY);
    assert_eq!(refused(&mut world, "north authority", |_| {}), "it states another outcome than follows");
    let outcome = Decision::Denied(Denial::Invalid);
    world.ask(&Request { outcome, ..world.request(7) }).unwrap();
}

#[test]
fn each_wrong_request_has_its_reason() {
    let mut world = World::new();
    let role = "the signer's role does not allow this statement";
    assert_eq!(refused(&mut world, "north owner", |_| {}), role);
    let certificate = "the certificate is not the one that the domain has registered";
    assert_eq!(refused(&mut world, "north second authority", |_| {}), certificate);
    assert_eq!(refused(&mut world, "west authority", |_| {}), "the domain is not registered, or no longer");
    assert_eq!(refused(&mut world, "south authority", |_| {}), "both sides are of one domain");
    let ours = |text: &str, change: fn(&mut Request)| {
        let mut world = world.clone();
        assert_eq!(refused(&mut world, "north authority", change), text);
    };
    ours("it ends before it begins, or later than is allowed", |request| request.until.0 -= 3_600_000);
    ours("it ends before it begins, or later than is allowed", |request| {
        request.until.0 += MAX_LICENCE_MILLIS;
    });
    ours("the user has broken too many rules for a request to be forwarded", |request| {
        request.behaviour = Behaviour { kept: 1, broken: 1 };
    });
    ours("the weight of votes is not that of the notary group", |request| request.total += 1);
    ours("the domain is not registered, or no longer", |request| "west.example".clone_into(&mut request.to));
    ours("the admission is that of another user, or by or from another domain", |request| {
        request.user = Pseudonym(Hash([1; 32]));
    });
    ours("the level is not that of the admission", |request| request.level = 3);
    ours("the credit is not what the notary group says of the domain", |request| {
        request.credit = World::credit(6000);
    });
    ours("the policy is not the one in force for this data", |request| request.policy = Hash([1; 32]));
    ours("it states another outcome than follows", |request| {
        request.outcome = Decision::Denied(Denial::Level);
    });
}

#[test]
fn each_wrong_ground_has_its_reason() {
    let mut world = World::new();
    let (request, grounds) = (world.request(1), world.grounds());
    let good = request.draft(World::key(), grounds);
    let links = |links: Vec<Hash>| Draft { links, ..good.clone() };
    let unlinked = "it does not link the statements that it rests on";
    assert_eq!(world.refused("north authority", &links(vec![grounds.policy])), unlinked);
    let swapped = links(vec![grounds.admission, grounds.policy, grounds.group]);
    assert_eq!(world.refused("north authority", &swapped), unlinked);
    let unknown = links(vec![grounds.policy, Hash([1; 32]), grounds.group]);
    assert_eq!(world.refused("north authority", &unknown), unlinked);
    let office = links(vec![grounds.policy, grounds.admission, grounds.policy]);
    assert_eq!(world.refused("north authority", &office), "the notary group that it links is not in office");
    let elsewhere = Draft { subject: World::key().thread(request.user, &[2; 16]), ..good.clone() };
    let subject = "the subject is not what a statement of this kind is about";
    assert_eq!(world.refused("north authority", &elsewhere), subject);
    let mut strange = good.clone();
    strange.fields.insert("ops", 16.into());
    assert_eq!(world.refused("north authority", &strange), "the fields are not those of this kind");

    // What was in force is not any more.
    let before = world.clone();
    world.publish("allow read for any from any");
    assert_eq!(world.refused("north authority", &good), "the policy is not the one in force for this data");
    world = before.clone();
    world.admit(2);
    let admission = "the user is not admitted by the other domain, or no longer";
    assert_eq!(world.refused("north authority", &good), admission);
    world = before.clone();
    let ended = countersign_domains::Admission { active: false, ..world.admission(2) };
    let ended = ended.draft(world.user(), None);
    world.say("south authority", &ended).unwrap();
    let by_it = world.request(1).draft(World::key(), world.grounds());
    assert_eq!(world.refused("north authority", &by_it), admission);
    world = before.clone();
    world.now = UnixMillis(world.now.0 + 24 * 3_600_000);
    let late = world.request(1).draft(World::key(), world.grounds());
    assert_eq!(world.refused("north authority", &late), admission);
    world = before;
    world.say("north authority", &good).unwrap();
    assert_eq!(world.refused("north authority", &good), "it has been stated before");
}

#[test]
fn a_request_that_comes_late_is_refused() {
    let mut world = World::new();
    let draft = world.request(1).draft(World::key(), world.grounds());
    let signed = world.verified("north authority", &draft);
    world.now = UnixMillis(world.now.0 + 6 * 60_000);
    assert_eq!(world.judge(&signed), Err("it is more than five minutes old".to_owned()));
}

#[test]
fn a_decision_needs_the_quorum_and_says_what_was_agreed() {
    let mut world = World::new();
    let request = world.request(1);
    let thread = world.ask(&request).unwrap();
    let decision = world.thread(&thread).decision(&thread, Hash::default());
    let master = world.master(&thread, 0);
    for who in &SEATS[..4] {
        world.vote(who, &thread, true).unwrap();
        assert_eq!(world.refused(master, &decision), "two thirds of the notaries' credit have not agreed");
    }
    world.vote(SEATS[4], &thread, true).unwrap();
    assert_eq!(world.thread(&thread).phase, Phase::Agreed);
    assert_eq!(
        world.vote(SEATS[5], &thread, true),
        Err("there is nothing to vote on, or no longer".to_owned())
    );
    for (field, value) in [("outcome", 3), ("ops", 3), ("from", 7), ("until", u64::MAX)] {
        let mut other = decision.clone();
        other.fields.insert(field, value.into());
        assert_eq!(world.refused(master, &other), "it states another outcome than follows", "{field}");
    }
    let other = Draft { links: vec![], ..decision.clone() };
    assert_eq!(world.refused(master, &other), "the ballot is one of another notary group");
    assert_eq!(
        world.refused("north authority", &decision),
        "the signer's role does not allow this statement"
    );
    world.say(master, &decision).unwrap();
    assert_eq!(world.refused(master, &decision), "the request has been decided");
}

#[test]
fn notaries_who_find_another_outcome_end_a_request() {
    let mut world = World::new();
    let thread = world.ask(&world.request(1)).unwrap();
    world.vote(SEATS[0], &thread, false).unwrap();
    world.vote(SEATS[1], &thread, false).unwrap();
    assert_eq!(world.thread(&thread).phase, Phase::Rejected);
    let decision = world.thread(&thread).decision(&thread, Hash::default());
    let master = world.master(&thread, 0);
    assert_eq!(world.refused(master, &decision), "the notaries found that the outcome is another");
    let nothing = World::key().thread(world.user(), &[77; 16]);
    let lonely = Draft { subject: nothing, ..decision };
    assert_eq!(world.refused(master, &lonely), "there is no such request");
}

#[test]
fn a_silent_master_is_followed_by_the_next_in_turn() {
    let mut world = World::new();
    let thread = world.ask(&world.request(1)).unwrap();
    world.carry(&thread);
    let decision = world.thread(&thread).decision(&thread, Hash::default());
    let turn = "it is the turn of a notary of higher credit";
    let (second, third) = (world.master(&thread, 1), world.master(&thread, 2));
    assert_eq!(world.refused(second, &decision), turn);
    world.now = UnixMillis(world.now.0 + TAKE_OVER_MILLIS);
    assert_eq!(world.refused(third, &decision), turn);
    world.say(second, &decision).unwrap();
}

#[test]
fn votes_on_a_request_end_with_its_ballot() {
    let mut world = World::new();
    let thread = world.ask(&world.request(1)).unwrap();
    world.now = UnixMillis(world.now.0 + BALLOT_MILLIS + 1000);
    assert_eq!(
        world.vote(SEATS[0], &thread, true),
        Err("there is nothing to vote on, or no longer".to_owned())
    );
    world.licensed(2);
}

#[test]
fn only_the_owner_publishes_a_policy_and_by_the_next_version() {
    let mut world = World::new();
    let policy = |text: &str, version| {
        DataPolicy { policy: Policy::parse(text).unwrap(), location: Hash([4; 32]), version }
            .draft(World::key(), None)
    };
    let next = policy("nobody", 2);
    let owner = "the signer is neither the data's owner nor an authority that it concerns";
    assert_eq!(world.refused("south second owner", &next), owner);
    assert_eq!(world.refused("north owner", &next), owner);
    let version = "the epoch or version does not follow the one before";
    assert_eq!(world.refused("south owner", &policy("nobody", 3)), version);
    let mut loose = next.clone();
    loose.fields.insert("policy", "allow  read for any from any".into());
    assert_eq!(world.refused("south owner", &loose), "the fields are not those of this kind");
    world.say("south owner", &next).unwrap();
    let other =
        Draft { subject: countersign_domains::DataKey(Hash([1; 32])).subject(), ..policy("nobody", 1) };
    assert_eq!(world.refused("south user", &other), "the signer's role does not allow this statement");
    world.say("south second owner", &other).unwrap();
}

#[test]
fn a_domain_admits_users_of_others_and_ends_its_own_admissions_alone() {
    let mut world = World::new();
    let user = world.user();
    let of = |world: &World| world.admission(3).draft(user, None);
    let draft = of(&world);
    assert_eq!(
        world.refused("west authority", &draft),
        "the signer is of another domain than the statement is about"
    );
    assert_eq!(world.refused("south owner", &draft), "the signer's role does not allow this statement");
    let certificate = "the certificate is not the one that the domain has registered";
    assert_eq!(world.refused("south second authority", &draft), certificate);
    let own =
        countersign_domains::Admission { home: SOUTH.to_owned(), ..world.admission(3) }.draft(user, None);
    assert_eq!(world.refused("south authority", &own), "both sides are of one domain");
    let over = countersign_domains::Admission { until: world.now, ..world.admission(3) }.draft(user, None);
    assert_eq!(world.refused("south authority", &over), "it ends before it begins, or later than is allowed");
    let stranger = Pseudonym(Hash([9; 32]));
    let ended = countersign_domains::Admission { active: false, ..world.admission(3) }.draft(stranger, None);
    assert_eq!(
        world.refused("south authority", &ended),
        "the user is not admitted by the other domain, or no longer"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is said in whatever order: a licence is there only after a quorum and a decision, and never again
    /// after a revocation.
    #[test]
    fn no_order_of_statements_makes_a_licence_without_a_quorum(
        steps in prop::collection::vec((0_u8..4, 0_usize..6, any::<bool>()), 1..24),
    ) {
        let mut world = World::new();
        let thread: Subject = world.ask(&world.request(1)).unwrap();
        let (mut yes, mut no, mut voted, mut revoked, mut decided) = (0, 0, [false; 6], false, false);
        for (what, seat, says) in steps {
            let state = world.thread(&thread);
            match what {
                0 | 1 => {
                    let open = yes <= 4 && no < 2 && !voted[seat] && !decided;
                    let said = world.vote(SEATS[seat], &thread, says);
                    prop_assert_eq!(said.is_ok(), open);
                    if open {
                        voted[seat] = true;
                        *(if says { &mut yes } else { &mut no }) += 1;
                    }
                }
                2 => {
                    let master = world.master(&thread, 0);
                    let said = world.say(master, &state.decision(&thread, Hash::default()));
                    prop_assert_eq!(said.is_ok(), yes > 4 && !decided);
                    decided |= said.is_ok();
                }
                _ => {
                    let said = world.say("south owner", &Cause::Owner.draft(&thread, Hash::default()));
                    prop_assert_eq!(said.is_ok(), decided && !revoked);
                    revoked |= said.is_ok();
                }
            }
            let state = world.thread(&thread);
            prop_assert_eq!(state.licence(Op::Read, world.now).is_some(), yes > 4 && decided && !revoked);
            prop_assert_eq!(countersign_domains::Thread::from_state(&state.to_state()), Some(state));
        }
    }
}

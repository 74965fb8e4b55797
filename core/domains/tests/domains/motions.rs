//! The notary group, domains that take part, and data that is declared invalid.

use countersign_domains::rules::VOTE;
use countersign_domains::{
    BALLOT_MILLIS, Election, Invalidation, Observed, Office, Registration, Report, Vote, domain_subject,
    group_subject, notary_id,
};
use countersign_ledger::{Draft, Fields, Hash, Kind, Subject, UnixMillis};

use crate::world::{SEATS, SOUTH, WEST, World};

fn election(world: &World, epoch: u64, credits: &[u16]) -> Election {
    Election { epoch, group: world.group_of(credits, 200) }
}

#[test]
fn a_registrar_founds_the_first_group_and_nobody_another() {
    let mut world = World::empty();
    let first = election(&world, 1, &[5000; 6]).draft(None, None);
    for who in ["south registrar", "north authority", "north notary"] {
        assert_eq!(
            world.refused(who, &first),
            "only a registrar of the ledger founds the first notary group"
        );
    }
    let second = election(&world, 2, &[5000; 6]).draft(None, None);
    assert_eq!(
        world.refused("north registrar", &second),
        "the epoch or version does not follow the one before"
    );
    world.say("north registrar", &first).unwrap();
    assert_eq!(world.refused("north registrar", &second), "it does not link the statements that it rests on");
}

#[test]
fn a_group_comes_into_office_when_two_thirds_of_the_one_before_have_voted() {
    let mut world = World::new();
    let before = world.sitting();
    let next = election(&world, 2, &[6000, 5500, 5000]).draft(None, Some(&before));
    assert_eq!(world.refused("north owner", &next), "the signer's role does not allow this statement");
    let id = world.say("west notary", &next).unwrap();
    for who in &SEATS[..4] {
        world.vote(who, &group_subject(), true).unwrap();
        assert_eq!(world.sitting(), before, "four of six are two thirds, and not more");
    }
    world.vote(SEATS[4], &group_subject(), true).unwrap();
    assert_eq!((world.sitting().statement, world.sitting().group.seats().len()), (id, 3));
    let matter = world.matter::<Office>(&group_subject());
    assert_eq!((matter.current.unwrap().epoch, matter.pending), (2, None));
    let again = election(&world, 3, &[5000; 6]).draft(None, Some(&before));
    assert_eq!(world.refused("west notary", &again), "the notary group that it links is not in office");
}

#[test]
fn who_lost_the_seat_or_never_had_one_neither_proposes_nor_votes() {
    let mut world = World::new();
    let before = world.sitting();
    world.say("west notary", &election(&world, 2, &[6000, 5500, 5000]).draft(None, Some(&before))).unwrap();
    world.carry(&group_subject());
    let now = world.sitting();
    let proposal = election(&world, 3, &[5000; 6]).draft(None, Some(&now));
    assert_eq!(world.refused("north second notary", &proposal), "the signer has no seat in the notary group");
    world.say("north notary", &proposal).unwrap();
    let vote = world.vote_draft("north second notary", &group_subject(), true);
    assert_eq!(world.refused("north second notary", &vote), "the signer has no seat in the notary group");
}

#[test]
fn each_wrong_vote_has_its_reason() {
    let mut world = World::new();
    let subject = domain_subject(WEST).unwrap();
    let certificate = world.members["west authority"].certificate.fingerprint();
    let office = world.sitting();
    let first = world.vote_draft(SEATS[0], &subject, true);
    assert_eq!(world.refused(SEATS[0], &first), "there is nothing to vote on, or no longer");
    let registration = Registration { certificate, epoch: 1, active: true };
    let draft = registration.draft(WEST, None, &office).unwrap();
    world.say("west authority", &draft).unwrap();
    assert_eq!(world.refused("west authority", &draft), "the notaries vote on another motion");

    let good = world.vote_draft(SEATS[0], &subject, true);
    assert_eq!(world.refused(SEATS[1], &good), "the seat is another notary's");
    assert_eq!(world.refused("west authority", &good), "the signer's role does not allow this statement");
    let heavy = Vote { seat: own(&world), credit: World::credit(9000), yes: true };
    let heavy = heavy.draft(&subject, Hash::default(), office.statement);
    assert_eq!(world.refused(SEATS[0], &heavy), "the weight of votes is not that of the notary group");
    let other = Draft { links: vec![Hash([9; 32])], ..good.clone() };
    assert_eq!(world.refused(SEATS[0], &other), "the ballot is one of another notary group");
    let strange = Draft { fields: Fields::new().with("seat", 24), ..good.clone() };
    assert_eq!(world.refused(SEATS[0], &strange), "the fields are not those of this kind");
    world.say(SEATS[0], &good).unwrap();
    assert_eq!(world.refused(SEATS[0], &good), "the seat has voted");
    world.now = UnixMillis(world.now.0 + BALLOT_MILLIS + 1000);
    let late = world.vote_draft(SEATS[1], &subject, true);
    assert_eq!(world.refused(SEATS[1], &late), "there is nothing to vote on, or no longer");
    // Nobody voted in time: whoever may, proposes again.
    world.say("west authority", &draft).unwrap();
    world.carry(&subject);
    assert_eq!(world.matter::<Registration>(&subject).current, Some(registration));
}

fn own(world: &World) -> usize {
    let notary = notary_id(world.members[SEATS[0]].identity());
    world.sitting().group.seat_of(notary).unwrap()
}

#[test]
fn a_domain_registers_its_own_authority_and_the_notaries_end_it() {
    let mut world = World::new();
    let subject = domain_subject(WEST).unwrap();
    let fingerprint = |world: &World, who: &str| world.members[who].certificate.fingerprint();
    let office = world.sitting();
    let of = |certificate, epoch, active| {
        Registration { certificate, epoch, active }.draft(WEST, None, &office).unwrap()
    };
    let (west, south) = (fingerprint(&world, "west authority"), fingerprint(&world, "south authority"));
    assert_eq!(
        world.refused("south authority", &of(south, 1, true)),
        "the signer is of another domain than the statement is about"
    );
    assert_eq!(
        world.refused("west authority", &of(south, 1, true)),
        "the certificate is not the one that the domain has registered"
    );
    assert_eq!(
        world.refused("west owner", &of(west, 1, true)),
        "the signer's role does not allow this statement"
    );
    assert_eq!(
        world.refused("west authority", &of(west, 2, true)),
        "the epoch or version does not follow the one before"
    );
    assert_eq!(world.refused(SEATS[0], &of(west, 1, false)), "the domain is not registered, or no longer");
    let mut light = of(west, 1, true);
    light.fields.insert("total", 1.into());
    assert_eq!(
        world.refused("west authority", &light),
        "the weight of votes is not that of the notary group"
    );
    world.register("west authority", WEST);
    assert_eq!(
        world.refused("west authority", &of(west, 2, false)),
        "the signer's role does not allow this statement"
    );
    world.say(SEATS[0], &of(west, 2, false)).unwrap();
    world.carry(&subject);
    let current = world.matter::<Registration>(&subject).current.unwrap();
    assert_eq!((current.epoch, current.active), (2, false));
    // By the next epoch, and by another key of its own, it takes part again.
    world.register("west second authority", WEST);
    assert!(world.matter::<Registration>(&subject).current.unwrap().active);
}

#[test]
fn a_third_against_ends_a_motion() {
    let mut world = World::new();
    let subject = domain_subject(WEST).unwrap();
    let certificate = world.members["west authority"].certificate.fingerprint();
    let draft =
        Registration { certificate, epoch: 1, active: true }.draft(WEST, None, &world.sitting()).unwrap();
    world.say("west authority", &draft).unwrap();
    world.vote(SEATS[0], &subject, false).unwrap();
    world.vote(SEATS[1], &subject, false).unwrap();
    let matter = world.matter::<Registration>(&subject);
    assert_eq!((matter.current, matter.pending), (None, None));
}

#[test]
fn data_is_declared_invalid_once() {
    let mut world = World::new();
    let (key, office) = (World::key(), world.sitting());
    let draft = Invalidation { state: Hash([1; 32]), evidence: Hash([2; 32]) }.draft(key, None, &office);
    assert_eq!(world.refused("south authority", &draft), "the signer's role does not allow this statement");
    world.say("south notary", &draft).unwrap();
    assert_eq!(world.matter::<Invalidation>(&key.validity()).current, None, "not before it is carried");
    world.carry(&key.validity());
    assert!(world.matter::<Invalidation>(&key.validity()).current.is_some());
    assert_eq!(world.refused("south notary", &draft), "the data has been declared invalid");
}

#[test]
fn what_is_old_or_about_something_else_is_refused() {
    let mut world = World::new();
    let office = world.sitting();
    let motion =
        Invalidation { state: Hash([1; 32]), evidence: Hash([2; 32]) }.draft(World::key(), None, &office);
    let other = Draft { subject: domain_subject(SOUTH).unwrap(), ..motion.clone() };
    assert_eq!(
        world.refused("south notary", &other),
        "the subject is not what a statement of this kind is about"
    );
    let foreign = Draft { subject: Subject::new("urn:countersign:record:00").unwrap(), ..motion.clone() };
    assert_eq!(
        world.refused("south notary", &foreign),
        "the subject is not what a statement of this kind is about"
    );
    let vote = Draft {
        kind: Kind::new(VOTE).unwrap(),
        subject: World::key().subject(),
        ..world.vote_draft(SEATS[0], &group_subject(), true)
    };
    assert_eq!(world.refused(SEATS[0], &vote), "there is nothing to vote on, or no longer");
    let unlinked = Draft { links: vec![], ..motion };
    assert_eq!(world.refused("south notary", &unlinked), "the notary group that it links is not in office");
}

#[test]
fn a_notary_reports_of_others_under_its_own_name_and_once_a_period() {
    let mut world = World::new();
    let own = notary_id(world.members["west notary"].identity());
    let other = notary_id(world.members["north notary"].identity());
    let seen =
        Observed { notary: other, vote: 7, participations: 3, efficiency: 40_000, asked: 5, answered: 4 };
    let report = |period| Report::new(period, vec![seen]).unwrap();
    let draft = report(4).draft(own, None);
    let subject = "the subject is not what a statement of this kind is about";
    assert_eq!(world.refused("north notary", &draft), subject);
    let authority = notary_id(world.members["west authority"].identity());
    let role = "the signer's role does not allow this statement";
    assert_eq!(world.refused("west authority", &report(4).draft(authority, None)), role);
    let id = world.say("west notary", &draft).unwrap();
    assert_eq!(Report::of(world.entry(id)), Some(report(4)));
    let before = "the epoch or version does not follow the one before";
    assert_eq!(world.refused("west notary", &draft), before);
    world.say("west notary", &report(5).draft(own, None)).unwrap();
    let mut cut = report(6).draft(own, None);
    cut.fields.insert("rows", countersign_ledger::Value::Bytes(vec![0; 41]));
    assert_eq!(world.refused("west notary", &cut), "the fields are not those of this kind");
}

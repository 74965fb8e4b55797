//! How a user of one domain is authenticated in another, message by message, and every way in which they are not.

use countersign_domains::{
    AuthRecord, Challenged, Desk, Hello, MESSAGE_MILLIS, MESSAGE_SKEW_MILLIS, NotAuthenticated, Op,
    Presentation, Registration, SeenMessages,
};
use countersign_ledger::{
    Draft, Fields, Hash, Kind, LogName, REVOKE, Statement, Subject, UnixMillis, Value, Verified,
};

use crate::world::{NORTH, SOUTH, WEST, World};

const LEVEL: u8 = 3;

/// Both domains and the user, each with what it has seen.
struct Town {
    world: World,
    user: SeenMessages,
    north: SeenMessages,
    south: SeenMessages,
}

impl Town {
    fn new() -> Self {
        let seen = SeenMessages::default;
        Self { world: World::empty(), user: seen(), north: seen(), south: seen() }
    }

    fn hello(&self) -> Hello {
        Hello { to: SOUTH.to_owned(), user: self.world.user(), nonce: [1; 16] }
    }

    fn registered(&self, who: &str) -> Registration {
        Registration {
            certificate: self.world.members[who].certificate.fingerprint(),
            epoch: 1,
            active: true,
        }
    }

    fn until(&self) -> UnixMillis {
        UnixMillis(self.world.now.0 + 3_600_000)
    }

    fn a1(&mut self) -> Verified {
        let draft = self.hello().draft();
        self.world.verified("north user", &draft)
    }

    fn a2(&mut self, hello: &Verified) -> Result<Verified, NotAuthenticated> {
        let draft = Hello::vouch(hello, LEVEL, [2; 16], &mut desk(NORTH, &self.world, &mut self.north))?;
        Ok(self.around("north authority", &draft, hello.statement()))
    }

    fn around(&mut self, who: &str, draft: &Draft, other: &Statement) -> Verified {
        let member = &self.world.members[who];
        let cti = Hash::of(other.as_bytes()).0[..16].try_into().unwrap();
        let statement =
            draft.countersign(other, &member.certificate, &member.key, self.world.now, cti).unwrap();
        self.world.trust.verify(statement).unwrap()
    }

    fn a3(&mut self, vouch: &Verified) -> Result<(Challenged, Verified), NotAuthenticated> {
        let registered = self.registered("north authority");
        let made =
            Challenged::new(vouch, registered, [3; 16], &mut desk(SOUTH, &self.world, &mut self.south));
        let (challenged, draft) = made?;
        Ok((challenged, self.world.verified("south authority", &draft)))
    }

    fn a4(&mut self, challenge: &Verified) -> Result<Verified, NotAuthenticated> {
        let registered = self.registered("south authority");
        let draft =
            self.hello().answer(challenge, registered, &mut desk(NORTH, &self.world, &mut self.user))?;
        Ok(self.world.verified("north user", &draft))
    }

    fn a5(&mut self, challenged: Challenged, answer: &Verified) -> Result<AuthRecord, NotAuthenticated> {
        let until = self.until();
        challenged.admit(answer, until, &mut desk(SOUTH, &self.world, &mut self.south))
    }

    /// All before the answer is judged.
    fn answered(&mut self) -> (Challenged, Verified) {
        let hello = self.a1();
        let vouch = self.a2(&hello).unwrap();
        let (challenged, challenge) = self.a3(&vouch).unwrap();
        (challenged, self.a4(&challenge).unwrap())
    }
}

fn desk<'a>(domain: &'a str, world: &'a World, seen: &'a mut SeenMessages) -> Desk<'a> {
    Desk { domain, trust: &world.trust, seen, now: world.now }
}

#[test]
fn a_user_is_known_by_pseudonym_certificate_and_level_after_five_messages() {
    let mut town = Town::new();
    let (challenged, answer) = town.answered();
    let record = town.a5(challenged, &answer).unwrap();
    let certificate = town.world.members["north user"].certificate.fingerprint();
    let (user, until) = (town.world.user(), town.until());
    assert_eq!(record, AuthRecord { user, home: NORTH.to_owned(), certificate, level: LEVEL, until });
    let signed = town.world.verified("south authority", &record.draft());
    assert_eq!(AuthRecord::of(&signed), Some(record.clone()));
    let by_another = town.world.verified("south owner", &record.draft());
    assert_eq!(AuthRecord::of(&by_another), None);
    // The log is told the level and a digest, and neither name nor certificate.
    let admission = record.admission(signed.statement().id()).draft(user, None);
    let fields: Vec<_> = admission.fields.iter().map(|(name, _)| name).collect();
    assert_eq!(fields, ["active", "home", "level", "record", "until"]);
}

#[test]
fn the_own_domain_vouches_for_its_own_users_alone_and_once() {
    let mut town = Town::new();
    let hello = town.a1();
    let at = |town: &mut Town, domain: &'static str| {
        Hello::vouch(&hello, LEVEL, [2; 16], &mut desk(domain, &town.world, &mut SeenMessages::default()))
            .map(|_| ())
    };
    assert_eq!(at(&mut town, WEST), Err(NotAuthenticated::OtherDomain));
    assert_eq!(at(&mut town, NORTH), Ok(()));
    town.a2(&hello).unwrap();
    assert_eq!(town.a2(&hello).map(|_| ()), Err(NotAuthenticated::Replayed));
    let home = Hello { to: NORTH.to_owned(), ..town.hello() }.draft();
    let home = town.world.verified("north user", &home);
    assert_eq!(town.a2(&home).map(|_| ()), Err(NotAuthenticated::OtherTarget));
    let other = town.world.verified("north user", &Draft { fields: Fields::new(), ..town.hello().draft() });
    assert_eq!(town.a2(&other).map(|_| ()), Err(NotAuthenticated::Format));
}

#[test]
fn messages_are_neither_old_nor_ahead() {
    let mut town = Town::new();
    let hello = town.a1();
    let now = town.world.now;
    for (now, said) in [
        (now.0 + MESSAGE_MILLIS, None),
        (now.0 + MESSAGE_MILLIS + 1, Some(NotAuthenticated::Stale)),
        (now.0 - MESSAGE_SKEW_MILLIS, None),
        (now.0 - MESSAGE_SKEW_MILLIS - 1, Some(NotAuthenticated::Ahead)),
    ] {
        let taken = SeenMessages::default().take(&hello, UnixMillis(now));
        assert_eq!(taken.err(), said);
    }
}

#[test]
fn a_message_is_remembered_as_long_as_it_would_be_taken() {
    let mut town = Town::new();
    let hello = town.a1();
    let (mut seen, now) = (SeenMessages::default(), town.world.now);
    // It came early: it stays fresh until its own time and five minutes have passed.
    seen.take(&hello, UnixMillis(now.0 - MESSAGE_SKEW_MILLIS)).unwrap();
    for later in (0..=MESSAGE_MILLIS).step_by(5000) {
        assert_eq!(seen.take(&hello, UnixMillis(now.0 + later)), Err(NotAuthenticated::Replayed), "{later}");
    }
    assert_eq!(seen.take(&hello, UnixMillis(now.0 + MESSAGE_MILLIS + 1)), Err(NotAuthenticated::Stale));
}

#[test]
fn the_other_domain_believes_the_registered_authority_alone() {
    let mut town = Town::new();
    let hello = town.a1();
    let vouch = town.a2(&hello).unwrap();
    let certificate = town.registered("north second authority");
    let ended = Registration { active: false, ..town.registered("north authority") };
    for registered in [certificate, ended] {
        let mut seen = SeenMessages::default();
        let said = Challenged::new(&vouch, registered, [3; 16], &mut desk(SOUTH, &town.world, &mut seen));
        assert_eq!(said.map(|_| ()), Err(NotAuthenticated::NotRegistered));
    }
    let registered = town.registered("north authority");
    let mut seen = SeenMessages::default();
    let said = Challenged::new(&vouch, registered, [3; 16], &mut desk(WEST, &town.world, &mut seen));
    assert_eq!(said.map(|_| ()), Err(NotAuthenticated::OtherTarget));
    town.a3(&vouch).unwrap();
    assert_eq!(town.a3(&vouch).map(|_| ()), Err(NotAuthenticated::Replayed));

    // Another domain's authority puts its name around the hello.
    let hello = town.a1();
    let draft = Hello::vouch(&hello, LEVEL, [2; 16], &mut desk(NORTH, &town.world, &mut town.north)).unwrap();
    let forged = town.around("west authority", &draft, hello.statement());
    assert_eq!(town.a3(&forged).map(|_| ()), Err(NotAuthenticated::OtherDomain));
    // A hello twice, in two vouches.
    let again = Draft { fields: draft.fields.clone().with("nonce", Value::Bytes(vec![9; 16])), ..draft };
    let twice = town.around("north authority", &again, hello.statement());
    assert_eq!(town.a3(&twice).map(|_| ()), Err(NotAuthenticated::Replayed));
    // A vouch that carries nothing.
    let bare = town.world.verified("north authority", &again);
    assert_eq!(town.a3(&bare).map(|_| ()), Err(NotAuthenticated::Format));
}

#[test]
fn the_user_answers_the_domain_they_asked_and_no_other() {
    let mut town = Town::new();
    let hello = town.a1();
    let vouch = town.a2(&hello).unwrap();
    let (challenged, challenge) = town.a3(&vouch).unwrap();
    let draft = Hello { nonce: [1; 16], ..town.hello() };
    let (south, west) = (town.registered("south authority"), town.registered("west authority"));
    let answer = |hello: &Hello, challenge: &Verified, registered, world: &World| {
        let mut seen = SeenMessages::default();
        hello.answer(challenge, registered, &mut desk(NORTH, world, &mut seen)).map(|_| ())
    };
    let world = &town.world;
    assert_eq!(answer(&draft, &challenge, south, world), Ok(()));
    assert_eq!(answer(&draft, &challenge, west, world), Err(NotAuthenticated::NotRegistered));
    let other = Hello { nonce: [4; 16], ..draft.clone() };
    assert_eq!(answer(&other, &challenge, south, world), Err(NotAuthenticated::OtherNonce));
    let elsewhere = Hello { to: WEST.to_owned(), ..draft.clone() };
    assert_eq!(answer(&elsewhere, &challenge, west, world), Err(NotAuthenticated::OtherDomain));
    assert_eq!(answer(&draft, &hello, south, world), Err(NotAuthenticated::Format));
    assert_eq!(challenged.own, [3; 16]);
}

#[test]
fn an_answer_is_of_the_same_user_to_the_same_challenge() {
    let mut town = Town::new();
    let (challenged, answer) = town.answered();
    let judge = |town: &mut Town, challenged: &Challenged, answer: &Verified| {
        let mut seen = SeenMessages::default();
        let until = town.until();
        challenged.clone().admit(answer, until, &mut desk(SOUTH, &town.world, &mut seen)).map(|_| ())
    };
    assert_eq!(judge(&mut town, &challenged, &answer), Ok(()));
    let other = Challenged { own: [9; 16], ..challenged.clone() };
    assert_eq!(judge(&mut town, &other, &answer), Err(NotAuthenticated::OtherNonce));
    let other = Challenged { theirs: [9; 16], ..challenged.clone() };
    assert_eq!(judge(&mut town, &other, &answer), Err(NotAuthenticated::OtherNonce));
    let same = Draft {
        kind: answer.statement().kind().clone(),
        subject: answer.statement().subject().clone(),
        fields: answer.fields().clone(),
        prev: None,
        links: vec![],
        sealed: None,
    };
    let anothers = town.world.verified("north owner", &same);
    assert_eq!(judge(&mut town, &challenged, &anothers), Err(NotAuthenticated::OtherUser));
    let elsewhere = Draft { fields: same.fields.clone().with("to", WEST), ..same };
    let elsewhere = town.world.verified("north user", &elsewhere);
    assert_eq!(judge(&mut town, &challenged, &elsewhere), Err(NotAuthenticated::OtherTarget));
}

#[test]
fn who_was_revoked_is_let_in_by_nobody() {
    let mut town = Town::new();
    let hello = town.a1();
    let user = town.world.members["north user"].certificate.fingerprint();
    let subject = Subject::new(hello.statement().issuer().as_str()).unwrap();
    let revocation = Draft {
        kind: Kind::new(REVOKE).unwrap(),
        subject,
        fields: Fields::new().with("certificate", user).with("from-authorization", 9),
        prev: None,
        links: vec![],
        sealed: None,
    };
    let revocation = town.world.verified("north registrar", &revocation);
    let entry = town.world.trust.place(revocation, LogName::TRUST, 0);
    town.world.trust.apply(entry.standing().unwrap()).unwrap();
    assert_eq!(town.a2(&hello).map(|_| ()), Err(NotAuthenticated::Revoked));
}

#[test]
fn what_is_shown_is_for_one_domain_and_taken_once_even_after_a_restart() {
    let mut town = Town::new();
    let wanted = Presentation {
        to: SOUTH.to_owned(),
        user: town.world.user(),
        licence: Hash([1; 32]),
        state: Hash([2; 32]),
        op: Op::Read,
    };
    let shown = town.world.verified("north user", &wanted.draft());
    let elsewhere = Presentation::take(&shown, &mut desk(WEST, &town.world, &mut town.north));
    assert_eq!(elsewhere, Err(NotAuthenticated::OtherTarget));
    let taken = Presentation::take(&shown, &mut desk(SOUTH, &town.world, &mut town.south));
    assert_eq!(taken, Ok(wanted.clone()));
    let mut restored = SeenMessages::restored(town.south.remembered());
    let again = Presentation::take(&shown, &mut desk(SOUTH, &town.world, &mut restored));
    assert_eq!(again, Err(NotAuthenticated::Replayed));

    let hello = town.a1();
    let other = Presentation::take(&hello, &mut desk(SOUTH, &town.world, &mut town.south));
    assert_eq!(other, Err(NotAuthenticated::Format));
    for (name, value) in [("op", 3.into()), ("licence", 1.into()), ("to", "South".into())] {
        let mut draft = wanted.draft();
        draft.fields.insert(name, value);
        let malformed = town.world.verified("north user", &draft);
        let taken = Presentation::take(&malformed, &mut desk(SOUTH, &town.world, &mut town.south));
        assert_eq!(taken, Err(NotAuthenticated::Format), "{name}");
    }
}

//! A nurse at a bed, through the gateway: what works, and every refusal on the way.

use countersign_device::{
    AGAIN, Attempt, Class, Command, Credential, FRESH, Float, Gateway, GatewayKey, GatewayRefusal, Key,
    LegRefusal, M1, M1_SIGNED, M5, M5_END_TO_END, Next, Ops, REGISTRY_FRESH, Random, RelayRefusal, Relayed,
    Replied, Requested, SKEW, Scope, SensorRefusal, StoreError, UnixMillis, Uptime, UserRefusal, Wish,
};

use crate::leg_world::{GATEWAY, NOW, key};
use crate::world::{ENGINEER, MONITOR, NURSE, PATIENT, PUMP, Ward, pulse, sign, staff, wish};

fn settings() -> Command {
    Command { op: Ops::SETTINGS, unit: 3122, metric: 1, value: Float::new(125, -1).unwrap() }
}

#[track_caller]
fn refused(ward: &mut Ward, m1: &[u8], reason: GatewayRefusal) {
    let audits = ward.store.audits.len();
    assert_eq!(ward.request(m1), Err(reason));
    assert_eq!(ward.gateway.busy().count(), 0, "no device is asked");
    assert_eq!(ward.store.audits.len(), audits);
}

#[test]
fn a_nurse_signs_in_sets_the_pump_and_sees_its_readings() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let mut session = ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS.with(Ops::ACTS)));
    let frame = session.command(settings(), ward.now).unwrap();
    let relayed = ward.gateway.down(&PUMP, frame.as_ref(), ward.now);
    assert_eq!(relayed, Ok(Relayed::Command { command: settings(), seq: 1 }));
    ward.hear(&PUMP, frame.as_ref());
    for seq in 1..4 {
        let frame = ward.reading(&PUMP);
        if seq == 2 {
            continue; // lost
        }
        let missed = u32::from(seq == 3);
        let expected = Relayed::Reading { reading: pulse(), q: 1, seq, missed, association: PATIENT };
        assert_eq!(ward.gateway.up(&PUMP, &frame, ward.now), Ok(expected));
        let received = session.open(&frame, ward.now).unwrap();
        assert_eq!((received.reading, received.seq, received.missed), (pulse(), seq, missed));
    }
    let [audit] = &ward.store.audits[..] else { panic!("one session, one audit") };
    assert_eq!((audit.user, audit.scope.association), (NURSE, PATIENT));
    let (message, signature) = audit.signed.as_ref().unwrap();
    assert_eq!(sign(message).as_ref(), Some(signature), "anybody can verify who asked to act");
}

#[test]
fn looking_needs_no_signature_and_acting_does() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    assert_eq!(m1.len(), M1);
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::SETTINGS)).unwrap();
    assert_eq!(m1.len(), M1_SIGNED);
    let random = Random { secret: ward.random(), nonce: [1; 16] };
    let cancelled = |_: &[u8]| None;
    let refusal = Attempt::new(&nurse, &ward.key, wish(PUMP, Ops::START), ward.now, random, cancelled);
    assert_eq!(refusal.unwrap_err(), UserRefusal::Unsigned);
    let false_signature = |_: &[u8]| sign(b"something else");
    let (_, m1) =
        Attempt::new(&nurse, &ward.key, wish(PUMP, Ops::START), ward.now, random, false_signature).unwrap();
    refused(&mut ward, m1.as_ref(), GatewayRefusal::Signature);
    let high = |message: &[u8]| {
        let signature = p256::ecdsa::Signature::from_slice(&sign(message)?).ok()?;
        let (r, s) = signature.split_scalars();
        let high = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).ok()?;
        Some(high.to_bytes().into())
    };
    let (_, m1) = Attempt::new(&nurse, &ward.key, wish(PUMP, Ops::START), ward.now, random, high).unwrap();
    refused(&mut ward, m1.as_ref(), GatewayRefusal::Signature);
    // The registry knows no key: this person acts on no patient.
    let [mut keyless, _] = staff();
    keyless.key = None;
    ward.gateway.enrol(keyless);
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::START)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::Unsigned);
}

#[test]
fn a_request_is_taken_as_it_was_sent_or_not_at_all() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    for length in (0..M1).chain([M1 + 1, M1_SIGNED, 4096]) {
        let mut bytes = m1.clone();
        bytes.resize(length, 0);
        refused(&mut ward, &bytes, GatewayRefusal::Malformed);
    }
    for at in 0..M1 {
        let mut altered = m1.clone();
        altered[at] ^= 0x01;
        let reason = match at {
            0 => GatewayRefusal::Malformed,
            1..=4 => GatewayRefusal::OtherKey,
            _ => GatewayRefusal::Sealed,
        };
        refused(&mut ward, &altered, reason);
    }
    let mut end_to_end = m1.clone();
    end_to_end[0] = 0x11;
    refused(&mut ward, &end_to_end, GatewayRefusal::Sealed);
    let mut other = Ward::new();
    other.key.id = [9; 16];
    let (_, m1) = other.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::Sealed);
}

#[test]
fn a_request_is_of_now() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let started = ward.now;
    ward.now = UnixMillis(started.0 + 100_000);
    let at = |ward: &mut Ward, time: u64| {
        let now = std::mem::replace(&mut ward.now, UnixMillis(time));
        let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
        ward.now = now;
        m1
    };
    let now = ward.now.0;
    let m1 = at(&mut ward, now - FRESH - 1);
    refused(&mut ward, &m1, GatewayRefusal::Stale);
    let m1 = at(&mut ward, now + SKEW + 1);
    refused(&mut ward, &m1, GatewayRefusal::Ahead);
    for time in [now - FRESH, now + SKEW] {
        let m1 = at(&mut ward, time);
        assert!(ward.request(&m1).is_ok());
    }
}

#[test]
fn a_request_comes_once_and_its_answer_may_come_again() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let (attempt, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    let Ok(Requested::Device { .. }) = ward.request(&m1) else { panic!() };
    assert_eq!(ward.request(&m1), Err(GatewayRefusal::Seen), "not answered yet");
    let m3 = ward.ask(&PUMP);
    let Ok(Replied::Answer { m5, .. }) = ward.reply(&PUMP, &m3) else { panic!() };
    assert_eq!(ward.request(&m1), Ok(Requested::Again(m5)));
    let mut altered = m1.clone();
    altered[149] ^= 1;
    assert_eq!(ward.request(&altered), Err(GatewayRefusal::Seen), "the answer is for the same bytes alone");
    assert!(attempt.answer(m5.as_ref(), ward.now).is_ok());
    ward.now.0 += AGAIN;
    assert_eq!(ward.request(&m1), Err(GatewayRefusal::Seen));
    ward.now.0 += FRESH + SKEW;
    assert_eq!(ward.request(&m1), Err(GatewayRefusal::Stale), "forgotten when it is too old to be taken");
}

#[test]
fn what_was_taken_before_a_restart_is_not_taken_after_it() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    // The user's clock is ahead by as much as is allowed, and the gateway dies right after it.
    let taken = ward.now;
    ward.now.0 += SKEW;
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    ward.now = taken;
    ward.m5(&m1);
    ward.restart();
    for later in [0, 1, SKEW, SKEW + 1, FRESH] {
        ward.now.0 = taken.0 + later;
        refused(&mut ward, &m1, GatewayRefusal::BeforeStart);
    }
    ward.now.0 = taken.0 + SKEW + 1;
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
}

#[test]
fn only_a_known_and_current_credential_asks() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    for stranger in
        [Credential { cred: [9; 16], ..nurse.clone() }, Credential { id: ENGINEER, ..nurse.clone() }]
    {
        let (_, m1) = ward.attempt(&stranger, wish(PUMP, Ops::LOOKS)).unwrap();
        refused(&mut ward, &m1, GatewayRefusal::NoCredential);
    }
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    let [mut over, _] = staff();
    over.until = ward.now;
    ward.gateway.enrol(over);
    refused(&mut ward, &m1, GatewayRefusal::NoCredential);
    // A credential of the epoch before proves nothing.
    let [mut next, _] = staff();
    next.epoch = 2;
    let renewed = ward.gateway.issue(&next);
    ward.gateway.enrol(next);
    refused(&mut ward, &m1, GatewayRefusal::Proof);
    ward.sign_in(&renewed, wish(PUMP, Ops::LOOKS));
}

#[test]
fn guesses_make_a_credential_wait_longer_each_time_and_bar_nobody() {
    let mut ward = Ward::new();
    let (nurse, engineer) = (ward.nurse.clone(), ward.engineer.clone());
    let guess = Credential { secret: key(99), ..nurse.clone() };
    for _ in 0..5 {
        let (_, m1) = ward.attempt(&guess, wish(PUMP, Ops::LOOKS)).unwrap();
        refused(&mut ward, &m1, GatewayRefusal::Proof);
    }
    for wait in [1_000, 2_000, 4_000] {
        let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
        refused(&mut ward, &m1, GatewayRefusal::Wait);
        ward.now.0 += wait - 1;
        refused(&mut ward, &m1, GatewayRefusal::Wait);
        ward.now.0 += 1;
        let (_, m1) = ward.attempt(&guess, wish(PUMP, Ops::LOOKS)).unwrap();
        refused(&mut ward, &m1, GatewayRefusal::Proof);
    }
    // Another's credential does not wait, and a restart forgets nothing.
    ward.sign_in(&engineer, wish(MONITOR, Ops::LOOKS));
    ward.restart();
    ward.now.0 += SKEW + 1;
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::Wait);
    ward.now.0 += 8_000;
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    let (_, m1) = ward.attempt(&guess, wish(PUMP, Ops::LOOKS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::Proof);
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
}

#[test]
fn a_request_that_proves_nothing_is_not_remembered() {
    // Else a stranger could fill the gateway's memory, or have somebody's request refused as seen.
    let mut ward = Ward::new();
    let guess = Credential { secret: key(99), ..ward.nurse.clone() };
    let (_, m1) = ward.attempt(&guess, wish(PUMP, Ops::LOOKS)).unwrap();
    for _ in 0..2 {
        refused(&mut ward, &m1, GatewayRefusal::Proof);
    }
    let (_, of_nobody) =
        ward.attempt(&Credential { cred: [9; 16], ..guess }, wish(PUMP, Ops::LOOKS)).unwrap();
    for _ in 0..2 {
        refused(&mut ward, &of_nobody, GatewayRefusal::NoCredential);
    }
}

#[test]
fn nobody_waits_longer_than_a_quarter_of_an_hour() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let last = ward.now;
    ward.gateway.recall_wrong_proofs(nurse.cred, countersign_device::WrongProofs { count: u32::MAX, last });
    ward.now.0 += countersign_device::LONGEST_WAIT;
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
}

#[test]
fn a_role_does_what_it_may_at_the_class_of_the_device_and_no_more() {
    let mut ward = Ward::new();
    let (nurse, engineer) = (ward.nurse.clone(), ward.engineer.clone());
    // More was wanted than is permitted: what is permitted is granted, and the user accepts that.
    let session = ward.sign_in(&engineer, wish(MONITOR, Ops::LOOKS.with(Ops::SETTINGS)));
    assert_eq!(session.scope().ops, Ops::LOOKS);
    for (sid, ops) in [(PUMP, Ops::SETTINGS), (PUMP, Ops::LOOKS), (MONITOR, Ops::START)] {
        let (_, m1) = ward.attempt(&engineer, wish(sid, ops)).unwrap();
        refused(&mut ward, &m1, GatewayRefusal::NotPermitted);
    }
    let (_, m1) = ward.attempt(&nurse, Wish { ttl: 0, ..wish(PUMP, Ops::LOOKS) }).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::NotPermitted);
    let promoted = Credential { role: 1, ..nurse.clone() };
    let (_, m1) = ward.attempt(&promoted, wish(PUMP, Ops::LOOKS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::NotPermitted);
    let (_, m1) = ward.attempt(&nurse, wish([0; 16], Ops::LOOKS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::NoDevice);
    let (_, m1) = ward.attempt(&nurse, Wish { association: 7, ..wish(PUMP, Ops::LOOKS) }).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::OtherPatient);
    // Who does not say which patient is told.
    let session = ward.sign_in(&nurse, Wish { association: 0, ..wish(PUMP, Ops::LOOKS) });
    assert_eq!(session.scope().association, PATIENT);
}

#[test]
fn breaking_the_glass_is_prepared_signed_short_and_only_looks() {
    let mut ward = Ward::new();
    let (nurse, engineer) = (ward.nurse.clone(), ward.engineer.clone());
    let glass = Ops::LOOKS.with(Ops::ACTS).with(Ops::BREAK_GLASS);
    let session = ward.sign_in(&engineer, wish(PUMP, glass));
    assert_eq!((session.scope().ops, session.scope().ttl), (Ops::LOOKS, 15));
    assert!(ward.store.audits[0].signed.is_some());
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::BREAK_GLASS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::NotPermitted);
}

#[test]
fn an_old_registry_lets_people_look_and_not_act() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    ward.gateway.registry_as_of(UnixMillis(ward.now.0 - REGISTRY_FRESH - 1));
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::SETTINGS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::RegistryStale);
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
}

#[test]
fn a_revoked_nurse_is_refused_at_once_and_cut_off() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let mut session = ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS.with(Ops::ACTS)));
    let (_, waiting) = ward.attempt(&nurse, wish(MONITOR, Ops::LOOKS)).unwrap();
    ward.request(&waiting).unwrap();
    let m3 = ward.ask(&MONITOR);
    let (_, fresh) = ward.attempt(&nurse, wish(MONITOR, Ops::LOOKS)).unwrap();

    ward.gateway.revoke(&nurse.cred);
    let frame = session.command(settings(), ward.now).unwrap();
    let relayed = ward.gateway.down(&PUMP, frame.as_ref(), ward.now);
    assert_eq!(relayed, Err(RelayRefusal::NoSession));
    let reading = ward.reading(&PUMP);
    assert_eq!(ward.gateway.up(&PUMP, &reading, ward.now), Err(RelayRefusal::NoSession));
    assert_eq!(ward.reply(&MONITOR, &m3), Ok(Replied::Nobody), "she is not told");
    assert_eq!(ward.request(&fresh), Err(GatewayRefusal::NoCredential));
    // The pump itself is told too, so that not even her radio reaches it.
    let m3 = ward.ask(&PUMP);
    let bed = ward.beds.get_mut(&PUMP).unwrap();
    let heard = bed.sensor.frame(frame.as_ref(), Uptime(10_000), &mut bed.flash);
    assert_eq!(heard, Err(SensorRefusal::NoSession));
    assert_eq!(ward.reply(&PUMP, &m3), Ok(Replied::Nobody));
    assert_eq!(ward.store.audits.len(), 1, "what only ends a session has no user");
}

#[test]
fn a_row_that_permits_less_ends_what_it_no_longer_permits() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    let [same, _] = staff();
    ward.gateway.enrol(same.clone());
    let reading = ward.reading(&PUMP);
    assert!(ward.gateway.up(&PUMP, &reading, ward.now).is_ok(), "nothing has changed");
    ward.gateway.enrol(countersign_device::Staff { may: [Ops::NONE; 3], ..same });
    let reading = ward.reading(&PUMP);
    assert_eq!(ward.gateway.up(&PUMP, &reading, ward.now), Err(RelayRefusal::NoSession));
}

#[test]
fn a_revoked_device_is_asked_nothing_and_not_listened_to() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    ward.gateway.remove(&PUMP);
    let reading = ward.reading(&PUMP);
    assert_eq!(ward.gateway.up(&PUMP, &reading, ward.now), Err(RelayRefusal::NoSession));
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::NoDevice);
    assert_eq!(ward.next(&PUMP), Err(GatewayRefusal::NoDevice));
    assert_eq!(ward.reply(&PUMP, &[0; 45]), Err(GatewayRefusal::NoDevice));
    assert_eq!(ward.gateway.associate(&PUMP, 1), Err(GatewayRefusal::NoDevice));
}

#[test]
fn a_device_joins_while_others_are_in_use() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let mut session = ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    let rows = ward.store.legs.clone();
    ward.join([0xb3; 16], Class::Auxiliary, 70);
    assert!(rows.iter().all(|(sid, row)| ward.store.legs[sid] == *row), "no other is touched");
    let reading = ward.reading(&PUMP);
    assert!(session.open(&reading, ward.now).is_ok());
    ward.sign_in(&nurse, wish([0xb3; 16], Ops::LOOKS));
}

#[test]
fn a_device_that_moves_to_another_patient_ends_its_sessions() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    ward.gateway.associate(&PUMP, PATIENT).unwrap();
    let reading = ward.reading(&PUMP);
    assert!(ward.gateway.up(&PUMP, &reading, ward.now).is_ok(), "the same patient");
    let (_, waiting) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    ward.request(&waiting).unwrap();
    ward.gateway.associate(&PUMP, 2002).unwrap();
    let reading = ward.reading(&PUMP);
    assert_eq!(ward.gateway.up(&PUMP, &reading, ward.now), Err(RelayRefusal::NoSession));
    let m3 = ward.ask(&PUMP);
    assert_eq!(ward.reply(&PUMP, &m3), Ok(Replied::Nobody), "asked for the patient before");
    let m3 = ward.ask(&PUMP);
    assert_eq!(ward.reply(&PUMP, &m3), Ok(Replied::Nobody), "the session that ends the others");
    let session = ward.sign_in(&nurse, Wish { association: 2002, ..wish(PUMP, Ops::LOOKS) });
    assert_eq!(session.scope().association, 2002);
}

#[test]
fn a_busy_gateway_says_so_and_remembers_no_request_that_it_did_not_take() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let mut refused = None;
    for at in 0..5 {
        let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
        let taken = ward.request(&m1);
        assert_eq!(taken.is_ok(), at < 4, "{at}");
        if let Err(reason) = taken {
            assert_eq!(reason, GatewayRefusal::Busy);
            refused = Some(m1);
        }
    }
    ward.next(&PUMP).unwrap();
    assert!(ward.request(&refused.unwrap()).is_ok(), "the same bytes, when there is room");
}

#[test]
fn a_device_that_is_silent_is_told_of() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    let Ok(Requested::Device { ticket, .. }) = ward.request(&m1) else { panic!() };
    for _ in 0..3 {
        assert!(matches!(ward.next(&PUMP), Ok(Next::Send(_))));
        ward.now.0 += 3_000;
    }
    assert_eq!(ward.next(&PUMP), Ok(Next::Unreachable(ticket)));
    assert_eq!(ward.next(&PUMP), Ok(Next::Idle));
}

#[test]
fn nothing_leaves_a_gateway_whose_store_fails() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    ward.request(&m1).unwrap();
    ward.store.fails = true;
    assert_eq!(ward.next(&PUMP), Err(GatewayRefusal::Store(StoreError)));
    ward.store.fails = false;
    let m3 = ward.ask(&PUMP);
    ward.store.fails = true;
    assert_eq!(ward.reply(&PUMP, &m3), Err(GatewayRefusal::Store(StoreError)));
    ward.store.fails = false;
    let mut forged = m3.clone();
    forged[44] ^= 1;
    assert_eq!(ward.reply(&PUMP, &forged), Err(GatewayRefusal::Leg(LegRefusal::Tag)));
    let unusable = ward.gateway.reply(&PUMP, &m3, ward.now, &[0; 32], &mut ward.store);
    assert_eq!(unusable, Err(GatewayRefusal::Random));
    assert!(matches!(ward.reply(&PUMP, &m3), Ok(Replied::Answer { .. })), "the same bytes, later");
}

#[test]
fn an_answer_is_taken_as_it_was_sent_by_this_gateway_to_this_request() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let (attempt, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    let (other, _) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    let m5 = ward.m5(&m1);
    for length in (0..M5).chain([M5 + 1, M5_END_TO_END]) {
        let mut bytes = m5.clone();
        bytes.resize(length, 0);
        assert_eq!(attempt.answer(&bytes, ward.now).unwrap_err(), UserRefusal::Malformed);
    }
    for at in 1..M5 {
        let mut altered = m5.clone();
        altered[at] ^= 1;
        assert_eq!(attempt.answer(&altered, ward.now).unwrap_err(), UserRefusal::NotTheGateway, "{at}");
    }
    assert_eq!(other.answer(&m5, ward.now).unwrap_err(), UserRefusal::NotTheGateway);
    let late = UnixMillis(ward.now.0 + FRESH + 1);
    assert_eq!(attempt.answer(&m5, late).unwrap_err(), UserRefusal::Stale);
    let early = UnixMillis(ward.now.0 - SKEW - 1);
    assert_eq!(attempt.answer(&m5, early).unwrap_err(), UserRefusal::Stale);
    assert!(attempt.answer(&m5, ward.now).is_ok());
}

#[test]
fn a_gateway_without_the_credentials_key_is_not_trusted() {
    // It has the daily key and the device, as a thief of both would, but not A.
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let mut thief = Gateway::start(GATEWAY, key(98), NOW);
    thief.rotate(1, key(51).as_bytes()).unwrap();
    let [row, _] = staff();
    thief.enrol(row);
    std::mem::swap(&mut ward.gateway, &mut thief);
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::Proof);
}

#[test]
fn a_user_asks_only_with_usable_bytes_and_a_real_key() {
    let ward = Ward::new();
    let good = Random { secret: *key(1).as_bytes(), nonce: [1; 16] };
    for secret in [[0; 32], [0xff; 32]] {
        let random = Random { secret, ..good };
        let refusal = Attempt::new(&ward.nurse, &ward.key, wish(PUMP, Ops::LOOKS), NOW, random, sign);
        assert_eq!(refusal.unwrap_err(), UserRefusal::Random);
    }
    let no_key = GatewayKey { point: [5; 33], ..ward.key.clone() };
    let refusal = Attempt::new(&ward.nurse, &no_key, wish(PUMP, Ops::LOOKS), NOW, good, sign);
    assert_eq!(refusal.unwrap_err(), UserRefusal::GatewayKey);
    let mut gateway = ward.gateway;
    assert_eq!(gateway.rotate(9, &[0; 32]), Err(GatewayRefusal::Random));
}

#[test]
fn yesterdays_key_still_opens_and_the_one_before_is_gone() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    ward.gateway.rotate(2, key(52).as_bytes()).unwrap();
    ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    ward.gateway.rotate(3, key(53).as_bytes()).unwrap();
    refused(&mut ward, &m1, GatewayRefusal::OtherKey);
}

#[test]
fn a_user_takes_each_reading_once_from_this_session_and_in_its_time() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let mut first = ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    let old = ward.reading(&PUMP);
    let mut session = ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
    assert_eq!(session.open(&old, ward.now).unwrap_err(), UserRefusal::OtherSession);
    assert!(first.open(&old, ward.now).is_ok());
    let frame = ward.reading(&PUMP);
    let mut altered = frame.clone();
    altered[8] ^= 1;
    assert_eq!(session.open(&altered, ward.now).unwrap_err(), UserRefusal::Tag);
    assert_eq!(session.open(&frame[..39], ward.now).unwrap_err(), UserRefusal::Malformed);
    assert!(session.open(&frame, ward.now).is_ok());
    assert_eq!(session.open(&frame, ward.now).unwrap_err(), UserRefusal::Replayed);
    assert_eq!(session.command(settings(), ward.now).unwrap_err(), UserRefusal::NotPermitted);
    let own = session.confirmation();
    assert_eq!(session.open(own.as_ref(), ward.now).unwrap_err(), UserRefusal::Malformed, "reflected");
    let over = session.until();
    let frame = ward.reading(&PUMP);
    assert_eq!(session.open(&frame, over).unwrap_err(), UserRefusal::Over);
    assert_eq!(session.command(settings(), over).unwrap_err(), UserRefusal::Over);
}

#[test]
fn the_gateway_relays_what_the_session_permits_and_once() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let nobody = ward.gateway.down(&PUMP, &[0; 24], ward.now);
    assert_eq!(nobody, Err(RelayRefusal::NoSession));
    let (attempt, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS.with(Ops::SETTINGS))).unwrap();
    let m5 = ward.m5(&m1);
    let mut session = attempt.answer(&m5, ward.now).unwrap();
    let command = session.command(settings(), ward.now).unwrap();
    let early = ward.gateway.down(&PUMP, command.as_ref(), ward.now);
    assert_eq!(early, Err(RelayRefusal::Unconfirmed));
    let confirmation = session.confirmation();
    for _ in 0..2 {
        let relayed = ward.gateway.down(&PUMP, confirmation.as_ref(), ward.now);
        assert_eq!(relayed, Ok(Relayed::Confirmation), "it may be lost behind the gateway");
    }
    ward.hear(&PUMP, confirmation.as_ref());
    assert!(ward.gateway.down(&PUMP, command.as_ref(), ward.now).is_ok());
    let again = ward.gateway.down(&PUMP, command.as_ref(), ward.now);
    assert_eq!(again, Err(RelayRefusal::Replayed));
    let reading = ward.reading(&PUMP);
    let mut altered = reading.clone();
    altered[9] ^= 1;
    assert_eq!(ward.gateway.up(&PUMP, &altered, ward.now), Err(RelayRefusal::Tag));
    assert_eq!(ward.gateway.up(&PUMP, &reading[1..], ward.now), Err(RelayRefusal::Malformed));
    let mut other = reading.clone();
    other[2] ^= 1;
    assert_eq!(ward.gateway.up(&PUMP, &other, ward.now), Err(RelayRefusal::OtherSession));
    assert!(ward.gateway.up(&PUMP, &reading, ward.now).is_ok());
    assert_eq!(ward.gateway.up(&PUMP, &reading, ward.now), Err(RelayRefusal::Replayed));
    ward.now.0 += 30 * 60_000;
    assert_eq!(ward.gateway.up(&PUMP, &reading, ward.now), Err(RelayRefusal::NoSession));
}

#[test]
fn a_user_whose_own_tablet_permits_more_is_stopped_on_the_way() {
    // A tablet that was tampered with seals what its session does not permit: gateway and device both refuse.
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let scope = Scope { role: 2, ops: Ops::LOOKS, ttl: 30, association: PATIENT };
    let (_, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    ward.request(&m1).unwrap();
    let Ok(Next::Send(m2)) = ward.next(&PUMP) else { panic!() };
    let uptime = Uptime(9_000);
    let bed = ward.beds.get_mut(&PUMP).unwrap();
    let m3 = bed.sensor.request(m2.as_ref(), uptime, [4; 16], &mut bed.flash).unwrap();
    let m2 = m2.as_ref();
    let m3 = m3.as_ref();
    let ratchet = key(61);
    let fields: [&[u8]; 4] = [&m2[9..25], &m2[25..41], &m3[9..25], &m2[49..57]];
    let kappa = crate::peer::mac(ratchet.as_bytes(), "S003/auth/sk/1", &fields);
    ward.reply(&PUMP, m3).unwrap();
    let peer = crate::peer::Peer::new(1, &kappa, &PUMP, &GATEWAY, scope.to_bytes());
    let confirmation = peer.frame(0, &[]);
    ward.gateway.down(&PUMP, &confirmation, ward.now).unwrap();
    ward.hear(&PUMP, &confirmation);
    let forbidden = peer.frame(1, &settings().to_bytes());
    assert_eq!(ward.gateway.down(&PUMP, &forbidden, ward.now), Err(RelayRefusal::NotPermitted));
    let bed = ward.beds.get_mut(&PUMP).unwrap();
    let heard = bed.sensor.frame(&forbidden, uptime, &mut bed.flash);
    assert_eq!(heard, Err(SensorRefusal::NotPermitted));
}

#[test]
fn an_end_to_end_key_keeps_out_the_gateway() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let sealed = Wish { end_to_end: true, ..wish(MONITOR, Ops::LOOKS) };
    let mut session = ward.sign_in(&nurse, sealed);
    let frame = ward.reading(&MONITOR);
    assert_eq!(ward.gateway.up(&MONITOR, &frame, ward.now), Ok(Relayed::Sealed));
    assert_eq!(session.open(&frame, ward.now).unwrap().reading, pulse());
}

#[test]
fn a_leaked_daily_key_tells_who_asked_and_opens_no_session() {
    let mut ward = Ward::new();
    let nurse = ward.nurse.clone();
    let (attempt, m1) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    let m5 = ward.m5(&m1);
    let session = attempt.answer(&m5, ward.now).unwrap();
    // A thief with the daily key reads the request: this is what is not claimed.
    let mut thief = Gateway::start(GATEWAY, key(97), NOW);
    thief.rotate(1, key(51).as_bytes()).unwrap();
    let refusal = thief.request(&m1, ward.now, &mut ward.store);
    assert_eq!(refusal, Err(GatewayRefusal::NoCredential), "opened, and the name in it is read");
    // And not the answer: that needs the ephemeral secret of one of the two, which both have dropped.
    let (other, _) = ward.attempt(&nurse, wish(PUMP, Ops::LOOKS)).unwrap();
    assert_eq!(other.answer(&m5, ward.now).unwrap_err(), UserRefusal::NotTheGateway);
    drop(session);
}

#[test]
fn secrets_of_a_ward_are_not_shown() {
    let ward = Ward::new();
    let shown = format!("{:?}", ward.nurse);
    assert!(shown.contains("Key(..)"));
    assert!(!shown.contains(&format!("{:?}", ward.nurse.secret.as_bytes())));
    assert_ne!(ward.nurse.secret, Key::new([0; 32]));
}

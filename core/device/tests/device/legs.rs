//! What the gateway's end of a leg refuses, sends again, and keeps.

use countersign_device::{LegRefusal, M3, Next, StoreError, Wanted};

use crate::leg_world::{SCOPE, World, key};

#[track_caller]
fn refused(world: &mut World, m3: &[u8], reason: LegRefusal) {
    let rows = world.rows.clone();
    let (index, outstanding) = (world.leg.index(), world.leg.outstanding().cloned());
    assert_eq!(world.leg.reply(m3, &mut world.rows), Err(reason));
    assert_eq!(world.rows, rows, "a refusal writes nothing");
    assert_eq!((world.leg.index(), world.leg.outstanding().cloned()), (index, outstanding));
}

#[test]
fn a_reply_is_taken_as_it_was_sent_or_not_at_all() {
    let mut world = World::new();
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    for length in (0..M3).chain([M3 + 1, M3 + 33]) {
        let mut bytes = m3.clone();
        bytes.resize(length, 0);
        refused(&mut world, &bytes, LegRefusal::Malformed);
    }
    for at in [9, 25, 29, 44] {
        let mut altered = m3.clone();
        altered[at] ^= 1;
        refused(&mut world, &altered, LegRefusal::Tag);
    }
    let mut other = m3.clone();
    other[4] += 1;
    refused(&mut world, &other, LegRefusal::NeverAsked);
    for index in [2u32, 64, u32::MAX] {
        let mut other = m3.clone();
        other[5..9].copy_from_slice(&index.to_be_bytes());
        refused(&mut world, &other, LegRefusal::OutOfStep);
    }
    world.leg.reply(&m3, &mut world.rows).unwrap();
    refused(&mut world, &m3, LegRefusal::Late);
    assert_eq!(world.leg.late(), 1);
}

#[test]
fn a_reply_to_an_earlier_message_is_late_and_not_false() {
    let mut world = World::new();
    let first = world.m2();
    let late = world.m3(&first).unwrap();
    let second = world.m2();
    assert_ne!(first, second, "sent again with a new number and a new nonce");
    refused(&mut world, &late, LegRefusal::Late);
    assert!(!world.leg.needs_a_technician());
    let m3 = world.m3(&second).unwrap();
    world.leg.reply(&m3, &mut world.rows).unwrap();
}

#[test]
fn a_sensor_that_is_silent_is_asked_three_times() {
    let mut world = World::new();
    world.want();
    let ticket = match world.next() {
        Next::Send(_) => world.leg.outstanding().unwrap().ticket,
        other => panic!("{other:?}"),
    };
    let nonce = world.nonce();
    assert!(matches!(world.leg.next(world.now, nonce, &mut world.rows), Ok(Next::Wait(_))));
    for _ in 1..3 {
        assert!(matches!(world.next(), Next::Send(_)));
    }
    assert_eq!(world.next(), Next::Unreachable(ticket));
    assert_eq!(world.next(), Next::Idle);
}

#[test]
fn four_requests_wait_and_a_fifth_is_told_so() {
    let mut world = World::new();
    world.want();
    let _ = world.m2();
    for _ in 0..4 {
        world.want();
    }
    assert!(world.leg.is_busy());
    let wanted = Wanted { ticket: 9, n_u: [0; 16], scope: SCOPE, point: None };
    assert_eq!(world.leg.want(wanted), Err(LegRefusal::Busy));
    // They come in their order.
    let mut tickets = vec![];
    while let Some(wanted) = world.leg.outstanding().cloned() {
        tickets.push(wanted.ticket);
        let m2 = world.m2();
        let m3 = world.m3(&m2).unwrap();
        world.leg.reply(&m3, &mut world.rows).unwrap();
        world.next();
    }
    assert!(tickets.len() == 5 && tickets.is_sorted());
}

#[test]
fn five_false_replies_in_a_row_call_a_technician() {
    let mut world = World::new();
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    let mut forged = m3.clone();
    forged[44] ^= 1;
    for count in 1..=5 {
        refused(&mut world, &forged, LegRefusal::Tag);
        assert_eq!(world.leg.needs_a_technician(), count == 5);
    }
    world.leg.reply(&m3, &mut world.rows).unwrap();
    assert!(!world.leg.needs_a_technician(), "a right one ends it");
}

#[test]
fn a_damaged_ratchet_is_found_out_before_anybody_uses_its_key() {
    let mut world = World::new();
    world.rows.row.ratchet = key(66);
    world.reboot_gateway();
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    refused(&mut world, &m3, LegRefusal::Tag);
}

#[test]
fn nothing_is_sent_that_is_not_kept() {
    let mut world = World::new();
    world.want();
    world.rows.fails = true;
    let nonce = world.nonce();
    let refusal = world.leg.next(world.now, nonce, &mut world.rows);
    assert_eq!(refusal, Err(LegRefusal::Store(StoreError)));
    world.rows.fails = false;
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    world.rows.fails = true;
    refused(&mut world, &m3, LegRefusal::Store(StoreError));
    world.rows.fails = false;
    world.leg.reply(&m3, &mut world.rows).unwrap();
    assert_eq!(world.gap(), 0);
}

#[test]
fn numbers_are_reserved_in_blocks_and_a_restart_goes_on_after_the_block() {
    let mut world = World::new();
    for _ in 0..65 {
        world.agree();
    }
    assert_eq!((world.leg.last(), world.rows.row.reserved), (65, 128));
    assert_eq!(world.rows.writes, 65 + 2);
    world.reboot_gateway();
    world.session();
    assert_eq!(world.leg.last(), 129);
}

#[test]
fn a_gateway_goes_four_macs_and_five_to_catch_up() {
    let mut world = World::new();
    world.agree();
    assert_eq!(world.leg.take_macs(), 4);
    let m2 = world.m2();
    world.m3(&m2).unwrap();
    world.leg.take_macs();
    world.agree();
    assert_eq!(world.leg.take_macs(), 5);
}

//! What a sensor refuses, what that costs, and that it changes nothing.

use countersign_device::{
    COUNTER_END, Command, Flash as _, FlashError, Float, Heard, Identity, Key, LegRefusal, LegRow, M2,
    M2_END_TO_END, M3_END_TO_END, Ops, ProvisionError, Reading, Scope, Sensor, SensorRefusal, Slot,
    SoftwareCurve, Wanted,
};

use crate::flash::Memory;
use crate::leg_world::{GATEWAY, SCOPE, SID, World, identity, key, peer};

fn reading() -> Reading {
    Reading { metric: 0x0002_4182, value: Float::new(72, 0).unwrap(), unit: 2720, status: 0, tick: 5 }
}

fn command(op: Ops) -> Vec<u8> {
    Command { op, unit: 3122, metric: 0x0002_6810, value: Float::new(125, -1).unwrap() }.to_bytes().to_vec()
}

/// The sensor refuses for this reason, computes so many MACs, and neither it nor its flash is changed.
#[track_caller]
fn refused(world: &mut World, m2: &[u8], reason: SensorRefusal, macs: u32) {
    world.sensor.take_macs();
    let (mut sensor, flash) = (world.sensor.clone(), world.flash.clone());
    assert_eq!(world.m3(m2), Err(reason));
    assert_eq!(world.sensor.take_macs(), macs, "the price of a refusal");
    sensor.take_macs();
    assert_eq!((&world.sensor, &world.flash), (&sensor, &flash), "a refusal changes nothing");
}

#[track_caller]
fn refused_frame(world: &mut World, frame: &[u8], reason: SensorRefusal) {
    world.sensor.take_macs();
    let (sensor, flash) = (world.sensor.clone(), world.flash.clone());
    assert_eq!(world.hear(frame), Err(reason));
    world.sensor.take_macs();
    assert_eq!((&world.sensor, &world.flash), (&sensor, &flash), "a refusal changes nothing");
}

#[test]
fn a_session_costs_four_macs_and_two_changes_of_flash() {
    let mut world = World::new();
    let (m2, changes) = (world.m2(), world.flash.changes);
    world.sensor.take_macs();
    let m3 = world.m3(&m2).unwrap();
    assert_eq!(world.sensor.take_macs(), 4);
    assert_eq!(world.flash.changes - changes, 2, "the record, and the older slot's end");
    assert_eq!((m2.len(), m3.len()), (73, 45));
    let agreed = world.leg.reply(&m3, &mut world.rows).unwrap();
    assert_eq!(world.gap(), 0);
    assert_eq!(world.hear(&peer(&agreed).frame(0, &[])), Ok(Heard::Confirmed));
    assert_eq!(world.sensor.take_macs(), 3, "two keys, and the frame's tag");
}

#[test]
fn a_gateway_that_missed_the_reply_costs_three_and_one_that_is_ahead_five() {
    let mut world = World::new();
    let m2 = world.m2();
    world.m3(&m2).unwrap();
    world.sensor.take_macs();
    // The reply is lost: the sensor is ahead.
    assert_eq!(world.gap(), 1);
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    assert_eq!(world.sensor.take_macs(), 3);
    let agreed = world.leg.reply(&m3, &mut world.rows).unwrap();
    // The gateway took it, the sensor does not know: it is behind by one, until the confirmation.
    let mut unconfirmed = world.clone();
    assert_eq!(world.gap(), -1);
    assert_eq!(world.hear(&peer(&agreed).frame(0, &[])), Ok(Heard::Confirmed));
    assert_eq!(world.sensor.take_macs(), 4, "and one for the step");
    assert_eq!(world.gap(), 0);
    // Without it, the next session catches up.
    unconfirmed.sensor.take_macs();
    let m2 = unconfirmed.m2();
    let m3 = unconfirmed.m3(&m2).unwrap();
    assert_eq!(unconfirmed.sensor.take_macs(), 5);
    unconfirmed.leg.reply(&m3, &mut unconfirmed.rows).unwrap();
    assert_eq!(unconfirmed.gap(), 0);
}

#[test]
fn an_old_message_costs_nothing_and_a_false_one_a_single_mac() {
    let mut world = World::new();
    let m2 = world.m2();
    let mut forged = m2.clone();
    forged[72] ^= 1;
    refused(&mut world, &forged, SensorRefusal::Tag, 1);
    for at in [5, 9, 25, 41, 49] {
        let mut altered = m2.clone();
        altered[at] ^= 1;
        refused(&mut world, &altered, SensorRefusal::Tag, 1);
    }
    world.m3(&m2).unwrap();
    refused(&mut world, &m2, SensorRefusal::Old, 0);
    world.reboot_sensor();
    refused(&mut world, &m2, SensorRefusal::Old, 0);
}

#[test]
fn only_a_message_of_its_type_and_length_is_read() {
    let mut world = World::new();
    let m2 = world.m2();
    for length in (0..M2).chain([M2 + 1, M2 + 33, 4096]) {
        let mut bytes = m2.clone();
        bytes.resize(length, 0);
        refused(&mut world, &bytes, SensorRefusal::Malformed, 0);
    }
    for kind in (0..=255).filter(|&kind| kind != 2) {
        let mut bytes = m2.clone();
        bytes[0] = kind;
        refused(&mut world, &bytes, SensorRefusal::Malformed, 0);
    }
}

#[test]
fn another_devices_message_is_refused() {
    let mut world = World::new();
    let m2 = world.m2();
    let mut flash = Memory::new();
    let other = Identity::new([0xa6; 16], GATEWAY, key(1), Ops::LOOKS.with(Ops::SETTINGS)).unwrap();
    let mut other = Sensor::provision(other, 1, key(2), &mut flash).unwrap();
    let refusal = other.request(&m2, world.uptime, [1; 16], &mut flash);
    assert_eq!(refusal.unwrap_err(), SensorRefusal::Tag, "the same key, and another device");
    world.sensor = Sensor::provision(
        Identity::new(SID, GATEWAY, key(3), SCOPE.ops).unwrap(),
        2,
        key(2),
        &mut world.flash,
    )
    .unwrap();
    refused(&mut world, &m2, SensorRefusal::Tag, 1);
}

#[test]
fn a_copied_device_is_out_of_step_and_stays_so() {
    let mut world = World::new();
    let copy = world.flash.clone();
    for _ in 0..2 {
        world.session();
    }
    world.flash = copy;
    world.reboot_sensor();
    let m2 = world.m2();
    refused(&mut world, &m2, SensorRefusal::OutOfStep, 1);
    let m2 = world.m2();
    refused(&mut world, &m2, SensorRefusal::OutOfStep, 1);
}

#[test]
fn a_restored_gateway_may_be_behind_by_64_and_no_more() {
    for (behind, works) in [(1, true), (64, true), (65, false)] {
        let mut world = World::new();
        let backup = world.rows.row.clone();
        for _ in 0..behind {
            world.session();
        }
        world.rows.row = backup.restored(world.now);
        world.reboot_gateway();
        let m2 = world.m2();
        if works {
            let m3 = world.m3(&m2).unwrap();
            world.leg.reply(&m3, &mut world.rows).unwrap();
            assert!(!world.rows.row.restored, "once");
            world.session();
            assert_eq!(world.gap(), 0);
        } else {
            refused(&mut world, &m2, SensorRefusal::OutOfStep, 1);
        }
    }
}

#[test]
fn nobody_is_permitted_more_than_the_device_will_ever_do() {
    let mut world = World::new();
    world.want_scope(Scope { ops: SCOPE.ops.with(Ops::SERVICE), ..SCOPE });
    let m2 = world.m2();
    refused(&mut world, &m2, SensorRefusal::Scope, 1);
}

#[test]
fn counters_end_and_never_wrap() {
    let mut world = World::new();
    let mut record = world.flash.slots[0];
    record[8..12].copy_from_slice(&(COUNTER_END - 70).to_be_bytes());
    let sum = crc32(&record[..44]);
    record[44..].copy_from_slice(&sum.to_be_bytes());
    world.flash.slots[0] = record;
    world.reboot_sensor();
    assert_eq!(world.sensor.last(), COUNTER_END - 70);
    world.rows.row.reserved = COUNTER_END - 66;
    world.reboot_gateway();
    world.agree();
    assert_eq!(world.leg.last(), COUNTER_END - 65);
    world.agree();
    world.want();
    let nonce = world.nonce();
    let refusal = world.leg.next(world.now, nonce, &mut world.rows);
    assert_eq!(refusal, Err(LegRefusal::Exhausted));

    // A gateway that went on all the same finds no sensor.
    let mut m2 = vec![2];
    m2.extend(COUNTER_END.to_be_bytes());
    m2.extend(world.leg.index().to_be_bytes());
    m2.extend([1; 16]);
    m2.extend([2; 16]);
    m2.extend(world.now.0.to_be_bytes());
    m2.extend(SCOPE.to_bytes());
    let fields: [&[u8]; 7] = [&SID, &m2[5..9], &m2[1..5], &m2[9..25], &m2[25..41], &m2[41..49], &m2[49..57]];
    let tag = crate::peer::mac(key(1).as_bytes(), "S003/auth/m2/1", &fields);
    m2.extend(&tag[..16]);
    refused(&mut world, &m2, SensorRefusal::Exhausted, 1);
}

#[test]
fn nothing_is_said_before_the_confirmation() {
    let mut world = World::new();
    let peer = peer(&world.agree());
    assert_eq!(world.sensor.reading(&reading(), world.uptime), Err(SensorRefusal::Unconfirmed));
    assert_eq!(world.sensor.scope(), None);
    refused_frame(&mut world, &peer.frame(1, &command(Ops::SETTINGS)), SensorRefusal::Unconfirmed);
    refused_frame(&mut world, &peer.frame(0, &command(Ops::SETTINGS)), SensorRefusal::Unconfirmed);
    let mut forged = peer.frame(0, &[]);
    forged[23] ^= 1;
    refused_frame(&mut world, &forged, SensorRefusal::Tag);
    assert_eq!(world.hear(&peer.frame(0, &[])), Ok(Heard::Confirmed));
    assert_eq!(world.sensor.scope(), Some(SCOPE));
    let frame = world.sensor.reading(&reading(), world.uptime).unwrap();
    assert_eq!(peer.open(frame.as_ref()), Some((0, reading().to_bytes().to_vec())));
    let frame = world.sensor.reading(&reading(), world.uptime).unwrap();
    assert_eq!(peer.open(frame.as_ref()).unwrap().0, 1);
}

#[test]
fn a_command_is_done_once_and_only_if_the_session_permits_it() {
    let mut world = World::new();
    let peer = world.session();
    let frame = peer.frame(1, &command(Ops::SETTINGS));
    let Ok(Heard::Command(heard)) = world.hear(&frame) else { panic!("not done") };
    assert_eq!(heard.op, Ops::SETTINGS);
    refused_frame(&mut world, &frame, SensorRefusal::Replayed);
    refused_frame(&mut world, &peer.frame(0, &[]), SensorRefusal::Replayed);
    refused_frame(&mut world, &peer.frame(2, &command(Ops::START)), SensorRefusal::NotPermitted);
    refused_frame(&mut world, &peer.frame(2, &[1, 2, 3]), SensorRefusal::Malformed);
    refused_frame(&mut world, &peer.frame(2, &[]), SensorRefusal::Malformed);
    let mut altered = peer.frame(2, &command(Ops::SETTINGS));
    altered[8] ^= 1;
    refused_frame(&mut world, &altered, SensorRefusal::Tag);
    // One that overtakes another wins; the other is too late.
    assert!(world.hear(&peer.frame(9, &command(Ops::SETTINGS))).is_ok());
    refused_frame(&mut world, &peer.frame(8, &command(Ops::SETTINGS)), SensorRefusal::Replayed);
}

#[test]
fn a_frame_is_for_its_session_alone_and_comes_from_the_user() {
    let mut world = World::new();
    let first = world.session();
    let frame = world.sensor.reading(&reading(), world.uptime).unwrap();
    refused_frame(&mut world, frame.as_ref(), SensorRefusal::Malformed);
    let second = world.session();
    refused_frame(&mut world, &first.frame(1, &command(Ops::SETTINGS)), SensorRefusal::OtherSession);
    assert!(world.hear(&second.frame(1, &command(Ops::SETTINGS))).is_ok());
    for length in [0, 7, 8, 23, 25, 300] {
        let mut bytes = second.frame(2, &command(Ops::SETTINGS));
        bytes.resize(length, 0);
        refused_frame(&mut world, &bytes, SensorRefusal::Malformed);
    }
}

#[test]
fn a_newer_request_ends_the_session_before_it() {
    let mut world = World::new();
    let first = world.session();
    let m2 = world.m2();
    world.m3(&m2).unwrap();
    assert_eq!(world.sensor.scope(), None);
    refused_frame(&mut world, &first.frame(1, &command(Ops::SETTINGS)), SensorRefusal::OtherSession);
}

#[test]
fn a_session_ends_with_its_time_and_with_the_power() {
    let mut world = World::new();
    world.want_scope(Scope { ttl: 2, ..SCOPE });
    let two_minutes = world.session();
    world.pass(119_999);
    assert!(world.hear(&two_minutes.frame(1, &command(Ops::SETTINGS))).is_ok());
    world.pass(1);
    assert_eq!(world.hear(&two_minutes.frame(2, &command(Ops::SETTINGS))), Err(SensorRefusal::NoSession));
    assert_eq!(world.sensor.reading(&reading(), world.uptime), Err(SensorRefusal::NoSession));

    let unconfirmed = peer(&world.agree());
    world.pass(10_000);
    assert_eq!(world.hear(&unconfirmed.frame(0, &[])), Err(SensorRefusal::NoSession));

    let open = world.session();
    world.reboot_sensor();
    assert_eq!(world.hear(&open.frame(1, &command(Ops::SETTINGS))), Err(SensorRefusal::NoSession));
}

#[test]
fn a_session_that_permits_nothing_only_ends_the_one_before_it() {
    let mut world = World::new();
    let session = world.session();
    world.want_scope(Scope::CLOSING);
    let closing = peer(&world.agree());
    assert_eq!(world.hear(&session.frame(1, &command(Ops::SETTINGS))), Err(SensorRefusal::NoSession));
    assert_eq!(world.hear(&closing.frame(0, &[])), Err(SensorRefusal::NoSession));
    assert_eq!(world.gap(), 0);
}

#[test]
fn one_who_may_not_look_is_shown_nothing() {
    let mut world = World::new();
    world.want_scope(Scope { ops: Ops::SILENCE, ..SCOPE });
    world.session();
    assert_eq!(world.sensor.reading(&reading(), world.uptime), Err(SensorRefusal::NotPermitted));
}

#[test]
fn an_end_to_end_key_needs_a_curve_and_a_point_on_it() {
    let mut world = World::new();
    let mut curve = SoftwareCurve::new([7; 32]);
    let generator: [u8; 33] = [
        0x03, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
        0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    ];
    let asks = |world: &mut World, point| {
        world.leg.forget();
        world.leg.want(Wanted { ticket: 1, n_u: [8; 16], scope: SCOPE, point: Some(point) }).unwrap();
        world.m2()
    };
    let m2 = asks(&mut world, generator);
    assert_eq!(m2.len(), M2_END_TO_END);
    refused(&mut world, &m2, SensorRefusal::NoCurve, 1);
    let m2 = asks(&mut world, [0xff; 33]);
    let flash = world.flash.clone();
    let refusal = world.sensor.request_with(&m2, world.uptime, [9; 16], &mut curve, &mut world.flash);
    assert_eq!(refusal.unwrap_err(), SensorRefusal::NoCurve);
    assert_eq!(world.flash, flash);

    let m2 = asks(&mut world, generator);
    world.sensor.take_macs();
    let m3 = world.sensor.request_with(&m2, world.uptime, [9; 16], &mut curve, &mut world.flash).unwrap();
    assert_eq!((world.sensor.take_macs(), m3.as_ref().len()), (5, M3_END_TO_END));
    let mut altered = m3.as_ref().to_vec();
    altered[29] ^= 1;
    let refusal = world.leg.reply(&altered, &mut world.rows);
    assert_eq!(refusal, Err(LegRefusal::Tag), "t3 covers the point");
    let agreed = world.leg.reply(m3.as_ref(), &mut world.rows).unwrap();
    let refusal = world.hear(&peer(&agreed).frame(0, &[]));
    assert_eq!(refusal, Err(SensorRefusal::Tag), "who has kappa alone does not have the key");
}

#[test]
fn the_mode_is_covered_by_the_tag() {
    let mut world = World::new();
    world.leg.want(Wanted { ticket: 1, n_u: [8; 16], scope: SCOPE, point: Some([2; 33]) }).unwrap();
    let mut m2 = world.m2();
    // The point is taken out: the tag is not that of a plain message.
    m2.drain(57..90);
    m2[0] = 2;
    refused(&mut world, &m2, SensorRefusal::Tag, 1);
}

#[test]
fn default_and_test_keys_are_refused() {
    let counting = std::array::from_fn(|at| u8::try_from(at).unwrap());
    for bytes in [[0; 32], [0xff; 32], [7; 32], counting, counting.map(|byte| 0x20 + byte)] {
        let refusal = Identity::new(SID, GATEWAY, Key::new(bytes), Ops::LOOKS);
        assert_eq!(refusal, Err(ProvisionError::Key));
        let refusal = Sensor::provision(identity(), 1, Key::new(bytes), &mut Memory::new());
        assert_eq!(refusal.unwrap_err(), ProvisionError::Key);
    }
}

#[test]
fn a_device_is_provisioned_anew_with_the_next_epoch_only() {
    let mut world = World::new();
    world.session();
    for epoch in [0, 1] {
        let flash = world.flash.clone();
        let refusal = Sensor::provision(identity(), epoch, key(5), &mut world.flash);
        assert_eq!(refusal.unwrap_err(), ProvisionError::Epoch);
        assert_eq!(world.flash, flash);
    }
    let old = world.m2();
    let anew = Identity::new(SID, GATEWAY, key(4), SCOPE.ops).unwrap();
    world.sensor = Sensor::provision(anew, 2, key(5), &mut world.flash).unwrap();
    assert_eq!((world.sensor.epoch(), world.sensor.index(), world.sensor.last()), (2, 0, 0));
    refused(&mut world, &old, SensorRefusal::Tag, 1);
    let reserved = world.rows.row.reserved;
    world.rows.row = LegRow { reserved, ..LegRow::new(SID, key(4), key(5)) };
    world.reboot_gateway();
    world.session();
    world.reboot_sensor();
    assert_eq!(world.sensor.epoch(), 2);
}

#[test]
fn a_device_is_not_provisioned_on_a_flash_that_fails() {
    for (at, done) in [(0, 0), (0, 30)] {
        let mut flash = Memory::new();
        flash.cut = Some((at, done));
        let refusal = Sensor::provision(identity(), 1, key(2), &mut flash);
        assert_eq!(refusal.unwrap_err(), ProvisionError::Flash(FlashError));
        flash.power();
        assert!(Sensor::provision(identity(), 1, key(2), &mut flash).is_ok(), "again, with power");
    }
}

#[test]
fn a_device_that_is_retired_or_has_lost_its_records_does_not_start() {
    let mut world = World::new();
    world.session();
    world.sensor.retire(&mut world.flash).unwrap();
    assert_eq!(world.flash.slots, [[0; 48]; 2]);
    let refusal = Sensor::boot(identity(), &mut world.flash);
    assert_eq!(refusal.unwrap_err(), ProvisionError::NoRecord);
    world.flash.write(Slot::B, &[0x5a; 48]).unwrap();
    let refusal = Sensor::boot(identity(), &mut world.flash);
    assert_eq!(refusal.unwrap_err(), ProvisionError::NoRecord);
}

/// CRC-32 by its table-free definition, most significant bit last.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

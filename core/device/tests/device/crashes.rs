//! The power fails, or a process is killed, between any two writes; and each rule of the protocol, by what would be lost without it.

use countersign_device::{
    Heard, Ops, Reading, Sensor, SensorRefusal, {Command, Float},
};

use crate::leg_world::{World, identity, peer};

/// How many bytes of a torn write are done.
const TORN: [usize; 8] = [0, 1, 4, 12, 13, 43, 44, 47];

/// After whatever happened, one undisturbed session works and both sides stand at the same index.
#[track_caller]
fn recovers(world: &mut World) {
    assert!(world.gap().abs() <= 1, "a gap of {}", world.gap());
    world.leg.forget();
    world.session();
    assert_eq!(world.gap(), 0);
}

/// A world in which the next session has this gap before it: the gateway missed a reply, nothing, or the sensor a step.
fn at_gap(gap: i64) -> World {
    let mut world = World::new();
    world.session();
    match gap {
        1 => {
            let m2 = world.m2();
            world.m3(&m2).unwrap();
            world.leg.forget();
        }
        -1 => {
            let m2 = world.m2();
            world.m3(&m2).unwrap();
            world.leg.forget();
            world.agree();
        }
        _ => {}
    }
    assert_eq!(world.gap(), gap);
    world
}

#[test]
fn power_cut_at_every_change_of_flash_loses_nothing() {
    for gap in [-1, 0, 1] {
        for at in 0..3 {
            for torn in TORN {
                let mut world = at_gap(gap);
                let m2 = world.m2();
                world.flash.cut = Some((at, torn));
                let m3 = world.m3(&m2);
                assert_eq!(m3.is_err(), at < 2, "a reply leaves when both changes are done, and not before");
                if m3.is_err() {
                    assert_eq!(m3, Err(SensorRefusal::Flash));
                    assert_eq!(world.m3(&m2), Err(SensorRefusal::Flash), "nothing more until it boots");
                }
                world.reboot_sensor();
                let clean =
                    world.flash.slots.iter().filter(|slot| slot.iter().any(|&byte| byte != 0)).count();
                assert_eq!(clean, 1, "one record, and nothing of another");
                // Durable means used: the same message is old if the record was written.
                if at > 0 {
                    assert_eq!(world.m3(&m2), Err(SensorRefusal::Old));
                }
                recovers(&mut world);
            }
        }
    }
}

#[test]
fn power_cut_while_booting_loses_nothing() {
    for torn in TORN {
        let mut world = World::new();
        world.session();
        let m2 = world.m2();
        world.flash.cut = Some((1, 0));
        world.m3(&m2).unwrap_err();
        world.flash.power();
        // Both slots hold a record: boot erases the older, and is cut while it does.
        world.flash.cut = Some((0, torn));
        Sensor::boot(identity(), &mut world.flash).unwrap_err();
        world.reboot_sensor();
        recovers(&mut world);
    }
}

#[test]
fn power_cut_at_the_step_of_a_recovered_session_loses_nothing() {
    for at in 0..3 {
        for torn in TORN {
            let mut world = at_gap(1);
            let peer = peer(&world.agree());
            world.flash.cut = Some((at, torn));
            let heard = world.hear(&peer.frame(0, &[]));
            assert_eq!(heard.is_err(), at < 2);
            let reading = Reading { metric: 1, value: Float::NOT_A_NUMBER, unit: 0, status: 0, tick: 0 };
            let said = world.sensor.reading(&reading, world.uptime);
            assert_eq!(said.is_err(), at < 2, "no reading before the step is durable");
            world.reboot_sensor();
            recovers(&mut world);
        }
    }
}

#[test]
fn a_sensor_that_is_switched_off_after_any_step_recovers() {
    for gap in [-1, 0, 1] {
        // Before it replies, after it replies, after the gateway's commit, after the confirmation.
        for step in 0..4 {
            let mut world = at_gap(gap);
            let m2 = world.m2();
            if step > 0 {
                let m3 = world.m3(&m2).unwrap();
                if step > 1 {
                    let agreed = world.leg.reply(&m3, &mut world.rows).unwrap();
                    if step > 2 {
                        world.hear(&peer(&agreed).frame(0, &[])).unwrap();
                    }
                }
            }
            world.reboot_sensor();
            recovers(&mut world);
        }
    }
}

#[test]
fn a_gateway_that_is_killed_after_any_step_recovers() {
    for gap in [-1, 0, 1] {
        for step in 0..4 {
            let mut world = at_gap(gap);
            let before = world.leg.last();
            let m2 = world.m2();
            if step > 0 {
                let m3 = world.m3(&m2).unwrap();
                if step > 1 {
                    let agreed = world.leg.reply(&m3, &mut world.rows).unwrap();
                    if step > 2 {
                        world.hear(&peer(&agreed).frame(0, &[])).unwrap();
                    }
                }
            }
            world.reboot_gateway();
            assert!(world.leg.last() > before, "no number is used twice");
            recovers(&mut world);
        }
    }
}

// What the exhaustive model loses when a rule is taken out, with the rule.

#[test]
fn two_replies_that_are_lost_do_not_make_the_sensor_go_on() {
    // Stepping on a recovered session, it would be ahead by two for ever.
    let mut world = at_gap(1);
    for _ in 0..5 {
        let m2 = world.m2();
        world.m3(&m2).unwrap();
        assert_eq!(world.gap(), 1);
        world.leg.forget();
    }
    recovers(&mut world);
}

#[test]
fn a_recovered_session_cannot_be_replayed_after_a_power_cut() {
    // Without the write, the number would be forgotten.
    let mut world = at_gap(1);
    let m2 = world.m2();
    world.m3(&m2).unwrap();
    world.reboot_sensor();
    assert_eq!(world.m3(&m2), Err(SensorRefusal::Old));
}

#[test]
fn a_number_that_was_sent_is_never_used_again() {
    // Sending before the number is kept, a restarted gateway would use it again and find the sensor deaf.
    let mut world = World::new();
    for _ in 0..70 {
        let m2 = world.m2();
        world.m3(&m2).unwrap();
        world.reboot_gateway();
    }
    recovers(&mut world);
}

#[test]
fn an_answer_that_the_user_has_is_committed() {
    // Answering before the commit, the gateway's flash would still open the session.
    let mut world = World::new();
    let agreed = world.agree();
    world.reboot_gateway();
    assert_eq!(world.hear(&peer(&agreed).frame(0, &[])), Ok(Heard::Confirmed));
    assert_eq!(world.gap(), 0);
}

#[test]
fn a_confirmation_of_the_session_before_does_not_step_the_one_after() {
    let mut world = at_gap(1);
    let recovered = peer(&world.agree());
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    let index = world.sensor.index();
    assert_eq!(world.hear(&recovered.frame(0, &[])), Err(SensorRefusal::OtherSession));
    assert_eq!(world.sensor.index(), index);
    world.leg.reply(&m3, &mut world.rows).unwrap();
    recovers(&mut world);
}

#[test]
fn a_restored_gateway_finds_its_sensor_again() {
    let mut world = World::new();
    let backup = world.rows.row.clone();
    for _ in 0..40 {
        world.session();
    }
    world.rows.row = backup.clone();
    world.reboot_gateway();
    let m2 = world.m2();
    assert_eq!(world.m3(&m2), Err(SensorRefusal::Old), "as it was, its numbers are old");
    world.rows.row = backup.restored(world.now);
    world.reboot_gateway();
    world.session();
    assert_eq!(world.gap(), 0);
    // The exception is over: an ordinary gateway steps by one at most.
    assert!(!world.rows.row.restored);
}

#[test]
fn a_command_does_not_survive_the_power() {
    let mut world = World::new();
    let peer = world.session();
    let command = Command { op: Ops::SETTINGS, unit: 0, metric: 0, value: Float::NOT_A_NUMBER };
    let frame = peer.frame(1, &command.to_bytes());
    world.hear(&frame).unwrap();
    world.reboot_sensor();
    assert_eq!(world.hear(&frame), Err(SensorRefusal::NoSession));
}

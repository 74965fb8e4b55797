//! Who has what, and what that opens: all that was on the wire is known to whoever looks.

use countersign_device::{Heard, Identity, Key, Ops, Sensor, SensorRefusal};

use crate::flash::Memory;
use crate::leg_world::{GATEWAY, SCOPE, SID, World, key, peer};
use crate::peer::mac;

/// A session as it was recorded on the wire, and what it was worth.
struct Recorded {
    m2: Vec<u8>,
    m3: Vec<u8>,
    kappa: [u8; 32],
}

fn record(world: &mut World) -> Recorded {
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    let agreed = world.leg.reply(&m3, &mut world.rows).unwrap();
    assert_eq!(world.hear(&peer(&agreed).frame(0, &[])), Ok(Heard::Confirmed));
    Recorded { m2, m3, kappa: *agreed.kappa.as_bytes() }
}

/// The session's key, by whoever has recorded it and holds this ratchet's key: in this index or any later one.
fn opens(session: &Recorded, mut ratchet: [u8; 32]) -> bool {
    (0..100).any(|_| {
        let Recorded { m2, m3, kappa } = session;
        let guess = mac(&ratchet, "S003/auth/sk/1", &[&m2[9..25], &m2[25..41], &m3[9..25], &m2[49..57]]);
        ratchet = mac(&ratchet, "S003/auth/next/1", &[]);
        guess == *kappa
    })
}

/// Every key that a dump of the flash could hold.
fn dumped(flash: &Memory) -> Vec<[u8; 32]> {
    let windows = flash.slots.iter().flat_map(|slot| slot.windows(32));
    windows.map(|part| part.try_into().unwrap()).collect()
}

#[test]
fn a_sensor_that_is_taken_apart_opens_no_session_before() {
    let mut world = World::new();
    for _ in 0..6 {
        let before = dumped(&world.flash);
        let session = record(&mut world);
        assert!(before.iter().any(|key| opens(&session, *key)), "the test can open what it has the key to");
        assert!(
            !dumped(&world.flash).iter().any(|key| opens(&session, *key)),
            "both slots, after each session"
        );
    }
}

#[test]
fn a_recovered_session_is_closed_by_its_confirmation() {
    let mut world = World::new();
    let lost = world.m2();
    world.m3(&lost).unwrap();
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    let agreed = world.leg.reply(&m3, &mut world.rows).unwrap();
    let session = Recorded { m2, m3, kappa: *agreed.kappa.as_bytes() };
    // Until then the flash opens it: this is what is not claimed.
    assert!(dumped(&world.flash).iter().any(|key| opens(&session, *key)));
    world.hear(&peer(&agreed).frame(0, &[])).unwrap();
    assert!(!dumped(&world.flash).iter().any(|key| opens(&session, *key)));
}

#[test]
fn the_gateways_store_opens_no_session_that_was_answered() {
    let mut world = World::new();
    for _ in 0..6 {
        let before = *world.rows.row.ratchet.as_bytes();
        let session = record(&mut world);
        assert!(opens(&session, before));
        assert!(!opens(&session, *world.rows.row.ratchet.as_bytes()));
    }
}

#[test]
fn what_is_not_claimed_a_dump_opens_the_sessions_after_it_until_the_device_is_provisioned_anew() {
    let mut world = World::new();
    record(&mut world);
    let stolen = dumped(&world.flash);
    let later = record(&mut world);
    assert!(stolen.iter().any(|key| opens(&later, *key)), "the ratchet heals nothing");
    let anew = Identity::new(SID, GATEWAY, key(11), SCOPE.ops).unwrap();
    world.sensor = Sensor::provision(anew, 2, key(12), &mut world.flash).unwrap();
    let row = countersign_device::LegRow::new(SID, key(11), key(12));
    world.rows.row = countersign_device::LegRow { reserved: world.leg.last(), ..row };
    world.reboot_gateway();
    let m2 = world.m2();
    let m3 = world.m3(&m2).unwrap();
    let agreed = world.leg.reply(&m3, &mut world.rows).unwrap();
    let session = Recorded { m2, m3, kappa: *agreed.kappa.as_bytes() };
    assert!(!stolen.iter().any(|key| opens(&session, *key)));
}

#[test]
fn a_captured_sensor_says_nothing_about_another() {
    // Its authentication key and ratchet, all that it has, make no message that another device takes, and none for it.
    let mut captured = World::new();
    let m2 = captured.m2();
    let mut flash = Memory::new();
    let other = Identity::new([0x5a; 16], GATEWAY, key(21), Ops::LOOKS.with(Ops::ACTS)).unwrap();
    let mut other = Sensor::provision(other, 1, key(22), &mut flash).unwrap();
    let refusal = other.request(&m2, captured.uptime, [1; 16], &mut flash);
    assert_eq!(refusal.unwrap_err(), SensorRefusal::Tag);
}

#[test]
fn an_authentication_key_alone_opens_no_session_and_does_not_pass_for_the_sensor() {
    let mut world = World::new();
    let session = record(&mut world);
    assert!(!opens(&session, *key(1).as_bytes()));
    // Whoever has K^a answers in the sensor's place, and does not have kappa to put into t3.
    let m2 = world.m2();
    let fields: [&[u8]; 7] = [&SID, &m2[5..9], &m2[1..5], &m2[9..25], &m2[25..41], &m2[41..49], &m2[49..57]];
    let t2 = mac(key(1).as_bytes(), "S003/auth/m2/1", &fields);
    assert_eq!(t2[..16], m2[57..]);
    let mut m3 = vec![3];
    m3.extend(&m2[1..9]);
    m3.extend([7; 16]);
    m3.extend(9u32.to_be_bytes());
    let t3 = mac(key(1).as_bytes(), "S003/auth/m3/1", &[&t2, &m3[5..9], &m3[9..25], &m3[25..29], &[0; 32]]);
    m3.extend(&t3[..16]);
    assert_eq!(world.leg.reply(&m3, &mut world.rows), Err(countersign_device::LegRefusal::Tag));
}

#[test]
fn no_secret_is_shown() {
    let mut world = World::new();
    world.session();
    let shown = format!("{:?} {:?} {:?}", world.sensor, world.leg, world.rows);
    for secret in [key(1), key(2), world.rows.row.ratchet.clone()] {
        assert!(!shown.contains(&format!("{:?}", secret.as_bytes())));
    }
    assert_eq!(format!("{:?}", Key::new([7; 32])), "Key(..)");
}

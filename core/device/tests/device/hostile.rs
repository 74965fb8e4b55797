//! Bytes from anybody.

use countersign_device::{Command, Float, Ops, Reading, Scope, UnixMillis, Value};
use proptest::prelude::*;

use crate::leg_world::World;
use crate::world::{MONITOR, PUMP, Ward, wish};

/// Bytes of any length, most with the type of a message.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![any::<u8>(), (1u8..6), (0x11u8..0x16)];
    let length = prop_oneof![0usize..300, Just(73), Just(106), Just(45), Just(78), Just(150), Just(24)];
    (kind, length, any::<u64>()).prop_flat_map(|(kind, length, _)| {
        proptest::collection::vec(any::<u8>(), length).prop_map(move |mut bytes| {
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            bytes
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_move_a_sensor_or_its_gateway(bytes in bytes(), confirmed in any::<bool>()) {
        let mut world = World::new();
        if confirmed {
            world.session();
        }
        let _ = world.m2();
        world.sensor.take_macs();
        let before = world.clone();
        prop_assert!(world.m3(&bytes).is_err());
        prop_assert!(world.hear(&bytes).is_err());
        prop_assert!(world.leg.reply(&bytes, &mut world.rows).is_err());
        prop_assert!(world.sensor.take_macs() <= 3);
        prop_assert_eq!(world.flash, before.flash);
        prop_assert_eq!(world.rows, before.rows);
        prop_assert_eq!(world.sensor, before.sensor);
    }

    #[test]
    fn what_is_said_is_what_is_read(bits in any::<u32>(), mantissa in -0x7f_ffff..0x7f_fffe, exponent in any::<i8>()) {
        let scope = Scope::from_bytes((u64::from(bits) << 13 | u64::from(bits)).to_be_bytes());
        prop_assert_eq!(Scope::from_bytes(scope.to_bytes()), scope);
        let reading = Reading { metric: bits, value: Float::from_bits(bits), unit: 3, status: 4, tick: !bits };
        prop_assert_eq!(Reading::parse(&reading.to_bytes()), Some(reading));
        let op = Ops::from_bits(1 << (bits % 16));
        let command = Command { op, unit: 5, metric: bits, value: Float::from_bits(!bits) };
        prop_assert_eq!(Command::parse(&command.to_bytes()), Some(command));
        let float = Float::new(mantissa, exponent);
        let number = Value::Number { mantissa, exponent };
        prop_assert!(float.is_none_or(|float| float.value() == number));
        prop_assert_eq!(float.is_none(), mantissa <= -0x7f_fffe);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_bytes_move_a_gateway_or_a_user(bytes in bytes()) {
        let mut ward = Ward::new();
        let nurse = ward.nurse.clone();
        let mut session = ward.sign_in(&nurse, wish(PUMP, Ops::LOOKS));
        let (attempt, _) = ward.attempt(&nurse, wish(MONITOR, Ops::LOOKS)).unwrap();
        prop_assert!(ward.request(&bytes).is_err());
        prop_assert!(ward.reply(&PUMP, &bytes).is_err());
        prop_assert!(ward.gateway.up(&PUMP, &bytes, ward.now).is_err());
        prop_assert!(ward.gateway.down(&PUMP, &bytes, ward.now).is_err());
        prop_assert!(attempt.answer(&bytes, ward.now).is_err());
        prop_assert!(session.open(&bytes, UnixMillis(ward.now.0)).is_err());
        prop_assert!(ward.store.wrong.is_empty() && ward.store.audits.len() == 1);
    }
}

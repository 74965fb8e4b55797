//! Bytes from anybody to a sensor, a gateway and a user: nothing panics, and what is refused changes nothing.
#![no_main]

use countersign_device::{
    Attempt, Audit, Class, Device, Gateway, GatewayKey, Identity, Key, LegRow, Memory, Ops, RECORD, Random,
    Sensor, Staff, Store, StoreError, UnixMillis, Uptime, Wish, WrongProofs,
};
use libfuzzer_sys::fuzz_target;

const SID: [u8; 16] = [1; 16];
const GATEWAY: [u8; 16] = [2; 16];
const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

/// Whatever is written was accepted, and nothing here can be.
struct Never;

impl Store for Never {
    fn reserve(&mut self, _: &[u8; 16], _: u32) -> Result<(), StoreError> {
        panic!("a number was reserved")
    }

    fn commit(&mut self, _: &[u8; 16], _: u32, _: &Key, _: Option<&Audit>) -> Result<(), StoreError> {
        panic!("a session was committed")
    }

    fn wrong_proofs(&mut self, _: &[u8; 16], _: WrongProofs) -> Result<(), StoreError> {
        panic!("a proof was judged")
    }
}

fn key(first: u8) -> Key {
    Key::new(std::array::from_fn(|at| first.wrapping_add((at * at) as u8)))
}

fuzz_target!(|bytes: &[u8]| {
    let mut flash = Memory::blank();
    let identity = Identity::new(SID, GATEWAY, key(1), Ops::LOOKS).unwrap();
    let mut sensor = Sensor::provision(identity.clone(), 1, key(2), &mut flash).unwrap();
    let before = flash.clone();
    assert!(sensor.request(bytes, Uptime(1), [3; 16], &mut flash).is_err());
    assert!(sensor.frame(bytes, Uptime(1), &mut flash).is_err());
    assert!(flash == before);
    // Anything may be in a flash.
    if let Some((slots, _)) = bytes.split_first_chunk::<{ 2 * RECORD }>() {
        let mut flash = Memory([slots[..RECORD].try_into().unwrap(), slots[RECORD..].try_into().unwrap()]);
        let _ = Sensor::boot(identity, &mut flash);
    }

    let mut gateway = Gateway::start(GATEWAY, key(4), NOW);
    let point = gateway.rotate(1, key(5).as_bytes()).unwrap();
    let staff = Staff {
        id: [6; 16],
        cred: [7; 16],
        epoch: 1,
        role: 1,
        may: [Ops::LOOKS; 3],
        key: None,
        until: UnixMillis(u64::MAX),
    };
    let credential = gateway.issue(&staff);
    gateway.enrol(staff);
    let leg = LegRow::new(SID, key(1), key(2));
    gateway.add(Device { class: Class::Treatment, max_ops: Ops::LOOKS, association: 0, leg });
    let now = UnixMillis(NOW.0 + 60_000);
    assert!(gateway.request(bytes, now, &mut Never).is_err());
    assert!(gateway.reply(&SID, bytes, now, key(8).as_bytes(), &mut Never).is_err());
    assert!(gateway.up(&SID, bytes, now).is_err() && gateway.down(&SID, bytes, now).is_err());

    let wish = Wish { sid: SID, ops: Ops::LOOKS, ttl: 1, association: 0, end_to_end: false };
    let random = Random { secret: *key(9).as_bytes(), nonce: [10; 16] };
    let gateway = GatewayKey { id: GATEWAY, kid: 1, point };
    let (attempt, _) = Attempt::new(&credential, &gateway, wish, now, random, |_| None).unwrap();
    assert!(attempt.answer(bytes, now).is_err());
});

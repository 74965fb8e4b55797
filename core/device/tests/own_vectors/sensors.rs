//! What a sensor does with an m2.

use countersign_device::{COUNTER_END, Flash as _, Identity, RECORD, Sensor, Slot, SoftwareCurve, Uptime};
use serde::{Deserialize, Serialize};

use crate::file::{Hex, Vectors};
use crate::flash::Memory;
use crate::peer::mac;
use crate::{GATEWAY, NOW, SCOPE, SID, array, key, reason};

#[derive(Serialize, Deserialize)]
struct Given {
    sid: Hex,
    gateway: Hex,
    /// `K^a`.
    authentication: Hex,
    max_ops: u16,
    /// `N_s`.
    nonce: Hex,
    uptime: u64,
}

#[derive(Serialize, Deserialize)]
struct Input {
    /// The record in flash, of 48 bytes.
    record: Hex,
    m2: Hex,
    /// The secret scalar of a sensor with a curve.
    #[serde(skip_serializing_if = "Option::is_none")]
    curve: Option<Hex>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Expect {
    m3: Hex,
    /// The record afterwards.
    record: Hex,
    macs: u32,
}

/// `K^d_c`.
pub fn ratchet(index: u32) -> [u8; 32] {
    (0..index).fold(*key("ratchet 0").as_bytes(), |key, _| mac(&key, "S003/auth/next/1", &[]))
}

/// A record, written a second time from the documentation alone.
pub fn record(index: u32, q: u32, ratchet: [u8; 32]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 1];
    bytes.extend(index.to_be_bytes());
    bytes.extend(q.to_be_bytes());
    bytes.extend(ratchet);
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    });
    bytes.extend((!crc).to_be_bytes());
    bytes
}

/// An m2, from the documentation alone.
pub fn m2(q: u32, index: u32, scope: [u8; 8], point: Option<[u8; 33]>) -> Vec<u8> {
    let mut bytes = vec![if point.is_some() { 0x12 } else { 0x02 }];
    bytes.extend(q.to_be_bytes());
    bytes.extend(index.to_be_bytes());
    bytes.extend([0x0a; 16]);
    bytes.extend([0x0b; 16]);
    bytes.extend(NOW.0.to_be_bytes());
    bytes.extend(scope);
    let mut fields: Vec<&[u8]> =
        vec![&SID, &bytes[5..9], &bytes[1..5], &bytes[9..25], &bytes[25..41], &bytes[41..49], &bytes[49..57]];
    if let Some(point) = &point {
        fields.extend([&[0x10][..], point]);
    }
    let tag = mac(key("authentication").as_bytes(), "S003/auth/m2/1", &fields);
    bytes.extend(point.into_iter().flatten());
    bytes.extend(&tag[..16]);
    bytes
}

/// The point of the secret scalar 1: the generator of P-256.
pub const GENERATOR: [u8; 33] = [
    0x03, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
];

fn judge(given: &Given, input: &Input) -> Result<Expect, String> {
    let max_ops = countersign_device::Ops::from_bits(given.max_ops);
    let auth = countersign_device::Key::new(array(&given.authentication));
    let identity = Identity::new(array(&given.sid), array(&given.gateway), auth, max_ops).unwrap();
    let mut flash = Memory::new();
    flash.write(Slot::A, &array::<RECORD>(&input.record)).unwrap();
    let mut sensor = Sensor::boot(identity, &mut flash).unwrap();
    let (nonce, now) = (array(&given.nonce), Uptime(given.uptime));
    let m3 = match &input.curve {
        None => sensor.request(&input.m2.0, now, nonce, &mut flash),
        Some(secret) => {
            let mut curve = SoftwareCurve::new(array(secret));
            sensor.request_with(&input.m2.0, now, nonce, &mut curve, &mut flash)
        }
    };
    let m3 = m3.map_err(reason::sensor)?.as_ref().into();
    Ok(Expect { m3, record: flash.slots[1][..].into(), macs: sensor.take_macs() })
}

fn given() -> Given {
    Given {
        sid: SID[..].into(),
        gateway: GATEWAY[..].into(),
        authentication: key("authentication").as_bytes()[..].into(),
        max_ops: SCOPE.ops.bits(),
        nonce: [0x0c; 16][..].into(),
        uptime: 123_456,
    }
}

#[test]
fn requests_of_a_sensor() {
    let about = [
        "A sensor has this record in one slot of its flash, and the other is erased. It is given an m2.",
        "Accepted: the m3 that leaves, the record that is durable before it does, and how many MACs it computed.",
        "Order: length and type, number, tag, index, scope, counters, curve. A refusal is silence, and writes nothing.",
    ];
    let mut file = Vectors::new(&about, given());
    let input = |index, q, m2: Vec<u8>| Input {
        record: record(index, q, ratchet(index)).into(),
        m2: m2.into(),
        curve: None,
    };
    let scope = SCOPE.to_bytes();
    let good = || m2(41, 7, scope, None);
    for (name, index) in [
        ("in step: the session's key is K_7, the record after it K_8", 7),
        ("the gateway is one ahead: the sensor catches up, and computes five", 6),
        ("the gateway missed the reply before: the sensor does not step, and computes three", 8),
    ] {
        let input = input(index, 40, good());
        let expect = judge(&given(), &input).unwrap();
        file.accept(name, input, expect);
    }
    let end_to_end = || m2(41, 7, scope, Some(GENERATOR));
    let with_curve =
        |m2: Vec<u8>| Input { curve: Some(key("sensor's point").as_bytes()[..].into()), ..input(7, 40, m2) };
    let expect = judge(&given(), &with_curve(end_to_end())).unwrap();
    file.accept("an end-to-end key", with_curve(end_to_end()), expect);

    let changed = |at: usize| {
        let mut bytes = good();
        bytes[at] ^= 1;
        bytes
    };
    for (name, m2) in [
        ("nothing", vec![]),
        ("a byte is missing", good()[..72].to_vec()),
        ("a byte too many", [good(), vec![0]].concat()),
        ("the type of m3", [vec![3], good()[1..].to_vec()].concat()),
        ("the type of an m2 with a point, without it", [vec![0x12], good()[1..].to_vec()].concat()),
        ("an unknown mode", [vec![0x22], good()[1..].to_vec()].concat()),
        (
            "an m2 with a point whose type is that of one without",
            [vec![2], end_to_end()[1..].to_vec()].concat(),
        ),
    ] {
        file.refuse("malformed", name, input(7, 40, m2));
    }
    file.refuse("old", "the number that was accepted last", input(7, 41, good()));
    file.refuse("old", "a number before that", input(7, 4_000_000, good()));
    file.refuse(
        "old",
        "an old number with a false tag: the number is looked at first",
        input(7, 41, changed(72)),
    );
    for (name, at) in [
        ("the tag was changed", 72),
        ("the index was changed", 8),
        ("the user's nonce was changed", 9),
        ("the gateway's nonce was changed", 40),
        ("the time was changed", 48),
        ("the scope was changed", 51),
    ] {
        file.refuse("tag", name, input(7, 40, changed(at)));
    }
    let mut no_point = end_to_end();
    no_point.drain(57..90);
    no_point[0] = 2;
    file.refuse("tag", "the point was taken out", input(7, 40, no_point));
    file.refuse("out-of-step", "the gateway is two ahead", input(5, 40, good()));
    file.refuse("out-of-step", "the gateway is 65 behind", input(72, 40, good()));
    let mut more = SCOPE;
    more.ops = more.ops.with(countersign_device::Ops::START);
    file.refuse("scope", "more than the device will ever do", input(7, 40, m2(41, 7, more.to_bytes(), None)));
    let last = m2(COUNTER_END, 7, scope, None);
    file.refuse("exhausted", "the number is at its end", input(7, 40, last));
    file.refuse("no-curve", "an end-to-end key from a sensor without a curve", input(7, 40, end_to_end()));
    let mut off = [0xff; 33];
    off[0] = 2;
    file.refuse("no-curve", "a point that is not on the curve", with_curve(m2(41, 7, scope, Some(off))));
    file.check("device/sensor.json", judge);
}

//! What a gateway does with an m3.

use countersign_device::{Key, Leg, LegRow, LegStore, Next, StoreError, UnixMillis, Wanted};
use serde::{Deserialize, Serialize};

use crate::file::{Hex, Vectors};
use crate::peer::mac;
use crate::sensors::ratchet;
use crate::{NOW, SCOPE, SID, array, key, reason};

#[derive(Serialize, Deserialize)]
struct Given {
    sid: Hex,
    /// `K^a`.
    authentication: Hex,
    /// `N_u`, `N_g`.
    nonces: [Hex; 2],
    time: u64,
    scope: Hex,
}

#[derive(Serialize, Deserialize)]
struct Input {
    index: u32,
    /// `K^d` of this index.
    ratchet: Hex,
    /// The last number that may have been used.
    reserved: u32,
    restored: bool,
    m3: Hex,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Expect {
    /// What was sent before.
    m2: Hex,
    kappa: Hex,
    index: u32,
    ratchet: Hex,
}

struct Row(Option<(u32, Key)>);

impl LegStore for Row {
    fn reserve(&mut self, _: u32) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&mut self, index: u32, ratchet: &Key) -> Result<(), StoreError> {
        self.0 = Some((index, ratchet.clone()));
        Ok(())
    }
}

fn judge(given: &Given, input: &Input) -> Result<Expect, String> {
    let row = LegRow::new(
        array(&given.sid),
        Key::new(array(&given.authentication)),
        Key::new(array(&input.ratchet)),
    );
    let Input { index, reserved, restored, .. } = *input;
    let mut leg = Leg::boot(LegRow { index, reserved, restored, ..row });
    let scope = countersign_device::Scope::from_bytes(array(&given.scope));
    let [n_u, n_g] = given.nonces.each_ref().map(array);
    leg.want(Wanted { ticket: 1, n_u, scope, point: None }).unwrap();
    let mut row = Row(None);
    let Ok(Next::Send(m2)) = leg.next(UnixMillis(given.time), n_g, &mut row) else { panic!("no m2") };
    let agreed = leg.reply(&input.m3.0, &mut row).map_err(reason::leg)?;
    let (index, ratchet) = row.0.unwrap();
    Ok(Expect {
        m2: m2.as_ref().into(),
        kappa: agreed.kappa.as_bytes()[..].into(),
        index,
        ratchet: ratchet.as_bytes()[..].into(),
    })
}

/// An m3 to the m2 of this leg, from the documentation alone.
fn m3(q: u32, index: u32, asked_index: u32) -> Vec<u8> {
    let m2 = crate::sensors::m2(41, asked_index, SCOPE.to_bytes(), None);
    let fields: [&[u8]; 7] = [&SID, &m2[5..9], &m2[1..5], &m2[9..25], &m2[25..41], &m2[41..49], &m2[49..57]];
    let authentication = *key("authentication").as_bytes();
    let t2 = mac(&authentication, "S003/auth/m2/1", &fields);
    let n_s = [0x0c; 16];
    let kappa = mac(&ratchet(index), "S003/auth/sk/1", &[&m2[9..25], &m2[25..41], &n_s, &m2[49..57]]);
    let mut bytes = vec![3];
    bytes.extend(q.to_be_bytes());
    bytes.extend(index.to_be_bytes());
    bytes.extend(n_s);
    bytes.extend(123_456u32.to_be_bytes());
    let t3 =
        mac(&authentication, "S003/auth/m3/1", &[&t2, &bytes[5..9], &bytes[9..25], &bytes[25..29], &kappa]);
    bytes.extend(&t3[..16]);
    bytes
}

fn given() -> Given {
    Given {
        sid: SID[..].into(),
        authentication: key("authentication").as_bytes()[..].into(),
        nonces: [[0x0a; 16][..].into(), [0x0b; 16][..].into()],
        time: NOW.0,
        scope: SCOPE.to_bytes()[..].into(),
    }
}

#[test]
fn replies_to_a_gateway() {
    let about = [
        "A gateway has this row of a device, has just started, and sends one m2. It is given an m3.",
        "Accepted: the m2 that it sent, the session's key, and the index and key that are durable before the user is told.",
        "Order: length and type, number, index, tag. A refusal changes nothing but counters.",
    ];
    let mut file = Vectors::new(&about, given());
    let input = |index, restored, m3: Vec<u8>| Input {
        index,
        ratchet: ratchet(index)[..].into(),
        reserved: 40,
        restored,
        m3: m3.into(),
    };
    for (name, input) in [
        ("in step: the session's key is of K_7", input(7, false, m3(41, 7, 7))),
        ("the sensor is one ahead", input(7, false, m3(41, 8, 7))),
        ("the sensor is ten ahead of a gateway that was restored", input(7, true, m3(41, 17, 7))),
    ] {
        let expect = judge(&given(), &input).unwrap();
        file.accept(name, input, expect);
    }
    let good = || m3(41, 7, 7);
    for (name, bytes) in [
        ("nothing", vec![]),
        ("a byte is missing", good()[..44].to_vec()),
        ("a byte too many", [good(), vec![0]].concat()),
        ("the type of m2", [vec![2], good()[1..].to_vec()].concat()),
        ("with a point that was not asked for", {
            let mut bytes = [&good()[..29], &[2; 33], &good()[29..]].concat();
            bytes[0] = 0x13;
            bytes
        }),
    ] {
        file.refuse("malformed", name, input(7, false, bytes));
    }
    file.refuse("late", "to the number before", input(7, false, m3(40, 7, 7)));
    file.refuse("never-asked", "to a number that was never sent", input(7, false, m3(42, 7, 7)));
    file.refuse("out-of-step", "the sensor is two ahead", input(7, false, m3(41, 9, 7)));
    file.refuse("out-of-step", "the sensor is behind", input(7, false, m3(41, 6, 7)));
    file.refuse(
        "out-of-step",
        "the sensor is 65 ahead of a gateway that was restored",
        input(7, true, m3(41, 72, 7)),
    );
    for (name, at) in [
        ("the index was changed", 8),
        ("the sensor's nonce was changed", 24),
        ("the tick was changed", 28),
        ("the tag was changed", 44),
    ] {
        let mut bytes = good();
        bytes[at] ^= if at == 8 { 0x0f } else { 1 }; // 7 becomes 8, which may be
        file.refuse("tag", name, input(7, false, bytes));
    }
    let mut damaged = input(7, false, good());
    damaged.ratchet = ratchet(70)[..].into();
    file.refuse("tag", "the gateway's key is another: the tag covers the session's key", damaged);
    file.check("device/gateway.json", judge);
}

//! What a sensor does with frames, and what it sends.

use countersign_device::{
    Command, Flash as _, Float, Heard, Identity, Key, Ops, RECORD, Reading, Sensor, Slot, Uptime,
};
use serde::{Deserialize, Serialize};

use crate::file::{Hex, Vectors};
use crate::flash::Memory;
use crate::peer::{Peer, mac};
use crate::sensors::{m2, ratchet};
use crate::{GATEWAY, SCOPE, SID, array, key, reason};

#[derive(Serialize, Deserialize)]
struct Given {
    sid: Hex,
    gateway: Hex,
    authentication: Hex,
    record: Hex,
    m2: Hex,
    nonce: Hex,
    /// The session's key, and those of the two directions: to compare with.
    kappa: Hex,
    down: Hex,
    up: Hex,
}

#[derive(Serialize, Deserialize)]
struct Input {
    /// Frames that came before, and were heard.
    before: Vec<Hex>,
    frame: Hex,
    /// How many milliseconds after m2.
    after: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Expect {
    /// The command's 12 bytes; nothing for the confirmation.
    command: Hex,
    /// The frame in which the sensor now sends the reading `00024182 00000048 0aa0 0000 00000005`.
    reading: Hex,
}

fn judge(given: &Given, input: &Input) -> Result<Expect, String> {
    let auth = Key::new(array(&given.authentication));
    let identity = Identity::new(array(&given.sid), array(&given.gateway), auth, SCOPE.ops).unwrap();
    let mut flash = Memory::new();
    flash.write(Slot::A, &array::<RECORD>(&given.record)).unwrap();
    let mut sensor = Sensor::boot(identity, &mut flash).unwrap();
    sensor.request(&given.m2.0, Uptime(0), array(&given.nonce), &mut flash).unwrap();
    for frame in &input.before {
        sensor.frame(&frame.0, Uptime(0), &mut flash).unwrap();
    }
    let now = Uptime(input.after);
    let command = match sensor.frame(&input.frame.0, now, &mut flash).map_err(reason::sensor)? {
        Heard::Confirmed => vec![],
        Heard::Command(command) => command.to_bytes().to_vec(),
    };
    let value = Float::new(72, 0).unwrap();
    let reading = Reading { metric: 0x0002_4182, value, unit: 0x0aa0, status: 0, tick: 5 };
    let reading = sensor.reading(&reading, now).unwrap();
    Ok(Expect { command: command.into(), reading: reading.as_ref().into() })
}

fn session() -> (Given, Peer) {
    let m2 = m2(41, 7, SCOPE.to_bytes(), None);
    let kappa = mac(&ratchet(7), "S003/auth/sk/1", &[&m2[9..25], &m2[25..41], &[0x0c; 16], &m2[49..57]]);
    let peer = Peer::new(41, &kappa, &SID, &GATEWAY, SCOPE.to_bytes());
    let given = Given {
        sid: SID[..].into(),
        gateway: GATEWAY[..].into(),
        authentication: key("authentication").as_bytes()[..].into(),
        record: crate::sensors::record(7, 40, ratchet(7)).into(),
        m2: m2.into(),
        nonce: [0x0c; 16][..].into(),
        kappa: kappa[..].into(),
        down: peer.down[..].into(),
        up: peer.up[..].into(),
    };
    (given, peer)
}

#[test]
fn frames_of_a_session() {
    let about = [
        "A sensor boots with this record, takes this m2 with this nonce, and hears the frames of `before`. It is given a frame.",
        "Accepted: the command, or nothing for the confirmation, and the frame in which it then sends a reading.",
        "Order: session and its time, length and type, session's number, frame's number, tag, contents, permission.",
    ];
    let (given, peer) = session();
    let mut file = Vectors::new(&about, given);
    let command = |op| Command { op, unit: 3122, metric: 1, value: Float::new(125, -1).unwrap() }.to_bytes();
    let settings = command(Ops::SETTINGS);
    let first = |frame: Vec<u8>| Input { before: vec![], frame: frame.into(), after: 9_999 };
    let later =
        |frame: Vec<u8>| Input { before: vec![peer.frame(0, &[]).into()], frame: frame.into(), after: 0 };
    for (name, input) in [
        ("the confirmation", first(peer.frame(0, &[]))),
        ("a command", later(peer.frame(1, &settings))),
        ("a command after some that were lost", later(peer.frame(0x0001_0002, &settings))),
    ] {
        let expect = judge(&session().0, &input).unwrap();
        file.accept(name, input, expect);
    }
    let good = || peer.frame(1, &settings);
    let mut up = good();
    up[0] = 5;
    for (name, frame) in [
        ("nothing", vec![]),
        ("a header alone", good()[..8].to_vec()),
        ("a byte is missing", good()[..35].to_vec()),
        ("a byte too many", [good(), vec![0]].concat()),
        ("of the other direction", up),
        ("no command", peer.frame(1, &[])),
        ("a command of 11 bytes", peer.frame(1, &settings[..11])),
        ("two operations at once", peer.frame(1, &command(Ops::SETTINGS.with(Ops::READ)))),
    ] {
        file.refuse("malformed", name, later(frame));
    }
    file.refuse("unconfirmed", "a command before the confirmation", first(good()));
    file.refuse("unconfirmed", "a confirmation with contents", first(peer.frame(0, &settings)));
    file.refuse("replayed", "the confirmation again", later(peer.frame(0, &[])));
    let again = Input { before: vec![peer.frame(0, &[]).into(), good().into()], ..later(good()) };
    file.refuse("replayed", "a command again", again);
    let mut other = good();
    other[2] ^= 1;
    file.refuse("other-session", "the number of another session", later(other));
    for (name, at) in
        [("the frame's number was changed", 6), ("the contents were changed", 8), ("the tag was changed", 35)]
    {
        let mut changed = good();
        changed[at] ^= 2;
        file.refuse("tag", name, later(changed));
    }
    file.refuse(
        "not-permitted",
        "an operation that the session does not permit",
        later(peer.frame(1, &command(Ops::START))),
    );
    let late = |input: Input, after| Input { after, ..input };
    file.refuse("no-session", "a confirmation after ten seconds", late(first(peer.frame(0, &[])), 10_000));
    file.refuse("no-session", "a command after an hour", late(later(good()), 3_600_000));
    file.check("device/frame.json", judge);
}

//! What a user does with an m5.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use countersign_device::{
    Attempt, Credential, GatewayKey, Key, Ops, Random, Scope, UnixMillis, UserSession, Wish,
};
use hkdf::Hkdf;
use p256::elliptic_curve::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::file::{Hex, Vectors};
use crate::peer::{Peer, mac};
use crate::requests::{credential, random};
use crate::sensors::GENERATOR;
use crate::{GATEWAY, NOW, SID, array, key, reason};

#[derive(Serialize, Deserialize)]
struct Given {
    user: Hex,
    credential: Hex,
    epoch: u32,
    role: u8,
    /// A.
    secret: Hex,
    gateway: Hex,
    /// The gateway's daily key, number 1.
    point: Hex,
    sid: Hex,
    ops: u16,
    ttl: u8,
    association: u32,
    time: u64,
    /// The user's ephemeral secret scalar, and `N_u`.
    ephemeral: Hex,
    nonce: Hex,
}

#[derive(Serialize, Deserialize)]
struct Input {
    end_to_end: bool,
    m5: Hex,
    now: u64,
    /// A frame of the device, after the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<Hex>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Expect {
    m1: Hex,
    scope: Hex,
    confirmation: Hex,
    #[serde(skip_serializing_if = "Option::is_none")]
    reading: Option<Hex>,
}

fn attempt(given: &Given, end_to_end: bool) -> (Attempt, Vec<u8>) {
    let credential = Credential {
        id: array(&given.user),
        cred: array(&given.credential),
        epoch: given.epoch,
        role: given.role,
        secret: Key::new(array(&given.secret)),
    };
    let gateway = GatewayKey { id: array(&given.gateway), kid: 1, point: array(&given.point) };
    let Given { ops, ttl, association, .. } = *given;
    let wish = Wish { sid: array(&given.sid), ops: Ops::from_bits(ops), ttl, association, end_to_end };
    let random = Random { secret: array(&given.ephemeral), nonce: array(&given.nonce) };
    let made = Attempt::new(&credential, &gateway, wish, UnixMillis(given.time), random, |_| None);
    let (attempt, m1) = made.unwrap();
    (attempt, m1.as_ref().to_vec())
}

fn judge(given: &Given, input: &Input) -> Result<Expect, String> {
    let (attempt, m1) = attempt(given, input.end_to_end);
    let now = UnixMillis(input.now);
    let mut session: UserSession = attempt.answer(&input.m5.0, now).map_err(reason::user)?;
    let frame = input.frame.as_ref().map(|frame| session.open(&frame.0, now).map_err(reason::user));
    Ok(Expect {
        m1: m1.into(),
        scope: session.scope().to_bytes()[..].into(),
        confirmation: session.confirmation().as_ref().into(),
        reading: frame.transpose()?.map(|received| received.reading.to_bytes()[..].into()),
    })
}

fn given() -> Given {
    let (credential, gateway) = credential();
    let Random { secret, nonce } = random();
    Given {
        user: credential.id[..].into(),
        credential: credential.cred[..].into(),
        epoch: credential.epoch,
        role: credential.role,
        secret: credential.secret.as_bytes()[..].into(),
        gateway: GATEWAY[..].into(),
        point: gateway.point[..].into(),
        sid: SID[..].into(),
        ops: Ops::LOOKS.bits(),
        ttl: 60,
        association: 1001,
        time: NOW.0,
        ephemeral: secret[..].into(),
        nonce: nonce[..].into(),
    }
}

/// What an m5 says.
#[derive(Clone, Copy)]
struct Says {
    end_to_end: bool,
    kappa: [u8; 32],
    sid: [u8; 16],
    scope: Scope,
    time: u64,
    point: Option<[u8; 33]>,
    secret: [u8; 32],
}

fn says() -> Says {
    Says {
        end_to_end: false,
        kappa: *key("kappa").as_bytes(),
        sid: SID,
        scope: Scope { role: 2, ops: Ops::LOOKS, ttl: 60, association: 1001 },
        time: NOW.0,
        point: None,
        secret: array(&given().secret),
    }
}

fn shared(secret: &SecretKey, point: &PublicKey) -> [u8; 32] {
    (*diffie_hellman(secret.to_nonzero_scalar(), point.as_affine()).raw_secret_bytes()).into()
}

fn user_point() -> PublicKey {
    SecretKey::from_slice(&random().secret).unwrap().public_key()
}

/// An m5, from the documentation alone.
fn m5(says: Says) -> Vec<u8> {
    let (_, m1) = attempt(&given(), says.end_to_end);
    let asked = Sha256::digest(m1);
    let ephemeral = SecretKey::from_slice(key("gateway's ephemeral key").as_bytes()).unwrap();
    let daily = SecretKey::from_slice(key("daily key 1").as_bytes()).unwrap();
    let ours = ephemeral.public_key().to_sec1_point(true).as_bytes().to_vec();
    let secrets = [shared(&ephemeral, &user_point()), shared(&daily, &user_point()), says.secret].concat();
    let mut info = vec![];
    for field in [&b"S003/auth/k4/1"[..], &asked, &ours, &GATEWAY] {
        info.push(u8::try_from(field.len()).unwrap());
        info.extend(field);
    }
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, &secrets).expand(&info, &mut key).unwrap();
    let mut plain = [&says.kappa[..], &[0x0b; 16], &[0x0c; 16], &says.sid, &says.scope.to_bytes()].concat();
    plain.extend(says.time.to_be_bytes());
    plain.extend(41u32.to_be_bytes());
    plain.extend(says.point.into_iter().flatten());
    let mut bytes = vec![if says.point.is_some() { 0x15 } else { 0x05 }];
    bytes.extend(ours);
    let aad = [&bytes[..], &asked].concat();
    let sealed = Aes256Gcm::new(&key.into()).encrypt(&[0; 12].into(), Payload { msg: &plain, aad: &aad });
    bytes.extend(sealed.unwrap());
    bytes
}

/// A frame of the device with this root.
fn frame(root: &[u8; 32], scope: Scope, seq: u32) -> Vec<u8> {
    let Peer { q, up, .. } = Peer::new(41, root, &SID, &GATEWAY, scope.to_bytes());
    // A peer seals frames down: with the keys exchanged, and the type, it seals them up.
    let mut frame = Peer { q, up: [0; 32], down: up }.frame(seq, &[7; 16]);
    frame[0] = 5;
    let head = frame[..7].to_vec();
    let pad = mac(&up, "S003/data/pad/1", &[&head, &[0]]);
    (8..24).for_each(|at| frame[at] = 7 ^ pad[at - 8]);
    let tag = mac(&up, "S003/data/tag/1", &[&frame[..8], &frame[8..24]]);
    frame[24..].copy_from_slice(&tag[..16]);
    frame
}

#[test]
fn answers_to_a_user() {
    let about = [
        "A user sends an m1 with these secrets, is given an m5, and perhaps a frame of the device.",
        "Accepted: the m1 that was sent, what is permitted, the confirmation that is sent, and the reading in the frame.",
        "Order: length and type, opening, device, scope, time, end-to-end point; then the frame: length and type, session, number, tag.",
    ];
    let mut file = Vectors::new(&about, given());
    let input = |m5: Vec<u8>| Input { end_to_end: false, m5: m5.into(), now: NOW.0 + 900, frame: None };
    let scope = says().scope;
    let with_frame = |frame: Vec<u8>| Input { frame: Some(frame.into()), ..input(m5(says())) };
    let end_to_end = |point: Option<[u8; 33]>| Input {
        end_to_end: true,
        ..input(m5(Says { end_to_end: true, point, ..says() }))
    };
    let less = Says { scope: Scope { ops: Ops::READ, ttl: 5, ..scope }, ..says() };
    for (name, input) in [
        ("what was asked for, and the first reading", with_frame(frame(&says().kappa, scope, 0))),
        ("less than was asked for", input(m5(less))),
        ("an end-to-end key", end_to_end(Some(GENERATOR))),
    ] {
        let expect = judge(&given(), &input).unwrap();
        file.accept(name, input, expect);
    }
    let good = || m5(says());
    let changed = |at: usize| {
        let mut bytes = good();
        bytes[at] ^= 1;
        bytes
    };
    for (name, bytes) in [
        ("nothing", vec![]),
        ("a byte is missing", good()[..149].to_vec()),
        ("a byte too many", [good(), vec![0]].concat()),
        ("the type of an answer with a point, without it", [vec![0x15], good()[1..].to_vec()].concat()),
    ] {
        file.refuse("malformed", name, input(bytes));
    }
    for (name, at) in
        [("the gateway's point was changed", 20), ("the key was changed", 34), ("the tag was changed", 149)]
    {
        file.refuse("not-the-gateway", name, input(changed(at)));
    }
    let other = Says { secret: *key("another secret").as_bytes(), ..says() };
    file.refuse(
        "not-the-gateway",
        "of a gateway that does not have the credential's secret",
        input(m5(other)),
    );
    let to_another = Input { end_to_end: true, ..input(good()) };
    file.refuse("not-the-gateway", "to another request", to_another);
    file.refuse("other-device", "for another device", input(m5(Says { sid: [7; 16], ..says() })));
    for (name, scope) in [
        ("another operation", Scope { ops: Ops::LOOKS.with(Ops::START), ..scope }),
        ("for longer", Scope { ttl: 61, ..scope }),
        ("for another role", Scope { role: 1, ..scope }),
        ("for another patient", Scope { association: 7, ..scope }),
    ] {
        file.refuse("scope", name, input(m5(Says { scope, ..says() })));
    }
    file.refuse("stale", "older than a minute", Input { now: NOW.0 + 60_001, ..input(good()) });
    file.refuse("stale", "more than five seconds ahead", Input { now: NOW.0 - 5_001, ..input(good()) });
    file.refuse("not-end-to-end", "no point, where an end-to-end key was asked for", end_to_end(None));
    let mut off = [0xff; 33];
    off[0] = 2;
    file.refuse("not-end-to-end", "a point that is not on the curve", end_to_end(Some(off)));
    let reading = || frame(&says().kappa, scope, 0);
    file.refuse("malformed", "a frame without its tag", with_frame(reading()[..24].to_vec()));
    let mut other = reading();
    other[2] ^= 1;
    file.refuse("other-session", "a frame of another session", with_frame(other));
    file.refuse("tag", "a frame under another key", with_frame(frame(&[9; 32], scope, 0)));
    file.check("device/answer.json", judge);
}

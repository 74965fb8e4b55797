//! What a gateway does with an m1.

use countersign_device::{
    Attempt, Audit, Class, Credential, Device, Gateway, GatewayKey, Key, LegRow, Next, Ops, Random,
    Requested, SIGNATURE, SKEW, Staff, Store, StoreError, UnixMillis, Wish, WrongProofs,
};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde::{Deserialize, Serialize};

use crate::file::{Hex, Vectors};
use crate::{GATEWAY, NOW, SID, array, key, reason};

#[derive(Serialize, Deserialize)]
struct Given {
    gateway: Hex,
    /// `K_cred`.
    credentials: Hex,
    /// The secret scalar of the daily key with number 1.
    daily: Hex,
    started: u64,
    now: u64,
    user: Hex,
    credential: Hex,
    epoch: u32,
    role: u8,
    /// What the role may do at diagnostic, treatment and auxiliary devices.
    may: [u16; 3],
    /// The point that verifies the user's signature.
    signs: Hex,
    until: u64,
    /// A treatment device.
    sid: Hex,
    max_ops: u16,
    association: u32,
}

#[derive(Serialize, Deserialize)]
struct Input {
    m1: Hex,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Expect {
    /// What is permitted.
    scope: Hex,
    /// `N_u`, which m2 carries.
    nonce: Hex,
    /// The user's point, which m2 carries for an end-to-end key.
    #[serde(skip_serializing_if = "Option::is_none")]
    point: Option<Hex>,
}

pub struct Nowhere;

impl Store for Nowhere {
    fn reserve(&mut self, _: &[u8; 16], _: u32) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&mut self, _: &[u8; 16], _: u32, _: &Key, _: Option<&Audit>) -> Result<(), StoreError> {
        Ok(())
    }

    fn wrong_proofs(&mut self, _: &[u8; 16], _: WrongProofs) -> Result<(), StoreError> {
        Ok(())
    }
}

fn staff(given: &Given) -> Staff {
    Staff {
        id: array(&given.user),
        cred: array(&given.credential),
        epoch: given.epoch,
        role: given.role,
        may: given.may.map(Ops::from_bits),
        key: Some(array(&given.signs)),
        until: UnixMillis(given.until),
    }
}

fn gateway(given: &Given) -> Gateway {
    let credentials = Key::new(array(&given.credentials));
    let mut gateway = Gateway::start(array(&given.gateway), credentials, UnixMillis(given.started));
    gateway.rotate(1, &array(&given.daily)).unwrap();
    gateway.registry_as_of(UnixMillis(given.started));
    gateway.enrol(staff(given));
    let leg = LegRow::new(array(&given.sid), key("authentication"), key("ratchet 0"));
    let (max_ops, association) = (Ops::from_bits(given.max_ops), given.association);
    gateway.add(Device { class: Class::Treatment, max_ops, association, leg });
    gateway
}

fn judge(given: &Given, input: &Input) -> Result<Expect, String> {
    let (mut gateway, now) = (gateway(given), UnixMillis(given.now));
    let Requested::Device { sid, .. } =
        gateway.request(&input.m1.0, now, &mut Nowhere).map_err(reason::gateway)?
    else {
        panic!("answered before")
    };
    let Ok(Next::Send(m2)) = gateway.next(&sid, now, [0; 16], &mut Nowhere) else { panic!("no m2") };
    let m2 = m2.as_ref();
    let point = (m2.len() == 106).then(|| m2[57..90].into());
    Ok(Expect { scope: m2[49..57].into(), nonce: m2[9..25].into(), point })
}

fn signing_key() -> SigningKey {
    SigningKey::from_slice(key("user's signing key").as_bytes()).unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "as `Attempt::new` takes it")]
fn sign(message: &[u8]) -> Option<[u8; SIGNATURE]> {
    let signature: Signature = signing_key().sign(message);
    Some(signature.normalize_s().to_bytes().into())
}

fn given() -> Given {
    let point = signing_key().verifying_key().to_sec1_point(true);
    Given {
        gateway: GATEWAY[..].into(),
        credentials: key("credentials").as_bytes()[..].into(),
        daily: key("daily key 1").as_bytes()[..].into(),
        started: NOW.0 - 3_600_000,
        now: NOW.0,
        user: b"nurse, night 012"[..].into(),
        credential: key("credential").as_bytes()[..16].into(),
        epoch: 9,
        role: 2,
        may: [3, 0x27, 3],
        signs: point.as_bytes().into(),
        until: NOW.0 + 8 * 3_600_000,
        sid: SID[..].into(),
        max_ops: 0x3f,
        association: 1001,
    }
}

/// An m1, as a user makes it who may differ from the registry's.
struct From {
    credential: Credential,
    gateway: GatewayKey,
    wish: Wish,
    now: UnixMillis,
}

pub fn credential() -> (Credential, GatewayKey) {
    let given = given();
    let mut gateway = gateway(&given);
    let point = gateway.rotate(1, &array(&given.daily)).unwrap();
    (gateway.issue(&staff(&given)), GatewayKey { id: GATEWAY, kid: 1, point })
}

fn user() -> From {
    let (credential, gateway) = credential();
    let wish = Wish { sid: SID, ops: Ops::LOOKS, ttl: 60, association: 1001, end_to_end: false };
    From { credential, gateway, wish, now: NOW }
}

pub fn random() -> Random {
    Random { secret: *key("user's ephemeral key").as_bytes(), nonce: [0x0a; 16] }
}

fn m1(from: &From, sign: impl FnOnce(&[u8]) -> Option<[u8; SIGNATURE]>) -> Vec<u8> {
    let From { credential, gateway, wish, now } = from;
    Attempt::new(credential, gateway, *wish, *now, random(), sign).unwrap().1.as_ref().to_vec()
}

#[test]
fn requests_of_a_user() {
    let about = [
        "A gateway with one member of staff and one treatment device is given an m1.",
        "Accepted: what it permits, and what its m2 carries.",
        "Order: length and type, key, opening, time, credential, proof, signature, device, role, patient.",
    ];
    let mut file = Vectors::new(&about, given());
    let acts = Ops::LOOKS.with(Ops::SETTINGS);
    let with = |wish: Wish| From { wish, ..user() };
    let wish = user().wish;
    let cases = [
        ("to look", m1(&user(), sign)),
        ("to act, signed", m1(&with(Wish { ops: acts, ..wish }), sign)),
        (
            "more than the role may: it is permitted less",
            m1(&with(Wish { ops: acts.with(Ops::START), ..wish }), sign),
        ),
        (
            "with an end-to-end key, for the patient that the device is with",
            m1(&with(Wish { end_to_end: true, association: 0, ..wish }), sign),
        ),
    ];
    for (name, m1) in cases {
        let input = Input { m1: m1.into() };
        let expect = judge(&given(), &input).unwrap();
        file.accept(name, input, expect);
    }
    let mut refuse =
        |reason: &str, name: &str, m1: Vec<u8>| file.refuse(reason, name, Input { m1: m1.into() });
    let good = || m1(&user(), sign);
    let changed = |at: usize, by: u8| {
        let mut bytes = good();
        bytes[at] ^= by;
        bytes
    };
    refuse("malformed", "nothing", vec![]);
    refuse("malformed", "a byte is missing", good()[..149].to_vec());
    refuse("malformed", "a byte too many", [good(), vec![0]].concat());
    refuse("malformed", "an unknown type", changed(0, 0x40));
    refuse("malformed", "the type of a signed request at the length of another", changed(0, 0x20));
    refuse("other-key", "the number of another key", changed(4, 1));
    refuse("sealed", "the type of a request for an end-to-end key", changed(0, 0x10));
    refuse("sealed", "the point was negated", changed(5, 1));
    refuse("sealed", "a point that is not on the curve", {
        let mut bytes = good();
        bytes[6..38].copy_from_slice(&[0xff; 32]);
        bytes
    });
    refuse("sealed", "the contents were changed", changed(38, 1));
    refuse("sealed", "the tag was changed", changed(149, 1));
    let mut elsewhere = user();
    elsewhere.gateway.id = *b"gateway, ward 4a";
    refuse("sealed", "for another gateway", m1(&elsewhere, sign));
    refuse("stale", "older than a minute", m1(&From { now: UnixMillis(NOW.0 - 60_001), ..user() }, sign));
    refuse(
        "ahead",
        "more than five seconds ahead",
        m1(&From { now: UnixMillis(NOW.0 + SKEW + 1), ..user() }, sign),
    );
    let mut stranger = user();
    stranger.credential.cred = [7; 16];
    refuse("no-credential", "an unknown credential", m1(&stranger, sign));
    let mut other = user();
    other.credential.id = *b"nurse, night 013";
    refuse("no-credential", "the credential of somebody else", m1(&other, sign));
    let mut guess = user();
    guess.credential.secret = key("a guess");
    refuse("proof", "a guessed secret", m1(&guess, sign));
    let acting = || with(Wish { ops: acts, ..wish });
    refuse("signature", "the signature of another message", m1(&acting(), |_| sign(b"another message")));
    refuse("no-device", "an unknown device", m1(&with(Wish { sid: [7; 16], ..wish }), sign));
    refuse("not-permitted", "what the role may not do", m1(&with(Wish { ops: Ops::START, ..wish }), sign));
    refuse("not-permitted", "for no time", m1(&with(Wish { ttl: 0, ..wish }), sign));
    let mut promoted = user();
    promoted.credential.role = 1;
    refuse("not-permitted", "another role than the registry's", m1(&promoted, sign));
    refuse(
        "other-patient",
        "the device is with another patient",
        m1(&with(Wish { association: 7, ..wish }), sign),
    );
    file.check("device/request.json", judge);
}

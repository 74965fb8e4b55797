//! A ward: a gateway with its store, two devices, two members of staff.

use std::collections::BTreeMap;

use countersign_device::{
    Attempt, Audit, Class, Credential, Device, Gateway, GatewayKey, GatewayRefusal, Heard, Id, Identity, Key,
    LegRow, Next, Ops, Random, Reading, Relayed, Replied, Requested, SIGNATURE, SKEW, Sensor, SoftwareCurve,
    Staff, Store, StoreError, UnixMillis, Uptime, UserRefusal, UserSession, Wish, WrongProofs,
};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

use crate::flash::Memory;
use crate::leg_world::{GATEWAY, NOW, key};

pub const PUMP: Id = [0xb1; 16];
pub const MONITOR: Id = [0xb2; 16];
pub const NURSE: Id = [0x11; 16];
pub const ENGINEER: Id = [0x22; 16];
pub const PATIENT: u32 = 1001;

/// What a gateway keeps.
#[derive(Default)]
pub struct Rows {
    pub legs: BTreeMap<Id, LegRow>,
    pub audits: Vec<Audit>,
    pub wrong: BTreeMap<Id, WrongProofs>,
    pub fails: bool,
}

impl Rows {
    fn works(&self) -> Result<(), StoreError> {
        if self.fails { Err(StoreError) } else { Ok(()) }
    }
}

impl Store for Rows {
    fn reserve(&mut self, sid: &Id, until: u32) -> Result<(), StoreError> {
        self.works()?;
        self.legs.get_mut(sid).unwrap().reserved = until;
        Ok(())
    }

    fn commit(
        &mut self,
        sid: &Id,
        index: u32,
        ratchet: &Key,
        audit: Option<&Audit>,
    ) -> Result<(), StoreError> {
        self.works()?;
        let row = self.legs.get_mut(sid).unwrap();
        (row.index, row.ratchet, row.restored) = (index, ratchet.clone(), false);
        self.audits.extend(audit.cloned());
        Ok(())
    }

    fn wrong_proofs(&mut self, cred: &Id, wrong: WrongProofs) -> Result<(), StoreError> {
        self.works()?;
        self.wrong.insert(*cred, wrong);
        Ok(())
    }
}

pub struct Bed {
    pub sensor: Sensor,
    pub flash: Memory,
}

pub struct Ward {
    pub gateway: Gateway,
    pub key: GatewayKey,
    pub store: Rows,
    pub beds: BTreeMap<Id, Bed>,
    pub nurse: Credential,
    pub engineer: Credential,
    pub now: UnixMillis,
    drawn: u64,
}

pub fn signing_key() -> SigningKey {
    SigningKey::from_slice(key(77).as_bytes()).unwrap()
}

/// Signs as a nurse's phone does.
#[allow(clippy::unnecessary_wraps, reason = "as `Attempt::new` takes it")]
pub fn sign(message: &[u8]) -> Option<[u8; SIGNATURE]> {
    let signature: Signature = signing_key().sign(message);
    Some(signature.normalize_s().to_bytes().into())
}

pub fn staff() -> [Staff; 2] {
    let point = signing_key().verifying_key().to_sec1_point(true).as_bytes().try_into().unwrap();
    let (looks, all) = (Ops::LOOKS, Ops::LOOKS.with(Ops::ACTS).with(Ops::SILENCE));
    let until = UnixMillis(NOW.0 + 8 * 3_600_000);
    [
        Staff {
            id: NURSE,
            cred: [0x12; 16],
            epoch: 1,
            role: 2,
            may: [all, all, looks],
            key: Some(point),
            until,
        },
        Staff {
            id: ENGINEER,
            cred: [0x23; 16],
            epoch: 1,
            role: 3,
            may: [looks.with(Ops::SERVICE), Ops::SERVICE.with(Ops::BREAK_GLASS), looks],
            key: Some(point),
            until,
        },
    ]
}

fn max_ops() -> Ops {
    Ops::LOOKS.with(Ops::ACTS).with(Ops::SILENCE).with(Ops::SERVICE)
}

impl Ward {
    pub fn new() -> Self {
        let mut gateway = Gateway::start(GATEWAY, key(50), NOW);
        let point = gateway.rotate(1, key(51).as_bytes()).unwrap();
        gateway.registry_as_of(NOW);
        let [nurse, engineer] = staff();
        let credentials = [gateway.issue(&nurse), gateway.issue(&engineer)];
        gateway.enrol(nurse);
        gateway.enrol(engineer);
        let [nurse, engineer] = credentials;
        let mut ward = Self {
            gateway,
            key: GatewayKey { id: GATEWAY, kid: 1, point },
            store: Rows::default(),
            beds: BTreeMap::new(),
            nurse,
            engineer,
            now: UnixMillis(NOW.0 + SKEW + 1),
            drawn: 0,
        };
        ward.join(PUMP, Class::Treatment, 60);
        ward.join(MONITOR, Class::Diagnostic, 62);
        ward
    }

    /// A device joins; no other is touched.
    pub fn join(&mut self, sid: Id, class: Class, keys: u8) {
        let (auth, ratchet) = (key(keys), key(keys + 1));
        let identity = Identity::new(sid, GATEWAY, auth.clone(), max_ops()).unwrap();
        let mut flash = Memory::new();
        let sensor = Sensor::provision(identity, 1, ratchet.clone(), &mut flash).unwrap();
        let leg = LegRow::new(sid, auth, ratchet);
        self.store.legs.insert(sid, leg.clone());
        self.gateway.add(Device { class, max_ops: max_ops(), association: PATIENT, leg });
        self.beds.insert(sid, Bed { sensor, flash });
    }

    /// The gateway is killed and started again, from its store and the registry.
    pub fn restart(&mut self) {
        self.gateway = Gateway::start(GATEWAY, key(50), self.now);
        self.gateway.rotate(1, key(51).as_bytes()).unwrap();
        self.gateway.registry_as_of(self.now);
        for staff in staff() {
            self.gateway.enrol(staff);
        }
        for (cred, wrong) in &self.store.wrong {
            self.gateway.recall_wrong_proofs(*cred, *wrong);
        }
        for (sid, leg) in &self.store.legs {
            let class = if *sid == PUMP { Class::Treatment } else { Class::Diagnostic };
            let leg = leg.clone();
            self.gateway.add(Device { class, max_ops: max_ops(), association: PATIENT, leg });
        }
    }

    pub fn random(&mut self) -> [u8; 32] {
        self.drawn += 1;
        crate::peer::mac(&[9; 32], "random bytes of a test", &[&self.drawn.to_be_bytes()])
    }

    pub fn attempt(&mut self, who: &Credential, wish: Wish) -> Result<(Attempt, Vec<u8>), UserRefusal> {
        let (secret, [nonce, _]) = (self.random(), halves(self.random()));
        let (attempt, m1) = Attempt::new(who, &self.key, wish, self.now, Random { secret, nonce }, sign)?;
        Ok((attempt, m1.as_ref().to_vec()))
    }

    pub fn request(&mut self, m1: &[u8]) -> Result<Requested, GatewayRefusal> {
        self.gateway.request(m1, self.now, &mut self.store)
    }

    pub fn next(&mut self, sid: &Id) -> Result<Next, GatewayRefusal> {
        let [nonce, _] = halves(self.random());
        self.gateway.next(sid, self.now, nonce, &mut self.store)
    }

    /// Carries m2 to the device and gives its m3.
    pub fn ask(&mut self, sid: &Id) -> Vec<u8> {
        let Ok(Next::Send(m2)) = self.next(sid) else { panic!("nothing to send") };
        let ([nonce, _], uptime, mut curve) =
            (halves(self.random()), self.uptime(), SoftwareCurve::new(self.random()));
        let bed = self.beds.get_mut(sid).unwrap();
        let m3 = bed.sensor.request_with(m2.as_ref(), uptime, nonce, &mut curve, &mut bed.flash).unwrap();
        m3.as_ref().to_vec()
    }

    pub fn reply(&mut self, sid: &Id, m3: &[u8]) -> Result<Replied, GatewayRefusal> {
        let random = self.random();
        self.gateway.reply(sid, m3, self.now, &random, &mut self.store)
    }

    /// m5 to a request.
    pub fn m5(&mut self, m1: &[u8]) -> Vec<u8> {
        let Ok(Requested::Device { sid, ticket }) = self.request(m1) else { panic!("not asked") };
        let m3 = self.ask(&sid);
        match self.reply(&sid, &m3) {
            Ok(Replied::Answer { ticket: answered, m5 }) => {
                assert_eq!(answered, ticket);
                m5.as_ref().to_vec()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Signs in, from m1 to the first reading.
    pub fn sign_in(&mut self, who: &Credential, wish: Wish) -> UserSession {
        let (attempt, m1) = self.attempt(who, wish).unwrap();
        let m5 = self.m5(&m1);
        let mut session = attempt.answer(&m5, self.now).unwrap();
        let confirmation = session.confirmation();
        let relayed = self.gateway.down(&wish.sid, confirmation.as_ref(), self.now).unwrap();
        let expected = if wish.end_to_end { Relayed::Sealed } else { Relayed::Confirmation };
        assert_eq!(relayed, expected);
        assert_eq!(self.hear(&wish.sid, confirmation.as_ref()), Heard::Confirmed);
        if wish.ops.meets(Ops::LOOKS) {
            assert!(!session.device_spoke());
            let reading = self.reading(&wish.sid);
            self.gateway.up(&wish.sid, &reading, self.now).unwrap();
            session.open(&reading, self.now).unwrap();
            assert!(session.device_spoke());
        }
        session
    }

    pub fn hear(&mut self, sid: &Id, frame: &[u8]) -> Heard {
        let uptime = self.uptime();
        let bed = self.beds.get_mut(sid).unwrap();
        bed.sensor.frame(frame, uptime, &mut bed.flash).unwrap()
    }

    pub fn reading(&mut self, sid: &Id) -> Vec<u8> {
        let uptime = self.uptime();
        self.beds.get_mut(sid).unwrap().sensor.reading(&pulse(), uptime).unwrap().as_ref().to_vec()
    }

    fn uptime(&self) -> Uptime {
        Uptime(self.now.0 - NOW.0)
    }
}

pub fn pulse() -> Reading {
    let value = countersign_device::Float::new(72, 0).unwrap();
    Reading { metric: 0x0002_4182, value, unit: 2720, status: 0, tick: 5 }
}

pub fn wish(sid: Id, ops: Ops) -> Wish {
    Wish { sid, ops, ttl: 30, association: PATIENT, end_to_end: false }
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    [bytes[..16].try_into().unwrap(), bytes[16..].try_into().unwrap()]
}

//! Clinicians with tablets, who sign in at one bed after the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use countersign_bedside::{Badge, Refusal};
use countersign_device::{Class, Command, Credential, Float, GatewayKey, Id, Ops, Wish};
use countersign_ledger::{SoftwareKey, TrustStore};
use countersign_wallet::{BedsideError, BedsideLink, BedsideSession};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};

use super::network::{Relay, Weather, thread};
use crate::home::now;

/// For how long a clinician stays at a bed.
const AT_A_BED: Duration = Duration::from_millis(1_500);
/// How long one waits who was refused.
const PAUSE: Duration = Duration::from_millis(300);

/// What all clinicians met with.
#[derive(Default)]
pub struct Met {
    pub sessions: u64,
    pub agreed: u64,
    pub readings: u64,
    /// What no gateway counts: nobody answered, or the device did not speak.
    pub without: BTreeMap<&'static str, u64>,
    /// From the first message to the first reading.
    pub took: Vec<Duration>,
}

/// A device that may be signed in at.
#[derive(Clone, Copy)]
pub struct Target {
    pub sid: Id,
    pub class: Class,
    pub association: u32,
}

/// A clinician.
pub struct Clinician {
    pub key: SoftwareKey,
    pub badge: Badge,
    pub relay: Relay,
    pub trust: TrustStore,
}

/// What the clinicians of a ward share.
#[derive(Clone)]
pub struct Round {
    pub targets: Arc<Vec<Target>>,
    pub met: Arc<Mutex<Met>>,
    pub stop: Arc<AtomicBool>,
}

impl Clinician {
    pub fn new(key: SoftwareKey, badge: Badge, trust: TrustStore, weather: &Weather) -> Result<Self> {
        let relay = Relay::start(badge.address.parse()?, weather)?;
        Ok(Self { key, badge, relay, trust })
    }

    /// Goes from bed to bed until it is over.
    pub fn start(self, round: Round) -> Result<JoinHandle<Self>> {
        thread(move || {
            self.walk(&round);
            self
        })
    }

    fn walk(&self, round: &Round) {
        let (mut random, mut key) = (UnwrapErr(SysRng), None);
        while !round.stop.load(Ordering::Relaxed) {
            let at = random.next_u64() % round.targets.len().max(1) as u64;
            let Some(target) = usize::try_from(at).ok().and_then(|at| round.targets.get(at)) else { return };
            let began = Instant::now();
            round.count(|met| met.sessions += 1);
            match self.sign_in(target, &mut key) {
                Ok(session) => {
                    round.count(|met| {
                        met.agreed += 1;
                        met.took.push(began.elapsed());
                    });
                    stay(session, target, round);
                }
                Err(error) => {
                    let name = match error {
                        BedsideError::NoAnswer | BedsideError::Network(_) => Some("no-answer"),
                        BedsideError::Silent => Some("silent"),
                        BedsideError::Refused(Refusal::OtherKey) => {
                            key = None;
                            None
                        }
                        BedsideError::Refused(_) => None,
                        _ => Some("tablet"),
                    };
                    round.count(|met| {
                        if let Some(name) = name {
                            *met.without.entry(name).or_default() += 1;
                        }
                    });
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Signs in at a device.
    pub fn sign_in(
        &self,
        target: &Target,
        key: &mut Option<GatewayKey>,
    ) -> Result<BedsideSession, BedsideError> {
        let link = BedsideLink::new(&self.relay.address().to_string())?;
        let gateway = match key.clone() {
            Some(key) => key,
            None => key.insert(link.key(&self.trust, self.badge.gateway.domain(), now())?.0).clone(),
        };
        let credential: &Credential = &self.badge.credential;
        link.sign_in(credential, &gateway, target.wish(), now(), Some(&self.key))
    }
}

impl Target {
    fn wish(&self) -> Wish {
        let ops = if self.class == Class::Treatment { Ops::LOOKS.with(Ops::SETTINGS) } else { Ops::LOOKS };
        Wish { sid: self.sid, ops, ttl: 1, association: self.association, end_to_end: false }
    }
}

impl Round {
    fn count(&self, change: impl FnOnce(&mut Met)) {
        change(&mut self.met.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Looks at the readings for a while, and sets a device that treats.
fn stay(mut session: BedsideSession, target: &Target, round: &Round) {
    let began = Instant::now();
    if target.class == Class::Treatment {
        let value = Float::new(125, -1).unwrap_or(Float::NOT_A_NUMBER);
        // May be lost, like every datagram.
        let _ = session.command(Command { op: Ops::SETTINGS, unit: 3_122, metric: 157_784, value });
    }
    while began.elapsed() < AT_A_BED && !round.stop.load(Ordering::Relaxed) {
        match session.reading(Duration::from_millis(500)) {
            Ok(Some(_)) => round.count(|met| met.readings += 1),
            Ok(None) => {}
            // The session was cut.
            Err(_) => return,
        }
    }
}

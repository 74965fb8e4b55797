//! Bedside devices: sign in, set, read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_bedside::{Badge, Shown, metric, op, op_names, shown, ucum};
use countersign_device::{Command, Float, Id, Ops, Received, Wish};
use countersign_ledger::{Identity, Signer};
use countersign_wallet::{Badges, BedsideLink, BedsideSession, Keeping, StoredKey};

use crate::clock::now;
use crate::error::CountersignError as Error;
use crate::wallet::Wallet;

/// Longest wait for a reading, in milliseconds: a call is short.
const LONGEST_WAIT: u32 = 1_000;

/// Somebody at a bed, with one of the wallet's certified keys, which signs what acts on a patient.
///
/// A badge is taken up once a shift, behind a password; each sign-in asks for that. One device at a time: a new sign-in ends the
/// session before it, and so does `sign_out`, which a screen that is left, or a change of user, calls. Sync now and then: whether a
/// gateway may be trusted, the ledger says.
#[derive(uniffi::Object)]
pub struct Bedside {
    wallet: Arc<Wallet>,
    key: String,
    session: Mutex<Option<BedsideSession>>,
}

/// Who counts how often a password was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum TryCounter {
    /// The key store, which is hardware that nobody puts back to an earlier state. After five tries in vain the badge is gone.
    KeyStore,
    /// The gateway: here nothing tells whether a password is right.
    Gateway,
}

/// A session with a device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideSignedIn {
    /// What it permits: `read`, `stream`, `settings`, `start`, `stop`, `silence`, `service`, `break-glass`.
    pub operations: Vec<String>,
    /// With which patient the device is, by the gateway's number; 0: with none, and what it measures is nobody's.
    pub patient: u32,
    /// Until when it lasts.
    pub until_millis: u64,
}

/// An operation at the device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideCommand {
    /// Which, as in [`BedsideSignedIn`].
    pub operation: String,
    /// What it concerns, a code of ISO/IEEE 11073-10101 with its partition; 0 for the device as a whole.
    pub metric: u32,
    /// The unit, a code of partition 4.
    pub unit: u16,
    /// The value is `mantissa * 10^exponent`.
    pub mantissa: i32,
    /// The power of ten.
    pub exponent: i8,
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideReading {
    /// What was measured: a reference identifier of ISO/IEEE 11073-10101, such as `MDC_ECG_HEART_RATE`, or the code's number.
    pub metric: String,
    /// The value, with all its digits; absent if there is none.
    pub value: Option<String>,
    /// Its unit in UCUM, if that is known.
    pub unit: Option<String>,
    /// Why there is no value: a code of FHIR's `data-absent-reason`, such as `not-a-number`.
    pub absent: Option<String>,
    /// The reading's number in the session.
    pub number: u32,
    /// How many before it did not come: to be shown.
    pub missed: u32,
}

#[uniffi::export]
impl Bedside {
    /// Somebody with the member's key `key`.
    #[uniffi::constructor]
    pub fn new(wallet: Arc<Wallet>, key: String) -> Self {
        Self { wallet, key, session: Mutex::new(None) }
    }

    /// Takes up a badge, as scanned, behind a password of at least six characters. Returns the gateway, by its SPIFFE ID.
    pub fn take(&self, badge: &str, password: &str, tries: TryCounter) -> Result<String, Error> {
        let badge = Badge::parse(badge).ok_or_else(|| Error::invalid("badge"))?;
        let keeping = match tries {
            TryCounter::KeyStore => Keeping::Counted,
            TryCounter::Gateway => Keeping::Masked,
        };
        self.badges(|badges| Ok(badges.keep(&badge, password, keeping)?))?;
        Ok(badge.gateway.to_string())
    }

    /// Gateways of which there is a badge.
    pub fn gateways(&self) -> Result<Vec<String>, Error> {
        self.badges(|badges| Ok(badges.gateways()?))
    }

    /// Signs in at a device, as scanned: 32 hexadecimal digits. Some seconds at most; then the device itself has spoken, if readings
    /// were asked for. `patient` 0: whichever it is with. The key store is asked for a signature if an operation acts on a patient.
    pub fn sign_in(
        &self,
        gateway: &str,
        password: &str,
        device: &str,
        operations: Vec<String>,
        minutes: u8,
        patient: u32,
    ) -> Result<BedsideSignedIn, Error> {
        self.sign_out();
        let sid = id(device)?;
        let mut wanted = Ops::NONE;
        for name in operations {
            wanted = wanted.with(op(&name).ok_or_else(|| Error::invalid("operation"))?);
        }
        let identity = Identity::parse(gateway).map_err(|_| Error::invalid("member"))?;
        let (credential, address) = self.badges(|badges| Ok(badges.open(gateway, password)?))?;
        let trust = self.wallet.act(|snapshot| Ok(snapshot.trust()?))?;
        let link = BedsideLink::new(&address)?;
        let (key, certificate) = link.key(&trust, identity.domain(), now())?;
        if *certificate.identity() != identity {
            return Err(Error::Distrusted);
        }
        let signer = if wanted.needs_a_signature() {
            Some(StoredKey::find(self.wallet.keys(), &self.key)?)
        } else {
            None
        };
        let wish = Wish { sid, ops: wanted, ttl: minutes, association: patient, end_to_end: false };
        let signer = signer.as_ref().map(|key| key as &dyn Signer);
        let session = link.sign_in(&credential, &key, wish, now(), signer)?;
        let (scope, until_millis) = (session.scope(), session.until().0);
        *self.session() = Some(session);
        let operations = op_names(scope.ops).into_iter().map(str::to_owned).collect();
        Ok(BedsideSignedIn { operations, patient: scope.association, until_millis })
    }

    /// The next reading, if one comes within so many milliseconds, a second at most.
    pub fn reading(&self, wait_millis: u32) -> Result<Option<BedsideReading>, Error> {
        let mut session = self.session();
        let wait = Duration::from_millis(wait_millis.min(LONGEST_WAIT).into());
        let received = signed_in(&mut session)?.reading(wait);
        if received.is_err() {
            *session = None;
        }
        Ok(received?.map(BedsideReading::from))
    }

    /// Sends an operation. It may be lost: what the device does is seen in its readings.
    pub fn command(&self, command: BedsideCommand) -> Result<(), Error> {
        let BedsideCommand { operation, metric, unit, mantissa, exponent } = command;
        let op = op(&operation).ok_or_else(|| Error::invalid("operation"))?;
        let value = Float::new(mantissa, exponent).ok_or_else(|| Error::invalid("value"))?;
        Ok(signed_in(&mut self.session())?.command(Command { op, unit, metric, value })?)
    }

    /// Forgets the session and its keys.
    pub fn sign_out(&self) {
        *self.session() = None;
    }

    /// Puts the badge behind a new password. The gateway is not asked.
    pub fn change_password(&self, gateway: &str, old: &str, new: &str) -> Result<(), Error> {
        self.badges(|badges| Ok(badges.change_password(gateway, old, new)?))
    }

    /// Forgets a badge: at the end of a shift.
    pub fn forget(&self, gateway: &str) -> Result<(), Error> {
        self.sign_out();
        self.badges(|badges| Ok(badges.forget(gateway)?))
    }
}

impl Bedside {
    fn badges<T>(&self, act: impl FnOnce(&mut Badges<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let keys = self.wallet.keys();
        self.wallet.act(|snapshot| act(&mut Badges::new(snapshot, keys)))
    }

    // What is behind the lock is changed by single assignments.
    fn session(&self) -> MutexGuard<'_, Option<BedsideSession>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signed_in<'a>(
    session: &'a mut MutexGuard<'_, Option<BedsideSession>>,
) -> Result<&'a mut BedsideSession, Error> {
    session.as_mut().ok_or_else(|| Error::Refused { reason: "over".to_owned() })
}

/// Reads a device's number.
fn id(text: &str) -> Result<Id, Error> {
    let wrong = || Error::invalid("device");
    let is_hex = text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
    let digits = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
    digits.map(u128::to_be_bytes).ok_or_else(wrong)
}

impl From<Received> for BedsideReading {
    fn from(received: Received) -> Self {
        let Received { reading, seq: number, missed } = received;
        let metric =
            metric(reading.metric).map_or_else(|| reading.metric.to_string(), |known| known.name.to_owned());
        let (value, unit, absent) = match shown(&reading) {
            Shown::Number { text, unit } => (Some(text), ucum(unit).map(str::to_owned), None),
            Shown::Absent(why) => (None, None, Some(why.to_owned())),
        };
        Self { metric, value, unit, absent, number, missed }
    }
}

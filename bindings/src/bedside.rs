//! Bedside devices: sign in, set, read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_bedside::{
    ALWAYS, Badge, CredentialRow, DeviceRow, Shown, Status, doubt, metric, op, op_names, read_label, shown,
    ucum,
};
use countersign_device::{Class, Command, Float, Id, Ops, Received, UserRefusal, Wish};
use countersign_ledger::{Identity, Signer, UnixMillis};
use countersign_wallet::{
    Badges, BedsideDevices, BedsideError, BedsideLink, BedsideSession, Board, Keeping, Latest, SHOWS_WITHIN,
    ScreenLock, Snapshot, Standing, StoredKey,
};

use crate::clock::now;
use crate::error::{CountersignError as Error, millis};
use crate::wallet::Wallet;

/// Longest wait for a reading, in milliseconds: a call is short.
const LONGEST_WAIT: u32 = 1_000;

/// Somebody at a bed, with one of the wallet's certified keys, which signs what acts on a patient.
///
/// A badge is taken up once a shift, behind a password; each sign-in asks for that. One device at a time: a new sign-in ends the
/// session before it, and so does `sign_out`, which a screen that is left, or a change of user, calls. Sync now and then: whether a
/// gateway may be trusted, the ledger says. A screen calls `watch` over and over, and `touched` when somebody touches it: else it
/// locks itself.
#[derive(uniffi::Object)]
pub struct Bedside {
    wallet: Arc<Wallet>,
    key: String,
    sitting: Mutex<Option<Sitting>>,
}

/// Somebody at a device, also when the session is over.
struct Sitting {
    /// None once it is over: its keys are gone.
    session: Option<BedsideSession>,
    gateway: String,
    watch: BedsideWatch,
    began: Instant,
    /// When its time is over, as `began` counts.
    ends: u64,
    board: Board,
    lock: ScreenLock,
}

/// Who counts how often a password was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum TryCounter {
    /// The key store, which is hardware that nobody puts back to an earlier state. After five tries in vain the badge is gone.
    KeyStore,
    /// The gateway: here nothing tells whether a password is right.
    Gateway,
}

/// What a ward's screen begins with.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideWard {
    /// Who this is, by their SPIFFE ID; absent before the key is enrolled.
    pub member: Option<String>,
    /// The badges on this phone.
    pub badges: Vec<BedsideBadge>,
    /// Devices at which somebody signed in here, the latest first.
    pub met: Vec<BedsideDevice>,
}

/// A badge on this phone.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideBadge {
    /// Where it is good: the gateway, by its SPIFFE ID.
    pub gateway: String,
    /// How far it is good.
    pub state: BadgeState,
}

/// How far a badge is good, by what this phone has of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum BadgeState {
    /// The ledger does not have it yet, as far as this phone knows: sync.
    Unknown,
    /// It is good.
    Good {
        /// Until then.
        until_millis: u64,
    },
    /// Its shift is over.
    Over {
        /// Since then.
        at_millis: u64,
    },
    /// It was taken back.
    Ended,
}

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DeviceClass {
    /// It measures: a monitor, a thermometer.
    Diagnostic,
    /// It acts on the patient: an infusion pump, a ventilator.
    Treatment,
    /// Neither: a bed, a call button.
    Auxiliary,
}

/// A device, as this phone knows it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideDevice {
    /// Its number: 32 hexadecimal digits.
    pub device: String,
    /// Its gateway and its class; absent if the ledger has no such device, as far as this phone knows.
    pub registered: Option<BedsideRegistered>,
    /// When somebody signed in at it here; absent if it was just scanned.
    pub met_millis: Option<u64>,
}

/// What the ledger has of a device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideRegistered {
    /// Its gateway.
    pub gateway: String,
    /// What it is for.
    pub class: DeviceClass,
    /// Whether it is in service.
    pub in_service: bool,
    /// The badge for its gateway; absent if there is none here.
    pub badge: Option<BadgeState>,
    /// What that badge permits at it, as in [`BedsideSignedIn`].
    pub operations: Vec<String>,
}

/// What is seen of a session.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideWatch {
    /// The device's number.
    pub device: String,
    /// What it is for.
    pub class: Option<DeviceClass>,
    /// Who is signed in.
    pub member: String,
    /// What it permits, with which patient the device is, and until when.
    pub signed_in: BedsideSignedIn,
    /// The latest reading of each metric.
    pub readings: Vec<BedsideLatest>,
    /// For how long the device has said nothing; absent if the session may not look.
    pub silent_millis: Option<u64>,
    /// How many readings did not come.
    pub missed: u32,
    /// What was sent last.
    pub sent: Option<BedsideSent>,
    /// Nobody touched the screen for a while: it is to show nothing until the password opens it.
    pub is_locked: bool,
    /// Why it is over, once it is.
    pub end: Option<BedsideEnd>,
}

/// The latest reading of a metric.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideLatest {
    /// The reading.
    pub reading: BedsideReading,
    /// How long ago it was measured.
    pub age_millis: u64,
    /// Whether it is too old to be taken for the patient's state.
    pub is_stale: bool,
}

/// An operation that was sent.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BedsideSent {
    /// Which.
    pub command: BedsideCommand,
    /// How far it is.
    pub state: SentState,
}

/// How far an operation is that was sent. A datagram may be lost, and nothing acknowledges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum SentState {
    /// It was sent.
    Sent,
    /// The device's readings show it.
    Shown,
    /// They should show it by now, and do not; or no reading tells of it.
    NotShown,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum BedsideEnd {
    /// Its time.
    Time,
    /// The gateway cut it: its operator did, or the device is with another patient.
    Cut,
    /// The same, and the badge was taken back.
    BadgeEnded,
    /// The screen's lock was tried in vain too often.
    Tries,
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
    /// Why it is not simply the patient's: `test`, `demonstration`, `calibration` or `questionable`.
    pub doubt: Option<String>,
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
        Self { wallet, key, sitting: Mutex::new(None) }
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

    /// Who this is, the badges, and the devices that were met. Needs no network.
    pub fn ward(&self) -> Result<BedsideWard, Error> {
        let member = self.member()?;
        let badge =
            |(gateway, standing): (String, Standing)| BedsideBadge { gateway, state: (&standing).into() };
        self.wallet.act(|snapshot| {
            let standings = Badges::new(snapshot, self.wallet.keys()).standings(now())?;
            let met = BedsideDevices(snapshot).met()?.into_iter();
            let met = met.map(|(sid, at)| known(snapshot, &standings, &sid, Some(at)));
            Ok(BedsideWard {
                member,
                met: met.collect::<Result<_, _>>()?,
                badges: standings.into_iter().map(badge).collect(),
            })
        })
    }

    /// A device by its code, as scanned, or by its number. Needs no network.
    pub fn device(&self, code: &str) -> Result<BedsideDevice, Error> {
        let sid = id(code)?;
        self.wallet.act(|snapshot| {
            let standings = Badges::new(snapshot, self.wallet.keys()).standings(now())?;
            known(snapshot, &standings, &sid, None)
        })
    }

    /// Signs in at a device, by its code or its number. Some seconds at most; then the device itself has spoken, if readings
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
        let (asked, began) = (now(), Instant::now());
        let session = link.sign_in(&credential, &key, wish, asked, signer)?;
        let (scope, until_millis) = (session.scope(), session.until().0);
        let signed_in =
            BedsideSignedIn { operations: names(scope.ops), patient: scope.association, until_millis };
        let class = self.wallet.act(|snapshot| {
            // A full disk keeps nobody from a bed: the device is then not among those to choose from.
            let _ = BedsideDevices(snapshot).meet(&sid, asked);
            Ok(BedsideDevices(snapshot).registered(&sid)?.map(|(row, _)| row.class.into()))
        })?;
        let watch = BedsideWatch {
            device: hex(&sid),
            class,
            member: self.member()?.unwrap_or_default(),
            signed_in: signed_in.clone(),
            readings: Vec::new(),
            silent_millis: None,
            missed: 0,
            sent: None,
            is_locked: false,
            end: None,
        };
        let at = millis(began.elapsed());
        *self.sitting() = Some(Sitting {
            session: Some(session),
            gateway: gateway.to_owned(),
            watch,
            began,
            ends: until_millis.saturating_sub(asked.0),
            board: Board::new(at),
            lock: ScreenLock::new(password, at),
        });
        Ok(signed_in)
    }

    /// What is seen of the session now, with what comes within so many milliseconds, a second at most. Also when it is over, until
    /// the next one, or `sign_out`.
    pub fn watch(&self, wait_millis: u32) -> Result<BedsideWatch, Error> {
        let mut sitting = self.sitting();
        let sitting = sitting.as_mut().ok_or_else(over)?;
        sitting.listen(Duration::from_millis(wait_millis.min(LONGEST_WAIT).into()));
        if sitting.watch.end == Some(BedsideEnd::Cut) {
            let standings = self.badges(|badges| Ok(badges.standings(now())?))?;
            if standings
                .iter()
                .any(|(gateway, state)| *gateway == sitting.gateway && *state == Standing::Ended)
            {
                sitting.watch.end = Some(BedsideEnd::BadgeEnded);
            }
        }
        Ok(sitting.seen())
    }

    /// Somebody touched the session's screen.
    pub fn touched(&self) {
        if let Some(sitting) = self.sitting().as_mut() {
            let at = sitting.at();
            sitting.lock.touch(at);
        }
    }

    /// Locks the session's screen: another app is in front, or the phone sleeps.
    pub fn lock(&self) {
        if let Some(sitting) = self.sitting().as_mut() {
            sitting.lock.lock();
        }
    }

    /// Opens the session's screen again. After the fifth wrong password the session is over.
    pub fn unlock(&self, password: &str) -> Result<(), Error> {
        let mut sitting = self.sitting();
        let sitting = sitting.as_mut().ok_or_else(over)?;
        let at = sitting.at();
        match sitting.lock.open(password, at) {
            Ok(()) => {
                // What came before is too old by now, and a phone that sleeps does not count how much.
                sitting.board.wipe(at);
                Ok(())
            }
            Err(wrong) => {
                if wrong.left == 0 {
                    sitting.finish(BedsideEnd::Tries);
                }
                Err(Error::invalid("password"))
            }
        }
    }

    /// The next reading, if one comes within so many milliseconds, a second at most.
    pub fn reading(&self, wait_millis: u32) -> Result<Option<BedsideReading>, Error> {
        let mut sitting = self.sitting();
        let wait = Duration::from_millis(wait_millis.min(LONGEST_WAIT).into());
        let received = signed_in(&mut sitting)?.1.reading(wait);
        if received.is_err() {
            *sitting = None;
        }
        Ok(received?.map(BedsideReading::from))
    }

    /// Sends an operation. It may be lost: what the device does is seen in its readings.
    pub fn command(&self, command: BedsideCommand) -> Result<(), Error> {
        let BedsideCommand { operation, metric, unit, mantissa, exponent } = command;
        let op = op(&operation).ok_or_else(|| Error::invalid("operation"))?;
        let value = Float::new(mantissa, exponent).ok_or_else(|| Error::invalid("value"))?;
        let command = Command { op, unit, metric, value };
        let mut sitting = self.sitting();
        let (at, session, board) = signed_in(&mut sitting)?;
        session.command(command)?;
        board.asked(command, at);
        Ok(())
    }

    /// Forgets the session and its keys.
    pub fn sign_out(&self) {
        *self.sitting() = None;
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

    fn member(&self) -> Result<Option<String>, Error> {
        let own = self.wallet.memberships()?.into_iter().find(|membership| membership.key == self.key);
        Ok(own.map(|membership| membership.identity))
    }

    // A panic leaves at worst a reading out.
    fn sitting(&self) -> MutexGuard<'_, Option<Sitting>> {
        self.sitting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sitting {
    /// Milliseconds since it began.
    fn at(&self) -> u64 {
        millis(self.began.elapsed())
    }

    /// Takes what comes. Without a network there is silence.
    fn listen(&mut self, wait: Duration) {
        let began = Instant::now();
        while let Some(session) = &mut self.session {
            let left = wait.saturating_sub(began.elapsed());
            let heard = session.reading(left);
            let at = self.at();
            match heard {
                _ if at >= self.ends => self.finish(BedsideEnd::Time),
                Ok(Some(received)) => self.board.take(received, at),
                Ok(None) => return,
                Err(BedsideError::User(UserRefusal::Over)) => self.finish(BedsideEnd::Time),
                Err(BedsideError::Refused(_)) => self.finish(BedsideEnd::Cut),
                Err(_) => return std::thread::sleep(left),
            }
        }
    }

    fn finish(&mut self, end: BedsideEnd) {
        self.session = None;
        self.watch.end = Some(end);
    }

    fn seen(&self) -> BedsideWatch {
        let (at, board) = (self.at(), &self.board);
        let operations = &self.watch.signed_in.operations;
        let looks = operations.iter().any(|name| op(name).is_some_and(|op| op.within(Ops::LOOKS)));
        let sent = board.requested().map(|asked| BedsideSent {
            command: asked.command.into(),
            state: if asked.shown {
                SentState::Shown
            } else if at.saturating_sub(asked.at) < SHOWS_WITHIN {
                SentState::Sent
            } else {
                SentState::NotShown
            },
        });
        BedsideWatch {
            readings: board.readings().map(|latest| BedsideLatest::new(latest, at)).collect(),
            silent_millis: looks.then(|| at.saturating_sub(board.heard())),
            missed: board.missed(),
            sent,
            is_locked: self.lock.is_locked(at),
            ..self.watch.clone()
        }
    }
}

fn over() -> Error {
    Error::Refused { reason: "over".to_owned() }
}

/// The session that goes on, with the time in it and what is known of the device.
fn signed_in<'a>(
    sitting: &'a mut MutexGuard<'_, Option<Sitting>>,
) -> Result<(u64, &'a mut BedsideSession, &'a mut Board), Error> {
    let sitting = sitting.as_mut().ok_or_else(over)?;
    let at = sitting.at();
    Ok((at, sitting.session.as_mut().ok_or_else(over)?, &mut sitting.board))
}

/// A device, with what is known of it.
fn known(
    snapshot: &mut Snapshot,
    standings: &[(String, Standing)],
    sid: &Id,
    met: Option<UnixMillis>,
) -> Result<BedsideDevice, Error> {
    let registered = BedsideDevices(snapshot).registered(sid)?;
    let registered = registered.map(|(row, gateway)| {
        let badge = standings.iter().find(|(own, _)| own == gateway.as_str()).map(|(_, standing)| standing);
        BedsideRegistered {
            gateway: gateway.to_string(),
            class: row.class.into(),
            in_service: row.status == Status::Active,
            badge: badge.map(BadgeState::from),
            operations: match badge {
                Some(Standing::Good(credential)) => names(permitted(&row, credential)),
                _ => Vec::new(),
            },
        }
    });
    Ok(BedsideDevice { device: hex(sid), registered, met_millis: met.map(|at| at.0) })
}

/// What a credential permits at a device.
const fn permitted(device: &DeviceRow, credential: &CredentialRow) -> Ops {
    let [diagnostic, treatment, auxiliary] = credential.may;
    let may = match device.class {
        Class::Diagnostic => diagnostic,
        Class::Treatment => treatment,
        Class::Auxiliary => auxiliary,
    };
    may.and(device.max_ops.with(Ops::BREAK_GLASS))
}

fn names(ops: Ops) -> Vec<String> {
    op_names(ops).into_iter().map(str::to_owned).collect()
}

/// Reads a device's code or its number.
pub(crate) fn id(text: &str) -> Result<Id, Error> {
    let is_hex = text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
    let digits = || u128::from_str_radix(text, 16).ok().filter(|_| is_hex).map(u128::to_be_bytes);
    read_label(text).or_else(digits).ok_or_else(|| Error::invalid("device"))
}

/// A device's number.
pub(crate) fn hex(sid: &Id) -> String {
    format!("{:032x}", u128::from_be_bytes(*sid))
}

impl BedsideLatest {
    fn new(latest: &Latest, at: u64) -> Self {
        let age_millis = at.saturating_sub(latest.measured);
        let holds = metric(latest.received.reading.metric).map_or(ALWAYS, |known| known.holds_millis);
        Self { reading: latest.received.into(), age_millis, is_stale: age_millis >= holds }
    }
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
        let doubt = doubt(&reading).map(str::to_owned);
        Self { metric, value, unit, absent, doubt, number, missed }
    }
}

impl From<Command> for BedsideCommand {
    fn from(command: Command) -> Self {
        let (mantissa, exponent) = match command.value.value() {
            countersign_device::Value::Number { mantissa, exponent } => (mantissa, exponent),
            _ => (0, 0),
        };
        let operation = op_names(command.op).concat();
        Self { operation, metric: command.metric, unit: command.unit, mantissa, exponent }
    }
}

impl From<&Standing> for BadgeState {
    fn from(standing: &Standing) -> Self {
        match standing {
            Standing::Unknown => Self::Unknown,
            Standing::Good(row) => Self::Good { until_millis: row.until },
            Standing::Over(at) => Self::Over { at_millis: at.0 },
            Standing::Ended => Self::Ended,
        }
    }
}

impl From<Class> for DeviceClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Diagnostic => Self::Diagnostic,
            Class::Treatment => Self::Treatment,
            Class::Auxiliary => Self::Auxiliary,
        }
    }
}

//! A bedside gateway, a process of its own: it knows the devices and the staff of a hospital, agrees with devices on behalf of
//! users, and relays what they say to each other.
//!
//! It is no part of a node, since it holds secrets that open sessions, stands in a ward's network, and must serve while the ledger
//! is out of reach; a node holds what anybody may read. It follows the ledger as a phone does and writes to it as a member does. It
//! has one socket, for devices and tablets alike ([`Datagram`](countersign_bedside::Datagram)), and calls nobody but its node: no
//! service port, no page, no second door. Its operator speaks with it by a socket of the file system, in its data directory.
//!
//! Who knows what:
//!
//! - the **ledger**: that a device or a credential is registered, by hashes, and the sessions that began;
//! - the **database**: the same with names, who is with which patient, wrong proofs, readings, what the ledger is still to be told;
//! - `ratchets`: the devices' keys, sealed;
//! - the **vault**: the key that the gateway is enrolled with, the secret of all credentials, and that which seals `ratchets`;
//! - **memory** alone: sessions, the keys of the day, which requests were seen.
//!
//! A device or a credential counts when the ledger has its row, and no longer: it ends at the operator's word at once, and when a
//! checkpoint shows that the holder's certificate was revoked, in sessions that go on as well.

mod desk;
mod follower;
mod keeper;
mod ratchets;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_bedside::{Badge, Bench, GATEWAY, Measured, gateway_id, label, op_names, ops};
use countersign_device::{Class, Gateway, Id, Key, Ops, Point, UnixMillis as At};
use countersign_ledger::{Certificate, Identity, PublicKey, UnixMillis};
use countersign_wallet::{Cost, KeyStore, KeyStoreError, StoredKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

pub use self::desk::Figures;
use self::desk::{Begin, Desk, Update};
use self::follower::Follower;
use self::keeper::{CredentialOf, Keeper, Provisioned};
pub use self::keeper::{SessionObserver, SessionPoint};
pub use self::ratchets::RatchetPoint;
use crate::clock::{Clock, system_clock};
use crate::config::{ConfigError, read_text};
#[cfg(unix)]
use crate::door::{self, Door};
use crate::keys::{KeysError, random};
use crate::node::OpenError;
use crate::service_home::{ServiceHome, ServiceHomeError, begin_secret};
use crate::store::StoreError;

/// Names in the vault: the key that the gateway is enrolled with, the secret of all credentials, what seals `ratchets`.
const KEY: &str = "bedside-gateway";
const CREDENTIALS: &str = "bedside-credentials";
const RATCHETS: &str = "bedside-ratchets";
/// Longest validity of a credential: one shift.
const MAX_HOURS: u32 = 16;
/// How long the operator waits for the gateway.
const ANSWER: Duration = Duration::from_secs(10);

/// The configuration of a bedside gateway.
///
/// `countersign-gateway.example.toml` beside this crate documents every key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// Where its keys, its database and its snapshot of the ledger live.
    pub data: PathBuf,
    /// The UDP address that devices and tablets speak to; port 0 takes any free one.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The same as tablets reach it, `host:port`, if that is not what it listens on.
    #[serde(default)]
    pub address: Option<String>,
    /// The ledger's node: `https://host:port`.
    pub node: String,
    /// The ledger's genesis file, from a source that is trusted.
    pub genesis: PathBuf,
    /// How often it looks at the ledger, in seconds.
    #[serde(default = "default_follow")]
    pub follow_seconds: u64,
    /// What the members of a role may do, by the role's name on the ledger.
    #[serde(rename = "role")]
    pub roles: BTreeMap<String, RoleConfig>,
}

/// What the members of a role may do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleConfig {
    /// The number that stands for the role in the protocol.
    pub number: u8,
    /// Operations at devices that measure.
    #[serde(default)]
    pub diagnostic: Vec<String>,
    /// Operations at devices that act on patients.
    #[serde(default)]
    pub treatment: Vec<String>,
    /// Operations at others.
    #[serde(default)]
    pub auxiliary: Vec<String>,
}

impl RoleConfig {
    fn may(&self) -> Result<[Ops; 3], ConfigError> {
        let of = |names: &[String]| {
            let ops = ops(names.iter().map(String::as_str));
            ops.map_err(|name| ConfigError::Operation(name.to_owned()))
        };
        Ok([of(&self.diagnostic)?, of(&self.treatment)?, of(&self.auxiliary)?])
    }
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8446).into()
}

const fn default_follow() -> u64 {
    2
}

impl GatewayConfig {
    /// Reads a configuration file. Relative paths in it start at the file's own directory.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::parse(&read_text(path)?)?;
        if let Some(base) = path.parent() {
            config.data = base.join(&config.data);
            config.genesis = base.join(&config.genesis);
        }
        Ok(config)
    }

    /// Reads a configuration and checks it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Checks values made in code as those from a file are checked.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(1..=60).contains(&self.follow_seconds) {
            let value = self.follow_seconds;
            return Err(ConfigError::Range { name: "follow_seconds", value, least: 1, most: 60 });
        }
        self.roles.values().try_for_each(|role| role.may().map(drop))
    }
}

/// What an operator asks of a running gateway.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum GatewayRequest {
    /// Provisions a device. The reply is what it is given at the bench, in JSON, secrets among it.
    Device {
        /// `diagnostic`, `treatment` or `auxiliary`.
        class: String,
        /// All operations that it will ever do.
        ops: Vec<String>,
        /// A device that is known, to be provisioned anew: 32 hexadecimal digits.
        again: Option<String>,
    },
    /// Takes a device out of service.
    Retire {
        /// The device.
        sid: String,
    },
    /// The device is with a patient, and with none before or beside; or with none (0).
    Associate {
        /// The device.
        sid: String,
        /// The gateway's number for the patient.
        association: u32,
    },
    /// Issues a credential for a shift. The reply is the credential, in JSON: a secret of its holder.
    Credential {
        /// The member's SPIFFE ID.
        member: String,
        /// For how many hours.
        hours: u32,
    },
    /// Ends a credential at once.
    Revoke {
        /// The credential.
        cred: String,
    },
    /// What the gateway has done. The reply is JSON.
    Status,
}

/// Why a bedside gateway could not be begun, opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum BedsideGatewayError {
    /// Its data directory, its vault, its certificate, or its view of the ledger.
    #[error(transparent)]
    Home(#[from] ServiceHomeError),
    /// The clock shows a time before the gateway ran last: what was seen then could come again.
    #[error("the clock is behind the time at which this gateway ran last: set it, and start again")]
    Clock,
    /// The UDP socket could not be opened.
    #[error("listening on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A thread could not be started.
    #[error("starting a thread: {0}")]
    Thread(std::io::Error),
    /// The operator's socket failed.
    #[error("the gateway's socket in its data directory: {0}")]
    Socket(std::io::Error),
    /// No gateway runs.
    #[error("no gateway is running on {0}: `countersign gateway run`")]
    NotRunning(PathBuf),
    /// The running gateway refuses.
    #[error("{0}")]
    Refused(String),
}

impl From<KeysError> for BedsideGatewayError {
    fn from(error: KeysError) -> Self {
        Self::Home(error.into())
    }
}

impl From<StoreError> for BedsideGatewayError {
    fn from(error: StoreError) -> Self {
        Self::Home(error.into())
    }
}

impl From<ConfigError> for BedsideGatewayError {
    fn from(error: ConfigError) -> Self {
        Self::Home(OpenError::from(error).into())
    }
}

impl From<KeyStoreError> for BedsideGatewayError {
    fn from(error: KeyStoreError) -> Self {
        Self::Home(error.into())
    }
}

/// A bedside gateway that is open. Nothing listens yet.
pub struct BedsideGateway {
    config: GatewayConfig,
    certificate: Certificate,
    keys: Arc<dyn KeyStore>,
    follower: Follower,
    clock: Clock,
    observer: Option<SessionObserver>,
    /// Held for as long as it uses its data directory.
    lock: File,
}

/// What operator, follower and socket share.
struct Shared {
    config: GatewayConfig,
    certificate: Certificate,
    /// Where tablets reach it.
    address: String,
    follower: Mutex<Follower>,
    updates: Mutex<Sender<Update>>,
    figures: Arc<Mutex<Figures>>,
    clock: Clock,
}

/// A bedside gateway that listens. Dropping it stops it.
pub struct RunningGateway {
    address: SocketAddr,
    shared: Arc<Shared>,
    desk: Option<JoinHandle<()>>,
    follows: Option<(Sender<()>, JoinHandle<()>)>,
    #[cfg(unix)]
    _door: Door,
    _lock: File,
}

impl BedsideGateway {
    /// Begins a gateway: makes its vault and its keys, unless they are there, and has it certified by a one-time code of the
    /// registrar's. If that is cut off, the same again goes on; with another code it renews the certificate.
    pub fn init(
        config: &GatewayConfig,
        passphrase: &[u8],
        cost: Cost,
        code: &str,
    ) -> Result<Certificate, BedsideGatewayError> {
        config.check()?;
        let home = home(config);
        let _lock = home.claim()?;
        let keys = home.begin(passphrase, cost)?;
        for name in [CREDENTIALS, RATCHETS] {
            begin_secret(&*keys, name, |random| Zeroizing::new(random.to_vec()))?;
        }
        let mut follower = Follower::open(&home, keys)?;
        Ok(home.enrol(follower.issuer(), code)?)
    }

    /// Opens the gateway that was begun in its data directory.
    pub fn open(config: GatewayConfig, passphrase: &[u8]) -> Result<Self, BedsideGatewayError> {
        Self::open_with(config, passphrase, system_clock(), None)
    }

    /// As [`BedsideGateway::open`], with a clock of the caller's choice, and somebody who is told each moment of a session.
    pub fn open_with(
        config: GatewayConfig,
        passphrase: &[u8],
        clock: Clock,
        observer: Option<SessionObserver>,
    ) -> Result<Self, BedsideGatewayError> {
        config.check()?;
        let home = home(&config);
        let lock = home.claim()?;
        let keys = home.open(passphrase)?;
        let mut follower = Follower::open(&home, Arc::clone(&keys))?;
        let certificate = home.certificate(&follower.issuer())?;
        Ok(Self { config, certificate, keys, follower, clock, observer, lock })
    }

    /// The certificate that it is enrolled with.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Starts to listen and to follow the ledger, on threads of its own.
    pub fn start(self) -> Result<RunningGateway, BedsideGatewayError> {
        let Self { config, certificate, keys, follower, clock, observer, lock } = self;
        let secret = |name: &str| -> Result<Zeroizing<[u8; 32]>, BedsideGatewayError> {
            let bytes = keys.recall_secret(name.to_owned()).map(Zeroizing::new)?;
            let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyStoreError::Failed)?;
            Ok(Zeroizing::new(bytes))
        };
        let keeper = Keeper::open(&config.data, &*secret(RATCHETS)?, observer)?;
        let now = clock();
        if !keeper.note_time(now)? {
            return Err(BedsideGatewayError::Clock);
        }
        let address = config.listen;
        let failed = |source| BedsideGatewayError::Listen { address, source };
        let socket = UdpSocket::bind(address).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let credentials = Key::new(*secret(CREDENTIALS)?);
        let gateway = Gateway::start(gateway_id(certificate.identity()), credentials, At(now.0));
        let (updates, receiver) = mpsc::channel();
        let figures = Arc::new(Mutex::new(Figures::default()));
        let mut desk = Desk::new(Begin {
            gateway,
            keeper,
            socket,
            clock: Arc::clone(&clock),
            updates: receiver,
            figures: Arc::clone(&figures),
            certificate: certificate.clone(),
            signer: StoredKey::find(Arc::clone(&keys), KEY)?,
        });
        desk.recall()?;
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let desk = thread("bedside").spawn(move || desk.run()).map_err(BedsideGatewayError::Thread)?;
        let (follower, updates) = (Mutex::new(follower), Mutex::new(updates));
        let reached = config.address.clone().unwrap_or_else(|| address.to_string());
        let shared =
            Arc::new(Shared { config, certificate, address: reached, follower, updates, figures, clock });
        let (stop, stopped) = mpsc::channel();
        let (following, pause) = (Arc::clone(&shared), Duration::from_secs(shared.config.follow_seconds));
        let rounds = move || {
            loop {
                following.round();
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let follows = thread("follow").spawn(rounds).map_err(BedsideGatewayError::Thread)?;
        #[cfg(unix)]
        let door = {
            let asked = Arc::clone(&shared);
            Door::open(&shared.config.data, move |request: GatewayRequest| asked.operate(&request))
        };
        Ok(RunningGateway {
            address,
            shared,
            desk: Some(desk),
            follows: Some((stop, follows)),
            #[cfg(unix)]
            _door: door.map_err(BedsideGatewayError::Socket)?,
            _lock: lock,
        })
    }
}

impl Shared {
    fn tell(&self, update: Update) {
        // A gateway that is gone needs no news.
        let _ = self.updates.lock().unwrap_or_else(PoisonError::into_inner).send(update);
    }

    /// Has the gateway's own thread do something, and waits for what it says.
    fn have<T>(&self, update: impl FnOnce(Sender<Result<T, String>>) -> Update) -> Result<T, String> {
        let (reply, answer) = mpsc::channel();
        self.tell(update(reply));
        answer.recv_timeout(ANSWER).map_err(|_| "the gateway is stopping, or does not answer".to_owned())?
    }

    fn round(&self) {
        let mut follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        let updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(error) = follower.round(&self.certificate, (self.clock)(), &updates) {
            tracing::warn!(%error, "the ledger was not followed to its end; the next round takes it up");
        }
    }

    fn operate(&self, request: &GatewayRequest) -> Result<String, String> {
        match request {
            GatewayRequest::Device { class, ops: names, again } => {
                let class = class_of(class).ok_or("a class is `diagnostic`, `treatment` or `auxiliary`")?;
                let max_ops = ops(names.iter().map(String::as_str))
                    .map_err(|name| format!("`{name}` is no operation"))?;
                let sid = match again {
                    Some(text) => id(text)?,
                    None => random().map_err(|error| error.to_string())?,
                };
                let provisioned = self.have(|reply| Update::Provision { sid, class, max_ops, reply })?;
                Ok(self.bench(&provisioned))
            }
            GatewayRequest::Retire { sid } => {
                let sid = id(sid)?;
                if self.have(|reply| Update::Retire { sid, reply })? {
                    Ok("retired: its keys are gone here; erase those in the device at the bench".to_owned())
                } else {
                    Err("no such device is in service".to_owned())
                }
            }
            GatewayRequest::Associate { sid, association } => {
                let (sid, association) = (id(sid)?, *association);
                if !self.have(|reply| Update::Associate { sid, association, reply })? {
                    Err("no such device is in service".to_owned())
                } else if association == 0 {
                    Ok("with no patient".to_owned())
                } else {
                    Ok(format!("with patient {association}, and with no other"))
                }
            }
            GatewayRequest::Credential { member, hours } => self.issue(member, *hours),
            GatewayRequest::Revoke { cred } => {
                let cred = id(cred)?;
                if self.have(|reply| Update::Revoke { cred, reply: Some(reply) })? {
                    Ok("revoked".to_owned())
                } else {
                    Err("no such credential is in use".to_owned())
                }
            }
            GatewayRequest::Status => Ok(self.status().to_string()),
        }
    }

    /// What the device is given at the bench.
    fn bench(&self, of: &Provisioned) -> String {
        let Provisioned { sid, epoch, auth, ratchet, max_ops } = of.clone();
        let bench =
            Bench { sid, gateway: gateway_id(self.certificate.identity()), auth, ratchet, epoch, max_ops };
        let (ops, label) = (op_names(max_ops), label(&sid));
        json!({ "sid": hex(&sid), "label": label, "epoch": epoch, "ops": ops, "record": bench.to_text() })
            .to_string()
    }

    fn issue(&self, member: &str, hours: u32) -> Result<String, String> {
        if !(1..=MAX_HOURS).contains(&hours) {
            return Err(format!("a credential is for one shift: 1 to {MAX_HOURS} hours"));
        }
        let member = Identity::parse(member).map_err(|error| error.to_string())?;
        let role = self.config.roles.get(member.role());
        let role = role.ok_or_else(|| format!("the configuration has no [role.{}]", member.role()))?;
        let certificate = {
            let mut follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
            follower.certificate_of(&member).map_err(|error| error.to_string())?
        };
        let certificate = certificate.ok_or("nobody enrolled this member, or the certificate was revoked")?;
        let until = (self.clock)().0 + u64::from(hours) * 3_600_000;
        let of = CredentialOf {
            member,
            certificate: certificate.fingerprint(),
            point: compressed(certificate.key()),
            role: role.number,
            may: role.may().map_err(|error| error.to_string())?,
            until: until.min(certificate.not_after().0),
        };
        let cred = random().map_err(|error| error.to_string())?;
        let until = UnixMillis(of.until);
        let credential = self.have(|reply| Update::Issue { cred, of, reply })?;
        let gateway = self.certificate.identity().clone();
        let badge = Badge { credential, gateway, address: self.address.clone() };
        Ok(json!({ "credential": hex(&cred), "until": until.to_string(), "badge": badge.to_text() })
            .to_string())
    }

    fn status(&self) -> serde_json::Value {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        json!({
            "gateway": self.certificate.identity().as_str(), "devices": figures.devices,
            "located": figures.located, "credentials": figures.credentials, "requests": figures.requests,
            "agreed": figures.agreed, "closed": figures.closed, "refused": figures.refused,
            "readings": figures.readings, "commands": figures.commands, "cut": figures.cut,
            "macs": figures.macs, "needs_a_technician": figures.technician,
        })
    }
}

impl RunningGateway {
    /// The UDP address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that it is enrolled with.
    pub fn certificate(&self) -> &Certificate {
        &self.shared.certificate
    }

    /// What it has done since it started.
    pub fn figures(&self) -> Figures {
        self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does what an operator asks.
    pub fn operate(&self, request: &GatewayRequest) -> Result<String, BedsideGatewayError> {
        self.shared.operate(request).map_err(BedsideGatewayError::Refused)
    }

    /// Looks at the ledger now, instead of at the next round.
    pub fn look(&self) {
        self.shared.round();
    }

    /// Stops it.
    pub fn stop(self) {}
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.follows.take() {
            drop(stop);
            // A thread that has panicked follows no more, either.
            let _ = thread.join();
        }
        self.shared.tell(Update::Stop);
        if let Some(desk) = self.desk.take() {
            let _ = desk.join();
        }
    }
}

/// Asks the gateway that runs on the configured data directory.
#[cfg(unix)]
pub fn operate_gateway(
    config: &GatewayConfig,
    request: &GatewayRequest,
) -> Result<String, BedsideGatewayError> {
    let reply = door::ask(&config.data, request).map_err(BedsideGatewayError::Socket)?;
    let reply = reply.ok_or_else(|| BedsideGatewayError::NotRunning(config.data.clone()))?;
    reply.map_err(BedsideGatewayError::Refused)
}

/// The readings that were relayed while their devices were with a patient, by when they came.
pub fn bedside_readings(
    config: &GatewayConfig,
    association: u32,
) -> Result<Vec<Measured>, BedsideGatewayError> {
    Ok(keeper::readings(&keeper::open(&config.data)?, association)?)
}

/// After its database was put back from a backup: marks every device, which may be ahead of it, once, and has numbers go on above
/// all that were used by `newest`, the time of the newest checkpoint that anybody has. The gateway must not run.
pub fn restored_gateway(config: &GatewayConfig, newest: UnixMillis) -> Result<usize, BedsideGatewayError> {
    config.check()?;
    let _lock = home(config).claim()?;
    Ok(keeper::restored(&keeper::open(&config.data)?, newest)?)
}

fn home(config: &GatewayConfig) -> ServiceHome<'_> {
    ServiceHome {
        data: &config.data,
        node: &config.node,
        genesis: &config.genesis,
        command: "gateway",
        role: GATEWAY,
        key: KEY,
    }
}

fn class_of(name: &str) -> Option<Class> {
    match name {
        "diagnostic" => Some(Class::Diagnostic),
        "treatment" => Some(Class::Treatment),
        "auxiliary" => Some(Class::Auxiliary),
        _ => None,
    }
}

fn compressed(key: &PublicKey) -> Point {
    let mut point = [0; 33];
    let sec1 = key.as_sec1();
    point[0] = 2 + (sec1[64] & 1);
    point[1..].copy_from_slice(&sec1[1..33]);
    point
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads 16 bytes in hexadecimal digits.
fn id(text: &str) -> Result<Id, String> {
    let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let is_hex = text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = if is_hex { (0..32).step_by(2).map(digit).collect() } else { None };
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "a device or a credential is named by 32 hexadecimal digits".to_owned())
}

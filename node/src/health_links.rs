//! What SMART Health Links lead to: encrypted files, each with a gate. They lie in the record store ([`crate::record_store`]), or in a
//! folder that a process of its own serves:
//!
//! ```text
//! folder/<name>        the encrypted file (JWE); the name is 32 random bytes in base64url
//! folder/<name>.json   its gate: address, end, passcode's hash, attempts left
//! ```
//!
//! Whoever serves learns neither what is in a file nor whose it is: the key is in the link. What is guessed at is a name of 256 bits; a
//! passcode is for whoever found the link. An attempt is durable as spent before the passcode is looked at, so that neither a kill nor
//! two requests at once give attempts away. What has ended is erased when somebody asks for it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_shl::{ContentType, Entry, Gate, MAX_JWE, Manifest, Request, Source, Status, Wrong};

use crate::clock::{Clock, system_clock};
use crate::config::{Limits, TlsConfig};
use crate::files;
use crate::keys::{KeyFiles, KeysError, random, write_whole};
use crate::limits::{Bounded, Bounds};
use crate::metrics::Metrics;
use crate::node::{OpenError, lock};
use crate::routes;
use crate::server::{self, Server, Serving, StartError};
use crate::tls::Endpoint;

/// Largest state of a gate.
const MAX_GATE: u64 = 4096;
/// For how long the address of a file leads to it: the specification's longest, in seconds.
const TICKET: u64 = 3600;
/// Longest file that is embedded in a manifest, in bytes: within what one address may have in memory.
pub(crate) const MAX_EMBEDDED: usize = 256 * 1024;
/// Length of a file's name: 32 bytes in base64url.
const NAME: usize = 43;

/// Where a server of links has its files, and where it listens.
#[derive(Clone, Debug)]
pub struct LinkServerConfig {
    /// The folder of files and gates.
    pub folder: PathBuf,
    /// Address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The TLS endpoint.
    pub tls: TlsConfig,
}

/// A server of links that listens. Dropping it stops it.
pub struct LinkServer {
    server: Server,
    root: Option<Vec<u8>>,
    /// Held for as long as it uses its folder.
    _lock: File,
}

impl LinkServer {
    /// Opens the folder and starts to listen, on threads of its own.
    pub fn start(config: &LinkServerConfig) -> Result<Self, LinkServerError> {
        let lock = lock(&config.folder)?;
        let (clock, limits) = (system_clock(), Limits::default());
        let keys = KeyFiles::open(&config.folder, true).map_err(OpenError::from)?;
        let endpoint = Endpoint::open(&config.tls, "health links", config.listen, &keys, clock());
        let endpoint = endpoint.map_err(OpenError::from)?;
        let bounds = Arc::new(Bounds::new(&limits, Arc::new(Metrics::default())));
        let shelf = Folder(config.folder.clone());
        let links = Arc::new(HealthLinks::new(Box::new(shelf), clock, Arc::clone(&bounds)));
        let server = server::start(Serving {
            listen: config.listen,
            metrics: None,
            router: routes::link_router(&links, &bounds, &limits),
            tls: endpoint.config,
            limits,
            bounds,
        })?;
        Ok(Self { server, root: endpoint.root, _lock: lock })
    }

    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The root of its TLS certificate (DER), where it has one for development.
    pub fn tls_root(&self) -> Option<&[u8]> {
        self.root.as_deref()
    }

    /// Stops: no new connections, open requests are finished.
    pub fn stop(mut self) {
        self.server.stop();
    }
}

/// Why a server of links does not start.
#[derive(Debug, thiserror::Error)]
pub enum LinkServerError {
    /// Its folder, its keys or its certificate.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its address.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Where files lie, each with its gate.
pub(crate) trait Shelf: Send + Sync {
    /// The gate of a file.
    fn gate(&self, name: &str) -> Result<Gate, Denied>;

    /// Keeps the new state of a gate. When this returns it is durable.
    fn keep(&self, name: &str, gate: &Gate) -> Result<(), Denied>;

    /// Opens a file, and tells how many bytes it has. Once it is open it can be read to its end, though it be erased meanwhile.
    fn open(&self, name: &str) -> Result<(Opened, u64), Denied>;

    /// A file has ended: nobody has a reason to keep it.
    fn ended(&self, name: &str);
}

/// An open file: bytes from a place on, so many or, at its end, fewer.
pub(crate) type Opened = Box<dyn FnMut(u64, usize) -> io::Result<Vec<u8>> + Send>;

/// Files in a folder.
struct Folder(PathBuf);

impl Folder {
    fn state(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }
}

impl Shelf for Folder {
    fn gate(&self, name: &str) -> Result<Gate, Denied> {
        let state = files::read(&self.state(name), MAX_GATE)?;
        Ok(Gate::parse(&state).ok_or_else(|| io::Error::other("the state of a gate does not read"))?)
    }

    fn keep(&self, name: &str, gate: &Gate) -> Result<(), Denied> {
        Ok(write_whole(&self.state(name), &gate.to_json())?)
    }

    fn open(&self, name: &str) -> Result<(Opened, u64), Denied> {
        let mut file = File::open(self.0.join(name))?;
        let length = file.metadata()?.len();
        let read = move |from, most| {
            file.seek(SeekFrom::Start(from))?;
            let mut piece = Vec::new();
            file.by_ref().take(most as u64).read_to_end(&mut piece)?;
            Ok(piece)
        };
        Ok((Box::new(read), length))
    }

    fn ended(&self, name: &str) {
        // If that fails, it is closed all the same.
        let _ = fs::remove_file(self.0.join(name));
    }
}

/// What is served.
pub(crate) struct HealthLinks {
    shelf: Box<dyn Shelf>,
    clock: Clock,
    bounds: Arc<Bounds>,
    /// Addresses that were given out: by a file's name the ticket, and until when it holds. Also what lets one passcode at a time be
    /// tried.
    tickets: Mutex<HashMap<String, (String, u64)>>,
}

impl Bounded for HealthLinks {
    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}

/// What comes of a passcode.
pub(crate) enum Tried {
    /// It is right: the manifest.
    Right(Vec<u8>),
    /// It is wrong, or there is none.
    Wrong(Wrong),
}

/// Why a file is not given out.
#[derive(Debug)]
pub(crate) enum Denied {
    /// There is none, it has ended, or it is not to be had like this.
    Ended,
    /// The folder cannot be read or written.
    Storage(io::Error),
}

impl From<io::Error> for Denied {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::Ended } else { Self::Storage(error) }
    }
}

impl HealthLinks {
    /// Serves what lies on a shelf.
    pub(crate) fn new(shelf: Box<dyn Shelf>, clock: Clock, bounds: Arc<Bounds>) -> Self {
        Self { shelf, clock, bounds, tickets: Mutex::default() }
    }

    /// A file that is had directly, or with a ticket that a manifest gave, and how many bytes it has.
    pub(crate) fn file(&self, name: &str, ticket: Option<&str>) -> Result<(Opened, u64), Denied> {
        let (gate, now) = self.gate(name)?;
        if gate.wants_passcode() {
            let tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
            let given =
                tickets.get(name).filter(|(given, until)| Some(given.as_str()) == ticket && now < *until);
            given.ok_or(Denied::Ended)?;
        }
        self.open(name)
    }

    fn open(&self, name: &str) -> Result<(Opened, u64), Denied> {
        let (file, length) = self.shelf.open(name)?;
        if length <= MAX_JWE as u64 { Ok((file, length)) } else { Err(Denied::Ended) }
    }

    /// The manifest of a file that is had with a passcode.
    pub(crate) fn manifest(&self, name: &str, request: &Request) -> Result<Tried, Denied> {
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let (gate, now) = self.gate(name)?;
        if !gate.wants_passcode() {
            return Err(Denied::Ended);
        }
        let wrong = |gate: &Gate| Ok(Tried::Wrong(Wrong { remaining_attempts: gate.attempts() }));
        let Some(passcode) = &request.passcode else { return wrong(&gate) };
        let spent = gate.spend();
        self.shelf.keep(name, &spent)?;
        if !gate.admits(passcode) {
            return wrong(&spent);
        }
        self.shelf.keep(name, &gate)?;
        let (mut file, length) = self.open(name)?;
        let most = request.embedded_length_max.unwrap_or(MAX_EMBEDDED).min(MAX_EMBEDDED);
        let source = match usize::try_from(length).ok().filter(|length| *length <= most) {
            Some(length) => {
                let jwe = file(0, length)?;
                Source::Embedded(String::from_utf8(jwe).map_err(|_| Denied::Ended)?)
            }
            None => {
                let ticket: String = random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect();
                let location = format!("{}?ticket={ticket}", gate.url());
                tickets.retain(|_, (_, until)| now < *until);
                tickets.insert(name.to_owned(), (ticket, now + TICKET));
                Source::Location(location)
            }
        };
        let entry = Entry {
            content_type: ContentType::Fhir,
            source,
            last_updated: None,
            status: Some(Status::Finalized),
            fhir_version: None,
        };
        Ok(Tried::Right(Manifest { files: vec![entry] }.to_json()))
    }

    /// The gate of a file that has not ended, and the time in seconds.
    fn gate(&self, name: &str) -> Result<(Gate, u64), Denied> {
        if !is_name(name) {
            return Err(Denied::Ended);
        }
        let (gate, now) = (self.shelf.gate(name)?, (self.clock)().seconds());
        if gate.is_open(now) {
            return Ok((gate, now));
        }
        self.shelf.ended(name);
        Err(Denied::Ended)
    }
}

/// Whether this may be the name of a file.
pub(crate) fn is_name(name: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.len() == NAME && name.bytes().all(digit)
}

impl From<KeysError> for Denied {
    fn from(error: KeysError) -> Self {
        Self::Storage(io::Error::other(error))
    }
}

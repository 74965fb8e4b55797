//! The files behind a SMART Health Link, fetched from wherever it leads.
//!
//! In scope: one file by `GET`, or a manifest by `POST` and the files that it lists. A stranger wrote the link: what is fetched
//! over HTTPS has bounds on its number, size and time, and no file's failure hides the others. Out of scope: polling (flag `L`), and
//! what is in the files.

use std::time::{Duration, Instant};

use countersign_ledger::UnixMillis;
use countersign_shl::{
    Access, ContentType, Entry, JweError, Link, MAX_JWE, MAX_MANIFEST, Manifest, ManifestError, Request,
    Source, Status, Wrong, open,
};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url, redirect};
use zeroize::Zeroizing;

use crate::client::{TransportError, read_body};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// For all that a link leads to, whatever its length.
const WHOLE: Duration = Duration::from_mins(1);
/// The slowest line, in bytes a second: so much more time has what has come.
const PACE: u64 = 8 * 1024;
/// Most bytes of all that a link leads to.
const MAX_TOTAL: usize = 64 * 1024 * 1024;
/// Longest file that is wanted within the manifest: one request less, and one address less that may have ended.
const MAX_EMBEDDED: usize = 1024 * 1024;
/// Most redirections of a file: a store may lead to an address that it signs.
const MAX_REDIRECTS: usize = 4;
/// Longest answer to a wrong passcode.
const MAX_WRONG: usize = 4096;

/// Why nothing, or not this file, was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The link says itself that it has ended. Nobody was asked.
    #[error("the link ended at {0}: ask the patient for a new one")]
    Expired(UnixMillis),
    /// The link is protected, and no passcode was given. Nobody was asked.
    #[error("the link needs a passcode: ask the patient for it")]
    PasscodeNeeded,
    /// The passcode is wrong.
    #[error("the passcode is wrong{}", attempts(*left))]
    WrongPasscode {
        /// How often one may still try, if the server says so.
        left: Option<u32>,
    },
    /// Nothing is there any more (404, 410).
    #[error("the link has ended, or what it led to was taken away: ask the patient for a new one")]
    Ended,
    /// An address that is not asked: without TLS, or no address at all.
    #[error("the link leads to an address that is not asked: it has to begin with https://")]
    Address,
    /// Another status.
    #[error("the server that the link leads to answered with status {0}")]
    Status(u16),
    /// More redirections than a link needs.
    #[error("the link leads from one address to the next without end")]
    Redirects,
    /// There is no way to the server.
    #[error("the server that the link leads to cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection broke before the answer's end.
    #[error("the connection to the link's server broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("the server that the link leads to took too long")]
    Timeout,
    /// More than one link may lead to.
    #[error("the link leads to more than {} MiB", MAX_TOTAL / 1024 / 1024)]
    TooLarge,
    /// What came is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What came does not open.
    #[error(transparent)]
    File(#[from] JweError),
    /// The client could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] reqwest::Error),
}

impl FetchError {
    /// The reason's stable name, under which apps keep its text.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Expired(_) | Self::Ended => "health-link-ended",
            Self::PasscodeNeeded => "passcode",
            Self::WrongPasscode { .. } => "wrong-passcode",
            Self::Address => "health-link",
            Self::Unreachable(_) | Self::Broken(_) | Self::Timeout | Self::Tls(_) => "no-answer",
            Self::TooLarge => "too-large",
            Self::Status(_) | Self::Redirects | Self::Manifest(_) | Self::File(_) => "health-link-failed",
        }
    }
}

fn attempts(left: Option<u32>) -> String {
    match left {
        None => String::new(),
        Some(0) => ": there are no attempts left, and the link has ended".to_owned(),
        Some(1) => ": one attempt is left before the link ends".to_owned(),
        Some(left) => format!(": {left} attempts are left before the link ends"),
    }
}

/// Which servers a link may lead to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hosts {
    /// Any, over HTTPS.
    Web,
    /// This machine too, without TLS: for a trial.
    ThisMachine,
}

/// A file behind a link.
#[derive(Debug)]
pub struct Fetched {
    /// What it is: by its own word, which is authenticated, else by the manifest's.
    pub content_type: Option<ContentType>,
    /// Whether it may change, by the manifest.
    pub status: Option<Status>,
    /// When it was changed last, by the manifest and as written there.
    pub last_updated: Option<String>,
    /// Its contents, or why there are none.
    pub contents: Result<Zeroizing<Vec<u8>>, FetchError>,
}

/// Fetches what links lead to. All requests for one link have a minute, and a second more for every 8 kB that come through.
///
/// Blocking: not for use on a thread that runs asynchronous tasks.
pub struct Links {
    client: Client,
    hosts: Hosts,
    whole: Duration,
}

impl Links {
    /// A client for links to these servers; it trusts the TLS roots of the platform.
    pub fn new(hosts: Hosts) -> Result<Self, FetchError> {
        Self::within(hosts, WHOLE)
    }

    /// The same, with `whole` in place of the minute.
    pub fn within(hosts: Hosts, whole: Duration) -> Result<Self, FetchError> {
        let client = Client::builder()
            .https_only(hosts == Hosts::Web)
            .http1_only()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .referer(false)
            .build()
            .map_err(FetchError::Tls)?;
        Ok(Self { client, hosts, whole })
    }

    /// Fetches and opens the files of a link, at `now` by this machine's clock. `recipient` is who asks, as the patient may be
    /// shown it. A file that is fetched directly needs no passcode, and none is sent for it.
    pub fn fetch(
        &self,
        link: &Link,
        recipient: &str,
        passcode: Option<Zeroizing<String>>,
        now: UnixMillis,
    ) -> Result<Vec<Fetched>, FetchError> {
        if let Some(expires) = link.expires().filter(|_| link.has_expired(now.seconds())) {
            return Err(FetchError::Expired(UnixMillis::from_seconds(expires)));
        }
        if link.access() == Access::Passcode && passcode.is_none() {
            return Err(FetchError::PasscodeNeeded);
        }
        let mut url = self.address(link.url())?;
        let mut journey = Journey { links: self, started: Instant::now(), read: 0 };
        if link.access() == Access::Direct {
            url.query_pairs_mut().append_pair("recipient", recipient);
            let jwe = journey.file(url)?;
            let file = open(&jwe, link.key())?;
            return Ok(vec![Fetched {
                content_type: file.content_type,
                status: None,
                last_updated: None,
                contents: Ok(file.bytes),
            }]);
        }
        let request =
            Request { recipient: recipient.to_owned(), passcode, embedded_length_max: Some(MAX_EMBEDDED) };
        let manifest = journey.manifest(url.clone(), &request)?;
        Ok(manifest.files.into_iter().map(|entry| journey.entry(link, &url, entry)).collect())
    }

    /// An address that may be asked.
    fn address(&self, text: &str) -> Result<Url, FetchError> {
        let url = Url::parse(text).map_err(|_| FetchError::Address)?;
        self.may_ask(&url).then_some(url).ok_or(FetchError::Address)
    }

    fn may_ask(&self, url: &Url) -> bool {
        let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let way =
            url.scheme() == "https" || url.scheme() == "http" && here && self.hosts == Hosts::ThisMachine;
        // A name and password would be sent with it.
        way && url.has_host() && url.username().is_empty() && url.password().is_none()
    }
}

/// All requests for one link.
struct Journey<'a> {
    links: &'a Links,
    started: Instant,
    read: usize,
}

impl Journey<'_> {
    fn entry(&mut self, link: &Link, manifest: &Url, entry: Entry) -> Fetched {
        let jwe = match entry.source {
            Source::Embedded(jwe) => Ok(jwe),
            Source::Location(location) => manifest
                .join(&location)
                .ok()
                .filter(|url| self.links.may_ask(url))
                .ok_or(FetchError::Address)
                .and_then(|url| self.file(url)),
        };
        let (said, contents) = match jwe.and_then(|jwe| Ok(open(&jwe, link.key())?)) {
            Ok(file) => (file.content_type, Ok(file.bytes)),
            Err(error) => (None, Err(error)),
        };
        Fetched {
            content_type: said.or(Some(entry.content_type)),
            status: entry.status,
            last_updated: entry.last_updated,
            contents,
        }
    }

    /// An encrypted file, wherever its address leads.
    fn file(&mut self, mut url: Url) -> Result<String, FetchError> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(self.links.client.get(url.clone()))?;
            if !answer.status().is_redirection() {
                let body = self.body(answer, MAX_JWE)?;
                return String::from_utf8(body).map_err(|_| JweError::Form.into());
            }
            let next = answer.headers().get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok());
            url = next.filter(|url| self.links.may_ask(url)).ok_or(FetchError::Address)?;
        }
        Err(FetchError::Redirects)
    }

    /// A manifest. Redirections are not followed: the passcode would go where the link does not say.
    fn manifest(&mut self, url: Url, request: &Request) -> Result<Manifest, FetchError> {
        let body = request.to_json().to_vec();
        let post = self.links.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        let answer = self.send(post)?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let left = self.read(answer, MAX_WRONG).ok().and_then(|body| Wrong::parse(&body));
            return Err(match request.passcode {
                Some(_) => FetchError::WrongPasscode { left: left.map(|left| left.remaining_attempts) },
                None => FetchError::PasscodeNeeded,
            });
        }
        Ok(Manifest::parse(&self.body(answer, MAX_MANIFEST)?)?)
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, FetchError> {
        let left = self.time().checked_sub(self.started.elapsed()).ok_or(FetchError::Timeout)?;
        request.timeout(left).send().map_err(|error| {
            let error = error.without_url();
            if error.is_timeout() {
                FetchError::Timeout
            } else if error.is_connect() {
                FetchError::Unreachable(error.into())
            } else {
                FetchError::Broken(error.into())
            }
        })
    }

    /// The body of an answer that is one.
    fn body(&mut self, answer: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
        match answer.status() {
            StatusCode::OK => self.read(answer, limit),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::Ended),
            other => Err(FetchError::Status(other.as_u16())),
        }
    }

    fn read(&mut self, mut answer: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
        let limit = limit.min(MAX_TOTAL - self.read);
        let late = |read: usize| self.started.elapsed() > self.time() + pace(read);
        let body = read_body(&mut answer, limit, late).map_err(|error| match error {
            TransportError::TooLarge => FetchError::TooLarge,
            TransportError::Timeout => FetchError::Timeout,
            other => FetchError::Broken(other.into()),
        })?;
        self.read += body.len();
        Ok(body)
    }

    /// How long all requests so far may have taken.
    fn time(&self) -> Duration {
        self.links.whole + pace(self.read)
    }
}

const fn pace(bytes: usize) -> Duration {
    Duration::from_secs(bytes as u64 / PACE)
}

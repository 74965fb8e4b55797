//! The transport of every day: HTTPS by reqwest on rustls.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_custody::Synced;
use countersign_ledger::{Genesis, UnixMillis};
use reqwest::blocking::Client;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Certificate, Url, redirect};
use rustls::CertificateError;

use super::transport::{Method, Request, Response, Transport, TransportError};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// For a request and its answer, whatever their length.
const WHOLE: Duration = Duration::from_mins(1);
/// The slowest line, in bytes a second: a long body has so much more time.
const PACE: u64 = 8 * 1024;

/// How many bytes of an upload a node has.
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// Bytes that are read at a time.
const CHUNK: usize = 16 * 1024;

/// Why there is no way to a node.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// Not an `https` address, or more than a host and its port.
    #[error("a node's address is https://, a host, and no more than a port behind it")]
    Address,
    /// A TLS root is none.
    #[error("a TLS root is not a certificate (DER)")]
    Root,
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] reqwest::Error),
}

/// A node over HTTPS. Where the genesis names TLS roots only those are trusted, else those of the platform.
///
/// A request and its answer have a minute, and a second more for every 8 kB that come through; then it is given up.
///
/// Blocking: not for use on a thread that runs asynchronous tasks. A clone uses the same connections.
#[derive(Clone)]
pub struct Https {
    client: Client,
    base: Url,
    whole: Duration,
    clocks: Arc<Mutex<Option<Synced>>>,
}

impl Https {
    /// The node at `address`, such as `https://ledger.example:7443`.
    pub fn new(address: &str, genesis: &Genesis) -> Result<Self, HttpsError> {
        Self::within(address, genesis, WHOLE)
    }

    /// The same, with `whole` in place of the minute.
    pub fn within(address: &str, genesis: &Genesis, whole: Duration) -> Result<Self, HttpsError> {
        Self::trusting(address, genesis.tls.iter().map(|root| root.0.as_slice()), whole)
    }

    /// Another service than the node, at `address`. Where there are `roots` (DER) only those are trusted.
    pub fn service(address: &str, roots: &[Vec<u8>]) -> Result<Self, HttpsError> {
        Self::trusting(address, roots.iter().map(Vec::as_slice), WHOLE)
    }

    fn trusting<'a>(
        address: &str,
        roots: impl Iterator<Item = &'a [u8]>,
        whole: Duration,
    ) -> Result<Self, HttpsError> {
        let base = Url::parse(address).map_err(|_| HttpsError::Address)?;
        // A path would be dropped from every request, a name and password be sent with it.
        let origin = base.origin().ascii_serialization();
        if base.scheme() != "https" || base.as_str() != format!("{origin}/") {
            return Err(HttpsError::Address);
        }
        let mut builder = Client::builder()
            .https_only(true)
            // HTTP/2 would save nothing: requests to the node follow one another, and its code is 0.26 MB in a phone.
            .http1_only()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(whole)
            .referer(false);
        let roots = roots.map(|root| Certificate::from_der(root).map_err(|_| HttpsError::Root));
        let roots = roots.collect::<Result<Vec<_>, _>>()?;
        if !roots.is_empty() {
            builder = builder.tls_certs_only(roots);
        }
        Ok(Self { client: builder.build().map_err(HttpsError::Tls)?, base, whole, clocks: Arc::default() })
    }
}

impl Transport for Https {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let url = self.base.join(&request.path).map_err(|error| TransportError::Unreachable(error.into()))?;
        let started = Instant::now();
        let mut builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Head => self.client.head(url),
            Method::Put => self.client.put(url),
            Method::Post => self.client.post(url),
            Method::Delete => self.client.delete(url),
        };
        if matches!(request.method, Method::Put | Method::Post) {
            builder = builder.body(request.body.to_vec()).timeout(self.time_for(request.body.len()));
        }
        if let Some((first, length)) = request.range {
            let last = (first + request.body.len() as u64).saturating_sub(1);
            builder = builder.header(CONTENT_RANGE, format!("bytes {first}-{last}/{length}"));
        }
        if let Some(content_type) = request.content_type {
            builder = builder.header(CONTENT_TYPE, content_type);
        }
        if let Some(token) = request.token {
            builder = builder.bearer_auth(URL_SAFE_NO_PAD.encode(token));
        }
        let mut answer = builder.send().map_err(|error| transport_error(error.without_url()))?;
        if request.method != Method::Head
            && answer.content_length().is_some_and(|length| length > request.limit as u64)
        {
            return Err(TransportError::TooLarge);
        }
        if let Some(node) = date(answer.headers()) {
            let clocks = Synced { phone: clock(SystemTime::now()), node };
            *self.clocks.lock().unwrap_or_else(PoisonError::into_inner) = Some(clocks);
        }
        let status = answer.status().as_u16();
        let number = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()?.parse().ok());
        let (retry_after, received) = (number(RETRY_AFTER), number(UPLOAD_OFFSET));
        let late = |read: usize| started.elapsed() > self.time_for(request.body.len() + read);
        let body = read_body(&mut answer, request.limit, late)?;
        Ok(Response { status, received, retry_after: retry_after.map(Duration::from_secs), body })
    }

    fn clocks(&self) -> Option<Synced> {
        *self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Https {
    /// How long a request may take with which so many bytes go to and fro.
    fn time_for(&self, bytes: usize) -> Duration {
        self.whole + Duration::from_secs(bytes as u64 / PACE)
    }
}

/// Reads a body of at most `limit` bytes, until it is `late` for as many as have come.
pub(crate) fn read_body(
    answer: &mut impl io::Read,
    limit: usize,
    late: impl Fn(usize) -> bool,
) -> Result<Vec<u8>, TransportError> {
    let (mut body, mut chunk) = (Vec::new(), [0; CHUNK]);
    loop {
        match answer.read(&mut chunk) {
            Ok(0) => return Ok(body),
            Ok(read) => body.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(error)),
        }
        // A length may be absent or a lie.
        if body.len() > limit {
            return Err(TransportError::TooLarge);
        }
        // The client's own limit is for each read: a body that drips would never end.
        if late(body.len()) {
            return Err(TransportError::Timeout);
        }
    }
}

/// When the node answered, by its clock.
fn date(headers: &HeaderMap) -> Option<UnixMillis> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(clock(date))
}

fn clock(time: SystemTime) -> UnixMillis {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn transport_error(error: reqwest::Error) -> TransportError {
    if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        match refused_certificate(&error) {
            Some(reason) if hangs_on_the_clock(reason) => TransportError::Clock(clock(SystemTime::now())),
            Some(_) => TransportError::NotTheNode(error.into()),
            None => TransportError::Unreachable(error.into()),
        }
    } else {
        TransportError::Broken(error.into())
    }
}

const fn hangs_on_the_clock(reason: &CertificateError) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(reason, Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
}

/// Why TLS gave up, if that was because of the certificate: that is a warning, not a lost signal.
fn refused_certificate(error: &reqwest::Error) -> Option<&CertificateError> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
            return Some(reason);
        }
        // An I/O error's source is that of the error it carries, which would be passed over.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

fn broken(error: io::Error) -> TransportError {
    if error.kind() == io::ErrorKind::TimedOut {
        return TransportError::Timeout;
    }
    let timeout = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    if timeout.is_some_and(reqwest::Error::is_timeout) {
        TransportError::Timeout
    } else {
        TransportError::Broken(error.into())
    }
}

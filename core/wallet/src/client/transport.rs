//! One exchange with a node.

use std::time::Duration;

use countersign_custody::Synced;
use countersign_ledger::UnixMillis;

/// What is done to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Ask about.
    Head,
    /// Write.
    Put,
    /// Hand in.
    Post,
    /// Have removed.
    Delete,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What is done.
    pub method: Method,
    /// Path and query, from the slash on.
    pub path: String,
    /// Of a body that goes on with an upload: which byte of how many it begins with.
    pub range: Option<(u64, u64)>,
    /// Media type of the body, if there is one.
    pub content_type: Option<&'static str>,
    /// What a service gave out to be shown with later requests: a bearer token (RFC 6750), in base64url on the way.
    pub token: Option<&'a [u8]>,
    /// The body.
    pub body: &'a [u8],
    /// Most bytes that the answer's body may have.
    pub limit: usize,
}

impl Request<'static> {
    /// A request to read, whose answer may have so many bytes.
    pub const fn get(path: String, limit: usize) -> Self {
        Self { method: Method::Get, path, range: None, content_type: None, token: None, body: &[], limit }
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// How many bytes of an upload the node has.
    pub received: Option<u64>,
    /// How long the node asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The body, within the limit.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Not reached: no network, no such host, nobody there.
    #[error("the node cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The node's TLS certificate leads to none of the pinned roots, or is for another host.
    #[error("the node did not show that it is the right one")]
    NotTheNode(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The node's TLS certificate, or one above it, is not valid at the time that this phone's clock shows.
    #[error(
        "this phone's clock shows {0}, when the node's certificate is not valid: set the clock; \
         if it is right, the node needs a new certificate"
    )]
    Clock(UnixMillis),
    /// It took too long.
    #[error("the node took too long")]
    Timeout,
    /// The connection broke before the answer's end.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer has more bytes than such an answer can have.
    #[error("the node's answer is larger than it can be")]
    TooLarge,
}

/// How requests reach a node. There are two: [`crate::Https`], and in tests a node that lies.
pub trait Transport: Send {
    /// Sends a request and reads the whole answer, bounded in size and time. Redirects are not followed.
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError>;

    /// What the clocks of this phone and of the node showed at the last answer; `None` if the node does not tell.
    fn clocks(&self) -> Option<Synced> {
        None
    }
}

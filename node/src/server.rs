//! Connections: TLS, bounds on their number, duration and pace, graceful shutdown. HTTP/1.1 and HTTP/2 by hyper.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::config::Limits;
use crate::flow::Flow;
use crate::limits::{Bounds, Client, Room};
use crate::lingering::lend;

/// Requests at one time on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// Largest header of a request.
const HEADER_BYTES: u32 = 16 * 1024;
/// Bytes of a request that may arrive before they are read: of one, and of all on an HTTP/2 connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 128 * 1024;
/// Bytes of an answer that wait in HTTP/2 for the peer to make room, besides those of one piece.
const SEND_BUFFER: usize = 64 * 1024;
/// Interval of HTTP/2 keep-alive pings, and how long a peer may take to answer one.
const PING: Duration = Duration::from_secs(20);

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What went wrong.
        source: std::io::Error,
    },
    /// No thread could be started.
    #[error("no threads for the server: {0}")]
    Thread(std::io::Error),
    /// The operator's socket cannot be opened.
    #[error("the operator's socket in the data directory: {0}")]
    Operator(std::io::Error),
}

/// What every request is told of the connection that it came by.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) flow: Flow,
}

/// What is served, and where.
pub(crate) struct Serving {
    pub(crate) listen: SocketAddr,
    /// For the operator's own network: without TLS, and without the bounds that strangers meet.
    pub(crate) metrics: Option<(SocketAddr, Router)>,
    pub(crate) router: Router,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) limits: Limits,
    pub(crate) bounds: Arc<Bounds>,
}

/// A listening server on threads of its own.
pub(crate) struct Server {
    addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) const fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// Stops accepting, lets open requests finish for a while, and returns when all threads are done.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails if the server has ended by itself.
            let _ = stop.send(());
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the server thread had panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Listens on the configured addresses.
pub(crate) fn start(serving: Serving) -> Result<Server, StartError> {
    let Serving { listen, metrics, router, tls, limits, bounds } = serving;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let bind = |address: SocketAddr| {
        let listening = runtime.block_on(async {
            let listener = TcpListener::bind(address).await?;
            let addr = listener.local_addr()?;
            Ok((listener, addr))
        });
        listening.map_err(|source| StartError::Listen { address, source })
    };
    let (listener, addr) = bind(listen)?;
    let mut metrics_addr = None;
    if let Some((address, router)) = metrics {
        let (listener, addr) = bind(address)?;
        metrics_addr = Some(addr);
        runtime.spawn(serve_metrics(listener, router));
    }
    let (stop, stopped) = oneshot::channel();
    let patience = Duration::from_secs(limits.stop_seconds);
    let listening = Listening {
        router,
        tls: TlsAcceptor::from(tls),
        patience: Duration::from_secs(limits.header_seconds),
        limits: Arc::new(limits),
        bounds,
    };
    let thread = std::thread::Builder::new()
        .name("http-main".to_owned())
        .spawn(move || {
            runtime.block_on(serve(listener, &listening, stopped));
            runtime.shutdown_timeout(patience);
        })
        .map_err(StartError::Thread)?;
    tracing::info!(%addr, ?metrics_addr, "listening");
    Ok(Server { addr, metrics_addr, stop: Some(stop), thread: Some(thread) })
}

async fn serve_metrics(listener: TcpListener, router: Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "metrics are no longer served");
    }
}

async fn serve(listener: TcpListener, listening: &Listening, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let client = Client::from(peer.ip());
                // Without a place the connection is closed at once: no memory is spent on an answer.
                if let Some(room) = listening.bounds.budgets.connections.try_take(client, 1) {
                    tokio::spawn(listening.clone().connection(stream, client, room, graceful.watcher()));
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: closing connections will free some.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let patience = Duration::from_secs(listening.limits.stop_seconds);
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were cut when the server stopped");
    }
}

/// What every connection is served with.
#[derive(Clone)]
struct Listening {
    router: Router,
    tls: TlsAcceptor,
    patience: Duration,
    limits: Arc<Limits>,
    bounds: Arc<Bounds>,
}

impl Listening {
    async fn connection(self, stream: TcpStream, client: Client, _room: Room, watcher: Watcher) {
        self.bounds.metrics.connection_opened();
        // No Nagle delay for small answers.
        let _ = stream.set_nodelay(true);
        let flow = Flow::default();
        let (stream, lender) = lend(stream, flow.clone());
        match tokio::time::timeout(self.patience, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let (router, peer) = (self.router.clone(), Peer { client, flow: flow.clone() });
                let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(peer.clone());
                    router.clone().oneshot(request)
                });
                let builder = self.builder(h2);
                let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
                let limits = &self.limits;
                let patience = Duration::from_secs(limits.request_seconds);
                tokio::select! {
                    ended = watcher.watch(connection) => {
                        if let Err(error) = ended {
                            tracing::debug!(error, "a connection ended early");
                        }
                        lender.close().await;
                    }
                    () = flow.stalled(patience, limits.answer_pace) => {
                        tracing::debug!("a connection was closed: it did not take what it had asked for");
                    }
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
        self.bounds.metrics.connection_closed();
    }

    fn builder(&self, h2: bool) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience)
            .max_buf_size(HEADER_BYTES as usize)
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADER_BYTES)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        // The handshake has settled the version: nothing is guessed from the first bytes, for which there is no timeout.
        if h2 { builder.http2_only() } else { builder.http1_only() }
    }
}

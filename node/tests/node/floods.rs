//! What one address can do to a node, and what others notice of it: nothing.
//!
//! The floods come from 127.0.0.1, honest readers and writers from 127.0.0.2.

use std::future::poll_fn;
use std::io::{BufRead as _, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::Request;
use countersign_ledger::{Genesis, LogName};
use countersign_node::{Config, Node, Running};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tried::{Tried, size};
use crate::world::{CLASS, Client, Member, Site, enrol, messages, metrics};

const OTHERS: &str = "requests of others, answered";
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Streams that a node allows on one connection.
const STREAMS: usize = 64;

/// What is in use of a budget.
pub fn used(running: &Running, of: &str) -> u64 {
    counted(&metrics(running), &format!("countersign_used{{of=\"{of}\"}} "))
}

fn counted(metrics: &str, name: &str) -> u64 {
    metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

/// A client that does not keep to what others do.
pub struct Hostile {
    runtime: Runtime,
    genesis: Genesis,
    addr: SocketAddr,
    /// What it shows with each request.
    pub headers: Vec<(&'static str, String)>,
}

/// A request whose body is not whole.
pub struct Unfinished {
    pub response: ResponseFuture,
    body: SendStream<Bytes>,
    _client: SendRequest<Bytes>,
}

impl Hostile {
    pub fn new(running: &Running) -> Self {
        Self::at(running.node().genesis().clone(), running.addr())
    }

    fn at(genesis: Genesis, addr: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { runtime: runtime.unwrap(), genesis, addr, headers: vec![] }
    }

    async fn tls(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.genesis.tls[0].0.clone().into()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let socket = TcpStream::connect(self.addr).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
    }

    /// An HTTP/2 connection with a window of so many bytes for each answer; its handle ends when the connection does.
    async fn connect(&self, window: u32) -> (SendRequest<Bytes>, JoinHandle<()>) {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window);
        let (client, connection) = builder.handshake(self.tls(b"h2").await).await.unwrap();
        let connection = tokio::spawn(async { drop(connection.await) });
        (client, connection)
    }

    /// Opens connections with a window of so many bytes and asks for `path` on every stream of each, taking nothing.
    pub fn ask_and_take_nothing(&self, connections: usize, window: u32, path: &str) -> Asked {
        self.runtime.block_on(async {
            let mut asked = Asked::default();
            for _ in 0..connections {
                let (mut client, connection) = self.connect(window).await;
                for _ in 0..STREAMS {
                    client = client.ready().await.unwrap();
                    let (response, _) = client.send_request(self.request("GET", path, None), true).unwrap();
                    asked.responses.push(response);
                }
                asked.connections.push(connection);
                asked.clients.push(client);
            }
            asked
        })
    }

    fn request(&self, method: &str, path: &str, length: Option<usize>) -> Request<()> {
        let request = Request::builder().method(method).uri(format!("https://{}{path}", self.addr));
        let length = length.map(|length| ("content-length", length.to_string()));
        let headers = self.headers.iter().cloned().chain(length);
        headers.fold(request, |request, (name, value)| request.header(name, value)).body(()).unwrap()
    }

    /// A request that has sent only so much of its body, over a connection of its own.
    pub fn hold(&self, method: &str, path: &str, length: usize, some: &[u8]) -> Unfinished {
        self.runtime.block_on(async {
            let (client, _) = self.connect(65_535).await;
            self.unfinished(client, method, path, length, some).await
        })
    }

    async fn unfinished(
        &self,
        client: SendRequest<Bytes>,
        method: &str,
        path: &str,
        length: usize,
        some: &[u8],
    ) -> Unfinished {
        let mut client = client.ready().await.unwrap();
        let request = self.request(method, path, Some(length));
        let (response, mut body) = client.send_request(request, false).unwrap();
        if !some.is_empty() {
            body.send_data(Bytes::copy_from_slice(some), false).unwrap();
        }
        Unfinished { response, body, _client: client }
    }

    /// Sends a part of a body and closes the connection.
    pub fn send_some_and_leave(&self, method: &str, path: &str, length: usize, some: &[u8]) {
        self.runtime.block_on(async {
            let (client, connection) = self.connect(65_535).await;
            let mut held = self.unfinished(client, method, path, length, &[]).await;
            send(&mut held.body, some, false).await;
            // What is in flight arrives, or some of it.
            tokio::time::sleep(Duration::from_millis(200)).await;
            connection.abort();
        });
    }

    /// The status and the document that answer a request of which only the head is sent.
    pub fn answer_to_head(&self, method: &str, path: &str, length: usize) -> (u16, Vec<u8>) {
        let held = self.hold(method, path, length, &[]);
        let answer = async { tokio::time::timeout(Duration::from_secs(10), read(held.response)).await };
        self.runtime.block_on(answer).expect("it waits for the body").unwrap()
    }

    /// The status that answers a request which stays unfinished.
    pub fn status_of(&self, held: Unfinished) -> u16 {
        let Unfinished { response, body: _body, _client } = held;
        let answer = async { tokio::time::timeout(Duration::from_secs(20), read(response)).await };
        self.runtime.block_on(answer).expect("it is not answered").unwrap().0
    }

    /// Sends a blob piece by piece, with a pause after each, and returns the status of the answer.
    pub fn put_slowly(&self, path: &str, length: usize, pieces: &[&[u8]], pause: Duration) -> u16 {
        self.runtime.block_on(async {
            let (client, _connection) = self.connect(65_535).await;
            let mut held = self.unfinished(client, "PUT", path, length, &[]).await;
            let mut response = Box::pin(read(held.response));
            for (i, piece) in pieces.iter().enumerate() {
                tokio::select! {
                    answer = &mut response => return answer.unwrap().0,
                    _ = send(&mut held.body, piece, i + 1 == pieces.len()) => {}
                }
                tokio::select! {
                    answer = &mut response => return answer.unwrap().0,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            response.await.unwrap().0
        })
    }
}

/// Requests whose answers nobody takes.
#[derive(Default)]
pub struct Asked {
    pub responses: Vec<ResponseFuture>,
    connections: Vec<JoinHandle<()>>,
    clients: Vec<SendRequest<Bytes>>,
}

/// Sends as the window allows, until all is sent or the stream is reset; returns how much that was.
async fn send(body: &mut SendStream<Bytes>, bytes: &[u8], end: bool) -> usize {
    let mut sent = 0;
    while sent < bytes.len() {
        body.reserve_capacity(bytes.len() - sent);
        let Some(Ok(room)) = poll_fn(|cx| body.poll_capacity(cx)).await else { break };
        let now = &bytes[sent..][..room.min(bytes.len() - sent)];
        if body.send_data(Bytes::copy_from_slice(now), end && sent + now.len() == bytes.len()).is_err() {
            break;
        }
        sent += now.len();
    }
    sent
}

/// The whole answer, or how it was cut.
async fn read(response: ResponseFuture) -> Result<(u16, Vec<u8>), h2::Error> {
    let response = response.await?;
    let status = response.status().as_u16();
    let mut body: RecvStream = response.into_body();
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok((status, bytes))
}

struct Stage {
    site: Site,
    running: Running,
    /// Of another address than the floods'.
    reader: Client,
    manufacturer: Member,
}

impl Stage {
    /// A node with so many lots of one product.
    fn new(lots: u64, change: impl FnOnce(&mut Site)) -> Self {
        let mut site = Site::new();
        change(&mut site);
        let running = site.open().start().unwrap();
        let reader = Client::at(running.node().genesis(), running.addr(), ELSEWHERE);
        let manufacturer = enrol(running.node(), "manufacturer", "dm");
        fill(&running, lots, |lot| manufacturer.sign(&site.request(lot)).as_bytes().to_vec());
        Self { site, running, reader, manufacturer }
    }

    fn share_of_memory(&self) -> u64 {
        let limits = &self.site.config.limits;
        (limits.memory_bytes / 100 * limits.address_percent) as u64
    }

    fn eventually(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds(self) {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Reading and writing elsewhere goes on.
    fn others_are_served(&self, lot: u64, tried: &Tried) {
        for _ in 0..20 {
            assert_eq!(self.reader.get("/supply/checkpoint").status, 200);
            assert_eq!(self.reader.get("/supply/tile/entries/000.p/1").status, 200);
        }
        let statement = self.manufacturer.sign(&self.site.request(lot));
        assert_eq!(self.reader.post("/supply/entries", statement.as_bytes()).status, 303);
        tried.looked_up(41, 0);
    }
}

fn fill(running: &Running, lots: u64, sign: impl Fn(u64) -> Vec<u8>) {
    let submit = |lot| running.node().sequencer().submit(LogName::SUPPLY, &sign(lot));
    let tickets: Vec<_> = (0..lots).map(submit).collect();
    let admitted = |outcome| matches!(outcome, countersign_node::Outcome::Accepted(_));
    assert!(tickets.into_iter().all(|ticket| admitted(ticket.wait())));
}

#[test]
fn unfinished_requests_of_one_address_take_no_place_from_another() {
    let stage = Stage::new(100, |_| ());
    let hostile = Hostile::new(&stage.running);
    let held: Vec<_> = hostile.runtime.block_on(async {
        let mut held = Vec::new();
        for _ in 0..12 {
            let (client, _) = hostile.connect(65_535).await;
            for i in 0..60 {
                let path = ["/supply/entries", "/enrol", "/trust/batch"][i % 3];
                held.push(hostile.unfinished(client.clone(), "POST", path, 100, b"abc").await);
            }
        }
        held
    });
    stage.eventually("the requests do not arrive", |stage| {
        used(&stage.running, "memory_bytes") >= 600 * 16 * 1024
    });
    assert_eq!((used(&stage.running, "reads"), used(&stage.running, "writes")), (0, 0));
    assert!(used(&stage.running, "memory_bytes") <= stage.share_of_memory() + (1 << 20));
    let tried = Tried::new("requests that are never whole", OTHERS);
    tried.times(held.len());
    stage.others_are_served(1_000, &tried);
    drop(held);
    stage.eventually("room is not given back", |stage| used(&stage.running, "memory_bytes") == 0);
}

#[test]
fn who_takes_nothing_is_closed_and_what_waits_for_it_is_bounded() {
    // An HTTP/2 window of nought, and one of a byte, for which the first piece is made.
    for window in [0, 1] {
        let stage = Stage::new(300, |site| site.config.limits.request_seconds = 2);
        let hostile = Hostile::new(&stage.running);
        let started = Instant::now();
        let asked = hostile.ask_and_take_nothing(6, window, "/supply/tile/bodies/000");
        stage.eventually("nothing is asked", |stage| used(&stage.running, "memory_bytes") > 1 << 20);
        assert!(used(&stage.running, "memory_bytes") <= stage.share_of_memory() + (1 << 20));
        let tried = Tried::new("answers that nobody takes", OTHERS);
        tried.times(asked.responses.len());
        stage.others_are_served(1_000, &tried);
        assert!(used(&stage.running, "memory_bytes") <= stage.share_of_memory() + (1 << 20));
        let closed = async {
            for connection in asked.connections {
                connection.await.unwrap();
            }
        };
        let closed = async { tokio::time::timeout(Duration::from_secs(20), closed).await };
        hostile.runtime.block_on(closed).expect("it is not closed");
        assert!(started.elapsed() > Duration::from_secs(2), "it was not given its time");
        stage.eventually("room is not given back", |stage| used(&stage.running, "memory_bytes") == 0);
    }
}

#[test]
fn a_socket_that_nobody_reads_is_closed() {
    let stage = Stage::new(300, |site| site.config.limits.request_seconds = 2);
    let hostile = Hostile::new(&stage.running);
    let mut stream = hostile.runtime.block_on(async {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = hostile.tls(b"http/1.1").await;
        // More than the system keeps for the two ends of a socket.
        let get = b"GET /supply/tile/bodies/000 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400);
        stream.write_all(&get).await.unwrap();
        stream
    });
    stage.eventually("nothing waits", |stage| used(&stage.running, "memory_bytes") > 0);
    assert!(used(&stage.running, "memory_bytes") < 2 << 20);
    let tried = Tried::new("answers that nobody takes", OTHERS);
    tried.times(400);
    stage.others_are_served(1_000, &tried);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(used(&stage.running, "memory_bytes"), 0);
    let closed = hostile.runtime.block_on(async {
        use tokio::io::AsyncReadExt as _;
        let mut all = Vec::new();
        (tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut all)).await, all.len())
    });
    let answers = 400 * stage.reader.get("/supply/tile/bodies/000").body.len();
    let (ended, got) = closed;
    assert!(ended.is_ok() && got < answers, "{got} of {answers}");
}

#[test]
fn who_reads_slowly_but_steadily_is_served_to_the_end() {
    let stage = Stage::new(300, |site| {
        (site.config.limits.request_seconds, site.config.limits.answer_pace) = (1, 10_000);
    });
    let hostile = Hostile::new(&stage.running);
    let expected = stage.reader.get("/supply/tile/bodies/000").body;
    let started = Instant::now();
    let got = hostile.runtime.block_on(async {
        let (mut client, _connection) = hostile.connect(8_192).await;
        let get = hostile.request("GET", "/supply/tile/bodies/000", None);
        let mut body = client.send_request(get, true).unwrap().0.await.unwrap().into_body();
        let mut bytes = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            bytes.extend_from_slice(&data);
            tokio::time::sleep(Duration::from_millis(250)).await;
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        bytes
    });
    assert!(started.elapsed() > Duration::from_secs(3), "longer than a request may take");
    assert_eq!(got, expected);
}

#[test]
fn what_is_named_many_times_in_one_request_is_answered_once() {
    let stage = Stage::new(3_000, |_| ());
    let asked = |path: &str, query: &str| stage.reader.get(&format!("/supply/{path}/3001?{query}")).body;
    let (class, lot) = (format!("s={CLASS}"), format!("s={CLASS}/10/L7"));
    let repeated = |one: &str| vec![one; 32].join("&");
    for path in ["families", "subjects"] {
        let once = asked(path, &format!("{lot}&{class}"));
        let many = asked(path, &[repeated(&lot), repeated(&class)].join("&"));
        assert_eq!(messages(&once).len(), 2);
        assert_eq!(many, once, "{path}");
    }
    // As it was named first.
    let skipped = asked("subjects", &format!("{lot}&skip=1&{lot}"));
    assert_eq!(skipped, asked("subjects", &format!("{lot}&skip=1")));
    // In pieces, and the same as in one.
    let whole = asked("families", &class);
    assert!(whole.len() > 200_000, "{}", whole.len());
    let (policy, _) = stage.running.node().genesis().trust_anchors().unwrap();
    let checkpoint = stage.reader.get("/supply/checkpoint").body;
    let root = policy.trust(std::str::from_utf8(&checkpoint).unwrap()).unwrap().checkpoint().index_root();
    let proof = countersign_ledger::FamilyProof::from_cbor(&messages(&whole)[0]).unwrap();
    assert_eq!(proof.verify(countersign_ledger::Family::new(CLASS), root).unwrap().len(), 3_000);
}

#[test]
fn a_refusal_reaches_who_is_still_sending() {
    let stage = Stage::new(0, |site| {
        (site.config.limits.write_burst, site.config.limits.writes_per_second) = (1, 1);
    });
    let hostile = Hostile::new(&stage.running);
    let unnamed = format!("/blob/{}", countersign_ledger::Hash::of(b"x"));
    let told =
        |document: &[u8], title: &str| document.windows(title.len()).any(|window| window == title.as_bytes());
    // Over HTTP/1.1: 8 MB that nobody wants. The answer comes, and with it that the connection ends.
    let raw = |method: &str, path: &str, length: usize| {
        let answer = hostile.runtime.block_on(async {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut stream = hostile.tls(b"http/1.1").await;
            let head =
                format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
            // All of it, and only then is the answer looked for.
            let all = [head.as_bytes(), &vec![7; length]].concat();
            drop(stream.write_all(&all).await);
            drop(stream.flush().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
            let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
            loop {
                match stream.read(&mut buffer).await {
                    Ok(count @ 1..) => answer.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => panic!("it was overtaken"),
                    Ok(0) | Err(_) => break answer,
                }
                if length <= 100 && (told(&answer, "rate") || told(&answer, "format")) {
                    break answer;
                }
            }
        });
        String::from_utf8_lossy(&answer).into_owned()
    };
    for _ in 0..5 {
        let answer = raw("PUT", &unnamed, 8 << 20);
        assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 429"), "{answer}");
        assert!(answer.contains("unnamed") || answer.contains("rate"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        let large = raw("POST", "/supply/entries", 2 << 20);
        assert!(large.starts_with("HTTP/1.1 413") && large.contains("too-large"), "{large}");
        // What is small is read to its end, and the connection goes on.
        let small = raw("POST", "/supply/entries", 100);
        assert!(small.starts_with("HTTP/1.1 4") && !small.contains("connection: close"), "{small}");
    }
    // Over HTTP/2: the whole document and the end of the stream, and no reset, which curl and Node take for the answer.
    for (method, path, length, titles) in [
        // A slow machine leaves the allowance time to grow again.
        ("POST", "/supply/entries", 100, ["rate", "format"]),
        ("POST", "/supply/entries", 4 << 20, ["too-large"; 2]),
        ("POST", "/nowhere", 4 << 20, ["not-found"; 2]),
        ("PUT", &*unnamed, 4 << 20, ["rate", "unnamed"]),
    ] {
        let (answer, sent) = hostile.runtime.block_on(async {
            let (client, _connection) = hostile.connect(65_535).await;
            let Unfinished { response, mut body, _client } =
                hostile.unfinished(client, method, path, length, &[]).await;
            let bytes = vec![7; length];
            tokio::join!(read(response), send(&mut body, &bytes, true))
        });
        let (status, document) = answer.unwrap();
        let is_told = titles.iter().any(|title| told(&document, title));
        assert!(status >= 400 && is_told, "{method} {path}: {status} {document:?}");
        assert_eq!(sent, length, "{method} {path}: reset");
    }
}

/// Set in the environment of a child process: the test then plays the node.
const NODE: &str = "COUNTERSIGN_TEST_FLOODED";

/// A node alone in its process, with the limits of the example, so that its memory is nothing but its own.
struct Alone {
    child: Child,
    genesis: Genesis,
    addr: SocketAddr,
    metrics: SocketAddr,
    /// The test harness in the child writes there when it takes long.
    _output: std::io::BufReader<std::process::ChildStdout>,
    _site: Site,
}

impl Alone {
    fn start(lots: u64) -> Self {
        let site = Site::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["floods::a_node_stays_small_and_quick_under_all_floods_at_once", "--exact", "--nocapture"])
            .env(NODE, &site.config.data)
            .env("COUNTERSIGN_TEST_LOTS", lots.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut said = output.by_ref().lines().map_while(Result::ok);
        let said = said.find_map(|line| line.strip_prefix("node ").map(str::to_owned));
        let said = said.expect("the node did not start");
        let [addr, metrics] = said.split(' ').map(|addr| addr.parse().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("{said}")
        };
        let genesis = Genesis::parse(&std::fs::read(site.config.data.join("genesis.json")).unwrap()).unwrap();
        Self { child, genesis, addr, metrics, _output: output, _site: site }
    }

    /// Is the node, until its standard input ends.
    fn play(data: &std::path::Path) {
        let running = Node::open(Config::development(data)).unwrap().start().unwrap();
        let lots = std::env::var("COUNTERSIGN_TEST_LOTS").unwrap().parse().unwrap();
        let manufacturer = enrol(running.node(), "manufacturer", "dm");
        let site = Site::new();
        fill(&running, lots, |lot| manufacturer.sign(&site.request(lot)).as_bytes().to_vec());
        std::fs::write(data.join("genesis.json"), running.node().genesis().to_json()).unwrap();
        println!("\nnode {} {}", running.addr(), running.metrics_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    }

    fn metrics(&self) -> String {
        reqwest::blocking::get(format!("http://{}/metrics", self.metrics)).unwrap().text().unwrap()
    }

    /// The most memory that the process ever had, in MB; nought where the system does not tell.
    fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.map(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
        kilobytes.unwrap_or_default() / 1024
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long an honest reader waits: the 99th of a hundred, and the longest; and how often it asked.
fn waits(reader: &Client, during: Duration) -> (Duration, Duration, usize) {
    let (started, mut waited) = (Instant::now(), Vec::new());
    while started.elapsed() < during {
        for path in
            ["/supply/checkpoint", "/supply/tile/entries/000", &format!("/trust/subjects/0?s={CLASS}")]
        {
            let asked = Instant::now();
            assert_eq!(reader.get(path).status, 200, "{path}");
            waited.push(asked.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    waited.sort();
    (waited[waited.len() * 99 / 100], waited[waited.len() - 1], waited.len())
}

/// The long form floods for longer, and a larger log.
#[test]
fn a_node_stays_small_and_quick_under_all_floods_at_once() {
    if let Some(data) = std::env::var_os(NODE) {
        return Alone::play(data.as_ref());
    }
    let (lots, during, connections) = (size(3_000, 50_000) as u64, size(4, 30) as u64, size(25, 60));
    let tried = Tried::new("all floods at once: requests", OTHERS);
    let alone = Alone::start(lots);
    let (genesis, addr) = (&alone.genesis, alone.addr);
    let reader = Client::at(genesis, addr, ELSEWHERE);
    let calm = waits(&reader, Duration::from_secs(2));
    let before = alone.most_memory();
    let until = Instant::now() + Duration::from_secs(during);
    let families = format!("/supply/families/{}?{}", lots + 1, vec![format!("s={CLASS}"); 64].join("&"));
    let (flooded, tiles) = std::thread::scope(|scope| {
        // Uploads that nobody waits for, of 16 MB each.
        scope.spawn(|| {
            let hostile = Hostile::at(genesis.clone(), addr);
            let path = format!("/blob/{}", countersign_ledger::Hash::of(b"x"));
            let held: Vec<_> =
                (0..connections).map(|_| hostile.hold("PUT", &path, 16 << 20, &vec![7; 60_000])).collect();
            tried.times(held.len());
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
            drop(held);
        });
        // Requests that never end, sixty a second.
        scope.spawn(|| {
            let hostile = Hostile::at(genesis.clone(), addr);
            let mut held = Vec::new();
            hostile.runtime.block_on(async {
                while Instant::now() < until {
                    let (client, _) = hostile.connect(65_535).await;
                    for _ in 0..60 {
                        let path = "/supply/entries";
                        held.push(hostile.unfinished(client.clone(), "POST", path, 100, b"abc").await);
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
            tried.times(held.len());
        });
        // Answers that nobody takes.
        scope.spawn(|| {
            let hostile = Hostile::at(genesis.clone(), addr);
            let _nothing = hostile.ask_and_take_nothing(connections, 0, "/supply/tile/bodies/000");
            let _piece = hostile.ask_and_take_nothing(connections, 1, &families);
            tried.times(2 * connections * STREAMS);
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        });
        // One family, sixty-four times in each request, by four at a time.
        for _ in 0..4 {
            scope.spawn(|| {
                let greedy = Client::new(genesis, addr);
                while Instant::now() < until {
                    let answer = greedy.get(&families);
                    tried.times(1);
                    assert!([200, 503].contains(&answer.status), "{}", answer.status);
                }
            });
        }
        let waited = scope.spawn(|| waits(&reader, until.saturating_duration_since(Instant::now())));
        (waited.join().unwrap(), alone.metrics())
    });
    tried.looked_up(flooded.2, 0);
    let after = alone.most_memory();
    println!(
        "99 of 100 readers waited {:?} (longest {:?}) before, {:?} ({:?}) during the floods",
        calm.0, calm.1, flooded.0, flooded.1
    );
    println!("the node's memory: {before} MB before, at most {after} MB");
    assert!(
        counted(&tiles, "countersign_used{of=\"memory_bytes\"} ") <= 17 << 20,
        "one address has its share"
    );
    // A long log has memory of its own. What floods add has nothing to do with it.
    assert!(after < 200 || after - before < 64, "{before} MB, {after} MB");
    // The floods share the processor with the node, and other tests may too.
    assert!(flooded.0 < Duration::from_millis(500), "{flooded:?}");
}

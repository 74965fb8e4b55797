//! What clients are told over HTTPS when they get no answer, and the bounds on what they may ask.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countersign_custody::{MAX_FILTER, SerialSet};
use countersign_ledger::{Hash, MAX_STATEMENT};
use countersign_node::{Config, Node, Running};

use crate::life::{Life, STEPS};
use crate::world::{Client, DAY_MILLIS, Site, WEEK, csr, enrol, fresh_key, refusal};

struct Stage {
    site: Site,
    running: Running,
    client: Client,
}

impl Stage {
    fn new(change: impl FnOnce(&mut Site)) -> Self {
        let mut site = Site::new();
        change(&mut site);
        let running = site.open().start().unwrap();
        let client = Client::new(running.node().genesis(), running.addr());
        Self { site, running, client }
    }

    fn node(&self) -> &Node {
        self.running.node()
    }
}

/// The body of `POST /enrol`.
fn enrolment(code: &str, request: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    minicbor::Encoder::new(&mut body).array(2).unwrap().str(code).unwrap().bytes(request).unwrap();
    body
}

fn problem(status: u16, title: &str) -> (u16, String) {
    (status, title.to_owned())
}

#[test]
fn each_refusal_of_a_statement_is_a_problem_of_its_own() {
    let stage = Stage::new(|_| ());
    let manufacturer = enrol(stage.node(), "manufacturer", "dm");
    let good = stage.site.request(1);
    let first = manufacturer.sign(&good);
    let post = |path: &str, body: &[u8]| stage.client.post(path, body);
    assert_eq!(post("/supply/entries", first.as_bytes()).status, 303);
    let mut spec = stage.site.request(2);
    let unfollowed = {
        spec.prev = Some(first.id());
        manufacturer.sign(&spec)
    };
    let replayed = {
        spec.prev = None;
        spec.cti = good.cti;
        manufacturer.sign(&spec)
    };
    let future = {
        spec.at.0 += DAY_MILLIS;
        manufacturer.sign(&spec)
    };
    let mut forged = first.as_bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    for (path, body, expected) in [
        ("/supply/entries", unfollowed.as_bytes(), problem(409, "not-latest")),
        ("/supply/entries", replayed.as_bytes(), problem(409, "replay")),
        ("/supply/entries", future.as_bytes(), problem(400, "future")),
        ("/supply/entries", &forged[..], problem(403, "signature")),
        ("/trust/entries", first.as_bytes(), problem(422, "other-log")),
        ("/supply/entries", b"", problem(400, "format")),
        ("/supply/entries", b"hello", problem(400, "format")),
        ("/supply/entries", &vec![0; MAX_STATEMENT + 1][..], problem(413, "too-large")),
        ("/records/entries", first.as_bytes(), problem(404, "not-found")),
    ] {
        assert_eq!(post(path, body).problem(), expected, "{path}");
    }
    assert_eq!(stage.node().sequencer().blocks(1, 10).unwrap().len(), 2);
}

#[test]
fn paths_that_lead_nowhere_say_so() {
    let stage = Stage::new(|_| ());
    let get = |path: &str| stage.client.get(path).problem();
    for path in ["/", "/supply", "/records/checkpoint", "/supply/tile/", "/supply/tile/0/000"] {
        assert_eq!(get(path), problem(404, "not-found"), "{path}");
    }
    assert_eq!(get("/supply/entries"), problem(405, "method"));
    assert_eq!(stage.client.post("/genesis", b"").problem(), problem(405, "method"));
    for path in [
        "/supply/entries/abc",
        "/supply/entries/AA4F1C2Daa4f1c2daa4f1c2daa4f1c2daa4f1c2daa4f1c2daa4f1c2daa4f1c2d",
        "/supply/subjects/0",
        "/supply/subjects/0?s=nothing",
        "/supply/subjects/01?s=urn:a",
        "/supply/subjects/-1?s=urn:a",
        "/supply/families/0",
        "/supply/families/0?skip=1",
        "/supply/names/0?s=urn:a&s=urn:b",
        "/supply/subjects/0?s=urn:a&skip=x",
        "/supply/subjects/0?s=urn:a&q=x",
        "/supply/consistency/0/x",
        "/certificate/00",
        "/blob/00",
    ] {
        assert_eq!(get(path), problem(400, "malformed"), "{path}");
    }
    let digest = Hash::of(b"x");
    for path in
        [format!("/supply/entries/{digest}"), format!("/certificate/{digest}"), format!("/blob/{digest}")]
    {
        assert_eq!(get(&path), problem(404, "not-found"), "{path}");
    }
}

#[test]
fn a_code_enrols_one_key_once_and_asking_again_is_harmless() {
    let stage = Stage::new(|_| ());
    let registrar = stage.node().registrar();
    let code = registrar.new_code("pharmacy", "tp", WEEK).unwrap().to_string();
    let (key, other) = (fresh_key(), fresh_key());
    let enrol = |code: &str, request: &[u8]| stage.client.post("/enrol", &enrolment(code, request));
    let first = enrol(&code, &csr(&key));
    assert_eq!((first.status, first.header("content-type")), (201, "application/pkix-cert"));
    let certificate = countersign_ledger::Certificate::from_der(&first.body).unwrap();
    assert_eq!(certificate.identity().as_str(), "spiffe://meds.example/pharmacy/tp");
    assert_eq!(enrol(&code.to_lowercase().replace('-', " "), &csr(&key)).body, first.body);
    assert_eq!(enrol(&code, &csr(&other)).problem(), problem(403, "code-used"));
    assert_eq!(enrol("0000-0000-0000-0000", &csr(&other)).problem(), problem(403, "code-unknown"));
    assert_eq!(enrol("who am I", &csr(&other)).problem(), problem(403, "code-unknown"));

    // Enrolling anew, with a new key, goes through: the enrolments on one member follow each other.
    let code = registrar.new_code("pharmacy", "tp", WEEK).unwrap().to_string();
    assert_eq!(enrol(&code, &csr(&other)).status, 201);

    let late = registrar.new_code("pharmacy", "late", Duration::from_mins(1)).unwrap().to_string();
    stage.site.clock.advance(61_000);
    assert_eq!(enrol(&late, &csr(&fresh_key())).problem(), problem(403, "code-expired"));
}

#[test]
fn a_request_without_possession_gets_no_certificate_and_leaves_the_code_good() {
    let stage = Stage::new(|_| ());
    let code = stage.node().registrar().new_code("pharmacy", "tp", WEEK).unwrap().to_string();
    let (ours, theirs) = (fresh_key(), fresh_key());
    let enrol = |request: &[u8]| stage.client.post("/enrol", &enrolment(&code, request));
    let request = csr(&ours);
    let point = countersign_ledger::Signer::public_key(&ours).as_sec1().to_vec();
    let at = request.windows(65).position(|window| window == point).unwrap();
    let swapped =
        [&request[..at], &countersign_ledger::Signer::public_key(&theirs).as_sec1()[..], &request[at + 65..]]
            .concat();
    assert_eq!(enrol(&swapped).problem(), problem(400, "possession"));
    assert_eq!(enrol(b"no request").problem(), problem(400, "request"));
    assert_eq!(stage.client.post("/enrol", b"\x81\x60").problem(), problem(400, "malformed"));
    assert_eq!(stage.client.post("/enrol", &[0; 5000]).problem(), problem(413, "too-large"));
    assert_eq!(stage.node().sequencer().health().height, 0);
    assert_eq!(enrol(&request).status, 201);
}

#[test]
fn two_who_race_for_one_code_get_one_certificate() {
    let stage = Stage::new(|_| ());
    let code = stage.node().registrar().new_code("pharmacy", "tp", WEEK).unwrap().to_string();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || stage.client.post("/enrol", &enrolment(&code, &csr(&fresh_key()))).status;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 7, "{statuses:?}");
    assert_eq!(stage.node().sequencer().health().height, 1);
}

#[test]
fn who_writes_too_often_is_asked_to_wait_and_readers_are_not() {
    let stage =
        Stage::new(|site| (site.config.limits.write_burst, site.config.limits.writes_per_second) = (3, 1));
    let statuses: Vec<_> = (0..4).map(|_| stage.client.post("/supply/entries", b"x").status).collect();
    assert_eq!(statuses, [400, 400, 400, 429]);
    let refused = stage.client.post("/enrol", b"");
    assert_eq!((refused.header("retry-after"), refused.problem()), ("1", problem(429, "rate")));
    assert_eq!(stage.client.get("/supply/checkpoint").status, 200);
}

#[test]
fn a_client_that_never_finishes_is_cut_off() {
    let stage =
        Stage::new(|site| (site.config.limits.header_seconds, site.config.limits.request_seconds) = (1, 1));
    // No handshake at all.
    let mut silent = TcpStream::connect(stage.running.addr()).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let started = Instant::now();
    assert_eq!(silent.read(&mut [0; 16]).unwrap_or(0), 0);
    assert!(started.elapsed() < Duration::from_secs(15));

    // A header that never ends, then a body that never comes.
    let header = stage.raw(b"GET /genesis HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    assert!(header.is_empty() || header.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&header));
    let body =
        stage.raw(b"POST /supply/entries HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc");
    assert!(body.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&body));
}

impl Stage {
    /// Sends `bytes` over HTTP/1.1 and reads until the node closes the connection.
    fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.node().genesis().tls[0].0.clone().into()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = "localhost".try_into().unwrap();
        let mut connection = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(self.running.addr()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..count]);
            if answer.windows(4).any(|window| window == b"\r\n\r\n") {
                break;
            }
        }
        answer
    }
}

#[test]
fn one_address_opens_so_many_connections_and_no_more() {
    let stage = Stage::new(|site| {
        (site.config.limits.connections, site.config.limits.address_percent) = (4, 50);
    });
    // The client of the test holds none yet.
    let held: Vec<_> = (0..2).map(|_| TcpStream::connect(stage.running.addr()).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(200));
    let mut refused = TcpStream::connect(stage.running.addr()).unwrap();
    refused.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let started = Instant::now();
    assert_eq!(refused.read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(started.elapsed() < Duration::from_secs(4));
    drop(held);
}

/// A lot that waits to be commissioned.
fn approved(stage: &Stage) -> Life<'_> {
    let mut life = Life::new(&stage.site, stage.node());
    STEPS[..5].iter().for_each(|step| life.admit(stage.node(), step));
    life
}

fn serials(letter: char, count: usize) -> SerialSet {
    SerialSet::new((0..count).map(|serial| format!("{letter}{serial:03}"))).unwrap()
}

#[test]
fn a_statement_is_admitted_when_the_node_holds_what_it_promises() {
    let stage = Stage::new(|_| ());
    let mut life = approved(&stage);
    let (commission, filter) = (life.sign("commission"), life.serials.filter_bytes().to_vec());
    let (digest, path) = (Hash::of(&filter), format!("/blob/{}", Hash::of(&filter)));
    let submit = || stage.client.post("/supply/entries", commission.as_bytes());
    let size =
        || stage.node().checkpoint(countersign_ledger::LogName::SUPPLY).lines().nth(1).unwrap().to_owned();
    let before = size();
    assert_eq!(stage.client.put(&path, &filter).problem(), problem(403, "unnamed"));
    // In process as over HTTPS.
    assert_eq!(refusal(stage.node(), countersign_ledger::LogName::SUPPLY, &commission), "promise-not-held");
    assert_eq!(stage.client.put(&path, &filter).problem(), problem(403, "unnamed"));
    // A batch announces as well.
    let mut batch = vec![0x81];
    minicbor::Encoder::new(&mut batch).bytes(commission.as_bytes()).unwrap();
    let answer = stage.client.post("/supply/batch", &batch);
    assert!(String::from_utf8_lossy(&answer.body).contains("promise-not-held"));
    assert_eq!(stage.client.put(&path, &filter[1..]).problem(), problem(400, "malformed"));
    for _ in 0..2 {
        let refused = submit();
        assert_eq!(refused.problem(), problem(409, "promise-not-held"));
        assert!(
            String::from_utf8_lossy(&refused.body).contains(&digest.to_string()),
            "it says what to upload"
        );
    }
    assert_eq!(stage.client.get(&path).problem(), problem(404, "not-found"));
    assert_eq!(size(), before);
    assert_eq!(stage.client.put(&path, &filter[1..]).problem(), problem(400, "malformed"));
    let mut other = filter.clone();
    other[0] ^= 1;
    assert_eq!(stage.client.put(&path, &other).problem(), problem(400, "malformed"));
    assert_eq!(stage.client.put(&path, &filter).status, 204);
    assert_eq!(stage.client.put(&path, &filter).status, 204);
    let got = stage.client.get(&path);
    assert!(got.header("cache-control").contains("immutable"));
    assert_eq!(Hash::of(&got.body), digest);
    assert_eq!((submit().status, submit().status), (303, 303));
    // For good, whatever a day brings.
    stage.site.clock.advance(3 * DAY_MILLIS);
    life.serials = serials('X', 9);
    stage.client.post("/supply/entries", life.sign("commission").as_bytes());
    assert_eq!(stage.client.get(&path).status, 200);
}

#[test]
fn only_a_statement_that_would_be_admitted_lets_anybody_upload_and_no_member_announces_without_end() {
    let stage = Stage::new(|site| site.config.limits.blob_bytes = 1100);
    let mut life = approved(&stage);
    let path = |life: &Life<'_>| format!("/blob/{}", life.serials.filter_digest());
    let announce =
        |life: &Life<'_>| stage.client.post("/supply/entries", life.sign("commission").as_bytes()).problem();
    // A lot's approval comes before: to announce, a member must be the one who may commission this lot now.
    let early = Life::new(&stage.site, stage.node());
    assert_eq!(announce_early(&stage, &early), problem(422, "rule"));
    assert_eq!(
        stage.client.put(&path(&early), early.serials.filter_bytes()).problem(),
        problem(403, "unnamed")
    );

    life.serials = serials('L', 400);
    assert!(life.serials.filter_bytes().len() > 1100);
    assert_eq!(announce(&life), problem(413, "too-large"));
    assert_eq!(stage.client.put(&path(&life), &[0; 9]).problem(), problem(403, "unnamed"));

    // What no phone reads is not admitted, whatever the node takes.
    life.filter_length = Some(MAX_FILTER as u64 + 1);
    assert_eq!(announce(&life), problem(422, "rule"));
    life.filter_length = None;

    let mut told = Vec::new();
    for letter in 'A'..='Z' {
        life.serials = serials(letter, 100);
        told.push(announce(&life).1);
    }
    let length = life.serials.filter_bytes().len();
    let most = 4 * 1100 / length;
    assert!(told[..most].iter().all(|title| title == "promise-not-held"), "{told:?}");
    assert!(told[most..].iter().all(|title| title == "rate"), "{told:?}");
    assert_eq!(
        stage.client.put(&path(&life), life.serials.filter_bytes()).problem(),
        problem(403, "unnamed")
    );
    // What was announced can be announced again, and what was never brought is forgotten after a day.
    life.serials = serials('A', 100);
    assert_eq!(announce(&life), problem(409, "promise-not-held"));
    stage.site.clock.advance(DAY_MILLIS + 1000);
    life.serials = serials('Z', 100);
    assert_eq!(announce(&life), problem(409, "promise-not-held"));
    assert_eq!(stage.client.put(&path(&life), life.serials.filter_bytes()).status, 204);
    life.serials = serials('A', 100);
    assert_eq!(
        stage.client.put(&path(&life), life.serials.filter_bytes()).problem(),
        problem(403, "unnamed")
    );
}

/// A commission of a lot that nobody has approved.
fn announce_early(stage: &Stage, life: &Life<'_>) -> (u16, String) {
    stage.client.post("/supply/entries", life.sign_early().as_bytes()).problem()
}

#[test]
fn what_a_node_takes_it_says_before_anything_is_signed() {
    let stage = Stage::new(|site| site.config.limits.blob_bytes = 4321);
    let told = stage.client.get("/limits");
    let mut d = minicbor::Decoder::new(&told.body);
    assert_eq!(
        (told.status, told.header("content-type"), d.map().unwrap()),
        (200, "application/cbor", Some(2))
    );
    assert_eq!((d.str().unwrap(), d.u64().unwrap()), ("statement-bytes", MAX_STATEMENT as u64));
    assert_eq!((d.str().unwrap(), d.u64().unwrap()), ("blob-bytes", 4321));
    // Four million packs, by default.
    assert!(Config::development("unused").limits.blob_bytes > 4_000_000 * 9 / 2);
}

#[test]
fn a_problem_is_told_in_json_to_whoever_asks_for_that() {
    let stage = Stage::new(|_| ());
    let get = |accept: &str| {
        let request = stage.client.http.get(format!("{}/records/checkpoint", stage.client.base));
        let response = request.header("accept", accept).send().unwrap();
        assert_eq!(response.status(), 404);
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, response.bytes().unwrap().to_vec())
    };
    for accept in ["application/problem+json", "text/html, application/json;q=0.9"] {
        let (content_type, body) = get(accept);
        assert_eq!(content_type, "application/problem+json");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "urn:countersign:problem:not-found");
        assert_eq!((&body["title"], &body["status"]), (&"not-found".into(), &404.into()));
        assert_eq!(body["detail"], "there is no such log");
    }
    for accept in
        ["*/*", "application/cbor", "application/json, application/concise-problem-details+cbor", "nonsense"]
    {
        assert_eq!(get(accept).0, "application/concise-problem-details+cbor", "{accept}");
    }
    // Bounds that stand before any route speak it too.
    let long = vec![0; MAX_STATEMENT + 1];
    let request = stage.client.http.post(format!("{}/supply/entries", stage.client.base)).body(long);
    let answer = request.header("accept", "application/json").send().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&answer.bytes().unwrap()).unwrap();
    assert_eq!((&body["title"], &body["status"]), (&"too-large".into(), &413.into()));
}

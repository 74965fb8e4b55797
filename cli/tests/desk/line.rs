//! A desk behind a line that is slow or cut, and before a node that has no time.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::tried::Tried;
use crate::{CERTIFICATE, Issuer, NodeProcess, countersign, succeed};

/// A line to a node: so many bytes go to it, and no faster than so many a second.
struct Line {
    address: String,
    left: Arc<AtomicUsize>,
    went: Arc<AtomicUsize>,
}

impl Line {
    fn to(node: &NodeProcess, pace: usize) -> Self {
        let node = node.address.trim_start_matches("https://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Self {
            address: format!("https://{}", listener.local_addr().unwrap()),
            left: Arc::new(AtomicUsize::new(usize::MAX)),
            went: Arc::default(),
        };
        let (left, went) = (Arc::clone(&line.left), Arc::clone(&line.went));
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(&node).unwrap());
                let (mut back, mut forth) = (far.try_clone().unwrap(), near.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut back, &mut forth));
                let (left, went) = (Arc::clone(&left), Arc::clone(&went));
                std::thread::spawn(move || carry(near, far, pace, &left, &went));
            }
        });
        line
    }

    /// The line is cut when so many more bytes have gone.
    fn cut_after(&self, bytes: usize) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    fn went(&self) -> usize {
        self.went.swap(0, Ordering::SeqCst)
    }
}

fn carry(mut near: TcpStream, mut far: TcpStream, pace: usize, left: &AtomicUsize, went: &AtomicUsize) {
    let mut piece = vec![0; (pace / 20).clamp(1, 64 * 1024)];
    while let Ok(read @ 1..) = near.read(&mut piece) {
        let passes = left.load(Ordering::SeqCst).min(read);
        left.fetch_sub(passes, Ordering::SeqCst);
        went.fetch_add(passes, Ordering::SeqCst);
        if far.write_all(&piece[..passes]).is_err() || passes < read {
            break;
        }
        std::thread::sleep(
            Duration::from_secs(1) * u32::try_from(read).unwrap() / u32::try_from(pace).unwrap(),
        );
    }
    let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
}

const CLASS: &str = "(01)09506000134352";

/// A lot that waits to be commissioned, and the manufacturer's desk.
fn approved(folder: &Path, config: &Path, node: &NodeProcess, lot: &str) -> Issuer {
    let [authority, manufacturer, supplier] =
        ["authority", "manufacturer", "supplier"].map(|role| Issuer::open(folder, config, node, role));
    let to = |role: &str| format!("to=spiffe://meds.example/{role}/somebody");
    authority.sign("medicine.certificate", CLASS, &CERTIFICATE);
    manufacturer.sign("medicine.material-request", lot, &[&to("supplier"), "materials=60 kg"]);
    supplier.sign("medicine.material", lot, &[&to("manufacturer"), "material=M1", "produced=2026-01-01"]);
    let trial = format!("trial={}", "ab".repeat(32));
    manufacturer.sign("medicine.trial", lot, &[&to("authority"), "material=M1", "product=tablets", &trial]);
    authority.sign("medicine.approval", lot, &[&to("manufacturer"), "product=tablets"]);
    manufacturer
}

fn node(folder: &Path, limits: &str) -> (std::path::PathBuf, NodeProcess) {
    let config = folder.join("node.toml");
    let text = format!(
        "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\n{limits}"
    );
    fs::write(&config, text).unwrap();
    let node = NodeProcess::start(&config);
    (config, node)
}

fn is_commissioned(patient: &Issuer, lot: &str) -> bool {
    let traced = succeed(&patient.home, &["--json", "trace", lot]);
    let mut lines = traced.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.any(|line| line["kind"] == "medicine.commission" && line["statement"].is_string())
}

#[test]
fn a_commission_gets_through_a_slow_line_that_is_cut_and_every_byte_is_sent_once() {
    let folder = tempfile::tempdir().unwrap();
    // The whole filter takes longer than a request may.
    let (config, node) = node(folder.path(), "[limits]\nrequest_seconds = 2\n");
    let lot = "(01)09506000134352(10)L1";
    let manufacturer = approved(folder.path(), &config, &node, lot);
    let serials = folder.path().join("serials.txt");
    fs::write(&serials, (0..150_000).map(|serial| format!("S{serial}\n")).collect::<String>()).unwrap();
    let bytes = 150_000 * 4;

    let line = Line::to(&node, 128 * 1024);
    let genesis = folder.path().join("data/genesis.json");
    succeed(&manufacturer.home, &["init", genesis.to_str().unwrap(), "--node", &line.address]);
    let commission = [
        "--json",
        "sign",
        "medicine.commission",
        "--about",
        lot,
        "-f",
        "expiry=2036-11-30",
        "--serials",
        serials.to_str().unwrap(),
    ];
    let mut sent = 0;
    let tried = Tried::new("a desk's slow line cut in the middle of a commission", "lots");
    for cut in [250_000, 200_000] {
        tried.times(1);
        line.cut_after(cut);
        let cut = countersign(&manufacturer.home, &commission);
        let said = String::from_utf8(cut.stderr).unwrap();
        assert!(!cut.status.success() && said.contains("the same command again goes on with it"), "{said}");
        sent += line.went();
    }
    // Nothing is ordered yet: a lot whose filter nobody holds does not exist.
    let patient = Issuer { home: folder.path().join("patient") };
    patient.point_at(folder.path(), &node);
    succeed(&patient.home, &["follow", CLASS]);
    succeed(&patient.home, &["sync"]);
    assert!(!is_commissioned(&patient, lot));

    line.cut_after(usize::MAX);
    let started = Instant::now();
    let recorded: Value = serde_json::from_str(&succeed(&manufacturer.home, &commission)).unwrap();
    assert!(started.elapsed() > Duration::from_secs(2) || sent > bytes / 2, "{:?}", started.elapsed());
    sent += line.went();
    assert!(recorded["index"].is_u64(), "{recorded}");
    assert!((bytes..bytes + bytes / 4).contains(&sent), "{sent} bytes for a filter of more than {bytes}");
    succeed(&patient.home, &["sync"]);
    assert!(is_commissioned(&patient, lot));
    tried.looked_up(1, 0);
    let code = |serial: &str| format!("(01)09506000134352(17)361130(10)L1(21){serial}");
    for (serial, key) in [("S77", "missing-step"), ("T77", "unknown-serial")] {
        let output = countersign(&patient.home, &["--json", "check", &code(serial)]);
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(line["reasons"][0]["key"], key, "{line}");
    }
}

#[test]
fn a_lot_that_the_node_does_not_take_is_refused_before_it_is_signed_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (config, node) = node(folder.path(), "[limits]\nblob_bytes = 4096\n");
    let lot = "(01)09506000134352(10)L1";
    let manufacturer = approved(folder.path(), &config, &node, lot);
    let serials = folder.path().join("serials.txt");
    let commission = [
        "sign",
        "medicine.commission",
        "--about",
        lot,
        "-f",
        "expiry=2036-11-30",
        "--serials",
        serials.to_str().unwrap(),
    ];
    fs::write(&serials, (0..5000).map(|serial| format!("S{serial}\n")).collect::<String>()).unwrap();
    let refused = countersign(&manufacturer.home, &commission);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    for words in
        ["too many packs for this node", "several lots", "blob_bytes", "4096 at most", "nothing was signed"]
    {
        assert!(said.contains(words), "{said}");
    }
    assert!(!said.contains("again goes on"), "{said}");
    fs::write(&serials, "S1\nS2\n").unwrap();
    succeed(&manufacturer.home, &commission);
}

/// A node that is busy whatever it is asked; how often it was asked.
fn busy(genesis: &mut Value, status: &'static str) -> (String, Arc<AtomicUsize>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    genesis["tls"] = serde_json::json!([STANDARD.encode(made.cert.der())]);
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (asked, counted) = (Arc::new(AtomicUsize::new(0)), address.clone());
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut read = Vec::new();
            let mut byte = [0];
            while matches!(stream.read(&mut byte), Ok(1)) {
                read.push(byte[0]);
                if read.ends_with(b"\r\n\r\n") {
                    count.fetch_add(1, Ordering::SeqCst);
                    let answer = format!("HTTP/1.1 {status}\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
                    if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
                        break;
                    }
                }
            }
        }
    });
    (counted, asked)
}

#[test]
fn a_sync_with_a_node_that_has_no_time_says_so_and_ends() {
    let tried =
        Tried::new("a sync with a node that is busy, and asks for no patience", "commands that ended");
    for status in ["503 Service Unavailable", "429 Too Many Requests"] {
        let folder = tempfile::tempdir().unwrap();
        let (_, running) = node(folder.path(), "");
        let genesis = fs::read(folder.path().join("data/genesis.json")).unwrap();
        drop(running);
        let mut genesis: Value = serde_json::from_slice(&genesis).unwrap();
        let (address, asked) = busy(&mut genesis, status);
        let (file, home) = (folder.path().join("genesis.json"), folder.path().join("home"));
        fs::write(&file, genesis.to_string()).unwrap();
        succeed(&home, &["init", file.to_str().unwrap(), "--node", &address]);
        let started = Instant::now();
        let output = countersign(&home, &["sync"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the node is busy") && said.contains("for 1 s"), "{said}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{status}");
        assert!(started.elapsed() < Duration::from_secs(5));
        tried.times(1);
        tried.looked_up(1, 0);
    }
}

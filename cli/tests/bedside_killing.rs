//! A gateway's process killed while devices are signed in at: no device is lost, and no old key is left.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_bedside::{Badge, Bench, GATEWAY, NURSE, Response, SoftDevice};
use countersign_device::{Float, Id, Ops, Reading, Uptime, Wish};
use countersign_ledger::{Held, LogName, LogSpec, SoftwareKey, TrustStore, UnixMillis, certificate};
use countersign_node::{Config, GatewayConfig, GatewayRequest, Node, operate_gateway};
use countersign_wallet::{BedsideError, BedsideLink};

const PASSPHRASE: &str = "a passphrase of some length";
const DEVICES: usize = 4;
const KILLS: u64 = 5;

/// The gateway's process.
struct Gateway(Child);

impl Gateway {
    fn start(config: &Path) -> Self {
        let mut gateway = Command::new(env!("CARGO_BIN_EXE_countersign"));
        gateway.args(["gateway", "run", "--config"]).arg(config).env("COUNTERSIGN_PASSPHRASE", PASSPHRASE);
        let mut child = gateway.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on udp://"), "{line}");
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A device that answers, in a thread of its own, until it is stopped.
fn device(bench: &Bench, gateway: SocketAddr, stop: &Arc<AtomicBool>) -> JoinHandle<SoftDevice> {
    let (mut device, stop) = (SoftDevice::provision(bench).unwrap(), Arc::clone(stop));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let began = Instant::now();
    std::thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while !stop.load(Ordering::Relaxed) {
            let now = Uptime(u64::try_from(began.elapsed().as_millis()).unwrap());
            let _ = socket.send_to(&device.here(), gateway);
            if let Ok(length) = socket.recv(&mut buffer)
                && let Ok(Response::Answer(bytes)) = device.hear(&buffer[..length], now, random())
            {
                let _ = socket.send_to(&bytes, gateway);
            }
            let value = Float::new(72, 0).unwrap();
            let pulse = Reading { metric: 147_842, value, unit: 2_720, status: 0, tick: now.tick() };
            if let Ok(bytes) = device.reading(&pulse, now) {
                let _ = socket.send_to(&bytes, gateway);
            }
        }
        device
    })
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMillis(u64::try_from(since.as_millis()).unwrap())
}

fn sign_in(gateway: SocketAddr, trust: &TrustStore, badge: &Badge, sid: Id) -> Result<(), BedsideError> {
    let link = BedsideLink::new(&gateway.to_string())?;
    let (key, _) = link.key(trust, "meds.example", now())?;
    let wish = Wish { sid, ops: Ops::LOOKS, ttl: 1, association: 0, end_to_end: false };
    link.sign_in(&badge.credential, &key, wish, now(), None).map(drop)
}

#[test]
fn a_gateway_that_is_killed_again_and_again_loses_no_device_and_leaves_no_old_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::development(folder.path().join("data"));
    let log = |name, held, domain| LogSpec { name, held, domain };
    let domain = || Some(config.domain.clone());
    config.logs = vec![
        log(LogName::TRUST, Held::Whole, None),
        log(LogName::SUPPLY, Held::Followed, domain()),
        log(countersign_bedside::BEDSIDE, Held::Followed, domain()),
    ];
    let node = Node::open(config).unwrap().start().unwrap();
    let listen = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "data = \"gateway\"\nlisten = \"{listen}\"\nnode = \"https://{}\"\ngenesis = \"data/genesis.json\"\n\
         follow_seconds = 1\n[role.{NURSE}]\nnumber = 2\ndiagnostic = [\"read\", \"stream\"]\n",
        node.addr()
    );
    let path = folder.path().join("gateway.toml");
    fs::write(&path, text).unwrap();
    let code = node.node().registrar().new_code(GATEWAY, "north", Duration::from_mins(5)).unwrap();
    let mut init = Command::new(env!("CARGO_BIN_EXE_countersign"));
    init.args(["gateway", "init", &code.to_string(), "--config"]).arg(&path);
    let begun = init.env("COUNTERSIGN_PASSPHRASE", PASSPHRASE).output().unwrap();
    assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
    let mut gateway = Gateway::start(&path);

    let config = GatewayConfig::load(&path).unwrap();
    let ask = |request: &GatewayRequest| -> serde_json::Value {
        serde_json::from_str(&operate_gateway(&config, request).unwrap()).unwrap()
    };
    let benches: Vec<_> = (0..DEVICES)
        .map(|_| {
            let ops = vec!["read".to_owned(), "stream".to_owned()];
            let reply = ask(&GatewayRequest::Device { class: "diagnostic".into(), ops, again: None });
            Bench::parse(reply["record"].as_str().unwrap()).unwrap()
        })
        .collect();
    let key = SoftwareKey::from_bytes(&random::<32>()).unwrap();
    let code = node.node().registrar().new_code(NURSE, "ana", Duration::from_mins(5)).unwrap();
    node.node().enrol(&code, &certificate::request(&key).unwrap()).unwrap();
    let member = format!("spiffe://meds.example/{NURSE}/ana");
    let reply = ask(&GatewayRequest::Credential { member, hours: 8 });
    let badge = Badge::parse(reply["badge"].as_str().unwrap()).unwrap();
    let began = Instant::now();
    while ask(&GatewayRequest::Status)["devices"] != DEVICES
        || ask(&GatewayRequest::Status)["credentials"] != 1
    {
        assert!(began.elapsed() < Duration::from_secs(30), "rows on the ledger");
        std::thread::sleep(Duration::from_millis(50));
    }

    let trust = node.node().genesis().trust_anchors().unwrap().1;
    let (stop, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let agreed = Arc::new(AtomicU64::new(0));
    let devices: Vec<_> = benches.iter().map(|bench| device(bench, listen, &stop)).collect();
    let users: Vec<_> = benches
        .iter()
        .map(|bench| {
            let (sid, badge, trust) = (bench.sid, badge.clone(), trust.clone());
            let (over, agreed) = (Arc::clone(&over), Arc::clone(&agreed));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if sign_in(listen, &trust, &badge, sid).is_ok() {
                        agreed.fetch_add(1, Ordering::Relaxed);
                    } else {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
            })
        })
        .collect();
    for kill in 0..KILLS {
        // In the first seconds nobody is let in; then sessions begin all the time.
        let (before, began) = (agreed.load(Ordering::Relaxed), Instant::now());
        while agreed.load(Ordering::Relaxed) < before + 3 {
            assert!(began.elapsed() < Duration::from_mins(1), "sessions after {kill} kills");
            std::thread::sleep(Duration::from_millis(7));
        }
        gateway.kill();
        gateway = Gateway::start(&path);
    }
    over.store(true, Ordering::Relaxed);
    for user in users {
        user.join().unwrap();
    }
    // Whatever state it was killed in, each device agrees.
    for bench in &benches {
        let began = Instant::now();
        while sign_in(listen, &trust, &badge, bench.sid).is_err() {
            assert!(began.elapsed() < Duration::from_mins(1), "a device is lost");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    stop.store(true, Ordering::Relaxed);
    let ends: Vec<_> = devices.into_iter().map(|device| device.join().unwrap()).collect();
    assert!(ends.iter().all(|device| device.index() > 0), "every device has had sessions");
    let slots = fs::read(folder.path().join("gateway/ratchets")).unwrap();
    let used = slots.chunks(128).filter(|slot| slot.iter().any(|&byte| byte != 0)).count();
    assert_eq!(used, DEVICES, "one key of each device");
    gateway.kill();
    node.stop();
}

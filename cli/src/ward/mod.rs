//! `countersign ward`: a ward to look at, with the real gateway beside a real ledger. Devices and clinicians speak over UDP on this
//! machine; the network between them loses, repeats and reorders. A device is captured, and a nurse is revoked. At the end the
//! network gets quiet, and every device is signed in at once more: one that does not agree then is desynchronised.

mod beds;
mod clinicians;
mod network;
mod view;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use countersign_bedside::{Badge, Bench, Datagram, GATEWAY, NURSE, Response, SoftDevice};
use countersign_device::{Class, Id};
use countersign_ledger::{Certificate, Held, LogName, LogSpec, SoftwareKey, certificate};
use countersign_node::{
    BedsideGateway, Config, GatewayConfig, GatewayFigures, GatewayRequest, Node, RoleConfig, Running,
    RunningGateway,
};
use countersign_wallet::Cost;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use serde_json::{Value, json};

use self::beds::{Bed, Counts, Surroundings, lamp};
use self::clinicians::{Clinician, Met, Round, Target};
use self::network::{Weather, thread};
use self::view::View;
use crate::args::Ward as Args;
use crate::output::say;

const OPS: [&str; 6] = ["read", "stream", "settings", "start", "stop", "silence"];
/// The ward's keys guard nothing.
const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
const PASSPHRASE: &[u8] = b"the ward's passphrase";
/// Validity of an enrolment code of the ward.
const CODE: Duration = Duration::from_mins(10);
/// What a gateway takes to be from before its start, and a little more.
const BEFORE: Duration = Duration::from_millis(5_200);
/// How often the picture is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How long devices may take to be registered.
const PATIENCE: Duration = Duration::from_mins(3);
/// How many devices are checked at one time at the end.
const CHECKS: usize = 8;
/// How often the captured device's thief tries.
const TRIES: Duration = Duration::from_millis(100);

/// Runs the ward. The exit code is 1 if a device is desynchronised.
pub fn run(args: &Args, as_json: bool) -> Result<u8> {
    let view = View::new(!as_json);
    let folder = tempfile::tempdir()?;
    view.prepare("a ledger and a gateway start");
    let house = House::start(folder.path())?;
    let weather = Weather::new(args.loss, args.replay);
    let devices = house.devices(usize::from(args.sensors), &view)?;
    let clinicians = args.clinicians.unwrap_or_else(|| (args.sensors / 10).clamp(2, 500));
    let clinicians = house.clinicians(usize::from(clinicians), &weather, &view)?;
    while house.began.elapsed() < BEFORE {
        view.prepare("the gateway forgets what may be from before its start");
        std::thread::sleep(FRAME);
    }
    let outcome = house.play(args, &devices, clinicians, &weather, &view)?;
    view.finish();
    if as_json {
        say!("{}", outcome.to_json());
    } else {
        outcome.tell(args);
    }
    Ok(u8::from(outcome.desynchronised > 0))
}

/// A ledger and a gateway.
struct House {
    node: Running,
    gateway: RunningGateway,
    began: Instant,
    revoked: Mutex<Option<Certificate>>,
}

impl House {
    fn start(folder: &Path) -> Result<Self> {
        let mut config = Config::development(folder.join("ledger"));
        (config.limits.writes_per_second, config.limits.write_burst) = (100_000, 100_000);
        let followed = |name| LogSpec { name, held: Held::Followed, domain: Some(config.domain.clone()) };
        let trust = LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None };
        config.logs = vec![trust, followed(LogName::SUPPLY), followed(countersign_bedside::BEDSIDE)];
        let node = Node::open(config)?.start()?;
        let names = || OPS.map(str::to_owned).to_vec();
        let nurse = RoleConfig { number: 2, diagnostic: names(), treatment: names(), auxiliary: names() };
        let config = GatewayConfig {
            data: folder.join("gateway"),
            listen: "127.0.0.1:0".parse()?,
            address: None,
            node: format!("https://{}", node.addr()),
            genesis: folder.join("ledger/genesis.json"),
            follow_seconds: 1,
            roles: [(NURSE.to_owned(), nurse)].into(),
        };
        let code = node.node().registrar().new_code(GATEWAY, "ward", CODE)?.to_string();
        BedsideGateway::init(&config, PASSPHRASE, CHEAP, &code)?;
        let gateway = BedsideGateway::open(config, PASSPHRASE)?.start()?;
        Ok(Self { node, gateway, began: Instant::now(), revoked: Mutex::new(None) })
    }

    fn operate(&self, request: &GatewayRequest) -> Result<Value> {
        let reply = self.gateway.operate(request)?;
        Ok(serde_json::from_str(&reply).unwrap_or(Value::String(reply)))
    }

    /// Provisions and registers devices: a third measures, a third treats, a third does neither.
    fn devices(&self, count: usize, view: &View) -> Result<Vec<(Bench, Target)>> {
        let classes = [
            ("diagnostic", Class::Diagnostic),
            ("treatment", Class::Treatment),
            ("auxiliary", Class::Auxiliary),
        ];
        let mut devices = Vec::new();
        for (association, (name, class)) in (1..).zip(classes.iter().cycle().take(count)) {
            view.prepare(&format!("devices are provisioned: {association} of {count}"));
            let ops = OPS.map(str::to_owned).to_vec();
            let reply =
                self.operate(&GatewayRequest::Device { class: (*name).to_owned(), ops, again: None })?;
            let bench = reply["record"].as_str().and_then(Bench::parse).context("a bench record")?;
            self.operate(&GatewayRequest::Associate { sid: hex(&bench.sid), association })?;
            let target = Target { sid: bench.sid, class: *class, association };
            devices.push((bench, target));
        }
        let began = Instant::now();
        while self.gateway.figures().devices < count as u64 {
            view.prepare(&format!("devices are registered: {} of {count}", self.gateway.figures().devices));
            self.gateway.look();
            ensure!(began.elapsed() < PATIENCE, "the ledger did not take the devices' rows");
        }
        Ok(devices)
    }

    /// Enrols nurses, and issues their credentials. The first is to be revoked.
    fn clinicians(&self, count: usize, weather: &Weather, view: &View) -> Result<Vec<Clinician>> {
        let trust = self.node.node().genesis().trust_anchors()?.1;
        let mut clinicians = Vec::new();
        for number in 1..=count {
            view.prepare(&format!("nurses sign on: {number} of {count}"));
            let key = SoftwareKey::generate(&mut UnwrapErr(SysRng));
            let code = self.node.node().registrar().new_code(NURSE, &format!("nurse-{number}"), CODE)?;
            let certificate = self.node.node().enrol(&code, &certificate::request(&key)?)?;
            let member = certificate.identity().as_str().to_owned();
            let reply = self.operate(&GatewayRequest::Credential { member, hours: 8 })?;
            let badge = reply["badge"].as_str().and_then(Badge::parse).context("a badge")?;
            clinicians.push(Clinician::new(key, badge, trust.clone(), weather)?);
            self.revoked.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(certificate);
        }
        let began = Instant::now();
        while self.gateway.figures().credentials < count as u64 {
            self.gateway.look();
            ensure!(began.elapsed() < PATIENCE, "the ledger did not take the credentials' rows");
        }
        Ok(clinicians)
    }

    fn play(
        &self,
        args: &Args,
        devices: &[(Bench, Target)],
        clinicians: Vec<Clinician>,
        weather: &Weather,
        view: &View,
    ) -> Result<Outcome> {
        let counts = Arc::new(Counts::default());
        let around = Surroundings {
            gateway: self.gateway.addr(),
            weather: weather.clone(),
            counts: Arc::clone(&counts),
            stop: Arc::new(AtomicBool::new(false)),
            began: Instant::now(),
        };
        let beds = devices.iter().map(|(bench, _)| Bed::start(bench, &around)).collect::<Result<Vec<_>>>()?;
        let met = Arc::new(Mutex::new(Met::default()));
        let over = Arc::new(AtomicBool::new(false));
        let targets = Arc::new(devices.iter().map(|(_, target)| *target).collect::<Vec<_>>());
        let round = Round { targets, met: Arc::clone(&met), stop: Arc::clone(&over) };
        let walking =
            clinicians.into_iter().map(|one| one.start(round.clone())).collect::<Result<Vec<_>>>()?;

        let lasts = Duration::from_secs(args.seconds);
        let (mut events, mut thief, began) = (Vec::new(), None, Instant::now());
        while let Some(left) = lasts.checked_sub(began.elapsed()) {
            self.happen(lasts, left, &beds, &around, &mut events, &mut thief)?;
            {
                let met = met.lock().unwrap_or_else(PoisonError::into_inner);
                view.draw(left, &beds, &met, &self.gateway.figures(), &events);
            }
            std::thread::sleep(FRAME.min(left));
        }
        over.store(true, Ordering::Relaxed);
        let mut clinicians = Vec::new();
        for walk in walking {
            view.prepare("clinicians come back");
            clinicians.extend(walk.join().ok());
        }
        let forged = thief.map_or(0, Thief::stop);
        let (sessions, agreed, took) = {
            let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
            (met.sessions, met.agreed, std::mem::take(&mut met.took))
        };
        let figures = self.gateway.figures();
        let (macs, bytes) = (counts.macs.load(Ordering::Relaxed), counts.bytes.load(Ordering::Relaxed));
        let mut refused = refusals(&figures, &counts, &met);
        if forged > 0 {
            refused.insert("forged-for-other-devices".to_owned(), forged);
        }
        weather.calm();
        // What is still on its way is from the bad network.
        std::thread::sleep(Duration::from_millis(500));
        let desynchronised = desynchronised(&clinicians[1..], &devices[1..], view);
        around.stop.store(true, Ordering::Relaxed);
        drop(beds);
        Ok(Outcome {
            sessions,
            agreed,
            refused,
            desynchronised,
            macs,
            bytes,
            answered: figures.agreed + figures.closed,
            took,
            readings: figures.readings,
            cut: figures.cut,
        })
    }

    /// What happens in a ward: a device is captured, and retired when that is noticed; a nurse is revoked.
    fn happen(
        &self,
        lasts: Duration,
        left: Duration,
        beds: &[Bed],
        around: &Surroundings,
        events: &mut Vec<String>,
        thief: &mut Option<Thief>,
    ) -> Result<()> {
        if thief.is_none() && left < lasts * 2 / 3 {
            events.push("a device was taken apart in a car park: its keys are in other hands".to_owned());
            *thief = Some(Thief::start(&beds[0], beds.iter().map(|bed| bed.sid).collect(), around)?);
        }
        if left < lasts / 2
            && let Some(certificate) = self.revoked.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            self.node.node().revoke(certificate.fingerprint())?;
            events.push(format!("the registrar revokes {}", certificate.identity()));
        }
        if left < lasts / 3 && beds[0].lamp.load(Ordering::Relaxed) != lamp::RETIRED {
            self.operate(&GatewayRequest::Retire { sid: hex(&beds[0].sid) })?;
            beds[0].lamp.store(lamp::RETIRED, Ordering::Relaxed);
            events.push("the captured device is retired: nobody asks it any more".to_owned());
        }
        Ok(())
    }
}

/// Somebody with a device's keys, who tries to be other devices.
struct Thief {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Thief {
    fn start(bed: &Bed, others: Vec<Id>, around: &Surroundings) -> Result<Self> {
        let (mut device, gateway, began) = (bed.captured(), around.gateway, around.began);
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&sent));
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(gateway)?;
        socket.set_read_timeout(Some(TRIES))?;
        let thread = thread(move || {
            let mut answer = None;
            let mut others = others.iter().skip(1).cycle();
            while !stopped.load(Ordering::Relaxed) {
                // The gateway sends the device's messages to whoever says that it is the device, beside the device itself.
                let _ = socket.send(&device.here());
                answer = listen(&socket, &mut device, began).or(answer);
                let Some(victim) = others.next() else { return };
                let m3 = answer.clone().unwrap_or_else(|| vec![3; 45]);
                let _ = socket.send(&Datagram::FromDevice { sid: *victim, message: &m3 }.to_bytes());
                count.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self { stop, sent, thread })
    }

    /// How many answers it forged.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        // One that panicked forges nothing any more, either.
        let _ = self.thread.join();
        self.sent.load(Ordering::Relaxed)
    }
}

/// Waits for a message to the captured device, and makes the answer that only its keys can make; but sends it nowhere.
fn listen(socket: &UdpSocket, device: &mut SoftDevice, began: Instant) -> Option<Vec<u8>> {
    let mut buffer = [0; 1_500];
    let length = socket.recv(&mut buffer).ok()?;
    match device.hear(&buffer[..length], beds::uptime(began), beds::nonce()) {
        Ok(Response::Answer(bytes)) => match Datagram::parse(&bytes) {
            Some(Datagram::FromDevice { message, .. }) => Some(message.to_vec()),
            _ => None,
        },
        _ => None,
    }
}

/// Signs in at every device once more; how many did not agree.
fn desynchronised(clinicians: &[Clinician], devices: &[(Bench, Target)], view: &View) -> u64 {
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for clinician in clinicians.iter().take(CHECKS) {
            scope.spawn(|| {
                let mut key = None;
                while let Some((_, target)) =
                    usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok().and_then(|at| devices.get(at))
                {
                    view.prepare(&format!(
                        "every device is signed in at once more: {}",
                        next.load(Ordering::Relaxed)
                    ));
                    let agrees = (0..2).any(|_| clinician.sign_in(target, &mut key).is_ok());
                    failed.fetch_add(u64::from(!agrees), Ordering::Relaxed);
                }
            });
        }
    });
    failed.load(Ordering::Relaxed)
}

fn refusals(figures: &GatewayFigures, counts: &Counts, met: &Mutex<Met>) -> BTreeMap<String, u64> {
    let mut refused = figures.refused.clone();
    let sensors = counts.refused.lock().unwrap_or_else(PoisonError::into_inner);
    let without = &met.lock().unwrap_or_else(PoisonError::into_inner).without;
    refused.extend(sensors.iter().chain(without).map(|(name, count)| ((*name).to_owned(), *count)));
    refused
}

/// What came of it.
struct Outcome {
    sessions: u64,
    agreed: u64,
    refused: BTreeMap<String, u64>,
    desynchronised: u64,
    macs: u64,
    bytes: u64,
    /// Sessions that gateway and device agreed on, those that only ended another among them.
    answered: u64,
    took: Vec<Duration>,
    readings: u64,
    cut: u64,
}

impl Outcome {
    fn to_json(&self) -> Value {
        json!({
            "sessions": self.sessions,
            "agreed": self.agreed,
            "refused": self.refused,
            "desynchronised": self.desynchronised,
            "macs_per_session": self.per_session(self.macs),
            "bytes_per_session": self.per_session(self.bytes),
            "p50_ms": self.percentile(50),
            "p95_ms": self.percentile(95),
        })
    }

    fn tell(&self, args: &Args) {
        say!(
            "{} devices, {} % lost, {} % repeated, {} s",
            args.sensors,
            args.loss,
            args.replay,
            args.seconds
        );
        say!("  sessions asked for        {:>8}", self.sessions);
        say!("  agreed, to the 1st reading {:>7}", self.agreed);
        say!("  readings relayed          {:>8}", self.readings);
        say!("  sessions cut              {:>8}", self.cut);
        say!("  desynchronised devices    {:>8}", self.desynchronised);
        say!("  MACs of a device, a session  {:>5.2}", self.per_session(self.macs));
        say!("  its bytes, a session      {:>8.1}", self.per_session(self.bytes));
        say!("  sign-in, p50 / p95    {:>5} / {} ms", self.percentile(50), self.percentile(95));
        say!("  refused:");
        for (reason, count) in &self.refused {
            say!("    {reason:<28} {count:>8}");
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    fn per_session(&self, count: u64) -> f64 {
        let per = count as f64 / self.answered.max(1) as f64;
        (per * 100.0).round() / 100.0
    }

    fn percentile(&self, percent: usize) -> u64 {
        let mut took = self.took.clone();
        took.sort_unstable();
        let at = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(at).map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
    }
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

//! A bedside gateway beside a node: devices and tablets over UDP, rows on the ledger, and what is durable when it is killed.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_bedside::{
    BEDSIDE, Badge, Bed as Bedstead, Bench, CredentialRow, Datagram, DeviceRow, GATEWAY, NURSE, Refusal,
    Response, SessionRow, SoftDevice, Status, credential, device, document, handle,
};
use countersign_device::{
    Attempt, Command, Float, Heard, Id, Ops, Random, Reading, SensorRefusal, UnixMillis as At, Uptime, Wish,
};
use countersign_ledger::{Entry, LogName, Subject, UnixMillis};
use countersign_node::{
    BedsideGateway, BedsideGatewayError, Config, GatewayConfig, GatewayRequest, Node, RatchetPoint,
    RoleConfig, Running, RunningGateway, SessionObserver, SessionPoint, bedside_readings, operate_gateway,
    restored_gateway,
};
use countersign_wallet::{
    BedsideError, BedsideLink, BedsideSession, Client as Wallet, Cost, Https, Issuer, Snapshot, Vault,
};
use serde_json::Value;

use crate::world::{Member, Site, WEEK, enrol, open_patiently, random};

const PASSPHRASE: &[u8] = b"a passphrase of some length";
const COST: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
const LOG: &str = "\n[[log]]\nname = \"bedside\"\nheld = \"followed\"\ndomain = \"meds.example\"\n";
const SOON: Duration = Duration::from_secs(30);
const PATIENT: u32 = 1001;
const ALL: [&str; 6] = ["read", "stream", "settings", "start", "stop", "silence"];
const LOOKS: Ops = Ops::LOOKS;

fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A device at a bed, in a thread of its own.
struct Bed {
    device: Arc<Mutex<SoftDevice>>,
    heard: Arc<Mutex<Vec<Command>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bed {
    /// Once the gateway knows where it is: what is sent before that is lost, and no time passes here in which it were sent again.
    fn new(bench: &Bench, gateway: &RunningGateway) -> Self {
        Self::with(Arc::new(Mutex::new(SoftDevice::provision(bench).unwrap())), gateway)
    }

    fn with(device: Arc<Mutex<SoftDevice>>, gateway: &RunningGateway) -> Self {
        let before = gateway.figures().located;
        let bed = Self::at(device, gateway.addr());
        let is_new = before < gateway.figures().devices;
        soon("it is known where the device is", || !is_new || gateway.figures().located > before);
        bed
    }

    fn at(device: Arc<Mutex<SoftDevice>>, gateway: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(gateway).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let (heard, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (own, told, stopped) = (Arc::clone(&device), Arc::clone(&heard), Arc::clone(&stop));
        let thread = std::thread::spawn(move || serve(&socket, &own, &told, &stopped));
        Self { device, heard, stop, thread: Some(thread) }
    }

    fn index(&self) -> u32 {
        self.device.lock().unwrap().index()
    }

    /// The same device, speaking with a gateway at another address.
    fn moved(mut self, gateway: &RunningGateway) -> Self {
        self.end();
        Self::with(Arc::clone(&self.device), gateway)
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(socket: &UdpSocket, device: &Mutex<SoftDevice>, heard: &Mutex<Vec<Command>>, stop: &AtomicBool) {
    let (began, mut buffer) = (Instant::now(), [0; 1_500]);
    while !stop.load(Ordering::Relaxed) {
        let now = Uptime(u64::try_from(began.elapsed().as_millis()).unwrap());
        // Nobody may be there to be told.
        let _ = socket.send(&device.lock().unwrap().here());
        let came = socket.recv(&mut buffer);
        let mut device = device.lock().unwrap();
        match came.map(|length| device.hear(&buffer[..length], now, random())) {
            Ok(Ok(Response::Answer(bytes))) => drop(socket.send(&bytes)),
            Ok(Ok(Response::Heard(Heard::Command(command)))) => heard.lock().unwrap().push(command),
            Ok(Ok(Response::Heard(Heard::Confirmed)) | Err(SensorRefusal::Replayed)) | Err(_) => {
                if let Ok(bytes) = device.reading(&pulse(now), now) {
                    let _ = socket.send(&bytes);
                }
            }
            Ok(Err(_)) => {}
        }
    }
}

fn pulse(now: Uptime) -> Reading {
    let value = Float::new(72, 0).unwrap();
    Reading { metric: 147_842, value, unit: 2_720, status: 0, tick: now.tick() }
}

/// A node, a gateway beside it, and a nurse.
struct Town {
    site: Site,
    node: Running,
    config: GatewayConfig,
    gateway: Option<RunningGateway>,
    nurse: Member,
}

impl Town {
    fn new() -> Self {
        let mut site = Site::new();
        let example = include_str!("../../countersign-node.example.toml");
        site.config.logs = Config::parse(&format!("{example}{LOG}")).unwrap().logs;
        let node = open_patiently(|| Node::open_with(site.config.clone(), site.clock.surroundings()));
        let node = node.unwrap().start().unwrap();
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let nurse = RoleConfig {
            number: 2,
            diagnostic: names(&ALL),
            treatment: names(&ALL),
            auxiliary: names(&["read"]),
        };
        let engineer = RoleConfig {
            number: 3,
            diagnostic: names(&["read", "service"]),
            treatment: names(&["read", "service"]),
            auxiliary: Vec::new(),
        };
        let roles = [(NURSE.to_owned(), nurse), ("biomedical-engineer".to_owned(), engineer)];
        let config = GatewayConfig {
            data: site.config.data.parent().unwrap().join("gateway"),
            listen: "127.0.0.1:0".parse().unwrap(),
            address: None,
            node: format!("https://{}", node.addr()),
            genesis: site.config.data.join("genesis.json"),
            follow_seconds: 1,
            roles: roles.into(),
        };
        let code = node.node().registrar().new_code(GATEWAY, "north", WEEK).unwrap().to_string();
        BedsideGateway::init(&config, PASSPHRASE, COST, &code).unwrap();
        let nurse = enrol(node.node(), NURSE, "ana");
        let mut town = Self { site, node, config, gateway: None, nurse };
        town.start(None);
        town
    }

    fn start(&mut self, observer: Option<SessionObserver>) {
        let clock = self.site.clock.clock();
        let gateway = BedsideGateway::open_with(self.config.clone(), PASSPHRASE, clock, observer).unwrap();
        self.gateway = Some(gateway.start().unwrap());
        // Requests from before the start are refused, and what a clock may be off by counts as before.
        self.site.clock.advance(5_001);
    }

    fn restart(&mut self, observer: Option<SessionObserver>) {
        drop(self.gateway.take());
        self.start(observer);
    }

    fn gateway(&self) -> &RunningGateway {
        self.gateway.as_ref().unwrap()
    }

    fn operate(&self, request: &GatewayRequest) -> Value {
        let reply = self.gateway().operate(request).unwrap();
        serde_json::from_str(&reply).unwrap_or(Value::String(reply))
    }

    /// Provisions a device, and waits for its row.
    fn provision(&self, class: &str, again: Option<Id>) -> Bench {
        let before = self.gateway().figures().devices;
        let again = again.map(|sid| hex(&sid));
        let ops = ALL.map(str::to_owned).to_vec();
        let reply =
            self.operate(&GatewayRequest::Device { class: class.to_owned(), ops, again: again.clone() });
        let bench = Bench::parse(reply["record"].as_str().unwrap()).unwrap();
        self.gateway().look();
        if again.is_none() {
            soon("the device is registered", || self.gateway().figures().devices > before);
        }
        bench
    }

    fn bed(&self, class: &str) -> Bed {
        let bench = self.provision(class, None);
        self.operate(&GatewayRequest::Associate { sid: hex(&bench.sid), association: PATIENT });
        Bed::new(&bench, self.gateway())
    }

    fn badge(&self, member: &Member) -> Badge {
        let before = self.gateway().figures().credentials;
        let member = member.certificate.identity().as_str().to_owned();
        let reply = self.operate(&GatewayRequest::Credential { member, hours: 8 });
        self.gateway().look();
        soon("the credential is registered", || self.gateway().figures().credentials > before);
        Badge::parse(reply["badge"].as_str().unwrap()).unwrap()
    }

    fn now(&self) -> UnixMillis {
        self.site.clock.now()
    }

    fn sign_in(&self, badge: &Badge, wish: Wish) -> Result<BedsideSession, BedsideError> {
        let link = BedsideLink::new(&self.gateway().addr().to_string()).unwrap();
        let trust = self.node.node().genesis().trust_anchors().unwrap().1;
        let (key, gateway) = link.key(&trust, "meds.example", self.now())?;
        assert_eq!(*gateway.identity(), badge.gateway);
        link.sign_in(&badge.credential, &key, wish, self.now(), Some(&self.nurse.key))
    }

    /// A request that nobody has sent yet, and a socket for it.
    fn request(&self, badge: &Badge, wish: Wish) -> (UdpSocket, Vec<u8>) {
        let link = BedsideLink::new(&self.gateway().addr().to_string()).unwrap();
        let trust = self.node.node().genesis().trust_anchors().unwrap().1;
        let (key, _) = link.key(&trust, "meds.example", self.now()).unwrap();
        let random = Random { secret: random(), nonce: random() };
        let at = At(self.now().0);
        let (_, m1) = Attempt::new(&badge.credential, &key, wish, at, random, |_| None).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.gateway().addr()).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let request = Datagram::FromTablet { handle: handle(m1.as_ref()), message: m1.as_ref() };
        (socket, request.to_bytes())
    }

    /// What the ledger has of a subject.
    fn history(&self, log: LogName, subject: &Subject) -> Vec<Entry> {
        let folder = tempfile::tempdir().unwrap();
        let genesis = self.node.node().genesis();
        let mut snapshot = Snapshot::open(&folder.path().join("wallet.db"), genesis).unwrap();
        let client = Wallet::new(Https::new(&self.config.node, genesis).unwrap());
        snapshot.sync(&client, SOON).unwrap();
        let vault = Vault::create_at_cost(&folder.path().join("vault"), PASSPHRASE, COST).unwrap();
        Issuer::new(&mut snapshot, &client, Arc::new(vault)).history(log, subject).unwrap()
    }
}

fn wish(bed: &Bed, ops: Ops) -> Wish {
    let sid = *bed.device.lock().unwrap().sid();
    Wish { sid, ops, ttl: 30, association: PATIENT, end_to_end: false }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refused(result: Result<BedsideSession, BedsideError>) -> Refusal {
    match result {
        Err(BedsideError::Refused(refusal)) => refusal,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("signed in"),
    }
}

#[test]
fn a_nurse_signs_in_sets_a_pump_and_the_ledger_has_who_and_what() {
    let town = Town::new();
    let (pump, badge) = (town.bed("treatment"), town.badge(&town.nurse));
    let sid = *pump.device.lock().unwrap().sid();
    let mut session = town.sign_in(&badge, wish(&pump, LOOKS.with(Ops::SETTINGS))).unwrap();
    assert_eq!((session.scope().association, session.scope().ops), (PATIENT, LOOKS.with(Ops::SETTINGS)));
    let received = session.reading(SOON).unwrap().unwrap();
    assert_eq!((received.reading.metric, received.seq), (147_842, 0));
    let set =
        Command { op: Ops::SETTINGS, unit: 3_122, metric: 157_784, value: Float::new(125, -1).unwrap() };
    session.command(set).unwrap();
    soon("the pump hears it", || pump.heard.lock().unwrap().contains(&set));
    assert!(session.command(Command { op: Ops::START, ..set }).is_err(), "not in the scope");
    soon("readings are kept", || town.gateway().figures().readings >= 3);

    town.gateway().look();
    let rows = town.history(LogName::TRUST, &device(&sid));
    let row = DeviceRow::of(rows[0].standing().unwrap()).unwrap();
    assert_eq!((rows.len(), row.epoch, row.status), (1, 1, Status::Active));
    let rows = town.history(LogName::TRUST, &credential(&badge.credential.cred));
    let row = CredentialRow::of(rows[0].standing().unwrap()).unwrap();
    assert_eq!((row.certificate, row.role), (town.nurse.certificate.fingerprint(), 2));
    let sessions = town.history(BEDSIDE, &device(&sid));
    let told = SessionRow::of(sessions[0].standing().unwrap()).unwrap();
    assert_eq!((sessions.len(), told.user, told.scope), (1, badge.credential.id, session.scope()));
    assert!(told.act.is_some(), "who asks to act has signed that");

    // The readings of the bed are a document, under the names that nothing else has.
    let readings = bedside_readings(&town.config, PATIENT).unwrap();
    assert!(readings.len() >= 3 && readings.iter().all(|one| one.sid == sid));
    let gateway = town.gateway().certificate().identity().clone();
    let patient = ("4711", "https://north.example/patients");
    let bed = Bedstead { patient, name: ("Lund", "Iva"), association: PATIENT, gateway: &gateway };
    assert!(document(&bed, &readings, town.now()).is_some());
    assert!(bedside_readings(&town.config, 7).unwrap().is_empty());
}

#[test]
fn who_is_revoked_on_the_ledger_is_cut_off_while_signed_in() {
    let town = Town::new();
    let (monitor, badge) = (town.bed("diagnostic"), town.badge(&town.nurse));
    let mut session = town.sign_in(&badge, wish(&monitor, LOOKS)).unwrap();
    assert!(session.reading(SOON).unwrap().is_some());
    town.node.node().revoke(town.nurse.certificate.fingerprint()).unwrap();
    town.gateway().look();
    let cut = loop {
        match session.reading(SOON) {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(cut, Err(BedsideError::Refused(Refusal::Over))), "{cut:?}");
    assert_eq!(refused(town.sign_in(&badge, wish(&monitor, LOOKS))), Refusal::NoCredential);
    // The device has heard of it as well.
    soon("the device ends the session", || monitor.device.lock().unwrap().scope().is_none());
    assert_eq!(town.gateway().figures().cut, 1);
    let member = town.nurse.certificate.identity().as_str().to_owned();
    let again = town.gateway().operate(&GatewayRequest::Credential { member, hours: 8 });
    assert!(matches!(again, Err(BedsideGatewayError::Refused(_))), "nothing is issued to who was revoked");
}

#[test]
fn a_gateway_that_was_revoked_serves_nobody() {
    let town = Town::new();
    let (monitor, badge) = (town.bed("diagnostic"), town.badge(&town.nurse));
    town.node.node().revoke(town.gateway().certificate().fingerprint()).unwrap();
    town.gateway().look();
    soon("it is silent", || {
        matches!(town.sign_in(&badge, wish(&monitor, LOOKS)), Err(BedsideError::NoAnswer))
    });
}

#[test]
fn wrong_proofs_wait_and_a_restart_forgets_none_of_them() {
    let mut town = Town::new();
    let (mut monitor, badge) = (town.bed("diagnostic"), town.badge(&town.nurse));
    let mut wrong = badge.clone();
    wrong.credential.secret = countersign_device::Key::new(random());
    for _ in 0..5 {
        assert_eq!(refused(town.sign_in(&wrong, wish(&monitor, LOOKS))), Refusal::Proof);
    }
    assert_eq!(refused(town.sign_in(&badge, wish(&monitor, LOOKS))), Refusal::Wait);
    drop(town.gateway.take());
    let clock = town.site.clock.clock();
    let gateway = BedsideGateway::open_with(town.config.clone(), PASSPHRASE, clock, None).unwrap();
    town.gateway = Some(gateway.start().unwrap());
    monitor = monitor.moved(town.gateway());
    assert_eq!(refused(town.sign_in(&badge, wish(&monitor, LOOKS))), Refusal::BeforeStart);
    // Five seconds on, the second of waiting is over; one more wrong proof, and it is two.
    town.site.clock.advance(5_001);
    assert_eq!(refused(town.sign_in(&wrong, wish(&monitor, LOOKS))), Refusal::Proof);
    assert_eq!(refused(town.sign_in(&badge, wish(&monitor, LOOKS))), Refusal::Wait);
    town.site.clock.advance(2_001);
    assert!(town.sign_in(&badge, wish(&monitor, LOOKS)).is_ok());
}

#[test]
fn wherever_a_gateway_is_killed_the_next_session_is_agreed_on_and_no_key_is_left() {
    for point in [
        SessionPoint::Audited,
        SessionPoint::Keys(RatchetPoint::NewKey),
        SessionPoint::Keys(RatchetPoint::OldGone),
    ] {
        let mut town = Town::new();
        let (mut pump, badge) = (town.bed("treatment"), town.badge(&town.nurse));
        assert!(town.sign_in(&badge, wish(&pump, LOOKS)).is_ok());
        town.restart(Some(Box::new(
            move |reached| {
                if reached == point { Err(io::Error::other("killed")) } else { Ok(()) }
            },
        )));
        pump = pump.moved(town.gateway());
        let index = pump.index();
        let (asked, request) = town.request(&badge, wish(&pump, LOOKS));
        asked.send(&request).unwrap();
        soon("it is killed", || town.gateway().figures().refused.contains_key("device:storage"));
        assert!(asked.recv(&mut [0; 1_500]).is_err(), "{point:?}: nobody is answered");
        assert_eq!((town.gateway().figures().agreed, pump.index()), (0, index + 1), "{point:?}");
        town.restart(None);
        pump = pump.moved(town.gateway());
        for _ in 0..3 {
            let mut session = town.sign_in(&badge, wish(&pump, LOOKS)).unwrap();
            assert!(session.reading(SOON).unwrap().is_some(), "{point:?}");
        }
        let slots = std::fs::read(town.config.data.join("ratchets")).unwrap();
        let used = slots.chunks(128).filter(|slot| slot.iter().any(|&byte| byte != 0)).count();
        assert_eq!(used, 1, "{point:?}: one key of one device");
        // The audit of the session that nobody was answered is told as well: the device had agreed.
        town.gateway().look();
        let sid = *pump.device.lock().unwrap().sid();
        assert_eq!(town.history(BEDSIDE, &device(&sid)).len(), 5, "{point:?}");
    }
}

#[test]
fn a_device_joins_is_provisioned_anew_and_retired_and_no_other_is_touched() {
    let town = Town::new();
    let (first, badge) = (town.bed("diagnostic"), town.badge(&town.nurse));
    let mut session = town.sign_in(&badge, wish(&first, LOOKS)).unwrap();
    let second = town.bed("diagnostic");
    drop(town.sign_in(&badge, wish(&second, LOOKS)).unwrap());
    assert!(session.reading(SOON).unwrap().is_some(), "the first goes on");

    let sid = *second.device.lock().unwrap().sid();
    drop(second);
    let bench = town.provision("diagnostic", Some(sid));
    assert_eq!((bench.sid, bench.epoch), (sid, 2));
    let second = Bed::new(&bench, town.gateway());
    // It has told where it is now: what is sent to where it was before is lost.
    std::thread::sleep(Duration::from_millis(300));
    soon("the second is there with new keys", || town.sign_in(&badge, wish(&second, LOOKS)).is_ok());

    assert_eq!(
        refused(town.sign_in(&badge, Wish { association: 7, ..wish(&second, LOOKS) })),
        Refusal::OtherPatient
    );
    town.operate(&GatewayRequest::Retire { sid: hex(&sid) });
    assert_eq!(refused(town.sign_in(&badge, wish(&second, LOOKS))), Refusal::NoDevice);
    town.gateway().look();
    let rows = town.history(LogName::TRUST, &device(&sid));
    let rows: Vec<_> = rows.iter().map(|row| DeviceRow::of(row.standing().unwrap()).unwrap()).collect();
    let told: Vec<_> = rows.iter().map(|row| (row.epoch, row.status)).collect();
    assert_eq!(told, [(1, Status::Active), (2, Status::Active), (2, Status::Ended)]);
    while session.reading(Duration::from_millis(1)).unwrap().is_some() {}
    assert!(session.reading(SOON).unwrap().is_some(), "the first still goes on");
    let slots = std::fs::read(town.config.data.join("ratchets")).unwrap();
    assert_eq!(slots.chunks(128).filter(|slot| slot.iter().any(|&byte| byte != 0)).count(), 1);
}

#[test]
fn what_a_role_may_do_depends_on_the_class_and_acting_needs_a_signature() {
    let town = Town::new();
    let (pump, monitor) = (town.bed("treatment"), town.bed("diagnostic"));
    let engineer = enrol(town.node.node(), "biomedical-engineer", "egon");
    let badge = town.badge(&engineer);
    assert_eq!(refused(town.sign_in(&badge, wish(&pump, Ops::START))), Refusal::Signature, "not his key");
    assert!(town.sign_in(&badge, wish(&monitor, LOOKS)).is_ok_and(|one| one.scope().ops == Ops::READ));
    let link = BedsideLink::new(&town.gateway().addr().to_string()).unwrap();
    let trust = town.node.node().genesis().trust_anchors().unwrap().1;
    let (key, _) = link.key(&trust, "meds.example", town.now()).unwrap();
    let signer = Some(&engineer.key as &dyn countersign_ledger::Signer);
    let start = link.sign_in(&badge.credential, &key, wish(&pump, Ops::START), town.now(), signer);
    assert_eq!(refused(start), Refusal::NotPermitted);
}

#[test]
fn the_same_request_gets_the_same_answer_and_foreign_datagrams_get_none() {
    let town = Town::new();
    let (monitor, badge) = (town.bed("diagnostic"), town.badge(&town.nurse));
    let link = BedsideLink::new(&town.gateway().addr().to_string()).unwrap();
    let trust = town.node.node().genesis().trust_anchors().unwrap().1;
    assert!(link.key(&trust, "other.example", town.now()).is_err(), "a gateway of another domain");
    let (socket, request) = town.request(&badge, wish(&monitor, LOOKS));
    let Some(Datagram::FromTablet { handle: own, message: m1 }) = Datagram::parse(&request) else { panic!() };
    assert_eq!(own, handle(m1));
    let ask = |bytes: &[u8]| {
        socket.send(bytes).unwrap();
        let mut buffer = [0; 1_500];
        socket.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec())
    };
    let answer = ask(&request).unwrap();
    assert!(matches!(Datagram::parse(&answer), Some(Datagram::ToTablet { handle, .. }) if handle == own));
    assert_eq!(ask(&request), Some(answer));
    assert_eq!(town.gateway().figures().agreed, 1);
    town.site.clock.advance(30_001);
    let again = ask(&request).unwrap();
    let seen = Datagram::Refused { handle: own, refusal: Refusal::Seen };
    assert_eq!(Datagram::parse(&again), Some(seen));

    let mut other = request.clone();
    other[3] ^= 1;
    assert_eq!(ask(&other), None, "a request under another name");
    let question = Datagram::WhichKey { nonce: [1; 16] }.to_bytes();
    assert_eq!(ask(&question[..100]), None, "an answer would be longer than the question");
    for bytes in [&[][..], &[0x40], &[0xff; 1_400], &answer_of_nobody()] {
        assert_eq!(ask(bytes), None);
    }
    assert!(ask(&question).is_some());
}

fn answer_of_nobody() -> Vec<u8> {
    Datagram::FromDevice { sid: [9; 16], message: &[3; 45] }.to_bytes()
}

#[test]
fn an_operator_asks_a_running_gateway_and_hears_why_not() {
    let mut town = Town::new();
    let reply = operate_gateway(&town.config, &GatewayRequest::Status).unwrap();
    let status: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(status["gateway"], "spiffe://meds.example/bedside-gateway/north");
    for (request, why) in [
        (GatewayRequest::Retire { sid: "00".repeat(16) }, "no such device is in service"),
        (
            GatewayRequest::Revoke { cred: "zz".into() },
            "a device or a credential is named by 32 hexadecimal digits",
        ),
        (
            GatewayRequest::Credential { member: "spiffe://meds.example/nurse/ana".into(), hours: 17 },
            "a credential is for one shift: 1 to 16 hours",
        ),
        (
            GatewayRequest::Credential { member: "spiffe://meds.example/doctor/ada".into(), hours: 8 },
            "the configuration has no [role.doctor]",
        ),
        (
            GatewayRequest::Device { class: "toy".into(), ops: Vec::new(), again: None },
            "a class is `diagnostic`, `treatment` or `auxiliary`",
        ),
    ] {
        let refused = operate_gateway(&town.config, &request).unwrap_err();
        assert_eq!(refused.to_string(), why);
    }
    assert!(matches!(restored_gateway(&town.config, town.now()), Err(BedsideGatewayError::Home(_))));
    drop(town.gateway.take());
    let refused = operate_gateway(&town.config, &GatewayRequest::Status).unwrap_err();
    assert!(matches!(refused, BedsideGatewayError::NotRunning(_)));
    assert_eq!(restored_gateway(&town.config, town.now()).unwrap(), 0);
    town.site.clock.set_by(-60_000);
    let clock = town.site.clock.clock();
    let early = BedsideGateway::open_with(town.config.clone(), PASSPHRASE, clock, None).unwrap().start();
    assert!(matches!(early, Err(BedsideGatewayError::Clock)));
}

#[test]
fn the_example_is_a_configuration_and_each_way_to_be_wrong_is_named() {
    let example = include_str!("../../countersign-gateway.example.toml");
    let config = GatewayConfig::parse(example).unwrap();
    assert_eq!((config.listen.port(), config.follow_seconds, config.roles.len()), (8446, 2, 2));
    let wrong = |from: &str, to: &str| {
        let changed = example.replace(from, to);
        assert_ne!(changed, example);
        GatewayConfig::parse(&changed).unwrap_err().to_string()
    };
    assert!(wrong("\"silence\"", "\"sing\"").contains("`sing` is no operation"));
    assert!(wrong("follow_seconds = 2", "follow_seconds = 0").contains("follow_seconds"));
    assert!(wrong("\nnode =", "\nport = 1\nnode =").contains("port"));
}

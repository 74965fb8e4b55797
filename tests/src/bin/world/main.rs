//! A ledger to try an app against: a real node on this machine, over TLS, with the lives of some packs on record.
//!
//! Prints one line of JSON, what there is, and then obeys a command a line until its input ends:
//!
//! | command | does | answers |
//! | --- | --- | --- |
//! | `code ROLE NAME` | makes a one-time code for enrolment | the code |
//! | `offer UNIT` | has the distributor pack a logistic unit, unless it is, and offer it | a list of QR codes' texts |
//! | `products COUNT` | so many more products, each with a lot L1 that is in order | a list of links |
//! | `recall LOT` | has the authority recall a lot | `recalled` |
//! | `reports key`, `reports` | has the authority publish a key for reports; or read those that came | `published`; a list |
//! | `verify FILE` | verifies a proof of a delivery | how many statements are in it, and how many the log is proven to hold |
//! | `stop` | stops the node | `stopped` |
//! | `start` | starts it again at the same address | `started` |
//! | `document RECORD HOLDER VERSION [IMAGE]` | has Dr. Grace sign a medical document for a record, whose holder's key is in hexadecimal; its results name the PNG in the file IMAGE | the file it is in |
//! | `device CLASS PATIENT` | provisions a bedside device, puts it beside a patient and switches it on | its number |
//! | `badge MEMBER` | issues a credential for a shift | the badge |
//! | `heard` | | the operation that a device heard last: its bits, metric, mantissa, exponent and unit |
//! | `revoke MEMBER` | revokes the member's certificate | `revoked` |
//! | `domains` | starts two trust domains, `north.example` and `south.example`, with a ledger each and one that they share; the south takes part, and its lab has published the rule of some data | address and genesis file of each: `shared`, `north`, `south` |
//! | `domains code ROLE NAME` | | a one-time code of the north |
//! | `domains introduce MEMBER` | has the north's registrar tell the shared ledger of a member | `introduced` |
//! | `domains settle` | has the notaries vote and decide until nothing is left | `settled` |
//! | `domains reply MESSAGE` | has the south's authority reply to somebody who wants to be known there; in hexadecimal | the reply |
//! | `domains note OP` | has the south note that the newest licence was used so | `noted` |
//! | `domains derive` | has the north's ward make something of the data under the newest licence | its state |
//! | `attributes MEMBER LIST` | registers a member's attributes, such as `role: cardiologist;hospital: north` | `registered` |
//!
//! The node keeps a record store; the bedside gateway beside it has devices in software, which measure a pulse of 72, and what was set. The attribute authority beside it has an address and a TLS root of its own.
//!
//! The lot L1 (serials S000 to S099, until 2035-11-30) is in order, its pack S007 is dispensed. L2 (T000 to T099) is
//! recalled. The list of what is in every unit, S001 and S002, is the file `contents`. The wallet of a patient who follows the
//! product is `examples.db`: what the apps show to those who have no ledger. Frames are PGM files: S001 is genuine, X001 was never commissioned, `blank` shows nothing.

mod domains;

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, Write as _};
use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_bedside::{BEDSIDE, Bench, GATEWAY, NURSE, Response, SoftDevice};
use countersign_custody::qr::{self, Codes};
use countersign_custody::report::word;
use countersign_custody::{Contents, SerialSet};
use countersign_device::{Command, Float, Heard, Ops, Reading, Uptime, Value};
use countersign_ledger::{
    Fields, Genesis, Hash, Held, Identity, Kind, LogName, LogSpec, PublicKey, Subject, UnixMillis,
};
use countersign_node::{
    AttributeAuthority, AuthorityConfig, BedsideGateway, Config, GatewayConfig, GatewayRequest, Node,
    RecordStoreConfig, Register, RoleConfig, Running, RunningAuthority, RunningGateway, TlsConfig,
};
use countersign_records::rules::{AUTHORITY, DOCTOR, LOGS};
use countersign_records::{Cut, Image, RecordId, Rule, Unsigned};
use countersign_scan::draw::{Carrier, Label, Scale};
use countersign_scan::gs1::{Message, Partners};
use countersign_wallet::{
    Client, Consent, Cost, Courier, Https, Issuer, KeyStore, OfferTo, Snapshot, Step, StoredKey, Vault,
    verify_delivery,
};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const CLASS: &str = "https://id.gs1.org/01/09506000134352";
const ROLES: [&str; 5] = ["authority", "supplier", "manufacturer", "distributor", "pharmacy"];
const DAY: u64 = 24 * 3600 * 1000;
/// The last moment of 2035-11-30.
const EXPIRY: u64 = 2_080_080_000_000 - 1;
/// The world's keys guard nothing.
const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };

fn main() -> Outcome {
    let folder = std::env::args_os().nth(1).ok_or("usage: world FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let mut config = Config::development(folder.join("node"));
    // All parties write from one address here.
    (config.limits.writes_per_second, config.limits.write_burst) = (10_000, 10_000);
    config.logs = logs(&config.domain);
    config.record_store = Some(RecordStoreConfig { name: "cloud".into(), record_bytes: 256 << 20, s3: None });
    let mut running = Some(Node::open(config.clone())?.start()?);
    let Some(node) = &running else { return Ok(()) };
    let address = format!("https://localhost:{}", node.addr().port());
    let metrics = node.metrics_addr().map(|addr| format!("http://{addr}/metrics"));
    let fixed = Config { listen: node.addr(), ..config };
    let mut office = Office::open(node, &address, folder)?;
    office.play()?;
    let genesis = folder.join("genesis.json");
    fs::write(&genesis, node.node().genesis().to_json())?;
    let clinics = Clinics::open(node, &address, &genesis, folder, &mut office)?;
    let ward = Ward::open(node, &address, &genesis, folder)?;
    let mut domains = None;
    for (name, serial) in [("genuine", "S001"), ("unknown", "X001")] {
        frame(&folder.join(format!("{name}.pgm")), Some(serial))?;
    }
    frame(&folder.join("blank.pgm"), None)?;
    fs::write(folder.join("contents"), packs()?.to_bytes())?;
    examples(&folder.join("examples.db"), node.node().genesis(), &address)?;
    let hello = json!({
        "node": address, "metrics": metrics, "genesis": genesis, "frames": folder,
        "authority": Clinics::identity()?.as_str(), "authority_address": clinics.address(), "authority_root": clinics.root,
    });
    say(&hello.to_string())?;

    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match (line.split(' ').collect::<Vec<_>>().as_slice(), &running) {
            (["code", role, name], Some(node)) => {
                say(&node.node().registrar().new_code(role, name, Duration::from_mins(10))?.to_string())?;
            }
            (["offer", unit], Some(_)) => say(&json!(office.offer(unit)?).to_string())?,
            (["products", count], Some(_)) => say(&json!(office.products(count.parse()?)?).to_string())?,
            (["recall", lot], Some(_)) => {
                office.state("authority", "recall", lot, Fields::new().with("reason", "particles found"))?;
                say("recalled")?;
            }
            (["reports", "key"], Some(_)) => {
                office.issuer().publish_report_key("authority", now())?;
                say("published")?;
            }
            (["reports"], Some(_)) => say(&json!(office.reports()?).to_string())?,
            (["document", record, holder, version, image @ ..], _) => {
                let image = image.first().map(Path::new);
                let path = office.document(folder, (record, version.parse()?), holder, image)?;
                say(&path.display().to_string())?;
            }
            (["device", class, patient], _) => say(&ward.device(class, patient.parse()?)?)?,
            (["badge", member], _) => say(&ward.badge(member)?)?,
            (["heard"], _) => say(&ward.heard()?)?,
            (["revoke", member], Some(node)) => {
                let subject = Subject::new(*member)?;
                node.node().revoke(office.certificate_of(&subject)?)?;
                ward.running.look();
                say("revoked")?;
            }
            (["attributes", member, ..], _) => {
                let list = line.splitn(3, ' ').nth(2).unwrap_or_default();
                clinics.register(&Identity::parse(member)?, list)?;
                say("registered")?;
            }
            (["verify", file], _) => {
                let proven = verify_delivery(&fs::read(file)?, &Genesis::parse(&fs::read(&genesis)?)?)?;
                say(&format!("{} {}", proven.route.stops.len(), proven.recorded.len()))?;
            }
            (["domains"], _) => {
                let opened = domains.insert(domains::Domains::open(&folder.join("domains"))?);
                say(&opened.told())?;
            }
            (["domains", command @ ..], _) => match &mut domains {
                Some(domains) => say(&domains.obey(command)?)?,
                None => say("unknown command")?,
            },
            (["stop"], _) => {
                if let Some(node) = running.take() {
                    node.stop();
                }
                say("stopped")?;
            }
            (["start"], None) => {
                running = Some(Node::open(fixed.clone())?.start()?);
                say("started")?;
            }
            _ => say("unknown command")?,
        }
    }
    if let Some(domains) = domains {
        domains.stop();
    }
    ward.stop();
    clinics.running.stop();
    if let Some(node) = running {
        node.stop();
    }
    Ok(())
}

/// Those of goods, those of records, and that of bedside devices.
fn logs(domain: &str) -> Vec<LogSpec> {
    let followed = [LogName::SUPPLY].into_iter().chain(LOGS).chain([BEDSIDE]);
    let followed =
        followed.map(|name| LogSpec { name, held: Held::Followed, domain: Some(domain.to_owned()) });
    [LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None }].into_iter().chain(followed).collect()
}

/// The attribute authority.
struct Clinics {
    config: AuthorityConfig,
    running: RunningAuthority,
    /// File with the root of its TLS certificate (DER).
    root: std::path::PathBuf,
}

impl Clinics {
    fn open(
        node: &Running,
        address: &str,
        genesis: &Path,
        folder: &Path,
        office: &mut Office,
    ) -> Outcome<Self> {
        let config = AuthorityConfig {
            data: folder.join("authority"),
            listen: "127.0.0.1:0".parse()?,
            node: address.to_owned(),
            genesis: genesis.to_owned(),
            follow_seconds: 1,
            vocabulary: [("role", "what"), ("hospital", "where")].map(|(a, b)| (a.into(), b.into())).into(),
            tls: TlsConfig::default(),
        };
        let code =
            node.node().registrar().new_code(AUTHORITY, "clinics", Duration::from_mins(1))?.to_string();
        AttributeAuthority::init(&config, b"world", CHEAP, &code)?;
        let running = AttributeAuthority::open(config.clone(), b"world")?.start()?;
        let root = folder.join("authority-root.der");
        fs::write(&root, running.tls_root().ok_or("a root")?)?;
        let clinics = Self { config, running, root };
        // Nothing can be wrapped before its key is published.
        let (published, began) = (countersign_records::authority(&Clinics::identity()?), Instant::now());
        loop {
            office.snapshot.sync(&office.client, Duration::from_secs(5))?;
            if office.snapshot.history(LogName::TRUST, &published)?.is_some_and(|history| !history.is_empty())
            {
                return Ok(clinics);
            }
            if began.elapsed() > Duration::from_secs(30) {
                return Err("the authority publishes no key".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn identity() -> Outcome<Identity> {
        Ok(Identity::new("meds.example", AUTHORITY, "clinics")?)
    }

    fn address(&self) -> String {
        format!("https://localhost:{}", self.running.addr().port())
    }

    fn register(&self, member: &Identity, list: &str) -> Outcome {
        let attributes = list.split(';').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Register::open(&self.config)?.set(member, &attributes)?)
    }
}

/// A bedside gateway, with devices in software.
struct Ward {
    running: RunningGateway,
    began: Instant,
    stop: Arc<AtomicBool>,
    heard: Arc<Mutex<Option<Command>>>,
}

impl Ward {
    fn open(node: &Running, address: &str, genesis: &Path, folder: &Path) -> Outcome<Self> {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let nurse = RoleConfig {
            number: 2,
            diagnostic: names(&["read", "stream", "silence"]),
            treatment: names(&["read", "stream", "settings", "stop"]),
            auxiliary: names(&["read"]),
        };
        let config = GatewayConfig {
            data: folder.join("gateway"),
            listen: "127.0.0.1:0".parse()?,
            address: None,
            node: address.to_owned(),
            genesis: genesis.to_owned(),
            follow_seconds: 1,
            roles: [(NURSE.to_owned(), nurse)].into(),
        };
        let code = node.node().registrar().new_code(GATEWAY, "north", Duration::from_mins(1))?.to_string();
        BedsideGateway::init(&config, b"world", CHEAP, &code)?;
        let running = BedsideGateway::open(config, b"world")?.start()?;
        let (stop, heard) = (Arc::new(AtomicBool::new(false)), Arc::default());
        Ok(Self { running, began: Instant::now(), stop, heard })
    }

    fn operate(&self, request: &GatewayRequest) -> Outcome<serde_json::Value> {
        let reply = self.running.operate(request)?;
        self.running.look();
        Ok(serde_json::from_str(&reply).unwrap_or_default())
    }

    fn device(&self, class: &str, association: u32) -> Outcome<String> {
        let ops = ["read", "stream", "settings", "start", "stop", "silence"].map(str::to_owned).to_vec();
        let told = self.operate(&GatewayRequest::Device { class: class.to_owned(), ops, again: None })?;
        let sid = told["sid"].as_str().ok_or("a device")?.to_owned();
        self.operate(&GatewayRequest::Associate { sid: sid.clone(), association })?;
        let bench = told["record"].as_str().and_then(Bench::parse).ok_or("a bench record")?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(self.running.addr())?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let (mut device, began) = (SoftDevice::provision(&bench)?, self.began);
        let (stop, heard) = (Arc::clone(&self.stop), Arc::clone(&self.heard));
        std::thread::spawn(move || {
            let (mut buffer, mut set) = ([0; 1_500], None);
            while !stop.load(Ordering::Relaxed) {
                let at = Uptime(u64::try_from(began.elapsed().as_millis()).unwrap_or_default());
                // Lost, as datagrams are.
                let _ = socket.send(&device.here());
                let mut nonce = [0; 16];
                UnwrapErr(SysRng).fill_bytes(&mut nonce);
                match socket.recv(&mut buffer).map(|length| device.hear(&buffer[..length], at, nonce)) {
                    Ok(Ok(Response::Answer(bytes))) => drop(socket.send(&bytes)),
                    Ok(Ok(Response::Heard(Heard::Command(command)))) => {
                        set = Some(command).filter(|command| command.op == Ops::SETTINGS).or(set);
                        *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(command);
                    }
                    _ => {}
                }
                let value = Float::new(720, -1).unwrap_or(Float::NOT_A_NUMBER);
                let pulse = Reading { metric: 147_842, value, unit: 2_720, status: 0, tick: at.tick() };
                // What was set is measured as well.
                let rate =
                    set.map(|Command { metric, value, unit, .. }| Reading { metric, value, unit, ..pulse });
                for bytes in [Some(pulse), rate].iter().flatten().flat_map(|one| device.reading(one, at)) {
                    let _ = socket.send(&bytes);
                }
            }
        });
        Ok(sid)
    }

    fn badge(&self, member: &str) -> Outcome<String> {
        let told = self.operate(&GatewayRequest::Credential { member: member.to_owned(), hours: 8 })?;
        // What is asked for in its first seconds may be from before the gateway's start.
        std::thread::sleep(Duration::from_millis(5_200).saturating_sub(self.began.elapsed()));
        Ok(told["badge"].as_str().ok_or("a badge")?.to_owned())
    }

    fn heard(&self) -> Outcome<String> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            if let Some(command) = self.heard.lock().unwrap_or_else(PoisonError::into_inner).take() {
                let Value::Number { mantissa, exponent } = command.value.value() else {
                    return Err("a number".into());
                };
                let Command { op, unit, metric, .. } = command;
                return Ok(format!("{} {metric} {mantissa} {exponent} {unit}", op.bits()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok("nothing".to_owned())
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.running.stop();
    }
}

/// By which the results refer to their picture.
const PICTURE: &str = "urn:scan:results";

/// A summary with three sections.
const SUMMARY: &str = r#"{
  "resourceType": "Bundle", "type": "document", "timestamp": "2026-01-02T03:04:05Z", "entry": [
    { "fullUrl": "urn:uuid:c", "resource": { "resourceType": "Composition", "status": "final", "title": "Patient summary",
      "date": "2026-01-02", "subject": { "reference": "urn:uuid:p" }, "author": [{ "reference": "urn:uuid:d" }], "section": [
        { "title": "Problems", "code": { "coding": [{ "code": "11450-4" }] }, "entry": [{ "reference": "urn:uuid:1" }] },
        { "title": "Medication", "code": { "coding": [{ "code": "10160-0" }] }, "entry": [{ "reference": "urn:uuid:2" }] },
        { "title": "Results", "code": { "coding": [{ "code": "30954-2" }] }, "entry": [{ "reference": "urn:uuid:3" }] } ] } },
    { "fullUrl": "urn:uuid:p", "resource": { "resourceType": "Patient", "name": [{ "family": "Roe", "given": ["Jane"] }], "birthDate": "1970-01-01" } },
    { "fullUrl": "urn:uuid:d", "resource": { "resourceType": "Practitioner", "name": [{ "text": "Dr. Grace" }] } },
    { "fullUrl": "urn:uuid:1", "resource": { "resourceType": "Condition", "code": { "text": "Diabetes" } } },
    { "fullUrl": "urn:uuid:2", "resource": { "resourceType": "MedicationStatement", "medicationCodeableConcept": { "text": "Metformin" } } },
    { "fullUrl": "urn:uuid:3", "resource": { "resourceType": "Observation", "code": { "text": "Glucose" }, "valueQuantity": { "value": 7.10, "unit": "mmol/L" } } }
  ] }"#;

fn say(line: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// The wallet of a patient who follows the product, brought up to date.
fn examples(database: &Path, genesis: &Genesis, address: &str) -> Outcome {
    let mut snapshot = Snapshot::open(database, genesis)?;
    snapshot.follow(&Subject::new(CLASS)?)?;
    let client = Client::new(Https::new(address, genesis)?);
    while snapshot.sync_step(&client)? != Step::Done {}
    Ok(())
}

/// A frame of 1280 by 720 with a pack's label in its middle.
fn frame(path: &Path, serial: Option<&str>) -> Outcome {
    let (width, height) = (1280, 720);
    let mut pixels = vec![200_u8; width * height];
    if let Some(serial) = serial {
        let code = format!("(01)09506000134352(17)351130(10)L1(21){serial}");
        let message = Message::from_bracketed(&code, Partners::Required)?;
        let label = Label::new(&message, Carrier::DataMatrix)?.without_text();
        let label = label.picture(Scale::new(6).ok_or("a module size")?);
        let (left, top) = ((width - label.width()) / 2, (height - label.height()) / 2);
        for (row, line) in label.pixels().chunks(label.width()).enumerate() {
            pixels[(top + row) * width + left..][..label.width()].copy_from_slice(line);
        }
    }
    let mut file = format!("P5\n{width} {height}\n255\n").into_bytes();
    file.extend(pixels);
    Ok(fs::write(path, file)?)
}

/// One office with the keys of every role.
struct Office {
    snapshot: Snapshot,
    client: Client,
    keys: Arc<dyn KeyStore>,
}

impl Office {
    fn open(node: &Running, address: &str, folder: &Path) -> Outcome<Self> {
        let vault = Vault::create_at_cost(&folder.join("vault"), b"world", CHEAP)?;
        let genesis = node.node().genesis();
        let snapshot = Snapshot::open(&folder.join("office.db"), genesis)?;
        let client = Client::new(Https::new(address, genesis)?);
        let mut office = Self { snapshot, client, keys: Arc::new(vault) };
        for role in ROLES {
            let code = node.node().registrar().new_code(role, "first", Duration::from_mins(1))?;
            office.issuer().enrol(role, &code.to_string())?;
        }
        let code = node.node().registrar().new_code(DOCTOR, "grace", Duration::from_mins(1))?;
        office.issuer().enrol(DOCTOR, &code.to_string())?;
        Ok(office)
    }

    fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.client, Arc::clone(&self.keys)).consenting(Consent::ALL)
    }

    /// A document for a record, signed by Dr. Grace, in a file.
    fn document(
        &mut self,
        folder: &Path,
        (record, version): (&str, u64),
        holder: &str,
        image: Option<&Path>,
    ) -> Outcome<std::path::PathBuf> {
        let about = Subject::new(format!("urn:countersign:record:{record}"))?;
        let record = RecordId::of(&about).ok_or("no record")?;
        let mut bytes = Vec::new();
        for pair in holder.as_bytes().chunks(2) {
            bytes.push(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
        }
        let holder = PublicKey::from_sec1(&bytes)?;
        let (mut random, mut cti) = (UnwrapErr(SysRng), [0; 16]);
        random.fill_bytes(&mut cti);
        let mut images = Vec::new();
        if let Some(path) = image {
            images.push(Image::read(PICTURE, "image/png", &mut fs::File::open(path)?)?);
        }
        let glucose = r#""code": { "text": "Glucose" }"#;
        let named =
            format!(r#""derivedFrom": [{{ "contentType": "image/png", "url": "{PICTURE}" }}], {glucose}"#);
        let summary = if image.is_some() { SUMMARY.replace(glucose, &named) } else { SUMMARY.to_owned() };
        let unsigned = Unsigned::new(&mut Cut::new(summary.as_bytes())?, &images, &mut random);
        let draft = unsigned.draft(&record, version, &Rule::any(unsigned.count()), &holder)?;
        let certificate = self.issuer().certificate(DOCTOR)?;
        let signer = StoredKey::find(Arc::clone(&self.keys), DOCTOR)?;
        let statement = draft.sign(&certificate, &signer, now(), cti)?;
        let path = folder.join(format!("document-{record}-{version}"));
        fs::write(&path, unsigned.signed(statement, &certificate).to_bytes())?;
        Ok(path)
    }

    /// The certificate of a member, by its fingerprint.
    fn certificate_of(&mut self, member: &Subject) -> Outcome<Hash> {
        let history = self.issuer().history(LogName::SUPPLY, member)?;
        let enrolled = history.iter().rev().find_map(|entry| entry.standing()?.fields().bytes("certificate"));
        Ok(Hash::of(enrolled.ok_or("an enrolled member")?))
    }

    fn identity(&mut self, role: &str) -> Outcome<String> {
        Ok(self.issuer().certificate(role)?.identity().to_string())
    }

    fn to(&mut self, role: &str) -> Outcome<Fields> {
        Ok(Fields::new().with("to", self.identity(role)?.as_str()))
    }

    /// Records the next statement of a kind, as the rules have it.
    fn state(&mut self, role: &str, name: &str, about: &str, fields: Fields) -> Outcome {
        self.state_with(role, name, about, fields, None)
    }

    /// The same, with what the statement promises.
    fn state_with(
        &mut self,
        role: &str,
        name: &str,
        about: &str,
        fields: Fields,
        blob: Option<&[u8]>,
    ) -> Outcome {
        let (kind, about) = (Kind::new(format!("medicine.{name}"))?, Subject::new(about)?);
        let profile = self.snapshot.profile_of(&kind).ok_or("a profile")?.clone();
        let signer = self.issuer().certificate(role)?.identity().clone();
        let log = self.issuer().log_of(&kind)?;
        let history = self.issuer().history(log, &about)?;
        let mut others = Vec::new();
        let lot = match about.as_str().split_once("/21/") {
            Some((lot, _)) => lot,
            // What is in a unit comes from the first lot.
            None if about.as_str().contains("/00/") => &format!("{CLASS}/10/L1"),
            None => about.as_str(),
        };
        let class = about.as_str().get(..CLASS.len()).filter(|class| class.contains("/01/")).unwrap_or(CLASS);
        for other in [class, lot] {
            others.extend(self.issuer().history(LogName::SUPPLY, &Subject::new(other)?)?);
        }
        let draft = profile.draft(&kind, &about, &signer, fields, &history, &others).ok_or("a draft")?;
        self.issuer().record(role, &draft, blob, now())?;
        Ok(())
    }

    fn play(&mut self) -> Outcome {
        self.certify(CLASS)?;
        self.play_lot(CLASS, "L1", 'S')?;
        self.play_lot(CLASS, "L2", 'T')?;
        self.state("pharmacy", "dispense", &format!("{CLASS}/10/L1/21/S007"), Fields::new())?;
        let why = Fields::new().with("reason", "particles found");
        self.state("authority", "recall", &format!("{CLASS}/10/L2"), why)
    }

    fn certify(&mut self, class: &str) -> Outcome {
        let holder = self.identity("manufacturer")?;
        let fields = Fields::new()
            .with("class", "C-1")
            .with("product", "Example 5 mg")
            .with("holder", holder.as_str())
            .with("nbf", now().0 - DAY)
            .with("exp", EXPIRY + DAY);
        self.state("authority", "certificate", class, fields)
    }

    /// What was reported: the verdict, its reason, and the words.
    fn reports(&mut self) -> Outcome<Vec<String>> {
        while self.snapshot.sync_step(&self.client)? != Step::Done {}
        let read = self.issuer().read_reports("authority", 0, now())?;
        let told = read.into_iter().filter_map(|one| one.report).map(|report| {
            let (verdict, reason) = (word(report.scan.verdict), report.scan.reason.unwrap_or_default());
            format!("{verdict}, {reason}: {}", report.words)
        });
        Ok(told.collect())
    }

    fn products(&mut self, count: u32) -> Outcome<Vec<String>> {
        let classes: Vec<String> = (0..count).map(class).collect();
        for class in &classes {
            self.certify(class)?;
            self.play_lot(class, "L1", 'S')?;
        }
        Ok(classes)
    }

    fn play_lot(&mut self, class: &str, name: &str, letter: char) -> Outcome {
        let lot = &format!("{class}/10/{name}");
        let fields = self.to("supplier")?.with("materials", "active substance");
        self.state("manufacturer", "material-request", lot, fields)?;
        let fields = self.to("manufacturer")?.with("material", "MUI-1").with("produced", now().0 - 1000);
        self.state("supplier", "material", lot, fields)?;
        let fields = self.to("authority")?.with("material", "MUI-1").with("product", "Example 5 mg");
        self.state("manufacturer", "trial", lot, fields.with("trial", Hash::of(b"trial")))?;
        let fields = self.to("manufacturer")?.with("product", "Example 5 mg");
        self.state("authority", "approval", lot, fields)?;
        let serials = SerialSet::new((0..100).map(|i| format!("{letter}{i:03}")))?;
        let kind = Kind::new("medicine.commission")?;
        let fields =
            countersign_custody::Profile::medicine().commission_fields(&kind, &serials, UnixMillis(EXPIRY));
        let (fields, blob) = (fields.ok_or("a commission")?, Some(serials.filter_bytes()));
        self.state_with("manufacturer", "commission", lot, fields, blob)?;
        let fields = self.to("distributor")?.with("class", "C-1").with("expiry", EXPIRY);
        self.state("manufacturer", "distribution", lot, fields)?;
        let fields = self.to("manufacturer")?.with("expiry", EXPIRY).with("sold", 40);
        self.state("distributor", "sales-status", lot, fields)
    }
}

impl Office {
    /// The texts of the codes that the distributor shows.
    fn offer(&mut self, unit: &str) -> Outcome<Vec<String>> {
        let about = Subject::new(unit)?;
        if self.issuer().history(LogName::SUPPLY, &about)?.is_empty() {
            self.state("distributor", "pack", unit, packs()?.fields())?;
        }
        let mut courier = Courier::new(&mut self.snapshot, Arc::clone(&self.keys), "distributor")?;
        courier.load(&self.client, &about)?;
        let shown = courier.offer(&about, &OfferTo::default(), now())?;
        Ok(match qr::encode(&shown.message)? {
            Codes::One(text) => vec![text],
            Codes::Parts(parts) => {
                let needed = parts.needed();
                parts.take(needed).collect()
            }
        })
    }
}

/// What the distributor packs into each unit: packs S001 and S002 of the first lot.
fn packs() -> Outcome<Contents> {
    let links = [1, 2].map(|number| Subject::new(format!("{CLASS}/10/L1/21/S00{number}")));
    Ok(Contents::new(links.into_iter().collect::<Result<Vec<_>, _>>()?)?)
}

/// The class of a product by its number, under a GTIN with its check digit.
fn class(number: u32) -> String {
    let digits = format!("0950600{number:06}");
    let weighed = digits.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighed.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("https://id.gs1.org/01/{digits}{}", (10 - sum % 10) % 10)
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

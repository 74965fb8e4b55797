//! A region of hospitals in memory: a ledger that judges by the rules of records, a record store, an attribute authority, a
//! patient's phone and a doctor's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use countersign_abe::{Attribute, MasterKey, Policy};
use countersign_ledger::{Draft, Hash, Held, Identity, LogName, PublicKey, Statement, Subject, UnixMillis};
use countersign_records::rules::{AUTHORITY, DOCTOR, Head, INDEX, LOGS, Mode, REQUEST, SLOTS, STORE, Thread};
use countersign_records::{
    Ask, AuthorityKey, Cut, Delivered, Demand, Epoch, Image, KeyAsk, Parts, RecordId, Request as Vouched,
    Row, Rule, Submission, Taken, Ticket, Unsigned, Vouch, label, seal_ask, seal_key,
};
use countersign_wallet::{
    AttributeAuthority, Client, Clinician, Cost, KeyStore, Method, NewLine, RecordStore, Records, Request,
    Response, Snapshot, Vault,
};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use serde_json::json;

use crate::desk::{Fault, Line};
use crate::world::{DOMAIN, Scene, Wire, World, kind, refused};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
/// The name of the doctor's key.
pub const KEY: &str = "signing";
pub const CARDIOLOGIST: &str = "role: cardiologist and hospital: north";

pub fn random() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub fn identity(role: &str, name: &str) -> Identity {
    Identity::new(DOMAIN, role, name).unwrap()
}

/// What the store keeps.
#[derive(Default)]
pub struct Shelf {
    pub objects: HashMap<Hash, Vec<u8>>,
    rows: HashMap<Hash, Row>,
    /// Rows that a ticket brought and no index has named yet.
    waiting: HashSet<Hash>,
    announced: HashSet<Hash>,
    /// Objects that came without rows: what names them is still to come.
    loose: HashSet<Hash>,
    /// By the hash of the demand.
    running: HashMap<Hash, (LogName, Subject, Row)>,
    pub uploads: usize,
    /// What links lead to, by their names: whose record, the object, and the gate.
    pub links: HashMap<String, (RecordId, Hash, Vec<u8>)>,
}

impl Shelf {
    /// Removes what no current index names and no ticket brought for the next one.
    fn sweep(&mut self, world: &World) {
        let mut named: HashSet<Hash> = HashSet::new();
        for log in LOGS {
            let subjects: BTreeSet<_> =
                world.logs[&log].statements.iter().map(|one| one.subject().family().to_owned()).collect();
            for subject in subjects {
                let head = Head::from_state(&world.state_of(log, &kind(INDEX), &subject));
                named.extend(head.iter().flat_map(|head| &head.lines).map(|line| line.row));
            }
        }
        self.waiting.retain(|row| !named.contains(row));
        let waiting = &self.waiting;
        self.rows.retain(|hash, _| named.contains(hash) || waiting.contains(hash));
        let linked = self.links.values().map(|(_, object, _)| *object);
        let kept = self.rows.values().flat_map(Row::digests).chain(linked);
        let kept: HashSet<Hash> = kept.chain(self.loose.iter().copied()).collect();
        self.objects.retain(|digest, _| kept.contains(digest));
    }

    fn holds(&self, row: Hash) -> bool {
        self.rows.get(&row).is_some_and(|row| row.digests().all(|digest| self.objects.contains_key(&digest)))
    }
}

/// An authority's register.
pub struct Office {
    pub master: MasterKey,
    pub attributes: BTreeMap<String, Vec<&'static str>>,
    slots: [u64; 2],
    /// A lie: what is sealed in the next request in place of the ask.
    pub seals: Option<Vec<u8>>,
}

/// The region.
pub struct Clinic {
    pub scene: Scene,
    pub shelf: Arc<Mutex<Shelf>>,
    pub office: Arc<Mutex<Office>>,
    pub fault: Arc<Mutex<Option<(usize, Fault)>>>,
    pub client: Client,
    pub store: RecordStore,
    pub authority: AttributeAuthority,
    patient_keys: Arc<Vault>,
    doctor_keys: Arc<Vault>,
}

pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Clinic {
    pub fn new() -> Self {
        let mut world = World::new();
        for log in LOGS {
            assert_eq!(world.add_log(log.as_str(), Held::Followed), log);
        }
        for (role, who) in [(AUTHORITY, "clinics"), (STORE, "cloud"), (DOCTOR, "grace")] {
            world.enlist(role, who);
        }
        world.judges = true;
        let master = MasterKey::new(&[1; 32]);
        publish_key(&mut world, &master);
        let attributes =
            [("ada", vec!["role: cardiologist", "hospital: north"]), ("eve", vec!["role: porter"])];
        let attributes =
            attributes.into_iter().map(|(who, list)| (identity(DOCTOR, who).to_string(), list)).collect();
        let office = Arc::new(Mutex::new(Office { master, attributes, slots: [0; 2], seals: None }));
        let shelf: Arc<Mutex<Shelf>> = Arc::default();
        let (shelf_too, office_too) = (Arc::clone(&shelf), Arc::clone(&office));
        world.service = Some(Box::new(move |world, request| serve(world, &shelf_too, &office_too, request)));
        let scene = Scene::new(world);
        let fault: Arc<Mutex<Option<(usize, Fault)>>> = Arc::default();
        let line = || Line { wire: Wire(Arc::clone(&scene.world)), fault: Arc::clone(&fault) };
        let vault = |name: &str| {
            Arc::new(Vault::create_at_cost(&scene.directory.path().join(name), b"p", CHEAP).unwrap())
        };
        Self {
            client: Client::new(line()),
            store: RecordStore::new(line()),
            authority: AttributeAuthority::new(line()),
            patient_keys: vault("patient.vault"),
            doctor_keys: vault("doctor.vault"),
            shelf,
            office,
            fault,
            scene,
        }
    }

    pub fn now(&self) -> UnixMillis {
        self.scene.world().now
    }

    pub fn pass(&self, minutes: u64) {
        self.scene.world().now.0 += minutes * 60_000;
    }

    fn open(&self, name: &str) -> Snapshot {
        let path: PathBuf = self.scene.directory.path().join(name);
        Snapshot::open(&path, &self.scene.genesis).unwrap()
    }

    /// The patient's phone, as after a restart.
    pub fn patient(&self) -> Phone {
        Phone { snapshot: self.open("patient.db"), keys: Arc::clone(&self.patient_keys) as Arc<dyn KeyStore> }
    }

    /// The doctor's phone, as after a restart.
    pub fn doctor(&self) -> Phone {
        Phone { snapshot: self.open("doctor.db"), keys: Arc::clone(&self.doctor_keys) as Arc<dyn KeyStore> }
    }

    /// Somebody else's phone.
    pub fn phone(&self, name: &str) -> Phone {
        let path = self.scene.directory.path().join(format!("{name}.vault"));
        let vault = Vault::open(&path, b"p").or_else(|_| Vault::create_at_cost(&path, b"p", CHEAP)).unwrap();
        Phone { snapshot: self.open(&format!("{name}.db")), keys: Arc::new(vault) }
    }

    /// Signs a document for a record, as the doctor `who` of the hospital.
    pub fn sign(
        &self,
        who: &str,
        record: &RecordId,
        version: u64,
        holder: &PublicKey,
        text: &str,
    ) -> Vec<u8> {
        self.sign_with(who, record, version, holder, (text, &[]))
    }

    /// The same, of a document whose medication and results refer to these images.
    pub fn sign_with(
        &self,
        who: &str,
        record: &RecordId,
        version: u64,
        holder: &PublicKey,
        (text, images): (&str, &[Image]),
    ) -> Vec<u8> {
        let document = document(text, images);
        let mut cut = Cut::new(&document).unwrap();
        let unsigned = Unsigned::new(&mut cut, images, &mut random());
        let rule = Rule::any(unsigned.count());
        self.signed(who, record, version, holder, (unsigned, &rule))
    }

    /// Signs what is ready to be signed, under the author's rule.
    pub fn signed(
        &self,
        who: &str,
        record: &RecordId,
        version: u64,
        holder: &PublicKey,
        (unsigned, rule): (Unsigned, &Rule),
    ) -> Vec<u8> {
        let draft = unsigned.draft(record, version, rule, holder).unwrap();
        let mut world = self.scene.world();
        let statement = world.sign_draft(who, &draft);
        let certificate = world.members[who].certificate.clone();
        unsigned.signed(statement, &certificate).to_bytes().to_vec()
    }

    /// A record with a document, enrolled and taken, not yet published.
    pub fn begun(&self, phone: &mut Phone) -> RecordId {
        self.begun_with(phone, &[])
    }

    /// The same, of a document that refers to images.
    pub fn begun_with(&self, phone: &mut Phone, images: &[Image]) -> RecordId {
        let mut records = phone.records();
        let record = records.begin(&identity(STORE, "cloud"), &identity(AUTHORITY, "clinics")).unwrap();
        records.enrol(&self.client, &record, &format!("patient/{record}")).unwrap();
        let holder = records.holder(&record).unwrap();
        let signed = self.sign_with("grace", &record, 1, &holder, ("Metformin", images));
        phone.sync(self);
        phone.records().take(&record, &signed).unwrap();
        record
    }

    /// The same, published, with one line on the shared log.
    pub fn shared(&self, phone: &mut Phone, mode: Mode, titles: &[&str]) -> (RecordId, Hash) {
        let record = self.begun(phone);
        let label = Clinic::line(phone, &record, LOGS[1], mode, titles);
        self.proceed(phone, &record);
        (record, label)
    }

    /// A line for the cardiologists of the north, planned.
    pub fn line(phone: &mut Phone, record: &RecordId, log: LogName, mode: Mode, titles: &[&str]) -> Hash {
        let parts = phone.parts(record, titles);
        let line = NewLine { log, policy: CARDIOLOGIST.parse().unwrap(), mode, minutes: 60, parts };
        phone.records().add_line(record, &line).unwrap()
    }

    pub fn proceed(&self, phone: &mut Phone, record: &RecordId) {
        phone.records().proceed(&self.client, &self.store, record, self.now()).unwrap();
    }

    /// A doctor who has the link and a key, and is up to date.
    pub fn clinician(&self, phone: &mut Phone, who: &str, link: &str) -> RecordId {
        let enrolled =
            countersign_wallet::Issuer::new(&mut phone.snapshot, &self.client, Arc::clone(&phone.keys))
                .enrol(KEY, &format!("doctor/{who}"));
        enrolled.unwrap();
        phone.sync(self);
        let record = phone.clinician().add(link).unwrap();
        phone.sync(self);
        phone.clinician().fetch_key(&self.authority, self.now()).unwrap();
        record
    }

    /// Statements of a kind on a log.
    pub fn count(&self, log: LogName, of: &str) -> usize {
        let world = self.scene.world();
        world.logs[&log].statements.iter().filter(|one| one.kind().as_str() == of).count()
    }

    pub fn head(&self, log: LogName, record: &RecordId) -> Head {
        Self::head_in(&self.scene.world(), log, record)
    }

    pub fn head_in(world: &World, log: LogName, record: &RecordId) -> Head {
        Head::from_state(&world.state_of(log, &kind(INDEX), record.subject().as_str())).unwrap()
    }

    /// Signs a draft as a member and puts it into a log, whatever the rules say.
    pub fn force(&self, who: &str, log: LogName, draft: &Draft) -> Hash {
        let mut world = self.scene.world();
        let statement = world.sign_draft(who, draft);
        let id = statement.id();
        world.log_mut(log).append(statement);
        id
    }
}

/// Somebody's phone.
pub struct Phone {
    pub snapshot: Snapshot,
    pub keys: Arc<dyn KeyStore>,
}

impl Phone {
    pub fn records(&mut self) -> Records<'_> {
        Records::new(&mut self.snapshot, Arc::clone(&self.keys))
    }

    pub fn clinician(&mut self) -> Clinician<'_> {
        let authority = identity(AUTHORITY, "clinics");
        Clinician::new(&mut self.snapshot, Arc::clone(&self.keys), KEY, &authority).unwrap()
    }

    pub fn sync(&mut self, clinic: &Clinic) {
        self.snapshot.sync(&clinic.client, std::time::Duration::ZERO).unwrap();
    }

    /// The parts of the patient's document with these titles, and the header.
    pub fn parts(&mut self, record: &RecordId, titles: &[&str]) -> Parts {
        let opened = self.records().document(record).unwrap();
        let view = countersign_records::View::of(opened.parts());
        let of = view.sections.iter().filter(|section| titles.contains(&section.title.as_str()));
        let parts: Vec<u8> = [0].into_iter().chain(of.map(|section| section.part)).collect();
        assert_eq!(parts.len(), titles.len() + 1);
        Parts::of(parts)
    }
}

fn publish_key(world: &mut World, master: &MasterKey) {
    let key = AuthorityKey {
        suite: 1,
        key: master.public_key().as_bytes().to_vec(),
        epoch: Epoch::at(world.now).0.into(),
        vocabulary: Hash::default(),
    };
    let draft = key.draft(&identity(AUTHORITY, "clinics"), None);
    let statement = world.sign_draft("clinics", &draft);
    world.log_mut(LogName::TRUST).append(statement);
}

/// What the store and the authority answer.
fn serve(
    world: &mut World,
    shelf: &Mutex<Shelf>,
    office: &Mutex<Office>,
    request: &Request<'_>,
) -> Option<Response> {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let mut shelf = lock(shelf);
    shelf.sweep(world);
    let ok = |body| Response { status: 200, body, ..Response::default() };
    match (request.method, &parts[..]) {
        (Method::Post, ["store", "tickets"]) => Some(ok(shelf.take(world, request.body).to_bytes())),
        (Method::Head, ["store", "objects", hex]) => {
            let status = if shelf.objects.contains_key(&hex.parse().unwrap()) { 200 } else { 404 };
            Some(Response { status, received: Some(0), ..Response::default() })
        }
        (Method::Put, ["store", "objects", hex]) => {
            let digest = hex.parse().unwrap();
            if request.range.is_some() || Hash::of(request.body) != digest {
                return Some(Response { status: 202, received: Some(0), ..Response::default() });
            }
            assert!(shelf.announced.contains(&digest), "a store takes what was announced");
            shelf.uploads += 1;
            shelf.objects.insert(digest, request.body.to_vec());
            Some(Response { status: 204, ..Response::default() })
        }
        (method, ["store", "links", name]) => {
            let record = RecordId(request.token?.try_into().unwrap());
            if method == Method::Put {
                let mut d = minicbor::Decoder::new(request.body);
                let mut read = || {
                    d.array().ok()?;
                    Some((Hash::from_slice(d.bytes().ok()?)?, d.bytes().ok()?.to_vec()))
                };
                let Some((digest, gate)) = read() else { return Some(refused(400, "malformed")) };
                assert!(shelf.objects.contains_key(&digest), "a store gives out what it holds");
                let link = (record, digest, gate);
                shelf.links.entry((*name).to_owned()).or_insert(link);
                shelf.loose.remove(&digest);
            } else {
                assert_eq!(method, Method::Delete);
                if let Some((_, digest, _)) = shelf.links.remove(*name) {
                    shelf.loose.remove(&digest);
                }
            }
            Some(Response { status: 204, ..Response::default() })
        }
        (Method::Post, ["store", "deliveries"]) => Some(shelf.deliver(world, request.body)),
        (Method::Get, ["store", "objects", hex]) => {
            let proof = Hash::from_slice(request.token?)?;
            let (log, thread, row) = shelf.running.get(&proof)?;
            let state = world.state_of(*log, &kind(REQUEST), thread.as_str());
            if !Thread::from_state(&state)?.is_open(world.now) {
                return Some(refused(403, "token"));
            }
            let digest = row.digests().find(|digest| digest.to_string() == *hex)?;
            let object = shelf.objects.get(&digest);
            Some(object.map_or_else(|| refused(404, "not-found"), |object| ok(object.clone())))
        }
        (Method::Post, [log, "entries"]) => {
            let log = LogName::new(log).unwrap();
            let statement = Statement::parse(request.body).unwrap();
            let verified = world.trust.verify(statement).ok()?;
            let head = (verified.statement().kind().as_str() == INDEX).then(|| Head::of(&verified))??;
            let lacks = head.lines.iter().any(|line| !shelf.holds(line.row));
            (lacks && LOGS.contains(&log)).then(|| refused(409, "promise-not-held"))
        }
        (Method::Post, ["keys"]) => Some(ok(lock(office).issue(world, request.body))),
        (Method::Post, ["vouch"]) => Some(lock(office).vouch(world, request.body)),
        _ => None,
    }
}

impl Shelf {
    fn take(&mut self, world: &World, body: &[u8]) -> Taken {
        let submission = Submission::from_bytes(body).unwrap();
        let statement = world.trust.verify(Statement::parse(&submission.ticket).unwrap()).unwrap();
        let ticket = Ticket::read(&statement, &identity(STORE, "cloud"), world.now).unwrap();
        self.announced.extend(ticket.objects().iter().map(|object| object.digest));
        if submission.rows.is_empty() {
            self.loose.extend(ticket.objects().iter().map(|object| object.digest));
        }
        for row in submission.rows {
            assert!(ticket.rows().contains(&row.hash()));
            self.waiting.insert(row.hash());
            self.rows.insert(row.hash(), row);
        }
        let lacking = ticket.objects().iter().map(|object| object.digest);
        let lacking = lacking.filter(|digest| !self.objects.contains_key(digest)).collect();
        Taken { token: ticket.record().0.to_vec(), until: world.now, lacking }
    }

    fn deliver(&mut self, world: &mut World, body: &[u8]) -> Response {
        let demand = Demand::parse(body).unwrap();
        let of = |log: &LogName| world.logs[log].statements.iter().find(|one| one.id() == demand.request());
        let Some((log, request)) = LOGS.into_iter().find_map(|log| Some((log, of(&log)?.clone()))) else {
            return refused(404, "not-found");
        };
        let thread = request.subject().clone();
        let record = RecordId::of(&thread).unwrap();
        let verified = world.trust.verify(request).unwrap();
        let holder = PublicKey::from_sec1(verified.fields().bytes("holder").unwrap()).unwrap();
        let (store, now) = (identity(STORE, "cloud"), world.now);
        let asked = countersign_records::Asked { holder: &holder, store: &store, now, before: None };
        let Ok(demanded) = demand.verify(&asked) else { return refused(403, "signature") };
        let state = world.state_of(log, &kind(REQUEST), thread.as_str());
        let label = Thread::from_state(&state).unwrap().label;
        let head = world.state_of(log, &kind(INDEX), record.subject().as_str());
        let head = Head::from_state(&head).unwrap();
        let row = label.and_then(|label| head.line(label)).map(|line| line.row).unwrap_or_default();
        let prev = world.placed(log, thread.as_str()).last().unwrap().id();
        let draft = demanded.delivery(thread.clone(), row, prev);
        let delivery = sign(world, "cloud", &draft);
        let answer = world.submit(log, delivery.as_bytes());
        if answer.status != 303 {
            return answer;
        }
        let row = self.rows[&row].clone();
        self.running.insert(demanded.proof(), (log, thread, row.clone()));
        let (token, until) = (demanded.proof().0.to_vec(), UnixMillis(world.now.0 + 10 * 60_000));
        let delivered =
            Delivered { row, delivery: delivery.as_bytes().to_vec(), receipt: vec![], token, until };
        Response { status: 200, body: delivered.to_bytes(), ..Response::default() }
    }
}

impl Office {
    fn issue(&self, world: &World, body: &[u8]) -> Vec<u8> {
        let ask = KeyAsk::from_bytes(body).unwrap();
        let mut trust = world.trust.clone();
        trust.enrol(&ask.certificate).unwrap();
        let ask = trust.verify(Statement::parse(&ask.ask).unwrap()).unwrap();
        let own = identity(AUTHORITY, "clinics");
        let agree = KeyAsk::agree(&ask, &own).unwrap();
        let key = self.master.issue(&self.held(world, ask.signer().identity()), &[2; 32]).unwrap();
        seal_key(&key.to_bytes(), &own, &agree, &mut random()).unwrap()
    }

    #[expect(clippy::mutable_key_type, reason = "order and equality are of the text")]
    fn held(&self, world: &World, who: &Identity) -> BTreeSet<Attribute> {
        let listed =
            self.attributes.get(who.as_str()).into_iter().flatten().map(|text| text.parse().unwrap());
        let own = format!("member: {who}").parse().unwrap();
        listed.chain([own]).chain(Epoch::at(world.now).held().map(Epoch::attribute)).collect()
    }

    fn vouch(&mut self, world: &mut World, body: &[u8]) -> Response {
        let vouch = Vouch::from_bytes(body).unwrap();
        let mut trust = world.trust.clone();
        let certificate = trust.enrol(&vouch.certificate).unwrap();
        let signed = Statement::parse(&vouch.ask).unwrap();
        let verified = trust.verify(signed.clone()).unwrap();
        let ask = Ask::of(&verified).unwrap();
        let record = RecordId::of(signed.subject()).unwrap();
        let head = world.state_of(vouch.log, &kind(INDEX), record.subject().as_str());
        let Some(head) = Head::from_state(&head) else { return refused(404, "not-found") };
        let fits = vouch.policy.as_ref().is_none_or(|(salt, text)| {
            let policy: Policy = text.parse().unwrap();
            Some(label(&record, salt, &policy)) == ask.label
                && policy.is_satisfied_by(&self.held(world, certificate.identity()))
        });
        let mode = ask.label.and_then(|label| head.line(label)).map(|line| line.mode);
        let kind = usize::from(mode == Some(Mode::Emergency));
        let slot = self.slots[kind] + SLOTS * kind as u64;
        self.slots[kind] += 1;
        let thread = record.thread(&ask.holder);
        let sealed = seal_ask(&signed, &certificate, &head.agree, &thread, &mut random()).unwrap();
        let sealed = self.seals.take().unwrap_or(sealed);
        let request = Vouched { holder: &ask.holder, label: ask.label, fits, until: ask.until, slot };
        let signed = sign(world, "clinics", &request.draft(&record, &head, sealed));
        Response { status: 200, body: signed.as_bytes().to_vec(), ..Response::default() }
    }
}

/// Signs at the world's time, which stands still.
fn sign(world: &World, who: &str, draft: &Draft) -> Statement {
    let mut cti = [0; 16];
    getrandom::fill(&mut cti).unwrap();
    let member = &world.members[who];
    draft.sign(&member.certificate, &member.key, world.now, cti).unwrap()
}

/// A summary with three sections; `text` is in the second. The first image is of the medication, the second of the results.
pub fn document(text: &str, images: &[Image]) -> Vec<u8> {
    let attached = |at: usize| match images.get(at) {
        Some(image) => json!([{ "contentType": image.media_type, "url": image.locator }]),
        None => json!([]),
    };
    let resource = |kind: &str, id: &str, mut members: serde_json::Value| {
        members["resourceType"] = kind.into();
        members["id"] = id.into();
        json!({ "fullUrl": format!("urn:uuid:{id}"), "resource": members })
    };
    let to = |id: &str| json!({ "reference": format!("urn:uuid:{id}") });
    let section = |title: &str, code: &str, id: &str| json!({ "title": title, "code": { "coding": [{ "system": "http://loinc.org", "code": code }] }, "entry": [to(id)] });
    let sections = [
        section("Problems", "11450-4", "p"),
        section("Medication", "10160-0", "m"),
        section("Results", "30954-2", "r"),
    ];
    let entries = [
        resource(
            "Composition",
            "c",
            json!({ "status": "final", "title": "A summary", "date": "2026-01-02", "subject": to("pat"), "author": [to("dr")], "section": sections }),
        ),
        resource("Patient", "pat", json!({ "name": [{ "family": "Roe" }], "birthDate": "1970-01-01" })),
        resource("Practitioner", "dr", json!({ "name": [{ "text": "Dr. Grace" }] })),
        resource("Condition", "p", json!({ "code": { "text": "Diabetes" } })),
        resource(
            "MedicationStatement",
            "m",
            json!({ "medicationCodeableConcept": { "text": text }, "derivedFrom": attached(0) }),
        ),
        resource(
            "Observation",
            "r",
            json!({ "code": { "text": "Glucose" }, "valueQuantity": { "value": 7.10, "unit": "mmol/L" }, "derivedFrom": attached(1) }),
        ),
    ];
    serde_json::to_vec_pretty(&json!({ "resourceType": "Bundle", "type": "document", "timestamp": "2026-01-02T03:04:05Z", "entry": entries })).unwrap()
}

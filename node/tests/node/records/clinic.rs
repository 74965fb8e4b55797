//! A region with a record store, a record's owner, an authority that vouches, and doctors who ask.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_ledger::receipt::{Receipt, ReceiptKey};
use countersign_ledger::{
    Checkpoint, Draft, Fields, Hash, Held, Identity, Kind, LogName, LogSpec, Note, Signer as _, SoftwareKey,
    Statement, Subject, UnixMillis, Value,
};
use countersign_node::{Node, Outcome, RecordStoreConfig, Running};
use countersign_records::rules::{
    ANSWER, AUTHORITY, INDEX, IndexLine, Mode, OWNER, Outcome as Decided, REQUEST, STORE,
};
use countersign_records::{
    Announced, Delivered, FULL, RecordId, Row, SHARED, Submission, Taken, Ticket, Wanted,
};

use crate::world::{Answer, Client, Member, Site, accepted, enrol, fresh_key, random, submit};

pub const MINUTE: u64 = 60_000;
pub const AT_ONCE: Hash = Hash([0xa1; 32]);
pub const ASK: Hash = Hash([0xa2; 32]);

pub fn full() -> LogName {
    FULL.unwrap()
}

pub fn shared() -> LogName {
    SHARED.unwrap()
}

/// A site with the logs of records and a record store.
pub fn site() -> Site {
    let mut site = Site::new();
    let followed = |name| LogSpec { name, held: Held::Followed, domain: Some("meds.example".to_owned()) };
    let trust = LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None };
    site.config.logs = vec![trust, followed(LogName::SUPPLY), followed(full()), followed(shared())];
    site.config.record_store =
        Some(RecordStoreConfig { name: "cloud".to_owned(), record_bytes: 256 << 20, s3: None });
    site.config.limits.writes_per_second = 1_000_000;
    site.config.limits.write_burst = 1_000_000;
    site
}

/// The owner of a record, with what was published last.
pub struct Owner {
    pub member: Member,
    pub record: RecordId,
    /// Of each log, how many indexes there are and the latest.
    pub published: Vec<(LogName, u64, Hash)>,
    pub now: crate::world::TestClock,
}

/// A line's objects.
#[derive(Clone)]
pub struct Shared {
    pub objects: Vec<Vec<u8>>,
    pub row: Row,
}

impl Shared {
    /// A row of one document, one object of wraps, and so many parts of so many bytes.
    pub fn new(parts: usize, bytes: usize) -> Self {
        Self::of((0..parts).map(|_| noise(bytes)).collect())
    }

    pub fn of(parts: Vec<Vec<u8>>) -> Self {
        let (document, wraps) = (noise(1500), noise(1100));
        let digests = parts.iter().map(|part| Hash::of(part)).collect();
        let row = Row::new(Hash::of(&document), Hash::of(&wraps), digests, vec![]);
        Self { objects: [vec![document, wraps], parts].concat(), row }
    }

    /// The same bodies under other wraps.
    pub fn wrapped_anew(&self) -> Self {
        let mut again = self.clone();
        again.objects[1] = noise(1100);
        again.row.wraps = Hash::of(&again.objects[1]);
        again
    }

    pub fn wraps(&self) -> &[u8] {
        &self.objects[1]
    }
}

pub fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    noise
}

pub fn line(label: Hash, mode: Mode, row: &Row) -> IndexLine {
    IndexLine { label, mode, minutes: 60, row: row.hash() }
}

impl Owner {
    pub fn new(site: &Site, node: &Node) -> Self {
        let record = RecordId(random());
        let member = enrol(node, OWNER, &record.to_string());
        Self { member, record, published: vec![], now: site.clock.clone() }
    }

    fn sign(&self, draft: &Draft) -> Statement {
        draft.sign(&self.member.certificate, &self.member.key, self.now.now(), random()).unwrap()
    }

    pub fn ticket(&self, shared: &[&Shared]) -> Submission {
        let mut objects: Vec<_> = shared.iter().flat_map(|one| &one.objects).collect();
        objects.sort_unstable();
        objects.dedup();
        let objects: Vec<_> = objects.into_iter().map(|object| Announced::of(object).unwrap()).collect();
        let mut rows: Vec<_> = shared.iter().map(|one| one.row.clone()).collect();
        rows.sort_by_key(Row::hash);
        let hashes: Vec<_> = rows.iter().map(Row::hash).collect();
        let draft = Ticket::draft(&self.record, &store(), &objects, &hashes).unwrap();
        Submission { ticket: self.sign(&draft).as_bytes().to_vec(), rows }
    }

    /// The next index on a log.
    pub fn index(&self, log: LogName, version: u64, lines: &[IndexLine]) -> Statement {
        let last = self.published.iter().rev().find(|(known, ..)| *known == log);
        let (wrap, prev) = last.map_or((1, None), |(_, wrap, id)| (wrap + 1, Some(*id)));
        let mut fields = Fields::new()
            .with("wrap", wrap)
            .with("version", version)
            .with("document", Hash([u8::try_from(version).unwrap(); 32]))
            .with("store", store().as_str())
            .with("open", 1);
        fields.insert("agree", Value::Bytes(fresh_key().public_key().as_sec1().to_vec()));
        fields.insert("lines", Value::Bytes(IndexLine::write(lines)));
        let kind = Kind::new(INDEX).unwrap();
        let subject = self.record.subject();
        self.sign(&Draft { kind, subject, fields, prev, links: vec![], sealed: None })
    }

    /// Has an index ordered.
    pub fn publish(&mut self, node: &Node, log: LogName, version: u64, lines: &[IndexLine]) {
        let index = self.index(log, version, lines);
        accepted(node, log, &index);
        self.was_published(log, &index);
    }

    pub fn was_published(&mut self, log: LogName, index: &Statement) {
        let before =
            self.published.iter().rev().find(|(known, ..)| *known == log).map_or(0, |(_, wrap, _)| *wrap);
        self.published.push((log, before + 1, index.id()));
    }

    pub fn head(&self, log: LogName) -> Hash {
        self.published.iter().rev().find(|(known, ..)| *known == log).unwrap().2
    }

    /// Grants, denies or withdraws.
    pub fn answer(&self, ask: &Ask, decision: u64, prev: Hash) -> Statement {
        let mut fields = Fields::new().with("decision", decision);
        if decision == 1 {
            fields = fields.with("label", ASK).with("until", whole(self.now.now()) + 60 * MINUTE);
        }
        let (kind, subject) = (Kind::new(ANSWER).unwrap(), ask.thread());
        self.sign(&Draft { kind, subject, fields, prev: Some(prev), links: vec![], sealed: None })
    }
}

/// A moment as statements tell it, to the second.
fn whole(now: UnixMillis) -> u64 {
    now.seconds() * 1000
}

/// A doctor's request, with its holder key.
pub struct Ask {
    pub record: RecordId,
    pub log: LogName,
    pub holder: SoftwareKey,
    pub id: Hash,
}

impl Ask {
    pub fn thread(&self) -> Subject {
        self.record.thread(&self.holder.public_key())
    }
}

pub fn store() -> Identity {
    Identity::new("meds.example", STORE, "cloud").unwrap()
}

/// A node that listens, and a client of it.
pub struct Clinic {
    pub site: Site,
    pub running: Option<Running>,
    pub client: Client,
    pub authority: Member,
    pub slot: std::cell::Cell<u64>,
}

impl Clinic {
    pub fn new() -> Self {
        Self::of(site())
    }

    pub fn of(site: Site) -> Self {
        let running = site.open().start().unwrap();
        let client = Client::new(running.node().genesis(), running.addr());
        let authority = enrol(running.node(), AUTHORITY, "clinics");
        Self { site, running: Some(running), client, authority, slot: std::cell::Cell::new(0) }
    }

    pub fn node(&self) -> &Node {
        self.running.as_ref().unwrap().node()
    }

    pub fn now(&self) -> UnixMillis {
        self.site.clock.now()
    }

    /// Stops the node and starts it again.
    pub fn restart(&mut self) {
        self.running.take().unwrap().stop();
        self.start();
    }

    pub fn start(&mut self) {
        let running = self.site.open().start().unwrap();
        self.client = Client::new(running.node().genesis(), running.addr());
        self.running = Some(running);
    }

    /// A record with one line that opens at once and one that asks, on both logs.
    pub fn record(&self, shared_objects: &Shared) -> Owner {
        let mut owner = Owner::new(&self.site, self.node());
        self.upload(&owner, &[shared_objects]);
        let lines =
            [line(AT_ONCE, Mode::AtOnce, &shared_objects.row), line(ASK, Mode::Ask, &shared_objects.row)];
        owner.publish(self.node(), shared(), 1, &lines);
        owner.publish(self.node(), full(), 1, &lines);
        owner
    }

    pub fn take(&self, submission: &Submission) -> Answer {
        self.client.post("/store/tickets", &submission.to_bytes())
    }

    /// Uploads what a ticket announces and is not there yet.
    pub fn upload(&self, owner: &Owner, shared: &[&Shared]) -> Taken {
        let answer = self.take(&owner.ticket(shared));
        assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
        let taken = Taken::from_bytes(&answer.body).unwrap();
        for object in shared.iter().flat_map(|one| &one.objects) {
            if taken.lacking.contains(&Hash::of(object)) {
                assert_eq!(self.put(object, &taken.token).status, 204);
            }
        }
        taken
    }

    pub fn put(&self, object: &[u8], token: &[u8]) -> Answer {
        self.put_as(Hash::of(object), object, token, &[])
    }

    pub fn put_as(&self, digest: Hash, body: &[u8], token: &[u8], headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}/store/objects/{digest}", self.client.base);
        let mut request = self.client.http.put(url).header("authorization", bearer(token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.body(body.to_vec()).send().unwrap())
    }

    pub fn head(&self, digest: Hash, token: &[u8]) -> Answer {
        let url = format!("{}/store/objects/{digest}", self.client.base);
        Answer::of(self.client.http.head(url).header("authorization", bearer(token)).send().unwrap())
    }

    pub fn get(&self, digest: Hash, token: &[u8]) -> Answer {
        self.get_range(digest, token, None)
    }

    pub fn get_range(&self, digest: Hash, token: &[u8], range: Option<&str>) -> Answer {
        let url = format!("{}/store/objects/{digest}", self.client.base);
        let mut request = self.client.http.get(url).header("authorization", bearer(token));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        Answer::of(request.send().unwrap())
    }

    /// A request on the log of whole records, which nobody waits for.
    pub fn record_request(&self, owner: &Owner) -> Statement {
        self.vouch(owner, full(), AT_ONCE, 60, &fresh_key())
    }

    /// The authority vouches for a request, and it is ordered.
    pub fn ask(&self, owner: &Owner, log: LogName, label: Hash, minutes: u64) -> Ask {
        let holder = fresh_key();
        let request = self.vouch(owner, log, label, minutes, &holder);
        accepted(self.node(), log, &request);
        Ask { record: owner.record, log, holder, id: request.id() }
    }

    pub fn vouch(
        &self,
        owner: &Owner,
        log: LogName,
        label: Hash,
        minutes: u64,
        holder: &SoftwareKey,
    ) -> Statement {
        let outcome = if label == ASK { Decided::Waiting } else { Decided::Granted };
        let slot = self.slot.replace(self.slot.get() + 1);
        let mut fields = Fields::new()
            .with("fits", 1)
            .with("until", whole(self.now()) + minutes * MINUTE)
            .with("slot", slot % 64)
            .with("outcome", outcome.number())
            .with("label", label);
        fields.insert("holder", Value::Bytes(holder.public_key().as_sec1().to_vec()));
        let draft = Draft {
            kind: Kind::new(REQUEST).unwrap(),
            subject: owner.record.thread(&holder.public_key()),
            fields,
            prev: None,
            links: vec![owner.head(log)],
            sealed: Some(vec![7; 64]),
        };
        let Member { key, certificate } = &self.authority;
        draft.sign(certificate, key, self.now(), random()).unwrap()
    }

    /// What a holder demands now.
    pub fn wanted(&self, ask: &Ask) -> Wanted {
        let note = Note::parse(&self.node().checkpoint(ask.log)).unwrap();
        let seen = Checkpoint::parse(note.text()).unwrap();
        Wanted {
            request: ask.id,
            store: store(),
            nonce: random(),
            time: self.now(),
            seen_size: seen.size(),
            seen_root: seen.root(),
        }
    }

    pub fn demand(&self, ask: &Ask) -> Vec<u8> {
        self.wanted(ask).sign(&ask.holder).unwrap().as_bytes().to_vec()
    }

    pub fn deliver(&self, demand: &[u8]) -> Answer {
        self.client.post("/store/deliveries", demand)
    }

    /// Demands, and is delivered.
    pub fn delivered(&self, ask: &Ask) -> Delivered {
        read(&self.deliver(&self.demand(ask)))
    }

    /// The latest statement on a subject.
    pub fn latest(&self, log: LogName, subject: &Subject) -> Hash {
        let size = self.node().checkpoint(log).lines().nth(1).unwrap().to_owned();
        let subject = subject.as_str();
        let answer = self.client.get(&format!("/{log}/subjects/{size}?s={subject}"));
        let histories = crate::world::messages(&answer.body);
        let history = countersign_ledger::SubjectHistory::from_cbor(&histories[0]).unwrap();
        Hash::of(&history.entries.last().unwrap().statement)
    }

    /// Withdraws a grant.
    pub fn withdraw(&self, owner: &Owner, ask: &Ask) {
        let prev = self.latest(ask.log, &ask.thread());
        accepted(self.node(), ask.log, &owner.answer(ask, 3, prev));
    }

    /// Whether an object lies in the data directory.
    pub fn lies(&self, owner: &Owner, object: &[u8]) -> bool {
        file(&self.site, owner, object).exists()
    }

    pub fn objects(&self) -> usize {
        let folders = std::fs::read_dir(self.site.config.data.join("records")).unwrap();
        folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
    }
}

pub fn file(site: &Site, owner: &Owner, object: &[u8]) -> PathBuf {
    let digest = Hash::of(object);
    let folder = site.config.data.join("records").join(format!("{:02x}", digest.0[0]));
    folder.join(format!("{}-{digest}", owner.record))
}

pub fn bearer(token: &[u8]) -> String {
    format!("Bearer {}", URL_SAFE_NO_PAD.encode(token))
}

pub fn read(answer: &Answer) -> Delivered {
    assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
    Delivered::from_bytes(&answer.body).unwrap()
}

/// Status, title and sentence of a refusal.
pub fn refused(answer: &Answer) -> (u16, String, String) {
    let (status, title) = answer.problem();
    let mut d = minicbor::Decoder::new(&answer.body);
    d.map().unwrap();
    d.i8().unwrap();
    d.str().unwrap();
    d.i8().unwrap();
    (status, title, d.str().unwrap().to_owned())
}

/// Waits until something is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The outcome of a submission that is refused: its name and sentence.
pub fn refused_by_the_log(node: &Node, log: LogName, statement: &Statement) -> (&'static str, String) {
    match submit(node, log, statement) {
        Outcome::Refused(reason) => (reason.problem().as_str(), reason.to_string()),
        other => panic!("not refused: {other:?}"),
    }
}

/// The place of a delivery, as its receipt proves it: the root of a tree that the log has signed.
pub fn proven(clinic: &Clinic, log: LogName, delivered: &Delivered) -> u64 {
    let set = clinic.client.get(&format!("/{log}/.well-known/scitt-keys")).body;
    let mut d = minicbor::Decoder::new(&set);
    assert_eq!(d.array().unwrap(), Some(1));
    assert_eq!(d.map().unwrap(), Some(6));
    let mut point = vec![4];
    for label in [1, 2, 3, -1, -2, -3] {
        assert_eq!(d.i8().unwrap(), label);
        match label {
            -2 | -3 => point.extend_from_slice(d.bytes().unwrap()),
            _ => d.skip().unwrap(),
        }
    }
    let key = ReceiptKey::Es256(countersign_ledger::PublicKey::from_sec1(&point).unwrap());
    let receipt = Receipt::parse(&delivered.receipt).unwrap();
    let id = Statement::parse(&delivered.delivery).unwrap().id();
    receipt.verify(id, &key).unwrap();
    receipt.claimed().index
}

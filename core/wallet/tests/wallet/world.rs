//! A ledger in memory that answers like a node, and lies when told to. Members with real keys play the life of a lot.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use countersign_custody::{Profile, SerialSet, Synced};
use countersign_families::families;
use countersign_ledger::certificate::{self, Period};
use countersign_ledger::receipt::{self, Inclusion};
use countersign_ledger::{
    Base64, Certificate, Checkpoint, Context, Cosigner, Draft, Entry, Families, Family, Fields, Folded,
    Genesis, GenesisDomain, Hash, Held, HistoryEntry, Identity, Index, IndexKey, Kind, LogName, LogSpec,
    Note, NoteSigner, Problem, Signer as _, SoftwareKey, State, Statement, Subject, SubjectHistory,
    TILE_WIDTH, TilePath, Tree, TrustStore, UnixMillis, leaf_hash, write_bundle,
};
use countersign_wallet::{Client, Method, Request, Response, Snapshot, Transport, TransportError};

pub const DOMAIN: &str = "meds.example";
pub const NAME: &str = "ledger.meds.example";
pub const CLASS: &str = "https://id.gs1.org/01/09506000134352";
pub const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L1";
pub const PACK: &str = "https://id.gs1.org/01/09506000134352/10/L1/21/S007";

const DAY: u64 = 24 * 3600 * 1000;
/// 2026-11-01, when the stories begin.
pub const START: u64 = 20_758 * DAY;
/// The last moment of a day two years later.
pub const EXPIRY: UnixMillis = UnixMillis(START + 730 * DAY - 1);
/// Statements in the life of a lot, without its class's certificate.
pub const LIFE: [&str; 8] = [
    "material-request",
    "material",
    "trial",
    "approval",
    "commission",
    "distribution",
    "sales-status",
    "receipt",
];
const PERIOD: Period = Period { from: UnixMillis(START - 400 * DAY), until: UnixMillis(START + 4000 * DAY) };

pub fn subject(text: &str) -> Subject {
    Subject::new(text).unwrap()
}

pub fn kind(name: &str) -> Kind {
    Kind::new(name).unwrap()
}

/// A lie: changes what an honest node would answer to a path.
pub type Lie = Box<dyn FnMut(&str, Response) -> Result<Response, TransportError> + Send>;

pub struct Member {
    pub key: SoftwareKey,
    pub certificate: Certificate,
}

/// One log, with its index as of every size.
#[derive(Default, Clone)]
pub struct Ledger {
    pub statements: Vec<Statement>,
    pub tree: Tree,
    pub index: Index,
    indices: BTreeMap<u64, Index>,
    by_subject: HashMap<Subject, Vec<u64>>,
}

impl Ledger {
    pub fn append(&mut self, statement: Statement) -> u64 {
        let (subject, id) = (statement.subject().clone(), statement.id());
        let index = self.tree.push(leaf_hash(id.as_bytes()));
        self.index.record(IndexKey::new(subject.family(), subject.as_str()), id);
        self.indices.insert(index + 1, self.index.clone());
        self.by_subject.entry(subject).or_default().push(index);
        self.statements.push(statement);
        index
    }

    fn index_at(&self, size: u64) -> Index {
        self.indices.get(&size).cloned().unwrap_or_default()
    }

    /// A page of a subject's history as of `size`.
    pub fn history(
        &self,
        subject: &Subject,
        size: u64,
        skip: u64,
        certificates: &HashMap<Hash, Vec<u8>>,
    ) -> SubjectHistory {
        let all = self.by_subject.get(subject).into_iter().flatten().filter(|&&index| index < size);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let entries: Vec<HistoryEntry> = all
            .skip(skip)
            .take(PAGE)
            .map(|&index| HistoryEntry {
                index,
                statement: self.statements[usize::try_from(index).unwrap()].as_bytes().to_vec(),
                path: self.tree.inclusion(index, size).unwrap(),
            })
            .collect();
        let mut signers: Vec<Hash> =
            entries.iter().map(|entry| Statement::parse(&entry.statement).unwrap().certificate()).collect();
        signers.sort_unstable();
        signers.dedup();
        let certificates = signers.iter().filter_map(|signer| certificates.get(signer).cloned()).collect();
        let key = IndexKey::new(subject.family(), subject.as_str());
        SubjectHistory { index_proof: self.index_at(size).prove(&key), entries, certificates }
    }
}

/// Most statements in one answer.
pub const PAGE: usize = 256;

/// What else answers at the node's address: nothing if the request is not for it.
pub type Service = Box<dyn FnMut(&mut World, &Request<'_>) -> Option<Response> + Send>;

/// A ledger and its members.
pub struct World {
    pub service: Option<Service>,
    /// Whether what is handed in is judged by its family's rules.
    pub judges: bool,
    pub logs: BTreeMap<LogName, Ledger>,
    pub specs: Vec<LogSpec>,
    /// The rules that say which log takes a kind.
    pub families: Families,
    pub members: BTreeMap<&'static str, Member>,
    pub certificates: HashMap<Hash, Vec<u8>>,
    pub blobs: HashMap<Hash, Vec<u8>>,
    /// Most bytes that a blob may have.
    pub blob_bytes: u64,
    /// Lengths of the blobs that statements wait for, and what has come of them.
    pub announced: HashMap<Hash, (u64, Vec<u8>)>,
    /// Bytes of every upload that came through.
    pub uploads: Vec<usize>,
    pub requests: Vec<String>,
    pub lie: Option<Lie>,
    pub now: UnixMillis,
    /// What the phone's clock shows when an answer comes; `None`: the node tells no time to compare it with.
    pub phone: Option<UnixMillis>,
    /// How many of the three witnesses cosign; two must.
    pub cosigners: usize,
    /// The oldest size of the supply log that proofs are given for.
    pub oldest: u64,
    pub trust: TrustStore,
    profile: Profile,
    root: SoftwareKey,
    statements: u64,
}

fn key(name: &str) -> SoftwareKey {
    SoftwareKey::from_bytes(&Hash::of(name.as_bytes()).0).unwrap()
}

fn seed(name: &str) -> [u8; 32] {
    Hash::of(name.as_bytes()).0
}

fn log_keys(log: LogName) -> [NoteSigner; 2] {
    let origin = format!("{NAME}/{log}");
    [
        NoteSigner::p256(&origin, &seed(&origin)).unwrap(),
        NoteSigner::ed25519(&origin, &seed(&format!("{origin} ed"))).unwrap(),
    ]
}

fn witnesses() -> Vec<Cosigner> {
    (0..3).map(|i| Cosigner::new(&format!("witness-{i}"), &seed(&format!("witness {i}"))).unwrap()).collect()
}

/// Those of the profiles.
fn roles() -> Vec<String> {
    families().roles().into_iter().map(str::to_owned).collect()
}

impl World {
    pub fn new() -> Self {
        let root = key("root");
        let mut trust = TrustStore::new();
        trust.pin(DOMAIN, &certificate::root(DOMAIN, &root, PERIOD, [1; 16]).unwrap());
        let mut certificates = HashMap::new();
        let names = ["registrar", "authority", "supplier", "manufacturer", "distributor", "pharmacy"];
        let members = names.map(|role| {
            let key = key(role);
            let identity = Identity::new(DOMAIN, role, "first").unwrap();
            let certificate =
                certificate::issue(&identity, &key.public_key(), &root, PERIOD, [2; 16]).unwrap();
            trust.enrol(certificate.as_der()).unwrap();
            certificates.insert(certificate.fingerprint(), certificate.as_der().to_vec());
            (role, Member { key, certificate })
        });
        trust.appoint(members[0].1.certificate.as_der(), roles()).unwrap();
        Self {
            service: None,
            judges: false,
            logs: [LogName::TRUST, LogName::SUPPLY].map(|log| (log, Ledger::default())).into(),
            specs: vec![
                LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None },
                LogSpec { name: LogName::SUPPLY, held: Held::Followed, domain: Some(DOMAIN.into()) },
            ],
            families: families(),
            members: members.into_iter().collect(),
            certificates,
            blobs: HashMap::new(),
            blob_bytes: 1 << 20,
            announced: HashMap::new(),
            uploads: Vec::new(),
            requests: Vec::new(),
            lie: None,
            now: UnixMillis(START),
            phone: None,
            cosigners: 3,
            oldest: 0,
            trust,
            profile: Profile::medicine().clone(),
            root,
            statements: 0,
        }
    }

    /// One member more, by the name `who`.
    pub fn enlist(&mut self, role: &str, who: &'static str) {
        let (key, identity) = (key(who), Identity::new(DOMAIN, role, who).unwrap());
        let certificate =
            certificate::issue(&identity, &key.public_key(), &self.root, PERIOD, [2; 16]).unwrap();
        self.trust.enrol(certificate.as_der()).unwrap();
        self.certificates.insert(certificate.fingerprint(), certificate.as_der().to_vec());
        self.members.insert(who, Member { key, certificate });
    }

    /// A class with its certificate, and one lot played to its end, with serials S000 to S099.
    pub fn with_lot() -> Self {
        let mut world = Self::new();
        world.certify(CLASS);
        world.play_lot(LOT, 'S');
        world
    }

    pub fn shared(self) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(self))
    }

    pub fn genesis(&self) -> Genesis {
        let mut policy = String::new();
        for log in self.logs.keys() {
            for key in log_keys(*log) {
                policy += &format!("log {}\n", key.verifier_key());
            }
        }
        for witness in witnesses() {
            policy += &format!("witness {} {}\n", witness.verifier_key().name(), witness.verifier_key());
        }
        policy += "group witnesses 2 witness-0 witness-1 witness-2\nquorum witnesses\n";
        let root = certificate::root(DOMAIN, &self.root, PERIOD, [1; 16]).unwrap();
        let registrar = self.members["registrar"].certificate.as_der().to_vec();
        let domain = GenesisDomain {
            name: DOMAIN.into(),
            root: Base64(root),
            registrar: Base64(registrar),
            roles: roles(),
        };
        Genesis { name: NAME.into(), logs: self.specs.clone(), policy, domains: vec![domain], tls: vec![] }
    }

    /// One log more.
    pub fn add_log(&mut self, name: &str, held: Held) -> LogName {
        let name = LogName::new(name).unwrap();
        self.specs.push(LogSpec { name, held, domain: None });
        self.logs.insert(name, Ledger::default());
        name
    }

    pub fn log_mut(&mut self, log: LogName) -> &mut Ledger {
        self.logs.get_mut(&log).unwrap()
    }

    fn log_of(&self, kind: &Kind) -> LogName {
        self.families.logs(kind).first().copied().unwrap_or(LogName::TRUST)
    }

    /// Every statement on `subject` and what it belongs to, as custody's rules ask for it.
    pub fn placed(&self, log: LogName, subject: &str) -> Vec<Entry> {
        let ledger = &self.logs[&log];
        let places = ledger.by_subject.get(&self::subject(subject)).into_iter().flatten();
        let placed = places.map(|&index| {
            let statement = ledger.statements[usize::try_from(index).unwrap()].clone();
            self.trust.place(self.trust.verify(statement).unwrap(), log, index)
        });
        placed.collect()
    }

    /// Signs the next statement of a kind, as the rules have it.
    pub fn sign(&mut self, who: &str, name: &str, about: &str, fields: Fields) -> Statement {
        let kind = kind(name);
        let log = self.log_of(&kind);
        let history = self.placed(log, about);
        let lot = about.split("/21/").next().unwrap();
        let class = about.split("/10/").next().unwrap();
        let mut related = self.placed(LogName::SUPPLY, class);
        related.extend(self.placed(LogName::SUPPLY, lot));
        let signer = self.members[who].certificate.identity().clone();
        let draft = self
            .profile
            .draft(&kind, &subject(about), &signer, fields.clone(), &history, &related)
            .unwrap_or_else(|| Draft {
                prev: history.last().map(Entry::id),
                kind,
                subject: subject(about),
                fields,
                links: Vec::new(),
                sealed: None,
            });
        self.sign_draft(who, &draft)
    }

    pub fn sign_draft(&mut self, who: &str, draft: &Draft) -> Statement {
        self.statements += 1;
        self.now.0 += 60_000;
        let cti = u128::from(self.statements).to_be_bytes();
        let member = &self.members[who];
        draft.sign(&member.certificate, &member.key, self.now, cti).unwrap()
    }

    /// Signs the next statement of a kind and puts it into its log.
    pub fn state(&mut self, who: &str, name: &str, about: &str, fields: Fields) -> Hash {
        let statement = self.sign(who, name, about, fields);
        let (id, log) = (statement.id(), self.log_of(statement.kind()));
        self.log_mut(log).append(statement);
        id
    }

    pub fn identity(&self, who: &str) -> &str {
        self.members[who].certificate.identity().as_str()
    }

    pub fn certify(&mut self, class: &str) {
        let fields = Fields::new()
            .with("class", "C-1")
            .with("product", "Example 5 mg")
            .with("nbf", START - DAY)
            .with("exp", START + 1000 * DAY)
            .with("holder", self.identity("manufacturer"));
        self.state("authority", "medicine.certificate", class, fields);
    }

    /// Puts many statements on one subject, each following the one before, that no rule asks for.
    pub fn pile_up(&mut self, about: &str, count: usize) {
        self.pile_up_on(LogName::SUPPLY, about, count);
    }

    pub fn pile_up_on(&mut self, log: LogName, about: &str, count: usize) {
        for _ in 0..count {
            let ledger = &self.logs[&log];
            let key = subject(about);
            let prev = ledger.index.get(&IndexKey::new(key.family(), about)).map(|entry| entry.latest);
            let fields = Fields::new();
            let draft =
                Draft { prev, kind: kind("note.more"), subject: key, fields, links: vec![], sealed: None };
            let statement = self.sign_draft("authority", &draft);
            self.log_mut(log).append(statement);
        }
    }

    /// Plays a lot to its end, with a hundred serials that begin with `letter`.
    pub fn play_lot(&mut self, lot: &str, letter: char) {
        for step in LIFE {
            self.play(step, lot, letter);
        }
    }

    pub fn play(&mut self, step: &str, lot: &str, letter: char) {
        let to = |who| Fields::new().with("to", self.identity(who));
        let (who, fields) = match step {
            "material-request" => {
                ("manufacturer", to("supplier").with("materials", "active substance, 10 kg"))
            }
            "material" => {
                ("supplier", to("manufacturer").with("material", "MUI-1").with("produced", START - 9 * DAY))
            }
            "trial" => {
                let fields = to("authority").with("material", "MUI-1").with("product", "Example 5 mg");
                ("manufacturer", fields.with("trial", Hash::of(b"trial data")))
            }
            "approval" => ("authority", to("manufacturer").with("product", "Example 5 mg")),
            "commission" => {
                let serials = SerialSet::new((0..100).map(|i| format!("{letter}{i:03}"))).unwrap();
                self.blobs.insert(serials.filter_digest(), serials.filter_bytes().to_vec());
                let fields = self.profile.commission_fields(&kind("medicine.commission"), &serials, EXPIRY);
                ("manufacturer", fields.unwrap())
            }
            "distribution" => {
                ("manufacturer", to("distributor").with("class", "C-1").with("expiry", EXPIRY.0))
            }
            "sales-status" => ("distributor", to("manufacturer").with("expiry", EXPIRY.0).with("sold", 40)),
            _ => ("manufacturer", Fields::new()),
        };
        self.state(who, &format!("medicine.{step}"), lot, fields);
    }

    pub fn dispense(&mut self, pack: &str) {
        self.state("pharmacy", "medicine.dispense", pack, Fields::new());
    }

    pub fn recall(&mut self, about: &str) {
        self.state("authority", "medicine.recall", about, Fields::new().with("reason", "particles found"));
    }

    /// Revokes a member from an index of a log on, and in the others from now on.
    pub fn revoke(&mut self, who: &str, log: LogName, from: u64) {
        let certificate = self.members[who].certificate.clone();
        self.revoke_certificate(&certificate, log, from);
    }

    pub fn revoke_certificate(&mut self, certificate: &Certificate, log: LogName, from: u64) {
        let mut fields = Fields::new().with("certificate", certificate.fingerprint());
        for (other, ledger) in &self.logs {
            let from = if *other == log { from } else { ledger.tree.size() };
            fields = fields.with(&format!("from-{other}"), from);
        }
        let about = certificate.identity().as_str().to_owned();
        self.state("registrar", "revoke", &about, fields);
    }

    pub fn size(&self, log: LogName) -> u64 {
        self.logs[&log].tree.size()
    }

    /// What a log's checkpoint says.
    pub fn checkpoint(&self, log: LogName) -> Checkpoint {
        let ledger = &self.logs[&log];
        let origin = format!("{NAME}/{log}");
        Checkpoint::new(&origin, ledger.tree.size(), ledger.tree.root(), ledger.index.root()).unwrap()
    }

    pub fn note(&self, log: LogName) -> String {
        self.signed(log, &self.checkpoint(log))
    }

    /// Signs any checkpoint, as a log and witnesses would that had conspired.
    pub fn signed(&self, log: LogName, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.to_string();
        let mut note = Note::new(text.clone()).unwrap();
        for key in log_keys(log) {
            note.add(key.sign(&text)).unwrap();
        }
        for witness in witnesses().iter().take(self.cosigners) {
            note.add(witness.cosign(&text, self.now)).unwrap();
        }
        note.to_string()
    }

    fn answer(&mut self, request: &Request<'_>) -> Response {
        self.requests.push(request.path.clone());
        if let Some(mut service) = self.service.take() {
            let answer = service(self, request);
            self.service = Some(service);
            if let Some(answer) = answer {
                return answer;
            }
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').splitn(3, '/').collect();
        let mut about: Vec<(String, u64)> = Vec::new();
        for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
            match name {
                "s" => about.push((decoded(value), 0)),
                _ => about.last_mut().unwrap().1 = value.parse().unwrap(),
            }
        }
        let body = match (request.method, &parts[..]) {
            (Method::Get, ["certificate", hex]) => self.certificates.get(&hex.parse().unwrap()).cloned(),
            (Method::Get, ["blob", hex]) => self.blobs.get(&hex.parse().unwrap()).cloned(),
            (Method::Head, ["blob", hex]) => {
                let digest = hex.parse().unwrap();
                let received = self.announced.get(&digest).map_or(0, |(_, bytes)| bytes.len() as u64);
                let status = if self.blobs.contains_key(&digest) { 200 } else { 404 };
                return Response { status, received: Some(received), ..Response::default() };
            }
            (Method::Put, ["blob", hex]) => return self.upload(hex.parse().unwrap(), request),
            (Method::Get, ["limits"]) => {
                let mut bytes = Vec::new();
                let mut e = minicbor::Encoder::new(&mut bytes);
                e.map(2).unwrap().str("statement-bytes").unwrap().u64(65_536).unwrap();
                e.str("blob-bytes").unwrap().u64(self.blob_bytes).unwrap();
                Some(bytes)
            }
            (Method::Post, ["enrol"]) => self.enrol(request.body),
            (method, [log, rest @ ..]) => {
                let log = LogName::new(log).unwrap();
                return self.answer_log(method, log, rest, &about, request.body);
            }
            _ => None,
        };
        found(body)
    }

    fn answer_log(
        &mut self,
        method: Method,
        log: LogName,
        rest: &[&str],
        about: &[(String, u64)],
        body: &[u8],
    ) -> Response {
        let ledger = &self.logs[&log];
        let size = |text: &&str| text.parse::<u64>().unwrap();
        if let ["subjects" | "families" | "names", at] = rest
            && log == LogName::SUPPLY
            && size(at) < self.oldest
        {
            return Response { status: 410, ..Response::default() };
        }
        let encode_hashes =
            |hashes: Vec<Hash>| encode(hashes.len(), |e, i| e.bytes(hashes[i].as_bytes()).map(drop));
        let body = match (method, rest) {
            (Method::Get, ["checkpoint"]) => Some(self.note(log).into_bytes()),
            (Method::Get, ["consistency", sizes]) => {
                let (old, new) = sizes.split_once('/').unwrap();
                ledger.tree.consistency(size(&old), size(&new)).map(encode_hashes)
            }
            (Method::Get, ["tile", path]) => {
                let path: TilePath = format!("tile/{path}").parse().unwrap();
                let from = usize::try_from(path.index()).unwrap() * usize::from(TILE_WIDTH);
                let until = from + usize::from(path.width());
                let bodies = ledger.statements.get(from..until);
                bodies.map(|bodies| write_bundle(bodies.iter().map(Statement::as_bytes)).unwrap())
            }
            (Method::Get, ["subjects", at]) => {
                let (mut histories, mut room) = (Vec::new(), PAGE);
                for (about, skip) in about {
                    if room == 0 {
                        break;
                    }
                    let mut history = ledger.history(&subject(about), size(at), *skip, &self.certificates);
                    history.entries.truncate(room);
                    room -= history.entries.len();
                    histories.push(history.to_cbor());
                }
                Some(messages(&histories))
            }
            (Method::Get, ["families", at]) => {
                let index = ledger.index_at(size(at));
                let proofs = about.iter().map(|(about, _)| index.prove_family(Family::new(about)).to_cbor());
                Some(messages(&proofs.collect::<Vec<_>>()))
            }
            (Method::Get, ["names", at]) => {
                let (about, skip) = &about[0];
                let names: HashMap<Hash, &str> =
                    ledger.by_subject.keys().map(|s| (Hash::of(s.as_str().as_bytes()), s.as_str())).collect();
                let members = ledger.index_at(size(at)).family(Family::new(about));
                let skip = usize::try_from(*skip).unwrap();
                let page: Vec<&str> =
                    members.iter().skip(skip).take(512).map(|(hash, _)| names[hash]).collect();
                Some(encode(page.len(), |e, i| e.str(page[i]).map(drop)))
            }
            (Method::Get, ["entries", hex]) => self.receipt(log, hex.parse().unwrap()),
            (Method::Post, ["entries"]) => return self.submit(log, body),
            _ => None,
        };
        found(body)
    }

    /// A blob that a statement waits for, or the rest of it.
    fn upload(&mut self, digest: Hash, request: &Request<'_>) -> Response {
        let Some((length, received)) = self.announced.get_mut(&digest) else {
            return refused(403, "unnamed");
        };
        self.uploads.push(request.body.len());
        let (first, of) = request.range.unwrap_or((0, request.body.len() as u64));
        if first != 0 && first != received.len() as u64 {
            return Response { received: Some(received.len() as u64), ..refused(409, "offset") };
        }
        received.truncate(usize::try_from(first).unwrap());
        received.extend_from_slice(request.body);
        if (received.len() as u64) < *length {
            assert_eq!(of, *length);
            return Response { status: 202, received: Some(received.len() as u64), ..Response::default() };
        }
        if Hash::of(received) != digest {
            return refused(400, "malformed");
        }
        self.blobs.insert(digest, std::mem::take(received));
        Response { status: 204, ..Response::default() }
    }

    /// The state of a subject, as the rules of a kind fold it.
    pub fn state_of(&self, log: LogName, kind: &Kind, about: &str) -> State {
        let rules = self.families.of(kind).unwrap();
        let mut folded = Folded::<State>::default();
        for entry in self.placed(log, about) {
            folded.push(
                &entry,
                |before, one| rules.may_follow(before, one),
                |before, one| rules.fold(before, one),
            );
        }
        folded.standing
    }

    /// Judges a statement by the rules of its family.
    fn judge(&self, log: LogName, statement: &Statement) -> Result<(), Problem> {
        let (kind, about) = (statement.kind(), statement.subject());
        let verified = self.trust.verify(statement.clone()).map_err(Problem::from)?;
        let latest = self.logs[&log].index.get(&IndexKey::new(about.family(), about.as_str()));
        if verified.prev() != latest.map(|entry| entry.latest) {
            return Err(Problem::NotLatest);
        }
        let context = Context {
            log,
            domain: None,
            time: Some(self.now),
            subject: &self.state_of(log, kind, about.as_str()),
            head: &self.state_of(log, kind, about.family()),
            linked: &[],
            rival: None,
            elsewhere: &[],
            trust: &self.trust,
            checkpoints: None,
        };
        self.families.of(kind).unwrap().check(&verified, &context).map_err(|violation| violation.problem)
    }

    pub fn submit(&mut self, log: LogName, body: &[u8]) -> Response {
        let statement = Statement::parse(body).unwrap();
        let known = self.logs[&log].statements.iter().any(|known| known.id() == statement.id());
        if let Some(Err(problem)) = (self.judges && !known).then(|| self.judge(log, &statement)) {
            return refused(422, problem.as_str());
        }
        let promise = self.trust.verify(statement.clone()).ok().and_then(|verified| {
            let rules = self.families.of(statement.kind())?;
            rules.promise(&verified)?.blob()
        });
        if let Some(promise) = promise.filter(|promise| !self.blobs.contains_key(&promise.digest)) {
            self.announced.entry(promise.digest).or_insert((promise.length, Vec::new()));
            return refused(409, "promise-not-held");
        }
        let ledger = self.log_mut(log);
        let known = ledger.statements.iter().position(|known| known.id() == statement.id());
        let index = known.map_or_else(|| ledger.append(statement), |index| index as u64);
        let size = ledger.tree.size();
        let body = encode(2, |e, i| e.u64([index, size][i]).map(drop));
        Response { status: 303, body, ..Response::default() }
    }

    fn receipt(&self, log: LogName, id: Hash) -> Option<Vec<u8>> {
        let ledger = &self.logs[&log];
        let index = ledger.statements.iter().position(|known| known.id() == id)? as u64;
        let size = ledger.tree.size();
        let inclusion = Inclusion { size, index, path: ledger.tree.inclusion(index, size)? };
        let origin = format!("{NAME}/{log}");
        let key = SoftwareKey::from_bytes(&seed(&origin)).unwrap();
        let about = ledger.statements[usize::try_from(index).unwrap()].subject();
        Some(receipt::issue(&origin, about, id, &inclusion, self.now, &key).unwrap())
    }

    /// The code is the role, with a name if there are several.
    fn enrol(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let mut d = minicbor::Decoder::new(body);
        d.array().unwrap();
        let role = d.str().unwrap().to_owned();
        let key = certificate::requested_key(d.bytes().unwrap()).ok()?;
        let (role, name) = role.split_once('/').unwrap_or((&role, "second"));
        let identity = Identity::new(DOMAIN, role, name).unwrap();
        let certificate = certificate::issue(&identity, &key, &self.root, PERIOD, [3; 16]).unwrap();
        self.trust.enrol(certificate.as_der()).unwrap();
        self.certificates.insert(certificate.fingerprint(), certificate.as_der().to_vec());
        Some(certificate.as_der().to_vec())
    }
}

/// A problem document.
pub fn refused(status: u16, title: &str) -> Response {
    let mut body = Vec::new();
    minicbor::Encoder::new(&mut body).map(1).unwrap().i8(-1).unwrap().str(title).unwrap();
    Response { status, body, ..Response::default() }
}

fn found(body: Option<Vec<u8>>) -> Response {
    match body {
        Some(body) => Response { status: 200, body, ..Response::default() },
        None => Response { status: 404, ..Response::default() },
    }
}

type Encoder<'a> = minicbor::Encoder<&'a mut Vec<u8>>;

pub fn encode(
    count: usize,
    mut item: impl FnMut(&mut Encoder<'_>, usize) -> Result<(), minicbor::encode::Error<std::convert::Infallible>>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut e = minicbor::Encoder::new(&mut bytes);
    e.array(count as u64).unwrap();
    (0..count).for_each(|i| item(&mut e, i).unwrap());
    bytes
}

/// The messages in one answer.
pub fn messages(messages: &[Vec<u8>]) -> Vec<u8> {
    encode(messages.len(), |e, i| e.bytes(&messages[i]).map(drop))
}

/// The messages of an answer, one by one.
pub fn one_by_one(answer: &[u8]) -> Vec<Vec<u8>> {
    let mut d = minicbor::Decoder::new(answer);
    (0..d.array().unwrap().unwrap()).map(|_| d.bytes().unwrap().to_vec()).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
            decoded.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).unwrap()
}

/// The way to a world: the second transport there is.
pub struct Wire(pub Arc<Mutex<World>>);

impl Transport for Wire {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let mut world = lock(&self.0);
        let response = world.answer(request);
        let response = match world.lie.take() {
            Some(mut lie) => {
                let changed = lie(&request.path, response);
                world.lie = Some(lie);
                changed?
            }
            None => response,
        };
        if response.body.len() > request.limit { Err(TransportError::TooLarge) } else { Ok(response) }
    }

    fn clocks(&self) -> Option<Synced> {
        let world = lock(&self.0);
        Some(Synced { phone: world.phone?, node: world.now })
    }
}

pub fn lock(world: &Arc<Mutex<World>>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub fn client(world: &Arc<Mutex<World>>) -> Client {
    Client::new(Wire(Arc::clone(world)))
}

/// A world with one lot, and a wallet in a new directory.
pub struct Scene {
    pub world: Arc<Mutex<World>>,
    pub client: Client,
    pub directory: tempfile::TempDir,
    pub genesis: Genesis,
}

impl Scene {
    pub fn new(world: World) -> Self {
        let genesis = world.genesis();
        let world = world.shared();
        Self { client: client(&world), world, directory: tempfile::tempdir().unwrap(), genesis }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("wallet.db")
    }

    pub fn open(&self) -> Snapshot {
        Snapshot::open(&self.path(), &self.genesis).unwrap()
    }

    /// A wallet that follows the class and is up to date.
    pub fn synced(&self) -> Snapshot {
        let mut snapshot = self.open();
        snapshot.follow(&subject(CLASS)).unwrap();
        self.sync(&mut snapshot);
        snapshot
    }

    pub fn sync(&self, snapshot: &mut Snapshot) {
        snapshot.sync(&self.client, std::time::Duration::ZERO).unwrap();
    }

    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.world().now.0 + 3600 * 1000)
    }
}

/// What a pack's label says.
pub fn item(lot: &str, serial: &str) -> countersign_custody::Item {
    let class = lot.split("/10/").next().unwrap();
    countersign_custody::Item {
        class: subject(class),
        lot: Some(subject(lot)),
        pack: Some(subject(&format!("{lot}/21/{serial}"))),
        serial: Some(serial.to_owned()),
        expires_at: Some(EXPIRY),
        readings: Vec::new(),
    }
}

//! A trust domain with every role, and the life of a lot played in it.

use std::collections::BTreeMap;

use countersign_custody::{
    AsOf, Dossier, Facts, Fault, History, Item, LotFacts, Past, Profile, SerialSet, SubjectState, Voids,
};
use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Draft, Entry, Fields, Hash, Identity, IndexEntry, Kind, LogName, Placed, SoftwareKey,
    Subject, TrustStore, UnixMillis, Value,
};

pub const DOMAIN: &str = "meds.example";
pub const OTHER_DOMAIN: &str = "other.example";
pub const CLASS: &str = "https://id.gs1.org/01/09506000134352";
pub const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L1";
pub const OTHER_LOT: &str = "https://id.gs1.org/01/09506000134352/10/L2";
pub const SERIAL: &str = "S007";

pub const HOUR: u64 = 3600 * 1000;
pub const DAY: u64 = 24 * HOUR;
/// 2026-11-01, when the stories begin.
pub const START: u64 = 20_758 * DAY;
/// The last moment of a day two years later.
pub const EXPIRY: u64 = START + 730 * DAY - 1;
/// When the snapshot of a dossier was cosigned.
pub const AS_OF: UnixMillis = UnixMillis(START + 20 * DAY);
/// A moment after it.
pub const NOW: UnixMillis = UnixMillis(START + 20 * DAY + HOUR);

/// The life of a lot, in order.
pub const LIFE: [&str; 9] = [
    "certificate",
    "material-request",
    "material",
    "trial",
    "approval",
    "commission",
    "distribution",
    "sales-status",
    "receipt",
];

struct Member {
    key: SoftwareKey,
    certificate: Certificate,
}

/// A statement that can still be changed.
#[derive(Clone)]
pub struct Spec {
    pub who: &'static str,
    pub draft: Draft,
    pub at: u64,
}

impl Spec {
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.draft.fields.insert(name, value.into());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        let kept = self.draft.fields.iter().filter(|(field, _)| *field != name);
        self.draft.fields =
            kept.fold(Fields::new(), |fields, (name, value)| fields.with(name, value.clone()));
        self
    }

    pub fn by(mut self, who: &'static str) -> Self {
        self.who = who;
        self
    }

    pub fn on(mut self, subject: &str) -> Self {
        self.draft.subject = Subject::new(subject).unwrap();
        self
    }
}

/// The members of two trust domains and what they have stated.
pub struct Play {
    pub profile: Profile,
    pub histories: BTreeMap<(LogName, String), Vec<Entry>>,
    pub serials: SerialSet,
    trust: TrustStore,
    members: BTreeMap<&'static str, Member>,
    count: u64,
}

pub fn hash(text: &str) -> Hash {
    Hash::of(text.as_bytes())
}

pub fn identity(who: &str) -> Identity {
    let (domain, who) = match who.strip_prefix("foreign ") {
        Some(who) => (OTHER_DOMAIN, who),
        None => (DOMAIN, who),
    };
    let (role, name) = who.split_once(' ').unwrap_or((who, "first"));
    Identity::new(domain, role, name).unwrap()
}

fn period() -> Period {
    Period { from: UnixMillis(START - 400 * DAY), until: UnixMillis(START + 4000 * DAY) }
}

impl Play {
    pub fn new() -> Self {
        let mut trust = TrustStore::new();
        let period = period();
        let roots = [DOMAIN, OTHER_DOMAIN].map(|domain| {
            let root = SoftwareKey::from_bytes(&hash(domain).0).unwrap();
            trust.pin(domain, &certificate::root(domain, &root, period, [1; 16]).unwrap());
            root
        });
        let names = [
            "registrar",
            "authority",
            "supplier",
            "supplier second",
            "manufacturer",
            "manufacturer second",
            "distributor",
            "distributor second",
            "pharmacy",
            "pharmacy second",
            "foreign authority",
            "foreign supplier",
            "foreign manufacturer",
        ];
        let members = names.map(|who| {
            let key = SoftwareKey::from_bytes(&hash(who).0).unwrap();
            let root = &roots[usize::from(who.starts_with("foreign"))];
            let public = countersign_ledger::Signer::public_key(&key);
            let certificate = certificate::issue(&identity(who), &public, root, period, [2; 16]).unwrap();
            trust.enrol(certificate.as_der()).unwrap();
            (who, Member { key, certificate })
        });
        trust.appoint(members[0].1.certificate.as_der(), []).unwrap();
        Self {
            profile: Profile::medicine().clone(),
            histories: BTreeMap::new(),
            serials: SerialSet::new((0..100).map(|i| format!("S{i:03}"))).unwrap(),
            trust,
            members: members.into_iter().collect(),
            count: 0,
        }
    }

    /// The registrar revokes a member's certificate: in the supply log and the trust log it is not valid from `from`
    /// on. All statements are placed anew.
    pub fn revoke(&mut self, who: &str, from: u64) {
        let member = &self.members[who];
        let draft = Draft {
            kind: Kind::new("revoke").unwrap(),
            subject: Subject::new(identity(who).as_str()).unwrap(),
            fields: Fields::new()
                .with("certificate", member.certificate.fingerprint())
                .with("from-supply", from)
                .with("from-trust", from),
            prev: None,
            links: Vec::new(),
            sealed: None,
        };
        let registrar = &self.members["registrar"];
        self.count += 1;
        let cti = u128::from(self.count).to_be_bytes();
        let at = UnixMillis(START + self.count * HOUR);
        let statement = draft.sign(&registrar.certificate, &registrar.key, at, cti).unwrap();
        let verified = self.trust.verify(statement).unwrap();
        let placed = self.trust.place(verified, LogName::TRUST, self.count).into_standing().unwrap();
        self.trust.apply(&placed).unwrap();
        for ((log, _), history) in &mut self.histories {
            for entry in history {
                *entry = self.trust.place(entry.verified().clone(), *log, entry.index());
            }
        }
    }

    /// A member whose certificate was revoked gets another one, for another key.
    pub fn renew(&mut self, who: &'static str) {
        let (period, root) = (period(), SoftwareKey::from_bytes(&hash(DOMAIN).0).unwrap());
        let key = SoftwareKey::from_bytes(&hash(&format!("{who}, renewed")).0).unwrap();
        let public = countersign_ledger::Signer::public_key(&key);
        let certificate = certificate::issue(&identity(who), &public, &root, period, [3; 16]).unwrap();
        self.trust.enrol(certificate.as_der()).unwrap();
        self.members.insert(who, Member { key, certificate });
    }

    /// A lot whose life was played up to and including a step.
    pub fn until(last: &str) -> Self {
        let mut play = Self::new();
        for kind in LIFE {
            play.admit(kind);
            if kind == last {
                return play;
            }
        }
        panic!("{last} is no step of a lot's life");
    }

    /// A lot whose life was played to its end.
    pub fn whole() -> Self {
        Self::until("receipt")
    }

    /// Another lot of the class, with serials of its own, up to its distribution.
    pub fn second_lot(&mut self) {
        self.serials = SerialSet::new((0..100).map(|i| format!("T{i:03}"))).unwrap();
        for kind in &LIFE[1..7] {
            let spec = self.spec_on(kind, OTHER_LOT);
            self.take(&spec).unwrap();
        }
        self.serials = SerialSet::new((0..100).map(|i| format!("S{i:03}"))).unwrap();
    }

    pub fn history(&self, log: LogName, subject: &str) -> &[Entry] {
        self.histories.get(&(log, subject.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The latest statement of a kind, on whatever subject.
    pub fn latest(&self, kind: &str) -> &Placed {
        let kind = format!("medicine.{kind}");
        let all = self.histories.values().flatten().filter_map(Entry::standing);
        let all = all.filter(|one| one.statement().kind().as_str() == kind);
        all.max_by_key(|one| one.index()).unwrap()
    }

    /// The statement that an honest member would make next.
    pub fn spec(&self, kind: &str) -> Spec {
        match kind {
            "certificate" => self.spec_on(kind, CLASS),
            "dispense" | "undo-dispense" => self.spec_on(kind, &format!("{LOT}/21/{SERIAL}")),
            _ => self.spec_on(kind, LOT),
        }
    }

    pub fn spec_on(&self, kind: &str, subject: &str) -> Spec {
        let who = |who: &str| identity(who).as_str().to_owned();
        let (lot, filter) = (&self.serials, self.serials.filter_bytes());
        let f = Fields::new;
        let (signer, fields, links): (_, _, &[&str]) = match kind {
            "certificate" => {
                let period = f().with("nbf", START - DAY).with("exp", START + 1000 * DAY);
                let fields = period.with("class", "C-1").with("product", "Example 5 mg");
                ("authority", fields.with("holder", who("manufacturer").as_str()), &[])
            }
            "material-request" => {
                let fields = f().with("to", who("supplier").as_str());
                ("manufacturer", fields.with("materials", "active substance, 10 kg"), &[])
            }
            "material" => {
                let fields = f().with("to", who("manufacturer").as_str()).with("material", "MUI-1");
                ("supplier", fields.with("produced", START - 9 * DAY), &[])
            }
            "trial" => {
                let fields = f().with("to", who("authority").as_str()).with("material", "MUI-1");
                (
                    "manufacturer",
                    fields.with("product", "Example 5 mg").with("trial", hash("trial data")),
                    &[],
                )
            }
            "approval" => {
                let fields = f().with("to", who("manufacturer").as_str()).with("product", "Example 5 mg");
                ("authority", fields, &["certificate"])
            }
            "commission" => {
                let set = f().with("count", lot.count()).with("serials", lot.root());
                let set = set.with("filter", lot.filter_digest()).with("filter-length", filter.len() as u64);
                ("manufacturer", set.with("expiry", EXPIRY), &["approval"])
            }
            "distribution" => {
                let fields = f().with("to", who("distributor").as_str()).with("class", "C-1");
                ("manufacturer", fields.with("expiry", EXPIRY), &["certificate", "commission"])
            }
            "sales-status" => {
                let fields = f().with("to", who("manufacturer").as_str()).with("expiry", EXPIRY);
                ("distributor", fields.with("sold", 40), &[])
            }
            "receipt" => ("manufacturer", f(), &[]),
            "dispense" => ("pharmacy", f(), &["commission"]),
            "undo-dispense" => ("pharmacy", f(), &[]),
            "recall" | "suspend" => ("authority", f().with("reason", "particles found"), &[]),
            "lift" => ("authority", f(), &["suspend"]),
            other => panic!("no story has {other}"),
        };
        let kind = Kind::new(format!("medicine.{kind}")).unwrap();
        let step = self.profile.step(&kind).unwrap();
        let history = self.history(step.log, subject);
        let mut spec = Spec {
            who: signer,
            at: START + self.count * HOUR,
            draft: Draft {
                subject: Subject::new(subject).unwrap(),
                fields,
                prev: history.last().map(Entry::id),
                links: links.iter().map(|kind| self.link(kind, subject)).collect(),
                sealed: None,
                kind,
            },
        };
        if let (Some(field), Some((_, value))) =
            (step.chain_field(), self.profile.state_after(history).chain_head())
        {
            spec = spec.with(field, value);
        }
        spec
    }

    /// The statement of a kind that one on `subject` links: on the subject itself, its lot or its class.
    fn link(&self, kind: &str, subject: &str) -> Hash {
        let kind = format!("medicine.{kind}");
        let related = |at: &str| subject == at || subject.starts_with(&format!("{at}/"));
        let all = self.histories.iter().filter(|((_, at), _)| related(at)).flat_map(|(_, history)| history);
        all.filter(|one| one.verified().statement().kind().as_str() == kind)
            .max_by_key(|one| one.index())
            .unwrap()
            .id()
    }

    /// Signs a statement without checking whether it fits.
    pub fn sign(&mut self, spec: &Spec) -> Entry {
        let member = &self.members[spec.who];
        self.count += 1;
        let cti = u128::from(self.count).to_be_bytes();
        let statement = spec.draft.sign(&member.certificate, &member.key, UnixMillis(spec.at), cti).unwrap();
        let verified = self.trust.verify(statement).unwrap();
        let log = self.profile.step(&spec.draft.kind).map_or(LogName::SUPPLY, |step| step.log);
        self.trust.place(verified, log, self.count)
    }

    /// The engine's result for a statement.
    pub fn check(&mut self, spec: &Spec) -> Result<(), Box<Fault>> {
        let statement = self.sign(spec);
        self.judge(&statement, self.log(&statement))
    }

    pub fn judge(&self, statement: &Entry, log: LogName) -> Result<(), Box<Fault>> {
        let subject = statement.verified().statement().subject();
        let state = self.profile.state_after(self.history(log, subject.as_str()));
        self.judge_after(&state, statement, log)
    }

    pub fn judge_after(
        &self,
        subject: &SubjectState,
        statement: &Entry,
        log: LogName,
    ) -> Result<(), Box<Fault>> {
        let linked = self.histories.values().flatten().map(|entry| (entry.id(), entry)).collect();
        let about = statement.verified().statement().subject();
        let prev = self.history(log, about.as_str()).last().map(Entry::id);
        let (domain, voids) = (Some(DOMAIN), Voids::PassedOver);
        let past = Past { log, domain, subject, prev, linked: &linked, rival: None, voids };
        self.profile.check(statement.verified(), &past)
    }

    /// Records a statement that fits.
    pub fn take(&mut self, spec: &Spec) -> Result<(), Box<Fault>> {
        let statement = self.sign(spec);
        self.judge(&statement, self.log(&statement))?;
        self.push(statement);
        Ok(())
    }

    /// Records the statement that an honest member would make next.
    pub fn admit(&mut self, kind: &str) {
        let spec = self.spec(kind);
        self.take(&spec).unwrap_or_else(|fault| panic!("{fault}"));
    }

    pub fn admit_all(&mut self, kinds: &[&str]) {
        for kind in kinds {
            self.admit(kind);
        }
    }

    /// Records a statement as a log would that does not check.
    pub fn force(&mut self, spec: &Spec) {
        let statement = self.sign(spec);
        self.push(statement);
    }

    pub fn push(&mut self, statement: Entry) {
        let key = (self.log(&statement), statement.verified().statement().subject().as_str().to_owned());
        self.histories.entry(key).or_default().push(statement);
    }

    /// Exchanges a statement of the lot for another of its signer.
    pub fn exchange(&mut self, kind: &str, change: impl Fn(Spec) -> Spec) {
        let kind = format!("medicine.{kind}");
        let key = (LogName::SUPPLY, LOT.to_owned());
        let at = self.histories[&key]
            .iter()
            .position(|one| one.verified().statement().kind().as_str() == kind)
            .unwrap();
        let later = self.histories.get_mut(&key).unwrap().split_off(at);
        let spec = change(self.spec(kind.strip_prefix("medicine.").unwrap()));
        let statement = self.sign(&spec);
        let history = self.histories.get_mut(&key).unwrap();
        history.push(statement);
        history.extend(later.into_iter().skip(1));
    }

    fn log(&self, statement: &Entry) -> LogName {
        self.profile.step(statement.verified().statement().kind()).map_or(LogName::SUPPLY, |step| step.log)
    }

    pub fn class_history(&self) -> History<'_> {
        History { log: LogName::SUPPLY, domain: Some(DOMAIN), entries: self.history(LogName::SUPPLY, CLASS) }
    }

    pub fn lot_history(&self) -> History<'_> {
        History { log: LogName::SUPPLY, domain: Some(DOMAIN), entries: self.history(LogName::SUPPLY, LOT) }
    }

    /// All facts, as a phone that follows the class has them. Packs are known from the index alone.
    pub fn facts(&self) -> Facts {
        let entry = |history: &[Entry]| IndexEntry {
            count: history.len() as u64,
            latest: history.last().unwrap().id(),
        };
        let supply = || self.histories.iter().filter(|((log, _), _)| *log == LogName::SUPPLY);
        let below = |family: &str| {
            let members = supply().filter(|((_, subject), _)| {
                let subject = Subject::new(subject.as_str()).unwrap();
                subject.family() == family && (subject.as_str() != LOT || family == CLASS)
            });
            members.map(|((_, subject), history)| (hash(subject), entry(history))).collect::<BTreeMap<_, _>>()
        };
        let is_lot =
            |subject: &str| subject.starts_with(&format!("{CLASS}/10/")) && !subject.contains("/21/");
        let lots = supply().filter(|((_, subject), _)| is_lot(subject)).map(|((_, subject), history)| {
            let letter = if subject == LOT { 'S' } else { 'T' };
            let serials = SerialSet::new((0..100).map(|i| format!("{letter}{i:03}"))).unwrap();
            LotFacts {
                subject: Subject::new(subject.as_str()).unwrap(),
                history: history.clone(),
                filter: Some(serials.filter_bytes().to_vec()),
                packs: below(subject),
                followed: BTreeMap::new(),
            }
        });
        let mut alerts: Vec<Entry> = self
            .histories
            .iter()
            .filter(|((log, _), _)| *log == LogName::TRUST)
            .flat_map(|(_, h)| h.clone())
            .collect();
        alerts.sort_by_key(Entry::index);
        Facts {
            domain: DOMAIN.to_owned(),
            class: Subject::new(CLASS).unwrap(),
            history: self.history(LogName::SUPPLY, CLASS).to_vec(),
            members: below(CLASS),
            lots: lots.collect(),
            units: Vec::new(),
            dependencies: BTreeMap::new(),
            alerts,
            supply: AsOf { size: self.count, at: AS_OF },
            earlier: Vec::new(),
            trust: AsOf { size: self.count, at: AS_OF },
        }
    }

    /// As [`Self::facts`], with the pack of the stories followed.
    pub fn facts_with_pack(&self) -> Facts {
        let mut facts = self.facts();
        let pack = format!("{LOT}/21/{SERIAL}");
        let history = self.history(LogName::SUPPLY, &pack).to_vec();
        let lot = facts.lots.iter_mut().find(|lot| lot.subject.as_str() == LOT).unwrap();
        lot.followed.insert(Subject::new(pack).unwrap(), history);
        facts
    }

    pub fn dossier(&self) -> Dossier {
        Dossier::new(&self.profile, self.facts())
    }
}

/// What is read from a pack of the lot.
pub fn item() -> Item {
    item_of(LOT, SERIAL)
}

pub fn item_of(lot: &str, serial: &str) -> Item {
    Item {
        class: Subject::new(CLASS).unwrap(),
        lot: Some(Subject::new(lot).unwrap()),
        pack: Some(Subject::new(format!("{lot}/21/{serial}")).unwrap()),
        serial: Some(serial.to_owned()),
        expires_at: Some(UnixMillis(EXPIRY)),
        readings: Vec::new(),
    }
}

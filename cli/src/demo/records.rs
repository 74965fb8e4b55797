//! Medical records: a hospital signs, a patient decides, doctors ask, and the store sees noise.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use countersign_abe::Attribute;
use countersign_ledger::{Certificate, Genesis, Hash, Held, Identity, LogName, LogSpec, Subject};
use countersign_node::{
    AttributeAuthority as Authority, AuthorityConfig, Config, RecordStoreConfig, Register, Running,
    Surroundings, TlsConfig,
};
use countersign_records::rules::{AUTHORITY, DOCTOR, Mode, OWNER};
use countersign_records::{Cut, FIRST_SECTION, FULL, Paper, Parts, RecordId, Rule, SHARED, Unsigned, View};
use countersign_wallet::{
    AccessState, AskFor, AttributeAuthority, Client, Clinician, Cost, Https, Issuer, KeyStore, NewLine,
    RecordStore, Records, ShownRecord, Snapshot, StoredKey, Vault,
};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};

use super::heading;
use super::notaries::{end, free_address};
use crate::commands::act::KEY;
use crate::commands::record::{access_told, parts, titles};
use crate::home::now;
use crate::output::say;

/// The document that the hospital signs: nine sections, of a person who does not exist.
const SUMMARY: &[u8] = include_bytes!("summary.json");
const SHARED_WITH_CARDIOLOGISTS: &str = "Allergies and intolerances, Medication summary, Problem list, \
                                         History of procedures, Results, Vital signs";
const POLICY: &str = "role: cardiologist and hospital: northport";
const PASSPHRASE: &str = "the demo's passphrase of the authority";
/// Validity of an enrolment code of the demo.
const CODE: Duration = Duration::from_mins(10);
const MINUTES: u32 = 8 * 60;
/// Longer than it takes the authority to look at the ledger.
const SOON: Duration = Duration::from_secs(20);

/// Plays the life of a record in folders below `dir`.
pub fn play(dir: &Path) -> Result<()> {
    heading(
        "Medical records. A third ledger starts, with a store that can read nothing; beside it, in a process of its own, the \
         attribute authority of a hospital",
    );
    let town = Town::start(dir)?;
    say!("  {}, master key in {}", town.identity, town.config.data.join("keys/vault").display());
    let (mut author, mut ada, mut bo) = (town.doctor("iva-lund")?, town.doctor("ada")?, town.doctor("bo")?);
    let (mut eve, mut rex) = (town.doctor("eve")?, town.doctor("rex")?);
    for who in [&ada, &rex] {
        town.register(who, &["role: cardiologist", "hospital: northport"])?;
    }
    town.register(&bo, &["role: family-doctor"])?;
    town.register(&eve, &["role: dermatologist", "hospital: northport"])?;

    heading(
        "The hospital signs a summary of nine sections; the patient keeps it, and seals it part by part into the store",
    );
    let mut patient = town.patient()?;
    let id = patient.id;
    let signed = author.sign(&mut patient)?;
    let view = patient.take(&town, &signed)?;
    say!("  {}, {}, by {}: {} sections", view.title, view.date, view.authors.join(", "), view.sections.len());

    heading(
        "The patient shares six sections with cardiologists of the hospital, and all with the family doctor",
    );
    let six = parts(&view, patient.count, SHARED_WITH_CARDIOLOGISTS)?;
    let line = patient.share(&town, (SHARED?, POLICY), six)?;
    let by_name = format!("member: {}", bo.certificate.identity());
    patient.share(&town, (FULL?, &by_name), Parts::all(patient.count))?;
    say!("  {POLICY}: {}", titles(&view, six).join(", "));
    say!("  {by_name}: everything");
    let link = patient.records().link(&id)?.to_text();

    heading("A cardiologist asks once, and opens what is shared; the family doctor opens the very document");
    let thread = ada.ask(&town, &link)?;
    let shown = ada.open(&town, &thread)?;
    told("ada", &shown);
    ensure!(
        sections(&shown) == 6 && shown.opened.withheld() == 3,
        "the cardiologist should see six sections"
    );
    let asked = bo.ask(&town, &link)?;
    let whole = bo.open(&town, &asked)?;
    told("bo", &whole);
    ensure!(
        whole.opened.whole() == Some(SUMMARY),
        "the family doctor should have the document byte for byte"
    );

    heading("Somebody whom no policy fits is denied; a cardiologist who was revoked loses what was granted");
    let refused = eve.ask(&town, &link).and_then(|thread| eve.open(&town, &thread)).err();
    say!("  eve: {:#}", refused.context("an outsider should get nothing")?);
    let granted = rex.ask(&town, &link)?;
    town.running.node().revoke(rex.certificate.fingerprint())?;
    say!("  rex: asked, and it was granted; then the registrar revokes his certificate");
    let refused = town.until_withdrawn(&mut patient, &granted).and_then(|()| rex.open(&town, &granted)).err();
    say!("  rex: {:#}", refused.context("a revoked doctor should get nothing")?);
    let refused = rex.ask(&town, &link).err().context("nobody should vouch for a revoked doctor")?;
    say!("  rex, asking again: {refused:#}");

    heading("The store, asked what it holds, shows noise");
    let before = town.held()?;
    before.tell()?;

    heading("One byte of one object is altered in the store: the part is named, and nothing of it is shown");
    let altered = town.alter(&mut ada, &thread)?;
    say!("  ada: {altered:#}");

    heading(
        "The patient lets cardiologists see one section more: keys are wrapped again, and no part is uploaded again",
    );
    let seven = Parts(six.0 | parts(&view, patient.count, "Immunizations")?.0);
    patient.records().set_parts(&id, line, seven)?;
    patient.publish(&town)?;
    let after = town.held()?;
    let new: u64 = after.objects.iter().filter(|(path, _)| !before.has(path)).map(|(_, bytes)| bytes).sum();
    say!("  the store has {new} bytes that it had not, for {} bytes of the document", SUMMARY.len());
    let thread = ada.ask(&town, &link)?;
    let shown = ada.open(&town, &thread)?;
    told("ada", &shown);
    ensure!(sections(&shown) == 7, "the cardiologist should see seven sections");

    heading(
        "The patient's phone is lost: its certificate is revoked, and a paper with seven lines makes a new one the owner's",
    );
    let paper = patient.records().paper(&id)?;
    paper.to_text().lines().take(2).for_each(|line| say!("  {line}"));
    say!("  […]");
    let mut lost = std::mem::replace(&mut patient, town.restored(&paper)?);
    town.running.node().revoke(lost.certificate.fingerprint())?;
    let held = patient.records().one(&id)?;
    ensure!(
        patient.records().document(&id)?.whole() == Some(SUMMARY) && held.lines.len() == 2,
        "the new phone should have the document byte for byte, and both lines"
    );
    say!("  the new phone: the very document, and {} lines; who had the link has it still", held.lines.len());
    lost.records().set_open(&id, true)?;
    let refused = lost.publish(&town).err().context("the lost phone should publish nothing")?;
    say!("  the lost phone: {refused:#}");
    told("ada", &ada.open(&town, &thread)?);

    heading("The patient's list of accesses, proven to be complete");
    patient.sync(&town)?;
    let accesses = patient.records().accesses(&id, now())?;
    accesses.list.iter().for_each(access_told);
    say!("  complete as of {}: {} in all", accesses.complete_as_of, accesses.list.len());
    ensure!(accesses.list.len() == 8, "there were five requests, and three of the new phone's");
    Ok(())
}

fn sections(shown: &ShownRecord) -> usize {
    shown.opened.parts().iter().filter(|part| part.number() >= FIRST_SECTION).count()
}

fn told(who: &str, shown: &ShownRecord) {
    let view = View::of(shown.opened.parts());
    let whole = if shown.opened.whole().is_some() { "; the very bytes that were signed" } else { "" };
    say!("  {who}: {} sections, {} withheld{whole}", sections(shown), shown.opened.withheld());
    for section in &view.sections {
        let first = section.lines.first().map_or("", String::as_str);
        say!("      {:<28} {first}", section.title);
    }
}

/// A ledger with a store, and an authority beside it.
struct Town {
    running: Running,
    genesis: Genesis,
    config: AuthorityConfig,
    identity: Identity,
    dir: PathBuf,
    ledger: PathBuf,
    _process: Process,
}

/// The authority's process, which ends with this.
struct Process(Option<Child>);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(end);
    }
}

impl Town {
    fn start(dir: &Path) -> Result<Self> {
        let ledger = dir.join("ledger");
        fs::create_dir_all(dir)?;
        let mut config = Config::development(&ledger);
        let log = |name, held, domain| LogSpec { name, held, domain };
        let domain = || Some(config.domain.clone());
        let logs = vec![
            log(LogName::TRUST, Held::Whole, None),
            log(LogName::SUPPLY, Held::Followed, domain()),
            log(FULL?, Held::Followed, domain()),
            log(SHARED?, Held::Followed, domain()),
        ];
        config.logs = logs;
        config.record_store =
            Some(RecordStoreConfig { name: "cloud".to_owned(), record_bytes: 256 << 20, s3: None });
        let running = super::start(config, Surroundings::default().families)?;
        let genesis = running.node().genesis().clone();
        let config = AuthorityConfig {
            data: dir.join("authority"),
            listen: free_address()?,
            node: format!("https://{}", running.addr()),
            genesis: ledger.join("genesis.json"),
            follow_seconds: 1,
            vocabulary: [("role", "what the member does"), ("hospital", "where the member works")]
                .map(|(label, meaning)| (label.to_owned(), meaning.to_owned()))
                .into(),
            tls: TlsConfig::default(),
        };
        let code = running.node().registrar().new_code(AUTHORITY, "northport", CODE)?.to_string();
        let certificate = Authority::init(&config, PASSPHRASE.as_bytes(), Cost::RECOMMENDED, &code)?;
        let identity = certificate.identity().clone();
        let process = run(&config, dir)?;
        let town =
            Self { running, genesis, config, identity, dir: dir.to_owned(), ledger, _process: process };
        let mut phone = town.doctor("somebody")?;
        town.wait("the authority's key to be published", || {
            phone.snapshot.sync(&town.client()?, SOON)?;
            Ok(phone.clinician()?.fetch_key(&town.authority()?, now()).is_ok())
        })?;
        Ok(town)
    }

    fn client(&self) -> Result<Client> {
        super::client(&self.running, &self.genesis)
    }

    fn store(&self) -> Result<RecordStore> {
        Ok(RecordStore::new(Https::new(&self.config.node, &self.genesis)?))
    }

    fn authority(&self) -> Result<AttributeAuthority> {
        let root = fs::read(self.config.data.join("keys/tls-root.crt"))?;
        Ok(AttributeAuthority::new(Https::service(&format!("https://{}", self.config.listen), &[root])?))
    }

    /// Waits until it holds.
    fn wait(&self, what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        while !holds()? {
            if began.elapsed() > SOON {
                bail!("it takes too long for {what}: see {}", self.dir.join("authority.log").display());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// A phone's key store and snapshot.
    fn phone(&self, name: &str) -> Result<(Snapshot, Arc<dyn KeyStore>)> {
        let home = self.dir.join(name);
        fs::create_dir_all(&home)?;
        let cost = Cost { memory_kib: 8 * 1024, passes: 1, lanes: 1 };
        let passphrase = format!("the demo's passphrase of {name}");
        let keys = Vault::create_at_cost(&home.join("vault"), passphrase.as_bytes(), cost)?;
        let mut snapshot = Snapshot::open(&home.join("snapshot.db"), &self.genesis)?;
        snapshot.sync(&self.client()?, SOON)?;
        Ok((snapshot, Arc::new(keys)))
    }

    /// A doctor with a phone.
    fn doctor(&self, name: &str) -> Result<Doctor> {
        let (mut snapshot, keys) = self.phone(name)?;
        let code = self.running.node().registrar().new_code(DOCTOR, name, CODE)?.to_string();
        let client = self.client()?;
        let certificate = Issuer::new(&mut snapshot, &client, Arc::clone(&keys)).enrol(KEY, &code)?;
        Ok(Doctor { snapshot, keys, certificate, authority: self.identity.clone() })
    }

    fn register(&self, who: &Doctor, attributes: &[&str]) -> Result<()> {
        let attributes = attributes.iter().map(|text| text.parse::<Attribute>());
        let attributes = attributes.collect::<Result<BTreeSet<_>, _>>()?;
        Ok(Register::open(&self.config)?.set(who.certificate.identity(), &attributes)?)
    }

    /// A patient with a record that has begun.
    fn patient(&self) -> Result<Patient> {
        let (mut snapshot, keys) = self.phone("patient")?;
        let client = self.client()?;
        let mut records = Records::new(&mut snapshot, Arc::clone(&keys));
        let id = records.begin(&self.store()?.identity()?, &self.identity)?;
        let code = self.running.node().registrar().new_code(OWNER, &id.to_string(), CODE)?;
        let certificate = records.enrol(&client, &id, &code.to_string())?;
        Ok(Patient { snapshot, keys, id, certificate, count: 0 })
    }

    /// The patient, with a new phone that has a record from its paper.
    fn restored(&self, paper: &Paper) -> Result<Patient> {
        let (mut snapshot, keys) = self.phone("new-phone")?;
        let mut records = Records::new(&mut snapshot, Arc::clone(&keys));
        let id = records.restore(paper, &self.store()?.identity()?, &self.identity)?;
        let code = self.running.node().registrar().new_code(OWNER, &id.to_string(), CODE)?;
        let certificate = records.enrol(&self.client()?, &id, &code.to_string())?;
        let mut patient = Patient { snapshot, keys, id, certificate, count: 0 };
        patient.publish(self)?;
        patient.count = patient.records().document(&id)?.commitment().count();
        Ok(patient)
    }

    /// What the store has in its folder.
    fn held(&self) -> Result<Stored> {
        let mut objects = Vec::new();
        let mut folders = vec![self.ledger.join("records")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::metadata(&path)?.len();
                    objects.push((path, bytes));
                }
            }
        }
        Ok(Stored { objects })
    }

    /// Alters each object in turn until somebody's reading is refused for it, and puts it back.
    fn alter(&self, who: &mut Doctor, thread: &Subject) -> Result<anyhow::Error> {
        for (path, _) in self.held()?.objects {
            let whole = fs::read(&path)?;
            let mut altered = whole.clone();
            let Some(byte) = altered.last_mut() else { continue };
            *byte ^= 1;
            fs::write(&path, &altered)?;
            let shown = who.open(self, thread);
            fs::write(&path, &whole)?;
            match shown.err() {
                Some(error) if error.to_string().contains("part") => return Ok(error),
                _ => {}
            }
        }
        bail!("an altered object was noticed by nobody");
    }

    /// Waits until the patient sees that a grant was withdrawn.
    fn until_withdrawn(&self, patient: &mut Patient, thread: &Subject) -> Result<()> {
        self.wait("the grant to be withdrawn", || {
            patient.sync(self)?;
            let id = patient.id;
            let list = patient.records().accesses(&id, now())?.list;
            let access = list.into_iter().find(|access| access.thread == *thread);
            Ok(access.is_some_and(|access| access.state == AccessState::Withdrawn))
        })
    }
}

/// What a store has.
struct Stored {
    objects: Vec<(PathBuf, u64)>,
}

impl Stored {
    fn has(&self, path: &Path) -> bool {
        self.objects.iter().any(|(one, _)| one == path)
    }

    /// Says how much it is, and that it looks like nothing.
    fn tell(&self) -> Result<()> {
        let mut counts = [0_u64; 256];
        let (mut all, mut words) = (0, 0);
        for (path, _) in &self.objects {
            let bytes = fs::read(path)?;
            for byte in &bytes {
                counts[usize::from(*byte)] += 1;
            }
            all += bytes.len();
            for word in ["Holm", "Bisoprolol", "fibrillation", "resourceType"] {
                words += bytes.windows(word.len()).filter(|part| *part == word.as_bytes()).count();
            }
        }
        // Shannon's entropy of a byte: eight bits where all are equally likely.
        #[expect(clippy::cast_precision_loss, reason = "counts of bytes in some kilobytes")]
        let entropy: f64 = counts
            .iter()
            .filter(|count| **count > 0)
            .map(|count| {
                let share = *count as f64 / all as f64;
                -share * share.log2()
            })
            .sum();
        say!(
            "  {} objects, {all} bytes, {entropy:.3} bits of entropy a byte of 8; words of the document in them: {words}",
            self.objects.len()
        );
        ensure!(words == 0, "the store can read the record");
        Ok(())
    }
}

/// A doctor with a phone.
struct Doctor {
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
    certificate: Certificate,
    authority: Identity,
}

impl Doctor {
    fn clinician(&mut self) -> Result<Clinician<'_>> {
        Ok(Clinician::new(&mut self.snapshot, Arc::clone(&self.keys), KEY, &self.authority)?)
    }

    /// Signs the summary for a patient's record.
    fn sign(&mut self, patient: &mut Patient) -> Result<Vec<u8>> {
        let mut random = UnwrapErr(SysRng);
        let unsigned = Unsigned::new(&mut Cut::new(SUMMARY)?, &[], &mut random);
        let (id, rule) = (patient.id, Rule::any(unsigned.count()));
        let draft = unsigned.draft(&id, 1, &rule, &patient.records().holder(&id)?)?;
        let mut cti = [0; 16];
        random.fill_bytes(&mut cti);
        let signer = StoredKey::find(Arc::clone(&self.keys), KEY)?;
        let statement = draft.sign(&self.certificate, &signer, now(), cti)?;
        Ok(unsigned.signed(statement, &self.certificate).to_bytes().to_vec())
    }

    /// Asks for the first line that fits, or else for the first there is.
    fn ask(&mut self, town: &Town, link: &str) -> Result<Subject> {
        let (client, authority, name) =
            (town.client()?, town.authority()?, self.certificate.identity().name().to_owned());
        let record = self.clinician()?.add(link)?;
        self.snapshot.sync(&client, SOON)?;
        let mut clinician = self.clinician()?;
        clinician.fetch_key(&authority, now())?;
        let offers = clinician.offers(&record)?;
        let offer = offers.iter().find(|offer| offer.fits).or(offers.first()).context("a line")?;
        let wanted = AskFor {
            record,
            log: offer.log,
            label: Some(offer.label),
            minutes: MINUTES,
            purpose: "TREAT".to_owned(),
            reason: None,
            name: format!("Dr. {name}"),
        };
        let thread = clinician.ask(&client, &authority, &wanted, now())?;
        self.snapshot.sync(&client, SOON)?;
        Ok(thread)
    }

    fn open(&mut self, town: &Town, thread: &Subject) -> Result<ShownRecord> {
        let (client, store) = (town.client()?, town.store()?);
        self.snapshot.sync(&client, SOON)?;
        Ok(self.clinician()?.open(&client, &store, thread, now())?)
    }
}

/// The patient.
struct Patient {
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
    id: RecordId,
    certificate: Certificate,
    /// Parts of the document.
    count: usize,
}

impl Patient {
    fn records(&mut self) -> Records<'_> {
        Records::new(&mut self.snapshot, Arc::clone(&self.keys))
    }

    fn sync(&mut self, town: &Town) -> Result<()> {
        Ok(self.snapshot.sync(&town.client()?, SOON)?)
    }

    fn take(&mut self, town: &Town, signed: &[u8]) -> Result<View> {
        let id = self.id;
        self.sync(town)?;
        let view = self.records().take(&id, signed)?;
        self.publish(town)?;
        self.count = self.records().document(&id)?.commitment().count();
        Ok(view)
    }

    fn share(&mut self, town: &Town, (log, policy): (LogName, &str), parts: Parts) -> Result<Hash> {
        let line = NewLine { log, policy: policy.parse()?, mode: Mode::AtOnce, minutes: MINUTES, parts };
        let id = self.id;
        let label = self.records().add_line(&id, &line)?;
        self.publish(town)?;
        Ok(label)
    }

    fn publish(&mut self, town: &Town) -> Result<()> {
        let (client, store, id) = (town.client()?, town.store()?, self.id);
        self.records().proceed(&client, &store, &id, now())?;
        self.sync(town)
    }
}

/// Starts the authority, and waits until it listens.
fn run(config: &AuthorityConfig, dir: &Path) -> Result<Process> {
    let (path, log) = (dir.join("authority.toml"), dir.join("authority.log"));
    let vocabulary: String =
        config.vocabulary.iter().map(|(label, meaning)| format!("{label} = \"{meaning}\"\n")).collect();
    let text = format!(
        "data = \"authority\"\nlisten = \"{}\"\nnode = \"{}\"\ngenesis = \"ledger/genesis.json\"\nfollow_seconds = {}\n\
         [vocabulary]\n{vocabulary}",
        config.listen, config.node, config.follow_seconds
    );
    fs::write(&path, text)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["authority", "run", "--config"]).arg(&path).stdin(Stdio::null());
    command.env("COUNTERSIGN_PASSPHRASE", PASSPHRASE);
    let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log)?).spawn()?;
    let mut line = String::new();
    let output = child.stdout.take().context("its output")?;
    let process = Process(Some(child));
    BufReader::new(output).read_line(&mut line)?;
    ensure!(!line.is_empty(), "the authority does not start: {}", log.display());
    Ok(process)
}

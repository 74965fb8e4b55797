//! The family of rules of records: who may see what, who asked, and who got what.
//!
//! | kind (log) | signer; subject | says |
//! | --- | --- | --- |
//! | `record.index` (both) | owner; the record | what is current: document, lines, store. Replaces the one before |
//! | `record.request` (one) | attribute authority; a new thread | somebody who fits a line's policy, or who does not, asks |
//! | `record.request` (one) | owner; a new thread | the owner fetches a line of their own record, as with a new phone |
//! | `record.answer` (same) | owner, or the authority to withdraw; the thread | grant, deny, withdraw |
//! | `record.delivery` (same) | the store; the thread | a row was handed over |
//! | `authority.key` (trust) | attribute authority; itself | the public key of an epoch |
//!
//! Nobody signs a grant that the owner decided before: the outcome of a request is one function of the record's head and the
//! request ([`Head::outcome`]). The request states it, so that it can be folded without the head, and is refused if it states
//! another. A withdrawal and a delivery are in one order, that of the log, and the rules are the gate of delivery.
//!
//! The owner's requests are granted, whatever the line, and are entries as all others: so the store hands out nothing beside the log,
//! and who else was certified as the owner and fetched what is sealed is seen. It opens with the record's secret alone.
//!
//! A day's requests are bounded without a count: each uses up one of 64 slots of (record, authority, day); emergencies have 64 of
//! their own.
//!
//! ```cddl
//! index = { "wrap" => uint, "version" => uint, "document" => digest, "agree" => bstr .size 65, "store" => tstr,
//!           "open" => 0 / 1, "lines" => bstr }      ; 0 to 8 lines of 69 bytes: label 32, mode 1, minutes 4, row 32
//! request = { "holder" => bstr .size 65, ? "label" => digest, "fits" => 0 / 1, "until" => uint, "slot" => 0..127,
//!             "outcome" => 1 / 2 / 3 }              ; granted, denied, waiting
//! answer = { "decision" => 1 / 2 / 3, ? "label" => digest, ? "until" => uint }   ; grant (with both), deny, withdraw
//! delivery = { "row" => digest, "proof" => digest }
//! authority-key = { "suite" => uint, "key" => bstr, "epoch" => uint, "vocabulary" => digest }
//! ```

use countersign_ledger::cbor::encode;
use countersign_ledger::{
    Context, Hash, Kind, LogName, Objects, Problem, Promise, PublicKey, Rules, State, Subject, UnixMillis,
    Verified, Violation,
};
use minicbor::Decoder;

use crate::record::{FULL, RecordId, SHARED};

/// What is current of a record.
pub const INDEX: &str = "record.index";
/// Somebody asks.
pub const REQUEST: &str = "record.request";
/// The owner grants, denies or withdraws.
pub const ANSWER: &str = "record.answer";
/// The store hands over.
pub const DELIVERY: &str = "record.delivery";
/// The public key of an authority's epoch.
pub const AUTHORITY_KEY: &str = "authority.key";

/// The role of a record's owner, whose name is the record's id.
pub const OWNER: &str = "patient";
/// The role of who signs documents and asks for records.
pub const DOCTOR: &str = "doctor";
/// The role of who vouches for requests and issues keys for attributes.
pub const AUTHORITY: &str = "attribute-authority";
/// The role of who keeps objects.
pub const STORE: &str = "record-store";

/// Most lines of one index.
pub const MAX_LINES: usize = 8;
/// Length of a line in an index.
const LINE: usize = 32 + 1 + 4 + 32;
/// Requests of a day, for each record and authority; and as many emergencies.
pub const SLOTS: u64 = 64;
/// Most deliveries of one grant.
const MAX_DELIVERIES: u64 = 16;
/// How old a request may be when it is ordered.
pub const REQUEST_AGE_MILLIS: u64 = 5 * 60 * 1000;
/// How long a request without a line may be granted for: a day.
pub const ASK_MINUTES: u64 = 24 * 60;
/// How long a request of the owner's may be granted for.
pub const OWN_MINUTES: u64 = 60;
const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// The log of whole records, and that of what is shared.
pub const LOGS: [LogName; 2] = match (FULL, SHARED) {
    (Ok(full), Ok(shared)) => [full, shared],
    _ => [LogName::TRUST, LogName::TRUST],
};

/// How a line is opened to those who fit it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// To the owner alone: the store as a backup.
    Owner,
    /// At once.
    AtOnce,
    /// When the owner says so.
    Ask,
    /// At once; the authority has asked for a reason.
    Emergency,
}

impl Mode {
    /// The mode that an index states by this number.
    pub fn from_number(number: u8) -> Option<Self> {
        let modes = [Self::Owner, Self::AtOnce, Self::Ask, Self::Emergency];
        modes.into_iter().find(|mode| *mode as u8 == number)
    }
}

/// A line of a record's index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexLine {
    /// The line's label.
    pub label: Hash,
    /// How it is opened.
    pub mode: Mode,
    /// For how long, at most.
    pub minutes: u32,
    /// The hash of its row.
    pub row: Hash,
}

impl IndexLine {
    /// The lines as an index states them.
    pub fn write(lines: &[Self]) -> Vec<u8> {
        let line = |line: &Self| {
            [&line.label.0[..], &[line.mode as u8], &line.minutes.to_be_bytes(), &line.row.0].concat()
        };
        lines.iter().flat_map(line).collect()
    }

    /// Reads the lines of an index; `None` unless there are at most [`MAX_LINES`], each label once.
    pub fn read(bytes: &[u8]) -> Option<Vec<Self>> {
        let (lines, rest) = bytes.as_chunks::<LINE>();
        if !rest.is_empty() || lines.len() > MAX_LINES {
            return None;
        }
        let line = |line: &[u8; LINE]| {
            let mode = Mode::from_number(line[32])?;
            let minutes = u32::from_be_bytes(line[33..37].try_into().ok()?);
            let (label, row) = (Hash::from_slice(&line[..32])?, Hash::from_slice(&line[37..])?);
            Some(Self { label, mode, minutes, row })
        };
        let lines = lines.iter().map(line).collect::<Option<Vec<_>>>()?;
        let twice = |at: usize| lines[..at].iter().any(|other| other.label == lines[at].label);
        (!(0..lines.len()).any(twice)).then_some(lines)
    }
}

/// The state of a record: what its latest index says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The index.
    pub index: Hash,
    /// How many indexes there have been.
    pub wrap: u64,
    /// The version of the document.
    pub version: u64,
    /// The statement that signs the document.
    pub document: Hash,
    /// The key to which requesters' names are sealed.
    pub agree: PublicKey,
    /// The store that may deliver.
    pub store: String,
    /// Whether somebody who fits no line may ask.
    pub open: bool,
    /// The lines.
    pub lines: Vec<IndexLine>,
}

/// What follows from a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The line is opened until the time that was asked for.
    Granted,
    /// Nothing is opened.
    Denied,
    /// The owner decides.
    Waiting,
}

impl Outcome {
    /// The outcome as a request states it.
    pub const fn number(self) -> u64 {
        match self {
            Self::Granted => 1,
            Self::Denied => 2,
            Self::Waiting => 3,
        }
    }
}

impl Head {
    /// The outcome of a request for the line `label`, or for none, by somebody who `fits` its policy, or does not. The same on
    /// node and phone, and in court.
    pub fn outcome(&self, label: Option<Hash>, fits: bool) -> Outcome {
        let Some(label) = label else {
            return if fits && self.open { Outcome::Waiting } else { Outcome::Denied };
        };
        match self.line(label).map(|line| line.mode) {
            _ if !fits => Outcome::Denied,
            Some(Mode::AtOnce | Mode::Emergency) => Outcome::Granted,
            Some(Mode::Ask) => Outcome::Waiting,
            Some(Mode::Owner) | None => Outcome::Denied,
        }
    }

    /// The outcome of the owner's own request.
    pub fn own_outcome(&self, label: Option<Hash>) -> Outcome {
        let line = label.and_then(|label| self.line(label));
        if line.is_some() { Outcome::Granted } else { Outcome::Denied }
    }

    /// The line with this label.
    pub fn line(&self, label: Hash) -> Option<&IndexLine> {
        self.lines.iter().find(|line| line.label == label)
    }

    /// The state after an index.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        Some(Self {
            index: statement.statement().id(),
            wrap: fields.uint("wrap")?,
            version: fields.uint("version")?,
            document: fields.hash("document")?,
            agree: PublicKey::from_sec1(fields.bytes("agree")?).ok()?,
            store: fields.text("store")?.to_owned(),
            open: flag(fields.uint("open")?)?,
            lines: IndexLine::read(fields.bytes("lines")?)?,
        })
    }

    /// Reads the state of a record; `None` before its first index.
    pub fn from_state(state: &State) -> Option<Self> {
        let mut d = Decoder::new(&state.0);
        (d.array().ok()? == Some(8)).then_some(())?;
        Some(Self {
            index: Hash::from_slice(d.bytes().ok()?)?,
            wrap: d.u64().ok()?,
            version: d.u64().ok()?,
            document: Hash::from_slice(d.bytes().ok()?)?,
            agree: PublicKey::from_sec1(d.bytes().ok()?).ok()?,
            store: d.str().ok()?.to_owned(),
            open: d.bool().ok()?,
            lines: IndexLine::read(d.bytes().ok()?)?,
        })
    }

    /// What a node keeps of it.
    pub fn to_state(&self) -> State {
        State(encode(|e| {
            e.array(8)?.bytes(self.index.as_bytes())?.u64(self.wrap)?.u64(self.version)?;
            e.bytes(self.document.as_bytes())?.bytes(self.agree.as_sec1())?;
            e.str(&self.store)?.bool(self.open)?;
            e.bytes(&IndexLine::write(&self.lines))?.ok()
        }))
    }
}

/// The state of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    /// Whether it is granted, denied or waits.
    pub outcome: Outcome,
    /// Whether a grant was withdrawn.
    pub withdrawn: bool,
    /// The line that is asked for, or that was granted.
    pub label: Option<Hash>,
    /// Until when it is granted.
    pub until: UnixMillis,
    /// The authority that vouched for it.
    pub authority: String,
    /// How often it has been delivered.
    pub deliveries: u64,
}

impl Thread {
    fn of(request: &Verified) -> Option<Self> {
        let fields = request.fields();
        Some(Self {
            outcome: outcome(fields.uint("outcome")?)?,
            withdrawn: false,
            label: fields.hash("label"),
            until: UnixMillis(fields.uint("until")?),
            authority: request.signer().identity().as_str().to_owned(),
            deliveries: 0,
        })
    }

    /// Reads the state of a request; `None` before it.
    pub fn from_state(state: &State) -> Option<Self> {
        let mut d = Decoder::new(&state.0);
        (d.array().ok()? == Some(6)).then_some(())?;
        Some(Self {
            outcome: outcome(d.u64().ok()?)?,
            withdrawn: d.bool().ok()?,
            label: Some(d.bytes().ok()?).filter(|label| !label.is_empty()).and_then(Hash::from_slice),
            until: UnixMillis(d.u64().ok()?),
            authority: d.str().ok()?.to_owned(),
            deliveries: d.u64().ok()?,
        })
    }

    fn to_state(&self) -> State {
        State(encode(|e| {
            e.array(6)?.u64(self.outcome.number())?.bool(self.withdrawn)?;
            e.bytes(self.label.as_ref().map_or(&[], |label| &label.0[..]))?.u64(self.until.0)?;
            e.str(&self.authority)?.u64(self.deliveries)?.ok()
        }))
    }

    /// Whether something may be delivered at `time`.
    pub fn is_open(&self, time: UnixMillis) -> bool {
        self.outcome == Outcome::Granted && !self.withdrawn && time < self.until
    }

    /// The state after an answer or a delivery that may follow.
    fn after(mut self, statement: &Verified) -> Self {
        let fields = statement.fields();
        match (statement.statement().kind().as_str(), fields.uint("decision")) {
            (ANSWER, Some(1)) => {
                self.outcome = Outcome::Granted;
                self.label = fields.hash("label");
                self.until = UnixMillis(fields.uint("until").unwrap_or_default());
            }
            (ANSWER, Some(2)) => self.outcome = Outcome::Denied,
            (ANSWER, _) => self.withdrawn = true,
            _ => self.deliveries += 1,
        }
        self
    }

    /// Whether an answer or a delivery may follow, by its kind alone.
    fn admits(&self, statement: &Verified) -> bool {
        let granted = self.outcome == Outcome::Granted && !self.withdrawn;
        match (statement.statement().kind().as_str(), statement.fields().uint("decision")) {
            (ANSWER, Some(1 | 2)) => self.outcome == Outcome::Waiting,
            (ANSWER, Some(3)) => granted,
            (DELIVERY, _) => granted && self.deliveries < MAX_DELIVERIES,
            _ => false,
        }
    }
}

fn outcome(number: u64) -> Option<Outcome> {
    [Outcome::Granted, Outcome::Denied, Outcome::Waiting]
        .into_iter()
        .find(|outcome| outcome.number() == number)
}

fn flag(number: u64) -> Option<bool> {
    (number < 2).then_some(number == 1)
}

/// The family of rules of records.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordRules;

impl Rules for RecordRules {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        match kind.as_str() {
            INDEX | REQUEST | ANSWER | DELIVERY => Some(&LOGS),
            AUTHORITY_KEY => Some(&[LogName::TRUST]),
            _ => None,
        }
    }

    fn roles(&self) -> Vec<&str> {
        vec![OWNER, DOCTOR, AUTHORITY, STORE]
    }

    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
        let signer = statement.signer().identity();
        if context.domain.is_some_and(|domain| domain != signer.domain()) {
            return refuse(Problem::Domain, "the signer is of another region than the log");
        }
        match statement.statement().kind().as_str() {
            INDEX => check_index(statement, context),
            REQUEST => check_request(statement, context),
            ANSWER => check_answer(statement, context),
            DELIVERY => check_delivery(statement, context),
            _ => check_authority_key(statement, context),
        }
    }

    fn fold(&self, before: &State, statement: &Verified) -> State {
        let after = match statement.statement().kind().as_str() {
            INDEX => Head::of(statement).map(|head| head.to_state()),
            REQUEST => Thread::of(statement).map(|thread| thread.to_state()),
            ANSWER | DELIVERY => Thread::from_state(before).map(|thread| thread.after(statement).to_state()),
            _ => statement.fields().uint("epoch").map(|epoch| State(epoch.to_be_bytes().to_vec())),
        };
        after.unwrap_or_else(|| before.clone())
    }

    fn may_follow(&self, before: &State, statement: &Verified) -> bool {
        match statement.statement().kind().as_str() {
            INDEX => follows(Head::from_state(before).as_ref(), statement),
            REQUEST => before.is_empty(),
            ANSWER | DELIVERY => Thread::from_state(before).is_some_and(|thread| thread.admits(statement)),
            _ => statement.fields().uint("epoch") > epoch(before),
        }
    }

    fn uses_up(&self, statement: &Verified) -> Option<Hash> {
        let slot =
            (statement.statement().kind().as_str() == REQUEST).then(|| statement.fields().uint("slot"))??;
        let day = statement.statement().issued_at().0 / DAY_MILLIS;
        let of = [
            statement.statement().subject().family().as_bytes(),
            statement.signer().identity().as_str().as_bytes(),
            &day.to_be_bytes(),
            &slot.to_be_bytes(),
        ];
        Some(Hash::framed("countersign/record-slot/v1", &of))
    }

    /// An index promises the objects of its lines. One that is not the owner's is refused for that, and promises nothing.
    fn promise(&self, statement: &Verified) -> Option<Promise> {
        let headers = statement.statement();
        let index = headers.kind().as_str() == INDEX && is_owner(statement);
        let head = index.then(|| Head::of(statement))??;
        let rows = head.lines.iter().map(|line| line.row).collect();
        Some(Promise::Objects(Objects { store: head.store, subject: headers.subject().clone(), rows }))
    }
}

fn refuse(problem: Problem, text: &str) -> Result<(), Violation> {
    Err(Violation { problem, text: text.to_owned() })
}

fn rule(holds: bool, text: &str) -> Result<(), Violation> {
    if holds { Ok(()) } else { refuse(Problem::Rule, text) }
}

fn some<T>(value: Option<T>, text: &str) -> Result<T, Violation> {
    value.ok_or_else(|| Violation { problem: Problem::Fields, text: text.to_owned() })
}

fn role(statement: &Verified, role: &str) -> Result<(), Violation> {
    if statement.signer().identity().role() == role {
        return Ok(());
    }
    refuse(Problem::Role, "the signer's role does not allow this statement")
}

/// Whether the signer owns the record that the statement is about.
fn is_owner(statement: &Verified) -> bool {
    let identity = statement.signer().identity();
    let record = RecordId::of(statement.statement().subject());
    identity.role() == OWNER && record.is_some_and(|record| record.to_string() == identity.name())
}

fn is_head(subject: &Subject) -> bool {
    subject.as_str() == subject.family()
}

fn epoch(before: &State) -> Option<u64> {
    before.0.as_slice().try_into().ok().map(u64::from_be_bytes)
}

/// Whether an index may come after `before`.
fn follows(before: Option<&Head>, statement: &Verified) -> bool {
    let Some(head) = Head::of(statement) else { return false };
    let Some(before) = before else { return head.wrap == 1 && head.version > 0 };
    let same_document = head.version > before.version || head.document == before.document;
    head.wrap == before.wrap + 1 && head.version >= before.version && same_document
}

fn check_index(statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
    if !is_owner(statement) {
        return refuse(Problem::Role, "only its owner publishes a record");
    }
    rule(is_head(statement.statement().subject()), "an index is about the record itself")?;
    let head = some(Head::of(statement), "the index is not of the format")?;
    let own = head.lines.iter().any(|line| line.mode == Mode::Owner);
    rule(!own || context.log == LOGS[0], "a line of the owner's own is on the log of whole records alone")?;
    let before = Head::from_state(context.subject);
    rule(
        follows(before.as_ref(), statement),
        "the index does not follow the one before it, by wrap, version and document",
    )
}

fn check_request(statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
    let owns = is_owner(statement);
    if !owns {
        role(statement, AUTHORITY)?;
    }
    let (fields, subject) = (statement.fields(), statement.statement().subject());
    let holder = fields.bytes("holder").and_then(|key| PublicKey::from_sec1(key).ok());
    let holder = some(holder, "the request names no holder's key")?;
    let record = some(RecordId::of(subject), "the request is about no record")?;
    rule(*subject == record.thread(&holder), "the request's thread is not that of its holder")?;
    rule(context.subject.is_empty(), "the holder's key has been used for a request")?;
    let read = || {
        let fits = flag(fields.uint("fits")?)?;
        Some((fits, fields.uint("slot").filter(|slot| *slot < 2 * SLOTS)?, Thread::of(statement)?))
    };
    let (fits, slot, thread) = some(read(), "the request is not of the format")?;
    rule(fields.get("label").is_none() == thread.label.is_none(), "the label is not a digest")?;
    rule(statement.sealed().is_some(), "the request does not say, to its owner, who asks")?;

    let issued = statement.statement().issued_at();
    let fresh = context.time.is_none_or(|time| time.0.saturating_sub(issued.0) <= REQUEST_AGE_MILLIS);
    if !fresh {
        return refuse(Problem::Stale, "the request is more than five minutes old");
    }
    let head = Head::from_state(context.head).filter(|head| statement.links() == [head.index]);
    let Some(head) = head else {
        // A client may have the record's head of a later day; the node had this one.
        let client = context.time.is_none() && statement.links().len() == 1;
        return rule(client, "the request does not link what is current of the record");
    };
    let line = thread.label.and_then(|label| head.line(label));
    let minutes = line.map_or(ASK_MINUTES, |line| u64::from(line.minutes));
    let minutes = if owns { OWN_MINUTES } else { minutes };
    let within = thread.until > issued && thread.until.0 - issued.0 <= minutes * 60_000;
    rule(within, "the request is for longer than the owner allows")?;
    let emergency = !owns && line.is_some_and(|line| line.mode == Mode::Emergency);
    rule((slot >= SLOTS) == emergency, "the slot is not one of its kind of request")?;
    let follows = if owns { head.own_outcome(thread.label) } else { head.outcome(thread.label, fits) };
    rule(thread.outcome == follows, "the request states another outcome than follows")
}

fn check_answer(statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
    let thread = Thread::from_state(context.subject);
    let Some(thread) = thread else { return refuse(Problem::Rule, "there is no request to answer") };
    let fields = statement.fields();
    let decision = some(fields.uint("decision"), "the answer has no decision")?;
    let authority = decision == 3 && thread.authority == statement.signer().identity().as_str();
    if !is_owner(statement) && !authority {
        return refuse(Problem::Role, "only the owner answers, and the authority that vouched may withdraw");
    }
    rule(thread.admits(statement), "the request does not wait for this answer")?;
    if decision != 1 {
        return Ok(());
    }
    let label = some(fields.hash("label"), "a grant names a line")?;
    let until = UnixMillis(some(fields.uint("until"), "a grant has an end")?);
    if context.time.is_none() {
        return Ok(());
    }
    let head = Head::from_state(context.head);
    let line = head.as_ref().and_then(|head| head.line(label)).filter(|line| line.mode != Mode::Owner);
    let Some(line) = line else { return refuse(Problem::Rule, "the record has no such line to grant") };
    let issued = statement.statement().issued_at();
    let within = until > issued && until.0 - issued.0 <= u64::from(line.minutes) * 60_000;
    rule(within, "the grant is for longer than the line allows")
}

fn check_delivery(statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
    role(statement, STORE)?;
    let row = some(statement.fields().hash("row"), "the delivery names no row")?;
    some(statement.fields().hash("proof"), "the delivery has no proof of a demand")?;
    let thread = Thread::from_state(context.subject);
    let Some(thread) = thread else { return refuse(Problem::Rule, "nobody has asked for this delivery") };
    rule(!thread.withdrawn, "the grant was withdrawn")?;
    rule(thread.outcome == Outcome::Granted, "nothing was granted")?;
    rule(thread.admits(statement), "the grant has been delivered as often as a grant may be")?;
    let Some(time) = context.time else { return Ok(()) };
    rule(thread.is_open(time), "the grant has ended")?;
    let head = Head::from_state(context.head);
    let Some(head) = head else { return refuse(Problem::Rule, "the record has no index") };
    if head.store != statement.signer().identity().as_str() {
        return refuse(Problem::Role, "the signer is not the record's store");
    }
    let line = thread.label.and_then(|label| head.line(label));
    rule(line.is_some_and(|line| line.row == row), "the record's line has another row, or is no more")
}

fn check_authority_key(statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
    role(statement, AUTHORITY)?;
    let (fields, identity) = (statement.fields(), statement.signer().identity());
    let own = format!("urn:countersign:authority:{}:{}", identity.domain(), identity.name());
    rule(statement.statement().subject().as_str() == own, "an authority publishes its own key")?;
    let whole = fields.uint("suite").is_some()
        && fields.bytes("key").is_some_and(|key| !key.is_empty())
        && fields.hash("vocabulary").is_some();
    some(whole.then_some(()), "the key is not of the format")?;
    let number = some(fields.uint("epoch"), "the key has no epoch")?;
    rule(epoch(context.subject).is_none_or(|before| number > before), "the epoch does not rise")
}

//! The screens of somebody who looks into other domains: domains and data, a licence, who looked, where data went.

use countersign_domains::rules::AUTHORITY;
use countersign_ledger::Identity;

use crate::answer::{Text, Value};
use crate::domains::{
    AccessFinding, DataAccess, DataAccesses, DataDenial, DataOp, DomainData, DomainGreeting, DomainLedger,
    DomainLicence, DomainPerson, DomainStanding, DomainsView, GreetingStep, LicenceState, RevocationCause,
};
use crate::error::CountersignError as Error;
use crate::handover::codes;
use crate::screens::{lasting, party, plain, purpose_key, with};

/// How many digits of a digest are shown: those that a person compares.
const NUMBER: usize = 8;
/// For how many days a licence may be asked for.
const DAYS: [u16; 3] = [1, 7, 30];
const MINUTES_OF_A_DAY: u32 = 24 * 60;

/// The domains, the data that is published, and the licences.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainsScreen {
    /// Who is here; or how they begin, or that the register is not for this.
    pub who: Text,
    /// What is wrong with the register, or with the domain's part in it, if something is.
    pub problem: Option<Text>,
    /// The main button.
    pub next: DomainsNext,
    /// Licences that concern the member's domain, the latest first.
    pub licences: Vec<LicenceScreen>,
    /// The data, the latest first.
    pub data: Vec<DataScreen>,
    /// The domains whose ledgers are here.
    pub domains: Vec<DomainLine>,
}

/// Where the screen of domains leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DomainsNext {
    /// Scan the code of a domain's register.
    Add,
    /// Sign in at one of the domains.
    Enrol,
    /// Have the member's domain take part.
    Register,
    /// Sync.
    Sync,
    /// Nothing: another register is to be chosen.
    Nothing,
}

/// A domain whose ledger is here.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DomainLine {
    /// The domain.
    pub domain: String,
    /// What it is called.
    pub title: Text,
    /// As of when its ledger is here.
    pub state: Text,
    /// What signing in there is called; absent for who is somebody already.
    pub enrol: Option<Text>,
}

/// Data that is published.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataScreen {
    /// By which it is named.
    pub key: String,
    /// What it is called.
    pub title: Text,
    /// Whose it is, the owner's rule, since when.
    pub lines: Vec<Text>,
    /// That it does not count, if so.
    pub warning: Option<Text>,
    /// What a licence is asked by; absent where this member cannot ask.
    pub ask: Option<AskDataScreen>,
}

/// A licence that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AskDataScreen {
    /// The data.
    pub key: String,
    /// What it is called.
    pub title: Text,
    /// The owner's rule.
    pub rule: Text,
    /// The domain that holds it, where a person first becomes known.
    pub holder: String,
    /// Why nobody can be asked for, if so.
    pub problem: Option<Text>,
    /// For whom.
    pub people: Vec<PersonChoice>,
    /// What may be done.
    pub operations: Vec<OpChoice>,
    /// What for.
    pub purposes: Vec<PurposeChoice>,
    /// For how long.
    pub days: Vec<DaysChoice>,
}

/// Somebody for whom a licence is asked.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PersonChoice {
    /// By which the other domain knows them.
    pub user: String,
    /// What they are called.
    pub title: Text,
}

/// Something that may be done with data.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OpChoice {
    /// What.
    pub operation: DataOp,
    /// In words.
    pub title: Text,
}

/// A purpose.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PurposeChoice {
    /// Its code.
    pub purpose: String,
    /// In words, or the code itself.
    pub title: Text,
}

/// A time for which a licence may be asked.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DaysChoice {
    /// How many days.
    pub days: u16,
    /// In words.
    pub title: Text,
}

/// A request for a licence, with what came of it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LicenceScreen {
    /// By which it is named.
    pub thread: String,
    /// Who asks whom.
    pub title: Text,
    /// How far it is.
    pub state: Text,
    /// The mark of that.
    pub mark: LicenceMark,
    /// Why it is so, or what is still to come.
    pub reasons: Vec<Text>,
    /// Which data, for whom, what is to be done, what for, when it was asked.
    pub lines: Vec<Text>,
    /// For what reasons this member may take it back; none if they may not.
    pub causes: Vec<CauseChoice>,
}

/// The mark of a licence: a form and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LicenceMark {
    /// It is not decided.
    Waiting,
    /// It is in force.
    Allowed,
    /// It is not, or no longer.
    Refused,
}

/// A reason for which a licence is taken back.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CauseChoice {
    /// The reason.
    pub cause: RevocationCause,
    /// In words.
    pub title: Text,
}

/// Who looked at data.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataAccessesScreen {
    /// What the data is called.
    pub title: Text,
    /// That the domain that holds it is not here, if so.
    pub warning: Option<Text>,
    /// That nobody looked, if so.
    pub none: Option<Text>,
    /// The latest first.
    pub list: Vec<DataAccessScreen>,
    /// The ledgers that this is from.
    pub sources: Vec<Text>,
}

/// An access to data.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataAccessScreen {
    /// What was done.
    pub title: Text,
    /// By whom, when, what for, under which licence.
    pub lines: Vec<Text>,
    /// What is wrong with it; none if it is in order.
    pub findings: Vec<Text>,
}

/// The screen of domains and data.
#[uniffi::export]
pub fn domains_screen(view: &DomainsView) -> DomainsScreen {
    let member = view.member.as_deref().and_then(|member| Identity::parse(member).ok());
    let speaks = member.as_ref().filter(|member| member.role() == AUTHORITY);
    let next = match (&member, view.ledgers.is_empty()) {
        _ if !view.is_shared => DomainsNext::Nothing,
        (None, true) => DomainsNext::Add,
        (None, false) => DomainsNext::Enrol,
        (Some(_), _) if speaks.is_some() && view.standing == DomainStanding::Apart => DomainsNext::Register,
        (Some(_), _) => DomainsNext::Sync,
    };
    let problem = match view.standing {
        _ if view.is_at_fault => Some("domains.fault"),
        DomainStanding::Apart => speaks.map(|_| "domains.apart"),
        DomainStanding::Proposed => Some("domains.proposed"),
        DomainStanding::Other => speaks.map(|_| "domains.other"),
        DomainStanding::Own => None,
    };
    let asks = speaks.filter(|_| view.standing == DomainStanding::Own);
    DomainsScreen {
        who: match &member {
            Some(member) => {
                with("domains.who", [("party", party(member.as_str())), ("domain", text(member.domain()))])
            }
            None if view.is_shared => plain("domains.begin"),
            None => plain("domains.not-shared"),
        },
        problem: problem.map(plain),
        next,
        licences: view.licences.iter().map(LicenceScreen::from).collect(),
        data: view.data.iter().map(|data| data_screen(data, asks, &view.people)).collect(),
        domains: view.ledgers.iter().map(|ledger| DomainLine::new(ledger, member.is_some())).collect(),
    }
}

/// A message by which somebody becomes known in another domain: one that came, or one's own to be shown.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GreetingScreen {
    /// What it is about.
    pub title: Text,
    /// What it says, or what is done with it.
    pub text: Text,
    /// The codes to show to the other side; none of one that came.
    pub codes: Vec<String>,
    /// The main button.
    pub next: GreetingNext,
}

/// What is done with a message between domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum GreetingNext {
    /// Sign the reply, and show it.
    Reply,
    /// Keep it: it is the last one.
    Keep,
    /// Scan what the other side shows next.
    Scan,
    /// Nothing is left to do.
    Done,
}

/// The screen of a message between domains. `is_own`: it is to be shown to the other side.
#[uniffi::export]
pub fn greeting_screen(greeting: &DomainGreeting, is_own: bool) -> Result<GreetingScreen, Error> {
    let domain = Identity::parse(&greeting.party).map(|party| party.domain().to_owned()).unwrap_or_default();
    let came = |key| with(key, [("party", party(&greeting.party)), ("domain", text(&domain))]);
    let (text, next) = match (is_own, greeting.step) {
        (true, GreetingStep::Record) => (plain("greeting.show-last"), GreetingNext::Done),
        (true, _) => (plain("greeting.show"), GreetingNext::Scan),
        (false, GreetingStep::Hello) => (came("greeting.hello"), GreetingNext::Reply),
        (false, GreetingStep::Vouch) => (came("greeting.vouch"), GreetingNext::Reply),
        (false, GreetingStep::Challenge) => (came("greeting.challenge"), GreetingNext::Reply),
        (false, GreetingStep::Answer) => (came("greeting.answer"), GreetingNext::Reply),
        (false, GreetingStep::Record) => (came("greeting.record"), GreetingNext::Keep),
    };
    let codes = if is_own { codes(&greeting.message)? } else { Vec::new() };
    Ok(GreetingScreen { title: plain("greeting.title"), text, codes, next })
}

/// The screen of who looked at data.
#[uniffi::export]
pub fn data_accesses_screen(accesses: &DataAccesses) -> DataAccessesScreen {
    let away = accesses.holder.as_ref().filter(|holder| {
        accesses.ledgers.iter().all(|ledger| ledger.domain != **holder || ledger.as_of_millis.is_none())
    });
    DataAccessesScreen {
        title: data_title(&accesses.key),
        warning: away.map(|holder| with("looked.not-here", [("domain", text(holder))])),
        none: (accesses.list.is_empty() && away.is_none()).then(|| plain("looked.nobody")),
        list: accesses.list.iter().map(DataAccessScreen::from).collect(),
        sources: sources(&accesses.ledgers),
    }
}

/// The screen of data; `speaks` is who may ask for their domain.
fn data_screen(data: &DomainData, speaks: Option<&Identity>, people: &[DomainPerson]) -> DataScreen {
    let holder = Identity::parse(&data.owner).map(|owner| owner.domain().to_owned()).unwrap_or_default();
    let rule = with("data.rule", [("rule", text(&data.policy))]);
    let title = data_title(&data.key);
    let asks = speaks.is_some_and(|member| member.domain() != holder);
    let ask = (asks && data.is_valid).then(|| {
        let people: Vec<_> =
            people.iter().filter(|person| person.domain == holder).map(PersonChoice::from).collect();
        AskDataScreen {
            key: data.key.clone(),
            title: title.clone(),
            rule: rule.clone(),
            holder: holder.clone(),
            problem: people.is_empty().then(|| with("licence.nobody", [("domain", text(&holder))])),
            people,
            operations: OPS.map(|operation| OpChoice { operation, title: op_text(operation) }).into(),
            purposes: purposes(&data.policy),
            days: DAYS
                .map(|days| DaysChoice { days, title: lasting(u32::from(days) * MINUTES_OF_A_DAY) })
                .into(),
        }
    });
    let owner = with("data.owner", [("party", party(&data.owner)), ("domain", text(&holder))]);
    let published = with("data.published", [("at", Value::Moment(data.at_millis))]);
    DataScreen {
        key: data.key.clone(),
        title,
        lines: vec![owner, rule, published],
        warning: (!data.is_valid).then(|| plain("data.invalid")),
        ask,
    }
}

/// The purposes that a rule names; those that are known, if it names none.
fn purposes(policy: &str) -> Vec<PurposeChoice> {
    const KNOWN: [&str; 4] = ["TREAT", "ETREAT", "HPAYMT", "HRESCH"];
    let lists = policy.split(" for ").skip(1).filter_map(|rest| Some(rest.split_once(" from ")?.0));
    let mut named: Vec<&str> =
        lists.flat_map(|list| list.split(", ")).filter(|name| *name != "any").collect();
    named.sort_unstable();
    named.dedup();
    let all = if named.is_empty() { KNOWN.to_vec() } else { named };
    all.into_iter()
        .map(|code| PurposeChoice { purpose: code.to_owned(), title: purpose_title(code) })
        .collect()
}

fn purpose_title(code: &str) -> Text {
    match purpose_key(code) {
        key if key == "purpose.other" => purpose_line(code),
        key => plain(&key),
    }
}

/// What for, as a line.
fn purpose_line(code: &str) -> Text {
    let purpose = match purpose_key(code) {
        key if key == "purpose.other" => text(code),
        key => Value::Step(key),
    };
    with("access.purpose", [("purpose", purpose)])
}

/// The ledgers that something is from, each as of when.
pub(super) fn sources(ledgers: &[DomainLedger]) -> Vec<Text> {
    let told = |ledger: &DomainLedger| {
        let at = Value::Moment(ledger.as_of_millis?);
        Some(with("looked.as-of", [("domain", text(&ledger.domain)), ("at", at)]))
    };
    ledgers.iter().filter_map(told).collect()
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The first digits of a digest, in groups of four as a person compares them.
pub(super) fn number(digest: &str) -> Value {
    let digits: Vec<char> = digest.chars().take(NUMBER).collect();
    text(&digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" "))
}

pub(super) fn data_title(key: &str) -> Text {
    with("data.title", [("number", number(key))])
}

const OPS: [DataOp; 4] = [DataOp::Read, DataOp::Modify, DataOp::Derive, DataOp::Share];

fn op_text(op: DataOp) -> Text {
    plain(match op {
        DataOp::Read => "op.read",
        DataOp::Modify => "op.modify",
        DataOp::Derive => "op.derive",
        DataOp::Share => "op.share",
    })
}

fn cause_key(cause: RevocationCause) -> &'static str {
    match cause {
        RevocationCause::Owner => "cause.owner",
        RevocationCause::Misuse => "cause.misuse",
        RevocationCause::Invalid => "cause.invalid",
    }
}

fn denial_key(denial: DataDenial) -> &'static str {
    match denial {
        DataDenial::Invalid => "denial.invalid-data",
        DataDenial::Nobody => "denial.nobody",
        DataDenial::Domain => "denial.domain",
        DataDenial::Operation => "denial.operation",
        DataDenial::Purpose => "denial.purpose",
        DataDenial::Level => "denial.level",
        DataDenial::Credit => "denial.credit",
        DataDenial::Behaviour => "denial.behaviour",
        DataDenial::TooEarly => "denial.too-early",
        DataDenial::TooLate => "denial.too-late",
    }
}

fn finding_key(finding: AccessFinding) -> &'static str {
    match finding {
        AccessFinding::NoLicence => "finding.no-licence",
        AccessFinding::OtherUser => "finding.other-user",
        AccessFinding::OtherData => "finding.other-data",
        AccessFinding::Operation => "finding.operation",
        AccessFinding::Time => "finding.time",
        AccessFinding::Revoked => "finding.revoked",
    }
}

impl DomainLine {
    fn new(ledger: &DomainLedger, is_member: bool) -> Self {
        let domain = [("domain", text(&ledger.domain))];
        Self {
            domain: ledger.domain.clone(),
            title: with("domains.name", domain.clone()),
            state: match ledger.as_of_millis {
                Some(at) => with("settings.synced", [("at", Value::Moment(at))]),
                None => plain("settings.never-synced"),
            },
            enrol: (!is_member).then(|| with("domains.enrol", domain)),
        }
    }
}

impl From<&DomainPerson> for PersonChoice {
    fn from(person: &DomainPerson) -> Self {
        let (level, at) = (Value::Number(person.level.into()), Value::Moment(person.until_millis));
        let title = if person.is_own {
            with("licence.you", [("level", level), ("at", at)])
        } else {
            with("licence.known", [("number", number(&person.user)), ("level", level), ("at", at)])
        };
        Self { user: person.user.clone(), title }
    }
}

impl From<&DomainLicence> for LicenceScreen {
    fn from(licence: &DomainLicence) -> Self {
        let at = |key, at| with(key, [("at", Value::Moment(at))]);
        let (state, mark) = match licence.state {
            LicenceState::Voting => (plain("licence.voting"), LicenceMark::Waiting),
            LicenceState::Agreed => (plain("licence.agreed"), LicenceMark::Waiting),
            LicenceState::Lapsed => (plain("licence.lapsed"), LicenceMark::Refused),
            LicenceState::Rejected => (plain("licence.rejected"), LicenceMark::Refused),
            LicenceState::Denied => (plain("request.denied"), LicenceMark::Refused),
            LicenceState::Granted { until_millis } => {
                (at("request.granted", until_millis), LicenceMark::Allowed)
            }
            LicenceState::Over { at_millis } => (at("request.ended", at_millis), LicenceMark::Refused),
            LicenceState::Revoked { at_millis, .. } => {
                (at("licence.revoked", at_millis), LicenceMark::Refused)
            }
        };
        let cause = match licence.state {
            LicenceState::Revoked { cause, .. } => Some(plain(cause_key(cause))),
            _ => None,
        };
        let expected = match licence.denial {
            Some(denial) => Some(plain(denial_key(denial))),
            None => (mark == LicenceMark::Waiting).then(|| plain("licence.expected")),
        };
        let votes = licence.votes.map(|votes| {
            let percent = |part: u8| Value::Number(part.into());
            with("licence.votes", [("yes", percent(votes.yes)), ("no", percent(votes.no))])
        });
        let about = [data_title(&licence.key), with("licence.person", [("number", number(&licence.user))])];
        let asked = [purpose_line(&licence.purpose), at("access.asked", licence.asked_millis)];
        let causes: &[RevocationCause] =
            if licence.may_revoke { &[RevocationCause::Owner, RevocationCause::Misuse] } else { &[] };
        let choice = |cause: &RevocationCause| CauseChoice { cause: *cause, title: plain(cause_key(*cause)) };
        Self {
            thread: licence.thread.clone(),
            title: with("licence.title", [("from", text(&licence.from)), ("to", text(&licence.to))]),
            state,
            mark,
            reasons: [cause, expected, votes].into_iter().flatten().collect(),
            lines: about
                .into_iter()
                .chain(licence.operations.iter().copied().map(op_text))
                .chain(asked)
                .collect(),
            causes: causes.iter().map(choice).collect(),
        }
    }
}

impl From<&DataAccess> for DataAccessScreen {
    fn from(access: &DataAccess) -> Self {
        let user = ("number", number(&access.user));
        let who = match &access.from {
            Some(from) => with("looked.who", [user, ("domain", text(from))]),
            None => with("looked.unknown", [user]),
        };
        let at = [("at", Value::Moment(access.at_millis)), ("domain", text(&access.domain))];
        let licence = with("looked.licence", [("number", number(&access.licence))]);
        let purpose = access.purpose.as_deref().map(purpose_line);
        Self {
            title: op_text(access.operation),
            lines: [Some(who), Some(with("looked.at", at)), purpose, Some(licence)]
                .into_iter()
                .flatten()
                .collect(),
            findings: access.findings.iter().map(|finding| plain(finding_key(*finding))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domains::LicenceVotes;

    const ANA: &str = "spiffe://north.example/domain-authority/ana";
    const LAB: &str = "spiffe://south.example/data-owner/lab";

    fn data(owner: &str, policy: &str, is_valid: bool) -> DomainData {
        DomainData {
            key: "7c1e9a5504b2d3f8".repeat(4),
            owner: owner.to_owned(),
            policy: policy.to_owned(),
            at_millis: 1,
            is_valid,
        }
    }

    fn view(member: Option<&str>) -> DomainsView {
        DomainsView {
            member: member.map(str::to_owned),
            is_shared: true,
            is_at_fault: false,
            standing: DomainStanding::Own,
            ledgers: vec![DomainLedger { domain: "south.example".to_owned(), as_of_millis: Some(5) }],
            data: vec![data(LAB, "allow read for TREAT from any", true)],
            people: vec![person("south.example"), person("west.example")],
            licences: Vec::new(),
        }
    }

    fn person(domain: &str) -> DomainPerson {
        DomainPerson {
            user: "ab".repeat(32),
            is_own: false,
            domain: domain.to_owned(),
            level: 2,
            until_millis: 9,
        }
    }

    fn licence(state: LicenceState) -> DomainLicence {
        DomainLicence {
            thread: "urn:countersign:data:1".to_owned(),
            key: "7c".repeat(32),
            from: "north.example".to_owned(),
            to: "south.example".to_owned(),
            user: "ab".repeat(32),
            operations: vec![DataOp::Read, DataOp::Derive],
            purpose: "TREAT".to_owned(),
            asked_millis: 1,
            state,
            denial: None,
            votes: None,
            may_revoke: false,
        }
    }

    #[test]
    fn the_screen_leads_to_what_is_missing() {
        let screen = |view: &DomainsView| {
            let screen = domains_screen(view);
            (screen.who.key, screen.next, screen.domains.iter().filter(|line| line.enrol.is_some()).count())
        };
        let told = |who: &str, next, enrols| (who.to_owned(), next, enrols);
        assert_eq!(screen(&view(Some(ANA))), told("domains.who", DomainsNext::Sync, 0));
        assert_eq!(screen(&view(None)), told("domains.begin", DomainsNext::Enrol, 1));
        let none = DomainsView { ledgers: Vec::new(), ..view(None) };
        assert_eq!(screen(&none), told("domains.begin", DomainsNext::Add, 0));
        let alone = DomainsView { is_shared: false, ..none };
        assert_eq!(screen(&alone), told("domains.not-shared", DomainsNext::Nothing, 0));
        let at_fault = DomainsView { is_at_fault: true, ..view(Some(ANA)) };
        assert_eq!(domains_screen(&at_fault).problem, Some(plain("domains.fault")));
    }

    #[test]
    fn who_speaks_for_a_domain_that_takes_no_part_has_it_take_part_and_asks_for_nothing() {
        let told = |member, standing| {
            let screen = domains_screen(&DomainsView { standing, ..view(Some(member)) });
            (screen.problem.map(|text| text.key), screen.next, screen.data[0].ask.is_some())
        };
        let problem = |key: &str, next| (Some(key.to_owned()), next, false);
        assert_eq!(told(ANA, DomainStanding::Own), (None, DomainsNext::Sync, true));
        assert_eq!(told(ANA, DomainStanding::Apart), problem("domains.apart", DomainsNext::Register));
        assert_eq!(told(ANA, DomainStanding::Proposed), problem("domains.proposed", DomainsNext::Sync));
        assert_eq!(told(ANA, DomainStanding::Other), problem("domains.other", DomainsNext::Sync));
        let owner = "spiffe://north.example/data-owner/ward";
        assert_eq!(told(owner, DomainStanding::Apart), (None, DomainsNext::Sync, false));
    }

    #[test]
    fn a_greeting_says_who_and_leads_to_the_next_one() {
        let of = |step, is_own| {
            let greeting = DomainGreeting { step, party: ANA.to_owned(), message: vec![7; 900] };
            let screen = greeting_screen(&greeting, is_own).unwrap();
            (screen.text.key, screen.codes.is_empty(), screen.next)
        };
        let told = |key: &str, next| (key.to_owned(), true, next);
        assert_eq!(of(GreetingStep::Hello, false), told("greeting.hello", GreetingNext::Reply));
        assert_eq!(of(GreetingStep::Vouch, false), told("greeting.vouch", GreetingNext::Reply));
        assert_eq!(of(GreetingStep::Challenge, false), told("greeting.challenge", GreetingNext::Reply));
        assert_eq!(of(GreetingStep::Answer, false), told("greeting.answer", GreetingNext::Reply));
        assert_eq!(of(GreetingStep::Record, false), told("greeting.record", GreetingNext::Keep));
        assert_eq!(of(GreetingStep::Vouch, true), ("greeting.show".to_owned(), false, GreetingNext::Scan));
        assert_eq!(
            of(GreetingStep::Record, true),
            ("greeting.show-last".to_owned(), false, GreetingNext::Done)
        );
    }

    #[test]
    fn an_authority_asks_for_others_data_and_for_whom_its_holder_knows() {
        let asks = |member: &str, data: DomainData| {
            domains_screen(&DomainsView { data: vec![data], ..view(Some(member)) }).data[0].ask.clone()
        };
        let rule = "allow read for TREAT from any";
        let ask = asks(ANA, data(LAB, rule, true)).unwrap();
        assert_eq!((ask.people.len(), ask.problem), (1, None));
        assert_eq!(asks(ANA, data("spiffe://north.example/data-owner/ward", rule, true)), None, "its own");
        assert_eq!(asks(ANA, data(LAB, rule, false)), None, "invalid");
        assert_eq!(
            asks("spiffe://north.example/data-owner/ward", data(LAB, rule, true)),
            None,
            "no authority"
        );
        let unknown = asks(ANA, data("spiffe://east.example/data-owner/lab", rule, true)).unwrap();
        assert!(unknown.people.is_empty() && unknown.problem.is_some());
    }

    #[test]
    fn purposes_are_those_that_the_rule_names() {
        let codes = |policy: &str| -> Vec<String> {
            purposes(policy).into_iter().map(|choice| choice.purpose).collect()
        };
        assert_eq!(codes("nobody"), ["TREAT", "ETREAT", "HPAYMT", "HRESCH"]);
        assert_eq!(codes("allow read for any from any"), codes("nobody"));
        let two = "allow read for TREAT, X-1 from north.example; allow share for TREAT from any level 4";
        assert_eq!(codes(two), ["TREAT", "X-1"]);
        assert_eq!(purpose_title("TREAT"), plain("purpose.treat"));
        assert_eq!(purpose_title("X-1"), with("access.purpose", [("purpose", text("X-1"))]));
    }

    #[test]
    fn a_licence_says_how_far_it_is_and_why() {
        let told = |licence: &DomainLicence| {
            let screen = LicenceScreen::from(licence);
            (
                screen.state.key,
                screen.mark,
                screen.reasons.into_iter().map(|text| text.key).collect::<Vec<_>>(),
            )
        };
        let voting =
            DomainLicence { votes: Some(LicenceVotes { yes: 50, no: 0 }), ..licence(LicenceState::Voting) };
        let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            told(&voting),
            ("licence.voting".to_owned(), LicenceMark::Waiting, keys(&["licence.expected", "licence.votes"]))
        );
        let denied = DomainLicence { denial: Some(DataDenial::Level), ..licence(LicenceState::Denied) };
        assert_eq!(
            told(&denied),
            ("request.denied".to_owned(), LicenceMark::Refused, keys(&["denial.level"]))
        );
        let granted = licence(LicenceState::Granted { until_millis: 9 });
        assert_eq!(told(&granted), ("request.granted".to_owned(), LicenceMark::Allowed, keys(&[])));
        let revoked = licence(LicenceState::Revoked { at_millis: 8, cause: RevocationCause::Misuse });
        assert_eq!(
            told(&revoked),
            ("licence.revoked".to_owned(), LicenceMark::Refused, keys(&["cause.misuse"]))
        );
        assert!(LicenceScreen::from(&granted).causes.is_empty());
        let own = DomainLicence { may_revoke: true, ..granted };
        assert_eq!(LicenceScreen::from(&own).causes.len(), 2);
    }

    #[test]
    fn an_empty_list_is_told_as_such_only_where_the_holders_ledger_is_here() {
        let accesses = |holder: &str, as_of_millis| DataAccesses {
            key: "7c".repeat(32),
            holder: Some(holder.to_owned()),
            list: Vec::new(),
            ledgers: vec![DomainLedger { domain: "south.example".to_owned(), as_of_millis }],
        };
        let told = |accesses| {
            let screen = data_accesses_screen(&accesses);
            (screen.none.is_some(), screen.warning.is_some(), screen.sources.len())
        };
        assert_eq!(told(accesses("south.example", Some(5))), (true, false, 1));
        assert_eq!(told(accesses("west.example", Some(5))), (false, true, 1));
        assert_eq!(told(accesses("south.example", None)), (false, true, 0));
    }

    #[test]
    fn an_access_says_who_and_what_is_wrong() {
        let access = DataAccess {
            domain: "south.example".to_owned(),
            user: "ab".repeat(32),
            from: Some("north.example".to_owned()),
            operation: DataOp::Share,
            at_millis: 1,
            licence: "cd".repeat(32),
            purpose: Some("TREAT".to_owned()),
            findings: vec![AccessFinding::Operation, AccessFinding::Revoked],
        };
        let keys = |texts: Vec<Text>| texts.into_iter().map(|text| text.key).collect::<Vec<_>>();
        let screen = DataAccessScreen::from(&access);
        assert_eq!(keys(screen.lines), ["looked.who", "looked.at", "access.purpose", "looked.licence"]);
        assert_eq!(keys(screen.findings), ["finding.operation", "finding.revoked"]);
        let stranger = DataAccess { from: None, purpose: None, ..access };
        assert_eq!(
            keys(DataAccessScreen::from(&stranger).lines),
            ["looked.unknown", "looked.at", "looked.licence"]
        );
    }

    #[test]
    fn a_digest_is_shown_in_groups_that_a_person_compares() {
        assert_eq!(number(&"7c1e9a55".repeat(8)), text("7c1e 9a55"));
        assert_eq!(number("7c"), text("7c"));
    }
}

//! Licence policies: who may do what with data of another domain, as text, and the one function that decides.
//!
//! ```text
//! policy  = "nobody" / rule *(";" rule)
//! rule    = "allow" ops "for" ( "any" / purposes ) "from" ( "any" / domains ) *clause
//! clause  = "level" 0..255 / "after" moment / "until" moment / "credit" 0..100 / "behaviour" 0..100
//!                                      ; each once, in this order
//! ops     = op *("," op)                   ; read, modify, derive, share
//! moment  = 2026-11-28T12:00:00Z
//! ```
//!
//! A rule permits if all that it says holds; a policy, if one of its rules does. There is no prohibition, so rules
//! have no order. The canonical text has one space where spaces are, lists sorted and each word once; the policy's
//! hash is of that text. The paper names what a policy speaks of (level, domain, operation, purpose, time, credit);
//! the language is ours.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use countersign_ledger::{Hash, UnixMillis};

use crate::behaviour::Behaviour;
use crate::credit::Credit;
use crate::op::{Op, Ops};

/// Longest text: that of a statement's field.
pub const MAX_TEXT: usize = 1024;
/// Most rules.
pub const MAX_RULES: usize = 8;
/// Most purposes or domains of a rule.
pub const MAX_NAMES: usize = 16;
/// Longest name of a purpose or domain.
pub(crate) const MAX_NAME: usize = 64;

/// Why a text is no policy. Places are counted in bytes from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text is longer than [`MAX_TEXT`], or becomes so in its canonical form.
    #[error("a policy has at most {MAX_TEXT} bytes")]
    TooLong,
    /// Something else was to be here.
    #[error(
        "byte {0}: a rule is `allow OPS for PURPOSES from DOMAINS`, then level, after, until, credit, behaviour"
    )]
    Unexpected(usize),
    /// Not an operation, purpose or domain.
    #[error("byte {0}: not the name of an operation, a purpose or a domain")]
    Name(usize),
    /// A number or a moment that is none, or too large.
    #[error("byte {0}: not a number or a moment that may be here")]
    Value(usize),
    /// More than [`MAX_RULES`] rules, or [`MAX_NAMES`] names in one list.
    #[error("a policy has at most {MAX_RULES} rules, and a list {MAX_NAMES} names")]
    TooMany,
    /// A time window in which there is no time.
    #[error("byte {0}: the window ends before it begins")]
    Window(usize),
}

/// Names that fit: any at all, or these.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Names {
    Any,
    These(BTreeSet<String>),
}

impl Names {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(names) => names.contains(name),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str(ANY),
            Self::These(names) => {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

const ANY: &str = "any";
const NOBODY: &str = "nobody";

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    ops: Ops,
    purposes: Names,
    domains: Names,
    level: u8,
    after: Option<UnixMillis>,
    until: Option<UnixMillis>,
    /// In percent.
    credit: u8,
    /// In percent.
    behaviour: u8,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "allow {} for {} from {}", self.ops, self.purposes, self.domains)?;
        if self.level > 0 {
            write!(f, " level {}", self.level)?;
        }
        if let Some(after) = self.after {
            write!(f, " after {after}")?;
        }
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        if self.credit > 0 {
            write!(f, " credit {}", self.credit)?;
        }
        if self.behaviour > 0 {
            write!(f, " behaviour {}", self.behaviour)?;
        }
        Ok(())
    }
}

/// Who may do what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy(Vec<Rule>);

impl Policy {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_TEXT {
            return Err(PolicyError::TooLong);
        }
        let mut words = Words { text, at: 0 };
        let rules = if words.take(NOBODY) { Vec::new() } else { rules(&mut words)? };
        words.end()?;
        let policy = Self(rules);
        if policy.to_string().len() > MAX_TEXT { Err(PolicyError::TooLong) } else { Ok(policy) }
    }

    /// The hash of the canonical text.
    pub fn hash(&self) -> Hash {
        Hash::framed("countersign/licence-policy/v1", &[self.to_string().as_bytes()])
    }

    /// Whether it permits what is asked for, and if not, why: the first reason of the rule that comes nearest.
    pub fn decide(&self, asked: &Asked<'_>) -> Decision {
        if !asked.valid {
            return Decision::Denied(Denial::Invalid);
        }
        let decisions = self.0.iter().map(|rule| rule.decide(asked));
        decisions.max().unwrap_or(Decision::Denied(Denial::Nobody))
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Self::parse(text)
    }
}

/// The canonical text.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NOBODY);
        }
        for (at, rule) in self.0.iter().enumerate() {
            write!(f, "{}{rule}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// What is asked for, and all that a decision rests on. Every notary has it from the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked<'a> {
    /// What is to be done.
    pub ops: Ops,
    /// What for.
    pub purpose: &'a str,
    /// The domain that asks.
    pub domain: &'a str,
    /// How well the domain that holds the data knows who asks.
    pub level: u8,
    /// When it is asked.
    pub at: UnixMillis,
    /// Until when it is asked for.
    pub until: UnixMillis,
    /// The credit of the domain that asks.
    pub credit: Credit,
    /// How who asks has behaved.
    pub behaviour: Behaviour,
    /// Whether the data is valid.
    pub valid: bool,
}

/// What follows. The order is that of coming nearer: a denial for a later reason is nearer to a permit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Decision {
    /// It is denied.
    Denied(Denial),
    /// It is permitted.
    Permitted,
}

macro_rules! denials {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)+) => {
        /// Why something is denied, in the order in which it is looked at.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Denial { $($(#[$doc])* $variant = $number,)+ }

        impl Denial {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

denials! {
    /// The data is invalid: its owner, or the owner of what it comes from, was proven malicious.
    Invalid = 1, "invalid-data";
    /// The policy permits nothing to anybody.
    Nobody = 2, "nobody";
    /// The domain may not ask.
    Domain = 3, "domain-not-allowed";
    /// The operation is not allowed.
    Op = 4, "operation-not-allowed";
    /// The purpose is not allowed.
    Purpose = 5, "purpose-not-allowed";
    /// Who asks is not known well enough.
    Level = 6, "level-too-low";
    /// The domain's notaries have too little credit.
    Credit = 7, "credit-too-low";
    /// Who asks has not behaved well enough.
    Behaviour = 8, "behaviour-too-bad";
    /// The window has not begun.
    TooEarly = 9, "too-early";
    /// The window ends before what is asked for would.
    TooLate = 10, "too-late";
}

impl Decision {
    /// The number in a statement: zero for a permit.
    pub const fn number(self) -> u64 {
        match self {
            Self::Permitted => 0,
            Self::Denied(denial) => denial as u64,
        }
    }

    /// The decision of a number.
    pub fn from_number(number: u64) -> Option<Self> {
        let denied = || Denial::ALL.iter().copied().find(|denial| *denial as u64 == number);
        if number == 0 { Some(Self::Permitted) } else { denied().map(Self::Denied) }
    }
}

impl Rule {
    fn decide(&self, asked: &Asked<'_>) -> Decision {
        let credit = u64::from(asked.credit.hundredths()) >= u64::from(self.credit) * 100;
        let holds = [
            (Denial::Domain, self.domains.has(asked.domain)),
            (Denial::Op, asked.ops.within(self.ops)),
            (Denial::Purpose, self.purposes.has(asked.purpose)),
            (Denial::Level, asked.level >= self.level),
            (Denial::Credit, credit),
            (Denial::Behaviour, asked.behaviour.is_at_least(self.behaviour)),
            (Denial::TooEarly, self.after.is_none_or(|after| asked.at >= after)),
            (Denial::TooLate, self.until.is_none_or(|until| asked.until <= until)),
        ];
        let denial = holds.into_iter().find(|(_, holds)| !holds);
        denial.map_or(Decision::Permitted, |(denial, _)| Decision::Denied(denial))
    }
}

fn rules(words: &mut Words<'_>) -> Result<Vec<Rule>, PolicyError> {
    let mut rules = Vec::new();
    loop {
        if rules.len() == MAX_RULES {
            return Err(PolicyError::TooMany);
        }
        rules.push(rule(words)?);
        if !words.take(";") {
            return Ok(rules);
        }
    }
}

fn rule(words: &mut Words<'_>) -> Result<Rule, PolicyError> {
    words.expect("allow")?;
    let mut ops = Ops::NONE;
    for (at, word) in words.list()? {
        ops = ops.with(word.parse::<Op>().map_err(|_| PolicyError::Name(at))?);
    }
    words.expect("for")?;
    let purposes = words.names(is_purpose)?;
    words.expect("from")?;
    let domains = words.names(is_domain)?;
    let level = words.clause("level", |word| number(word, u8::MAX))?.unwrap_or_default();
    let after: Option<UnixMillis> = words.clause("after", |word| word.parse().ok())?;
    let at = words.at;
    let until: Option<UnixMillis> = words.clause("until", |word| word.parse().ok())?;
    if after.zip(until).is_some_and(|(after, until)| after >= until) {
        return Err(PolicyError::Window(at));
    }
    let credit = words.clause("credit", |word| number(word, 100))?.unwrap_or_default();
    let behaviour = words.clause("behaviour", |word| number(word, 100))?.unwrap_or_default();
    Ok(Rule { ops, purposes, domains, level, after, until, credit, behaviour })
}

/// Whether a text may be a purpose, such as a code of HL7's `PurposeOfUse`.
pub(crate) fn is_purpose(word: &str) -> bool {
    is_name(word, |c| c.is_ascii_alphanumeric() || c == b'-')
}

/// Whether a text may be a trust domain.
pub(crate) fn is_domain(word: &str) -> bool {
    is_name(word, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.' | b'_'))
}

fn is_name(word: &str, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=MAX_NAME).contains(&word.len()) && word.bytes().all(allowed) && word != ANY
}

/// A number without leading zeros.
fn number(word: &str, most: u8) -> Option<u8> {
    let number = word.parse::<u8>().ok().filter(|number| *number <= most)?;
    (number.to_string() == word).then_some(number)
}

/// Reads a text word by word.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// The next word, without taking it: a comma, a semicolon, or what is between them and spaces.
    fn next(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start_matches([' ', '\t', '\r', '\n']);
        self.at = self.text.len() - rest.len();
        let length = rest.find([' ', '\t', '\r', '\n', ',', ';']).unwrap_or(rest.len());
        let length = if length == 0 { rest.len().min(1) } else { length };
        // safe: cut before an ASCII character, after one, or at the end.
        &rest[..length]
    }

    fn take(&mut self, word: &str) -> bool {
        let here = self.next() == word;
        self.at += if here { word.len() } else { 0 };
        here
    }

    fn expect(&mut self, word: &str) -> Result<(), PolicyError> {
        if self.take(word) { Ok(()) } else { Err(PolicyError::Unexpected(self.at)) }
    }

    fn end(&mut self) -> Result<(), PolicyError> {
        if self.next().is_empty() { Ok(()) } else { Err(PolicyError::Unexpected(self.at)) }
    }

    /// Words between commas, with their places.
    fn list(&mut self) -> Result<Vec<(usize, &'a str)>, PolicyError> {
        let mut list = Vec::new();
        loop {
            let word = self.next();
            if list.len() == MAX_NAMES {
                return Err(PolicyError::TooMany);
            }
            list.push((self.at, word));
            self.at += word.len();
            if !self.take(",") {
                return Ok(list);
            }
        }
    }

    fn names(&mut self, is_name: impl Fn(&str) -> bool) -> Result<Names, PolicyError> {
        if self.take(ANY) {
            return Ok(Names::Any);
        }
        let list = self.list()?;
        if let Some((at, _)) = list.iter().find(|(_, word)| !is_name(word)) {
            return Err(PolicyError::Name(*at));
        }
        Ok(Names::These(list.into_iter().map(|(_, word)| word.to_owned()).collect()))
    }

    /// What follows a word, if that word is here.
    fn clause<T>(&mut self, word: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, PolicyError> {
        if !self.take(word) {
            return Ok(None);
        }
        let value = self.next();
        let read = read(value).ok_or(PolicyError::Value(self.at))?;
        self.at += value.len();
        Ok(Some(read))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "allow read, derive for TREAT from north.example level 2 after 2026-01-01T00:00:00Z \
                        until 2027-01-01T00:00:00Z credit 40 behaviour 75; allow read for any from any level 4";

    fn asked() -> Asked<'static> {
        Asked {
            ops: Ops::of([Op::Read]),
            purpose: "TREAT",
            domain: "north.example",
            level: 2,
            at: "2026-06-01T00:00:00Z".parse().unwrap(),
            until: "2026-06-02T00:00:00Z".parse().unwrap(),
            credit: Credit::new(5000).unwrap(),
            behaviour: Behaviour { kept: 9, broken: 1 },
            valid: true,
        }
    }

    #[test]
    fn a_policy_permits_what_all_of_one_rule_holds_for() {
        let policy = Policy::parse(TEXT).unwrap();
        assert_eq!(policy.decide(&asked()), Decision::Permitted);
        let elsewhere = Asked { domain: "west.example", purpose: "X", ..asked() };
        assert_eq!(policy.decide(&Asked { level: 4, ..elsewhere }), Decision::Permitted);
    }

    #[test]
    fn each_denial_has_its_reason_and_the_nearest_rule_gives_it() {
        let first = TEXT.split(';').next().unwrap();
        let policy = Policy::parse(first).unwrap();
        let at = |text: &str| text.parse::<UnixMillis>().unwrap();
        for (asked, denial) in [
            (Asked { valid: false, ..asked() }, Denial::Invalid),
            (Asked { domain: "north.example.org", ..asked() }, Denial::Domain),
            (Asked { ops: Ops::of([Op::Read, Op::Share]), ..asked() }, Denial::Op),
            (Asked { purpose: "HRESCH", ..asked() }, Denial::Purpose),
            (Asked { level: 1, ..asked() }, Denial::Level),
            (Asked { credit: Credit::new(3999).unwrap(), ..asked() }, Denial::Credit),
            (Asked { behaviour: Behaviour { kept: 1, broken: 1 }, ..asked() }, Denial::Behaviour),
            (Asked { at: at("2025-12-31T23:59:59Z"), ..asked() }, Denial::TooEarly),
            (Asked { until: at("2027-01-01T00:00:01Z"), ..asked() }, Denial::TooLate),
        ] {
            assert_eq!(policy.decide(&asked), Decision::Denied(denial));
        }
        let edge = Asked {
            at: at("2026-01-01T00:00:00Z"),
            until: at("2027-01-01T00:00:00Z"),
            credit: Credit::new(4000).unwrap(),
            ..asked()
        };
        assert_eq!(policy.decide(&edge), Decision::Permitted);
        let both = Policy::parse(&format!("{first}; allow share for any from north.example")).unwrap();
        assert_eq!(both.decide(&Asked { level: 1, ..asked() }), Decision::Denied(Denial::Level));
        let nobody = Policy::parse(" nobody ").unwrap();
        assert_eq!(nobody.decide(&asked()), Decision::Denied(Denial::Nobody));
    }

    #[test]
    fn decisions_have_numbers_and_names_of_their_own() {
        let all = Denial::ALL.iter().map(|denial| Decision::Denied(*denial));
        for decision in all.chain([Decision::Permitted]) {
            assert_eq!(Decision::from_number(decision.number()), Some(decision));
        }
        assert_eq!(Decision::from_number(11), None);
        let names: BTreeSet<_> = Denial::ALL.iter().map(|denial| denial.as_str()).collect();
        assert_eq!(names.len(), Denial::ALL.len());
    }

    #[test]
    fn the_canonical_text_has_one_form() {
        let loose = "  allow share,read , read for  HRESCH,TREAT from b.example,\ta.example level 0 credit 0;\
                     allow read for any from any ";
        let canonical =
            "allow read, share for HRESCH, TREAT from a.example, b.example; allow read for any from any";
        assert_eq!(Policy::parse(loose).unwrap().to_string(), canonical);
        assert_eq!(Policy::parse(loose).unwrap().hash(), Policy::parse(canonical).unwrap().hash());
        assert_ne!(Policy::parse(TEXT).unwrap().hash(), Policy::parse(canonical).unwrap().hash());
        assert_eq!(Policy::parse(TEXT).unwrap().to_string(), TEXT);
    }

    #[test]
    fn other_texts_have_their_reason() {
        let name = "x".repeat(65);
        let many = (0..17).map(|n| format!("d{n}")).collect::<Vec<_>>().join(",");
        for (text, error) in [
            ("", PolicyError::Unexpected(0)),
            ("allow", PolicyError::Name(5)),
            ("allow read", PolicyError::Unexpected(10)),
            ("allow read, for any from any", PolicyError::Name(12)),
            ("allow eat for any from any", PolicyError::Name(6)),
            ("allow read for any from D.example", PolicyError::Name(24)),
            ("allow read for any, TREAT from any", PolicyError::Unexpected(18)),
            ("allow read for TREAT, any from any", PolicyError::Name(22)),
            ("allow read for any from any level 256", PolicyError::Value(34)),
            ("allow read for any from any level 02", PolicyError::Value(34)),
            ("allow read for any from any level", PolicyError::Value(33)),
            ("allow read for any from any credit 101", PolicyError::Value(35)),
            ("allow read for any from any until 2026-01-01", PolicyError::Value(34)),
            ("allow read for any from any credit 1 level 1", PolicyError::Unexpected(37)),
            ("allow read for any from any level 1 level 1", PolicyError::Unexpected(36)),
            ("allow read for any from any;", PolicyError::Unexpected(28)),
            ("nobody; allow read for any from any", PolicyError::Unexpected(6)),
            (
                "allow read for any from any after 2027-01-01T00:00:00Z until 2027-01-01T00:00:00Z",
                PolicyError::Window(54),
            ),
            (&format!("allow read for any from {name}"), PolicyError::Name(24)),
            (&format!("allow read for any from {many}"), PolicyError::TooMany),
            (&["allow read for any from any"; 9].join(";"), PolicyError::TooMany),
            (&" ".repeat(MAX_TEXT + 1), PolicyError::TooLong),
            ("allow réad for any from any", PolicyError::Name(6)),
        ] {
            assert_eq!(Policy::parse(text), Err(error), "{text}");
        }
    }

    fn names() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("any".to_owned()),
            prop::collection::vec("d[a-z0-9.]{0,9}", 1..4).prop_map(|names| names.join(","))
        ]
    }

    prop_compose! {
        fn rule_text()(
            ops in prop::collection::vec(prop::sample::select(vec!["read", "modify", "derive", "share"]), 1..5),
            purposes in prop_oneof![Just("any".to_owned()), "[A-Z]{1,9}(,[A-Z]{1,9}){0,3}"],
            domains in names(),
            level in prop::option::of(any::<u8>()),
            after in prop::option::of(0_u64..1_000_000),
            until in prop::option::of(1_000_000_u64..9_000_000_000),
            credit in prop::option::of(0_u8..=100),
            behaviour in prop::option::of(0_u8..=100),
        ) -> String {
            let clause = |name: &str, value: Option<String>| {
                value.map_or(String::new(), |value| format!(" {name} {value}"))
            };
            let moment = |seconds: u64| UnixMillis::from_seconds(seconds).to_string();
            [
                format!("allow {} for {purposes} from {domains}", ops.join(" , ")),
                clause("level", level.map(|n| n.to_string())),
                clause("after", after.map(moment)),
                clause("until", until.map(moment)),
                clause("credit", credit.map(|n| n.to_string())),
                clause("behaviour", behaviour.map(|n| n.to_string())),
            ]
            .concat()
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_the_same(rules in prop::collection::vec(rule_text(), 1..4)) {
            let policy = Policy::parse(&rules.join(";")).unwrap();
            let text = policy.to_string();
            prop_assert_eq!(Policy::parse(&text), Ok(policy.clone()));
            prop_assert_eq!(Policy::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(allow|read|for|any|from|until|[,; é0-9a-zA-Z]){0,40}") {
            if let Ok(policy) = Policy::parse(&text) {
                prop_assert_eq!(Policy::parse(&policy.to_string()), Ok(policy));
            }
        }
    }
}

//! Whose signatures a checkpoint needs (C2SP tlog-policy).
//!
//! In scope: the text form, read strictly and written; the quorum with its nested groups. Out of scope: the URLs, which
//! are kept and never used.
//!
//! Narrower than the standard, so that each of our policies is valid elsewhere and is at least as strict here:
//! - *all* keys listed for a log's origin must have signed, not any one of them: a log has a P-256 and an Ed25519 key;
//! - `quorum none` is refused: without cosignatures a checkpoint has no provable age, and a fork would go unnoticed;
//! - the text is UTF-8, logs sign with types 0x01 and 0x02, witnesses with 0x04.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::UnixMillis;
use crate::vkey::{SignatureType, VerifierKey, VerifierKeyError};

/// Longest policy text in bytes.
const MAX_POLICY_LEN: usize = 64 * 1024;
/// Most `log` lines: two keys for each of 64 logs. The standard recommends at least 32.
const MAX_LOG_KEYS: usize = 128;
/// Most `witness` lines, fewer than [`crate::MAX_SIGNATURES`]. The standard recommends at least 32.
const MAX_WITNESSES: usize = 48;
/// Most `group` lines. The standard recommends at least 32.
const MAX_GROUPS: usize = 48;

/// The error in one line of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The text is too long.
    #[error("the policy is longer than {MAX_POLICY_LEN} bytes")]
    TooLong,
    /// Too many lines of one kind.
    #[error("there are too many lines of this kind")]
    TooMany,
    /// No newline after the last line.
    #[error("the line is not ended by a newline")]
    NotEnded,
    /// A control character other than tab and newline.
    #[error("the line contains a control character")]
    ControlCharacter,
    /// Not one of `log`, `witness`, `group` and `quorum`.
    #[error("the line begins with an unknown word")]
    UnknownWord,
    /// Too few or too many fields.
    #[error("the line has the wrong number of fields")]
    Fields,
    /// Not a verifier key.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// A log with a cosigner's key, or a witness without one.
    #[error("the key's type does not fit its role")]
    KeyType,
    /// The public key is on an earlier line of the same kind.
    #[error("the public key is listed twice")]
    DuplicateKey,
    /// The name is already defined, or is `none`.
    #[error("the name is already defined, or is `none`")]
    NameTaken,
    /// The name is not defined on an earlier line.
    #[error("the name is not defined above")]
    UndefinedName,
    /// The name is already a member of a group.
    #[error("the name is already a member of a group")]
    MemberTwice,
    /// Not `any`, `all`, or a number from 1 to the number of members.
    #[error("the group's threshold is not between 1 and its number of members")]
    Threshold,
    /// `quorum none`.
    #[error("a quorum of none is not accepted")]
    QuorumNone,
    /// A second quorum line.
    #[error("there is a second quorum")]
    SecondQuorum,
    /// The policy ends without a quorum line.
    #[error("there is no quorum")]
    NoQuorum,
}

/// Why text is not a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("policy line {line}: {fault}")]
pub struct PolicyError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: PolicyFault,
}

/// How far the cosignatures on a checkpoint are from the quorum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{have} of the {need} cosignatures that {name} needs; missing: {}", missing.join(", "))]
pub struct Shortfall {
    /// Name of the group or witness that is the quorum.
    pub name: String,
    /// How many of its members are satisfied.
    pub have: usize,
    /// How many would have to be.
    pub need: usize,
    /// The witnesses in the policy that have not cosigned.
    pub missing: Vec<String>,
}

/// The logs that are known and the witnesses that must have cosigned their checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Member,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Log {
    key: VerifierKey,
    url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Witness {
    name: String,
    key: VerifierKey,
    url: Option<String>,
}

/// Members are defined on earlier lines than their group, so there is no cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    /// From 1 to the number of members.
    threshold: usize,
    members: Vec<Member>,
}

/// A position in the list of witnesses or of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

impl Policy {
    /// The logs' names, each once, in alphabetical order.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        let mut origins: Vec<_> = self.logs.iter().map(|log| log.key.name()).collect();
        origins.sort_unstable();
        origins.dedup();
        origins.into_iter()
    }

    /// The keys of a log; empty if the policy does not name it.
    pub fn log_keys(&self, origin: &str) -> impl Iterator<Item = &VerifierKey> {
        self.logs.iter().map(|log| &log.key).filter(move |key| key.name() == origin)
    }

    /// The same policy for one log and its Ed25519 key alone, which is all that most readers of C2SP policies know; a reader
    /// elsewhere takes *any* key that is listed for a log. `None` if the log has no such key here.
    #[must_use]
    pub fn for_readers(&self, origin: &str) -> Option<Self> {
        let is_read = |log: &&Log| log.key.name() == origin && log.key.kind() == SignatureType::Ed25519;
        let logs: Vec<Log> = self.logs.iter().filter(is_read).cloned().collect();
        (!logs.is_empty()).then(|| Self { logs, ..self.clone() })
    }

    /// The witnesses: their names in this policy, which may differ from their keys' names, and their keys.
    pub fn witnesses(&self) -> impl Iterator<Item = (&str, &VerifierKey)> {
        self.witnesses.iter().map(|witness| (witness.name.as_str(), &witness.key))
    }

    /// The latest time such that the cosignatures of that time or later meet the quorum. `times` has one entry for each
    /// witness, in order. A group with threshold k has the k-th latest time among its members.
    pub(crate) fn quorum_time(&self, times: &[Option<UnixMillis>]) -> Result<UnixMillis, Shortfall> {
        let mut groups: Vec<Option<UnixMillis>> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let mut times = satisfied(&group.members, times, &groups);
            times.sort_unstable_by(|a, b| b.cmp(a));
            groups.push(times.get(group.threshold - 1).copied());
        }
        let time = satisfied(&[self.quorum], times, &groups).first().copied();
        time.ok_or_else(|| self.shortfall(times, &groups))
    }

    fn shortfall(&self, times: &[Option<UnixMillis>], groups: &[Option<UnixMillis>]) -> Shortfall {
        let (have, need) = match self.quorum {
            Member::Witness(_) => (0, 1),
            Member::Group(i) => {
                (satisfied(&self.groups[i].members, times, groups).len(), self.groups[i].threshold)
            }
        };
        let missing = self.witnesses.iter().zip(times).filter(|(_, time)| time.is_none());
        let missing = missing.map(|(witness, _)| witness.name.clone()).collect();
        Shortfall { name: self.member_name(self.quorum).to_owned(), have, need, missing }
    }

    fn member_name(&self, member: Member) -> &str {
        match member {
            Member::Witness(i) => &self.witnesses[i].name,
            Member::Group(i) => &self.groups[i].name,
        }
    }
}

/// The times of those members that have one.
fn satisfied(
    members: &[Member],
    witnesses: &[Option<UnixMillis>],
    groups: &[Option<UnixMillis>],
) -> Vec<UnixMillis> {
    let time = |member: &Member| match *member {
        Member::Witness(i) => witnesses.get(i).copied().flatten(),
        Member::Group(i) => groups.get(i).copied().flatten(),
    };
    members.iter().filter_map(time).collect()
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map_or_else(String::new, |url| format!(" {url}"));
        for log in &self.logs {
            writeln!(f, "log {}{}", log.key, url(&log.url))?;
        }
        for witness in &self.witnesses {
            writeln!(f, "witness {} {}{}", witness.name, witness.key, url(&witness.url))?;
        }
        for group in &self.groups {
            match group.threshold {
                k if k == group.members.len() => write!(f, "group {} all", group.name)?,
                1 => write!(f, "group {} any", group.name)?,
                k => write!(f, "group {} {k}", group.name)?,
            }
            group.members.iter().try_for_each(|&member| write!(f, " {}", self.member_name(member)))?;
            writeln!(f)?;
        }
        writeln!(f, "quorum {}", self.member_name(self.quorum))
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_LEN {
            return Err(PolicyError { line: 1, fault: PolicyFault::TooLong });
        }
        let mut parser = Parser::default();
        let mut line = 1;
        for content in text.split_inclusive('\n') {
            parser.line(content).map_err(|fault| PolicyError { line, fault })?;
            line += 1;
        }
        parser.finish().map_err(|fault| PolicyError { line, fault })
    }
}

/// The lines read so far.
#[derive(Default)]
struct Parser {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    /// What each name refers to, and whether a group has it as a member.
    names: BTreeMap<String, (Member, bool)>,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), PolicyFault> {
        let line = line.strip_suffix('\n').ok_or(PolicyFault::NotEnded)?;
        if line.contains(|c: char| c.is_ascii_control() && c != '\t') {
            return Err(PolicyFault::ControlCharacter);
        }
        let fields: Vec<_> = line.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
        match fields[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, threshold, ref members @ ..] if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            ["quorum", name] => self.quorum(name),
            ["log" | "witness" | "group" | "quorum", ..] => Err(PolicyFault::Fields),
            _ => Err(PolicyFault::UnknownWord),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), PolicyFault> {
        let key: VerifierKey = key.parse()?;
        if key.kind() == SignatureType::Cosignature {
            return Err(PolicyFault::KeyType);
        }
        if self.logs.iter().any(|log| log.key.same_public_key(&key)) {
            return Err(PolicyFault::DuplicateKey);
        }
        push(&mut self.logs, MAX_LOG_KEYS, Log { key, url: url.map(str::to_owned) })
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), PolicyFault> {
        let key: VerifierKey = key.parse()?;
        if key.kind() != SignatureType::Cosignature {
            return Err(PolicyFault::KeyType);
        }
        if self.witnesses.iter().any(|witness| witness.key.same_public_key(&key)) {
            return Err(PolicyFault::DuplicateKey);
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        let witness = Witness { name: name.to_owned(), key, url: url.map(str::to_owned) };
        push(&mut self.witnesses, MAX_WITNESSES, witness)
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), PolicyFault> {
        let threshold = match threshold {
            "any" => 1,
            "all" => members.len(),
            k => k.parse().ok().filter(|n: &usize| n.to_string() == k).ok_or(PolicyFault::Threshold)?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(PolicyFault::Threshold);
        }
        let members = members.iter().map(|name| self.enlist(name)).collect::<Result<_, _>>()?;
        self.define(name, Member::Group(self.groups.len()))?;
        push(&mut self.groups, MAX_GROUPS, Group { name: name.to_owned(), threshold, members })
    }

    fn quorum(&mut self, name: &str) -> Result<(), PolicyFault> {
        if name == "none" {
            return Err(PolicyFault::QuorumNone);
        }
        let (member, _) = self.names.get(name).ok_or(PolicyFault::UndefinedName)?;
        if self.quorum.replace(*member).is_some() { Err(PolicyFault::SecondQuorum) } else { Ok(()) }
    }

    fn define(&mut self, name: &str, member: Member) -> Result<(), PolicyFault> {
        let taken = name == "none" || self.names.insert(name.to_owned(), (member, false)).is_some();
        if taken { Err(PolicyFault::NameTaken) } else { Ok(()) }
    }

    /// Makes `name` a member of a group. Each name is in one group at most, so that no witness counts twice.
    fn enlist(&mut self, name: &str) -> Result<Member, PolicyFault> {
        let (member, enlisted) = self.names.get_mut(name).ok_or(PolicyFault::UndefinedName)?;
        if std::mem::replace(enlisted, true) { Err(PolicyFault::MemberTwice) } else { Ok(*member) }
    }

    fn finish(self) -> Result<Policy, PolicyFault> {
        let quorum = self.quorum.ok_or(PolicyFault::NoQuorum)?;
        Ok(Policy { logs: self.logs, witnesses: self.witnesses, groups: self.groups, quorum })
    }
}

fn push<T>(list: &mut Vec<T>, max: usize, item: T) -> Result<(), PolicyFault> {
    if list.len() == max {
        return Err(PolicyFault::TooMany);
    }
    list.push(item);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cosigner, NoteSigner};

    fn log(seed: u8) -> String {
        NoteSigner::ed25519("log", &[seed; 32]).unwrap().verifier_key().to_string()
    }

    fn witness(seed: u8) -> String {
        Cosigner::new("w", &[seed; 32]).unwrap().verifier_key().to_string()
    }

    /// Five witnesses in two groups, as in the standard's example.
    fn example() -> String {
        let witnesses =
            (1..=5).map(|i| format!("witness w{i} {}\n", witness(i))).collect::<Vec<_>>().concat();
        format!(
            "# a comment\n\n log\t{} https://example.com\n{witnesses}group x 2 w1 w2 w3\ngroup y any w4 w5 \n\
             group z all x y\nquorum z\n",
            log(1)
        )
    }

    fn fault(text: &str) -> (usize, PolicyFault) {
        let error = text.parse::<Policy>().unwrap_err();
        (error.line, error.fault)
    }

    #[test]
    fn readers_elsewhere_are_given_one_key_of_one_log_and_the_whole_quorum() {
        let keys = [
            NoteSigner::p256("log", &[1; 32]).unwrap(),
            NoteSigner::ed25519("log", &[2; 32]).unwrap(),
            NoteSigner::ed25519("other", &[3; 32]).unwrap(),
            NoteSigner::p256("only-p256", &[4; 32]).unwrap(),
        ];
        let logs = keys.each_ref().map(|key| format!("log {}\n", key.verifier_key()));
        let rest = example().split_once("example.com\n").unwrap().1.to_owned();
        let policy: Policy = (logs.concat() + &rest).parse().unwrap();
        let narrow = policy.for_readers("log").unwrap();
        assert_eq!(narrow.origins().collect::<Vec<_>>(), ["log"]);
        assert_eq!(narrow.log_keys("log").collect::<Vec<_>>(), [keys[1].verifier_key()]);
        assert_eq!(
            narrow.to_string().split_once('\n').unwrap().1,
            policy.to_string().splitn(5, '\n').last().unwrap()
        );
        assert_eq!((policy.for_readers("only-p256"), policy.for_readers("nobody")), (None, None));
    }

    #[test]
    fn a_policy_is_read_back_from_what_it_prints() {
        let policy: Policy = example().parse().unwrap();
        let printed = policy.to_string();
        assert_eq!(printed.parse(), Ok(policy.clone()));
        assert_eq!(printed.parse::<Policy>().unwrap().to_string(), printed);
        assert!(printed.ends_with("group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup z all x y\nquorum z\n"));
        assert_eq!(policy.origins().collect::<Vec<_>>(), ["log"]);
        assert_eq!((policy.log_keys("log").count(), policy.log_keys("gol").count()), (1, 0));
    }

    #[test]
    fn the_quorum_is_as_old_as_its_youngest_sufficient_cosignatures() {
        let policy: Policy = example().parse().unwrap();
        let time = |times: [u64; 5]| {
            let times = times.map(|time| (time > 0).then_some(UnixMillis(time)));
            policy.quorum_time(&times).map(|time| time.0)
        };
        assert_eq!(time([9, 8, 7, 6, 5]), Ok(6));
        assert_eq!(time([9, 3, 0, 0, 5]), Ok(3));
        assert_eq!(time([0, 2, 9, 9, 0]), Ok(2));
        let missing = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let short = |have, names| Err(Shortfall { name: "z".into(), have, need: 2, missing: missing(names) });
        assert_eq!(time([9, 0, 0, 6, 5]), short(1, &["w2", "w3"]));
        assert_eq!(time([9, 8, 7, 0, 0]), short(1, &["w4", "w5"]));
        assert_eq!(time([0; 5]), short(0, &["w1", "w2", "w3", "w4", "w5"]));
        let single: Policy = format!("witness one {}\nquorum one\n", witness(1)).parse().unwrap();
        assert_eq!(single.quorum_time(&[Some(UnixMillis(4))]), Ok(UnixMillis(4)));
        assert_eq!(
            single.quorum_time(&[None]).map_err(|e| e.to_string()).unwrap_err().chars().next(),
            Some('0')
        );
    }

    #[test]
    fn each_fault_is_reported_with_its_line() {
        use PolicyFault as F;
        let (a, b, w) = (log(1), log(2), format!("witness w {}\n", witness(1)));
        for (text, line, expected) in [
            (format!("{w}quorum w"), 2, F::NotEnded),
            (format!("{w}quorum w\r\n"), 2, F::ControlCharacter),
            (format!("{w}\nlogs {a}\n"), 3, F::UnknownWord),
            ("log\n".into(), 1, F::Fields),
            (format!("log {a} url more\n"), 1, F::Fields),
            (format!("{w}group g any\n"), 2, F::Fields),
            (format!("{w}quorum w w\n"), 2, F::Fields),
            ("log a+b\n".into(), 1, F::Key(VerifierKeyError::Malformed)),
            (format!("log {}\n", witness(1)), 1, F::KeyType),
            (format!("witness w {a}\n"), 1, F::KeyType),
            (format!("log {b}\nlog {a}\nlog {b}\n"), 3, F::DuplicateKey),
            (format!("{w}witness v {}\n", witness(1)), 2, F::DuplicateKey),
            (format!("{w}witness w {}\n", witness(2)), 2, F::NameTaken),
            (format!("{w}group w any w\n"), 2, F::NameTaken),
            (format!("witness none {}\n", witness(1)), 1, F::NameTaken),
            (format!("{w}group g any v\n"), 2, F::UndefinedName),
            (format!("{w}group g any g\n"), 2, F::UndefinedName),
            (format!("{w}group g any none\n"), 2, F::UndefinedName),
            (format!("quorum w\n{w}"), 1, F::UndefinedName),
            (format!("{w}group g any w\ngroup h any w\n"), 3, F::MemberTwice),
            (format!("{w}group g any w w\n"), 2, F::MemberTwice),
            (format!("{w}quorum w\nquorum w\n"), 3, F::SecondQuorum),
            ("quorum none\n".into(), 1, F::QuorumNone),
            (w.clone(), 2, F::NoQuorum),
            (String::new(), 1, F::NoQuorum),
            ("#".repeat(MAX_POLICY_LEN + 1), 1, F::TooLong),
        ] {
            assert_eq!(fault(&text), (line, expected), "{text}");
        }
        for threshold in ["0", "2", "+1", "01", "most", ""] {
            let found = fault(&format!("{w}group g {threshold} w\n"));
            let expected = if threshold.is_empty() { F::Fields } else { F::Threshold };
            assert_eq!(found, (2, expected), "{threshold}");
        }
    }

    #[test]
    fn the_number_of_lines_is_bounded() {
        let seeds = || 0..=u8::MAX;
        let logs = seeds().map(|i| format!("log {}\n", log(i))).collect::<Vec<_>>().concat();
        assert_eq!(fault(&logs), (MAX_LOG_KEYS + 1, PolicyFault::TooMany));
        let witnesses =
            seeds().map(|i| format!("witness w{i} {}\n", witness(i))).collect::<Vec<_>>().concat();
        assert_eq!(fault(&witnesses), (MAX_WITNESSES + 1, PolicyFault::TooMany));
        let first = format!("witness g0 {}\n", witness(0));
        let groups = (1..200).map(|i| format!("group g{i} all g{}\n", i - 1)).collect::<Vec<_>>().concat();
        assert_eq!(fault(&(first + &groups)), (MAX_GROUPS + 2, PolicyFault::TooMany));
    }
}

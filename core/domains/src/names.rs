//! The names of logs, and of what is in them: subjects.

use countersign_ledger::{Hash, Identity, LogName, Subject};

use crate::policy::is_domain;

/// The log across domains: registrations, policies, requests, decisions, revocations.
pub const AUTHORIZATION: LogName = match LogName::new("authorization") {
    Ok(name) => name,
    Err(_) => LogName::TRUST,
};
/// The log of one domain: states of data, and who accessed them.
pub const DATA: LogName = match LogName::new("data") {
    Ok(name) => name,
    Err(_) => LogName::TRUST,
};

const URN: &str = "urn:countersign:";
const GROUP: &str = "notaries:group";

/// The name of data: a digest. The paper's is `H(data)`, by which anybody can test a guess; so ours is salted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DataKey(pub Hash);

impl DataKey {
    /// The key of `data`. The salt goes with the data.
    pub fn of_data(salt: &[u8; 32], data: &[u8]) -> Self {
        Self(Hash::framed("countersign/data-key/v1", &[salt, data]))
    }

    /// The subject of its policy, and the head of its family.
    pub fn subject(self) -> Subject {
        subject(&format!("data:{}", self.0))
    }

    /// The subject of motions to declare it invalid.
    pub fn validity(self) -> Subject {
        subject(&format!("data:{}:validity", self.0))
    }

    /// The subject of one request for it.
    pub fn thread(self, user: Pseudonym, nonce: &[u8; 16]) -> Subject {
        let digest = Hash::framed("countersign/access-thread/v1", &[&user.0.0, nonce]);
        subject(&format!("data:{}:{digest}", self.0))
    }
}

/// A user as one other domain knows them, and the public log: another for each domain, and nobody without the secret
/// can tell whose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pseudonym(pub Hash);

impl Pseudonym {
    /// The pseudonym of `user` towards `domain`. The secret is shared by the user and their own domain.
    pub fn derive(secret: &[u8; 32], user: &Identity, domain: &str) -> Self {
        let parts = [&secret[..], user.as_str().as_bytes(), domain.as_bytes()];
        Self(Hash::framed("countersign/domain-pseudonym/v1", &parts))
    }

    /// The subject of their admissions.
    pub fn subject(self) -> Subject {
        subject(&format!("domain-user:{}", self.0))
    }
}

/// The subject of a domain's registration; `None` if that is no name of a domain.
pub fn domain_subject(name: &str) -> Option<Subject> {
    is_domain(name).then(|| subject(&format!("domain:{name}")))
}

/// The subject of the notary group.
pub fn group_subject() -> Subject {
    subject(GROUP)
}

/// The subject of a notary's reports.
pub fn report_subject(notary: Hash) -> Subject {
    subject(&format!("notary-report:{notary}"))
}

/// The subject of a state of data.
pub fn state_subject(sid: Hash) -> Subject {
    subject(&format!("data-state:{sid}"))
}

#[expect(
    clippy::expect_used,
    reason = "lower-case letters, digits and colons after the prefix are a subject"
)]
fn subject(name: &str) -> Subject {
    Subject::new(format!("{URN}{name}")).expect("a subject")
}

/// What a subject of this family is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Topic {
    /// The notary group.
    Group,
    /// A notary's reports.
    Report(Hash),
    /// A domain's registration.
    Domain(String),
    /// A user, as one domain knows them.
    User(Pseudonym),
    /// Data, and its policy.
    Data(DataKey),
    /// Whether data is valid.
    Validity(DataKey),
    /// A request for data.
    Thread(DataKey),
    /// A state of data.
    State(Hash),
}

impl Topic {
    /// What `subject` is about; `None` if it is no subject of this family.
    pub fn of(subject: &Subject) -> Option<Self> {
        let name = subject.as_str().strip_prefix(URN)?;
        if name == GROUP {
            return Some(Self::Group);
        }
        let (sort, rest) = name.split_once(':')?;
        match (sort, rest.split_once(':')) {
            ("domain", None) => is_domain(rest).then(|| Self::Domain(rest.to_owned())),
            ("domain-user", None) => Some(Self::User(Pseudonym(digest(rest)?))),
            ("notary-report", None) => Some(Self::Report(digest(rest)?)),
            ("data-state", None) => Some(Self::State(digest(rest)?)),
            ("data", None) => Some(Self::Data(DataKey(digest(rest)?))),
            ("data", Some((key, "validity"))) => Some(Self::Validity(DataKey(digest(key)?))),
            ("data", Some((key, thread))) => digest(thread).and(Some(Self::Thread(DataKey(digest(key)?)))),
            _ => None,
        }
    }
}

/// A digest in lower case: a subject has one text.
fn digest(text: &str) -> Option<Hash> {
    text.parse::<Hash>().ok().filter(|digest| digest.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_back_and_what_is_about_data_is_one_family() {
        let key = DataKey::of_data(&[1; 32], b"data");
        let user = Pseudonym::derive(
            &[2; 32],
            &Identity::new("north.example", "doctor", "ada").unwrap(),
            "south.example",
        );
        for (subject, topic) in [
            (group_subject(), Topic::Group),
            (report_subject(key.0), Topic::Report(key.0)),
            (domain_subject("north.example").unwrap(), Topic::Domain("north.example".to_owned())),
            (user.subject(), Topic::User(user)),
            (key.subject(), Topic::Data(key)),
            (key.validity(), Topic::Validity(key)),
            (key.thread(user, &[3; 16]), Topic::Thread(key)),
            (state_subject(key.0), Topic::State(key.0)),
        ] {
            assert_eq!(Topic::of(&subject), Some(topic));
        }
        assert_eq!(key.thread(user, &[3; 16]).family(), key.subject().as_str());
        assert_eq!(key.validity().family(), key.subject().as_str());
        assert_ne!(key.thread(user, &[3; 16]), key.thread(user, &[4; 16]));
        assert_eq!((AUTHORIZATION.as_str(), DATA.as_str()), ("authorization", "data"));
    }

    #[test]
    fn other_subjects_are_of_other_families() {
        let digest = Hash::of(b"x").to_string();
        let upper = digest.to_uppercase();
        for name in [
            "notaries:others".to_owned(),
            "domain:North.example".to_owned(),
            "domain:a:b".to_owned(),
            "data:".to_owned(),
            format!("data:{upper}"),
            format!("data:{digest}:{upper}"),
            format!("data:{digest}:{digest}:x"),
            format!("record:{digest}"),
        ] {
            assert_eq!(Topic::of(&subject(&name)), None, "{name}");
        }
        assert_eq!(domain_subject("a b"), None);
    }

    #[test]
    fn a_user_has_another_name_in_each_domain() {
        let ada = Identity::new("north.example", "doctor", "ada").unwrap();
        let named = |secret: u8, domain: &str| Pseudonym::derive(&[secret; 32], &ada, domain);
        assert_ne!(named(1, "south.example"), named(1, "west.example"));
        assert_ne!(named(1, "south.example"), named(2, "south.example"));
        assert_eq!(named(1, "south.example"), named(1, "south.example"));
    }
}

//! A user of another domain whom a domain knows: preliminary access, by which nothing is opened yet.
//!
//! The public log has a pseudonym, the level, and the hash of what the domain keeps ([`crate::AuthRecord`]).
//!
//! ```cddl
//! domain-admission = { "home" => tstr, "level" => 0..255, "until" => uint, "record" => digest, "active" => 0 / 1 }
//! ```

use countersign_ledger::cbor::encode;
use countersign_ledger::{Draft, Fields, Hash, State, UnixMillis, Verified};
use minicbor::Decoder;

use crate::group::domain_id;
use crate::names::Pseudonym;
use crate::policy::is_domain;
use crate::rules::{ADMISSION, draft};

/// What a domain says of a user of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admission {
    /// The user's own domain.
    pub home: String,
    /// How well they are known: the assurance level.
    pub level: u8,
    /// Until when.
    pub until: UnixMillis,
    /// The id of the record of their authentication, which the domain keeps.
    pub record: Hash,
    /// Whether it is in force. A domain ends one for cause, and may admit the user again.
    pub active: bool,
}

impl Admission {
    /// The statement, for the authority of the domain that admits.
    pub fn draft(&self, user: Pseudonym, prev: Option<Hash>) -> Draft {
        let fields = Fields::new()
            .with("home", self.home.as_str())
            .with("level", u64::from(self.level))
            .with("until", self.until.0)
            .with("record", self.record)
            .with("active", u64::from(self.active));
        draft(ADMISSION, user.subject(), fields, prev, Vec::new())
    }

    /// Reads an admission; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let active = fields.uint("active").filter(|active| *active < 2)?;
        Some(Self {
            home: fields.text("home").filter(|home| is_domain(home))?.to_owned(),
            level: u8::try_from(fields.uint("level")?).ok()?,
            until: UnixMillis(fields.uint("until")?),
            record: fields.hash("record")?,
            active: active == 1,
        })
    }
}

/// The latest admission of a user, and which domain admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// The statement.
    pub statement: Hash,
    /// The domain that admitted: [`domain_id`].
    pub by: Hash,
    /// Whether it is in force.
    pub active: bool,
}

impl Admitted {
    pub(crate) fn of(statement: &Verified) -> Option<Self> {
        let by = domain_id(statement.signer().identity().domain());
        Some(Self { statement: statement.statement().id(), by, active: Admission::of(statement)?.active })
    }

    /// Reads a state; `None` before the first admission.
    pub fn from_state(state: &State) -> Option<Self> {
        let mut d = Decoder::new(&state.0);
        (d.array().ok()? == Some(3)).then_some(())?;
        let mut digest = || Hash::from_slice(d.bytes().ok()?);
        Some(Self { statement: digest()?, by: digest()?, active: d.bool().ok()? })
    }

    pub(crate) fn to_state(self) -> State {
        State(encode(|e| {
            e.array(3)?.bytes(self.statement.as_bytes())?.bytes(self.by.as_bytes())?.bool(self.active)?.ok()
        }))
    }
}

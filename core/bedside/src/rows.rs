//! What a gateway says of devices, credentials and sessions.

use countersign_device::{Class, Id, Ops, Scope};
use countersign_ledger::{Draft, Fields, Hash, Kind, Value, Verified};

use crate::names;
use crate::rules::{CREDENTIAL, DEVICE, SESSION};

/// Whether a device or a credential is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Active,
    /// It is not any more: a device was retired, a credential revoked. The next epoch may be.
    Ended,
}

impl Status {
    /// The number that stands for it in a row.
    pub const fn number(self) -> u64 {
        match self {
            Self::Active => 1,
            Self::Ended => 2,
        }
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        [Self::Active, Self::Ended].into_iter().find(|status| status.number() == number)
    }
}

/// A device, as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// What it is for.
    pub class: Class,
    /// All that it will ever do.
    pub max_ops: Ops,
    /// A commitment to `K^a`.
    pub commitment: Hash,
    /// How many times it was provisioned.
    pub epoch: u64,
    /// Whether it is in use.
    pub status: Status,
}

impl DeviceRow {
    /// The commitment to the key that authenticates a device. The key has 256 random bits, so a hash hides it.
    pub fn commitment(auth: &[u8; 32]) -> Hash {
        Hash::framed("countersign/bedside-key/v1", &[auth])
    }

    /// The row as a statement to be signed by the gateway.
    pub fn draft(&self, sid: &Id) -> Draft {
        let fields = Fields::new()
            .with("class", class_number(self.class))
            .with("max-ops", u64::from(self.max_ops.bits()))
            .with("commitment", self.commitment)
            .with("epoch", self.epoch)
            .with("status", self.status.number());
        draft(DEVICE, names::device(sid), fields)
    }

    /// Reads a row; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        Some(Self {
            class: class(fields.uint("class")?)?,
            max_ops: Ops::from_bits(u16::try_from(fields.uint("max-ops")?).ok()?),
            commitment: fields.hash("commitment")?,
            epoch: epoch(fields)?,
            status: Status::from_number(fields.uint("status")?)?,
        })
    }
}

/// A credential of a member of staff, as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// The member's certificate, by its fingerprint: revoked, it takes the credential with it.
    pub certificate: Hash,
    /// How many times the credential was issued.
    pub epoch: u64,
    /// The role, by the gateway's number.
    pub role: u8,
    /// What may be done at each class of devices: diagnostic, treatment, auxiliary.
    pub may: [Ops; 3],
    /// Until when: milliseconds since 1970.
    pub until: u64,
    /// Whether it is in use.
    pub status: Status,
}

impl CredentialRow {
    /// The row as a statement to be signed by the gateway.
    pub fn draft(&self, cred: &Id) -> Draft {
        let may: Vec<u8> = self.may.iter().flat_map(|ops| ops.bits().to_be_bytes()).collect();
        let fields = Fields::new()
            .with("certificate", self.certificate)
            .with("epoch", self.epoch)
            .with("role", u64::from(self.role))
            .with("may", Value::Bytes(may))
            .with("until", self.until)
            .with("status", self.status.number());
        draft(CREDENTIAL, names::credential(cred), fields)
    }

    /// Reads a row; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let may: [u8; 6] = fields.bytes("may")?.try_into().ok()?;
        let ops = |at: usize| Ops::from_bits(u16::from_be_bytes([may[at], may[at + 1]]));
        Some(Self {
            certificate: fields.hash("certificate")?,
            epoch: epoch(fields)?,
            role: u8::try_from(fields.uint("role")?).ok()?,
            may: [ops(0), ops(2), ops(4)],
            until: fields.uint("until")?,
            status: Status::from_number(fields.uint("status")?)?,
        })
    }
}

/// A session that device and gateway agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The user, as the protocol calls them.
    pub user: Id,
    /// What was permitted.
    pub scope: Scope,
    /// When it was asked for, by the user's clock: milliseconds since 1970.
    pub asked: u64,
    /// A digest of what the user signed and of the signature, if they asked to act; the gateway keeps both.
    pub act: Option<Hash>,
}

impl SessionRow {
    /// The session as a statement to be signed by the gateway, about its device, whose row it links.
    pub fn draft(&self, sid: &Id, row: Hash) -> Draft {
        let mut fields = Fields::new()
            .with("user", Value::Bytes(self.user.to_vec()))
            .with("scope", Value::Bytes(self.scope.to_bytes().to_vec()))
            .with("asked", self.asked);
        if let Some(act) = self.act {
            fields.insert("act", act.into());
        }
        Draft { links: vec![row], ..draft(SESSION, names::device(sid), fields) }
    }

    /// Reads a session; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        Some(Self {
            user: fields.bytes("user")?.try_into().ok()?,
            scope: Scope::from_bytes(fields.bytes("scope")?.try_into().ok()?),
            asked: fields.uint("asked")?,
            act: match fields.get("act") {
                None => None,
                Some(_) => Some(fields.hash("act")?),
            },
        })
    }
}

#[expect(clippy::expect_used, reason = "the kinds are constants of the format")]
fn draft(kind: &str, subject: countersign_ledger::Subject, fields: Fields) -> Draft {
    let kind = Kind::new(kind).expect("a kind");
    Draft { kind, subject, fields, prev: None, links: Vec::new(), sealed: None }
}

const fn class_number(class: Class) -> u64 {
    match class {
        Class::Diagnostic => 1,
        Class::Treatment => 2,
        Class::Auxiliary => 3,
    }
}

fn class(number: u64) -> Option<Class> {
    [Class::Diagnostic, Class::Treatment, Class::Auxiliary]
        .into_iter()
        .find(|class| class_number(*class) == number)
}

fn epoch(fields: &Fields) -> Option<u64> {
    fields.uint("epoch").filter(|epoch| (1..=u64::from(u16::MAX)).contains(epoch))
}

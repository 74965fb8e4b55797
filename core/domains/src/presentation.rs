//! What a user shows to the domain that holds the data (step 11 of the paper's flow): which licence they use, for which
//! state, to do what. No log takes it. The fields are ours; the paper only says that the user signs.
//!
//! ```cddl
//! domain-access = { "to" => tstr, "licence" => digest, "state" => digest, "op" => 1 / 2 / 4 / 8 }
//! ```

use countersign_ledger::{Draft, Fields, Hash, Verified};

use crate::handshake::{Desk, NotAuthenticated};
use crate::names::{Pseudonym, Topic};
use crate::op::Op;
use crate::policy::is_domain;
use crate::rules::draft;

/// The kind of what is shown.
pub const PRESENTATION: &str = "domain.access";

/// What a user wants under a licence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presentation {
    /// The domain that holds the data.
    pub to: String,
    /// The user, as that domain knows them.
    pub user: Pseudonym,
    /// The licence.
    pub licence: Hash,
    /// Which state of the data.
    pub state: Hash,
    /// What is to be done.
    pub op: Op,
}

impl Presentation {
    /// The message for the user to sign.
    pub fn draft(&self) -> Draft {
        let fields = Fields::new()
            .with("to", self.to.as_str())
            .with("licence", self.licence)
            .with("state", self.state)
            .with("op", self.op as u64);
        draft(PRESENTATION, self.user.subject(), fields, None, Vec::new())
    }

    /// At the domain that holds the data: what is wanted, if the message is fresh and new, and for this domain. Whether it
    /// is answered, [`Licence::admit`](crate::Licence::admit) says.
    pub fn take(message: &Verified, desk: &mut Desk<'_>) -> Result<Self, NotAuthenticated> {
        desk.take(message, PRESENTATION)?;
        let wanted = Self::of(message).ok_or(NotAuthenticated::Format)?;
        if wanted.to == desk.domain { Ok(wanted) } else { Err(NotAuthenticated::OtherTarget) }
    }

    fn of(message: &Verified) -> Option<Self> {
        let Topic::User(user) = Topic::of(message.statement().subject())? else { return None };
        let fields = message.fields();
        let op = fields.uint("op")?;
        Some(Self {
            to: fields.text("to").filter(|to| is_domain(to))?.to_owned(),
            user,
            licence: fields.hash("licence")?,
            state: fields.hash("state")?,
            op: Op::ALL.into_iter().find(|one| *one as u64 == op)?,
        })
    }
}

//! The election of a notary group, as a statement: the seats, and on how many transactions their credits rest.
//!
//! ```cddl
//! notary-group = { "epoch" => uint, "transactions" => uint, "seats" => bstr, ? "total" => uint }
//!                  ; links the group before; 1 to 24 seats of 66 bytes: notary 32, domain 32, credit 2
//! ```

use countersign_ledger::cbor::Written;
use countersign_ledger::{Draft, Fields, Hash, Value, Verified};
use minicbor::{Decoder, Encoder};

use crate::group::{Group, Sitting};
use crate::matter::Motion;
use crate::names::group_subject;
use crate::rules::{GROUP, draft};

/// A group that is proposed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Election {
    /// How many groups there have been, with this one.
    pub epoch: u64,
    /// The group.
    pub group: Group,
}

impl Election {
    /// The statement; `prev` is the latest on the subject, `before` the group in office. A registrar founds the first
    /// group, which has none of both.
    pub fn draft(&self, prev: Option<Hash>, before: Option<&Sitting>) -> Draft {
        let mut fields = Fields::new()
            .with("epoch", self.epoch)
            .with("transactions", self.group.transactions())
            .with("seats", Value::Bytes(self.group.to_rows()));
        if let Some(before) = before {
            fields.insert("total", before.group.total().into());
        }
        draft(
            GROUP,
            group_subject(),
            fields,
            prev,
            before.map(|before| before.statement).into_iter().collect(),
        )
    }

    /// Reads an election; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let group = Group::from_rows(fields.bytes("seats")?, fields.uint("transactions")?)?;
        Some(Self { epoch: fields.uint("epoch")?, group })
    }
}

/// The group in office, or one that is proposed, by the statement that names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Office {
    /// The statement.
    pub statement: Hash,
    /// Its epoch.
    pub epoch: u64,
}

impl Office {
    pub(crate) fn of(statement: &Verified) -> Option<Self> {
        Some(Self { statement: statement.statement().id(), epoch: Election::of(statement)?.epoch })
    }
}

impl Motion for Office {
    fn encode(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        e.array(2)?.bytes(self.statement.as_bytes())?.u64(self.epoch)?.ok()
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        (d.array().ok()? == Some(2)).then_some(())?;
        Some(Self { statement: Hash::from_slice(d.bytes().ok()?)?, epoch: d.u64().ok()? })
    }
}

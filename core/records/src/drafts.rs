//! What owner and authority sign: drafts of the kinds that [`crate::rules`] judges.

use countersign_ledger::{Draft, Fields, Hash, PublicKey, Subject, UnixMillis, Value};

use crate::ask::kind;
use crate::record::RecordId;
use crate::rules::{ANSWER, Head, INDEX, IndexLine, Outcome, REQUEST};

/// What is to be current of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Index {
    /// One more than that of the index before it.
    pub wrap: u64,
    /// The version of the document.
    pub version: u64,
    /// The statement that signs it.
    pub document: Hash,
    /// The key to which requesters' names are sealed.
    pub agree: PublicKey,
    /// The store, by its SPIFFE ID.
    pub store: String,
    /// Whether somebody who fits no line may ask.
    pub open: bool,
    /// The lines.
    pub lines: Vec<IndexLine>,
}

impl Index {
    /// The statement for the owner to sign. `prev` is the index before it; `sheet` is sealed ([`crate::seal_sheet`]).
    pub fn draft(&self, record: &RecordId, prev: Option<Hash>, sheet: Vec<u8>) -> Draft {
        let mut fields = Fields::new()
            .with("wrap", self.wrap)
            .with("version", self.version)
            .with("document", self.document)
            .with("store", self.store.as_str())
            .with("open", u64::from(self.open));
        fields.insert("agree", Value::Bytes(self.agree.as_sec1().to_vec()));
        fields.insert("lines", Value::Bytes(IndexLine::write(&self.lines)));
        Draft {
            kind: kind(INDEX),
            subject: record.subject(),
            fields,
            prev,
            links: vec![],
            sealed: Some(sheet),
        }
    }
}

/// What an authority vouches for, or the owner.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The holder's key, to which deliveries go.
    pub holder: &'a PublicKey,
    /// The line; none asks the owner.
    pub label: Option<Hash>,
    /// Whether the requester's attributes fit the line's policy.
    pub fits: bool,
    /// Until when.
    pub until: UnixMillis,
    /// The day's slot, below [`crate::rules::SLOTS`]; for an emergency from there to twice that.
    pub slot: u64,
}

impl Request<'_> {
    /// The statement for the authority to sign, against what is current of the record; `ask` is sealed ([`crate::seal_ask`]).
    pub fn draft(&self, record: &RecordId, head: &Head, ask: Vec<u8>) -> Draft {
        self.stating(head.outcome(self.label, self.fits), record, head, ask)
    }

    /// The same for the owner, who fetches a line of their own record.
    pub fn own_draft(&self, record: &RecordId, head: &Head, ask: Vec<u8>) -> Draft {
        self.stating(head.own_outcome(self.label), record, head, ask)
    }

    fn stating(&self, outcome: Outcome, record: &RecordId, head: &Head, ask: Vec<u8>) -> Draft {
        let mut fields = Fields::new()
            .with("fits", u64::from(self.fits))
            .with("until", self.until.0)
            .with("slot", self.slot)
            .with("outcome", outcome.number());
        fields.insert("holder", Value::Bytes(self.holder.as_sec1().to_vec()));
        if let Some(label) = self.label {
            fields.insert("label", label.into());
        }
        let (subject, links) = (record.thread(self.holder), vec![head.index]);
        Draft { kind: kind(REQUEST), subject, fields, prev: None, links, sealed: Some(ask) }
    }
}

/// What follows a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A line is opened.
    Grant {
        /// The line.
        label: Hash,
        /// Until when.
        until: UnixMillis,
    },
    /// Nothing is opened.
    Deny,
    /// What was granted is closed.
    Withdraw,
}

impl Answer {
    /// The statement for the owner to sign, or to withdraw for the authority that vouched. `prev` is the last statement of the thread.
    pub fn draft(self, thread: &Subject, prev: Hash) -> Draft {
        let fields = match self {
            Self::Grant { label, until } => {
                Fields::new().with("decision", 1).with("label", label).with("until", until.0)
            }
            Self::Deny => Fields::new().with("decision", 2),
            Self::Withdraw => Fields::new().with("decision", 3),
        };
        let (subject, prev) = (thread.clone(), Some(prev));
        Draft { kind: kind(ANSWER), subject, fields, prev, links: vec![], sealed: None }
    }
}

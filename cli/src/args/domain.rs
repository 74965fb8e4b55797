//! `domain`: data across trust domains.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};
use countersign_domains::{Op, Pseudonym, Step};
use countersign_ledger::Hash;

#[derive(Args)]
#[command(after_help = DOMAIN_EXAMPLES)]
pub struct Domain {
    #[command(subcommand)]
    pub command: DomainCommand,
}

const DOMAIN_EXAMPLES: &str = "\
Data is named by the file itself, by its key, or by the first digits of that; all else by its first digits.
Examples:
  countersign init shared.json --node https://ledger.consortium.example:8443
  countersign domain ledger south.json --node https://ledger.south.example:8443
  countersign domain enrol CODE
An owner:
  countersign domain state results.json
  countersign domain policy results.json 'allow read, derive for TREAT from north.example level 2 credit 30'
An authority:
  countersign domain register
  countersign domain ask 1a2b3c4d --user PSEUDONYM --purpose TREAT --ops read,derive
  countersign domain access pass.cbor --answer answer.json
A notary:
  countersign domain notary
Whoever may read the ledgers:
  countersign domain log
  countersign domain trace 1a2b3c4d";

#[derive(Subcommand)]
pub enum DomainCommand {
    /// Add the ledger on which a domain keeps what became of its data, or list those that this wallet has
    Ledger(DomainLedger),
    /// Enrol with a one-time code from the registrar of your own domain, whose ledger this wallet has
    Enrol {
        /// The one-time code
        code: String,
        /// Your domain, if this wallet has several ledgers
        #[arg(long)]
        domain: Option<String>,
    },
    /// Submit to the shared ledger what a domain's registrar has signed: that a member belongs to it, or no longer
    Submit {
        /// The file that `countersign node introduce` or `countersign node withdraw` printed
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Show who notarises with which credit, which domains take part, and what is being voted on
    Group,
    /// Authority: have your domain registered, by the certificate that you sign with
    Register,
    /// The messages by which a user becomes known in another domain, as files: each is good for five minutes
    #[command(subcommand)]
    Handshake(Handshake),
    /// Authority: put on the shared ledger that a user is admitted, or no longer; or list who is
    Admit(Admit),
    /// Owner, authority: note on your domain's ledger that there is data, or what was made of other data
    State(StateData),
    /// Owner: say who may do what with your data; or list the policies in force
    Policy(PublishPolicy),
    /// Authority: ask for data of another domain, for a user of your own
    Ask(AskForData),
    /// List who asked for what, and what became of it: licences, and denials with their reasons
    Requests {
        /// Those for this data
        #[arg(long)]
        data: Option<String>,
    },
    /// Owner, either authority: revoke a licence
    Revoke {
        /// The request that it answers, by its first digits
        request: String,
        /// Why
        #[arg(long, value_enum, default_value_t = Why::Owner)]
        cause: Why,
    },
    /// User: make a pass, to be shown to the domain that holds the data; it is good for five minutes
    Present(Present),
    /// Authority: check a pass, and note the access: only then is the answer to be handed out
    Access {
        /// The pass, which is taken once
        #[arg(value_hint = ValueHint::FilePath)]
        pass: PathBuf,
        /// The answer: its digest is noted
        #[arg(long, value_hint = ValueHint::FilePath)]
        answer: PathBuf,
    },
    /// Audit the accesses that all domains noted, as far as this wallet has their ledgers: who looked, and what is
    /// wrong with it
    Log {
        /// Those to this data
        #[arg(long)]
        data: Option<String>,
    },
    /// Draw what data was made of, and what was made of it, across domains
    Trace {
        /// The data
        data: String,
    },
    /// Notary: move that what the owner of data has be declared invalid, with all that was made of it: a motion for
    /// each data
    Invalidate {
        /// The data
        data: String,
        /// File with the evidence against the owner: its digest is stated
        #[arg(long, value_hint = ValueHint::FilePath)]
        evidence: PathBuf,
    },
    /// Notary: move that a domain takes part no longer
    Exclude {
        /// The domain
        domain: String,
    },
    /// Notary: vote on what people judge, such as evidence; `domain notary` votes on all that can be computed
    Vote {
        /// The ballots, by their first digits in `domain group`
        #[arg(required = true)]
        ballots: Vec<String>,
        /// Vote against
        #[arg(long)]
        no: bool,
    },
    /// Notary: vote on what can be computed, write down what is agreed on when it is your turn, until interrupted
    Notary {
        /// Do so once
        #[arg(long, conflicts_with = "every")]
        once: bool,
        /// Seconds between two looks at the ledger
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
    },
    /// Notary: report what you saw of the other notaries
    Report,
    /// Notary: move that those of highest credit, by the reports, become the next group
    Elect,
}

#[derive(Args)]
#[command(group(ArgGroup::new("change").args(["genesis", "stop"])))]
pub struct DomainLedger {
    /// Its genesis file, from a source that you trust
    #[arg(requires = "node", value_hint = ValueHint::FilePath)]
    pub genesis: Option<PathBuf>,
    /// Address of its node: https://host:port
    #[arg(long, requires = "genesis")]
    pub node: Option<String>,
    /// Keep the ledger of this domain no longer
    #[arg(long, value_name = "DOMAIN")]
    pub stop: Option<String>,
}

#[derive(Subcommand)]
pub enum Handshake {
    /// User: begin, towards another domain; the message is for your own authority
    Hello {
        /// The other domain
        to: String,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// Authority: vouch for a user of your own; the message is for the other domain's authority
    Vouch {
        /// The user's message
        #[arg(value_hint = ValueHint::FilePath)]
        hello: PathBuf,
        /// How well you know the user: the assurance level
        #[arg(long)]
        level: u8,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// Authority: challenge the user for whom another authority vouches; the message is for the user
    Challenge {
        /// The other authority's message
        #[arg(value_hint = ValueHint::FilePath)]
        vouch: PathBuf,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// User: answer the challenge; the message is for the other domain's authority
    Answer {
        /// The challenge
        #[arg(value_hint = ValueHint::FilePath)]
        challenge: PathBuf,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// Authority: sign that you know the user; the record is for them, and for `domain admit`
    Record {
        /// The user's answer
        #[arg(value_hint = ValueHint::FilePath)]
        answer: PathBuf,
        /// For how many hours
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
        hours: u32,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// User: keep the record that the other domain has signed
    Keep {
        /// The record
        #[arg(value_hint = ValueHint::FilePath)]
        record: PathBuf,
    },
}

#[derive(Args)]
#[command(group(ArgGroup::new("change").args(["record", "end"])))]
pub struct Admit {
    /// The record of authentication, as you signed it
    #[arg(value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// End the admission of this user
    #[arg(long, value_name = "USER", value_parser = pseudonym)]
    pub end: Option<Pseudonym>,
}

#[derive(Args)]
pub struct StateData {
    /// The file with the data: it stays here, the ledger gets a salted digest
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// A state that it was made of, by its first digits; for each
    #[arg(long = "from", value_name = "STATE")]
    pub from: Vec<String>,
    /// How it was made [default: create; with --from: derive]
    #[arg(long, value_enum)]
    pub step: Option<Made>,
    /// The request whose licence permits it, by its first digits, where it was made of another's data
    #[arg(long, value_name = "REQUEST", requires = "from")]
    pub licence: Option<String>,
}

/// How a state was made.
#[derive(Clone, Copy, ValueEnum)]
pub enum Made {
    /// Of nothing
    Create,
    /// By a change of one state
    Modify,
    /// Of one state or several
    Derive,
    /// By giving one state to somebody else
    Share,
}

impl From<Made> for Step {
    fn from(made: Made) -> Self {
        match made {
            Made::Create => Self::Create,
            Made::Modify => Self::Modify,
            Made::Derive => Self::Derive,
            Made::Share => Self::Share,
        }
    }
}

#[derive(Args)]
pub struct PublishPolicy {
    /// The data
    #[arg(requires = "policy")]
    pub data: Option<String>,
    /// `allow OPS for PURPOSES from DOMAINS`, then level, after, until, credit, behaviour; several with semicolons; or
    /// `nobody`
    pub policy: Option<String>,
    /// The state that the data is in, by its first digits [default: that of the policy in force, or the only one there
    /// is]
    #[arg(long, requires = "policy")]
    pub state: Option<String>,
}

#[derive(Args)]
pub struct AskForData {
    /// The data
    pub data: String,
    /// Who wants it: the pseudonym by which the other domain has admitted them
    #[arg(long, value_parser = pseudonym)]
    pub user: Pseudonym,
    /// What for: a code of HL7's `PurposeOfUse`
    #[arg(long, default_value = "TREAT")]
    pub purpose: String,
    /// What is to be done: read, modify, derive, share
    #[arg(long, value_delimiter = ',', default_value = "read")]
    pub ops: Vec<Op>,
    /// For how many hours
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub hours: u32,
    /// How often the user kept to what was permitted, as far as you know
    #[arg(long, default_value_t = 0)]
    pub kept: u32,
    /// How often the user did not
    #[arg(long, default_value_t = 0)]
    pub broken: u32,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Why {
    /// The owner wants it so
    Owner,
    /// The user did what they were not permitted
    Misuse,
    /// The data, or what it comes from, is invalid
    Invalid,
}

#[derive(Args)]
pub struct Present {
    /// The request that was permitted, by its first digits
    pub request: String,
    /// The state of the data, by its first digits [default: that of the policy]
    #[arg(long)]
    pub state: Option<String>,
    /// What you do with it: read, modify, derive, share
    #[arg(long, default_value = "read")]
    pub op: Op,
    /// File to write
    #[arg(long, short, value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
}

fn pseudonym(text: &str) -> Result<Pseudonym, &'static str> {
    text.parse::<Hash>().map(Pseudonym).map_err(|_| "a pseudonym is 64 hexadecimal digits")
}

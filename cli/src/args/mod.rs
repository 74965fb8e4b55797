//! The command line and its help: a file for each theme.

mod act;
mod authority;
mod bedside;
mod domain;
mod link;
mod look;
mod node;
mod record;
mod report;
mod wallet;

pub use self::act::{Export, ExportWhat, Import, Level, Sign, Verify};
pub use self::authority::{Authority, AuthorityCommand};
pub use self::bedside::{Gateway, GatewayCommand, Observations, Ward};
pub use self::domain::{
    Admit, AskForData, Domain, DomainCommand, DomainLedger, Handshake, Present, PublishPolicy, StateData, Why,
};
pub use self::link::{LinkCommand, MakeLink, ReadLink, ServeLinks, ShareLink};
pub use self::look::{Check, Label, Scan, Symbology, Trace};
pub use self::node::{Node, NodeCommand, Notary, NotaryCommand};
pub use self::record::{HowOpened, OnOff, Record, RecordCommand, Redefine, RequestRecord, Share, SignRecord};
pub use self::report::{Reports, ReportsCommand, Suspicion};
pub use self::wallet::{Enrol, Follow, Init};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

/// Verify the custody of medicines and luxury goods offline, sign statements about them, and run a transparency log.
#[derive(Parser)]
#[command(name = "countersign", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Folder of this wallet: genesis file, keys, snapshot
    #[arg(long, global = true, env = "COUNTERSIGN_HOME", value_hint = ValueHint::DirPath)]
    pub home: Option<PathBuf>,
    /// Print JSON, one value per line, for scripts
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success, or the verdict is Authentic; 1 failure; 2 wrong usage; 12 the code was refused;
`check` and `verify`: 10 Attention, 11 Potential suspect, 12 Check the scan, 13 Cannot tell (the worst verdict).";

#[derive(Subcommand)]
pub enum Command {
    /// Run a demo: trace a medicine, check pictures of packs offline, hand over a parcel without a network, share a medical
    /// record in part, and data across trust domains
    Demo(Demo),
    /// Check packs offline: print a verdict for each picture or code
    Check(Check),
    /// Read the codes in pictures and print the products that they name
    Scan(Scan),
    /// Parse lines of GS1 data from standard input: print the elements of each, or why it is invalid
    Gs1,
    /// Draw a GS1 DataMatrix or QR code
    Label(Label),
    /// Show the chain of custody of a product: who, when, where, signed by whom, and what is missing
    Trace(Trace),
    /// Create a wallet: pin a ledger's genesis file (its trust anchors)
    Init(Init),
    /// Follow a product, a pack or a logistic unit, or list what is followed
    Follow(Follow),
    /// Fetch what is new from the node and verify it
    Sync,
    /// Enrol: have your key certified with a one-time code from the domain's registrar
    Enrol(Enrol),
    /// Sign a statement and submit it to the log
    Sign(Sign),
    /// Export an evidence bundle, a receipt (RFC 9942) or an EPCIS document
    Export(Export),
    /// Verify an evidence bundle, or a proof of delivery from a phone, offline
    Verify(Verify),
    /// Make drafts of statements from a partner's EPCIS document, for `sign --draft`
    Import(Import),
    /// Keep medical records (FHIR documents): sign, share, ask for, open and log them, or inspect one
    Record(Record),
    /// Share data across trust domains: register, ask, decide as a notary, answer, audit, trace
    Domain(Domain),
    /// Report a suspicion: sealed to the authority, tied to a scan
    Report(Suspicion),
    /// Read the reports that came, as the authority
    Reports(Reports),
    /// Run or manage a ledger node
    Node(Node),
    /// Run a witness in a process of its own: it cosigns the checkpoints of others' logs (C2SP tlog-witness)
    Notary(Notary),
    /// Run an attribute authority in a process of its own: it says who may open which records, and knows none of them
    Authority(Authority),
    /// Run a bedside gateway in a process of its own: it agrees with devices on behalf of staff, and relays what they say
    Gateway(Gateway),
    /// Try out a ward on this machine: devices, clinicians and a gateway over a network that loses, repeats and reorders
    Ward(Ward),
    /// Print a completion script for your shell
    Completion(Completion),
}

#[derive(Args)]
pub struct Demo {
    /// Folder for the pictures, wallet and ledger of the demo
    #[arg(long, default_value = "countersign-demo", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Number of packs in the main lot
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub packs: u32,
}

#[derive(Args)]
pub struct Completion {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}

//! `node` and `notary`: a ledger, and a witness of others'.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Args)]
pub struct Node {
    /// The configuration file
    #[arg(long, short, global = true, default_value = "countersign-node.toml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    #[command(subcommand)]
    pub command: NodeCommand,
}

#[derive(Subcommand)]
pub enum NodeCommand {
    /// Run the node until interrupted
    Run {
        /// The day it is, YYYY-MM-DD: for a node that was off for more than a week, or whose clock is behind what it has
        /// signed. Look at another clock
        #[arg(long, value_name = "DAY")]
        today: Option<String>,
    },
    /// Verify a node's data, running or not: every statement, block and root, what was last signed, and the blobs
    Verify,
    /// Print an example of the configuration file
    Example,
    /// Create a one-time code for the enrolment of a member
    Code {
        /// The member's role, such as manufacturer
        role: String,
        /// The member's name within its role
        name: String,
        /// Validity of the code in hours, 1 to 2160
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=2160))]
        hours: u32,
    },
    /// Print the genesis file, which clients pin
    Genesis,
    /// Draw the codes by which phones pin this ledger, and print the words that people compare
    Register {
        /// The address at which phones reach the node, such as <https://ledger.example:7443>
        address: String,
        /// Folder for the pictures: register-1.png and so on. A phone reads them in any order
        #[arg(long, short, value_hint = ValueHint::DirPath)]
        output: PathBuf,
    },
    /// Revoke a certificate: it signs nothing from the next entry of each log on
    Revoke {
        /// SHA-256 of the certificate, hexadecimal
        certificate: String,
        /// An earlier entry of a log, from which on the certificate signs nothing; what it signed there becomes void
        #[arg(long, value_name = "LOG=ENTRY", value_parser = place)]
        from: Vec<(String, u64)>,
    },
    /// Certify all who wait for it at a running node whose root key is kept elsewhere, and print who they are
    Certify {
        /// File with the domain's root key, which was `root.p256` among the node's keys
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        root: PathBuf,
    },
    /// Introduce a member of this domain to a ledger that several domains share: print what `domain submit` takes there
    Introduce {
        /// SHA-256 of the member's certificate, hexadecimal
        certificate: String,
        /// The latest statement on the member there, if there is one: `domain enrol` says so
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Withdraw a certificate of this domain from a ledger that several domains share: print what `domain submit` takes
    /// there
    Withdraw {
        /// SHA-256 of the certificate, hexadecimal
        certificate: String,
        /// For a log there, the entry from which on the certificate signs nothing; in a log that is not named it signs
        /// nothing at all
        #[arg(long, value_name = "LOG=ENTRY", value_parser = place)]
        from: Vec<(String, u64)>,
        /// The latest statement on the member in the log trust there, if there is one
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Found the first group of notaries of this ledger, which several domains share
    Found {
        /// SHA-256 of the certificate of each notary, hexadecimal
        #[arg(required = true)]
        notaries: Vec<String>,
    },
    /// Copy the ledger into a new directory, while the node runs or not; its keys are not copied
    Backup {
        /// The directory to make
        to: PathBuf,
    },
    /// Put a backup into the data directory, which must hold the keys and no ledger, and verify it
    Restore {
        /// The directory of the backup
        from: PathBuf,
    },
}

fn place(text: &str) -> Result<(String, u64), String> {
    let (log, entry) = text.split_once('=').ok_or("write it as LOG=ENTRY, such as supply=120")?;
    Ok((log.to_owned(), entry.parse().map_err(|_| "an entry is a number")?))
}

#[derive(Args)]
pub struct Notary {
    /// The configuration file
    #[arg(long, short, global = true, default_value = "countersign-notary.toml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    #[command(subcommand)]
    pub command: NotaryCommand,
}

#[derive(Subcommand)]
pub enum NotaryCommand {
    /// Run the witness until interrupted
    Run {
        /// The day it is, YYYY-MM-DD: for a witness that was off for more than a week, or whose clock is behind what it has
        /// cosigned. Look at another clock
        #[arg(long, value_name = "DAY")]
        today: Option<String>,
    },
    /// Print an example of the configuration file
    Example,
    /// Print the key that verifies the witness's cosignatures, for `[[outside]]` in a node's configuration; make it first if
    /// there is none
    Key,
}

//! `authority`: who may open which records.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use countersign_ledger::Identity;

#[derive(Args)]
#[command(after_help = AUTHORITY_EXAMPLES)]
pub struct Authority {
    /// The configuration file
    #[arg(long, short, global = true, default_value = "countersign-authority.toml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    #[command(subcommand)]
    pub command: AuthorityCommand,
}

const AUTHORITY_EXAMPLES: &str = "\
Examples:
  countersign authority example > countersign-authority.toml
  countersign authority init \"$(countersign node code attribute-authority clinics)\"
  countersign authority run
  countersign authority register spiffe://meds.example/doctor/ada 'role: cardiologist' 'hospital: A'";

#[derive(Subcommand)]
pub enum AuthorityCommand {
    /// Print an example of the configuration file
    Example,
    /// Begin an authority: make its keys and have them certified with a one-time code for the role attribute-authority. With
    /// another code it renews the certificate
    Init {
        /// The one-time code from the registrar
        code: String,
    },
    /// Run the authority until interrupted
    Run,
    /// Draw the codes by which the phones of doctors and patients learn where this authority is
    Codes {
        /// The address at which phones reach it, such as <https://clinics.example:8445>
        address: String,
        /// Folder for the pictures: authority-1.png and so on. A phone reads them in any order
        #[arg(long, short, value_hint = ValueHint::DirPath)]
        output: PathBuf,
    },
    /// Register the attributes of a member, in place of those that it had; the authority may be running
    Register {
        /// The member's SPIFFE ID
        #[arg(value_parser = Identity::parse)]
        member: Identity,
        /// Attributes, as in 'role: cardiologist'; with none, it opens only what is shared with it by name
        attributes: Vec<String>,
    },
    /// Take a member off the register
    Unregister {
        /// The member's SPIFFE ID
        #[arg(value_parser = Identity::parse)]
        member: Identity,
    },
    /// Print who is registered, with which attributes
    Members,
}

//! `report` and `reports`: suspicions.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Args)]
pub struct Suspicion {
    /// A picture of the pack, or the text of its code
    #[arg(required_unless_present = "send", value_hint = ValueHint::FilePath)]
    pub pack: Option<String>,
    /// What you saw
    #[arg(long, short)]
    pub words: Option<String>,
    /// Where
    #[arg(long)]
    pub place: Option<String>,
    /// A photograph, JPEG or PNG of up to 256 KiB
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub photo: Option<PathBuf>,
    /// How you can be answered; without it you stay anonymous
    #[arg(long)]
    pub answer: Option<String>,
    /// Only send what is kept, and list it
    #[arg(long, conflicts_with = "pack")]
    pub send: bool,
}

#[derive(Args)]
pub struct Reports {
    #[command(subcommand)]
    pub command: ReportsCommand,
}

#[derive(Subcommand)]
pub enum ReportsCommand {
    /// Make the key that phones seal reports to, and publish it; again to replace it
    Key,
    /// List the reports that came
    List {
        /// Those after this number
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
    /// Show a report
    Show {
        /// Its number
        number: u64,
        /// File to write its photograph to
        #[arg(long, value_hint = ValueHint::FilePath)]
        photo: Option<PathBuf>,
    },
    /// Remove a report from the node
    Remove {
        /// Its number
        number: u64,
    },
}

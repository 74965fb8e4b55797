//! A wallet: its ledger, what it follows, its member.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Args)]
pub struct Init {
    /// The genesis file, from a source that you trust
    #[arg(value_hint = ValueHint::FilePath)]
    pub genesis: PathBuf,
    /// Address of the node: https://host:port
    #[arg(long)]
    pub node: String,
}

#[derive(Args)]
pub struct Follow {
    /// A picture, the text of a code, or a Digital Link of a product or a logistic unit; without it, list what is
    /// followed
    #[arg(value_hint = ValueHint::FilePath)]
    pub product: Option<String>,
    /// Follow this single pack too, with every statement on it
    #[arg(long, requires = "product")]
    pub pack: bool,
    /// File with the contents of the unit: the codes of its packs, one per line
    #[arg(long, requires = "product", conflicts_with = "pack", value_hint = ValueHint::FilePath)]
    pub contents: Option<PathBuf>,
    /// Stop following
    #[arg(long, requires = "product", conflicts_with = "pack")]
    pub stop: bool,
}

#[derive(Args)]
pub struct Enrol {
    /// The one-time code from the registrar
    pub code: String,
}

//! Statements: signed, drafted from others' documents, handed on, verified.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};

#[derive(Args)]
#[command(group(ArgGroup::new("asked").args(["kind", "draft"])))]
pub struct Sign {
    /// Kind of statement; without it, list the kinds that this wallet's member may sign, with their fields
    pub kind: Option<String>,
    /// Subject of the statement: a picture, the text of a code, a Digital Link, or a URN such as an order's
    #[arg(long, requires = "kind", value_hint = ValueHint::FilePath)]
    pub about: Option<String>,
    /// File with a draft, as written by `import`
    #[arg(long, conflicts_with = "about", value_hint = ValueHint::FilePath)]
    pub draft: Option<PathBuf>,
    /// What the statement is about, where the code names more than that, such as a pack of the lot
    #[arg(long, value_enum, requires = "asked")]
    pub level: Option<Level>,
    /// Sign what cannot be taken back without being asked (such as a recall)
    #[arg(long, short, requires = "asked")]
    pub yes: bool,
    /// Sign although nothing here shows the subject to exist
    #[arg(long, requires = "asked")]
    pub unknown: bool,
    /// A field. Times are dates (YYYY-MM-DD), digests and bytes are hexadecimal
    #[arg(long = "field", short = 'f', value_name = "NAME=VALUE", requires = "asked")]
    pub fields: Vec<String>,
    /// File with the serial numbers of the lot, one per line (for commissioning)
    #[arg(long, requires = "asked", value_hint = ValueHint::FilePath)]
    pub serials: Option<PathBuf>,
    /// File with the packs that are packed or unpacked: their codes, one per line
    #[arg(long, requires = "asked", value_hint = ValueHint::FilePath)]
    pub contents: Option<PathBuf>,
    /// Another subject to link, such as the order that a lot was made for
    #[arg(long = "with", value_name = "SUBJECT", requires = "asked")]
    pub with: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Level {
    /// All lots and packs of the article
    Product,
    /// All packs of the lot
    Lot,
    /// The single pack
    Pack,
}

#[derive(Args)]
pub struct Import {
    /// The EPCIS document: JSON-LD of EPCIS 2.0, or XML of EPCIS 1.2 or 2.0
    #[arg(value_hint = ValueHint::FilePath)]
    pub document: PathBuf,
    /// The lot of the goods whose lot neither the document nor this wallet's snapshot knows
    #[arg(long)]
    pub lot: Option<String>,
    /// Folder for the drafts
    #[arg(long, short, default_value = "drafts", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// The industry profile to apply
    #[arg(long, default_value = "medicine")]
    pub profile: String,
}

#[derive(Args)]
pub struct Export {
    #[command(subcommand)]
    pub what: ExportWhat,
}

#[derive(Subcommand)]
pub enum ExportWhat {
    /// The history of a product or a logistic unit as an EPCIS 2.0 document (JSON-LD)
    Epcis {
        /// A picture, the text of a code, or a Digital Link
        #[arg(value_hint = ValueHint::FilePath)]
        pack: String,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// An evidence bundle: the histories of a product with all proofs, verifiable offline
    Evidence {
        /// A picture, the text of a code, or a Digital Link
        #[arg(value_hint = ValueHint::FilePath)]
        pack: String,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// The log's COSE receipt for a statement (RFC 9942)
    Receipt {
        /// Id of the statement, hexadecimal
        id: String,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
}

#[derive(Args)]
pub struct Verify {
    /// The bundle, or the proof of delivery
    #[arg(value_hint = ValueHint::FilePath)]
    pub bundle: PathBuf,
    /// Genesis file with the trust anchors [default: this wallet's]
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub genesis: Option<PathBuf>,
}

//! The command line, as people read it in the help.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};

/// Check where a medicine has been, offline; sign for what you do with it; run the ledger.
#[derive(Parser)]
#[command(name = "countersign", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Folder of this wallet: what is pinned, keys, snapshot
    #[arg(long, global = true, env = "COUNTERSIGN_HOME", value_hint = ValueHint::DirPath)]
    pub home: Option<PathBuf>,
    /// Print JSON, one value a line, for scripts
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, or the verdict is Authentic; 1 failed; 2 wrong usage;
of `check`: 10 Attention, 11 Potential suspect, 12 Check the scan, 13 Cannot tell (the worst of several pictures).";

#[derive(Subcommand)]
pub enum Command {
    /// Play the life of a medicine, check pictures of packs with the node gone, then deliver a parcel without a network
    Demo(Demo),
    /// Check pictures of packs against the snapshot, offline
    Check(Check),
    /// Read the codes in pictures, and say what they name
    Scan(Scan),
    /// Answer lines of GS1 data on standard input: what each says, or why it is refused
    Gs1,
    /// Draw the symbol of a code, to print or to show
    Label(Label),
    /// Show the route of a product, as far as this wallet holds it: who, when, where, signed by whom, and what is missing
    Trace(Trace),
    /// Begin a wallet: pin a ledger's genesis file
    Init(Init),
    /// Follow a product, or one pack of it, from the next sync on
    Follow(Follow),
    /// Fetch and verify what is new
    Sync,
    /// Have your key certified with a code from the domain's registrar
    Enrol(Enrol),
    /// Sign a statement and have it recorded
    Sign(Sign),
    /// Export evidence that needs nobody's word: a bundle for a product, a receipt for a statement
    Export(Export),
    /// Verify an evidence bundle
    Verify(Verify),
    /// Make drafts of statements from a partner's EPCIS document, to be signed with `sign --draft`
    Import(Import),
    /// Run a ledger node, or manage one
    Node(Node),
    /// Print a completion script for your shell
    Completion(Completion),
}

#[derive(Args)]
pub struct Demo {
    /// Where pictures, wallet and ledger are left to look at
    #[arg(long, default_value = "countersign-demo", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Packs in the main lot
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub packs: u32,
}

#[derive(Args)]
pub struct Check {
    /// PNG or JPEG pictures, or the text of a code: (01)09506000134352(17)…
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub packs: Vec<String>,
}

#[derive(Args)]
pub struct Scan {
    /// PNG or JPEG pictures
    #[arg(required_unless_present_any = ["camera", "frames"], value_hint = ValueHint::FilePath)]
    pub pictures: Vec<PathBuf>,
    /// Watch a camera of this machine until interrupted, such as 0
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["pictures", "frames"])]
    pub camera: Option<u32>,
    /// Watch the pictures of a folder as if a camera showed them
    #[arg(long, value_name = "FOLDER", conflicts_with = "pictures", value_hint = ValueHint::DirPath)]
    pub frames: Option<PathBuf>,
}

#[derive(Args)]
pub struct Label {
    /// The text of a code, such as (01)09506000134352(17)281130(10)ABC(21)XYZ, or a Digital Link
    pub code: String,
    /// File to write, .png or .svg
    #[arg(long, short, value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Which symbol bears the code
    #[arg(long = "as", value_enum, default_value_t = Symbology::Datamatrix)]
    pub symbology: Symbology,
    /// Width of a module in pixels
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub module: u8,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Symbology {
    /// GS1 DataMatrix, as on medicine packs
    Datamatrix,
    /// GS1 QR Code
    Qr,
    /// QR Code with a Digital Link, which any phone opens
    Link,
}

#[derive(Args)]
pub struct Trace {
    /// A picture, the text of a code, or a Digital Link; for a logistic unit, (00)…, the node is asked
    #[arg(value_hint = ValueHint::FilePath)]
    pub pack: String,
    /// Draw the route as a picture into this file, .svg
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
}

#[derive(Args)]
pub struct Init {
    /// The genesis file, from somebody you trust
    #[arg(value_hint = ValueHint::FilePath)]
    pub genesis: PathBuf,
    /// Address of a node: https://host:port
    #[arg(long)]
    pub node: String,
}

#[derive(Args)]
pub struct Follow {
    /// A picture, the text of a code, or a Digital Link, of a product or of a logistic unit; none lists what is followed
    #[arg(value_hint = ValueHint::FilePath)]
    pub product: Option<String>,
    /// Follow this one pack too, with every statement on it
    #[arg(long, requires = "product")]
    pub pack: bool,
    /// What is in the unit: the codes of its packs, one a line
    #[arg(long, requires = "product", conflicts_with = "pack", value_hint = ValueHint::FilePath)]
    pub contents: Option<PathBuf>,
    /// Stop following
    #[arg(long, requires = "product", conflicts_with = "pack")]
    pub stop: bool,
}

#[derive(Args)]
pub struct Enrol {
    /// The one-time code
    pub code: String,
}

#[derive(Args)]
#[command(group(ArgGroup::new("asked").args(["kind", "draft"])))]
pub struct Sign {
    /// Kind of statement; none lists the kinds with their fields
    pub kind: Option<String>,
    /// What it is about: a picture, the text of a code, a Digital Link, or a URN, such as an order's
    #[arg(long, requires = "kind", value_hint = ValueHint::FilePath)]
    pub about: Option<String>,
    /// A draft that `import` wrote, or one like it
    #[arg(long, conflicts_with = "about", value_hint = ValueHint::FilePath)]
    pub draft: Option<PathBuf>,
    /// A field: name=value; times are RFC 3339 dates, digests and bytes hexadecimal
    #[arg(long = "field", short = 'f', value_name = "NAME=VALUE", requires = "asked")]
    pub fields: Vec<String>,
    /// Serial numbers of the lot, one a line (for commissioning)
    #[arg(long, requires = "asked", value_hint = ValueHint::FilePath)]
    pub serials: Option<PathBuf>,
    /// What is packed or unpacked: the codes of the packs, one a line
    #[arg(long, requires = "asked", value_hint = ValueHint::FilePath)]
    pub contents: Option<PathBuf>,
    /// Something else that it builds upon, such as the order that a lot was made for
    #[arg(long = "with", value_name = "SUBJECT", requires = "asked")]
    pub with: Vec<String>,
}

#[derive(Args)]
pub struct Export {
    #[command(subcommand)]
    pub what: ExportWhat,
}

#[derive(Args)]
pub struct Import {
    /// The document: EPCIS 2.0, JSON-LD
    #[arg(value_hint = ValueHint::FilePath)]
    pub document: PathBuf,
    /// Folder for the drafts
    #[arg(long, short, default_value = "drafts", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// By which industry's rules
    #[arg(long, default_value = "medicine")]
    pub profile: String,
}

#[derive(Subcommand)]
pub enum ExportWhat {
    /// The history of a product as an EPCIS 2.0 document (JSON-LD), for partners whose systems read events
    Epcis {
        /// A picture, the text of a code, or a Digital Link
        #[arg(value_hint = ValueHint::FilePath)]
        pack: String,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// A self-contained bundle: the histories of a product with all proofs
    Evidence {
        /// A picture, the text of a code, or a Digital Link
        #[arg(value_hint = ValueHint::FilePath)]
        pack: String,
        /// File to write
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// The log's receipt for a statement (RFC 9942), fetched from the node
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
    /// The bundle
    #[arg(value_hint = ValueHint::FilePath)]
    pub bundle: PathBuf,
    /// Genesis file to verify it from; this wallet's own if not given
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub genesis: Option<PathBuf>,
}

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
    /// Serve until interrupted
    Run,
    /// Print a documented example of the configuration
    Example,
    /// Make a one-time code with which a member can enrol
    Code {
        /// The member's role, such as manufacturer
        role: String,
        /// The member's name within its role
        name: String,
        /// How long the code is good, in hours
        #[arg(long, default_value_t = 72)]
        hours: u64,
    },
    /// Print what phones pin
    Genesis,
    /// Revoke a certificate from now on
    Revoke {
        /// SHA-256 of the certificate, hexadecimal
        certificate: String,
    },
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

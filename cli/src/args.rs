//! The command line and its help.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use countersign_ledger::{Identity, PublicKey, Subject, UnixMillis};
use countersign_records::RecordId;

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
    /// Run a demo: trace a medicine, check pictures of packs offline, hand over a parcel without a network, and share a medical
    /// record in part
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
pub struct Check {
    /// PNG, JPEG or WebP pictures, or the text of a code: (01)09506000134352(17)…
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub packs: Vec<String>,
}

#[derive(Args)]
pub struct Scan {
    /// PNG, JPEG or WebP pictures
    #[arg(required_unless_present_any = ["camera", "frames"], value_hint = ValueHint::FilePath)]
    pub pictures: Vec<PathBuf>,
    /// Number of a camera to scan from until interrupted, such as 0
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["pictures", "frames"])]
    pub camera: Option<u32>,
    /// Scan the pictures of a folder as if they were frames of a camera
    #[arg(long, value_name = "FOLDER", conflicts_with = "pictures", value_hint = ValueHint::DirPath)]
    pub frames: Option<PathBuf>,
}

#[derive(Args)]
pub struct Label {
    /// The text of a code, such as (01)09506000134352(17)281130(10)ABC(21)XYZ, or a Digital Link
    pub code: String,
    /// File to write: .png or .svg
    #[arg(long, short, value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Symbol to draw
    #[arg(long = "as", value_enum, default_value_t = Symbology::Datamatrix)]
    pub symbology: Symbology,
    /// Width of a module in pixels
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(2..=16))]
    pub module: u8,
    /// Width of a module on paper in micrometres, within what GS1 allows [default: 380, of a QR code 495]
    #[arg(long, value_parser = clap::value_parser!(u32).range(254..=990))]
    pub print_module: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Symbology {
    /// GS1 DataMatrix, as on medicine packs
    Datamatrix,
    /// GS1 QR Code
    Qr,
    /// QR Code with a Digital Link, which any phone opens; it keeps the domain of a link that is given
    Link,
}

#[derive(Args)]
pub struct Trace {
    /// A picture, the text of a code, or a Digital Link. The history of a logistic unit, (00)…, is fetched from the
    /// node
    #[arg(value_hint = ValueHint::FilePath)]
    pub pack: String,
    /// Also draw the route into this file: .svg
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
}

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
pub struct Export {
    #[command(subcommand)]
    pub what: ExportWhat,
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

#[derive(Args)]
#[command(after_help = RECORD_EXAMPLES)]
pub struct Record {
    #[command(subcommand)]
    pub command: RecordCommand,
}

const RECORD_EXAMPLES: &str = "\
Examples:
  countersign record inspect summary.json
A patient:
  countersign record authority https://localhost:8445
  countersign record new
  countersign record share 'role: cardiologist' --sections 'Results,Medication summary'
  countersign record share 'member: spiffe://meds.example/doctor/bo' --sections all --whole
  countersign record log
  countersign record redefine 1a2b3c4d --sections Results
  countersign record paper                                # then, on a new phone: countersign record restore
A doctor:
  countersign record sign summary.json --record ID --holder KEY -o signed.cbor
  countersign record request LINK --name 'Dr. Ada'
  countersign record open -o opened";

#[derive(Subcommand)]
pub enum RecordCommand {
    /// Print the parts of FHIR documents: what is in each, what its author left empty and why
    Inspect {
        /// FHIR documents: JSON Bundles of type document, such as International Patient Summaries
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Cut, sign, seal and share FHIR documents, whole and by half, and open and join them again, with throw-away keys, among
    /// them those of an attribute authority
    Prove {
        /// FHIR documents: JSON Bundles of type document, such as International Patient Summaries
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Say which attribute authority this wallet uses; records are stored at the wallet's node
    Authority {
        /// Address of the authority: https://host:port
        address: String,
        /// File with the root of its TLS certificate (DER), where the system does not trust it
        #[arg(long, value_hint = ValueHint::FilePath)]
        root: Option<PathBuf>,
    },
    /// Patient: begin a record, and print what registrar and doctor need
    New,
    /// Patient: have the record's key certified with a one-time code from the registrar
    Enrol {
        /// The one-time code, made for the record's number in the role of a patient
        code: String,
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Doctor: sign a FHIR document for a patient's record
    Sign(SignRecord),
    /// Patient: take a signed document, keep it, and publish it sealed
    Take {
        /// The file that the doctor has signed
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// An image that the document refers to, as the doctor handed it over; for each image
        #[arg(long = "image", value_name = "FILE", value_hint = ValueHint::FilePath)]
        images: Vec<PathBuf>,
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Patient: print the records, their sections, and who may see what
    List,
    /// Patient: open sections to whoever fits a policy
    Share(Share),
    /// Patient: change what a line opens and how, or close it; what was uploaded stays where it is
    Redefine(Redefine),
    /// Patient: say whether those who fit no line may ask you, and wait for your answer
    AskMe {
        /// Whether they may
        #[arg(value_enum)]
        may: OnOff,
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Patient: print the record's link, for those who may ask for it. It is a secret
    Link {
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Patient: print the record's secret, to be written on paper: with it, and another code, a new phone has the record again
    Paper {
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Patient: begin to restore a record from its paper; when its owner is enrolled again, fetch all of it
    Restore {
        /// A file with the seven lines [default: type them, unseen]
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Patient: print who asked and who got what, proven to be all of it
    Log {
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Patient: grant a request that waits
    Allow {
        /// The request, by its first digits in the log
        request: String,
        /// Sections for this requester alone, in place of the line that is asked for: titles or codes with commas, or `all`
        #[arg(long)]
        sections: Option<String>,
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Patient: deny a request that waits
    Deny {
        /// The request, by its first digits in the log
        request: String,
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Patient: withdraw a grant; what was read stays read
    Withdraw {
        /// The request, by its first digits in the log
        request: String,
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Doctor: ask for a record by its link
    Request(RequestRecord),
    /// Doctor: open what was granted, verified, into a folder; without a network, what is kept
    Open {
        /// Folder to write: a text, the sections as they were signed, the proof
        #[arg(long, short, value_hint = ValueHint::DirPath)]
        output: PathBuf,
        /// The request, by its first digits, if several are granted
        request: Option<String>,
    },
    /// SMART Health Links: for doctors who do not have this app, and from patients who do not
    #[command(subcommand)]
    HealthLink(LinkCommand),
}

#[derive(Args)]
pub struct SignRecord {
    /// The FHIR document: a JSON Bundle of type document
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The record's number, as the patient shows it
    #[arg(long, value_parser = record_id)]
    pub record: RecordId,
    /// The record's key, as the patient shows it
    #[arg(long, value_parser = public_key)]
    pub holder: PublicKey,
    /// The version of the document
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub version: u64,
    /// What may be shown without the rest: sections that must be shown, a slash, and those that may, as in 'Results,Units/all' or
    /// '/Problems'; several times for several ways. The whole document may always be shown [default: any sections]
    #[arg(long = "permit", value_name = "MUST/MAY")]
    pub permits: Vec<String>,
    /// A large image that the document refers to and does not contain: the address by which it does, and the file. Hand the file to
    /// the patient as well
    #[arg(long = "image", value_name = "ADDRESS=FILE", value_parser = image)]
    pub images: Vec<(String, PathBuf)>,
    /// File to write, for the patient
    #[arg(long, short, value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
}

/// The address of an image and its file: an address may have `=` in it, a file's name hardly.
fn image(text: &str) -> Result<(String, PathBuf), &'static str> {
    let (address, file) = text.rsplit_once('=').ok_or("an image is ADDRESS=FILE")?;
    Ok((address.to_owned(), file.into()))
}

#[derive(Args)]
pub struct Share {
    /// Who may open it: 'role: cardiologist and (hospital: A or hospital: B)', or one member by name: 'member: spiffe://…'
    pub policy: String,
    /// Titles or codes of sections with commas, `patient` for the patient's details, or `all`
    #[arg(long)]
    pub sections: String,
    /// How it is opened
    #[arg(long = "opened", value_enum, default_value_t = HowOpened::AtOnce)]
    pub opened: HowOpened,
    /// For how many minutes, at most [default: 480]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub minutes: Option<u32>,
    /// Write the line on the log of whole records, in place of that of what is shared
    #[arg(long)]
    pub whole: bool,
    /// The record's number, if there are several
    #[arg(long, value_parser = record_id)]
    pub record: Option<RecordId>,
}

#[derive(Args)]
#[command(group(ArgGroup::new("change").args(["sections", "opened", "minutes", "close"]).required(true).multiple(true)))]
pub struct Redefine {
    /// The line, by its first digits in `record list`
    pub line: String,
    /// Titles or codes of sections with commas, `patient` for the patient's details, or `all`
    #[arg(long)]
    pub sections: Option<String>,
    /// How it is opened
    #[arg(long = "opened", value_enum)]
    pub opened: Option<HowOpened>,
    /// For how many minutes, at most
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub minutes: Option<u32>,
    /// Close the line: open grants of it end
    #[arg(long, conflicts_with_all = ["sections", "opened", "minutes"])]
    pub close: bool,
    /// The record's number, if there are several
    #[arg(long, value_parser = record_id)]
    pub record: Option<RecordId>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum HowOpened {
    /// At once
    AtOnce,
    /// When the patient allows it
    Ask,
    /// At once, for whoever states a reason
    Emergency,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// They may ask
    On,
    /// They are denied at once
    Off,
}

#[derive(Args)]
pub struct RequestRecord {
    /// The record's link, as the patient shows it
    pub link: String,
    /// Your name, as the patient knows it
    #[arg(long, required_unless_present = "list")]
    pub name: Option<String>,
    /// The line, by its first digits in --list [default: the first that you fit]
    #[arg(long, conflicts_with = "patient")]
    pub line: Option<String>,
    /// Ask the patient, for sections of your own
    #[arg(long)]
    pub patient: bool,
    /// List what may be asked for, and ask for nothing
    #[arg(long)]
    pub list: bool,
    /// For how many minutes [default: as long as the line allows]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub minutes: Option<u32>,
    /// What for: a code of HL7's `PurposeOfUse`
    #[arg(long, default_value = "TREAT")]
    pub purpose: String,
    /// Why, in words; an emergency needs it
    #[arg(long)]
    pub reason: Option<String>,
    /// Fetch a new key from the authority, for attributes that have changed
    #[arg(long)]
    pub renew: bool,
}

fn record_id(text: &str) -> Result<RecordId, &'static str> {
    let subject = Subject::new(format!("urn:countersign:record:{text}")).ok();
    subject.as_ref().and_then(RecordId::of).ok_or("a record's number is 32 hexadecimal digits")
}

fn public_key(text: &str) -> Result<PublicKey, &'static str> {
    let wrong = "a key is 130 hexadecimal digits";
    let pair = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(pair).collect();
    bytes.and_then(|bytes| PublicKey::from_sec1(&bytes).ok()).ok_or(wrong)
}

#[derive(Subcommand)]
pub enum LinkCommand {
    /// Fetch what a link leads to, and show it. A passcode is asked for, or taken from `COUNTERSIGN_PASSCODE`
    Read(ReadLink),
    /// Give sections of your record out to whoever has the link: the file lies in the record's store until it ends
    Share(ShareLink),
    /// Print the links to your record that lead to something
    List {
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// End a link: it leads nowhere any more
    End {
        /// Its name, by its first letters in `record health-link list`
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The record's number, if there are several
        #[arg(long, value_parser = record_id)]
        record: Option<RecordId>,
    },
    /// Encrypt a document, and print the link that opens it: for a server of your own
    Make(MakeLink),
    /// Serve the files of links until interrupted: over HTTPS, until they end, and for whoever knows the passcode
    Serve(ServeLinks),
}

#[derive(Args)]
pub struct ReadLink {
    /// shlink:/…, with or without a viewer before it; or a file that has it: text, or a picture of its QR code
    #[arg(value_hint = ValueHint::FilePath)]
    pub link: String,
    /// Who asks, as the patient may be shown it
    #[arg(long, value_name = "NAME")]
    pub recipient: String,
    /// Folder to keep the files in
    #[arg(long, short, value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// The link leads to this machine, without TLS, as in a trial
    #[arg(long)]
    pub this_machine: bool,
}

#[derive(Args)]
pub struct ShareLink {
    /// Titles or codes of sections with commas, `patient` for the patient's details, or `all`
    #[arg(long)]
    pub sections: String,
    /// Ask for a passcode, too. Choose one now, or set `COUNTERSIGN_PASSCODE`
    #[arg(long)]
    pub passcode: bool,
    /// What the link is called: up to 80 characters
    #[arg(long)]
    pub label: Option<String>,
    /// Days until it ends
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub days: u16,
    /// Also draw the link as a QR code into this file: .png or .svg
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub qr: Option<PathBuf>,
    /// The record's number, if there are several
    #[arg(long, value_parser = record_id)]
    pub record: Option<RecordId>,
}

#[derive(Args)]
pub struct MakeLink {
    /// A signed extraction, or a FHIR document, which nobody then vouches for
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Address of the folder on the web: https://…/. The file's own name, which nobody can guess, is added
    #[arg(long, value_name = "URL")]
    pub base: String,
    /// Folder to write the encrypted file into, and beside it what `record health-link serve` goes by
    #[arg(long, short, default_value = ".", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Ask for a passcode, too. Choose one now, or set `COUNTERSIGN_PASSCODE`; only `record health-link serve` checks it
    #[arg(long)]
    pub passcode: bool,
    /// What the link is called: up to 80 characters
    #[arg(long)]
    pub label: Option<String>,
    /// Days until it ends. Readers and `record health-link serve` keep to it; from any other server take the file away then
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub days: u64,
    /// Also draw the link as a QR code into this file: .png or .svg
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub qr: Option<PathBuf>,
}

#[derive(Args)]
pub struct ServeLinks {
    /// The folder that `record health-link make` writes into
    #[arg(value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8445")]
    pub listen: SocketAddr,
    /// PEM file with a certificate chain; without one, a certificate for a trial is made, which no viewer knows
    #[arg(long, requires = "key", value_hint = ValueHint::FilePath)]
    pub certificate: Option<PathBuf>,
    /// PEM file with its key
    #[arg(long, requires = "certificate", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
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

#[derive(Args)]
#[command(after_help = GATEWAY_EXAMPLES)]
pub struct Gateway {
    /// The configuration file
    #[arg(long, short, global = true, default_value = "countersign-gateway.toml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    #[command(subcommand)]
    pub command: GatewayCommand,
}

const GATEWAY_EXAMPLES: &str = "\
Examples:
  countersign gateway example > countersign-gateway.toml
  countersign gateway init \"$(countersign node code bedside-gateway north)\"
  countersign gateway run
  countersign gateway device treatment read stream settings start stop
  countersign gateway credential spiffe://meds.example/nurse/ana --hours 8";

#[derive(Subcommand)]
pub enum GatewayCommand {
    /// Print an example of the configuration file
    Example,
    /// Begin a gateway: make its keys and have them certified with a one-time code for the role bedside-gateway. With another
    /// code it renews the certificate
    Init {
        /// The one-time code from the registrar
        code: String,
    },
    /// Run the gateway until interrupted
    Run,
    /// Provision a device: prints the record that it is given at the bench, over a wire. No other device is touched
    Device {
        /// What it is for: diagnostic, treatment or auxiliary
        class: String,
        /// All that it will ever do: read, stream, settings, start, stop, silence, service
        #[arg(required = true)]
        ops: Vec<String>,
        /// A device that is known, to be given new keys
        #[arg(long, value_name = "SID")]
        again: Option<String>,
    },
    /// Take a device out of service; its keys here are gone at once
    Retire {
        /// The device
        sid: String,
    },
    /// Say with which patient a device is: one at a time, and its sessions end
    Associate {
        /// The device
        sid: String,
        /// The gateway's number for the patient; 0 for none
        association: u32,
    },
    /// Issue a credential for a shift: prints the badge that its holder's tablet takes up, once
    Credential {
        /// The member's SPIFFE ID
        #[arg(value_parser = Identity::parse)]
        member: Identity,
        /// For how many hours
        #[arg(long, default_value_t = 8)]
        hours: u32,
    },
    /// End a credential at once, and the sessions that go on under it
    Revoke {
        /// The credential
        credential: String,
    },
    /// Print what the gateway has done since it started
    Status,
    /// Write the readings of a patient's devices as a FHIR document
    Observations(Observations),
    /// After its database was put back from a backup: devices may be ahead of it
    Restored {
        /// The time of the newest checkpoint that anybody has, such as 2026-11-20T12:00:00Z
        newest: UnixMillis,
    },
}

#[derive(Args)]
pub struct Observations {
    /// The gateway's number for the patient
    pub association: u32,
    /// The URI of the hospital's own numbers of patients
    #[arg(long)]
    pub system: String,
    /// The patient's number there
    #[arg(long)]
    pub patient: String,
    /// The patient's family name
    #[arg(long)]
    pub family: String,
    /// The patient's given name
    #[arg(long)]
    pub given: String,
    /// The gateway's SPIFFE ID, where it does not run
    #[arg(long, value_parser = Identity::parse)]
    pub gateway: Option<Identity>,
    /// File to write
    #[arg(long, short, value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct Ward {
    /// Number of devices
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(4..=2000))]
    pub sensors: u16,
    /// Number of clinicians; a tenth of the devices where nothing is said
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=500))]
    pub clinicians: Option<u16>,
    /// Of 100 datagrams, how many are lost
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(0..=90))]
    pub loss: u8,
    /// Of 100 datagrams, after how many an earlier one comes again
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(0..=90))]
    pub replay: u8,
    /// For how many seconds clinicians sign in
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
}

fn place(text: &str) -> Result<(String, u64), String> {
    let (log, entry) = text.split_once('=').ok_or("write it as LOG=ENTRY, such as supply=120")?;
    Ok((log.to_owned(), entry.parse().map_err(|_| "an entry is a number")?))
}

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

//! `record`: medical records.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};
use countersign_ledger::{PublicKey, Subject};
use countersign_records::RecordId;

use super::LinkCommand;

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

pub(super) fn record_id(text: &str) -> Result<RecordId, &'static str> {
    let subject = Subject::new(format!("urn:countersign:record:{text}")).ok();
    subject.as_ref().and_then(RecordId::of).ok_or("a record's number is 32 hexadecimal digits")
}

fn public_key(text: &str) -> Result<PublicKey, &'static str> {
    let wrong = "a key is 130 hexadecimal digits";
    let pair = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(pair).collect();
    bytes.and_then(|bytes| PublicKey::from_sec1(&bytes).ok()).ok_or(wrong)
}

//! `record health-link`: SMART Health Links.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use countersign_records::RecordId;

use super::record::record_id;

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

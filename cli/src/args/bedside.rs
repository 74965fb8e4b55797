//! `gateway` and `ward`: bedside devices.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use countersign_ledger::{Identity, UnixMillis};

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

//! The witnesses of the demo's ledger: three processes of this program, as companies that mistrust each other would run them.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use countersign_ledger::Families;
use countersign_node::{Config, Node, Notary, NotaryConfig, OutsideConfig, TlsConfig};

const NAMES: [&str; 3] = ["hospital", "manufacturer", "regulator"];
const QUORUM: usize = 2;

/// Their processes, which end with this.
pub struct Notaries(Vec<Child>);

impl Notaries {
    /// Starts them in folders below `dir`, and returns the configuration of the ledger with them for its witnesses.
    pub fn start(dir: &Path, ledger: Config, families: &Families) -> Result<(Self, Config)> {
        let mut ledger = Config { witnesses: Vec::new(), outside_quorum: QUORUM, ..ledger };
        let mut notaries = Vec::new();
        for name in NAMES {
            let data = dir.join(name);
            fs::create_dir_all(&data)?;
            let notary = NotaryConfig {
                name: format!("{name}.example/witness"),
                data,
                listen: free_address()?,
                cosigns: Vec::new(),
                tls: TlsConfig::default(),
            };
            ledger.outside.push(OutsideConfig {
                name: name.to_owned(),
                key: Notary::key(&notary)?.to_string(),
                url: format!("https://{}", notary.listen),
                root: Some(notary.data.join("keys/tls-root.crt")),
            });
            notaries.push(notary);
        }
        // Each cosigns what these keys have signed, and nothing else.
        let genesis = Node::anchors(&ledger, families)?;
        let keys: Vec<_> = genesis.policy.lines().filter_map(|line| line.strip_prefix("log ")).collect();
        let mut processes = Self(Vec::new());
        for notary in &notaries {
            processes.0.push(run(notary, &keys)?);
        }
        Ok((processes, ledger))
    }

    /// Switches one of them off.
    pub fn stop_one(&mut self) {
        self.0.pop().into_iter().for_each(end);
    }
}

impl Drop for Notaries {
    fn drop(&mut self) {
        self.0.drain(..).for_each(end);
    }
}

pub fn end(mut process: Child) {
    // It may have ended by itself.
    let _ = (process.kill(), process.wait());
}

/// Starts one, and waits until it listens.
fn run(notary: &NotaryConfig, keys: &[&str]) -> Result<Child> {
    let (path, log) = (notary.data.join("notary.toml"), notary.data.join("notary.log"));
    let (name, listen, keys) = (&notary.name, notary.listen, keys.join("\", \""));
    let config = format!("name = \"{name}\"\ndata = \".\"\nlisten = \"{listen}\"\ncosigns = [\"{keys}\"]\n");
    fs::write(&path, config)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["notary", "run", "--config"]).arg(&path).stdin(Stdio::null());
    let mut process = command.stdout(Stdio::piped()).stderr(File::create(&log)?).spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().context("its output")?).read_line(&mut line)?;
    if line.is_empty() {
        end(process);
        bail!("a witness does not start: {}", log.display());
    }
    Ok(process)
}

/// An address that was free just now: others must know it before somebody listens there.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

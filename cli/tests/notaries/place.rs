//! The processes, and a desk that speaks to the node.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::certificate;
use countersign_ledger::{
    Certificate, Draft, Fields, Genesis, Hash, Kind, Note, NoteSigner, Policy, SoftwareKey, Subject,
    TreeHead, cbor,
};
use countersign_node::system_clock;
use reqwest::blocking::Client;

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
pub const SUPPLY: &str = "ledger.meds.example/supply";

/// The folder of all of them.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A node without witnesses of its own, which asks these, two of whom must cosign.
    pub fn node(&self, outside: &[&str]) -> NodeToStart<'_> {
        let config = format!(
            "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"node\"\nlisten = \"127.0.0.1:0\"\n\
             recosign_seconds = 1\nwitness = []\noutside_quorum = 2\n[limits]\nwrites_per_second = 1000\n{}",
            outside.concat()
        );
        fs::write(self.path("node.toml"), config).unwrap();
        NodeToStart(self)
    }

    pub fn start_node(&self) -> Node {
        let (child, line) = spawn(&["node", "run"], &self.path("node.toml"));
        let address = line.split_whitespace().find(|word| word.starts_with("https://")).expect("an address");
        Node { address: address.trim_end_matches(';').to_owned(), child }
    }

    /// The keys of the node's logs, as an operator takes them from its trust anchors.
    pub fn log_keys(&self) -> Vec<String> {
        let policy = self.genesis().policy;
        policy.lines().filter_map(|line| line.strip_prefix("log ")).map(str::to_owned).collect()
    }

    fn genesis(&self) -> Genesis {
        Genesis::parse(command(&["node", "genesis"], &self.path("node.toml")).as_bytes()).unwrap()
    }

    /// What the log signs with, in the hands of somebody who means harm.
    pub fn log_signer(&self) -> NoteSigner {
        let seed: Hash =
            fs::read_to_string(self.path("node/keys/log-supply.ed25519")).unwrap().trim().parse().unwrap();
        NoteSigner::ed25519(SUPPLY, &seed.0).unwrap()
    }
}

/// A node that is configured.
pub struct NodeToStart<'a>(&'a Place);

impl NodeToStart<'_> {
    pub fn start(self) -> Node {
        self.0.start_node()
    }
}

/// A node's process, killed without warning when dropped.
pub struct Node {
    address: String,
    child: Child,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

/// A notary: its folder, and its process while there is one.
pub struct Notary {
    pub name: &'static str,
    pub url: String,
    /// Its entry in the node's configuration.
    pub outside: String,
    /// The root of its TLS certificate.
    pub root: Vec<u8>,
    folder: PathBuf,
    child: Option<Child>,
}

impl Notary {
    /// Configures one, and has it tell its key.
    pub fn new(place: &Place, name: &'static str) -> Self {
        // It must be known before it runs.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (folder, url) = (place.path(name), format!("https://localhost:{port}"));
        fs::create_dir(&folder).unwrap();
        let example = command(&["notary", "example"], Path::new("none"));
        let config = example.replace("witness.example/one", &format!("{name}.example/w"));
        fs::write(folder.join("notary.toml"), config.replace("127.0.0.1:8444", &format!("127.0.0.1:{port}")))
            .unwrap();
        let key = command(&["notary", "key"], &folder.join("notary.toml"));
        assert_eq!(key, command(&["notary", "key"], &folder.join("notary.toml")));
        let root = folder.join("notary/keys/tls-root.crt");
        let outside = outside(name, key.trim(), &url, &root);
        Self { name, url, outside, root: fs::read(root).unwrap(), folder, child: None }
    }

    pub fn cosigns(self, keys: &[String]) -> Self {
        let path = self.folder.join("notary.toml");
        let config = fs::read_to_string(&path).unwrap();
        let with = config.replace("cosigns = [\n]", &format!("cosigns = [\"{}\"]", keys.join("\", \"")));
        assert_ne!(config, with);
        fs::write(path, with).unwrap();
        self
    }

    pub fn start(mut self) -> Self {
        self.run();
        self
    }

    pub fn run(&mut self) {
        let (child, line) = spawn(&["notary", "run"], &self.folder.join("notary.toml"));
        assert!(line.contains("listening on https://"), "{line}");
        self.child = Some(child);
    }

    /// By SIGKILL: it gets no chance to tidy up.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It is there, and does nothing.
    pub fn sleep(&self) {
        self.signal("-STOP");
    }

    pub fn wake(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// What it cosigned last, as everybody may ask it.
    pub fn held(&self, origin: &str) -> Option<TreeHead> {
        let url = format!("{}/{}/checkpoint", self.url, Hash::of(origin.as_bytes()));
        let answer = http(&self.root).get(url).send().unwrap();
        (answer.status() == 200).then(|| {
            let note = Note::parse(&answer.text().unwrap()).unwrap();
            TreeHead::parse(note.text()).unwrap()
        })
    }

    pub fn size(&self, origin: &str) -> Option<u64> {
        self.held(origin).map(|head| head.size)
    }

    /// What it keeps of the logs.
    pub fn copy(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files =
            fs::read_dir(self.folder.join("notary/cosigned")).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    pub fn set_back(copy: &[(PathBuf, Vec<u8>)]) {
        for (path, bytes) in copy {
            fs::write(path, bytes).unwrap();
        }
    }
}

impl Drop for Notary {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An entry in a node's configuration.
pub fn outside(name: &str, key: &str, url: &str, root: &Path) -> String {
    let root = root.display();
    format!("[[outside]]\nname = \"{name}\"\nkey = \"{key}\"\nurl = \"{url}\"\nroot = \"{root}\"\n")
}

/// A client that trusts one root.
pub fn http(root: &[u8]) -> Client {
    let root = reqwest::Certificate::from_der(root).unwrap();
    Client::builder().tls_certs_only([root]).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// The text of a checkpoint of the supply log, with an index root beside it.
pub fn checkpoint(size: u64, root: Hash) -> String {
    format!("{SUPPLY}\n{size}\n{}\n", STANDARD.encode(root.0))
}

fn command(arguments: &[&str], config: &Path) -> String {
    let mut command = Command::new(COUNTERSIGN);
    let output = command.args(arguments).arg("--config").arg(config).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A process, and the first line that it prints.
fn spawn(arguments: &[&str], config: &Path) -> (Child, String) {
    let log = fs::File::options().create(true).append(true).open(config.with_extension("log")).unwrap();
    let mut command = Command::new(COUNTERSIGN);
    command.args(arguments).arg("--config").arg(config).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "{}", fs::read_to_string(config.with_extension("log")).unwrap());
    (child, line)
}

/// A manufacturer who submits statements.
pub struct Desk {
    address: String,
    client: Client,
    policy: Policy,
    key: SoftwareKey,
    certificate: Certificate,
    number: AtomicU64,
    acknowledged: Mutex<Vec<Hash>>,
}

/// A statement that was not acknowledged.
#[derive(Debug)]
pub struct Held {
    pub id: Hash,
    pub status: u16,
}

/// A published checkpoint.
pub struct Cosigned {
    pub size: u64,
    /// Who has cosigned it, in the order of the alphabet.
    pub names: Vec<&'static str>,
}

impl Desk {
    pub fn enrol(node: &Node, place: &Place) -> Self {
        let genesis = place.genesis();
        let (client, (policy, _)) = (http(&genesis.tls[0].0), genesis.trust_anchors().unwrap());
        let code = command(&["node", "code", "manufacturer", "dm"], &place.path("node.toml"));
        let key = SoftwareKey::from_bytes(&[7; 32]).unwrap();
        let request = certificate::request(&key).unwrap();
        let body = cbor::encode(|e| e.array(2)?.str(code.trim())?.bytes(&request)?.ok());
        let answer = client.post(format!("{}/enrol", node.address)).body(body).send().unwrap();
        assert_eq!(answer.status(), 201);
        let certificate = Certificate::from_der(&answer.bytes().unwrap()).unwrap();
        let (number, acknowledged) = (AtomicU64::new(0), Mutex::default());
        Self { address: node.address.clone(), client, policy, key, certificate, number, acknowledged }
    }

    /// The same desk, when the node listens elsewhere.
    pub fn at(self, node: &Node) -> Self {
        Self { address: node.address.clone(), ..self }
    }

    /// Submits a statement on a lot of its own.
    pub fn submit(&self) -> Result<Hash, Held> {
        let number = self.number.fetch_add(1, Ordering::SeqCst);
        let mut cti = [0; 16];
        cti[..8].copy_from_slice(&number.to_be_bytes());
        let draft = Draft {
            kind: Kind::new("medicine.material-request").unwrap(),
            subject: Subject::new(format!("https://id.gs1.org/01/09506000134352/10/L{number}")).unwrap(),
            fields: Fields::new().with("to", "spiffe://meds.example/supplier/ms").with("materials", "starch"),
            prev: None,
            links: Vec::new(),
            sealed: None,
        };
        let statement = draft.sign(&self.certificate, &self.key, system_clock()(), cti).unwrap();
        let url = format!("{}/supply/entries", self.address);
        let answer = self.client.post(url).body(statement.as_bytes().to_vec()).send().unwrap();
        match answer.status().as_u16() {
            303 => {
                self.acknowledged.lock().unwrap().push(statement.id());
                Ok(statement.id())
            }
            status => Err(Held { id: statement.id(), status }),
        }
    }

    pub fn submit_until_it_is_taken(&self) -> Hash {
        let mut taken = None;
        for _ in 0..200 {
            taken = taken.or_else(|| self.submit().ok());
            if let Some(id) = taken {
                return id;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        panic!("the node takes nothing");
    }

    pub fn acknowledged(&self) -> Vec<Hash> {
        self.acknowledged.lock().unwrap().clone()
    }

    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = self.client.get(format!("{}{path}", self.address)).send().unwrap();
        (answer.status().as_u16(), answer.bytes().unwrap().to_vec())
    }

    /// The log's receipt for a statement, if it has one.
    pub fn receipt(&self, id: Hash) -> Option<Vec<u8>> {
        let (status, receipt) = self.get(&format!("/supply/entries/{id}"));
        (status == 200).then_some(receipt)
    }

    /// The newest checkpoint, which must be trusted, and who has cosigned it.
    pub fn cosigned(&self, origin: &str) -> Cosigned {
        let log = origin.rsplit('/').next().unwrap();
        let text = String::from_utf8(self.get(&format!("/{log}/checkpoint")).1).unwrap();
        let trusted = self.policy.trust(&text).unwrap();
        let mut names: Vec<_> =
            self.policy.witnesses().filter(|(_, key)| key.verify(trusted.note()).is_ok()).collect();
        names.sort_by_key(|(name, _)| name.to_owned());
        let known = ["honest", "other", "liar", "one", "two", "three"];
        let names = names.iter().filter_map(|(name, _)| known.into_iter().find(|known| known == name));
        Cosigned { size: trusted.checkpoint().size(), names: names.collect() }
    }
}

//! What clients that nobody here wrote are tried on: `elsewhere FOLDER WITNESS_KEY WITNESS_URL`.
//!
//! A node that listens on this machine, whose checkpoints the given witness cosigns as well, and a folder with what no node
//! serves. Prints a line when all is there, and runs until its input ends.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_custody::qr::{self, Codes};
use countersign_ledger::certificate::{Period, issue, request, root};
use countersign_ledger::{
    Certificate, Draft, Fields, Hash, Identity, Kind, LogName, NoteSigner, Signer as _, SoftwareKey,
    Statement, Subject, UnixMillis, sealed,
};
use countersign_node::{Config, Node, Outcome, OutsideConfig};
use countersign_scan::draw::{Carrier, Label, Scale};
use countersign_scan::gs1::{Message, Partners};
use countersign_shl::{Access, ContentType, Link};
use serde_json::json;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const CLASS: &str = "https://id.gs1.org/01/09506000134352";
const PACK: &str = "(01)09506000134352(17)351130(10)L1(21)S001";
const DOMAIN: &str = "meds.example";
/// More than a tile.
const STATEMENTS: u64 = 300;
/// A log of somebody else, by a seed that guards nothing.
const OTHER_LOG: (&str, [u8; 32]) = ("example.com/behind-the-sofa", [7; 32]);

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, key, url] = arguments.as_slice() else {
        return Err("usage: elsewhere FOLDER WITNESS_KEY WITNESS_URL".into());
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let other = NoteSigner::ed25519(OTHER_LOG.0, &OTHER_LOG.1)?;
    let mut config = Config::development(folder.join("node"));
    config.witnesses[0].cosigns = vec![other.verifier_key().to_string()];
    config.outside =
        vec![OutsideConfig { name: "elsewhere".to_owned(), key: key.clone(), url: url.clone(), root: None }];
    let running = Node::open(config)?.start()?;
    let member = Member::enrol(running.node())?;
    let statements = (0..STATEMENTS).map(|number| member.sign(number)).collect::<Result<Vec<_>>>()?;
    let waiting: Vec<_> = statements
        .iter()
        .map(|one| running.node().sequencer().submit(LogName::SUPPLY, one.as_bytes()))
        .collect();
    for outcome in waiting {
        match outcome.wait() {
            Outcome::Accepted(_) => {}
            other => return Err(format!("a statement was not taken: {other:?}").into()),
        }
    }
    let genesis = running.node().genesis();
    fs::write(folder.join("tls-root.der"), &genesis.tls[0].0)?;
    fs::write(folder.join("domain-root.der"), &genesis.domains[0].root.0)?;
    fs::write(folder.join("registrar.der"), &genesis.domains[0].registrar.0)?;
    fs::write(folder.join("member.der"), member.certificate.as_der())?;
    fs::write(folder.join("known.cose"), statements[7].as_bytes())?;
    fs::write(folder.join("new.cose"), member.sign(STATEMENTS)?.as_bytes())?;
    rollover(folder)?;
    let sealed = confidential(folder)?;
    codes(folder)?;
    health_link(folder)?;
    let world = json!({
        "node": format!("https://localhost:{}", running.addr().port()),
        "origin": genesis.origin(LogName::SUPPLY),
        "statements": STATEMENTS,
        "otherLog": { "name": OTHER_LOG.0, "seed": Hash(OTHER_LOG.1).to_string() },
        "sealed": sealed,
    });
    fs::write(folder.join("world.json"), world.to_string())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    running.stop();
    Ok(())
}

/// A manufacturer.
struct Member {
    key: SoftwareKey,
    certificate: Certificate,
}

impl Member {
    fn enrol(node: &Node) -> Result<Self> {
        let code = node.registrar().new_code("manufacturer", "northwind", Duration::from_mins(10))?;
        let key = key(3)?;
        let certificate = node.enrol(&code, &request(&key)?)?;
        Ok(Self { key, certificate })
    }

    /// The first statement on a lot of its own.
    fn sign(&self, number: u64) -> Result<Statement> {
        let draft = Draft {
            kind: Kind::new("medicine.material-request")?,
            subject: Subject::new(format!("{CLASS}/10/L{number}"))?,
            fields: Fields::new().with("to", "spiffe://meds.example/supplier/ms").with("materials", "starch"),
            prev: None,
            links: Vec::new(),
            sealed: None,
        };
        let mut cti = [0; 16];
        cti[..8].copy_from_slice(&number.to_be_bytes());
        Ok(draft.sign(&self.certificate, &self.key, now()?, cti)?)
    }
}

/// Two roots of one name, and a member of each.
fn rollover(folder: &Path) -> Result {
    let now = now()?;
    let year = Period { from: UnixMillis(now.0 - 1000), until: UnixMillis(now.0 + 365 * 24 * 3600 * 1000) };
    let holder = Identity::new(DOMAIN, "supplier", "alpine")?;
    for (name, authority) in [("old", key(11)?), ("new", key(12)?)] {
        fs::write(folder.join(format!("{name}-root.der")), root(DOMAIN, &authority, year, [1; 16])?)?;
        let member = issue(&holder, &key(13)?.public_key(), &authority, year, [0xff; 16])?;
        fs::write(folder.join(format!("by-{name}.der")), member.as_der())?;
    }
    Ok(())
}

/// A confidential part, and what its receiver knows.
fn confidential(folder: &Path) -> Result<serde_json::Value> {
    let (kind, subject, plain) = ("medicine.material", format!("{CLASS}/10/L1"), "price 12");
    let receiver = key(21)?.public_key();
    let bytes = sealed::seal(
        plain.as_bytes(),
        &receiver,
        &Kind::new(kind)?,
        &Subject::new(&*subject)?,
        &mut Fixed(0),
    )?;
    fs::write(folder.join("sealed"), bytes)?;
    Ok(json!({ "secret": Hash([21; 32]).to_string(), "kind": kind, "subject": subject, "plain": plain }))
}

/// A message as the text of a code, and the symbols of a pack.
fn codes(folder: &Path) -> Result {
    let payload: Vec<u8> = (0..=255).cycle().take(487).collect();
    let Codes::One(text) = qr::encode(&payload)? else { return Err("one code".into()) };
    fs::write(folder.join("code.txt"), &text)?;
    fs::write(folder.join("code.payload"), &payload)?;
    let scale = Scale::new(5).ok_or("a scale")?;
    fs::write(folder.join("code.png"), Label::plain(&text)?.picture(scale).png())?;
    let message = Message::from_bracketed(PACK, Partners::Required)?;
    for (name, carrier) in
        [("datamatrix", Carrier::DataMatrix), ("gs1-qr", Carrier::Qr), ("link-qr", Carrier::LinkQr)]
    {
        let label = Label::new(&message, carrier)?;
        fs::write(folder.join(format!("{name}.png")), label.picture(scale).png())?;
    }
    fs::write(folder.join("pack.txt"), message.to_element_string())?;
    Ok(fs::write(folder.join("pack.link"), message.to_link()?)?)
}

/// A SMART Health Link and the file that it leads to.
fn health_link(folder: &Path) -> Result {
    let plain = br#"{"resourceType":"Bundle","type":"document","entry":[]}"#;
    let key = countersign_shl::Key::random(&mut Fixed(0));
    let file = countersign_shl::seal(plain, &ContentType::Fhir, &key, &mut Fixed(100))?;
    let link = Link::new("https://files.example/l/1", key, Access::Direct)?.with_label("Trial")?;
    fs::write(folder.join("health-link.json"), plain)?;
    fs::write(folder.join("health-link.jwe"), file)?;
    fs::write(folder.join("health-link.txt"), link.with_expiry(1_900_000_000).to_uri().as_bytes())?;
    let picture = Label::on_paper(&fs::read_to_string(folder.join("health-link.txt"))?)?;
    Ok(fs::write(folder.join("health-link.png"), picture.picture(Scale::new(4).ok_or("a scale")?).png())?)
}

fn key(seed: u8) -> Result<SoftwareKey> {
    Ok(SoftwareKey::from_bytes(&[seed; 32])?)
}

fn now() -> Result<UnixMillis> {
    Ok(UnixMillis(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?))
}

/// Numbers that are not random: nothing here is secret.
struct Fixed(u8);

impl rand_core::TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Self::Error> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Fixed {}

//! `record link`: SMART Health Links, by which documents come from and go to people without this app.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_ledger::{TrustStore, UnixMillis};
use countersign_node::{LinkServer, LinkServerConfig, TlsConfig};
use countersign_records::{
    Cut, Extraction, NoProof, Opened, Provenance, RecordId, View, excerpt, proof, provenance,
};
use countersign_scan::draw::{Label, Scale};
use countersign_shl::{Access, ContentType, Gate, Key, Link, MAX_FILE, MAX_LINK, Status, seal};
use countersign_wallet::{Fetched, Hosts, LEAST_PASSCODE, Links};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::node::{log_to_stderr, until_asked_to_stop};
use super::record::described;
use crate::args::{LinkCommand, MakeLink, ReadLink, ServeLinks};
use crate::home::{Home, now};
use crate::output::{say, show, told, warn};
use crate::{file, pack};

/// Environment variable with a link's passcode, for scripts.
const PASSCODE: &str = "COUNTERSIGN_PASSCODE";
/// Pixels of a module of the QR code.
const MODULE: u8 = 6;

pub(super) fn run(home: &Home, command: &LinkCommand, as_json: bool) -> Result<u8> {
    match command {
        LinkCommand::Read(args) => read(home, args, as_json),
        LinkCommand::Share(args) => super::record::share_by_link(home, args, as_json).map(|()| 0),
        LinkCommand::List { record } => super::record::links(home, record.as_ref(), as_json).map(|()| 0),
        LinkCommand::End { name, record } => {
            super::record::end_link(home, record.as_ref(), name, as_json).map(|()| 0)
        }
        LinkCommand::Make(args) => make(home, args, as_json).map(|()| 0),
        LinkCommand::Serve(args) => serve(args).map(|()| 0),
    }
}

/// Fetches and shows what a link leads to; the exit code is 1 if a file could not be fetched or read.
fn read(home: &Home, args: &ReadLink, as_json: bool) -> Result<u8> {
    let link = Link::parse(&text_of(&args.link)?)?;
    if let Some(label) = link.label().filter(|_| !as_json) {
        say!("{label}");
    }
    let hosts = if args.this_machine { Hosts::ThisMachine } else { Hosts::Web };
    let files = Links::new(hosts)?.fetch(&link, &args.recipient, passcode(&link)?, now())?;
    if files.is_empty() {
        bail!("the link leads to no files");
    }
    let mut code = 0;
    for (number, fetched) in (1..).zip(files) {
        if let Err(error) = show_file(home, args, number, fetched, as_json) {
            // The other files are still shown.
            warn(format_args!("file {number}: {}", told(&error)));
            code = 1;
        }
    }
    Ok(code)
}

/// The text of a link: as it is given, in a text file, or in a picture of its QR code.
fn text_of(argument: &str) -> Result<Zeroizing<String>> {
    let path = Path::new(argument);
    if !path.is_file() {
        return Ok(Zeroizing::new(argument.to_owned()));
    }
    if let Ok(text) = file::text(path, "a link", MAX_LINK) {
        return Ok(Zeroizing::new(text));
    }
    let symbols = pack::symbols(path)?;
    let links = symbols.into_iter().find(|symbol| Link::parse(&symbol.text).is_ok());
    let link = links.with_context(|| format!("no SMART Health Link was found in {}", path.display()))?;
    Ok(Zeroizing::new(link.text))
}

/// The passcode of a link that asks for one, or the one that is set.
fn passcode(link: &Link) -> Result<Option<Zeroizing<String>>> {
    if let Ok(passcode) = std::env::var(PASSCODE) {
        return Ok(Some(Zeroizing::new(passcode)));
    }
    if link.access() != Access::Passcode {
        return Ok(None);
    }
    let typed = rpassword::prompt_password("Passcode of the link, from the patient: ")
        .with_context(|| format!("no passcode: type it at a terminal, or set {PASSCODE}"))?;
    Ok(Some(Zeroizing::new(typed)))
}

/// What is known of who wrote a document.
enum Signature {
    /// The author signed what is shown.
    Verified(Box<Opened>),
    /// The same, but the document around the proof says something else: it is not shown.
    Differs(Box<Opened>),
    /// There is one, and it could not be checked, for this reason.
    Unverified(String),
    /// There is none.
    Missing(NoProof),
}

impl Signature {
    fn of(home: &Home, document: &[u8]) -> Self {
        if let Err(reason) = proof(document) {
            return Self::Missing(reason);
        }
        let trust = match trust(home) {
            Ok(trust) => trust,
            Err(error) => return Self::Unverified(told(&error)),
        };
        match provenance(document, &trust) {
            Provenance::Verified(opened) => Self::Verified(opened),
            Provenance::Differs(opened) => Self::Differs(opened),
            Provenance::Refused(refused) => Self::Unverified(refused.to_string()),
            Provenance::Missing(reason) => Self::Missing(reason),
        }
    }

    fn opened(&self) -> Option<&Opened> {
        match self {
            Self::Verified(opened) | Self::Differs(opened) => Some(opened.as_ref()),
            Self::Unverified(_) | Self::Missing(_) => None,
        }
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Differs(_) => "differs",
            Self::Unverified(_) => "unverified",
            Self::Missing(_) => "missing",
        }
    }

    /// What a person should know before reading on.
    fn sentence(&self) -> String {
        let signed = |opened: &Opened| {
            let (statement, hidden) = (opened.commitment().statement().statement(), opened.withheld());
            let hidden = match hidden {
                0 => String::new(),
                1 => "; 1 section is not shown".to_owned(),
                many => format!("; {many} sections are not shown"),
            };
            let (version, signer) = (opened.commitment().version(), opened.author().identity());
            format!(
                "signed by {} ({}) of {} at {}, version {version}{hidden}. Whether there is a newer one, no link says",
                signer.name(),
                signer.role(),
                signer.domain(),
                statement.issued_at(),
            )
        };
        match self {
            Self::Verified(opened) => format!("✓ {}", signed(opened)),
            Self::Differs(opened) => {
                format!("! what the link says is not what was signed: shown is what was {}", signed(opened))
            }
            Self::Unverified(reason) => format!("! the author's signature could not be checked: {reason}"),
            Self::Missing(reason) => format!("! {reason}"),
        }
    }
}

/// Opens an extraction by what this wallet trusts.
fn opened(home: &Home, extraction: Extraction) -> Result<Opened> {
    let record = RecordId::of(extraction.document().subject()).context("what was signed is no record")?;
    Ok(extraction.verify(&trust(home)?, &record, None)?)
}

/// Whom this wallet trusts.
fn trust(home: &Home) -> Result<TrustStore> {
    if !home.exists() {
        bail!("there is no wallet here that knows whom to trust: create one with `countersign init`");
    }
    Ok(home.snapshot()?.trust()?)
}

fn show_file(home: &Home, args: &ReadLink, number: usize, fetched: Fetched, as_json: bool) -> Result<()> {
    let contents = fetched.contents?;
    let kind = fetched.content_type.unwrap_or(ContentType::Fhir);
    let path = args.output.as_deref().map(|folder| keep(folder, number, &kind, &contents)).transpose()?;
    let kept = path.as_ref().map(|path| format!(", kept as {path}")).unwrap_or_default();
    let changed = fetched.last_updated.as_ref().map(|when| format!(", of {when}")).unwrap_or_default();
    if !as_json {
        say!("file {number}: {}, {} bytes{changed}{kept}", kind.as_str(), contents.len());
        if fetched.status == Some(Status::NoLongerValid) {
            say!("  ! its sender says that it no longer holds");
        }
    }
    let mut line = json!({
        "file": number, "content_type": kind.as_str(), "bytes": contents.len(), "kept": path,
        "last_updated": fetched.last_updated, "no_longer_valid": fetched.status == Some(Status::NoLongerValid),
    });
    if kind == ContentType::Fhir {
        let signature = Signature::of(home, &contents);
        let cut = Cut::new(&contents);
        let parts = match (signature.opened(), &cut) {
            (Some(opened), _) => opened.parts().to_vec(),
            (None, Ok(cut)) => cut.parts(),
            (None, Err(reason)) => return Err(anyhow!(*reason)),
        };
        let view = View::of(&parts);
        if as_json {
            line["signature"] = signature.as_str().into();
            line["told"] = signature.sentence().into();
            line["patient"] = view.patient.as_str().into();
            line["sections"] = view.sections.iter().map(section).collect();
        } else {
            say!("  {}", signature.sentence());
            show!("{}", described(&parts, &view, |_| Vec::new()));
        }
    } else if !as_json {
        say!(
            "  not a FHIR document, and not shown here{}",
            if path.is_none() { ": keep it with --output" } else { "" }
        );
    }
    if as_json {
        say!("{line}");
    }
    Ok(())
}

fn section(section: &countersign_records::Section) -> Value {
    json!({
        "title": section.title, "state": section.state.as_str(), "lines": section.lines,
        "narrative": section.narrative.as_ref().map(|narrative| &narrative.text),
        "marks": section.marks.iter().map(countersign_records::Mark::sentence).collect::<Vec<_>>(),
    })
}

/// Keeps a file, and gives its path. Nothing that is there is replaced.
fn keep(folder: &Path, number: usize, kind: &ContentType, contents: &[u8]) -> Result<String> {
    let extension = match kind {
        ContentType::Fhir => "json",
        ContentType::HealthCard => "smart-health-card",
        ContentType::ApiAccess | ContentType::Other(_) => "bin",
    };
    file::private_folder(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(format!("{number}.{extension}"));
    file::write_new(&path, contents)?;
    Ok(path.display().to_string())
}

fn make(home: &Home, args: &MakeLink, as_json: bool) -> Result<()> {
    // Everything that follows needs it.
    getrandom::u32().context("the operating system gives no randomness")?;
    let mut random = UnwrapErr(SysRng);
    let given = Zeroizing::new(file::read(&args.file, "a FHIR document, or a signed one", MAX_FILE)?);
    let (document, signed) = match Extraction::from_bytes(&given) {
        Ok(extraction) => {
            let opened = opened(home, extraction).context("nobody could rely on this extraction")?;
            (excerpt(&opened, &given), true)
        }
        Err(_) => {
            Cut::new(&given).context("neither an extraction nor a FHIR document")?;
            (given, false)
        }
    };
    let mut name = [0; 32];
    random.fill_bytes(&mut name);
    let name = URL_SAFE_NO_PAD.encode(name);
    let expires = UnixMillis(now().0.saturating_add(args.days * 24 * 3600 * 1000));
    let url = format!("{}/{name}", args.base.trim_end_matches('/'));
    if !url.starts_with("https://") {
        bail!("the address of a link begins with https://, so that nobody on the way sees who opens it");
    }
    let passcode = args.passcode.then(chosen_passcode).transpose()?;
    let access = if args.passcode { Access::Passcode } else { Access::Direct };
    let mut link = Link::new(&url, Key::random(&mut random), access)
        .context("choose a shorter address for --base, or one of the web")?
        .with_expiry(expires.seconds());
    if let Some(label) = &args.label {
        link = link.with_label(label)?;
    }
    let uri = link.to_uri();
    let qr = args.qr.as_deref().map(|path| Ok::<_, anyhow::Error>((path, drawn(path, &uri)?))).transpose()?;
    let sealed = seal(&document, &ContentType::Fhir, link.key(), &mut random)?;
    let path = args.output.join(&name);
    let gate =
        Gate::new(&url, expires.seconds(), passcode.as_ref().map(|passcode| passcode.as_str()), &mut random);
    let gate = gate.context("the passcode cannot be used")?.to_json();
    // The gate comes last: without it nothing is served.
    for (path, bytes) in [(path.clone(), sealed.into_bytes()), (path.with_extension("json"), gate)] {
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    if let Some((path, picture)) = qr {
        fs::write(path, picture).with_context(|| path.display().to_string())?;
    }
    if as_json {
        let line = json!({
            "link": *uri, "file": path.display().to_string(), "url": url, "expires": expires.to_string(), "signed": signed,
        });
        say!("{line}");
        return Ok(());
    }
    say!("{}", *uri);
    say!("  who has this link can read the document: give it to nobody else");
    if args.passcode {
        say!("  tell the passcode on another way than the link; it can be tried ten times");
        say!(
            "  ends {expires}; serve {} with `countersign record health-link serve` at {}",
            args.output.display(),
            args.base
        );
    } else {
        say!("  ends {expires}; serve {} at {url}, as application/jose", path.display());
    }
    if !signed {
        say!("  ! {}", NoProof::Missing);
    }
    Ok(())
}

/// A new passcode, typed twice by a person.
pub(super) fn chosen_passcode() -> Result<Zeroizing<String>> {
    let set = std::env::var(PASSCODE).ok().map(Zeroizing::new);
    let chosen = match set {
        Some(passcode) => passcode,
        None => {
            let ask = |prompt: &str| {
                rpassword::prompt_password(prompt)
                    .map(Zeroizing::new)
                    .with_context(|| format!("no passcode: type it at a terminal, or set {PASSCODE}"))
            };
            let chosen = ask("Choose a passcode for the link: ")?;
            if ask("The same again: ")? != chosen {
                bail!("the two passcodes differ: nothing was made, try again");
            }
            chosen
        }
    };
    if chosen.chars().count() < LEAST_PASSCODE {
        bail!("the passcode is too short: it needs {LEAST_PASSCODE} characters or more");
    }
    Ok(chosen)
}

/// Serves links until interrupted.
fn serve(args: &ServeLinks) -> Result<()> {
    let tls = TlsConfig { certificate: args.certificate.clone(), key: args.key.clone(), names: Vec::new() };
    log_to_stderr();
    let server =
        LinkServer::start(&LinkServerConfig { folder: args.folder.clone(), listen: args.listen, tls })?;
    say!("listening on https://{}", server.addr());
    until_asked_to_stop()?;
    server.stop();
    Ok(())
}

/// The link as a QR code, in the format of the file's extension.
pub(super) fn drawn(path: &Path, uri: &str) -> Result<Vec<u8>> {
    let label = Label::on_paper(uri)?;
    let scale = Scale::new(MODULE).context("a scale")?;
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("png") => Ok(label.picture(scale).png()),
        Some("svg") => Ok(label.svg(scale).into_bytes()),
        _ => bail!("{} is neither a .png nor a .svg file", path.display()),
    }
}

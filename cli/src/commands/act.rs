//! `enrol` and `sign`: what a member does as an issuer of statements.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use countersign_custody::words::counted;
use countersign_custody::{
    Contents, Effect, PackingFault, Profile, SerialSet, Step, SubjectType, packing_fault,
};
use countersign_ledger::{Entry, Fields, Kind, Subject, UnixMillis};
use countersign_wallet::{ActError, Consent, HeldBack, Issuer, Recorded, Snapshot, is_irrevocable, level};
use serde_json::json;

use super::kinds;
use crate::args::{Enrol, Level, Sign};
use crate::draft::{DRAFT, Draft, MAX_DRAFT};
use crate::home::{Home, now, year};
use crate::output::{say, warn};
use crate::progress::Bar;
use crate::{fields, file, pack};

/// Of a statement that did not get through.
const KEPT: &str =
    "the statement is signed and kept, and not recorded yet; the same command again goes on with it";

/// Largest list of serial numbers: those of the largest filter, each of twenty characters.
const MAX_SERIALS: usize = 15_000_000 * 22;

/// The name of the wallet's one key in its vault.
pub const KEY: &str = "signing";

/// Has this wallet's key certified.
pub fn enrol(home: &Home, args: &Enrol, as_json: bool) -> Result<()> {
    let (mut snapshot, client) = (home.snapshot()?, home.client()?);
    let certificate = Issuer::new(&mut snapshot, &client, home.vault()?).enrol(KEY, &args.code)?;
    if as_json {
        say!(
            "{}",
            json!({
                "identity": certificate.identity().as_str(),
                "certificate": certificate.fingerprint().to_string(),
                "until": certificate.not_after().to_string(),
            })
        );
    } else {
        say!(
            "Enrolled as {}; the certificate is valid until {}.",
            certificate.identity(),
            certificate.not_after()
        );
    }
    Ok(())
}

/// Signs a statement, submits it and verifies that it was recorded, or lists what can be signed. What is cut off is kept: the same
/// command again goes on with it.
pub fn sign(home: &Home, args: &Sign, as_json: bool) -> Result<()> {
    let Some(asked) = asked(args)? else {
        return kinds::list(home, as_json);
    };
    let kind = Kind::new(asked.kind.as_str())?;
    let (mut snapshot, client) = (home.snapshot()?, home.client()?);
    let unknown = || anyhow!("there is no kind of statement `{kind}`; `countersign sign` lists the kinds");
    let profile = snapshot.profile_of(&kind).ok_or_else(unknown)?.clone();
    let step = profile.step(&kind).ok_or_else(unknown)?;
    let named = pack::named(&asked.about, year())?;
    let consent = Consent { irrevocable: args.yes, unknown: args.unknown };
    let level = args.level.map(SubjectType::from);
    let subject = snapshot.guard(step, &named, level, consent, now()).map_err(|reason| held(&reason))?;
    let mut fields = fields::read(step, &asked.fields)?;
    let serials = commission(&profile, step, &asked.serials, &mut fields)?;
    let mut inside = None;
    if let Some(path) = &args.contents {
        let listed = pack::listed(path, year())?;
        for (number, one) in &listed {
            let guarded = snapshot.guard_linked(one, consent, now());
            guarded.map_err(|reason| held(&reason)).with_context(|| format!("line {number}"))?;
        }
        let contents = pack::contents(&listed)?;
        follows(&mut fields, &contents.fields(), &format!("the {}", counted(contents.count(), "pack")))?;
        packable(step, &subject, &contents, &mut snapshot)?;
        snapshot.keep_contents(&contents)?;
        inside = Some(contents);
    }
    let with = args.with.iter().map(|one| linked(&mut snapshot, one, consent)).collect::<Result<Vec<_>>>()?;
    let vault = home.vault()?;
    let mut issuer = Issuer::new(&mut snapshot, &client, Arc::clone(&vault));
    if let Some(contents) = inside.filter(|_| step.effect == Effect::Unpack) {
        differs(&profile, &issuer.history(step.log, &subject)?, &contents);
    }
    let begun = issuer.begun(&kind, &subject, &fields)?;
    let recorded = if let Some(begun) = begun {
        issuer.complete(begun, now())
    } else {
        issuer.send_about(&subject, now())?;
        let blob = serials.as_ref().map(SerialSet::filter_bytes);
        blob.map_or(Ok(()), |blob| issuer.check_blob(blob.len())).map_err(too_many_serials)?;
        let mut issuer = issuer.consenting(asked_for(&profile, step, &subject, consent)?);
        let draft = issuer.draft(KEY, &kind, &subject, fields.clone(), &with)?;
        issuer.record(KEY, &draft, blob, now())
    };
    match recorded {
        Ok(recorded) => {
            if !asked.extensions.is_empty() {
                snapshot.keep_extensions(recorded.id, &json!(asked.extensions).to_string())?;
            }
            report(&recorded, &subject, as_json);
        }
        Err(ActError::Held(reason)) => return Err(held(&reason)),
        Err(error) => {
            let begun = Issuer::new(&mut snapshot, &client, vault).begun(&kind, &subject, &fields)?;
            return Err(if begun.is_some() { anyhow!(error).context(KEPT) } else { error.into() });
        }
    }
    Ok(())
}

/// What to do about a filter that is too large.
fn too_many_serials(error: ActError) -> anyhow::Error {
    let advice = match error {
        ActError::BlobTooLarge { .. } => {
            "the lot has too many packs for this node: commission it as several lots, or have the node's `limits.blob_bytes` \
             raised"
        }
        _ => "the node does not say what it takes",
    };
    anyhow!(error).context(advice)
}

/// Why an act is held back, with the word that lets it pass.
fn held(reason: &HeldBack) -> anyhow::Error {
    let word = match reason {
        HeldBack::OtherLevel { .. } => " with --level",
        HeldBack::Unknown { .. } | HeldBack::CannotTell { .. } => "; --unknown signs it all the same",
        HeldBack::Irrevocable { .. } => ": confirm it with --yes",
        HeldBack::Misread { .. } | HeldBack::NoSuchLevel { .. } => "",
    };
    anyhow!("{reason}{word}")
}

/// Tells what is about to be signed, and asks a person about what cannot be taken back.
fn asked_for(profile: &Profile, step: &Step, subject: &Subject, consent: Consent) -> Result<Consent> {
    warn(format_args!("{}: {}", step.title, about(subject)));
    if !is_irrevocable(profile, step) || consent.irrevocable {
        return Ok(consent);
    }
    if !io::stdin().is_terminal() {
        return Err(held(&HeldBack::Irrevocable { kind: step.kind.clone(), subject: subject.clone() }));
    }
    eprint!("This cannot be taken back. Type yes to sign it: ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    ensure!(answer.trim() == "yes", "nothing was signed");
    Ok(Consent { irrevocable: true, ..consent })
}

/// A subject with its level, and what that covers.
fn about(subject: &Subject) -> String {
    match SubjectType::of(subject) {
        Some(kind @ SubjectType::Class) => {
            format!("the {} {subject}, with all its lots and packs", level(kind))
        }
        Some(kind @ SubjectType::Lot) => format!("the {} {subject}, with all its packs", level(kind)),
        Some(kind) => format!("the {} {subject}", level(kind)),
        None => subject.to_string(),
    }
}

impl From<Level> for SubjectType {
    fn from(level: Level) -> Self {
        match level {
            Level::Product => Self::Class,
            Level::Lot => Self::Lot,
            Level::Pack => Self::Pack,
        }
    }
}

/// Whether the packs can be where a list puts them: a unit is never in itself. What is in another unit by what is known
/// here is told, since that unit may have been opened by now.
fn packable(step: &Step, unit: &Subject, contents: &Contents, snapshot: &mut Snapshot) -> Result<()> {
    if step.effect != Effect::Pack {
        return Ok(());
    }
    match packing_fault(unit, contents.packs(), &snapshot.closed_units()?) {
        Some(PackingFault::Itself) => bail!("{unit} would be in itself: take it off the list"),
        Some(fault) => warn(format_args!("{fault}, as far as is known here")),
        None => {}
    }
    Ok(())
}

/// Tells where what comes out of a unit is not what went in. It is signed all the same: that is what an opening is for.
fn differs(profile: &Profile, history: &[Entry], contents: &Contents) {
    if profile.closed_list(history).is_some_and(|packed| packed != contents.digest()) {
        let count = counted(contents.count(), "pack");
        warn(format_args!(
            "the list of {count} is not the one that was packed: the difference will be yours to explain"
        ));
    }
}

/// The statement to sign, from a draft or from the command line alone.
fn asked(args: &Sign) -> Result<Option<Draft>> {
    let serials = args.serials.as_deref().map(serials).transpose()?;
    let mut asked = match (&args.draft, &args.kind) {
        (Some(path), _) => Draft::parse(&file::read(path, DRAFT, MAX_DRAFT)?)
            .with_context(|| format!("{} is not a draft", path.display()))?,
        (None, Some(kind)) => {
            let about = args.about.as_deref();
            let about = about.context("the statement has no subject: name it with --about")?;
            Draft::asked(kind, about, &[], Vec::new())
        }
        (None, None) => return Ok(None),
    };
    asked.add(&args.fields)?;
    if let Some(serials) = serials {
        asked.serials = serials;
    }
    Ok(Some(asked))
}

/// The packs of a lot that is commissioned, and the fields that follow from them.
fn commission(
    profile: &Profile,
    step: &Step,
    serials: &[String],
    fields: &mut Fields,
) -> Result<Option<SerialSet>> {
    if serials.is_empty() {
        return Ok(None);
    }
    let bar = Bar::new("building the lot's filter");
    let built = SerialSet::build(serials.iter().cloned(), |done, of| bar.show(done, of, "steps"));
    bar.finish();
    let serials = built?;
    let expires = match &step.effect {
        Effect::Commission { expiry: Some(expiry), .. } => {
            fields.uint(expiry).context("the lot has no expiry: give it with -f expiry=YYYY-MM-DD")?
        }
        _ => 0,
    };
    let commission = profile
        .commission_fields(&step.kind, &serials, UnixMillis(expires))
        .with_context(|| format!("`{}` commissions no serial numbers", step.kind))?;
    follows(fields, &commission, &format!("the {}", counted(serials.count(), "serial number")))?;
    Ok(Some(serials))
}

/// Adds the fields that follow from `what`. Fields that a person gave must not differ from them.
fn follows(fields: &mut Fields, from: &Fields, what: &str) -> Result<()> {
    for (name, value) in from.iter() {
        if fields.get(name).is_some_and(|given| given != value) {
            bail!("the field `{name}` is not what follows from {what}");
        }
        fields.insert(name, value.clone());
    }
    Ok(())
}

fn report(recorded: &Recorded, subject: &Subject, as_json: bool) {
    if as_json {
        let level = SubjectType::of(subject).map(level);
        let Recorded { id, log, index, size, as_of } = recorded;
        say!(
            "{}",
            json!({ "id": id.to_string(), "log": log.as_str(), "index": index, "size": size, "as_of": as_of.to_string(), "about": subject.as_str(), "level": level })
        );
    } else {
        say!("Recorded at index {} of the log {}: {}", recorded.index, recorded.log, recorded.id);
        say!("  about {}", about(subject));
    }
}

/// A subject to link: the narrowest that a text names.
fn linked(snapshot: &mut Snapshot, argument: &str, consent: Consent) -> Result<Subject> {
    let named = pack::named(argument, year())?;
    snapshot.guard_linked(&named, consent, now()).map_err(|reason| held(&reason))?;
    Ok(named.narrowest().clone())
}

fn serials(path: &std::path::Path) -> Result<Vec<String>> {
    let text = file::text(path, "a list of the lot's serial numbers, one a line", MAX_SERIALS)?;
    let serials: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if serials.is_empty() {
        bail!("{} has no serial numbers: write one per line, such as 7QH4", path.display());
    }
    Ok(serials)
}

//! `enrol` and `sign`: what a member does as an issuer of statements.

use anyhow::{Context as _, Result, anyhow, bail};
use countersign_custody::words::counted;
use countersign_custody::{
    Contents, Effect, PackingFault, Profile, SerialSet, Step, SubjectType, packing_fault,
};
use countersign_ledger::{Entry, Fields, Kind, Subject, UnixMillis};
use countersign_wallet::{ActError, Issuer, Recorded, Snapshot};
use serde_json::json;

use super::{check, kinds};
use crate::args::{Enrol, Sign};
use crate::draft::{Draft, MAX_DRAFT};
use crate::home::{Home, now, year};
use crate::output::{say, warn};
use crate::{fields, file, pack, print};

/// Of a statement that did not get through.
const KEPT: &str =
    "the statement is signed and kept, and not recorded yet; the same command again goes on with it";

/// Largest list of serial numbers: those of the largest filter, each of twenty characters.
const MAX_SERIALS: usize = 15_000_000 * 22;

/// The name of the wallet's one key in its vault.
const KEY: &str = "signing";

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
    let subject = subject(step, &asked.about)?;
    let mut fields = fields::read(step, &asked.fields)?;
    let serials = commission(&profile, step, &asked.serials, &mut fields)?;
    let mut listed = None;
    if let Some(path) = &args.contents {
        let contents = pack::contents(path, year())?;
        follows(&mut fields, &contents.fields(), &format!("the {}", counted(contents.count(), "pack")))?;
        packable(step, &subject, &contents, &mut snapshot)?;
        snapshot.keep_contents(&contents)?;
        listed = Some(contents);
    }
    let with: Vec<Subject> = args.with.iter().map(|one| named(one)).collect::<Result<_>>()?;
    let mut issuer = Issuer::new(&mut snapshot, &client, home.vault()?);
    if let Some(contents) = listed.filter(|_| step.effect == Effect::Unpack) {
        differs(&profile, &issuer.history(step.log, &subject)?, &contents);
    }
    let blob = serials.as_ref().map(SerialSet::filter_bytes);
    let recorded = match issuer.begun(&kind, &subject, &fields)? {
        Some(begun) => issuer.complete(begun, now()),
        None => {
            issuer.send_about(&subject, now())?;
            blob.map_or(Ok(()), |blob| issuer.check_blob(blob.len())).map_err(too_many_serials)?;
            let draft = draft(&mut issuer, KEY, &kind, &subject, fields.clone(), &with)?;
            issuer.record(KEY, &draft, blob, now())
        }
    };
    match recorded {
        Ok(recorded) => report(&recorded, as_json),
        Err(error) if issuer.begun(&kind, &subject, &fields)?.is_some() => return Err(error).context(KEPT),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// What to do about a filter that is too large.
fn too_many_serials(error: ActError) -> anyhow::Error {
    let advice = match error {
        ActError::BlobTooLarge { .. } => {
            "the lot has too many packs for this node: commission it as several lots, or have the \
                                          node's `limits.blob_bytes` raised"
        }
        _ => "the node does not say what it takes",
    };
    anyhow!(error).context(advice)
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
        (Some(path), _) => Draft::parse(&file::read(path, MAX_DRAFT)?)
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
    let serials = SerialSet::new(serials.iter().cloned())?;
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

fn report(recorded: &Recorded, as_json: bool) {
    if as_json {
        let Recorded { id, log, index, size, as_of } = recorded;
        say!(
            "{}",
            json!({ "id": id.to_string(), "log": log.as_str(), "index": index, "size": size, "as_of": as_of.to_string() })
        );
    } else {
        say!("Recorded at index {} of the log {}: {}", recorded.index, recorded.log, recorded.id);
    }
}

/// Drafts the next statement of `kind` on `subject`: fields and links that follow from the rules are looked up,
/// verified and filled in. `with` are further subjects to link.
pub fn draft(
    issuer: &mut Issuer<'_>,
    key: &str,
    kind: &Kind,
    subject: &Subject,
    fields: Fields,
    with: &[Subject],
) -> Result<countersign_ledger::Draft> {
    let profile = Profile::of_kind(Profile::all(), kind);
    let profile = profile.with_context(|| format!("there is no kind of statement `{kind}`"))?;
    let signer = issuer.certificate(key)?.identity().clone();
    let step = profile.step(kind).with_context(|| format!("there is no kind of statement `{kind}`"))?;
    let history = issuer.history(step.log, subject)?;
    let mut others = Vec::new();
    for rule in &step.links {
        let Some(linked) = profile.step(&rule.kind) else { continue };
        for place in dependencies(subject).iter().chain(with) {
            others.extend(issuer.history(linked.log, place)?);
        }
    }
    profile
        .draft(kind, subject, &signer, fields, &history, &others)
        .with_context(|| format!("there is no kind of statement `{kind}`"))
}

/// A subject and what it belongs to: a pack, its lot, its class.
fn dependencies(subject: &Subject) -> Vec<Subject> {
    let mut places = vec![subject.clone()];
    while let Some(wider) = places.last().and_then(|last| Subject::new(last.family()).ok()) {
        if places.contains(&wider) {
            break;
        }
        places.push(wider);
    }
    places
}

/// A subject that a person names: a URN, a logistic unit, or the narrowest that a code names.
fn named(about: &str) -> Result<Subject> {
    if about.starts_with("urn:") {
        return Ok(Subject::new(about)?);
    }
    if let Some(unit) = pack::unit(about, year()) {
        return Ok(unit);
    }
    Ok(print::narrowest(&check::read(about)?).clone())
}

/// The subject of the narrowest level that the step allows and the code names.
fn subject(step: &Step, about: &str) -> Result<Subject> {
    if step.subject.iter().all(|level| matches!(level, SubjectType::Unit | SubjectType::Matter)) {
        let subject = named(about)?;
        let level = SubjectType::of(&subject).filter(|level| step.subject.contains(level));
        return level
            .map(|_| subject)
            .ok_or_else(|| anyhow!("this cannot be the subject of `{}`", step.kind));
    }
    let item = check::read(about)?;
    let named = |level: &SubjectType| match level {
        SubjectType::Class => Some(item.class.clone()),
        SubjectType::Lot => item.lot.clone(),
        SubjectType::Pack => item.pack.clone(),
        SubjectType::Unit | SubjectType::Matter => None,
    };
    step.subject
        .iter()
        .rev()
        .find_map(named)
        .ok_or_else(|| anyhow!("the code does not name a subject for `{}`", step.kind))
}

fn serials(path: &std::path::Path) -> Result<Vec<String>> {
    let text = file::text(path, MAX_SERIALS)?;
    let serials: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if serials.is_empty() {
        bail!("{} has no serial numbers: write one per line, such as 7QH4", path.display());
    }
    Ok(serials)
}

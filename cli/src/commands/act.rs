//! `enrol` and `sign`: what a member does as an issuer of statements.

use std::fs;

use anyhow::{Context as _, Result, anyhow, bail};
use countersign_custody::{Effect, FieldType, Presence, Profile, SerialSet, Step, SubjectType};
use countersign_ledger::{Fields, Hash, Kind, Subject, UnixMillis, Value};
use countersign_wallet::{Issuer, Recorded};
use serde_json::json;

use super::check;
use super::epcis::bounded;
use crate::args::{Enrol, Sign};
use crate::draft::{Draft, MAX_DRAFT};
use crate::home::{Home, now, year};
use crate::{pack, print};

/// The name of the wallet's one key in its vault.
const KEY: &str = "signing";

/// Has this wallet's key certified.
pub fn enrol(home: &Home, args: &Enrol, as_json: bool) -> Result<()> {
    let (mut snapshot, client) = (home.snapshot()?, home.client()?);
    let certificate = Issuer::new(&mut snapshot, &client, home.vault()?).enrol(KEY, &args.code)?;
    if as_json {
        println!(
            "{}",
            json!({
                "identity": certificate.identity().as_str(),
                "certificate": certificate.fingerprint().to_string(),
                "until": certificate.not_after().to_string(),
            })
        );
    } else {
        println!(
            "Enrolled as {}; the certificate is valid until {}.",
            certificate.identity(),
            certificate.not_after()
        );
    }
    Ok(())
}

/// Signs a statement and submits it, or lists what can be signed.
pub fn sign(home: &Home, args: &Sign, as_json: bool) -> Result<()> {
    let Some(asked) = asked(args)? else {
        Profile::all().iter().for_each(list);
        return Ok(());
    };
    let kind = Kind::new(asked.kind.as_str())?;
    let (mut snapshot, client) = (home.snapshot()?, home.client()?);
    let unknown = || anyhow!("there is no kind of statement `{kind}`; `countersign sign` lists the kinds");
    let profile = snapshot.profile_of(&kind).ok_or_else(unknown)?.clone();
    let step = profile.step(&kind).ok_or_else(unknown)?;
    let subject = subject(step, &asked.about)?;
    let mut fields = fields(step, &asked.fields)?;
    let serials = commission(&profile, step, &asked.serials, &mut fields)?;
    if let Some(path) = &args.contents {
        let contents = pack::contents(path, year())?;
        follows(&mut fields, &contents.fields(), &format!("the {} packs", contents.count()))?;
        snapshot.keep_contents(&contents)?;
    }
    let with: Vec<Subject> = args.with.iter().map(|one| named(one)).collect::<Result<_>>()?;
    let mut issuer = Issuer::new(&mut snapshot, &client, home.vault()?);
    let draft = draft(&mut issuer, KEY, &kind, &subject, fields, &with)?;
    let recorded = issuer.record(KEY, &draft, now())?;
    if let Some(serials) = &serials {
        client.put_blob(serials.filter_bytes())?;
    }
    if !asked.extensions.is_empty() {
        snapshot.keep_extensions(recorded.id, &json!(asked.extensions).to_string())?;
    }
    report(&recorded, as_json);
    Ok(())
}

/// The statement to sign, from a draft or from the command line alone.
fn asked(args: &Sign) -> Result<Option<Draft>> {
    let serials = args.serials.as_deref().map(serials).transpose()?;
    let mut asked = match (&args.draft, &args.kind) {
        (Some(path), _) => Draft::parse(&bounded(path, MAX_DRAFT)?)
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
    follows(fields, &commission, &format!("the {} serial numbers", serials.count()))?;
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
        println!(
            "{}",
            json!({ "id": id.to_string(), "log": log.as_str(), "index": index, "size": size, "as_of": as_of.to_string() })
        );
    } else {
        println!("Recorded at index {} of the log {}: {}", recorded.index, recorded.log, recorded.id);
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

fn fields(step: &Step, given: &[String]) -> Result<Fields> {
    let mut fields = Fields::new();
    for field in given {
        let (name, value) = field.split_once('=').with_context(|| format!("`{field}` is not NAME=VALUE"))?;
        let known = step.fields.get(name).map(|rule| rule.kind);
        let kind = match (known, name) {
            (Some(kind), _) => kind,
            (None, countersign_custody::RECEIVER) if step.receiver.is_some() => FieldType::Identity,
            _ => bail!("`{}` has no field `{name}`", step.kind),
        };
        fields.insert(name, parse(kind, value).with_context(|| format!("the field `{name}`"))?);
    }
    Ok(fields)
}

fn parse(kind: FieldType, value: &str) -> Result<Value> {
    Ok(match kind {
        FieldType::Text | FieldType::Identity => Value::Text(value.to_owned()),
        FieldType::Uint => Value::Uint(value.parse()?),
        FieldType::Time => Value::Uint(end_of_day(value)?.0),
        FieldType::Digest | FieldType::Chain => value.parse::<Hash>()?.into(),
        FieldType::Bytes => Value::Bytes(hex(value)?),
    })
}

/// The last moment of a day written as YYYY-MM-DD, in UTC.
pub fn end_of_day(text: &str) -> Result<UnixMillis> {
    let digits: Vec<&str> = text.split('-').collect();
    let [year, month, day] = digits.as_slice() else { bail!("a day is written as 2028-11-30") };
    let date = countersign_scan::gs1::Date::new(year.parse()?, month.parse()?, day.parse()?)
        .with_context(|| format!("{text} is not a day"))?;
    Ok(UnixMillis(u64::try_from(date.end_of_day_unix_millis())?))
}

fn hex(text: &str) -> Result<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        bail!("bytes are written as pairs of hexadecimal digits");
    }
    (0..text.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&text[at..at + 2], 16)?)).collect()
}

fn serials(path: &std::path::Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Lists the statements that one party signs alone; those of two parties are made by phones.
fn list(profile: &Profile) {
    for step in profile.steps().iter().filter(|step| step.countersigned.is_none()) {
        println!("{:<28} {} ({})", step.kind.as_str(), step.title, step.signer.roles.join(", "));
        let to = step.receiver.as_ref().map(|rule| format!("to=<SPIFFE ID of {}>", rule.roles.join(" or ")));
        let own = step.fields.iter().filter(|(_, rule)| rule.kind != FieldType::Chain).map(|(name, rule)| {
            let optional = if rule.presence == Presence::Optional { " (optional)" } else { "" };
            format!("{name}=<{}>{optional}", type_name(rule.kind))
        });
        for field in to.into_iter().chain(own) {
            println!("    {field}");
        }
    }
}

const fn type_name(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "text",
        FieldType::Uint => "number",
        FieldType::Time => "YYYY-MM-DD, the end of that day",
        FieldType::Digest | FieldType::Chain => "SHA-256",
        FieldType::Bytes => "hexadecimal",
        FieldType::Identity => "SPIFFE ID",
    }
}

//! A profile: the rules of one industry's supply chain, as data.
//!
//! The engine knows no industry. [`Step`] and [`Question`] define what a profile file may contain. A file that
//! contradicts itself is refused, so that a misspelt name cannot silently drop a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use countersign_ledger::{Entry, Hash, Identity, Kind, Placed, Verified};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::field::{CONTENTS, COUNT, REASON, RECEIVER, receiver};
use crate::step::{After, Countersigned, Effect, FieldType, Holder, PartyRule, Step, kinds};
use crate::subject_type::SubjectType;

/// The rules of one industry's supply chain. Made only by [`Profile::parse`], so it is consistent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    file: File,
    /// The kinds that rules refer to, each with the fields that the rules need.
    referred: BTreeMap<Kind, BTreeSet<String>>,
}

/// One question of the third-party verification: its steps, in order, and the accountable role.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The finding if one of the steps fails.
    pub finding: String,
    /// The role that the published scheme then holds accountable.
    pub answers: String,
    /// The kinds of its steps, in the order in which they are checked.
    #[serde(deserialize_with = "kinds")]
    pub steps: Vec<Kind>,
}

/// Why a profile's text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not a profile file; the text says where.
    #[error("not a profile: {0}")]
    Syntax(String),
    /// A step's kind does not begin with the profile's name.
    #[error("the kind of step `{0}` does not begin with the profile's name")]
    ForeignKind(Kind),
    /// Two steps, roles or questions claim the same name.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// A role that the profile does not list.
    #[error("`{at}` names the unknown role `{role}`")]
    UnknownRole {
        /// Where.
        at: String,
        /// The role.
        role: String,
    },
    /// A kind that no step has.
    #[error("`{at}` names the unknown step `{kind}`")]
    UnknownStep {
        /// Where.
        at: String,
        /// The kind.
        kind: Kind,
    },
    /// A field that the step does not have, or that has another type than needed.
    #[error("`{at}` needs the field `{field}`, which is missing or of another type")]
    Field {
        /// Where.
        at: String,
        /// The field.
        field: String,
    },
    /// A rule that cannot hold: it needs something that the step, or the step that it names, does not have.
    #[error("step `{at}` contradicts itself: {why}")]
    Contradiction {
        /// The step.
        at: Kind,
        /// The contradiction.
        why: &'static str,
    },
}

impl Profile {
    /// The rules for medicine.
    pub fn medicine() -> &'static Self {
        &Self::all()[0]
    }

    /// The rules for luxury goods.
    pub fn luxury() -> &'static Self {
        &Self::all()[1]
    }

    /// Every built-in profile, read once.
    #[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them")]
    pub fn all() -> &'static [Self] {
        const FILES: [&str; 2] =
            [include_str!("../profiles/medicine.toml"), include_str!("../profiles/luxury.toml")];
        static ALL: LazyLock<Vec<Profile>> = LazyLock::new(|| {
            FILES.iter().map(|text| Profile::parse(text).expect("a built-in profile is consistent")).collect()
        });
        &ALL
    }

    /// The one among `profiles` that has a step of that kind.
    pub fn of_kind<'a>(profiles: &'a [Self], kind: &Kind) -> Option<&'a Self> {
        profiles.iter().find(|profile| profile.step(kind).is_some())
    }

    /// Reads a profile from its text.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let file: File = toml::from_str(text).map_err(|error| ProfileError::Syntax(error.to_string()))?;
        file.check()?;
        Ok(Self { referred: file.referred(), file })
    }

    /// Its name, with which its kinds begin.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// The names of the roles.
    pub fn roles(&self) -> &[String] {
        &self.file.roles
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.file.step
    }

    /// The step of that kind.
    pub fn step(&self, kind: &Kind) -> Option<&Step> {
        self.file.step.iter().find(|step| &step.kind == kind)
    }

    /// Who holds the goods after a statement, if it says so.
    pub(crate) fn holder_after(&self, statement: &Verified) -> Option<Identity> {
        match self.step(statement.statement().kind())?.custody? {
            Holder::Signer => Some(statement.signer().identity().clone()),
            Holder::Receiver => receiver(statement),
        }
    }

    /// Digest of the list with which a unit is closed; `None` if it is open, or was never packed.
    pub fn closed_list(&self, history: &[Entry]) -> Option<Hash> {
        let effect = |one: &Placed| self.step(one.statement().kind()).map(|step| step.effect.clone());
        let mut standing = history.iter().rev().filter_map(Entry::standing);
        let last = standing.find(|one| matches!(effect(one), Some(Effect::Pack | Effect::Unpack)))?;
        if effect(last)? == Effect::Pack { last.fields().hash(CONTENTS) } else { None }
    }

    /// The fields that rules need of earlier statements of that kind; `None` if no rule refers to it.
    pub(crate) fn referred(&self, kind: &Kind) -> Option<&BTreeSet<String>> {
        self.referred.get(kind)
    }

    /// The questions of the third-party verification, in order.
    pub fn verification(&self) -> &[Question] {
        &self.file.verification
    }

    /// The question that a step of that kind belongs to.
    pub fn question(&self, kind: &Kind) -> Option<&Question> {
        self.file.verification.iter().find(|question| question.steps.contains(kind))
    }

    /// The step without which a pack that reaches the public has a gap in its custody.
    pub fn complete(&self) -> &Kind {
        &self.file.complete
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(deserialize_with = "one_kind")]
    complete: Kind,
    roles: Vec<String>,
    step: Vec<Step>,
    #[serde(default)]
    verification: Vec<Question>,
}

fn one_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    Kind::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl File {
    fn check(&self) -> Result<(), ProfileError> {
        distinct(self.roles.iter().map(String::as_str))?;
        distinct(self.step.iter().map(|step| step.kind.as_str()))?;
        distinct(self.verification.iter().flat_map(|question| &question.steps).map(Kind::as_str))?;
        self.known_step("complete", &self.complete)?;
        self.step.iter().try_for_each(|step| self.check_step(step))?;
        self.verification.iter().try_for_each(|question| {
            self.known_role(&question.finding, &question.answers)?;
            question.steps.iter().try_for_each(|kind| self.known_step(&question.finding, kind).map(|_| ()))
        })
    }

    fn referred(&self) -> BTreeMap<Kind, BTreeSet<String>> {
        let mut referred: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        for step in &self.step {
            let giver = match &step.countersigned {
                Some(Countersigned::Offer(giver)) => Some(giver),
                _ => None,
            };
            for rule in std::iter::once(&step.signer).chain(&step.receiver).chain(giver) {
                for kind in rule.signer_of.iter().chain(&rule.receiver_of) {
                    referred.entry(kind.clone()).or_default();
                }
                if let Some(named) = &rule.named_by {
                    referred.entry(named.kind.clone()).or_default().insert(named.field.clone());
                }
            }
            if let Some(within) = &step.within {
                referred.entry(within.of.clone()).or_default();
            }
            for equality in &step.equal {
                referred.entry(equality.with.clone()).or_default().insert(equality.theirs().to_owned());
            }
        }
        referred
    }

    fn check_step(&self, step: &Step) -> Result<(), ProfileError> {
        let at = step.kind.as_str();
        if at.strip_prefix(&self.name).is_none_or(|rest| !rest.starts_with('.')) {
            return Err(ProfileError::ForeignKind(step.kind.clone()));
        }
        self.check_shape(step)?;
        std::iter::once(&step.signer)
            .chain(&step.receiver)
            .try_for_each(|rule| self.check_party(at, rule))?;
        match &step.countersigned {
            Some(Countersigned::Offer(giver)) => self.check_party(at, giver)?,
            Some(Countersigned::Rival(kinds)) => {
                kinds.iter().try_for_each(|kind| self.known_step(at, kind).map(|_| ()))?;
            }
            None => {}
        }
        for after in &step.after {
            if let After::Kind(kind) = after {
                check_order(step, self.known_step(at, kind)?)?;
            }
        }
        if let Some(within) = &step.within {
            check_order(step, self.known_step(at, &within.of)?)?;
        }
        self.check_undo(step)?;
        self.check_links(step)?;
        step.epcis
            .iter()
            .flat_map(|rule| &rule.when_signer)
            .try_for_each(|role| self.known_role(at, role))?;
        for equality in &step.equal {
            let theirs = self.known_step(at, &equality.with)?;
            let kind = step.fields.get(&equality.field).map(|rule| rule.kind);
            let kind =
                kind.ok_or_else(|| ProfileError::Field { at: at.into(), field: equality.field.clone() })?;
            has_field(theirs, equality.theirs(), kind)?;
        }
        check_effect(step)
    }

    fn check_shape(&self, step: &Step) -> Result<(), ProfileError> {
        let contradiction = |why| Err(ProfileError::Contradiction { at: step.kind.clone(), why });
        if step.subject.is_empty() || step.after.is_empty() {
            return contradiction("an empty list can never be satisfied");
        }
        if step.fields.contains_key(RECEIVER) {
            return contradiction("the field `to` belongs to the receiver");
        }
        if step.fields.values().filter(|rule| rule.kind == FieldType::Chain).count() > 1 {
            return contradiction("one statement uploads one chain value");
        }
        if step.custody == Some(Holder::Receiver) && step.receiver.is_none() {
            return contradiction("it hands the goods to a receiver, but has no receiver");
        }
        let uploads = step.chain_field().is_some();
        if uploads && step.may_follow(None) {
            return contradiction("the first statement on a subject has no chain value to upload");
        }
        let numbers = self.step.iter().filter(|other| other.number.is_some() && other.number == step.number);
        if numbers.count() > 1 {
            return contradiction("another step has its number");
        }
        Ok(())
    }

    fn check_party(&self, at: &str, rule: &PartyRule) -> Result<(), ProfileError> {
        rule.roles.iter().try_for_each(|role| self.known_role(at, role))?;
        for kind in &rule.signer_of {
            self.known_step(at, kind)?;
        }
        for kind in &rule.receiver_of {
            if self.known_step(at, kind)?.receiver.is_none() {
                return Err(ProfileError::Field { at: kind.to_string(), field: RECEIVER.to_owned() });
            }
        }
        if let Some(named) = &rule.named_by {
            has_field(self.known_step(at, &named.kind)?, &named.field, FieldType::Identity)?;
        }
        Ok(())
    }

    fn check_undo(&self, step: &Step) -> Result<(), ProfileError> {
        let dispenses = |after: &After| match after {
            After::Kind(kind) => {
                self.step.iter().any(|other| other.kind == *kind && other.effect == Effect::Dispense)
            }
            After::Nothing => false,
        };
        if step.effect == Effect::UndoDispense && !step.after.iter().all(dispenses) {
            let why = "it must follow what it takes back";
            return Err(ProfileError::Contradiction { at: step.kind.clone(), why });
        }
        Ok(())
    }

    fn check_links(&self, step: &Step) -> Result<(), ProfileError> {
        distinct(step.links.iter().map(|link| link.kind.as_str()))?;
        for link in &step.links {
            let linked = self.known_step(step.kind.as_str(), &link.kind)?;
            link.when_signer.iter().try_for_each(|role| self.known_role(step.kind.as_str(), role))?;
            if link.holder.is_some() && !matches!(linked.effect, Effect::Certify { .. }) {
                let why = "only a certificate has a holder";
                return Err(ProfileError::Contradiction { at: step.kind.clone(), why });
            }
        }
        let lifts = step.links.iter().any(|link| {
            self.step.iter().any(|other| other.kind == link.kind && other.effect == Effect::Suspend)
        });
        if step.effect == Effect::Lift && !lifts {
            let why = "it must link the suspension that it lifts";
            return Err(ProfileError::Contradiction { at: step.kind.clone(), why });
        }
        Ok(())
    }

    fn known_step(&self, at: &str, kind: &Kind) -> Result<&Step, ProfileError> {
        let unknown = || ProfileError::UnknownStep { at: at.to_owned(), kind: kind.clone() };
        self.step.iter().find(|step| &step.kind == kind).ok_or_else(unknown)
    }

    fn known_role(&self, at: &str, role: &str) -> Result<(), ProfileError> {
        let unknown = || ProfileError::UnknownRole { at: at.to_owned(), role: role.to_owned() };
        self.roles.iter().find(|known| *known == role).map(|_| ()).ok_or_else(unknown)
    }
}

fn check_order(step: &Step, before: &Step) -> Result<(), ProfileError> {
    let shared = |level: &SubjectType| before.subject.contains(level);
    if before.log != step.log || !step.subject.iter().any(shared) {
        let why = "it follows a step on another log or another kind of subject";
        return Err(ProfileError::Contradiction { at: step.kind.clone(), why });
    }
    Ok(())
}

fn check_effect(step: &Step) -> Result<(), ProfileError> {
    let needs: Vec<(&String, FieldType)> = match &step.effect {
        Effect::Certify { holder, from, until, .. } => {
            vec![(holder, FieldType::Identity), (from, FieldType::Time), (until, FieldType::Time)]
        }
        Effect::Commission { expiry, count, serials, filter, filter_length } => [
            (count, FieldType::Uint),
            (serials, FieldType::Digest),
            (filter, FieldType::Digest),
            (filter_length, FieldType::Uint),
        ]
        .into_iter()
        .chain(expiry.iter().map(|expiry| (expiry, FieldType::Time)))
        .collect(),
        Effect::Pack | Effect::Unpack => {
            has_field(step, CONTENTS, FieldType::Digest)?;
            return has_field(step, COUNT, FieldType::Uint);
        }
        Effect::Recall | Effect::Suspend | Effect::Dispute => {
            return has_field(step, REASON, FieldType::Text);
        }
        Effect::None | Effect::Dispense | Effect::UndoDispense | Effect::Lift | Effect::Conflict => {
            Vec::new()
        }
    };
    needs.into_iter().try_for_each(|(field, kind)| has_field(step, field, kind))
}

fn has_field(step: &Step, field: &str, kind: FieldType) -> Result<(), ProfileError> {
    match step.fields.get(field) {
        Some(rule) if rule.kind == kind => Ok(()),
        _ => Err(ProfileError::Field { at: step.kind.to_string(), field: field.to_owned() }),
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), ProfileError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ProfileError::Twice(name.to_owned()));
        }
    }
    Ok(())
}

//! Putting together what is proven of a product, from wherever the proofs are: the database, a file of evidence, a node.

use std::collections::{BTreeMap, BTreeSet};

use countersign_custody::{AsOf, Contents, Effect, Facts, Item, LotFacts, Profile, SubjectType, UnitFacts};
use countersign_ledger::{Entry, Hash, IndexEntry, LogName, Subject, TrustedCheckpoint, Verified};

use crate::missing_links::MissingLinks;

/// The log of products: of their histories, handovers and deliveries.
pub(crate) const PRODUCTS: LogName = LogName::SUPPLY;

/// The members of a family: SHA-256 of each subject to what the subject index says of it.
pub(crate) type Members = BTreeMap<Hash, IndexEntry>;

/// Where complete histories come from, each statement verified and none left out. Void ones are in their place.
pub(crate) trait Histories {
    type Error;

    /// All statements on a subject, oldest first; none if there are none.
    fn history(&mut self, subject: &Subject) -> Result<Vec<Entry>, Self::Error>;

    /// The subject whose history is to have a statement that another one links. No proof: the history shows it.
    fn linked(&mut self, statement: Hash) -> Result<Subject, Self::Error>;

    /// What it means that the history did not have it.
    fn not_linked(&mut self, statement: Hash) -> Self::Error;
}

/// Where all that is proven of a product comes from.
pub(crate) trait Proofs: Histories {
    /// The members of a family, and that there are no others.
    fn family(&mut self, family: &Subject) -> Result<Members, Self::Error>;

    /// All statements on each of these subjects, as the subject index counts them.
    fn histories(
        &mut self,
        wanted: &[(Subject, IndexEntry)],
    ) -> Result<BTreeMap<Subject, Vec<Entry>>, Self::Error>;

    /// A filter over serials, whose bytes have this digest; `None` if it is not here.
    fn filter(&mut self, digest: Hash) -> Result<Option<Vec<u8>>, Self::Error>;

    /// A list of what is in a unit, which has this digest; `None` if it is not here.
    fn contents(&mut self, digest: Hash) -> Result<Option<Contents>, Self::Error>;

    /// The lots of a class whose histories are here.
    fn lots(&mut self, class: &Subject, members: &Members) -> Result<Vec<Subject>, Self::Error>;

    /// The packs of a lot whose histories are here.
    fn packs(&mut self, lot: &Subject) -> Result<Vec<Subject>, Self::Error>;

    /// The logistic units whose histories are here.
    fn units(&mut self) -> Result<Vec<Subject>, Self::Error>;

    /// What the ledger holds besides.
    fn surroundings(&mut self, class: &Subject) -> Surroundings;
}

/// What the trust log holds on a class, and the checkpoints that everything is as of.
pub(crate) struct Surroundings {
    pub(crate) domain: String,
    pub(crate) alerts: Vec<Entry>,
    pub(crate) supply: AsOf,
    /// The older checkpoints that paths lead to.
    pub(crate) earlier: Vec<AsOf>,
    pub(crate) trust: AsOf,
}

/// What facts cover: a class, and lots of it by name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) class: Subject,
    pub(crate) lots: BTreeSet<Subject>,
}

impl Scope {
    /// The lots that an item and its other readings name.
    pub(crate) fn of(item: &Item) -> Self {
        let readings = item.readings.iter().map(|reading| &reading.item);
        let lots = [item].into_iter().chain(readings).filter_map(|item| item.lot.clone()).collect();
        Self { class: item.class.clone(), lots }
    }
}

/// All that is proven within a scope.
pub(crate) fn assemble<P: Proofs>(
    proofs: &mut P,
    profiles: &[Profile],
    scope: &Scope,
) -> Result<Facts, P::Error> {
    let listed = |of: &Members, subject: &Subject| Some((subject.clone(), *of.get(&digest(subject))?));
    let members = proofs.family(&scope.class)?;
    let here = proofs.lots(&scope.class, &members)?;
    let known = |lot: &Subject| scope.lots.contains(lot) && members.contains_key(&digest(lot));
    let mut lots = Vec::new();
    for lot in here.into_iter().filter(known) {
        lots.push((proofs.family(&lot)?, proofs.packs(&lot)?, lot));
    }
    // All that has a history, so that it is verified at once.
    let mut wanted: Vec<_> = listed(&members, &scope.class).into_iter().collect();
    for (packs, followed, lot) in &lots {
        wanted.extend(listed(&members, lot));
        wanted.extend(followed.iter().filter_map(|pack| listed(packs, pack)));
    }
    let mut histories = proofs.histories(&wanted)?;
    let mut links = MissingLinks::default();
    for history in histories.values() {
        links.meet_all(history);
    }
    let history = histories.remove(&scope.class).unwrap_or_default();
    let mut of_lots = Vec::new();
    for (packs, followed, subject) in lots {
        let history = histories.remove(&subject).unwrap_or_default();
        let filter = match named_filter(profiles, &history) {
            Some((digest, _)) => proofs.filter(digest)?,
            None => None,
        };
        let followed = followed.into_iter().map(|pack| {
            let history = histories.remove(&pack).unwrap_or_default();
            (pack, history)
        });
        of_lots.push(LotFacts { subject, history, filter, packs, followed: followed.collect() });
    }
    let units = units(proofs, &scope.class)?;
    for unit in &units {
        links.meet_all(&unit.history);
    }
    let dependencies = dependencies(proofs, &mut links)?;
    let Surroundings { domain, alerts, supply, earlier, trust } = proofs.surroundings(&scope.class);
    Ok(Facts {
        domain,
        class: scope.class.clone(),
        history,
        members,
        lots: of_lots,
        units,
        dependencies,
        alerts,
        supply,
        earlier,
        trust,
    })
}

/// The units in which there are packs of a class, or units that may hold some.
fn units<P: Proofs>(proofs: &mut P, class: &Subject) -> Result<Vec<UnitFacts>, P::Error> {
    let of_class = format!("{class}/");
    let matters = |inside: &Subject| inside.as_str().starts_with(&of_class) || is(inside, SubjectType::Unit);
    let mut units = Vec::new();
    for subject in proofs.units()? {
        let Some(entry) = proofs.family(&subject)?.get(&digest(&subject)).copied() else { continue };
        let history = proofs.history(&subject)?;
        let contents = contents(proofs, &history)?;
        if contents.iter().flat_map(Contents::packs).any(matters) {
            units.push(UnitFacts { subject, entry: Some(entry), history, contents });
        }
    }
    Ok(units)
}

/// The lists that are here of what a unit's history says was in it.
pub(crate) fn contents<P: Proofs>(proofs: &mut P, history: &[Entry]) -> Result<Vec<Contents>, P::Error> {
    let mut lists = Vec::new();
    for named in history.iter().filter_map(|one| one.verified().fields().hash("contents")) {
        lists.extend(proofs.contents(named)?);
    }
    Ok(lists)
}

/// The histories elsewhere that have the statements which these link, and the histories which those link in turn.
pub(crate) fn dependencies<H: Histories>(
    histories: &mut H,
    links: &mut MissingLinks,
) -> Result<BTreeMap<Subject, Vec<Entry>>, H::Error> {
    let mut dependencies = BTreeMap::new();
    while let Some(missing) = links.missing() {
        let subject = histories.linked(missing)?;
        let history = histories.history(&subject)?;
        links.meet_all(&history);
        // The history of that name is whole, and what was linked is not in it.
        if !links.has_met(missing) {
            return Err(histories.not_linked(missing));
        }
        dependencies.insert(subject, history);
    }
    Ok(dependencies)
}

/// A subject's whole history, by its family's proof.
pub(crate) fn history<P: Proofs>(proofs: &mut P, subject: &Subject) -> Result<Vec<Entry>, P::Error> {
    let Some(entry) = proofs.family(&family(subject))?.get(&digest(subject)).copied() else {
        return Ok(Vec::new());
    };
    Ok(proofs.histories(&[(subject.clone(), entry)])?.remove(subject).unwrap_or_default())
}

/// Digest and length of the filter that a lot's history names: in a commission that counts, else in one that is void, on
/// which honest statements may rest.
fn named_filter(profiles: &[Profile], history: &[Entry]) -> Option<(Hash, u64)> {
    let standing = history.iter().filter_map(Entry::standing).find_map(|one| filter_of(profiles, one));
    standing.or_else(|| history.iter().find_map(|one| filter_of(profiles, one.verified())))
}

/// Digest and length of the filter that a commission names.
pub(crate) fn filter_of(profiles: &[Profile], statement: &Verified) -> Option<(Hash, u64)> {
    let kind = statement.statement().kind();
    let step = Profile::of_kind(profiles, kind)?.step(kind)?;
    let Effect::Commission { filter, filter_length, .. } = &step.effect else { return None };
    Some((statement.fields().hash(filter)?, statement.fields().uint(filter_length)?))
}

/// The head of a subject's family.
pub(crate) fn family(subject: &Subject) -> Subject {
    // safe: a prefix of a subject that keeps its scheme is one.
    Subject::new(subject.family()).unwrap_or_else(|_| subject.clone())
}

/// The digest under which the index lists a subject within its family.
pub(crate) fn digest(subject: &Subject) -> Hash {
    Hash::of(subject.as_str().as_bytes())
}

pub(crate) fn as_of(checkpoint: &TrustedCheckpoint) -> AsOf {
    AsOf { size: checkpoint.checkpoint().size(), at: checkpoint.cosigned_at() }
}

/// Whether a subject is of a type.
pub(crate) fn is(subject: &Subject, of: SubjectType) -> bool {
    SubjectType::of(subject) == Some(of)
}

/// The lot and the class of a pack; `None` for anything but a pack of a lot.
pub(crate) fn lot_and_class(pack: &Subject) -> Option<(Subject, Subject)> {
    let lot = Subject::new(pack.family()).ok()?;
    let class = Subject::new(lot.family()).ok()?;
    let types = [pack, &lot, &class].map(SubjectType::of);
    (types == [Some(SubjectType::Pack), Some(SubjectType::Lot), Some(SubjectType::Class)])
        .then_some((lot, class))
}

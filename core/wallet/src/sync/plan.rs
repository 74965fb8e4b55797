//! What to find out next, so that all that is followed is here: pure, knowing neither the database nor the node.
//!
//! Whoever carries it out asks for the next thing ([`Plan::next`]), finds it out and says what was found. A family is followed by
//! its proof, its members' names and their histories. Products are families with more to them: the packs of a lot that have
//! something on record, a filter over its serials, and the histories elsewhere whose statements theirs link.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_custody::SubjectType;
use countersign_ledger::{Hash, IndexEntry, LogName, Subject};

use crate::facts::{Members, PRODUCTS, digest, family, is, lot_and_class};
use crate::missing_links::MissingLinks;
use crate::snapshot::Following;

/// Something to find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// The members of a family, and the names that are here if it is followed: [`Plan::has_family`].
    Family(LogName, Subject),
    /// Names of a family's members from that number on: [`Plan::has_names`].
    Names(LogName, Subject, u64),
    /// The packs of lots that have something on record: [`Plan::has_packs`].
    Packs(Vec<Subject>),
    /// A history: [`Plan::meet`] for each of its statements.
    History(Wanted),
    /// The filter over a lot's serials, should its history name one.
    Filter(Subject),
    /// The subject of a statement that another one links: [`Plan::has_link`].
    Link(Hash),
}

/// A history that is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) log: LogName,
    pub(super) subject: Subject,
    /// What the subject index says of it.
    pub(super) entry: IndexEntry,
    /// What of it is here and whole: known once that was hashed.
    pub(super) held: Option<HeldHistory>,
}

/// What of a history is here and whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldHistory {
    /// The number under which it is stored, if it has one.
    pub(super) id: Option<u64>,
    /// How many statements. None also if what is stored is not whole, and to be replaced.
    pub(super) count: u64,
    /// Id of the last of them.
    pub(super) last: Option<Hash>,
    /// Whether that is what was stored before this round: whole, but perhaps another subject's.
    pub(super) from_before: bool,
}

/// Why the plan cannot be carried out: what was found contradicts what is proven.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Members of a family have no names.
    Names(Subject),
    /// A linked statement is not in the history where it was said to be.
    Linked(Hash),
}

/// What there is to do until the head can move, and what was found on the way.
#[derive(Default)]
pub(super) struct Plan {
    asks: VecDeque<Ask>,
    /// Lots of which is to be known which packs have something on record.
    lots: VecDeque<Subject>,
    /// What is followed, by log.
    followed: BTreeMap<LogName, BTreeSet<Subject>>,
    families: BTreeMap<(LogName, Subject), Known>,
    /// What the statements link.
    links: MissingLinks,
    /// Where linked statements are said to be.
    located: BTreeMap<Hash, Subject>,
    /// Subjects whose histories were asked for because of that.
    dependencies: BTreeSet<Subject>,
}

/// What is known of a family.
struct Known {
    /// Its members, as proven at the checkpoint.
    members: Members,
    /// The names of members that are known and not yet planned.
    names: BTreeMap<Hash, Subject>,
    /// So many of the first members are planned.
    planned: usize,
}

impl Plan {
    pub(super) fn new(following: &[Following]) -> Self {
        let mut plan = Self::default();
        let families: BTreeSet<_> =
            following.iter().map(|followed| (followed.log, followed.class.clone())).collect();
        plan.asks = families.into_iter().map(|(log, family)| Ask::Family(log, family)).collect();
        for followed in following {
            plan.followed.entry(followed.log).or_default().insert(followed.subject.clone());
        }
        plan
    }

    /// The next thing to find out; `None` if all is here.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Ask>, Fault> {
        if let Some(ask) = self.asks.pop_front().or_else(|| self.next_packs(most)) {
            return Ok(Some(ask));
        }
        let Some(missing) = self.links.missing() else { return Ok(None) };
        let Some(subject) = self.located.get(&missing) else { return Ok(Some(Ask::Link(missing))) };
        let family = (PRODUCTS, family(subject));
        let Some(Known { members, .. }) = self.families.get(&family) else {
            return Ok(Some(Ask::Family(family.0, family.1)));
        };
        match members.get(&digest(subject)) {
            Some(entry) if self.dependencies.insert(subject.clone()) => {
                Ok(Some(Ask::History(Wanted::new(PRODUCTS, subject.clone(), *entry))))
            }
            // Nothing there, or all of it and not what was linked.
            _ => Err(Fault::Linked(missing)),
        }
    }

    /// The names to ask for, if they are next.
    pub(super) fn next_names(&mut self) -> Option<Ask> {
        self.asks.pop_front_if(|ask| matches!(ask, Ask::Names(..)))
    }

    /// The packs to ask for, of at most so many lots.
    pub(super) fn next_packs(&mut self, most: usize) -> Option<Ask> {
        let lots: Vec<Subject> = self.lots.drain(..most.min(self.lots.len())).collect();
        (!lots.is_empty()).then_some(Ask::Packs(lots))
    }

    /// The history to ask for, if one is next and of the log, whichever it is at first.
    pub(super) fn next_history(&mut self, log: Option<LogName>) -> Option<Wanted> {
        let of_log = |wanted: &Wanted| log.is_none_or(|log| wanted.log == log);
        match self.asks.pop_front_if(|ask| matches!(ask, Ask::History(wanted) if of_log(wanted)))? {
            Ask::History(wanted) => Some(wanted),
            _ => None,
        }
    }

    /// The filter to ask for, if one is next.
    pub(super) fn next_filter(&mut self) -> Option<Subject> {
        match self.asks.pop_front_if(|ask| matches!(ask, Ask::Filter(_)))? {
            Ask::Filter(lot) => Some(lot),
            _ => None,
        }
    }

    /// What was not found out is asked again.
    pub(super) fn again(&mut self, ask: Ask) {
        match ask {
            Ask::Packs(lots) => lots.into_iter().rev().for_each(|lot| self.lots.push_front(lot)),
            ask => self.asks.push_front(ask),
        }
    }

    /// Whether the names of all members of a family are wanted.
    pub(super) fn is_followed(&self, log: LogName, family: &Subject) -> bool {
        self.followed.get(&log).is_some_and(|followed| followed.contains(family))
    }

    /// A family has these members, of which these names are here.
    pub(super) fn has_family(
        &mut self,
        log: LogName,
        family: &Subject,
        members: Members,
        names: Vec<Subject>,
    ) {
        let names = names.into_iter().map(|name| (digest(&name), name));
        let names = names.filter(|(member, _)| members.contains_key(member)).collect();
        let known = Known { members, names, planned: 0 };
        self.families.insert((log, family.clone()), known);
        if self.is_followed(log, family) {
            // What is named already waits for the rest: it is asked for together.
            match self.unnamed(log, family) {
                Some(from) => self.asks.push_front(Ask::Names(log, family.clone(), from)),
                None => self.plan_named(log, family),
            }
        } else {
            self.plan_lots_of_packs(log, family);
        }
    }

    /// Members of a family are called so; returns those whom nobody had named before.
    pub(super) fn has_names(
        &mut self,
        log: LogName,
        family: &Subject,
        names: Vec<Subject>,
    ) -> Result<Vec<Subject>, Fault> {
        let before = self.unnamed(log, family);
        let Some(known) = self.families.get_mut(&(log, family.clone())) else { return Ok(Vec::new()) };
        let fresh: Vec<Subject> =
            names.into_iter().filter(|name| known.members.contains_key(&digest(name))).collect();
        known.names.extend(fresh.iter().map(|name| (digest(name), name.clone())));
        if self.unnamed(log, family) == before {
            return Err(Fault::Names(family.clone()));
        }
        self.plan_named(log, family);
        Ok(fresh)
    }

    /// A lot has these packs with something on record. It may have very many, and of these only the followed ones matter.
    pub(super) fn has_packs(&mut self, lot: &Subject, packs: &Members) {
        let below = format!("{lot}/");
        let followed = self.followed.get(&PRODUCTS).into_iter().flat_map(|all| all.range(lot.clone()..));
        let of_lot = followed.take_while(|subject| subject.as_str().starts_with(lot.as_str()));
        let of_lot = of_lot.filter(|pack| pack.as_str().starts_with(&below));
        let asks = of_lot.filter_map(|pack| {
            Some(Ask::History(Wanted::new(PRODUCTS, pack.clone(), *packs.get(&digest(pack))?)))
        });
        asks.collect::<Vec<_>>().into_iter().for_each(|ask| self.asks.push_front(ask));
    }

    /// A statement is in a history and links others.
    pub(super) fn meet(&mut self, log: LogName, statement: Hash, links: &[Hash]) {
        if log == PRODUCTS {
            self.links.meet(statement, links);
        }
    }

    /// There is a history. It may name a filter, which those that are only dependencies need not.
    pub(super) fn has_history(&mut self, wanted: &Wanted) {
        let lot = wanted.log == PRODUCTS && is(&wanted.subject, SubjectType::Lot);
        if lot && !self.dependencies.contains(&wanted.subject) {
            self.asks.push_back(Ask::Filter(wanted.subject.clone()));
        }
    }

    /// A linked statement is said to be in a subject's history.
    pub(super) fn has_link(&mut self, statement: Hash, subject: Subject) {
        self.located.insert(statement, subject);
    }

    /// Of what was asked, these were answered, each by a page of so many statements of which the last is this. Asks again what
    /// there was no room for in the answer, and for what goes on behind a page. What was answered is left in `asked`.
    pub(super) fn go_on(&mut self, asked: &mut Vec<(Wanted, HeldHistory)>, pages: &[(u64, Option<Hash>)]) {
        for (wanted, held) in asked.split_off(pages.len()).into_iter().rev() {
            self.asks.push_front(Ask::History(Wanted { held: Some(held), ..wanted }));
        }
        for ((wanted, held), (statements, last)) in asked.iter().zip(pages).rev() {
            let count = held.count + statements;
            if count < wanted.entry.count {
                let held = Some(HeldHistory { count, last: *last, from_before: false, ..*held });
                self.asks.push_front(Ask::History(Wanted { held, ..wanted.clone() }));
            }
        }
    }

    /// Asks once more what was asked for, each history from the first of its pages here on.
    pub(super) fn all_again(&mut self, asked: impl IntoIterator<Item = (Wanted, HeldHistory)>) {
        let mut planned = BTreeSet::new();
        let first =
            asked.into_iter().filter(|(wanted, _)| planned.insert((wanted.log, wanted.subject.clone())));
        let first: Vec<_> = first.collect();
        self.asks.retain(|ask| {
            !matches!(ask, Ask::History(wanted) if planned.contains(&(wanted.log, wanted.subject.clone())))
        });
        for (wanted, held) in first.into_iter().rev() {
            self.asks.push_front(Ask::History(Wanted { held: Some(held), ..wanted }));
        }
    }

    /// Things that are known to be left.
    pub(super) fn remaining(&self) -> u64 {
        (self.asks.len() + self.lots.len()) as u64 + 1
    }

    /// What is followed, by log.
    pub(super) fn followed(self) -> BTreeMap<LogName, Vec<Subject>> {
        self.followed.into_iter().map(|(log, all)| (log, all.into_iter().collect())).collect()
    }

    /// The number of the first member of a family that has no name.
    fn unnamed(&self, log: LogName, family: &Subject) -> Option<u64> {
        let Known { members, names, planned } = self.families.get(&(log, family.clone()))?;
        let unnamed = members.keys().skip(*planned).position(|member| !names.contains_key(member))?;
        Some((planned + unnamed) as u64)
    }

    /// Plans what the members need whose names are known, up to the first without one.
    fn plan_named(&mut self, log: LogName, family: &Subject) {
        let Some(known) = self.families.get_mut(&(log, family.clone())) else { return };
        let unplanned = known.members.iter().skip(known.planned);
        let named: Vec<_> =
            unplanned.map_while(|(member, entry)| Some((known.names.remove(member)?, *entry))).collect();
        known.planned += named.len();
        if known.planned < known.members.len() {
            self.asks.push_front(Ask::Names(log, family.clone(), known.planned as u64));
        }
        self.plan_members(log, named);
    }

    /// Plans what a class needs of which only packs are followed: itself, and their lots.
    fn plan_lots_of_packs(&mut self, log: LogName, class: &Subject) {
        let followed = self.followed.get(&log).into_iter().flatten();
        let mut wanted: Vec<Subject> =
            followed.filter_map(lot_and_class).filter(|(_, of)| of == class).map(|(lot, _)| lot).collect();
        if wanted.is_empty() {
            return;
        }
        wanted.push(class.clone());
        wanted.sort_unstable();
        wanted.dedup();
        let Some(Known { members, .. }) = self.families.get(&(log, class.clone())) else { return };
        let known = wanted.into_iter().filter_map(|subject| {
            let entry = *members.get(&digest(&subject))?;
            Some((subject, entry))
        });
        let known = known.collect();
        self.plan_members(log, known);
    }

    fn plan_members(&mut self, log: LogName, members: Vec<(Subject, IndexEntry)>) {
        if log == PRODUCTS {
            let lots = members.iter().map(|(subject, _)| subject).filter(|of| is(of, SubjectType::Lot));
            self.lots.extend(lots.cloned());
        }
        for (subject, entry) in members.into_iter().rev() {
            self.asks.push_front(Ask::History(Wanted::new(log, subject, entry)));
        }
    }
}

impl Wanted {
    const fn new(log: LogName, subject: Subject, entry: IndexEntry) -> Self {
        Self { log, subject, entry, held: None }
    }
}

impl Ask {
    /// What it is about, if that has a name.
    pub(super) fn subject(&self) -> Option<&Subject> {
        match self {
            Self::Family(_, subject) | Self::Names(_, subject, _) | Self::Filter(subject) => Some(subject),
            Self::History(wanted) => Some(&wanted.subject),
            Self::Packs(lots) => lots.first(),
            Self::Link(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::FollowState;

    const CLASS: &str = "https://id.gs1.org/01/09506000134352";
    const WARD: &str = "urn:countersign:ward:7";

    fn subject(text: &str) -> Subject {
        Subject::new(text).unwrap()
    }

    fn notes() -> LogName {
        LogName::new("ward-notes").unwrap()
    }

    fn following(log: LogName, name: &str, class: &str) -> Following {
        Following { log, subject: subject(name), class: subject(class), state: FollowState::Waiting }
    }

    fn entry(count: u64) -> IndexEntry {
        IndexEntry { count, latest: Hash::of(&count.to_be_bytes()) }
    }

    fn members(of: &[&Subject]) -> Members {
        of.iter().map(|subject| (digest(subject), entry(2))).collect()
    }

    /// Subjects in the order of the index, which is that of their digests.
    fn sorted(texts: impl IntoIterator<Item = String>) -> Vec<Subject> {
        let mut subjects: Vec<Subject> = texts.into_iter().map(|text| subject(&text)).collect();
        subjects.sort_by_key(digest);
        subjects
    }

    fn wanted(ask: Option<Ask>) -> Wanted {
        match ask {
            Some(Ask::History(wanted)) => wanted,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_family_is_its_members_their_names_and_their_histories() {
        let mut plan = Plan::new(&[following(notes(), WARD, WARD)]);
        let beds = sorted((0..5).map(|number| format!("{WARD}:{number}")));
        let all: Vec<&Subject> = beds.iter().collect();
        assert_eq!(plan.next(64), Ok(Some(Ask::Family(notes(), subject(WARD)))));
        // Two names are here. The histories wait for the page of names, so that they are asked for together.
        plan.has_family(notes(), &subject(WARD), members(&all), beds[..2].to_vec());
        assert_eq!(plan.next(64), Ok(Some(Ask::Names(notes(), subject(WARD), 2))));
        let fresh = plan.has_names(notes(), &subject(WARD), beds[1..4].to_vec()).unwrap();
        assert_eq!(fresh, beds[1..4]);
        let first: Vec<Subject> = (0..4).map(|_| wanted(plan.next(64).unwrap()).subject).collect();
        assert_eq!(first, beds[..4]);
        assert_eq!(plan.next(64), Ok(Some(Ask::Names(notes(), subject(WARD), 4))));
        // Names that are none of the family's members are no answer.
        let foreign = vec![subject("urn:countersign:ward:8:1")];
        assert_eq!(plan.has_names(notes(), &subject(WARD), foreign), Err(Fault::Names(subject(WARD))));
        plan.has_names(notes(), &subject(WARD), beds[4..].to_vec()).unwrap();
        assert_eq!(wanted(plan.next(64).unwrap()).subject, beds[4]);
        assert_eq!(plan.next(64), Ok(None));
        assert_eq!(plan.followed(), BTreeMap::from([(notes(), vec![subject(WARD)])]));
    }

    #[test]
    fn a_followed_pack_needs_its_class_and_its_lot_alone() {
        let (lot, other) = (format!("{CLASS}/10/L1"), format!("{CLASS}/10/L2"));
        let pack = format!("{lot}/21/S1");
        let mut plan = Plan::new(&[following(PRODUCTS, &pack, CLASS)]);
        assert_eq!(plan.next(64), Ok(Some(Ask::Family(PRODUCTS, subject(CLASS)))));
        assert!(!plan.is_followed(PRODUCTS, &subject(CLASS)));
        let all = [subject(CLASS), subject(&lot), subject(&other)];
        plan.has_family(PRODUCTS, &subject(CLASS), members(&all.each_ref()), Vec::new());
        let [class, of_lot] = [(); 2].map(|()| wanted(plan.next(64).unwrap()));
        assert_eq!([&class.subject, &of_lot.subject], [&all[0], &all[1]]);
        // Only a lot is asked for its filter, and only once its history is here.
        plan.has_history(&class);
        plan.has_history(&of_lot);
        assert_eq!(plan.next(64), Ok(Some(Ask::Filter(subject(&lot)))));
        assert_eq!(plan.next(64), Ok(Some(Ask::Packs(vec![subject(&lot)]))));
        let stranger = subject(&format!("{lot}/21/S2"));
        plan.has_packs(&subject(&lot), &members(&[&subject(&pack), &stranger]));
        assert_eq!(wanted(plan.next(64).unwrap()).subject, subject(&pack));
        assert_eq!(plan.next(64), Ok(None));
    }

    #[test]
    fn lots_are_asked_for_their_packs_together_and_again_if_nothing_was_answered() {
        let mut plan = Plan::new(&[following(PRODUCTS, CLASS, CLASS)]);
        drop(plan.next(64));
        let lots = sorted((0..70).map(|lot| format!("{CLASS}/10/L{lot}")));
        plan.has_family(PRODUCTS, &subject(CLASS), members(&lots.iter().collect::<Vec<_>>()), lots.clone());
        let asked = plan.next_packs(64).unwrap();
        assert_eq!(asked, Ask::Packs(lots[..64].to_vec()));
        plan.again(asked.clone());
        assert_eq!(plan.next_packs(64), Some(asked));
        assert_eq!(plan.next_packs(64), Some(Ask::Packs(lots[64..].to_vec())));
        assert_eq!(plan.next_packs(64), None);
    }

    #[test]
    fn what_a_page_left_out_is_asked_for_behind_it() {
        let mut plan = Plan::default();
        let held = HeldHistory { id: None, count: 0, last: None, from_before: true };
        let of = |text: &str, count| Wanted::new(notes(), subject(text), entry(count));
        let mut asked = vec![(of("urn:a:1", 1), held), (of("urn:a:2", 9), held), (of("urn:a:3", 1), held)];
        let last = Some(Hash::of(b"last"));
        plan.go_on(&mut asked, &[(1, None), (4, last)]);
        assert_eq!(asked.len(), 2);
        let goes_on = plan.next_history(None).unwrap();
        assert_eq!(goes_on.subject, subject("urn:a:2"));
        assert_eq!(goes_on.held, Some(HeldHistory { count: 4, last, from_before: false, ..held }));
        // No history of another log is asked for in the same request.
        assert_eq!(plan.next_history(Some(PRODUCTS)), None);
        assert_eq!(plan.next_history(Some(notes())).unwrap().subject, subject("urn:a:3"));

        // From the first again: what was planned behind a page that is refused is planned no longer.
        plan.go_on(&mut asked, &[(1, None), (4, last)]);
        let from_first = HeldHistory { count: 0, last: None, from_before: false, id: Some(3) };
        plan.all_again([(of("urn:a:2", 9), from_first), (of("urn:a:2", 9), held)]);
        assert_eq!(plan.next_history(None).unwrap().held, Some(from_first));
        assert_eq!(plan.next(64), Ok(None));
    }

    #[test]
    fn a_linked_statement_is_looked_for_once_and_then_somebody_has_lied() {
        let (order, linked) = (subject("urn:example:order:7"), Hash::of(b"order"));
        let mut plan = Plan::default();
        plan.meet(notes(), Hash::of(b"elsewhere"), &[Hash::of(b"of another log")]);
        plan.meet(PRODUCTS, Hash::of(b"lot"), &[linked]);
        assert_eq!(plan.next(64), Ok(Some(Ask::Link(linked))));
        plan.has_link(linked, order.clone());
        assert_eq!(plan.next(64), Ok(Some(Ask::Family(PRODUCTS, order.clone()))));
        plan.has_family(PRODUCTS, &order, members(&[&order]), Vec::new());
        let history = wanted(plan.next(64).unwrap());
        assert_eq!((&history.subject, history.entry), (&order, entry(2)));
        // All of the history is here, and what was linked is not in it.
        assert_eq!(plan.next(64), Err(Fault::Linked(linked)));
        plan.meet(PRODUCTS, linked, &[]);
        assert_eq!(plan.next(64), Ok(None));
        plan.has_history(&history);
        assert_eq!(plan.next(64), Ok(None), "an order names no filter");
    }
}

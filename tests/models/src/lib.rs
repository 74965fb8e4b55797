//! Exhaustive bounded models of the protocols. They are tests (`tests/sensor_leg`, `tests/handover`); here is what both search with.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter;
use std::sync::{Arc, Mutex, PoisonError};

use stateright::{Checker as _, HasDiscoveries, Model};

/// What led to a state. It is no part of it: states that differ in nothing else are one.
#[derive(Clone, Debug)]
pub struct Trail<A>(Option<Arc<(Self, A)>>);

impl<A: Clone> Trail<A> {
    /// Nothing has happened.
    pub const fn new() -> Self {
        Self(None)
    }

    /// What happened, and then this.
    #[must_use]
    pub fn and(&self, action: A) -> Self {
        Self(Some(Arc::new((self.clone(), action))))
    }

    fn actions(&self) -> Vec<A> {
        let steps = iter::successors(self.0.as_deref(), |(before, _)| before.0.as_deref());
        let mut actions: Vec<A> = steps.map(|(_, action)| action.clone()).collect();
        actions.reverse();
        actions
    }
}

impl<A: Clone> Default for Trail<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> PartialEq for Trail<A> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<A> Eq for Trail<A> {}

impl<A> Hash for Trail<A> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The properties that do not hold, each with what led to the first state without it. States are looked at by the number of steps
/// to them, so no attack is shorter.
#[derive(Debug)]
pub struct Broken<A>(Mutex<BTreeMap<&'static str, Vec<A>>>);

impl<A: Clone> Broken<A> {
    /// None yet.
    pub const fn none() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Notes whether a property holds.
    pub fn note(&self, property: &'static str, trail: &Trail<A>, holds: bool) -> bool {
        if !holds {
            let mut broken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            broken.entry(property).or_insert_with(|| trail.actions());
        }
        holds
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Outcome {
    /// The properties that do not hold, each with the steps of a shortest attack.
    pub broken: BTreeMap<&'static str, Vec<String>>,
    /// How many states were seen.
    pub states: usize,
}

/// Searches all that can happen, until these properties are broken; until all is seen, if none is named. `broken` is where the
/// model notes what does not hold.
pub fn search<M>(model: M, until: &[&'static str], broken: impl Fn(&M) -> &Broken<M::Action>) -> Outcome
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq + fmt::Debug,
{
    let finish = match until {
        [] => HasDiscoveries::All,
        some => HasDiscoveries::AllOf(some.iter().copied().collect()),
    };
    let checker = model.checker().finish_when(finish).spawn_bfs().join();
    let broken = broken(checker.model()).0.lock().unwrap_or_else(PoisonError::into_inner);
    let steps = |actions: &Vec<M::Action>| actions.iter().map(|action| format!("{action:?}")).collect();
    Outcome {
        broken: broken.iter().map(|(property, actions)| (*property, steps(actions))).collect(),
        states: checker.unique_state_count(),
    }
}

impl Outcome {
    /// All properties hold, in more than `least` states.
    #[track_caller]
    pub fn holds(&self, name: &str, least: usize) {
        assert!(self.broken.is_empty(), "{name}: {:#?}", self.broken);
        assert!(self.states > least, "{name}: {} states", self.states);
        eprintln!("{name}: {} states, all hold", self.states);
    }

    /// These properties are lost, and no others: for a search to the end.
    #[track_caller]
    pub fn loses_only(&self, name: &str, lost: &[&str]) {
        self.loses(name, lost);
        assert_eq!(self.broken.len(), lost.len(), "{name}: {:#?}", self.broken);
    }

    /// These properties are lost.
    #[track_caller]
    pub fn loses(&self, name: &str, lost: &[&str]) {
        for (property, attack) in &self.broken {
            let steps = attack.join("\n    ");
            eprintln!(
                "{name}: {} states; lost in {} steps: {property}\n    {steps}",
                self.states,
                attack.len()
            );
        }
        for property in lost {
            assert!(self.broken.contains_key(property), "{name}: no attack on: {property}");
        }
    }
}

//! Where data went: every state that is there is found, and none that is not.

use std::collections::{BTreeMap, BTreeSet};

use countersign_domains::{Block, Chains, DataKey, DataState, NotABlock, Shape, Step, Trace};
use countersign_ledger::Hash;
use proptest::prelude::*;

/// Most children of a state.
const MAX_CHILDREN: usize = 8;

fn key(number: u8) -> DataKey {
    DataKey(Hash([number; 32]))
}

/// A state of the data `number`, made of `parents`.
fn state(number: u8, parents: &[&DataState], owner: u8, seq: u64) -> DataState {
    let parents: BTreeSet<_> = parents.iter().map(|parent| parent.sid()).collect();
    DataState {
        key: key(number),
        step: if parents.is_empty() { Step::Create } else { Step::Derive },
        parents: parents.into_iter().collect(),
        actor: Hash([1; 32]),
        owner: Hash([owner; 32]),
        chain: Hash([2; 32]),
        seq,
        licence: None,
    }
}

fn block(id: u8, anchor: u64, states: &[&DataState]) -> Block {
    let states = states.iter().map(|state| (state.sid(), (*state).clone())).collect();
    Block::commit(Hash([id; 32]), anchor, states, Shape::default())
}

fn traced(chains: &Chains, number: u8) -> Trace {
    chains.trace(key(number), |_, _| true)
}

fn ids(states: &[&DataState]) -> BTreeSet<Hash> {
    states.iter().map(|state| state.sid()).collect()
}

/// A block of a random world: its chain, and for each of its states the data and picks of parents.
type Drawn = (usize, Vec<(u8, Vec<u16>)>);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let states = prop::collection::vec((0_u8..6, prop::collection::vec(any::<u16>(), 0..5)), 1..5);
    prop::collection::vec((0_usize..4, states), 1..20)
}

/// The states of each block, with parents among those before that have children to spare.
fn grown(drawn: &[Drawn]) -> Vec<(usize, Vec<DataState>)> {
    let (mut all, mut children): (Vec<DataState>, BTreeMap<Hash, usize>) = (Vec::new(), BTreeMap::new());
    let mut blocks = Vec::new();
    for (chain, states) in drawn {
        let mut block = Vec::new();
        for (number, picks) in states {
            let free: Vec<_> = all
                .iter()
                .filter(|state| children.get(&state.sid()).is_none_or(|count| *count < MAX_CHILDREN))
                .cloned()
                .collect();
            let parents: Vec<_> =
                picks.iter().filter_map(|pick| free.get(usize::from(*pick) % free.len().max(1))).collect();
            let made = state(*number, &parents, number % 3, all.len() as u64);
            made.parents.iter().for_each(|parent| *children.entry(*parent).or_default() += 1);
            block.push(made.clone());
            all.push(made);
        }
        blocks.push((*chain, block));
    }
    blocks
}

fn chains(blocks: &[(usize, Vec<DataState>)], shape: Shape) -> Chains {
    let mut chains = Chains::new(4);
    for (number, (chain, states)) in blocks.iter().enumerate() {
        let states = states.iter().map(|state| (state.sid(), state.clone())).collect();
        let id = Hash::of(&number.to_be_bytes());
        chains.push(*chain, Block::commit(id, number as u64, states, shape)).unwrap();
    }
    chains
}

/// The states and edges that a trace must have, by looking at everything.
fn truth(blocks: &[(usize, Vec<DataState>)], number: u8) -> (BTreeSet<Hash>, BTreeSet<(Hash, Hash)>) {
    let all: Vec<_> = blocks.iter().flat_map(|(_, states)| states).collect();
    let mut found: BTreeSet<_> =
        all.iter().filter(|state| state.key == key(number)).map(|state| state.sid()).collect();
    // Upwards from the last to the first, then downwards: each state's parents come before it.
    for state in all.iter().rev() {
        if found.contains(&state.sid()) {
            found.extend(state.parents.iter().copied());
        }
    }
    let mut edges = BTreeSet::new();
    for state in &all {
        for parent in
            state.parents.iter().filter(|parent| found.contains(*parent)).copied().collect::<Vec<_>>()
        {
            found.insert(state.sid());
            edges.insert((parent, state.sid()));
        }
    }
    (found, edges)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_trace_is_the_truth_whatever_the_filters(drawn in drawn(), number in 0_u8..6) {
        let blocks = grown(&drawn);
        let (states, edges) = truth(&blocks, number);
        for hashes in 1..=16 {
            for bits in [0, 4, 10] {
                let trace = traced(&chains(&blocks, Shape { bits, hashes }), number);
                prop_assert_eq!(trace.states().keys().copied().collect::<BTreeSet<_>>(), states.clone());
                let found: BTreeSet<_> = trace.edges().map(|(parent, child, _)| (parent, child)).collect();
                prop_assert_eq!(found, edges.clone());
                prop_assert!(trace.refused().is_empty() && trace.missing().is_empty() && trace.is_whole());
                let work = trace.work();
                prop_assert!(work.wasted <= work.read && work.read <= work.asked);
            }
        }
    }

    #[test]
    fn what_is_invalid_is_what_somebody_had_and_all_that_was_made_of_it(drawn in drawn(), owner in 0_u8..3) {
        let blocks = grown(&drawn);
        let chains = chains(&blocks, Shape::default());
        for number in 0..6 {
            let trace = traced(&chains, number);
            let owner = Hash([owner; 32]);
            let invalid = trace.invalid(owner);
            for (sid, state) in trace.states() {
                let by_parent = state.parents.iter().any(|parent| invalid.contains(parent));
                prop_assert_eq!(invalid.contains(sid), state.owner == owner || by_parent);
            }
        }
    }
}

#[test]
fn a_fork_consumes_nothing_and_a_merge_has_several_parents() {
    // A and B may both modify D: two children. B goes on from A's only by what is permitted on A's.
    let d = state(1, &[], 1, 0);
    let (by_a, by_b) = (state(2, &[&d], 2, 1), state(3, &[&d], 3, 2));
    let merged = state(4, &[&by_a, &by_b], 3, 3);
    let mut chains = Chains::new(2);
    chains.push(0, block(1, 0, &[&d, &by_a])).unwrap();
    chains.push(1, block(2, 0, &[&by_b])).unwrap();
    chains.push(1, block(3, 7, &[&merged])).unwrap();
    let permitted =
        |child: &DataState, parent: &DataState| child.owner == parent.owner || parent.owner == d.owner;
    let trace = chains.trace(key(1), permitted);
    let edges: BTreeSet<_> = trace.edges().collect();
    let [d_id, a, b, m] = [&d, &by_a, &by_b, &merged].map(DataState::sid);
    assert_eq!(edges, BTreeSet::from([(d_id, a, true), (d_id, b, true), (a, m, false), (b, m, true)]));
    assert!(trace.comes_from(m, key(3)) && !trace.comes_from(b, key(2)) && trace.comes_from(a, key(2)));

    // A proves malicious: A's and the merge are invalid, B's is not.
    assert_eq!(trace.invalid(Hash([2; 32])), ids(&[&by_a, &merged]));
    assert_eq!(trace.invalid(Hash([9; 32])), BTreeSet::new());
}

#[test]
fn the_licences_of_what_is_invalid_are_to_be_revoked() {
    let first = state(1, &[], 1, 0);
    let licensed = DataState { licence: Some(Hash([8; 32])), ..state(2, &[&first], 2, 1) };
    let mut chains = Chains::new(1);
    chains.push(0, block(1, 0, &[&first, &licensed])).unwrap();
    let trace = traced(&chains, 1);
    assert_eq!(trace.licences(&trace.invalid(Hash([1; 32]))), BTreeSet::from([Hash([8; 32])]));
    assert_eq!(trace.licences(&BTreeSet::from([first.sid()])), BTreeSet::new());
    assert_eq!(trace.descendants(first.sid()), ids(&[&first, &licensed]));
    assert_eq!(trace.descendants(Hash([7; 32])), BTreeSet::new());
}

#[test]
fn an_edge_that_goes_back_in_time_is_refused_and_what_hangs_on_it_is_not_found() {
    let parent = state(1, &[], 1, 0);
    let child = state(2, &[&parent], 1, 1);
    for (places, good) in [
        // On one chain the order is the chain's; on two it is what the blocks had seen.
        ([(0, 3), (0, 3)], true),
        ([(0, 3), (1, 3)], true),
        ([(0, 3), (1, 4)], true),
        ([(0, 3), (1, 2)], false),
    ] {
        let mut chains = Chains::new(2);
        chains.push(places[0].0, block(1, places[0].1, &[&parent])).unwrap();
        chains.push(places[1].0, block(2, places[1].1, &[&child])).unwrap();
        let (down, up) = (traced(&chains, 1), traced(&chains, 2));
        assert_eq!(down.states().contains_key(&child.sid()), good);
        assert_eq!(up.states().contains_key(&parent.sid()), good);
        assert_eq!(up.refused().contains(&(parent.sid(), child.sid())), !good);
    }
    let mut backwards = Chains::new(1);
    backwards.push(0, block(1, 0, &[&child])).unwrap();
    backwards.push(0, block(2, 1, &[&parent])).unwrap();
    assert_eq!(traced(&backwards, 2).refused(), &BTreeSet::from([(parent.sid(), child.sid())]));
    assert_eq!(traced(&backwards, 1).edges().count(), 0);
    let mut within = Chains::new(1);
    within.push(0, block(1, 0, &[&child, &parent])).unwrap();
    assert_eq!(traced(&within, 2).refused().len(), 1);
}

#[test]
fn states_that_name_one_another_are_forged() {
    let (one, other) = (Hash([1; 32]), Hash([2; 32]));
    let looped =
        |parent: Hash, seq| DataState { parents: vec![parent], step: Step::Modify, ..state(1, &[], 1, seq) };
    let honest = state(1, &[], 1, 7);
    let mut chains = Chains::new(1);
    let states = vec![(one, looped(other, 0)), (other, looped(one, 1)), (honest.sid(), honest.clone())];
    chains.push(0, Block::commit(Hash([9; 32]), 0, states, Shape::default())).unwrap();
    assert_eq!(chains.forged(), &BTreeSet::from([one, other]));
    assert_eq!(traced(&chains, 1).states().keys().copied().collect::<BTreeSet<_>>(), ids(&[&honest]));

    // Nor does another state under the id of one that is there come into its place.
    let child = state(2, &[&honest], 1, 8);
    let mut chains = Chains::new(1);
    chains.push(0, block(1, 0, &[&honest, &state(3, &[], 1, 9)])).unwrap();
    let states = vec![(state(3, &[], 1, 9).sid(), child)];
    chains.push(0, Block::commit(Hash([9; 32]), 1, states, Shape::default())).unwrap();
    assert_eq!(traced(&chains, 1).edges().count(), 0);
}

#[test]
fn what_may_not_be_read_is_said_to_be_missing() {
    let hidden = state(1, &[], 1, 0);
    let (seen, known) = (state(2, &[&hidden], 1, 1), state(3, &[], 1, 2));
    let merged = state(4, &[&hidden, &known], 1, 3);
    let mut chains = Chains::new(1);
    chains.push(0, block(1, 0, &[&seen, &known, &merged])).unwrap();
    assert_eq!(traced(&chains, 2).missing(), &BTreeSet::from([hidden.sid()]));
    assert_eq!(traced(&chains, 3).missing(), &BTreeSet::from([hidden.sid()]), "of a merge further down");
    assert_eq!(traced(&chains, 9).states().len(), 0);
}

#[test]
fn a_chain_takes_its_blocks_in_order() {
    let mut chains = Chains::new(1);
    chains.push(0, block(1, 5, &[])).unwrap();
    assert_eq!(chains.push(0, block(2, 4, &[])), Err(NotABlock::Anchor));
    assert_eq!(chains.push(1, block(2, 6, &[])), Err(NotABlock::NoChain));
    assert_eq!(chains.push(0, block(2, 5, &[])), Ok(()));
    let state = state(1, &[], 1, 0);
    assert_eq!((chains.state(state.sid()), block(3, 0, &[&state]).states().len()), (None, 1));
}

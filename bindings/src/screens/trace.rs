//! The screen of where data went: a tree that is drawn from the top down, a row for each state.

use std::collections::HashMap;

use countersign_ledger::Identity;

use crate::answer::{Text, Value};
use crate::domains::{DataStep, DataTrace, TracedData};
use crate::screens::domains::{data_title, number, sources, text};
use crate::screens::{WayMark, party, plain, with};

/// Most rows of a screen.
const ROWS: usize = 500;
/// Most columns that a row is moved in: a phone is not wider.
const COLUMNS: usize = 8;

/// Where data went.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TraceScreen {
    /// What the data is called.
    pub title: Text,
    /// That there is nothing, if so.
    pub none: Option<Text>,
    /// What is missing of it.
    pub warnings: Vec<Text>,
    /// The states, each below what it was made of.
    pub rows: Vec<TraceRow>,
    /// The ledgers that this is from.
    pub sources: Vec<Text>,
}

/// A state of data.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TraceRow {
    /// By which it is named.
    pub id: String,
    /// For each column that the row is moved in, whether its line goes on below the row. The last one is that of the branch which
    /// leads to the row.
    pub rails: Vec<bool>,
    /// Whether a line begins below its mark, to what was made of it.
    pub leads_on: bool,
    /// Its mark.
    pub mark: WayMark,
    /// How far it is from where it began, to be said aloud: what is drawn says the same.
    pub level: Text,
    /// What was done.
    pub title: Text,
    /// Which data, by whom, where.
    pub lines: Vec<Text>,
    /// When.
    pub at_millis: u64,
    /// Whether it was allowed and counts, and what else it was made of.
    pub notes: Vec<Text>,
}

/// The screen of where data went.
#[uniffi::export]
pub fn trace_screen(trace: &DataTrace) -> TraceScreen {
    let rows = rows(trace);
    let is_cut = !trace.is_whole || rows.len() < trace.states.len();
    let counted = |key, count: u32| (count > 0).then(|| with(key, [("count", Value::Number(count.into()))]));
    let warnings = [
        counted("trace.missing", trace.missing),
        counted("trace.refused", trace.refused),
        is_cut.then(|| plain("trace.cut")),
        trace.is_at_fault.then(|| plain("trace.fault")),
    ];
    TraceScreen {
        title: data_title(&trace.key),
        none: rows.is_empty().then(|| plain("trace.none")),
        warnings: warnings.into_iter().flatten().collect(),
        rows,
        sources: sources(&trace.ledgers),
    }
}

/// Each state below the first of its parents, and what was made of one together.
fn rows(trace: &DataTrace) -> Vec<TraceRow> {
    let places: HashMap<&str, usize> =
        trace.states.iter().enumerate().map(|(place, state)| (state.id.as_str(), place)).collect();
    let (mut children, mut origins) = (vec![Vec::new(); trace.states.len()], Vec::new());
    for (place, state) in trace.states.iter().enumerate() {
        let before = |parent: &String| places.get(parent.as_str()).copied().filter(|parent| *parent < place);
        match state.parents.iter().find_map(before).and_then(|parent| children.get_mut(parent)) {
            Some(children) => children.push(place),
            None => origins.push(place),
        }
    }
    let mut rows = Vec::new();
    // What is still to come, the next one last, with the lines beside it.
    let mut ahead: Vec<(usize, Vec<bool>)> =
        origins.into_iter().rev().map(|place| (place, Vec::new())).collect();
    while let Some((place, rails)) = ahead.pop() {
        let (Some(state), Some(below)) = (trace.states.get(place), children.get(place)) else { continue };
        if rows.len() == ROWS {
            break;
        }
        for (number, child) in below.iter().enumerate().rev() {
            let goes_on = number + 1 < below.len();
            ahead.push((*child, rails.iter().copied().chain([goes_on]).collect()));
        }
        // What follows in the last column is beside it.
        let leads_on = !below.is_empty() && rails.len() < COLUMNS;
        rows.push(TraceRow::new(state, rails, leads_on, &trace.key));
    }
    rows
}

impl TraceRow {
    fn new(state: &TracedData, mut rails: Vec<bool>, leads_on: bool, traced: &str) -> Self {
        let level = with("trace.level", [("number", Value::Number(rails.len() as u64 + 1))]);
        let is_deep = rails.len() > COLUMNS;
        if is_deep {
            rails.drain(COLUMNS - 1..rails.len() - 1);
        }
        let domain = ("domain", text(&state.domain));
        let by = match Identity::parse(&state.actor) {
            Ok(_) => with("trace.actor", [("party", party(&state.actor)), domain]),
            Err(_) => with("trace.person", [("number", number(&state.actor)), domain]),
        };
        let other = (state.key != traced).then(|| data_title(&state.key));
        let others = state.parents.len().saturating_sub(1) as u64;
        let also = (others > 0).then(|| with("trace.also", [("count", Value::Number(others))]));
        let (mark, judged) = match (state.is_valid, state.is_proven) {
            (false, _) => (WayMark::Void, "trace.invalid"),
            (true, false) => (WayMark::Misfit, "trace.unproven"),
            (true, true) => (WayMark::InOrder, "trace.proven"),
        };
        Self {
            id: state.id.clone(),
            rails,
            leads_on,
            mark,
            lines: [is_deep.then(|| level.clone()), other, Some(by)].into_iter().flatten().collect(),
            level,
            title: plain(match state.step {
                DataStep::Create => "made.create",
                DataStep::Modify => "made.modify",
                DataStep::Derive => "made.derive",
                DataStep::Share => "made.share",
            }),
            at_millis: state.at_millis,
            notes: [Some(plain(judged)), also].into_iter().flatten().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(id: &str, parents: &[&str]) -> TracedData {
        TracedData {
            id: id.to_owned(),
            key: "aa".repeat(32),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            step: if parents.is_empty() { DataStep::Create } else { DataStep::Derive },
            domain: "north.example".to_owned(),
            actor: "bb".repeat(32),
            at_millis: 1,
            is_proven: true,
            is_valid: true,
        }
    }

    fn traced(states: Vec<TracedData>) -> DataTrace {
        let key = "aa".repeat(32);
        DataTrace {
            key,
            states,
            missing: 0,
            refused: 0,
            is_whole: true,
            is_at_fault: false,
            ledgers: Vec::new(),
        }
    }

    fn drawn(trace: &DataTrace) -> Vec<(String, Vec<bool>, bool)> {
        trace_screen(trace).rows.into_iter().map(|row| (row.id, row.rails, row.leads_on)).collect()
    }

    fn row(id: &str, rails: &[bool], leads_on: bool) -> (String, Vec<bool>, bool) {
        (id.to_owned(), rails.to_vec(), leads_on)
    }

    #[test]
    fn each_state_stands_below_what_it_was_made_of() {
        let states = vec![
            state("a", &[]),
            state("b", &["a"]),
            state("c", &["a"]),
            state("d", &["b"]),
            state("e", &["c", "b"]),
        ];
        assert_eq!(
            drawn(&traced(states)),
            [
                row("a", &[], true),
                row("b", &[true], true),
                row("d", &[true, false], false),
                row("c", &[false], true),
                row("e", &[false, false], false),
            ]
        );
    }

    #[test]
    fn what_was_made_of_several_says_so_and_what_comes_from_elsewhere_begins_anew() {
        let screen = trace_screen(&traced(vec![state("a", &["away"]), state("b", &["a", "away", "gone"])]));
        let notes = |place: usize| -> Vec<&str> {
            screen.rows[place].notes.iter().map(|note| note.key.as_str()).collect()
        };
        assert_eq!((notes(0), notes(1)), (vec!["trace.proven"], vec!["trace.proven", "trace.also"]));
        assert!(screen.rows[0].rails.is_empty() && screen.none.is_none());
        assert_eq!(trace_screen(&traced(Vec::new())).none, Some(plain("trace.none")));
    }

    #[test]
    fn a_parent_that_comes_later_makes_no_circle() {
        assert_eq!(
            drawn(&traced(vec![state("a", &["b"]), state("b", &["a"])])),
            [row("a", &[], true), row("b", &[false], false)]
        );
    }

    #[test]
    fn a_long_way_stays_on_the_screen_and_says_how_long_it_is() {
        let ids: Vec<String> = (0..=ROWS).map(|number| number.to_string()).collect();
        let states = ids.iter().enumerate().map(|(place, id)| match place.checked_sub(1) {
            Some(before) => state(id, &[&ids[before]]),
            None => state(id, &[]),
        });
        let screen = trace_screen(&traced(states.collect()));
        assert_eq!(screen.rows.len(), ROWS);
        assert_eq!(screen.warnings, [plain("trace.cut")]);
        assert!(screen.rows.iter().all(|row| row.rails.len() <= COLUMNS));
        let last = screen.rows.last().unwrap();
        assert_eq!(last.level, with("trace.level", [("number", Value::Number(ROWS as u64))]));
        assert!(last.lines.contains(&last.level) && !last.leads_on);
    }

    #[test]
    fn what_does_not_count_is_no_matter_of_being_allowed() {
        let judged = |is_valid, is_proven| {
            let row = trace_screen(&traced(vec![TracedData { is_proven, is_valid, ..state("a", &[]) }]))
                .rows
                .remove(0);
            (row.mark, row.notes[0].key.clone())
        };
        assert_eq!(judged(true, true), (WayMark::InOrder, "trace.proven".to_owned()));
        assert_eq!(judged(true, false), (WayMark::Misfit, "trace.unproven".to_owned()));
        assert_eq!(judged(false, false), (WayMark::Void, "trace.invalid".to_owned()));
    }
}

//! Structured append: symbols that make up one text, in one picture or in one live frame after another.

use crate::symbol::{Part, Symbol};

/// After so many frames without a part, those before are forgotten: a hand moves from one symbol to the next in two seconds,
/// and the next pack must not be joined to this one.
const PATIENCE: usize = 30;

/// The most parts that are kept: those of two texts, of sixteen at most each (ISO/IEC 18004 and 16022).
const MAX_PARTS: usize = 32;

/// The parts that live frames have shown of a text that is not whole yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    parts: Vec<Symbol>,
    /// Frames since the last part.
    waited: usize,
}

impl Gathered {
    /// The part that was added last.
    pub(crate) fn last(&self) -> Option<&Part> {
        self.parts.last().and_then(|symbol| symbol.part.as_ref())
    }

    /// Keeps the parts among what a frame shows, and returns the rest and what has become whole.
    pub(crate) fn gather(&mut self, symbols: Vec<Symbol>) -> Vec<Symbol> {
        let (parts, mut rest): (Vec<Symbol>, Vec<Symbol>) =
            symbols.into_iter().partition(|symbol| symbol.part.is_some());
        self.waited = if parts.is_empty() { self.waited + 1 } else { 0 };
        if self.waited > PATIENCE {
            self.parts.clear();
        }
        for part in parts {
            self.add(part);
        }
        let (parts, whole): (Vec<Symbol>, Vec<Symbol>) =
            joined(std::mem::take(&mut self.parts)).into_iter().partition(|symbol| symbol.part.is_some());
        self.parts = parts;
        rest.extend(whole);
        rest
    }

    fn add(&mut self, symbol: Symbol) {
        let of_its_text = |held: &Symbol| {
            held.part.as_ref().zip(symbol.part.as_ref()).is_some_and(|(held, part)| held.is_of(part))
        };
        let is_its_place = |held: &Symbol| held.part == symbol.part;
        // What says something else at the same place is on another pack, and so may be the rest of it.
        let other_pack = self.parts.iter().any(|held| is_its_place(held) && !held.says_the_same_as(&symbol));
        self.parts.retain(|held| !(is_its_place(held) || other_pack && of_its_text(held)));
        if self.parts.len() >= MAX_PARTS {
            self.parts.clear();
        }
        self.parts.push(symbol);
    }
}

/// The symbols, those that make up one text joined if all of them are there. The first says what kind of text it is.
pub(crate) fn joined(symbols: Vec<Symbol>) -> Vec<Symbol> {
    let (parts, mut whole): (Vec<Symbol>, Vec<Symbol>) =
        symbols.into_iter().partition(|symbol| symbol.part.is_some());
    let mut left = parts.as_slice();
    let mut done: Vec<&Part> = Vec::new();
    while let Some((first, rest)) = left.split_first() {
        left = rest;
        let Some(text) = first.part.as_ref().filter(|part| !done.iter().any(|one| one.is_of(part))) else {
            continue;
        };
        done.push(text);
        let of_text = |number| {
            let is = |symbol: &&Symbol| {
                symbol.part.as_ref().is_some_and(|part| part.number == number && part.is_of(text))
            };
            parts.iter().find(is)
        };
        let all: Option<Vec<&Symbol>> = (1..=text.of).map(of_text).collect();
        match all.filter(|all| !all.is_empty()) {
            Some(all) => whole.push(Symbol {
                text: all.iter().map(|symbol| symbol.text.as_str()).collect(),
                // As sure as the least sure of them.
                spare: all
                    .iter()
                    .map(|symbol| symbol.spare)
                    .reduce(|one, other| Some(one?.min(other?)))
                    .flatten(),
                part: None,
                ..all[0].clone()
            }),
            None => whole.extend(
                parts.iter().filter(|one| one.part.as_ref().is_some_and(|part| part.is_of(text))).cloned(),
            ),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbol::Format;

    fn symbol(text: &str, spare: f32) -> Symbol {
        let (identifier, text) = ("]d2".to_owned(), text.to_owned());
        let (spare, corners) = (Some(spare), [(0, 0); 4]);
        Symbol { format: Format::DataMatrix, identifier, text, part: None, spare, corners }
    }

    fn part(number: u8, of: u8, id: usize, text: &str) -> Symbol {
        let spare = f32::from(number) / 10.0;
        Symbol { part: Some(Part { number, of, id: id.to_string() }), ..symbol(text, spare) }
    }

    #[test]
    fn symbols_that_make_up_a_text_are_joined_when_all_are_there() {
        let (first, second) = (part(1, 2, 7, "0109506000134352"), part(2, 2, 7, "21B"));
        let whole = joined(vec![second.clone(), symbol("other", 0.9), first]);
        assert_eq!(whole, [symbol("other", 0.9), symbol("010950600013435221B", 0.1)]);
        assert_eq!(joined(vec![second.clone()]), std::slice::from_ref(&second));
        assert_eq!(joined(vec![second.clone(), second]).len(), 2);
    }

    #[test]
    fn parts_of_one_frame_after_the_other_are_joined_and_the_rest_passes() {
        let mut gathered = Gathered::default();
        assert_eq!(gathered.gather(vec![part(2, 2, 7, "B"), symbol("other", 0.9)]), [symbol("other", 0.9)]);
        assert_eq!(gathered.gather(vec![part(1, 2, 8, "C")]), []);
        assert_eq!(gathered.gather(vec![part(1, 2, 7, "A")]), [symbol("AB", 0.1)]);
        assert_eq!(gathered.last(), part(1, 2, 8, "C").part.as_ref());
    }

    #[test]
    fn what_a_stranger_makes_it_keep_is_bounded() {
        let mut gathered = Gathered::default();
        for id in 0..1000 {
            assert_eq!(gathered.gather(vec![part(1, 2, id, "A")]), []);
            assert!(gathered.parts.len() <= MAX_PARTS);
        }
    }
}

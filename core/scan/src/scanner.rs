//! A live camera: what to try on which frame, and when to believe a damaged symbol.

use crate::decode::{Effort, Pass, Wanted};
use crate::frame::Luma;
use crate::gs1::{Content, Partners};
use crate::symbol::Symbol;

/// What a camera has shown so far. It has no clock: the caller says before each costlier step whether time is left.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    /// Frames since something was last found.
    misses: usize,
    /// A damaged symbol that waits for a second frame to agree, and how many frames it has waited.
    doubtful: Option<(Symbol, usize)>,
}

/// What a frame came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// No symbol.
    Nothing,
    /// A symbol so damaged that a second frame must agree before it is believed.
    HoldStill,
    /// Symbols that are believed to say what is printed.
    Symbols(Vec<Symbol>),
}

/// After this many frames a damaged symbol is forgotten: one second at the slowest camera that is worth using.
const PATIENCE: usize = 15;

impl Scanner {
    /// A camera that has seen nothing.
    #[must_use]
    pub fn new() -> Scanner {
        Scanner::default()
    }

    /// Looks at the next frame. `go_on` is asked before each costlier step, with the step; the first look at the whole
    /// frame is never asked for, so that every frame is looked at.
    pub fn look(&mut self, frame: &Luma<'_>, mut go_on: impl FnMut(Pass) -> bool) -> Sight {
        let mut symbols =
            Pass::Whole.look(frame, Effort { wanted: Wanted::First, invert: self.tries_inverted() });
        if let Some(pass) = self.retry().filter(|_| symbols.is_empty()).filter(|pass| go_on(*pass)) {
            symbols = pass.decode(frame, Wanted::First);
        }
        // A pack may bear an advertisement beside its code; then look for the code.
        if !symbols.is_empty() && !symbols.iter().any(is_gs1) && go_on(Pass::Whole) {
            let all = Pass::Whole.decode(frame, Wanted::All);
            symbols = if all.is_empty() { symbols } else { all };
        }
        self.misses = if symbols.is_empty() { self.misses + 1 } else { 0 };
        self.believe(symbols)
    }

    /// White on black is rare, and looking for it doubles the time that a frame without a code takes.
    fn tries_inverted(&self) -> bool {
        self.misses % 4 == 1
    }

    /// At most one retry a frame, and none when the frame was looked at twice.
    fn retry(&self) -> Option<Pass> {
        match self.misses % 4 {
            0 | 2 => Some(Pass::Enlarged),
            3 => Some(Pass::Sharpened),
            _ => None,
        }
    }

    /// Whole symbols at once; damaged ones when an earlier frame said the same.
    fn believe(&mut self, symbols: Vec<Symbol>) -> Sight {
        let before = self.doubtful.take().filter(|(_, waited)| *waited < PATIENCE);
        let agrees =
            |symbol: &Symbol| before.as_ref().is_some_and(|(before, _)| before.says_the_same_as(symbol));
        let (believed, doubted): (Vec<Symbol>, Vec<Symbol>) =
            symbols.into_iter().partition(|symbol| !symbol.is_damaged() || agrees(symbol));
        if !believed.is_empty() {
            return Sight::Symbols(believed);
        }
        if let Some(symbol) = doubted.into_iter().next() {
            self.doubtful = Some((symbol, 0));
            return Sight::HoldStill;
        }
        self.doubtful = before.map(|(symbol, waited)| (symbol, waited + 1));
        Sight::Nothing
    }
}

fn is_gs1(symbol: &Symbol) -> bool {
    let content = Content::from_symbol(&symbol.identifier, &symbol.text, Partners::OnAnyCarrier);
    matches!(content, Ok(Content::Gs1(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbol::Format;

    fn symbol(text: &str, spare: f32) -> Symbol {
        let (identifier, text) = ("]d2".to_owned(), text.to_owned());
        Symbol { format: Format::DataMatrix, identifier, text, spare: Some(spare), corners: [(0, 0); 4] }
    }

    #[test]
    fn a_whole_symbol_is_believed_at_once() {
        let whole = symbol("A", 0.9);
        assert_eq!(Scanner::new().believe(vec![whole.clone()]), Sight::Symbols(vec![whole]));
    }

    #[test]
    fn a_damaged_symbol_is_believed_when_two_frames_agree() {
        let mut scanner = Scanner::new();
        assert_eq!(scanner.believe(vec![symbol("A", 0.1)]), Sight::HoldStill);
        assert_eq!(scanner.believe(vec![symbol("B", 0.1)]), Sight::HoldStill);
        assert_eq!(scanner.believe(Vec::new()), Sight::Nothing);
        let again = symbol("B", 0.2);
        assert_eq!(scanner.believe(vec![again.clone()]), Sight::Symbols(vec![again]));
    }

    #[test]
    fn a_damaged_symbol_is_forgotten_after_a_while() {
        let mut scanner = Scanner::new();
        assert_eq!(scanner.believe(vec![symbol("A", 0.1)]), Sight::HoldStill);
        for _ in 0..PATIENCE {
            assert_eq!(scanner.believe(Vec::new()), Sight::Nothing);
        }
        assert_eq!(scanner.believe(vec![symbol("A", 0.1)]), Sight::HoldStill);
    }

    #[test]
    fn retries_are_asked_for_and_spread_over_the_frames() {
        let pixels = vec![255; 64 * 64];
        let frame = Luma::new(64, 64, 64, &pixels).unwrap();
        let mut asked = Vec::new();
        let mut scanner = Scanner::new();
        for _ in 0..8 {
            let sight = scanner.look(&frame, |pass| {
                asked.push(pass);
                false
            });
            assert_eq!(sight, Sight::Nothing);
        }
        let round = [Pass::Enlarged, Pass::Enlarged, Pass::Sharpened];
        assert_eq!(asked, [round, round].concat());
    }
}

//! A live camera: which steps to try on which frame, and when to accept a damaged symbol.

use std::time::Duration;

use crate::code::Code;
use crate::decode::{Effort, Pass, Wanted};
use crate::frame::Luma;
use crate::gs1::{Content, Message, Partners};
use crate::pace::Pace;
use crate::parts::{Gathered, joined};
use crate::ppn::PREFIX as PPN;
use crate::symbol::Symbol;

/// The state of a live scan. It has no clock: the caller passes the time that a frame has taken.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    /// Frames since something was last found, modulo the round; 0 only for the first.
    turn: usize,
    paces: [Pace; Step::COUNT],
    /// A damaged symbol that waits for a second frame to agree, and how many frames it has waited.
    doubtful: Option<(Symbol, usize)>,
    /// The step that found it, which is the one to find it again.
    again: Option<Step>,
    /// Symbols that name no more than a product class, and how many frames the search for the pack's own has lasted.
    coarse: Option<(Vec<Symbol>, usize)>,
    /// Symbols of a text whose other symbols have not been seen yet.
    parts: Gathered,
}

/// The result of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum ScanResult {
    /// No symbol.
    Nothing,
    /// A symbol so damaged that a second frame must agree before it is accepted, or one that names no more than a product
    /// class, beside which there may be another.
    HoldStill,
    /// One of several symbols that make up a text: the others are to be shown as well.
    Part {
        /// Its number, from 1.
        number: u8,
        /// How many there are; 0 if the symbol does not say.
        of: u8,
    },
    /// Symbols that are accepted as read.
    Symbols(Vec<Symbol>),
}

/// One step on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The whole frame, for black on white and as large as it is.
    Plain,
    /// The same, and white on black, and smaller as well.
    Inverted,
    Enlarged,
    Sharpened,
    /// The whole frame, one threshold for all of it.
    Even,
    /// The whole frame, smoothed over a little and over more.
    Dots,
    FarDots,
    /// All symbols of the whole frame, if the first one found does not name a pack.
    All,
}

/// What is tried while nothing is found, one step a frame: a code in the middle is seen by each, one elsewhere by every
/// second. White on black is rare, and so are dots and modules that want one threshold; sharpening is costly.
const ROUND: [Step; 16] = [
    Step::Plain,
    Step::Inverted,
    Step::Plain,
    Step::Enlarged,
    Step::Plain,
    Step::Sharpened,
    Step::Plain,
    Step::Enlarged,
    Step::Plain,
    Step::Dots,
    Step::Plain,
    Step::Enlarged,
    Step::Plain,
    Step::FarDots,
    Step::Plain,
    Step::Even,
];

/// The longest side of an enlarged middle in pixels, so that a frame of 1080 lines costs hardly more than one of 720.
const WIDEST: usize = 1600;

/// After this many frames a damaged symbol is forgotten: one second at the slowest camera that is worth using.
const PATIENCE: usize = 15;

/// So many frames the pack's own code is looked for beside one that names no more than its class: one round, half of which
/// looks at the whole frame.
const LOOKED_FOR: usize = ROUND.len();

impl Scanner {
    /// A scanner that has seen nothing.
    #[must_use]
    pub fn new() -> Scanner {
        Scanner::default()
    }

    /// Scans the next frame. `budget` is the time that a frame may need, such as 60 ms at 15 frames a second, and
    /// `elapsed` returns the time that this one has needed so far. The time of each step is measured; costlier steps
    /// run only if they are expected to end within the budget, and otherwise the cheapest runs on every frame.
    pub fn look(
        &mut self,
        frame: &Luma<'_>,
        budget: Duration,
        elapsed: impl FnMut() -> Duration,
    ) -> ScanResult {
        let see = |step: Step, wanted| step.pass().look(frame, step.effort(wanted));
        let (symbols, step) = self.see((frame.width(), frame.height()), Clock { budget, elapsed }, see);
        let accepted = self.accept(joined(symbols));
        self.again = self.doubtful.as_ref().filter(|(_, waited)| *waited == 0).map(|_| step);
        let whole = self.whole(accepted);
        self.finest(whole)
    }

    /// What is accepted, once no symbol of it is a mere part. Parts are told where nothing else is read.
    fn whole(&mut self, accepted: ScanResult) -> ScanResult {
        let (seen, otherwise) = match accepted {
            ScanResult::Symbols(symbols) => (symbols, ScanResult::Nothing),
            other => (Vec::new(), other),
        };
        let whole = self.parts.gather(seen);
        match self.parts.last() {
            _ if !whole.is_empty() => ScanResult::Symbols(whole),
            Some(part) if otherwise == ScanResult::Nothing => {
                ScanResult::Part { number: part.number, of: part.of }
            }
            _ => otherwise,
        }
    }

    /// What is accepted, once the search for a finer code is over.
    fn finest(&mut self, accepted: ScanResult) -> ScanResult {
        let waited = self.coarse.as_ref().map_or(0, |(_, waited)| waited + 1);
        match (accepted, self.coarse.take()) {
            (ScanResult::Symbols(symbols), coarse) if is_coarse(&symbols) => {
                let (mut all, _) = coarse.unwrap_or_default();
                for symbol in symbols {
                    if !all.iter().any(|one| one.says_the_same_as(&symbol)) && all.len() < MAX_COARSE {
                        all.push(symbol);
                    }
                }
                self.still_coarse(all, waited)
            }
            (ScanResult::Symbols(symbols), _) => ScanResult::Symbols(symbols),
            (_, Some((all, _))) => self.still_coarse(all, waited),
            (nothing, None) => nothing,
        }
    }

    fn still_coarse(&mut self, all: Vec<Symbol>, waited: usize) -> ScanResult {
        if waited >= LOOKED_FOR {
            return ScanResult::Symbols(all);
        }
        self.coarse = Some((all, waited));
        ScanResult::HoldStill
    }

    fn see<E: FnMut() -> Duration>(
        &mut self,
        size: (usize, usize),
        mut clock: Clock<E>,
        mut see: impl FnMut(Step, Wanted) -> Vec<Symbol>,
    ) -> (Vec<Symbol>, Step) {
        // Whatever names no more than a class, or is a part, is found again; what else is there is wanted.
        let waits = self.coarse.is_some() || self.parts.last().is_some();
        let wanted = if waits { Wanted::All } else { Wanted::First };
        let mut take = |scanner: &mut Scanner, clock: &mut Clock<E>, step: Step| {
            let before = (clock.elapsed)();
            let symbols = see(step, wanted);
            // A step that finds something ends early, so its time is not measured.
            if symbols.is_empty() {
                let took = (clock.elapsed)().saturating_sub(before);
                scanner.paces[step as usize].learn(step.pixels(size), took);
            }
            symbols
        };
        let next = self.again.unwrap_or(ROUND[self.turn % ROUND.len()]);
        let fits = next == Step::Plain || self.fits(next, size, &mut clock);
        let mut step = if fits { next } else { Step::Plain };
        let mut symbols = take(self, &mut clock, step);
        // A small code that is held still from the start need not wait.
        if symbols.is_empty() && self.turn == 0 && self.fits(Step::Enlarged, size, &mut clock) {
            step = Step::Enlarged;
            symbols = take(self, &mut clock, step);
        }
        if symbols.is_empty() || wanted == Wanted::All {
            self.turn = self.turn % ROUND.len() + 1;
            return (symbols, step);
        }
        self.turn = 0;
        // A pack may have a code for its buyers beside its own; then look for its own.
        if !symbols.iter().any(names_a_pack) && self.fits(Step::All, size, &mut clock) {
            let all = take(self, &mut clock, Step::All);
            if !all.is_empty() {
                (symbols, step) = (all, Step::All);
            }
        }
        (symbols, step)
    }

    fn fits(
        &mut self,
        step: Step,
        size: (usize, usize),
        clock: &mut Clock<impl FnMut() -> Duration>,
    ) -> bool {
        let fits = (clock.elapsed)().saturating_add(self.expected(step, size)) <= clock.budget;
        if !fits {
            self.paces[step as usize].refuse();
        }
        fits
    }

    /// By its own measured pace, or else by that of the plain step for as many pixels.
    fn expected(&self, step: Step, size: (usize, usize)) -> Duration {
        let pace = |of: Step| self.paces[of as usize].expected(step.pixels(size));
        pace(step).or_else(|| pace(Step::Plain)).unwrap_or_default()
    }

    /// Accepts intact symbols at once, and damaged ones if an earlier frame had the same text.
    fn accept(&mut self, symbols: Vec<Symbol>) -> ScanResult {
        let before = self.doubtful.take().filter(|(_, waited)| *waited < PATIENCE);
        let agrees =
            |symbol: &Symbol| before.as_ref().is_some_and(|(before, _)| before.says_the_same_as(symbol));
        let (accepted, doubted): (Vec<Symbol>, Vec<Symbol>) =
            symbols.into_iter().partition(|symbol| !symbol.is_damaged() || agrees(symbol));
        if !accepted.is_empty() {
            return ScanResult::Symbols(accepted);
        }
        if let Some(symbol) = doubted.into_iter().next() {
            self.doubtful = Some((symbol, 0));
            return ScanResult::HoldStill;
        }
        self.doubtful = before.map(|(symbol, waited)| (symbol, waited + 1));
        ScanResult::Nothing
    }
}

/// The time that a frame may need, and how much it has needed.
struct Clock<E> {
    budget: Duration,
    elapsed: E,
}

impl Step {
    const COUNT: usize = 8;

    fn pass(self) -> Pass {
        match self {
            Step::Plain | Step::Inverted | Step::All => Pass::Whole,
            Step::Enlarged => Pass::Enlarged,
            Step::Sharpened => Pass::Sharpened,
            Step::Even => Pass::Even,
            Step::Dots => Pass::Dots,
            Step::FarDots => Pass::FarDots,
        }
    }

    fn effort(self, wanted: Wanted) -> Effort {
        Effort {
            wanted: if self == Step::All { Wanted::All } else { wanted },
            invert: self.inverts(),
            shrink: self != Step::Plain,
            widest: WIDEST,
            even: self.pass().is_even(),
        }
    }

    fn inverts(self) -> bool {
        matches!(self, Step::Inverted | Step::All)
    }

    /// The pixels that are read; twice as many if white on black is tried too.
    fn pixels(self, (width, height): (usize, usize)) -> usize {
        let pixels = self.pass().pixels(width, height, WIDEST);
        if self.inverts() { 2 * pixels } else { pixels }
    }
}

/// The most symbols that are kept while a finer one is looked for.
const MAX_COARSE: usize = 16;

fn names_a_pack(symbol: &Symbol) -> bool {
    match Code::from(symbol).content(Partners::OnAnyCarrier) {
        Ok(Content::Gs1(message)) => !is_of_a_class(&message),
        Ok(Content::Plain(text)) => text.starts_with(PPN),
        _ => false,
    }
}

/// Whether symbols name a product class, and none of them more.
fn is_coarse(symbols: &[Symbol]) -> bool {
    let of_a_class = |symbol: &Symbol| match Code::from(symbol).content(Partners::OnAnyCarrier) {
        Ok(Content::Gs1(message)) => is_of_a_class(&message),
        _ => false,
    };
    symbols.iter().any(of_a_class) && !symbols.iter().any(names_a_pack)
}

fn is_of_a_class(message: &Message) -> bool {
    message.value("01").is_some() && ["10", "21"].iter().all(|code| message.value(code).is_none())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::symbol::Format;

    const HD: (usize, usize) = (1280, 720);
    const FULL_HD: (usize, usize) = (1920, 1080);
    const BUDGET: Duration = Duration::from_millis(60);

    fn symbol(text: &str, spare: f32) -> Symbol {
        let (identifier, text) = ("]d2".to_owned(), text.to_owned());
        let (spare, corners) = (Some(spare), [(0, 0); 4]);
        Symbol { format: Format::DataMatrix, identifier, text, part: None, spare, corners }
    }

    /// The steps of each of so many frames without a code, and how long each frame took, on a machine that takes so
    /// many nanoseconds for a pixel of a step.
    fn watch(frames: usize, size: (usize, usize), nanos: impl Fn(Step) -> u64) -> Vec<(Vec<Step>, Duration)> {
        let mut scanner = Scanner::new();
        let frame = |_| {
            let (now, steps) = (Cell::new(Duration::ZERO), RefCell::new(Vec::new()));
            let clock = Clock { budget: BUDGET, elapsed: || now.get() };
            let (found, _) = scanner.see(size, clock, |step, _| {
                steps.borrow_mut().push(step);
                now.set(now.get() + Duration::from_nanos(step.pixels(size) as u64 * nanos(step)));
                Vec::new()
            });
            assert_eq!(found, []);
            (steps.into_inner(), now.get())
        };
        (0..frames).map(frame).collect()
    }

    fn count(watched: &[(Vec<Step>, Duration)], step: Step) -> usize {
        watched.iter().filter(|(steps, _)| steps.contains(&step)).count()
    }

    #[test]
    fn a_fast_machine_tries_everything_and_one_step_a_frame() {
        let watched = watch(17, HD, |_| 4);
        assert_eq!(watched[0].0, [Step::Plain, Step::Enlarged]);
        for (index, (steps, _)) in watched.iter().enumerate().skip(1) {
            assert_eq!(*steps, [ROUND[index % ROUND.len()]]);
        }
    }

    #[test]
    fn no_frame_of_a_slow_machine_takes_longer_than_it_may() {
        for size in [HD, FULL_HD] {
            for nanos in [1, 4, 8, 12, 16, 20, 24, 28] {
                let plain = Duration::from_nanos(Step::Plain.pixels(size) as u64 * nanos);
                for (frame, (steps, took)) in watch(500, size, |_| nanos).into_iter().enumerate() {
                    assert!(
                        took <= BUDGET.max(plain),
                        "{size:?}, {nanos} ns: frame {frame}, {steps:?}: {took:?}"
                    );
                    assert!(!steps.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_step_that_fills_the_budget_has_a_frame_for_itself() {
        // The plain look takes 41 ms, and what is enlarged 48 ms.
        let watched = watch(96, FULL_HD, |_| 20);
        assert_eq!(watched[0].0, [Step::Plain]);
        assert_eq!(watched[3].0, [Step::Enlarged]);
        assert_eq!(count(&watched, Step::Enlarged), 96 * 3 / 16);
    }

    #[test]
    fn a_step_dearer_than_its_pixels_is_seldom_tried_again() {
        let watched = watch(1000, HD, |step| if step == Step::Sharpened { 60 } else { 4 });
        let late = watched.iter().filter(|(_, took)| *took > BUDGET).count();
        assert!((1..=1000 / 200).contains(&late), "{late} frames took too long");
        assert_eq!(count(&watched, Step::Sharpened), late);
    }

    #[test]
    fn one_slow_moment_is_forgotten() {
        let (slow, frames) = (Cell::new(0), 2000);
        let watched = watch(frames, HD, |step| {
            slow.set(slow.get() + usize::from(step == Step::Sharpened));
            if step == Step::Sharpened && slow.get() == 1 { 200 } else { 4 }
        });
        assert!(count(&watched, Step::Sharpened) > frames / 32);
    }

    /// What a scanner says of frames that show these symbols to whichever step.
    fn shown(scanner: &mut Scanner, symbols: &[Symbol]) -> ScanResult {
        let clock = Clock { budget: BUDGET, elapsed: || Duration::ZERO };
        let (seen, _) = scanner.see(HD, clock, |_, wanted| {
            let most = if wanted == Wanted::First { 1 } else { usize::MAX };
            symbols.iter().take(most).cloned().collect()
        });
        let accepted = scanner.accept(joined(seen));
        let whole = scanner.whole(accepted);
        scanner.finest(whole)
    }

    #[test]
    fn a_code_of_a_class_waits_for_that_of_the_pack() {
        let (class, pack) = (symbol("0109506000134352", 0.9), symbol("010950600013435210A\u{1d}21B", 0.9));
        let mut scanner = Scanner::new();
        for _ in 0..5 {
            assert_eq!(shown(&mut scanner, std::slice::from_ref(&class)), ScanResult::HoldStill);
        }
        let both = [class.clone(), pack.clone()];
        assert_eq!(shown(&mut scanner, &both), ScanResult::Symbols(both.to_vec()));
        // It waits for a while only, also when the pack is taken away.
        assert_eq!(shown(&mut scanner, std::slice::from_ref(&class)), ScanResult::HoldStill);
        let waited = (1..100).find(|_| shown(&mut scanner, &[]) != ScanResult::HoldStill);
        assert_eq!(waited, Some(LOOKED_FOR));
    }

    #[test]
    fn parts_that_frames_show_one_after_the_other_are_joined() {
        let part = |number, of, text| Symbol {
            part: Some(crate::symbol::Part { number, of, id: "7".to_owned() }),
            ..symbol(text, 0.9)
        };
        let (first, second) = (part(1, 2, "010950600013435210A"), part(2, 2, "\u{1d}21B"));
        let told = |number, of| ScanResult::Part { number, of };
        let mut scanner = Scanner::new();
        // Until all are seen, the one seen last is told, also while the hand moves.
        assert_eq!(shown(&mut scanner, std::slice::from_ref(&second)), told(2, 2));
        assert_eq!(shown(&mut scanner, &[]), told(2, 2));
        let whole = symbol("010950600013435210A\u{1d}21B", 0.9);
        assert_eq!(
            shown(&mut scanner, std::slice::from_ref(&first)),
            ScanResult::Symbols(vec![whole.clone()])
        );
        assert_eq!(shown(&mut scanner, &[]), ScanResult::Nothing);
        // Beside what names a pack it does not matter.
        assert_eq!(
            shown(&mut scanner, &[whole.clone(), first.clone()]),
            ScanResult::Symbols(vec![whole.clone()])
        );
        assert_eq!(shown(&mut scanner, &[part(1, 0, "A")]), told(1, 0));
        // A damaged part is accepted when two frames agree, as any symbol.
        let damaged = Symbol { spare: Some(0.1), ..second.clone() };
        let mut scanner = Scanner::new();
        assert_eq!(shown(&mut scanner, std::slice::from_ref(&first)), told(1, 2));
        assert_eq!(shown(&mut scanner, std::slice::from_ref(&damaged)), ScanResult::HoldStill);
        assert!(matches!(shown(&mut scanner, std::slice::from_ref(&damaged)), ScanResult::Symbols(_)));
    }

    #[test]
    fn parts_of_two_packs_are_not_joined() {
        let part = |number, text| Symbol {
            part: Some(crate::symbol::Part { number, of: 3, id: "7".to_owned() }),
            ..symbol(text, 0.9)
        };
        let mut scanner = Scanner::new();
        for (number, text) in [(1, "A1"), (2, "A2"), (1, "B1")] {
            let told = shown(&mut scanner, &[part(number, text)]);
            assert_eq!(told, ScanResult::Part { number, of: 3 });
        }
        // The second is the first pack's, and is gone.
        assert_eq!(shown(&mut scanner, &[part(3, "B3")]), ScanResult::Part { number: 3, of: 3 });
        assert_eq!(shown(&mut scanner, &[part(2, "B2")]), ScanResult::Symbols(vec![symbol("B1B2B3", 0.9)]));
        // After a while without any, those before are forgotten.
        assert_eq!(shown(&mut scanner, &[part(1, "C1")]), ScanResult::Part { number: 1, of: 3 });
        let frames = (0..100).take_while(|_| shown(&mut scanner, &[]) != ScanResult::Nothing).count();
        assert!((15..60).contains(&frames), "{frames}");
        assert_eq!(shown(&mut scanner, &[part(2, "D2")]), ScanResult::Part { number: 2, of: 3 });
        assert_eq!(shown(&mut scanner, &[part(3, "D3")]), ScanResult::Part { number: 3, of: 3 });
    }

    #[test]
    fn a_whole_symbol_is_believed_at_once() {
        let whole = symbol("A", 0.9);
        assert_eq!(Scanner::new().accept(vec![whole.clone()]), ScanResult::Symbols(vec![whole]));
    }

    #[test]
    fn a_damaged_symbol_is_believed_when_two_frames_agree() {
        let mut scanner = Scanner::new();
        assert_eq!(scanner.accept(vec![symbol("A", 0.1)]), ScanResult::HoldStill);
        assert_eq!(scanner.accept(vec![symbol("B", 0.1)]), ScanResult::HoldStill);
        assert_eq!(scanner.accept(Vec::new()), ScanResult::Nothing);
        let again = symbol("B", 0.2);
        assert_eq!(scanner.accept(vec![again.clone()]), ScanResult::Symbols(vec![again]));
    }

    #[test]
    fn a_damaged_symbol_is_forgotten_after_a_while() {
        let mut scanner = Scanner::new();
        assert_eq!(scanner.accept(vec![symbol("A", 0.1)]), ScanResult::HoldStill);
        for _ in 0..PATIENCE {
            assert_eq!(scanner.accept(Vec::new()), ScanResult::Nothing);
        }
        assert_eq!(scanner.accept(vec![symbol("A", 0.1)]), ScanResult::HoldStill);
    }
}

//! A handover by two phones that scan each other, exhaustively: goods, couriers, a ledger, and whoever copies codes.
//!
//! Offers, answers, closing, loading and the ledger's judgement are the product's own functions: `Offered::make`, `examine`,
//! `answer`, `close`, `CustodyChain::new`, and `Profile::check`, over real signatures. What a phone keeps, and when, follows
//! `countersign_wallet::Courier`: that part is written a second time here, since a phone's database cannot be held in a state.
//!
//! # Covered
//!
//! All orders of up to so many offers, answers and refusals; of showing and scanning codes, at any later time, again, or never; of
//! phones that die between keeping and showing, and between submitting and being told so; of what reaches the ledger first; time that
//! goes on, so that offers expire; clocks that are right, that differ as much as is tolerated, and that are wrong by an hour.
//!
//! | property | says |
//! | --- | --- |
//! | [`ALARM`] | the ledger refuses no handover of people who did what they signed |
//! | [`BLAME`] | whoever holds a handover that the ledger refuses holds the proof of who offered the goods twice |
//! | [`ORDER`] | no double custody: in the ledger each handover follows the one before |
//! | [`CLOSED`] | no phone holds proof of a handover that the other's phone would not take, and closing gives both the same bytes |
//! | [`SYNCED`] | from every state: when all phones have a signal, ledger and phones name who has the goods, and no outbox is left |
//! | [`RESUMED`] | from every state, with right clocks: who has the goods hands them on without a signal, and that counts |
//! | [`FRESH`] | with clocks that agree within the tolerance, no answer is to an offer older than that allows |
//! | [`PROMPT`] | with such clocks, an offer that is scanned at once is taken |
//!
//! # What it found
//!
//! A refusal is a statement on the goods, and takes the place of the next handover. If the giver has not scanned it, has no signal and
//! offers the goods again, the ledger refuses what the next receiver signs: `a_refusal_that_the_giver_has_not_seen_..` shows it. Then,
//! with a signal, whoever the ledger names hands the goods over once more, and that counts.
//!
//! Goods that came back before their giver had scanned the answer: the phone showed its first offer again, which was answered, and
//! once it scanned the answer it took the older chain for the newest. Both are mended (`Courier::offer`, `Courier::close`).
//!
//! # Not covered
//!
//! Forged signatures, revoked members, units and their contents, two ledgers, a phone whose database is restored from a backup, more
//! people and offers than the bound. And what no protocol on two phones decides, both shown below: people who part with other goods in
//! their hands than the phones say, and a bystander whose screen shows who is handed the goods an older code of the giver, within its
//! minutes, after the goods were away and came back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

mod book;
#[allow(dead_code, reason = "custody's tests use all of it")]
#[path = "../../../../core/custody/tests/custody/road.rs"]
mod road;

use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_models::{Broken, Outcome, Trail};
use stateright::{Model, Property};

use crate::book::{Book, Message};

const ALARM: &str = "nobody's handover is refused";
const BLAME: &str = "whose handover is refused can show who offered the goods twice";
const ORDER: &str = "the ledger has one handover after another";
const CLOSED: &str = "who gave the goods takes the answer, and both hold the same";
const SYNCED: &str = "when all is submitted, ledger and phones name who has the goods";
const RESUMED: &str = "who has the goods can hand them on";
const FRESH: &str = "no answer is to an old offer";
const PROMPT: &str = "an offer that is scanned at once is taken";

/// The people; the first has the goods.
const PEOPLE: [&str; 3] = ["courier a", "courier b", "courier c"];
/// How long an offer is in force, and how far clocks may differ: in minutes.
const IN_FORCE: u64 = 3;
const APART: u64 = 2;
/// How far a clock is ahead that is wrong.
const WRONG: u64 = 60;

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    people: usize,
    offers: usize,
    refusals: usize,
    deaths: u8,
    /// When something happens, in minutes: at once, within an offer's time, just after it, and later.
    minutes: &'static [u64],
    /// By how many minutes the first two clocks are ahead: each of these at the beginning, and for good.
    clocks: &'static [[u64; 2]],
}

/// What is around the phones, or what they do otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    /// One piece of goods, and people who hand it over when they sign.
    Honest,
    /// The first courier has a copy of the goods, and a phone that forgets its offers.
    Copies,
    /// As before, and the ledger does not look at what came after a statement's predecessor.
    CopiesAndNoOrder,
    /// A giver's phone shows its offer before it keeps it.
    GiverShowsFirst,
    /// A receiver's phone shows its answer before it keeps it.
    ReceiverShowsFirst,
    /// A receiver's phone signs another answer when it is shown the same offer again.
    AnswersAnew,
    /// A phone takes a statement out of its outbox before it sends it, not when that is proven.
    SendsOnce,
    /// A giver's phone shows an offer again that is in force, though the goods have been elsewhere since.
    OffersAgain,
    /// Somebody's screen shows an older offer of the giver to who is handed the goods.
    OlderScreen,
    /// A giver's phone takes the chain that ends with an answer for the newest, though the goods have been here since.
    ClosesBackwards,
    /// A receiver takes the time of the offer for the time of day.
    NoClock,
    /// A receiver tolerates no difference between two clocks.
    NoTolerance,
    /// The receiver's phone dies after it has signed, and the goods stay with the giver.
    GoodsStay,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Phone {
    /// The chain of custody of the goods.
    chain: Option<Message>,
    /// Offers made, each with the minute of this phone's clock.
    made: Vec<(Message, u64)>,
    /// Offers answered, each with the chain that ends with the answer.
    answered: Vec<(Message, Message)>,
    outbox: Vec<Message>,
    refused: Vec<Message>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    phones: Vec<Phone>,
    clocks: [u64; 3],
    /// Codes that were on a screen: anybody may have copied them.
    offers: Vec<Message>,
    answers: Vec<Message>,
    /// Who has the goods.
    goods: usize,
    /// A copy of the goods, and who has it.
    copy: Option<usize>,
    ledger: Vec<Message>,
    /// The minute.
    time: u64,
    deaths: u8,
    stale: bool,
    unheard: bool,
    trail: Trail<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A phone makes an offer, or shows the one in force again; `dies` before what is done second.
    Offer { who: usize, dies: bool },
    /// A phone answers an offer that it scanned; `dies` before what is done second.
    Answer { who: usize, offer: usize, dies: bool },
    /// A phone refuses the goods.
    Refuse { who: usize, offer: usize },
    /// A phone shows its answers again.
    ShowAgain { who: usize },
    /// A phone takes an answer that it scanned.
    Close { who: usize, answer: usize },
    /// A phone finds a signal, and submits the first statement in its outbox; `dies` before it knows what became of it.
    Submit { who: usize, dies: bool },
    /// A phone loads the chain of the goods from the ledger.
    Load { who: usize },
    /// Time goes on.
    Later,
}

struct Handovers {
    world: World,
    bounds: Bounds,
    book: Mutex<Book>,
    broken: Broken<Action>,
}

impl State {
    /// The minute by somebody's clock.
    fn now(&self, who: usize) -> u64 {
        self.time + self.clocks[who]
    }

    fn clocks_agree(&self, one: usize, other: usize) -> bool {
        self.clocks[one].abs_diff(self.clocks[other]) <= APART
    }

    fn has_goods(&self, who: usize) -> bool {
        [Some(self.goods), self.copy].contains(&Some(who))
    }
}

impl Handovers {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copies(&self) -> bool {
        matches!(self.world, World::Copies | World::CopiesAndNoOrder)
    }

    /// Whether the ledger has refused a statement of this phone's chain.
    fn is_refused(&self, phone: &Phone, chain: Message) -> bool {
        phone.refused.iter().any(|refused| self.book().has(chain, *refused))
    }

    /// Whether an offer is of the goods as this phone knows them.
    fn is_of_now(&self, phone: &Phone, offer: Message) -> bool {
        let after = self.book().of_offer(offer).2;
        phone.chain.is_some_and(|chain| self.book().latest(chain) == after)
    }

    fn offer(&self, state: &mut State, who: usize, dies: bool) -> Option<()> {
        let (now, forgets) = (state.now(who), self.copies() && who == 0);
        let phone = &mut state.phones[who];
        // An offer from before the goods went away and came back is over.
        let same = |offer| self.world == World::OffersAgain || self.is_of_now(phone, offer);
        let in_force =
            phone.made.iter().find(|(offer, made)| now < made + IN_FORCE && !forgets && same(*offer));
        let offer = match in_force {
            Some((offer, _)) => *offer,
            None => {
                let chain = phone.chain.filter(|chain| !self.is_refused(phone, *chain))?;
                let offer = self.book().offer(chain, who, now, phone.made.len())?;
                if self.world != World::GiverShowsFirst || !dies {
                    phone.made.push((offer, now));
                }
                offer
            }
        };
        if !dies || self.world == World::GiverShowsFirst {
            show(&mut state.offers, offer);
        }
        state.deaths += u8::from(dies);
        Some(())
    }

    fn answer(&self, state: &mut State, who: usize, offer: usize, refuses: bool, dies: bool) -> Option<()> {
        let offer = state.offers[offer];
        let (giver, made, _) = self.book().of_offer(offer);
        let anew = self.world == World::AnswersAnew;
        let given = state.phones[who].answered.iter().filter(|(one, _)| *one == offer).count();
        // Whoever answers scans the goods, which are where they are. Who has answered has them, and may be shown the offer again.
        let again = anew && given == 1 && state.goods == who && !refuses;
        if who == giver || (given > 0 && !again) || (given == 0 && !state.has_goods(giver)) {
            return None;
        }
        // Who is handed the goods scans the giver's screen, which shows an offer of what the giver's phone knows.
        let of_now = self.is_of_now(&state.phones[giver], offer);
        let takes_older = refuses || again || self.copies() || self.world == World::OlderScreen;
        if !of_now && !takes_older && self.world != World::OffersAgain {
            return None;
        }
        let (time, now) = (state.time, state.now(who));
        let by_clock = match self.world {
            World::NoClock => made,
            World::NoTolerance if now < made || now > made + IN_FORCE => {
                return Self::unheard(state, giver, who, made);
            }
            _ => now,
        };
        let Some(chain) = self.book().answer(offer, who, by_clock, refuses, given) else {
            return Self::unheard(state, giver, who, made);
        };
        let made_at = made - state.clocks[giver];
        state.stale |= state.clocks_agree(giver, who) && time > made_at + IN_FORCE + 2 * APART;
        let phone = &mut state.phones[who];
        if self.world != World::ReceiverShowsFirst || !dies {
            phone.chain = Some(chain);
            phone.answered.push((offer, chain));
            self.post(phone, chain);
        }
        if !dies || self.world == World::ReceiverShowsFirst {
            show(&mut state.answers, chain);
        }
        state.deaths += u8::from(dies);
        if refuses || again || (dies && self.world == World::GoodsStay) {
            return Some(());
        }
        match &mut state.copy {
            Some(copy) if *copy == giver => *copy = who,
            _ => state.goods = who,
        }
        Some(())
    }

    /// An offer is not taken: that is right unless it was made just now, by a clock that agrees, by who holds the goods for the ledger.
    fn unheard(state: &mut State, giver: usize, who: usize, made: u64) -> Option<()> {
        let prompt = made == state.now(giver) && state.clocks_agree(giver, who);
        state.unheard |= prompt;
        prompt.then_some(())
    }

    fn close(&self, state: &mut State, who: usize, answer: usize) -> Option<()> {
        let answer = state.answers[answer];
        let chain = self.closed(&state.phones[who], answer)?;
        let phone = &mut state.phones[who];
        // The answer may come when the goods have moved on, and been here again.
        let knows = phone.chain.is_some_and(|held| {
            let latest = self.book().latest(chain);
            self.book().has(held, latest)
        });
        if !knows || self.world == World::ClosesBackwards {
            phone.chain = Some(chain);
        }
        self.post(phone, chain);
        Some(())
    }

    /// The chain by which this phone closes the offer that is answered.
    fn closed(&self, phone: &Phone, answer: Message) -> Option<Message> {
        phone.made.iter().find_map(|(offer, _)| self.book().close(*offer, answer))
    }

    /// What a chain has that may not have reached the ledger.
    fn post(&self, phone: &mut Phone, chain: Message) {
        for statement in self.book().handovers(chain) {
            if !phone.outbox.contains(statement) && !phone.refused.contains(statement) {
                phone.outbox.push(*statement);
            }
        }
    }

    fn submit(&self, state: &mut State, who: usize, dies: bool) -> Option<()> {
        let statement = *state.phones[who].outbox.first()?;
        let (sends_once, looks) = (self.world == World::SendsOnce, self.world != World::CopiesAndNoOrder);
        let arrives = !state.ledger.contains(&statement) && (!dies || !sends_once);
        if arrives {
            // If its predecessor has not come: later.
            if self.book().judge(&state.ledger, statement, looks)? {
                state.ledger.push(statement);
            } else if !dies {
                state.phones[who].refused.push(statement);
            }
        }
        if !dies || sends_once {
            state.phones[who].outbox.remove(0);
        }
        state.deaths += u8::from(dies);
        Some(())
    }

    /// What this phone knows beyond the ledger stays, unless the ledger has refused it.
    fn load(&self, state: &mut State, who: usize) {
        let phone = &state.phones[who];
        let latest = *state.ledger.last().unwrap();
        let held =
            phone.chain.filter(|held| self.book().has(*held, latest) && !self.is_refused(phone, *held));
        state.phones[who].chain = held.or_else(|| self.book().load(&state.ledger));
    }

    /// All phones have a signal, for as long as it takes, and load the goods.
    fn synced(&self, state: &State) -> State {
        let mut state = state.clone();
        loop {
            let before = state.clone();
            for who in 0..state.phones.len() {
                while self.submit(&mut state, who, false).is_some() {}
            }
            if state == before {
                break;
            }
        }
        for who in 0..state.phones.len() {
            self.load(&mut state, who);
        }
        state
    }

    /// Whether ledger and phones name who has the goods, once all have synced. Of a copy nobody knows which is which.
    fn is_told(&self, state: &State) -> bool {
        let synced = self.synced(state);
        let of_phones = synced.phones.iter().filter_map(|phone| phone.chain);
        let mut holders: Vec<usize> = of_phones.map(|chain| self.book().holder_by(chain)).collect();
        holders.push(self.book().holder(&synced.ledger));
        let proven = synced.phones.iter().all(|phone| phone.outbox.is_empty());
        synced.copy.is_some() || (proven && holders.iter().all(|holder| *holder == synced.goods))
    }

    /// Whether who has the goods hands them on from here, without a signal until the end. Where somebody may have refused them, with
    /// a signal before; and whoever the ledger then names hands them to who has them.
    fn goes_on(&self, state: &State) -> bool {
        let mut state = if self.bounds.refusals > 0 { self.synced(state) } else { state.clone() };
        (state.clocks, state.time) = ([0; 3], state.time + 2 * WRONG);
        state.offers.clear();
        state.answers.clear();
        let named = self.book().holder(&state.ledger);
        let (giver, receiver) = if self.bounds.refusals > 0 && named != state.goods {
            (named, std::mem::replace(&mut state.goods, named))
        } else {
            (state.goods, (state.goods + 1) % state.phones.len())
        };
        let handed = self.offer(&mut state, giver, false).is_some()
            && self.answer(&mut state, receiver, 0, false, false).is_some()
            && self.close(&mut state, giver, 0).is_some();
        handed && state.goods == receiver && self.is_told(&state)
    }
}

fn show(shown: &mut Vec<Message>, message: Message) {
    if !shown.contains(&message) {
        shown.push(message);
        shown.sort_unstable();
    }
}

impl Model for Handovers {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let (chain, ledger) = self.book().beginning();
        let phone = |chain| Phone { chain, made: vec![], answered: vec![], outbox: vec![], refused: vec![] };
        let phones = (0..self.bounds.people).map(|who| phone((who == 0).then_some(chain)));
        let state = State {
            phones: phones.collect(),
            clocks: [0; 3],
            offers: vec![],
            answers: vec![],
            goods: 0,
            copy: self.copies().then_some(0),
            ledger,
            time: 0,
            deaths: 0,
            stale: false,
            unheard: false,
            trail: Trail::new(),
        };
        let clocks = self.bounds.clocks.iter();
        clocks.map(|&[one, other]| State { clocks: [one, other, 0], ..state.clone() }).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let dies =
            || [Some(false), (state.deaths < self.bounds.deaths).then_some(true)].into_iter().flatten();
        let made: usize = state.phones.iter().map(|phone| phone.made.len()).sum();
        let answered = state.phones.iter().flat_map(|phone| &phone.answered);
        let refusals = answered.filter(|(offer, chain)| {
            let giver = self.book().of_offer(*offer).0;
            self.book().holder_by(*chain) == giver
        });
        let refuses = refusals.count() < self.bounds.refusals;
        for who in 0..self.bounds.people {
            let (phone, has_goods) = (&state.phones[who], state.has_goods(who));
            if has_goods && made < self.bounds.offers {
                actions.extend(dies().map(|dies| Action::Offer { who, dies }));
            }
            for offer in 0..state.offers.len() {
                actions.extend(dies().map(|dies| Action::Answer { who, offer, dies }));
                actions.extend(refuses.then_some(Action::Refuse { who, offer }));
            }
            actions.extend((0..state.answers.len()).map(|answer| Action::Close { who, answer }));
            if !phone.outbox.is_empty() {
                actions.extend(dies().map(|dies| Action::Submit { who, dies }));
            }
            actions.extend([Action::ShowAgain { who }, Action::Load { who }]);
        }
        if self.bounds.minutes.iter().any(|minute| *minute > state.time) {
            actions.push(Action::Later);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Offer { who, dies } => self.offer(&mut state, who, dies)?,
            Action::Answer { who, offer, dies } => self.answer(&mut state, who, offer, false, dies)?,
            Action::Refuse { who, offer } => self.answer(&mut state, who, offer, true, false)?,
            Action::ShowAgain { who } => {
                let answered = state.phones[who].answered.clone();
                for (_, answer) in answered {
                    show(&mut state.answers, answer);
                }
            }
            Action::Close { who, answer } => self.close(&mut state, who, answer)?,
            Action::Submit { who, dies } => self.submit(&mut state, who, dies)?,
            Action::Load { who } => self.load(&mut state, who),
            Action::Later => {
                state.time = *self.bounds.minutes.iter().find(|minute| **minute > state.time)?;
            }
        }
        state.trail = last.trail.and(action);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ALARM, |model: &Self, state: &State| {
                let holds = state.phones.iter().all(|phone| phone.refused.is_empty());
                model.broken.note(ALARM, &state.trail, holds)
            }),
            Property::always(BLAME, |model: &Self, state: &State| {
                let mut refused = state.phones.iter().flat_map(|phone| &phone.refused);
                let holds = refused.all(|one| model.book().blames(&state.ledger, *one) == Some(0));
                model.broken.note(BLAME, &state.trail, holds)
            }),
            Property::always(ORDER, |model: &Self, state: &State| {
                let holds = model.book().is_in_order(&state.ledger);
                model.broken.note(ORDER, &state.trail, holds)
            }),
            Property::always(CLOSED, |model: &Self, state: &State| {
                let kept =
                    state.phones.iter().flat_map(|phone| phone.answered.iter().map(|(_, answer)| answer));
                let holds = kept.chain(&state.answers).all(|answer| {
                    let giver = model.book().giver(*answer);
                    giver.is_none_or(|giver| model.closed(&state.phones[giver], *answer) == Some(*answer))
                });
                model.broken.note(CLOSED, &state.trail, holds)
            }),
            Property::always(SYNCED, |model: &Self, state: &State| {
                model.broken.note(SYNCED, &state.trail, model.is_told(state))
            }),
            Property::always(RESUMED, |model: &Self, state: &State| {
                let holds = state.copy.is_some() || model.goes_on(state);
                model.broken.note(RESUMED, &state.trail, holds)
            }),
            Property::always(FRESH, |model: &Self, state: &State| {
                model.broken.note(FRESH, &state.trail, !state.stale)
            }),
            Property::always(PROMPT, |model: &Self, state: &State| {
                model.broken.note(PROMPT, &state.trail, !state.unheard)
            }),
        ]
    }
}

fn search(world: World, bounds: Bounds, until: &[&'static str]) -> Outcome {
    let handovers = Handovers { world, bounds, book: Mutex::new(Book::new()), broken: Broken::none() };
    countersign_models::search(handovers, until, |handovers| &handovers.broken)
}

/// Two people: goods go from one to the other, and perhaps back.
const TWO: Bounds = Bounds {
    people: 2,
    offers: 2,
    refusals: 0,
    deaths: 1,
    minutes: &[0, 2, 7, 60],
    clocks: &[[0, 0], [APART, 0], [0, WRONG]],
};
/// The same with more clocks.
const MORE_CLOCKS: Bounds =
    Bounds { clocks: &[[0, 0], [APART, 0], [0, APART], [WRONG, 0], [0, WRONG]], ..TWO };
/// Three: goods go on, or to two.
const THREE: Bounds = Bounds { people: 3, minutes: &[0, 7], clocks: &[[0, 0], [APART, 0]], ..TWO };
/// Three, and what is done on one day.
const AT_ONCE: Bounds = Bounds { deaths: 0, minutes: &[0], clocks: &[[0, 0]], ..THREE };

/// In this world, these properties are lost.
#[track_caller]
fn lost_in(world: World, bounds: Bounds, lost: &[&'static str]) {
    search(world, bounds, lost).loses(&format!("{world:?}"), lost);
}

#[test]
fn honest_people_are_never_told_a_falsehood() {
    search(World::Honest, TWO, &[]).holds("two people", 1_000);
    search(World::Honest, THREE, &[]).holds("three people", 1_000);
}

/// `cargo test -p countersign-models --test handover -- --ignored --nocapture`
#[test]
#[ignore = "the large form: some minutes"]
fn honest_people_are_never_told_a_falsehood_in_the_large_form() {
    search(World::Honest, Bounds { deaths: 2, ..MORE_CLOCKS }, &[]).holds("two people, two deaths", 10_000);
    search(World::Honest, Bounds { offers: 3, ..TWO }, &[]).holds("two people, three offers", 10_000);
    search(World::Copies, Bounds { minutes: &[0, 7], ..AT_ONCE }, &[])
        .loses_only("a copy, later too", &[ALARM]);
}

#[test]
fn a_refusal_that_the_giver_has_not_seen_takes_the_place_of_the_next_handover() {
    let bounds = Bounds { refusals: 1, deaths: 0, clocks: &[[0, 0]], ..TWO };
    search(World::Honest, bounds, &[]).loses_only("refusals", &[ALARM, SYNCED]);
}

#[test]
fn goods_given_twice_are_found_out_and_the_right_one_is_accountable() {
    // An alarm, and a true one.
    search(World::Copies, AT_ONCE, &[]).loses_only("a copy", &[ALARM]);
}

#[test]
fn a_ledger_that_looks_at_no_order_has_the_goods_in_two_hands() {
    lost_in(World::CopiesAndNoOrder, AT_ONCE, &[ORDER]);
}

#[test]
fn a_phone_keeps_what_it_signs_before_it_shows_it() {
    lost_in(World::GiverShowsFirst, TWO, &[CLOSED]);
    lost_in(World::ReceiverShowsFirst, TWO, &[RESUMED]);
}

#[test]
fn a_phone_that_signs_a_second_answer_contradicts_its_first() {
    lost_in(World::AnswersAnew, TWO, &[ALARM]);
}

#[test]
fn a_phone_that_forgets_what_it_sent_before_that_is_proven_leaves_a_gap() {
    lost_in(World::SendsOnce, TWO, &[SYNCED]);
}

#[test]
fn a_phone_that_offers_again_what_was_away_meanwhile_accuses_its_owner() {
    lost_in(World::OffersAgain, Bounds { offers: 3, ..AT_ONCE }, &[ALARM]);
    // Nor can whoever receives the goods know that a code is an older one of the giver, until its minutes are over.
    lost_in(World::OlderScreen, AT_ONCE, &[ALARM]);
}

#[test]
fn a_phone_that_takes_a_late_answer_for_the_newest_forgets_that_it_has_the_goods() {
    lost_in(World::ClosesBackwards, TWO, &[RESUMED]);
}

#[test]
fn clocks_are_looked_at_and_may_differ() {
    lost_in(World::NoClock, TWO, &[FRESH]);
    lost_in(World::NoTolerance, TWO, &[PROMPT]);
}

/// What no phone can know: an answer was signed, and the goods stayed. The giver, who then gives them to another, is blamed.
#[test]
fn goods_that_stay_after_an_answer_was_signed_accuse_an_honest_giver() {
    lost_in(World::GoodsStay, THREE, &[ALARM]);
}

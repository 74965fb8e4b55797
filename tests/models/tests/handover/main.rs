//! A handover by two phones that scan each other, exhaustively: goods, three couriers, a ledger, and whoever copies codes.
//!
//! Offers, answers and the ledger's judgement are the product's own functions: `Offered::make`, `examine`, `answer`, `close`, and
//! `Profile::check`. What a phone keeps, and when, follows `countersign_wallet::Courier`.
//!
//! # Covered
//!
//! All orders of up to so many offers, answers and refusals by three people, of showing and scanning codes, at any time and again,
//! of phones that die between keeping and showing, of what reaches the ledger first; time that goes on so that offers expire.
//!
//! # Not covered
//!
//! Forged signatures, revoked members, units and their contents, clocks that are wrong, two ledgers, more people. And what no protocol
//! on two phones decides: people who part with other goods in their hands than the phones say (`goods_that_stay_..` shows it).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

mod book;
#[allow(dead_code, reason = "custody's tests use all of it")]
#[path = "../../../../core/custody/tests/custody/road.rs"]
mod road;

use std::sync::{Mutex, PoisonError};

use stateright::{Checker as _, Model, Property};

use crate::book::{Book, Message};

const ALARM: &str = "nobody's handover is refused";
const BLAME: &str = "whose handover is refused can show who offered the goods twice";
const ORDER: &str = "the ledger has one handover after another";
const TRUE: &str = "when all is submitted, the ledger names who has the goods";
const ONWARD: &str = "who has the goods can hand them on";
const CLOSED: &str = "who gave the goods can take the answer";
const FRESH: &str = "no answer is to an old offer";

/// The people; the first has the goods.
const PEOPLE: [&str; 3] = ["courier a", "courier b", "courier c"];
/// The times at which something happens, in minutes: at once, within an offer's time, after it, and later.
const MINUTES: [u64; 4] = [0, 2, 7, 60];
/// The longest that an offer is taken: three minutes, and two that clocks may differ.
const LONGEST: u64 = 5;

/// What is around the phones.
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
    /// Receivers take the time of the offer for the time of day.
    NoClock,
    /// The receiver's phone dies after it has signed, and the goods stay with the giver.
    GoodsStay,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Phone {
    /// The chain of custody of the goods.
    chain: Option<Message>,
    /// Offers made, each with the index of its time.
    made: Vec<(Message, usize)>,
    /// Offers answered, each with the chain that ends with the answer.
    answered: Vec<(Message, Message)>,
    outbox: Vec<Message>,
    refused: Vec<Message>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    phones: [Phone; 3],
    /// Codes that were on a screen: anybody may have copied them.
    offers: Vec<Message>,
    answers: Vec<Message>,
    /// Who has the goods.
    goods: usize,
    /// A copy of the goods, and who has it.
    copy: Option<usize>,
    ledger: Vec<Message>,
    time: usize,
    deaths: u8,
    stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A phone makes an offer, or the one in force again; `dies` before what is done second.
    Offer { who: usize, dies: bool },
    /// A phone answers an offer that it scanned.
    Answer { who: usize, offer: usize, dies: bool },
    /// A phone refuses the goods.
    Refuse { who: usize, offer: usize },
    /// A phone shows its answer again.
    ShowAgain { who: usize },
    /// A phone takes an answer that it scanned.
    Close { who: usize, answer: usize },
    /// A phone finds a signal, and submits the first statement in its outbox.
    Submit { who: usize },
    /// Time goes on.
    Later,
}

struct Handovers {
    world: World,
    offers: usize,
    deaths: u8,
    book: Mutex<Book>,
}

impl Handovers {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, state: &mut State, who: usize, dies: bool) -> Option<()> {
        let now = state.time;
        let in_force = |&&(_, made): &&(Message, usize)| MINUTES[now] < MINUTES[made] + 3;
        let forgets = matches!(self.world, World::Copies | World::CopiesAndNoOrder) && who == 0;
        let phone = &mut state.phones[who];
        let offer = match phone.made.iter().find(in_force) {
            Some((offer, _)) if !forgets => *offer,
            _ => {
                let chain = phone.chain?;
                let offer = self.book().offer(chain, who, MINUTES[now], phone.made.len())?;
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
        let (giver, made) = self.book().of_offer(offer);
        // Whoever answers scans the goods, which are where they are.
        let goods = [Some(state.goods), state.copy].contains(&Some(giver));
        let phone = &mut state.phones[who];
        if phone.answered.iter().any(|(one, _)| *one == offer) || !goods || who == giver {
            return None;
        }
        let now = if self.world == World::NoClock { made } else { MINUTES[state.time] };
        let chain = self.book().answer(offer, who, now, refuses)?;
        state.stale |= MINUTES[state.time] > made + LONGEST;
        if self.world != World::ReceiverShowsFirst || !dies {
            phone.chain = Some(chain);
            phone.answered.push((offer, chain));
            self.post(phone, chain);
        }
        if !dies || self.world == World::ReceiverShowsFirst {
            show(&mut state.answers, chain);
        }
        state.deaths += u8::from(dies);
        if refuses || (dies && self.world == World::GoodsStay) {
            return Some(());
        }
        match &mut state.copy {
            Some(copy) if *copy == giver => *copy = who,
            _ => state.goods = who,
        }
        Some(())
    }

    fn close(&self, state: &mut State, who: usize, answer: usize) -> Option<()> {
        let answer = state.answers[answer];
        let chain = self.closed(&state.phones[who], answer)?;
        let phone = &mut state.phones[who];
        if phone.chain == Some(chain) {
            return None;
        }
        phone.chain = Some(chain);
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

    fn submit(&self, state: &mut State, who: usize) -> Option<()> {
        let statement = *state.phones[who].outbox.first()?;
        if !state.ledger.contains(&statement) {
            let looks = self.world != World::CopiesAndNoOrder;
            match self.book().judge(&state.ledger, statement, looks) {
                Some(true) => state.ledger.push(statement),
                Some(false) => state.phones[who].refused.push(statement),
                // Its predecessor has not come: later.
                None => return None,
            }
        }
        state.phones[who].outbox.remove(0);
        Some(())
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
        vec![State {
            phones: [phone(Some(chain)), phone(None), phone(None)],
            offers: vec![],
            answers: vec![],
            goods: 0,
            copy: matches!(self.world, World::Copies | World::CopiesAndNoOrder).then_some(0),
            ledger,
            time: 0,
            deaths: 0,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let dies = || [Some(false), (state.deaths < self.deaths).then_some(true)].into_iter().flatten();
        let made: usize = state.phones.iter().map(|phone| phone.made.len()).sum();
        for who in 0..PEOPLE.len() {
            let has_goods = [Some(state.goods), state.copy].contains(&Some(who));
            if has_goods && made < self.offers {
                actions.extend(dies().map(|dies| Action::Offer { who, dies }));
            }
            for offer in 0..state.offers.len() {
                actions.extend(dies().map(|dies| Action::Answer { who, offer, dies }));
                actions.push(Action::Refuse { who, offer });
            }
            actions.extend((0..state.answers.len()).map(|answer| Action::Close { who, answer }));
            actions.extend([Action::ShowAgain { who }, Action::Submit { who }]);
        }
        if state.time + 1 < MINUTES.len() {
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
            Action::Submit { who } => self.submit(&mut state, who)?,
            Action::Later => state.time += 1,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ALARM, |_: &Self, state: &State| {
                state.phones.iter().all(|phone| phone.refused.is_empty())
            }),
            Property::always(BLAME, |model: &Self, state: &State| {
                let refused = state.phones.iter().flat_map(|phone| &phone.refused);
                refused.into_iter().all(|one| model.book().blames(&state.ledger, *one) == Some(0))
            }),
            Property::always(ORDER, |model: &Self, state: &State| model.book().is_in_order(&state.ledger)),
            Property::always(TRUE, |model: &Self, state: &State| {
                let submitted = state.phones.iter().all(|phone| phone.outbox.is_empty());
                !submitted || state.copy.is_some() || model.book().holder(&state.ledger) == state.goods
            }),
            Property::always(ONWARD, |model: &Self, state: &State| {
                let chain = state.phones[state.goods].chain;
                state.copy.is_some()
                    || chain.is_some_and(|chain| model.book().holder_by(chain) == state.goods)
            }),
            Property::always(CLOSED, |model: &Self, state: &State| {
                state.answers.iter().all(|answer| {
                    let giver = model.book().giver(*answer);
                    giver.is_none_or(|giver| model.closed(&state.phones[giver], *answer).is_some())
                })
            }),
            Property::always(FRESH, |_: &Self, state: &State| !state.stale),
        ]
    }
}

fn search(world: World, offers: usize, deaths: u8) -> (usize, Vec<&'static str>) {
    let book = Mutex::new(Book::new());
    let checker = Handovers { world, offers, deaths, book }.checker().spawn_bfs().join();
    let mut broken: Vec<_> = checker.discoveries().into_keys().collect();
    broken.sort_unstable();
    eprintln!(
        "{world:?}, {offers} offers, {deaths} deaths: {} states, broken: {broken:?}",
        checker.unique_state_count()
    );
    (checker.unique_state_count(), broken)
}

#[test]
#[ignore = "open: takes minutes, and was never seen to end"]
fn honest_people_are_never_told_a_falsehood() {
    let (states, broken) = search(World::Honest, 2, 1);
    assert!(broken.is_empty() && states > 1_000);
}

/// `cargo test -p countersign-models --release --test handover -- --ignored --nocapture`
#[test]
#[ignore = "the large form: some minutes"]
fn honest_people_are_never_told_a_falsehood_in_the_large_form() {
    let (_, broken) = search(World::Honest, 3, 2);
    assert!(broken.is_empty());
    let (_, broken) = search(World::Copies, 3, 1);
    assert_eq!(broken, [ALARM]);
}

#[test]
#[ignore = "open: takes minutes, and was never seen to end"]
fn goods_given_twice_are_found_out_and_the_right_one_is_accountable() {
    let (_, broken) = search(World::Copies, 2, 0);
    assert_eq!(broken, [ALARM], "an alarm, and a true one");
}

#[test]
#[ignore = "open: takes minutes, and was never seen to end"]
fn a_ledger_that_looks_at_no_order_has_the_goods_in_two_hands() {
    let (_, broken) = search(World::CopiesAndNoOrder, 2, 0);
    assert!(broken.contains(&ORDER));
}

#[test]
#[ignore = "open: takes minutes, and was never seen to end"]
fn a_phone_keeps_what_it_signs_before_it_shows_it() {
    let (_, broken) = search(World::GiverShowsFirst, 2, 1);
    assert!(broken.contains(&CLOSED));
    let (_, broken) = search(World::ReceiverShowsFirst, 2, 1);
    assert!(broken.contains(&ONWARD));
}

#[test]
#[ignore = "open: takes minutes, and was never seen to end"]
fn without_a_look_at_the_clock_an_old_offer_is_taken() {
    let (_, broken) = search(World::NoClock, 2, 0);
    assert_eq!(broken, [FRESH]);
}

/// What no phone can know: an answer was signed, and the goods stayed. The giver, who then gives them to another, is blamed.
#[test]
#[ignore = "open: takes minutes, and was never seen to end"]
fn goods_that_stay_after_an_answer_was_signed_accuse_an_honest_giver() {
    let (_, broken) = search(World::GoodsStay, 2, 1);
    assert!(broken.contains(&ALARM));
}

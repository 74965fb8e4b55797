//! Messages by number, and what the product's functions make of them. Each is computed once, since signatures are slow.

use std::collections::HashMap;

use countersign_custody::handover::{Answer, Condition, CustodyChain, Offered};
use countersign_ledger::{Entry, Hash, Statement, Subject, TrustStore};

use crate::PEOPLE;
use crate::road::{PIECE, Road, at, identity, intact, terms};

/// The number of a message.
pub type Message = u16;

#[derive(PartialEq, Eq, Hash)]
enum Call {
    Offer { chain: Message, who: usize, minute: u64, again: usize },
    Answer { offer: Message, who: usize, minute: u64, refuses: bool, again: usize },
    Close { offer: Message, answer: Message },
    Judge { history: Vec<Message>, statement: Message },
    Load { ledger: Vec<Message> },
}

/// What a verified chain says.
struct Chain {
    holder: usize,
    statements: Vec<Message>,
    /// The statements that two people signed.
    handovers: Vec<Message>,
}

struct Known {
    id: Hash,
    prev: Option<Hash>,
    /// Who made the offer in it.
    giver: Option<usize>,
}

pub struct Book {
    road: Road,
    trust: TrustStore,
    messages: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, Message>,
    made: HashMap<Call, Option<Message>>,
    /// Who made an offer, in which minute of their clock, and after which statement.
    offers: HashMap<Message, (usize, u64, Message)>,
    chains: HashMap<Message, Chain>,
    statements: HashMap<Message, Known>,
    holders: HashMap<Vec<Message>, usize>,
}

impl Book {
    pub fn new() -> Self {
        let road = Road::new();
        Self {
            trust: road.ledger_trust(),
            road,
            messages: Vec::new(),
            numbers: HashMap::new(),
            made: HashMap::new(),
            offers: HashMap::new(),
            chains: HashMap::new(),
            statements: HashMap::new(),
            holders: HashMap::new(),
        }
    }

    /// The chain of the goods when the first courier has them, and the ledger that has all of it.
    pub fn beginning(&mut self) -> (Message, Vec<Message>) {
        let chain = self.road.to_the_courier();
        let ledger = chain.statements().iter().map(|one| self.statement(one)).collect();
        (self.chain(&chain), ledger)
    }

    /// `Offered::make`. `again` makes two offers of one minute differ.
    pub fn offer(&mut self, chain: Message, who: usize, minute: u64, again: usize) -> Option<Message> {
        let call = Call::Offer { chain, who, minute, again };
        if let Some(made) = self.made.get(&call) {
            return *made;
        }
        let nonce = [u8::try_from(again).unwrap(); 16];
        let before = CustodyChain::from_bytes(self.bytes(chain)).unwrap();
        let key = self.road.key(PEOPLE[who]);
        let offered = Offered::make(before, &terms(), key, &self.road.rules(), at(minute), nonce);
        let offer = offered.ok().map(|offered| self.number(offered.to_bytes()));
        let latest = self.latest(chain);
        self.offers.extend(offer.map(|offer| (offer, (who, minute, latest))));
        self.made.insert(call, offer);
        offer
    }

    /// `Offered::examine` and `Examined::answer`: the chain that ends with the answer. `again` makes two answers differ.
    pub fn answer(
        &mut self,
        offer: Message,
        who: usize,
        minute: u64,
        refuses: bool,
        again: usize,
    ) -> Option<Message> {
        let call = Call::Answer { offer, who, minute, refuses, again };
        if let Some(made) = self.made.get(&call) {
            return *made;
        }
        let refused = Answer { condition: Condition::Refused { reason: "wet".into() }, ..intact() };
        let answer = if refuses { refused } else { intact() };
        let (key, rules, now) = (self.road.key(PEOPLE[who]), self.road.rules(), at(minute));
        let (goods, nonce) = ([Subject::new(PIECE).unwrap()], [0x80 + u8::try_from(again).unwrap(); 16]);
        let examined = self.offered(offer).examine(&rules, now);
        let chain = examined.and_then(|examined| examined.answer(&goods, &answer, key, now, nonce));
        let chain = chain.ok().map(|chain| self.chain(&chain));
        self.made.insert(call, chain);
        chain
    }

    /// `Offered::close`, by the message that shows the answer.
    pub fn close(&mut self, offer: Message, answer: Message) -> Option<Message> {
        let call = Call::Close { offer, answer };
        if let Some(made) = self.made.get(&call) {
            return *made;
        }
        let message = CustodyChain::from_bytes(self.bytes(answer)).unwrap().answer_message();
        let chain = self.offered(offer).close(&message, &self.road.rules());
        let chain = chain.ok().map(|chain| self.chain(&chain));
        self.made.insert(call, chain);
        chain
    }

    /// `Profile::check`: whether the ledger takes a statement; `None` if its predecessor has not come. A ledger that does not look
    /// at the order judges it as if nothing had come after its predecessor.
    pub fn judge(&mut self, ledger: &[Message], statement: Message, looks: bool) -> Option<bool> {
        let prev = self.statements[&statement].prev;
        let before = ledger.iter().position(|one| Some(self.statements[one].id) == prev)?;
        let history = if looks { ledger.to_vec() } else { ledger[..=before].to_vec() };
        let call = Call::Judge { history: history.clone(), statement };
        if let Some(made) = self.made.get(&call) {
            return Some(made.is_some());
        }
        let parsed = Statement::parse(self.bytes(statement)).unwrap();
        let taken = self.road.judge(&parsed, &self.entries(&history)).is_ok();
        self.made.insert(call, taken.then_some(statement));
        Some(taken)
    }

    /// `CustodyChain::new`: the chain of a phone that loads the goods from the ledger; `None` if that does not hold together.
    pub fn load(&mut self, ledger: &[Message]) -> Option<Message> {
        let call = Call::Load { ledger: ledger.to_vec() };
        if let Some(made) = self.made.get(&call) {
            return *made;
        }
        let chain = CustodyChain::new(&self.entries(ledger)).unwrap();
        let whole = chain.verify(&self.road.rules()).is_ok();
        let chain = whole.then(|| self.chain(&chain));
        self.made.insert(call, chain);
        chain
    }

    /// Who made an offer, in which minute of their clock, and after which statement.
    pub fn of_offer(&self, offer: Message) -> (usize, u64, Message) {
        self.offers[&offer]
    }

    /// Who made the offer that the last statement of a chain answers.
    pub fn giver(&self, chain: Message) -> Option<usize> {
        self.statements[self.chains[&chain].handovers.last()?].giver
    }

    /// The statements of a chain that two people signed.
    pub fn handovers(&self, chain: Message) -> &[Message] {
        &self.chains[&chain].handovers
    }

    /// Whether a chain has a statement.
    pub fn has(&self, chain: Message, statement: Message) -> bool {
        self.chains[&chain].statements.contains(&statement)
    }

    /// The latest statement of a chain.
    pub fn latest(&self, chain: Message) -> Message {
        *self.chains[&chain].statements.last().unwrap()
    }

    /// Who holds the goods, by a chain.
    pub fn holder_by(&self, chain: Message) -> usize {
        self.chains[&chain].holder
    }

    /// Who holds the goods, by a ledger.
    pub fn holder(&mut self, ledger: &[Message]) -> usize {
        if let Some(holder) = self.holders.get(ledger) {
            return *holder;
        }
        let holder = self.road.profile.state_after(&self.entries(ledger)).holder().cloned();
        let holder = PEOPLE.iter().position(|who| holder == Some(identity(who))).unwrap();
        self.holders.insert(ledger.to_vec(), holder);
        holder
    }

    /// Whether each statement follows the one before it.
    pub fn is_in_order(&self, ledger: &[Message]) -> bool {
        let known = |one: Message| &self.statements[&one];
        ledger.windows(2).all(|pair| known(pair[1]).prev == Some(known(pair[0]).id))
    }

    /// Who offered the goods twice, as the offers show that are in a refused statement and in the one at its place in the ledger.
    pub fn blames(&self, ledger: &[Message], refused: Message) -> Option<usize> {
        let refused = &self.statements[&refused];
        let mut stands = ledger.iter().map(|one| &self.statements[one]);
        let rival = stands.find(|one| one.prev == refused.prev)?;
        rival.giver.filter(|_| rival.giver == refused.giver)
    }

    fn bytes(&self, message: Message) -> &[u8] {
        &self.messages[usize::from(message)]
    }

    fn offered(&self, message: Message) -> Offered {
        Offered::from_bytes(self.bytes(message)).unwrap()
    }

    fn entries(&self, ledger: &[Message]) -> Vec<Entry> {
        let parsed = ledger.iter().map(|one| Statement::parse(self.bytes(*one)).unwrap());
        (0..).zip(parsed).map(|(index, one)| self.road.placed(one, index)).collect()
    }

    fn chain(&mut self, chain: &CustodyChain) -> Message {
        let holder = chain.holder(&self.road.rules()).unwrap();
        let holder = PEOPLE.iter().position(|who| holder == Some(identity(who))).unwrap();
        let statements: Vec<Message> = chain.statements().iter().map(|one| self.statement(one)).collect();
        let signed = |one: &&Message| self.statements[*one].giver.is_some();
        let handovers = statements.iter().filter(signed).copied().collect();
        let number = self.number(chain.to_bytes());
        self.chains.insert(number, Chain { holder, statements, handovers });
        number
    }

    fn statement(&mut self, statement: &Statement) -> Message {
        let verified = self.trust.verify(statement.clone()).unwrap();
        let giver = verified.countersigned().map(|offer| offer.signer().identity().clone());
        let giver = giver.and_then(|giver| PEOPLE.iter().position(|who| identity(who) == giver));
        let number = self.number(statement.as_bytes().to_vec());
        self.statements.insert(number, Known { id: statement.id(), prev: verified.prev(), giver });
        number
    }

    fn number(&mut self, bytes: Vec<u8>) -> Message {
        let next = Message::try_from(self.messages.len()).unwrap();
        *self.numbers.entry(bytes.clone()).or_insert_with(|| {
            self.messages.push(bytes);
            next
        })
    }
}

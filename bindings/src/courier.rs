//! Offline handover: offer, answer, close; and send when there is a network again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_custody::handover::{Answer, Offered, answer_in};
use countersign_custody::qr::{Assembly, NotTaken, Received};
use countersign_ledger::{Hash, Identity, Note};
use countersign_scan::gs1::{Content, Partners};
use countersign_scan::{Code, Luma, ScanResult, Scanner, Symbol};
use countersign_wallet::{CourierError, Issuer, OfferTo, Pending, Side};

use crate::clock::{now, year};
use crate::code::goods_in;
use crate::error::CountersignError as Error;
use crate::handover::{Condition, Goods, Handover, ProofFile, Scan};
use crate::outbox::{Outgoing, Round};
use crate::screens::{Carried, ProofScreen};
use crate::wallet::Wallet;

/// No step on a frame is begun that would not end within this: the other phone's screen soon shows the next part.
const FRAME_BUDGET: Duration = Duration::from_millis(30);

/// A member who carries goods, with one of the wallet's certified keys.
///
/// What is signed is in the database before a call returns: after a restart, `pending` lists the handovers under way,
/// and `outbox` the statements that are not yet recorded. Only `load` and `send` need a network.
#[derive(uniffi::Object)]
pub struct Courier {
    wallet: Arc<Wallet>,
    key: String,
    eye: Mutex<Eye>,
}

/// The state of the live scan.
#[derive(Default)]
struct Eye {
    scanner: Scanner,
    assembly: Assembly,
}

#[uniffi::export]
impl Courier {
    /// A courier with the member's key `key`; see [`Wallet::memberships`].
    #[uniffi::constructor]
    pub fn new(wallet: Arc<Wallet>, key: String) -> Self {
        Self { wallet, key, eye: Mutex::default() }
    }

    /// Fetches and verifies all statements on the goods that a code or link names, so that they can be offered offline.
    /// Goods that were received by handover need not be fetched.
    pub fn load(&self, code: &str) -> Result<Goods, Error> {
        let (goods, client) = (goods_in(code)?, self.wallet.client());
        self.act(|courier| courier.load(&client, &goods)).map(Goods::from)
    }

    /// The goods whose complete chain of custody is on this phone, and who holds them.
    pub fn goods(&self) -> Result<Vec<Goods>, Error> {
        Ok(self.act(|courier| courier.goods())?.into_iter().map(Goods::from).collect())
    }

    /// The same for a screen: what this member holds comes first.
    pub fn carried(&self) -> Result<Vec<Carried>, Error> {
        let own = self.wallet.memberships()?.into_iter().find(|own| own.key == self.key);
        let own = own.as_ref().map(|own| own.identity.as_str());
        let mut carried: Vec<Carried> = self.goods()?.iter().map(|goods| Carried::new(goods, own)).collect();
        carried.sort_by_key(|goods| !goods.mine);
        Ok(carried)
    }

    /// Offers goods to anyone present, or to one member only. Until the offer expires, this returns the same one again.
    /// Show its codes.
    pub fn offer(&self, code: &str, to: Option<String>, place: Option<String>) -> Result<Handover, Error> {
        let to = to.map(|to| Identity::parse(&to)).transpose().map_err(|_| Error::invalid("member"))?;
        let goods = goods_in(code)?;
        let shown = self.act(|courier| courier.offer(&goods, &OfferTo { to, place }, now()))?;
        Handover::new(Pending { shown, subject: goods.to_string(), side: Side::Giver })
    }

    /// Scans the next frame of a live camera: its luma plane, one byte per pixel, rows `stride` bytes apart. The bytes
    /// are not copied.
    pub fn scan_frame(&self, width: u32, height: u32, stride: u32, luma: &[u8]) -> Result<Scan, Error> {
        let frame = Luma::new(width as usize, height as usize, stride as usize, luma)?;
        let begun = Instant::now();
        let sight = self.eye().scanner.look(&frame, FRAME_BUDGET, || begun.elapsed());
        match sight {
            ScanResult::Nothing => Ok(Scan::Nothing),
            ScanResult::HoldStill => Ok(Scan::HoldStill),
            ScanResult::Part { .. } => Ok(Scan::Foreign),
            ScanResult::Symbols(symbols) => {
                let mut scans = symbols.iter().map(|symbol| self.take(symbol));
                scans.find(|scan| *scan != Ok(Scan::Foreign)).unwrap_or(Ok(Scan::Foreign))
            }
        }
    }

    /// The same for text from another reader: the text of a message's code, or the element strings printed on goods, in
    /// brackets.
    pub fn scan_code(&self, text: &str) -> Result<Scan, Error> {
        match goods_in(text) {
            Ok(goods) => Ok(Scan::Goods { link: goods.to_string() }),
            Err(_) => self.feed(text),
        }
    }

    /// Answers the offer in `message`, after scanning `goods` (codes or links): accepts the goods, or refuses them,
    /// which is recorded as a dispute. For a unit, its own code is enough; packs in it may be named too. The same offer
    /// gets the same answer again. Show its codes.
    #[expect(clippy::needless_pass_by_value, reason = "Kotlin hands over an array, and not a buffer")]
    pub fn answer(
        &self,
        offer: Vec<u8>,
        goods: Vec<String>,
        condition: Condition,
        place: Option<String>,
    ) -> Result<Handover, Error> {
        let scanned = goods.into_iter().map(|code| goods_in(&code)).collect::<Result<Vec<_>, _>>()?;
        let subject = Offered::from_bytes(&offer)?.subject().to_string();
        let answer = Answer { condition: condition.into(), place, seen: None };
        let shown = self.act(|courier| courier.answer(&offer, &scanned, &answer, now()))?;
        Handover::new(Pending { shown, subject, side: Side::Receiver })
    }

    /// Verifies the answer to this phone's offer: both sides then hold the same proof. Repeating is harmless.
    #[expect(clippy::needless_pass_by_value, reason = "Kotlin hands over an array, and not a buffer")]
    pub fn close(&self, answer: Vec<u8>) -> Result<Goods, Error> {
        self.act(|courier| courier.close(&answer)).map(Goods::from)
    }

    /// Handovers under way, to be shown again.
    pub fn pending(&self) -> Result<Vec<Handover>, Error> {
        self.act(|courier| courier.pending())?.into_iter().map(Handover::new).collect()
    }

    /// Removes a handover from that list: an offer that nobody accepted, or an answer that the giver has read.
    pub fn dismiss(&self, id: &str) -> Result<(), Error> {
        let id: Hash = id.parse().map_err(|_| Error::invalid("handover"))?;
        self.act(|courier| courier.dismiss(id))
    }

    /// Proof of the last delivery of goods that this phone knows, by their link: to show and to send.
    pub fn proof(&self, link: &str) -> Result<ProofScreen, Error> {
        let goods = goods_in(link)?;
        let custody = self.act(|courier| courier.custody(&goods))?;
        Ok(ProofScreen::new(link, &custody, &self.outbox()?))
    }

    /// The same as a file to send, which `countersign verify` verifies with the genesis alone.
    pub fn proof_file(&self, link: &str) -> Result<ProofFile, Error> {
        let goods = goods_in(link)?;
        Ok(ProofFile::new(&goods, self.act(|courier| courier.delivery(&goods))?))
    }

    /// The statements that were signed and are not yet proven to be in the log, in order.
    pub fn outbox(&self) -> Result<Vec<Outgoing>, Error> {
        self.wallet.act(|snapshot| Ok(snapshot.outbox()?.into_iter().map(Outgoing::from).collect()))
    }

    /// Removes a refused statement from that list, with those that follow it, once somebody has dealt with it. Then the
    /// ledger's history of the goods can be loaded.
    pub fn settle(&self, id: &str) -> Result<(), Error> {
        let id: Hash = id.parse().map_err(|_| Error::invalid("statement"))?;
        self.wallet.act(|snapshot| Ok(snapshot.settle(id).map(drop)?))
    }

    /// Sends what is due, in one bounded round. Without a network everything waits, and nothing is lost.
    pub fn send(&self) -> Result<Round, Error> {
        let client = self.wallet.client();
        self.wallet.act(|snapshot| Ok(Issuer::new(snapshot, &client, self.wallet.keys()).send(now())?.into()))
    }

    /// The same at once, also of what is not due: for a person who asks for it. What fails is due when it was.
    pub fn send_now(&self) -> Result<Round, Error> {
        let client = self.wallet.client();
        self.wallet
            .act(|snapshot| Ok(Issuer::new(snapshot, &client, self.wallet.keys()).send_now(now())?.into()))
    }
}

impl Courier {
    /// With its own snapshot: no lock is held while the key store waits for a person.
    fn act<T>(
        &self,
        act: impl FnOnce(&mut countersign_wallet::Courier<'_>) -> Result<T, CourierError>,
    ) -> Result<T, Error> {
        self.wallet.act(|snapshot| {
            let mut courier = countersign_wallet::Courier::new(snapshot, self.wallet.keys(), &self.key)?;
            Ok(act(&mut courier)?)
        })
    }

    fn take(&self, symbol: &Symbol) -> Result<Scan, Error> {
        let code = Code::from(symbol);
        match code.content(Partners::OnAnyCarrier) {
            Ok(Content::Gs1(_)) => Ok(countersign_wallet::goods(&code, year())
                .map_or(Scan::Foreign, |goods| Scan::Goods { link: goods.to_string() })),
            Ok(Content::Plain(text)) => self.feed(&text),
            _ => Ok(Scan::Foreign),
        }
    }

    /// Reads the text of a message's code. A text that does not fit is ignored: the camera shows the next one.
    fn feed(&self, text: &str) -> Result<Scan, Error> {
        let fed = self.eye().assembly.feed(text);
        match fed {
            Ok(Received::Whole(message)) => self.whole(message),
            Ok(Received::Part(progress)) => Ok(progress.into()),
            Err(NotTaken::NotOurs | NotTaken::TooLarge | NotTaken::TooManyParts) => Ok(Scan::Foreign),
            Err(_) => Ok(self.eye().assembly.progress().map_or(Scan::Nothing, Scan::from)),
        }
    }

    fn whole(&self, message: Vec<u8>) -> Result<Scan, Error> {
        if answer_in(&message).is_ok() {
            return Ok(Scan::Answered { message });
        }
        if let Some(note) = note_in(&message) {
            return Ok(Scan::Checkpoint { note });
        }
        let reading = self.act(|courier| courier.read(&message, now()))?;
        Ok(Scan::Offered { offer: (reading, message).into() })
    }

    /// After a panic under this lock, at worst some codes are read again.
    fn eye(&self) -> MutexGuard<'_, Eye> {
        self.eye.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The note in a message, if it is one: no other message is text.
fn note_in(message: &[u8]) -> Option<String> {
    let note = std::str::from_utf8(message).ok()?;
    Note::parse(note).is_ok().then(|| note.to_owned())
}

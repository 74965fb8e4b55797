//! One clear answer about a pack, offline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_custody::Item;
use countersign_custody::report::Scanned;
use countersign_scan::gs1::Gs1Error;
use countersign_scan::{Code, Luma, NotAProduct, Picture, Scanner, Symbol, decode};
use countersign_wallet::{NoPack, Seen, item_of};

use crate::answer::Answer;
use crate::clock::year;
use crate::code::item_in;
use crate::error::CountersignError as Error;
use crate::wallet::Wallet;

/// No step on a frame is begun that would not end within this: the camera soon has the next frame.
const FRAME_BUDGET: Duration = Duration::from_millis(30);

/// Checks packs.
#[derive(uniffi::Object)]
pub struct PackChecker {
    wallet: Arc<Wallet>,
    scanner: Mutex<Scanner>,
    last: Mutex<Option<Last>>,
}

/// The last pack, and what was known of it before.
#[derive(Clone)]
struct Last {
    item: Item,
    seen: Seen,
    scan: Scanned,
}

/// The result of a frame or picture.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
#[allow(clippy::large_enum_variant, reason = "it crosses the boundary once, where there are no boxes")]
pub enum ScanResult {
    /// No code: hold the pack closer, flat and in good light.
    Nothing,
    /// A code so damaged that a second frame must agree before it is accepted, or one that names no more than a product
    /// class, beside which there may be the pack's own.
    HoldStill,
    /// One of several codes that make up a text: show the others as well, one after the other or at once.
    Part {
        /// Its number, from 1.
        number: u8,
        /// How many there are; 0 if the code does not say.
        of: u8,
    },
    /// A code that names no product: another kind of code, or one that violates the rules. It is no evidence against
    /// the pack.
    NotAPack,
    /// Several packs: show one.
    Several,
    /// A pack.
    Pack {
        /// The answer about it.
        answer: Answer,
    },
}

#[uniffi::export]
impl PackChecker {
    /// Checks packs with the data of `wallet`.
    #[uniffi::constructor]
    pub fn new(wallet: Arc<Wallet>) -> Self {
        Self { wallet, scanner: Mutex::new(Scanner::new()), last: Mutex::new(None) }
    }

    /// The answer about a pack whose code was typed or sent by a hand-held scanner: in brackets, as in
    /// `(01)09506000134352(10)L1(21)S1`, as element strings, with a symbology identifier in front or not, or as a GS1 Digital
    /// Link. The link is never fetched.
    pub fn check_code(&self, code: &str) -> Result<Answer, Error> {
        self.answer(&item_in(code)?)
    }

    /// The answer about the last pack again, with all that was read from it: for after a sync. Absent before the first.
    pub fn check_again(&self) -> Result<Option<Answer>, Error> {
        let last = self.last().clone();
        last.map(|last| self.answer(&last.item)).transpose()
    }

    /// Scans the next frame of a live camera: its luma plane, one byte per pixel, rows `stride` bytes apart. The bytes
    /// are not copied.
    pub fn check_frame(
        &self,
        width: u32,
        height: u32,
        stride: u32,
        luma: &[u8],
    ) -> Result<ScanResult, Error> {
        let frame = Luma::new(width as usize, height as usize, stride as usize, luma)?;
        let begun = Instant::now();
        // A panic cannot leave a scanner inconsistent: at worst a damaged code waits for one more frame.
        let mut scanner = self.scanner.lock().unwrap_or_else(PoisonError::into_inner);
        let sight = scanner.look(&frame, FRAME_BUDGET, || begun.elapsed());
        drop(scanner);
        match sight {
            countersign_scan::ScanResult::Nothing => Ok(ScanResult::Nothing),
            countersign_scan::ScanResult::HoldStill => Ok(ScanResult::HoldStill),
            countersign_scan::ScanResult::Part { number, of } => Ok(ScanResult::Part { number, of }),
            countersign_scan::ScanResult::Symbols(symbols) => self.result(&symbols),
        }
    }

    /// Scans a photograph without a time limit: RGBA pixels, one byte per channel, rows without gaps.
    pub fn check_photo(&self, width: u32, height: u32, rgba: &[u8]) -> Result<ScanResult, Error> {
        let picture = Picture::from_rgba(width as usize, height as usize, rgba)?;
        self.result(&decode(&picture.frame()?))
    }
}

impl PackChecker {
    fn result(&self, symbols: &[Symbol]) -> Result<ScanResult, Error> {
        let codes: Vec<Code> = symbols.iter().map(Code::from).collect();
        match item_of(&codes, year()) {
            Ok(item) => Ok(ScanResult::Pack { answer: self.answer(&item)? }),
            Err(NoPack::NoCode) => Ok(ScanResult::Nothing),
            Err(NoPack::NotAProduct(NotAProduct::Gs1(Gs1Error::Part { number, of }))) => {
                Ok(ScanResult::Part { number, of })
            }
            Err(NoPack::NotAProduct(_)) => Ok(ScanResult::NotAPack),
            Err(NoPack::Several) => Ok(ScanResult::Several),
        }
    }

    fn answer(&self, item: &Item) -> Result<Answer, Error> {
        let verdict = self.wallet.check(item)?;
        let now = self.wallet.now();
        let seen = self.wallet.scanned(|scans, snapshot| scans.note(snapshot, item, &verdict, now));
        // A full disk or a locked key store stops no check.
        let (seen, scan) = (seen.unwrap_or_default(), Scanned::new(item, &verdict, now));
        *self.last() = Some(Last { item: item.clone(), seen, scan });
        Ok(Answer::new(item, &verdict))
    }

    pub(crate) const fn wallet(&self) -> &Arc<Wallet> {
        &self.wallet
    }

    /// The last scan, if it was of this.
    pub(crate) fn last_scan(&self, link: &str) -> Option<Scanned> {
        let last = self.last();
        last.as_ref().map(|last| &last.scan).filter(|scan| scan.link.as_str() == link).cloned()
    }

    pub(crate) fn last_seen(&self) -> Seen {
        self.last().as_ref().map(|last| last.seen.clone()).unwrap_or_default()
    }

    /// A panic leaves the old or the new value here, never a mixture.
    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

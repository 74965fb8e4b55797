//! Typed codes and links.

use countersign_custody::Item;
use countersign_ledger::Subject;
use countersign_scan::Product;
use countersign_scan::gs1::{Message, Partners};
use countersign_wallet::item;

use crate::clock::year;
use crate::error::CountersignError as Error;

/// The goods that a typed code or a link names.
pub(crate) fn goods_in(code: &str) -> Result<Subject, Error> {
    let goods = message_in(code).and_then(|message| countersign_wallet::goods(&message, year()));
    goods.ok_or_else(|| Error::invalid("code"))
}

/// The item that a typed code or a link names.
pub(crate) fn item_in(code: &str) -> Result<Item, Error> {
    let invalid = || Error::invalid("code");
    let product = Product::from_message(&message_in(code).ok_or_else(invalid)?, year());
    item(product, year()).map_err(|_| invalid())
}

/// The message of a typed code, in brackets, or of a link.
pub(crate) fn message_in(code: &str) -> Option<Message> {
    if code.starts_with('(') {
        Message::from_bracketed(code, Partners::OnAnyCarrier).ok()
    } else {
        Message::from_link(code, Partners::OnAnyCarrier).ok()
    }
}

//! Typed codes and links.

use countersign_custody::Item;
use countersign_ledger::Subject;
use countersign_scan::{Code, NotAProduct};
use countersign_wallet::{NoGoods, goods, item};

use crate::clock::year;
use crate::error::CountersignError as Error;

/// The goods that a typed code or a link names. If a slip seems to have happened to it, the reason is the slip's key.
pub(crate) fn goods_in(code: &str) -> Result<Subject, Error> {
    goods(&Code::typed(code), year()).map_err(|reason| unnamed(&reason))
}

/// Why a code names nothing: the key of what seems to have happened to it, if something has.
pub(crate) fn unnamed(reason: &NoGoods) -> Error {
    match reason {
        NoGoods::Misread(misread) => Error::invalid(misread.0.key()),
        NoGoods::NotAProduct(NotAProduct::Misread { readings, .. }) => {
            Error::invalid(readings.first().map_or("code", |reading| reading.slip.key()))
        }
        NoGoods::NotAProduct(_) | NoGoods::NoSerial => Error::invalid("code"),
    }
}

/// The item that a typed code or a link names, perhaps by a slip.
pub(crate) fn item_in(code: &str) -> Result<Item, Error> {
    item(&Code::typed(code), year()).map_err(|_| Error::invalid("code"))
}

/// The item that a typed code or a link names as it is.
pub(crate) fn whole_item_in(code: &str) -> Result<Item, Error> {
    let item = item_in(code)?;
    match item.readings.first().filter(|_| item.is_unread()) {
        Some(reading) => Err(Error::invalid(reading.slip.key)),
        None => Ok(item),
    }
}

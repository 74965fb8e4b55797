//! The schemes' messages, in their order, as our profiles state them.

use countersign_custody::{Profile, SerialSet};
use countersign_ledger::{Entry, Fields, Hash, Kind, LogName, Problem, UnixMillis};
use countersign_wallet::Client;

use crate::Outcome;
use crate::parties::{Item, Message, Parties, now};

const YEAR: u64 = 365 * 24 * 3600 * 1000;
const PRODUCT: &str = "Example 5 mg";
const BAG: &str = "Bag";

fn message(number: u8, kind: &'static str, from: &'static str, to: &'static str, fields: Fields) -> Message {
    Message { number: Some(number), kind, from, to: Some(to), fields }
}

/// What no paper has.
fn besides(kind: &'static str, from: &'static str, to: Option<&'static str>, fields: Fields) -> Message {
    Message { number: None, kind, from, to, fields }
}

/// The product class of a number, under a GTIN with its check digit.
pub fn class(number: u32) -> String {
    let digits = format!("0950600{number:06}");
    let weighed = digits.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighed.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("https://id.gs1.org/01/{digits}{}", (10 - sum % 10) % 10)
}

/// Records a history, with what one of its statements promises: the node takes that once it has seen the statement.
pub fn record(client: &Client, item: &Item, promised: &[u8]) -> Outcome {
    for statement in item.statements(0) {
        match client.submit(LogName::SUPPLY, &statement) {
            Err(error) if error.problem() == Some(Problem::PromiseNotHeld) => {
                client.upload(promised)?;
                client.submit(LogName::SUPPLY, &statement)?;
            }
            other => drop(other?),
        }
    }
    Ok(())
}

/// S000: a lot from the request for material to the report of its sales.
pub mod drugs {
    use super::{Fields, Hash, Item, Kind, Outcome, PRODUCT, Parties, Profile, SerialSet, UnixMillis, YEAR};
    use super::{besides, message, now};

    /// The authority certifies a class: once, before its lots.
    pub fn certify(parties: &Parties, class: &mut Item) -> Outcome {
        let fields = Fields::new().with("class", "C-1").with("product", PRODUCT);
        let fields = fields.with("holder", parties.identity("manufacturer")?.as_str());
        let fields = fields.with("nbf", now().0 - YEAR).with("exp", now().0 + YEAR);
        parties.state(class, &[], besides("medicine.certificate", "authority", None, fields))
    }

    /// What is in every lot.
    pub fn serials() -> Outcome<SerialSet> {
        Ok(SerialSet::new((0..100).map(|i| format!("S{i:03}")))?)
    }

    /// Messages 1 to 6, and the packs' serials between.
    pub fn lot(parties: &Parties, lot: &mut Item, class: &Item) -> Outcome {
        let expiry = now().0 + YEAR / 2;
        let mut state = |message| parties.state(lot, &class.history, message);
        let fields = Fields::new().with("materials", "active substance");
        state(message(1, "medicine.material-request", "manufacturer", "supplier", fields))?;
        let fields = Fields::new().with("material", "MUI-1").with("produced", now().0 - 1000);
        state(message(2, "medicine.material", "supplier", "manufacturer", fields))?;
        let fields = Fields::new().with("material", "MUI-1").with("product", PRODUCT);
        let fields = fields.with("trial", Hash::of(b"trial"));
        state(message(3, "medicine.trial", "manufacturer", "authority", fields))?;
        let fields = Fields::new().with("product", PRODUCT);
        state(message(4, "medicine.approval", "authority", "manufacturer", fields))?;
        let serials = serials()?;
        let kind = Kind::new("medicine.commission")?;
        let fields = Profile::medicine().commission_fields(&kind, &serials, UnixMillis(expiry));
        let fields = fields.ok_or("a commission")?;
        state(besides("medicine.commission", "manufacturer", None, fields))?;
        let fields = Fields::new().with("class", "C-1").with("expiry", expiry);
        state(message(5, "medicine.distribution", "manufacturer", "distributor", fields))?;
        let fields = Fields::new().with("expiry", expiry).with("sold", 40);
        state(message(6, "medicine.sales-status", "distributor", "manufacturer", fields))?;
        state(besides("medicine.receipt", "manufacturer", None, Fields::new()))
    }
}

/// S001: a product from its design to the consumer's hands.
pub mod luxury {
    use super::{
        BAG, Entry, Fields, Hash, Item, Kind, Outcome, Parties, Profile, SerialSet, UnixMillis, YEAR,
    };
    use super::{besides, message, now};

    /// Messages 1 to 3, on a class.
    pub fn design(parties: &Parties, class: &mut Item) -> Outcome {
        let mut state = |message| parties.state(class, &[], message);
        let digest = Hash::of(b"drawings");
        let fields = Fields::new().with("product", BAG).with("design", digest).with("patent", digest);
        state(message(1, "luxury.design", "brand", "manufacturer", fields))?;
        let fields = Fields::new().with("materials", "leather");
        state(message(2, "luxury.sample-request", "manufacturer", "supplier", fields))?;
        let fields = Fields::new().with("material", "M-1").with("source", "tannery");
        state(message(3, "luxury.sample-material", "supplier", "manufacturer", fields))
    }

    /// Messages 4 and 5, on a class that is designed.
    pub fn evaluation(parties: &Parties, class: &mut Item) -> Outcome {
        let mut state = |message| parties.state(class, &[], message);
        let fields = Fields::new().with("material", "M-1").with("evaluation", Hash::of(b"evaluation"));
        state(message(4, "luxury.evaluation", "manufacturer", "brand", fields))?;
        let fields = Fields::new().with("product", BAG);
        let fields = fields.with("holder", parties.identity("manufacturer")?.as_str());
        let fields = fields.with("nbf", now().0 - YEAR).with("exp", now().0 + YEAR);
        state(message(5, "luxury.licence", "brand", "manufacturer", fields))
    }

    /// Messages 6 to 9, on an order of a class that is licensed.
    pub fn ordering(parties: &Parties, order: &mut Item, licensed: &Item) -> Outcome {
        let mut state = |message| parties.state(order, &licensed.history, message);
        let fields = Fields::new().with("product", BAG).with("kind", "gift").with("count", 9);
        state(message(6, "luxury.order", "distributor", "brand", fields))?;
        let fields = Fields::new().with("product", BAG).with("count", 9);
        state(message(7, "luxury.order-confirmation", "brand", "manufacturer", fields))?;
        let fields = Fields::new().with("materials", "leather");
        state(message(8, "luxury.material-request", "manufacturer", "supplier", fields))?;
        let fields = Fields::new().with("material", "M-1").with("source", "tannery");
        state(message(9, "luxury.material", "supplier", "manufacturer", fields))
    }

    pub fn serial(number: u32) -> String {
        format!("P{number:05}")
    }

    pub fn serials(count: u32) -> Outcome<SerialSet> {
        Ok(SerialSet::new((0..count).map(serial))?)
    }

    /// The pieces of a lot are made, for an order.
    pub fn commission(
        parties: &Parties,
        lot: &mut Item,
        [licensed, ordered]: [&Item; 2],
        serials: &SerialSet,
    ) -> Outcome {
        let kind = Kind::new("luxury.commission")?;
        let fields = Profile::luxury().commission_fields(&kind, serials, UnixMillis::default());
        let fields = fields.ok_or("a commission")?.with("material", "M-1");
        let others: Vec<Entry> = licensed.history.iter().chain(&ordered.history).cloned().collect();
        parties.state(lot, &others, besides("luxury.commission", "manufacturer", Some("distributor"), fields))
    }

    /// Messages 10 to 13, on a piece of a lot.
    pub fn purchase(parties: &Parties, piece: &mut Item, lot: &Item) -> Outcome {
        let fields =
            Fields::new().with("consumer", parties.identity("consumer")?.as_str()).with("kind", "gift");
        parties.state(
            piece,
            &lot.history,
            message(10, "luxury.purchase", "distributor", "logistics", fields),
        )?;
        let fields = Fields::new().with("order", "L-1");
        parties.state(piece, &[], message(11, "luxury.logistics-order", "logistics", "courier a", fields))?;
        parties.hand_over(piece, 12, "luxury.handover", "courier a", "courier b")?;
        parties.hand_over(piece, 13, "luxury.delivery", "courier b", "consumer")
    }
}

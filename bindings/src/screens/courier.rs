//! The screens of a courier.

use countersign_custody::TimelineEvent;
use countersign_ledger::UnixMillis;

use crate::answer::{Event, Text, Value};
use crate::handover::{Goods, Handover, Offer};
use crate::outbox::{Delivery, NextStep, Outgoing};
use crate::screens::fault::refused;
use crate::screens::{Way, goods_text, party, plain, step_key, with};

/// Goods in the list of what a courier carries.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Carried {
    /// Their link.
    pub link: String,
    /// What they are called.
    pub goods: Text,
    /// Who holds them.
    pub holder: Text,
    /// Whether this phone's member holds them, and can hand them over.
    pub mine: bool,
}

/// The screen of an offer that was read, before it is answered.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OfferScreen {
    /// Who hands over.
    pub from: Text,
    /// The goods.
    pub goods: Text,
    /// What is to be known of them, a line each; what warns comes first.
    pub lines: Vec<Text>,
    /// Whether the first line is a warning.
    pub warns: bool,
}

/// The screen of a handover under way: codes are shown, and who has signed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HandoverScreen {
    /// The goods.
    pub goods: Text,
    /// What the person does.
    pub text: Text,
    /// Who has signed so far, in order.
    pub states: Vec<Text>,
    /// Whether an answer is to be read next; otherwise the other phone reads, and this one is done.
    pub reads_answer: bool,
}

/// Proof of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ProofScreen {
    /// The goods.
    pub goods: Text,
    /// Who signed and when, where, in which condition.
    pub lines: Vec<Text>,
    /// Whether the register has it.
    pub recorded: Text,
    /// The number that names it there.
    pub number: Text,
    /// How the goods came here.
    pub way: Vec<Way>,
}

/// An entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OutgoingScreen {
    /// The statement's id.
    pub id: String,
    /// What was signed.
    pub title: Text,
    /// The goods.
    pub goods: Text,
    /// When it was signed.
    pub signed_millis: u64,
    /// Where it is.
    pub state: Text,
    /// Why it is refused, and what to do; empty if it is not.
    pub lines: Vec<Text>,
    /// Whether the person can take it from the list, once they have dealt with it.
    pub settles: bool,
}

/// The screen of an offer.
#[uniffi::export]
pub fn offer_screen(offer: &Offer) -> OfferScreen {
    let warning = offer.contradicts.then(|| plain("take.contradicts"));
    let place = offer.place.as_ref().map(|place| with("take.place", [("place", Value::Text(place.clone()))]));
    let unit = offer.unit.map(|unit| {
        with("way.unit", [("packs", Value::Number(unit.packs)), ("scanned", Value::Number(unit.scanned))])
    });
    let hops = with("take.hops", [("count", Value::Number(offer.hops.into()))]);
    OfferScreen {
        from: with("take.from", [("party", party(&offer.giver))]),
        goods: goods_text(&offer.goods),
        warns: warning.is_some(),
        lines: [warning, place, unit, Some(hops)].into_iter().flatten().collect(),
    }
}

/// The screen of a handover under way.
#[uniffi::export]
pub fn handover_screen(handover: &Handover) -> HandoverScreen {
    let states: &[&str] =
        if handover.gives { &["show.you-signed"] } else { &["show.they-signed", "show.you-signed"] };
    HandoverScreen {
        goods: goods_text(&handover.goods),
        text: plain(if handover.gives { "show.offer" } else { "show.answer" }),
        states: states.iter().map(|key| plain(key)).collect(),
        reads_answer: handover.gives,
    }
}

/// An entry of the outbox.
#[uniffi::export]
pub fn outgoing_screen(outgoing: &Outgoing) -> OutgoingScreen {
    let (state, lines) = match &outgoing.delivery {
        Delivery::Waiting => ("outbox.waiting", Vec::new()),
        Delivery::Sent => ("outbox.sent", Vec::new()),
        Delivery::Refused { reason, next } => {
            let why = outgoing.cause.as_ref().map_or(reason, |cause| &cause.reason);
            let next = match next {
                NextStep::ConflictRecorded => "outbox.conflict-recorded",
                NextStep::HandOverAgain => "outbox.hand-over-again",
                NextStep::AskOffice => "outbox.ask-office",
            };
            ("outbox.refused", vec![refused(why), plain(next)])
        }
    };
    OutgoingScreen {
        id: outgoing.id.clone(),
        title: plain(&step_key(&outgoing.kind)),
        goods: goods_text(&outgoing.goods),
        signed_millis: outgoing.signed_millis,
        state: plain(state),
        settles: !lines.is_empty(),
        lines,
    }
}

impl ProofScreen {
    /// Of the last event in a chain of custody; `outbox` has what is not recorded yet.
    pub(crate) fn new(link: &str, custody: &[TimelineEvent], outbox: &[Outgoing]) -> Self {
        let way: Vec<Way> = custody.iter().map(|event| Way::from(&Event::from(event))).collect();
        let last = custody.last();
        let number = last.map(|event| event.statement.to_string()).unwrap_or_default();
        let waiting = outbox.iter().find(|outgoing| outgoing.id == number).map(outgoing_screen);
        Self {
            goods: goods_text(link),
            lines: last.map(proof_lines).unwrap_or_default(),
            recorded: waiting.map_or_else(|| plain("proof.recorded"), |waiting| waiting.state),
            number: with("proof.number", [("number", Value::Text(number))]),
            way,
        }
    }
}

/// Who signed, in order, and what they said of the goods.
fn proof_lines(event: &TimelineEvent) -> Vec<Text> {
    let signed =
        |by: &str, at: UnixMillis| with("proof.signed", [("party", party(by)), ("at", Value::Moment(at.0))]);
    let before = event.countersigned.iter().map(|signature| signed(signature.by.as_str(), signature.at));
    let place = event.place.as_ref().map(|place| with("take.place", [("place", Value::Text(place.clone()))]));
    let condition = match event.condition.as_deref() {
        Some("intact") => Some("proof.intact"),
        Some("damaged") => Some("proof.damaged"),
        _ => None,
    };
    let condition = condition.map(|key| Value::Step(key.to_owned()));
    let condition = condition.map(|condition| with("proof.condition", [("condition", condition)]));
    let refused = event.reason.as_ref().map(|why| with("proof.refused", [("why", Value::Text(why.clone()))]));
    before
        .chain([signed(&event.party.to_string(), event.at)])
        .chain([condition, refused, place].into_iter().flatten())
        .collect()
}

impl Carried {
    /// Goods, as the member `own` sees them.
    pub(crate) fn new(goods_held: &Goods, own: Option<&str>) -> Self {
        let mine = own.is_some() && goods_held.holder.as_deref() == own;
        let holder = match &goods_held.holder {
            Some(holder) if !mine => with("carry.with", [("party", party(holder))]),
            Some(_) => plain("carry.mine"),
            None => plain("refused.not-the-holder"),
        };
        Self { link: goods_held.link.clone(), goods: goods_text(&goods_held.link), holder, mine }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Cause;

    #[test]
    fn a_refused_statement_says_why_and_what_to_do() {
        let mut outgoing = Outgoing {
            id: "00".to_owned(),
            goods: "https://id.gs1.org/00/095060001343520017".to_owned(),
            kind: "medicine.handover".to_owned(),
            signed_millis: 1,
            delivery: Delivery::Waiting,
            cause: None,
            tries: 0,
            due_millis: 1,
        };
        assert!(!outgoing_screen(&outgoing).settles);
        let reason = "follows-refused".to_owned();
        outgoing.delivery = Delivery::Refused { reason, next: NextStep::HandOverAgain };
        outgoing.cause = Some(Cause { id: "01".to_owned(), reason: "custody-conflict".to_owned() });
        let screen = outgoing_screen(&outgoing);
        let keys: Vec<&str> = screen.lines.iter().map(|line| line.key.as_str()).collect();
        assert_eq!(keys, ["refused.conflict", "outbox.hand-over-again"]);
        assert!(screen.settles && screen.title.key == "step.handover");
    }

    #[test]
    fn only_the_holder_can_hand_over() {
        let (ann, bob) = ("spiffe://meds.example/courier/ann", "spiffe://meds.example/courier/bob");
        let goods = Goods {
            link: "https://id.gs1.org/00/095060001343520017".to_owned(),
            holder: Some(ann.to_owned()),
            latest: String::new(),
            unit: None,
        };
        assert!(Carried::new(&goods, Some(ann)).mine);
        assert!(!Carried::new(&goods, Some(bob)).mine && !Carried::new(&goods, None).mine);
        let nobody = Goods { holder: None, ..goods };
        assert!(!Carried::new(&nobody, None).mine);
    }
}

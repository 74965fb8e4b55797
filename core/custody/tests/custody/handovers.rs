//! Goods from hand to hand, and every way to cheat that we know of.

use countersign_custody::handover::{
    Answer, Condition, CustodyChain, HandoverError, Key, MAX_CHAIN, MAX_OFFER_MILLIS, Meeting, Offered, Seen,
    Terms,
};
use countersign_custody::{FaultReason, Profile};
use countersign_ledger::{Draft, Entry, Fields, Hash, Kind, Statement, Subject, UnixMillis};

use crate::road::{MINUTE, NOON, PIECE, Road, at, identity, intact, terms};

const OTHER_PIECE: &str = "https://id.gs1.org/01/09506000134352/10/L1/21/P2";

fn reason<T: std::fmt::Debug>(result: Result<T, HandoverError>) -> &'static str {
    result.unwrap_err().reason()
}

/// The chain as placed by the ledger.
fn placed(road: &Road, chain: &CustodyChain) -> Vec<Entry> {
    let each = chain.statements().iter().enumerate();
    each.map(|(index, statement)| road.placed(statement.clone(), index as u64)).collect()
}

#[test]
fn the_luxury_profile_has_thirteen_transfers() {
    let profile = Profile::luxury();
    let mut numbers: Vec<u8> = profile.steps().iter().filter_map(|step| step.number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=13));
    assert_eq!(profile.roles().len(), 9);
}

#[test]
fn three_couriers_and_a_consumer_need_no_signal() {
    let road = Road::new();
    let mut chain = road.to_the_courier();
    for (from, to, minute) in
        [("courier a", "courier b", 10), ("courier b", "courier c", 20), ("courier c", "consumer", 30)]
    {
        chain = road.hand_over(from, to, chain, at(minute));
    }
    let history = chain.verify(&road.rules()).unwrap();
    assert_eq!(
        CustodyChain::new(&history).unwrap().holder(&road.rules()).unwrap(),
        Some(identity("consumer"))
    );
    assert_eq!(chain.last().kind().as_str(), "luxury.delivery");
    assert_eq!(CustodyChain::from_bytes(&chain.to_bytes()).unwrap(), chain);
    let (giver, receiver) = (history[4].verified().countersigned().unwrap(), history[4].verified());
    assert_eq!(giver.signer().identity(), &identity("courier c"));
    assert_eq!(receiver.signer().identity(), &identity("consumer"));
}

#[test]
fn each_state_survives_a_killed_app() {
    let road = Road::new();
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    let revived = Offered::from_bytes(&offered.to_bytes()).unwrap();
    let receivers = road.answer("courier b", &revived.to_bytes(), at(1)).unwrap();
    let receivers = CustodyChain::from_bytes(&receivers.to_bytes()).unwrap();
    let again = Offered::from_bytes(&revived.to_bytes()).unwrap();
    let first = revived.close(&receivers.answer_message(), &road.rules()).unwrap();
    let second = again.close(&receivers.answer_message(), &road.rules()).unwrap();
    // Both sides submit the same bytes, however often, so the ledger keeps one.
    assert_eq!(first.last().as_bytes(), second.last().as_bytes());
    assert_eq!(first.last().as_bytes(), receivers.last().as_bytes());
}

#[test]
fn an_offer_is_good_for_minutes_and_not_before() {
    let road = Road::new();
    let offer = road.offer("courier a", road.to_the_courier(), at(10)).to_bytes();
    assert!(road.answer("courier b", &offer, at(12)).is_ok());
    assert_eq!(reason(road.answer("courier b", &offer, at(16))), "offer-expired");
    // A clock that was set back does not revive it: it is then from the future.
    assert_eq!(reason(road.answer("courier b", &offer, at(7))), "offer-from-the-future");
    // Shown elsewhere after its window: the same.
    assert_eq!(reason(road.answer("courier d", &offer, at(60))), "offer-expired");
}

#[test]
fn an_offer_cannot_be_made_for_longer() {
    let road = Road::new();
    let long = Terms { millis: u64::MAX, ..terms() };
    let chain = road.to_the_courier();
    let offered =
        Offered::make(chain.clone(), &long, road.key("courier a"), &road.rules(), NOON, road.nonce())
            .unwrap();
    let examined = Offered::from_bytes(&offered.to_bytes()).unwrap().examine(&road.rules(), NOON).unwrap();
    assert_eq!(examined.expires_at(), UnixMillis(NOON.0 + MAX_OFFER_MILLIS));
    // Nor by a giver who makes a longer one: the rules refuse the answer.
    let forged =
        forged_offer(&road, "courier a", &chain, Fields::new().with("expires", NOON.0 + 600 * MINUTE));
    let history = placed(&road, &chain);
    assert_eq!(countersign(&road, "courier b", &forged, &history, at(500)), FaultReason::OfferExpired);
}

/// An offer that no honest phone makes.
fn forged_offer(road: &Road, who: &str, chain: &CustodyChain, fields: Fields) -> Statement {
    let draft = Draft {
        kind: Kind::new("custody.offer").unwrap(),
        subject: Subject::new(PIECE).unwrap(),
        fields,
        prev: Some(chain.last().id()),
        links: vec![],
        sealed: None,
    };
    draft.sign(road.key(who).certificate, road.key(who).signer, NOON, road.nonce()).unwrap()
}

/// The engine's result for an answer to it.
fn countersign(road: &Road, who: &str, offer: &Statement, history: &[Entry], at: UnixMillis) -> FaultReason {
    let draft = Draft {
        kind: Kind::new(if who.starts_with("consumer") { "luxury.delivery" } else { "luxury.handover" })
            .unwrap(),
        subject: Subject::new(PIECE).unwrap(),
        fields: Fields::new().with("condition", "intact"),
        prev: history.last().map(Entry::id),
        links: vec![],
        sealed: None,
    };
    let key = road.key(who);
    let statement = draft.countersign(offer, key.certificate, key.signer, at, road.nonce()).unwrap();
    road.judge(&statement, history).unwrap_err()
}

#[test]
fn a_replayed_offer_finds_its_place_taken() {
    let road = Road::new();
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    let chain = road.answer("courier b", &offered.to_bytes(), at(1)).unwrap();
    let again = road.answer("courier c", &offered.to_bytes(), at(2)).unwrap();
    let history = placed(&road, &chain);
    assert_eq!(road.judge(again.last(), &history).unwrap_err(), FaultReason::WrongPrev);
    // On a phone that holds the newer chain the offer no longer fits.
    let mut replayed = Offered::from_bytes(&offered.to_bytes()).unwrap();
    replayed = Offered::from_bytes(&replace_chain(&replayed, &chain)).unwrap();
    assert_eq!(reason(replayed.examine(&road.rules(), at(2))), "broken-chain");
}

/// The message of an offer with another chain before it.
fn replace_chain(offered: &Offered, chain: &CustodyChain) -> Vec<u8> {
    let (message, old) = (offered.to_bytes(), offered.chain().to_bytes());
    let at = message.windows(old.len()).position(|window| window == old).unwrap();
    [&message[..at], &chain.to_bytes(), &message[at + old.len()..]].concat()
}

#[test]
fn an_answer_to_another_offer_is_refused() {
    let road = Road::new();
    let chain = road.to_the_courier();
    let (one, other) = (road.offer("courier a", chain.clone(), at(1)), road.offer("courier a", chain, at(1)));
    let answer = road.answer("courier b", &one.to_bytes(), at(1)).unwrap();
    assert_eq!(reason(other.close(&answer.answer_message(), &road.rules())), "other-offer");
    assert!(one.close(&answer.answer_message(), &road.rules()).is_ok());
}

#[test]
fn only_who_holds_the_goods_can_offer_them() {
    let road = Road::new();
    let chain = road.to_the_courier();
    let make = |who: &str, chain: &CustodyChain| {
        Offered::make(chain.clone(), &terms(), road.key(who), &road.rules(), at(1), road.nonce())
    };
    assert_eq!(reason(make("courier b", &chain)), "not-the-custodian");
    let handed = road.hand_over("courier a", "courier b", chain.clone(), at(1));
    // Courier A has handed them over and does not hold them any more.
    assert_eq!(reason(make("courier a", &handed)), "not-the-custodian");
    // A modified phone signs anyway; the receiver notices, and so does the ledger.
    let offer = forged_offer(&road, "courier d", &chain, Fields::new().with("expires", at(3).0));
    let history = placed(&road, &chain);
    assert_eq!(countersign(&road, "courier b", &offer, &history, at(1)), FaultReason::NotTheCustodian);
    // The distributor who sold the piece no longer holds it either.
    let offer = forged_offer(&road, "distributor", &chain, Fields::new().with("expires", at(3).0));
    assert_eq!(countersign(&road, "courier b", &offer, &history, at(1)), FaultReason::NotTheCustodian);
}

#[test]
fn other_goods_are_refused() {
    let road = Road::new();
    let offer = road.offer("courier a", road.to_the_courier(), at(1)).to_bytes();
    let scan = |scanned: &[&str]| road.answer_as("courier b", &offer, scanned, &intact(), at(1));
    assert_eq!(reason(scan(&[OTHER_PIECE])), "goods-differ");
    assert_eq!(reason(scan(&[PIECE, OTHER_PIECE])), "goods-differ");
    assert_eq!(reason(scan(&[])), "goods-differ");
    assert!(scan(&[PIECE]).is_ok());
}

#[test]
fn nobody_can_change_what_was_signed() {
    let road = Road::new();
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    let photo = Condition::Damaged { photo: Hash::of(b"photo") };
    let answer = Answer { condition: photo, ..intact() };
    let chain = road.answer_as("courier b", &offered.to_bytes(), &[PIECE], &answer, at(1)).unwrap();
    let message = chain.answer_message();
    let find = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).position(|one| one == text).unwrap();
    let mut changed = message.clone();
    let at_condition = find(&message, b"damaged");
    changed[at_condition..at_condition + 7].copy_from_slice(b"intact!");
    assert_eq!(reason(offered.clone().close(&changed, &road.rules())), "signature");
    // The offer inside the answer is covered too: it must be the one that the giver signed.
    let other = road.offer("courier a", road.to_the_courier(), at(2));
    let mut changed = message.clone();
    let at_offer = find(&message, offered.id().as_bytes());
    changed[at_offer..at_offer + 32].copy_from_slice(other.id().as_bytes());
    assert_eq!(reason(offered.clone().close(&changed, &road.rules())), "other-offer");
    assert!(matches!(
        reason(other.close(&changed, &road.rules())),
        "broken-chain" | "signature" | "not-verified"
    ));
    assert!(offered.close(&message, &road.rules()).is_ok());
}

#[test]
fn only_the_consumer_who_is_named_receives() {
    let road = Road::new();
    let chain = road.to_the_courier();
    let offer = road.offer("courier a", chain.clone(), at(1));
    assert_eq!(reason(road.answer("consumer other", &offer.to_bytes(), at(1))), "not-for-you");
    let history = placed(&road, &chain);
    let forged = forged_offer(&road, "courier a", &chain, Fields::new().with("expires", at(3).0));
    assert_eq!(countersign(&road, "consumer other", &forged, &history, at(1)), FaultReason::NotTheReceiver);
    assert!(road.answer("consumer", &offer.to_bytes(), at(1)).is_ok());
    // A role that receives nothing has no step.
    assert_eq!(reason(road.answer("brand", &offer.to_bytes(), at(1))), "not-your-role");
}

#[test]
fn an_offer_for_one_person_is_for_nobody_else() {
    let road = Road::new();
    let terms = Terms { to: Some(identity("courier b")), ..terms() };
    let chain = road.to_the_courier();
    let offered =
        Offered::make(chain.clone(), &terms, road.key("courier a"), &road.rules(), at(1), road.nonce());
    let message = offered.unwrap().to_bytes();
    assert_eq!(reason(road.answer("courier c", &message, at(1))), "not-for-you");
    assert_eq!(reason(road.answer("courier a", &message, at(1))), "not-for-you");
    assert!(road.answer("courier b", &message, at(1)).is_ok());
}

#[test]
fn refused_goods_stay_with_their_holder_and_move_on_later() {
    let road = Road::new();
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    let refusal = Answer { condition: Condition::Refused { reason: "seal broken".into() }, ..intact() };
    let chain = road.answer_as("courier b", &offered.to_bytes(), &[OTHER_PIECE], &refusal, at(1)).unwrap();
    let chain = offered.close(&chain.answer_message(), &road.rules()).unwrap();
    assert_eq!(chain.last().kind().as_str(), "luxury.refusal");
    let history = chain.verify(&road.rules()).unwrap();
    assert_eq!(
        CustodyChain::new(&history).unwrap().holder(&road.rules()).unwrap(),
        Some(identity("courier a"))
    );
    let chain = road.hand_over("courier a", "courier c", chain, at(5));
    assert_eq!(chain.holder(&road.rules()).unwrap(), Some(identity("courier c")));
}

#[test]
fn goods_handed_to_two_people_are_a_conflict_with_evidence_of_both() {
    let road = Road::new();
    let chain = road.to_the_courier();
    let (first, second) =
        (road.offer("courier a", chain.clone(), at(1)), road.offer("courier a", chain, at(2)));
    let winner = road.answer("courier b", &first.to_bytes(), at(1)).unwrap();
    let loser = road.answer("courier c", &second.to_bytes(), at(2)).unwrap();
    let mut history = placed(&road, &winner);
    let conflict = conflict(&road, "courier c", loser.last(), &history);
    let recorded = road.judge(&conflict, &history).unwrap();
    let evidence = recorded.verified().countersigned().unwrap();
    assert_eq!(evidence.signer().identity(), &identity("courier c"));
    assert_eq!(evidence.countersigned().unwrap().signer().identity(), &identity("courier a"));
    // The answer that won the place is no evidence against itself.
    history.push(recorded);
    let none = self::conflict(&road, "courier c", winner.last(), &history);
    assert_eq!(road.judge(&none, &history).unwrap_err(), FaultReason::NoConflict);
    // The goods stay with whoever came first, and can move on.
    let chain = CustodyChain::new(&history).unwrap();
    road.hand_over("courier b", "courier d", chain, at(9));
}

fn conflict(road: &Road, who: &str, evidence: &Statement, history: &[Entry]) -> Statement {
    let draft = Draft {
        kind: Kind::new("luxury.conflict").unwrap(),
        subject: Subject::new(PIECE).unwrap(),
        fields: Fields::new(),
        prev: history.last().map(Entry::id),
        links: vec![],
        sealed: None,
    };
    let key = road.key(who);
    draft.countersign(evidence, key.certificate, key.signer, at(20), road.nonce()).unwrap()
}

#[test]
fn evidence_that_nobody_signed_twice_accuses_nobody() {
    let road = Road::new();
    let chain = road.to_the_courier();
    let handed = road.hand_over("courier a", "courier b", chain.clone(), at(1));
    let history = placed(&road, &handed);
    // Courier D offers what courier A held: not the same giver.
    let forged = forged_offer(&road, "courier d", &chain, Fields::new().with("expires", at(3).0));
    let draft = Draft {
        kind: Kind::new("luxury.handover").unwrap(),
        subject: Subject::new(PIECE).unwrap(),
        fields: Fields::new().with("condition", "intact"),
        prev: Some(chain.last().id()),
        links: vec![],
        sealed: None,
    };
    let key = road.key("courier c");
    let rival = draft.countersign(&forged, key.certificate, key.signer, at(1), road.nonce()).unwrap();
    let conflict = conflict(&road, "courier c", &rival, &history);
    assert_eq!(road.judge(&conflict, &history).unwrap_err(), FaultReason::NoConflict);
}

/// Two couriers agree to leave out a hop: B had the goods for a while and signed nothing. Nobody can distinguish that
/// from A going all the way alone. Still, at every moment somebody who signed holds the goods and is accountable for
/// them.
#[test]
fn a_hop_that_two_agree_to_leave_out_leaves_the_first_accountable() {
    let road = Road::new();
    let chain = road.to_the_courier();
    assert_eq!(chain.holder(&road.rules()).unwrap(), Some(identity("courier a")));
    // B, who never signed, cannot hand them on; A has to, and signs.
    let offered =
        Offered::make(chain.clone(), &terms(), road.key("courier b"), &road.rules(), at(1), road.nonce());
    assert_eq!(reason(offered), "not-the-custodian");
    let chain = road.hand_over("courier a", "courier c", chain, at(9));
    assert_eq!(chain.holder(&road.rules()).unwrap(), Some(identity("courier c")));
}

#[test]
fn a_missing_hop_is_detected() {
    let road = Road::new();
    let start = road.to_the_courier();
    let chain = road.hand_over("courier a", "courier b", start.clone(), at(1));
    let chain = road.hand_over("courier b", "courier c", chain, at(5));
    let offered = road.offer("courier c", chain.clone(), at(9));
    // The statements without the second handover.
    let history = placed(&road, &chain);
    let without: Vec<Entry> = [&history[..2], &history[3..]].concat();
    let message = replace_chain(&offered, &CustodyChain::new(&without).unwrap());
    assert_eq!(reason(road.answer("courier d", &message, at(9))), "broken-chain");
}

#[test]
fn a_phone_restored_from_a_backup_offers_what_it_no_longer_holds_and_is_found_out() {
    let road = Road::new();
    let backup = road.to_the_courier();
    let chain = road.hand_over("courier a", "courier b", backup.clone(), at(1));
    // The old state still says that A holds the goods: an offline receiver cannot know otherwise.
    let offered = road.offer("courier a", backup, at(60));
    let second = road.answer("courier c", &offered.to_bytes(), at(60)).unwrap();
    // The ledger knows, and both signatures name A.
    let history = placed(&road, &chain);
    assert_eq!(road.judge(second.last(), &history).unwrap_err(), FaultReason::WrongPrev);
    assert!(road.judge(&conflict(&road, "courier c", second.last(), &history), &history).is_ok());
}

#[test]
fn a_revoked_courier_hands_nothing_over() {
    let mut road = Road::new();
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    road.revoke("courier a", 7);
    assert_eq!(reason(road.answer("courier b", &offered.to_bytes(), at(1))), "revoked");
}

#[test]
fn what_a_key_has_signed_is_verified_before_it_is_shown() {
    let road = Road::new();
    let message = road.offer("courier a", road.to_the_courier(), at(1)).to_bytes();
    let examined = Offered::from_bytes(&message).unwrap().examine(&road.rules(), at(1)).unwrap();
    let piece = Subject::new(PIECE).unwrap();
    let answer = |certificate: &str, key: &str| {
        let key = Key { certificate: road.key(certificate).certificate, signer: road.key(key).signer };
        examined.clone().answer(std::slice::from_ref(&piece), &intact(), key, at(1), road.nonce())
    };
    assert!(matches!(reason(answer("courier b", "courier c")), "not-signed" | "signature"));
    let chain = answer("courier b", "courier b").unwrap();
    assert_eq!(chain.verify(&road.rules()).unwrap().len(), examined.history().len() + 1);
}

#[test]
fn nobody_answers_in_a_chain_without_room_for_their_certificate() {
    let mut road = Road::new();
    (0..32).for_each(|n| road.enrol(&format!("courier {n}")));
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    let chain = offered.chain();
    let others: Vec<String> = (0..32).map(|n| format!("courier {n}")).collect();
    let others = others.iter().map(|who| road.key(who).certificate.as_der());
    let crowd: Vec<&[u8]> =
        chain.certificates().iter().map(Vec::as_slice).chain(others).take(2 * MAX_CHAIN).collect();
    let shown = offered.to_bytes();
    let mut d = minicbor::Decoder::new(&shown);
    d.array().unwrap();
    d.u8().unwrap();
    d.skip().unwrap();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(3).unwrap().u8(1).unwrap().array(2).unwrap().array(chain.statements().len() as u64).unwrap();
    for one in chain.statements() {
        e.bytes(one.as_bytes()).unwrap();
    }
    e.array(crowd.len() as u64).unwrap();
    for der in crowd {
        e.bytes(der).unwrap();
    }
    e.bytes(d.bytes().unwrap()).unwrap();
    let crowded = e.into_writer();
    assert_eq!(reason(road.answer("courier b", &crowded, at(1))), "too-long");
    // A member who is already in it needs no room.
    assert!(road.answer("courier 0", &crowded, at(1)).is_ok());
}

#[test]
fn a_chain_is_bounded() {
    let road = Road::new();
    let mut chain = road.to_the_courier();
    for hop in 2..MAX_CHAIN as u64 {
        let (from, to) = if hop % 2 == 0 { ("courier a", "courier b") } else { ("courier b", "courier a") };
        chain = road.hand_over(from, to, chain, at(hop));
    }
    let offered = road.offer("courier a", chain, at(60));
    assert_eq!(reason(road.answer("courier b", &offered.to_bytes(), at(60))), "too-long");
}

#[test]
fn two_checkpoints_of_one_size_are_a_fork() {
    let seen = |size, text: &str| Seen { size, root: Hash::of(text.as_bytes()) };
    assert_eq!(seen(7, "a").meet(seen(7, "a")), Meeting::Same);
    assert_eq!(seen(7, "a").meet(seen(9, "b")), Meeting::Newer);
    assert_eq!(seen(7, "a").meet(seen(5, "b")), Meeting::Older);
    assert_eq!(seen(7, "a").meet(seen(7, "b")), Meeting::Fork);
}

#[test]
fn no_message_makes_a_reader_fail_but_by_its_error() {
    let road = Road::new();
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    let message = offered.to_bytes();
    for cut in 0..message.len() {
        assert!(Offered::from_bytes(&message[..cut]).is_err(), "{cut}");
    }
    for bytes in
        [&b""[..], b"\x83\x01", b"\x83\x01\x82\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x83\x02\x40\x40"]
    {
        assert!(Offered::from_bytes(bytes).is_err());
        assert!(offered.clone().close(bytes, &road.rules()).is_err());
    }
}

//! Goods that two people claim, and goods that somebody refused: the verdicts on them, and on cases that only look like
//! them.

use countersign_custody::handover::{Answer, Condition, CustodyChain};
use countersign_custody::{Dossier, Reason, Route, Standing, Stop, Verdict, VerdictKind, verdict, words};
use countersign_ledger::{Draft, Fields, Kind, Statement, Subject, UnixMillis};

use crate::road::{PIECE, Road, at, identity, label};

/// The verdict on the piece with this history.
fn judged(road: &Road, made: &crate::road::Made, piece: &[Statement]) -> Verdict {
    let dossier = Dossier::new(&road.profile, road.facts(made, piece));
    verdict(&label(), Some(&dossier), UnixMillis(at(61).0))
}

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

/// The standing of the legs that record a conflict.
fn conflicts(road: &Road, verdict: &Verdict) -> Vec<Standing> {
    let stops = Route::new(&label(), verdict, &road.profile).stops;
    let legs = stops.into_iter().filter_map(|stop| match stop {
        Stop::Leg(leg) if leg.kind.as_str() == "luxury.conflict" => Some(leg.standing),
        _ => None,
    });
    legs.collect()
}

/// `who` records that `rival` came second, after `history`.
fn accuse(road: &Road, who: &str, history: &[Statement], rival: &Statement) -> Statement {
    let draft = Draft {
        kind: Kind::new("luxury.conflict").unwrap(),
        subject: Subject::new(PIECE).unwrap(),
        fields: Fields::new(),
        prev: history.last().map(Statement::id),
        links: vec![],
        sealed: None,
    };
    let key = road.key(who);
    draft.countersign(rival, key.certificate, key.signer, at(50), road.nonce()).unwrap()
}

fn refuse(road: &Road, from: &str, who: &str, chain: CustodyChain, minute: u64) -> CustodyChain {
    let offer = road.offer(from, chain, at(minute)).to_bytes();
    let refused =
        Answer { condition: Condition::Refused { reason: "seal broken".into() }, place: None, seen: None };
    road.answer_as(who, &offer, &[PIECE], &refused, at(minute)).unwrap()
}

fn with(chain: &CustodyChain, more: Statement) -> Vec<Statement> {
    [chain.statements(), &[more]].concat()
}

#[test]
fn a_piece_from_hand_to_hand_has_nothing_against_it() {
    let road = Road::new();
    let made = road.made();
    let chain = road.hand_over("courier a", "courier b", road.to_the_courier(), at(10));
    let verdict = judged(&road, &made, chain.statements());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]));
    let chain = road.hand_over("courier b", "consumer", chain, at(20));
    assert_eq!(keys(&judged(&road, &made, chain.statements())), ["dispensed"]);
}

#[test]
fn goods_that_were_handed_to_two_people_are_a_potential_suspect_and_the_giver_is_accountable() {
    let road = Road::new();
    let made = road.made();
    let chain = road.to_the_courier();
    let stands = road.hand_over("courier a", "courier b", chain.clone(), at(10));
    let rival = road.hand_over("courier a", "courier c", chain, at(12));
    let history = with(&stands, accuse(&road, "courier c", stands.statements(), rival.last()));
    // The other holder of the evidence records it too: it is one conflict.
    let twice = [&history[..], &[accuse(&road, "courier d", &history, rival.last())]].concat();
    for history in [&history, &twice] {
        let verdict = judged(&road, &made, history);
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Suspect, vec!["conflicting-custody"]));
        assert!(conflicts(&road, &verdict).iter().all(|standing| *standing == Standing::Conflict));
        assert_eq!(verdict.accountable.unwrap().identity, Some(identity("courier a")));
        let Reason::ConflictingCustody(conflict) = &verdict.reasons[0] else {
            panic!("{:?}", verdict.reasons)
        };
        assert_eq!((&conflict.first, &conflict.second), (&identity("courier b"), &identity("courier c")));
        assert_eq!((conflict.stands, conflict.rival), (stands.last().id(), rival.last().id()));
        assert_eq!(conflict.at, at(12));
        assert_eq!(verdict.evidence[..2], [history[3].id(), stands.last().id()]);
        let words = words::sentence(&verdict.reasons[0], &road.profile);
        assert!(words.contains("courier/b") && words.contains("courier/c"), "{words}");
        assert!(words.starts_with(identity("courier a").as_str()), "{words}");
    }
    // It does not end when the goods move on.
    let offered = CustodyChain::new(
        &history.iter().zip(0..).map(|(one, at)| road.placed(one.clone(), at)).collect::<Vec<_>>(),
    );
    let moved = road.hand_over("courier b", "consumer", offered.unwrap(), at(55));
    let verdict = judged(&road, &made, moved.statements());
    assert_eq!(
        (verdict.kind, keys(&verdict)),
        (VerdictKind::Suspect, vec!["conflicting-custody", "dispensed"])
    );
}

#[test]
fn a_refusal_asks_for_attention_until_the_goods_move_on() {
    let road = Road::new();
    let made = road.made();
    let chain = refuse(&road, "courier a", "courier b", road.to_the_courier(), 10);
    let verdict = judged(&road, &made, chain.statements());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["disputed"]));
    assert_eq!(verdict.accountable.unwrap().identity, Some(identity("courier a")));
    assert_eq!(verdict.evidence[0], chain.last().id());
    let words = words::sentence(&verdict.reasons[0], &road.profile);
    assert!(words.contains("seal broken") && words.contains("courier/b"), "{words}");
    let chain = road.hand_over("courier a", "courier c", chain, at(20));
    assert_eq!(judged(&road, &made, chain.statements()).kind, VerdictKind::Authentic);
}

#[test]
fn a_handover_that_two_people_signed_twice_is_no_conflict() {
    let road = Road::new();
    let made = road.made();
    let chain = road.to_the_courier();
    // The first answer was not seen: the screen broke.
    let stands = road.hand_over("courier a", "courier b", chain.clone(), at(10));
    let again = road.hand_over("courier a", "courier b", chain, at(15));
    let history = with(&stands, accuse(&road, "courier b", stands.statements(), again.last()));
    let verdict = judged(&road, &made, &history);
    assert_eq!(conflicts(&road, &verdict), [Standing::Sound]);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]));
}

#[test]
fn a_refusal_beside_a_handover_puts_the_goods_into_no_second_pair_of_hands() {
    let road = Road::new();
    let made = road.made();
    let chain = road.to_the_courier();
    let refusal = refuse(&road, "courier a", "courier b", chain.clone(), 10);
    let taken = road.hand_over("courier a", "courier c", chain, at(12));
    let late = with(&taken, accuse(&road, "courier b", taken.statements(), refusal.last()));
    assert_eq!(judged(&road, &made, &late).kind, VerdictKind::Authentic);
    // The refusal came first: the goods have not moved, according to the ledger, and who really has them is disputed.
    let first = with(&refusal, accuse(&road, "courier c", refusal.statements(), taken.last()));
    let verdict = judged(&road, &made, &first);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["disputed"]));
    // Once the giver hands them to a third as well, two people have them.
    let moved = CustodyChain::new(
        &first.iter().zip(0..).map(|(one, at)| road.placed(one.clone(), at)).collect::<Vec<_>>(),
    );
    let moved = road.hand_over("courier a", "courier d", moved.unwrap(), at(55));
    let verdict = judged(&road, &made, moved.statements());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Suspect, vec!["conflicting-custody"]));
    assert_eq!(verdict.accountable.unwrap().identity, Some(identity("courier a")));
}

#[test]
fn a_piece_outlives_the_licence_under_which_it_was_made() {
    let road = Road::new();
    let made = road.made();
    let chain = road.to_the_courier();
    let mut facts = road.facts(&made, chain.statements());
    // Three years later, on a snapshot of that day.
    let then = UnixMillis(at(0).0 + 3 * 365 * 24 * 3600 * 1000);
    (facts.supply.at, facts.trust.at) = (then, then);
    let verdict = verdict(&label(), Some(&Dossier::new(&road.profile, facts)), then);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]));
}

//! The route that an inspector reads.

use countersign_custody::handover::{Answer, Condition};
use countersign_custody::{Aggregate, Dossier, History, Party, Profile, Route, Standing, Stop, verdict};
use countersign_ledger::{Draft, Fields, Hash, Kind, LogName, Statement, Subject};

use crate::play::{NOW, Play, identity, item};
use crate::road::{self, Made, PIECE, Road, at, label};

fn route(play: &Play) -> Route {
    let verdict = verdict(&item(), Some(&play.dossier()), NOW);
    Route::new(&item(), &verdict, &play.profile)
}

fn names(parties: &[&Party]) -> Vec<String> {
    parties.iter().map(|party| party.role.clone()).collect()
}

#[test]
fn the_six_transfers_of_a_medicine_are_legs_between_four_parties() {
    let route = route(&Play::whole());
    let legs = || route.stops.iter().filter(|stop| stop.to().is_some());
    assert_eq!(legs().count(), 6);
    assert!(route.stops.iter().all(|stop| stop.accountable().is_none()));
    assert_eq!(names(&route.parties()), ["authority", "manufacturer", "supplier", "distributor"]);
    let Some(Stop::Leg(distribution)) =
        route.stops.iter().find(|stop| stop.to().is_some_and(|to| to.role == "distributor"))
    else {
        panic!("no leg to the distributor")
    };
    assert_eq!(distribution.from.identity, Some(identity("manufacturer")));
    assert_eq!(distribution.signatures.len(), 1);
    assert_eq!(distribution.signatures[0].by, identity("manufacturer"));
    let svg = route.svg();
    assert!(svg.contains("Lot distributed") && !svg.contains("stroke-dasharray"));
    assert!(svg.contains("Complete as of checkpoint") && svg.contains("60 min old"));
}

#[test]
fn what_came_late_is_told_with_both_times_and_accuses_nobody() {
    let mut verdict = verdict(&item(), Some(&Play::whole().dossier()), NOW);
    let event = verdict.timeline.last_mut().unwrap();
    event.late = Some(NOW);
    let route = Route::new(&item(), &verdict, Profile::medicine());
    let Some(Stop::Leg(leg)) = route.stops.last() else { panic!("{:?}", route.stops) };
    assert_eq!((leg.late, leg.accountable()), (Some(NOW), None));
    assert!(route.svg().contains("came late: not recorded before"));
}

#[test]
fn of_a_unit_it_is_told_how_much_was_seen() {
    let mut verdict = verdict(&item(), Some(&Play::whole().dossier()), NOW);
    let mut drawn = |scanned| {
        verdict.timeline.last_mut().unwrap().aggregate = Some(Aggregate { count: 40, scanned });
        Route::new(&item(), &verdict, Profile::medicine()).svg()
    };
    assert!(drawn(3).contains("40 packs, 37 of them inferred"));
    assert!(drawn(40).contains("40 packs, each scanned"));
}

#[test]
fn a_gap_stands_where_the_step_is_missing_and_names_who_answers() {
    let route = route(&Play::until("commission"));
    let Some(Stop::Gap(gap)) = route.stops.last() else { panic!("no gap at the end: {:?}", route.stops) };
    assert_eq!(gap.kind.as_str(), "medicine.distribution");
    assert_eq!(gap.party.identity, Some(identity("manufacturer")));
    assert_eq!(gap.to, Some(Party { role: "distributor".into(), identity: None }));
    assert_eq!(route.accountable, Some(gap.party.clone()));
    let svg = route.svg();
    assert!(
        svg.contains("stroke-dasharray")
            && svg.contains("first is accountable")
            && svg.contains("Accountable: ")
    );
}

#[test]
fn a_gap_stands_before_what_was_stated_in_spite_of_it() {
    let mut play = Play::until("approval");
    // A log that does not check accepts a request that comes too late.
    let spec = play.spec("material-request").with("forced", 1);
    play.force(&spec);
    let route = route(&play);
    let gap = route.stops.iter().position(|stop| matches!(stop, Stop::Gap(_))).unwrap();
    let approval = route
        .stops
        .iter()
        .position(|stop| matches!(stop, Stop::Leg(leg) if leg.kind.as_str() == "medicine.approval"))
        .unwrap();
    assert_eq!(gap, approval + 1);
    assert!(matches!(&route.stops[gap + 1], Stop::Leg(leg) if matches!(leg.standing, Standing::AtFault(_))));
    assert_eq!(route.stops[gap + 1].accountable().unwrap().identity, Some(identity("manufacturer")));
}

#[test]
fn a_product_that_is_not_followed_has_an_empty_route() {
    let verdict = verdict(&item(), None, NOW);
    let route = Route::new(&item(), &verdict, Profile::medicine());
    assert!(route.stops.is_empty() && route.parties().is_empty());
    assert!(route.svg().contains("not followed here"));
}

#[test]
fn a_handover_is_signed_by_both_and_a_refusal_is_a_dispute_with_the_giver() {
    let road = Road::new();
    let made = road.made();
    let chain = road.hand_over("courier a", "courier b", road.to_the_courier(), at(10));
    let offer = road.offer("courier b", chain, at(20)).to_bytes();
    let refused = Answer {
        condition: Condition::Refused { reason: "seal </text> broken".into() },
        place: None,
        seen: None,
    };
    let chain = road.answer_as("courier c", &offer, &[PIECE], &refused, at(20)).unwrap();
    let chain = road.hand_over("courier b", "consumer", chain, at(40));
    let route = piece(&road, &made, chain.statements());
    let legs: Vec<_> = route
        .stops
        .iter()
        .filter_map(|stop| match stop {
            Stop::Leg(leg) if leg.signatures.len() == 2 => Some(leg),
            _ => None,
        })
        .collect();
    let [handover, refusal, delivery] = legs.as_slice() else { panic!("{:?}", route.stops) };
    assert_eq!(handover.from.identity, Some(road::identity("courier a")));
    assert_eq!(handover.to.as_ref().unwrap().identity, Some(road::identity("courier b")));
    assert_eq!(handover.signatures[0].by, road::identity("courier a"));
    assert_eq!(handover.signatures[1].by, road::identity("courier b"));
    assert_eq!(handover.signatures[1].statement, handover.statement);
    assert_eq!((handover.place.as_deref(), handover.condition.as_deref()), (Some("Rue A"), Some("intact")));
    assert_eq!(handover.standing, Standing::Sound);
    assert_eq!(refusal.standing, Standing::Disputed);
    assert_eq!(refusal.accountable().unwrap().identity, Some(road::identity("courier b")));
    assert_eq!(delivery.to.as_ref().unwrap().identity, Some(road::identity("consumer")));
    let svg = route.svg();
    assert!(
        svg.contains("not accepted; b is accountable")
            && svg.contains("&lt;/text&gt;")
            && !svg.contains("seal </text>")
    );
}

#[test]
fn the_picture_is_as_wide_as_a_phone_and_no_words_meet_others() {
    let road = Road::new();
    let made = road.made();
    let mut chain = road.to_the_courier();
    for (from, to, minute) in
        [("courier a", "courier b", 10), ("courier b", "courier c", 20), ("courier c", "consumer", 30)]
    {
        let offer = road.offer(from, chain, at(minute)).to_bytes();
        let damaged = Answer {
            condition: Condition::Damaged { photo: Hash::of(b"photo") },
            place: Some("a place that is described at such length that it takes several lines ".repeat(4)),
            seen: None,
        };
        chain = road.answer_as(to, &offer, &[PIECE], &damaged, at(minute)).unwrap();
    }
    for route in
        [piece(&road, &made, chain.statements()), route(&Play::whole()), route(&Play::until("commission"))]
    {
        let svg = route.svg();
        let width = attribute(svg.lines().next().unwrap(), "width").unwrap();
        assert!(width <= 500, "{width}");
        let set: Vec<[usize; 4]> = svg.lines().filter_map(area).collect();
        assert!(set.len() > route.stops.len() * 3);
        for (index, one) in set.iter().enumerate() {
            assert!(one[2] <= width, "{one:?} leaves the picture");
            let meets = |other: &&[usize; 4]| {
                one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
            };
            assert_eq!(set[index + 1..].iter().find(meets), None, "{one:?} in {svg}");
        }
    }
}

fn attribute(element: &str, name: &str) -> Option<usize> {
    let (_, rest) = element.split_once(&format!(" {name}=\""))?;
    rest.split_once('"')?.0.parse().ok()
}

/// Left, top, right and bottom of an element's text, by a wide font's measures.
fn area(element: &str) -> Option<[usize; 4]> {
    if !element.starts_with("<text ") {
        return None;
    }
    let [x, y, size] = ["x", "y", "font-size"].map(|name| attribute(element, name).unwrap());
    let words = element.split_once('>')?.1.strip_suffix("</text>")?;
    let width = words.chars().count() * size * if element.contains("bold") { 66 } else { 60 } / 100;
    let left = if element.contains("middle") { x - width / 2 } else { x };
    Some([left, y - size, left + width, y + 2])
}

#[test]
fn goods_given_to_two_people_are_told_with_the_signatures_of_all_three() {
    let road = Road::new();
    let made = road.made();
    let chain = road.to_the_courier();
    let stands = road.hand_over("courier a", "courier b", chain.clone(), at(10));
    let second = road.hand_over("courier a", "courier c", chain, at(12));
    let draft = Draft {
        kind: Kind::new("luxury.conflict").unwrap(),
        subject: Subject::new(PIECE).unwrap(),
        fields: Fields::new(),
        prev: Some(stands.last().id()),
        links: vec![],
        sealed: None,
    };
    let key = road.key("courier c");
    let conflict =
        draft.countersign(second.last(), key.certificate, key.signer, at(50), road.nonce()).unwrap();
    let statements = [stands.statements(), &[conflict]].concat();
    let route = piece(&road, &made, &statements);
    let Some(Stop::Leg(leg)) = route.stops.last() else { panic!("{:?}", route.stops) };
    assert_eq!(leg.standing, Standing::Conflict);
    let names = |who: &str| Some(road::identity(who));
    assert_eq!(
        (&leg.from.identity, &leg.to.as_ref().unwrap().identity),
        (&names("courier a"), &names("courier c"))
    );
    let signers: Vec<_> = leg.signatures.iter().map(|one| one.by.name()).collect();
    assert_eq!(signers, ["a", "c", "c"]);
    assert_eq!(route.accountable.as_ref().unwrap().identity, names("courier a"));
    assert!(route.svg().contains("given to two people; a is accountable"));
    // Made from the history alone, without a product's verdict, it is the same.
    let facts = road.facts(&made, &statements);
    let history =
        |statements| History { log: LogName::SUPPLY, domain: Some(road::DOMAIN), entries: statements };
    let own = facts.lots[0].followed.values().next().unwrap();
    let dependencies = [&made.class, &made.order, &made.lot].map(|one| history(one));
    let logs = [(LogName::SUPPLY, facts.supply)];
    let alone = Route::of_history(&road.profile, &history(own), &dependencies, &logs, at(61)).unwrap();
    assert_eq!((&alone.accountable, alone.stops.as_slice()), (&route.accountable, &route.stops[6..]));
    assert!(Route::of_history(&road.profile, &history(&[]), &dependencies, &logs, at(61)).is_none());
}

#[test]
fn words_of_others_do_nothing_to_a_terminal() {
    let road = Road::new();
    let made = road.made();
    let offer = road.offer("courier a", road.to_the_courier(), at(10)).to_bytes();
    let place = Some("Rue \u{1b}[2J\u{202e}B".into());
    let answer = Answer { condition: Condition::Intact, place, seen: None };
    let chain = road.answer_as("courier b", &offer, &[PIECE], &answer, at(10)).unwrap();
    let route = piece(&road, &made, chain.statements());
    let Some(Stop::Leg(leg)) = route.stops.last() else { panic!("{:?}", route.stops) };
    assert_eq!(leg.place.as_deref(), Some("Rue \u{fffd}[2J\u{fffd}B"));
}

/// The route of the piece whose whole history is `history`.
fn piece(road: &Road, made: &Made, history: &[Statement]) -> Route {
    let dossier = Dossier::new(&road.profile, road.facts(made, history));
    let verdict = verdict(&label(), Some(&dossier), at(61));
    Route::new(&label(), &verdict, &road.profile)
}

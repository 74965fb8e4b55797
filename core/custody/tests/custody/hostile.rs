//! Handover messages as a stranger's screen may show them: nothing makes the reader panic, and nothing that was changed
//! verifies.

use countersign_custody::Contents;
use countersign_custody::handover::{CustodyChain, Offered, answer_in};
use proptest::prelude::*;

use crate::road::{Road, at};

/// What is shown at the third hop: an offer with its chain, and the answer to it.
fn shown(road: &Road) -> (Vec<u8>, Vec<u8>) {
    let chain = road.hand_over("courier a", "courier b", road.to_the_courier(), at(10));
    let offer = road.offer("courier b", chain, at(20)).to_bytes();
    let answer = road.answer("courier c", &offer, at(20)).unwrap().answer_message();
    (offer, answer)
}

fn read(road: &Road, message: &[u8]) {
    let _ = CustodyChain::from_bytes(message).map(|chain| chain.verify(&road.rules()));
    let _ = answer_in(message);
    let _ = Contents::from_bytes(message);
    if let Ok(offered) = Offered::from_bytes(message) {
        let _ = offered.clone().examine(&road.rules(), at(20));
        let _ = offered.close(message, &road.rules());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400), tag in 0_u8..4) {
        let road = Road::new();
        read(&road, &bytes);
        // Behind a head that is expected.
        read(&road, &[&[0x83, tag][..], &bytes].concat());
        read(&road, &[&[0x85, tag][..], &bytes].concat());
        read(&road, &[&[0x82, 0x80 | tag][..], &bytes].concat());
    }

    #[test]
    fn a_changed_message_is_refused_or_says_the_same(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let road = Road::new();
        let (offer, answer) = shown(&road);
        let whole = Offered::from_bytes(&offer).unwrap();
        let mut changed = offer.clone();
        for (at, by) in &changes {
            *at.get_mut(&mut changed) ^= by;
        }
        if let Ok(examined) = Offered::from_bytes(&changed).and_then(|one| one.examine(&road.rules(), at(20))) {
            // Signatures cover everything: at most a certificate that is not needed was exchanged.
            prop_assert_eq!(examined.offer().statement().id(), whole.id());
            prop_assert_eq!(examined.history().last().map(countersign_ledger::Entry::id), Some(whole.chain().last().id()));
        }
        read(&road, &offer[..cut.index(offer.len())]);

        let mut changed = answer.clone();
        for (at, by) in &changes {
            *at.get_mut(&mut changed) ^= by;
        }
        let closed = Offered::from_bytes(&offer).unwrap().close(&changed, &road.rules());
        prop_assert!(closed.is_err() || changed == answer);
    }
}

#[test]
fn the_seeds_of_the_fuzzer_are_messages_as_they_are_shown_now() {
    let offer = include_bytes!("../../../../fuzz/seeds/handover/offer");
    let answer = include_bytes!("../../../../fuzz/seeds/handover/answer");
    let offered = Offered::from_bytes(offer).unwrap();
    assert_eq!(answer_in(answer).unwrap().offer, offered.id());
}

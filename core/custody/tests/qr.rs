//! Statements travel from screen to camera: every code is drawn, and read by two decoders.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, reason = "a test")]

use countersign_custody::qr::{
    Assembly, Codes, MAX_BYTES, MAX_ONE, MAX_PARTS, NotEncoded, NotTaken, Parts, Progress, Received, encode,
};
use countersign_scan::draw::{Label, Scale};
use countersign_scan::{Picture, decode};
use proptest::prelude::*;

/// Of BCR-2020-005: 256 bytes in 9 parts of 30, and mixtures of them.
const PUBLISHED: [&str; 11] = [
    "ur:bytes/1-9/lpadascfadaxcywenbpljkhdcahkadaemejtswhhylkepmykhhtsytsnoyoyaxaedsuttydmmhhpktpmsrjtdkgslpgh",
    "ur:bytes/2-9/lpaoascfadaxcywenbpljkhdcagwdpfnsboxgwlbaawzuefywkdplrsrjynbvygabwjldapfcsgmghhkhstlrdcxaefz",
    "ur:bytes/3-9/lpaxascfadaxcywenbpljkhdcahelbknlkuejnbadmssfhfrdpsbiegecpasvssovlgeykssjykklronvsjksopdzmol",
    "ur:bytes/4-9/lpaaascfadaxcywenbpljkhdcasotkhemthydawydtaxneurlkosgwcekonertkbrlwmplssjtammdplolsbrdzcrtas",
    "ur:bytes/5-9/lpahascfadaxcywenbpljkhdcatbbdfmssrkzmcwnezelennjpfzbgmuktrhtejscktelgfpdlrkfyfwdajldejokbwf",
    "ur:bytes/6-9/lpamascfadaxcywenbpljkhdcackjlhkhybssklbwefectpfnbbectrljectpavyrolkzczcpkmwidmwoxkilghdsowp",
    "ur:bytes/7-9/lpatascfadaxcywenbpljkhdcavszmwnjkwtclrtvaynhpahrtoxmwvwatmedibkaegdosftvandiodagdhthtrlnnhy",
    "ur:bytes/8-9/lpayascfadaxcywenbpljkhdcadmsponkkbbhgsoltjntegepmttmoonftnbuoiyrehfrtsabzsttorodklubbuyaetk",
    "ur:bytes/9-9/lpasascfadaxcywenbpljkhdcajskecpmdckihdyhphfotjojtfmlnwmadspaxrkytbztpbauotbgtgtaeaevtgavtny",
    "ur:bytes/12-9/lpbnascfadaxcywenbpljkhdcarllaluzmdmgstospeyiefmwejlwtpedamktksrvlcygmzemovovllarodtmtbnptrs",
    "ur:bytes/20-9/lpbbascfadaxcywenbpljkhdcayapmrleeleaxpasfrtrdkncffwjyjzgyetdmlewtkpktgllepfrltataztksmhkbot",
];

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 256 * 7) as u8 ^ seed).collect()
}

fn parts(bytes: &[u8]) -> Parts {
    let Codes::Parts(parts) = encode(bytes).unwrap() else { panic!("one code") };
    parts
}

fn picture(text: &str) -> Picture {
    Label::plain(text).unwrap().picture(Scale::new(4).unwrap())
}

/// What our scanner and a foreign one read from the drawn code.
fn read(text: &str) -> String {
    let picture = picture(text);
    let ours = decode(&picture.frame().unwrap());
    assert_eq!(ours.len(), 1);
    let (width, height) = (u32::try_from(picture.width()).unwrap(), u32::try_from(picture.height()).unwrap());
    let theirs = rxing::helpers::detect_in_luma_slice(picture.pixels(), width, height, None).unwrap();
    assert_eq!(ours[0].text, theirs.getText());
    ours[0].text.clone()
}

#[test]
fn a_statement_fits_into_one_code_that_phones_read() {
    let sent = bytes(MAX_ONE, 1);
    let Codes::One(text) = encode(&sent).unwrap() else { panic!("several codes") };
    assert_eq!(Assembly::default().feed(&read(&text)), Ok(Received::Whole(sent)));
    // Version 15: 77 modules and 4 of quiet zone on either side.
    assert!(picture(&text).width() <= (77 + 8) * 4);
}

#[test]
fn more_than_one_code_holds_comes_as_parts_of_no_larger_codes() {
    let sent = bytes(MAX_ONE + 1, 1);
    let mut assembly = Assembly::default();
    let mut shown = parts(&sent);
    assert_eq!(shown.needed(), 2);
    let first = shown.next().unwrap();
    assert!(picture(&first).width() <= (77 + 8) * 4);
    assert_eq!(assembly.feed(&read(&first)), Ok(Received::Part(Progress { have: 1, need: 2 })));
    assert_eq!(assembly.progress(), Some(Progress { have: 1, need: 2 }));
    assert_eq!(assembly.feed(&read(&shown.next().unwrap())), Ok(Received::Whole(sent)));
    assert_eq!(assembly.progress(), None);
}

#[test]
fn the_published_parts_are_read_in_either_case_and_with_mixtures_for_lost_ones() {
    let expected = [0x91, 0x6e, 0xc6, 0x5c, 0xf7, 0x7c, 0xad, 0xf5];
    let whole = |texts: Vec<String>| {
        let mut assembly = Assembly::default();
        texts.iter().find_map(|text| match assembly.feed(text).unwrap() {
            Received::Whole(bytes) => Some(bytes),
            Received::Part(_) => None,
        })
    };
    let all = whole(PUBLISHED.iter().map(|text| text.to_ascii_uppercase()).collect()).unwrap();
    assert_eq!((all.len(), &all[..8]), (256, &expected[..]));
    // Without part 1, which the mixtures do not hold: not whole.
    assert_eq!(whole(PUBLISHED[1..9].iter().map(ToString::to_string).collect()), None);
    assert_eq!(whole(PUBLISHED.iter().rev().map(ToString::to_string).collect()), Some(all));
}

#[test]
fn a_code_seen_a_thousand_times_is_one_part() {
    let mut assembly = Assembly::default();
    let text = parts(&bytes(3000, 1)).next().unwrap();
    for _ in 0..1000 {
        assert_eq!(assembly.feed(&text), Ok(Received::Part(Progress { have: 1, need: 9 })));
    }
}

#[test]
fn parts_of_another_message_do_not_disturb_and_three_in_a_row_replace() {
    let (first, second) = (bytes(3000, 1), bytes(3000, 2));
    let (mut ours, mut other) = (parts(&first), parts(&second));
    let mut assembly = Assembly::default();
    assembly.feed(&ours.next().unwrap()).unwrap();
    for have in 2..=4 {
        assert_eq!(assembly.feed(&other.next().unwrap()), Err(NotTaken::OtherMessage));
        assert_eq!(assembly.feed(&ours.next().unwrap()), Ok(Received::Part(Progress { have, need: 9 })));
    }
    let mut other = parts(&second);
    assert_eq!(assembly.feed(&other.next().unwrap()), Err(NotTaken::OtherMessage));
    assert_eq!(assembly.feed(&other.next().unwrap()), Err(NotTaken::OtherMessage));
    assert_eq!(assembly.feed(&other.next().unwrap()), Ok(Received::Part(Progress { have: 3, need: 9 })));
    let rest = other.find_map(|text| match assembly.feed(&text).unwrap() {
        Received::Whole(bytes) => Some(bytes),
        Received::Part(_) => None,
    });
    assert_eq!(rest, Some(second));
}

#[test]
fn each_refusal_has_its_own_reason_and_changes_nothing() {
    let sent = bytes(3000, 1);
    let mut shown = parts(&sent);
    let mut assembly = Assembly::default();
    assembly.feed(&shown.next().unwrap()).unwrap();
    let before = assembly.progress();
    let part = shown.next().unwrap();
    let damaged = format!("{}AE", &part[..part.len() - 2]);
    let long = "ae".repeat(1500);
    let refused = [
        ("https://id.gs1.org/01/09506000134352".into(), NotTaken::NotOurs),
        ("UR:SEED/1-2/AEAE".into(), NotTaken::NotOurs),
        ("CS1:".into(), NotTaken::Damaged),
        ("CS1:::".into(), NotTaken::Damaged),
        (damaged, NotTaken::Damaged),
        ("UR:BYTES/0-2/AEAE".into(), NotTaken::Damaged),
        (part.replacen("2-9", "3-9", 1), NotTaken::Damaged),
        (format!("UR:BYTES/1-{}/AEAE", MAX_PARTS + 1), NotTaken::TooManyParts),
        ("UR:BYTES/1-4294967295/AEAE".into(), NotTaken::TooManyParts),
        (format!("UR:BYTES/1-100/{long}"), NotTaken::TooLarge),
        (format!("CS1:{}", "0".repeat(5000)), NotTaken::TooLarge),
    ];
    for (text, reason) in refused {
        assert_eq!(assembly.feed(&text), Err(reason), "{text:.60}");
        assert_eq!(assembly.progress(), before);
    }
}

#[test]
fn parts_that_do_not_add_up_are_refused_and_reading_begins_again() {
    // A part with the right head and other contents, as an attacker with a second screen would mix it in.
    let sent = bytes(801, 1);
    let mut texts: Vec<String> = parts(&sent).take(3).collect();
    let part = ur::ur::decode(&texts[1]).unwrap().1;
    let mut forged = part;
    *forged.last_mut().unwrap() ^= 1;
    let body = ur::bytewords::encode(&forged, ur::bytewords::Style::Minimal);
    texts[1] = format!("UR:BYTES/2-3/{}", body.to_ascii_uppercase());
    let mut assembly = Assembly::default();
    assembly.feed(&texts[0]).unwrap();
    assembly.feed(&texts[1]).unwrap();
    assert_eq!(assembly.feed(&texts[2]), Err(NotTaken::Checksum));
    assert_eq!(assembly.progress(), None);
}

/// Numbers that look random, the same in every run.
struct Lot(u64);

impl Lot {
    fn percent(&mut self, chance: u64) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % 100 < chance
    }
}

#[test]
fn a_message_of_many_codes_comes_through_a_camera_that_misses_and_dazzles() {
    // A chain of four hops with its offer.
    let sent = bytes(4600, 5);
    let Codes::Parts(shown) = encode(&sent).unwrap() else { panic!("one code") };
    let (need, mut lot, mut assembly) = (shown.needed(), Lot(7), Assembly::default());
    let (mut seen, mut dazzled, mut before) = (0, 0, 0);
    for (frame, text) in shown.enumerate() {
        assert!(frame < need * 6, "{frame} frames for {need} parts");
        if lot.percent(40) {
            continue;
        }
        let read = if lot.percent(20) {
            // A reflection over a part of the screen: the code is read as it is, or not at all.
            dazzled += 1;
            let drawn = picture(&text);
            let (width, from) = (drawn.width(), drawn.pixels().len() / 3);
            let mut pixels = drawn.pixels().to_vec();
            pixels[from..from + 6 * width].fill(255);
            let frame = countersign_scan::Luma::new(width, drawn.height(), width, &pixels).unwrap();
            decode(&frame).into_iter().map(|symbol| symbol.text).next()
        } else {
            Some(read(&text))
        };
        let Some(read) = read else { continue };
        assert_eq!(read, text);
        seen += 1;
        match assembly.feed(&read).unwrap() {
            Received::Part(Progress { have, need: of }) => {
                assert!((before..=need).contains(&have) && of == need);
                before = have;
            }
            Received::Whole(bytes) => {
                assert_eq!(bytes, sent);
                assert!(seen >= need && dazzled > 0, "{seen} of {need}, {dazzled}");
                return;
            }
        }
    }
}

#[test]
fn a_screen_that_never_shows_one_part_is_given_up_and_what_follows_is_read() {
    let sent = bytes(MAX_ONE + 1, 1);
    let second = parts(&sent).nth(1).unwrap();
    // This sender holds back the first of two fragments, and all mixtures that would reveal it.
    let tells = |part: &str| {
        let mut assembly = Assembly::default();
        assembly.feed(&second).unwrap();
        matches!(assembly.feed(part), Ok(Received::Whole(_)))
    };
    let mut assembly = Assembly::default();
    let mut fed = 0;
    let given_up = parts(&sent).filter(|part| !tells(part)).find_map(|part| {
        fed += 1;
        assembly.feed(&part).err()
    });
    // Sixteen for each of the two, and one more.
    assert_eq!((given_up, fed), (Some(NotTaken::Endless), 33));
    assert_eq!(assembly.progress(), None);
    let whole = parts(&sent).find_map(|part| match assembly.feed(&part).unwrap() {
        Received::Whole(bytes) => Some(bytes),
        Received::Part(_) => None,
    });
    assert_eq!(whole, Some(sent));
}

#[test]
fn nothing_and_too_much_are_not_encoded() {
    assert_eq!(encode(&[]).err(), Some(NotEncoded::Empty));
    assert_eq!(encode(&bytes(MAX_BYTES + 1, 1)).err(), Some(NotEncoded::TooLarge));
    assert_eq!(parts(&bytes(MAX_BYTES, 1)).needed(), 193);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_lost_repeated_or_out_of_order_the_message_comes_whole(
        length in 1_usize..12_000, skipped in 0_usize..100, keep in proptest::collection::vec(0_u8..4, 64),
    ) {
        let sent = bytes(length, 3);
        let mut assembly = Assembly::default();
        let got = match encode(&sent).unwrap() {
            Codes::One(text) => assembly.feed(&text).unwrap(),
            Codes::Parts(parts) => {
                let need = parts.needed();
                // Out of order within a window of eight, half of them lost, some seen twice.
                let window: Vec<String> = parts.skip(skipped).take(need * 12 + 64).collect();
                let order = window.chunks(8).flat_map(|chunk| chunk.iter().rev());
                let seen = order.zip(keep.iter().cycle()).flat_map(|(text, keep)| vec![text; usize::from(keep / 2)]);
                let mut whole = None;
                for text in seen.chain(&window) {
                    if let fed @ Received::Whole(_) = assembly.feed(text).unwrap() {
                        whole = Some(fed);
                        break;
                    }
                }
                whole.unwrap()
            }
        };
        prop_assert_eq!(got, Received::Whole(sent));
    }

    #[test]
    fn no_text_makes_it_panic(texts in proptest::collection::vec("(CS1:|UR:BYTES/|ur:bytes/[0-9]{1,3}-[0-9]{1,3}/)?[A-Za-z0-9 $%*+./:-]{0,60}|\\PC{0,20}", 0..8)) {
        let mut assembly = Assembly::default();
        for text in texts {
            let _ = assembly.feed(&text);
        }
    }
}

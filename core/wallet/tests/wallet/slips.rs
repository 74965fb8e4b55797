//! What happens to codes on their way: a misread accuses nobody, and is not signed, through whichever door it comes.

use std::time::Duration;

use countersign_custody::{Item, Profile, Reason, SubjectType, VerdictKind};
use countersign_scan::draw::{Label, Scale};
use countersign_scan::{Code, Luma, ScanResult, Scanner, decode};
use countersign_wallet::{ActError, Consent, HeldBack, Named, NoPack, Snapshot, item, item_of};
use datamatrix::{DataMatrix, SymbolList};

use crate::world::{CLASS, EXPIRY, Scene, World, kind, subject};

/// One list for every door.
const SLIPS: &str = include_str!("../../../scan/tests/data/slips.tsv");

const LOT: &str = "Ly2";
const SERIAL: &str = "Z001";

fn scene() -> Scene {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/{LOT}"), 'Z');
    Scene::new(world)
}

fn swapped(text: &str) -> String {
    let swap = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swap).collect()
}

fn keys(text: &str) -> String {
    let key = |c: char| match c {
        'y' => 'z',
        'z' => 'y',
        'Y' => 'Z',
        'Z' => 'Y',
        other => other,
    };
    text.chars().map(key).collect()
}

/// The lines: slip, whether a symbol may be printed so, text.
fn lines() -> Vec<(&'static str, bool, String)> {
    let day = EXPIRY.to_string()[2..10].replace('-', "");
    let line = |line: &'static str| {
        let [slip, printed, text] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let text = [
            ("%G", "09506000134352"),
            ("%E", &day),
            ("%L", LOT),
            ("%S", SERIAL),
            ("%l", &swapped(LOT)),
            ("%s", &swapped(SERIAL)),
            ("%y", &keys(LOT)),
            ("%z", &keys(SERIAL)),
            ("\\\\", "\u{0}"),
            ("\\g", "\u{1d}"),
            ("\\t", "\t"),
            ("\\n", "\n"),
            ("\\r", "\r"),
            ("\\b", " "),
            ("\\z", "\u{200b}"),
            ("\\f", "\u{feff}"),
            ("\u{0}", "\\"),
        ]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        (slip, printed == "yes", text)
    };
    let lines: Vec<_> = SLIPS.lines().filter(|line| !line.starts_with('#')).map(line).collect();
    assert!(lines.len() > 60);
    lines
}

fn expect(snapshot: &mut Snapshot, scene: &Scene, item: &Item, slip: &str, door: &str) {
    let verdict = snapshot.check(item, scene.now());
    let reasons: Vec<_> = verdict.reasons.iter().map(Reason::key).collect();
    if slip == "-" {
        assert_eq!((verdict.kind, reasons), (VerdictKind::Authentic, vec![]), "{door}");
        return;
    }
    assert_eq!((verdict.kind, reasons.first()), (VerdictKind::CheckScan, Some(&slip)), "{door}: {reasons:?}");
    let Reason::Misread { readings, .. } = &verdict.reasons[0] else { panic!("{door}") };
    let genuine = format!("{CLASS}/10/{LOT}/21/{SERIAL}");
    let found = readings.iter().any(|one| one.pack.as_ref().is_some_and(|pack| pack.as_str() == genuine));
    assert!(found, "{door}: {readings:?}");
}

#[test]
fn a_typed_slip_asks_for_another_scan_and_shows_what_is_known() {
    let scene = scene();
    let mut snapshot = scene.synced();
    for (slip, _, text) in lines() {
        let item = item(&Code::typed(&text), 2026).unwrap_or_else(|reason| panic!("{text:?}: {reason}"));
        expect(&mut snapshot, &scene, &item, slip, &format!("{text:?}"));
    }
}

#[test]
fn a_slip_is_not_signed_whatever_is_consented_to() {
    let scene = scene();
    let mut snapshot = scene.synced();
    let step = Profile::medicine().step(&kind("medicine.dispense")).unwrap();
    for (slip, _, text) in lines() {
        let named = Named::read(&Code::typed(&text), 2026).unwrap();
        let guarded = snapshot.guard(step, &named, None, Consent::ALL, scene.now());
        match slip {
            "-" => {
                assert_eq!(guarded, Ok(subject(&format!("{CLASS}/10/{LOT}/21/{SERIAL}"))));
            }
            _ => {
                let Err(HeldBack::Misread { readings, .. }) = guarded else {
                    panic!("{text:?}: {guarded:?}")
                };
                assert!(!readings.is_empty(), "{text:?}");
            }
        }
    }
}

/// A picture of a symbol with any element strings.
fn matrix(text: &str) -> (usize, usize, Vec<u8>) {
    let bitmap =
        DataMatrix::encode_gs1(text.as_bytes(), SymbolList::default().enforce_square()).unwrap().bitmap();
    let (side, module) = (bitmap.width() + 4, 5);
    let mut pixels = vec![255; side * module * side * module];
    for (index, _) in bitmap.bits().iter().enumerate().filter(|(_, dark)| **dark) {
        let (x, y) = (index % bitmap.width() + 2, index / bitmap.width() + 2);
        for row in y * module..(y + 1) * module {
            pixels[row * side * module + x * module..][..module].fill(0);
        }
    }
    (side * module, side * module, pixels)
}

/// A symbol that was read undamaged was printed so. What can be printed is an excuse; what only keys do is none.
#[test]
fn a_printed_slip_is_the_same_in_a_picture_and_before_a_live_camera() {
    let scene = scene();
    let mut snapshot = scene.synced();
    let mut seen = 0;
    for (slip, printed, text) in lines() {
        let Some(data) = text.strip_prefix("]d2").filter(|data| data.is_ascii()) else { continue };
        let (width, height, pixels) = matrix(data);
        let luma = Luma::new(width, height, width, &pixels).unwrap();
        let mut scanner = Scanner::new();
        let frames = (0..40).map(|_| scanner.look(&luma, Duration::MAX, || Duration::ZERO));
        let live = frames.into_iter().find_map(|sight| match sight {
            ScanResult::Symbols(symbols) => Some(symbols),
            _ => None,
        });
        for (door, symbols) in [("picture", decode(&luma)), ("frames", live.unwrap())] {
            let codes: Vec<Code> = symbols.iter().map(Code::from).collect();
            let item = item_of(&codes, 2026).unwrap_or_else(|reason| panic!("{door}: {data:?}: {reason}"));
            if printed {
                expect(&mut snapshot, &scene, &item, slip, &format!("{door}: {data:?}"));
            } else {
                let verdict = snapshot.check(&item, scene.now());
                let reasons: Vec<_> = verdict.reasons.iter().map(Reason::key).collect();
                assert_eq!(verdict.kind, VerdictKind::Suspect, "{door}: {data:?}: {reasons:?}");
                assert!(reasons.contains(&"near-miss"), "{door}: {data:?}: {reasons:?}");
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn a_pack_with_a_link_that_says_less_is_one_pack() {
    let scene = scene();
    let mut snapshot = scene.synced();
    let genuine = format!("010950600013435210{LOT}\u{1d}21{SERIAL}");
    let full = format!("https://brand.example/01/09506000134352/10/{LOT}/21/{SERIAL}");
    for (elements, link, one) in [
        (&*genuine, "https://brand.example/01/09506000134352", true),
        (&*genuine, &*format!("https://brand.example/01/09506000134352/10/{LOT}"), true),
        (&*genuine, &*full, true),
        (&*genuine, "https://brand.example/welcome", true),
        (&*genuine, "https://brand.example/01/09506000134352/10/OTHER", false),
        (&*genuine, "https://brand.example/01/09506000134369", false),
        // A slip of print is no contradiction; what keys do cannot have happened to a symbol.
        (&*format!("010950600013435210{LOT}21{SERIAL}"), &*full, true),
        (&*format!("010950600013435210{LOT}/21{SERIAL}"), &*full, true),
        (&*format!("010950600013435221{SERIAL}10{LOT}"), &*full, true),
        (&*format!("010950600013435210{}\u{1d}21{}", swapped(LOT), swapped(SERIAL)), &*full, false),
        (&*format!("010950600013435210{}\u{1d}21{}", keys(LOT), keys(SERIAL)), &*full, false),
        (&*format!("010950600013435210{LOT}21OTHER"), &*full, false),
    ] {
        let (width, height, pixels) = matrix(elements);
        let link = Label::plain(link).unwrap().picture(Scale::new(5).unwrap());
        let (w, h) = (width + link.width(), height.max(link.height()));
        for swap in [false, true] {
            let mut both = vec![255; w * h];
            let (left, right) = if swap { (link.width(), 0) } else { (0, width) };
            for (row, line) in pixels.chunks(width).enumerate() {
                both[row * w + left..][..width].copy_from_slice(line);
            }
            for (row, line) in link.pixels().chunks(link.width()).enumerate() {
                both[row * w + right..][..link.width()].copy_from_slice(line);
            }
            let luma = Luma::new(w, h, w, &both).unwrap();
            let codes: Vec<Code> = decode(&luma).iter().map(Code::from).collect();
            assert_eq!(codes.len(), 2);
            match item_of(&codes, 2026) {
                Ok(item) => {
                    assert!(one, "{elements}");
                    assert_eq!(snapshot.check(&item, scene.now()).kind, VerdictKind::Authentic);
                }
                Err(reason) => assert_eq!((reason, one), (NoPack::Several, false)),
            }
        }
    }
}

#[test]
fn a_serial_without_its_lot_is_found_and_its_recall_told() {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/{LOT}"), 'Z');
    world.recall(&format!("{CLASS}/10/{LOT}"));
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let mut ask = |code: &str| {
        let item = item(&Code::typed(code), 2026).unwrap();
        let verdict = snapshot.check(&item, scene.now());
        (verdict.kind, verdict.reasons.iter().map(Reason::key).collect::<Vec<_>>())
    };
    assert_eq!(ask("(01)09506000134352(21)Z001"), (VerdictKind::Attention, vec!["recalled"]));
    assert_eq!(ask("(01)09506000134352(21)S001"), (VerdictKind::Authentic, vec![]));
    assert_eq!(ask("(01)09506000134352(21)X001"), (VerdictKind::CannotTell, vec!["not-serialised"]));
    assert_eq!(ask("(01)09506000134352(21)s001"), (VerdictKind::CheckScan, vec!["case-swapped"]));
}

#[test]
fn an_act_is_about_the_level_of_its_code_or_the_one_that_is_asked_for() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    let mut subject_of = |code: &str, name: &str, asked: Option<SubjectType>| {
        let step = Profile::medicine().step(&kind(name)).unwrap();
        let named = Named::read(&Code::typed(code), 2026).unwrap();
        snapshot.guard(step, &named, asked, Consent::default(), scene.now())
    };
    let (pack, lot) = ("(01)09506000134352(10)L1(21)S001", format!("{CLASS}/10/L1"));
    let (dispense, recall) = ("medicine.dispense", "medicine.recall");
    assert_eq!(subject_of(pack, dispense, None), Ok(subject(&format!("{lot}/21/S001"))));
    let told = "the code names a pack, and `medicine.recall` is about a product or a lot: say which is meant";
    assert_eq!(subject_of(pack, recall, None).unwrap_err().to_string(), told);
    assert_eq!(subject_of(pack, recall, Some(SubjectType::Lot)), Ok(subject(&lot)));
    assert_eq!(subject_of(pack, recall, Some(SubjectType::Class)), Ok(subject(CLASS)));
    assert!(subject_of(pack, recall, Some(SubjectType::Pack)).is_err());
    assert_eq!(subject_of("(01)09506000134352", recall, None), Ok(subject(CLASS)));
    let narrower = subject_of("(01)09506000134352", recall, Some(SubjectType::Lot));
    assert!(matches!(narrower, Err(HeldBack::NoSuchLevel { .. })));
    // The number under a bar code cannot name more, so it says nothing about the level that is meant.
    for linear in ["]E09506000134352", "9506000134352"] {
        assert!(matches!(subject_of(linear, recall, None), Err(HeldBack::OtherLevel { .. })));
        assert_eq!(subject_of(linear, recall, Some(SubjectType::Class)), Ok(subject(CLASS)));
    }
}

#[test]
fn what_is_denied_or_not_known_here_is_not_acted_upon_without_the_word() {
    let scene = scene();
    let (mut synced, mut empty) = (scene.synced(), Scene::new(World::with_lot()).open());
    let step = Profile::medicine().step(&kind("medicine.dispense")).unwrap();
    let guard = |snapshot: &mut Snapshot, code: &str, unknown| {
        let named = Named::read(&Code::typed(code), 2026).unwrap();
        snapshot.guard(step, &named, None, Consent { unknown, irrevocable: true }, scene.now()).map(drop)
    };
    let (genuine, never) = ("(01)09506000134352(10)L1(21)S001", "(01)09506000134352(10)L1(21)NEVER");
    assert_eq!(guard(&mut synced, genuine, false), Ok(()));
    assert!(matches!(guard(&mut synced, never, false), Err(HeldBack::Unknown { why: "unknown-serial", .. })));
    assert_eq!(guard(&mut synced, never, true), Ok(()));
    assert!(matches!(
        guard(&mut empty, genuine, false),
        Err(HeldBack::CannotTell { why: "not-followed", .. })
    ));
    assert_eq!(guard(&mut empty, genuine, true), Ok(()));
}

/// The issuer itself, for callers that read no text.
#[test]
fn an_issuer_signs_nothing_that_nobody_has_said_the_word_for() {
    let mut office = crate::acting::Office::new();
    let now = office.scene.now();
    office.issuer().enrol("authority key", "authority").unwrap();
    office.issuer().enrol("pharmacy key", "pharmacy").unwrap();
    let lot = |lot: &str| crate::acting::draft("medicine.recall", &format!("{CLASS}/10/{lot}"));
    let mut held =
        |consent, key: &str, draft| match office.issuer().consenting(consent).sign(key, &draft, now) {
            Ok(_) => None,
            Err(ActError::Held(held)) => Some(held),
            Err(other) => panic!("{other}"),
        };
    let (nothing, yes) = (Consent::default(), Consent { irrevocable: true, unknown: false });
    assert!(matches!(held(nothing, "authority key", lot("L1")), Some(HeldBack::Irrevocable { .. })));
    assert_eq!(held(yes, "authority key", lot("L1")), None);
    assert!(matches!(held(yes, "authority key", lot("DEF21XYZ9")), Some(HeldBack::Unknown { .. })));
    assert_eq!(held(Consent::ALL, "authority key", lot("DEF21XYZ9")), None);
    let pack = || crate::acting::draft("medicine.dispense", &format!("{CLASS}/10/L1/21/NEVER"));
    assert!(matches!(held(yes, "pharmacy key", pack()), Some(HeldBack::CannotTell { .. })));
    assert_eq!(held(Consent::ALL, "pharmacy key", pack()), None);
}

//! What a phone remembers of its scans: only what its owner wants, sealed, bounded, erased for good; and what it is told later.

use std::fs;
use std::sync::Arc;

use countersign_custody::{Item, Reason, VerdictKind};
use countersign_ledger::{Fields, LogName, UnixMillis};
use countersign_wallet::{
    CopyHint, Cost, Issuer, KeyStore, KeyStoreError, MAX_SCANS, NoticeId, SAME_SCAN_MILLIS, Scan, Scans,
    ScansError, Seen, Snapshot, Vault,
};

use crate::world::{CLASS, EXPIRY, LOT, PACK, Scene, World, item, subject};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
const DAY: u64 = 24 * 3600 * 1000;

struct Phone {
    scene: Scene,
    snapshot: Snapshot,
    keys: Arc<Vault>,
    scans: Scans,
}

impl Phone {
    /// A phone that follows the product and remembers what it scans.
    fn new(world: World) -> Self {
        let scene = Scene::new(world);
        let mut snapshot = scene.synced();
        let vault = Vault::create_at_cost(&scene.directory.path().join("vault"), b"p", CHEAP).unwrap();
        let keys = Arc::new(vault);
        let scans = Scans::new(Arc::clone(&keys) as Arc<dyn KeyStore>);
        scans.remember(&mut snapshot, true).unwrap();
        Self { scene, snapshot, keys, scans }
    }

    fn scan_at(&mut self, item: &Item, now: UnixMillis) -> Seen {
        let verdict = self.snapshot.check(item, now);
        self.scans.note(&mut self.snapshot, item, &verdict, now).unwrap()
    }

    fn scan(&mut self, serial: &str) -> Seen {
        self.scan_at(&item(LOT, serial), self.scene.now())
    }

    fn list(&self) -> Vec<Scan> {
        self.scans.list(&self.snapshot).unwrap()
    }

    fn serials(&self) -> Vec<String> {
        self.list().into_iter().filter_map(|scan| scan.item.serial).collect()
    }

    fn sync(&mut self) {
        self.scene.sync(&mut self.snapshot);
    }

    /// The packs that there is news of, and what it is.
    fn news_at(&mut self, now: UnixMillis) -> Vec<(String, &'static str, NoticeId)> {
        let notices = self.scans.notices(&mut self.snapshot, now).unwrap().into_iter();
        notices.map(|one| (one.scan.item.serial.unwrap(), one.reason.key(), one.id)).collect()
    }

    fn news(&mut self) -> Vec<(String, &'static str, NoticeId)> {
        self.news_at(self.scene.now())
    }

    /// The phone after its app was killed.
    fn reopened(self) -> Self {
        let snapshot = self.scene.open();
        let scans = Scans::new(Arc::clone(&self.keys) as Arc<dyn KeyStore>);
        Self { snapshot, scans, ..self }
    }

    /// All that lies on the disk.
    fn on_disk(&self) -> Vec<u8> {
        let path = self.scene.path();
        let files = ["", "-wal"].map(|end| fs::read(format!("{}{end}", path.display())).unwrap_or_default());
        files.concat()
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn nothing_is_remembered_before_the_owner_wants_it() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    let vault = Vault::create_at_cost(&scene.directory.path().join("vault"), b"p", CHEAP).unwrap();
    let scans = Scans::new(Arc::new(vault));
    let verdict = snapshot.check(&item(LOT, "S001"), scene.now());
    scans.note(&mut snapshot, &item(LOT, "S001"), &verdict, scene.now()).unwrap();
    let told = scans.remembered(&snapshot).unwrap();
    assert_eq!((told.on, told.scanned, told.kept, told.bytes), (false, 0, 0, 0));
    scans.remember(&mut snapshot, true).unwrap();
    // What it saw just before it was told to remember is scanned anew by the next look.
    for item in [item(LOT, "S001"), item(LOT, "S002")] {
        scans.note(&mut snapshot, &item, &verdict, scene.now()).unwrap();
    }
    let told = scans.remembered(&snapshot).unwrap();
    assert_eq!((told.on, told.scanned), (true, 2));
    scans.remember(&mut snapshot, false).unwrap();
    assert_eq!(scans.remembered(&snapshot).unwrap(), countersign_wallet::Remembered::default());
}

#[test]
fn a_scan_is_there_after_a_restart_with_its_verdict_and_what_it_was_as_of() {
    let mut world = World::with_lot();
    world.dispense(PACK);
    let mut phone = Phone::new(world);
    phone.scan("S001");
    phone.scan("S007");
    let phone = phone.reopened();
    let [dispensed, genuine] = &phone.list()[..] else { panic!("{:?}", phone.list()) };
    assert_eq!((genuine.verdict, genuine.reason.as_deref()), (VerdictKind::Authentic, None));
    assert_eq!(dispensed.reason.as_deref(), Some("dispensed-recorded"));
    assert_eq!((&genuine.item, genuine.expires_at), (&item(LOT, "S001"), Some(EXPIRY)));
    let size = phone.scene.world().size(LogName::SUPPLY);
    assert_eq!((genuine.checkpoint, genuine.times, genuine.kept), (Some(size), 1, false));
}

#[test]
fn looking_twice_is_one_scan_and_a_misread_is_none() {
    let mut phone = Phone::new(World::with_lot());
    let (start, pack) = (phone.scene.now(), item(LOT, "S001"));
    assert_eq!(phone.scan_at(&pack, start).before, None);
    let near = UnixMillis(start.0 + SAME_SCAN_MILLIS);
    assert_eq!(phone.scan_at(&pack, near).before, None);
    // Also with another pack in between.
    phone.scan_at(&item(LOT, "S002"), near);
    assert_eq!(phone.scan_at(&pack, near).before, None);
    let later = UnixMillis(near.0 + SAME_SCAN_MILLIS + 1);
    assert_eq!(phone.scan_at(&pack, later).before, Some((start, 1)));
    let much = UnixMillis(later.0 + DAY);
    assert_eq!(phone.scan_at(&pack, much).before, Some((start, 2)));
    assert_eq!(phone.list()[0].times, 3);
    let misread =
        countersign_wallet::item(&countersign_scan::Code::typed("(01)09506000134352(10)l1(21)s001"), 2026);
    phone.scan_at(&misread.unwrap(), much);
    assert_eq!(phone.serials(), ["S001", "S002"]);
}

#[test]
fn what_is_on_the_disk_says_nothing_of_what_was_scanned() {
    let mut phone = Phone::new(World::with_lot());
    phone.scan("S042");
    assert!(!contains(&phone.on_disk(), "S042"));
    // Under another secret, as after a restore, it is not there, and a new history begins.
    phone.keys.keep_secret("scans-scanned".to_owned(), vec![7; 32]).unwrap();
    let mut phone = phone.reopened();
    assert_eq!(phone.list(), []);
    phone.keys.delete("scans-scanned".to_owned()).unwrap();
    let scans = Scans::new(Arc::clone(&phone.keys) as Arc<dyn KeyStore>);
    phone.scans = scans;
    phone.scan("S043");
    assert_eq!(phone.serials(), ["S043"]);
    assert_eq!(phone.scans.remembered(&phone.snapshot).unwrap().scanned, 1);
}

#[test]
fn what_is_erased_cannot_be_read_even_from_an_old_copy_of_the_database() {
    let mut phone = Phone::new(World::with_lot());
    phone.scan("S001");
    phone.snapshot.follow_pack(&subject(PACK)).unwrap();
    let now = phone.scene.now();
    phone.scans.keep(&mut phone.snapshot, &item(LOT, "S007"), now).unwrap();
    let copy = phone.scene.directory.path().join("copy.db");
    rusqlite::Connection::open(phone.scene.path())
        .unwrap()
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    let old = |phone: &Phone| {
        let snapshot = Snapshot::open(&copy, &phone.scene.genesis).unwrap();
        Scans::new(Arc::clone(&phone.keys) as Arc<dyn KeyStore>).list(&snapshot).unwrap().len()
    };
    assert_eq!(old(&phone), 2);
    phone.scans.erase_history(&mut phone.snapshot).unwrap();
    assert_eq!((phone.serials(), old(&phone)), (vec!["S007".to_owned()], 1));
    phone.scans.erase_all(&mut phone.snapshot).unwrap();
    assert_eq!((phone.list(), old(&phone)), (vec![], 0));
    // It remembers again what is scanned from then on.
    phone.scan("S002");
    assert_eq!(phone.serials(), ["S002"]);
}

#[test]
fn one_pack_can_be_forgotten() {
    let mut phone = Phone::new(World::with_lot());
    phone.scan("S001");
    phone.scan("S002");
    phone.scans.forget(&mut phone.snapshot, &subject(&format!("{LOT}/21/S001"))).unwrap();
    assert_eq!(phone.serials(), ["S002"]);
}

#[test]
fn a_shelf_holds_so_many_packs_and_drops_those_scanned_longest_ago() {
    let mut phone = Phone::new(World::with_lot());
    let verdict = phone.snapshot.check(&item(LOT, "S001"), phone.scene.now());
    let now = phone.scene.now();
    for number in 0..MAX_SCANS + 5 {
        let scanned = item(LOT, &format!("N{number}"));
        phone.scans.note(&mut phone.snapshot, &scanned, &verdict, now).unwrap();
        if number == 2 {
            // Seen again it is among the latest; at the end it is there still.
            let later = UnixMillis(now.0 + 1);
            phone.scans.note(&mut phone.snapshot, &item(LOT, "N0"), &verdict, later).unwrap();
        }
    }
    let serials = phone.serials();
    assert_eq!(serials.len() as u64, MAX_SCANS);
    for (serial, there) in [("N0", false), ("N4", false), ("N5", true), ("N1004", true)] {
        assert_eq!(serials.iter().any(|one| one == serial), there, "{serial}");
    }
    let told = phone.scans.remembered(&phone.snapshot).unwrap();
    assert!(told.bytes < 1100 * MAX_SCANS, "{}", told.bytes);
}

#[test]
fn a_recall_is_told_once_of_every_pack_that_was_scanned_and_of_no_other() {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/L2"), 'T');
    let mut phone = Phone::new(world);
    phone.scan("S001");
    phone.scan("S002");
    phone.scan_at(&item(&format!("{CLASS}/10/L2"), "T001"), phone.scene.now());
    assert_eq!(phone.news(), []);
    phone.scene.world().recall(LOT);
    assert_eq!(phone.news(), [], "before the sync");
    phone.sync();
    let news = phone.news();
    let told: Vec<_> = news.iter().map(|(serial, key, _)| (serial.as_str(), *key)).collect();
    assert_eq!(told, [("S002", "recalled"), ("S001", "recalled")]);
    // A notice that nobody was told of survives a killed app; one that was told does not come again.
    let mut phone = phone.reopened();
    assert_eq!(phone.news(), news);
    phone.scans.told(&mut phone.snapshot, news[0].2).unwrap();
    let mut phone = phone.reopened();
    assert_eq!(phone.news(), news[1..]);
    // What a verdict has shown needs no notice.
    let later = UnixMillis(phone.scene.now().0 + DAY);
    phone.scan_at(&item(LOT, "S001"), later);
    assert_eq!(phone.news(), []);
}

#[test]
fn a_recall_by_the_authority_is_told_of_a_product_that_is_not_followed() {
    let mut phone = Phone::new(World::with_lot());
    phone.scan("S001");
    phone.snapshot.unfollow(&subject(CLASS)).unwrap();
    phone.sync();
    phone.scan("S002");
    assert_eq!(phone.list()[0].reason.as_deref(), Some("not-followed"));
    // Only a certificate, which is not here, entitles a manufacturer.
    phone.scene.world().state("manufacturer", "medicine.suspend", LOT, Fields::new().with("reason", "r"));
    phone.sync();
    assert_eq!(phone.news(), []);
    phone.scene.world().recall(LOT);
    phone.sync();
    let told: Vec<_> = phone.news().into_iter().map(|(serial, key, _)| (serial, key)).collect();
    assert_eq!(told, [("S002".to_owned(), "recalled"), ("S001".to_owned(), "recalled")]);
}

#[test]
fn an_expiry_is_told_when_it_has_passed_and_not_by_a_clock_that_is_wrong() {
    let mut phone = Phone::new(World::with_lot());
    phone.scan("S001");
    assert_eq!(phone.news_at(UnixMillis(EXPIRY.0 - 1)), []);
    let told = phone.news_at(UnixMillis(EXPIRY.0 + DAY));
    assert_eq!((told.len(), told[0].1), (1, "expired"));
    assert_eq!(phone.news_at(UnixMillis(EXPIRY.0 + 400 * 365 * DAY)), [], "centuries ahead");
    phone.scans.told(&mut phone.snapshot, told[0].2).unwrap();
    assert_eq!(phone.news_at(UnixMillis(EXPIRY.0 + DAY)), []);
}

#[test]
fn a_pack_whose_history_no_longer_holds_is_told_if_it_is_kept() {
    let mut world = World::with_lot();
    world.judges = false;
    let mut phone = Phone::new(world);
    phone.snapshot.follow_pack(&subject(PACK)).unwrap();
    phone.sync();
    let now = phone.scene.now();
    phone.scans.keep(&mut phone.snapshot, &item(LOT, "S007"), now).unwrap();
    // A bribed operator lets a second sales report stand that no rule allows.
    phone.scene.world().play("sales-status", LOT, 'S');
    phone.sync();
    let told: Vec<_> = phone.news().into_iter().map(|(serial, key, _)| (serial, key)).collect();
    assert_eq!(told, [("S007".to_owned(), "broken-history")]);
}

#[test]
fn a_pack_that_is_kept_has_what_its_label_said_and_is_remembered_without_a_history() {
    let mut phone = Phone::new(World::with_lot());
    let scanned = phone.scene.now();
    phone.scan("S007");
    let (now, mut bare) = (UnixMillis(scanned.0 + DAY), item(LOT, "S007"));
    bare.expires_at = None;
    phone.snapshot.follow_pack(&subject(PACK)).unwrap();
    phone.scans.keep(&mut phone.snapshot, &bare, now).unwrap();
    phone.scans.remember(&mut phone.snapshot, false).unwrap();
    let [kept] = &phone.list()[..] else { panic!("{:?}", phone.list()) };
    assert_eq!((kept.kept, kept.item.expires_at, kept.times, kept.last), (true, Some(EXPIRY), 1, scanned));
    phone.scene.world().recall(LOT);
    phone.sync();
    assert_eq!(phone.news().len(), 1);
    let lot = Item { pack: None, serial: None, ..bare };
    assert!(matches!(phone.scans.keep(&mut phone.snapshot, &lot, now), Err(ScansError::NotAPack)));
}

#[test]
fn a_number_given_out_long_after_this_phone_had_it_is_hinted_at_and_one_given_out_at_once_is_not() {
    let mut phone = Phone::new(World::with_lot());
    phone.snapshot.follow_pack(&subject(PACK)).unwrap();
    phone.snapshot.follow_pack(&subject(&format!("{LOT}/21/S008"))).unwrap();
    phone.sync();
    assert_eq!(phone.scan("S007").hint, None);
    phone.scan("S008");
    phone.scene.world().dispense(&format!("{LOT}/21/S008"));
    phone.scene.world().now.0 += 2 * DAY;
    phone.scene.world().dispense(PACK);
    phone.sync();
    let hint = phone.scan("S007").hint;
    assert!(matches!(&hint, Some(CopyHint::GivenOutSince { by, .. }) if by.role() == "pharmacy"), "{hint:?}");
    assert_eq!(phone.scan("S008").hint, None);
    // Somebody who scans a pack long after it was given to them is told nothing new.
    phone.scene.world().dispense(&format!("{LOT}/21/S009"));
    phone.snapshot.follow_pack(&subject(&format!("{LOT}/21/S009"))).unwrap();
    phone.sync();
    let later = UnixMillis(phone.scene.now().0 + 5 * DAY);
    assert_eq!(phone.scan_at(&item(LOT, "S009"), later).hint, None);
}

#[test]
fn a_pharmacy_is_hinted_at_what_another_one_gave_out_and_not_at_its_own() {
    let mut phone = Phone::new(World::with_lot());
    let keys = Arc::clone(&phone.keys) as Arc<dyn KeyStore>;
    Issuer::new(&mut phone.snapshot, &phone.scene.client, keys).enrol("own", "pharmacy").unwrap();
    phone.scene.world().dispense(PACK);
    phone.snapshot.follow_pack(&subject(PACK)).unwrap();
    phone.sync();
    let later = UnixMillis(phone.scene.now().0 + 2 * DAY);
    let hint = phone.scan_at(&item(LOT, "S007"), later).hint;
    assert!(matches!(&hint, Some(CopyHint::GivenOutBefore { by, .. }) if by.name() == "first"), "{hint:?}");
    assert!(matches!(
        phone.snapshot.check(&item(LOT, "S007"), later).reasons[..],
        [Reason::Dispensed(_), ..]
    ));
}

/// A key store that is locked, as an iPhone's is before it was unlocked for the first time.
struct Locked;

impl KeyStore for Locked {
    fn make_signing_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn make_agreement_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn public_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn sign(&self, _: String, _: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn agree(&self, _: String, _: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn keep_secret(&self, _: String, _: Vec<u8>) -> Result<(), KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn recall_secret(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn delete(&self, _: String) -> Result<(), KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
    fn delete_all(&self) -> Result<(), KeyStoreError> {
        Err(KeyStoreError::Failed)
    }
}

#[test]
fn a_locked_key_store_loses_nothing() {
    let mut phone = Phone::new(World::with_lot());
    phone.scan("S001");
    phone.scene.world().recall(LOT);
    phone.sync();
    let locked = Scans::new(Arc::new(Locked));
    let now = phone.scene.now();
    let refused = locked.notices(&mut phone.snapshot, now).unwrap_err();
    assert!(matches!(refused, ScansError::KeyStore(KeyStoreError::Failed)), "{refused}");
    assert!(locked.erase_all(&mut phone.snapshot).is_err());
    assert_eq!((phone.serials(), phone.news().len()), (vec!["S001".to_owned()], 1));
}

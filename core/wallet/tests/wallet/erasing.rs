//! What is left of a wallet that was erased: nothing, of any kind that it ever kept.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use countersign_bedside::Badge;
use countersign_device::{Credential, Key};
use countersign_ledger::{Identity, UnixMillis};
use countersign_records::rules::Mode;
use countersign_wallet::{AskFor, Badges, Cost, DataLedgers, Issuer, Keeping, KeyStore, Scans, Vault, erase};

use crate::clinic::{Clinic, KEY, Phone};
use crate::world::{LOT, item};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };

/// What a key store has, by kind: the name as far as it is the same for all of the kind.
fn kinds(vault: &Vault) -> BTreeSet<String> {
    let kind = |name: String| {
        let stem = name.split(':').next().unwrap_or_default();
        stem.split('-').filter(|part| part.len() < 32).collect::<Vec<_>>().join("-")
    };
    vault.names().into_iter().map(kind).collect()
}

/// A phone on which somebody did everything for which a wallet keeps a key or a secret.
fn used(clinic: &Clinic, keys: &Arc<Vault>) -> Phone {
    let mut patient = clinic.patient();
    let (shared, label) = clinic.shared(&mut patient, Mode::AtOnce, &["Medication"]);
    let link = patient.records().link(&shared).unwrap().to_text().to_string();

    let mut phone = clinic.phone("used");
    phone.keys = Arc::clone(keys) as Arc<dyn KeyStore>;
    clinic.begun(&mut phone);
    let record = clinic.clinician(&mut phone, "ada", &link);
    let log = countersign_records::rules::LOGS[1];
    let wanted = AskFor {
        record,
        log,
        label: Some(label),
        minutes: 30,
        purpose: "TREAT".to_owned(),
        reason: None,
        name: "Dr. Ada".to_owned(),
    };
    let now = clinic.now();
    let thread = phone.clinician().ask(&clinic.client, &clinic.authority, &wanted, now).unwrap();
    phone.clinician().open(&clinic.client, &clinic.store, &thread, now).unwrap();

    let scans = Scans::new(Arc::clone(&phone.keys));
    let pack = item(LOT, "S001");
    scans.remember(&mut phone.snapshot, true).unwrap();
    let verdict = phone.snapshot.check(&pack, now);
    scans.note(&mut phone.snapshot, &pack, &verdict, now).unwrap();
    scans.keep(&mut phone.snapshot, &pack, now).unwrap();

    let credential = Credential { id: [1; 16], cred: [2; 16], epoch: 1, role: 2, secret: Key::new([3; 32]) };
    let gateway = Identity::parse("spiffe://meds.example/bedside-gateway/north").unwrap();
    let badge = Badge { credential, gateway, address: "gateway.example:8446".to_owned() };
    let mut badges = Badges::new(&mut phone.snapshot, Arc::clone(&phone.keys)).at_cost(CHEAP);
    badges.keep(&badge, "246810", Keeping::Counted).unwrap();
    // Whether the ledger takes the key or not, its secret half is kept before.
    let mut issuer = Issuer::new(&mut phone.snapshot, &clinic.client, Arc::clone(&phone.keys));
    let _ = issuer.publish_report_key(KEY, UnixMillis(now.0));
    phone
}

#[test]
fn nothing_is_left_of_any_kind_of_key_or_secret_and_no_file() {
    let clinic = Clinic::new();
    let folder = clinic.scene.directory.path();
    let keys = Arc::new(Vault::create_at_cost(&folder.join("used.keys"), b"p", CHEAP).unwrap());
    let phone = used(&clinic, &keys);
    let all = [
        "bedside",
        "clinician-records",
        "record",
        "record-ask",
        "record-kept",
        "record-secret",
        "report-key",
        "scans-kept",
        "scans-scanned",
        "signing",
    ];
    assert_eq!(kinds(&keys).iter().collect::<Vec<_>>(), all);
    drop(phone);
    let database = folder.join("used.db");
    fs::write(folder.join("used.db-damaged-1"), b"a copy of what was damaged").unwrap();
    let ledgers = folder.join(DataLedgers::FOLDER);
    fs::create_dir_all(ledgers.join("south.example")).unwrap();
    fs::write(ledgers.join("south.example").join("snapshot.db"), b"what another domain has").unwrap();
    erase(&database, &*keys).unwrap();
    assert!(!ledgers.exists());
    assert_eq!(keys.names(), Vec::<String>::new());
    let reopened = Vault::open(&folder.join("used.keys"), b"p").unwrap();
    assert_eq!(reopened.names(), Vec::<String>::new(), "also on the disk");
    let left = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.starts_with("used.db")).collect::<Vec<_>>(), Vec::<String>::new());
    // Once more, as after a kill.
    erase(&database, &*keys).unwrap();
}

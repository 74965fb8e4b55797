use std::fs;

use countersign_ledger::{PublicKey, Signature};

use super::*;

/// Cheap enough to open some hundred times.
const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn error(result: Result<Vault, VaultError>) -> VaultError {
    result.err().unwrap()
}

#[test]
fn keys_and_secrets_are_there_again_after_opening() {
    let directory = directory();
    let path = directory.path().join("vault");
    let vault = Vault::create(&path, b"open sesame").unwrap();
    let public = vault.make_signing_key("sign".into()).unwrap();
    let agreement = vault.make_agreement_key("agree".into()).unwrap();
    vault.keep_secret("small".into(), b"secret".to_vec()).unwrap();
    drop(vault);
    let vault = Vault::open(&path, b"open sesame").unwrap();
    assert_eq!(vault.names(), ["agree", "sign", "small"]);
    assert_eq!(vault.public_key("sign".into()), Ok(public.clone()));
    assert_eq!(vault.public_key("agree".into()), Ok(agreement));
    assert_eq!(vault.recall_secret("small".into()), Ok(b"secret".to_vec()));
    let signature = Signature::normalise(&vault.sign("sign".into(), b"message".to_vec()).unwrap()).unwrap();
    PublicKey::from_sec1(&public).unwrap().verify(b"message", &signature).unwrap();
}

#[test]
fn making_a_key_twice_makes_one() {
    let directory = directory();
    let vault = Vault::create_at_cost(&directory.path().join("vault"), b"p", CHEAP).unwrap();
    let first = vault.make_signing_key("key".into()).unwrap();
    assert_eq!(vault.make_signing_key("key".into()), Ok(first));
    assert_eq!(vault.make_agreement_key("key".into()), Err(KeyStoreError::Failed));
    assert_eq!(vault.keep_secret("key".into(), vec![1]), Err(KeyStoreError::Failed));
    assert_eq!(vault.agree("key".into(), vec![]), Err(KeyStoreError::Missing));
    assert_eq!(vault.recall_secret("key".into()), Err(KeyStoreError::Missing));
    vault.delete("key".into()).unwrap();
    vault.delete("key".into()).unwrap();
    assert_eq!(vault.sign("key".into(), vec![]), Err(KeyStoreError::Missing));
}

#[test]
fn two_sides_agree_on_one_secret() {
    let directory = directory();
    let vault = Vault::create_at_cost(&directory.path().join("vault"), b"p", CHEAP).unwrap();
    let (a, b) =
        (vault.make_agreement_key("a".into()).unwrap(), vault.make_agreement_key("b".into()).unwrap());
    let shared = vault.agree("a".into(), b).unwrap();
    assert_eq!(shared.len(), 32);
    assert_eq!(vault.agree("b".into(), a), Ok(shared));
    assert_eq!(vault.agree("a".into(), vec![4; 65]), Err(KeyStoreError::Failed));
}

#[test]
fn a_wrong_passphrase_is_told_from_damage() {
    let directory = directory();
    let path = directory.path().join("vault");
    Vault::create_at_cost(&path, b"right", CHEAP).unwrap().make_signing_key("key".into()).unwrap();
    assert!(matches!(error(Vault::open(&path, b"wrong")), VaultError::WrongPassphrase));
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        assert!(matches!(error(Vault::open(&path, b"right")), VaultError::Tampered), "byte {at}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(error(Vault::open(&path, b"right")), VaultError::Tampered), "{length} bytes");
    }
    fs::write(&path, &whole).unwrap();
    assert!(Vault::open(&path, b"right").is_ok());
}

#[test]
fn a_planted_file_cannot_ask_for_more_than_the_bounds() {
    let directory = directory();
    let path = directory.path().join("vault");
    for cost in [
        Cost { memory_kib: 256 * 1024 + 1, ..CHEAP },
        Cost { memory_kib: u32::MAX, ..CHEAP },
        Cost { passes: 17, ..CHEAP },
        Cost { passes: 0, ..CHEAP },
        Cost { lanes: 17, memory_kib: 1024, passes: 1 },
        Cost { lanes: 0, ..CHEAP },
        Cost { memory_kib: 31, ..CHEAP },
    ] {
        assert!(matches!(error(Vault::create_at_cost(&path, b"p", cost)), VaultError::Cost), "{cost:?}");
        let header = countersign_ledger::cbor::encode(|e| {
            e.array(6)?
                .str("countersign vault 1")?
                .u32(cost.memory_kib)?
                .u32(cost.passes)?
                .u32(cost.lanes)?;
            e.bytes(&[0; 16])?.bytes(&[0; 32])?.ok()
        });
        let sum = countersign_ledger::Hash::of(&header);
        let planted = countersign_ledger::cbor::encode(|e| {
            e.array(4)?.bytes(&header)?.bytes(&sum.0)?.bytes(&[0; 12])?.bytes(&[])?.ok()
        });
        fs::write(&path, planted).unwrap();
        assert!(matches!(error(Vault::open(&path, b"p")), VaultError::Cost), "{cost:?}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn there_is_one_vault_to_a_file_and_only_its_owner_reads_it() {
    let directory = directory();
    let path = directory.path().join("vault");
    assert!(matches!(error(Vault::open(&path, b"p")), VaultError::Missing));
    Vault::create_at_cost(&path, b"p", CHEAP).unwrap();
    assert!(matches!(error(Vault::create_at_cost(&path, b"p", CHEAP)), VaultError::Exists));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_a_crash_left_beside_the_vault_is_no_hindrance() {
    let directory = directory();
    let path = directory.path().join("vault");
    let vault = Vault::create_at_cost(&path, b"p", CHEAP).unwrap();
    vault.make_signing_key("before".into()).unwrap();
    fs::write(directory.path().join("vault.new"), b"half a vau").unwrap();
    let vault = Vault::open(&path, b"p").unwrap();
    vault.make_signing_key("after".into()).unwrap();
    assert_eq!(Vault::open(&path, b"p").unwrap().names(), ["after", "before"]);
}

#[test]
fn two_open_vaults_do_not_undo_each_other() {
    let directory = directory();
    let path = directory.path().join("vault");
    let one = Vault::create_at_cost(&path, b"p", CHEAP).unwrap();
    let other = Vault::open(&path, b"p").unwrap();
    std::thread::scope(|scope| {
        for (vault, side) in [(&one, "one"), (&other, "other")] {
            scope.spawn(move || {
                for n in 0..10 {
                    vault.make_signing_key(format!("{side} {n}")).unwrap();
                }
            });
        }
    });
    assert_eq!(Vault::open(&path, b"p").unwrap().names().len(), 20);
}

#[test]
fn nothing_secret_is_on_disk() {
    let directory = directory();
    let path = directory.path().join("vault");
    let vault = Vault::create_at_cost(&path, b"p", CHEAP).unwrap();
    vault.keep_secret("name-of-it".into(), b"the secret itself".to_vec()).unwrap();
    let file = fs::read(&path).unwrap();
    for text in [&b"the secret itself"[..], b"name-of-it"] {
        assert!(!file.windows(text.len()).any(|window| window == text));
    }
}

//! A credential as it lies on a phone, and what a thief of its bytes can do.

use countersign_device::{Credential, Key, WrongPassword, wrapping_key};

use crate::leg_world::key;

fn credential() -> Credential {
    Credential { id: [1; 16], cred: [2; 16], epoch: 3, role: 4, secret: key(5) }
}

/// A password's key, as the wallet makes it, without the stretching.
fn password(number: u32) -> Key {
    let stretched = crate::peer::mac(&[6; 32], "a password of a test", &[&number.to_be_bytes()]);
    wrapping_key(&Key::new(stretched), &key(7))
}

#[test]
fn a_credential_opens_with_its_password_and_its_phone_alone() {
    let sealed = credential().seal(&password(1), [8; 12]);
    assert_eq!(Credential::unseal(&sealed, &password(1)), Ok(credential()));
    assert_eq!(Credential::unseal(&sealed, &password(2)), Err(WrongPassword));
    for at in 0..sealed.len() {
        let mut damaged = sealed;
        damaged[at] ^= 1;
        assert_eq!(Credential::unseal(&damaged, &password(1)), Err(WrongPassword), "byte {at}");
    }
    let masked = credential().mask(&password(1));
    assert_eq!(Credential::unmask(&masked, &password(1)), Ok(credential()));
    let stretched = Key::new(crate::peer::mac(&[6; 32], "a password of a test", &[&1u32.to_be_bytes()]));
    let other_phone = wrapping_key(&stretched, &key(77));
    assert!(Credential::unmask(&masked, &other_phone) != Ok(credential()));
}

#[test]
fn a_new_password_wraps_the_same_secret_without_the_gateway() {
    let old = credential().mask(&password(1));
    let new = Credential::unmask(&old, &password(1)).unwrap().mask(&password(2));
    assert_eq!(Credential::unmask(&new, &password(2)), Ok(credential()));
    assert_ne!(Credential::unmask(&new, &password(1)), Ok(credential()));
}

#[test]
fn a_thief_of_a_masked_credential_is_left_with_a_256th_of_the_passwords() {
    let masked = credential().mask(&password(0));
    let left = (1..65_536).filter_map(|guess| Credential::unmask(&masked, &password(guess)).ok());
    let left: Vec<Credential> = left.collect();
    // 256 are expected; six standard deviations (16 each) on either side.
    assert!((160..352).contains(&left.len()), "{} candidates", left.len());
    assert!(left.iter().all(|guess| guess.secret != credential().secret && guess.cred == [2; 16]));
}

//! The devices' keys, in a file of their own: `ratchets`.
//!
//! A ratchet's old key opens sessions that are over, so it must be gone when the new one counts. A database keeps old pages in its
//! log and in free places; here a device has two slots at a fixed place, as it has in its own flash, and the order is the same: the
//! new key into the other slot, durable; then the old slot zeroed, durable. Each slot is sealed (AES-256-GCM) under a key that is in
//! the vault, so a copy of the file alone opens nothing. A file system that copies on write, or a disk that moves blocks, may still
//! hold old bytes: then that seal is all there is.
//!
//! | slot, 128 bytes | offset | size |
//! | --- | --- | --- |
//! | nonce | 0 | 12 |
//! | sealed: SID 16, epoch 4, index 4, `K^a` 32, `K^d` 32 | 12 | 88 |
//! | tag; zeros | 100 | 16; 12 |
//!
//! In a backup the file has no place: an old one opens what is over.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use countersign_device::{Id, Key};
use zeroize::Zeroizing;

use crate::files;
use crate::keys::random;

/// Name of the file in the data directory.
const NAME: &str = "ratchets";
const SLOT: usize = 128;
const NONCE: usize = 12;
const PLAIN: usize = 88;
const TAG: usize = 16;

/// A device's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Secrets {
    pub sid: Id,
    pub epoch: u32,
    pub index: u32,
    pub auth: Key,
    pub ratchet: Key,
}

/// A moment of writing a ratchet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatchetPoint {
    /// The new key is durable, and the old one is there as well.
    NewKey,
    /// The old key is gone.
    OldGone,
}

/// The file.
pub(super) struct Ratchets {
    file: File,
    key: LessSafeKey,
}

impl Ratchets {
    pub(super) fn open(data: &Path, key: &[u8; 32]) -> io::Result<Self> {
        let file = files::private().read(true).truncate(false).open(data.join(NAME))?;
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(io::Error::other)?;
        Ok(Self { file, key: LessSafeKey::new(key) })
    }

    /// The keys of a place: the newer whole slot counts, and the other is zeroed.
    pub(super) fn read(&mut self, place: u32) -> io::Result<Option<Secrets>> {
        let Some((slot, secrets)) = self.newest(place)? else { return Ok(None) };
        self.erase_slot(place, 1 - slot)?;
        Ok(Some(secrets))
    }

    /// Makes keys durable, and those before them unreadable. `reached` is told each moment, and may end it there.
    pub(super) fn write(
        &mut self,
        place: u32,
        secrets: &Secrets,
        reached: &mut dyn FnMut(RatchetPoint) -> io::Result<()>,
    ) -> io::Result<()> {
        let slot = self.newest(place)?.map_or(0, |(slot, _)| 1 - slot);
        let sealed = self.seal(place, slot, secrets)?;
        self.put(place, slot, &sealed)?;
        reached(RatchetPoint::NewKey)?;
        self.erase_slot(place, 1 - slot)?;
        reached(RatchetPoint::OldGone)
    }

    /// Leaves nothing of a device's keys.
    pub(super) fn erase(&mut self, place: u32) -> io::Result<()> {
        self.erase_slot(place, 0)?;
        self.erase_slot(place, 1)
    }

    fn newest(&mut self, place: u32) -> io::Result<Option<(u8, Secrets)>> {
        let slots =
            [self.open_slot(place, 0)?.map(|one| (0, one)), self.open_slot(place, 1)?.map(|one| (1, one))];
        Ok(slots.into_iter().flatten().max_by_key(|(_, secrets)| (secrets.epoch, secrets.index)))
    }

    fn open_slot(&mut self, place: u32, slot: u8) -> io::Result<Option<Secrets>> {
        let mut bytes = Zeroizing::new([0; SLOT]);
        self.file.seek(SeekFrom::Start(offset(place, slot)))?;
        match self.file.read_exact(&mut *bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let (nonce, rest) = bytes.split_at_mut(NONCE);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(io::Error::other)?;
        let plain = self.key.open_in_place(nonce, of_slot(place, slot), &mut rest[..PLAIN + TAG]);
        Ok(plain.ok().and_then(|plain| parse(plain)))
    }

    fn seal(&self, place: u32, slot: u8, secrets: &Secrets) -> io::Result<[u8; SLOT]> {
        let nonce: [u8; NONCE] = random().map_err(io::Error::other)?;
        let mut plain = Zeroizing::new(
            [
                &secrets.sid[..],
                &secrets.epoch.to_be_bytes(),
                &secrets.index.to_be_bytes(),
                secrets.auth.as_bytes(),
                secrets.ratchet.as_bytes(),
            ]
            .concat(),
        );
        let at = of_slot(place, slot);
        let tag = self.key.seal_in_place_separate_tag(Nonce::from(&nonce), at, &mut plain);
        let tag = tag.map_err(io::Error::other)?;
        let mut bytes = [0; SLOT];
        for (part, from) in [(&nonce[..], 0), (&plain[..], NONCE), (tag.as_ref(), NONCE + PLAIN)] {
            bytes[from..from + part.len()].copy_from_slice(part);
        }
        Ok(bytes)
    }

    fn erase_slot(&mut self, place: u32, slot: u8) -> io::Result<()> {
        let mut bytes = [0; SLOT];
        self.file.seek(SeekFrom::Start(offset(place, slot)))?;
        match self.file.read_exact(&mut bytes) {
            // Nothing was ever there.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        if bytes == [0; SLOT] {
            return Ok(());
        }
        self.put(place, slot, &[0; SLOT])
    }

    fn put(&mut self, place: u32, slot: u8, bytes: &[u8; SLOT]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset(place, slot)))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }
}

fn offset(place: u32, slot: u8) -> u64 {
    (u64::from(place) * 2 + u64::from(slot)) * SLOT as u64
}

fn of_slot(place: u32, slot: u8) -> Aad<[u8; 5]> {
    let [a, b, c, d] = place.to_be_bytes();
    Aad::from([a, b, c, d, slot])
}

fn parse(plain: &[u8]) -> Option<Secrets> {
    let (sid, rest) = plain.split_first_chunk()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (index, rest) = rest.split_first_chunk()?;
    let (auth, rest) = rest.split_first_chunk()?;
    Some(Secrets {
        sid: *sid,
        epoch: u32::from_be_bytes(*epoch),
        index: u32::from_be_bytes(*index),
        auth: Key::new(*auth),
        ratchet: Key::new(rest.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(index: u32) -> Secrets {
        let ratchet =
            Key::new(std::array::from_fn(|at| u8::try_from((at * 7 + index as usize) % 251).unwrap()));
        Secrets { sid: [5; 16], epoch: 1, index, auth: Key::new([9; 32]), ratchet }
    }

    #[allow(clippy::unnecessary_wraps, reason = "as `Ratchets::write` takes it")]
    fn all(_: RatchetPoint) -> io::Result<()> {
        Ok(())
    }

    #[test]
    fn the_newest_keys_are_read_and_nothing_of_those_before_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut ratchets = Ratchets::open(folder.path(), &[3; 32]).unwrap();
        assert_eq!(ratchets.read(4).unwrap(), None);
        for index in 0..5 {
            ratchets.write(4, &secrets(index), &mut all).unwrap();
            let bytes = std::fs::read(folder.path().join(NAME)).unwrap();
            let used = bytes.chunks(SLOT).filter(|slot| slot.iter().any(|&byte| byte != 0)).count();
            assert_eq!(used, 1, "one slot holds a key");
            assert_eq!(ratchets.read(4).unwrap(), Some(secrets(index)));
        }
        ratchets.erase(4).unwrap();
        assert!(std::fs::read(folder.path().join(NAME)).unwrap().iter().all(|&byte| byte == 0));
        assert_eq!(ratchets.read(4).unwrap(), None);
    }

    #[test]
    fn wherever_it_is_cut_off_the_old_or_the_new_keys_are_there() {
        for (stop, index) in [(RatchetPoint::NewKey, 1), (RatchetPoint::OldGone, 1)] {
            let folder = tempfile::tempdir().unwrap();
            let mut ratchets = Ratchets::open(folder.path(), &[3; 32]).unwrap();
            ratchets.write(0, &secrets(0), &mut all).unwrap();
            let mut cut = |point| if point == stop { Err(io::Error::other("cut off")) } else { Ok(()) };
            assert!(ratchets.write(0, &secrets(1), &mut cut).is_err());
            let mut ratchets = Ratchets::open(folder.path(), &[3; 32]).unwrap();
            assert_eq!(ratchets.read(0).unwrap(), Some(secrets(index)), "{stop:?}");
            let bytes = std::fs::read(folder.path().join(NAME)).unwrap();
            assert_eq!(bytes.chunks(SLOT).filter(|slot| slot.iter().any(|&byte| byte != 0)).count(), 1);
        }
    }

    #[test]
    fn a_copy_without_the_vault_or_in_another_place_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut ratchets = Ratchets::open(folder.path(), &[3; 32]).unwrap();
        ratchets.write(0, &secrets(0), &mut all).unwrap();
        ratchets.write(1, &secrets(7), &mut all).unwrap();
        assert_eq!(Ratchets::open(folder.path(), &[4; 32]).unwrap().newest(0).unwrap(), None);
        let path = folder.path().join(NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        let (first, second) = bytes.split_at_mut(2 * SLOT);
        first[..SLOT].swap_with_slice(&mut second[..SLOT]);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(ratchets.newest(0).unwrap(), None);
    }
}

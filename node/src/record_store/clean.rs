//! What is superseded of a record is removed: what no current row, no running delivery, no ticket and no submission under check
//! names.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_ledger::{Hash, UnixMillis};
use countersign_records::RecordId;

use super::{KeepPoint, RecordStore};
use crate::store::{StoreError, StoreResult};

impl RecordStore {
    /// Forgets the deliveries whose time is over, and returns their records. One whose objects are still being sent runs on.
    pub(crate) fn end_deliveries(&self, now: UnixMillis) -> BTreeSet<RecordId> {
        let mut inner = self.inner();
        let mut ended = BTreeSet::new();
        let inner = &mut *inner;
        inner.running.retain(|_, running| {
            let runs = now < running.until || Arc::strong_count(running) > 1;
            if !runs {
                ended.insert(running.record);
                inner.nonces.remove(&running.nonce);
            }
            runs
        });
        ended
    }

    /// Removes what of a record is superseded, where `current` tells the rows that are. False if something is left for later.
    pub(crate) fn clean(
        &self,
        record: RecordId,
        now: UnixMillis,
        current: impl FnOnce() -> StoreResult<BTreeSet<Hash>>,
    ) -> StoreResult<bool> {
        let mut inner = self.inner();
        if self.pins().contains_key(&record) {
            // It is looked at when the submission is ordered or refused.
            return Ok(true);
        }
        // After the pins: what was ordered meanwhile is among the current rows.
        let current = current()?;
        let running = inner.running.values().filter(|running| running.record == record);
        let running = running.map(|running| running.row.hash()).collect();
        let (mut claims, mut busy) = (Vec::new(), false);
        let claimed = |digest: Hash| match self.claim(record, digest) {
            Some(claim) => {
                claims.push(claim);
                false
            }
            None => {
                busy = true;
                true
            }
        };
        let doomed = inner.catalogue.doom(record, &current, &running, claimed, now)?;
        drop(inner);
        if !doomed.is_empty() {
            // After a crash from here on the marked objects are held no more, and are removed at the next start.
            self.passed(KeepPoint::Doomed);
            for digest in &doomed {
                self.place.remove(record, *digest).map_err(StoreError::Object)?;
            }
            self.passed(KeepPoint::Removed);
            self.inner().catalogue.forget(record, &doomed)?;
            self.passed(KeepPoint::Forgotten);
        }
        drop(claims);
        Ok(!busy)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use countersign_ledger::certificate::{self, Period};
    use countersign_ledger::{Identity, Objects, Signer as _, SoftwareKey, TrustStore};
    use countersign_records::rules::{OWNER, STORE};
    use countersign_records::{Announced, Row, Ticket};
    use proptest::prelude::*;

    use super::super::Pin;
    use super::*;
    use crate::config::RecordStoreConfig;

    const RECORD: RecordId = RecordId([7; 16]);
    const START: u64 = 1_795_000_000_000;
    const DAY: u64 = 24 * 3600 * 1000;

    /// A store and its record's owner, as an order of events makes them.
    struct World {
        store: Arc<RecordStore>,
        key: SoftwareKey,
        certificate: countersign_ledger::Certificate,
        trust: TrustStore,
        now: UnixMillis,
        /// The rows that are current on each log.
        current: [Option<usize>; 2],
        pins: Vec<(usize, Pin)>,
        _directory: tempfile::TempDir,
    }

    /// Three rows that share a body with the next.
    fn objects(row: usize) -> Vec<Vec<u8>> {
        [
            "document".to_owned(),
            format!("wraps {row}"),
            format!("body {row}"),
            format!("body {}", (row + 1) % 3),
        ]
        .map(String::into_bytes)
        .to_vec()
    }

    fn row(at: usize) -> Row {
        let digests: Vec<_> = objects(at).iter().map(|object| Hash::of(object)).collect();
        Row::new(digests[0], digests[1], digests[2..].to_vec(), vec![])
    }

    impl World {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let config = RecordStoreConfig { name: "cloud".to_owned(), record_bytes: 1 << 28, s3: None };
            let observer = Box::new(|_: KeepPoint| ());
            let store = RecordStore::open(directory.path(), "north.example", &config, observer).unwrap();
            let key = SoftwareKey::from_bytes(&[5; 32]).unwrap();
            let year = Period { from: UnixMillis(START - DAY), until: UnixMillis(START + 300 * DAY) };
            let root = certificate::root("north.example", &key, year, [1; 16]).unwrap();
            let owner = Identity::new("north.example", OWNER, &RECORD.to_string()).unwrap();
            let certificate = certificate::issue(&owner, &key.public_key(), &key, year, [2; 16]).unwrap();
            let mut trust = TrustStore::new();
            trust.pin("north.example", &root);
            trust.enrol(certificate.as_der()).unwrap();
            let (now, current, pins) = (UnixMillis(START), [None; 2], vec![]);
            Self {
                store: Arc::new(store),
                key,
                certificate,
                trust,
                now,
                current,
                pins,
                _directory: directory,
            }
        }

        /// The owner brings a row and those of its objects that are in `some`.
        fn bring(&self, at: usize, some: u8) {
            let store = Identity::new("north.example", STORE, "cloud").unwrap();
            let announced: Vec<_> = objects(at).iter().filter_map(|one| Announced::of(one)).collect();
            let draft = Ticket::draft(&RECORD, &store, &announced, &[row(at).hash()]).unwrap();
            let ticket = draft.sign(&self.certificate, &self.key, self.now, [9; 16]).unwrap();
            let ticket = self.trust.verify(ticket).unwrap();
            let ticket = Ticket::read(&ticket, &store, self.now).unwrap();
            self.store.take(&ticket, &[row(at)]).unwrap().unwrap();
            for (bit, object) in objects(at).iter().enumerate() {
                if some & 1 << bit != 0 {
                    let mut file = tempfile::tempfile().unwrap();
                    file.write_all(object).unwrap();
                    file.rewind().unwrap();
                    self.store.keep(RECORD, Hash::of(object), file).unwrap().unwrap();
                }
            }
        }

        fn pin(&mut self, at: usize) {
            let store = "spiffe://north.example/record-store/cloud".to_owned();
            let promise = Objects { store, subject: RECORD.subject(), rows: vec![row(at).hash()] };
            self.pins.extend(self.store.pin(&promise).unwrap().map(|pin| (at, pin)));
        }

        fn clean(&self) {
            let current = self.current.iter().flatten().map(|at| row(*at).hash()).collect();
            assert!(self.store.clean(RECORD, self.now, || Ok(current)).unwrap(), "nothing is left for later");
        }

        /// No row that is current or pinned lacks anything.
        fn check(&self) {
            for at in self.current.iter().flatten().chain(self.pins.iter().map(|(at, _)| at)) {
                assert!(self.store.inner().catalogue.whole(RECORD, row(*at).hash()).unwrap().is_some());
                for object in objects(*at) {
                    let mut opened = self.store.place.get(RECORD, Hash::of(&object)).unwrap();
                    assert_eq!(self.store.read(&mut opened, 0, 100).unwrap(), object);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn in_any_order_of_events_no_current_row_loses_an_object_and_nothing_superseded_stays(
            events in prop::collection::vec((0_u8..6, 0_usize..3, any::<u8>()), 1..24),
        ) {
            let mut world = World::new();
            for (event, at, bits) in events {
                match event {
                    0 => world.bring(at, bits),
                    1 => world.bring(at, 0xff),
                    2 => world.pin(at),
                    3 if !world.pins.is_empty() => {
                        // Ordered: what it names is current before its pin is gone.
                        let (at, pin) = world.pins.swap_remove(usize::from(bits) % world.pins.len());
                        world.current[usize::from(bits >> 7)] = Some(at);
                        drop(pin);
                    }
                    4 if !world.pins.is_empty() => drop(world.pins.pop()),
                    5 if bits > 200 => world.now.0 += DAY / 2,
                    _ => world.clean(),
                }
                world.check();
            }
            world.pins.clear();
            world.now.0 += 2 * DAY;
            world.clean();
            world.check();
            let named: BTreeSet<_> = world.current.iter().flatten().flat_map(|at| objects(*at)).collect();
            prop_assert_eq!(world.store.sums().unwrap()[0], named.len() as u64);
        }
    }
}

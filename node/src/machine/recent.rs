//! A cache of the statements that were admitted or fetched last, for those that follow or link them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use countersign_ledger::{Entry, TrustStore, Verified};

use crate::ledger::Place;

/// How many statements are kept in memory for those that follow or link them.
const RECENT: usize = 8192;

/// The statements admitted or fetched last.
#[derive(Default)]
pub(super) struct Recent {
    entries: HashMap<Place, Arc<Entry>>,
    order: VecDeque<Place>,
}

impl Recent {
    pub(super) fn get(&self, place: Place) -> Option<Arc<Entry>> {
        self.entries.get(&place).cloned()
    }

    pub(super) fn insert(&mut self, place: Place, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        self.order.push_back(place);
        self.entries.insert(place, Arc::clone(&entry));
        entry
    }

    /// Marks as void the statements that a revocation has voided.
    pub(super) fn place_again(&mut self, trust: &TrustStore) {
        for (place, entry) in &mut self.entries {
            let revoked =
                |one: &Verified| trust.is_revoked(one.signer().fingerprint(), place.log, place.index);
            let verified = entry.verified();
            if revoked(verified) || verified.countersigned().is_some_and(revoked) {
                *entry = Arc::new(trust.place(verified.clone(), place.log, place.index));
            }
        }
    }

    /// Forgets the oldest. Never within a block, whose statements no store has yet.
    pub(super) fn trim(&mut self) {
        while self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

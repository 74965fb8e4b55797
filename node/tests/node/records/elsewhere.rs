//! Blocks that come as bytes, as another engine or replica brings them, keep the objects that they promise.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_ledger::{Hash, LogName};
use countersign_node::{
    Block, Committer, Health, Node, Outcome, Sequencer, Status, StoreError, Surroundings, Ticket,
};
use countersign_records::rules::Mode;

use super::clinic::{AT_ONCE, Clinic, Owner, Shared, line, shared, site};
use crate::world::{Client, TestClock, accepted, enrol, open_patiently};

/// An engine that makes a block of the bytes of each statement, and waits between deciding it and writing it when it is told to.
struct Engine {
    committer: Mutex<Committer>,
    clock: TestClock,
    waits: Arc<AtomicBool>,
}

impl Sequencer for Engine {
    fn submit(&self, log: LogName, statement: &[u8]) -> Ticket {
        let mut committer = self.committer.lock().unwrap();
        let candidates = committer.read(&[(log, statement.to_vec())]);
        let applied = committer.apply(self.clock.now(), candidates).unwrap();
        if self.waits.swap(false, Ordering::SeqCst) {
            // The ticket that brought its objects ends, and whoever cleans looks at them several times.
            self.clock.advance(25 * 3600 * 1000);
            std::thread::sleep(Duration::from_secs(6));
        }
        let written = committer.write(applied).unwrap();
        let sealed = committer.seal(written).unwrap();
        Ticket::known(committer.publish(sealed).swap_remove(0))
    }

    fn status(&self, id: Hash) -> Status {
        self.committer.lock().unwrap().published().status(id)
    }

    fn blocks(&self, height: u64, limit: u32) -> Result<Vec<Block>, StoreError> {
        self.committer.lock().unwrap().published().blocks(height, limit)
    }

    fn health(&self) -> Health {
        let committer = self.committer.lock().unwrap();
        let (height, cosigned_at) = (committer.published().height(), committer.published().cosigned_at());
        Health { height, cosigned_at, waiting: 0, accepting: true, halted: None }
    }

    fn shutdown(&self) {}
}

/// A clinic whose node has such an engine.
fn clinic() -> (Clinic, Arc<AtomicBool>) {
    let (site, waits) = (site(), Arc::new(AtomicBool::new(false)));
    let node = open_patiently(|| {
        let (clock, waits) = (site.clock.clone(), Arc::clone(&waits));
        let engine = move |committer| {
            let committer = Mutex::new(committer);
            Ok(Arc::new(Engine { committer, clock, waits }) as Arc<dyn Sequencer>)
        };
        let surroundings = Surroundings { engine: Some(Box::new(engine)), ..site.clock.surroundings() };
        Node::open_with(site.config.clone(), surroundings)
    });
    let running = node.unwrap().start().unwrap();
    let client = Client::new(running.node().genesis(), running.addr());
    let authority = enrol(running.node(), "attribute-authority", "clinics");
    (Clinic { site, running: Some(running), client, authority, slot: std::cell::Cell::new(0) }, waits)
}

#[test]
fn an_index_in_a_block_of_bytes_keeps_its_objects_from_its_check_until_readers_see_it() {
    let (clinic, waits) = clinic();
    let nine = Shared::new(3, 500);
    let mut owner = Owner::new(&clinic.site, clinic.node());
    clinic.upload(&owner, &[&nine]);
    let index = owner.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    waits.store(true, Ordering::SeqCst);
    accepted(clinic.node(), shared(), &index);
    owner.was_published(shared(), &index);
    assert!(nine.objects.iter().all(|object| clinic.lies(&owner, object)), "the ticket's end took them away");
    let delivered = clinic.delivered(&clinic.ask(&owner, shared(), AT_ONCE, 60));
    for object in &nine.objects {
        assert_eq!(clinic.get(Hash::of(object), &delivered.token).body, *object);
    }
    // Of a block that is not written nothing stays pinned: here, of one that is refused.
    let refused = owner.index(shared(), 0, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    let outcome = crate::world::submit(clinic.node(), shared(), &refused);
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
}

//! Another engine on the same seam: three replicas, each with a disk of its own, agree on blocks of bytes. They crash between
//! any two steps, and end where the engine in one process ends.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_ledger::{ENROL, Folded, Hash, LogName, REVOKE, State, Statement, Subject, UnixMillis};
use countersign_node::{
    Block, CommitPoint, Committer, Config, Health, Node, Outcome, Sequencer, Status, StoreError,
    Surroundings, Ticket,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::tried::{Tried, size};
use crate::world::{
    Member, Site, TestClock, WEEK, accepted, csr, enrol, fresh_key, lot, open_patiently, stream, submit,
};

/// One replica: its disk, and what runs on it until it crashes.
struct Replica {
    config: Config,
    clock: TestClock,
    running: Option<Running>,
    /// Where it is to crash within its next step.
    fragile: Arc<Mutex<Option<CommitPoint>>>,
}

struct Running {
    committer: Committer,
    /// Holds the lock on the directory, unless the node has the replica and not the other way round.
    _node: Option<Node>,
}

/// What serves requests beside a committer that somebody else drives.
struct Elsewhere;

impl Sequencer for Elsewhere {
    fn submit(&self, _: LogName, _: &[u8]) -> Ticket {
        Ticket::known(Outcome::Busy { retry_after: Duration::ZERO })
    }

    fn status(&self, _: Hash) -> Status {
        Status::Unknown
    }

    fn blocks(&self, _: u64, _: u32) -> Result<Vec<Block>, StoreError> {
        Ok(Vec::new())
    }

    fn health(&self) -> Health {
        Health { height: 0, cosigned_at: UnixMillis(0), waiting: 0, accepting: false, halted: None }
    }

    fn shutdown(&self) {}
}

impl Replica {
    fn open(config: Config, clock: &TestClock) -> Self {
        let mut replica = Self { config, clock: clock.clone(), running: None, fragile: Arc::default() };
        replica.restart();
        replica
    }

    /// Starts from what is on the disk.
    fn restart(&mut self) {
        self.running = None;
        *self.fragile.lock().unwrap() = None;
        let (config, clock, fragile) = (&self.config, &self.clock, &self.fragile);
        let slot = Arc::new(Mutex::new(None));
        let node = open_patiently(|| {
            let (slot, fragile) = (Arc::clone(&slot), Arc::clone(fragile));
            let observer = move |point| {
                if fragile.lock().unwrap().is_some_and(|crash| crash == point) {
                    // The process ends here, in the middle of a step.
                    std::panic::resume_unwind(Box::new("crash"));
                }
            };
            let engine = move |committer| {
                *slot.lock().unwrap() = Some(committer);
                Ok(Arc::new(Elsewhere) as Arc<dyn Sequencer>)
            };
            let surroundings = Surroundings {
                observer: Box::new(observer),
                engine: Some(Box::new(engine)),
                ..clock.surroundings()
            };
            Node::open_with(config.clone(), surroundings)
        });
        let node = node.unwrap();
        let committer = slot.lock().unwrap().take().unwrap();
        self.running = Some(Running { committer, _node: Some(node) });
    }

    fn committer(&mut self) -> &mut Committer {
        &mut self.running.as_mut().unwrap().committer
    }

    /// Takes a block through all steps, or up to `crash`. `None` if it crashed.
    fn commit(
        &mut self,
        time: UnixMillis,
        block: &[(LogName, Vec<u8>)],
        crash: Option<CommitPoint>,
    ) -> Option<Vec<Outcome>> {
        let stops = |point| if crash == Some(point) { None } else { Some(()) };
        *self.fragile.lock().unwrap() = crash;
        let committer = &mut self.running.as_mut().unwrap().committer;
        let candidates = committer.read(block);
        let applied = committer.apply(time, candidates).unwrap();
        stops(CommitPoint::Applied)?;
        let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| committer.write(applied)));
        let written = written.ok()?.unwrap();
        stops(CommitPoint::Committed)?;
        let sealed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| committer.seal(written)));
        let sealed = sealed.ok()?.unwrap();
        stops(CommitPoint::Signed)?;
        let outcomes = committer.publish(sealed);
        stops(CommitPoint::Published)?;
        Some(outcomes)
    }

    fn height(&mut self) -> u64 {
        self.committer().published().height()
    }

    fn blocks(&mut self, from: u64) -> Vec<Block> {
        self.committer().published().blocks(from, 256).unwrap()
    }

    /// What it has come to: the last block's digest, and the texts of its checkpoints.
    fn end(&mut self) -> (Hash, Vec<String>) {
        let machine = self.committer().machine();
        let text = |log| machine.checkpoint(log).unwrap().unwrap().to_string();
        (machine.last().digest, machine.ledger().log_names().map(text).collect())
    }

    fn remembered(&mut self, log: LogName, subject: &str) -> Folded<State> {
        self.committer().remembered(log, &Subject::new(subject).unwrap()).unwrap()
    }
}

/// The replicas of one ledger.
struct Replicas {
    replicas: Vec<Replica>,
    clock: TestClock,
}

impl Replicas {
    /// Three copies of a ledger that has not begun, in `directory`.
    fn new(site: &Site, directory: &Path) -> Self {
        let at = |number: usize| directory.join(format!("replica-{number}"));
        let configs = (0..3).map(|number| copy(&site.config, &at(number)));
        let replicas = configs.map(|config| Replica::open(config, &site.clock)).collect();
        Self { replicas, clock: site.clock.clone() }
    }

    /// Orders a block on all replicas. One of them may crash on the way; it starts again and takes up what it has missed
    /// from the others. A block is agreed on once it has begun: those that have not crashed finish it.
    fn order(&mut self, block: &[(LogName, Vec<u8>)], crash: Option<(usize, CommitPoint)>) -> Vec<Outcome> {
        let time = self.clock.now();
        let mut told: Vec<Vec<Outcome>> = Vec::new();
        for (number, replica) in self.replicas.iter_mut().enumerate() {
            let crash = crash.filter(|(crashes, _)| *crashes == number).map(|(_, point)| point);
            match replica.commit(time, block, crash) {
                Some(outcomes) => told.push(outcomes),
                None => replica.restart(),
            }
        }
        self.catch_up();
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "replicas tell different outcomes");
        let ends: Vec<_> = self.replicas.iter_mut().map(Replica::end).collect();
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{ends:#?}");
        told.swap_remove(0)
    }

    fn catch_up(&mut self) {
        let heights: Vec<_> = self.replicas.iter_mut().map(Replica::height).collect();
        let ahead = (0..heights.len()).max_by_key(|&number| heights[number]).unwrap();
        for behind in (0..heights.len()).filter(|&number| heights[number] < heights[ahead]) {
            for block in self.replicas[ahead].blocks(heights[behind] + 1) {
                let outcomes = self.replicas[behind].commit(block.time, &block.statements, None).unwrap();
                assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted(_))));
                assert_eq!(self.replicas[behind].committer().machine().last().digest, block.digest);
            }
        }
    }
}

/// The configuration of a replica in a directory of its own, with the keys of `config`, whose node has been opened once.
fn copy(config: &Config, data: &Path) -> Config {
    drop(open_patiently(|| Node::open(config.clone())).unwrap());
    std::fs::create_dir_all(data.join("keys")).unwrap();
    for entry in std::fs::read_dir(config.data.join("keys")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), data.join("keys").join(entry.file_name())).unwrap();
    }
    // A database makes it no first start: nothing is made anew that was not copied.
    for name in ["last-signed", "ledger.sqlite", "genesis.json"] {
        std::fs::copy(config.data.join(name), data.join(name)).unwrap();
    }
    Config { data: PathBuf::from(data), ..config.clone() }
}

/// The replicas as an engine: a thread gathers up to seven statements, however long that takes, and orders them.
struct Cluster {
    pool: Mutex<Option<Sender<Waiting>>>,
    thread: Mutex<Option<std::thread::JoinHandle<Replicas>>>,
    first: Arc<countersign_node::Published>,
}

type Waiting = ((LogName, Vec<u8>), oneshot::Sender<Outcome>);

impl Cluster {
    fn start(mut replicas: Replicas) -> Self {
        let first = Arc::clone(replicas.replicas[0].committer().published());
        let (pool, waiting): (_, Receiver<Waiting>) = channel();
        let thread = std::thread::spawn(move || {
            while let Ok(one) = waiting.recv() {
                let more = std::iter::from_fn(|| waiting.recv_timeout(Duration::from_millis(2)).ok()).take(6);
                let (block, askers): (Vec<_>, Vec<_>) = std::iter::once(one).chain(more).unzip();
                for (asker, outcome) in askers.into_iter().zip(replicas.order(&block, None)) {
                    let _ = asker.send(outcome);
                }
            }
            replicas
        });
        Self { pool: Mutex::new(Some(pool)), thread: Mutex::new(Some(thread)), first }
    }

    fn stop(&self) -> Replicas {
        drop(self.pool.lock().unwrap().take());
        self.thread.lock().unwrap().take().unwrap().join().unwrap()
    }
}

impl Sequencer for Cluster {
    fn submit(&self, log: LogName, statement: &[u8]) -> Ticket {
        let (reply, outcome) = oneshot::channel();
        match &*self.pool.lock().unwrap() {
            Some(pool) => pool.send(((log, statement.to_vec()), reply)).unwrap(),
            None => return Ticket::known(Outcome::Busy { retry_after: Duration::from_secs(1) }),
        }
        Ticket::pending(outcome)
    }

    fn status(&self, id: Hash) -> Status {
        self.first.status(id)
    }

    fn blocks(&self, height: u64, limit: u32) -> Result<Vec<Block>, StoreError> {
        self.first.blocks(height, limit)
    }

    fn health(&self) -> Health {
        let accepting = self.pool.lock().unwrap().is_some();
        let (height, cosigned_at) = (self.first.height(), self.first.cosigned_at());
        Health { height, cosigned_at, waiting: 0, accepting, halted: None }
    }

    fn shutdown(&self) {
        drop(self.pool.lock().unwrap().take());
    }
}

/// A node whose engine is the cluster: its own committer is the first replica.
fn front(site: &Site, directory: &Path) -> (Node, Arc<Cluster>) {
    let mut replicas = Replicas::new(site, directory);
    let config = replicas.replicas.remove(0).config;
    let slot = Arc::new(Mutex::new(None));
    let cluster = Arc::clone(&slot);
    let clock = site.clock.clone();
    let engine = move |committer| {
        let running = Some(Running { committer, _node: None });
        let config = replicas.replicas[0].config.clone();
        replicas.replicas.insert(0, Replica { config, clock, running, fragile: Arc::default() });
        let engine = Arc::new(Cluster::start(replicas));
        *slot.lock().unwrap() = Some(Arc::clone(&engine));
        Ok(engine as Arc<dyn Sequencer>)
    };
    let surroundings = Surroundings { engine: Some(Box::new(engine)), ..site.clock.surroundings() };
    let node = Node::open_with(config, surroundings).unwrap();
    let cluster = cluster.lock().unwrap().take().unwrap();
    (node, cluster)
}

fn texts(node: &Node) -> Vec<String> {
    let text = |log| node.checkpoint(log).split("\n\n").next().unwrap().to_owned() + "\n";
    [LogName::TRUST, LogName::SUPPLY].map(text).into()
}

#[test]
fn enrolment_revocation_and_statements_go_through_any_engine_and_end_alike() {
    let (site, directory) = (Site::new(), TempDir::new().unwrap());
    let (node, cluster) = front(&site, directory.path());
    let code = node.registrar().new_code("manufacturer", "dm", WEEK).unwrap();
    let key = fresh_key();
    let certificate = node.enrol(&code, &csr(&key)).unwrap();
    assert_eq!(node.enrol(&code, &csr(&key)).unwrap(), certificate);
    assert!(node.enrol(&code, &csr(&fresh_key())).unwrap_err().to_string().contains("used"));
    let manufacturer = Member { key, certificate };
    let authorities: Vec<_> = ["a", "b"].map(|name| enrol(&node, "authority", name)).into();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (node, manufacturer, site) = (&node, &manufacturer, &site);
            scope.spawn(move || {
                for i in 0..10 {
                    accepted(node, LogName::SUPPLY, &manufacturer.sign(&site.request(100 * thread + i)));
                }
            });
        }
    });
    let mut prev = None;
    for authority in [0, 1, 0] {
        let suspension = authorities[authority].sign(&site.suspension(1, prev));
        accepted(&node, LogName::TRUST, &suspension);
        prev = Some(suspension.id());
    }
    node.revoke(authorities[1].certificate.fingerprint()).unwrap();
    let late = authorities[1].sign(&site.suspension(1, prev));
    assert_eq!(crate::world::refusal(&node, LogName::TRUST, &late), "revoked");

    // The engine in one process, given the same statements one by one.
    let statements = stream(node.sequencer());
    assert_eq!(statements.len(), 3 + 40 + 3 + 1);
    let local = site.open();
    for (log, statement) in &statements {
        let outcome = local.sequencer().submit(*log, statement).wait();
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }
    assert_eq!(texts(&local), texts(&node));
    let mut replicas = cluster.stop();
    assert_eq!(replicas.replicas[2].end().1, texts(&local));
}

/// The life of a ledger: suspensions of few lots by authorities who are revoked again and again, at places that lie behind.
fn life(site: &Site, picks: &[(u8, u8)]) -> (Node, Vec<(LogName, Vec<u8>)>) {
    let node = site.open();
    let mut authorities: Vec<_> = (0..3).map(|name| enrol(&node, "authority", &format!("a{name}"))).collect();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let mut latest = [None; 3];
    for &(what, who) in picks {
        let (lot, who) = (usize::from(what) % latest.len(), usize::from(who));
        let place = who % authorities.len();
        match what % 5 {
            0 => {
                let certificate = &authorities[place].certificate;
                let from = [(LogName::TRUST, who as u64 % 16), (LogName::SUPPLY, 0)];
                let member = certificate.identity();
                let revocation = node
                    .registrar()
                    .revocation(member, certificate.fingerprint(), &from.into(), None)
                    .unwrap();
                accepted(&node, LogName::TRUST, &revocation);
                authorities[place] =
                    enrol(&node, "authority", &format!("b{}", node.sequencer().health().height));
            }
            1 => {
                // Refused where the lot has its request already.
                submit(&node, LogName::SUPPLY, &manufacturer.sign(&site.request(lot as u64)));
            }
            _ => {
                let suspension = authorities[place].sign(&site.suspension(lot as u64, latest[lot]));
                accepted(&node, LogName::TRUST, &suspension);
                latest[lot] = Some(suspension.id());
            }
        }
    }
    let statements = stream(node.sequencer());
    (node, statements)
}

/// Where one log depends on the other the order of a block is not that of single statements: no block goes past such a place.
fn cut(statements: &[(LogName, Vec<u8>)], cuts: &[u8]) -> Vec<Vec<(LogName, Vec<u8>)>> {
    let mut blocks: Vec<Vec<_>> = vec![Vec::new()];
    let mut lengths = cuts.iter().map(|cut| 1 + usize::from(*cut) % 9).cycle();
    let mut length = lengths.next().unwrap();
    for (log, bytes) in statements {
        let kind = Statement::parse(bytes).unwrap().kind().to_string();
        let block = blocks.last_mut().unwrap();
        if block.len() >= length || (kind == REVOKE && !block.is_empty()) {
            length = lengths.next().unwrap();
            blocks.push(Vec::new());
        }
        blocks.last_mut().unwrap().push((*log, bytes.clone()));
        if kind == ENROL {
            blocks.push(Vec::new());
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(u32::try_from(size(6, 120)).unwrap()))]

    #[test]
    fn replicas_that_crash_between_any_two_steps_end_where_one_process_ends(
        picks in prop::collection::vec(any::<(u8, u8)>(), 5..40),
        cuts in prop::collection::vec(any::<u8>(), 1..8),
        crashes in prop::collection::vec(any::<(u8, u8)>(), 1..8),
    ) {
        let (site, directory) = (Site::new(), TempDir::new().unwrap());
        // The copies are made before anything has happened.
        let mut replicas = Replicas::new(&site, directory.path());
        let (node, statements) = life(&site, &picks);
        let mut crashes = crashes.into_iter().cycle();
        let tried = Tried::new("a replica crashed between two steps of a commit", "statements, on each replica");
        for block in cut(&statements, &cuts) {
            let (who, point) = crashes.next().unwrap();
            let crash = (usize::from(who) % 4, CommitPoint::ALL[usize::from(point) % CommitPoint::ALL.len()]);
            tried.times(usize::from(crash.0 < 3));
            let outcomes = replicas.order(&block, Some(crash));
            tried.looked_up(3 * block.len(), 0);
            prop_assert!(outcomes.iter().all(|one| matches!(one, Outcome::Accepted(_))), "{:?}", outcomes);
        }
        let subjects: Vec<_> = (0..3).map(lot).collect();
        let ends = |replica: &mut Replica| {
            let states: Vec<_> = subjects.iter().map(|lot| replica.remembered(LogName::TRUST, lot)).collect();
            (replica.end(), states)
        };
        let before: Vec<_> = replicas.replicas.iter_mut().map(&ends).collect();
        prop_assert_eq!(&before[0].0.1, &texts(&node));
        prop_assert!(before.windows(2).all(|pair| pair[0] == pair[1]), "{:#?}", before);
        replicas.replicas.iter_mut().for_each(Replica::restart);
        let after: Vec<_> = replicas.replicas.iter_mut().map(&ends).collect();
        prop_assert_eq!(&before, &after);
        // What was folded step by step is what the histories come to from their beginning.
        for replica in &mut replicas.replicas {
            for certificate in statements.iter().flat_map(|(_, bytes)| Statement::parse(bytes).unwrap().certificates().collect::<Vec<_>>()) {
                replica.committer().machine().state().forget(LogName::TRUST, certificate, 0).unwrap();
            }
        }
        let folded: Vec<_> = replicas.replicas.iter_mut().map(&ends).collect();
        prop_assert_eq!(after, folded);
    }
}

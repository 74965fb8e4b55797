//! What a desk begins it completes: the line is cut at every point, the node is busy, the lot too large.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_custody::{Profile, SerialSet};
use countersign_ledger::{Draft, Fields, LogName};
use countersign_wallet::{
    ActError, Client, ClientError, Cost, Delivery, Issuer, KeyStore, Method, Recorded, Request, Response,
    Snapshot, Transport, TransportError, Vault,
};

use crate::tried::Tried;
use crate::world::{CLASS, EXPIRY, LIFE, LOT, Scene, Wire, World, kind, lock, subject};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
const KEY: &str = "signing";

/// What befalls a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never reaches the node.
    Lost,
    /// It reaches the node, and its answer is lost.
    Unanswered,
    /// Half of its body reaches the node.
    Halved,
    /// The node has no time for it.
    Busy,
}

/// A line on which one request fails.
pub struct Line {
    pub wire: Wire,
    /// Requests until it fails, and how.
    pub fault: Arc<Mutex<Option<(usize, Fault)>>>,
}

impl Transport for Line {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let cut = || TransportError::Broken("the line was cut".into());
        let mut planned = self.fault.lock().unwrap();
        let fault = match planned.take() {
            Some((0, fault)) => fault,
            later => {
                *planned = later.map(|(left, fault)| (left - 1, fault));
                return self.wire.send(request);
            }
        };
        match fault {
            Fault::Unanswered => self.wire.send(request).and(Err(cut())),
            Fault::Halved if request.method == Method::Put => {
                let (first, length) = request.range.unwrap_or((0, request.body.len() as u64));
                let body = &request.body[..request.body.len() / 2];
                let half = Request { body, range: Some((first, length)), ..request.clone() };
                self.wire.send(&half).and(Err(cut()))
            }
            Fault::Lost | Fault::Halved => Err(cut()),
            Fault::Busy => Ok(Response { status: 429, ..Response::default() }),
        }
    }
}

/// A manufacturer's desk, with a lot that waits to be commissioned.
struct Desk {
    scene: Scene,
    snapshot: Snapshot,
    client: Client,
    keys: Arc<dyn KeyStore>,
    fault: Arc<Mutex<Option<(usize, Fault)>>>,
    serials: SerialSet,
}

impl Desk {
    fn new() -> Self {
        let mut world = World::new();
        world.certify(CLASS);
        LIFE[..4].iter().for_each(|step| world.play(step, LOT, 'S'));
        let scene = Scene::new(world);
        let vault = Vault::create_at_cost(&scene.directory.path().join("vault"), b"p", CHEAP).unwrap();
        let fault = Arc::default();
        let line = Line { wire: Wire(Arc::clone(&scene.world)), fault: Arc::clone(&fault) };
        let serials = SerialSet::new((0..100).map(|serial| format!("D{serial:03}"))).unwrap();
        let (snapshot, client) = (scene.open(), Client::new(line));
        let mut desk = Self { scene, snapshot, client, keys: Arc::new(vault), fault, serials };
        desk.issuer().enrol(KEY, "manufacturer").unwrap();
        desk
    }

    fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.client, Arc::clone(&self.keys))
    }

    fn draft(&self) -> Draft {
        let kind = kind("medicine.commission");
        let fields = Profile::medicine().commission_fields(&kind, &self.serials, EXPIRY).unwrap();
        Draft { kind, subject: subject(LOT), fields, prev: None, links: Vec::new(), sealed: None }
    }

    /// The same command each time.
    fn commission(&mut self) -> Result<Recorded, ActError> {
        let (draft, blob, now) = (self.draft(), self.serials.filter_bytes().to_vec(), self.scene.now());
        self.issuer().record(KEY, &draft, Some(&blob), now)
    }

    /// The process was killed and starts again.
    fn restart(&mut self) {
        self.snapshot = self.scene.open();
    }

    fn commissions(&self) -> usize {
        let world = self.scene.world();
        let statements = &world.logs[&LogName::SUPPLY].statements;
        statements.iter().filter(|one| one.kind().as_str() == "medicine.commission").count()
    }

    fn holds_filter(&self) -> bool {
        lock(&self.scene.world).blobs.contains_key(&self.serials.filter_digest())
    }
}

#[test]
fn a_commission_that_is_cut_off_anywhere_is_completed_by_the_same_call() {
    let tried = Tried::new("a desk's line cut, or its node busy, at each request of a commission", "lots");
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Halved, Fault::Busy] {
        let mut cuts = 0;
        loop {
            let mut desk = Desk::new();
            *desk.fault.lock().unwrap() = Some((cuts, fault));
            let first = desk.commission();
            assert!(
                desk.commissions() == 0 || desk.holds_filter(),
                "{fault:?} at {cuts}: nobody can judge it"
            );
            if first.is_ok() {
                // Beyond the last request.
                assert!(cuts >= 8, "{fault:?}: only {cuts} requests");
                break;
            }
            tried.times(1);
            desk.restart();
            desk.commission().unwrap_or_else(|error| panic!("{fault:?} at {cuts}: {error}"));
            assert_eq!((desk.commissions(), desk.holds_filter()), (1, true), "{fault:?} at {cuts}");
            assert!(desk.snapshot.outbox().unwrap().is_empty(), "{fault:?} at {cuts}");
            tried.looked_up(1, 0);
            let brought: usize = lock(&desk.scene.world).uploads.iter().sum();
            if fault == Fault::Halved {
                assert_eq!(brought, desk.serials.filter_bytes().len(), "the second half alone is sent again");
            }
            cuts += 1;
        }
    }
}

#[test]
fn what_a_desk_has_begun_goes_with_the_next_round_as_a_phones_does() {
    let mut desk = Desk::new();
    let draft = desk.draft();
    // Before the upload's end.
    let before = {
        let mut other = Desk::new();
        other.commission().unwrap();
        let requests = lock(&other.scene.world).requests.clone();
        requests.iter().rposition(|path| path.starts_with("/blob/")).unwrap()
    };
    let enrolled = lock(&desk.scene.world).requests.len();
    *desk.fault.lock().unwrap() = Some((before - enrolled, Fault::Halved));
    assert!(matches!(desk.commission().unwrap_err(), ActError::Client(ClientError::Transport(_))));
    let row = desk.snapshot.outbox().unwrap().remove(0);
    assert_eq!((row.delivery, row.kind.as_str(), row.tries), (Delivery::Waiting, "medicine.commission", 1));
    desk.restart();
    let begun = desk.issuer().begun(&draft.kind, &draft.subject, &draft.fields).unwrap();
    assert_eq!(begun, Some(row.id));
    let other = draft.fields.clone().with("expiry", EXPIRY.0 + 1);
    assert_eq!(desk.issuer().begun(&draft.kind, &draft.subject, &other).unwrap(), None);
    let round = desk.issuer().send(row.due_at).unwrap();
    assert_eq!((round.proven, round.waiting, desk.commissions()), (1, 0, 1));
    assert!(desk.snapshot.receipt(row.id).unwrap().is_some());
}

#[test]
fn who_wants_it_sent_need_not_wait_and_puts_nothing_off() {
    let mut desk = Desk::new();
    let (now, enrolled) = (desk.scene.now(), lock(&desk.scene.world).requests.len());
    desk.commission().unwrap();
    let last = lock(&desk.scene.world).requests.len() - enrolled - 1;
    let mut desk = Desk::new();
    *desk.fault.lock().unwrap() = Some((last, Fault::Lost));
    desk.commission().unwrap_err();
    let outbox = |desk: &Desk| desk.snapshot.outbox().unwrap().remove(0);
    let failed = outbox(&desk);
    assert!(failed.due_at > now, "it is tried again later");
    let requests = lock(&desk.scene.world).requests.len();
    assert_eq!(desk.issuer().send(now).unwrap().waiting, 1);
    assert_eq!(lock(&desk.scene.world).requests.len(), requests, "nobody is asked before it is due");
    *desk.fault.lock().unwrap() = Some((0, Fault::Lost));
    assert_eq!(desk.issuer().send_now(now).unwrap().waiting, 1);
    assert_eq!((outbox(&desk).tries, outbox(&desk).due_at), (failed.tries, failed.due_at));
    assert_eq!(desk.issuer().send_now(now).unwrap().proven, 1);
    assert!(desk.snapshot.outbox().unwrap().is_empty());
}

#[test]
fn what_was_begun_on_a_subject_goes_before_the_next_statement_on_it() {
    let mut desk = Desk::new();
    desk.commission().unwrap();
    let enough = lock(&desk.scene.world).requests.len();
    let mut desk = Desk::new();
    let enrolled = lock(&desk.scene.world).requests.len();
    // The last request, for the proof of what is recorded already.
    *desk.fault.lock().unwrap() = Some((enough - enrolled - 1, Fault::Lost));
    desk.commission().unwrap_err();
    let first = desk.snapshot.outbox().unwrap().remove(0).id;
    let receipt = Draft { kind: kind("medicine.receipt"), fields: Fields::new(), ..desk.draft() };
    let now = desk.scene.now();
    desk.issuer().record(KEY, &receipt, None, now).unwrap();
    let history = desk.issuer().history(LogName::SUPPLY, &subject(LOT)).unwrap();
    assert_eq!((history[4].id(), history[5].verified().prev()), (first, Some(first)));
    assert!(desk.snapshot.outbox().unwrap().is_empty());
}

#[test]
fn a_lot_that_is_too_large_is_refused_before_anything_is_signed() {
    let mut desk = Desk::new();
    let bytes = desk.serials.filter_bytes().len() as u64;
    lock(&desk.scene.world).blob_bytes = bytes - 1;
    let error = desk.commission().unwrap_err();
    assert!(
        matches!(error, ActError::BlobTooLarge { bytes: had, most } if (had, most) == (bytes, bytes - 1)),
        "{error}"
    );
    assert!(desk.snapshot.outbox().unwrap().is_empty());
    assert_eq!((desk.commissions(), lock(&desk.scene.world).announced.len()), (0, 0));
    lock(&desk.scene.world).blob_bytes = bytes;
    desk.commission().unwrap();
}

#[test]
fn what_is_refused_is_begun_no_longer() {
    let mut desk = Desk::new();
    let (draft, now) = (desk.draft(), desk.scene.now());
    for blob in [None, Some(&b"another filter"[..])] {
        let error = desk.issuer().record(KEY, &draft, blob, now).unwrap_err();
        assert!(matches!(error, ActError::OtherBlob), "{error}");
        assert!(desk.snapshot.outbox().unwrap().is_empty(), "{blob:?}");
    }
    let refuse = |path: &str, response| {
        let status = if path.ends_with("/entries") { 422 } else { return Ok(response) };
        Ok(Response { status, ..Response::default() })
    };
    lock(&desk.scene.world).lie = Some(Box::new(refuse));
    let error = desk.commission().unwrap_err();
    assert!(matches!(&error, ActError::Client(ClientError::Refused { status: 422, .. })), "{error}");
    assert!(desk.snapshot.outbox().unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn the_wallets_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut desk = Desk::new();
    desk.commission().unwrap();
    let directory = desk.scene.directory.path();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let databases: Vec<_> = files.filter(|path| path.display().to_string().contains("wallet.db")).collect();
    assert!(databases.len() >= 2, "{databases:?}");
    for path in databases {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_busy_node_ends_a_sync_that_has_no_patience_and_holds_one_that_has() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.open();
    lock(&scene.world).lie = Some(Box::new(|_, _| {
        Ok(Response { status: 503, retry_after: Some(Duration::ZERO), ..Response::default() })
    }));
    let started = std::time::Instant::now();
    snapshot.sync(&scene.client, Duration::from_millis(2600)).unwrap_err();
    // Once, and twice more after a second or a little longer.
    let asked = lock(&scene.world).requests.len();
    assert!((2..=3).contains(&asked) && started.elapsed() >= Duration::from_secs(1), "{asked} requests");
}

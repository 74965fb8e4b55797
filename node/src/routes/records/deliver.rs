//! A demand becomes a delivery.
//!
//! The store checks what a demand itself says. Whether something was granted, the state machine decides when it orders the
//! `record.delivery` that the store signs: no rule is here. The row's objects are kept from before the delivery is submitted
//! until its token ends. Nothing else is written: which demands were delivered, the log says, also after a crash.

use std::sync::Arc;

use countersign_ledger::{Hash, IndexKey, LogName, Problem, PublicKey, Statement, Subject, UnixMillis};
use countersign_records::rules::{DELIVERY, Head, REQUEST, Thread};
use countersign_records::{Asked, Delivered, Demand, DemandError, Demanded, RecordId};

use crate::halt::Halt;
use crate::keys::random;
use crate::machine;
use crate::reason::Reason;
use crate::record_store::{Begun, RecordStore, Running, Wish};
use crate::routes::bodies::busy;
use crate::routes::entries::write_receipt;
use crate::routes::problem::ProblemDetails;
use crate::sequencer::{Ordered, Outcome, Status};
use crate::service::Service;
use crate::store::StoreResult;

/// How often a delivery is signed anew when another statement on the same request came in between.
const RETRIES: usize = 4;

/// A request in the log.
struct Request {
    log: LogName,
    record: RecordId,
    thread: Subject,
    holder: PublicKey,
}

/// A demand that was verified, on a request that is in the log.
struct Case<'a> {
    service: &'a Arc<Service>,
    store: &'a Arc<RecordStore>,
    request: Request,
    demanded: Demanded,
    now: UnixMillis,
}

/// Delivers what a demand is for, or says why not. The same demand again is the same delivery.
pub(super) fn deliver(
    service: &Arc<Service>,
    store: &Arc<RecordStore>,
    demand: &[u8],
) -> Result<Delivered, ProblemDetails> {
    let now = service.time.now().map_err(|_| ProblemDetails::halted(Halt::Clock))?;
    let demand = Demand::parse(demand)?;
    let request = Request::find(service, demand.request())?;
    let before = store.had((demand.request(), demand.nonce()));
    let asked = Asked { holder: &request.holder, store: store.identity(), now, before };
    let demanded = demand.verify(&asked)?;
    let case = Case { service, store, request, demanded, now };
    case.check_checkpoint()?;
    if let Some(running) = case.begun()? {
        return case.answer(&running);
    }
    match case.in_the_log()? {
        Some((statement, ordered, row)) => case.resume(statement, ordered, row),
        None => case.order(),
    }
}

impl Request {
    fn find(service: &Service, id: Hash) -> Result<Self, ProblemDetails> {
        let none = || ProblemDetails::not_found("the ledger holds no such request");
        let ordered = service.published.ordered(id)?.ok_or_else(none)?;
        let trust = Arc::clone(&service.published.view().trust);
        let entry = service.published.entry(&trust, ordered.place)?;
        let request = entry.verified();
        let (headers, fields) = (request.statement(), request.fields());
        let (subject, record) = (headers.subject(), RecordId::of(headers.subject()));
        let holder = fields.bytes("holder").and_then(|key| PublicKey::from_sec1(key).ok());
        let (Some(record), Some(holder)) = (record, holder) else { return Err(none()) };
        if headers.kind().as_str() != REQUEST {
            return Err(none());
        }
        Ok(Self { log: ordered.place.log, record, thread: subject.clone(), holder })
    }
}

impl Case<'_> {
    /// The checkpoint that the holder has seen is one that this log really had.
    fn check_checkpoint(&self) -> Result<(), ProblemDetails> {
        let (published, wanted) = (&self.service.published, self.demanded.wanted());
        let log = self.request.log;
        let had = wanted.seen_size <= published.view().size(log)
            && published.state().root_at(log, wanted.seen_size)? == Some(wanted.seen_root);
        let other = "the demand names a checkpoint that this log never had: keep both, and tell the ledger's operator";
        if had { Ok(()) } else { Err(ProblemDetails::new(Problem::ForeignCheckpoint, other)) }
    }

    /// The delivery of this very demand, if its objects may still be fetched.
    fn begun(&self) -> Result<Option<Arc<Running>>, ProblemDetails> {
        let running = self.store.running(self.demanded.proof());
        match running {
            Some(running) if running.ordered.get().is_none() => Err(busy()),
            running => Ok(running.filter(|running| self.now < running.until)),
        }
    }

    /// The delivery of this very demand in the log, with its place and row: from before the node was started anew, or from when
    /// nobody was told.
    fn in_the_log(&self) -> StoreResult<Option<(Statement, Ordered, Hash)>> {
        let (published, Request { log, thread, .. }) = (&self.service.published, &self.request);
        let view = published.view();
        for place in machine::history(published.state(), *log, &IndexKey::of(thread))? {
            if place.index >= view.size(*log) {
                continue;
            }
            let entry = published.entry(&view.trust, place)?;
            let one = entry.verified();
            if one.statement().kind().as_str() == DELIVERY
                && one.fields().hash("proof") == Some(self.demanded.proof())
                && let Some(row) = one.fields().hash("row")
            {
                let ordered = Ordered { place, size: view.size(*log) };
                return Ok(Some((one.statement().clone(), ordered, row)));
            }
        }
        Ok(None)
    }

    /// Goes on with a delivery that is in the log, unless it was withdrawn since.
    fn resume(&self, statement: Statement, ordered: Ordered, row: Hash) -> Result<Delivered, ProblemDetails> {
        let thread = self.thread()?;
        if !thread.as_ref().is_some_and(|thread| thread.is_open(self.now)) {
            return Err(ProblemDetails::new(Problem::Token, "the grant was withdrawn or has ended"));
        }
        let begun = self.begin(row, thread.as_ref())?.ok_or_else(not_here)?;
        begun.done(statement, ordered);
        self.answer(&begun.running)
    }

    /// Has the delivery ordered.
    fn order(&self) -> Result<Delivered, ProblemDetails> {
        let Request { log, record, thread: subject, .. } = &self.request;
        let published = &self.service.published;
        let mut tries = 0;
        loop {
            let thread = self.thread()?;
            let head = Head::from_state(&published.standing(*log, &record.subject())?);
            let line = thread.as_ref().and_then(|thread| thread.label).zip(head.as_ref());
            let row =
                line.and_then(|(label, head)| head.line(label)).map(|line| line.row).unwrap_or_default();
            let begun = self.begin(row, thread.as_ref())?;
            // What the machine would refuse it refuses, and says why; what it would admit has to be here.
            let ours = head.is_some_and(|head| head.store == self.store.identity().as_str());
            let open = thread.is_some_and(|thread| thread.is_open(self.now));
            if begun.is_none() && ours && open && row != Hash::default() {
                return Err(not_here());
            }
            let latest = published.state().latest(*log, &IndexKey::of(subject))?;
            let prev = latest.ok_or_else(ProblemDetails::internal)?.latest;
            let draft = self.demanded.delivery(subject.clone(), row, prev);
            let certificate = self.service.store_certificate(self.store)?;
            let cti = random::<16>().map_err(|_| ProblemDetails::internal())?;
            let statement = draft.sign(&certificate, self.store.key(), self.now, cti);
            let statement = statement.map_err(|_| ProblemDetails::internal())?;
            tries += 1;
            match self.service.sequencer.submit(*log, statement.as_bytes()).wait() {
                Outcome::Accepted(ordered) | Outcome::Duplicate(ordered) => {
                    let begun = begun.ok_or_else(not_here)?;
                    begun.done(statement, ordered);
                    return self.answer(&begun.running);
                }
                Outcome::Refused(Reason::NotLatest { .. }) if tries < RETRIES => {}
                Outcome::Refused(reason) => return Err(reason.into()),
                Outcome::Busy { retry_after } => return Err(ProblemDetails::busy(retry_after)),
                Outcome::Halted(halt) => return Err(ProblemDetails::halted(halt)),
            }
        }
    }

    fn thread(&self) -> StoreResult<Option<Thread>> {
        let state = self.service.published.standing(self.request.log, &self.request.thread)?;
        Ok(Thread::from_state(&state))
    }

    /// Keeps the row's objects for a delivery, if all of them are here.
    fn begin(&self, row: Hash, thread: Option<&Thread>) -> Result<Option<Begun<'_>>, ProblemDetails> {
        let Request { log, record, thread: subject, .. } = &self.request;
        let wanted = self.demanded.wanted();
        let wish = Wish {
            record: *record,
            log: *log,
            thread: subject.clone(),
            row,
            nonce: (wanted.request, wanted.nonce),
            proof: self.demanded.proof(),
            now: self.now,
            granted: thread.map(|thread| thread.until),
        };
        Ok(self.store.begin(wish)??)
    }

    fn answer(&self, running: &Running) -> Result<Delivered, ProblemDetails> {
        let (statement, ordered) = running.ordered.get().ok_or_else(ProblemDetails::internal)?;
        let ordered = match self.service.sequencer.status(statement.id()) {
            Status::Ordered(newest) => newest,
            _ => *ordered,
        };
        Ok(Delivered {
            row: running.row.clone(),
            delivery: statement.as_bytes().to_vec(),
            receipt: write_receipt(self.service, statement.id(), ordered)?,
            token: self.store.delivery_token(self.demanded.proof()),
            until: running.until,
        })
    }
}

fn not_here() -> ProblemDetails {
    ProblemDetails::not_found(
        "the store does not hold all that the record's line names: its owner has to upload it again",
    )
}

impl From<DemandError> for ProblemDetails {
    fn from(error: DemandError) -> Self {
        let problem = match error {
            DemandError::Malformed => Problem::Malformed,
            DemandError::OtherStore => Problem::OtherStore,
            DemandError::Old => Problem::Stale,
            DemandError::Ahead => Problem::Future,
            DemandError::Nonce => Problem::Replay,
            DemandError::Signature => Problem::Signature,
        };
        Self::new(problem, error.to_string())
    }
}

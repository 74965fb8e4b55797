//! Many statements in one request.

use countersign_ledger::{Hash, LogName, Statement};
use countersign_node::{Running, Status};

use crate::world::{Client, Member, Site, enrol, submit};

struct Stage {
    site: Site,
    running: Running,
    client: Client,
    authority: Member,
}

/// What became of a statement: its place, or the name of the reason.
type Outcome = Result<u64, String>;

impl Stage {
    fn new(change: impl FnOnce(&mut Site)) -> Self {
        let mut site = Site::new();
        change(&mut site);
        let running = site.open().start().unwrap();
        let client = Client::new(running.node().genesis(), running.addr());
        let authority = enrol(running.node(), "authority", "da");
        Self { site, running, client, authority }
    }

    /// Suspensions of one lot and their liftings, each of which follows the one before.
    fn chain(&self, count: usize) -> Vec<Statement> {
        let mut chain: Vec<Statement> = Vec::new();
        for i in 0..count {
            let mut spec = self.site.suspension(1, chain.last().map(Statement::id));
            if i % 2 == 1 {
                (spec.kind, spec.links) = ("medicine.lift", spec.prev.into_iter().collect());
            }
            chain.push(self.authority.sign(&spec));
        }
        chain
    }

    fn batch<'a>(&self, statements: impl IntoIterator<Item = &'a [u8]>) -> Vec<Outcome> {
        let answer = self.client.post("/trust/batch", &batch(statements));
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/cbor"));
        outcomes(&answer.body)
    }

    fn holds(&self, id: Hash) -> bool {
        matches!(self.running.node().sequencer().status(id), Status::Ordered(_))
    }
}

fn batch<'a>(statements: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let statements: Vec<_> = statements.into_iter().collect();
    let mut body = Vec::new();
    let mut e = minicbor::Encoder::new(&mut body);
    e.array(statements.len() as u64).unwrap();
    for statement in statements {
        e.bytes(statement).unwrap();
    }
    body
}

fn outcomes(cbor: &[u8]) -> Vec<Outcome> {
    let mut d = minicbor::Decoder::new(cbor);
    let count = d.array().unwrap().unwrap();
    let outcome = |d: &mut minicbor::Decoder<'_>| match d.datatype().unwrap() {
        minicbor::data::Type::Array => {
            assert_eq!(d.array().unwrap(), Some(2));
            let (index, size) = (d.u64().unwrap(), d.u64().unwrap());
            assert!(index < size);
            Ok(index)
        }
        _ => {
            assert_eq!((d.map().unwrap(), d.i8().unwrap()), (Some(2), -1));
            let title = d.str().unwrap().to_owned();
            assert_eq!(d.i8().unwrap(), -2);
            assert!(!d.str().unwrap().is_empty());
            Err(title)
        }
    };
    let outcomes = (0..count).map(|_| outcome(&mut d)).collect();
    assert_eq!(d.position(), cbor.len());
    outcomes
}

#[test]
fn each_statement_of_a_batch_has_its_own_answer_and_the_order_is_kept() {
    let stage = Stage::new(|_| ());
    let chain = stage.chain(300);
    let mut forged = chain[3].as_bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let mut sent: Vec<&[u8]> = chain.iter().map(Statement::as_bytes).collect();
    sent.splice(3..3, [&b"no statement"[..], &forged, &[]]);
    let outcomes = stage.batch(sent.iter().copied());
    assert_eq!(outcomes[..3], [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(outcomes[3..6], ["format", "signature", "format"].map(|reason| Err(reason.to_owned())));
    assert_eq!(outcomes[6..], (3..300).map(Ok).collect::<Vec<_>>());
    assert!(chain.iter().all(|statement| stage.holds(statement.id())));
    // Sent again, be it all of it, each is told the same place.
    assert_eq!(stage.batch(sent.iter().copied()), outcomes);
    assert_eq!(stage.batch(sent[6..].iter().copied()), outcomes[6..]);
}

#[test]
fn a_statement_that_does_not_follow_is_refused_and_so_are_those_after_it() {
    let stage = Stage::new(|_| ());
    let chain = stage.chain(4);
    let without: Vec<&[u8]> = [0, 2, 3].map(|i| chain[i].as_bytes()).to_vec();
    let not_latest = || Err("not-latest".to_owned());
    assert_eq!(stage.batch(without), [Ok(0), not_latest(), not_latest()]);
    // What was begun is completed by sending all of it.
    let all = stage.batch(chain.iter().map(Statement::as_bytes));
    assert_eq!(all, [Ok(0), Ok(1), Ok(2), Ok(3)]);
}

#[test]
fn a_batch_of_what_is_refused_ends_with_what_the_address_may_write() {
    let stage =
        Stage::new(|site| (site.config.limits.write_burst, site.config.limits.writes_per_second) = (5, 1));
    let chain = stage.chain(400);
    // The batch itself is the first of five.
    let mut sent: Vec<&[u8]> = vec![b"no statement"; 200];
    sent.push(chain[0].as_bytes());
    let outcomes = stage.batch(sent);
    let looked_at = outcomes.iter().filter(|outcome| **outcome == Err("format".to_owned())).count();
    let rest = outcomes.iter().filter(|outcome| **outcome == Err("rate".to_owned())).count();
    assert!((4..=32).contains(&looked_at) && looked_at + rest == 201, "{looked_at} + {rest}");
    assert!(!stage.holds(chain[0].id()));
    // What is signed and admitted costs no more than one write, however much it is.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert!(stage.batch(chain.iter().map(Statement::as_bytes)).iter().all(Result::is_ok));
}

#[test]
fn after_one_that_finds_the_node_busy_nothing_in_a_batch_is_looked_at() {
    // A busy machine may need a batch for each statement.
    let stage = Stage::new(|site| {
        site.config.limits.queue = 1;
        site.config.limits.write_burst = 1000;
    });
    let chain = stage.chain(400);
    let all: Vec<&[u8]> = chain.iter().map(Statement::as_bytes).collect();
    let (mut done, mut busy) = (0, 0);
    while done < all.len() {
        let outcomes = stage.batch(all[done..].iter().copied());
        let went = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
        let other = outcomes[went..].iter().find(|outcome| **outcome != Err("busy".to_owned()));
        assert_eq!(other, None, "in order, after {went} of {}", outcomes.len());
        busy += outcomes.len() - went;
        done += went;
    }
    assert!(busy > 0, "a queue of one was never full");
    let places: Vec<_> = chain.iter().map(|one| submit(stage.running.node(), LogName::TRUST, one)).collect();
    assert!(places.iter().all(|outcome| matches!(outcome, countersign_node::Outcome::Duplicate(_))));
}

#[test]
fn what_is_no_batch_is_refused_whole() {
    let stage = Stage::new(|_| ());
    let post = |path: &str, body: &[u8]| stage.client.post(path, body).problem();
    let statement = stage.chain(1).remove(0);
    let good = batch([statement.as_bytes()]);
    let long = vec![0; (1 << 20) + 1];
    for (body, status, title) in [
        (&b""[..], 400, "malformed"),
        (statement.as_bytes(), 400, "malformed"),
        (&good[..good.len() - 1], 400, "malformed"),
        (&[&good[..], &[0]].concat(), 400, "malformed"),
        // An array of more than there is.
        (&[0x9b, 0, 0, 1, 0, 0, 0, 0, 0], 400, "malformed"),
        (&[0x9f, 0x41, 0, 0xff], 400, "malformed"),
        (&long, 413, "too-large"),
    ] {
        assert_eq!(post("/trust/batch", body), (status, title.to_owned()));
    }
    assert_eq!(post("/records/batch", &good), (404, "not-found".to_owned()));
    assert!(!stage.holds(statement.id()));
    assert_eq!(stage.batch([]), []);
    assert_eq!(stage.batch([statement.as_bytes()]), [Ok(0)]);
}

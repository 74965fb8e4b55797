//! Clients that submit.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_ledger::LogName;
use countersign_node::{Outcome, Running, Ticket};

/// How clients submit.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// At the sequencer; each client waits for an answer when it has so many submissions open.
    InProcess { in_flight: usize },
    /// By `POST /supply/entries`, each client over a connection of its own; client and node share the machine.
    Https,
    /// The same by `POST /supply/batch`, so many statements in each.
    Batches { of: usize },
}

/// Clients of one node.
pub struct Clients(Vec<Option<reqwest::blocking::Client>>);

impl Clients {
    pub fn new(count: usize, way: Way, running: &Running) -> Self {
        Self((0..count).map(|_| client(way, running)).collect())
    }

    /// Has them submit all of these; each statement is admitted, and durable when this returns.
    pub fn submit(&self, statements: &[Vec<u8>], way: Way, running: &Running) -> Duration {
        let next = AtomicUsize::new(0);
        let together = if let Way::Batches { of } = way { of } else { 1 };
        let parts: Vec<_> = statements.chunks(together).collect();
        let started = Instant::now();
        std::thread::scope(|scope| {
            for http in &self.0 {
                let (next, parts) = (&next, &parts);
                let submit = move || {
                    let mut tickets = VecDeque::new();
                    let wait = |ticket: Ticket| assert!(matches!(ticket.wait(), Outcome::Accepted(_)));
                    while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match way {
                            Way::InProcess { in_flight } => {
                                if tickets.len() == in_flight {
                                    tickets.pop_front().map(wait);
                                }
                                let ticket = running.node().sequencer().submit(LogName::SUPPLY, &part[0]);
                                tickets.push_back(ticket);
                            }
                            Way::Https => {
                                let answer = post(http.as_ref(), running, "entries", part[0].clone());
                                assert_eq!(answer.status(), 303);
                            }
                            Way::Batches { .. } => {
                                let answer = post(http.as_ref(), running, "batch", batch(part));
                                assert_eq!(answer.status(), 200);
                                assert_eq!(admitted(&answer.bytes().unwrap()), part.len());
                            }
                        }
                    }
                    tickets.into_iter().for_each(wait);
                };
                std::thread::Builder::new().name("client".to_owned()).spawn_scoped(scope, submit).unwrap();
            }
        });
        started.elapsed()
    }
}

fn post(
    http: Option<&reqwest::blocking::Client>,
    running: &Running,
    path: &str,
    body: Vec<u8>,
) -> reqwest::blocking::Response {
    let url = format!("https://{}/supply/{path}", running.addr());
    http.unwrap().post(url).body(body).send().unwrap()
}

fn batch(statements: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut e = minicbor::Encoder::new(&mut body);
    e.array(statements.len() as u64).unwrap();
    for statement in statements {
        e.bytes(statement).unwrap();
    }
    body
}

/// How many of a batch were told their place.
fn admitted(outcomes: &[u8]) -> usize {
    let mut d = minicbor::Decoder::new(outcomes);
    let count = d.array().unwrap().unwrap();
    (0..count)
        .filter(|_| {
            let place = d.datatype().unwrap() == minicbor::data::Type::Array;
            d.skip().unwrap();
            place
        })
        .count()
}

/// What a client submits with; over HTTPS, a connection of its own.
fn client(way: Way, running: &Running) -> Option<reqwest::blocking::Client> {
    if let Way::InProcess { .. } = way {
        return None;
    }
    let genesis = running.node().genesis();
    let roots = genesis.tls.iter().map(|root| reqwest::Certificate::from_der(&root.0).unwrap());
    let builder = reqwest::blocking::Client::builder().tls_certs_only(roots);
    builder.redirect(reqwest::redirect::Policy::none()).build().ok()
}

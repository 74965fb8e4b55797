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
        let url = format!("https://{}/supply/entries", running.addr());
        let started = Instant::now();
        std::thread::scope(|scope| {
            for http in &self.0 {
                let (next, url) = (&next, &url);
                let submit = move || {
                    let mut tickets = VecDeque::new();
                    let wait = |ticket: Ticket| assert!(matches!(ticket.wait(), Outcome::Accepted(_)));
                    while let Some(statement) = statements.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match way {
                            Way::InProcess { in_flight } => {
                                if tickets.len() == in_flight {
                                    tickets.pop_front().map(wait);
                                }
                                let ticket = running.node().sequencer().submit(LogName::SUPPLY, statement);
                                tickets.push_back(ticket);
                            }
                            Way::Https => {
                                let answer =
                                    http.as_ref().unwrap().post(url).body(statement.clone()).send().unwrap();
                                assert_eq!(answer.status(), 303);
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

/// What a client submits with; over HTTPS, a connection of its own.
fn client(way: Way, running: &Running) -> Option<reqwest::blocking::Client> {
    let Way::Https = way else { return None };
    let genesis = running.node().genesis();
    let roots = genesis.tls.iter().map(|root| reqwest::Certificate::from_der(&root.0).unwrap());
    let builder = reqwest::blocking::Client::builder().tls_certs_only(roots);
    builder.redirect(reqwest::redirect::Policy::none()).build().ok()
}

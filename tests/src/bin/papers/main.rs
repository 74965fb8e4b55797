//! The papers' own tables, beside ours.
//!
//! S001 tells what its four phases did under load, S000 and S001 what the messages of their phases cost. Here the same phases run
//! by our protocol: a node in a process of its own over TLS, clients in another that send at the papers' rates and then as fast
//! as it goes. Prints Markdown; each figure of theirs is marked, and none of ours is presented as theirs.
//!
//! | command | does |
//! | --- | --- |
//! | `papers` | measures, in some minutes |
//! | `papers small` | the same with a dozen transactions, to see that it works |
//!
//! It starts itself as `papers node FOLDER` and `papers clients ADDRESS GENESIS`.

#![allow(clippy::print_stdout, reason = "it prints")]

mod load;
mod messages;
mod parties;
mod processes;
mod published;
mod rounds;
mod schemes;
mod tables;

use std::error::Error;
use std::path::Path;

use countersign_ledger::{Genesis, certificate};
use countersign_wallet::{Client, Https};

use self::load::Pace;
use self::messages::Scheme;
use self::parties::{Item, Parties};
use self::processes::Process;
use self::published::ROUNDS;
use self::rounds::{Measured, Stage};
use self::schemes::{class, drugs};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How much is measured.
struct Size {
    /// In a round.
    transactions: [u32; 2],
    /// Of each round; that with the middle latency is shown.
    rounds: usize,
    /// Of each message; the median is shown.
    messages: u32,
}

const WHOLE: Size = Size { transactions: [500, 1000], rounds: 3, messages: 41 };
const SMALL: Size = Size { transactions: [6, 13], rounds: 1, messages: 3 };

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => measure(&WHOLE),
        ["small"] => measure(&SMALL),
        ["node", folder] => processes::node(Path::new(folder)),
        ["clients", address, genesis] => processes::clients(address, genesis),
        _ => Err("usage: papers [small]".into()),
    }
}

fn measure(size: &Size) -> Outcome {
    let folder = tempfile::TempDir::new()?;
    let folder = folder.path().to_str().ok_or("a folder's name that is text")?;
    let mut node = Process::start(["node", folder])?;
    let told = node.answer()?;
    let text = |name: &str| told[name].as_str().ok_or("the node's word");
    let (address, genesis) = (text("address")?, text("genesis")?);
    let pinned = Genesis::parse(genesis.as_bytes())?;
    let client = Client::new(Https::new(address, &pinned)?);
    let parties = Parties::new(&pinned, |role, name, key| {
        node.tell(&format!("{role} {name}"))?;
        let code = node.answer()?;
        Ok(client.enrol(code.as_str().ok_or("a code")?, &certificate::request(key)?)?)
    })?;
    let mut clients = Process::start(["clients", address, genesis])?;

    let rounds = rounds(size, &parties, &client, &node, &mut clients)?;
    println!("{}", tables::rounds(&rounds));
    println!("{}", tables::resources(&rounds));

    record_a_lot(&parties, &client)?;
    let drugs = messages::messages(Scheme::Drugs, &parties, size.messages)?;
    let luxury = messages::messages(Scheme::Luxury, &parties, size.messages)?;
    let registration = messages::registration(size.messages)?;
    println!("{}", tables::phases(registration, [(Scheme::Drugs, &drugs), (Scheme::Luxury, &luxury)]));
    let checkpoint = messages::checkpoint(&pinned, &client, size.messages)?;
    println!("{}", tables::alone(messages::raw(size.messages)?, checkpoint));
    println!("{}", tables::messages([(Scheme::Drugs, &drugs), (Scheme::Luxury, &luxury)]));
    Ok(())
}

/// Every phase at the paper's rate, then every phase as fast as it goes.
fn rounds(
    size: &Size,
    parties: &Parties,
    client: &Client,
    node: &Process,
    clients: &mut Process,
) -> Outcome<Vec<Measured>> {
    let mut stage = Stage::new(parties, client, node, clients)?;
    let mut measured = Vec::new();
    for (phase, theirs) in ROUNDS.iter().enumerate() {
        for pace in [Pace::PerSecond(theirs.sent), Pace::AsFast] {
            for transactions in size.transactions {
                measured.push(stage.measure(phase, transactions, pace, size.rounds)?);
            }
        }
    }
    Ok(measured)
}

/// What is measured of the messages about medicine is what the node takes; the other scheme's rounds have shown that of theirs.
fn record_a_lot(parties: &Parties, client: &Client) -> Outcome {
    let mut of = Item::new(class(999_999))?;
    drugs::certify(parties, &mut of)?;
    let mut lot = Item::new(format!("{}/10/L1", of.subject.as_str()))?;
    drugs::lot(parties, &mut lot, &of)?;
    let serials = drugs::serials()?;
    [&of, &lot].into_iter().try_for_each(|item| schemes::record(client, item, serials.filter_bytes()))
}

//! Keys, encapsulations and their opening beside those of CIRCL, and beside one pairing of `blst`: in turn, within one run, as time on
//! the processor. `tests/bench abe` builds the program in `tests/peers` and names it in `COUNTERSIGN_ABE_PEER`; without it this says so.

#![allow(unsafe_code, reason = "blst has no safe functions for points")]
#![allow(clippy::expect_used, reason = "a bench that cannot be set up should stop")]
#![allow(clippy::print_stdout, reason = "it prints")]
#![allow(clippy::disallowed_methods, reason = "a bench is told by its environment whom to measure beside")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use countersign_abe::{Attribute, Encapsulation, MasterKey, Policy};

const SIZES: [usize; 4] = [2, 5, 10, 20];
/// How often each step is measured.
const ROUNDS: usize = 31;
/// The steps, as both sides call them, and what ten attributes may cost in milliseconds.
const STEPS: [(&str, &str, f64); 3] =
    [("key issued", "keygen", 5.5), ("encapsulated", "encrypt", 4.5), ("decapsulated", "decrypt", 7.5)];

fn main() {
    let Ok(program) = std::env::var("COUNTERSIGN_ABE_PEER") else {
        println!("skipped: tests/bench abe builds what this is measured beside");
        return;
    };
    let mut peer = Peer::start(&program);
    let master = MasterKey::new(&[1; 32]);
    let public = master.public_key();
    let mut pairings = Vec::new();
    let mut measured = vec![(Vec::new(), Vec::new()); SIZES.len() * STEPS.len()];
    // SAFETY: blst returns pointers to constants.
    let (p, q) = unsafe { (*blst::blst_p1_affine_generator(), *blst::blst_p2_affine_generator()) };
    let prepared = SIZES.map(|size| {
        let texts: Vec<_> = (0..size).map(|n| format!("a{n}: v")).collect();
        let set: BTreeSet<Attribute> = texts.iter().map(|text| text.parse().expect("an attribute")).collect();
        let policy: Policy = texts.join(" and ").parse().expect("a policy");
        let key = master.issue(&set, &[2; 32]).expect("a key");
        let (encapsulation, shared) = public.encapsulate(&policy, &[3; 32]);
        (set, policy, key, encapsulation.as_bytes().to_vec(), shared)
    });
    // The first round warms up: points are remembered from it on, and Go has its memory.
    for round in 0..=ROUNDS {
        let pairing = spent(|| {
            black_box(blst::blst_fp12::miller_loop(black_box(&q), black_box(&p)).final_exp());
        });
        for (at, (set, policy, key, bytes, shared)) in prepared.iter().enumerate() {
            let ours = [
                spent(|| drop(black_box(master.issue(set, &[2; 32]).expect("a key")))),
                spent(|| drop(black_box(public.encapsulate(policy, &[3; 32])))),
                spent(|| {
                    let encapsulation = Encapsulation::parse(bytes).expect("an encapsulation");
                    assert!(key.decapsulate(public, &encapsulation).as_ref() == Ok(shared));
                }),
            ];
            for ((step, (_, name, _)), own) in STEPS.iter().enumerate().zip(ours) {
                let theirs = peer.ask(name, SIZES[at]);
                if round > 0 {
                    let (mine, other) = &mut measured[at * STEPS.len() + step];
                    mine.push(own);
                    other.push(theirs);
                }
            }
        }
        if round > 0 {
            pairings.push(pairing);
        }
    }
    let pairing = median(&mut pairings);
    println!(
        "One pairing of blst: {} ms of the processor's time, median of {ROUNDS}\n",
        milliseconds(pairing)
    );
    println!("| step | attributes | ours | pairings | CIRCL tkn20 | pairings | theirs / ours | aim |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (step, (words, _, aim)) in STEPS.iter().enumerate() {
        for (at, size) in SIZES.iter().enumerate() {
            let (mine, other) = &mut measured[at * STEPS.len() + step];
            let (mine, other) = (median(mine), median(other));
            let aim = if *size == 10 { format!("{aim} ms") } else { String::new() };
            println!(
                "| {words} | {size} | {} ms | {:.1} | {} ms | {:.1} | {:.1} | {aim} |",
                milliseconds(mine),
                mine.as_secs_f64() / pairing.as_secs_f64(),
                milliseconds(other),
                other.as_secs_f64() / pairing.as_secs_f64(),
                other.as_secs_f64() / mine.as_secs_f64(),
            );
        }
    }
}

/// What this thread used of the processor.
fn spent(what: impl FnOnce()) -> Duration {
    let now = || {
        let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
    };
    let began = now();
    what();
    now().saturating_sub(began)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

/// The program in Go.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &str) -> Self {
        let mut command = Command::new(program);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, input, output }
    }

    fn ask(&mut self, step: &str, attributes: usize) -> Duration {
        writeln!(self.input, "{step} {attributes}").expect("the peer listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the peer answers");
        Duration::from_nanos(line.trim().parse().expect("the peer answers with nanoseconds"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input; after a panic here nobody waits for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

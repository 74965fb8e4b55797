//! The processes: a node, and the clients, each by itself; what they use.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use countersign_ledger::{Genesis, LogName};
use countersign_node::{Config, Node};
use countersign_wallet::{Client, Https};
use serde_json::{Value, json};

use crate::Outcome;
use crate::load::{Lane, Pace, Sent, send};

/// Connections that the clients have at most, and statements on their way.
pub const SENDERS: usize = 64;
/// How often it is looked what the processes use. The system counts processor time in steps of 10 ms.
const LOOK: Duration = Duration::from_millis(250);

/// What the node's process does: it serves, and makes codes for enrolment, until its input ends.
pub fn node(folder: &Path) -> Outcome {
    let mut config = Config::development(folder.join("node"));
    // All parties are at one address here.
    config.limits.address_percent = 100;
    (config.limits.writes_per_second, config.limits.write_burst) = (1_000_000, 1_000_000);
    let running = Node::open(config)?.start()?;
    let address = format!("https://localhost:{}", running.addr().port());
    say(&json!({ "address": address, "genesis": running.node().genesis().to_json() }))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (role, name) = line.split_once(' ').ok_or("ROLE NAME")?;
        say(&json!(running.node().registrar().new_code(role, name, Duration::from_mins(10))?.to_string()))?;
    }
    running.stop();
    Ok(())
}

/// What the clients' process does: it takes lanes and a pace, says that it is ready, and sends them when it is told to.
pub fn clients(address: &str, genesis: &str) -> Outcome {
    let https = Https::new(address, &Genesis::parse(genesis.as_bytes())?)?;
    let submit = |statement: &[u8]| {
        let submitted = Client::new(https.clone()).submit(LogName::SUPPLY, statement);
        submitted.map(drop).map_err(|error| error.to_string())
    };
    let mut lines = std::io::stdin().lock().lines();
    while let Some(order) = lines.next() {
        let (lanes, pace): (Vec<Lane>, Pace) = serde_json::from_str(&order?)?;
        say(&json!("ready"))?;
        lines.next().ok_or("no word to go")??;
        say(&serde_json::to_value(send(&lanes, pace, SENDERS, &submit))?)?;
    }
    Ok(())
}

fn say(what: &Value) -> Outcome {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}")?;
    Ok(out.flush()?)
}

/// A child of this process that answers each line by one.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// This program, told to be something else.
    pub fn start(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("a child's output")?);
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn tell(&mut self, line: &str) -> Outcome {
        Ok(writeln!(self.input.as_mut().ok_or("a child's input")?, "{line}")?)
    }

    pub fn answer(&mut self) -> Outcome<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Has the clients send, and watches itself and `node` meanwhile: what became of each statement, and what node and clients used.
    pub fn send(&mut self, lanes: &[Lane], pace: Pace, node: u32) -> Outcome<(Vec<Sent>, [Used; 2])> {
        self.tell(&serde_json::to_string(&(lanes, pace))?)?;
        self.answer()?;
        let (sent, used) = watch([node, self.id()], || {
            self.tell("go")?;
            self.answer()
        });
        Ok((serde_json::from_value(sent?)?, used))
    }
}

/// Ends when its input does.
impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.wait());
    }
}

/// What a process used while it was watched; nought where the system does not tell.
#[derive(Clone, Copy, Default)]
pub struct Used {
    pub processor: Duration,
    /// Of one core.
    pub mean_percent: f64,
    pub most_percent: f64,
    pub resident_bytes: u64,
    pub written_bytes: u64,
}

/// What a process has used so far.
#[derive(Clone, Copy, Default)]
struct Usage {
    processor: Duration,
    resident: u64,
    written: u64,
}

impl Usage {
    fn of(process: u32) -> Self {
        let read =
            |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
        let line = |text: &str, name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let stat = read("stat");
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Self {
            processor: Duration::from_millis(10 * ticks),
            resident: 1024 * line(&read("status"), "VmRSS:"),
            written: line(&read("io"), "write_bytes:"),
        }
    }
}

/// Watches processes while `work` is done.
fn watch<const N: usize, T>(processes: [u32; N], work: impl FnOnce() -> T) -> (T, [Used; N]) {
    let look = || (Instant::now(), processes.map(Usage::of));
    let (first, done) = (look(), AtomicBool::new(false));
    let (result, looks) = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looks = Vec::new();
            while !done.load(Ordering::Relaxed) {
                thread::park_timeout(LOOK);
                looks.push(look());
            }
            looks
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
        (result, watcher.join().unwrap_or_default())
    });
    let used = std::array::from_fn(|process| {
        let each = |(at, usages): &(Instant, [Usage; N])| (*at, usages[process]);
        used(each(&first), &looks.iter().map(each).collect::<Vec<_>>())
    });
    (result, used)
}

fn used(first: (Instant, Usage), looks: &[(Instant, Usage)]) -> Used {
    let percent = |(from, before): (Instant, Usage), (until, after): (Instant, Usage)| {
        let spent = after.processor.saturating_sub(before.processor);
        100.0 * spent.as_secs_f64() / (until - from).as_secs_f64().max(1e-3)
    };
    let last = looks.last().copied().unwrap_or(first);
    let mut used = Used {
        processor: last.1.processor.saturating_sub(first.1.processor),
        mean_percent: percent(first, last),
        resident_bytes: first.1.resident,
        written_bytes: last.1.written.saturating_sub(first.1.written),
        ..Used::default()
    };
    used.most_percent = used.mean_percent;
    let mut before = first;
    for &look in looks {
        // The last look comes early: a few ticks in a moment say nothing.
        if look.0 - before.0 >= LOOK {
            used.most_percent = used.most_percent.max(percent(before, look));
        }
        used.resident_bytes = used.resident_bytes.max(look.1.resident);
        before = look;
    }
    used
}

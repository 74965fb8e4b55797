//! `countersign demo`: the main task end to end, with the real programs. A node is started, members enrol with their
//! own keys, a medicine's life is signed step by step, a patient's wallet syncs, the node is stopped, and pictures of
//! packs are checked. Then a parcel is handed over without a network, a medical record is shared in part, and data goes from
//! one trust domain to the next.

mod cast;
mod delivery;
mod domains;
mod labels;
mod notaries;
mod photo;
mod records;
mod story;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use countersign_custody::Profile;
use countersign_ledger::{Families, Genesis, LogName, Membership, Rules};
use countersign_node::{Config, Node, Running, Surroundings};
use countersign_wallet::{Client, Https, Snapshot};
use indicatif::HumanBytes;

use self::cast::Cast;
use self::notaries::Notaries;
use self::story::{Pack, Story};
use crate::args::Demo;
use crate::commands::check;
use crate::home::{Home, now};
use crate::output::{say, show};
use crate::{print, progress};

/// The file that marks a folder as made by a demo, so that the next demo may empty it.
const MARK: &str = "made-by-countersign-demo";

/// Runs the demo.
pub fn run(args: &Demo) -> Result<()> {
    let dir = prepare(&args.dir)?;
    let ledger = dir.join("ledger");

    heading(
        "Three witnesses start, each in a process of its own, and a ledger node, over TLS; two of them must cosign",
    );
    let families = families(Profile::medicine());
    let (mut notaries, config) =
        Notaries::start(&dir.join("notaries"), Config::development(&ledger), &families)?;
    let running = start(config.clone(), families)?;
    let genesis = running.node().genesis().clone();
    say!("  https://{}, name {}", running.addr(), genesis.name);

    heading(
        "Six members enrol: each makes its own key, proves possession of it, and presents a one-time code",
    );
    let cast = Cast::enrol(&running, &genesis, &dir.join("desks"), &story::CAST)?;
    cast.print();

    heading("A medicine's life: six signed transfers per lot; one statement commissions all packs of a lot");
    let signing = Instant::now();
    let mut story = Story::play(&cast, &running, &genesis, args.packs)?;
    let signed = signing.elapsed();
    say!("  {} statements signed, ordered and proven in {:.1} s", story.statements, signed.as_secs_f64());

    heading("The packs are printed and photographed");
    let packs = story.print_packs(&dir.join("packs"))?;
    for pack in &packs {
        say!("  {:<14} {}", pack.name, pack.pictures.photo.display());
    }

    heading("A patient's wallet pins the genesis file, follows the product and syncs");
    let home = Home::new(Some(&dir.join("wallet")))?;
    home.init(&genesis, &format!("https://{}", running.addr()))?;
    let mut snapshot = home.snapshot()?;
    Story::follow(&mut snapshot)?;
    let syncing = Instant::now();
    let steps = progress::sync(&mut snapshot, &home.client()?)?;
    let synced = syncing.elapsed();
    say!(
        "  {steps} requests in {:.2} s; snapshot of {}",
        synced.as_secs_f64(),
        size(&dir.join("wallet/snapshot.db"))?
    );
    running.stop();

    heading(
        "The node's operator is bribed: the node now runs with one rule removed, and records a false expiry",
    );
    say!("  (one witness has been switched off meanwhile: two of three suffice)");
    notaries.stop_one();
    let running = start(config, self::families(&story::doctored()?))?;
    story.tamper(&cast, &running, &genesis)?;
    progress::sync(&mut snapshot, &client(&running, &genesis)?)?;
    say!("  recorded, cosigned and synced like any other statement");

    heading("The node stops. From here on there is no network");
    running.stop();
    if !client_is_gone(&home) {
        bail!("the node still answers");
    }
    say!("  one more request: no answer");

    heading("Pictures are checked, offline");
    drop(snapshot);
    let times = check_all(&home, &packs)?;

    delivery::play(&dir.join("delivery"))?;
    records::play(&dir.join("records"))?;
    domains::play(&dir.join("domains"))?;
    measured(&dir, &home, &times)
}

fn heading(text: &str) {
    say!("\n{text}");
}

/// Empties the folder of an earlier demo, and no other.
fn prepare(dir: &Path) -> Result<std::path::PathBuf> {
    if dir.exists() {
        if !dir.join(MARK).exists() && fs::read_dir(dir)?.next().is_some() {
            bail!(
                "{} is not empty and was not made by a demo: choose another folder with --dir",
                dir.display()
            );
        }
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir.join("packs"))?;
    fs::write(dir.join(MARK), "")?;
    Ok(dir.to_owned())
}

/// A node that follows these rules, which a bribed operator may have altered.
fn start(config: Config, families: Families) -> Result<Running> {
    let surroundings = Surroundings { families, ..Surroundings::default() };
    Ok(Node::open_with(config, surroundings)?.start()?)
}

fn families(profile: &Profile) -> Families {
    let families: [Arc<dyn Rules>; 2] = [Arc::new(Membership), Arc::new(profile.clone())];
    Families::new(families)
}

/// A client of a running node.
fn client(running: &Running, genesis: &Genesis) -> Result<Client> {
    Ok(Client::new(Https::new(&format!("https://{}", running.addr()), genesis)?))
}

fn client_is_gone(home: &Home) -> bool {
    home.client().is_ok_and(|client| client.checkpoint(LogName::TRUST).is_err())
}

/// Checks every photograph as after a fresh start of the app, and prints the verdicts; returns the times.
fn check_all(home: &Home, packs: &[Pack]) -> Result<Vec<Times>> {
    let mut snapshot = home.snapshot()?;
    let mut times = Vec::new();
    for pack in packs {
        let photo = pack.pictures.photo.to_str().context("a path in UTF-8")?;
        let (item, scanned) = timed(|| check::read(photo));
        let item = item?;
        let (verdict, judged) = timed(|| snapshot.check(&item, now()));
        let (warm, again) = timed(|| snapshot.check(&item, now()));
        times.push(Times { scanned, judged, again });
        show!(
            "\n{} — {}\n{}",
            pack.name,
            pack.story,
            print::verdict(&verdict, snapshot.profile_for(&verdict))
        );
        if verdict.kind != pack.expected || warm.kind != verdict.kind {
            bail!("the verdict on {} should be {:?}", pack.name, pack.expected);
        }
    }
    Ok(times)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// The times of the parts of a check.
struct Times {
    scanned: Duration,
    judged: Duration,
    again: Duration,
}

fn measured(dir: &Path, home: &Home, times: &[Times]) -> Result<()> {
    let median = |part: fn(&Times) -> Duration| {
        let mut all: Vec<_> = times.iter().map(part).collect();
        all.sort_unstable();
        all[all.len() / 2].as_secs_f64() * 1000.0
    };
    let opening = Instant::now();
    let snapshot: Snapshot = home.snapshot()?;
    let opened = opening.elapsed().as_secs_f64() * 1000.0;
    let supply = snapshot.checkpoint(LogName::SUPPLY).context("a synced snapshot")?.checkpoint().size();
    // `tests/demo` builds as the tests do; a release is faster.
    let build = if cfg!(debug_assertions) { "; a build for tests, where a release is faster" } else { "" };
    heading(&format!("Measured on this machine (medians{build})"));
    say!("  picture file to product identity        {:>8.1} ms", median(|times| times.scanned));
    say!("  first verdict on a product, all verified {:>7.1} ms", median(|times| times.judged));
    say!("  the same again                           {:>7.3} ms", median(|times| times.again));
    say!("  opening the snapshot, verified           {opened:>7.1} ms");
    say!("  supply log {supply} statements; snapshot {}", size(&dir.join("wallet/snapshot.db"))?);
    say!("\nLook at the pictures in {0}/packs. Check one again, or one of your own:", dir.display());
    say!("  countersign --home {0}/wallet check {0}/packs/1-genuine-photo.png", dir.display());
    say!(
        "  countersign --home {0}/delivery/inspector trace {0}/delivery/piece/1-bag-photo.png",
        dir.display()
    );
    Ok(())
}

/// Size of a snapshot with its write-ahead log.
fn size(snapshot: &Path) -> Result<HumanBytes> {
    let log = snapshot.with_extension("db-wal");
    let log = if log.exists() { fs::metadata(log)?.len() } else { 0 };
    Ok(HumanBytes(fs::metadata(snapshot)?.len() + log))
}

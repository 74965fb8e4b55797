//! A live camera: processor time per frame of the scanner as apps run it, on frames with a readable code and on frames
//! without. Each line begins with a new scanner, which then sees one frame after the other.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench measures time"
)]
#![allow(clippy::cast_possible_truncation, reason = "sizes of pictures are small numbers")]
#![allow(clippy::needless_pass_by_value, reason = "each list is used once")]

#[path = "live_scenes/mod.rs"]
mod scenes;
#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_scan::{Luma, Pass, ScanResult, Scanner, Wanted};
use scenes::{Scene, label};
use support::cpu;

/// As apps set it for 15 frames a second.
const BUDGET: Duration = Duration::from_millis(60);

/// Frames of each kind: several rounds of everything that the scanner tries.
const FRAMES: u32 = 24;

fn main() {
    // A test run of the bench only checks that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{:34} {:>6} {:>10} {:>8} {:>8}", "frames", "read", "median ms", "p95 ms", "most ms");
    let mut all = Vec::new();
    for (name, carrier, module) in scenes::LABELS {
        let symbol = label(carrier, module);
        let frames = (0..FRAMES).map(|seed| Scene::gradient(1280, 720, seed).with(&symbol)).collect();
        // Each is the first frame of a scan: the next would not be needed.
        all.extend(line(&format!("720p, {name}"), frames, true));
    }
    summary("720p with a readable code", all);
    let mut all = Vec::new();
    for (name, make) in scenes::EMPTY {
        all.extend(line(
            &format!("1080p, {name}"),
            (0..FRAMES).map(|seed| make(1920, 1080, seed)).collect(),
            false,
        ));
    }
    summary("1080p without a code", all);
    let scene = Scene::gradient(1920, 1080, 1);
    for pass in Pass::ALL {
        let times = (0..8).map(|_| time(|| pass.decode(&frame(&scene), Wanted::First)).0).collect();
        summary(&format!("1080p, noise, {pass:?} and inverted"), times);
    }
}

fn frame(scene: &Scene) -> Luma<'_> {
    Luma::new(scene.width, scene.height, scene.width, &scene.pixels).unwrap()
}

fn time<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let before = cpu::nanos();
    let done = black_box(work());
    (cpu::nanos() - before, done)
}

/// One line of the table; returns the times.
fn line(name: &str, scenes: Vec<Scene>, anew: bool) -> Vec<i64> {
    let mut scanner = Scanner::new();
    let (mut read, mut times) = (0, Vec::new());
    for scene in &scenes {
        if anew {
            scanner = Scanner::new();
        }
        let began = Instant::now();
        let (nanos, sight) = time(|| scanner.look(&frame(scene), BUDGET, || began.elapsed()));
        read += usize::from(matches!(sight, ScanResult::Symbols(_)));
        times.push(nanos);
    }
    print(name, &read.to_string(), times.clone());
    times
}

fn summary(name: &str, times: Vec<i64>) {
    print(name, "", times);
}

fn print(name: &str, read: &str, mut times: Vec<i64>) {
    times.sort_unstable();
    let [median, p95, most] = [50, 95, 100].map(|percent| cpu::percentile(&times, percent));
    println!("{name:34} {read:>6} {median:10.2} {p95:8.2} {most:8.2}");
}

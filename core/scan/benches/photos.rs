//! Reading rates and times on the shared photographs, compared with other decoders, then the cost of an element string.
//! Without the shared photographs only the second part runs.
#![allow(missing_docs, reason = "criterion's macros make functions")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::panic::catch_unwind;

use countersign_scan::gs1::{Message, Partners};
use countersign_scan::{Pass, Wanted, decode};
use criterion::{Criterion, criterion_group, criterion_main};
use support::cpu;
use support::photos::{self, Photo};

type Engine = (&'static str, fn(&Photo) -> Vec<String>);

const ENGINES: [Engine; 5] = [
    ("ours, first symbol", ours_first),
    ("ours, all symbols", |photo| texts(decode(&photo.frame()))),
    ("zxing-cpp, one pass", |photo| texts(Pass::Whole.decode(&photo.frame(), Wanted::First))),
    ("rxing", rxing_first),
    ("rqrr (QR only)", rqrr_all),
];

fn texts(symbols: Vec<countersign_scan::Symbol>) -> Vec<String> {
    symbols.into_iter().map(|symbol| symbol.text).collect()
}

fn ours_first(photo: &Photo) -> Vec<String> {
    let mut passes = Pass::ALL.into_iter().map(|pass| pass.decode(&photo.frame(), Wanted::First));
    passes.find(|found| !found.is_empty()).map(texts).unwrap_or_default()
}

fn rxing_first(photo: &Photo) -> Vec<String> {
    use rxing::{BarcodeFormat, DecodeHints};
    let formats = [BarcodeFormat::QR_CODE, BarcodeFormat::DATA_MATRIX].into_iter().collect();
    let mut hints =
        DecodeHints { PossibleFormats: Some(formats), TryHarder: Some(true), ..DecodeHints::default() };
    let (pixels, width, height) = (photo.picture.pixels(), photo.picture.width(), photo.picture.height());
    let (width, height) = (u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
    let found = rxing::helpers::detect_in_luma_slice_with_hints(pixels, width, height, None, &mut hints);
    found.map(|found| found.getText().to_owned()).into_iter().collect()
}

/// It may panic on a photograph, which counts as nothing read.
fn rqrr_all(photo: &Photo) -> Vec<String> {
    let attempt = || {
        let (width, pixels) = (photo.picture.width(), photo.picture.pixels());
        let mut prepared =
            rqrr::PreparedImage::prepare_from_greyscale(width, photo.picture.height(), |x, y| {
                pixels[y * width + x]
            });
        prepared.detect_grids().iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
    };
    catch_unwind(attempt).unwrap_or_default()
}

/// Whether the second QR decoder would add anything to the pipeline.
fn added_by_rqrr(photos: &[Photo]) {
    let reads = |engine: fn(&Photo) -> Vec<String>, photo: &Photo| engine(photo).contains(&photo.text);
    let missed: Vec<_> = photos.iter().filter(|photo| !reads(ours_first, photo)).collect();
    let added = missed.iter().filter(|photo| reads(rqrr_all, photo)).count();
    println!("of {} pictures that ours misses rqrr reads {added}", missed.len());
}

/// One line for each set and engine.
fn table(photos: &[Photo]) {
    println!(
        "{:16} {:22} {:>6} {:>5} {:>7} {:>10} {:>8}",
        "set", "engine", "images", "read", "misread", "median ms", "p95 ms"
    );
    for photos in photos.chunk_by(|one, next| one.set == next.set) {
        for (name, engine) in ENGINES {
            let (mut read, mut misread, mut times) = (0, 0, Vec::new());
            for photo in photos {
                let runs = [(); 3].map(|()| {
                    let before = cpu::nanos();
                    let texts = engine(photo);
                    (cpu::nanos() - before, texts)
                });
                let (time, texts) = runs.into_iter().min_by_key(|(time, _)| *time).unwrap();
                times.push(time);
                read += usize::from(texts.contains(&photo.text));
                misread += usize::from(texts.iter().any(|text| *text != photo.text));
            }
            times.sort_unstable();
            let (set, all) = (&photos[0].set, photos.len());
            let (median, p95) = (cpu::percentile(&times, 50), cpu::percentile(&times, 95));
            println!("{set:16} {name:22} {all:6} {read:5} {misread:7} {median:10.2} {p95:8.2}");
        }
    }
}

fn photographs(_: &mut Criterion) {
    // A test run of the bench only checks that it starts.
    if std::env::args().any(|argument| argument == "--bench") {
        std::panic::set_hook(Box::new(|_| {}));
        if let Some(mut photos) = photos::all() {
            photos.sort_by(|one, next| one.set.cmp(&next.set));
            table(&photos);
            added_by_rqrr(&photos);
        }
        let _ = std::panic::take_hook();
    }
}

fn element_strings(criterion: &mut Criterion) {
    let message =
        Message::from_bracketed("(01)09506000134352(17)281130(10)ABC123(21)7QH4", Partners::Required)
            .unwrap();
    let text = message.to_element_string();
    criterion.bench_function("element string of a pack", |bench| {
        bench.iter(|| Message::from_element_string(black_box(&text), Partners::Required));
    });
}

criterion_group!(benches, photographs, element_strings);
criterion_main!(benches);

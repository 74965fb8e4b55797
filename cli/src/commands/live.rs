//! `scan --camera` and `scan --frames`: scans frame after frame, and reports each symbol once.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use countersign_scan::{Luma, ScanResult, Scanner, Symbol};
use serde_json::json;

use crate::camera::preview::Preview;
use crate::camera::{Frames, Grey};
use crate::output::{self, say};
use crate::print::symbol::{sentence, symbol_json};

/// Time for a frame, for fifteen frames a second.
const BUDGET: Duration = Duration::from_millis(60);

/// After so many failures in a row the camera counts as unplugged.
const MAX_FAILURES: u32 = 10;

/// How many reported symbols are remembered.
const MAX_REPORTED: usize = 64;

/// Scans until there are no more frames or the user interrupts; the exit code is 1 if nothing was read.
pub fn run(frames: Frames, as_json: bool) -> Result<u8> {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))?;
    let mut watch =
        Watch { scanner: Scanner::new(), reported: VecDeque::new(), part: None, preview: None, as_json };
    if !as_json && io::stdout().is_terminal() {
        watch.preview = Some(Preview::new(io::stdout())?);
    }
    let mut failures = 0;
    for (number, frame) in (1_u64..).zip(frames).take_while(|_| !stopped.load(Ordering::Relaxed)) {
        match frame.and_then(|frame| watch.look(number, &frame)) {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                watch.clear()?;
                output::warn(format_args!("frame {number}: {}", output::told(&error)));
                if failures == MAX_FAILURES {
                    return Err(error).context("too many frames failed");
                }
            }
        }
    }
    watch.clear()?;
    Ok(u8::from(watch.reported.is_empty()))
}

struct Watch {
    scanner: Scanner,
    reported: VecDeque<(String, String)>,
    /// The part of a text that was told last.
    part: Option<(u8, u8)>,
    preview: Option<Preview<Stdout>>,
    as_json: bool,
}

impl Watch {
    fn look(&mut self, number: u64, frame: &Grey) -> Result<()> {
        let frame = frame.frame()?;
        let began = Instant::now();
        let sight = self.scanner.look(&frame, BUDGET, || began.elapsed());
        let took = began.elapsed();
        match &sight {
            ScanResult::Symbols(symbols) => self.report(number, symbols)?,
            ScanResult::Part { number: part, of } => self.report_part(number, *part, *of)?,
            ScanResult::Nothing | ScanResult::HoldStill => {}
        }
        self.show(&frame, &sight, took)
    }

    fn report(&mut self, number: u64, symbols: &[Symbol]) -> Result<()> {
        for symbol in symbols {
            let said = (symbol.identifier.clone(), symbol.text.clone());
            if self.reported.contains(&said) {
                continue;
            }
            self.clear()?;
            if self.as_json {
                say!("{}", json!({ "frame": number, "symbols": [symbol_json(symbol)] }));
            } else {
                say!("frame {number}\n  {}", sentence(symbol));
            }
            self.reported.push_back(said);
            if self.reported.len() > MAX_REPORTED {
                self.reported.pop_front();
            }
        }
        Ok(())
    }

    /// Tells once that the text has more symbols.
    fn report_part(&mut self, frame: u64, number: u8, of: u8) -> Result<()> {
        if self.part.replace((number, of)) == Some((number, of)) {
            return Ok(());
        }
        self.clear()?;
        if self.as_json {
            say!("{}", json!({ "frame": frame, "part": { "number": number, "of": of } }));
        } else {
            say!("frame {frame}\n  {}", part(number, of));
        }
        Ok(())
    }

    fn show(&mut self, frame: &Luma<'_>, sight: &ScanResult, took: Duration) -> Result<()> {
        let Some(preview) = &mut self.preview else { return Ok(()) };
        let (outlines, status) = match sight {
            ScanResult::Nothing => (Vec::new(), "looking for a code"),
            ScanResult::HoldStill => (Vec::new(), "hold still"),
            ScanResult::Part { .. } => (Vec::new(), "show the other parts as well"),
            ScanResult::Symbols(symbols) => (symbols.iter().map(|symbol| symbol.corners).collect(), "read"),
        };
        let status = format!("{status} · {} ms · Ctrl-C ends", took.as_millis());
        let size = terminal_size::terminal_size()
            .map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)));
        Ok(preview.show(frame, &outlines, &status, size)?)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.preview.as_mut().map_or(Ok(()), Preview::clear)
    }
}

fn part(number: u8, of: u8) -> String {
    let of = if of == 0 { "several".to_owned() } else { of.to_string() };
    format!("part {number} of {of} of a text: show the others as well")
}

//! What the ward looks like while it runs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_node::GatewayFigures;
use indicatif::{ProgressBar, ProgressStyle};

use super::beds::{Bed, lamp};
use super::clinicians::Met;

/// Beds in a line.
const LINE: usize = 60;
/// Reasons that are shown.
const REASONS: usize = 6;

/// A picture that is drawn again and again, on a terminal alone.
pub struct View(Option<ProgressBar>);

impl View {
    pub fn new(shown: bool) -> Self {
        let bar = shown.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self(bar)
    }

    /// Draws the ward.
    pub fn draw(&self, left: Duration, beds: &[Bed], met: &Met, figures: &GatewayFigures, events: &[String]) {
        if let Some(bar) = &self.0 {
            bar.set_message(picture(left, beds, met, figures, events));
            bar.tick();
        }
    }

    /// Shows one line of what is being prepared.
    pub fn prepare(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("  {text}"));
            bar.tick();
        }
    }

    /// Takes it off the screen.
    pub fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn picture(left: Duration, beds: &[Bed], met: &Met, figures: &GatewayFigures, events: &[String]) -> String {
    let lamps: Vec<char> = beds.iter().map(|bed| sign(bed.lamp.load(Ordering::Relaxed))).collect();
    let mut lines =
        vec![format!("  ward, {} s left    · idle  ◦ asked  ● signed in  ✕ retired", left.as_secs())];
    lines.extend(lamps.chunks(LINE).map(|line| format!("  {}", line.iter().collect::<String>())));
    let last = met.took.last().map_or(0, Duration::as_millis);
    lines.push(format!(
        "  sessions {}  agreed {}  readings {}  commands {}  cut {}  last {last} ms",
        met.sessions, met.agreed, figures.readings, figures.commands, figures.cut
    ));
    let mut refused: Vec<_> = figures.refused.iter().collect();
    refused.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let refused: Vec<_> =
        refused.iter().take(REASONS).map(|(reason, count)| format!("{reason} {count}")).collect();
    lines.push(format!(
        "  the gateway refused: {}",
        if refused.is_empty() { "nothing".to_owned() } else { refused.join(", ") }
    ));
    lines.extend(events.iter().map(|event| format!("  {event}")));
    lines.join("\n")
}

const fn sign(state: u8) -> char {
    match state {
        lamp::SIGNED_IN => '●',
        lamp::ASKED => '◦',
        lamp::RETIRED => '✕',
        _ => '·',
    }
}

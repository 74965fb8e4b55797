//! Progress of long operations, shown on a terminal.

use std::time::Duration;

use anyhow::Result;
use countersign_wallet::{Client, ClientError, Part, Snapshot, Step};
use indicatif::{ProgressBar, ProgressStyle};

/// Syncs to the end, step by step, and returns how many steps it took.
pub fn sync(snapshot: &mut Snapshot, client: &Client) -> Result<u64> {
    let bar = Bar::new("syncing");
    let mut steps = 0;
    loop {
        steps += 1;
        match snapshot.sync_step(client)? {
            Step::Progress(progress) => {
                let what = match progress.what {
                    Part::Checkpoint(log) => format!("checkpoint of {log}"),
                    Part::WholeLog(log) => format!("log {log}"),
                    Part::Subject(subject) => subject.to_string(),
                };
                bar.show(progress.done, progress.of, &what);
            }
            // Whoever asked can ask again; what was fetched is kept.
            Step::Waiting { retry_after } => {
                bar.finish();
                return Err(ClientError::Busy { retry_after }.into());
            }
            Step::Done => break,
        }
    }
    bar.finish();
    Ok(steps)
}

/// A bar that vanishes when it is finished.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for what is being done.
    pub fn new(doing: &str) -> Self {
        let bar = ProgressBar::new(1);
        if let Ok(style) =
            ProgressStyle::with_template("  {prefix} {bar:32} {pos}/{len} {elapsed} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(doing.to_owned());
        // Time is seen to pass where a step is long.
        bar.enable_steady_tick(Duration::from_secs(1));
        Self(bar)
    }

    /// Shows how much is done, and of what.
    pub fn show(&self, done: u64, of: u64, what: &str) {
        self.0.set_length(of.max(done));
        self.0.set_position(done);
        self.0.set_message(what.to_owned());
    }

    /// Takes it off the screen.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

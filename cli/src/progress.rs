//! Progress of long operations, shown on a terminal.

use anyhow::Result;
use countersign_wallet::{Client, ClientError, Part, Snapshot, Step};
use indicatif::{ProgressBar, ProgressStyle};

/// Syncs to the end, step by step, and returns how many steps it took.
pub fn sync(snapshot: &mut Snapshot, client: &Client) -> Result<u64> {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("  syncing {bar:32} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    let mut steps = 0;
    loop {
        steps += 1;
        match snapshot.sync_step(client)? {
            Step::Progress(progress) => {
                bar.set_length(progress.of.max(progress.done));
                bar.set_position(progress.done);
                bar.set_message(match progress.what {
                    Part::Checkpoint(log) => format!("checkpoint of {log}"),
                    Part::WholeLog(log) => format!("log {log}"),
                    Part::Subject(subject) => subject.to_string(),
                });
            }
            // Whoever asked can ask again; what was fetched is kept.
            Step::Waiting { retry_after } => {
                bar.finish_and_clear();
                return Err(ClientError::Busy { retry_after }.into());
            }
            Step::Done => break,
        }
    }
    bar.finish_and_clear();
    Ok(steps)
}

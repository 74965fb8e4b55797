//! What keeps a node from ordering for a while, and how it waits: it keeps reading, says why, and goes on by itself.
//!
//! Whatever reads or writes the disk on the ordering thread, or asks a witness elsewhere, does so through
//! [`Halts::patiently`]: where that fails, the thread stands still at that very step and takes it again until it succeeds. So nothing is ever half done, and there is
//! nothing to roll back. Whoever waits for an answer meanwhile is told at once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_ledger::Problem;

/// Why the node orders nothing for now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Halt {
    /// The database or what was last signed cannot be written: locked, disk full, a device that fails.
    Storage,
    /// The clock cannot be trusted.
    Clock,
    /// Too few witnesses elsewhere cosign.
    Witnesses,
}

impl Halt {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Storage, Self::Clock, Self::Witnesses];

    /// Its name in problem documents, `/health` and metrics.
    pub const fn problem(self) -> Problem {
        match self {
            Self::Storage => Problem::Storage,
            Self::Clock => Problem::Clock,
            Self::Witnesses => Problem::Witnesses,
        }
    }

    /// How long to wait before a step is taken again. A lock or a full disk is over within seconds or within hours, and whoever
    /// is asked over the network is not asked all the time.
    const fn again(self) -> Duration {
        match self {
            Self::Storage | Self::Clock => Duration::from_millis(250),
            Self::Witnesses => Duration::from_secs(1),
        }
    }

    /// When clients are asked to come back.
    pub const fn retry_after(self) -> Duration {
        match self {
            Self::Storage | Self::Witnesses => Duration::from_secs(5),
            Self::Clock => Duration::from_mins(1),
        }
    }
}

/// A sentence for clients.
impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Storage => {
                "the node cannot write at present, and orders nothing until it can; reading goes on"
            }
            Self::Clock => {
                "the node's clock is in doubt, and it orders nothing until that is over; reading goes on"
            }
            Self::Witnesses => {
                "too few witnesses cosign at present, and the node orders nothing until they do; reading goes on"
            }
        })
    }
}

/// An error after which the same step may be taken again.
pub(crate) trait Passing: fmt::Display {
    /// What it halts; `None` if trying again is of no use.
    fn halt(&self) -> Option<Halt>;
}

/// Told when ordering halts.
pub(crate) type Witnessed = Box<dyn Fn(Halt) + Send + Sync>;

/// Whether ordering stands still, and why.
#[derive(Default)]
pub(crate) struct Halts {
    state: Mutex<State>,
    changed: Condvar,
    counts: [AtomicU64; Halt::ALL.len()],
}

#[derive(Default)]
struct State {
    now: Option<(Halt, String)>,
    /// Without patience the first failure is returned: so at start, and when the node stops.
    patient: bool,
    on_halt: Option<Witnessed>,
}

impl Halts {
    /// What ordering stands still for, if it does.
    pub(crate) fn now(&self) -> Option<Halt> {
        self.state().now.as_ref().map(|(halt, _)| *halt)
    }

    /// The same, with the error.
    pub(crate) fn why(&self) -> Option<(Halt, String)> {
        self.state().now.clone()
    }

    /// How often each has happened.
    pub(crate) fn count(&self, halt: Halt) -> u64 {
        self.counts[halt as usize].load(Ordering::Relaxed)
    }

    /// From now on failures are waited out.
    pub(crate) fn be_patient(&self) {
        self.state().patient = true;
    }

    /// From now on they are returned, those that are being waited out at once.
    pub(crate) fn give_up(&self) {
        self.state().patient = false;
        self.changed.notify_all();
    }

    /// Has `told` called whenever ordering halts.
    pub(crate) fn on_halt(&self, told: Witnessed) {
        self.state().on_halt = Some(told);
    }

    /// Takes a step, and takes it again for as long as it fails with what passes.
    pub(crate) fn patiently<T, E: Passing>(&self, mut step: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        loop {
            let error = match step() {
                Ok(done) => {
                    self.over();
                    return Ok(done);
                }
                Err(error) => error,
            };
            match error.halt() {
                Some(halt) if self.wait(halt, &error) => {}
                _ => return Err(error),
            }
        }
    }

    /// Notes that ordering stands still, and waits a moment. False if there is no patience.
    fn wait(&self, halt: Halt, error: &impl Passing) -> bool {
        let mut state = self.state();
        if !state.patient {
            return false;
        }
        if state.now.as_ref().map(|(now, _)| *now) != Some(halt) {
            tracing::error!(halt = halt.problem().as_str(), %error, "ordering stands still; it goes on by itself");
            self.counts[halt as usize].fetch_add(1, Ordering::Relaxed);
        }
        state.now = Some((halt, error.to_string()));
        if let Some(told) = &state.on_halt {
            told(halt);
        }
        let waited = self.changed.wait_timeout_while(state, halt.again(), |state| state.patient);
        waited.unwrap_or_else(PoisonError::into_inner).0.patient
    }

    fn over(&self) {
        if let Some((halt, _)) = self.state().now.take() {
            tracing::info!(halt = halt.problem().as_str(), "ordering goes on");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Failed(Option<Halt>);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("failed")
        }
    }

    impl Passing for Failed {
        fn halt(&self) -> Option<Halt> {
            self.0
        }
    }

    #[test]
    fn a_step_is_taken_again_until_it_succeeds_and_everybody_is_told_meanwhile() {
        let halts = std::sync::Arc::new(Halts::default());
        let told = std::sync::Arc::new(AtomicU64::new(0));
        let counted = std::sync::Arc::clone(&told);
        halts.on_halt(Box::new(move |halt| {
            assert_eq!(halt, Halt::Storage);
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        halts.be_patient();
        let mut seen = Vec::new();
        let done = halts.patiently(|| {
            seen.push(halts.now());
            if seen.len() < 3 { Err(Failed(Some(Halt::Storage))) } else { Ok(7) }
        });
        assert_eq!((done, halts.now(), halts.count(Halt::Storage)), (Ok(7), None, 1));
        assert_eq!(seen, [None, Some(Halt::Storage), Some(Halt::Storage)]);
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_does_not_pass_is_returned_at_once_and_so_is_everything_without_patience() {
        let halts = Halts::default();
        assert_eq!(
            halts.patiently(|| Err::<(), _>(Failed(Some(Halt::Clock)))),
            Err(Failed(Some(Halt::Clock)))
        );
        halts.be_patient();
        assert_eq!(halts.patiently(|| Err::<(), _>(Failed(None))), Err(Failed(None)));
        std::thread::scope(|scope| {
            let stuck = scope.spawn(|| halts.patiently(|| Err::<(), _>(Failed(Some(Halt::Storage)))));
            while halts.now().is_none() {
                std::thread::yield_now();
            }
            halts.give_up();
            assert_eq!(stuck.join().unwrap(), Err(Failed(Some(Halt::Storage))));
        });
    }
}

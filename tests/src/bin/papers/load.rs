//! Sending: at a fixed rate, whatever the answers do, or as fast as it goes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Statements that follow one another: each may be sent when the one before is recorded.
pub type Lane = Vec<Vec<u8>>;

/// How fast.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Pace {
    /// So many a second, at times that are fixed before (an open loop): the first statements of all lanes, then the second ones.
    /// A sender that is late does not shift the others; what waits for a sender, or for the statement before it in its lane, is
    /// late itself.
    PerSecond(f64),
    /// Each sender sends a lane's next statement when the one before is answered.
    AsFast,
}

/// What became of a statement. Times are since the start.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// When it was due; where nothing is due, when it was sent.
    pub due: Duration,
    /// When it was really sent.
    pub at: Duration,
    /// When its answer was there. The latency is what lies between that and when it was due: coordinated omission would be to
    /// count from when it was sent.
    pub answered: Duration,
    /// Why it was not recorded.
    pub refusal: Option<String>,
}

impl Sent {
    pub fn latency(&self) -> Duration {
        self.answered.saturating_sub(self.due)
    }
}

/// Sends all statements by so many senders; `submit` returns when a statement is durable.
pub fn send(
    lanes: &[Lane],
    pace: Pace,
    senders: usize,
    submit: &(impl Fn(&[u8]) -> Result<(), String> + Sync),
) -> Vec<Sent> {
    let (next, sent) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let answered: Vec<_> = lanes.iter().map(|_| AtomicUsize::new(0)).collect();
    let in_turn = in_turn(lanes);
    let start = Instant::now();
    let one = |Turn { lane, at, statement }: Turn<'_>, due: Option<Duration>| {
        if let Some(due) = due {
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
        // Nobody builds on what is not recorded. All that came before in turn is on its way, so this ends.
        while answered[lane].load(Ordering::Acquire) < at {
            thread::sleep(Duration::from_micros(100));
        }
        let sending = start.elapsed();
        let refusal = submit(statement).err();
        answered[lane].fetch_add(1, Ordering::Release);
        let one = Sent { due: due.unwrap_or(sending), at: sending, answered: start.elapsed(), refusal };
        sent.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    };
    thread::scope(|scope| {
        for _ in 0..senders {
            scope.spawn(|| {
                loop {
                    let mine = next.fetch_add(1, Ordering::Relaxed);
                    match pace {
                        Pace::PerSecond(rate) => {
                            let Some(&turn) = in_turn.get(mine) else { break };
                            one(turn, Some(due(mine, rate)));
                        }
                        Pace::AsFast => {
                            let Some(lane) = lanes.get(mine) else { break };
                            for (at, statement) in lane.iter().enumerate() {
                                one(Turn { lane: mine, at, statement }, None);
                            }
                        }
                    }
                }
            });
        }
    });
    sent.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A statement in its place in a lane.
#[derive(Clone, Copy)]
struct Turn<'a> {
    lane: usize,
    at: usize,
    statement: &'a [u8],
}

#[allow(clippy::cast_precision_loss, reason = "a few thousand")]
fn due(number: usize, rate: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / rate)
}

/// The first statement of each lane, then the second of each.
fn in_turn(lanes: &[Lane]) -> Vec<Turn<'_>> {
    let turns = lanes.iter().enumerate().flat_map(|(lane, statements)| {
        statements.iter().enumerate().map(move |(at, statement)| Turn { lane, at, statement })
    });
    let mut turns: Vec<_> = turns.collect();
    turns.sort_by_key(|turn| turn.at);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(count: u8, length: u8) -> Vec<Lane> {
        (0..count).map(|lane| (0..length).map(|at| vec![at, lane]).collect()).collect()
    }

    #[test]
    fn a_stall_is_waited_for_by_all_that_were_due_meanwhile() {
        // One sender, a statement each 10 ms; the first one takes 100 ms, the others none.
        let stall = |statement: &[u8]| {
            if statement == [0, 0] {
                thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        };
        let sent = send(&lanes(8, 1), Pace::PerSecond(100.0), 1, &stall);
        assert_eq!(sent.len(), 8);
        for (number, one) in (0..).zip(&sent) {
            assert_eq!(one.due, Duration::from_millis(10 * number));
            assert!(
                one.latency() >= Duration::from_millis(100 - 10 * number),
                "{number}: {:?}",
                one.latency()
            );
        }
        // By the time of sending, nothing would have waited.
        assert!(sent[4].at >= Duration::from_millis(100), "{:?}", sent[4]);
    }

    #[test]
    fn nothing_is_sent_before_it_is_due_and_a_stall_does_not_hold_the_others() {
        // The first one is answered when all others are.
        let others = AtomicUsize::new(0);
        let stall = |statement: &[u8]| {
            if statement != [0, 0] {
                others.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            let patience = Instant::now();
            while others.load(Ordering::Relaxed) < 19 {
                if patience.elapsed() > Duration::from_secs(30) {
                    return Err("the others wait".to_owned());
                }
                thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        };
        let sent = send(&lanes(20, 1), Pace::PerSecond(200.0), 4, &stall);
        assert!(sent.iter().all(|one| one.at >= one.due && one.refusal.is_none()), "{sent:?}");
    }

    #[test]
    fn a_lane_is_sent_in_its_order_at_every_pace() {
        for pace in [Pace::PerSecond(2000.0), Pace::AsFast] {
            let seen = Mutex::new(Vec::new());
            let keep = |statement: &[u8]| {
                seen.lock().unwrap().push(statement.to_vec());
                if statement == [1, 1] { Err("refused".to_owned()) } else { Ok(()) }
            };
            let sent = send(&lanes(5, 3), pace, 1, &keep);
            let refused: Vec<_> = sent.iter().filter(|one| one.refusal.is_some()).collect();
            assert_eq!((sent.len(), refused.len()), (15, 1));
            let seen = seen.into_inner().unwrap();
            let wanted = match pace {
                Pace::PerSecond(_) => {
                    in_turn(&lanes(5, 3)).iter().map(|turn| turn.statement.to_vec()).collect()
                }
                Pace::AsFast => lanes(5, 3).concat(),
            };
            assert_eq!(seen, wanted);
        }
    }
    #[test]
    fn what_follows_waits_for_what_it_follows_and_is_late_for_it() {
        // Two lanes of three, all due within 6 ms; the first statement of lane 0 takes 100.
        let recorded = Mutex::new(vec![0; 2]);
        let follow = |statement: &[u8]| {
            let &[at, lane] = statement else { return Err("no statement".to_owned()) };
            if statement == [0, 0] {
                thread::sleep(Duration::from_millis(100));
            }
            let recorded = &mut recorded.lock().unwrap()[usize::from(lane)];
            let follows = *recorded == at;
            *recorded += 1;
            if follows { Ok(()) } else { Err("not the latest".to_owned()) }
        };
        let sent = send(&lanes(2, 3), Pace::PerSecond(1000.0), 8, &follow);
        assert!(sent.iter().all(|one| one.refusal.is_none()), "{sent:?}");
        let late = sent.iter().filter(|one| one.latency() >= Duration::from_millis(90)).count();
        assert!(late >= 3, "{sent:?}");
    }
}

//! The same work on many items, on all cores.

use std::thread;

/// Fewer items than these are not worth a thread.
const PART: usize = 32;

/// The results of `work` on each item, in their order.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let part = items.len().div_ceil(threads).max(PART);
    let (first, rest) = items.split_at(part.min(items.len()));
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = rest
            .chunks(part)
            .map(|items| scope.spawn(move || items.iter().map(work).collect::<Vec<_>>()))
            .collect();
        let mut results: Vec<_> = first.iter().map(work).collect();
        for thread in threads {
            // safe: a panic in a thread is this thread's panic.
            results.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_items() {
        for count in [0, 1, PART, PART + 1, 1000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(in_parallel(&items, |item| item + 1), (1..=count).collect::<Vec<_>>());
        }
    }
}

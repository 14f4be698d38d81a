//! Time, taken so that a busy machine spoils all figures alike.
//!
//! What is compared runs in turns, once in each round, and a figure is the median of its rounds: what else the machine does falls on all
//! of them. So ratios can be trusted where the figures themselves cannot.

use std::time::{Duration, Instant};

/// Something to run once in each round.
pub(crate) type Runner<'r> = Box<dyn FnMut() + 'r>;

/// The median time of each, in their order.
pub(crate) fn in_turns(rounds: usize, runners: &mut [Runner<'_>]) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(rounds); runners.len()];
    // The first round finds cold caches.
    for round in 0..=rounds {
        for (runner, times) in runners.iter_mut().zip(&mut times) {
            let start = Instant::now();
            runner();
            if round > 0 {
                times.push(start.elapsed());
            }
        }
    }
    times.into_iter().map(median).collect()
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Megabytes, of a million bytes each, in a second.
pub(crate) fn speed(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

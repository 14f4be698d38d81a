//! Measures time in rounds.
//!
//! Programs that are compared run in turns, once in each round, and a figure is the median of its rounds. Other load on the machine
//! then affects all of them alike, so ratios are reliable even if the figures are not.

use std::time::{Duration, Instant};

/// A function to run once in each round.
pub(crate) type Runner<'r> = Box<dyn FnMut() + 'r>;

/// Returns the median time of each runner, in order.
pub(crate) fn in_turns(rounds: usize, runners: &mut [Runner<'_>]) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(rounds); runners.len()];
    // The first round warms the caches.
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

/// Returns megabytes (a million bytes) per second.
pub(crate) fn speed(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

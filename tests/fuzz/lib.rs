//! The bodies of the fuzz targets: each panics if an invariant is broken.
//!
//! The targets run on inputs of libFuzzer. `tests/it/fuzz.rs` runs them again on every input that
//! once failed. An input is a text up to the first 0xFF byte, which UTF-8 never contains; the bytes
//! behind it decide what is done with the text.

pub mod config;
pub mod edit;
pub mod parse;
#[path = "../../server/yaml/tests/it/promises.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is shared with the tests of the YAML layer, which use all of it"
)]
mod promises;
pub mod protocol;
pub mod reanalyze;

use arbitrary::Unstructured;
use std::borrow::Cow;

/// Splits an input into its text and the bytes behind it.
fn halves(data: &[u8]) -> (Cow<'_, str>, Unstructured<'_>) {
    let (text, rest) = match data.iter().position(|&byte| byte == SEPARATOR) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[][..]),
    };
    (String::from_utf8_lossy(text), Unstructured::new(rest))
}

const SEPARATOR: u8 = 0xff;

/// A number below a bound; 0 at the end of the input.
fn below(input: &mut Unstructured<'_>, bound: usize) -> usize {
    input.int_in_range(0..=bound.saturating_sub(1)).unwrap_or(0)
}

fn one_of<'t, T: ?Sized>(input: &mut Unstructured<'_>, choices: &[&'t T]) -> &'t T {
    choices[below(input, choices.len())]
}

/// The start of the character that contains an offset.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

//! What is tried with inputs that a fuzzer makes: a function for each target, which panics where a promise is broken.
//!
//! The fuzz targets run them on what libFuzzer thinks of; `tests/fuzz.rs` runs them again on every input that once broke one. An input
//! is a text, up to the first byte that no UTF-8 has (0xFF); what stands behind it says what is done with the text.

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

/// The text of an input, and what is to be done with it.
fn halves(data: &[u8]) -> (Cow<'_, str>, Unstructured<'_>) {
    let (text, rest) = match data.iter().position(|&byte| byte == SEPARATOR) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[][..]),
    };
    (String::from_utf8_lossy(text), Unstructured::new(rest))
}

const SEPARATOR: u8 = 0xff;

/// A number below a bound; 0 where the input is at its end.
fn below(input: &mut Unstructured<'_>, bound: usize) -> usize {
    input.int_in_range(0..=bound.saturating_sub(1)).unwrap_or(0)
}

fn one_of<'t, T: ?Sized>(input: &mut Unstructured<'_>, choices: &[&'t T]) -> &'t T {
    choices[below(input, choices.len())]
}

/// The start of the character that holds an offset.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

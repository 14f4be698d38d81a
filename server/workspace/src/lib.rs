//! The files around a text: charts, kustomizations, and the objects that other files declare.
//!
//! Reading is bounded: no file, link, or pipe in a repository can make it wait or use more memory than the caller allows.

pub mod disk;
pub mod index;
pub mod paths;
pub mod project;
mod surroundings;
pub mod trace;

pub use surroundings::{Others, Part, Surroundings};

//! Every input that once broke a promise, tried again. `tests/fuzz/run` looks for more of them.

#[path = "../fuzz/lib.rs"]
#[allow(
    unreachable_pub,
    reason = "it is shared with the fuzz targets, which are another package"
)]
mod targets;

use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 5] = [
    ("parse", targets::parse::run),
    ("reanalyze", targets::reanalyze::run),
    ("edit", targets::edit::run),
    ("config", targets::config::run),
    ("protocol", targets::protocol::run),
];

#[test]
fn what_once_broke_a_promise_keeps_it() {
    let folder =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/fuzz/regressions");
    for (name, target) in TARGETS {
        let Ok(inputs) = fs::read_dir(folder.join(name)) else {
            continue;
        };
        let mut inputs: Vec<_> = inputs
            .map(|input| input.expect("a folder is read").path())
            .collect();
        inputs.sort();
        for input in inputs {
            println!("{name}: {}", input.display());
            target(&fs::read(&input).expect("an input is a file"));
        }
    }
}

/// The targets themselves: they take what is no input of theirs, and see what is wrong.
#[test]
fn the_targets_run_on_anything() {
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: web, image: web}\n";
    for (_, target) in TARGETS {
        for text in ["", "\u{feff}", "a: [", pod, "\0\0\0"] {
            target(text.as_bytes());
            target(&[text.as_bytes(), &[0xff], &(0..=255).collect::<Vec<u8>>()].concat());
        }
    }
}

//! `init`: a configuration file to begin with.
//!
//! Promise: a file that is there already is left alone.

use super::args::Init;
use super::console::{Console, Verdict};
use super::files;
use linter::config::{self, discovery};
use std::fs::OpenOptions;
use std::io::{self, Write};

/// Where the schema of the file stands on the web, for editors.
const SCHEMA: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/raw/main/docs/kubeharden.schema.json"
);

pub(super) fn run(arguments: &Init, console: &mut Console) -> io::Result<Verdict> {
    let path = files::plain(&arguments.folder.join(discovery::FILE_NAME));
    let created = OpenOptions::new().write(true).create_new(true).open(&path);
    match created.and_then(|mut file| file.write_all(config::template(SCHEMA).as_bytes())) {
        Ok(()) => console.note(format_args!("Wrote {}.", path.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            console.complain(format_args!(
                "{}: already exists; not overwritten",
                path.display()
            ));
        }
        Err(error) => console.complain(format_args!(
            "{}: cannot be written: {error}",
            path.display()
        )),
    }
    Ok(Verdict::Clean)
}

//! `init`: creates a starter configuration file. An existing file is never overwritten.

use crate::args::Init;
use crate::console::{Console, ExitStatus};
use crate::inputs::files;
use linter::config::{self, discovery};
use std::fs::OpenOptions;
use std::io::{self, Write};

/// The URL of the schema, for editors.
const SCHEMA: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/raw/main/docs/kubeharden.schema.json"
);

pub(crate) fn run(arguments: &Init, console: &mut Console) -> io::Result<ExitStatus> {
    let in_folder = |name| files::plain(&arguments.folder.join(name));
    let existing = discovery::FILE_NAMES
        .map(in_folder)
        .into_iter()
        .find(|path| path.exists());
    let path = existing.unwrap_or_else(|| in_folder(discovery::FILE_NAME));
    let created = OpenOptions::new().write(true).create_new(true).open(&path);
    match created.and_then(|mut file| file.write_all(config::template(SCHEMA).as_bytes())) {
        Ok(()) => console.note(format_args!("Wrote {}.", path.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            console.error(format_args!(
                "{}: already exists; not overwritten",
                path.display()
            ));
        }
        Err(error) => console.error(format_args!(
            "{}: cannot be written: {error}",
            path.display()
        )),
    }
    Ok(ExitStatus::Success)
}

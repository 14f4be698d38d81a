//! `config`: the configuration that counts for a file or folder.
//!
//! Promise: what it prints is a configuration file that says the same.

use super::args::{Choices, ShowConfig};
use super::configured::Configurations;
use super::console::{Console, Verdict};
use super::problem::one_line;
use linter::config::{self, discovery};
use std::io::{self, Write};
use std::path::Path;

pub(super) fn run(arguments: &ShowConfig, console: &mut Console) -> io::Result<Verdict> {
    let path = arguments.path.as_path();
    let folder = if path.is_dir() {
        path
    } else {
        workspace::paths::folder_of(path)
    };
    let known = Configurations::new(&arguments.choices).of(folder, console);
    writeln!(
        console,
        "# {}",
        whence(known.file.as_deref(), &arguments.choices)
    )?;
    write!(console, "{}", config::yaml(&known.config))?;
    Ok(Verdict::Clean)
}

fn whence(file: Option<&Path>, choices: &Choices) -> String {
    let file = match file {
        Some(file) => format!("From {}", one_line(&file.to_string_lossy())),
        None if choices.no_config => "The defaults".to_owned(),
        None => format!(
            "The defaults: no {} in this folder or its parents",
            discovery::FILE_NAME
        ),
    };
    let Choices {
        profile,
        kubernetes_version,
        select,
        ignore,
        ..
    } = choices;
    let is_told = profile.is_some()
        || kubernetes_version.is_some()
        || !select.is_empty()
        || !ignore.is_empty();
    file + if is_told {
        ", with command-line options applied"
    } else {
        ""
    }
}

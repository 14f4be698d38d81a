//! `config`: prints the effective configuration for a file or folder, as a valid configuration file.

use crate::args::{Choices, ShowConfig};
use crate::console::{Console, ExitStatus};
use crate::inputs::configured::Configurations;
use crate::output::text::shown_path;
use linter::config::{self, discovery};
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(arguments: &ShowConfig, console: &mut Console) -> io::Result<ExitStatus> {
    let path = arguments.path.as_path();
    let folder = if path.is_dir() {
        path
    } else {
        workspace::paths::folder_of(path)
    };
    let effective = Configurations::new(&arguments.choices).of(folder, console);
    writeln!(
        console,
        "# {}",
        origin(effective.file.as_deref(), &arguments.choices)
    )?;
    write!(console, "{}", config::yaml(&effective.config))?;
    Ok(ExitStatus::Success)
}

fn origin(file: Option<&Path>, choices: &Choices) -> String {
    let file = match file {
        Some(file) => format!("From {}", shown_path(file)),
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
    let has_options = profile.is_some()
        || kubernetes_version.is_some()
        || !select.is_empty()
        || !ignore.is_empty();
    file + if has_options {
        ", with command-line options applied"
    } else {
        ""
    }
}

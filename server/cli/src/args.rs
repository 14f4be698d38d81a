//! The arguments: what may be written on the command line, and the words that `--help` has for it.
//!
//! Knows clap, and the names of rules. Must not know what the commands do with them. Promise: what is handed on is valid, or
//! the program has ended with a message that says what would be.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use kubernetes::Version;
use linter::config::{self, Config, Profile};
use linter::rules::{Page, Rule, Severity};
use std::path::PathBuf;

/// Harden Kubernetes YAML: find what an attacker could use, and write the missing lines.
#[derive(Debug, Parser)]
#[command(
    name = "kubeharden",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours; `auto` follows the terminal and NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Print results and errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Report what an attacker could use, and settings that the cluster would ignore
    #[command(after_long_help = EXIT_CODES)]
    Check(Check),
    /// Write the missing lines, leaving every other byte alone
    Fix(Fix),
    /// Show the page about a rule
    Explain(Explain),
    /// List all rules
    Rules(Rules),
    /// Print the configuration that counts for a file or folder, and where it comes from
    Config(ShowConfig),
    /// Write a .kubeharden.yaml to begin with, every setting in it explained
    Init(Init),
    /// Run the language server over stdin and stdout
    Server(Server),
    /// Print a script that completes arguments in a shell
    Completions { shell: clap_complete::Shell },
    /// Print the version
    Version,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  no finding is as severe as --fail-on says, or --exit-zero is given
  1  at least one is
  2  wrong arguments, or something could not be read; the rest was checked and reported nevertheless";

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub inputs: Inputs,
    /// Check what `helm template` renders of a chart, and tell each finding at the line of the template that made it
    ///
    /// Runs the installed `helm`. A finding that no line of a template can be told to have made is told of its template.
    #[arg(long, value_name = "CHART", conflicts_with_all = ["paths", "stdin_filename", "kustomize"])]
    pub helm: Option<PathBuf>,
    /// A file of values for --helm
    #[arg(short = 'f', long, value_name = "FILE", requires = "helm")]
    pub values: Vec<PathBuf>,
    /// Check what `kustomize build` makes of a folder, and tell each finding where the resource or patch says it
    ///
    /// Runs the installed `kustomize`, or else `kubectl kustomize`.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["paths", "stdin_filename"])]
    pub kustomize: Option<PathBuf>,
    #[command(flatten)]
    pub choices: Choices,
    /// How to print findings
    ///
    /// `json` is a contract for other programs. Lines and columns count from 1, columns in Unicode characters, bytes from the
    /// start of the file; an end is the place just behind. Lines end at \n, \r\n or a lone \r; a byte order mark is not a
    /// column. In its summary, `files` are the files that were read, `documents` the YAML documents in them that are not
    /// empty, `manifests` the documents that hold a Kubernetes object, `skipped` the other documents. See docs/json.md.
    #[arg(long, value_enum, default_value_t = Format::Full, env = "KUBEHARDEN_OUTPUT_FORMAT", value_name = "FORMAT")]
    pub output_format: Format,
    /// The least severity that makes the exit code 1; `warning` where no configuration says otherwise
    #[arg(long, value_parser = one_of(&Severity::ALL, Severity::name), value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
    /// Print counts by kind, by rule, and by reason of silence in the place of findings
    #[arg(long)]
    pub statistics: bool,
    /// Exit with 0 even if something was found
    #[arg(long)]
    pub exit_zero: bool,
}

#[derive(Debug, Args)]
pub(super) struct Fix {
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub choices: Choices,
    /// Apply also fixes that may stop some images from working
    #[arg(long)]
    pub unsafe_fixes: bool,
    /// Apply also fixes whose value somebody should choose, such as resource limits, with the configured values
    #[arg(long)]
    pub ask_fixes: bool,
    /// Print what would change, write nothing, and exit with 1 if that is anything
    #[arg(long)]
    pub diff: bool,
}

/// What is read.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    /// Files and folders, or `-` for stdin; in folders, *.yaml, *.yml, and *.json with Kubernetes objects, that no .gitignore names
    #[arg(default_value = ".", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What stdin is called in messages
    #[arg(long, value_name = "NAME")]
    pub stdin_filename: Option<PathBuf>,
}

/// What is asked of it. What is given here counts before what a configuration file says.
#[derive(Debug, Args)]
pub(super) struct Choices {
    /// How much to ask for: the Pod Security Standards, or everything
    #[arg(long, value_parser = one_of(&Profile::ALL, Profile::name), value_name = "PROFILE")]
    pub profile: Option<Profile>,
    /// The Kubernetes version that the manifests are for
    #[arg(long, value_name = "1.N")]
    pub kubernetes_version: Option<Version>,
    /// Run these rules alone, whatever the profile; what is not YAML is reported in any case
    #[arg(long, value_delimiter = ',', value_parser = rule_id, value_name = "RULE,...")]
    pub select: Vec<String>,
    /// Do not run these rules
    #[arg(long, value_delimiter = ',', value_parser = rule_id, value_name = "RULE,...")]
    pub ignore: Vec<String>,
    /// Report also what comments, annotations and exceptions ignore
    #[arg(long)]
    pub no_ignores: bool,
    /// Read this configuration file, and no other; otherwise the nearest .kubeharden.yaml upwards from each file counts
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    pub no_config: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowConfig {
    /// The file or folder
    #[arg(default_value = ".", value_name = "PATH")]
    pub path: PathBuf,
    #[command(flatten)]
    pub choices: Choices,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder that it is for
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule, or what else an editor shows as a code
    #[arg(value_parser = page, value_name = "RULE")]
    pub page: Page,
    #[arg(long, value_enum, default_value_t = PageFormat::Text, value_name = "FORMAT")]
    pub output_format: PageFormat,
}

#[derive(Debug, Args)]
pub(super) struct Rules {
    #[arg(long, value_enum, default_value_t = PageFormat::Text, value_name = "FORMAT")]
    pub output_format: PageFormat,
}

#[derive(Debug, Args)]
pub(super) struct Server {
    /// Accepted because some editors add it; there is no other way to talk to the server
    #[arg(long, hide = true)]
    pub stdio: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// With the lines that a finding is about
    Full,
    /// A line for each finding
    Concise,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PageFormat {
    Text,
    Json,
}

impl Choices {
    /// A configuration after what was given on the command line.
    pub(super) fn over(&self, mut config: Config) -> Config {
        config.profile = self.profile.unwrap_or(config.profile);
        config.profile_is_chosen |= self.profile.is_some();
        config.kubernetes_version = self.kubernetes_version.unwrap_or(config.kubernetes_version);
        config.rules.override_with(&self.select, &self.ignore);
        config.no_suppressions |= self.no_ignores;
        config
    }
}

/// Parses one of the names of an enum that another crate defines.
fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let names = all.iter().map(|value| name(*value));
    PossibleValuesParser::new(names).map(move |chosen| {
        let value = all.iter().copied().find(|value| name(*value) == chosen);
        value.expect("clap accepts only the names of these values")
    })
}

fn rule_id(id: &str) -> Result<String, String> {
    listed_rule(id).map(|rule| rule.id.to_owned())
}

/// The page of that name.
fn page(id: &str) -> Result<Page, String> {
    Page::named(id).map_or_else(|| listed_rule(id).map(Rule::page), Ok)
}

/// The rule of that id.
fn listed_rule(id: &str) -> Result<&'static Rule, String> {
    Rule::named(id).ok_or_else(|| match config::nearest(id, Rule::ids().into_iter()) {
        Some(near) => format!("there is no such rule; the nearest is `{near}`"),
        None => "there is no such rule; `kubeharden rules` lists all".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense_to_clap() {
        Arguments::command().debug_assert();
    }
}

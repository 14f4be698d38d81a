//! The command-line arguments and their help texts. Invalid arguments end the program with a message.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use kubernetes::Version;
use linter::config::{self, Config, Profile};
use linter::rules::{Page, Rule, Severity, rules_named};
use std::path::PathBuf;

/// Find and fix insecure settings in Kubernetes manifests.
#[derive(Debug, Parser)]
#[command(
    name = "kubeharden",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// When to use colors; `auto` follows the terminal and NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Print only results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check manifests for insecure settings and for fields that the cluster would ignore or reject
    #[command(after_long_help = EXIT_CODES)]
    Check(Check),
    /// Apply fixes in place; nothing else in the file changes
    Fix(Fix),
    /// Show a rule's documentation
    Explain(Explain),
    /// List all rules
    Rules(Rules),
    /// Show the effective configuration for a file or folder, and where it comes from
    Config(ShowConfig),
    /// Create a starter .kubeharden.yaml with every setting explained
    Init(Init),
    /// Run the language server on stdin and stdout
    Server(Server),
    /// Generate shell completions
    Completions { shell: clap_complete::Shell },
    /// Print the version
    Version,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  no finding has the severity of --fail-on or higher, or --exit-zero is given
  1  at least one has
  2  the arguments are wrong, or a file could not be read (the others are still checked and reported)";

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub inputs: Inputs,
    /// Check the output of `helm template`, and report each finding at the template line that produced it
    ///
    /// Runs the installed `helm`. If the line is uncertain, the finding is reported for the whole template.
    #[arg(long, value_name = "CHART", conflicts_with_all = ["paths", "stdin_filename", "kustomize"])]
    pub helm: Option<PathBuf>,
    /// Values file for --helm
    #[arg(short = 'f', long, value_name = "FILE", requires = "helm")]
    pub values: Vec<PathBuf>,
    /// Check the output of `kustomize build`, and report each finding in the resource or patch that produced it
    ///
    /// Runs the installed `kustomize`, or else `kubectl kustomize`.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["paths", "stdin_filename"])]
    pub kustomize: Option<PathBuf>,
    #[command(flatten)]
    pub choices: Choices,
    /// How to print findings
    ///
    /// `json` is a stable contract for other programs. Lines and columns count from 1, columns in Unicode characters, bytes
    /// from the start of the file; an end is exclusive. Lines end at \n, \r\n or a lone \r; a byte order mark is not a
    /// column. In the summary, `files` counts the files that were read, `documents` their YAML documents that are not empty,
    /// `manifests` the documents with a Kubernetes object, and `skipped` the other documents. See docs/json.md.
    #[arg(long, value_enum, default_value_t = Format::Full, env = "KUBEHARDEN_OUTPUT_FORMAT", value_name = "FORMAT")]
    pub output_format: Format,
    /// Exit with 1 on findings of this severity or higher; by default the configured severity, or else `warning`
    #[arg(long, value_parser = one_of(&Severity::ALL, Severity::name), value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
    /// Show counts by kind and rule, and of skipped documents, instead of findings
    #[arg(long)]
    pub statistics: bool,
    /// Exit with 0 even if there are findings
    #[arg(long)]
    pub exit_zero: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fix {
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub choices: Choices,
    /// Also apply fixes that may break some workloads
    #[arg(long)]
    pub unsafe_fixes: bool,
    /// Also apply fixes that need a value that you should choose, such as resource limits, with the configured values
    #[arg(long, alias = "ask-fixes")]
    pub placeholder_fixes: bool,
    /// Show the changes as a diff without writing them; exit with 1 if there are any
    #[arg(long)]
    pub diff: bool,
}

/// The files to read.
#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// Files and folders, or `-` for stdin; in folders, *.yaml, *.yml, and *.json with Kubernetes objects, except files in .gitignore
    #[arg(default_value = ".", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// File name to use for stdin, in messages and to find its configuration
    #[arg(long, value_name = "NAME")]
    pub stdin_filename: Option<PathBuf>,
    /// Do not search files that match a pattern as in .gitignore, relative to the current folder; can be repeated
    #[arg(long, value_name = "PATTERN", value_parser = exclude_pattern)]
    pub exclude: Vec<String>,
    /// Apply `exclude` and --exclude to the named files, too
    #[arg(long)]
    pub force_exclude: bool,
    /// Do not fail if there is nothing to read
    #[arg(long)]
    pub allow_empty: bool,
}

fn exclude_pattern(text: &str) -> Result<String, String> {
    workspace::exclude::check_pattern(text).map(|()| text.to_owned())
}

/// Options that override the configuration file.
#[derive(Debug, Args)]
pub(crate) struct Choices {
    /// Rules to apply: a Pod Security Standard, or `hardened` for everything; `hardened` unless configured
    #[arg(long, value_parser = one_of(&Profile::ALL, Profile::name), value_name = "PROFILE")]
    pub profile: Option<Profile>,
    /// The Kubernetes version of the target cluster
    #[arg(long, value_name = "1.N")]
    pub kubernetes_version: Option<Version>,
    /// Run only these rules, regardless of profile (syntax errors are always reported)
    #[arg(long, value_delimiter = ',', value_parser = rule_ids, value_name = "RULE,...")]
    pub select: Vec<RuleIds>,
    /// Do not run these rules
    #[arg(long, value_delimiter = ',', value_parser = rule_ids, value_name = "RULE,...")]
    pub ignore: Vec<RuleIds>,
    /// Also report findings suppressed by comments, annotations or exceptions
    #[arg(long)]
    pub no_ignores: bool,
    /// Use this configuration file instead of the nearest .kubeharden.yaml
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    pub no_config: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowConfig {
    /// The file or folder
    #[arg(default_value = ".", value_name = "PATH")]
    pub path: PathBuf,
    #[command(flatten)]
    pub choices: Choices,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder to create it in
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Rule id, or any other diagnostic code from your editor
    #[arg(value_parser = page, value_name = "RULE")]
    pub page: Page,
    #[arg(long, value_enum, default_value_t = PageFormat::Text, value_name = "FORMAT")]
    pub output_format: PageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[arg(long, value_enum, default_value_t = PageFormat::Text, value_name = "FORMAT")]
    pub output_format: PageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Ignored. Some editors add it.
    #[arg(long, hide = true)]
    pub stdio: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With source lines
    Full,
    /// One line per finding
    Concise,
    /// For other programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    Text,
    Json,
}

impl Choices {
    /// Applies the options to a configuration.
    pub(crate) fn apply_to(&self, mut config: Config) -> Config {
        config.profile = self.profile.unwrap_or(config.profile);
        config.profile_is_chosen |= self.profile.is_some();
        config.kubernetes_version = self.kubernetes_version.unwrap_or(config.kubernetes_version);
        let (select, ignore) = (RuleIds::all(&self.select), RuleIds::all(&self.ignore));
        config.rules.override_with(&select, &ignore);
        config.no_suppressions |= self.no_ignores;
        config
    }
}

/// Returns a parser for the names of an enum from another crate.
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

/// Returns the ids of the rules that a word names, as a list.
fn rule_ids(word: &str) -> Result<RuleIds, String> {
    let rules = listed_rules(word)?;
    Ok(RuleIds(
        rules.iter().map(|rule| rule.id.to_owned()).collect(),
    ))
}

/// The rules that one word of an option names.
#[derive(Debug, Clone)]
pub(crate) struct RuleIds(Vec<String>);

impl RuleIds {
    fn all(words: &[RuleIds]) -> Vec<String> {
        words
            .iter()
            .flat_map(|word| word.0.iter().cloned())
            .collect()
    }
}

/// Parses the name of a documentation page.
fn page(id: &str) -> Result<Page, String> {
    let first = || listed_rules(id).map(|rules| rules.first().map(|rule| rule.page()));
    match Page::named(id) {
        Some(page) => Ok(page),
        None => first()?.ok_or_else(|| format!("{id} has no page")),
    }
}

/// Returns the rules that a word names: an id, or a name in another tool.
fn listed_rules(id: &str) -> Result<Vec<&'static Rule>, String> {
    let rules = rules_named(id);
    if rules.is_empty() {
        return Err(match config::nearest(id, Rule::ids()) {
            Some(near) => format!("unknown rule; did you mean `{near}`?"),
            None => "unknown rule; `kubeharden rules` lists all rules".to_owned(),
        });
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}

use crate::config::Config;
use crate::rules::Reporter;
use yaml::Yaml;

rule! {
    /// Manifests that are not valid YAML.
    ///
    /// A missing colon, an unclosed quote, a tab in the indentation: neither the API server nor any
    /// other program can read the document. kubeharden reads it as far as possible, so that it
    /// still checks the rest.
    ///
    /// ## Why
    ///
    /// Nothing in the document reaches the cluster, and the previous version keeps running.
    /// Scanners that skip unreadable documents report it as clean.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: "registry.example.com/web:1.4
    /// ```
    ///
    /// Good:
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: "registry.example.com/web:1.4"
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never, in a manifest. Templates are not YAML until they are rendered; the rule skips them.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix. A document with a syntax error gets no other fixes either.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, whichever rules are selected, every document in
    /// which an object is recognizable.
    ///
    /// ## References
    ///
    /// - [YAML 1.2.2](https://yaml.org/spec/1.2.2/)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "syntax-error",
    enablement: Always,
    severity: Error,
    check: Check::Document(check),
    related: [Yamllint "syntax"],
    always_selected: true,
}

fn check(yaml: &Yaml, _config: &Config, report: &mut Reporter<'_, '_>) {
    let mut has_placeholder = false;
    for error in yaml.errors() {
        let written = &yaml.text()[error.range];
        if !is_placeholder(written) {
            report.at(error.range, error.message.clone());
        } else if !has_placeholder {
            // A text that a program fills in has many, and all mean the same.
            has_placeholder = true;
            report.at(
                error.range,
                format!("{written} is a placeholder: fill it in, or put it in quotes"),
            );
        }
    }
}

/// Whether a value that cannot start as it does is a placeholder of `sed` or the like: `@NAME@`.
fn is_placeholder(written: &str) -> bool {
    ['@', '%'].into_iter().any(|mark| {
        let inside = written
            .strip_prefix(mark)
            .and_then(|rest| rest.strip_suffix(mark));
        inside.is_some_and(|name| {
            let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            !name.is_empty() && name.chars().all(is_word)
        })
    })
}

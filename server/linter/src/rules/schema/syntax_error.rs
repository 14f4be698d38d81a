use crate::config::Config;
use crate::rules::Reporter;
use yaml::Yaml;

rule! {
    /// Manifests that are not YAML.
    ///
    /// A missing colon, an unclosed quote, a tab in the indentation: the API server cannot read the document, and neither can
    /// any other program. Here it is read as far as that goes, so that the rest of it is checked all the same.
    ///
    /// ## Why
    ///
    /// Nothing of the document reaches the cluster, and what it was to replace stays as it was. Scanners that skip what they
    /// cannot read count it as clean.
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
    /// Never, in a manifest. Templates are not YAML before they are rendered, and are left alone.
    ///
    /// ## What the fix changes
    ///
    /// There is none. No other fix is given in a document that is not YAML.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, whichever rules are selected, every document in which an object can be made
    /// out.
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

fn check(yaml: &Yaml, _config: &Config, found: &mut Reporter<'_, '_>) {
    for error in yaml.errors() {
        found.at(error.range, error.message.clone());
    }
}

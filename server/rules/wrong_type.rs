use super::leftovers::wrong_values;
use super::spelling::brief;
use super::{Findings, Safety};
use crate::config::Config;
use crate::k8s::{Object, Wanted};
use crate::yaml::edit::{Change, Value};
use crate::yaml::scalar::resolve;
use crate::yaml::{Kind, Node, Resolved, Style};

rule! {
    /// Values of another type or shape than their field has.
    ///
    /// A string for an integer, a mapping for a list, a number for a label: the API server refuses the whole object. What a
    /// plain word means is told as the API server's reader takes it, for which `yes` is a boolean and `0644` is 420.
    ///
    /// ## Why
    ///
    /// The manifest is rejected, at the latest in the cluster, and with it every hardening that it holds. The object that was
    /// to be replaced stays as it was.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    ///   annotations:
    ///     example.com/reviewed: yes
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       env:
    ///         - name: WORKERS
    ///           value: 4
    ///       securityContext:
    ///         privileged: "false"
    ///         runAsUser: "10001"
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    ///   annotations:
    ///     example.com/reviewed: "yes"
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       env:
    ///         - name: WORKERS
    ///           value: "4"
    ///       securityContext:
    ///         privileged: false
    ///         runAsUser: 10001
    /// ```
    ///
    /// Another shape is left to you:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     name: web
    ///     image: registry.example.com/web:1.4
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
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         runAsUser: 10001
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A value that another program fills in before the manifest goes to a cluster. Texts with `{{` or `$` in them count as
    /// such and are left alone.
    ///
    /// ## What the fix changes
    ///
    /// It takes quotes away from an integer or a boolean, or puts them around a word that is to be a string. No cluster took
    /// the manifest before, so that nothing that runs can stop.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version; every kind that has a type of its own in Kubernetes.
    ///
    /// ## References
    ///
    /// - [Kubernetes: API reference](https://kubernetes.io/docs/reference/kubernetes-api/)
    /// - [YAML 1.1: booleans](https://yaml.org/type/bool.html), which the API server's reader follows
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    "wrong-type", Always, Error, Check::Object(check),
    akin: [KubeLinter "schema-validation"],
}

fn check(object: &Object<'_>, _config: &Config, found: &mut Findings<'_, '_>) {
    for wrong in wrong_values(object) {
        let node = wrong.node;
        let message = format!("{} {}", name(node, object), complaint(node, wrong.wanted));
        let container = object.container_around(node).filter(|container| container.node != node);
        let finding = found.wrong_around(container, token(node), message);
        if let Some((title, value)) = wrong.wanted.and_then(|wanted| requoted(node, wanted)) {
            finding.fix(Safety::Safe, title, [Change::Set { path: node.path(), value }]);
        }
    }
}

/// What stands for a value: of one that is written below its key that key, else its first part.
fn token(node: Node<'_>) -> Node<'_> {
    let is_block = matches!(node.kind(), Kind::Mapping | Kind::Sequence) && !node.is_flow();
    if !is_block && !node.source().contains(['\n', '\r']) {
        return node;
    }
    let first = || node.children().next().map(token);
    node.own_entry().map(|entry| entry.key).or_else(first).unwrap_or(node)
}

/// What a value is called: by its key, or as an item of its list.
fn name(node: Node<'_>, object: &Object<'_>) -> String {
    let key = |node: Node<'_>| node.own_entry().and_then(|entry| entry.key.as_str()).map(|key| brief(key).into_owned());
    let item = || node.parent().and_then(key).map(|list| format!("an item of {list}"));
    key(node).or_else(item).unwrap_or_else(|| brief(object.kind).into_owned())
}

fn complaint(node: Node<'_>, wanted: Option<Wanted>) -> String {
    let (is, wanted) = (noun(node), wanted.map(wanted_noun));
    match wanted {
        Some("base64") => "is not base64".into(),
        Some("a time") => "is not a time such as 2024-05-01T12:00:00Z".into(),
        Some("an integer") if is == "an integer" => "is out of range".into(),
        Some("an integer") if is == "a number" => "is not a whole number".into(),
        Some(wanted) if is != wanted => format!("is {is}, not {wanted}"),
        _ => format!("is {is} that the field does not take"),
    }
}

fn noun(node: Node<'_>) -> &'static str {
    let Some(node) = node.resolve() else { return "an alias to nothing" };
    match (node.kind(), node.resolved()) {
        (Kind::Mapping, _) => "a mapping",
        (Kind::Sequence, _) => "a list",
        (_, Some(Resolved::Bool(_))) => "a boolean",
        (_, Some(Resolved::Int(_))) => "an integer",
        (_, Some(Resolved::Float(_))) => "a number",
        (_, Some(Resolved::Str(_))) => "a string",
        (_, Some(Resolved::Null) | None) => "nothing",
    }
}

fn wanted_noun(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Bool => "a boolean",
        Wanted::Integer => "an integer",
        Wanted::Number => "a number",
        Wanted::Text => "a string",
        Wanted::Base64 => "base64",
        Wanted::Time => "a time",
        Wanted::Sequence => "a list",
        Wanted::Mapping => "a mapping",
    }
}

/// The same value with quotes, or without, where that is all that is wrong.
fn requoted(node: Node<'_>, wanted: Wanted) -> Option<(&'static str, Value)> {
    let text = node.as_str()?;
    match (wanted, node.resolved()?, resolve(text, Style::Plain, None)) {
        // A number in another notation, such as "0644", may have been meant in either way.
        (Wanted::Integer, Resolved::Str(_), Resolved::Int(value)) if value.to_string() == text => {
            Some(("take the quotes away", Value::Integer(value)))
        }
        (Wanted::Bool, Resolved::Str(_), Resolved::Bool(value)) => Some(("take the quotes away", Value::Bool(value))),
        (Wanted::Text, Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_), _) => {
            Some(("put it in quotes", Value::Text(text.into())))
        }
        _ => None,
    }
}

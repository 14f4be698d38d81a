use crate::config::Config;
use crate::rules::describe::{name, token};
use crate::rules::schema::refused_value::values::accepted;
use crate::rules::schema::unknown_fields::rejected_values;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Expected, Object};
use yaml::edit::{Change, Value};
use yaml::scalar::resolve;
use yaml::{Node, NodeKind, Resolved, ScalarStyle};

rule! {
    /// Values whose type does not match their field.
    ///
    /// A string for an integer, a mapping for a list, a number for a label: the API server rejects
    /// the whole object. The rule reads plain scalars as the API server does: `yes` is a boolean
    /// and `0644` is 420.
    ///
    /// ## Why
    ///
    /// The API server rejects the manifest, and with it all of its hardening. The previous version
    /// keeps running.
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
    /// If the structure differs, there is no fix:
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
    /// If another program fills in the value before the manifest goes to a cluster. The rule skips
    /// values with `{{` or `$`.
    ///
    /// ## What the fix changes
    ///
    /// It removes the quotes around an integer or a boolean, or adds quotes around a scalar that
    /// must be a string. There is no fix if the API server would reject the number, such as user
    /// `-1`. No cluster accepted the manifest before, so that no running workload can break.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every built-in kind.
    ///
    /// ## References
    ///
    /// - [Kubernetes: API reference](https://kubernetes.io/docs/reference/kubernetes-api/)
    /// - [YAML 1.1: booleans](https://yaml.org/type/bool.html), which the API server's reader follows
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "wrong-type",
    enablement: Always,
    severity: Error,
    check: Check::Object(check),
    related: [KubeLinter "schema-validation"],
    reports_rejections: true,
}

fn check(object: &Object<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for wrong in rejected_values(object) {
        let node = wrong.node;
        let message = format!("{} {}", name(node, object), mismatch(node, wrong.expected));
        let container = object
            .container_around(node)
            .filter(|container| container.node != node);
        let mut finding = report.at(token(node), message).in_container(container);
        if let Some((title, value)) = wrong
            .expected
            .and_then(|wanted| requoted(node, wanted, object))
        {
            finding.fix(
                Applicability::Safe,
                title,
                [Change::Set {
                    path: node.path(),
                    value,
                }],
            );
        }
    }
}

fn mismatch(node: Node<'_>, wanted: Option<Expected>) -> String {
    let (is, wanted) = (noun(node), wanted.map(wanted_noun));
    match wanted {
        Some("base64") => "is not base64".into(),
        Some("a quantity") if is == "a string" => "is not a quantity such as 64Mi or 0.5".into(),
        Some("a time") => "is not a time such as 2024-05-01T12:00:00Z".into(),
        Some("an integer") if is == "an integer" => "is out of range".into(),
        Some("an integer") if is == "a number" => "is not a whole number".into(),
        Some(wanted) if is != wanted => format!("is {is}, not {wanted}"),
        _ => format!("is {is}, which the field does not accept"),
    }
}

fn noun(node: Node<'_>) -> &'static str {
    let Some(node) = node.resolve() else {
        return "an alias to nothing";
    };
    match (node.kind(), node.resolved()) {
        (NodeKind::Mapping, _) => "a mapping",
        (NodeKind::Sequence, _) => "a list",
        (_, Some(Resolved::Bool(_))) => "a boolean",
        (_, Some(Resolved::Int(_))) => "an integer",
        (_, Some(Resolved::Float(_))) => "a number",
        (_, Some(Resolved::Str(_))) => "a string",
        (_, Some(Resolved::Null) | None) => "nothing",
    }
}

fn wanted_noun(wanted: Expected) -> &'static str {
    match wanted {
        Expected::Bool => "a boolean",
        Expected::Integer => "an integer",
        Expected::Number => "a number",
        Expected::Text => "a string",
        Expected::Base64 => "base64",
        Expected::Time => "a time",
        Expected::Quantity => "a quantity",
        Expected::Sequence => "a list",
        Expected::Mapping => "a mapping",
    }
}

/// Returns the value with or without quotes, if that corrects its type.
fn requoted(
    node: Node<'_>,
    wanted: Expected,
    object: &Object<'_>,
) -> Option<(&'static str, Value)> {
    let text = node.as_str()?;
    match (
        wanted,
        node.resolved()?,
        resolve(text, ScalarStyle::Plain, None),
    ) {
        // A number in another notation, such as "0644", is ambiguous.
        (Expected::Integer, Resolved::Str(_), Resolved::Int(value))
            if value.to_string() == text && accepts(node, value, object) =>
        {
            Some(("remove the quotes", Value::Integer(value)))
        }
        (Expected::Bool, Resolved::Str(_), Resolved::Bool(value)) => {
            Some(("remove the quotes", Value::Bool(value)))
        }
        (Expected::Text, Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_), _) => {
            Some(("add quotes", Value::Text(text.into())))
        }
        _ => None,
    }
}

/// Whether the API server accepts a number at a node, according to `refused-value`.
fn accepts(node: Node<'_>, number: i64, object: &Object<'_>) -> bool {
    let field = if node.own_entry().is_some() {
        Some(node)
    } else {
        node.parent()
    };
    let key = field
        .and_then(Node::own_entry)
        .and_then(|entry| entry.key.as_str());
    let mapping = field.and_then(Node::parent);
    let types = object.reading.types.iter();
    let type_name = types
        .filter(|(typed, _)| Some(*typed) == mapping)
        .map(|row| row.1)
        .next();
    let accepted = key
        .zip(type_name)
        .and_then(|(key, type_name)| accepted(type_name, key));
    accepted.is_none_or(|accepted| accepted.accepts(number))
}

use super::refused_value::parts::{check_unique, integer, items, text};
use super::refused_value::resources::amount_of;
use crate::config::Config;
use crate::rules::describe::{shortened, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod};
use std::collections::HashMap;
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind};

rule! {
    /// Values in a pod that the API server accepts with a warning.
    ///
    /// An environment variable that hides an earlier one of the same name, an amount of memory with
    /// a fraction of a byte, two containers that use one port, a spread constraint that selects no
    /// pod.
    ///
    /// ## Why
    ///
    /// The API server prints a warning and stores the object. In a pipeline, the warning is easily
    /// overlooked. The pod then runs with other settings than the manifest seems to say: a limit of
    /// `512m` is half a byte of memory, and `kubectl apply` may drop one of two variables with the
    /// same name.
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
    ///       image: registry.example.com/web:1.4
    ///       resources:
    ///         limits:
    ///           memory: 512m
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       resources:
    ///         limits:
    ///           memory: 512Mi
    /// ```
    ///
    /// Usually there is no fix, because only the author knows which value is meant:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       env:
    ///         - name: LEVEL
    ///           value: info
    ///         - name: LEVEL
    ///           value: debug
    ///       ports:
    ///         - containerPort: 8080
    ///     - name: metrics
    ///       image: registry.example.com/metrics:1.0
    ///       ports:
    ///         - containerPort: 8080
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
    ///       env:
    ///         - name: LEVEL
    ///           value: debug
    ///         - name: PATH
    ///           value: /opt/bin
    ///         - name: PATH
    ///           value: $(PATH):/opt/web/bin
    ///       ports:
    ///         - containerPort: 8080
    ///     - name: metrics
    ///       image: registry.example.com/metrics:1.0
    ///       ports:
    ///         - containerPort: 9090
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If another program changes the value before the manifest goes to a cluster. The rule skips
    /// values with `{{` or `$`.
    ///
    /// ## What the fix changes
    ///
    /// It replaces the suffix `m`, thousandths of a byte, with `Mi`, which is probably meant. The
    /// container gets far more memory than before.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, pods and all workloads. The API server also warns
    /// about deprecated fields, annotations, and volumes; other rules report some of these.
    ///
    /// ## References
    ///
    /// - Kubernetes' warnings about pods:
    ///   <https://github.com/kubernetes/kubernetes/blob/master/pkg/api/pod/warnings.go>
    /// - [Kubernetes: API reference](https://kubernetes.io/docs/reference/kubernetes-api/)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "api-server-warning",
    enablement: Always,
    severity: Warning,
    check: Check::Pod(check),
    related: [KubeLinter "duplicate-env-var"],
}

/// Fractions of bytes are warned about in these resources.
const BYTES: [&str; 2] = ["memory", "ephemeral-storage"];

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for (list, key, noun) in [
        ("hostAliases", "ip", "IP address"),
        ("imagePullSecrets", "name", "pull secret"),
    ] {
        let values = items(pod.lookup(list)).filter_map(|item| Some((None, item.get(key)?)));
        check_unique(values, noun, report);
    }
    check_bytes(pod.lookup("overhead"), None, report);
    check_pull_secrets(pod, report);
    check_selectors(pod, report);
    for container in &pod.containers {
        for list in ["resources.limits", "resources.requests"] {
            check_bytes(container.lookup(list), Some(container), report);
        }
        check_variables(container, report);
    }
    check_ports(pod, report);
    check_port_names(pod, report);
}

/// Reports amounts of bytes that are not whole, as Kubernetes does: after rounding up to a
/// thousandth.
fn check_bytes(
    amounts: Option<Node<'_>>,
    container: Option<&Container<'_>>,
    report: &mut Reporter<'_, '_>,
) {
    let entries = amounts.into_iter().flat_map(Node::entries);
    for entry in entries.filter(|entry| !entry.is_merge()) {
        let Some(name) = entry.key.as_str().filter(|name| BYTES.contains(name)) else {
            continue;
        };
        let Some(nanos) = amount_of(entry.value) else {
            continue;
        };
        let thousandths = nanos.div_euclid(1_000_000) + i128::from(nanos % 1_000_000 != 0);
        if thousandths % 1000 == 0 {
            continue;
        }
        let written = entry.value.as_str().unwrap_or_default();
        let message = format!(
            "{name} is {}: not a whole number of bytes",
            shortened(written)
        );
        let mut finding = report.at(entry.value, message).in_container(container);
        let whole = written.strip_suffix('m').filter(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        if let Some(whole) = whole {
            let word = format!("{whole}Mi");
            let title = format!("replace with {word}");
            let change = Change::Set {
                path: entry.value.path(),
                value: Value::Text(word),
            };
            finding.fix(Applicability::Unsafe, title, [change]);
        }
    }
}

/// Reports variables that replace an earlier one. A value that refers to the earlier one extends it.
fn check_variables(container: &Container<'_>, report: &mut Reporter<'_, '_>) {
    let mut first: HashMap<&str, Node<'_>> = HashMap::new();
    for variable in items(container.lookup("env")) {
        let Some(node) = variable.get("name") else {
            continue;
        };
        let Some(name) = text(node) else { continue };
        let Some(earlier) = first.get(name) else {
            first.insert(name, node);
            continue;
        };
        let reference = format!("$({name})");
        let has_source = variable
            .get("valueFrom")
            .is_some_and(|from| !from.is_null());
        let value = variable
            .get("value")
            .and_then(Node::as_str)
            .unwrap_or_default();
        let extends = value.contains(&reference) && value != reference && !has_source;
        if *earlier != node && !extends && !value.contains("{{") {
            let message = format!(
                "variable {:?} hides an earlier one of the same name",
                shortened(name)
            );
            let mut finding = report.at(node, message).in_container(Some(container));
            finding.related(*earlier, "the hidden variable");
        }
    }
}

/// A port of a container, as the API server compares it with the others.
struct Port<'y> {
    node: Node<'y>,
    host: Option<i64>,
    host_ip: &'y str,
}

fn check_ports(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let mut by_port: HashMap<(i64, &str), Vec<Port<'_>>> = HashMap::new();
    for (container, item) in ports(pod) {
        let word = |key| item.get(key).and_then(text).unwrap_or_default();
        let port = Port {
            node: item.get("containerPort").unwrap_or(item),
            host: integer(item, "hostPort").filter(|port| *port != 0),
            host_ip: word("hostIP"),
        };
        if !port.host_ip.is_empty() && item.get("hostPort").is_none() {
            let at = item.get("hostIP").unwrap_or(item);
            let message = "hostIP has no effect without hostPort";
            report.at(at, message).in_container(container).as_missing();
        }
        let Some(number) = integer(item, "containerPort") else {
            continue;
        };
        let protocol = match item.get("protocol") {
            Some(protocol) => text(protocol).unwrap_or_default(),
            None => "TCP",
        };
        let others = by_port.entry((number, protocol)).or_default();
        let found = others
            .iter()
            .find_map(|other| Some((other, conflict(&port, other)?)));
        if let Some((other, problem)) = found {
            let message = format!("port {number}/{protocol} {problem}");
            let mut finding = report.at(port.node, message).in_container(container);
            finding.related(other.node, "the other port");
        }
        others.push(port);
    }
}

/// Reports port names that another container has. The API server rejects a second one in the same container: see
/// `refused-value`.
fn check_port_names(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let mut first: HashMap<&str, (&Container<'_>, Node<'_>)> = HashMap::new();
    for (container, item) in ports(pod) {
        let Some(node) = item.get("name") else {
            continue;
        };
        let Some(name) = text(node) else { continue };
        let Some((other, earlier)) = first.get(name) else {
            first.insert(name, (container, node));
            continue;
        };
        // An alias repeats the same item.
        if *earlier != node && other.node != container.node {
            let message = format!(
                "duplicate port name {:?}: services and probes use the first one",
                shortened(name)
            );
            let mut finding = report.at(node, message).in_container(container);
            finding.related(*earlier, "first used here");
        }
    }
}

/// Returns the ports of all containers.
fn ports<'p, 'y>(pod: &'p Pod<'y>) -> impl Iterator<Item = (&'p Container<'y>, Node<'y>)> {
    pod.containers
        .iter()
        .flat_map(|container| items(container.lookup("ports")).map(move |port| (container, port)))
}

/// Returns what is wrong with two ports of the same number and protocol.
fn conflict(port: &Port<'_>, other: &Port<'_>) -> Option<&'static str> {
    let is_any = |port: &Port<'_>| port.host_ip.is_empty();
    match () {
        // An alias repeats the same item.
        () if port.node == other.node => None,
        () if port.host_ip == other.host_ip && port.host == other.host => match port.host {
            // The API server rejects a second use of a host port.
            Some(_) => None,
            None => Some("is listed twice"),
        },
        () if port.host.is_none() || other.host.is_none() => {
            Some("is listed with and without a hostPort")
        }
        () if port.host == other.host && is_any(port) != is_any(other) => {
            Some("is listed with and without a hostIP")
        }
        () => None,
    }
}

/// Reports terms and constraints without a selector, which select no pod.
fn check_selectors(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let mut terms: Vec<Node<'_>> = items(pod.lookup("topologySpreadConstraints")).collect();
    for kind in ["affinity.podAffinity", "affinity.podAntiAffinity"] {
        let list = |name: &str| items(pod.lookup(&format!("{kind}.{name}")));
        terms.extend(list("requiredDuringSchedulingIgnoredDuringExecution"));
        terms.extend(
            list("preferredDuringSchedulingIgnoredDuringExecution")
                .filter_map(|weighted| weighted.get("podAffinityTerm")),
        );
    }
    let is_selecting = |term: &Node<'_>| {
        term.get("labelSelector")
            .is_some_and(|selector| !selector.is_null())
    };
    for term in terms
        .into_iter()
        .filter(|term| term.kind() == NodeKind::Mapping && !is_selecting(term))
    {
        let message = "no labelSelector: selects no pod";
        report.at(token(term), message).as_missing();
    }
}

fn check_pull_secrets(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    for secret in items(pod.lookup("imagePullSecrets")) {
        let name = secret.get("name").filter(|name| !name.is_null());
        if secret.kind() == NodeKind::Mapping && name.is_none_or(|name| name.as_str() == Some("")) {
            let message = "an item of imagePullSecrets has no name";
            report
                .at(token(name.unwrap_or(secret)), message)
                .as_missing();
        }
    }
}

use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::describe::shortened;
use std::collections::HashMap;
use yaml::{Entry, Node, NodeKind, Yaml};

rule! {
    /// The same key twice in a mapping.
    ///
    /// YAML forbids it. The API server uses the last value and drops the others with everything
    /// below them. kubectl rejects the manifest by default since Kubernetes 1.27.
    ///
    /// ## Why
    ///
    /// A second `securityContext` pasted further down replaces the whole first one: the hardening
    /// there is lost, and a reviewer who reads from the top believes that it applies.
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
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    ///         readOnlyRootFilesystem: true
    ///       securityContext:
    ///         runAsUser: 10001
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
    ///         allowPrivilegeEscalation: false
    ///         readOnlyRootFilesystem: true
    ///         runAsUser: 10001
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never: only one of the two values is used.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: only you know which value was meant, or how to combine them. Other fixes
    /// are withheld while the mapping has duplicate keys.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every document with Kubernetes objects. The rule
    /// skips templates, which may render only one of the two.
    ///
    /// ## References
    ///
    /// - [YAML 1.2: mappings have unique keys](https://yaml.org/spec/1.2.2/#3211-nodes)
    /// - [Kubernetes: Field validation](https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "duplicate-key",
    enablement: Always,
    severity: Error,
    check: Check::Document(check),
    aliases: [Yamllint "key-duplicates"],
}

fn check(yaml: &Yaml, _config: &Config, report: &mut Reporter<'_, '_>) {
    let mut last = HashMap::new();
    for mapping in yaml
        .nodes()
        .filter(|node| node.kind() == NodeKind::Mapping && node.entries().len() > 1)
    {
        if is_repaired(mapping) || is_small_without_duplicates(mapping) {
            continue;
        }
        last.clear();
        last.extend(mapping.entries().filter_map(named_key));
        if last.len() == mapping.entries().len() {
            continue;
        }
        for (name, dropped) in mapping.entries().filter_map(named_key) {
            let kept = last
                .get(name)
                .copied()
                .filter(|kept: &Node<'_>| *kept != dropped);
            if let Some(kept) = kept {
                let message = format!("duplicate key {}: this value is dropped", shortened(name));
                report
                    .at(dropped, message)
                    .related(kept, "this value is used");
            }
        }
    }
}

/// Whether a mapping is small and has no duplicates: the common case, which needs no hash table.
fn is_small_without_duplicates(mapping: Node<'_>) -> bool {
    const SMALL: usize = 12;
    let mut texts = [""; SMALL];
    let keys = mapping
        .entries()
        .map(|entry| entry.key.as_str().unwrap_or_default());
    texts
        .iter_mut()
        .zip(keys.clone())
        .for_each(|(text, key)| *text = key);
    keys.len() <= SMALL
        && keys
            .enumerate()
            .all(|(place, key)| !texts[..place].contains(&key))
}

/// Returns the key of an entry with its text. Merge keys may occur more than once.
fn named_key(entry: Entry<'_>) -> Option<(&str, Node<'_>)> {
    entry
        .key
        .as_str()
        .filter(|_| !entry.is_merge())
        .map(|name| (name, entry.key))
}

/// Whether lines of a mapping were repaired: merge conflict markers, or a key that is being typed.
fn is_repaired(mapping: Node<'_>) -> bool {
    mapping.yaml().repaired().iter().any(|line| {
        line.intersect(mapping.range())
            .is_some_and(|shared| !shared.is_empty())
    })
}

use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::suggest::brief;
use std::collections::HashMap;
use yaml::{Entry, Node, NodeKind, Yaml};

rule! {
    /// The same key twice in a mapping.
    ///
    /// YAML forbids it. The API server's reader takes the last one and drops the others, with all that stands under them;
    /// kubectl refuses the manifest by default since Kubernetes 1.27.
    ///
    /// ## Why
    ///
    /// A second `securityContext` that was pasted in further down replaces the first one as a whole: what was hardened there is
    /// gone, and a reviewer who reads from the top sees it in place.
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
    /// Never: only one of the two counts.
    ///
    /// ## What the fix changes
    ///
    /// There is none: which of the values was meant, or how they go together, only you know. Other fixes are withheld as long
    /// as the mapping says two things.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every document that holds Kubernetes objects. Not templates, where only one of
    /// the two may be rendered.
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

fn check(yaml: &Yaml, _config: &Config, found: &mut Reporter<'_, '_>) {
    let mut last = HashMap::new();
    for mapping in yaml
        .nodes()
        .filter(|node| node.kind() == NodeKind::Mapping && node.entries().len() > 1)
    {
        if is_repaired(mapping) || are_plainly_different(mapping) {
            continue;
        }
        last.clear();
        last.extend(mapping.entries().filter_map(named));
        if last.len() == mapping.entries().len() {
            continue;
        }
        for (name, dropped) in mapping.entries().filter_map(named) {
            let kept = last
                .get(name)
                .copied()
                .filter(|kept: &Node<'_>| *kept != dropped);
            if let Some(kept) = kept {
                let message = format!(
                    "{} is there again below: this value is dropped",
                    brief(name)
                );
                found.at(dropped, message).related(kept, "this one counts");
            }
        }
    }
}

/// Whether the keys of a small mapping are all different, as mostly they are: to see that takes no table.
fn are_plainly_different(mapping: Node<'_>) -> bool {
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

/// The key of an entry with its text. A merge may be repeated.
fn named(entry: Entry<'_>) -> Option<(&str, Node<'_>)> {
    entry
        .key
        .as_str()
        .filter(|_| !entry.is_merge())
        .map(|name| (name, entry.key))
}

/// Whether lines of a mapping are not YAML just now: the marks of a merge conflict, a key that is being typed.
fn is_repaired(mapping: Node<'_>) -> bool {
    mapping.yaml().repaired().iter().any(|line| {
        line.intersect(mapping.range())
            .is_some_and(|shared| !shared.is_empty())
    })
}

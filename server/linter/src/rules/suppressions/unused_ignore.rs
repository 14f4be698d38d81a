rule! {
    /// Ignore comments and annotations that suppress nothing.
    ///
    /// A suppression is unused if the rule that it names reports nothing at its place. The rule
    /// also reports suppressions that name no rule, comments that look like an ignore comment but
    /// are not one, and, if the configuration sets `requireReason`, suppressions without a reason.
    ///
    /// ## Why
    ///
    /// A suppression that outlives its reason hides the next mistake. A container was rebuilt
    /// without root, a merge brings root back, and the old "known, accepted" hides it from
    /// everyone. A misspelled suppression hides nothing, while its author believes that the finding
    /// is resolved.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   hostNetwork: true # kubeharden: ignore[host-network, host-pid] it watches the node's traffic
    ///   containers:
    ///     # kubeharden: ignore[privileged-container]
    ///     - name: web
    ///       image: registry.example.com/web:1.4
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
    ///   hostNetwork: true # kubeharden: ignore[host-network] it watches the node's traffic
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// An unknown rule name:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    ///   annotations:
    ///     kubeharden.dev/ignore: "host-netwrok: it watches the node's traffic"
    /// spec:
    ///   hostNetwork: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
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
    ///     kubeharden.dev/ignore: "host-network: it watches the node's traffic"
    /// spec:
    ///   hostNetwork: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
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
    ///   hostNetwork: true # kubeharden: ignore[host-network] it watches the node's traffic
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If a manifest is the base of several variants, and only some of them have the finding.
    /// Exceptions in the configuration, by path or by name, are never reported as unused.
    ///
    /// ## What the fix changes
    ///
    /// It removes the name from the list, and removes the whole comment or annotation, including
    /// its reason, with the last name. It replaces a name with that of a similar rule; check
    /// whether that rule was meant. It rewrites a comment that looks like an ignore comment if the
    /// intention is clear. Only the removal of an unused name is a safe fix: a corrected name
    /// suppresses a finding, and an unknown name may be incomplete or belong to a newer version.
    ///
    /// ## Applies to
    ///
    /// Every profile. Rules that the profile or the configuration disables are checked too, so that
    /// a suppression needed at `hardened` is not unused at `baseline`. Nothing is reported as
    /// unused in templates, in documents with syntax errors, and in containers without a name or an
    /// image, as in patches. Suppressions for other tools are not checked.
    ///
    /// ## References
    ///
    /// - [kubeharden: Ignoring findings](https://github.com/kubeharden/kubeharden/blob/main/docs/ignores.md)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "unused-ignore",
    enablement: Always,
    severity: Hint,
    check: Check::Suppressions,
    related: [Kubeaudit "RedundantAuditorOverride"],
}

rule! {
    /// Comments and annotations that ignore nothing.
    ///
    /// An ignore is unused where the rule that it names finds nothing at its place. Also reported are ignores that name no rule,
    /// comments that were meant to be an ignore and are none, and, where the configuration has `requireReason`, ignores that do
    /// not say why.
    ///
    /// ## Why
    ///
    /// An ignore that outlives its reason waits for the next mistake: the container that was rebuilt without root rights gets them
    /// back in a merge, and the line that once said "known, accepted" hides it from everybody. A misspelled one hides nothing,
    /// while its author believes that the finding was settled.
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
    /// A name that no rule has:
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
    /// Where a manifest is the base of several variants, and only some of them have what is ignored. An ignore in the
    /// configuration, by path or by name, is never reported as unused.
    ///
    /// ## What the fix changes
    ///
    /// It takes the name out of the list; with the last name, it removes the whole comment or annotation, its reason included.
    /// Where a name is like that of a rule, it writes that one; look whether that rule was meant. A comment that was meant to be
    /// an ignore becomes one where it can be seen how. Only what is unused goes without a look: another name makes a finding go,
    /// and a name that no rule has may be half typed, or one of a newer version.
    ///
    /// ## Applies to
    ///
    /// Every profile. Whether a rule runs makes no difference: one that the profile or the configuration leaves out is asked all
    /// the same, so that an ignore that is needed at `hardened` is not unused at `baseline`. Nothing is called unused in
    /// templates, in documents that are not YAML just now, and beside containers without a name or an image, as in patches. What is
    /// written for other tools is left to them.
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

use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::processes::shell as script;
use crate::rules::processes::shell::Command;
use kubernetes::Pod;

rule! {
    /// Containers that install packages when they start.
    ///
    /// The rule reports `apt-get install`, `apk add`, `pip install`, `npm install` and similar
    /// commands in `command`, `args` or a lifecycle hook.
    ///
    /// ## Why
    ///
    /// The container runs what the package server delivers at that moment, not what was built,
    /// scanned and signed. It needs internet access, a writable root file system, and often root,
    /// which are exactly what an attacker needs. An attacker who publishes a package of that name
    /// runs code in the pod. If the server is down, the pod does not start.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: report
    /// spec:
    ///   containers:
    ///     - name: report
    ///       image: registry.example.com/python:3.13
    ///       command: ["sh", "-c"]
    ///       args: ["pip install --quiet requests && exec python /app/report.py"]
    /// ```
    ///
    /// Good: an image that contains the packages.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: report
    /// spec:
    ///   containers:
    ///     - name: report
    ///       image: registry.example.com/report:1.2
    ///       command: ["python", "/app/report.py"]
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// For a build or a one-time job whose purpose is to install something, and for experiments.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: install the packages in the image's Dockerfile.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. The rule checks only
    /// commands in the manifest, not scripts in the image.
    ///
    /// ## References
    ///
    /// - Kubernetes: Application Security Checklist:
    ///   <https://kubernetes.io/docs/concepts/security/application-security-checklist/>
    /// - NSA/CISA Kubernetes Hardening Guide, "Building secure container images":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "package-install-at-start",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
}

/// Package managers, each with its commands that install packages.
const MANAGERS: [(&str, &[&str]); 15] = [
    ("apk", &["add"]),
    ("apt", &["install"]),
    ("apt-get", &["install"]),
    ("conda", &["install"]),
    ("dnf", &["install"]),
    ("gem", &["install"]),
    ("microdnf", &["install"]),
    ("npm", &["install", "ci", "i"]),
    ("pip", &["install"]),
    ("pip3", &["install"]),
    ("pnpm", &["install", "add", "i"]),
    ("tdnf", &["install"]),
    ("yarn", &["install", "add"]),
    ("yum", &["install"]),
    ("zypper", &["install", "in"]),
];

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        for invocation in script::entry_point(container)
            .into_iter()
            .chain(script::hooks(container))
        {
            let Some((commands, place)) = invocation.commands() else {
                continue;
            };
            if let Some((manager, verb)) = commands.iter().find_map(installation) {
                report
                    .at(
                        place,
                        format!("{container} installs packages at run time: {manager} {verb}"),
                    )
                    .in_container(container);
            }
        }
    }
}

/// Returns the package manager and its install command, if a command installs packages.
fn installation(command: &Command<'_>) -> Option<(&'static str, &'static str)> {
    let (program, arguments) = command.program()?;
    let (program, arguments) = match arguments {
        ["-m", module, rest @ ..] if program.starts_with("python") => (*module, rest),
        _ => (program, arguments),
    };
    let (manager, verbs) = MANAGERS.iter().find(|(manager, _)| *manager == program)?;
    let verb = verbs.iter().find(|verb| arguments.contains(verb))?;
    Some((manager, verb))
}

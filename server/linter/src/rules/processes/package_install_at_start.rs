use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::processes::shell as script;
use crate::rules::processes::shell::Command;
use kubernetes::Pod;

rule! {
    /// Containers that install packages when they start: `apt-get install`, `apk add`, `pip install`, `npm install` and the
    /// like in `command`, `args` or a lifecycle hook.
    ///
    /// ## Why
    ///
    /// What runs is what the package server hands out at that minute, not what was built, scanned and signed. The container
    /// needs a way to the internet, a writable root file system and often root for it, which are what an attacker needs as
    /// well, and whoever gets a package of that name published runs code in the pod. If the server is away, the pod does not
    /// start.
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
    /// Good: an image that has the packages.
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
    /// For a build or a one-time task whose purpose is to install something, and while trying something out.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the packages belong in the image, with a line in its Dockerfile.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. Only what the manifest itself says is looked at,
    /// not scripts in the image.
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

/// Package managers, each with the words that make it install something.
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

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        for invocation in script::entry_point(container)
            .into_iter()
            .chain(script::hooks(container))
        {
            let Some((commands, place)) = invocation.commands() else {
                continue;
            };
            if let Some((manager, verb)) = commands.iter().find_map(installation) {
                found
                    .at(
                        place,
                        format!("{container} installs packages when it runs: {manager} {verb}"),
                    )
                    .in_container(container);
            }
        }
    }
}

/// The package manager that a command starts, and what it tells it.
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

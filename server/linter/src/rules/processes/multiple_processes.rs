use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::processes::shell as script;
use crate::rules::processes::shell::Command;
use kubernetes::{ContainerKind, Pod};

rule! {
    /// Containers whose entry point starts several processes that go on running.
    ///
    /// A script that puts a server into the background and starts another one (`a & b`), one that starts a daemon first (`crond
    /// && app`), and supervisors such as `supervisord` or `s6-svscan`. Only what the manifest itself says in `command` and
    /// `args` is looked at.
    ///
    /// ## Why
    ///
    /// Kubernetes watches one process. When another one in the container dies, nothing restarts it, and the probes go on asking
    /// the first. All of them share user, capabilities and files, so that the least careful of them opens the others: an `sshd`
    /// beside the program is a second way in that no network policy tells apart. Resource limits and logs are of the sum.
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
    ///       command: ["sh", "-c", "metrics-exporter & exec web"]
    /// ```
    ///
    /// Good: a container each.
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
    ///       command: ["web"]
    ///     - name: metrics
    ///       image: registry.example.com/metrics-exporter:0.7
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// For programs that are made of several processes and bring their own supervision, and for images that cannot be taken
    /// apart.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the second process becomes a container of its own in the pod, often with another image.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. Not init containers, which end, and not scripts that are not in the
    /// manifest. Scripts with loops or here-documents are not judged.
    ///
    /// ## References
    ///
    /// - Kubernetes: How Pods manage multiple containers:
    ///   <https://kubernetes.io/docs/concepts/workloads/pods/#how-pods-manage-multiple-containers>
    /// - [Docker: Run multiple processes in a container](https://docs.docker.com/engine/containers/multi-service_container/)
    id: "multiple-processes",
    enablement: Profile(Hardened),
    severity: Hint,
    check: Check::Pod(check),
    related: [Kyverno "limit-containers-per-pod"],
}

/// Programs whose work is to keep several others running.
const SUPERVISORS: [&str; 8] = [
    "supervisord",
    "s6-svscan",
    "runsvdir",
    "circusd",
    "honcho",
    "foreman",
    "monit",
    "systemd",
];
/// Programs that go into the background by themselves.
const DAEMONS: [&str; 7] = [
    "cron",
    "crond",
    "sshd",
    "rsyslogd",
    "syslogd",
    "atd",
    "dbus-daemon",
];
/// Programs that do nothing of their own: they wait, tell, prepare, or show a log.
const SERVANTS: [&str; 22] = [
    "wait", "sleep", "echo", "printf", "tail", "trap", "kill", "true", "exit", "set", "done", "fi",
    "}", "export", "cd", "mkdir", "chown", "chmod", "cp", "touch", "fg", "test",
];

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    for container in pod
        .containers
        .iter()
        .filter(|container| container.kind == ContainerKind::Ordinary)
    {
        let Some((commands, place)) =
            script::entry_point(container).and_then(|start| start.commands())
        else {
            continue;
        };
        if let Some(supervisor) = supervisor(&commands) {
            found
                .at(
                    place,
                    format!("{container} starts {supervisor}, which runs several processes"),
                )
                .in_container(container);
        } else if starts_several(&commands) {
            found
                .at(
                    place,
                    format!("{container} starts more than one process that goes on running"),
                )
                .in_container(container);
        }
    }
}

fn supervisor<'y>(commands: &[Command<'y>]) -> Option<&'y str> {
    commands
        .iter()
        .filter_map(Command::program)
        .map(|(program, _)| program)
        .find(|program| SUPERVISORS.contains(program))
}

/// Whether something runs in the background while something else of substance follows. A loop in the background is taken for
/// a helper, because it often waits for the program to be there and then ends.
fn starts_several(commands: &[Command<'_>]) -> bool {
    let Some(first) = commands.iter().position(goes_on_running) else {
        return false;
    };
    let is_loop = |command: &Command<'_>| {
        matches!(
            command.words.first(),
            Some(&("while" | "until" | "for" | "done"))
        )
    };
    !commands.iter().any(is_loop) && commands.iter().skip(first + 1).any(is_of_substance)
}

fn goes_on_running(command: &Command<'_>) -> bool {
    let Some((program, arguments)) = command.program() else {
        return false;
    };
    let is_daemon = DAEMONS.contains(&program)
        && !arguments
            .iter()
            .any(|argument| matches!(*argument, "-f" | "-D" | "-n"));
    let is_service = program == "service" && arguments.last() == Some(&"start");
    is_daemon || is_service || (command.in_background && is_of_substance(command))
}

fn is_of_substance(command: &Command<'_>) -> bool {
    command
        .program()
        .is_some_and(|(program, _)| !SERVANTS.contains(&program))
}

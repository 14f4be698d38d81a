use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::processes::shell as script;
use crate::rules::processes::shell::Command;
use kubernetes::{ContainerKind, Pod};

rule! {
    /// Containers that start several long-running processes.
    ///
    /// The rule reports a script that puts a server into the background and starts another one
    /// (`a & b`), one that starts a daemon first (`crond && app`), and supervisors such as
    /// `supervisord` or `s6-svscan`. It checks only `command` and `args` in the manifest.
    ///
    /// ## Why
    ///
    /// Kubernetes watches one process. When another one in the container dies, nothing restarts it,
    /// and the probes still check only the first. All of them share user, capabilities and files,
    /// so that the weakest of them exposes the others: an `sshd` next to the program is a second
    /// way in, and network policies cannot distinguish the two. Resource limits and logs cover all
    /// of them together.
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
    /// Good: one container for each.
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
    /// For programs that consist of several processes and supervise them, and for images that
    /// cannot be split.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the second process belongs in its own container of the pod, often with
    /// another image.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. The rule skips init containers, which end,
    /// scripts that are not in the manifest, and scripts with loops or here-documents.
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

/// Programs that keep several others running.
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
/// Programs that put themselves into the background.
const DAEMONS: [&str; 7] = [
    "cron",
    "crond",
    "sshd",
    "rsyslogd",
    "syslogd",
    "atd",
    "dbus-daemon",
];
/// Programs that only wait, print, prepare something or show a log.
const HELPERS: [&str; 22] = [
    "wait", "sleep", "echo", "printf", "tail", "trap", "kill", "true", "exit", "set", "done", "fi",
    "}", "export", "cd", "mkdir", "chown", "chmod", "cp", "touch", "fg", "test",
];

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
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
            report
                .at(
                    place,
                    format!("{container} starts {supervisor}, which runs several processes"),
                )
                .in_container(container);
        } else if starts_several(&commands) {
            report
                .at(
                    place,
                    format!("{container} starts several long-running processes"),
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

/// Whether one program runs in the background while another main program follows. Scripts with
/// loops are skipped: a loop in the background often waits for the program to start and then ends.
fn starts_several(commands: &[Command<'_>]) -> bool {
    let Some(first) = commands.iter().position(keeps_running) else {
        return false;
    };
    let is_loop = |command: &Command<'_>| {
        matches!(
            command.words.first(),
            Some(&("while" | "until" | "for" | "done"))
        )
    };
    !commands.iter().any(is_loop) && commands.iter().skip(first + 1).any(is_main_program)
}

fn keeps_running(command: &Command<'_>) -> bool {
    let Some((program, arguments)) = command.program() else {
        return false;
    };
    let is_daemon = DAEMONS.contains(&program)
        && !arguments
            .iter()
            .any(|argument| matches!(*argument, "-f" | "-D" | "-n"));
    let is_service = program == "service" && arguments.last() == Some(&"start");
    is_daemon || is_service || (command.in_background && is_main_program(command))
}

fn is_main_program(command: &Command<'_>) -> bool {
    command
        .program()
        .is_some_and(|(program, _)| !HELPERS.contains(&program))
}

use super::leftovers::is_filled_in;
use super::spelling::{brief, nearest};
use super::{Finding, Findings, Safety};
use crate::config::Config;
use crate::k8s::{Container, Pod};
use crate::yaml::edit::{Change, Value};
use crate::yaml::{Kind, Node, Path};

rule! {
    /// Seccomp and AppArmor profiles that the API server refuses.
    ///
    /// `seccompProfile` and `appArmorProfile` need a `type`, which is `RuntimeDefault`, `Localhost` or `Unconfined` to the
    /// letter. With `Localhost`, `localhostProfile` names the profile on the node; with the others it may not be there.
    ///
    /// ## Why
    ///
    /// The API server refuses the pod. What still runs is the version before, which may have no profile at all.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     seccompProfile:
    ///       type: runtime/default
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         appArmorProfile:
    ///           type: RuntimeDefault
    ///           localhostProfile: web
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
    ///   securityContext:
    ///     seccompProfile:
    ///       type: RuntimeDefault
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         appArmorProfile:
    ///           type: RuntimeDefault
    /// ```
    ///
    /// Without a type, the other key tells which one was meant:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     seccompProfile:
    ///       localhostProfile: profiles/web.json
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
    /// spec:
    ///   securityContext:
    ///     seccompProfile:
    ///       localhostProfile: profiles/web.json
    ///       type: Localhost
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Which profile a `Localhost` means, only you know:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     seccompProfile:
    ///       type: Localhost
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
    ///   securityContext:
    ///     seccompProfile:
    ///       type: Localhost
    ///       localhostProfile: profiles/web.json
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never: the API server refuses the pod.
    ///
    /// ## What the fix changes
    ///
    /// It writes the type that the value is nearest to, the words of the former annotations (`runtime/default`,
    /// `docker/default`, `unconfined`) among them; it adds the type that a `localhostProfile` implies, or `RuntimeDefault`;
    /// it removes a `localhostProfile` beside another type. The profile takes effect then.
    ///
    /// ## Applies to
    ///
    /// Every profile. `seccompProfile` is there from Kubernetes 1.19 on, `appArmorProfile` from 1.30 on. Whether an allowed
    /// type is a safe one is the business of `unconfined-seccomp` and `unconfined-apparmor`, which take what is unknown for
    /// unconfined, as the Pod Security Standards do.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Restrict a Container's Syscalls with seccomp](https://kubernetes.io/docs/tutorials/security/seccomp/)
    /// - Kubernetes: Restrict a Container's Access to Resources with AppArmor:
    ///   <https://kubernetes.io/docs/tutorials/security/apparmor/>
    /// - Kubernetes' validation, `validateSeccompProfileField` and `ValidateAppArmorProfileField`:
    ///   <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>
    /// - The CIS Benchmark and the NSA/CISA guide have no section about it.
    ///
    /// ## Other names
    ///
    /// None has this rule.
    "invalid-profile-type", Always, Error, Check::Pod(check),
}

const FIELDS: [&str; 2] = ["seccompProfile", "appArmorProfile"];
const TYPES: [&str; 3] = ["RuntimeDefault", "Localhost", "Unconfined"];

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Findings<'_, '_>) {
    for field in FIELDS {
        let way = format!("securityContext.{field}");
        if let Some(profile) = profile(pod.lookup(&way)) {
            check_profile(&Place { pod, container: None, field, path: pod.path(&way), profile }, found);
        }
        for container in &pod.containers {
            if let Some(profile) = self::profile(container.lookup(&way)) {
                check_profile(&Place { pod, container: Some(container), field, path: container.path(&way), profile }, found);
            }
        }
    }
}

fn profile(node: Option<Node<'_>>) -> Option<Node<'_>> {
    node.filter(|node| node.kind() == Kind::Mapping)
}

/// A profile and whose it is.
struct Place<'p, 'y> {
    pod: &'p Pod<'y>,
    container: Option<&'p Container<'y>>,
    field: &'static str,
    path: Path,
    profile: Node<'y>,
}

fn check_profile(place: &Place<'_, '_>, found: &mut Findings<'_, '_>) {
    let given = |key| place.profile.get(key).filter(|value| !value.is_null());
    match (given("type"), given("localhostProfile")) {
        (None, local) => place.lacks("type", found).fix(
            Safety::Review,
            format!("set type: {} (the profile takes effect)", if local.is_some() { "Localhost" } else { "RuntimeDefault" }),
            [place.set_type(if local.is_some() { "Localhost" } else { "RuntimeDefault" })],
        ),
        (Some(kind), local) => match (kind.as_str(), local) {
            (Some("Localhost"), None) => place.lacks("localhostProfile", found),
            (Some("RuntimeDefault" | "Unconfined"), Some(local)) => superfluous(place, local, found),
            (Some(text), _) if !TYPES.contains(&text) && !is_filled_in(kind) => unknown(place, kind, text, found),
            _ => return,
        },
    };
}

fn superfluous<'f>(place: &Place<'_, '_>, local: Node<'_>, found: &'f mut Findings<'_, '_>) -> &'f mut Finding {
    let message = format!("localhostProfile of {} is there without type: Localhost", place.field);
    let change = Change::Remove { path: place.path.keys("localhostProfile") };
    found.wrong_around(place.container, local, message).fix(Safety::Review, "remove localhostProfile", [change])
}

fn unknown<'f>(place: &Place<'_, '_>, kind: Node<'_>, text: &str, found: &'f mut Findings<'_, '_>) -> &'f mut Finding {
    let message = format!("{} is not a type of {}", brief(text), place.field);
    let finding = found.wrong_around(place.container, kind, message);
    let former = match text {
        "runtime/default" | "docker/default" => Some("RuntimeDefault"),
        _ => nearest(text, TYPES),
    };
    if let Some(near) = former {
        finding.fix(Safety::Review, format!("set type: {near} (the profile takes effect)"), [place.set_type(near)]);
    }
    finding
}

impl Place<'_, '_> {
    fn lacks<'f>(&self, key: &str, found: &'f mut Findings<'_, '_>) -> &'f mut Finding {
        let way = format!("securityContext.{}.{key}", self.field);
        match self.container {
            Some(container) => found.absent_in(container, &way, format!("{} of {container} has no {key}", self.field)),
            None => found.absent(self.pod, &way, format!("{} of the pod has no {key}", self.field)),
        }
    }

    fn set_type(&self, kind: &str) -> Change {
        Change::Set { path: self.path.keys("type"), value: Value::Text(kind.into()) }
    }
}

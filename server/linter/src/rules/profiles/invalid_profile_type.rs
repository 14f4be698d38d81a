use crate::config::Config;
use crate::rules::describe::shortened;
use crate::rules::profiles::unconfined_apparmor;
use crate::rules::profiles::unconfined_seccomp;
use crate::rules::schema::refused_value::values::Accepted;
use crate::rules::schema::unknown_fields::is_filled_in;
use crate::rules::{Applicability, NewFinding, Reporter, Rule};
use crate::suggest::closest;
use kubernetes::{Container, Pod};
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind, Path};

rule! {
    /// Seccomp and AppArmor profiles that the API server rejects.
    ///
    /// `seccompProfile` and `appArmorProfile` require a `type`, which is exactly `RuntimeDefault`,
    /// `Localhost` or `Unconfined`. With `Localhost`, `localhostProfile` must name the profile on
    /// the node. With the other types, it must not be set. For seccomp, it is a path below the
    /// kubelet's profile directory: neither absolute nor with `..`.
    ///
    /// ## Why
    ///
    /// The API server rejects the pod. The previous version keeps running, possibly without any
    /// profile.
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
    /// Without a type, `localhostProfile` shows which one was meant:
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
    /// If `Localhost` has no profile, there is no fix:
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
    /// Never: the API server rejects the pod.
    ///
    /// ## What the fix changes
    ///
    /// It writes the closest valid type, also for the values of the old annotations
    /// (`runtime/default`, `docker/default`, `unconfined`). It adds a missing type: `Localhost` if
    /// `localhostProfile` is set, else `RuntimeDefault`. It removes a `localhostProfile` next to
    /// another type. The profile then takes effect.
    ///
    /// ## Applies to
    ///
    /// Every profile. `seccompProfile` exists from Kubernetes 1.19 on, `appArmorProfile` from 1.30
    /// on. A missing or unknown type is left to `unconfined-seccomp` and `unconfined-apparmor`
    /// where those rules run, because the Pod Security Standards treat it as unconfined.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Restrict a Container's Syscalls with seccomp](https://kubernetes.io/docs/tutorials/security/seccomp/)
    /// - Kubernetes: Restrict a Container's Access to Resources with AppArmor:
    ///   <https://kubernetes.io/docs/tutorials/security/apparmor/>
    /// - Kubernetes' validation, `validateSeccompProfileField` and `ValidateAppArmorProfileField`:
    ///   <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>
    /// - The CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "invalid-profile-type",
    enablement: Always,
    severity: Error,
    check: Check::Pod(check),
    fields: ["SeccompProfile.localhostProfile", "AppArmorProfile.localhostProfile"],
    reports_rejections: true,
}

/// The fields, each with its dotted path from a pod or a container, and the rule that reports a
/// missing or invalid type.
const FIELDS: [(&str, &str, &Rule); 2] = [
    (
        "seccompProfile",
        "securityContext.seccompProfile",
        &unconfined_seccomp::RULE,
    ),
    (
        "appArmorProfile",
        "securityContext.appArmorProfile",
        &unconfined_apparmor::RULE,
    ),
];
const TYPES: [&str; 3] = ["RuntimeDefault", "Localhost", "Unconfined"];

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for (field, field_path, unconfined) in FIELDS {
        let of_pod = pod.lookup(field_path).map(|profile| Place {
            pod,
            container: None,
            field,
            field_path,
            profile,
        });
        let of_container = |container| {
            let profile = Container::lookup(container, field_path)?;
            Some(Place {
                pod,
                container: Some(container),
                field,
                field_path,
                profile,
            })
        };
        let types_are_reported = unconfined.runs(config);
        let places = of_pod
            .into_iter()
            .chain(pod.containers.iter().filter_map(of_container));
        for place in places.filter(|place| place.profile.kind() == NodeKind::Mapping) {
            if !types_are_reported {
                check_type(&place, report);
            }
            check_local(&place, report);
        }
    }
}

/// A profile and its owner.
struct Place<'p, 'y> {
    pod: &'p Pod<'y>,
    /// `None` for the pod's own profile.
    container: Option<&'p Container<'y>>,
    field: &'static str,
    field_path: &'static str,
    profile: Node<'y>,
}

fn check_type(place: &Place<'_, '_>, report: &mut Reporter<'_, '_>) {
    match place.non_empty("type") {
        None => {
            let implied = if place.non_empty("localhostProfile").is_some() {
                "Localhost"
            } else {
                "RuntimeDefault"
            };
            let title = format!("set type: {implied}");
            place
                .report_missing(&format!("{}.type", place.field_path), report)
                .fix(Applicability::Unsafe, title, [place.set_type(implied)]);
        }
        Some(kind) if !is_filled_in(kind) => {
            let text = kind.as_str().filter(|text| !TYPES.contains(text));
            if let Some(text) = text {
                report_unknown_type(place, kind, text, report);
            }
        }
        Some(_) => {}
    }
}

fn check_local(place: &Place<'_, '_>, report: &mut Reporter<'_, '_>) {
    let Some(kind) = place.non_empty("type").and_then(Node::as_str) else {
        return;
    };
    let written = place
        .profile
        .get("localhostProfile")
        .filter(|value| !value.is_null());
    match (kind, place.non_empty("localhostProfile"), written) {
        ("Localhost", None, _) => {
            place.report_missing(&format!("{}.localhostProfile", place.field_path), report);
        }
        ("Localhost", Some(local), _) => check_path(place, local, report),
        // The API server rejects even an empty value.
        ("RuntimeDefault" | "Unconfined", _, Some(local)) => {
            report_unused_local_profile(place, local, report);
        }
        _ => {}
    }
}

/// A seccomp profile is a file in the kubelet's profile directory, an AppArmor profile a name.
fn check_path(place: &Place<'_, '_>, local: Node<'_>, report: &mut Reporter<'_, '_>) {
    const LONGEST_NAME: usize = 4095;
    let Some(text) = local.as_str().filter(|_| !is_filled_in(local)) else {
        return;
    };
    let violation = match place.field {
        "seccompProfile" => Accepted::RelativePath.violation(local),
        _ if text.trim() != text => Some("must not start or end with a space".to_owned()),
        _ if text.len() > LONGEST_NAME => {
            Some(format!("must not be longer than {LONGEST_NAME} bytes"))
        }
        _ => None,
    };
    if let Some(violation) = violation {
        report
            .at(
                local,
                format!("localhostProfile is {:?}: {violation}", shortened(text)),
            )
            .in_container(place.container);
    }
}

fn report_unused_local_profile(
    place: &Place<'_, '_>,
    local: Node<'_>,
    report: &mut Reporter<'_, '_>,
) {
    let message = format!("localhostProfile of {} needs type: Localhost", place.field);
    let change = Change::Remove {
        path: place.path().keys("localhostProfile"),
    };
    report.at(local, message).in_container(place.container).fix(
        Applicability::Unsafe,
        "remove localhostProfile",
        [change],
    );
}

fn report_unknown_type(
    place: &Place<'_, '_>,
    kind: Node<'_>,
    text: &str,
    report: &mut Reporter<'_, '_>,
) {
    let message = format!("{} is not a valid type of {}", shortened(text), place.field);
    let mut finding = report.at(kind, message).in_container(place.container);
    let intended = match text {
        "runtime/default" | "docker/default" => Some("RuntimeDefault"),
        _ => closest(text, TYPES),
    };
    if let Some(near) = intended {
        finding.fix(
            Applicability::Unsafe,
            format!("set type: {near}"),
            [place.set_type(near)],
        );
    }
}

impl<'y> Place<'_, 'y> {
    fn path(&self) -> Path {
        match self.container {
            Some(container) => container.path(self.field_path),
            None => self.pod.path(self.field_path),
        }
    }

    /// Returns the value at a key. The API server treats an empty string as unset.
    fn non_empty(&self, key: &str) -> Option<Node<'y>> {
        self.profile
            .get(key)
            .filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    fn report_missing<'f>(
        &self,
        path: &'f str,
        report: &'f mut Reporter<'_, '_>,
    ) -> NewFinding<'f, 'f> {
        let owner = self
            .container
            .map_or_else(|| "the pod".to_owned(), ToString::to_string);
        let key = path.rsplit('.').next().unwrap_or(path);
        report
            .missing(path, format!("{} of {owner} has no {key}", self.field))
            .in_container(self.container)
    }

    fn set_type(&self, kind: &str) -> Change {
        Change::Set {
            path: self.path().keys("type"),
            value: Value::Text(kind.into()),
        }
    }
}

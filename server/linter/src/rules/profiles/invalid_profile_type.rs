use crate::config::Config;
use crate::rules::profiles::unconfined_apparmor;
use crate::rules::profiles::unconfined_seccomp;
use crate::rules::schema::refused_value::values::Accepted;
use crate::rules::schema::unknown_fields::is_filled_in;
use crate::rules::suggest::{brief, nearest};
use crate::rules::{Applicability, NewFinding, Reporter, Rule};
use kubernetes::{Container, Pod};
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind, Path};

rule! {
    /// Seccomp and AppArmor profiles that the API server refuses.
    ///
    /// `seccompProfile` and `appArmorProfile` need a `type`, which is `RuntimeDefault`, `Localhost` or `Unconfined` to the
    /// letter. With `Localhost`, `localhostProfile` names the profile on the node; with the others it may not be there. For
    /// seccomp it is a path below the kubelet's folder of profiles: neither absolute nor with `..`.
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
    /// Every profile. `seccompProfile` is there from Kubernetes 1.19 on, `appArmorProfile` from 1.30 on. A missing or
    /// unknown type is left to `unconfined-seccomp` and `unconfined-apparmor` where those run: the Pod Security Standards take
    /// it for unconfined.
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
    reports_rejections: true,
}

/// The fields, each with its way from a pod or a container, and with the rule that speaks of a missing or unknown type where it runs.
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    for (field, way, unconfined) in FIELDS {
        let of_pod = pod.lookup(way).map(|profile| Place {
            pod,
            container: None,
            field,
            way,
            profile,
        });
        let of_container = |container| {
            let profile = Container::lookup(container, way)?;
            Some(Place {
                pod,
                container: Some(container),
                field,
                way,
                profile,
            })
        };
        let types_are_told = unconfined.runs(config);
        let places = of_pod
            .into_iter()
            .chain(pod.containers.iter().filter_map(of_container));
        for place in places.filter(|place| place.profile.kind() == NodeKind::Mapping) {
            if !types_are_told {
                check_type(&place, found);
            }
            check_local(&place, found);
        }
    }
}

/// A profile and whose it is.
struct Place<'p, 'y> {
    pod: &'p Pod<'y>,
    /// None where it is the pod's own.
    container: Option<&'p Container<'y>>,
    field: &'static str,
    way: &'static str,
    profile: Node<'y>,
}

fn check_type(place: &Place<'_, '_>, found: &mut Reporter<'_, '_>) {
    match place.given("type") {
        None => {
            let implied = if place.given("localhostProfile").is_some() {
                "Localhost"
            } else {
                "RuntimeDefault"
            };
            let title = format!("set type: {implied} (the profile takes effect)");
            place
                .report_missing(&format!("{}.type", place.way), found)
                .fix(Applicability::Unsafe, title, [place.set_type(implied)]);
        }
        Some(kind) if !is_filled_in(kind) => {
            let text = kind.as_str().filter(|text| !TYPES.contains(text));
            if let Some(text) = text {
                unknown(place, kind, text, found);
            }
        }
        Some(_) => {}
    }
}

fn check_local(place: &Place<'_, '_>, found: &mut Reporter<'_, '_>) {
    let Some(kind) = place.given("type").and_then(Node::as_str) else {
        return;
    };
    let written = place
        .profile
        .get("localhostProfile")
        .filter(|value| !value.is_null());
    match (kind, place.given("localhostProfile"), written) {
        ("Localhost", None, _) => {
            place.report_missing(&format!("{}.localhostProfile", place.way), found);
        }
        ("Localhost", Some(local), _) => check_path(place, local, found),
        // Even an empty text is one too much.
        ("RuntimeDefault" | "Unconfined", _, Some(local)) => superfluous(place, local, found),
        _ => {}
    }
}

/// A seccomp profile is a file below a folder of the kubelet's, an AppArmor profile a name.
fn check_path(place: &Place<'_, '_>, local: Node<'_>, found: &mut Reporter<'_, '_>) {
    const LONGEST_NAME: usize = 4095;
    let Some(text) = local.as_str().filter(|_| !is_filled_in(local)) else {
        return;
    };
    let objection = match place.field {
        "seccompProfile" => Accepted::Descending.objection(local),
        _ if text.trim() != text => Some("with blanks around it".to_owned()),
        _ if text.len() > LONGEST_NAME => Some(format!("longer than {LONGEST_NAME} bytes")),
        _ => None,
    };
    if let Some(objection) = objection {
        found
            .at(
                local,
                format!("localhostProfile is {:?}, {objection}", brief(text)),
            )
            .in_container(place.container);
    }
}

fn superfluous(place: &Place<'_, '_>, local: Node<'_>, found: &mut Reporter<'_, '_>) {
    let message = format!(
        "localhostProfile of {} is there without type: Localhost",
        place.field
    );
    let change = Change::Remove {
        path: place.path().keys("localhostProfile"),
    };
    found.at(local, message).in_container(place.container).fix(
        Applicability::Unsafe,
        "remove localhostProfile",
        [change],
    );
}

fn unknown(place: &Place<'_, '_>, kind: Node<'_>, text: &str, found: &mut Reporter<'_, '_>) {
    let message = format!("{} is not a type of {}", brief(text), place.field);
    let mut finding = found.at(kind, message).in_container(place.container);
    let former = match text {
        "runtime/default" | "docker/default" => Some("RuntimeDefault"),
        _ => nearest(text, TYPES),
    };
    if let Some(near) = former {
        finding.fix(
            Applicability::Unsafe,
            format!("set type: {near} (the profile takes effect)"),
            [place.set_type(near)],
        );
    }
}

impl<'y> Place<'_, 'y> {
    fn path(&self) -> Path {
        match self.container {
            Some(container) => container.path(self.way),
            None => self.pod.path(self.way),
        }
    }

    /// What the profile has at a key; an empty text is nothing to the API server.
    fn given(&self, key: &str) -> Option<Node<'y>> {
        self.profile
            .get(key)
            .filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    fn report_missing<'f>(
        &self,
        path: &'f str,
        found: &'f mut Reporter<'_, '_>,
    ) -> NewFinding<'f, 'f> {
        let owner = self
            .container
            .map_or_else(|| "the pod".to_owned(), ToString::to_string);
        let key = path.rsplit('.').next().unwrap_or(path);
        found
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

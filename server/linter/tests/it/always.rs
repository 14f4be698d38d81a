//! What the rules that run at every profile say beyond the examples of their pages, and that no two of them say it of one place.

use kubernetes::Version;
use linter::analysis::{self, Analysis};
use linter::config::{Config, Profile};
use linter::rules::{self, Applicability, Enablement};

fn config(rule: &str, version: u16) -> Config {
    let mut config = Config {
        kubernetes_version: Version::new(version),
        ..Config::default()
    };
    config.rules.select.push(rule.to_owned());
    config
}

/// What one rule says of a text, as `token: message`.
fn said(rule: &str, version: u16, text: &str) -> Vec<String> {
    let mut said = Vec::new();
    for document in analysis::analyze(text, &config(rule, version)).chunks() {
        let analysis: &Analysis = document.analysis;
        assert!(analysis.is_manifest(), "{text}");
        let of_rule = analysis
            .findings
            .iter()
            .filter(|finding| finding.rule.id == rule);
        said.extend(
            of_rule
                .map(|finding| format!("{}: {}", &analysis.text()[finding.range], finding.message)),
        );
    }
    said
}

#[track_caller]
fn says(rule: &str, text: &str, expected: &[&str]) {
    assert_eq!(
        said(rule, Version::NEWEST.minor, text),
        expected,
        "{rule} in {text}"
    );
}

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{{spec}}}\n")
}

fn container(security: &str) -> String {
    pod(&format!(
        "containers: [{{name: a, image: x, securityContext: {{{security}}}}}]"
    ))
}

#[track_caller]
fn becomes(rule: &str, text: &str, expected: &str) {
    let all = [
        Applicability::Safe,
        Applicability::Unsafe,
        Applicability::Placeholder,
    ];
    assert_eq!(
        analysis::fix_all(text, &config(rule, Version::NEWEST.minor), &all).text,
        expected
    );
}

#[test]
fn every_kind_is_read_as_its_type() {
    for (api_version, kind, body) in [
        ("v1", "Namespace", "spec: {finalizer: [x]}"),
        ("v1", "Service", "spec: {typ: NodePort}"),
        ("v1", "ConfigMap", "dat: {a: b}"),
        ("v1", "Secret", "stringdata: {a: b}"),
        ("v1", "PersistentVolumeClaim", "spec: {accesModes: []}"),
        (
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "rules: [{verb: [get]}]",
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "roleref: {name: x}",
        ),
        (
            "networking.k8s.io/v1",
            "Ingress",
            "spec: {rules: [{hosts: x}]}",
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "spec: {minReplica: 1}",
        ),
        (
            "policy/v1",
            "PodDisruptionBudget",
            "spec: {minAvailables: 1}",
        ),
        ("storage.k8s.io/v1", "StorageClass", "provisoner: x"),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {versions: [{schema: {openApiV3Schema: {}}}]}",
        ),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "webhooks: [{failurepolicy: Fail}]",
        ),
    ] {
        let text =
            format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: web}}\n{body}\n");
        assert_eq!(said("unknown-field", 37, &text).len(), 1, "{text}");
    }
    says(
        "misspelled-security-field",
        "apiVersion: v1\nkind: ServiceAccount\nautomountServiceAccounttoken: false\n",
        &[
            "automountServiceAccounttoken: unknown field automountServiceAccounttoken, did you mean automountServiceAccountToken?",
        ],
    );
}

#[test]
fn what_nobody_means_the_api_server_to_read_is_left_alone() {
    for text in [
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, clusterName: x, managedFields: [{x: 1}]}\nstatus: {x: {y: 1}}\n",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: {podSelector: {}}\nstatus: {}\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec: {$patch: replace, template: {spec: {$retainKeys: [x]}}}\n",
        "apiVersion: extensions/v1beta1\nkind: Deployment\nspec: {rollbackTo: {revision: 1}, replica: 1}\n",
        "apiVersion: example.com/v1\nkind: Pod\nspec: {x: 1}\n",
        "apiVersion: v1\nkind: Service\nspec: {topologyKeys: [x]}\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers: []\n  hostN\n",
    ] {
        says("unknown-field", text, &[]);
        says("misspelled-security-field", text, &[]);
    }
    for value in [
        "{{ .Values.replicas }}",
        "\"{{ .Values.replicas }}\"",
        "${REPLICAS}",
        "null",
    ] {
        says(
            "wrong-type",
            &format!("apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: {value}\n"),
            &[],
        );
    }
    says(
        "wrong-type",
        "apiVersion: v1\nkind: Secret\ndata:\n  a: |\n    aGVs\n    bG8=\n  b: \"\"\n  c: aGVsbH==\n",
        &[],
    );
}

#[test]
fn values_of_another_type_are_told_in_words() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  labels: {version: 1.10, on: true}
  creationTimestamp: yesterday
spec:
  replicas: \"0b11\"
  paused: \"yes\"
  minReadySeconds: 1.5
  template:
    spec:
      containers:
      - just text
      - name: [a]
        ports: [{containerPort: 99999999999}]
      volumes:
        data: {}
";
    says(
        "wrong-type",
        text,
        &[
            "1.10: version is a number, not a string",
            "true: on is a boolean, not a string",
            "yesterday: creationTimestamp is not a time such as 2024-05-01T12:00:00Z",
            "\"0b11\": replicas is a string, not an integer",
            "\"yes\": paused is a string, not a boolean",
            "1.5: minReadySeconds is not a whole number",
            "just text: an item of containers is a string, not a mapping",
            "[a]: name is a list, not a string",
            "99999999999: containerPort is out of range",
            "volumes: volumes is a mapping, not a list",
        ],
    );
    says(
        "wrong-type",
        "apiVersion: v1\nkind: Secret\ndata: {password: hunter2}\n",
        &["hunter2: password is not base64"],
    );
    becomes(
        "wrong-type",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels: {v: 1.10}\nspec:\n  replicas: \"0b11\"\n  paused: 'yes' # x\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels: {v: \"1.10\"}\nspec:\n  replicas: \"0b11\"\n  paused: true # x\n",
    );
}

#[test]
fn a_key_is_told_by_one_rule() {
    let text = "\
apiVersion: v1
kind: Pod
spec:
  fsGroup: 1
  hostpid: true
  enableServiceLink: false
  containers:
  - {name: a, image: x, privileged: true, readonlyRootFileSystem: true, evn: [], securityContext: {other: 1, runAsuser: 1}}
";
    let of = |rule: &str| {
        said(rule, 37, text)
            .into_iter()
            .map(|it| it.split(':').next().unwrap_or_default().to_owned())
    };
    assert_eq!(
        of("misplaced-security-field").collect::<Vec<_>>(),
        ["fsGroup", "privileged"]
    );
    assert_eq!(
        of("misspelled-security-field").collect::<Vec<_>>(),
        ["hostpid", "readonlyRootFileSystem", "runAsuser"]
    );
    assert_eq!(
        of("unknown-field").collect::<Vec<_>>(),
        ["enableServiceLink", "evn", "other"]
    );
}

/// At every profile: no two of these rules on one token, and none where a rule of the Pod Security Standards has its own.
#[test]
fn of_one_value_one_rule_says_that_it_weakens() {
    let text = "\
apiVersion: v1
kind: Pod
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
  containers:
  - name: a
    image: x
    securityContext: {runAsNonRoot: false, runAsUser: 0}
";
    for (profile, expected) in [
        (
            Profile::Baseline,
            ["weakened-override", "weakened-override"],
        ),
        (Profile::Restricted, ["run-as-root-allowed", "root-user"]),
        (Profile::Hardened, ["run-as-root-allowed", "root-user"]),
    ] {
        let report = analysis::analyze(
            text,
            &Config {
                profile,
                ..Config::default()
            },
        );
        let findings = report.findings().map(|(_, finding)| finding);
        let place = text.find("false").expect("a value");
        let of_values = findings
            .filter(|it| usize::from(it.range.start()) >= place)
            .map(|finding| finding.rule.id);
        assert_eq!(of_values.collect::<Vec<_>>(), expected, "{profile:?}");
    }
    becomes(
        "weakened-override",
        text,
        "\
apiVersion: v1
kind: Pod
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
  containers:
  - name: a
    image: x
",
    );
}

#[test]
fn what_the_cluster_refuses_together_is_told() {
    let conflicts = |text: &str| said("conflicting-security-context", 37, text);
    assert_eq!(
        conflicts(&container(
            "allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}"
        ))
        .len(),
        1
    );
    assert_eq!(
        conflicts(&container(
            "allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}"
        )),
        [""; 0]
    );
    assert_eq!(conflicts(&container("procMount: Unmasked")).len(), 1);
    assert_eq!(
        conflicts(&pod("hostUsers: false, containers: [{name: a, image: x, securityContext: {procMount: Unmasked}}]")).len(),
        0
    );
    assert_eq!(
        conflicts(&pod(
            "shareProcessNamespace: true, hostPID: true, containers: []"
        ))
        .len(),
        1
    );
    let sysctl = |flag: &str, name: &str| {
        conflicts(&pod(&format!("{flag}: true, securityContext: {{sysctls: [{{name: {name}, value: '1'}}]}}, containers: []")))
            .len()
    };
    assert_eq!(
        [
            sysctl("hostNetwork", "net.core.somaxconn"),
            sysctl("hostIPC", "net.core.somaxconn")
        ],
        [1, 0]
    );
    assert_eq!(
        [
            sysctl("hostIPC", "kernel.shmmax"),
            sysctl("hostNetwork", "kernel.shmmax")
        ],
        [1, 0]
    );
    let root = "securityContext: {runAsNonRoot: true}, containers: [{name: a, image: x, securityContext: {runAsUser: 0}}]";
    assert_eq!(conflicts(&pod(root)).len(), 1);
    let windows = "os: {name: windows}, securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: a, image: x}]";
    assert_eq!(conflicts(&pod(windows)).len(), 1);
    assert_eq!(
        conflicts(&pod(&format!("hostNetwork: true, {windows}"))).len(),
        0
    );
    let some = "hostNetwork: true, containers: [{name: a, image: x, securityContext: {windowsOptions: {hostProcess: true}}}, \
        {name: b, image: x}]";
    assert_eq!(conflicts(&pod(some)).len(), 1);
}

#[test]
fn names_of_capabilities_are_compared_as_the_kernel_has_them() {
    says(
        "invalid-capability",
        &container("capabilities: {add: [chown, CAP_KILL, SYS_ADMN, x, MKNOD, $CAP], drop: [ALL]}"),
        &[
            "chown: container \"a\" lists \"chown\", which is not a capability",
            "CAP_KILL: container \"a\" lists \"CAP_KILL\", which is not a capability",
            "SYS_ADMN: container \"a\" lists \"SYS_ADMN\", which is not a capability",
            "x: container \"a\" lists \"x\", which is not a capability",
        ],
    );
    becomes(
        "invalid-capability",
        &container("capabilities: {drop: [all, sys_admn, x]}"),
        &container("capabilities: {drop: [ALL, SYS_ADMIN, x]}"),
    );
    let both = Config::default();
    let text = container("capabilities: {drop: [all]}");
    let report = analysis::analyze(&text, &both);
    let of_item = report
        .findings()
        .map(|(_, finding)| finding)
        .filter(|it| &text[it.range] == "all");
    assert_eq!(
        of_item.map(|it| it.rule.id).collect::<Vec<_>>(),
        ["undropped-capabilities"]
    );
    says(
        "conflicting-capabilities",
        &container("capabilities: {add: [NET_RAW], drop: [cap_net_raw]}"),
        &["NET_RAW: container \"a\" both adds and drops NET_RAW"],
    );
    says(
        "conflicting-capabilities",
        &container("capabilities: {add: [NET_RAW], drop: [ALL]}"),
        &[],
    );
}

#[test]
fn profiles_and_systems_are_those_of_the_api_server() {
    says(
        "invalid-profile-type",
        &container("seccompProfile: {type: Localhost, localhostProfile: a.json}"),
        &[],
    );
    says(
        "invalid-profile-type",
        &container("seccompProfile: {}"),
        &["seccompProfile: seccompProfile of container \"a\" has no type"],
    );
    says(
        "invalid-profile-type",
        &container("seccompProfile: {type: \"{{ .Values.type }}\"}"),
        &[],
    );
    let linux = "os: {name: linux}, securityContext: {windowsOptions: {}}, containers: []";
    says(
        "wrong-os-field",
        &pod(linux),
        &["windowsOptions: windowsOptions is not allowed in a pod with os.name: linux"],
    );
    says(
        "wrong-os-field",
        &pod(
            "os: {name: windows}, hostPID: false, securityContext: {runAsNonRoot: true}, containers: []",
        ),
        &[],
    );
    assert_eq!(said("wrong-os-field", 23, &pod(linux)), [""; 0]);
}

#[test]
fn annotations_become_fields() {
    let annotated = |key: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    {key}: {value}\nspec:\n  containers:\n  \
             - name: a\n    image: x\n"
        )
    };
    let bare = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: a\n    image: x\n";
    let seccomp = "container.seccomp.security.alpha.kubernetes.io";
    let with = |field: &str, kind: &str| {
        format!("{bare}    securityContext:\n      {field}:\n        type: {kind}\n")
    };
    becomes(
        "dead-seccomp-annotation",
        &annotated(&format!("{seccomp}/a"), "docker/default"),
        &with("seccompProfile", "RuntimeDefault"),
    );
    becomes(
        "dead-seccomp-annotation",
        &annotated(&format!("{seccomp}/b"), "docker/default"),
        bare,
    );
    let odd = annotated(&format!("{seccomp}/a"), "something");
    becomes("dead-seccomp-annotation", &odd, &odd);
    assert_eq!(said("dead-seccomp-annotation", 26, &odd), [""; 0]);
    let apparmor = "container.apparmor.security.beta.kubernetes.io";
    becomes(
        "deprecated-apparmor-annotation",
        &annotated(&format!("{apparmor}/a"), "unconfined"),
        &with("appArmorProfile", "Unconfined"),
    );
    becomes(
        "refused-value",
        &annotated(&format!("{apparmor}/b"), "unconfined"),
        bare,
    );
    assert_eq!(
        said(
            "deprecated-apparmor-annotation",
            29,
            &annotated(&format!("{apparmor}/a"), "x")
        ),
        [""; 0]
    );
}

#[test]
fn versions_are_removed_at_theirs() {
    for (api_version, kind, body, last, fixed) in [
        (
            "extensions/v1beta1",
            "Deployment",
            "spec: {template: {spec: {containers: [{name: a, image: a}]}}}",
            15,
            None,
        ),
        (
            "extensions/v1beta1",
            "Deployment",
            "spec: {selector: {matchLabels: {a: b}}, template: {spec: {containers: [{name: a, image: a}]}}}",
            15,
            Some("apps/v1"),
        ),
        ("networking.k8s.io/v1beta1", "Ingress", "spec: {}", 21, None),
        (
            "policy/v1beta1",
            "PodDisruptionBudget",
            "spec: {selector: {}}",
            24,
            None,
        ),
        (
            "policy/v1beta1",
            "PodDisruptionBudget",
            "spec: {selector: {matchLabels: {a: b}}}",
            24,
            Some("policy/v1"),
        ),
        ("batch/v1beta1", "CronJob", "spec: {}", 24, Some("batch/v1")),
        (
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            "spec: {}",
            25,
            Some("autoscaling/v2"),
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1beta3",
            "FlowSchema",
            "spec: {}",
            31,
            Some("flowcontrol.apiserver.k8s.io/v1"),
        ),
    ] {
        let text = |api_version: &str| format!("apiVersion: {api_version}\nkind: {kind}\n{body}\n");
        assert_eq!(said("removed-api", last, &text(api_version)), [""; 0]);
        assert_eq!(
            said("removed-api", last + 1, &text(api_version)).len(),
            1,
            "{api_version} {kind}"
        );
        becomes(
            "removed-api",
            &text(api_version),
            &text(fixed.unwrap_or(api_version)),
        );
    }
}

#[test]
fn findings_of_a_document_belong_to_its_object() {
    let text = "\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: one}}
- apiVersion: v1
  kind: Service
  metadata: {name: two}
  metadata: {name: three}
kind: List
";
    let report = analysis::analyze(text, &config("duplicate-key", 37));
    let found: Vec<_> = report
        .findings()
        .map(|(part, it)| (&text[part.place(it.range)], it.target.object))
        .collect();
    assert_eq!(found, [("kind", None), ("metadata", Some(0))]);
    let twice = "apiVersion: v1
kind: Pod
metadata: {name: web, name: web}
spec:
  containers:
    - name: web
      image: x
      securityContext: {privileged: true}
      securityContext: {privileged: false}
";
    let report = analysis::analyze(twice, &config("duplicate-key", 37));
    let of = report
        .findings()
        .map(|(_, finding)| finding.target.container.as_deref());
    assert_eq!(of.collect::<Vec<_>>(), [None, Some("web")]);
    says(
        "duplicate-key",
        "apiVersion: v1\nkind: Service\nspec:\n  <<: {a: 1}\n  <<: {b: 1}\n",
        &[],
    );
    let template = "apiVersion: v1\nkind: Pod\nspec:\n{{- if .Values.x }}\n  hostPID: true\n{{- else }}\n  hostPID: false\n{{- end }}\n";
    says("duplicate-key", template, &[]);
    says(
        "syntax-error",
        "apiVersion: v1\nkind: Pod\nmetadata: {{ .Values.metadata }\n",
        &[],
    );
}

#[test]
fn a_manifest_that_is_not_yaml_is_not_clean() {
    let broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"web}\n";
    let mut config = config("root-user", 37);
    let errors = |config: &Config| analysis::analyze(broken, config).findings().count();
    assert_eq!(errors(&config), 1);
    config.rules.ignore.push("syntax-error".to_owned());
    assert_eq!(errors(&config), 0);
}

#[test]
fn these_rules_run_at_every_profile() {
    let always = rules::ALL
        .iter()
        .filter(|rule| rule.enablement == Enablement::Always);
    for rule in always {
        for profile in Profile::ALL {
            assert!(
                rule.runs(&Config {
                    profile,
                    ..Config::default()
                }),
                "{} at {profile:?}",
                rule.id
            );
        }
    }
}

#[test]
fn placeholders_of_sed_are_one_finding() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: @NAME@\nspec:\n  hostname: @NAME@\n  priority: @PRIORITY@\n  nodeName: @\n";
    let report = analysis::analyze(text, &Config::default());
    let errors = report.findings().filter(|(_, finding)| {
        matches!(
            finding.rule.id,
            "syntax-error" | "refused-value" | "wrong-type"
        )
    });
    let messages: Vec<&str> = errors
        .map(|(_, finding)| finding.message.as_ref())
        .collect();
    assert_eq!(
        messages,
        [
            "@NAME@ is a placeholder: fill it in, or put it in quotes",
            "a value cannot start with `@`: put it in quotes"
        ]
    );
}

#[test]
fn an_empty_service_account_is_the_same_as_none() {
    let rule = "deprecated-service-account-field";
    for name in ["''", "\"\"", "null", ""] {
        says(
            rule,
            &pod(&format!("serviceAccount: {name}, containers: []")),
            &[],
        );
    }
    says(
        rule,
        &pod("serviceAccount: web, containers: []"),
        &["serviceAccount: serviceAccount is deprecated: use serviceAccountName"],
    );
}

#[test]
fn a_sensitive_path_is_called_what_it_is() {
    for (path, what) in [
        ("/dev", "the node's disks and devices"),
        ("/dev/sda", "part of the node's disks and devices"),
        ("/dev/log", "the socket of the node's system log"),
        ("/dev/shm", "the memory that the node's processes share"),
    ] {
        says(
            "sensitive-host-path",
            &pod(&format!(
                "volumes: [{{name: a, hostPath: {{path: {path}}}}}], containers: []"
            )),
            &[&format!("{path}: hostPath {path} exposes {what}")],
        );
    }
}

//! Reading documents into Kubernetes types: objects, their pods, and unknown fields.

use kubernetes::{self, ContainerKind, Level, Setting};
use yaml::{self, Yaml};

fn read(text: &str) -> Yaml {
    let yaml = yaml::parse(text);
    assert_eq!(yaml.errors(), [], "{text}");
    yaml
}

/// `kind/name: containers` for each object.
fn summary(text: &str) -> Vec<String> {
    let yaml = read(text);
    let line = |object: &kubernetes::Object<'_>| {
        let names = object
            .pod
            .iter()
            .flat_map(|pod| &pod.containers)
            .map(kubernetes::Container::name);
        format!(
            "{}/{}: {}",
            object.kind,
            object.name.unwrap_or("-"),
            names.collect::<Vec<_>>().join(" ")
        )
    };
    kubernetes::objects(&yaml).iter().map(line).collect()
}

#[test]
fn reads_the_pod_of_each_workload() {
    let spec = "{containers: [{name: a, image: x}], initContainers: [{name: b, image: x}]}";
    let template = format!("{{spec: {spec}}}");
    let cases = [
        ("v1", "Pod", format!("spec: {spec}")),
        ("v1", "PodTemplate", format!("template: {template}")),
        (
            "v1",
            "ReplicationController",
            format!("spec: {{template: {template}}}"),
        ),
        (
            "apps/v1",
            "Deployment",
            format!("spec: {{template: {template}}}"),
        ),
        (
            "extensions/v1beta1",
            "Deployment",
            format!("spec: {{template: {template}}}"),
        ),
        (
            "apps/v1",
            "ReplicaSet",
            format!("spec: {{template: {template}}}"),
        ),
        (
            "apps/v1",
            "StatefulSet",
            format!("spec: {{template: {template}}}"),
        ),
        (
            "apps/v1",
            "DaemonSet",
            format!("spec: {{template: {template}}}"),
        ),
        ("batch/v1", "Job", format!("spec: {{template: {template}}}")),
        (
            "batch/v1",
            "CronJob",
            format!("spec: {{jobTemplate: {{spec: {{template: {template}}}}}}}"),
        ),
    ];
    for (api_version, kind, body) in cases {
        let text =
            format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: web}}\n{body}\n");
        assert_eq!(summary(&text), [format!("{kind}/web: b a")], "{text}");
    }
}

#[test]
fn list_items_are_objects() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: one}
  spec: {containers: [{name: a, image: x}]}
- not an object
- apiVersion: v1
  kind: Service
  metadata: {name: two}
";
    assert_eq!(summary(text), ["Pod/one: a", "Service/two: "]);
    let text = "\
apiVersion: v1
kind: PodList
items:
- metadata: {name: one}
  spec: {containers: [{name: a, image: x}]}
";
    assert_eq!(summary(text), ["Pod/one: a"]);
}

#[test]
fn tool_configuration_is_not_an_object() {
    for text in [
        "",
        "# nothing\n",
        "services: {web: {image: x}}\n",
        "apiVersion: v2\nname: chart\n",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n",
        "apiVersion: v1\nkind: Config\nclusters: []\n",
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n",
        "- apiVersion: v1\n  kind: Pod\n",
        "apiVersion:\nkind: Pod\n",
    ] {
        assert_eq!(summary(text), [""; 0], "{text}");
    }
}

#[test]
fn unknown_fields_have_a_type() {
    let yaml = read(
        "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  hostPid: true
  containers:
  - name: a
    image: x
    runAsUser: 0
    securityContext:
      fsGroup: 1
      seccompProfile: {typ: RuntimeDefault}
",
    );
    let objects = kubernetes::objects(&yaml);
    let unknown: Vec<String> = objects[0]
        .reading
        .unknown
        .iter()
        .map(|it| format!("{}.{}", it.type_name, it.key.source()))
        .collect();
    assert_eq!(
        unknown,
        [
            "PodSpec.hostPid",
            "Container.runAsUser",
            "SecurityContext.fsGroup",
            "SeccompProfile.typ"
        ]
    );
}

#[test]
fn wrong_values_are_left_out() {
    let yaml = read(
        "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: 5}
spec:
  replicas: two
  template:
    spec:
      hostNetwork: \"true\"
      containers:
      - nothing of the sort
      -
      - name: a
        image: 5
        securityContext: {privileged: yes, runAsUser: 0x10, runAsNonRoot: \"no\"}
        resources: {limits: {cpu: 1, memory: 1Gi}}
      - name: b
        image: x
",
    );
    let objects = kubernetes::objects(&yaml);
    let object = &objects[0];
    let mut wrong: Vec<&str> = object
        .reading
        .wrong
        .iter()
        .map(|it| it.node.source())
        .collect();
    wrong.sort_unstable();
    assert_eq!(
        wrong,
        ["\"no\"", "\"true\"", "5", "5", "nothing of the sort", "two"]
    );
    let pod = object.pod.as_ref().expect("a pod");
    assert_eq!(
        pod.containers
            .iter()
            .map(kubernetes::Container::name)
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    let container = &pod.containers[0];
    let security = container.security();
    assert_eq!(
        (security.privileged, security.run_as_user),
        (Some(true), Some(16))
    );
    assert_eq!(
        container
            .spec
            .resources
            .as_ref()
            .and_then(|it| it.limits.as_ref())
            .expect("limits")["cpu"]
            .0,
        "1"
    );
    let unreadable = container.setting("securityContext.runAsNonRoot", security.run_as_non_root);
    assert!(
        matches!(unreadable, Setting::Unreadable(_)),
        "{unreadable:?}"
    );
    assert!(matches!(
        pod.setting("hostNetwork", pod.spec.host_network),
        Setting::Unreadable(_)
    ));
}

#[test]
fn settings_inherit_by_field() {
    let yaml = read(
        "\
apiVersion: v1
kind: Pod
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 1000}
  containers:
  - {name: a, image: x, securityContext: {runAsUser: 0}}
  ephemeralContainers:
  - {name: c, image: x, targetContainerName: a}
",
    );
    let objects = kubernetes::objects(&yaml);
    assert!(objects[0].reading.unknown.is_empty());
    let pod = objects[0].pod.as_ref().expect("a pod");
    let security = pod.security();
    let [a, c] = &pod.containers[..] else {
        panic!("{:?}", pod.containers)
    };
    assert_eq!(c.kind, ContainerKind::Ephemeral);
    let of_pod = || pod.setting("securityContext.runAsNonRoot", security.run_as_non_root);
    let own = a.setting("securityContext.runAsNonRoot", a.security().run_as_non_root);
    assert!(own.is_unset());
    assert!(matches!(
        own.or(of_pod()),
        Setting::Set {
            value: true,
            level: Level::Pod,
            ..
        }
    ));
    let user = a.setting("securityContext.runAsUser", a.security().run_as_user);
    assert!(
        matches!(user, Setting::Set { value: 0, level: Level::Container, node } if node.source() == "0")
    );
}

#[test]
fn aliases_and_merges_are_followed() {
    let yaml = read(
        "\
apiVersion: v1
kind: Pod
spec:
  securityContext: &defaults {runAsNonRoot: true}
  containers:
  - name: a
    image: x
    securityContext: *defaults
  - name: b
    image: x
    securityContext:
      <<: *defaults
      runAsUser: 7
",
    );
    let objects = kubernetes::objects(&yaml);
    assert!(
        objects[0].reading.unknown.is_empty(),
        "{:?}",
        objects[0].reading.unknown
    );
    for container in &objects[0].pod.as_ref().expect("a pod").containers {
        assert_eq!(
            container.security().run_as_non_root,
            Some(true),
            "{}",
            container.name()
        );
    }
}

#[test]
fn alias_expansion_is_bounded() {
    let mut text = String::from(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  managedFields:\n  - fieldsV1:\n      a0: &a0 [x, x]\n",
    );
    for level in 1..40 {
        text += &format!(
            "      a{level}: &a{level} [{}]\n",
            vec![format!("*a{}", level - 1); 9].join(", ")
        );
    }
    text += "spec: {containers: [{name: a, image: x}]}\n";
    assert_eq!(summary(&text), ["Pod/-: a"]);
}

#[test]
fn null_name_is_unset() {
    assert_eq!(
        summary(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: ~}\nspec: {containers: [{name: null, image: x}]}\n"
        ),
        ["Pod/-: "]
    );
}

#[test]
fn nested_schemas_have_a_type() {
    let crd = |schema: &str| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: a}}\nspec:\n  versions:\n    \
             - {{name: v1, schema: {{openAPIV3Schema: {{{schema}}}}}}}\n"
        )
    };
    let unknown = |schema: &str| {
        let yaml = read(&crd(schema));
        let objects = kubernetes::objects(&yaml);
        let reading = &objects[0].reading;
        assert!(reading.wrong.is_empty(), "{schema}");
        reading
            .unknown
            .iter()
            .map(|it| format!("{} of {}", it.key.source(), it.type_name))
            .collect::<Vec<_>>()
    };
    for place in [
        "items: {SCHEMA}",
        "items: [{SCHEMA}]",
        "additionalProperties: {SCHEMA}",
        "dependencies: {a: {SCHEMA}}",
    ] {
        let nested = place.replace(
            "SCHEMA",
            "type: object, tpye: x, items: {properties: {a: {enun: []}}}",
        );
        assert_eq!(
            unknown(&nested),
            ["tpye of JSONSchemaProps", "enun of JSONSchemaProps"],
            "{place}"
        );
    }
    let free = "default: {a: {b: [1]}}, example: [{c: 1}], enum: [{d: 1}], additionalProperties: true, dependencies: {a: [b]}";
    assert_eq!(unknown(free), [""; 0]);
}

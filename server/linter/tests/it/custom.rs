//! Custom resources: their pods are found wherever they keep them, and what a controller completes is not called missing.

use kubernetes::{self, Extent};
use linter::analysis::{self, Chunk};
use linter::config::Config;
use linter::rules::{Applicability, Rule};

/// Each pod of a document: how much of it there is, and the names of its containers.
fn pods(text: &str) -> Vec<(Extent, Vec<String>)> {
    let yaml = yaml::parse(text);
    assert_eq!(yaml.errors(), [], "{text}");
    let objects = kubernetes::objects(&yaml);
    let names = |pod: &kubernetes::Pod<'_>| {
        pod.containers
            .iter()
            .map(|container| container.name().to_owned())
            .collect()
    };
    objects
        .iter()
        .filter_map(|object| object.pod.as_ref())
        .map(|pod| (pod.extent, names(pod)))
        .collect()
}

fn said(text: &str, config: &Config) -> Vec<String> {
    let report = analysis::analyze(text, config);
    let of = |Chunk { analysis, .. }: Chunk<'_>| {
        let shown = |finding: &linter::rules::Finding| {
            format!("{}: {}", finding.rule.id, &analysis.text()[finding.range])
        };
        analysis.findings.iter().map(shown).collect::<Vec<_>>()
    };
    report.chunks().flat_map(of).collect()
}

fn object(api_version: &str, kind: &str, body: &str) -> String {
    format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n{body}\n")
}

const POD: &str = "{metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: 'x:1'}], initContainers: [{name: b, image: 'x:1'}]}}";

#[test]
fn kinds_that_embed_a_whole_pod_are_read_like_those_of_kubernetes() {
    for (api_version, kind, body) in [
        ("argoproj.io/v1alpha1", "Rollout", "spec: {template: POD}"),
        (
            "apps.openshift.io/v1",
            "DeploymentConfig",
            "spec: {template: POD}",
        ),
        (
            "keda.sh/v1alpha1",
            "ScaledJob",
            "spec: {jobTargetRef: {template: POD}}",
        ),
        (
            "apps.kruise.io/v1alpha1",
            "CloneSet",
            "spec: {template: POD}",
        ),
        (
            "apps.kruise.io/v1beta1",
            "StatefulSet",
            "spec: {template: POD}",
        ),
        (
            "apps.kruise.io/v1alpha1",
            "AdvancedCronJob",
            "spec: {template: {jobTemplate: {spec: {template: POD}}}}",
        ),
        (
            "batch.volcano.sh/v1alpha1",
            "Job",
            "spec: {tasks: [{name: a, template: POD}]}",
        ),
        (
            "jobset.x-k8s.io/v1alpha2",
            "JobSet",
            "spec: {replicatedJobs: [{name: a, template: {spec: {template: POD}}}]}",
        ),
        (
            "kubeflow.org/v1",
            "PyTorchJob",
            "spec: {pytorchReplicaSpecs: {Master: {template: POD}}}",
        ),
        (
            "ray.io/v1",
            "RayCluster",
            "spec: {workerGroupSpecs: [{groupName: a, template: POD}]}",
        ),
        (
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            "spec: {leaderWorkerTemplate: {leaderTemplate: POD}}",
        ),
        (
            "agones.dev/v1",
            "Fleet",
            "spec: {template: {spec: {template: POD}}}",
        ),
        (
            "example.com/v1",
            "CronTab",
            "spec: {cronSpec: '* * * * *', template: POD}",
        ),
        (
            "example.com/v1",
            "Shop",
            "spec: {workers: [{podTemplate: POD}]}",
        ),
        (
            "apps.openshift.io/v1",
            "DeploymentConfigList",
            "items: [{spec: {template: POD}}]",
        ),
    ] {
        let text = object(api_version, kind, &body.replace("POD", POD));
        assert_eq!(
            pods(&text),
            [(Extent::Whole, vec!["b".to_owned(), "a".to_owned()])],
            "{text}"
        );
        let found = said(&text, &Config::default());
        assert!(
            found.contains(&"privilege-escalation: a".to_owned()),
            "{text}: {found:?}"
        );
        assert!(
            !found.iter().any(|found| found.starts_with("unknown-field")),
            "{text}: {found:?}"
        );
    }
    let object = object(
        "ray.io/v1",
        "RayCluster",
        &"spec: {headGroupSpec: {template: POD}, workerGroupSpecs: [{template: POD}]}"
            .replace("POD", POD),
    );
    assert_eq!(pods(&object).len(), 2);
}

#[test]
fn an_object_with_several_pods_is_counted_once() {
    let text = object(
        "ray.io/v1",
        "RayCluster",
        &"spec: {headGroupSpec: {template: POD}, workerGroupSpecs: [{template: POD}]}"
            .replace("POD", POD),
    );
    let analysis = analysis::analyze_document(&text, &Config::default());
    let repeated: Vec<bool> = analysis
        .objects
        .iter()
        .map(|object| object.repeated)
        .collect();
    assert_eq!(repeated, [false, true]);
}

#[test]
fn fixes_in_custom_resources_are_proved_like_others() {
    let text = "\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
spec:
  strategy:
    canary: {}
  template:
    metadata:
      labels: {app: shop}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.4
";
    let fixed = analysis::fix_all(
        text,
        &Config::default(),
        &[
            Applicability::Safe,
            Applicability::Unsafe,
            Applicability::Placeholder,
        ],
    );
    assert!(fixed.withheld.is_empty(), "{:?}", fixed.withheld);
    assert_eq!(
        said(&fixed.text, &Config::default()),
        [""; 0],
        "{}",
        fixed.text
    );
    assert!(fixed.text.contains("allowPrivilegeEscalation: false"));
}

#[test]
fn of_a_pod_that_a_controller_completes_the_containers_count() {
    let text = object(
        "serving.knative.dev/v1",
        "Service",
        "spec: {template: {spec: {containerConcurrency: 5, containers: [{name: a, image: 'x:1', securityContext: {runAsNonRoot: false}}]}}}",
    );
    let found = said(&text, &Config::default());
    assert!(
        found.contains(&"run-as-root-allowed: false".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"privilege-escalation: securityContext".to_owned()),
        "{found:?}"
    );
    for absent in [
        "unknown-field",
        "missing-seccomp-profile",
        "mounted-service-account-token",
    ] {
        assert!(
            !found.iter().any(|found| found.starts_with(absent)),
            "{found:?}"
        );
    }
}

#[test]
fn of_a_part_of_a_pod_nothing_is_missing() {
    for (api_version, kind, body, expected) in [
        (
            "argoproj.io/v1alpha1",
            "WorkflowTemplate",
            "spec: {hostNetwork: true, activeDeadlineSeconds: '10', templates: [{name: a, steps: [[{name: b, template: c}]]}, \
             {name: c, container: {image: 'x:1', command: [a], securityContext: {privileged: true}}}, \
             {name: d, script: {image: 'y:1', source: 'print(1)', securityContext: {allowPrivilegeEscalation: true}}, \
             sidecars: [{name: e, image: z, mirrorVolumeMounts: true}]}]}",
            vec![
                "host-network: true",
                "privileged-container: true",
                "privilege-escalation: true",
                "unpinned-image: z",
            ],
        ),
        (
            "argoproj.io/v1alpha1",
            "CronWorkflow",
            "spec: {schedule: '* * * * *', workflowSpec: {templates: [{name: c, container: {image: 'x:1', securityContext: {privileged: true}}}]}}",
            vec!["privileged-container: true"],
        ),
        (
            "tekton.dev/v1",
            "Task",
            "spec: {params: [{name: a}], stepTemplate: {securityContext: {runAsUser: 0}}, \
             steps: [{name: a, image: 'x:1', script: 'a', computeResources: {}}], \
             sidecars: [{name: b, image: 'x:1', securityContext: {privileged: true}}]}",
            vec!["root-user: 0", "privileged-container: true"],
        ),
        (
            "tekton.dev/v1",
            "PipelineRun",
            "spec: {pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{name: b, image: x}]}}]}, taskRunTemplate: {podTemplate: {hostNetwork: true}}}",
            vec!["unpinned-image: x", "host-network: true"],
        ),
        (
            "monitoring.coreos.com/v1",
            "Prometheus",
            "spec: {replicas: 2, version: v3, resources: {requests: {memory: 1Gi}}, securityContext: {runAsUser: 0, fsGroup: 2000}, \
             containers: [{name: prometheus, securityContext: {privileged: yes, runAsUser: '0'}}]}",
            vec![
                "root-user: 0",
                "privileged-container: yes",
                "wrong-type: '0'",
            ],
        ),
        (
            "kafka.strimzi.io/v1beta2",
            "Kafka",
            "spec: {kafka: {template: {pod: {securityContext: {runAsNonRoot: false, fsGroup: 3}}, \
             kafkaContainer: {securityContext: {runAsUser: 0, capabilities: {add: [SYS_ADMIN]}}}}}}",
            vec![
                "run-as-root-allowed: false",
                "root-user: 0",
                "dangerous-capability: SYS_ADMIN",
            ],
        ),
        (
            "example.com/v1",
            "Shop",
            "spec: {image: a, podSecurityContext: {enabled: true, runAsUser: 0, fsGroup: 3}, \
             containerSecurityContext: {enabled: true, privileged: true, allowPrivilegeEscalation: true, runAsUser: '0'}, \
             podSecurityContextRef: {runAsUser: 0}}",
            vec![
                "root-user: 0",
                "privileged-container: true",
                "privilege-escalation: true",
            ],
        ),
        (
            "example.com/v1",
            "Shop",
            "spec: {parts: [{podSecurityContext: {runAsNonRoot: false}}, {containerSecurityContext: {runAsNonRoot: true}}, \
             {podSecurityContext: strict, containerSecurityContext: {level: 3}}]}",
            vec!["run-as-root-allowed: false"],
        ),
        (
            "elasticsearch.k8s.elastic.co/v1",
            "Elasticsearch",
            "spec: {nodeSets: [{name: a, podTemplate: {spec: {initContainers: [{name: sysctl, securityContext: {privileged: true}}]}}}]}",
            vec!["privileged-container: true"],
        ),
    ] {
        let text = object(api_version, kind, body);
        let mut found = said(&text, &Config::default());
        found.sort();
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_only_speaks_of_pods_has_none() {
    for (api_version, kind, body) in [
        (
            "kyverno.io/v1",
            "ClusterPolicy",
            "spec: {rules: [{validate: {pattern: {spec: {containers: [{name: '*', image: '*', securityContext: {privileged: 'false'}}]}}}}]}",
        ),
        (
            "constraints.gatekeeper.sh/v1beta1",
            "K8sPSP",
            "spec: {parameters: {securityContext: {runAsUser: 0}}}",
        ),
        (
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "spec: {values: {securityContext: {privileged: true}, hostNetwork: true}}",
        ),
        (
            "argoproj.io/v1alpha1",
            "Application",
            "spec: {source: {helm: {valuesObject: {securityContext: {privileged: true}}}}}",
        ),
        (
            "autoscaling.k8s.io/v1",
            "VerticalPodAutoscaler",
            "spec: {resourcePolicy: {containerPolicies: [{containerName: '*'}]}}",
        ),
        (
            "kubevirt.io/v1",
            "VirtualMachine",
            "spec: {template: {spec: {domain: {devices: {}}, volumes: [{name: a, containerDisk: {image: x}}]}}}",
        ),
        (
            "example.com/v1",
            "Shop",
            "spec: {containers: [a, b], securityContext: strict}",
        ),
        (
            "example.com/v1",
            "Shop",
            "spec: {containers: [{name: shipping, length: 12}], securityContext: {level: 3}}",
        ),
        (
            "example.com/v1",
            "Shop",
            "status: {template: {spec: {hostNetwork: true, containers: [{name: a, image: x}]}}}",
        ),
        (
            "security.openshift.io/v1",
            "SecurityContextConstraints",
            "allowPrivilegedContainer: true\nrunAsUser: {type: RunAsAny}",
        ),
    ] {
        let text = object(api_version, kind, body);
        assert_eq!(pods(&text), [], "{text}");
        let mut config = Config::default();
        config.rules.select = Rule::ids().into_iter().map(str::to_owned).collect();
        assert_eq!(said(&text, &config), [""; 0], "{text}");
    }
}

#[test]
fn what_looks_like_a_pod_is_none_where_nobody_wants_that() {
    let text = object(
        "example.com/v1",
        "CronTab",
        "spec: {template: {spec: {hostNetwork: true, containers: [{name: a, image: x}]}}}",
    );
    assert!(!said(&text, &Config::default()).is_empty());
    let without = Config {
        detect_pod_templates: false,
        ..Config::default()
    };
    assert_eq!(said(&text, &without), [""; 0]);
    let known = object(
        "argoproj.io/v1alpha1",
        "Rollout",
        "spec: {template: {spec: {hostNetwork: true, containers: [{name: a, image: x}]}}}",
    );
    assert!(!said(&known, &without).is_empty());
}

#[test]
fn the_objects_of_a_template_of_openshift_are_objects() {
    let text = "\
apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: shop}
parameters: [{name: TAG}]
objects:
- apiVersion: v1
  kind: Pod
  metadata: {name: a}
  spec: {hostNetwork: true, containers: [{name: a, image: 'x:${TAG}'}]}
";
    assert!(said(text, &Config::default()).contains(&"host-network: true".to_owned()));
}

#[test]
fn what_a_cluster_wrote_is_of_no_concern() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: a
    managedFields:
    - {manager: kubectl, fieldsV1: {'f:spec': {'f:unheardOf': {}}}, unheardOf: 1}
  spec: {ports: [{port: 80}]}
  status: {loadBalancer: 5, unheardOf: {x: 1}}
";
    assert_eq!(said(text, &Config::default()), [""; 0]);
    assert_eq!(
        said(
            &text.replace("spec: {ports", "spec: {unheardOf: 1, ports"),
            &Config::default()
        ),
        ["unknown-field: unheardOf"]
    );
}

//! Generates manifests of any size: Deployments as people write them, about 2 KB each, from clean to careless.
//!
//! The same number gives the same text on every machine. The Deployment in the middle is the same for every number.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A folder with real texts next to the repository. `KUBEHARDEN_SHARED` overrides the parent folder.
pub(crate) fn shared(name: &str) -> PathBuf {
    let beside = || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared");
    std::env::var_os("KUBEHARDEN_SHARED")
        .map_or_else(beside, PathBuf::from)
        .join(name)
}

/// Returns a file with a number of Deployments as documents.
pub(crate) fn documents(count: usize) -> String {
    deployments(count)
        .map(|deployment| format!("---\n{deployment}"))
        .collect()
}

/// Returns a file with a number of Deployments as items of one `List`.
pub(crate) fn list(count: usize) -> String {
    let mut text =
        String::from("apiVersion: v1\nkind: List\nmetadata:\n  resourceVersion: \"\"\nitems:\n");
    for deployment in deployments(count) {
        for (number, line) in deployment
            .lines()
            .skip_while(|line| line.starts_with('#'))
            .enumerate()
        {
            writeln!(text, "{}{line}", if number == 0 { "- " } else { "  " })
                .expect("a string takes all");
        }
    }
    text
}

fn deployments(count: usize) -> impl Iterator<Item = String> {
    let middle = count / 2;
    (0..count).map(move |index| match index {
        _ if index == middle => deployment(0),
        0 => deployment(middle),
        _ => deployment(index),
    })
}

/// How carefully a manifest is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Care {
    None,
    Little,
    Some,
    Great,
}

fn deployment(index: usize) -> String {
    let mut dice = Dice::new(index);
    let care = [Care::None, Care::Little, Care::Some, Care::Great][dice.below(4)];
    let name = &format!(
        "{}-{index}",
        dice.one_of(&[
            "orders",
            "mailer",
            "search",
            "ledger",
            "gateway",
            "thumbnails"
        ])
    );
    let team = dice.one_of(&["checkout", "platform", "Größen und Maße", "data"]);
    let mut text = format!(
        "# {name}: belongs to {team}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n"
    );
    if care > Care::None {
        text += "  namespace: shop\n";
    }
    write!(
        text,
        "  labels:\n    app.kubernetes.io/name: {name}\n    app.kubernetes.io/part-of: \"shop\"\n"
    )
    .expect("a string takes all");
    if dice.is_one_in(3) {
        text += "  annotations:\n    shop.example/runbook: |\n      Restart it once; then call the team on duty.\n      Never scale it to zero.\n";
    }
    write!(
        text,
        "spec:\n  replicas: {}\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: {name}\n  template:\n    metadata:\n      labels: \
         {{app.kubernetes.io/name: {name}}}\n    spec:\n",
        1 + dice.below(4)
    )
    .expect("a string takes all");
    pod(&mut text, care, &mut dice);
    text
}

fn pod(text: &mut String, care: Care, dice: &mut Dice) {
    match care {
        Care::None if dice.is_one_in(3) => {
            *text += "      hostNetwork: true # until the mesh is there\n";
        }
        Care::Great => {
            *text += "      automountServiceAccountToken: false\n      securityContext:\n        runAsNonRoot: true\n        fsGroup: 3000\n\
                      \x20       seccompProfile: {type: RuntimeDefault}\n";
        }
        _ => {}
    }
    *text += "      containers:\n";
    container(text, "main", care, dice);
    if dice.is_one_in(2) {
        *text += "      # ships the logs\n";
        container(text, "logs", care, dice);
    }
    *text += "      volumes:\n      - name: scratch\n        emptyDir: {}\n";
    if care == Care::None {
        *text += "      - name: docker\n        hostPath:\n          path: /var/run/docker.sock\n";
    }
}

fn container(text: &mut String, name: &str, care: Care, dice: &mut Dice) {
    let image = dice.one_of(&[
        "nginx",
        "registry.example/shop/backend",
        "python",
        "ghcr.io/example/agent",
    ]);
    let version = match care {
        Care::None => String::new(),
        Care::Little | Care::Some => format!(":1.{}", dice.below(30)),
        Care::Great => format!(
            ":1.{}@sha256:{:064x}",
            dice.below(30),
            dice.below(usize::MAX)
        ),
    };
    writeln!(
        text,
        "      - name: {name}\n        image: {image}{version}"
    )
    .expect("a string takes all");
    let mut lines = |lines: &[&str]| {
        lines
            .iter()
            .for_each(|line| writeln!(text, "        {line}").expect("a string takes all"));
    };
    match dice.is_one_in(2) {
        true => lines(&["args: [\"--port\", \"8080\", '--verbose']"]),
        false => lines(&["args:", "- --port", "- \"8080\""]),
    }
    lines(&[
        "ports:",
        "- name: http",
        "  containerPort: 8080",
        "env:",
        "- name: LEVEL",
        "  value: \"info\"",
    ]);
    match care {
        Care::None | Care::Little => {
            lines(&["- name: DB_PASSWORD # moves next week", "  value: hunter2"]);
        }
        _ => lines(&[
            "- name: DB_PASSWORD",
            "  valueFrom:",
            "    secretKeyRef: {name: db, key: password}",
        ]),
    }
    if care > Care::None {
        lines(&[
            "resources:",
            "  requests:",
            "    cpu: 100m",
            "    memory: 64Mi",
        ]);
    }
    if care > Care::Little {
        lines(&[
            "  limits:",
            "    # none for the processor, on purpose",
            "    memory: 128Mi",
        ]);
        lines(&[
            "livenessProbe:",
            "  httpGet:",
            "    path: /alive",
            "    port: http",
            "readinessProbe:",
            "  httpGet: {path: /ready, port: http}",
        ]);
    }
    match care {
        Care::None => {}
        Care::Little => lines(&[
            "securityContext:",
            "  privileged: true",
            "  capabilities:",
            "    add: [NET_ADMIN]",
        ]),
        Care::Some => lines(&[
            "securityContext:",
            "  runAsNonRoot: true",
            "  # readOnlyRootFilesystem: true breaks the cache",
        ]),
        Care::Great => lines(&[
            "securityContext:",
            "  allowPrivilegeEscalation: false",
            "  readOnlyRootFilesystem: true",
            "  runAsUser: 10001",
            "  capabilities:",
            "    drop:",
            "    - ALL",
        ]),
    }
    lines(&["volumeMounts:", "- name: scratch", "  mountPath: /tmp"]);
}

/// xorshift: random enough, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn new(seed: usize) -> Dice {
        Dice((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn is_one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn one_of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len())]
    }
}

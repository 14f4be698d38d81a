//! The workspace index: the objects that others refer to by name, and their effect on those others.
//! The cost of an answer does not grow with the workspace. If objects of one name disagree, or none
//! is known, the answer is the one for a file on its own.

pub use kubernetes::PodSecurityLevel;
use kubernetes::{Object, Setting, Version};
use memchr::memmem;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use yaml::{Node, Resolved};

/// The kinds of objects that others refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferencedKind {
    ClusterRole,
    /// Nothing refers to a binding, but it has an effect on the pods of the accounts that it binds.
    ClusterRoleBinding,
    ConfigMap,
    Namespace,
    PersistentVolumeClaim,
    /// A pod, or an object that creates pods. Nothing refers to it, but it has an effect on its Namespace.
    Pod,
    PriorityClass,
    Role,
    /// See [`ReferencedKind::ClusterRoleBinding`].
    RoleBinding,
    RuntimeClass,
    Secret,
    ServiceAccount,
}

/// An object that others refer to, and its effect on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub kind: ReferencedKind,
    /// As written; `None` for kinds without a namespace.
    pub namespace: Option<Box<str>>,
    pub name: Box<str>,
    pub effect: Effect,
}

/// The effect of an object on those that refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    None,
    /// The ServiceAccount gives its pods no token.
    DisablesToken,
    /// The binding grants a role to the ServiceAccount that the fact names.
    BindsAccount,
    /// The Namespace enforces a Pod Security Standard on its pods.
    Enforces(PodSecurityLabel),
    /// The pod meets a Pod Security Standard, and no stricter one.
    Meets(PodSecurityLevel),
}

/// A reference from one object to another by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub kind: ReferencedKind,
    pub name: String,
    /// The possible namespaces of the target, `None` if unknown. There are several if
    /// kustomizations put the referring object into several. Ignored for kinds without a namespace.
    pub namespaces: Vec<Option<String>>,
}

/// The namespaces into which kustomizations put the objects of a text; `None` for one that leaves
/// them as written. The default is for a text that no kustomization names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetNamespaces(Arc<[Option<Arc<str>>]>);

/// A Pod Security Standard from the labels of a Namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PodSecurityLabel {
    pub level: PodSecurityLevel,
    /// The Kubernetes version of the standard; `None` for the version of the cluster.
    pub version: Option<Version>,
}

/// What an object asks the index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The namespaces of the object, `None` if unknown. There are several if kustomizations put it
    /// into several.
    pub namespaces: Vec<Option<String>>,
    /// The ServiceAccount of its pod, if it has a pod.
    pub account: Option<String>,
    /// Whether the object is the Namespace itself, which asks about its pods.
    pub is_namespace: bool,
}

/// What other objects decide about an object. The default is for a file on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// Whether its ServiceAccount disables the token.
    pub token_is_disabled: bool,
    /// Whether a role is bound to its ServiceAccount.
    pub account_is_bound: bool,
    /// The standard that its Namespace enforces.
    pub enforced: Option<PodSecurityLabel>,
    /// For a Namespace: the level that all pods that are known to be in it meet; `None` if none is known.
    pub pods_meet: Option<PodSecurityLevel>,
}

/// The facts of all known texts.
#[derive(Debug, Default)]
pub struct WorkspaceIndex {
    known: RwLock<Facts>,
    /// Counts the changes that can affect an answer.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Facts {
    /// The facts of each text; texts without facts are left out.
    sources: HashMap<PathBuf, SourceFacts>,
    accounts: HashMap<AccountKey, Tally>,
    /// How many bindings name an account.
    bound: HashMap<AccountKey, usize>,
    namespaces: HashMap<String, HashMap<Option<PodSecurityLabel>, usize>>,
    /// For each namespace: how many pods meet which level.
    pods: HashMap<String, HashMap<PodSecurityLevel, usize>>,
}

/// The facts of a text, and the namespaces of its objects.
#[derive(Debug, Default, PartialEq, Eq)]
struct SourceFacts {
    facts: Vec<Fact>,
    target_namespaces: TargetNamespaces,
}

impl SourceFacts {
    fn affecting(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter().filter(|fact| fact.affects_others())
    }
}

/// A key for ServiceAccounts of one name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct AccountKey {
    name: String,
    /// Only the accounts of the texts in this folder; `None` for all texts.
    folder: Option<PathBuf>,
    namespace: NamespaceFilter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum NamespaceFilter {
    Any,
    /// Accounts written with this namespace, or for `None` those without one.
    Written(Option<String>),
}

/// How many accounts disable the token, and how many do not.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    off: usize,
    on: usize,
}

/// The ServiceAccount that exists in every namespace.
pub const DEFAULT_ACCOUNT: &str = "default";

impl ReferencedKind {
    pub const ALL: &'static [ReferencedKind] = &[
        ReferencedKind::ClusterRole,
        ReferencedKind::ClusterRoleBinding,
        ReferencedKind::ConfigMap,
        ReferencedKind::Namespace,
        ReferencedKind::PersistentVolumeClaim,
        ReferencedKind::PriorityClass,
        ReferencedKind::Role,
        ReferencedKind::RoleBinding,
        ReferencedKind::RuntimeClass,
        ReferencedKind::Secret,
        ReferencedKind::ServiceAccount,
    ];

    /// The kinds with an effect on the objects that refer to them, without the pods: what those mean for a Namespace is
    /// only known after an analysis.
    pub const AFFECTING_OTHERS: &'static [ReferencedKind] = &[
        ReferencedKind::ClusterRoleBinding,
        ReferencedKind::Namespace,
        ReferencedKind::RoleBinding,
        ReferencedKind::ServiceAccount,
    ];

    /// The kind as written in a manifest.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The name, the API group, and whether objects of this kind have a namespace.
    fn row(self) -> (&'static str, &'static str, bool) {
        match self {
            ReferencedKind::ClusterRole => ("ClusterRole", "rbac.authorization.k8s.io", false),
            ReferencedKind::ClusterRoleBinding => {
                ("ClusterRoleBinding", "rbac.authorization.k8s.io", false)
            }
            ReferencedKind::RoleBinding => ("RoleBinding", "rbac.authorization.k8s.io", true),
            ReferencedKind::ConfigMap => ("ConfigMap", "", true),
            ReferencedKind::Namespace => ("Namespace", "", false),
            ReferencedKind::PersistentVolumeClaim => ("PersistentVolumeClaim", "", true),
            ReferencedKind::Pod => ("Pod", "", true),
            ReferencedKind::PriorityClass => ("PriorityClass", "scheduling.k8s.io", false),
            ReferencedKind::Role => ("Role", "rbac.authorization.k8s.io", true),
            ReferencedKind::RuntimeClass => ("RuntimeClass", "node.k8s.io", false),
            ReferencedKind::Secret => ("Secret", "", true),
            ReferencedKind::ServiceAccount => ("ServiceAccount", "", true),
        }
    }

    fn of(api_version: &str, kind: &str) -> Option<ReferencedKind> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        ReferencedKind::ALL
            .iter()
            .copied()
            .find(|known| known.name() == kind && known.row().1 == group)
    }

    fn is_in_namespace(self) -> bool {
        self.row().2
    }
}

impl Fact {
    /// Returns the facts that a complete object states: about itself, or, for a binding, about each
    /// account that it binds.
    pub fn of_object(object: &Object<'_>) -> Vec<Fact> {
        match ReferencedKind::of(object.api_version, object.kind) {
            Some(kind @ (ReferencedKind::ClusterRoleBinding | ReferencedKind::RoleBinding)) => {
                Fact::of_binding(kind, object)
            }
            _ => Fact::of_itself(object).into_iter().collect(),
        }
    }

    fn of_binding(kind: ReferencedKind, object: &Object<'_>) -> Vec<Fact> {
        let word = |subject: Node<'_>, key: &str| {
            let word = subject.get(key).and_then(Node::as_str);
            word.filter(|word| !word.is_empty()).map(Box::from)
        };
        let subjects = object
            .node
            .get("subjects")
            .into_iter()
            .flat_map(Node::items);
        let accounts = subjects
            .filter(|subject| subject.get("kind").and_then(Node::as_str) == Some("ServiceAccount"));
        accounts
            .filter_map(|subject| {
                let own = || object.namespace.map(Box::from);
                Some(Fact {
                    kind,
                    namespace: word(subject, "namespace").or_else(own),
                    name: word(subject, "name")?,
                    effect: Effect::BindsAccount,
                })
            })
            .collect()
    }

    fn of_itself(object: &Object<'_>) -> Option<Fact> {
        let kind = ReferencedKind::of(object.api_version, object.kind)?;
        let says = match kind {
            ReferencedKind::ServiceAccount
                if object
                    .node
                    .get("automountServiceAccountToken")
                    .is_some_and(is_false) =>
            {
                Effect::DisablesToken
            }
            ReferencedKind::Namespace => {
                pod_security_label(object.node).map_or(Effect::None, Effect::Enforces)
            }
            _ => Effect::None,
        };
        let namespace = object
            .namespace
            .filter(|_| kind.is_in_namespace())
            .map(Box::from);
        Some(Fact {
            kind,
            namespace,
            name: object.name?.into(),
            effect: says,
        })
    }

    /// Whether a text may declare an object of some kinds, so that most texts need not be parsed.
    /// The name of a kind only counts behind `kind:`.
    pub fn may_be_declared_in(text: &str, kinds: &[ReferencedKind]) -> bool {
        const KIND: &str = "kind";
        let is_quote = |c: char| c.is_whitespace() || c == '"' || c == '\'';
        let is_one = |behind: &str| {
            let word = behind
                .trim_start_matches(is_quote)
                .strip_prefix(':')
                .map(|word| word.trim_start_matches(is_quote));
            let rest = |kind: &ReferencedKind| word?.strip_prefix(kind.name());
            kinds
                .iter()
                .filter_map(rest)
                .any(|rest| rest.starts_with("List") || !rest.starts_with(char::is_alphanumeric))
        };
        memmem::find_iter(text.as_bytes(), KIND).any(|at| is_one(&text[at + KIND.len()..]))
    }

    /// Returns the fact about an object with a pod. With `generateName`, it has no name.
    pub fn of_pod(object: &Object<'_>, met: PodSecurityLevel) -> Fact {
        Fact {
            kind: ReferencedKind::Pod,
            namespace: object.namespace.map(Box::from),
            name: object.name.unwrap_or_default().into(),
            effect: Effect::Meets(met),
        }
    }

    /// Whether the kind has an effect on the objects that refer to it.
    pub fn affects_others(&self) -> bool {
        self.kind == ReferencedKind::Pod || ReferencedKind::AFFECTING_OTHERS.contains(&self.kind)
    }

    /// Whether this object may be the one in a namespace, given where kustomizations put it.
    fn is_in(&self, places: &TargetNamespaces, namespace: Option<&str>) -> bool {
        places
            .for_object(self.namespace.as_deref())
            .contains(&namespace)
    }

    /// Compares names. Kustomize renames a Namespace to the target namespace.
    fn has_name(&self, places: &TargetNamespaces, name: &str) -> bool {
        match self.kind {
            ReferencedKind::Namespace => places.for_object(Some(&self.name)).contains(&Some(name)),
            _ => *self.name == *name,
        }
    }
}

fn is_false(node: Node<'_>) -> bool {
    matches!(node.resolved(), Some(Resolved::Bool(false)))
}

fn pod_security_label(namespace: Node<'_>) -> Option<PodSecurityLabel> {
    let labels = namespace.get("metadata")?.get("labels")?;
    let label = |mode: &str| {
        labels
            .get(&format!("pod-security.kubernetes.io/{mode}"))
            .and_then(Node::as_str)
    };
    let enforced = label("enforce")?;
    let mut levels = PodSecurityLevel::ALL.into_iter();
    let level = levels.find(|level| level.name() == enforced)?;
    // The API server rejects any other version, so the result would be unknown.
    let version = match label("enforce-version") {
        None | Some("latest") => None,
        Some(version) => Some(
            version
                .strip_prefix('v')
                .and_then(|version| version.parse().ok())?,
        ),
    };
    Some(PodSecurityLabel { level, version })
}

impl TargetNamespaces {
    /// Kustomizations that leave all objects as written are the same as none.
    pub fn new(namespaces: impl IntoIterator<Item = Option<Arc<str>>>) -> Self {
        let namespaces: BTreeSet<_> = namespaces.into_iter().collect();
        let is_left = namespaces.iter().all(Option::is_none);
        if is_left {
            TargetNamespaces::default()
        } else {
            TargetNamespaces(namespaces.into_iter().collect())
        }
    }

    /// Returns the namespaces of an object with this namespace as written.
    pub fn for_object<'a>(&'a self, written: Option<&'a str>) -> BTreeSet<Option<&'a str>> {
        if self.0.is_empty() {
            BTreeSet::from([written])
        } else {
            self.0
                .iter()
                .map(|namespace| namespace.as_deref().or(written))
                .collect()
        }
    }
}

impl Query {
    /// Returns the query for an object; `None` if no other object can affect it.
    pub fn for_object(object: &Object<'_>, places: &TargetNamespaces) -> Option<Query> {
        if (object.api_version, object.kind) == ("v1", "Namespace") {
            let names = places.for_object(Some(object.name?)).into_iter();
            return Some(Query {
                namespaces: names.map(|name| name.map(str::to_owned)).collect(),
                is_namespace: true,
                ..Query::default()
            });
        }
        let account = object
            .pod
            .as_ref()
            .and_then(|pod| match pod.service_account_name() {
                Setting::Set { value, .. } => Some(value),
                Setting::Unset => Some(DEFAULT_ACCOUNT.to_owned()),
                Setting::Unreadable(_) => None,
            });
        let namespaces = places.for_object(object.namespace);
        let namespaces: Vec<_> = namespaces
            .into_iter()
            .map(|namespace| namespace.map(str::to_owned))
            .collect();
        (account.is_some() || namespaces.iter().any(Option::is_some)).then_some(Query {
            namespaces,
            account,
            is_namespace: false,
        })
    }
}

impl WorkspaceIndex {
    /// Replaces the facts of a text. Returns whether that may affect other objects.
    pub fn update<'f>(
        &self,
        source: &Path,
        facts: impl Iterator<Item = &'f Fact> + Clone,
        places: &TargetNamespaces,
    ) -> bool {
        let is_same = |said: &SourceFacts| {
            said.target_namespaces == *places && said.facts.iter().eq(facts.clone())
        };
        if self
            .read()
            .sources
            .get(source)
            .map_or(facts.clone().next().is_none(), is_same)
        {
            return false;
        }
        self.replace(
            source,
            SourceFacts {
                facts: facts.cloned().collect(),
                target_namespaces: places.clone(),
            },
        )
    }

    /// Updates the namespaces into which kustomizations put the objects of a text. Returns whether
    /// that may affect other objects.
    pub fn set_target_namespaces(&self, source: &Path, places: &TargetNamespaces) -> bool {
        let facts = self
            .read()
            .sources
            .get(source)
            .filter(|said| said.target_namespaces != *places)
            .map(|said| said.facts.clone());
        facts.is_some_and(|facts| {
            self.replace(
                source,
                SourceFacts {
                    facts,
                    target_namespaces: places.clone(),
                },
            )
        })
    }

    fn replace(&self, source: &Path, said: SourceFacts) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.sources.remove(source).unwrap_or_default();
        let has_effect = !before.affecting().eq(said.affecting())
            || (before.target_namespaces != said.target_namespaces
                && said.affecting().next().is_some());
        if has_effect {
            known.count(source, &before, false);
            known.count(source, &said, true);
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        if !said.facts.is_empty() {
            known.sources.insert(source.to_owned(), said);
        }
        has_effect
    }

    /// A number that changes whenever an answer may change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub fn is_empty(&self) -> bool {
        self.read().sources.is_empty()
    }

    /// The names of the Namespaces that enforce no standard.
    pub fn unlabelled_namespaces(&self) -> Vec<String> {
        let known = self.read();
        let unlabelled = known
            .namespaces
            .iter()
            .filter(|(_, standards)| standards.contains_key(&None));
        unlabelled.map(|(name, _)| name.clone()).collect()
    }

    /// The texts with facts.
    pub fn sources(&self) -> Vec<PathBuf> {
        self.read().sources.keys().cloned().collect()
    }

    /// Returns the objects that a reference in a folder may mean, each with the text that declares
    /// it, ordered by text. The lookup order is that of [`Facts::is_token_off`]. This visits all
    /// texts, so do not call it on each keystroke.
    pub fn resolve(&self, reference: &Reference, folder: &Path) -> Vec<(PathBuf, Fact)> {
        let known = self.read();
        let of_name = |(source, said): (&'_ PathBuf, &SourceFacts)| {
            let facts = said.facts.iter().filter(|fact| {
                fact.kind == reference.kind
                    && fact.has_name(&said.target_namespaces, &reference.name)
            });
            facts
                .map(|fact| (source.clone(), said.target_namespaces.clone(), fact.clone()))
                .collect::<Vec<_>>()
        };
        let all: Vec<(PathBuf, TargetNamespaces, Fact)> =
            known.sources.iter().flat_map(of_name).collect();
        let mut meant = vec![false; all.len()];
        let namespaces = if reference.kind.is_in_namespace() {
            &reference.namespaces[..]
        } else {
            &[]
        };
        for namespace in namespaces {
            let mark =
                |meant: &mut [bool],
                 is_one: &dyn Fn(&(PathBuf, TargetNamespaces, Fact)) -> bool| {
                    let found: Vec<usize> = all
                        .iter()
                        .enumerate()
                        .filter(|(_, it)| is_one(it))
                        .map(|(index, _)| index)
                        .collect();
                    found.iter().for_each(|index| meant[*index] = true);
                    !found.is_empty()
                };
            let is_same = |(_, places, fact): &(PathBuf, TargetNamespaces, Fact)| {
                namespace.is_some() && fact.is_in(places, namespace.as_deref())
            };
            let is_possible = |(_, places, fact): &(PathBuf, TargetNamespaces, Fact)| {
                namespace.is_none() || fact.is_in(places, None)
            };
            let is_near = |it: &(PathBuf, TargetNamespaces, Fact)| {
                is_possible(it) && it.0.parent() == Some(folder)
            };
            let is_findable = reference.kind != ReferencedKind::ServiceAccount
                || reference.name != DEFAULT_ACCOUNT;
            let is_anywhere =
                |it: &(PathBuf, TargetNamespaces, Fact)| is_possible(it) && is_findable;
            let _ = mark(&mut meant, &is_same)
                || mark(&mut meant, &is_near)
                || mark(&mut meant, &is_anywhere);
        }
        let is_meant = |index: usize| namespaces.is_empty() || meant[index];
        let meant = all
            .into_iter()
            .enumerate()
            .filter(|(index, _)| is_meant(*index));
        let mut meant: Vec<(PathBuf, Fact)> =
            meant.map(|(_, (source, _, fact))| (source, fact)).collect();
        meant.sort_by(|one, other| one.0.cmp(&other.0));
        meant
    }

    /// Answers a query of an object in a folder. For an object in several namespaces, returns what
    /// is the same in all of them.
    pub fn answer(&self, query: &Query, folder: &Path) -> Answer {
        let known = self.read();
        if query.is_namespace {
            let names = query.namespaces.iter().flatten();
            let met = names.filter_map(|name| known.pods.get(name)?.keys().min());
            return Answer {
                pods_meet: met.min().copied(),
                ..Answer::default()
            };
        }
        if known.accounts.is_empty() && known.bound.is_empty() && known.namespaces.is_empty() {
            return Answer::default();
        }
        let answers = query
            .namespaces
            .iter()
            .map(|namespace| known.answer(query.account.as_deref(), namespace.as_deref(), folder));
        answers.reduce(Answer::and).unwrap_or_default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Facts> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// Returns what two answers have in common.
    fn and(self, other: Answer) -> Answer {
        Answer {
            token_is_disabled: self.token_is_disabled && other.token_is_disabled,
            account_is_bound: self.account_is_bound && other.account_is_bound,
            enforced: self
                .enforced
                .filter(|standard| other.enforced == Some(*standard)),
            pods_meet: None,
        }
    }
}

impl Facts {
    fn answer(&self, account: Option<&str>, namespace: Option<&str>, folder: &Path) -> Answer {
        let is_token_off =
            account.is_some_and(|account| self.is_token_off(account, namespace, folder));
        Answer {
            token_is_disabled: is_token_off,
            account_is_bound: account
                .is_some_and(|account| self.is_bound(account, namespace, folder)),
            enforced: namespace.and_then(|namespace| self.pod_security_label(namespace)),
            pods_meet: None,
        }
    }

    /// An account in the same namespace decides. If the namespace of the pod or of the account is
    /// not written, the accounts of that name in the same folder decide, else all of that name. The
    /// `default` account is not found by its name alone, since every namespace has one.
    fn is_token_off(&self, account: &str, namespace: Option<&str>, folder: &Path) -> bool {
        meant(&self.accounts, account, namespace, folder)
            .is_some_and(|tally| tally.off > 0 && tally.on == 0)
    }

    /// Whether a binding names an account, which is found as by [`Facts::is_token_off`].
    fn is_bound(&self, account: &str, namespace: Option<&str>, folder: &Path) -> bool {
        meant(&self.bound, account, namespace, folder).is_some()
    }

    fn pod_security_label(&self, namespace: &str) -> Option<PodSecurityLabel> {
        let mut standards = self.namespaces.get(namespace)?.keys();
        standards
            .next()
            .copied()
            .flatten()
            .filter(|_| standards.next().is_none())
    }

    /// Adds the facts of a text to the counts, or removes them.
    fn count(&mut self, source: &Path, said: &SourceFacts, is_added: bool) {
        for Fact {
            kind,
            namespace,
            name,
            effect: says,
        } in &said.facts
        {
            match kind {
                ReferencedKind::ServiceAccount => {
                    for namespace in said.target_namespaces.for_object(namespace.as_deref()) {
                        self.count_account(
                            source,
                            namespace,
                            name,
                            *says == Effect::DisablesToken,
                            is_added,
                        );
                    }
                }
                ReferencedKind::Namespace => {
                    let standard = if let Effect::Enforces(standard) = says {
                        Some(*standard)
                    } else {
                        None
                    };
                    for name in said
                        .target_namespaces
                        .for_object(Some(name))
                        .into_iter()
                        .flatten()
                    {
                        count_in(&mut self.namespaces, name, standard, is_added);
                    }
                }
                ReferencedKind::RoleBinding | ReferencedKind::ClusterRoleBinding => {
                    for namespace in said.target_namespaces.for_object(namespace.as_deref()) {
                        for key in account_keys(source, namespace, name) {
                            let mut count = self.bound.remove(&key).unwrap_or_default();
                            step(&mut count, is_added);
                            if count > 0 {
                                self.bound.insert(key, count);
                            }
                        }
                    }
                }
                ReferencedKind::Pod => {
                    let places = said.target_namespaces.for_object(namespace.as_deref());
                    if let Effect::Meets(level) = says {
                        for namespace in places.into_iter().flatten() {
                            count_in(&mut self.pods, namespace, *level, is_added);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn count_account(
        &mut self,
        source: &Path,
        namespace: Option<&str>,
        name: &str,
        is_off: bool,
        is_added: bool,
    ) {
        for key in account_keys(source, namespace, name) {
            let mut tally = self.accounts.remove(&key).unwrap_or_default();
            step(
                if is_off {
                    &mut tally.off
                } else {
                    &mut tally.on
                },
                is_added,
            );
            if tally.off + tally.on > 0 {
                self.accounts.insert(key, tally);
            }
        }
    }
}

/// Adds one to what is counted for a name, or removes one.
fn count_in<K: Copy + Eq + Hash>(
    counts: &mut HashMap<String, HashMap<K, usize>>,
    name: &str,
    key: K,
    is_added: bool,
) {
    let of_name = counts.entry(name.to_owned()).or_default();
    step(of_name.entry(key).or_default(), is_added);
    if of_name.get(&key) == Some(&0) {
        of_name.remove(&key);
    }
    if of_name.is_empty() {
        counts.remove(name);
    }
}

/// Returns the keys under which an account is found.
fn account_keys(source: &Path, namespace: Option<&str>, name: &str) -> Vec<AccountKey> {
    let home = source.parent().map(Path::to_owned).unwrap_or_default();
    let folders = [None, Some(home)];
    let namespaces = [
        NamespaceFilter::Any,
        NamespaceFilter::Written(namespace.map(str::to_owned)),
    ];
    let pairs = folders
        .iter()
        .flat_map(|folder| namespaces.iter().map(move |it| (folder, it)));
    pairs
        .map(|(folder, namespace)| AccountKey {
            name: name.to_owned(),
            folder: folder.clone(),
            namespace: namespace.clone(),
        })
        .collect()
}

/// Returns what is known about an account; see [`Facts::is_token_off`].
fn meant<'f, T>(
    accounts: &'f HashMap<AccountKey, T>,
    account: &str,
    namespace: Option<&str>,
    folder: &Path,
) -> Option<&'f T> {
    let find = |folder: Option<&Path>, namespace: NamespaceFilter| {
        accounts.get(&AccountKey {
            name: account.to_owned(),
            folder: folder.map(Path::to_owned),
            namespace,
        })
    };
    let same = namespace
        .and_then(|namespace| find(None, NamespaceFilter::Written(Some(namespace.to_owned()))));
    let possible = if namespace.is_some() {
        NamespaceFilter::Written(None)
    } else {
        NamespaceFilter::Any
    };
    let near = || find(Some(folder), possible.clone());
    let anywhere = || find(None, possible.clone()).filter(|_| account != DEFAULT_ACCOUNT);
    same.or_else(near).or_else(anywhere)
}

fn step(count: &mut usize, is_added: bool) {
    *count = if is_added {
        *count + 1
    } else {
        count.saturating_sub(1)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(namespace: Option<&str>, name: &str, is_off: bool) -> Fact {
        let says = if is_off {
            Effect::DisablesToken
        } else {
            Effect::None
        };
        Fact {
            kind: ReferencedKind::ServiceAccount,
            namespace: namespace.map(Box::from),
            name: name.into(),
            effect: says,
        }
    }

    fn put(index: &WorkspaceIndex, source: &Path, facts: Vec<Fact>) -> bool {
        index.update(source, facts.iter(), &TargetNamespaces::default())
    }

    fn into(namespaces: &[Option<&str>]) -> TargetNamespaces {
        TargetNamespaces::new(namespaces.iter().map(|namespace| namespace.map(Arc::from)))
    }

    fn is_off(index: &WorkspaceIndex, namespace: Option<&str>, name: &str, folder: &str) -> bool {
        let query = Query {
            namespaces: vec![namespace.map(str::to_owned)],
            account: Some(name.to_owned()),
            ..Query::default()
        };
        index.answer(&query, Path::new(folder)).token_is_disabled
    }

    #[test]
    fn account_of_the_namespace_counts_in_any_file() {
        let index = WorkspaceIndex::default();
        put(
            &index,
            Path::new("/a/accounts.yaml"),
            vec![
                account(Some("shop"), "web", true),
                account(Some("bank"), "web", false),
            ],
        );
        assert!(is_off(&index, Some("shop"), "web", "/b"));
        assert!(!is_off(&index, Some("bank"), "web", "/b"));
        assert!(!is_off(&index, Some("other"), "web", "/b"));
        assert!(!is_off(&index, None, "web", "/b"), "they disagree");
        assert!(!is_off(&index, Some("shop"), "default", "/a"));
    }

    #[test]
    fn folder_decides_without_a_namespace() {
        let index = WorkspaceIndex::default();
        put(
            &index,
            Path::new("/a/account.yaml"),
            vec![account(None, "web", true), account(None, "default", true)],
        );
        assert!(is_off(&index, None, "web", "/a") && is_off(&index, Some("shop"), "web", "/b"));
        put(
            &index,
            Path::new("/b/account.yaml"),
            vec![account(None, "web", false)],
        );
        assert!(
            is_off(&index, None, "web", "/a")
                && !is_off(&index, None, "web", "/b")
                && !is_off(&index, None, "web", "/c")
        );
        assert!(
            is_off(&index, None, "default", "/a") && !is_off(&index, None, "default", "/c"),
            "every namespace has its own"
        );
        put(&index, Path::new("/b/account.yaml"), vec![]);
        assert!(is_off(&index, None, "web", "/b") && is_off(&index, None, "web", "/c"));
    }

    #[test]
    fn kustomized_objects_are_in_the_target_namespace() {
        let (index, source) = (WorkspaceIndex::default(), Path::new("/a/account.yaml"));
        let facts = || {
            vec![
                account(None, "web", true),
                account(Some("bank"), "api", true),
            ]
        };
        index.update(source, facts().iter(), &into(&[Some("shop")]));
        assert!(
            is_off(&index, Some("shop"), "web", "/b") && is_off(&index, Some("shop"), "api", "/b")
        );
        assert!(
            !is_off(&index, Some("bank"), "web", "/a")
                && !is_off(&index, Some("bank"), "api", "/a")
        );
        assert!(index.set_target_namespaces(source, &into(&[Some("test"), Some("shop")])));
        assert!(
            is_off(&index, Some("shop"), "web", "/b") && is_off(&index, Some("test"), "web", "/b")
        );
        assert!(!is_off(&index, Some("bank"), "web", "/a"));
        assert!(index.set_target_namespaces(source, &into(&[Some("test"), None])));
        assert!(
            is_off(&index, Some("test"), "api", "/b") && is_off(&index, Some("bank"), "api", "/b")
        );
        assert!(
            !index.set_target_namespaces(source, &into(&[None, Some("test")])),
            "the same again"
        );
        assert!(
            index.set_target_namespaces(source, &into(&[None])),
            "no kustomization moves it"
        );
        assert!(
            index.update(source, [].iter(), &into(&[Some("shop")]))
                && !index.set_target_namespaces(source, &into(&[Some("test")]))
        );
        assert!(index.is_empty() && index.read().accounts.is_empty());
    }

    #[test]
    fn several_namespaces_get_the_common_answer() {
        let index = WorkspaceIndex::default();
        put(
            &index,
            Path::new("/a.yaml"),
            vec![
                account(Some("shop"), "web", true),
                account(Some("test"), "web", true),
            ],
        );
        put(
            &index,
            Path::new("/b.yaml"),
            vec![account(Some("bank"), "web", false)],
        );
        let is_off = |namespaces: &[&str]| {
            let namespaces = namespaces
                .iter()
                .map(|namespace| Some((*namespace).to_owned()))
                .collect();
            index
                .answer(
                    &Query {
                        namespaces,
                        account: Some("web".to_owned()),
                        ..Query::default()
                    },
                    Path::new("/"),
                )
                .token_is_disabled
        };
        assert!(
            is_off(&["shop", "test"]) && !is_off(&["shop", "bank"]) && !is_off(&["shop", "other"])
        );
    }

    #[test]
    fn weakest_pod_decides_for_its_namespace() {
        let index = WorkspaceIndex::default();
        let pod = |namespace: &str, name: &str, level| Fact {
            kind: ReferencedKind::Pod,
            namespace: Some(namespace.into()),
            name: name.into(),
            effect: Effect::Meets(level),
        };
        let met = |names: &[&str]| {
            let query = Query {
                namespaces: names.iter().map(|name| Some((*name).to_owned())).collect(),
                is_namespace: true,
                ..Query::default()
            };
            index.answer(&query, Path::new("/")).pods_meet
        };
        let (one, other) = (Path::new("/a.yaml"), Path::new("/b.yaml"));
        put(
            &index,
            one,
            vec![
                pod("shop", "web", PodSecurityLevel::Restricted),
                pod("bank", "web", PodSecurityLevel::Baseline),
            ],
        );
        assert_eq!(met(&["shop"]), Some(PodSecurityLevel::Restricted));
        // Kustomizations may make several namespaces of one.
        assert_eq!(met(&["shop", "bank"]), Some(PodSecurityLevel::Baseline));
        assert_eq!(met(&["other"]), None);
        assert!(put(
            &index,
            other,
            vec![pod("shop", "api", PodSecurityLevel::Privileged)]
        ));
        assert_eq!(met(&["shop"]), Some(PodSecurityLevel::Privileged));
        put(&index, other, Vec::new());
        assert_eq!(met(&["shop"]), Some(PodSecurityLevel::Restricted));
        put(&index, one, Vec::new());
        assert!(met(&["shop"]).is_none() && index.read().pods.is_empty());
    }

    #[test]
    fn removed_facts_leave_nothing_behind() {
        let index = WorkspaceIndex::default();
        let namespace = |standard: Option<PodSecurityLabel>| {
            let says = standard.map_or(Effect::None, Effect::Enforces);
            Fact {
                kind: ReferencedKind::Namespace,
                namespace: None,
                name: "shop".into(),
                effect: says,
            }
        };
        let restricted = Some(PodSecurityLabel {
            level: PodSecurityLevel::Restricted,
            version: None,
        });
        let standard = || {
            index
                .answer(
                    &Query {
                        namespaces: vec![Some("shop".to_owned())],
                        ..Query::default()
                    },
                    Path::new("/"),
                )
                .enforced
        };
        assert!(put(
            &index,
            Path::new("/a.yaml"),
            vec![namespace(restricted), account(None, "web", true)]
        ));
        assert!(
            !put(
                &index,
                Path::new("/a.yaml"),
                vec![namespace(restricted), account(None, "web", true)]
            ),
            "nothing new"
        );
        assert_eq!(standard(), restricted);
        put(&index, Path::new("/b.yaml"), vec![namespace(None)]);
        assert_eq!(standard(), None, "they disagree");
        put(&index, Path::new("/b.yaml"), vec![]);
        assert_eq!(standard(), restricted);
        put(&index, Path::new("/a.yaml"), vec![]);
        assert!(
            index.is_empty()
                && index.read().accounts.is_empty()
                && index.read().namespaces.is_empty()
        );
    }

    #[test]
    fn kinds_without_effect_change_no_answer() {
        let index = WorkspaceIndex::default();
        let claim = Fact {
            kind: ReferencedKind::PersistentVolumeClaim,
            namespace: None,
            name: "data".into(),
            effect: Effect::None,
        };
        assert!(put(
            &index,
            Path::new("/a.yaml"),
            vec![account(None, "web", true), claim.clone()]
        ));
        let generation = index.generation();
        assert!(!put(
            &index,
            Path::new("/a.yaml"),
            vec![
                account(None, "web", true),
                Fact {
                    name: "date".into(),
                    ..claim.clone()
                }
            ]
        ));
        assert!(!put(&index, Path::new("/b.yaml"), vec![claim]));
        assert_eq!(index.generation(), generation);
        assert!(
            put(&index, Path::new("/a.yaml"), vec![])
                && !put(&index, Path::new("/b.yaml"), vec![])
                && index.is_empty()
        );
    }

    #[test]
    fn resolves_by_namespace_then_folder() {
        let index = WorkspaceIndex::default();
        let claim = |namespace: Option<&str>| {
            let (kind, name) = (ReferencedKind::PersistentVolumeClaim, "data".into());
            Fact {
                kind,
                namespace: namespace.map(Box::from),
                name,
                effect: Effect::None,
            }
        };
        for (source, namespace) in [
            ("/a/1", Some("shop")),
            ("/a/2", None),
            ("/b/3", None),
            ("/b/4", Some("bank")),
        ] {
            put(
                &index,
                Path::new(source),
                vec![claim(namespace), account(namespace, "default", false)],
            );
        }
        let meant = |kind, name: &str, namespaces: &[Option<&str>], folder: &str| {
            let namespaces = namespaces
                .iter()
                .map(|namespace| namespace.map(str::to_owned))
                .collect();
            let meant = index.resolve(
                &Reference {
                    kind,
                    name: name.to_owned(),
                    namespaces,
                },
                Path::new(folder),
            );
            let names: Vec<String> = meant
                .iter()
                .map(|(source, _)| source.file_name().unwrap().to_string_lossy().into())
                .collect();
            names.join(" ")
        };
        let claims = |namespaces: &[Option<&str>], folder| {
            meant(
                ReferencedKind::PersistentVolumeClaim,
                "data",
                namespaces,
                folder,
            )
        };
        assert_eq!(claims(&[Some("shop")], "/b"), "1");
        assert_eq!(claims(&[Some("bank"), Some("shop")], "/b"), "1 4");
        assert_eq!(claims(&[Some("other")], "/b"), "3", "one that does not say");
        assert_eq!(claims(&[Some("other")], "/c"), "2 3");
        assert_eq!(claims(&[None], "/a"), "1 2");
        assert_eq!(claims(&[None], "/c"), "1 2 3 4");
        assert_eq!(
            meant(ReferencedKind::PersistentVolumeClaim, "date", &[None], "/a"),
            ""
        );
        assert_eq!(
            meant(ReferencedKind::ServiceAccount, "default", &[None], "/c"),
            "",
            "every namespace has its own"
        );
        index.set_target_namespaces(Path::new("/b/3"), &into(&[Some("shop")]));
        assert_eq!(
            claims(&[Some("shop")], "/a") + &claims(&[Some("other")], "/b"),
            "1 32"
        );
        let mut shop = account(None, "any", false);
        shop.kind = ReferencedKind::Namespace;
        index.update(Path::new("/5"), [shop].iter(), &into(&[Some("shop")]));
        assert_eq!(
            meant(ReferencedKind::Namespace, "shop", &[], "/")
                + &meant(ReferencedKind::Namespace, "any", &[], "/"),
            "5"
        );
    }

    #[test]
    fn most_texts_declare_nothing() {
        for text in [
            "kind: ServiceAccount",
            "{\"kind\":\"Namespace\"}",
            "- 'kind' :  \"ServiceAccount\"\n",
            "kind: NamespaceList",
        ] {
            assert!(
                Fact::may_be_declared_in(text, ReferencedKind::AFFECTING_OTHERS),
                "{text}"
            );
        }
        for text in [
            "automountServiceAccountToken: false",
            "description: Namespace",
            "kinds: [Namespace]",
            "namespace: a",
            "",
        ] {
            assert!(
                !Fact::may_be_declared_in(text, ReferencedKind::AFFECTING_OTHERS),
                "{text}"
            );
        }
    }
}

//! What objects say of other objects, in whichever document or file they stand: that a ServiceAccount gives its pods no token, which
//! standard a Namespace enforces.
//!
//! Knows kinds, names and namespaces. Must not know where texts come from, nor what a rule makes of an answer. Promise: what it costs to
//! ask does not grow with what is known; where objects of one name disagree, or none is known, the answer is the one for a text
//! that stands alone.

use crate::k8s::{Object, Setting, Version};
use crate::yaml::{Node, Resolved};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Something that an object says of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A ServiceAccount, and whether it turns the token of its pods off.
    Account { namespace: Option<String>, name: String, is_off: bool },
    /// A Namespace, and the standard that its pods are held to.
    Namespace { name: String, standard: Option<Standard> },
}

/// Where kustomizations put the objects of a text: `None` for one that leaves them where they say that they are. The default is that of a
/// text that no kustomization names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places(Arc<[Option<Arc<str>>]>);

/// A Pod Security Standard as the labels of a Namespace name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standard {
    pub level: Level,
    /// As of which Kubernetes version; `None` for that of the cluster.
    pub version: Option<Version>,
}

/// The standards that ask for something. `privileged` is what counts where there is no label at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    Baseline,
    Restricted,
}

/// What an object may want to know of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The namespaces that the object will be in, `None` for one that is not known: several where kustomizations put it into several.
    pub namespaces: Vec<Option<String>>,
    /// The ServiceAccount of its pod, where it has one.
    pub account: Option<String>,
}

/// What is known of an object from others. The default is that of a text that stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// Whether its ServiceAccount gives it no token.
    pub is_token_off: bool,
    /// What its Namespace enforces.
    pub standard: Option<Standard>,
}

/// The facts of many texts.
#[derive(Debug, Default)]
pub struct Index {
    known: RwLock<Known>,
    /// Counts the changes.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    /// What each text says; nothing of those that say nothing.
    sources: HashMap<PathBuf, Said>,
    accounts: HashMap<Accounts, Tally>,
    namespaces: HashMap<String, HashMap<Option<Standard>, usize>>,
}

/// What a text says, and of objects in which namespaces.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    facts: Vec<Fact>,
    places: Places,
}

/// Some of the accounts of a name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Accounts {
    name: String,
    /// Those of the texts in a folder; of all texts where there is none.
    folder: Option<PathBuf>,
    namespace: Which,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Which {
    Any,
    /// Those that are written to be in this namespace, or, with none, that do not say.
    Written(Option<String>),
}

/// How many accounts turn their token off, and how many do not.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    off: usize,
    on: usize,
}

/// The ServiceAccount that every namespace has, whether anybody writes it or not.
pub const DEFAULT_ACCOUNT: &str = "default";

impl Fact {
    /// The kinds of the objects that say something.
    pub const KINDS: [&str; 2] = ["ServiceAccount", "Namespace"];

    /// What an object that can be seen in full says.
    pub fn of(object: &Object<'_>) -> Option<Fact> {
        let name = object.name?.to_owned();
        match (object.api_version, object.kind) {
            ("v1", "ServiceAccount") => {
                let token = object.node.get("automountServiceAccountToken");
                let is_off = token.is_some_and(is_false);
                Some(Fact::Account { namespace: object.namespace.map(str::to_owned), name, is_off })
            }
            ("v1", "Namespace") => Some(Fact::Namespace { name, standard: standard(object.node) }),
            _ => None,
        }
    }

    /// Whether a text may say something: most need not be read for that. The words are on everybody's lips, so that they have to stand
    /// where a kind stands.
    pub fn may_be_in(text: &str) -> bool {
        let is_quote = |c: char| c.is_whitespace() || c == '"' || c == '\'';
        let is_kind = |before: &str| {
            let key = before.trim_end_matches(is_quote).strip_suffix(':');
            key.is_some_and(|key| key.trim_end_matches(is_quote).ends_with("kind"))
        };
        Fact::KINDS.iter().any(|kind| text.match_indices(kind).any(|(at, _)| is_kind(&text[..at])))
    }
}

fn is_false(node: Node<'_>) -> bool {
    matches!(node.resolved(), Some(Resolved::Bool(false)))
}

fn standard(namespace: Node<'_>) -> Option<Standard> {
    let labels = namespace.get("metadata")?.get("labels")?;
    let label = |mode: &str| labels.get(&format!("pod-security.kubernetes.io/{mode}")).and_then(Node::as_str);
    let level = match label("enforce")? {
        "baseline" => Level::Baseline,
        "restricted" => Level::Restricted,
        _ => return None,
    };
    // The API server refuses a version in other words, and then nobody knows what will stand there.
    let version = match label("enforce-version") {
        None | Some("latest") => None,
        Some(version) => Some(version.strip_prefix('v').and_then(|version| version.parse().ok())?),
    };
    Some(Standard { level, version })
}

impl Places {
    /// Whoever leaves objects where they are changes nothing, where that is all that is done with them.
    pub fn of(namespaces: impl IntoIterator<Item = Option<Arc<str>>>) -> Self {
        let namespaces: BTreeSet<_> = namespaces.into_iter().collect();
        let is_left = namespaces.iter().all(Option::is_none);
        if is_left { Places::default() } else { Places(namespaces.into_iter().collect()) }
    }

    /// The namespaces in which an object will be that is written to be in one, or in none.
    fn of_object<'a>(&'a self, written: Option<&'a str>) -> BTreeSet<Option<&'a str>> {
        match self.0.is_empty() {
            true => BTreeSet::from([written]),
            false => self.0.iter().map(|namespace| namespace.as_deref().or(written)).collect(),
        }
    }
}

impl Question {
    /// What an object asks, where it asks anything.
    pub fn of(object: &Object<'_>, places: &Places) -> Option<Question> {
        let account = object.pod.as_ref().and_then(|pod| match pod.account() {
            Setting::Set { value, .. } => Some(value),
            Setting::Unset => Some(DEFAULT_ACCOUNT.to_owned()),
            Setting::Unreadable(_) => None,
        });
        let namespaces = places.of_object(object.namespace);
        let namespaces: Vec<_> = namespaces.into_iter().map(|namespace| namespace.map(str::to_owned)).collect();
        (account.is_some() || namespaces.iter().any(Option::is_some)).then_some(Question { namespaces, account })
    }
}

impl Index {
    /// Takes what a text says in the place of what it said before. Tells whether that is something else.
    pub fn put(&self, source: &Path, facts: Vec<Fact>, places: &Places) -> bool {
        let places = if facts.is_empty() { Places::default() } else { places.clone() };
        self.replace(source, Said { facts, places })
    }

    /// Takes where kustomizations put the objects of a text. Tells whether that is somewhere else.
    pub fn place(&self, source: &Path, places: &Places) -> bool {
        let facts = self.read().sources.get(source).filter(|said| said.places != *places).map(|said| said.facts.clone());
        facts.is_some_and(|facts| self.replace(source, Said { facts, places: places.clone() }))
    }

    fn replace(&self, source: &Path, said: Said) -> bool {
        if self.read().sources.get(source).map_or(said.facts.is_empty(), |before| *before == said) {
            return false;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.sources.remove(source).unwrap_or_default();
        known.count(source, &before, false);
        known.count(source, &said, true);
        if !said.facts.is_empty() {
            known.sources.insert(source.to_owned(), said);
        }
        self.generation.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// Another number whenever an answer may be another one.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub fn is_empty(&self) -> bool {
        self.read().sources.is_empty()
    }

    /// The texts that say something.
    pub fn sources(&self) -> Vec<PathBuf> {
        self.read().sources.keys().cloned().collect()
    }

    /// What is known of an object that stands in a text of a folder. Of one that will be in several namespaces, what is the same in all.
    pub fn answer(&self, question: &Question, folder: &Path) -> Answer {
        let known = self.read();
        if known.sources.is_empty() {
            return Answer::default();
        }
        let answers =
            question.namespaces.iter().map(|namespace| known.answer(question.account.as_deref(), namespace.as_deref(), folder));
        answers.reduce(Answer::and).unwrap_or_default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// What two answers have in common.
    fn and(self, other: Answer) -> Answer {
        Answer {
            is_token_off: self.is_token_off && other.is_token_off,
            standard: self.standard.filter(|standard| other.standard == Some(*standard)),
        }
    }
}

impl Known {
    fn answer(&self, account: Option<&str>, namespace: Option<&str>, folder: &Path) -> Answer {
        let is_token_off = account.is_some_and(|account| self.is_token_off(account, namespace, folder));
        Answer { is_token_off, standard: namespace.and_then(|namespace| self.standard(namespace)) }
    }

    /// An account of the very namespace is the one. Where the namespace of the pod or of the account is not written, the accounts of that
    /// name in the same folder may be; else all of that name. An account that every namespace has is not found by its name alone.
    fn is_token_off(&self, account: &str, namespace: Option<&str>, folder: &Path) -> bool {
        let find = |folder: Option<&Path>, namespace: Which| {
            self.accounts.get(&Accounts { name: account.to_owned(), folder: folder.map(Path::to_owned), namespace })
        };
        let same = namespace.and_then(|namespace| find(None, Which::Written(Some(namespace.to_owned()))));
        let possible = if namespace.is_some() { Which::Written(None) } else { Which::Any };
        let near = || find(Some(folder), possible.clone());
        let anywhere = || find(None, possible.clone()).filter(|_| account != DEFAULT_ACCOUNT);
        same.or_else(near).or_else(anywhere).is_some_and(|tally| tally.off > 0 && tally.on == 0)
    }

    fn standard(&self, namespace: &str) -> Option<Standard> {
        let mut standards = self.namespaces.get(namespace)?.keys();
        standards.next().copied().flatten().filter(|_| standards.next().is_none())
    }

    /// Takes that a text says something, or that it no longer does.
    fn count(&mut self, source: &Path, said: &Said, is_said: bool) {
        for fact in &said.facts {
            match fact {
                Fact::Account { namespace, name, is_off } => {
                    for namespace in said.places.of_object(namespace.as_deref()) {
                        self.count_account(source, namespace, name, *is_off, is_said);
                    }
                }
                // Kustomize gives a Namespace the name of the one that it puts things into.
                Fact::Namespace { name, standard } => {
                    for name in said.places.of_object(Some(name)).into_iter().flatten() {
                        self.count_namespace(name, *standard, is_said);
                    }
                }
            }
        }
    }

    fn count_account(&mut self, source: &Path, namespace: Option<&str>, name: &str, is_off: bool, is_said: bool) {
        let home = source.parent().map(Path::to_owned).unwrap_or_default();
        let folders = [None, Some(home)];
        let namespaces = [Which::Any, Which::Written(namespace.map(str::to_owned))];
        for (folder, namespace) in folders.iter().flat_map(|folder| namespaces.iter().map(move |it| (folder, it))) {
            let key = Accounts { name: name.to_owned(), folder: folder.clone(), namespace: namespace.clone() };
            let mut tally = self.accounts.remove(&key).unwrap_or_default();
            step(if is_off { &mut tally.off } else { &mut tally.on }, is_said);
            if tally.off + tally.on > 0 {
                self.accounts.insert(key, tally);
            }
        }
    }

    fn count_namespace(&mut self, name: &str, standard: Option<Standard>, is_said: bool) {
        let standards = self.namespaces.entry(name.to_owned()).or_default();
        step(standards.entry(standard).or_default(), is_said);
        if standards.get(&standard) == Some(&0) {
            standards.remove(&standard);
        }
        if standards.is_empty() {
            self.namespaces.remove(name);
        }
    }
}

fn step(count: &mut usize, is_said: bool) {
    *count = if is_said { *count + 1 } else { count.saturating_sub(1) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(namespace: Option<&str>, name: &str, is_off: bool) -> Fact {
        Fact::Account { namespace: namespace.map(str::to_owned), name: name.to_owned(), is_off }
    }

    fn put(index: &Index, source: &Path, facts: Vec<Fact>) -> bool {
        index.put(source, facts, &Places::default())
    }

    fn into(namespaces: &[Option<&str>]) -> Places {
        Places::of(namespaces.iter().map(|namespace| namespace.map(Arc::from)))
    }

    fn is_off(index: &Index, namespace: Option<&str>, name: &str, folder: &str) -> bool {
        let question = Question { namespaces: vec![namespace.map(str::to_owned)], account: Some(name.to_owned()) };
        index.answer(&question, Path::new(folder)).is_token_off
    }

    #[test]
    fn an_account_of_the_same_namespace_counts_wherever_it_stands() {
        let index = Index::default();
        put(&index, Path::new("/a/accounts.yaml"), vec![account(Some("shop"), "web", true), account(Some("bank"), "web", false)]);
        assert!(is_off(&index, Some("shop"), "web", "/b"));
        assert!(!is_off(&index, Some("bank"), "web", "/b"));
        assert!(!is_off(&index, Some("other"), "web", "/b"));
        assert!(!is_off(&index, None, "web", "/b"), "they disagree");
        assert!(!is_off(&index, Some("shop"), "default", "/a"));
    }

    #[test]
    fn where_a_namespace_is_not_written_the_folder_comes_before_the_name() {
        let index = Index::default();
        put(&index, Path::new("/a/account.yaml"), vec![account(None, "web", true), account(None, "default", true)]);
        assert!(is_off(&index, None, "web", "/a") && is_off(&index, Some("shop"), "web", "/b"));
        put(&index, Path::new("/b/account.yaml"), vec![account(None, "web", false)]);
        assert!(is_off(&index, None, "web", "/a") && !is_off(&index, None, "web", "/b") && !is_off(&index, None, "web", "/c"));
        assert!(is_off(&index, None, "default", "/a") && !is_off(&index, None, "default", "/c"), "every namespace has its own");
        put(&index, Path::new("/b/account.yaml"), vec![]);
        assert!(is_off(&index, None, "web", "/b") && is_off(&index, None, "web", "/c"));
    }

    #[test]
    fn what_is_put_into_a_namespace_is_there_and_nowhere_else() {
        let (index, source) = (Index::default(), Path::new("/a/account.yaml"));
        let facts = || vec![account(None, "web", true), account(Some("bank"), "api", true)];
        index.put(source, facts(), &into(&[Some("shop")]));
        assert!(is_off(&index, Some("shop"), "web", "/b") && is_off(&index, Some("shop"), "api", "/b"));
        assert!(!is_off(&index, Some("bank"), "web", "/a") && !is_off(&index, Some("bank"), "api", "/a"));
        assert!(index.place(source, &into(&[Some("test"), Some("shop")])));
        assert!(is_off(&index, Some("shop"), "web", "/b") && is_off(&index, Some("test"), "web", "/b"));
        assert!(!is_off(&index, Some("bank"), "web", "/a"));
        assert!(index.place(source, &into(&[Some("test"), None])));
        assert!(is_off(&index, Some("test"), "api", "/b") && is_off(&index, Some("bank"), "api", "/b"));
        assert!(!index.place(source, &into(&[None, Some("test")])), "the same once more");
        assert!(index.place(source, &into(&[None])), "nobody puts it anywhere");
        assert!(index.put(source, Vec::new(), &into(&[Some("shop")])) && !index.place(source, &into(&[Some("test")])));
        assert!(index.is_empty() && index.read().accounts.is_empty());
    }

    #[test]
    fn what_is_in_several_namespaces_is_told_what_is_the_same_in_all() {
        let index = Index::default();
        put(&index, Path::new("/a.yaml"), vec![account(Some("shop"), "web", true), account(Some("test"), "web", true)]);
        put(&index, Path::new("/b.yaml"), vec![account(Some("bank"), "web", false)]);
        let is_off = |namespaces: &[&str]| {
            let namespaces = namespaces.iter().map(|namespace| Some((*namespace).to_owned())).collect();
            index.answer(&Question { namespaces, account: Some("web".to_owned()) }, Path::new("/")).is_token_off
        };
        assert!(is_off(&["shop", "test"]) && !is_off(&["shop", "bank"]) && !is_off(&["shop", "other"]));
    }

    #[test]
    fn what_is_taken_back_leaves_nothing_behind() {
        let index = Index::default();
        let namespace = |standard| Fact::Namespace { name: "shop".to_owned(), standard };
        let restricted = Some(Standard { level: Level::Restricted, version: None });
        let standard =
            || index.answer(&Question { namespaces: vec![Some("shop".to_owned())], account: None }, Path::new("/")).standard;
        assert!(put(&index, Path::new("/a.yaml"), vec![namespace(restricted), account(None, "web", true)]));
        assert!(!put(&index, Path::new("/a.yaml"), vec![namespace(restricted), account(None, "web", true)]), "nothing new");
        assert_eq!(standard(), restricted);
        put(&index, Path::new("/b.yaml"), vec![namespace(None)]);
        assert_eq!(standard(), None, "they disagree");
        put(&index, Path::new("/b.yaml"), vec![]);
        assert_eq!(standard(), restricted);
        put(&index, Path::new("/a.yaml"), vec![]);
        assert!(index.is_empty() && index.read().accounts.is_empty() && index.read().namespaces.is_empty());
    }

    #[test]
    fn most_texts_need_not_be_listened_to() {
        for text in
            ["kind: ServiceAccount", "{\"kind\":\"Namespace\"}", "- 'kind' :  \"ServiceAccount\"\n", "kind: NamespaceList"]
        {
            assert!(Fact::may_be_in(text), "{text}");
        }
        for text in ["automountServiceAccountToken: false", "description: Namespace", "kinds: [Namespace]", "namespace: a", ""] {
            assert!(!Fact::may_be_in(text), "{text}");
        }
    }
}

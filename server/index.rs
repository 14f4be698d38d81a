//! What objects say of other objects, in whichever document or file they stand: that a ServiceAccount gives its pods no token, which
//! standard a Namespace enforces.
//!
//! Knows kinds, names and namespaces. Must not know where texts come from, nor what a rule makes of an answer. Promise: what it costs to
//! ask does not grow with what is known; where objects of one name disagree, or none is known, the answer is the one for a text
//! that stands alone.

use crate::k8s::{Object, Setting, Version};
use crate::yaml::{Node, Resolved};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Something that an object says of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A ServiceAccount, and whether it turns the token of its pods off.
    Account { namespace: Option<String>, name: String, is_off: bool },
    /// A Namespace, and the standard that its pods are held to.
    Namespace { name: String, standard: Option<Standard> },
}

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
    /// The namespace that the object will be in, where that is known.
    pub namespace: Option<String>,
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
    sources: HashMap<PathBuf, Vec<Fact>>,
    accounts: HashMap<Accounts, Tally>,
    namespaces: HashMap<String, HashMap<Option<Standard>, usize>>,
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

impl Question {
    /// What an object asks, where it asks anything; `namespace` is where it will be if it does not say so itself.
    pub fn of(object: &Object<'_>, namespace: Option<&str>) -> Option<Question> {
        let account = object.pod.as_ref().and_then(|pod| match pod.account() {
            Setting::Set { value, .. } => Some(value),
            Setting::Unset => Some(DEFAULT_ACCOUNT.to_owned()),
            Setting::Unreadable(_) => None,
        });
        let namespace = object.namespace.or(namespace).map(str::to_owned);
        (account.is_some() || namespace.is_some()).then_some(Question { namespace, account })
    }
}

impl Index {
    /// Takes what a text says in the place of what it said before. Tells whether that is something else.
    pub fn put(&self, source: &Path, facts: Vec<Fact>) -> bool {
        let is_same = |known: &Known| known.sources.get(source).map_or(&[][..], Vec::as_slice) == facts;
        if is_same(&self.read()) {
            return false;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for fact in known.sources.remove(source).unwrap_or_default() {
            known.count(source, &fact, false);
        }
        facts.iter().for_each(|fact| known.count(source, fact, true));
        if !facts.is_empty() {
            known.sources.insert(source.to_owned(), facts);
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

    /// What is known of an object that stands in a text of a folder.
    pub fn answer(&self, question: &Question, folder: &Path) -> Answer {
        let known = self.read();
        if known.sources.is_empty() {
            return Answer::default();
        }
        let namespace = question.namespace.as_deref();
        let is_token_off = question.account.as_deref().is_some_and(|account| known.is_token_off(account, namespace, folder));
        Answer { is_token_off, standard: namespace.and_then(|namespace| known.standard(namespace)) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
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
    fn count(&mut self, source: &Path, fact: &Fact, is_said: bool) {
        let step = |count: &mut usize| *count = if is_said { *count + 1 } else { count.saturating_sub(1) };
        match fact {
            Fact::Account { namespace, name, is_off } => {
                let home = source.parent().map(Path::to_owned).unwrap_or_default();
                let folders = [None, Some(home)];
                let namespaces = [Which::Any, Which::Written(namespace.clone())];
                for (folder, namespace) in folders.iter().flat_map(|folder| namespaces.iter().map(move |it| (folder, it))) {
                    let key = Accounts { name: name.clone(), folder: folder.clone(), namespace: namespace.clone() };
                    let mut tally = self.accounts.remove(&key).unwrap_or_default();
                    step(if *is_off { &mut tally.off } else { &mut tally.on });
                    if tally.off + tally.on > 0 {
                        self.accounts.insert(key, tally);
                    }
                }
            }
            Fact::Namespace { name, standard } => {
                let standards = self.namespaces.entry(name.clone()).or_default();
                step(standards.entry(*standard).or_default());
                if standards.get(standard) == Some(&0) {
                    standards.remove(standard);
                }
                if standards.is_empty() {
                    self.namespaces.remove(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(namespace: Option<&str>, name: &str, is_off: bool) -> Fact {
        Fact::Account { namespace: namespace.map(str::to_owned), name: name.to_owned(), is_off }
    }

    fn is_off(index: &Index, namespace: Option<&str>, name: &str, folder: &str) -> bool {
        let question = Question { namespace: namespace.map(str::to_owned), account: Some(name.to_owned()) };
        index.answer(&question, Path::new(folder)).is_token_off
    }

    #[test]
    fn an_account_of_the_same_namespace_counts_wherever_it_stands() {
        let index = Index::default();
        index.put(Path::new("/a/accounts.yaml"), vec![account(Some("shop"), "web", true), account(Some("bank"), "web", false)]);
        assert!(is_off(&index, Some("shop"), "web", "/b"));
        assert!(!is_off(&index, Some("bank"), "web", "/b"));
        assert!(!is_off(&index, Some("other"), "web", "/b"));
        assert!(!is_off(&index, None, "web", "/b"), "they disagree");
        assert!(!is_off(&index, Some("shop"), "default", "/a"));
    }

    #[test]
    fn where_a_namespace_is_not_written_the_folder_comes_before_the_name() {
        let index = Index::default();
        index.put(Path::new("/a/account.yaml"), vec![account(None, "web", true), account(None, "default", true)]);
        assert!(is_off(&index, None, "web", "/a") && is_off(&index, Some("shop"), "web", "/b"));
        index.put(Path::new("/b/account.yaml"), vec![account(None, "web", false)]);
        assert!(is_off(&index, None, "web", "/a") && !is_off(&index, None, "web", "/b") && !is_off(&index, None, "web", "/c"));
        assert!(is_off(&index, None, "default", "/a") && !is_off(&index, None, "default", "/c"), "every namespace has its own");
        index.put(Path::new("/b/account.yaml"), vec![]);
        assert!(is_off(&index, None, "web", "/b") && is_off(&index, None, "web", "/c"));
    }

    #[test]
    fn what_is_taken_back_leaves_nothing_behind() {
        let index = Index::default();
        let namespace = |standard| Fact::Namespace { name: "shop".to_owned(), standard };
        let restricted = Some(Standard { level: Level::Restricted, version: None });
        let standard = || index.answer(&Question { namespace: Some("shop".to_owned()), account: None }, Path::new("/")).standard;
        assert!(index.put(Path::new("/a.yaml"), vec![namespace(restricted), account(None, "web", true)]));
        assert!(!index.put(Path::new("/a.yaml"), vec![namespace(restricted), account(None, "web", true)]), "nothing new");
        assert_eq!(standard(), restricted);
        index.put(Path::new("/b.yaml"), vec![namespace(None)]);
        assert_eq!(standard(), None, "they disagree");
        index.put(Path::new("/b.yaml"), vec![]);
        assert_eq!(standard(), restricted);
        index.put(Path::new("/a.yaml"), vec![]);
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

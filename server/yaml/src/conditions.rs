//! The conditions of a Go template, as far as they can be decided: which branches can be rendered
//! together.

use std::collections::BTreeMap;

/// A condition over the values that a template is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// A term is not empty. Terms with unknown functions are compared as text.
    IsSet(String),
    Equals(String, String),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// What a reading assumes of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Assumed {
    Empty,
    Set,
    Literal(String),
}

pub(super) type Assumptions = BTreeMap<String, Assumed>;

/// The most words of a condition that is read. A longer one, which nests deeper than people write, is a
/// term of its own.
const MOST_WORDS: usize = 100;

/// The most combinations of values that are tried for a branch.
const MOST_COMBINATIONS: usize = 64;

impl Condition {
    /// Reads the condition of an action: what follows `if`, `with`, `range`, `else if`. `scope` names
    /// the `with` or `range` around, where `.` is another value.
    pub(super) fn of(text: &str, scope: &str) -> Condition {
        let tokens = tokens(text);
        if tokens.len() > MOST_WORDS {
            return Condition::IsSet(term(text, scope));
        }
        let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
        expression(&words, scope)
    }

    /// Whether the condition holds. Without an assumption, a term is set.
    pub(super) fn holds(&self, assumptions: &Assumptions) -> bool {
        match self {
            Condition::IsSet(term) => assumptions.get(term) != Some(&Assumed::Empty),
            Condition::Equals(term, literal) => {
                matches!(assumptions.get(term), Some(Assumed::Literal(known)) if known == literal)
            }
            Condition::Not(inner) => !inner.holds(assumptions),
            Condition::All(parts) => parts.iter().all(|part| part.holds(assumptions)),
            Condition::Any(parts) => parts.iter().any(|part| part.holds(assumptions)),
        }
    }

    /// Adds the terms of the condition, with the literals that they are compared with.
    fn collect<'c>(&'c self, terms: &mut BTreeMap<&'c str, Vec<&'c str>>) {
        match self {
            Condition::IsSet(term) => _ = terms.entry(term).or_default(),
            Condition::Equals(term, literal) => terms.entry(term).or_default().push(literal),
            Condition::Not(inner) => inner.collect(terms),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| part.collect(terms));
            }
        }
    }

    /// Returns the given assumptions with more that make the condition hold. `None` if nothing does, or if
    /// the condition has too many terms to try.
    pub(super) fn solve(&self, given: &Assumptions) -> Option<Assumptions> {
        let mut terms = BTreeMap::new();
        self.collect(&mut terms);
        terms.retain(|term, _| !given.contains_key(*term));
        let choices: Vec<(&str, Vec<Assumed>)> = terms
            .into_iter()
            .map(|(term, literals)| {
                let literals = literals
                    .into_iter()
                    .map(str::to_owned)
                    .map(Assumed::Literal);
                let all = std::iter::once(Assumed::Set)
                    .chain(literals)
                    .chain([Assumed::Empty]);
                (term, all.collect())
            })
            .collect();
        let combinations = choices
            .iter()
            .try_fold(1_usize, |product, (_, choices)| {
                product.checked_mul(choices.len())
            })
            .filter(|combinations| *combinations <= MOST_COMBINATIONS)?;
        (0..combinations).find_map(|mut number| {
            let mut assumptions = given.clone();
            for (term, choices) in &choices {
                let choice = choices[number % choices.len()].clone();
                number /= choices.len();
                assumptions.insert((*term).to_owned(), choice);
            }
            self.holds(&assumptions).then_some(assumptions)
        })
    }
}

/// Splits an expression into words, strings, and parentheses.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => 1,
            '"' | '`' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            _ => rest
                .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
                .unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(length.max(1));
        tokens.push(token.to_owned());
        rest = behind.trim_start();
    }
    tokens
}

/// Reads an expression. What is not understood is a term of its own.
fn expression(words: &[&str], scope: &str) -> Condition {
    let opaque = || Condition::IsSet(term(&words.join(" "), scope));
    if words.first() == Some(&"(") && closes_at_end(words) {
        return expression(&words[1..words.len() - 1], scope);
    }
    let Some(arguments) = words.get(1..).and_then(arguments) else {
        return opaque();
    };
    let each = || arguments.iter().map(|argument| expression(argument, scope));
    match (words.first().copied(), arguments.as_slice()) {
        (Some(_), []) => opaque(),
        (Some("not"), [_]) => Condition::Not(Box::new(Condition::All(each().collect()))),
        (Some("and"), _) => Condition::All(each().collect()),
        (Some("or"), _) => Condition::Any(each().collect()),
        (Some(function @ ("eq" | "ne")), [[one], [other]]) => {
            let (value, literal) = match (literal(one), literal(other)) {
                (None, Some(literal)) => (one, literal),
                (Some(literal), None) => (other, literal),
                _ => return opaque(),
            };
            let equals = Condition::Equals(term(value, scope), literal);
            if function == "eq" {
                equals
            } else {
                Condition::Not(Box::new(equals))
            }
        }
        _ => opaque(),
    }
}

/// Splits the words behind a function into its arguments; `None` if parentheses do not match or a
/// pipe follows.
fn arguments<'w, 'a>(words: &'w [&'a str]) -> Option<Vec<&'w [&'a str]>> {
    let mut arguments = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let length = match words[at] {
            "(" => {
                let mut depth = 0_usize;
                let end = words[at..].iter().position(|word| {
                    depth = match *word {
                        "(" => depth + 1,
                        ")" => depth.saturating_sub(1),
                        _ => depth,
                    };
                    depth == 0
                });
                end? + 1
            }
            ")" | "|" => return None,
            _ => 1,
        };
        arguments.push(&words[at..at + length]);
        at += length;
    }
    Some(arguments)
}

/// Whether the first parenthesis is closed by the last word.
fn closes_at_end(words: &[&str]) -> bool {
    arguments(words).is_some_and(|arguments| arguments.len() == 1)
}

fn literal(word: &str) -> Option<String> {
    let quoted = word
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_flag = matches!(word, "true" | "false");
    quoted
        .map(str::to_owned)
        .or_else(|| (is_number || is_flag).then(|| word.to_owned()))
}

/// Returns the name of a term: `$.Values.a` is `.Values.a`, and `.a` inside of a `with` or `range` is
/// another term than outside.
fn term(text: &str, scope: &str) -> String {
    match text.strip_prefix('$') {
        Some(rest) if rest.starts_with('.') => rest.to_owned(),
        _ if text.contains('.') => format!("{scope}{text}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, assumptions: &[(&str, Assumed)]) -> bool {
        let assumptions = assumptions
            .iter()
            .map(|(term, assumed)| ((*term).to_owned(), assumed.clone()))
            .collect();
        Condition::of(condition, "").holds(&assumptions)
    }

    #[test]
    fn conditions_are_decided() {
        let a = |assumed| [(".Values.a", assumed)];
        assert!(holds(".Values.a", &[]) && holds("$.Values.a", &a(Assumed::Set)));
        assert!(!holds("not .Values.a", &[]) && holds("not (.Values.a)", &a(Assumed::Empty)));
        assert!(holds("and .Values.a (or .Values.b .Values.c)", &[]));
        assert!(!holds("and .Values.b .Values.a", &a(Assumed::Empty)));
        assert!(holds("or .Values.b .Values.a", &a(Assumed::Empty)));
        let literal = || a(Assumed::Literal("x y".into()));
        assert!(holds("eq .Values.a \"x y\"", &literal()));
        assert!(!holds("ne .Values.a \"x y\"", &literal()));
        assert!(!holds("eq .Values.a \"z\"", &literal()) && holds(".Values.a", &literal()));
        // Unknown functions are terms.
        assert!(holds("hasKey .Values \"a\"", &[]));
        let default = ".Values.a | default true";
        assert!(!holds(default, &[(default, Assumed::Empty)]));
    }

    #[test]
    fn conditions_are_solved() {
        let solved =
            |condition: &str, given: &Assumptions| Condition::of(condition, "").solve(given);
        let empty = Assumptions::new();
        for condition in [
            "not .Values.a",
            "and .Values.a (not .Values.b)",
            "and (eq .Values.a \"x\") (ne .Values.b \"y\")",
            "or (and .Values.a .Values.b) (not (or .Values.a .Values.b))",
        ] {
            let assumptions = solved(condition, &empty).unwrap();
            assert!(
                Condition::of(condition, "").holds(&assumptions),
                "{condition}"
            );
        }
        assert_eq!(solved("and .Values.a (not .Values.a)", &empty), None);
        let set = solved(".Values.a", &empty).unwrap();
        assert_eq!(solved("not .Values.a", &set), None);
    }

    #[test]
    fn deep_conditions_are_terms() {
        for deep in ["(".repeat(200_000), "not (".repeat(200_000)] {
            assert_eq!(Condition::of(&deep, ""), Condition::IsSet(deep.clone()));
        }
    }

    #[test]
    fn a_dot_inside_of_a_range_is_another_value() {
        let inside = Condition::of(".enabled", "7");
        assert_ne!(inside, Condition::of(".enabled", ""));
        assert_eq!(
            Condition::of("$.Values.a", "7"),
            Condition::of(".Values.a", "")
        );
    }
}

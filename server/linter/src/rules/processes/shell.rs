//! What containers are told to run: `command`, `args` and lifecycle hooks, as far as a glance at a shell script goes.
//!
//! It reads words and what stands between them, not the language. Where that is not enough it gives nothing: what rules make
//! of it are hints.

use crate::rules::security_context::token;
use kubernetes::Container;
use yaml::Node;

/// One program that a container is told to run, with its arguments or as a shell script.
pub(crate) struct Invocation<'y> {
    /// The items of `command`, then those of `args`.
    items: Vec<Node<'y>>,
}

/// A part of a script: what runs as one command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command<'y> {
    pub(crate) words: Vec<&'y str>,
    /// Whether the shell goes on while it runs.
    pub(crate) in_background: bool,
}

/// What starts a container: its entry point, if the manifest names one.
pub(crate) fn entry_point<'y>(container: &Container<'y>) -> Option<Invocation<'y>> {
    invocation(&[container.lookup("command"), container.lookup("args")])
}

/// What its lifecycle hooks run.
pub(crate) fn hooks<'y>(container: &Container<'y>) -> impl Iterator<Item = Invocation<'y>> {
    let hook = |name| invocation(&[container.lookup(&format!("lifecycle.{name}.exec.command"))]);
    ["postStart", "preStop"].into_iter().filter_map(hook)
}

fn invocation<'y>(lists: &[Option<Node<'y>>]) -> Option<Invocation<'y>> {
    let items: Vec<Node<'y>> = lists
        .iter()
        .flatten()
        .flat_map(|list| list.items())
        .collect();
    (!items.is_empty()).then_some(Invocation { items })
}

impl<'y> Invocation<'y> {
    /// The commands it consists of, and where they are written.
    pub(crate) fn commands(&self) -> Option<(Vec<Command<'y>>, Node<'y>)> {
        let words = || self.items.iter().filter_map(|item| item.as_str());
        if !words().next().is_some_and(is_shell) {
            let command = Command {
                words: words().collect(),
                in_background: false,
            };
            return Some((vec![command], token(*self.items.first()?)));
        }
        let flag = words().position(|word| word.starts_with('-') && word.ends_with('c'))?;
        let script = *self.items.get(flag + 1)?;
        Some((commands(script.as_str()?), token(script)))
    }
}

impl<'y> Command<'y> {
    /// The program, without its folder, and its arguments; what stands before it in a shell is left out.
    pub(crate) fn program(&self) -> Option<(&'y str, &[&'y str])> {
        const BEFORE: [&str; 12] = [
            "exec", "sudo", "env", "nohup", "time", "then", "do", "else", "if", "while", "!", "{",
        ];
        let is_before = |word: &&str| BEFORE.contains(word) || word.contains('=');
        let start = self.words.iter().position(|word| !is_before(word))?;
        let (program, arguments) = self.words[start..].split_first()?;
        Some((program.rsplit('/').next().unwrap_or(program), arguments))
    }
}

fn is_shell(program: &str) -> bool {
    const SHELLS: [&str; 5] = ["sh", "bash", "ash", "dash", "zsh"];
    SHELLS.contains(&program.rsplit('/').next().unwrap_or(program))
}

/// The commands of a script. One that holds a text of its own (`<<`) is not looked into.
fn commands(script: &str) -> Vec<Command<'_>> {
    if script.contains("<<") {
        return Vec::new();
    }
    let mut commands = Vec::new();
    let mut start = 0;
    let mut quote = None;
    let mut characters = script.char_indices().peekable();
    let mut before = '\n';
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|&(_, next)| next);
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '#') if before.is_whitespace() => {
                add(&mut commands, &script[start..at], false);
                let rest = &script[at..];
                start = at + rest.find('\n').unwrap_or(rest.len());
                while characters.next_if(|&(next, _)| next < start).is_some() {}
            }
            (None, '&') if before == '>' || before == '<' || next == Some('>') => {}
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => {
                let in_background =
                    character == '&' && before != '&' && before != '|' && next != Some('&');
                add(&mut commands, &script[start..at], in_background);
                start = at + 1;
            }
            (None, _) => {}
        }
        before = character;
    }
    add(&mut commands, &script[start..], false);
    commands
}

fn add<'y>(commands: &mut Vec<Command<'y>>, text: &'y str, in_background: bool) {
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| *word != "\\")
        .collect();
    if !words.is_empty() {
        commands.push(Command {
            words,
            in_background,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_fall_into_commands() {
        let read = |script| -> Vec<String> {
            let mark = |command: &Command<'_>| if command.in_background { " &" } else { "" };
            commands(script)
                .iter()
                .map(|command| command.words.join(" ") + mark(command))
                .collect()
        };
        assert_eq!(read("a b & c && d; e | f"), ["a b &", "c", "d", "e", "f"]);
        assert_eq!(
            read("a > log 2>&1 &\nb &> log"),
            ["a > log 2>&1 &", "b &> log"]
        );
        assert_eq!(read("echo 'x & y' # and & more\nb"), ["echo 'x & y'", "b"]);
        assert_eq!(read("cat <<EOF\na & b\nEOF"), [""; 0]);
        assert_eq!(read("ä & 'ü"), ["ä &", "'ü"]);
    }

    #[test]
    fn a_program_is_found_behind_what_stands_before_it() {
        let program = |text: &'static str| {
            let words = text.split(' ').collect();
            Command {
                words,
                in_background: false,
            }
            .program()
            .map(|(program, _)| program)
        };
        assert_eq!(program("then LANG=C exec /usr/sbin/sshd -D"), Some("sshd"));
        assert_eq!(program("A=b"), None);
    }
}

//! The commands that containers run: `command`, `args`, lifecycle hooks, and simple shell scripts
//! in them.
//!
//! It splits a script into words and commands without parsing the shell language, and returns
//! nothing for scripts that need more.

use crate::rules::security_context::token;
use kubernetes::Container;
use yaml::Node;

/// A program that a container runs, with its arguments or as a shell script.
pub(crate) struct Invocation<'y> {
    /// The items of `command`, then those of `args`.
    items: Vec<Node<'y>>,
}

/// One command of a script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command<'y> {
    pub(crate) words: Vec<&'y str>,
    /// Whether the shell continues while it runs.
    pub(crate) in_background: bool,
}

/// Returns the entry point of a container, if the manifest sets one.
pub(crate) fn entry_point<'y>(container: &Container<'y>) -> Option<Invocation<'y>> {
    invocation(&[container.lookup("command"), container.lookup("args")])
}

/// Returns the commands of its lifecycle hooks.
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
    /// Returns its commands, with the node that contains them.
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
    /// Returns the program, without its directory and without prefixes such as `exec`, and its
    /// arguments.
    pub(crate) fn program(&self) -> Option<(&'y str, &[&'y str])> {
        const PREFIXES: [&str; 12] = [
            "exec", "sudo", "env", "nohup", "time", "then", "do", "else", "if", "while", "!", "{",
        ];
        let is_prefix = |word: &&str| PREFIXES.contains(word) || word.contains('=');
        let start = self.words.iter().position(|word| !is_prefix(word))?;
        let (program, arguments) = self.words[start..].split_first()?;
        Some((program.rsplit('/').next().unwrap_or(program), arguments))
    }
}

fn is_shell(program: &str) -> bool {
    const SHELLS: [&str; 5] = ["sh", "bash", "ash", "dash", "zsh"];
    SHELLS.contains(&program.rsplit('/').next().unwrap_or(program))
}

/// Splits a script into commands. Returns none for scripts with here-documents (`<<`).
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
                push_command(&mut commands, &script[start..at], false);
                let rest = &script[at..];
                start = at + rest.find('\n').unwrap_or(rest.len());
                while characters.next_if(|&(next, _)| next < start).is_some() {}
            }
            (None, '&') if before == '>' || before == '<' || next == Some('>') => {}
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => {
                let in_background =
                    character == '&' && before != '&' && before != '|' && next != Some('&');
                push_command(&mut commands, &script[start..at], in_background);
                start = at + 1;
            }
            (None, _) => {}
        }
        before = character;
    }
    push_command(&mut commands, &script[start..], false);
    commands
}

fn push_command<'y>(commands: &mut Vec<Command<'y>>, text: &'y str, in_background: bool) {
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
    fn scripts_are_split_into_commands() {
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
    fn program_follows_its_prefixes() {
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

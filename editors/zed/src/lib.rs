//! kubeharden in Zed: tells Zed how to start the server, and hands it the user's settings.
//!
//! Knows where the program may be. Must not know what it does. Promise: nothing is downloaded; a program that is not there is
//! told of in words for a person.

use zed_extension_api::settings::LspSettings;
use zed_extension_api::{Command, Extension, LanguageServerId, Result, Worktree, serde_json::Value};

struct Kubeharden;

impl Extension for Kubeharden {
    fn new() -> Self {
        Kubeharden
    }

    /// The program that `lsp.kubeharden.binary` names, else the one on the PATH of the project's shell.
    fn language_server_command(&mut self, server: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let binary = LspSettings::for_worktree(server.as_ref(), worktree)?.binary;
        let (path, arguments, variables) = binary.map_or((None, None, None), |it| (it.path, it.arguments, it.env));
        let command = path
            .or_else(|| worktree.which("kubeharden"))
            .ok_or("kubeharden is not on the PATH: install it, or name it in settings.json as lsp.kubeharden.binary.path")?;
        let mut env = worktree.shell_env();
        env.extend(variables.unwrap_or_default());
        Ok(Command { command, args: arguments.unwrap_or_else(|| vec!["server".to_owned()]), env })
    }

    fn language_server_initialization_options(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        Ok(LspSettings::for_worktree(server.as_ref(), worktree)?.initialization_options)
    }

    /// The answer to the server's question for its section, so that `lsp.kubeharden.settings` counts without a restart.
    fn language_server_workspace_configuration(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        let settings = LspSettings::for_worktree(server.as_ref(), worktree)?.settings;
        Ok(settings.map(|settings| zed_extension_api::serde_json::json!({ "kubeharden": settings })))
    }
}

zed_extension_api::register_extension!(Kubeharden);

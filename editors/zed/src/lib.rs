//! The Zed extension: finds the kubeharden binary, starts the server, and passes the user's settings to it.
//!
//! The extension downloads nothing. If there is no binary, the error says how to install or configure one.

use zed_extension_api::settings::LspSettings;
use zed_extension_api::{
    Command, Extension, LanguageServerId, Result, Worktree, serde_json::Value,
};

struct Kubeharden;

impl Extension for Kubeharden {
    fn new() -> Self {
        Kubeharden
    }

    /// Returns the command from `lsp.kubeharden.binary`, or else `kubeharden` on the PATH of the project's shell.
    fn language_server_command(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Command> {
        let binary = LspSettings::for_worktree(server.as_ref(), worktree)?.binary;
        let (path, arguments, variables) =
            binary.map_or((None, None, None), |it| (it.path, it.arguments, it.env));
        let command = path
            .or_else(|| worktree.which("kubeharden"))
            .ok_or("kubeharden was not found. Install it, or set lsp.kubeharden.binary.path in settings.json")?;
        let mut env = worktree.shell_env();
        env.extend(variables.unwrap_or_default());
        Ok(Command {
            command,
            args: arguments.unwrap_or_else(|| vec!["server".to_owned()]),
            env,
        })
    }

    fn language_server_initialization_options(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        Ok(LspSettings::for_worktree(server.as_ref(), worktree)?.initialization_options)
    }

    /// Returns the response to the server's `workspace/configuration` request: changes of `lsp.kubeharden.settings` apply without a
    /// restart.
    fn language_server_workspace_configuration(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        let settings = LspSettings::for_worktree(server.as_ref(), worktree)?.settings;
        Ok(settings
            .map(|settings| zed_extension_api::serde_json::json!({ "kubeharden": settings })))
    }
}

zed_extension_api::register_extension!(Kubeharden);

// The VS Code extension: starts the server for YAML files and registers the commands. The server finds and fixes everything, so that
// all editors show the same.

import * as vscode from "vscode";
import { showDebugInformation } from "./debug";
import { explain } from "./explain";
import { fixAll, harden } from "./fixes";
import { showIgnored } from "./ignores";
import { Pages, SCHEME } from "./pages";
import { Session, message } from "./session";
import { StatusItems } from "./status";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("kubeharden", { log: true });
  const current = new Session(context, log);
  session = current;
  const items = new StatusItems(current);
  const pages = new Pages(current);
  const command = (name: string, run: (...args: unknown[]) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`kubeharden.${name}`, async (...args: unknown[]) => {
      try {
        await run(...args);
      } catch (error) {
        log.error(`${name}: ${message(error)}`);
        await vscode.window.showErrorMessage(`kubeharden: ${message(error)}`);
      }
    });
  context.subscriptions.push(
    log,
    current,
    items,
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, pages),
    command("restart", () => current.restart()),
    command("showLogs", async () => log.show()),
    command("debugInformation", () => showDebugInformation(context, current, items)),
    command("fixAll", () => fixAll(current, items)),
    command("harden", () => harden(current, items)),
    command("explainRule", (id) => explain(pages, id)),
    command("openSample", () => openSample(context)),
    // Not in the command palette: for links, buttons and actions.
    command("showIgnored", (title, uri, edit) => showIgnored(title as string, uri as vscode.Uri, edit as vscode.TextEdit)),
    command("openSettings", (query) => openSettings(typeof query === "string" ? query : "kubeharden.profile")),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (["enable", "server"].some((name) => change.affectsConfiguration(`kubeharden.${name}`))) {
        void current.restart();
      }
    }),
  );
  void vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "Starting kubeharden" }, () => current.restart());
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}

/** Opens the settings. In a remote window, the settings of the server are those of the remote machine. */
async function openSettings(query: string): Promise<void> {
  const isRemote = vscode.env.remoteName !== undefined && query.startsWith("kubeharden.server");
  await vscode.commands.executeCommand(`workbench.action.${isRemote ? "openRemoteSettings" : "openSettings"}`, { query });
}

/** Opens a copy of the insecure sample as an untitled document. */
async function openSample(context: vscode.ExtensionContext): Promise<void> {
  const sample = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(context.extensionUri, "media", "sample.yaml"));
  const content = new TextDecoder().decode(sample);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "yaml", content }));
}

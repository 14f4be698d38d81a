// kubeharden in VS Code: starts the server for YAML files and gives its words a place in the editor. What is found and what is
// mended is the server's business, so that every editor shows the same.

import * as vscode from "vscode";
import { showDebugInformation } from "./debug";
import { explain } from "./explain";
import { fixAll, harden } from "./fixes";
import { Pages, SCHEME } from "./pages";
import { Session, message } from "./session";
import { StatusItems } from "./status";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("kubeharden", { log: true });
  const running = new Session(context, log);
  session = running;
  const items = new StatusItems(running);
  const pages = new Pages(running);
  const command = (name: string, run: (...given: unknown[]) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`kubeharden.${name}`, async (...given: unknown[]) => {
      try {
        await run(...given);
      } catch (error) {
        log.error(`${name}: ${message(error)}`);
        await vscode.window.showErrorMessage(`kubeharden: ${message(error)}`);
      }
    });
  context.subscriptions.push(
    log,
    running,
    items,
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, pages),
    command("restart", () => running.restart()),
    command("showLogs", async () => log.show()),
    command("debugInformation", () => showDebugInformation(context, running, items)),
    command("fixAll", () => fixAll(running)),
    command("harden", () => harden(running)),
    command("explainRule", (id) => explain(pages, id)),
    command("openSample", () => openSample(context)),
    // Not in the palette: for links.
    command("openSettings", (query) => openSettings(typeof query === "string" ? query : "kubeharden.profile")),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (["enable", "server"].some((name) => change.affectsConfiguration(`kubeharden.${name}`))) {
        void running.restart();
      }
    }),
  );
  void vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "kubeharden: starting" }, () => running.restart());
}

export async function deactivate(): Promise<void> {
  await session?.end();
}

/** Where the server runs on another machine, the settings of that machine are where its path can be set. */
async function openSettings(query: string): Promise<void> {
  const isRemote = vscode.env.remoteName !== undefined && query.startsWith("kubeharden.server");
  await vscode.commands.executeCommand(`workbench.action.${isRemote ? "openRemoteSettings" : "openSettings"}`, { query });
}

/** A manifest to try things on, that belongs to nobody and is in nobody's way. */
async function openSample(context: vscode.ExtensionContext): Promise<void> {
  const sample = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(context.extensionUri, "media", "sample.yaml"));
  const content = new TextDecoder().decode(sample);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "yaml", content }));
}

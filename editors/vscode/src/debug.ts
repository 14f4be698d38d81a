// Collects the information for a bug report in a document that the user can review before sharing it.

import * as os from "node:os";
import * as vscode from "vscode";
import { SELECTOR, type Session } from "./session";
import type { StatusItems } from "./status";

export async function showDebugInformation(context: vscode.ExtensionContext, session: Session, items: StatusItems): Promise<void> {
  const { state } = session;
  const server =
    state.kind === "running"
      ? {
          state: state.kind,
          path: state.binary.path,
          origin: state.binary.origin,
          version: state.binary.version,
          capabilities: state.client.initializeResult?.capabilities,
        }
      : state;
  const documents = vscode.workspace.textDocuments.filter((document) => vscode.languages.match(SELECTOR, document) > 0);
  const information = {
    extension: context.extension.packageJSON.version as string,
    editor: `${vscode.env.appName} ${vscode.version}${vscode.env.remoteName === undefined ? "" : `, remote: ${vscode.env.remoteName}`}`,
    system: `${os.type()} ${os.release()}, ${process.platform}-${process.arch}, node ${process.versions.node}`,
    trusted: vscode.workspace.isTrusted,
    server,
    settings: vscode.workspace.getConfiguration("kubeharden"),
    documents: documents.map((document) => ({
      uri: document.uri.toString(),
      version: document.version,
      lines: document.lineCount,
      lineEnd: document.eol === vscode.EndOfLine.CRLF ? "CRLF" : "LF",
      diagnostics: vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === "kubeharden").length,
      status: items.of(document),
    })),
  };
  const content = `${JSON.stringify(information, null, 2)}\n`;
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "json", content }));
}

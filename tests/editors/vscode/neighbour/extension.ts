// Replaces redhat.vscode-yaml: starts yaml-language-server for YAML files.

import * as vscode from "vscode";
import { LanguageClient, TransportKind } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(): Promise<void> {
  const module = vscode.workspace.getConfiguration("neighbour").get("server", "");
  if (module === "") {
    return;
  }
  const documentSelector = [{ scheme: "file", language: "yaml" }];
  client = new LanguageClient("yaml", "YAML", { module, transport: TransportKind.ipc }, { documentSelector });
  await client.start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

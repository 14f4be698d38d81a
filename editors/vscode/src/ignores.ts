// The message after an action of the menu has added an exception to `.kubeharden.yaml`, a file that the user may not see.

import * as vscode from "vscode";

/** Adds a command to an action that edits another file than the document. VS Code runs the command after the edit. */
export function announceIgnore(action: vscode.Command | vscode.CodeAction, document: vscode.TextDocument): void {
  if (!(action instanceof vscode.CodeAction)) {
    return;
  }
  for (const [uri, [edit]] of action.edit?.entries() ?? []) {
    if (edit !== undefined && uri.toString() !== document.uri.toString()) {
      action.command = { command: "kubeharden.showIgnored", title: action.title, arguments: [action.title, uri, edit] };
    }
  }
}

/** Says what an action has ignored, and offers to open the file that it edited. */
export async function showIgnored(title: string, uri: vscode.Uri, edit: vscode.TextEdit): Promise<void> {
  const openFile = "Open File";
  const message = `${title.replace(/^Ignore /, "Ignored ")}.`;
  if ((await vscode.window.showInformationMessage(message, openFile)) === openFile) {
    await vscode.window.showTextDocument(uri, { selection: insertedRange(edit) });
  }
}

/** Returns the range of the inserted text after the edit. */
function insertedRange({ range: { start }, newText }: vscode.TextEdit): vscode.Range {
  const lines = newText.split(/\r\n|\r|\n/);
  const last = lines.at(-1) ?? "";
  const end = lines.length === 1 ? start.translate(0, last.length) : new vscode.Position(start.line + lines.length - 1, last.length);
  return new vscode.Range(start, end);
}

// Choosing the rule to explain: those found where the cursor is come first.

import * as vscode from "vscode";
import type { Pages, Rule } from "./pages";

export async function explain(pages: Pages, id: unknown): Promise<void> {
  const chosen = typeof id === "string" ? id : await choose(await pages.rules());
  if (chosen !== undefined) {
    await pages.show(chosen);
  }
}

async function choose(rules: readonly Rule[]): Promise<string | undefined> {
  const here = new Set(rulesAtCursor());
  const item = ({ id, profile, severity, off }: Rule): vscode.QuickPickItem => ({
    label: id,
    description: `${off ? "off" : profile}, ${severity}`,
  });
  const heading = (label: string): vscode.QuickPickItem => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const found = rules.filter(({ id }) => here.has(id)).map(item);
  const others = rules.filter(({ id }) => !here.has(id)).map(item);
  const items = found.length === 0 ? others : [heading("at the cursor"), ...found, heading("all rules"), ...others];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: "Which rule?", matchOnDescription: true });
  return picked?.label;
}

function rulesAtCursor(): string[] {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return [];
  }
  const { line } = editor.selection.active;
  return vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter(({ source, range }) => source === "kubeharden" && range.start.line <= line && line <= range.end.line)
    .map(({ code }) => String(typeof code === "object" ? code.value : code));
}

// The command that explains a rule. Without an argument, the user picks a rule; rules with findings at the cursor come first.

import * as vscode from "vscode";
import type { Pages, Rule } from "./pages";

export async function explain(pages: Pages, id: unknown): Promise<void> {
  const rule = typeof id === "string" ? id : await pickRule(await pages.rules());
  if (rule !== undefined) {
    await pages.show(rule);
  }
}

async function pickRule(rules: readonly Rule[]): Promise<string | undefined> {
  const here = new Set(rulesAtCursor());
  const item = ({ id, profile, severity, off }: Rule): vscode.QuickPickItem => ({
    label: id,
    description: `${off ? "off" : profile}, ${severity}`,
  });
  const heading = (label: string): vscode.QuickPickItem => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const found = rules.filter(({ id }) => here.has(id)).map(item);
  const others = rules.filter(({ id }) => !here.has(id)).map(item);
  const items = found.length === 0 ? others : [heading("at the cursor"), ...found, heading("all rules"), ...others];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: "Select a rule", matchOnDescription: true });
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

// The documentation pages of rules. The server binary contains them, so they match its version and work offline.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import type { Session } from "./session";

export const SCHEME = "kubeharden-rule";

export interface Rule {
  readonly id: string;
  readonly profile: string;
  readonly severity: string;
  readonly off: boolean;
}

/** Provides the content of `kubeharden-rule:/ID.md`. */
export class Pages implements vscode.TextDocumentContentProvider {
  constructor(private readonly session: Session) {}

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const id = uri.path.replace(/^\/|\.md$/g, "");
    const { docs, profile, severity } = await this.query<{ docs: string; profile: string; severity: string }>("explain", id);
    return `# ${id}\n\nProfile: ${profile}. Severity: ${severity}.\n\n${docs}`;
  }

  async rules(): Promise<readonly Rule[]> {
    return (await this.query<{ rules: Rule[] }>("rules")).rules;
  }

  async show(id: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${id}.md` });
    // Open the document first, so that an error is thrown here and does not appear in the preview.
    const page = await vscode.workspace.openTextDocument(uri);
    if (vscode.extensions.getExtension("vscode.markdown-language-features") === undefined) {
      await vscode.window.showTextDocument(page, { preview: true, viewColumn: vscode.ViewColumn.Beside });
    } else {
      await vscode.commands.executeCommand("markdown.showPreviewToSide", uri);
    }
  }

  private async query<T>(...command: string[]): Promise<T> {
    const { state } = this.session;
    if (state.kind !== "running") {
      throw new Error("the server is not running");
    }
    const { stdout } = await promisify(execFile)(state.binary.path, [...command, "--output-format", "json"], {
      maxBuffer: 1 << 24,
      windowsHide: true,
    });
    return JSON.parse(stdout) as T;
  }
}

/** The URL of a rule's page, as the server sends it. */
const PAGE_URL = /https:\/\/[^\s)]*\/docs\/rules\/([a-z0-9-]+)\.md/g;

function explainCommand(id: string): vscode.Uri {
  return vscode.Uri.parse(`command:kubeharden.explainRule?${encodeURIComponent(JSON.stringify([id]))}`);
}

/** Replaces the link of a diagnostic with a command that opens the page in the editor. */
export function linkDiagnostic(diagnostic: vscode.Diagnostic): vscode.Diagnostic {
  const { code } = diagnostic;
  if (typeof code === "object" && [...code.target.toString(true).matchAll(PAGE_URL)].length > 0) {
    diagnostic.code = { value: code.value, target: explainCommand(String(code.value)) };
  }
  return diagnostic;
}

/**
 * Replaces the links of a hover with commands that open the pages in the editor, and removes the messages of the given
 * diagnostics, because VS Code shows them above the hover.
 */
export function linkHover(hover: vscode.Hover, diagnostics: readonly vscode.Diagnostic[]): vscode.Hover {
  const messages = new Set(diagnostics.map(({ message }) => message));
  const contents = hover.contents.map((content) => {
    if (!(content instanceof vscode.MarkdownString)) {
      return content;
    }
    const paragraphs = content.value.split("\n\n").filter((paragraph) => !messages.has(paragraph));
    const text = paragraphs.join("\n\n").replace(PAGE_URL, (_, id: string) => explainCommand(id).toString());
    const linked = new vscode.MarkdownString(text);
    linked.isTrusted = { enabledCommands: ["kubeharden.explainRule"] };
    return linked;
  });
  return new vscode.Hover(contents, hover.range);
}

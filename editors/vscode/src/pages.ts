// The pages about rules, out of the server itself: they are those of its version, and need no network.

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

/** Gives the text of `kubeharden-rule:/ID.md`. */
export class Pages implements vscode.TextDocumentContentProvider {
  constructor(private readonly session: Session) {}

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const id = uri.path.replace(/^\/|\.md$/g, "");
    const { docs, profile, severity } = await this.ask<{ docs: string; profile: string; severity: string }>("explain", id);
    return `# ${id}\n\nProfile: ${profile}. Severity: ${severity}.\n\n${docs}`;
  }

  async rules(): Promise<readonly Rule[]> {
    return (await this.ask<{ rules: Rule[] }>("rules")).rules;
  }

  async show(id: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${id}.md` });
    // Opened first, so that what goes wrong is told here and not inside the preview.
    const page = await vscode.workspace.openTextDocument(uri);
    if (vscode.extensions.getExtension("vscode.markdown-language-features") === undefined) {
      await vscode.window.showTextDocument(page, { preview: true, viewColumn: vscode.ViewColumn.Beside });
    } else {
      await vscode.commands.executeCommand("markdown.showPreviewToSide", uri);
    }
  }

  private async ask<T>(...question: string[]): Promise<T> {
    const { state } = this.session;
    if (state.kind !== "running") {
      throw new Error("kubeharden does not run.");
    }
    const { stdout } = await promisify(execFile)(state.binary.path, [...question, "--output-format", "json"], {
      maxBuffer: 1 << 24,
      windowsHide: true,
    });
    return JSON.parse(stdout) as T;
  }
}

/** The address of a rule's page on the network, as the server gives it. */
const ADDRESS = /https:\/\/[^\s)]*\/docs\/rules\/([a-z0-9-]+)\.md/g;

function command(id: string): vscode.Uri {
  return vscode.Uri.parse(`command:kubeharden.explainRule?${encodeURIComponent(JSON.stringify([id]))}`);
}

/** Makes what the server links to open here. */
export const linkPages = {
  ofDiagnostic(diagnostic: vscode.Diagnostic): vscode.Diagnostic {
    const { code } = diagnostic;
    if (typeof code === "object" && [...code.target.toString(true).matchAll(ADDRESS)].length > 0) {
      diagnostic.code = { value: code.value, target: command(String(code.value)) };
    }
    return diagnostic;
  },

  /** Without what the editor shows above it anyway: the messages of the findings at the place. */
  ofHover(hover: vscode.Hover, shown: readonly vscode.Diagnostic[]): vscode.Hover {
    const contents = hover.contents.map((content) => {
      if (!(content instanceof vscode.MarkdownString)) {
        return content;
      }
      const messages = new Set(shown.map(({ message }) => message));
      const paragraphs = content.value.split("\n\n").filter((paragraph) => !messages.has(paragraph));
      const text = paragraphs.join("\n\n").replace(ADDRESS, (_, id: string) => command(id).toString());
      const linked = new vscode.MarkdownString(text);
      linked.isTrusted = { enabledCommands: ["kubeharden.explainRule"] };
      return linked;
    });
    return hover.range === undefined ? new vscode.Hover(contents) : new vscode.Hover(contents, hover.range);
  },
};

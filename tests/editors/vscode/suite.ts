// Runs in the extension host, started by `host.test.ts`.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

/** The parameters that `host.test.ts` writes into the folder. */
interface Parameters {
  readonly server: string;
}

/** Only failing checks wait this long. */
const TIMEOUT_MS = 60_000;

export async function run(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? assert.fail("no folder");
  const { server } = JSON.parse(readFileSync(path.join(folder, "parameters.json"), "utf8")) as Parameters;
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.ya?ml$/.test(name)).sort();
  assert.ok(names.length > 25, `${names.length} files`);
  await checkFieldHelp();
  let [findings, changed] = [0, 0];
  for (const name of names) {
    const file = path.join(folder, name);
    const bytes = readFileSync(file);
    const document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
    const expected = findingsOf(server, file);
    await until(`the findings of ${name}`, () => same(shown(document), expected));
    findings += expected.length;

    await vscode.commands.executeCommand("kubeharden.fixAll");
    const fixed = execFileSync(server, ["fix", "--quiet", "--no-config", "--allow-empty", "-"], { input: bytes, encoding: "utf8" });
    assert.equal(document.getText(), withoutBom(fixed), `${name}, fixed`);
    if (document.isDirty) {
      changed += 1;
      await save(document);
      assert.equal(readFileSync(file, "utf8"), fixed, `${name}, saved`);
      while (document.getText() !== withoutBom(bytes.toString("utf8"))) {
        const { version } = document;
        await vscode.commands.executeCommand("undo");
        assert.notEqual(document.version, version, `${name}: undo restores the original text`);
      }
      await save(document);
      assert.ok(readFileSync(file).equals(bytes), `${name}: undo restores every byte`);
    }
    await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
  }
  console.log(`${names.length} files, ${findings} findings, ${changed} fixed and restored`);
}

const POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  securityContext:\n    runAsNonRoot: true\n  containers:\n    - name: web\n      image: a:1\n      securityContext:\n        allowP\n";

/** Checks completion, the optional features that settings enable and disable, and the command of a code lens. */
async function checkFieldHelp(): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "yaml", content: POD });
  await vscode.window.showTextDocument(document);
  const position = document.positionAt(POD.length - 1);
  const field = await eventually("the field", async () => {
    const { items } = await provided<vscode.CompletionList>("executeCompletionItemProvider", document, position);
    return items.find(({ detail }) => detail?.startsWith("restricted requires false") === true);
  });
  assert.equal(field.label, "allowPrivilegeEscalation");
  assert.equal(document.getText(field.range instanceof vscode.Range ? field.range : field.range?.replacing), "allowP");

  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(document.positionAt(POD.indexOf("      securityContext")), position), "");
  assert.ok(await vscode.workspace.applyEdit(edit));
  const whole = new vscode.Range(0, 0, document.lineCount, 0);
  const lenses = (): Promise<vscode.CodeLens[]> => provided("executeCodeLensProvider", document, 9);
  const hints = (): Promise<vscode.InlayHint[]> => provided("executeInlayHintProvider", document, whole);
  const symbols = async (): Promise<vscode.DocumentSymbol[]> => (await provided<vscode.DocumentSymbol[] | undefined>("executeDocumentSymbolProvider", document)) ?? [];
  assert.deepEqual([await lenses(), await hints(), await symbols()], [[], [], []]);

  await enableFeatures(true);
  const shown = await eventually("the lenses", async () => nonEmpty(await lenses()));
  // The order of resolved and unresolved lenses is not fixed.
  const titles = shown.map(({ command }) => command?.title).sort();
  assert.deepEqual(titles, ["Harden (may break some images)", "Pod Security: baseline; restricted needs 3 settings"]);
  const harden = shown.find(({ command }) => command?.command === "kubeharden.hardenObject");
  const [hint] = await eventually("the hints", async () => nonEmpty(await hints()));
  assert.equal(hint?.label, "from the pod: runAsNonRoot: true");
  const [pod] = await eventually("the outline", async () => nonEmpty(await symbols()));
  assert.deepEqual([pod?.name, pod?.children.map(({ name }) => name)], ["Pod web", ["web"]]);

  await vscode.commands.executeCommand(harden?.command?.command ?? "", ...(harden?.command?.arguments ?? []));
  await eventually("the lens of the hardened pod", async () => {
    // The request fails if it resolves a lens of the previous text; the next attempt succeeds.
    const now = await lenses().catch(() => []);
    return now.find(({ command }) => command?.title === "Pod Security: restricted");
  });
  assert.match(document.getText(), /allowPrivilegeEscalation: false/);

  await enableFeatures(undefined);
  await eventually("no results", async () => ((await lenses()).length + (await hints()).length + (await symbols()).length === 0 ? true : undefined));
  await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
}

async function enableFeatures(on: true | undefined): Promise<void> {
  for (const name of ["codeLens", "inlayHints", "documentSymbols"]) {
    await vscode.workspace.getConfiguration("kubeharden").update(name, on, vscode.ConfigurationTarget.Global);
  }
}

async function provided<T>(command: string, document: vscode.TextDocument, ...args: unknown[]): Promise<T> {
  return vscode.commands.executeCommand<T>(`vscode.${command}`, document.uri, ...args);
}

function nonEmpty<T>(all: readonly T[]): readonly T[] | undefined {
  return all.length > 0 ? all : undefined;
}

/** Calls a function until it returns a value. VS Code has no event for changes of registered features. */
async function eventually<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  let timedOut = false;
  const timeout = setTimeout(() => (timedOut = true), TIMEOUT_MS);
  try {
    while (!timedOut) {
      const value = await probe();
      if (value !== undefined) {
        return value;
      }
    }
    throw new Error(`timed out waiting for ${what}`);
  } finally {
    clearTimeout(timeout);
  }
}

/** Saves a document. VS Code sometimes refuses to save right after an edit, so retry. */
async function save(document: vscode.TextDocument): Promise<void> {
  for (let attempt = 1; document.isDirty || attempt === 1; attempt++) {
    assert.ok(attempt <= 5, `${document.fileName} cannot be saved`);
    if (!(await document.save())) {
      console.log(`${document.fileName}: attempt ${attempt} to save failed`);
    }
  }
}

type Shown = readonly [code: string, message: string, line: number, column: number, endLine: number, endColumn: number];

/** Returns the findings of the command line, sorted. Lines and columns start at 1, columns count characters. */
function findingsOf(server: string, file: string): Shown[] {
  const options = ["check", "--output-format", "json", "--no-config", "--exit-zero", file];
  const { findings } = JSON.parse(execFileSync(server, options, { encoding: "utf8", maxBuffer: 1 << 26 })) as {
    findings: { rule: string; message: string; line: number; column: number; endLine: number; endColumn: number }[];
  };
  return sorted(findings.map((one) => [one.rule, one.message, one.line, one.column, one.endLine, one.endColumn]));
}

/** Returns the findings in the editor, in the same units. */
function shown(document: vscode.TextDocument): Shown[] {
  const characters = ({ line, character }: vscode.Position): number => [...document.lineAt(line).text.slice(0, character)].length + 1;
  const ours = vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === "kubeharden");
  return sorted(
    ours.map(({ code, message, range: { start, end } }) => {
      const name = String(typeof code === "object" ? code.value : code);
      return [name, message, start.line + 1, characters(start), end.line + 1, characters(end)];
    }),
  );
}

function sorted(all: Shown[]): Shown[] {
  return all.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** VS Code removes the byte order mark from the text of a document. */
function withoutBom(text: string): string {
  return text.replace(/^\ufeff/, "");
}

/** Waits for a condition that depends on diagnostics. */
async function until(what: string, holds: () => boolean): Promise<void> {
  let timeout: NodeJS.Timeout | undefined;
  let subscription: vscode.Disposable | undefined;
  await new Promise<void>((done, failed) => {
    const check = (): void => {
      if (holds()) {
        done();
      }
    };
    subscription = vscode.languages.onDidChangeDiagnostics(check);
    timeout = setTimeout(() => failed(new Error(`timed out waiting for ${what}`)), TIMEOUT_MS);
    check();
  }).finally(() => {
    clearTimeout(timeout);
    subscription?.dispose();
  });
}

// Runs inside the extension host, on the documents as VS Code has them. `host.test.ts` has it run.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

/** What `host.test.ts` leaves in the folder. */
interface Given {
  readonly server: string;
}

/** In milliseconds; reached only by a check that fails. */
const PATIENCE = 60_000;

export async function run(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? assert.fail("no folder");
  const { server } = JSON.parse(readFileSync(path.join(folder, "given.json"), "utf8")) as Given;
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.ya?ml$/.test(name)).sort();
  assert.ok(names.length > 25, `${names.length} files`);
  await helps();
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
    const fixed = execFileSync(server, ["fix", "--quiet", "--no-config", "-"], { input: bytes, encoding: "utf8" });
    assert.equal(document.getText(), withoutMark(fixed), `${name}, fixed`);
    if (document.isDirty) {
      changed += 1;
      await save(document);
      assert.equal(readFileSync(file, "utf8"), fixed, `${name}, saved`);
      while (document.getText() !== withoutMark(bytes.toString("utf8"))) {
        const { version } = document;
        await vscode.commands.executeCommand("undo");
        assert.notEqual(document.version, version, `${name}: undo leads back to what there was`);
      }
      await save(document);
      assert.ok(readFileSync(file).equals(bytes), `${name}: every byte is back`);
    }
    await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
  }
  console.log(`${names.length} files, ${findings} findings, ${changed} fixed and restored`);
}

const POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  securityContext:\n    runAsNonRoot: true\n  containers:\n    - name: web\n      image: a:1\n      securityContext:\n        allowP\n";

/** Fields are completed; what a person has to ask for comes and goes with its setting, and a lens does what it says. */
async function helps(): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "yaml", content: POD });
  await vscode.window.showTextDocument(document);
  const place = document.positionAt(POD.length - 1);
  const field = await eventually("the field", async () => {
    const { items } = await provided<vscode.CompletionList>("executeCompletionItemProvider", document, place);
    return items.find(({ detail }) => detail?.startsWith("restricted wants false") === true);
  });
  assert.equal(field.label, "allowPrivilegeEscalation");
  assert.equal(document.getText(field.range instanceof vscode.Range ? field.range : field.range?.replacing), "allowP");

  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(document.positionAt(POD.indexOf("      securityContext")), place), "");
  assert.ok(await vscode.workspace.applyEdit(edit));
  const whole = new vscode.Range(0, 0, document.lineCount, 0);
  const lenses = (): Promise<vscode.CodeLens[]> => provided("executeCodeLensProvider", document, 9);
  const hints = (): Promise<vscode.InlayHint[]> => provided("executeInlayHintProvider", document, whole);
  const symbols = async (): Promise<vscode.DocumentSymbol[]> => (await provided<vscode.DocumentSymbol[] | undefined>("executeDocumentSymbolProvider", document)) ?? [];
  assert.deepEqual([await lenses(), await hints(), await symbols()], [[], [], []]);

  await ask(true);
  const shown = await eventually("the lenses", async () => some(await lenses()));
  // What had to be asked for comes last when it is asked for like this.
  const titles = shown.map(({ command }) => command?.title).sort();
  assert.deepEqual(titles, ["Harden (may stop some images)", "Pod Security: baseline; restricted needs 3 settings"]);
  const harden = shown.find(({ command }) => command?.command === "kubeharden.hardenObject");
  const [hint] = await eventually("the hints", async () => some(await hints()));
  assert.equal(hint?.label, "from the pod: runAsNonRoot: true");
  const [pod] = await eventually("the outline", async () => some(await symbols()));
  assert.deepEqual([pod?.name, pod?.children.map(({ name }) => name)], ["Pod web", ["web"]]);

  await vscode.commands.executeCommand(harden?.command?.command ?? "", ...(harden?.command?.arguments ?? []));
  await eventually("the lens of what was hardened", async () => {
    // What is resolved for the text before is called off; the editor asks again, and so does this.
    const now = await lenses().catch(() => []);
    return now.find(({ command }) => command?.title === "Pod Security: restricted");
  });
  assert.match(document.getText(), /allowPrivilegeEscalation: false/);

  await ask(undefined);
  await eventually("silence", async () => ((await lenses()).length + (await hints()).length + (await symbols()).length === 0 ? true : undefined));
  await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
}

async function ask(on: true | undefined): Promise<void> {
  for (const name of ["codeLens", "inlayHints", "documentSymbols"]) {
    await vscode.workspace.getConfiguration("kubeharden").update(name, on, vscode.ConfigurationTarget.Global);
  }
}

async function provided<T>(question: string, document: vscode.TextDocument, ...more: unknown[]): Promise<T> {
  return vscode.commands.executeCommand<T>(`vscode.${question}`, document.uri, ...more);
}

function some<T>(all: readonly T[]): readonly T[] | undefined {
  return all.length > 0 ? all : undefined;
}

/** Asks until there is an answer: no event tells that a server offers more than before. */
async function eventually<T>(what: string, asked: () => Promise<T | undefined>): Promise<T> {
  let isLate = false;
  const late = setTimeout(() => (isLate = true), PATIENCE);
  try {
    while (!isLate) {
      const answer = await asked();
      if (answer !== undefined) {
        return answer;
      }
    }
    throw new Error(`${what}: never there`);
  } finally {
    clearTimeout(late);
  }
}

/** The workbench now and then refuses to save right after an edit; a person would press the key again. */
async function save(document: vscode.TextDocument): Promise<void> {
  for (let tries = 1; document.isDirty || tries === 1; tries++) {
    assert.ok(tries <= 5, `${document.fileName} cannot be saved`);
    if (!(await document.save())) {
      console.log(`${document.fileName}: not saved at the ${tries}. try`);
    }
  }
}

type Shown = readonly [code: string, message: string, line: number, column: number, endLine: number, endColumn: number];

/** As the command line has them, sorted: lines from 1, columns in characters. */
function findingsOf(server: string, file: string): Shown[] {
  const options = ["check", "--output-format", "json", "--no-config", "--exit-zero", file];
  const { findings } = JSON.parse(execFileSync(server, options, { encoding: "utf8", maxBuffer: 1 << 26 })) as {
    findings: { rule: string; message: string; line: number; column: number; endLine: number; endColumn: number }[];
  };
  return sorted(findings.map((one) => [one.rule, one.message, one.line, one.column, one.endLine, one.endColumn]));
}

/** As the editor has them, in the same units. */
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

/** The editor keeps a byte order mark beside the text. */
function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, "");
}

/** Waits for a condition that new diagnostics make true. */
async function until(what: string, holds: () => boolean): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  let subscription: vscode.Disposable | undefined;
  await new Promise<void>((done, failed) => {
    const look = (): void => {
      if (holds()) {
        done();
      }
    };
    subscription = vscode.languages.onDidChangeDiagnostics(look);
    late = setTimeout(() => failed(new Error(`${what}: they never come`)), PATIENCE);
    look();
  }).finally(() => {
    clearTimeout(late);
    subscription?.dispose();
  });
}

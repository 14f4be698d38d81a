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

// Every fixture in the extension host: what is shown is what the command line says, what is fixed is what it fixes, and undo
// brings every byte back.

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { Editor, PATIENCE, SERVER } from "./workbench.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const EXTENSION = process.env["KUBEHARDEN_VSIX"] ?? assert.fail("KUBEHARDEN_VSIX is not set: use tests/editors/run-vscode");
const SUITE = process.env["SUITE"] ?? assert.fail("SUITE is not set: use tests/editors/run-vscode");

let editor: Editor;
before(async () => {
  // The command line tells findings one by one.
  editor = await Editor.start({ extensions: [EXTENSION], suites: true, settings: { "kubeharden.grouping": "rule" } });
});
// With a pattern that leaves nothing of this file to run, nothing was started.
after(() => (editor as Editor | undefined)?.stop());

test("every fixture is shown, fixed and restored as the command line has it", { timeout: 8 * PATIENCE }, async () => {
  const sample = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \u{1f680}\nspec:\n  containers: [{name: \u{1f680}, image: a, securityContext: {privileged: true}}]\n";
  const folder = editor.folder({
    "given.json": JSON.stringify({ server: SERVER }),
    "odd/astral.yaml": sample,
    "odd/crlf.yaml": sample.replaceAll("\n", "\r\n"),
    "odd/mark.yaml": `\ufeff${sample}`,
    "odd/no line break at the end.yaml": sample.trimEnd(),
  });
  cpSync(path.join(ROOT, "fixtures"), path.join(folder, "fixtures"), { recursive: true });
  const { code, log } = await editor.suite(folder, SUITE);
  assert.equal(code, 0, log);
  assert.match(log, /\d+ files, \d{3,} findings, \d+ fixed and restored/);
});

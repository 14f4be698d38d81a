// Runs the extension on every fixture. Findings and fixes must be the same as on the command line, and undo must restore every byte.

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { Editor, TIMEOUT_MS, SERVER } from "./workbench.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const EXTENSION = process.env["KUBEHARDEN_VSIX"] ?? assert.fail("KUBEHARDEN_VSIX is not set: use tests/editors/run-vscode");
const SUITE = process.env["SUITE"] ?? assert.fail("SUITE is not set: use tests/editors/run-vscode");

let editor: Editor;
before(async () => {
  // The command line does not group findings.
  editor = await Editor.start({ extensions: [EXTENSION], suites: true, settings: { "kubeharden.grouping": "rule" } });
});
// `editor` is undefined if the test name pattern excludes all tests of this file.
after(() => (editor as Editor | undefined)?.stop());

test("findings and fixes of all fixtures match the command line", { timeout: 8 * TIMEOUT_MS }, async () => {
  const sample = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \u{1f680}\nspec:\n  containers: [{name: \u{1f680}, image: a, securityContext: {privileged: true}}]\n";
  const folder = editor.folder({
    "parameters.json": JSON.stringify({ server: SERVER }),
    "odd/astral.yaml": sample,
    "odd/crlf.yaml": sample.replaceAll("\n", "\r\n"),
    "odd/bom.yaml": `\ufeff${sample}`,
    "odd/no final newline.yaml": sample.trimEnd(),
  });
  cpSync(path.join(ROOT, "fixtures"), path.join(folder, "fixtures"), { recursive: true });
  const { code, log } = await editor.suite(folder, SUITE);
  assert.equal(code, 0, log);
  assert.match(log, /\d+ files, \d{3,} findings, \d+ fixed and restored/);
});

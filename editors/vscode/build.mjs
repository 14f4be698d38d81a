// Builds dist/: the bundled extension, and the schema of the configuration file.
import { build } from "esbuild";
import { cp } from "node:fs/promises";

await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  conditions: ["node"],
  minify: true,
  legalComments: "eof",
  logLevel: "warning",
});
await cp("../../docs/kubeharden.schema.json", "dist/kubeharden.schema.json");

// Takes the screenshots of the documentation and renders the icon: `tests/editors/run-vscode --pictures`.

import { mkdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { Editor, type Window } from "./workbench.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const MEDIA = path.join(ROOT, "editors/vscode/media");
const DOCS = path.join(ROOT, "docs/pictures");
const EXTENSION = process.env["KUBEHARDEN_VSIX"] ?? "";

const editor = await Editor.start({
  extensions: [EXTENSION],
  settings: { "workbench.activityBar.location": "hidden", "breadcrumbs.enabled": false, "editor.lightbulb.enabled": "on" },
});
try {
  mkdirSync(DOCS, { recursive: true });
  await icon();
  const shop = readFileSync(path.join(MEDIA, "sample.yaml"), "utf8").split("\n").slice(2).join("\n");
  const window = await editor.window(path.join(editor.folder({ "shop/shop.yaml": shop }), "shop"), "shop.yaml");
  await window.page.setViewportSize({ width: 1000, height: 880 });
  await window.squiggle("error", "true", "privileged: true");
  await window.page.keyboard.press("Control+b");
  await window.page.locator(".part.sidebar").waitFor({ state: "hidden" });
  await window.diagnostic("");
  await window.page.locator(".panel .viewpane-filter input, .panel .monaco-inputbox input").first().press("Tab");
  await parkPointer(window);
  await screenshot(window, path.join(DOCS, "vscode-findings.png"));
  await window.closePanel();
  await window.page.setViewportSize({ width: 900, height: 600 });
  await parkPointer(window);
  await screenshot(window, path.join(MEDIA, "walkthrough-open.png"));
  await window.hover("true", "owns the node", "privileged: true");
  await screenshot(window, path.join(MEDIA, "walkthrough-read.png"));
  await window.escape();
  await window.click("web", "- name: web");
  await window.fixes();
  await screenshot(window, path.join(MEDIA, "walkthrough-fix.png"));
  await window.escape();
  await window.page.setViewportSize({ width: 1000, height: 900 });
  await window.command("kubeharden: Harden File (Safe and Unsafe Fixes)");
  await window.line("privileged: false").waitFor();
  await window.status("1 object");
  await parkPointer(window);
  await screenshot(window, path.join(DOCS, "vscode-hardened.png"));
} finally {
  await editor.stop();
}

async function screenshot(window: Window, file: string): Promise<void> {
  await window.page.screenshot({ path: file, caret: "hide", animations: "disabled" });
}

/** Moves the pointer to a place without hovers or highlights. */
async function parkPointer(window: Window): Promise<void> {
  await window.page.mouse.move(500, 300);
  await window.page.locator(".monaco-hover:visible").first().waitFor({ state: "hidden" });
}

async function icon(): Promise<void> {
  const page = await editor.page({ width: 256, height: 256 });
  await page.setContent(`<style>body{margin:0}svg{display:block}</style>${readFileSync(path.join(MEDIA, "icon.svg"), "utf8")}`);
  await page.screenshot({ path: path.join(MEDIA, "icon.png"), omitBackground: true });
  await page.close();
}

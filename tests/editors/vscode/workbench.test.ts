// Tests the extension in a real VS Code workbench.
//
// The tests install the packaged .vsix into a fresh profile. Opening a window takes longer than a test, so tests share windows, but each
// opens its own file.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { Editor, TIMEOUT_MS, SERVER, type Window } from "./workbench.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const EXTENSION = process.env["KUBEHARDEN_VSIX"] ?? assert.fail("KUBEHARDEN_VSIX is not set: use tests/editors/run-vscode");
const NEIGHBOUR = process.env["NEIGHBOUR_VSIX"] ?? assert.fail("NEIGHBOUR_VSIX is not set: use tests/editors/run-vscode");
const YAML_SERVER = path.join(import.meta.dirname, "node_modules/yaml-language-server/out/src/server.js");

const SAMPLE = readFileSync(path.join(ROOT, "editors/vscode/media/sample.yaml"), "utf8");
const SHOP = readFileSync(path.join(ROOT, "fixtures/bad/deployment.yaml"), "utf8");

const CRASHED = "The kubeharden server crashed during startup.";
const PRIVILEGED = 'privileged is true: container "log-shipper" has full access to the node';
const WEB_LACKS = 'container "web" lacks 7 hardening settings: allowPrivilegeEscalation';

let editor: Editor;
before(async () => {
  editor = await Editor.start({ extensions: [EXTENSION, NEIGHBOUR] });
});
// `editor` is undefined if the test name pattern excludes all tests of this file.
after(() => (editor as Editor | undefined)?.stop());

/** Returns a text as fixed by the command line. */
function fixed(text: string, ...options: string[]): string {
  return execFileSync(SERVER, ["fix", "--quiet", "--no-config", ...options, "-"], { input: text, encoding: "utf8" });
}

/** Defines a test on a window. A failing test leaves a screenshot and the logs. */
function on(window: () => Window, name: string, body: (window: Window) => Promise<void>): void {
  test(name, { timeout: 4 * TIMEOUT_MS }, async () => {
    try {
      await body(window());
    } catch (error) {
      await window().picture(`FAILED ${name}`);
      cpSync(editor.logs, path.join(process.env["KUBEHARDEN_PICTURES"] ?? "", `FAILED ${name}.logs`), { recursive: true });
      await window().escape();
      throw error;
    }
  });
}

describe("a manifest", () => {
  let window: Window;
  const files = {
    "sample.yaml": SAMPLE,
    "fix.yaml": SAMPLE,
    "all.yaml": SHOP,
    "harden.yaml": SHOP,
    "typed.yaml": SAMPLE,
    "crlf.yaml": SAMPLE.replaceAll("\n", "\r\n").replace("# A web shop", "# \u{1f6d2} A web shop"),
    "chart/templates/web.yaml": SAMPLE.replace("registry.example.com/shop/web:1.4", "{{ .Values.image }}"),
    "clean.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n",
    "unsafe.yaml": fixed(SHOP),
    "hardened.yaml": fixed(SHOP, "--unsafe-fixes"),
    "values.yaml": "services:\n  web:\n    image: nginx\n    privileged: true\n",
  };
  before(async () => {
    window = await editor.window(editor.folder(files), "sample.yaml");
  });
  after(() => window.close());

  on(() => window, "squiggles mark the exact words", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.squiggle("warning", "web", "- name: web");
    await window.squiggle("info", "securityContext");
    await window.squiggle("warning", "spec", "    spec:");
    await window.picture("1 squiggles");
  });

  on(() => window, "the Problems panel groups missing settings", async () => {
    await window.diagnostic(PRIVILEGED);
    await window.diagnostics();
    await window.diagnosticCount(4);
    await window.picture("2 problems panel");
    // Each finding of the command line is in the panel: as a diagnostic, or as related information of a group.
    const all = findings(path.join(window.folder, "sample.yaml"));
    assert.ok(all.length > 10, `${all.length} findings`);
    for (const { message } of all) {
      await window.diagnostic(message);
    }
    await window.closePanel();
  });

  on(() => window, "the hover explains the rule and opens its page", async () => {
    const hover = await window.hover("true", "owns the node", "privileged: true");
    const text = await hover.innerText();
    assert.equal(text.split(PRIVILEGED).length, 2, `the message appears once: ${text}`);
    await window.picture("3 hover");
    await hover.locator("a", { hasText: "More about privileged-container" }).click();
    await window.tab("Preview privileged-container.md");
    const page = window.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    await page.locator("h2", { hasText: "When not to follow it" }).waitFor();
    await window.picture("4 page of a rule");
    await window.command("View: Close Other Editors in Group");
    await window.command("View: Close All Editors");
  });

  on(() => window, "the menu lists safe fixes first, and undo reverts a fix", async () => {
    await window.open("fix.yaml");
    await window.squiggle("warning", "web", "- name: web");
    await window.click("web", "- name: web");
    assert.deepEqual((await window.fixes()).slice(0, 14), [
      "Set allowPrivilegeEscalation: false",
      "Add 3 missing settings to container web (2 may break some images)",
      "Drop ALL capabilities (may break some images)",
      "Set resources.limits.cpu: 500m (example value)",
      "Set resources.requests.cpu: 100m (example value)",
      "Set resources.limits.memory: 256Mi (example value)",
      "Set resources.requests.memory: 128Mi (example value)",
      "Set readOnlyRootFilesystem: true (programs that write outside volumes fail)",
      "Set readOnlyRootFilesystem: true and mount an emptyDir at /tmp",
      "Ignore undropped-capabilities for this container",
      "Ignore privilege-escalation for this container",
      "Ignore writable-root-filesystem for this container",
      "Ignore all 7 findings of container web",
      "Ignore all 7 findings of container web in .kubeharden.yaml",
    ]);
    await window.picture("5 menu of fixes");
    await window.applyFix("Set allowPrivilegeEscalation: false");
    await window.line("allowPrivilegeEscalation: false").waitFor();
    await window.save();
    const lines = SAMPLE.split("\n");
    const index = lines.findIndex((line) => line.includes("containerPort")) + 1;
    lines.splice(index, 0, "          securityContext:", "            allowPrivilegeEscalation: false");
    await window.onDisk("fix.yaml", lines.join("\n"));
    await window.picture("6 fixed");
    await window.click("web", "- name: web");
    await window.page.keyboard.press("Control+z");
    await window.line("allowPrivilegeEscalation: false").waitFor({ state: "detached" });
    await window.save();
    await window.onDisk("fix.yaml", SAMPLE);
  });

  on(() => window, "Apply All Safe Fixes matches the command line", async () => {
    await window.open("all.yaml");
    await window.squiggle("error", "0", "runAsUser: 0");
    await window.command("kubeharden: Apply All Safe Fixes");
    await window.statusMessage("Applied all safe fixes");
    await window.save();
    await window.onDisk("all.yaml", fixed(SHOP));
    await window.page.keyboard.press("Control+z");
    await window.save();
    await window.onDisk("all.yaml", SHOP);
  });

  on(() => window, "Harden File matches the command line", async () => {
    await window.open("harden.yaml");
    await window.squiggle("error", "0", "runAsUser: 0");
    await window.picture("7 before hardening");
    await window.command("kubeharden: Harden File (Safe and Unsafe Fixes)");
    await window.statusMessage(/Fixed \d+ findings/);
    await window.picture("8 hardened");
    await window.save();
    await window.onDisk("harden.yaml", fixed(SHOP, "--unsafe-fixes"));
    await window.page.keyboard.press("Control+z");
    await window.save();
    await window.onDisk("harden.yaml", SHOP);
  });

  on(() => window, "a file without fixes says whether it has findings", async () => {
    for (const [file, safe, hardened] of [
      ["clean.yaml", "No findings in this file", "No findings in this file"],
      ["unsafe.yaml", "No safe fixes in this file", undefined],
      ["hardened.yaml", "No safe fixes in this file", "Nothing to fix automatically"],
    ] as const) {
      await window.open(file);
      await window.status("object");
      await window.command("kubeharden: Apply All Safe Fixes");
      await window.statusMessage(safe);
      if (hardened !== undefined) {
        await window.command("kubeharden: Harden File (Safe and Unsafe Fixes)");
        await window.statusMessage(hardened);
      }
    }
  });

  on(() => window, "fixes keep CRLF and non-BMP characters", async () => {
    await window.open("crlf.yaml");
    await window.squiggle("error", "true", "privileged: true");
    await window.command("kubeharden: Apply All Safe Fixes");
    await window.line("allowPrivilegeEscalation: false").first().waitFor();
    await window.save();
    await window.onDisk("crlf.yaml", fixed(files["crlf.yaml"]));
  });

  on(() => window, "a half-typed line does not hide other findings", async () => {
    await window.open("typed.yaml");
    await window.squiggle("error", "true", "privileged: true");
    await window.click("1.4", "web:1.4");
    await window.page.keyboard.press("End");
    await window.page.keyboard.type("\nimagePullPolicy");
    await window.diagnostic("missing `:` after the key");
    await window.diagnostic(PRIVILEGED);
    await window.diagnostic(WEB_LACKS);
    await window.picture("9 half typed");
    await window.page.keyboard.type(": Always");
    await window.noDiagnostic("missing `:` after the key");
    await window.diagnostic(PRIVILEGED);
    await window.closePanel();
    await window.command("File: Save All");
  });

  on(() => window, "a Helm template is checked in part, and the status says so", async () => {
    await window.open("web.yaml");
    await window.squiggle("error", "true", "privileged: true");
    assert.match(await window.status("Helm template"), /kubeharden: hardened, Kubernetes 1\.\d+ \| Helm template: only literal values are checked/);
    await window.picture("10 template");
    assert.equal(await window.page.locator(".squiggly-warning").count(), 0);
  });

  on(() => window, "other YAML has no findings, and the status says why", async () => {
    await window.open("values.yaml");
    await window.status("Not a Kubernetes manifest");
    assert.equal(await window.page.locator("[class*=squiggly-]").count(), 0);
  });
});

describe("a container", () => {
  let window: Window;
  before(async () => {
    window = await editor.window(editor.folder({ "a.yaml": SAMPLE }), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "one fix adds all missing settings that need no choice", async () => {
    await window.diagnostic(WEB_LACKS);
    await window.closePanel();
    await window.click("web", "- name: web");
    await window.fixes();
    await window.applyFix("Add 3 missing settings to container web");
    await window.line("readOnlyRootFilesystem: true").waitFor();
    await window.diagnostic('container "web" lacks 4 hardening settings: ');
    await window.closePanel();
    await window.click("web", "- name: web");
    await window.page.keyboard.press("Control+z");
    await window.line("readOnlyRootFilesystem").waitFor({ state: "detached" });
    await window.save();
    await window.onDisk("a.yaml", SAMPLE);
  });

  on(() => window, "Harden container works anywhere in it and matches the command line", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.click("privileged", "privileged: true");
    const [first] = await window.fixes();
    assert.equal(first, "Set privileged: false (no access to host devices)", "a fix of the line comes before fixes of the pod");
    await window.picture("11 harden container");
    await window.applyFix("Harden container log-shipper");
    await window.noSquiggle("error");
    await window.line("allowPrivilegeEscalation: false").waitFor();
    await window.picture("12 hardened container");
    await window.save();
    const hardened = fixed(SAMPLE, "--unsafe-fixes");
    const container = hardened.slice(hardened.indexOf("        - name: log-shipper"), hardened.indexOf("      securityContext:\n        runAs"));
    await window.onDisk("a.yaml", SAMPLE.slice(0, SAMPLE.indexOf("        - name: log-shipper")) + container);
    await window.page.keyboard.press("Control+z");
    await window.save();
    await window.onDisk("a.yaml", SAMPLE);
  });
});

describe("an ignored finding", () => {
  let window: Window;
  before(async () => {
    window = await editor.window(editor.folder({ "here.yaml": SAMPLE, "container.yaml": SAMPLE, "configured.yaml": SAMPLE }), "here.yaml");
  });
  after(() => window.close());

  /** Applies an ignore action at a text of a file. */
  const ignore = async (file: string, target: [text: string, line: string], title: string): Promise<void> => {
    await window.open(file);
    await window.squiggle("error", "true", "privileged: true");
    await window.click(...target);
    await window.fixes();
    await window.picture(`13 menu of ${file}`);
    await window.applyFix(title);
  };
  /** Returns the messages of the command line, in order. */
  const messages = (file: string): string[] => findings(path.join(window.folder, file)).map(({ message }) => message);

  on(() => window, "an ignore comment suppresses one finding, also on the command line", async () => {
    const before = messages("here.yaml");
    await ignore("here.yaml", ["true", "privileged: true"], "Ignore privileged-container here");
    await window.noSquiggle("error");
    await window.picture("14 ignored here");
    await window.save();
    await window.onDisk("here.yaml", (text) => text.includes("kubeharden: ignore[privileged-container]"));
    assert.deepEqual(messages("here.yaml"), before.filter((one) => one !== PRIVILEGED));
  });

  on(() => window, "an ignore for a container does not affect the other container", async () => {
    const before = messages("container.yaml");
    await ignore("container.yaml", ["web", "- name: web"], "Ignore privilege-escalation for this container");
    await window.diagnostic('container "web" lacks 6 hardening settings: ');
    await window.diagnostic(PRIVILEGED);
    await window.picture("15 ignored for a container");
    await window.closePanel();
    await window.command("File: Save All");
    await window.onDisk("container.yaml", (text) => text.includes("kubeharden: ignore[privilege-escalation]"));
    const gone = 'container "web" does not set allowPrivilegeEscalation';
    assert.deepEqual(messages("container.yaml"), before.filter((one) => one !== gone));
  });

  on(() => window, "an ignore in a new configuration file applies at once", async () => {
    const before = messages("configured.yaml");
    await ignore("configured.yaml", ["true", "privileged: true"], "Ignore privileged-container in .kubeharden.yaml");
    await window.noSquiggle("error");
    await window.picture("16 ignored in the configuration");
    await window.command("File: Save All");
    await window.onDisk(".kubeharden.yaml", (text) => text.includes("privileged-container") && text.includes("configured.yaml"));
    assert.deepEqual(messages("configured.yaml"), before.filter((one) => one !== PRIVILEGED));
    assert.equal(window.read("configured.yaml"), SAMPLE);
  });
});

describe("settings", () => {
  let window: Window;
  before(async () => {
    window = await editor.window(editor.folder({ "a.yaml": SAMPLE, "b.yaml": SHOP }), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "changes apply without a reload", async () => {
    await window.squiggle("warning", "web", "- name: web");
    await window.status("hardened");
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.profile": "baseline" }));
    await window.noSquiggle("warning");
    await window.squiggle("error", "true", "privileged: true");
    await window.status("baseline, Kubernetes 1.");
    window.write(".vscode/settings.json", "{}");
    await window.squiggle("warning", "web", "- name: web");
  });

  on(() => window, "grouping by rule matches the command line", async () => {
    await window.diagnostic(WEB_LACKS);
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.grouping": "rule" }));
    await window.noDiagnostic(WEB_LACKS);
    await window.diagnostics();
    await window.diagnosticCount(findings(path.join(window.folder, "a.yaml")).length);
    await window.picture("17 by rule");
    await window.closePanel();
    await window.squiggle("info", "log-shipper", "- name: log-shipper");
    window.write(".vscode/settings.json", "{}");
    await window.diagnostic(WEB_LACKS);
    await window.closePanel();
  });

  on(() => window, "errors in a configuration file are shown in it", async () => {
    window.write(".kubeharden.yaml", "profile: restricted\nkubernetesVersion: '1.30'\n");
    await window.status("restricted, Kubernetes 1.30");
    window.write(".kubeharden.yaml", "profile: strict\nkubernetesVersion: '1.29'\n");
    await window.status("1 error; the last valid configuration applies");
    await window.diagnostic("unknown profile `strict`");
    await window.picture("18 configuration error");
    window.write(".kubeharden.yaml", "profile: restricted\n");
    await window.noDiagnostic("unknown profile");
    await window.closePanel();
  });

  on(() => window, "safe fixes are applied on save", async () => {
    const settings = { "editor.codeActionsOnSave": { "source.fixAll.kubeharden": "explicit" } };
    window.write(".kubeharden.yaml", "{}\n");
    window.write(".vscode/settings.json", JSON.stringify({ "[yaml]": settings }));
    await window.closePanel();
    await window.open("b.yaml");
    await window.squiggle("error", "0", "runAsUser: 0");
    await window.click("250m", "cpu: 250m");
    await window.page.keyboard.press("End");
    await window.page.keyboard.type(" # a quarter");
    await window.line("# a quarter").waitFor();
    await window.save();
    await window.onDisk("b.yaml", fixed(SHOP.replace("250m", "250m # a quarter")));
  });
});

describe("field help", () => {
  let window: Window;
  before(async () => {
    const settings = { "kubeharden.codeLens": true, "kubeharden.inlayHints": true };
    const files = { "a.yaml": SAMPLE, ".vscode/settings.json": JSON.stringify(settings) };
    window = await editor.window(editor.folder(files), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "completes a field, and a code lens shows the Pod Security level", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.page.locator(".codelens-decoration", { hasText: "Pod Security" }).first().waitFor();
    await window.click("true", "privileged: true");
    await window.page.keyboard.press("End");
    await window.page.keyboard.press("Enter");
    await window.page.keyboard.type("runAsN");
    const offered = window.page.locator(".suggest-widget:visible .monaco-list-row", { hasText: "runAsNonRoot" }).first();
    await offered.waitFor();
    await window.picture("24 completion and lens");
    await window.page.keyboard.press("Enter");
    await window.line("runAsNonRoot: ").waitFor();
  });
});

describe("commands", () => {
  let window: Window;
  before(async () => {
    window = await editor.window(editor.folder({ "a.yaml": SAMPLE }), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "Explain Rule lists the rules at the cursor first", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.click("true", "privileged: true");
    await window.command("kubeharden: Explain Rule...");
    const rows = window.page.locator(".quick-input-list .monaco-list-row");
    await rows.filter({ hasText: "at the cursor" }).filter({ hasText: "privileged-container" }).waitFor();
    await window.picture("19 explain rule");
    await window.choose("host-path-volume");
    await window.tab("Preview host-path-volume.md");
    // The page takes the focus when it is loaded; a click returns it to the editor.
    const page = window.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    await page.locator("h2", { hasText: "When not to follow it" }).waitFor();
    await window.click("apps/v1", "apiVersion: apps/v1");
    await window.escape();
  });

  on(() => window, "Show Debug Information opens a document", async () => {
    await window.command("kubeharden: Show Debug Information");
    await window.line('"origin": "bundled"').waitFor();
    await window.line('"trusted": true').waitFor();
    await window.picture("20 debug information");
  });

  on(() => window, "Show Log opens the log", async () => {
    await window.command("kubeharden: Show Log");
    await window.page.locator(".output-view .view-line").filter({ hasText: /kubeharden.*\(bundled\)/ }).waitFor();
    await window.closePanel();
  });

  on(() => window, "the trace setting logs messages", async () => {
    await window.open("a.yaml");
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.trace.server": "messages" }));
    await window.command("kubeharden: Show Log");
    const traced = window.page.locator(".output-view .view-line").filter({ hasText: /Sending\s+notification.*textDocument\/did/ });
    // Messages before VS Code notices the setting are not traced, so retry.
    for (let attempt = 0; attempt < 6 && (await traced.count()) === 0; attempt++) {
      await window.click("apps/v1", "apiVersion: apps/v1");
      await window.page.keyboard.press("End");
      await window.page.keyboard.type(" ");
      await traced.first().waitFor({ timeout: TIMEOUT_MS / 6 }).catch(() => undefined);
    }
    assert.notEqual(await traced.count(), 0);
    await window.closePanel();
    window.write(".vscode/settings.json", "{}");
  });

  on(() => window, "the walkthrough has three steps and opens the sample", async () => {
    await window.command("Welcome: Open Walkthrough...");
    await window.page.locator(".quick-input-list .monaco-list-row", { hasText: "Harden your first manifest" }).waitFor();
    await window.choose("Harden your first manifest");
    await window.page.locator(".getting-started-step", { hasText: "Apply a fix" }).waitFor();
    await window.picture("21 walkthrough");
    assert.equal(await window.page.locator(".getting-started-step").count(), 3);
    await window.page.locator(".getting-started-step", { hasText: "Open a manifest" }).first().click();
    await window.page.locator("a.monaco-button", { hasText: "Open an Insecure Sample" }).click();
    await window.squiggle("error", "true", "privileged: true");
  });
});

describe("the server", () => {
  let window: Window;
  let folder: string;
  let program: string;
  const settings = (server: string): string => JSON.stringify({ "kubeharden.server.path": server });
  /** Writes an executable script in which `$SERVER` is a real server. */
  const write = (name: string, script: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\nSERVER='${SERVER}'\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  before(async () => {
    folder = editor.folder({ "a.yaml": SAMPLE, ".vscode/settings.json": settings("/nowhere/kubeharden") });
    window = await editor.window(folder, "a.yaml");
  });
  after(() => window.close());

  on(() => window, "a missing binary shows one notification with actions", async () => {
    const notification = window.notifications.filter({ hasText: "The file in kubeharden.server.path does not exist: /nowhere/kubeharden" });
    await notification.waitFor();
    await window.status("kubeharden: not running");
    assert.equal(await window.notifications.count(), 1, "one notification");
    assert.deepEqual(await notification.locator(".monaco-button").allInnerTexts(), ["Open Settings", "Show Log", "Restart"]);
    await window.picture("22 no server");
    await notification.locator(".monaco-button", { hasText: "Open Settings" }).click();
    await window.page.locator(".settings-editor .setting-item", { hasText: "the extension uses the bundled binary" }).first().waitFor();
    await window.picture("23 settings");
    await window.escape();
  });

  on(() => window, "each startup error has its own message", async () => {
    for (const [script, expected, firstAction] of [
      ["echo oh no >&2; exit 3", "oh no.", "Open Settings"],
      ["echo helm v3", 'is not a kubeharden binary: `--version` printed "helm v3".', "Open Settings"],
      ["echo kubeharden 9.0.0", "is kubeharden 9.0.0, but this extension requires 0.1 or a later 0.x version.", "Open Settings"],
      ["case $1 in --version) echo kubeharden 0.1.0;; *) exit 1;; esac", CRASHED, "Restart"],
      // This one closes its stdin before it exits.
      ["case $1 in --version) echo kubeharden 0.1.0;; *) exec <&-; sleep 0.3; exit 1;; esac", CRASHED, "Restart"],
    ] as const) {
      const notification = window.notifications.filter({ hasText: expected });
      const broken = settings(write(`broken-${script.length}`, script));
      // On a busy machine, VS Code can miss one of two quick changes of a file, so retry.
      for (let attempt = 0; attempt < 5; attempt++) {
        window.write(".vscode/settings.json", broken);
        if (attempt > 0) {
          await window.command("kubeharden: Restart Server");
        }
        const shown = notification.waitFor({ timeout: 6000 });
        if (await shown.then(() => true, () => false)) {
          break;
        }
      }
      assert.equal(await notification.count(), 1, expected);
      assert.equal(await notification.locator(".monaco-button").first().innerText(), firstAction, expected);
      await window.command("Notifications: Clear All Notifications");
    }
  });

  on(() => window, "a corrected path applies without a reload", async () => {
    program = write("good", `echo $$ >>'${folder}/started'; [ "$1" != server ] || echo $$ >'${folder}/pid'; exec "$SERVER" "$@"`);
    window.write(".vscode/settings.json", settings(program));
    await window.squiggle("error", "true", "privileged: true");
    assert.equal(await window.notifications.count(), 0);
  });

  /** Waits until a server with another process id runs, and returns its id. */
  const restarted = async (before: string): Promise<string> => {
    const pid = await window.onDisk("pid", (text) => text !== "" && text !== before);
    await window.status("kubeharden: hardened");
    await window.diagnostic(PRIVILEGED);
    return pid;
  };

  on(() => window, "a crash and Restart Server start the server again", async () => {
    const first = await restarted("");
    process.kill(Number(first), "SIGKILL");
    const second = await restarted(first);
    await window.command("kubeharden: Restart Server");
    await restarted(second);
    await window.closePanel();
    await window.click("true", "privileged: true");
    await window.page.keyboard.press("Control+/");
    await window.noSquiggle("error");
    await window.page.keyboard.press("Control+/");
    await window.squiggle("error", "true", "privileged: true");
    assert.equal(await window.notifications.count(), 0, "a single crash shows no notification");
  });

  on(() => window, "the fifth crash shows a notification, and Restart starts the server", async () => {
    let pid = window.read("pid");
    for (let crash = 1; crash < 5; crash++) {
      process.kill(Number(pid), "SIGKILL");
      pid = await restarted(pid);
    }
    await window.closePanel();
    assert.equal(await window.notifications.count(), 0, "four crashes show no notification");
    process.kill(Number(pid), "SIGKILL");
    const expected = "The kubeharden server crashed 5 times in the last 3 minutes and will not be restarted.";
    const notification = window.notifications.filter({ hasText: expected });
    await notification.waitFor();
    assert.deepEqual(await notification.locator(".monaco-button").allInnerTexts(), ["Restart", "Show Log", "Open Settings"]);
    await window.picture("27 crashes");
    await notification.locator(".monaco-button", { hasText: "Restart" }).click();
    await restarted(pid);
    await window.closePanel();
  });

  on(() => window, "kubeharden.enable stops and starts the server", async () => {
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.enable": false }));
    await window.noSquiggle("error");
    await window.status("kubeharden: disabled");
    window.write(".vscode/settings.json", "{}");
    await window.squiggle("error", "true", "privileged: true");
  });
});

describe("another YAML extension", () => {
  let window: Window;
  const schema = { properties: { kind: { description: "The kind of the object.", enum: ["Deployment"] } } };
  before(async () => {
    const settings = { "neighbour.server": YAML_SERVER, "yaml.schemas": { "./schema.json": "*.yaml" } };
    const files = { "a.yaml": SAMPLE, "schema.json": JSON.stringify(schema), ".vscode/settings.json": JSON.stringify(settings) };
    window = await editor.window(editor.folder(files), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "works on the same file", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.hover("kind", "The kind of the object.", "kind: Deployment");
    await window.hover("true", "owns the node", "privileged: true");
    await window.click("Deployment", "kind: Deployment");
    await window.page.keyboard.press("End");
    await window.page.keyboard.type("s");
    await window.diagnostic("Value is not accepted");
    await window.click("Deployments");
    await window.page.keyboard.press("End");
    await window.page.keyboard.press("Backspace");
    await window.noDiagnostic("Value is not accepted");
    await window.diagnostic(PRIVILEGED);
    await window.click("true", "privileged: true");
    const fixes = await window.fixes();
    assert.deepEqual(fixes.slice(0, 1), ["Set privileged: false (no access to host devices)"]);
    await window.picture("24 with yaml-language-server");
    await window.applyFix("Set privileged: false");
    await window.line("privileged: false").waitFor();
    await window.noDiagnostic(PRIVILEGED);
  });
});

describe("a file of 2 MB", () => {
  let window: Window;
  // A debug build of the server is slow.
  const timeout = 4 * TIMEOUT_MS;
  const many = `---\n${SAMPLE}`.repeat(Math.ceil(2_000_000 / (SAMPLE.length + 4)));
  before(async () => {
    window = await editor.window(editor.folder({ "many.yaml": many }), "many.yaml");
    window.page.setDefaultTimeout(timeout);
  });
  after(() => window.close());

  on(() => window, "can be checked, edited and saved", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.diagnostic("more findings");
    await window.closePanel();
    await window.click("true", "privileged: true");
    await window.page.keyboard.press("End");
    await window.page.keyboard.press("Shift+Home");
    await window.page.keyboard.type("privileged: false");
    // The next match is in the second document.
    const next = await window.boxOf("true", "privileged: true");
    await window.page.waitForFunction((top) => {
      const tops = [...document.querySelectorAll(".editor-instance .squiggly-error")].map((one) => one.getBoundingClientRect().top);
      return tops.length > 0 && tops.every((one) => one > top);
    }, next.top - 5);
    await window.picture("25 two megabytes");
    await window.save();
    await window.onDisk("many.yaml", many.replace("privileged: true", "privileged: false"));
  });
});

describe("an untrusted folder", () => {
  let strict: Editor;
  let window: Window;
  before(async () => {
    const settings = { "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.banner": "never" };
    strict = await Editor.start({ extensions: [EXTENSION], trust: true, settings });
    const folder = strict.folder({ "a.yaml": SAMPLE });
    const trap = path.join(folder, "trap");
    writeFileSync(trap, `#!/bin/sh\ntouch '${folder}/sprung'\n`);
    chmodSync(trap, 0o755);
    const chosen = { "kubeharden.server.path": trap, "kubeharden.profile": "baseline", "kubeharden.server.extraEnv": { A: "b" } };
    mkdirSync(path.join(folder, ".vscode"));
    writeFileSync(path.join(folder, ".vscode", "settings.json"), JSON.stringify(chosen));
    window = await strict.window(folder, "a.yaml");
  });
  after(async () => {
    await window.close();
    await strict.stop();
  });

  on(() => window, "is checked, but cannot select the server", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.status("baseline");
    await window.picture("26 restricted mode");
    await window.command("kubeharden: Show Debug Information");
    await window.line('"trusted": false').waitFor();
    await window.line('"origin": "bundled"').waitFor();
    assert.throws(() => window.read("sprung"), /ENOENT/);
  });
});

/** Runs the command line and returns its output. Its exit code is 1 if there are findings. */
function run(...options: string[]): string {
  try {
    return execFileSync(SERVER, options, { encoding: "utf8" });
  } catch (error) {
    const { status, stdout } = error as { status?: number; stdout?: string };
    assert.equal(status, 1, String(error));
    return stdout ?? "";
  }
}

interface Finding {
  readonly rule: string;
  readonly message: string;
}

/** Returns the findings of the command line in a file. */
function findings(file: string): Finding[] {
  return (JSON.parse(run("check", "--output-format", "json", file)) as { findings: Finding[] }).findings;
}

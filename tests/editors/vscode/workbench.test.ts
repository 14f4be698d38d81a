// kubeharden in the real workbench of VS Code: what a person sees and does there, from opening a file to mending it.
//
// The .vsix is the one that people install, in a profile that has seen nothing. Tests share windows, since a window takes longer to
// open than a test to run; each opens a file of its own.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { Editor, PATIENCE, SERVER, type Window } from "./workbench.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const EXTENSION = process.env["KUBEHARDEN_VSIX"] ?? assert.fail("KUBEHARDEN_VSIX is not set: use tests/editors/run-vscode");
const NEIGHBOUR = process.env["NEIGHBOUR_VSIX"] ?? assert.fail("NEIGHBOUR_VSIX is not set: use tests/editors/run-vscode");
const YAML_SERVER = path.join(import.meta.dirname, "node_modules/yaml-language-server/out/src/server.js");

const SAMPLE = readFileSync(path.join(ROOT, "editors/vscode/media/sample.yaml"), "utf8");
const SHOP = readFileSync(path.join(ROOT, "fixtures/bad/deployment.yaml"), "utf8");

const PRIVILEGED = 'privileged is true: container "log-shipper" has full access to the node';
const WEB_LACKS = 'container "web" lacks 7 hardening settings: allowPrivilegeEscalation';

let editor: Editor;
before(async () => {
  editor = await Editor.start({ extensions: [EXTENSION, NEIGHBOUR] });
});
// With a pattern that leaves nothing of this file to run, nothing was started.
after(() => (editor as Editor | undefined)?.stop());

/** A file as the command line leaves it. */
function fixed(text: string, ...options: string[]): string {
  return execFileSync(SERVER, ["fix", "--quiet", "--no-config", ...options, "-"], { input: text, encoding: "utf8" });
}

/** Runs a test on a window; one that fails leaves a picture of what was there instead. */
function on(window: () => Window, name: string, body: (window: Window) => Promise<void>): void {
  test(name, { timeout: 4 * PATIENCE }, async () => {
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
    "values.yaml": "services:\n  web:\n    image: nginx\n    privileged: true\n",
  };
  before(async () => {
    window = await editor.window(editor.folder(files), "sample.yaml");
  });
  after(() => window.close());

  on(() => window, "has squiggles under the very words", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.squiggle("warning", "web", "- name: web");
    await window.squiggle("warning", "securityContext");
    await window.squiggle("warning", "spec", "    spec:");
    await window.picture("1 squiggles");
  });

  on(() => window, "has in the Problems panel what is wrong, and what a container or a pod lacks as one", async () => {
    await window.problem(PRIVILEGED);
    await window.problems();
    await window.counted(4);
    await window.picture("2 problems");
    // Each finding of the command line is there: by itself, or told by the one that stands for it.
    const all = findings(path.join(window.folder, "sample.yaml"));
    assert.ok(all.length > 10, `${all.length} findings`);
    for (const { message } of all) {
      await window.problem(message);
    }
    await window.closePanel();
  });

  on(() => window, "explains itself in a hover, and opens the page of the rule without a network", async () => {
    const hover = await window.hover("true", "owns the node", "privileged: true");
    const text = await hover.innerText();
    assert.equal(text.split(PRIVILEGED).length, 2, `the fact is told once: ${text}`);
    await window.picture("3 hover");
    await hover.locator("a", { hasText: "More about privileged-container" }).click();
    await window.tab("Preview privileged-container.md");
    const page = window.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    await page.locator("h2", { hasText: "When not to follow it" }).waitFor();
    await window.picture("4 page of a rule");
    await window.command("View: Close Other Editors in Group");
    await window.command("View: Close All Editors");
  });

  on(() => window, "has a menu of fixes, the safe one first, and takes one back", async () => {
    await window.open("fix.yaml");
    await window.squiggle("warning", "web", "- name: web");
    await window.click("web", "- name: web");
    assert.deepEqual((await window.fixes()).slice(0, 14), [
      "Set allowPrivilegeEscalation: false",
      "Add 3 missing settings to container web (2 of them may stop some images)",
      "Drop ALL capabilities (a process that needs one of them stops working)",
      "Set resources.limits.cpu: 500m (an assumption: measure what the container uses)",
      "Set resources.requests.cpu: 100m (an assumption: measure what the container uses)",
      "Set resources.limits.memory: 256Mi (an assumption: measure what the container uses)",
      "Set resources.requests.memory: 128Mi (an assumption: measure what the container uses)",
      "Set readOnlyRootFilesystem: true (programs that write outside volumes fail)",
      "Set readOnlyRootFilesystem: true and mount an emptyDir at /tmp",
      "Ignore undropped-capabilities for this container",
      "Ignore privilege-escalation for this container",
      "Ignore writable-root-filesystem for this container",
      "Ignore all 7 findings of container web",
      "Ignore all 7 findings of container web in configuration",
    ]);
    await window.picture("5 menu of fixes");
    await window.take("Set allowPrivilegeEscalation: false");
    await window.line("allowPrivilegeEscalation: false").waitFor();
    await window.save();
    const lines = SAMPLE.split("\n");
    const place = lines.findIndex((line) => line.includes("containerPort")) + 1;
    lines.splice(place, 0, "          securityContext:", "            allowPrivilegeEscalation: false");
    await window.onDisk("fix.yaml", lines.join("\n"));
    await window.picture("6 fixed");
    await window.click("web", "- name: web");
    await window.page.keyboard.press("Control+z");
    await window.line("allowPrivilegeEscalation: false").waitFor({ state: "detached" });
    await window.save();
    await window.onDisk("fix.yaml", SAMPLE);
  });

  on(() => window, "is mended by a command, with what is safe, as the command line does it", async () => {
    await window.open("all.yaml");
    await window.squiggle("error", "0", "runAsUser: 0");
    await window.command("kubeharden: Fix All That Is Safe to Fix in This File");
    await window.page.locator(".statusbar-item", { hasText: "kubeharden: fixed what is safe to fix" }).waitFor();
    await window.save();
    await window.onDisk("all.yaml", fixed(SHOP));
    await window.page.keyboard.press("Control+z");
    await window.save();
    await window.onDisk("all.yaml", SHOP);
  });

  on(() => window, "is hardened by a command, as the command line does it", async () => {
    await window.open("harden.yaml");
    await window.squiggle("error", "0", "runAsUser: 0");
    await window.picture("7 before hardening");
    await window.command("kubeharden: Harden This File (Includes Fixes to Review)");
    await window.page.locator(".statusbar-item", { hasText: /kubeharden: fixed \d+ problems/ }).waitFor();
    await window.picture("8 hardened");
    await window.save();
    await window.onDisk("harden.yaml", fixed(SHOP, "--unsafe-fixes"));
    await window.page.keyboard.press("Control+z");
    await window.save();
    await window.onDisk("harden.yaml", SHOP);
  });

  on(() => window, "keeps its line ends and its characters", async () => {
    await window.open("crlf.yaml");
    await window.squiggle("error", "true", "privileged: true");
    await window.command("kubeharden: Fix All That Is Safe to Fix in This File");
    await window.line("allowPrivilegeEscalation: false").first().waitFor();
    await window.save();
    await window.onDisk("crlf.yaml", fixed(files["crlf.yaml"]));
  });

  on(() => window, "keeps its findings while a line is half typed", async () => {
    await window.open("typed.yaml");
    await window.squiggle("error", "true", "privileged: true");
    await window.click("1.4", "web:1.4");
    await window.page.keyboard.press("End");
    await window.page.keyboard.type("\nimagePullPolicy");
    await window.problem("this line needs a");
    await window.problem(PRIVILEGED);
    await window.problem(WEB_LACKS);
    await window.picture("9 half typed");
    await window.page.keyboard.type(": Always");
    await window.noProblem("this line needs a");
    await window.problem(PRIVILEGED);
    await window.closePanel();
    await window.command("File: Save All");
  });

  on(() => window, "with template syntax is judged modestly, and says so", async () => {
    await window.open("web.yaml");
    await window.squiggle("error", "true", "privileged: true");
    assert.match(await window.status("Helm template: modest"), /kubeharden: hardened, Kubernetes 1\.\d+ \| Helm template: modest/);
    await window.picture("10 template");
    assert.equal(await window.page.locator(".squiggly-warning").count(), 0);
  });

  on(() => window, "is told from other YAML, which is left alone", async () => {
    await window.open("values.yaml");
    await window.status("no Kubernetes manifest: nothing to check");
    assert.equal(await window.page.locator("[class*=squiggly-]").count(), 0);
  });
});

describe("a container", () => {
  let window: Window;
  before(async () => {
    window = await editor.window(editor.folder({ "a.yaml": SAMPLE }), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "gets in one step all that it lacks and can be given without a choice", async () => {
    await window.problem(WEB_LACKS);
    await window.closePanel();
    await window.click("web", "- name: web");
    await window.fixes();
    await window.take("Add 3 missing settings to container web");
    await window.line("readOnlyRootFilesystem: true").waitFor();
    await window.problem('container "web" lacks 4 hardening settings: ');
    await window.closePanel();
    await window.click("web", "- name: web");
    await window.page.keyboard.press("Control+z");
    await window.line("readOnlyRootFilesystem").waitFor({ state: "detached" });
    await window.save();
    await window.onDisk("a.yaml", SAMPLE);
  });

  on(() => window, "is hardened from anywhere in it, as the command line does it, and nothing else is", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.click("privileged", "privileged: true");
    const [gravest] = await window.fixes();
    assert.equal(gravest, "Set privileged: false (devices of the node are out of reach)", "what is on the line, before what the pod lacks");
    await window.picture("11 harden container");
    await window.take("Harden container log-shipper");
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

describe("a finding that is ignored", () => {
  let window: Window;
  before(async () => {
    window = await editor.window(editor.folder({ "here.yaml": SAMPLE, "container.yaml": SAMPLE, "configured.yaml": SAMPLE }), "here.yaml");
  });
  after(() => window.close());

  /** Takes a way to ignore what is at a place of a file. */
  const ignore = async (file: string, place: [text: string, line: string], title: string): Promise<void> => {
    await window.open(file);
    await window.squiggle("error", "true", "privileged: true");
    await window.click(...place);
    await window.fixes();
    await window.picture(`13 menu of ${file}`);
    await window.take(title);
  };
  /** Of the command line, in its order. */
  const messages = (file: string): string[] => findings(path.join(window.folder, file)).map(({ message }) => message);

  on(() => window, "in a comment at its place is gone, in a terminal too, and nothing else is", async () => {
    const before = messages("here.yaml");
    await ignore("here.yaml", ["true", "privileged: true"], "Ignore privileged-container here");
    await window.noSquiggle("error");
    await window.picture("14 ignored here");
    await window.save();
    await window.onDisk("here.yaml", (text) => text.includes("kubeharden: ignore[privileged-container]"));
    assert.deepEqual(messages("here.yaml"), before.filter((one) => one !== PRIVILEGED));
  });

  on(() => window, "for a container goes on to be found in the other one", async () => {
    const before = messages("container.yaml");
    await ignore("container.yaml", ["web", "- name: web"], "Ignore privilege-escalation for this container");
    await window.problem('container "web" lacks 6 hardening settings: ');
    await window.problem(PRIVILEGED);
    await window.picture("15 ignored for a container");
    await window.closePanel();
    await window.command("File: Save All");
    await window.onDisk("container.yaml", (text) => text.includes("kubeharden: ignore[privilege-escalation]"));
    const gone = 'container "web" does not set allowPrivilegeEscalation';
    assert.deepEqual(messages("container.yaml"), before.filter((one) => one !== gone));
  });

  on(() => window, "in a configuration that there was not is gone at once, and once both are saved in a terminal too", async () => {
    const before = messages("configured.yaml");
    await ignore("configured.yaml", ["true", "privileged: true"], "Ignore privileged-container in configuration");
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

  on(() => window, "hold without a reload", async () => {
    await window.squiggle("warning", "securityContext");
    await window.status("hardened");
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.profile": "baseline" }));
    await window.noSquiggle("warning");
    await window.squiggle("error", "true", "privileged: true");
    await window.status("baseline, Kubernetes 1.");
    window.write(".vscode/settings.json", "{}");
    await window.squiggle("warning", "securityContext");
  });

  on(() => window, "show each finding by itself, as the command line does, where the user asks for that", async () => {
    await window.problem(WEB_LACKS);
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.grouping": "rule" }));
    await window.noProblem(WEB_LACKS);
    await window.problems();
    await window.counted(findings(path.join(window.folder, "a.yaml")).length);
    await window.picture("17 by rule");
    await window.closePanel();
    await window.squiggle("info", "log-shipper", "- name: log-shipper");
    window.write(".vscode/settings.json", "{}");
    await window.problem(WEB_LACKS);
    await window.closePanel();
  });

  on(() => window, "can be in a configuration file, whose mistakes are shown in it", async () => {
    window.write(".kubeharden.yaml", "profile: restricted\nkubernetesVersion: '1.30'\n");
    await window.status("restricted, Kubernetes 1.30");
    window.write(".kubeharden.yaml", "profile: strict\nkubernetesVersion: '1.29'\n");
    await window.status("1 mistake: what it said before counts");
    await window.problem("there is no profile `strict`");
    await window.picture("18 mistake in the configuration");
    window.write(".kubeharden.yaml", "profile: restricted\n");
    await window.noProblem("there is no profile");
    await window.closePanel();
  });

  on(() => window, "mend a file as it is saved, where the user asks for that", async () => {
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

describe("a security context", () => {
  let window: Window;
  before(async () => {
    const settings = { "kubeharden.codeLens": true, "kubeharden.inlayHints": true };
    const files = { "a.yaml": SAMPLE, ".vscode/settings.json": JSON.stringify(settings) };
    window = await editor.window(editor.folder(files), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "is completed, and a lens says which standard is met", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.page.locator(".codelens-decoration", { hasText: "Pod Security" }).first().waitFor();
    await window.click("# reads", "privileged: true");
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

  on(() => window, "explain a rule, those at the cursor first", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.click("true", "privileged: true");
    await window.command("kubeharden: Explain Rule...");
    const rows = window.page.locator(".quick-input-list .monaco-list-row");
    await rows.filter({ hasText: "at the cursor" }).filter({ hasText: "privileged-container" }).waitFor();
    await window.picture("19 explain rule");
    await window.choose("host-path-volume");
    await window.tab("Preview host-path-volume.md");
    // It takes the keys when it is loaded.
    const page = window.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    await page.locator("h2", { hasText: "When not to follow it" }).waitFor();
    await window.click("apps/v1", "apiVersion: apps/v1"); // and the editor takes them back
    await window.escape();
  });

  on(() => window, "show what a report of a bug should hold", async () => {
    await window.command("kubeharden: Show Debug Information");
    await window.line('"origin": "bundled"').waitFor();
    await window.line('"trusted": true').waitFor();
    await window.picture("20 debug information");
  });

  on(() => window, "show the log", async () => {
    await window.command("kubeharden: Show Logs");
    await window.page.locator(".output-view .view-line").filter({ hasText: /kubeharden.*\(bundled\)/ }).waitFor();
    await window.closePanel();
  });

  on(() => window, "write the messages to and from the server into the log where that is asked for", async () => {
    await window.open("a.yaml");
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.trace.server": "messages" }));
    await window.command("kubeharden: Show Logs");
    const traced = window.page.locator(".output-view .view-line").filter({ hasText: /Sending\s+notification.*textDocument\/did/ });
    // The setting counts once it has been noticed: the messages of a change before that are not traced.
    for (let tries = 0; tries < 6 && (await traced.count()) === 0; tries++) {
      await window.click("apps/v1", "apiVersion: apps/v1");
      await window.page.keyboard.press("End");
      await window.page.keyboard.type(" ");
      await traced.first().waitFor({ timeout: PATIENCE / 6 }).catch(() => undefined);
    }
    assert.notEqual(await traced.count(), 0);
    await window.closePanel();
    window.write(".vscode/settings.json", "{}");
  });

  on(() => window, "begin with a walkthrough of three steps and a sample", async () => {
    await window.command("Welcome: Open Walkthrough...");
    await window.page.locator(".quick-input-list .monaco-list-row", { hasText: "Harden your first manifest" }).waitFor();
    await window.choose("Harden your first manifest");
    await window.page.locator(".getting-started-step", { hasText: "Take a fix" }).waitFor();
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
  /** A program that does what a script says; `$SERVER` is a real server. */
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

  on(() => window, "that is not there is told once, with what to do", async () => {
    const message = window.messages.filter({ hasText: "There is no /nowhere/kubeharden." });
    await message.waitFor();
    await window.status("kubeharden: not running");
    assert.equal(await window.messages.count(), 1, "one message");
    assert.deepEqual(await message.locator(".monaco-button").allInnerTexts(), ["Open Settings", "Show Logs", "Try Again"]);
    await window.picture("22 no server");
    await message.locator(".monaco-button", { hasText: "Open Settings" }).click();
    await window.page.locator(".settings-editor .setting-item", { hasText: "in the place of the one that came with the extension" }).first().waitFor();
    await window.picture("23 settings");
    await window.escape();
  });

  on(() => window, "that does not run, is another program, or does not fit, is told for what it is", async () => {
    for (const [script, said] of [
      ["echo oh no >&2; exit 3", "does not run: oh no."],
      ["echo helm v3", 'is no kubeharden: asked for its version, it says "helm v3".'],
      ["echo kubeharden 9.0.0", "is kubeharden 9.0.0, and this extension needs 0.1 or a later 0.x."],
      ["case $1 in --version) echo kubeharden 0.1.0;; *) exit 1;; esac", "The server ended while it started."],
      // Nothing can be written to this one before it ends.
      ["case $1 in --version) echo kubeharden 0.1.0;; *) exec <&-; sleep 0.3; exit 1;; esac", "The server ended while it started."],
    ] as const) {
      const broken = settings(write(`broken-${script.length}`, script));
      // On a busy machine a change of a file that comes right behind another one is not always noticed, nor is what came of it always seen.
      for (let tries = 0; tries < 5; tries++) {
        window.write(".vscode/settings.json", broken);
        if (tries > 0) {
          await window.command("kubeharden: Restart Server");
        }
        const told = window.messages.filter({ hasText: said }).waitFor({ timeout: 6000 });
        if (await told.then(() => true, () => false)) {
          break;
        }
      }
      assert.equal(await window.messages.filter({ hasText: said }).count(), 1, said);
      await window.command("Notifications: Clear All Notifications");
    }
  });

  on(() => window, "starts without a reload once the setting is mended", async () => {
    program = write("good", `echo $$ >>'${folder}/started'; [ "$1" != server ] || echo $$ >'${folder}/pid'; exec "$SERVER" "$@"`);
    window.write(".vscode/settings.json", settings(program));
    await window.squiggle("error", "true", "privileged: true");
    assert.equal(await window.messages.count(), 0);
  });

  on(() => window, "is started again when it dies, and by a command", async () => {
    const alive = async (before: string): Promise<string> => {
      const pid = await window.onDisk("pid", (text) => text !== "" && text !== before);
      await window.problem(PRIVILEGED);
      return pid;
    };
    const first = await alive("");
    process.kill(Number(first), "SIGKILL");
    const second = await alive(first);
    await window.command("kubeharden: Restart Server");
    await alive(second);
    await window.closePanel();
    await window.click("true", "privileged: true");
    await window.page.keyboard.press("Control+/");
    await window.noSquiggle("error");
    await window.page.keyboard.press("Control+/");
    await window.squiggle("error", "true", "privileged: true");
    assert.equal(await window.messages.count(), 0, "nobody is bothered");
  });

  on(() => window, "can be switched off and on", async () => {
    window.write(".vscode/settings.json", JSON.stringify({ "kubeharden.enable": false }));
    await window.noSquiggle("error");
    await window.status("kubeharden: off");
    window.write(".vscode/settings.json", "{}");
    await window.squiggle("error", "true", "privileged: true");
  });
});

describe("a neighbour on the same file", () => {
  let window: Window;
  const schema = { properties: { kind: { description: "The kind of the object.", enum: ["Deployment"] } } };
  before(async () => {
    const settings = { "neighbour.server": YAML_SERVER, "yaml.schemas": { "./schema.json": "*.yaml" } };
    const files = { "a.yaml": SAMPLE, "schema.json": JSON.stringify(schema), ".vscode/settings.json": JSON.stringify(settings) };
    window = await editor.window(editor.folder(files), "a.yaml");
  });
  after(() => window.close());

  on(() => window, "is not disturbed, and does not disturb", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.hover("kind", "The kind of the object.", "kind: Deployment");
    await window.hover("true", "owns the node", "privileged: true");
    await window.click("Deployment", "kind: Deployment");
    await window.page.keyboard.press("End");
    await window.page.keyboard.type("s");
    await window.problem("Value is not accepted");
    await window.click("Deployments");
    await window.page.keyboard.press("End");
    await window.page.keyboard.press("Backspace");
    await window.noProblem("Value is not accepted");
    await window.problem(PRIVILEGED);
    await window.click("true", "privileged: true");
    const fixes = await window.fixes();
    assert.deepEqual(fixes.slice(0, 1), ["Set privileged: false (devices of the node are out of reach)"]);
    await window.picture("24 beside yaml-language-server");
    await window.take("Set privileged: false");
    await window.line("privileged: false").waitFor();
    await window.noProblem(PRIVILEGED);
  });
});

describe("a file of 2 MB", () => {
  let window: Window;
  // A server that was built without optimization takes its time.
  const patience = 4 * PATIENCE;
  const many = `---\n${SAMPLE}`.repeat(Math.ceil(2_000_000 / (SAMPLE.length + 4)));
  before(async () => {
    window = await editor.window(editor.folder({ "many.yaml": many }), "many.yaml");
    window.page.setDefaultTimeout(patience);
  });
  after(() => window.close());

  on(() => window, "is read, typed in and mended like any other", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.problem("more findings");
    await window.closePanel();
    await window.click("true", "privileged: true");
    await window.page.keyboard.press("End");
    await window.page.keyboard.press("Shift+Home");
    await window.page.keyboard.type("privileged: false");
    // The next one on the screen is the second document's.
    const next = await window.place("true", "privileged: true");
    await window.page.waitForFunction((top) => {
      const tops = [...document.querySelectorAll(".editor-instance .squiggly-error")].map((one) => one.getBoundingClientRect().top);
      return tops.length > 0 && tops.every((one) => one > top);
    }, next.top - 5);
    await window.picture("25 two megabytes");
    await window.save();
    await window.onDisk("many.yaml", many.replace("privileged: true # reads the logs of the node", "privileged: false"));
  });
});

describe("a folder that is not trusted", () => {
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

  on(() => window, "has its manifests checked, and cannot choose the server", async () => {
    await window.squiggle("error", "true", "privileged: true");
    await window.status("baseline");
    await window.picture("26 restricted mode");
    await window.command("kubeharden: Show Debug Information");
    await window.line('"trusted": false').waitFor();
    await window.line('"origin": "bundled"').waitFor();
    assert.throws(() => window.read("sprung"), /ENOENT/);
  });
});

/** What the command line says; a finding makes its exit code 1. */
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

/** What the command line finds in a file, by the configuration that counts for it. */
function findings(file: string): Finding[] {
  return (JSON.parse(run("check", "--output-format", "json", file)) as { findings: Finding[] }).findings;
}

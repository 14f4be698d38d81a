// Drives a real VS Code workbench through a browser, with the keyboard and the mouse.
//
// Nothing sleeps: each function waits for a visible condition until a timeout.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { type FSWatcher, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Browser, type BrowserContext, type Locator, type Page, chromium } from "playwright-core";

/** Only failing checks wait this long. */
export const TIMEOUT_MS = 30_000;

function required(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: use tests/editors/run-vscode`);
  return value;
}

export const SERVER = required("KUBEHARDEN_BIN");
const PICTURES = required("KUBEHARDEN_PICTURES");
const CODE_SERVER = required("CODE_SERVER");

const USER_SETTINGS = {
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.colorTheme": "Default Dark Modern",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "chat.disableAIFeatures": true,
  "git.enabled": false,
  "editor.minimap.enabled": false,
  "editor.occurrencesHighlight": "off",
  "editor.fontFamily": "DejaVu Sans Mono",
  "editor.inlayHints.enabled": "on",
  "files.simpleDialog.enable": true,
};

export interface Installation {
  /** The .vsix files to install. */
  readonly extensions: readonly string[];
  readonly settings?: Record<string, unknown>;
  /** Whether workspace trust is enabled. */
  readonly trust?: boolean;
  /** Whether the extension host can run test suites. */
  readonly suites?: boolean;
}

/** A code-server with a fresh profile, and a browser. */
export class Editor {
  private readonly home: string;
  private readonly server: ChildProcess;
  private readonly browser: Browser;
  readonly address: string;

  private constructor(home: string, server: ChildProcess, browser: Browser, address: string) {
    this.home = home;
    this.server = server;
    this.browser = browser;
    this.address = address;
  }

  static async start({ extensions, settings, trust = false, suites = false }: Installation): Promise<Editor> {
    const home = mkdtempSync(path.join(os.tmpdir(), "kubeharden-vscode-"));
    const profile = ["--user-data-dir", path.join(home, "data"), "--extensions-dir", path.join(home, "extensions")];
    mkdirSync(path.join(home, "data", "User"), { recursive: true });
    const all = { ...USER_SETTINGS, "security.workspace.trust.enabled": trust, ...settings };
    writeFileSync(path.join(home, "data", "User", "settings.json"), JSON.stringify(all));
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      HOME: home,
      XDG_RUNTIME_DIR: home,
      // Disables the marketplace.
      EXTENSIONS_GALLERY: '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":"","controlUrl":""}',
    };
    delete environment["XDG_CONFIG_HOME"];
    delete environment["XDG_DATA_HOME"];
    for (const extension of extensions) {
      execFileSync(process.execPath, [CODE_SERVER, ...profile, "--install-extension", extension], { env: environment, stdio: "pipe" });
    }
    const options = ["--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check"];
    options.push("--disable-getting-started-override", "--ignore-last-opened");
    // Allows the extension host to run a suite, but hides notifications.
    options.push(...(suites ? ["--vscode-option", "enable-smoke-test-driver"] : []));
    options.push(...(trust ? [] : ["--disable-workspace-trust"]));
    const server = spawn(process.execPath, [CODE_SERVER, ...profile, ...options], {
      env: environment,
      detached: true, // creates a process group, which `kill` ends as a whole
      stdio: ["ignore", "pipe", "inherit"],
    });
    // Stop the workbench even if this process fails.
    process.once("exit", () => kill(server));
    const address = await new Promise<string>((listening, failed) => {
      let output = "";
      server.stdout?.on("data", (text: Buffer) => {
        output += text.toString();
        const found = /HTTP server listening on (http:\/\/[\d.:]+)/.exec(output)?.[1];
        if (found !== undefined) {
          listening(found);
        }
      });
      server.on("exit", (code) => failed(new Error(`code-server exited with ${code}`)));
    });
    const browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim(),
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
        ...["--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
      ],
    });
    return new Editor(home, server, browser, address);
  }

  /** Creates a folder with files. Its `.git` stops the search for configuration files in parent folders. */
  folder(files: Record<string, string | Buffer>): string {
    const folder = mkdtempSync(path.join(this.home, "folder-"));
    mkdirSync(path.join(folder, ".git"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return folder;
  }

  /** Opens a folder in a new window, and optionally a file in it. */
  async window(folder: string, file?: string, payload: readonly (readonly string[])[] = []): Promise<Window> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 1150 }, deviceScaleFactor: 1 });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: this.address });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    const window = new Window(page, context, folder);
    const remote = (local: string): string => `vscode-remote://${new URL(this.address).host}${local}`;
    const opened = file === undefined ? [] : [["openFile", remote(path.join(folder, file))]];
    const all = JSON.stringify([...opened, ...payload]);
    await page.goto(`${this.address}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(all)}`);
    if (file !== undefined) {
      await page.locator(".editor-instance .view-line").first().waitFor();
    }
    return window;
  }

  /** Runs a script in the extension host and returns its exit code and output. */
  async suite(folder: string, script: string): Promise<{ code: number; log: string }> {
    const page = await this.browser.newPage();
    const remote = (local: string): string => `vscode-remote://${new URL(this.address).host}${local}`;
    let log = "";
    // The workbench reports the output and the exit code through these functions. It only runs suites of an extension under development.
    await page.exposeFunction("codeAutomationLog", (_kind: string, words: unknown[]) => (log += `${words.join(" ")}\n`));
    const code = await new Promise<number>((ended, failed) => {
      page.exposeFunction("codeAutomationExit", ended).then(() => {
        const payload = [["extensionDevelopmentPath", remote(path.dirname(script))], ["extensionTestsPath", remote(script)]];
        return page.goto(`${this.address}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
      }, failed);
    });
    await page.close();
    return { code, log };
  }

  /** Opens an empty page in the browser. */
  async page(viewport: { width: number; height: number }): Promise<Page> {
    return this.browser.newPage({ viewport });
  }

  /** The folder with the logs of the extension host. */
  get logs(): string {
    return path.join(this.home, "data", "logs");
  }

  async stop(): Promise<void> {
    await this.browser.close();
    const exited = new Promise((done) => this.server.on("exit", done));
    kill(this.server);
    await exited;
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Kills a process and its children. */
function kill(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    process.kill(-child.pid, "SIGKILL");
  }
}

export class Window {
  readonly page: Page;
  readonly folder: string;
  private readonly context: BrowserContext;

  constructor(page: Page, context: BrowserContext, folder: string) {
    this.page = page;
    this.context = context;
    this.folder = folder;
  }

  async close(): Promise<void> {
    await this.context.close();
  }

  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: path.join(PICTURES, `${name}.png`), caret: "hide", animations: "disabled" });
  }

  /** Runs a command from the command palette. */
  async command(title: string): Promise<void> {
    await this.quickInput();
    await this.choose(`>${title}`, title);
  }

  /** Picks an item of the open quick pick list. */
  async choose(text: string, label = text): Promise<void> {
    const input = this.page.locator(".quick-input-widget:visible input[type=text]").first();
    await input.fill(text);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().waitFor();
    await input.press("Enter");
    // The list closes, or another one replaces it.
    await this.page.waitForFunction((chosen) => {
      const widget = document.querySelector<HTMLElement>(".quick-input-widget");
      return widget === null || widget.style.display === "none" || widget.querySelector("input")?.value !== chosen;
    }, text);
  }

  /** Opens the quick pick list with the mouse, because a focused webview does not forward keys. */
  private async quickInput(): Promise<void> {
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
    await this.page.locator(".command-center .command-center-center, .command-center-quick-pick").first().click();
    // Text typed before the list appears is lost.
    await this.page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row").first().waitFor();
  }

  /** Closes menus, hovers and lists. */
  async escape(): Promise<void> {
    await this.page.keyboard.press("Escape");
    await this.page.keyboard.press("Escape");
  }

  /** Opens a file of the folder by its name, which must be unique. */
  async open(file: string): Promise<void> {
    // VS Code refreshes the list while it searches the folder. A pick at that moment is lost, so retry.
    for (let attempt = 0; attempt < 6; attempt++) {
      await this.quickInput();
      await this.choose(file);
      const closed = this.page.locator(".quick-input-widget").waitFor({ state: "hidden", timeout: 5000 });
      if (await closed.then(() => true, () => false)) {
        break;
      }
      await this.escape();
    }
    await this.tab(file);
    await this.page.locator(".editor-instance .view-line").first().waitFor();
  }

  /** Waits until the tab with a title is active. */
  async tab(title: string): Promise<void> {
    await this.page.locator(".tab.active", { hasText: title }).first().waitFor();
  }

  /** The line with a text in the visible editor. */
  line(text: string): Locator {
    // With a string, Playwright would ignore leading spaces.
    const exactly = new RegExp(nbsp(text).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return this.page.locator(".editor-instance .view-line").filter({ hasText: exactly });
  }

  /** Returns the bounding box of a text in the editor, in pixels. `inLine` selects the line if several contain the text. */
  async boxOf(text: string, inLine = text): Promise<Box> {
    const line = this.line(inLine).first();
    await line.waitFor();
    return line.evaluate((element, wanted) => {
      const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      const nodes: Text[] = [];
      while (walker.nextNode()) {
        nodes.push(walker.currentNode as Text);
      }
      const start = nodes.map((node) => node.data).join("").indexOf(wanted);
      if (start < 0) {
        throw new Error(`no ${wanted} in ${element.textContent}`);
      }
      const at = (offset: number): [Text, number] => {
        for (const node of nodes) {
          if (offset <= node.length) {
            return [node, offset];
          }
          offset -= node.length;
        }
        throw new Error("offset out of range");
      };
      const range = document.createRange();
      range.setStart(...at(start));
      range.setEnd(...at(start + wanted.length));
      const { left, right, top, bottom } = range.getBoundingClientRect();
      return { left, right, top, bottom };
    }, nbsp(text));
  }

  async click(text: string, inLine = text): Promise<void> {
    const { left, right, top, bottom } = await this.boxOf(text, inLine);
    await this.page.mouse.click((left + right) / 2, (top + bottom) / 2);
  }

  /** Waits until a squiggle of a severity is exactly under a text. */
  async squiggle(severity: "error" | "warning" | "info" | "hint", text: string, inLine = text): Promise<void> {
    const selector = `.editor-instance .squiggly-${severity}`;
    await this.page.locator(selector).first().waitFor();
    const wanted = await this.boxOf(text, inLine);
    await this.page
      .waitForFunction(
        ({ selector, wanted }) =>
          [...document.querySelectorAll(selector)].some((element) => {
            const { left, right, top, bottom } = element.getBoundingClientRect();
            const near = (one: number, other: number): boolean => Math.abs(one - other) < 2;
            return near(left, wanted.left) && near(right, wanted.right) && top < wanted.bottom && bottom > wanted.top;
          }),
        { selector, wanted },
      )
      .catch(async () => {
        const boxes = await this.page.locator(selector).evaluateAll((all) => all.map((one) => JSON.stringify(one.getBoundingClientRect())));
        assert.fail(`no ${severity} under ${text} at ${JSON.stringify(wanted)}, but at ${boxes.join(", ")}`);
      });
  }

  /** Waits until no squiggle of a severity is visible. */
  async noSquiggle(severity: "error" | "warning" | "info" | "hint"): Promise<void> {
    await this.page.locator(`.editor-instance .squiggly-${severity}`).first().waitFor({ state: "detached" });
  }

  /** Opens the Problems panel and filters it by a text, because the panel renders only the rows that fit. */
  async diagnostics(text = ""): Promise<Locator> {
    const filter = this.page.locator(".panel .viewpane-filter input, .panel .monaco-inputbox input").first();
    if (!(await this.page.locator(".markers-panel").isVisible())) {
      await this.command("Problems: Focus on Problems View");
      await filter.waitFor();
    }
    if ((await filter.inputValue()) !== text) {
      await filter.fill(text);
    }
    return this.page.locator(".markers-panel .monaco-list-row").filter({ hasText: text });
  }

  /** Waits until the Problems panel shows a diagnostic with a text. */
  async diagnostic(text: string): Promise<void> {
    await (await this.diagnostics(text)).first().waitFor();
  }

  /** Waits until the Problems panel shows no diagnostic with a text. */
  async noDiagnostic(text: string): Promise<void> {
    await (await this.diagnostics(text)).first().waitFor({ state: "detached" });
  }

  /** Waits until the Problems panel shows a number of diagnostics for a file. */
  async diagnosticCount(count: number): Promise<void> {
    await this.page.locator(".markers-panel .monaco-count-badge").getByText(String(count), { exact: true }).first().waitFor();
  }

  /** Closes the panel, which also focuses the editor. */
  async closePanel(): Promise<void> {
    if (await this.page.locator(".markers-panel, .output-view").first().isVisible()) {
      await this.command("View: Hide Panel");
      await this.page.locator(".part.panel").waitFor({ state: "hidden" });
    }
  }

  /** Hovers over a text and returns the hover once it contains another text. */
  async hover(text: string, expected: string, inLine = text): Promise<Locator> {
    const hover = this.page.locator(".monaco-hover:visible").filter({ hasText: expected }).first();
    // A code lens can move the text away from the pointer, so retry.
    for (let attempt = 1; ; attempt++) {
      const { left, right, top, bottom } = await this.boxOf(text, inLine);
      await this.page.mouse.move((left + right) / 2, (top + bottom) / 2);
      try {
        await hover.waitFor({ timeout: TIMEOUT_MS / 5 });
        return hover;
      } catch (error) {
        if (attempt === 5) {
          throw error;
        }
      }
      await this.page.mouse.move(640, 20);
    }
  }

  /** Opens the menu of fixes at the cursor and returns their titles. */
  async fixes(): Promise<string[]> {
    const rows = this.page.locator(".action-widget .monaco-list-row.action");
    // VS Code also requests code actions shortly after the cursor has moved, and then drops the request of the menu, so retry.
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press("Control+.");
      try {
        await rows.first().waitFor({ timeout: TIMEOUT_MS / 6 });
        break;
      } catch (error) {
        if (attempt === 6) {
          throw error;
        }
      }
    }
    return (await rows.allInnerTexts()).map((text) => text.replaceAll("\u00a0", " ").trim());
  }

  /** Applies a fix of the open menu. */
  async applyFix(title: string): Promise<void> {
    await this.page.locator(".action-widget .monaco-list-row.action", { hasText: title }).first().click();
  }

  async save(): Promise<void> {
    await this.page.keyboard.press("Control+s");
  }

  read(file: string): string {
    return readFileSync(path.join(this.folder, file), "utf8");
  }

  write(file: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.folder, file)), { recursive: true });
    writeFileSync(path.join(this.folder, file), text);
  }

  /** Waits until a file on disk has the expected content and returns it. */
  async onDisk(file: string, expected: string | ((text: string) => boolean)): Promise<string> {
    const isExpected = typeof expected === "string" ? (text: string) => text === expected : expected;
    const full = path.join(this.folder, file);
    const content = (): string => {
      try {
        return readFileSync(full, "utf8");
      } catch {
        return "";
      }
    };
    let watcher: FSWatcher | undefined;
    let timeout: NodeJS.Timeout | undefined;
    const last = await new Promise<string>((done) => {
      const check = (): void => {
        if (isExpected(content())) {
          done(content());
        }
      };
      watcher = watch(path.dirname(full), check);
      timeout = setTimeout(() => done(content()), TIMEOUT_MS);
      check();
    });
    clearTimeout(timeout);
    watcher?.close();
    if (typeof expected === "string") {
      assert.equal(last, expected);
    } else {
      assert.ok(isExpected(last), `${file} is ${JSON.stringify(last)}`);
    }
    return last;
  }

  /** The visible notifications. */
  get notifications(): Locator {
    return this.page.locator(".notification-toast");
  }

  /** Waits for a message of the extension in the status bar. */
  async statusMessage(message: string | RegExp): Promise<void> {
    await this.page.locator(".statusbar-item").filter({ hasText: "kubeharden: " }).filter({ hasText: message }).first().waitFor();
  }

  /** Waits until the language status contains a text and returns all of it. */
  async status(expected: string): Promise<string> {
    const button = this.page.locator(".statusbar-item[id='status.languageStatus']");
    await button.waitFor();
    // Each change of the status closes the hover.
    const hover = this.page.locator(".hover-language-status").filter({ hasText: expected });
    await button.hover();
    await hover.first().waitFor();
    const lines = await this.page.locator(".hover-language-status").allInnerTexts();
    await this.page.mouse.move(640, 20);
    await hover.first().waitFor({ state: "detached" });
    return lines.map((line) => line.replaceAll("\u00a0", " ").replaceAll(/\s*\n\s*/g, " | ").trim()).join("\n");
  }
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** VS Code renders spaces as non-breaking spaces. */
function nbsp(text: string): string {
  return text.replaceAll(" ", "\u00a0");
}

// A real workbench with the extension in it, and what a person does there with keys and a pointer.
//
// Nothing here sleeps: each function waits for what a person would see, for a bounded time.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { type FSWatcher, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Browser, type BrowserContext, type Locator, type Page, chromium } from "playwright-core";

/** In milliseconds; reached only by a check that fails. */
export const PATIENCE = 30_000;

function given(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: use tests/editors/run-vscode`);
  return value;
}

export const SERVER = given("KUBEHARDEN_BIN");
const PICTURES = given("KUBEHARDEN_PICTURES");
const CODE_SERVER = given("CODE_SERVER");

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
  /** The .vsix files to install, the extension's among them. */
  readonly extensions: readonly string[];
  readonly settings?: Record<string, unknown>;
  /** Whether folders have to be trusted before they may do everything. */
  readonly trust?: boolean;
  /** Whether the extension host is to run a suite of tests. */
  readonly suites?: boolean;
}

/** A code-server with a fresh profile, and a browser for it. */
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
      // Nobody looks anything up in a marketplace.
      EXTENSIONS_GALLERY: '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":"","controlUrl":""}',
    };
    delete environment["XDG_CONFIG_HOME"];
    delete environment["XDG_DATA_HOME"];
    for (const extension of extensions) {
      execFileSync(process.execPath, [CODE_SERVER, ...profile, "--install-extension", extension], { env: environment, stdio: "pipe" });
    }
    const options = ["--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check"];
    options.push("--disable-getting-started-override", "--ignore-last-opened");
    // With it the extension host can run a suite; messages are not shown then.
    options.push(...(suites ? ["--vscode-option", "enable-smoke-test-driver"] : []));
    options.push(...(trust ? [] : ["--disable-workspace-trust"]));
    const server = spawn(process.execPath, [CODE_SERVER, ...profile, ...options], {
      env: environment,
      detached: true, // with a process group of its own, to be ended as a whole
      stdio: ["ignore", "pipe", "inherit"],
    });
    // Whatever ends this process ends the workbench: nobody else would.
    process.once("exit", () => kill(server));
    const address = await new Promise<string>((listening, failed) => {
      let said = "";
      server.stdout?.on("data", (text: Buffer) => {
        said += text.toString();
        const found = /HTTP server listening on (http:\/\/[\d.:]+)/.exec(said)?.[1];
        if (found !== undefined) {
          listening(found);
        }
      });
      server.on("exit", (code) => failed(new Error(`code-server ended with ${code}`)));
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

  /** A folder with files in it. A `.git` keeps the configuration files of folders above away. */
  folder(files: Record<string, string | Buffer>): string {
    const folder = mkdtempSync(path.join(this.home, "folder-"));
    mkdirSync(path.join(folder, ".git"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return folder;
  }

  /** A window on a folder, with a file of it open where one is named. */
  async window(folder: string, file?: string, payload: readonly (readonly string[])[] = []): Promise<Window> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 1150 }, deviceScaleFactor: 1 });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: this.address });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
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

  /** Runs a script inside the extension host; gives its exit code, and what it said. */
  async suite(folder: string, script: string): Promise<{ code: number; log: string }> {
    const page = await this.browser.newPage();
    const remote = (local: string): string => `vscode-remote://${new URL(this.address).host}${local}`;
    let log = "";
    // This is how the workbench tells a driver of tests; an extension under development has to be named for it to run any.
    await page.exposeFunction("codeAutomationLog", (_kind: string, said: unknown[]) => (log += `${said.join(" ")}\n`));
    const code = await new Promise<number>((ended, failed) => {
      page.exposeFunction("codeAutomationExit", ended).then(() => {
        const payload = [["extensionDevelopmentPath", remote(path.dirname(script))], ["extensionTestsPath", remote(script)]];
        return page.goto(`${this.address}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
      }, failed);
    });
    await page.close();
    return { code, log };
  }

  /** An empty page, to draw on. */
  async page(viewport: { width: number; height: number }): Promise<Page> {
    return this.browser.newPage({ viewport });
  }

  /** What the logs of the extension host say, for a test that failed. */
  get logs(): string {
    return path.join(this.home, "data", "logs");
  }

  async stop(): Promise<void> {
    await this.browser.close();
    const ended = new Promise((done) => this.server.on("exit", done));
    kill(this.server);
    await ended;
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Ends a process with all that it started. */
function kill(started: ChildProcess): void {
  if (started.exitCode === null && started.signalCode === null && started.pid !== undefined) {
    process.kill(-started.pid, "SIGKILL");
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

  /** Runs a command by its title. */
  async command(title: string): Promise<void> {
    await this.quickInput();
    await this.choose(`>${title}`, title);
  }

  /** Chooses from the list that a command has put up. */
  async choose(text: string, label = text): Promise<void> {
    const input = this.page.locator(".quick-input-widget:visible input[type=text]").first();
    await input.fill(text);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().waitFor();
    await input.press("Enter");
    // Another list may come in its place, or nothing.
    await this.page.waitForFunction((chosen) => {
      const widget = document.querySelector<HTMLElement>(".quick-input-widget");
      return widget === null || widget.style.display === "none" || widget.querySelector("input")?.value !== chosen;
    }, text);
  }

  /** With the pointer, since the keys may be somewhere that does not pass them on, as in a page of Markdown. */
  private async quickInput(): Promise<void> {
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
    await this.page.locator(".command-center .command-center-center, .command-center-quick-pick").first().click();
    // Until it has its list it forgets what is typed.
    await this.page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row").first().waitFor();
  }

  /** Leaves menus, hovers and lists. */
  async escape(): Promise<void> {
    await this.page.keyboard.press("Escape");
    await this.page.keyboard.press("Escape");
  }

  /** Opens a file of the folder by its name, which no other one has. */
  async open(file: string): Promise<void> {
    // The list of files is filled anew while the folder is still being looked through, and a choice made just then is lost.
    for (let tries = 0; tries < 6; tries++) {
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

  /** Waits until a tab with a title is in front. */
  async tab(title: string): Promise<void> {
    await this.page.locator(".tab.active", { hasText: title }).first().waitFor();
  }

  /** The line with a text, in the editor that is on the screen. */
  line(text: string): Locator {
    // As an expression, since a plain text is looked for without regard to how many spaces it begins with.
    const exactly = new RegExp(nbsp(text).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return this.page.locator(".editor-instance .view-line").filter({ hasText: exactly });
  }

  /** The rectangle of a text in the editor, in pixels. `inLine` tells lines apart that hold the same text. */
  async place(text: string, inLine = text): Promise<Box> {
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
        throw new Error("behind the end");
      };
      const range = document.createRange();
      range.setStart(...at(start));
      range.setEnd(...at(start + wanted.length));
      const { left, right, top, bottom } = range.getBoundingClientRect();
      return { left, right, top, bottom };
    }, nbsp(text));
  }

  async click(text: string, inLine = text): Promise<void> {
    const { left, right, top, bottom } = await this.place(text, inLine);
    await this.page.mouse.click((left + right) / 2, (top + bottom) / 2);
  }

  /** Waits until a squiggle of a severity is exactly under a text. */
  async squiggle(severity: "error" | "warning" | "info" | "hint", text: string, inLine = text): Promise<void> {
    const selector = `.editor-instance .squiggly-${severity}`;
    await this.page.locator(selector).first().waitFor();
    const wanted = await this.place(text, inLine);
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

  /** Waits until no squiggle of a severity is on the screen. */
  async noSquiggle(severity: "error" | "warning" | "info" | "hint"): Promise<void> {
    await this.page.locator(`.editor-instance .squiggly-${severity}`).first().waitFor({ state: "detached" });
  }

  /** Shows the Problems panel with those that hold a text. The panel renders what it has room for, so that one has to look for it. */
  async problems(text = ""): Promise<Locator> {
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

  /** Waits for a problem with a text. */
  async problem(text: string): Promise<void> {
    await (await this.problems(text)).first().waitFor();
  }

  /** Waits until no problem has a text that one had before. */
  async noProblem(text: string): Promise<void> {
    await (await this.problems(text)).first().waitFor({ state: "detached" });
  }

  /** Waits until the Problems panel counts so many in a file. */
  async counted(number: number): Promise<void> {
    await this.page.locator(".markers-panel .monaco-count-badge").getByText(String(number), { exact: true }).first().waitFor();
  }

  /** Closes the panel, for the editor to have its room, and gives the editor the keys back. */
  async closePanel(): Promise<void> {
    if (await this.page.locator(".markers-panel, .output-view").first().isVisible()) {
      await this.command("View: Hide Panel");
      await this.page.locator(".part.panel").waitFor({ state: "hidden" });
    }
  }

  /** The hover over a text, once it says something. */
  async hover(text: string, says: string, inLine = text): Promise<Locator> {
    const hover = this.page.locator(".monaco-hover:visible").filter({ hasText: says }).first();
    // A line that somebody else puts between the others moves what the pointer was over.
    for (let tries = 1; ; tries++) {
      const { left, right, top, bottom } = await this.place(text, inLine);
      await this.page.mouse.move((left + right) / 2, (top + bottom) / 2);
      try {
        await hover.waitFor({ timeout: PATIENCE / 5 });
        return hover;
      } catch (error) {
        if (tries === 5) {
          throw error;
        }
      }
      await this.page.mouse.move(640, 20);
    }
  }

  /** The titles in the menu of fixes for what is under the cursor. */
  async fixes(): Promise<string[]> {
    const rows = this.page.locator(".action-widget .monaco-list-row.action");
    // The editor asks by itself a moment after the cursor has moved, and forgets then what a person asked for: who sees no menu
    // presses the key again.
    for (let tries = 1; ; tries++) {
      await this.page.keyboard.press("Control+.");
      try {
        await rows.first().waitFor({ timeout: PATIENCE / 6 });
        break;
      } catch (error) {
        if (tries === 6) {
          throw error;
        }
      }
    }
    return (await rows.allInnerTexts()).map((text) => text.replaceAll("\u00a0", " ").trim());
  }

  async take(title: string): Promise<void> {
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

  /** Waits until a file on the disk is what it should be, whole. */
  async onDisk(file: string, expected: string | ((text: string) => boolean)): Promise<string> {
    const isRight = typeof expected === "string" ? (text: string) => text === expected : expected;
    const full = path.join(this.folder, file);
    const now = (): string => {
      try {
        return readFileSync(full, "utf8");
      } catch {
        return "";
      }
    };
    let watcher: FSWatcher | undefined;
    let late: NodeJS.Timeout | undefined;
    const seen = await new Promise<string>((done) => {
      const look = (): void => {
        if (isRight(now())) {
          done(now());
        }
      };
      watcher = watch(path.dirname(full), look);
      late = setTimeout(() => done(now()), PATIENCE);
      look();
    });
    clearTimeout(late);
    watcher?.close();
    if (typeof expected === "string") {
      assert.equal(seen, expected);
    } else {
      assert.ok(isRight(seen), `${file} is ${JSON.stringify(seen)}`);
    }
    return seen;
  }

  /** The messages in the corner. */
  get messages(): Locator {
    return this.page.locator(".notification-toast");
  }

  /** What the language status says of the file, whole, once it says that. */
  async status(says: string): Promise<string> {
    const button = this.page.locator(".statusbar-item[id='status.languageStatus']");
    await button.waitFor();
    // It is rendered anew with each change, and closes with it.
    const hover = this.page.locator(".hover-language-status").filter({ hasText: says });
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

/** As the editor writes spaces on the screen. */
function nbsp(text: string): string {
  return text.replaceAll(" ", "\u00a0");
}

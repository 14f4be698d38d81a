// The lifecycle of the server: starts, stops, restarts and monitors it.
//
// At most one server runs at a time. Each failure shows a single message with the available actions; the same message does not appear
// twice in a row.

import * as vscode from "vscode";
import {
  CloseAction,
  type CloseHandlerResult,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type StaticFeature,
  TransportKind,
} from "vscode-languageclient/node";
import { BINARY_NAME, type Binary, BinaryError, findBinary } from "./binary";
import { announceIgnore } from "./ignores";
import { TraceChannel } from "./log";
import { linkDiagnostic, linkHover } from "./pages";

/** The documents that the server checks. Other extensions give other languages to, for example, Helm templates. */
export const SELECTOR: vscode.DocumentSelector & { scheme: string; language: string }[] = [
  { scheme: "file", language: "yaml" },
  { scheme: "untitled", language: "yaml" },
];

/** The parameters of the notification `kubeharden/status`; see docs/protocol.md. */
export type Status = { readonly uri: string; readonly version: number } & (
  | { readonly failure: string }
  | {
      readonly failure?: never;
      readonly profile: string;
      readonly namespaces?: readonly { readonly name: string; readonly profile: string }[];
      readonly kubernetesVersion: string;
      readonly configurationFile: string | null;
      readonly objects: number;
      readonly template: boolean;
      readonly patch: boolean;
    }
);

export type State =
  | { readonly kind: "off" | "starting" }
  | { readonly kind: "running"; readonly binary: Binary; readonly client: LanguageClient }
  | { readonly kind: "failed"; readonly reason: string };

/** What failed: the user's setup (there is no usable binary), or the server itself. */
type FailureKind = "setup" | "crash";

/** The server is restarted after a crash, up to this many times within `CRASH_WINDOW_MS`. */
const MAX_RESTARTS = 4;
const CRASH_WINDOW_MS = 180_000;

export class Session implements vscode.Disposable {
  private current: State = { kind: "off" };
  private queue: Promise<void> = Promise.resolve();
  private crashes: number[] = [];
  private shownError = "";
  private client: LanguageClient | undefined;
  private readonly stateChanged = new vscode.EventEmitter<void>();
  private readonly statusReceived = new vscode.EventEmitter<Status>();
  private readonly trace: TraceChannel;

  readonly onDidChangeState = this.stateChanged.event;
  readonly onDidReceiveStatus = this.statusReceived.event;

  constructor(
    private readonly context: vscode.ExtensionContext,
    readonly log: vscode.LogOutputChannel,
  ) {
    this.trace = new TraceChannel(log);
  }

  get state(): State {
    return this.current;
  }

  /** Stops the server and starts it again if it is enabled. Concurrent calls run one after another. */
  restart(): Promise<void> {
    this.crashes = [];
    this.shownError = "";
    return this.enqueueRestart();
  }

  /** Shuts the server down. */
  stop(): Promise<void> {
    this.queue = this.queue.then(() => this.stopServer());
    return this.queue;
  }

  private enqueueRestart(): Promise<void> {
    this.queue = this.queue.then(async () => {
      await this.stopServer();
      if (vscode.workspace.getConfiguration("kubeharden").get("enable", true)) {
        await this.startServer();
      }
    });
    return this.queue;
  }

  private async startServer(): Promise<void> {
    this.setState({ kind: "starting" });
    try {
      const settings = vscode.workspace.getConfiguration("kubeharden");
      const environment = { ...process.env, ...settings.get<Record<string, string>>("server.extraEnv", {}) };
      const binary = await findBinary({
        setting: (settings.get<string | null>("server.path") ?? "").trim(),
        bundled: this.context.asAbsolutePath(`bin/${BINARY_NAME}`),
        extensionVersion: this.context.extension.packageJSON.version,
        environment,
      });
      this.log.info(`kubeharden ${binary.version} (${binary.origin}): ${binary.path}`);
      const client = this.createClient(binary, environment);
      this.client = client;
      await client.start();
      this.setState({ kind: "running", binary, client });
    } catch (error) {
      // If the server crashed, `onClosed` has already reported it.
      if (this.current.kind === "failed") {
        return;
      }
      if (error instanceof BinaryError) {
        this.fail("setup", error.message);
      } else {
        this.fail("crash", `The kubeharden server failed to start: ${message(error)}.`);
      }
    }
  }

  private createClient(binary: Binary, environment: NodeJS.ProcessEnv): LanguageClient {
    const executable = { command: binary.path, args: ["server"], transport: TransportKind.stdio, options: { env: environment } };
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      // VS Code pulls diagnostics for visible files only, and for the others later, one by one. Pushed diagnostics cover all open
      // files at once.
      initializationOptions: { diagnostics: "push" },
      outputChannel: this.log,
      traceOutputChannel: this.trace,
      // `startServer` reports the error.
      initializationFailedHandler: () => false,
      errorHandler: {
        error: (error) => {
          this.log.error(`Connection error: ${error.message}`);
          return { action: ErrorAction.Continue, handled: true };
        },
        closed: () => this.onClosed(client),
      },
      middleware: {
        handleDiagnostics: (uri, diagnostics, next) => next(uri, diagnostics.map(linkDiagnostic)),
        provideHover: async (document, position, token, next) => {
          const hover = await next(document, position, token);
          const diagnostics = vscode.languages.getDiagnostics(document.uri).filter(({ range }) => range.contains(position));
          return hover && linkHover(hover, diagnostics);
        },
        provideCodeActions: async (document, range, context, token, next) => {
          const actions = await next(document, range, context, token);
          actions?.forEach((action) => announceIgnore(action, document));
          return actions;
        },
      },
    };
    const client: LanguageClient = new QuietClient("kubeharden", "kubeharden", executable, options);
    client.registerFeature(announceStatus);
    client.onNotification("kubeharden/status", (status: Status) => this.statusReceived.fire(status));
    return client;
  }

  /** Handles a closed connection. If the session did not stop the server, the server crashed. */
  private onClosed(client: LanguageClient): CloseHandlerResult {
    if (client === this.client) {
      this.onCrash();
    }
    // The session restarts the server itself.
    return { action: CloseAction.DoNotRestart, handled: true };
  }

  private onCrash(): void {
    const now = Date.now();
    this.crashes = [...this.crashes.filter((crash) => now - crash < CRASH_WINDOW_MS), now];
    if (this.current.kind === "starting") {
      this.fail("crash", "The kubeharden server crashed during startup.");
    } else if (this.crashes.length > MAX_RESTARTS) {
      const minutes = CRASH_WINDOW_MS / 60_000;
      this.fail("crash", `The kubeharden server crashed ${this.crashes.length} times in the last ${minutes} minutes and will not be restarted.`);
    } else {
      this.log.warn("The server crashed. Restarting it.");
      void this.enqueueRestart();
    }
  }

  private async stopServer(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    // `dispose` rejects if the server has crashed.
    await client?.dispose().catch((error: unknown) => this.log.info(`Stopping the server: ${message(error)}`));
    this.setState({ kind: "off" });
  }

  private fail(kind: FailureKind, reason: string): void {
    this.setState({ kind: "failed", reason });
    this.log.error(reason);
    if (this.shownError !== reason) {
      this.shownError = reason;
      void this.showError(kind, reason);
    }
  }

  /** Shows an error. VS Code highlights the first action, so the most useful one comes first. */
  private async showError(kind: FailureKind, reason: string): Promise<void> {
    const [openSettings, showLog, restart] = ["Open Settings", "Show Log", "Restart"] as const;
    const actions = kind === "setup" ? [openSettings, showLog, restart] : [restart, showLog, openSettings];
    switch (await vscode.window.showErrorMessage(reason, ...actions)) {
      case openSettings:
        await vscode.commands.executeCommand("kubeharden.openSettings", "kubeharden.server");
        break;
      case showLog:
        this.log.show();
        break;
      case restart:
        await this.restart();
        break;
      default:
        break;
    }
  }

  private setState(state: State): void {
    this.current = state;
    this.stateChanged.fire();
  }

  dispose(): void {
    this.trace.dispose();
    this.stateChanged.dispose();
    this.statusReceived.dispose();
  }
}

/** A client that logs errors but does not show them; the session shows its own messages. */
class QuietClient extends LanguageClient {
  override error(text: string, data?: unknown): void {
    super.error(text, data, false);
  }
}

/** Announces to the server that the client handles `kubeharden/status`. */
const announceStatus: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = { ...capabilities.experimental, kubeharden: { status: true } };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

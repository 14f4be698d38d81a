// The server's life: started, stopped, restarted, watched.
//
// Promise: at most one server runs; whatever goes wrong ends in one message that says what to do, and never in two; the same
// complaint is not made twice in a row.

import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type StaticFeature,
  TransportKind,
} from "vscode-languageclient/node";
import { type Binary, NoBinary, binaryName, findBinary } from "./binary";
import { TraceChannel } from "./log";
import { linkPages } from "./pages";

/** The documents that the server is asked about: what other extensions made of YAML has another language. */
export const SELECTOR: vscode.DocumentSelector & { scheme: string; language: string }[] = [
  { scheme: "file", language: "yaml" },
  { scheme: "untitled", language: "yaml" },
];

/** What the server tells of a document, beyond the protocol: docs/protocol.md. */
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

/** A server that dies more often than this within `WINDOW` milliseconds is not started again. */
const MOST_DEATHS = 4;
const WINDOW = 180_000;

export class Session implements vscode.Disposable {
  private current: State = { kind: "off" };
  private queue: Promise<void> = Promise.resolve();
  private deaths: number[] = [];
  private complained = "";
  private client: LanguageClient | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly statusChanged = new vscode.EventEmitter<Status>();
  private readonly traced: TraceChannel;

  readonly onDidChange = this.changed.event;
  readonly onDidTellStatus = this.statusChanged.event;

  constructor(
    private readonly context: vscode.ExtensionContext,
    readonly log: vscode.LogOutputChannel,
  ) {
    this.traced = new TraceChannel(log);
  }

  get state(): State {
    return this.current;
  }

  /** Stops what runs and starts what the settings ask for. Several calls at once take turns. */
  restart(): Promise<void> {
    this.deaths = [];
    this.complained = "";
    return this.next();
  }

  private next(): Promise<void> {
    this.queue = this.queue.then(async () => {
      await this.stop();
      if (vscode.workspace.getConfiguration("kubeharden").get("enable", true)) {
        await this.start();
      }
    });
    return this.queue;
  }

  private async start(): Promise<void> {
    this.set({ kind: "starting" });
    try {
      const settings = vscode.workspace.getConfiguration("kubeharden");
      const environment = { ...process.env, ...settings.get<Record<string, string>>("server.extraEnv", {}) };
      const binary = await findBinary({
        setting: (settings.get<string | null>("server.path") ?? "").trim(),
        bundled: this.context.asAbsolutePath(`bin/${binaryName}`),
        wanted: this.context.extension.packageJSON.version,
        environment,
      });
      this.log.info(`kubeharden ${binary.version} (${binary.origin}): ${binary.path}`);
      const client = this.connect(binary, environment);
      this.client = client;
      await client.start();
      this.set({ kind: "running", binary, client });
    } catch (error) {
      if (this.current.kind !== "failed") {
        this.fail(error instanceof NoBinary ? error.message : `The server does not start: ${message(error)}.`);
      }
    }
  }

  private connect(binary: Binary, environment: NodeJS.ProcessEnv): LanguageClient {
    const executable = { command: binary.path, args: ["server"], transport: TransportKind.stdio, options: { env: environment } };
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      // VS Code asks only for what is visible, and for the rest half a second later each: published diagnostics are there for every
      // open file at once.
      initializationOptions: { diagnostics: "push" },
      outputChannel: this.log,
      traceOutputChannel: this.traced,
      // What this extension has to say it says itself, once.
      initializationFailedHandler: () => false,
      errorHandler: {
        error: (error) => {
          this.log.error(`The connection to the server is disturbed: ${error.message}`);
          return { action: ErrorAction.Continue, handled: true };
        },
        closed: () => this.died(client),
      },
      middleware: {
        handleDiagnostics: (uri, diagnostics, next) => next(uri, diagnostics.map(linkPages.ofDiagnostic)),
        provideHover: async (document, position, token, next) => {
          const hover = await next(document, position, token);
          const shown = vscode.languages.getDiagnostics(document.uri).filter(({ range }) => range.contains(position));
          return hover && linkPages.ofHover(hover, shown);
        },
      },
    };
    const client: LanguageClient = new Client("kubeharden", "kubeharden", executable, options);
    client.registerFeature(wantsStatus);
    client.onNotification("kubeharden/status", (status: Status) => this.statusChanged.fire(status));
    return client;
  }

  /** The server ended though nobody asked it to. */
  private died(client: LanguageClient): { action: CloseAction; handled: boolean } {
    const nothing = { action: CloseAction.DoNotRestart, handled: true };
    if (client !== this.client) {
      return nothing;
    }
    const now = Date.now();
    this.deaths = [...this.deaths.filter((death) => now - death < WINDOW), now];
    if (this.current.kind === "starting") {
      this.fail("The server ended while it started.");
    } else if (this.deaths.length > MOST_DEATHS) {
      this.fail(`The server ended ${this.deaths.length} times within ${WINDOW / 60_000} minutes.`);
    } else {
      this.log.warn("The server ended, and is started again.");
      void this.next();
    }
    return nothing;
  }

  private async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    // One that died has nothing left to stop, and says so with an exception.
    await client?.dispose().catch((error: unknown) => this.log.info(`Stopping: ${message(error)}`));
    this.set({ kind: "off" });
  }

  private fail(reason: string): void {
    this.set({ kind: "failed", reason });
    this.log.error(reason);
    if (this.complained !== reason) {
      this.complained = reason;
      void this.complain(reason);
    }
  }

  private async complain(reason: string): Promise<void> {
    const [settings, logs, again] = ["Open Settings", "Show Logs", "Try Again"] as const;
    switch (await vscode.window.showErrorMessage(`kubeharden does not run. ${reason}`, settings, logs, again)) {
      case settings:
        await vscode.commands.executeCommand("kubeharden.openSettings", "kubeharden.server");
        break;
      case logs:
        this.log.show();
        break;
      case again:
        await this.restart();
        break;
      default:
        break;
    }
  }

  private set(state: State): void {
    this.current = state;
    this.changed.fire();
  }

  /** Stops the server, with a goodbye. */
  async end(): Promise<void> {
    this.queue = this.queue.then(() => this.stop());
    await this.queue;
  }

  dispose(): void {
    this.traced.dispose();
    this.changed.dispose();
    this.statusChanged.dispose();
  }
}

/** A client that leaves the messages to the session. */
class Client extends LanguageClient {
  override error(text: string, data?: unknown): void {
    super.error(text, data, false);
  }
}

/** Announces what the server says beyond the protocol to those who can hear it. */
const wantsStatus: StaticFeature = {
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

// The log of the extension and of the server, in one channel: who looks for what went wrong looks in one place.

import * as vscode from "vscode";

/**
 * The log, as the language client traces messages to it. The client asks a channel's level whether to trace, which a person can
 * only set by a command; here the setting `kubeharden.trace.server` decides.
 */
export class TraceChannel implements vscode.LogOutputChannel, vscode.Disposable {
  private readonly levelChanged = new vscode.EventEmitter<vscode.LogLevel>();
  private readonly subscription: vscode.Disposable;
  readonly onDidChangeLogLevel = this.levelChanged.event;

  constructor(private readonly log: vscode.LogOutputChannel) {
    this.subscription = vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("kubeharden.trace.server")) {
        this.levelChanged.fire(this.logLevel);
      }
    });
  }

  get name(): string {
    return this.log.name;
  }

  get logLevel(): vscode.LogLevel {
    const trace = vscode.workspace.getConfiguration("kubeharden").get<string>("trace.server", "off");
    return trace === "off" ? vscode.LogLevel.Info : vscode.LogLevel.Trace;
  }

  trace(message: string): void {
    this.log.appendLine(message);
  }

  debug(message: string, ...more: unknown[]): void {
    this.log.debug(message, ...more);
  }

  info(message: string, ...more: unknown[]): void {
    this.log.info(message, ...more);
  }

  warn(message: string, ...more: unknown[]): void {
    this.log.warn(message, ...more);
  }

  error(message: string | Error, ...more: unknown[]): void {
    this.log.error(message, ...more);
  }

  append(text: string): void {
    this.log.append(text);
  }

  appendLine(text: string): void {
    this.log.appendLine(text);
  }

  replace(text: string): void {
    this.log.replace(text);
  }

  clear(): void {
    this.log.clear();
  }

  show(): void {
    this.log.show(true);
  }

  hide(): void {
    this.log.hide();
  }

  /** The log itself outlives the client. */
  dispose(): void {
    this.subscription.dispose();
    this.levelChanged.dispose();
  }
}

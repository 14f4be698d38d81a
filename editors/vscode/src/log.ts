// The output channel for the log and the trace. Both use one channel, so that users find all messages in one place.

import * as vscode from "vscode";

/**
 * Wraps the log for the trace of the language client. The client traces if the level of its channel is `Trace`, which users can
 * only set with a command. This channel derives its level from the setting `kubeharden.trace.server` instead.
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

  /** Does not dispose of the log itself. */
  dispose(): void {
    this.subscription.dispose();
    this.levelChanged.dispose();
  }
}

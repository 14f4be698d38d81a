// What the language status of a YAML file shows: whether the server runs, what the file is held to, and why nothing is said.

import * as path from "node:path";
import * as vscode from "vscode";
import { SELECTOR, type Session, type Status } from "./session";

/** How long an analysis may take, in milliseconds, before it is shown that one runs: what is quicker would only flicker. */
const PATIENCE = 300;

export class StatusItems implements vscode.Disposable {
  private readonly told = new Map<string, Status>();
  private readonly main = vscode.languages.createLanguageStatusItem("kubeharden.status", SELECTOR);
  private readonly file = vscode.languages.createLanguageStatusItem("kubeharden.configuration", SELECTOR);
  private readonly subscriptions: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly session: Session) {
    this.main.name = "kubeharden";
    this.file.name = "kubeharden: configuration";
    this.subscriptions = [
      session.onDidChange(() => {
        if (session.state.kind !== "running") {
          this.told.clear();
        }
        this.show();
      }),
      session.onDidTellStatus((status) => {
        this.told.set(vscode.Uri.parse(status.uri).toString(), status);
        this.show();
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.show()),
      vscode.languages.onDidChangeDiagnostics(() => this.show()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document === vscode.window.activeTextEditor?.document) {
          this.show();
        }
      }),
      vscode.workspace.onDidCloseTextDocument((document) => this.told.delete(document.uri.toString())),
    ];
    this.show();
  }

  /** What was told last of a document. */
  of(document: vscode.TextDocument): Status | undefined {
    return this.told.get(document.uri.toString());
  }

  private show(): void {
    const { state } = this.session;
    const document = vscode.window.activeTextEditor?.document;
    const status = document && this.of(document);
    this.showMain(document, status);
    const isHeld = state.kind === "running" && status !== undefined && status.failure === undefined;
    // Without a selector it is not shown: what is not known yet is not said.
    this.file.selector = isHeld ? SELECTOR : [];
    this.showFile(isHeld ? (status.configurationFile ?? undefined) : undefined);
  }

  private showMain(document: vscode.TextDocument | undefined, status: Status | undefined): void {
    const { state } = this.session;
    const logs = { command: "kubeharden.showLogs", title: "Show Logs" };
    const [text, detail, command, severity] = ((): [string, string, vscode.Command, vscode.LanguageStatusSeverity] => {
      const { Information, Error } = vscode.LanguageStatusSeverity;
      switch (state.kind) {
        case "off":
          return ["kubeharden: off", "", settings("kubeharden.enable"), Information];
        case "starting":
          return ["kubeharden: starting", "", logs, Information];
        case "failed":
          return ["kubeharden: not running", state.reason, logs, Error];
        case "running":
          if (status?.failure !== undefined) {
            return ["kubeharden: cannot read this file", status.failure, logs, Error];
          }
          return [title(status), details(document, status), settings("kubeharden."), Information];
      }
    })();
    this.main.text = text;
    this.main.detail = detail;
    this.main.command = command;
    this.main.severity = severity;
    this.showBusy(state.kind === "starting" || (status !== undefined && document !== undefined && status.version < document.version));
  }

  private showBusy(busy: boolean): void {
    if (!busy) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.main.busy = false;
    } else {
      this.timer ??= setTimeout(() => (this.main.busy = true), PATIENCE);
    }
  }

  private showFile(file: string | undefined): void {
    const uri = file === undefined ? undefined : vscode.Uri.parse(file);
    const mistakes = uri === undefined ? 0 : vscode.languages.getDiagnostics(uri).filter((one) => one.source === "kubeharden").length;
    const { Information, Error } = vscode.LanguageStatusSeverity;
    this.file.severity = mistakes > 0 ? Error : Information;
    this.file.text = uri === undefined ? "no configuration file" : vscode.workspace.asRelativePath(uri);
    this.file.detail = mistakes === 0 ? "kubeharden" : `${counted(mistakes, "mistake")}: what it said before counts`;
    this.file.command =
      uri === undefined ? settings("kubeharden.profile") : { command: "vscode.open", title: "Open", arguments: [uri] };
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const one of [...this.subscriptions, this.main, this.file]) {
      one.dispose();
    }
  }
}

function title(status: Status | undefined): string {
  if (status === undefined || status.failure !== undefined) {
    return "kubeharden";
  }
  return `kubeharden: ${status.profile}, Kubernetes ${status.kubernetesVersion}`;
}

/** Who sees no findings wants to know whether that is good news. */
function details(document: vscode.TextDocument | undefined, status: Status | undefined): string {
  if (document !== undefined && path.posix.basename(document.uri.path) === ".kubeharden.yaml") {
    return "configuration file";
  }
  if (status === undefined || status.failure !== undefined) {
    return "";
  }
  if (status.template) {
    return "Helm template: modest";
  }
  if (status.patch) {
    return "Kustomize patch: modest";
  }
  if (status.objects === 0) {
    return "no Kubernetes manifest: nothing to check";
  }
  const enforced = (status.namespaces ?? []).map(({ name, profile }) => `, ${profile} as Namespace ${name} enforces`);
  return counted(status.objects, "object") + enforced.join("");
}

function settings(query: string): vscode.Command {
  return { command: "kubeharden.openSettings", title: "Settings", arguments: [query] };
}

export function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

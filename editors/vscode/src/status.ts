// The language status items of YAML files: whether the server runs, which profile and configuration file apply, and why a file may
// have no findings.

import * as path from "node:path";
import * as vscode from "vscode";
import { SELECTOR, type Session, type Status } from "./session";

/** Show the busy indicator only if an analysis takes longer than this, so that it does not flicker. */
const BUSY_DELAY_MS = 300;

type FileStatus = Extract<Status, { readonly profile: string }>;

interface MainStatus {
  readonly text: string;
  readonly detail?: string;
  readonly command: vscode.Command;
  readonly isError?: boolean;
}

export class StatusItems implements vscode.Disposable {
  private readonly latest = new Map<string, Status>();
  private readonly main = vscode.languages.createLanguageStatusItem("kubeharden.status", SELECTOR);
  private readonly configuration = vscode.languages.createLanguageStatusItem("kubeharden.configuration", SELECTOR);
  private readonly subscriptions: vscode.Disposable[];
  private busyTimer: NodeJS.Timeout | undefined;

  constructor(private readonly session: Session) {
    this.main.name = "kubeharden";
    this.configuration.name = "kubeharden: configuration";
    this.subscriptions = [
      session.onDidChangeState(() => {
        if (session.state.kind !== "running") {
          this.latest.clear();
        }
        this.update();
      }),
      session.onDidReceiveStatus((status) => {
        this.latest.set(vscode.Uri.parse(status.uri).toString(), status);
        this.update();
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.update()),
      vscode.languages.onDidChangeDiagnostics(() => this.update()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document === vscode.window.activeTextEditor?.document) {
          this.update();
        }
      }),
      vscode.workspace.onDidCloseTextDocument((document) => this.latest.delete(document.uri.toString())),
    ];
    this.update();
  }

  /** Returns the latest status of a document. */
  of(document: vscode.TextDocument): Status | undefined {
    return this.latest.get(document.uri.toString());
  }

  /** Whether the server has analyzed the current version of a document and reported no findings. */
  isClean(document: vscode.TextDocument): boolean {
    const status = this.of(document);
    // The server sends the status of a version after its diagnostics.
    return status?.failure === undefined && status?.version === document.version && countDiagnostics(document.uri) === 0;
  }

  private update(): void {
    const { state } = this.session;
    const document = vscode.window.activeTextEditor?.document;
    const status = document && this.of(document);
    this.updateMain(document, status);
    const isOutdated = status !== undefined && document !== undefined && status.version < document.version;
    this.updateBusy(state.kind === "starting" || isOutdated);
    this.updateConfiguration(state.kind === "running" && status?.failure === undefined ? status : undefined);
  }

  private updateMain(document: vscode.TextDocument | undefined, status: Status | undefined): void {
    const { text, detail, command, isError } = this.mainStatus(document, status);
    const { Information, Error } = vscode.LanguageStatusSeverity;
    this.main.text = text;
    this.main.detail = detail ?? "";
    this.main.command = command;
    this.main.severity = isError === true ? Error : Information;
  }

  private mainStatus(document: vscode.TextDocument | undefined, status: Status | undefined): MainStatus {
    const { state } = this.session;
    const showLog = { command: "kubeharden.showLogs", title: "Show Log" };
    switch (state.kind) {
      case "off":
        return { text: "kubeharden: disabled", command: openSettings("kubeharden.enable") };
      case "starting":
        return { text: "kubeharden: starting", command: showLog };
      case "failed":
        return { text: "kubeharden: not running", detail: state.reason, command: showLog, isError: true };
      case "running":
        if (status?.failure !== undefined) {
          return { text: "kubeharden: analysis failed", detail: status.failure, command: showLog, isError: true };
        }
        return { text: title(status), detail: detail(document, status), command: openSettings("kubeharden.") };
    }
  }

  private updateBusy(isBusy: boolean): void {
    if (!isBusy) {
      clearTimeout(this.busyTimer);
      this.busyTimer = undefined;
      this.main.busy = false;
    } else {
      this.busyTimer ??= setTimeout(() => (this.main.busy = true), BUSY_DELAY_MS);
    }
  }

  private updateConfiguration(status: FileStatus | undefined): void {
    // An item without a selector is hidden.
    this.configuration.selector = status === undefined ? [] : SELECTOR;
    const file = status?.configurationFile ?? undefined;
    if (file === undefined) {
      this.configuration.severity = vscode.LanguageStatusSeverity.Information;
      this.configuration.text = "Config: none (defaults)";
      this.configuration.detail = "kubeharden";
      this.configuration.command = openSettings("kubeharden.profile");
      return;
    }
    const uri = vscode.Uri.parse(file);
    const errors = countDiagnostics(uri);
    this.configuration.severity = errors > 0 ? vscode.LanguageStatusSeverity.Error : vscode.LanguageStatusSeverity.Information;
    this.configuration.text = `Config: ${vscode.workspace.asRelativePath(uri)}`;
    this.configuration.detail = errors > 0 ? `${plural(errors, "error")}; the last valid configuration applies` : "kubeharden";
    this.configuration.command = { command: "vscode.open", title: "Open", arguments: [uri] };
  }

  dispose(): void {
    clearTimeout(this.busyTimer);
    for (const disposable of [...this.subscriptions, this.main, this.configuration]) {
      disposable.dispose();
    }
  }
}

function countDiagnostics(uri: vscode.Uri): number {
  return vscode.languages.getDiagnostics(uri).filter(({ source }) => source === "kubeharden").length;
}

function title(status: FileStatus | undefined): string {
  return status === undefined ? "kubeharden" : `kubeharden: ${status.profile}, Kubernetes ${status.kubernetesVersion}`;
}

/** Describes what is checked in a file, so that users can interpret a file without findings. */
function detail(document: vscode.TextDocument | undefined, status: FileStatus | undefined): string {
  if (document !== undefined && path.posix.basename(document.uri.path) === ".kubeharden.yaml") {
    return "Configuration file";
  }
  if (status === undefined) {
    return "";
  }
  if (status.template) {
    return "Helm template: only literal values are checked";
  }
  if (status.patch) {
    return "Kustomize patch: only literal values are checked";
  }
  if (status.objects === 0) {
    return "Not a Kubernetes manifest";
  }
  const namespaces = (status.namespaces ?? []).map(({ name, profile }) => `, ${profile} (Namespace ${name})`);
  return plural(status.objects, "object") + namespaces.join("");
}

function openSettings(query: string): vscode.Command {
  return { command: "kubeharden.openSettings", title: "Settings", arguments: [query] };
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

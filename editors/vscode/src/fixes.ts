// The two commands that fix a whole file.
//
// Edits apply only to the version of the text that they were computed for. If the file changes meanwhile, the command asks again.

import * as vscode from "vscode";
import { CodeActionRequest, CodeActionTriggerKind, type CodeAction, type LanguageClient, type WorkspaceEdit } from "vscode-languageclient/node";
import { SELECTOR, type Session } from "./session";
import { type StatusItems, plural } from "./status";

interface Fixes {
  readonly edit: WorkspaceEdit | undefined;
  /** The message to show: after the edit is applied, or if there is no edit. */
  readonly message: string;
}

type RequestFixes = (client: LanguageClient, document: vscode.TextDocument) => Promise<Fixes>;

/** The result of `kubeharden/harden`; see docs/protocol.md. */
interface Hardened {
  readonly edit: WorkspaceEdit | null;
  /** The number of findings that the edit fixes. */
  readonly mended: number;
  /** Why fixes are missing from the edit. */
  readonly withheld: readonly string[];
}

const FIX_ALL = "source.fixAll.kubeharden";

/** The data of the action `source.fixAll.kubeharden`. */
interface FixAllData {
  /** The number of findings that the edit fixes. */
  readonly fixed: number;
}

/** Give up after this many attempts if the file changes during each of them. */
const MAX_ATTEMPTS = 10;

/** How long the status bar shows the message. */
const MESSAGE_MS = 8000;

/** Applies all safe fixes to the active file. */
export function fixAll(session: Session, items: StatusItems): Promise<void> {
  return fixActiveFile(session, async (client, document) => {
    const actions = await client.sendRequest(CodeActionRequest.type, {
      textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
      range: client.code2ProtocolConverter.asRange(new vscode.Range(0, 0, document.lineCount, 0)),
      context: { diagnostics: [], only: [FIX_ALL], triggerKind: CodeActionTriggerKind.Invoked },
    });
    const action = actions?.find((one): one is CodeAction => "edit" in one && one.kind === FIX_ALL);
    if (action?.edit === undefined) {
      return { edit: undefined, message: items.isClean(document) ? "No findings in this file" : "No safe fixes in this file" };
    }
    // An older server does not send the number.
    const fixed = (action.data as FixAllData | undefined)?.fixed;
    const result = fixed === undefined ? "" : `; fixed ${plural(fixed, "finding")}`;
    return { edit: action.edit, message: `Applied all safe fixes${result}` };
  });
}

/** Applies all safe and unsafe fixes to the active file. */
export function harden(session: Session, items: StatusItems): Promise<void> {
  return fixActiveFile(session, async (client, document) => {
    const textDocument = client.code2ProtocolConverter.asTextDocumentIdentifier(document);
    const result = await client.sendRequest<Hardened | null>("kubeharden/harden", { textDocument });
    const withheld = result?.withheld ?? [];
    for (const reason of withheld) {
      session.log.info(`Not fixed in ${document.fileName}: ${reason}`);
    }
    const suffix = withheld.length === 0 ? "" : `; ${plural(withheld.length, "fix", "fixes")} withheld (see the log)`;
    if (result === null || result.edit === null) {
      const message = items.isClean(document) ? "No findings in this file" : "Nothing to fix automatically";
      return { edit: undefined, message: message + suffix };
    }
    return { edit: result.edit, message: `Fixed ${plural(result.mended, "finding")}${suffix}` };
  });
}

async function fixActiveFile({ state }: Session, requestFixes: RequestFixes): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || vscode.languages.match(SELECTOR, editor.document) === 0) {
    return showMessage("Open a YAML file first");
  }
  if (state.kind !== "running") {
    return showMessage("The server is not running");
  }
  const { client } = state;
  const { document } = editor;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const { version } = document;
    const { edit, message } = await requestFixes(client, document);
    if (edit === undefined) {
      return showMessage(message);
    }
    const workspaceEdit = await client.protocol2CodeConverter.asWorkspaceEdit(edit);
    if (document.version === version && (await vscode.workspace.applyEdit(workspaceEdit))) {
      return showMessage(message);
    }
  }
  return showMessage("The file changed while fixing; try again");
}

function showMessage(message: string): void {
  vscode.window.setStatusBarMessage(`$(shield) kubeharden: ${message}`, MESSAGE_MS);
}

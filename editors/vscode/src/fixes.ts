// The two commands that mend a whole file.
//
// Promise: edits are made only to the text that they were found for; a file that changed meanwhile is asked about again.

import * as vscode from "vscode";
import { CodeActionRequest, CodeActionTriggerKind, type CodeAction, type LanguageClient, type WorkspaceEdit } from "vscode-languageclient/node";
import { SELECTOR, type Session } from "./session";
import { counted } from "./status";

interface Answer {
  readonly edit: WorkspaceEdit | undefined;
  /** What to tell once it is made; what to tell where there is nothing to make. */
  readonly done: string;
}

type Ask = (client: LanguageClient, document: vscode.TextDocument) => Promise<Answer>;

/** What `kubeharden/harden` answers: docs/protocol.md. */
interface Hardened {
  readonly edit: WorkspaceEdit | null;
  readonly mended: number;
  readonly withheld: readonly string[];
}

const FIX_ALL = "source.fixAll.kubeharden";

/** How often a file may change under the question before it is given up: somebody types faster than the server answers. */
const MOST_TRIES = 10;

/** How long the status bar tells what was done, in milliseconds. */
const TOLD = 8000;

export function fixAll(session: Session): Promise<void> {
  return mend(session, async (client, document) => {
    const actions = await client.sendRequest(CodeActionRequest.type, {
      textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
      range: client.code2ProtocolConverter.asRange(new vscode.Range(0, 0, document.lineCount, 0)),
      context: { diagnostics: [], only: [FIX_ALL], triggerKind: CodeActionTriggerKind.Invoked },
    });
    const action = actions?.find((one): one is CodeAction => "edit" in one && one.kind === FIX_ALL);
    return { edit: action?.edit, done: action === undefined ? "nothing here is safe to fix unseen" : "fixed what is safe to fix" };
  });
}

export function harden(session: Session): Promise<void> {
  return mend(session, async (client, document) => {
    const textDocument = client.code2ProtocolConverter.asTextDocumentIdentifier(document);
    const answer = await client.sendRequest<Hardened | null>("kubeharden/harden", { textDocument });
    for (const reason of answer?.withheld ?? []) {
      session.log.info(`Not fixed in ${document.fileName}: ${reason}`);
    }
    const left = answer?.withheld.length ?? 0;
    const log = left === 0 ? "" : `, ${counted(left, "fix", "fixes")} withheld: see the log`;
    const edit = answer?.edit ?? undefined;
    const done = edit === undefined ? "nothing here can be fixed without a choice of yours" : `fixed ${counted(answer?.mended ?? 0, "problem")}`;
    return { edit, done: done + log };
  });
}

async function mend({ state }: Session, ask: Ask): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || vscode.languages.match(SELECTOR, editor.document) === 0) {
    return tell("open a YAML file first");
  }
  if (state.kind !== "running") {
    return tell("the server does not run");
  }
  const { client } = state;
  const { document } = editor;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { version } = document;
    const { edit, done } = await ask(client, document);
    if (edit === undefined) {
      return tell(done);
    }
    const found = await client.protocol2CodeConverter.asWorkspaceEdit(edit);
    if (document.version === version && (await vscode.workspace.applyEdit(found))) {
      return tell(done);
    }
  }
  return tell("the file keeps changing: nothing was fixed");
}

function tell(what: string): void {
  vscode.window.setStatusBarMessage(`$(shield) kubeharden: ${what}`, TOLD);
}

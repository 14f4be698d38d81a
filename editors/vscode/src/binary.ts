// Finds the server: the one that the user named, else the one that came with the extension, else one on PATH.
//
// Promise: what is given back has just told its version, and that version fits. What stands in the way is said in words that
// name the file, since the person who reads them has to find it.

import { execFile } from "node:child_process";
import { constants, promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";

export interface Binary {
  readonly path: string;
  readonly version: string;
  readonly origin: "setting" | "bundled" | "PATH";
}

/** Why there is no server; the message is for a person. */
export class NoBinary extends Error {}

export interface Search {
  /** What the setting says; empty where it says nothing. */
  readonly setting: string;
  /** Where a binary that came with the extension would be. */
  readonly bundled: string;
  /** The extension's own version, which the server's has to fit. */
  readonly wanted: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** How long a program may take to tell its version, in milliseconds. */
const PATIENCE = 10_000;

const NAME = process.platform === "win32" ? "kubeharden.exe" : "kubeharden";

/** The file name of a server on this platform. */
export const binaryName = NAME;

export async function findBinary(search: Search): Promise<Binary> {
  const { setting, bundled } = search;
  if (setting !== "") {
    // Somebody who names a server wants that one, and no other in its place.
    const file = setting.replace(/^~(?=$|[/\\])/, os.homedir());
    if (!path.isAbsolute(file)) {
      throw new NoBinary(`The setting kubeharden.server.path is "${setting}": write the whole path of the binary.`);
    }
    return { path: file, version: await version(file, search), origin: "setting" };
  }
  const wrong: string[] = [];
  for (const [origin, file] of [["bundled", bundled], ["PATH", await onPath(search.environment)]] as const) {
    if (file === undefined || !(await exists(file))) {
      continue;
    }
    try {
      return { path: file, version: await version(file, search), origin };
    } catch (error) {
      wrong.push(String(error instanceof Error ? error.message : error));
    }
  }
  throw new NoBinary(
    wrong.length > 0
      ? wrong.join(" ")
      : `This extension came without a server for ${process.platform}-${process.arch}, and there is no kubeharden on PATH: ` +
        "install it, or say in the setting kubeharden.server.path where it is.",
  );
}

/** The version of a binary, which fits. */
async function version(file: string, { wanted, environment }: Search): Promise<string> {
  if (!(await exists(file))) {
    throw new NoBinary(`There is no ${file}.`);
  }
  const said = await promisify(execFile)(file, ["--version"], { env: environment, timeout: PATIENCE, windowsHide: true })
    .then(({ stdout }) => stdout.trim())
    .catch((error: unknown) => {
      throw new NoBinary(`${file} does not run: ${reason(error)}.`);
    });
  const found = /^kubeharden (\d+\.\d+\.\d+\S*)$/.exec(said)?.[1];
  if (found === undefined) {
    throw new NoBinary(`${file} is no kubeharden: asked for its version, it says "${said.slice(0, 60)}".`);
  }
  if (!fits(found, wanted)) {
    const [major, minor] = numbers(wanted);
    throw new NoBinary(`${file} is kubeharden ${found}, and this extension needs ${major}.${minor} or a later ${major}.x.`);
  }
  return found;
}

/** A server of the same major version knows all that an earlier extension asks of it. */
export function fits(found: string, wanted: string): boolean {
  const [[major, minor], [wantedMajor, wantedMinor]] = [numbers(found), numbers(wanted)];
  return major === wantedMajor && minor >= wantedMinor;
}

function numbers(version: string): [number, number] {
  const [major, minor] = version.split(".").map(Number);
  return [major ?? 0, minor ?? 0];
}

function reason(error: unknown): string {
  const { killed, code, stderr } = error as { killed?: boolean; code?: string | number; stderr?: string };
  if (killed === true) {
    return `it did not tell its version within ${PATIENCE / 1000} seconds`;
  }
  const line = stderr?.trim().split("\n").at(-1) ?? "";
  switch (code) {
    case "EACCES":
      return "it may not be executed";
    case "ENOEXEC":
      return "it is no program for this machine";
    default:
      return line !== "" ? line : `it ends with ${code ?? String(error)}`;
  }
}

async function onPath(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  // A relative entry would be looked up in the folder that is open, which need not be trusted.
  for (const folder of (environment["PATH"] ?? "").split(path.delimiter).filter(path.isAbsolute)) {
    const file = path.join(folder, NAME);
    if (await exists(file, constants.X_OK)) {
      return file;
    }
  }
  return undefined;
}

async function exists(file: string, mode: number = constants.F_OK): Promise<boolean> {
  return fs.access(file, mode).then(
    () => true,
    () => false,
  );
}

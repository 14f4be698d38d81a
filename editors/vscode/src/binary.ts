// Finds the server binary: the one in the settings, or else the bundled one, or else `kubeharden` on PATH.
//
// A returned binary has just printed a compatible version. Error messages name the file and say what to do.

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

/** No usable binary. The message is shown to the user. */
export class BinaryError extends Error {}

export interface SearchOptions {
  /** The value of `kubeharden.server.path`; empty if it is not set. */
  readonly setting: string;
  /** The path of the bundled binary, which may not exist. */
  readonly bundled: string;
  /** The version of the extension. The server must be compatible with it. */
  readonly extensionVersion: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** How long `kubeharden --version` may take. */
const TIMEOUT_MS = 10_000;

/** The file name of the server on this platform. */
export const BINARY_NAME = process.platform === "win32" ? "kubeharden.exe" : "kubeharden";

export async function findBinary(options: SearchOptions): Promise<Binary> {
  const { setting, bundled } = options;
  if (setting !== "") {
    // Never fall back to another binary if the user configured one.
    return fromSetting(setting, options);
  }
  const errors: string[] = [];
  const candidates = [["bundled", bundled], ["PATH", await findOnPath(options.environment)]] as const;
  for (const [origin, file] of candidates) {
    if (file === undefined || !(await exists(file))) {
      continue;
    }
    try {
      return { path: file, version: await compatibleVersion(file, options), origin };
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new BinaryError(errors.length > 0 ? errors.join(" ") : "kubeharden was not found. Install it, or set kubeharden.server.path.");
}

async function fromSetting(setting: string, options: SearchOptions): Promise<Binary> {
  const file = setting.replace(/^~(?=$|[/\\])/, os.homedir());
  if (!path.isAbsolute(file)) {
    throw new BinaryError(`kubeharden.server.path must be an absolute path, but is "${setting}".`);
  }
  if (!(await exists(file))) {
    throw new BinaryError(`The file in kubeharden.server.path does not exist: ${file}`);
  }
  return { path: file, version: await compatibleVersion(file, options), origin: "setting" };
}

/** Returns the version of a binary; throws a `BinaryError` if it is not compatible. */
async function compatibleVersion(file: string, { extensionVersion, environment }: SearchOptions): Promise<string> {
  const output = await versionOutput(file, environment);
  const version = /^kubeharden (\d+\.\d+\.\d+\S*)$/.exec(output)?.[1];
  if (version === undefined) {
    throw new BinaryError(`${file} is not a kubeharden binary: \`--version\` printed "${output.slice(0, 60)}".`);
  }
  if (!isCompatible(version, extensionVersion)) {
    const [major, minor] = majorAndMinor(extensionVersion);
    throw new BinaryError(`${file} is kubeharden ${version}, but this extension requires ${major}.${minor} or a later ${major}.x version.`);
  }
  return version;
}

async function versionOutput(file: string, environment: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(file, ["--version"], { env: environment, timeout: TIMEOUT_MS, windowsHide: true });
    return stdout.trim();
  } catch (error) {
    throw new BinaryError(`Cannot run ${file}: ${reason(error)}.`);
  }
}

/** A server is compatible with extensions of the same major version that are not newer. */
export function isCompatible(server: string, extension: string): boolean {
  const [serverMajor, serverMinor] = majorAndMinor(server);
  const [major, minor] = majorAndMinor(extension);
  return serverMajor === major && serverMinor >= minor;
}

function majorAndMinor(version: string): [number, number] {
  const [major, minor] = version.split(".").map(Number);
  return [major ?? 0, minor ?? 0];
}

/** Describes an error of `execFile`. */
function reason(error: unknown): string {
  const { killed, code, stderr } = error as { killed?: boolean; code?: string | number; stderr?: string };
  if (killed === true) {
    return `\`--version\` did not finish within ${TIMEOUT_MS / 1000} seconds`;
  }
  switch (code) {
    case "EACCES":
      return "the file is not executable";
    case "ENOEXEC":
      return "it is not a program for this platform";
    default: {
      const lastLine = stderr?.trim().split("\n").at(-1) ?? "";
      return lastLine !== "" ? lastLine : `it exited with ${code ?? String(error)}`;
    }
  }
}

async function findOnPath(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  // Relative entries depend on the open folder, which may not be trusted.
  for (const folder of (environment["PATH"] ?? "").split(path.delimiter).filter(path.isAbsolute)) {
    const file = path.join(folder, BINARY_NAME);
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

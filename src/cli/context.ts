import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ComityHttp } from "../client/http.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { isObject } from "../kernel/json-object.ts";
import { shellWord } from "./shell-word.ts";
import { parseYaml } from "./yaml.ts";

/** Where a command's words go and its surroundings come from. */
export interface CliIo {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends commands that otherwise run on; a test's Ctrl-C. */
  readonly signal?: AbortSignal;
  /** Set by a command that ends well but has something to say to scripts. */
  exitCode?: number;
}

export interface CliStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

interface GlobalOptions {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** What `up` leaves in its data folder while it runs, so that commands find it. */
export interface NodeAddress {
  readonly http: string;
  readonly mqtt: string;
}

export const dataDefault = "./comity-data";
export const addressFile = "address.json";
export const tokenFile = "admin-token";
export const profileFile = "profile.json";
export const urlDefault = "http://127.0.0.1:8080";

export function globals(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** The node a command talks to. */
export function connect(io: CliIo, command: Command): ComityHttp {
  const { url, token } = nodeOf(io, globals(command));
  return new ComityHttp(token === undefined ? { url } : { url, token });
}

/** The token as MQTT wants it: users come in under the name `token`. */
export function mqttLogin(
  io: CliIo,
  command: Command,
  name: string | undefined,
): { username?: string; password?: string } {
  const { token } = nodeOf(io, globals(command));
  if (token === undefined) return {};
  return { username: name ?? "token", password: token };
}

/** Its address and the token for it: what was named, else what `up` left in the data folder. */
export function nodeOf(io: CliIo, options: GlobalOptions): { url: string; token?: string } {
  const folder = options.data ?? dataDefault;
  const named = urlNamed(io, options);
  const url = named ?? addressIn(folder)?.http ?? urlDefault;
  if (named === undefined && options.data !== undefined && addressIn(folder) === undefined) {
    throw new ComityError("NODE_AWAY", { data: options.data }); // never another folder's node
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new ComityError("CONFIG_INVALID", { problem: `"${url}" is not an http address` });
  }
  const given = options.token ?? nonEmpty(io.env["COMITY_TOKEN"]);
  // the folder's token goes to its own node, never to a host somewhere else
  const own = named === undefined || options.data !== undefined || isLocal(url);
  const token = given ?? (own ? tokenIn(folder) : undefined);
  return token === undefined ? { url } : { url, token };
}

/** The address that the person named, by flag or environment. */
export function urlNamed(io: CliIo, options: GlobalOptions): string | undefined {
  return options.url ?? nonEmpty(io.env["COMITY_URL"]);
}

/** A further command for the same node, as it is to be typed: `comity --data city find`. */
export function typed(command: Command, words: string): string {
  const { url, data } = globals(command);
  const flags = [
    url === undefined ? [] : ["--url", url],
    data === undefined ? [] : ["--data", data],
  ];
  return ["comity", ...flags.flat().map(shellWord), words].join(" ");
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function isLocal(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}

function tokenIn(folder: string): string | undefined {
  const path = join(folder, tokenFile);
  return existsSync(path) ? readText(path).trim() : undefined;
}

/** The address of the node that runs on that folder. */
export function addressIn(folder: string): NodeAddress | undefined {
  const path = join(folder, addressFile);
  return existsSync(path) ? (JSON.parse(readText(path)) as NodeAddress) : undefined;
}

/** A file's text; CONFIG_INVALID names it where it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ComityError("CONFIG_INVALID", {
      problem: `${path} cannot be read: ${problemOf(error)}`,
    });
  }
}

/** The object in a file of YAML or JSON; CONFIG_INVALID says that it holds no `what`. */
export function readObject(path: string, what: string): object {
  let read: unknown;
  try {
    read = parseYaml(readText(path));
  } catch (error) {
    throw new ComityError("CONFIG_INVALID", { problem: `${path}: ${problemOf(error)}` });
  }
  if (isObject(read)) return read;
  throw new ComityError("CONFIG_INVALID", { problem: `${path} holds no ${what}` });
}

import { connect as connectTcp } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { addressIn, type CliIo, dataDefault, globals, urlDefault, urlNamed } from "./context.ts";

const waitMs = 10_000;
const everyMs = 100;
const connectMs = 2000;
/** They need no node, or are one. */
const nodeless = new Set(["up", "world", "verify", "unit"]);

/**
 * Resolves once the folder's node listens, or has had its time to: the line behind `comity up … &`
 * comes while it still starts. An address that was named is asked at once.
 */
export async function startedNode(io: CliIo, command: Command): Promise<void> {
  const options = globals(command);
  if (nodeless.has(topName(command)) || urlNamed(io, options) !== undefined) return;
  const folder = options.data ?? dataDefault;
  // without a folder that was named, a node may as well stand at the usual address
  const usual = options.data === undefined ? urlDefault : undefined;
  const until = performance.now() + waitMs;
  let told = false;
  while (io.signal?.aborted !== true) {
    const url = addressIn(folder)?.http ?? usual;
    if (url !== undefined && (await listens(new URL(url)))) return;
    if (performance.now() >= until) return;
    if (!told && io.stderr.isTTY === true) {
      io.stderr.write(`No node runs on ${folder} yet; waiting ${waitMs / 1000} s for one …\n`);
    }
    told = true;
    await pause(everyMs);
  }
}

/** `thing` of `comity thing add`. */
function topName(command: Command): string {
  const above = command.parent;
  return above?.parent ? topName(above) : command.name();
}

function listens({ hostname, port }: URL): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connectTcp({ host, port: Number(port || 80), timeout: connectMs });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  socket.once("timeout", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

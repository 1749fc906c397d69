import type { ComityHttp } from "../client/http.ts";
import type { SeenMessage } from "../client/thing-resource.ts";
import { ComityError } from "../kernel/errors.ts";
import type { CliIo } from "./context.ts";
import { interrupted } from "./interrupt.ts";
import { printLine } from "./output.ts";

/** A person at a terminal waits, a script does not, unless they say else. */
export function waits(io: CliIo, wait: boolean | undefined, json: boolean): boolean {
  return wait ?? (io.stdout.isTTY === true && !json);
}

/** Resolves with what a new Thing sends first; undefined where the person stopped waiting. */
export async function firstMessage(
  io: CliIo,
  node: ComityHttp,
  name: string,
  onWaiting = (): void => {},
): Promise<SeenMessage | undefined> {
  const stopping = new AbortController();
  const interrupt = interrupted(io);
  onWaiting(); // from here Ctrl-C ends the waiting and nothing else
  const seen = node.thingSeen(name, stopping.signal);
  try {
    const first = await Promise.race([seen.next(), interrupt.promise]);
    if (first === "interrupted") return undefined;
    if (first.done !== true) return first.value;
    throw new ComityError("CONNECT_FAILED", { url: node.url, problem: "it ended the stream" });
  } finally {
    interrupt.dispose();
    stopping.abort();
  }
}

/** `first message received: pump-7/hello, 11 bytes, after 12 s`. */
export async function tellFirstMessage(io: CliIo, node: ComityHttp, name: string): Promise<void> {
  const began = performance.now();
  const waiting = "Waiting for its first message (Ctrl-C ends the waiting; the Thing stays added).";
  const first = await firstMessage(io, node, name, () => printLine(io, waiting));
  if (first === undefined) {
    printLine(io, `${name} stays added; nothing has come from it yet.`);
    return;
  }
  const seconds = (performance.now() - began) / 1000;
  const after = `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  printLine(io, `first message received: ${first.topic}, ${first.bytes} bytes, after ${after}`);
}

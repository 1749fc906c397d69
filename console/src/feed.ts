import type { World, Happening } from "./world.ts";
import { serverEvents } from "./sse.ts";

/** How the page stands with the node that serves it. */
export type Connection = "connecting" | "live" | "reconnecting" | "sign-in" | "refused";

export interface FeedEvents {
  world(world: World): void;
  happening(happening: Happening): void;
  connection(connection: Connection): void;
}

export interface FeedOptions extends FeedEvents {
  readonly fetch: typeof fetch;
}

const SILENCE_MAX_MS = 6000;
const PAUSE_MAX_MS = 5000;

class NotAllowed extends Error {}

/** Reads the world until stopped; a broken line is taken up again by itself. */
export function startFeed(options: FeedOptions): () => void {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => stop.abort();
}

async function run(options: FeedOptions, stop: AbortSignal): Promise<void> {
  let pauseMs = 500;
  options.connection("connecting");
  while (!stop.aborted) {
    try {
      await readOnce(options, stop, () => (pauseMs = 500));
    } catch (problem) {
      if (stop.aborted) return;
      if (problem instanceof NotAllowed) {
        options.connection("sign-in");
        return;
      }
    }
    if (stop.aborted) return;
    options.connection("reconnecting");
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
  }
}

async function readOnce(options: FeedOptions, stop: AbortSignal, good: () => void): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
  };
  try {
    const signal = AbortSignal.any([stop, silence.signal]);
    const first = await get("/api/v1/world", options, signal);
    options.world((await first.json()) as World);
    const stream = await get("/api/v1/world/live", options, signal);
    if (!stream.body) throw new Error("the node's answer has no body");
    options.connection("live");
    good();
    for await (const { event, data } of serverEvents(chunksOf(stream.body, heard))) {
      if (event === "world") options.world(JSON.parse(data) as World);
      else if (event === "happening") options.happening(JSON.parse(data) as Happening);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

async function get(path: string, options: FeedOptions, signal: AbortSignal): Promise<Response> {
  const headers = { accept: "application/json, text/event-stream" };
  const response = await options.fetch(path, { headers, signal, cache: "no-store" });
  if (response.status === 401 || response.status === 403) throw new NotAllowed();
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response;
}

/** Not every browser lets a ReadableStream be iterated. */
export async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    heard();
    yield read.value;
  }
}
